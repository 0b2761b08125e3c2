/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Lowering: a complete model to its execution graph.
 *
 * Phases: the order of tasks is proved free of cycles; nodes are counted and laid out (deployment,
 * then each task's gate, members and join, then the end); edges are visited twice, once to count
 * the rows and once to fill them. Nothing is looked up by name. The text of nodes stands in
 * label.c, what people see of a whole graph in dryrun.c. */
#include "plan/graph.h"

#include <string.h>

#include "plan/cycle.h"

typedef struct {
  const VnModel *model;
  VnArena *arena;
  VnGraph *graph;
  guint8 *followed; /* by task: some task comes after it */
  guint32 *filled;  /* by node: entries of its row that are filled; NULL while counting */
} Builder;

static gboolean
has_join(const VnTask *task)
{
  return task->n_targets > 1;
}

static gboolean
has_gate(const VnTask *task)
{
  return task->n_targets > 1 && task->n_after > 1;
}

static guint64
task_size(const VnTask *task)
{
  return (guint64)MAX(task->n_targets, 1) + has_join(task) + has_gate(task);
}

/* FALSE: more nodes than VN_GRAPH_MAX_NODES. */
static gboolean
count_nodes(const VnModel *model, guint32 n_ready, guint32 *out_n, VnDiagSink *sink)
{
  guint64 n = (guint64)model->topology.n_segments + model->topology.n_vms + n_ready + 4;
  VnSpan span = VN_SPAN_NONE;
  for (guint32 t = 0; t < model->n_tasks && n <= VN_GRAPH_MAX_NODES; t++) {
    n += task_size(&model->tasks[t]);
    span = model->tasks[t].span;
  }
  if (n > VN_GRAPH_MAX_NODES) {
    VnDiag *diag = vn_diag_add(sink, VN_DIAG_VN117, span, "the experiment has more than %u steps",
                               VN_GRAPH_MAX_NODES);
    vn_diag_hint(diag, "a task counts once for each of its targets");
    return FALSE;
  }
  *out_n = (guint32)n;
  return TRUE;
}

/* Sets ready_node to 0 for the VMs that are on when the trial begins; gives their number. */
static guint32
find_ready(const VnModel *model, guint32 *ready_node)
{
  const VnTopology *topology = &model->topology;
  for (guint32 t = 0; t < model->n_tasks; t++) {
    const VnTask *task = &model->tasks[t];
    for (guint32 k = 0; task->control == VN_CONTROL_POWER_ON && k < task->n_targets; k++)
      ready_node[task->targets[k]] = VN_NO_ID;
  }
  guint32 n = 0;
  for (guint32 v = 0; v < topology->n_vms; v++) {
    if (topology->vms[v].initially == VN_INITIALLY_ON)
      ready_node[v] = 0;
    else if (topology->vms[v].initially == VN_INITIALLY_OFF)
      ready_node[v] = VN_NO_ID;
    n += ready_node[v] != VN_NO_ID;
  }
  return n;
}

static guint32
add_node(VnGraph *graph, VnNodeKind kind, guint32 index, guint32 task, guint32 vm)
{
  graph->nodes[graph->n_nodes] = (VnNode){.kind = kind, .index = index, .task = task, .vm = vm};
  return graph->n_nodes++;
}

static void
lay_out_deployment(VnGraph *graph)
{
  const VnTopology *topology = &graph->model->topology;
  for (guint32 s = 0; s < topology->n_segments; s++)
    add_node(graph, VN_NODE_SEGMENT, s, VN_NO_ID, VN_NO_ID);
  for (guint32 v = 0; v < topology->n_vms; v++)
    add_node(graph, VN_NODE_VM, v, VN_NO_ID, v);
  for (guint32 v = 0; v < topology->n_vms; v++) {
    if (graph->ready_node[v] != VN_NO_ID)
      graph->ready_node[v] = add_node(graph, VN_NODE_READY, v, VN_NO_ID, v);
  }
  graph->prove = add_node(graph, VN_NODE_PROVE, 0, VN_NO_ID, VN_NO_ID);
  graph->begin = add_node(graph, VN_NODE_BEGIN, 0, VN_NO_ID, VN_NO_ID);
}

static void
lay_out_task(VnGraph *graph, guint32 t)
{
  const VnTask *task = &graph->model->tasks[t];
  if (has_gate(task))
    add_node(graph, VN_NODE_GATE, 0, t, VN_NO_ID);
  graph->task_first[t] = graph->n_nodes;
  graph->task_node[t] = graph->n_nodes;
  if (task->n_targets == 0)
    add_node(graph, VN_NODE_TASK, 0, t, VN_NO_ID);
  for (guint32 k = 0; k < task->n_targets; k++)
    add_node(graph, VN_NODE_TASK, k, t, task->targets[k]);
  if (has_join(task))
    graph->task_node[t] = add_node(graph, VN_NODE_JOIN, 0, t, VN_NO_ID);
}

/* While counting, row[k + 1] is the number of followers of k. */
static void
add_edge(Builder *builder, guint32 from, guint32 to)
{
  VnGraph *graph = builder->graph;
  if (builder->filled == NULL) {
    graph->row[from + 1]++;
    graph->nodes[to].n_before++;
  } else {
    graph->followers[graph->row[from] + builder->filled[from]++] = to;
  }
}

static void
visit_deployment(Builder *builder)
{
  VnGraph *graph = builder->graph;
  const VnTopology *topology = &builder->model->topology;
  guint32 first_vm = topology->n_segments;
  for (guint32 k = 0; k < topology->n_ifaces; k++)
    add_edge(builder, topology->ifaces[k].segment, first_vm + topology->ifaces[k].vm);
  /* One where nothing stands must be there all the same. */
  for (guint32 s = 0; s < topology->n_segments; s++)
    add_edge(builder, s, graph->prove);
  for (guint32 v = 0; v < topology->n_vms; v++) {
    guint32 last = first_vm + v;
    if (graph->ready_node[v] != VN_NO_ID) {
      add_edge(builder, last, graph->ready_node[v]);
      last = graph->ready_node[v];
    }
    add_edge(builder, last, graph->prove);
  }
  add_edge(builder, graph->prove, graph->begin);
}

/* From what task t comes after, to its members or its gate. */
static void
visit_before(Builder *builder, guint32 t, guint32 from)
{
  VnGraph *graph = builder->graph;
  const VnTask *task = &builder->model->tasks[t];
  guint32 first = graph->task_first[t];
  if (has_gate(task)) {
    add_edge(builder, from, first - 1);
    return;
  }
  for (guint32 k = 0; k < MAX(task->n_targets, 1); k++)
    add_edge(builder, from, first + k);
}

static void
visit_task(Builder *builder, guint32 t)
{
  VnGraph *graph = builder->graph;
  const VnTask *task = &builder->model->tasks[t];
  for (guint32 k = 0; k < task->n_after; k++)
    visit_before(builder, t, graph->task_node[task->after[k]]);
  if (task->n_after == 0)
    visit_before(builder, t, graph->begin);
  for (guint32 k = 0; has_join(task) && k < task->n_targets; k++) {
    if (has_gate(task))
      add_edge(builder, graph->task_first[t] - 1, graph->task_first[t] + k);
    add_edge(builder, graph->task_first[t] + k, graph->task_node[t]);
  }
  if (!builder->followed[t])
    add_edge(builder, graph->task_node[t], graph->end);
}

static void
visit_edges(Builder *builder)
{
  VnGraph *graph = builder->graph;
  visit_deployment(builder);
  for (guint32 t = 0; t < builder->model->n_tasks; t++)
    visit_task(builder, t);
  if (builder->model->n_tasks == 0)
    add_edge(builder, graph->begin, graph->end);
  add_edge(builder, graph->end, graph->teardown);
}

static void
connect(Builder *builder)
{
  VnGraph *graph = builder->graph;
  graph->row = vn_arena_array0(builder->arena, guint32, graph->n_nodes + 1);
  visit_edges(builder);
  for (guint32 n = 0; n < graph->n_nodes; n++)
    graph->row[n + 1] += graph->row[n];
  graph->n_edges = graph->row[graph->n_nodes];
  graph->followers = vn_arena_array0(builder->arena, guint32, graph->n_edges);
  builder->filled = g_new0(guint32, graph->n_nodes);
  visit_edges(builder);
  g_free(builder->filled);
}

static void
find_followed(const VnModel *model, guint8 *followed)
{
  for (guint32 t = 0; t < model->n_tasks; t++) {
    for (guint32 k = 0; k < model->tasks[t].n_after; k++)
      followed[model->tasks[t].after[k]] = 1;
  }
}

VnGraph *
vn_graph_build(const VnModel *model, VnArena *arena, VnDiagSink *sink)
{
  if (!vn_plan_check_cycles(model, sink))
    return NULL;
  g_autofree guint8 *followed = g_new0(guint8, model->n_tasks + 1);
  find_followed(model, followed);

  VnGraph *graph = vn_arena_new0(arena, VnGraph);
  graph->model = model;
  graph->ready_node = vn_arena_array0(arena, guint32, model->topology.n_vms);
  guint32 n_ready = find_ready(model, graph->ready_node);
  guint32 n_nodes = 0;
  if (!count_nodes(model, n_ready, &n_nodes, sink))
    return NULL;
  graph->nodes = vn_arena_array0(arena, VnNode, n_nodes);
  graph->task_node = vn_arena_array0(arena, guint32, model->n_tasks);
  graph->task_first = vn_arena_array0(arena, guint32, model->n_tasks);

  lay_out_deployment(graph);
  for (guint32 t = 0; t < model->n_tasks; t++)
    lay_out_task(graph, t);
  graph->end = add_node(graph, VN_NODE_END, 0, VN_NO_ID, VN_NO_ID);
  graph->teardown = add_node(graph, VN_NODE_TEARDOWN, 0, VN_NO_ID, VN_NO_ID);
  g_assert(graph->n_nodes == n_nodes);

  Builder builder = {.model = model, .arena = arena, .graph = graph, .followed = followed};
  connect(&builder);
  return graph;
}
