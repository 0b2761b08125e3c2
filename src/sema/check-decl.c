/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The walk over declarations: loops, choices, local constants, and what is neither network nor
 * task. Done twice (see check.h); the first makes the items, the second completes them. */
#include "sema/check.h"

#include <string.h>

static void check_body(VnCompiler *c, VnAstSeq decls, VnBody *body);

/* ---- array bounds ---- */

VnCheckedDim
vn_check_dim(VnCompiler *c, const VnAstDim *ast, guint32 *out_mark)
{
  VnCheckedDim dim = {.present = ast != NULL};
  *out_mark = c->locals->len;
  if (ast == NULL)
    return dim;
  dim.bounds = vn_check_expr(c, ast->bounds);
  dim.range = dim.bounds->type.kind == VN_VALUE_RANGE;
  if (!dim.range &&
      !vn_check_type(c, dim.bounds,
                     vn_type_of_kind(ast->index.symbol != NULL ? VN_VALUE_RANGE : VN_VALUE_INT),
                     "an index"))
    dim.bounds = vn_term_error(c, ast->bounds->span);
  dim.bound = ast->index.symbol != NULL;
  dim.index = ast->index;
  dim.slot = c->n_slots++;
  vn_push_dim(c, &dim);
  return dim;
}

guint32
vn_push_dim(VnCompiler *c, const VnCheckedDim *dim)
{
  if (!dim->bound)
    return c->locals->len;
  return vn_scope_push(c, (VnLocal){.kind = VN_LOCAL_SLOT,
                                    .index = dim->slot,
                                    .name = dim->index.symbol,
                                    .span = dim->index.span,
                                    .type = vn_type_of_kind(VN_VALUE_INT)}, TRUE);
}

/* ---- local constants ---- */

static void
push_lets(VnCompiler *c, VnBody *body, gboolean warn)
{
  for (guint32 i = 0; i < body->n_lets; i++) {
    VnLocalLet *let = body->lets[i];
    vn_scope_push(c, (VnLocal){.kind = VN_LOCAL_LET,
                               .index = let->slot,
                               .name = let->name.symbol,
                               .span = let->name.span,
                               .type = {.kind = VN_KIND_ANY},
                               .let = let}, warn);
  }
}

static void
collect_let(VnCompiler *c, VnBody *body, const VnAstLet *ast)
{
  for (guint32 i = 0; i < body->n_lets; i++)
    if (body->lets[i]->name.symbol == ast->name.symbol) {
      VnDiag *diag = vn_diag_add(c->sink, VN_DIAG_VN102, ast->name.span,
                                 "`%s` is declared already", ast->name.symbol->text);
      vn_diag_place(diag, body->lets[i]->name.span, "declared here");
      return;
    }
  VnLocalLet *let = vn_arena_new0(c->arena, VnLocalLet);
  *let = (VnLocalLet){.name = ast->name, .slot = c->n_slots++, .ast = ast};
  if (ast->function) {
    let->function = vn_arena_new0(c->arena, VnThing);
    *let->function = (VnThing){.kind = VN_THING_FUNCTION,
                               .name = ast->name.symbol,
                               .span = ast->name.span,
                               .ast = &ast->ast};
  }
  body->lets[body->n_lets++] = let;
}

#define MAX_LOCAL_LETS 1000

static void
check_lets(VnCompiler *c, VnAstSeq decls, VnBody *body)
{
  guint32 n = 0;
  for (guint32 i = 0; i < decls.n; i++)
    n += decls.items[i]->kind == VN_AST_LET;
  if (n == 0)
    return;
  guint before = vn_diag_sink_count(c->sink, VN_SEVERITY_ERROR);
  if (n > MAX_LOCAL_LETS) {
    vn_diag_add(c->sink, VN_DIAG_VN117, decls.items[0]->span,
                "more than %d constants in one block", MAX_LOCAL_LETS);
    return;
  }
  body->lets = vn_arena_array0(c->arena, VnLocalLet *, n);
  for (guint32 i = 0; i < decls.n; i++)
    if (decls.items[i]->kind == VN_AST_LET &&
        ((const VnAstLet *)decls.items[i])->name.symbol != NULL)
      collect_let(c, body, (const VnAstLet *)decls.items[i]);
  push_lets(c, body, TRUE);
  for (guint32 i = 0; i < body->n_lets; i++)
    body->lets[i]->scope_end = c->locals->len;
  for (guint32 i = 0; i < body->n_lets; i++)
    vn_check_local_let(c, body->lets[i], body->lets[i]->name.span);
  c->network_wrong |= vn_diag_sink_count(c->sink, VN_SEVERITY_ERROR) > before;
}

/* ---- what may stand where ---- */

typedef enum { PLACE_ANYWHERE, PLACE_NOT_IN_LOOP, PLACE_TOP } Place;

static Place
place_of(const VnAst *ast)
{
  switch (ast->kind) {
  case VN_AST_EXPERIMENT:
  case VN_AST_USE:
  case VN_AST_PARAM:
  case VN_AST_ACTION:
  case VN_AST_SWEEP:
    return PLACE_TOP;
  case VN_AST_SITE:
  case VN_AST_IMAGE:
  case VN_AST_GROUP:
  case VN_AST_MEASURE:
  case VN_AST_NETWORK:
  case VN_AST_RULES:
  case VN_AST_SEED:
  case VN_AST_TRIALS:
    return PLACE_NOT_IN_LOOP;
  default:
    return PLACE_ANYWHERE;
  }
}

static gboolean
lacks_index(const VnAst *ast)
{
  if (ast->kind == VN_AST_HOST || ast->kind == VN_AST_ROUTER)
    return ((const VnAstVm *)ast)->dim == NULL;
  if (ast->kind == VN_AST_SEGMENT)
    return ((const VnAstSegment *)ast)->dim == NULL;
  return ast->kind == VN_AST_TASK && ((const VnAstTask *)ast)->dim == NULL;
}

static gboolean
may_stand_here(VnCompiler *c, const VnAst *ast)
{
  Place place = place_of(ast);
  const char *what = vn_ast_kind_text((VnAstKind)ast->kind);
  VnDiag *diag = NULL;
  if (place == PLACE_TOP && c->loop_depth + c->if_depth > 0)
    diag = vn_diag_add(c->sink, VN_DIAG_VN122, ast->span, "`%s` can't stand in a block", what);
  else if (place == PLACE_NOT_IN_LOOP && c->loop_depth > 0)
    diag = vn_diag_add(c->sink, VN_DIAG_VN122, ast->span, "`%s` can't stand in a loop", what);
  if (diag != NULL)
    vn_diag_hint(diag, "it counts once: put it outside");
  if (diag == NULL && c->loop_depth > 0 && lacks_index(ast)) {
    diag = vn_diag_add(c->sink, VN_DIAG_VN122, ((const VnAstDecl *)ast)->name.span,
                       "a %s in a loop needs an index", what);
    vn_diag_hint(diag, "write `%s %s[i] …`", what, ((const VnAstDecl *)ast)->name.symbol->text);
  }
  c->left_out |= diag != NULL;
  return diag == NULL;
}

/* ---- items ---- */

static void
check_for(VnCompiler *c, VnItem *item)
{
  const VnAstFor *ast = (const VnAstFor *)item->ast;
  VnTerm *range = vn_check_expr(c, ast->range);
  guint8 kind = range->type.kind;
  if (kind != VN_VALUE_RANGE && kind != VN_VALUE_LIST && kind != VN_VALUE_SET &&
      kind != VN_VALUE_GROUP &&
      !vn_check_type(c, range, vn_type_of_kind(VN_VALUE_RANGE), "what a loop goes over"))
    range = vn_term_error(c, ast->range->span);
  c->network_wrong |= range->kind == VN_TERM_ERROR;
  item->loop.range = range;
  item->loop.slot = c->n_slots++;
  c->loop_depth++;
  guint32 mark = vn_push_loop(c, item, TRUE);
  check_body(c, ast->body, &item->loop.body);
  vn_scope_pop(c, mark);
  c->loop_depth--;
  item->phases = item->loop.body.phases;
}

guint32
vn_push_loop(VnCompiler *c, const VnItem *item, gboolean warn)
{
  const VnAstFor *ast = (const VnAstFor *)item->ast;
  return vn_scope_push(c, (VnLocal){.kind = VN_LOCAL_SLOT,
                                    .index = item->loop.slot,
                                    .name = ast->name.symbol,
                                    .span = ast->name.span,
                                    .type = vn_type_item(item->loop.range->type)}, warn);
}

static void
check_if(VnCompiler *c, VnItem *item)
{
  const VnAstIf *ast = (const VnAstIf *)item->ast;
  item->choice.condition = vn_check_expr_as(c, ast->condition, VN_VALUE_BOOL, "a condition");
  c->network_wrong |= item->choice.condition->kind == VN_TERM_ERROR;
  c->if_depth++;
  guint32 mark = c->locals->len;
  check_body(c, ast->then, &item->choice.then);
  vn_scope_pop(c, mark);
  check_body(c, ast->otherwise, &item->choice.otherwise);
  vn_scope_pop(c, mark);
  c->if_depth--;
  item->phases = item->choice.then.phases | item->choice.otherwise.phases;
}

static void
check_sweep(VnCompiler *c, VnItem *item)
{
  const VnAstLet *ast = (const VnAstLet *)item->ast;
  VnThing *param = vn_module_thing(c->context.module, ast->name.symbol);
  item->single.value = vn_check_expr(c, ast->value);
  guint8 kind = item->single.value->type.kind;
  if (param == NULL || param->kind != VN_THING_PARAMETER) {
    item->thing = NULL;
    vn_diag_hint(vn_diag_add(c->sink, VN_DIAG_VN113, ast->name.span, "there is no parameter `%s`",
                             ast->name.symbol->text),
                 "declare it: `param %s = …;`", ast->name.symbol->text);
    return;
  }
  item->thing = param;
  vn_check_thing(c, param, ast->name.span);
  if (kind != VN_VALUE_LIST && kind != VN_VALUE_RANGE && kind != VN_KIND_ANY) {
    vn_check_type(c, item->single.value, vn_type_list(VN_VALUE_NONE), "what a sweep goes through");
    item->single.value = vn_term_error(c, ast->value->span);
    return;
  }
  VnTerm probe = *item->single.value;
  probe.type = vn_type_item(probe.type);
  if (!vn_check_type(c, &probe, param->type, "each value of the sweep"))
    item->single.value = vn_term_error(c, ast->value->span);
}

static VnTerm *
check_single(VnCompiler *c, const VnAst *ast, VnValueKind kind, const char *what)
{
  return vn_check_expr_as(c, ((const VnAstSingle *)ast)->value, kind, what);
}

static guint32
phases_of(const VnAst *ast)
{
  switch (ast->kind) {
  case VN_AST_SEGMENT:
    return VN_PHASE_SEGMENTS;
  case VN_AST_HOST:
  case VN_AST_ROUTER:
    return VN_PHASE_VMS;
  case VN_AST_GROUP:
    return VN_PHASE_GROUPS;
  case VN_AST_TASK:
    return VN_PHASE_TASKS | VN_PHASE_BODIES;
  case VN_AST_FLOW:
  case VN_AST_EXPECT:
  case VN_AST_MEASURE:
    return VN_PHASE_BODIES;
  default:
    return VN_PHASE_SETTINGS;
  }
}

static void
check_definition(VnCompiler *c, VnItem *item)
{
  VnThing *thing = item->thing;
  if (thing == NULL || thing->ast != item->ast)
    return; /* declared twice: the first counts */
  if (thing->kind == VN_THING_ACTION)
    vn_check_action(c, thing);
  else
    vn_check_thing(c, thing, thing->span);
}

/* FALSE: nothing is left to evaluate. */
static gboolean
check_item(VnCompiler *c, VnItem *item)
{
  const VnAst *ast = item->ast;
  switch (ast->kind) {
  case VN_AST_LET:
  case VN_AST_PARAM:
  case VN_AST_ACTION:
    check_definition(c, item);
    return FALSE;
  case VN_AST_USE:
    return FALSE;
  case VN_AST_EXPERIMENT:
    item->single.value = vn_check_expr_as(c, ((const VnAstExperiment *)ast)->title,
                                          VN_VALUE_STRING, "the name of an experiment");
    break;
  case VN_AST_RULES: {
    const VnIdent *name = &((const VnAstRules *)ast)->name;
    if (strcmp(name->symbol->text, "paper") != 0)
      vn_diag_hint(vn_diag_add(c->sink, VN_DIAG_VN101, name->span, "there are no rules `%s`",
                               name->symbol->text),
                   "the only ones are `rules paper;`");
    break;
  }
  case VN_AST_SITE:
    vn_check_site(c, item);
    break;
  case VN_AST_IMAGE:
    vn_check_image(c, item);
    break;
  case VN_AST_SEGMENT:
    vn_check_segment(c, item);
    break;
  case VN_AST_HOST:
  case VN_AST_ROUTER:
    vn_check_vm(c, item);
    break;
  case VN_AST_GROUP:
    item->single.value =
        vn_check_expr_as(c, ((const VnAstLet *)ast)->value, VN_VALUE_SET, "a group");
    if (item->thing != NULL && item->thing->ast == ast)
      item->thing->term = item->single.value;
    break;
  case VN_AST_TASK:
    vn_check_task_head(c, item);
    break;
  case VN_AST_NETWORK:
    item->single.value = check_single(c, ast, VN_VALUE_PREFIX, "a network");
    break;
  case VN_AST_SEED:
    item->single.value = check_single(c, ast, VN_VALUE_INT, "a seed");
    break;
  case VN_AST_TRIALS:
    item->single.value = check_single(c, ast, VN_VALUE_INT, "the number of trials");
    break;
  case VN_AST_SWEEP:
    check_sweep(c, item);
    break;
  case VN_AST_FOR:
    check_for(c, item);
    return TRUE;
  case VN_AST_IF:
    check_if(c, item);
    return TRUE;
  case VN_AST_FLOW:
  case VN_AST_EXPECT:
  case VN_AST_MEASURE:
    break; /* in the second walk */
  default:
    g_assert_not_reached();
  }
  item->phases = phases_of(ast);
  return TRUE;
}

/* Do mistakes in it make the network another? */
static gboolean
decides_network(const VnAst *ast)
{
  return ast->kind != VN_AST_TASK && ast->kind != VN_AST_GROUP && ast->kind != VN_AST_ACTION &&
         ast->kind != VN_AST_EXPERIMENT && ast->kind != VN_AST_TRIALS &&
         ast->kind != VN_AST_SEED && ast->kind != VN_AST_FOR && ast->kind != VN_AST_IF;
}

static gboolean
check_noted(VnCompiler *c, VnItem *item)
{
  guint before = vn_diag_sink_count(c->sink, VN_SEVERITY_ERROR);
  gboolean kept = check_item(c, item);
  c->network_wrong |= decides_network(item->ast) &&
                      vn_diag_sink_count(c->sink, VN_SEVERITY_ERROR) > before;
  return kept;
}

static VnThing *
thing_of(VnCompiler *c, const VnAst *ast)
{
  if (ast->kind == VN_AST_FOR || ast->kind == VN_AST_IF || ast->kind == VN_AST_MEASURE ||
      ast->kind == VN_AST_SWEEP || ast->kind == VN_AST_RULES || ast->kind == VN_AST_USE)
    return NULL;
  const VnAstDecl *decl = (const VnAstDecl *)ast;
  return decl->name.symbol != NULL ? vn_module_thing(c->context.module, decl->name.symbol) : NULL;
}

static void
check_body(VnCompiler *c, VnAstSeq decls, VnBody *body)
{
  gboolean nested = c->loop_depth + c->if_depth > 0;
  if (nested)
    check_lets(c, decls, body);
  body->items = vn_arena_array0(c->arena, VnItem, decls.n);
  for (guint32 i = 0; i < decls.n; i++) {
    const VnAst *ast = decls.items[i];
    if ((nested && ast->kind == VN_AST_LET) || !may_stand_here(c, ast))
      continue;
    VnItem *item = &body->items[body->n];
    memset(item, 0, sizeof *item);
    item->ast = ast;
    item->thing = thing_of(c, ast);
    if (!check_noted(c, item))
      continue;
    body->phases |= item->phases;
    body->n++;
  }
}

/* ---- the second walk ---- */

static void complete_body(VnCompiler *c, VnBody *body);

static void
check_measure(VnCompiler *c, VnItem *item)
{
  const VnAstLet *ast = (const VnAstLet *)item->ast;
  VnTerm *value = vn_check_expr(c, ast->value);
  item->single.value = value;
  guint8 kind = value->type.kind;
  if (kind == VN_VALUE_INT || kind == VN_VALUE_FLOAT || kind == VN_VALUE_DURATION ||
      kind == VN_VALUE_SIZE || kind == VN_VALUE_RATE || kind == VN_VALUE_PERCENT ||
      kind == VN_KIND_ANY)
    return;
  VnDiag *diag = vn_diag_add(c->sink, VN_DIAG_VN103, value->span,
                             "a measure is a number, this is %s", vn_type_noun(value->type));
  if (kind == VN_VALUE_LIST)
    vn_diag_hint(diag, "reduce the list: sum(…), mean(…), max(…)");
  if (kind == VN_VALUE_BOOL)
    vn_diag_hint(diag, "what must be true is an `expect`");
}

static void
complete_item(VnCompiler *c, VnItem *item)
{
  const VnAst *ast = item->ast;
  guint32 mark = c->locals->len;
  if (ast->kind == VN_AST_FOR) {
    vn_push_loop(c, item, FALSE);
    complete_body(c, &item->loop.body);
  } else if (ast->kind == VN_AST_IF) {
    complete_body(c, &item->choice.then);
    complete_body(c, &item->choice.otherwise);
  } else if (ast->kind == VN_AST_TASK) {
    vn_check_task_body(c, item);
  } else if (ast->kind == VN_AST_FLOW) {
    vn_check_flow(c, item);
  } else if (ast->kind == VN_AST_EXPECT) {
    const VnAstExpect *expect = (const VnAstExpect *)ast;
    item->single.value =
        vn_check_expr_as(c, expect->condition, VN_VALUE_BOOL, "what is expected");
    if (expect->message != NULL)
      item->single.message =
          vn_check_expr_as(c, expect->message, VN_VALUE_STRING, "the message");
  } else if (ast->kind == VN_AST_MEASURE) {
    check_measure(c, item);
  }
  vn_scope_pop(c, mark);
}

static void
complete_body(VnCompiler *c, VnBody *body)
{
  guint32 mark = c->locals->len;
  push_lets(c, body, FALSE);
  for (guint32 i = 0; i < body->n; i++)
    complete_item(c, &body->items[i]);
  vn_scope_pop(c, mark);
}

/* ---- modules ---- */

static VnContext
context_of(VnModule *module, const char *no_results)
{
  return (VnContext){.module = module, .no_results = no_results};
}

static gboolean
belongs_in_module(const VnAst *ast)
{
  return ast->kind == VN_AST_LET || ast->kind == VN_AST_PARAM || ast->kind == VN_AST_ACTION ||
         ast->kind == VN_AST_USE;
}

static void
check_module(VnCompiler *c, VnModule *module)
{
  c->context = context_of(module, "a module");
  VnAstSeq decls = module->file->decls;
  for (guint32 i = 0; i < decls.n; i++) {
    VnItem item = {.ast = decls.items[i]};
    if (belongs_in_module(item.ast)) {
      item.thing = thing_of(c, item.ast);
      check_noted(c, &item);
    } else {
      vn_diag_hint(vn_diag_add(c->sink, VN_DIAG_VN122, item.ast->span,
                               "`%s` can't stand in a module",
                               vn_ast_kind_text((VnAstKind)item.ast->kind)),
                   "a module holds actions, constants, functions and parameters");
    }
  }
}

static void
warn_unused_modules(VnCompiler *c, const VnModule *module)
{
  if (c->syntax_errors || c->unknown_names)
    return;
  for (guint32 i = 0; i < module->n_uses; i++)
    if (!module->uses[i].used && module->uses[i].module != NULL)
      vn_diag_hint(vn_diag_add(c->sink, VN_DIAG_VN124, module->uses[i].span,
                               "nothing of %s is used", module->uses[i].module->name),
                   "leave the line out");
}

void
vn_check_program(VnCompiler *c)
{
  for (guint i = 0; i < c->modules->len; i++)
    if (c->modules->pdata[i] != c->script)
      check_module(c, c->modules->pdata[i]);
  c->context = context_of(c->script, "the network");
  check_body(c, c->script->file->decls, &c->script->body);
  c->context = context_of(c->script, NULL);
  complete_body(c, &c->script->body);
  for (guint i = 0; i < c->modules->len; i++)
    warn_unused_modules(c, c->modules->pdata[i]);
}
