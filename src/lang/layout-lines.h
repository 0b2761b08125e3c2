/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Lines and cells, between layout.c that collects and layout-write.c that writes them. */
#pragma once

#include <glib.h>

typedef struct {
  const char *label; /* NULL: never aligned */
  GString *text;
  guint pad; /* spaces behind it */
} VnCell;

typedef struct {
  guint indent;         /* levels */
  GArray *cells;        /* of VnCell */
  char *comment;        /* at its end; NULL: none */
  guint comment_column; /* where the comment is to begin, at least */
  gboolean blank_before;
  gboolean continued; /* goes on with what a comment broke */
} VnLine;

static inline VnCell *
vn_layout_cell_at(const VnLine *line, guint i)
{
  return &g_array_index(line->cells, VnCell, i);
}

/* Columns without the comment. */
guint vn_layout_line_width(const VnLine *line);
/* All lines as text; pads their cells. */
char *vn_layout_write(GPtrArray *lines);
