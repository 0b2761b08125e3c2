/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Steps of one VM, sorted into chains: each step of a chain comes before the next.
 *
 * Of a chain, those before another step are its beginning and those after it its end; what is left
 * between has no order with it. So two binary searches tell how a step stands to a whole chain,
 * and where the steps of a VM follow each other, as they mostly do, there is one chain.
 */
#pragma once

#include "analyze/order.h"

/* Past so many a step that fits none is a chain of its own. */
#define VN_CHAINS_MAX_TRIED 32

typedef struct {
  GArray *steps; /* of guint32: TASK nodes, chain by chain */
  GArray *start; /* of guint32: chain c is steps[start[c] … start[c + 1]) */
  GArray *next, *tails, *heads; /* while they are made */
} VnChains;

void vn_chains_init(VnChains *chains);
void vn_chains_clear(VnChains *chains);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(VnChains, vn_chains_clear)

/* steps must be sorted by rank. Forgets what was there. */
void vn_chains_make(VnChains *chains, VnOrder *order, const guint32 *steps, guint32 n);

static inline guint32
vn_chains_count(const VnChains *chains)
{
  return chains->start->len - 1;
}

static inline guint32
vn_chains_step(const VnChains *chains, guint32 place)
{
  return g_array_index(chains->steps, guint32, place);
}

/* The chain of a place. */
guint32 vn_chains_of(const VnChains *chains, guint32 place);

/* Of a chain, by places in `steps`: [first, low) come before the step, [low, high) have no order
 * with it (or are it), [high, last) come after. */
typedef struct {
  guint32 first, low, high, last;
} VnChainsRange;

VnChainsRange vn_chains_range(const VnChains *chains, VnOrder *order, guint32 chain, guint32 step);
/* The first place in [from, to) of one chain that comes after the step; to: none. */
guint32 vn_chains_after(const VnChains *chains, VnOrder *order, guint32 from, guint32 to,
                        guint32 step);
/* The first place in [from, to) that does not come before the step. */
guint32 vn_chains_before(const VnChains *chains, VnOrder *order, guint32 from, guint32 to,
                         guint32 step);
