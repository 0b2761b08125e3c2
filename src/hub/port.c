/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Frames in and out of descriptors, many at a time.
 *
 * A stream is read in large pieces, and what lies in a row there goes out to other streams as one
 * piece. Everything else is read and written frame by frame with as few calls as the kernel has.
 * What a socket does not take waits in the port's `lag`, up to VN_HUB_LAG_MAX; links and TAPs have
 * queues of their own, so what they refuse is dropped.
 */
#include "hub/hub-private.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

#define LAG_SIZE    (VN_HUB_LAG_MAX + SLOT_SIZE) /* one frame may be begun when it is full */
#define SEND_BUFFER (1 << 20)
#define MILLISECOND 1000000
#define TYPE_AT     12u /* in a frame */

gboolean
vn_hub_port_is_plain(VnHubKind kind)
{
  return kind == VN_HUB_STREAM || kind == VN_HUB_PACKETS;
}

/* ---- connections ---- */

static void
watch(VnHub *hub, Port *port, int how)
{
  struct epoll_event event = {.events = EPOLLIN | (port->watches_out ? EPOLLOUT : 0),
                              .data.ptr = port};
  /* Its descriptor is open and was added once: this can fail for lack of memory only, and then
   * the port is as one that lags. */
  (void)epoll_ctl(hub->epoll, how, port->fd, &event);
}

static gboolean
begin(VnHub *hub, Port *port, int fd, GError **error)
{
  int flags = fcntl(fd, F_GETFL), buffer = SEND_BUFFER, on = 1, off = 0;
  struct epoll_event event = {.events = EPOLLIN, .data.ptr = port};
  (void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &buffer, sizeof buffer); /* as much as is allowed */
  if (port->kind == VN_HUB_LINK) { /* without it tags of VLANs would be lost */
    (void)setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &off, sizeof off);
    (void)setsockopt(fd, SOL_PACKET, PACKET_AUXDATA, &on, sizeof on);
  }
  if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) != 0 ||
      epoll_ctl(hub->epoll, EPOLL_CTL_ADD, fd, &event) != 0) {
    g_set_error(error, G_IO_ERROR, g_io_error_from_errno(errno), "watching a port of the hub: %s",
                g_strerror(errno));
    return FALSE;
  }
  port->fd = fd;
  port->watches_out = FALSE;
  return TRUE;
}

void
vn_hub_port_count_missed(Port *port)
{
  struct tpacket_stats stats;
  socklen_t size = sizeof stats;
  if (port->kind == VN_HUB_LINK && port->fd >= 0 &&
      getsockopt(port->fd, SOL_PACKET, PACKET_STATISTICS, &stats, &size) == 0)
    port->counters.missed += stats.tp_drops; /* since it was asked last */
}

void
vn_hub_port_close(VnHub *hub, Port *port)
{
  vn_hub_port_count_missed(port);
  if (port->fd >= 0) {
    (void)epoll_ctl(hub->epoll, EPOLL_CTL_DEL, port->fd, NULL);
    (void)close(port->fd); /* what it did not take is lost, as with a cable */
  }
  port->fd = -1;
  port->n_partial = 0;
  port->lag_from = port->lag_to = 0;
}

static void
dial_later(VnHub *hub, Port *port, gint64 now)
{
  port->dial_ns = now + (gint64)port->dial_ms * MILLISECOND;
  port->dial_ms = MIN(2 * port->dial_ms, DIAL_MAX_MS);
  if (hub->dial_ns == 0 || port->dial_ns < hub->dial_ns)
    hub->dial_ns = port->dial_ns;
}

/* The machine is gone, or speaks nonsense. */
static void
disconnect(VnHub *hub, Port *port)
{
  vn_hub_port_close(hub, port);
  if (port->path != NULL)
    dial_later(hub, port, vn_hub_now());
}

void
vn_hub_port_dial(VnHub *hub, Port *port, gint64 now)
{
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  g_strlcpy(address.sun_path, port->path, sizeof address.sun_path);
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd >= 0 && connect(fd, (const struct sockaddr *)&address, sizeof address) == 0 &&
      begin(hub, port, fd, NULL))
    return;
  if (fd >= 0)
    (void)close(fd);
  dial_later(hub, port, now);
}

gboolean
vn_hub_port_open(VnHub *hub, Port *port, const VnHubPort *how, GError **error)
{
  struct sockaddr_un address;
  vn_hub_port_close(hub, port);
  g_clear_pointer(&port->path, g_free);
  port->kind = how->kind;
  port->dial_ms = DIAL_MIN_MS;
  if (how->path == NULL)
    return how->fd < 0 || begin(hub, port, how->fd, error);
  if (strlen(how->path) >= sizeof address.sun_path) {
    g_set_error(error, G_IO_ERROR, G_IO_ERROR_FILENAME_TOO_LONG,
                "the path of a socket has more than %zu bytes: %s", sizeof address.sun_path - 1,
                how->path);
    return FALSE;
  }
  port->path = g_strdup(how->path);
  vn_hub_port_dial(hub, port, vn_hub_now());
  return TRUE;
}

void
vn_hub_port_free(gpointer data)
{
  Port *port = data;
  g_free(port->path);
  g_free(port->partial);
  g_free(port->lag);
  g_free(port);
}

/* ---- in ---- */

static void
keep_partial(Port *port, const guint8 *bytes, gsize n)
{
  if (n > 0 && port->partial == NULL)
    port->partial = g_malloc(SLOT_SIZE);
  if (n > 0)
    memcpy(port->partial, bytes, n);
  port->n_partial = (guint32)n;
}

gboolean
vn_hub_port_stream(VnHub *hub, Port *port, guint8 *bytes, gsize size)
{
  gsize at = 0;
  guint n = 0;
  gboolean good = TRUE;
  while (size - at >= LENGTH_SIZE) {
    guint32 length;
    memcpy(&length, bytes + at, sizeof length);
    length = GUINT32_FROM_BE(length);
    good = length <= VN_HUB_FRAME_MAX;
    if (!good || size - at - LENGTH_SIZE < length)
      break;
    hub->frames[n++] = (Frame){.bytes = bytes + at + LENGTH_SIZE, .n = length, .source = port->id};
    at += LENGTH_SIZE + length;
    if (n == BATCH_MAX) {
      vn_hub_take(hub, port, hub->frames, n);
      n = 0;
    }
  }
  if (n > 0)
    vn_hub_take(hub, port, hub->frames, n);
  if (at > 0)
    port->dial_ms = DIAL_MIN_MS;
  keep_partial(port, bytes + at, good ? size - at : 0);
  return good;
}

static void
read_stream(VnHub *hub, Port *port)
{
  guint32 before = port->n_partial;
  gssize n = recv(port->fd, hub->buffer + before, READ_SIZE, MSG_DONTWAIT);
  if (n < 0 && (errno == EAGAIN || errno == EINTR))
    return;
  if (n <= 0) {
    disconnect(hub, port);
    return;
  }
  if (before > 0)
    memcpy(hub->buffer, port->partial, before);
  if (vn_hub_port_stream(hub, port, hub->buffer, before + (gsize)n))
    return;
  port->counters.malformed++;
  disconnect(hub, port);
}

static guint8 *
slot(VnHub *hub, guint i)
{
  return hub->slots + (gsize)i * SLOT_SIZE;
}

/* Where a frame is read to: before it is room for its length and for a tag. */
static guint8 *
slot_frame(VnHub *hub, guint i)
{
  return slot(hub, i) + VLAN_SIZE + LENGTH_SIZE;
}

/* The kernel takes a VLAN tag out of the frame; it belongs there. TRUE: put back, and the frame
 * begins so much earlier. */
static gboolean
put_tag(VnHub *hub, guint i)
{
  struct tpacket_auxdata told;
  struct msghdr *message = &hub->messages[i].msg_hdr;
  const struct cmsghdr *item = message->msg_controllen > 0 ? CMSG_FIRSTHDR(message) : NULL;
  if (item == NULL || item->cmsg_level != SOL_PACKET || item->cmsg_type != PACKET_AUXDATA ||
      item->cmsg_len < CMSG_LEN(sizeof told))
    return FALSE;
  memcpy(&told, CMSG_DATA(item), sizeof told);
  if ((told.tp_status & TP_STATUS_VLAN_VALID) == 0)
    return FALSE;
  guint16 type = (told.tp_status & TP_STATUS_VLAN_TPID_VALID) ? told.tp_vlan_tpid : 0x8100;
  const guint8 tag[VLAN_SIZE] = {(guint8)(type >> 8), (guint8)type, (guint8)(told.tp_vlan_tci >> 8),
                                 (guint8)told.tp_vlan_tci};
  guint8 *bytes = slot_frame(hub, i) - VLAN_SIZE;
  Header *header = &hub->headers[i];
  memmove(bytes, bytes + VLAN_SIZE, TYPE_AT);
  memcpy(bytes + TYPE_AT, tag, VLAN_SIZE);
  if ((header->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM) != 0)
    header->csum_start += VLAN_SIZE;
  if (header->gso_type != VIRTIO_NET_HDR_GSO_NONE)
    header->hdr_len += VLAN_SIZE;
  return TRUE;
}

static void
add_slot(VnHub *hub, Port *port, guint i, gsize n, guint *n_frames)
{
  guint8 *bytes = slot_frame(hub, i);
  if (port->kind == VN_HUB_LINK && n >= ETHERNET_HEAD && put_tag(hub, i)) {
    bytes -= VLAN_SIZE;
    n += VLAN_SIZE;
  }
  guint32 length = GUINT32_TO_BE((guint32)n);
  memcpy(bytes - LENGTH_SIZE, &length, sizeof length);
  hub->frames[(*n_frames)++] =
      (Frame){.bytes = bytes, .n = (guint32)n, .source = port->id, .header = hub->headers[i]};
}

/* Where the next frames are read to: with or without a header before each. What the kernel changes
 * in the messages does not matter the next time. */
static void
set_slots(VnHub *hub, gboolean with_header)
{
  if (hub->slots_set && hub->slots_with_header == with_header)
    return;
  hub->slots_set = TRUE;
  hub->slots_with_header = with_header;
  for (guint i = 0; i < SLOTS; i++) {
    struct iovec *part = &hub->parts[(gsize)2 * i];
    part[0] = (struct iovec){&hub->headers[i], sizeof hub->headers[i]};
    part[1] = (struct iovec){slot_frame(hub, i),
                             with_header ? VN_HUB_FRAME_MAX - VLAN_SIZE : VN_HUB_FRAME_MAX};
    hub->messages[i].msg_hdr = (struct msghdr){.msg_iov = with_header ? part : part + 1,
                                               .msg_iovlen = with_header ? 2 : 1};
    if (!with_header)
      hub->headers[i] = (Header){0};
  }
}

/* The kernel has written over how much room there is. */
static void
set_controls(VnHub *hub)
{
  for (guint i = 0; i < SLOTS; i++) {
    hub->messages[i].msg_hdr.msg_control = &hub->controls[i];
    hub->messages[i].msg_hdr.msg_controllen = sizeof hub->controls[i];
  }
}

static void
read_socket(VnHub *hub, Port *port, guint32 events)
{
  gboolean with_header = port->kind == VN_HUB_LINK;
  gsize head = with_header ? sizeof(Header) : 0;
  set_slots(hub, with_header);
  if (with_header)
    set_controls(hub);
  int n = recvmmsg(port->fd, hub->messages, SLOTS, MSG_DONTWAIT, NULL);
  if (n < 0) {
    /* Of a link: it went down (it may come up again), or one frame's header can't be told. */
    if (errno != EAGAIN && errno != EINTR && errno != ENETDOWN && errno != EINVAL)
      disconnect(hub, port);
    return;
  }
  guint n_frames = 0;
  for (guint i = 0; i < (guint)n; i++) {
    const struct mmsghdr *message = &hub->messages[i];
    if (message->msg_len < head || (message->msg_hdr.msg_flags & MSG_TRUNC) != 0)
      port->counters.malformed++;
    else if (message->msg_len > head)
      add_slot(hub, port, i, message->msg_len - head, &n_frames);
  }
  if (n_frames > 0)
    vn_hub_take(hub, port, hub->frames, n_frames);
  else if ((events & (EPOLLHUP | EPOLLRDHUP)) != 0)
    disconnect(hub, port); /* empty messages are an end of file then */
}

static void
read_tap(VnHub *hub, Port *port)
{
  guint n_frames = 0;
  gssize n = 1;
  set_slots(hub, TRUE);
  for (guint i = 0; i < SLOTS; i++) {
    n = readv(port->fd, &hub->parts[(gsize)2 * i], 2);
    if (n < (gssize)sizeof(Header))
      break;
    add_slot(hub, port, i, (gsize)n - sizeof(Header), &n_frames);
  }
  int code = errno;
  if (n_frames > 0)
    vn_hub_take(hub, port, hub->frames, n_frames);
  if (n < 0 && code != EAGAIN && code != EINTR)
    disconnect(hub, port);
}

/* ---- out ---- */

static void
set_watch_out(VnHub *hub, Port *port, gboolean out)
{
  if (port->watches_out == out)
    return;
  port->watches_out = out;
  watch(hub, port, EPOLL_CTL_MOD);
}

/* A frame, from its byte `from` on (its length counts), behind what waits already. */
static void
lag_frame(VnHub *hub, Port *port, const Frame *frame, gsize from)
{
  gsize n = LENGTH_SIZE + frame->n - from;
  if (from == 0 && port->lag_to - port->lag_from + n > VN_HUB_LAG_MAX) {
    port->counters.lagged++;
    return;
  }
  if (port->lag == NULL)
    port->lag = g_malloc(LAG_SIZE);
  if (port->lag_to + n > LAG_SIZE) {
    memmove(port->lag, port->lag + port->lag_from, port->lag_to - port->lag_from);
    port->lag_to -= port->lag_from;
    port->lag_from = 0;
  }
  memcpy(port->lag + port->lag_to, frame->bytes - LENGTH_SIZE + from, n);
  port->lag_to += n;
  port->counters.out_frames++;
  port->counters.out_bytes += frame->n;
  set_watch_out(hub, port, TRUE);
}

static void
count_out(Port *port, const Frame *frame)
{
  port->counters.out_frames++;
  port->counters.out_bytes += frame->n;
}

/* The errno of a socket: FALSE if it is of no more use. */
static gboolean
is_lagging(int code)
{
  return code == EAGAIN || code == EINTR || code == ENOBUFS || code == ENOMEM;
}

static void
write_stream(VnHub *hub, Port *port, Frame *const *frames, guint n)
{
  struct iovec parts[BATCH_MAX];
  struct msghdr message = {.msg_iov = parts};
  guint8 *end = NULL;
  for (guint i = 0; i < n; end = frames[i]->bytes + frames[i]->n, i++) {
    guint8 *from = frames[i]->bytes - LENGTH_SIZE;
    if (from != end)
      parts[message.msg_iovlen++] = (struct iovec){from, 0};
    parts[message.msg_iovlen - 1].iov_len += LENGTH_SIZE + frames[i]->n;
  }
  gssize done = 0;
  if (port->lag_to == port->lag_from)
    done = sendmsg(port->fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
  if (done < 0 && !is_lagging(errno)) {
    port->counters.unplugged += n;
    disconnect(hub, port);
    return;
  }
  gsize left = (gsize)MAX(done, 0);
  for (guint i = 0; i < n; i++) {
    gsize size = LENGTH_SIZE + frames[i]->n;
    if (left >= size)
      count_out(port, frames[i]);
    else
      lag_frame(hub, port, frames[i], left);
    left -= MIN(left, size);
  }
}

/* As many as the socket takes; what is left of them. -1: the socket is of no more use. */
static int
send_some(Port *port, struct mmsghdr *messages, guint n)
{
  int done = sendmmsg(port->fd, messages, n, MSG_DONTWAIT | MSG_NOSIGNAL);
  return done >= 0 ? done : is_lagging(errno) ? 0 : -1;
}

static void
write_packets(VnHub *hub, Port *port, Frame *const *frames, guint n)
{
  struct iovec parts[BATCH_MAX];
  struct mmsghdr messages[BATCH_MAX];
  for (guint i = 0; i < n; i++) {
    parts[i] = (struct iovec){frames[i]->bytes, frames[i]->n};
    messages[i] = (struct mmsghdr){.msg_hdr = {.msg_iov = &parts[i], .msg_iovlen = 1}};
  }
  int done = port->lag_to == port->lag_from ? send_some(port, messages, n) : 0;
  if (done < 0) {
    port->counters.unplugged += n;
    return; /* if it is closed, reading tells */
  }
  for (guint i = 0; i < n; i++) {
    if (i < (guint)done)
      count_out(port, frames[i]);
    else
      lag_frame(hub, port, frames[i], 0);
  }
}

/* A link takes each by itself: one that it refuses does not stop the others. */
static void
write_link(Port *port, Frame *const *frames, guint n)
{
  struct iovec parts[2 * BATCH_MAX];
  struct mmsghdr messages[BATCH_MAX];
  for (guint i = 0; i < n; i++) {
    parts[2 * i] = (struct iovec){&frames[i]->header, sizeof(Header)};
    parts[2 * i + 1] = (struct iovec){frames[i]->bytes, frames[i]->n};
    messages[i] = (struct mmsghdr){.msg_hdr = {.msg_iov = &parts[2 * i], .msg_iovlen = 2}};
  }
  for (guint i = 0; i < n;) {
    int done = sendmmsg(port->fd, messages + i, n - i, MSG_DONTWAIT | MSG_NOSIGNAL);
    for (int k = 0; k < done; k++)
      count_out(port, frames[i + (guint)k]);
    i += (guint)MAX(done, 0);
    if (done >= 0)
      continue;
    gboolean down = errno == ENETDOWN || errno == ENXIO || errno == ENODEV;
    *(down ? &port->counters.unplugged : &port->counters.lagged) += 1;
    i++;
  }
}

static void
write_tap(Port *port, Frame *const *frames, guint n)
{
  for (guint i = 0; i < n; i++) {
    struct iovec parts[2] = {{&frames[i]->header, sizeof(Header)},
                             {frames[i]->bytes, frames[i]->n}};
    if (writev(port->fd, parts, 2) >= 0)
      count_out(port, frames[i]);
    else if (errno == EAGAIN || errno == ENOBUFS || errno == ENOMEM)
      port->counters.lagged++;
    else
      port->counters.unplugged++;
  }
}

/* Those that are for it and that it can take. */
static guint
choose(Port *port, Frame *frames, guint n, Frame **out)
{
  gboolean plain = vn_hub_port_is_plain(port->kind);
  guint chosen = 0;
  for (guint i = 0; i < n; i++) {
    if (frames[i].source == port->id)
      continue;
    if (plain && (frames[i].header.flags != 0 || frames[i].header.gso_type != 0))
      port->counters.malformed++; /* it waited since before the port was there */
    else
      out[chosen++] = &frames[i];
  }
  return chosen;
}

void
vn_hub_port_write(VnHub *hub, Port *port, Frame *frames, guint n)
{
  Frame *mine[BATCH_MAX];
  guint chosen = choose(port, frames, n, mine);
  if (chosen == 0)
    return;
  if (port->fd < 0 || port->down) {
    port->counters.unplugged += chosen;
    return;
  }
  switch (port->kind) {
  case VN_HUB_STREAM:
    write_stream(hub, port, mine, chosen);
    return;
  case VN_HUB_PACKETS:
    write_packets(hub, port, mine, chosen);
    return;
  case VN_HUB_LINK:
    write_link(port, mine, chosen);
    return;
  case VN_HUB_TAP:
    write_tap(port, mine, chosen);
    return;
  }
}

/* ---- what waited ---- */

static gssize
flush_frame(Port *port)
{
  guint32 length;
  memcpy(&length, port->lag + port->lag_from, sizeof length);
  length = GUINT32_FROM_BE(length);
  gssize n =
      send(port->fd, port->lag + port->lag_from + LENGTH_SIZE, length, MSG_DONTWAIT | MSG_NOSIGNAL);
  return n < 0 ? n : (gssize)(LENGTH_SIZE + length);
}

static void
flush(VnHub *hub, Port *port)
{
  while (port->lag_from < port->lag_to) {
    gssize n = port->kind == VN_HUB_STREAM
                   ? send(port->fd, port->lag + port->lag_from, port->lag_to - port->lag_from,
                          MSG_DONTWAIT | MSG_NOSIGNAL)
                   : flush_frame(port);
    if (n < 0 && is_lagging(errno))
      return;
    if (n < 0) {
      disconnect(hub, port);
      return;
    }
    port->lag_from += (gsize)n;
  }
  port->lag_from = port->lag_to = 0;
  set_watch_out(hub, port, FALSE);
}

void
vn_hub_port_event(VnHub *hub, Port *port, guint32 events)
{
  if ((events & EPOLLOUT) != 0)
    flush(hub, port);
  if (port->fd < 0 || (events & ~(guint32)EPOLLOUT) == 0)
    return;
  switch (port->kind) {
  case VN_HUB_STREAM:
    read_stream(hub, port);
    return;
  case VN_HUB_PACKETS:
  case VN_HUB_LINK:
    read_socket(hub, port, events);
    return;
  case VN_HUB_TAP:
    read_tap(hub, port);
    return;
  }
}
