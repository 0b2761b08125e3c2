/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Bookkeeping only: who listens, which experiments there are, and which of them a link for
 * packets belongs to. */
#include "slave/daemon.h"

#include <errno.h>
#include <glib-unix.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "slave/link.h"
#include "slave/listen.h"

#define JOINS_MAX  64u  /* links whose first message has not come */
#define JOIN_BYTES 512u /* of that message */
#define PAUSE_MS   1000 /* in which no connection is taken when descriptors ran out */

typedef struct {
  VnDaemon *daemon;
  char *path; /* NULL: does not listen */
  int fd;
  guint watch;
  void (*take)(VnDaemon *daemon, int fd);
} Listener;

struct VnDaemon {
  VnDaemonOptions options;
  VnSlaveShared shared;
  GPtrArray *experiments; /* VnExperiment*, which free themselves */
  GPtrArray *joins;       /* Join* */
  Listener sessions, packets;
};

typedef struct {
  VnDaemon *daemon;
  int fd;
  guint watch;
} Join;

/* ---- what experiments ask ---- */

static VnExperiment *
find(const VnDaemon *daemon, const char *name)
{
  for (guint i = 0; i < daemon->experiments->len; i++) {
    const char *other = vn_experiment_name(daemon->experiments->pdata[i]);
    if (other != NULL && strcmp(other, name) == 0)
      return daemon->experiments->pdata[i];
  }
  return NULL;
}

static gboolean
name_free(const char *name, gpointer data)
{
  return find(data, name) == NULL;
}

static void
gone(VnExperiment *experiment, gpointer data)
{
  VnDaemon *daemon = data;
  g_ptr_array_remove_fast(daemon->experiments, experiment);
  if (daemon->experiments->len == 0)
    daemon->options.idle(daemon->options.data);
}

static void
log_text(const char *text, gpointer data)
{
  VnDaemon *daemon = data;
  daemon->options.log(text, daemon->options.data);
}

/* ---- listening ---- */

static gboolean accept_one(int fd, GIOCondition condition, gpointer data);

static gboolean
listen_again(gpointer data)
{
  Listener *listener = data;
  listener->watch = g_unix_fd_add(listener->fd, G_IO_IN, accept_one, listener);
  return G_SOURCE_REMOVE;
}

/* An error that stays (no descriptors left) must not make a busy loop. */
static gboolean
accept_one(int fd, GIOCondition condition, gpointer data)
{
  Listener *listener = data;
  g_autoptr(GError) error = NULL;
  int peer = vn_listen_accept(fd, &error);
  if (peer >= 0) {
    listener->take(listener->daemon, peer);
    return G_SOURCE_CONTINUE;
  }
  if (g_error_matches(error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK))
    return G_SOURCE_CONTINUE;
  log_text(error->message, listener->daemon);
  if (g_error_matches(error, G_IO_ERROR, G_IO_ERROR_PERMISSION_DENIED))
    return G_SOURCE_CONTINUE;
  listener->watch = g_timeout_add(PAUSE_MS, listen_again, listener);
  return G_SOURCE_REMOVE;
}

static gboolean
start_listening(VnDaemon *daemon, Listener *listener, const char *path, int type,
                void (*take)(VnDaemon *daemon, int fd), GError **error)
{
  int fd = vn_listen_at(path, type, error);
  if (fd < 0)
    return FALSE;
  *listener = (Listener){.daemon = daemon, .path = g_strdup(path), .fd = fd, .take = take};
  return listen_again(listener) == G_SOURCE_REMOVE;
}

static void
stop_listening(Listener *listener)
{
  if (listener->path == NULL)
    return;
  g_clear_handle_id(&listener->watch, g_source_remove);
  (void)unlink(listener->path); /* what is left of it is replaced by the next slave */
  (void)close(listener->fd);
  g_clear_pointer(&listener->path, g_free);
}

/* ---- links for packets ---- */

static void
join_free(gpointer data)
{
  Join *join = data;
  g_clear_handle_id(&join->watch, g_source_remove);
  if (join->fd >= 0)
    (void)close(join->fd); /* nothing was written to it */
  g_free(join);
}

/* A link that nobody wants yet is closed; who connected tries again. */
static gboolean
join_ready(int fd, GIOCondition condition, gpointer data)
{
  Join *join = data;
  guint8 bytes[JOIN_BYTES];
  g_autofree char *name = NULL;
  guint32 from, to;
  ssize_t n = recv(fd, bytes, sizeof bytes, MSG_DONTWAIT | MSG_TRUNC);
  if (n < 0 && (errno == EAGAIN || errno == EINTR))
    return G_SOURCE_CONTINUE;
  if (n > 0 && (gsize)n <= sizeof bytes && vn_link_parse_join(bytes, (gsize)n, &name, &from, &to)) {
    VnExperiment *experiment = find(join->daemon, name);
    if (experiment != NULL)
      (void)vn_experiment_join(experiment, from, to, g_steal_fd(&join->fd));
  }
  join->watch = 0;
  g_ptr_array_remove_fast(join->daemon->joins, join);
  return G_SOURCE_REMOVE;
}

static void
take_link(VnDaemon *daemon, int fd)
{
  if (daemon->joins->len >= JOINS_MAX)
    g_ptr_array_remove_index(daemon->joins, 0); /* it had its time */
  Join *join = g_new0(Join, 1);
  join->daemon = daemon;
  join->fd = fd;
  join->watch = g_unix_fd_add(fd, G_IO_IN, join_ready, join);
  g_ptr_array_add(daemon->joins, join);
}

gboolean
vn_daemon_listen_packets(VnDaemon *daemon, const char *path, GError **error)
{
  return start_listening(daemon, &daemon->packets, path, SOCK_SEQPACKET, take_link, error);
}

/* ---- sessions ---- */

static void
take_session(VnDaemon *daemon, int fd)
{
  if (daemon->experiments->len < VN_DAEMON_SESSIONS_MAX) {
    vn_daemon_attach(daemon, fd);
    return;
  }
  (void)close(fd); /* nothing was written to it */
  log_text("too many sessions: one more was refused", daemon);
}

void
vn_daemon_attach(VnDaemon *daemon, int fd)
{
  g_ptr_array_add(daemon->experiments, vn_experiment_new(fd, &daemon->shared));
}

gboolean
vn_daemon_listen(VnDaemon *daemon, const char *path, GError **error)
{
  return start_listening(daemon, &daemon->sessions, path, SOCK_STREAM, take_session, error);
}

VnDaemon *
vn_daemon_new(const VnDaemonOptions *options)
{
  VnDaemon *daemon = g_new0(VnDaemon, 1);
  daemon->options = *options;
  daemon->experiments = g_ptr_array_new();
  daemon->joins = g_ptr_array_new_with_free_func(join_free);
  daemon->shared = (VnSlaveShared){.drivers = options->drivers,
                                   .n_drivers = options->n_drivers,
                                   .config = options->config,
                                   .agent_dir = options->agent_dir,
                                   .state_dir = options->state_dir,
                                   .program = options->program,
                                   .name_free = name_free,
                                   .gone = gone,
                                   .log = log_text,
                                   .data = daemon};
  return daemon;
}

void
vn_daemon_free(VnDaemon *daemon)
{
  if (daemon == NULL)
    return;
  g_assert(daemon->experiments->len == 0);
  stop_listening(&daemon->sessions);
  stop_listening(&daemon->packets);
  g_ptr_array_unref(daemon->joins);
  g_ptr_array_unref(daemon->experiments);
  g_free(daemon);
}

void
vn_daemon_end(VnDaemon *daemon)
{
  stop_listening(&daemon->sessions);
  stop_listening(&daemon->packets);
  g_autoptr(GPtrArray) all = g_ptr_array_copy(daemon->experiments, NULL, NULL);
  for (guint i = 0; i < all->len; i++)
    vn_experiment_end(all->pdata[i]); /* leaves the list later, from the loop */
}

guint
vn_daemon_sessions(const VnDaemon *daemon)
{
  return daemon->experiments->len;
}
