/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Lines, cells and comments: what the formatter (print.c) writes into. Private to src/lang.
 *
 * A line is made of cells. Cells of neighbouring lines that bear the same labels are aligned; a
 * line that is too long is broken between cells and at soft spaces. Pieces of text come with the
 * place that they had in the source, so that comments can be put out before what they stood before.
 */
#pragma once

#include "lang/ast.h"

/* A space where a line may be broken. No byte of UTF-8 text is 0xff. */
#define VN_SOFT_SPACE "\xff"

typedef struct VnLayout VnLayout;

VnLayout *vn_layout_new(const VnAstFile *file);
void vn_layout_free(VnLayout *layout);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VnLayout, vn_layout_free)

/* Begins a line for what stood at start; comments before it come first. */
void vn_layout_line(VnLayout *layout, VnPos start);
/* Begins a cell; the label is a string that lives long enough. */
void vn_layout_cell(VnLayout *layout, const char *label);
void vn_layout_put(VnLayout *layout, const char *text);
/* Puts out the comments that stood before a place inside of a line. */
void vn_layout_flush(VnLayout *layout, VnPos pos);
/* The source text of a span. */
void vn_layout_source(VnLayout *layout, VnSpan span);
/* Ends a statement that ended before `end`, with its sign. A comment before it moves behind it. */
void vn_layout_end(VnLayout *layout, VnPos end, const char *sign);

/* The line ends with `{`; what follows is one level deeper. */
void vn_layout_open(VnLayout *layout, VnPos brace);
/* The same with `{` on a line of its own. */
void vn_layout_open_below(VnLayout *layout, VnPos brace);
/* `}` on a line of its own. */
void vn_layout_close(VnLayout *layout, VnPos brace);

/* Columns of the current line so far; more than VN_FORMAT_COLUMNS if it was broken by a comment. */
guint vn_layout_width(const VnLayout *layout);
/* Moves the last n cells to a line of their own, one level deeper. */
void vn_layout_break_before(VnLayout *layout, guint n_cells);
guint vn_layout_cells(const VnLayout *layout);
/* Drops all cells of the current line but the first n. */
void vn_layout_drop_cells(VnLayout *layout, guint n);
/* Whether nothing stands on the current line yet. */
gboolean vn_layout_at_start(const VnLayout *layout);
/* While TRUE, soft spaces are hard: a string can't be broken. */
void vn_layout_keep_line(VnLayout *layout, gboolean keep);

/* The place of the first thing at or after pos that is no white space or comment. */
VnPos vn_layout_next(const VnLayout *layout, VnPos pos);
/* The source text at a place. */
const char *vn_layout_text(const VnLayout *layout, VnPos pos);
/* Whether the span is on one line of the source. */
gboolean vn_layout_one_line(const VnLayout *layout, VnSpan span);

char *vn_layout_finish(VnLayout *layout);
