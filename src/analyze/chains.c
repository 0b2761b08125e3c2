/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Greedy: each step, by rank, goes to the end of the first chain that it comes after. */
#include "analyze/chains.h"

static GArray *
new_list(void)
{
  return g_array_new(FALSE, FALSE, sizeof(guint32));
}

void
vn_chains_init(VnChains *chains)
{
  *chains = (VnChains){new_list(), new_list(), new_list(), new_list(), new_list()};
}

void
vn_chains_clear(VnChains *chains)
{
  g_clear_pointer(&chains->steps, g_array_unref);
  g_clear_pointer(&chains->start, g_array_unref);
  g_clear_pointer(&chains->next, g_array_unref);
  g_clear_pointer(&chains->tails, g_array_unref);
  g_clear_pointer(&chains->heads, g_array_unref);
}

static guint32 *
at(GArray *list, guint32 k)
{
  return &g_array_index(list, guint32, k);
}

/* The chain that takes step k; the number of chains: a new one. */
static guint32
find_chain(VnChains *chains, VnOrder *order, const guint32 *steps, guint32 k)
{
  guint32 n = MIN(chains->tails->len, VN_CHAINS_MAX_TRIED);
  for (guint32 c = 0; c < n; c++)
    if (vn_order_before(order, steps[*at(chains->tails, c)], steps[k]))
      return c;
  return chains->tails->len;
}

/* Chains as lists through `next`, by places in what was given. */
static void
link_chains(VnChains *chains, VnOrder *order, const guint32 *steps, guint32 n)
{
  static const guint32 none = VN_NO_ID;
  g_array_set_size(chains->next, 0);
  g_array_set_size(chains->tails, 0);
  g_array_set_size(chains->heads, 0);
  for (guint32 k = 0; k < n; k++) {
    guint32 c = find_chain(chains, order, steps, k);
    g_array_append_val(chains->next, none);
    if (c == chains->tails->len) {
      g_array_append_val(chains->tails, k);
      g_array_append_val(chains->heads, k);
    } else {
      *at(chains->next, *at(chains->tails, c)) = k;
      *at(chains->tails, c) = k;
    }
  }
}

void
vn_chains_make(VnChains *chains, VnOrder *order, const guint32 *steps, guint32 n)
{
  link_chains(chains, order, steps, n);
  g_array_set_size(chains->steps, 0);
  g_array_set_size(chains->start, 0);
  for (guint32 c = 0; c < chains->heads->len; c++) {
    g_array_append_val(chains->start, chains->steps->len);
    for (guint32 k = *at(chains->heads, c); k != VN_NO_ID; k = *at(chains->next, k))
      g_array_append_val(chains->steps, steps[k]);
  }
  g_array_append_val(chains->start, chains->steps->len);
}

guint32
vn_chains_of(const VnChains *chains, guint32 place)
{
  guint32 low = 0, high = vn_chains_count(chains) - 1;
  while (low < high) {
    guint32 middle = high - (high - low) / 2;
    if (*at(chains->start, middle) <= place)
      low = middle;
    else
      high = middle - 1;
  }
  return low;
}

guint32
vn_chains_before(const VnChains *chains, VnOrder *order, guint32 from, guint32 to, guint32 step)
{
  while (from < to) {
    guint32 middle = from + (to - from) / 2;
    if (vn_order_before(order, vn_chains_step(chains, middle), step))
      from = middle + 1;
    else
      to = middle;
  }
  return from;
}

guint32
vn_chains_after(const VnChains *chains, VnOrder *order, guint32 from, guint32 to, guint32 step)
{
  while (from < to) {
    guint32 middle = from + (to - from) / 2;
    if (vn_order_before(order, step, vn_chains_step(chains, middle)))
      to = middle;
    else
      from = middle + 1;
  }
  return from;
}

VnChainsRange
vn_chains_range(const VnChains *chains, VnOrder *order, guint32 chain, guint32 step)
{
  VnChainsRange range = {.first = *at(chains->start, chain),
                         .last = *at(chains->start, chain + 1)};
  range.low = vn_chains_before(chains, order, range.first, range.last, step);
  range.high = vn_chains_after(chains, order, range.low, range.last, step);
  return range;
}
