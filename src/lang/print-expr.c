/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Names, types, expressions and parameters, as the formatter writes them. */
#include "lang/print-parts.h"

/* ---- pieces ---- */

void
vn_print_ident(VnLayout *l, VnIdent ident)
{
  vn_layout_flush(l, ident.span.start);
  vn_layout_put(l, ident.symbol->text);
}

static void
print_argument(VnLayout *l, const VnAstArgument *argument)
{
  vn_layout_flush(l, argument->ast.span.start);
  if (argument->name.symbol != NULL) {
    vn_print_ident(l, argument->name);
    vn_layout_put(l, "=");
  }
  vn_print_expr(l, argument->value);
}

void
vn_print_list(VnLayout *l, const char *open, VnAstSeq items, const char *close)
{
  vn_layout_put(l, open);
  for (guint32 i = 0; i < items.n; i++) {
    if (i > 0)
      vn_layout_put(l, "," VN_SOFT_SPACE);
    if (items.items[i]->kind == VN_AST_ARGUMENT)
      print_argument(l, (const VnAstArgument *)items.items[i]);
    else
      vn_print_expr(l, items.items[i]);
  }
  vn_layout_put(l, close);
}

void
vn_print_idents(VnLayout *l, const VnIdent *idents, guint32 n, const char *between)
{
  for (guint32 i = 0; i < n; i++) {
    if (i > 0)
      vn_layout_put(l, between);
    vn_print_ident(l, idents[i]);
  }
}

/* A word and an expression; nothing if there is none. */
void
vn_print_with(VnLayout *l, const char *word, const VnAst *value)
{
  if (value == NULL)
    return;
  vn_layout_put(l, word);
  vn_print_expr(l, value);
}

/* ---- types ---- */

void
vn_print_type(VnLayout *l, const VnAstType *type)
{
  for (; type != NULL; type = type->also) {
    vn_print_ident(l, type->name);
    if (type->element != NULL) {
      vn_layout_put(l, "<");
      vn_print_type(l, type->element);
      vn_layout_put(l, ">");
    }
    vn_layout_put(l, type->optional ? "?" : "");
    vn_layout_put(l, type->also != NULL ? "|" : "");
  }
}

/* ---- expressions ---- */

static void
print_binary(VnLayout *l, const VnAstBinary *node)
{
  vn_print_expr(l, node->left);
  if (node->op == VN_OP_RANGE)
    vn_layout_put(l, "..");
  else {
    vn_layout_put(l, " ");
    vn_layout_put(l, vn_op_text(node->op));
    vn_layout_put(l, VN_SOFT_SPACE);
  }
  vn_print_expr(l, node->right);
}

static void
print_unary(VnLayout *l, const VnAstUnary *node)
{
  gboolean twice = node->op == VN_OP_NEG && node->operand->kind == VN_AST_UNARY;
  vn_layout_put(l, vn_op_text(node->op));
  vn_layout_put(l, node->op == VN_OP_NOT || twice ? " " : "");
  vn_print_expr(l, node->operand);
}

/* The texts of a string keep their quotes and braces, so they come from the source. */
static void
print_interpolation(VnLayout *l, const VnAstList *node)
{
  const VnAstString *first = (const VnAstString *)node->items.items[0];
  if (first->form == VN_STRING_MULTILINE) { /* its lines decide how much indent is taken off */
    vn_layout_source(l, node->ast.span);
    return;
  }
  vn_layout_keep_line(l, TRUE);
  for (guint32 i = 0; i < node->items.n; i++) {
    const VnAst *item = node->items.items[i];
    if (i % 2 == 1 && *vn_layout_text(l, item->span.start) == '{')
      vn_layout_put(l, " "); /* `{{` would be a brace */
    vn_print_expr(l, item);
  }
  vn_layout_keep_line(l, FALSE);
}

#define AS(Type) ((const Type *)node)

void
vn_print_expr(VnLayout *l, const VnAst *node)
{
  vn_layout_flush(l, node->span.start);
  switch ((VnAstKind)node->kind) {
  case VN_AST_INT:
  case VN_AST_FLOAT:
  case VN_AST_PERCENT:
  case VN_AST_QUANTITY:
  case VN_AST_ADDRESS:
  case VN_AST_PREFIX:
  case VN_AST_MAC:
  case VN_AST_BOOL:
  case VN_AST_STRING:
  case VN_AST_REGEX:
    vn_layout_source(l, node->span);
    break;
  case VN_AST_INTERPOLATION:
    print_interpolation(l, AS(VnAstList));
    break;
  case VN_AST_NAME:
    vn_print_ident(l, AS(VnAstName)->name);
    break;
  case VN_AST_LIST:
    vn_print_list(l, "[", AS(VnAstList)->items, "]");
    break;
  case VN_AST_SET:
    vn_print_list(l, "{", AS(VnAstList)->items, "}");
    break;
  case VN_AST_PAREN:
    vn_print_with(l, "(", AS(VnAstUnary)->operand);
    vn_layout_put(l, ")");
    break;
  case VN_AST_UNARY:
    print_unary(l, AS(VnAstUnary));
    break;
  case VN_AST_BINARY:
    print_binary(l, AS(VnAstBinary));
    break;
  case VN_AST_CONVERT:
    vn_print_expr(l, AS(VnAstConvert)->operand);
    vn_layout_put(l, " in ");
    vn_print_ident(l, AS(VnAstConvert)->unit);
    break;
  case VN_AST_INDEX:
    vn_print_expr(l, AS(VnAstIndex)->base);
    vn_print_with(l, "[", AS(VnAstIndex)->index);
    vn_layout_put(l, "]");
    break;
  case VN_AST_MEMBER:
    vn_print_expr(l, AS(VnAstMember)->base);
    vn_layout_put(l, ".");
    vn_print_ident(l, AS(VnAstMember)->name);
    break;
  case VN_AST_CALL:
    vn_print_expr(l, AS(VnAstCall)->callee);
    vn_print_list(l, "(", AS(VnAstCall)->arguments, ")");
    break;
  case VN_AST_TYPE:
    vn_print_type(l, AS(VnAstType));
    break;
#define VN_AST_EXPR(id, type, text)
#define VN_AST_DECL(id, type, text) case VN_AST_##id:
#define VN_AST_ITEM(id, type, text) case VN_AST_##id:
#include "lang/ast.def"
#undef VN_AST_EXPR
#undef VN_AST_DECL
#undef VN_AST_ITEM
  case VN_AST_KIND_COUNT:
    g_assert_not_reached();
  }
}

/* ---- parts ---- */

void
vn_print_param(VnLayout *l, const VnAstParam *param)
{
  vn_print_ident(l, param->name);
  vn_layout_put(l, ": ");
  vn_print_type(l, param->type);
  vn_print_with(l, " in ", param->range);
  vn_print_with(l, " = ", param->initial);
}

/* A comment keeps its side of a comma: right above a parameter it would document that one. */
VnPos
vn_print_params(VnLayout *l, VnAstSeq params, VnPos paren)
{
  VnPos end = paren + 1;
  vn_layout_flush(l, paren);
  vn_layout_put(l, "(");
  for (guint32 i = 0; i < params.n; i++) {
    if (i > 0) {
      vn_layout_flush(l, vn_layout_next(l, end));
      vn_layout_put(l, "," VN_SOFT_SPACE);
    }
    vn_print_param(l, (const VnAstParam *)params.items[i]);
    end = params.items[i]->span.end;
  }
  vn_layout_put(l, ")");
  return vn_layout_next(l, end) + 1;
}

void
vn_print_items(VnLayout *l, VnAstSeq items)
{
  vn_print_list(l, "", items, "");
}

/* Begins the line of a declaration `word name …`, its first cell. */
void
vn_print_begin(VnLayout *l, const VnAst *node, const char *word)
{
  vn_layout_line(l, node->span.start);
  vn_layout_cell(l, word);
  vn_layout_put(l, word);
  vn_layout_put(l, " ");
}

void
vn_print_finish(VnLayout *l, const VnAst *node)
{
  vn_layout_end(l, node->span.end, ";");
}
