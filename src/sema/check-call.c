/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Calls of functions and reducers, and definitions that are checked when first needed. */
#include "sema/check.h"
#include "sema/limits.h"

#include <string.h>

/* ---- definitions ---- */

static void
report_cycle(VnCompiler *c, const VnIdent *name, VnSpan from)
{
  VnDiag *diag =
      vn_diag_add(c->sink, VN_DIAG_VN110, from, "`%s` depends on itself", name->symbol->text);
  guint start = c->running->len;
  while (start > 0 && g_array_index(c->running, VnIdent, start - 1).symbol != name->symbol)
    start--;
  for (guint i = start > 0 ? start - 1 : 0; i < c->running->len; i++) {
    const VnIdent *step = &g_array_index(c->running, VnIdent, i);
    vn_diag_place(diag, step->span, "%s `%s`", i + 1 == start ? "this is" : "by way of",
                  step->symbol->text);
  }
  vn_diag_hint(diag, "constants and functions can't be recursive");
}

gboolean
vn_check_begin(VnCompiler *c, guint8 *state, const VnIdent *name, VnSpan from,
               VnCheckMark *out_mark)
{
  if (*state == VN_CHECK_RUNNING)
    report_cycle(c, name, from);
  if (*state != VN_CHECK_NOT_YET)
    return FALSE;
  if (c->running->len >= VN_MAX_CALL_DEPTH) {
    vn_diag_add(c->sink, VN_DIAG_VN117, name->span,
                "constants and functions depend on each other more than %d deep",
                VN_MAX_CALL_DEPTH);
    return FALSE;
  }
  *out_mark = (VnCheckMark){.context = c->context};
  *state = VN_CHECK_RUNNING;
  g_array_append_val(c->running, *name);
  return TRUE;
}

void
vn_check_end(VnCompiler *c, guint8 *state, const VnCheckMark *mark)
{
  *state = VN_CHECK_DONE;
  g_array_set_size(c->running, c->running->len - 1);
  c->context = mark->context;
}

static VnContext
context_of(VnCompiler *c, const VnModule *module, const char *no_results)
{
  return (VnContext){.module = (VnModule *)module,
                     .no_results = no_results,
                     .hide_from = 0,
                     .hide_to = c->locals->len};
}

/* The parameters of a function get slots of their own; its body sees them alone. */
static VnTerm *
check_function(VnCompiler *c, const VnAstLet *ast, guint32 *out_first_slot)
{
  guint32 first = c->n_slots, mark = c->locals->len;
  c->n_slots += ast->n_parameters;
  for (guint32 i = 0; i < ast->n_parameters; i++)
    vn_scope_push(c,
                  (VnLocal){.kind = VN_LOCAL_SLOT,
                            .index = first + i,
                            .name = ast->parameters[i].symbol,
                            .span = ast->parameters[i].span,
                            .type = {.kind = VN_KIND_ANY}},
                  FALSE);
  *out_first_slot = first;
  VnTerm *body = vn_check_expr(c, ast->value);
  vn_scope_pop(c, mark);
  return body;
}

static void
check_parameter(VnCompiler *c, VnThing *thing)
{
  const VnAstParam *ast = (const VnAstParam *)thing->ast;
  VnType type = {.kind = VN_KIND_ANY};
  if (ast->type != NULL)
    type = vn_type_from_ast(c, ast->type);
  if (ast->initial != NULL) {
    thing->term = vn_check_expr(c, ast->initial);
    if (ast->type == NULL)
      type = thing->term->type;
    else if (!vn_check_type(c, thing->term, type, "the value"))
      thing->term = vn_term_error(c, ast->initial->span);
  }
  if (ast->range != NULL) {
    thing->range = vn_check_expr_as(c, ast->range, VN_VALUE_RANGE, "the range");
    if (type.kind != VN_KIND_ANY && type.kind != VN_VALUE_INT && type.kind != VN_VALUE_PORT)
      vn_diag_add(c->sink, VN_DIAG_VN103, ast->range->span, "only an int can have a range");
  }
  thing->type = type;
}

void
vn_check_thing(VnCompiler *c, VnThing *thing, VnSpan from)
{
  gboolean function = thing->kind == VN_THING_FUNCTION;
  gboolean measure = thing->kind == VN_THING_MEASURE;
  if (!function && thing->kind != VN_THING_CONSTANT && thing->kind != VN_THING_PARAMETER &&
      !(measure && !thing->conditional))
    return; /* a measure in a block sees the block's constants: check-program.c */
  VnCheckMark mark;
  VnIdent name = {thing->name, thing->span};
  if (!vn_check_begin(c, &thing->state, &name, from, &mark))
    return;
  c->context = context_of(c, thing->module,
                          function                            ? "what a function reads"
                          : thing->kind == VN_THING_PARAMETER ? "a parameter"
                                                              : "a constant");
  const VnAstLet *let = (const VnAstLet *)thing->ast;
  if (measure)
    c->context.no_results = NULL;
  if (thing->kind == VN_THING_PARAMETER) {
    check_parameter(c, thing);
  } else {
    thing->term =
        function ? check_function(c, let, &thing->first_slot) : vn_check_expr(c, let->value);
    thing->type = thing->term->type;
    thing->n_parameters = let->n_parameters;
  }
  vn_check_end(c, &thing->state, &mark);
}

void
vn_check_local_let(VnCompiler *c, VnLocalLet *let, VnSpan from)
{
  VnCheckMark mark;
  if (!vn_check_begin(c, &let->state, &let->name, from, &mark))
    return;
  c->context.no_results = "a constant";
  c->context.hide_from = let->scope_end;
  c->context.hide_to = c->locals->len;
  if (let->function != NULL) {
    let->function->term = check_function(c, let->ast, &let->function->first_slot);
    let->function->type = let->function->term->type;
    let->function->n_parameters = let->ast->n_parameters;
    let->term = let->function->term;
  } else {
    let->term = vn_check_expr(c, let->ast->value);
  }
  let->type = let->term->type;
  vn_check_end(c, &let->state, &mark);
}

/* ---- callees ---- */

static void
not_callable(VnCompiler *c, const VnAst *callee, const VnThing *thing, const char *what)
{
  VnDiag *diag =
      vn_diag_add(c->sink, VN_DIAG_VN119, callee->span, "`%s` is %s %s, %s is needed",
                  thing->name->text, strchr("ai", *vn_thing_kind_text(thing->kind)) ? "an" : "a",
                  vn_thing_kind_text(thing->kind), what);
  vn_diag_place(diag, thing->span, "declared here");
  if (thing->kind == VN_THING_ACTION)
    vn_diag_hint(diag, "only a task can call an action: `task NAME = HOST: %s(…);`",
                 thing->name->text);
}

static VnThing *
callee_by_name(VnCompiler *c, const VnAstName *ast, guint want, const char *what,
               const VnLocal **out_local)
{
  VnFound found = vn_scope_find(c, ast->name.symbol, ast->name.span, want);
  if (found.local != NULL)
    *out_local = found.local;
  if (found.thing != NULL || found.local != NULL || found.reported)
    return found.thing;
  VnFound other = vn_scope_find(c, ast->name.symbol, ast->name.span, ~0u);
  if (other.thing != NULL)
    not_callable(c, &ast->ast, other.thing, what);
  else if (other.local != NULL)
    vn_diag_add(c->sink, VN_DIAG_VN119, ast->ast.span, "`%s` can't be called",
                ast->name.symbol->text);
  else if (!other.reported)
    vn_scope_unknown(c, ast->name.span, ast->name.symbol,
                     want & VN_IS(ACTION) ? "action" : "function");
  return NULL;
}

VnThing *
vn_check_callee(VnCompiler *c, const VnAst *callee, guint want, const char *what,
                const VnLocal **out_local)
{
  *out_local = NULL;
  if (callee->kind == VN_AST_NAME)
    return callee_by_name(c, (const VnAstName *)callee, want, what, out_local);
  gboolean is_module = FALSE;
  VnThing *thing = NULL;
  if (callee->kind == VN_AST_MEMBER)
    thing = vn_scope_find_qualified(c, (const VnAstMember *)callee, want, &is_module);
  if (thing != NULL && want & (1u << thing->kind))
    return thing;
  if (thing != NULL)
    not_callable(c, callee, thing, what);
  else if (!is_module)
    vn_diag_add(c->sink, VN_DIAG_VN119, callee->span, "this can't be called: %s is needed", what);
  return NULL;
}

/* ---- calls ---- */

static VnTerm *
call_term(VnCompiler *c, const VnAstCall *ast, VnThing *function)
{
  const VnAstLet *let = (const VnAstLet *)function->ast;
  VnCheckedParam *params = vn_arena_array0(c->arena, VnCheckedParam, let->n_parameters);
  for (guint32 i = 0; i < let->n_parameters; i++)
    params[i] = (VnCheckedParam){.name = let->parameters[i].symbol->text,
                                 .type = {.kind = VN_KIND_ANY},
                                 .span = let->parameters[i].span};
  VnSignature signature = {.callee = function->name->text,
                           .declared = function->span,
                           .params = params,
                           .n_params = let->n_parameters};
  VnTerm **args = vn_check_args(c, &signature, ast->arguments, ast->ast.span);
  if (args == NULL || function->state == VN_CHECK_RUNNING || function->term == NULL ||
      function->term->kind == VN_TERM_ERROR)
    return vn_term_error(c, ast->ast.span);
  VnTerm *term = vn_term_new(c, VN_TERM_CALL, ast->ast.span, function->type);
  term->thing = function;
  vn_term_operands(c, term, args, let->n_parameters);
  /* a function of a loop's body may read that body's slots */
  term->closed &= function->module != NULL;
  return term;
}

/* Arguments of something built in: by place, a known number of them; NULL if wrong. */
static VnTerm **
builtin_args(VnCompiler *c, const VnAstCall *ast, const char *name, guint n_wanted)
{
  VnTerm **args = vn_arena_array0(c->arena, VnTerm *, n_wanted);
  gboolean ok = TRUE;
  for (guint32 i = 0; i < ast->arguments.n; i++) {
    const VnAstArgument *argument = (const VnAstArgument *)ast->arguments.items[i];
    VnTerm *term = vn_check_expr(c, argument->value);
    ok &= term->kind != VN_TERM_ERROR;
    if (argument->name.symbol != NULL) {
      vn_diag_add(c->sink, VN_DIAG_VN109, argument->name.span,
                  "`%s` takes its arguments by place only", name);
      ok = FALSE;
    }
    if (i < n_wanted)
      args[i] = term;
  }
  if (ast->arguments.n != n_wanted) {
    vn_diag_add(c->sink, VN_DIAG_VN109, ast->ast.span, "`%s` takes %u argument%s, not %u", name,
                n_wanted, n_wanted == 1 ? "" : "s", ast->arguments.n);
    ok = FALSE;
  }
  return ok ? args : NULL;
}

static VnTerm *
check_builtin(VnCompiler *c, const VnAstCall *ast, VnBuiltin builtin)
{
  const char *name = vn_builtin_name(builtin);
  guint n = vn_builtin_n_args(builtin);
  VnTerm **args = builtin_args(c, ast, name, n);
  if (args == NULL)
    return vn_term_error(c, ast->ast.span);
  VnType list = args[0]->type;
  if (list.kind != VN_KIND_ANY && list.kind != VN_VALUE_LIST && list.kind != VN_VALUE_SET &&
      list.kind != VN_VALUE_RANGE && list.kind != VN_VALUE_GROUP) {
    vn_diag_hint(vn_diag_add(c->sink, VN_DIAG_VN103, args[0]->span, "`%s` needs a list, this is %s",
                             name, vn_type_noun(list)),
                 "the result of a group task is a list, that of a single task one value");
    return vn_term_error(c, ast->ast.span);
  }
  VnType item = vn_type_item(list);
  guint8 kind = VN_KIND_ANY;
  if (item.kind != VN_KIND_ANY || builtin == VN_BUILTIN_COUNT || builtin == VN_BUILTIN_ALL ||
      builtin == VN_BUILTIN_ANY)
    kind = vn_expr_builtin_kind(builtin, item.kind != VN_KIND_ANY ? item.kind : VN_VALUE_BOOL);
  if (kind == VN_VALUE_NONE) {
    vn_diag_add(c->sink, VN_DIAG_VN103, args[0]->span, "`%s` is not defined on %s %s", name,
                vn_diag_article(vn_type_text(list)), vn_type_text(list));
    return vn_term_error(c, ast->ast.span);
  }
  if (n > 1 && args[1]->type.kind != VN_VALUE_PERCENT &&
      !vn_check_type(c, args[1], vn_type_of_kind(VN_VALUE_FLOAT), "the share"))
    return vn_term_error(c, ast->ast.span);
  VnTerm *term = vn_term_new(c, VN_TERM_BUILTIN, ast->ast.span, vn_type_of_kind(kind));
  term->op = builtin;
  vn_term_operands(c, term, args, n);
  return term;
}

/* hosts(lan), hosts(local) */
static VnTerm *
check_hosts(VnCompiler *c, const VnAstCall *ast)
{
  VnTerm **args = builtin_args(c, ast, "hosts", 1);
  if (args == NULL)
    return vn_term_error(c, ast->ast.span);
  VnType type = args[0]->type;
  gboolean segments = type.kind == VN_VALUE_LIST && type.element == VN_VALUE_SEGMENT;
  if (type.kind != VN_KIND_ANY && type.kind != VN_VALUE_SEGMENT && type.kind != VN_VALUE_SITE &&
      !segments) {
    vn_diag_add(c->sink, VN_DIAG_VN103, args[0]->span,
                "`hosts` needs a segment or a site, this is %s", vn_type_noun(type));
    return vn_term_error(c, ast->ast.span);
  }
  VnTerm *term = vn_term_new(c, VN_TERM_HOSTS_OF, ast->ast.span,
                             (VnType){.kind = VN_VALUE_SET, .element = VN_VALUE_HOST});
  vn_term_operands(c, term, args, 1);
  return term;
}

/* Is it a function of the file itself? Those hide what is built in; those of modules don't. */
static gboolean
is_own_function(VnCompiler *c, const VnIdent *name)
{
  const VnThing *own = vn_module_thing(c->context.module, name->symbol);
  return (own != NULL && own->kind == VN_THING_FUNCTION) ||
         vn_scope_find(c, name->symbol, name->span, 0).local != NULL;
}

/* NULL: the callee is nothing built in. */
static VnTerm *
call_of_builtin(VnCompiler *c, const VnAstCall *ast)
{
  const VnIdent *name = &((const VnAstName *)ast->callee)->name;
  VnBuiltin builtin = vn_builtin_from_name(name->symbol->text);
  gboolean hosts = strcmp(name->symbol->text, "hosts") == 0;
  if ((builtin == VN_N_BUILTINS && !hosts) || is_own_function(c, name))
    return NULL;
  return hosts ? check_hosts(c, ast) : check_builtin(c, ast, builtin);
}

VnTerm *
vn_check_call(VnCompiler *c, const VnAstCall *ast)
{
  const VnLocal *local = NULL;
  VnTerm *built_in = ast->callee->kind == VN_AST_NAME ? call_of_builtin(c, ast) : NULL;
  if (built_in != NULL)
    return built_in;
  VnThing *function = vn_check_callee(c, ast->callee, VN_IS(FUNCTION), "a function", &local);
  if (local != NULL) {
    VnLocalLet *let = local->let;
    vn_check_local_let(c, let, ast->callee->span);
    function = let->function;
    function->state = let->state;
  } else if (function != NULL) {
    vn_check_thing(c, function, ast->callee->span);
  }
  if (function != NULL)
    return call_term(c, ast, function);
  for (guint32 i = 0; i < ast->arguments.n; i++) /* their mistakes too */
    vn_check_expr(c, ((const VnAstArgument *)ast->arguments.items[i])->value);
  return vn_term_error(c, ast->ast.span);
}
