/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Random workflows with random outcomes, against a model of the language's rules that shares
 * nothing with the scheduler: it knows tasks and members, looks at all of them after every event,
 * and has no graph, lists or counters. States and times must agree to the nanosecond.
 *
 * VNEC_TEST_SEED begins elsewhere; the seed of a case that fails is in its message. */
#include "tests/kit.h"
#include "tests/stage.h"

#define N_CASES   5000
#define MAX_TASKS 14
#define MAX_VMS   4
#define MAX_TRIES 4

/* ---- the case ---- */

typedef struct {
  StageAct acts[MAX_TASKS][MAX_VMS][MAX_TRIES];
  Kit *kit;
  GRand *rand;
} Case;

static gboolean
chance(GRand *rand, double p)
{
  return g_rand_double(rand) < p;
}

/* Times that never meet by chance. */
static gint64
random_time(GRand *rand)
{
  return 1 +
         ((gint64)g_rand_int_range(rand, 0, 1 << 30) << 20 | g_rand_int_range(rand, 0, 1 << 20));
}

static StageAct
random_act(GRand *rand, gboolean background, double p_fail)
{
  StageAct act = {.duration = random_time(rand)};
  if (chance(rand, p_fail))
    act.status = chance(rand, 0.2) ? VN_NODE_STATUS_BROKEN : VN_NODE_STATUS_FAILED;
  if (background && (act.status == VN_NODE_STATUS_OK || chance(rand, 0.3))) {
    act.serves = TRUE;
    act.serves_for = chance(rand, 0.6) ? STAGE_FOREVER : random_time(rand);
  }
  return act;
}

static guint32
random_subset(GRand *rand, guint32 n, guint32 most, guint32 *out)
{
  guint32 count = 0;
  for (guint32 k = 0; k < n && count < most; k++) {
    if (chance(rand, (double)most / (2 * n)))
      out[count++] = k;
  }
  return count;
}

static void
random_task(Case *test, guint32 t, double p_fail)
{
  GRand *rand = test->rand;
  guint32 targets[MAX_VMS], after[MAX_TASKS];
  guint32 n_targets = random_subset(rand, MAX_VMS, MAX_VMS, targets);
  guint32 n_after = random_subset(rand, t, 4, after);
  if (n_targets == 0)
    targets[n_targets++] = 0;
  kit_task(test->kit, "t", targets, n_targets, after, n_after);
  VnTask *task = kit_at(test->kit, t);
  task->on_failure = (guint8)g_rand_int_range(rand, 0, 3);
  task->always = chance(rand, 0.25);
  task->retries = (guint32)g_rand_int_range(rand, 0, MAX_TRIES);
  task->retry_every_ns = chance(rand, 0.3) ? 0 : random_time(rand);
  if (chance(rand, 0.1))
    task->when = kit_const(test->kit, vn_value_bool(FALSE));
  gboolean background = chance(rand, 0.2);
  for (guint32 m = 0; m < n_targets; m++) {
    for (guint32 k = 0; k < MAX_TRIES; k++)
      test->acts[t][m][k] = random_act(rand, background, p_fail);
  }
}

static StageAct
act(Stage *stage, guint32 node, guint32 attempt)
{
  const Case *test = stage->data;
  const VnNode *info = &stage->graph->nodes[node];
  if (info->kind != VN_NODE_TASK)
    return (StageAct){0};
  return test->acts[info->task][info->index][attempt];
}

/* ---- the independent model ---- */

typedef struct {
  VnNodeState state;
  gint64 due, ended;
  guint32 attempt;
  gboolean served;
} Member;

typedef struct {
  const Case *test;
  const VnModel *model;
  Member members[MAX_TASKS][MAX_VMS];
  gboolean over[MAX_TASKS]; /* its followers may look at it */
  VnNodeState result[MAX_TASKS];
  gboolean poison[MAX_TASKS];
  gboolean stopped;
  gint64 now;
} Naive;

static void
naive_stop(Naive *naive)
{
  naive->stopped = TRUE;
  for (guint32 t = 0; t < naive->model->n_tasks; t++) {
    for (guint32 m = 0; m < naive->model->tasks[t].n_targets; m++) {
      Member *member = &naive->members[t][m];
      if (naive->model->tasks[t].always ||
          (member->state != VN_STATE_RUNNING && member->state != VN_STATE_BACKOFF))
        continue;
      member->ended = member->state == VN_STATE_RUNNING ? naive->now : -1;
      member->state = VN_STATE_CANCELLED;
    }
  }
}

static void
naive_launch(Naive *naive, guint32 t, guint32 m)
{
  Member *member = &naive->members[t][m];
  member->state = VN_STATE_RUNNING;
  member->due = naive->now + naive->test->acts[t][m][member->attempt].duration;
}

/* Begins a task all of whose predecessors are over. */
static void
naive_begin(Naive *naive, guint32 t)
{
  const VnTask *task = &naive->model->tasks[t];
  gboolean poison = FALSE;
  for (guint32 k = 0; k < task->n_after; k++)
    poison |= naive->poison[task->after[k]];
  for (guint32 m = 0; m < task->n_targets; m++) {
    Member *member = &naive->members[t][m];
    member->ended = -1;
    if (naive->stopped && !task->always)
      member->state = VN_STATE_CANCELLED;
    else if (poison && !task->always)
      member->state = VN_STATE_SKIPPED;
    else if (task->when != NULL)
      member->state = VN_STATE_SKIPPED;
    else
      naive_launch(naive, t, m);
  }
  naive->poison[t] = poison && !task->always && !naive->stopped;
}

static gboolean
naive_ready(const Naive *naive, guint32 t)
{
  const VnTask *task = &naive->model->tasks[t];
  if (naive->members[t][0].state != VN_STATE_WAITING)
    return FALSE;
  for (guint32 k = 0; k < task->n_after; k++) {
    if (!naive->over[task->after[k]])
      return FALSE;
  }
  return TRUE;
}

static guint
naive_count(const Naive *naive, guint32 t, VnNodeState state)
{
  guint n = 0;
  for (guint32 m = 0; m < naive->model->tasks[t].n_targets; m++)
    n += naive->members[t][m].state == state;
  return n;
}

/* TRUE: the task has become over just now. */
static gboolean
naive_close(Naive *naive, guint32 t)
{
  const VnTask *task = &naive->model->tasks[t];
  guint done = naive_count(naive, t, VN_STATE_DONE) + naive_count(naive, t, VN_STATE_SERVING);
  guint failed = naive_count(naive, t, VN_STATE_FAILED);
  guint skipped = naive_count(naive, t, VN_STATE_SKIPPED);
  guint cancelled = naive_count(naive, t, VN_STATE_CANCELLED);
  if (naive->over[t] || done + failed + skipped + cancelled < task->n_targets)
    return FALSE;
  naive->over[t] = TRUE;
  naive->result[t] = failed > 0      ? VN_STATE_FAILED
                     : cancelled > 0 ? VN_STATE_CANCELLED
                     : done > 0      ? VN_STATE_DONE
                                     : VN_STATE_SKIPPED;
  if (failed > 0) {
    naive->poison[t] = task->on_failure == VN_ON_FAILURE_SKIP;
    if (task->on_failure == VN_ON_FAILURE_STOP && !naive->stopped)
      naive_stop(naive);
  } else if (cancelled > 0) {
    naive->poison[t] = TRUE;
  }
  return TRUE;
}

static void
naive_settle(Naive *naive)
{
  gboolean changed = TRUE;
  while (changed) {
    changed = FALSE;
    for (guint32 t = 0; t < naive->model->n_tasks; t++)
      changed |= naive_close(naive, t);
    for (guint32 t = 0; !changed && t < naive->model->n_tasks; t++) {
      if (naive_ready(naive, t)) {
        naive_begin(naive, t);
        changed = TRUE;
      }
    }
  }
}

static void
naive_end_attempt(Naive *naive, guint32 t, guint32 m)
{
  const VnTask *task = &naive->model->tasks[t];
  Member *member = &naive->members[t][m];
  const StageAct *now = &naive->test->acts[t][m][member->attempt];
  if (now->serves && !member->served) {
    member->served = TRUE;
    member->state = VN_STATE_SERVING;
    member->due = now->serves_for == STAGE_FOREVER ? -1 : naive->now + now->serves_for;
    return;
  }
  member->ended = naive->now;
  member->state = now->status == VN_NODE_STATUS_OK ? VN_STATE_DONE : VN_STATE_FAILED;
  if (member->state == VN_STATE_DONE)
    return;
  if (member->served) {
    if (naive->over[t] && task->on_failure == VN_ON_FAILURE_STOP && !naive->stopped)
      naive_stop(naive);
  } else if (now->status == VN_NODE_STATUS_FAILED && member->attempt < task->retries &&
             (task->always || !naive->stopped)) {
    member->attempt++;
    member->state = VN_STATE_BACKOFF;
    member->due = naive->now + task->retry_every_ns;
    if (task->retry_every_ns == 0)
      naive_launch(naive, t, m);
  }
}

/* Moves on to the next event; FALSE: all tasks are over. */
static gboolean
naive_step(Naive *naive)
{
  guint32 next_t = 0, next_m = 0;
  gint64 next = -1;
  gboolean over = TRUE;
  for (guint32 t = 0; t < naive->model->n_tasks; t++) {
    over &= naive->over[t];
    for (guint32 m = 0; m < naive->model->tasks[t].n_targets; m++) {
      const Member *member = &naive->members[t][m];
      gboolean moves = member->state == VN_STATE_RUNNING || member->state == VN_STATE_BACKOFF ||
                       (member->state == VN_STATE_SERVING && member->due >= 0);
      if (!moves || (next >= 0 && member->due >= next))
        continue;
      next = member->due;
      next_t = t;
      next_m = m;
    }
  }
  if (over)
    return FALSE;
  g_assert_cmpint(next, >=, 0);
  naive->now = next;
  if (naive->members[next_t][next_m].state == VN_STATE_BACKOFF)
    naive_launch(naive, next_t, next_m);
  else
    naive_end_attempt(naive, next_t, next_m);
  naive_settle(naive);
  return TRUE;
}

static void
naive_run(Naive *naive)
{
  naive_settle(naive);
  while (naive_step(naive))
    ;
  for (guint32 t = 0; t < naive->model->n_tasks; t++) {
    for (guint32 m = 0; m < naive->model->tasks[t].n_targets; m++) {
      Member *member = &naive->members[t][m];
      if (member->state == VN_STATE_SERVING) {
        member->state = VN_STATE_DONE;
        member->ended = naive->now;
      }
    }
  }
}

/* ---- comparing ---- */

static void
compare(const Naive *naive, const Stage *stage, guint32 seed)
{
  for (guint32 t = 0; t < naive->model->n_tasks; t++) {
    guint32 first = stage->graph->task_first[t];
    for (guint32 m = 0; m < naive->model->tasks[t].n_targets; m++) {
      const Member *member = &naive->members[t][m];
      if ((VnNodeState)stage->state[first + m] != member->state ||
          stage->ended[first + m] != member->ended)
        g_error("seed %u: task %u member %u: state %d at %" G_GINT64_FORMAT
                ", expected %d at %" G_GINT64_FORMAT,
                seed, t, m, stage->state[first + m], stage->ended[first + m], member->state,
                member->ended);
    }
    if ((VnNodeState)stage->state[stage->graph->task_node[t]] != naive->result[t] &&
        naive->model->tasks[t].n_targets > 1)
      g_error("seed %u: task %u: result %d, expected %d", seed, t,
              stage->state[stage->graph->task_node[t]], naive->result[t]);
  }
  gboolean completed = stage->result == VN_RUN_COMPLETED;
  if (completed == naive->stopped)
    g_error("seed %u: the run ended as %d", seed, stage->result);
}

typedef enum { PLAY_THROUGH, PLAY_LIMITED, PLAY_INTERRUPTED } Play;

/* Ctrl-C came at some event: whoever runs on or starts after it must be `always`. */
static void
check_interrupted(const Stage *stage, gint64 at)
{
  const VnModel *model = stage->graph->model;
  for (guint32 n = 0; at >= 0 && n < stage->graph->n_nodes; n++) {
    const VnNode *node = &stage->graph->nodes[n];
    if (node->kind != VN_NODE_TASK || stage->started[n] <= at)
      continue;
    g_assert_true(model->tasks[node->task].always);
    g_assert_cmpuint(stage->interrupts, ==, 1);
  }
}

static void
play_case(guint32 seed, Play play)
{
  VnSchedulerLimits limits = {1 + seed % 3, 1 + seed % 4, 1 + seed % 5};
  g_autofree Case *test = g_new0(Case, 1);
  g_autoptr(VnDiagSink) sink = vn_diag_sink_new();
  g_autoptr(Kit) kit = kit_new(MAX_VMS);
  test->rand = g_rand_new_with_seed(seed);
  test->kit = kit;
  guint32 n_tasks = (guint32)g_rand_int_range(test->rand, 1, MAX_TASKS + 1);
  double p_fail = g_rand_double_range(test->rand, 0, 0.4);
  for (guint32 t = 0; t < n_tasks; t++)
    random_task(test, t, p_fail);
  VnGraph *graph = vn_graph_build(&kit->model, kit->arena, sink);
  g_autoptr(Stage) stage = stage_new(graph, play == PLAY_THROUGH ? NULL : &limits);
  stage->act = act;
  stage->data = test;
  stage->synchronous = (seed & 1) != 0;
  if (play == PLAY_INTERRUPTED) {
    stage->interrupt_at = (guint)g_rand_int_range(test->rand, 1, 40);
    stage->interrupts = (guint)g_rand_int_range(test->rand, 1, 4);
    stage->cancel_delay = g_rand_int_range(test->rand, 0, 2) * random_time(test->rand);
  }
  stage_play(stage);
  if (play == PLAY_THROUGH) {
    Naive naive = {.test = test, .model = &kit->model};
    naive_run(&naive);
    compare(&naive, stage, seed);
  } else {
    g_assert_cmpuint(stage->most_by_vm, <=, limits.by_vm);
    g_assert_cmpuint(stage->most_running, <=, MIN(limits.by_site, limits.by_experiment));
    check_interrupted(stage, stage->interrupted_at);
  }
  g_rand_free(test->rand);
}

static guint32
first_seed(void)
{
  const char *text = g_getenv("VNEC_TEST_SEED");
  return text != NULL ? (guint32)g_ascii_strtoull(text, NULL, 10) : 1;
}

static void
test_agrees(void)
{
  for (guint32 k = 0; k < N_CASES; k++)
    play_case(first_seed() + k, PLAY_THROUGH);
}

static void
test_limits_hold(void)
{
  for (guint32 k = 0; k < N_CASES; k++)
    play_case(first_seed() + k, PLAY_LIMITED);
}

static void
test_interrupts(void)
{
  for (guint32 k = 0; k < N_CASES; k++)
    play_case(first_seed() + k, PLAY_INTERRUPTED);
}

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/scheduler-random/agrees", test_agrees);
  g_test_add_func("/scheduler-random/limits-hold", test_limits_hold);
  g_test_add_func("/scheduler-random/interrupts", test_interrupts);
  return g_test_run();
}
