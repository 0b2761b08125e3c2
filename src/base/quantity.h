/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Literals with units, addresses and prefixes: their text forms, both ways.
 *
 * durations are int64 nanoseconds; sizes int64 bytes (KiB = 1024, KB = 1000); rates int64 bit/s
 * (kbit = 1000); percent a double in percent points. Addresses are in network byte order.
 */
#pragma once

#include "base/arena.h"

typedef enum {
  VN_UNIT_NONE,
#define VN_UNIT(id, text, dimension, factor) VN_UNIT_##id,
#include "base/unit.def"
#undef VN_UNIT
} VnUnit;

typedef enum { VN_DIM_DURATION, VN_DIM_SIZE, VN_DIM_RATE } VnDimension;

typedef struct {
  guint8 family;    /* 4 or 6; 0: none */
  guint8 bytes[16]; /* the first 4 for IPv4 */
} VnAddress;

typedef struct {
  VnAddress address; /* as written; host bits may be set */
  guint8 length;
} VnPrefix;

/* "ms" to VN_UNIT_MS; VN_UNIT_NONE if it is no unit. */
VnUnit vn_unit_from_text(const char *text, gsize length);
const char *vn_unit_text(VnUnit unit);
VnDimension vn_unit_dimension(VnUnit unit);
/* ns, bytes or bit/s in one of the unit */
gint64 vn_unit_factor(VnUnit unit);

gboolean vn_address_parse(const char *text, VnAddress *out_address);
gboolean vn_prefix_parse(const char *text, VnPrefix *out_prefix);
gboolean vn_mac_parse(const char *text, guint64 *out_mac); /* 48 bits, first byte highest */

#define VN_ADDRESS_TEXT_MAX 46
#define VN_PREFIX_TEXT_MAX  50
#define VN_MAC_TEXT_MAX     18
/* Each writes into buffer and returns it. */
const char *vn_address_format(const VnAddress *address, char buffer[VN_ADDRESS_TEXT_MAX]);
const char *vn_prefix_format(const VnPrefix *prefix, char buffer[VN_PREFIX_TEXT_MAX]);
const char *vn_mac_format(guint64 mac, char buffer[VN_MAC_TEXT_MAX]);

int vn_address_compare(const VnAddress *a, const VnAddress *b);
guint vn_address_hash(const VnAddress *address);
guint vn_address_bits(const VnAddress *address); /* 32 or 128 */
/* FALSE when it leaves the address space. */
gboolean vn_address_add(const VnAddress *address, gint64 offset, VnAddress *out_address);
gboolean vn_prefix_contains(const VnPrefix *prefix, const VnAddress *address);
/* The prefix with its host bits cleared. */
VnPrefix vn_prefix_network(const VnPrefix *prefix);

/* The shortest exact form: "500us", "1.5s", "64MiB", "10mbit". */
char *vn_duration_format(gint64 ns);
/* For people to read: rounded, "102 us", "6.9 ms", "12.35 s". */
void vn_duration_append_rounded(gint64 ns, GString *out);
char *vn_size_format(gint64 bytes);
char *vn_rate_format(gint64 bits_per_second);
