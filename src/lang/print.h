/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The formatter: a file in its one canonical layout.
 *
 * Two spaces a level, at most VN_FORMAT_COLUMNS columns where the text allows, neighbouring
 * declarations of one kind and comments at line ends in columns, at most one empty line in a row.
 * Every comment is kept, literals stay as they were written, the meaning stays the same, and
 * formatting again changes nothing.
 */
#pragma once

#include "lang/ast.h"

#define VN_FORMAT_COLUMNS 100

/* The file must have been parsed without errors. The result is owned by the caller. */
char *vn_format_file(const VnAstFile *file);
