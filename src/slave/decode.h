/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Bodies of messages to the structures of drivers.
 *
 * Strings are borrowed from the body, arrays lie in the arena. A value that no driver could use
 * (an address that is none, a place that does not exist) makes an error that names it.
 */
#pragma once

#include "base/arena.h"
#include "driver/driver.h"

#define VN_SLAVE_IDS_MAX (1u << 20) /* numbers of VMs and segments are below */

typedef struct {
  VnTechId tech;
  VnDriverSegment *segments;
  guint n;
} VnSegmentBatch;

typedef struct {
  VnTechId tech;
  VnDriverVm *vms;
  guint n;
} VnVmBatch;

gboolean vn_decode_segments(GVariant *body, VnArena *arena, VnSegmentBatch *out, GError **error);
/* To be cleared in either case. */
gboolean vn_decode_vms(GVariant *body, VnArena *arena, VnVmBatch *out, GError **error);
void vn_vm_batch_clear(VnVmBatch *batch);
/* Of a message's text; empty gives family 0. FALSE: it is none. */
gboolean vn_decode_prefix(const char *text, VnPrefix *out_prefix);
gboolean vn_decode_address(const char *text, VnAddress *out_address);
