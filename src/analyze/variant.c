/* SPDX-License-Identifier: GPL-3.0-or-later */
/* VN313: an action that has nothing for the operating system of a VM. As master/calls.c chooses: a
 * variant without systems is for any. What an agent offers is not known before the run, so a native
 * operation counts. */
#include <string.h>

#include "analyze/pass.h"

static gboolean
has_variant(const VnAction *action, const char *os)
{
  for (guint32 i = 0; i < action->n_variants; i++) {
    const VnActionVariant *variant = &action->variants[i];
    if (variant->n_systems == 0)
      return TRUE;
    for (guint32 k = 0; os != NULL && k < variant->n_systems; k++)
      if (strcmp(variant->systems[k], os) == 0)
        return TRUE;
  }
  return FALSE;
}

/* `for linux, windows;` */
static gboolean
is_for(const VnAction *action, const char *os)
{
  for (guint32 k = 0; os != NULL && k < action->n_systems; k++)
    if (strcmp(action->systems[k], os) == 0)
      return TRUE;
  return action->systems == NULL || action->n_systems == 0;
}

static void
describe(const VnAnalysis *analysis, const VnFinding *finding, GString *out)
{
  const VnModel *model = analysis->model;
  guint32 vm = analysis->graph->nodes[finding->step].vm;
  const char *os = vn_model_os(model, vm);
  g_string_append_printf(out, "action `%s` has nothing for %s, which `%s` runs",
                         vn_step_call(analysis, finding->step),
                         os != NULL ? os : "an unknown system", model->topology.vms[vm].name);
}

void
vn_pass_variant(VnAnalysis *analysis)
{
  const VnModel *model = analysis->model;
  for (guint32 t = 0; t < model->n_tasks; t++) {
    const VnTask *task = &model->tasks[t];
    if (task->control != VN_CONTROL_NONE || vn_runs_is_dead(analysis->runs, t))
      continue;
    const VnAction *action = &model->actions[task->action];
    *vn_order_work(analysis->order) += task->n_targets;
    for (guint32 k = 0; k < task->n_targets; k++) {
      const char *os = vn_model_os(model, task->targets[k]);
      guint32 step = analysis->graph->task_first[t] + k;
      if (has_variant(action, os) && is_for(action, os))
        continue;
      vn_find(analysis,
              &(VnFinding){.code = VN_DIAG_VN313,
                           .step = step,
                           .other = VN_NO_ID,
                           .cause = (guint64)task->action << 32 | g_str_hash(os != NULL ? os : ""),
                           .describe = describe,
                           .hint = "give the action a variant for it, or run it elsewhere"});
    }
  }
}
