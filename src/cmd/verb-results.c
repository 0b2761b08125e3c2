/* SPDX-License-Identifier: GPL-3.0-or-later */
/* vnec results: lists runs, shows one, exports its tables. */
#include <string.h>
#include <unistd.h>

#include "cmd/folders.h"
#include "cmd/summary.h"
#include "cmd/table.h"
#include "cmd/verb.h"

typedef struct {
  gboolean list, csv, json;
  char *table, *query;
} Options;

static const struct {
  const char *name, *sql;
} tables[] = {
#define VN_RESULT_TABLE(name, sql) {#name, sql},
#include "cmd/tables.def"
#undef VN_RESULT_TABLE
};

static const char *
table_sql(const char *name)
{
  for (guint i = 0; i < G_N_ELEMENTS(tables); i++)
    if (strcmp(tables[i].name, name) == 0)
      return tables[i].sql;
  return NULL;
}

static gboolean
print_run(const char *const *columns, const VnStoreValue *values, guint n, gpointer data)
{
  const char *folder = data;
  const char *state = values[2].text;
  if (g_strcmp0(state, "running") == 0 && !vn_folders_is_busy(folder))
    state = "cut off";
  g_print("%-19.19s  %-11s  %3" G_GINT64_FORMAT "/%-3" G_GINT64_FORMAT "  %-20s  %s\n",
          values[0].text, state, values[3].i, values[4].i, values[1].text, folder);
  return FALSE;
}

static int
list_runs(void)
{
  static const char sql[] =
      "SELECT started, name, coalesce(verdict, status), (SELECT count(*) FROM trial"
      " WHERE ended IS NOT NULL), trials * points FROM run";
  g_autoptr(GPtrArray) folders = vn_folders_list();
  if (folders->len == 0) {
    g_print("No results below ./" VN_RESULTS_TOP ".\n");
    return VN_EXIT_PASSED;
  }
  for (guint i = 0; i < folders->len; i++) {
    g_autoptr(GError) error = NULL;
    g_autoptr(VnStore) store = vn_store_open_readonly(folders->pdata[i], &error);
    if (store == NULL || !vn_store_query(store, sql, print_run, folders->pdata[i], &error))
      g_print("%-19s  %-11s  %s\n", "?", "unreadable", error->message);
  }
  return VN_EXIT_PASSED;
}

static int
show(const char *folder, const Options *options)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(VnStore) store = vn_store_open_readonly(folder, &error);
  if (store == NULL)
    return vn_verb_failed("results", VN_EXIT_MISUSE, error->message);
  VnTableForm form = options->csv    ? VN_TABLE_CSV
                     : options->json ? VN_TABLE_JSON
                                     : VN_TABLE_TEXT;
  gboolean plain = options->table == NULL && options->query == NULL && form == VN_TABLE_TEXT;
  const char *sql = options->query;
  if (sql == NULL)
    sql = table_sql(options->table != NULL ? options->table : "tasks");
  if (!vn_table_print(store, sql, form, &error))
    return vn_verb_failed("results", options->query != NULL ? VN_EXIT_MISUSE : VN_EXIT_BROKEN,
                          error->message);
  if (plain) {
    g_print("\n");
    vn_summary_print(store, vn_colour_wanted(VN_COLOUR_AUTO, STDOUT_FILENO));
  }
  return VN_EXIT_PASSED;
}

static int
results(int argc, char **argv, const Options *options)
{
  if (argc > 2)
    return vn_verb_misuse("results", "one results folder is wanted");
  if (options->csv && options->json)
    return vn_verb_misuse("results", "--csv or --json, not both");
  if (options->table != NULL && options->query != NULL)
    return vn_verb_misuse("results", "--table or --query, not both");
  if (options->table != NULL && table_sql(options->table) == NULL) {
    g_autoptr(GString) names = g_string_new(NULL);
    for (guint i = 0; i < G_N_ELEMENTS(tables); i++)
      g_string_append_printf(names, "%s%s", i > 0 ? ", " : "", tables[i].name);
    return vn_verb_misuse("results", "--table %s: there are %s", options->table, names->str);
  }
  gboolean exports = options->csv || options->json || options->table || options->query;
  if (options->list || (argc < 2 && !exports))
    return list_runs();
  g_autofree char *newest = argc < 2 ? vn_folders_newest() : NULL;
  const char *folder = argc < 2 ? newest : argv[1];
  if (folder == NULL)
    return vn_verb_misuse("results", "there are no results below ./" VN_RESULTS_TOP);
  return show(folder, options);
}

int
vn_verb_results(int argc, char **argv)
{
  Options options = {0};
  const GOptionEntry entries[] = {
      {"list", 'l', 0, G_OPTION_ARG_NONE, &options.list, "list the runs in ./" VN_RESULTS_TOP,
       NULL},
      {"table", 't', 0, G_OPTION_ARG_STRING, &options.table,
       "tasks, outcomes, outputs, fields, measures, expectations, trials, params, hosts, captures, "
       "facts, events", "NAME"},
      {"query", 0, 0, G_OPTION_ARG_STRING, &options.query,
       "any SELECT on the tables of doc/results.md", "SQL"},
      {"csv", 0, 0, G_OPTION_ARG_NONE, &options.csv, "as CSV", NULL},
      {"json", 0, 0, G_OPTION_ARG_NONE, &options.json, "as JSON", NULL},
      {NULL}};
  int status = VN_EXIT_MISUSE;
  if (vn_verb_options(&argc, &argv, "[DIR]",
                      "Shows the results in DIR (for exports: else the newest); without DIR lists "
                      "the runs.",
                      entries, &status))
    status = results(argc, argv, &options);
  g_free(options.table);
  g_free(options.query);
  return status;
}
