/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Doc comments: the `##` lines right above a declaration. Comments are kept beside the tokens, in
 * order, so the one before a place is found by halving. */
#include <string.h>

#include "lang/state.h"

static VnSpan
comment_at(const VnLexer *lexer, guint i)
{
  return g_array_index(lexer->comments, VnComment, i).span;
}

/* The number of comments that end before a place. */
static guint
comments_before(const VnLexer *lexer, VnPos start)
{
  guint low = 0, high = lexer->comments->len;
  while (low < high) {
    guint middle = low + (high - low) / 2;
    if (comment_at(lexer, middle).end <= start)
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}

/* A `##` comment that has its line for itself, with one line end between it and `next`. */
static gboolean
is_doc_above(const VnLexer *lexer, VnSpan comment, VnPos next)
{
  VnPos base = lexer->base;
  if (comment.start < base)
    return FALSE; /* of a text that was fed before */
  const char *text = lexer->source->text;
  if (text[comment.start - base] != '#' || text[comment.start + 1 - base] != '#')
    return FALSE;
  guint lines = 0;
  for (VnPos pos = comment.end; pos < next; pos++) {
    char c = text[pos - base];
    if (c == '\n')
      lines++;
    else if (c != ' ' && c != '\t' && c != '\r')
      return FALSE;
  }
  for (VnPos pos = comment.start; pos > base && text[pos - 1 - base] != '\n'; pos--)
    if (text[pos - 1 - base] != ' ' && text[pos - 1 - base] != '\t')
      return FALSE;
  return lines == 1;
}

const char *
vn_comment_doc(const VnLexer *lexer, VnArena *arena, VnPos start)
{
  guint end = comments_before(lexer, start), first = end;
  for (VnPos next = start; first > 0 && is_doc_above(lexer, comment_at(lexer, first - 1), next);
       first--)
    next = comment_at(lexer, first - 1).start;
  if (first == end)
    return NULL;
  g_autoptr(GString) doc = g_string_new(NULL);
  for (guint i = first; i < end; i++) {
    VnSpan span = comment_at(lexer, i);
    const char *text = lexer->source->text + (span.start - lexer->base);
    gsize length = span.end - span.start, skip = strspn(text, "#");
    while (length > skip && g_ascii_isspace(text[length - 1]))
      length--;
    skip += text[skip] == ' ' && length > skip;
    if (i > first)
      g_string_append_c(doc, '\n');
    g_string_append_len(doc, text + skip, (gssize)(length - skip));
  }
  return vn_arena_strndup(arena, doc->str, doc->len);
}
