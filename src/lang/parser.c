/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The driver between scanner and grammar: feeds tokens one by one, and recovers from errors.
 *
 * Brackets are followed here, beside the grammar, each brace known as a block or a set. That is what
 * recovery needs. After the grammar refused a token (it then waits for RECOVER) tokens are skipped
 * up to the first of
 *   - a `;` in the block where the error was,
 *   - the `}` of a block that was skipped, or of the block where the error was,
 *   - a word that begins a declaration, first on its line,
 *   - the end.
 * A `;` that is only missing at the end of a declaration is reported and put in, so that the
 * declaration is kept. Past VN_PARSE_MAX_DEPTH open brackets reading stops. What the messages say
 * stands in syntax-error.c.
 */
#include "lang/parser.h"

#include <string.h>

#include "lang/scan.h"
#include "lang/state.h"
#include "lang/vnl.tab.h"

#define FIRST_PILE 256

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
  p->brackets = g_array_new(FALSE, FALSE, sizeof(VnBracket));
  p->state = vn_yypstate_new();
  p->errors_before = vn_diag_sink_count(sink, VN_SEVERITY_ERROR);
  p->at_start = TRUE;
  vn_lexer_init(&p->lexer, p);
  static const int starts[] = {[VN_PARSE_FILE] = VN_TOKEN_START_FILE,
                               [VN_PARSE_PROMPT] = VN_TOKEN_START_PROMPT,
                               [VN_PARSE_EXPRESSION] = VN_TOKEN_START_EXPRESSION};
  vn_yypush_parse(p->state, starts[mode], NULL, &p->previous_span, p);
  return p;
}

void
vn_parser_free(VnParser *p)
{
  if (p == NULL)
    return;
  vn_lexer_clear(&p->lexer);
  vn_yypstate_delete(p->state);
  g_array_unref(p->brackets);
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

/* ---- brackets ---- */

static VnBracket *
top_bracket(const VnParser *p)
{
  return p->brackets->len > 0 ? &g_array_index(p->brackets, VnBracket, p->brackets->len - 1) : NULL;
}

static void
drop_bracket(VnParser *p)
{
  p->blocks -= top_bracket(p)->block;
  g_array_set_size(p->brackets, p->brackets->len - 1);
}

static gboolean
begins_declaration(int token)
{
  return token >= VN_TOKEN_EXPERIMENT && token <= VN_TOKEN_SWEEP;
}

/* After an operand a brace opens a block; elsewhere a set. */
static gboolean
opens_block(const VnParser *p)
{
  switch (p->previous) {
  case VN_TOKEN_NAME:
  case VN_TOKEN_LITERAL:
  case VN_TOKEN_PREFIX:
  case VN_TOKEN_STRING:
  case VN_TOKEN_REGEX:
  case VN_TOKEN_TEXT_END:
  case VN_TOKEN_RPAREN:
  case VN_TOKEN_RBRACKET:
  case VN_TOKEN_RBRACE:
  case VN_TOKEN_TRUE:
  case VN_TOKEN_FALSE:
  case VN_TOKEN_ELSE:
    return TRUE;
  default:
    return p->previous >= VN_TOKEN_AT && p->previous <= VN_TOKEN_PROVIDES &&
           p->previous != VN_TOKEN_ON && p->previous != VN_TOKEN_JOINS;
  }
}

static void
open_bracket(VnParser *p, VnSpan span, char closer)
{
  VnBracket bracket = {.pos = span.start, .closer = closer};
  if (closer == '}') {
    bracket.block = opens_block(p);
    bracket.declarations = bracket.block && (p->statement == VN_TOKEN_FOR ||
                                             p->statement == VN_TOKEN_IF ||
                                             p->statement == VN_TOKEN_ELSE);
  }
  g_array_append_val(p->brackets, bracket);
  p->blocks += bracket.block;
  if (p->brackets->len > VN_PARSE_MAX_DEPTH) {
    vn_parser_too_deep(p, (VnSpan){span.start, span.start + 1});
    p->stopped = TRUE;
  }
}

/* Closes the nearest bracket of the kind, and what stands open above it. */
static void
close_bracket(VnParser *p, char closer)
{
  const VnBracket *top;
  while ((top = top_bracket(p)) != NULL) {
    gboolean found = top->closer == closer;
    drop_bracket(p);
    if (found)
      break;
  }
}

static void
follow_brackets(VnParser *p, int token, VnSpan span)
{
  switch (token) {
  case VN_TOKEN_LPAREN:
    open_bracket(p, span, ')');
    break;
  case VN_TOKEN_LBRACKET:
    open_bracket(p, span, ']');
    break;
  case VN_TOKEN_LBRACE:
    open_bracket(p, span, '}');
    break;
  case VN_TOKEN_RPAREN:
    close_bracket(p, ')');
    break;
  case VN_TOKEN_RBRACKET:
    close_bracket(p, ']');
    break;
  case VN_TOKEN_RBRACE:
    close_bracket(p, '}');
    break;
  default:
    break;
  }
}

static gboolean
brace_is_open(const VnParser *p)
{
  for (guint i = 0; i < p->brackets->len; i++)
    if (g_array_index(p->brackets, VnBracket, i).closer == '}')
      return TRUE;
  return FALSE;
}

/* Whether declarations stand directly in the innermost block. */
static gboolean
among_declarations(const VnParser *p)
{
  const VnBracket *top = top_bracket(p);
  return top == NULL || top->declarations;
}

/* The same, whatever brackets are open in the declaration that is being read. */
static gboolean
block_declares(const VnParser *p)
{
  for (guint i = p->brackets->len; i > 0; i--) {
    const VnBracket *bracket = &g_array_index(p->brackets, VnBracket, i - 1);
    if (bracket->block)
      return bracket->declarations;
  }
  return TRUE;
}

static gboolean
first_on_line(const VnParser *p, VnSpan span)
{
  const VnLexer *lexer = &p->lexer;
  VnPos from = MAX(p->previous_span.end, lexer->base);
  return p->previous_span.end < lexer->base ||
         memchr(lexer->source->text + (from - lexer->base), '\n', span.start - from) != NULL;
}

/* ---- tokens to the grammar ---- */

static void
push(VnParser *p, int token, const VN_YYSTYPE *value, VnSpan span)
{
  p->failed = FALSE;
  if (p->stopped)
    return;
  if (vn_yypush_parse(p->state, token, value, &span, p) != YYPUSH_MORE)
    p->stopped = TRUE;
}

static void
push_sign(VnParser *p, int token, VnSpan span)
{
  push(p, token, NULL, span);
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
begin_statement(VnParser *p, int token, const VN_YYSTYPE *value)
{
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
static void
remember(VnParser *p, int token, const VN_YYSTYPE *value, VnSpan span)
{
  if (p->at_start)
    begin_statement(p, token, value);
  else
    note_name(p, token, value, span);
  const VnBracket *top = top_bracket(p);
  if (token == VN_TOKEN_SEMICOLON || (token == VN_TOKEN_RBRACE && p->closed_block) ||
      (token == VN_TOKEN_LBRACE && top != NULL && top->block)) {
    p->at_start = TRUE;
    p->lexer.complained = FALSE;
  }
  p->previous = token;
  p->previous_span = span;
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

/* Whether a declaration surely ended before this token, and only its `;` is missing. Asks the
 * grammar, which is slow, only where that is rare in right text. */
static gboolean
lacks_semicolon(VnParser *p, int token, VnSpan span)
{
  if (G_LIKELY(p->at_start))
    return FALSE;
  const VnBracket *top = top_bracket(p);
  if (token == VN_TOKEN_END)
    ;
  else if (token == VN_TOKEN_RBRACE) {
    if (top == NULL || !top->block)
      return FALSE;
  } else if (!begins_declaration(token) || !among_declarations(p) || !first_on_line(p, span) ||
             (token == VN_TOKEN_IMAGE &&
              (p->statement == VN_TOKEN_HOST || p->statement == VN_TOKEN_ROUTER)))
    return FALSE;
  return would_take(p, VN_TOKEN_SEMICOLON, token);
}

static void
recover(VnParser *p)
{
  p->panic = FALSE;
  push_sign(p, VN_TOKEN_RECOVER, (VnSpan){p->previous_span.end, p->previous_span.end});
  p->at_start = TRUE;
  p->lexer.complained = FALSE;
}

static void consume(VnParser *p, int token, const VN_YYSTYPE *value, VnSpan span);

/* The token where reading goes on. If the grammar refuses it again it is only skipped. */
static void
consume_again(VnParser *p, int token, const VN_YYSTYPE *value, VnSpan span)
{
  p->again = TRUE;
  consume(p, token, value, span);
  p->again = FALSE;
}

/* The end was reached with an error or open blocks behind: closes them, so that the grammar can
 * finish what it has. */
static void
close_all(VnParser *p, VnSpan span)
{
  p->silent = TRUE;
  recover(p);
  for (guint left = p->blocks; left > 0 && !p->stopped; left--) {
    push_sign(p, VN_TOKEN_RBRACE, span);
    if (p->failed)
      push_sign(p, VN_TOKEN_RECOVER, span);
  }
  g_array_set_size(p->brackets, 0);
  p->blocks = 0;
  push_sign(p, VN_TOKEN_END, span);
}

/* Drops brackets that are no blocks: recovery takes them for closed. */
static void
forgive(VnParser *p)
{
  const VnBracket *top;
  while ((top = top_bracket(p)) != NULL && !top->block) {
    p->forgiven += top->closer == '}';
    drop_bracket(p);
  }
}

static void
push_name(VnParser *p, VnSpan span)
{
  VN_YYSTYPE value = {.symbol = p->statement_name.symbol};
  if (value.symbol == NULL)
    value.symbol = vn_symbol_intern_str(p->symbols, "_");
  push(p, VN_TOKEN_NAME, &value, p->statement_name.symbol != NULL ? p->statement_name.span : span);
}

/* The head of a declaration was wrong, and here its block begins: gives the grammar a head that is
 * right, so that mistakes in the block are found too. FALSE if no block belongs to it. */
static gboolean
repair_head(VnParser *p, VnSpan span)
{
  int head = p->statement;
  if (head == VN_TOKEN_NAME && p->statement_word != NULL && block_declares(p))
    head = vn_declaration_meant(p, p->statement_word);
  if (head != VN_TOKEN_ACTION && head != VN_TOKEN_FOR && head != VN_TOKEN_IF &&
      head != VN_TOKEN_IMAGE)
    return FALSE;
  VnIdent name = p->statement_name;
  forgive(p);
  recover(p);
  VN_YYSTYPE value = {.symbol = p->statement_word};
  push(p, head, &value, span);
  p->statement_name = name;
  if (head != VN_TOKEN_IF)
    push_name(p, span);
  if (head == VN_TOKEN_FOR)
    push(p, VN_TOKEN_IN, &value, span);
  if (head == VN_TOKEN_FOR || head == VN_TOKEN_IF)
    push_sign(p, VN_TOKEN_TRUE, span);
  if (head == VN_TOKEN_ACTION) {
    push_sign(p, VN_TOKEN_LPAREN, span);
    push_sign(p, VN_TOKEN_RPAREN, span);
  }
  p->statement = head;
  p->at_start = FALSE;
  return TRUE;
}

/* A `}` after an error. */
static void
skip_brace(VnParser *p, const VN_YYSTYPE *value, VnSpan span)
{
  while (top_bracket(p)->closer != '}')
    drop_bracket(p);
  gboolean block = top_bracket(p)->block;
  if (block && p->blocks == p->panic_blocks) {
    recover(p);
    consume_again(p, VN_TOKEN_RBRACE, value, span);
    return;
  }
  drop_bracket(p);
  if (block && p->blocks == p->panic_blocks)
    recover(p);
}

/* One token after an error. Inside a string with expressions nothing can begin anew. */
static void
skip(VnParser *p, int token, const VN_YYSTYPE *value, VnSpan span)
{
  gboolean in_place = p->blocks == p->panic_blocks && p->lexer.frames->len == 0;
  if (token == VN_TOKEN_END)
    close_all(p, span);
  else if (token == VN_TOKEN_SEMICOLON && in_place) {
    forgive(p);
    recover(p);
  } else if (token == VN_TOKEN_LBRACE) {
    if (in_place && opens_block(p) && repair_head(p, span))
      consume_again(p, token, value, span);
    else
      open_bracket(p, span, '}');
  } else if (token == VN_TOKEN_RBRACE) {
    if (brace_is_open(p))
      skip_brace(p, value, span);
  } else if (begins_declaration(token) && in_place && block_declares(p) &&
             first_on_line(p, span)) {
    forgive(p);
    recover(p);
    consume_again(p, token, value, span);
  }
}

static void
skip_noted(VnParser *p, int token, const VN_YYSTYPE *value, VnSpan span)
{
  skip(p, token, value, span);
  if (p->panic) {
    p->previous = token;
    p->previous_span = span;
  }
}

/* A `}` that closes nothing. */
static gboolean
is_stray(VnParser *p, int token, VnSpan span)
{
  if (token != VN_TOKEN_RBRACE || brace_is_open(p))
    return FALSE;
  if (p->forgiven > 0)
    p->forgiven--;
  else if (!p->panic) {
    vn_diag_add(p->sink, VN_DIAG_VN001, span, "`}` closes nothing");
    p->errors++;
  }
  return TRUE;
}

static void
consume(VnParser *p, int token, const VN_YYSTYPE *value, VnSpan span)
{
  if (lacks_semicolon(p, token, span)) {
    if (p->mode != VN_PARSE_PROMPT || token != VN_TOKEN_END)
      vn_parser_missing_semicolon(p);
    VnPos end = p->previous_span.end;
    push_sign(p, VN_TOKEN_SEMICOLON, (VnSpan){end, end});
    remember(p, VN_TOKEN_SEMICOLON, NULL, (VnSpan){end, end});
  }
  const VnBracket *top = top_bracket(p);
  p->closed_block = top != NULL && top->block;
  push(p, token, value, span);
  if (!p->failed) {
    follow_brackets(p, token, span);
    remember(p, token, value, span);
    return;
  }
  if (p->at_start)
    begin_statement(p, token, value);
  p->panic = TRUE;
  p->panic_blocks = p->blocks;
  if (!p->again)
    skip_noted(p, token, value, span);
  else
    follow_brackets(p, token, span);
}

static void
take(VnParser *p, int token, const VN_YYSTYPE *value, VnSpan span)
{
  if (p->stopped || is_stray(p, token, span))
    return;
  if (p->panic) {
    note_name(p, token, value, span);
    skip_noted(p, token, value, span);
  } else
    consume(p, token, value, span);
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
  push_sign(p, 0, span);
  VnAstFile *file = vn_arena_new0(p->arena, VnAstFile);
  file->source = p->lexer.source;
  file->decls = p->decls;
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
  if (p->brackets->len > 0)
    return VN_INPUT_OPEN;
  if (p->at_start && p->mode != VN_PARSE_EXPRESSION)
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
