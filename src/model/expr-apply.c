/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The operations of the language: on which kinds they are defined, and what they give.
 *
 * One table of rules serves the checker (vn_expr_op_kind) and tells the evaluation how to compute
 * (Rule.compute). Integer division and remainder round down, so that `(i - 1) % 4` walks in a
 * circle whatever i is.
 */
#include "model/expr.h"

#include <math.h>

typedef enum {
  COMPUTE_INT,     /* on the integers inside: numbers and quantities of one unit */
  COMPUTE_FLOAT,   /* on doubles, as a float or percentage */
  COMPUTE_SCALE,   /* a quantity and a float, rounded to a whole quantity */
  COMPUTE_SHARE,   /* a percentage of a quantity */
  COMPUTE_RATIO,   /* two quantities of one unit, as a float */
  COMPUTE_BITS,    /* sizes, rates and times */
  COMPUTE_TEXT,
  COMPUTE_ADDRESS, /* an address and an offset, or the distance of two */
} Compute;

typedef struct {
  guint8 op, left, right, result, compute;
} Rule;

#define RULE(op, left, right, result, compute)                                                     \
  {VN_EXPR_##op, VN_VALUE_##left, VN_VALUE_##right, VN_VALUE_##result, COMPUTE_##compute}
#define QUANTITY(kind)                                                                             \
  RULE(ADD, kind, kind, kind, INT), RULE(SUB, kind, kind, kind, INT),                              \
      RULE(MOD, kind, kind, kind, INT), RULE(DIV, kind, kind, FLOAT, RATIO),                       \
      RULE(MUL, kind, INT, kind, INT), RULE(MUL, INT, kind, kind, INT),                            \
      RULE(DIV, kind, INT, kind, INT), RULE(MUL, kind, FLOAT, kind, SCALE),                        \
      RULE(MUL, FLOAT, kind, kind, SCALE), RULE(DIV, kind, FLOAT, kind, SCALE),                    \
      RULE(MUL, kind, PERCENT, kind, SHARE), RULE(MUL, PERCENT, kind, kind, SHARE),                \
      RULE(NEG, kind, NONE, kind, INT)
#define MIXED(op)                                                                                  \
  RULE(op, FLOAT, FLOAT, FLOAT, FLOAT), RULE(op, INT, FLOAT, FLOAT, FLOAT),                        \
      RULE(op, FLOAT, INT, FLOAT, FLOAT)

static const Rule rules[] = {
    RULE(ADD, INT, INT, INT, INT),
    RULE(SUB, INT, INT, INT, INT),
    RULE(MUL, INT, INT, INT, INT),
    RULE(DIV, INT, INT, INT, INT),
    RULE(MOD, INT, INT, INT, INT),
    RULE(NEG, INT, NONE, INT, INT),
    MIXED(ADD),
    MIXED(SUB),
    MIXED(MUL),
    MIXED(DIV),
    MIXED(MOD),
    RULE(NEG, FLOAT, NONE, FLOAT, FLOAT),
    QUANTITY(DURATION),
    QUANTITY(SIZE),
    QUANTITY(RATE),
    RULE(DIV, SIZE, DURATION, RATE, BITS),
    RULE(DIV, SIZE, RATE, DURATION, BITS),
    RULE(MUL, RATE, DURATION, SIZE, BITS),
    RULE(MUL, DURATION, RATE, SIZE, BITS),
    RULE(ADD, PERCENT, PERCENT, PERCENT, FLOAT),
    RULE(SUB, PERCENT, PERCENT, PERCENT, FLOAT),
    RULE(DIV, PERCENT, PERCENT, FLOAT, FLOAT),
    RULE(MUL, PERCENT, INT, PERCENT, FLOAT),
    RULE(MUL, PERCENT, FLOAT, PERCENT, FLOAT),
    RULE(MUL, INT, PERCENT, PERCENT, FLOAT),
    RULE(MUL, FLOAT, PERCENT, PERCENT, FLOAT),
    RULE(DIV, PERCENT, INT, PERCENT, FLOAT),
    RULE(DIV, PERCENT, FLOAT, PERCENT, FLOAT),
    RULE(NEG, PERCENT, NONE, PERCENT, FLOAT),
    RULE(ADD, STRING, STRING, STRING, TEXT),
    RULE(ADD, ADDRESS, INT, ADDRESS, ADDRESS),
    RULE(ADD, INT, ADDRESS, ADDRESS, ADDRESS),
    RULE(SUB, ADDRESS, INT, ADDRESS, ADDRESS),
    RULE(ADD, MAC, INT, MAC, INT),
    RULE(SUB, MAC, INT, MAC, INT),
};

static VnValueKind
plain(VnValueKind kind)
{
  return kind == VN_VALUE_PORT ? VN_VALUE_INT : kind;
}

static const Rule *
find_rule(VnExprOp op, VnValueKind left, VnValueKind right)
{
  left = plain(left);
  right = op == VN_EXPR_NEG ? VN_VALUE_NONE : plain(right);
  for (guint i = 0; i < G_N_ELEMENTS(rules); i++)
    if (rules[i].op == op && rules[i].left == left && rules[i].right == right)
      return &rules[i];
  return NULL;
}

static gboolean
is_ordered(VnValueKind kind)
{
  return kind == VN_VALUE_INT || kind == VN_VALUE_FLOAT || kind == VN_VALUE_DURATION ||
         kind == VN_VALUE_SIZE || kind == VN_VALUE_RATE || kind == VN_VALUE_PERCENT ||
         kind == VN_VALUE_STRING || kind == VN_VALUE_ADDRESS || kind == VN_VALUE_MAC;
}

/* Kinds that may be compared with each other have one class. */
static VnValueKind
comparable(VnValueKind kind)
{
  kind = plain(kind);
  return kind == VN_VALUE_FLOAT ? VN_VALUE_INT : kind == VN_VALUE_ROUTER ? VN_VALUE_HOST : kind;
}

VnValueKind
vn_expr_op_kind(VnExprOp op, VnValueKind left, VnValueKind right)
{
  gboolean ok = FALSE;
  switch (op) {
  case VN_EXPR_OR:
  case VN_EXPR_AND:
    ok = left == VN_VALUE_BOOL && right == VN_VALUE_BOOL;
    break;
  case VN_EXPR_NOT:
    ok = left == VN_VALUE_BOOL;
    break;
  case VN_EXPR_EQ:
  case VN_EXPR_NE:
    ok = comparable(left) == comparable(right);
    break;
  case VN_EXPR_LT:
  case VN_EXPR_LE:
  case VN_EXPR_GT:
  case VN_EXPR_GE:
    ok = comparable(left) == comparable(right) && is_ordered(plain(left));
    break;
  case VN_EXPR_ADD:
  case VN_EXPR_SUB:
  case VN_EXPR_MUL:
  case VN_EXPR_DIV:
  case VN_EXPR_MOD:
  case VN_EXPR_NEG: {
    if (op == VN_EXPR_SUB && left == VN_VALUE_ADDRESS && right == VN_VALUE_ADDRESS)
      return VN_VALUE_INT;
    const Rule *rule = find_rule(op, left, right);
    return rule != NULL ? (VnValueKind)rule->result : VN_VALUE_NONE;
  }
  }
  return ok ? VN_VALUE_BOOL : VN_VALUE_NONE;
}

const char *
vn_expr_op_text(VnExprOp op)
{
  static const char *const texts[] = {"or", "and", "not", "==", "!=", "<", "<=", ">",
                                      ">=", "+",   "-",   "*",  "/",  "%", "-"};
  return texts[op];
}

static gboolean
domain_error(GError **error, const char *what)
{
  g_set_error_literal(error, VN_EXPR_ERROR, VN_EXPR_ERROR_DOMAIN, what);
  return FALSE;
}

static gboolean
whole_divide(VnExprOp op, gint64 left, gint64 right, gint64 *out, GError **error)
{
  if (right == 0)
    return domain_error(error, "division by zero");
  if (right == -1)
    return op == VN_EXPR_MOD ? (*out = 0, TRUE)
                             : !__builtin_sub_overflow((gint64)0, left, out) ||
                                   domain_error(error, "the result is too large");
  gint64 quotient = left / right, rest = left % right;
  if (rest != 0 && (rest < 0) != (right < 0)) {
    quotient--;
    rest += right;
  }
  *out = op == VN_EXPR_DIV ? quotient : rest;
  return TRUE;
}

static gboolean
whole_arithmetic(VnExprOp op, gint64 left, gint64 right, gint64 *out, GError **error)
{
  gboolean overflow = FALSE;
  if (op == VN_EXPR_DIV || op == VN_EXPR_MOD)
    return whole_divide(op, left, right, out, error);
  if (op == VN_EXPR_ADD)
    overflow = __builtin_add_overflow(left, right, out);
  else if (op == VN_EXPR_SUB)
    overflow = __builtin_sub_overflow(left, right, out);
  else if (op == VN_EXPR_MUL)
    overflow = __builtin_mul_overflow(left, right, out);
  else
    overflow = __builtin_sub_overflow((gint64)0, left, out);
  return !overflow || domain_error(error, "the result is too large");
}

static double
as_double(const VnValue *value)
{
  return value->kind == VN_VALUE_FLOAT || value->kind == VN_VALUE_PERCENT ? value->f
                                                                          : (double)value->i;
}

static gboolean
real_arithmetic(VnExprOp op, double left, double right, double *out, GError **error)
{
  if ((op == VN_EXPR_DIV || op == VN_EXPR_MOD) && right == 0)
    return domain_error(error, "division by zero");
  if (op == VN_EXPR_ADD)
    *out = left + right;
  else if (op == VN_EXPR_SUB)
    *out = left - right;
  else if (op == VN_EXPR_MUL)
    *out = left * right;
  else if (op == VN_EXPR_DIV)
    *out = left / right;
  else if (op == VN_EXPR_MOD)
    *out = left - right * floor(left / right);
  else
    *out = -left;
  return isfinite(*out) || domain_error(error, "the result is too large");
}

/* A whole quantity from a double. */
static gboolean
round_quantity(double number, gint64 *out, GError **error)
{
  if (!(fabs(number) < 9.2e18))
    return domain_error(error, "the result is too large");
  *out = (gint64)llround(number);
  return TRUE;
}

static gboolean
bits_arithmetic(VnExprOp op, const VnValue *left, const VnValue *right, gint64 *out,
                GError **error)
{
  double a = (double)left->i, b = (double)right->i;
  const double second = 1e9;
  if (op == VN_EXPR_DIV && right->i == 0)
    return domain_error(error, "division by zero");
  if (op == VN_EXPR_MUL)
    return round_quantity(a * b / 8 / second, out, error);
  return round_quantity(a * 8 * second / b, out, error); /* a rate, or a time */
}

static gboolean
join_texts(const VnText *left, const VnText *right, VnArena *arena, VnValue *out, GError **error)
{
  if (left->length + right->length > VN_TEXT_MAX_BYTES)
    return domain_error(error, "the text is too long");
  g_autofree char *text = g_strconcat(left->text, right->text, NULL);
  *out = vn_value_string(arena, text, -1);
  return TRUE;
}

static gboolean
move_address(VnExprOp op, const VnValue *left, const VnValue *right, VnArena *arena, VnValue *out,
             GError **error)
{
  const VnValue *base = left->kind == VN_VALUE_ADDRESS ? left : right;
  gint64 offset = base == left ? right->i : left->i;
  VnAddress address;
  if (op == VN_EXPR_SUB && __builtin_sub_overflow((gint64)0, offset, &offset))
    return domain_error(error, "the address leaves its space");
  if (!vn_address_add(base->address, offset, &address))
    return domain_error(error, "the address leaves its space");
  *out = (VnValue){.kind = VN_VALUE_ADDRESS,
                   .address = vn_arena_memdup(arena, &address, sizeof address)};
  return TRUE;
}

static gboolean
address_distance(const VnAddress *left, const VnAddress *right, VnValue *out, GError **error)
{
  if (left->family != right->family)
    return domain_error(error, "the addresses are of two families");
  gint64 distance = 0;
  for (guint i = 0; i < vn_address_bits(left) / 8; i++)
    if (__builtin_mul_overflow(distance, 256, &distance) ||
        __builtin_add_overflow(distance, left->bytes[i] - right->bytes[i], &distance))
      return domain_error(error, "the addresses are too far apart");
  *out = vn_value_int(distance);
  return TRUE;
}

static gboolean
compute(const Rule *rule, const VnValue *left, const VnValue *right, VnArena *arena, VnValue *out,
        GError **error)
{
  VnValue value = {.kind = rule->result};
  gboolean ok = FALSE;
  double number = 0;
  switch ((Compute)rule->compute) {
  case COMPUTE_INT:
    ok = whole_arithmetic(rule->op, left->i, right != NULL ? right->i : 0, &value.i, error);
    if (ok && rule->result == VN_VALUE_MAC && value.mac >> 48 != 0)
      ok = domain_error(error, "the MAC address leaves its space");
    break;
  case COMPUTE_FLOAT:
    ok = real_arithmetic(rule->op, as_double(left), right != NULL ? as_double(right) : 0,
                         &value.f, error);
    break;
  case COMPUTE_SCALE:
    ok = real_arithmetic(rule->op, as_double(left), as_double(right), &number, error) &&
         round_quantity(number, &value.i, error);
    break;
  case COMPUTE_SHARE:
    ok = round_quantity(as_double(left) * as_double(right) / 100, &value.i, error);
    break;
  case COMPUTE_RATIO:
    ok = real_arithmetic(rule->op, (double)left->i, (double)right->i, &value.f, error);
    break;
  case COMPUTE_BITS:
    ok = bits_arithmetic(rule->op, left, right, &value.i, error);
    break;
  case COMPUTE_TEXT:
    return join_texts(left->text, right->text, arena, out, error);
  case COMPUTE_ADDRESS:
    return move_address(rule->op, left, right, arena, out, error);
  }
  if (ok)
    *out = value;
  return ok;
}

static gboolean
undefined(VnExprOp op, const VnValue *left, const VnValue *right, GError **error)
{
  g_set_error(error, VN_EXPR_ERROR, VN_EXPR_ERROR_DOMAIN, "`%s` is not defined on %s%s%s",
              vn_expr_op_text(op), vn_value_kind_text(left->kind), right != NULL ? " and " : "",
              right != NULL ? vn_value_kind_text(right->kind) : "");
  return FALSE;
}

static gboolean
arithmetic(VnExprOp op, const VnValue *left, const VnValue *right, VnArena *arena, VnValue *out,
           GError **error)
{
  if (op == VN_EXPR_SUB && left->kind == VN_VALUE_ADDRESS && right->kind == VN_VALUE_ADDRESS)
    return address_distance(left->address, right->address, out, error);
  const Rule *rule = find_rule(op, left->kind, right != NULL ? right->kind : VN_VALUE_NONE);
  return rule != NULL ? compute(rule, left, right, arena, out, error)
                      : undefined(op, left, right, error);
}

gboolean
vn_expr_apply(VnExprOp op, const VnValue *left, const VnValue *right, VnArena *arena, VnValue *out,
              GError **error)
{
  if (op < VN_EXPR_ADD &&
      vn_expr_op_kind(op, left->kind, right != NULL ? right->kind : VN_VALUE_NONE) == VN_VALUE_NONE)
    return undefined(op, left, right, error);
  switch (op) {
  case VN_EXPR_OR:
    *out = vn_value_bool(left->b || right->b);
    return TRUE;
  case VN_EXPR_AND:
    *out = vn_value_bool(left->b && right->b);
    return TRUE;
  case VN_EXPR_NOT:
    *out = vn_value_bool(!left->b);
    return TRUE;
  case VN_EXPR_EQ:
    *out = vn_value_bool(vn_value_equal(left, right));
    return TRUE;
  case VN_EXPR_NE:
    *out = vn_value_bool(!vn_value_equal(left, right));
    return TRUE;
  case VN_EXPR_LT:
    *out = vn_value_bool(vn_value_compare(left, right) < 0);
    return TRUE;
  case VN_EXPR_LE:
    *out = vn_value_bool(vn_value_compare(left, right) <= 0);
    return TRUE;
  case VN_EXPR_GT:
    *out = vn_value_bool(vn_value_compare(left, right) > 0);
    return TRUE;
  case VN_EXPR_GE:
    *out = vn_value_bool(vn_value_compare(left, right) >= 0);
    return TRUE;
  case VN_EXPR_ADD:
  case VN_EXPR_SUB:
  case VN_EXPR_MUL:
  case VN_EXPR_DIV:
  case VN_EXPR_MOD:
  case VN_EXPR_NEG:
    return arithmetic(op, left, right, arena, out, error);
  }
  g_assert_not_reached();
}
