/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The life of a scanner. */
#include <string.h>

#include "lang/scan.h"

/* Of flex's interface, what is used here; its own header brings more than is wanted. */
int vn_yylex_init_extra(VnLexer *extra, void **scanner);
int vn_yylex_destroy(void *scanner);

void
vn_lexer_init(VnLexer *lexer, VnParser *parser)
{
  lexer->arena = parser->arena;
  lexer->symbols = parser->symbols;
  lexer->sink = parser->sink;
  lexer->words = &parser->words;
  lexer->text = g_string_new(NULL);
  lexer->frames = g_array_new(FALSE, FALSE, sizeof(VnStringFrame));
  lexer->comments = g_array_new(FALSE, FALSE, sizeof(VnComment));
}

void
vn_lexer_clear(VnLexer *lexer)
{
  vn_lexer_close(lexer);
  g_string_free(lexer->text, TRUE);
  g_array_unref(lexer->frames);
  g_array_unref(lexer->comments);
}

void
vn_lexer_open(VnLexer *lexer, const VnSource *source)
{
  lexer->source = source;
  lexer->base = lexer->pos = source->base;
  lexer->n_read = 0;
  lexer->previous = 0;
  g_array_set_size(lexer->frames, 0);
  if (vn_yylex_init_extra(lexer, &lexer->scanner) != 0)
    g_error("out of memory for a scanner");
}

int
vn_lexer_read(VnLexer *lexer, char *buffer, gsize most)
{
  gsize n = MIN(most, lexer->source->size - lexer->n_read);
  memcpy(buffer, lexer->source->text + lexer->n_read, n);
  lexer->n_read += n;
  return (int)n;
}

void
vn_lexer_close(VnLexer *lexer)
{
  if (lexer->scanner != NULL)
    vn_yylex_destroy(lexer->scanner);
  lexer->scanner = NULL;
}
