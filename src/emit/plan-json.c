/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The dry run for programs: the tasks in an order in which they can run, with their waves. */
#include "emit/emit.h"

#include "emit/json.h"
#include "plan/waves.h"

static void
add_machines(JsonBuilder *json, const VnGraph *graph)
{
  const VnTopology *topology = &graph->model->topology;
  vn_json_array(json, "machines");
  for (guint32 v = 0; v < topology->n_vms; v++) {
    json_builder_begin_object(json);
    vn_json_text(json, "name", topology->vms[v].name);
    vn_json_text(json, "kind", topology->vms[v].kind == VN_VM_ROUTER ? "router" : "host");
    vn_json_bool(json, "on", graph->ready_node[v] != VN_NO_ID);
    json_builder_end_object(json);
  }
  json_builder_end_array(json);
}

static void
add_steps(JsonBuilder *json, const VnGraph *graph)
{
  guint32 counts[VN_NODE_TEARDOWN + 1] = {0};
  for (guint32 n = 0; n < graph->n_nodes; n++)
    counts[graph->nodes[n].kind]++;
  vn_json_object(json, "steps");
  for (VnNodeKind kind = VN_NODE_SEGMENT; kind <= VN_NODE_TEARDOWN; kind++)
    vn_json_int(json, vn_node_kind_text(kind), counts[kind]);
  json_builder_end_object(json);
  vn_json_int(json, "edges", graph->n_edges);
}

void
vn_emit_plan_json(const VnGraph *graph, GString *out)
{
  const VnModel *model = graph->model;
  g_autoptr(JsonBuilder) json = json_builder_new();
  g_autoptr(VnArena) arena = vn_arena_new();
  VnWaves waves = vn_plan_waves(model, arena);
  json_builder_begin_object(json);
  vn_json_text(json, "experiment", model->name);
  vn_json_array(json, "segments");
  for (guint32 s = 0; s < model->topology.n_segments; s++)
    json_builder_add_string_value(json, model->topology.segments[s].name);
  json_builder_end_array(json);
  add_machines(json, graph);
  vn_json_array(json, "tasks");
  for (guint32 k = 0; k < model->n_tasks; k++) {
    json_builder_begin_object(json);
    vn_json_int(json, "wave", waves.wave[waves.order[k]]);
    vn_json_task_members(json, model, &model->tasks[waves.order[k]]);
    json_builder_end_object(json);
  }
  json_builder_end_array(json);
  vn_json_int(json, "waves", waves.n_waves);
  add_steps(json, graph);
  json_builder_end_object(json);
  vn_json_append(json, out);
}
