/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The syntax tree as text, for people and tests: one node a line, indented by its depth, with what
 * it holds and the lines and columns (in bytes) that it spans. */
#pragma once

#include "lang/ast.h"

void vn_ast_dump(const VnAstFile *file, GString *out);
/* Without places: equal for texts that mean the same. */
void vn_ast_dump_meaning(const VnAstFile *file, GString *out);
