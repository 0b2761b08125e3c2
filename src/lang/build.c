/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Constructors of expressions, types and lists, and the pile. Declarations: build-decl.c. */
#include "lang/build.h"

#include <string.h>

#include "lang/state.h"

VnList
vn_list_begin(VnParser *p)
{
  return (VnList){p->n_pile, 0};
}

VnList
vn_list_add(VnParser *p, VnList list, const VnAst *node)
{
  if (node == NULL)
    return list;
  guint32 end = list.start + list.n;
  if (G_UNLIKELY(end >= p->pile_size)) {
    p->pile_size *= 2;
    p->pile = g_renew(const VnAst *, p->pile, p->pile_size);
  }
  p->pile[end] = node;
  p->n_pile = end + 1;
  return (VnList){list.start, list.n + 1};
}

VnList
vn_list_one(VnParser *p, const VnAst *node)
{
  return vn_list_add(p, vn_list_begin(p), node);
}

VnAstSeq
vn_list_take(VnParser *p, VnList list)
{
  if (list.n == 0)
    return (VnAstSeq){NULL, 0};
  p->n_pile = list.start;
  return (VnAstSeq){vn_arena_memdup(p->arena, p->pile + list.start, list.n * sizeof(VnAst *)),
                    list.n};
}

guint
vn_list_depth(VnAstSeq list)
{
  guint depth = 0;
  for (guint32 i = 0; i < list.n; i++)
    depth = MAX(depth, list.items[i]->depth);
  return depth;
}

gpointer
vn_build_node(VnParser *p, gsize size, VnAstKind kind, VnSpan span, guint depth)
{
  VnAst *node = vn_arena_alloc(p->arena, size);
  node->kind = (guint16)kind;
  node->depth = (guint16)depth;
  node->span = span;
  return node;
}

const VnAst *
vn_build_bounded(VnParser *p, gpointer data)
{
  VnAst *node = data;
  if (G_LIKELY(node->depth <= VN_PARSE_MAX_DEPTH))
    return node;
  vn_parser_too_deep(p, (VnSpan){node->span.start, node->span.start + 1});
  return (const VnAst *)NEW(p, VnAstInt, INT, node->span, 1);
}

/* ---- types ---- */

const VnAst *
vn_build_type(VnParser *p, VnSpan span, VnIdent name, const VnAst *element)
{
  VnAstType *node = NEW(p, VnAstType, TYPE, span, element != NULL ? element->depth + 1u : 1);
  node->name = name;
  node->element = (const VnAstType *)element;
  if (node->ast.depth > VN_PARSE_MAX_DEPTH) {
    vn_parser_too_deep(p, span);
    node->element = NULL;
    node->ast.depth = 1;
  }
  return &node->ast;
}

const VnAst *
vn_build_type_optional(VnParser *p, VnSpan span, const VnAst *type)
{
  VnAstType *node = vn_arena_memdup(p->arena, type, sizeof *node);
  node->ast.span = span;
  node->optional = TRUE;
  return &node->ast;
}

const VnAst *
vn_build_type_union(VnParser *p, VnSpan span, const VnAst *first, const VnAst *rest)
{
  VnAstType *node = vn_arena_memdup(p->arena, first, sizeof *node);
  guint depth = 1 + MAX(first->depth, rest->depth);
  if (depth > VN_PARSE_MAX_DEPTH) {
    vn_parser_too_deep(p, span);
    return first;
  }
  node->ast.depth = (guint16)depth;
  node->also = (const VnAstType *)rest;
  return &node->ast;
}

/* ---- expressions ---- */

const VnAst *
vn_build_name(VnParser *p, VnIdent name)
{
  VnAstName *node = NEW(p, VnAstName, NAME, name.span, 1);
  node->name = name;
  return &node->ast;
}

const VnAst *
vn_build_bool(VnParser *p, VnSpan span, gboolean value)
{
  VnAstInt *node = NEW(p, VnAstInt, BOOL, span, 1);
  node->value = value;
  return &node->ast;
}

const VnAst *
vn_build_interpolation(VnParser *p, VnSpan span, const VnAst *first, VnList parts,
                       const VnAst *last)
{
  VnAstSeq middle = vn_list_take(p, parts);
  VnAstList *node = NEW(p, VnAstList, INTERPOLATION, span, 1 + vn_list_depth(middle));
  node->items.n = middle.n + 2;
  node->items.items = vn_arena_array0(p->arena, const VnAst *, node->items.n);
  node->items.items[0] = first;
  memcpy(node->items.items + 1, middle.items, middle.n * sizeof(VnAst *));
  node->items.items[node->items.n - 1] = last;
  return vn_build_bounded(p, node);
}

const VnAst *
vn_build_paren(VnParser *p, VnSpan span, const VnAst *operand)
{
  VnAstUnary *node = NEW(p, VnAstUnary, PAREN, span, 1u + operand->depth);
  node->operand = operand;
  return vn_build_bounded(p, node);
}

const VnAst *
vn_build_list(VnParser *p, VnAstKind kind, VnSpan span, VnList items)
{
  VnAstSeq seq = vn_list_take(p, items);
  VnAstList *node = vn_build_node(p, sizeof *node, kind, span, 1 + vn_list_depth(seq));
  node->items = seq;
  return vn_build_bounded(p, node);
}

const VnAst *
vn_build_member(VnParser *p, VnSpan span, const VnAst *base, VnIdent name)
{
  VnAstMember *node = NEW(p, VnAstMember, MEMBER, span, 1u + base->depth);
  node->base = base;
  node->name = name;
  return vn_build_bounded(p, node);
}

const VnAst *
vn_build_index(VnParser *p, VnSpan span, const VnAst *base, const VnAst *index)
{
  VnAstIndex *node = NEW(p, VnAstIndex, INDEX, span, 1u + MAX(base->depth, index->depth));
  node->base = base;
  node->index = index;
  return vn_build_bounded(p, node);
}

const VnAst *
vn_build_call(VnParser *p, VnSpan span, const VnAst *callee, VnList arguments)
{
  VnAstSeq seq = vn_list_take(p, arguments);
  VnAstCall *node =
      NEW(p, VnAstCall, CALL, span, 1 + MAX((guint)callee->depth, vn_list_depth(seq)));
  node->callee = callee;
  node->arguments = seq;
  return vn_build_bounded(p, node);
}

const VnAst *
vn_build_argument(VnParser *p, VnSpan span, VnIdent name, const VnAst *value)
{
  VnAstArgument *node = NEW(p, VnAstArgument, ARGUMENT, span, value->depth);
  node->name = name;
  node->value = value;
  return &node->ast;
}

const VnAst *
vn_build_unary(VnParser *p, VnSpan span, VnOp op, const VnAst *operand)
{
  VnAstUnary *node = NEW(p, VnAstUnary, UNARY, span, 1u + operand->depth);
  node->op = op;
  node->operand = operand;
  return vn_build_bounded(p, node);
}

const VnAst *
vn_build_convert(VnParser *p, VnSpan span, const VnAst *operand, VnIdent unit)
{
  VnAstConvert *node = NEW(p, VnAstConvert, CONVERT, span, 1u + operand->depth);
  node->operand = operand;
  node->unit = unit;
  return vn_build_bounded(p, node);
}

const VnAst *
vn_build_binary(VnParser *p, VnSpan span, VnOp op, const VnAst *left, const VnAst *right,
                VnSpan op_span)
{
  VnAstBinary *node = NEW(p, VnAstBinary, BINARY, span, 1u + MAX(left->depth, right->depth));
  node->op = op;
  node->left = left;
  node->right = right;
  node->op_span = op_span;
  return vn_build_bounded(p, node);
}
