/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The thread holds the lock while it works and gives it up while it sleeps, so a change from
 * outside waits for one batch at most. Two kinds of descriptors are read: external interfaces,
 * a packet each read, and links from other slaves, a batch each read. */
#include "slave/forward.h"

#include <errno.h>
#include <linux/if_packet.h>
#include <linux/virtio_net.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "slave/link.h"

#define PACKETS_A_TURN 64 /* of one interface, before the next has its turn */
#define BATCHES_A_TURN 4
#define EVENTS_A_TURN  64
#define SITES_MAX      4096u

typedef enum { SOURCE_EXTERNAL, SOURCE_LINK } SourceKind;

/* What epoll hands back. */
typedef struct {
  SourceKind kind;
  int fd;
  guint32 id; /* router, or site that the link comes from */
  gboolean dead;
  VnDriverExternal external;
  guint64 in_packets, in_bytes;   /* off the interface */
  guint64 out_packets, out_bytes; /* onto it */
  guint64 missed;                 /* the kernel's queue of it was full */
} Source;

typedef struct {
  gboolean known, local;
  guint32 own;
  VnLink *link;
} Site;

/* DROP(ID, name) */
#define DROPS(DROP)                                 \
  DROP(NOT_IP, "not an IP packet")                  \
  DROP(NO_WAY, "no way to the destination")         \
  DROP(NO_ROUTER, "router off or not here")         \
  DROP(INTERFACE, "interface full or down")         \
  DROP(OFFLOAD, "interface takes no large packets") \
  DROP(MALFORMED, "malformed batch")

typedef enum {
#define DROP(id, name) DROP_##id,
  DROPS(DROP)
#undef DROP
      DROP_COUNT
} Drop;

static const char *const drop_names[] = {
#define DROP(id, name) name,
    DROPS(DROP)
#undef DROP
};

struct VnForward {
  char *experiment;
  GThread *thread;
  GMutex lock;
  int epoll, wake;
  gboolean stop;
  VnWays *ways;
  GPtrArray *externals; /* Source*, by router, with NULLs */
  GPtrArray *links;     /* Source*: from other slaves */
  GPtrArray *dead;      /* Source*: freed when no event can point to them */
  GArray *sites;        /* of Site, by number */
  guint64 dropped[DROP_COUNT];
  guint8 *buffer; /* VN_LINK_HEAD bytes, then a packet or a batch */
};

static void
source_free(gpointer data)
{
  Source *source = data;
  if (source->fd >= 0)
    (void)close(source->fd); /* packets in it are lost with its router */
  g_free(source);
}

static Source *
external_of(const VnForward *forward, guint32 router)
{
  return router < forward->externals->len ? forward->externals->pdata[router] : NULL;
}

static Site *
site_of(const VnForward *forward, guint32 site)
{
  if (site >= forward->sites->len || !g_array_index(forward->sites, Site, site).known)
    return NULL;
  return &g_array_index(forward->sites, Site, site);
}

static void
wake_up(VnForward *forward)
{
  guint64 one = 1;
  if (write(forward->wake, &one, sizeof one) < 0)
    g_assert(errno == EAGAIN || errno == EINTR); /* it is awake then */
}

/* Off the set at once; closed by the thread before it sleeps again. */
static void
kill_source(VnForward *forward, Source *source)
{
  if (source->dead)
    return;
  source->dead = TRUE;
  (void)epoll_ctl(forward->epoll, EPOLL_CTL_DEL, source->fd, NULL); /* the device may be gone */
  g_ptr_array_add(forward->dead, source);
}

static gboolean
watch(VnForward *forward, Source *source, GError **error)
{
  struct epoll_event event = {.events = EPOLLIN, .data.ptr = source};
  if (epoll_ctl(forward->epoll, EPOLL_CTL_ADD, source->fd, &event) == 0)
    return TRUE;
  int code = errno;
  g_set_error(error, G_IO_ERROR, g_io_error_from_errno(code), "watching for packets: %s",
              g_strerror(code));
  return FALSE;
}

/* ---- a packet's way ---- */

/* Bytes before a packet on an interface. */
static guint32
front_of(const VnDriverExternal *external)
{
  return external->header + (external->offload ? sizeof(struct virtio_net_hdr) : 0);
}

static gboolean
needs_offload(const VnOffload *offload)
{
  return (offload->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM) || offload->type != 0;
}

/* Counted from the interface's header, as the kernel does, and back. */
static void
write_offload(const VnDriverExternal *external, const VnOffload *offload, guint8 *place)
{
  guint16 header = (guint16)external->header;
  gboolean summed = !(offload->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM);
  const struct virtio_net_hdr head = {
      .flags = offload->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM,
      .gso_type = offload->type,
      .hdr_len = offload->type != 0 ? (guint16)(offload->headers + header) : 0,
      .gso_size = offload->segment,
      .csum_start = summed ? 0 : (guint16)(offload->sum_from + header),
      .csum_offset = offload->sum_at};
  memcpy(place, &head, sizeof head);
}

static void
read_offload(const VnDriverExternal *external, const guint8 *place, VnOffload *out)
{
  struct virtio_net_hdr head;
  guint16 header = (guint16)external->header;
  memcpy(&head, place, sizeof head);
  *out = (VnOffload){.flags = head.flags & VIRTIO_NET_HDR_F_NEEDS_CSUM,
                     .type = head.gso_type,
                     .headers = head.hdr_len >= header ? head.hdr_len - header : 0,
                     .segment = head.gso_size,
                     .sum_from = head.csum_start >= header ? head.csum_start - header : 0,
                     .sum_at = head.csum_offset};
}

/* The bytes before the packet are overwritten. */
static void
deliver(VnForward *forward, const VnPacket *packet)
{
  Source *target = external_of(forward, packet->router);
  if (target == NULL) {
    forward->dropped[DROP_NO_ROUTER]++;
    return;
  }
  const VnDriverExternal *external = &target->external;
  guint8 *front = packet->bytes - front_of(external);
  memcpy(packet->bytes - external->header,
         packet->bytes[0] >> 4 == 6 ? external->header6 : external->header4, external->header);
  if (external->offload) {
    write_offload(external, &packet->offload, front);
  } else if (needs_offload(&packet->offload)) {
    forward->dropped[DROP_OFFLOAD]++;
    return;
  }
  if (write(target->fd, front, front_of(external) + packet->size) < 0) {
    forward->dropped[DROP_INTERFACE]++;
    return;
  }
  target->out_packets++;
  target->out_bytes += packet->size;
}

/* family 4 or 6 and the destination, or FALSE. */
static gboolean
destination_of(const guint8 *packet, guint32 size, guint8 *out_family, const guint8 **out_address)
{
  *out_family = size > 0 ? packet[0] >> 4 : 0;
  if (*out_family == 4 && size >= 20)
    *out_address = packet + 16;
  else if (*out_family == 6 && size >= 40)
    *out_address = packet + 24;
  else
    return FALSE;
  return TRUE;
}

static void
move_packet(VnForward *forward, Source *from, VnPacket *packet)
{
  guint8 family;
  const guint8 *destination;
  from->in_packets++;
  from->in_bytes += packet->size;
  if (!destination_of(packet->bytes, packet->size, &family, &destination)) {
    forward->dropped[DROP_NOT_IP]++;
    return;
  }
  const VnWay *way = vn_ways_find(forward->ways, from->id, family, destination);
  Site *site = way != NULL ? site_of(forward, way->site) : NULL;
  if (site == NULL) {
    forward->dropped[DROP_NO_WAY]++;
    return;
  }
  packet->router = way->router;
  if (site->local)
    deliver(forward, packet);
  else
    vn_link_put(site->link, packet);
}

/* A link that is down for a while, as a suspended router's is, is no reason to close it; one that
 * went with its router has no index any more. */
static gboolean
is_only_down(const Source *source, int errnum)
{
  struct sockaddr_ll address = {0};
  socklen_t size = sizeof address;
  return errnum == ENETDOWN &&
         getsockname(source->fd, (struct sockaddr *)&address, &size) == 0 &&
         address.sll_family == AF_PACKET && address.sll_ifindex > 0;
}

static void
read_external(VnForward *forward, Source *source)
{
  guint32 front = front_of(&source->external);
  VnPacket packet = {.bytes = forward->buffer + VN_LINK_HEAD};
  for (guint i = 0; i < PACKETS_A_TURN; i++) {
    ssize_t n = read(source->fd, packet.bytes - front, front + VN_PACKET_MAX);
    if (n < 0 && (errno == EINTR || is_only_down(source, errno)))
      continue;
    if (n < 0 && errno != EAGAIN) {
      forward->externals->pdata[source->id] = NULL; /* its router went away */
      kill_source(forward, source);
    }
    if (n < 0)
      return;
    if ((gsize)n <= front)
      continue;
    packet.size = (guint32)n - front;
    if (source->external.offload)
      read_offload(&source->external, packet.bytes - front, &packet.offload);
    move_packet(forward, source, &packet);
  }
}

static void
read_link(VnForward *forward, Source *source)
{
  guint8 *batch = forward->buffer + VN_LINK_HEAD;
  for (guint i = 0; i < BATCHES_A_TURN; i++) {
    ssize_t n = recv(source->fd, batch, VN_LINK_MESSAGE, MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
      return;
    if (n <= 0) {
      g_ptr_array_remove_fast(forward->links, source);
      kill_source(forward, source);
      return;
    }
    gsize offset = 0;
    VnPacket packet;
    while (vn_link_next(batch, (gsize)n, &offset, &packet))
      deliver(forward, &packet);
    if (offset > (gsize)n)
      forward->dropped[DROP_MALFORMED]++;
  }
}

static void
flush_links(VnForward *forward)
{
  for (guint i = 0; i < forward->sites->len; i++) {
    Site *site = &g_array_index(forward->sites, Site, i);
    if (site->link != NULL && vn_link_pending(site->link))
      vn_link_flush(site->link);
  }
}

static void
turn(VnForward *forward, Source *source)
{
  guint64 count;
  if (source == NULL && read(forward->wake, &count, sizeof count) < 0)
    g_assert(errno == EAGAIN || errno == EINTR);
  if (source == NULL || source->dead)
    return; /* woken, or removed while the lock was open */
  if (source->kind == SOURCE_EXTERNAL)
    read_external(forward, source);
  else
    read_link(forward, source);
}

static gpointer
work(gpointer data)
{
  VnForward *forward = data;
  struct epoll_event events[EVENTS_A_TURN];
  g_mutex_lock(&forward->lock);
  while (!forward->stop) {
    g_ptr_array_set_size(forward->dead, 0);
    g_mutex_unlock(&forward->lock);
    int n = epoll_wait(forward->epoll, events, EVENTS_A_TURN, -1);
    g_mutex_lock(&forward->lock);
    for (int i = 0; i < n; i++)
      turn(forward, events[i].data.ptr);
    flush_links(forward);
  }
  g_mutex_unlock(&forward->lock);
  return NULL;
}

/* ---- the interface ---- */

static void
site_clear(gpointer data)
{
  vn_link_free(((Site *)data)->link);
}

static gboolean
open_descriptors(VnForward *forward)
{
  forward->epoll = epoll_create1(EPOLL_CLOEXEC);
  forward->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  struct epoll_event event = {.events = EPOLLIN};
  return forward->epoll >= 0 && forward->wake >= 0 &&
         epoll_ctl(forward->epoll, EPOLL_CTL_ADD, forward->wake, &event) == 0;
}

VnForward *
vn_forward_new(const char *experiment, GError **error)
{
  VnForward *forward = g_new0(VnForward, 1);
  g_mutex_init(&forward->lock);
  forward->experiment = g_strdup(experiment);
  forward->ways = vn_ways_new();
  forward->externals = g_ptr_array_new();
  forward->links = g_ptr_array_new();
  forward->dead = g_ptr_array_new_with_free_func(source_free);
  forward->sites = g_array_new(FALSE, TRUE, sizeof(Site));
  g_array_set_clear_func(forward->sites, site_clear);
  forward->buffer = g_malloc(VN_LINK_HEAD + VN_LINK_MESSAGE);
  if (open_descriptors(forward)) {
    forward->thread = g_thread_new("packets", work, forward);
    return forward;
  }
  int code = errno;
  g_set_error(error, G_IO_ERROR, g_io_error_from_errno(code), "preparing to move packets: %s",
              g_strerror(code));
  vn_forward_free(forward);
  return NULL;
}

static void
close_sources(VnForward *forward)
{
  for (guint i = 0; i < forward->externals->len; i++) {
    if (forward->externals->pdata[i] != NULL)
      source_free(forward->externals->pdata[i]);
  }
  for (guint i = 0; i < forward->links->len; i++)
    source_free(forward->links->pdata[i]);
  g_ptr_array_set_size(forward->externals, 0);
  g_ptr_array_set_size(forward->links, 0);
  g_ptr_array_set_size(forward->dead, 0);
  g_array_set_size(forward->sites, 0);
}

void
vn_forward_stop(VnForward *forward)
{
  if (forward == NULL || forward->thread == NULL)
    return;
  g_mutex_lock(&forward->lock);
  forward->stop = TRUE;
  g_mutex_unlock(&forward->lock);
  wake_up(forward);
  g_thread_join(forward->thread);
  g_mutex_lock(&forward->lock);
  forward->thread = NULL;
  close_sources(forward);
  g_mutex_unlock(&forward->lock);
}

void
vn_forward_free(VnForward *forward)
{
  if (forward == NULL)
    return;
  vn_forward_stop(forward);
  close_sources(forward);
  g_ptr_array_unref(forward->externals);
  g_ptr_array_unref(forward->links);
  g_ptr_array_unref(forward->dead);
  g_array_unref(forward->sites);
  vn_ways_free(forward->ways);
  if (forward->epoll >= 0)
    (void)close(forward->epoll); /* neither holds data */
  if (forward->wake >= 0)
    (void)close(forward->wake);
  g_mutex_clear(&forward->lock);
  g_free(forward->buffer);
  g_free(forward->experiment);
  g_free(forward);
}

static void
remove_external(VnForward *forward, guint32 router)
{
  Source *source = external_of(forward, router);
  if (source == NULL)
    return;
  forward->externals->pdata[router] = NULL;
  kill_source(forward, source);
  wake_up(forward);
}

gboolean
vn_forward_add_external(VnForward *forward, guint32 router, const VnDriverExternal *external,
                        GError **error)
{
  g_assert(external->header <= VN_DRIVER_EXTERNAL_HEADER_MAX);
  G_STATIC_ASSERT(VN_DRIVER_EXTERNAL_HEADER_MAX + sizeof(struct virtio_net_hdr) <= VN_LINK_HEAD);
  Source *source = g_new0(Source, 1);
  source->kind = SOURCE_EXTERNAL;
  source->fd = external->fd;
  source->id = router;
  source->external = *external;
  g_mutex_lock(&forward->lock);
  remove_external(forward, router);
  gboolean good = watch(forward, source, error);
  if (good && router >= forward->externals->len)
    g_ptr_array_set_size(forward->externals, (gint)router + 1);
  if (good)
    forward->externals->pdata[router] = source;
  else
    source_free(source);
  g_mutex_unlock(&forward->lock);
  return good;
}

void
vn_forward_remove_external(VnForward *forward, guint32 router)
{
  g_mutex_lock(&forward->lock);
  remove_external(forward, router);
  g_mutex_unlock(&forward->lock);
}

gboolean
vn_forward_add_way(VnForward *forward, guint32 from, const VnPrefix *prefix, VnWay way)
{
  g_mutex_lock(&forward->lock);
  gboolean good = vn_ways_add(forward->ways, from, prefix, way);
  g_mutex_unlock(&forward->lock);
  return good;
}

gboolean
vn_forward_add_peer(VnForward *forward, guint32 number, const char *path, guint32 own_site)
{
  if (number >= SITES_MAX)
    return FALSE;
  g_mutex_lock(&forward->lock);
  if (number >= forward->sites->len)
    g_array_set_size(forward->sites, number + 1);
  Site *site = &g_array_index(forward->sites, Site, number);
  g_clear_pointer(&site->link, vn_link_free);
  site->known = TRUE;
  site->own = own_site;
  site->local = path[0] == '\0';
  if (!site->local)
    site->link = vn_link_new(path, forward->experiment, own_site, number);
  g_mutex_unlock(&forward->lock);
  return TRUE;
}

gboolean
vn_forward_join(VnForward *forward, guint32 from_site, guint32 to_site, int fd)
{
  g_mutex_lock(&forward->lock);
  const Site *site = site_of(forward, from_site);
  Source *source = g_new0(Source, 1);
  source->kind = SOURCE_LINK;
  source->fd = fd;
  source->id = from_site;
  gboolean good =
      site != NULL && !site->local && site->own == to_site && watch(forward, source, NULL);
  if (good)
    g_ptr_array_add(forward->links, source);
  else
    source_free(source);
  g_mutex_unlock(&forward->lock);
  return good;
}

void
vn_forward_missed(VnForward *forward, guint32 router, guint64 off, guint64 onto)
{
  g_mutex_lock(&forward->lock);
  Source *source = external_of(forward, router);
  if (source != NULL)
    source->missed += off;
  forward->dropped[DROP_INTERFACE] += onto;
  g_mutex_unlock(&forward->lock);
}

static void
add_counter(GVariantBuilder *builder, guint64 value, const char *format, ...) G_GNUC_PRINTF(3, 4);

static void
add_counter(GVariantBuilder *builder, guint64 value, const char *format, ...)
{
  va_list args;
  va_start(args, format);
  g_autofree char *name = g_strdup_vprintf(format, args);
  va_end(args);
  g_variant_builder_add(builder, "(st)", name, value);
}

/* What the kernel dropped since it was asked last; only packet sockets tell. */
static void
count_missed(Source *source)
{
  struct tpacket_stats stats;
  socklen_t size = sizeof stats;
  if (getsockopt(source->fd, SOL_PACKET, PACKET_STATISTICS, &stats, &size) == 0)
    source->missed += stats.tp_drops;
}

void
vn_forward_counters(VnForward *forward, GVariantBuilder *builder)
{
  g_mutex_lock(&forward->lock);
  for (guint i = 0; i < forward->externals->len; i++) {
    Source *source = forward->externals->pdata[i];
    if (source == NULL)
      continue;
    count_missed(source);
    add_counter(builder, source->missed, "dropped, router %u sends faster than is read", i);
    add_counter(builder, source->in_packets, "router %u, packets sent", i);
    add_counter(builder, source->in_bytes, "router %u, bytes sent", i);
    add_counter(builder, source->out_packets, "router %u, packets received", i);
    add_counter(builder, source->out_bytes, "router %u, bytes received", i);
  }
  for (guint i = 0; i < forward->sites->len; i++) {
    const Site *site = &g_array_index(forward->sites, Site, i);
    if (site->link == NULL)
      continue;
    add_counter(builder, vn_link_sent(site->link), "site %u, packets sent", i);
    add_counter(builder, vn_link_dropped(site->link), "dropped, link to site %u full or down", i);
  }
  for (guint i = 0; i < DROP_COUNT; i++)
    add_counter(builder, forward->dropped[i], "dropped, %s", drop_names[i]);
  g_mutex_unlock(&forward->lock);
}
