/* SPDX-License-Identifier: GPL-3.0-or-later */
/* VN312: a file is written, thrown away, and pulled.
 *
 * For a writer w before a pull y, a control task m on their VM throws the file away if it may have
 * its effect between them in a run in which w works and y starts (so it comes neither before w nor
 * after y), and
 *
 *   - it is a power_off without `keep`, or
 *   - it is a revert to a snapshot that may be from before w: no snapshot of that name comes after
 *     w and before m, and surely works,
 *
 * unless a revert r between m and y, that surely works, brings the file back: to a snapshot that
 * surely was taken between w and m, and that no other of its name replaced since. */
#include "analyze/files.h"

#include <string.h>

typedef struct {
  VnAnalysis *analysis;
  GArray *throwers, *snapshots; /* of guint32: steps of the VM, by rank */
  guint32 writer, pull, thrower;
} Case;

static const VnValue *
argument_of(const Case *c, guint32 step)
{
  const VnTask *task = vn_step_task(c->analysis, step);
  const VnExpr *arg = task->n_args > 0 ? task->args[0] : NULL;
  return arg != NULL && arg->kind == VN_EXPR_CONST ? &arg->value : NULL;
}

static VnControl
control_of(const Case *c, guint32 step)
{
  return (VnControl)vn_step_task(c->analysis, step)->control;
}

static gboolean
before(const Case *c, guint32 a, guint32 b)
{
  return vn_order_before(c->analysis->order, a, b);
}

static gboolean
throws_away(const Case *c, guint32 step)
{
  const VnValue *argument = argument_of(c, step);
  if (control_of(c, step) == VN_CONTROL_POWER_OFF)
    return argument == NULL || argument->kind != VN_VALUE_BOOL || !argument->b;
  return control_of(c, step) == VN_CONTROL_REVERT;
}

static gboolean
same_name(const Case *c, guint32 a, guint32 b)
{
  const VnValue *x = argument_of(c, a), *y = argument_of(c, b);
  return x != NULL && y != NULL && vn_value_equal(x, y);
}

/* Does it surely work, if the writer and the thrower do and the pull starts? */
static gboolean
is_sure(const Case *c, guint32 step)
{
  guint32 works[2] = {c->writer, c->thrower};
  VnRunWish wish = {c->pull, works, 2, TRUE};
  return vn_runs_lacks(c->analysis->runs, &wish, step) == VN_FATE_NONE;
}

/* A snapshot for `revert` that has the file: surely taken after the writer, and before `by`. */
static gboolean
was_saved(const Case *c, guint32 revert, guint32 by, guint32 *out_snapshot)
{
  for (guint k = 0; k < c->snapshots->len; k++) {
    guint32 snapshot = g_array_index(c->snapshots, guint32, k);
    if (same_name(c, snapshot, revert) && before(c, c->writer, snapshot) &&
        before(c, snapshot, by) && is_sure(c, snapshot)) {
      *out_snapshot = snapshot;
      return TRUE;
    }
  }
  return FALSE;
}

/* Is the last snapshot for `revert` one from before the thrower? */
static gboolean
is_still_there(const Case *c, guint32 revert, guint32 saved)
{
  for (guint k = 0; k < c->snapshots->len; k++) {
    guint32 other = g_array_index(c->snapshots, guint32, k);
    if (other != saved && same_name(c, other, revert) &&
        !vn_runs_is_dead(c->analysis->runs, c->analysis->graph->nodes[other].task) &&
        !before(c, other, c->thrower) && !before(c, revert, other))
      return FALSE;
  }
  return TRUE;
}

static gboolean
is_brought_back(const Case *c)
{
  for (guint k = 0; k < c->throwers->len; k++) {
    guint32 revert = g_array_index(c->throwers, guint32, k), saved = VN_NO_ID;
    if (control_of(c, revert) == VN_CONTROL_REVERT && before(c, c->thrower, revert) &&
        before(c, revert, c->pull) && is_sure(c, revert) &&
        was_saved(c, revert, c->thrower, &saved) && is_still_there(c, revert, saved))
      return TRUE;
  }
  return FALSE;
}

static gboolean
is_lost(const Case *c)
{
  guint32 works[2] = {c->writer, c->thrower}, saved = VN_NO_ID;
  VnRunWish wish = {c->pull, works, 2, TRUE};
  if (c->thrower == c->pull || c->thrower == c->writer || before(c, c->thrower, c->writer) ||
      before(c, c->pull, c->thrower) || !vn_runs_possible(c->analysis->runs, &wish))
    return FALSE;
  if (control_of(c, c->thrower) == VN_CONTROL_REVERT &&
      was_saved(c, c->thrower, c->thrower, &saved))
    return FALSE;
  return !is_brought_back(c);
}

static void
describe(const VnAnalysis *analysis, const VnFinding *finding, GString *out)
{
  vn_step_append(analysis, finding->other, out);
  g_string_append(out, " may throw away what ");
  vn_step_append_short(analysis, finding->ends[2], out);
  g_string_append_printf(out, " wrote to %s before ", (const char *)finding->data);
  vn_step_append_short(analysis, finding->step, out);
  g_string_append(out, " takes it");
}

/* ends[2], which is not counted as an end, is the writer: it comes before the pull anyway. */
static void
look_at(Case *c, const char *path, VnFinding *best)
{
  for (guint k = 0; k < c->throwers->len; k++) {
    c->thrower = g_array_index(c->throwers, guint32, k);
    *vn_order_work(c->analysis->order) += 1;
    if (!is_lost(c))
      continue;
    guint32 ends[2] = {c->thrower, c->pull};
    guint32 limit = best->n_ends == 0 ? G_MAXUINT32 : best->length - 1;
    guint32 length = vn_witness_length(c->analysis, ends, 2, limit);
    if (best->n_ends != 0 && length >= best->length)
      continue;
    *best = (VnFinding){
        .code = VN_DIAG_VN312,
        .step = c->pull,
        .other = c->thrower,
        .cause = vn_cause(c->analysis, c->analysis->graph->nodes[c->thrower].task, VN_NO_ID),
        .length = length,
        .ends = {c->thrower, c->pull, c->writer},
        .n_ends = 2,
        .data = (gpointer)path,
        .describe = describe,
        .hint = "pull it before, or keep the disk: `power_off(keep)`"};
  }
}

static void
sort_steps(Case *c, guint32 vm)
{
  const VnAnalysis *analysis = c->analysis;
  g_array_set_size(c->throwers, 0);
  g_array_set_size(c->snapshots, 0);
  for (guint32 s = analysis->vm_row[vm]; s < analysis->vm_row[vm + 1]; s++) {
    guint32 step = analysis->vm_steps[s];
    if (throws_away(c, step))
      g_array_append_val(c->throwers, step);
    else if (control_of(c, step) == VN_CONTROL_SNAPSHOT)
      g_array_append_val(c->snapshots, step);
  }
}

static void
look_at_file(Case *c, const VnFileUse *uses, guint32 n)
{
  for (guint32 y = 0; y < n && !vn_analysis_is_over(c->analysis); y++) {
    VnFinding best = {.n_ends = 0};
    c->pull = uses[y].step;
    if (control_of(c, c->pull) != VN_CONTROL_PULL)
      continue;
    for (guint32 w = 0; w < n; w++) {
      c->writer = uses[w].step;
      if (uses[w].writes && before(c, c->writer, c->pull))
        look_at(c, uses[y].path, &best);
    }
    if (best.n_ends != 0)
      vn_find(c->analysis, &best);
  }
}

void
vn_pass_lost_result(VnAnalysis *analysis)
{
  g_auto(VnFiles) files = vn_files_of(analysis);
  const VnFileUse *uses = (const VnFileUse *)(gpointer)files.uses->data;
  g_autoptr(GArray) throwers = g_array_new(FALSE, FALSE, sizeof(guint32));
  g_autoptr(GArray) snapshots = g_array_new(FALSE, FALSE, sizeof(guint32));
  Case c = {.analysis = analysis, .throwers = throwers, .snapshots = snapshots};
  for (guint32 v = 0; v < analysis->model->topology.n_vms; v++) {
    if (files.vm_row[v + 1] - files.vm_row[v] < 2)
      continue;
    sort_steps(&c, v);
    for (guint32 k = files.vm_row[v], end = 0; throwers->len > 0 && k < files.vm_row[v + 1];
         k = end) {
      end = vn_files_same_path(&files, k, files.vm_row[v + 1]);
      look_at_file(&c, uses + k, end - k);
    }
  }
  if (vn_analysis_is_over(analysis))
    vn_undecided(analysis, VN_DIAG_VN312, "too many tasks have to do with one file");
}
