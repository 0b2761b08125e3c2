/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "emit/certificate.h"

#define SHORTEST_PIECE 4 /* tasks of a line that are worth a piece */

void
vn_chain_lines_init(VnChainLines *lines, const VnModel *model, VnOrder *order)
{
  gsize n = model->n_tasks;
  *lines = (VnChainLines){model, order, g_new0(guint32, n + 1), g_new0(guint32, n + 1),
                          g_ptr_array_new_with_free_func((GDestroyNotify)g_array_unref)};
  for (guint32 k = 0; k < n; k++) {
    guint32 t = vn_order_tasks(order)[k];
    const VnTask *task = &model->tasks[t];
    GArray *line = NULL;
    for (guint32 i = 0; i < task->n_after && line == NULL; i++) {
      GArray *other = lines->lines->pdata[lines->line[task->after[i]]];
      if (lines->place[task->after[i]] + 1 == other->len)
        line = other;
      lines->line[t] = lines->line[task->after[i]];
    }
    if (line == NULL) {
      line = g_array_new(FALSE, FALSE, sizeof(guint32));
      lines->line[t] = lines->lines->len;
      g_ptr_array_add(lines->lines, line);
    }
    lines->place[t] = line->len;
    g_array_append_val(line, t);
  }
}

void
vn_chain_lines_clear(VnChainLines *lines)
{
  g_free(lines->line);
  g_free(lines->place);
  g_ptr_array_unref(lines->lines);
}

/* Names are letters, digits, `_`, `.` and brackets; those that the compiler makes, too. */
void
vn_chain_append_name(const char *name, GString *out)
{
  g_string_append_c(out, '"');
  for (; *name != '\0'; name++)
    if (*name == '"' || *name == '\\')
      g_string_append_printf(out, "\\%c", *name);
    else
      g_string_append_c(out, *name);
  g_string_append_c(out, '"');
}

void
vn_chain_append_lines(const VnChainLines *lines, GString *out)
{
  g_string_append(out, "  \"lines\": [");
  for (guint i = 0; i < lines->lines->len; i++) {
    const GArray *line = lines->lines->pdata[i];
    g_string_append(out, i > 0 ? ",\n    [" : "\n    [");
    for (guint k = 0; k < line->len; k++) {
      g_string_append(out, k > 0 ? ", " : "");
      vn_chain_append_name(lines->model->tasks[g_array_index(line, guint32, k)].name, out);
    }
    g_string_append_c(out, ']');
  }
  g_string_append(out, "\n  ]");
}

static gboolean
leads(const VnChainLines *lines, guint32 a, guint32 b, gboolean carries)
{
  if (a == b)
    return TRUE;
  return carries ? !lines->model->tasks[b].always && vn_order_task_carries(lines->order, a, b)
                 : vn_order_task_before(lines->order, a, b);
}

/* The first task of b's line that a comes before, or is: what lies behind it does, too. */
static guint32
first_on_line(const VnChainLines *lines, guint32 a, guint32 b)
{
  const GArray *line = lines->lines->pdata[lines->line[b]];
  guint32 low = 0, high = lines->place[b];
  while (low < high) {
    guint32 middle = low + (high - low) / 2;
    if (leads(lines, a, g_array_index(line, guint32, middle), FALSE))
      high = middle;
    else
      low = middle + 1;
  }
  return g_array_index(line, guint32, low);
}

static void
append_part(const VnChainLines *lines, GArray *parts, guint k, GString *out)
{
  const guint32 *part = &g_array_index(parts, guint32, 2 * k);
  if (part[0] == part[1])
    vn_chain_append_name(lines->model->tasks[part[0]].name, out);
  else
    g_string_append_printf(out, "{\"line\": %u, \"from\": %u, \"to\": %u}", lines->line[part[0]],
                           lines->place[part[0]], lines->place[part[1]]);
}

static void
add_part(GArray *parts, guint32 from, guint32 to)
{
  g_array_append_val(parts, from);
  g_array_append_val(parts, to);
}

/* A piece of a line that ends at b, or its tasks one by one where they are few. */
static void
add_piece(const VnChainLines *lines, GArray *parts, guint32 from, guint32 b)
{
  const GArray *line = lines->lines->pdata[lines->line[b]];
  if (lines->place[b] - lines->place[from] >= SHORTEST_PIECE) {
    add_part(parts, from, b);
    return;
  }
  for (guint32 k = lines->place[b] + 1; k-- > lines->place[from];)
    add_part(parts, g_array_index(line, guint32, k), g_array_index(line, guint32, k));
}

/* Backwards from b, along its line as far as that goes, then to any task that a still leads to. */
void
vn_chain_append(const VnChainLines *lines, guint32 a, guint32 b, gboolean carries, GString *out)
{
  g_autoptr(GArray) parts = g_array_new(FALSE, FALSE, sizeof(guint32));
  guint32 at = b;
  for (;;) {
    guint32 from = carries ? at : first_on_line(lines, a, at);
    add_piece(lines, parts, from, at);
    at = from;
    if (at == a)
      break;
    const VnTask *task = &lines->model->tasks[at];
    guint32 k = 0;
    while (!leads(lines, a, task->after[k], carries))
      k++;
    at = task->after[k];
  }
  g_string_append_c(out, '[');
  for (guint k = parts->len / 2; k-- > 0;) {
    append_part(lines, parts, k, out);
    g_string_append(out, k > 0 ? ", " : "]");
  }
}
