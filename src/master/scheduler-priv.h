/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the two halves of the scheduler share: scheduler-node.c, what happens to a node, and
 * scheduler.c, the calls from outside. Nobody else includes this. */
#pragma once

#include "master/outcomes.h"
#include "master/scheduler.h"
#include "master/slots.h"
#include "master/timers.h"

/* How far the run is given up. */
typedef enum { MODE_NORMAL, MODE_STOPPING, MODE_ABANDONED } Mode;

/* What a node was told by its predecessors. */
enum {
  SAW_DONE = 1 << 0,
  SAW_FAILED = 1 << 1,
  SAW_BROKEN = 1 << 2,
  SAW_CANCELLED = 1 << 3,
  SAW_POISON = 1 << 4, /* it needs what is not there: skip */
};

enum {
  FLAG_RELEASED = 1 << 0,  /* its followers were told */
  FLAG_SERVED = 1 << 1,    /* it was SERVING */
  FLAG_TIMED_OUT = 1 << 2, /* its alarm says that it takes too long */
  FLAG_BROKEN = 1 << 3,    /* it FAILED because the infrastructure did */
  FLAG_STOPPED = 1 << 4,   /* a stop(TASK) wants it to end: no further attempt */
};

typedef struct {
  gint64 started; /* on the executor's clock */
  guint32 waits;  /* predecessors that have not ended */
  guint32 attempt;
  guint32 next;   /* in the list of open nodes; of a `stop`: in its task's list */
  guint8 state;   /* VnNodeState */
  guint8 flags, saw;
} Run;

typedef enum { WHEN_UNKNOWN, WHEN_TRUE, WHEN_FALSE, WHEN_ERROR } When;

typedef struct {
  guint32 stops; /* the first `stop` that waits for its end; VN_NO_ID: none */
  guint32 live;  /* while one waits: members that have not ended */
  guint8 when;   /* When: evaluated once for all members */
} TaskRun;

typedef struct {
  guint32 *nodes;
  guint32 n, size;
} Batch;

struct VnScheduler {
  const VnGraph *graph;
  const VnModel *model;
  VnExecutor *executor;
  VnSchedulerObserver observer;
  gpointer data;
  Run *runs;      /* by node */
  TaskRun *tasks; /* by task */
  VnSlots *slots;
  VnTimers timers;
  VnOutcomes *outcomes;
  VnArena *scratch; /* of evaluations; NULL when there were none in this turn */
  Batch batch, handed;
  guint32 *attempts; /* of handed */
  guint32 attempts_size;
  guint32 open_first, open_last;
  guint32 n_serving; /* SERVING, or CANCELLING after that */
  guint depth;       /* calls from outside, one inside the other */
  Mode mode;
  VnRunStatus cause;  /* RUNNING: nothing went wrong */
  VnRunStatus status; /* RUNNING until TEARDOWN has ended */
  gboolean turning, told_finished, interrupted;
  gint64 epoch, armed;
  char *when_error; /* of the evaluation in hand */
};

static inline gint64
clock_now(const VnScheduler *s)
{
  return s->executor->ops->now(s->executor);
}

static inline const VnNode *
node_at(const VnScheduler *s, guint32 n)
{
  return &s->graph->nodes[n];
}

static inline const VnTask *
task_of(const VnScheduler *s, guint32 n)
{
  guint32 task = s->graph->nodes[n].task;
  return task != VN_NO_ID ? &s->model->tasks[task] : NULL;
}

static inline gboolean
is_terminal(VnNodeState state)
{
  return state >= VN_STATE_DONE;
}

/* wait and stop: done here, on no VM. */
static inline gboolean
is_engine_task(const VnScheduler *s, guint32 n)
{
  return node_at(s, n)->kind == VN_NODE_TASK && node_at(s, n)->vm == VN_NO_ID;
}

static inline void
vn_sched_set_alarm(VnScheduler *s, guint32 n, gint64 timeout)
{
  if (timeout > 0)
    vn_timers_set(&s->timers, n, s->runs[n].started + timeout);
}

/* Puts a node that may be looked at into the list that the outermost call works off. */
void vn_sched_append(VnScheduler *s, guint32 n);
/* Works one of the list off. */
void vn_sched_open(VnScheduler *s, guint32 n);
/* It may start as far as the graph goes; slots may still hold it back. */
void vn_sched_make_ready(VnScheduler *s, guint32 n);
void vn_sched_release_slots(VnScheduler *s, guint32 n);
/* Lets its followers know, once. */
void vn_sched_tell(VnScheduler *s, guint32 n);
/* For good: records, tells the observer, applies its policy, tells its followers. */
void vn_sched_end(VnScheduler *s, guint32 n, VnNodeState state, const VnOutcome *outcome);
/* The same for one that no executor ran, with what is to be known about it. */
void vn_sched_end_inner(VnScheduler *s, guint32 n, VnNodeState state, const char *error);
/* Asks a node that has not ended to end; what never ran has ended by that. */
void vn_sched_cancel(VnScheduler *s, guint32 n);
/* Gives the run up as far as mode says. What waits is found when its turn comes. */
void vn_sched_stop(VnScheduler *s, Mode mode, VnRunStatus cause);
/* Is it given up in the present mode? */
gboolean vn_sched_is_doomed(const VnScheduler *s, guint32 n);
/* Done here, by no executor. */
gboolean vn_sched_is_inner(const VnScheduler *s, guint32 n);
