/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What comes from a slave, sorted: answers, tasks' frames, news of machines; and its loss. Nothing
 * in a frame is believed before it is checked. */
#include "master/remote-private.h"

static void
on_vm_lost(VnRemote *remote, Side *side, const VnFrame *frame)
{
  g_autoptr(GVariant) body = vn_message_body(frame, NULL);
  guint32 vm;
  const char *why;
  if (body == NULL)
    return;
  g_variant_get(body, "(u&s)", &vm, &why);
  if (vm >= remote->model->topology.n_vms || remote->vms[vm].side != side)
    return;
  remote->vms[vm].lost = TRUE;
  g_autofree char *text =
      g_strdup_printf("%s went away: %s", remote->model->topology.vms[vm].name, why);
  remote->config.log(VN_SEVERITY_WARNING, text, remote->config.data);
  remote->config.lost(text, remote->config.data);
  vn_transfer_vm_lost(remote, vm, text);
  for (guint32 node = 0; node < remote->graph->n_nodes; node++)
    if (remote->nodes[node].phase == PHASE_CALL && vn_remote_node(remote, node)->vm == vm)
      vn_remote_end(remote, node, VN_NODE_STATUS_BROKEN, text);
}

static void
on_log(VnRemote *remote, const VnFrame *frame)
{
  g_autoptr(GVariant) body = vn_message_body(frame, NULL);
  guint32 severity;
  const char *text;
  if (body == NULL)
    return;
  g_variant_get(body, "(u&s)", &severity, &text);
  remote->config.log(MIN(severity, (guint32)VN_SEVERITY_ERROR), text, remote->config.data);
}

static void
on_hello(VnRemote *remote, Side *side, const VnFrame *frame)
{
  if (frame->vm >= remote->model->topology.n_vms || remote->vms[frame->vm].side != side)
    return;
  remote->vms[frame->vm].profile = vn_calls_profile(remote->calls, frame);
  remote->vms[frame->vm].lost = FALSE;
}

static void
on_numbered(VnRemote *remote, Side *side, const VnFrame *frame)
{
  Request *request = g_hash_table_lookup(remote->requests, &frame->id);
  if (request != NULL && request->side == side) {
    if (frame->kind == VN_MESSAGE_REPLY) {
      vn_request_reply(remote, request, frame);
    } else if (frame->kind == VN_MESSAGE_PROOF) {
      vn_deploy_proof(remote, side, frame);
      vn_request_finish(remote, request, NULL);
    } else if (frame->kind == VN_FRAME_REFUSED) {
      guint32 size = 0;
      const guint8 *text = vn_frame_find(frame, VN_TAG_ERROR, &size);
      g_autofree char *why = g_utf8_make_valid(text != NULL ? (const char *)text : "refused",
                                               text != NULL ? (gssize)size : -1);
      vn_request_fail(remote, request, why);
    }
    return;
  }
  Transfer *transfer = g_hash_table_lookup(remote->transfers, &frame->id);
  if (transfer != NULL)
    vn_transfer_frame(remote, transfer, frame);
}

static void
on_frame(VnSlave *slave, const VnFrame *frame, gpointer data)
{
  Side *side = data;
  VnRemote *remote = side->remote;
  guint64 node = frame->id >> ATTEMPT_BITS;
  if (frame->id >= REQUEST_BASE) {
    on_numbered(remote, side, frame);
  } else if (frame->kind == VN_FRAME_HELLO) {
    on_hello(remote, side, frame);
  } else if (frame->kind == VN_MESSAGE_VM_LOST) {
    on_vm_lost(remote, side, frame);
  } else if (frame->kind == VN_MESSAGE_LOG) {
    on_log(remote, frame);
  } else if (frame->kind == VN_MESSAGE_CAPTURED) {
    vn_deploy_captured(remote, frame);
  } else if (frame->kind == VN_MESSAGE_CAPTURE_END) {
    vn_deploy_capture_end(remote, frame);
  } else if (node < remote->graph->n_nodes && remote->nodes[node].phase == PHASE_CALL &&
             frame->id == vn_call_id(remote, (guint32)node) &&
             remote->vms[vn_remote_node(remote, (guint32)node)->vm].side == side) {
    vn_call_frame(remote, (guint32)node, frame);
  }
}

static void
on_turn_ended(VnSlave *slave, gpointer data)
{
  Side *side = data;
  vn_scheduler_turn(side->remote->scheduler);
}

static void
on_drained(VnSlave *slave, gpointer data)
{
  Side *side = data;
  vn_transfer_drained(side->remote, slave);
}

static gboolean
is_of_side(gpointer key, gpointer value, gpointer data)
{
  return ((Request *)value)->side == data;
}

static void
on_lost(VnSlave *slave, const char *why, gpointer data)
{
  Side *side = data;
  VnRemote *remote = side->remote;
  remote->config.log(VN_SEVERITY_ERROR, why, remote->config.data);
  Request *request;
  while ((request = g_hash_table_find(remote->requests, is_of_side, side)) != NULL)
    vn_request_fail(remote, request, why);
  for (guint32 vm = 0; vm < remote->model->topology.n_vms; vm++)
    if (remote->vms[vm].side == side) {
      remote->vms[vm].lost = TRUE;
      vn_transfer_vm_lost(remote, vm, why);
    }
  for (guint32 node = 0; node < remote->graph->n_nodes; node++)
    if (remote->nodes[node].phase == PHASE_CALL &&
        remote->vms[vn_remote_node(remote, node)->vm].side == side)
      vn_remote_end(remote, node, VN_NODE_STATUS_BROKEN, why);
  vn_scheduler_turn(remote->scheduler);
}

const VnSlaveEvents vn_remote_slave_events = {
    .frame = on_frame, .turn_ended = on_turn_ended, .drained = on_drained, .lost = on_lost};
