/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The helper: the one process that owns the outer user and pid namespace.
 *
 * Started once, before the slave has threads; single-threaded; it gives birth to a keeper for each
 * experiment and does nothing else. The kernel ends it with the slave (parent-death signal, and
 * the end of its socket), and with it all keepers and all their guests.
 */
#pragma once

#include "driver/driver.h"

/* Must be called by the main thread while it is the only one. */
gboolean vn_netns_helper_start(GError **error);
/* Is it there? FALSE with the reason why not. */
gboolean vn_netns_helper_check(GError **error);
/* A new keeper: its sockets and a pidfd, to be closed by the caller. Agents: -1 if not found. */
gboolean vn_netns_helper_open(const int agents[2], int *out_calls, int *out_events, int *out_pidfd,
                              GError **error);
