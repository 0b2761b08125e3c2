/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A run: every trial of every point of the sweep, one after the other, each from the clean state,
 * written to the store as it happens.
 *
 * Slaves are started when the first trial needs them and ended with the run. A trial that fails
 * does not stop the others (their measures are wanted); a broken infrastructure and an interrupt
 * do. Runs in the thread's default main context.
 */
#pragma once

#include "master/scheduler.h"
#include "store/store.h"

typedef struct {
  const VnModel *model;
  const VnGraph *graph;
} VnRunPoint;

typedef struct {
  const VnExpectation *expectation;
  gboolean known;      /* could be evaluated */
  gboolean passed;
  const char *message; /* the script's, evaluated; NULL: none */
  const char *error;   /* why it is not known */
  const char *place;   /* file:line:column */
} VnExpectationResult;

typedef struct {
  const VnMeasure *measure;
  gboolean known;
  double value;
  const char *unit; /* of the value: "ns", "B", "bit/s", "%"; NULL: a plain number */
  const char *error;
} VnMeasureResult;

typedef struct {
  guint32 point, number;
  guint64 seed;
  VnRunStatus status;
  gboolean passed; /* the verdict */
  gint64 elapsed_ns;
  gint64 up_ns, tasks_ns, down_ns; /* of it: deployment, the workflow, teardown; 0: not reached */
  const char *error; /* of what broke; NULL: nothing did */
  const VnExpectationResult *expectations;
  guint32 n_expectations;
  const VnMeasureResult *measures;
  guint32 n_measures;
} VnTrialReport;

typedef struct {
  void (*trial_started)(guint32 point, guint32 number, guint64 seed, const VnGraph *graph,
                        gpointer data);
  /* As the scheduler's observer. */
  void (*node_started)(const VnGraph *graph, guint32 node, guint32 attempt, gint64 at_ns,
                       gpointer data);
  void (*node_serving)(const VnGraph *graph, guint32 node, gint64 at_ns, gpointer data);
  void (*node_ended)(const VnGraph *graph, guint32 node, guint32 attempt, VnNodeState state,
                     const VnOutcome *outcome, gboolean will_retry, gpointer data);
  void (*trial_ended)(const VnTrialReport *report, gpointer data);
  void (*log)(VnSeverity severity, const char *text, gpointer data);
  void (*finished)(gpointer data); /* the last; the run may be freed after it has returned */
} VnRunEvents; /* all are needed */

typedef struct {
  VnStore *store;
  const VnRunPoint *points;
  guint32 n_points, trials;
  const guint8 *done; /* point * trials + number: 1 where a trial has ended already; NULL: none */
  guint64 seed;
  const char *folder;        /* the script's: relative names of files start there */
  const char *slave_program; /* vnec-slave */
  gint64 output_limit;       /* bytes kept of each stream of a task */
  VnSchedulerLimits limits;
} VnRunConfig;

typedef struct {
  VnRunStatus status;    /* COMPLETED: all trials took place; FAILED: in some a task failed */
  guint32 passed, failed; /* trials of this run, by verdict */
  const char *error;     /* BROKEN */
} VnRunSummary;

typedef struct VnRun VnRun;

VnRun *vn_run_new(const VnRunConfig *config, const VnRunEvents *events, gpointer data);
void vn_run_free(VnRun *run);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VnRun, vn_run_free)
void vn_run_start(VnRun *run);
/* Each time harder: cancels and runs `always` tasks; leaves those out, too; gives the slaves up,
 * which kills those that the master started, with all that they made. */
void vn_run_interrupt(VnRun *run);
VnRunSummary vn_run_summary(const VnRun *run);

const char *vn_run_status_text(VnRunStatus status); /* "completed" */
/* "done", "failed", "broken", "retried" …, as the store has it. */
const char *vn_outcome_state_text(VnNodeState state, const VnOutcome *outcome,
                                  gboolean will_retry);
/* The seed of a trial. */
guint64 vn_run_trial_seed(guint64 seed, guint32 point, guint32 number);
