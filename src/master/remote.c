/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Starting nodes, ending them, and sorting what comes from slaves.
 *
 * Ids: a task's attempt is node << ATTEMPT_BITS | attempt, below REQUEST_BASE; requests and
 * transfers are numbered from REQUEST_BASE. */
#include "frame/status.h"
#include "master/remote-private.h"

#include <string.h>
#include <time.h>
#include <unistd.h>

#define ATTEMPT_BITS 24
#define ATTEMPT_MASK ((1u << ATTEMPT_BITS) - 1)
#define REQUEST_BASE (G_GUINT64_CONSTANT(1) << 62)
#define WHOLE_REQUEST G_MAXUINT32 /* as an item of REPLY */
#define CANCEL_GRACE (G_GINT64_CONSTANT(2000000000)) /* ns from asking to killing */

static VnRemote *
remote_of(VnExecutor *executor)
{
  return (VnRemote *)executor; /* its first member */
}

static const VnNode *
node_of(const VnRemote *remote, guint32 node)
{
  return &remote->graph->nodes[node];
}

/* ---- ends ---- */

static void
streams_free(Streams *streams)
{
  if (streams == NULL)
    return;
  for (guint i = 0; i < 2; i++)
    if (streams->bytes[i] != NULL)
      g_byte_array_unref(streams->bytes[i]);
  g_free(streams);
}

static void
node_clear(NodeRun *run)
{
  g_clear_pointer(&run->streams, streams_free);
  g_clear_pointer(&run->error, g_free);
  run->phase = PHASE_IDLE;
  run->pending = 0;
}

void
vn_remote_end(VnRemote *remote, guint32 node, VnNodeStatus status, const char *error)
{
  VnOutcomeStatus outcome = VN_OUTCOME_EXITED;
  if (status == VN_NODE_STATUS_BROKEN)
    outcome = VN_OUTCOME_LOST;
  else if (status == VN_NODE_STATUS_CANCELLED)
    outcome = VN_OUTCOME_CANCELLED;
  else if (status == VN_NODE_STATUS_FAILED)
    outcome = VN_OUTCOME_REFUSED;
  g_autofree char *kept = g_strdup(error); /* may be the node's own */
  node_clear(&remote->nodes[node]);
  VnOutcome ended = {.status = status,
                     .outcome = (guint8)outcome,
                     .exit_code = status == VN_NODE_STATUS_OK ? 0 : -1,
                     .error = kept};
  vn_scheduler_ended(remote->scheduler, node, &ended);
}

/* A control task that could not be done has failed; what deploys is infrastructure. */
static VnNodeStatus
failure_status(const VnRemote *remote, guint32 node)
{
  return node_of(remote, node)->kind == VN_NODE_TASK ? VN_NODE_STATUS_FAILED
                                                     : VN_NODE_STATUS_BROKEN;
}

void
vn_remote_expect(VnRemote *remote, guint32 node)
{
  remote->nodes[node].phase = PHASE_REQUEST;
  remote->nodes[node].pending++;
}

void
vn_remote_answered(VnRemote *remote, guint32 node, const char *error)
{
  if (node == VN_NO_ID)
    return;
  NodeRun *run = &remote->nodes[node];
  if (run->phase != PHASE_REQUEST)
    return;
  if (error != NULL && run->error == NULL)
    run->error = g_strdup(error);
  if (--run->pending > 0)
    return;
  if (run->error != NULL)
    vn_remote_end(remote, node, failure_status(remote, node), run->error);
  else
    vn_remote_end(remote, node, VN_NODE_STATUS_OK, NULL);
}

void
vn_remote_fail_deploy(VnRemote *remote, const char *error)
{
  if (remote->deploy_error == NULL)
    remote->deploy_error = g_strdup(error);
}

VnSession *
vn_remote_session(VnRemote *remote, guint32 vm)
{
  Side *side = remote->vms[vm].side;
  return side != NULL ? vn_slave_session(side->slave) : NULL;
}

/* ---- requests ---- */

static void
request_free(gpointer data)
{
  Request *request = data;
  g_array_unref(request->items);
  g_free(request);
}

guint64
vn_remote_next_id(VnRemote *remote)
{
  return REQUEST_BASE + ++remote->last_request;
}

Request *
vn_remote_request(VnRemote *remote, Side *side, RequestDone done)
{
  Request *request = g_new0(Request, 1);
  request->id = vn_remote_next_id(remote);
  request->side = side;
  request->done = done;
  request->items = g_array_new(FALSE, FALSE, sizeof(RequestItem));
  g_hash_table_insert(remote->requests, &request->id, request);
  return request;
}

void
vn_request_item(Request *request, guint32 item, guint32 node)
{
  RequestItem added = {item, node};
  g_array_append_val(request->items, added);
}

const char *
vn_request_failure(GHashTable *failures, guint32 item)
{
  if (failures == NULL)
    return NULL;
  const char *why = g_hash_table_lookup(failures, GUINT_TO_POINTER(item));
  return why != NULL ? why : g_hash_table_lookup(failures, GUINT_TO_POINTER(WHOLE_REQUEST));
}

void
vn_request_end_items(VnRemote *remote, Request *request, GHashTable *failures)
{
  for (guint i = 0; i < request->items->len; i++) {
    const RequestItem *item = &g_array_index(request->items, RequestItem, i);
    vn_remote_answered(remote, item->node, vn_request_failure(failures, item->item));
  }
}

static void
request_finish(VnRemote *remote, Request *request, GHashTable *failures)
{
  g_hash_table_steal(remote->requests, &request->id);
  request->done(remote, request, failures);
  request_free(request);
}

/* Everything that it asked for failed for one reason. */
static void
request_fail(VnRemote *remote, Request *request, const char *why)
{
  g_autoptr(GHashTable) failures = g_hash_table_new(NULL, NULL);
  g_hash_table_insert(failures, GUINT_TO_POINTER(WHOLE_REQUEST), (gpointer)why);
  request_finish(remote, request, failures);
}

static void
on_reply(VnRemote *remote, Request *request, const VnFrame *frame)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(GVariant) body = vn_message_body(frame, &error);
  if (body == NULL) {
    request_fail(remote, request, error->message);
    return;
  }
  g_autoptr(GHashTable) failures = g_hash_table_new(NULL, NULL);
  g_autoptr(GVariantIter) iter = NULL;
  guint32 item;
  const char *why;
  g_variant_get(body, "(a(us))", &iter);
  while (g_variant_iter_next(iter, "(u&s)", &item, &why))
    g_hash_table_insert(failures, GUINT_TO_POINTER(item), (gpointer)why);
  request_finish(remote, request, g_hash_table_size(failures) > 0 ? failures : NULL);
}

/* ---- calls ---- */

static guint64
call_id(const VnRemote *remote, guint32 node)
{
  return (guint64)node << ATTEMPT_BITS | (remote->nodes[node].attempt & ATTEMPT_MASK);
}

static void
start_call(VnRemote *remote, guint32 node)
{
  const VnNode *described = node_of(remote, node);
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
  vn_session_forward(session, &frame, described->vm, call_id(remote, node));
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
  const VnTask *task = &remote->model->tasks[node_of(remote, node)->task];
  Streams *streams = node_streams(&remote->nodes[node]);
  if (!remote->model->actions[task->action].background ||
      vn_scheduler_state(remote->scheduler, node) != VN_STATE_RUNNING)
    return;
  gboolean ready = streams->ready_frame;
  for (guint i = 0; i < 2; i++) {
    g_autoptr(GError) error = NULL;
    const GPtrArray *patterns =
        vn_calls_ready(remote->calls, node_of(remote, node)->task, i == 1, &error);
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
  vn_calls_judge(remote->calls, node_of(remote, node)->task, run->variant,
                 vn_scheduler_scope(remote->scheduler), &answer, remote->arena, &outcome);
  Streams *streams = g_steal_pointer(&run->streams);
  run->phase = PHASE_IDLE;
  vn_scheduler_ended(remote->scheduler, node, &outcome);
  streams_free(streams);
  vn_arena_reset(remote->arena);
}

static void
on_call_frame(VnRemote *remote, guint32 node, const VnFrame *frame)
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

/* ---- what comes from a slave ---- */

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
  vn_transfer_vm_lost(remote, vm);
  for (guint32 node = 0; node < remote->graph->n_nodes; node++)
    if (remote->nodes[node].phase == PHASE_CALL && node_of(remote, node)->vm == vm)
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
      on_reply(remote, request, frame);
    } else if (frame->kind == VN_MESSAGE_PROOF) {
      vn_deploy_proof(remote, side, frame);
      request_finish(remote, request, NULL);
    } else if (frame->kind == VN_FRAME_REFUSED) {
      guint32 size = 0;
      const guint8 *text = vn_frame_find(frame, VN_TAG_ERROR, &size);
      g_autofree char *why = g_utf8_make_valid(text != NULL ? (const char *)text : "refused",
                                               text != NULL ? (gssize)size : -1);
      request_fail(remote, request, why);
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
             frame->id == call_id(remote, (guint32)node) &&
             remote->vms[node_of(remote, (guint32)node)->vm].side == side) {
    on_call_frame(remote, (guint32)node, frame);
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
    request_fail(remote, request, why);
  for (guint32 vm = 0; vm < remote->model->topology.n_vms; vm++)
    if (remote->vms[vm].side == side) {
      remote->vms[vm].lost = TRUE;
      vn_transfer_vm_lost(remote, vm);
    }
  for (guint32 node = 0; node < remote->graph->n_nodes; node++)
    if (remote->nodes[node].phase == PHASE_CALL &&
        remote->vms[node_of(remote, node)->vm].side == side)
      vn_remote_end(remote, node, VN_NODE_STATUS_BROKEN, why);
  vn_scheduler_turn(remote->scheduler);
}

static const VnSlaveEvents slave_events = {
    .frame = on_frame, .turn_ended = on_turn_ended, .drained = on_drained, .lost = on_lost};

/* ---- the executor ---- */

static void
start_one(VnRemote *remote, guint32 node)
{
  const VnNode *described = node_of(remote, node);
  switch ((VnNodeKind)described->kind) {
  case VN_NODE_SEGMENT:
    g_array_append_val(remote->batches[0], node);
    return;
  case VN_NODE_VM:
    g_array_append_val(remote->batches[1], node);
    return;
  case VN_NODE_READY:
    g_array_append_val(remote->batches[2], node);
    return;
  case VN_NODE_PROVE:
    vn_deploy_prove(remote, node);
    return;
  case VN_NODE_TEARDOWN:
    vn_deploy_release(remote, node);
    return;
  case VN_NODE_TASK:
    if (remote->model->tasks[described->task].control == VN_CONTROL_NONE)
      start_call(remote, node);
    else if (remote->model->tasks[described->task].control == VN_CONTROL_POWER_ON)
      g_array_append_val(remote->batches[2], node);
    else
      vn_control_start(remote, node);
    return;
  case VN_NODE_BEGIN:
  case VN_NODE_GATE:
  case VN_NODE_JOIN:
  case VN_NODE_END:
    break;
  }
  g_assert_not_reached(); /* the scheduler does these itself */
}

static void
remote_start(VnExecutor *executor, const guint32 *nodes, const guint32 *attempts, guint n)
{
  VnRemote *remote = remote_of(executor);
  remote->config.before_start(remote->config.data);
  for (guint i = 0; i < n; i++) {
    remote->nodes[nodes[i]].attempt = attempts[i];
    start_one(remote, nodes[i]);
  }
  void (*const deploy[3])(VnRemote *, const GArray *) = {vn_deploy_segments, vn_deploy_vms,
                                                         vn_deploy_power_on};
  for (guint i = 0; i < 3; i++) {
    if (remote->batches[i]->len > 0)
      deploy[i](remote, remote->batches[i]);
    g_array_set_size(remote->batches[i], 0);
  }
}

/* A request goes on at the slave, but nobody waits for it any more. */
static void
forget_requests(VnRemote *remote, guint32 node)
{
  GHashTableIter iter;
  gpointer value;
  g_hash_table_iter_init(&iter, remote->requests);
  while (g_hash_table_iter_next(&iter, NULL, &value)) {
    Request *request = value;
    for (guint i = 0; i < request->items->len; i++) {
      RequestItem *item = &g_array_index(request->items, RequestItem, i);
      if (item->node == node)
        item->node = VN_NO_ID;
    }
  }
}

static void
remote_cancel(VnExecutor *executor, guint32 node)
{
  VnRemote *remote = remote_of(executor);
  NodeRun *run = &remote->nodes[node];
  if (run->phase == PHASE_CALL) {
    VnSession *session = vn_remote_session(remote, node_of(remote, node)->vm);
    if (session == NULL)
      return; /* its loss ends it */
    VnFrameWriter *writer = vn_session_begin(session, VN_FRAME_CANCEL, 0,
                                             node_of(remote, node)->vm, call_id(remote, node), 64);
    vn_frame_put_int(writer, VN_TAG_GRACE, CANCEL_GRACE);
    vn_session_commit(session);
  } else if (run->phase == PHASE_REQUEST) {
    forget_requests(remote, node);
    vn_transfer_cancel(remote, node);
    vn_remote_end(remote, node, VN_NODE_STATUS_CANCELLED, NULL);
  }
}

static gint64
remote_now(VnExecutor *executor)
{
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (gint64)now.tv_sec * G_GINT64_CONSTANT(1000000000) + now.tv_nsec;
}

static void
remote_set_alarm(VnExecutor *executor, gint64 at)
{
  VnRemote *remote = remote_of(executor);
  g_source_set_ready_time(remote->alarm, at == 0 ? -1 : at / 1000 + 1); /* us, never early */
}

static const VnExecutorOps remote_ops = {
    .start = remote_start, .cancel = remote_cancel, .now = remote_now,
    .set_alarm = remote_set_alarm};

/* ---- life ---- */

static gboolean
alarm_dispatch(GSource *source, GSourceFunc callback, gpointer data)
{
  g_source_set_ready_time(source, -1);
  return callback(data);
}

static gboolean
on_alarm(gpointer data)
{
  vn_scheduler_alarm(((VnRemote *)data)->scheduler);
  return G_SOURCE_CONTINUE;
}

static GSourceFuncs alarm_functions = {.dispatch = alarm_dispatch};

static void
make_sides(VnRemote *remote)
{
  const VnModel *model = remote->model;
  remote->sides = g_new0(Side, model->n_sites + 1);
  for (guint32 i = 0; i < model->n_sites; i++) {
    remote->sides[i] = (Side){remote, remote->config.slaves[i], i, FALSE};
    if (remote->sides[i].slave == NULL)
      continue;
    vn_slave_set_events(remote->sides[i].slave, &slave_events, &remote->sides[i]);
    VnSession *session = vn_slave_session(remote->sides[i].slave);
    if (session != NULL)
      vn_session_set_spin(session, VN_REMOTE_SPIN_US);
  }
  remote->vms = g_new0(VmRun, model->topology.n_vms + 1);
  for (guint32 vm = 0; vm < model->topology.n_vms; vm++)
    remote->vms[vm].side = &remote->sides[vn_model_site(model, vm)];
}

VnRemote *
vn_remote_new(const VnRemoteConfig *config)
{
  VnRemote *remote = g_new0(VnRemote, 1);
  remote->executor.ops = &remote_ops;
  remote->config = *config;
  remote->graph = config->graph;
  remote->model = config->graph->model;
  remote->calls = vn_calls_new(remote->model, &config->calls);
  remote->nodes = g_new0(NodeRun, remote->graph->n_nodes + 1);
  remote->requests = g_hash_table_new_full(g_int64_hash, g_int64_equal, NULL, request_free);
  remote->transfers = g_hash_table_new_full(g_int64_hash, g_int64_equal, NULL, vn_transfer_free);
  remote->arena = vn_arena_new();
  remote->captures = g_new(int, remote->model->topology.n_segments + 1);
  memset(remote->captures, 0xff, sizeof(int) * (remote->model->topology.n_segments + 1));
  for (guint i = 0; i < 3; i++)
    remote->batches[i] = g_array_new(FALSE, FALSE, sizeof(guint32));
  remote->alarm = g_source_new(&alarm_functions, sizeof(GSource));
  g_source_set_callback(remote->alarm, on_alarm, remote, NULL);
  g_source_attach(remote->alarm, g_main_context_get_thread_default());
  make_sides(remote);
  return remote;
}

void
vn_remote_free(VnRemote *remote)
{
  if (remote == NULL)
    return;
  for (guint32 i = 0; i < remote->model->n_sites; i++)
    if (remote->sides[i].slave != NULL)
      vn_slave_set_events(remote->sides[i].slave, NULL, NULL);
  for (guint32 i = 0; i < remote->graph->n_nodes; i++)
    node_clear(&remote->nodes[i]);
  for (guint32 i = 0; i < remote->model->topology.n_segments; i++)
    if (remote->captures[i] >= 0)
      close(remote->captures[i]);
  for (guint i = 0; i < 3; i++)
    g_array_unref(remote->batches[i]);
  g_source_destroy(remote->alarm);
  g_source_unref(remote->alarm);
  g_hash_table_unref(remote->requests);
  g_hash_table_unref(remote->transfers);
  vn_calls_free(remote->calls);
  vn_arena_free(remote->arena);
  g_free(remote->captures);
  g_free(remote->sides);
  g_free(remote->vms);
  g_free(remote->nodes);
  g_free(remote->deploy_error);
  g_free(remote);
}

VnExecutor *
vn_remote_executor(VnRemote *remote)
{
  return &remote->executor;
}

void
vn_remote_set_scheduler(VnRemote *remote, VnScheduler *scheduler)
{
  remote->scheduler = scheduler;
}
