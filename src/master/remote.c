/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The executor's operations, the ends of nodes, and life. A start is sorted: what deploys becomes
 * batches (deploy.c), tasks go one by one (call.c, control.c). */
#include "frame/status.h"
#include "master/remote-private.h"

#include <string.h>
#include <time.h>
#include <unistd.h>

#define CANCEL_GRACE    (G_GINT64_CONSTANT(2000000000)) /* ns from asking to killing */
#define CANCEL_PATIENCE (10 * G_USEC_PER_SEC) /* us until an agent is no longer waited for */

static VnRemote *
remote_of(VnExecutor *executor)
{
  return (VnRemote *)executor; /* its first member */
}

/* ---- ends ---- */

void
vn_streams_free(Streams *streams)
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
  g_clear_pointer(&run->streams, vn_streams_free);
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
  return vn_remote_node(remote, node)->kind == VN_NODE_TASK ? VN_NODE_STATUS_FAILED
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

/* ---- the executor ---- */

static void
start_one(VnRemote *remote, guint32 node)
{
  const VnNode *described = vn_remote_node(remote, node);
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
      vn_call_start(remote, node);
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

static void
remote_cancel(VnExecutor *executor, guint32 node)
{
  VnRemote *remote = remote_of(executor);
  NodeRun *run = &remote->nodes[node];
  if (run->phase == PHASE_CALL) {
    guint32 vm = vn_remote_node(remote, node)->vm;
    VnSession *session = vn_remote_session(remote, vm);
    if (session == NULL)
      return; /* its loss ends it */
    VnFrameWriter *writer =
        vn_session_begin(session, VN_FRAME_CANCEL, 0, vm, vn_call_id(remote, node), 64);
    vn_frame_put_int(writer, VN_TAG_GRACE, CANCEL_GRACE);
    vn_session_commit(session);
    Overdue overdue = {node, run->attempt, g_get_monotonic_time() + CANCEL_PATIENCE};
    g_array_append_val(remote->overdue, overdue);
    vn_remote_set_patience(remote);
  } else if (run->phase == PHASE_REQUEST) {
    vn_request_forget(remote, node);
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

void
vn_remote_set_patience(VnRemote *remote)
{
  gint64 at = remote->release_by != 0 ? remote->release_by : G_MAXINT64;
  if (remote->overdue->len > 0)
    at = MIN(at, g_array_index(remote->overdue, Overdue, 0).deadline);
  g_source_set_ready_time(remote->patience, at == G_MAXINT64 ? -1 : at);
}

/* A machine that is suspended, or whose agent hangs, never answers a CANCEL. */
static void
end_overdue(VnRemote *remote, gint64 now)
{
  while (remote->overdue->len > 0) {
    Overdue first = g_array_index(remote->overdue, Overdue, 0);
    if (first.deadline > now)
      return;
    g_array_remove_index(remote->overdue, 0);
    const NodeRun *run = &remote->nodes[first.node];
    if (run->phase == PHASE_CALL && run->attempt == first.attempt)
      vn_remote_end(remote, first.node, VN_NODE_STATUS_CANCELLED,
                    "its agent did not answer when it was asked to end it");
  }
}

static gboolean
on_patience(gpointer data)
{
  VnRemote *remote = data;
  gint64 now = g_get_monotonic_time();
  end_overdue(remote, now);
  for (guint32 i = 0; remote->release_by != 0 && remote->release_by <= now &&
                      i < remote->model->n_sites;
       i++)
    if (remote->sides[i].opened)
      vn_slave_abandon(remote->sides[i].slave, "it did not take everything down in time");
  if (remote->release_by <= now)
    remote->release_by = 0;
  vn_remote_set_patience(remote);
  vn_scheduler_turn(remote->scheduler);
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
    vn_slave_set_events(remote->sides[i].slave, &vn_remote_slave_events, &remote->sides[i]);
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
  remote->requests = g_hash_table_new_full(g_int64_hash, g_int64_equal, NULL, vn_request_free);
  remote->transfers = g_hash_table_new_full(g_int64_hash, g_int64_equal, NULL, vn_transfer_free);
  remote->arena = vn_arena_new();
  remote->captures = g_new(int, remote->model->topology.n_segments + 1);
  memset(remote->captures, 0xff, sizeof(int) * (remote->model->topology.n_segments + 1));
  for (guint i = 0; i < 3; i++)
    remote->batches[i] = g_array_new(FALSE, FALSE, sizeof(guint32));
  remote->alarm = g_source_new(&alarm_functions, sizeof(GSource));
  g_source_set_callback(remote->alarm, on_alarm, remote, NULL);
  g_source_attach(remote->alarm, g_main_context_get_thread_default());
  remote->overdue = g_array_new(FALSE, FALSE, sizeof(Overdue));
  remote->patience = g_source_new(&alarm_functions, sizeof(GSource));
  g_source_set_callback(remote->patience, on_patience, remote, NULL);
  g_source_attach(remote->patience, g_main_context_get_thread_default());
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
  g_source_destroy(remote->patience);
  g_source_unref(remote->patience);
  g_array_unref(remote->overdue);
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
