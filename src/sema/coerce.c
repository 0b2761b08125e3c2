/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Values that were not typed before the evaluation, and those that take the form of their place:
 * an int as a float, one host as a set, a set as a list. */
#include "sema/eval.h"

static VnType
type_of_value(const VnValue *value)
{
  VnType type = vn_type_of_kind((VnValueKind)value->kind);
  if ((value->kind == VN_VALUE_LIST || value->kind == VN_VALUE_SET) && value->list->n > 0)
    type.element = value->list->items[0].kind;
  return type;
}

static VnValue
as_list(VnEval *e, const VnValue *value)
{
  if (value->kind == VN_VALUE_SET)
    return (VnValue){.kind = VN_VALUE_LIST, .list = value->list};
  guint32 n = (guint32)MAX((gint64)value->range.to - value->range.from + 1, 0);
  VnValue *items = vn_arena_array0(e->arena, VnValue, n);
  VnValueList *list = vn_arena_new0(e->arena, VnValueList);
  for (guint32 i = 0; i < n; i++)
    items[i] = vn_value_int(value->range.from + (gint64)i);
  *list = (VnValueList){.items = items, .n = n};
  return (VnValue){.kind = VN_VALUE_LIST, .list = list};
}

static gboolean
check_port(VnEval *e, const char *what, VnSpan span, const VnValue *value)
{
  if (value->i >= 0 && value->i <= 65535)
    return TRUE;
  vn_eval_report(e, VN_DIAG_VN126, span, "%s must lie between 0 and 65535", what);
  return FALSE;
}

static gboolean
range_too_long(VnEval *e, VnSpan span, const VnValue *value)
{
  if ((gint64)value->range.to - value->range.from < VN_EXPR_MAX_SIZE)
    return FALSE;
  vn_eval_too_many(e, span, VN_EXPR_MAX_SIZE, "items in a list");
  return TRUE;
}

gboolean
vn_eval_coerce(VnEval *e, VnType type, const char *what, VnSpan span, VnValue *value)
{
  if (type.kind == VN_KIND_ANY || value->kind == VN_VALUE_NONE)
    return TRUE;
  if (!vn_type_accepts(type, type_of_value(value))) {
    vn_eval_report(e, VN_DIAG_VN103, span, "%s must be %s, this is %s", what, vn_type_noun(type),
                   vn_type_noun(type_of_value(value)));
    return FALSE;
  }
  gboolean vm = value->kind == VN_VALUE_HOST || value->kind == VN_VALUE_ROUTER;
  if (type.kind == VN_VALUE_FLOAT && value->kind == VN_VALUE_INT)
    *value = vn_value_float((double)value->i);
  else if (type.kind == VN_VALUE_PORT && value->kind == VN_VALUE_INT) {
    if (!check_port(e, what, span, value))
      return FALSE;
    value->kind = VN_VALUE_PORT;
  } else if ((type.kind == VN_VALUE_SET || type.kind == VN_VALUE_GROUP) && vm)
    *value = vn_set_value(vn_set_of(e, value));
  else if (type.kind == VN_VALUE_LIST && value->kind == VN_VALUE_RANGE) {
    if (range_too_long(e, span, value))
      return FALSE;
    *value = as_list(e, value);
  } else if (type.kind == VN_VALUE_LIST && value->kind == VN_VALUE_SET)
    *value = as_list(e, value);
  return TRUE;
}

gboolean
vn_eval_check_range(VnEval *e, VnTerm *range, const char *what, VnSpan span, const VnValue *value)
{
  VnValue bounds;
  if (range == NULL || (value->kind != VN_VALUE_INT && value->kind != VN_VALUE_PORT))
    return TRUE;
  if (!vn_eval_value(e, range, &bounds) || bounds.kind != VN_VALUE_RANGE)
    return FALSE;
  if (value->i >= bounds.range.from && value->i <= bounds.range.to)
    return TRUE;
  VnDiag *diag =
      vn_eval_report(e, VN_DIAG_VN111, span, "`%s` must lie in %d..%d, this is %" G_GINT64_FORMAT,
                     what, bounds.range.from, bounds.range.to, value->i);
  vn_diag_place(diag, range->span, "the range is declared here");
  return FALSE;
}
