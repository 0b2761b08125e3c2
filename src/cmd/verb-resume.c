/* SPDX-License-Identifier: GPL-3.0-or-later */
/* vnec resume: keeps the trials that ended, and does the others from the clean state: the one that
 * was cut off, and those that had not begun. The script is compiled from its copy in the folder. */
#include <string.h>
#include <unistd.h>

#include "cmd/images.h"
#include "cmd/perform.h"
#include "cmd/verb.h"

typedef struct {
  char *script, *folder;
  guint64 seed;
  guint32 trials, points;
} Kept;

typedef struct {
  GPtrArray *defines, *warnings;
  char *rules;
} KeptOptions;

static gboolean
take_run(const char *const *columns, const VnStoreValue *values, guint n, gpointer data)
{
  Kept *kept = data;
  kept->script = g_strdup(values[0].text);
  kept->folder = g_strdup(values[1].text);
  kept->seed = (guint64)values[2].i;
  kept->trials = (guint32)values[3].i;
  kept->points = (guint32)values[4].i;
  return FALSE;
}

static gboolean
take_option(const char *const *columns, const VnStoreValue *values, guint n, gpointer data)
{
  KeptOptions *options = data;
  if (strcmp(values[0].text, "define") == 0)
    g_ptr_array_add(options->defines, g_strdup(values[1].text));
  else if (strcmp(values[0].text, "warning") == 0)
    g_ptr_array_add(options->warnings, g_strdup(values[1].text));
  else if (strcmp(values[0].text, "rules") == 0)
    options->rules = g_strdup(values[1].text);
  return TRUE;
}

/* Trials that ended by themselves are kept; the others are removed with their files. */
typedef struct {
  VnStore *store;
  guint8 *done;
  guint32 trials;
  guint64 total, n_done;
  GArray *drop; /* of gint64 */
} Sorting;

static gboolean
sort_trial(const char *const *columns, const VnStoreValue *values, guint n, gpointer data)
{
  Sorting *sorting = data;
  guint64 place = (guint64)values[1].i * sorting->trials + (guint64)values[2].i;
  gboolean ended =
      strcmp(values[3].text, "completed") == 0 || strcmp(values[3].text, "failed") == 0;
  if (!ended || place >= sorting->total) {
    g_array_append_val(sorting->drop, values[0].i);
  } else {
    sorting->done[place] = 1;
    sorting->n_done++;
  }
  return TRUE;
}

static gboolean
sort_trials(Sorting *sorting, GError **error)
{
  if (!vn_store_query(sorting->store, "SELECT id, point, number, status FROM trial", sort_trial,
                      sorting, error))
    return FALSE;
  for (guint i = 0; i < sorting->drop->len; i++)
    vn_store_drop_trial(sorting->store, g_array_index(sorting->drop, gint64, i));
  return vn_store_commit(sorting->store, error);
}

/* The copy must be what it was when the run began. */
static gboolean
check_source(const char *const *columns, const VnStoreValue *values, guint n, gpointer data)
{
  char **changed = data;
  g_autofree char *text = NULL;
  gsize size;
  if (g_file_get_contents(values[2].text, &text, &size, NULL)) {
    g_autofree char *sha256 =
        g_compute_checksum_for_data(G_CHECKSUM_SHA256, (const guchar *)text, size);
    if (strcmp(sha256, values[1].text) == 0)
      return TRUE;
  }
  *changed = g_strdup(values[2].text);
  return FALSE;
}

static gboolean
check_sources(VnStore *store, GError **error)
{
  g_autofree char *changed = NULL;
  g_autofree char *quoted = NULL;
  g_auto(GStrv) parts = g_strsplit(vn_store_folder(store), "'", -1);
  quoted = g_strjoinv("''", parts);
  g_autofree char *sql =
      g_strdup_printf("SELECT file, sha256, '%s/script/' || file FROM source", quoted);
  if (!vn_store_query(store, sql, check_source, &changed, error))
    return FALSE;
  if (changed != NULL)
    g_set_error(error, VN_STORE_ERROR, VN_STORE_ERROR_FORMAT,
                "%s is not what it was when the run began", changed);
  return changed == NULL;
}

static int
perform(VnStore *store, const VnScript *script, const VnScriptOptions *script_options,
        const VnPerformOptions *options, const Kept *kept)
{
  g_autoptr(GError) error = NULL;
  guint64 total = (guint64)kept->points * kept->trials;
  g_autofree guint8 *done = g_new0(guint8, total + 1);
  g_autoptr(GArray) drop = g_array_new(FALSE, FALSE, sizeof(gint64));
  Sorting sorting = {store, done, kept->trials, total, 0, drop};
  if (script->n_points != kept->points)
    return vn_verb_failed("resume", VN_EXIT_BROKEN, "the script gives another sweep than it did");
  if (!sort_trials(&sorting, &error))
    return vn_verb_failed("resume", VN_EXIT_BROKEN, error->message);
  if (!options->json && !options->quiet)
    g_print("%" G_GUINT64_FORMAT " of %" G_GUINT64_FORMAT " trials are kept\n", sorting.n_done,
            total);
  VnPerform what = {store, script, script_options, options, kept->seed, kept->trials, done};
  return (int)vn_perform(&what);
}

static int
compile_and_perform(VnStore *store, const Kept *kept, const KeptOptions *kept_options,
                    const VnPerformOptions *options)
{
  g_autoptr(GError) error = NULL;
  g_autofree char *copies = g_build_filename(vn_store_folder(store), "script", NULL);
  g_autofree char *path = g_build_filename(copies, kept->script, NULL);
  VnScriptOptions script_options = {.path = path,
                                    .defines = (char **)kept_options->defines->pdata,
                                    .warnings = (char **)kept_options->warnings->pdata,
                                    .rules = kept_options->rules,
                                    .stdlib = copies,
                                    .folder = kept->folder};
  VnColour colour;
  (void)vn_colour_parse(options->colour, &colour); /* checked before */
  g_autoptr(VnScript) script = vn_script_load(&script_options, &error);
  if (script == NULL)
    return vn_verb_failed("resume", VN_EXIT_BROKEN, error->message);
  vn_script_print_diagnostics(script, vn_colour_wanted(colour, STDERR_FILENO), FALSE);
  if (vn_diag_sink_has_errors(script->sink))
    return VN_EXIT_SCRIPT;
  int status = vn_images_prepare("resume", script);
  return status == VN_EXIT_PASSED ? perform(store, script, &script_options, options, kept)
                                  : status;
}

static int
resume(const char *folder, gboolean durable, const VnPerformOptions *options)
{
  g_autoptr(GError) error = NULL;
  if (!vn_perform_check(options, &error))
    return vn_verb_misuse("resume", "%s", error->message);
  g_autoptr(VnStore) store = vn_store_open(folder, durable, &error);
  if (store == NULL)
    return vn_verb_failed("resume", VN_EXIT_MISUSE, error->message);
  Kept kept = {0};
  KeptOptions kept_options = {g_ptr_array_new_with_free_func(g_free),
                              g_ptr_array_new_with_free_func(g_free), NULL};
  int status = VN_EXIT_BROKEN;
  gboolean read =
      vn_store_query(store, "SELECT script, folder, seed, trials, points FROM run", take_run,
                     &kept, &error) &&
      vn_store_query(store, "SELECT name, value FROM option ORDER BY id", take_option,
                     &kept_options, &error) &&
      check_sources(store, &error);
  g_ptr_array_add(kept_options.defines, NULL);
  g_ptr_array_add(kept_options.warnings, NULL);
  if (!read)
    status = vn_verb_failed("resume", VN_EXIT_BROKEN, error->message);
  else if (kept.script == NULL)
    status = vn_verb_failed("resume", VN_EXIT_BROKEN, "the run had not begun: start it anew");
  else
    status = compile_and_perform(store, &kept, &kept_options, options);
  g_ptr_array_unref(kept_options.defines);
  g_ptr_array_unref(kept_options.warnings);
  g_free(kept_options.rules);
  g_free(kept.script);
  g_free(kept.folder);
  return status;
}

int
vn_verb_resume(int argc, char **argv)
{
  VnPerformOptions options = VN_PERFORM_DEFAULTS;
  gboolean durable = FALSE;
  const GOptionEntry entries[] = {
      {"durable", 0, 0, G_OPTION_ARG_NONE, &durable,
       "results survive a power cut, too (slower)", NULL},
      VN_PERFORM_OPTIONS(options),
      {NULL}};
  int status = VN_EXIT_MISUSE;
  gboolean parsed = vn_verb_options(&argc, &argv, "DIR",
                                    "Goes on with the run whose results are in DIR: trials that "
                                    "ended are kept, the others are done from the clean state.",
                                    entries, &status);
  if (parsed && argc != 2)
    status = vn_verb_misuse("resume", "one results folder is wanted");
  else if (parsed)
    status = resume(argv[1], durable, &options);
  g_free(options.colour);
  g_free(options.output_limit);
  return status;
}
