/* SPDX-License-Identifier: GPL-3.0-or-later */
/* See nest.h.
 *
 *   slave ──(socket)── watcher ── nest: pid 1 of its namespace, libvirt in it
 *                                  └── qemu, qemu, …
 *
 * The watcher does nothing but wait, so nothing can keep it from noticing that the slave is gone.
 * Ids: for a user the own id alone is mapped (as 1000, so that libvirt does not take itself for
 * root); for root a stranger's id, and that of the group that may open /dev/kvm.
 */
#include "drivers/libvirt/nest.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/sched.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "drivers/libvirt/message.h"
#include "drivers/libvirt/nest-private.h"
#include "drivers/libvirt/room.h"

#define SPACES                                                                               \
  (CLONE_NEWUSER | CLONE_NEWNET | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWUTS | CLONE_NEWIPC | \
   CLONE_PIDFD)

#define BASE   VN_VIRT_NEST_BASE
#define CLOSED VN_VIRT_NEST_CLOSED

#define INSIDE  1000u /* user and group in the nest */
#define KVM_GID 1001u /* in the nest */

static const char *const folders[] = {"usr", "dev", "proc", "sys",    "etc",
                                      "tmp", "run", "v",    "states", "old"};
/* Links into /usr nowadays, folders on older systems. */
static const char *const system_folders[] = {"bin", "sbin", "lib", "lib32", "lib64", "libx32"};
static const char *const devices[] = {"null", "zero", "full", "random", "urandom", "kvm", NULL};
static const char *const settings[] = {"/etc/ld.so.cache", "/etc/alternatives"};

/* ---- the watcher ---- */

static int
write_proc(pid_t pid, const char *name, const char *text)
{
  g_autofree char *path = g_strdup_printf("/proc/%d/%s", (int)pid, name);
  int fd = open(path, O_WRONLY | O_CLOEXEC);
  if (fd < 0)
    return errno;
  int result = write(fd, text, strlen(text)) < 0 ? errno : 0;
  (void)close(fd); /* the write said all */
  return result;
}

static int
map(pid_t pid, guint32 uid, guint32 gid, gint64 kvm)
{
  g_autofree char *uids = g_strdup_printf("%u %u 1", INSIDE, uid);
  g_autofree char *gids =
      kvm < 0 ? g_strdup_printf("%u %u 1", INSIDE, gid)
              : g_strdup_printf("%u %u 1\n%u %u 1", INSIDE, gid, KVM_GID, (guint32)kvm);
  int result = write_proc(pid, "uid_map", uids);
  return result != 0 ? result : write_proc(pid, "gid_map", gids);
}

static int
map_ids(pid_t pid)
{
  struct stat kvm;
  gint64 group = stat("/dev/kvm", &kvm) == 0 && kvm.st_gid != 0 ? (gint64)kvm.st_gid : -1;
  if (geteuid() == 0 && map(pid, VN_VIRT_STRANGER, VN_VIRT_STRANGER, group) == 0)
    return 0;
  int result = write_proc(pid, "setgroups", "deny");
  return result != 0 ? result : map(pid, geteuid(), getegid(), -1);
}

/* Until the nest or the slave ends. The status is for whoever looks. */
G_GNUC_NORETURN static void
watch(pid_t nest, int pidfd, int life)
{
  struct pollfd ends[] = {{life, 0, 0}, {pidfd, POLLIN, 0}};
  while (poll(ends, G_N_ELEMENTS(ends), -1) < 0 && errno == EINTR)
    ;
  (void)kill(nest, SIGKILL); /* fails only if it is gone */
  (void)waitpid(nest, NULL, 0);
  _exit(0);
}

static pid_t
clone_nest(int *out_pidfd)
{
  struct clone_args arguments = {
      .flags = SPACES, .pidfd = (guint64)(guintptr)out_pidfd, .exit_signal = SIGCHLD};
  return (pid_t)syscall(SYS_clone3, &arguments, sizeof arguments);
}

/* ---- the root of the nest ---- */

static gboolean
bind_to(const char *from, const char *to, guint64 attributes, GError **error)
{
  /* With what is mounted below only if it can't be had without: those mounts are locked here. */
  if (mount(from, to, NULL, MS_BIND, NULL) != 0 &&
      mount(from, to, NULL, MS_BIND | MS_REC, NULL) != 0)
    return vn_virt_fail(error, errno, "binding %s", from);
  struct mount_attr set = {.attr_set = attributes};
  if (attributes != 0 && mount_setattr(AT_FDCWD, to, AT_RECURSIVE, &set, sizeof set) != 0)
    return vn_virt_fail(error, errno, "making %s read-only", from);
  return TRUE;
}

gboolean
vn_virt_nest_bind(const char *from, const char *to, guint64 attributes, GError **error)
{
  struct stat found;
  if (stat(from, &found) != 0)
    return TRUE; /* what this machine lacks */
  if (S_ISDIR(found.st_mode)) {
    if (mkdir(to, 0755) != 0)
      return vn_virt_fail(error, errno, "making %s", to);
  } else {
    int fd = open(to, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
    if (fd < 0)
      return vn_virt_fail(error, errno, "making %s", to);
    (void)close(fd); /* it is empty */
  }
  return bind_to(from, to, attributes, error);
}

gboolean
vn_virt_nest_system(GError **error)
{
  if (!bind_to("/usr", BASE "/usr", CLOSED, error))
    return FALSE;
  for (guint i = 0; i < G_N_ELEMENTS(system_folders); i++) {
    g_autofree char *from = g_strconcat("/", system_folders[i], NULL);
    g_autofree char *to = g_strconcat(BASE "/", system_folders[i], NULL);
    g_autofree char *target = g_file_read_link(from, NULL);
    if (target != NULL && symlink(target, to) != 0)
      return vn_virt_fail(error, errno, "making %s", to);
    if (target == NULL && !vn_virt_nest_bind(from, to, CLOSED, error))
      return FALSE;
  }
  for (guint i = 0; i < G_N_ELEMENTS(settings); i++) {
    g_autofree char *to = g_strconcat(BASE, settings[i], NULL);
    if (!vn_virt_nest_bind(settings[i], to, CLOSED, error))
      return FALSE;
  }
  return TRUE;
}

gboolean
vn_virt_nest_devices(const char *const *names, GError **error)
{
  for (guint i = 0; names[i] != NULL; i++) {
    g_autofree char *from = g_strconcat("/dev/", names[i], NULL);
    g_autofree char *to = g_strconcat(BASE "/dev/", names[i], NULL);
    if (!vn_virt_nest_bind(from, to, 0, error))
      return FALSE;
  }
  if (mkdir(BASE "/dev/shm", 01777) != 0 || mkdir(BASE "/dev/pts", 0755) != 0)
    return vn_virt_fail(error, errno, "making folders in /dev");
  if (mount("devpts", BASE "/dev/pts", "devpts", MS_NOSUID | MS_NOEXEC,
            "newinstance,ptmxmode=0666,mode=0620") != 0)
    return vn_virt_fail(error, errno, "mounting /dev/pts");
  return symlink("pts/ptmx", BASE "/dev/ptmx") == 0 ||
         vn_virt_fail(error, errno, "making /dev/ptmx");
}

static gboolean
write_users(GError **error)
{
  return g_file_set_contents(BASE "/etc/passwd",
                             "vnec:x:1000:1000::" VN_VIRT_HOME ":/usr/sbin/nologin\n", -1, error) &&
         g_file_set_contents(BASE "/etc/group", "vnec:x:1000:\nkvm:x:1001:\n", -1, error);
}

gboolean
vn_virt_nest_change_root(GError **error)
{
  if (chdir(BASE) != 0 || syscall(SYS_pivot_root, ".", "old") != 0 || chdir("/") != 0)
    return vn_virt_fail(error, errno, "changing the root");
  if (umount2("/old", MNT_DETACH) != 0 || rmdir("/old") != 0)
    return vn_virt_fail(error, errno, "leaving the machine's root");
  return TRUE;
}

/* ---- becoming nobody ---- */

/* Files can be made only under an id that is mapped. The capabilities stay: no id here is root's.
 */
static gboolean
become_user(GError **error)
{
  gid_t kvm = KVM_GID;
  if (setgroups(1, &kvm) != 0)
    (void)setgroups(0, NULL); /* where a user's own id alone is mapped they can't be changed */
  return (setresgid(INSIDE, INSIDE, INSIDE) == 0 && setresuid(INSIDE, INSIDE, INSIDE) == 0) ||
         vn_virt_fail(error, errno, "becoming a user of the nest");
}

static gboolean
drop_all(GError **error)
{
  struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
  struct __user_cap_data_struct none[2] = {0};
  if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) != 0 ||
      syscall(SYS_capset, &head, none) != 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
    return vn_virt_fail(error, errno, "giving up privileges");
  /* Both are cleared by a change of ids. Dumpable: QEMU opens images through /proc/1/fd. */
  if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0 || prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) != 0)
    return vn_virt_fail(error, errno, "asking to end with the watcher");
  return TRUE;
}

/* ---- all of it ---- */

static gboolean
build_root(const char *states, GError **error)
{
  umask(022);
  if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0)
    return vn_virt_fail(error, errno, "making mounts private");
  int tree = -1;
  if (states != NULL) /* first, because its path may lie below BASE */
    tree = (int)syscall(SYS_open_tree, AT_FDCWD, states, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
  if (states != NULL && tree < 0)
    return vn_virt_fail(error, errno, "%s", states);
  if (!become_user(error))
    return FALSE;
  guint64 most = vn_virt_room_most();
  g_autofree char *how =
      most == 0 ? g_strdup("mode=0755")
                : g_strdup_printf("mode=0755,size=%" G_GUINT64_FORMAT, most);
  if (mount("tmpfs", BASE, "tmpfs", MS_NOSUID, how) != 0)
    return vn_virt_fail(error, errno, "mounting a tmpfs");
  for (guint i = 0; i < G_N_ELEMENTS(folders); i++) {
    g_autofree char *path = g_strconcat(BASE "/", folders[i], NULL);
    if (mkdir(path, 0755) != 0)
      return vn_virt_fail(error, errno, "making %s", path);
  }
  if (mount("proc", BASE "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) != 0)
    return vn_virt_fail(error, errno,
                        "mounting /proc (a container that masks parts of /proc forbids it)");
  struct mount_attr closed = {.attr_set = CLOSED};
  if (tree >= 0 &&
      (syscall(SYS_move_mount, tree, "", AT_FDCWD, BASE VN_VIRT_STATES, MOVE_MOUNT_F_EMPTY_PATH) !=
           0 ||
       mount_setattr(AT_FDCWD, BASE VN_VIRT_STATES, AT_RECURSIVE, &closed, sizeof closed) != 0))
    return vn_virt_fail(error, errno, "mounting the kept states");
  return vn_virt_nest_system(error) && bind_to("/sys", BASE "/sys", CLOSED, error) &&
         vn_virt_nest_devices(devices, error) && write_users(error) &&
         vn_virt_nest_change_root(error);
}

static gboolean
settle(int go, const char *states, GError **error)
{
  char word = 0;
  if (read(go, &word, 1) != 1)
    return vn_virt_fail(error, EPIPE, "waiting for ids");
  (void)close(go); /* it was only read */
  struct rlimit files;
  if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
    files.rlim_cur = files.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &files); /* fewer machines fit, then */
  }
  if (!build_root(states, error))
    return FALSE;
  return drop_all(error);
}

gboolean
vn_virt_nest_enter(int life, const char *states, GError **error)
{
  int go[2], pidfd = -1;
  if (pipe2(go, O_CLOEXEC) != 0)
    return vn_virt_fail(error, errno, "making a pipe");
  (void)setsid(); /* the terminal's Ctrl-C is for the master */
  pid_t nest = clone_nest(&pidfd);
  if (nest < 0)
    return vn_virt_fail(error, errno,
                        "making namespaces (vnec doctor says how to allow user namespaces)");
  if (nest == 0) {
    (void)close(go[1]); /* the watcher's */
    return settle(go[0], states, error);
  }
  int result = map_ids(nest);
  if (result == 0 && write(go[1], "g", 1) != 1)
    result = errno;
  (void)close(go[1]); /* without a word the nest says what is wrong */
  watch(nest, pidfd, life);
}

gboolean
vn_virt_nest_check(GError **error)
{
  int pidfd = -1;
  pid_t nest = clone_nest(&pidfd);
  if (nest == 0)
    _exit(0);
  if (nest < 0)
    return vn_virt_fail(error, errno, "making namespaces");
  (void)close(pidfd); /* not needed for a child */
  (void)waitpid(nest, NULL, 0);
  return TRUE;
}
