/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A message arrives whole or not at all, so a full socket costs one batch and no bookkeeping. */
#include "slave/link.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "slave/listen.h"
#include "wire/session.h"

#define OFFLOAD_AT  16 /* in the head */
#define RETRY_US    (100 * 1000)
#define SEND_BUFFER (4 << 20) /* asked for; the system gives what it allows */

struct VnLink {
  char *path, *experiment;
  guint32 from_site, to_site;
  int fd; /* -1: not connected */
  gint64 retry_at;
  guint8 *batch;
  gsize used;
  guint32 packets; /* in the batch */
  guint64 sent, dropped;
};

VnLink *
vn_link_new(const char *path, const char *experiment, guint32 from_site, guint32 to_site)
{
  VnLink *link = g_new0(VnLink, 1);
  link->path = g_strdup(path);
  link->experiment = g_strdup(experiment);
  link->from_site = from_site;
  link->to_site = to_site;
  link->fd = -1;
  link->batch = g_malloc(VN_LINK_MESSAGE);
  return link;
}

static void
disconnect(VnLink *link)
{
  if (link->fd >= 0)
    (void)close(link->fd); /* whole messages only: nothing is left half sent */
  link->fd = -1;
  link->retry_at = g_get_monotonic_time() + RETRY_US;
}

void
vn_link_free(VnLink *link)
{
  if (link == NULL)
    return;
  disconnect(link);
  g_free(link->path);
  g_free(link->experiment);
  g_free(link->batch);
  g_free(link);
}

static gboolean
send_join(const VnLink *link)
{
  g_autoptr(GVariant) body =
      g_variant_ref_sink(g_variant_new("(suu)", link->experiment, link->from_site, link->to_site));
  guint8 bytes[512];
  VnFrameWriter writer;
  vn_frame_writer_init(&writer, bytes, sizeof bytes);
  vn_frame_begin(&writer, VN_MESSAGE_JOIN, 0, 0, 0);
  vn_frame_put(&writer, VN_TAG_BODY, g_variant_get_data(body), g_variant_get_size(body));
  gsize size = vn_frame_end(&writer);
  return size > 0 && send(link->fd, bytes, size, MSG_NOSIGNAL | MSG_DONTWAIT) == (gssize)size;
}

static gboolean
connected(VnLink *link)
{
  if (link->fd >= 0)
    return TRUE;
  if (g_get_monotonic_time() < link->retry_at)
    return FALSE;
  link->fd = vn_connect_to(link->path, SOCK_SEQPACKET | SOCK_NONBLOCK, NULL);
  if (link->fd >= 0) {
    int size = SEND_BUFFER;
    (void)setsockopt(link->fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
    if (send_join(link))
      return TRUE;
  }
  disconnect(link);
  return FALSE;
}

void
vn_link_flush(VnLink *link)
{
  if (link->used == 0)
    return;
  gboolean good = connected(link) && send(link->fd, link->batch, link->used,
                                          MSG_NOSIGNAL | MSG_DONTWAIT) == (gssize)link->used;
  if (good)
    link->sent += link->packets;
  else
    link->dropped += link->packets;
  if (!good && link->fd >= 0 && errno != EAGAIN && errno != ENOBUFS)
    disconnect(link);
  link->used = 0;
  link->packets = 0;
}

static guint8 *
put16(guint8 *p, guint16 value)
{
  value = GUINT16_TO_BE(value);
  memcpy(p, &value, sizeof value);
  return p + sizeof value;
}

static guint8 *
put32(guint8 *p, guint32 value)
{
  value = GUINT32_TO_BE(value);
  memcpy(p, &value, sizeof value);
  return p + sizeof value;
}

static guint16
get16(const guint8 *p)
{
  return (guint16)(p[0] << 8 | p[1]);
}

static guint32
get32(const guint8 *p)
{
  guint32 value;
  memcpy(&value, p, sizeof value);
  return GUINT32_FROM_BE(value);
}

void
vn_link_put(VnLink *link, const VnPacket *packet)
{
  g_assert(packet->size <= VN_PACKET_MAX);
  guint8 *head = link->batch + link->used;
  memset(head, 0, VN_LINK_HEAD);
  (void)put32(put32(head, packet->router), packet->size);
  const VnOffload *offload = &packet->offload;
  guint8 *p = head + OFFLOAD_AT;
  *p++ = offload->flags;
  *p++ = offload->type;
  p = put16(put16(p, offload->headers), offload->segment);
  (void)put16(put16(p, offload->sum_from), offload->sum_at);
  memcpy(head + VN_LINK_HEAD, packet->bytes, packet->size);
  link->used += VN_LINK_HEAD + packet->size;
  link->packets++;
  if (link->used > VN_LINK_BATCH)
    vn_link_flush(link);
}

gboolean
vn_link_pending(const VnLink *link)
{
  return link->used > 0;
}

guint64
vn_link_sent(const VnLink *link)
{
  return link->sent;
}

guint64
vn_link_dropped(const VnLink *link)
{
  return link->dropped;
}

gboolean
vn_link_next(guint8 *batch, gsize size, gsize *offset, VnPacket *out)
{
  gsize left = size - *offset;
  if (left == 0)
    return FALSE;
  guint8 *head = batch + *offset;
  guint32 length = left >= VN_LINK_HEAD ? get32(head + 4) : 0;
  if (length == 0 || length > VN_PACKET_MAX || length > left - VN_LINK_HEAD) {
    *offset = size + 1;
    return FALSE;
  }
  const guint8 *p = head + OFFLOAD_AT;
  *out = (VnPacket){get32(head),
                    head + VN_LINK_HEAD,
                    length,
                    {p[0], p[1], get16(p + 2), get16(p + 4), get16(p + 6), get16(p + 8)}};
  *offset += VN_LINK_HEAD + length;
  return TRUE;
}

gboolean
vn_link_parse_join(const guint8 *bytes, gsize size, char **out_experiment, guint32 *out_from_site,
                   guint32 *out_to_site)
{
  VnFrame frame;
  if (vn_frame_peek(bytes, size) != (gint64)size || vn_frame_decode(bytes, size, &frame) != 0 ||
      frame.kind != VN_MESSAGE_JOIN)
    return FALSE;
  g_autoptr(GVariant) body = vn_message_body(&frame, NULL);
  if (body == NULL)
    return FALSE;
  g_variant_get(body, "(suu)", out_experiment, out_from_site, out_to_site);
  return TRUE;
}
