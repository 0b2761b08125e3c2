/* SPDX-License-Identifier: GPL-3.0-or-later */
/* An open-addressing table (linear probing, at most half full). A slot holds the hash beside the
 * symbol's place, so that a probe looks only at a symbol that is almost surely the one.
 *
 * A large script is bound by what the caches miss, and names that are declared one after the other
 * are mostly used so. Therefore symbols lie close together in blocks of their own; names that
 * differ in their last character only (h10, h11, h12 …) get neighbouring slots; and a slot has 8
 * bytes: a symbol is named by the number of its block and its place there. */
#include "base/symbol.h"

#include <string.h>

typedef struct {
  guint32 hash;
  guint32 place; /* block, and units of 4 bytes into it, plus 1; 0: empty */
} Slot;

struct VnSymbolTable {
  VnArena *arena;
  Slot *slots;
  guint32 mask;
  guint32 count;
  char **blocks;
  guint32 n_blocks, room_blocks;
  char *free, *end; /* of the block that takes the next symbol */
};

#define FIRST_SLOTS  1024u
#define FIRST_BLOCKS 16u
/* A symbol begins in the first BLOCK bytes of its block; only a long one goes on behind. */
#define BLOCK_SHIFT 12
#define UNIT        4u
#define BLOCK       (UNIT << BLOCK_SHIFT)

/* 0 to 8 bytes as one number. */
static inline guint64
load_bytes(const char *text, gsize n)
{
  guint64 all = 0;
  guint32 first, last;
  if (n >= sizeof first) {
    memcpy(&first, text, sizeof first);
    memcpy(&last, text + n - sizeof last, sizeof last);
    return (guint64)last << 32 | first;
  }
  for (gsize i = 0; i < n; i++)
    all = all << 8 | (guchar)text[i];
  return all;
}

/* Multiplication carries upwards only, so the upper half is folded into the lower. */
static inline guint64
mix(guint64 hash, guint64 bytes)
{
  hash = (hash ^ bytes) * G_GUINT64_CONSTANT(0x9E3779B97F4A7C15);
  return hash ^ hash >> 32;
}

static inline guint32
hash_bytes(const char *text, gsize length)
{
  guint64 hash = length;
  if (length == 0)
    return 0;
  gsize rest = length - 1; /* all but the last character, which chooses among neighbours */
  for (; rest > 8; rest -= 8, text += 8)
    hash = mix(hash, load_bytes(text, 8));
  return (guint32)mix(mix(hash, load_bytes(text, rest)), 0) << 4 ^ ((guchar)text[rest] & 63);
}

VnSymbolTable *
vn_symbol_table_new(VnArena *arena)
{
  VnSymbolTable *table = vn_arena_new0(arena, VnSymbolTable);
  table->arena = arena;
  table->slots = vn_arena_array0(arena, Slot, FIRST_SLOTS);
  table->mask = FIRST_SLOTS - 1;
  table->room_blocks = FIRST_BLOCKS;
  table->blocks = vn_arena_array0(arena, char *, FIRST_BLOCKS);
  return table;
}

static inline VnSymbol *
symbol_at(const VnSymbolTable *table, guint32 place)
{
  guint32 unit = place - 1;
  char *at = table->blocks[unit >> BLOCK_SHIFT] + (gsize)(unit % (BLOCK / UNIT)) * UNIT;
  return (VnSymbol *)(gpointer)at;
}

/* The slot of the name, or the empty one where it would go. */
static inline Slot *
find_slot(const VnSymbolTable *table, guint32 hash, const char *text, gsize length)
{
  for (guint32 i = hash & table->mask;; i = (i + 1) & table->mask) {
    Slot *slot = &table->slots[i];
    if (slot->place == 0)
      return slot;
    if (slot->hash != hash)
      continue;
    const VnSymbol *symbol = symbol_at(table, slot->place);
    if (symbol->length == length && memcmp(symbol->text, text, length) == 0)
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
    while (old[k].place != 0 && table->slots[i].place != 0)
      i = (i + 1) & table->mask;
    if (old[k].place != 0)
      table->slots[i] = old[k];
  }
}

static void
add_block(VnSymbolTable *table, gsize size)
{
  if (table->n_blocks == table->room_blocks) {
    char **old = table->blocks;
    table->room_blocks *= 2;
    table->blocks = vn_arena_array0(table->arena, char *, table->room_blocks);
    memcpy(table->blocks, old, table->n_blocks * sizeof *old);
  }
  gsize block = MAX(size, BLOCK);
  table->free = table->blocks[table->n_blocks++] = vn_arena_alloc(table->arena, block);
  table->end = table->free + block;
}

/* What a script may hold (VN_SOURCES_MAX_BYTES) fits in the places. */
static VnSymbol *
new_symbol(VnSymbolTable *table, const char *text, gsize length, guint32 *out_place)
{
  gsize size = (sizeof(VnSymbol) + length + 1 + UNIT - 1) & ~(gsize)(UNIT - 1);
  if ((gsize)(table->end - table->free) < size)
    add_block(table, size);
  VnSymbol *symbol = (VnSymbol *)(gpointer)table->free;
  gsize unit = (gsize)(table->free - table->blocks[table->n_blocks - 1]) / UNIT;
  *out_place = ((table->n_blocks - 1) << BLOCK_SHIFT | (guint32)unit) + 1;
  table->free += size;
  symbol->id = table->count++;
  symbol->length = (guint32)length;
  memcpy(symbol->text, text, length);
  return symbol;
}

const VnSymbol *
vn_symbol_intern(VnSymbolTable *table, const char *text, gsize length)
{
  guint32 hash = hash_bytes(text, length), place;
  Slot *slot = find_slot(table, hash, text, length);
  if (slot->place != 0)
    return symbol_at(table, slot->place);
  if (table->count + 1 > table->mask / 2) {
    grow(table);
    slot = find_slot(table, hash, text, length);
  }
  const VnSymbol *symbol = new_symbol(table, text, length, &place);
  *slot = (Slot){hash, place};
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
  const Slot *slot = find_slot(table, hash_bytes(text, length), text, length);
  return slot->place != 0 ? symbol_at(table, slot->place) : NULL;
}

guint32
vn_symbol_count(const VnSymbolTable *table)
{
  return table->count;
}
