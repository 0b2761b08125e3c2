/* SPDX-License-Identifier: GPL-3.0-or-later */
/* An open-addressing table (linear probing, at most half full) of pointers into the arena. */
#include "base/symbol.h"

#include <string.h>

struct VnSymbolTable {
  VnArena *arena;
  const VnSymbol **slots;
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
  table->slots = vn_arena_array0(arena, const VnSymbol *, FIRST_SLOTS);
  table->mask = FIRST_SLOTS - 1;
  return table;
}

/* The slot of the name, or the empty one where it would go. */
static const VnSymbol **
find_slot(const VnSymbolTable *table, guint32 hash, const char *text, gsize length)
{
  guint32 i = hash & table->mask;
  while (table->slots[i] != NULL) {
    const VnSymbol *symbol = table->slots[i];
    if (symbol->hash == hash && symbol->length == length &&
        memcmp(symbol->text, text, length) == 0)
      break;
    i = (i + 1) & table->mask;
  }
  return &table->slots[i];
}

static void
grow(VnSymbolTable *table)
{
  const VnSymbol **old = table->slots;
  guint32 n_old = table->mask + 1;
  table->slots = vn_arena_array0(table->arena, const VnSymbol *, (gsize)n_old * 2);
  table->mask = n_old * 2 - 1;
  for (guint32 i = 0; i < n_old; i++)
    if (old[i] != NULL)
      *find_slot(table, old[i]->hash, old[i]->text, old[i]->length) = old[i];
}

const VnSymbol *
vn_symbol_intern(VnSymbolTable *table, const char *text, gsize length)
{
  guint32 hash = hash_bytes(text, length);
  const VnSymbol **slot = find_slot(table, hash, text, length);
  if (*slot != NULL)
    return *slot;
  if ((table->count + 1) * 2 > table->mask) {
    grow(table);
    slot = find_slot(table, hash, text, length);
  }
  VnSymbol *symbol = vn_arena_alloc(table->arena, sizeof(VnSymbol) + length + 1);
  symbol->id = table->count++;
  symbol->hash = hash;
  symbol->length = (guint32)length;
  memcpy(symbol->text, text, length);
  *slot = symbol;
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
  return *find_slot(table, hash_bytes(text, length), text, length);
}

guint32
vn_symbol_count(const VnSymbolTable *table)
{
  return table->count;
}
