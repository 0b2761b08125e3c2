/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Addresses of both families as plain numbers, for arithmetic and sorting. */
#pragma once

#include "base/quantity.h"

typedef unsigned __int128 VnNumber;

typedef struct {
  VnNumber first, last; /* both included */
} VnNumberRange;

static inline VnNumber
vn_number_of(const VnAddress *address)
{
  VnNumber number = 0;
  for (guint i = 0; i < vn_address_bits(address) / 8; i++)
    number = number << 8 | address->bytes[i];
  return number;
}

static inline VnAddress
vn_number_address(VnNumber number, guint family)
{
  VnAddress address = {.family = (guint8)family};
  for (guint i = family == 4 ? 4 : 16; i-- > 0; number >>= 8)
    address.bytes[i] = (guint8)number;
  return address;
}

/* All addresses of a prefix. */
static inline VnNumberRange
vn_number_range(const VnPrefix *prefix)
{
  guint host_bits = vn_address_bits(&prefix->address) - prefix->length;
  VnNumber size_less_1 = host_bits == 128 ? ~(VnNumber)0 : ((VnNumber)1 << host_bits) - 1;
  VnNumber first = vn_number_of(&prefix->address) & ~size_less_1;
  return (VnNumberRange){first, first | size_less_1};
}

/* Those that an interface may bear: without the network's and the broadcast address (IPv4; RFC
 * 3021 for /31), without the subnet-router anycast address (IPv6; RFC 4291, 2.6.1; RFC 6164 for
 * /127). */
static inline VnNumberRange
vn_number_usable(const VnPrefix *prefix)
{
  VnNumberRange range = vn_number_range(prefix);
  if (range.last - range.first >= 2) {
    range.first++;
    range.last -= prefix->address.family == 4;
  }
  return range;
}
