/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The phases of completion, in the order in which complete.c runs them. Private to this folder. */
#pragma once

#include "topology/complete.h"

/* More than these are refused (VN117): a flat network needs one route a router and host, and one
 * proxy a segment and host. */
#define VN_TOPOLOGY_MAX_ROUTES  (8u << 20)
#define VN_TOPOLOGY_MAX_PROXIES (8u << 20)

typedef struct {
  VnModel *model;
  VnTopology *topology; /* the model's */
  VnArena *arena;       /* the model's */
  VnDiagSink *sink;
  /* The interfaces on segment s, by VM: members[row[s]] up to members[row[s + 1]], without it.
   * Kept by vn_completion_index. */
  guint32 *row, *members;
} VnCompletion;

/* Sorts the interfaces by VM (keeping a VM's order), and finds those of each VM and segment. */
void vn_completion_index(VnCompletion *completion);

/* technology.c: what each segment is of; VN203. */
void vn_completion_decide_technologies(VnCompletion *completion);
/* rules.c: VN201, VN202, VN204, VN215, VN216. */
void vn_completion_check_rules(VnCompletion *completion);
/* capability.c: VN402. */
void vn_completion_check_capabilities(VnCompletion *completion);
/* routers.c: VN212; VN213. Both leave the index in order. */
void vn_completion_add_routers(VnCompletion *completion);
void vn_completion_split_routers(VnCompletion *completion);
/* tasks.c, after splitting: VN109, VN402. */
void vn_completion_check_tasks(VnCompletion *completion);
/* prefixes.c: VN208, VN210 of prefixes; afterwards each segment has a prefix. */
void vn_completion_set_prefixes(VnCompletion *completion);
/* Why no interface may have an address of the prefix ("is for multicast"); NULL if one may. */
const char *vn_prefix_special(const VnPrefix *prefix);
/* addresses.c: VN205, VN206, VN207, VN210; afterwards each interface has its addresses. */
void vn_completion_set_addresses(VnCompletion *completion);
/* macs.c: VN209, VN210. */
void vn_completion_set_macs(VnCompletion *completion);
/* routes.c, proxies.c: on a topology without errors, after splitting. */
void vn_completion_set_routes(VnCompletion *completion);

/* Can one machine stand on both? */
static inline gboolean
vn_segment_compatible(const VnSegment *a, const VnSegment *b)
{
  return a->tech == b->tech && a->site == b->site;
}

/* The prefix of a segment in a family: family 4 or 6. */
static inline VnPrefix *
vn_segment_prefix(VnSegment *segment, guint family)
{
  return family == 4 ? &segment->prefix4 : &segment->prefix6;
}

static inline VnAddress *
vn_iface_address(VnIface *iface, guint family)
{
  return family == 4 ? &iface->address4 : &iface->address6;
}
