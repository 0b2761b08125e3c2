/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The slave as a whole: where it listens, and the experiments that it has.
 *
 * Runs in the default main context of the thread that made it. Drivers must be prepared
 * (VnDriver.prepare) before, while the process has one thread.
 */
#pragma once

#include "slave/experiment.h"

#define VN_DAEMON_SESSIONS_MAX 256u

typedef struct VnDaemon VnDaemon;

typedef struct {
  const VnDriver *const *drivers;
  gsize n_drivers;
  const VnConfig *config;
  const char *agent_dir, *state_dir, *program;
  void (*log)(const char *text, gpointer data);
  /* The last session has ended and all of its experiment is gone. */
  void (*idle)(gpointer data);
  gpointer data;
} VnDaemonOptions;

/* The options' strings and tables are borrowed. */
VnDaemon *vn_daemon_new(const VnDaemonOptions *options);
/* No session may be left: vn_daemon_end, then wait for idle. */
void vn_daemon_free(VnDaemon *daemon);

/* A session over a connected stream socket; takes it. */
void vn_daemon_attach(VnDaemon *daemon, int fd);
/* A UNIX socket of mode 0600 that only the same user, or root, may use. A socket that a dead
 * slave left at the path is replaced, anything else there is an error. */
gboolean vn_daemon_listen(VnDaemon *daemon, const char *path, GError **error);
/* Links for packets from other slaves, likewise. */
gboolean vn_daemon_listen_packets(VnDaemon *daemon, const char *path, GError **error);
/* Close all sessions and listen no more. */
void vn_daemon_end(VnDaemon *daemon);
guint vn_daemon_sessions(const VnDaemon *daemon);
