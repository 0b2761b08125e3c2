/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Text in fixed buffers, without stdio: it would be half of the agent's size. */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* Appends to a buffer and keeps it NUL-terminated; what doesn't fit is left out and remembered. */
typedef struct {
  char *at;
  size_t capacity, used; /* capacity with the NUL */
  int overflow;
} VnText;

void vn_text_init(VnText *text, char *at, size_t capacity);
void vn_text_add(VnText *text, const char *more);
void vn_text_add_bytes(VnText *text, const void *bytes, size_t n);
void vn_text_add_int(VnText *text, int64_t value);
void vn_text_add_hex(VnText *text, const uint8_t *bytes, size_t n);

/* IPv4 (4 bytes) or IPv6 (16 bytes), as RFC 5952 writes it. libc's brings printf along. */
#define VN_TEXT_ADDRESS 46u /* bytes that it takes at most, with the NUL */
void vn_text_add_address(VnText *text, const uint8_t *bytes, unsigned size);

/* Decimal, the whole text, within the bounds; 0, or -1. */
int vn_text_int(const char *text, int64_t least, int64_t most, int64_t *out);
int vn_text_equal(const char *a, const char *b);
