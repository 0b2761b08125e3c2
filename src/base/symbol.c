/* SPDX-License-Identifier: GPL-3.0-or-later */
/* An open-addressing table (linear probing, at most half full) of pointers into the arena. Each
 * slot repeats its symbol's hash, so that probing and growing touch no symbol in vain. */
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
};

#define FIRST_SLOTS 1024u

static guint32
hash_bytes(const char *text, gsize length)
{
  guint32 hash = 2166136261u; /* FNV-1a */
  for (gsize i = 0; i < length; i++)
    hash = (hash ^ (guchar)text[i]) * 16777619u;
  return hash ^ (hash >> 15);
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
  guint32 i = hash & table->mask;
  while (table->slots[i].symbol != NULL) {
    const Slot *slot = &table->slots[i];
    if (slot->hash == hash && slot->symbol->length == length &&
        memcmp(slot->symbol->text, text, length) == 0)
      break;
    i = (i + 1) & table->mask;
  }
  return &table->slots[i];
}

static void
grow(VnSymbolTable *table)
{
  const Slot *old = table->slots;
  guint32 n_old = table->mask + 1;
  table->slots = vn_arena_array0(table->arena, Slot, (gsize)n_old * 2);
  table->mask = n_old * 2 - 1;
  for (guint32 i = 0; i < n_old; i++) {
    guint32 place = old[i].hash & table->mask;
    while (old[i].symbol != NULL && table->slots[place].symbol != NULL)
      place = (place + 1) & table->mask;
    if (old[i].symbol != NULL)
      table->slots[place] = old[i];
  }
}

const VnSymbol *
vn_symbol_intern(VnSymbolTable *table, const char *text, gsize length)
{
  guint32 hash = hash_bytes(text, length);
  Slot *slot = find_slot(table, hash, text, length);
  if (slot->symbol != NULL)
    return slot->symbol;
  if ((table->count + 1) * 2 > table->mask) {
    grow(table);
    slot = find_slot(table, hash, text, length);
  }
  VnSymbol *symbol = vn_arena_alloc(table->arena, sizeof(VnSymbol) + length + 1);
  symbol->id = table->count++;
  symbol->hash = hash;
  symbol->length = (guint32)length;
  memcpy(symbol->text, text, length);
  *slot = (Slot){.symbol = symbol, .hash = hash};
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
