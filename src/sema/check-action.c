/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Bodies of actions: variants, and what the action says about itself. */
#include "sema/check.h"

#include <string.h>

static const char **
systems_of(VnCompiler *c, VnAstSeq names)
{
  const char **systems = vn_arena_array0(c->arena, const char *, names.n);
  for (guint32 i = 0; i < names.n; i++)
    systems[i] = ((const VnAstName *)names.items[i])->name.symbol->text;
  return systems;
}

static VnTerm **
check_exprs(VnCompiler *c, VnAstSeq items)
{
  VnTerm **terms = vn_arena_array0(c->arena, VnTerm *, items.n);
  for (guint32 i = 0; i < items.n; i++)
    terms[i] = vn_check_expr(c, items.items[i]);
  return terms;
}

/* `run argv`: a list that is given to the action. */
static void
check_whole_argv(VnCompiler *c, const VnAstVariant *ast, VnCheckedVariant *variant)
{
  variant->argv = vn_arena_array0(c->arena, VnTerm *, 1);
  variant->argv[0] = vn_check_expr(c, ast->command);
  variant->n_argv = 1;
  VnType type = variant->argv[0]->type;
  if (type.kind != VN_VALUE_LIST && type.kind != VN_KIND_ANY)
    vn_diag_hint(vn_diag_add(c->sink, VN_DIAG_VN120, ast->command->span,
                             "`run` needs a list: a program and its arguments"),
                 "write it like `run [\"ping\", \"-c\", count, target]`");
}

static void
check_run(VnCompiler *c, const VnAstVariant *ast, VnCheckedVariant *variant)
{
  if (ast->command->kind != VN_AST_LIST) {
    check_whole_argv(c, ast, variant);
    return;
  }
  VnAstSeq items = ((const VnAstList *)ast->command)->items;
  variant->argv = check_exprs(c, items);
  variant->n_argv = items.n;
  if (items.n == 0)
    vn_diag_add(c->sink, VN_DIAG_VN120, ast->command->span, "`run` needs a program");
}

static void
check_script(VnCompiler *c, const VnAstVariant *ast, VnCheckedVariant *variant)
{
  variant->text = ((const VnAstString *)ast->command)->text;
  if (ast->with == NULL)
    return;
  variant->argv = vn_arena_array0(c->arena, VnTerm *, 1);
  variant->argv[0] = vn_check_expr(c, ast->with);
  variant->n_argv = 1;
}

static void
check_native(VnCompiler *c, const VnAstVariant *ast, VnCheckedVariant *variant)
{
  const VnAst *callee = ast->command;
  VnAstSeq arguments = {NULL, 0};
  if (callee->kind == VN_AST_CALL) {
    arguments = ((const VnAstCall *)callee)->arguments;
    callee = ((const VnAstCall *)callee)->callee;
  }
  if (callee->kind != VN_AST_NAME) {
    vn_diag_add(c->sink, VN_DIAG_VN120, callee->span, "`native` needs an operation: ping(target)");
    return;
  }
  variant->text = ((const VnAstName *)callee)->name.symbol->text;
  variant->argv = vn_arena_array0(c->arena, VnTerm *, arguments.n);
  variant->n_argv = arguments.n;
  for (guint32 i = 0; i < arguments.n; i++) {
    const VnAstArgument *argument = (const VnAstArgument *)arguments.items[i];
    variant->argv[i] = vn_check_expr(c, argument->value);
    if (argument->name.symbol != NULL)
      vn_diag_add(c->sink, VN_DIAG_VN109, argument->name.span,
                  "native operations take their arguments by place only");
  }
}

static void
check_given(VnCompiler *c, const VnCheckedAction *action, const VnAstVariant *ast,
            const gboolean *given)
{
  for (guint32 i = 0; i < action->n_fields; i++) {
    const VnCheckedField *field = &action->fields[i];
    if (given[i] || field->type.optional)
      continue;
    VnDiag *diag = vn_diag_add(c->sink, VN_DIAG_VN120, ast->ast.span,
                               "no `parse` of this variant gives `%s`", field->name->text);
    vn_diag_place(diag, field->span, "it must be there");
    vn_diag_hint(diag, "add a `parse` with `(?<%s>…)`, or make the result optional by `?`",
                 field->name->text);
  }
}

static void
check_variant(VnCompiler *c, VnCheckedAction *action, const VnAstVariant *ast)
{
  VnCheckedVariant *variant = &action->variants[action->n_variants++];
  *variant = (VnCheckedVariant){.form = ast->form,
                                .systems = systems_of(c, ast->systems),
                                .n_systems = ast->systems.n,
                                .span = ast->ast.span};
  if (ast->form == VN_VARIANT_NATIVE) {
    check_native(c, ast, variant);
    return;
  }
  if (ast->form == VN_VARIANT_RUN)
    check_run(c, ast, variant);
  else
    check_script(c, ast, variant);
  g_autofree gboolean *given = g_new0(gboolean, action->n_fields + 1);
  variant->n_parses = ast->parses.n;
  variant->parses = vn_arena_array0(c->arena, VnActionParse, ast->parses.n);
  for (guint32 i = 0; i < ast->parses.n; i++)
    vn_check_parse(c, action, (const VnAstParse *)ast->parses.items[i], &variant->parses[i], given);
  check_given(c, action, ast, given);
}

/* The first system that both serve, "" if each serves any; NULL if none. */
static const char *
common_system(const VnCheckedVariant *a, const VnCheckedVariant *b)
{
  if (a->n_systems == 0)
    return b->n_systems > 0 ? b->systems[0] : "";
  for (guint32 i = 0; i < a->n_systems; i++)
    for (guint32 k = 0; k < b->n_systems; k++)
      if (a->systems[i] == b->systems[k])
        return a->systems[i];
  return NULL;
}

/* A variant that an earlier one always precedes is dead. */
static void
check_variant_order(VnCompiler *c, const VnCheckedAction *action)
{
  for (guint32 i = 1; i < action->n_variants; i++)
    for (guint32 k = 0; k < i; k++) {
      const VnCheckedVariant *variant = &action->variants[i], *before = &action->variants[k];
      gboolean native = variant->form == VN_VARIANT_NATIVE;
      const char *system = common_system(before, variant);
      if (native != (before->form == VN_VARIANT_NATIVE) || system == NULL ||
          (before->n_systems > 0 && variant->n_systems != 1))
        continue;
      VnDiag *diag =
          vn_diag_add(c->sink, VN_DIAG_VN120, variant->span, "there is a variant for %s already",
                      *system != '\0' ? system : "every system");
      vn_diag_place(diag, before->span, "here");
      break;
    }
}

static guint32
param_place(const VnCheckedAction *action, const VnIdent *name)
{
  for (guint32 i = 0; i < action->n_params; i++)
    if (strcmp(action->params[i].name, name->symbol->text) == 0)
      return i;
  return action->n_params;
}

static VnTerm *
check_port(VnCompiler *c, const VnAst *ast)
{
  return vn_check_expr_as(c, ast, VN_VALUE_PORT, "a port");
}

static void
check_requires(VnCompiler *c, VnCheckedAction *action, const VnAstRequires *ast)
{
  guint32 place = param_place(action, &ast->target);
  VnCheckedRequires *line = &action->requires_[action->n_requires];
  line->port = ast->port != NULL ? check_port(c, ast->port) : NULL;
  if (place == action->n_params) {
    vn_diag_hint(vn_diag_add(c->sink, VN_DIAG_VN101, ast->target.span,
                             "`%s` is no parameter of action `%s`", ast->target.symbol->text,
                             action->thing->name->text),
                 "`requires` is about a host that is given to the action");
    return;
  }
  VnType type = action->params[place].type;
  if (type.kind == VN_VALUE_LIST ? type.element != VN_VALUE_HOST
                                 : type.kind != VN_KIND_ANY && !vn_type_is_vms(type)) {
    VnDiag *diag =
        vn_diag_add(c->sink, VN_DIAG_VN103, ast->target.span, "`%s` must be a host, this is %s",
                    ast->target.symbol->text, vn_type_noun(type));
    vn_diag_place(diag, action->params[place].span, "declared here");
    return;
  }
  line->target = place;
  action->n_requires++;
}

static void
check_ready(VnCompiler *c, VnCheckedAction *action, const VnAstReady *ast)
{
  VnCheckedReady *line = &action->ready[action->n_ready++];
  if (!action->ast->background)
    vn_diag_hint(
        vn_diag_add(c->sink, VN_DIAG_VN120, ast->ast.span, "`ready` is for background actions"),
        "write `background` after the results");
  if (ast->port != NULL) {
    line->port = check_port(c, ast->port);
    return;
  }
  line->pattern = ast->regex->text;
  if (ast->stream.symbol == NULL)
    return;
  line->on_stderr = strcmp(ast->stream.symbol->text, "stderr") == 0;
  if (!line->on_stderr && strcmp(ast->stream.symbol->text, "stdout") != 0)
    vn_diag_add(c->sink, VN_DIAG_VN120, ast->stream.span, "`%s` is no stream: stdout or stderr",
                ast->stream.symbol->text);
}

static void
add_term(VnCompiler *c, VnTerms *terms, VnTerm *term, guint32 room)
{
  if (terms->terms == NULL)
    terms->terms = vn_arena_array0(c->arena, VnTerm *, room);
  terms->terms[terms->n++] = term;
}

/* `succeeds when` sees the results, and what every task has. */
static VnTerm *
check_succeeds(VnCompiler *c, VnCheckedAction *action, const VnAst *ast)
{
  static const struct {
    const char *name;
    guint32 field;
    guint8 kind;
  } common[] = {{"exit_code", VN_FIELD_EXIT_CODE, VN_VALUE_INT},
                {"stdout", VN_FIELD_STDOUT, VN_VALUE_STRING},
                {"stderr", VN_FIELD_STDERR, VN_VALUE_STRING},
                {"duration", VN_FIELD_DURATION, VN_VALUE_DURATION}};
  guint32 mark = c->locals->len;
  for (guint i = 0; i < G_N_ELEMENTS(common); i++)
    vn_scope_push(c,
                  (VnLocal){.kind = VN_LOCAL_FIELD,
                            .index = common[i].field,
                            .name = vn_symbol_intern_str(c->symbols, common[i].name),
                            .span = action->thing->span,
                            .type = vn_type_of_kind(common[i].kind)},
                  FALSE);
  for (guint32 i = 0; i < action->n_fields; i++)
    vn_scope_push(c,
                  (VnLocal){.kind = VN_LOCAL_FIELD,
                            .index = VN_FIELD_OWN + i,
                            .name = action->fields[i].name,
                            .span = action->fields[i].span,
                            .type = action->fields[i].type},
                  FALSE);
  VnTerm *term = vn_check_expr_as(c, ast, VN_VALUE_BOOL, "what follows `succeeds when`");
  vn_scope_pop(c, mark);
  return term;
}

static void
check_line(VnCompiler *c, VnCheckedAction *action, const VnAstProperty *line)
{
  guint32 room = action->ast->body.n;
  if (line->id == VN_PROPERTY_PROVIDES) {
    add_term(c, &action->provides, check_port(c, line->a), room);
  } else if (line->id == VN_PROPERTY_READS || line->id == VN_PROPERTY_WRITES) {
    VnTerm *path = vn_check_expr_as(c, line->a, VN_VALUE_STRING, "a path");
    add_term(c, line->id == VN_PROPERTY_READS ? &action->reads : &action->writes, path, room);
  } else if (line->id == VN_PROPERTY_FOR) {
    action->systems = systems_of(c, line->list);
    action->n_systems = line->list.n;
  } else if (line->id == VN_PROPERTY_SUCCEEDS) {
    if (action->succeeds != NULL)
      vn_diag_add(c->sink, VN_DIAG_VN120, line->ast.span, "`succeeds` stands twice");
    action->succeeds = check_succeeds(c, action, line->a);
  } else {
    vn_diag_add(c->sink, VN_DIAG_VN105, line->ast.span, "`%s` has no place in an action",
                vn_property_word(line->id));
  }
}

static void
check_body_item(VnCompiler *c, VnCheckedAction *action, const VnAst *item)
{
  switch ((VnAstKind)item->kind) {
  case VN_AST_VARIANT:
    check_variant(c, action, (const VnAstVariant *)item);
    return;
  case VN_AST_REQUIRES:
    check_requires(c, action, (const VnAstRequires *)item);
    return;
  case VN_AST_READY:
    check_ready(c, action, (const VnAstReady *)item);
    return;
  case VN_AST_ACTION_LINE:
    check_line(c, action, (const VnAstProperty *)item);
    return;
  case VN_AST_PROPERTY:
  case VN_AST_CLAUSE:
  case VN_AST_ARGUMENT:
  case VN_AST_KEY:
  case VN_AST_FIELD:
  case VN_AST_DIM:
  case VN_AST_PARSE:
#define VN_OTHER_EXPR
#define VN_OTHER_DECL
#include "lang/other-cases.def"
    break;
  }
  g_assert_not_reached();
}

void
vn_check_action(VnCompiler *c, VnThing *thing)
{
  vn_check_signature(c, thing);
  VnCheckedAction *action = thing->action;
  if (action == NULL)
    return;
  const VnAstAction *ast = action->ast;
  VnContext outer = c->context;
  guint32 mark = c->locals->len;
  c->context = (VnContext){.module = (VnModule *)thing->module,
                           .no_results = "the body of an action",
                           .hide_to = c->locals->len};
  for (guint32 i = 0; i < action->n_params; i++)
    vn_scope_push(c,
                  (VnLocal){.kind = VN_LOCAL_PARAM,
                            .index = i,
                            .name = ((const VnAstParam *)ast->parameters.items[i])->name.symbol,
                            .span = action->params[i].span,
                            .type = action->params[i].type},
                  FALSE);
  action->variants = vn_arena_array0(c->arena, VnCheckedVariant, ast->body.n);
  action->requires_ = vn_arena_array0(c->arena, VnCheckedRequires, ast->body.n);
  action->ready = vn_arena_array0(c->arena, VnCheckedReady, ast->body.n);
  for (guint32 i = 0; i < ast->body.n; i++)
    check_body_item(c, action, ast->body.items[i]);
  if (action->n_variants == 0)
    vn_diag_hint(vn_diag_add(c->sink, VN_DIAG_VN120, ast->name.span,
                             "action `%s` has nothing to do", thing->name->text),
                 "give it `run […]`, `script \"\"\"…\"\"\"` or `native …`");
  check_variant_order(c, action);
  vn_scope_pop(c, mark);
  c->context = outer;
}
