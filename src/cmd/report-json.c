/* SPDX-License-Identifier: GPL-3.0-or-later */
/* For machines: an object a line, on standard output, in UTF-8. Times are ns since the trial's
 * first task could start. doc/results.md lists the events. Two lines are made for every task, so
 * they are put together without a format. */
#include <stdio.h>
#include <string.h>

#include "cmd/report.h"
#include "master/fields.h"

#define MAX_WAITING (1u << 20) /* bytes of lines */

struct VnReport {
  VnReportConfig config;
  GString *line;
  GString *waiting; /* lines whose outcomes may not be stored yet */
  guint32 point, number;
};

static void
add_key(VnReport *report, const char *key)
{
  g_string_append(report->line, ",\"");
  g_string_append(report->line, key);
  g_string_append(report->line, "\":");
}

static void
add_int(VnReport *report, const char *key, gint64 value)
{
  add_key(report, key);
  vn_int_to_json(value, report->line);
}

static void
begin(VnReport *report, const char *event)
{
  g_string_assign(report->line, "{\"event\":\"");
  g_string_append(report->line, event);
  g_string_append_c(report->line, '"');
  add_int(report, "point", report->point);
  add_int(report, "trial", report->number);
}

static void
add_text(VnReport *report, const char *key, const char *text)
{
  if (text == NULL)
    return;
  add_key(report, key);
  vn_text_to_json(text, strlen(text), report->line);
}

static void
end(VnReport *report)
{
  g_string_append(report->line, "}\n");
  g_string_append_len(report->waiting, report->line->str, (gssize)report->line->len);
  if (report->waiting->len > MAX_WAITING)
    report->config.store(report->config.store_data);
}

void
vn_report_json_let_out(VnReport *report, gboolean kept)
{
  if (kept)
    (void)fwrite(report->waiting->str, 1, report->waiting->len, stdout); /* main asks ferror */
  g_string_truncate(report->waiting, 0);
}

static void
on_trial_started(guint32 point, guint32 number, guint64 seed, const VnGraph *graph, gpointer data)
{
  VnReport *report = data;
  const VnModel *model = graph->model;
  report->point = point;
  report->number = number;
  begin(report, "trial");
  add_int(report, "seed", (gint64)seed);
  g_string_append(report->line, ",\"params\":{");
  for (guint32 i = 0; i < model->n_params; i++) {
    g_string_append_printf(report->line, "%s\"%s\":", i > 0 ? "," : "", model->params[i].name);
    vn_value_to_json(&model->params[i].value, vn_model_name_of, (gpointer)model, report->line);
  }
  g_string_append_c(report->line, '}');
  end(report);
}

/* FALSE: of no interest to a reader of results. */
static gboolean
begin_node(VnReport *report, const VnGraph *graph, guint32 node, const char *event)
{
  const VnNode *described = &graph->nodes[node];
  if (described->kind == VN_NODE_GATE || described->kind == VN_NODE_JOIN)
    return FALSE;
  begin(report, event);
  if (described->kind == VN_NODE_TASK) {
    add_text(report, "task", graph->model->tasks[described->task].name);
    if (described->vm != VN_NO_ID)
      add_text(report, "host", graph->model->topology.vms[described->vm].name);
  } else {
    g_autoptr(GString) label = g_string_new(NULL);
    vn_node_label(graph, node, label);
    add_text(report, "step", label->str);
  }
  return TRUE;
}

static void
on_node_started(const VnGraph *graph, guint32 node, guint32 attempt, gint64 at_ns, gpointer data)
{
  VnReport *report = data;
  if (!begin_node(report, graph, node, "started"))
    return;
  add_int(report, "attempt", attempt);
  add_int(report, "at", at_ns);
  end(report);
}

static void
on_node_serving(const VnGraph *graph, guint32 node, gint64 at_ns, gpointer data)
{
  VnReport *report = data;
  if (!begin_node(report, graph, node, "ready"))
    return;
  add_int(report, "at", at_ns);
  end(report);
}

static void
on_node_ended(const VnGraph *graph, guint32 node, guint32 attempt, VnNodeState state,
              const VnOutcome *outcome, gboolean will_retry, gpointer data)
{
  VnReport *report = data;
  const VnModel *model = graph->model;
  if (!begin_node(report, graph, node, "ended"))
    return;
  add_int(report, "attempt", attempt);
  add_text(report, "status", vn_outcome_state_text(state, outcome, will_retry));
  if (outcome != NULL && graph->nodes[node].kind == VN_NODE_TASK) {
    const VnTask *task = &model->tasks[graph->nodes[node].task];
    add_int(report, "exit_code", outcome->exit_code);
    add_int(report, "started", outcome->started_ns);
    add_int(report, "ended", outcome->ended_ns);
    if (outcome->n_fields > 0 && task->control == VN_CONTROL_NONE) {
      g_string_append(report->line, ",\"fields\":");
      vn_fields_to_json(&model->actions[task->action], outcome->fields, outcome->n_fields,
                        vn_model_name_of, (gpointer)model, report->line);
    }
  }
  if (outcome != NULL) {
    add_text(report, "error", outcome->error);
    add_text(report, "command", outcome->command);
  }
  end(report);
}

static void
print_expectation(VnReport *report, const VnExpectationResult *e)
{
  begin(report, "expectation");
  add_text(report, "text", e->expectation->text);
  add_text(report, "place", e->place);
  g_string_append_printf(report->line, ",\"passed\":%s",
                         !e->known   ? "null"
                         : e->passed ? "true"
                                     : "false");
  add_text(report, "message", e->message);
  add_text(report, "error", e->error);
  end(report);
}

static void
print_measure(VnReport *report, const VnMeasureResult *m)
{
  begin(report, "measure");
  add_text(report, "name", m->measure->name);
  g_string_append(report->line, ",\"value\":");
  VnValue value = m->known ? vn_value_float(m->value) : VN_VALUE_NOTHING;
  vn_value_to_json(&value, NULL, NULL, report->line);
  add_text(report, "unit", m->unit);
  add_text(report, "error", m->error);
  end(report);
}

static void
on_trial_ended(const VnTrialReport *trial, gpointer data)
{
  VnReport *report = data;
  for (guint32 i = 0; i < trial->n_expectations; i++)
    print_expectation(report, &trial->expectations[i]);
  for (guint32 i = 0; i < trial->n_measures; i++)
    print_measure(report, &trial->measures[i]);
  begin(report, "trial_ended");
  add_text(report, "status", vn_run_status_text(trial->status));
  if (trial->status == VN_RUN_COMPLETED || trial->status == VN_RUN_FAILED)
    add_text(report, "verdict", trial->passed ? "passed" : "failed");
  add_int(report, "elapsed", trial->elapsed_ns);
  add_int(report, "up", trial->up_ns);
  add_int(report, "tasks", trial->tasks_ns);
  add_int(report, "down", trial->down_ns);
  add_text(report, "error", trial->error);
  end(report);
}

static void
on_log(VnSeverity severity, const char *text, gpointer data)
{
  static const char *const words[] = {"note", "warning", "error"};
  VnReport *report = data;
  begin(report, "log");
  add_text(report, "severity", words[severity]);
  add_text(report, "text", text);
  end(report);
}

static void
on_finished(gpointer data)
{
  g_main_loop_quit(((VnReport *)data)->config.loop);
}

VnReport *
vn_report_json_new(const VnReportConfig *config, const VnRunEvents **out_events)
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
  report->line = g_string_new(NULL);
  report->waiting = g_string_new(NULL);
  *out_events = &events;
  return report;
}

void
vn_report_json_free(VnReport *report)
{
  if (report == NULL)
    return;
  g_string_free(report->line, TRUE);
  g_string_free(report->waiting, TRUE);
  g_free(report);
}

void
vn_report_json_end(const char *verdict, int status, const char *results, const char *error)
{
  g_autoptr(GString) line = g_string_new("{\"event\":\"end\",\"verdict\":");
  if (verdict != NULL)
    vn_text_to_json(verdict, strlen(verdict), line);
  else
    g_string_append(line, "null");
  g_string_append_printf(line, ",\"exit_status\":%d,\"results\":", status);
  vn_text_to_json(results, strlen(results), line);
  if (error != NULL) {
    g_string_append(line, ",\"error\":");
    vn_text_to_json(error, strlen(error), line);
  }
  g_print("%s}\n", line->str);
}
