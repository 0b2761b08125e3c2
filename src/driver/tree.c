/* SPDX-License-Identifier: GPL-3.0-or-later */
/* See tree.h. Every step is relative to an open folder and refuses links, so a name that a guest
 * swaps for a link while we look leads nowhere else.
 */
#include "driver/tree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#define COPY_MAX (1u << 30)

typedef struct {
  dev_t device;
  ino_t inode;
} FileKey;

typedef struct {
  int root;          /* of the copy, where hard links are made from */
  GHashTable *links; /* FileKey → its path below root */
  GString *path;     /* where we are, below root */
  guint depth;
  VnTreeOwners owners;
} Copy;

static guint
key_hash(gconstpointer key)
{
  const FileKey *file = key;
  return (guint)file->inode * 31u + (guint)file->device;
}

static gboolean
key_equal(gconstpointer a, gconstpointer b)
{
  const FileKey *left = a, *right = b;
  return left->inode == right->inode && left->device == right->device;
}

/* Attributes that matter to an overlay (opaque folders, redirects); `origin` names an inode of
 * the lower layer by a handle and is better left out of a copy. */
static int
copy_attributes(int from, int to)
{
  char names[4096], value[4096];
  gssize n = flistxattr(from, names, sizeof names);
  if (n < 0)
    return errno == ENOTSUP || errno == ERANGE ? 0 : errno;
  for (const char *name = names; name < names + n; name += strlen(name) + 1) {
    if (!g_str_has_prefix(name, "user.") || g_str_has_suffix(name, ".overlay.origin"))
      continue;
    gssize size = fgetxattr(from, name, value, sizeof value);
    if (size >= 0 && fsetxattr(to, name, value, (gsize)size, 0) != 0)
      return errno;
  }
  return 0;
}

/* Owner first: changing it would clear set-id bits. An owner that can't be given stays ours. */
static int
copy_status(const Copy *copy, int to, const struct stat *status)
{
  struct timespec times[2] = {status->st_atim, status->st_mtim};
  if (copy->owners == VN_TREE_OWNERS_KEPT && fchown(to, status->st_uid, status->st_gid) != 0 &&
      errno != EPERM && errno != EINVAL)
    return errno;
  if (fchmod(to, status->st_mode & 07777) != 0 || futimens(to, times) != 0)
    return errno;
  return 0;
}

static int
copy_range(int from, int to, off_t at, off_t end)
{
  while (at < end) {
    off_t to_at = at;
    gssize n = copy_file_range(from, &at, to, &to_at, (gsize)MIN(end - at, COPY_MAX), 0);
    if (n == 0)
      return 0;
    if (n < 0)
      return errno;
  }
  return 0;
}

static int
copy_through(int from, int to)
{
  char bytes[65536];
  gssize n = 0;
  if (lseek(from, 0, SEEK_SET) != 0)
    return errno;
  while ((n = read(from, bytes, sizeof bytes)) > 0)
    if (write(to, bytes, (gsize)n) != n)
      return ENOSPC;
  return n < 0 ? errno : 0;
}

/* Holes stay holes: a guest can make a file of any size out of nothing. */
static int
copy_bytes(int from, int to, off_t size)
{
  off_t at = lseek(from, 0, SEEK_DATA);
  int result = at < 0 && errno != ENXIO ? errno : 0;
  while (at >= 0 && result == 0) {
    off_t end = lseek(from, at, SEEK_HOLE);
    result = end < 0 ? errno : copy_range(from, to, at, end);
    at = end < 0 ? -1 : lseek(from, end, SEEK_DATA);
  }
  if (result == EXDEV || result == EINVAL || result == EOPNOTSUPP || result == ENOSYS)
    return copy_through(from, to);
  if (result == 0 && ftruncate(to, size) != 0)
    return errno;
  return result;
}

static int
copy_file(const Copy *copy, int from, const char *from_name, int to, const char *to_name,
          const struct stat *status)
{
  int source = openat(from, from_name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
  if (source < 0)
    return errno;
  int target = openat(to, to_name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
  int result = target < 0 ? errno : copy_bytes(source, target, status->st_size);
  if (result == 0)
    result = copy_attributes(source, target);
  if (result == 0)
    result = copy_status(copy, target, status);
  close(source);
  if (target >= 0)
    close(target);
  return result;
}

static int
copy_link(const Copy *copy, int from, const char *from_name, int to, const char *to_name,
          const struct stat *status)
{
  char target[4097];
  gssize n = readlinkat(from, from_name, target, sizeof target - 1);
  if (n < 0)
    return errno;
  target[n] = '\0';
  if (symlinkat(target, to, to_name) != 0)
    return errno;
  if (copy->owners == VN_TREE_OWNERS_KEPT &&
      fchownat(to, to_name, status->st_uid, status->st_gid, AT_SYMLINK_NOFOLLOW) != 0 &&
      errno != EPERM && errno != EINVAL)
    return errno;
  return 0;
}

static int copy_entry(Copy *copy, int from, const char *from_name, int to, const char *to_name);

static int
copy_entries(Copy *copy, int source, int target)
{
  int again = openat(source, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  DIR *folder = again < 0 ? NULL : fdopendir(again);
  if (folder == NULL)
    return errno;
  int result = 0;
  for (struct dirent *entry = readdir(folder); entry != NULL && result == 0;
       entry = readdir(folder)) {
    if (g_str_equal(entry->d_name, ".") || g_str_equal(entry->d_name, ".."))
      continue;
    gsize length = copy->path->len;
    g_string_append_printf(copy->path, "/%s", entry->d_name);
    result = copy_entry(copy, source, entry->d_name, target, entry->d_name);
    g_string_truncate(copy->path, length);
  }
  closedir(folder);
  return result;
}

static int
copy_folder(Copy *copy, int from, const char *from_name, int to, const char *to_name,
            const struct stat *status)
{
  if (copy->depth >= VN_TREE_DEPTH)
    return ENAMETOOLONG;
  if (mkdirat(to, to_name, 0700) != 0)
    return errno;
  int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
  int source = openat(from, from_name, flags);
  int target = source < 0 ? -1 : openat(to, to_name, flags);
  int result = target < 0 ? errno : 0;
  copy->depth++;
  if (result == 0)
    result = copy_entries(copy, source, target);
  copy->depth--;
  if (result == 0)
    result = copy_attributes(source, target);
  if (result == 0)
    result = copy_status(copy, target, status);
  if (source >= 0)
    close(source);
  if (target >= 0)
    close(target);
  return result;
}

/* TRUE if the file was copied before under another name: *out_result then tells of the link. */
static gboolean
link_again(Copy *copy, const struct stat *status, int to, const char *to_name, int *out_result)
{
  if (status->st_nlink < 2)
    return FALSE;
  FileKey key = {status->st_dev, status->st_ino};
  const char *first = g_hash_table_lookup(copy->links, &key);
  if (first == NULL) {
    g_hash_table_insert(copy->links, g_memdup2(&key, sizeof key), g_strdup(copy->path->str));
    return FALSE;
  }
  *out_result = linkat(copy->root, first, to, to_name, 0) != 0 ? errno : 0;
  return TRUE;
}

static int
copy_entry(Copy *copy, int from, const char *from_name, int to, const char *to_name)
{
  struct stat status;
  int result = 0;
  if (fstatat(from, from_name, &status, AT_SYMLINK_NOFOLLOW) != 0)
    return errno;
  if (S_ISDIR(status.st_mode))
    return copy_folder(copy, from, from_name, to, to_name, &status);
  if (link_again(copy, &status, to, to_name, &result))
    return result;
  if (S_ISREG(status.st_mode))
    return copy_file(copy, from, from_name, to, to_name, &status);
  if (S_ISLNK(status.st_mode))
    return copy_link(copy, from, from_name, to, to_name, &status);
  /* A whiteout of an overlay is a character device 0:0. */
  if (S_ISFIFO(status.st_mode) || (S_ISCHR(status.st_mode) && status.st_rdev == makedev(0, 0)))
    return mknodat(to, to_name, status.st_mode, status.st_rdev) != 0 ? errno : 0;
  return 0;
}

int
vn_tree_copy(int from, const char *from_path, int to, const char *to_path,
                   VnTreeOwners owners)
{
  Copy copy = {.root = to,
               .owners = owners,
               .links = g_hash_table_new_full(key_hash, key_equal, g_free, g_free),
               .path = g_string_new(to_path)};
  int result = copy_entry(&copy, from, from_path, to, to_path);
  g_hash_table_unref(copy.links);
  g_string_free(copy.path, TRUE);
  return result;
}

static int
remove_entries(int target, guint depth)
{
  int again = openat(target, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  DIR *folder = again < 0 ? NULL : fdopendir(again);
  if (folder == NULL)
    return errno;
  int result = 0;
  for (struct dirent *entry = readdir(folder); entry != NULL && result == 0;
       entry = readdir(folder)) {
    if (g_str_equal(entry->d_name, ".") || g_str_equal(entry->d_name, ".."))
      continue;
    if (unlinkat(target, entry->d_name, 0) == 0)
      continue;
    if (errno != EISDIR && errno != EPERM) {
      result = errno;
      break;
    }
    int below = openat(target, entry->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (below < 0)
      result = errno;
    else if (depth >= VN_TREE_DEPTH)
      result = ENAMETOOLONG;
    else
      result = remove_entries(below, depth + 1);
    if (below >= 0)
      close(below);
    if (result == 0 && unlinkat(target, entry->d_name, AT_REMOVEDIR) != 0)
      result = errno;
  }
  closedir(folder);
  return result;
}

int
vn_tree_remove(int folder, const char *path)
{
  int target = openat(folder, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (target < 0)
    return errno == ENOENT ? 0 : errno;
  int result = remove_entries(target, 0);
  close(target);
  if (result == 0 && unlinkat(folder, path, AT_REMOVEDIR) != 0)
    result = errno;
  return result;
}
