/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "model/bound.h"

/* Expressions are at most VN_EXPR_MAX_DEPTH deep. */
static gboolean
is_known(const VnTask *task, const VnExpr *expr)
{
  if (expr->kind == VN_EXPR_RESULT || expr->kind == VN_EXPR_FIELD)
    return FALSE;
  if (expr->kind == VN_EXPR_PARAM)
    return expr->index < task->n_args && task->args[expr->index] != NULL &&
           task->args[expr->index]->kind == VN_EXPR_CONST;
  for (guint32 k = 0; k < expr->n_operands; k++)
    if (!is_known(task, expr->operands[k]))
      return FALSE;
  return TRUE;
}

gboolean
vn_task_value(const VnModel *model, const VnTask *task, const VnExpr *expr, VnArena *arena,
              VnValue *out)
{
  if (expr == NULL || !is_known(task, expr))
    return FALSE;
  g_autofree VnValue *params = g_new0(VnValue, (gsize)task->n_args + 1);
  for (guint32 k = 0; k < task->n_args; k++)
    if (task->args[k] != NULL && task->args[k]->kind == VN_EXPR_CONST)
      params[k] = task->args[k]->value;
  VnExprScope scope = {.params = params,
                       .n_params = task->n_args,
                       .data = (gpointer)model,
                       .name_of = vn_model_name_of};
  return vn_expr_evaluate(expr, &scope, arena, out, NULL);
}

gboolean
vn_task_stops(const VnTask *task, guint32 *out_task)
{
  if (task->control != VN_CONTROL_STOP || task->n_args == 0 || task->args[0] == NULL ||
      task->args[0]->kind != VN_EXPR_CONST || task->args[0]->value.kind != VN_VALUE_TASK)
    return FALSE;
  *out_task = task->args[0]->value.id;
  return TRUE;
}

gboolean
vn_task_never_runs(const VnTask *task)
{
  return task->when != NULL && task->when->kind == VN_EXPR_CONST &&
         !(task->when->value.kind == VN_VALUE_BOOL && task->when->value.b);
}
