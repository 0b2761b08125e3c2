/* SPDX-License-Identifier: GPL-3.0-or-later */
/* VN311: tasks that run in no run. The first pass, because what never runs has no effect on what
 * the others ask.
 *
 * A condition is taken as a proposition over its atoms: what stands below `and`, `or` and `not`.
 * Its truth table is computed a word at a time, with three values, since reading what is missing
 * ends the evaluation, and the whole condition is false then. Of an atom may be known that it is
 * missing (it reads more than `.ok` of a task that never runs, or anything of one that comes
 * later), or what it is (it reads `.ok` of tasks that never run). What never runs because of that
 * may make others so: tasks are looked at by rank, and again as long as something was found. */
#include <string.h>

#include "analyze/pass.h"

/* Past it a condition is taken to be possible, and a note says so. */
#define VN_NEVER_MAX_ATOMS 12u
#define WORDS_MAX (1u << (VN_NEVER_MAX_ATOMS - 6))

typedef enum { WHY_NOT, WHY_CONDITION, WHY_READS, WHY_STOPS, WHY_LATER } Why;

/* One finding's, for its text. */
typedef struct {
  Why why;
  guint32 because; /* the task that never runs; VN_NO_ID */
} Death;

typedef struct {
  VnAnalysis *analysis;
  guint32 task;    /* whose condition is looked at */
  guint32 because; /* a task whose death was used; VN_NO_ID */
  gboolean later;  /* a task that comes later was used */
  const VnExpr *atoms[VN_NEVER_MAX_ATOMS];
  guint n_atoms, n_words;
  gboolean too_many;
} Table;

/* True and missing, by assignment. */
typedef struct {
  guint64 truth[WORDS_MAX], missing[WORDS_MAX];
} Column;

/* ---- atoms ---- */

static gboolean
same_expr(const VnExpr *a, const VnExpr *b)
{
  if (a == b)
    return TRUE;
  if (a->kind != b->kind || a->op != b->op || a->unit != b->unit || a->index != b->index ||
      a->task != b->task || a->vm != b->vm || a->n_operands != b->n_operands || a->size != b->size)
    return FALSE;
  if (a->kind == VN_EXPR_CONST && !vn_value_equal(&a->value, &b->value))
    return FALSE;
  for (guint32 i = 0; i < a->n_operands; i++)
    if (!same_expr(a->operands[i], b->operands[i]))
      return FALSE;
  return TRUE;
}

static guint
atom_number(Table *table, const VnExpr *atom)
{
  for (guint i = 0; i < table->n_atoms; i++)
    if (same_expr(table->atoms[i], atom))
      return i;
  if (table->n_atoms == VN_NEVER_MAX_ATOMS) {
    table->too_many = TRUE;
    return 0;
  }
  table->atoms[table->n_atoms] = atom;
  return table->n_atoms++;
}

static gboolean
is_connective(const VnExpr *expr)
{
  return (expr->kind == VN_EXPR_BINARY &&
          (expr->op == VN_EXPR_AND || expr->op == VN_EXPR_OR)) ||
         (expr->kind == VN_EXPR_UNARY && expr->op == VN_EXPR_NOT);
}

/* `a != b` is not `a == b`. */
static gboolean
is_unequal(const VnExpr *expr)
{
  return expr->kind == VN_EXPR_BINARY && expr->op == VN_EXPR_NE;
}

/* ---- what is known of an atom ---- */

typedef struct {
  Table *table;
  gboolean missing, only_ok, only_dead;
  guint32 dead; /* one that never runs and is read; VN_NO_ID */
} Reads;

static void
note_result(const VnExpr *result, gpointer data)
{
  Reads *reads = data;
  VnAnalysis *analysis = reads->table->analysis;
  gboolean dead = vn_runs_is_dead(analysis->runs, result->task);
  gboolean ok = result->index == VN_FIELD_OK;
  gboolean later = result->task == reads->table->task ||
                   vn_order_task_before(analysis->order, reads->table->task, result->task);
  reads->only_ok &= ok;
  reads->only_dead &= dead;
  if (dead)
    reads->dead = result->task;
  if (later)
    reads->table->later = TRUE;
  if (later || (dead && !ok)) {
    reads->missing = TRUE;
    reads->table->because = dead ? result->task : reads->table->because;
  }
}

typedef struct {
  const VnAnalysis *analysis;
  gboolean others; /* the value of `.ok` of those that may run */
} Guess;

/* `.ok` of what never runs is false. */
static gboolean
guess_result(guint32 task, guint32 vm, guint32 field, VnArena *arena, VnValue *out, gpointer data,
             GError **error)
{
  const Guess *guess = data;
  const VnTask *it = &guess->analysis->model->tasks[task];
  VnValue value = vn_value_bool(!vn_runs_is_dead(guess->analysis->runs, task) && guess->others);
  *out = value;
  if (vm != VN_MEMBER_ALL || !it->group)
    return TRUE;
  VnValueList *list = vn_arena_new0(arena, VnValueList);
  VnValue *items = vn_arena_array0(arena, VnValue, it->n_targets);
  for (guint32 k = 0; k < it->n_targets; k++)
    items[k] = value;
  *list = (VnValueList){items, it->n_targets};
  *out = (VnValue){.kind = VN_VALUE_LIST, .list = list};
  return TRUE;
}

/* FALSE: it can't be told. */
static gboolean
guess_value(const Table *table, const VnExpr *atom, gboolean others, gboolean *out)
{
  Guess guess = {table->analysis, others};
  VnExprScope scope = {.result = guess_result, .data = &guess};
  g_autoptr(VnArena) arena = vn_arena_new();
  g_autoptr(GError) error = NULL;
  VnValue value;
  if (!vn_expr_evaluate(atom, &scope, arena, &value, &error) || value.kind != VN_VALUE_BOOL)
    return FALSE;
  *out = value.b;
  return TRUE;
}

/* Its value whatever those do that may run: all, any are monotone in what they read. */
static gboolean
is_known(const Table *table, const VnExpr *atom, const Reads *reads, gboolean *out)
{
  gboolean low, high;
  gboolean monotone = atom->kind == VN_EXPR_CALL &&
                      (atom->op == VN_BUILTIN_ALL || atom->op == VN_BUILTIN_ANY) &&
                      (atom->operands[0]->kind == VN_EXPR_LIST ||
                       atom->operands[0]->kind == VN_EXPR_RESULT);
  if (reads->dead == VN_NO_ID || !reads->only_ok || (!reads->only_dead && !monotone) ||
      !guess_value(table, atom, FALSE, &low) || !guess_value(table, atom, TRUE, &high) ||
      low != high)
    return FALSE;
  *out = low;
  return TRUE;
}

/* ---- the table ---- */

static void
fill_atom(const Table *table, guint atom, Column *out)
{
  static const guint64 patterns[6] = {
      G_GUINT64_CONSTANT(0xaaaaaaaaaaaaaaaa), G_GUINT64_CONSTANT(0xcccccccccccccccc),
      G_GUINT64_CONSTANT(0xf0f0f0f0f0f0f0f0), G_GUINT64_CONSTANT(0xff00ff00ff00ff00),
      G_GUINT64_CONSTANT(0xffff0000ffff0000), G_GUINT64_CONSTANT(0xffffffff00000000)};
  for (guint w = 0; w < table->n_words; w++)
    out->truth[w] = atom < 6 ? patterns[atom] : ((w >> (atom - 6)) & 1) != 0 ? ~(guint64)0 : 0;
}

static void
fill_all(const Table *table, guint64 *words, gboolean value)
{
  memset(words, value ? 0xff : 0, table->n_words * sizeof *words);
}

static void
evaluate_atom(Table *table, const VnExpr *atom, Column *out)
{
  Reads reads = {.table = table, .only_ok = TRUE, .only_dead = TRUE, .dead = VN_NO_ID};
  gboolean value;
  fill_all(table, out->truth, FALSE);
  fill_all(table, out->missing, FALSE);
  if (atom->kind == VN_EXPR_CONST) {
    fill_all(table, out->truth, atom->value.kind == VN_VALUE_BOOL && atom->value.b);
    return;
  }
  vn_expr_visit_results(atom, note_result, &reads);
  if (reads.missing) {
    fill_all(table, out->missing, TRUE);
  } else if (is_known(table, atom, &reads, &value)) {
    table->because = reads.dead;
    fill_all(table, out->truth, value);
  } else {
    fill_atom(table, atom_number(table, atom), out);
  }
}

static void evaluate(Table *table, const VnExpr *expr, Column *out);

static void
evaluate_not(Table *table, const VnExpr *expr, Column *out)
{
  evaluate(table, expr->operands[0], out);
  for (guint w = 0; w < table->n_words; w++)
    out->truth[w] = ~out->truth[w] & ~out->missing[w];
}

/* The right side is looked at only where the left one does not decide. */
static void
evaluate_both(Table *table, const VnExpr *expr, Column *out)
{
  g_autofree Column *right = g_new(Column, 1);
  evaluate(table, expr->operands[0], out);
  evaluate(table, expr->operands[1], right);
  for (guint w = 0; w < table->n_words; w++) {
    guint64 left = out->truth[w], gone = out->missing[w];
    guint64 open = expr->op == VN_EXPR_AND ? left : ~left & ~gone;
    out->truth[w] = (open & right->truth[w]) | (expr->op == VN_EXPR_OR ? left : 0);
    out->missing[w] = gone | (open & right->missing[w]);
  }
}

/* As deep as expressions are (VN_EXPR_MAX_DEPTH). */
static void
evaluate(Table *table, const VnExpr *expr, Column *out)
{
  *vn_order_work(table->analysis->order) += table->n_words;
  if (is_unequal(expr)) {
    VnExpr equal = *expr;
    equal.op = VN_EXPR_EQ;
    VnExpr *kept = vn_arena_memdup(table->analysis->arena, &equal, sizeof equal);
    evaluate_atom(table, kept, out);
    for (guint w = 0; w < table->n_words; w++)
      out->truth[w] = ~out->truth[w] & ~out->missing[w];
  } else if (!is_connective(expr)) {
    evaluate_atom(table, expr, out);
  } else if (expr->op == VN_EXPR_NOT) {
    evaluate_not(table, expr, out);
  } else {
    evaluate_both(table, expr, out);
  }
}

/* Is the condition false whatever its atoms are? Most have an atom or two: the table is made for
 * so many, and again if they turn out to be more. */
static gboolean
is_never_true(Table *table, const VnExpr *when)
{
  g_autofree Column *column = g_new(Column, 1);
  for (table->n_words = 1;; table->n_words = 1u << (table->n_atoms - 6)) {
    table->n_atoms = 0;
    evaluate(table, when, column);
    if (table->too_many || table->n_atoms <= 6 || table->n_words >= 1u << (table->n_atoms - 6))
      break;
  }
  if (table->too_many)
    return FALSE;
  for (guint w = 0; w < table->n_words; w++)
    if (column->truth[w] != 0)
      return FALSE;
  return TRUE;
}

/* ---- tasks ---- */

static void
note_dead_argument(const VnExpr *result, gpointer data)
{
  Table *table = data;
  if (result->index != VN_FIELD_OK && vn_runs_is_dead(table->analysis->runs, result->task))
    table->because = result->task;
}

static Death
why_dead(VnAnalysis *analysis, guint32 t)
{
  const VnTask *task = &analysis->model->tasks[t];
  Table table = {.analysis = analysis, .task = t, .because = VN_NO_ID};
  if (task->when != NULL && is_never_true(&table, task->when))
    return (Death){table.because != VN_NO_ID ? WHY_READS
                   : table.later             ? WHY_LATER
                                             : WHY_CONDITION,
                   table.because};
  if (table.too_many)
    vn_undecided(analysis, VN_DIAG_VN311, "a condition has too many parts to be decided");
  table.because = VN_NO_ID;
  for (guint32 k = 0; k < task->n_args; k++)
    if (task->args[k] != NULL)
      vn_expr_visit_results(task->args[k], note_dead_argument, &table);
  if (table.because != VN_NO_ID)
    return (Death){WHY_READS, table.because};
  return (Death){WHY_NOT, VN_NO_ID};
}

static void
describe(const VnAnalysis *analysis, const VnFinding *finding, GString *out)
{
  const Death *death = finding->data;
  const VnTask *tasks = analysis->model->tasks;
  vn_step_append(analysis, finding->step, out);
  switch (death->why) {
  case WHY_CONDITION:
    g_string_append(out, " never runs: its condition is never true");
    return;
  case WHY_READS:
    g_string_append_printf(out, " never runs: it needs a result of `%s`, which never runs",
                           tasks[death->because].name);
    return;
  case WHY_STOPS:
    g_string_append_printf(out, " has nothing to stop: `%s` never runs",
                           tasks[death->because].name);
    return;
  case WHY_LATER:
  case WHY_NOT:
    break;
  }
  g_assert_not_reached();
}

static void
report(VnAnalysis *analysis, guint32 t, const Death *deaths)
{
  const VnTask *task = &analysis->model->tasks[t];
  guint32 root = t;
  while (deaths[root].why != WHY_NOT && deaths[root].because != VN_NO_ID)
    root = deaths[root].because;
  for (guint32 k = 0; k < MAX(task->n_targets, 1); k++)
    vn_find(analysis, &(VnFinding){
                          .code = VN_DIAG_VN311,
                          .step = analysis->graph->task_first[t] + k,
                          .other = deaths[t].because == VN_NO_ID
                                       ? VN_NO_ID
                                       : analysis->graph->task_first[deaths[t].because],
                          .cause = vn_cause(analysis, root, VN_NO_ID),
                          .data = vn_arena_memdup(analysis->arena, &deaths[t], sizeof(Death)),
                          .describe = describe,
                          .hint = "a task that is for some parameters only stands in an `if` block",
                      });
}

static void
look_at_all(VnAnalysis *analysis, Death *deaths)
{
  gboolean found = TRUE;
  while (found && !vn_analysis_is_over(analysis)) {
    found = FALSE;
    for (guint32 k = 0; k < analysis->n_readers; k++) {
      guint32 t = analysis->readers[k];
      if (deaths[t].why != WHY_NOT)
        continue;
      deaths[t] = why_dead(analysis, t);
      if (deaths[t].why == WHY_NOT)
        continue;
      if (!vn_runs_is_dead(analysis->runs, t))
        vn_runs_mark_dead(analysis->runs, t);
      found = TRUE;
    }
  }
}

/* `stop` of what never runs ends at once, and does nothing. */
static void
look_at_stops(VnAnalysis *analysis, Death *deaths)
{
  for (guint32 t = 0; t < analysis->model->n_tasks; t++) {
    const VnTask *task = &analysis->model->tasks[t];
    if (deaths[t].why == WHY_NOT && task->control == VN_CONTROL_STOP && task->n_args > 0 &&
        task->args[0] != NULL && task->args[0]->kind == VN_EXPR_CONST &&
        task->args[0]->value.kind == VN_VALUE_TASK &&
        vn_runs_is_dead(analysis->runs, task->args[0]->value.id))
      deaths[t] = (Death){WHY_STOPS, task->args[0]->value.id};
  }
}

void
vn_pass_never(VnAnalysis *analysis)
{
  g_autofree Death *deaths = g_new0(Death, (gsize)analysis->model->n_tasks + 1);
  look_at_all(analysis, deaths);
  look_at_stops(analysis, deaths);
  for (guint32 t = 0; t < analysis->model->n_tasks; t++)
    if (deaths[t].why != WHY_NOT && deaths[t].why != WHY_LATER) /* VN310 says what is wrong */
      report(analysis, t, deaths);
  if (vn_analysis_is_over(analysis))
    vn_undecided(analysis, VN_DIAG_VN311, "the workflow is too large");
}
