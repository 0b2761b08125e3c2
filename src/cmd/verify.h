/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Predictions put to the test: the network is deployed and every probe pinged, by the same master
 * as a run's tasks. */
#pragma once

#include "master/run.h"
#include "plan/probes.h"

typedef enum {
  VN_SEEN_NOTHING, /* not asked: the run ended before */
  VN_SEEN_ANSWER,
  VN_SEEN_SILENCE,
  VN_SEEN_TROUBLE, /* the ping could not be sent or judged; see `trouble` */
} VnSeenKind;

typedef struct {
  VnSeenKind kind;
  char *trouble;
} VnSeen;

typedef struct {
  const VnModel *script; /* the script's own model, for names */
  const VnProbes *probes;
  VnSeen *seen; /* by probe */
  VnRunStatus status;
  char *error; /* BROKEN */
  guint64 seed;
  guint32 n_agree, n_disagree, n_unknown;
} VnVerification;

/* Deploys, pings, takes down. folder: the script's. FALSE with error: it could not even begin. */
gboolean vn_verify(VnVerification *verification, const VnGraph *graph, const char *folder,
                   gboolean silent, GError **error);
void vn_verification_clear(VnVerification *verification);
/* The verdict: a table of what differs, for people, or one JSON document. */
void vn_verification_print(const VnVerification *verification);
void vn_verification_print_json(const VnVerification *verification);
