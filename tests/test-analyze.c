/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the analysis is built from: the order against the plain closure of random workflows, chains,
 * orders of many tasks as they are printed, the bound on work. The codes have golden files
 * (tests/analyze) and are held against all runs of small workflows (test-analyze-random). */
#include <string.h>

#include "analyze/analyze.h"
#include "analyze/chains.h"
#include "tests/kit.h"

#define N_TASKS 60

/* ---- order ---- */

typedef struct {
  gboolean before[N_TASKS][N_TASKS], carries[N_TASKS][N_TASKS];
} Closure;

/* Tasks in a shuffled order, so that numbers say nothing about who comes first. */
static void
make_random(Kit *kit, GRand *rand)
{
  guint32 place[N_TASKS];
  guint density = (guint)g_rand_int_range(rand, 1, 5);
  for (guint32 k = 0; k < N_TASKS; k++)
    place[k] = k;
  for (guint32 k = N_TASKS - 1; k > 0; k--) {
    guint32 other = (guint32)g_rand_int_range(rand, 0, (gint32)k + 1), was = place[k];
    place[k] = place[other];
    place[other] = was;
  }
  for (guint32 t = 0; t < N_TASKS; t++) {
    guint32 after[N_TASKS], n = 0;
    for (guint32 k = 0; k < N_TASKS; k++)
      if (place[k] < place[t] && (guint)g_rand_int_range(rand, 0, N_TASKS / 2) < density)
        after[n++] = k;
    guint32 vm = t % 4;
    kit_task(kit, "t", &vm, 1, after, n);
    kit_at(kit, t)->always = g_rand_int_range(rand, 0, 4) == 0;
  }
}

static void
close_order(const VnModel *model, Closure *out)
{
  memset(out, 0, sizeof *out);
  for (guint32 t = 0; t < N_TASKS; t++)
    for (guint32 k = 0; k < model->tasks[t].n_after; k++)
      out->before[model->tasks[t].after[k]][t] = out->carries[model->tasks[t].after[k]][t] = TRUE;
  for (guint32 m = 0; m < N_TASKS; m++)
    for (guint32 a = 0; a < N_TASKS; a++)
      for (guint32 b = 0; b < N_TASKS; b++) {
        out->before[a][b] |= out->before[a][m] && out->before[m][b];
        out->carries[a][b] |= out->carries[a][m] && out->carries[m][b] && !model->tasks[m].always;
      }
}

/* Twice: as it is found when asked, and as it is answered ahead. */
static void
check_order(const VnGraph *graph, const Closure *closure, gboolean prepared)
{
  g_autoptr(VnOrder) order = vn_order_new(graph);
  g_autoptr(GArray) pairs = g_array_new(FALSE, FALSE, sizeof(VnOrderPair));
  for (guint32 a = 0; prepared && a < N_TASKS; a++)
    for (guint32 b = 0; b < N_TASKS; b++) {
      VnOrderPair pair = {a, b};
      if (a != b && vn_order_is_open(order, pair))
        g_array_append_val(pairs, pair);
    }
  if (prepared)
    vn_order_prepare(order, graph->model, (const VnOrderPair *)(gpointer)pairs->data, pairs->len);
  for (guint32 a = 0; a < N_TASKS; a++)
    for (guint32 b = 0; b < N_TASKS; b++) {
      g_assert_cmpint(vn_order_task_before(order, a, b), ==, closure->before[a][b]);
      g_assert_cmpint(vn_order_task_carries(order, a, b), ==, closure->carries[a][b]);
      if (closure->before[a][b])
        g_assert_cmpuint(vn_order_rank(order, a), <, vn_order_rank(order, b));
    }
}

static void
test_order(void)
{
  g_autoptr(GRand) rand = g_rand_new_with_seed((guint32)g_test_rand_int());
  g_autofree Closure *closure = g_new(Closure, 1);
  for (guint round = 0; round < 100; round++) {
    g_autoptr(Kit) kit = kit_new(4);
    g_autoptr(VnArena) arena = vn_arena_new();
    g_autoptr(VnDiagSink) sink = vn_diag_sink_new();
    make_random(kit, rand);
    const VnGraph *graph = vn_graph_build(&kit->model, arena, sink);
    close_order(&kit->model, closure);
    check_order(graph, closure, FALSE);
    check_order(graph, closure, TRUE);
  }
}

/* ---- chains ---- */

static void
check_range(VnOrder *order, const VnChains *chains, guint32 c, guint32 step, guint n_steps[3])
{
  VnChainsRange range = vn_chains_range(chains, order, c, step);
  for (guint32 k = range.first; k < range.last; k++) {
    guint32 other = vn_chains_step(chains, k);
    gboolean before = vn_order_before(order, other, step);
    gboolean after = vn_order_before(order, step, other);
    g_assert_cmpint(before, ==, k < range.low);
    g_assert_cmpint(after, ==, k >= range.high);
    n_steps[before ? 0 : after ? 2 : 1]++;
    if (k > range.first)
      g_assert_true(vn_order_before(order, vn_chains_step(chains, k - 1), other));
  }
}

static void
test_chains(void)
{
  g_autoptr(GRand) rand = g_rand_new_with_seed((guint32)g_test_rand_int());
  g_auto(VnChains) chains;
  guint n_steps[3] = {0};
  vn_chains_init(&chains);
  for (guint round = 0; round < 20; round++) {
    g_autoptr(Kit) kit = kit_new(4);
    g_autoptr(VnArena) arena = vn_arena_new();
    g_autoptr(VnDiagSink) sink = vn_diag_sink_new();
    make_random(kit, rand);
    const VnGraph *graph = vn_graph_build(&kit->model, arena, sink);
    g_autoptr(VnOrder) order = vn_order_new(graph);
    guint32 steps[N_TASKS];
    for (guint32 k = 0; k < N_TASKS; k++)
      steps[k] = graph->task_first[vn_order_tasks(order)[k]];
    vn_chains_make(&chains, order, steps, N_TASKS);
    g_assert_cmpuint(chains.steps->len, ==, N_TASKS);
    for (guint32 k = 0; k < N_TASKS; k++)
      for (guint32 c = 0; c < vn_chains_count(&chains); c++)
        check_range(order, &chains, c, steps[k], n_steps);
  }
  g_assert_cmpuint(n_steps[0], ==, n_steps[2]);
  g_assert_cmpuint(n_steps[0], >, 0);
  g_assert_cmpuint(n_steps[1], >, 20 * N_TASKS); /* each is without order to itself */
}

/* ---- findings ---- */

static void
analyze(Kit *kit, const VnAnalyzeOptions *options, VnDiagSink *sink)
{
  static VnActionVariant variant = {.form = VN_COMMAND_NATIVE, .text = "facts"};
  g_autoptr(VnArena) arena = vn_arena_new();
  kit->model.actions[0].variants = &variant;
  kit->model.actions[0].n_variants = 1;
  const VnGraph *graph = vn_graph_build(&kit->model, arena, sink);
  g_assert_nonnull(graph);
  vn_analyze(graph, options, sink);
}

static const VnDiag *
find(VnDiagSink *sink, VnDiagCode code)
{
  const GPtrArray *all = vn_diag_sink_sorted(sink);
  for (guint i = 0; i < all->len; i++)
    if (((const VnDiag *)all->pdata[i])->code == code)
      return all->pdata[i];
  return NULL;
}

typedef struct {
  guint n, shortest;
} Seen;

static void
note_found(const VnFinding *finding, gpointer data)
{
  Seen *seen = data;
  if (finding->code != VN_DIAG_VN302)
    return;
  seen->shortest = seen->n++ == 0 ? finding->length : MIN(seen->shortest, finding->length);
}

/* A hundred tasks, and then one on a machine that the hundredth has switched off: a long order
 * shows its first and last tasks and counts the others. */
static void
test_long_order(void)
{
  g_autoptr(Kit) kit = kit_new(2);
  g_autoptr(VnDiagSink) sink = vn_diag_sink_new();
  Seen seen = {0};
  VnAnalyzeOptions options = {.found = note_found, .data = &seen};
  guint32 last = VN_NO_ID;
  for (guint32 k = 1; k <= 100; k++)
    last = kit_simple(kit, vn_arena_printf(kit->arena, "t%u", k), k == 100, last);
  kit_at(kit, last)->control = VN_CONTROL_POWER_OFF;
  kit_simple(kit, "late", 1, last);
  analyze(kit, &options, sink);
  const VnDiag *diag = find(sink, VN_DIAG_VN302);
  g_assert_nonnull(diag);
  g_assert_cmpstr(diag->message, ==,
                  "h[1] may be off after power_off when act runs: t1, t2, t3, t4, … 89 more …, "
                  "t94, t95, t96, t97, t98, t99, t100, late");
  g_assert_cmpuint(seen.n, ==, 1);
  g_assert_cmpuint(seen.shortest, ==, 101);
}

/* One cause, one finding: of many steps the one with the shortest order. */
static void
test_one_cause(void)
{
  g_autoptr(Kit) kit = kit_new(1);
  g_autoptr(VnDiagSink) sink = vn_diag_sink_new();
  Seen seen = {0};
  VnAnalyzeOptions options = {.found = note_found, .data = &seen};
  guint32 first = kit_simple(kit, "first", 0, VN_NO_ID);
  guint32 deep = first;
  for (guint k = 0; k < 20; k++)
    deep = kit_simple(kit, "deep", 0, deep);
  kit_simple(kit, "flat", 0, first);
  guint32 down = kit_simple(kit, "down", 0, first);
  kit_at(kit, down)->control = VN_CONTROL_POWER_OFF;
  analyze(kit, &options, sink);
  const VnDiag *diag = find(sink, VN_DIAG_VN302);
  g_assert_nonnull(diag);
  g_assert_cmpuint(seen.n, ==, 21);
  g_assert_cmpuint(seen.shortest, ==, 3);
  g_assert_cmpstr(diag->message, ==,
                  "power_off of h[0] may run before act: first, down, deep (and 20 more like it)");
  g_assert_cmpuint(vn_diag_sink_count(sink, VN_SEVERITY_ERROR), ==, 1);
}

/* A hundred partners without order, each with a task before it but one: that one is shown. */
static void
test_many_partners(void)
{
  for (guint short_one = 0; short_one < 100; short_one += 33) {
    g_autoptr(Kit) kit = kit_new(2);
    g_autoptr(VnDiagSink) sink = vn_diag_sink_new();
    Seen seen = {0};
    VnAnalyzeOptions options = {.found = note_found, .data = &seen};
    for (guint k = 0; k < 100; k++) {
      guint32 first = k == short_one ? VN_NO_ID : kit_simple(kit, "first", 1, VN_NO_ID);
      guint32 off = kit_simple(kit, "off", 0, first);
      kit_at(kit, off)->control = VN_CONTROL_SUSPEND;
    }
    guint32 before = kit_simple(kit, "before", 1, VN_NO_ID);
    kit_simple(kit, "act", 0, before);
    analyze(kit, &options, sink);
    g_assert_cmpuint(seen.n, ==, 1);
    g_assert_cmpuint(seen.shortest, ==, 3);
  }
}

/* Past the bound on work it says that it does not know, and ends. */
static void
test_bound(void)
{
  g_autoptr(Kit) kit = kit_new(1);
  g_autoptr(VnDiagSink) sink = vn_diag_sink_new();
  VnAnalyzeOptions options = {.max_work = 1000};
  for (guint32 k = 0; k < 2000; k++) {
    guint32 t = kit_simple(kit, "t", 0, VN_NO_ID);
    if (k % 2 == 0)
      kit_at(kit, t)->control = VN_CONTROL_POWER_OFF;
  }
  analyze(kit, &options, sink);
  const VnDiag *diag = NULL;
  const GPtrArray *all = vn_diag_sink_sorted(sink);
  for (guint i = 0; i < all->len && diag == NULL; i++)
    if (strstr(((const VnDiag *)all->pdata[i])->message, "undecided") != NULL)
      diag = all->pdata[i];
  g_assert_nonnull(diag);
  g_assert_cmpint(diag->severity, ==, VN_SEVERITY_NOTE);
}

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/analyze/order", test_order);
  g_test_add_func("/analyze/chains", test_chains);
  g_test_add_func("/analyze/long-order", test_long_order);
  g_test_add_func("/analyze/one-cause", test_one_cause);
  g_test_add_func("/analyze/many-partners", test_many_partners);
  g_test_add_func("/analyze/bound", test_bound);
  return g_test_run();
}
