/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The walk over declarations: loops, choices, local constants, and what is neither network nor
 * task. Done twice (see check.h); the first makes the items, the second completes them. */
#include "sema/check.h"

#include <string.h>

/* ---- array bounds ---- */

VnCheckedDim
vn_check_dim(VnCompiler *c, const VnAstDim *ast, guint32 *out_mark)
{
  VnCheckedDim dim = {.ast = ast};
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
  dim.slot = c->n_slots++;
  vn_push_dim(c, &dim);
  return dim;
}

guint32
vn_push_dim(VnCompiler *c, const VnCheckedDim *dim)
{
  if (!dim->bound)
    return c->locals->len;
  return vn_scope_push(c,
                       (VnLocal){.kind = VN_LOCAL_SLOT,
                                 .index = dim->slot,
                                 .name = dim->ast->index.symbol,
                                 .span = dim->ast->index.span,
                                 .type = vn_type_of_kind(VN_VALUE_INT)},
                       TRUE);
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
  vn_check_body(c, ast->body, &item->loop.body);
  vn_scope_pop(c, mark);
  c->loop_depth--;
  item->phases = item->loop.body.phases;
}

guint32
vn_push_loop(VnCompiler *c, const VnItem *item, gboolean warn)
{
  const VnAstFor *ast = (const VnAstFor *)item->ast;
  return vn_scope_push(c,
                       (VnLocal){.kind = VN_LOCAL_SLOT,
                                 .index = item->loop.slot,
                                 .name = ast->name.symbol,
                                 .span = ast->name.span,
                                 .type = vn_type_item(item->loop.range->type)},
                       warn);
}

static void
check_if(VnCompiler *c, VnItem *item)
{
  const VnAstIf *ast = (const VnAstIf *)item->ast;
  item->choice.condition = vn_check_expr_as(c, ast->condition, VN_VALUE_BOOL, "a condition");
  c->network_wrong |= item->choice.condition->kind == VN_TERM_ERROR;
  c->if_depth++;
  guint32 mark = c->locals->len;
  vn_check_body(c, ast->then, &item->choice.then);
  vn_scope_pop(c, mark);
  vn_check_body(c, ast->otherwise, &item->choice.otherwise);
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
  switch ((VnAstKind)ast->kind) {
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
    return VN_PHASE_BODIES;
  case VN_AST_MEASURE:
    return VN_PHASE_MEASURES;
  case VN_AST_EXPERIMENT:
  case VN_AST_RULES:
  case VN_AST_SITE:
  case VN_AST_IMAGE:
  case VN_AST_NETWORK:
  case VN_AST_SEED:
  case VN_AST_TRIALS:
  case VN_AST_SWEEP:
    return VN_PHASE_SETTINGS;
  case VN_AST_USE:
  case VN_AST_PARAM:
  case VN_AST_LET:
  case VN_AST_ACTION:
  case VN_AST_FOR:
  case VN_AST_IF:
#define VN_OTHER_EXPR
#define VN_OTHER_ITEM
#include "lang/other-cases.def"
    break; /* no items, or of the phases of their bodies */
  }
  g_assert_not_reached();
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
  switch ((VnAstKind)ast->kind) {
  case VN_AST_LET:
  case VN_AST_PARAM:
  case VN_AST_ACTION:
    check_definition(c, item);
    return FALSE;
  case VN_AST_USE:
    return FALSE;
  case VN_AST_EXPERIMENT:
    item->single.value = vn_check_expr_as(c, ((const VnAstExperiment *)ast)->title, VN_VALUE_STRING,
                                          "the name of an experiment");
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
#define VN_OTHER_EXPR
#define VN_OTHER_ITEM
#include "lang/other-cases.def"
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
         ast->kind != VN_AST_EXPERIMENT && ast->kind != VN_AST_TRIALS && ast->kind != VN_AST_SEED &&
         ast->kind != VN_AST_FOR && ast->kind != VN_AST_IF;
}

gboolean
vn_check_noted(VnCompiler *c, VnItem *item)
{
  guint before = vn_diag_sink_count(c->sink, VN_SEVERITY_ERROR);
  gboolean kept = check_item(c, item);
  c->network_wrong |=
      decides_network(item->ast) && vn_diag_sink_count(c->sink, VN_SEVERITY_ERROR) > before;
  return kept;
}

VnThing *
vn_thing_of(VnCompiler *c, const VnAst *ast)
{
  if (ast->kind == VN_AST_FOR || ast->kind == VN_AST_IF || ast->kind == VN_AST_SWEEP ||
      ast->kind == VN_AST_RULES || ast->kind == VN_AST_USE)
    return NULL;
  const VnAstDecl *decl = (const VnAstDecl *)ast;
  return decl->name.symbol != NULL ? vn_module_thing(c->context.module, decl->name.symbol) : NULL;
}

void
vn_check_body(VnCompiler *c, VnAstSeq decls, VnBody *body)
{
  gboolean nested = c->loop_depth + c->if_depth > 0;
  if (nested)
    vn_check_lets(c, decls, body);
  body->items = vn_arena_array0(c->arena, VnItem, decls.n);
  for (guint32 i = 0; i < decls.n; i++) {
    const VnAst *ast = decls.items[i];
    if ((nested && ast->kind == VN_AST_LET) || !vn_may_stand_here(c, ast))
      continue;
    VnItem *item = &body->items[body->n];
    memset(item, 0, sizeof *item);
    item->ast = ast;
    item->thing = vn_thing_of(c, ast);
    if (!vn_check_noted(c, item))
      continue;
    body->phases |= item->phases;
    body->n++;
  }
}
