/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The loop around a run of the master, what is shown of it, and how it is judged. */
#include "cmd/perform.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cmd/paths.h"
#include "cmd/report.h"
#include "cmd/signals.h"
#include "cmd/summary.h"

#define FLUSH_MS         100
#define OUTPUT_LIMIT_MAX (G_GINT64_CONSTANT(1) << 30)

/* "16MiB", or a number of bytes. */
static gboolean
size_parse(const char *text, gint64 *out)
{
  char *end;
  gint64 number = g_ascii_strtoll(text, &end, 10);
  VnUnit unit = *end == '\0' ? VN_UNIT_B : vn_unit_from_text(end, strlen(end));
  if (end == text || number <= 0 || unit == VN_UNIT_NONE ||
      vn_unit_dimension(unit) != VN_DIM_SIZE || number > OUTPUT_LIMIT_MAX / vn_unit_factor(unit))
    return FALSE;
  *out = number * vn_unit_factor(unit);
  return TRUE;
}

gboolean
vn_perform_check(const VnPerformOptions *options, GError **error)
{
  VnColour colour;
  gint64 size;
  const char *wrong = NULL;
  if (!vn_colour_parse(options->colour, &colour))
    wrong = "--color: auto, always or never is wanted";
  else if (options->output_limit != NULL && !size_parse(options->output_limit, &size))
    wrong = "--max-output: a size up to 1GiB is wanted, as in 16MiB";
  else if (options->at_once < 0 || options->at_once_host < 0 || options->at_once_site < 0)
    wrong = "--at-once: a number from 0 is wanted";
  if (wrong != NULL)
    g_set_error_literal(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE, wrong);
  return wrong == NULL;
}

static VnRunConfig
run_config(const VnPerform *perform, const char *slave)
{
  VnRunConfig config = {.store = perform->store,
                        .points = perform->script->points,
                        .n_points = perform->script->n_points,
                        .trials = perform->trials,
                        .done = perform->done,
                        .seed = perform->seed,
                        .folder = perform->script->folder,
                        .slave_program = slave,
                        .output_limit = VN_OUTPUT_LIMIT_DEFAULT,
                        .limits = {(guint32)perform->options->at_once_host,
                                   (guint32)perform->options->at_once_site,
                                   (guint32)perform->options->at_once}};
  if (perform->options->output_limit != NULL)
    (void)size_parse(perform->options->output_limit, &config.output_limit); /* checked before */
  return config;
}

typedef struct {
  VnStore *store;
  VnReport *json; /* NULL: lines are for people */
} Output;

/* Whoever reads a line may look for what it says in the results. */
static void
store_output(gpointer data)
{
  const Output *output = data;
  gboolean kept = vn_store_flush(output->store, NULL); /* the next commit tells of a failure */
  if (output->json != NULL)
    vn_report_json_let_out(output->json, kept);
}

/* Lines and outcomes gather for a moment: a write for each would cost more than a short task. */
static gboolean
flush_output(gpointer data)
{
  store_output(data);
  (void)fflush(stdout); /* main tells a failure at the end */
  return G_SOURCE_CONTINUE;
}

static void
run_loop(VnRun *run, Output *output, GMainLoop *loop)
{
  guint flushing = g_timeout_add(FLUSH_MS, flush_output, output);
  vn_run_start(run);
  g_main_loop_run(loop);
  g_source_remove(flushing);
}

/* The verdict of the whole run: also of trials before a resume. */
static const char *
whole_verdict(VnStore *store, VnRunStatus status)
{
  if (status != VN_RUN_COMPLETED && status != VN_RUN_FAILED)
    return NULL;
  g_autofree char *failed =
      vn_store_lookup(store, "SELECT count(*) FROM trial WHERE verdict IS NOT 'passed'", NULL);
  return g_strcmp0(failed, "0") == 0 ? "passed" : "failed";
}

static VnExit
exit_status(VnRunStatus status, const char *verdict)
{
  if (status == VN_RUN_BROKEN)
    return VN_EXIT_BROKEN;
  if (status == VN_RUN_INTERRUPTED)
    return VN_EXIT_INTERRUPTED;
  return g_strcmp0(verdict, "passed") == 0 ? VN_EXIT_PASSED : VN_EXIT_FAILED;
}

static VnExit
conclude(const VnPerform *perform, const VnRunSummary *summary, gboolean colour)
{
  g_autoptr(GError) error = NULL;
  const char *verdict = whole_verdict(perform->store, summary->status);
  VnExit status = exit_status(summary->status, verdict);
  vn_store_end_run(perform->store, vn_run_status_text(summary->status), verdict, summary->error);
  const char *folder = vn_store_folder(perform->store), *why = summary->error;
  gboolean kept = vn_store_flush(perform->store, &error);
  if (!kept) {
    status = VN_EXIT_BROKEN;
    verdict = NULL;
    why = error->message;
  }
  if (perform->options->json)
    vn_report_json_end(verdict, (int)status, folder, why);
  else if (kept)
    vn_summary_print(perform->store, colour);
  else /* what the database says is older than what happened */
    g_printerr("vnec: the results could not be kept: %s\n"
               "vnec: what is in %s is whole up to there. Make room, then: vnec resume %s\n",
               why, folder, folder);
  return status;
}

VnExit
vn_perform(const VnPerform *perform)
{
  const VnPerformOptions *options = perform->options;
  VnColour when;
  (void)vn_colour_parse(options->colour, &when); /* checked before */
  gboolean colour = !options->json && vn_colour_wanted(when, STDOUT_FILENO);
  g_autofree char *helpers = vn_paths_helpers();
  g_autofree char *slave = g_build_filename(helpers, "vnec-slave", NULL);
  g_autoptr(GMainLoop) loop = g_main_loop_new(NULL, FALSE);
  VnReportConfig shown = {.script = perform->script,
                          .options = perform->script_options,
                          .trials = perform->trials,
                          .quiet = options->quiet,
                          .colour = colour,
                          .terminal =
                              isatty(STDOUT_FILENO) && g_strcmp0(g_getenv("TERM"), "dumb") != 0,
                          .loop = loop,
                          .store = store_output};
  Output output = {.store = perform->store};
  shown.store_data = &output;
  const VnRunEvents *events;
  VnReport *report =
      options->json ? vn_report_json_new(&shown, &events) : vn_report_text_new(&shown, &events);
  output.json = options->json ? report : NULL;
  VnRunConfig config = run_config(perform, slave);
  g_autoptr(VnRun) run = vn_run_new(&config, events, report);
  VnSignals signals;
  vn_signals_watch(&signals, run, options->json);
  run_loop(run, &output, loop);
  VnRunSummary summary = vn_run_summary(run);
  store_output(&output);
  if (options->json)
    vn_report_json_free(report);
  else
    vn_report_text_free(report);
  VnExit status = conclude(perform, &summary, colour);
  vn_signals_ignore(&signals);
  return status;
}
