/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Words, strings, regexes and comments, and what the scanner has to complain about. */
#include "lang/scan.h"

#include <string.h>

void
vn_scan_place(VnLexer *lexer, VnSpan *span)
{
  span->start = span->end = lexer->base + lexer->source->size;
}

int
vn_scan_word(VnLexer *lexer, VN_YYSTYPE *value, const char *text, gsize length)
{
  const VnSymbol *symbol = vn_symbol_intern(lexer->symbols, text, length);
  value->symbol = symbol;
  const VnWord *word = vn_word_find(lexer->words, symbol);
  if (word == NULL || lexer->previous == VN_TOKEN_DOT)
    return VN_TOKEN_NAME;
  return word->token;
}

/* ---- comments ---- */

void
vn_scan_comment(VnLexer *lexer, const VnSpan *span)
{
  VnComment comment = {*span};
  if (comment.span.end > comment.span.start &&
      lexer->source->text[comment.span.end - 1 - lexer->base] == '\r')
    comment.span.end--;
  g_array_append_val(lexer->comments, comment);
}

void
vn_scan_byte_order_mark(VnLexer *lexer, const VnSpan *span)
{
  if (span->start != lexer->base)
    vn_diag_add(lexer->sink, VN_DIAG_VN003, *span, "a byte order mark inside the text");
}

/* ---- strings ---- */

static const VnAst *
build_string(VnLexer *lexer, VnAstKind kind, VnSpan span, VnStringForm form, const char *text,
             gsize length)
{
  VnAstString *node = vn_arena_new0(lexer->arena, VnAstString);
  node->ast = (VnAst){kind, 1, span};
  node->form = form;
  node->text = vn_arena_strndup(lexer->arena, text, length);
  node->length = length;
  return &node->ast;
}

int
vn_scan_string(VnLexer *lexer, VN_YYSTYPE *value, VnSpan span, VnStringForm form, const char *text,
               gsize length)
{
  value->node = build_string(lexer, VN_AST_STRING, span, form, text, length);
  return VN_TOKEN_STRING;
}

gboolean
vn_scan_string_begin(VnLexer *lexer, const VnSpan *span, VnStringForm form)
{
  lexer->string = (VnStringFrame){.form = form, .start = span->start, .opening = span->start};
  g_string_truncate(lexer->text, 0);
  return lexer->previous == VN_TOKEN_SCRIPT;
}

static guint
leading_blanks(const char *line)
{
  return (guint)strspn(line, " \t");
}

/* The least indent of the lines of a multi-line string, from its first line end to its quotes.
 * Empty lines don't count, that of the closing quotes does. */
static guint
common_indent(const char *text)
{
  const char *end = strstr(text, "\"\"\"");
  guint indent = G_MAXUINT;
  for (const char *line = strchr(text, '\n'); line != NULL && (end == NULL || line < end);
       line = strchr(line, '\n')) {
    line++;
    guint blanks = leading_blanks(line);
    if (line[blanks] != '\n' && line[blanks] != '\r' && line[blanks] != '\0')
      indent = MIN(indent, blanks);
  }
  return indent == G_MAXUINT ? 0 : indent;
}

static const char *
source_at(const VnLexer *lexer, VnPos pos)
{
  return lexer->source->text + (pos - lexer->base);
}

/* The white space that begins a line, less the common indent. */
static void
append_indent(VnLexer *lexer, VnPos end, const char *blanks)
{
  gsize n = strlen(blanks);
  char next = *source_at(lexer, end);
  if (n > lexer->string.indent && next != '\n' && next != '\r')
    g_string_append(lexer->text, blanks + lexer->string.indent);
}

gboolean
vn_scan_block_begin(VnLexer *lexer, const VnSpan *span, VnStringForm form, const char *gap)
{
  gboolean raw = vn_scan_string_begin(lexer, span, form);
  const char *quotes = strchr(source_at(lexer, span->start), '"');
  lexer->string.indent = common_indent(quotes + 3);
  const char *line = strchr(gap, '\n');
  if (line != NULL)
    append_indent(lexer, span->end, line + 1);
  return raw;
}

void
vn_scan_block_line(VnLexer *lexer, VnSpan span, const char *text)
{
  g_string_append_c(lexer->text, '\n');
  append_indent(lexer, span.end, strchr(text, '\n') + 1);
}

static gboolean
append_unichar(GString *out, const char *hex, gsize length)
{
  guint64 code;
  char digits[9] = "";
  if (length == 0 || length > 8)
    return FALSE;
  memcpy(digits, hex, length);
  if (!g_ascii_string_to_unsigned(digits, 16, 1, 0x10FFFF, &code, NULL) ||
      !g_unichar_validate((gunichar)code))
    return FALSE;
  g_string_append_unichar(out, (gunichar)code);
  return TRUE;
}

void
vn_scan_escape(VnLexer *lexer, VnSpan span, const char *text, gsize length)
{
  static const char letters[] = "nrt\\\"", meaning[] = "\n\r\t\\\"";
  const char *found = length == 2 ? strchr(letters, text[1]) : NULL;
  if (found != NULL) {
    g_string_append_c(lexer->text, meaning[found - letters]);
    return;
  }
  if (length > 4 && text[1] == 'u' && append_unichar(lexer->text, text + 3, length - 4))
    return;
  VnDiag *diag = text[1] == '\n' || text[1] == '\r' || length < 2
                     ? vn_diag_add(lexer->sink, VN_DIAG_VN005, span, "a line can't be continued")
                     : vn_diag_add(lexer->sink, VN_DIAG_VN005, span, "`%.*s` is no escape",
                                   (int)MIN(length, 24), text);
  vn_diag_hint(diag, length == 2 && (text[1] == '{' || text[1] == '}')
                         ? "a brace is written `{{`; `}` needs nothing"
                         : "escapes are \\n \\r \\t \\\\ \\\" and \\u{…} with a character's "
                           "number; r\"…\" has none");
}

/* The node of the text read so far, from where it began to the end of span. */
static const VnAst *
take_text(VnLexer *lexer, VnSpan *span)
{
  span->start = lexer->string.start;
  const VnAst *node = build_string(lexer, VN_AST_STRING, *span, lexer->string.form,
                                   lexer->text->str, lexer->text->len);
  g_string_truncate(lexer->text, 0);
  return node;
}

int
vn_scan_interrupt(VnLexer *lexer, VN_YYSTYPE *value, VnSpan *span, int state)
{
  gboolean middle = lexer->string.middle;
  value->node = take_text(lexer, span);
  lexer->string.state = state;
  lexer->string.middle = TRUE;
  lexer->string.braces = 0;
  g_array_append_val(lexer->frames, lexer->string);
  return middle ? VN_TOKEN_TEXT_MIDDLE : VN_TOKEN_TEXT_BEGIN;
}

static VnStringFrame *
top_frame(VnLexer *lexer)
{
  return &g_array_index(lexer->frames, VnStringFrame, lexer->frames->len - 1);
}

gboolean
vn_scan_brace(VnLexer *lexer, int change)
{
  VnStringFrame *frame = top_frame(lexer);
  if (change < 0 && frame->braces == 0)
    return FALSE;
  frame->braces += (guint)change;
  return TRUE;
}

int
vn_scan_resume(VnLexer *lexer, const VnSpan *span)
{
  lexer->string = *top_frame(lexer);
  g_array_set_size(lexer->frames, lexer->frames->len - 1);
  lexer->string.start = span->start;
  g_string_truncate(lexer->text, 0);
  return lexer->string.state;
}

int
vn_scan_string_end(VnLexer *lexer, VN_YYSTYPE *value, VnSpan *span)
{
  value->node = take_text(lexer, span);
  return lexer->string.middle ? VN_TOKEN_TEXT_END : VN_TOKEN_STRING;
}

const char *
vn_scan_quote(const VnLexer *lexer)
{
  return lexer->string.form == VN_STRING_MULTILINE || lexer->string.form == VN_STRING_RAW_MULTILINE
             ? "\"\"\""
             : "\"";
}

gboolean
vn_scan_line_breaks_string(VnLexer *lexer)
{
  const VnStringFrame *frame = top_frame(lexer);
  if (frame->form == VN_STRING_MULTILINE)
    return FALSE;
  lexer->string = *frame;
  vn_scan_unterminated(lexer, "string", "\"");
  return TRUE;
}

/* ---- regular expressions ---- */

/* `/` divides after what can end an operand. Reserved words can't. */
static gboolean
ends_operand(const VnLexer *lexer)
{
  int token = lexer->previous;
  if (token == VN_TOKEN_TRUE || token == VN_TOKEN_FALSE)
    return TRUE;
  if (token >= VN_TOKEN_AT && token <= VN_TOKEN_PROVIDES) /* words in their places */
    return TRUE;
  return token == VN_TOKEN_NAME || token == VN_TOKEN_LITERAL || token == VN_TOKEN_PREFIX ||
         token == VN_TOKEN_STRING || token == VN_TOKEN_REGEX || token == VN_TOKEN_TEXT_END ||
         token == VN_TOKEN_RPAREN || token == VN_TOKEN_RBRACKET || token == VN_TOKEN_RBRACE;
}

gboolean
vn_scan_regex_begins(VnLexer *lexer, const VnSpan *span)
{
  if (ends_operand(lexer))
    return FALSE;
  vn_scan_string_begin(lexer, span, VN_STRING_RAW);
  return TRUE;
}

int
vn_scan_regex_broken(VnLexer *lexer, VN_YYSTYPE *value, VnSpan *span)
{
  span->start = lexer->string.start;
  value->node =
      build_string(lexer, VN_AST_REGEX, *span, VN_STRING_RAW, lexer->text->str, lexer->text->len);
  return VN_TOKEN_REGEX;
}

/* The flags with which results are matched don't change what is well-formed. */
int
vn_scan_regex_end(VnLexer *lexer, VN_YYSTYPE *value, VnSpan *span)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(GRegex) regex = g_regex_new(lexer->text->str, 0, 0, &error);
  vn_scan_regex_broken(lexer, value, span);
  if (regex == NULL) {
    const char *why = error->message, *colon = g_strrstr(why, ": ");
    vn_diag_add(lexer->sink, VN_DIAG_VN008, *span, "the regular expression is malformed: %s",
                colon != NULL ? colon + 2 : why);
  }
  return VN_TOKEN_REGEX;
}

/* ---- complaints ---- */

void
vn_scan_unterminated(VnLexer *lexer, const char *what, const char *closer)
{
  VnPos start = lexer->string.opening;
  lexer->open_ended =
      lexer->string.form == VN_STRING_MULTILINE || lexer->string.form == VN_STRING_RAW_MULTILINE;
  lexer->complained = TRUE;
  VnDiag *diag = vn_diag_add(lexer->sink, VN_DIAG_VN004, (VnSpan){start, start + 1},
                             "the %s that begins here has no end", what);
  if (strcmp(closer, "\"") == 0)
    vn_diag_hint(diag, "close it with `\"` on the same line, or use \"\"\"…\"\"\" for several "
                       "lines");
  else
    vn_diag_hint(diag, "close it with `%s`", closer);
}

void
vn_scan_foreign(VnLexer *lexer, VnSpan span, const char *sign, const char *word)
{
  VnDiag *diag = vn_diag_add(lexer->sink, VN_DIAG_VN003, span, "`%s` is no operator", sign);
  vn_diag_hint(diag, "write `%s`", word);
}

void
vn_scan_foreign_comment(VnLexer *lexer, VnSpan span)
{
  VnDiag *diag = vn_diag_add(lexer->sink, VN_DIAG_VN003, (VnSpan){span.start, span.start + 2},
                             "`%.2s` begins nothing", source_at(lexer, span.start));
  vn_diag_hint(diag, "a comment begins with `#` and ends with the line");
}

void
vn_scan_bad_character(VnLexer *lexer, VnSpan span, const char *text, gsize length)
{
  static const char *const hints[][2] = {
      {"'", "strings stand in double quotes"},
      {"`", "strings stand in double quotes"},
      {"“", "strings stand in straight double quotes: \""},
      {"”", "strings stand in straight double quotes: \""},
      {"„", "strings stand in straight double quotes: \""},
      {"–", "minus is `-`"},
      {"−", "minus is `-`"},
      {"…", "a range is written `1..9`"},
      {"→", "write `->`"},
      {"^", "there is no `^` operator"},
      {"$", "a name is written alone; in a string: \"{name}\""},
      {"@", "a site is named with `at`"},
  };
  guchar first = (guchar)*text;
  lexer->complained = TRUE;
  VnDiag *diag =
      first < 0x20 || first == 0x7f
          ? vn_diag_add(lexer->sink, VN_DIAG_VN003, span, "a control character (0x%02x)", first)
          : vn_diag_add(lexer->sink, VN_DIAG_VN003, span, "`%.*s` begins nothing", (int)length,
                        text);
  for (gsize i = 0; i < G_N_ELEMENTS(hints); i++)
    if (g_str_has_prefix(text, hints[i][0])) {
      vn_diag_hint(diag, "%s", hints[i][1]);
      return;
    }
  if (first >= 0x80)
    vn_diag_hint(diag, "names are made of the letters a to z, digits and `_`");
}
