/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Builds the helper's root and the guests' roots. See root.h for what is in them.
 *
 * An allowlist: a guest sees what is put there and nothing else of the machine. Everything that
 * all guests share is mounted once, in the helper, so that a guest costs five mounts: its root (an
 * overlay of /proto and its writable layer), /usr, /dev, /dev/pts and /proc. The helper's own
 * mount table is as short as can be because each guest's namespace begins as a copy of it.
 */
#include "drivers/netns/root.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "drivers/netns/failure.h"
#include "driver/proto.h"

/* Where the new root is put together; any folder that is there on every system. */
#define BASE "/tmp"

static const char *const folders[] = {"usr", "dev", "proc", "proto", "mnt", "state", "old"};
static const char *const devices[] = {"null", "zero", "full", "random", "urandom", "tty"};
static const struct {
  const char *path, *target;
} device_links[] = {
    {BASE "/dev/fd", "/proc/self/fd"},       {BASE "/dev/stdin", "/proc/self/fd/0"},
    {BASE "/dev/stdout", "/proc/self/fd/1"}, {BASE "/dev/stderr", "/proc/self/fd/2"},
    {BASE "/dev/ptmx", "pts/ptmx"},          {BASE "/dev/shm", "/run/shm"},
};
/* Links into /usr nowadays, folders on older systems. */
static const char *const system_folders[] = {"bin", "sbin", "lib", "lib32", "lib64", "libx32"};

/* Those of system_folders that are folders here: bound into each guest besides /usr. */
static gboolean is_folder[G_N_ELEMENTS(system_folders)];

static gboolean
bind(const char *from, const char *to, gboolean read_only, GError **error)
{
  /* With what is mounted below only if it can't be had without: those mounts are locked here. */
  if (mount(from, to, NULL, MS_BIND, NULL) != 0 &&
      mount(from, to, NULL, MS_BIND | MS_REC, NULL) != 0)
    return vn_netns_fail(error, errno, "binding %s", from);
  struct mount_attr set = {.attr_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV};
  if (read_only && mount_setattr(AT_FDCWD, to, AT_RECURSIVE, &set, sizeof set) != 0)
    return vn_netns_fail(error, errno, "making %s read-only", from);
  return TRUE;
}

static gboolean
build_devices(GError **error)
{
  if (mount("tmpfs", BASE "/dev", "tmpfs", MS_NOSUID | MS_NOEXEC, "mode=0755,size=64k") != 0)
    return vn_netns_fail(error, errno, "mounting a tmpfs for devices");
  if (mkdir(BASE "/dev/pts", 0755) != 0)
    return vn_netns_fail(error, errno, "making /dev/pts");
  for (guint i = 0; i < G_N_ELEMENTS(devices); i++) {
    g_autofree char *from = g_strconcat("/dev/", devices[i], NULL);
    g_autofree char *to = g_strconcat(BASE "/dev/", devices[i], NULL);
    int fd = open(to, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
    if (fd < 0)
      return vn_netns_fail(error, errno, "making %s", to);
    close(fd);
    if (!bind(from, to, FALSE, error))
      return FALSE;
  }
  for (guint i = 0; i < G_N_ELEMENTS(device_links); i++)
    if (symlink(device_links[i].target, device_links[i].path) != 0)
      return vn_netns_fail(error, errno, "making %s", device_links[i].path);
  unsigned long flags = MS_BIND | MS_REMOUNT | MS_RDONLY | MS_NOSUID | MS_NOEXEC;
  if (mount(NULL, BASE "/dev", NULL, flags, NULL) != 0)
    return vn_netns_fail(error, errno, "making /dev read-only");
  return TRUE;
}

static gboolean
build_system(GError **error)
{
  if (!bind("/usr", BASE "/usr", TRUE, error))
    return FALSE;
  for (guint i = 0; i < G_N_ELEMENTS(system_folders); i++) {
    g_autofree char *from = g_strconcat("/", system_folders[i], NULL);
    g_autofree char *to = g_strconcat(BASE "/", system_folders[i], NULL);
    struct stat found;
    is_folder[i] = lstat(from, &found) == 0 && S_ISDIR(found.st_mode);
    if (!is_folder[i])
      continue;
    if (mkdir(to, 0755) != 0)
      return vn_netns_fail(error, errno, "making %s", to);
    if (!bind(from, to, TRUE, error))
      return FALSE;
  }
  return TRUE;
}

static gboolean
change_root(GError **error)
{
  if (chdir(BASE) != 0 || syscall(SYS_pivot_root, ".", "old") != 0 || chdir("/") != 0)
    return vn_netns_fail(error, errno, "changing the helper's root");
  if (umount2("/old", MNT_DETACH) != 0 || rmdir("/old") != 0)
    return vn_netns_fail(error, errno, "leaving the machine's root");
  return TRUE;
}

gboolean
vn_netns_root_build(GError **error)
{
  umask(022);
  if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0)
    return vn_netns_fail(error, errno, "making mounts private");
  if (mount("tmpfs", BASE, "tmpfs", MS_NOSUID | MS_NODEV, "mode=0755") != 0)
    return vn_netns_fail(error, errno, "mounting a tmpfs");
  for (guint i = 0; i < G_N_ELEMENTS(folders); i++) {
    g_autofree char *path = g_strconcat(BASE "/", folders[i], NULL);
    if (mkdir(path, 0755) != 0)
      return vn_netns_fail(error, errno, "making %s", path);
  }
  if (mount("proc", BASE "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) != 0)
    return vn_netns_fail(error, errno,
                         "mounting /proc (a container that masks parts of /proc forbids it)");
  return build_system(error) && build_devices(error) &&
         vn_proto_build(BASE "/proto", error) && change_root(error);
}

gboolean
vn_netns_root_keeper(GError **error)
{
  if (mount("tmpfs", VN_NETNS_STATE, "tmpfs", MS_NOSUID | MS_NODEV, "mode=0755") != 0)
    return vn_netns_fail(error, errno, "mounting a tmpfs for guests' files");
  if (mkdir(VN_NETNS_STATE "/vm", 0755) != 0 || mkdir(VN_NETNS_STATE "/snapshot", 0755) != 0)
    return vn_netns_fail(error, errno, "making folders for guests' files");
  if (mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) != 0)
    return vn_netns_fail(error, errno, "mounting /proc of an experiment");
  return TRUE;
}

void
vn_netns_root_path(guint32 id, char path[VN_NETNS_PATH_MAX])
{
  g_snprintf(path, VN_NETNS_PATH_MAX, VN_NETNS_STATE "/vm/%u", id);
}

static int
write_at(int folder, const char *path, const char *text)
{
  int fd = openat(folder, path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);
  if (fd < 0)
    return errno;
  gsize size = strlen(text);
  int result = write(fd, text, size) == (gssize)size ? 0 : ENOSPC;
  close(fd);
  return result;
}

int
vn_netns_root_files(guint32 id, const char *hostname)
{
  char path[VN_NETNS_PATH_MAX], text[512];
  vn_netns_root_path(id, path);
  if (mkdir(path, 0755) != 0)
    return errno == EEXIST ? 0 : errno;
  int folder = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (folder < 0)
    return errno;
  int result = 0;
  if (mkdirat(folder, "upper", 0755) != 0 || mkdirat(folder, "work", 0755) != 0 ||
      mkdirat(folder, "upper/etc", 0755) != 0)
    result = errno;
  g_snprintf(text, sizeof text, "%s\n", hostname);
  if (result == 0)
    result = write_at(folder, "upper/etc/hostname", text);
  g_snprintf(text, sizeof text, "127.0.0.1 localhost\n::1 localhost ip6-localhost\n127.0.1.1 %s\n",
             hostname);
  if (result == 0)
    result = write_at(folder, "upper/etc/hosts", text);
  close(folder);
  return result;
}

static int
bind_system(const char **out_what)
{
  *out_what = "binding /usr";
  if (mount("/usr", "/mnt/usr", NULL, MS_BIND | MS_REC, NULL) != 0)
    return errno;
  for (guint i = 0; i < G_N_ELEMENTS(system_folders); i++) {
    char from[16], to[16];
    if (!is_folder[i])
      continue;
    g_snprintf(from, sizeof from, "/%s", system_folders[i]);
    g_snprintf(to, sizeof to, "/mnt/%s", system_folders[i]);
    if (mount(from, to, NULL, MS_BIND | MS_REC, NULL) != 0)
      return errno;
  }
  return 0;
}

static int
mount_special(const char **out_what)
{
  unsigned long flags = MS_NOSUID | MS_NODEV | MS_NOEXEC;
  *out_what = "binding /dev";
  if (mount("/dev", "/mnt/dev", NULL, MS_BIND | MS_REC, NULL) != 0)
    return errno;
  *out_what = "mounting /proc";
  if (mount("proc", "/mnt/proc", "proc", flags, NULL) != 0)
    return errno;
  *out_what = "mounting /dev/pts";
  if (mount("devpts", "/mnt/dev/pts", "devpts", MS_NOSUID | MS_NOEXEC,
            "newinstance,ptmxmode=0666,mode=0620") != 0)
    return errno;
  return 0;
}

int
vn_netns_root_enter(guint32 id, const char **out_what)
{
  char options[256];
  g_snprintf(options, sizeof options,
             "lowerdir=/proto,upperdir=" VN_NETNS_STATE "/vm/%u/upper,workdir=" VN_NETNS_STATE
             "/vm/%u/work,userxattr",
             id, id);
  *out_what = "mounting the overlay (Linux 5.11 or newer is needed)";
  if (mount("overlay", "/mnt", "overlay", MS_NOSUID | MS_NODEV, options) != 0)
    return errno;
  int result = bind_system(out_what);
  if (result == 0)
    result = mount_special(out_what);
  if (result != 0)
    return result;
  *out_what = "changing the root";
  if (chdir("/mnt") != 0 || syscall(SYS_pivot_root, ".", ".") != 0 ||
      umount2(".", MNT_DETACH) != 0 || chdir("/") != 0)
    return errno;
  return 0;
}
