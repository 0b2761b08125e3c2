/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Expressions: literals, lists, sets and texts; the rest stands in check-op.c (operators),
 * check-name.c (names, elements, fields) and check-call.c (functions). */
#include "sema/check.h"
#include "sema/limits.h"

VnTerm *
vn_term_new(VnCompiler *c, VnTermKind kind, VnSpan span, VnType type)
{
  VnTerm *term = vn_arena_new0(c->arena, VnTerm);
  term->kind = kind;
  term->span = span;
  term->type = type;
  term->closed = kind != VN_TERM_SLOT;
  return term;
}

VnTerm *
vn_term_error(VnCompiler *c, VnSpan span)
{
  return vn_term_new(c, VN_TERM_ERROR, span, (VnType){.kind = VN_KIND_ANY});
}

VnTerm *
vn_term_const(VnCompiler *c, VnSpan span, VnValue value)
{
  VnTerm *term = vn_term_new(c, VN_TERM_CONST, span, (VnType){.kind = value.kind});
  term->value = value;
  return term;
}

/* operands stay where they are: in the arena. */
static void
set_operands(VnTerm *term, VnTerm *const *operands, guint32 n)
{
  term->operands = operands;
  term->n_operands = n;
  for (guint32 i = 0; i < n; i++)
    term->closed &= operands[i]->closed;
}

void
vn_term_operands(VnCompiler *c, VnTerm *term, VnTerm *const *operands, guint32 n)
{
  set_operands(term, vn_arena_memdup(c->arena, operands, sizeof *operands * n), n);
}

gboolean
vn_term_reads_slot(const VnTerm *term, guint32 slot)
{
  if (term->closed)
    return FALSE;
  if (term->kind == VN_TERM_SLOT)
    return term->index == slot || (term->let != NULL && term->let->term != NULL &&
                                   vn_term_reads_slot(term->let->term, slot));
  for (guint32 i = 0; i < term->n_operands; i++)
    if (vn_term_reads_slot(term->operands[i], slot))
      return TRUE;
  return FALSE;
}

static VnTerm *
check_text(VnCompiler *c, const VnAstString *ast, VnValueKind kind)
{
  return vn_term_const(c, ast->ast.span, (VnValue){.kind = kind, .text = &ast->value});
}

static VnTerm *
check_quantity(VnCompiler *c, const VnAstQuantity *ast)
{
  static const guint8 kinds[] = {[VN_DIM_DURATION] = VN_VALUE_DURATION,
                                 [VN_DIM_SIZE] = VN_VALUE_SIZE,
                                 [VN_DIM_RATE] = VN_VALUE_RATE};
  guint8 kind = kinds[vn_unit_dimension(ast->unit)];
  return vn_term_const(c, ast->ast.span, (VnValue){.kind = kind, .i = ast->value});
}

/* Checks all items; NULL if one of them is wrong. */
static VnTerm **
check_items(VnCompiler *c, VnAstSeq items)
{
  VnTerm **terms = vn_arena_array0(c->arena, VnTerm *, items.n);
  gboolean ok = TRUE;
  for (guint32 i = 0; i < items.n; i++) {
    terms[i] = vn_check_expr(c, items.items[i]);
    ok &= terms[i]->kind != VN_TERM_ERROR;
  }
  return ok ? terms : NULL;
}

/* The kind that both have, for a list; ANY if there is none. */
static guint8
common_kind(guint8 a, guint8 b)
{
  gboolean numbers =
      (a == VN_VALUE_INT || a == VN_VALUE_FLOAT) && (b == VN_VALUE_INT || b == VN_VALUE_FLOAT);
  gboolean vms = vn_type_is_vm(vn_type_of_kind(a)) && vn_type_is_vm(vn_type_of_kind(b));
  return a == b ? a : numbers ? VN_VALUE_FLOAT : vms ? VN_VALUE_HOST : VN_KIND_ANY;
}

static VnTerm *
check_list(VnCompiler *c, const VnAstList *ast)
{
  VnTerm **terms = check_items(c, ast->items);
  if (terms == NULL)
    return vn_term_error(c, ast->ast.span);
  if (ast->items.n > VN_MAX_ITEMS) {
    vn_diag_add(c->sink, VN_DIAG_VN117, ast->ast.span, "a list of more than %u items",
                VN_MAX_ITEMS);
    return vn_term_error(c, ast->ast.span);
  }
  guint8 element = ast->items.n > 0 ? terms[0]->type.kind : VN_VALUE_NONE;
  const VnThing *thing = ast->items.n > 0 ? terms[0]->type.thing : NULL;
  for (guint32 i = 1; i < ast->items.n; i++) {
    guint8 kind = terms[i]->type.kind;
    thing = terms[i]->type.thing == thing ? thing : NULL;
    if (kind == VN_KIND_ANY || element == VN_KIND_ANY)
      continue;
    guint8 common = common_kind(element, kind);
    if (common == VN_KIND_ANY) {
      VnDiag *diag = vn_diag_add(c->sink, VN_DIAG_VN103, terms[i]->span,
                                 "the items of a list must be of one type: this is %s",
                                 vn_type_noun(terms[i]->type));
      vn_diag_place(diag, terms[0]->span, "this is %s", vn_type_noun(terms[0]->type));
      return vn_term_error(c, ast->ast.span);
    }
    element = common;
  }
  VnType type = vn_type_list(element == VN_KIND_ANY ? VN_VALUE_NONE : element);
  type.thing = element == VN_VALUE_TASK ? thing : NULL;
  VnTerm *term = vn_term_new(c, VN_TERM_LIST, ast->ast.span, type);
  set_operands(term, terms, ast->items.n);
  return term;
}

static VnTerm *
check_set(VnCompiler *c, const VnAstList *ast)
{
  VnTerm **terms = check_items(c, ast->items);
  if (terms == NULL)
    return vn_term_error(c, ast->ast.span);
  for (guint32 i = 0; i < ast->items.n; i++)
    if (!vn_check_type(c, terms[i], vn_type_of_kind(VN_VALUE_SET), "a member of a set"))
      return vn_term_error(c, ast->ast.span);
  VnTerm *term = vn_term_new(c, VN_TERM_SET, ast->ast.span,
                             (VnType){.kind = VN_VALUE_SET, .element = VN_VALUE_HOST});
  set_operands(term, terms, ast->items.n);
  return term;
}

static VnTerm *
check_interpolation(VnCompiler *c, const VnAstList *ast)
{
  VnTerm **terms = check_items(c, ast->items);
  if (terms == NULL)
    return vn_term_error(c, ast->ast.span);
  VnTerm *term = vn_term_new(c, VN_TERM_CONCAT, ast->ast.span, vn_type_of_kind(VN_VALUE_STRING));
  set_operands(term, terms, ast->items.n);
  return term;
}

VnTerm *
vn_check_expr(VnCompiler *c, const VnAst *ast)
{
  VnSpan span = ast->span;
  switch ((VnAstKind)ast->kind) {
  case VN_AST_INT:
    return vn_term_const(c, span, vn_value_int(((const VnAstInt *)ast)->value));
  case VN_AST_FLOAT:
    return vn_term_const(c, span, vn_value_float(((const VnAstFloat *)ast)->value));
  case VN_AST_PERCENT:
    return vn_term_const(
        c, span, (VnValue){.kind = VN_VALUE_PERCENT, .f = ((const VnAstFloat *)ast)->value});
  case VN_AST_QUANTITY:
    return check_quantity(c, (const VnAstQuantity *)ast);
  case VN_AST_ADDRESS:
    return vn_term_const(
        c, span,
        (VnValue){.kind = VN_VALUE_ADDRESS, .address = &((const VnAstAddress *)ast)->value});
  case VN_AST_PREFIX:
    return vn_term_const(
        c, span, (VnValue){.kind = VN_VALUE_PREFIX, .prefix = &((const VnAstPrefix *)ast)->value});
  case VN_AST_MAC:
    return vn_term_const(
        c, span, (VnValue){.kind = VN_VALUE_MAC, .mac = (guint64)((const VnAstInt *)ast)->value});
  case VN_AST_BOOL:
    return vn_term_const(c, span, vn_value_bool(((const VnAstInt *)ast)->value != 0));
  case VN_AST_STRING:
    return check_text(c, (const VnAstString *)ast, VN_VALUE_STRING);
  case VN_AST_REGEX:
    return check_text(c, (const VnAstString *)ast, VN_VALUE_REGEX);
  case VN_AST_INTERPOLATION:
    return check_interpolation(c, (const VnAstList *)ast);
  case VN_AST_NAME:
    return vn_check_name(c, (const VnAstName *)ast);
  case VN_AST_LIST:
    return check_list(c, (const VnAstList *)ast);
  case VN_AST_SET:
    return check_set(c, (const VnAstList *)ast);
  case VN_AST_PAREN:
    return vn_check_expr(c, ((const VnAstUnary *)ast)->operand);
  case VN_AST_UNARY:
    return vn_check_unary(c, (const VnAstUnary *)ast);
  case VN_AST_BINARY:
    return vn_check_binary(c, (const VnAstBinary *)ast);
  case VN_AST_CONVERT:
    return vn_check_convert(c, (const VnAstConvert *)ast);
  case VN_AST_INDEX:
    return vn_check_index(c, (const VnAstIndex *)ast);
  case VN_AST_MEMBER:
    return vn_check_member(c, (const VnAstMember *)ast);
  case VN_AST_CALL:
    return vn_check_call(c, (const VnAstCall *)ast);
  case VN_AST_TYPE:
#define VN_OTHER_DECL
#define VN_OTHER_ITEM
#include "lang/other-cases.def"
    break; /* the grammar has no other expressions */
  }
  g_assert_not_reached();
}

VnTerm *
vn_check_expr_as(VnCompiler *c, const VnAst *ast, VnValueKind kind, const char *what)
{
  VnTerm *term = vn_check_expr(c, ast);
  return vn_check_type(c, term, vn_type_of_kind(kind), what) ? term : vn_term_error(c, ast->span);
}
