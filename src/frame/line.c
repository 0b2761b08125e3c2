/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Stuffing and its undoing, byte by byte: line.h says what the bytes mean. */
#include "frame/line.h"

#include <string.h>

#define BEGIN      0xfdu
#define ESCAPE     0xfbu
#define FOR_BEGIN  0x5du
#define FOR_ESCAPE 0x5bu

static int
is_token_byte(uint8_t byte)
{
  return (byte >= '0' && byte <= '9') || (byte >= 'a' && byte <= 'f');
}

static void
start_token(VnLineReader *reader)
{
  reader->valid = reader->escaped = 0;
  reader->in_token = 1;
  reader->token_used = 0;
}

/* 1: the token is whole. */
static int
token_byte(VnLineReader *reader, uint8_t byte)
{
  if (!is_token_byte(byte)) {
    reader->in_token = 0; /* cut off: wait for the next beginning */
    return 0;
  }
  reader->token[reader->token_used++] = (char)byte;
  if (reader->token_used < VN_LINE_TOKEN)
    return 0;
  reader->in_token = 0;
  reader->valid = 1;
  return 1;
}

/* 1: *out is a byte of the content. */
static int
content_byte(VnLineReader *reader, uint8_t byte, uint8_t *out)
{
  if (!reader->valid)
    return 0;
  if (reader->escaped) {
    reader->escaped = 0;
    reader->valid = byte == FOR_BEGIN || byte == FOR_ESCAPE;
    *out = byte == FOR_BEGIN ? BEGIN : ESCAPE;
    return reader->valid;
  }
  reader->escaped = byte == ESCAPE;
  *out = byte;
  return !reader->escaped;
}

size_t
vn_line_read(VnLineReader *reader, const uint8_t *in, size_t n, uint8_t *out, size_t *out_size,
             int *out_begun)
{
  *out_size = 0;
  *out_begun = 0;
  for (size_t i = 0; i < n; i++) {
    uint8_t byte = in[i], content;
    if (byte == BEGIN) {
      start_token(reader);
      *out_size = 0;
    } else if (reader->in_token) {
      if (token_byte(reader, byte)) {
        *out_begun = 1;
        return i + 1;
      }
    } else if (content_byte(reader, byte, &content))
      out[(*out_size)++] = content;
  }
  return n;
}

size_t
vn_line_write(const uint8_t *in, size_t n, uint8_t *out)
{
  size_t used = 0;
  for (size_t i = 0; i < n; i++) {
    if (in[i] != BEGIN && in[i] != ESCAPE) {
      out[used++] = in[i];
      continue;
    }
    out[used++] = ESCAPE;
    out[used++] = in[i] == BEGIN ? FOR_BEGIN : FOR_ESCAPE;
  }
  return used;
}

void
vn_line_begin(const char *token, uint8_t out[VN_LINE_SYNC])
{
  out[0] = BEGIN;
  memcpy(out + 1, token, VN_LINE_TOKEN);
}
