/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How a task ended in its guest. */
#pragma once

typedef enum {
  VN_OUTCOME_EXITED,    /* the process ended by itself: EXIT_CODE */
  VN_OUTCOME_SIGNALLED, /* a signal ended it: SIGNAL */
  VN_OUTCOME_TIMED_OUT, /* killed after its timeout */
  VN_OUTCOME_CANCELLED, /* killed because the engine asked */
  VN_OUTCOME_REFUSED,   /* could not be started: ERROR */
  VN_OUTCOME_LOST,      /* its VM or slave went away */
} VnOutcomeStatus;
