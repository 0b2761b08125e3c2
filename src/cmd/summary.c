/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cmd/summary.h"

#include <math.h>
#include <string.h>

#include "store/statistics.h"

/* One row of the table: a measure at a point. */
typedef struct {
  char *point, *name, *unit;
  VnStatistics statistics;
} Row;

typedef struct {
  GPtrArray *rows; /* of Row* */
} Table;

static void
row_free(gpointer data)
{
  Row *row = data;
  g_free(row->point);
  g_free(row->name);
  g_free(row->unit);
  g_free(row);
}

/* Columns: point, name, unit, value; sorted by point and name. */
static gboolean
take_measure(const char *const *columns, const VnStoreValue *values, guint n, gpointer data)
{
  Table *table = data;
  Row *last = table->rows->len > 0 ? table->rows->pdata[table->rows->len - 1] : NULL;
  const char *point = values[0].text != NULL ? values[0].text : "";
  if (last == NULL || strcmp(last->point, point) != 0 || strcmp(last->name, values[1].text) != 0) {
    last = g_new0(Row, 1);
    last->point = g_strdup(point);
    last->name = g_strdup(values[1].text);
    last->unit = g_strdup(values[2].text);
    g_ptr_array_add(table->rows, last);
  }
  if (values[3].type == VN_STORE_REAL && isfinite(values[3].f))
    vn_statistics_add(&last->statistics, values[3].f);
  return TRUE;
}

static const char measures_sql[] =
    "SELECT (SELECT group_concat(p.name || '=' || p.text, ' ') FROM param p"
    " WHERE p.point = r.point AND p.swept), m.name, m.unit, m.value"
    " FROM measure m JOIN trial r ON r.id = m.trial ORDER BY r.point, m.name, r.number";

static void
format_number(double value, const char *unit, char *buffer, gsize size)
{
  static const struct {
    double least, divide;
    const char *text;
  } times[] = {{1e9, 1e9, " s"}, {1e6, 1e6, " ms"}, {1e3, 1e3, " us"}, {0, 1, " ns"}};
  if (g_strcmp0(unit, "ns") != 0) {
    g_snprintf(buffer, size, "%.5g%s%s", value, unit != NULL && *unit != '%' ? " " : "",
               unit != NULL ? unit : "");
    return;
  }
  guint i = 0;
  while (fabs(value) < times[i].least)
    i++;
  g_snprintf(buffer, size, "%.4g%s", value / times[i].divide, times[i].text);
}

static void
print_row(const Row *row, int point_width, int name_width)
{
  char mean[32], deviation[32], low[32], high[32], interval[72] = "";
  const VnStatistics *s = &row->statistics;
  double half = vn_statistics_interval(s);
  if (s->n == 0) {
    g_print("%-*s  %-*s  %5u\n", name_width, row->name, point_width, row->point, s->n);
    return;
  }
  format_number(s->mean, row->unit, mean, sizeof(mean));
  format_number(vn_statistics_stddev(s), row->unit, deviation, sizeof(deviation));
  format_number(s->mean - half, row->unit, low, sizeof(low));
  format_number(s->mean + half, row->unit, high, sizeof(high));
  if (s->n > 1)
    g_snprintf(interval, sizeof(interval), "%s … %s", low, high);
  g_print("%-*s  %-*s  %5u  %12s  %12s  %s\n", name_width, row->name, point_width, row->point,
          s->n, mean, s->n > 1 ? deviation : "", interval);
}

static void
print_measures(VnStore *store)
{
  g_autoptr(GPtrArray) rows = g_ptr_array_new_with_free_func(row_free);
  Table table = {rows};
  g_autoptr(GError) error = NULL;
  if (!vn_store_query(store, measures_sql, take_measure, &table, &error)) {
    g_printerr("vnec: %s\n", error->message);
    return;
  }
  if (rows->len == 0)
    return;
  int point_width = 0, name_width = 7;
  for (guint i = 0; i < rows->len; i++) {
    const Row *row = rows->pdata[i];
    point_width = MAX(point_width, (int)g_utf8_strlen(row->point, -1));
    name_width = MAX(name_width, (int)g_utf8_strlen(row->name, -1));
  }
  g_print("\n%-*s  %-*s  %5s  %12s  %12s  %s\n", name_width, "measure", point_width, "", "n",
          "mean", "stddev", "95% interval");
  for (guint i = 0; i < rows->len; i++)
    print_row(rows->pdata[i], point_width, name_width);
}

static gboolean
print_head(const char *const *columns, const VnStoreValue *values, guint n, gpointer data)
{
  gboolean colour = *(const gboolean *)data;
  const char *status = values[0].text, *verdict = values[1].text, *error = values[2].text;
  gint64 trials = values[3].i, passed = values[4].i, wanted = values[5].i;
  const char *word = verdict != NULL ? verdict : status;
  const char *tint = g_strcmp0(verdict, "passed") == 0 ? "\033[1;32m" : "\033[1;31m";
  g_print("%s: %s%s%s", verdict != NULL ? "Verdict" : "Status", colour ? tint : "", word,
          colour ? "\033[0m" : "");
  if (wanted > 1 || trials != wanted)
    g_print(" (%" G_GINT64_FORMAT " of %" G_GINT64_FORMAT " trials passed%s)", passed, wanted,
            trials != wanted ? ", not all took place" : "");
  g_print("\n");
  if (error != NULL)
    g_print("Reason: %s\n", error);
  return FALSE;
}

void
vn_summary_print(VnStore *store, gboolean colour)
{
  static const char head_sql[] =
      "SELECT status, verdict, error, (SELECT count(*) FROM trial WHERE ended IS NOT NULL),"
      " (SELECT count(*) FROM trial WHERE verdict = 'passed'), trials * points FROM run";
  g_autoptr(GError) error = NULL;
  if (!vn_store_query(store, head_sql, print_head, &colour, &error))
    g_printerr("vnec: %s\n", error->message);
  print_measures(store);
  g_autofree char *here = g_get_current_dir();
  const char *folder = vn_store_folder(store);
  gsize length = strlen(here);
  gboolean inside = g_str_has_prefix(folder, here) && folder[length] == '/';
  g_print("\nResults: %s\n", inside ? folder + length + 1 : folder);
}
