/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The slave as a whole: where it listens, and the experiments that it has.
 *
 * Runs in the default main context of the thread that made it. Drivers must be prepared
 * (VnDriver.prepare) before, while the process has one thread.
 */
#pragma once

#include "slave/experiment.h"

#define VN_SLAVE_SESSIONS_MAX 256u

typedef struct VnSlave VnSlave;

typedef struct {
  const VnDriver *const *drivers;
  gsize n_drivers;
  const VnConfig *config;
  const char *agent_dir, *state_dir, *program;
  void (*log)(const char *text, gpointer data);
  /* The last session has ended and all of its experiment is gone. */
  void (*idle)(gpointer data);
  gpointer data;
} VnSlaveOptions;

/* The options' strings and tables are borrowed. */
VnSlave *vn_slave_new(const VnSlaveOptions *options);
/* No session may be left: vn_slave_end, then wait for idle. */
void vn_slave_free(VnSlave *slave);

/* A session over a connected stream socket; takes it. */
void vn_slave_attach(VnSlave *slave, int fd);
/* A UNIX socket of mode 0600 that only the same user, or root, may use. A socket that a dead
 * slave left at the path is replaced, anything else there is an error. */
gboolean vn_slave_listen(VnSlave *slave, const char *path, GError **error);
/* Close all sessions and listen no more. */
void vn_slave_end(VnSlave *slave);
guint vn_slave_sessions(const VnSlave *slave);
