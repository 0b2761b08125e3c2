/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Starting, connecting, losing and ending slaves. The death of a child is seen as the end of its
 * session; its exit status is collected when the slave is freed. */
#include "master/slave.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define UNIX_PREFIX   "unix:"
#define END_PATIENCE  10000 /* ms until a child that should end is killed */
#define END_STEP      5     /* ms */
#define CHILD_SESSION 3     /* its descriptor in the child */

struct VnSlave {
  char *site, *packets;
  pid_t pid; /* 0: no child */
  VnSession *session;
  char *lost_because;
  const VnSlaveEvents *events;
  gpointer data;
};

G_DEFINE_QUARK(vn-slave-error-quark, vn_slave_error)

static void
on_frame(VnSession *session, const VnFrame *frame, gpointer data)
{
  VnSlave *slave = data;
  if (slave->events != NULL)
    slave->events->frame(slave, frame, slave->data);
}

static void
on_turn_ended(VnSession *session, gpointer data)
{
  VnSlave *slave = data;
  if (slave->events != NULL)
    slave->events->turn_ended(slave, slave->data);
}

static void
on_blocked(VnSession *session, gboolean blocked, gpointer data)
{
  VnSlave *slave = data;
  if (!blocked && slave->events != NULL && slave->events->drained != NULL)
    slave->events->drained(slave, slave->data);
}

static void
on_closed(VnSession *session, const GError *error, gpointer data)
{
  VnSlave *slave = data;
  slave->lost_because =
      g_strdup_printf("the slave of site %s went away%s%s", slave->site, error != NULL ? ": " : "",
                      error != NULL ? error->message : "");
  g_clear_pointer(&slave->session, vn_session_free);
  if (slave->events != NULL)
    slave->events->lost(slave, slave->lost_because, slave->data);
}

static const VnSessionEvents session_events = {
    .frame = on_frame, .turn_ended = on_turn_ended, .closed = on_closed, .blocked = on_blocked};

/* Between fork and exec: only what is safe there. */
static void
become_slave(int fd, pid_t parent, char *const *argv)
{
  (void)setsid();
  if (prctl(PR_SET_PDEATHSIG, SIGTERM) != 0 || getppid() != parent)
    _exit(127);
  int at = fd == CHILD_SESSION ? fcntl(fd, F_SETFD, 0) : dup2(fd, CHILD_SESSION);
  int null = open("/dev/null", O_RDWR);
  if (at < 0 || null < 0 || dup2(null, 0) < 0 || dup2(null, 1) < 0)
    _exit(127);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, NULL);
  execv(argv[0], argv);
  _exit(127);
}

static gboolean
slave_spawn(VnSlave *slave, const char *program, GError **error)
{
  int pair[2];
  if (access(program, X_OK) != 0 ||
      socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0) {
    g_set_error(error, VN_SLAVE_ERROR, VN_SLAVE_ERROR_START, "starting a slave for site %s: %s: %s",
                slave->site, program, g_strerror(errno));
    return FALSE;
  }
  char *const argv[] = {(char *)program, (char *)"--fd", (char *)G_STRINGIFY(CHILD_SESSION),
                        slave->packets != NULL ? (char *)"--packets" : NULL, slave->packets, NULL};
  pid_t parent = getpid();
  pid_t pid = fork();
  if (pid == 0)
    become_slave(pair[1], parent, argv);
  int reason = errno;
  close(pair[1]);
  if (pid < 0) {
    close(pair[0]);
    g_set_error(error, VN_SLAVE_ERROR, VN_SLAVE_ERROR_START, "starting a slave for site %s: %s",
                slave->site, g_strerror(reason));
    return FALSE;
  }
  slave->pid = pid;
  slave->session = vn_session_new(pair[0], &session_events, slave);
  return TRUE;
}

static gboolean
slave_connect(VnSlave *slave, const char *path, GError **error)
{
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  if (strlen(path) >= sizeof(address.sun_path)) {
    g_set_error(error, VN_SLAVE_ERROR, VN_SLAVE_ERROR_ADDRESS,
                "site %s: the path of its socket is too long: %s", slave->site, path);
    return FALSE;
  }
  memcpy(address.sun_path, path, strlen(path));
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0 || connect(fd, (const struct sockaddr *)&address, sizeof(address)) != 0) {
    g_set_error(error, VN_SLAVE_ERROR, VN_SLAVE_ERROR_CONNECT,
                "connecting to the slave of site %s at %s: %s (is vnec-slave running there?)",
                slave->site, path, g_strerror(errno));
    if (fd >= 0)
      close(fd);
    return FALSE;
  }
  slave->packets = g_strconcat(path, ".packets", NULL);
  slave->session = vn_session_new(fd, &session_events, slave);
  return TRUE;
}

static gboolean
is_spawned(const char *at)
{
  return at == NULL || strcmp(at, "spawn") == 0;
}

gboolean
vn_slave_address_known(const char *at)
{
  return is_spawned(at) || g_str_has_prefix(at, UNIX_PREFIX);
}

VnSlave *
vn_slave_open(const char *site, const char *at, const char *program, const char *packets,
              GError **error)
{
  if (!vn_slave_address_known(at)) {
    g_set_error(error, VN_SLAVE_ERROR, VN_SLAVE_ERROR_ADDRESS,
                "site %s is at \"%s\": sites over the network are not built in yet; say "
                "\"spawn\" or \"unix:/path\"",
                site, at);
    return NULL;
  }
  g_autoptr(VnSlave) slave = g_new0(VnSlave, 1);
  slave->site = g_strdup(site);
  slave->packets = is_spawned(at) ? g_strdup(packets) : NULL;
  gboolean opened = is_spawned(at) ? slave_spawn(slave, program, error)
                                   : slave_connect(slave, at + strlen(UNIX_PREFIX), error);
  if (!opened)
    return NULL;
  vn_session_set_heartbeat(slave->session, VN_SLAVE_LOST_AFTER);
  vn_session_set_spin(slave->session, VN_SESSION_SPIN_US);
  return g_steal_pointer(&slave);
}

/* The session is closed, so the child takes down what it has and ends. */
static void
await_end(pid_t pid)
{
  for (int waited = 0; waited < END_PATIENCE; waited += END_STEP) {
    pid_t ended = waitpid(pid, NULL, WNOHANG);
    if (ended == pid || (ended < 0 && errno != EINTR))
      return;
    g_usleep(END_STEP * 1000);
  }
  (void)kill(pid, SIGKILL);
  while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
    continue;
}

void
vn_slave_free(VnSlave *slave)
{
  if (slave == NULL)
    return;
  if (slave->session != NULL) {
    (void)vn_session_flush(slave->session, NULL); /* it is told to end by the close anyway */
    vn_session_free(slave->session);
  }
  if (slave->pid > 0) {
    await_end(slave->pid);
    if (slave->packets != NULL)
      (void)unlink(slave->packets); /* one that was killed could not; else it is gone */
  }
  g_free(slave->lost_because);
  g_free(slave->packets);
  g_free(slave->site);
  g_free(slave);
}

void
vn_slave_abandon(VnSlave *slave, const char *why)
{
  if (slave->session == NULL)
    return;
  if (slave->pid > 0)
    (void)kill(slave->pid, SIGKILL); /* ESRCH can't be: it is collected by vn_slave_free only */
  g_autoptr(GError) error = g_error_new_literal(VN_SLAVE_ERROR, VN_SLAVE_ERROR_CONNECT, why);
  on_closed(slave->session, error, slave);
}

void
vn_slave_set_events(VnSlave *slave, const VnSlaveEvents *events, gpointer data)
{
  slave->events = events;
  slave->data = data;
}

VnSession *
vn_slave_session(VnSlave *slave)
{
  return slave != NULL ? slave->session : NULL;
}

const char *
vn_slave_site(const VnSlave *slave)
{
  return slave->site;
}

const char *
vn_slave_packets(const VnSlave *slave)
{
  return slave->packets;
}
