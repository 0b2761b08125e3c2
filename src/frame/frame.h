/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Frames: the one message format between master, slave, router and task runner.
 *
 * Freestanding C99, no allocation, no GLib: the same code runs in guests. All numbers are
 * big-endian. A frame is
 *
 *   u32 length   of all that follows, at most VN_FRAME_MAX
 *   u16 kind     VnFrameKind, messages.def
 *   u16 flags    by kind, 0 unless said; VN_FRAME_CROWD in any
 *   u32 vm       which VM it is for or from; 0 on an agent's own channel
 *   u64 id       what it answers or belongs to (a task's attempt); 0: none
 *   payload      fields, one after the other:  u16 tag, u32 size, bytes
 *
 * Unknown tags are skipped, unknown kinds answered by VN_FRAME_REFUSED. Readers never trust a
 * length: every access is checked against the bytes that are there.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define VN_FRAME_HEADER 20u               /* bytes, the length itself included */
#define VN_FRAME_MAX    (1u << 20)        /* most that the length may say */
#define VN_FRAME_CHUNK  (60u * 1024u)     /* bytes of a stream or file in one frame */
#define VN_FRAME_PROTOCOL 1               /* version in HELLO */
/* Flag of what goes to an agent: many agents are asked at once, so it should wait its turn. */
#define VN_FRAME_CROWD    0x8000u

typedef enum {
#define VN_FRAME(id, number, direction, help) VN_FRAME_##id = number,
#include "frame/messages.def"
#undef VN_FRAME
} VnFrameKind;

typedef enum {
#define VN_TAG(id, number, type, help) VN_TAG_##id = number,
#include "frame/tags.def"
#undef VN_TAG
} VnFrameTag;

typedef struct {
  uint16_t kind, flags;
  uint32_t vm;
  uint64_t id;
  const uint8_t *payload;
  uint32_t size; /* of the payload */
} VnFrame;

/* Bytes of the whole frame at `bytes`, 0: more are needed, -1: malformed (close the peer). */
int64_t vn_frame_peek(const uint8_t *bytes, size_t n);
/* After peek said that a whole frame is there. 0, or -1 if malformed. */
int vn_frame_decode(const uint8_t *bytes, size_t n, VnFrame *out);

/* Walks fields: start with *offset = 0; 1: a field, 0: end, -1: malformed. */
int vn_frame_next(const VnFrame *frame, uint32_t *offset, uint16_t *out_tag,
                  const uint8_t **out_bytes, uint32_t *out_size);
/* The first field of a tag, or NULL. A malformed payload gives NULL. */
const uint8_t *vn_frame_find(const VnFrame *frame, uint16_t tag, uint32_t *out_size);
/* Integer fields are 8 bytes. `missing` if absent or not 8 bytes. */
int64_t vn_frame_int(const VnFrame *frame, uint16_t tag, int64_t missing);

/* Writing into a caller's buffer. Overflow sticks: vn_frame_end then returns 0. */
typedef struct {
  uint8_t *bytes;
  size_t capacity, used;
  size_t start; /* of the frame being written */
  int overflow;
} VnFrameWriter;

void vn_frame_writer_init(VnFrameWriter *writer, uint8_t *bytes, size_t capacity);
void vn_frame_begin(VnFrameWriter *writer, uint16_t kind, uint16_t flags, uint32_t vm, uint64_t id);
void vn_frame_put(VnFrameWriter *writer, uint16_t tag, const void *bytes, size_t size);
void vn_frame_put_int(VnFrameWriter *writer, uint16_t tag, int64_t value);
void vn_frame_put_text(VnFrameWriter *writer, uint16_t tag, const char *text);
/* Bytes of the finished frame, 0 on overflow (the writer is then as before begin). */
size_t vn_frame_end(VnFrameWriter *writer);
