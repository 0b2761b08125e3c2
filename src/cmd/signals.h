/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What signals do to a run. The first cancels what runs, lets `always` tasks run and takes
 * everything down; the second leaves them out, the third kills the slaves: all that they made dies
 * with them. */
#pragma once

#include "master/run.h"

#define VN_SIGNALS_WATCHED 3 /* SIGINT, SIGTERM, SIGHUP */

typedef struct {
  VnRun *run;
  guint n;
  gboolean silent;
  guint sources[VN_SIGNALS_WATCHED];
} VnSignals;

/* silent: nothing is said of them on standard error. */
void vn_signals_watch(VnSignals *signals, VnRun *run, gboolean silent);
/* Once the end of the run is written down: nothing is left that an interrupt could stop, and the
 * exit status must say what the results say. */
void vn_signals_ignore(VnSignals *signals);
