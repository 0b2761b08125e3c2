/* SPDX-License-Identifier: GPL-3.0-or-later */
/* TPACKET_V3 rings: the kernel fills blocks of many packets with times in nanoseconds, and its
 * memory is not bounded by the socket buffer limits that an ordinary user can't raise. A block is
 * handed over when it is full or RETIRE_MS old.
 *
 * Frames of the hub come from its thread, each with the lock held for a moment; what has no room
 * is lost and counted, as in a ring.
 *
 * The filter is attached before the ring is set up, because that empties the socket: nothing that
 * came unfiltered is ever seen.
 */
#include "slave/capture.h"

#include <errno.h>
#include <linux/if_packet.h>
#include <poll.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "hub/filter.h"
#include "hub/pcapng.h"

#define BLOCK_SIZE  (128u << 10) /* holds the largest frame, offloads included */
#define BLOCKS_FEW  64u          /* a segment, while there are few captures */
#define BLOCKS_MANY 8u
#define FEW         8u
#define RETIRE_MS   10
#define FLUSH_MS    30  /* in which the kernel has surely retired the last block */
#define ROUNDS      32u /* before others may have the lock */
#define VLAN_SIZE   4u

typedef struct {
  guint32 segment;
  VnHub *hub;           /* NULL: */
  int fd;               /* of a packet socket */
  VnCaptures *captures; /* of the hub's: */
  guint8 *ring;
  guint n_blocks, block;
  GByteArray *out; /* whole pcapng blocks; NULL: none */
  guint64 frames, lost;
} Capture;

struct VnCaptures {
  GThread *thread;
  int epoll, wake;
  gint stop;         /* atomic */
  gint pending;      /* atomic: bytes that wait */
  gint announced;    /* atomic: `ready` is on its way */
  GAsyncQueue *done; /* of VnCaptured */
  GMutex lock;       /* of list */
  GPtrArray *list;   /* of Capture */
  GMainContext *context;
  GSource *ready; /* wakes the main thread; NULL: stopped */
  void (*on_ready)(gpointer data);
  gpointer data;
};

void
vn_captured_free(VnCaptured *captured)
{
  if (captured == NULL)
    return;
  if (captured->bytes != NULL)
    g_byte_array_unref(captured->bytes);
  g_free(captured);
}

static void
capture_free(gpointer data)
{
  Capture *capture = data;
  if (capture->ring != NULL)
    (void)munmap(capture->ring, (gsize)capture->n_blocks * BLOCK_SIZE);
  if (capture->fd >= 0)
    (void)close(capture->fd); /* a packet socket: nothing is written */
  if (capture->out != NULL)
    g_byte_array_unref(capture->out);
  g_free(capture);
}

/* ---- to the main thread ---- */

static void
announce(VnCaptures *captures)
{
  if (g_atomic_int_compare_and_exchange(&captures->announced, 0, 1))
    g_source_set_ready_time(captures->ready, 0);
}

static gboolean
ready_dispatch(GSource *source, GSourceFunc callback, gpointer data)
{
  g_source_set_ready_time(source, -1);
  return callback(data);
}

static GSourceFuncs ready_functions = {NULL, NULL, ready_dispatch, NULL};

static gboolean
ready_call(gpointer data)
{
  VnCaptures *captures = data;
  g_atomic_int_set(&captures->announced, 0);
  captures->on_ready(captures->data);
  return G_SOURCE_CONTINUE;
}

static void
hand_over(VnCaptures *captures, Capture *capture, GByteArray *bytes)
{
  VnCaptured *captured = g_new0(VnCaptured, 1);
  captured->segment = capture->segment;
  captured->bytes = bytes;
  captured->frames = capture->frames;
  captured->lost = capture->lost;
  if (bytes != NULL)
    g_atomic_int_add(&captures->pending, (gint)bytes->len);
  g_async_queue_push(captures->done, captured);
  announce(captures);
}

static void
emit(VnCaptures *captures, Capture *capture)
{
  if (capture->out != NULL)
    hand_over(captures, capture, g_steal_pointer(&capture->out));
}

static gboolean
is_full(VnCaptures *captures)
{
  return g_atomic_int_get(&captures->pending) >= (gint)VN_CAPTURE_PENDING_MAX;
}

/* ---- from the kernel ---- */

/* The kernel takes a VLAN tag out of the frame; it belongs in the file. */
static void
add_tagged(GByteArray *out, gint64 time, const guint8 *frame, const struct tpacket3_hdr *header)
{
  g_autofree guint8 *whole = g_malloc(header->tp_snaplen + VLAN_SIZE);
  guint16 type =
      (header->tp_status & TP_STATUS_VLAN_TPID_VALID) ? header->hv1.tp_vlan_tpid : 0x8100;
  guint16 tag = (guint16)header->hv1.tp_vlan_tci;
  const guint8 field[VLAN_SIZE] = {(guint8)(type >> 8), (guint8)type, (guint8)(tag >> 8),
                                   (guint8)tag};
  memcpy(whole, frame, 12);
  memcpy(whole + 12, field, VLAN_SIZE);
  memcpy(whole + 12 + VLAN_SIZE, frame + 12, header->tp_snaplen - 12);
  vn_pcapng_frame(out, time, whole, header->tp_snaplen + VLAN_SIZE, header->tp_len + VLAN_SIZE);
}

static void
add_packet(VnCaptures *captures, Capture *capture, const struct tpacket3_hdr *header)
{
  if (capture->out == NULL)
    capture->out = g_byte_array_sized_new(8192);
  const guint8 *frame = (const guint8 *)header + header->tp_mac;
  gint64 time = (gint64)header->tp_sec * 1000000000 + header->tp_nsec;
  capture->frames++;
  if ((header->tp_status & TP_STATUS_VLAN_VALID) && header->tp_snaplen >= 12)
    add_tagged(capture->out, time, frame, header);
  else
    vn_pcapng_frame(capture->out, time, frame, header->tp_snaplen, header->tp_len);
  if (capture->out->len >= VN_CAPTURE_CHUNK)
    emit(captures, capture);
}

/* TRUE if there was a block. */
static gboolean
read_block(VnCaptures *captures, Capture *capture)
{
  if (capture->ring == NULL)
    return FALSE;
  struct tpacket_block_desc *block =
      (struct tpacket_block_desc *)(capture->ring + (gsize)capture->block * BLOCK_SIZE);
  struct tpacket_hdr_v1 *head = &block->hdr.bh1;
  if (!(__atomic_load_n(&head->block_status, __ATOMIC_ACQUIRE) & TP_STATUS_USER))
    return FALSE;
  const guint8 *at = (const guint8 *)block + head->offset_to_first_pkt;
  for (guint i = 0; i < head->num_pkts; i++) {
    const struct tpacket3_hdr *header = (const struct tpacket3_hdr *)at;
    add_packet(captures, capture, header);
    at += header->tp_next_offset;
  }
  __atomic_store_n(&head->block_status, TP_STATUS_KERNEL, __ATOMIC_RELEASE);
  capture->block = (capture->block + 1) % capture->n_blocks;
  return TRUE;
}

/* One block of each in turn, so that a busy segment does not hide the others. */
static void
read_all(VnCaptures *captures)
{
  g_mutex_lock(&captures->lock);
  gboolean more = TRUE;
  for (guint round = 0; more && round < ROUNDS && !is_full(captures); round++) {
    more = FALSE;
    for (guint i = 0; i < captures->list->len; i++)
      more |= read_block(captures, captures->list->pdata[i]);
  }
  for (guint i = 0; i < captures->list->len; i++)
    emit(captures, captures->list->pdata[i]);
  g_mutex_unlock(&captures->lock);
}

static void
count_lost(Capture *capture)
{
  struct tpacket_stats_v3 stats;
  socklen_t size = sizeof stats;
  if (capture->fd >= 0 &&
      getsockopt(capture->fd, SOL_PACKET, PACKET_STATISTICS, &stats, &size) == 0)
    capture->lost += stats.tp_drops;
}

static void
finish(VnCaptures *captures)
{
  gint64 now = g_get_real_time() * 1000;
  for (guint i = 0; i < captures->list->len; i++) {
    Capture *capture = captures->list->pdata[i];
    count_lost(capture);
    if (capture->out == NULL)
      capture->out = g_byte_array_new();
    vn_pcapng_end(capture->out, now, capture->frames + capture->lost, capture->lost);
    emit(captures, capture);
    hand_over(captures, capture, NULL);
  }
}

static void
clear_wake(VnCaptures *captures)
{
  guint64 count;
  if (read(captures->wake, &count, sizeof count) < 0)
    g_assert(errno == EAGAIN || errno == EINTR);
}

/* While too much waits only `wake` is listened to: it is written when something was fetched. */
static void
wait_for_work(VnCaptures *captures)
{
  struct epoll_event events[16];
  struct pollfd wake = {.fd = captures->wake, .events = POLLIN};
  if (is_full(captures))
    (void)poll(&wake, 1, -1); /* EINTR: look again */
  else
    (void)epoll_wait(captures->epoll, events, G_N_ELEMENTS(events), -1);
  clear_wake(captures);
}

static gpointer
work(gpointer data)
{
  VnCaptures *captures = data;
  while (!g_atomic_int_get(&captures->stop)) {
    wait_for_work(captures);
    read_all(captures);
  }
  gint64 until = g_get_monotonic_time() + FLUSH_MS * 1000;
  struct epoll_event events[16];
  for (gint64 left = FLUSH_MS; left > 0; left = (until - g_get_monotonic_time()) / 1000) {
    (void)epoll_wait(captures->epoll, events, G_N_ELEMENTS(events), (int)left);
    clear_wake(captures);
    g_atomic_int_set(&captures->pending, 0); /* what is left in the rings is bounded by itself */
    read_all(captures);
  }
  finish(captures);
  return NULL;
}

/* ---- the interface ---- */

static gboolean
fail(GError **error, const char *what)
{
  int code = errno;
  g_set_error(error, G_IO_ERROR, g_io_error_from_errno(code), "%s: %s", what, g_strerror(code));
  return FALSE;
}

VnCaptures *
vn_captures_new(void (*ready)(gpointer data), gpointer data, GError **error)
{
  int epoll = epoll_create1(EPOLL_CLOEXEC), wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  struct epoll_event event = {.events = EPOLLIN};
  if (epoll < 0 || wake < 0 || epoll_ctl(epoll, EPOLL_CTL_ADD, wake, &event) != 0) {
    fail(error, "preparing captures");
    if (epoll >= 0)
      (void)close(epoll);
    if (wake >= 0)
      (void)close(wake);
    return NULL;
  }
  VnCaptures *captures = g_new0(VnCaptures, 1);
  captures->epoll = epoll;
  captures->wake = wake;
  captures->done = g_async_queue_new_full((GDestroyNotify)vn_captured_free);
  g_mutex_init(&captures->lock);
  captures->list = g_ptr_array_new_with_free_func(capture_free);
  captures->on_ready = ready;
  captures->data = data;
  captures->ready = g_source_new(&ready_functions, sizeof(GSource));
  g_source_set_callback(captures->ready, ready_call, captures, NULL);
  g_source_attach(captures->ready, g_main_context_get_thread_default());
  captures->thread = g_thread_new("captures", work, captures);
  return captures;
}

static void
wake_up(VnCaptures *captures)
{
  guint64 one = 1;
  if (write(captures->wake, &one, sizeof one) < 0)
    g_assert(errno == EAGAIN || errno == EINTR); /* it is awake then */
}

/* ---- from the hub ---- */

/* In the hub's thread. What is gathered is handed over by ours, which is woken for the first. */
static void
take_seen(gint64 time_ns, const guint8 *bytes, guint32 n, gpointer data)
{
  Capture *capture = data;
  VnCaptures *captures = capture->captures;
  gboolean first = FALSE;
  g_mutex_lock(&captures->lock);
  if (is_full(captures)) {
    capture->lost++;
  } else {
    first = capture->out == NULL;
    if (first)
      capture->out = g_byte_array_sized_new(8192);
    capture->frames++;
    vn_pcapng_frame(capture->out, time_ns, bytes, n, n);
    if (capture->out->len >= VN_CAPTURE_CHUNK)
      emit(captures, capture);
  }
  g_mutex_unlock(&captures->lock);
  if (first)
    wake_up(captures);
}

/* Without our lock, which the hub's thread may wait for. */
static void
leave_hub(VnCaptures *captures)
{
  g_autoptr(GArray) segments = g_array_new(FALSE, FALSE, sizeof(guint32));
  VnHub *hub = NULL;
  g_mutex_lock(&captures->lock);
  for (guint i = 0; i < captures->list->len; i++) {
    const Capture *capture = captures->list->pdata[i];
    if (capture->hub == NULL)
      continue;
    hub = capture->hub;
    g_array_append_val(segments, capture->segment);
  }
  g_mutex_unlock(&captures->lock);
  for (guint i = 0; i < segments->len; i++)
    vn_hub_close_capture(hub, g_array_index(segments, guint32, i));
}

void
vn_captures_stop(VnCaptures *captures)
{
  if (captures == NULL || captures->thread == NULL)
    return;
  leave_hub(captures);
  g_atomic_int_set(&captures->stop, 1);
  wake_up(captures);
  g_thread_join(g_steal_pointer(&captures->thread));
}

void
vn_captures_free(VnCaptures *captures)
{
  if (captures == NULL)
    return;
  vn_captures_stop(captures);
  g_source_destroy(captures->ready);
  g_source_unref(captures->ready);
  g_ptr_array_unref(captures->list);
  g_async_queue_unref(captures->done);
  g_mutex_clear(&captures->lock);
  (void)close(captures->epoll); /* neither holds data */
  (void)close(captures->wake);
  g_free(captures);
}

static gboolean
set_ring(Capture *capture, GError **error)
{
  int version = TPACKET_V3;
  struct tpacket_req3 request = {.tp_block_size = BLOCK_SIZE,
                                 .tp_block_nr = capture->n_blocks,
                                 .tp_frame_size = 2048,
                                 .tp_frame_nr = BLOCK_SIZE / 2048 * capture->n_blocks,
                                 .tp_retire_blk_tov = RETIRE_MS};
  if (setsockopt(capture->fd, SOL_PACKET, PACKET_VERSION, &version, sizeof version) != 0 ||
      setsockopt(capture->fd, SOL_PACKET, PACKET_RX_RING, &request, sizeof request) != 0)
    return fail(error, "making the ring of a capture");
  gsize size = (gsize)capture->n_blocks * BLOCK_SIZE;
  void *ring = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, capture->fd, 0);
  if (ring == MAP_FAILED)
    return fail(error, "mapping the ring of a capture");
  capture->ring = ring;
  return TRUE;
}

static gboolean
start(VnCaptures *captures, Capture *capture, const char *filter, GError **error)
{
  g_autoptr(VnFilter) compiled = vn_filter_compile(filter, error);
  struct epoll_event event = {.events = EPOLLIN};
  if (compiled == NULL || !vn_filter_attach(compiled, capture->fd, error) ||
      !set_ring(capture, error))
    return FALSE;
  if (epoll_ctl(captures->epoll, EPOLL_CTL_ADD, capture->fd, &event) != 0)
    return fail(error, "watching a capture");
  return TRUE;
}

/* The beginning of its file. */
static void
list_capture(VnCaptures *captures, Capture *capture, const char *name, const char *filter,
             const char *program)
{
  const VnPcapngInfo info = {.program = program, .name = name, .filter = filter};
  capture->out = g_byte_array_new();
  vn_pcapng_begin(capture->out, &info);
  g_ptr_array_add(captures->list, capture);
}

gboolean
vn_captures_add_hub(VnCaptures *captures, VnHub *hub, guint32 segment, const char *name,
                    const char *filter, const char *program, GError **error)
{
  VnFilter *compiled = vn_filter_compile(filter, error);
  if (compiled == NULL)
    return FALSE;
  Capture *capture = g_new0(Capture, 1);
  capture->segment = segment;
  capture->fd = -1;
  capture->hub = hub;
  capture->captures = captures;
  g_mutex_lock(&captures->lock);
  gboolean fits = captures->list->len < VN_CAPTURES_MAX;
  if (fits)
    list_capture(captures, capture, name, filter, program);
  else
    g_set_error(error, G_IO_ERROR, G_IO_ERROR_FAILED, "more than %u captures", VN_CAPTURES_MAX);
  g_mutex_unlock(&captures->lock);
  if (!fits) {
    vn_filter_free(compiled);
    capture_free(capture);
    return FALSE;
  }
  wake_up(captures);
  /* If it fails, the run does, and what ends the captures ends this empty one. */
  return vn_hub_open_capture(hub, segment, compiled, take_seen, capture, error);
}

gboolean
vn_captures_add(VnCaptures *captures, guint32 segment, int fd, const char *name, const char *filter,
                const char *program, GError **error)
{
  Capture *capture = g_new0(Capture, 1);
  capture->segment = segment;
  capture->fd = fd;
  g_mutex_lock(&captures->lock);
  guint n = captures->list->len;
  capture->n_blocks = n < FEW ? BLOCKS_FEW : BLOCKS_MANY;
  gboolean good = n < VN_CAPTURES_MAX;
  if (!good)
    g_set_error(error, G_IO_ERROR, G_IO_ERROR_FAILED, "more than %u captures", VN_CAPTURES_MAX);
  good = good && start(captures, capture, filter, error);
  if (good) {
    list_capture(captures, capture, name, filter, program);
  } else {
    capture_free(capture);
  }
  g_mutex_unlock(&captures->lock);
  if (good)
    wake_up(captures); /* the head of the file goes out now */
  return good;
}

VnCaptured *
vn_captures_fetch(VnCaptures *captures)
{
  VnCaptured *captured = g_async_queue_try_pop(captures->done);
  if (captured == NULL || captured->bytes == NULL)
    return captured;
  gint size = (gint)captured->bytes->len;
  gint before = g_atomic_int_add(&captures->pending, -size);
  if (before >= (gint)VN_CAPTURE_PENDING_MAX && before - size < (gint)VN_CAPTURE_PENDING_MAX)
    wake_up(captures);
  return captured;
}
