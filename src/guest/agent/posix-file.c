/* SPDX-License-Identifier: GPL-3.0-or-later */
/* POSIX: files and folders. */
#define _GNU_SOURCE
#include "guest/agent/os.h"
#include "guest/agent/text.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

int
vn_os_file_open(const char *path, VnOsOpen how, unsigned mode, VnOsFileId *out)
{
  static const int flags[] = {
      [VN_OS_READ] = O_RDONLY,
      [VN_OS_CREATE] = O_WRONLY | O_CREAT | O_TRUNC,
      [VN_OS_APPEND] = O_WRONLY | O_CREAT | O_APPEND,
      [VN_OS_CREATE_NEW] = O_WRONLY | O_CREAT | O_EXCL,
  };
  /* Not to be held up by a FIFO that nobody writes. */
  int fd = open(path, flags[how] | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, (mode_t)mode);
  if (fd < 0)
    return errno;
  *out = fd;
  return 0;
}

int64_t
vn_os_file_read(VnOsFileId file, void *bytes, size_t n, int *out_error)
{
  ssize_t got;
  do
    got = read((int)file, bytes, n);
  while (got < 0 && errno == EINTR);
  *out_error = got < 0 ? errno : 0;
  return got;
}

int
vn_os_file_write(VnOsFileId file, const void *bytes, size_t n)
{
  for (size_t put = 0; put < n;) {
    ssize_t more = write((int)file, (const char *)bytes + put, n - put);
    if (more < 0 && errno != EINTR)
      return errno;
    put += more < 0 ? 0 : (size_t)more;
  }
  return 0;
}

int
vn_os_file_close(VnOsFileId file)
{
  return close((int)file) < 0 && errno != EINTR ? errno : 0;
}

int
vn_os_file_set_mode(VnOsFileId file, unsigned mode)
{
  return fchmod((int)file, (mode_t)mode & 07777) < 0 ? errno : 0;
}

int
vn_os_file_rename(const char *from, const char *to)
{
  return rename(from, to) < 0 ? errno : 0;
}

int
vn_os_file_delete(const char *path)
{
  if (unlink(path) == 0)
    return 0;
  int error = errno;
  if ((error == EISDIR || error == EPERM) && rmdir(path) == 0)
    return 0;
  return error == EISDIR ? errno : error;
}

int
vn_os_file_mkdir(const char *path, unsigned mode)
{
  return mkdir(path, (mode_t)mode) < 0 ? errno : 0;
}

int
vn_os_file_stat(const char *path, VnOsStat *out)
{
  struct stat info;
  if (stat(path, &info) < 0)
    return errno;
  out->size = info.st_size;
  out->mode = info.st_mode & 07777;
  out->is_directory = S_ISDIR(info.st_mode);
  out->is_regular = S_ISREG(info.st_mode);
  return 0;
}

int
vn_os_file_list(const char *path, void (*visit)(const char *name, void *data), void *data)
{
  DIR *folder = opendir(path);
  if (folder == NULL)
    return errno;
  struct dirent *entry;
  errno = 0;
  while ((entry = readdir(folder)) != NULL)
    if (!vn_text_equal(entry->d_name, ".") && !vn_text_equal(entry->d_name, ".."))
      visit(entry->d_name, data);
  int error = errno;
  closedir(folder);
  return error;
}
