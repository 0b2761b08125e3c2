/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Reading and writing frames (frame.h says what they look like).
 *
 * Nothing here allocates or calls the system. What a peer sent is walked once by
 * vn_frame_decode; after that the walkers check again, because a frame may also be put together
 * by hand.
 */
#include "frame/frame.h"

#include <string.h>

#define FIELD_HEADER 6u /* u16 tag, u32 size */
#define LENGTH_MIN   (VN_FRAME_HEADER - 4u)

static uint16_t
get16(const uint8_t *bytes)
{
  return (uint16_t)((unsigned)bytes[0] << 8 | bytes[1]);
}

static uint32_t
get32(const uint8_t *bytes)
{
  return (uint32_t)get16(bytes) << 16 | get16(bytes + 2);
}

static uint64_t
get64(const uint8_t *bytes)
{
  return (uint64_t)get32(bytes) << 32 | get32(bytes + 4);
}

static void
set16(uint8_t *bytes, uint16_t value)
{
  bytes[0] = (uint8_t)(value >> 8);
  bytes[1] = (uint8_t)value;
}

static void
set32(uint8_t *bytes, uint32_t value)
{
  set16(bytes, (uint16_t)(value >> 16));
  set16(bytes + 2, (uint16_t)value);
}

static void
set64(uint8_t *bytes, uint64_t value)
{
  set32(bytes, (uint32_t)(value >> 32));
  set32(bytes + 4, (uint32_t)value);
}

int64_t
vn_frame_peek(const uint8_t *bytes, size_t n)
{
  if (n < 4)
    return 0;
  uint32_t length = get32(bytes);
  if (length < LENGTH_MIN || length > VN_FRAME_MAX)
    return -1;
  return n - 4 < length ? 0 : (int64_t)length + 4;
}

int
vn_frame_decode(const uint8_t *bytes, size_t n, VnFrame *out)
{
  int64_t whole = vn_frame_peek(bytes, n);
  if (whole <= 0)
    return -1;
  VnFrame frame = {.kind = get16(bytes + 4),
                   .flags = get16(bytes + 6),
                   .vm = get32(bytes + 8),
                   .id = get64(bytes + 12),
                   .payload = bytes + VN_FRAME_HEADER,
                   .size = (uint32_t)whole - VN_FRAME_HEADER};
  uint32_t offset = 0, size;
  uint16_t tag;
  const uint8_t *field;
  int more;
  while ((more = vn_frame_next(&frame, &offset, &tag, &field, &size)) > 0)
    ;
  if (more < 0)
    return -1;
  *out = frame;
  return 0;
}

int
vn_frame_next(const VnFrame *frame, uint32_t *offset, uint16_t *out_tag, const uint8_t **out_bytes,
              uint32_t *out_size)
{
  if (*offset == frame->size)
    return 0;
  if (*offset > frame->size || frame->size - *offset < FIELD_HEADER)
    return -1;
  const uint8_t *field = frame->payload + *offset;
  uint32_t size = get32(field + 2);
  if (size > frame->size - *offset - FIELD_HEADER)
    return -1;
  *out_tag = get16(field);
  *out_bytes = field + FIELD_HEADER;
  *out_size = size;
  *offset += FIELD_HEADER + size;
  return 1;
}

const uint8_t *
vn_frame_find(const VnFrame *frame, uint16_t tag, uint32_t *out_size)
{
  uint32_t offset = 0, size;
  uint16_t found;
  const uint8_t *bytes;
  while (vn_frame_next(frame, &offset, &found, &bytes, &size) > 0)
    if (found == tag) {
      *out_size = size;
      return bytes;
    }
  return NULL;
}

int64_t
vn_frame_int(const VnFrame *frame, uint16_t tag, int64_t missing)
{
  uint32_t size;
  const uint8_t *bytes = vn_frame_find(frame, tag, &size);
  return bytes != NULL && size == 8 ? (int64_t)get64(bytes) : missing;
}

void
vn_frame_writer_init(VnFrameWriter *writer, uint8_t *bytes, size_t capacity)
{
  writer->bytes = bytes;
  writer->capacity = capacity;
  writer->used = writer->start = 0;
  writer->overflow = 0;
}

/* Room for n bytes more, or NULL and an overflow that sticks. */
static uint8_t *
take(VnFrameWriter *writer, size_t n)
{
  if (writer->overflow || n > writer->capacity - writer->used) {
    writer->overflow = 1;
    return NULL;
  }
  uint8_t *at = writer->bytes + writer->used;
  writer->used += n;
  return at;
}

void
vn_frame_begin(VnFrameWriter *writer, uint16_t kind, uint16_t flags, uint32_t vm, uint64_t id)
{
  writer->start = writer->used;
  uint8_t *header = take(writer, VN_FRAME_HEADER);
  if (header == NULL)
    return;
  set16(header + 4, kind);
  set16(header + 6, flags);
  set32(header + 8, vm);
  set64(header + 12, id);
}

void
vn_frame_put(VnFrameWriter *writer, uint16_t tag, const void *bytes, size_t size)
{
  if (size > VN_FRAME_MAX) {
    writer->overflow = 1;
    return;
  }
  uint8_t *field = take(writer, FIELD_HEADER + size);
  if (field == NULL)
    return;
  set16(field, tag);
  set32(field + 2, (uint32_t)size);
  if (size > 0)
    memcpy(field + FIELD_HEADER, bytes, size);
}

void
vn_frame_put_int(VnFrameWriter *writer, uint16_t tag, int64_t value)
{
  uint8_t bytes[8];
  set64(bytes, (uint64_t)value);
  vn_frame_put(writer, tag, bytes, sizeof bytes);
}

void
vn_frame_put_text(VnFrameWriter *writer, uint16_t tag, const char *text)
{
  vn_frame_put(writer, tag, text, strlen(text));
}

size_t
vn_frame_end(VnFrameWriter *writer)
{
  size_t whole = writer->used - writer->start;
  if (writer->overflow || whole - 4 > VN_FRAME_MAX) {
    writer->used = writer->start;
    writer->overflow = 0;
    return 0;
  }
  set32(writer->bytes + writer->start, (uint32_t)(whole - 4));
  return whole;
}
