/* SPDX-License-Identifier: GPL-3.0-or-later */
/* VN310: results that are read before they surely exist.
 *
 * As master/outcomes.c answers: of a task that has ended `.ok` is there; of one that ran everything
 * that all tasks have, and its own fields if it ended well (optional ones in any case); of one that
 * was skipped or cancelled nothing else. A background task that serves has `.ok` and `.started`,
 * the rest once it was stopped. A condition is false where it reads what is missing, so of
 * conditions only the order is asked. */
#include "analyze/pass.h"

typedef enum { TOO_EARLY, WITHOUT, SERVING, CANCELLED } Kind;

typedef struct {
  VnAnalysis *analysis;
  guint32 step;  /* the one that reads */
  gboolean when; /* it is its condition */
  GArray *held;  /* of guint32: the step, and a node of each task that must have ended well */
  gboolean found;
  VnFinding finding; /* if found */
} Reader;

typedef struct {
  Kind kind;
  const VnExpr *result;
  VnFate fate;
} Reading;

/* ---- texts ---- */

static void
describe(const VnAnalysis *analysis, const VnFinding *finding, GString *out)
{
  const Reading *reading = finding->data;
  const VnModel *model = analysis->model;
  const VnTask *read = &model->tasks[reading->result->task];
  vn_step_append(analysis, finding->step, out);
  g_string_append_printf(out, " reads `%s.%s`", read->name,
                         vn_model_field_name(model, read, reading->result->index));
  switch (reading->kind) {
  case TOO_EARLY:
    g_string_append_printf(out, ", but may run before `%s` has ended", read->name);
    return;
  case WITHOUT:
    g_string_append(out, reading->fate == VN_FATE_FAILED
                             ? ", which is not there if that fails"
                             : ", which is not there if that is skipped");
    return;
  case SERVING:
    g_string_append(out, ", but it may still be running then: it has that once it was stopped");
    return;
  case CANCELLED:
    g_string_append(out, ", which is not there if that is cancelled because something else fails");
    return;
  }
  g_assert_not_reached();
}

static const char *
hint_of(Kind kind)
{
  switch (kind) {
  case TOO_EARLY:
    return "say `after` it";
  case WITHOUT:
  case CANCELLED:
    return "ask for it first: `when TASK.ok`";
  case SERVING:
    return "say `after` its `stop`";
  }
  g_assert_not_reached();
}

static void
report(Reader *reader, const Reading *reading, guint32 node)
{
  VnAnalysis *analysis = reader->analysis;
  VnFinding finding = {.code = VN_DIAG_VN310,
                       .step = reader->step,
                       .other = node,
                       .cause = vn_cause(analysis, reading->result->task, VN_NO_ID) |
                                (reading->kind + 1),
                       .ends = {reader->step},
                       .n_ends = 1,
                       .span = reading->result->span,
                       .describe = describe,
                       .hint = hint_of(reading->kind)};
  if (reading->kind == WITHOUT) {
    finding.fates[0] = (VnFatedStep){node, (guint8)reading->fate};
    finding.n_fates = 1;
  }
  finding.data = vn_arena_memdup(analysis->arena, reading, sizeof *reading);
  reader->finding = finding;
  reader->found = TRUE;
}

/* All members of the reader's task read the same. */
static void
report_members(Reader *reader, const VnTask *task)
{
  guint32 first = reader->step;
  for (guint32 k = 0; reader->found && k < MAX(task->n_targets, 1); k++) {
    reader->finding.step = reader->finding.ends[0] = first + k;
    vn_find(reader->analysis, &reader->finding);
  }
}

/* ---- what may be missing ---- */

static gboolean
needs_good_end(const VnAnalysis *analysis, const VnExpr *result)
{
  const VnTask *task = &analysis->model->tasks[result->task];
  guint32 own = result->index - VN_FIELD_OWN;
  return result->index >= VN_FIELD_OWN &&
         !(task->control == VN_CONTROL_NONE &&
           analysis->model->actions[task->action].fields[own].optional);
}

static gboolean
stops(const VnAnalysis *analysis, guint32 t, guint32 target)
{
  const VnTask *it = &analysis->model->tasks[t];
  return it->control == VN_CONTROL_STOP && it->n_args > 0 && it->args[0] != NULL &&
         it->args[0]->kind == VN_EXPR_CONST && it->args[0]->value.kind == VN_VALUE_TASK &&
         it->args[0]->value.id == target;
}

/* Does t end what `target` serves on a VM? Losing its machine ends it, too, but with nothing of its
 * own. Gives the node that does it. */
static gboolean
ends_service(const VnAnalysis *analysis, guint32 t, guint32 target, guint32 vm, gboolean own,
             guint32 *out_node)
{
  const VnTask *it = &analysis->model->tasks[t];
  *out_node = analysis->graph->task_first[t];
  if (stops(analysis, t, target))
    return TRUE;
  if (own || (it->control != VN_CONTROL_POWER_OFF && it->control != VN_CONTROL_REVERT))
    return FALSE;
  for (guint32 k = 0; k < it->n_targets; k++)
    if (it->targets[k] == vm) {
      *out_node += k;
      return TRUE;
    }
  return FALSE;
}

/* Has that surely happened when the reader starts? */
static gboolean
has_surely_ended(const Reader *reader, guint32 task, guint32 vm, gboolean own)
{
  VnAnalysis *analysis = reader->analysis;
  VnRunWish wish = {.starts = reader->step};
  guint32 node;
  *vn_order_work(analysis->order) += analysis->model->n_tasks;
  for (guint32 t = 0; t < analysis->model->n_tasks; t++)
    if (ends_service(analysis, t, task, vm, own, &node) &&
        vn_order_task_before(analysis->order, t, analysis->graph->nodes[reader->step].task) &&
        vn_order_task_before(analysis->order, task, t) &&
        vn_runs_lacks(analysis->runs, &wish, node) == VN_FATE_NONE)
      return TRUE;
  return FALSE;
}

static gboolean
is_surely_stopped(const Reader *reader, const VnExpr *result)
{
  const VnTask *task = &reader->analysis->model->tasks[result->task];
  gboolean own = needs_good_end(reader->analysis, result);
  for (guint32 k = 0; k < task->n_targets; k++)
    if ((result->vm == VN_MEMBER_ALL || task->targets[k] == result->vm) &&
        !has_surely_ended(reader, result->task, task->targets[k], own))
      return FALSE;
  return TRUE;
}

typedef struct {
  const VnGraph *graph;
  GArray *held;
} Holding;

/* One node of each task is enough: what it needs is the task's. */
static void
hold(guint32 node, gpointer data)
{
  const Holding *holding = data;
  for (guint i = 0; i < holding->held->len; i++)
    if (holding->graph->nodes[g_array_index(holding->held, guint32, i)].task ==
        holding->graph->nodes[node].task)
      return;
  g_array_append_val(holding->held, node);
}

/* The reader and the tasks whose good end its condition needs, and theirs. */
static void
collect_held(Reader *reader)
{
  Holding holding = {reader->analysis->graph, reader->held};
  g_array_set_size(reader->held, 0);
  hold(reader->step, &holding);
  for (guint i = 0; i < reader->held->len; i++) {
    *vn_order_work(reader->analysis->order) += reader->held->len;
    vn_runs_needs(reader->analysis->runs, g_array_index(reader->held, guint32, i), hold, &holding);
  }
}

static guint32
held_task(const Reader *reader, guint i)
{
  return reader->analysis->graph->nodes[g_array_index(reader->held, guint32, i)].task;
}

/* A failure of `task` under `stop` would keep something from running that must have. */
static gboolean
spoils_held(const Reader *reader, guint32 task)
{
  VnAnalysis *analysis = reader->analysis;
  for (guint i = 0; i < reader->held->len; i++) {
    guint32 held = held_task(reader, i);
    if (held == task ||
        (!analysis->model->tasks[held].always && vn_order_task_before(analysis->order, task, held)))
      return TRUE;
  }
  return FALSE;
}

/* The reader is `always`; may something fail under `stop` before the task has ended, and cancel it?
 */
static gboolean
may_be_cancelled(const Reader *reader, guint32 task)
{
  VnAnalysis *analysis = reader->analysis;
  const VnTask *tasks = analysis->model->tasks;
  guint32 own = analysis->graph->nodes[reader->step].task;
  if (!tasks[own].always || tasks[task].always || spoils_held(reader, task))
    return FALSE;
  *vn_order_work(analysis->order) += analysis->model->n_tasks;
  for (guint32 t = 0; t < analysis->model->n_tasks; t++) {
    if (t == task || vn_runs_is_dead(analysis->runs, t) ||
        vn_order_task_before(analysis->order, task, t))
      continue;
    if (stops(analysis, t, task) && !vn_order_task_before(analysis->order, t, task))
      return TRUE;
    if (tasks[t].on_failure == VN_ON_FAILURE_STOP && !spoils_held(reader, t))
      return TRUE;
  }
  return FALSE;
}

/* ---- one result ---- */

static gboolean
holds_a_member(const Reader *reader, guint32 task)
{
  for (guint i = 0; i < reader->held->len; i++)
    if (held_task(reader, i) == task)
      return TRUE;
  return FALSE;
}

/* The fate that leaves a member without the result; members are alike unless one is held. */
static void
ask_members(Reader *reader, Reading *reading)
{
  VnAnalysis *analysis = reader->analysis;
  const VnExpr *result = reading->result;
  const VnTask *task = &analysis->model->tasks[result->task];
  VnRunWish wish = {.starts = reader->step};
  guint32 first = analysis->graph->task_first[result->task], n = MAX(task->n_targets, 1);
  gboolean alike = !holds_a_member(reader, result->task);
  for (guint32 k = 0; k < n && !reader->found; k++) {
    if (result->vm != VN_MEMBER_ALL && task->n_targets > 0 && task->targets[k] != result->vm)
      continue;
    reading->fate = needs_good_end(analysis, result)
                        ? vn_runs_lacks(analysis->runs, &wish, first + k)
                        : vn_runs_leaves_out(analysis->runs, &wish, first + k);
    if (reading->fate == VN_FATE_SKIPPED || reading->fate == VN_FATE_DROPPED ||
        reading->fate == VN_FATE_FAILED)
      report(reader, reading, first + k);
    if (alike)
      return;
  }
}

static gboolean
reads_of_service(const VnAnalysis *analysis, const VnExpr *result)
{
  const VnTask *task = &analysis->model->tasks[result->task];
  return task->control == VN_CONTROL_NONE && analysis->model->actions[task->action].background &&
         result->index != VN_FIELD_OK && result->index != VN_FIELD_STARTED;
}

static void
look_at(const VnExpr *result, gpointer data)
{
  Reader *reader = data;
  VnAnalysis *analysis = reader->analysis;
  guint32 own = analysis->graph->nodes[reader->step].task;
  guint32 node = analysis->graph->task_first[result->task];
  if (reader->found || (!reader->when && vn_runs_is_dead(analysis->runs, own)))
    return;
  if (!vn_order_task_before(analysis->order, result->task, own)) {
    report(reader, &(Reading){TOO_EARLY, result, VN_FATE_LATER}, node);
    return;
  }
  if (reader->when || result->index == VN_FIELD_OK)
    return;
  ask_members(reader, &(Reading){WITHOUT, result, VN_FATE_NONE});
  if (!reader->found && reads_of_service(analysis, result) && !is_surely_stopped(reader, result))
    report(reader, &(Reading){SERVING, result, VN_FATE_NONE}, node);
  if (!reader->found && may_be_cancelled(reader, result->task))
    report(reader, &(Reading){CANCELLED, result, VN_FATE_NONE}, node);
}

static gboolean
reads_results(const VnTask *task)
{
  if (task->when != NULL && task->when->kind != VN_EXPR_CONST)
    return TRUE;
  for (guint32 k = 0; k < task->n_args; k++)
    if (task->args[k] != NULL && task->args[k]->kind != VN_EXPR_CONST)
      return TRUE;
  return FALSE;
}

static void
look_at_task(Reader *reader, const VnTask *task)
{
  reader->when = TRUE;
  if (task->when != NULL)
    vn_expr_visit_results(task->when, look_at, reader);
  reader->when = FALSE;
  for (guint32 k = 0; k < task->n_args; k++)
    if (task->args[k] != NULL)
      vn_expr_visit_results(task->args[k], look_at, reader);
}

void
vn_pass_read(VnAnalysis *analysis)
{
  g_autoptr(GArray) held = g_array_new(FALSE, FALSE, sizeof(guint32));
  for (guint32 t = 0; t < analysis->model->n_tasks; t++) {
    const VnTask *task = &analysis->model->tasks[t];
    if (!reads_results(task))
      continue;
    if (vn_analysis_is_over(analysis)) {
      vn_undecided(analysis, VN_DIAG_VN310, "the workflow is too large");
      return;
    }
    Reader reader = {.analysis = analysis, .step = analysis->graph->task_first[t], .held = held};
    collect_held(&reader);
    look_at_task(&reader, task);
    report_members(&reader, task);
  }
}
