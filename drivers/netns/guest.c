/* SPDX-License-Identifier: GPL-3.0-or-later */
/* See guest.h. What runs here after the clone is in a copy of the keeper with one thread, so it
 * may use all that the keeper may; it holds nothing of the keeper's but the descriptors that it
 * keeps on purpose: 3 the channel, 4 the pipe of reports, 5 the agent's file.
 */
#include "drivers/netns/guest.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "cage/cage.h"
#include "drivers/netns/guest-net.h"
#include "drivers/netns/root.h"

#define CHANNEL_FD 3
#define REPORT_FD  4
#define AGENT_FD   5

#define SPACES \
  (CLONE_NEWUSER | CLONE_NEWNET | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWUTS | CLONE_NEWIPC)

static void
report(const VnNetnsVm *vm, int errnum, const char *what)
{
  VnNetnsReport line = {.vm = vm->wire.id, .life = vm->life, .errnum = errnum};
  g_strlcpy(line.what, what, sizeof line.what);
  if (write(REPORT_FD, &line, sizeof line) != (gssize)sizeof line)
    _exit(1);
}

static void
fail(const VnNetnsVm *vm, int errnum, const char *what)
{
  report(vm, errnum, what);
  _exit(1);
}

static void
wait_go(void)
{
  char go = 0;
  gssize n = 0;
  do
    n = read(CHANNEL_FD, &go, 1);
  while (n < 0 && errno == EINTR);
  if (n != 1 || go != VN_NETNS_GO)
    _exit(1);
}

/* Puts the three where the agent expects them and closes the rest. */
static int
arrange_fds(int channel, int reports, int agent)
{
  int null = open("/dev/null", O_RDWR | O_CLOEXEC);
  if (null < 0)
    return errno;
  /* First out of the way of the targets, then onto them. */
  int high[3] = {fcntl(channel, F_DUPFD_CLOEXEC, 16), fcntl(reports, F_DUPFD_CLOEXEC, 16),
                 fcntl(agent, F_DUPFD_CLOEXEC, 16)};
  for (int fd = 0; fd < 3; fd++)
    if (high[fd] < 0 || dup2(null, fd) < 0)
      return errno;
  if (dup2(high[0], CHANNEL_FD) < 0 || dup3(high[1], REPORT_FD, O_CLOEXEC) < 0 ||
      dup3(high[2], AGENT_FD, O_CLOEXEC) < 0)
    return errno;
  return close_range(AGENT_FD + 1, ~0u, 0) != 0 ? errno : 0;
}

/* The keeper blocks SIGCHLD for its signalfd. */
static void
reset_signals(void)
{
  sigset_t none;
  sigemptyset(&none);
  (void)sigprocmask(SIG_SETMASK, &none, NULL);
  (void)signal(SIGPIPE, SIG_DFL);
}

static void
become_agent(const VnNetnsVm *vm)
{
  const char *name = vm->wire.router ? "vnec-router" : "vnec-taskrunner";
  char *arguments[] = {(char *)name, (char *)"--channel-fd", (char *)"3", NULL};
  char *environment[] = {
      (char *)"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
      (char *)"HOME=/root", (char *)"LANG=C.UTF-8", (char *)"TERM=dumb", NULL};
  syscall(SYS_execveat, AGENT_FD, "", arguments, environment, AT_EMPTY_PATH);
  fail(vm, errno, "starting the agent");
}

G_GNUC_NORETURN static void
run(const VnNetnsKeeper *keeper, const VnNetnsVm *vm, int channel)
{
  const char *what = "arranging descriptors";
  int result = arrange_fds(channel, keeper->reports[1], keeper->agents[vm->wire.router ? 1 : 0]);
  if (result != 0)
    _exit(1);
  reset_signals();
  wait_go();
  if (sethostname(vm->wire.hostname, strlen(vm->wire.hostname)) != 0)
    fail(vm, errno, "setting the hostname");
  what = "making folders";
  result = vn_netns_root_files(vm->wire.id, vm->wire.hostname);
  if (result == 0)
    result = vn_netns_root_enter(vm->wire.id, &what);
  if (result != 0)
    fail(vm, result, what);
  wait_go();
  result = vn_netns_guest_net(vm, keeper->forwards, keeper->filters, &what);
  if (result == 0)
    result = vn_cage(vm->wire.processes, vm->wire.memory, &what);
  if (result != 0)
    fail(vm, result, what);
  report(vm, 0, "");
  become_agent(vm);
  _exit(1);
}

/* All ids of ours, or the one that we are, become the guest's own. */
static int
map_ids(pid_t pid, guint32 ids)
{
  static const char *const files[] = {"uid_map", "gid_map"};
  for (guint i = 0; i < G_N_ELEMENTS(files); i++) {
    char path[48];
    char text[32];
    g_snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, files[i]);
    int n = g_snprintf(text, sizeof text, "0 0 %u", ids);
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0)
      return errno;
    int result = write(fd, text, (gsize)n) == n ? 0 : errno;
    close(fd);
    if (result != 0)
      return result;
  }
  return 0;
}

int
vn_netns_guest_start(VnNetnsKeeper *keeper, VnNetnsVm *vm)
{
  int pair[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
    return -1;
  vm->life++;
  struct clone_args arguments = {.flags = SPACES, .exit_signal = SIGCHLD};
  pid_t pid = (pid_t)syscall(SYS_clone3, &arguments, sizeof arguments);
  if (pid == 0)
    run(keeper, vm, pair[1]);
  int result = pid < 0 ? errno : map_ids(pid, keeper->ids);
  close(pair[1]);
  if (result == 0) {
    vm->pid = pid;
    vm->channel = pair[0];
    return 0;
  }
  close(pair[0]);
  if (pid > 0) /* the reaper collects it */
    (void)kill(pid, SIGKILL);
  errno = result;
  return -1;
}

gboolean
vn_netns_guest_go(VnNetnsVm *vm)
{
  char go = VN_NETNS_GO;
  return send(vm->channel, &go, 1, MSG_NOSIGNAL) == 1;
}
