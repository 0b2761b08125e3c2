/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The hub's life and its thread, which holds the lock while it works and gives it up while it
 * sleeps. It sleeps in epoll: descriptors, a wake-up from callers, and a timer that is set to the
 * nanosecond at which the next held frame leaves or the next path is dialled.
 *
 * When a frame has to leave by the clock for the first time, the thread asks for real-time
 * priority; without it a busy machine makes frames late, which is counted. Under real-time
 * priority it stops for a breath when it has been busy for long, so that the others go on.
 */
#include "hub/hub-private.h"

#include <errno.h>
#include <sched.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#define EVENTS_A_TURN     64
#define SECOND_NS         G_GINT64_CONSTANT(1000000000)
#define REALTIME_PRIORITY 10
#define BUSY_NS           (50 * G_GINT64_CONSTANT(1000000)) /* then a breath of: */
#define BREATH_NS         500000
#define YIELD_NS          50000

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
static void
lock(VnHub *hub)
{
  g_atomic_int_inc(&hub->waiters);
  g_mutex_lock(&hub->lock);
  g_atomic_int_add(&hub->waiters, -1);
}

static void
unlock(VnHub *hub)
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
    if (segment->filter == NULL ||
        vn_filter_takes(segment->filter, frames[i].bytes, frames[i].n, frames[i].n))
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
  const struct sched_param how = {.sched_priority = REALTIME_PRIORITY};
  hub->asked_realtime = TRUE;
  hub->timing.realtime = sched_setscheduler(0, SCHED_FIFO | SCHED_RESET_ON_FORK, &how) == 0;
}

static void
set_timer(VnHub *hub, gint64 at)
{
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
sleep_until_work(VnHub *hub, struct epoll_event *events, gint64 *busy_since)
{
  gboolean realtime = hub->timing.realtime;
  unlock(hub);
  if (g_atomic_int_get(&hub->waiters) > 0)
    rest(YIELD_NS);
  int n = epoll_wait(hub->epoll, events, EVENTS_A_TURN, realtime ? 0 : -1);
  if (realtime && n == 0) {
    n = epoll_wait(hub->epoll, events, EVENTS_A_TURN, -1);
    *busy_since = vn_hub_now();
  } else if (realtime && vn_hub_now() - *busy_since > BUSY_NS) {
    rest(BREATH_NS);
    *busy_since = vn_hub_now();
  }
  g_mutex_lock(&hub->lock);
  return n;
}

static gpointer
work(gpointer data)
{
  VnHub *hub = data;
  struct epoll_event events[EVENTS_A_TURN];
  gint64 busy_since = 0;
  g_mutex_lock(&hub->lock);
  while (!hub->stop) {
    dial(hub);
    set_timer(hub, vn_hub_release(hub));
    if (hub->heap->len > 0 && !hub->asked_realtime)
      ask_realtime(hub);
    g_ptr_array_set_size(hub->dead, 0); /* no event that is still to come points to them */
    int n = sleep_until_work(hub, events, &busy_since);
    for (int i = 0; i < n && !hub->stop; i++) {
      handle(hub, &events[i]);
      (void)vn_hub_release(hub); /* what is due does not wait for a busy port */
    }
  }
  g_mutex_unlock(&hub->lock);
  return NULL;
}

/* ---- life ---- */

static gboolean
fail(GError **error, const char *what)
{
  int code = errno;
  g_set_error(error, G_IO_ERROR, g_io_error_from_errno(code), "%s: %s", what, g_strerror(code));
  return FALSE;
}

static gboolean
open_all(VnHub *hub, GError **error)
{
  struct epoll_event wake = {.events = EPOLLIN, .data.ptr = &hub->wake};
  struct epoll_event timer = {.events = EPOLLIN, .data.ptr = &hub->timer};
  hub->epoll = epoll_create1(EPOLL_CLOEXEC);
  hub->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  hub->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
  if (hub->epoll >= 0 && hub->wake >= 0 && hub->timer >= 0 &&
      epoll_ctl(hub->epoll, EPOLL_CTL_ADD, hub->wake, &wake) == 0 &&
      epoll_ctl(hub->epoll, EPOLL_CTL_ADD, hub->timer, &timer) == 0)
    return TRUE;
  return fail(error, "making a hub");
}

static void
segment_free(gpointer data)
{
  Segment *segment = data;
  vn_hub_line_clear(segment->hub, &segment->line);
  g_ptr_array_unref(segment->ports);
  vn_filter_free(segment->filter);
  g_free(segment->name);
  g_free(segment);
}

VnHub *
vn_hub_new(GError **error)
{
  VnHub *hub = g_new0(VnHub, 1);
  g_mutex_init(&hub->lock);
  hub->segments = g_hash_table_new_full(NULL, NULL, NULL, segment_free);
  hub->ports = g_hash_table_new(g_int64_hash, g_int64_equal);
  hub->dead = g_ptr_array_new_with_free_func(vn_hub_port_free);
  hub->heap = g_ptr_array_new();
  if (open_all(hub, error))
    return hub;
  vn_hub_free(hub);
  return NULL;
}

/* Of the hub and of its segment; freed when nothing points to it. */
static void
port_remove(VnHub *hub, Port *port)
{
  vn_hub_port_close(hub, port);
  for (guint i = 0; i < DIRECTIONS; i++)
    vn_hub_line_clear(hub, &port->lines[i]);
  port->dead = TRUE;
  port->segment->n_plain -= vn_hub_port_is_plain(port->kind);
  g_ptr_array_remove(port->segment->ports, port);
  g_hash_table_remove(hub->ports, &port->id);
  g_ptr_array_add(hub->dead, port);
}

static void
segment_remove(VnHub *hub, Segment *segment)
{
  while (segment->ports->len > 0)
    port_remove(hub, segment->ports->pdata[segment->ports->len - 1]);
  g_hash_table_remove(hub->segments, GUINT_TO_POINTER(segment->id));
}

void
vn_hub_free(VnHub *hub)
{
  if (hub == NULL)
    return;
  if (hub->thread != NULL) {
    lock(hub);
    hub->stop = TRUE;
    unlock(hub);
    vn_hub_wake(hub);
    g_thread_join(hub->thread);
  }
  g_autoptr(GList) segments = g_hash_table_get_values(hub->segments);
  for (GList *item = segments; item != NULL; item = item->next)
    segment_remove(hub, item->data);
  g_hash_table_unref(hub->segments);
  g_hash_table_unref(hub->ports);
  g_ptr_array_unref(hub->dead);
  g_ptr_array_unref(hub->heap);
  const int fds[] = {hub->epoll, hub->wake, hub->timer};
  for (guint i = 0; i < G_N_ELEMENTS(fds); i++)
    if (fds[i] >= 0)
      (void)close(fds[i]); /* they hold no data */
  g_mutex_clear(&hub->lock);
  g_free(hub->buffer);
  g_free(hub->slots);
  g_free(hub->split);
  g_free(hub);
}

/* ---- segments ---- */

static Segment *
find_segment(VnHub *hub, guint32 id)
{
  return g_hash_table_lookup(hub->segments, GUINT_TO_POINTER(id));
}

static Segment *
segment_new(VnHub *hub, const VnHubSegment *how)
{
  Segment *segment = g_new0(Segment, 1);
  segment->hub = hub;
  segment->id = how->id;
  segment->name = g_strdup(how->name);
  segment->seed = how->seed;
  segment->ports = g_ptr_array_new();
  vn_hub_line_init(&segment->line, segment, NULL, SENT);
  g_hash_table_insert(hub->segments, GUINT_TO_POINTER(segment->id), segment);
  return segment;
}

gboolean
vn_hub_add_segment(VnHub *hub, const VnHubSegment *how, GError **error)
{
  if (!vn_hub_impairment_check(&how->impairment, error)) {
    g_prefix_error(error, "segment %s: ", how->name);
    return FALSE;
  }
  lock(hub);
  Segment *segment = find_segment(hub, how->id);
  gboolean fits = segment != NULL || g_hash_table_size(hub->segments) < VN_HUB_SEGMENTS_MAX;
  if (fits && segment == NULL)
    segment = segment_new(hub, how);
  if (fits)
    vn_hub_line_set(hub, &segment->line, FALSE, &how->impairment);
  else
    g_set_error(error, G_IO_ERROR, G_IO_ERROR_FAILED, "more than %u segments",
                VN_HUB_SEGMENTS_MAX);
  unlock(hub);
  return fits;
}

void
vn_hub_remove_segment(VnHub *hub, guint32 id)
{
  lock(hub);
  Segment *segment = find_segment(hub, id);
  if (segment != NULL)
    segment_remove(hub, segment);
  unlock(hub);
  vn_hub_wake(hub);
}

gboolean
vn_hub_has_segment(VnHub *hub, guint32 id)
{
  lock(hub);
  gboolean found = find_segment(hub, id) != NULL;
  unlock(hub);
  return found;
}

gboolean
vn_hub_open_capture(VnHub *hub, guint32 id, VnFilter *filter, VnHubSeen seen, gpointer data,
                    GError **error)
{
  g_autoptr(VnFilter) owned = filter;
  lock(hub);
  Segment *segment = find_segment(hub, id);
  gboolean good = segment != NULL && segment->seen == NULL;
  if (good) {
    segment->filter = g_steal_pointer(&owned);
    segment->data = data;
    segment->seen = seen;
  } else {
    g_set_error(error, G_IO_ERROR, G_IO_ERROR_FAILED, "segment %u: %s", id,
                segment == NULL ? "it is not in the hub" : "it is captured already");
  }
  unlock(hub);
  return good;
}

void
vn_hub_close_capture(VnHub *hub, guint32 id)
{
  lock(hub);
  Segment *segment = find_segment(hub, id);
  if (segment != NULL) {
    segment->seen = NULL;
    g_clear_pointer(&segment->filter, vn_filter_free);
  }
  unlock(hub);
}

/* ---- ports ---- */

static Port *
find_port(VnHub *hub, guint64 id, GError **error)
{
  Port *port = g_hash_table_lookup(hub->ports, &id);
  if (port == NULL)
    g_set_error(error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND,
                "the hub has no port %" G_GUINT64_FORMAT, id);
  return port;
}

/* A number of its own for each port and direction; vn_hub's draws mix it well. */
static guint64
seed_of(const Segment *segment, guint64 port, guint direction)
{
  return segment->seed ^ (port * DIRECTIONS + direction + 1) *
                             G_GUINT64_CONSTANT(0xd1342543de82ef95);
}

static Port *
port_new(VnHub *hub, Segment *segment, const VnHubPort *how)
{
  Port *port = g_new0(Port, 1);
  port->id = how->id;
  port->segment = segment;
  port->kind = how->kind;
  port->fd = -1;
  for (guint i = 0; i < DIRECTIONS; i++) {
    vn_hub_line_init(&port->lines[i], segment, port, i);
    port->seed[i] = seed_of(segment, port->id, i);
  }
  segment->n_plain += vn_hub_port_is_plain(port->kind);
  g_ptr_array_add(segment->ports, port);
  g_hash_table_insert(hub->ports, &port->id, port);
  return port;
}

static void
start(VnHub *hub)
{
  if (hub->thread != NULL)
    return;
  hub->buffer = g_malloc(SLOT_SIZE + READ_SIZE);
  hub->slots = g_malloc((gsize)SLOTS * SLOT_SIZE);
  hub->thread = g_thread_new("hub", work, hub);
}

static gboolean
add_port(VnHub *hub, const VnHubPort *how, GError **error)
{
  Segment *segment = find_segment(hub, how->segment);
  Port *port = g_hash_table_lookup(hub->ports, &how->id);
  if (port != NULL && (port->segment != segment || port->kind != how->kind)) {
    port_remove(hub, port);
    port = NULL;
  }
  if (segment == NULL) {
    g_set_error(error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND, "the hub has no segment %u",
                how->segment);
    return FALSE;
  }
  if (port == NULL && g_hash_table_size(hub->ports) >= VN_HUB_PORTS_MAX) {
    g_set_error(error, G_IO_ERROR, G_IO_ERROR_FAILED, "more than %u ports", VN_HUB_PORTS_MAX);
    return FALSE;
  }
  gboolean is_new = port == NULL;
  if (is_new)
    port = port_new(hub, segment, how);
  start(hub);
  if (vn_hub_port_open(hub, port, how, error))
    return TRUE;
  if (is_new)
    port_remove(hub, port);
  return FALSE;
}

gboolean
vn_hub_add_port(VnHub *hub, const VnHubPort *how, GError **error)
{
  lock(hub);
  gboolean added = add_port(hub, how, error);
  unlock(hub);
  vn_hub_wake(hub); /* a path may have to be dialled again */
  if (!added && how->path == NULL && how->fd >= 0)
    (void)close(how->fd); /* nothing was written to it */
  return added;
}

void
vn_hub_remove_port(VnHub *hub, guint64 id)
{
  lock(hub);
  Port *port = g_hash_table_lookup(hub->ports, &id);
  if (port != NULL)
    port_remove(hub, port);
  unlock(hub);
  vn_hub_wake(hub);
}

void
vn_hub_dial(VnHub *hub, guint64 id)
{
  lock(hub);
  Port *port = g_hash_table_lookup(hub->ports, &id);
  if (port != NULL && port->path != NULL && port->fd < 0) {
    port->dial_ms = DIAL_MIN_MS;
    vn_hub_port_dial(hub, port, vn_hub_now());
  }
  unlock(hub);
  vn_hub_wake(hub);
}

gboolean
vn_hub_is_connected(VnHub *hub, guint64 id)
{
  lock(hub);
  const Port *port = g_hash_table_lookup(hub->ports, &id);
  gboolean connected = port != NULL && port->fd >= 0;
  unlock(hub);
  return connected;
}

gboolean
vn_hub_set_impairment(VnHub *hub, guint64 id, guint directions, const VnHubImpairment *impairment,
                      GError **error)
{
  if (impairment != NULL && !vn_hub_impairment_check(impairment, error))
    return FALSE;
  lock(hub);
  Port *port = find_port(hub, id, error);
  for (guint i = 0; port != NULL && i < DIRECTIONS; i++)
    if ((directions & 1u << i) != 0)
      vn_hub_line_set(hub, &port->lines[i], impairment != NULL, impairment);
  if (port != NULL && (directions & VN_HUB_RECEIVED) != 0)
    port->since_ns = vn_hub_now();
  unlock(hub);
  return port != NULL;
}

gboolean
vn_hub_set_link(VnHub *hub, guint64 id, gboolean up, GError **error)
{
  lock(hub);
  Port *port = find_port(hub, id, error);
  if (port != NULL)
    port->down = !up;
  unlock(hub);
  return port != NULL;
}

/* ---- what happened ---- */

gboolean
vn_hub_count(VnHub *hub, guint64 id, VnHubCounters *out_counters)
{
  lock(hub);
  Port *port = g_hash_table_lookup(hub->ports, &id);
  if (port != NULL) {
    vn_hub_port_count_missed(port);
    *out_counters = port->counters;
  }
  unlock(hub);
  return port != NULL;
}

void
vn_hub_each_port(VnHub *hub, VnHubCounted counted, gpointer data)
{
  GHashTableIter iter;
  gpointer value;
  lock(hub);
  g_hash_table_iter_init(&iter, hub->ports);
  while (g_hash_table_iter_next(&iter, NULL, &value)) {
    Port *port = value;
    vn_hub_port_count_missed(port);
    counted(port->id, port->segment->id, &port->counters, data);
  }
  unlock(hub);
}

void
vn_hub_timing(VnHub *hub, VnHubTiming *out_timing)
{
  lock(hub);
  *out_timing = hub->timing;
  unlock(hub);
}
