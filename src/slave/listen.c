/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The file's mode keeps strangers out where the kernel honours it; SO_PEERCRED says who came,
 * whatever the file system did. */
#include "slave/listen.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define BACKLOG 64

static int
fail(int fd, GError **error, const char *what, const char *path)
{
  int code = errno;
  g_set_error(error, G_IO_ERROR, g_io_error_from_errno(code), "%s %s: %s", what, path,
              g_strerror(code));
  if (fd >= 0)
    (void)close(fd); /* nothing was sent over it */
  return -1;
}

static gboolean
set_address(struct sockaddr_un *address, const char *path, GError **error)
{
  *address = (struct sockaddr_un){.sun_family = AF_UNIX};
  gsize n = strlen(path);
  if (n > 0 && n < sizeof address->sun_path) {
    memcpy(address->sun_path, path, n + 1);
    return TRUE;
  }
  g_set_error(error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
              "the path of a socket has 1 to %" G_GSIZE_FORMAT " bytes: %s",
              sizeof address->sun_path - 1, path);
  return FALSE;
}

int
vn_connect_to(const char *path, int type, GError **error)
{
  struct sockaddr_un address;
  if (!set_address(&address, path, error))
    return -1;
  int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);
  if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof address) != 0)
    return fail(fd, error, "connecting to", path);
  return fd;
}

/* TRUE if the path is free, or was a dead socket that is removed now. */
static gboolean
make_free(const char *path, int type, GError **error)
{
  struct stat info;
  if (lstat(path, &info) != 0)
    return errno == ENOENT || fail(-1, error, "looking at", path) == 0;
  if (!S_ISSOCK(info.st_mode) || info.st_uid != geteuid()) {
    g_set_error(error, G_IO_ERROR, G_IO_ERROR_EXISTS, "%s is there and is no socket of this user",
                path);
    return FALSE;
  }
  g_autoptr(GError) why = NULL;
  int fd = vn_connect_to(path, type, &why);
  if (fd >= 0) {
    (void)close(fd);
    g_set_error(error, G_IO_ERROR, G_IO_ERROR_ADDRESS_IN_USE, "another slave listens on %s", path);
    return FALSE;
  }
  if (!g_error_matches(why, G_IO_ERROR, G_IO_ERROR_CONNECTION_REFUSED)) {
    g_propagate_error(error, g_steal_pointer(&why));
    return FALSE;
  }
  return unlink(path) == 0 || fail(-1, error, "removing the dead socket", path) == 0;
}

int
vn_listen_at(const char *path, int type, GError **error)
{
  struct sockaddr_un address;
  if (!set_address(&address, path, error) || !make_free(path, type, error))
    return -1;
  int fd = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0)
    return fail(fd, error, "making the socket", path);
  mode_t before = umask(0177);
  int bound = bind(fd, (struct sockaddr *)&address, sizeof address);
  int code = errno;
  umask(before);
  errno = code;
  if (bound != 0 || listen(fd, BACKLOG) != 0)
    return fail(fd, error, "listening on", path);
  return fd;
}

int
vn_listen_accept(int listener, GError **error)
{
  int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
  if (fd < 0)
    return fail(fd, error, "accepting", "a connection");
  struct ucred who;
  socklen_t size = sizeof who;
  if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &size) != 0)
    return fail(fd, error, "asking who connects to", "the slave");
  if (who.uid == geteuid() || who.uid == 0)
    return fd;
  g_set_error(error, G_IO_ERROR, G_IO_ERROR_PERMISSION_DENIED,
              "a process of user %u connected, which may not", who.uid);
  (void)close(fd);
  return -1;
}
