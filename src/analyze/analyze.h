/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Workflow anomalies: VN302 to VN317 of an execution graph, as diagnostics.
 *
 * A finding exists exactly when some run that the workflow allows goes wrong
 * (doc/manual/anomalies.md). Memory is linear in the graph; time is near linear on the graphs that
 * people and programs write, and bounded by max_work on all others: past it the passes that are
 * left say `undecided`, as a note, and nothing else.
 */
#pragma once

#include "analyze/witness.h"
#include "base/diag.h"
#include "plan/graph.h"

/* Elementary steps (visits of a node or an edge) for each node and edge of the graph, and for a
 * graph of any size. */
#define VN_ANALYZE_WORK_EACH 2000
#define VN_ANALYZE_WORK_LEAST (G_GUINT64_CONSTANT(1) << 31)

typedef struct {
  guint64 max_work; /* 0: as above */
  /* Every finding, before those of one cause become one diagnostic: one for each code and step.
   * May be NULL. */
  void (*found)(const VnFinding *finding, gpointer data);
  gpointer data;
} VnAnalyzeOptions;

/* options may be NULL. The graph must outlive the call only. */
void vn_analyze(const VnGraph *graph, const VnAnalyzeOptions *options, VnDiagSink *sink);
