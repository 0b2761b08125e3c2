/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A machine is ready when its agent answers a beginning (frame/line.h) with HELLO. All else about
 * the session is the slave's, which begins anew. In a shared folder (frame/spool.h) the beginning
 * is a session's name, and the answer a file with it.
 */
#include "drivers/libvirt/greeting.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/random.h>
#include <unistd.h>

#include "drivers/libvirt/message.h"
#include "frame/frame.h"
#include "frame/line.h"
#include "frame/spool.h"

#define GREETING_MAX (64u << 10) /* bytes of a HELLO, with all that an agent offers */
#define READ_SIZE    4096u

typedef struct {
  VnLineReader reader;
  char token[VN_LINE_TOKEN];
  gboolean begun; /* with our token */
  guint8 bytes[GREETING_MAX];
  gsize used;
} Greeting;

static gboolean
fail(GError **error, const char *why)
{
  g_set_error_literal(error, VN_DRIVER_ERROR, VN_DRIVER_ERROR_FAILED, why);
  return FALSE;
}

static gboolean
too_late(GError **error, guint seconds)
{
  g_set_error(error, VN_DRIVER_ERROR, VN_DRIVER_ERROR_FAILED,
              "its agent did not answer within %u s", seconds);
  return FALSE;
}

static gboolean
make_token(char token[VN_LINE_TOKEN], GError **error)
{
  guint8 random[VN_LINE_TOKEN];
  if (getrandom(random, sizeof random, 0) != sizeof random)
    return fail(error, "no random bytes for a word to its agent");
  for (guint i = 0; i < VN_LINE_TOKEN; i++)
    token[i] = "0123456789abcdef"[random[i] & 15];
  return TRUE;
}

static gboolean
begin(int fd, Greeting *greeting, GError **error)
{
  guint8 bytes[VN_LINE_SYNC];
  if (!make_token(greeting->token, error))
    return FALSE;
  vn_line_begin(greeting->token, bytes);
  return write(fd, bytes, sizeof bytes) == sizeof bytes ||
         fail(error, "its machine stopped before its agent answered");
}

/* Looks at the whole frames that are there. 1: HELLO; 0: not yet; -1: no frame. */
static int
look(Greeting *greeting)
{
  int64_t size;
  while ((size = vn_frame_peek(greeting->bytes, greeting->used)) > 0) {
    VnFrame frame;
    if (vn_frame_decode(greeting->bytes, (size_t)size, &frame) < 0)
      return -1;
    if (frame.kind == VN_FRAME_HELLO)
      return 1;
    greeting->used -= (gsize)size;
    memmove(greeting->bytes, greeting->bytes + size, greeting->used);
  }
  return size < 0 || greeting->used == GREETING_MAX ? -1 : 0;
}

/* What an agent of an earlier connection said is void, so nothing counts before our token. */
static int
take(Greeting *greeting, const guint8 *bytes, gsize n)
{
  while (n > 0) {
    guint8 content[READ_SIZE];
    size_t size;
    int begun;
    size_t taken =
        vn_line_read(&greeting->reader, bytes, MIN(n, READ_SIZE), content, &size, &begun);
    bytes += taken;
    n -= taken;
    if (begun) {
      greeting->begun = memcmp(greeting->reader.token, greeting->token, VN_LINE_TOKEN) == 0;
      greeting->used = 0;
    }
    if (!greeting->begun || size == 0)
      continue;
    if (size > GREETING_MAX - greeting->used)
      return -1;
    memcpy(greeting->bytes + greeting->used, content, size);
    greeting->used += size;
    int found = look(greeting);
    if (found != 0)
      return found;
  }
  return 0;
}

gboolean
vn_virt_await_hello(int fd, guint seconds, GError **error)
{
  g_autofree Greeting *greeting = g_new0(Greeting, 1);
  gint64 end = g_get_monotonic_time() + (gint64)seconds * G_USEC_PER_SEC;
  if (!begin(fd, greeting, error))
    return FALSE;
  for (;;) {
    guint8 bytes[READ_SIZE];
    gint64 left = (end - g_get_monotonic_time()) / 1000;
    struct pollfd ready = {fd, POLLIN, 0};
    int n = left > 0 ? poll(&ready, 1, (int)MIN(left, G_MAXINT)) : 0;
    if (n < 0 && errno == EINTR)
      continue;
    if (n <= 0)
      return too_late(error, seconds);
    ssize_t got = read(fd, bytes, sizeof bytes);
    if (got <= 0)
      return fail(error, "its machine stopped before its agent answered");
    int found = take(greeting, bytes, (gsize)got);
    if (found > 0)
      return TRUE;
    if (found < 0)
      return fail(error, "what answers in it is no agent of VNEC");
  }
}

/* ---- in a folder ---- */

/* A link of that name is never followed: the folder's mount forbids it. */
static gboolean
begin_session(int folder, const char token[VN_LINE_TOKEN], GError **error)
{
  int fd = openat(folder, VN_SPOOL_SESSION VN_SPOOL_TEMPORARY,
                  O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600);
  gboolean good = fd >= 0 && write(fd, token, VN_LINE_TOKEN) == VN_LINE_TOKEN;
  good = good && renameat(folder, VN_SPOOL_SESSION VN_SPOOL_TEMPORARY, folder,
                          VN_SPOOL_SESSION) == 0;
  int code = errno;
  if (fd >= 0)
    (void)close(fd); /* of memory: what was written is there */
  return good || vn_virt_fail(error, code, "writing to the shared folder");
}

/* Waits for what may be the file. TRUE: it is worth a look. */
static gboolean
wait_for_event(int events, int end, gint64 deadline, guint seconds, GError **error)
{
  char ignored[4096];
  struct pollfd ready[] = {{events, POLLIN, 0}, {end, 0, 0}};
  gint64 left = (deadline - g_get_monotonic_time()) / 1000;
  int n = left > 0 ? poll(ready, G_N_ELEMENTS(ready), (int)MIN(left, G_MAXINT)) : 0;
  if (n < 0 && errno == EINTR)
    return TRUE;
  if (n <= 0)
    return too_late(error, seconds);
  if (ready[1].revents != 0)
    return fail(error, "its machine stopped before its agent answered");
  (void)!read(events, ignored, sizeof ignored); /* which it was is seen in the folder */
  return TRUE;
}

gboolean
vn_virt_await_file(int folder, int end, guint seconds, GError **error)
{
  char token[VN_LINE_TOKEN], name[VN_LINE_TOKEN + 16];
  gint64 deadline = g_get_monotonic_time() + (gint64)seconds * G_USEC_PER_SEC;
  g_autofree char *path = g_strdup_printf("/proc/self/fd/%d", folder);
  int events = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
  gboolean good = (events >= 0 && inotify_add_watch(events, path, IN_MOVED_TO) >= 0) ||
                  vn_virt_fail(error, errno, "watching the shared folder");
  good = good && make_token(token, error) && begin_session(folder, token, error);
  g_snprintf(name, sizeof name, "%.*s.%c%08x", (int)VN_LINE_TOKEN, token, VN_SPOOL_UP, 0u);
  while (good && faccessat(folder, name, F_OK, AT_SYMLINK_NOFOLLOW) != 0)
    good = wait_for_event(events, end, deadline, seconds, error);
  if (events >= 0)
    (void)close(events); /* nothing was written to it */
  return good;
}
