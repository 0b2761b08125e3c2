/* SPDX-License-Identifier: GPL-3.0-or-later */
/* See message.h. */
#include "drivers/libvirt/message.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

void
vn_virt_message_clear(VnVirtMessage *message)
{
  g_clear_pointer(&message->body, g_variant_unref);
  for (guint i = 0; i < message->n_fds; i++)
    if (message->fds[i] >= 0)
      (void)close(message->fds[i]); /* it was only received */
  message->n_fds = 0;
}

gboolean
vn_virt_fail(GError **error, int errnum, const char *format, ...)
{
  va_list arguments;
  va_start(arguments, format);
  g_autofree char *what = g_strdup_vprintf(format, arguments);
  va_end(arguments);
  g_set_error(error, VN_DRIVER_ERROR, (gint)vn_driver_error_of(errnum), "%s: %s", what,
              g_strerror(errnum));
  return FALSE;
}

static gboolean
closed(GError **error)
{
  g_set_error(error, G_IO_ERROR, G_IO_ERROR_CLOSED,
              "the process that holds the machines ended: somebody killed it, or the machine ran "
              "out of memory (see its log)");
  return FALSE;
}

gboolean
vn_virt_send(int socket, GVariant *body, const int *fds, guint n_fds, GError **error)
{
  g_assert(n_fds <= VN_VIRT_FDS_MAX);
  g_autoptr(GVariant) own = g_variant_ref_sink(body);
  gsize size = g_variant_get_size(own);
  if (size > VN_VIRT_MESSAGE_MAX)
    return vn_virt_fail(error, EMSGSIZE, "a message of %zu bytes", size);
  union {
    char bytes[CMSG_SPACE(sizeof(int) * VN_VIRT_FDS_MAX)];
    struct cmsghdr align;
  } control = {0};
  struct iovec part = {(void *)g_variant_get_data(own), size};
  struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
  if (n_fds > 0) {
    message.msg_control = control.bytes;
    message.msg_controllen = CMSG_SPACE(sizeof(int) * n_fds);
    struct cmsghdr *head = CMSG_FIRSTHDR(&message);
    *head = (struct cmsghdr){CMSG_LEN(sizeof(int) * n_fds), SOL_SOCKET, SCM_RIGHTS};
    memcpy(CMSG_DATA(head), fds, sizeof(int) * n_fds);
  }
  ssize_t sent;
  do
    sent = sendmsg(socket, &message, MSG_NOSIGNAL);
  while (sent < 0 && errno == EINTR);
  if (sent >= 0)
    return TRUE;
  if (errno == EPIPE || errno == ECONNRESET)
    return closed(error);
  return vn_virt_fail(error, errno, "speaking with the machines' process");
}

static void
take_fds(struct msghdr *message, VnVirtMessage *out)
{
  for (struct cmsghdr *head = CMSG_FIRSTHDR(message); head != NULL;
       head = CMSG_NXTHDR(message, head)) {
    if (head->cmsg_level != SOL_SOCKET || head->cmsg_type != SCM_RIGHTS)
      continue;
    guint n = (guint)((head->cmsg_len - CMSG_LEN(0)) / sizeof(int));
    for (guint i = 0; i < n && out->n_fds < VN_VIRT_FDS_MAX; i++)
      memcpy(&out->fds[out->n_fds++], CMSG_DATA(head) + i * sizeof(int), sizeof(int));
  }
}

gboolean
vn_virt_receive(int socket, const char *type, VnVirtMessage *out, GError **error)
{
  *out = (VnVirtMessage){0};
  g_autofree guint8 *bytes = g_malloc(VN_VIRT_MESSAGE_MAX);
  union {
    char bytes[CMSG_SPACE(sizeof(int) * VN_VIRT_FDS_MAX)];
    struct cmsghdr align;
  } control;
  struct iovec part = {bytes, VN_VIRT_MESSAGE_MAX};
  struct msghdr message = {.msg_iov = &part,
                           .msg_iovlen = 1,
                           .msg_control = control.bytes,
                           .msg_controllen = sizeof control.bytes};
  ssize_t got;
  do
    got = recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
  while (got < 0 && errno == EINTR);
  if (got == 0 || (got < 0 && errno == ECONNRESET))
    return closed(error);
  if (got < 0)
    return vn_virt_fail(error, errno, "listening to the machines' process");
  take_fds(&message, out);
  gboolean whole = (message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) == 0;
  GBytes *data = g_bytes_new_take(g_steal_pointer(&bytes), (gsize)got);
  out->body = g_variant_ref_sink(g_variant_new_from_bytes(G_VARIANT_TYPE(type), data, FALSE));
  g_bytes_unref(data);
  if (whole && g_variant_is_normal_form(out->body))
    return TRUE;
  vn_virt_message_clear(out);
  g_set_error(error, VN_DRIVER_ERROR, VN_DRIVER_ERROR_FAILED,
              "the machines' process sent what is no message");
  return FALSE;
}
