/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The master's side of one slave: the process where the master started it, and the session.
 *
 * Site `local` and every site at "spawn" is a child of the master over a socketpair; a site at
 * "unix:/path" is a daemon that somebody else started. A child gets SIGTERM when its parent dies,
 * and takes everything down as well when the session closes; it has a session of its own (setsid),
 * so that a Ctrl-C at the terminal reaches only the master.
 */
#pragma once

#include <gio/gio.h>

#include "wire/session.h"

typedef struct VnSlave VnSlave;

/* Whoever runs an experiment on it. All in the thread of the context that was the default at
 * opening. */
typedef struct {
  void (*frame)(VnSlave *slave, const VnFrame *frame, gpointer data);
  void (*turn_ended)(VnSlave *slave, gpointer data);
  void (*drained)(VnSlave *slave, gpointer data); /* may be NULL */
  /* Once. Its session is gone; nothing more can be sent. */
  void (*lost)(VnSlave *slave, const char *why, gpointer data);
} VnSlaveEvents;

/* Seconds of silence after which a slave counts as lost. */
#define VN_SLAVE_LOST_AFTER 10

/* What `at` says: NULL and "spawn": start `program`, which takes packets of other slaves at the
 * socket `packets` (NULL: there are none); "unix:/path": connect. Another address is an error that
 * says so. */
VnSlave *vn_slave_open(const char *site, const char *at, const char *program, const char *packets,
                       GError **error);
/* Ends the session and, for a child, waits until it is gone (SIGKILL after a while). */
void vn_slave_free(VnSlave *slave);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VnSlave, vn_slave_free)

/* TRUE if vn_slave_open could understand it. */
gboolean vn_slave_address_known(const char *at);

/* The last resort: a child is killed (what it made dies with it), a connection closed. `lost`
 * follows from here. */
void vn_slave_abandon(VnSlave *slave, const char *why);

void vn_slave_set_events(VnSlave *slave, const VnSlaveEvents *events, gpointer data);
/* NULL: lost, or no slave at all. */
VnSession *vn_slave_session(VnSlave *slave);
const char *vn_slave_site(const VnSlave *slave);
/* Where it takes packets of other slaves; NULL: nowhere. */
const char *vn_slave_packets(const VnSlave *slave);

#define VN_SLAVE_ERROR vn_slave_error_quark()
GQuark vn_slave_error_quark(void);
typedef enum { VN_SLAVE_ERROR_ADDRESS, VN_SLAVE_ERROR_START, VN_SLAVE_ERROR_CONNECT } VnSlaveError;
