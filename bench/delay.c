/* SPDX-License-Identifier: GPL-3.0-or-later */
/* delay hub|floor MILLISECONDS FRAMES-A-SECOND SECONDS [load]: how exactly frames are held back.
 *
 * A process sends small frames at uneven moments; VNEC's hub, or a bare loop of epoll and a timer
 * (the floor), holds each for so long from the moment at which it saw it; the main thread takes
 * them. With `load` there are as many busy processes as processors, and all of the way asks for
 * real-time priority. Prints median and 99th percentile of the error, us. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "hub/hub.h"

#define SECOND  G_GINT64_CONSTANT(1000000000)
#define SIZE    500u
#define NUMBER  14u /* where a frame bears its number */
#define WAITING 65536u

typedef struct {
  gint64 delay;
  guint32 n;       /* frames */
  gint64 *arrived; /* by number */
  int in, out;     /* of the floor */
} Line;

static gint64
now(void)
{
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * SECOND + time.tv_nsec;
}

static void
ask_realtime(int priority)
{
  const struct sched_param how = {.sched_priority = priority};
  if (sched_setscheduler(0, SCHED_FIFO | SCHED_RESET_ON_FORK, &how) != 0)
    g_printerr("delay: no real-time priority: %s\n", g_strerror(errno));
}

static guint32
number_of(const guint8 *frame)
{
  guint32 number;
  memcpy(&number, frame + NUMBER, sizeof number);
  return number;
}

/* ---- the floor ---- */

static gpointer
hold_frames(gpointer data)
{
  static guint8 frames[WAITING][SIZE];
  static gint64 due[WAITING];
  Line *line = data;
  guint32 first = 0, next = 0;
  gint64 armed = 0;
  int set = epoll_create1(EPOLL_CLOEXEC);
  int timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
  struct epoll_event event = {.events = EPOLLIN}, events[4];
  (void)epoll_ctl(set, EPOLL_CTL_ADD, line->in, &event);
  (void)epoll_ctl(set, EPOLL_CTL_ADD, timer, &event);
  for (;;) {
    for (; first != next && due[first % WAITING] <= now(); first++)
      (void)send(line->out, frames[first % WAITING], SIZE, 0);
    if (first != next && due[first % WAITING] != armed) {
      armed = due[first % WAITING];
      const struct itimerspec when = {.it_value = {armed / SECOND, armed % SECOND}};
      (void)timerfd_settime(timer, TFD_TIMER_ABSTIME, &when, NULL);
    }
    (void)epoll_wait(set, events, G_N_ELEMENTS(events), -1);
    guint64 count;
    (void)!read(timer, &count, sizeof count);
    while (recv(line->in, frames[next % WAITING], SIZE, MSG_DONTWAIT) > 0) {
      gint64 time = now();
      line->arrived[number_of(frames[next % WAITING])] = time;
      due[next++ % WAITING] = time + line->delay;
    }
  }
  return NULL;
}

static gpointer
floor_thread(gpointer data)
{
  ask_realtime(10);
  return hold_frames(data);
}

/* ---- the hub ---- */

static void
note(gint64 time_ns, const guint8 *bytes, guint32 n, gpointer data)
{
  Line *line = data;
  if (n == SIZE)
    line->arrived[number_of(bytes)] = now();
}

static VnHub *
start_hub(Line *line)
{
  g_autoptr(GError) error = NULL;
  VnHub *hub = vn_hub_new(&error);
  const VnHubSegment segment = {.id = 1, .name = "lan", .impairment = {.delay_ns = line->delay}};
  const VnHubPort in = {.id = 1, .segment = 1, .kind = VN_HUB_PACKETS, .fd = line->in};
  const VnHubPort out = {.id = 2, .segment = 1, .kind = VN_HUB_PACKETS, .fd = line->out};
  if (hub == NULL || !vn_hub_add_segment(hub, &segment, &error) ||
      !vn_hub_add_port(hub, &in, &error) || !vn_hub_add_port(hub, &out, &error) ||
      !vn_hub_open_capture(hub, 1, NULL, note, line, &error))
    g_error("%s", error->message);
  return hub;
}

/* ---- both ---- */

static pid_t
start_load(void)
{
  pid_t child = fork();
  if (child == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (volatile guint64 i = 0;; i++)
      continue;
  }
  return child;
}

static pid_t
start_sender(int fd, guint32 n, double rate)
{
  pid_t child = fork();
  if (child != 0)
    return child;
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  prctl(PR_SET_TIMERSLACK, 1);
  guint8 frame[SIZE] = {0};
  gint64 time = now() + SECOND / 20;
  srand48(1);
  for (guint32 i = 0; i < n; i++) {
    time += (gint64)((double)SECOND / rate * (0.5 + drand48()));
    const struct timespec until = {time / SECOND, time % SECOND};
    clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL);
    memcpy(frame + NUMBER, &i, sizeof i);
    (void)send(fd, frame, sizeof frame, 0);
  }
  _exit(0);
}

static int
compare(const void *a, const void *b)
{
  gint64 x = *(const gint64 *)a, y = *(const gint64 *)b;
  return x < y ? -1 : x > y;
}

int
main(int argc, char **argv)
{
  if (argc < 5)
    g_error("delay hub|floor MILLISECONDS FRAMES-A-SECOND SECONDS [load]");
  gboolean loaded = argc > 5, floor = strcmp(argv[1], "floor") == 0;
  double rate = atof(argv[3]);
  int in[2], out[2];
  Line line = {.delay = (gint64)(atof(argv[2]) * 1e6), .n = (guint32)(rate * atof(argv[4]))};
  line.arrived = g_new0(gint64, line.n + 1);
  gint64 *errors = g_new0(gint64, line.n + 1);
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, in) != 0 ||
      socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, out) != 0)
    g_error("%s", g_strerror(errno));
  line.in = in[1];
  line.out = out[0];
  pid_t sender = start_sender(in[0], line.n, rate), loads[64];
  guint n_loads = loaded ? MIN(g_get_num_processors(), G_N_ELEMENTS(loads)) : 0;
  for (guint i = 0; i < n_loads; i++)
    loads[i] = start_load();
  prctl(PR_SET_TIMERSLACK, 1);
  if (loaded)
    ask_realtime(9);
  if (floor)
    g_thread_new("floor", loaded ? floor_thread : hold_frames, &line);
  else
    start_hub(&line);
  const struct timeval patience = {.tv_sec = 2};
  (void)setsockopt(out[1], SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  guint8 frame[SIZE];
  guint32 n = 0;
  while (n < line.n && recv(out[1], frame, sizeof frame, 0) == SIZE)
    errors[n++] = now() - line.arrived[number_of(frame)] - line.delay;
  kill(sender, SIGKILL);
  for (guint i = 0; i < n_loads; i++)
    kill(loads[i], SIGKILL);
  while (wait(NULL) > 0)
    continue;
  if (n == 0)
    g_error("no frame arrived");
  qsort(errors, n, sizeof *errors, compare);
  g_print("%.1f %.1f\n", (double)errors[n / 2] / 1e3, (double)errors[(guint64)n * 99 / 100] / 1e3);
  return 0;
}
