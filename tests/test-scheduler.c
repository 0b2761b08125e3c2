/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The scheduler, transition by transition. Random graphs against an independent model stand in
 * test-scheduler-random.c. */
#include "tests/kit.h"
#include "tests/stage.h"

#define MS G_GINT64_CONSTANT(1000000)

typedef struct {
  Kit *kit;
  VnDiagSink *sink;
  Stage *stage;
  StageAct acts[16][4]; /* by task and attempt; a group's members all do the same, unless … */
  StageAct members[4];  /* … of task 0, by place, when `by_member` */
  gboolean by_member;
  StageAct deployment[VN_NODE_TEARDOWN + 1];
} Fixture;

static StageAct
act(Stage *stage, guint32 node, guint32 attempt)
{
  const Fixture *fixture = stage->data;
  const VnNode *info = &stage->graph->nodes[node];
  if (info->kind != VN_NODE_TASK)
    return fixture->deployment[info->kind];
  if (info->task == 0 && fixture->by_member)
    return fixture->members[info->index];
  return fixture->acts[info->task][MIN(attempt, 3)];
}

static void
set_up(Fixture *fixture, gconstpointer data)
{
  fixture->kit = kit_new(3);
  fixture->sink = vn_diag_sink_new();
}

static void
tear_down(Fixture *fixture, gconstpointer data)
{
  stage_free(fixture->stage);
  kit_free(fixture->kit);
  vn_diag_sink_free(fixture->sink);
}

static Stage *
prepare(Fixture *fixture, const VnSchedulerLimits *limits)
{
  VnGraph *graph = vn_graph_build(&fixture->kit->model, fixture->kit->arena, fixture->sink);
  g_assert_nonnull(graph);
  fixture->stage = stage_new(graph, limits);
  fixture->stage->act = act;
  fixture->stage->data = fixture;
  return fixture->stage;
}

static void
play(Fixture *fixture)
{
  stage_play(prepare(fixture, NULL));
}

static void
set_acts(Fixture *fixture, guint32 task, StageAct what)
{
  for (guint k = 0; k < 4; k++)
    fixture->acts[task][k] = what;
}

static VnNodeState
state(Fixture *fixture, guint32 task)
{
  return vn_scheduler_state(fixture->stage->scheduler, fixture->stage->graph->task_node[task]);
}

static gint64
started(Fixture *fixture, guint32 task)
{
  return fixture->stage->started[fixture->stage->graph->task_first[task]];
}

static gint64
ended(Fixture *fixture, guint32 task)
{
  return fixture->stage->ended[fixture->stage->graph->task_first[task]];
}

static guint32
starts(Fixture *fixture, guint32 task)
{
  return fixture->stage->starts[fixture->stage->graph->task_first[task]];
}

#define assert_state(task, expected) g_assert_cmpint(state(fixture, task), ==, VN_STATE_##expected)
#define assert_result(expected)      g_assert_cmpint(fixture->stage->result, ==, VN_RUN_##expected)

static const StageAct fails = {.duration = 1 * MS, .status = VN_NODE_STATUS_FAILED};
static const StageAct breaks = {.duration = 1 * MS, .status = VN_NODE_STATUS_BROKEN};
static const StageAct serves = {.duration = 2 * MS, .serves = TRUE, .serves_for = STAGE_FOREVER};
static const StageAct never = {.duration = STAGE_FOREVER};

static void
test_chain(Fixture *fixture, gconstpointer data)
{
  guint32 a = kit_simple(fixture->kit, "a", 0, VN_NO_ID);
  guint32 b = kit_simple(fixture->kit, "b", 1, a);
  set_acts(fixture, a, (StageAct){.duration = 3 * MS});
  set_acts(fixture, b, (StageAct){.duration = 4 * MS});
  fixture->deployment[VN_NODE_READY].duration = 7 * MS;
  play(fixture);
  assert_result(COMPLETED);
  g_assert_cmpint(vn_scheduler_epoch(fixture->stage->scheduler), ==, 7 * MS);
  g_assert_cmpint(started(fixture, a), ==, 0);
  g_assert_cmpint(ended(fixture, a), ==, 3 * MS);
  g_assert_cmpint(started(fixture, b), ==, 3 * MS);
  g_assert_cmpint(ended(fixture, b), ==, 7 * MS);
  assert_state(b, DONE);
}

/* Everything that may start in one turn is handed over at once. */
static void
test_batches(Fixture *fixture, gconstpointer data)
{
  kit_task(fixture->kit, "all", (guint32[]){0, 1, 2}, 3, NULL, 0);
  Stage *stage = prepare(fixture, NULL);
  stage->synchronous = TRUE;
  stage_play(stage);
  assert_result(COMPLETED);
  /* segment; VMs; READYs; prove; tasks; teardown */
  g_assert_cmpuint(stage->n_batches, ==, 6);
}

static void
test_stop(Fixture *fixture, gconstpointer data)
{
  guint32 a = kit_simple(fixture->kit, "a", 0, VN_NO_ID);
  guint32 b = kit_simple(fixture->kit, "b", 0, a);
  guint32 c = kit_simple(fixture->kit, "c", 1, VN_NO_ID);
  guint32 d = kit_simple(fixture->kit, "d", 2, c);
  guint32 e = kit_simple(fixture->kit, "e", 2, b);
  guint32 w = kit_wait(fixture->kit, "w", 9 * MS, VN_NO_ID);
  kit_at(fixture->kit, e)->always = TRUE;
  set_acts(fixture, a, fails);
  set_acts(fixture, c, never);
  play(fixture);
  assert_result(FAILED);
  assert_state(a, FAILED);
  assert_state(b, CANCELLED);
  assert_state(c, CANCELLED);
  assert_state(d, CANCELLED);
  assert_state(e, DONE);
  assert_state(w, CANCELLED);
  g_assert_cmpint(started(fixture, e), ==, 1 * MS);
}

static void
test_skip(Fixture *fixture, gconstpointer data)
{
  guint32 a = kit_simple(fixture->kit, "a", 0, VN_NO_ID);
  guint32 b = kit_simple(fixture->kit, "b", 0, a);
  guint32 c = kit_task(fixture->kit, "c", (guint32[]){0, 1, 2}, 3, &b, 1);
  guint32 d = kit_simple(fixture->kit, "d", 2, c);
  guint32 e = kit_simple(fixture->kit, "e", 2, d);
  guint32 f = kit_simple(fixture->kit, "f", 2, VN_NO_ID);
  kit_at(fixture->kit, a)->on_failure = VN_ON_FAILURE_SKIP;
  kit_at(fixture->kit, d)->always = TRUE;
  set_acts(fixture, a, fails);
  play(fixture);
  assert_result(COMPLETED);
  assert_state(a, FAILED);
  assert_state(b, SKIPPED);
  assert_state(c, SKIPPED);
  assert_state(d, DONE);
  assert_state(e, DONE);
  assert_state(f, DONE);
}

static void
test_ignore(Fixture *fixture, gconstpointer data)
{
  guint32 a = kit_simple(fixture->kit, "a", 0, VN_NO_ID);
  guint32 b = kit_simple(fixture->kit, "b", 0, a);
  kit_at(fixture->kit, a)->on_failure = VN_ON_FAILURE_IGNORE;
  set_acts(fixture, a, breaks);
  play(fixture);
  assert_result(COMPLETED);
  assert_state(a, FAILED);
  assert_state(b, DONE);
}

static void
test_broken(Fixture *fixture, gconstpointer data)
{
  guint32 a = kit_simple(fixture->kit, "a", 0, VN_NO_ID);
  kit_at(fixture->kit, a)->retries = 3;
  set_acts(fixture, a, breaks);
  play(fixture);
  assert_result(BROKEN);
  g_assert_cmpuint(starts(fixture, a), ==, 1);
}

/* A member that failed lets the others end; the group's policy applies then. */
static void
test_group(Fixture *fixture, gconstpointer data)
{
  guint32 a = kit_task(fixture->kit, "a", (guint32[]){0, 1, 2}, 3, NULL, 0);
  guint32 b = kit_simple(fixture->kit, "b", 0, a);
  fixture->by_member = TRUE;
  fixture->members[0] = (StageAct){.duration = 5 * MS};
  fixture->members[1] = fails;
  fixture->members[2] = (StageAct){.duration = 9 * MS};
  play(fixture);
  assert_result(FAILED);
  assert_state(a, FAILED);
  assert_state(b, CANCELLED);
  const guint8 *states = fixture->stage->state + fixture->stage->graph->task_first[a];
  g_assert_cmpint(states[0], ==, VN_STATE_DONE);
  g_assert_cmpint(states[1], ==, VN_STATE_FAILED);
  g_assert_cmpint(states[2], ==, VN_STATE_DONE);
}

static void
test_retry(Fixture *fixture, gconstpointer data)
{
  guint32 a = kit_simple(fixture->kit, "a", 0, VN_NO_ID);
  guint32 b = kit_simple(fixture->kit, "b", 1, VN_NO_ID);
  guint32 c = kit_simple(fixture->kit, "c", 2, VN_NO_ID);
  kit_at(fixture->kit, a)->retries = 2;
  kit_at(fixture->kit, a)->retry_every_ns = 10 * MS;
  fixture->acts[a][0] = fixture->acts[a][1] = fails;
  kit_at(fixture->kit, b)->retries = 2;
  kit_at(fixture->kit, b)->on_failure = VN_ON_FAILURE_IGNORE;
  set_acts(fixture, b, fails);
  kit_at(fixture->kit, c)->retries = 5;
  fixture->acts[c][0] = fails;
  play(fixture);
  assert_result(COMPLETED);
  assert_state(a, DONE);
  assert_state(b, FAILED);
  assert_state(c, DONE);
  g_assert_cmpuint(starts(fixture, a), ==, 3);
  g_assert_cmpuint(starts(fixture, b), ==, 3);
  g_assert_cmpuint(starts(fixture, c), ==, 2);
  g_assert_cmpint(started(fixture, a), ==, 22 * MS);
  g_assert_cmpint(ended(fixture, b), ==, 3 * MS);
}

/* The run stops while one waits for its next attempt. */
static void
test_stop_in_backoff(Fixture *fixture, gconstpointer data)
{
  guint32 a = kit_simple(fixture->kit, "a", 0, VN_NO_ID);
  guint32 b = kit_simple(fixture->kit, "b", 1, VN_NO_ID);
  kit_at(fixture->kit, a)->retries = 2;
  kit_at(fixture->kit, a)->retry_every_ns = 1000 * MS;
  set_acts(fixture, a, fails);
  set_acts(fixture, b, (StageAct){.duration = 5 * MS, .status = VN_NODE_STATUS_FAILED});
  play(fixture);
  assert_result(FAILED);
  assert_state(a, CANCELLED);
  g_assert_cmpint(fixture->stage->now, ==, 5 * MS);
}

static void
test_timeout_action(Fixture *fixture, gconstpointer data)
{
  guint32 a = kit_simple(fixture->kit, "a", 0, VN_NO_ID);
  guint32 b = kit_simple(fixture->kit, "b", 1, VN_NO_ID);
  kit_at(fixture->kit, a)->timeout_ns = 50 * MS;
  kit_at(fixture->kit, a)->retries = 1;
  kit_at(fixture->kit, b)->timeout_ns = 50 * MS;
  set_acts(fixture, a, never);
  set_acts(fixture, b, (StageAct){.duration = 20 * MS});
  Stage *stage = prepare(fixture, NULL);
  stage->cancel_delay = 3 * MS;
  stage_play(stage);
  assert_result(FAILED);
  assert_state(a, FAILED);
  assert_state(b, DONE);
  g_assert_cmpuint(starts(fixture, a), ==, 2);
  g_assert_cmpint(ended(fixture, a), ==, 2 * (53 * MS + VN_SCHEDULER_GRACE_NS));
}

static void
test_timeout_control(Fixture *fixture, gconstpointer data)
{
  guint32 a = kit_simple(fixture->kit, "a", 0, VN_NO_ID);
  guint32 w = kit_wait(fixture->kit, "w", 100 * MS, VN_NO_ID);
  guint32 ok = kit_wait(fixture->kit, "ok", 20 * MS, VN_NO_ID);
  kit_at(fixture->kit, a)->control = VN_CONTROL_SNAPSHOT;
  for (guint32 t = a; t <= ok; t++) {
    kit_at(fixture->kit, t)->timeout_ns = 50 * MS;
    kit_at(fixture->kit, t)->on_failure = VN_ON_FAILURE_IGNORE;
  }
  set_acts(fixture, a, never);
  play(fixture);
  assert_result(COMPLETED);
  assert_state(a, FAILED);
  assert_state(w, FAILED);
  assert_state(ok, DONE);
  g_assert_cmpint(ended(fixture, a), ==, 50 * MS);
  g_assert_cmpint(ended(fixture, w), ==, 50 * MS);
  g_assert_cmpint(ended(fixture, ok), ==, 20 * MS);
}

static void
test_wait(Fixture *fixture, gconstpointer data)
{
  guint32 a = kit_wait(fixture->kit, "a", 5 * MS, VN_NO_ID);
  guint32 b = kit_wait(fixture->kit, "b", 0, a);
  guint32 c = kit_simple(fixture->kit, "c", 0, b);
  play(fixture);
  assert_result(COMPLETED);
  g_assert_cmpint(started(fixture, c), ==, 5 * MS);
}

static void
test_when(Fixture *fixture, gconstpointer data)
{
  Kit *kit = fixture->kit;
  guint32 a = kit_simple(kit, "a", 0, VN_NO_ID);
  guint32 b = kit_simple(kit, "b", 0, a);
  guint32 c = kit_simple(kit, "c", 0, b);
  guint32 d = kit_simple(kit, "d", 0, c);
  guint32 e = kit_simple(kit, "e", 0, VN_NO_ID);
  kit_at(kit, a)->on_failure = VN_ON_FAILURE_IGNORE;
  set_acts(fixture, a, fails);
  kit_at(kit, b)->when = kit_field(kit, a, 0, VN_FIELD_OK, VN_VALUE_BOOL);
  /* Followers of one that `when` skipped run; a result that it lacks makes them skip, .ok not. */
  kit_at(kit, d)->when = kit_field(kit, b, 0, VN_FIELD_EXIT_CODE, VN_VALUE_INT);
  VnExpr *not = vn_arena_new0(kit->arena, VnExpr);
  const VnExpr **operand = vn_arena_array0(kit->arena, const VnExpr *, 1);
  operand[0] = kit_field(kit, b, 0, VN_FIELD_OK, VN_VALUE_BOOL);
  *not = (VnExpr){.kind = VN_EXPR_UNARY,
                  .type = VN_VALUE_BOOL,
                  .op = VN_EXPR_NOT,
                  .operands = operand,
                  .n_operands = 1};
  kit_at(kit, e)->when = not ;
  kit_at(kit, e)->after = vn_arena_memdup(kit->arena, &c, sizeof c);
  kit_at(kit, e)->n_after = 1;
  play(fixture);
  assert_result(COMPLETED);
  assert_state(b, SKIPPED);
  assert_state(c, DONE);
  assert_state(d, SKIPPED);
  assert_state(e, DONE);
}

/* `when` that can't be evaluated is a failure of the task. */
static void
test_when_error(Fixture *fixture, gconstpointer data)
{
  Kit *kit = fixture->kit;
  guint32 a = kit_simple(kit, "a", 0, VN_NO_ID);
  const VnExpr **operands = vn_arena_array0(kit->arena, const VnExpr *, 2);
  operands[0] = kit_const(kit, vn_value_int(1));
  operands[1] = kit_const(kit, vn_value_int(0));
  VnExpr *divide = vn_arena_new0(kit->arena, VnExpr);
  *divide = (VnExpr){.kind = VN_EXPR_BINARY,
                     .type = VN_VALUE_INT,
                     .op = VN_EXPR_DIV,
                     .operands = operands,
                     .n_operands = 2};
  kit_at(kit, a)->when = divide;
  play(fixture);
  assert_result(FAILED);
  assert_state(a, FAILED);
  g_assert_true(g_str_has_prefix(fixture->stage->error[fixture->stage->graph->task_node[a]],
                                 "`when` of a: "));
}

static void
test_background(Fixture *fixture, gconstpointer data)
{
  Kit *kit = fixture->kit;
  guint32 serve = kit_task(kit, "serve", (guint32[]){0, 1}, 2, NULL, 0);
  guint32 use = kit_simple(kit, "use", 2, serve);
  guint32 stop = kit_stop(kit, "stop", serve, use);
  guint32 late = kit_simple(kit, "late", 2, stop);
  guint32 other = kit_simple(kit, "other", 2, VN_NO_ID);
  set_acts(fixture, serve, serves);
  set_acts(fixture, use, (StageAct){.duration = 10 * MS});
  set_acts(fixture, other, serves);
  Stage *stage = prepare(fixture, NULL);
  stage->cancel_delay = 4 * MS;
  stage_play(stage);
  assert_result(COMPLETED);
  g_assert_cmpint(started(fixture, use), ==, 2 * MS);
  g_assert_cmpint(started(fixture, late), ==, 16 * MS);
  assert_state(serve, DONE);
  assert_state(stop, DONE);
  assert_state(other, DONE); /* ended by END */
  g_assert_cmpint(ended(fixture, other), ==, 20 * MS);
  g_assert_cmpint(stage->started[stage->graph->teardown], ==, 20 * MS);
}

static void
test_background_dies(Fixture *fixture, gconstpointer data)
{
  Kit *kit = fixture->kit;
  guint32 serve = kit_simple(kit, "serve", 0, VN_NO_ID);
  guint32 use = kit_simple(kit, "use", 1, serve);
  guint32 fine = kit_simple(kit, "fine", 2, VN_NO_ID);
  StageAct dies = serves;
  dies.serves_for = 3 * MS;
  set_acts(fixture, fine, dies); /* ends by itself, with success */
  dies.status = VN_NODE_STATUS_FAILED;
  set_acts(fixture, serve, dies);
  set_acts(fixture, use, (StageAct){.duration = 100 * MS});
  kit_at(kit, serve)->retries = 4;
  play(fixture);
  assert_result(FAILED);
  assert_state(serve, FAILED);
  assert_state(fine, DONE);
  assert_state(use, CANCELLED);
  g_assert_cmpint(ended(fixture, use), ==, 5 * MS);
  g_assert_cmpuint(starts(fixture, serve), ==, 1);
}

/* What serves goes on while `always` tasks run after a failure. */
static void
test_background_serves_always(Fixture *fixture, gconstpointer data)
{
  Kit *kit = fixture->kit;
  guint32 serve = kit_simple(kit, "serve", 0, VN_NO_ID);
  guint32 bad = kit_simple(kit, "bad", 1, serve);
  guint32 pull = kit_simple(kit, "pull", 0, bad);
  kit_at(kit, pull)->always = TRUE;
  set_acts(fixture, serve, serves);
  set_acts(fixture, bad, fails);
  set_acts(fixture, pull, (StageAct){.duration = 6 * MS});
  play(fixture);
  assert_result(FAILED);
  assert_state(pull, DONE);
  assert_state(serve, DONE);
  g_assert_cmpint(ended(fixture, serve), ==, 9 * MS);
}

static void
test_stop_before_ready(Fixture *fixture, gconstpointer data)
{
  Kit *kit = fixture->kit;
  guint32 serve = kit_simple(kit, "serve", 0, VN_NO_ID);
  guint32 use = kit_simple(kit, "use", 1, serve);
  guint32 pause = kit_wait(kit, "pause", 5 * MS, VN_NO_ID);
  guint32 stop = kit_stop(kit, "stop", serve, pause);
  guint32 again = kit_stop(kit, "again", serve, stop);
  guint32 twin = kit_stop(kit, "twin", serve, pause);
  set_acts(fixture, serve, never);
  Stage *stage = prepare(fixture, NULL);
  stage->cancel_delay = 1 * MS;
  stage_play(stage);
  assert_result(COMPLETED);
  assert_state(serve, CANCELLED);
  assert_state(use, SKIPPED);
  assert_state(stop, DONE);
  assert_state(twin, DONE);
  assert_state(again, DONE);
  g_assert_cmpint(ended(fixture, twin), ==, 6 * MS);
}

static void
test_stop_too_early(Fixture *fixture, gconstpointer data)
{
  Kit *kit = fixture->kit;
  guint32 pause = kit_wait(kit, "pause", 5 * MS, VN_NO_ID);
  guint32 serve = kit_simple(kit, "serve", 0, pause);
  guint32 stop = kit_stop(kit, "stop", serve, VN_NO_ID);
  set_acts(fixture, serve, serves);
  play(fixture);
  assert_result(FAILED);
  assert_state(stop, FAILED);
  g_assert_cmpstr(fixture->stage->error[fixture->stage->graph->task_node[stop]], ==,
                  "serve has not started");
}

/* stop(TASK) of one that timed out and would be tried again: it is not. */
static void
test_stop_wins_over_retry(Fixture *fixture, gconstpointer data)
{
  Kit *kit = fixture->kit;
  guint32 a = kit_simple(kit, "a", 0, VN_NO_ID);
  guint32 pause = kit_wait(kit, "pause", 52 * MS, VN_NO_ID);
  guint32 stop = kit_stop(kit, "stop", a, pause);
  kit_at(kit, a)->control = VN_CONTROL_SNAPSHOT;
  kit_at(kit, a)->timeout_ns = 50 * MS;
  kit_at(kit, a)->retries = 9;
  kit_at(kit, a)->on_failure = VN_ON_FAILURE_IGNORE;
  set_acts(fixture, a, never);
  Stage *stage = prepare(fixture, NULL);
  stage->cancel_delay = 5 * MS;
  stage_play(stage);
  assert_result(COMPLETED);
  assert_state(a, FAILED);
  assert_state(stop, DONE);
  g_assert_cmpuint(starts(fixture, a), ==, 1);
}

static void
test_deployment_fails(Fixture *fixture, gconstpointer data)
{
  static const VnNodeKind kinds[] = {VN_NODE_SEGMENT, VN_NODE_VM, VN_NODE_READY, VN_NODE_PROVE};
  guint32 a = kit_simple(fixture->kit, "a", 0, VN_NO_ID);
  guint32 b = kit_simple(fixture->kit, "b", 0, a);
  kit_at(fixture->kit, b)->always = TRUE;
  for (gsize k = 0; k < G_N_ELEMENTS(kinds); k++) {
    fixture->deployment[kinds[k]].status = VN_NODE_STATUS_FAILED;
    play(fixture);
    assert_result(BROKEN);
    assert_state(a, CANCELLED);
    assert_state(b, CANCELLED);
    fixture->deployment[kinds[k]].status = VN_NODE_STATUS_OK;
    g_clear_pointer(&fixture->stage, stage_free);
  }
}

static void
test_teardown_fails(Fixture *fixture, gconstpointer data)
{
  fixture->deployment[VN_NODE_TEARDOWN].status = VN_NODE_STATUS_FAILED;
  play(fixture);
  assert_result(BROKEN);
}

static void
test_limits(Fixture *fixture, gconstpointer data)
{
  static const VnSchedulerLimits limits[] = {{1, 0, 0}, {0, 2, 0}, {0, 0, 2}, {1, 2, 2}, {2, 3, 4}};
  for (guint32 t = 0; t < 12; t++) {
    kit_task(fixture->kit, "t", (guint32[]){0, 1, 2}, 3, NULL, 0);
    set_acts(fixture, t, (StageAct){.duration = (1 + t % 5) * MS});
  }
  for (gsize k = 0; k < G_N_ELEMENTS(limits); k++) {
    stage_play(prepare(fixture, &limits[k]));
    assert_result(COMPLETED);
    const Stage *stage = fixture->stage;
    guint all = 0;
    for (guint l = 0; l < 2; l++) {
      guint limit = l == 0 ? limits[k].by_site : limits[k].by_experiment;
      if (limit > 0 && (all == 0 || limit < all))
        all = limit;
    }
    if (limits[k].by_vm > 0)
      g_assert_cmpuint(stage->most_by_vm, <=, limits[k].by_vm);
    if (all > 0) /* never more, and no slot stays empty */
      g_assert_cmpuint(stage->most_running, ==, all);
    g_clear_pointer(&fixture->stage, stage_free);
  }
}

/* One at a time in the order of readiness; a service gives its slot back. */
static void
test_limit_order(Fixture *fixture, gconstpointer data)
{
  guint32 serve = kit_simple(fixture->kit, "serve", 0, VN_NO_ID);
  set_acts(fixture, serve, serves);
  for (guint32 t = 1; t < 8; t++) {
    kit_simple(fixture->kit, "t", 0, VN_NO_ID);
    set_acts(fixture, t, (StageAct){.duration = 10 * MS});
  }
  stage_play(prepare(fixture, &(VnSchedulerLimits){.by_vm = 1}));
  assert_result(COMPLETED);
  for (guint32 t = 1; t < 8; t++)
    g_assert_cmpint(started(fixture, t), ==, 2 * MS + (t - 1) * 10 * MS);
}

static void
test_interrupt(Fixture *fixture, gconstpointer data)
{
  guint32 a = kit_simple(fixture->kit, "a", 0, VN_NO_ID);
  guint32 b = kit_simple(fixture->kit, "b", 0, a);
  guint32 c = kit_simple(fixture->kit, "c", 0, a);
  kit_at(fixture->kit, c)->always = TRUE;
  set_acts(fixture, a, (StageAct){.duration = 5 * MS});
  set_acts(fixture, b, (StageAct){.duration = 5 * MS});
  for (guint times = 1; times <= 3; times++) {
    Stage *stage = prepare(fixture, NULL);
    stage->interrupt_at = 8; /* deployment is 8 events */
    stage->interrupts = times;
    stage_play(stage);
    assert_result(INTERRUPTED);
    assert_state(a, CANCELLED);
    assert_state(b, CANCELLED);
    if (times == 1)
      assert_state(c, DONE);
    else
      assert_state(c, CANCELLED);
    g_clear_pointer(&fixture->stage, stage_free);
  }
}

static void
test_interrupt_before_start(Fixture *fixture, gconstpointer data)
{
  guint32 a = kit_simple(fixture->kit, "a", 0, VN_NO_ID);
  vn_scheduler_interrupt(prepare(fixture, NULL)->scheduler);
  stage_play(fixture->stage);
  assert_result(INTERRUPTED);
  assert_state(a, CANCELLED);
  g_assert_cmpuint(fixture->stage->starts[0], ==, 0);
}

/* Ctrl-C after each event there is, once and twice: everything ends, once, and is taken down. */
static void
test_interrupt_everywhere(Fixture *fixture, gconstpointer data)
{
  Kit *kit = fixture->kit;
  guint32 serve = kit_task(kit, "serve", (guint32[]){0, 1, 2}, 3, NULL, 0);
  guint32 use = kit_task(kit, "use", (guint32[]){0, 1, 2}, 3, &serve, 1);
  guint32 flaky = kit_simple(kit, "flaky", 0, serve);
  guint32 slow = kit_simple(kit, "slow", 1, flaky);
  guint32 pause = kit_wait(kit, "pause", 3 * MS, serve);
  guint32 stop = kit_stop(kit, "stop", serve, pause);
  guint32 clean = kit_task(kit, "clean", (guint32[]){0, 1}, 2, (guint32[]){use, slow, stop}, 3);
  kit_at(kit, flaky)->retries = 3;
  kit_at(kit, flaky)->retry_every_ns = 2 * MS;
  kit_at(kit, slow)->timeout_ns = 1 * MS;
  kit_at(kit, slow)->on_failure = VN_ON_FAILURE_SKIP;
  kit_at(kit, clean)->always = TRUE;
  set_acts(fixture, serve, serves);
  set_acts(fixture, use, (StageAct){.duration = 4 * MS});
  fixture->acts[flaky][0] = fixture->acts[flaky][1] = fails;
  set_acts(fixture, slow, never);
  for (guint mode = 0; mode < 8; mode++) {
    gboolean over = FALSE;
    for (guint at = 1; !over; at++) {
      Stage *stage = prepare(fixture, mode & 4 ? &(VnSchedulerLimits){1, 0, 2} : NULL);
      stage->interrupt_at = at;
      stage->interrupts = 1 + (mode & 1);
      stage->cancel_delay = mode & 2 ? 1 * MS : 0;
      stage->synchronous = (mode & 2) == 0;
      stage_play(stage);
      over = stage->n_events < at;
      gboolean in_time = fixture->stage->starts[stage->graph->teardown] == 1;
      g_assert_true(in_time);
      if (stage->result != VN_RUN_INTERRUPTED)
        assert_result(COMPLETED);
      else if (!(mode & 1) && stage->started[stage->graph->task_first[serve]] >= 0)
        assert_state(clean, DONE);
      g_clear_pointer(&fixture->stage, stage_free);
    }
  }
}

/* Results: one value, lists by member, and what is missing says why. */
static void
test_results(Fixture *fixture, gconstpointer data)
{
  Kit *kit = fixture->kit;
  guint32 a = kit_task(kit, "a", (guint32[]){0, 2}, 2, NULL, 0);
  guint32 b = kit_simple(kit, "b", 1, a);
  kit_at(kit, b)->when = kit_const(kit, vn_value_bool(FALSE));
  set_acts(fixture, a, (StageAct){.duration = 5 * MS});
  play(fixture);
  const VnExprScope *scope = vn_scheduler_scope(fixture->stage->scheduler);
  g_autoptr(GError) error = NULL;
  VnValue value;
  g_assert_true(vn_expr_evaluate(kit_field(kit, a, VN_MEMBER_ALL, VN_FIELD_DURATION, VN_VALUE_LIST),
                                 scope, kit->arena, &value, &error));
  g_assert_cmpuint(value.list->n, ==, 2);
  g_assert_cmpint(value.list->items[1].i, ==, 5 * MS);
  g_assert_true(vn_expr_evaluate(kit_field(kit, a, 2, VN_FIELD_OK, VN_VALUE_BOOL), scope,
                                 kit->arena, &value, &error));
  g_assert_true(value.b);
  g_assert_false(vn_expr_evaluate(kit_field(kit, b, 1, VN_FIELD_EXIT_CODE, VN_VALUE_INT), scope,
                                  kit->arena, &value, &error));
  g_assert_error(error, VN_EXPR_ERROR, VN_EXPR_ERROR_MISSING);
  g_assert_nonnull(strstr(error->message, "b: h[1] has no .exit_code: it was skipped"));
}

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
#define ADD(name, function) \
  g_test_add("/scheduler/" name, Fixture, NULL, set_up, function, tear_down)
  ADD("chain", test_chain);
  ADD("batches", test_batches);
  ADD("stop", test_stop);
  ADD("skip", test_skip);
  ADD("ignore", test_ignore);
  ADD("broken", test_broken);
  ADD("group", test_group);
  ADD("retry", test_retry);
  ADD("stop-in-backoff", test_stop_in_backoff);
  ADD("timeout-action", test_timeout_action);
  ADD("timeout-control", test_timeout_control);
  ADD("wait", test_wait);
  ADD("when", test_when);
  ADD("when-error", test_when_error);
  ADD("background", test_background);
  ADD("background-dies", test_background_dies);
  ADD("background-serves-always", test_background_serves_always);
  ADD("stop-before-ready", test_stop_before_ready);
  ADD("stop-too-early", test_stop_too_early);
  ADD("stop-wins-over-retry", test_stop_wins_over_retry);
  ADD("deployment-fails", test_deployment_fails);
  ADD("teardown-fails", test_teardown_fails);
  ADD("limits", test_limits);
  ADD("limit-order", test_limit_order);
  ADD("interrupt", test_interrupt);
  ADD("interrupt-before-start", test_interrupt_before_start);
  ADD("interrupt-everywhere", test_interrupt_everywhere);
  ADD("results", test_results);
  return g_test_run();
}
