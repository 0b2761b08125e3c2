/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The hub's life, and what callers ask of it: segments, ports, captures, counters. */
#include "hub/hub-private.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

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
    vn_hub_lock(hub);
    hub->stop = TRUE;
    vn_hub_unlock(hub);
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
  vn_hub_lock(hub);
  Segment *segment = find_segment(hub, how->id);
  gboolean fits = segment != NULL || g_hash_table_size(hub->segments) < VN_HUB_SEGMENTS_MAX;
  if (fits && segment == NULL)
    segment = segment_new(hub, how);
  if (fits)
    vn_hub_line_set(hub, &segment->line, FALSE, &how->impairment);
  else
    g_set_error(error, G_IO_ERROR, G_IO_ERROR_FAILED, "more than %u segments", VN_HUB_SEGMENTS_MAX);
  vn_hub_unlock(hub);
  return fits;
}

void
vn_hub_remove_segment(VnHub *hub, guint32 id)
{
  vn_hub_lock(hub);
  Segment *segment = find_segment(hub, id);
  if (segment != NULL)
    segment_remove(hub, segment);
  vn_hub_unlock(hub);
  vn_hub_wake(hub);
}

gboolean
vn_hub_has_segment(VnHub *hub, guint32 id)
{
  vn_hub_lock(hub);
  gboolean found = find_segment(hub, id) != NULL;
  vn_hub_unlock(hub);
  return found;
}

gboolean
vn_hub_open_capture(VnHub *hub, guint32 id, VnFilter *filter, VnHubSeen seen, gpointer data,
                    GError **error)
{
  g_autoptr(VnFilter) owned = filter;
  vn_hub_lock(hub);
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
  vn_hub_unlock(hub);
  return good;
}

void
vn_hub_close_capture(VnHub *hub, guint32 id)
{
  vn_hub_lock(hub);
  Segment *segment = find_segment(hub, id);
  if (segment != NULL) {
    segment->seen = NULL;
    g_clear_pointer(&segment->filter, vn_filter_free);
  }
  vn_hub_unlock(hub);
}

/* ---- ports ---- */

static Port *
find_port(VnHub *hub, guint64 id, GError **error)
{
  Port *port = g_hash_table_lookup(hub->ports, &id);
  if (port == NULL)
    g_set_error(error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND, "the hub has no port %" G_GUINT64_FORMAT,
                id);
  return port;
}

/* A number of its own for each port and direction; vn_hub's draws mix it well. */
static guint64
seed_of(const Segment *segment, guint64 port, guint direction)
{
  return segment->seed ^
         (port * DIRECTIONS + direction + 1) * G_GUINT64_CONSTANT(0xd1342543de82ef95);
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
  hub->thread = g_thread_new("hub", vn_hub_work, hub);
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
    g_set_error(error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND, "the hub has no segment %u", how->segment);
    return FALSE;
  }
  if (port == NULL && g_hash_table_size(hub->ports) >= VN_HUB_PORTS_MAX) {
    g_set_error(error, G_IO_ERROR, G_IO_ERROR_FAILED, "more than %u ports", VN_HUB_PORTS_MAX);
    return FALSE;
  }
  gboolean is_new = port == NULL;
  if (is_new)
    port = port_new(hub, segment, how);
  if (how->fd >= 0 || how->path != NULL)
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
  vn_hub_lock(hub);
  gboolean added = add_port(hub, how, error);
  vn_hub_unlock(hub);
  vn_hub_wake(hub); /* a path may have to be dialled again */
  if (!added && how->path == NULL && how->fd >= 0)
    (void)close(how->fd); /* nothing was written to it */
  return added;
}

void
vn_hub_remove_port(VnHub *hub, guint64 id)
{
  vn_hub_lock(hub);
  Port *port = g_hash_table_lookup(hub->ports, &id);
  if (port != NULL)
    port_remove(hub, port);
  vn_hub_unlock(hub);
  vn_hub_wake(hub);
}

void
vn_hub_dial(VnHub *hub, guint64 id)
{
  vn_hub_lock(hub);
  Port *port = g_hash_table_lookup(hub->ports, &id);
  if (port != NULL && port->path != NULL && port->fd < 0) {
    port->dial_ms = DIAL_MIN_MS;
    vn_hub_port_dial(hub, port, vn_hub_now());
  }
  vn_hub_unlock(hub);
  vn_hub_wake(hub);
}

gboolean
vn_hub_is_connected(VnHub *hub, guint64 id)
{
  vn_hub_lock(hub);
  const Port *port = g_hash_table_lookup(hub->ports, &id);
  gboolean connected = port != NULL && port->fd >= 0;
  vn_hub_unlock(hub);
  return connected;
}

gboolean
vn_hub_set_impairment(VnHub *hub, guint64 id, guint directions, const VnHubImpairment *impairment,
                      GError **error)
{
  if (impairment != NULL && !vn_hub_impairment_check(impairment, error))
    return FALSE;
  vn_hub_lock(hub);
  Port *port = find_port(hub, id, error);
  for (guint i = 0; port != NULL && i < DIRECTIONS; i++)
    if ((directions & 1u << i) != 0)
      vn_hub_line_set(hub, &port->lines[i], impairment != NULL, impairment);
  if (port != NULL && (directions & VN_HUB_RECEIVED) != 0)
    port->since_ns = vn_hub_now();
  vn_hub_unlock(hub);
  return port != NULL;
}

gboolean
vn_hub_set_link(VnHub *hub, guint64 id, gboolean up, GError **error)
{
  vn_hub_lock(hub);
  Port *port = find_port(hub, id, error);
  if (port != NULL)
    port->down = !up;
  vn_hub_unlock(hub);
  return port != NULL;
}

/* ---- what happened ---- */

gboolean
vn_hub_count(VnHub *hub, guint64 id, VnHubCounters *out_counters)
{
  vn_hub_lock(hub);
  Port *port = g_hash_table_lookup(hub->ports, &id);
  if (port != NULL) {
    vn_hub_port_count_missed(port);
    *out_counters = port->counters;
  }
  vn_hub_unlock(hub);
  return port != NULL;
}

void
vn_hub_each_port(VnHub *hub, VnHubCounted counted, gpointer data)
{
  GHashTableIter iter;
  gpointer value;
  vn_hub_lock(hub);
  g_hash_table_iter_init(&iter, hub->ports);
  while (g_hash_table_iter_next(&iter, NULL, &value)) {
    Port *port = value;
    vn_hub_port_count_missed(port);
    counted(port->id, port->segment->id, &port->counters, data);
  }
  vn_hub_unlock(hub);
}

void
vn_hub_timing(VnHub *hub, VnHubTiming *out_timing)
{
  vn_hub_lock(hub);
  *out_timing = hub->timing;
  vn_hub_unlock(hub);
}
