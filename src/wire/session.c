/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The session is one GSource. A turn of the loop runs through it in this order:
 *
 *   prepare    what was queued since the last turn is written, in one system call
 *   dispatch   one read of what is there; `frame` for each whole frame; `turn_ended`; errors,
 *              `blocked` and `closed` are told from here only
 *
 * Writing in `prepare` is what makes the batch: no other source queues anything between it and the
 * poll. The two buffers grow with what really came or was queued, never with what a length says,
 * and shrink again when they are empty.
 */
#include "wire/session.h"

#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define BUFFER_START    (64u << 10)
#define BUFFER_KEPT     (1u << 20) /* more is given back when empty */
#define READS_A_TURN    8          /* so that one busy peer does not starve the others */
#define QUEUE_LOW       (VN_SESSION_QUEUE_HIGH / 4)
#define FLUSH_MS        5000
#define SPIN_SKIP_MAX   256u
#define SPIN_CROWDED_US 200         /* a yield that takes longer met a process that computes */
#define SPIN_REST_US    (50 * 1000) /* then: no spinning for so long */
#define LENGTH_FIELD    4u

typedef struct {
  guint8 *bytes;
  gsize capacity, start, end; /* what is in it lies between start and end */
} Buffer;

/* Looking again and again instead of sleeping, while that pays: a window that passes in vain
 * makes the next ones be left out, twice as many each time, and a processor that others want
 * is given to them. */
typedef struct {
  gint64 window_us; /* 0: off */
  gint64 until;     /* of the open window; 0: none */
  gint64 not_before;
  guint skip, skipped;
} Spin;

struct VnSession {
  GSource source;
  int fd;
  gpointer tag; /* of fd in the source */
  const VnSessionEvents *events;
  gpointer data;
  Buffer in, out;
  VnFrameWriter writer;
  GError *failure; /* to be told by dispatch */
  gboolean ended;  /* the peer closed, or failure */
  gboolean told;   /* `closed` was called */
  gboolean paused, blocked, unblocked, writable;
  /* heartbeat */
  guint lost_after, silent;
  gboolean heard, sent;
  Spin spin;
};

/* ---- buffers ---- */

static gsize
buffer_used(const Buffer *buffer)
{
  return buffer->end - buffer->start;
}

/* Room for n more bytes after end. */
static void
buffer_reserve(Buffer *buffer, gsize n)
{
  if (buffer->capacity - buffer->end >= n)
    return;
  gsize used = buffer_used(buffer);
  if (buffer->capacity - used >= n && buffer->start >= used) {
    memcpy(buffer->bytes, buffer->bytes + buffer->start, used);
  } else {
    gsize capacity = MAX(buffer->capacity, BUFFER_START);
    while (capacity - used < n)
      capacity *= 2;
    guint8 *bytes = g_malloc(capacity);
    if (used > 0)
      memcpy(bytes, buffer->bytes + buffer->start, used);
    g_free(buffer->bytes);
    buffer->bytes = bytes;
    buffer->capacity = capacity;
  }
  buffer->start = 0;
  buffer->end = used;
}

static void
buffer_take(Buffer *buffer, gsize n)
{
  buffer->start += n;
  if (buffer->start < buffer->end)
    return;
  buffer->start = buffer->end = 0;
  if (buffer->capacity > BUFFER_KEPT) {
    g_clear_pointer(&buffer->bytes, g_free);
    buffer->capacity = 0;
  }
}

/* ---- ends ---- */

static void
session_end(VnSession *session, GError *failure)
{
  if (session->ended) {
    g_clear_error(&failure);
    return;
  }
  session->ended = TRUE;
  session->failure = failure;
}

static void
session_fail_io(VnSession *session, const char *what)
{
  int code = errno;
  session_end(session,
              g_error_new(VN_SESSION_ERROR, VN_SESSION_ERROR_IO, "%s: %s", what, g_strerror(code)));
}

/* ---- writing ---- */

static void
watch(VnSession *session)
{
  GIOCondition events = 0;
  if (!session->paused)
    events |= G_IO_IN;
  if (buffer_used(&session->out) > 0)
    events |= G_IO_OUT;
  g_source_modify_unix_fd(&session->source, session->tag, events);
}

/* Writes what the socket takes. A peer that closed is noticed by the read, after what it still
 * had to say, so its EPIPE only drops the queue. */
static void
write_queued(VnSession *session)
{
  Buffer *out = &session->out;
  while (buffer_used(out) > 0 && !session->ended) {
    ssize_t n =
        send(session->fd, out->bytes + out->start, buffer_used(out), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n >= 0) {
      buffer_take(out, (gsize)n);
      session->sent = TRUE;
    } else if (errno == EPIPE || errno == ECONNRESET) {
      buffer_take(out, buffer_used(out));
    } else if (errno == EAGAIN) {
      break;
    } else if (errno != EINTR) {
      session_fail_io(session, "writing to the session");
    }
  }
  gboolean writable = buffer_used(out) > 0;
  if (writable != session->writable) {
    session->writable = writable;
    watch(session);
  }
  if (session->blocked && buffer_used(out) <= QUEUE_LOW)
    session->unblocked = TRUE;
}

/* ---- reading ---- */

static guint16
be16(const guint8 *p)
{
  return (guint16)(p[0] << 8 | p[1]);
}

static guint32
be32(const guint8 *p)
{
  return (guint32)be16(p) << 16 | be16(p + 2);
}

static guint64
be64(const guint8 *p)
{
  return (guint64)be32(p) << 32 | be32(p + 4);
}

static gsize
frame_limit(guint16 kind)
{
  return kind < VN_MESSAGE_OPEN ? VN_FRAME_MAX : VN_SESSION_FRAME_MAX;
}

/* The whole frame at the start of the input, or FALSE: more is needed, or it is malformed. */
static gboolean
next_frame(VnSession *session, VnFrame *out, gsize *out_size)
{
  const guint8 *p = session->in.bytes + session->in.start;
  gsize there = buffer_used(&session->in);
  if (there < VN_FRAME_HEADER)
    return FALSE;
  gsize length = be32(p);
  guint16 kind = be16(p + 4);
  if (length < VN_FRAME_HEADER - LENGTH_FIELD || length > frame_limit(kind)) {
    session_end(session,
                g_error_new(VN_SESSION_ERROR, VN_SESSION_ERROR_MALFORMED,
                            "the peer sent a malformed frame (%s of %" G_GSIZE_FORMAT " bytes)",
                            vn_message_text(kind), length));
    return FALSE;
  }
  if (there < LENGTH_FIELD + length)
    return FALSE;
  *out = (VnFrame){.kind = kind,
                   .flags = be16(p + 6),
                   .vm = be32(p + 8),
                   .id = be64(p + 12),
                   .payload = p + VN_FRAME_HEADER,
                   .size = (guint32)(length + LENGTH_FIELD - VN_FRAME_HEADER)};
  *out_size = LENGTH_FIELD + length;
  return TRUE;
}

static void
hand_over(VnSession *session)
{
  VnFrame frame;
  gsize size;
  while (!g_source_is_destroyed(&session->source) && next_frame(session, &frame, &size)) {
    if (frame.kind != VN_MESSAGE_HEARTBEAT)
      session->events->frame(session, &frame, session->data);
    buffer_take(&session->in, size);
  }
}

/* TRUE if there may be more. */
static gboolean
read_once(VnSession *session)
{
  Buffer *in = &session->in;
  buffer_reserve(in, BUFFER_START / 2);
  gsize room = in->capacity - in->end;
  ssize_t n = recv(session->fd, in->bytes + in->end, room, MSG_DONTWAIT);
  if (n > 0) {
    in->end += (gsize)n;
    session->heard = TRUE;
    return (gsize)n == room;
  }
  if (n < 0 && (errno == EAGAIN || errno == EINTR))
    return FALSE;
  if (n < 0 && errno != ECONNRESET)
    session_fail_io(session, "reading from the session");
  else if (buffer_used(in) > 0)
    session_end(session, g_error_new(VN_SESSION_ERROR, VN_SESSION_ERROR_CLOSED,
                                     "the peer closed in the middle of a frame"));
  else
    session_end(session, NULL);
  return FALSE;
}

static void
read_turn(VnSession *session)
{
  gboolean more = TRUE;
  for (guint i = 0; more && i < READS_A_TURN; i++) {
    more = read_once(session);
    hand_over(session);
    if (g_source_is_destroyed(&session->source))
      return;
    more = more && !session->ended && !session->paused;
  }
  if (session->events->turn_ended != NULL)
    session->events->turn_ended(session, session->data);
}

/* ---- the source ---- */

static gboolean
pending(const VnSession *session)
{
  return (session->ended && !session->told) || session->unblocked;
}

/* Something was written or read: an answer may come soon. */
static void
spin_start(Spin *spin)
{
  if (spin->window_us == 0)
    return;
  gint64 now = g_get_monotonic_time();
  if (now >= spin->not_before && spin->skipped >= spin->skip)
    spin->until = now + spin->window_us;
  else
    spin->skipped++;
}

static void
spin_hit(Spin *spin)
{
  if (spin->until != 0)
    spin->skip = 0;
  spin->until = 0;
}

static void
spin_missed(Spin *spin)
{
  spin->skip = MIN(2 * spin->skip + 1, SPIN_SKIP_MAX);
  spin->skipped = 0;
  spin->until = 0;
}

/* TRUE: look again at once. */
static gboolean
spin_on(Spin *spin)
{
  gint64 before = g_get_monotonic_time();
  if (before >= spin->until) {
    spin_missed(spin);
    return FALSE;
  }
  (void)sched_yield(); /* can't fail on Linux */
  gint64 after = g_get_monotonic_time();
  if (after - before <= SPIN_CROWDED_US)
    return TRUE;
  spin->not_before = after + SPIN_REST_US;
  spin->until = 0;
  return FALSE;
}

static gboolean
source_prepare(GSource *source, gint *timeout)
{
  VnSession *session = (VnSession *)source;
  *timeout = -1;
  if (!session->ended && !session->writable && buffer_used(&session->out) > 0) {
    write_queued(session);
    spin_start(&session->spin);
  }
  if (session->spin.until != 0 && spin_on(&session->spin))
    *timeout = 0;
  return pending(session);
}

static gboolean
source_check(GSource *source)
{
  VnSession *session = (VnSession *)source;
  return pending(session) || (!session->ended && g_source_query_unix_fd(source, session->tag) != 0);
}

static void
tell_ended(VnSession *session)
{
  session->told = TRUE;
  g_source_remove_unix_fd(&session->source, session->tag);
  session->tag = NULL;
  g_source_set_ready_time(&session->source, -1);
  session->events->closed(session, session->failure, session->data);
}

static void
beat(VnSession *session, gint64 now)
{
  g_source_set_ready_time(&session->source, now + G_USEC_PER_SEC);
  if (!session->sent && buffer_used(&session->out) == 0)
    vn_session_send(session, VN_MESSAGE_HEARTBEAT, 0, 0, NULL);
  session->sent = FALSE;
  session->silent = session->heard || session->paused ? 0 : session->silent + 1;
  session->heard = FALSE;
  if (session->lost_after > 0 && session->silent >= session->lost_after)
    session_end(session, g_error_new(VN_SESSION_ERROR, VN_SESSION_ERROR_CLOSED,
                                     "nothing was heard from the peer for %u s", session->silent));
}

static gboolean
source_dispatch(GSource *source, GSourceFunc callback, gpointer user_data)
{
  VnSession *session = (VnSession *)source;
  GIOCondition seen = session->ended ? 0 : g_source_query_unix_fd(source, session->tag);
  if (seen & G_IO_OUT)
    write_queued(session);
  if (seen & (G_IO_IN | G_IO_HUP | G_IO_ERR)) {
    spin_hit(&session->spin);
    read_turn(session);
  }
  if (session->unblocked && !g_source_is_destroyed(source)) {
    session->unblocked = session->blocked = FALSE;
    if (session->events->blocked != NULL)
      session->events->blocked(session, FALSE, session->data);
  }
  gint64 now = g_source_get_time(source), due = g_source_get_ready_time(source);
  if (!g_source_is_destroyed(source) && due >= 0 && now >= due)
    beat(session, now);
  if (session->ended && !session->told && !g_source_is_destroyed(source))
    tell_ended(session);
  return G_SOURCE_CONTINUE;
}

static void
source_finalize(GSource *source)
{
  VnSession *session = (VnSession *)source;
  g_free(session->in.bytes);
  g_free(session->out.bytes);
  g_clear_error(&session->failure);
}

static GSourceFuncs functions = {source_prepare, source_check, source_dispatch, source_finalize};

/* ---- the interface ---- */

VnSession *
vn_session_new(int fd, const VnSessionEvents *events, gpointer data)
{
  GSource *source = g_source_new(&functions, sizeof(VnSession));
  VnSession *session = (VnSession *)source;
  session->fd = fd;
  session->events = events;
  session->data = data;
  session->tag = g_source_add_unix_fd(source, fd, G_IO_IN);
  /* Never run from within itself; without this GLib writes to an eventfd twice a dispatch. */
  g_source_set_can_recurse(source, TRUE);
  g_source_set_static_name(source, "vnec session");
  g_source_attach(source, g_main_context_get_thread_default());
  return session;
}

void
vn_session_free(VnSession *session)
{
  if (session == NULL)
    return;
  GSource *source = &session->source;
  g_source_destroy(source);
  (void)close(session->fd); /* a stream socket: there is nothing that could be lost by it */
  session->fd = -1;
  session->ended = TRUE;
  g_source_unref(source);
}

static void
queued(VnSession *session)
{
  if (session->blocked || buffer_used(&session->out) <= VN_SESSION_QUEUE_HIGH)
    return;
  session->blocked = TRUE;
  if (session->events->blocked != NULL)
    session->events->blocked(session, TRUE, session->data);
}

VnFrameWriter *
vn_session_begin(VnSession *session, guint16 kind, guint16 flags, guint32 vm, guint64 id,
                 gsize size)
{
  size += VN_FRAME_HEADER;
  buffer_reserve(&session->out, size);
  vn_frame_writer_init(&session->writer, session->out.bytes + session->out.end, size);
  vn_frame_begin(&session->writer, kind, flags, vm, id);
  return &session->writer;
}

void
vn_session_commit(VnSession *session)
{
  gsize size = vn_frame_end(&session->writer);
  g_assert(size > 0); /* the caller of _begin asked for too little */
  if (session->ended)
    return;
  session->out.end += size;
  queued(session);
}

static guint8 *
put_be(guint8 *p, guint64 value, guint size)
{
  for (guint i = 0; i < size; i++)
    p[i] = (guint8)(value >> (8 * (size - 1 - i)));
  return p + size;
}

static guint8 *
put_header(guint8 *p, gsize payload, guint16 kind, guint16 flags, guint32 vm, guint64 id)
{
  p = put_be(p, VN_FRAME_HEADER - LENGTH_FIELD + payload, 4);
  p = put_be(p, kind, 2);
  p = put_be(p, flags, 2);
  p = put_be(p, vm, 4);
  return put_be(p, id, 8);
}

void
vn_session_forward(VnSession *session, const VnFrame *frame, guint32 vm, guint64 id)
{
  if (session->ended)
    return;
  buffer_reserve(&session->out, VN_FRAME_HEADER + frame->size);
  guint8 *p = session->out.bytes + session->out.end;
  p = put_header(p, frame->size, frame->kind, frame->flags, vm, id);
  memcpy(p, frame->payload, frame->size);
  session->out.end += VN_FRAME_HEADER + frame->size;
  queued(session);
}

/* Messages may be larger than a guest's frames, so their one field is written here. */
static void
send_body(VnSession *session, VnMessageKind kind, guint32 vm, guint64 id, GVariant *body)
{
  gsize size = g_variant_get_size(body), payload = 2 + 4 + size;
  buffer_reserve(&session->out, VN_FRAME_HEADER + payload);
  guint8 *p = session->out.bytes + session->out.end;
  p = put_header(p, payload, (guint16)kind, 0, vm, id);
  p = put_be(p, VN_TAG_BODY, 2);
  p = put_be(p, size, 4);
  if (size > 0)
    memcpy(p, g_variant_get_data(body), size); /* _store wants an aligned place */
  session->out.end += VN_FRAME_HEADER + payload;
  queued(session);
}

void
vn_session_send(VnSession *session, VnMessageKind kind, guint32 vm, guint64 id, GVariant *body)
{
  const char *type = vn_message_type((guint16)kind);
  g_assert(type != NULL);
  g_autoptr(GVariant) whole = g_variant_ref_sink(body != NULL ? body : g_variant_new("()"));
  g_assert(g_variant_is_of_type(whole, G_VARIANT_TYPE(type)));
  if (session->ended)
    return;
  if (G_BYTE_ORDER == G_BIG_ENDIAN) {
    g_autoptr(GVariant) swapped = g_variant_byteswap(whole);
    send_body(session, kind, vm, id, swapped);
  } else {
    send_body(session, kind, vm, id, whole);
  }
}

gsize
vn_session_queued(const VnSession *session)
{
  return buffer_used(&session->out);
}

void
vn_session_pause(VnSession *session, gboolean paused)
{
  if (session->paused == paused || session->ended)
    return;
  session->paused = paused;
  watch(session);
}

gboolean
vn_session_flush(VnSession *session, GError **error)
{
  gint64 until = g_get_monotonic_time() + FLUSH_MS * 1000;
  while (buffer_used(&session->out) > 0 && !session->ended) {
    write_queued(session);
    gint64 left = (until - g_get_monotonic_time()) / 1000;
    if (buffer_used(&session->out) > 0 && left <= 0) {
      g_set_error(error, VN_SESSION_ERROR, VN_SESSION_ERROR_IO,
                  "writing to the session: the peer takes nothing");
      return FALSE;
    }
    struct pollfd wait = {.fd = session->fd, .events = POLLOUT};
    if (buffer_used(&session->out) > 0 && poll(&wait, 1, (int)left) < 0 && errno != EINTR)
      session_fail_io(session, "waiting for the session");
  }
  if (session->failure != NULL && error != NULL)
    *error = g_error_copy(session->failure);
  return session->failure == NULL;
}

void
vn_session_set_heartbeat(VnSession *session, guint lost_after)
{
  session->lost_after = lost_after;
  session->silent = 0;
  session->heard = TRUE;
  g_source_set_ready_time(&session->source, g_get_monotonic_time() + G_USEC_PER_SEC);
}

void
vn_session_set_spin(VnSession *session, guint spin_us)
{
  session->spin = (Spin){.window_us = spin_us};
}
