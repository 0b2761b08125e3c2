/* SPDX-License-Identifier: GPL-3.0-or-later */
/* POSIX: start, time, waiting, the channel, sockets.
 *
 * Signals: SIGCHLD is blocked except while the agent waits in ppoll, so its handler only sets a
 * flag and no wake-up is lost. What would end a program gets an empty handler and not SIG_IGN,
 * which children would inherit.
 */
#define _GNU_SOURCE
#include "guest/agent/os.h"
#include "guest/agent/posix-private.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define INHERITED_MAX 1024 /* looked at where the kernel can't do all at once */

sigset_t vn_posix_child_mask;
struct rlimit vn_posix_child_files;
volatile sig_atomic_t vn_posix_child_ended = 1;
int vn_posix_null = -1;

static sigset_t wait_mask;
static int channel_is_socket;

static void
on_child(int number)
{
  (void)number;
  vn_posix_child_ended = 1;
}

static void
on_nothing(int number)
{
  (void)number;
}

static void
init_signals(void)
{
  static const int ignored[] = {SIGHUP,  SIGINT,  SIGQUIT, SIGTERM, SIGPIPE, SIGUSR1,
                                SIGUSR2, SIGALRM, SIGTSTP, SIGTTOU, SIGTTIN};
  struct sigaction action = {.sa_flags = SA_RESTART};
  sigemptyset(&action.sa_mask);
  action.sa_handler = SIG_DFL; /* whoever started us may have ignored some */
  for (int number = 1; number < SIGRTMIN; number++)
    sigaction(number, &action, NULL);
  action.sa_handler = on_nothing;
  for (size_t i = 0; i < sizeof ignored / sizeof *ignored; i++)
    sigaction(ignored[i], &action, NULL);
  action.sa_handler = on_child;
  sigaction(SIGCHLD, &action, NULL);
  sigset_t blocked;
  sigemptyset(&blocked);
  sigaddset(&blocked, SIGCHLD);
  sigprocmask(SIG_BLOCK, &blocked, &vn_posix_child_mask);
  sigdelset(&vn_posix_child_mask, SIGCHLD);
  wait_mask = vn_posix_child_mask;
}

/* Whatever the agent was given, its children get only what they need. */
static void
keep_descriptors_from_children(void)
{
#ifdef SYS_close_range
  if (syscall(SYS_close_range, 3u, ~0u, 4u /* CLOSE_RANGE_CLOEXEC */) == 0)
    return;
#endif
  for (int fd = 3; fd < INHERITED_MAX; fd++)
    fcntl(fd, F_SETFD, FD_CLOEXEC);
}

/* The agent shares its guest with whatever the tasks start, as the same user. None of them may look
 * into it, trace it or take its channel: what they then said there would pass for outcomes. */
static void
close_to_tasks(const char *name)
{
  prctl(PR_SET_DUMPABLE, 0);
  prctl(PR_SET_NAME, name); /* started from a sealed copy it has that copy's */
}

/* Where the agent was given a policy of its own, that stays. By system call, because musl leaves
 * the functions out. */
void
vn_posix_schedule(int patient)
{
  static const int no_priority = 0;
  int from = patient ? SCHED_OTHER : SCHED_BATCH, to = patient ? SCHED_BATCH : SCHED_OTHER;
  if (syscall(SYS_sched_getscheduler, 0) == from)
    syscall(SYS_sched_setscheduler, 0, to, &no_priority); /* if refused, all works as well */
}

void
vn_os_be_patient(int patient)
{
  static int is_patient;
  if (patient == is_patient)
    return;
  is_patient = patient;
  vn_posix_schedule(patient);
}

static int
move_channel(VnFd *channel)
{
  int type, moved = fcntl(*channel, F_DUPFD_CLOEXEC, 3);
  if (moved < 0)
    return errno;
  close(*channel);
  *channel = moved;
  channel_is_socket = getsockopt(moved, SOL_SOCKET, SO_TYPE, &type, &(socklen_t){sizeof type}) == 0;
  if (!channel_is_socket)
    fcntl(moved, F_SETFL, fcntl(moved, F_GETFL) | O_NONBLOCK);
  return 0;
}

int
vn_os_init(const char *program, VnFd *channel)
{
  const char *slash = strrchr(program, '/');
  close_to_tasks(slash != NULL ? slash + 1 : program);
  int error = *channel == VN_NO_FD ? 0 : move_channel(channel);
  if (error != 0)
    return error;
  do
    vn_posix_null = open("/dev/null", O_RDWR);
  while (vn_posix_null >= 0 && vn_posix_null < 3);
  if (vn_posix_null < 0)
    return errno;
  keep_descriptors_from_children();
  init_signals();
  prctl(PR_SET_CHILD_SUBREAPER, 1);
  getrlimit(RLIMIT_NOFILE, &vn_posix_child_files);
  struct rlimit most = {vn_posix_child_files.rlim_max, vn_posix_child_files.rlim_max};
  setrlimit(RLIMIT_NOFILE, &most); /* if refused, fewer tasks fit at once */
  vn_posix_tree_init();
  return 0;
}

int64_t
vn_os_monotonic(void)
{
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * VN_SECOND + now.tv_nsec;
}

int
vn_os_set_clock(int64_t ns)
{
  struct timespec time = {.tv_sec = (time_t)(ns / VN_SECOND), .tv_nsec = (long)(ns % VN_SECOND)};
  return clock_settime(CLOCK_REALTIME, &time) < 0 ? errno : 0;
}

void
vn_os_random(void *bytes, size_t n)
{
  if (getrandom(bytes, n, 0) == (ssize_t)n)
    return;
  for (size_t i = 0; i < n; i++) /* only to tell our own things apart */
    ((uint8_t *)bytes)[i] = (uint8_t)(vn_os_monotonic() >> (i % 4 * 8));
}

const char *
vn_os_error_text(int error)
{
  return strerror(error);
}

void
vn_os_poll(struct pollfd *polls, size_t n, int64_t until)
{
  struct timespec wait = {0, 0}, *timeout = NULL;
  if (until != VN_NEVER) {
    int64_t left = until - vn_os_monotonic();
    if (left > 0)
      wait = (struct timespec){.tv_sec = (time_t)(left / VN_SECOND),
                               .tv_nsec = (long)(left % VN_SECOND)};
    timeout = &wait;
  }
  if (ppoll(polls, (nfds_t)n, timeout, &wait_mask) <= 0)
    for (size_t i = 0; i < n; i++)
      polls[i].revents = 0;
}

/* Sockets can be asked for one call not to wait; of other channels the description is set so. */
int64_t
vn_os_channel_read(VnFd fd, void *bytes, size_t n, int wait, int *out_error)
{
  ssize_t got;
  do
    if (channel_is_socket)
      got = recv(fd, bytes, n, wait ? 0 : MSG_DONTWAIT);
    else {
      struct pollfd poll_ = {.fd = fd, .events = POLLIN};
      if (wait)
        vn_os_poll(&poll_, 1, VN_NEVER);
      got = read(fd, bytes, n);
    }
  while (got < 0 && errno == EINTR);
  *out_error = got < 0 && !vn_os_would_block(errno) ? errno : 0;
  return got;
}

int64_t
vn_os_channel_write(VnFd fd, const void *bytes, size_t n, int *out_error)
{
  ssize_t put;
  do
    put = channel_is_socket ? send(fd, bytes, n, MSG_DONTWAIT | MSG_NOSIGNAL) : write(fd, bytes, n);
  while (put < 0 && errno == EINTR);
  *out_error = put < 0 && !vn_os_would_block(errno) ? errno : 0;
  return put;
}

int64_t
vn_os_stream_read(VnFd fd, void *bytes, size_t n, int *out_error)
{
  ssize_t got;
  do
    got = read(fd, bytes, n);
  while (got < 0 && errno == EINTR);
  *out_error = got < 0 && !vn_os_would_block(errno) ? errno : 0;
  return got;
}

void
vn_os_close(VnFd *fd)
{
  if (*fd != VN_NO_FD)
    close(*fd);
  *fd = VN_NO_FD;
}

VnFd
vn_os_socket(int family, int type, int protocol, int *out_error)
{
  int fd = socket(family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, protocol);
  *out_error = fd < 0 ? errno : 0;
  return fd;
}

VnFd
vn_os_accept(VnFd listener, int *out_error)
{
  int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
  *out_error = fd < 0 ? errno : 0;
  return fd;
}

int
vn_os_socket_error(void)
{
  return errno;
}

int
vn_os_would_block(int error)
{
  return error == EAGAIN || error == EWOULDBLOCK || error == EINPROGRESS;
}
