/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What goes wrong in some run: VN302 to VN315, by looking at every state (doc/manual/anomalies.md).
 *
 * The answer is by code, step and the other step that it is about; its number is that of the steps
 * that are not idle at the first such moment, NAIVE_NEVER if there is none. */
#pragma once

#include "base/diag.h"
#include "tests/naive/naive.h"

#define NAIVE_NEVER 0xff
#define NAIVE_FIRST_CODE VN_DIAG_VN302
#define NAIVE_N_CODES    14 /* to VN315 */
#define NAIVE_ALONE      NAIVE_MAX_STEPS /* no other step */

typedef struct {
  guint8 cost[NAIVE_N_CODES][NAIVE_MAX_STEPS][NAIVE_MAX_STEPS + 1];
  gboolean started[NAIVE_MAX_STEPS];
  guint16 served, ended; /* steps that were ready in some run, and that something ended then */
  guint n_states;
} NaiveBad;

/* An order that is said to show that something goes wrong: no other steps than these are in it, and
 * each is in one of these phases then. */
typedef struct {
  gboolean given, shows;
  guint16 steps;
  guint8 phases[NAIVE_MAX_STEPS]; /* a bit for each; 0: any */
} NaiveWitness;
typedef NaiveWitness NaiveWitnesses[NAIVE_N_CODES][NAIVE_MAX_STEPS];

/* FALSE: more than max_states. Each witness that is given is replayed: does it show what it is said
 * to? May be NULL. */
gboolean naive_bad(const Naive *naive, guint max_states, NaiveWitnesses *witnesses, NaiveBad *out);
/* The least over all others. */
guint naive_bad_cost(const NaiveBad *bad, VnDiagCode code, guint step);
/* A run in which it goes wrong; for messages. */
char *naive_bad_way(const Naive *naive, VnDiagCode code, guint step);
