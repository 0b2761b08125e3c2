/* SPDX-License-Identifier: GPL-3.0-or-later */
/* An executor for tests of the scheduler: every node does exactly what the test says, at times of
 * a clock that only events move. It also watches: every start has one end, no slot limit is passed.
 */
#pragma once

#include "master/scheduler.h"

#define STAGE_FOREVER G_MAXINT64

typedef struct {
  gint64 duration;     /* until it ends, or serves */
  VnNodeStatus status; /* how it ends */
  gboolean serves;     /* a background task: ready after duration, ends after … */
  gint64 serves_for;   /* STAGE_FOREVER: until it is cancelled */
} StageAct;

typedef struct Stage Stage;
struct Stage {
  VnExecutor executor; /* first: the scheduler knows the stage by it */
  const VnGraph *graph;
  VnScheduler *scheduler;
  /* What node does in its attempt. NULL: ends OK at once. */
  StageAct (*act)(Stage *stage, guint32 node, guint32 attempt);
  gpointer data;
  gint64 cancel_delay;   /* time that a cancelled one takes to end */
  gboolean deaf;         /* cancelled ones go on and end as they would have */
  gboolean synchronous;  /* answers from within start and cancel */

  gint64 now, alarm;
  gint64 *due;           /* by node; -1: none */
  guint8 *serving, *cancelled;
  StageAct *acts;        /* of what runs */
  guint8 *status;        /* how it will end */
  guint32 *starts;       /* by node */
  guint32 n_batches, n_events;
  guint32 running, most_running; /* TASK nodes that do not serve */
  guint32 *by_vm, most_by_vm;
  /* as the observer saw it */
  guint8 *state;         /* VnNodeState at the end */
  gint64 *started, *ended; /* ns since BEGIN; -1: never ran */
  char **error;          /* of the final outcome */
  guint32 *retried;
  gboolean finished;
  VnRunStatus result;
  guint interrupt_at;    /* event after which Ctrl-C comes; 0: never */
  guint interrupts;      /* how often in a row */
  gint64 interrupted_at; /* ns since BEGIN; -1: it did not come, or came before */
};

Stage *stage_new(const VnGraph *graph, const VnSchedulerLimits *limits);
void stage_free(Stage *stage);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Stage, stage_free)
/* Until everything has ended. Checks what holds for every run. */
void stage_play(Stage *stage);
/* One event; FALSE: there is none. */
gboolean stage_step(Stage *stage);
