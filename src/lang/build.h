/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Constructors of syntax nodes: what the grammar's actions call, one each. Private to src/lang.
 *
 * Nothing is checked here but depth: a node knows the height of its tree, and one that would exceed
 * VN_PARSE_MAX_DEPTH is reported and replaced by a leaf, so that passes may recurse.
 *
 * Lists under construction lie on the parser's pile, a stack of nodes, and are copied into the
 * arena once when their owner is built. A VnList is the place of its first item and their number.
 * Adding an item cuts the pile behind the list first: what lies there are finished lists, or what
 * error recovery left behind.
 */
#pragma once

#include "lang/ast.h"

typedef struct VnParser VnParser;

typedef struct {
  guint32 start, n;
} VnList;

#define VN_NO_IDENT ((VnIdent){NULL, VN_SPAN_NONE})
#define VN_NO_LIST  ((VnList){0, 0})

VnList vn_list_begin(VnParser *p);
/* A node that is NULL is left out. */
VnList vn_list_add(VnParser *p, VnList list, const VnAst *node);
VnList vn_list_one(VnParser *p, const VnAst *node);

static inline VnIdent
vn_ident(const VnSymbol *symbol, VnSpan span)
{
  return (VnIdent){symbol, span};
}

/* What the grammar reports to its driver (parser.c). */
void vn_parser_syntax_error(VnParser *p, int token, VnSpan span, const int *expected, int n);
/* Whether a syntax error now would be told to people. */
gboolean vn_parser_reports(const VnParser *p);
void vn_parser_too_deep(VnParser *p, VnSpan span);

/* ---- whole inputs ---- */
void vn_build_file(VnParser *p, VnList decls);
void vn_build_input(VnParser *p, const VnAst *expression);

/* ---- declarations ---- */
const VnAst *vn_build_experiment(VnParser *p, VnSpan span, const VnAst *title);
const VnAst *vn_build_use(VnParser *p, VnSpan span, const VnAst *path, VnList dotted, VnIdent as);
const VnAst *vn_build_param(VnParser *p, VnSpan span, VnIdent name, const VnAst *type,
                            const VnAst *range, const VnAst *initial);
const VnAst *vn_build_param_decl(VnParser *p, VnSpan span, const VnAst *param);
const VnAst *vn_build_field(VnParser *p, VnSpan span, VnIdent name, const VnAst *type);
const VnAst *vn_build_let(VnParser *p, VnAstKind kind, VnSpan span, VnIdent name,
                          const VnAst *value);
const VnAst *vn_build_function(VnParser *p, VnSpan span, VnIdent name, VnList parameters,
                               const VnAst *value);
const VnAst *vn_build_rules(VnParser *p, VnSpan span, VnIdent name);
const VnAst *vn_build_site(VnParser *p, VnSpan span, VnIdent name, const VnAst *at,
                           const VnAst *key);
const VnAst *vn_build_image(VnParser *p, VnSpan span, VnIdent name, VnList keys);
const VnAst *vn_build_key(VnParser *p, VnSpan span, VnIdent name, const VnAst *value);
const VnAst *vn_build_segment(VnParser *p, VnSpan span, VnIdent name, const VnAst *dim,
                              const VnAst *prefix, const VnAst *at, VnIdent technology,
                              VnList properties);
const VnAst *vn_build_single(VnParser *p, VnAstKind kind, VnSpan span, const VnAst *value);
const VnAst *vn_build_vm(VnParser *p, VnAstKind kind, VnSpan span, VnIdent name, const VnAst *dim,
                         VnList segments, VnList properties);
const VnAst *vn_build_for(VnParser *p, VnSpan span, VnIdent name, const VnAst *range, VnList body);
const VnAst *vn_build_if(VnParser *p, VnSpan span, const VnAst *condition, VnList then);
const VnAst *vn_build_if_else(VnParser *p, VnSpan span, const VnAst *condition, VnList then,
                              VnList otherwise);
const VnAst *vn_build_task(VnParser *p, VnSpan span, VnIdent name, const VnAst *dim,
                           const VnAst *targets, const VnAst *call, VnList clauses);
const VnAst *vn_build_action(VnParser *p, VnSpan span, VnIdent name, VnList parameters,
                             VnList returns, gboolean background, VnList body);
const VnAst *vn_build_flow(VnParser *p, VnSpan span, VnList steps);
const VnAst *vn_build_expect(VnParser *p, VnSpan span, const VnAst *condition,
                             const VnAst *message);
const VnAst *vn_build_dim(VnParser *p, VnSpan span, VnIdent index, const VnAst *bounds);

/* ---- properties, clauses, lines of actions ---- */
const VnAst *vn_build_property(VnParser *p, VnSpan span, const VnSymbol *word,
                               const VnAst *a, const VnAst *b);
const VnAst *vn_build_pair(VnParser *p, VnSpan span, const VnSymbol *word,
                           VnIdent name, const VnAst *value);
const VnAst *vn_build_clause(VnParser *p, VnSpan span, const VnSymbol *word,
                             const VnAst *a, const VnAst *b);
const VnAst *vn_build_clause_word(VnParser *p, VnSpan span, const VnSymbol *word, VnIdent name);
const VnAst *vn_build_clause_list(VnParser *p, VnAstKind kind, VnSpan span, const VnSymbol *word,
                                  VnList list);
const VnAst *vn_build_action_line(VnParser *p, VnSpan span, const VnSymbol *word, const VnAst *a);
const VnAst *vn_build_requires(VnParser *p, VnSpan span, const VnAst *port, VnIdent target);
const VnAst *vn_build_ready(VnParser *p, VnSpan span, const VnAst *port, const VnAst *regex,
                            VnIdent stream);
/* A variant is built in two steps: its command, then systems and what it parses. */
const VnAst *vn_build_variant_head(VnParser *p, VnSpan span, VnVariantForm form,
                                   const VnAst *command, const VnAst *with);
const VnAst *vn_build_native(VnParser *p, VnSpan span, VnIdent name, VnList arguments);
const VnAst *vn_build_variant(VnParser *p, VnSpan span, VnList systems, const VnAst *head,
                              VnList parses);
const VnAst *vn_build_parse(VnParser *p, VnSpan span, const VnAst *regex, VnIdent unit);

/* ---- types and expressions ---- */
const VnAst *vn_build_type(VnParser *p, VnSpan span, VnIdent name, const VnAst *element);
const VnAst *vn_build_type_optional(VnParser *p, VnSpan span, const VnAst *type);
const VnAst *vn_build_type_union(VnParser *p, VnSpan span, const VnAst *first,
                                 const VnAst *rest);
const VnAst *vn_build_name(VnParser *p, VnIdent name);
const VnAst *vn_build_bool(VnParser *p, VnSpan span, gboolean value);
const VnAst *vn_build_interpolation(VnParser *p, VnSpan span, const VnAst *first, VnList parts,
                                    const VnAst *last);
const VnAst *vn_build_paren(VnParser *p, VnSpan span, const VnAst *operand);
const VnAst *vn_build_list(VnParser *p, VnAstKind kind, VnSpan span, VnList items);
const VnAst *vn_build_member(VnParser *p, VnSpan span, const VnAst *base, VnIdent name);
const VnAst *vn_build_index(VnParser *p, VnSpan span, const VnAst *base, const VnAst *index);
const VnAst *vn_build_call(VnParser *p, VnSpan span, const VnAst *callee, VnList arguments);
const VnAst *vn_build_argument(VnParser *p, VnSpan span, VnIdent name, const VnAst *value);
const VnAst *vn_build_unary(VnParser *p, VnSpan span, VnOp op, const VnAst *operand);
const VnAst *vn_build_convert(VnParser *p, VnSpan span, const VnAst *operand, VnIdent unit);
const VnAst *vn_build_binary(VnParser *p, VnSpan span, VnOp op, const VnAst *left,
                             const VnAst *right, VnSpan op_span);
