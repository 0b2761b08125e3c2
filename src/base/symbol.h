/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Interned names: the same spelling is the same pointer, and has a small dense number.
 *
 * Comparing two names is comparing two pointers; a pass that keeps something for each name
 * indexes an array by `id`. A table lives in an arena and dies with it.
 */
#pragma once

#include "base/arena.h"

typedef struct VnSymbol {
  guint32 id;     /* 0, 1, 2 … in order of first interning */
  guint32 length; /* bytes, without the final NUL */
  char text[];
} VnSymbol;

/* A text that is not interned. */
typedef struct {
  const char *text; /* NUL-terminated as well */
  gsize length;
} VnText;

typedef struct VnSymbolTable VnSymbolTable;

VnSymbolTable *vn_symbol_table_new(VnArena *arena);
const VnSymbol *vn_symbol_intern(VnSymbolTable *table, const char *text, gsize length);
const VnSymbol *vn_symbol_intern_str(VnSymbolTable *table, const char *text);
/* NULL when the name was never interned. */
const VnSymbol *vn_symbol_find(const VnSymbolTable *table, const char *text, gsize length);
guint32 vn_symbol_count(const VnSymbolTable *table);
