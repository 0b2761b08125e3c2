/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the scheduler says goes to the store first and then to whoever watches. The commit comes
 * before the messages of followers are made (before_start), and once more at the end of the trial.
 * A store that fails gives the trial up: a result that can't be kept is not one. */
#include "master/trial.h"

#include <unistd.h>

#include "master/remote.h"
#include "master/simulate.h"

/* Virtual time goes on for so long before the loop looks at anything else. */
#define SIMULATE_SLICE_US 20000

struct VnTrial {
  VnTrialConfig config;
  const VnModel *model;
  const VnGraph *graph;
  guint64 seed;
  gint64 id; /* in the store */
  char *experiment;
  VnRemote *remote;       /* NULL where the machines are simulated */
  VnSimulator *simulator; /* NULL where they are real */
  guint simulating;       /* source */
  VnScheduler *scheduler;
  VnArena *arena;
  GString *json;
  guint wrap_up; /* source */
  gint64 started_us;
  gint64 begun_us, ended_us, down_us; /* ends of the phases; 0: not reached */
  char *error; /* of the first node that broke, or of the store */
  char *lost;  /* the first machine that went away before the end of the tasks, and why */
};

const char *
vn_run_status_text(VnRunStatus status)
{
  switch (status) {
  case VN_RUN_RUNNING:
    return "running";
  case VN_RUN_COMPLETED:
    return "completed";
  case VN_RUN_FAILED:
    return "failed";
  case VN_RUN_BROKEN:
    return "broken";
  case VN_RUN_INTERRUPTED:
    return "interrupted";
  }
  g_assert_not_reached();
}

const char *
vn_outcome_state_text(VnNodeState state, const VnOutcome *outcome, gboolean will_retry)
{
  if (will_retry)
    return "retried";
  if (outcome != NULL && outcome->status == VN_NODE_STATUS_BROKEN)
    return "broken";
  switch (state) {
  case VN_STATE_DONE:
    return "done";
  case VN_STATE_FAILED:
    return "failed";
  case VN_STATE_SKIPPED:
    return "skipped";
  case VN_STATE_CANCELLED:
    return "cancelled";
  case VN_STATE_WAITING:
  case VN_STATE_READY:
  case VN_STATE_RUNNING:
  case VN_STATE_BACKOFF:
  case VN_STATE_SERVING:
  case VN_STATE_CANCELLING:
    break;
  }
  g_assert_not_reached(); /* no end */
}

/* splitmix64; positive, so that a shell can count with it */
guint64
vn_run_trial_seed(guint64 seed, guint32 point, guint32 number)
{
  guint64 x = seed + (((guint64)point << 32 | number) + 1) * G_GUINT64_CONSTANT(0x9e3779b97f4a7c15);
  x = (x ^ (x >> 30)) * G_GUINT64_CONSTANT(0xbf58476d1ce4e5b9);
  x = (x ^ (x >> 27)) * G_GUINT64_CONSTANT(0x94d049bb133111eb);
  return (x ^ (x >> 31)) & G_MAXINT64;
}

/* ---- to the store ---- */

static void
give_up(VnTrial *trial, const char *why)
{
  if (trial->error != NULL)
    return;
  trial->error = g_strdup(why);
  trial->config.events->log(VN_SEVERITY_ERROR, why, trial->config.data);
  vn_scheduler_interrupt(trial->scheduler);
}

static void
commit(VnTrial *trial)
{
  g_autoptr(GError) error = NULL;
  if (!vn_store_commit(trial->config.run->store, &error))
    give_up(trial, error->message);
}

static void
before_start(gpointer data)
{
  commit(data);
}

static const char *
fields_json(VnTrial *trial, const VnTask *task, const VnOutcome *outcome)
{
  if (outcome == NULL || outcome->n_fields == 0 || task->control != VN_CONTROL_NONE)
    return NULL;
  g_string_truncate(trial->json, 0);
  vn_fields_to_json(&trial->model->actions[task->action], outcome->fields, outcome->n_fields,
                    vn_model_name_of, (gpointer)trial->model, trial->json);
  return trial->json->str;
}

static void
store_outcome(VnTrial *trial, guint32 node, guint32 attempt, const char *status,
              const VnOutcome *outcome)
{
  const VnNode *described = &trial->graph->nodes[node];
  const VnTask *task = &trial->model->tasks[described->task];
  VnStoreOutcome row = {.trial = trial->id,
                        .task = described->task,
                        .host = described->vm != VN_NO_ID ? described->vm : VN_STORE_NO_HOST,
                        .attempt = attempt,
                        .status = status,
                        .fields_json = fields_json(trial, task, outcome)};
  if (outcome != NULL) {
    row.ran = TRUE;
    row.exit_code = outcome->exit_code;
    row.started_ns = outcome->started_ns;
    row.ended_ns = outcome->ended_ns;
    row.elapsed_ns = outcome->elapsed_ns;
    row.out = outcome->out;
    row.err = outcome->err;
    row.out_size = outcome->out_size;
    row.err_size = outcome->err_size;
    row.out_total = outcome->out_total;
    row.err_total = outcome->err_total;
    row.error = outcome->error;
  }
  vn_store_add_outcome(trial->config.run->store, &row);
}

/* ---- the observer ---- */

static void
on_node_started(guint32 node, guint32 attempt, gint64 at_ns, gpointer data)
{
  VnTrial *trial = data;
  trial->config.events->node_started(trial->graph, node, attempt, at_ns, trial->config.data);
}

static void
on_node_serving(guint32 node, gint64 at_ns, gpointer data)
{
  VnTrial *trial = data;
  trial->config.events->node_serving(trial->graph, node, at_ns, trial->config.data);
}

/* When the phases of the trial ended, seen at the nodes between them. */
static void
note_phase(VnTrial *trial, guint32 node)
{
  VnNodeKind kind = trial->graph->nodes[node].kind;
  gint64 *at = kind == VN_NODE_BEGIN      ? &trial->begun_us
               : kind == VN_NODE_END      ? &trial->ended_us
               : kind == VN_NODE_TEARDOWN ? &trial->down_us
                                          : NULL;
  if (at != NULL)
    *at = g_get_monotonic_time();
  if (kind == VN_NODE_BEGIN)
    vn_store_trial_begun(trial->config.run->store, trial->id, g_get_real_time() * 1000);
}

static gint64
phase_ns(gint64 from_us, gint64 to_us)
{
  return from_us != 0 && to_us != 0 ? (to_us - from_us) * 1000 : 0;
}

static void
on_node_ended(guint32 node, guint32 attempt, VnNodeState state, const VnOutcome *outcome,
              gboolean will_retry, gpointer data)
{
  VnTrial *trial = data;
  note_phase(trial, node);
  if (trial->graph->nodes[node].kind == VN_NODE_TASK)
    store_outcome(trial, node, attempt, vn_outcome_state_text(state, outcome, will_retry), outcome);
  if (outcome != NULL && outcome->status == VN_NODE_STATUS_BROKEN && trial->error == NULL) {
    g_autoptr(GString) label = g_string_new(NULL);
    vn_node_label(trial->graph, node, label);
    trial->error =
        g_strdup_printf("%s: %s", label->str, outcome->error != NULL ? outcome->error : "it broke");
  }
  trial->config.events->node_ended(trial->graph, node, attempt, state, outcome, will_retry,
                                   trial->config.data);
}

static void
store_judgement(VnTrial *trial, const VnJudgement *judgement)
{
  VnStore *store = trial->config.run->store;
  for (guint32 i = 0; i < trial->model->n_expectations; i++) {
    const VnExpectationResult *e = &judgement->expectations[i];
    vn_store_add_expectation(store, trial->id, i, e->expectation->text, e->place,
                             e->known ? &e->passed : NULL, e->message, e->error);
  }
  for (guint32 i = 0; i < trial->model->n_measures; i++) {
    const VnMeasureResult *m = &judgement->measures[i];
    vn_store_add_measure(store, trial->id, m->measure->name, m->known ? &m->value : NULL, m->unit,
                         m->error);
  }
}

/* What fails after a machine went away may have failed for want of it (the router on the way, the
 * peer): then it is not the experiment that did. */
static gboolean
is_broken(const VnTrial *trial, VnRunStatus status, gboolean all_hold)
{
  if (status == VN_RUN_INTERRUPTED)
    return trial->error != NULL; /* it was the store that interrupted */
  return trial->lost != NULL &&
         (status == VN_RUN_FAILED || (status == VN_RUN_COMPLETED && !all_hold));
}

static gboolean
wrap_up(gpointer data)
{
  VnTrial *trial = data;
  VnRunStatus status = vn_scheduler_status(trial->scheduler);
  VnJudgement judgement = {NULL, NULL, FALSE};
  gboolean judged = status == VN_RUN_COMPLETED || status == VN_RUN_FAILED;
  trial->wrap_up = 0;
  if (judged) {
    vn_trial_judge(trial->model, vn_scheduler_scope(trial->scheduler), trial->arena, &judgement);
    store_judgement(trial, &judgement);
  }
  if (is_broken(trial, status, judgement.all_hold)) {
    status = VN_RUN_BROKEN;
    if (trial->error == NULL)
      trial->error = g_strdup(trial->lost);
  }
  VnTrialReport report = {.point = trial->config.point,
                          .number = trial->config.number,
                          .seed = trial->seed,
                          .status = status,
                          .passed = status == VN_RUN_COMPLETED && judgement.all_hold,
                          .elapsed_ns = (g_get_monotonic_time() - trial->started_us) * 1000,
                          .up_ns = phase_ns(trial->started_us, trial->begun_us),
                          .tasks_ns = phase_ns(trial->begun_us, trial->ended_us),
                          .down_ns = phase_ns(trial->ended_us, trial->down_us),
                          .error = trial->error,
                          .expectations = judgement.expectations,
                          .n_expectations = judged ? trial->model->n_expectations : 0,
                          .measures = judgement.measures,
                          .n_measures = judged ? trial->model->n_measures : 0};
  vn_store_end_trial(trial->config.run->store, trial->id, vn_run_status_text(status),
                     status == VN_RUN_BROKEN || !judged ? NULL
                     : report.passed                    ? "passed"
                                                        : "failed",
                     report.elapsed_ns,
                     trial->error);
  trial->config.ended(&report, trial->config.owner);
  return G_SOURCE_REMOVE;
}

/* The scheduler may not be freed from inside, so the end waits for a turn of the loop. */
static void
on_finished(VnRunStatus status, gpointer data)
{
  VnTrial *trial = data;
  trial->wrap_up = g_idle_add_full(G_PRIORITY_DEFAULT, wrap_up, trial, NULL);
}

static void
on_log(VnSeverity severity, const char *text, gpointer data)
{
  VnTrial *trial = data;
  vn_store_add_event(trial->config.run->store, trial->id,
                     severity == VN_SEVERITY_NOTE ? "log" : "warning", text);
  trial->config.events->log(severity, text, trial->config.data);
}

static void
on_machine_lost(const char *text, gpointer data)
{
  VnTrial *trial = data;
  if (trial->lost == NULL && trial->ended_us == 0)
    trial->lost = g_strdup(text);
}

/* ---- life ---- */

static VnExecutor *
make_remote(VnTrial *trial)
{
  const VnRunConfig *run = trial->config.run;
  VnRemoteConfig config = {
      .graph = trial->graph,
      .slaves = trial->config.slaves,
      .store = run->store,
      .trial = trial->id,
      .calls = {trial->seed, trial->config.point, trial->config.number, run->output_limit},
      .experiment = trial->experiment,
      .folder = run->folder,
      .before_start = before_start,
      .log = on_log,
      .lost = on_machine_lost,
      .data = trial};
  trial->remote = vn_remote_new(&config);
  return vn_remote_executor(trial->remote);
}

static gboolean
simulate(gpointer data)
{
  VnTrial *trial = data;
  gint64 until = g_get_monotonic_time() + SIMULATE_SLICE_US;
  while (g_get_monotonic_time() < until) {
    if (!vn_simulator_step(trial->simulator)) {
      g_assert(vn_scheduler_status(trial->scheduler) != VN_RUN_RUNNING); /* else it would hang */
      trial->simulating = 0;
      return G_SOURCE_REMOVE;
    }
  }
  commit(trial);
  return G_SOURCE_CONTINUE;
}

VnTrial *
vn_trial_new(const VnTrialConfig *config, GError **error)
{
  static const VnSchedulerObserver observer = {.node_started = on_node_started,
                                               .node_serving = on_node_serving,
                                               .node_ended = on_node_ended,
                                               .finished = on_finished};
  guint64 seed = vn_run_trial_seed(config->run->seed, config->point, config->number);
  VnSimulator *simulator = NULL;
  if (vn_is_simulated(config->what.model)) {
    simulator = vn_simulator_new(config->what.graph, seed, error);
    if (simulator == NULL)
      return NULL;
  }
  VnTrial *trial = g_new0(VnTrial, 1);
  trial->config = *config;
  trial->model = config->what.model;
  trial->graph = config->what.graph;
  trial->seed = seed;
  trial->simulator = simulator;
  trial->arena = vn_arena_new();
  trial->json = g_string_new(NULL);
  trial->started_us = g_get_monotonic_time();
  trial->id = vn_store_begin_trial(config->run->store, config->point, config->number, trial->seed);
  trial->experiment = g_strdup_printf("vnec-%d-%" G_GINT64_FORMAT, (int)getpid(), trial->id);
  VnExecutor *executor = simulator != NULL ? vn_simulator_executor(simulator) : make_remote(trial);
  trial->scheduler =
      vn_scheduler_new(trial->graph, executor, &observer, &config->run->limits, trial);
  if (simulator != NULL)
    vn_simulator_attach(simulator, trial->scheduler);
  else
    vn_remote_set_scheduler(trial->remote, trial->scheduler);
  return trial;
}

void
vn_trial_free(VnTrial *trial)
{
  if (trial == NULL)
    return;
  g_clear_handle_id(&trial->wrap_up, g_source_remove);
  g_clear_handle_id(&trial->simulating, g_source_remove);
  vn_remote_free(trial->remote);
  vn_simulator_free(trial->simulator);
  vn_scheduler_free(trial->scheduler);
  vn_arena_free(trial->arena);
  g_string_free(trial->json, TRUE);
  g_free(trial->experiment);
  g_free(trial->error);
  g_free(trial->lost);
  g_free(trial);
}

void
vn_trial_start(VnTrial *trial)
{
  commit(trial);
  trial->config.events->trial_started(trial->config.point, trial->config.number, trial->seed,
                                      trial->graph, trial->config.data);
  vn_scheduler_start(trial->scheduler);
  if (trial->simulator != NULL)
    trial->simulating = g_idle_add_full(G_PRIORITY_DEFAULT, simulate, trial, NULL);
}

void
vn_trial_interrupt(VnTrial *trial)
{
  vn_scheduler_interrupt(trial->scheduler);
}
