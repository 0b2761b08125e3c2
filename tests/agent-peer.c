/* SPDX-License-Identifier: GPL-3.0-or-later */
/* See agent-peer.h. */
#include "tests/agent-peer.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define REQUEST_SIZE (VN_FRAME_MAX + 4)
#define PATIENCE     (20 * G_TIME_SPAN_SECOND)

static gboolean
write_file(const char *path, const char *text)
{
  int fd = open(path, O_WRONLY | O_CLOEXEC);
  gboolean done = fd >= 0 && write(fd, text, strlen(text)) == (gssize)strlen(text);
  if (fd >= 0)
    close(fd);
  return done;
}

static void
task_free(PeerTask *task)
{
  g_string_free(task->out, TRUE);
  g_string_free(task->err, TRUE);
  g_byte_array_unref(task->data);
  g_hash_table_unref(task->fields);
  g_free(task->error);
  g_free(task);
}

static PeerTask *
task_of(Peer *peer, guint64 id)
{
  PeerTask *task = g_hash_table_lookup(peer->tasks, &id);
  if (task != NULL)
    return task;
  task = g_new0(PeerTask, 1);
  task->id = id;
  task->out = g_string_new(NULL);
  task->err = g_string_new(NULL);
  task->data = g_byte_array_new();
  task->fields = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
  g_hash_table_insert(peer->tasks, &task->id, task);
  return task;
}

static Peer *
peer_at(int fd)
{
  Peer *peer = g_new0(Peer, 1);
  peer->fd = fd;
  peer->packets = g_ptr_array_new_with_free_func((GDestroyNotify)(void (*)(void))g_bytes_unref);
  peer->in = g_byte_array_new();
  peer->tasks = g_hash_table_new_full(g_int64_hash, g_int64_equal, NULL,
                                      (GDestroyNotify)(void (*)(void))task_free);
  peer->natives = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
  return peer;
}

Peer *
peer_adopt(int fd)
{
  Peer *peer = peer_at(fd);
  while (peer->os == NULL)
    g_assert_true(peer_turn(peer, 1000));
  return peer;
}

Peer *
peer_new(const char *program)
{
  int pair[2];
  g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), ==, 0);
  const char *folder = g_getenv("VNEC_SANITIZED_AGENTS"), *build = g_getenv("VNEC_BUILDDIR");
  g_autofree char *path = folder != NULL ? g_build_filename(folder, program, NULL)
                                         : g_build_filename(build != NULL ? build : ".", "libexec",
                                                            "vnec", program, NULL);
  Peer *peer = peer_at(pair[0]);
  peer->pid = fork();
  if (peer->pid == 0) {
    dup2(pair[1], 7);
    execl(path, program, "--fd", "7", NULL);
    _exit(127);
  }
  close(pair[1]);
  while (peer->os == NULL)
    g_assert_true(peer_turn(peer, 1000));
  return peer;
}

void
peer_free(Peer *peer)
{
  int status = 0;
  close(peer->fd);
  g_ptr_array_unref(peer->packets);
  if (peer->pid != 0) {
    g_assert_cmpint(waitpid(peer->pid, &status, 0), ==, peer->pid);
    g_assert_true(WIFEXITED(status));
    g_assert_cmpint(WEXITSTATUS(status), ==, 0);
  }
  g_byte_array_unref(peer->in);
  g_hash_table_unref(peer->tasks);
  g_hash_table_unref(peer->natives);
  g_free(peer->os);
  g_free(peer->arch);
  g_free(peer->name);
  g_free(peer);
}

guint64
peer_id(Peer *peer)
{
  return ++peer->last_id;
}

Request
peer_begin(Peer *peer, VnFrameKind kind, guint64 id)
{
  Request request = {.peer = peer, .task = task_of(peer, id), .bytes = g_malloc(REQUEST_SIZE)};
  vn_frame_writer_init(&request.writer, request.bytes, REQUEST_SIZE);
  vn_frame_begin(&request.writer, (guint16)kind, 0, 0, id);
  return request;
}

/* Takes answers while it sends: the agent may stop reading until its answers are taken. */
static void
send_all(Peer *peer, const guint8 *bytes, gsize n)
{
  for (gsize at = 0; at < n && !peer->closed;) {
    gssize put = send(peer->fd, bytes + at, n - at, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (put > 0)
      at += (gsize)put;
    else if (errno == EAGAIN)
      peer_turn(peer, 1);
    else
      peer->closed = TRUE;
  }
}

gboolean
peer_enter_namespace(void)
{
  g_autofree char *uid = g_strdup_printf("0 %u 1", (guint)getuid());
  g_autofree char *gid = g_strdup_printf("0 %u 1", (guint)getgid());
  if (unshare(CLONE_NEWUSER | CLONE_NEWNET) < 0)
    return FALSE;
  write_file("/proc/self/setgroups", "deny");
  if (!write_file("/proc/self/uid_map", uid) || !write_file("/proc/self/gid_map", gid))
    return FALSE;
  struct ifreq request = {.ifr_name = "lo"};
  int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  request.ifr_flags = IFF_UP | IFF_LOOPBACK;
  gboolean up = ioctl(fd, SIOCSIFFLAGS, &request) == 0;
  close(fd);
  return up;
}

PeerTask *
peer_send(Request *request)
{
  gsize n = vn_frame_end(&request->writer);
  g_assert_cmpuint(n, >, 0);
  send_all(request->peer, request->bytes, n);
  g_free(request->bytes);
  return request->task;
}

PeerTask *
peer_run(Peer *peer, gint64 timeout, ...)
{
  Request request = peer_begin(peer, VN_FRAME_RUN, peer_id(peer));
  va_list args;
  va_start(args, timeout);
  for (const char *arg; (arg = va_arg(args, const char *)) != NULL;)
    vn_frame_put_text(&request.writer, VN_TAG_ARG, arg);
  va_end(args);
  vn_frame_put_int(&request.writer, VN_TAG_TIMEOUT, timeout);
  return peer_send(&request);
}

PeerTask *
peer_script(Peer *peer, gint64 timeout, const char *text)
{
  Request request = peer_begin(peer, VN_FRAME_SCRIPT, peer_id(peer));
  vn_frame_put_text(&request.writer, VN_TAG_TEXT, text);
  vn_frame_put_int(&request.writer, VN_TAG_TIMEOUT, timeout);
  return peer_send(&request);
}

PeerTask *
peer_native(Peer *peer, gboolean background, const char *name, ...)
{
  Request request = peer_begin(peer, VN_FRAME_NATIVE, peer_id(peer));
  vn_frame_put_text(&request.writer, VN_TAG_NAME, name);
  va_list args;
  va_start(args, name);
  for (const char *arg; (arg = va_arg(args, const char *)) != NULL;)
    vn_frame_put_text(&request.writer, VN_TAG_ARG, arg);
  va_end(args);
  if (background)
    vn_frame_put_int(&request.writer, VN_TAG_BACKGROUND, 1);
  return peer_send(&request);
}

void
peer_cancel(Peer *peer, PeerTask *task, gint64 grace)
{
  Request request = peer_begin(peer, VN_FRAME_CANCEL, task->id);
  vn_frame_put_int(&request.writer, VN_TAG_GRACE, grace);
  peer_send(&request);
}

static char *
take_text(const VnFrame *frame, VnFrameTag tag)
{
  guint32 size;
  const guint8 *bytes = vn_frame_find(frame, (guint16)tag, &size);
  return bytes == NULL ? NULL : g_strndup((const char *)bytes, size);
}

static void
take_hello(Peer *peer, const VnFrame *frame)
{
  g_assert_cmpint(vn_frame_int(frame, VN_TAG_PROTOCOL, 0), ==, VN_FRAME_PROTOCOL);
  peer->os = take_text(frame, VN_TAG_OS);
  peer->arch = take_text(frame, VN_TAG_ARCH);
  peer->name = take_text(frame, VN_TAG_NAME);
  guint32 offset = 0, size;
  guint16 tag;
  const guint8 *bytes;
  while (vn_frame_next(frame, &offset, &tag, &bytes, &size) > 0)
    if (tag == VN_TAG_NATIVE)
      g_hash_table_add(peer->natives, g_strndup((const char *)bytes, size));
}

static void
take_outcome(PeerTask *task, const VnFrame *frame)
{
  g_assert_false(task->ended);
  task->ended = TRUE;
  task->status = vn_frame_int(frame, VN_TAG_STATUS, -1);
  task->exit_code = vn_frame_int(frame, VN_TAG_EXIT_CODE, -1);
  task->signal = vn_frame_int(frame, VN_TAG_SIGNAL, -1);
  task->elapsed = vn_frame_int(frame, VN_TAG_ELAPSED, -1);
  task->out_total = vn_frame_int(frame, VN_TAG_OUT_TOTAL, -1);
  task->err_total = vn_frame_int(frame, VN_TAG_ERR_TOTAL, -1);
  task->error = take_text(frame, VN_TAG_ERROR);
  guint32 offset = 0, size;
  guint16 tag;
  const guint8 *bytes;
  while (vn_frame_next(frame, &offset, &tag, &bytes, &size) > 0)
    if (tag == VN_TAG_FIELD) {
      g_autofree char *pair = g_strndup((const char *)bytes, size);
      char *equals = strchr(pair, '=');
      g_assert_nonnull(equals);
      g_hash_table_insert(task->fields, g_strndup(pair, (gsize)(equals - pair)),
                          g_strdup(equals + 1));
    }
}

static void
take_packets(Peer *peer, const VnFrame *frame)
{
  guint32 offset = 0, size;
  guint16 tag;
  const guint8 *bytes;
  while (vn_frame_next(frame, &offset, &tag, &bytes, &size) > 0)
    if (tag == VN_TAG_BYTES)
      g_ptr_array_add(peer->packets, g_bytes_new(bytes, size));
}

static void
take(Peer *peer, const VnFrame *frame)
{
  guint32 size = 0;
  const guint8 *bytes = vn_frame_find(frame, VN_TAG_BYTES, &size);
  PeerTask *task = task_of(peer, frame->id);
  if (frame->kind == VN_FRAME_HELLO)
    take_hello(peer, frame);
  else if (frame->kind == VN_FRAME_OUTPUT)
    g_string_append_len(vn_frame_int(frame, VN_TAG_STREAM, 0) == 1 ? task->out : task->err,
                        (const char *)bytes, size);
  else if (frame->kind == VN_FRAME_DATA) {
    g_byte_array_append(task->data, bytes, size);
    task->last = (frame->flags & 1) != 0;
  } else if (frame->kind == VN_FRAME_READY)
    task->ready = TRUE;
  else if (frame->kind == VN_FRAME_OUTCOME)
    take_outcome(task, frame);
  else if (frame->kind == VN_FRAME_PONG)
    peer->pongs++;
  else if (frame->kind == VN_FRAME_REFUSED)
    peer->refused++;
  else if (frame->kind == VN_FRAME_PACKET)
    take_packets(peer, frame);
  else
    g_error("unexpected frame %u", frame->kind);
}

gboolean
peer_turn(Peer *peer, int wait)
{
  guint8 bytes[65536];
  struct pollfd poll_ = {.fd = peer->fd, .events = POLLIN};
  if (poll(&poll_, 1, wait) <= 0)
    return TRUE;
  gssize n = recv(peer->fd, bytes, sizeof bytes, MSG_DONTWAIT);
  if (n <= 0) {
    peer->closed = n == 0 || errno != EAGAIN;
    return !peer->closed;
  }
  g_byte_array_append(peer->in, bytes, (guint)n);
  gsize at = 0;
  for (gint64 whole; (whole = vn_frame_peek(peer->in->data + at, peer->in->len - at)) != 0;) {
    VnFrame frame;
    g_assert_cmpint(vn_frame_decode(peer->in->data + at, (gsize)whole, &frame), ==, 0);
    take(peer, &frame);
    at += (gsize)whole;
  }
  g_byte_array_remove_range(peer->in, 0, (guint)at);
  return TRUE;
}

void
peer_wait(Peer *peer, PeerTask *task)
{
  gint64 end = g_get_monotonic_time() + PATIENCE;
  while (!task->ended) {
    g_assert_cmpint(g_get_monotonic_time(), <, end);
    g_assert_true(peer_turn(peer, 100));
  }
}

void
peer_wait_ready(Peer *peer, PeerTask *task)
{
  gint64 end = g_get_monotonic_time() + PATIENCE;
  while (!task->ready && !task->ended) {
    g_assert_cmpint(g_get_monotonic_time(), <, end);
    g_assert_true(peer_turn(peer, 100));
  }
  if (task->ended)
    g_error("ended before it was ready: %s", task->error);
}

const char *
peer_field(PeerTask *task, const char *name)
{
  return g_hash_table_lookup(task->fields, name);
}

gint64
peer_field_int(PeerTask *task, const char *name)
{
  const char *text = peer_field(task, name);
  g_assert_nonnull(text);
  return g_ascii_strtoll(text, NULL, 10);
}
