/* SPDX-License-Identifier: GPL-3.0-or-later */
/* VN315: a background task that nothing ends, and a capture of a segment on which no step runs.
 *
 * A task is ended by a `stop` of it, a step of it by a power_off or revert of its VM that does not
 * come before it. A segment between routers carries what goes from others to others: it is no such
 * capture. */
#include "analyze/pass.h"

static void
describe_task(const VnAnalysis *analysis, const VnFinding *finding, GString *out)
{
  vn_step_append(analysis, finding->step, out);
  g_string_append(out, " is never stopped: it runs until everything is taken down");
}

static guint8 *
find_stopped(const VnAnalysis *analysis)
{
  const VnModel *model = analysis->model;
  guint8 *stopped = vn_arena_array0(analysis->arena, guint8, model->n_tasks);
  for (guint32 t = 0; t < model->n_tasks; t++) {
    const VnTask *task = &model->tasks[t];
    if (task->control == VN_CONTROL_STOP && task->n_args > 0 && task->args[0] != NULL &&
        task->args[0]->kind == VN_EXPR_CONST && task->args[0]->value.kind == VN_VALUE_TASK &&
        !vn_runs_is_dead(analysis->runs, t))
      stopped[task->args[0]->value.id] = TRUE;
  }
  return stopped;
}

static gboolean
loses_machine(const VnAnalysis *analysis, guint32 step)
{
  guint32 vm = analysis->graph->nodes[step].vm;
  for (guint32 s = analysis->vm_row[vm]; s < analysis->vm_row[vm + 1]; s++) {
    guint32 off = analysis->vm_steps[s];
    guint8 control = analysis->vm_controls[s];
    if ((control == VN_CONTROL_POWER_OFF || control == VN_CONTROL_REVERT) &&
        !vn_runs_is_dead(analysis->runs, analysis->graph->nodes[off].task) &&
        !vn_order_before(analysis->order, off, step))
      return TRUE;
  }
  return FALSE;
}

static void
look_at_task(VnAnalysis *analysis, guint32 t)
{
  const VnTask *task = &analysis->model->tasks[t];
  for (guint32 m = 0; m < task->n_targets; m++) {
    guint32 step = analysis->graph->task_first[t] + m;
    if (!loses_machine(analysis, step))
      vn_find(analysis, &(VnFinding){.code = VN_DIAG_VN315,
                                     .step = step,
                                     .other = VN_NO_ID,
                                     .cause = vn_cause(analysis, t, VN_NO_ID),
                                     .describe = describe_task,
                                     .hint = "`task NAME = stop(TASK) after …;` ends it earlier"});
  }
}

static void
look_at_tasks(VnAnalysis *analysis)
{
  const guint8 *stopped = find_stopped(analysis);
  const VnModel *model = analysis->model;
  for (guint32 t = 0; t < model->n_tasks; t++)
    if (model->tasks[t].control == VN_CONTROL_NONE &&
        model->actions[model->tasks[t].action].background && !stopped[t] &&
        !vn_runs_is_dead(analysis->runs, t))
      look_at_task(analysis, t);
}

/* ---- captures ---- */

static void
describe_capture(const VnAnalysis *analysis, const VnFinding *finding, GString *out)
{
  const VnSegment *segment = finding->data;
  g_string_append_printf(out, "no task runs on a machine of `%s`: its capture has nothing to see",
                         segment->name);
}

/* By segment: 1 for each router on it, and a lot where a step runs. */
static guint8 *
find_traffic(const VnAnalysis *analysis)
{
  enum { ROUTER = 1, PLENTY = 2 };
  const VnTopology *topology = &analysis->model->topology;
  guint8 *traffic = vn_arena_array0(analysis->arena, guint8, topology->n_segments);
  for (guint32 i = 0; i < topology->n_ifaces; i++) {
    const VnIface *iface = &topology->ifaces[i];
    gboolean busy = analysis->vm_row[iface->vm] < analysis->vm_row[iface->vm + 1];
    gboolean router = topology->vms[iface->vm].kind == VN_VM_ROUTER;
    guint8 more = busy ? PLENTY : router ? ROUTER : 0;
    traffic[iface->segment] = (guint8)MIN(traffic[iface->segment] + more, PLENTY);
  }
  return traffic;
}

static void
look_at_captures(VnAnalysis *analysis)
{
  const VnTopology *topology = &analysis->model->topology;
  const guint8 *traffic = find_traffic(analysis);
  for (guint32 s = 0; s < topology->n_segments; s++)
    if (topology->segments[s].capture && traffic[s] < 2)
      vn_find(analysis, &(VnFinding){.code = VN_DIAG_VN315,
                                     .step = VN_NO_ID,
                                     .other = VN_NO_ID,
                                     .cause = G_MAXUINT64 - topology->segments[s].span.start,
                                     .span = topology->segments[s].span,
                                     .data = &topology->segments[s],
                                     .describe = describe_capture});
}

void
vn_pass_never_stopped(VnAnalysis *analysis)
{
  look_at_tasks(analysis);
  if (analysis->model->n_tasks > 0)
    look_at_captures(analysis);
}
