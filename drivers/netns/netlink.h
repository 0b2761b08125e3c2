/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Route netlink in batches: many requests in one send, one acknowledgement for the lot.
 *
 * Each request carries a tag (whose it is). Errors come back for the request that failed, the
 * others are done. A socket works in the network namespace in which it was opened, whatever
 * namespace its process is in later.
 */
#pragma once

#include <libmnl/libmnl.h>
#include <linux/rtnetlink.h>

#include "driver/driver.h"

#define VN_NETLINK_BATCH    32768u /* bytes gathered before they are sent */
#define VN_NETLINK_MESSAGE  1024u  /* most bytes of one request */
#define VN_NETLINK_REQUESTS 512u   /* most requests in one batch */

/* A request failed. */
typedef void (*VnNetlinkFailed)(guint32 tag, int errnum, gpointer data);

typedef struct {
  int fd;
  guint32 sequence; /* of the first request in the batch */
  guint n;
  struct nlmsghdr *last; /* NULL: the batch is empty */
  VnNetlinkFailed failed;
  gpointer data;
  guint32 tags[VN_NETLINK_REQUESTS];
  guint8 bytes[VN_NETLINK_BATCH] __attribute__((aligned(8)));
} VnNetlink;

/* 0 or an errno. */
int vn_netlink_open(VnNetlink *netlink, VnNetlinkFailed failed, gpointer data);
void vn_netlink_close(VnNetlink *netlink);

/* A request of `type` whose fixed part is `body`; add attributes with mnl_attr_put_*. */
struct nlmsghdr *vn_netlink_request(VnNetlink *netlink, guint32 tag, guint16 type, guint16 flags,
                                    const void *body, gsize size);
/* Sends what was gathered and waits for the answers. 0, or an errno of the socket itself; then
 * each request of the batch has failed with it. */
int vn_netlink_flush(VnNetlink *netlink);

/* Each found object of a dump. */
typedef void (*VnNetlinkVisit)(const struct nlmsghdr *message, gpointer data);
int vn_netlink_dump(VnNetlink *netlink, guint16 type, guint8 family, VnNetlinkVisit visit,
                    gpointer data);
/* Sends the one request that was gathered, a question, and shows its answer. */
int vn_netlink_ask(VnNetlink *netlink, VnNetlinkVisit visit, gpointer data);
/* Asks the kernel for each link by itself, which makes it take notice of a carrier at once. */
int vn_netlink_touch(VnNetlink *netlink, const guint32 *links, guint n);
