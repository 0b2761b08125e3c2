/* SPDX-License-Identifier: GPL-3.0-or-later */
/* SHA-256 (FIPS 180-4). For checking files, not for secrets. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define VN_SHA256_SIZE 32

typedef struct {
  uint32_t state[8];
  uint64_t total;
  uint8_t block[64];
} VnSha256;

void vn_sha256_init(VnSha256 *sha);
void vn_sha256_add(VnSha256 *sha, const uint8_t *bytes, size_t n);
void vn_sha256_end(VnSha256 *sha, uint8_t out[VN_SHA256_SIZE]);
