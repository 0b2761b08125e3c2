/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A task at its agent: the frame that starts it, its streams, when it is ready, its outcome. The
 * frames themselves and their judgement are made in calls.c and judge.c. */
#include "frame/status.h"
#include "master/remote-private.h"

guint64
vn_call_id(const VnRemote *remote, guint32 node)
{
  return (guint64)node << ATTEMPT_BITS | (remote->nodes[node].attempt & ATTEMPT_MASK);
}

void
vn_call_start(VnRemote *remote, guint32 node)
{
  const VnNode *described = vn_remote_node(remote, node);
  VmRun *vm = &remote->vms[described->vm];
  VnSession *session = vn_remote_session(remote, described->vm);
  NodeRun *run = &remote->nodes[node];
  g_autoptr(GError) error = NULL;
  VnCall call;
  if (session == NULL || vm->lost) {
    vn_remote_end(remote, node, VN_NODE_STATUS_BROKEN, "its machine went away");
    return;
  }
  if (!vn_calls_make(remote->calls, described->task, described->vm, vm->profile,
                     vn_scheduler_scope(remote->scheduler), &call, &error)) {
    vn_remote_end(remote, node, VN_NODE_STATUS_FAILED, error->message);
    return;
  }
  run->phase = PHASE_CALL;
  run->variant = call.variant;
  VnFrame frame = {.kind = call.kind, .payload = call.payload, .size = call.size};
  vn_session_forward(session, &frame, described->vm, vn_call_id(remote, node));
}

static Streams *
node_streams(NodeRun *run)
{
  if (run->streams == NULL)
    run->streams = g_new0(Streams, 1);
  return run->streams;
}

/* A background task is ready when its agent says so and every pattern was seen. */
static void
check_ready(VnRemote *remote, guint32 node)
{
  const VnTask *task = &remote->model->tasks[vn_remote_node(remote, node)->task];
  Streams *streams = node_streams(&remote->nodes[node]);
  if (!remote->model->actions[task->action].background ||
      vn_scheduler_state(remote->scheduler, node) != VN_STATE_RUNNING)
    return;
  gboolean ready = streams->ready_frame;
  for (guint i = 0; i < 2; i++) {
    g_autoptr(GError) error = NULL;
    const GPtrArray *patterns =
        vn_calls_ready(remote->calls, vn_remote_node(remote, node)->task, i == 1, &error);
    GByteArray *bytes = streams->bytes[i];
    while (patterns != NULL && streams->matched[i] < patterns->len && bytes != NULL &&
           g_regex_match_full(patterns->pdata[streams->matched[i]], (const char *)bytes->data,
                              (gssize)bytes->len, 0, 0, NULL, NULL))
      streams->matched[i]++;
    ready = ready && patterns != NULL && streams->matched[i] == patterns->len;
  }
  if (ready)
    vn_scheduler_serving(remote->scheduler, node);
}

static void
on_output(VnRemote *remote, guint32 node, const VnFrame *frame)
{
  guint32 size;
  const guint8 *bytes = vn_frame_find(frame, VN_TAG_BYTES, &size);
  gint64 stream = vn_frame_int(frame, VN_TAG_STREAM, 0);
  if (bytes == NULL || (stream != 1 && stream != 2))
    return;
  Streams *streams = node_streams(&remote->nodes[node]);
  GByteArray **slot = &streams->bytes[stream - 1];
  if (*slot == NULL)
    *slot = g_byte_array_new();
  gsize limit = (gsize)remote->config.calls.output_limit;
  gsize room = limit > (*slot)->len ? limit - (*slot)->len : 0;
  g_byte_array_append(*slot, bytes, (guint)MIN(room, size));
  check_ready(remote, node);
}

static guint8
outcome_status(const VnFrame *frame)
{
  gint64 status = vn_frame_int(frame, VN_TAG_STATUS, VN_OUTCOME_REFUSED);
  return status >= 0 && status <= VN_OUTCOME_LOST ? (guint8)status : (guint8)VN_OUTCOME_REFUSED;
}

static void
take_streams(VnAnswer *answer, const Streams *streams, const VnFrame *frame)
{
  const GByteArray *out = streams != NULL ? streams->bytes[0] : NULL;
  const GByteArray *err = streams != NULL ? streams->bytes[1] : NULL;
  if (out != NULL) {
    answer->out = (const char *)out->data;
    answer->out_size = out->len;
  }
  if (err != NULL) {
    answer->err = (const char *)err->data;
    answer->err_size = err->len;
  }
  answer->out_total = (guint64)vn_frame_int(frame, VN_TAG_OUT_TOTAL, (gint64)answer->out_size);
  answer->err_total = (guint64)vn_frame_int(frame, VN_TAG_ERR_TOTAL, (gint64)answer->err_size);
}

static void
on_outcome(VnRemote *remote, guint32 node, const VnFrame *frame)
{
  NodeRun *run = &remote->nodes[node];
  VnAnswer answer = {
      .outcome = frame->kind == VN_FRAME_REFUSED ? VN_OUTCOME_REFUSED : outcome_status(frame),
      .exit_code = (gint32)vn_frame_int(frame, VN_TAG_EXIT_CODE, 0),
      .signal = (gint32)(vn_frame_int(frame, VN_TAG_SIGNAL, 0) & 0x7f),
      .elapsed_ns = vn_frame_int(frame, VN_TAG_ELAPSED, 0),
      .frame = frame};
  take_streams(&answer, run->streams, frame);
  VnOutcome outcome;
  vn_calls_judge(remote->calls, vn_remote_node(remote, node)->task, run->variant,
                 vn_scheduler_scope(remote->scheduler), &answer, remote->arena, &outcome);
  Streams *streams = g_steal_pointer(&run->streams);
  run->phase = PHASE_IDLE;
  vn_scheduler_ended(remote->scheduler, node, &outcome);
  vn_streams_free(streams);
  vn_arena_reset(remote->arena);
}

void
vn_call_frame(VnRemote *remote, guint32 node, const VnFrame *frame)
{
  switch (frame->kind) {
  case VN_FRAME_OUTPUT:
    on_output(remote, node, frame);
    return;
  case VN_FRAME_READY:
    node_streams(&remote->nodes[node])->ready_frame = TRUE;
    check_ready(remote, node);
    return;
  case VN_FRAME_OUTCOME:
  case VN_FRAME_REFUSED:
    on_outcome(remote, node, frame);
    return;
  default: /* a number from the wire, not an enum */
    return;
  }
}
