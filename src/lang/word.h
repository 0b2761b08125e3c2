/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The words of the language: which token each is, which property, and whether it may be a name.
 *
 * Words come from word.def and properties.def. A table of them belongs to one parser, because it is
 * indexed by the numbers of that parser's symbols: words are interned before any text is read, so
 * their numbers are small and every other name is past the table's end.
 */
#pragma once

#include "lang/ast.h"

typedef struct {
  const char *text;
  guint16 token;     /* VN_TOKEN_… */
  guint16 property;  /* VN_PROPERTY_COUNT if it is none */
  gboolean reserved; /* never a name */
  gboolean declares; /* begins a declaration */
} VnWord;

typedef struct {
  const VnWord **by_symbol; /* NULL where the symbol is no word */
  guint32 n;
} VnWordTable;

/* In arena; interns every word. */
VnWordTable vn_word_table_new(VnArena *arena, VnSymbolTable *symbols);

static inline const VnWord *
vn_word_find(const VnWordTable *table, const VnSymbol *symbol)
{
  return symbol->id < table->n ? table->by_symbol[symbol->id] : NULL;
}

/* All words, in the order of the tables. */
const VnWord *vn_words(gsize *out_n);
