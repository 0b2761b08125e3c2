/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Limits on how many tasks run at once: by VM, by site, in the whole experiment.
 *
 * A node takes a slot of its VM, then of its site, then of the experiment, and waits in the queue
 * of the first that is full, first come first served. What it waits with is never of use to
 * another (whoever has the same VM has the same site), so nothing is wasted and nothing can
 * deadlock. Every step costs O(1).
 */
#pragma once

#include "master/scheduler.h"

typedef struct VnSlots VnSlots;

/* NULL where there is no limit at all: every claim is granted. */
VnSlots *vn_slots_new(const VnGraph *graph, const VnSchedulerLimits *limits);
void vn_slots_free(VnSlots *slots);

/* TRUE: the TASK node has all its slots. FALSE: it waits; a release will grant it. */
gboolean vn_slots_claim(VnSlots *slots, guint32 node);

/* Most nodes that one release can grant: one for each kind of slot. */
#define VN_SLOTS_MAX_GRANTED 3
/* Gives back what a node has, also when it still waits. Gives the number of nodes that now have
 * all their slots. A node that holds nothing releases nothing. */
guint vn_slots_release(VnSlots *slots, guint32 node, guint32 granted[VN_SLOTS_MAX_GRANTED]);
