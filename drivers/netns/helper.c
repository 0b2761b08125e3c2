/* SPDX-License-Identifier: GPL-3.0-or-later */
/* See helper.h. The first half runs in the helper, the second in the slave.
 *
 * Ids: as root, the ids of the outer namespace are a range that nobody on the machine has, so that
 * a guest's root is a stranger to every file here; for a user with a range in /etc/subuid they are
 * that range (newuidmap); else the user's own id alone is mapped, as root.
 */
#include "drivers/netns/helper.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/close_range.h>
#include <linux/sched.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "drivers/netns/failure.h"
#include "drivers/netns/ids.h"
#include "drivers/netns/keeper.h"
#include "drivers/netns/root.h"

#define SPACES (CLONE_NEWNET | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWUTS | CLONE_NEWIPC)

static pid_t
clone_into(guint64 spaces, int *out_pidfd)
{
  struct clone_args arguments = {.flags = spaces | (out_pidfd != NULL ? CLONE_PIDFD : 0),
                                 .pidfd = (guint64)(guintptr)out_pidfd,
                                 .exit_signal = SIGCHLD};
  return (pid_t)syscall(SYS_clone3, &arguments, sizeof arguments);
}

/* ---- in the helper ---- */

static gboolean
become_root(GError **error)
{
  /* Where a user's own id alone is mapped the groups can't be changed: they lead nowhere. */
  (void)setgroups(0, NULL);
  if (setresgid(0, 0, 0) != 0 || setresuid(0, 0, 0) != 0)
    return vn_netns_fail(error, errno, "becoming root in a user namespace");
  /* After the ids: a change of them would clear it. */
  if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0)
    return vn_netns_fail(error, errno, "asking to end with the slave");
  /* Cleared by the same change; without it our children's id maps belong to the machine's root. */
  if (prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) != 0)
    return vn_netns_fail(error, errno, "owning our children's maps");
  return TRUE;
}

static gboolean
silence(int socket, GError **error)
{
  int null = open("/dev/null", O_RDWR | O_CLOEXEC);
  if (null < 0)
    return vn_netns_fail(error, errno, "opening /dev/null");
  for (int fd = 0; fd < 3; fd++)
    if (dup2(null, fd) < 0)
      return vn_netns_fail(error, errno, "leaving the slave's terminal");
  if ((socket > 3 && close_range(3, (unsigned)socket - 1, 0) != 0) ||
      close_range((unsigned)socket + 1, ~0u, 0) != 0)
    return vn_netns_fail(error, errno, "closing the slave's descriptors");
  return TRUE;
}

static gboolean
set_up(int socket, GError **error)
{
  char go = 0;
  /* A session of its own: the terminal's Ctrl-C is for the slave, which takes down in order. */
  (void)setsid();
  for (int number = 1; number < NSIG; number++)
    (void)signal(number, number == SIGPIPE || number == SIGCHLD ? SIG_IGN : SIG_DFL);
  sigset_t none;
  sigemptyset(&none);
  (void)sigprocmask(SIG_SETMASK, &none, NULL);
  if (!silence(socket, error))
    return FALSE;
  if (recv(socket, &go, 1, 0) != 1)
    return vn_netns_fail(error, EPIPE, "waiting for ids");
  struct rlimit files;
  if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
    files.rlim_cur = files.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &files);
  }
  return become_root(error) && vn_netns_root_build(error);
}

static void
answer(int socket, const GError *error, const int *fds, guint n_fds)
{
  VnNetnsResult result = {.code = error != NULL ? error->code : -1, .fd = -1};
  if (error != NULL)
    g_strlcpy(result.text, error->message, sizeof result.text);
  if (!vn_netns_send(socket, VN_NETNS_DONE, &result, sizeof result, fds, n_fds, NULL))
    _exit(0);
}

static void
close_all(const int *fds, guint n)
{
  for (guint i = 0; i < n; i++)
    if (fds[i] >= 0)
      close(fds[i]);
}

/* The request says by two bytes which agents' descriptors came with it. */
static void
give_birth(int socket, VnNetnsMessage *request)
{
  int agents[2] = {-1, -1}, calls[2] = {-1, -1}, events[2] = {-1, -1}, pidfd = -1;
  g_autoptr(GError) error = NULL;
  guint next = 0;
  for (guint i = 0; i < 2 && i < request->bytes->len; i++)
    if (request->bytes->data[i] != 0 && next < request->n_fds)
      agents[i] = request->fds[next++];
  pid_t pid = -1;
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, calls) == 0 &&
      socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, events) == 0)
    pid = clone_into(SPACES, &pidfd);
  if (pid == 0) {
    close(socket);
    close(calls[0]);
    close(events[0]);
    vn_netns_keeper_run(calls[1], events[1], agents);
  }
  if (pid < 0)
    vn_netns_fail(&error, errno, "making an experiment's namespaces");
  int given[3] = {calls[0], events[0], pidfd};
  answer(socket, error, given, error == NULL ? 3 : 0);
  close_all(calls, 2);
  close_all(events, 2);
  close_all(&pidfd, 1);
}

G_GNUC_NORETURN static void
run(int socket)
{
  g_autoptr(GError) error = NULL;
  gboolean up = set_up(socket, &error);
  answer(socket, error, NULL, 0);
  while (up) {
    g_auto(VnNetnsMessage) request = {0};
    if (!vn_netns_receive(socket, &request, NULL) || request.kind != VN_NETNS_OPEN)
      break;
    give_birth(socket, &request);
  }
  _exit(0);
}

/* ---- in the slave ---- */

/* The process-wide helper; `lock` is for the socket. */
static struct {
  GMutex lock;
  pid_t pid;
  int socket;
  GError *error; /* why there is none */
} helper = {.socket = -1};

static const char *
hint(int errnum)
{
  char *text = NULL;
  gsize size = 0;
  const char *found = NULL;
  if (errnum == EPERM || errnum == EACCES) {
    found = "user namespaces are forbidden here (in a container: by its policy; "
            "in a chroot: always)";
    if (g_file_get_contents("/proc/sys/kernel/unprivileged_userns_clone", &text, &size, NULL) &&
        text[0] == '0')
      found = "turn user namespaces on: sysctl kernel.unprivileged_userns_clone=1";
    g_clear_pointer(&text, g_free);
    if (g_file_get_contents("/proc/sys/kernel/apparmor_restrict_unprivileged_userns", &text, &size,
                            NULL) &&
        text[0] == '1')
      found = "turn them on: sysctl kernel.apparmor_restrict_unprivileged_userns=0, or an "
              "AppArmor profile for vnec-slave that allows userns";
    g_clear_pointer(&text, g_free);
  } else if (errnum == ENOSPC || errnum == EUSERS) {
    found = "raise user.max_user_namespaces and its like (sysctl user)";
  } else if (errnum == EAGAIN) {
    found = "this user has as many processes as it may: raise the limit (ulimit -u)";
  } else if (errnum == EMFILE || errnum == ENFILE) {
    found = "too few descriptors: raise the limit (ulimit -n 1024)";
  } else if (errnum == EINVAL || errnum == ENOSYS) {
    found = "the kernel lacks one of CONFIG_USER_NS, NET_NS, PID_NS, UTS_NS, IPC_NS, or clone3 "
            "is filtered away";
  }
  return found;
}

/* The failure, and how to get what is missing. */
static gboolean
fail_with(GError **error, GError *failure, const char *more)
{
  g_set_error(error, VN_DRIVER_ERROR, failure->code, "%s%s%s", failure->message,
              more != NULL ? "; " : "", more != NULL ? more : "");
  g_error_free(failure);
  return FALSE;
}

static gboolean
await_up(int socket, GError **error)
{
  g_auto(VnNetnsMessage) hello = {0};
  if (!vn_netns_receive(socket, &hello, error))
    return FALSE;
  VnNetnsReader reader = {hello.bytes->data, hello.bytes->len};
  VnNetnsResult result;
  if (!vn_netns_take(&reader, &result, sizeof result))
    return vn_netns_fail(error, EPROTO, "starting the namespace helper");
  if (result.code < 0)
    return TRUE;
  GError *failure =
      g_error_new(VN_DRIVER_ERROR, result.code, "%.*s", (int)sizeof result.text, result.text);
  return fail_with(error, failure, result.code == VN_DRIVER_ERROR_PRIVILEGE ? hint(EPERM) : NULL);
}

static gboolean
start(GError **error)
{
  int pair[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0)
    return vn_netns_fail(error, errno, "making the namespace helper's socket");
  pid_t pid = clone_into(CLONE_NEWUSER | SPACES, NULL);
  if (pid == 0)
    run(pair[1]);
  int errnum = errno;
  close(pair[1]);
  if (pid < 0) {
    close(pair[0]);
    GError *failure = NULL;
    vn_netns_fail(&failure, errnum, "making namespaces");
    return fail_with(error, failure, hint(errnum));
  }
  char go = 1;
  gboolean up = vn_netns_ids_map(pid, error);
  if (up && send(pair[0], &go, 1, MSG_NOSIGNAL) != 1)
    up = vn_netns_fail(error, errno, "starting the namespace helper");
  if (up && await_up(pair[0], error)) {
    helper.pid = pid;
    helper.socket = pair[0];
    return TRUE;
  }
  close(pair[0]);
  (void)kill(pid, SIGKILL);
  (void)waitpid(pid, NULL, 0);
  return FALSE;
}

gboolean
vn_netns_helper_start(GError **error)
{
  if (helper.socket >= 0)
    return TRUE;
  g_clear_error(&helper.error);
  if (start(&helper.error))
    return TRUE;
  g_propagate_error(error, g_error_copy(helper.error));
  return FALSE;
}

gboolean
vn_netns_helper_check(GError **error)
{
  if (helper.socket >= 0) {
    struct pollfd end = {helper.socket, POLLIN, 0};
    if (poll(&end, 1, 0) == 0)
      return TRUE;
    return vn_netns_ended(error);
  }
  if (helper.error != NULL)
    g_propagate_error(error, g_error_copy(helper.error));
  else
    g_set_error(error, VN_DRIVER_ERROR, VN_DRIVER_ERROR_FAILED,
                "the namespace helper was not started");
  return FALSE;
}

static gboolean
ask(const int agents[2], VnNetnsMessage *answer_message, GError **error)
{
  guint8 which[2] = {agents[0] >= 0, agents[1] >= 0};
  int given[2];
  guint n = 0;
  for (guint i = 0; i < 2; i++)
    if (agents[i] >= 0)
      given[n++] = agents[i];
  g_autoptr(GMutexLocker) locked = g_mutex_locker_new(&helper.lock);
  return vn_netns_send(helper.socket, VN_NETNS_OPEN, which, sizeof which, given, n, error) &&
         vn_netns_receive(helper.socket, answer_message, error);
}

gboolean
vn_netns_helper_open(const int agents[2], int *out_calls, int *out_events, int *out_pidfd,
                     GError **error)
{
  if (!vn_netns_helper_check(error))
    return FALSE;
  g_auto(VnNetnsMessage) message = {0};
  if (!ask(agents, &message, error))
    return FALSE;
  VnNetnsReader reader = {message.bytes->data, message.bytes->len};
  VnNetnsResult result;
  if (!vn_netns_take(&reader, &result, sizeof result))
    return vn_netns_fail(error, EPROTO, "reading the namespace helper's answer");
  if (result.code >= 0 || message.n_fds != 3) {
    g_set_error(error, VN_DRIVER_ERROR, MAX(result.code, 0), "%.*s", (int)sizeof result.text,
                result.text);
    return FALSE;
  }
  *out_calls = message.fds[0];
  *out_events = message.fds[1];
  *out_pidfd = message.fds[2];
  message.n_fds = 0;
  return TRUE;
}
