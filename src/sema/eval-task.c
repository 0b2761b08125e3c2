/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tasks into the model: numbers, names and targets first, so that expressions may read any of
 * them; then arguments, clauses and order. What is the same for all elements of an array or turns
 * of a loop is made once and shared. */
#include "model/bound.h"
#include "sema/eval.h"
#include "sema/limits.h"

#include <string.h>

#define MAX_RETRIES 1000
#define MAX_TIME    (G_GINT64_CONSTANT(366) * 86400 * 1000000000)

/* ---- heads ---- */

static void
eval_targets(VnEval *e, VnItem *item, VnTask *task)
{
  VnValue value;
  if (item->task.targets == NULL || !vn_eval_value(e, item->task.targets, &value))
    return;
  if (value.kind == VN_VALUE_HOST || value.kind == VN_VALUE_ROUTER) {
    task->targets = e->identity + value.id;
    task->n_targets = 1;
  } else if (value.kind == VN_VALUE_SET) {
    const VnVmSet *set = (const VnVmSet *)value.list;
    task->group = TRUE;
    task->targets = set->ids;
    task->n_targets = set->list.n;
    if (set->list.n == 0)
      vn_diag_hint(vn_eval_report(e, VN_DIAG_VN121, item->task.targets->span,
                                  "task `%s` has no targets: the set is empty", task->name),
                   "put the task into an `if` when that is meant");
  } else {
    vn_eval_report(e, VN_DIAG_VN103, item->task.targets->span,
                   "what a task runs on must be a set of hosts, this is %s %s",
                   vn_diag_article(vn_value_kind_text(value.kind)), vn_value_kind_text(value.kind));
  }
  e->n_runs += task->n_targets;
  if (e->n_runs > VN_MAX_RUNS)
    vn_eval_too_many(e, task->span, VN_MAX_RUNS, "runs of tasks on hosts");
}

static void
eval_head(VnEval *e, VnItem *item, const VnDimRange *range, gint64 index)
{
  const VnAstDecl *decl = (const VnAstDecl *)item->ast;
  VnTaskSource source = {.item = item, .index = index};
  VnTask task = {.name = vn_eval_element_name(e, item, range, index),
                 .span = decl->name.span,
                 .doc = decl->doc,
                 .control = item->task.control,
                 .on_failure = item->task.on_failure,
                 .always = item->task.always};
  if (e->tasks->len >= VN_MAX_TASKS) {
    vn_eval_too_many(e, task.span, VN_MAX_TASKS, "tasks");
    return;
  }
  eval_targets(e, item, &task);
  vn_eval_declare(e, item, range, index, e->tasks->len);
  g_array_append_val(e->tasks, task); /* also a repeated one: the second walk counts along */
  g_array_append_val(e->task_sources, source);
}

void
vn_eval_task_heads(VnEval *e, VnItem *item)
{
  VnDimRange range;
  if (!vn_eval_dim(e, &item->dim, &range))
    return;
  for (gint64 i = range.from; i <= range.to && !e->exhausted; i++) {
    vn_eval_bind(e, &item->dim, i);
    eval_head(e, item, &range, i);
  }
}

/* ---- arguments ---- */

/* Whether the value is of the type as it stands: nothing is to be checked or changed. */
static gboolean
has_form(const VnValue *value, VnType type)
{
  if (value->kind != type.kind)
    return FALSE;
  return value->kind != VN_VALUE_LIST ||
         (value->list->n > 0 && value->list->items[0].kind == type.element);
}

/* The value in the form of its parameter, checked; NULL: reported. */
static const VnExpr *
eval_argument(VnEval *e, VnTerm *term, const VnCheckedParam *param)
{
  VnOperand operand;
  if (!vn_eval(e, term, &operand))
    return NULL;
  if (operand.expr != NULL) {
    VnType given = {.kind = operand.expr->type, .element = operand.expr->element};
    if (given.kind == VN_VALUE_NONE || vn_type_accepts(param->type, given))
      return operand.expr;
    vn_eval_report(e, VN_DIAG_VN103, term->span, "`%s` must be %s, this is %s", param->name,
                   vn_type_noun(param->type), vn_type_noun(given));
    return NULL;
  }
  VnValue value = operand.value;
  if (param->range == NULL && has_form(&value, param->type))
    return vn_eval_expr(e, term);
  g_autofree char *what = g_strdup_printf("`%s`", param->name);
  if (!vn_eval_coerce(e, param->type, what, term->span, &value) ||
      !vn_eval_check_range(e, param->range, param->name, term->span, &value))
    return NULL;
  return value.kind == operand.value.kind ? vn_eval_expr(e, term)
                                          : vn_eval_const(e, &value, term->span);
}

static const VnSignature *
params_of(const VnItem *item, VnSignature *out)
{
  if (item->task.control != VN_CONTROL_NONE)
    return vn_control_signature((VnControl)item->task.control);
  *out =
      (VnSignature){.params = item->task.action->params, .n_params = item->task.action->n_params};
  return out;
}

static gboolean
all_closed(VnTerm *const *terms, guint32 n)
{
  for (guint32 i = 0; i < n; i++)
    if (terms[i] != NULL && !terms[i]->closed)
      return FALSE;
  return TRUE;
}

static const VnExpr *const *
eval_arguments(VnEval *e, VnItem *item)
{
  VnSignature own;
  const VnSignature *signature = params_of(item, &own);
  if (signature->n_params == 0)
    return NULL;
  if (item->task.epoch == e->epoch && item->task.shared_args != NULL)
    return item->task.shared_args;
  const VnExpr **args = vn_arena_array0(e->arena, const VnExpr *, signature->n_params);
  for (guint32 i = 0; i < signature->n_params; i++) {
    if (item->task.args[i] != NULL)
      args[i] = eval_argument(e, item->task.args[i], &signature->params[i]);
    else if (item->task.control == VN_CONTROL_NONE)
      args[i] = item->task.action->initials[i];
  }
  if (all_closed(item->task.args, signature->n_params))
    item->task.shared_args = args;
  return args;
}

/* ---- order ---- */

static guint32
new_stamp(VnEval *e)
{
  if (e->stamps == NULL)
    e->stamps = vn_arena_array0(e->arena, guint32, e->tasks->len);
  return ++e->stamp;
}

static void
add_before(VnEval *e, guint32 task, GArray *before)
{
  if (e->stamps[task] == e->stamp)
    return;
  e->stamps[task] = e->stamp;
  g_array_append_val(before, task);
}

/* The tasks that a term names. */
static void
collect_tasks(VnEval *e, VnTerm *term, GArray *before)
{
  VnValue value;
  if (!vn_eval_value(e, term, &value))
    return;
  gboolean list = value.kind == VN_VALUE_LIST;
  for (guint32 i = 0; i < (list ? value.list->n : 1); i++) {
    const VnValue *item = list ? &value.list->items[i] : &value;
    if (item->kind == VN_VALUE_TASK)
      add_before(e, item->id, before);
    else
      vn_eval_report(e, VN_DIAG_VN103, term->span, "this must be a task, it is %s %s",
                     vn_diag_article(vn_value_kind_text(item->kind)),
                     vn_value_kind_text(item->kind));
  }
}

static void
set_after(VnEval *e, VnTask *task, const guint32 *after, guint32 n)
{
  task->after = after;
  task->n_after = n;
  e->n_orderings += n;
  if (e->n_orderings > VN_MAX_ORDERINGS)
    vn_eval_too_many(e, task->span, VN_MAX_ORDERINGS, "pairs of tasks in order");
}

static void
eval_after(VnEval *e, VnItem *item, VnTask *task)
{
  if (item->task.after.n == 0)
    return;
  if (item->task.epoch == e->epoch && item->task.shared_after != NULL) {
    set_after(e, task, item->task.shared_after, item->task.n_shared_after);
    return;
  }
  GArray *before = g_array_set_size(e->before, 0);
  new_stamp(e);
  for (guint32 i = 0; i < item->task.after.n; i++)
    collect_tasks(e, item->task.after.terms[i], before);
  const guint32 *after = vn_arena_memdup(e->arena, before->data, sizeof(guint32) * before->len);
  set_after(e, task, after, before->len);
  if (all_closed(item->task.after.terms, item->task.after.n)) {
    item->task.shared_after = after;
    item->task.n_shared_after = before->len;
  }
}

/* A `stop` comes after what it ends, whether the script says so or not. */
static void
come_after_stopped(VnEval *e, VnTask *task)
{
  guint32 stopped;
  if (!vn_task_stops(task, &stopped))
    return;
  for (guint32 i = 0; i < task->n_after; i++)
    if (task->after[i] == stopped)
      return;
  guint32 *after = vn_arena_array0(e->arena, guint32, task->n_after + 1);
  for (guint32 i = 0; i < task->n_after; i++)
    after[i] = task->after[i];
  after[task->n_after] = stopped;
  set_after(e, task, after, task->n_after + 1);
}

/* ---- clauses ---- */

static gint64
eval_bounded(VnEval *e, VnTerm *term, guint8 kind, const char *what, gint64 from, gint64 to)
{
  VnValue value;
  if (term == NULL || !vn_eval_value(e, term, &value) ||
      !vn_eval_coerce(e, vn_type_of_kind(kind), what, term->span, &value))
    return 0;
  if (value.i >= from && value.i <= to)
    return value.i;
  vn_eval_report(e, VN_DIAG_VN126, term->span, "%s is %s", what,
                 value.i < from ? "too small" : "too large");
  return 0;
}

static void
eval_when(VnEval *e, VnTerm *when, VnTask *task)
{
  if (when == NULL)
    return;
  task->when = vn_eval_expr(e, when);
  if (task->when != NULL && task->when->type != VN_VALUE_BOOL && task->when->type != VN_VALUE_NONE)
    vn_eval_report(e, VN_DIAG_VN103, when->span,
                   "what follows `when` must be true or false, this is %s %s",
                   vn_diag_article(vn_value_kind_text(task->when->type)),
                   vn_value_kind_text(task->when->type));
}

static void
eval_rare(VnEval *e, const VnRareClauses *rare, VnTask *task)
{
  task->timeout_ns = eval_bounded(e, rare->timeout, VN_VALUE_DURATION, "a timeout", 1, MAX_TIME);
  task->retries = (guint32)eval_bounded(e, rare->retries, VN_VALUE_INT,
                                        "the number of further attempts", 0, MAX_RETRIES);
  task->retry_every_ns = eval_bounded(e, rare->every, VN_VALUE_DURATION,
                                      "the pause between attempts", 0, MAX_TIME);
  eval_when(e, rare->when, task);
}

static void
check_stop(VnEval *e, VnItem *item, const VnTask *task)
{
  const VnExpr *arg = task->args != NULL ? task->args[0] : NULL;
  const VnThing *known = item->task.args[0]->type.thing;
  if (arg == NULL || arg->kind != VN_EXPR_CONST || (known != NULL && !known->mixed))
    return; /* the checker knew which */
  const VnItem *stopped = g_array_index(e->task_sources, VnTaskSource, arg->value.id).item;
  if (!stopped->task.broken &&
      (stopped->task.action == NULL || !stopped->task.action->ast->background))
    vn_diag_place(vn_eval_report(e, VN_DIAG_VN125, item->task.args[0]->span,
                                 "task `%s` does not run in the background: it ends by itself",
                                 g_array_index(e->tasks, VnTask, arg->value.id).name),
                  stopped->thing->span, "declared here");
}

static void
eval_body(VnEval *e, VnItem *item, VnTask *task)
{
  if (!item->task.broken) {
    if (item->task.control == VN_CONTROL_NONE)
      task->action = vn_eval_action(e, item->task.action);
    task->args = eval_arguments(e, item);
    task->n_args = item->task.n_args;
    if (item->task.control == VN_CONTROL_STOP)
      check_stop(e, item, task);
  }
  eval_after(e, item, task);
  come_after_stopped(e, task);
  task->on_failure = item->task.on_failure;
  task->always = item->task.always;
  if (item->task.rare != NULL)
    eval_rare(e, item->task.rare, task);
  item->task.epoch = e->epoch;
}

void
vn_eval_task_bodies(VnEval *e, VnItem *item)
{
  VnDimRange range;
  if (!vn_eval_dim(e, &item->dim, &range))
    return;
  if (item->task.epoch != e->epoch) {
    item->task.shared_args = NULL;
    item->task.shared_after = NULL;
  }
  for (gint64 i = range.from; i <= range.to && !e->exhausted; i++) {
    if (e->next_task >= e->tasks->len)
      return;
    vn_eval_bind(e, &item->dim, i);
    eval_body(e, item, &g_array_index(e->tasks, VnTask, e->next_task++));
  }
}

/* ---- flows ---- */

static GArray *
tasks_of_step(VnEval *e, const VnTerms *step)
{
  GArray *tasks = g_array_new(FALSE, FALSE, sizeof(guint32));
  new_stamp(e);
  for (guint32 i = 0; i < step->n; i++)
    collect_tasks(e, step->terms[i], tasks);
  return tasks;
}

static gboolean
add_orderings(VnEval *e, VnSpan span, const GArray *before, const GArray *after)
{
  if ((guint64)e->orderings->len + (guint64)before->len * after->len > VN_MAX_ORDERINGS) {
    vn_eval_too_many(e, span, VN_MAX_ORDERINGS, "pairs of tasks in order");
    return FALSE;
  }
  for (guint i = 0; i < after->len; i++)
    for (guint k = 0; k < before->len; k++) {
      VnOrdering ordering = {.before = g_array_index(before, guint32, k),
                             .after = g_array_index(after, guint32, i)};
      g_array_append_val(e->orderings, ordering);
    }
  return TRUE;
}

void
vn_eval_flow(VnEval *e, VnItem *item)
{
  GArray *before = NULL;
  for (guint32 i = 0; i < item->flow.n_steps && !e->exhausted; i++) {
    GArray *after = tasks_of_step(e, &item->flow.steps[i]);
    if (before != NULL)
      add_orderings(e, item->ast->span, before, after);
    g_clear_pointer(&before, g_array_unref);
    before = after;
  }
  g_clear_pointer(&before, g_array_unref);
}

/* One task's `after`, with what flows add to it. */
static void
merge_order(VnEval *e, VnTask *task, const guint32 *more, guint32 n)
{
  GArray *before = g_array_set_size(e->before, 0);
  new_stamp(e);
  for (guint32 i = 0; i < task->n_after; i++)
    add_before(e, task->after[i], before);
  guint32 stated = before->len;
  for (guint32 i = 0; i < n; i++)
    add_before(e, more[i], before);
  if (before->len > stated)
    set_after(e, task, vn_arena_memdup(e->arena, before->data, sizeof(guint32) * before->len),
              before->len);
}

/* Sorts the orderings by the later task (counting), then adds each task's part. */
void
vn_eval_finish_order(VnEval *e)
{
  guint32 n = e->tasks->len;
  if (e->orderings->len == 0 || e->exhausted)
    return;
  g_autofree guint32 *row = g_new0(guint32, (gsize)n + 2);
  g_autofree guint32 *before = g_new(guint32, e->orderings->len);
  const VnOrdering *all = (const VnOrdering *)(gconstpointer)e->orderings->data;
  for (guint i = 0; i < e->orderings->len; i++)
    row[all[i].after + 2]++;
  for (guint32 i = 1; i < n + 2; i++)
    row[i] += row[i - 1];
  for (guint i = 0; i < e->orderings->len; i++)
    before[row[all[i].after + 1]++] = all[i].before;
  for (guint32 i = 0; i < n; i++)
    if (row[i + 1] > row[i])
      merge_order(e, &g_array_index(e->tasks, VnTask, i), before + row[i], row[i + 1] - row[i]);
}
