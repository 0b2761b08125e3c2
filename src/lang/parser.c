/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The driver between scanner and grammar: feeds tokens one by one, and recovers from errors.
 *
 * Brackets are followed beside the grammar (brackets.c); after an error tokens go to recover.c. A
 * `;` that is only missing at the end of a declaration is reported and put in, so that the
 * declaration is kept. Past VN_PARSE_MAX_DEPTH open brackets reading stops. What the messages say
 * stands in syntax-error.c.
 */
#include "lang/parser.h"

#include <string.h>

#include "lang/drive.h"
#include "lang/vnl.tab.h"

#define FIRST_PILE 256

/* What comes first in the grammar says what is read. */
static void
begin(VnParser *p)
{
  static const int starts[] = {[VN_PARSE_FILE] = VN_TOKEN_START_FILE,
                               [VN_PARSE_PROMPT] = VN_TOKEN_START_PROMPT,
                               [VN_PARSE_EXPRESSION] = VN_TOKEN_START_EXPRESSION,
                               [VN_PARSE_TYPE] = VN_TOKEN_START_TYPE};
  p->state = vn_yypstate_new();
  p->errors_before = vn_diag_sink_count(p->sink, VN_SEVERITY_ERROR);
  p->at_start = TRUE;
  vn_lexer_init(&p->lexer, p);
  vn_yypush_parse(p->state, starts[p->mode], NULL, &p->previous_span, p);
}

VnParser *
vn_parser_new(VnParseMode mode, VnArena *arena, VnSymbolTable *symbols, VnDiagSink *sink)
{
  VnParser *p = g_new0(VnParser, 1);
  p->arena = arena;
  p->symbols = symbols;
  p->sink = sink;
  p->mode = mode;
  p->words = vn_word_table_new(arena, symbols);
  p->pile = g_new(const VnAst *, FIRST_PILE);
  p->pile_size = FIRST_PILE;
  p->lost = g_array_new(FALSE, FALSE, sizeof(VnIdent));
  begin(p);
  return p;
}

void
vn_parser_restart(VnParser *p, VnParseMode mode)
{
  vn_lexer_clear(&p->lexer);
  vn_yypstate_delete(p->state);
  g_array_set_size(p->lost, 0);
  *p = (VnParser){.arena = p->arena,
                  .symbols = p->symbols,
                  .sink = p->sink,
                  .mode = mode,
                  .words = p->words,
                  .pile = p->pile,
                  .pile_size = p->pile_size,
                  .lost = p->lost};
  begin(p);
}

void
vn_parser_free(VnParser *p)
{
  if (p == NULL)
    return;
  vn_lexer_clear(&p->lexer);
  vn_yypstate_delete(p->state);
  g_array_unref(p->lost);
  g_free(p->pile);
  g_free(p);
}

void
vn_parser_too_deep(VnParser *p, VnSpan span)
{
  if (!p->deep)
    vn_diag_add(p->sink, VN_DIAG_VN006, span, "nested more than %d deep", VN_PARSE_MAX_DEPTH);
  p->deep = TRUE;
  p->errors++;
}

gboolean
vn_parser_first_on_line(const VnParser *p, VnSpan span)
{
  const VnLexer *lexer = &p->lexer;
  VnPos from = MAX(p->previous_span.end, lexer->base);
  return p->previous_span.end < lexer->base ||
         memchr(lexer->source->text + (from - lexer->base), '\n', span.start - from) != NULL;
}

/* ---- tokens to the grammar ---- */

void
vn_parser_push(VnParser *p, int token, const VN_YYSTYPE *value, VnSpan span)
{
  p->failed = FALSE;
  if (p->stopped)
    return;
  if (vn_yypush_parse(p->state, token, value, &span, p) != YYPUSH_MORE)
    p->stopped = TRUE;
}

void
vn_parser_push_sign(VnParser *p, int token, VnSpan span)
{
  vn_parser_push(p, token, NULL, span);
}

static gboolean
is_word(int token)
{
  return token == VN_TOKEN_NAME || (token >= VN_TOKEN_EXPERIMENT && token <= VN_TOKEN_PROVIDES);
}

static const VnSymbol *
word_of(int token, const VN_YYSTYPE *value)
{
  return is_word(token) && value != NULL ? value->symbol : NULL;
}

static void
begin_statement(VnParser *p, int token, const VN_YYSTYPE *value, VnSpan span)
{
  p->statement_start = span.start;
  p->statement = token;
  p->statement_word = word_of(token, value);
  p->statement_name = VN_NO_IDENT;
  p->at_start = FALSE;
}

/* The word after the first one of a declaration: what is declared, most likely. */
static void
note_name(VnParser *p, int token, const VN_YYSTYPE *value, VnSpan span)
{
  if (p->previous == p->statement && p->statement_name.symbol == NULL)
    p->statement_name = vn_ident(word_of(token, value), span);
}

/* What is true between any two tokens, for the next one. */
static inline void
remember(VnParser *p, int token, const VN_YYSTYPE *value, VnSpan span, gboolean ends)
{
  if (p->at_start)
    begin_statement(p, token, value, span);
  else
    note_name(p, token, value, span);
  if (ends) {
    p->at_start = TRUE;
    p->lexer.complained = FALSE;
  }
  p->previous = token;
  p->previous_span = span;
}

static gboolean
block_is_innermost(const VnParser *p)
{
  const VnBracket *top = vn_parser_top_bracket(p);
  return top != NULL && top->block;
}

/* Follows what the token does to brackets. TRUE: after it a declaration or the like may begin. */
static inline gboolean
follow(VnParser *p, int token, VnSpan span)
{
  gboolean closes = token == VN_TOKEN_RBRACE && block_is_innermost(p);
  if (token >= VN_TOKEN_LPAREN && token <= VN_TOKEN_RBRACKET)
    vn_parser_follow_brackets(p, token, span);
  return closes || token == VN_TOKEN_SEMICOLON ||
         (token == VN_TOKEN_LBRACE && block_is_innermost(p));
}

static gboolean
would_take(VnParser *p, int token, int other)
{
  int tokens[VN_TOKEN_COUNT_MAX];
  int n = vn_yy_expected(p->state, tokens);
  gboolean takes = FALSE;
  for (int i = 0; i < n; i++) {
    if (tokens[i] == other)
      return FALSE;
    takes |= tokens[i] == token;
  }
  return takes;
}

/* A word first on its line that begins a declaration, where one may stand and `image` is not the
 * property. */
static gboolean
begins_next(const VnParser *p, int token, VnSpan span)
{
  return vn_parser_begins_declaration(token) && vn_parser_among_declarations(p) &&
         vn_parser_first_on_line(p, span) &&
         (token != VN_TOKEN_IMAGE ||
          (p->statement != VN_TOKEN_HOST && p->statement != VN_TOKEN_ROUTER));
}

/* Whether a declaration surely ended before this token, and only its `;` is missing. Asks the
 * grammar, which is slow, only where that is rare in right text. */
static gboolean
lacks_semicolon(VnParser *p, int token, VnSpan span)
{
  gboolean closes = token == VN_TOKEN_RBRACE && block_is_innermost(p);
  if (token != VN_TOKEN_END && !closes && !begins_next(p, token, span))
    return FALSE;
  return would_take(p, VN_TOKEN_SEMICOLON, token);
}

static void
put_in_semicolon(VnParser *p, int token)
{
  if (p->mode != VN_PARSE_PROMPT || token != VN_TOKEN_END)
    vn_parser_missing_semicolon(p);
  VnSpan end = {p->previous_span.end, p->previous_span.end};
  vn_parser_push_sign(p, VN_TOKEN_SEMICOLON, end);
  remember(p, VN_TOKEN_SEMICOLON, NULL, end, TRUE);
}

/* The grammar refused the token. */
static void
panic(VnParser *p, int token, const VN_YYSTYPE *value, VnSpan span)
{
  if (p->at_start)
    begin_statement(p, token, value, span);
  p->panic = TRUE;
  p->panic_blocks = p->blocks;
  if (!p->again)
    vn_parser_skip(p, token, value, span);
  else
    vn_parser_follow_brackets(p, token, span);
}

void
vn_parser_consume(VnParser *p, int token, const VN_YYSTYPE *value, VnSpan span)
{
  if (!p->at_start && lacks_semicolon(p, token, span))
    put_in_semicolon(p, token);
  vn_parser_push(p, token, value, span);
  if (G_LIKELY(!p->failed))
    remember(p, token, value, span, follow(p, token, span));
  else
    panic(p, token, value, span);
}

static void
take(VnParser *p, int token, const VN_YYSTYPE *value, VnSpan span)
{
  if (p->stopped || (token == VN_TOKEN_RBRACE && vn_parser_is_stray(p, span)))
    return;
  if (p->panic) {
    note_name(p, token, value, span);
    vn_parser_skip(p, token, value, span);
  } else
    vn_parser_consume(p, token, value, span);
}

void
vn_parser_feed(VnParser *p, const VnSource *source)
{
  VN_YYSTYPE value = {0};
  VnSpan span;
  VnLexer *lexer = &p->lexer;
  vn_lexer_open(lexer, source);
  while (!p->stopped && (lexer->previous = vn_yylex(&value, &span, lexer->scanner)) != VN_TOKEN_END)
    take(p, lexer->previous, &value, span);
  vn_lexer_close(lexer);
}

/* ---- the end, and questions before it ---- */

const VnAstFile *
vn_parser_finish(VnParser *p)
{
  VnSpan span = p->previous_span;
  if (p->lexer.source != NULL)
    vn_scan_place(&p->lexer, &span);
  take(p, VN_TOKEN_END, NULL, span);
  vn_parser_push_sign(p, 0, span);
  VnAstFile *file = vn_arena_new0(p->arena, VnAstFile);
  file->source = p->lexer.source;
  file->decls = p->decls;
  file->n_lost = p->lost->len;
  file->lost = vn_arena_memdup(p->arena, p->lost->data, file->n_lost * sizeof(VnIdent));
  file->n_comments = p->lexer.comments->len;
  file->comments =
      vn_arena_memdup(p->arena, p->lexer.comments->data, file->n_comments * sizeof(VnComment));
  return file;
}

/* Whether anything was wrong, also in the scanner's eyes. */
static gboolean
has_errors(const VnParser *p)
{
  return p->errors > 0 || vn_diag_sink_count(p->sink, VN_SEVERITY_ERROR) > p->errors_before;
}

const VnAst *
vn_parser_expression(const VnParser *p)
{
  return has_errors(p) ? NULL : p->expression;
}

VnInput
vn_parser_input(VnParser *p)
{
  if (p->lexer.open_ended)
    return p->errors == 0 ? VN_INPUT_OPEN : VN_INPUT_WRONG;
  if (has_errors(p))
    return VN_INPUT_WRONG;
  if (p->n_brackets > 0)
    return VN_INPUT_OPEN;
  if (p->at_start && (p->mode == VN_PARSE_FILE || p->mode == VN_PARSE_PROMPT))
    return VN_INPUT_COMPLETE;
  int last = p->mode == VN_PARSE_PROMPT ? VN_TOKEN_SEMICOLON : VN_TOKEN_END;
  return would_take(p, last, 0) ? VN_INPUT_COMPLETE : VN_INPUT_OPEN;
}

const char **
vn_parser_expected(VnParser *p, guint *out_flags)
{
  int tokens[VN_TOKEN_COUNT_MAX];
  int n = p->stopped || p->panic ? 0 : vn_yy_expected(p->state, tokens);
  return vn_expected_words(tokens, n, out_flags);
}

/* ---- whole texts ---- */

const VnAstFile *
vn_parse_file(const VnSource *source, VnArena *arena, VnSymbolTable *symbols, VnDiagSink *sink)
{
  g_autoptr(VnParser) p = vn_parser_new(VN_PARSE_FILE, arena, symbols, sink);
  vn_parser_feed(p, source);
  return vn_parser_finish(p);
}

const VnAst *
vn_parse_expression(const VnSource *source, VnArena *arena, VnSymbolTable *symbols,
                    VnDiagSink *sink)
{
  g_autoptr(VnParser) p = vn_parser_new(VN_PARSE_EXPRESSION, arena, symbols, sink);
  vn_parser_feed(p, source);
  vn_parser_finish(p);
  return vn_parser_expression(p);
}
