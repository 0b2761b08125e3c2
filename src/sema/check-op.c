/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Operators: their types come from the same table as their results (model/expr-apply.c). */
#include "sema/check.h"

static VnExprOp
expr_op(VnOp op)
{
  switch (op) {
  case VN_OP_OR:
    return VN_EXPR_OR;
  case VN_OP_AND:
    return VN_EXPR_AND;
  case VN_OP_NOT:
    return VN_EXPR_NOT;
  case VN_OP_EQ:
    return VN_EXPR_EQ;
  case VN_OP_NE:
    return VN_EXPR_NE;
  case VN_OP_LT:
    return VN_EXPR_LT;
  case VN_OP_LE:
    return VN_EXPR_LE;
  case VN_OP_GT:
    return VN_EXPR_GT;
  case VN_OP_GE:
    return VN_EXPR_GE;
  case VN_OP_ADD:
    return VN_EXPR_ADD;
  case VN_OP_SUB:
    return VN_EXPR_SUB;
  case VN_OP_MUL:
    return VN_EXPR_MUL;
  case VN_OP_DIV:
    return VN_EXPR_DIV;
  case VN_OP_MOD:
    return VN_EXPR_MOD;
  case VN_OP_NEG:
    return VN_EXPR_NEG;
  case VN_OP_RANGE:
  case VN_OP_UNION:
  case VN_OP_INTERSECT:
    break; /* have terms of their own */
  }
  g_assert_not_reached();
}

static gboolean
has_unit(VnType type)
{
  return type.kind == VN_VALUE_INT || type.kind == VN_VALUE_FLOAT ||
         type.kind == VN_VALUE_DURATION || type.kind == VN_VALUE_SIZE ||
         type.kind == VN_VALUE_RATE || type.kind == VN_VALUE_PERCENT;
}

static gboolean
is_plain_number(VnType type)
{
  return type.kind == VN_VALUE_INT || type.kind == VN_VALUE_FLOAT;
}

static const char *
example_unit(VnType type)
{
  return type.kind == VN_VALUE_DURATION ? "s"
         : type.kind == VN_VALUE_SIZE   ? "KiB"
         : type.kind == VN_VALUE_RATE   ? "kbit"
                                        : "%";
}

/* `5s + 3`: the number wants a unit, or the quantity a conversion. */
static void
hint_units(VnDiag *diag, const VnTerm *left, const VnTerm *right)
{
  const VnTerm *number = is_plain_number(left->type) ? left : right;
  const VnTerm *quantity = number == left ? right : left;
  if (!is_plain_number(number->type) || is_plain_number(quantity->type))
    return;
  const char *unit = example_unit(quantity->type);
  if (number->kind == VN_TERM_CONST && number->type.kind == VN_VALUE_INT)
    vn_diag_hint(diag, "give the number a unit: %" G_GINT64_FORMAT "%s", number->value.i, unit);
  else if (quantity->type.kind != VN_VALUE_PERCENT)
    vn_diag_hint(diag,
                 "give the number a unit by `* 1%s`, or make the quantity a number by "
                 "`in %s`",
                 unit, unit);
}

static VnTerm *
mismatch(VnCompiler *c, const VnAstBinary *ast, const VnTerm *left, const VnTerm *right)
{
  gboolean units = has_unit(left->type) && has_unit(right->type);
  VnDiag *diag = vn_diag_add(c->sink, units ? VN_DIAG_VN104 : VN_DIAG_VN103, ast->op_span,
                             "`%s` does not go with %s and %s", vn_op_text(ast->op),
                             vn_type_text(left->type), vn_type_text(right->type));
  vn_diag_place(diag, left->span, "%s", vn_type_text(left->type));
  vn_diag_place(diag, right->span, "%s", vn_type_text(right->type));
  if (units)
    hint_units(diag, left, right);
  else if (left->type.kind == VN_VALUE_STRING || right->type.kind == VN_VALUE_STRING)
    vn_diag_hint(diag, "values go into a text by \"{…}\"");
  return vn_term_error(c, ast->ast.span);
}

static gboolean
gives_bool(VnExprOp op)
{
  return op < VN_EXPR_ADD;
}

VnTerm *
vn_check_unary(VnCompiler *c, const VnAstUnary *ast)
{
  VnTerm *operand = vn_check_expr(c, ast->operand);
  if (operand->kind == VN_TERM_ERROR)
    return operand;
  VnExprOp op = expr_op(ast->op);
  guint8 kind = VN_KIND_ANY;
  if (operand->type.kind != VN_KIND_ANY) {
    kind = vn_expr_op_kind(op, operand->type.kind, VN_VALUE_NONE);
    if (kind == VN_VALUE_NONE) {
      vn_diag_add(c->sink, VN_DIAG_VN103, ast->ast.span, "`%s` does not go with %s",
                  vn_op_text(ast->op), vn_type_text(operand->type));
      return vn_term_error(c, ast->ast.span);
    }
  } else if (gives_bool(op)) {
    kind = VN_VALUE_BOOL;
  }
  VnTerm *term = vn_term_new(c, VN_TERM_UNARY, ast->ast.span, vn_type_of_kind(kind));
  term->op = op;
  vn_term_operands(c, term, &operand, 1);
  return term;
}

static VnTerm *
binary_term(VnCompiler *c, VnTermKind kind, guint8 op, const VnAstBinary *ast, VnTerm *left,
            VnTerm *right, VnType type)
{
  VnTerm *term = vn_term_new(c, kind, ast->ast.span, type);
  VnTerm *operands[] = {left, right};
  term->op = op;
  vn_term_operands(c, term, operands, 2);
  return term;
}

static VnTerm *
check_range(VnCompiler *c, const VnAstBinary *ast, VnTerm *left, VnTerm *right)
{
  VnType wanted = vn_type_of_kind(VN_VALUE_INT);
  if (!vn_check_type(c, left, wanted, "the start of a range") ||
      !vn_check_type(c, right, wanted, "the end of a range"))
    return vn_term_error(c, ast->ast.span);
  return binary_term(c, VN_TERM_RANGE, 0, ast, left, right,
                     (VnType){.kind = VN_VALUE_RANGE, .element = VN_VALUE_INT});
}

static gboolean
may_be_vms(const VnTerm *term)
{
  return vn_type_is_vms(term->type) || term->type.kind == VN_KIND_ANY;
}

static VnTerm *
check_set_op(VnCompiler *c, const VnAstBinary *ast, VnTerm *left, VnTerm *right)
{
  if (!may_be_vms(left) || !may_be_vms(right))
    return mismatch(c, ast, left, right);
  VnSetOp op = ast->op == VN_OP_UNION       ? VN_SET_UNION
               : ast->op == VN_OP_INTERSECT ? VN_SET_INTERSECTION
                                            : VN_SET_DIFFERENCE;
  return binary_term(c, VN_TERM_SET_OP, op, ast, left, right,
                     (VnType){.kind = VN_VALUE_SET, .element = VN_VALUE_HOST});
}

VnTerm *
vn_check_binary(VnCompiler *c, const VnAstBinary *ast)
{
  VnTerm *left = vn_check_expr(c, ast->left), *right = vn_check_expr(c, ast->right);
  if (left->kind == VN_TERM_ERROR || right->kind == VN_TERM_ERROR)
    return vn_term_error(c, ast->ast.span);
  if (ast->op == VN_OP_RANGE)
    return check_range(c, ast, left, right);
  gboolean vms = vn_type_is_vms(left->type) || vn_type_is_vms(right->type);
  if (ast->op == VN_OP_UNION || ast->op == VN_OP_INTERSECT || (ast->op == VN_OP_SUB && vms))
    return check_set_op(c, ast, left, right);
  VnExprOp op = expr_op(ast->op);
  guint8 a = left->type.kind, b = right->type.kind;
  guint8 kind = gives_bool(op) ? VN_VALUE_BOOL : VN_KIND_ANY;
  if (a != VN_KIND_ANY && b != VN_KIND_ANY)
    kind = vn_expr_op_kind(op, a == VN_VALUE_GROUP ? VN_VALUE_SET : a,
                           b == VN_VALUE_GROUP ? VN_VALUE_SET : b);
  if (kind == VN_VALUE_NONE)
    return mismatch(c, ast, left, right);
  return binary_term(c, VN_TERM_BINARY, op, ast, left, right, vn_type_of_kind(kind));
}

static void
unknown_unit(VnCompiler *c, const VnIdent *unit)
{
  static const char *const units[] = {
#define VN_UNIT(id, text, dimension, factor) text,
#include "base/unit.def"
#undef VN_UNIT
  };
  VnDiag *diag =
      vn_diag_add(c->sink, VN_DIAG_VN104, unit->span, "there is no unit `%s`", unit->symbol->text);
  const char *near = vn_diag_nearest(unit->symbol->text, units, G_N_ELEMENTS(units));
  if (near != NULL)
    vn_diag_hint(diag, "did you mean `%s`?", near);
}

VnTerm *
vn_check_convert(VnCompiler *c, const VnAstConvert *ast)
{
  VnTerm *operand = vn_check_expr(c, ast->operand);
  VnUnit unit = vn_unit_from_text(ast->unit.symbol->text, ast->unit.symbol->length);
  if (unit == VN_UNIT_NONE) {
    unknown_unit(c, &ast->unit);
    return vn_term_error(c, ast->ast.span);
  }
  if (operand->kind == VN_TERM_ERROR)
    return operand;
  if (operand->type.kind != VN_KIND_ANY && !vn_unit_measures(unit, operand->type.kind)) {
    vn_diag_add(c->sink, VN_DIAG_VN104, operand->span, "%s can't be told in %s",
                vn_type_text(operand->type), vn_unit_text(unit));
    return vn_term_error(c, ast->ast.span);
  }
  VnType type = vn_type_of_kind(VN_VALUE_FLOAT);
  type.optional = operand->type.optional;
  VnTerm *term = vn_term_new(c, VN_TERM_CONVERT, ast->ast.span, type);
  term->unit = unit;
  vn_term_operands(c, term, &operand, 1);
  return term;
}
