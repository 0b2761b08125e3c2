/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Control tasks on a VM: their arguments, and the message for each. Power-on is a batch of
 * deploy.c; wait and stop are the scheduler's. */
#include "master/remote-private.h"

#define MAX_ARGS 8 /* control.def's longest list of parameters */

typedef struct {
  VnRemote *remote;
  guint32 node, vm;
  const VnTask *task;
  VnValue args[MAX_ARGS];
} Control;

static const char *
text_arg(const Control *control, guint i)
{
  return control->args[i].kind == VN_VALUE_STRING ? control->args[i].text->text : "";
}

static void
ask(Control *control, VnMessageKind kind, GVariant *body)
{
  VnRemote *remote = control->remote;
  Side *side = remote->vms[control->vm].side;
  Request *request = vn_remote_request(remote, side, vn_request_end_items);
  vn_request_item(request, control->vm, control->node);
  vn_remote_expect(remote, control->node);
  vn_session_send(vn_slave_session(side->slave), kind, 0, request->id, body);
}

static gboolean
is_meant(const Control *control, const VnIface *iface, gboolean by_segment)
{
  return !by_segment || control->args[0].kind != VN_VALUE_SEGMENT ||
         control->args[0].id == iface->segment;
}

static void
ask_link(Control *control, gboolean up)
{
  const VnTopology *topology = &control->remote->model->topology;
  const VnVm *vm = &topology->vms[control->vm];
  gboolean any = FALSE;
  for (guint32 i = 0; i < vm->n_ifaces; i++)
    if (is_meant(control, &topology->ifaces[vm->first_iface + i], TRUE)) {
      ask(control, VN_MESSAGE_LINK, g_variant_new("(uub)", control->vm, i, up));
      any = TRUE;
    }
  if (!any)
    vn_remote_end(control->remote, control->node, VN_NODE_STATUS_FAILED,
                  "it has no interface on that segment");
}

static gint64
int_arg(const Control *control, guint i, gint64 otherwise)
{
  return control->args[i].kind != VN_VALUE_NONE ? control->args[i].i : otherwise;
}

static double
percent_arg(const Control *control, guint i, double otherwise)
{
  return control->args[i].kind != VN_VALUE_NONE ? control->args[i].f : otherwise;
}

/* What the call leaves out stays as the segment has it. */
static void
ask_impair(Control *control)
{
  const VnTopology *topology = &control->remote->model->topology;
  const VnVm *vm = &topology->vms[control->vm];
  for (guint32 i = 0; i < vm->n_ifaces; i++) {
    const VnImpairment *was =
        &topology->segments[topology->ifaces[vm->first_iface + i].segment].impairment;
    ask(control, VN_MESSAGE_IMPAIR,
        g_variant_new("(uuxxdddxx)", control->vm, i, int_arg(control, 0, was->delay_ns),
                      int_arg(control, 1, was->jitter_ns), percent_arg(control, 2, was->loss),
                      percent_arg(control, 3, was->duplicate),
                      percent_arg(control, 4, was->reorder), int_arg(control, 5, was->rate),
                      int_arg(control, 6, was->queue)));
  }
}

static void
ask_power_off(Control *control)
{
  gboolean keep = control->args[0].kind == VN_VALUE_BOOL && control->args[0].b;
  GVariantBuilder vms;
  g_variant_builder_init(&vms, G_VARIANT_TYPE("au"));
  g_variant_builder_add(&vms, "u", control->vm);
  ask(control, VN_MESSAGE_POWER_OFF, g_variant_new("(@aub)", g_variant_builder_end(&vms), keep));
}

static void
dispatch(Control *control)
{
  VnRemote *remote = control->remote;
  switch ((VnControl)control->task->control) {
  case VN_CONTROL_POWER_OFF:
    ask_power_off(control);
    return;
  case VN_CONTROL_SNAPSHOT:
    ask(control, VN_MESSAGE_SNAPSHOT, g_variant_new("(us)", control->vm, text_arg(control, 0)));
    return;
  case VN_CONTROL_REVERT:
    ask(control, VN_MESSAGE_REVERT, g_variant_new("(us)", control->vm, text_arg(control, 0)));
    return;
  case VN_CONTROL_SUSPEND:
    ask(control, VN_MESSAGE_SUSPEND, g_variant_new("(u)", control->vm));
    return;
  case VN_CONTROL_RESUME:
    ask(control, VN_MESSAGE_RESUME, g_variant_new("(u)", control->vm));
    return;
  case VN_CONTROL_PUSH:
    vn_remote_expect(remote, control->node);
    vn_transfer_push(remote, control->node, control->vm, text_arg(control, 0),
                     text_arg(control, 1));
    return;
  case VN_CONTROL_PULL:
    vn_remote_expect(remote, control->node);
    vn_transfer_pull(remote, control->node, control->vm, text_arg(control, 0),
                     text_arg(control, 1));
    return;
  case VN_CONTROL_LINK_DOWN:
  case VN_CONTROL_LINK_UP:
    ask_link(control, control->task->control == VN_CONTROL_LINK_UP);
    return;
  case VN_CONTROL_IMPAIR:
    ask_impair(control);
    return;
  case VN_CONTROL_POWER_ON:
  case VN_CONTROL_WAIT:
  case VN_CONTROL_STOP:
  case VN_CONTROL_NONE:
    break;
  }
  g_assert_not_reached();
}

void
vn_control_start(VnRemote *remote, guint32 node)
{
  const VnNode *described = &remote->graph->nodes[node];
  Control control = {remote, node, described->vm, &remote->model->tasks[described->task], {{0}}};
  g_autoptr(GError) error = NULL;
  g_autoptr(VnArena) arena = vn_arena_new();
  g_assert(control.task->n_args <= MAX_ARGS);
  for (guint32 i = 0; i < control.task->n_args; i++)
    if (control.task->args[i] != NULL &&
        !vn_expr_evaluate(control.task->args[i], vn_scheduler_scope(remote->scheduler), arena,
                          &control.args[i], &error)) {
      vn_remote_end(remote, node, VN_NODE_STATUS_FAILED, error->message);
      return;
    }
  if (vn_remote_session(remote, described->vm) == NULL)
    vn_remote_end(remote, node, VN_NODE_STATUS_BROKEN, "the slave of its site went away");
  else
    dispatch(&control);
}
