/* SPDX-License-Identifier: GPL-3.0-or-later */
/* See den.h.
 *
 *   slave ──(socket)── watcher ── nest: pid 1 of its namespace
 *                       │          ├── libvirtd
 *                       │          └── libvirt_lxc, one a container ── its processes
 *                       └ ─ broom
 *
 * All but cgroups ends with its processes. The watcher removes those when the nest has ended; the
 * broom does if the watcher can't: it waits until neither of the two holds its pipe any more.
 */
#include "drivers/libvirt/den.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <linux/sched.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "drivers/libvirt/cgroups.h"
#include "drivers/libvirt/container-net.h"
#include "drivers/libvirt/daemon.h"
#include "drivers/libvirt/message.h"
#include "drivers/libvirt/nest-private.h"

#define SPACES \
  (CLONE_NEWNET | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_PIDFD)
#define BASE VN_VIRT_NEST_BASE

static const char *const folders[] = {"usr",
                                      "dev",
                                      "dev/net",
                                      "proc",
                                      "sys",
                                      "etc",
                                      "etc/libvirt",
                                      "tmp",
                                      "run",
                                      "run/libvirt",
                                      "v",
                                      "v/agents",
                                      "var",
                                      "var/lib",
                                      "var/lib/libvirt",
                                      "var/lib/libvirt/lxc",
                                      "var/log",
                                      "var/log/libvirt",
                                      "var/log/libvirt/lxc",
                                      "old"};
static const char *const devices[] = {"null", "zero", "full",    "random", "urandom",
                                      "tty",  "fuse", "net/tun", NULL};
static const char *const agents[] = {"vnec-container-init", "vnec-taskrunner", "vnec-router"};

/* ---- watcher and broom ---- */

/* Waits for the end of all that hold the pipe's other end. */
static pid_t
start_broom(const int pipe_[2], const VnVirtCgroups *cgroups)
{
  pid_t broom = fork();
  if (broom != 0)
    return broom;
  char byte;
  (void)setsid();
  if (dup2(pipe_[0], 3) != 3 || close_range(4, ~0u, 0) != 0)
    _exit(1);
  while (read(3, &byte, 1) < 0 && errno == EINTR)
    ;
  vn_virt_cgroups_sweep(cgroups);
  _exit(0);
}

G_GNUC_NORETURN static void
watch(pid_t nest, int pidfd, int life, const VnVirtCgroups *cgroups, int held, pid_t broom)
{
  struct pollfd ends[] = {{life, 0, 0}, {pidfd, POLLIN, 0}};
  while (poll(ends, G_N_ELEMENTS(ends), -1) < 0 && errno == EINTR)
    ;
  (void)kill(nest, SIGKILL); /* fails only if it is gone */
  (void)waitpid(nest, NULL, 0);
  vn_virt_cgroups_sweep(cgroups);
  (void)close(held); /* nothing was written to it */
  if (broom > 0)
    (void)waitpid(broom, NULL, 0);
  _exit(0);
}

static pid_t
clone_den(int *out_pidfd)
{
  struct clone_args arguments = {
      .flags = SPACES, .pidfd = (guint64)(guintptr)out_pidfd, .exit_signal = SIGCHLD};
  return (pid_t)syscall(SYS_clone3, &arguments, sizeof arguments);
}

/* ---- its root ---- */

static gboolean
build_folders(GError **error)
{
  if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0)
    return vn_virt_fail(error, errno, "making mounts private");
  if (mount("tmpfs", BASE, "tmpfs", MS_NOSUID, "mode=0755") != 0)
    return vn_virt_fail(error, errno, "mounting a tmpfs");
  for (guint i = 0; i < G_N_ELEMENTS(folders); i++) {
    g_autofree char *path = g_strconcat(BASE "/", folders[i], NULL);
    if (mkdir(path, 0755) != 0)
      return vn_virt_fail(error, errno, "making %s", path);
  }
  return symlink("/run", BASE "/var/run") == 0 || vn_virt_fail(error, errno, "making /var/run");
}

static gboolean
build_kernel_files(const VnVirtCgroups *cgroups, GError **error)
{
  unsigned long flags = MS_NOSUID | MS_NODEV | MS_NOEXEC;
  if (mount("proc", BASE "/proc", "proc", flags, NULL) != 0)
    return vn_virt_fail(error, errno, "mounting /proc");
  /* Writable, since a container may mount its own only with what stands here; its is read-only. */
  if (mount("sysfs", BASE "/sys", "sysfs", flags, NULL) != 0)
    return vn_virt_fail(error, errno, "mounting /sys");
  if (mount("tmpfs", BASE "/sys/fs/cgroup", "tmpfs", flags, "mode=0755") != 0)
    return vn_virt_fail(error, errno, "mounting a tmpfs for cgroups");
  return vn_virt_cgroups_mount(cgroups, BASE "/sys/fs/cgroup", error);
}

static gboolean
write_users(GError **error)
{
  return g_file_set_contents(BASE "/etc/passwd", "root:x:0:0::/v:/usr/sbin/nologin\n", -1, error) &&
         g_file_set_contents(BASE "/etc/group", "root:x:0:\ntty:x:5:\n", -1, error);
}

/* Copied, because only /usr of the machine is seen, and a folder of somebody who builds VNEC is
 * elsewhere. */
static gboolean
copy_agent(int from_folder, const char *name, GError **error)
{
  g_autofree char *path = g_strconcat(BASE VN_VIRT_DEN_AGENTS "/", name, NULL);
  struct stat found;
  int from = openat(from_folder, name, O_RDONLY | O_CLOEXEC);
  if (from < 0 || fstat(from, &found) != 0)
    return vn_virt_fail(error, errno, "%s", name);
  int to = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0755);
  off_t done = 0;
  while (to >= 0 && done < found.st_size &&
         sendfile(to, from, &done, (size_t)(found.st_size - done)) > 0)
    ;
  int errnum = errno;
  (void)close(from); /* it was only read */
  gboolean good = to >= 0 && close(to) == 0 && done == found.st_size;
  return good || vn_virt_fail(error, errnum, "copying %s", name);
}

static gboolean
copy_agents(int folder, GError **error)
{
  struct mount_attr closed = {.attr_set = VN_VIRT_NEST_CLOSED};
  for (guint i = 0; i < G_N_ELEMENTS(agents); i++)
    if (!copy_agent(folder, agents[i], error))
      return FALSE;
  if (mount(BASE VN_VIRT_DEN_AGENTS, BASE VN_VIRT_DEN_AGENTS, NULL, MS_BIND, NULL) != 0 ||
      mount_setattr(AT_FDCWD, BASE VN_VIRT_DEN_AGENTS, 0, &closed, sizeof closed) != 0)
    return vn_virt_fail(error, errno, "making the agents read-only");
  return TRUE;
}

static gboolean
settle(int go, const VnVirtCgroups *cgroups, const char *agents_folder, GError **error)
{
  char word = 0;
  umask(022);
  /* First: whoever reads the word ends with the watcher that wrote it. */
  if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0)
    return vn_virt_fail(error, errno, "asking to end with the watcher");
  if (read(go, &word, 1) != 1)
    return vn_virt_fail(error, EPIPE, "waiting for the watcher");
  (void)close(go); /* it was only read */
  int folder = open(agents_folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (folder < 0)
    return vn_virt_fail(error, errno, "%s", agents_folder);
  gboolean good = vn_virt_cgroups_enter(cgroups, error) && build_folders(error) &&
                  build_kernel_files(cgroups, error) && vn_virt_nest_system(error) &&
                  vn_virt_nest_devices(devices, error) && write_users(error) &&
                  copy_agents(folder, error) && vn_virt_nest_change_root(error);
  (void)close(folder); /* a handle only */
  return good;
}

/* ---- all of it ---- */

gboolean
vn_virt_den_enter(int life, const char *agents_folder, GError **error)
{
  int go[2], held[2], pidfd = -1;
  VnVirtCgroups *cgroups = vn_virt_cgroups_find(error); /* for as long as this process lives */
  if (cgroups == NULL)
    return FALSE;
  if (pipe2(go, O_CLOEXEC) != 0 || pipe2(held, O_CLOEXEC) != 0)
    return vn_virt_fail(error, errno, "making a pipe");
  (void)setsid(); /* the terminal's Ctrl-C is for the master */
  if (!vn_virt_cgroups_make(cgroups, error)) {
    vn_virt_cgroups_sweep(cgroups);
    return FALSE;
  }
  pid_t broom = start_broom(held, cgroups); /* without one the watcher is alone */
  (void)close(held[0]);                     /* the broom's */
  pid_t nest = clone_den(&pidfd);
  if (nest == 0) {
    (void)close(go[1]); /* the watcher's */
    return settle(go[0], cgroups, agents_folder, error);
  }
  if (nest < 0) {
    vn_virt_fail(error, errno, "making namespaces");
    vn_virt_cgroups_sweep(cgroups);
    (void)close(held[1]);
    return FALSE;
  }
  (void)!write(go[1], "g", 1); /* without a word the nest says what is wrong */
  (void)close(go[1]);
  watch(nest, pidfd, life, cgroups, held[1], broom);
}

static gboolean
missing(GError **error, const char *what, const char *how)
{
  g_set_error(error, VN_DRIVER_ERROR, VN_DRIVER_ERROR_MISSING, "%s; %s", what, how);
  return FALSE;
}

gboolean
vn_virt_den_check(GError **error)
{
  if (geteuid() != 0) {
    g_set_error(error, VN_DRIVER_ERROR, VN_DRIVER_ERROR_PRIVILEGE,
                "containers need root: libvirt's driver for them makes cgroups and devices. Run it "
                "as root, or use netns, which needs none");
    return FALSE;
  }
  if (!vn_virt_daemon_check())
    return missing(error, "libvirt's driver for containers is not there",
                   "apt-get install --no-install-recommends libvirt-daemon-driver-lxc");
  if (access("/dev/fuse", R_OK | W_OK) != 0)
    return missing(error, "/dev/fuse is not there", "as root: modprobe fuse");
  g_autoptr(VnVirtCgroups) cgroups = vn_virt_cgroups_find(error);
  if (cgroups == NULL || !vn_virt_taps_check(error))
    return FALSE;
  int pidfd = -1;
  pid_t nest = clone_den(&pidfd);
  if (nest == 0)
    _exit(0);
  if (nest < 0)
    return vn_virt_fail(error, errno, "making namespaces");
  (void)close(pidfd); /* not needed for a child */
  (void)waitpid(nest, NULL, 0);
  return TRUE;
}
