/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Sending and receiving whole messages, cut into packets. See message.h. */
#include "drivers/netns/message.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "drivers/netns/failure.h"

typedef struct {
  guint32 kind;
  guint32 more;
} Head;

typedef union {
  struct cmsghdr head;
  char space[CMSG_SPACE(sizeof(int) * VN_NETNS_FDS_MAX)];
} Control;

static gboolean
send_packet(int socket, const Head *head, const void *bytes, gsize size, const int *fds,
            guint n_fds, GError **error)
{
  struct iovec parts[2] = {{(void *)head, sizeof *head}, {(void *)bytes, size}};
  struct msghdr message = {.msg_iov = parts, .msg_iovlen = 2};
  Control control = {0};
  if (n_fds > 0) {
    message.msg_control = &control;
    message.msg_controllen = CMSG_SPACE(sizeof(int) * n_fds);
    struct cmsghdr *item = CMSG_FIRSTHDR(&message);
    item->cmsg_level = SOL_SOCKET;
    item->cmsg_type = SCM_RIGHTS;
    item->cmsg_len = CMSG_LEN(sizeof(int) * n_fds);
    memcpy(CMSG_DATA(item), fds, sizeof(int) * n_fds);
  }
  while (sendmsg(socket, &message, MSG_NOSIGNAL) < 0)
    if (errno != EINTR)
      return vn_netns_fail(error, errno, "sending to the namespace helper's socket");
  return TRUE;
}

gboolean
vn_netns_send(int socket, VnNetnsKind kind, const void *bytes, gsize size, const int *fds,
              guint n_fds, GError **error)
{
  g_assert(n_fds <= VN_NETNS_FDS_MAX);
  if (size > VN_NETNS_MESSAGE_MAX)
    return vn_netns_fail(error, EMSGSIZE, "a request of %" G_GSIZE_FORMAT " bytes", size);
  const guint8 *next = bytes;
  do {
    gsize part = MIN(size, VN_NETNS_PACKET_MAX);
    size -= part;
    Head head = {.kind = (guint32)kind, .more = size > 0};
    if (!send_packet(socket, &head, next, part, fds, n_fds, error))
      return FALSE;
    next += part;
    n_fds = 0;
  } while (size > 0);
  return TRUE;
}

static void
keep_fds(VnNetnsMessage *message, struct msghdr *from)
{
  for (struct cmsghdr *item = CMSG_FIRSTHDR(from); item != NULL; item = CMSG_NXTHDR(from, item)) {
    if (item->cmsg_level != SOL_SOCKET || item->cmsg_type != SCM_RIGHTS)
      continue;
    const int *fds = (const int *)CMSG_DATA(item);
    gsize n = (item->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (gsize i = 0; i < n; i++) {
      if (message->n_fds < VN_NETNS_FDS_MAX)
        message->fds[message->n_fds++] = fds[i];
      else
        close(fds[i]);
    }
  }
}

static gboolean
receive_packet(int socket, VnNetnsMessage *message, Head *out_head, GError **error)
{
  guint8 bytes[VN_NETNS_PACKET_MAX];
  Control control;
  struct iovec parts[2] = {{out_head, sizeof *out_head}, {bytes, sizeof bytes}};
  struct msghdr from = {
      .msg_iov = parts, .msg_iovlen = 2, .msg_control = &control, .msg_controllen = sizeof control};
  gssize n = 0;
  do
    n = recvmsg(socket, &from, MSG_CMSG_CLOEXEC);
  while (n < 0 && errno == EINTR);
  if (n < 0)
    return vn_netns_fail(error, errno, "reading from the namespace helper's socket");
  keep_fds(message, &from);
  if (n == 0)
    return vn_netns_ended(error);
  if ((gsize)n < sizeof *out_head || (from.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0)
    return vn_netns_fail(error, EPROTO, "a broken message of the namespace helper");
  g_byte_array_append(message->bytes, bytes, (guint)((gsize)n - sizeof *out_head));
  return TRUE;
}

gboolean
vn_netns_receive(int socket, VnNetnsMessage *message, GError **error)
{
  if (message->bytes == NULL)
    message->bytes = g_byte_array_new();
  Head head = {0};
  do {
    if (!receive_packet(socket, message, &head, error))
      return FALSE;
    if (message->bytes->len > VN_NETNS_MESSAGE_MAX)
      return vn_netns_fail(error, EMSGSIZE, "a message of the namespace helper");
  } while (head.more != 0);
  message->kind = (VnNetnsKind)head.kind;
  return TRUE;
}

void
vn_netns_message_clear(VnNetnsMessage *message)
{
  for (guint i = 0; i < message->n_fds; i++)
    if (message->fds[i] >= 0)
      close(message->fds[i]);
  message->n_fds = 0;
  g_clear_pointer(&message->bytes, g_byte_array_unref);
}

gboolean
vn_netns_take(VnNetnsReader *reader, void *out, gsize size)
{
  if (reader->left < size)
    return FALSE;
  if (size > 0)
    memcpy(out, reader->bytes, size);
  reader->bytes += size;
  reader->left -= size;
  return TRUE;
}
