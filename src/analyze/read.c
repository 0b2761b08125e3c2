/* SPDX-License-Identifier: GPL-3.0-or-later */
/* VN310: results that are read before they surely exist.
 *
 * As master/outcomes.c answers: of a task that has ended `.ok` is there; of one that ran everything
 * that all tasks have, and its own fields if it ended well (optional ones in any case); of one that
 * was skipped or cancelled nothing else. A background task that serves has `.ok` and `.started`,
 * the rest once it was stopped; one that loses its machine first has failed. A condition is false
 * where it reads what is missing, so of conditions only the order is asked.
 *
 * A step has one finding, its shortest. Mostly all that must have ended is what comes before the
 * reader. Where the run must stop, or the machine be taken away, by a step that has no order with
 * it, that step and all before it belong to the order, too. */
#include "analyze/pass.h"
#include "model/bound.h"

typedef enum { TOO_EARLY, WITHOUT, SERVING, CUT, CANCELLED } Kind;

typedef struct {
  VnAnalysis *analysis;
  guint32 step;  /* the one that reads */
  gboolean when; /* it is its condition */
  gboolean found;
  VnFinding finding; /* if found: the shortest so far */
} Reader;

typedef struct {
  Kind kind;
  const VnExpr *result;
  VnFate fate;
  guint32 member; /* the TASK node that is read, where it is one */
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
  case CUT:
    g_string_append(out, ", which is not there if ");
    vn_step_append(analysis, finding->other, out);
    g_string_append(out, " ends it before it is stopped");
    return;
  case CANCELLED:
    g_string_append(out, ", which is not there if ");
    vn_step_append(analysis, finding->other, out);
    g_string_append(out, " fails and it is cancelled");
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
  case CUT:
    return "let its `stop` come before that";
  }
  g_assert_not_reached();
}

static gboolean
is_shortest(const Reader *reader)
{
  return reader->found && reader->finding.n_ends == 1;
}

static void
offer(Reader *reader, const VnFinding *finding)
{
  VnFinding *best = &reader->finding;
  if (reader->found && finding->n_ends >= best->n_ends && finding->length >= best->length)
    return;
  *best = *finding;
  reader->found = TRUE;
}

/* Because of `node`; unless that comes before the reader it is one of the ends. */
static void
report(Reader *reader, const Reading *reading, guint32 node, VnFate fate)
{
  VnAnalysis *analysis = reader->analysis;
  gboolean before = reading->kind != CUT && reading->kind != CANCELLED;
  VnFinding finding = {.code = VN_DIAG_VN310,
                       .step = reader->step,
                       .other = node,
                       .cause = vn_cause(analysis, reading->result->task, VN_NO_ID) |
                                (reading->kind + 1),
                       .span = reading->result->span,
                       .describe = describe,
                       .hint = hint_of(reading->kind)};
  if (!before && !vn_order_before(analysis->order, node, reader->step))
    finding.ends[finding.n_ends++] = node;
  finding.ends[finding.n_ends++] = reader->step;
  if (finding.n_ends > 1) {
    guint32 n = vn_step_task(analysis, node)->n_targets;
    finding.length = vn_witness_length(analysis, finding.ends, 2, G_MAXUINT32);
    if (reading->kind == CANCELLED && n > 1) { /* it fails when all its members have ended */
      finding.n_whole = 1;
      finding.length += n - 1;
    }
  }
  if (reading->kind == CANCELLED)
    vn_fates_add(analysis->runs, finding.fates, &finding.n_fates, reading->member,
                 VN_FATE_CANCELLED);
  if (fate != VN_FATE_NONE)
    vn_fates_add(analysis->runs, finding.fates, &finding.n_fates, node, fate);
  finding.data = vn_arena_memdup(analysis->arena, reading, sizeof *reading);
  offer(reader, &finding);
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

/* A member of the task that is read. */
typedef struct {
  guint32 task, node, vm;
  gboolean own; /* it is read what needs a good end */
} Member;

static gboolean
takes_machine(const VnTask *task)
{
  return task->control == VN_CONTROL_POWER_OFF || task->control == VN_CONTROL_REVERT;
}

/* Does t end what the member serves? Losing its machine ends it, too, but with nothing of its own.
 * Gives the node that does it. */
static gboolean
ends_service(const VnAnalysis *analysis, guint32 t, const Member *member, guint32 *out_node)
{
  const VnTask *it = &analysis->model->tasks[t];
  guint32 stopped;
  *out_node = analysis->graph->task_first[t];
  if (vn_task_stops(it, &stopped))
    return stopped == member->task;
  if (member->own || !takes_machine(it))
    return FALSE;
  for (guint32 k = 0; k < it->n_targets; k++)
    if (it->targets[k] == member->vm) {
      *out_node += k;
      return TRUE;
    }
  return FALSE;
}

/* Has something surely ended it when the wish's step starts, and before `by` (VN_NO_ID: that)? */
static gboolean
has_surely_ended(VnAnalysis *analysis, const VnRunWish *wish, const Member *member, guint32 by)
{
  guint32 last = analysis->graph->nodes[by != VN_NO_ID ? by : wish->starts].task, node;
  *vn_order_work(analysis->order) += analysis->model->n_tasks;
  for (guint32 t = 0; t < analysis->model->n_tasks; t++)
    if (ends_service(analysis, t, member, &node) &&
        vn_order_task_before(analysis->order, t, last) &&
        vn_order_task_before(analysis->order, member->task, t) &&
        vn_runs_lacks(analysis->runs, wish, node) == VN_FATE_NONE)
      return TRUE;
  return FALSE;
}

/* Does `node` take its machine away while it serves, in some run in which the reader starts? */
static gboolean
may_cut(VnAnalysis *analysis, guint32 reader, const Member *member, guint32 node)
{
  guint32 works[2] = {member->node, node};
  VnRunWish wish = {reader, works, 2, TRUE};
  return node != reader && takes_machine(vn_step_task(analysis, node)) &&
         !vn_order_before(analysis->order, node, member->node) &&
         !vn_order_before(analysis->order, reader, node) &&
         vn_runs_possible(analysis->runs, &wish) &&
         !has_surely_ended(analysis, &wish, member, node);
}

/* A background task that is ready, and what it has only once it was stopped. */
static void
ask_service(Reader *reader, Reading *reading, const Member *member)
{
  VnAnalysis *analysis = reader->analysis;
  VnRunWish wish = {.starts = reader->step};
  if (!has_surely_ended(analysis, &wish, member, VN_NO_ID)) {
    reading->kind = SERVING;
    report(reader, reading, member->node, VN_FATE_NONE);
    return;
  }
  reading->kind = CUT;
  for (guint32 s = analysis->vm_row[member->vm];
       member->own && s < analysis->vm_row[member->vm + 1]; s++)
    if (may_cut(analysis, reader->step, member, analysis->vm_steps[s]))
      report(reader, reading, analysis->vm_steps[s], VN_FATE_NONE);
}

/* An `always` step may start although something failed, and with that the task was cancelled. */
static void
ask_stoppers(Reader *reader, Reading *reading, const Member *member)
{
  VnAnalysis *analysis = reader->analysis;
  VnRunWish wish = {.starts = reader->step};
  if (!vn_step_task(analysis, reader->step)->always || analysis->model->tasks[member->task].always)
    return;
  reading->kind = CANCELLED;
  *vn_order_work(analysis->order) += analysis->model->n_tasks;
  for (guint32 t = 0; t < analysis->model->n_tasks && !is_shortest(reader); t++) {
    guint32 failing = vn_runs_stopper(analysis->runs, &wish, member->node, t);
    if (failing != VN_NO_ID)
      report(reader, reading, failing, VN_FATE_FAILED);
  }
}

/* ---- one result ---- */

static gboolean
serves(const VnAnalysis *analysis, const VnExpr *result)
{
  const VnTask *task = &analysis->model->tasks[result->task];
  return task->control == VN_CONTROL_NONE && analysis->model->actions[task->action].background &&
         result->index != VN_FIELD_STARTED;
}

static void
ask_member(Reader *reader, const VnExpr *result, guint32 k)
{
  VnAnalysis *analysis = reader->analysis;
  const VnTask *task = &analysis->model->tasks[result->task];
  VnRunWish wish = {.starts = reader->step};
  Member member = {.task = result->task,
                   .node = analysis->graph->task_first[result->task] + k,
                   .vm = task->n_targets > 0 ? task->targets[k] : VN_NO_ID,
                   .own = needs_good_end(analysis, result)};
  VnFate fate = member.own ? vn_runs_lacks(analysis->runs, &wish, member.node)
                           : vn_runs_leaves_out(analysis->runs, &wish, member.node);
  Reading reading = {WITHOUT, result, fate, member.node};
  if (fate == VN_FATE_SKIPPED || fate == VN_FATE_DROPPED || fate == VN_FATE_FAILED) {
    report(reader, &reading, member.node, fate);
    return;
  }
  if (serves(analysis, result))
    ask_service(reader, &reading, &member);
  if (!is_shortest(reader))
    ask_stoppers(reader, &reading, &member);
}

/* Members are alike unless something must have ended well, or they lose their machines. */
static void
ask_members(Reader *reader, const VnExpr *result)
{
  VnAnalysis *analysis = reader->analysis;
  const VnTask *task = &analysis->model->tasks[result->task];
  gboolean alike = !vn_runs_has_needs(analysis->runs, analysis->graph->nodes[reader->step].task) &&
                   !serves(analysis, result);
  for (guint32 k = 0; k < MAX(task->n_targets, 1) && !is_shortest(reader); k++) {
    if (result->vm != VN_MEMBER_ALL && task->n_targets > 0 && task->targets[k] != result->vm)
      continue;
    if (vn_analysis_is_over(analysis))
      return;
    ask_member(reader, result, k);
    if (alike)
      return;
  }
}

static void
look_at(const VnExpr *result, gpointer data)
{
  Reader *reader = data;
  VnAnalysis *analysis = reader->analysis;
  guint32 own = analysis->graph->nodes[reader->step].task;
  guint32 node = analysis->graph->task_first[result->task];
  if (is_shortest(reader) || (!reader->when && vn_runs_is_dead(analysis->runs, own)))
    return;
  if (!vn_order_task_before(analysis->order, result->task, own))
    report(reader, &(Reading){TOO_EARLY, result, VN_FATE_LATER, node}, node, VN_FATE_NONE);
  else if (!reader->when && result->index != VN_FIELD_OK)
    ask_members(reader, result);
}

static void
look_at_step(VnAnalysis *analysis, const VnTask *task, guint32 step, guint32 n_alike)
{
  Reader reader = {.analysis = analysis, .step = step, .when = TRUE};
  if (task->when != NULL)
    vn_expr_visit_results(task->when, look_at, &reader);
  reader.when = FALSE;
  for (guint32 k = 0; k < task->n_args; k++)
    if (task->args[k] != NULL)
      vn_expr_visit_results(task->args[k], look_at, &reader);
  for (guint32 k = 0; reader.found && k < n_alike; k++) {
    reader.finding.step = step + k;
    reader.finding.ends[reader.finding.n_ends - 1] = step + k;
    vn_find(analysis, &reader.finding);
  }
}

/* All members of a task read the same; one that is switched may be what another must fear. */
static void
look_at_task(VnAnalysis *analysis, guint32 t)
{
  const VnTask *task = &analysis->model->tasks[t];
  guint32 first = analysis->graph->task_first[t], n = MAX(task->n_targets, 1);
  guint32 n_alike = takes_machine(task) ? 1 : n;
  for (guint32 k = 0; k < n; k += n_alike)
    look_at_step(analysis, task, first + k, n_alike);
}

void
vn_pass_read(VnAnalysis *analysis)
{
  for (guint32 k = 0; k < analysis->n_readers; k++) {
    if (vn_analysis_is_over(analysis)) {
      vn_undecided(analysis, VN_DIAG_VN310, "the workflow is too large");
      return;
    }
    look_at_task(analysis, analysis->readers[k]);
  }
}
