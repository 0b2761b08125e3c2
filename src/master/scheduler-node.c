/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The state machine of a node, and how the end of one starts the next.
 *
 *   state       event                                          next
 *   ----------  ---------------------------------------------  ---------------------------------
 *   WAITING     last predecessor ended; the run goes on, `when`  READY; BEGIN, GATE, JOIN: DONE at
 *               holds                                            once; wait, stop, END: RUNNING
 *               … `when` is false, or reads what is missing      SKIPPED (followers run)
 *               … `when` can't be evaluated                      FAILED
 *               … what it needs failed under `skip`              SKIPPED (followers too)
 *               … the run stops, and it is not `always`          CANCELLED
 *   READY       slots of VM, site, experiment; end of the turn   RUNNING
 *               the run stops; stop(TASK)                        CANCELLED
 *   RUNNING     ended OK                                         DONE
 *               ended FAILED, attempts left                      BACKOFF, or READY with no pause
 *               ended FAILED, none left; ended BROKEN            FAILED
 *               background, ready                                SERVING (followers run)
 *               timeout (and grace); stop(TASK); the run stops   CANCELLING
 *   BACKOFF     alarm                                            READY
 *               stop(TASK); the run stops                        CANCELLED
 *   SERVING     ended OK                                         DONE
 *               ended otherwise by itself                        FAILED (its policy applies, but
 *                                                                followers have been let go)
 *               stop(TASK); END                                  CANCELLING
 *   CANCELLING  ended, was SERVING                               DONE; BROKEN: FAILED
 *               ended after its timeout                          as RUNNING, ended FAILED
 *               ended OK, FAILED, CANCELLED                      DONE, FAILED, CANCELLED
 *
 * `always` tasks are only cancelled when the run is abandoned: deployment failed, or Ctrl-C came
 * twice. A group's policy applies at its JOIN: a member that failed lets the others end. What
 * serves is left alone when the run stops (an `always` task may need it) and ended by END.
 *
 * Nothing recurses along the graph: a node whose last predecessor ended is put in a list (`open`),
 * which the outermost call from outside (scheduler.c) works off. Answers may therefore come at any
 * time. */
#include "frame/status.h"
#include "master/scheduler-priv.h"

/* A member of a group of several: its JOIN speaks for it. */
static gboolean
has_join(const VnScheduler *s, guint32 n)
{
  const VnNode *node = node_at(s, n);
  return node->kind == VN_NODE_TASK && s->graph->task_node[node->task] != n;
}

gboolean
vn_sched_is_inner(const VnScheduler *s, guint32 n)
{
  switch ((VnNodeKind)node_at(s, n)->kind) {
  case VN_NODE_BEGIN:
  case VN_NODE_GATE:
  case VN_NODE_JOIN:
  case VN_NODE_END:
    return TRUE;
  case VN_NODE_TASK:
    return is_engine_task(s, n);
  case VN_NODE_SEGMENT:
  case VN_NODE_VM:
  case VN_NODE_READY:
  case VN_NODE_PROVE:
  case VN_NODE_TEARDOWN:
    return FALSE;
  }
  g_assert_not_reached();
}

/* Is it given up in the present mode? */
gboolean
vn_sched_is_doomed(const VnScheduler *s, guint32 n)
{
  const VnTask *task = task_of(s, n);
  if (n == s->graph->end || n == s->graph->teardown)
    return FALSE;
  return s->mode == MODE_ABANDONED || (s->mode == MODE_STOPPING && !(task != NULL && task->always));
}

/* ---- the lists ---- */

static void
batch_add(Batch *batch, guint32 n)
{
  if (batch->n == batch->size) {
    batch->size = MAX(256, batch->size * 2);
    batch->nodes = g_renew(guint32, batch->nodes, batch->size);
  }
  batch->nodes[batch->n++] = n;
}

void
vn_sched_append(VnScheduler *s, guint32 n)
{
  s->runs[n].next = VN_NO_ID;
  if (s->open_first == VN_NO_ID)
    s->open_first = n;
  else
    s->runs[s->open_last].next = n;
  s->open_last = n;
}

/* A node may start as far as the graph goes; slots may still hold it back. */
void
vn_sched_make_ready(VnScheduler *s, guint32 n)
{
  s->runs[n].state = VN_STATE_READY;
  if (node_at(s, n)->kind != VN_NODE_TASK || vn_slots_claim(s->slots, n))
    batch_add(&s->batch, n);
}

void
vn_sched_release_slots(VnScheduler *s, guint32 n)
{
  guint32 granted[VN_SLOTS_MAX_GRANTED];
  if (s->slots == NULL || node_at(s, n)->kind != VN_NODE_TASK || is_engine_task(s, n))
    return;
  guint n_granted = vn_slots_release(s->slots, n, granted);
  for (guint k = 0; k < n_granted; k++)
    batch_add(&s->batch, granted[k]);
}

/* ---- the end of a node ---- */

static guint8
told_by(const VnScheduler *s, guint32 n)
{
  const Run *run = &s->runs[n];
  const VnTask *task = task_of(s, n);
  switch ((VnNodeState)run->state) {
  case VN_STATE_DONE:
  case VN_STATE_SERVING:
    return SAW_DONE;
  case VN_STATE_FAILED: {
    gboolean poison = task != NULL && !has_join(s, n) && task->on_failure == VN_ON_FAILURE_SKIP;
    return SAW_FAILED | ((run->flags & FLAG_BROKEN) ? SAW_BROKEN : 0) | (poison ? SAW_POISON : 0);
  }
  case VN_STATE_SKIPPED:
    return run->saw & SAW_POISON;
  case VN_STATE_CANCELLED:
    return SAW_CANCELLED | SAW_POISON;
  case VN_STATE_WAITING:
  case VN_STATE_READY:
  case VN_STATE_RUNNING:
  case VN_STATE_BACKOFF:
  case VN_STATE_CANCELLING:
    break;
  }
  g_assert_not_reached();
}

void
vn_sched_tell(VnScheduler *s, guint32 n)
{
  if ((s->runs[n].flags & FLAG_RELEASED) != 0)
    return;
  s->runs[n].flags |= FLAG_RELEASED;
  guint8 told = told_by(s, n);
  const guint32 *followers = s->graph->followers;
  for (guint32 k = s->graph->row[n]; k < s->graph->row[n + 1]; k++) {
    Run *follower = &s->runs[followers[k]];
    follower->saw |= told;
    if (--follower->waits == 0)
      vn_sched_append(s, followers[k]);
  }
}

static guint32
join_of(const VnScheduler *s, guint32 n)
{
  return s->graph->task_node[node_at(s, n)->task];
}

/* Its group is not complete yet, and will speak for it. */
static gboolean
has_pending_join(const VnScheduler *s, guint32 n)
{
  return has_join(s, n) && !is_terminal(s->runs[join_of(s, n)].state);
}

static void
apply_policy(VnScheduler *s, guint32 n)
{
  const VnTask *task = task_of(s, n);
  gboolean broken = (s->runs[n].flags & FLAG_BROKEN) != 0;
  if (n == s->graph->teardown) {
    if (s->cause == VN_RUN_RUNNING)
      s->cause = VN_RUN_BROKEN;
  } else if (task == NULL) {
    vn_sched_stop(s, MODE_ABANDONED, VN_RUN_BROKEN);
  } else if (has_pending_join(s, n)) {
    s->runs[join_of(s, n)].saw |= told_by(s, n); /* also of one that has served before */
  } else if (task->on_failure == VN_ON_FAILURE_STOP) {
    vn_sched_stop(s, MODE_STOPPING, broken ? VN_RUN_BROKEN : VN_RUN_FAILED);
  }
}

void
vn_sched_end(VnScheduler *s, guint32 n, VnNodeState state, const VnOutcome *outcome)
{
  Run *run = &s->runs[n];
  gboolean served = (run->flags & FLAG_SERVED) != 0;
  const VnNode *node = node_at(s, n);
  run->state = state;
  if (outcome != NULL && outcome->status == VN_NODE_STATUS_BROKEN)
    run->flags |= FLAG_BROKEN;
  if (node->kind == VN_NODE_TASK)
    vn_outcomes_record(s->outcomes, n, state, outcome);
  if (s->observer.node_ended != NULL)
    s->observer.node_ended(n, run->attempt, state, outcome, FALSE, s->data);
  if (state == VN_STATE_FAILED)
    apply_policy(s, n);
  vn_sched_tell(s, n);

  TaskRun *task = node->task != VN_NO_ID ? &s->tasks[node->task] : NULL;
  if (node->kind == VN_NODE_TASK && task->stops != VN_NO_ID && --task->live == 0) {
    for (guint32 stop = task->stops; stop != VN_NO_ID;) {
      guint32 next = s->runs[stop].next;
      vn_sched_append(s, stop);
      stop = next;
    }
    task->stops = VN_NO_ID;
  }
  if (served && --s->n_serving == 0 && s->runs[s->graph->end].state == VN_STATE_RUNNING)
    vn_sched_append(s, s->graph->end);
  if (n == s->graph->teardown)
    s->status = s->cause != VN_RUN_RUNNING ? s->cause : VN_RUN_COMPLETED;
}

/* One that no executor ran, with what is to be known about it. */
void
vn_sched_end_inner(VnScheduler *s, guint32 n, VnNodeState state, const char *error)
{
  Run *run = &s->runs[n];
  gint64 now = clock_now(s);
  VnOutcome outcome = {
      .status = state == VN_STATE_DONE        ? VN_NODE_STATUS_OK
                : state == VN_STATE_CANCELLED ? VN_NODE_STATUS_CANCELLED
                                              : VN_NODE_STATUS_FAILED,
      .outcome = state == VN_STATE_DONE          ? VN_OUTCOME_EXITED
                 : state == VN_STATE_CANCELLED   ? VN_OUTCOME_CANCELLED
                 : (run->flags & FLAG_TIMED_OUT) ? VN_OUTCOME_TIMED_OUT
                                                 : VN_OUTCOME_REFUSED,
      .exit_code = state == VN_STATE_DONE ? 0 : -1,
      .started_ns = run->started - s->epoch,
      .ended_ns = now - s->epoch,
      .elapsed_ns = now - run->started,
      .error = error,
  };
  vn_timers_unset(&s->timers, n);
  vn_sched_end(s, n, state, &outcome);
}

/* ---- cancelling ---- */

/* Asks a node that has not ended to end; what never ran has ended by that. */
void
vn_sched_cancel(VnScheduler *s, guint32 n)
{
  Run *run = &s->runs[n];
  switch ((VnNodeState)run->state) {
  case VN_STATE_READY:
    run->state = VN_STATE_CANCELLED; /* before its slots go to others */
    vn_sched_release_slots(s, n);
    vn_sched_end(s, n, VN_STATE_CANCELLED, NULL);
    return;
  case VN_STATE_BACKOFF:
    vn_timers_unset(&s->timers, n);
    vn_sched_end(s, n, VN_STATE_CANCELLED, NULL);
    return;
  case VN_STATE_RUNNING:
    if (vn_sched_is_inner(s, n)) {
      vn_sched_end_inner(s, n, VN_STATE_CANCELLED, NULL);
      return;
    }
    break;
  case VN_STATE_SERVING:
    break;
  case VN_STATE_WAITING:
  case VN_STATE_CANCELLING:
  case VN_STATE_DONE:
  case VN_STATE_FAILED:
  case VN_STATE_SKIPPED:
  case VN_STATE_CANCELLED:
    return;
  }
  run->state = VN_STATE_CANCELLING;
  vn_timers_unset(&s->timers, n);
  s->executor->ops->cancel(s->executor, n);
}

/* Gives the run up as far as mode says. What waits is found when its turn comes. */
void
vn_sched_stop(VnScheduler *s, Mode mode, VnRunStatus cause)
{
  if (s->cause == VN_RUN_RUNNING)
    s->cause = cause;
  if (s->mode >= mode)
    return;
  s->mode = mode;
  for (guint32 n = 0; n < s->graph->n_nodes; n++) {
    if (s->runs[n].state != VN_STATE_SERVING && vn_sched_is_doomed(s, n))
      vn_sched_cancel(s, n);
  }
}

/* ---- what the scheduler does itself ---- */

static VnArena *
scratch(VnScheduler *s)
{
  if (s->scratch == NULL)
    s->scratch = vn_arena_new();
  return s->scratch;
}

static void
begin_wait(VnScheduler *s, guint32 n)
{
  const VnTask *task = task_of(s, n);
  VnValue time = VN_VALUE_NOTHING;
  g_autoptr(GError) error = NULL;
  if (!vn_expr_evaluate(task->args[0], vn_outcomes_scope(s->outcomes), scratch(s), &time, &error)) {
    vn_sched_end_inner(s, n, VN_STATE_FAILED, error->message);
    return;
  }
  g_assert(time.kind == VN_VALUE_DURATION);
  if (time.i <= 0) {
    vn_sched_end_inner(s, n, VN_STATE_DONE, NULL);
    return;
  }
  gboolean too_long = task->timeout_ns > 0 && task->timeout_ns < time.i;
  if (too_long)
    s->runs[n].flags |= FLAG_TIMED_OUT;
  vn_sched_set_alarm(s, n, too_long ? task->timeout_ns : time.i);
}

/* Members that have not ended are asked to; the `stop` ends when they have. */
static void
begin_stop(VnScheduler *s, guint32 n)
{
  const VnTask *task = task_of(s, n);
  g_assert(task->args[0]->kind == VN_EXPR_CONST && task->args[0]->value.kind == VN_VALUE_TASK);
  guint32 target = task->args[0]->value.id;
  guint32 first = s->graph->task_first[target];
  guint32 count = MAX(s->model->tasks[target].n_targets, 1);
  guint32 live = 0;
  for (guint32 k = first; k < first + count; k++) {
    if (s->runs[k].state == VN_STATE_WAITING) {
      g_autofree char *error = g_strdup_printf("%s has not started", s->model->tasks[target].name);
      vn_sched_end_inner(s, n, VN_STATE_FAILED, error);
      return;
    }
    s->runs[k].flags |= FLAG_STOPPED;
    vn_sched_cancel(s, k);
    live += !is_terminal(s->runs[k].state);
  }
  if (live == 0) {
    vn_sched_end_inner(s, n, VN_STATE_DONE, NULL);
    return;
  }
  s->tasks[target].live = live;
  s->runs[n].next = s->tasks[target].stops;
  s->tasks[target].stops = n;
  vn_sched_set_alarm(s, n, task->timeout_ns);
}

static void
begin_engine_task(VnScheduler *s, guint32 n)
{
  s->runs[n].state = VN_STATE_RUNNING;
  if (s->observer.node_started != NULL)
    s->observer.node_started(n, 0, s->runs[n].started - s->epoch, s->data);
  if (task_of(s, n)->control == VN_CONTROL_WAIT)
    begin_wait(s, n);
  else
    begin_stop(s, n);
}

/* All tasks have ended; what still serves is ended now. */
static void
begin_end(VnScheduler *s)
{
  guint32 end = s->graph->end;
  Run *run = &s->runs[end];
  if (run->state == VN_STATE_WAITING) {
    run->state = VN_STATE_RUNNING;
    for (guint32 n = 0; s->n_serving > 0 && n < end; n++) {
      if (s->runs[n].state == VN_STATE_SERVING)
        vn_sched_cancel(s, n);
    }
  }
  if (s->n_serving == 0 && run->state == VN_STATE_RUNNING)
    vn_sched_end(s, end, VN_STATE_DONE, NULL);
}

/* ---- opening: the last predecessor has ended ---- */

static When
evaluate_when(VnScheduler *s, const VnTask *task)
{
  VnValue value = VN_VALUE_NOTHING;
  g_autoptr(GError) error = NULL;
  if (vn_expr_evaluate(task->when, vn_outcomes_scope(s->outcomes), scratch(s), &value, &error))
    return value.kind == VN_VALUE_BOOL && value.b ? WHEN_TRUE : WHEN_FALSE;
  if (g_error_matches(error, VN_EXPR_ERROR, VN_EXPR_ERROR_MISSING))
    return WHEN_FALSE;
  g_free(s->when_error);
  s->when_error = g_strdup_printf("`when` of %s: %s", task->name, error->message);
  return WHEN_ERROR;
}

static When
task_when(VnScheduler *s, guint32 n)
{
  const VnTask *task = task_of(s, n);
  TaskRun *run = &s->tasks[node_at(s, n)->task];
  if (task->when == NULL)
    return WHEN_TRUE;
  if (run->when == WHEN_UNKNOWN)
    run->when = evaluate_when(s, task);
  return run->when;
}

static void
open_task(VnScheduler *s, guint32 n)
{
  Run *run = &s->runs[n];
  if (run->state == VN_STATE_RUNNING) { /* a `stop` whose task has ended */
    vn_sched_end_inner(s, n, VN_STATE_DONE, NULL);
    return;
  }
  if (is_terminal(run->state)) /* a `stop` that was itself cancelled or too late */
    return;
  switch (task_when(s, n)) {
  case WHEN_TRUE:
    break;
  case WHEN_FALSE:
    vn_sched_end(s, n, VN_STATE_SKIPPED, NULL);
    return;
  case WHEN_ERROR:
    run->started = clock_now(s);
    vn_sched_end_inner(s, n, VN_STATE_FAILED, s->when_error);
    return;
  case WHEN_UNKNOWN:
    g_assert_not_reached();
  }
  if (is_engine_task(s, n)) {
    run->started = clock_now(s);
    begin_engine_task(s, n);
  } else {
    vn_sched_make_ready(s, n);
  }
}

static VnNodeState
join_state(guint8 saw)
{
  if ((saw & SAW_FAILED) != 0)
    return VN_STATE_FAILED;
  if ((saw & SAW_CANCELLED) != 0)
    return VN_STATE_CANCELLED;
  return (saw & SAW_DONE) != 0 ? VN_STATE_DONE : VN_STATE_SKIPPED;
}

static void
open_inner(VnScheduler *s, guint32 n)
{
  Run *run = &s->runs[n];
  VnNodeKind kind = node_at(s, n)->kind;
  if (kind == VN_NODE_BEGIN)
    s->epoch = clock_now(s);
  if (kind == VN_NODE_JOIN && (run->saw & SAW_BROKEN) != 0)
    run->flags |= FLAG_BROKEN;
  if (s->observer.node_started != NULL && kind == VN_NODE_BEGIN)
    s->observer.node_started(n, 0, 0, s->data);
  vn_sched_end(s, n, kind == VN_NODE_JOIN ? join_state(run->saw) : VN_STATE_DONE, NULL);
}

/* TRUE: it will not run, and has ended by that. A JOIN only reports. */
static gboolean
refuse_node(VnScheduler *s, guint32 n)
{
  const VnTask *task = task_of(s, n);
  if (node_at(s, n)->kind == VN_NODE_JOIN || s->runs[n].state != VN_STATE_WAITING)
    return FALSE;
  if (vn_sched_is_doomed(s, n)) {
    vn_sched_end(s, n, VN_STATE_CANCELLED, NULL);
    return TRUE;
  }
  if (task != NULL && task->always) /* what comes after it only looks at it */
    s->runs[n].saw &= (guint8)~SAW_POISON;
  if (task != NULL && (s->runs[n].saw & SAW_POISON) != 0) {
    vn_sched_end(s, n, VN_STATE_SKIPPED, NULL);
    return TRUE;
  }
  return FALSE;
}

void
vn_sched_open(VnScheduler *s, guint32 n)
{
  if (refuse_node(s, n))
    return;
  switch ((VnNodeKind)node_at(s, n)->kind) {
  case VN_NODE_SEGMENT:
  case VN_NODE_VM:
  case VN_NODE_READY:
  case VN_NODE_PROVE:
  case VN_NODE_TEARDOWN:
    vn_sched_make_ready(s, n);
    return;
  case VN_NODE_BEGIN:
  case VN_NODE_GATE:
  case VN_NODE_JOIN:
    open_inner(s, n);
    return;
  case VN_NODE_TASK:
    open_task(s, n);
    return;
  case VN_NODE_END:
    begin_end(s);
    return;
  }
  g_assert_not_reached();
}
