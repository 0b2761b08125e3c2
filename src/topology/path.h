/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which way a packet takes through a completed topology, hop by hop, as the guests' kernels send
 * it: the longest prefix wins, ARP (or a neighbour solicitation) is answered by who has the address
 * or by the router that was told to, each router takes one off the TTL.
 *
 * Linux is what is modelled, where systems differ: a machine takes packets for any of its addresses
 * on any interface; a router answers ARP for all of its IPv4 addresses on every interface, but
 * solicitations only on the one that has the address; it answers ARP for others only where its
 * own route to them leaves by another interface. Everything is up and all machines are on. */
#pragma once

#include "model/topology.h"

/* A packet starts with this TTL (or hop limit); the router that finds it used up drops it. */
#define VN_PATH_TTL 64u

typedef enum {
  VN_PATH_ARRIVES,
  VN_PATH_NO_SOURCE, /* the sender has no address of the family */
  VN_PATH_NO_ROUTE,  /* its last hop has no route to the target */
  VN_PATH_NO_ANSWER, /* nobody answers for `next` of the last hop */
  VN_PATH_NO_ROUTER, /* what answered is a host, and hosts forward nothing */
  VN_PATH_LOOP,      /* the last hop had it before */
  VN_PATH_TOO_LONG,  /* its TTL is used up at the last hop */
  VN_PATH_LOST,      /* the segment of the last hop loses everything */
} VnPathEnd;

/* One machine that has the packet, and what it does with it. */
typedef struct {
  guint32 vm;
  guint32 in;  /* interface by which it came; VN_NO_ID: the sender, or the external interface */
  guint32 out; /* by which it leaves; VN_NO_ID: it stays, or the external interface */
  const VnRoute *route; /* NULL: it stays, or the segment's own prefix leads there */
  VnAddress next;       /* whom it asks for on the link; family 0: nobody (external interface) */
  guint32 answers;      /* the interface that answers for `next`; VN_NO_ID */
  gboolean proxied;     /* … though it has another address */
} VnHop;

typedef struct {
  VnPathEnd end;
  VnAddress source, target;
  VnHop hops[VN_PATH_TTL + 1]; /* sender first; on arrival the last is the receiver */
  guint n_hops;
} VnPath;

/* What questions need; made in O(interfaces), and the topology must outlive it. */
typedef struct VnPaths VnPaths;
VnPaths *vn_paths_new(const VnTopology *topology);
void vn_paths_free(VnPaths *paths);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VnPaths, vn_paths_free)

/* From a VM to an address. source NULL: the one that its kernel chooses. */
void vn_path_walk(const VnPaths *paths, guint32 from, const VnAddress *source,
                  const VnAddress *target, VnPath *out_path);
/* There, and from who has the target back to the source. Both arrive: TRUE. If the way there does
 * not, the way back is not looked for (n_hops 0). */
gboolean vn_path_ask(const VnPaths *paths, guint32 from, const VnAddress *target,
                     VnPath *out_there, VnPath *out_back);
/* The interface that has an address; VN_NO_ID. */
guint32 vn_paths_owner(const VnPaths *paths, const VnAddress *address);
/* The address of a VM in a family as tasks use it: that of its first interface that has one. */
const VnAddress *vn_path_address(const VnTopology *topology, guint32 vm, guint family);
/* "no route on `r1` to 10.2.0.4"; of a path that arrives: "it arrives". */
char *vn_path_reason(const VnTopology *topology, const VnPath *path);
