/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The walk of the evaluation: once for each phase through loops and choices. Blocks without
 * anything of the phase are not entered, so a loop is turned only when it has something to give. */
#include "sema/eval.h"
#include "sema/limits.h"

#include <string.h>

gboolean
vn_eval_dim(VnEval *e, const VnCheckedDim *dim, VnDimRange *out)
{
  VnValue bounds;
  *out = (VnDimRange){.array = dim->ast != NULL};
  if (dim->ast == NULL)
    return TRUE;
  if (!vn_eval_value(e, dim->bounds, &bounds)) {
    e->partial = TRUE;
    return FALSE;
  }
  out->range = bounds.kind == VN_VALUE_RANGE;
  out->from = out->range ? bounds.range.from : bounds.i;
  out->to = out->range ? bounds.range.to : bounds.i;
  if (!out->range && bounds.kind != VN_VALUE_INT) {
    vn_eval_report(e, VN_DIAG_VN103, dim->bounds->span, "an index must be an int, this is %s",
                   vn_value_kind_text(bounds.kind));
    return FALSE;
  }
  return TRUE;
}

void
vn_eval_bind(VnEval *e, const VnCheckedDim *dim, gint64 index)
{
  if (!dim->bound)
    return;
  e->slots[dim->slot] = (VnOperand){.value = vn_value_int(index)};
  e->slot_set[dim->slot] = TRUE;
}

/* "h[3]": made a million times, so by hand. */
static const char *
element_name(VnArena *arena, const VnSymbol *name, gint64 index)
{
  char digits[24];
  guint n = 0;
  guint64 rest = index < 0 ? -(guint64)index : (guint64)index;
  do
    digits[n++] = (char)('0' + rest % 10);
  while ((rest /= 10) > 0);
  if (index < 0)
    digits[n++] = '-';
  char *text = vn_arena_alloc(arena, name->length + n + 3), *at = text + name->length;
  memcpy(text, name->text, name->length);
  *at++ = '[';
  while (n > 0)
    *at++ = digits[--n];
  *at++ = ']';
  return text;
}

const char *
vn_eval_element_name(VnEval *e, const VnItem *item, const VnDimRange *range, gint64 index)
{
  const VnSymbol *name = ((const VnAstDecl *)item->ast)->name.symbol;
  return range->array ? element_name(e->arena, name, index) : name->text;
}

static VnSpan
place_of_id(VnEval *e, const VnThing *thing, guint32 id)
{
  if (thing->kind == VN_THING_TASK)
    return g_array_index(e->tasks, VnTask, id).span;
  if (thing->kind == VN_THING_SEGMENT)
    return g_array_index(e->segments, VnSegment, id).span;
  if (thing->kind == VN_THING_HOST || thing->kind == VN_THING_ROUTER)
    return g_array_index(e->vms, VnVm, id).span;
  return thing->where;
}

gboolean
vn_eval_declare(VnEval *e, const VnItem *item, const VnDimRange *range, gint64 index, guint32 id)
{
  VnThing *thing = item->thing;
  VnSpan span = ((const VnAstDecl *)item->ast)->name.span;
  if (thing == NULL || thing->array != range->array || thing->ast->kind != item->ast->kind)
    return FALSE; /* declared twice, and reported */
  gboolean fresh = thing->epoch != e->epoch;
  if (fresh) {
    thing->epoch = e->epoch;
    thing->id = id;
    thing->where = span;
    if (thing->array)
      vn_elements_clear(&thing->elements);
  }
  if (range->array ? vn_elements_add(&thing->elements, index, id) : fresh)
    return TRUE;
  guint32 other = range->array ? vn_elements_find(&thing->elements, index) : thing->id;
  VnDiag *diag = vn_eval_report(e, VN_DIAG_VN102, span, "`%s` is declared already",
                                vn_eval_element_name(e, item, range, index));
  vn_diag_place(diag, place_of_id(e, thing, other), "declared here");
  return FALSE;
}

/* ---- settings ---- */

/* FALSE, reported: it stood before. */
static gboolean
stands_once(VnEval *e, const VnAst *ast, VnSpan *place)
{
  if (place->start != 0) {
    VnDiag *diag = vn_eval_report(e, VN_DIAG_VN102, ast->span, "`%s` is there already",
                                  vn_ast_kind_text((VnAstKind)ast->kind));
    vn_diag_place(diag, *place, "here");
    return FALSE;
  }
  *place = ast->span;
  return TRUE;
}

static void
eval_experiment(VnEval *e, VnItem *item)
{
  VnValue title;
  if (!stands_once(e, item->ast, &e->experiment) || !vn_eval_value(e, item->single.value, &title))
    return;
  e->model->name = title.text->text;
  e->model->doc = ((const VnAstDecl *)item->ast)->doc;
}

static void
eval_seed(VnEval *e, VnItem *item)
{
  VnValue seed;
  if (!stands_once(e, item->ast, &e->seed) || !vn_eval_value(e, item->single.value, &seed))
    return;
  e->model->seed = (guint64)seed.i;
  e->model->has_seed = TRUE;
}

static void
eval_trials(VnEval *e, VnItem *item)
{
  VnValue trials;
  if (!stands_once(e, item->ast, &e->trials) || !vn_eval_value(e, item->single.value, &trials))
    return;
  if (trials.i < 1 || trials.i > VN_MAX_TRIALS) {
    vn_eval_report(e, VN_DIAG_VN126, item->single.value->span,
                   "there must be between 1 and %d trials", VN_MAX_TRIALS);
    return;
  }
  e->model->trials = (guint32)trials.i;
}

static void
eval_network(VnEval *e, VnItem *item)
{
  VnValue prefix;
  if (!vn_eval_value(e, item->single.value, &prefix) || prefix.kind != VN_VALUE_PREFIX)
    return;
  gboolean four = prefix.prefix->address.family == 4;
  VnTopology *topology = &e->model->topology;
  if (!stands_once(e, item->ast, four ? &e->network4 : &e->network6))
    return;
  *(four ? &topology->network4 : &topology->network6) = *prefix.prefix;
  topology->network_span = item->ast->span;
}

/* ---- groups, expectations, measures ---- */

/* What is evaluated when first needed; FALSE: declared twice, and reported. */
static gboolean
declare_lazily(VnEval *e, VnItem *item, guint32 id)
{
  VnDimRange single = {.array = FALSE};
  if (!vn_eval_declare(e, item, &single, 0, id))
    return FALSE;
  item->thing->evaluating = VN_CHECK_NOT_YET;
  item->thing->failed = FALSE;
  item->thing->term = item->single.value;
  return TRUE;
}

static void
declare_group(VnEval *e, VnItem *item)
{
  if (!declare_lazily(e, item, e->groups->len))
    return;
  VnGroup group = {.name = item->thing->name->text,
                   .doc = ((const VnAstDecl *)item->ast)->doc,
                   .span = item->thing->span};
  g_array_append_val(e->groups, group);
}

static void
declare_measure(VnEval *e, VnItem *item)
{
  const VnAstDecl *decl = (const VnAstDecl *)item->ast;
  if (!declare_lazily(e, item, e->measures->len))
    return;
  VnMeasure measure = {.name = decl->name.symbol->text, .doc = decl->doc, .span = decl->name.span};
  g_array_append_val(e->measures, measure);
}

static void
fill_measures(VnEval *e)
{
  const VnModule *script = e->c->script;
  for (guint i = 0; i < script->order->len; i++) {
    VnThing *thing = script->order->pdata[i];
    VnOperand value;
    if (thing->kind == VN_THING_MEASURE && thing->epoch == e->epoch &&
        vn_eval_thing(e, thing, thing->span, &value))
      g_array_index(e->measures, VnMeasure, thing->id).value =
          value.expr != NULL ? value.expr : vn_eval_const(e, &value.value, thing->term->span);
  }
}

static void
fill_groups(VnEval *e)
{
  const VnModule *script = e->c->script;
  for (guint i = 0; i < script->order->len; i++) {
    VnThing *thing = script->order->pdata[i];
    VnOperand value;
    if (thing->kind != VN_THING_GROUP || thing->epoch != e->epoch ||
        !vn_eval_thing(e, thing, thing->span, &value))
      continue;
    VnGroup *group = &g_array_index(e->groups, VnGroup, thing->id);
    const VnVmSet *set = (const VnVmSet *)value.value.list;
    group->vms = set->ids;
    group->n_vms = set->list.n;
    group->mentioned = thing->mentioned;
  }
}

/* As it stands in the script, which alone holds expectations. */
static const char *
source_text(VnEval *e, VnSpan span)
{
  const VnSource *source = e->c->script->file->source;
  return vn_arena_strndup(e->arena, source->text + (span.start - source->base),
                          span.end - span.start);
}

static void
eval_expect(VnEval *e, VnItem *item)
{
  const VnAstExpect *ast = (const VnAstExpect *)item->ast;
  VnExpectation expectation = {.condition = vn_eval_expr(e, item->single.value),
                               .span = ast->ast.span};
  if (item->single.message != NULL)
    expectation.message = vn_eval_expr(e, item->single.message);
  if (expectation.condition == NULL)
    return;
  if (expectation.condition->type != VN_VALUE_BOOL &&
      expectation.condition->type != VN_VALUE_NONE) {
    vn_eval_report(e, VN_DIAG_VN103, item->single.value->span,
                   "what is expected must be true or false, this is %s",
                   vn_value_kind_text(expectation.condition->type));
    return;
  }
  expectation.text = ast->text != NULL ? ast->text : source_text(e, ast->condition->span);
  g_array_append_val(e->expectations, expectation);
}

/* ---- the walk ---- */

static void eval_body(VnEval *e, VnBody *body);

static gboolean
turn(VnEval *e, VnItem *item, VnValue value)
{
  if (++e->trips > VN_MAX_TRIPS) {
    vn_eval_too_many(e, item->ast->span, VN_MAX_TRIPS, "turns of loops");
    return FALSE;
  }
  e->slots[item->loop.slot] = (VnOperand){.value = value};
  e->slot_set[item->loop.slot] = TRUE;
  eval_body(e, &item->loop.body);
  return !e->exhausted;
}

static void
eval_loop(VnEval *e, VnItem *item)
{
  VnValue range;
  if (!vn_eval_value(e, item->loop.range, &range)) {
    e->partial = TRUE;
    return;
  }
  if (range.kind == VN_VALUE_RANGE) {
    for (gint64 i = range.range.from; i <= range.range.to; i++)
      if (!turn(e, item, vn_value_int(i)))
        return;
    return;
  }
  if (range.kind != VN_VALUE_LIST && range.kind != VN_VALUE_SET) {
    vn_eval_report(e, VN_DIAG_VN103, item->loop.range->span,
                   "a loop goes over a range, a list or a set, this is %s",
                   vn_value_kind_text(range.kind));
    e->partial = TRUE;
    return;
  }
  for (guint32 i = 0; i < range.list->n; i++)
    if (!turn(e, item, range.list->items[i]))
      return;
}

static void
eval_choice(VnEval *e, VnItem *item)
{
  VnValue condition;
  if (!vn_eval_value(e, item->choice.condition, &condition) || condition.kind != VN_VALUE_BOOL)
    e->partial = TRUE;
  else
    eval_body(e, condition.b ? &item->choice.then : &item->choice.otherwise);
}

static void
eval_item(VnEval *e, VnItem *item)
{
  switch ((VnAstKind)item->ast->kind) {
  case VN_AST_FOR:
    eval_loop(e, item);
    return;
  case VN_AST_IF:
    eval_choice(e, item);
    return;
  case VN_AST_EXPERIMENT:
    eval_experiment(e, item);
    return;
  case VN_AST_RULES:
    e->model->paper_rules = TRUE;
    return;
  case VN_AST_SITE:
    vn_eval_site(e, item);
    return;
  case VN_AST_IMAGE:
    vn_eval_image(e, item);
    return;
  case VN_AST_NETWORK:
    eval_network(e, item);
    return;
  case VN_AST_SEED:
    eval_seed(e, item);
    return;
  case VN_AST_TRIALS:
    eval_trials(e, item);
    return;
  case VN_AST_SWEEP:
    vn_eval_sweep(e, item);
    return;
  case VN_AST_SEGMENT:
    vn_eval_segments(e, item);
    return;
  case VN_AST_HOST:
  case VN_AST_ROUTER:
    vn_eval_vms(e, item);
    return;
  case VN_AST_GROUP:
    declare_group(e, item);
    return;
  case VN_AST_TASK:
    if (e->phase == VN_PHASE_TASKS)
      vn_eval_task_heads(e, item);
    else
      vn_eval_task_bodies(e, item);
    return;
  case VN_AST_FLOW:
    vn_eval_flow(e, item);
    return;
  case VN_AST_EXPECT:
    eval_expect(e, item);
    return;
  case VN_AST_MEASURE:
    declare_measure(e, item);
    return;
  case VN_AST_USE:
  case VN_AST_LET:
  case VN_AST_PARAM:
  case VN_AST_ACTION:
#define VN_OTHER_EXPR
#define VN_OTHER_ITEM
#include "lang/other-cases.def"
    break; /* these make no items */
  }
  g_assert_not_reached();
}

static void
eval_body(VnEval *e, VnBody *body)
{
  for (guint32 i = 0; i < body->n_lets; i++)
    e->slot_set[body->lets[i]->slot] = FALSE;
  for (guint32 i = 0; i < body->n; i++)
    if (body->items[i].phases & e->phase)
      eval_item(e, &body->items[i]);
}

static void
make_identity(VnEval *e)
{
  guint32 *identity = vn_arena_array0(e->arena, guint32, e->vms->len);
  for (guint32 i = 0; i < e->vms->len; i++)
    identity[i] = i;
  e->identity = identity;
}

/* Constants that nothing has needed so far, for their mistakes. */
static void
eval_unused(VnEval *e)
{
  for (guint i = 0; i < e->c->modules->len; i++) {
    const VnModule *module = e->c->modules->pdata[i];
    for (guint k = 0; k < module->order->len; k++) {
      VnThing *thing = module->order->pdata[k];
      VnOperand value;
      if (thing->kind == VN_THING_CONSTANT && thing->epoch != e->epoch)
        vn_eval_thing(e, thing, thing->span, &value);
    }
  }
}

void
vn_eval_program(VnEval *e)
{
  for (VnPhase phase = VN_PHASE_SETTINGS; phase <= VN_PHASE_BODIES && !e->exhausted; phase <<= 1) {
    e->phase = phase;
    if (phase == VN_PHASE_GROUPS)
      make_identity(e);
    eval_body(e, &e->c->script->body);
    if (phase == VN_PHASE_VMS)
      e->errors_of_network = vn_diag_sink_count(e->c->sink, VN_SEVERITY_ERROR);
    if (phase == VN_PHASE_GROUPS)
      fill_groups(e);
    if (phase == VN_PHASE_MEASURES)
      fill_measures(e);
  }
  eval_unused(e);
  vn_eval_finish_order(e);
}
