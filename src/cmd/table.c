/* SPDX-License-Identifier: GPL-3.0-or-later */
/* CSV and JSON go out row by row; an aligned table has to be held until its widths are known. */
#include "cmd/table.h"

#include <math.h>
#include <string.h>

#include "base/quantity.h"
#include "master/fields.h"

#define TEXT_WIDTH 48 /* characters of one cell of an aligned table */

typedef struct {
  VnTableForm form;
  guint64 n_rows;
  GString *line;
  GPtrArray *cells; /* TEXT: char*, row by row, the heads first */
  guint n_columns;
} Table;

static void
append_value(const VnStoreValue *value, GString *out)
{
  char number[G_ASCII_DTOSTR_BUF_SIZE];
  switch (value->type) {
  case VN_STORE_NULL:
    return;
  case VN_STORE_INT:
    g_string_append_printf(out, "%" G_GINT64_FORMAT, value->i);
    return;
  case VN_STORE_REAL:
    g_string_append(out, g_ascii_dtostr(number, sizeof(number), value->f));
    return;
  case VN_STORE_TEXT:
    g_string_append(out, value->text != NULL ? value->text : "");
    return;
  }
}

/* ---- CSV ---- */

static void
append_csv(const char *text, GString *out)
{
  if (strpbrk(text, ",\"\r\n") == NULL) {
    g_string_append(out, text);
    return;
  }
  g_string_append_c(out, '"');
  for (const char *c = text; *c != '\0'; c++) {
    if (*c == '"')
      g_string_append_c(out, '"');
    g_string_append_c(out, *c);
  }
  g_string_append_c(out, '"');
}

static void
csv_row(Table *table, const char *const *columns, const VnStoreValue *values, guint n)
{
  g_string_truncate(table->line, 0);
  for (guint i = 0; table->n_rows == 0 && i < n; i++) {
    g_string_append(table->line, i > 0 ? "," : "");
    append_csv(columns[i], table->line);
  }
  g_string_append(table->line, table->n_rows == 0 ? "\r\n" : "");
  for (guint i = 0; i < n; i++) {
    g_autoptr(GString) text = g_string_new(NULL);
    append_value(&values[i], text);
    g_string_append(table->line, i > 0 ? "," : "");
    append_csv(text->str, table->line);
  }
  g_print("%s\r\n", table->line->str);
}

/* ---- JSON ---- */

static void
json_row(Table *table, const char *const *columns, const VnStoreValue *values, guint n)
{
  g_string_assign(table->line, table->n_rows == 0 ? "[\n  {" : ",\n  {");
  for (guint i = 0; i < n; i++) {
    g_string_append(table->line, i > 0 ? "," : "");
    vn_text_to_json(columns[i], strlen(columns[i]), table->line);
    g_string_append_c(table->line, ':');
    if (values[i].type == VN_STORE_NULL ||
        (values[i].type == VN_STORE_REAL && !isfinite(values[i].f)))
      g_string_append(table->line, "null");
    else if (values[i].type == VN_STORE_TEXT)
      vn_text_to_json(values[i].text, strlen(values[i].text), table->line);
    else
      append_value(&values[i], table->line);
  }
  g_print("%s}", table->line->str);
}

/* ---- aligned text ---- */

/* One line, nothing that steers a terminal, bounded. */
static char *
cell_text(const char *text)
{
  g_autofree char *valid = g_utf8_make_valid(text, -1);
  for (char *c = valid; *c != '\0'; c++)
    if ((guchar)*c < 0x20 || *c == 0x7f)
      *c = ' ';
  if (g_utf8_strlen(valid, -1) <= TEXT_WIDTH)
    return g_steal_pointer(&valid);
  g_autofree char *cut = g_utf8_substring(valid, 0, TEXT_WIDTH - 1);
  return g_strconcat(cut, "…", NULL);
}

/* Times are kept in nanoseconds, which programs read; nobody else can. */
static gboolean
is_time(const char *column, const VnStoreValue *value)
{
  static const char *const times[] = {"started", "ended", "elapsed"};
  if (value->type != VN_STORE_INT)
    return FALSE;
  for (guint i = 0; i < G_N_ELEMENTS(times); i++)
    if (strcmp(column, times[i]) == 0)
      return TRUE;
  return FALSE;
}

static void
text_row(Table *table, const char *const *columns, const VnStoreValue *values, guint n)
{
  table->n_columns = n;
  for (guint i = 0; table->n_rows == 0 && i < n; i++)
    g_ptr_array_add(table->cells, g_strdup(columns[i]));
  for (guint i = 0; i < n; i++) {
    g_autoptr(GString) text = g_string_new(NULL);
    if (is_time(columns[i], &values[i]))
      vn_duration_append_rounded(values[i].i, text);
    else
      append_value(&values[i], text);
    g_ptr_array_add(table->cells, cell_text(text->str));
  }
}

static void
print_cells(const Table *table)
{
  guint n = table->n_columns;
  g_autofree glong *widths = g_new0(glong, n + 1);
  for (guint i = 0; i < table->cells->len; i++)
    widths[i % n] = MAX(widths[i % n], g_utf8_strlen(table->cells->pdata[i], -1));
  for (guint i = 0; i < table->cells->len; i++) {
    const char *cell = table->cells->pdata[i];
    gboolean last = i % n == n - 1;
    int pad = last ? 0 : (int)(widths[i % n] - g_utf8_strlen(cell, -1)) + 2;
    g_print("%s%*s%s", cell, pad, "", last ? "\n" : "");
  }
}

static gboolean
on_row(const char *const *columns, const VnStoreValue *values, guint n, gpointer data)
{
  Table *table = data;
  switch (table->form) {
  case VN_TABLE_TEXT:
    text_row(table, columns, values, n);
    break;
  case VN_TABLE_CSV:
    csv_row(table, columns, values, n);
    break;
  case VN_TABLE_JSON:
    json_row(table, columns, values, n);
    break;
  }
  table->n_rows++;
  return TRUE;
}

gboolean
vn_table_print(VnStore *store, const char *sql, VnTableForm form, GError **error)
{
  g_autoptr(GPtrArray) cells = g_ptr_array_new_with_free_func(g_free);
  g_autoptr(GString) line = g_string_new(NULL);
  Table table = {.form = form, .line = line, .cells = cells};
  gboolean done = vn_store_query(store, sql, on_row, &table, error);
  if (form == VN_TABLE_JSON && done)
    g_print("%s", table.n_rows == 0 ? "[]\n" : "\n]\n");
  else if (form == VN_TABLE_TEXT && table.n_columns > 0)
    print_cells(&table);
  return done;
}
