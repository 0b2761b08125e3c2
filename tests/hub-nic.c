/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Machines at the other ends of a hub's ports; see hub-nic.h. */
#include "hub-nic.h"

#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

void
nic_open(Nic *nic, VnHub *hub, guint64 id, guint32 segment, VnHubKind kind)
{
  int ends[2];
  g_autoptr(GError) error = NULL;
  int type = kind == VN_HUB_STREAM ? SOCK_STREAM : SOCK_SEQPACKET;
  g_assert_cmpint(socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, ends), ==, 0);
  const VnHubPort port = {.id = id, .segment = segment, .kind = kind, .fd = ends[0]};
  vn_hub_add_port(hub, &port, &error);
  g_assert_no_error(error);
  *nic = (Nic){ends[1], kind, g_byte_array_new()};
}

void
nic_close(Nic *nic)
{
  if (nic->fd >= 0)
    close(nic->fd);
  g_byte_array_unref(nic->in);
}

void
nic_write(int fd, const guint8 *bytes, gsize n)
{
  while (n > 0) {
    gssize done = send(fd, bytes, n, MSG_NOSIGNAL);
    g_assert_cmpint(done, >, 0);
    bytes += done;
    n -= (gsize)done;
  }
}

/* A frame of `size` bytes that bears a number. */
void
nic_send(Nic *nic, guint32 number, guint size)
{
  g_autofree guint8 *bytes = g_malloc0(4 + size);
  guint32 length = GUINT32_TO_BE(size);
  memcpy(bytes, &length, 4);
  bytes[4 + 12] = 0x88;
  bytes[4 + 13] = 0xb5;
  memcpy(bytes + 4 + ETHERNET_HEAD, &number, 4);
  if (nic->kind == VN_HUB_STREAM)
    nic_write(nic->fd, bytes, 4 + size);
  else
    nic_write(nic->fd, bytes + 4, size);
}

gboolean
nic_wait(int fd, int ms)
{
  struct pollfd in = {fd, POLLIN, 0};
  return poll(&in, 1, ms) > 0;
}

static gboolean
stream_frame(Nic *nic, GByteArray *out)
{
  guint32 length;
  if (nic->in->len < 4)
    return FALSE;
  memcpy(&length, nic->in->data, 4);
  length = GUINT32_FROM_BE(length);
  g_assert_cmpuint(length, <=, VN_HUB_FRAME_MAX);
  if (nic->in->len < 4 + length)
    return FALSE;
  g_byte_array_set_size(out, 0);
  g_byte_array_append(out, nic->in->data + 4, length);
  g_byte_array_remove_range(nic->in, 0, 4 + length);
  return TRUE;
}

/* FALSE: nothing came within the time, or the end. */
gboolean
nic_receive(Nic *nic, int ms, GByteArray *out)
{
  guint8 bytes[VN_HUB_FRAME_MAX];
  while (nic->kind != VN_HUB_STREAM || !stream_frame(nic, out)) {
    if (!nic_wait(nic->fd, ms))
      return FALSE;
    gssize n = recv(nic->fd, bytes, sizeof bytes, 0);
    if (n <= 0)
      return FALSE;
    g_byte_array_set_size(nic->kind == VN_HUB_STREAM ? nic->in : out,
                          nic->kind == VN_HUB_STREAM ? nic->in->len : 0);
    g_byte_array_append(nic->kind == VN_HUB_STREAM ? nic->in : out, bytes, (guint)n);
    if (nic->kind != VN_HUB_STREAM)
      return TRUE;
  }
  return TRUE;
}

/* Its number, G_MAXUINT32: none came. */
guint32
nic_number(Nic *nic, int ms)
{
  g_autoptr(GByteArray) frame = g_byte_array_new();
  guint32 number;
  if (!nic_receive(nic, ms, frame))
    return G_MAXUINT32;
  g_assert_cmpuint(frame->len, >=, ETHERNET_HEAD + 4);
  memcpy(&number, frame->data + ETHERNET_HEAD, 4);
  return number;
}

void
nic_expect(Nic *nic, guint32 number)
{
  g_assert_cmpuint(nic_number(nic, PATIENCE_MS), ==, number);
}

void
nic_expect_nothing(Nic *nic)
{
  g_assert_cmpuint(nic_number(nic, QUIET_MS), ==, G_MAXUINT32);
}

VnHub *
hub_new(const VnHubImpairment *impairment, guint64 seed)
{
  g_autoptr(GError) error = NULL;
  VnHub *hub = vn_hub_new(&error);
  g_assert_no_error(error);
  VnHubSegment segment = {.id = 7, .name = "lan", .seed = seed};
  if (impairment != NULL)
    segment.impairment = *impairment;
  vn_hub_add_segment(hub, &segment, &error);
  g_assert_no_error(error);
  return hub;
}

guint64
hub_counter(VnHub *hub, guint64 port, gsize offset)
{
  VnHubCounters counters;
  g_assert_true(vn_hub_count(hub, port, &counters));
  return *(guint64 *)(void *)((guint8 *)&counters + offset);
}

/* The hub's thread works on its own: wait for what it counts. */
void
hub_await(VnHub *hub, guint64 port, gsize offset, guint64 least)
{
  for (guint i = 0; i < PATIENCE_MS && hub_counter(hub, port, offset) < least; i++)
    g_usleep(1000);
  g_assert_cmpuint(hub_counter(hub, port, offset), >=, least);
}
