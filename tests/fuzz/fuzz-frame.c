/* SPDX-License-Identifier: GPL-3.0-or-later */
/* libFuzzer target: whatever the bytes, reading a frame stays within them, and what was decoded
 * can be written again and gives the same bytes. */
#include "frame/frame.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
write_again(const VnFrame *frame, const uint8_t *expected, size_t n)
{
  uint8_t *bytes = malloc(n);
  VnFrameWriter writer;
  vn_frame_writer_init(&writer, bytes, n);
  vn_frame_begin(&writer, frame->kind, frame->flags, frame->vm, frame->id);
  uint32_t offset = 0, length;
  uint16_t tag;
  const uint8_t *field;
  while (vn_frame_next(frame, &offset, &tag, &field, &length) > 0)
    vn_frame_put(&writer, tag, field, length);
  if (vn_frame_end(&writer) != n || memcmp(bytes, expected, n) != 0)
    abort();
  free(bytes);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  size_t at = 0;
  for (int64_t n; (n = vn_frame_peek(data + at, size - at)) > 0; at += (size_t)n) {
    VnFrame frame;
    if (vn_frame_decode(data + at, size - at, &frame) < 0)
      return 0;
    uint32_t length;
    for (uint16_t tag = 0; tag < 40; tag++) {
      const uint8_t *found = vn_frame_find(&frame, tag, &length);
      if (found != NULL && (found < data || found + length > data + size))
        abort();
      (void)vn_frame_int(&frame, tag, -1);
    }
    write_again(&frame, data + at, (size_t)n);
  }
  return 0;
}
