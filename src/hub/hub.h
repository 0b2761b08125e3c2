/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Segments in user space: every frame that one port gives goes to every other port of its segment.
 *
 * For the technologies whose machines give their frames to a program: QEMU over UNIX stream
 * sockets, User-Mode Linux over socket pairs, containers over TAP or packet sockets. One thread a
 * hub moves everything, in batches, and waits for nobody: a port that lags loses frames, which are
 * counted, and the others never notice. Nothing of it shows among the machine's links.
 *
 * A segment may be impaired: then each frame is delayed, lost, doubled… once, on its way from the
 * port that sent it to all others. A port may have impairments of its own, one set for each
 * direction; they stand in place of its segment's. What is drawn for a frame follows from the
 * seed, the port and how many frames it gave before, so a run repeats.
 *
 * Segments and ports are named by the caller's numbers. Every call may come from any thread,
 * blocks for a batch at most, and does nothing but say so when the thing it names is not there.
 */
#pragma once

#include <gio/gio.h>

#include "hub/filter.h"

#define VN_HUB_FRAME_MAX    69632u       /* bytes of a frame; the bound of QEMU, too */
#define VN_HUB_SEGMENTS_MAX 65536u
#define VN_HUB_PORTS_MAX    65536u
#define VN_HUB_LAG_MAX      (1u << 20)   /* bytes that wait for a port that lags */
#define VN_HUB_HELD_MAX     (256u << 20) /* bytes that impairments hold back, in the whole hub */
#define VN_HUB_REALTIME     10           /* priority that the thread asks for once it delays */
#define VN_HUB_LATE_NS      1000000      /* a frame that leaves this much after its time is late */
/* Bytes that wait for a `rate` without `queue`: so many, or what it sends in so many ms. */
#define VN_HUB_QUEUE_MIN  65536
#define VN_HUB_QUEUE_MS   100
#define VN_HUB_REORDER_NS 1000000 /* a reordered frame waits so long where there is no delay */

typedef struct VnHub VnHub;

/* All 0: none. */
typedef struct {
  gint64 delay_ns;
  gint64 jitter_ns; /* each frame's delay varies by so much at most, each way; order is kept */
  double loss, duplicate, reorder; /* percent points */
  gint64 rate;                     /* bit/s of whole frames */
  gint64 queue;                    /* bytes that may wait for the rate; 0: see QUEUE_MIN */
} VnHubImpairment;

typedef struct {
  guint32 id;
  const char *name; /* in reports */
  VnHubImpairment impairment;
  guint64 seed;
} VnHubSegment;

typedef enum {
  /* A UNIX stream socket: each frame behind its length in four bytes, big-endian, as QEMU's
   * `-netdev stream` has it. A path is dialled until somebody listens, and again after an end of
   * file. A length above VN_HUB_FRAME_MAX closes the connection. */
  VN_HUB_STREAM,
  /* A socket that keeps frames apart: a UNIX SEQPACKET or DGRAM socket. */
  VN_HUB_PACKETS,
  /* A packet socket (AF_PACKET) bound to a link, or a TAP descriptor, that gives a struct
   * virtio_net_hdr before each frame (PACKET_VNET_HDR; IFF_VNET_HDR of 10 bytes): frames may be
   * large and unsummed. Ports that can't take such get them cut and summed. */
  VN_HUB_LINK,
  VN_HUB_TAP,
} VnHubKind;

typedef struct {
  guint64 id;       /* VN_HUB_PORT(vm, interface), or what the caller likes */
  guint32 segment;
  VnHubKind kind;
  int fd;           /* taken, also on failure; -1: `path`, or nothing is plugged in yet */
  const char *path; /* of a STREAM that listens; NULL: `fd` */
} VnHubPort;

#define VN_HUB_PORT(vm, iface) ((guint64)(vm) << 32 | (iface))

typedef enum {
  VN_HUB_SENT = 1 << 0,     /* what the port's machine sends */
  VN_HUB_RECEIVED = 1 << 1, /* what it receives */
} VnHubDirection;

VnHub *vn_hub_new(GError **error);
/* Closes all ports. */
void vn_hub_free(VnHub *hub);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VnHub, vn_hub_free)

/* One that is there already gets the new impairment. */
gboolean vn_hub_add_segment(VnHub *hub, const VnHubSegment *segment, GError **error);
/* With its ports and its capture. */
void vn_hub_remove_segment(VnHub *hub, guint32 segment);
gboolean vn_hub_has_segment(VnHub *hub, guint32 segment);

/* One that is there already gets the new descriptor (the machine was started again) and keeps its
 * link, its impairments and its counters. */
gboolean vn_hub_add_port(VnHub *hub, const VnHubPort *port, GError **error);
void vn_hub_remove_port(VnHub *hub, guint64 port);
/* Whoever listens at the port's path is there now: dial at once. */
void vn_hub_dial(VnHub *hub, guint64 port);
/* Connected, or its descriptor is open. */
gboolean vn_hub_is_connected(VnHub *hub, guint64 port);

/* directions: of VnHubDirection. impairment NULL: the segment's again. */
gboolean vn_hub_set_impairment(VnHub *hub, guint64 port, guint directions,
                               const VnHubImpairment *impairment, GError **error);
/* Down: what it sends and what it should receive is dropped. */
gboolean vn_hub_set_link(VnHub *hub, guint64 port, gboolean up, GError **error);

/* Called by the hub's thread for frames that were sent, once each, before impairments.
 * It must not call the hub and must not block. time_ns: since 1970. */
typedef void (*VnHubSeen)(gint64 time_ns, const guint8 *bytes, guint32 n, gpointer data);
/* One at a time a segment. Takes the filter, also on failure; NULL: everything. */
gboolean vn_hub_open_capture(VnHub *hub, guint32 segment, VnFilter *filter, VnHubSeen seen,
                             gpointer data, GError **error);
/* `seen` is not called any more when this returns. */
void vn_hub_close_capture(VnHub *hub, guint32 segment);

/* Of a port: X(field, "name"). */
#define VN_HUB_COUNTERS(X)                                   \
  X(in_frames, "frames sent")                                \
  X(in_bytes, "bytes sent")                                  \
  X(out_frames, "frames received")                           \
  X(out_bytes, "bytes received")                             \
  X(lost, "lost by impairment")                              \
  X(duplicated, "duplicated by impairment")                  \
  X(reordered, "reordered by impairment")                    \
  X(queue_full, "dropped: queue of the rate full")           \
  X(lagged, "dropped: the machine takes frames too slowly")  \
  X(missed, "dropped: sent faster than the hub reads")          \
  X(unplugged, "dropped: link down or machine off")          \
  X(malformed, "dropped: malformed")
typedef struct {
#define X(field, name) guint64 field;
  VN_HUB_COUNTERS(X)
#undef X
} VnHubCounters;
/* FALSE: no such port. */
gboolean vn_hub_count(VnHub *hub, guint64 port, VnHubCounters *out_counters);

typedef void (*VnHubCounted)(guint64 port, guint32 segment, const VnHubCounters *counters,
                             gpointer data);
void vn_hub_each_port(VnHub *hub, VnHubCounted counted, gpointer data);

/* How well delays were held, in the whole hub. */
typedef struct {
  guint64 timed;     /* frames that left by the clock */
  guint64 late;      /* of these, by more than VN_HUB_LATE_NS */
  gint64 worst_ns;   /* latest */
  gboolean realtime; /* the thread has real-time priority */
} VnHubTiming;
void vn_hub_timing(VnHub *hub, VnHubTiming *out_timing);

/* Confinement: every port is a UNIX socket, or belongs to a network namespace that is not this
 * process's. Appends a line; FALSE with an error that names the port. */
gboolean vn_hub_prove(VnHub *hub, GPtrArray *out_facts, GError **error);
