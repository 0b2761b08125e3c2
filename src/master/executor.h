/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Who does what the scheduler decides: slaves behind sessions, or the simulator.
 *
 * The scheduler (scheduler.h) hands over nodes that may start; the executor answers with events,
 * later, by vn_scheduler_… calls from the same thread. It must answer every start exactly once
 * with an end, and a cancelled one soon. Time is the executor's: real, or virtual.
 */
#pragma once

#include "plan/graph.h"

typedef enum {
  VN_NODE_STATUS_OK,
  VN_NODE_STATUS_FAILED,    /* its outcome says so: exit code, succeeds when, timeout … */
  VN_NODE_STATUS_CANCELLED, /* ended because it was asked to */
  VN_NODE_STATUS_BROKEN,    /* the infrastructure failed: VM or slave lost */
} VnNodeStatus;

/* What came out of a TASK node. Borrowed for the call that hands it over. */
typedef struct {
  VnNodeStatus status;
  guint8 outcome;       /* VnOutcomeStatus (frame/status.h) */
  gint32 exit_code;     /* 128 + signal when a signal ended it */
  gint64 started_ns, ended_ns; /* since BEGIN */
  gint64 elapsed_ns;    /* as the guest measured it */
  const char *out, *err; /* what is kept of the streams; NULL: nothing */
  gsize out_size, err_size;
  guint64 out_total, err_total; /* bytes written, also those not kept */
  const VnValue *fields; /* the action's own, by place; NULL when it failed before */
  guint32 n_fields;
  const char *error;     /* for people; NULL: none */
  const char *command;   /* of one that failed: what was asked of the agent, for people; or NULL */
} VnOutcome;

typedef struct VnExecutor VnExecutor;

typedef struct {
  /* Nodes to start, all of one turn. attempt counts from 0. */
  void (*start)(VnExecutor *executor, const guint32 *nodes, const guint32 *attempts, guint n);
  void (*cancel)(VnExecutor *executor, guint32 node);
  /* ns since an arbitrary start; virtual for the simulator. */
  gint64 (*now)(VnExecutor *executor);
  /* Calls vn_scheduler_alarm at that time; one alarm at once, a new one replaces it; 0: none. */
  void (*set_alarm)(VnExecutor *executor, gint64 at);
} VnExecutorOps;

struct VnExecutor {
  const VnExecutorOps *ops;
};
