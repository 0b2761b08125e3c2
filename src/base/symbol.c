/* SPDX-License-Identifier: GPL-3.0-or-later */
/* An open-addressing table (linear probing, at most three quarters full). A slot holds the hash
 * beside the pointer, so that a probe looks only at a symbol that is almost surely the one.
 * Symbols lie close together in blocks of their own: names that are declared one after the other
 * are mostly used so, and a large script is bound by what the caches miss. */
#include "base/symbol.h"

#include <string.h>

typedef struct {
  const VnSymbol *symbol; /* NULL: empty */
  guint32 hash;
} Slot;

struct VnSymbolTable {
  VnArena *arena;
  Slot *slots;
  guint32 mask;
  guint32 count;
  char *free, *end; /* of the block that takes the next symbol */
};

#define FIRST_SLOTS 1024u
#define BLOCK       (16u * 1024u)

/* Names that differ in their last digit only (h10, h11, h12 …) get neighbouring slots. */
static guint32
hash_bytes(const char *text, gsize length)
{
  guint32 hash = 2166136261u; /* FNV-1a */
  if (length == 0)
    return hash;
  for (gsize i = 0; i < length - 1; i++)
    hash = (hash ^ (guchar)text[i]) * 16777619u;
  return (hash ^ hash >> 15) << 4 ^ ((guchar)text[length - 1] & 63);
}

VnSymbolTable *
vn_symbol_table_new(VnArena *arena)
{
  VnSymbolTable *table = vn_arena_new0(arena, VnSymbolTable);
  table->arena = arena;
  table->slots = vn_arena_array0(arena, Slot, FIRST_SLOTS);
  table->mask = FIRST_SLOTS - 1;
  return table;
}

/* The slot of the name, or the empty one where it would go. */
static Slot *
find_slot(const VnSymbolTable *table, guint32 hash, const char *text, gsize length)
{
  for (guint32 i = hash & table->mask;; i = (i + 1) & table->mask) {
    Slot *slot = &table->slots[i];
    if (slot->symbol == NULL || (slot->hash == hash && slot->symbol->length == length &&
                                 memcmp(slot->symbol->text, text, length) == 0))
      return slot;
  }
}

static void
grow(VnSymbolTable *table)
{
  const Slot *old = table->slots;
  guint32 n_old = table->mask + 1;
  table->slots = vn_arena_array0(table->arena, Slot, (gsize)n_old * 2);
  table->mask = n_old * 2 - 1;
  for (guint32 k = 0; k < n_old; k++) {
    guint32 i = old[k].hash & table->mask;
    while (old[k].symbol != NULL && table->slots[i].symbol != NULL)
      i = (i + 1) & table->mask;
    if (old[k].symbol != NULL)
      table->slots[i] = old[k];
  }
}

static VnSymbol *
new_symbol(VnSymbolTable *table, const char *text, gsize length)
{
  gsize size = (sizeof(VnSymbol) + length + 1 + 3) & ~(gsize)3;
  if ((gsize)(table->end - table->free) < size) {
    gsize block = MAX(size, BLOCK);
    table->free = vn_arena_alloc(table->arena, block);
    table->end = table->free + block;
  }
  VnSymbol *symbol = (VnSymbol *)(gpointer)table->free;
  table->free += size;
  symbol->id = table->count++;
  symbol->length = (guint32)length;
  memcpy(symbol->text, text, length);
  return symbol;
}

const VnSymbol *
vn_symbol_intern(VnSymbolTable *table, const char *text, gsize length)
{
  guint32 hash = hash_bytes(text, length);
  Slot *slot = find_slot(table, hash, text, length);
  if (slot->symbol != NULL)
    return slot->symbol;
  if (table->count + 1 > table->mask / 4 * 3) {
    grow(table);
    slot = find_slot(table, hash, text, length);
  }
  VnSymbol *symbol = new_symbol(table, text, length);
  symbol->hash = hash;
  *slot = (Slot){symbol, hash};
  return symbol;
}

const VnSymbol *
vn_symbol_intern_str(VnSymbolTable *table, const char *text)
{
  return vn_symbol_intern(table, text, strlen(text));
}

const VnSymbol *
vn_symbol_find(const VnSymbolTable *table, const char *text, gsize length)
{
  return find_slot(table, hash_bytes(text, length), text, length)->symbol;
}

guint32
vn_symbol_count(const VnSymbolTable *table)
{
  return table->count;
}
