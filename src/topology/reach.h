/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which way from each router to each segment: shortest paths over segments, in one family.
 *
 * Routers count as the script has them: the parts of a split router are one here, and routes.c
 * tells them apart again. Segments with the same routers are reached alike from everywhere else, so
 * paths are found once for each such class of segments (a thousand leaves of one core are one
 * class). Of equal ways the first named wins: the first segment, then the first router. */
#pragma once

#include "topology/internal.h"

typedef struct {
  guint family;
  guint32 n_routers;   /* as the script has them */
  guint32 *router_of;  /* by VM; VN_NO_ID: a host */
  guint32 *router_row; /* interfaces of router r, by segment: router_ifaces[router_row[r] …) */
  guint32 *router_ifaces;
  guint32 *segment_row; /* router interfaces on segment s, by router */
  guint32 *segment_ifaces;
  guint32 n_classes;
  guint32 *class_of;    /* by segment; VN_NO_ID: not of this family */
  guint32 *class_first; /* by class: a segment of it */
  /* By class: the interface by which router r leaves; VN_NO_ID: it is there, or can't get there. */
  guint32 *out; /* [class * n_routers + r] */
  /* By class: of the routers on segment s, the one that is nearest (its interface there). */
  guint32 *nearest; /* [class * n_segments + s] */
} VnReach;

/* FALSE: too many for VN_TOPOLOGY_MAX_ROUTES. */
gboolean vn_reach_init(VnReach *reach, const VnTopology *topology, guint family);
void vn_reach_clear(VnReach *reach);
