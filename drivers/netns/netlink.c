/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Batches of route netlink requests. See netlink.h.
 *
 * Only the last request of a batch asks for an acknowledgement: the kernel works a batch off in
 * order, so when that comes all are done; an error is reported without being asked for.
 */
#include "drivers/netns/netlink.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define RECEIVE_MAX 65536u
#define TOUCH_BATCH 16u /* answers must fit the socket's receive buffer */

int
vn_netlink_open(VnNetlink *netlink, VnNetlinkFailed failed, gpointer data)
{
  netlink->fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
  if (netlink->fd < 0)
    return errno;
  int on = 1, size = 1 << 20;
  /* Best effort: without them errors are longer and batches meet the default buffer. */
  (void)setsockopt(netlink->fd, SOL_NETLINK, NETLINK_CAP_ACK, &on, sizeof on);
  (void)setsockopt(netlink->fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
  (void)setsockopt(netlink->fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
  netlink->sequence = 1;
  netlink->n = 0;
  netlink->last = NULL;
  netlink->failed = failed;
  netlink->data = data;
  return 0;
}

void
vn_netlink_close(VnNetlink *netlink)
{
  if (netlink->fd >= 0)
    close(netlink->fd);
  netlink->fd = -1;
}

/* Bytes of the batch. */
static gsize
used(const VnNetlink *netlink)
{
  if (netlink->last == NULL)
    return 0;
  return (gsize)((guint8 *)netlink->last - netlink->bytes) + NLMSG_ALIGN(netlink->last->nlmsg_len);
}

/* The batch was sent: a new one begins. */
static void
start_batch(VnNetlink *netlink)
{
  netlink->sequence += netlink->n;
  netlink->n = 0;
  netlink->last = NULL;
}

struct nlmsghdr *
vn_netlink_request(VnNetlink *netlink, guint32 tag, guint16 type, guint16 flags, const void *body,
                   gsize size)
{
  if (used(netlink) + VN_NETLINK_MESSAGE > VN_NETLINK_BATCH || netlink->n == VN_NETLINK_REQUESTS)
    (void)vn_netlink_flush(netlink); /* told to `failed` */
  netlink->last = mnl_nlmsg_put_header(netlink->bytes + used(netlink));
  netlink->last->nlmsg_type = type;
  netlink->last->nlmsg_flags = (guint16)(NLM_F_REQUEST | flags);
  netlink->last->nlmsg_seq = netlink->sequence + netlink->n;
  netlink->tags[netlink->n++] = tag;
  memcpy(mnl_nlmsg_put_extra_header(netlink->last, size), body, size);
  return netlink->last;
}

static gssize
receive(int fd, void *bytes, gsize size)
{
  gssize n = 0;
  do
    n = recv(fd, bytes, size, 0);
  while (n < 0 && errno == EINTR);
  return n;
}

/* TRUE when the batch's last request was answered. */
static gboolean
take_answers(VnNetlink *netlink, const void *bytes, int n)
{
  guint32 last = netlink->sequence + netlink->n - 1;
  for (const struct nlmsghdr *answer = bytes; mnl_nlmsg_ok(answer, n);
       answer = mnl_nlmsg_next(answer, &n)) {
    guint32 place = answer->nlmsg_seq - netlink->sequence;
    if (answer->nlmsg_type != NLMSG_ERROR || place >= netlink->n)
      continue;
    const struct nlmsgerr *report = mnl_nlmsg_get_payload(answer);
    if (report->error != 0 && netlink->failed != NULL)
      netlink->failed(netlink->tags[place], -report->error, netlink->data);
    if (answer->nlmsg_seq == last)
      return TRUE;
  }
  return FALSE;
}

static int
wait_answers(VnNetlink *netlink)
{
  guint8 bytes[RECEIVE_MAX] __attribute__((aligned(8)));
  for (;;) {
    gssize n = receive(netlink->fd, bytes, sizeof bytes);
    if (n < 0)
      return errno;
    if (n == 0)
      return EPIPE;
    if (take_answers(netlink, bytes, (int)n))
      return 0;
  }
}

int
vn_netlink_flush(VnNetlink *netlink)
{
  if (netlink->last == NULL)
    return 0;
  netlink->last->nlmsg_flags |= NLM_F_ACK;
  int result = send(netlink->fd, netlink->bytes, used(netlink), 0) < 0 ? errno : 0;
  if (result == 0)
    result = wait_answers(netlink);
  for (guint i = 0; result != 0 && netlink->failed != NULL && i < netlink->n; i++)
    netlink->failed(netlink->tags[i], result, netlink->data);
  start_batch(netlink);
  return result;
}

typedef struct {
  VnNetlinkVisit visit;
  gpointer data;
  guint left; /* answers to come */
  int result;
} Reading;

/* Reads until `left` ends were seen: of a dump NLMSG_DONE, of single questions an answer each. */
static int
read_objects(VnNetlink *netlink, Reading *reading)
{
  guint8 bytes[RECEIVE_MAX] __attribute__((aligned(8)));
  while (reading->left > 0) {
    gssize got = receive(netlink->fd, bytes, sizeof bytes);
    if (got <= 0)
      return got < 0 ? errno : EPIPE;
    int n = (int)got;
    for (const struct nlmsghdr *item = (const void *)bytes; mnl_nlmsg_ok(item, n);
         item = mnl_nlmsg_next(item, &n)) {
      if (item->nlmsg_type == NLMSG_ERROR) {
        reading->result = -((const struct nlmsgerr *)mnl_nlmsg_get_payload(item))->error;
        reading->left--;
      } else if (item->nlmsg_type == NLMSG_DONE || (item->nlmsg_flags & NLM_F_MULTI) == 0) {
        reading->left--;
      }
      if (item->nlmsg_type >= NLMSG_MIN_TYPE && reading->visit != NULL)
        reading->visit(item, reading->data);
    }
  }
  return reading->result;
}

/* Questions are sent as they are: their answers end them, no acknowledgement does. */
static int
ask(VnNetlink *netlink, Reading *reading)
{
  int result = send(netlink->fd, netlink->bytes, used(netlink), 0) < 0 ? errno : 0;
  start_batch(netlink);
  return result != 0 ? result : read_objects(netlink, reading);
}

int
vn_netlink_dump(VnNetlink *netlink, guint16 type, guint8 family, VnNetlinkVisit visit,
                gpointer data)
{
  int result = vn_netlink_flush(netlink);
  if (result != 0)
    return result;
  /* The longest fixed part of the kinds that are dumped; the family comes first in all. */
  struct ifinfomsg body = {.ifi_family = family};
  vn_netlink_request(netlink, 0, type, NLM_F_DUMP, &body, sizeof body);
  Reading reading = {.visit = visit, .data = data, .left = 1};
  return ask(netlink, &reading);
}

int
vn_netlink_ask(VnNetlink *netlink, VnNetlinkVisit visit, gpointer data)
{
  g_assert(netlink->n == 1);
  Reading reading = {.visit = visit, .data = data, .left = 1};
  return ask(netlink, &reading);
}

int
vn_netlink_touch(VnNetlink *netlink, const guint32 *links, guint n)
{
  int result = vn_netlink_flush(netlink);
  for (guint first = 0; first < n && result == 0; first += TOUCH_BATCH) {
    Reading reading = {.left = MIN(n - first, TOUCH_BATCH)};
    for (guint i = 0; i < reading.left; i++) {
      struct ifinfomsg body = {.ifi_index = (int)links[first + i]};
      vn_netlink_request(netlink, 0, RTM_GETLINK, 0, &body, sizeof body);
    }
    result = ask(netlink, &reading);
    if (result == ENODEV) /* it went away meanwhile; its VM's end is told elsewhere */
      result = 0;
  }
  return result;
}
