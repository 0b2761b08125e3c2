/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a network card would do: sums (RFC 1071) and cutting of large TCP and UDP frames, told by a
 * struct virtio_net_hdr (VIRTIO 1.2, 5.1.6). Headers come from the kernel, but what stands in the
 * frames is the guests': every offset is checked against the frame.
 */
#include "hub/hub-private.h"

#include <string.h>

#define SPLIT_SIZE  (2u << 20) /* bytes of frames that are cut at once */
#define TYPE_VLAN   0x8100u
#define TYPE_QINQ   0x88a8u
#define TYPE_IPV4   0x0800u
#define TYPE_IPV6   0x86ddu
#define IPV4_HEAD   20u
#define IPV6_HEAD   40u
#define TCP_HEAD    20u
#define UDP_HEAD    8u
#define TCP         6u
#define UDP         17u
#define TCP_FIN_PSH 0x09u
#define TCP_CWR     0x80u

static guint16
get16(const guint8 *p)
{
  return (guint16)(p[0] << 8 | p[1]);
}

static void
put16(guint8 *p, guint32 value)
{
  p[0] = (guint8)(value >> 8);
  p[1] = (guint8)value;
}

static guint32
get32(const guint8 *p)
{
  return (guint32)get16(p) << 16 | get16(p + 2);
}

static void
put32(guint8 *p, guint32 value)
{
  put16(p, value >> 16);
  put16(p + 2, value);
}

static guint16
fold(guint64 sum)
{
  while (sum >> 16 != 0)
    sum = (sum & 0xffff) + (sum >> 16);
  return (guint16)sum;
}

/* In eights, because it may be a whole megabyte a millisecond. */
static guint64
add_bytes(guint64 sum, const guint8 *bytes, gsize n)
{
  for (; n >= 8; bytes += 8, n -= 8) {
    guint64 eight;
    memcpy(&eight, bytes, sizeof eight);
    eight = GUINT64_FROM_BE(eight);
    sum += (eight >> 48) + (eight >> 32 & 0xffff) + (eight >> 16 & 0xffff) + (eight & 0xffff);
  }
  for (; n >= 2; bytes += 2, n -= 2)
    sum += get16(bytes);
  return n > 0 ? sum + ((guint64)bytes[0] << 8) : sum;
}

gboolean
vn_hub_sum(Frame *frame)
{
  Header *header = &frame->header;
  if ((header->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM) == 0)
    return TRUE;
  gsize place = (gsize)header->csum_start + header->csum_offset;
  if (place + 2 > frame->n || header->csum_start > frame->n)
    return FALSE;
  /* The sum of the pseudo header is there already. */
  guint16 sum = (guint16)~fold(
      add_bytes(0, frame->bytes + header->csum_start, frame->n - header->csum_start));
  put16(frame->bytes + place, sum == 0 ? 0xffff : sum);
  header->flags = 0;
  return TRUE;
}

/* ---- cutting ---- */

/* Of a large frame: where its headers are. */
typedef struct {
  gsize ip, transport, payload; /* offsets */
  gboolean six, udp;
  guint32 size; /* of the payload of each but the last */
} Shape;

static gboolean
find_shape(const Frame *frame, Shape *out)
{
  const guint8 *b = frame->bytes;
  gsize at = 12;
  while (at + 6 <= frame->n && (get16(b + at) == TYPE_VLAN || get16(b + at) == TYPE_QINQ))
    at += 4;
  out->ip = at + 2;
  out->transport = frame->header.csum_start;
  out->size = frame->header.gso_size;
  guint8 type = frame->header.gso_type & (guint8)~VIRTIO_NET_HDR_GSO_ECN;
  out->udp = type == 5; /* VIRTIO_NET_HDR_GSO_UDP_L4, which older headers lack */
  if (at + 2 > frame->n || out->size == 0 ||
      (!out->udp && type != VIRTIO_NET_HDR_GSO_TCPV4 && type != VIRTIO_NET_HDR_GSO_TCPV6))
    return FALSE;
  out->six = get16(b + at) == TYPE_IPV6;
  gsize least = out->ip + (out->six ? IPV6_HEAD : IPV4_HEAD);
  gsize head = out->udp ? UDP_HEAD : TCP_HEAD;
  if ((!out->six && get16(b + at) != TYPE_IPV4) || out->transport < least ||
      out->transport + head > frame->n)
    return FALSE;
  if (!out->udp)
    head = (gsize)(b[out->transport + 12] >> 4) * 4;
  out->payload = out->transport + head;
  return head >= UDP_HEAD && out->payload < frame->n &&
         (out->six || out->ip + (b[out->ip] & 0xfu) * 4u == out->transport);
}

/* The sum of addresses, protocol and length, which the card's part is added to. */
static guint16
pseudo_sum(const guint8 *b, const Shape *shape, gsize length)
{
  const guint8 *addresses = b + shape->ip + (shape->six ? 8 : 12);
  guint64 sum = add_bytes(shape->udp ? UDP : TCP, addresses, shape->six ? 32 : 8);
  return fold(sum + length);
}

static void
fix_ip(guint8 *b, const Shape *shape, gsize n, guint i)
{
  guint8 *ip = b + shape->ip;
  if (shape->six) {
    put16(ip + 4, (guint32)(n - shape->ip - IPV6_HEAD));
    return;
  }
  put16(ip + 2, (guint32)(n - shape->ip));
  put16(ip + 4, get16(ip + 4) + i);
  put16(ip + 10, 0);
  put16(ip + 10, (guint16)~fold(add_bytes(0, ip, (ip[0] & 0xfu) * 4u)));
}

static void
fix_transport(guint8 *b, const Shape *shape, gsize n, gsize done, gboolean first, gboolean last)
{
  guint8 *head = b + shape->transport;
  guint16 sum = pseudo_sum(b, shape, n - shape->transport);
  if (shape->udp) {
    put16(head + 4, (guint32)(n - shape->transport));
    put16(head + 6, sum);
    return;
  }
  put32(head + 4, get32(head + 4) + (guint32)done);
  if (!last)
    head[13] &= (guint8)~TCP_FIN_PSH;
  if (!first)
    head[13] &= (guint8)~TCP_CWR;
  put16(head + 16, sum);
}

/* The part of the frame that begins `done` bytes into its payload. */
static Frame
cut(const Frame *frame, const Shape *shape, gsize done, guint i, guint8 *room)
{
  gsize left = frame->n - shape->payload - done;
  gsize part = MIN(left, shape->size);
  Frame out = *frame;
  out.n = (guint32)(shape->payload + part);
  out.bytes = room + LENGTH_SIZE;
  out.header = (Header){.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
                        .csum_start = (guint16)shape->transport,
                        .csum_offset = shape->udp ? 6 : 16};
  put32(room, out.n);
  memcpy(out.bytes, frame->bytes, shape->payload);
  memcpy(out.bytes + shape->payload, frame->bytes + shape->payload + done, part);
  fix_ip(out.bytes, shape, out.n, i);
  fix_transport(out.bytes, shape, out.n, done, done == 0, part == left);
  return out;
}

typedef struct {
  VnHub *hub;
  Port *port;
  OnFrames then;
  guint n;
  gsize used;
} Split;

static void
flush(Split *split)
{
  if (split->n > 0)
    split->then(split->hub, split->port, split->hub->split_frames, split->n);
  split->n = 0;
  split->used = 0;
}

static void
cut_all(Split *split, const Frame *frame, const Shape *shape)
{
  gsize room = LENGTH_SIZE + shape->payload + shape->size;
  guint i = 0;
  for (gsize done = 0; shape->payload + done < frame->n; done += shape->size, i++) {
    if (split->n == BATCH_MAX || split->used + room > SPLIT_SIZE)
      flush(split);
    split->hub->split_frames[split->n++] =
        cut(frame, shape, done, i, split->hub->split + split->used);
    split->used += room;
  }
}

void
vn_hub_split(VnHub *hub, Port *port, Frame *frames, guint n, OnFrames then)
{
  Split split = {.hub = hub, .port = port, .then = then};
  if (hub->split == NULL)
    hub->split = g_malloc(SPLIT_SIZE);
  for (guint i = 0; i < n; i++) {
    Shape shape;
    if (frames[i].header.gso_type == VIRTIO_NET_HDR_GSO_NONE) {
      if (split.n == BATCH_MAX)
        flush(&split);
      hub->split_frames[split.n++] = frames[i];
    } else if (find_shape(&frames[i], &shape)) {
      cut_all(&split, &frames[i], &shape);
    } else {
      port->counters.malformed++;
    }
  }
  flush(&split);
}
