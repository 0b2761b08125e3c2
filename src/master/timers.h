/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Times at which something is due: a heap over small numbers (nodes), one time for each.
 *
 * Setting, changing and taking away cost O(log n), looking at the next one nothing. Equal times
 * come in the order of the numbers, so that runs repeat. */
#pragma once

#include <glib.h>

typedef struct {
  gint64 at;
  guint32 key;
} VnTimer;

typedef struct {
  VnTimer *heap;
  guint32 n, size;
  guint32 *place; /* by key: its place in the heap and 1; 0: not set; NULL until one was set */
  guint32 n_keys;
} VnTimers;

void vn_timers_init(VnTimers *timers, guint32 n_keys);
void vn_timers_clear(VnTimers *timers);
void vn_timers_set(VnTimers *timers, guint32 key, gint64 at);
void vn_timers_unset(VnTimers *timers, guint32 key);
/* FALSE: nothing is due at or before now. */
gboolean vn_timers_pop(VnTimers *timers, gint64 now, guint32 *out_key);
#define vn_timers_empty(timers) ((timers)->n == 0)
/* The earliest time; the heap must not be empty. */
#define vn_timers_next(timers) ((timers)->heap[0].at)
