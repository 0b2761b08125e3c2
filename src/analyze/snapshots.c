/* SPDX-License-Identifier: GPL-3.0-or-later */
/* VN304: is there a snapshot to go back to?
 *
 * A revert may find none exactly if every snapshot of that name that comes before it may be without
 * effect in a run in which it starts; the others may wait. Only names that are known before the run
 * are looked at. */
#include "analyze/pass.h"

#include <string.h>

/* NULL: not known yet. */
static const char *
name_of(const VnTask *task)
{
  const VnExpr *arg = task->n_args > 0 ? task->args[0] : NULL;
  gboolean known =
      arg != NULL && arg->kind == VN_EXPR_CONST && arg->value.kind == VN_VALUE_STRING;
  return known ? arg->value.text->text : NULL;
}

/* The snapshot that the image of the VM names is there from the start. */
static gboolean
is_in_image(const VnAnalysis *analysis, guint32 vm, const char *name)
{
  guint32 i = analysis->model->topology.vms[vm].image;
  const VnImage *image = i != VN_NO_ID ? &analysis->model->images[i] : NULL;
  for (guint32 k = 0; image != NULL && k < image->n_keys; k++)
    if (strcmp(image->keys[k], "snapshot") == 0 && image->values[k].kind == VN_VALUE_STRING &&
        strcmp(image->values[k].text->text, name) == 0)
      return TRUE;
  return FALSE;
}

static gboolean
takes(const VnAnalysis *analysis, guint32 step, const char *name)
{
  const VnTask *task = vn_step_task(analysis, step);
  return task->control == VN_CONTROL_SNAPSHOT && g_strcmp0(name_of(task), name) == 0;
}

static void
describe(const VnAnalysis *analysis, const VnFinding *finding, GString *out)
{
  guint32 vm = analysis->graph->nodes[finding->step].vm;
  const char *name = name_of(vn_step_task(analysis, finding->step));
  gboolean any = FALSE;
  for (guint32 s = analysis->vm_row[vm]; s < analysis->vm_row[vm + 1] && !any; s++)
    any = takes(analysis, analysis->vm_steps[s], name);
  const char *vm_name = analysis->model->topology.vms[vm].name;
  if (any)
    g_string_append_printf(out, "%s may have no snapshot \"%s\" yet when ", vm_name, name);
  else
    g_string_append_printf(out, "no task takes a snapshot \"%s\" of %s: there is none when ", name,
                           vm_name);
  vn_step_append_short(analysis, finding->step, out);
  g_string_append(out, " runs");
}

/* What comes before has a smaller rank: the nearest ones decide soonest. */
static gboolean
all_lack(VnAnalysis *analysis, guint32 vm, guint32 place, VnFinding *finding)
{
  guint32 revert = analysis->vm_steps[place];
  const char *name = name_of(vn_step_task(analysis, revert));
  VnRunWish wish = {revert, NULL, 0};
  for (guint32 s = place; s > analysis->vm_row[vm]; s--) {
    guint32 step = analysis->vm_steps[s - 1];
    (*vn_order_work(analysis->order))++;
    if (analysis->vm_controls[s - 1] != VN_CONTROL_SNAPSHOT || !takes(analysis, step, name) ||
        !vn_order_before(analysis->order, step, revert))
      continue;
    VnFate fate = vn_runs_lacks(analysis->runs, &wish, step);
    if (fate == VN_FATE_NONE)
      return FALSE;
    vn_fates_add(analysis->runs, finding->fates, &finding->n_fates, step, fate);
  }
  return TRUE;
}

static void
look_at(VnAnalysis *analysis, guint32 vm, guint32 place)
{
  guint32 step = analysis->vm_steps[place];
  const VnTask *task = vn_step_task(analysis, step);
  VnRunWish wish = {step, NULL, 0};
  const char *name = name_of(task);
  if (name == NULL || is_in_image(analysis, vm, name) ||
      !vn_runs_possible(analysis->runs, &wish))
    return;
  VnFinding finding = {.code = VN_DIAG_VN304,
                       .step = step,
                       .other = VN_NO_ID,
                       .cause = vn_cause(analysis, analysis->graph->nodes[step].task, VN_NO_ID),
                       .ends = {step},
                       .n_ends = 1,
                       .describe = describe};
  if (!all_lack(analysis, vm, place, &finding))
    return;
  finding.hint = finding.n_fates > 0
                     ? "a condition `when T.ok` lets a task run only if task T ended well"
                     : "let it come after a task that takes the snapshot";
  vn_find(analysis, &finding);
}

void
vn_pass_snapshots(VnAnalysis *analysis)
{
  for (guint32 v = 0; v < analysis->model->topology.n_vms; v++)
    for (guint32 s = analysis->vm_row[v]; s < analysis->vm_row[v + 1]; s++) {
      if (vn_analysis_is_over(analysis)) {
        vn_undecided(analysis, VN_DIAG_VN304, "the workflow takes too long to look at");
        return;
      }
      if (analysis->vm_controls[s] == VN_CONTROL_REVERT)
        look_at(analysis, v, s);
    }
}
