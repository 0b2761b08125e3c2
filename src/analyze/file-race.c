/* SPDX-License-Identifier: GPL-3.0-or-later */
/* VN309: two steps of one VM without order use one file, and one of them writes it.
 *
 * Steps that never run have no files; any two others without order may overlap. Of each pair the
 * step that stands first in the graph is reported, with that partner that makes the shortest
 * order. Where the users of a file follow each other, as they mostly do, one look along them is
 * all. */
#include "analyze/files.h"

#include <stdlib.h>

static void
describe(const VnAnalysis *analysis, const VnFinding *finding, GString *out)
{
  vn_step_append(analysis, finding->step, out);
  g_string_append(out, " and ");
  vn_step_append_short(analysis, finding->other, out);
  g_string_append_printf(out, " use %s at once, or in either order", (const char *)finding->data);
}

static guint64
cause_of(const VnAnalysis *analysis, guint32 a, guint32 b)
{
  guint32 x = analysis->task_family[analysis->graph->nodes[a].task];
  guint32 y = analysis->task_family[analysis->graph->nodes[b].task];
  return ((guint64)MIN(x, y) + 1) << 32 | ((guint64)MAX(x, y) + 1);
}

/* The user of place `first` with those behind it. */
static void
look_at(VnAnalysis *analysis, const VnFileUse *uses, guint32 n, guint32 first)
{
  VnFinding finding = {.code = VN_DIAG_VN309,
                       .step = uses[first].step,
                       .n_ends = 2,
                       .data = (gpointer)uses[first].path,
                       .describe = describe,
                       .hint = "put one after the other, or give each a file of its own"};
  guint32 least = 0;
  for (guint32 k = first + 1; k < n && (finding.length == 0 || finding.length > least); k++) {
    *vn_order_work(analysis->order) += 1;
    if ((!uses[first].writes && !uses[k].writes) ||
        !vn_order_unordered(analysis->order, uses[first].step, uses[k].step))
      continue;
    guint32 ends[2] = {uses[first].step, uses[k].step};
    if (finding.length != 0 && vn_witness_is_spent(analysis))
      break;
    guint32 limit = finding.length == 0 ? G_MAXUINT32 : finding.length - 1;
    guint32 length = vn_witness_length(analysis, ends, 2, limit);
    if (finding.length == 0)
      least = vn_witness_least(analysis, uses[first].step);
    else if (length >= finding.length)
      continue;
    finding.length = length;
    finding.other = finding.ends[0] = uses[k].step;
    finding.ends[1] = uses[first].step;
  }
  if (finding.length == 0)
    return;
  finding.cause = cause_of(analysis, finding.step, finding.other);
  vn_find(analysis, &finding);
}

static int
compare_rank(const void *a, const void *b, void *data)
{
  const VnAnalysis *analysis = data;
  const VnFileUse *x = a, *y = b;
  guint32 i = vn_order_rank(analysis->order, analysis->graph->nodes[x->step].task);
  guint32 k = vn_order_rank(analysis->order, analysis->graph->nodes[y->step].task);
  return i < k ? -1 : i > k;
}

/* Does each come before the next? */
static gboolean
is_chain(VnAnalysis *analysis, const VnFileUse *uses, guint32 n)
{
  g_autofree VnFileUse *sorted = g_memdup2(uses, n * sizeof *uses);
  qsort_r(sorted, n, sizeof *sorted, compare_rank, analysis);
  for (guint32 k = 1; k < n; k++)
    if (!vn_order_before(analysis->order, sorted[k - 1].step, sorted[k].step))
      return FALSE;
  return TRUE;
}

static void
look_at_file(VnAnalysis *analysis, const VnFileUse *uses, guint32 n)
{
  gboolean written = FALSE;
  for (guint32 k = 0; k < n; k++)
    written |= uses[k].writes;
  if (!written || is_chain(analysis, uses, n))
    return;
  for (guint32 k = 0; k + 1 < n && !vn_analysis_is_over(analysis); k++)
    look_at(analysis, uses, n, k);
}

void
vn_pass_file_race(VnAnalysis *analysis)
{
  g_auto(VnFiles) files = vn_files_of(analysis);
  const VnFileUse *uses = (const VnFileUse *)(gpointer)files.uses->data;
  for (guint32 v = 0; v < analysis->model->topology.n_vms; v++)
    for (guint32 k = files.vm_row[v], end = 0; k < files.vm_row[v + 1]; k = end) {
      end = vn_files_same_path(&files, k, files.vm_row[v + 1]);
      look_at_file(analysis, uses + k, end - k);
    }
  if (vn_analysis_is_over(analysis))
    vn_undecided(analysis, VN_DIAG_VN309, "too many tasks use one file");
}
