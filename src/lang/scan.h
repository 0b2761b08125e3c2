/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the scanner's rules (grammar/vnl.l) do: functions that make tokens of text. Private to
 * src/lang. Numbers and addresses: literal.c; strings, regexes, comments and complaints: scan.c.
 *
 * Each returns the token's number unless it says otherwise, and sets the token's value and, where
 * the token began before the rule's match, its span.
 */
#pragma once

#include "lang/state.h"
#include "lang/vnl.tab.h"

int vn_yylex(VN_YYSTYPE *value, VnSpan *span, void *scanner);

int vn_scan_word(VnLexer *lexer, VN_YYSTYPE *value, const char *text, gsize length);

/* ---- literal.c ---- */
int vn_scan_integer(VnLexer *lexer, VN_YYSTYPE *value, VnSpan span, const char *text, gsize length);
int vn_scan_number(VnLexer *lexer, VN_YYSTYPE *value, VnSpan span, const char *text, gsize length);
int vn_scan_prefix(VnLexer *lexer, VN_YYSTYPE *value, VnSpan span, const char *text);
/* An IPv6 address or prefix, or a MAC address. */
int vn_scan_colons(VnLexer *lexer, VN_YYSTYPE *value, VnSpan span, const char *text);

/* ---- scan.c ---- */
int vn_scan_string(VnLexer *lexer, VN_YYSTYPE *value, VnSpan span, VnStringForm form,
                   const char *text, gsize length);
/* Begin a string. TRUE if it is to be read raw. */
gboolean vn_scan_string_begin(VnLexer *lexer, const VnSpan *span, VnStringForm form);
/* `gap` is what stands between the quotes and the first text: an end of line and white space. */
gboolean
vn_scan_block_begin(VnLexer *lexer, const VnSpan *span, VnStringForm form, const char *gap);
/* An end of line in a multi-line string, and the white space after it. */
void vn_scan_block_line(VnLexer *lexer, VnSpan span, const char *text);
void vn_scan_escape(VnLexer *lexer, VnSpan span, const char *text, gsize length);
/* At the `{` of an expression; state is what to return to. */
int vn_scan_interrupt(VnLexer *lexer, VN_YYSTYPE *value, VnSpan *span, int state);
/* At its `}`: returns that state. */
int vn_scan_resume(VnLexer *lexer, const VnSpan *span);
/* A brace in an expression inside a string: counted. FALSE if it ends the expression. */
gboolean vn_scan_brace(VnLexer *lexer, int change);
int vn_scan_string_end(VnLexer *lexer, VN_YYSTYPE *value, VnSpan *span);
/* Whether the end of line that was met inside an expression ends the string around it; reported. */
gboolean vn_scan_line_breaks_string(VnLexer *lexer);
const char *vn_scan_quote(const VnLexer *lexer);

gboolean vn_scan_regex_begins(VnLexer *lexer, const VnSpan *span);
int vn_scan_regex_end(VnLexer *lexer, VN_YYSTYPE *value, VnSpan *span);
int vn_scan_regex_broken(VnLexer *lexer, VN_YYSTYPE *value, VnSpan *span);

/* Sets the span to the end of the text. */
void vn_scan_place(VnLexer *lexer, VnSpan *span);
void vn_scan_comment(VnLexer *lexer, const VnSpan *span);
void vn_scan_byte_order_mark(VnLexer *lexer, const VnSpan *span);
void vn_scan_unterminated(VnLexer *lexer, const char *what, const char *closer);
void vn_scan_foreign(VnLexer *lexer, VnSpan span, const char *sign, const char *word);
void vn_scan_foreign_comment(VnLexer *lexer, VnSpan span);
void vn_scan_bad_character(VnLexer *lexer, VnSpan span, const char *text, gsize length);
