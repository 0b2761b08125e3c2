/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The reducers: one value from a list. Items that are nothing (`T?`, a member without the result)
 * are left out. Quantities keep their unit; the mean of whole numbers is a float. */
#include "model/expr.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const struct {
  const char *name;
  guint n_args;
} builtins[VN_N_BUILTINS] = {
#define VN_BUILTIN(id, name, n_args, help) [VN_BUILTIN_##id] = {name, n_args},
#include "model/builtin.def"
#undef VN_BUILTIN
};

const char *
vn_builtin_name(VnBuiltin builtin)
{
  return builtins[builtin].name;
}

guint
vn_builtin_n_args(VnBuiltin builtin)
{
  return builtins[builtin].n_args;
}

VnBuiltin
vn_builtin_from_name(const char *name)
{
  for (guint i = 0; i < VN_N_BUILTINS; i++)
    if (strcmp(builtins[i].name, name) == 0)
      return (VnBuiltin)i;
  return VN_N_BUILTINS;
}

static gboolean
is_quantity(VnValueKind kind)
{
  return kind == VN_VALUE_DURATION || kind == VN_VALUE_SIZE || kind == VN_VALUE_RATE;
}

static gboolean
is_real(VnValueKind kind)
{
  return kind == VN_VALUE_FLOAT || kind == VN_VALUE_PERCENT;
}

VnValueKind
vn_expr_builtin_kind(VnBuiltin builtin, VnValueKind item)
{
  VnValueKind number = item == VN_VALUE_PORT ? VN_VALUE_INT : item;
  gboolean numeric = number == VN_VALUE_INT || is_real(number) || is_quantity(number);
  switch (builtin) {
  case VN_BUILTIN_ALL:
  case VN_BUILTIN_ANY:
    return item == VN_VALUE_BOOL ? VN_VALUE_BOOL : VN_VALUE_NONE;
  case VN_BUILTIN_COUNT:
    return VN_VALUE_INT;
  case VN_BUILTIN_SUM:
    return numeric ? number : VN_VALUE_NONE;
  case VN_BUILTIN_MIN:
  case VN_BUILTIN_MAX:
    return vn_expr_op_kind(VN_EXPR_LT, item, item) == VN_VALUE_BOOL ? item : VN_VALUE_NONE;
  case VN_BUILTIN_MEAN:
  case VN_BUILTIN_MEDIAN:
  case VN_BUILTIN_STDDEV:
  case VN_BUILTIN_PERCENTILE:
    return !numeric ? VN_VALUE_NONE : number == VN_VALUE_INT ? VN_VALUE_FLOAT : number;
  case VN_N_BUILTINS:
    break;
  }
  g_assert_not_reached();
}

static gboolean
fail(GError **error, const char *format, VnBuiltin builtin)
{
  g_set_error(error, VN_EXPR_ERROR, VN_EXPR_ERROR_DOMAIN, format, builtins[builtin].name);
  return FALSE;
}

/* The items that are there, in a new array. */
static VnValue *
present_items(const VnValueList *list, VnArena *arena, guint32 *out_n)
{
  VnValue *items = vn_arena_array0(arena, VnValue, list->n);
  guint32 n = 0;
  for (guint32 i = 0; i < list->n; i++)
    if (list->items[i].kind != VN_VALUE_NONE)
      items[n++] = list->items[i];
  *out_n = n;
  return items;
}

static VnValue
reduce_truth(VnBuiltin builtin, const VnValue *items, guint32 n)
{
  gboolean want = builtin == VN_BUILTIN_ANY; /* the value that decides */
  for (guint32 i = 0; i < n; i++)
    if (!items[i].b == !want)
      return vn_value_bool(want);
  return vn_value_bool(!want);
}

static VnValue
reduce_count(const VnValue *items, guint32 n)
{
  gint64 count = 0;
  for (guint32 i = 0; i < n; i++)
    count += items[i].kind != VN_VALUE_BOOL || items[i].b;
  return vn_value_int(count);
}

static gboolean
reduce_sum(const VnValue *items, guint32 n, VnArena *arena, VnValue *out, GError **error)
{
  VnValue sum = n > 0 ? items[0] : vn_value_int(0);
  for (guint32 i = 1; i < n; i++)
    if (!vn_expr_apply(VN_EXPR_ADD, &sum, &items[i], arena, &sum, error))
      return FALSE;
  *out = sum;
  return TRUE;
}

static VnValue
reduce_extreme(VnBuiltin builtin, const VnValue *items, guint32 n)
{
  VnValue best = items[0];
  for (guint32 i = 1; i < n; i++) {
    int order = vn_value_compare(&items[i], &best);
    if (builtin == VN_BUILTIN_MIN ? order < 0 : order > 0)
      best = items[i];
  }
  return best;
}

static double
number_of(const VnValue *value)
{
  return is_real(value->kind) ? value->f : (double)value->i;
}

static int
compare_doubles(const void *a, const void *b)
{
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static double
mean_of(const double *numbers, guint32 n)
{
  double sum = 0;
  for (guint32 i = 0; i < n; i++)
    sum += numbers[i] / n;
  return sum;
}

static double
stddev_of(const double *numbers, guint32 n)
{
  double mean = mean_of(numbers, n), squares = 0;
  for (guint32 i = 0; i < n; i++)
    squares += (numbers[i] - mean) * (numbers[i] - mean);
  return n > 1 ? sqrt(squares / (n - 1)) : 0;
}

/* Linear between the two nearest ranks, as R's type 7; numbers are sorted. */
static double
percentile_of(const double *numbers, guint32 n, double percent)
{
  double rank = (n - 1) * percent / 100;
  guint32 below = (guint32)floor(rank);
  double rest = rank - below;
  return below + 1 < n ? numbers[below] * (1 - rest) + numbers[below + 1] * rest : numbers[n - 1];
}

static gboolean
reduce_statistic(VnBuiltin builtin, const VnValue *items, guint32 n, double percent, VnArena *arena,
                 VnValue *out)
{
  double *numbers = vn_arena_array0(arena, double, n);
  for (guint32 i = 0; i < n; i++)
    numbers[i] = number_of(&items[i]);
  qsort(numbers, n, sizeof *numbers, compare_doubles);
  double result = builtin == VN_BUILTIN_MEAN     ? mean_of(numbers, n)
                  : builtin == VN_BUILTIN_STDDEV ? stddev_of(numbers, n)
                                                 : percentile_of(numbers, n, percent);
  VnValueKind kind = vn_expr_builtin_kind(builtin, items[0].kind);
  *out = (VnValue){.kind = kind};
  if (is_quantity(kind))
    out->i = (gint64)llround(result);
  else
    out->f = result;
  return TRUE;
}

static gboolean
reduce_items(VnBuiltin builtin, const VnValue *items, guint32 n, double percent, VnArena *arena,
             VnValue *out, GError **error)
{
  if (builtin == VN_BUILTIN_ALL || builtin == VN_BUILTIN_ANY)
    *out = reduce_truth(builtin, items, n);
  else if (builtin == VN_BUILTIN_COUNT)
    *out = reduce_count(items, n);
  else if (builtin == VN_BUILTIN_SUM)
    return reduce_sum(items, n, arena, out, error);
  else if (n == 0)
    return fail(error, "%s of an empty list has no value", builtin);
  else if (builtin == VN_BUILTIN_MIN || builtin == VN_BUILTIN_MAX)
    *out = reduce_extreme(builtin, items, n);
  else
    return reduce_statistic(builtin, items, n, percent, arena, out);
  return TRUE;
}

/* One kind for all, on which the builtin is defined. */
static gboolean
check_items(VnBuiltin builtin, const VnValue *items, guint32 n, GError **error)
{
  for (guint32 i = 0; i < n; i++)
    if (vn_expr_builtin_kind(builtin, items[i].kind) == VN_VALUE_NONE ||
        (builtin != VN_BUILTIN_COUNT &&
         vn_expr_op_kind(VN_EXPR_EQ, items[i].kind, items[0].kind) == VN_VALUE_NONE))
      return fail(error, "%s is not defined on such a list", builtin);
  return TRUE;
}

static gboolean
range_items(const VnValue *range, VnArena *arena, VnValue **out_items, guint32 *out_n,
            GError **error)
{
  gint64 n = (gint64)range->range.to - range->range.from + 1;
  if (n > VN_EXPR_MAX_SIZE) {
    g_set_error(error, VN_EXPR_ERROR, VN_EXPR_ERROR_DOMAIN, "a range has more than %d items",
                VN_EXPR_MAX_SIZE);
    return FALSE;
  }
  *out_n = (guint32)MAX(n, 0);
  *out_items = vn_arena_array0(arena, VnValue, *out_n);
  for (guint32 i = 0; i < *out_n; i++)
    (*out_items)[i] = vn_value_int(range->range.from + (gint64)i);
  return TRUE;
}

gboolean
vn_expr_apply_builtin(VnBuiltin builtin, const VnValue *args, guint32 n_args, VnArena *arena,
                      VnValue *out, GError **error)
{
  double percent = 50;
  VnValue *items;
  guint32 n;
  if (args[0].kind == VN_VALUE_RANGE) {
    if (!range_items(&args[0], arena, &items, &n, error))
      return FALSE;
  } else if (args[0].kind == VN_VALUE_LIST || args[0].kind == VN_VALUE_SET) {
    items = present_items(args[0].list, arena, &n);
  } else {
    return fail(error, "%s needs a list", builtin);
  }
  if (n_args > 1) {
    percent = number_of(&args[1]);
    if (!(percent >= 0 && percent <= 100))
      return fail(error, "%s needs a share between 0 and 100 percent", builtin);
  }
  return check_items(builtin, items, n, error) &&
         reduce_items(builtin, items, n, percent, arena, out, error);
}
