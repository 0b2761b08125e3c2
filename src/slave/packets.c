/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The forwarder's end speaks as TUN devices with IFF_VNET_HDR do: a struct virtio_net_hdr in this
 * machine's byte order, then an IP packet. In frames that header is big-endian, because guests'
 * machines may be of another kind. */
#include "slave/packets.h"

#include <errno.h>
#include <glib-unix.h>
#include <linux/virtio_net.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "slave/link.h"

#define HEAD        (sizeof(struct virtio_net_hdr))
#define A_TURN      64u
#define BUFFER_SIZE (1u << 20) /* asked for; the kernel gives what it allows */

struct VnPackets {
  VnChannels *channels;
  VnForward *forward;
  guint32 router;
  int fd;
  guint source;
  guint8 *packet; /* one, with its header */
  guint8 *frame;
};

G_STATIC_ASSERT(sizeof(struct virtio_net_hdr) == 10);

static void
to_frame(guint8 *bytes)
{
  struct virtio_net_hdr head;
  memcpy(&head, bytes, sizeof head);
  head.hdr_len = GUINT16_TO_BE(head.hdr_len);
  head.gso_size = GUINT16_TO_BE(head.gso_size);
  head.csum_start = GUINT16_TO_BE(head.csum_start);
  head.csum_offset = GUINT16_TO_BE(head.csum_offset);
  memcpy(bytes, &head, sizeof head);
}

/* The swap is its own inverse. */
#define from_frame to_frame

static void
send_frame(VnPackets *packets, VnFrameWriter *writer)
{
  VnFrame frame;
  gsize n = vn_frame_end(writer);
  int decoded = vn_frame_decode(packets->frame, n, &frame);
  g_assert(decoded == 0);
  frame.vm = packets->router;
  (void)vn_channels_send(packets->channels, &frame); /* without a channel they are lost */
}

/* Packets for the router. */
static gboolean
readable(gint fd, GIOCondition condition, gpointer data)
{
  VnPackets *packets = data;
  VnFrameWriter writer;
  guint n = 0, dropped = 0;
  vn_frame_writer_init(&writer, packets->frame, 2 * VN_PACKETS_FRAME_MAX);
  vn_frame_begin(&writer, VN_FRAME_PACKET, 0, 0, 0);
  gboolean full = vn_channels_queued(packets->channels, packets->router) > VN_PACKETS_QUEUE_MAX;
  for (guint i = 0; i < A_TURN && writer.used < VN_PACKETS_FRAME_MAX; i++) {
    ssize_t size = recv(fd, packets->packet, HEAD + VN_PACKET_MAX, MSG_DONTWAIT);
    if (size <= (ssize_t)HEAD)
      break;
    dropped += full;
    n += !full;
    to_frame(packets->packet);
    if (!full)
      vn_frame_put(&writer, VN_TAG_BYTES, packets->packet, (gsize)size);
  }
  if (n > 0)
    send_frame(packets, &writer);
  if (dropped > 0)
    vn_forward_missed(packets->forward, packets->router, 0, dropped);
  if (condition & (G_IO_HUP | G_IO_ERR)) {
    packets->source = 0; /* the forwarder has stopped */
    return G_SOURCE_REMOVE;
  }
  return G_SOURCE_CONTINUE;
}

void
vn_packets_take(VnPackets *packets, const VnFrame *frame)
{
  guint32 offset = 0, size;
  guint16 tag;
  const guint8 *bytes;
  guint dropped = 0;
  while (vn_frame_next(frame, &offset, &tag, &bytes, &size) > 0) {
    if (tag != VN_TAG_BYTES || size <= HEAD || size > HEAD + VN_PACKET_MAX)
      continue;
    memcpy(packets->packet, bytes, size);
    from_frame(packets->packet);
    dropped += send(packets->fd, packets->packet, size, MSG_DONTWAIT | MSG_NOSIGNAL) < 0;
  }
  if (dropped > 0)
    vn_forward_missed(packets->forward, packets->router, dropped, 0);
}

VnPackets *
vn_packets_open(VnChannels *channels, VnForward *forward, guint32 router, GError **error)
{
  int pair[2], size = BUFFER_SIZE;
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) != 0) {
    int code = errno;
    g_set_error(error, G_IO_ERROR, g_io_error_from_errno(code),
                "making a router's external interface: %s", g_strerror(code));
    return NULL;
  }
  (void)setsockopt(pair[0], SOL_SOCKET, SO_SNDBUF, &size, sizeof size); /* smaller ones drop more */
  (void)setsockopt(pair[1], SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
  const VnDriverExternal external = {.fd = pair[1], .offload = TRUE};
  if (!vn_forward_add_external(forward, router, &external, error)) {
    (void)close(pair[0]); /* nothing was written to it */
    return NULL;
  }
  VnPackets *packets = g_new0(VnPackets, 1);
  packets->channels = channels;
  packets->forward = forward;
  packets->router = router;
  packets->fd = pair[0];
  packets->packet = g_malloc(HEAD + VN_PACKET_MAX);
  packets->frame = g_malloc(2 * VN_PACKETS_FRAME_MAX);
  packets->source = g_unix_fd_add(pair[0], G_IO_IN | G_IO_HUP | G_IO_ERR, readable, packets);
  return packets;
}

void
vn_packets_close(VnPackets *packets)
{
  if (packets == NULL)
    return;
  vn_forward_remove_external(packets->forward, packets->router);
  if (packets->source != 0)
    g_source_remove(packets->source);
  (void)close(packets->fd); /* packets in it are lost with their router */
  g_free(packets->packet);
  g_free(packets->frame);
  g_free(packets);
}
