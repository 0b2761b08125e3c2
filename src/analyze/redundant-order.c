/* SPDX-License-Identifier: GPL-3.0-or-later */
/* VN316: an `after` that already follows from others.
 *
 * `b after a` follows if a comes before another task that b comes after. One search backwards from
 * what b comes after, not below the lowest of them, meets all such a. A `stop` comes after its task
 * whatever the script says: that is not meant. */
#include "analyze/pass.h"
#include "model/bound.h"

typedef struct {
  VnAnalysis *analysis;
  guint32 *through; /* by task: what b comes after and a comes before */
  guint32 *stamps;  /* by task */
  guint32 stamp;
  GArray *stack; /* of guint32 */
} Search;

typedef struct {
  guint32 task, before, through;
} Redundant;

static void
describe(const VnAnalysis *analysis, const VnFinding *finding, GString *out)
{
  const VnTask *tasks = analysis->model->tasks;
  const Redundant *it = finding->data;
  g_string_append_printf(out, "`%s` comes after `%s` already, through `%s`",
                         tasks[it->task].name,
                         tasks[it->before].name, tasks[it->through].name);
}

static void
push_before(Search *search, guint32 task, guint32 through, guint32 lowest)
{
  const VnTask *it = &search->analysis->model->tasks[task];
  *vn_order_work(search->analysis->order) += it->n_after;
  for (guint32 k = 0; k < it->n_after; k++) {
    guint32 other = it->after[k];
    if (search->stamps[other] == search->stamp ||
        vn_order_rank(search->analysis->order, other) < lowest)
      continue;
    search->stamps[other] = search->stamp;
    search->through[other] = through;
    g_array_append_val(search->stack, other);
  }
}

static void
search_back(Search *search, const VnTask *task)
{
  guint32 lowest = G_MAXUINT32;
  for (guint32 k = 0; k < task->n_after; k++)
    lowest = MIN(lowest, vn_order_rank(search->analysis->order, task->after[k]));
  search->stamp++;
  g_array_set_size(search->stack, 0);
  for (guint32 k = 0; k < task->n_after; k++)
    push_before(search, task->after[k], task->after[k], lowest);
  while (search->stack->len > 0) {
    guint32 at = g_array_index(search->stack, guint32, search->stack->len - 1);
    g_array_set_size(search->stack, search->stack->len - 1);
    push_before(search, at, search->through[at], lowest);
  }
}

static void
look_at(Search *search, guint32 t)
{
  VnAnalysis *analysis = search->analysis;
  const VnTask *task = &analysis->model->tasks[t];
  guint32 stopped;
  gboolean stops = vn_task_stops(task, &stopped);
  search_back(search, task);
  for (guint32 k = 0; k < task->n_after; k++) {
    guint32 before = task->after[k];
    if (search->stamps[before] != search->stamp || (stops && before == stopped))
      continue;
    Redundant *it = vn_arena_new0(analysis->arena, Redundant);
    *it = (Redundant){t, before, search->through[before]};
    vn_find(analysis, &(VnFinding){.code = VN_DIAG_VN316,
                                   .step = VN_NO_ID, /* each order is one of its own */
                                   .other = VN_NO_ID,
                                   .cause = vn_cause(analysis, t, VN_NO_ID),
                                   .span = task->span,
                                   .data = it,
                                   .describe = describe,
                                   .hint = "leave it out of `after` or `flow`"});
  }
}

void
vn_pass_redundant_order(VnAnalysis *analysis)
{
  if (!vn_diag_sink_wants(analysis->sink, VN_DIAG_VN316))
    return;
  gsize n = analysis->model->n_tasks;
  g_autoptr(GArray) stack = g_array_new(FALSE, FALSE, sizeof(guint32));
  g_autofree guint32 *through = g_new0(guint32, n + 1), *stamps = g_new0(guint32, n + 1);
  Search search = {analysis, through, stamps, 0, stack};
  for (guint32 t = 0; t < n && !vn_analysis_is_over(analysis); t++)
    if (analysis->model->tasks[t].n_after > 1)
      look_at(&search, t);
  if (vn_analysis_is_over(analysis))
    vn_undecided(analysis, VN_DIAG_VN316, "too many orders");
}
