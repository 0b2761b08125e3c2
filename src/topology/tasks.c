/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tasks that are about the network itself: a link named by its segment must be one of the target's,
 * and a router that was split can't be switched as one machine. Where a link of a split router went
 * to a part of it, the task goes to that part. */
#include "topology/internal.h"

#include "topology/query.h"

/* The part of a router that stands on the segment, itself included; VN_NO_ID. */
static guint32
part_on(const VnTopology *topology, guint32 vm, guint32 segment)
{
  if (vn_topology_iface_on(topology, vm, segment) != VN_NO_ID)
    return vm;
  for (guint32 k = vm + 1; topology->vms[vm].external && k < topology->n_vms; k++)
    if (topology->vms[k].split_of == vm && vn_topology_iface_on(topology, k, segment) != VN_NO_ID)
      return k;
  return VN_NO_ID;
}

static void
check_link(const VnCompletion *completion, VnTask *task)
{
  const VnTopology *topology = completion->topology;
  const VnExpr *arg = task->n_args > 0 ? task->args[0] : NULL;
  if (arg == NULL || arg->kind != VN_EXPR_CONST || arg->value.kind != VN_VALUE_SEGMENT)
    return;
  guint32 *targets =
      vn_arena_memdup(completion->arena, task->targets, task->n_targets * sizeof *targets);
  for (guint32 k = 0; k < task->n_targets; k++) {
    guint32 part = part_on(topology, targets[k], arg->value.id);
    if (part != VN_NO_ID) {
      targets[k] = part;
      continue;
    }
    VnDiag *diag =
        vn_diag_add(completion->sink, VN_DIAG_VN109, arg->span, "`%s` is not on segment `%s`",
                    topology->vms[targets[k]].name, topology->segments[arg->value.id].name);
    vn_diag_place(diag, topology->vms[targets[k]].span, "declared here");
    return;
  }
  task->targets = targets;
}

static void
check_switch(const VnCompletion *completion, const VnTask *task)
{
  const VnTopology *topology = completion->topology;
  for (guint32 k = 0; k < task->n_targets; k++) {
    const VnVm *vm = &topology->vms[task->targets[k]];
    if (!vm->external)
      continue;
    VnDiag *diag =
        vn_diag_add(completion->sink, VN_DIAG_VN402, task->span,
                    "task `%s` switches router `%s` as one machine, but it had to be split",
                    task->name, vm->name);
    vn_diag_place(diag, vm->span, "it joins segments of several technologies or sites");
    vn_diag_hint(diag, "let it join segments of one technology at one site, or use link_down");
    return;
  }
}

void
vn_completion_check_tasks(VnCompletion *completion)
{
  for (guint32 t = 0; t < completion->model->n_tasks; t++) {
    VnTask *task = &completion->model->tasks[t];
    switch ((VnControl)task->control) {
    case VN_CONTROL_LINK_DOWN:
    case VN_CONTROL_LINK_UP:
      check_link(completion, task);
      break;
    case VN_CONTROL_POWER_ON:
    case VN_CONTROL_POWER_OFF:
    case VN_CONTROL_SNAPSHOT:
    case VN_CONTROL_REVERT:
    case VN_CONTROL_SUSPEND:
    case VN_CONTROL_RESUME:
      check_switch(completion, task);
      break;
    case VN_CONTROL_PUSH:
    case VN_CONTROL_PULL:
    case VN_CONTROL_IMPAIR:
    case VN_CONTROL_WAIT:
    case VN_CONTROL_STOP:
    case VN_CONTROL_NONE:
      break;
    }
  }
}
