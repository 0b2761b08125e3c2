/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A machine is ready when its agent answers a beginning (frame/line.h) with HELLO. All else about
 * the session is the slave's, which begins anew.
 */
#include "drivers/libvirt/greeting.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "driver/driver.h"
#include "frame/frame.h"
#include "frame/line.h"

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
begin(int fd, Greeting *greeting, GError **error)
{
  guint8 random[VN_LINE_TOKEN], bytes[VN_LINE_SYNC];
  if (getrandom(random, sizeof random, 0) != sizeof random)
    return fail(error, "no random bytes for a word to its agent");
  for (guint i = 0; i < VN_LINE_TOKEN; i++)
    greeting->token[i] = "0123456789abcdef"[random[i] & 15];
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
    if (n <= 0) {
      g_set_error(error, VN_DRIVER_ERROR, VN_DRIVER_ERROR_FAILED,
                  "its agent did not answer within %u s", seconds);
      return FALSE;
    }
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
