/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Evaluation of what is left of expressions, at run time and when the compiler folds.
 *
 * The operations themselves stand in expr-apply.c and builtin.c. Evaluation recurses; the depth
 * is that of the script's own expressions, which the parser and the functions' bodies bound.
 */
#include "model/expr.h"

G_DEFINE_QUARK(vn - expr - error - quark, vn_expr_error)

static gboolean
missing(GError **error, const char *what)
{
  g_set_error(error, VN_EXPR_ERROR, VN_EXPR_ERROR_MISSING, "%s has no value", what);
  return FALSE;
}

static gboolean
evaluate_result(const VnExpr *expr, const VnExprScope *scope, VnArena *arena, VnValue *out,
                GError **error)
{
  if (scope->result == NULL)
    return missing(error, "a task's result");
  return scope->result(expr->task, expr->vm, expr->index, arena, out, scope->data, error);
}

static gboolean
evaluate_bound(const VnValue *values, guint32 n_values, guint32 index, const char *what,
               VnValue *out, GError **error)
{
  if (index >= n_values)
    return missing(error, what);
  *out = values[index];
  return TRUE;
}

static gboolean
present(const VnValue *value, GError **error)
{
  return value->kind != VN_VALUE_NONE || missing(error, "an optional result");
}

/* `and` and `or` end at the first operand that decides: what follows may be missing then. */
static gboolean
evaluate_binary(const VnExpr *expr, const VnExprScope *scope, VnArena *arena, VnValue *out,
                GError **error)
{
  VnValue left, right;
  if (!vn_expr_evaluate(expr->operands[0], scope, arena, &left, error) || !present(&left, error))
    return FALSE;
  if (left.kind == VN_VALUE_BOOL &&
      ((expr->op == VN_EXPR_AND && !left.b) || (expr->op == VN_EXPR_OR && left.b))) {
    *out = left;
    return TRUE;
  }
  return vn_expr_evaluate(expr->operands[1], scope, arena, &right, error) &&
         present(&right, error) && vn_expr_apply(expr->op, &left, &right, arena, out, error);
}

static gboolean
evaluate_unary(const VnExpr *expr, const VnExprScope *scope, VnArena *arena, VnValue *out,
               GError **error)
{
  VnValue operand;
  return vn_expr_evaluate(expr->operands[0], scope, arena, &operand, error) &&
         present(&operand, error) && vn_expr_apply(expr->op, &operand, NULL, arena, out, error);
}

static gboolean
evaluate_convert(const VnExpr *expr, const VnExprScope *scope, VnArena *arena, VnValue *out,
                 GError **error)
{
  VnValue operand;
  if (!vn_expr_evaluate(expr->operands[0], scope, arena, &operand, error))
    return FALSE;
  if (operand.kind == VN_VALUE_NONE) {
    *out = operand;
    return TRUE;
  }
  if (!vn_unit_measures(expr->unit, operand.kind)) {
    g_set_error(error, VN_EXPR_ERROR, VN_EXPR_ERROR_DOMAIN, "%s can't be told in %s",
                vn_value_kind_text(operand.kind), vn_unit_text(expr->unit));
    return FALSE;
  }
  *out = vn_expr_convert(&operand, expr->unit);
  return TRUE;
}

static gboolean
evaluate_index(const VnExpr *expr, const VnExprScope *scope, VnArena *arena, VnValue *out,
               GError **error)
{
  VnValue base, index;
  return vn_expr_evaluate(expr->operands[0], scope, arena, &base, error) && present(&base, error) &&
         vn_expr_evaluate(expr->operands[1], scope, arena, &index, error) &&
         present(&index, error) && vn_expr_index(&base, &index, arena, out, error);
}

/* All operands, in a new array of the arena; NULL with error. */
static VnValue *
evaluate_operands(const VnExpr *expr, const VnExprScope *scope, VnArena *arena, GError **error)
{
  VnValue *values = vn_arena_array0(arena, VnValue, expr->n_operands);
  for (guint32 i = 0; i < expr->n_operands; i++)
    if (!vn_expr_evaluate(expr->operands[i], scope, arena, &values[i], error))
      return NULL;
  return values;
}

static gboolean
evaluate_list(const VnExpr *expr, const VnExprScope *scope, VnArena *arena, VnValue *out,
              GError **error)
{
  VnValueList *list = vn_arena_new0(arena, VnValueList);
  list->items = evaluate_operands(expr, scope, arena, error);
  list->n = expr->n_operands;
  *out = (VnValue){.kind = VN_VALUE_LIST, .list = list};
  return list->items != NULL;
}

static gboolean
evaluate_concat(const VnExpr *expr, const VnExprScope *scope, VnArena *arena, VnValue *out,
                GError **error)
{
  const VnValue *values = evaluate_operands(expr, scope, arena, error);
  if (values == NULL)
    return FALSE;
  g_autoptr(GString) text = g_string_new(NULL);
  for (guint32 i = 0; i < expr->n_operands && text->len <= VN_TEXT_MAX_BYTES; i++)
    vn_value_format(&values[i], scope->name_of, scope->data, text);
  if (text->len > VN_TEXT_MAX_BYTES) {
    g_set_error(error, VN_EXPR_ERROR, VN_EXPR_ERROR_DOMAIN, "a text is longer than %u bytes",
                VN_TEXT_MAX_BYTES);
    return FALSE;
  }
  *out = vn_value_string(arena, text->str, (gssize)text->len);
  return TRUE;
}

static gboolean
evaluate_call(const VnExpr *expr, const VnExprScope *scope, VnArena *arena, VnValue *out,
              GError **error)
{
  const VnValue *values = evaluate_operands(expr, scope, arena, error);
  return values != NULL &&
         vn_expr_apply_builtin(expr->op, values, expr->n_operands, arena, out, error);
}

gboolean
vn_expr_evaluate(const VnExpr *expr, const VnExprScope *scope, VnArena *arena, VnValue *out,
                 GError **error)
{
  switch ((VnExprKind)expr->kind) {
  case VN_EXPR_CONST:
    *out = expr->value;
    return TRUE;
  case VN_EXPR_PARAM:
    return evaluate_bound(scope->params, scope->n_params, expr->index, "a parameter", out, error);
  case VN_EXPR_FIELD:
    return evaluate_bound(scope->fields, scope->n_fields, expr->index, "a field", out, error);
  case VN_EXPR_RESULT:
    return evaluate_result(expr, scope, arena, out, error);
  case VN_EXPR_UNARY:
    return evaluate_unary(expr, scope, arena, out, error);
  case VN_EXPR_BINARY:
    return evaluate_binary(expr, scope, arena, out, error);
  case VN_EXPR_CONVERT:
    return evaluate_convert(expr, scope, arena, out, error);
  case VN_EXPR_INDEX:
    return evaluate_index(expr, scope, arena, out, error);
  case VN_EXPR_LIST:
    return evaluate_list(expr, scope, arena, out, error);
  case VN_EXPR_CONCAT:
    return evaluate_concat(expr, scope, arena, out, error);
  case VN_EXPR_CALL:
    return evaluate_call(expr, scope, arena, out, error);
  }
  g_assert_not_reached();
}

gboolean
vn_unit_measures(VnUnit unit, VnValueKind kind)
{
  if (unit == VN_UNIT_NONE)
    return FALSE;
  switch (vn_unit_dimension(unit)) {
  case VN_DIM_DURATION:
    return kind == VN_VALUE_DURATION;
  case VN_DIM_SIZE:
    return kind == VN_VALUE_SIZE;
  case VN_DIM_RATE:
    return kind == VN_VALUE_RATE;
  }
  g_assert_not_reached();
}

VnValueKind
vn_expr_index_kind(VnValueKind base, VnValueKind item)
{
  if (base == VN_VALUE_PREFIX)
    return VN_VALUE_ADDRESS;
  if (base == VN_VALUE_RANGE)
    return VN_VALUE_INT;
  return base == VN_VALUE_LIST || base == VN_VALUE_SET ? item : VN_VALUE_NONE;
}

VnValue
vn_expr_convert(const VnValue *quantity, VnUnit unit)
{
  gint64 factor = vn_unit_factor(unit);
  if (quantity->i % factor == 0)
    return vn_value_int(quantity->i / factor);
  return vn_value_float((double)quantity->i / (double)factor);
}

static gboolean
index_error(GError **error, gint64 index, const char *what)
{
  g_set_error(error, VN_EXPR_ERROR, VN_EXPR_ERROR_DOMAIN, "%s has no item %" G_GINT64_FORMAT, what,
              index);
  return FALSE;
}

static gboolean
index_prefix(const VnPrefix *prefix, gint64 index, VnArena *arena, VnValue *out, GError **error)
{
  VnPrefix network = vn_prefix_network(prefix);
  VnAddress address;
  char text[VN_PREFIX_TEXT_MAX];
  if (index < 0 || !vn_address_add(&network.address, index, &address) ||
      !vn_prefix_contains(&network, &address))
    return index_error(error, index, vn_prefix_format(prefix, text));
  *out = (VnValue){.kind = VN_VALUE_ADDRESS,
                   .address = vn_arena_memdup(arena, &address, sizeof address)};
  return TRUE;
}

gboolean
vn_expr_index(const VnValue *base, const VnValue *at, VnArena *arena, VnValue *out, GError **error)
{
  if (vn_expr_index_kind(base->kind, VN_VALUE_INT) == VN_VALUE_NONE ||
      (at->kind != VN_VALUE_INT && at->kind != VN_VALUE_PORT)) {
    g_set_error(error, VN_EXPR_ERROR, VN_EXPR_ERROR_DOMAIN, "%s can't be indexed with %s",
                vn_value_kind_text(base->kind), vn_value_kind_text(at->kind));
    return FALSE;
  }
  gint64 index = at->i;
  if (base->kind == VN_VALUE_PREFIX)
    return index_prefix(base->prefix, index, arena, out, error);
  if (base->kind == VN_VALUE_RANGE) {
    if (index < 0 || index > (gint64)base->range.to - base->range.from)
      return index_error(error, index, "the range");
    *out = vn_value_int(base->range.from + index);
    return TRUE;
  }
  if (index < 0 || index >= base->list->n)
    return index_error(error, index, base->kind == VN_VALUE_SET ? "the set" : "the list");
  *out = base->list->items[index];
  return TRUE;
}

void
vn_expr_visit_results(const VnExpr *expr, VnExprVisit visit, gpointer data)
{
  if (expr->kind == VN_EXPR_RESULT)
    visit(expr, data);
  for (guint32 i = 0; i < expr->n_operands; i++)
    vn_expr_visit_results(expr->operands[i], visit, data);
}
