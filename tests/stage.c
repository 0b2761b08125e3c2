/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/stage.h"

#include "frame/status.h"

static Stage *
stage_of(VnExecutor *executor)
{
  return (Stage *)executor;
}

static void
count(Stage *stage, guint32 node, int step)
{
  const VnNode *info = &stage->graph->nodes[node];
  if (info->kind != VN_NODE_TASK)
    return;
  stage->running += (guint32)step;
  stage->by_vm[info->vm] += (guint32)step;
  stage->most_running = MAX(stage->most_running, stage->running);
  stage->most_by_vm = MAX(stage->most_by_vm, stage->by_vm[info->vm]);
}

static void
answer(Stage *stage, guint32 node)
{
  VnNodeStatus status = stage->status[node];
  VnOutcome outcome = {
      .status = status,
      .outcome = status == VN_NODE_STATUS_CANCELLED ? VN_OUTCOME_CANCELLED : VN_OUTCOME_EXITED,
      .exit_code = status == VN_NODE_STATUS_OK ? 0 : 1,
  };
  stage->due[node] = -1;
  if (!stage->serving[node])
    count(stage, node, -1);
  vn_scheduler_ended(stage->scheduler, node, &outcome);
}

static void
happen(Stage *stage, guint32 node)
{
  StageAct *act = &stage->acts[node];
  if (!act->serves || stage->serving[node] || stage->cancelled[node]) {
    answer(stage, node);
    return;
  }
  stage->serving[node] = TRUE;
  stage->due[node] =
      act->serves_for == STAGE_FOREVER ? STAGE_FOREVER : stage->now + act->serves_for;
  count(stage, node, -1);
  vn_scheduler_serving(stage->scheduler, node);
}

static void
start(VnExecutor *executor, const guint32 *nodes, const guint32 *attempts, guint n)
{
  Stage *stage = stage_of(executor);
  stage->n_batches++;
  for (guint k = 0; k < n; k++) {
    guint32 node = nodes[k];
    g_assert_cmpint(stage->due[node], ==, -1);
    g_assert_false(stage->finished);
    StageAct act = {0};
    if (stage->act != NULL)
      act = stage->act(stage, node, attempts[k]);
    stage->acts[node] = act;
    stage->status[node] = act.status;
    stage->serving[node] = stage->cancelled[node] = FALSE;
    stage->due[node] = act.duration == STAGE_FOREVER ? STAGE_FOREVER : stage->now + act.duration;
    stage->starts[node]++;
    count(stage, node, 1);
    if (stage->synchronous && act.duration == 0)
      happen(stage, node);
  }
}

static void
cancel(VnExecutor *executor, guint32 node)
{
  Stage *stage = stage_of(executor);
  g_assert_cmpint(stage->due[node], !=, -1);
  g_assert_false(stage->cancelled[node]);
  if (stage->deaf)
    return;
  stage->cancelled[node] = TRUE;
  stage->status[node] = VN_NODE_STATUS_CANCELLED;
  stage->due[node] = stage->now + stage->cancel_delay;
  if (stage->synchronous && stage->cancel_delay == 0)
    answer(stage, node);
}

static gint64
now(VnExecutor *executor)
{
  return stage_of(executor)->now;
}

static void
set_alarm(VnExecutor *executor, gint64 at)
{
  g_assert_true(at == 0 || at >= stage_of(executor)->now);
  stage_of(executor)->alarm = at;
}

static const VnExecutorOps ops = {start, cancel, now, set_alarm};

static void
saw_end(guint32 node, guint32 attempt, VnNodeState state, const VnOutcome *outcome,
        gboolean will_retry, gpointer data)
{
  Stage *stage = data;
  if (will_retry) {
    stage->retried[node]++;
    return;
  }
  g_assert_cmpint(stage->state[node], ==, VN_STATE_WAITING); /* only once */
  g_assert_cmpuint(attempt, ==, stage->retried[node]);
  stage->state[node] = state;
  if (outcome != NULL) {
    stage->started[node] = outcome->started_ns;
    stage->ended[node] = outcome->ended_ns;
    stage->error[node] = g_strdup(outcome->error);
  }
}

static void
saw_finish(VnRunStatus status, gpointer data)
{
  Stage *stage = data;
  g_assert_false(stage->finished);
  stage->finished = TRUE;
  stage->result = status;
}

static const VnSchedulerObserver observer = {.node_ended = saw_end, .finished = saw_finish};

Stage *
stage_new(const VnGraph *graph, const VnSchedulerLimits *limits)
{
  Stage *stage = g_new0(Stage, 1);
  guint32 n = graph->n_nodes;
  stage->executor.ops = &ops;
  stage->interrupted_at = -1;
  stage->graph = graph;
  stage->due = g_new(gint64, n);
  stage->started = g_new(gint64, n);
  stage->ended = g_new(gint64, n);
  for (guint32 k = 0; k < n; k++)
    stage->due[k] = stage->started[k] = stage->ended[k] = -1;
  stage->serving = g_new0(guint8, n);
  stage->cancelled = g_new0(guint8, n);
  stage->acts = g_new0(StageAct, n);
  stage->status = g_new0(guint8, n);
  stage->starts = g_new0(guint32, n);
  stage->retried = g_new0(guint32, n);
  stage->state = g_new0(guint8, n);
  stage->error = g_new0(char *, n);
  stage->by_vm = g_new0(guint32, graph->model->topology.n_vms + 1);
  stage->scheduler = vn_scheduler_new(graph, &stage->executor, &observer, limits, stage);
  return stage;
}

void
stage_free(Stage *stage)
{
  if (stage == NULL)
    return;
  vn_scheduler_free(stage->scheduler);
  for (guint32 k = 0; k < stage->graph->n_nodes; k++)
    g_free(stage->error[k]);
  gpointer owned[] = {stage->due,       stage->started, stage->ended,  stage->serving,
                      stage->cancelled, stage->acts,    stage->status, stage->starts,
                      stage->retried,   stage->state,   stage->error,  stage->by_vm};
  for (gsize k = 0; k < G_N_ELEMENTS(owned); k++)
    g_free(owned[k]);
  g_free(stage);
}

gboolean
stage_step(Stage *stage)
{
  guint32 first = VN_NO_ID;
  for (guint32 k = 0; k < stage->graph->n_nodes; k++) {
    if (stage->due[k] >= 0 && stage->due[k] != STAGE_FOREVER &&
        (first == VN_NO_ID || stage->due[k] < stage->due[first]))
      first = k;
  }
  if (first == VN_NO_ID && stage->alarm == 0)
    return FALSE;
  if (first == VN_NO_ID || (stage->alarm != 0 && stage->alarm < stage->due[first])) {
    stage->now = stage->alarm;
    stage->alarm = 0;
    vn_scheduler_alarm(stage->scheduler);
  } else {
    stage->now = stage->due[first];
    happen(stage, first);
    vn_scheduler_turn(stage->scheduler);
  }
  stage->n_events++;
  if (stage->n_events == stage->interrupt_at) {
    if (vn_scheduler_state(stage->scheduler, stage->graph->begin) == VN_STATE_DONE &&
        vn_scheduler_state(stage->scheduler, stage->graph->end) < VN_STATE_DONE)
      stage->interrupted_at = stage->now - vn_scheduler_epoch(stage->scheduler);
    for (guint k = 0; k < stage->interrupts; k++)
      vn_scheduler_interrupt(stage->scheduler);
  }
  return TRUE;
}

void
stage_play(Stage *stage)
{
  vn_scheduler_start(stage->scheduler);
  while (stage_step(stage))
    ;
  g_assert_true(stage->finished);
  g_assert_cmpint(vn_scheduler_status(stage->scheduler), ==, stage->result);
  g_assert_cmpuint(stage->running, ==, 0);
  for (guint32 k = 0; k < stage->graph->n_nodes; k++) {
    g_assert_cmpint(stage->due[k], ==, -1);
    g_assert_cmpint(vn_scheduler_state(stage->scheduler, k), >=, VN_STATE_DONE);
    g_assert_cmpint(vn_scheduler_state(stage->scheduler, k), ==, stage->state[k]);
    if (stage->starts[k] > 0)
      g_assert_cmpuint(stage->starts[k], <=, stage->retried[k] + 1);
  }
  g_assert_cmpuint(stage->starts[stage->graph->teardown], ==, 1);
}
