/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The syntax tree, a line a node, indented by depth: its kind, what it holds itself, its place. */
#include "emit/emit.h"

typedef struct {
  GString *out;
  const VnSource *source;
  guint depth;
} Printer;

static void print(Printer *printer, const char *role, const VnAst *node);

static void
print_seq(Printer *printer, const char *role, const VnAstSeq *seq)
{
  for (guint32 k = 0; k < seq->n; k++)
    print(printer, role, seq->items[k]);
}

static void
append_ident(Printer *printer, const VnIdent *ident)
{
  if (ident->symbol != NULL)
    g_string_append_printf(printer->out, " %s", ident->symbol->text);
}

static void
append_string(Printer *printer, const VnAstString *string)
{
  g_autofree char *escaped = g_strescape(string->text, NULL);
  g_string_append_printf(printer->out, " \"%s\"", escaped);
}

static void
append_double(Printer *printer, double number)
{
  char text[G_ASCII_DTOSTR_BUF_SIZE];
  g_string_append_printf(printer->out, " %s", g_ascii_dtostr(text, sizeof text, number));
}

static void
append_quantity(Printer *printer, const VnAstQuantity *node)
{
  gint64 value = node->value;
  g_autofree char *text = NULL;
  switch (vn_unit_dimension(node->unit)) {
  case VN_DIM_DURATION:
    text = vn_duration_format(value);
    break;
  case VN_DIM_SIZE:
    text = vn_size_format(value);
    break;
  case VN_DIM_RATE:
    text = vn_rate_format(value);
    break;
  }
  g_string_append_printf(printer->out, " %s", text);
}

/* What an expression holds itself, on its own line. */
static void
append_literal(Printer *printer, const VnAst *node)
{
  char text[MAX(VN_ADDRESS_TEXT_MAX, VN_PREFIX_TEXT_MAX)];
  switch ((VnAstKind)node->kind) {
  case VN_AST_INT:
    g_string_append_printf(printer->out, " %" G_GINT64_FORMAT, ((const VnAstInt *)node)->value);
    return;
  case VN_AST_MAC:
    g_string_append_printf(printer->out, " %s",
                           vn_mac_format((guint64)((const VnAstInt *)node)->value, text));
    return;
  case VN_AST_BOOL:
    g_string_append(printer->out, ((const VnAstInt *)node)->value != 0 ? " true" : " false");
    return;
  case VN_AST_FLOAT:
  case VN_AST_PERCENT:
    append_double(printer, ((const VnAstFloat *)node)->value);
    return;
  case VN_AST_QUANTITY:
    append_quantity(printer, (const VnAstQuantity *)node);
    return;
  case VN_AST_ADDRESS:
    g_string_append_printf(printer->out, " %s",
                           vn_address_format(&((const VnAstAddress *)node)->value, text));
    return;
  case VN_AST_PREFIX:
    g_string_append_printf(printer->out, " %s",
                           vn_prefix_format(&((const VnAstPrefix *)node)->value, text));
    return;
  case VN_AST_STRING:
  case VN_AST_REGEX:
    append_string(printer, (const VnAstString *)node);
    return;
  case VN_AST_NAME:
    append_ident(printer, &((const VnAstName *)node)->name);
    return;
  case VN_AST_UNARY:
    g_string_append_printf(printer->out, " %s", vn_op_text(((const VnAstUnary *)node)->op));
    return;
  case VN_AST_BINARY:
    g_string_append_printf(printer->out, " %s", vn_op_text(((const VnAstBinary *)node)->op));
    return;
  case VN_AST_CONVERT:
    append_ident(printer, &((const VnAstConvert *)node)->unit);
    return;
  case VN_AST_MEMBER:
    append_ident(printer, &((const VnAstMember *)node)->name);
    return;
#define VN_AST(id, type, text)
#define VN_AST_EXPR(id, type, text)
#define VN_AST_DECL(id, type, text) case VN_AST_##id:
#define VN_AST_ITEM(id, type, text) case VN_AST_##id:
#include "lang/ast.def"
#undef VN_AST
#undef VN_AST_EXPR
#undef VN_AST_DECL
#undef VN_AST_ITEM
  case VN_AST_INTERPOLATION:
  case VN_AST_LIST:
  case VN_AST_SET:
  case VN_AST_PAREN:
  case VN_AST_INDEX:
  case VN_AST_CALL:
  case VN_AST_TYPE:
  case VN_AST_KIND_COUNT:
    return;
  }
}

/* The same for declarations and their parts. */
static void
append_head(Printer *printer, const VnAst *node)
{
  switch ((VnAstKind)node->kind) {
#define VN_AST(id, type, text)
#define VN_AST_EXPR(id, type, text)
#define VN_AST_ITEM(id, type, text)
#define VN_AST_DECL(id, type, text) case VN_AST_##id:
#include "lang/ast.def"
#undef VN_AST
#undef VN_AST_EXPR
#undef VN_AST_ITEM
#undef VN_AST_DECL
  case VN_AST_FIELD:
    append_ident(printer, &((const VnAstDecl *)node)->name);
    return;
  case VN_AST_PROPERTY:
  case VN_AST_CLAUSE:
  case VN_AST_ACTION_LINE:
    g_string_append_printf(printer->out, " %s",
                           vn_property_word(((const VnAstProperty *)node)->id));
    append_ident(printer, &((const VnAstProperty *)node)->word);
    return;
  case VN_AST_ARGUMENT:
    append_ident(printer, &((const VnAstArgument *)node)->name);
    return;
  case VN_AST_KEY:
    append_ident(printer, &((const VnAstKey *)node)->name);
    return;
  case VN_AST_DIM:
    append_ident(printer, &((const VnAstDim *)node)->index);
    return;
  case VN_AST_PARSE:
    append_ident(printer, &((const VnAstParse *)node)->unit);
    return;
  case VN_AST_REQUIRES:
    append_ident(printer, &((const VnAstRequires *)node)->target);
    return;
  case VN_AST_READY:
    append_ident(printer, &((const VnAstReady *)node)->stream);
    return;
  case VN_AST_VARIANT:
#define VN_AST(id, type, text)
#define VN_AST_EXPR(id, type, text) case VN_AST_##id:
#define VN_AST_ITEM(id, type, text)
#define VN_AST_DECL(id, type, text)
#include "lang/ast.def"
#undef VN_AST
#undef VN_AST_EXPR
#undef VN_AST_ITEM
#undef VN_AST_DECL
  case VN_AST_KIND_COUNT:
    return;
  }
}

static void
print_type(Printer *printer, const VnAstType *type)
{
  for (; type != NULL; type = type->also) {
    append_ident(printer, &type->name);
    if (type->element != NULL)
      append_ident(printer, &type->element->name);
    g_string_append(printer->out, type->optional ? "?" : "");
  }
}

static void
print_expr_children(Printer *printer, const VnAst *node)
{
  switch ((VnAstKind)node->kind) {
  case VN_AST_INTERPOLATION:
  case VN_AST_LIST:
  case VN_AST_SET:
    print_seq(printer, NULL, &((const VnAstList *)node)->items);
    return;
  case VN_AST_PAREN:
  case VN_AST_UNARY:
    print(printer, NULL, ((const VnAstUnary *)node)->operand);
    return;
  case VN_AST_BINARY:
    print(printer, NULL, ((const VnAstBinary *)node)->left);
    print(printer, NULL, ((const VnAstBinary *)node)->right);
    return;
  case VN_AST_CONVERT:
    print(printer, NULL, ((const VnAstConvert *)node)->operand);
    return;
  case VN_AST_INDEX:
    print(printer, NULL, ((const VnAstIndex *)node)->base);
    print(printer, "at", ((const VnAstIndex *)node)->index);
    return;
  case VN_AST_MEMBER:
    print(printer, "of", ((const VnAstMember *)node)->base);
    return;
  case VN_AST_CALL:
    print(printer, NULL, ((const VnAstCall *)node)->callee);
    print_seq(printer, NULL, &((const VnAstCall *)node)->arguments);
    return;
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
  case VN_AST_NAME:
  case VN_AST_TYPE:
#define VN_AST(id, type, text)
#define VN_AST_EXPR(id, type, text)
#define VN_AST_ITEM(id, type, text) case VN_AST_##id:
#define VN_AST_DECL(id, type, text) case VN_AST_##id:
#include "lang/ast.def"
#undef VN_AST
#undef VN_AST_EXPR
#undef VN_AST_ITEM
#undef VN_AST_DECL
  case VN_AST_KIND_COUNT:
    return;
  }
}

static void
print_decl_children(Printer *printer, const VnAst *node)
{
  switch ((VnAstKind)node->kind) {
  case VN_AST_EXPERIMENT:
    print(printer, NULL, ((const VnAstExperiment *)node)->title);
    return;
  case VN_AST_USE:
    print(printer, NULL, (const VnAst *)((const VnAstUse *)node)->path);
    return;
  case VN_AST_PARAM:
    print(printer, "in", ((const VnAstParam *)node)->range);
    print(printer, "=", ((const VnAstParam *)node)->initial);
    return;
  case VN_AST_LET:
  case VN_AST_GROUP:
  case VN_AST_MEASURE:
  case VN_AST_SWEEP:
    print(printer, "=", ((const VnAstLet *)node)->value);
    return;
  case VN_AST_RULES:
    return;
  case VN_AST_SITE:
    print(printer, "at", ((const VnAstSite *)node)->at);
    print(printer, "key", ((const VnAstSite *)node)->key);
    return;
  case VN_AST_IMAGE:
    print_seq(printer, NULL, &((const VnAstImage *)node)->keys);
    return;
  case VN_AST_SEGMENT: {
    const VnAstSegment *segment = (const VnAstSegment *)node;
    print(printer, NULL, (const VnAst *)segment->dim);
    print(printer, NULL, segment->prefix);
    print(printer, "at", segment->at);
    print_seq(printer, NULL, &segment->properties);
    return;
  }
  case VN_AST_HOST:
  case VN_AST_ROUTER:
    print(printer, NULL, (const VnAst *)((const VnAstVm *)node)->dim);
    print_seq(printer, "on", &((const VnAstVm *)node)->segments);
    print_seq(printer, NULL, &((const VnAstVm *)node)->properties);
    return;
  case VN_AST_NETWORK:
  case VN_AST_SEED:
  case VN_AST_TRIALS:
    print(printer, NULL, ((const VnAstSingle *)node)->value);
    return;
  case VN_AST_FOR:
    print(printer, "in", ((const VnAstFor *)node)->range);
    print_seq(printer, NULL, &((const VnAstFor *)node)->body);
    return;
  case VN_AST_IF:
    print(printer, NULL, ((const VnAstIf *)node)->condition);
    print_seq(printer, "then", &((const VnAstIf *)node)->then);
    print_seq(printer, "else", &((const VnAstIf *)node)->otherwise);
    return;
  case VN_AST_TASK:
    print(printer, NULL, (const VnAst *)((const VnAstTask *)node)->dim);
    print(printer, "on", ((const VnAstTask *)node)->targets);
    print(printer, NULL, ((const VnAstTask *)node)->call);
    print_seq(printer, NULL, &((const VnAstTask *)node)->clauses);
    return;
  case VN_AST_ACTION:
    print_seq(printer, NULL, &((const VnAstAction *)node)->parameters);
    print_seq(printer, "returns", &((const VnAstAction *)node)->returns);
    print_seq(printer, NULL, &((const VnAstAction *)node)->body);
    return;
  case VN_AST_FLOW:
    print_seq(printer, NULL, &((const VnAstFlow *)node)->steps);
    return;
  case VN_AST_EXPECT:
    print(printer, NULL, ((const VnAstExpect *)node)->condition);
    print(printer, NULL, ((const VnAstExpect *)node)->message);
    return;
#define VN_AST(id, type, text)
#define VN_AST_EXPR(id, type, text) case VN_AST_##id:
#define VN_AST_ITEM(id, type, text) case VN_AST_##id:
#define VN_AST_DECL(id, type, text)
#include "lang/ast.def"
#undef VN_AST
#undef VN_AST_EXPR
#undef VN_AST_ITEM
#undef VN_AST_DECL
  case VN_AST_KIND_COUNT:
    return;
  }
}

static void
print_item_children(Printer *printer, const VnAst *node)
{
  switch ((VnAstKind)node->kind) {
  case VN_AST_PROPERTY:
  case VN_AST_CLAUSE:
  case VN_AST_ACTION_LINE:
    print(printer, NULL, ((const VnAstProperty *)node)->a);
    print(printer, NULL, ((const VnAstProperty *)node)->b);
    print_seq(printer, NULL, &((const VnAstProperty *)node)->list);
    return;
  case VN_AST_ARGUMENT:
    print(printer, NULL, ((const VnAstArgument *)node)->value);
    return;
  case VN_AST_KEY:
    print(printer, NULL, ((const VnAstKey *)node)->value);
    return;
  case VN_AST_FIELD:
    print(printer, "=", ((const VnAstParam *)node)->initial);
    return;
  case VN_AST_DIM:
    print(printer, NULL, ((const VnAstDim *)node)->bounds);
    return;
  case VN_AST_VARIANT:
    print_seq(printer, "for", &((const VnAstVariant *)node)->systems);
    print(printer, NULL, ((const VnAstVariant *)node)->command);
    print(printer, "with", ((const VnAstVariant *)node)->with);
    print_seq(printer, NULL, &((const VnAstVariant *)node)->parses);
    return;
  case VN_AST_PARSE:
    print(printer, NULL, (const VnAst *)((const VnAstParse *)node)->regex);
    return;
  case VN_AST_REQUIRES:
    print(printer, "tcp", ((const VnAstRequires *)node)->port);
    return;
  case VN_AST_READY:
    print(printer, "port", ((const VnAstReady *)node)->port);
    print(printer, NULL, (const VnAst *)((const VnAstReady *)node)->regex);
    return;
#define VN_AST(id, type, text)
#define VN_AST_EXPR(id, type, text) case VN_AST_##id:
#define VN_AST_ITEM(id, type, text)
#define VN_AST_DECL(id, type, text) case VN_AST_##id:
#include "lang/ast.def"
#undef VN_AST
#undef VN_AST_EXPR
#undef VN_AST_ITEM
#undef VN_AST_DECL
  case VN_AST_KIND_COUNT:
    return;
  }
}

/* What is neither a child nor a name: types, a module's dotted name, a function's parameters. */
static void
append_rest(Printer *printer, const VnAst *node)
{
  if (node->kind == VN_AST_PARAM || node->kind == VN_AST_FIELD) {
    print_type(printer, ((const VnAstParam *)node)->type);
  } else if (node->kind == VN_AST_USE) {
    const VnAstUse *use = (const VnAstUse *)node;
    for (guint32 k = 0; k < use->n_dotted; k++)
      append_ident(printer, &use->dotted[k]);
  } else if (node->kind == VN_AST_LET) {
    const VnAstLet *let = (const VnAstLet *)node;
    for (guint32 k = 0; k < let->n_parameters; k++)
      append_ident(printer, &let->parameters[k]);
  } else if (node->kind == VN_AST_SEGMENT) {
    append_ident(printer, &((const VnAstSegment *)node)->technology);
  } else if (node->kind == VN_AST_ACTION && ((const VnAstAction *)node)->background) {
    g_string_append(printer->out, " background");
  }
}

static void
print(Printer *printer, const char *role, const VnAst *node)
{
  if (node == NULL)
    return;
  g_string_append_printf(printer->out, "%*s", (int)(2 * printer->depth), "");
  if (role != NULL)
    g_string_append_printf(printer->out, "%s: ", role);
  g_string_append(printer->out, vn_ast_kind_text(node->kind));
  append_literal(printer, node);
  append_head(printer, node);
  append_rest(printer, node);
  g_string_append_printf(printer->out, "  @%u-%u\n", node->span.start - printer->source->base,
                         node->span.end - printer->source->base);
  printer->depth++;
  print_expr_children(printer, node);
  print_decl_children(printer, node);
  print_item_children(printer, node);
  printer->depth--;
}

void
vn_emit_ast(const VnAstFile *file, GString *out)
{
  Printer printer = {.out = out, .source = file->source};
  print_seq(&printer, NULL, &file->decls);
}
