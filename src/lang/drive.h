/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the parts of the driver share: parser.c, brackets.c, recover.c. Private to src/lang. */
#pragma once

#include "lang/scan.h"
#include "lang/state.h"
#include "lang/vnl.tab.h"

/* ---- parser.c ---- */

/* Gives the grammar a token; p->failed if it refused. */
void vn_parser_push(VnParser *p, int token, const VN_YYSTYPE *value, VnSpan span);
void vn_parser_push_sign(VnParser *p, int token, VnSpan span);
/* The same of a token of the text, with all that is kept between tokens; skips if it is refused. */
void vn_parser_consume(VnParser *p, int token, const VN_YYSTYPE *value, VnSpan span);
gboolean vn_parser_first_on_line(const VnParser *p, VnSpan span);

/* ---- brackets.c ---- */

/* The innermost open bracket; NULL if there is none. */
static inline const VnBracket *
vn_parser_top_bracket(const VnParser *p)
{
  return p->n_brackets > 0 ? &p->brackets[p->n_brackets - 1] : NULL;
}

void vn_parser_drop_bracket(VnParser *p);
void vn_parser_open_bracket(VnParser *p, VnSpan span, char closer);
/* Opens or closes what the token does. */
void vn_parser_follow_brackets(VnParser *p, int token, VnSpan span);
/* Whether a `{` now would open a block, by the token before it. */
gboolean vn_parser_opens_block(const VnParser *p);
gboolean vn_parser_brace_is_open(const VnParser *p);
static inline gboolean
vn_parser_begins_declaration(int token)
{
  return token >= VN_TOKEN_EXPERIMENT && token <= VN_TOKEN_SWEEP;
}
/* Whether declarations stand directly in the innermost bracket; in the innermost block. */
gboolean vn_parser_among_declarations(const VnParser *p);
gboolean vn_parser_block_declares(const VnParser *p);

/* ---- recover.c ---- */

/* A token after an error. */
void vn_parser_skip(VnParser *p, int token, const VN_YYSTYPE *value, VnSpan span);
/* Whether a `}` closes nothing; reported. */
gboolean vn_parser_is_stray(VnParser *p, VnSpan span);
