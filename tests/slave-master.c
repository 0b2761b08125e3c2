/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/slave-master.h"

#include <string.h>

#include "frame/status.h"

static char *
text_of(const VnFrame *frame, VnFrameTag tag)
{
  guint32 size;
  const guint8 *bytes = vn_frame_find(frame, (guint16)tag, &size);
  return bytes != NULL ? g_strndup((const char *)bytes, size) : g_strdup("");
}

static void
take_agent_frame(Master *master, const VnFrame *frame)
{
  guint32 size;
  const guint8 *bytes = vn_frame_find(frame, VN_TAG_BYTES, &size);
  if (frame->kind == VN_FRAME_HELLO) {
    master->hellos++;
  } else if (frame->kind == VN_FRAME_OUTCOME) {
    master->outcomes++;
    master->status = (int)vn_frame_int(frame, VN_TAG_STATUS, -1);
    master->exit_code = (int)vn_frame_int(frame, VN_TAG_EXIT_CODE, -1);
  } else if (frame->kind == VN_FRAME_OUTPUT && bytes != NULL) {
    g_string_append_len(master->output, (const char *)bytes, size);
  } else if (frame->kind == VN_FRAME_REFUSED) {
    g_free(master->refused);
    master->refused = text_of(frame, VN_TAG_ERROR);
  }
}

static void
take_body(Master *master, const VnFrame *frame, GVariant *body)
{
  if (frame->kind == VN_MESSAGE_VM_LOST) {
    master->lost++;
    g_free(master->lost_why);
    g_variant_get_child(body, 1, "s", &master->lost_why);
  } else if (frame->kind == VN_MESSAGE_CAPTURE_END) {
    master->captures_ended++;
    g_variant_get(body, "(utt)", NULL, &master->frames_captured, &master->frames_lost);
  } else if (frame->kind != VN_MESSAGE_LOG) {
    g_clear_pointer(&master->answer, g_variant_unref);
    master->answer = g_variant_ref(body);
    master->answer_kind = frame->kind;
    master->answer_id = frame->id;
  }
}

static void
on_frame(VnSession *session, const VnFrame *frame, gpointer data)
{
  Master *master = data;
  if (frame->kind < VN_MESSAGE_OPEN) {
    take_agent_frame(master, frame);
    return;
  }
  if (frame->kind == VN_MESSAGE_CAPTURED) {
    guint32 size;
    const guint8 *bytes = vn_frame_find(frame, VN_TAG_BYTES, &size);
    g_assert_nonnull(bytes);
    g_byte_array_append(master->captured, bytes, size);
    return;
  }
  g_autoptr(GError) error = NULL;
  g_autoptr(GVariant) body = vn_message_body(frame, &error);
  g_assert_no_error(error);
  take_body(master, frame, body);
}

static void
on_closed(VnSession *session, const GError *error, gpointer data)
{
  ((Master *)data)->closed++;
}

void
master_init(Master *master, int fd)
{
  static const VnSessionEvents events = {on_frame, NULL, on_closed, NULL};
  memset(master, 0, sizeof *master);
  master->output = g_string_new(NULL);
  master->captured = g_byte_array_new();
  master->session = vn_session_new(fd, &events, master);
}

void
master_leave(Master *master)
{
  g_clear_pointer(&master->session, vn_session_free);
}

void
master_clear(Master *master)
{
  master_leave(master);
  g_string_free(master->output, TRUE);
  g_byte_array_unref(master->captured);
  g_clear_pointer(&master->answer, g_variant_unref);
  g_free(master->lost_why);
  g_free(master->refused);
}

void
master_find_build(void)
{
  g_autofree char *own = g_file_read_link("/proc/self/exe", NULL);
  g_autofree char *tests = g_path_get_dirname(own != NULL ? own : "tests");
  g_autofree char *build = g_path_get_dirname(tests);
  g_setenv("G_TEST_BUILDDIR", tests, FALSE);
  g_setenv("VNEC_BUILDDIR", build, FALSE);
}

GVariant *
master_ask(Master *master, VnMessageKind kind, GVariant *body)
{
  static guint64 id = 100;
  master->answer_kind = 0;
  vn_session_send(master->session, kind, 0, ++id, body);
  until(master->answer_kind != 0 || master->closed > 0);
  if (master->answer_kind == 0)
    g_error("the slave ended before it answered (is vnec-slave built?)");
  g_assert_cmpuint(master->answer_id, ==, id);
  return master->answer;
}

char *
master_failures(const Master *master)
{
  g_assert_cmpuint(master->answer_kind, ==, VN_MESSAGE_REPLY);
  GString *text = g_string_new(NULL);
  GVariantIter *iter;
  guint32 item;
  const char *why;
  g_variant_get(master->answer, "(a(us))", &iter);
  while (g_variant_iter_next(iter, "(u&s)", &item, &why))
    g_string_append_printf(text, "%u: %s; ", item, why);
  g_variant_iter_free(iter);
  return g_string_free(text, FALSE);
}

void
master_expect(Master *master, VnMessageKind kind, const char *body, const char *expected)
{
  g_autoptr(GError) error = NULL;
  GVariantType *type = g_variant_type_new(vn_message_type((guint16)kind));
  g_autoptr(GVariant) parsed = g_variant_parse(type, body, NULL, NULL, &error);
  g_variant_type_free(type);
  g_assert_no_error(error);
  master_ask(master, kind, parsed);
  g_autofree char *text = master_failures(master);
  g_assert_cmpstr(text, ==, expected);
}

void
master_start_shell(Master *master, guint32 vm, const char *command)
{
  VnFrameWriter *w = vn_session_begin(master->session, VN_FRAME_RUN, 0, vm, 77, 4096);
  vn_frame_put_text(w, VN_TAG_ARG, "/bin/sh");
  vn_frame_put_text(w, VN_TAG_ARG, "-c");
  vn_frame_put_text(w, VN_TAG_ARG, command);
  vn_frame_put_int(w, VN_TAG_TIMEOUT, 20 * G_GINT64_CONSTANT(1000000000));
  vn_frame_put_int(w, VN_TAG_LIMIT, 1 << 16);
  vn_session_commit(master->session);
}

int
master_shell(Master *master, guint32 vm, const char *command)
{
  guint before = master->outcomes;
  g_string_truncate(master->output, 0);
  master_start_shell(master, vm, command);
  until(master->outcomes > before);
  return master->status == VN_OUTCOME_EXITED ? master->exit_code : -1;
}
