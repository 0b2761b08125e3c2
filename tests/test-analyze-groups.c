/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Groups and arrays: a random workflow with them says of each step the same, with orders of the
 * same length, as one in which every member is a task of its own; and what it prints is one
 * diagnostic for each cause, with the right count and one of the smallest examples.
 *
 * VNEC_SEED begins elsewhere, VNEC_CASES sets the number. */
#include <stdlib.h>
#include <string.h>

#include "analyze/analyze.h"
#include "tests/naive/unit.h"

#define N_CASES     600
#define MAX_MEMBERS 4
#define MAX_TASKS   6
#define MAX_FOUND   512

typedef enum { ON_ONE, ON_GROUP, ON_ARRAY } Shape;

typedef struct {
  Shape shape;
  char *call, *clauses;
  guint after;      /* bits: earlier tasks */
  guint member_too; /* bits: of those, arrays of which only the member with the same number is meant
                     */
} Drawn;

typedef struct {
  guint n_members, n_tasks;
  Drawn tasks[MAX_TASKS];
} Drawing;

static const char *const prelude =
    "experiment \"groups\";\n"
    "action work() { run [\"true\"]; }\n"
    "action peer(target: host) { requires target on; run [\"true\"]; }\n"
    "action ask(target: host, port: port) { requires tcp port on target; run [\"true\"]; }\n"
    "action serve(port: port) background { provides tcp port; run [\"true\"]; }\n"
    "action put(path: string) { writes path; run [\"true\"]; }\n"
    "segment lan 10.0.0.0/24;\n"
    "host p on lan;\n";

static gboolean
chance(GRand *rand, double p)
{
  return g_rand_double(rand) < p;
}

static Drawing
draw(GRand *rand)
{
  static const char *const calls[] = {
      "power_on",        "power_off",     "power_off",   "suspend",     "resume",
      "work()",          "work()",        "peer(p)",     "ask(p, 80)",  "serve(80)",
      "snapshot(\"s\")", "revert(\"s\")", "put(\"/f\")", "put(\"/f\")", "pull(\"/f\", \"f\")"};
  static const char *const ends[] = {"", "", "", " on_failure skip", " on_failure ignore"};
  Drawing drawing = {.n_members = (guint)g_rand_int_range(rand, 2, MAX_MEMBERS + 1),
                     .n_tasks = (guint)g_rand_int_range(rand, 2, MAX_TASKS + 1)};
  for (guint t = 0; t < drawing.n_tasks; t++) {
    Drawn *task = &drawing.tasks[t];
    task->shape = (Shape)g_rand_int_range(rand, ON_ONE, ON_ARRAY + 1);
    task->call = g_strdup(calls[g_rand_int_range(rand, 0, G_N_ELEMENTS(calls))]);
    if (g_str_has_prefix(task->call, "pull")) {
      g_free(task->call);
      task->call = g_strdup_printf("pull(\"/f\", \"f%u\")", t);
    }
    task->clauses = g_strconcat(chance(rand, 0.2) ? " always" : "",
                                ends[g_rand_int_range(rand, 0, G_N_ELEMENTS(ends))], NULL);
    for (guint k = 0; k < t; k++) {
      gboolean arrays = task->shape == ON_ARRAY && drawing.tasks[k].shape == ON_ARRAY;
      if (chance(rand, 0.45))
        task->after |= 1u << k;
      if (arrays && chance(rand, 0.5))
        task->member_too |= 1u << k;
    }
  }
  return drawing;
}

static void
drawing_clear(Drawing *drawing)
{
  for (guint t = 0; t < drawing->n_tasks; t++) {
    g_free(drawing->tasks[t].call);
    g_free(drawing->tasks[t].clauses);
  }
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Drawing, drawing_clear)

/* ---- two texts ---- */

static char *
grouped_text(const Drawing *drawing)
{
  static const char *const heads[] = {"task t%u = p: %s", "task t%u = h: %s",
                                      "task t%u[i in 1..%u] = h[i]: %s"};
  GString *out = g_string_new(prelude);
  g_string_append_printf(out, "host h[1..%u] on lan;\n", drawing->n_members);
  for (guint t = 0; t < drawing->n_tasks; t++) {
    const Drawn *task = &drawing->tasks[t];
    if (task->shape == ON_ARRAY)
      g_string_append_printf(out, heads[ON_ARRAY], t, drawing->n_members, task->call);
    else
      g_string_append_printf(out, heads[task->shape], t, task->call);
    const char *word = " after ";
    for (guint k = 0; k < t; k++)
      if ((task->after >> k & 1) != 0) {
        g_string_append_printf(out, "%st%u%s", word, k,
                               (task->member_too >> k & 1) != 0 ? "[i]" : "");
        word = ", ";
      }
    g_string_append_printf(out, "%s;\n", task->clauses);
  }
  return g_string_free(out, FALSE);
}

static guint
members_of(const Drawing *drawing, guint t)
{
  return drawing->tasks[t].shape == ON_ONE ? 1 : drawing->n_members;
}

static void
append_alone(const Drawing *drawing, guint t, guint member, GString *out)
{
  const Drawn *task = &drawing->tasks[t];
  const char *word = " after ";
  g_string_append_printf(out, "task t%u_%u = ", t, member);
  if (task->shape == ON_ONE)
    g_string_append_printf(out, "p: %s", task->call);
  else
    g_string_append_printf(out, "h[%u]: %s", member, task->call);
  for (guint k = 0; k < t; k++)
    for (guint m = 1; (task->after >> k & 1) != 0 && m <= members_of(drawing, k); m++)
      if ((task->member_too >> k & 1) == 0 || m == member) {
        g_string_append_printf(out, "%st%u_%u", word, k, m);
        word = ", ";
      }
  g_string_append_printf(out, "%s;\n", task->clauses);
}

static char *
single_text(const Drawing *drawing)
{
  GString *out = g_string_new(prelude);
  g_string_append_printf(out, "host h[1..%u] on lan;\n", drawing->n_members);
  for (guint t = 0; t < drawing->n_tasks; t++)
    for (guint m = 1; m <= members_of(drawing, t); m++)
      append_alone(drawing, t, m, out);
  return g_string_free(out, FALSE);
}

/* ---- what is found ---- */

typedef struct {
  guint32 code, step, length; /* step: TASK nodes by number, alike in both */
  guint32 cause;              /* where the declaration begins that is to blame */
  guint32 at;                 /* and that of the step's task */
} Found;

typedef struct {
  Unit unit;
  guint32 *number; /* by node: of steps */
  Found found[MAX_FOUND];
  guint n;
} Side;

static void
on_found(const VnFinding *finding, gpointer data)
{
  Side *side = data;
  const VnModel *model = side->unit.model;
  if (finding->step == VN_NO_ID)
    return;
  g_assert_cmpuint(side->n, <, MAX_FOUND);
  const VnNode *nodes = side->unit.graph->nodes;
  const VnTask *task = &model->tasks[nodes[finding->step].task];
  guint32 vm = nodes[finding->step].vm;
  for (guint32 k = 0; finding->code == VN_DIAG_VN307 && k < task->n_args; k++)
    vm = task->args[k]->value.id; /* peer(p) */
  guint32 cause = finding->other != VN_NO_ID ? model->tasks[nodes[finding->other].task].span.start
                                             : model->topology.vms[vm].span.start;
  if (finding->code == VN_DIAG_VN304)
    cause = task->span.start;
  side->found[side->n++] =
      (Found){finding->code, side->number[finding->step], finding->length, cause, task->span.start};
}

static int
compare_found(const void *a, const void *b)
{
  const Found *x = a, *y = b;
  if (x->code != y->code)
    return x->code < y->code ? -1 : 1;
  return (x->step > y->step) - (x->step < y->step);
}

static gboolean
side_init(Side *side, const char *text)
{
  *side = (Side){.n = 0};
  unit_init(&side->unit, "groups.vnl", text);
  if (side->unit.graph == NULL)
    return FALSE;
  const VnGraph *graph = side->unit.graph;
  guint32 n = 0;
  side->number = g_new0(guint32, graph->n_nodes);
  for (guint32 t = 0; t < graph->model->n_tasks; t++)
    for (guint32 k = 0; k < MAX(graph->model->tasks[t].n_targets, 1); k++)
      side->number[graph->task_first[t] + k] = n++;
  VnAnalyzeOptions options = {.found = on_found, .data = side};
  vn_analyze(graph, &options, side->unit.sink);
  if (side->n > 1)
    qsort(side->found, side->n, sizeof(Found), compare_found);
  return TRUE;
}

static void
side_clear(Side *side)
{
  g_free(side->number);
  unit_clear(&side->unit);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Side, side_clear)

/* ---- comparing ---- */

static void
give_up(guint32 seed, const char *what, const char *text, const Side *side)
{
  g_autofree char *said = unit_said(&side->unit);
  g_error("VNEC_SEED=%u: %s\n%s\n%s", seed, what, strstr(text, "segment lan"), said);
}

static gboolean
are_same(const Side *a, const Side *b)
{
  gboolean same = a->n == b->n;
  for (guint k = 0; same && k < a->n; k++)
    same = a->found[k].code == b->found[k].code && a->found[k].step == b->found[k].step &&
           a->found[k].length == b->found[k].length;
  return same;
}

/* "… (and 3 more like it)" */
static guint
count_of(const VnDiag *diag)
{
  const char *more = strstr(diag->message, " (and ");
  return more != NULL ? (guint)strtoul(more + strlen(" (and "), NULL, 10) + 1 : 1;
}

static guint
steps_of(const Side *side, VnDiagCode code)
{
  guint n = 0;
  for (guint k = 0; k < side->n; k++)
    n += side->found[k].code == code;
  return n;
}

/* Is there a cause of the code with so many steps, the smallest of which may be one at that place?
 */
static gboolean
is_a_cause(const Side *side, VnDiagCode code, guint count, guint32 at)
{
  for (guint k = 0; k < side->n; k++) {
    const Found *one = &side->found[k];
    guint32 least = one->length, n = 0;
    for (guint i = 0; i < side->n; i++)
      if (side->found[i].code == one->code && side->found[i].cause == one->cause) {
        least = MIN(least, side->found[i].length);
        n++;
      }
    if (one->code == code && n == count && one->at == at && one->length == least)
      return TRUE;
  }
  return FALSE;
}

static guint
causes_of(const Side *side, VnDiagCode code)
{
  guint n = 0;
  for (guint k = 0; k < side->n; k++) {
    gboolean first = side->found[k].code == code;
    for (guint i = 0; i < k && first; i++)
      first = side->found[i].code != code || side->found[i].cause != side->found[k].cause;
    n += first;
  }
  return n;
}

/* Codes whose cause is plainly the step that does it, or the machine. */
static gboolean
has_plain_cause(VnDiagCode code)
{
  return code == VN_DIAG_VN302 || code == VN_DIAG_VN303 || code == VN_DIAG_VN304 ||
         code == VN_DIAG_VN307;
}

static const char *
wrong_print(const Side *side)
{
  const GPtrArray *all = vn_diag_sink_sorted(side->unit.sink);
  for (VnDiagCode code = VN_DIAG_VN302; code <= VN_DIAG_VN315; code++) {
    guint steps = 0, n = 0;
    for (guint i = 0; i < all->len; i++) {
      const VnDiag *diag = all->pdata[i];
      if (diag->code != code)
        continue;
      n++;
      steps += count_of(diag);
      if (has_plain_cause(code) && !is_a_cause(side, code, count_of(diag), diag->span.start))
        return "it is not the smallest example, or the count is wrong";
    }
    if (steps != steps_of(side, code))
      return "the counts are not those of all steps";
    if (has_plain_cause(code) && n != causes_of(side, code))
      return "not one finding for a cause";
  }
  return NULL;
}

static guint32
number_from(const char *name, guint32 otherwise)
{
  const char *text = g_getenv(name);
  return text != NULL ? (guint32)g_ascii_strtoull(text, NULL, 10) : otherwise;
}

static void
test_groups(void)
{
  guint32 first = number_from("VNEC_SEED", 1), n = number_from("VNEC_CASES", N_CASES);
  guint n_merged = 0, n_found = 0;
  for (guint32 seed = first; seed - first < n; seed++) {
    g_autoptr(GRand) rand = g_rand_new_with_seed(seed);
    g_auto(Drawing) drawing = draw(rand);
    g_autofree char *text = grouped_text(&drawing), *singles = single_text(&drawing);
    g_auto(Side) grouped;
    g_auto(Side) single;
    if (!side_init(&grouped, text) || !side_init(&single, singles))
      g_error("VNEC_SEED=%u: it is no workflow:\n%s\n%s", seed, text, singles);
    if (!are_same(&grouped, &single)) {
      g_autofree char *other = unit_said(&single.unit);
      g_autofree char *what = g_strconcat("its members alone are judged otherwise:\n", other, NULL);
      give_up(seed, what, text, &grouped);
    }
    const char *wrong = wrong_print(&grouped);
    if (wrong != NULL)
      give_up(seed, wrong, text, &grouped);
    n_found += grouped.n;
    n_merged += grouped.n > vn_diag_sink_sorted(grouped.unit.sink)->len;
  }
  g_test_message("%u findings; in %u of %u workflows some are one", n_found, n_merged, n);
  g_assert_cmpuint(n_merged, >, n / 4);
}

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/analyze/groups", test_groups);
  return g_test_run();
}
