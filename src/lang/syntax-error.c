/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is said about a token that the grammar refused.
 *
 * The grammar names some dozens of tokens that it would have taken; people want a few words. So
 * tokens are gathered into what they begin (an expression, a property …), signs that merely
 * continue an expression are left out, and the rest is named. Then a hint: a word that was probably
 * meant, or one of the mistakes that newcomers make.
 */
#include <string.h>

#include "lang/scan.h"
#include "lang/state.h"

#define MOST_NAMED    6  /* expectations in one message */
#define LONGEST_TOKEN 32 /* bytes of source quoted */

/* ---- the text of tokens ---- */

/* The source text of a token, shortened, in backticks. */
static char *
quote(const VnParser *p, int token, VnSpan span)
{
  const VnSource *source = p->lexer.source;
  if (source == NULL || span.start < source->base || span.start >= span.end)
    return g_strdup("the end");
  if (token == VN_TOKEN_TEXT_END || token == VN_TOKEN_TEXT_MIDDLE)
    return g_strdup(p->failed ? "`}`" : "the string");
  const char *text = source->text + (span.start - source->base);
  gsize length = span.end - span.start;
  const char *line_end = memchr(text, '\n', length);
  gsize shown = line_end != NULL ? (gsize)(line_end - text) : length;
  if (shown > LONGEST_TOKEN) {
    shown = LONGEST_TOKEN;
    while (shown > 0 && ((guchar)text[shown] & 0xC0) == 0x80)
      shown--;
  }
  return g_strdup_printf("`%.*s%s`", (int)shown, text, shown < length ? "…" : "");
}

/* ---- what was expected ---- */

typedef struct {
  gboolean has[VN_TOKEN_COUNT_MAX];
  const char *named[VN_TOKEN_COUNT_MAX];
  guint n_named;
} Expected;

static void
name_it(Expected *e, const char *text)
{
  e->named[e->n_named++] = text;
}

/* If all tokens of a class are expected they are one thing; they are taken out. */
static gboolean
gather(Expected *e, const int *tokens, guint n)
{
  for (guint i = 0; i < n; i++)
    if (!e->has[tokens[i]])
      return FALSE;
  for (guint i = 0; i < n; i++)
    e->has[tokens[i]] = FALSE;
  return TRUE;
}

static void
drop_range(Expected *e, int first, int last)
{
  for (int token = first; token <= last; token++)
    e->has[token] = FALSE;
}

/* Whether any word may stand as a name; then single words are not worth naming. */
static gboolean
gather_names(Expected *e)
{
  if (!e->has[VN_TOKEN_NAME] || !e->has[VN_TOKEN_BACKGROUND] || !e->has[VN_TOKEN_EVERY])
    return FALSE;
  e->has[VN_TOKEN_NAME] = FALSE;
  drop_range(e, VN_TOKEN_AT, VN_TOKEN_PROVIDES);
  return TRUE;
}

static const int declaration_tokens[] = {VN_TOKEN_EXPERIMENT, VN_TOKEN_HOST, VN_TOKEN_SWEEP};
static const int expression_tokens[] = {VN_TOKEN_LITERAL, VN_TOKEN_STRING, VN_TOKEN_LBRACE};
static const int operator_tokens[] = {VN_TOKEN_PLUS, VN_TOKEN_STAR};
static const int property_tokens[] = {VN_TOKEN_HOST_VALUE, VN_TOKEN_HOST_PAIR};
static const int segment_tokens[] = {VN_TOKEN_SEGMENT_VALUE, VN_TOKEN_CAPTURE};
static const int clause_tokens[] = {VN_TOKEN_AFTER, VN_TOKEN_TASK_VALUE, VN_TOKEN_RETRY};
static const int line_tokens[] = {VN_TOKEN_RUN, VN_TOKEN_REQUIRES, VN_TOKEN_NATIVE};
#define GATHER(e, tokens) gather((e), (tokens), G_N_ELEMENTS(tokens))

static void
drop_operators(Expected *e)
{
  static const int tokens[] = {
      VN_TOKEN_MINUS, VN_TOKEN_SLASH,    VN_TOKEN_PERCENT_SIGN, VN_TOKEN_BAR, VN_TOKEN_AMPERSAND,
      VN_TOKEN_LT,    VN_TOKEN_GT,       VN_TOKEN_LE,           VN_TOKEN_GE,  VN_TOKEN_EQ,
      VN_TOKEN_NE,    VN_TOKEN_DOTDOT,   VN_TOKEN_AND,          VN_TOKEN_OR,  VN_TOKEN_IN,
      VN_TOKEN_DOT,   VN_TOKEN_LBRACKET, VN_TOKEN_LPAREN};
  for (guint i = 0; i < G_N_ELEMENTS(tokens); i++)
    e->has[tokens[i]] = FALSE;
}

static void
drop_expression(Expected *e)
{
  static const int tokens[] = {VN_TOKEN_PREFIX, VN_TOKEN_REGEX,    VN_TOKEN_TEXT_BEGIN,
                               VN_TOKEN_TRUE,   VN_TOKEN_FALSE,    VN_TOKEN_LPAREN,
                               VN_TOKEN_MINUS,  VN_TOKEN_LBRACKET, VN_TOKEN_NOT};
  for (guint i = 0; i < G_N_ELEMENTS(tokens); i++)
    e->has[tokens[i]] = FALSE;
}

/* Things that begin with one of many tokens. */
static void
name_classes(Expected *e)
{
  gboolean names = gather_names(e), expression = GATHER(e, expression_tokens);
  gboolean operators = GATHER(e, operator_tokens);
  if (GATHER(e, declaration_tokens)) {
    drop_range(e, VN_TOKEN_EXPERIMENT, VN_TOKEN_SWEEP);
    if (names && !expression) {
      drop_range(e, VN_TOKEN_IN, VN_TOKEN_PARSE);
      name_it(e, "a key");
      names = FALSE;
    } else
      name_it(e, "a declaration");
  }
  if (e->has[VN_TOKEN_HOST] && e->has[VN_TOKEN_SITE]) {
    drop_range(e, VN_TOKEN_EXPERIMENT, VN_TOKEN_SWEEP);
    name_it(e, "a type");
    names = FALSE;
  }
  if (GATHER(e, property_tokens)) {
    drop_range(e, VN_TOKEN_HOST_VALUE, VN_TOKEN_HOST_WORD);
    e->has[VN_TOKEN_IMAGE] = FALSE;
    name_it(e, "a property");
  }
  if (GATHER(e, segment_tokens))
    name_it(e, "a property");
  if (GATHER(e, clause_tokens)) {
    drop_range(e, VN_TOKEN_TASK_VALUE, VN_TOKEN_RETRY);
    e->has[VN_TOKEN_WHEN] = e->has[VN_TOKEN_ALWAYS] = FALSE;
    name_it(e, "a clause");
  }
  if (GATHER(e, line_tokens)) {
    drop_range(e, VN_TOKEN_AT, VN_TOKEN_PROVIDES);
    e->has[VN_TOKEN_NAME] = e->has[VN_TOKEN_FOR] = e->has[VN_TOKEN_SCRIPT] = FALSE;
    name_it(e, "a line of an action");
  }
  if (expression) {
    drop_expression(e);
    name_it(e, "an expression");
  } else if (names)
    name_it(e, "a name");
  if (operators)
    drop_operators(e);
}

static const char *
token_text(int token)
{
  switch (token) {
  case VN_TOKEN_NAME:
    return "a name";
  case VN_TOKEN_LITERAL:
    return "a value";
  case VN_TOKEN_PREFIX:
    return "a prefix";
  case VN_TOKEN_STRING:
  case VN_TOKEN_TEXT_BEGIN:
    return "a string";
  case VN_TOKEN_REGEX:
    return "a regular expression";
  case VN_TOKEN_TEXT_END:
    return "`}`";
  default:
    return NULL;
  }
}

/* The word of a token that stands for one word; of a class, NULL. */
static const char *
word_of(int token)
{
  gsize n;
  const VnWord *words = vn_words(&n);
  const char *found = NULL;
  for (gsize i = 0; i < n; i++)
    if (words[i].token == token) {
      if (found != NULL)
        return NULL;
      found = words[i].text;
    }
  return found;
}

static void
classify(Expected *e, const int *tokens, int n)
{
  for (int i = 0; i < n; i++)
    e->has[tokens[i]] = TRUE;
  e->has[VN_TOKEN_RECOVER] = e->has[0] = e->has[VN_TOKEN_TEXT_MIDDLE] = FALSE;
  if (e->has[VN_TOKEN_END] && n > 1)
    e->has[VN_TOKEN_END] = FALSE;
  if (e->has[VN_TOKEN_STRING]) /* both are strings to people */
    e->has[VN_TOKEN_TEXT_BEGIN] = FALSE;
}

static void
append_expected(GString *out, const char *const *texts, guint n)
{
  for (guint i = 0; i < n; i++)
    g_string_append_printf(out, "%s%s", i == 0 ? "" : i + 1 == n ? " or " : ", ", texts[i]);
}

/* Adds the tokens from first up to last that are still expected, each by itself. */
static guint
name_tokens(const Expected *e, int first, int last, const char **texts, guint n, GPtrArray *owned)
{
  for (int token = first; token < last; token++) {
    const char *text = e->has[token] ? token_text(token) : NULL;
    const char *word = e->has[token] && text == NULL ? word_of(token) : NULL;
    if (!e->has[token] || (text == NULL && word == NULL && token < VN_TOKEN_SEMICOLON))
      continue; /* a class of too many words */
    if (text == NULL) {
      text = g_strdup_printf("`%s`", word != NULL ? word : vn_yy_token_name(token));
      g_ptr_array_add(owned, (gpointer)text);
    }
    texts[n++] = text;
  }
  return n;
}

/* "`;` or a property" */
static char *
describe_expected(const int *tokens, int n)
{
  Expected e = {0};
  classify(&e, tokens, n);
  name_classes(&e);
  g_autoptr(GPtrArray) owned = g_ptr_array_new_with_free_func(g_free);
  const char *texts[2 * VN_TOKEN_COUNT_MAX];
  guint n_texts = name_tokens(&e, VN_TOKEN_SEMICOLON, VN_TOKEN_COUNT_MAX, texts, 0, owned);
  n_texts = name_tokens(&e, VN_TOKEN_NAME, VN_TOKEN_SEMICOLON, texts, n_texts, owned);
  for (guint i = 0; i < e.n_named; i++)
    texts[n_texts++] = e.named[i];
  if (n_texts == 0)
    return g_strdup(n == 1 && tokens[0] == VN_TOKEN_END ? "the end" : "something else");
  GString *out = g_string_new(NULL);
  append_expected(out, texts, MIN(n_texts, MOST_NAMED));
  return g_string_free(out, FALSE);
}

/* ---- hints ---- */

static gboolean
expects(const int *tokens, int n, int token)
{
  for (int i = 0; i < n; i++)
    if (tokens[i] == token)
      return TRUE;
  return FALSE;
}

/* The word nearest to what stands there among those that may stand there. Words of two letters
 * (`in`, `or`) are near to everything: not where an expression might go on. */
static const char *
word_meant(const VnParser *p, VnSpan span, const int *tokens, int n)
{
  const char *candidates[256];
  gsize n_words, n_candidates = 0;
  gsize shortest = expects(tokens, n, VN_TOKEN_PLUS) ? 3 : 1;
  const VnWord *words = vn_words(&n_words);
  for (gsize i = 0; i < n_words && n_candidates < G_N_ELEMENTS(candidates); i++)
    if (expects(tokens, n, words[i].token) && strlen(words[i].text) >= shortest)
      candidates[n_candidates++] = words[i].text;
  g_autofree char *text =
      g_strndup(p->lexer.source->text + (span.start - p->lexer.base), span.end - span.start);
  return vn_diag_nearest(text, candidates, n_candidates);
}

static gboolean
is_comparison(int token)
{
  return token == VN_TOKEN_LT || token == VN_TOKEN_GT || token == VN_TOKEN_LE ||
         token == VN_TOKEN_GE || token == VN_TOKEN_EQ || token == VN_TOKEN_NE;
}

static gboolean
is_reserved(int token)
{
  return token >= VN_TOKEN_EXPERIMENT && token <= VN_TOKEN_PARSE;
}

/* `10%3`: the token before is a percentage. */
static gboolean
ends_in_percent(const VnParser *p)
{
  return p->previous == VN_TOKEN_LITERAL && p->previous_span.start >= p->lexer.base &&
         p->lexer.source->text[p->previous_span.end - 1 - p->lexer.base] == '%';
}

/* Mistakes that many make. NULL if it is none of them. */
static const char *
hint_for(const VnParser *p, int token, const int *tokens, int n)
{
  gboolean operators = expects(tokens, n, VN_TOKEN_PLUS);
  if (token == VN_TOKEN_GE && expects(tokens, n, VN_TOKEN_GT) && !operators)
    return "put a space between `>` and `=`";
  if (token == VN_TOKEN_ASSIGN && expects(tokens, n, VN_TOKEN_EQ))
    return "to compare, write `==`";
  if (is_comparison(token) && operators && !expects(tokens, n, token))
    return "comparisons don't chain: write `a < b and b < c`";
  if (token == VN_TOKEN_DOTDOT && operators && !expects(tokens, n, token))
    return "ranges don't chain";
  if (p->previous == VN_TOKEN_IN && expects(tokens, n, VN_TOKEN_NAME) &&
      !expects(tokens, n, VN_TOKEN_LITERAL))
    return "in an expression `in` only converts to a unit, as in `delay in ms`";
  if (ends_in_percent(p) && expects(tokens, n, VN_TOKEN_STAR))
    return "`%` right after a number is percent: put a space before it to divide with remainder";
  if (token == VN_TOKEN_SEMICOLON && p->previous == VN_TOKEN_RBRACE && p->at_start)
    return "after the `}` of a block no `;` is wanted";
  if (token == VN_TOKEN_ELSE)
    return "`else` follows the `}` of an `if`";
  return NULL;
}

static gboolean
is_word(int token)
{
  return token >= VN_TOKEN_NAME && token <= VN_TOKEN_PROVIDES && token != VN_TOKEN_LITERAL &&
         token != VN_TOKEN_PREFIX && token != VN_TOKEN_STRING && token != VN_TOKEN_REGEX &&
         token != VN_TOKEN_TEXT_BEGIN && token != VN_TOKEN_TEXT_MIDDLE &&
         token != VN_TOKEN_TEXT_END;
}

/* `requirse x on;`: a line of an action that begins with a name was read as that of a system. */
static const char *
line_meant(const VnParser *p, const int *tokens, int n)
{
  static const int lines[] = {VN_TOKEN_RUN,          VN_TOKEN_SCRIPT,   VN_TOKEN_NATIVE,
                              VN_TOKEN_REQUIRES,     VN_TOKEN_PROVIDES, VN_TOKEN_READY,
                              VN_TOKEN_ACTION_VALUE, VN_TOKEN_SUCCEEDS, VN_TOKEN_FOR};
  if (p->previous != VN_TOKEN_NAME || p->statement != VN_TOKEN_NAME ||
      !expects(tokens, n, VN_TOKEN_NATIVE) || p->previous_span.start < p->lexer.base)
    return NULL;
  return word_meant(p, p->previous_span, lines, G_N_ELEMENTS(lines));
}

static void
add_hint(VnParser *p, VnDiag *diag, int token, VnSpan span, const int *tokens, int n)
{
  if (is_reserved(token) && expects(tokens, n, VN_TOKEN_NAME)) {
    vn_diag_hint(diag, "it is a word of the language: choose another name");
    return;
  }
  const char *hint = hint_for(p, token, tokens, n);
  const char *word = is_word(token) ? word_meant(p, span, tokens, n) : NULL;
  const char *line = line_meant(p, tokens, n);
  if (word != NULL)
    vn_diag_hint(diag, "did you mean `%s`?", word);
  else if (line != NULL)
    vn_diag_hint(diag, "did you mean `%s` at the beginning of the line?", line);
  else if (hint != NULL)
    vn_diag_hint(diag, "%s", hint);
}

/* ---- the reports ---- */

/* Where the innermost bracket was opened, if what closes it is expected and it is not near. */
static void
add_opening(VnParser *p, VnDiag *diag, VnSpan span, const int *tokens, int n)
{
  if (p->n_brackets == 0)
    return;
  VnBracket top = p->brackets[p->n_brackets - 1];
  int closer = top.closer == ')'   ? VN_TOKEN_RPAREN
               : top.closer == ']' ? VN_TOKEN_RBRACKET
                                   : VN_TOKEN_RBRACE;
  if (!expects(tokens, n, closer) || top.pos < p->lexer.base)
    return;
  const char *from = p->lexer.source->text + (top.pos - p->lexer.base);
  if (memchr(from, '\n', span.start - top.pos) != NULL)
    vn_diag_place(diag, (VnSpan){top.pos, top.pos + 1}, "opened here");
}

/* " after `x`", when the token before is there to be shown and says something. */
static char *
after_what(const VnParser *p)
{
  if (p->at_start || p->previous == 0 || p->previous_span.start < p->lexer.base)
    return g_strdup("");
  g_autofree char *before = quote(p, p->previous, p->previous_span);
  return g_strdup_printf(" after %s", before);
}

/* Right behind the token before, if there is one. */
static VnSpan
behind(const VnParser *p, VnSpan span)
{
  VnPos end = p->previous_span.end;
  return end > p->lexer.base ? (VnSpan){end, end} : span;
}

static VnDiag *
report_end(VnParser *p, VnSpan span, const char *wanted, const char *after, gboolean block)
{
  if (block)
    return vn_diag_add(p->sink, VN_DIAG_VN004, span,
                       "the text ends before its last block is closed: expected %s", wanted);
  return vn_diag_add(p->sink, VN_DIAG_VN001, span, "expected %s%s, but the text ends", wanted,
                     after);
}

/* Past what a sink keeps, errors are only counted. */
gboolean
vn_parser_reports(const VnParser *p)
{
  return !p->silent && !p->lexer.complained && p->errors < VN_DIAG_MAX_KEPT;
}

void
vn_parser_syntax_error(VnParser *p, int token, VnSpan span, const int *expected, int n)
{
  g_autofree char *after = after_what(p);
  gboolean reports = vn_parser_reports(p);
  p->failed = TRUE;
  p->errors++;
  if (!reports) {
    if (!p->silent && !p->lexer.complained)
      vn_diag_add(p->sink, VN_DIAG_VN001, span, "one syntax error of many");
    return;
  }
  g_autofree char *wanted = describe_expected(expected, n);
  VnDiag *diag;
  if (token == VN_TOKEN_END) {
    span = behind(p, span);
    gboolean block = expects(expected, n, VN_TOKEN_RBRACE) && p->blocks > 0;
    diag = report_end(p, span, wanted, after, block);
  } else {
    g_autofree char *found = quote(p, token, span);
    diag = vn_diag_add(p->sink, VN_DIAG_VN001, span, "expected %s%s, not %s", wanted, after, found);
    add_hint(p, diag, token, span, expected, n);
  }
  if (token == VN_TOKEN_END || token == VN_TOKEN_SEMICOLON || token == VN_TOKEN_RPAREN ||
      token == VN_TOKEN_RBRACKET || token == VN_TOKEN_RBRACE)
    add_opening(p, diag, span, expected, n);
}

void
vn_parser_missing_semicolon(VnParser *p)
{
  p->errors++;
  if (p->lexer.complained)
    return;
  g_autofree char *before = quote(p, p->previous, p->previous_span);
  vn_diag_add(p->sink, VN_DIAG_VN001, behind(p, p->previous_span), "expected `;` after %s", before);
}

int
vn_declaration_meant(VnParser *p, const VnSymbol *word)
{
  const char *candidates[VN_TOKEN_SWEEP + 1];
  gsize n_words, n = 0;
  const VnWord *words = vn_words(&n_words);
  for (gsize i = 0; i < n_words; i++)
    if (words[i].declares)
      candidates[n++] = words[i].text;
  const char *nearest = vn_diag_nearest(word->text, candidates, n);
  if (nearest == NULL)
    return 0;
  return vn_word_find(&p->words, vn_symbol_intern_str(p->symbols, nearest))->token;
}

/* ---- completion ---- */

const char **
vn_expected_words(const int *tokens, int n, guint *out_flags)
{
  Expected e = {0};
  classify(&e, tokens, n);
  gboolean names = e.has[VN_TOKEN_NAME];
  gboolean expression = e.has[VN_TOKEN_LITERAL];
  *out_flags = (names ? VN_EXPECT_NAME : 0u) | (expression ? VN_EXPECT_EXPRESSION : 0u) |
               (e.has[VN_TOKEN_STRING] ? VN_EXPECT_STRING : 0u);
  gather_names(&e);
  GPtrArray *out = g_ptr_array_new();
  gsize n_words;
  const VnWord *words = vn_words(&n_words);
  for (gsize i = 0; i < n_words; i++)
    if (e.has[words[i].token])
      g_ptr_array_add(out, (gpointer)words[i].text);
  for (int token = VN_TOKEN_SEMICOLON; token < VN_TOKEN_COUNT_MAX; token++)
    if (e.has[token])
      g_ptr_array_add(out, (gpointer)vn_yy_token_name(token));
  g_ptr_array_add(out, NULL);
  return (const char **)g_ptr_array_free(out, FALSE);
}
