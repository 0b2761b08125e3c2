/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Lowering: which nodes there are, what waits for what, and cycles. */
#include "plan/graph.h"
#include "tests/kit.h"

typedef struct {
  Kit *kit;
  VnDiagSink *sink;
  VnGraph *graph;
} Fixture;

static void
build(Fixture *fixture)
{
  fixture->sink = vn_diag_sink_new();
  fixture->graph = vn_graph_build(&fixture->kit->model, fixture->kit->arena, fixture->sink);
}

static void
set_up(Fixture *fixture, gconstpointer data)
{
  fixture->kit = kit_new(3);
}

static void
tear_down(Fixture *fixture, gconstpointer data)
{
  kit_free(fixture->kit);
  vn_diag_sink_free(fixture->sink);
}

static gboolean
has_edge(const VnGraph *graph, guint32 from, guint32 to)
{
  for (guint32 k = graph->row[from]; k < graph->row[from + 1]; k++) {
    if (graph->followers[k] == to)
      return TRUE;
  }
  return FALSE;
}

static guint
count_kind(const VnGraph *graph, VnNodeKind kind)
{
  guint n = 0;
  for (guint32 k = 0; k < graph->n_nodes; k++)
    n += graph->nodes[k].kind == kind;
  return n;
}

/* What holds for every graph: n_before counts edges, and edges lead from lower ones only where
 * tasks do; a topological order takes all nodes. */
static void
check_sound(const VnGraph *graph)
{
  g_autofree guint32 *before = g_new0(guint32, graph->n_nodes);
  g_autofree guint32 *order = g_new0(guint32, graph->n_nodes);
  for (guint32 k = 0; k < graph->n_edges; k++)
    before[graph->followers[k]]++;
  guint32 n = 0;
  for (guint32 k = 0; k < graph->n_nodes; k++) {
    g_assert_cmpuint(before[k], ==, graph->nodes[k].n_before);
    if (before[k] == 0)
      order[n++] = k;
  }
  for (guint32 done = 0; done < n; done++) {
    for (guint32 k = graph->row[order[done]]; k < graph->row[order[done] + 1]; k++) {
      if (--before[graph->followers[k]] == 0)
        order[n++] = graph->followers[k];
    }
  }
  g_assert_cmpuint(n, ==, graph->n_nodes);
  g_assert_cmpuint(order[n - 1], ==, graph->teardown);
  g_assert_cmpuint(order[n - 2], ==, graph->end);
}

static void
test_empty(Fixture *fixture, gconstpointer data)
{
  build(fixture);
  const VnGraph *graph = fixture->graph;
  check_sound(graph);
  g_assert_cmpuint(graph->n_nodes, ==, 1 + 3 + 3 + 4);
  g_assert_true(has_edge(graph, graph->begin, graph->end));
  g_assert_true(has_edge(graph, 0, 1));
  g_assert_true(has_edge(graph, 1, graph->ready_node[0]));
  g_assert_true(has_edge(graph, graph->ready_node[0], graph->prove));
}

static void
test_labels(Fixture *fixture, gconstpointer data)
{
  guint32 a = kit_task(fixture->kit, "scan", (guint32[]){0, 2}, 2, NULL, 0);
  guint32 b = kit_wait(fixture->kit, "pause", 5, a);
  build(fixture);
  const VnGraph *graph = fixture->graph;
  const struct {
    guint32 node;
    const char *text;
  } cases[] = {
      {0, "segment lan"},
      {1, "vm h[0]"},
      {graph->ready_node[1], "ready h[1]"},
      {graph->prove, "prove"},
      {graph->begin, "begin"},
      {graph->task_first[a] + 1, "scan: h[2]"},
      {graph->task_node[a], "scan"},
      {graph->task_node[b], "pause"},
      {graph->end, "end"},
      {graph->teardown, "teardown"},
  };
  for (gsize k = 0; k < G_N_ELEMENTS(cases); k++) {
    g_autoptr(GString) label = g_string_new(NULL);
    vn_node_label(graph, cases[k].node, label);
    g_assert_cmpstr(label->str, ==, cases[k].text);
  }
}

static void
test_power(Fixture *fixture, gconstpointer data)
{
  Kit *kit = fixture->kit;
  guint32 boot = kit_task(kit, "boot", (guint32[]){0, 1}, 2, NULL, 0);
  kit_at(kit, boot)->control = VN_CONTROL_POWER_ON;
  kit->model.topology.vms[1].initially = VN_INITIALLY_ON;
  kit->model.topology.vms[2].initially = VN_INITIALLY_OFF;
  build(fixture);
  check_sound(fixture->graph);
  g_assert_cmpuint(fixture->graph->ready_node[0], ==, VN_NO_ID);
  g_assert_cmpuint(fixture->graph->ready_node[1], !=, VN_NO_ID);
  g_assert_cmpuint(fixture->graph->ready_node[2], ==, VN_NO_ID);
  g_assert_true(has_edge(fixture->graph, 1, fixture->graph->prove));
}

static void
test_groups(Fixture *fixture, gconstpointer data)
{
  Kit *kit = fixture->kit;
  const guint32 all[] = {0, 1, 2};
  guint32 a = kit_task(kit, "a", all, 3, NULL, 0);
  guint32 b = kit_task(kit, "b", all, 3, NULL, 0);
  guint32 c = kit_task(kit, "c", all, 3, (guint32[]){a, b}, 2);
  guint32 d = kit_task(kit, "d", all, 3, (guint32[]){c}, 1);
  build(fixture);
  const VnGraph *graph = fixture->graph;
  check_sound(graph);
  g_assert_cmpuint(count_kind(graph, VN_NODE_JOIN), ==, 4);
  g_assert_cmpuint(count_kind(graph, VN_NODE_GATE), ==, 1);
  guint32 gate = graph->task_first[c] - 1;
  g_assert_cmpuint(graph->nodes[gate].kind, ==, VN_NODE_GATE);
  for (guint32 k = 0; k < 3; k++) {
    g_assert_true(has_edge(graph, graph->begin, graph->task_first[a] + k));
    g_assert_true(has_edge(graph, graph->task_first[a] + k, graph->task_node[a]));
    g_assert_true(has_edge(graph, gate, graph->task_first[c] + k));
    g_assert_true(has_edge(graph, graph->task_node[c], graph->task_first[d] + k));
  }
  g_assert_true(has_edge(graph, graph->task_node[a], gate));
  g_assert_true(has_edge(graph, graph->task_node[b], gate));
  g_assert_true(has_edge(graph, graph->task_node[d], graph->end));
  g_assert_false(has_edge(graph, graph->task_node[c], graph->end));
}

/* 100 groups of 100, each after the ten before it: edges stay in proportion. */
static void
test_edges_linear(Fixture *fixture, gconstpointer data)
{
  kit_free(fixture->kit);
  Kit *kit = fixture->kit = kit_new(100);
  guint32 all[100], after[10];
  for (guint32 k = 0; k < 100; k++)
    all[k] = k;
  for (guint32 t = 0; t < 100; t++) {
    guint32 n = 0;
    for (guint32 k = t > 10 ? t - 10 : 0; k < t; k++)
      after[n++] = k;
    kit_task(kit, "g", all, 100, after, n);
  }
  build(fixture);
  check_sound(fixture->graph);
  g_assert_cmpuint(fixture->graph->n_edges, <, 3 * fixture->graph->n_nodes);
}

static void
test_cycle(Fixture *fixture, gconstpointer data)
{
  Kit *kit = fixture->kit;
  guint32 start = kit_simple(kit, "start", 0, VN_NO_ID);
  kit_task(kit, "a", (guint32[]){0}, 1, (guint32[]){start, 3}, 2);
  kit_simple(kit, "b", 0, 1);
  kit_simple(kit, "c", 0, 2);
  kit_simple(kit, "late", 0, 3);
  kit_simple(kit, "self", 1, 5);
  for (guint32 t = 0; t < 6; t++)
    kit_at(kit, t)->span = (VnSpan){10 * t + 1, 10 * t + 2};
  build(fixture);
  g_assert_null(fixture->graph);
  const GPtrArray *found = vn_diag_sink_sorted(fixture->sink);
  g_assert_cmpuint(found->len, ==, 2);
  const VnDiag *diag = g_ptr_array_index(found, 0);
  g_assert_cmpint(diag->code, ==, VN_DIAG_VN301);
  g_assert_cmpstr(diag->message, ==, "no task can start: a after c after b after a");
  g_assert_cmpuint(diag->places->len, ==, 2);
  diag = g_ptr_array_index(found, 1);
  g_assert_cmpstr(diag->message, ==, "no task can start: self after self");
}

static void
test_too_many(Fixture *fixture, gconstpointer data)
{
  kit_free(fixture->kit);
  Kit *kit = fixture->kit = kit_new(1000);
  g_autofree guint32 *all = g_new(guint32, 1000);
  for (guint32 k = 0; k < 1000; k++)
    all[k] = k;
  guint32 first = kit_task(kit, "g", all, 1000, NULL, 0);
  for (guint32 t = 0; t < VN_GRAPH_MAX_NODES / 1000; t++) {
    VnTask copy = *kit_at(kit, first);
    g_array_append_val(kit->tasks, copy);
  }
  kit->model.tasks = (VnTask *)(gpointer)kit->tasks->data;
  kit->model.n_tasks = kit->tasks->len;
  build(fixture);
  g_assert_null(fixture->graph);
  const VnDiag *diag = g_ptr_array_index(vn_diag_sink_sorted(fixture->sink), 0);
  g_assert_cmpint(diag->code, ==, VN_DIAG_VN117);
}

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
#define ADD(name, function) g_test_add("/graph/" name, Fixture, NULL, set_up, function, tear_down)
  ADD("empty", test_empty);
  ADD("labels", test_labels);
  ADD("power", test_power);
  ADD("groups", test_groups);
  ADD("edges-linear", test_edges_linear);
  ADD("cycle", test_cycle);
  ADD("too-many", test_too_many);
  return g_test_run();
}
