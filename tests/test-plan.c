/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The dry run: waves, its text and its JSON. */
#include <json-glib/json-glib.h>

#include "emit/emit.h"
#include "plan/waves.h"
#include "tech/tech.h"
#include "tests/kit.h"

static Kit *
make_kit(void)
{
  Kit *kit = kit_new(20);
  const guint32 some[] = {0, 1, 2, 3, 7, 9, 10};
  kit->model.topology.segments[0].tech = VN_TECH_SIM;
  guint32 boot = kit_task(kit, "boot", some, G_N_ELEMENTS(some), NULL, 0);
  kit_at(kit, boot)->control = VN_CONTROL_POWER_ON;
  guint32 save = kit_task(kit, "save", (guint32[]){5}, 1, (guint32[]){3, boot}, 2);
  kit_at(kit, save)->always = TRUE;
  kit_at(kit, save)->on_failure = VN_ON_FAILURE_SKIP;
  guint32 run = kit_simple(kit, "run", 3, boot);
  kit_at(kit, run)->timeout_ns = 30 * G_GINT64_CONSTANT(1000000000);
  kit_at(kit, run)->retries = 2;
  kit_at(kit, run)->retry_every_ns = 5000000;
  kit_wait(kit, "pause", 1500000000, run);
  return kit;
}

static void
test_waves(void)
{
  g_autoptr(Kit) kit = make_kit();
  g_autoptr(VnArena) arena = vn_arena_new();
  VnWaves waves = vn_plan_waves(&kit->model, arena);
  const guint32 wave[] = {1, 4, 2, 3}, order[] = {0, 2, 3, 1};
  g_assert_cmpmem(waves.wave, 16, wave, 16);
  g_assert_cmpmem(waves.order, 16, order, 16);
  g_assert_cmpuint(waves.n_waves, ==, 4);
}

/* Both ways, from the same orders: `save` stands before what it comes after. */
static void
test_links(void)
{
  g_autoptr(Kit) kit = make_kit();
  g_autoptr(VnArena) arena = vn_arena_new();
  VnPlanLinks links = vn_plan_links(&kit->model, arena);
  const guint32 before_row[] = {0, 0, 2, 3, 4}, before[] = {3, 0, 0, 2};
  const guint32 row[] = {0, 2, 2, 3, 4}, followers[] = {1, 2, 3, 1};
  g_assert_cmpuint(links.n_tasks, ==, 4);
  g_assert_cmpmem(links.before_row, 20, before_row, 20);
  g_assert_cmpmem(links.before, 16, before, 16);
  g_assert_cmpmem(links.row, 20, row, 20);
  g_assert_cmpmem(links.followers, 16, followers, 16);
}

static const char expected[] =
    "on when the first task starts: 13 of 20 machines; off: h[0..3], h[7], h[9..10]\n"
    "then the proof that nothing of it touches this machine's networks\n"
    "\n"
    "4 tasks; the number is how many must end one after the other, and itself\n"
    "    1  boot = h[0..3], h[7], h[9..10]: power_on\n"
    "    2  run = h[3]: act\n"
    "         after boot; timeout 30s; retry 2 every 5ms\n"
    "    3  pause = wait(1.5s)\n"
    "         after run\n"
    "    4  save = h[5]: act\n"
    "         after pause, boot; always; on_failure skip\n"
    "\n"
    "then what still runs is ended and everything is taken down\n"
    "49 steps, of them 10 runs of tasks; the longest way has 4 tasks\n";

static void
test_text(void)
{
  g_autoptr(Kit) kit = make_kit();
  g_autoptr(VnDiagSink) sink = vn_diag_sink_new();
  g_autoptr(GString) out = g_string_new(NULL);
  vn_emit_plan(vn_graph_build(&kit->model, kit->arena, sink), out);
  g_assert_true(g_str_has_prefix(out->str, "experiment \"by hand\"\n"));
  const char *tasks = strstr(out->str, "on when the first");
  g_assert_nonnull(tasks);
  g_assert_cmpstr(tasks, ==, expected);
}

static void
test_json(void)
{
  g_autoptr(Kit) kit = make_kit();
  g_autoptr(VnDiagSink) sink = vn_diag_sink_new();
  g_autoptr(GString) out = g_string_new(NULL);
  g_autoptr(GError) error = NULL;
  vn_emit_plan_json(vn_graph_build(&kit->model, kit->arena, sink), out);
  g_autoptr(JsonNode) root = json_from_string(out->str, &error);
  g_assert_no_error(error);
  JsonObject *plan = json_node_get_object(root);
  JsonArray *tasks = json_object_get_array_member(plan, "tasks");
  g_assert_cmpuint(json_array_get_length(tasks), ==, 4);
  JsonObject *last = json_array_get_object_element(tasks, 3);
  g_assert_cmpstr(json_object_get_string_member(last, "name"), ==, "save");
  g_assert_cmpint(json_object_get_int_member(last, "wave"), ==, 4);
  JsonArray *machines = json_object_get_array_member(plan, "machines");
  g_assert_false(json_object_get_boolean_member(json_array_get_object_element(machines, 0), "on"));
  g_assert_true(json_object_get_boolean_member(json_array_get_object_element(machines, 4), "on"));
  JsonObject *steps = json_object_get_object_member(plan, "steps");
  g_assert_cmpint(json_object_get_int_member(steps, "task"), ==, 10);
}

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/plan/waves", test_waves);
  g_test_add_func("/plan/links", test_links);
  g_test_add_func("/plan/text", test_text);
  g_test_add_func("/plan/json", test_json);
  return g_test_run();
}
