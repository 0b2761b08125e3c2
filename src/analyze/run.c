/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which steps may lack their effect: the rules of run.h, from those of the scheduler.
 *
 * What must be so for a wish is a small list of steps, `held`: the one that starts, those that
 * work, and what their conditions need, in turn. A step that is held and not `always` starts before
 * the run stops and is not skipped because of others. From that follows what may happen to a step q
 * that lacks its effect:
 *
 *   no held step comes after it        it has not come yet
 *   its task has a free `when`         skipped; if no member of the task is held
 *   on_failure ignore                  failed
 *   on_failure skip                    failed, if that reaches no held step that is not `always`
 *   on_failure stop                    failed, if no held step that is not `always` comes after it
 *   not `always`                       dropped, if a task that skips what comes after it may fail
 * before it, reaches it, and reaches no held step that is not `always`
 *
 * That it is cancelled because the run stops gives nothing more: what would not bear q's own
 * failure does not bear that, either. */
#include "analyze/run.h"

#include <string.h>

typedef struct {
  guint32 task, vm; /* vm VN_MEMBER_ALL: all members */
} Need;

struct VnRuns {
  const VnGraph *graph;
  const VnModel *model;
  VnOrder *order;
  guint8 *dead; /* by task */
  gboolean any_drops; /* some task has `on_failure skip` */
  guint32 *need_row;   /* by task, its needs */
  GArray *needs;       /* of Need */
  GArray *held;        /* of guint32: nodes; those from `n_works` on came from needs */
  GHashTable *in_held; /* nodes */
  VnRunWish wish;      /* that `held` is of; works is our copy */
  GArray *works;       /* of guint32 */
  gboolean possible;
  guint32 *stamps, *stack; /* by task; of searches for what drops a step */
  guint32 dropper;         /* a node: that the last one found */
  guint32 stamp;
};

/* ---- conditions ---- */

static gboolean
is_ok(const VnExpr *expr)
{
  return expr->kind == VN_EXPR_RESULT && expr->index == VN_FIELD_OK;
}

/* What `when` needs, through `and`; at most as deep as expressions are (VN_EXPR_MAX_DEPTH). */
static void
add_needs(VnRuns *runs, guint32 task, const VnExpr *when)
{
  if (when->kind == VN_EXPR_BINARY && when->op == VN_EXPR_AND) {
    add_needs(runs, task, when->operands[0]);
    add_needs(runs, task, when->operands[1]);
    return;
  }
  const VnExpr *result = when;
  if (when->kind == VN_EXPR_CALL && when->op == VN_BUILTIN_ALL && when->n_operands == 1)
    result = when->operands[0];
  if (!is_ok(result) || !vn_order_task_before(runs->order, result->task, task))
    return;
  Need need = {result->task, result->vm};
  g_array_append_val(runs->needs, need);
}

static void
read_conditions(VnRuns *runs)
{
  for (guint32 t = 0; t < runs->model->n_tasks; t++) {
    const VnExpr *when = runs->model->tasks[t].when;
    runs->need_row[t] = runs->needs->len;
    if (when == NULL)
      continue;
    if (when->kind == VN_EXPR_CONST)
      runs->dead[t] = !(when->value.kind == VN_VALUE_BOOL && when->value.b);
    else
      add_needs(runs, t, when);
  }
  runs->need_row[runs->model->n_tasks] = runs->needs->len;
}

static guint32
member_node(const VnRuns *runs, guint32 t, guint32 vm)
{
  const VnTask *task = &runs->model->tasks[t];
  for (guint32 k = 0; k < task->n_targets; k++)
    if (task->targets[k] == vm)
      return runs->graph->task_first[t] + k;
  g_assert_not_reached();
}

gboolean
vn_runs_has_needs(const VnRuns *runs, guint32 task)
{
  return runs->needs->len > 0 && runs->need_row[task] != runs->need_row[task + 1];
}

void
vn_runs_needs(const VnRuns *runs, guint32 step, VnRunNeed need, gpointer data)
{
  guint32 task = runs->graph->nodes[step].task;
  for (guint32 k = runs->need_row[task]; k < runs->need_row[task + 1]; k++) {
    const Need *one = &g_array_index(runs->needs, Need, k);
    guint32 first = runs->graph->task_first[one->task];
    guint32 n = MAX(runs->model->tasks[one->task].n_targets, 1);
    if (one->vm != VN_MEMBER_ALL) {
      first = member_node(runs, one->task, one->vm);
      n = 1;
    }
    for (guint32 m = 0; m < n; m++)
      need(first + m, data);
  }
}

/* ---- making ---- */

VnRuns *
vn_runs_new(const VnGraph *graph, VnOrder *order)
{
  VnRuns *runs = g_new0(VnRuns, 1);
  gsize n = graph->model->n_tasks;
  runs->graph = graph;
  runs->model = graph->model;
  runs->order = order;
  runs->dead = g_new0(guint8, n + 1);
  runs->need_row = g_new0(guint32, n + 1);
  runs->needs = g_array_new(FALSE, FALSE, sizeof(Need));
  runs->held = g_array_new(FALSE, FALSE, sizeof(guint32));
  runs->works = g_array_new(FALSE, FALSE, sizeof(guint32));
  runs->in_held = g_hash_table_new(NULL, NULL);
  runs->wish.starts = VN_NO_ID;
  runs->stamps = g_new0(guint32, n + 1);
  runs->stack = g_new(guint32, n + 1);
  read_conditions(runs);
  for (guint32 t = 0; t < n; t++)
    runs->any_drops |= graph->model->tasks[t].on_failure == VN_ON_FAILURE_SKIP;
  return runs;
}

void
vn_runs_free(VnRuns *runs)
{
  if (runs == NULL)
    return;
  g_free(runs->dead);
  g_free(runs->need_row);
  g_array_unref(runs->needs);
  g_array_unref(runs->held);
  g_array_unref(runs->works);
  g_hash_table_unref(runs->in_held);
  g_free(runs->stamps);
  g_free(runs->stack);
  g_free(runs);
}

void
vn_runs_mark_dead(VnRuns *runs, guint32 task)
{
  runs->dead[task] = TRUE;
  runs->wish.starts = VN_NO_ID;
  g_array_set_size(runs->held, 0);
}

gboolean
vn_runs_is_dead(const VnRuns *runs, guint32 task)
{
  return runs->dead[task];
}

/* ---- wishes ---- */

static guint32
task_of(const VnRuns *runs, guint32 node)
{
  return runs->graph->nodes[node].task;
}

static gboolean
is_held(const VnRuns *runs, guint32 node)
{
  return g_hash_table_contains(runs->in_held, GUINT_TO_POINTER(node));
}

static void
hold(guint32 node, gpointer data)
{
  VnRuns *runs = data;
  if (g_hash_table_add(runs->in_held, GUINT_TO_POINTER(node)))
    g_array_append_val(runs->held, node);
}

static gboolean
is_wish(const VnRuns *runs, const VnRunWish *wish)
{
  return runs->held->len > 0 && runs->wish.starts == wish->starts &&
         runs->wish.early == wish->early &&
         runs->works->len == wish->n_works &&
         (wish->n_works == 0 ||
          memcmp(runs->works->data, wish->works, wish->n_works * sizeof(guint32)) == 0);
}

static gboolean
is_possible(const VnRuns *runs)
{
  for (guint i = 0; i < runs->held->len; i++) {
    guint32 node = g_array_index(runs->held, guint32, i);
    if (runs->dead[task_of(runs, node)] ||
        (runs->wish.starts != VN_NO_ID && vn_order_before(runs->order, runs->wish.starts, node)))
      return FALSE;
  }
  return TRUE;
}

static void
take_wish(VnRuns *runs, const VnRunWish *wish)
{
  if (is_wish(runs, wish))
    return;
  runs->wish.starts = wish->starts;
  runs->wish.early = wish->early;
  g_array_set_size(runs->works, 0);
  if (wish->n_works > 0)
    g_array_append_vals(runs->works, wish->works, wish->n_works);
  g_array_set_size(runs->held, 0);
  g_hash_table_remove_all(runs->in_held);
  if (wish->starts != VN_NO_ID)
    hold(wish->starts, runs);
  for (guint i = 0; i < wish->n_works; i++)
    hold(wish->works[i], runs);
  for (guint i = 0; i < runs->held->len; i++)
    vn_runs_needs(runs, g_array_index(runs->held, guint32, i), hold, runs);
  runs->possible = is_possible(runs);
}

gboolean
vn_runs_possible(VnRuns *runs, const VnRunWish *wish)
{
  if (wish->n_works == 0 && wish->starts != VN_NO_ID &&
      !vn_runs_has_needs(runs, task_of(runs, wish->starts)))
    return !runs->dead[task_of(runs, wish->starts)];
  take_wish(runs, wish);
  return runs->possible;
}

/* ---- what a step may lack ---- */

static gboolean
comes_before_held(VnRuns *runs, guint32 task)
{
  for (guint i = 0; i < runs->held->len; i++)
    if (vn_order_task_before(runs->order, task,
                             task_of(runs, g_array_index(runs->held, guint32, i))))
      return TRUE;
  return FALSE;
}

static gboolean
shares_task_with_held(const VnRuns *runs, guint32 task)
{
  for (guint i = 0; i < runs->held->len; i++)
    if (task_of(runs, g_array_index(runs->held, guint32, i)) == task)
      return TRUE;
  return FALSE;
}

typedef gboolean (*Relation)(VnOrder *order, guint32 a, guint32 b);

/* Has the task the relation to a held step that is not `always`? */
static gboolean
touches_held(VnRuns *runs, guint32 task, Relation relation)
{
  for (guint i = 0; i < runs->held->len; i++) {
    guint32 held = task_of(runs, g_array_index(runs->held, guint32, i));
    if (!runs->model->tasks[held].always && relation(runs->order, task, held))
      return TRUE;
  }
  return FALSE;
}

/* A member of the task that may fail, and the task with it; VN_NO_ID: all must work. */
static guint32
free_member(const VnRuns *runs, guint32 task)
{
  guint32 first = runs->graph->task_first[task];
  guint32 n = MAX(runs->model->tasks[task].n_targets, 1);
  for (guint32 k = 0; k < n; k++)
    if (!is_held(runs, first + k))
      return first + k;
  return VN_NO_ID;
}

/* May what comes after it be skipped because of it? */
static gboolean
may_drop(VnRuns *runs, guint32 task)
{
  return runs->model->tasks[task].on_failure == VN_ON_FAILURE_SKIP && !runs->dead[task] &&
         free_member(runs, task) != VN_NO_ID && !touches_held(runs, task, vn_order_task_carries);
}

/* Backwards from a task, not through `always` ones: does something drop it? */
static gboolean
may_be_dropped(VnRuns *runs, guint32 task)
{
  runs->dropper = VN_NO_ID;
  if (!runs->any_drops || runs->model->tasks[task].always ||
      touches_held(runs, task, vn_order_task_carries))
    return FALSE;
  guint32 depth = 0;
  if (++runs->stamp == 0) {
    memset(runs->stamps, 0, runs->model->n_tasks * sizeof(guint32));
    runs->stamp = 1;
  }
  runs->stack[depth++] = task;
  while (depth > 0) {
    const VnTask *at = &runs->model->tasks[runs->stack[--depth]];
    *vn_order_work(runs->order) += at->n_after;
    for (guint32 k = 0; k < at->n_after; k++) {
      guint32 before = at->after[k];
      if (runs->stamps[before] == runs->stamp)
        continue;
      runs->stamps[before] = runs->stamp;
      if (may_drop(runs, before)) {
        runs->dropper = free_member(runs, before);
        return TRUE;
      }
      if (!runs->model->tasks[before].always)
        runs->stack[depth++] = before;
    }
  }
  return FALSE;
}

static gboolean
may_fail(VnRuns *runs, guint32 task)
{
  switch ((VnOnFailure)runs->model->tasks[task].on_failure) {
  case VN_ON_FAILURE_IGNORE:
    return TRUE;
  case VN_ON_FAILURE_SKIP:
    return !touches_held(runs, task, vn_order_task_carries);
  case VN_ON_FAILURE_STOP: /* it comes before a held step, and that before the one that starts */
    return !touches_held(runs, task, vn_order_task_before) &&
           !(runs->wish.early && runs->wish.starts != VN_NO_ID &&
             !runs->model->tasks[task_of(runs, runs->wish.starts)].always);
  }
  g_assert_not_reached();
}

static VnFate
find_fate(VnRuns *runs, const VnRunWish *wish, guint32 lacks, gboolean by_failure)
{
  guint32 task = task_of(runs, lacks);
  take_wish(runs, wish);
  if (runs->dead[task])
    return VN_FATE_DEAD;
  if (is_held(runs, lacks) && lacks != wish->starts)
    return VN_FATE_NONE;
  if (!comes_before_held(runs, task))
    return VN_FATE_LATER;
  if (runs->model->tasks[task].when != NULL &&
      runs->model->tasks[task].when->kind != VN_EXPR_CONST && !shares_task_with_held(runs, task))
    return VN_FATE_SKIPPED;
  if (by_failure && may_fail(runs, task))
    return VN_FATE_FAILED;
  return may_be_dropped(runs, task) ? VN_FATE_DROPPED : VN_FATE_NONE;
}

VnFate
vn_runs_lacks(VnRuns *runs, const VnRunWish *wish, guint32 lacks)
{
  return find_fate(runs, wish, lacks, TRUE);
}

VnFate
vn_runs_leaves_out(VnRuns *runs, const VnRunWish *wish, guint32 step)
{
  return find_fate(runs, wish, step, FALSE);
}

guint32
vn_runs_dropper(const VnRuns *runs)
{
  return runs->dropper;
}

guint32
vn_runs_stopper(VnRuns *runs, const VnRunWish *wish, guint32 step, guint32 task)
{
  guint32 own = task_of(runs, step);
  const VnTask *tasks = runs->model->tasks;
  take_wish(runs, wish);
  if (tasks[own].always || is_held(runs, step) || own == task || runs->dead[task] ||
      tasks[task].on_failure != VN_ON_FAILURE_STOP ||
      vn_order_task_before(runs->order, own, task) ||
      touches_held(runs, own, vn_order_task_before) ||
      touches_held(runs, task, vn_order_task_before))
    return VN_NO_ID;
  return free_member(runs, task);
}
