/* SPDX-License-Identifier: GPL-3.0-or-later */
/* See text.h. */
#include "guest/agent/text.h"

#include <string.h>

void
vn_text_init(VnText *text, char *at, size_t capacity)
{
  text->at = at;
  text->capacity = capacity;
  text->used = 0;
  text->overflow = 0;
  at[0] = '\0';
}

void
vn_text_add_bytes(VnText *text, const void *bytes, size_t n)
{
  size_t room = text->capacity - 1 - text->used;
  if (n > room) {
    text->overflow = 1;
    n = room;
  }
  memcpy(text->at + text->used, bytes, n);
  text->used += n;
  text->at[text->used] = '\0';
}

void
vn_text_add(VnText *text, const char *more)
{
  vn_text_add_bytes(text, more, strlen(more));
}

void
vn_text_add_int(VnText *text, int64_t value)
{
  char digits[24], *at = digits + sizeof digits;
  uint64_t rest = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
  do
    *--at = (char)('0' + rest % 10);
  while ((rest /= 10) > 0);
  if (value < 0)
    *--at = '-';
  vn_text_add_bytes(text, at, (size_t)(digits + sizeof digits - at));
}

void
vn_text_add_hex(VnText *text, const uint8_t *bytes, size_t n)
{
  for (size_t i = 0; i < n; i++) {
    char two[2] = {"0123456789abcdef"[bytes[i] >> 4], "0123456789abcdef"[bytes[i] & 15]};
    vn_text_add_bytes(text, two, 2);
  }
}

/* The longest run of two zero groups or more, the first of equals. */
static void
find_zeros(const uint8_t *bytes, unsigned *out_first, unsigned *out_n)
{
  *out_first = *out_n = 0;
  for (unsigned i = 0, n; i < 8; i += n + 1) {
    for (n = 0; i + n < 8 && bytes[2 * (i + n)] == 0 && bytes[2 * (i + n) + 1] == 0; n++)
      ;
    if (n > 1 && n > *out_n) {
      *out_first = i;
      *out_n = n;
    }
  }
}

static void
add_group(VnText *text, unsigned value)
{
  for (int shift = 12, begun = 0; shift >= 0; shift -= 4) {
    unsigned digit = value >> shift & 15;
    begun |= digit != 0 || shift == 0;
    if (begun)
      vn_text_add_bytes(text, &"0123456789abcdef"[digit], 1);
  }
}

void
vn_text_add_address(VnText *text, const uint8_t *bytes, unsigned size)
{
  if (size == 4) {
    for (unsigned i = 0; i < 4; i++) {
      vn_text_add(text, i > 0 ? "." : "");
      vn_text_add_int(text, bytes[i]);
    }
    return;
  }
  unsigned first, n;
  find_zeros(bytes, &first, &n);
  for (unsigned i = 0; i < 8; i++)
    if (n > 0 && i == first) {
      vn_text_add(text, i + n == 8 ? "::" : ":");
      i += n - 1;
    } else {
      vn_text_add(text, i > 0 ? ":" : "");
      add_group(text, (unsigned)bytes[2 * i] << 8 | bytes[2 * i + 1]);
    }
}

int
vn_text_int(const char *text, int64_t least, int64_t most, int64_t *out)
{
  int negative = *text == '-';
  const char *at = text + negative;
  int64_t value = 0;
  if (*at == '\0')
    return -1;
  for (; *at != '\0'; at++) {
    if (*at < '0' || *at > '9')
      return -1;
    int digit = *at - '0';
    if (value > (INT64_MAX - digit) / 10)
      return -1;
    value = value * 10 + digit;
  }
  if (negative)
    value = -value;
  if (value < least || value > most)
    return -1;
  *out = value;
  return 0;
}

int
vn_text_equal(const char *a, const char *b)
{
  return strcmp(a, b) == 0;
}
