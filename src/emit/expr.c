/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Values and compiled expressions in the words of the language. What was computed before the run is
 * a literal by now; every operation is in parentheses, so nothing depends on precedence. */
#include "emit/emit.h"

#include <string.h>

/* The inside of a string literal. */
static void
append_escaped(GString *out, const char *text, gsize length)
{
  for (gsize i = 0; i < length; i++)
    switch (text[i]) {
    case '"':
    case '\\':
      g_string_append_c(out, '\\');
      g_string_append_c(out, text[i]);
      break;
    case '\n':
      g_string_append(out, "\\n");
      break;
    case '\t':
      g_string_append(out, "\\t");
      break;
    case '\r':
      g_string_append(out, "\\r");
      break;
    case '{':
      g_string_append(out, "{{");
      break;
    default:
      g_string_append_c(out, text[i]);
    }
}

static void
append_text(GString *out, const char *text, gsize length)
{
  g_string_append_c(out, '"');
  append_escaped(out, text, length);
  g_string_append_c(out, '"');
}

/* A number that reads as a float: with a point or an exponent. */
static void
append_float(GString *out, double number)
{
  char text[G_ASCII_DTOSTR_BUF_SIZE];
  g_ascii_formatd(text, sizeof text, "%.15g", number);
  if (g_ascii_strtod(text, NULL) != number)
    g_ascii_dtostr(text, sizeof text, number);
  g_string_append(out, text);
  if (strpbrk(text, ".en") == NULL)
    g_string_append(out, ".0");
}

static void
append_items(const VnModel *model, const VnValueList *list, const char *brackets, GString *out)
{
  g_string_append_c(out, brackets[0]);
  for (guint32 i = 0; i < list->n; i++) {
    g_string_append(out, i > 0 ? ", " : "");
    vn_emit_value(model, &list->items[i], out);
  }
  g_string_append_c(out, brackets[1]);
}

void
vn_emit_value(const VnModel *model, const VnValue *value, GString *out)
{
  switch ((VnValueKind)value->kind) {
  case VN_VALUE_NONE:
  case VN_VALUE_KIND_COUNT:
    return;
  case VN_VALUE_FLOAT:
    append_float(out, value->f);
    return;
  case VN_VALUE_STRING:
    append_text(out, value->text->text, value->text->length);
    return;
  case VN_VALUE_REGEX:
    g_string_append_printf(out, "/%s/", value->text->text);
    return;
  case VN_VALUE_LIST:
    append_items(model, value->list, "[]", out);
    return;
  case VN_VALUE_SET:
    append_items(model, value->list, "{}", out);
    return;
  case VN_VALUE_BOOL:
  case VN_VALUE_INT:
  case VN_VALUE_PORT:
  case VN_VALUE_PERCENT:
  case VN_VALUE_DURATION:
  case VN_VALUE_SIZE:
  case VN_VALUE_RATE:
  case VN_VALUE_ADDRESS:
  case VN_VALUE_PREFIX:
  case VN_VALUE_MAC:
  case VN_VALUE_RANGE:
  case VN_VALUE_HOST:
  case VN_VALUE_ROUTER:
  case VN_VALUE_SEGMENT:
  case VN_VALUE_TASK:
  case VN_VALUE_GROUP:
  case VN_VALUE_SITE:
  case VN_VALUE_IMAGE:
    vn_value_format(value, vn_model_name_of, (gpointer)model, out);
    return;
  }
  g_assert_not_reached();
}

static const char *
op_text(VnExprOp op)
{
  switch (op) {
  case VN_EXPR_OR:
    return "or";
  case VN_EXPR_AND:
    return "and";
  case VN_EXPR_NOT:
    return "not ";
  case VN_EXPR_EQ:
    return "==";
  case VN_EXPR_NE:
    return "!=";
  case VN_EXPR_LT:
    return "<";
  case VN_EXPR_LE:
    return "<=";
  case VN_EXPR_GT:
    return ">";
  case VN_EXPR_GE:
    return ">=";
  case VN_EXPR_ADD:
    return "+";
  case VN_EXPR_SUB:
  case VN_EXPR_NEG:
    return "-";
  case VN_EXPR_MUL:
    return "*";
  case VN_EXPR_DIV:
    return "/";
  case VN_EXPR_MOD:
    return "%";
  }
  g_assert_not_reached();
}

static const char *
builtin_text(VnBuiltin builtin)
{
  static const char *const names[] = {
#define VN_BUILTIN(id, name, n_args, help) name,
#include "model/builtin.def"
#undef VN_BUILTIN
  };
  return names[builtin];
}

/* "text {name} more" */
static void
append_interpolation(const VnModel *model, const VnAction *action, const VnExpr *expr, GString *out)
{
  g_string_append_c(out, '"');
  for (guint32 i = 0; i < expr->n_operands; i++) {
    const VnExpr *part = expr->operands[i];
    if (part->kind == VN_EXPR_CONST && part->value.kind == VN_VALUE_STRING) {
      append_escaped(out, part->value.text->text, part->value.text->length);
      continue;
    }
    g_string_append_c(out, '{');
    vn_emit_expr(model, action, part, out);
    g_string_append_c(out, '}');
  }
  g_string_append_c(out, '"');
}

static void
append_operands(const VnModel *model, const VnAction *action, const VnExpr *expr,
                const char *brackets, GString *out)
{
  g_string_append_c(out, brackets[0]);
  for (guint32 i = 0; i < expr->n_operands; i++) {
    g_string_append(out, i > 0 ? ", " : "");
    vn_emit_expr(model, action, expr->operands[i], out);
  }
  g_string_append_c(out, brackets[1]);
}

/* "scan.open", "scan[h[2]].open" */
static void
append_result(const VnModel *model, const VnExpr *expr, GString *out)
{
  const VnTask *task = &model->tasks[expr->task];
  g_string_append(out, task->name);
  if (task->group && expr->vm != VN_MEMBER_ALL)
    g_string_append_printf(out, "[%s]", model->topology.vms[expr->vm].name);
  g_string_append_printf(out, ".%s", vn_model_field_name(model, task, expr->index));
}

/* A result field inside its own action. */
static const char *
own_field(const VnAction *action, guint32 field)
{
  if (field >= VN_FIELD_OWN)
    return action->fields[field - VN_FIELD_OWN].name;
  return vn_model_field_name(NULL, NULL, field);
}

void
vn_emit_expr(const VnModel *model, const VnAction *action, const VnExpr *expr, GString *out)
{
  switch ((VnExprKind)expr->kind) {
  case VN_EXPR_CONST:
    vn_emit_value(model, &expr->value, out);
    return;
  case VN_EXPR_PARAM:
    g_string_append(out, action->params[expr->index].name);
    return;
  case VN_EXPR_FIELD:
    g_string_append(out, own_field(action, expr->index));
    return;
  case VN_EXPR_RESULT:
    append_result(model, expr, out);
    return;
  case VN_EXPR_UNARY:
    g_string_append_printf(out, "(%s", op_text(expr->op));
    vn_emit_expr(model, action, expr->operands[0], out);
    g_string_append_c(out, ')');
    return;
  case VN_EXPR_BINARY:
    g_string_append_c(out, '(');
    vn_emit_expr(model, action, expr->operands[0], out);
    g_string_append_printf(out, " %s ", op_text(expr->op));
    vn_emit_expr(model, action, expr->operands[1], out);
    g_string_append_c(out, ')');
    return;
  case VN_EXPR_CONVERT:
    g_string_append_c(out, '(');
    vn_emit_expr(model, action, expr->operands[0], out);
    g_string_append_printf(out, " in %s)", vn_unit_text(expr->unit));
    return;
  case VN_EXPR_INDEX:
    vn_emit_expr(model, action, expr->operands[0], out);
    g_string_append_c(out, '[');
    vn_emit_expr(model, action, expr->operands[1], out);
    g_string_append_c(out, ']');
    return;
  case VN_EXPR_LIST:
    append_operands(model, action, expr, "[]", out);
    return;
  case VN_EXPR_CONCAT:
    append_interpolation(model, action, expr, out);
    return;
  case VN_EXPR_CALL:
    g_string_append(out, builtin_text(expr->op));
    append_operands(model, action, expr, "()", out);
    return;
  }
  g_assert_not_reached();
}
