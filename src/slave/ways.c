/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One table for all routers, keyed by router, family, length and the network's bits; beside it
 * for each router and family the lengths that occur, as bits, so that only those are tried. */
#include "slave/ways.h"

#include <string.h>

typedef struct {
  guint32 from;
  guint8 family, length;
  guint8 bits[16];
} Key;

typedef struct {
  Key key;
  VnWay way;
} Entry;

typedef struct {
  guint64 lengths[2][3]; /* by family 4, 6: bit n of the whole: prefixes of n bits occur */
} Lengths;

struct VnWays {
  GHashTable *entries; /* Entry to itself */
  GPtrArray *lengths;  /* Lengths*, by router, with NULLs */
};

static guint
key_hash(gconstpointer data)
{
  const Key *key = data;
  guint64 a, b;
  memcpy(&a, key->bits, 8);
  memcpy(&b, key->bits + 8, 8);
  guint64 x = a ^ (b * G_GUINT64_CONSTANT(0x9e3779b97f4a7c15)) ^
              ((guint64)key->from << 16 | (guint64)key->length << 8 | key->family);
  x *= G_GUINT64_CONSTANT(0xbf58476d1ce4e5b9);
  return (guint)(x >> 32);
}

static gboolean
key_equal(gconstpointer a, gconstpointer b)
{
  const Key *x = a, *y = b;
  return x->from == y->from && x->length == y->length && x->family == y->family &&
         memcmp(x->bits, y->bits, sizeof x->bits) == 0;
}

static void
lengths_free(gpointer data)
{
  g_free(data);
}

VnWays *
vn_ways_new(void)
{
  VnWays *ways = g_new0(VnWays, 1);
  ways->entries = g_hash_table_new_full(key_hash, key_equal, g_free, NULL);
  ways->lengths = g_ptr_array_new_with_free_func(lengths_free);
  return ways;
}

void
vn_ways_free(VnWays *ways)
{
  if (ways == NULL)
    return;
  g_hash_table_unref(ways->entries);
  g_ptr_array_unref(ways->lengths);
  g_free(ways);
}

static void
set_key(Key *key, guint32 from, guint8 family, guint length, const guint8 *bits)
{
  memset(key, 0, sizeof *key);
  key->from = from;
  key->family = family;
  key->length = (guint8)length;
  memcpy(key->bits, bits, (length + 7) / 8);
  if (length % 8 != 0)
    key->bits[length / 8] &= (guint8)(0xff << (8 - length % 8));
}

static Lengths *
lengths_of(VnWays *ways, guint32 from)
{
  if (from >= ways->lengths->len)
    g_ptr_array_set_size(ways->lengths, (gint)from + 1);
  if (ways->lengths->pdata[from] == NULL)
    ways->lengths->pdata[from] = g_new0(Lengths, 1);
  return ways->lengths->pdata[from];
}

gboolean
vn_ways_add(VnWays *ways, guint32 from, const VnPrefix *prefix, VnWay way)
{
  if (g_hash_table_size(ways->entries) >= VN_WAYS_MAX)
    return FALSE;
  Entry *entry = g_new0(Entry, 1);
  set_key(&entry->key, from, prefix->address.family, prefix->length, prefix->address.bytes);
  entry->way = way;
  Lengths *lengths = lengths_of(ways, from);
  lengths->lengths[prefix->address.family == 6][prefix->length / 64] |= G_GUINT64_CONSTANT(1)
                                                                        << (prefix->length % 64);
  g_hash_table_replace(ways->entries, entry, entry);
  return TRUE;
}

const VnWay *
vn_ways_find(const VnWays *ways, guint32 from, guint8 family, const guint8 *destination)
{
  if (from >= ways->lengths->len || ways->lengths->pdata[from] == NULL)
    return NULL;
  const Lengths *lengths = ways->lengths->pdata[from];
  for (guint word = 3; word-- > 0;) {
    guint64 left = lengths->lengths[family == 6][word];
    while (left != 0) {
      guint bit = 63 - (guint)__builtin_clzll(left);
      left &= ~(G_GUINT64_CONSTANT(1) << bit);
      Key key;
      set_key(&key, from, family, word * 64 + bit, destination);
      const Entry *entry = g_hash_table_lookup(ways->entries, &key);
      if (entry != NULL)
        return &entry->way;
    }
  }
  return NULL;
}
