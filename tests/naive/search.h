/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Every state that a run can reach, and the cheapest way there. */
#pragma once

#include "tests/naive/naive.h"

typedef struct NaiveSearch NaiveSearch;

/* Once for every move from every state. `from` names the state before it, for naive_search_way;
 * cost is the number of steps that are not idle. Cheaper ones come first. */
typedef void (*NaiveVisit)(NaiveSearch *search, const NaiveState *before, NaiveMove move,
                           const NaiveState *after, guint32 from, guint cost, gpointer data);

/* NULL: more than max_states. */
NaiveSearch *naive_search(const Naive *naive, guint max_states, NaiveVisit visit, gpointer data);
void naive_search_free(NaiveSearch *search);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(NaiveSearch, naive_search_free)
guint naive_search_n_states(const NaiveSearch *search);
const Naive *naive_search_naive(const NaiveSearch *search);
/* The moves that lead to a state, one a line. */
void naive_search_way(const NaiveSearch *search, guint32 place, GString *out);
