/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Runs an execution graph: a node starts the moment its last predecessor has ended.
 *
 * One state machine for all nodes (the table stands in scheduler.c); event-driven, no polling,
 * O(nodes + edges) for any shape. Timeouts, retries, `when`, `always`, `on_failure`, cancellation
 * and background tasks are states of a node. It knows no clock, process or socket: an executor
 * (executor.h) does the work and calls back from the same thread.
 */
#pragma once

#include "master/executor.h"

typedef enum {
  VN_STATE_WAITING,   /* predecessors have not ended */
  VN_STATE_READY,     /* may start; waits for a limit or the end of the turn */
  VN_STATE_RUNNING,
  VN_STATE_BACKOFF,   /* failed, waits for its next attempt */
  VN_STATE_SERVING,   /* a background task that is ready: counts as ended for its followers */
  VN_STATE_CANCELLING, /* asked to end */
  VN_STATE_DONE,
  VN_STATE_FAILED,
  VN_STATE_SKIPPED,   /* `when` was false, or what it needs failed under `skip` */
  VN_STATE_CANCELLED, /* the run was stopped before or while it ran */
} VnNodeState;

typedef enum {
  VN_RUN_RUNNING,
  VN_RUN_COMPLETED,   /* every node ended; expectations may be evaluated */
  VN_RUN_FAILED,      /* a task failed under `stop` */
  VN_RUN_BROKEN,      /* deployment or infrastructure failed */
  VN_RUN_INTERRUPTED,
} VnRunStatus;

typedef struct {
  guint32 by_vm, by_site, by_experiment; /* tasks at once; 0: no limit */
} VnSchedulerLimits;

/* What the run wants to know; any may be NULL. Called in the scheduler's thread. */
typedef struct {
  void (*node_started)(guint32 node, guint32 attempt, gint64 at_ns, gpointer data);
  /* outcome NULL for nodes that never ran. An attempt that will be retried: will_retry. Called
   * before followers start, so that what it stores is stored before them. */
  void (*node_ended)(guint32 node, guint32 attempt, VnNodeState state, const VnOutcome *outcome,
                     gboolean will_retry, gpointer data);
  /* TEARDOWN has ended: the last thing that happens. The scheduler must not be freed inside. */
  void (*finished)(VnRunStatus status, gpointer data);
  /* A background task is ready: its followers start next. */
  void (*node_serving)(guint32 node, gint64 at_ns, gpointer data);
} VnSchedulerObserver;

typedef struct VnScheduler VnScheduler;

VnScheduler *vn_scheduler_new(const VnGraph *graph, VnExecutor *executor,
                              const VnSchedulerObserver *observer,
                              const VnSchedulerLimits *limits, gpointer data);
void vn_scheduler_free(VnScheduler *scheduler);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VnScheduler, vn_scheduler_free)

void vn_scheduler_start(VnScheduler *scheduler);

/* The executor's answers; it may also give them while `start` or `cancel` runs. outcome is needed
 * for TASK nodes; others need its status and error. started_ns and ended_ns are set by the
 * scheduler; elapsed_ns 0 means that the guest did not measure it. The answer to a cancelled node
 * is CANCELLED, whatever the signal did to its exit code, unless it ended by itself before. */
void vn_scheduler_ended(VnScheduler *scheduler, guint32 node, const VnOutcome *outcome);
void vn_scheduler_serving(VnScheduler *scheduler, guint32 node); /* a background task is ready */
void vn_scheduler_alarm(VnScheduler *scheduler);
/* The end of a turn of the loop: hands over what may start, in one batch. start, alarm and
 * interrupt end with a turn of their own. */
void vn_scheduler_turn(VnScheduler *scheduler);
/* Ctrl-C: cancels what runs, runs the `always` tasks that are left, takes down. The second one
 * leaves them out, too. */
void vn_scheduler_interrupt(VnScheduler *scheduler);

VnNodeState vn_scheduler_state(const VnScheduler *scheduler, guint32 node);
VnRunStatus vn_scheduler_status(const VnScheduler *scheduler);
/* What times of outcomes and observers count from, on the executor's clock: BEGIN, and before it
 * the call of vn_scheduler_start. */
gint64 vn_scheduler_epoch(const VnScheduler *scheduler);

/* An agent ends a task at its timeout; one that has not answered this much later is cancelled by
 * the scheduler. Control tasks have no agent: the scheduler cancels them at the timeout itself. */
#define VN_SCHEDULER_GRACE_NS (5 * G_GINT64_CONSTANT(1000000000))

/* Results so far, for `when`, arguments, `succeeds when`, expectations and measures. The scope is
 * valid as long as the scheduler; executors use it to evaluate a call's arguments. */
const VnExprScope *vn_scheduler_scope(VnScheduler *scheduler);
