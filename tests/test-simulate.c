/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Simulated machines: scripts, virtual time to the nanosecond, power, loss, seeds, a million. */
#include <glib/gstdio.h>

#include "master/simscript.h"
#include "master/simulate.h"
#include "tech/tech.h"
#include "tests/kit.h"

#define MS     G_GINT64_CONSTANT(1000000)
#define SECOND (1000 * MS)

typedef struct {
  Kit *kit;
  VnDiagSink *sink;
  VnImage *image;
  VnGraph *graph;
  VnSimulator *simulator;
  VnScheduler *scheduler;
  GPtrArray *log; /* "task[vm] state outcome at" of every end, retries too */
  char *script;   /* path; NULL: none */
} Fixture;

/* act(host) returns (n: int, list: list<port>, note: string?) succeeds when n > 1 */
static VnAction *
make_action(Kit *kit)
{
  VnAction *action = vn_arena_new0(kit->arena, VnAction);
  VnActionField *fields = vn_arena_array0(kit->arena, VnActionField, 3);
  fields[0] = (VnActionField){.name = "n", .type = VN_VALUE_INT};
  fields[1] = (VnActionField){.name = "list", .type = VN_VALUE_LIST, .element = VN_VALUE_PORT};
  fields[2] = (VnActionField){.name = "note", .type = VN_VALUE_STRING, .optional = TRUE};
  VnActionParse *parse = vn_arena_new0(kit->arena, VnActionParse);
  parse->pattern = "(?<n>\\d+) answers";
  VnActionVariant *variant = vn_arena_new0(kit->arena, VnActionVariant);
  *variant = (VnActionVariant){.form = VN_COMMAND_RUN, .parses = parse, .n_parses = 1};
  const VnExpr **operands = vn_arena_array0(kit->arena, const VnExpr *, 2);
  VnExpr *field = vn_arena_new0(kit->arena, VnExpr);
  *field = (VnExpr){.kind = VN_EXPR_FIELD, .type = VN_VALUE_INT, .index = VN_FIELD_OWN};
  operands[0] = field;
  operands[1] = kit_const(kit, vn_value_int(1));
  VnExpr *succeeds = vn_arena_new0(kit->arena, VnExpr);
  *succeeds = (VnExpr){.kind = VN_EXPR_BINARY,
                       .type = VN_VALUE_BOOL,
                       .op = VN_EXPR_GT,
                       .operands = operands,
                       .n_operands = 2};
  *action = (VnAction){.name = "act",
                       .fields = fields,
                       .n_fields = 3,
                       .variants = variant,
                       .n_variants = 1,
                       .succeeds = succeeds};
  return action;
}

static void
set_up(Fixture *fixture, gconstpointer data)
{
  Kit *kit = fixture->kit = kit_new(3);
  fixture->sink = vn_diag_sink_new();
  fixture->log = g_ptr_array_new_with_free_func(g_free);
  kit->model.topology.segments[0].tech = VN_TECH_SIM;
  VnAction *actions = vn_arena_array0(kit->arena, VnAction, 2);
  actions[0] = *make_action(kit);
  actions[1] = (VnAction){.name = "serve", .background = TRUE};
  kit->model.actions = actions;
  kit->model.n_actions = 2;
  fixture->image = kit->model.images = vn_arena_new0(kit->arena, VnImage);
  *fixture->image = (VnImage){.name = "slow", .tech = VN_TECH_SIM};
  kit->model.n_images = 1;
  for (guint32 v = 0; v < 3; v++)
    kit->model.topology.vms[v].image = 0;
}

static void
drop_run(Fixture *fixture)
{
  g_clear_pointer(&fixture->scheduler, vn_scheduler_free);
  g_clear_pointer(&fixture->simulator, vn_simulator_free);
}

static void
tear_down(Fixture *fixture, gconstpointer data)
{
  drop_run(fixture);
  if (fixture->script != NULL)
    g_assert_cmpint(g_unlink(fixture->script), ==, 0);
  g_free(fixture->script);
  kit_free(fixture->kit);
  vn_diag_sink_free(fixture->sink);
  g_ptr_array_unref(fixture->log);
}

static void
set_key(Fixture *fixture, const char *key, VnValue value)
{
  VnArena *arena = fixture->kit->arena;
  VnImage *image = fixture->image;
  const char **keys = vn_arena_array0(arena, const char *, image->n_keys + 1);
  VnValue *values = vn_arena_array0(arena, VnValue, image->n_keys + 1);
  for (guint32 k = 0; k < image->n_keys; k++) {
    keys[k] = image->keys[k];
    values[k] = image->values[k];
  }
  keys[image->n_keys] = key;
  values[image->n_keys++] = value;
  image->keys = keys;
  image->values = values;
}

static void
set_time(Fixture *fixture, const char *key, gint64 ns)
{
  set_key(fixture, key, (VnValue){.kind = VN_VALUE_DURATION, .i = ns});
}

static void
set_script(Fixture *fixture, const char *text)
{
  g_autoptr(GError) error = NULL;
  int fd = g_file_open_tmp("vnec-sim-XXXXXX", &fixture->script, &error);
  g_assert_no_error(error);
  g_assert_true(g_close(fd, NULL));
  g_assert_true(g_file_set_contents(fixture->script, text, -1, &error));
  set_key(fixture, "script", vn_value_string(fixture->kit->arena, fixture->script, -1));
}

static void
saw_end(guint32 node, guint32 attempt, VnNodeState state, const VnOutcome *outcome,
        gboolean will_retry, gpointer data)
{
  static const char *const names[] = {"WAITING",    "READY", "RUNNING", "BACKOFF", "SERVING",
                                      "CANCELLING", "DONE",  "FAILED",  "SKIPPED", "CANCELLED"};
  Fixture *fixture = data;
  if (fixture->graph->nodes[node].kind != VN_NODE_TASK)
    return;
  g_autoptr(GString) line = g_string_new(NULL);
  vn_node_label(fixture->graph, node, line);
  g_string_append_printf(line, " %s", will_retry ? "RETRY" : names[state]);
  if (outcome != NULL)
    g_string_append_printf(line, " %" G_GINT64_FORMAT "ms", outcome->ended_ns / MS);
  if (outcome != NULL && outcome->error != NULL)
    g_string_append_printf(line, " (%s)", outcome->error);
  g_ptr_array_add(fixture->log, g_string_free(g_steal_pointer(&line), FALSE));
}

static VnRunStatus
run(Fixture *fixture, guint64 seed)
{
  static const VnSchedulerObserver observer = {.node_ended = saw_end};
  g_autoptr(GError) error = NULL;
  drop_run(fixture);
  g_ptr_array_set_size(fixture->log, 0);
  fixture->graph = vn_graph_build(&fixture->kit->model, fixture->kit->arena, fixture->sink);
  fixture->simulator = vn_simulator_new(fixture->graph, seed, &error);
  g_assert_no_error(error);
  fixture->scheduler = vn_scheduler_new(fixture->graph, vn_simulator_executor(fixture->simulator),
                                        &observer, NULL, fixture);
  vn_simulator_attach(fixture->simulator, fixture->scheduler);
  vn_scheduler_start(fixture->scheduler);
  while (vn_simulator_step(fixture->simulator))
    ;
  g_assert_cmpint(vn_scheduler_status(fixture->scheduler), !=, VN_RUN_RUNNING);
  return vn_scheduler_status(fixture->scheduler);
}

static void
assert_log(Fixture *fixture, const char *const *expected)
{
  g_ptr_array_add(fixture->log, NULL);
  g_autofree char *got = g_strjoinv("\n", (char **)fixture->log->pdata);
  g_autofree char *want = g_strjoinv("\n", (char **)expected);
  g_assert_cmpstr(got, ==, want);
}

#define LOG(...) assert_log(fixture, (const char *[]){__VA_ARGS__, NULL})

static void
test_times(Fixture *fixture, gconstpointer data)
{
  Kit *kit = fixture->kit;
  set_time(fixture, "boot", 2 * SECOND);
  set_time(fixture, "duration", 30 * MS);
  guint32 a = kit_simple(kit, "a", 0, VN_NO_ID);
  guint32 w = kit_wait(kit, "w", 3600 * SECOND, a);
  kit_simple(kit, "b", 1, w);
  guint32 c = kit_simple(kit, "c", 2, VN_NO_ID);
  kit_at(kit, c)->timeout_ns = 10 * MS;
  kit_at(kit, c)->on_failure = VN_ON_FAILURE_IGNORE;
  kit_at(kit, c)->retries = 1;
  kit_at(kit, c)->retry_every_ns = 5 * MS;
  g_assert_cmpint(run(fixture, 1), ==, VN_RUN_COMPLETED);
  g_assert_cmpint(vn_scheduler_epoch(fixture->scheduler), ==, 2 * SECOND);
  LOG("c: h[2] RETRY 10ms (it did not end in time)", "c: h[2] FAILED 25ms (it did not end in time)",
      "a: h[0] DONE 30ms", "w DONE 3600030ms", "b: h[1] DONE 3600060ms");
}

static void
test_script(Fixture *fixture, gconstpointer data)
{
  Kit *kit = fixture->kit;
  set_script(fixture, "# what happens\n"
                      "a exit=3 after=2s err='no route'\n"
                      "b attempt=0 exit=1\n"
                      "b[h[1]] .n=7 .list=22,80\n"
                      "c* .n=1\n"
                      "d out='42 answers'\n"
                      "e .n=lots\n"
                      "f .m=1\n"
                      "[*] boot=8s\n");
  for (const char *name = "abcdef"; *name != '\0'; name++) {
    guint32 t = kit_simple(kit, vn_arena_strndup(kit->arena, name, 1), 1,
                           *name == 'a' ? VN_NO_ID : kit->tasks->len - 1);
    kit_at(kit, t)->on_failure = VN_ON_FAILURE_IGNORE;
    kit_at(kit, t)->retries = *name == 'b' ? 1 : 0;
  }
  VnMeasure *measure = vn_arena_array0(kit->arena, VnMeasure, 3);
  measure[0].value = kit_field(kit, 1, 1, VN_FIELD_OWN + 1, VN_VALUE_LIST);
  measure[1].value = kit_field(kit, 3, 1, VN_FIELD_OWN, VN_VALUE_INT);
  kit->model.measures = measure;
  measure[2].value = kit_field(kit, 0, 1, VN_FIELD_STDERR, VN_VALUE_STRING);
  kit->model.n_measures = 3;
  g_assert_cmpint(run(fixture, 1), ==, VN_RUN_COMPLETED);
  g_assert_cmpint(vn_scheduler_epoch(fixture->scheduler), ==, 8 * SECOND);
  LOG("a: h[1] FAILED 2000ms (exit code 3)", "b: h[1] RETRY 2000ms (exit code 1)",
      "b: h[1] DONE 2000ms", "c: h[1] FAILED 2000ms (`succeeds when` is false)",
      "d: h[1] DONE 2000ms", "e: h[1] FAILED 2000ms (script: .n=lots is no int)",
      "f: h[1] FAILED 2000ms (script: act has no result .m)");
  VnValue value;
  const VnExprScope *scope = vn_scheduler_scope(fixture->scheduler);
  g_assert_true(vn_expr_evaluate(measure[0].value, scope, kit->arena, &value, NULL));
  g_assert_cmpuint(value.list->n, ==, 2);
  g_assert_cmpint(value.list->items[1].i, ==, 80);
  g_assert_true(vn_expr_evaluate(measure[1].value, scope, kit->arena, &value, NULL));
  g_assert_cmpint(value.i, ==, 42);
  g_assert_true(vn_expr_evaluate(measure[2].value, scope, kit->arena, &value, NULL));
  g_assert_cmpstr(value.text->text, ==, "no route");
  /* What no expression of the model reads is not kept. */
  g_autoptr(GError) error = NULL;
  const VnExpr *other = kit_field(kit, 3, 1, VN_FIELD_STDOUT, VN_VALUE_STRING);
  g_assert_false(vn_expr_evaluate(other, scope, kit->arena, &value, &error));
  g_assert_error(error, VN_EXPR_ERROR, VN_EXPR_ERROR_MISSING);
}

static void
test_script_errors(void)
{
  const struct {
    const char *text, *error;
  } cases[] = {
      {"a exit", "x:1: \"exit\" should be KEY=VALUE"},
      {"\n\na exit=no", "x:3: exit=no: not a key"},
      {"a after=-1s", "x:1: after=-1s: not a key"},
      {"a attempt=-1", "x:1: attempt=-1: not a key"},
      {"a what=1", "x:1: what=1: not a key"},
      {"a out='x", "x:1: "},
  };
  for (gsize k = 0; k < G_N_ELEMENTS(cases); k++) {
    g_autoptr(GError) error = NULL;
    g_assert_null(vn_sim_script_parse("x", cases[k].text, &error));
    g_assert_error(error, VN_SIM_ERROR, VN_SIM_ERROR_SCRIPT);
    g_assert_true(g_str_has_prefix(error->message, cases[k].error));
  }
  g_autoptr(GError) error = NULL;
  g_assert_null(vn_sim_script_load("/does/not/exist", &error));
  g_assert_error(error, G_FILE_ERROR, G_FILE_ERROR_NOENT);
}

/* The first line that fits counts, whatever its form; `*` alone is about tasks only. */
static void
test_script_order(void)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(VnSimScript) script =
      vn_sim_script_parse("x", "a attempt=1\nb[h]\n*[g]\na[h]\na\n*\n[h]\n[*]\n", &error);
  g_assert_no_error(error);
  g_assert_cmpuint(vn_sim_script_find(script, "a", "h", 1)->line, ==, 1);
  g_assert_cmpuint(vn_sim_script_find(script, "a", "h", 0)->line, ==, 4);
  g_assert_cmpuint(vn_sim_script_find(script, "a", "g", 0)->line, ==, 3);
  g_assert_cmpuint(vn_sim_script_find(script, "a", "f", 0)->line, ==, 5);
  g_assert_cmpuint(vn_sim_script_find(script, "b", "h", 0)->line, ==, 2);
  g_assert_cmpuint(vn_sim_script_find(script, "b", "f", 0)->line, ==, 6);
  g_assert_cmpuint(vn_sim_script_find(script, NULL, "h", 0)->line, ==, 7);
  g_assert_cmpuint(vn_sim_script_find(script, NULL, "g", 0)->line, ==, 8);
}

static void
test_power(Fixture *fixture, gconstpointer data)
{
  Kit *kit = fixture->kit;
  set_time(fixture, "boot", 5 * SECOND);
  set_time(fixture, "duration", 10 * SECOND);
  guint32 boot = kit_simple(kit, "boot", 0, VN_NO_ID);
  kit_at(kit, boot)->control = VN_CONTROL_POWER_ON;
  guint32 early = kit_simple(kit, "early", 0, VN_NO_ID);
  guint32 cut = kit_simple(kit, "cut", 0, boot);
  guint32 pause = kit_wait(kit, "pause", 1 * SECOND, boot);
  guint32 down = kit_simple(kit, "down", 0, pause);
  kit_at(kit, down)->control = VN_CONTROL_POWER_OFF;
  guint32 late = kit_simple(kit, "late", 0, down);
  for (guint32 t = early; t <= late; t++)
    kit_at(kit, t)->on_failure = VN_ON_FAILURE_IGNORE;
  (void)cut;
  g_assert_cmpint(run(fixture, 1), ==, VN_RUN_COMPLETED);
  LOG("early: h[0] FAILED 0ms (the machine is not on)", "boot: h[0] DONE 5000ms",
      "pause DONE 6000ms", "down: h[0] DONE 6000ms",
      "cut: h[0] FAILED 6000ms (the machine went away)",
      "late: h[0] FAILED 6000ms (the machine is not on)");
}

static void
test_lost(Fixture *fixture, gconstpointer data)
{
  Kit *kit = fixture->kit;
  set_time(fixture, "duration", 4 * SECOND);
  set_script(fixture, "[h[1]] lost=10s\nkill lost=1s\n");
  guint32 t = VN_NO_ID;
  for (guint k = 0; k < 4; k++)
    t = kit_simple(kit, "t", 1, t);
  guint32 with = kit_simple(kit, "with", 2, VN_NO_ID);
  guint32 kill = kit_simple(kit, "kill", 2, VN_NO_ID);
  kit_at(kit, with)->on_failure = kit_at(kit, kill)->on_failure = VN_ON_FAILURE_IGNORE;
  g_assert_cmpint(run(fixture, 1), ==, VN_RUN_BROKEN);
  LOG("kill: h[2] FAILED 1000ms (the machine went away)",
      "with: h[2] FAILED 1000ms (the machine went away)", "t: h[1] DONE 4000ms",
      "t: h[1] DONE 8000ms", "t: h[1] FAILED 10000ms (the machine went away)", "t: h[1] CANCELLED");
}

static void
test_boot_fails(Fixture *fixture, gconstpointer data)
{
  set_script(fixture, "[h[1]] exit=1\n");
  kit_simple(fixture->kit, "t", 0, VN_NO_ID);
  g_assert_cmpint(run(fixture, 1), ==, VN_RUN_BROKEN);
  LOG("t: h[0] CANCELLED");
}

static void
test_background(Fixture *fixture, gconstpointer data)
{
  Kit *kit = fixture->kit;
  set_time(fixture, "duration", 1 * SECOND);
  set_script(fixture, "crash ends=5s exit=139\nleave ends=2s\nnever exit=1\n");
  static const char *const names[] = {"crash", "leave", "never", "stay"};
  for (guint k = 0; k < 4; k++) {
    kit_simple(kit, names[k], 0, VN_NO_ID);
    kit_at(kit, k)->action = 1;
    kit_at(kit, k)->on_failure = VN_ON_FAILURE_IGNORE;
  }
  guint32 use = kit_simple(kit, "use", 1, 3);
  kit_wait(kit, "w", 10 * SECOND, use);
  g_assert_cmpint(run(fixture, 1), ==, VN_RUN_COMPLETED);
  LOG("never: h[0] FAILED 1000ms (exit code 1)", "use: h[1] DONE 2000ms", "leave: h[0] DONE 3000ms",
      "crash: h[0] FAILED 6000ms (exit code 139)", "w DONE 12000ms", "stay: h[0] DONE 12000ms");
}

/* The same seed gives the same run; another one another. */
static void
test_seed(Fixture *fixture, gconstpointer data)
{
  Kit *kit = fixture->kit;
  set_time(fixture, "duration", 100 * MS);
  set_time(fixture, "jitter", 50 * MS);
  set_key(fixture, "failure", (VnValue){.kind = VN_VALUE_PERCENT, .f = 30});
  for (guint k = 0; k < 200; k++) {
    kit_simple(kit, "t", k % 3, VN_NO_ID);
    kit_at(kit, k)->on_failure = VN_ON_FAILURE_IGNORE;
  }
  char *runs[3] = {NULL};
  const guint64 seeds[] = {7, 7, 8};
  for (guint k = 0; k < 3; k++) {
    g_assert_cmpint(run(fixture, seeds[k]), ==, VN_RUN_COMPLETED);
    guint failed = 0;
    for (guint l = 0; l < fixture->log->len; l++)
      failed += strstr(g_ptr_array_index(fixture->log, l), "FAILED") != NULL;
    g_assert_cmpuint(failed, >, 35);
    g_assert_cmpuint(failed, <, 85);
    g_ptr_array_add(fixture->log, NULL);
    runs[k] = g_strjoinv("\n", (char **)fixture->log->pdata);
  }
  g_assert_cmpstr(runs[0], ==, runs[1]);
  g_assert_cmpstr(runs[0], !=, runs[2]);
  g_free(runs[0]);
  g_free(runs[1]);
  g_free(runs[2]);
}

/* A million machines, switched on, one task each. */
static void
test_million(void)
{
  const guint32 n = 1000000;
  g_autoptr(Kit) kit = kit_new(n);
  g_autoptr(VnDiagSink) sink = vn_diag_sink_new();
  g_autoptr(GError) error = NULL;
  kit->model.topology.segments[0].tech = VN_TECH_SIM;
  g_autofree guint32 *all = g_new(guint32, n);
  for (guint32 v = 0; v < n; v++)
    all[v] = v;
  kit_task(kit, "t", all, n, NULL, 0);
  VnGraph *graph = vn_graph_build(&kit->model, kit->arena, sink);
  g_autoptr(VnSimulator) simulator = vn_simulator_new(graph, 1, &error);
  g_autoptr(VnScheduler) scheduler =
      vn_scheduler_new(graph, vn_simulator_executor(simulator), NULL, NULL, NULL);
  vn_simulator_attach(simulator, scheduler);
  vn_scheduler_start(scheduler);
  while (vn_simulator_step(simulator))
    ;
  g_assert_cmpint(vn_scheduler_status(scheduler), ==, VN_RUN_COMPLETED);
}

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
#define ADD(name, function) \
  g_test_add("/simulate/" name, Fixture, NULL, set_up, function, tear_down)
  ADD("times", test_times);
  ADD("script", test_script);
  g_test_add_func("/simulate/script-errors", test_script_errors);
  g_test_add_func("/simulate/script-order", test_script_order);
  ADD("power", test_power);
  ADD("lost", test_lost);
  ADD("boot-fails", test_boot_fails);
  ADD("background", test_background);
  ADD("seed", test_seed);
  g_test_add_func("/simulate/million", test_million);
  return g_test_run();
}
