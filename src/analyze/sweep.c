/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Many questions at once: where labels leave thousands of pairs open, searching for each costs more
 * than following hundreds of tasks through the whole order together, a bit for each. */
#include <stdlib.h>
#include <string.h>

#include "analyze/order.h"

#define N_WORDS 8 /* a cache line of bits for each task */
#define N_BITS  (N_WORDS * 64)

typedef struct {
  guint64 words[N_WORDS];
} Bits;

typedef struct {
  VnOrder *order;
  const VnModel *model;
  Bits *bits; /* by task */
} Sweep;

static gboolean
is_empty(const Bits *bits)
{
  guint64 any = 0;
  for (guint w = 0; w < N_WORDS; w++)
    any |= bits->words[w];
  return any == 0;
}

static void
join(Bits *to, const Bits *from)
{
  for (guint w = 0; w < N_WORDS; w++)
    to->words[w] |= from->words[w];
}

static void
set(Bits *bits, guint k)
{
  bits->words[k / 64] |= G_GUINT64_CONSTANT(1) << (k % 64);
}

static gboolean
is_set(const Bits *bits, guint k)
{
  return (bits->words[k / 64] >> (k % 64) & 1) != 0;
}

/* Hands bits on to what comes after, from rank `from` to rank `to`. */
static void
sweep_forth(Sweep *sweep, guint32 from, guint32 to)
{
  const guint32 *by_rank = vn_order_tasks(sweep->order), *row = vn_order_row(sweep->order);
  const guint32 *followers = vn_order_followers(sweep->order);
  for (guint32 r = from; r < to; r++) {
    guint32 t = by_rank[r];
    const Bits *bits = &sweep->bits[t];
    if (is_empty(bits))
      continue;
    for (guint32 k = row[t]; k < row[t + 1]; k++)
      join(&sweep->bits[followers[k]], bits);
    *vn_order_work(sweep->order) += row[t + 1] - row[t];
  }
}

/* The same to what comes before. */
static void
sweep_back(Sweep *sweep, guint32 from, guint32 to)
{
  const guint32 *by_rank = vn_order_tasks(sweep->order);
  for (guint32 r = to + 1; r > from; r--) {
    const VnTask *task = &sweep->model->tasks[by_rank[r - 1]];
    const Bits *bits = &sweep->bits[by_rank[r - 1]];
    if (is_empty(bits))
      continue;
    for (guint32 k = 0; k < task->n_after; k++)
      join(&sweep->bits[task->after[k]], bits);
    *vn_order_work(sweep->order) += task->n_after;
  }
}

typedef struct {
  guint32 first, last; /* ranks that a sweep goes over */
  gboolean any;
} Range;

static void
widen(Range *range, guint32 x, guint32 y)
{
  range->first = range->any ? MIN(range->first, MIN(x, y)) : MIN(x, y);
  range->last = range->any ? MAX(range->last, MAX(x, y)) : MAX(x, y);
  range->any = TRUE;
}

static gboolean
goes_forth(const Sweep *sweep, const VnOrderPair *pair)
{
  return vn_order_rank(sweep->order, pair->one) < vn_order_rank(sweep->order, pair->other);
}

/* Pairs of one direction, of at most N_BITS different `one`s that follow each other. */
static void
answer(Sweep *sweep, const VnOrderPair *pairs, gsize n, gboolean forth)
{
  Range range = {0};
  guint bit = 0;
  memset(sweep->bits, 0, sweep->model->n_tasks * sizeof(Bits));
  for (gsize k = 0; k < n; k++) {
    bit += k > 0 && pairs[k].one != pairs[k - 1].one;
    if (goes_forth(sweep, &pairs[k]) != forth)
      continue;
    set(&sweep->bits[pairs[k].one], bit);
    widen(&range, vn_order_rank(sweep->order, pairs[k].one),
          vn_order_rank(sweep->order, pairs[k].other));
  }
  if (!range.any)
    return;
  if (forth)
    sweep_forth(sweep, range.first, range.last);
  else
    sweep_back(sweep, range.first, range.last);
  bit = 0;
  for (gsize k = 0; k < n; k++) {
    bit += k > 0 && pairs[k].one != pairs[k - 1].one;
    if (goes_forth(sweep, &pairs[k]) != forth)
      continue;
    gboolean reached = is_set(&sweep->bits[pairs[k].other], bit);
    vn_order_remember(sweep->order, forth ? pairs[k].one : pairs[k].other,
                      forth ? pairs[k].other : pairs[k].one, reached);
  }
}

void
vn_order_prepare(VnOrder *order, const VnModel *model, const VnOrderPair *pairs, gsize n)
{
  g_autofree Bits *bits = g_new(Bits, (gsize)model->n_tasks + 1);
  Sweep sweep = {order, model, bits};
  for (gsize from = 0, to = 0; from < n; from = to) {
    guint n_ones = 1;
    for (to = from + 1; to < n; to++) {
      n_ones += pairs[to].one != pairs[to - 1].one;
      if (n_ones > N_BITS)
        break;
    }
    answer(&sweep, pairs + from, to - from, TRUE);
    answer(&sweep, pairs + from, to - from, FALSE);
  }
}
