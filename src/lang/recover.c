/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Going on after a syntax error. The grammar waits for RECOVER; tokens are skipped up to the first
 * of
 *   - a `;` in the block where the error was,
 *   - the `{` of a block whose head was wrong: a right head is made up, so that the block is read,
 *   - the `}` of a block that was skipped, or of the block where the error was,
 *   - a word that begins a declaration, first on its line,
 *   - the end.
 */
#include <string.h>

#include "lang/drive.h"
#include "lang/vnl.tab.h"

/* What the statement's first word was, or was meant to be. */
static int
statement_meant(VnParser *p)
{
  if (p->statement != VN_TOKEN_NAME || p->statement_word == NULL || !vn_parser_block_declares(p))
    return p->statement;
  return vn_declaration_meant(p, p->statement_word);
}

/* The words before a `:` in the head of an action: its parameters. */
static void
note_lost_parameters(VnParser *p)
{
  VnPos base = p->lexer.base;
  const char *text = p->lexer.source->text;
  for (VnPos pos = MAX(p->statement_start, base); pos < p->previous_span.end;) {
    const char *word = text + (pos - base);
    gsize length = 0;
    while (g_ascii_isalnum(word[length]) || word[length] == '_')
      length++;
    if (length > 0 && word[length + strspn(word + length, " \t")] == ':') {
      VnIdent ident = {vn_symbol_intern(p->symbols, word, length), {pos, pos + (VnPos)length}};
      g_array_append_val(p->lost, ident);
    }
    pos += (VnPos)MAX(length, 1);
  }
}

/* Names that will not be declared because the statement is given up. */
static void
note_lost(VnParser *p)
{
  if (!p->panic || !vn_parser_block_declares(p))
    return;
  if (p->statement_name.symbol != NULL)
    g_array_append_val(p->lost, p->statement_name);
  if (statement_meant(p) == VN_TOKEN_ACTION)
    note_lost_parameters(p);
}

static void
recover(VnParser *p)
{
  note_lost(p);
  p->panic = FALSE;
  vn_parser_push_sign(p, VN_TOKEN_RECOVER, (VnSpan){p->previous_span.end, p->previous_span.end});
  p->at_start = TRUE;
  p->lexer.complained = FALSE;
}

/* The token where reading goes on. If the grammar refuses it again it is only skipped. */
static void
consume_again(VnParser *p, int token, const VN_YYSTYPE *value, VnSpan span)
{
  p->again = TRUE;
  vn_parser_consume(p, token, value, span);
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
    vn_parser_push_sign(p, VN_TOKEN_RBRACE, span);
    if (p->failed)
      vn_parser_push_sign(p, VN_TOKEN_RECOVER, span);
  }
  p->n_brackets = 0;
  p->blocks = 0;
  vn_parser_push_sign(p, VN_TOKEN_END, span);
}

/* Drops brackets that are no blocks: recovery takes them for closed. */
static void
forgive(VnParser *p)
{
  const VnBracket *top;
  while ((top = vn_parser_top_bracket(p)) != NULL && !top->block) {
    p->forgiven += top->closer == '}';
    vn_parser_drop_bracket(p);
  }
}

static void
push_name(VnParser *p, VnSpan span)
{
  VN_YYSTYPE value = {.symbol = p->statement_name.symbol};
  if (value.symbol == NULL)
    value.symbol = vn_symbol_intern_str(p->symbols, "_");
  vn_parser_push(p, VN_TOKEN_NAME, &value,
                 p->statement_name.symbol != NULL ? p->statement_name.span : span);
}

/* in 1..1 */
static void
push_range(VnParser *p, VnSpan span)
{
  VnAstInt *one = NEW(p, VnAstInt, INT, span, 1);
  one->value = 1;
  VN_YYSTYPE value = {.node = &one->ast};
  vn_parser_push_sign(p, VN_TOKEN_IN, span);
  vn_parser_push(p, VN_TOKEN_LITERAL, &value, span);
  vn_parser_push_sign(p, VN_TOKEN_DOTDOT, span);
  vn_parser_push(p, VN_TOKEN_LITERAL, &value, span);
}

/* The head of a declaration was wrong, and here its block begins: gives the grammar a head that is
 * right, so that mistakes in the block are found too. FALSE if no block belongs to it. */
static gboolean
repair_head(VnParser *p, VnSpan span)
{
  int head = statement_meant(p);
  if (head != VN_TOKEN_ACTION && head != VN_TOKEN_FOR && head != VN_TOKEN_IF &&
      head != VN_TOKEN_IMAGE)
    return FALSE;
  VnIdent name = p->statement_name;
  forgive(p);
  recover(p);
  VN_YYSTYPE value = {.symbol = p->statement_word};
  vn_parser_push(p, head, &value, span);
  p->statement_name = name;
  if (head != VN_TOKEN_IF)
    push_name(p, span);
  if (head == VN_TOKEN_FOR)
    push_range(p, span);
  if (head == VN_TOKEN_IF)
    vn_parser_push_sign(p, VN_TOKEN_TRUE, span);
  if (head == VN_TOKEN_ACTION) {
    p->made_up = span.start;
    vn_parser_push_sign(p, VN_TOKEN_LPAREN, span);
    vn_parser_push_sign(p, VN_TOKEN_RPAREN, span);
  }
  p->statement = head;
  p->at_start = FALSE;
  return TRUE;
}

/* A `}` after an error. */
static void
skip_brace(VnParser *p, const VN_YYSTYPE *value, VnSpan span)
{
  while (vn_parser_top_bracket(p)->closer != '}')
    vn_parser_drop_bracket(p);
  gboolean block = vn_parser_top_bracket(p)->block;
  if (block && p->blocks == p->panic_blocks) {
    recover(p);
    consume_again(p, VN_TOKEN_RBRACE, value, span);
    return;
  }
  vn_parser_drop_bracket(p);
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
    if (in_place && vn_parser_opens_block(p) && repair_head(p, span))
      consume_again(p, token, value, span);
    else
      vn_parser_open_bracket(p, span, '}');
  } else if (token == VN_TOKEN_RBRACE) {
    if (vn_parser_brace_is_open(p))
      skip_brace(p, value, span);
  } else if (vn_parser_begins_declaration(token) && in_place && vn_parser_block_declares(p) &&
             vn_parser_first_on_line(p, span)) {
    forgive(p);
    recover(p);
    consume_again(p, token, value, span);
  }
}

void
vn_parser_skip(VnParser *p, int token, const VN_YYSTYPE *value, VnSpan span)
{
  skip(p, token, value, span);
  if (p->panic) {
    p->previous = token;
    p->previous_span = span;
  }
}

/* A `}` that closes nothing. */
gboolean
vn_parser_is_stray(VnParser *p, VnSpan span)
{
  if (vn_parser_brace_is_open(p))
    return FALSE;
  if (p->forgiven > 0)
    p->forgiven--;
  else if (!p->panic) {
    vn_diag_add(p->sink, VN_DIAG_VN001, span, "`}` closes nothing");
    p->errors++;
  }
  return TRUE;
}
