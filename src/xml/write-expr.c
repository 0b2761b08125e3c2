/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Expressions from the tree, on one line. Parentheses are nodes, so none need be invented; literals
 * are written from their values, so that it makes no difference what the tree was read from. */
#include <string.h>

#include "xml/write-parts.h"

static void
append_escaped(const char *text, gsize length, GString *out)
{
  static const char letters[] = "\n\r\t\\\"", escapes[] = "nrt\\\"";
  for (gsize i = 0; i < length; i++) {
    const char *letter = text[i] != '\0' ? strchr(letters, text[i]) : NULL;
    if (letter != NULL)
      g_string_append_printf(out, "\\%c", escapes[letter - letters]);
    else if ((guchar)text[i] < 0x20 || text[i] == 0x7f)
      g_string_append_printf(out, "\\u{%x}", (guint)text[i]);
    else if (text[i] == '{')
      g_string_append(out, "{{");
    else
      g_string_append_c(out, text[i]);
  }
}

/* Texts and expressions in turn. A set in braces must not look like `{{`. */
static void
append_interpolation(const VnAstSeq items, GString *out)
{
  g_string_append_c(out, '"');
  for (guint32 i = 0; i < items.n; i++) {
    const VnAst *item = items.items[i];
    if (i % 2 == 0) {
      append_escaped(((const VnAstString *)item)->text, ((const VnAstString *)item)->length, out);
      continue;
    }
    g_autoptr(GString) text = g_string_new(NULL);
    vn_xml_append_expr(item, text);
    g_string_append_printf(out, "{%s%s}", text->str[0] == '{' ? " " : "", text->str);
  }
  g_string_append_c(out, '"');
}

/* Most digits behind the point that a double needs. */
#define MAX_DIGITS 1100

/* Written out, for the language knows no exponents; with a point, so that it stays a float. */
static void
append_number(double value, gboolean percent, GString *out)
{
  char text[MAX_DIGITS + 400], format[16];
  for (int digits = percent ? 0 : 1; digits <= MAX_DIGITS; digits++) {
    g_snprintf(format, sizeof format, "%%.%df", digits);
    g_ascii_formatd(text, sizeof text, format, value);
    if (g_ascii_strtod(text, NULL) == value)
      break;
  }
  g_string_append_printf(out, "%s%s", text, percent ? "%" : "");
}

static void
append_quantity(const VnAstQuantity *node, GString *out)
{
  g_autofree char *text = NULL;
  switch (vn_unit_dimension(node->unit)) {
  case VN_DIM_DURATION:
    text = vn_duration_format(node->value);
    break;
  case VN_DIM_SIZE:
    text = vn_size_format(node->value);
    break;
  case VN_DIM_RATE:
    text = vn_rate_format(node->value);
    break;
  }
  g_string_append(out, text);
}

/* The sign needs no space; `- -1` does, and a word always. */
static void
append_unary(const VnAstUnary *node, GString *out)
{
  gboolean twice = node->operand->kind == VN_AST_UNARY;
  g_string_append(out, node->op == VN_OP_NOT ? "not " : twice ? "- " : "-");
  vn_xml_append_expr(node->operand, out);
}

static void
append_binary(const VnAstBinary *node, GString *out)
{
  vn_xml_append_expr(node->left, out);
  if (node->op == VN_OP_RANGE)
    g_string_append(out, "..");
  else
    g_string_append_printf(out, " %s ", vn_op_text(node->op));
  vn_xml_append_expr(node->right, out);
}

static void
append_items(const char *open, VnAstSeq items, const char *close, GString *out)
{
  g_string_append(out, open);
  for (guint32 i = 0; i < items.n; i++) {
    g_string_append(out, i > 0 ? ", " : "");
    vn_xml_append_expr(items.items[i], out);
  }
  g_string_append(out, close);
}

static void
append_argument(const VnAstArgument *argument, GString *out)
{
  if (argument->name.symbol != NULL)
    g_string_append_printf(out, "%s=", argument->name.symbol->text);
  vn_xml_append_expr(argument->value, out);
}

void
vn_xml_append_type(const VnAstType *type, GString *out)
{
  for (; type != NULL; type = type->also) {
    g_string_append(out, type->name.symbol->text);
    if (type->element != NULL) {
      g_string_append_c(out, '<');
      vn_xml_append_type(type->element, out);
      g_string_append_c(out, '>');
    }
    g_string_append(out, type->optional ? "?" : "");
    g_string_append(out, type->also != NULL ? " | " : "");
  }
}

#define AS(Type) ((const Type *)node)

void
vn_xml_append_expr(const VnAst *node, GString *out)
{
  char text[MAX(MAX(VN_ADDRESS_TEXT_MAX, VN_PREFIX_TEXT_MAX), VN_MAC_TEXT_MAX)];
  switch ((VnAstKind)node->kind) {
  case VN_AST_INT:
    g_string_append_printf(out, "%" G_GINT64_FORMAT, AS(VnAstInt)->value);
    return;
  case VN_AST_BOOL:
    g_string_append(out, AS(VnAstInt)->value ? "true" : "false");
    return;
  case VN_AST_FLOAT:
  case VN_AST_PERCENT:
    append_number(AS(VnAstFloat)->value, node->kind == VN_AST_PERCENT, out);
    return;
  case VN_AST_QUANTITY:
    append_quantity(AS(VnAstQuantity), out);
    return;
  case VN_AST_ADDRESS:
    g_string_append(out, vn_address_format(&AS(VnAstAddress)->value, text));
    return;
  case VN_AST_PREFIX:
    g_string_append(out, vn_prefix_format(&AS(VnAstPrefix)->value, text));
    return;
  case VN_AST_MAC:
    g_string_append(out, vn_mac_format((guint64)AS(VnAstInt)->value, text));
    return;
  case VN_AST_STRING:
    g_string_append_c(out, '"');
    append_escaped(AS(VnAstString)->text, AS(VnAstString)->length, out);
    g_string_append_c(out, '"');
    return;
  case VN_AST_INTERPOLATION:
    append_interpolation(AS(VnAstList)->items, out);
    return;
  case VN_AST_REGEX:
    g_string_append_printf(out, "/%s/", AS(VnAstString)->text);
    return;
  case VN_AST_NAME:
    g_string_append(out, AS(VnAstName)->name.symbol->text);
    return;
  case VN_AST_LIST:
    append_items("[", AS(VnAstList)->items, "]", out);
    return;
  case VN_AST_SET:
    append_items("{", AS(VnAstList)->items, "}", out);
    return;
  case VN_AST_PAREN:
    g_string_append_c(out, '(');
    vn_xml_append_expr(AS(VnAstUnary)->operand, out);
    g_string_append_c(out, ')');
    return;
  case VN_AST_UNARY:
    append_unary(AS(VnAstUnary), out);
    return;
  case VN_AST_BINARY:
    append_binary(AS(VnAstBinary), out);
    return;
  case VN_AST_CONVERT:
    vn_xml_append_expr(AS(VnAstConvert)->operand, out);
    g_string_append_printf(out, " in %s", AS(VnAstConvert)->unit.symbol->text);
    return;
  case VN_AST_INDEX:
    vn_xml_append_expr(AS(VnAstIndex)->base, out);
    g_string_append_c(out, '[');
    vn_xml_append_expr(AS(VnAstIndex)->index, out);
    g_string_append_c(out, ']');
    return;
  case VN_AST_MEMBER:
    vn_xml_append_expr(AS(VnAstMember)->base, out);
    g_string_append_printf(out, ".%s", AS(VnAstMember)->name.symbol->text);
    return;
  case VN_AST_CALL:
    vn_xml_append_expr(AS(VnAstCall)->callee, out);
    append_items("(", AS(VnAstCall)->arguments, ")", out);
    return;
  case VN_AST_ARGUMENT:
    append_argument(AS(VnAstArgument), out);
    return;
  case VN_AST_TYPE:
    vn_xml_append_type(AS(VnAstType), out);
    return;
#define VN_AST_EXPR(id, type, text)
#define VN_AST_DECL(id, type, text) case VN_AST_##id:
#define VN_AST_ITEM(id, type, text)
#include "lang/ast.def"
#undef VN_AST_EXPR
#undef VN_AST_DECL
#undef VN_AST_ITEM
  case VN_AST_PROPERTY:
  case VN_AST_CLAUSE:
  case VN_AST_KEY:
  case VN_AST_FIELD:
  case VN_AST_DIM:
  case VN_AST_VARIANT:
  case VN_AST_PARSE:
  case VN_AST_REQUIRES:
  case VN_AST_ACTION_LINE:
  case VN_AST_READY:
  case VN_AST_KIND_COUNT:
    break;
  }
  g_assert_not_reached();
}
