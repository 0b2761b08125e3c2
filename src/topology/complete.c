/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Completion in phases: each reads what the one before it settled.
 *
 *   index, technologies, rules, capabilities, routers added, prefixes, addresses, routers split,
 *   tasks about the network, MAC addresses, routes and proxies
 *
 * Checks go on past errors, so that one run names every mistake; nothing is added, split or routed
 * once there was one. Addresses come before splitting, because a new router takes the place of the
 * one that left, and its address. */
#include "topology/internal.h"

void
vn_completion_index(VnCompletion *completion)
{
  VnTopology *topology = completion->topology;
  guint32 n = topology->n_ifaces;
  g_autofree guint32 *start = g_new0(guint32, topology->n_vms + 1);
  for (guint32 i = 0; i < n; i++)
    start[topology->ifaces[i].vm + 1]++;
  for (guint32 vm = 0; vm < topology->n_vms; vm++) {
    topology->vms[vm].first_iface = start[vm];
    topology->vms[vm].n_ifaces = start[vm + 1];
    start[vm + 1] += start[vm];
  }
  VnIface *sorted = vn_arena_array0(completion->arena, VnIface, n);
  for (guint32 i = 0; i < n; i++)
    sorted[start[topology->ifaces[i].vm]++] = topology->ifaces[i];
  topology->ifaces = sorted;

  guint32 *row = vn_arena_array0(completion->arena, guint32, topology->n_segments + 2);
  completion->members = vn_arena_array0(completion->arena, guint32, n);
  for (guint32 i = 0; i < n; i++)
    row[sorted[i].segment + 2]++;
  for (guint32 s = 0; s < topology->n_segments; s++)
    row[s + 2] += row[s + 1];
  for (guint32 i = 0; i < n; i++)
    completion->members[row[sorted[i].segment + 1]++] = i;
  completion->row = row;
}

gboolean
vn_topology_complete(VnModel *model, VnDiagSink *sink)
{
  VnCompletion completion = {
      .model = model, .topology = &model->topology, .arena = model->arena, .sink = sink};
  guint errors_before = vn_diag_sink_count(sink, VN_SEVERITY_ERROR);
  vn_completion_index(&completion);
  vn_completion_decide_technologies(&completion);
  vn_completion_check_rules(&completion);
  vn_completion_check_capabilities(&completion);
  if (vn_diag_sink_count(sink, VN_SEVERITY_ERROR) == errors_before)
    vn_completion_add_routers(&completion);
  vn_completion_set_prefixes(&completion);
  vn_completion_set_addresses(&completion);
  if (vn_diag_sink_count(sink, VN_SEVERITY_ERROR) == errors_before)
    vn_completion_split_routers(&completion);
  vn_completion_check_tasks(&completion);
  vn_completion_set_macs(&completion);
  if (vn_diag_sink_count(sink, VN_SEVERITY_ERROR) == errors_before)
    vn_completion_set_routes(&completion);
  return vn_diag_sink_count(sink, VN_SEVERITY_ERROR) == errors_before;
}
