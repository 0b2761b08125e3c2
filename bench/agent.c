/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the agent costs: requests in series over a socketpair, beside their floors in turn.
 *
 *   spawn    RUN of /bin/true                    floor: posix_spawn and waitpid of it
 *   native   NATIVE file_exists                  floor: a child that sends back what it gets
 *
 * Prints the median of each over the rounds, and the ratio to the floor, as one JSON object.
 *   bench/agent [SECONDS-A-ROUND] [ROUNDS]
 */
#include <errno.h>
#include <glib.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/agent-peer.h"

#define ROUNDS_MAX 100

extern char **environ;

static double round_seconds = 0.5;

typedef void (*Once)(gpointer data);

static double
rate(Once once, gpointer data)
{
  gint64 start = g_get_monotonic_time(), end = start + (gint64)(round_seconds * 1e6), now;
  guint n = 0;
  do {
    once(data);
    n++;
  } while ((now = g_get_monotonic_time()) < end);
  return n * 1e6 / (double)(now - start);
}

static void
spawn_floor(gpointer data)
{
  static char *const argv[] = {(char *)"/bin/true", NULL};
  pid_t pid;
  int status;
  g_assert_cmpint(posix_spawn(&pid, argv[0], NULL, NULL, argv, environ), ==, 0);
  g_assert_cmpint(waitpid(pid, &status, 0), ==, pid);
}

/* One request as bytes made beforehand, and any whole answer: what is measured is the agent. */
typedef struct {
  Peer *peer;
  guint8 bytes[512];
  gsize n;
} Shot;

static void
shoot(gpointer data)
{
  Shot *shot = data;
  g_assert_cmpint(send(shot->peer->fd, shot->bytes, shot->n, 0), ==, (gssize)shot->n);
  guint8 answer[4096];
  gsize used = 0;
  do {
    gssize n = recv(shot->peer->fd, answer + used, sizeof answer - used, 0);
    g_assert_cmpint(n, >, 0);
    used += (gsize)n;
  } while (vn_frame_peek(answer, used) == 0);
  VnFrame frame;
  g_assert_cmpint(vn_frame_decode(answer, used, &frame), ==, 0);
  g_assert_cmpint(frame.kind, ==, VN_FRAME_OUTCOME);
  g_assert_cmpint(vn_frame_int(&frame, VN_TAG_EXIT_CODE, -1), ==, 0);
}

static void
prepare(Shot *shot, Peer *peer, VnFrameKind kind, const char *name, const char *arg)
{
  VnFrameWriter writer;
  shot->peer = peer;
  vn_frame_writer_init(&writer, shot->bytes, sizeof shot->bytes);
  vn_frame_begin(&writer, (guint16)kind, 0, 0, 1);
  if (name != NULL)
    vn_frame_put_text(&writer, VN_TAG_NAME, name);
  vn_frame_put_text(&writer, VN_TAG_ARG, arg);
  vn_frame_put_int(&writer, VN_TAG_TIMEOUT, G_GINT64_CONSTANT(30000000000));
  vn_frame_put_int(&writer, VN_TAG_LIMIT, 1 << 20);
  shot->n = vn_frame_end(&writer);
}

typedef struct {
  int fd;
  pid_t pid;
} Echo;

static void
echo_start(Echo *echo)
{
  int pair[2];
  g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), ==, 0);
  echo->fd = pair[0];
  echo->pid = fork();
  if (echo->pid == 0) {
    guint8 bytes[512];
    close(pair[0]);
    for (gssize n; (n = read(pair[1], bytes, sizeof bytes)) > 0;)
      if (write(pair[1], bytes, (gsize)n) != n)
        break;
    _exit(0);
  }
  close(pair[1]);
}

static void
echo_once(gpointer data)
{
  Echo *echo = data;
  guint8 bytes[128] = {0};
  g_assert_cmpint(write(echo->fd, bytes, sizeof bytes), ==, sizeof bytes);
  g_assert_cmpint(read(echo->fd, bytes, sizeof bytes), ==, sizeof bytes);
}

static int
compare(const void *a, const void *b)
{
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static void
pair(const char *name, guint rounds, Once ours, gpointer our_data, Once floor_, gpointer floor_data)
{
  double own[ROUNDS_MAX], beside[ROUNDS_MAX], ratio[ROUNDS_MAX];
  for (guint i = 0; i < rounds; i++) {
    beside[i] = rate(floor_, floor_data);
    own[i] = rate(ours, our_data);
    ratio[i] = own[i] / beside[i];
  }
  qsort(own, rounds, sizeof *own, compare);
  qsort(beside, rounds, sizeof *beside, compare);
  qsort(ratio, rounds, sizeof *ratio, compare);
  g_print("\"%s\": {\"agent\": %.0f, \"floor\": %.0f, \"ratio\": %.3f}", name, own[rounds / 2],
          beside[rounds / 2], ratio[rounds / 2]);
}

int
main(int argc, char **argv)
{
  guint rounds = argc > 2 ? (guint)CLAMP(atoi(argv[2]), 1, ROUNDS_MAX) : 5;
  if (argc > 1)
    round_seconds = g_ascii_strtod(argv[1], NULL);
  g_autoptr(Peer) peer = peer_new("vnec-taskrunner");
  Shot run, native;
  Echo echo;
  prepare(&run, peer, VN_FRAME_RUN, NULL, "/bin/true");
  prepare(&native, peer, VN_FRAME_NATIVE, "file_exists", "/");
  echo_start(&echo);
  g_print("{");
  pair("spawn", rounds, shoot, &run, spawn_floor, NULL);
  g_print(", ");
  pair("native", rounds, shoot, &native, echo_once, &echo);
  g_print("}\n");
  close(echo.fd);
  waitpid(echo.pid, NULL, 0);
  return 0;
}
