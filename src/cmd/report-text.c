/* SPDX-License-Identifier: GPL-3.0-or-later */
/* For people. A line for each task while there is one trial of a readable size, else one for each
 * trial; failures always, the first ones at length. The status line is drawn by a timer, so a
 * thousand tasks a second cost no more than ten. */
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "cmd/report.h"

#define MAX_TASK_LINES   400  /* tasks of a trial that get a line each */
#define MAX_FAILURES     10   /* failures of a run told at length */
#define STDERR_LINES     8    /* of a failed task */
#define STDERR_LINE      200  /* bytes */
#define REDRAW_MS        100
#define FIELD_TEXT       60   /* bytes of one field in a task's line */

struct VnReport {
  VnReportConfig config;
  const VnGraph *graph;
  guint32 trial, tasks, ended, running, failures, expectations_failed;
  guint64 trials_ended;
  gint64 started_us;
  gboolean drawn;  /* the status line stands there: */
  GString *status;
  guint timer;
};

/* ---- the status line ---- */

static void
erase_status(VnReport *report)
{
  if (!report->drawn)
    return;
  g_print("\r\033[K");
  report->drawn = FALSE;
}

static int
terminal_width(void)
{
  struct winsize size;
  return ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 20 ? size.ws_col : 80;
}

static gboolean
draw_status(gpointer data)
{
  VnReport *report = data;
  if (report->graph == NULL)
    return G_SOURCE_CONTINUE;
  gint64 seconds = (g_get_monotonic_time() - report->started_us) / G_USEC_PER_SEC;
  g_autoptr(GString) text = g_string_new(NULL);
  guint64 total = (guint64)report->config.script->n_points * report->config.trials;
  g_string_append_printf(text, "%" G_GINT64_FORMAT ":%02d  ", seconds / 60, (int)(seconds % 60));
  if (total > 1)
    g_string_append_printf(text, "trial %" G_GUINT64_FORMAT "/%" G_GUINT64_FORMAT "  ",
                           report->trials_ended + 1, total);
  g_string_append_printf(text, "tasks %u/%u  running %u", report->ended, report->tasks,
                         report->running);
  if (report->failures > 0)
    g_string_append_printf(text, "  failed %u", report->failures);
  if (text->len >= (gsize)terminal_width())
    g_string_truncate(text, (gsize)terminal_width() - 1);
  if (report->drawn && strcmp(text->str, report->status->str) == 0)
    return G_SOURCE_CONTINUE;
  g_string_assign(report->status, text->str);
  g_print("\r\033[K%s", text->str);
  report->drawn = TRUE;
  (void)fflush(stdout);
  return G_SOURCE_CONTINUE;
}

static const char *
tint(const VnReport *report, const char *colour)
{
  return report->config.colour ? colour : "";
}

/* ---- trials ---- */

void
vn_report_point(const VnReportConfig *config, guint32 point, GString *out)
{
  const VnModel *model = config->script->points[point].model;
  for (guint32 i = 0; i < model->n_params; i++) {
    if (!vn_script_is_swept(config->script, config->options, model, i))
      continue;
    g_string_append_printf(out, "%s%s=", out->len > 0 ? " " : "", model->params[i].name);
    vn_value_format(&model->params[i].value, vn_model_name_of, (gpointer)model, out);
  }
}

static gboolean
is_single(const VnReport *report)
{
  return (guint64)report->config.script->n_points * report->config.trials == 1;
}

static void
on_trial_started(guint32 point, guint32 number, guint64 seed, const VnGraph *graph, gpointer data)
{
  VnReport *report = data;
  report->graph = graph;
  report->tasks = report->ended = report->running = 0;
  for (guint32 i = 0; i < graph->n_nodes; i++)
    report->tasks += graph->nodes[i].kind == VN_NODE_TASK;
}

static void
append_measure(const VnMeasureResult *measure, GString *out)
{
  g_string_append_printf(out, "  %s=", measure->measure->name);
  if (!measure->known)
    g_string_append_c(out, '?');
  else if (g_strcmp0(measure->unit, "ns") == 0)
    vn_duration_append_rounded((gint64)measure->value, out);
  else
    g_string_append_printf(out, "%.6g%s", measure->value,
                           measure->unit != NULL ? measure->unit : "");
}

static void
print_expectations(VnReport *report, const VnTrialReport *trial)
{
  for (guint32 i = 0; i < trial->n_expectations; i++) {
    const VnExpectationResult *e = &trial->expectations[i];
    if (e->passed || report->expectations_failed++ >= MAX_FAILURES)
      continue;
    g_print("%s: %sexpectation failed:%s %s\n", e->place, tint(report, "\033[1;31m"),
            tint(report, "\033[0m"), e->expectation->text);
    if (e->message != NULL)
      g_print("    %s\n", e->message);
    if (e->error != NULL)
      g_print("    it could not be evaluated: %s\n", e->error);
  }
}

static const char *
trial_word(const VnTrialReport *trial)
{
  if (trial->status == VN_RUN_COMPLETED)
    return trial->passed ? "passed" : "failed";
  return vn_run_status_text(trial->status);
}

static void
on_trial_ended(const VnTrialReport *trial, gpointer data)
{
  VnReport *report = data;
  erase_status(report);
  print_expectations(report, trial);
  report->graph = NULL;
  report->trials_ended++;
  if (report->config.quiet || is_single(report))
    return;
  g_autoptr(GString) line = g_string_new(NULL);
  g_autoptr(GString) point = g_string_new(NULL);
  vn_report_point(&report->config, trial->point, point);
  g_string_append_printf(line, "%strial %u%s%s%s  ", point->str, trial->number,
                         tint(report, trial->passed ? "\033[32m" : "\033[1;31m"), "  ",
                         trial_word(trial));
  if (point->len > 0)
    g_string_insert(line, (gssize)point->len, "  ");
  g_string_append(line, tint(report, "\033[0m"));
  vn_duration_append_rounded(trial->elapsed_ns, line);
  for (guint32 i = 0; i < trial->n_measures; i++)
    append_measure(&trial->measures[i], line);
  g_print("%s\n", line->str);
}

/* ---- tasks ---- */

static void
on_node_started(const VnGraph *graph, guint32 node, guint32 attempt, gint64 at_ns, gpointer data)
{
  VnReport *report = data;
  report->running += graph->nodes[node].kind == VN_NODE_TASK;
}

static void
on_node_serving(const VnGraph *graph, guint32 node, gint64 at_ns, gpointer data)
{
  VnReport *report = data;
  report->running--;
  if (report->config.quiet || !is_single(report) || report->tasks > MAX_TASK_LINES ||
      graph->task_node[graph->nodes[node].task] != node)
    return;
  erase_status(report);
  g_autoptr(GString) label = g_string_new(NULL);
  vn_node_label(graph, node, label);
  g_print("%s  ready%s   %s\n", tint(report, "\033[36m"), tint(report, "\033[0m"), label->str);
}

static void
append_fields(const VnModel *model, const VnTask *task, const VnOutcome *outcome, GString *out)
{
  for (guint32 i = 0; task->control == VN_CONTROL_NONE && i < outcome->n_fields; i++) {
    g_autoptr(GString) value = g_string_new(NULL);
    if (outcome->fields[i].kind == VN_VALUE_NONE)
      continue;
    vn_value_format(&outcome->fields[i], vn_model_name_of, (gpointer)model, value);
    for (gsize k = 0; k < value->len; k++)
      if ((guchar)value->str[k] < 0x20 || value->str[k] == 0x7f)
        value->str[k] = ' '; /* nothing that a guest prints may steer the terminal */
    if (value->len > FIELD_TEXT) {
      g_autofree char *valid = g_utf8_make_valid(value->str, FIELD_TEXT);
      g_string_assign(value, valid);
      g_string_append(value, "…");
    }
    g_string_append_printf(out, "  %s=%s", model->actions[task->action].fields[i].name,
                           value->str);
  }
}

static void
print_stderr(const VnOutcome *outcome)
{
  const char *end = outcome->err + outcome->err_size, *start = end;
  guint lines = 0;
  while (start > outcome->err && lines <= STDERR_LINES)
    if (*--start == '\n' && start + 1 != end)
      lines++;
  if (lines > STDERR_LINES)
    start++;
  while (start < end) {
    const char *stop = memchr(start, '\n', (gsize)(end - start));
    gsize length = (gsize)((stop != NULL ? stop : end) - start);
    g_autofree char *valid = g_utf8_make_valid(start, (gssize)MIN(length, STDERR_LINE));
    for (char *c = valid; *c != '\0'; c++)
      if ((guchar)*c < 0x20 && *c != '\t')
        *c = '?';
    if (*valid != '\0')
      g_print("    | %s\n", valid);
    start += length + 1;
  }
}

/* A failure that the script reckons with (`on_failure skip` or `ignore`) is told in small
 * letters. */
static void
print_failure(VnReport *report, const VnGraph *graph, guint32 node, const VnOutcome *outcome)
{
  g_autoptr(GString) label = g_string_new(NULL);
  const VnNode *described = &graph->nodes[node];
  gboolean expected = described->kind == VN_NODE_TASK &&
                      graph->model->tasks[described->task].on_failure != VN_ON_FAILURE_STOP;
  if ((expected && (report->config.quiet || !is_single(report))) ||
      report->failures++ >= MAX_FAILURES)
    return;
  erase_status(report);
  vn_node_label(graph, node, label);
  g_print("%s  %s%s  %s: %s\n", tint(report, expected ? "\033[33m" : "\033[1;31m"),
          expected ? "failed" : "FAILED", tint(report, "\033[0m"), label->str,
          outcome->error != NULL ? outcome->error : "no reason was given");
  if (outcome->command != NULL)
    g_print("    command: %s (exit code %d)\n", outcome->command, outcome->exit_code);
  if (outcome->err_size > 0)
    print_stderr(outcome);
}

/* The line of a task that ended well, once for a group. */
static void
print_task(VnReport *report, const VnGraph *graph, guint32 node, const char *word,
           const VnOutcome *outcome)
{
  const VnNode *described = &graph->nodes[node];
  const VnTask *task = &graph->model->tasks[described->task];
  if (report->config.quiet || !is_single(report) || report->tasks > MAX_TASK_LINES)
    return;
  if (described->kind == VN_NODE_TASK && graph->task_node[described->task] != node)
    return; /* its JOIN speaks for it */
  g_autoptr(GString) line = g_string_new(NULL);
  if (described->kind == VN_NODE_JOIN)
    g_string_append_printf(line, "%s: %u machines", task->name, task->n_targets);
  else
    vn_node_label(graph, node, line);
  if (outcome != NULL && described->kind == VN_NODE_TASK) {
    g_string_append(line, "  ");
    vn_duration_append_rounded(outcome->elapsed_ns, line);
    append_fields(graph->model, task, outcome, line);
  }
  erase_status(report);
  g_print("%s  %-7s%s %s\n", tint(report, "\033[32m"), word, tint(report, "\033[0m"), line->str);
}

static void
on_node_ended(const VnGraph *graph, guint32 node, guint32 attempt, VnNodeState state,
              const VnOutcome *outcome, gboolean will_retry, gpointer data)
{
  VnReport *report = data;
  VnNodeKind kind = graph->nodes[node].kind;
  if (kind == VN_NODE_TASK) {
    report->running -= report->running > 0 && outcome != NULL;
    report->ended += !will_retry;
  }
  if (will_retry)
    return;
  if (state == VN_STATE_FAILED && outcome != NULL && kind != VN_NODE_JOIN)
    print_failure(report, graph, node, outcome);
  else if ((kind == VN_NODE_TASK || kind == VN_NODE_JOIN) && state != VN_STATE_FAILED)
    print_task(report, graph, node, vn_outcome_state_text(state, NULL, FALSE), outcome);
}

static void
on_log(VnSeverity severity, const char *text, gpointer data)
{
  VnReport *report = data;
  if (severity == VN_SEVERITY_NOTE)
    return;
  erase_status(report);
  g_printerr("vnec: %s%s\n", severity == VN_SEVERITY_WARNING ? "warning: " : "", text);
}

static void
on_finished(gpointer data)
{
  VnReport *report = data;
  erase_status(report);
  if (report->failures > MAX_FAILURES)
    g_print("  … and %u more failures\n", report->failures - MAX_FAILURES);
  if (report->expectations_failed > MAX_FAILURES)
    g_print("  … and %u more failed expectations\n", report->expectations_failed - MAX_FAILURES);
  g_main_loop_quit(report->config.loop);
}

VnReport *
vn_report_text_new(const VnReportConfig *config, const VnRunEvents **out_events)
{
  static const VnRunEvents events = {.trial_started = on_trial_started,
                                     .node_started = on_node_started,
                                     .node_serving = on_node_serving,
                                     .node_ended = on_node_ended,
                                     .trial_ended = on_trial_ended,
                                     .log = on_log,
                                     .finished = on_finished};
  VnReport *report = g_new0(VnReport, 1);
  report->config = *config;
  report->started_us = g_get_monotonic_time();
  report->status = g_string_new(NULL);
  if (config->terminal && !config->quiet)
    report->timer = g_timeout_add(REDRAW_MS, draw_status, report);
  *out_events = &events;
  return report;
}

void
vn_report_text_free(VnReport *report)
{
  if (report == NULL)
    return;
  erase_status(report);
  g_clear_handle_id(&report->timer, g_source_remove);
  g_string_free(report->status, TRUE);
  g_free(report);
}
