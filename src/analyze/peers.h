/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What actions require of other machines, as far as it is known before the run; and the keeping of
 * the shortest finding for a step that may go wrong in several ways. */
#pragma once

#include "analyze/pass.h"
#include "topology/path.h"

#define VN_PEER_ON        (-1) /* it must be on */
#define VN_PEER_ANY_PORT  (-2) /* it must serve a port that is not known before the run */

typedef struct {
  guint32 task;
  guint32 vm;        /* VN_NO_ID: nobody has the address */
  VnAddress address; /* to which its packets go */
  gint32 port;       /* VN_PEER_… */
} VnPeer;

typedef struct {
  GArray *all;    /* of VnPeer, by task; a group's are there once */
  VnPaths *paths; /* NULL where nothing is required */
} VnPeers;

VnPeers *vn_peers_new(VnAnalysis *analysis);
void vn_peers_free(VnPeers *peers);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VnPeers, vn_peers_free)

/* A port that an expression of the action gives in this task; VN_PEER_ANY_PORT: not known. */
gint32 vn_peers_port(const VnAnalysis *analysis, const VnTask *task, const VnExpr *port);

typedef struct VnShortest VnShortest;

VnShortest *vn_shortest_new(VnAnalysis *analysis);
void vn_shortest_free(VnShortest *shortest);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VnShortest, vn_shortest_free)
void vn_shortest_offer(VnShortest *shortest, const VnFinding *finding);
gboolean vn_shortest_has(const VnShortest *shortest, guint32 step);
/* vn_find for each step, in their order. */
void vn_shortest_report(VnShortest *shortest);
