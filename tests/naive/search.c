/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Breadth first by cost: all that costs nothing more is looked at before what costs one step. */
#include "tests/naive/search.h"

#include <string.h>

typedef struct {
  NaiveState state;
  guint32 from; /* VN_NO_ID: the beginning */
  NaiveMove move;
  guint8 cost, seen;
} Place;

struct NaiveSearch {
  const Naive *naive;
  GPtrArray *places; /* of Place */
  GHashTable *by_state;
  GArray *now, *next; /* places of this cost, and of one more */
  NaiveVisit visit;
  gpointer data;
};

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

/* To be looked at with this cost, unless it was reached as cheaply before. */
static void
reach(NaiveSearch *search, const NaiveState *state, guint32 from, NaiveMove move, guint8 cost)
{
  gpointer found = NULL;
  guint32 place = search->places->len;
  if (g_hash_table_lookup_extended(search->by_state, state, NULL, &found)) {
    place = GPOINTER_TO_UINT(found);
    Place *known = search->places->pdata[place];
    if (known->cost <= cost)
      return;
    known->from = from;
    known->move = move;
    known->cost = cost;
  } else {
    Place *made = g_new0(Place, 1);
    memcpy(&made->state, state, sizeof *state);
    made->from = from;
    made->move = move;
    made->cost = cost;
    g_ptr_array_add(search->places, made);
    g_hash_table_insert(search->by_state, &made->state, GUINT_TO_POINTER(place));
  }
  g_array_append_val(move.act == NAIVE_START ? search->next : search->now, place);
}

static void
look_at(NaiveSearch *search, guint32 number, guint cost)
{
  NaiveMove moves[NAIVE_MAX_MOVES];
  Place *place = search->places->pdata[number];
  if (place->cost != cost || place->seen)
    return;
  place->seen = TRUE;
  guint n = naive_moves(search->naive, &place->state, FALSE, moves);
  for (guint k = 0; k < n; k++) {
    NaiveState after;
    memcpy(&after, &place->state, sizeof after);
    naive_apply(search->naive, &after, moves[k]);
    guint8 cost_after = (guint8)(cost + (moves[k].act == NAIVE_START));
    search->visit(search, &place->state, moves[k], &after, number, cost_after, search->data);
    reach(search, &after, number, moves[k], cost_after);
  }
}

NaiveSearch *
naive_search(const Naive *naive, guint max_states, NaiveVisit visit, gpointer data)
{
  g_autoptr(NaiveSearch) search = g_new0(NaiveSearch, 1);
  search->naive = naive;
  search->places = g_ptr_array_new_with_free_func(g_free);
  search->by_state = g_hash_table_new(state_hash, state_equal);
  search->now = g_array_new(FALSE, FALSE, sizeof(guint32));
  search->next = g_array_new(FALSE, FALSE, sizeof(guint32));
  search->visit = visit;
  search->data = data;
  NaiveState begin;
  naive_begin(naive, &begin);
  NaiveMove none = {.act = NAIVE_EFFECT};
  visit(search, NULL, none, &begin, VN_NO_ID, 0, data);
  reach(search, &begin, VN_NO_ID, none, 0);
  for (guint cost = 0; search->now->len > 0; cost++) {
    while (search->now->len > 0) {
      guint32 last = g_array_index(search->now, guint32, search->now->len - 1);
      g_array_set_size(search->now, search->now->len - 1);
      look_at(search, last, cost);
      if (search->places->len > max_states)
        return NULL;
    }
    GArray *now = search->now;
    search->now = search->next;
    search->next = now;
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
  g_array_unref(search->now);
  g_array_unref(search->next);
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
