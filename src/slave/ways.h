/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Where packets go that leave a router by its external interface: for each router, the longest
 * prefix that holds the destination. Nearly all entries are single addresses, so a look-up
 * is one in a hash table. Not thread-safe.
 */
#pragma once

#include "base/quantity.h"

#define VN_WAYS_MAX (1u << 22)

typedef struct VnWays VnWays;

typedef struct {
  guint32 router; /* that gets the packet */
  guint32 site;   /* where it is */
} VnWay;

VnWays *vn_ways_new(void);
void vn_ways_free(VnWays *ways);
/* Replaces what was there for the same prefix. FALSE: there are too many. */
gboolean vn_ways_add(VnWays *ways, guint32 from, const VnPrefix *prefix, VnWay way);
/* destination: 4 or 16 bytes, by family 4 or 6. NULL: no way. */
const VnWay *
vn_ways_find(const VnWays *ways, guint32 from, guint8 family, const guint8 *destination);
