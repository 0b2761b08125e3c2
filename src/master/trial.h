/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One trial: executor and scheduler wired together, what happens written to the store, and the
 * judgement at the end. run.h puts trials in a row. */
#pragma once

#include "master/run.h"
#include "master/slave.h"

typedef struct VnTrial VnTrial;

typedef struct {
  const VnRunConfig *run;
  const VnRunEvents *events;
  gpointer data; /* of events */
  VnRunPoint what;
  guint32 point, number;
  VnSlave *const *slaves; /* by the model's sites */
  /* In a turn of the loop of its own; the trial is freed by this. */
  void (*ended)(const VnTrialReport *report, gpointer owner);
  gpointer owner;
} VnTrialConfig;

/* Fails where what simulated machines do can't be read. */
VnTrial *vn_trial_new(const VnTrialConfig *config, GError **error);
void vn_trial_free(VnTrial *trial);
void vn_trial_start(VnTrial *trial);
void vn_trial_interrupt(VnTrial *trial);

/* Expectations and measures after the end. Results live in arena. */
typedef struct {
  VnExpectationResult *expectations;
  VnMeasureResult *measures;
  gboolean all_hold;
} VnJudgement;
void vn_trial_judge(const VnModel *model, const VnExprScope *scope, VnArena *arena,
                    VnJudgement *out);
