/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Frames: what is written is read again; whatever bytes come, nothing beyond them is touched. */
#include <glib.h>
#include <string.h>

#include "frame/frame.h"

static void
round_trip(void)
{
  guint8 bytes[512];
  VnFrameWriter writer;
  vn_frame_writer_init(&writer, bytes, sizeof bytes);
  vn_frame_begin(&writer, VN_FRAME_RUN, 3, 7, G_GUINT64_CONSTANT(0x0123456789abcdef));
  vn_frame_put_text(&writer, VN_TAG_ARG, "ls");
  vn_frame_put_text(&writer, VN_TAG_ARG, "");
  vn_frame_put_int(&writer, VN_TAG_TIMEOUT, -5);
  gsize first = vn_frame_end(&writer);
  vn_frame_begin(&writer, VN_FRAME_PING, 0, 0, 1);
  gsize second = vn_frame_end(&writer);
  g_assert_cmpuint(second, ==, VN_FRAME_HEADER);
  g_assert_cmpuint(first + second, ==, writer.used);
  g_assert_cmpint(vn_frame_peek(bytes, writer.used), ==, (gint64)first);

  VnFrame frame;
  g_assert_cmpint(vn_frame_decode(bytes, writer.used, &frame), ==, 0);
  g_assert_cmpuint(frame.kind, ==, VN_FRAME_RUN);
  g_assert_cmpuint(frame.flags, ==, 3);
  g_assert_cmpuint(frame.vm, ==, 7);
  g_assert_cmphex(frame.id, ==, G_GUINT64_CONSTANT(0x0123456789abcdef));
  guint32 offset = 0, size;
  guint16 tag;
  const guint8 *field;
  g_assert_cmpint(vn_frame_next(&frame, &offset, &tag, &field, &size), ==, 1);
  g_assert_cmpuint(tag, ==, VN_TAG_ARG);
  g_assert_cmpmem(field, size, "ls", 2);
  g_assert_cmpint(vn_frame_next(&frame, &offset, &tag, &field, &size), ==, 1);
  g_assert_cmpuint(size, ==, 0);
  g_assert_cmpint(vn_frame_int(&frame, VN_TAG_TIMEOUT, 0), ==, -5);
  g_assert_cmpint(vn_frame_int(&frame, VN_TAG_LIMIT, 11), ==, 11);
  g_assert_cmpint(vn_frame_int(&frame, VN_TAG_ARG, 12), ==, 12);
  g_assert_null(vn_frame_find(&frame, VN_TAG_PATH, &size));
}

/* Each beginning of a good frame asks for more; none reads past its end. */
static void
cut_short(void)
{
  guint8 bytes[256];
  VnFrameWriter writer;
  vn_frame_writer_init(&writer, bytes, sizeof bytes);
  vn_frame_begin(&writer, VN_FRAME_OUTPUT, 0, 0, 1);
  vn_frame_put(&writer, VN_TAG_BYTES, "0123456789", 10);
  gsize whole = vn_frame_end(&writer);
  for (gsize n = 0; n < whole; n++) {
    g_autofree guint8 *copy = g_memdup2(bytes, n);
    g_assert_cmpint(vn_frame_peek(copy, n), ==, 0);
    VnFrame frame;
    g_assert_cmpint(vn_frame_decode(copy, n, &frame), ==, -1);
  }
}

static void
malformed(void)
{
  const guint8 too_short[] = {0, 0, 0, 15};
  g_assert_cmpint(vn_frame_peek(too_short, sizeof too_short), ==, -1);
  const guint8 too_long[] = {0, 0x10, 0, 1};
  g_assert_cmpint(vn_frame_peek(too_long, sizeof too_long), ==, -1);
  const guint8 longest[] = {0, 0x10, 0, 0};
  g_assert_cmpint(vn_frame_peek(longest, sizeof longest), ==, 0);

  /* A field that says that it is longer than the frame. */
  guint8 bytes[64];
  VnFrameWriter writer;
  vn_frame_writer_init(&writer, bytes, sizeof bytes);
  vn_frame_begin(&writer, VN_FRAME_RUN, 0, 0, 1);
  vn_frame_put(&writer, VN_TAG_ARG, "abcd", 4);
  gsize whole = vn_frame_end(&writer);
  VnFrame frame;
  bytes[VN_FRAME_HEADER + 5] = 5;
  g_assert_cmpint(vn_frame_decode(bytes, whole, &frame), ==, -1);
  bytes[VN_FRAME_HEADER + 2] = 0xff;
  g_assert_cmpint(vn_frame_decode(bytes, whole, &frame), ==, -1);
}

static void
overflow_sticks(void)
{
  guint8 bytes[VN_FRAME_HEADER + 10];
  VnFrameWriter writer;
  vn_frame_writer_init(&writer, bytes, sizeof bytes);
  vn_frame_begin(&writer, VN_FRAME_DATA, 0, 0, 1);
  vn_frame_put(&writer, VN_TAG_BYTES, "too long", 8);
  vn_frame_put(&writer, VN_TAG_BYTES, "", 0);
  g_assert_cmpuint(vn_frame_end(&writer), ==, 0);
  g_assert_cmpuint(writer.used, ==, 0);
  vn_frame_begin(&writer, VN_FRAME_DATA, 0, 0, 1);
  vn_frame_put(&writer, VN_TAG_BYTES, "fits", 4);
  g_assert_cmpuint(vn_frame_end(&writer), ==, VN_FRAME_HEADER + 10);
}

static void
too_big_for_a_frame(void)
{
  gsize capacity = VN_FRAME_MAX + 100;
  g_autofree guint8 *bytes = g_malloc(capacity), *content = g_malloc0(VN_FRAME_MAX);
  VnFrameWriter writer;
  vn_frame_writer_init(&writer, bytes, capacity);
  vn_frame_begin(&writer, VN_FRAME_DATA, 0, 0, 1);
  vn_frame_put(&writer, VN_TAG_BYTES, content, VN_FRAME_MAX);
  g_assert_cmpuint(vn_frame_end(&writer), ==, 0);
  vn_frame_begin(&writer, VN_FRAME_DATA, 0, 0, 1);
  vn_frame_put(&writer, VN_TAG_BYTES, content, VN_FRAME_MAX - 22);
  g_assert_cmpuint(vn_frame_end(&writer), ==, VN_FRAME_MAX + 4);
}

static void
random_bytes(void)
{
  for (guint round = 0; round < 100000; round++) {
    gsize n = (gsize)g_test_rand_int_range(0, 80);
    g_autofree guint8 *bytes = g_malloc(n);
    for (gsize i = 0; i < n; i++)
      bytes[i] = (guint8)g_test_rand_int_range(0, 4);
    if (n >= 4 && round % 2 == 0) /* half of them with a length that is right */
      bytes[0] = bytes[1] = bytes[2] = 0, bytes[3] = (guint8)(n - 4);
    VnFrame frame;
    if (vn_frame_decode(bytes, n, &frame) < 0)
      continue;
    guint32 size;
    for (guint16 tag = 0; tag < 4; tag++)
      if (vn_frame_find(&frame, tag, &size) != NULL)
        g_assert_cmpuint(size, <=, n);
  }
}

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/frame/round-trip", round_trip);
  g_test_add_func("/frame/cut-short", cut_short);
  g_test_add_func("/frame/malformed", malformed);
  g_test_add_func("/frame/overflow-sticks", overflow_sticks);
  g_test_add_func("/frame/too-big", too_big_for_a_frame);
  g_test_add_func("/frame/random-bytes", random_bytes);
  return g_test_run();
}
