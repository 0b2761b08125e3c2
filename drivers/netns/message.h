/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Messages between the slave and the helper: a kind, bytes, descriptors.
 *
 * Both ends are the same build of the same program, so numbers and structs travel as they lie in
 * memory. A message is cut into packets of a SOCK_SEQPACKET socket, each with the kind and whether
 * more follow. Sizes are bounded and every access is checked all the same: a fault in one process
 * must not become one in the other.
 */
#pragma once

#include "driver/driver.h"

#define VN_NETNS_PACKET_MAX  49152u       /* bytes of one packet, its head not counted */
#define VN_NETNS_MESSAGE_MAX (256u << 20) /* bytes of one message */
#define VN_NETNS_FDS_MAX     200u /* descriptors of one message; the kernel's bound is 253 */

typedef enum {
  /* to the helper */
  VN_NETNS_OPEN, /* descriptors: agents; answered with call socket, event socket, pidfd */
  /* to a keeper; each is answered by RESULTs, the last of kind DONE */
  VN_NETNS_SEGMENTS,
  VN_NETNS_VMS,
  VN_NETNS_POWER_ON,
  VN_NETNS_POWER_OFF, /* keeps files */
  VN_NETNS_DISCARD,   /* power off, files thrown away */
  VN_NETNS_REMOVE_VMS,
  VN_NETNS_REMOVE_SEGMENTS,
  VN_NETNS_SNAPSHOT,
  VN_NETNS_REVERT,
  VN_NETNS_SUSPEND,
  VN_NETNS_RESUME,
  VN_NETNS_LINK,
  VN_NETNS_CAPTURE,
  VN_NETNS_EXTERNAL,
  VN_NETNS_PORTS, /* packet sockets on the hub's ends of links; VnNetnsPortWire each */
  VN_NETNS_PROVE,
  /* from it */
  VN_NETNS_RESULT,
  VN_NETNS_DONE,
  VN_NETNS_LOST, /* on the event socket */
} VnNetnsKind;

#define VN_NETNS_TEXT_MAX 216

/* How one item went. */
typedef struct {
  guint32 id;
  gint32 code; /* -1: well; else VnDriverError */
  gint32 fd;   /* place among the message's descriptors; -1: none */
  char text[VN_NETNS_TEXT_MAX];
} VnNetnsResult;

typedef struct {
  guint32 id, mtu;
  gboolean in_hub; /* no bridge: the slave's hub has its ports */
} VnNetnsSegmentWire;

typedef struct {
  guint32 vm, iface;
} VnNetnsPortWire;

#define VN_NETNS_HOSTNAME_MAX 64 /* VN_DRIVER_HOSTNAME_MAX */

/* Followed by its interfaces, routes and proxies, as in driver.h. */
typedef struct {
  guint32 id;
  guint32 n_ifaces, n_routes, n_proxies;
  guint32 processes;
  gboolean router, external;
  gint64 memory;
  char hostname[VN_NETNS_HOSTNAME_MAX];
} VnNetnsVmWire;

#define VN_NETNS_NAME_MAX 128

/* Of all requests about one VM. */
typedef struct {
  guint32 vm, iface;
  gboolean up;
  char name[VN_NETNS_NAME_MAX]; /* of a snapshot */
} VnNetnsOneWire;

typedef struct {
  VnNetnsKind kind;
  GByteArray *bytes;
  int fds[VN_NETNS_FDS_MAX];
  guint n_fds;
} VnNetnsMessage;

G_STATIC_ASSERT(sizeof(VnNetnsResult) * VN_NETNS_FDS_MAX <= VN_NETNS_PACKET_MAX);

gboolean vn_netns_send(int socket, VnNetnsKind kind, const void *bytes, gsize size, const int *fds,
                       guint n_fds, GError **error);
/* Blocks. The message must be zeroed or cleared before; received descriptors are close-on-exec. */
gboolean vn_netns_receive(int socket, VnNetnsMessage *message, GError **error);
/* Closes the descriptors that were not taken (set to -1). */
void vn_netns_message_clear(VnNetnsMessage *message);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(VnNetnsMessage, vn_netns_message_clear)

/* Takes bytes from the front; FALSE if there are too few. */
typedef struct {
  const guint8 *bytes;
  gsize left;
} VnNetnsReader;
gboolean vn_netns_take(VnNetnsReader *reader, void *out, gsize size);
