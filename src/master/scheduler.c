/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The scheduler's calls from outside: making and freeing it, the executor's answers, alarms, the
 * batches of a turn. What they do to nodes stands in scheduler-node.c, with the table of states.
 *
 * Every call enters and leaves; what it opened is worked off when the outermost one leaves, so
 * that an executor may answer from within `start` and `cancel`. */
#include "frame/status.h"
#include "master/scheduler-priv.h"

static void
enter(VnScheduler *s)
{
  s->depth++;
}

static void
leave(VnScheduler *s)
{
  while (s->depth == 1 && s->open_first != VN_NO_ID) {
    guint32 n = s->open_first;
    s->open_first = s->runs[n].next;
    vn_sched_open(s, n);
  }
  if (--s->depth > 0)
    return;
  g_clear_pointer(&s->scratch, vn_arena_free);
  if (s->status != VN_RUN_RUNNING && !s->told_finished) {
    s->told_finished = TRUE;
    if (s->observer.finished != NULL)
      s->observer.finished(s->status, s->data);
  }
}

VnScheduler *
vn_scheduler_new(const VnGraph *graph, VnExecutor *executor, const VnSchedulerObserver *observer,
                 const VnSchedulerLimits *limits, gpointer data)
{
  VnScheduler *s = g_new0(VnScheduler, 1);
  s->graph = graph;
  s->model = graph->model;
  s->executor = executor;
  if (observer != NULL)
    s->observer = *observer;
  s->data = data;
  s->runs = g_new0(Run, graph->n_nodes);
  for (guint32 n = 0; n < graph->n_nodes; n++)
    s->runs[n].waits = graph->nodes[n].n_before;
  s->tasks = g_new0(TaskRun, s->model->n_tasks + 1);
  for (guint32 t = 0; t < s->model->n_tasks; t++)
    s->tasks[t].stops = VN_NO_ID;
  s->slots = vn_slots_new(graph, limits);
  vn_timers_init(&s->timers, graph->n_nodes);
  s->outcomes = vn_outcomes_new(graph);
  s->open_first = VN_NO_ID;
  return s;
}

void
vn_scheduler_free(VnScheduler *s)
{
  if (s == NULL)
    return;
  g_free(s->runs);
  g_free(s->tasks);
  vn_slots_free(s->slots);
  vn_timers_clear(&s->timers);
  vn_outcomes_free(s->outcomes);
  vn_arena_free(s->scratch);
  g_free(s->batch.nodes);
  g_free(s->handed.nodes);
  g_free(s->attempts);
  g_free(s->when_error);
  g_free(s);
}

void
vn_scheduler_start(VnScheduler *s)
{
  enter(s);
  s->epoch = clock_now(s);
  for (guint32 n = 0; n < s->graph->n_nodes; n++) {
    if (s->runs[n].waits == 0)
      vn_sched_append(s, n);
  }
  leave(s);
  vn_scheduler_turn(s);
}

static VnNodeState
judge(const VnScheduler *s, guint32 n, VnNodeStatus status)
{
  const Run *run = &s->runs[n];
  if (run->state == VN_STATE_CANCELLING) {
    if ((run->flags & FLAG_SERVED) != 0)
      return status == VN_NODE_STATUS_BROKEN ? VN_STATE_FAILED : VN_STATE_DONE;
    if ((run->flags & FLAG_TIMED_OUT) != 0)
      return VN_STATE_FAILED;
    if (status == VN_NODE_STATUS_CANCELLED)
      return VN_STATE_CANCELLED;
  }
  return status == VN_NODE_STATUS_OK ? VN_STATE_DONE : VN_STATE_FAILED;
}

static gboolean
may_retry(const VnScheduler *s, guint32 n, VnNodeStatus status)
{
  const Run *run = &s->runs[n];
  if (node_at(s, n)->kind != VN_NODE_TASK || vn_sched_is_doomed(s, n) ||
      status == VN_NODE_STATUS_BROKEN)
    return FALSE;
  if (run->state == VN_STATE_CANCELLING && (run->flags & FLAG_TIMED_OUT) == 0)
    return FALSE;
  return (run->flags & (FLAG_SERVED | FLAG_STOPPED)) == 0 && run->attempt < task_of(s, n)->retries;
}

static void
retry_node(VnScheduler *s, guint32 n, const VnOutcome *outcome)
{
  Run *run = &s->runs[n];
  gint64 every = task_of(s, n)->retry_every_ns;
  if (s->observer.node_ended != NULL)
    s->observer.node_ended(n, run->attempt, VN_STATE_FAILED, outcome, TRUE, s->data);
  run->attempt++;
  run->flags &= (guint8)~FLAG_TIMED_OUT;
  if (every <= 0) {
    vn_sched_make_ready(s, n);
    return;
  }
  run->state = VN_STATE_BACKOFF;
  vn_timers_set(&s->timers, n, clock_now(s) + every);
}

static void
complete_outcome(const VnScheduler *s, guint32 n, VnOutcome *outcome)
{
  const Run *run = &s->runs[n];
  outcome->started_ns = run->started - s->epoch;
  outcome->ended_ns = clock_now(s) - s->epoch;
  if (outcome->elapsed_ns == 0)
    outcome->elapsed_ns = outcome->ended_ns - outcome->started_ns;
  if ((run->flags & FLAG_TIMED_OUT) != 0 && outcome->status != VN_NODE_STATUS_BROKEN) {
    outcome->status = VN_NODE_STATUS_FAILED;
    outcome->outcome = VN_OUTCOME_TIMED_OUT;
    outcome->error = "it did not end in time and was cancelled";
  }
}

void
vn_scheduler_ended(VnScheduler *s, guint32 n, const VnOutcome *outcome)
{
  g_assert(n < s->graph->n_nodes && !vn_sched_is_inner(s, n));
  Run *run = &s->runs[n];
  g_assert(run->state == VN_STATE_RUNNING || run->state == VN_STATE_SERVING ||
           run->state == VN_STATE_CANCELLING);
  enter(s);
  VnOutcome full = *outcome;
  complete_outcome(s, n, &full);
  VnNodeState state = judge(s, n, outcome->status);
  gboolean again = state == VN_STATE_FAILED && may_retry(s, n, outcome->status);
  vn_timers_unset(&s->timers, n);
  if ((run->flags & FLAG_SERVED) == 0)
    vn_sched_release_slots(s, n);
  if (again)
    retry_node(s, n, &full);
  else
    vn_sched_end(s, n, state, &full);
  leave(s);
}

/* Slots limit what works at once; one that serves gives them back, or a listener on each VM would
 * keep all tasks out. */
void
vn_scheduler_serving(VnScheduler *s, guint32 n)
{
  Run *run = &s->runs[n];
  if (run->state != VN_STATE_RUNNING)
    return; /* it was asked to end meanwhile */
  enter(s);
  gint64 at = clock_now(s) - s->epoch;
  run->state = VN_STATE_SERVING;
  run->flags |= FLAG_SERVED;
  s->n_serving++;
  vn_timers_unset(&s->timers, n);
  vn_sched_release_slots(s, n);
  VnOutcome so_far = {.started_ns = run->started - s->epoch};
  vn_outcomes_record(s->outcomes, n, VN_STATE_SERVING, &so_far);
  if (s->observer.node_serving != NULL)
    s->observer.node_serving(n, at, s->data);
  vn_sched_tell(s, n);
  leave(s);
}

static void
alarm_rings(VnScheduler *s, guint32 n)
{
  Run *run = &s->runs[n];
  if (run->state == VN_STATE_BACKOFF) {
    vn_sched_make_ready(s, n);
    return;
  }
  g_assert(run->state == VN_STATE_RUNNING);
  gboolean too_long = (run->flags & FLAG_TIMED_OUT) != 0;
  if (is_engine_task(s, n) && task_of(s, n)->control == VN_CONTROL_WAIT && !too_long) {
    vn_sched_end_inner(s, n, VN_STATE_DONE, NULL);
    return;
  }
  run->flags |= FLAG_TIMED_OUT;
  if (is_engine_task(s, n))
    vn_sched_end_inner(s, n, VN_STATE_FAILED, "it did not end in time");
  else
    vn_sched_cancel(s, n);
}

void
vn_scheduler_alarm(VnScheduler *s)
{
  guint32 n = 0;
  enter(s);
  s->armed = 0;
  gint64 now = clock_now(s);
  while (vn_timers_pop(&s->timers, now, &n))
    alarm_rings(s, n);
  leave(s);
  vn_scheduler_turn(s);
}

static gint64
backstop(const VnTask *task)
{
  if (task == NULL || task->timeout_ns == 0)
    return 0;
  return task->timeout_ns + (task->control == VN_CONTROL_NONE ? VN_SCHEDULER_GRACE_NS : 0);
}

/* What is still READY in the batch becomes RUNNING, and `handed`. */
static void
take_batch(VnScheduler *s)
{
  Batch taken = s->batch;
  s->batch = s->handed;
  s->batch.n = 0;
  s->handed = taken;
  if (s->attempts_size < taken.size) {
    s->attempts_size = taken.size;
    s->attempts = g_renew(guint32, s->attempts, s->attempts_size);
  }
  gint64 now = clock_now(s);
  guint32 n_kept = 0;
  for (guint32 k = 0; k < taken.n; k++) {
    guint32 n = taken.nodes[k];
    Run *run = &s->runs[n];
    if (run->state != VN_STATE_READY)
      continue;
    run->state = VN_STATE_RUNNING;
    run->started = now;
    vn_sched_set_alarm(s, n, backstop(task_of(s, n)));
    if (s->observer.node_started != NULL)
      s->observer.node_started(n, run->attempt, now - s->epoch, s->data);
    s->attempts[n_kept] = run->attempt;
    s->handed.nodes[n_kept++] = n;
  }
  s->handed.n = n_kept;
}

static void
arm(VnScheduler *s)
{
  gint64 at = vn_timers_empty(&s->timers) ? 0 : vn_timers_next(&s->timers);
  if (at == s->armed)
    return;
  s->armed = at;
  s->executor->ops->set_alarm(s->executor, at);
}

void
vn_scheduler_turn(VnScheduler *s)
{
  if (s->turning)
    return;
  s->turning = TRUE;
  while (s->batch.n > 0) {
    enter(s);
    take_batch(s);
    if (s->handed.n > 0)
      s->executor->ops->start(s->executor, s->handed.nodes, s->attempts, s->handed.n);
    leave(s);
  }
  arm(s);
  s->turning = FALSE;
}

void
vn_scheduler_interrupt(VnScheduler *s)
{
  if (is_terminal(s->runs[s->graph->end].state))
    return;
  enter(s);
  gboolean begun = s->runs[s->graph->begin].state == VN_STATE_DONE;
  vn_sched_stop(s, begun && !s->interrupted ? MODE_STOPPING : MODE_ABANDONED, VN_RUN_INTERRUPTED);
  s->interrupted = TRUE;
  leave(s);
  vn_scheduler_turn(s);
}

VnNodeState
vn_scheduler_state(const VnScheduler *s, guint32 node)
{
  return s->runs[node].state;
}

VnRunStatus
vn_scheduler_status(const VnScheduler *s)
{
  return s->status;
}

gint64
vn_scheduler_epoch(const VnScheduler *s)
{
  return s->epoch;
}

const VnExprScope *
vn_scheduler_scope(VnScheduler *s)
{
  return vn_outcomes_scope(s->outcomes);
}
