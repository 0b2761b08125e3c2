/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Pings that ask reality what the forwarding model predicts (topology/path.h): a model with the
 * same network whose tasks are probes, so that it is deployed and run like any other. */
#pragma once

#include "model/model.h"
#include "topology/path.h"

#define VN_PROBES_MAX 100000u /* pings of one verification */

typedef struct {
  guint32 most;     /* pings; 1 … VN_PROBES_MAX */
  guint64 seed;     /* for what is drawn by lot */
  gboolean routers; /* ping from and to routers as well */
} VnProbesOptions;

typedef struct {
  guint32 from, to;
  VnAddress target;
  gboolean answered;  /* predicted */
  const char *reason; /* why it is not answered */
} VnProbe;

typedef struct {
  VnModel *model;  /* task k is probe k, on VM `from` */
  VnProbe *probes;
  guint32 n_probes;
  guint64 n_pairs; /* there are: ordered pairs of machines, in each family that both have */
  guint32 n_lot;   /* of the probes, those drawn by lot */
  gboolean all;    /* every pair is asked */
} VnProbes;

/* All pairs if they are not more than `most`. Else one pair for each two segments (and one within
 * each), which are alike for the tables, as far as `most` goes; the rest by lot. */
VnProbes *vn_probes_make(const VnModel *model, const VnProbesOptions *options, VnArena *arena);
