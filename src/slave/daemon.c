/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Bookkeeping only: who listens, which experiments there are. */
#include "slave/daemon.h"

#include <errno.h>
#include <glib-unix.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "slave/listen.h"

struct VnSlave {
  VnSlaveOptions options;
  VnSlaveShared shared;
  GPtrArray *experiments; /* VnExperiment*, which free themselves */
  char *path;             /* where it listens; NULL: nowhere */
  int listener;
  guint watch;
};

static gboolean
name_free(const char *name, gpointer data)
{
  VnSlave *slave = data;
  for (guint i = 0; i < slave->experiments->len; i++) {
    const char *other = vn_experiment_name(slave->experiments->pdata[i]);
    if (other != NULL && strcmp(other, name) == 0)
      return FALSE;
  }
  return TRUE;
}

static void
gone(VnExperiment *experiment, gpointer data)
{
  VnSlave *slave = data;
  g_ptr_array_remove_fast(slave->experiments, experiment);
  if (slave->experiments->len == 0)
    slave->options.idle(slave->options.data);
}

static void
log_text(const char *text, gpointer data)
{
  VnSlave *slave = data;
  slave->options.log(text, slave->options.data);
}

VnSlave *
vn_slave_new(const VnSlaveOptions *options)
{
  VnSlave *slave = g_new0(VnSlave, 1);
  slave->options = *options;
  slave->listener = -1;
  slave->experiments = g_ptr_array_new();
  slave->shared = (VnSlaveShared){.drivers = options->drivers,
                                  .n_drivers = options->n_drivers,
                                  .config = options->config,
                                  .agent_dir = options->agent_dir,
                                  .state_dir = options->state_dir,
                                  .program = options->program,
                                  .name_free = name_free,
                                  .gone = gone,
                                  .log = log_text,
                                  .data = slave};
  return slave;
}

static void
stop_listening(VnSlave *slave)
{
  if (slave->listener < 0)
    return;
  g_clear_handle_id(&slave->watch, g_source_remove);
  (void)unlink(slave->path); /* what is left of it is replaced by the next slave */
  (void)close(slave->listener);
  slave->listener = -1;
  g_clear_pointer(&slave->path, g_free);
}

void
vn_slave_free(VnSlave *slave)
{
  if (slave == NULL)
    return;
  g_assert(slave->experiments->len == 0);
  stop_listening(slave);
  g_ptr_array_unref(slave->experiments);
  g_free(slave);
}

void
vn_slave_attach(VnSlave *slave, int fd)
{
  g_ptr_array_add(slave->experiments, vn_experiment_new(fd, &slave->shared));
}

static gboolean
accept_one(int fd, GIOCondition condition, gpointer data)
{
  VnSlave *slave = data;
  g_autoptr(GError) error = NULL;
  int session = vn_listen_accept(fd, &error);
  if (session >= 0 && slave->experiments->len < VN_SLAVE_SESSIONS_MAX) {
    vn_slave_attach(slave, session);
    return G_SOURCE_CONTINUE;
  }
  if (session >= 0) {
    (void)close(session);
    log_text("too many sessions: one more was refused", slave);
  } else if (!g_error_matches(error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK)) {
    log_text(error->message, slave);
  }
  return G_SOURCE_CONTINUE;
}

gboolean
vn_slave_listen(VnSlave *slave, const char *path, GError **error)
{
  slave->listener = vn_listen_at(path, SOCK_STREAM, error);
  if (slave->listener < 0)
    return FALSE;
  slave->path = g_strdup(path);
  slave->watch = g_unix_fd_add(slave->listener, G_IO_IN, accept_one, slave);
  return TRUE;
}

void
vn_slave_end(VnSlave *slave)
{
  stop_listening(slave);
  g_autoptr(GPtrArray) all = g_ptr_array_new();
  for (guint i = 0; i < slave->experiments->len; i++)
    g_ptr_array_add(all, slave->experiments->pdata[i]);
  for (guint i = 0; i < all->len; i++)
    vn_experiment_end(all->pdata[i]); /* leaves the list later, from the loop */
}

guint
vn_slave_sessions(const VnSlave *slave)
{
  return slave->experiments->len;
}
