/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Conditions: which tasks never run because of them, and what must have ended well for one to be
 * true. Otherwise they are free. */
#include "tests/naive/naive.h"

#define MAX_ATOMS 8

gboolean
naive_comes_before(const Naive *naive, guint32 first, guint32 then)
{
  const VnTask *task = &naive->model->tasks[then];
  for (guint32 k = 0; k < task->n_after; k++)
    if (task->after[k] == first || naive_comes_before(naive, first, task->after[k]))
      return TRUE;
  return FALSE;
}

/* ---- never true ---- */

typedef enum { IS_FALSE, IS_TRUE, IS_MISSING } Truth;

typedef struct {
  const Naive *naive;
  const VnExpr *atoms[MAX_ATOMS];
  guint n_atoms, values; /* bit k: the value of atom k */
} Table;

static const VnExpr *
result_in(const VnExpr *atom)
{
  while (atom->kind != VN_EXPR_RESULT && atom->n_operands == 1)
    atom = atom->operands[0];
  return atom->kind == VN_EXPR_RESULT ? atom : NULL;
}

/* The generator has T.ok and all(T.ok) only. */
static gboolean
are_same(const VnExpr *a, const VnExpr *b)
{
  const VnExpr *of_a = result_in(a), *of_b = result_in(b);
  return a->kind == b->kind && a->op == b->op && of_a != NULL && of_b != NULL &&
         of_a->task == of_b->task && of_a->vm == of_b->vm && of_a->index == of_b->index;
}

static Truth
look_up(Table *table, const VnExpr *atom)
{
  const VnExpr *result = result_in(atom);
  if (result != NULL && table->naive->dead[result->task])
    return result->index == VN_FIELD_OK ? IS_FALSE : IS_MISSING;
  guint k = 0;
  while (k < table->n_atoms && !are_same(table->atoms[k], atom))
    k++;
  g_assert(k < MAX_ATOMS);
  table->atoms[k] = atom;
  table->n_atoms = MAX(table->n_atoms, k + 1);
  return (table->values >> k & 1) != 0 ? IS_TRUE : IS_FALSE;
}

static Truth
evaluate(Table *table, const VnExpr *expr)
{
  gboolean both =
      expr->kind == VN_EXPR_BINARY && (expr->op == VN_EXPR_AND || expr->op == VN_EXPR_OR);
  if (expr->kind == VN_EXPR_CONST)
    return expr->value.b ? IS_TRUE : IS_FALSE;
  if (expr->kind == VN_EXPR_UNARY && expr->op == VN_EXPR_NOT) {
    Truth of = evaluate(table, expr->operands[0]);
    return of == IS_MISSING ? IS_MISSING : of == IS_TRUE ? IS_FALSE : IS_TRUE;
  }
  if (!both)
    return look_up(table, expr);
  Truth left = evaluate(table, expr->operands[0]), right = evaluate(table, expr->operands[1]);
  if (left == IS_MISSING || (left == IS_TRUE) == (expr->op == VN_EXPR_OR))
    return left;
  return right;
}

static gboolean
can_be_true(const Naive *naive, const VnExpr *when)
{
  Table table = {.naive = naive};
  for (table.values = 0; table.values < 1u << MAX_ATOMS; table.values++)
    if (evaluate(&table, when) == IS_TRUE)
      return TRUE;
  return FALSE;
}

static void
note_missing(const VnExpr *result, gpointer data)
{
  Table *table = data;
  if (result->index != VN_FIELD_OK && table->naive->dead[result->task])
    table->values = 1;
}

gboolean
naive_is_dead(const Naive *naive, guint32 t)
{
  const VnTask *task = &naive->model->tasks[t];
  Table table = {.naive = naive};
  for (guint32 k = 0; k < task->n_args; k++)
    if (task->args[k] != NULL)
      vn_expr_visit_results(task->args[k], note_missing, &table);
  return table.values != 0 || (task->when != NULL && !can_be_true(naive, task->when));
}

/* ---- what must have ended well ---- */

/* T.ok, T[vm].ok and all(T.ok), of a task that comes before, are not true unless it ended well. */
static gboolean
may_be_ok(const Naive *naive, const NaiveState *state, const VnExpr *result)
{
  const VnTask *task = &naive->model->tasks[result->task];
  for (guint k = 0; k < MAX(task->n_targets, 1); k++) {
    guint member = naive->first_step[result->task] + k;
    gboolean meant = result->vm == VN_MEMBER_ALL || result->vm == naive->steps[member].vm;
    if (meant && state->phase[member] != NAIVE_DONE)
      return FALSE;
  }
  return TRUE;
}

static gboolean
may_be_true(const Naive *naive, const NaiveState *state, guint32 t, const VnExpr *when)
{
  gboolean whole = when->kind == VN_EXPR_CALL && when->op == VN_BUILTIN_ALL;
  const VnExpr *atom = whole ? when->operands[0] : when;
  if (when->kind == VN_EXPR_BINARY && when->op == VN_EXPR_AND)
    return may_be_true(naive, state, t, when->operands[0]) &&
           may_be_true(naive, state, t, when->operands[1]);
  if (atom->kind == VN_EXPR_RESULT && atom->index == VN_FIELD_OK &&
      naive_comes_before(naive, atom->task, t))
    return may_be_ok(naive, state, atom);
  return TRUE;
}

static gboolean
is_free(const NaiveStep *step)
{
  return step->of->when != NULL && step->of->when->kind != VN_EXPR_CONST;
}

/* What the engine finds out by itself: a constant. */
gboolean
naive_may_start(const Naive *naive, const NaiveState *state, const NaiveStep *step, gboolean found)
{
  gboolean dead = naive->exact
                      ? step->of->when != NULL && !is_free(step) && !step->of->when->value.b
                      : naive->dead[step->task];
  return !dead &&
         (found || !is_free(step) || may_be_true(naive, state, step->task, step->of->when));
}

gboolean
naive_may_be_skipped(const Naive *naive, const NaiveStep *step)
{
  return is_free(step) || !naive_may_start(naive, NULL, step, TRUE);
}
