/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What nodes of the execution graph are called in front of people. */
#include "plan/graph.h"

const char *
vn_node_kind_text(VnNodeKind kind)
{
  switch (kind) {
  case VN_NODE_SEGMENT:
    return "segment";
  case VN_NODE_VM:
    return "vm";
  case VN_NODE_READY:
    return "ready";
  case VN_NODE_PROVE:
    return "prove";
  case VN_NODE_BEGIN:
    return "begin";
  case VN_NODE_GATE:
    return "gate";
  case VN_NODE_TASK:
    return "task";
  case VN_NODE_JOIN:
    return "join";
  case VN_NODE_END:
    return "end";
  case VN_NODE_TEARDOWN:
    return "teardown";
  }
  g_assert_not_reached();
}

void
vn_node_label(const VnGraph *graph, guint32 n, GString *out)
{
  const VnNode *node = &graph->nodes[n];
  const VnModel *model = graph->model;
  const VnTopology *topology = &model->topology;
  switch ((VnNodeKind)node->kind) {
  case VN_NODE_SEGMENT:
    g_string_append_printf(out, "segment %s", topology->segments[node->index].name);
    return;
  case VN_NODE_VM:
  case VN_NODE_READY:
    g_string_append_printf(out, "%s %s", vn_node_kind_text(node->kind),
                           topology->vms[node->vm].name);
    return;
  case VN_NODE_TASK:
    g_string_append(out, model->tasks[node->task].name);
    if (node->vm != VN_NO_ID)
      g_string_append_printf(out, ": %s", topology->vms[node->vm].name);
    return;
  case VN_NODE_JOIN:
    g_string_append(out, model->tasks[node->task].name);
    return;
  case VN_NODE_GATE:
    g_string_append_printf(out, "before %s", model->tasks[node->task].name);
    return;
  case VN_NODE_PROVE:
  case VN_NODE_BEGIN:
  case VN_NODE_END:
  case VN_NODE_TEARDOWN:
    g_string_append(out, vn_node_kind_text(node->kind));
    return;
  }
  g_assert_not_reached();
}
