/* SPDX-License-Identifier: GPL-3.0-or-later */
/* vnec plan: what `vnec run` would do, without doing any of it. */
#include <string.h>
#include <unistd.h>

#include "cmd/report.h"
#include "cmd/verb.h"
#include "emit/emit.h"

typedef struct {
  VnScriptOptions script;
  char *colour;
  int point;
  gboolean json, quiet;
} Options;

/* "point 2 of 8: fanout=2; 30 trials each"; nothing where there is one of each. */
static void
append_runs(const Options *options, const VnScript *script, guint32 point, GString *out)
{
  VnReportConfig report = {.script = script, .options = &options->script};
  guint32 trials = script->points[point].model->trials;
  if (script->n_points > 1) {
    g_string_append_printf(out, "point %u of %u:", point + 1, script->n_points);
    vn_report_point(&report, point, out);
    g_string_append(out, "; --point N shows another\n");
  }
  if (trials > 1)
    g_string_append_printf(out, "%u trials%s, each from the clean state\n", trials,
                           script->n_points > 1 ? " of each point" : "");
}

static int
print_plan(const Options *options, const VnScript *script)
{
  guint32 point = options->point > 0 ? (guint32)options->point - 1 : 0;
  g_autoptr(GString) out = g_string_new(NULL);
  if (point >= script->n_points)
    return vn_verb_misuse("plan", "--point: the sweep has %u", script->n_points);
  if (options->quiet)
    return VN_EXIT_PASSED;
  if (options->json) {
    vn_emit_plan_json(script->points[point].graph, out);
  } else {
    append_runs(options, script, point, out);
    vn_emit_plan(script->points[point].graph, out);
  }
  g_print("%s", out->str);
  return VN_EXIT_PASSED;
}

static int
compile_and_print(const Options *options)
{
  VnColour colour;
  g_autoptr(GError) error = NULL;
  if (!vn_colour_parse(options->colour, &colour))
    return vn_verb_misuse("plan", "--color=%s: always, auto or never is wanted", options->colour);
  if (options->point < 0)
    return vn_verb_misuse("plan", "--point: a number from 1 is wanted");
  g_autoptr(VnScript) script = vn_script_load(&options->script, &error);
  if (script == NULL)
    return vn_verb_misuse("plan", "%s", error->message);
  vn_script_print_diagnostics(script, vn_colour_wanted(colour, STDERR_FILENO), FALSE);
  if (vn_diag_sink_has_errors(script->sink))
    return VN_EXIT_SCRIPT;
  return print_plan(options, script);
}

static void
options_clear(Options *options)
{
  vn_script_options_clear(&options->script);
  g_free(options->colour);
}

int
vn_verb_plan(int argc, char **argv)
{
  Options options = {0};
  const GOptionEntry entries[] = {
      VN_SCRIPT_OPTIONS(options.script),
      {"point", 0, 0, G_OPTION_ARG_INT, &options.point, "of the sweep, from 1 (the first)", "N"},
      {"json", 0, 0, G_OPTION_ARG_NONE, &options.json, "as JSON", NULL},
      {"quiet", 'q', 0, G_OPTION_ARG_NONE, &options.quiet, "only say what is wrong", NULL},
      {"color", 0, 0, G_OPTION_ARG_STRING, &options.colour, "always, auto or never", "WHEN"},
      {NULL}};
  int status = VN_EXIT_MISUSE;
  gboolean parsed = vn_verb_options(
      &argc, &argv, "FILE",
      "Prints everything that a run of the script (`-`: from standard input) would do: the\n"
      "network with what is added to it, the tasks with what each waits for.\n\n"
      "Exit status: 0 it could run, 2 misuse, 3 the script is wrong.",
      entries, &status);
  if (parsed && argc != 2)
    status = vn_verb_misuse("plan", "one script is wanted (see `vnec plan --help`)");
  else if (parsed) {
    options.script.path = argv[1];
    status = compile_and_print(&options);
  }
  options_clear(&options);
  return status;
}
