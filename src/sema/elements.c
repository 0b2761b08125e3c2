/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Elements of arrays by index: a plain array while indexes come one after the other, a table from
 * the first that does not. Owns memory outside of arenas, so it is cleared before each use. */
#include "sema/eval.h"

void
vn_elements_clear(VnElements *elements)
{
  g_free(elements->ids);
  g_clear_pointer(&elements->by_index, g_hash_table_unref);
  *elements = (VnElements){.ids = NULL};
}

static void
put(GHashTable *table, gint64 index, guint32 place)
{
  gint64 *key = g_new(gint64, 1);
  *key = index;
  g_hash_table_insert(table, key, GUINT_TO_POINTER(place + 1));
}

static void
make_table(VnElements *elements)
{
  elements->by_index = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, NULL);
  for (guint32 i = 0; i < elements->n; i++)
    put(elements->by_index, elements->first + (gint64)i, i);
}

/* The place of an index in ids; n if there is none. */
static guint32
place_of(const VnElements *elements, gint64 index)
{
  if (elements->by_index != NULL) {
    guint32 place = GPOINTER_TO_UINT(g_hash_table_lookup(elements->by_index, &index));
    return place > 0 ? place - 1 : elements->n;
  }
  if (elements->n == 0 || index < elements->first ||
      (guint64)index - (guint64)elements->first >= elements->n)
    return elements->n;
  return (guint32)(index - elements->first);
}

guint32
vn_elements_find(const VnElements *elements, gint64 index)
{
  guint32 place = place_of(elements, index);
  return place < elements->n ? elements->ids[place] : VN_NO_ID;
}

gboolean
vn_elements_add(VnElements *elements, gint64 index, guint32 id)
{
  if (place_of(elements, index) < elements->n)
    return FALSE;
  if (elements->n == 0)
    elements->first = index;
  else if (elements->by_index == NULL &&
           (index < elements->first || (guint64)index - (guint64)elements->first != elements->n))
    make_table(elements);
  if (elements->by_index != NULL)
    put(elements->by_index, index, elements->n);
  if (elements->n == elements->room) {
    elements->room = MAX(16, elements->room * 2);
    elements->ids = g_renew(guint32, elements->ids, elements->room);
  }
  elements->ids[elements->n++] = id;
  return TRUE;
}
