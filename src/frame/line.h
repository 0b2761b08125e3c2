/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Lines: frames over a stream that may be cut and joined anywhere.
 *
 * A virtual machine's serial port outlives its connections: after a restore, what one side holds
 * half of a frame is continued by another connection, and bytes of an earlier one may come late.
 * So such a stream can be told anew at any place:
 *
 *   0xfd T…          a new beginning: all before it is void. T: VN_LINE_TOKEN bytes, 0-9 or a-f
 *   0xfb 0x5d        stands for the byte 0xfd
 *   0xfb 0x5b        stands for the byte 0xfb
 *
 * Everywhere else bytes are as they are, and 0xfd is nothing but a beginning (the stuffing of RFC
 * 1055). The slave begins, with a fresh token; the agent begins with the same token, then says
 * HELLO. Either takes nothing before a beginning, the slave nothing before the one with its token.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define VN_LINE_TOKEN 16u
#define VN_LINE_SYNC  (1u + VN_LINE_TOKEN) /* bytes of a beginning */

typedef struct {
  uint8_t valid;   /* after a beginning, and nothing was wrong since */
  uint8_t escaped; /* after 0xfb */
  uint8_t in_token, token_used;
  char token[VN_LINE_TOKEN]; /* of the last beginning */
} VnLineReader;

/* Zeroed, a reader waits for a beginning. Reads n bytes, or as far as the next beginning's end,
 * which sets *out_begun; says how many bytes it took. What they stand for goes to `out` (n bytes
 * of room, may be `in`); with a beginning there is nothing, and what came before is void. */
size_t vn_line_read(VnLineReader *reader, const uint8_t *in, size_t n, uint8_t *out,
                    size_t *out_size, int *out_begun);

/* Writes what n bytes are on the line; `out` has room for 2 n. Bytes written. */
size_t vn_line_write(const uint8_t *in, size_t n, uint8_t *out);
/* A beginning. token: VN_LINE_TOKEN bytes, 0-9 or a-f. */
void vn_line_begin(const char *token, uint8_t out[VN_LINE_SYNC]);
