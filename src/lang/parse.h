/* SPDX-License-Identifier: GPL-3.0-or-later */
/* From text to a syntax tree.
 *
 * Reentrant; a file is parsed to its end whatever mistakes it has, all of them go to the sink.
 * Nesting is bounded (VN_PARSE_MAX_DEPTH). The push parser underneath (parser.h) also serves the
 * prompt and notebooks.
 */
#pragma once

#include "base/diag.h"
#include "lang/ast.h"

#define VN_PARSE_MAX_DEPTH 200

/* Never NULL; after syntax errors the tree holds what could be understood. */
const VnAstFile *vn_parse_file(const VnSource *source, VnArena *arena, VnSymbolTable *symbols,
                               VnDiagSink *sink);
/* One expression, as in `-D name=EXPR`; NULL after an error. */
const VnAst *vn_parse_expression(const VnSource *source, VnArena *arena, VnSymbolTable *symbols,
                                 VnDiagSink *sink);
