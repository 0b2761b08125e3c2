/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The hub's thread, and the way of a frame through it. It holds the lock while it works and gives
 * it up while it sleeps. It sleeps in epoll: descriptors, a wake-up from callers, and a timer that
 * is set to the nanosecond at which the next held frame leaves or the next path is dialled.
 *
 * A timer wakes a thread some tens of microseconds late, more on a virtual machine. How late is
 * measured as it goes; the timer is set so much earlier, and what is left to the moment is spent
 * looking, within a share of the time that has a bound.
 *
 * When a frame has to leave by the clock for the first time, it asks for real-time
 * priority; without it a busy machine makes frames late, which is counted. Under real-time
 * priority it stops for a breath when it has been busy for long, so that the others go on.
 */
#include "hub/addressing.h"
#include "hub/hub-private.h"

#include <errno.h>
#include <sched.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#define EVENTS_A_TURN     64
#define SECOND_NS         G_GINT64_CONSTANT(1000000000)
#define BUSY_NS           (50 * G_GINT64_CONSTANT(1000000)) /* then a breath of: */
#define BREATH_NS         500000
#define YIELD_NS          50000
#define LEAD_MAX_NS       100000
#define EARLY_SHARE       10      /* one part in so many of the time may be spent looking */
#define EARLY_CREDIT_NS   2000000 /* most of it that is saved up */
#define LATE_WEIGHT       16      /* of so many wake-ups the lateness is an average */

gint64
vn_hub_now(void)
{
  struct timespec now;
  (void)clock_gettime(CLOCK_MONOTONIC, &now); /* fails for wrong arguments only */
  return now.tv_sec * SECOND_NS + now.tv_nsec;
}

static void
rest(gint64 ns)
{
  const struct timespec time = {.tv_nsec = ns};
  (void)nanosleep(&time, NULL); /* shorter is as good */
}

/* ---- the lock ---- */

/* Callers say that they wait: the thread would take the lock again before them. */
void
vn_hub_lock(VnHub *hub)
{
  g_atomic_int_inc(&hub->waiters);
  g_mutex_lock(&hub->lock);
  g_atomic_int_add(&hub->waiters, -1);
}

void
vn_hub_unlock(VnHub *hub)
{
  g_mutex_unlock(&hub->lock);
}

void
vn_hub_wake(VnHub *hub)
{
  guint64 one = 1;
  if (write(hub->wake, &one, sizeof one) < 0)
    g_assert(errno == EAGAIN || errno == EINTR); /* it is awake then */
}

/* ---- the way of a frame ---- */

static void
show(Segment *segment, const Frame *frames, guint n)
{
  struct timespec now;
  (void)clock_gettime(CLOCK_REALTIME, &now);
  gint64 time = now.tv_sec * SECOND_NS + now.tv_nsec;
  for (guint i = 0; i < n; i++)
    if (!vn_is_addressing(frames[i].bytes, frames[i].n) &&
        (segment->filter == NULL ||
         vn_filter_takes(segment->filter, frames[i].bytes, frames[i].n, frames[i].n)))
      segment->seen(time, frames[i].bytes, frames[i].n, segment->data);
}

static void
go_on(VnHub *hub, Port *port, Frame *frames, guint n)
{
  Segment *segment = port->segment;
  if (!vn_hub_segment_is_clear(segment)) {
    vn_hub_enter(hub, port, frames, n);
    return;
  }
  for (guint i = 0; i < segment->ports->len; i++)
    if (segment->ports->pdata[i] != port)
      vn_hub_port_write(hub, segment->ports->pdata[i], frames, n);
}

/* Small frames on a segment where some port wants them summed. */
static void
sum_all(VnHub *hub, Port *port, Frame *frames, guint n)
{
  guint good = 0;
  for (guint i = 0; i < n; i++) {
    if (vn_hub_sum(&frames[i]))
      frames[good++] = frames[i];
    else
      port->counters.malformed++;
  }
  if (good > 0)
    go_on(hub, port, frames, good);
}

/* Leaves out what is no frame; TRUE if some are large. */
static gboolean
count_in(Port *port, Frame *frames, guint *n)
{
  gboolean large = FALSE;
  guint good = 0;
  for (guint i = 0; i < *n; i++) {
    if (frames[i].n < ETHERNET_HEAD) {
      port->counters.malformed++;
      continue;
    }
    large |= frames[i].header.gso_type != VIRTIO_NET_HDR_GSO_NONE;
    port->counters.in_bytes += frames[i].n;
    if (good != i)
      frames[good] = frames[i];
    good++;
  }
  port->counters.in_frames += good;
  *n = good;
  return large;
}

void
vn_hub_take(VnHub *hub, Port *port, Frame *frames, guint n)
{
  Segment *segment = port->segment;
  gboolean large = count_in(port, frames, &n);
  if (port->down) {
    port->counters.unplugged += n;
    return;
  }
  if (segment->seen != NULL)
    show(segment, frames, n);
  gboolean sums = segment->n_plain > 0 && !vn_hub_port_is_plain(port->kind);
  OnFrames next = sums ? sum_all : go_on;
  if (large && (sums || !vn_hub_segment_is_clear(segment)))
    vn_hub_split(hub, port, frames, n, next);
  else
    next(hub, port, frames, n);
}

/* ---- the thread ---- */

/* Frames leave by the clock from now on. */
static void
ask_realtime(VnHub *hub)
{
  const struct sched_param how = {.sched_priority = VN_HUB_REALTIME};
  hub->asked_realtime = TRUE;
  hub->timing.realtime = sched_setscheduler(0, SCHED_FIFO | SCHED_RESET_ON_FORK, &how) == 0;
}

/* The timer woke the thread: how late is it? Half as much again covers nine wake-ups in ten. */
static void
note_late(Early *early, gint64 late)
{
  early->late_ns += (CLAMP(late, 0, 2 * LEAD_MAX_NS) - early->late_ns) / LATE_WEIGHT;
  early->lead_ns = MIN(early->late_ns + early->late_ns / 2, LEAD_MAX_NS);
}

/* Is the frame that is due at `at` so near that the thread goes on looking? */
static gboolean
is_near(VnHub *hub, gint64 at)
{
  Early *early = &hub->early;
  if (at == 0 && early->since_ns == 0)
    return FALSE;
  gint64 now = vn_hub_now();
  gint64 earned = early->credit_ns + (now - early->earned_ns) / EARLY_SHARE;
  early->credit_ns = MIN(earned, EARLY_CREDIT_NS);
  early->earned_ns = now;
  if (early->since_ns != 0)
    early->credit_ns -= now - early->since_ns;
  gboolean near = at != 0 && at - now <= early->lead_ns && early->credit_ns > 0;
  early->since_ns = near ? now : 0;
  return near;
}

static void
set_timer(VnHub *hub, gint64 at)
{
  if (at != 0 && hub->early.credit_ns > 0)
    at -= hub->early.lead_ns;
  if (hub->dial_ns != 0 && (at == 0 || hub->dial_ns < at))
    at = hub->dial_ns;
  if (at == hub->armed_ns)
    return;
  hub->armed_ns = at;
  const struct itimerspec when = {.it_value = {at / SECOND_NS, at % SECOND_NS}};
  int result = timerfd_settime(hub->timer, TFD_TIMER_ABSTIME, &when, NULL);
  g_assert(result == 0);
}

static void
dial(VnHub *hub)
{
  gint64 now = vn_hub_now();
  if (hub->dial_ns == 0 || hub->dial_ns > now)
    return;
  hub->dial_ns = 0;
  GHashTableIter iter;
  gpointer value;
  g_hash_table_iter_init(&iter, hub->ports);
  while (g_hash_table_iter_next(&iter, NULL, &value)) {
    Port *port = value;
    if (port->path == NULL || port->fd >= 0)
      continue;
    if (port->dial_ns <= now)
      vn_hub_port_dial(hub, port, now);
    else if (hub->dial_ns == 0 || port->dial_ns < hub->dial_ns)
      hub->dial_ns = port->dial_ns;
  }
}

static void
empty(VnHub *hub, int fd)
{
  guint64 count;
  if (fd == hub->timer && hub->armed_ns != 0)
    note_late(&hub->early, vn_hub_now() - hub->armed_ns);
  if (fd == hub->timer)
    hub->armed_ns = 0;
  if (read(fd, &count, sizeof count) < 0)
    g_assert(errno == EAGAIN || errno == EINTR);
}

static void
handle(VnHub *hub, const struct epoll_event *event)
{
  if (event->data.ptr == &hub->wake || event->data.ptr == &hub->timer) {
    empty(hub, *(int *)event->data.ptr);
    return;
  }
  Port *port = event->data.ptr;
  if (!port->dead && port->fd >= 0)
    vn_hub_port_event(hub, port, event->events);
}

/* Without the lock. The end of a busy stretch is when there was nothing to do. */
static int
sleep_until_work(VnHub *hub, struct epoll_event *events, gboolean near, gint64 *busy_since)
{
  gboolean realtime = hub->timing.realtime;
  vn_hub_unlock(hub);
  if (g_atomic_int_get(&hub->waiters) > 0)
    rest(YIELD_NS);
  int n = epoll_wait(hub->epoll, events, EVENTS_A_TURN, realtime || near ? 0 : -1);
  if (realtime && n == 0 && !near) {
    n = epoll_wait(hub->epoll, events, EVENTS_A_TURN, -1);
    *busy_since = vn_hub_now();
  } else if (realtime && vn_hub_now() - *busy_since > BUSY_NS) {
    rest(BREATH_NS);
    *busy_since = vn_hub_now();
  }
  g_mutex_lock(&hub->lock);
  return n;
}

gpointer
vn_hub_work(gpointer data)
{
  VnHub *hub = data;
  struct epoll_event events[EVENTS_A_TURN];
  gint64 busy_since = 0;
  g_mutex_lock(&hub->lock);
  while (!hub->stop) {
    dial(hub);
    gint64 next = vn_hub_release(hub);
    gboolean near = is_near(hub, next);
    if (!near)
      set_timer(hub, next);
    if (hub->heap->len > 0 && !hub->asked_realtime)
      ask_realtime(hub);
    g_ptr_array_set_size(hub->dead, 0); /* no event that is still to come points to them */
    int n = sleep_until_work(hub, events, near, &busy_since);
    for (int i = 0; i < n && !hub->stop; i++) {
      handle(hub, &events[i]);
      (void)vn_hub_release(hub); /* what is due does not wait for a busy port */
    }
  }
  g_mutex_unlock(&hub->lock);
  return NULL;
}
