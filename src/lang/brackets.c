/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The brackets that are open, each brace known as a block or a set. The grammar knows them too, but
 * can't be asked; recovery from errors needs them. */
#include "lang/drive.h"
#include "lang/vnl.tab.h"

void
vn_parser_drop_bracket(VnParser *p)
{
  p->blocks -= vn_parser_top_bracket(p)->block;
  p->n_brackets--;
}

/* After an operand a brace opens a block; elsewhere a set. */
gboolean
vn_parser_opens_block(const VnParser *p)
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

void
vn_parser_open_bracket(VnParser *p, VnSpan span, char closer)
{
  VnBracket bracket = {.pos = span.start, .closer = closer};
  if (closer == '}') {
    bracket.block = vn_parser_opens_block(p);
    bracket.declarations =
        bracket.block && (p->statement == VN_TOKEN_FOR || p->statement == VN_TOKEN_IF ||
                          p->statement == VN_TOKEN_ELSE);
  }
  g_assert(p->n_brackets < G_N_ELEMENTS(p->brackets));
  p->brackets[p->n_brackets++] = bracket;
  p->blocks += bracket.block;
  if (p->n_brackets > VN_PARSE_MAX_DEPTH) {
    vn_parser_too_deep(p, (VnSpan){span.start, span.start + 1});
    p->stopped = TRUE;
  }
}

/* Closes the nearest bracket of the kind, and what stands open above it. */
static void
close_bracket(VnParser *p, char closer)
{
  const VnBracket *top;
  while ((top = vn_parser_top_bracket(p)) != NULL) {
    gboolean found = top->closer == closer;
    vn_parser_drop_bracket(p);
    if (found)
      break;
  }
}

void
vn_parser_follow_brackets(VnParser *p, int token, VnSpan span)
{
  switch (token) {
  case VN_TOKEN_LPAREN:
    vn_parser_open_bracket(p, span, ')');
    break;
  case VN_TOKEN_LBRACKET:
    vn_parser_open_bracket(p, span, ']');
    break;
  case VN_TOKEN_LBRACE:
    vn_parser_open_bracket(p, span, '}');
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

gboolean
vn_parser_brace_is_open(const VnParser *p)
{
  for (guint i = 0; i < p->n_brackets; i++)
    if (p->brackets[i].closer == '}')
      return TRUE;
  return FALSE;
}

/* Whether declarations stand directly in the innermost block. */
gboolean
vn_parser_among_declarations(const VnParser *p)
{
  const VnBracket *top = vn_parser_top_bracket(p);
  return top == NULL || top->declarations;
}

/* The same, whatever brackets are open in the declaration that is being read. */
gboolean
vn_parser_block_declares(const VnParser *p)
{
  for (guint i = p->n_brackets; i > 0; i--) {
    const VnBracket *bracket = &p->brackets[i - 1];
    if (bracket->block)
      return bracket->declarations;
  }
  return TRUE;
}
