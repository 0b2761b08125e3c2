/* SPDX-License-Identifier: GPL-3.0-or-later */
/* An event says only that a name is worth a look: what counts is what lies there at that moment,
 * because names are read long after they were written, by us or by the guest. */
#include "slave/spool.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "slave/token.h"

#define NAME_SIZE (VN_LINE_TOKEN + 2 + 8 + 2) /* TOKEN.dNNNNNNNN.t */
#define EVENTS    (16u << 10)                 /* bytes of events read at once */

struct VnSpool {
  int folder, events;
  uid_t owner; /* of the folder; not ours where machines are run by another user */
  gid_t group;
  char token[VN_LINE_TOKEN + 1];
  guint32 next_in, next_out;
};

static const char strange[] = "its guest put something into the shared folder that has no place "
                              "there";
static const char large[] = "its guest put too large a file into the shared folder";

static void
file_name(const VnSpool *spool, char direction, guint32 number, const char *end,
          char out[NAME_SIZE + 1])
{
  g_snprintf(out, NAME_SIZE + 1, "%s.%c%08x%s", spool->token, direction, number, end);
}

static gboolean
write_all(int fd, const void *bytes, gsize n)
{
  for (gsize put = 0; put < n;) {
    ssize_t more = write(fd, (const guint8 *)bytes + put, n - put);
    if (more < 0 && errno != EINTR)
      return FALSE;
    put += more < 0 ? 0 : (gsize)more;
  }
  return TRUE;
}

/* errno tells why not. */
static gboolean
put_file(const VnSpool *spool, const char *temporary, const char *name, const void *bytes, gsize n)
{
  int fd = openat(spool->folder, temporary,
                  O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
  if (fd < 0)
    return FALSE;
  gboolean good = (spool->owner == geteuid() || fchown(fd, spool->owner, spool->group) == 0) &&
                  write_all(fd, bytes, n);
  int code = errno;
  if (close(fd) != 0 && good) {
    code = errno;
    good = FALSE;
  }
  errno = code;
  return good && renameat(spool->folder, temporary, spool->folder, name) == 0;
}

/* ---- what may lie there ---- */

typedef struct {
  gboolean ours; /* of this session */
  char direction;
  guint32 number;
} Name;

static gboolean
parse_name(const VnSpool *spool, const char *text, Name *out)
{
  gsize n = strlen(text);
  if (n == NAME_SIZE && g_str_has_suffix(text, VN_SPOOL_TEMPORARY))
    n -= strlen(VN_SPOOL_TEMPORARY);
  if (n != VN_LINE_TOKEN + 2 + 8 || strspn(text, "0123456789abcdef") != VN_LINE_TOKEN ||
      text[VN_LINE_TOKEN] != '.' || strspn(text + VN_LINE_TOKEN + 2, "0123456789abcdef") != 8)
    return FALSE;
  out->ours = strncmp(text, spool->token, VN_LINE_TOKEN) == 0;
  out->direction = text[VN_LINE_TOKEN + 1];
  out->number = (guint32)g_ascii_strtoull(text + VN_LINE_TOKEN + 2, NULL, 16);
  return out->direction == VN_SPOOL_UP || out->direction == VN_SPOOL_DOWN;
}

static gboolean
in_window(const VnSpool *spool, const Name *name)
{
  if (name->direction == VN_SPOOL_UP)
    return name->number - spool->next_in <= VN_SPOOL_WINDOW;
  return spool->next_out - name->number <= VN_SPOOL_WINDOW;
}

/* NULL, or what is wrong. */
static const char *
check_name(VnSpool *spool, const char *text)
{
  struct stat info;
  Name name;
  if (fstatat(spool->folder, text, &info, AT_SYMLINK_NOFOLLOW) != 0)
    return NULL; /* gone again */
  gboolean session = g_str_equal(text, VN_SPOOL_SESSION) ||
                     g_str_equal(text, VN_SPOOL_SESSION VN_SPOOL_TEMPORARY);
  if (!S_ISREG(info.st_mode) || (!session && !parse_name(spool, text, &name)))
    return strange;
  if (info.st_size > (session ? VN_LINE_TOKEN : VN_SPOOL_FILE))
    return large;
  if (session || (name.ours && in_window(spool, &name)))
    return NULL;
  if (name.ours)
    return strange;
  (void)unlinkat(spool->folder, text, 0); /* of an earlier session; gone is as well */
  return NULL;
}

/* The kernel lost count: all of it, as far as there may be any. */
static const char *
check_all(VnSpool *spool)
{
  g_autofree char *path = g_strdup_printf("/proc/self/fd/%d", spool->folder);
  g_autoptr(GDir) folder = g_dir_open(path, 0, NULL);
  const char *name, *why = NULL;
  guint left = 4 * (VN_SPOOL_WINDOW + 2);
  while (folder != NULL && why == NULL && (name = g_dir_read_name(folder)) != NULL)
    why = left-- > 0 ? check_name(spool, name) : strange;
  return why;
}

const char *
vn_spool_look(VnSpool *spool)
{
  union {
    struct inotify_event event;
    char bytes[EVENTS];
  } all;
  const char *why = NULL;
  ssize_t n = read(spool->events, &all, sizeof all);
  for (ssize_t at = 0; why == NULL && at < n;) {
    const struct inotify_event *event = (const void *)(all.bytes + at);
    at += (ssize_t)(sizeof *event + event->len);
    if (event->mask & IN_Q_OVERFLOW)
      why = check_all(spool);
    else if (event->mask & (IN_IGNORED | IN_DELETE_SELF))
      why = "its shared folder is gone";
    else if (event->len > 0 && !(event->mask & IN_DELETE))
      why = check_name(spool, event->name);
  }
  return why;
}

/* ---- files ---- */

/* Bytes, or -1. */
static gssize
read_all(int fd, guint8 *bytes, gsize most)
{
  gsize used = 0;
  while (used < most) {
    ssize_t n = read(fd, bytes + used, most - used);
    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0)
      return -1;
    if (n == 0)
      break;
    used += (gsize)n;
  }
  return (gssize)used;
}

gssize
vn_spool_read(VnSpool *spool, guint8 *bytes, const char **out_why)
{
  char name[NAME_SIZE + 1];
  struct stat info;
  file_name(spool, VN_SPOOL_UP, spool->next_in, "", name);
  int fd = openat(spool->folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
  if (fd < 0 && errno == ENOENT)
    return 0;
  const char *why = strange;
  gssize n = -1;
  if (fd >= 0 && fstat(fd, &info) == 0 && S_ISREG(info.st_mode) && info.st_size > 0) {
    why = info.st_size > VN_SPOOL_FILE ? large : "its file can't be read";
    n = info.st_size > VN_SPOOL_FILE ? -1 : read_all(fd, bytes, VN_SPOOL_FILE);
  }
  if (fd >= 0)
    (void)close(fd); /* it was only read */
  if (n > 0 && unlinkat(spool->folder, name, 0) != 0) {
    why = "its file can't be removed from the shared folder";
    n = -1;
  }
  if (n <= 0) {
    *out_why = why;
    return -1;
  }
  spool->next_in++;
  return n;
}

int
vn_spool_write(VnSpool *spool, const guint8 *bytes, gsize n, const char **out_why)
{
  char name[NAME_SIZE + 1], temporary[NAME_SIZE + 1];
  struct stat info;
  g_assert(n <= VN_SPOOL_FILE);
  file_name(spool, VN_SPOOL_DOWN, spool->next_out - VN_SPOOL_WINDOW, "", name);
  if (spool->next_out >= VN_SPOOL_WINDOW &&
      fstatat(spool->folder, name, &info, AT_SYMLINK_NOFOLLOW) == 0)
    return 0;
  file_name(spool, VN_SPOOL_DOWN, spool->next_out, "", name);
  file_name(spool, VN_SPOOL_DOWN, spool->next_out, VN_SPOOL_TEMPORARY, temporary);
  if (!put_file(spool, temporary, name, bytes, n)) {
    *out_why = errno == EEXIST ? strange : g_strerror(errno);
    return -1;
  }
  spool->next_out++;
  return 1;
}

/* ---- beginning and end ---- */

static gboolean
begin(VnSpool *spool)
{
  struct stat info;
  if (fstat(spool->folder, &info) != 0)
    return FALSE;
  spool->owner = info.st_uid;
  spool->group = info.st_gid;
  spool->events = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
  if (spool->events < 0)
    return FALSE;
  g_autofree char *watched = g_strdup_printf("/proc/self/fd/%d", spool->folder);
  return inotify_add_watch(spool->events, watched,
                           IN_CREATE | IN_MODIFY | IN_MOVED_TO | IN_DELETE | IN_DELETE_SELF) >= 0 &&
         vn_token_make(spool->token) &&
         put_file(spool, VN_SPOOL_SESSION VN_SPOOL_TEMPORARY, VN_SPOOL_SESSION, spool->token,
                  VN_LINE_TOKEN);
}

VnSpool *
vn_spool_open(int folder, GError **error)
{
  VnSpool *spool = g_new0(VnSpool, 1);
  spool->folder = folder;
  spool->events = -1;
  if (begin(spool))
    return spool;
  int code = errno;
  g_set_error(error, G_IO_ERROR, g_io_error_from_errno(code), "using the shared folder: %s",
              g_strerror(code));
  vn_spool_close(spool);
  return NULL;
}

void
vn_spool_close(VnSpool *spool)
{
  if (spool == NULL)
    return;
  if (spool->events >= 0)
    (void)close(spool->events); /* neither was written to */
  (void)close(spool->folder);
  g_free(spool);
}

int
vn_spool_fd(const VnSpool *spool)
{
  return spool->events;
}
