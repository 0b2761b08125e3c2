/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The push parser: text in pieces, as a prompt or a notebook gets it.
 *
 * Feed sources one after another; each ends at a token's end. Between two, vn_parser_input() says
 * whether what was read is complete, and vn_parser_expected() what may come next. Diagnostics go to
 * the sink as they are found. parse.h is the short way for whole files.
 *
 * At the prompt an expression or `targets: call` stands for a task without a name, and the last `;`
 * may be left out.
 */
#pragma once

#include "base/diag.h"
#include "lang/ast.h"

typedef struct VnParser VnParser;

typedef enum {
  VN_PARSE_FILE,
  VN_PARSE_PROMPT,
  VN_PARSE_EXPRESSION,
  VN_PARSE_TYPE, /* `list<int>?`, as after a parameter's name */
} VnParseMode;

typedef enum {
  VN_INPUT_COMPLETE, /* nothing is missing */
  VN_INPUT_OPEN,     /* right so far, more must come */
  VN_INPUT_WRONG,    /* an error was reported */
} VnInput;

VnParser *vn_parser_new(VnParseMode mode, VnArena *arena, VnSymbolTable *symbols, VnDiagSink *sink);
void vn_parser_free(VnParser *parser);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VnParser, vn_parser_free)

/* Forgets what was read and begins anew; cheaper than a new parser. What was built stays. */
void vn_parser_restart(VnParser *parser, VnParseMode mode);

/* Reads all tokens of the source. */
void vn_parser_feed(VnParser *parser, const VnSource *source);
VnInput vn_parser_input(VnParser *parser);
/* Words and signs that may come next, for completion; after them "a name" and the like as
 * VN_EXPECT_… flags. Owned by the caller (g_free); the strings are static. */
typedef enum {
  VN_EXPECT_NAME = 1 << 0,
  VN_EXPECT_EXPRESSION = 1 << 1,
  VN_EXPECT_STRING = 1 << 2,
} VnExpect;
const char **vn_parser_expected(VnParser *parser, guint *out_flags);
/* Ends the input. Without declarations for an expression or a type; see vn_parser_expression. */
const VnAstFile *vn_parser_finish(VnParser *parser);
const VnAst *vn_parser_expression(const VnParser *parser);
