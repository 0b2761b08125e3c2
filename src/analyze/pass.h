/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a pass gets. A code or a family of codes is a file with a function `vn_pass_NAME` and a
 * line in pass.def. It looks at the graph, asks order and runs, and calls vn_find for what goes
 * wrong; it prints nothing and keeps nothing.
 */
#pragma once

#include "analyze/analyze.h"

struct VnAnalysis {
  const VnGraph *graph;
  const VnModel *model;
  VnOrder *order;
  VnRuns *runs;
  VnArena *arena;      /* of the analysis: freed when it ends */
  guint32 *vm_row;     /* by VM: vm_steps[vm_row[v] … vm_row[v + 1]) are its TASK nodes, … */
  guint32 *vm_steps;   /* … by rank; */
  guint8 *vm_controls; /* what each of vm_steps is: VnControl */
  guint32 *readers;    /* tasks with a condition, or an argument to be computed, by rank */
  guint32 n_readers;
  guint32 *vm_family;  /* by VM: the first VM of the array it was declared in, or itself */
  guint32 *task_family; /* by task: the same */
  VnFindings *findings;
  const VnAnalyzeOptions *options;
  VnDiagSink *sink;
  guint64 max_work;
};

#define VN_PASS(name, what) void vn_pass_##name(VnAnalysis *analysis);
#include "analyze/pass.def"
#undef VN_PASS

/* Has the bound on work been passed? Then a pass stops, and what it has not looked at is
 * undecided: it says so with vn_undecided. Asked now and then, not at every step. */
gboolean vn_analysis_is_over(const VnAnalysis *analysis);
/* One note for the code; the first counts. */
void vn_undecided(VnAnalysis *analysis, VnDiagCode code, const char *why);

static inline const VnTask *
vn_step_task(const VnAnalysis *analysis, guint32 step)
{
  return &analysis->model->tasks[analysis->graph->nodes[step].task];
}
