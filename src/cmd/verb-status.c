/* SPDX-License-Identifier: GPL-3.0-or-later */
/* vnec status: how far a run has come, from what it has stored so far. */
#include "cmd/folders.h"
#include "cmd/table.h"
#include "cmd/verb.h"

#define ENDED "(SELECT count(*) FROM trial WHERE ended IS NOT NULL)"
#define NOW                                                                                        \
  "(SELECT count(*) FROM outcome WHERE trial = (SELECT max(id) FROM trial)"                        \
  " AND status <> 'retried')"

static gboolean
print_state(const char *const *columns, const VnStoreValue *values, guint n, gpointer data)
{
  gboolean busy = *(const gboolean *)data;
  gboolean running = g_strcmp0(values[1].text, "running") == 0;
  const char *state = running && !busy ? "cut off (`vnec resume` goes on)" : values[1].text;
  g_print("%s: %s", values[0].text, state);
  if (values[2].text != NULL)
    g_print(", verdict %s", values[2].text);
  g_print("\n%" G_GINT64_FORMAT " of %" G_GINT64_FORMAT " trials have ended, %" G_GINT64_FORMAT
          " passed\n",
          values[3].i, values[4].i, values[5].i);
  if (running)
    g_print("in the present one %" G_GINT64_FORMAT " tasks have ended\n", values[6].i);
  return FALSE;
}

int
vn_verb_status(int argc, char **argv)
{
  static const char sql[] =
      "SELECT name, status, verdict, " ENDED ", trials * points,"
      " (SELECT count(*) FROM trial WHERE verdict = 'passed'), " NOW " FROM run";
  const GOptionEntry entries[] = {{NULL}};
  int status = VN_EXIT_MISUSE;
  if (!vn_verb_options(&argc, &argv, "[DIR]",
                       "Says how far the run in DIR (else the newest in ./" VN_RESULTS_TOP
                       ") has come.",
                       entries, &status))
    return status;
  if (argc > 2)
    return vn_verb_misuse("status", "one results folder is wanted");
  g_autofree char *folder = argc == 2 ? g_strdup(argv[1]) : vn_folders_newest();
  if (folder == NULL)
    return vn_verb_misuse("status", "there are no results below ./" VN_RESULTS_TOP);
  g_autoptr(GError) error = NULL;
  g_autoptr(VnStore) store = vn_store_open_readonly(folder, &error);
  gboolean busy = vn_folders_is_busy(folder);
  if (store == NULL || !vn_store_query(store, sql, print_state, &busy, &error))
    return vn_verb_failed("status", VN_EXIT_MISUSE, error->message);
  return VN_EXIT_PASSED;
}
