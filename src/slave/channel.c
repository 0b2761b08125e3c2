/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A channel's memory is next to nothing while it is idle: input is read into one buffer that all
 * share, and only the start of a frame whose end has not come is kept; the output buffer appears
 * with the first frame. A channel that ended stays as an empty shell until the next `prepare`,
 * because the list of events being worked on may still point to it.
 */
#include "slave/channel.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "slave/spool.h"
#include "slave/token.h"

#define EVENTS_A_TURN 256
#define READ_SIZE     (256u << 10)
#define OUT_KEPT      4096u
#define CROWD         4u /* agents written to in one turn: they are told */

/* A port's line. */
typedef struct {
  VnLineReader reader;
  char token[VN_LINE_TOKEN + 1]; /* of this connection */
  gboolean begun;                /* the agent has answered it */
} Line;

typedef struct {
  guint32 vm;
  int fd;         /* -1: a shell */
  Line *line;     /* NULL unless it is a port */
  VnSpool *spool; /* NULL unless it is a folder, which has the descriptor */
  guint8 *partial;
  gsize n_partial;
  guint8 *out;
  gsize out_capacity, out_start, out_end;
  gint64 pressed_since; /* 0: the queue is low */
  gboolean dirty, writable;
} Channel;

struct VnChannels {
  GSource source;
  int epoll;
  gpointer tag;
  const VnChannelEvents *events;
  gpointer data;
  GPtrArray *by_vm; /* Channel*, NULL where there is none */
  GPtrArray *dirty, *shells;
  guint8 *scratch;
  guint pressed; /* channels above HIGH */
  guint crowd;   /* agents written to in a turn, of late */
  gboolean told_pressed, paused;
};

/* Kinds that an agent may send, from the directions in messages.def. */
static const guint8 from_agent[] = {
#define U                                     1
#define D                                     0
#define DU                                    1
#define VN_FRAME(id, number, direction, help) [number] = direction,
#include "frame/messages.def"
#undef VN_FRAME
#undef U
#undef D
#undef DU
};

static Channel *
find(const VnChannels *channels, guint32 vm)
{
  return vm < channels->by_vm->len ? channels->by_vm->pdata[vm] : NULL;
}

static void
close_fd(Channel *channel)
{
  if (channel->spool == NULL && channel->fd >= 0)
    (void)close(channel->fd); /* what could not be written has no reader any more */
  g_clear_pointer(&channel->spool, vn_spool_close);
  channel->fd = -1;
}

static void
channel_free(gpointer data)
{
  Channel *channel = data;
  close_fd(channel);
  g_free(channel->line);
  g_free(channel->partial);
  g_free(channel->out);
  g_free(channel);
}

static void
set_pressed(VnChannels *channels, Channel *channel, gboolean pressed)
{
  if (pressed == (channel->pressed_since != 0))
    return;
  channel->pressed_since = pressed ? g_get_monotonic_time() : 0;
  channels->pressed += pressed ? 1 : -1u;
}

static void
tell_pressed(VnChannels *channels)
{
  gboolean pressed = channels->pressed > 0;
  if (pressed == channels->told_pressed)
    return;
  channels->told_pressed = pressed;
  channels->events->pressed(pressed, channels->data);
  g_source_set_ready_time(&channels->source,
                          pressed ? g_get_monotonic_time() + G_USEC_PER_SEC : -1);
}

static void
drop(VnChannels *channels, Channel *channel)
{
  if (channel->fd < 0)
    return;
  set_pressed(channels, channel, FALSE);
  /* Closing alone would leave it in the set while a child that is being started has a copy. */
  int removed = epoll_ctl(channels->epoll, EPOLL_CTL_DEL, channel->fd, NULL);
  g_assert(removed == 0);
  close_fd(channel);
  channels->by_vm->pdata[channel->vm] = NULL;
  g_ptr_array_add(channels->shells, channel);
}

static void
end(VnChannels *channels, Channel *channel, gboolean ended, const char *why)
{
  if (channel->fd < 0)
    return;
  guint32 vm = channel->vm;
  drop(channels, channel);
  channels->events->lost(vm, ended, why, channels->data);
}

static void
lose(VnChannels *channels, Channel *channel, const char *why)
{
  end(channels, channel, FALSE, why);
}

/* ---- output ---- */

static gboolean
watch(VnChannels *channels, Channel *channel, gboolean writable)
{
  channel->writable = writable;
  struct epoll_event event = {.events = EPOLLIN | (writable ? EPOLLOUT : 0), .data.ptr = channel};
  return epoll_ctl(channels->epoll, EPOLL_CTL_MOD, channel->fd, &event) == 0;
}

static void
out_written(Channel *channel, gsize n)
{
  channel->out_start += n;
  if (channel->out_start < channel->out_end)
    return;
  channel->out_start = channel->out_end = 0;
  if (channel->out_capacity > OUT_KEPT) {
    g_clear_pointer(&channel->out, g_free);
    channel->out_capacity = 0;
  }
}

/* Whole frames that fit in a file. */
static gsize
whole_frames(const Channel *channel)
{
  const guint8 *bytes = channel->out + channel->out_start;
  gsize n = channel->out_end - channel->out_start, at = 0;
  for (gint64 size; (size = vn_frame_peek(bytes + at, n - at)) > 0; at += (gsize)size)
    if (at + (gsize)size > VN_SPOOL_FILE)
      break;
  return at;
}

static void
write_files(VnChannels *channels, Channel *channel)
{
  int result = 1;
  const char *why;
  while (result > 0 && channel->out_end > channel->out_start) {
    gsize n = whole_frames(channel);
    result = vn_spool_write(channel->spool, channel->out + channel->out_start, n, &why);
    if (result > 0)
      out_written(channel, n);
  }
  if (result < 0)
    lose(channels, channel, why);
  else if (channel->out_end - channel->out_start <= VN_CHANNEL_QUEUE_HIGH / 2)
    set_pressed(channels, channel, FALSE);
}

static void
write_stream(VnChannels *channels, Channel *channel)
{
  while (channel->fd >= 0 && channel->out_end > channel->out_start) {
    ssize_t n = send(channel->fd, channel->out + channel->out_start,
                     channel->out_end - channel->out_start, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n >= 0)
      out_written(channel, (gsize)n);
    else if (errno == EPIPE || errno == ECONNRESET)
      out_written(channel, channel->out_end - channel->out_start); /* the read will tell */
    else if (errno == EAGAIN)
      break;
    else if (errno != EINTR)
      lose(channels, channel, g_strerror(errno));
  }
  if (channel->fd < 0)
    return;
  gsize left = channel->out_end - channel->out_start;
  if (channel->writable != (left > 0) && !watch(channels, channel, left > 0))
    lose(channels, channel, g_strerror(errno));
  if (left <= VN_CHANNEL_QUEUE_HIGH / 2)
    set_pressed(channels, channel, FALSE);
}

static void
write_out(VnChannels *channels, Channel *channel)
{
  if (channel->spool != NULL)
    write_files(channels, channel);
  else
    write_stream(channels, channel);
}

static guint8 *
out_reserve(Channel *channel, gsize n)
{
  gsize used = channel->out_end - channel->out_start;
  if (channel->out_capacity - channel->out_end < n) {
    gsize capacity = MAX(channel->out_capacity, 512);
    while (capacity - used < n)
      capacity *= 2;
    guint8 *out = g_malloc(capacity);
    if (used > 0)
      memcpy(out, channel->out + channel->out_start, used);
    g_free(channel->out);
    channel->out = out;
    channel->out_capacity = capacity;
    channel->out_start = 0;
    channel->out_end = used;
  }
  guint8 *place = channel->out + channel->out_end;
  channel->out_end += n;
  return place;
}

static guint8 *
put_be(guint8 *p, guint64 value, guint size)
{
  for (guint i = 0; i < size; i++)
    p[i] = (guint8)(value >> (8 * (size - 1 - i)));
  return p + size;
}

static void
set_dirty(VnChannels *channels, Channel *channel)
{
  if (channel->dirty)
    return;
  channel->dirty = TRUE;
  g_ptr_array_add(channels->dirty, channel);
}

static void
append(Channel *channel, const guint8 *bytes, gsize n)
{
  if (channel->line == NULL) {
    if (n > 0)
      memcpy(out_reserve(channel, n), bytes, n);
    return;
  }
  gsize written = vn_line_write(bytes, n, out_reserve(channel, 2 * n));
  channel->out_end -= 2 * n - written;
}

gboolean
vn_channels_send(VnChannels *channels, const VnFrame *frame)
{
  Channel *channel = find(channels, frame->vm);
  if (channel == NULL)
    return FALSE;
  guint8 header[VN_FRAME_HEADER], *p = header;
  p = put_be(p, VN_FRAME_HEADER - 4 + frame->size, 4);
  p = put_be(p, frame->kind, 2);
  p = put_be(p, frame->flags | (channels->crowd >= CROWD ? VN_FRAME_CROWD : 0), 2);
  p = put_be(p, 0, 4); /* an agent has but one VM */
  put_be(p, frame->id, 8);
  append(channel, header, sizeof header);
  append(channel, frame->payload, frame->size);
  set_dirty(channels, channel);
  gsize queued = channel->out_end - channel->out_start;
  if (queued > VN_CHANNEL_QUEUE_MAX)
    lose(channels, channel, "its agent reads nothing");
  else if (queued > VN_CHANNEL_QUEUE_HIGH)
    set_pressed(channels, channel, TRUE);
  return TRUE;
}

static void
flush(VnChannels *channels)
{
  channels->crowd = MAX(channels->dirty->len, channels->crowd - channels->crowd / 4);
  for (guint i = 0; i < channels->dirty->len; i++) {
    Channel *channel = channels->dirty->pdata[i];
    channel->dirty = FALSE;
    if (channel->fd >= 0 && !channel->writable)
      write_out(channels, channel);
  }
  g_ptr_array_set_size(channels->dirty, 0);
  g_ptr_array_set_size(channels->shells, 0);
  tell_pressed(channels);
}

/* ---- input ---- */

static void
refuse(VnChannels *channels, const VnFrame *frame, guint32 vm)
{
  guint8 bytes[128];
  VnFrameWriter writer;
  vn_frame_writer_init(&writer, bytes, sizeof bytes);
  vn_frame_begin(&writer, VN_FRAME_REFUSED, 0, 0, frame->id);
  vn_frame_put_text(&writer, VN_TAG_ERROR, "unknown kind of frame");
  gsize size = vn_frame_end(&writer);
  VnFrame answer;
  g_assert(vn_frame_decode(bytes, size, &answer) == 0);
  answer.vm = vm;
  (void)vn_channels_send(channels, &answer); /* the channel is there: the frame came over it */
}

/* Hands over the whole frames of n bytes; what is left is the start of one. -1: malformed. */
static gssize
take_frames(VnChannels *channels, Channel *channel, const guint8 *bytes, gsize n)
{
  gsize at = 0;
  while (channel->fd >= 0) {
    gint64 size = vn_frame_peek(bytes + at, n - at);
    if (size == 0)
      break;
    VnFrame frame;
    if (size < 0 || vn_frame_decode(bytes + at, (gsize)size, &frame) < 0 || frame.kind >= 0x100)
      return -1;
    if (frame.kind >= G_N_ELEMENTS(from_agent))
      refuse(channels, &frame, channel->vm);
    else if (!from_agent[frame.kind])
      return -1;
    else
      channels->events->frame(channel->vm, &frame, channels->data);
    at += (gsize)size;
  }
  return (gssize)at;
}

gsize
vn_channels_queued(const VnChannels *channels, guint32 vm)
{
  const Channel *channel = find(channels, vm);
  return channel != NULL ? channel->out_end - channel->out_start : 0;
}

static void
keep_partial(Channel *channel, const guint8 *bytes, gsize n)
{
  g_clear_pointer(&channel->partial, g_free);
  channel->n_partial = n;
  if (n > 0)
    channel->partial = g_memdup2(bytes, n);
}

/* What n bytes of the line stand for, in place, behind the `before` bytes of a frame's start, which
 * a beginning makes void; gives how many bytes there are in all. Only what comes after the answer
 * to this connection's own beginning counts. */
static gsize
take_line(Line *line, guint8 *bytes, gsize before, gsize n)
{
  const guint8 *from = bytes + before;
  gsize there = before;
  while (n > 0) {
    gsize size;
    int begun;
    gsize taken = vn_line_read(&line->reader, from, n, bytes + there, &size, &begun);
    from += taken;
    n -= taken;
    if (begun) {
      line->begun = memcmp(line->reader.token, line->token, VN_LINE_TOKEN) == 0;
      there = 0;
    } else if (line->begun) {
      there += size;
    }
  }
  return there;
}

static void
read_files(VnChannels *channels, Channel *channel)
{
  const char *why = vn_spool_look(channel->spool);
  gssize n = 0;
  for (guint i = 0; why == NULL && channel->fd >= 0 && i < VN_SPOOL_WINDOW; i++) {
    n = vn_spool_read(channel->spool, channels->scratch, &why);
    if (n <= 0)
      break;
    if (take_frames(channels, channel, channels->scratch, (gsize)n) != n && channel->fd >= 0)
      why = "its agent sent a malformed frame";
  }
  if (why != NULL)
    lose(channels, channel, why);
  else if (channel->fd >= 0)
    write_files(channels, channel); /* files that were in the way may be gone */
}

static void
read_stream(VnChannels *channels, Channel *channel)
{
  guint8 *scratch = channels->scratch;
  gsize before = channel->n_partial;
  if (before > 0)
    memcpy(scratch, channel->partial, before);
  ssize_t n = recv(channel->fd, scratch + before, READ_SIZE, MSG_DONTWAIT);
  if (n < 0 && (errno == EAGAIN || errno == EINTR))
    return;
  if (n < 0 && errno != ECONNRESET) {
    lose(channels, channel, g_strerror(errno));
    return;
  }
  if (n <= 0) { /* reset: it ended with bytes of ours unread */
    end(channels, channel, TRUE, "its agent ended");
    return;
  }
  gsize there = before + (gsize)n;
  if (channel->line != NULL)
    there = take_line(channel->line, scratch, before, (gsize)n);
  gssize taken = take_frames(channels, channel, scratch, there);
  if (taken < 0)
    lose(channels, channel, "its agent sent a malformed frame");
  else if (channel->fd >= 0 && (before > 0 || (gsize)taken < there))
    keep_partial(channel, scratch + taken, there - (gsize)taken);
}

static void
read_in(VnChannels *channels, Channel *channel)
{
  if (channel->spool != NULL)
    read_files(channels, channel);
  else
    read_stream(channels, channel);
}

/* ---- the source ---- */

static gboolean
source_prepare(GSource *source, gint *timeout)
{
  *timeout = -1;
  VnChannels *channels = (VnChannels *)source;
  if (channels->dirty->len > 0 || channels->shells->len > 0)
    flush(channels);
  return FALSE;
}

static gboolean
source_check(GSource *source)
{
  VnChannels *channels = (VnChannels *)source;
  return !channels->paused && g_source_query_unix_fd(source, channels->tag) != 0;
}

static void
lose_stalled(VnChannels *channels)
{
  gint64 now = g_get_monotonic_time();
  for (guint i = 0; i < channels->by_vm->len; i++) {
    Channel *channel = channels->by_vm->pdata[i];
    if (channel != NULL && channel->pressed_since != 0 &&
        now - channel->pressed_since > VN_CHANNEL_STALL_S * G_USEC_PER_SEC)
      lose(channels, channel, "its agent reads nothing");
  }
  tell_pressed(channels);
  if (channels->pressed > 0)
    g_source_set_ready_time(&channels->source, now + G_USEC_PER_SEC);
}

static gboolean
source_dispatch(GSource *source, GSourceFunc callback, gpointer user_data)
{
  VnChannels *channels = (VnChannels *)source;
  gint64 due = g_source_get_ready_time(source);
  if (due >= 0 && g_source_get_time(source) >= due)
    lose_stalled(channels);
  if (channels->paused || g_source_is_destroyed(source))
    return G_SOURCE_CONTINUE;
  struct epoll_event events[EVENTS_A_TURN];
  int n = epoll_wait(channels->epoll, events, EVENTS_A_TURN, 0);
  for (int i = 0; i < n && !g_source_is_destroyed(source); i++) {
    Channel *channel = events[i].data.ptr;
    if (channel->fd >= 0 && (events[i].events & EPOLLOUT))
      write_out(channels, channel);
    if (channel->fd >= 0 && (events[i].events & ~(guint)EPOLLOUT))
      read_in(channels, channel);
  }
  return G_SOURCE_CONTINUE;
}

static void
source_finalize(GSource *source)
{
  VnChannels *channels = (VnChannels *)source;
  g_ptr_array_unref(channels->by_vm);
  g_ptr_array_unref(channels->dirty);
  g_ptr_array_unref(channels->shells);
  g_free(channels->scratch);
  if (channels->epoll >= 0)
    (void)close(channels->epoll);
}

static GSourceFuncs functions = {source_prepare, source_check, source_dispatch, source_finalize};

/* ---- the interface ---- */

VnChannels *
vn_channels_new(const VnChannelEvents *events, gpointer data, GError **error)
{
  int epoll = epoll_create1(EPOLL_CLOEXEC);
  if (epoll < 0) {
    int code = errno;
    g_set_error(error, G_IO_ERROR, g_io_error_from_errno(code),
                "making a set of channels to agents: %s", g_strerror(code));
    return NULL;
  }
  GSource *source = g_source_new(&functions, sizeof(VnChannels));
  VnChannels *channels = (VnChannels *)source;
  channels->epoll = epoll;
  channels->events = events;
  channels->data = data;
  channels->by_vm = g_ptr_array_new();
  channels->dirty = g_ptr_array_new();
  channels->shells = g_ptr_array_new_with_free_func(channel_free);
  channels->scratch = g_malloc(VN_FRAME_MAX + VN_FRAME_HEADER + READ_SIZE);
  channels->tag = g_source_add_unix_fd(source, epoll, G_IO_IN);
  /* Never run from within itself; without this GLib writes to an eventfd twice a dispatch. */
  g_source_set_can_recurse(source, TRUE);
  g_source_set_static_name(source, "vnec agents");
  g_source_attach(source, g_main_context_get_thread_default());
  return channels;
}

void
vn_channels_free(VnChannels *channels)
{
  if (channels == NULL)
    return;
  for (guint i = 0; i < channels->by_vm->len; i++) {
    Channel *channel = channels->by_vm->pdata[i];
    if (channel != NULL)
      drop(channels, channel);
  }
  g_source_destroy(&channels->source);
  g_source_unref(&channels->source);
}

/* Takes the channel, whose descriptor is set. */
static gboolean
add(VnChannels *channels, Channel *channel, GError **error)
{
  guint32 vm = channel->vm;
  vn_channels_remove(channels, vm);
  struct epoll_event event = {.events = EPOLLIN, .data.ptr = channel};
  if (epoll_ctl(channels->epoll, EPOLL_CTL_ADD, channel->fd, &event) != 0) {
    int code = errno;
    g_set_error(error, G_IO_ERROR, g_io_error_from_errno(code), "watching the agent's channel: %s",
                g_strerror(code));
    channel_free(channel);
    return FALSE;
  }
  if (vm >= channels->by_vm->len)
    g_ptr_array_set_size(channels->by_vm, (gint)vm + 1);
  channels->by_vm->pdata[vm] = channel;
  return TRUE;
}

gboolean
vn_channels_add(VnChannels *channels, guint32 vm, int fd, GError **error)
{
  Channel *channel = g_new0(Channel, 1);
  channel->vm = vm;
  channel->fd = fd;
  return add(channels, channel, error);
}

gboolean
vn_channels_add_port(VnChannels *channels, guint32 vm, int fd, GError **error)
{
  Channel *channel = g_new0(Channel, 1);
  channel->vm = vm;
  channel->fd = fd;
  channel->line = g_new0(Line, 1);
  if (!vn_token_make(channel->line->token)) {
    g_set_error(error, G_IO_ERROR, G_IO_ERROR_FAILED, "making a token for the agent's channel: %s",
                g_strerror(errno));
    channel_free(channel);
    return FALSE;
  }
  vn_line_begin(channel->line->token, out_reserve(channel, VN_LINE_SYNC));
  if (!add(channels, channel, error))
    return FALSE;
  set_dirty(channels, channel);
  return TRUE;
}

gboolean
vn_channels_add_spool(VnChannels *channels, guint32 vm, int folder, GError **error)
{
  Channel *channel = g_new0(Channel, 1);
  channel->vm = vm;
  channel->fd = -1;
  channel->spool = vn_spool_open(folder, error);
  if (channel->spool == NULL) {
    channel_free(channel);
    return FALSE;
  }
  channel->fd = vn_spool_fd(channel->spool);
  return add(channels, channel, error);
}

void
vn_channels_remove(VnChannels *channels, guint32 vm)
{
  Channel *channel = find(channels, vm);
  if (channel != NULL)
    drop(channels, channel);
}

gboolean
vn_channels_has(const VnChannels *channels, guint32 vm)
{
  return find(channels, vm) != NULL;
}

void
vn_channels_pause(VnChannels *channels, gboolean paused)
{
  if (channels->paused == paused)
    return;
  channels->paused = paused;
  g_source_modify_unix_fd(&channels->source, channels->tag, paused ? 0 : G_IO_IN);
}
