/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Lines that were collected: cells and comments are put into columns, then all is written, broken
 * where it would be too long. */
#include <string.h>

#include "lang/layout-lines.h"
#include "lang/layout.h"
#include "lang/print.h"

#define COMMENT_GAP 2 /* spaces before a comment at a line's end */

/* ---- widths ---- */

static guint
text_width(const char *text)
{
  guint width = 0;
  for (; *text != '\0'; text++)
    width += ((guchar)*text & 0xC0) != 0x80;
  return width;
}

guint
vn_layout_line_width(const VnLine *line)
{
  guint width = 0;
  for (guint i = 0; i < line->cells->len; i++) {
    const VnCell *cell = vn_layout_cell_at(line, i);
    if (cell->text->len > 0)
      width += text_width(cell->text->str) + cell->pad + (width > 0);
  }
  return width + line->indent * 2;
}

static gboolean
has_line_end(const VnLine *line)
{
  for (guint i = 0; i < line->cells->len; i++)
    if (strchr(vn_layout_cell_at(line, i)->text->str, '\n') != NULL)
      return TRUE;
  return FALSE;
}

/* ---- columns ---- */

/* Whether column j of the line takes part in alignment: its cells up to there are labelled, and
 * another follows. */
static gboolean
has_column(const VnLine *line, guint j)
{
  return !line->continued && line->cells->len > j + 1 &&
         vn_layout_cell_at(line, j)->label != NULL &&
         vn_layout_line_width(line) <= VN_FORMAT_COLUMNS && !has_line_end(line);
}

/* Whether two neighbouring lines have the same column j. */
static gboolean
same_column(const VnLine *a, const VnLine *b, guint j)
{
  if (b->blank_before || a->indent != b->indent || !has_column(a, j) || !has_column(b, j))
    return FALSE;
  for (guint i = 0; i <= j + 1; i++)
    if (g_strcmp0(vn_layout_cell_at(a, i)->label, vn_layout_cell_at(b, i)->label) != 0)
      return FALSE;
  return TRUE;
}

/* Pads column j of lines [from, to) to one width, unless a line would become too long. */
static void
align_run(GPtrArray *lines, guint from, guint to, guint j)
{
  guint width = 0;
  for (guint i = from; i < to; i++)
    width = MAX(width, text_width(vn_layout_cell_at(g_ptr_array_index(lines, i), j)->text->str));
  for (guint i = from; i < to; i++) {
    const VnLine *line = g_ptr_array_index(lines, i);
    guint pad = width - text_width(vn_layout_cell_at(line, j)->text->str);
    if (vn_layout_line_width(line) + pad > VN_FORMAT_COLUMNS)
      return;
  }
  for (guint i = from; i < to; i++) {
    VnCell *cell = vn_layout_cell_at(g_ptr_array_index(lines, i), j);
    cell->pad = width - text_width(cell->text->str);
  }
}

static gboolean
align_column(GPtrArray *lines, guint j)
{
  gboolean any = FALSE;
  for (guint from = 0, to; from < lines->len; from = to) {
    to = from + 1;
    any |= has_column(g_ptr_array_index(lines, from), j);
    while (to < lines->len &&
           same_column(g_ptr_array_index(lines, to - 1), g_ptr_array_index(lines, to), j))
      to++;
    if (to - from > 1)
      align_run(lines, from, to, j);
  }
  return any;
}

static gboolean
opens_block(const VnLine *line)
{
  const GString *last = vn_layout_cell_at(line, line->cells->len - 1)->text;
  return last->len > 0 && last->str[last->len - 1] == '{';
}

/* Whether the comment of a line stands under that of the line before. */
static gboolean
aligns_comment(const VnLine *before, const VnLine *line)
{
  return line->comment != NULL && !line->blank_before &&
         (line->indent == before->indent || line->continued) && !opens_block(before) &&
         vn_layout_line_width(line) + COMMENT_GAP <= VN_FORMAT_COLUMNS && !has_line_end(line);
}

/* Comments at the ends of neighbouring lines begin in one column. */
static void
align_comments(GPtrArray *lines)
{
  for (guint from = 0, to; from < lines->len; from = to) {
    const VnLine *first = g_ptr_array_index(lines, from);
    guint column = vn_layout_line_width(first) + COMMENT_GAP;
    to = from + 1;
    if (first->comment == NULL || column > VN_FORMAT_COLUMNS || has_line_end(first))
      continue;
    for (; to < lines->len &&
           aligns_comment(g_ptr_array_index(lines, to - 1), g_ptr_array_index(lines, to));
         to++)
      column = MAX(column, vn_layout_line_width(g_ptr_array_index(lines, to)) + COMMENT_GAP);
    for (guint i = from; i < to; i++)
      ((VnLine *)g_ptr_array_index(lines, i))->comment_column = column;
  }
}

/* ---- writing ---- */

static guint
last_column(const GString *out, gsize line_start)
{
  const char *end = strrchr(out->str + line_start, '\n');
  return text_width(end != NULL ? end + 1 : out->str + line_start);
}

/* A text with soft spaces, broken where it would not fit. Returns where its last line starts. */
static void
write_broken(GString *out, const char *text, guint indent)
{
  gsize start = out->len;
  g_string_append_printf(out, "%*s", (int)indent * 2, "");
  g_auto(GStrv) pieces = g_strsplit(text, VN_SOFT_SPACE, -1);
  for (guint i = 0; pieces[i] != NULL; i++) {
    g_autofree char *first = g_strndup(pieces[i], strcspn(pieces[i], "\n"));
    if (i > 0 && last_column(out, start) + 1 + text_width(first) > VN_FORMAT_COLUMNS)
      g_string_append_printf(out, "\n%*s", (int)(indent + 1) * 2, "");
    else if (i > 0)
      g_string_append_c(out, ' ');
    g_string_append(out, pieces[i]);
  }
}

static void
write_line(GString *out, const VnLine *line)
{
  if (line->blank_before)
    g_string_append_c(out, '\n');
  g_autoptr(GString) text = g_string_new(NULL);
  for (guint i = 0; i < line->cells->len; i++) {
    const VnCell *cell = vn_layout_cell_at(line, i);
    if (text->len > 0 && cell->text->len > 0)
      g_string_append(text, VN_SOFT_SPACE);
    g_string_append(text, cell->text->str);
    if (cell->pad > 0)
      g_string_append_printf(text, "%*s", (int)cell->pad, "");
  }
  gsize start = out->len;
  write_broken(out, text->str, line->indent);
  if (line->comment != NULL) {
    guint column = last_column(out, start);
    guint gap = line->comment_column > column ? line->comment_column - column : COMMENT_GAP;
    g_string_append_printf(out, "%*s%s", (int)gap, "", line->comment);
  }
  g_string_append_c(out, '\n');
}

char *
vn_layout_write(GPtrArray *lines)
{
  for (guint j = 0; align_column(lines, j); j++)
    ;
  align_comments(lines);
  GString *out = g_string_new(NULL);
  for (guint i = 0; i < lines->len; i++)
    write_line(out, g_ptr_array_index(lines, i));
  return g_string_free(out, FALSE);
}
