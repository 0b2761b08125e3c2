/* SPDX-License-Identifier: GPL-3.0-or-later */
/* POSIX: starting processes, and finding all their descendants again.
 *
 * Descendants: a daemon forks twice, takes a session of its own and may clear its environment, so
 * neither parents nor sessions nor variables lead to it. On Linux each task's processes carry a
 * mark in a resource limit that the kernel has not used since 2.4, RLIMIT_LOCKS: it is inherited
 * by whatever they start, and prlimit reads it without opening a file. Limits of this: a process
 * that is root in the guest and deliberately resets that limit, in another session, gets away
 * until the guest is reset; on other systems, and where the mark can't be set, one that takes a
 * session of its own does.
 *
 * Streams: the agent keeps the writing ends of the pipes, too, until the task is over. A task ends
 * with its process and not with its streams, and so their end doesn't wake the agent twice before
 * the process has ended.
 *
 * Starting: vfork, because copying page tables is most of what a fork costs. The child runs on
 * our memory until exec, so it calls nothing but system calls.
 */
#define _GNU_SOURCE
#include "guest/agent/os.h"
#include "guest/agent/posix-private.h"
#include "guest/agent/text.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define ENVIRONMENT_DEFAULTS 2

static uint32_t mark_base; /* 0: no marks */
static uint32_t mark_serial;
static int children = 1; /* there may be some */

extern char **environ;

#ifdef RLIMIT_LOCKS
/* The agent itself may run under another agent: then its marks must stay below its own limit. */
void
vn_posix_tree_init(void)
{
  struct rlimit own;
  uint32_t random;
  vn_os_random(&random, sizeof random);
  if (sizeof(long) < 8 || getrlimit(RLIMIT_LOCKS, &own) < 0)
    return;
  uint64_t above = own.rlim_max == RLIM_INFINITY ? UINT64_C(0x40000000) : own.rlim_max >> 32;
  uint32_t spread = own.rlim_max == RLIM_INFINITY ? 0x1fffffff : 0xffff;
  if (above > spread + 1)
    mark_base = (uint32_t)(above - 1 - (random & spread));
}

static int
set_mark(uint64_t mark)
{
  struct rlimit limit = {(rlim_t)mark, (rlim_t)mark};
  return setrlimit(RLIMIT_LOCKS, &limit);
}

static uint64_t
get_mark(pid_t pid)
{
  struct rlimit limit;
  return prlimit(pid, RLIMIT_LOCKS, NULL, &limit) < 0 ? 0 : (uint64_t)limit.rlim_max;
}
#else
void
vn_posix_tree_init(void)
{
}

static int
set_mark(uint64_t mark)
{
  return -1;
}

static uint64_t
get_mark(pid_t pid)
{
  return 0;
}
#endif

const char *const *
vn_os_shell(void)
{
  static const char *const shell[] = {"/bin/sh", NULL};
  return shell;
}

void
vn_os_forget(const VnOsProcess *process)
{
  close(process->kept[0]);
  close(process->kept[1]);
  /* A script is a file in memory, gone with the last who has it open. */
}

char **
vn_os_environment(void)
{
  static char path[] = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
              home[] = "HOME=/root";
  static char **completed;
  if (completed != NULL)
    return completed;
  size_t n = 0;
  while (environ != NULL && environ[n] != NULL)
    n++;
  char **all = malloc((n + ENVIRONMENT_DEFAULTS + 1) * sizeof *all);
  if (all == NULL)
    return environ;
  if (n > 0)
    memcpy(all, environ, n * sizeof *all);
  if (getenv("PATH") == NULL)
    all[n++] = path;
  if (getenv("HOME") == NULL)
    all[n++] = home;
  all[n] = NULL;
  return completed = all;
}

/* A file in memory that reads as these bytes; -1 with errno. */
static int
memory_file(const void *bytes, size_t n)
{
  int fd = memfd_create("vnec", 0);
  size_t put = 0;
  while (fd >= 0 && put < n) {
    ssize_t more = write(fd, (const char *)bytes + put, n - put);
    if (more <= 0) {
      int error = errno;
      close(fd);
      errno = error;
      return -1;
    }
    put += (size_t)more;
  }
  if (fd >= 0)
    lseek(fd, 0, SEEK_SET);
  return fd;
}

/* Executes along PATH of the new environment. Returns only if nothing could be. */
static void
execute(char **argv, char **envp)
{
  const char *path = "/usr/bin:/bin";
  if (strchr(argv[0], '/') != NULL) {
    execve(argv[0], argv, envp);
    return;
  }
  for (char **entry = envp; *entry != NULL; entry++)
    if (strncmp(*entry, "PATH=", 5) == 0)
      path = *entry + 5;
  char bytes[VN_PATH_MAX];
  int error = ENOENT;
  for (;;) {
    size_t n = strcspn(path, ":");
    VnText text;
    vn_text_init(&text, bytes, sizeof bytes);
    vn_text_add_bytes(&text, path, n);
    vn_text_add(&text, n == 0 ? "./" : "/");
    vn_text_add(&text, argv[0]);
    if (!text.overflow)
      execve(bytes, argv, envp);
    if (errno == EACCES)
      error = EACCES; /* worth more than that it is not in the next folder either */
    else if (errno != ENOENT && errno != ENOTDIR)
      return;
    if (path[n] == '\0')
      break;
    path += n + 1;
  }
  errno = error;
}

typedef struct {
  const VnOsCommand *command;
  int input, out, err;
  uint64_t mark;
  volatile int error;
  const char *volatile step;
} Start;

static void
run_child(Start *start)
{
  setsid();
  vn_posix_schedule(0);
  if (start->mark != 0)
    set_mark(start->mark);
  setrlimit(RLIMIT_NOFILE, &vn_posix_child_files);
  start->step = "can't set up";
  if (dup2(start->input, 0) >= 0 && dup2(start->out, 1) >= 0 && dup2(start->err, 2) >= 0 &&
      sigprocmask(SIG_SETMASK, &vn_posix_child_mask, NULL) == 0) {
    start->step = "can't enter the working directory of";
    if (start->command->directory == NULL || chdir(start->command->directory) == 0) {
      start->step = "can't run";
      execute(start->command->argv, start->command->envp);
    }
  }
  start->error = errno;
  _exit(127);
}

static int
start_child(Start *start, VnOsProcess *out)
{
  out->mark = start->mark = mark_base == 0 ? 0 : (uint64_t)mark_base << 32 | ++mark_serial;
  start->error = 0;
  start->step = "can't start a process for";
  pid_t pid = vfork();
  if (pid == 0)
    run_child(start);
  if (pid < 0)
    return errno;
  children = 1;
  if (start->error != 0) {
    while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
      ;
    return start->error;
  }
  out->pid = pid;
  return 0;
}

/* The script becomes a file in memory that stays open in the process, so nothing is to be cleaned
 * up and its length has no limit but memory. */
static int
attach_script(const VnOsCommand *command, char path[40])
{
  if (command->script == NULL)
    return -1;
  int fd = memory_file(command->script, command->n_script);
  if (fd < 0)
    return -2;
  VnText text;
  vn_text_init(&text, path, 40);
  vn_text_add(&text, "/proc/self/fd/");
  vn_text_add_int(&text, fd);
  size_t n = 0;
  while (command->argv[n] != NULL)
    n++;
  command->argv[n] = path;
  command->argv[n + 1] = NULL;
  return fd;
}

static int
spawn_with_pipes(Start *start, VnOsProcess *out, VnFd out_streams[2], const char **out_step)
{
  int outs[2], errs[2];
  *out_step = "can't make a pipe for";
  if (pipe2(outs, O_CLOEXEC) < 0)
    return errno;
  if (pipe2(errs, O_CLOEXEC) < 0) {
    int error = errno;
    close(outs[0]);
    close(outs[1]);
    return error;
  }
  start->out = outs[1];
  start->err = errs[1];
  int error = start_child(start, out);
  *out_step = start->step;
  if (error != 0) {
    close(outs[0]);
    close(outs[1]);
    close(errs[0]);
    close(errs[1]);
    return error;
  }
  fcntl(outs[0], F_SETFL, O_NONBLOCK);
  fcntl(errs[0], F_SETFL, O_NONBLOCK);
  out->kept[0] = outs[1];
  out->kept[1] = errs[1];
  out_streams[0] = outs[0];
  out_streams[1] = errs[0];
  return 0;
}

int
vn_os_spawn(const VnOsCommand *command, VnOsProcess *out, VnFd out_streams[2],
            const char **out_step)
{
  Start start = {.command = command, .input = vn_posix_null};
  char path[40];
  int script = attach_script(command, path);
  *out_step = "can't keep the script or input of";
  if (script == -2)
    return errno;
  if (command->n_input > 0)
    start.input = memory_file(command->input, command->n_input);
  int error = start.input < 0 ? errno : spawn_with_pipes(&start, out, out_streams, out_step);
  if (start.input >= 0 && start.input != vn_posix_null)
    close(start.input);
  if (script >= 0)
    close(script);
  return error;
}

int
vn_os_reap(VnOsEnded *out)
{
  int status;
  if (!vn_posix_child_ended)
    return 0;
  pid_t pid = waitpid(-1, &status, WNOHANG);
  if (pid <= 0) {
    children = pid == 0;
    vn_posix_child_ended = 0;
    return 0;
  }
  out->pid = pid;
  out->code = WIFEXITED(status) ? WEXITSTATUS(status) : 0;
  out->signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
  return 1;
}

int
vn_os_has_children(void)
{
  return children;
}

/* Numbers in /proc mean what they do to us only if it was mounted in our own namespace. */
static int
proc_is_ours(void)
{
  char bytes[24];
  int64_t pid;
  ssize_t n = readlink("/proc/self", bytes, sizeof bytes - 1);
  bytes[n < 0 ? 0 : n] = '\0';
  return vn_text_int(bytes, 1, INT32_MAX, &pid) == 0 && pid == getpid();
}

/* Calls with each process of the guest but the agent; sums up what that gives. Where /proc is
 * none of ours nothing is found, and only process groups and kill -1 reach anything. */
static unsigned
each_process(unsigned (*visit)(pid_t pid, const void *data), const void *data)
{
  DIR *folder = proc_is_ours() ? opendir("/proc") : NULL;
  unsigned sum = 0;
  pid_t own = getpid();
  struct dirent *entry;
  while (folder != NULL && (entry = readdir(folder)) != NULL) {
    int64_t pid;
    if (vn_text_int(entry->d_name, 1, INT32_MAX, &pid) == 0 && pid != own)
      sum += visit((pid_t)pid, data);
  }
  if (folder != NULL)
    closedir(folder);
  return sum;
}

typedef struct {
  VnOsProcess process; /* pid 0: any of ours */
  int signals[2];      /* 0: none */
} Visit;

static int
belongs(pid_t pid, const VnOsProcess *process)
{
  if (process->pid == 0)
    return getpid() == 1 || (mark_base != 0 && get_mark(pid) >> 32 == mark_base);
  return process->mark != 0 ? get_mark(pid) == process->mark : getsid(pid) == process->pid;
}

static unsigned
visit_signal(pid_t pid, const void *data)
{
  const Visit *visit = data;
  if (!belongs(pid, &visit->process))
    return 0;
  for (unsigned i = 0; i < 2; i++)
    if (visit->signals[i] != 0)
      kill(pid, visit->signals[i]);
  return 1;
}

static unsigned
act(const VnOsProcess *process, VnOsTreeAction action)
{
  static const int signals[][2] = {
      [VN_OS_ASK] = {SIGTERM, SIGCONT}, [VN_OS_KILL] = {SIGKILL, 0}, [VN_OS_STOP] = {SIGSTOP, 0},
      [VN_OS_CONTINUE] = {SIGCONT, 0},  [VN_OS_COUNT] = {0, 0},
  };
  Visit visit = {.process = *process, .signals = {signals[action][0], signals[action][1]}};
  return each_process(visit_signal, &visit);
}

unsigned
vn_os_tree(const VnOsProcess *process, VnOsTreeAction action)
{
  if (action == VN_OS_KILL && act(process, VN_OS_STOP) == 0)
    return 0; /* stopped first, so that what forks all the time can't outrun the list */
  return act(process, action);
}

void
vn_os_kill_group(const VnOsProcess *process)
{
  kill((pid_t)-process->pid, SIGKILL);
}

unsigned
vn_os_all(VnOsTreeAction action)
{
  static const VnOsProcess any = {0, 0, {VN_NO_FD, VN_NO_FD}};
  if (getpid() == 1 && action == VN_OS_KILL)
    kill(-1, SIGKILL); /* at once, so that nothing forks meanwhile */
  return act(&any, action);
}

/* The state letter stands behind the last parenthesis. */
static unsigned
visit_running(pid_t pid, const void *data)
{
  const Visit *visit = data;
  if (!belongs(pid, &visit->process))
    return 0;
  char path[40], bytes[128];
  VnText text;
  vn_text_init(&text, path, sizeof path);
  vn_text_add(&text, "/proc/");
  vn_text_add_int(&text, pid);
  vn_text_add(&text, "/stat");
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  ssize_t n = fd < 0 ? -1 : read(fd, bytes, sizeof bytes - 1);
  if (fd >= 0)
    close(fd);
  if (n <= 0)
    return 0;
  bytes[n] = '\0';
  const char *end = strrchr(bytes, ')');
  return end == NULL || strchr("TtZX", end[1] == ' ' ? end[2] : 'R') == NULL;
}

unsigned
vn_os_all_running(void)
{
  Visit visit = {.process = {0, 0, {VN_NO_FD, VN_NO_FD}}};
  return each_process(visit_running, &visit);
}
