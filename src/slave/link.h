/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Links: how IP packets travel from one slave to another.
 *
 * One direction each, over a UNIX SOCK_SEQPACKET socket. The first message is a JOIN; each later
 * one is a batch: packets one after the other, each behind a head of 32 bytes, big-endian:
 *
 *   u32 router, u32 length, u64 0,
 *   u8 flags, u8 type, u16 headers, u16 segment, u16 sum from, u16 sum at   of VnOffload, u8 [6] 0
 *
 * Packets travel in clear: what will seal them does so in vn_link_put and vn_link_next, and the
 * u64 is for its sequence number. A link that is full drops and counts; it never makes its caller
 * wait.
 */
#pragma once

#include <gio/gio.h>

#define VN_LINK_HEAD    32u
#define VN_PACKET_MAX   65535u      /* of IP */
#define VN_LINK_BATCH   (60u << 10) /* sent when a batch is larger */
#define VN_LINK_MESSAGE (VN_LINK_BATCH + VN_LINK_HEAD + VN_PACKET_MAX)

typedef struct VnLink VnLink;

/* What the sender's kernel left to be done, as in struct virtio_net_hdr, but counted from the
 * packet's first byte: a packet of many segments (type), or one without its sum (flags). */
typedef struct {
  guint8 flags, type;
  guint16 headers, segment, sum_from, sum_at;
} VnOffload;

typedef struct {
  guint32 router; /* that gets it */
  guint8 *bytes;  /* VN_LINK_HEAD bytes before it may be overwritten */
  guint32 size;
  VnOffload offload;
} VnPacket;

/* Connects when the first packet is sent, and again, not too often, when the peer went away. */
VnLink *vn_link_new(const char *path, const char *experiment, guint32 from_site, guint32 to_site);
void vn_link_free(VnLink *link);
void vn_link_put(VnLink *link, const VnPacket *packet);
void vn_link_flush(VnLink *link);
gboolean vn_link_pending(const VnLink *link); /* something waits for _flush */
guint64 vn_link_sent(const VnLink *link);     /* packets */
guint64 vn_link_dropped(const VnLink *link);

/* The next packet of a batch: starts with *offset = 0. FALSE: the end, or malformed, which sets
 * *offset past the end. */
gboolean vn_link_next(guint8 *batch, gsize size, gsize *offset, VnPacket *out);

/* The first message of a link that came. FALSE: malformed. */
gboolean vn_link_parse_join(const guint8 *bytes, gsize size, char **out_experiment,
                            guint32 *out_from_site, guint32 *out_to_site);
