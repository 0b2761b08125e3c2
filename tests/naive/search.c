/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Breadth first by cost. No move makes a step idle again, so a cost never falls. */
#include "tests/naive/search.h"

#include <string.h>

typedef struct {
  NaiveState state;
  guint32 from; /* VN_NO_ID: the beginning */
  NaiveMove move;
} Place;

struct NaiveSearch {
  const Naive *naive;
  GPtrArray *places; /* of Place */
  GHashTable *by_state;
  GArray *open[NAIVE_MAX_STEPS + 1]; /* places that were not looked at, by cost */
  NaiveVisit visit;
  gpointer data;
};

static guint
cost_of(const Naive *naive, const NaiveState *state)
{
  guint cost = 0;
  for (guint k = 0; k < naive->n_steps; k++)
    cost += state->phase[k] != NAIVE_IDLE;
  return cost;
}

static guint
state_hash(gconstpointer key)
{
  const guint8 *bytes = key;
  guint32 hash = 2166136261u;
  for (gsize k = 0; k < sizeof(NaiveState); k++)
    hash = (hash ^ bytes[k]) * 16777619u;
  return hash;
}

static gboolean
state_equal(gconstpointer a, gconstpointer b)
{
  return memcmp(a, b, sizeof(NaiveState)) == 0;
}

static void
reach(NaiveSearch *search, const NaiveState *state, guint32 from, NaiveMove move)
{
  guint32 number = search->places->len;
  if (g_hash_table_contains(search->by_state, state))
    return;
  Place *made = g_new0(Place, 1);
  memcpy(&made->state, state, sizeof *state);
  made->from = from;
  made->move = move;
  g_ptr_array_add(search->places, made);
  g_hash_table_insert(search->by_state, &made->state, made);
  g_array_append_val(search->open[cost_of(search->naive, state)], number);
}

static void
look_at(NaiveSearch *search, guint32 number)
{
  NaiveMove moves[NAIVE_MAX_MOVES];
  Place *place = search->places->pdata[number];
  guint n = naive_moves(search->naive, &place->state, FALSE, moves);
  for (guint k = 0; k < n; k++) {
    NaiveState after;
    memcpy(&after, &place->state, sizeof after);
    naive_apply(search->naive, &after, moves[k]);
    search->visit(search, &place->state, moves[k], &after, number, cost_of(search->naive, &after),
                  search->data);
    reach(search, &after, number, moves[k]);
  }
}

NaiveSearch *
naive_search(const Naive *naive, guint max_states, NaiveVisit visit, gpointer data)
{
  g_autoptr(NaiveSearch) search = g_new0(NaiveSearch, 1);
  search->naive = naive;
  search->places = g_ptr_array_new_with_free_func(g_free);
  search->by_state = g_hash_table_new(state_hash, state_equal);
  for (guint cost = 0; cost <= NAIVE_MAX_STEPS; cost++)
    search->open[cost] = g_array_new(FALSE, FALSE, sizeof(guint32));
  search->visit = visit;
  search->data = data;
  NaiveState begin;
  naive_begin(naive, &begin);
  reach(search, &begin, VN_NO_ID, (NaiveMove){0});
  for (guint cost = 0; cost <= NAIVE_MAX_STEPS; cost++)
    for (guint k = 0; k < search->open[cost]->len; k++) {
      look_at(search, g_array_index(search->open[cost], guint32, k));
      if (search->places->len > max_states)
        return NULL;
    }
  return g_steal_pointer(&search);
}

void
naive_search_free(NaiveSearch *search)
{
  if (search == NULL)
    return;
  g_hash_table_unref(search->by_state);
  g_ptr_array_unref(search->places);
  for (guint cost = 0; cost <= NAIVE_MAX_STEPS; cost++)
    g_array_unref(search->open[cost]);
  g_free(search);
}

guint
naive_search_n_states(const NaiveSearch *search)
{
  return search->places->len;
}

const Naive *
naive_search_naive(const NaiveSearch *search)
{
  return search->naive;
}

void
naive_search_way(const NaiveSearch *search, guint32 number, GString *out)
{
  if (number == VN_NO_ID)
    return;
  const Place *place = search->places->pdata[number];
  naive_search_way(search, place->from, out);
  if (place->from == VN_NO_ID)
    return;
  g_string_append(out, "  ");
  naive_move_text(search->naive, place->move, out);
  g_string_append_c(out, '\n');
}
