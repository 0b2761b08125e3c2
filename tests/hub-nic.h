/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A machine's end of a port of a hub, for the hub's tests: frames that bear a number go out and
 * come in over a real socket, and the hub's counters are waited for, since its thread works on its
 * own. Whatever must come has PATIENCE_MS, so that a busy machine fails no test. */
#pragma once

#include "hub/hub-private.h"

#define PATIENCE_MS 60000
#define QUIET_MS    200 /* when nothing may come: enough to see what would */
#define MS          G_GINT64_CONSTANT(1000000)

typedef struct {
  int fd;
  VnHubKind kind;
  GByteArray *in; /* of a stream: what was read */
} Nic;

/* A hub with segment 7, "lan"; NULL: no impairment. */
VnHub *hub_new(const VnHubImpairment *impairment, guint64 seed);
/* A port of the hub, VN_HUB_STREAM or VN_HUB_PACKETS, and the machine at it. */
void nic_open(Nic *nic, VnHub *hub, guint64 id, guint32 segment, VnHubKind kind);
void nic_close(Nic *nic);

void nic_write(int fd, const guint8 *bytes, gsize n);
/* A frame of `size` bytes that bears a number. */
void nic_send(Nic *nic, guint32 number, guint size);
/* FALSE: nothing can be read within the time. */
gboolean nic_wait(int fd, int ms);
/* FALSE: no frame came within the time, or the end. */
gboolean nic_receive(Nic *nic, int ms, GByteArray *out);
/* The next frame's number, G_MAXUINT32: none came. */
guint32 nic_number(Nic *nic, int ms);
void nic_expect(Nic *nic, guint32 number);
void nic_expect_nothing(Nic *nic);

/* What the hub counts of a port, now and once it has reached a value. */
guint64 hub_counter(VnHub *hub, guint64 port, gsize offset);
void hub_await(VnHub *hub, guint64 port, gsize offset, guint64 least);
#define COUNT(hub, port, field) hub_counter((hub), (port), G_STRUCT_OFFSET(VnHubCounters, field))
#define AWAIT(hub, port, field, least) \
  hub_await((hub), (port), G_STRUCT_OFFSET(VnHubCounters, field), (least))
