/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The store that a run writes is only scaffolding here: it lies in a temporary folder and goes with
 * it. What counts are the outcomes as they come. */
#include "cmd/verify.h"

#include <string.h>

#include "cmd/paths.h"
#include "cmd/signals.h"
#include "frame/status.h"
#include "master/fields.h"

/* Pings wait rather than work, but thousands of them at one moment would lose packets. */
#define AT_ONCE      256
#define AT_ONCE_HOST 16
#define FLUSH_MS     1000
#define MOST_LINES   200 /* of the table; JSON has all */
#define OUTPUT_LIMIT (64 * 1024)

typedef struct {
  VnVerification *verification;
  GMainLoop *loop;
  gboolean silent;
} Watch;

/* ---- what is seen ---- */

static void
note_trouble(VnSeen *seen, const VnOutcome *outcome)
{
  seen->kind = VN_SEEN_TROUBLE;
  g_free(seen->trouble);
  seen->trouble = g_strdup(outcome->error != NULL ? outcome->error : "the ping failed");
}

static void
on_node_ended(const VnGraph *graph, guint32 node, guint32 attempt, VnNodeState state,
              const VnOutcome *outcome, gboolean will_retry, gpointer data)
{
  const VnNode *described = &graph->nodes[node];
  if (described->kind != VN_NODE_TASK || will_retry || outcome == NULL)
    return;
  VnSeen *seen = &((Watch *)data)->verification->seen[described->task];
  if (outcome->status == VN_NODE_STATUS_OK)
    seen->kind = VN_SEEN_ANSWER;
  else if (outcome->status == VN_NODE_STATUS_FAILED && outcome->outcome == VN_OUTCOME_EXITED)
    seen->kind = VN_SEEN_SILENCE;
  else if (outcome->status != VN_NODE_STATUS_CANCELLED)
    note_trouble(seen, outcome);
}

static void
on_trial_started(guint32 point, guint32 number, guint64 seed, const VnGraph *graph, gpointer data)
{
}

static void
on_node_started(const VnGraph *graph, guint32 node, guint32 attempt, gint64 at_ns, gpointer data)
{
}

static void
on_node_serving(const VnGraph *graph, guint32 node, gint64 at_ns, gpointer data)
{
}

static void
on_trial_ended(const VnTrialReport *report, gpointer data)
{
}

static void
on_log(VnSeverity severity, const char *text, gpointer data)
{
  if (!((Watch *)data)->silent && severity != VN_SEVERITY_NOTE)
    g_printerr("vnec verify: %s\n", text);
}

static void
on_finished(gpointer data)
{
  g_main_loop_quit(((Watch *)data)->loop);
}

static const VnRunEvents events = {.trial_started = on_trial_started,
                                   .node_started = on_node_started,
                                   .node_serving = on_node_serving,
                                   .node_ended = on_node_ended,
                                   .trial_ended = on_trial_ended,
                                   .log = on_log,
                                   .finished = on_finished};

/* ---- the run ---- */

static void
judge(VnVerification *it)
{
  for (guint32 k = 0; k < it->probes->n_probes; k++) {
    VnSeenKind kind = it->seen[k].kind;
    if (kind != VN_SEEN_ANSWER && kind != VN_SEEN_SILENCE)
      it->n_unknown++;
    else if ((kind == VN_SEEN_ANSWER) == it->probes->probes[k].answered)
      it->n_agree++;
    else
      it->n_disagree++;
  }
}

static gboolean
flush(gpointer store)
{
  (void)vn_store_flush(store, NULL);
  return G_SOURCE_CONTINUE;
}

static void
perform(VnVerification *it, const VnGraph *graph, const char *folder, VnStore *store,
        gboolean silent)
{
  g_autoptr(GMainLoop) loop = g_main_loop_new(NULL, FALSE);
  g_autofree char *helpers = vn_paths_helpers();
  g_autofree char *slave = g_build_filename(helpers, "vnec-slave", NULL);
  Watch watch = {it, loop, silent};
  VnRunPoint point = {it->probes->model, graph};
  VnRunConfig config = {.store = store,
                        .points = &point,
                        .n_points = 1,
                        .trials = 1,
                        .seed = it->seed,
                        .folder = folder,
                        .slave_program = slave,
                        .output_limit = OUTPUT_LIMIT,
                        .limits = {.by_vm = AT_ONCE_HOST, .by_experiment = AT_ONCE}};
  g_autoptr(VnRun) run = vn_run_new(&config, &events, &watch);
  VnSignals signals;
  guint flushing = g_timeout_add(FLUSH_MS, flush, store);
  vn_signals_watch(&signals, run, silent);
  vn_run_start(run);
  g_main_loop_run(loop);
  VnRunSummary summary = vn_run_summary(run);
  it->status = summary.status;
  it->error = g_strdup(summary.error);
  g_source_remove(flushing);
  vn_signals_ignore(&signals);
}

gboolean
vn_verify(VnVerification *verification, const VnGraph *graph, const char *folder, gboolean silent,
          GError **error)
{
  g_autofree char *place = g_dir_make_tmp("vnec-verify-XXXXXX", error);
  verification->seen = g_new0(VnSeen, verification->probes->n_probes + 1);
  VnStore *store = place != NULL ? vn_store_create(place, FALSE, error) : NULL;
  if (store == NULL)
    return FALSE;
  perform(verification, graph, folder, store, silent);
  vn_store_discard(store);
  judge(verification);
  return TRUE;
}

void
vn_verification_clear(VnVerification *verification)
{
  for (guint32 k = 0; verification->seen != NULL && k < verification->probes->n_probes; k++)
    g_free(verification->seen[k].trouble);
  g_free(verification->seen);
  g_free(verification->error);
}

/* ---- the verdict for people ---- */

static const char *
name_of(const VnVerification *it, guint32 vm)
{
  return it->script->topology.vms[vm].name;
}

static gboolean
differs(const VnVerification *it, guint32 k)
{
  VnSeenKind kind = it->seen[k].kind;
  return kind == VN_SEEN_NOTHING || kind == VN_SEEN_TROUBLE ||
         (kind == VN_SEEN_ANSWER) != it->probes->probes[k].answered;
}

static const char *
seen_text(const VnSeen *seen)
{
  switch (seen->kind) {
  case VN_SEEN_NOTHING:
    return "not asked";
  case VN_SEEN_ANSWER:
    return "answered";
  case VN_SEEN_SILENCE:
    return "no answer";
  case VN_SEEN_TROUBLE:
    return "could not be asked";
  }
  g_assert_not_reached();
}

static void
print_row(const VnVerification *it, guint32 k, int from_width, int to_width, int address_width)
{
  const VnProbe *probe = &it->probes->probes[k];
  const VnSeen *seen = &it->seen[k];
  char address[VN_ADDRESS_TEXT_MAX];
  g_print("%-*s  %-*s  %-*s  %-10s  %s", from_width, name_of(it, probe->from), to_width,
          name_of(it, probe->to), address_width, vn_address_format(&probe->target, address),
          probe->answered ? "answered" : "no answer", seen_text(seen));
  if (seen->trouble != NULL)
    g_print(": %s", seen->trouble);
  else if (probe->reason != NULL)
    g_print("  (%s)", probe->reason);
  g_print("\n");
}

static void
print_table(const VnVerification *it)
{
  int from_width = 4, to_width = 2, address_width = 7;
  guint32 n = 0;
  for (guint32 k = 0; k < it->probes->n_probes; k++) {
    char address[VN_ADDRESS_TEXT_MAX];
    if (!differs(it, k) || n++ >= MOST_LINES)
      continue;
    from_width = MAX(from_width, (int)strlen(name_of(it, it->probes->probes[k].from)));
    to_width = MAX(to_width, (int)strlen(name_of(it, it->probes->probes[k].to)));
    vn_address_format(&it->probes->probes[k].target, address);
    address_width = MAX(address_width, (int)strlen(address));
  }
  if (n == 0)
    return;
  g_print("\n%-*s  %-*s  %-*s  %-10s  %s\n", from_width, "FROM", to_width, "TO", address_width,
          "ADDRESS", "PREDICTED", "SEEN");
  guint32 printed = 0;
  for (guint32 k = 0; k < it->probes->n_probes && printed < MOST_LINES; k++)
    if (differs(it, k)) {
      print_row(it, k, from_width, to_width, address_width);
      printed++;
    }
  if (n > MOST_LINES)
    g_print("… and %u more; --json has them all\n", n - MOST_LINES);
}

static void
print_scope(const VnVerification *it)
{
  const VnProbes *probes = it->probes;
  guint32 answered = 0;
  for (guint32 k = 0; k < probes->n_probes; k++)
    answered += probes->probes[k].answered;
  if (probes->all)
    g_print("asked all %" G_GUINT64_FORMAT " pairs", probes->n_pairs);
  else
    g_print("asked %u of %" G_GUINT64_FORMAT " pairs: %u for pairs of segments, %u by lot (seed "
            "%" G_GUINT64_FORMAT ")",
            probes->n_probes, probes->n_pairs, probes->n_probes - probes->n_lot, probes->n_lot,
            it->seed);
  g_print("; predicted: %u answered, %u not\n", answered, probes->n_probes - answered);
}

void
vn_verification_print(const VnVerification *it)
{
  print_scope(it);
  print_table(it);
  if (it->n_disagree == 0 && it->n_unknown == 0)
    g_print("the network is as predicted\n");
  else
    g_print("\n%u as predicted, %u not as predicted, %u unknown\n", it->n_agree, it->n_disagree,
            it->n_unknown);
}

/* ---- … and for programs ---- */

static void
append_text(GString *out, const char *key, const char *text)
{
  if (text == NULL)
    return;
  g_string_append_printf(out, ",\"%s\":", key);
  vn_text_to_json(text, strlen(text), out);
}

static void
append_probe(const VnVerification *it, guint32 k, GString *out)
{
  const VnProbe *probe = &it->probes->probes[k];
  char address[VN_ADDRESS_TEXT_MAX];
  g_string_append(out, "\n{\"from\":");
  vn_text_to_json(name_of(it, probe->from), strlen(name_of(it, probe->from)), out);
  append_text(out, "to", name_of(it, probe->to));
  append_text(out, "address", vn_address_format(&probe->target, address));
  append_text(out, "predicted", probe->answered ? "answered" : "no answer");
  append_text(out, "reason", probe->reason);
  append_text(out, "seen", seen_text(&it->seen[k]));
  append_text(out, "trouble", it->seen[k].trouble);
  g_string_append_c(out, '}');
}

void
vn_verification_print_json(const VnVerification *it)
{
  const VnProbes *probes = it->probes;
  g_autoptr(GString) out = g_string_new("{\"experiment\":");
  vn_text_to_json(it->script->name, strlen(it->script->name), out);
  append_text(out, "status", vn_run_status_text(it->status));
  append_text(out, "error", it->error);
  g_string_append_printf(out,
                         ",\"pairs\":%" G_GUINT64_FORMAT ",\"asked\":%u,\"by_lot\":%u,\"seed\":%"
                         G_GUINT64_FORMAT ",\"as_predicted\":%u,\"not_as_predicted\":%u,"
                         "\"unknown\":%u,\"probes\":[",
                         probes->n_pairs, probes->n_probes, probes->n_lot, it->seed, it->n_agree,
                         it->n_disagree, it->n_unknown);
  for (guint32 k = 0; k < probes->n_probes; k++) {
    if (k > 0)
      g_string_append_c(out, ',');
    append_probe(it, k, out);
  }
  g_string_append(out, "]}\n");
  g_print("%s", out->str);
}
