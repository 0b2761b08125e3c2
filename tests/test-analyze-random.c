/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The workflow analysis against the naive model (tests/naive), over random workflows: for every
 * code and every step the same verdict; the order that is printed goes wrong when it is replayed,
 * and none is shorter. What the analysis believes about runs (src/analyze/run.h) is held against
 * all runs, too.
 *
 * VNEC_SEED begins elsewhere, VNEC_CASES sets the number, VNEC_CODES names the codes to look at;
 * what fails is printed with its script and a run in which it goes wrong. */
#include <string.h>

#include "analyze/analyze.h"
#include "analyze/run.h"
#include "tests/naive/bad.h"
#include "tests/naive/plain.h"
#include "tests/naive/script.h"
#include "tests/naive/search.h"
#include "tests/naive/unit.h"

#define N_CASES         12000
#define MAX_STATES      60000
#define LEAST_WORKFLOWS 40 /* that show each code, or the test shows little of it */

typedef struct {
  guint32 seed;
  char *text;
  Unit unit;
  Naive naive;
  guint8 *step_of; /* by node */
} Case;

static void
case_clear(Case *test)
{
  g_free(test->text);
  g_free(test->step_of);
  unit_clear(&test->unit);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Case, case_clear)

static gboolean
case_init(Case *test, guint32 seed)
{
  g_autoptr(GRand) rand = g_rand_new_with_seed(seed);
  ScriptOptions options = {.max_steps = 8};
  *test = (Case){.seed = seed, .text = script_random(rand, &options)};
  unit_init(&test->unit, "random.vnl", test->text);
  if (test->unit.graph == NULL)
    return FALSE;
  g_assert_true(naive_init(&test->naive, test->unit.graph));
  test->step_of = g_malloc(test->unit.graph->n_nodes);
  memset(test->step_of, 0xff, test->unit.graph->n_nodes);
  for (guint k = 0; k < test->naive.n_steps; k++)
    test->step_of[test->naive.steps[k].node] = (guint8)k;
  return TRUE;
}

static guint32
number_from(const char *name, guint32 otherwise)
{
  const char *text = g_getenv(name);
  return text != NULL ? (guint32)g_ascii_strtoull(text, NULL, 10) : otherwise;
}

static void
append_step(const Case *test, guint k, GString *out)
{
  const NaiveStep *step = &test->naive.steps[k];
  g_string_append(out, step->of->name);
  if (step->vm != VN_NO_ID)
    g_string_append_printf(out, "[%s]", test->unit.model->topology.vms[step->vm].name);
}

/* The task lines are enough: the actions are always the same. */
static void
give_up(const Case *test, const char *what)
{
  const char *network = strstr(test->text, "segment lan");
  g_error("VNEC_SEED=%u: %s\n%s", test->seed, what, network);
}

typedef gboolean (*CaseCheck)(Case *test);

static void
for_cases(CaseCheck check)
{
  guint32 first = number_from("VNEC_SEED", 1), n = number_from("VNEC_CASES", N_CASES);
  guint n_run = 0;
  for (guint32 seed = first; seed - first < n; seed++) {
    g_auto(Case) test;
    if (case_init(&test, seed) && check(&test))
      n_run++;
  }
  g_test_message("%u of %u workflows were compared", n_run, n);
  g_assert_cmpuint(n_run, >=, n * 3 / 4);
}

/* ---- runs ---- */

/* By the step that starts, one that works (or none) and one that lacks its effect. */
typedef struct {
  gboolean seen[NAIVE_MAX_STEPS][NAIVE_MAX_STEPS + 1][NAIVE_MAX_STEPS];
  gboolean possible[NAIVE_MAX_STEPS][NAIVE_MAX_STEPS + 1];
} Seen;

static gboolean
has_worked(NaivePhase phase)
{
  return phase == NAIVE_DONE || phase == NAIVE_EFFECTED;
}

static void
note_lacks(Seen *seen, guint n, guint x, const NaiveState *state)
{
  for (guint w = 0; w <= NAIVE_ALONE; w++) {
    if (w != NAIVE_ALONE && (w >= n || !has_worked((NaivePhase)state->phase[w])))
      continue;
    seen->possible[x][w] = TRUE;
    for (guint q = 0; q < n; q++)
      if (!has_worked((NaivePhase)state->phase[q]))
        seen->seen[x][w][q] = TRUE;
  }
}

/* data: two of Seen, of moments while a step runs and of those in which it starts. */
static void
look_at_runs(NaiveSearch *search, const NaiveState *before, NaiveMove move, const NaiveState *after,
             guint32 from, guint cost, gpointer data)
{
  Seen *seen = data;
  guint n = naive_search_naive(search)->n_steps;
  (void)from, (void)cost;
  for (guint x = 0; x < n; x++)
    if (naive_is_under_way((NaivePhase)after->phase[x]))
      note_lacks(&seen[0], n, x, after);
  if (move.act == NAIVE_START)
    note_lacks(&seen[1], n, move.step, before);
}

static void
compare_runs(const Case *test, VnRuns *runs, const Seen *seen, guint x, guint w, gboolean early)
{
  guint32 works = w != NAIVE_ALONE ? test->naive.steps[w].node : VN_NO_ID;
  VnRunWish wish = {test->naive.steps[x].node, &works, w != NAIVE_ALONE, early};
  gboolean possible = vn_runs_possible(runs, &wish);
  for (guint q = 0; q < test->naive.n_steps; q++) {
    if (q == x || q == w)
      continue;
    gboolean told =
        possible && vn_runs_lacks(runs, &wish, test->naive.steps[q].node) != VN_FATE_NONE;
    gboolean is_so = seen->seen[x][w][q];
    if (told == is_so && possible == seen->possible[x][w])
      continue;
    g_autoptr(GString) what = g_string_new("while ");
    append_step(test, x, what);
    g_string_append(what, early ? " starts" : " runs");
    if (w != NAIVE_ALONE) {
      g_string_append(what, " and ");
      append_step(test, w, what);
      g_string_append(what, " has worked");
    }
    g_string_append(what, ", may ");
    append_step(test, q, what);
    g_string_append_printf(what, " lack its effect? naive: %s, analysis: %s (possible: %s, %s)",
                           is_so ? "yes" : "no", told ? "yes" : "no",
                           seen->possible[x][w] ? "yes" : "no", possible ? "yes" : "no");
    give_up(test, what->str);
  }
}

static gboolean
check_runs(Case *test)
{
  g_autofree Seen *seen = g_new0(Seen, 2);
  g_autoptr(NaiveSearch) search = naive_search(&test->naive, MAX_STATES, look_at_runs, seen);
  if (search == NULL)
    return FALSE;
  g_autoptr(VnOrder) order = vn_order_new(test->unit.graph);
  g_autoptr(VnRuns) runs = vn_runs_new(test->unit.graph, order);
  for (guint32 t = 0; t < test->unit.model->n_tasks; t++)
    if (test->naive.dead[t]) /* VN311 finds out */
      vn_runs_mark_dead(runs, t);
  for (guint x = 0; x < test->naive.n_steps; x++)
    for (guint w = 0; w <= NAIVE_ALONE; w++)
      if (w == NAIVE_ALONE || (w < test->naive.n_steps && w != x))
        for (guint early = 0; early < 2; early++)
          compare_runs(test, runs, &seen[early], x, w, early != 0);
  return TRUE;
}

static void
test_runs(void)
{
  for_cases(check_runs);
}

/* ---- codes ---- */

/* NAIVE_NEVER: not found. */
typedef struct {
  const Case *test;
  guint32 length[NAIVE_N_CODES][NAIVE_MAX_STEPS];
  NaiveWitnesses witnesses;
  GArray *places; /* of NaivePlace: what is said of no step */
} Told;

/* Fates say how a step may lack its effect; with others it may be in another way. */
static guint8
phases_of(VnFate fate)
{
  return fate == VN_FATE_NONE ? 0 : (guint8) ~(1 << NAIVE_DONE | 1 << NAIVE_EFFECTED);
}

/* The ends, and all that must have ended before them. */
static void
take_witness(const Case *test, const VnFinding *finding, NaiveWitness *out)
{
  const Naive *naive = &test->naive;
  out->given = TRUE;
  for (guint i = 0; i < finding->n_ends; i++) {
    guint end = test->step_of[finding->ends[i]];
    for (guint k = 0; k < naive->n_steps; k++)
      if (k == end || (i < finding->n_whole && naive->steps[k].task == naive->steps[end].task) ||
          naive_comes_before(naive, naive->steps[k].task, naive->steps[end].task))
        out->steps |= (guint16)(1u << k);
  }
  for (guint i = 0; i < finding->n_fates; i++)
    out->phases[test->step_of[finding->fates[i].node]] = phases_of((VnFate)finding->fates[i].fate);
}

static void
on_found(const VnFinding *finding, gpointer data)
{
  Told *told = data;
  guint code = finding->code - NAIVE_FIRST_CODE;
  if (finding->step == VN_NO_ID) {
    NaivePlace place = {finding->code, finding->span.start};
    g_array_append_val(told->places, place);
    return;
  }
  g_assert_cmpuint(code, <, NAIVE_N_CODES);
  guint8 step = told->test->step_of[finding->step];
  g_assert_cmpuint(step, !=, 0xff);
  told->length[code][step] = finding->length;
  take_witness(told->test, finding, &told->witnesses[code][step]);
}

/* What no run has, and what is so in every run, has none. */
static gboolean
has_order(VnDiagCode code)
{
  return code != VN_DIAG_VN311 && code != VN_DIAG_VN313 && code != VN_DIAG_VN315;
}

/* The order that is printed is that of a shortest run, and goes wrong when it is replayed. */
static gboolean
are_alike(const Told *told, VnDiagCode code, guint k, guint is_so)
{
  guint said = told->length[code - NAIVE_FIRST_CODE][k];
  if (is_so == NAIVE_NEVER || said == NAIVE_NEVER)
    return is_so == said;
  return !has_order(code) || (said == is_so && told->witnesses[code - NAIVE_FIRST_CODE][k].shows);
}

static void
compare_code(const Case *test, const NaiveBad *bad, const Told *told, VnDiagCode code)
{
  for (guint k = 0; k < test->naive.n_steps; k++) {
    guint is_so = naive_bad_cost(bad, code, k);
    guint said = told->length[code - NAIVE_FIRST_CODE][k];
    if (are_alike(told, code, k, is_so))
      continue;
    g_autoptr(GString) what = g_string_new(vn_diag_info(code)->code);
    g_string_append(what, " of ");
    append_step(test, k, what);
    g_string_append_printf(what, ": naive %d, analysis %d%s",
                           is_so == NAIVE_NEVER ? -1 : (int)is_so,
                           said == NAIVE_NEVER ? -1 : (int)said,
                           said == is_so ? ", but its order does not go wrong" : "");
    g_autofree char *way = naive_bad_way(&test->naive, code, k);
    g_autofree char *all = unit_said(&test->unit);
    g_string_append_printf(what, "\n%s%s", way != NULL ? way : "", all);
    give_up(test, what->str);
  }
}

#define N_CODES (VN_DIAG_VN317 - NAIVE_FIRST_CODE + 1)

static guint n_seen[N_CODES];      /* what is wrong, over all cases */
static guint n_workflows[N_CODES]; /* those in which something is */

static gboolean
is_compared(VnDiagCode code)
{
  const char *only = g_getenv("VNEC_CODES");
  return only == NULL || strstr(only, vn_diag_info(code)->code) != NULL;
}

static int
compare_places(gconstpointer a, gconstpointer b)
{
  const NaivePlace *x = a, *y = b;
  if (x->code != y->code)
    return x->code < y->code ? -1 : 1;
  return x->at < y->at ? -1 : x->at > y->at;
}

static void
count(VnDiagCode code, guint n)
{
  n_seen[code - NAIVE_FIRST_CODE] += n;
  n_workflows[code - NAIVE_FIRST_CODE] += n > 0;
}

static void
append_places(const GArray *places, GString *out)
{
  for (guint k = 0; k < places->len; k++) {
    const NaivePlace *place = &g_array_index(places, NaivePlace, k);
    g_string_append_printf(out, " %s at %u", vn_diag_info((VnDiagCode)place->code)->code,
                           place->at);
  }
}

/* What is said of declarations. */
static void
compare_plain(const Case *test, GArray *told)
{
  g_autoptr(GArray) is_so = g_array_new(FALSE, FALSE, sizeof(NaivePlace));
  guint n[N_CODES] = {0};
  naive_plain(&test->naive, is_so);
  g_array_sort(is_so, compare_places);
  g_array_sort(told, compare_places);
  gboolean same =
      is_so->len == told->len &&
      (told->len == 0 || memcmp(is_so->data, told->data, told->len * sizeof(NaivePlace)) == 0);
  if (!same) {
    g_autoptr(GString) what = g_string_new("naive:");
    g_autofree char *all = unit_said(&test->unit);
    append_places(is_so, what);
    g_string_append(what, "; analysis:");
    append_places(told, what);
    g_string_append_printf(what, "\n%s", all);
    give_up(test, what->str);
  }
  for (guint k = 0; k < is_so->len; k++)
    n[g_array_index(is_so, NaivePlace, k).code - NAIVE_FIRST_CODE]++;
  for (guint c = 0; c < N_CODES; c++)
    count(NAIVE_FIRST_CODE + c, n[c]);
}

static void
compare_steps(const Case *test, const NaiveBad *bad, const Told *told)
{
  for (guint c = 0; c < NAIVE_N_CODES; c++) {
    VnDiagCode code = NAIVE_FIRST_CODE + c;
    guint n = 0;
    if (is_compared(code))
      compare_code(test, bad, told, code);
    for (guint k = 0; k < test->naive.n_steps; k++)
      n += naive_bad_cost(bad, code, k) != NAIVE_NEVER;
    count(code, n);
  }
}

static gboolean
check_codes(Case *test)
{
  NaiveBad bad;
  g_autofree Told *told = g_new0(Told, 1);
  g_autoptr(GArray) places = g_array_new(FALSE, FALSE, sizeof(NaivePlace));
  told->test = test;
  told->places = places;
  for (guint c = 0; c < NAIVE_N_CODES; c++)
    for (guint k = 0; k < NAIVE_MAX_STEPS; k++)
      told->length[c][k] = NAIVE_NEVER;
  VnAnalyzeOptions options = {.found = on_found, .data = told};
  (void)vn_diag_sink_enable(test->unit.sink, "redundant-order");
  vn_analyze(test->unit.graph, &options, test->unit.sink);
  if (!naive_bad(&test->naive, MAX_STATES, &told->witnesses, &bad))
    return FALSE;
  compare_steps(test, &bad, told);
  if (g_getenv("VNEC_CODES") == NULL)
    compare_plain(test, places);
  return TRUE;
}

/* As many as it takes to find each code in some. */
static void
test_codes(void)
{
  for_cases(check_codes);
  for (guint c = 0; c < N_CODES; c++) {
    g_test_message("%s: %u times, in %u workflows", vn_diag_info(NAIVE_FIRST_CODE + c)->code,
                   n_seen[c], n_workflows[c]);
    if (g_getenv("VNEC_CASES") == NULL && g_getenv("VNEC_CODES") == NULL)
      g_assert_cmpuint(n_workflows[c], >=, LEAST_WORKFLOWS);
  }
}

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/analyze/runs", test_runs);
  g_test_add_func("/analyze/codes", test_codes);
  return g_test_run();
}
