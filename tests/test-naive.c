/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The naive model (tests/naive) against the real engine: random workflows are run by the real
 * scheduler, on simulated machines and on an executor that ends steps in random orders and ways.
 * Whatever the engine does must be a move that the model allows in that moment. (That the model
 * allows nothing more is not seen here.)
 *
 * VNEC_SEED begins elsewhere, VNEC_CASES sets the number; what fails is printed with its script. */
#include <glib/gstdio.h>
#include <string.h>

#include "master/simulate.h"
#include "tests/naive/naive.h"
#include "tests/naive/script.h"
#include "tests/naive/unit.h"

#define N_CASES 6000

typedef struct {
  guint32 seed;
  char *text;
  Unit unit;
  Naive naive;
  NaiveState state;
  guint8 *step_of; /* by node */
  guint8 on_at_start[NAIVE_MAX_STEPS];
  GString *log;
  const char *rules; /* of the simulated machines; NULL: none */
} Case;

static void
give_up(const Case *test, const char *what)
{
  g_error("VNEC_SEED=%u: %s\n%s\n%s\n%s", test->seed, what, test->text, test->log->str,
          test->rules != NULL ? test->rules : "");
}

static gboolean
case_init(Case *test, guint32 seed, GRand *rand, const char *image)
{
  ScriptOptions options = {.image = image, .max_steps = 9};
  *test = (Case){.seed = seed, .text = script_random(rand, &options)};
  test->log = g_string_new(NULL);
  unit_init(&test->unit, "random.vnl", test->text);
  if (test->unit.graph == NULL)
    return FALSE;
  if (!naive_init(&test->naive, test->unit.graph))
    give_up(test, "it is too large");
  test->naive.exact = TRUE;
  naive_begin(&test->naive, &test->state);
  test->step_of = g_malloc(test->unit.graph->n_nodes);
  memset(test->step_of, 0xff, test->unit.graph->n_nodes);
  for (guint k = 0; k < test->naive.n_steps; k++)
    test->step_of[test->naive.steps[k].node] = (guint8)k;
  return TRUE;
}

static void
case_clear(Case *test)
{
  g_free(test->text);
  g_free(test->step_of);
  g_string_free(test->log, TRUE);
  unit_clear(&test->unit);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Case, case_clear)

/* ---- what the scheduler says, as moves ---- */

static gboolean
is_allowed(const Case *test, NaiveMove move)
{
  NaiveMove moves[NAIVE_MAX_MOVES];
  guint n = naive_moves(&test->naive, &test->state, TRUE, moves);
  for (guint k = 0; k < n; k++)
    if (moves[k].act == move.act && moves[k].step == move.step)
      return TRUE;
  return FALSE;
}

static gboolean
try_move(Case *test, NaiveAct act, guint8 step)
{
  NaiveMove move = {.act = (guint8)act, .step = step};
  if (!is_allowed(test, move))
    return FALSE;
  naive_move_text(&test->naive, move, test->log);
  g_string_append_c(test->log, '\n');
  naive_apply(&test->naive, &test->state, move);
  return TRUE;
}

/* The engine does not say when a stop(TASK) asks others to end: before that shows. */
static gboolean
try_after_stop(Case *test, NaiveAct act, guint8 step)
{
  for (guint8 k = 0; k < test->naive.n_steps; k++)
    if (k != step && test->naive.steps[k].of->control == VN_CONTROL_STOP &&
        try_move(test, NAIVE_EFFECT, k) && try_move(test, act, step))
      return TRUE;
  return FALSE;
}

static void
must_move(Case *test, NaiveAct act, guint8 step)
{
  if (try_move(test, act, step) || try_after_stop(test, act, step))
    return;
  g_autoptr(GString) what = g_string_new("the engine did what the model does not allow: ");
  naive_move_text(&test->naive, (NaiveMove){.act = (guint8)act, .step = step}, what);
  give_up(test, what->str);
}

static void
on_started(guint32 node, guint32 attempt, gint64 at_ns, gpointer data)
{
  Case *test = data;
  guint8 step = test->step_of[node];
  (void)at_ns;
  if (step == 0xff)
    return;
  const NaiveStep *of = &test->naive.steps[step];
  test->on_at_start[step] = of->vm != VN_NO_ID && test->state.power[of->vm] == NAIVE_ON;
  must_move(test, attempt == 0 ? NAIVE_START : NAIVE_ANEW, step);
}

/* Simulated machines say themselves whether they were on. */
static void
check_power(Case *test, guint8 step, const VnOutcome *outcome)
{
  const NaiveStep *of = &test->naive.steps[step];
  if (of->vm == VN_NO_ID || outcome == NULL || outcome->error == NULL)
    return;
  if (strcmp(outcome->error, "the machine is not on") == 0 && test->on_at_start[step])
    give_up(test, "a machine was not on that the model has on");
}

static void
on_succeeded(Case *test, guint8 step)
{
  const NaiveStep *of = &test->naive.steps[step];
  if (test->state.phase[step] == NAIVE_DONE)
    return; /* it served, and was stopped */
  if (test->state.phase[step] == NAIVE_RUNNING && of->action == NULL &&
      of->of->control != VN_CONTROL_WAIT)
    must_move(test, NAIVE_EFFECT, step);
  must_move(test, NAIVE_SUCCEED, step);
}

static void
on_ended(guint32 node, guint32 attempt, VnNodeState state, const VnOutcome *outcome,
         gboolean will_retry, gpointer data)
{
  Case *test = data;
  guint8 step = test->step_of[node];
  (void)attempt;
  if (step == 0xff || will_retry)
    return;
  check_power(test, step, outcome);
  switch (state) {
  case VN_STATE_DONE:
    on_succeeded(test, step);
    return;
  case VN_STATE_FAILED:
    must_move(test, test->state.phase[step] == NAIVE_DONE ? NAIVE_DIE : NAIVE_FAIL, step);
    return;
  case VN_STATE_SKIPPED:
    if (test->state.phase[step] != NAIVE_SKIPPED && !try_move(test, NAIVE_POISON, step))
      must_move(test, NAIVE_SKIP, step);
    return;
  case VN_STATE_CANCELLED:
    must_move(test, NAIVE_CANCEL, step);
    return;
  case VN_STATE_WAITING:
  case VN_STATE_READY:
  case VN_STATE_RUNNING:
  case VN_STATE_BACKOFF:
  case VN_STATE_SERVING:
  case VN_STATE_CANCELLING:
    break;
  }
  g_assert_not_reached();
}

static void
on_serving(guint32 node, gint64 at_ns, gpointer data)
{
  Case *test = data;
  (void)at_ns;
  must_move(test, NAIVE_SUCCEED, test->step_of[node]);
}

static const VnSchedulerObserver observer = {
    .node_started = on_started, .node_ended = on_ended, .node_serving = on_serving};

static void
check_over(Case *test, VnRunStatus status)
{
  for (guint k = 0; k < test->naive.n_steps; k++)
    if (!naive_has_ended(test->state.phase[k]))
      give_up(test, status == VN_RUN_RUNNING ? "the run hangs"
                                             : "the run is over, and a step has not ended");
  if ((status != VN_RUN_COMPLETED) != (test->state.stopping != 0))
    give_up(test, "engine and model do not agree whether the run was given up");
}

/* ---- simulated machines ---- */

static char *
random_rules(GRand *rand)
{
  GString *out = g_string_new(NULL);
  for (guint t = 0; t < 6; t++)
    for (guint h = 0; h < 3; h++) {
      if (g_rand_double(rand) < 0.2)
        g_string_append_printf(out, "t%u[h%u] attempt=0 after=%dms exit=1\n", t, h,
                               g_rand_int_range(rand, 0, 20));
      if (g_rand_double(rand) < 0.1)
        g_string_append_printf(out, "t%u[h%u] ends=%dms exit=1\n", t, h,
                               g_rand_int_range(rand, 0, 20));
      g_string_append_printf(out, "t%u[h%u] after=%dms\n", t, h, g_rand_int_range(rand, 0, 20));
    }
  for (guint h = 0; h < 3; h++)
    g_string_append_printf(out, "[h%u] boot=%dms\n", h, g_rand_int_range(rand, 0, 20));
  return g_string_free(out, FALSE);
}

static void
run_simulated(Case *test)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(VnSimulator) sim = vn_simulator_new(test->unit.graph, test->seed, &error);
  g_assert_no_error(error);
  VnSchedulerLimits limits = {.by_vm = test->seed % 3};
  g_autoptr(VnScheduler) scheduler =
      vn_scheduler_new(test->unit.graph, vn_simulator_executor(sim), &observer, &limits, test);
  vn_simulator_attach(sim, scheduler);
  vn_scheduler_start(scheduler);
  while (vn_simulator_step(sim))
    continue;
  check_over(test, vn_scheduler_status(scheduler));
}

static guint32
number_from(const char *name, guint32 otherwise)
{
  const char *text = g_getenv(name);
  return text != NULL ? (guint32)g_ascii_strtoull(text, NULL, 10) : otherwise;
}

static void
test_simulated(void)
{
  guint32 first = number_from("VNEC_SEED", 1), n = number_from("VNEC_CASES", N_CASES);
  g_autofree char *folder = g_dir_make_tmp("vnec-naive-XXXXXX", NULL);
  g_autofree char *rules_path = g_build_filename(folder, "rules", NULL);
  g_autofree char *image =
      g_strdup_printf("image m { technology sim; script \"%s\"; }\n", rules_path);
  guint n_run = 0;
  static const guint32 once_wrong[] = {58215};
  for (guint32 k = 0; k < n + G_N_ELEMENTS(once_wrong); k++) {
    guint32 seed = k < n ? first + k : once_wrong[k - n];
    g_autoptr(GRand) rand = g_rand_new_with_seed(seed);
    g_autofree char *rules = random_rules(rand);
    g_assert_true(g_file_set_contents(rules_path, rules, -1, NULL));
    g_auto(Case) test;
    if (!case_init(&test, seed, rand, image))
      continue;
    test.rules = rules;
    run_simulated(&test);
    n_run++;
  }
  (void)g_remove(rules_path);
  (void)g_rmdir(folder);
  g_test_message("%u of %u scripts were run", n_run, n);
  g_assert_cmpuint(n_run, >=, n / 2);
}

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/naive/simulated", test_simulated);
  return g_test_run();
}
