/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Three steps: lines are collected (this half of the file), then aligned, then written. */
#include "lang/layout.h"

#include <string.h>

#include "lang/print.h"

#define COMMENT_GAP 2 /* spaces before a comment at a line's end */

typedef struct {
  const char *label; /* NULL: never aligned */
  GString *text;
  guint pad; /* spaces behind it */
} Cell;

typedef struct {
  guint indent; /* levels */
  GArray *cells; /* of Cell */
  char *comment; /* at its end; NULL: none */
  guint comment_column; /* where the comment is to begin, at least */
  gboolean blank_before;
  gboolean continued; /* goes on with what a comment broke */
} Line;

struct VnLayout {
  const VnAstFile *file;
  const char *text;
  GPtrArray *lines; /* of Line */
  guint indent;
  guint32 next_comment;
  gboolean broken; /* a comment broke the statement that is being written */
  int keep_line;   /* nested strings with expressions */
  gboolean fresh;  /* nothing stands in this block yet */
};

static void
cell_clear(gpointer data)
{
  g_string_free(((Cell *)data)->text, TRUE);
}

static void
line_free(gpointer data)
{
  Line *line = data;
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

static Line *
current(const VnLayout *l)
{
  return l->lines->len > 0 ? g_ptr_array_index(l->lines, l->lines->len - 1) : NULL;
}

static Cell *
cell_at(const Line *line, guint i)
{
  return &g_array_index(line->cells, Cell, i);
}

static Line *
new_line(VnLayout *l, guint indent)
{
  Line *line = g_new0(Line, 1);
  line->indent = indent;
  line->cells = g_array_new(FALSE, FALSE, sizeof(Cell));
  g_array_set_clear_func(line->cells, cell_clear);
  g_ptr_array_add(l->lines, line);
  return line;
}

void
vn_layout_cell(VnLayout *l, const char *label)
{
  Cell cell = {label, g_string_new(NULL), 0};
  g_array_append_val(current(l)->cells, cell);
}

void
vn_layout_put(VnLayout *l, const char *text)
{
  Line *line = current(l);
  if (line->cells->len == 0)
    vn_layout_cell(l, NULL);
  GString *cell = cell_at(line, line->cells->len - 1)->text;
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
has_text(const Line *line)
{
  for (guint i = 0; i < line->cells->len; i++)
    if (cell_at(line, i)->text->len > 0)
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
  Line *line = new_line(l, indent);
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
    Line *line = current(l);
    if (line != NULL && line->comment == NULL && !first_on_line(l, span.start))
      line->comment = comment_text(l, span);
    else
      own_line_comment(l, span, l->indent);
  }
}

/* The spaces that the next piece was to follow. */
static void
trim_end(Line *line)
{
  if (line->cells->len == 0)
    return;
  GString *text = cell_at(line, line->cells->len - 1)->text;
  while (text->len > 0 && (text->str[text->len - 1] == ' ' ||
                           text->str[text->len - 1] == *VN_SOFT_SPACE))
    g_string_truncate(text, text->len - 1);
}

/* One comment inside a statement, and the line on which it goes on. */
static void
comment_inside(VnLayout *l, VnSpan span)
{
  Line *line = current(l);
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
  Line *from = current(l);
  if (from->cells->len <= n_cells)
    return;
  Line *to = new_line(l, l->indent + 1);
  to->continued = TRUE;
  for (guint i = from->cells->len - n_cells; i < from->cells->len; i++) {
    vn_layout_cell(l, NULL);
    vn_layout_put(l, cell_at(from, i)->text->str);
  }
  g_array_set_size(from->cells, from->cells->len - n_cells);
}

/* ---- widths ---- */

static guint
text_width(const char *text)
{
  guint width = 0;
  for (; *text != '\0'; text++)
    width += ((guchar)*text & 0xC0) != 0x80;
  return width;
}

static guint
line_width(const Line *line)
{
  guint width = 0;
  for (guint i = 0; i < line->cells->len; i++) {
    const Cell *cell = cell_at(line, i);
    if (cell->text->len > 0)
      width += text_width(cell->text->str) + cell->pad + (width > 0);
  }
  return width + line->indent * 2;
}

guint
vn_layout_width(const VnLayout *l)
{
  return l->broken ? VN_FORMAT_COLUMNS + 1 : line_width(current(l));
}

static gboolean
has_line_end(const Line *line)
{
  for (guint i = 0; i < line->cells->len; i++)
    if (strchr(cell_at(line, i)->text->str, '\n') != NULL)
      return TRUE;
  return FALSE;
}

/* ---- columns ---- */

/* Whether column j of the line takes part in alignment: its cells up to there are labelled, and
 * another follows. */
static gboolean
has_column(const Line *line, guint j)
{
  return !line->continued && line->cells->len > j + 1 && cell_at(line, j)->label != NULL &&
         line_width(line) <= VN_FORMAT_COLUMNS && !has_line_end(line);
}

/* Whether two neighbouring lines have the same column j. */
static gboolean
same_column(const Line *a, const Line *b, guint j)
{
  if (b->blank_before || a->indent != b->indent || !has_column(a, j) || !has_column(b, j))
    return FALSE;
  for (guint i = 0; i <= j + 1; i++)
    if (g_strcmp0(cell_at(a, i)->label, cell_at(b, i)->label) != 0)
      return FALSE;
  return TRUE;
}

/* Pads column j of lines [from, to) to one width, unless a line would become too long. */
static void
align_run(VnLayout *l, guint from, guint to, guint j)
{
  guint width = 0;
  for (guint i = from; i < to; i++)
    width = MAX(width, text_width(cell_at(g_ptr_array_index(l->lines, i), j)->text->str));
  for (guint i = from; i < to; i++) {
    const Line *line = g_ptr_array_index(l->lines, i);
    if (line_width(line) + width - text_width(cell_at(line, j)->text->str) > VN_FORMAT_COLUMNS)
      return;
  }
  for (guint i = from; i < to; i++) {
    Cell *cell = cell_at(g_ptr_array_index(l->lines, i), j);
    cell->pad = width - text_width(cell->text->str);
  }
}

static gboolean
align_column(VnLayout *l, guint j)
{
  gboolean any = FALSE;
  for (guint from = 0, to; from < l->lines->len; from = to) {
    to = from + 1;
    any |= has_column(g_ptr_array_index(l->lines, from), j);
    while (to < l->lines->len && same_column(g_ptr_array_index(l->lines, to - 1),
                                             g_ptr_array_index(l->lines, to), j))
      to++;
    if (to - from > 1)
      align_run(l, from, to, j);
  }
  return any;
}

static gboolean
opens_block(const Line *line)
{
  const GString *last = cell_at(line, line->cells->len - 1)->text;
  return last->len > 0 && last->str[last->len - 1] == '{';
}

/* Whether the comment of a line stands under that of the line before. */
static gboolean
aligns_comment(const Line *before, const Line *line)
{
  return line->comment != NULL && !line->blank_before &&
         (line->indent == before->indent || line->continued) && !opens_block(before) &&
         line_width(line) + COMMENT_GAP <= VN_FORMAT_COLUMNS && !has_line_end(line);
}

/* Comments at the ends of neighbouring lines begin in one column. */
static void
align_comments(VnLayout *l)
{
  for (guint from = 0, to; from < l->lines->len; from = to) {
    const Line *first = g_ptr_array_index(l->lines, from);
    guint column = line_width(first) + COMMENT_GAP;
    to = from + 1;
    if (first->comment == NULL || column > VN_FORMAT_COLUMNS || has_line_end(first))
      continue;
    for (; to < l->lines->len && aligns_comment(g_ptr_array_index(l->lines, to - 1),
                                                g_ptr_array_index(l->lines, to));
         to++)
      column = MAX(column, line_width(g_ptr_array_index(l->lines, to)) + COMMENT_GAP);
    for (guint i = from; i < to; i++)
      ((Line *)g_ptr_array_index(l->lines, i))->comment_column = column;
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
write_line(GString *out, const Line *line)
{
  if (line->blank_before)
    g_string_append_c(out, '\n');
  g_autoptr(GString) text = g_string_new(NULL);
  for (guint i = 0; i < line->cells->len; i++) {
    const Cell *cell = cell_at(line, i);
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
vn_layout_finish(VnLayout *l)
{
  comments_between(l, G_MAXUINT32);
  for (guint j = 0; align_column(l, j); j++)
    ;
  align_comments(l);
  GString *out = g_string_new(NULL);
  for (guint i = 0; i < l->lines->len; i++)
    write_line(out, g_ptr_array_index(l->lines, i));
  return g_string_free(out, FALSE);
}
