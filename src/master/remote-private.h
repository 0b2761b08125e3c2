/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the files of the remote executor share: remote.c (start, ends, life), request.c (messages
 * that are answered), call.c (tasks at their agents), incoming.c (what comes from slaves), deploy.c
 * and deploy-vm.c (the topology as messages), control.c (control tasks), transfer.c (files).
 *
 * Ids: a task's attempt is node << ATTEMPT_BITS | attempt, below REQUEST_BASE; requests and
 * transfers are numbered from REQUEST_BASE. */
#pragma once

#include "master/remote.h"

#define ATTEMPT_BITS 24
#define ATTEMPT_MASK ((1u << ATTEMPT_BITS) - 1)
#define REQUEST_BASE (G_GUINT64_CONSTANT(1) << 62)

/* A slave in this trial. */
typedef struct {
  VnRemote *remote;
  VnSlave *slave;
  guint32 site;
  gboolean opened; /* OPEN was sent */
} Side;

typedef enum {
  PHASE_IDLE,
  PHASE_CALL,    /* the agent runs it */
  PHASE_REQUEST, /* `pending` requests are on their way */
} Phase;

typedef struct {
  GByteArray *bytes[2]; /* stdout and stderr; NULL: nothing */
  guint32 matched[2];   /* ready patterns seen, in their order */
  gboolean ready_frame;
} Streams;

typedef struct {
  Streams *streams; /* NULL: nothing came */
  guint32 attempt;
  guint32 pending;  /* REQUEST */
  guint32 variant;  /* CALL */
  guint8 phase;
  char *error;      /* REQUEST: the first that failed */
} NodeRun;

typedef struct {
  guint32 node, attempt;
  gint64 deadline; /* us, monotonic */
} Overdue;

typedef struct {
  Side *side;
  guint32 profile; /* of its agent */
  gboolean lost;
} VmRun;

typedef struct Request Request;
typedef struct Transfer Transfer;

/* An answer; failures: item to text, NULL where all went well; see vn_request_failure. */
typedef void (*RequestDone)(VnRemote *remote, Request *request, GHashTable *failures);

struct Request {
  guint64 id;
  Side *side;
  RequestDone done;
  GArray *items; /* of RequestItem */
};

typedef struct {
  guint32 item; /* as the slave names it: segment, VM */
  guint32 node; /* VN_NO_ID: nobody waits any more */
} RequestItem;

struct VnRemote {
  VnExecutor executor;
  VnRemoteConfig config;
  const VnGraph *graph;
  const VnModel *model;
  VnScheduler *scheduler;
  VnCalls *calls;
  Side *sides;   /* by site; slave NULL: not used */
  NodeRun *nodes;
  VmRun *vms;
  GHashTable *requests;  /* id to Request* */
  GHashTable *transfers; /* id to Transfer* */
  guint64 last_request;
  GSource *alarm;
  GArray *overdue;    /* of Overdue, by deadline: calls that were cancelled */
  GSource *patience;  /* for the first of them, and for teardown */
  gint64 release_by;  /* us, monotonic; 0: no teardown goes on */
  int *captures;      /* by segment: descriptors, -1: none */
  char *deploy_error; /* of what no node stands for; told by the proof */
  VnArena *arena;     /* of one judgement */
  GArray *batches[3]; /* of nodes: SEGMENT, VM, READY and power_on, while a start is sorted */
};

/* The site and technology that a node's message goes to. */
typedef void (*VnKeyOf)(const VnRemote *remote, guint32 node, guint32 *out_site,
                        guint32 *out_tech);

/* ---- remote.c ---- */
void vn_remote_end(VnRemote *remote, guint32 node, VnNodeStatus status, const char *error);
/* PHASE_REQUEST: one more answer is waited for, one came. */
void vn_remote_expect(VnRemote *remote, guint32 node);
void vn_remote_answered(VnRemote *remote, guint32 node, const char *error);
/* The session of a VM's slave; NULL: lost. */
VnSession *vn_remote_session(VnRemote *remote, guint32 vm);
void vn_remote_fail_deploy(VnRemote *remote, const char *error);
void vn_streams_free(Streams *streams);
static inline const VnNode *
vn_remote_node(const VnRemote *remote, guint32 node)
{
  return &remote->graph->nodes[node];
}

/* Looks again when something may have become overdue. */
void vn_remote_set_patience(VnRemote *remote);

/* ---- request.c ---- */
guint64 vn_remote_next_id(VnRemote *remote);
Request *vn_remote_request(VnRemote *remote, Side *side, RequestDone done);
void vn_request_free(gpointer request);
void vn_request_item(Request *request, guint32 item, guint32 node);
/* Ends what waits for items as the answer says. */
void vn_request_end_items(VnRemote *remote, Request *request, GHashTable *failures);
/* Why the item failed; NULL: it did not. */
const char *vn_request_failure(GHashTable *failures, guint32 item);
void vn_request_reply(VnRemote *remote, Request *request, const VnFrame *frame);
void vn_request_finish(VnRemote *remote, Request *request, GHashTable *failures);
/* Everything that it asked for failed for one reason. */
void vn_request_fail(VnRemote *remote, Request *request, const char *why);
void vn_request_forget(VnRemote *remote, guint32 node);

/* ---- call.c ---- */
guint64 vn_call_id(const VnRemote *remote, guint32 node);
void vn_call_start(VnRemote *remote, guint32 node);
/* A frame of a task that runs. */
void vn_call_frame(VnRemote *remote, guint32 node, const VnFrame *frame);

/* ---- incoming.c ---- */
extern const VnSlaveEvents vn_remote_slave_events;

/* ---- deploy.c ---- */
void vn_deploy_segments(VnRemote *remote, const GArray *nodes);
void vn_deploy_prove(VnRemote *remote, guint32 node);
void vn_deploy_proof(VnRemote *remote, Side *side, const VnFrame *frame);
void vn_deploy_release(VnRemote *remote, guint32 node);
void vn_deploy_captured(VnRemote *remote, const VnFrame *frame);
void vn_deploy_capture_end(VnRemote *remote, const VnFrame *frame);

/* A message whose answer nobody waits for but the proof. */
void vn_deploy_quietly(VnRemote *remote, Side *side, VnMessageKind kind, GVariant *body);
/* Before the first message to a slave. */
void vn_deploy_open(VnRemote *remote, Side *side);
/* Calls send for every pair of site and technology among the nodes; those whose slave is lost are
 * ended. */
void vn_deploy_by_key(VnRemote *remote, const GArray *nodes, VnKeyOf key_of,
                      void (*send)(VnRemote *, Side *, guint32 tech, const GArray *));

/* ---- deploy-vm.c ---- */
void vn_deploy_vms(VnRemote *remote, const GArray *nodes);
void vn_deploy_power_on(VnRemote *remote, const GArray *nodes);

/* ---- control.c ---- */
void vn_control_start(VnRemote *remote, guint32 node);

/* ---- transfer.c ---- */
/* Copies a file of this machine into a VM; node is told by vn_remote_answered. */
void vn_transfer_push(VnRemote *remote, guint32 node, guint32 vm, const char *source,
                   const char *target);
void vn_transfer_pull(VnRemote *remote, guint32 node, guint32 vm, const char *source,
                   const char *target);
/* A frame whose id is a transfer's. */
void vn_transfer_frame(VnRemote *remote, Transfer *transfer, const VnFrame *frame);
void vn_transfer_drained(VnRemote *remote, VnSlave *slave);
/* Forgets those that the node waits for, with the agent told. */
void vn_transfer_cancel(VnRemote *remote, guint32 node);
void vn_transfer_vm_lost(VnRemote *remote, guint32 vm, const char *why);
void vn_transfer_free(gpointer transfer);
