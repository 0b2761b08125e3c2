/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A naive model of what may happen in a run: every order that the language allows of starts,
 * effects and ends of a small workflow's steps, one state after the other.
 *
 * It is there to say what is true when the workflow analysis (src/analyze) and others reason about
 * it, so it shares no code with them, knows no graph algorithm, and prefers what is plainly right
 * to what is fast. It reads the complete model: tasks, what they come after, their clauses.
 *
 * A step is a task on one VM, or a task of the engine. Time passes by moves, each of one step:
 *
 *   IDLE ─START─► RUNNING ─EFFECT─► EFFECTED ─SUCCEED─► DONE     control tasks
 *                 RUNNING ─SUCCEED─► DONE                        all others
 *                 RUNNING ─FAIL─► FAILED ─ANEW─► RUNNING         ANEW: with a `retry`
 *   IDLE ─SKIP─► SKIPPED      `when` is false (all members at once)
 *   IDLE ─POISON─► POISONED   what it needs failed under `skip`, or was cancelled
 *   IDLE, RUNNING ─CANCEL─► CANCELLED   the run stops
 *   DONE ─DIE─► FAILED        a background task ends by itself, with failure
 *
 * Machines, links, snapshots, services and files change by EFFECT of control steps, and by SUCCEED
 * of actions that write or serve. */
#pragma once

#include "plan/graph.h"

#define NAIVE_MAX_STEPS  16
#define NAIVE_MAX_VMS    8
#define NAIVE_MAX_IFACES 16
#define NAIVE_MAX_NAMES  8 /* snapshots: a VM and a name */

typedef enum {
  NAIVE_IDLE,
  NAIVE_RUNNING,
  NAIVE_EFFECTED,
  NAIVE_DONE, /* the first that has ended */
  NAIVE_FAILED,
  NAIVE_SKIPPED,
  NAIVE_POISONED,
  NAIVE_CANCELLED,
} NaivePhase;

typedef enum { NAIVE_OFF, NAIVE_ON, NAIVE_SUSPENDED } NaivePower;

/* Sets of steps, interfaces and snapshots are bits. No padding: states are compared as bytes. */
typedef struct {
  guint8 phase[NAIVE_MAX_STEPS];
  guint8 power[NAIVE_MAX_VMS];
  guint16 by[NAIVE_MAX_VMS]; /* steps that said that it be on, or off, since it last changed */
  guint16 switched;          /* machines that are no more as they were at first */
  guint16 serving; /* steps whose service is there */
  guint16 taken;   /* steps whose service a power_off ended, while the machine is off */
  guint16 live;    /* steps of a background task that is ready and runs on */
  guint16 cut;     /* steps of one that was ready and lost its machine before it was stopped */
  guint16 down;    /* interfaces without link */
  guint16 kept;    /* steps whose written file is as they left it */
  guint16 lost;    /* steps whose written file was thrown away */
  guint16 true_when; /* steps whose `when` was found true */
  guint16 saved_serving[NAIVE_MAX_NAMES], saved_kept[NAIVE_MAX_NAMES];
  guint16 saved;    /* snapshots that exist */
  guint16 stopping; /* the run is given up: only `always` steps start */
} NaiveState;

typedef struct {
  guint32 task, member, node;
  guint32 vm; /* VN_NO_ID: the engine's */
  const VnTask *of;
  const VnAction *action; /* NULL: a control task */
  guint name;             /* of snapshot and revert */
} NaiveStep;

typedef struct {
  const VnGraph *graph;
  const VnModel *model;
  NaiveStep steps[NAIVE_MAX_STEPS];
  guint n_steps;
  guint first_step[NAIVE_MAX_STEPS]; /* by task */
  gboolean dead[NAIVE_MAX_STEPS];    /* by task: it never runs */
  /* Only what the engine knows by itself: of what never runs, what a constant condition says. */
  gboolean exact;
} Naive;

typedef enum {
  NAIVE_START,
  NAIVE_EFFECT,
  NAIVE_SUCCEED,
  NAIVE_FAIL,
  NAIVE_SKIP,
  NAIVE_POISON,
  NAIVE_CANCEL,
  NAIVE_ANEW,
  NAIVE_DIE,
} NaiveAct;

typedef struct {
  guint8 act, step;
} NaiveMove;

#define NAIVE_MAX_MOVES (NAIVE_MAX_STEPS * 4)

/* FALSE: it is too large. */
gboolean naive_init(Naive *naive, const VnGraph *graph);
void naive_begin(const Naive *naive, NaiveState *out);
/* What may happen next. With by_itself also what the analysis leaves out and an engine may do: a
 * further attempt, the death of a service. */
guint naive_moves(const Naive *naive, const NaiveState *state, gboolean by_itself,
                  NaiveMove out[NAIVE_MAX_MOVES]);
void naive_apply(const Naive *naive, NaiveState *state, NaiveMove move);
gboolean naive_comes_before(const Naive *naive, guint32 first, guint32 then); /* tasks */

/* By its condition and what it reads, as far as dead ones are known. */
gboolean naive_is_dead(const Naive *naive, guint32 task);
/* found: the condition was true for another member. */
gboolean naive_may_start(const Naive *naive, const NaiveState *state, const NaiveStep *step,
                         gboolean found);
gboolean naive_may_be_skipped(const Naive *naive, const NaiveStep *step);

const char *naive_act_text(NaiveAct act);
/* "start t2[a]" */
void naive_move_text(const Naive *naive, NaiveMove move, GString *out);

static inline gboolean
naive_has_ended(NaivePhase phase)
{
  return phase >= NAIVE_DONE;
}

static inline gboolean
naive_is_under_way(NaivePhase phase)
{
  return phase == NAIVE_RUNNING || phase == NAIVE_EFFECTED;
}
