/* SPDX-License-Identifier: GPL-3.0-or-later */
/* vnec run: compiles a script, makes its results folder, performs the run. */
#include <string.h>
#include <unistd.h>

#include "cmd/folders.h"
#include "cmd/images.h"
#include "cmd/perform.h"
#include "cmd/record.h"
#include "cmd/verb.h"


#define NAME_MAX_BYTES 60
#define SAME_SECOND_MAX 100 /* runs of one name that may begin in one second */

typedef struct {
  VnScriptOptions script;
  VnPerformOptions perform;
  char *out, *seed;
  int trials;
  gboolean durable;
} Options;

/* A name for a folder from the experiment's: letters, digits, '-' and '_'. */
static char *
folder_name(const char *experiment)
{
  GString *name = g_string_new(NULL);
  for (const char *c = experiment; *c != '\0' && name->len < NAME_MAX_BYTES; c++) {
    if (g_ascii_isalnum(*c) || *c == '_')
      g_string_append_c(name, *c);
    else if (name->len > 0 && name->str[name->len - 1] != '-')
      g_string_append_c(name, '-');
  }
  while (name->len > 0 && name->str[name->len - 1] == '-')
    g_string_truncate(name, name->len - 1);
  if (name->len == 0)
    g_string_append(name, "run");
  return g_string_free(name, FALSE);
}

static VnStore *
create_store(const Options *options, const char *experiment, GError **error)
{
  if (options->out != NULL)
    return vn_store_create(options->out, options->durable, error);
  g_autoptr(GDateTime) now = g_date_time_new_now_local();
  g_autofree char *stamp = g_date_time_format(now, "%Y%m%d-%H%M%S");
  g_autofree char *name = folder_name(experiment);
  for (guint i = 1; i <= SAME_SECOND_MAX; i++) {
    g_autofree char *path = i == 1 ? g_strdup_printf(VN_RESULTS_TOP "/%s-%s", name, stamp)
                                   : g_strdup_printf(VN_RESULTS_TOP "/%s-%s-%u", name, stamp, i);
    g_autoptr(GError) failure = NULL;
    VnStore *store = vn_store_create(path, options->durable, &failure);
    gboolean taken = g_error_matches(failure, VN_STORE_ERROR, VN_STORE_ERROR_EXISTS) ||
                     g_error_matches(failure, VN_STORE_ERROR, VN_STORE_ERROR_BUSY);
    if (store != NULL || !taken || i == SAME_SECOND_MAX) {
      if (store == NULL)
        g_propagate_error(error, g_steal_pointer(&failure));
      return store;
    }
  }
  g_assert_not_reached();
}

/* --seed, else the script's, else one by lot. */
static gboolean
choose_seed(const Options *options, const VnModel *model, guint64 *out, GError **error)
{
  if (options->seed != NULL)
    return g_ascii_string_to_unsigned(options->seed, 10, 0, G_MAXINT64, out, error);
  *out = model->has_seed ? model->seed : ((guint64)g_random_int() << 31 | g_random_int() >> 1);
  return TRUE;
}

static int
run_script(const Options *options, const VnScript *script)
{
  g_autoptr(GError) error = NULL;
  const VnModel *model = script->points[0].model;
  VnRunNumbers numbers = {0, options->trials > 0 ? (guint32)options->trials : model->trials};
  if (!choose_seed(options, model, &numbers.seed, &error))
    return vn_verb_misuse("run", "--seed: %s", error->message);
  g_autoptr(VnStore) store = create_store(options, model->name, &error);
  if (store == NULL)
    return vn_verb_failed("run", g_error_matches(error, VN_STORE_ERROR, VN_STORE_ERROR_EXISTS)
                                     ? VN_EXIT_MISUSE
                                     : VN_EXIT_BROKEN,
                          error->message);
  if (!vn_record_run(store, script, &options->script, &numbers, &error))
    return vn_verb_failed("run", VN_EXIT_BROKEN, error->message);
  VnPerform perform = {.store = store,
                       .script = script,
                       .script_options = &options->script,
                       .options = &options->perform,
                       .seed = numbers.seed,
                       .trials = numbers.trials};
  return (int)vn_perform(&perform);
}

static int
compile_and_run(Options *options)
{
  VnColour colour;
  g_autoptr(GError) error = NULL;
  if (!vn_perform_check(&options->perform, &error) || options->trials < 0)
    return vn_verb_misuse("run", "%s",
                          error != NULL ? error->message : "--trials: a number from 1 is wanted");
  (void)vn_colour_parse(options->perform.colour, &colour); /* checked above */
  g_autoptr(VnScript) script = vn_script_load(&options->script, &error);
  if (script == NULL)
    return vn_verb_misuse("run", "%s", error->message);
  vn_script_print_diagnostics(script, vn_colour_wanted(colour, STDERR_FILENO), FALSE);
  if (vn_diag_sink_has_errors(script->sink))
    return VN_EXIT_SCRIPT;
  int status = vn_images_prepare("run", script);
  return status == VN_EXIT_PASSED ? run_script(options, script) : status;
}

static void
options_clear(Options *options)
{
  vn_script_options_clear(&options->script);
  g_free(options->perform.colour);
  g_free(options->perform.output_limit);
  g_free(options->out);
  g_free(options->seed);
}

int
vn_verb_run(int argc, char **argv)
{
  Options options = {.perform = VN_PERFORM_DEFAULTS};
  const GOptionEntry entries[] = {
      VN_SCRIPT_OPTIONS(options.script),
      {"out", 'o', 0, G_OPTION_ARG_FILENAME, &options.out,
       "results folder (" VN_RESULTS_TOP "/NAME-DATE-TIME)", "DIR"},
      {"seed", 0, 0, G_OPTION_ARG_STRING, &options.seed, "instead of the script's", "N"},
      {"trials", 0, 0, G_OPTION_ARG_INT, &options.trials, "instead of the script's", "N"},
      {"durable", 0, 0, G_OPTION_ARG_NONE, &options.durable,
       "results survive a power cut, too (slower)", NULL},
      VN_PERFORM_OPTIONS(options.perform),
      {NULL}};
  int status = VN_EXIT_MISUSE;
  gboolean parsed =
      vn_verb_options(&argc, &argv, "FILE", "Runs an experiment (`-`: from standard input) and "
                      "keeps its results.\n\nExit status: 0 verdict passed, 1 failed, 2 misuse, "
                      "3 the script is wrong,\n4 the infrastructure failed, 130 interrupted.",
                      entries, &status);
  if (parsed && argc != 2)
    status = vn_verb_misuse("run", "one script is wanted (see `vnec run --help`)");
  else if (parsed) {
    options.script.path = argv[1];
    status = compile_and_run(&options);
  }
  options_clear(&options);
  return status;
}
