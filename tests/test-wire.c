/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Sessions over real socket pairs: framing, bodies, push-back, hostile peers, heartbeats. */
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "wire/session.h"

typedef struct {
  VnSession *session;
  GString *log;      /* kinds that came, in order */
  GPtrArray *bodies; /* of messages */
  guint frames, turns, blocked, unblocked, closed;
  gsize bytes; /* of payloads */
  guint64 last_id;
  guint32 last_vm;
  GError *error;
  gboolean free_on_frame, echo;
} End;

static void
on_frame(VnSession *session, const VnFrame *frame, gpointer data)
{
  End *end = data;
  end->frames++;
  end->bytes += frame->size;
  end->last_id = frame->id;
  end->last_vm = frame->vm;
  if (end->log != NULL)
    g_string_append_printf(end->log, "%s ", vn_message_text(frame->kind));
  if (vn_message_type(frame->kind) != NULL && end->bodies != NULL && end->error == NULL) {
    GVariant *body = vn_message_body(frame, &end->error);
    if (body != NULL)
      g_ptr_array_add(end->bodies, body);
  }
  if (end->echo)
    vn_session_forward(session, frame, frame->vm + 1, frame->id + 1);
  if (end->free_on_frame) {
    vn_session_free(session);
    end->session = NULL;
  }
}

static void
on_turn_ended(VnSession *session, gpointer data)
{
  ((End *)data)->turns++;
}

static void
on_closed(VnSession *session, const GError *error, gpointer data)
{
  End *end = data;
  end->closed++;
  if (error != NULL && end->error == NULL)
    end->error = g_error_copy(error);
}

static void
on_blocked(VnSession *session, gboolean blocked, gpointer data)
{
  End *end = data;
  if (blocked)
    end->blocked++;
  else
    end->unblocked++;
}

static const VnSessionEvents events = {on_frame, on_turn_ended, on_closed, on_blocked};

static void
end_init(End *end, int fd)
{
  memset(end, 0, sizeof *end);
  end->log = g_string_new(NULL);
  end->bodies = g_ptr_array_new_with_free_func((GDestroyNotify)g_variant_unref);
  end->session = vn_session_new(fd, &events, end);
}

static void
end_clear(End *end)
{
  vn_session_free(end->session);
  g_string_free(end->log, TRUE);
  g_ptr_array_unref(end->bodies);
  g_clear_error(&end->error);
}

static void
pair(int fds[2])
{
  g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), ==, 0);
}

#define until(condition)                                          \
  do {                                                            \
    gint64 limit_ = g_get_monotonic_time() + 20 * G_USEC_PER_SEC; \
    while (!(condition)) {                                        \
      g_assert_cmpint(g_get_monotonic_time(), <, limit_);         \
      g_main_context_iteration(NULL, TRUE);                       \
    }                                                             \
  } while (0)

static void
test_messages(void)
{
  int fds[2];
  pair(fds);
  End a, b;
  end_init(&a, fds[0]);
  end_init(&b, fds[1]);
  vn_session_send(a.session, VN_MESSAGE_OPEN, 0, 7, g_variant_new("(us)", 1, "run-1"));
  vn_session_send(a.session, VN_MESSAGE_RELEASE, 3, 8, NULL);
  g_assert_cmpuint(vn_session_queued(a.session), >, 0);
  until(b.frames == 2);
  g_assert_cmpstr(b.log->str, ==, "OPEN RELEASE ");
  g_assert_no_error(b.error);
  g_assert_cmpuint(b.bodies->len, ==, 2);
  guint32 version;
  const char *name;
  g_variant_get(b.bodies->pdata[0], "(u&s)", &version, &name);
  g_assert_cmpuint(version, ==, 1);
  g_assert_cmpstr(name, ==, "run-1");
  g_assert_cmpuint(b.last_vm, ==, 3);
  g_assert_cmpuint(b.last_id, ==, 8);
  g_assert_cmpuint(b.turns, ==, 1); /* both came in one write */
  end_clear(&a);
  until(b.closed == 1);
  g_assert_no_error(b.error);
  end_clear(&b);
}

static void
test_frames_and_forward(gconstpointer spin)
{
  int fds[2];
  pair(fds);
  End a, b;
  end_init(&a, fds[0]);
  end_init(&b, fds[1]);
  b.echo = TRUE;
  if (spin) {
    vn_session_set_spin(a.session, VN_SESSION_SPIN_US);
    vn_session_set_spin(b.session, VN_SESSION_SPIN_US);
  }
  for (guint i = 0; i < 1000; i++) {
    VnFrameWriter *w = vn_session_begin(a.session, VN_FRAME_NATIVE, 0, i, 10 * i, 256);
    vn_frame_put_text(w, VN_TAG_NAME, "ping");
    vn_frame_put_int(w, VN_TAG_TIMEOUT, i);
    vn_session_commit(a.session);
  }
  until(a.frames == 1000);
  g_assert_cmpuint(b.frames, ==, 1000);
  g_assert_cmpuint(a.bytes, ==, b.bytes);
  g_assert_cmpuint(a.last_vm, ==, 1000);
  g_assert_cmpuint(a.last_id, ==, 9991);
  end_clear(&a);
  end_clear(&b);
}

static void
test_large(void)
{
  int fds[2];
  pair(fds);
  End a, b;
  end_init(&a, fds[0]);
  end_init(&b, fds[1]);
  GVariantBuilder builder;
  g_variant_builder_init(&builder, G_VARIANT_TYPE("(a(us))"));
  g_variant_builder_open(&builder, G_VARIANT_TYPE("a(us)"));
  for (guint i = 0; i < 200000; i++)
    g_variant_builder_add(&builder, "(us)", i, "a reason that is some forty bytes long ...");
  g_variant_builder_close(&builder);
  vn_session_send(a.session, VN_MESSAGE_REPLY, 0, 1, g_variant_builder_end(&builder));
  g_assert_cmpuint(a.blocked, ==, 1);
  until(b.frames == 1);
  g_assert_no_error(b.error);
  g_autoptr(GVariant) items = g_variant_get_child_value(b.bodies->pdata[0], 0);
  g_assert_cmpuint(g_variant_n_children(items), ==, 200000);
  until(a.unblocked == 1);
  end_clear(&a);
  end_clear(&b);
}

/* A peer that does not read makes the writer blocked, once, and unblocked when it does. */
static void
test_push_back(void)
{
  int fds[2];
  pair(fds);
  End a, b;
  end_init(&a, fds[0]);
  end_init(&b, fds[1]);
  vn_session_pause(b.session, TRUE);
  g_autofree guint8 *bytes = g_malloc0(VN_FRAME_CHUNK);
  guint sent = 0;
  while (a.blocked == 0) {
    VnFrameWriter *w =
        vn_session_begin(a.session, VN_FRAME_DATA, 0, 1, sent++, VN_FRAME_CHUNK + 64);
    vn_frame_put(w, VN_TAG_BYTES, bytes, VN_FRAME_CHUNK);
    vn_session_commit(a.session);
    g_main_context_iteration(NULL, FALSE);
  }
  g_assert_cmpuint(vn_session_queued(a.session), >, VN_SESSION_QUEUE_HIGH);
  g_assert_cmpuint(b.frames, ==, 0);
  vn_session_pause(b.session, FALSE);
  until(b.frames == sent);
  g_assert_cmpuint(a.unblocked, ==, 1);
  g_assert_cmpuint(a.blocked, ==, 1);
  end_clear(&a);
  end_clear(&b);
}

static void
test_bytewise(void)
{
  int fds[2];
  pair(fds);
  End b;
  end_init(&b, fds[1]);
  guint8 bytes[256];
  VnFrameWriter w;
  vn_frame_writer_init(&w, bytes, sizeof bytes);
  vn_frame_begin(&w, VN_FRAME_PING, 0, 5, 6);
  vn_frame_put_text(&w, VN_TAG_NAME, "x");
  gsize size = vn_frame_end(&w);
  for (gsize i = 0; i < size; i++) {
    g_assert_cmpuint(b.frames, ==, 0);
    g_assert_cmpint(write(fds[0], bytes + i, 1), ==, 1);
    g_main_context_iteration(NULL, TRUE);
  }
  until(b.frames == 1);
  g_assert_cmpint(write(fds[0], bytes, 5), ==, 5);
  close(fds[0]);
  until(b.closed == 1);
  g_assert_error(b.error, VN_SESSION_ERROR, VN_SESSION_ERROR_CLOSED);
  end_clear(&b);
}

static void
expect_malformed(const guint8 *bytes, gsize size)
{
  int fds[2];
  pair(fds);
  End b;
  end_init(&b, fds[1]);
  g_assert_cmpint(write(fds[0], bytes, size), ==, (gssize)size);
  until(b.closed == 1);
  g_assert_error(b.error, VN_SESSION_ERROR, VN_SESSION_ERROR_MALFORMED);
  g_assert_cmpuint(b.frames, ==, 0);
  end_clear(&b);
  close(fds[0]);
}

static void
test_malformed(void)
{
  guint8 bytes[64] = {0};
  expect_malformed(bytes, sizeof bytes); /* shorter than a header */
  memset(bytes, 0xff, sizeof bytes);
  expect_malformed(bytes, sizeof bytes); /* 4 GiB */
  memcpy(bytes, "\x00\x20\x00\x00\x00\x06", 6);
  expect_malformed(bytes, sizeof bytes); /* an agent's frame of 2 MiB */
}

/* Bodies that are missing, of a wrong type, or not in normal form give errors, never crashes. */
static void
test_bad_bodies(void)
{
  guint8 bytes[1024];
  for (guint kind = 0; kind < 0x200; kind++) {
    for (guint i = 0; i < 200; i++) {
      VnFrameWriter w;
      vn_frame_writer_init(&w, bytes, sizeof bytes);
      vn_frame_begin(&w, (guint16)kind, 0, 0, 0);
      guint8 noise[96];
      for (guint j = 0; j < sizeof noise; j++)
        noise[j] = (guint8)g_test_rand_int();
      if (i > 0)
        vn_frame_put(&w, VN_TAG_BODY, noise, (gsize)g_test_rand_int_range(0, sizeof noise));
      gsize size = vn_frame_end(&w);
      VnFrame frame;
      g_assert_cmpint(vn_frame_decode(bytes, size, &frame), ==, 0);
      g_autoptr(GError) error = NULL;
      g_autoptr(GVariant) body = vn_message_body(&frame, &error);
      g_assert_true((body == NULL) == (error != NULL));
      if (body != NULL)
        g_free(g_variant_print(body, FALSE));
    }
  }
}

static void
test_free_from_frame(void)
{
  int fds[2];
  pair(fds);
  End a, b;
  end_init(&a, fds[0]);
  end_init(&b, fds[1]);
  b.free_on_frame = TRUE;
  for (guint i = 0; i < 5; i++)
    vn_session_send(a.session, VN_MESSAGE_STATS, 0, i, NULL);
  until(a.closed == 1);
  g_assert_cmpuint(b.frames, ==, 1);
  g_assert_null(b.session);
  end_clear(&a);
  end_clear(&b);
}

static gboolean
set_true(gpointer flag)
{
  *(gboolean *)flag = TRUE;
  return G_SOURCE_REMOVE;
}

static void
test_heartbeat(void)
{
  int fds[2];
  pair(fds);
  End a, b;
  end_init(&a, fds[0]);
  end_init(&b, fds[1]);
  vn_session_set_heartbeat(a.session, 2);
  vn_session_set_heartbeat(b.session, 2);
  gboolean passed = FALSE;
  g_timeout_add(3500, set_true, &passed);
  until(passed);
  g_assert_cmpuint(a.closed + b.closed, ==, 0);
  g_assert_cmpuint(a.frames + b.frames, ==, 0); /* swallowed */
  vn_session_free(b.session);                   /* a peer that is there and says nothing */
  b.session = NULL;
  end_clear(&b);
  end_clear(&a);

  pair(fds);
  end_init(&a, fds[0]);
  vn_session_set_heartbeat(a.session, 2);
  until(a.closed == 1);
  g_assert_error(a.error, VN_SESSION_ERROR, VN_SESSION_ERROR_CLOSED);
  end_clear(&a);
  close(fds[1]);
}

static void
test_flush(void)
{
  int fds[2];
  pair(fds);
  End a;
  end_init(&a, fds[0]);
  vn_session_send(a.session, VN_MESSAGE_RELEASE, 0, 1, NULL);
  g_autoptr(GError) error = NULL;
  g_assert_true(vn_session_flush(a.session, &error));
  g_assert_no_error(error);
  guint8 bytes[64];
  g_assert_cmpint(read(fds[1], bytes, sizeof bytes), >, (gssize)VN_FRAME_HEADER);
  close(fds[1]);
  end_clear(&a);
}

static void
test_names(void)
{
  g_assert_cmpstr(vn_message_text(VN_FRAME_HELLO), ==, "HELLO");
  g_assert_cmpstr(vn_message_text(VN_MESSAGE_VMS), ==, "VMS");
  g_assert_cmpstr(vn_message_text(0xffff), ==, "?");
#define VN_MESSAGE(id, number, direction, type, help) \
  g_assert_true(type[0] == '\0' || g_variant_type_string_is_valid(type));
#include "wire/messages.def"
#undef VN_MESSAGE
}

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/wire/names", test_names);
  g_test_add_func("/wire/messages", test_messages);
  g_test_add_data_func("/wire/forward", NULL, test_frames_and_forward);
  g_test_add_data_func("/wire/spin", "", test_frames_and_forward);
  g_test_add_func("/wire/large", test_large);
  g_test_add_func("/wire/push-back", test_push_back);
  g_test_add_func("/wire/bytewise", test_bytewise);
  g_test_add_func("/wire/malformed", test_malformed);
  g_test_add_func("/wire/bad-bodies", test_bad_bodies);
  g_test_add_func("/wire/free-from-frame", test_free_from_frame);
  g_test_add_func("/wire/heartbeat", test_heartbeat);
  g_test_add_func("/wire/flush", test_flush);
  return g_test_run();
}
