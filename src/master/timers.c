/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A binary heap that knows where each key stands, so that one can be taken out of the middle. */
#include "master/timers.h"

void
vn_timers_init(VnTimers *timers, guint32 n_keys)
{
  *timers = (VnTimers){.n_keys = n_keys};
}

void
vn_timers_clear(VnTimers *timers)
{
  g_free(timers->heap);
  g_free(timers->place);
  *timers = (VnTimers){0};
}

static gboolean
earlier(const VnTimer *a, const VnTimer *b)
{
  return a->at < b->at || (a->at == b->at && a->key < b->key);
}

static void
put(VnTimers *timers, guint32 k, VnTimer timer)
{
  timers->heap[k] = timer;
  timers->place[timer.key] = k + 1;
}

/* Finds the place of a timer from k towards the root. */
static guint32
sift_up(VnTimers *timers, guint32 k, VnTimer timer)
{
  while (k > 0 && earlier(&timer, &timers->heap[(k - 1) / 2])) {
    put(timers, k, timers->heap[(k - 1) / 2]);
    k = (k - 1) / 2;
  }
  return k;
}

static guint32
sift_down(VnTimers *timers, guint32 k, VnTimer timer)
{
  for (;;) {
    guint32 child = 2 * k + 1;
    if (child + 1 < timers->n && earlier(&timers->heap[child + 1], &timers->heap[child]))
      child++;
    if (child >= timers->n || !earlier(&timers->heap[child], &timer))
      return k;
    put(timers, k, timers->heap[child]);
    k = child;
  }
}

static void
settle(VnTimers *timers, guint32 k, VnTimer timer)
{
  guint32 up = sift_up(timers, k, timer);
  put(timers, up == k ? sift_down(timers, k, timer) : up, timer);
}

void
vn_timers_set(VnTimers *timers, guint32 key, gint64 at)
{
  g_assert(key < timers->n_keys);
  if (timers->place == NULL)
    timers->place = g_new0(guint32, timers->n_keys);
  guint32 k = timers->place[key];
  if (k == 0) {
    if (timers->n == timers->size) {
      timers->size = MAX(64, timers->size * 2);
      timers->heap = g_renew(VnTimer, timers->heap, timers->size);
    }
    k = ++timers->n;
  }
  settle(timers, k - 1, (VnTimer){at, key});
}

void
vn_timers_unset(VnTimers *timers, guint32 key)
{
  if (timers->place == NULL || timers->place[key] == 0)
    return;
  guint32 k = timers->place[key] - 1;
  timers->place[key] = 0;
  VnTimer last = timers->heap[--timers->n];
  if (k < timers->n)
    settle(timers, k, last);
}

gboolean
vn_timers_pop(VnTimers *timers, gint64 now, guint32 *out_key)
{
  if (timers->n == 0 || timers->heap[0].at > now)
    return FALSE;
  *out_key = timers->heap[0].key;
  vn_timers_unset(timers, *out_key);
  return TRUE;
}
