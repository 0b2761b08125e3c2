/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Collects the lines; layout-write.c aligns and writes them. */
#include "lang/layout.h"

#include <string.h>

#include "lang/layout-lines.h"
#include "lang/print.h"

struct VnLayout {
  const VnAstFile *file;
  const char *text;
  GPtrArray *lines; /* of VnLine */
  guint indent;
  guint32 next_comment;
  gboolean broken; /* a comment broke the statement that is being written */
  int keep_line;   /* nested strings with expressions */
  gboolean fresh;  /* nothing stands in this block yet */
};

static void
cell_clear(gpointer data)
{
  g_string_free(((VnCell *)data)->text, TRUE);
}

static void
line_free(gpointer data)
{
  VnLine *line = data;
  g_array_unref(line->cells);
  g_free(line->comment);
  g_free(line);
}

VnLayout *
vn_layout_new(const VnAstFile *file)
{
  VnLayout *l = g_new0(VnLayout, 1);
  l->file = file;
  l->text = file->source->text;
  l->lines = g_ptr_array_new_with_free_func(line_free);
  l->fresh = TRUE;
  return l;
}

void
vn_layout_free(VnLayout *l)
{
  if (l == NULL)
    return;
  g_ptr_array_unref(l->lines);
  g_free(l);
}

/* ---- the source ---- */

static const char *
at(const VnLayout *l, VnPos pos)
{
  return l->text + (pos - l->file->source->base);
}

/* Whether an empty line stands right before a place. */
static gboolean
blank_before(const VnLayout *l, VnPos pos)
{
  guint lines = 0;
  for (const char *c = at(l, pos); c > l->text && g_ascii_isspace(c[-1]); c--)
    lines += c[-1] == '\n';
  return lines >= 2;
}

static gboolean
first_on_line(const VnLayout *l, VnPos pos)
{
  const char *c = at(l, pos);
  while (c > l->text && (c[-1] == ' ' || c[-1] == '\t' || c[-1] == '\r'))
    c--;
  return c == l->text || c[-1] == '\n';
}

VnPos
vn_layout_next(const VnLayout *l, VnPos pos)
{
  const char *c = at(l, pos);
  while (g_ascii_isspace(*c) || *c == '#')
    c = *c == '#' ? c + strcspn(c, "\n") : c + 1;
  return l->file->source->base + (VnPos)(c - l->text);
}

const char *
vn_layout_text(const VnLayout *l, VnPos pos)
{
  return at(l, pos);
}

gboolean
vn_layout_one_line(const VnLayout *l, VnSpan span)
{
  return memchr(at(l, span.start), '\n', span.end - span.start) == NULL;
}

/* ---- lines and cells ---- */

static VnLine *
current(const VnLayout *l)
{
  return l->lines->len > 0 ? g_ptr_array_index(l->lines, l->lines->len - 1) : NULL;
}

static VnLine *
new_line(VnLayout *l, guint indent)
{
  VnLine *line = g_new0(VnLine, 1);
  line->indent = indent;
  line->cells = g_array_new(FALSE, FALSE, sizeof(VnCell));
  g_array_set_clear_func(line->cells, cell_clear);
  g_ptr_array_add(l->lines, line);
  return line;
}

void
vn_layout_cell(VnLayout *l, const char *label)
{
  VnCell cell = {label, g_string_new(NULL), 0};
  g_array_append_val(current(l)->cells, cell);
}

void
vn_layout_put(VnLayout *l, const char *text)
{
  VnLine *line = current(l);
  if (line->cells->len == 0)
    vn_layout_cell(l, NULL);
  GString *cell = vn_layout_cell_at(line, line->cells->len - 1)->text;
  for (; l->keep_line > 0 && *text != '\0'; text++)
    g_string_append_c(cell, *text == *VN_SOFT_SPACE ? ' ' : *text);
  g_string_append(cell, text);
}

void
vn_layout_keep_line(VnLayout *l, gboolean keep)
{
  l->keep_line += keep ? 1 : -1;
}

void
vn_layout_source(VnLayout *l, VnSpan span)
{
  g_autofree char *text = g_strndup(at(l, span.start), span.end - span.start);
  vn_layout_put(l, text);
  while (l->next_comment < l->file->n_comments &&
         l->file->comments[l->next_comment].span.start < span.end)
    l->next_comment++; /* it stands in what was copied */
}

static gboolean
has_text(const VnLine *line)
{
  for (guint i = 0; i < line->cells->len; i++)
    if (vn_layout_cell_at(line, i)->text->len > 0)
      return TRUE;
  return FALSE;
}

/* ---- comments ---- */

static char *
comment_text(const VnLayout *l, VnSpan span)
{
  return g_strchomp(g_strndup(at(l, span.start), span.end - span.start));
}

static void
own_line_comment(VnLayout *l, VnSpan span, guint indent)
{
  VnLine *line = new_line(l, indent);
  line->blank_before = !l->fresh && blank_before(l, span.start);
  g_autofree char *text = comment_text(l, span);
  vn_layout_put(l, text);
  l->fresh = FALSE;
}

/* The next comment that stood before pos, taken; FALSE if there is none. */
static gboolean
take_comment(VnLayout *l, VnPos pos, VnSpan *out_span)
{
  if (l->next_comment >= l->file->n_comments ||
      l->file->comments[l->next_comment].span.start >= pos)
    return FALSE;
  *out_span = l->file->comments[l->next_comment++].span;
  return TRUE;
}

/* Between statements. */
static void
comments_between(VnLayout *l, VnPos pos)
{
  VnSpan span;
  while (take_comment(l, pos, &span)) {
    VnLine *line = current(l);
    if (line != NULL && line->comment == NULL && !first_on_line(l, span.start))
      line->comment = comment_text(l, span);
    else
      own_line_comment(l, span, l->indent);
  }
}

/* The spaces that the next piece was to follow. */
static void
trim_end(VnLine *line)
{
  if (line->cells->len == 0)
    return;
  GString *text = vn_layout_cell_at(line, line->cells->len - 1)->text;
  while (text->len > 0 &&
         (text->str[text->len - 1] == ' ' || text->str[text->len - 1] == *VN_SOFT_SPACE))
    g_string_truncate(text, text->len - 1);
}

/* One comment inside a statement, and the line on which it goes on. */
static void
comment_inside(VnLayout *l, VnSpan span)
{
  VnLine *line = current(l);
  guint indent = l->indent + 1;
  trim_end(line);
  if (has_text(line) && !first_on_line(l, span.start))
    line->comment = comment_text(l, span);
  else if (has_text(line))
    own_line_comment(l, span, indent);
  else {
    g_autofree char *text = comment_text(l, span);
    line->blank_before = blank_before(l, span.start);
    vn_layout_put(l, text);
  }
  new_line(l, indent)->continued = TRUE;
  l->broken = TRUE;
}

void
vn_layout_flush(VnLayout *l, VnPos pos)
{
  VnSpan span = VN_SPAN_NONE;
  while (take_comment(l, pos, &span))
    comment_inside(l, span);
  /* `##` and an empty line document nothing: the empty line must stay */
  if (span.end > 0)
    current(l)->blank_before = first_on_line(l, span.start) && blank_before(l, pos);
}

/* ---- statements and blocks ---- */

void
vn_layout_line(VnLayout *l, VnPos start)
{
  comments_between(l, start);
  gboolean blank = !l->fresh && blank_before(l, start);
  new_line(l, l->indent)->blank_before = blank;
  l->broken = FALSE;
  l->fresh = FALSE;
}

static guint
pending_before(const VnLayout *l, VnPos end)
{
  guint32 i = l->next_comment;
  while (i < l->file->n_comments && l->file->comments[i].span.start < end)
    i++;
  return i - l->next_comment;
}

/* Whether a comment follows on the line where a statement ended. */
static gboolean
comment_follows(const VnLayout *l, VnPos end)
{
  const char *c = at(l, end);
  return c[strspn(c, " \t\r")] == '#';
}

void
vn_layout_end(VnLayout *l, VnPos end, const char *sign)
{
  VnSpan span;
  if (pending_before(l, end) == 1 && !comment_follows(l, end) && take_comment(l, end, &span))
    current(l)->comment = comment_text(l, span);
  else
    vn_layout_flush(l, end);
  vn_layout_put(l, sign);
}

void
vn_layout_open(VnLayout *l, VnPos brace)
{
  vn_layout_flush(l, brace);
  vn_layout_put(l, has_text(current(l)) ? " {" : "{");
  l->indent++;
  l->fresh = TRUE;
}

void
vn_layout_open_below(VnLayout *l, VnPos brace)
{
  vn_layout_flush(l, brace);
  if (has_text(current(l)))
    new_line(l, l->indent);
  current(l)->indent = l->indent;
  vn_layout_open(l, brace);
}

void
vn_layout_close(VnLayout *l, VnPos brace)
{
  comments_between(l, brace);
  l->indent--;
  new_line(l, l->indent);
  vn_layout_put(l, "}");
  l->fresh = FALSE;
}

guint
vn_layout_cells(const VnLayout *l)
{
  return current(l)->cells->len;
}

void
vn_layout_drop_cells(VnLayout *l, guint n)
{
  g_array_set_size(current(l)->cells, n);
}

gboolean
vn_layout_at_start(const VnLayout *l)
{
  return !has_text(current(l));
}

void
vn_layout_break_before(VnLayout *l, guint n_cells)
{
  VnLine *from = current(l);
  if (from->cells->len <= n_cells)
    return;
  VnLine *to = new_line(l, l->indent + 1);
  to->continued = TRUE;
  for (guint i = from->cells->len - n_cells; i < from->cells->len; i++) {
    vn_layout_cell(l, NULL);
    vn_layout_put(l, vn_layout_cell_at(from, i)->text->str);
  }
  g_array_set_size(from->cells, from->cells->len - n_cells);
}

guint
vn_layout_width(const VnLayout *l)
{
  return l->broken ? VN_FORMAT_COLUMNS + 1 : vn_layout_line_width(current(l));
}

char *
vn_layout_finish(VnLayout *l)
{
  comments_between(l, G_MAXUINT32);
  return vn_layout_write(l->lines);
}
