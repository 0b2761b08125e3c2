/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Values, operations, reducers, and the evaluation of what the compiler leaves. */
#include "model/expr.h"
#include "model/model.h"

static VnArena *arena;

static VnValue
quantity(VnValueKind kind, gint64 i)
{
  return (VnValue){.kind = kind, .i = i};
}

static VnValue
list_of(const VnValue *items, guint32 n)
{
  VnValueList *list = vn_arena_new0(arena, VnValueList);
  *list = (VnValueList){.items = vn_arena_memdup(arena, items, sizeof *items * n), .n = n};
  return (VnValue){.kind = VN_VALUE_LIST, .list = list};
}

static char *
text_of(const VnValue *value)
{
  GString *text = g_string_new(NULL);
  vn_value_format(value, NULL, NULL, text);
  return g_string_free(text, FALSE);
}

static void
assert_text(const VnValue *value, const char *expected)
{
  g_autofree char *text = text_of(value);
  g_assert_cmpstr(text, ==, expected);
}

static void
test_values(void)
{
  VnValue one = vn_value_int(1), real = vn_value_float(1.0), two = vn_value_float(2.5);
  g_assert_true(vn_value_equal(&one, &real));
  g_assert_cmpint(vn_value_compare(&one, &two), ==, -1);
  VnValue a = vn_value_string(arena, "abc", -1), b = vn_value_string(arena, "abd", 3);
  g_assert_false(vn_value_equal(&a, &b));
  g_assert_cmpint(vn_value_compare(&b, &a), ==, 1);
  VnValue host = {.kind = VN_VALUE_HOST, .id = 4}, router = {.kind = VN_VALUE_ROUTER, .id = 4};
  g_assert_true(vn_value_equal(&host, &router));
  assert_text(&host, "host#4");
  VnValue items[] = {one, two, VN_VALUE_NOTHING, vn_value_bool(TRUE)};
  VnValue list = list_of(items, 4);
  assert_text(&list, "1,2.5,,true");
  g_assert_true(vn_value_equal(&list, &list));
  VnValue range = {.kind = VN_VALUE_RANGE, .range = {.from = -1, .to = 3}};
  assert_text(&range, "-1..3");
}

static void
fails(VnExprOp op, VnValue left, VnValue right)
{
  g_autoptr(GError) error = NULL;
  VnValue out;
  g_assert_false(vn_expr_apply(op, &left, &right, arena, &out, &error));
  g_assert_error(error, VN_EXPR_ERROR, VN_EXPR_ERROR_DOMAIN);
}

static void
gives(VnExprOp op, VnValue left, VnValue right, const char *expected)
{
  VnValue out;
  g_assert_true(vn_expr_apply(op, &left, &right, arena, &out, NULL));
  g_assert_cmpuint(out.kind, ==, vn_expr_op_kind(op, left.kind, right.kind));
  assert_text(&out, expected);
}

static void
test_operations(void)
{
  VnValue zero = vn_value_int(0), big = vn_value_int(G_MAXINT64), least = vn_value_int(G_MININT64);
  fails(VN_EXPR_ADD, big, vn_value_int(1));
  fails(VN_EXPR_MUL, big, vn_value_int(2));
  fails(VN_EXPR_DIV, big, zero);
  fails(VN_EXPR_DIV, least, vn_value_int(-1));
  fails(VN_EXPR_NEG, least, zero);
  fails(VN_EXPR_DIV, vn_value_float(1), zero);
  fails(VN_EXPR_MUL, vn_value_float(1e308), vn_value_float(10));
  fails(VN_EXPR_ADD, vn_value_bool(TRUE), zero);
  fails(VN_EXPR_LT, vn_value_bool(TRUE), vn_value_bool(FALSE));
  gives(VN_EXPR_MOD, least, vn_value_int(-1), "0");
  gives(VN_EXPR_MOD, vn_value_int(-1), vn_value_int(4), "3");
  gives(VN_EXPR_DIV, vn_value_int(-1), vn_value_int(4), "-1");
  VnValue second = quantity(VN_VALUE_DURATION, G_GINT64_CONSTANT(1000000000));
  gives(VN_EXPR_MUL, second, vn_value_float(0.5), "500ms");
  gives(VN_EXPR_DIV, second, second, "1");
  gives(VN_EXPR_DIV, quantity(VN_VALUE_SIZE, 1000000), quantity(VN_VALUE_RATE, 8000000), "1s");
  fails(VN_EXPR_MUL, second, vn_value_float(1e30));
  fails(VN_EXPR_DIV, quantity(VN_VALUE_SIZE, 1), quantity(VN_VALUE_RATE, 0));
  gives(VN_EXPR_EQ, quantity(VN_VALUE_PORT, 80), vn_value_int(80), "true");
  g_assert_cmpuint(vn_expr_op_kind(VN_EXPR_ADD, VN_VALUE_DURATION, VN_VALUE_INT), ==,
                   VN_VALUE_NONE);
}

static gboolean
reduce(VnBuiltin builtin, VnValue list, VnValue share, VnValue *out, GError **error)
{
  VnValue args[] = {list, share};
  return vn_expr_apply_builtin(builtin, args, vn_builtin_n_args(builtin), arena, out, error);
}

static void
test_reducers(void)
{
  VnValue items[] = {quantity(VN_VALUE_DURATION, 3000000), VN_VALUE_NOTHING,
                     quantity(VN_VALUE_DURATION, 1000000)};
  VnValue list = list_of(items, 3), empty = list_of(items, 0), out;
  VnValue half = {.kind = VN_VALUE_PERCENT, .f = 50};
  const struct {
    VnBuiltin builtin;
    const char *expected;
  } cases[] = {{VN_BUILTIN_COUNT, "2"},       {VN_BUILTIN_SUM, "4ms"},  {VN_BUILTIN_MIN, "1ms"},
               {VN_BUILTIN_MAX, "3ms"},       {VN_BUILTIN_MEAN, "2ms"}, {VN_BUILTIN_MEDIAN, "2ms"},
               {VN_BUILTIN_PERCENTILE, "2ms"}};
  for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
    g_assert_true(reduce(cases[i].builtin, list, half, &out, NULL));
    assert_text(&out, cases[i].expected);
  }
  g_autoptr(GError) error = NULL;
  g_assert_false(reduce(VN_BUILTIN_MEAN, empty, half, &out, &error));
  g_assert_error(error, VN_EXPR_ERROR, VN_EXPR_ERROR_DOMAIN);
  g_assert_true(reduce(VN_BUILTIN_SUM, empty, half, &out, NULL));
  g_assert_true(reduce(VN_BUILTIN_ALL, empty, half, &out, NULL));
  g_assert_true(out.b);
  VnValue mixed_items[] = {vn_value_int(1), vn_value_bool(TRUE)};
  g_assert_false(reduce(VN_BUILTIN_SUM, list_of(mixed_items, 2), half, &out, NULL));
}

/* ---- evaluation ---- */

static gboolean
answer(guint32 task, guint32 vm, guint32 field, VnArena *into, VnValue *out, gpointer data,
       GError **error)
{
  if (task == 0) {
    g_set_error_literal(error, VN_EXPR_ERROR, VN_EXPR_ERROR_MISSING, "task 0 did not run");
    return FALSE;
  }
  *out = vn_value_int(task * 100 + vm * 10 + field);
  return TRUE;
}

static const VnExpr *
constant(VnValue value)
{
  VnExpr *expr = vn_arena_new0(arena, VnExpr);
  *expr = (VnExpr){.kind = VN_EXPR_CONST, .type = value.kind, .value = value, .size = 1};
  return expr;
}

static const VnExpr *
result(guint32 task)
{
  VnExpr *expr = vn_arena_new0(arena, VnExpr);
  *expr = (VnExpr){.kind = VN_EXPR_RESULT, .task = task, .vm = 2, .index = 3, .size = 1};
  return expr;
}

static const VnExpr *
node(VnExprKind kind, guint8 op, const VnExpr *a, const VnExpr *b)
{
  const VnExpr *operands[] = {a, b};
  VnExpr *expr = vn_arena_new0(arena, VnExpr);
  *expr = (VnExpr){.kind = kind,
                   .op = op,
                   .operands = vn_arena_memdup(arena, operands, sizeof operands),
                   .n_operands = b != NULL ? 2 : 1};
  return expr;
}

static void
evaluates(const VnExpr *expr, const char *expected)
{
  VnValue fields[] = {vn_value_bool(TRUE), vn_value_int(3)};
  VnExprScope scope = {.result = answer, .fields = fields, .n_fields = 2};
  g_autoptr(GError) error = NULL;
  VnValue out;
  if (vn_expr_evaluate(expr, &scope, arena, &out, &error))
    assert_text(&out, expected);
  else
    g_assert_cmpstr(error->message, ==, expected);
}

static void
count_result(const VnExpr *expr, gpointer data)
{
  *(guint *)data += 1;
}

static void
test_evaluation(void)
{
  const VnExpr *no = constant(vn_value_bool(FALSE)), *yes = constant(vn_value_bool(TRUE));
  const VnExpr *missing = result(0), *there = result(1);
  evaluates(node(VN_EXPR_BINARY, VN_EXPR_ADD, there, constant(vn_value_int(1))), "124");
  evaluates(node(VN_EXPR_BINARY, VN_EXPR_AND, no, missing), "false");
  evaluates(node(VN_EXPR_BINARY, VN_EXPR_OR, yes, missing), "true");
  evaluates(node(VN_EXPR_BINARY, VN_EXPR_AND, yes, missing), "task 0 did not run");
  evaluates(node(VN_EXPR_BINARY, VN_EXPR_ADD, constant(VN_VALUE_NOTHING), there),
            "an optional result has no value");
  evaluates(node(VN_EXPR_LIST, 0, there, yes), "123,true");
  evaluates(node(VN_EXPR_CONCAT, 0, there, constant(VN_VALUE_NOTHING)), "123");
  evaluates(node(VN_EXPR_INDEX, 0, constant(list_of(NULL, 0)), constant(vn_value_int(0))),
            "the list has no item 0");
  evaluates(node(VN_EXPR_INDEX, 0, there, there), "int can't be indexed with int");
  VnExpr field = {.kind = VN_EXPR_FIELD, .index = VN_FIELD_EXIT_CODE};
  evaluates(&field, "3");
  VnExpr param = {.kind = VN_EXPR_PARAM};
  evaluates(&param, "a parameter has no value");
  guint n = 0;
  vn_expr_visit_results(node(VN_EXPR_LIST, 0, there, node(VN_EXPR_LIST, 0, missing, no)),
                        count_result, &n);
  g_assert_cmpuint(n, ==, 2);
}

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  arena = vn_arena_new();
  g_test_add_func("/model/values", test_values);
  g_test_add_func("/model/operations", test_operations);
  g_test_add_func("/model/reducers", test_reducers);
  g_test_add_func("/model/evaluation", test_evaluation);
  int status = g_test_run();
  vn_arena_free(arena);
  return status;
}
