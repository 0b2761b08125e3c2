/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A property's token follows from where it stands and what follows it, so that the grammar need not
 * know single properties. Words that are in both tables (`image`, `after`) keep their own token. */
#include "lang/word.h"

#include <string.h>

#include "lang/build.h"
#include "lang/vnl.tab.h"

enum { EXPR, ADDRESS, FLAG, PAIR, COPY, CAPTURE, RETRY, LIST, WORD, WORDS, PORT };

/* Forms that a place lacks have no token: add one to the grammar first. */
#define HOST_TOKEN(form)                                     \
  ((form) == EXPR || (form) == ADDRESS ? VN_TOKEN_HOST_VALUE \
   : (form) == PAIR                    ? VN_TOKEN_HOST_PAIR  \
   : (form) == COPY                    ? VN_TOKEN_HOST_COPY  \
   : (form) == WORD                    ? VN_TOKEN_HOST_WORD  \
                                       : 0)
#define SEGMENT_TOKEN(form) \
  ((form) == EXPR ? VN_TOKEN_SEGMENT_VALUE : (form) == CAPTURE ? VN_TOKEN_CAPTURE : 0)
#define TASK_TOKEN(form)                   \
  ((form) == EXPR    ? VN_TOKEN_TASK_VALUE \
   : (form) == WORD  ? VN_TOKEN_TASK_WORD  \
   : (form) == RETRY ? VN_TOKEN_RETRY      \
                     : 0)
#define ACTION_TOKEN(form) \
  ((form) == EXPR ? VN_TOKEN_ACTION_VALUE : (form) == PORT ? VN_TOKEN_PROVIDES : 0)
#define PROPERTY_TOKEN(where, form)                                   \
  (((where) & (VN_ON_HOST | VN_ON_ROUTER)) != 0 ? HOST_TOKEN(form)    \
   : ((where)&VN_ON_SEGMENT) != 0               ? SEGMENT_TOKEN(form) \
   : ((where)&VN_ON_TASK) != 0                  ? TASK_TOKEN(form)    \
                                                : ACTION_TOKEN(form))

static const VnWord words[] = {
#define VN_WORD(id, text, reserved) \
  {text, VN_TOKEN_##id, VN_PROPERTY_COUNT, reserved, VN_TOKEN_##id <= VN_TOKEN_SWEEP},
#include "lang/word.def"
#undef VN_WORD
#define VN_PROPERTY(id, text, where, form, help) \
  {text, PROPERTY_TOKEN(where, form), VN_PROPERTY_##id, FALSE, FALSE},
#include "lang/properties.def"
#undef VN_PROPERTY
};

const VnWord *
vn_words(gsize *out_n)
{
  *out_n = G_N_ELEMENTS(words);
  return words;
}

/* A property whose word is in word.def too: that one's token, this one's property. */
static const VnWord *
merge(VnArena *arena, const VnWord *word, const VnWord *property)
{
  VnWord *both = vn_arena_memdup(arena, word, sizeof *word);
  both->property = property->property;
  return both;
}

VnWordTable
vn_word_table_new(VnArena *arena, VnSymbolTable *symbols)
{
  VnWordTable table = {NULL, 0};
  const VnSymbol *interned[G_N_ELEMENTS(words)];
  for (gsize i = 0; i < G_N_ELEMENTS(words); i++) {
    interned[i] = vn_symbol_intern_str(symbols, words[i].text);
    table.n = MAX(table.n, interned[i]->id + 1);
  }
  table.by_symbol = vn_arena_array0(arena, const VnWord *, table.n);
  for (gsize i = 0; i < G_N_ELEMENTS(words); i++) {
    const VnWord **slot = &table.by_symbol[interned[i]->id];
    *slot = *slot == NULL ? &words[i] : merge(arena, *slot, &words[i]);
    g_assert((*slot)->token != 0);
  }
  return table;
}
