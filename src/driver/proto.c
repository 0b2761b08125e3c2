/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What stands in a new guest's root besides /usr.
 *
 * Generated where the machine's own could tell something (names, users, resolvers); copied where
 * programs in /usr need it and it is the same on every installation: the loader's cache, names of
 * services, Debian's alternatives. Nothing else of the machine's /etc gets in.
 */
#include "driver/proto.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "driver/tree.h"

static const struct {
  const char *path;
  mode_t mode;
} folders[] = {
    {"usr", 0755},       {"etc", 0755},     {"proc", 0555},     {"dev", 0755},
    {"sys", 0555},       {"tmp", 01777},    {"run", 0755},      {"run/shm", 01777},
    {"run/lock", 01777}, {"home", 0755},    {"root", 0700},     {"mnt", 0755},
    {"opt", 0755},       {"srv", 0755},     {"var", 0755},      {"var/cache", 0755},
    {"var/lib", 0755},   {"var/log", 0755}, {"var/tmp", 01777}, {"var/spool", 0755},
    {"var/empty", 0755},
};

static const struct {
  const char *path, *text;
} files[] = {
    {"etc/passwd", "root:x:0:0:root:/root:/bin/sh\n"
                   "daemon:x:1:1:daemon:/usr/sbin:/usr/sbin/nologin\n"
                   "nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n"},
    {"etc/group", "root:x:0:\ndaemon:x:1:\ntty:x:5:\nnogroup:x:65534:\n"},
    {"etc/nsswitch.conf", "passwd: files\ngroup: files\nhosts: files\nnetworks: files\n"
                          "protocols: files\nservices: files\nethers: files\nrpc: files\n"},
    {"etc/resolv.conf", "# an experiment has no resolver but its own\n"},
    {"etc/hosts", "127.0.0.1 localhost\n::1 localhost\n"},
    {"etc/hostname", "localhost\n"},
    {"etc/fstab", ""},
    {"etc/machine-id", ""},
};

/* Copied if they are there and readable. */
static const char *const copies[] = {
    "etc/ld.so.cache",    "etc/ld.so.conf", "etc/ld.so.conf.d", "etc/alternatives",
    "etc/services",       "etc/protocols",  "etc/ethertypes",   "etc/rpc",
    "etc/localtime",      "etc/mime.types", "etc/terminfo",     "etc/shells",
    "etc/debian_version",
};

static const struct {
  const char *path, *target;
} links[] = {{"etc/mtab", "../proc/self/mounts"}, {"var/run", "/run"}, {"var/lock", "/run/lock"}};

static const char *const system_folders[] = {"bin", "sbin", "lib", "lib32", "lib64", "libx32"};

static gboolean
write_file(int root, const char *path, const char *text, GError **error)
{
  int fd = openat(root, path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (fd < 0)
    return vn_driver_fail(error, errno, "making the guests' /%s", path);
  gsize size = strlen(text);
  gssize n = write(fd, text, size);
  close(fd);
  return n == (gssize)size || vn_driver_fail(error, ENOSPC, "writing the guests' /%s", path);
}

/* /bin and the like: as here, a link or a folder. */
static gboolean
make_system_folders(int root, GError **error)
{
  for (guint i = 0; i < G_N_ELEMENTS(system_folders); i++) {
    char target[256];
    g_autofree char *path = g_strconcat("/", system_folders[i], NULL);
    gssize n = readlink(path, target, sizeof target - 1);
    struct stat found;
    if (n > 0) {
      target[n] = '\0';
      if (symlinkat(target, root, system_folders[i]) != 0)
        return vn_driver_fail(error, errno, "making the guests' %s", path);
    } else if (lstat(path, &found) == 0 && mkdirat(root, system_folders[i], 0755) != 0) {
      return vn_driver_fail(error, errno, "making the guests' %s", path);
    }
  }
  return TRUE;
}

/* Debian's links from names to programs; those of manual pages are many and left out. */
static void
copy_alternatives(int root)
{
  DIR *folder = opendir("/etc/alternatives");
  if (folder == NULL)
    return;
  int to = mkdirat(root, "etc/alternatives", 0755) == 0
               ? openat(root, "etc/alternatives", O_PATH | O_DIRECTORY | O_CLOEXEC)
               : -1;
  for (struct dirent *entry = to >= 0 ? readdir(folder) : NULL; entry != NULL;
       entry = readdir(folder)) {
    char target[4096];
    if (entry->d_type != DT_LNK || g_str_has_suffix(entry->d_name, ".gz"))
      continue;
    gssize n = readlinkat(dirfd(folder), entry->d_name, target, sizeof target - 1);
    if (n <= 0)
      continue;
    target[n] = '\0';
    (void)!symlinkat(target, to, entry->d_name);
  }
  if (to >= 0)
    close(to);
  closedir(folder);
}

static void
copy_from_machine(int root)
{
  int machine = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
  /* None of them is needed by all programs, so one that can't be read is left out. */
  for (guint i = 0; machine >= 0 && i < G_N_ELEMENTS(copies); i++)
    (void)vn_tree_copy(machine, copies[i], root, copies[i], VN_TREE_OWNERS_OURS);
  if (machine >= 0)
    close(machine);
  copy_alternatives(root);
}

static gboolean
fill(int root, GError **error)
{
  for (guint i = 0; i < G_N_ELEMENTS(folders); i++)
    if (mkdirat(root, folders[i].path, 0755) != 0 ||
        fchmodat(root, folders[i].path, folders[i].mode, 0) != 0)
      return vn_driver_fail(error, errno, "making the guests' /%s", folders[i].path);
  for (guint i = 0; i < G_N_ELEMENTS(files); i++)
    if (!write_file(root, files[i].path, files[i].text, error))
      return FALSE;
  for (guint i = 0; i < G_N_ELEMENTS(links); i++)
    if (symlinkat(links[i].target, root, links[i].path) != 0)
      return vn_driver_fail(error, errno, "making the guests' /%s", links[i].path);
  copy_from_machine(root);
  return make_system_folders(root, error);
}

gboolean
vn_proto_build(const char *path, GError **error)
{
  int root = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (root < 0)
    return vn_driver_fail(error, errno, "opening %s", path);
  gboolean done = fill(root, error);
  close(root);
  return done;
}
