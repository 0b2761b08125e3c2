/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The execution graph as text: "12 hello: alice <- 9 10". */
#include "emit/emit.h"

void
vn_emit_graph(const VnGraph *graph, GString *out)
{
  g_autofree guint32 *start = g_new0(guint32, graph->n_nodes + 2);
  g_autofree guint32 *before = g_new(guint32, graph->n_edges + 1);
  for (guint32 e = 0; e < graph->n_edges; e++)
    start[graph->followers[e] + 2]++;
  for (guint32 n = 0; n < graph->n_nodes; n++)
    start[n + 2] += start[n + 1];
  for (guint32 n = 0; n < graph->n_nodes; n++)
    for (guint32 e = graph->row[n]; e < graph->row[n + 1]; e++)
      before[start[graph->followers[e] + 1]++] = n;
  for (guint32 n = 0; n < graph->n_nodes; n++) {
    g_string_append_printf(out, "%u ", n);
    vn_node_label(graph, n, out);
    for (guint32 e = start[n]; e < start[n + 1]; e++)
      g_string_append_printf(out, "%s %u", e == start[n] ? " <-" : "", before[e]);
    g_string_append_c(out, '\n');
  }
}
