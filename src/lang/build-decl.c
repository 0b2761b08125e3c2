/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Constructors of declarations and their parts. A declaration's depth counts blocks only; its
 * expressions are bounded by themselves. */
#include "lang/build.h"
#include "lang/state.h"

/* Fills the head that all declarations share. */
#define DECL(p, Type, KIND, span, name) \
  ((Type *)build_decl((p), sizeof(Type), VN_AST_##KIND, (span), (name)))

static gpointer
build_decl(VnParser *p, gsize size, VnAstKind kind, VnSpan span, VnIdent name)
{
  VnAstDecl *decl = vn_build_node(p, size, kind, span, 1);
  decl->name = name;
  if (p->lexer.comments->len > 0 && kind != VN_AST_IF)
    decl->doc = vn_comment_doc(&p->lexer, p->arena, span.start);
  return decl;
}

static VnIdent *
take_idents(VnParser *p, VnList list, guint32 *out_n)
{
  VnAstSeq names = vn_list_take(p, list);
  VnIdent *idents = vn_arena_array0(p->arena, VnIdent, names.n);
  for (guint32 i = 0; i < names.n; i++)
    idents[i] = ((const VnAstName *)names.items[i])->name;
  *out_n = names.n;
  return idents;
}

void
vn_build_file(VnParser *p, VnList decls)
{
  p->decls = vn_list_take(p, decls);
}

void
vn_build_input(VnParser *p, const VnAst *expression)
{
  p->expression = expression;
}

const VnAst *
vn_build_experiment(VnParser *p, VnSpan span, const VnAst *title)
{
  VnAstExperiment *node = DECL(p, VnAstExperiment, EXPERIMENT, span, VN_NO_IDENT);
  node->title = title;
  return &node->ast;
}

const VnAst *
vn_build_use(VnParser *p, VnSpan span, const VnAst *path, VnList dotted, VnIdent as)
{
  VnAstUse *node = DECL(p, VnAstUse, USE, span, as);
  node->path = (const VnAstString *)path;
  node->dotted = take_idents(p, dotted, &node->n_dotted);
  return &node->ast;
}

const VnAst *
vn_build_param(VnParser *p, VnSpan span, VnIdent name, const VnAst *type, const VnAst *range,
               const VnAst *initial)
{
  VnAstParam *node = DECL(p, VnAstParam, PARAM, span, name);
  node->type = (const VnAstType *)type;
  node->range = range;
  node->initial = initial;
  return &node->ast;
}

const VnAst *
vn_build_param_decl(VnParser *p, VnSpan span, const VnAst *param)
{
  VnAstParam *node = vn_arena_memdup(p->arena, param, sizeof *node);
  node->ast.span = span;
  if (p->lexer.comments->len > 0)
    node->doc = vn_comment_doc(&p->lexer, p->arena, span.start);
  return &node->ast;
}

const VnAst *
vn_build_field(VnParser *p, VnSpan span, VnIdent name, const VnAst *type)
{
  VnAstParam *node = DECL(p, VnAstParam, FIELD, span, name);
  node->type = (const VnAstType *)type;
  return &node->ast;
}

const VnAst *
vn_build_let(VnParser *p, VnAstKind kind, VnSpan span, VnIdent name, const VnAst *value)
{
  VnAstLet *node = build_decl(p, sizeof *node, kind, span, name);
  node->value = value;
  return &node->ast;
}

const VnAst *
vn_build_function(VnParser *p, VnSpan span, VnIdent name, VnList parameters, const VnAst *value)
{
  VnAstLet *node = DECL(p, VnAstLet, LET, span, name);
  node->function = TRUE;
  node->parameters = take_idents(p, parameters, &node->n_parameters);
  node->value = value;
  return &node->ast;
}

const VnAst *
vn_build_rules(VnParser *p, VnSpan span, VnIdent name)
{
  return &DECL(p, VnAstRules, RULES, span, name)->ast;
}

const VnAst *
vn_build_site(VnParser *p, VnSpan span, VnIdent name, const VnAst *at, const VnAst *key)
{
  VnAstSite *node = DECL(p, VnAstSite, SITE, span, name);
  node->at = at;
  node->key = key;
  return &node->ast;
}

const VnAst *
vn_build_image(VnParser *p, VnSpan span, VnIdent name, VnList keys)
{
  VnAstImage *node = DECL(p, VnAstImage, IMAGE, span, name);
  node->keys = vn_list_take(p, keys);
  return &node->ast;
}

const VnAst *
vn_build_key(VnParser *p, VnSpan span, VnIdent name, const VnAst *value)
{
  VnAstKey *node = NEW(p, VnAstKey, KEY, span, 1);
  node->name = name;
  node->value = value;
  return &node->ast;
}

const VnAst *
vn_build_segment(VnParser *p, VnSpan span, VnIdent name, const VnAst *dim, const VnAst *prefix,
                 const VnAst *at, VnIdent technology, VnList properties)
{
  VnAstSegment *node = DECL(p, VnAstSegment, SEGMENT, span, name);
  node->dim = (const VnAstDim *)dim;
  node->prefix = prefix;
  node->at = at;
  node->technology = technology;
  node->properties = vn_list_take(p, properties);
  return &node->ast;
}

const VnAst *
vn_build_single(VnParser *p, VnAstKind kind, VnSpan span, const VnAst *value)
{
  VnAstSingle *node = build_decl(p, sizeof *node, kind, span, VN_NO_IDENT);
  node->value = value;
  return &node->ast;
}

const VnAst *
vn_build_vm(VnParser *p, VnAstKind kind, VnSpan span, VnIdent name, const VnAst *dim,
            VnList segments, VnList properties)
{
  VnAstVm *node = build_decl(p, sizeof *node, kind, span, name);
  node->dim = (const VnAstDim *)dim;
  node->properties = vn_list_take(p, properties);
  node->segments = vn_list_take(p, segments);
  return &node->ast;
}

const VnAst *
vn_build_for(VnParser *p, VnSpan span, VnIdent name, const VnAst *range, VnList body)
{
  VnAstFor *node = DECL(p, VnAstFor, FOR, span, name);
  node->range = range;
  node->body = vn_list_take(p, body);
  node->ast.depth = (guint16)(1 + vn_list_depth(node->body));
  if (node->ast.depth > VN_PARSE_MAX_DEPTH) {
    vn_parser_too_deep(p, span);
    node->body = (VnAstSeq){NULL, 0};
    node->ast.depth = 1;
  }
  return &node->ast;
}

const VnAst *
vn_build_if(VnParser *p, VnSpan span, const VnAst *condition, VnList then)
{
  return vn_build_if_else(p, span, condition, then, (VnList){G_MAXUINT32, 0});
}

const VnAst *
vn_build_if_else(VnParser *p, VnSpan span, const VnAst *condition, VnList then, VnList otherwise)
{
  VnAstIf *node = DECL(p, VnAstIf, IF, span, VN_NO_IDENT);
  node->condition = condition;
  node->has_else = otherwise.start != G_MAXUINT32;
  node->otherwise = vn_list_take(p, otherwise);
  node->then = vn_list_take(p, then);
  guint depth = 1 + MAX(vn_list_depth(node->then), vn_list_depth(node->otherwise));
  if (depth > VN_PARSE_MAX_DEPTH) {
    vn_parser_too_deep(p, span);
    node->then = node->otherwise = (VnAstSeq){NULL, 0};
    depth = 1;
  }
  node->ast.depth = (guint16)depth;
  return &node->ast;
}

const VnAst *
vn_build_task(VnParser *p, VnSpan span, VnIdent name, const VnAst *dim, const VnAst *targets,
              const VnAst *call, VnList clauses)
{
  VnAstTask *node = DECL(p, VnAstTask, TASK, span, name);
  node->dim = (const VnAstDim *)dim;
  node->targets = targets;
  node->call = call;
  node->clauses = vn_list_take(p, clauses);
  return &node->ast;
}

const VnAst *
vn_build_action(VnParser *p, VnSpan span, VnIdent name, VnList parameters, VnList returns,
                gboolean background, VnList body)
{
  if (span.start == p->made_up)
    return NULL; /* only its body was to be read: its parameters are not known */
  VnAstAction *node = DECL(p, VnAstAction, ACTION, span, name);
  node->background = background;
  node->body = vn_list_take(p, body);
  node->returns = vn_list_take(p, returns);
  node->parameters = vn_list_take(p, parameters);
  return &node->ast;
}

const VnAst *
vn_build_flow(VnParser *p, VnSpan span, VnList steps)
{
  VnAstFlow *node = DECL(p, VnAstFlow, FLOW, span, VN_NO_IDENT);
  node->steps = vn_list_take(p, steps);
  return &node->ast;
}

const VnAst *
vn_build_expect(VnParser *p, VnSpan span, const VnAst *condition, const VnAst *message)
{
  VnAstExpect *node = DECL(p, VnAstExpect, EXPECT, span, VN_NO_IDENT);
  node->condition = condition;
  node->message = message;
  node->text = NULL;
  return &node->ast;
}

const VnAst *
vn_build_dim(VnParser *p, VnSpan span, VnIdent index, const VnAst *bounds)
{
  VnAstDim *node = NEW(p, VnAstDim, DIM, span, 1);
  node->index = index;
  node->bounds = bounds;
  return &node->ast;
}

/* ---- properties, clauses, lines of actions ---- */

static VnAstProperty *
build_property(VnParser *p, VnAstKind kind, VnSpan span, const VnSymbol *word)
{
  VnAstProperty *node = vn_build_node(p, sizeof *node, kind, span, 1);
  node->id = (VnPropertyId)vn_word_find(&p->words, word)->property;
  return node;
}

const VnAst *
vn_build_property(VnParser *p, VnSpan span, const VnSymbol *word, const VnAst *a, const VnAst *b)
{
  VnAstProperty *node = build_property(p, VN_AST_PROPERTY, span, word);
  node->a = a;
  node->b = b;
  return &node->ast;
}

const VnAst *
vn_build_pair(VnParser *p, VnSpan span, const VnSymbol *word, VnIdent name, const VnAst *value)
{
  VnAstProperty *node = build_property(p, VN_AST_PROPERTY, span, word);
  node->word = name;
  node->a = value;
  return &node->ast;
}

const VnAst *
vn_build_clause(VnParser *p, VnSpan span, const VnSymbol *word, const VnAst *a, const VnAst *b)
{
  VnAstProperty *node = build_property(p, VN_AST_CLAUSE, span, word);
  node->a = a;
  node->b = b;
  return &node->ast;
}

const VnAst *
vn_build_clause_word(VnParser *p, VnSpan span, const VnSymbol *word, VnIdent name)
{
  VnAstProperty *node = build_property(p, VN_AST_CLAUSE, span, word);
  node->word = name;
  return &node->ast;
}

const VnAst *
vn_build_clause_list(VnParser *p, VnAstKind kind, VnSpan span, const VnSymbol *word, VnList list)
{
  VnAstProperty *node = build_property(p, kind, span, word);
  node->list = vn_list_take(p, list);
  return &node->ast;
}

const VnAst *
vn_build_action_line(VnParser *p, VnSpan span, const VnSymbol *word, const VnAst *a)
{
  VnAstProperty *node = build_property(p, VN_AST_ACTION_LINE, span, word);
  node->a = a;
  return &node->ast;
}

const VnAst *
vn_build_requires(VnParser *p, VnSpan span, const VnAst *port, VnIdent target)
{
  VnAstRequires *node = NEW(p, VnAstRequires, REQUIRES, span, 1);
  node->port = port;
  node->target = target;
  return &node->ast;
}

const VnAst *
vn_build_ready(VnParser *p, VnSpan span, const VnAst *port, const VnAst *regex, VnIdent stream)
{
  VnAstReady *node = NEW(p, VnAstReady, READY, span, 1);
  node->port = port;
  node->regex = (const VnAstString *)regex;
  node->stream = stream;
  return &node->ast;
}

const VnAst *
vn_build_variant_head(VnParser *p, VnSpan span, VnVariantForm form, const VnAst *command,
                      const VnAst *with)
{
  VnAstVariant *node = NEW(p, VnAstVariant, VARIANT, span, 1);
  node->form = form;
  node->command = command;
  node->with = with;
  return &node->ast;
}

const VnAst *
vn_build_native(VnParser *p, VnSpan span, VnIdent name, VnList arguments)
{
  VnSpan call = {name.span.start, span.end};
  return vn_build_variant_head(p, span, VN_VARIANT_NATIVE,
                               vn_build_call(p, call, vn_build_name(p, name), arguments), NULL);
}

const VnAst *
vn_build_variant(VnParser *p, VnSpan span, VnList systems, const VnAst *head, VnList parses)
{
  VnAstVariant *node = vn_arena_memdup(p->arena, head, sizeof *node);
  node->ast.span = span;
  node->parses = vn_list_take(p, parses);
  node->systems = vn_list_take(p, systems);
  return &node->ast;
}

const VnAst *
vn_build_parse(VnParser *p, VnSpan span, const VnAst *regex, VnIdent unit)
{
  VnAstParse *node = NEW(p, VnAstParse, PARSE, span, 1);
  node->regex = (const VnAstString *)regex;
  node->unit = unit;
  return &node->ast;
}
