/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Each kind of node prints its own fields; children follow one level deeper, in source order. A
 * child that has a role of its own stands under a line `.role`. */
#include "lang/dump.h"

#include <string.h>

typedef struct {
  GString *out;
  const VnSource *source;
  GArray *lines; /* of guint32: offsets where lines begin; NULL: no places are wanted */
  guint level;
} Dump;

static void dump_node(Dump *d, const VnAst *node);

static const char *
kind_name(guint kind)
{
  static const char *const names[] = {
#define VN_AST(id, type, text) #id,
#include "lang/ast.def"
#undef VN_AST
  };
  return names[kind];
}

/* ---- places ---- */

static GArray *
find_lines(const VnSource *source)
{
  GArray *lines = g_array_new(FALSE, FALSE, sizeof(guint32));
  guint32 start = 0;
  g_array_append_val(lines, start);
  for (const char *c = strchr(source->text, '\n'); c != NULL; c = strchr(c + 1, '\n')) {
    start = (guint32)(c + 1 - source->text);
    g_array_append_val(lines, start);
  }
  return lines;
}

static void
append_pos(Dump *d, VnPos pos)
{
  guint32 offset = pos - d->source->base;
  guint low = 0, high = d->lines->len; /* the line is in [low, high) */
  while (high - low > 1) {
    guint middle = low + (high - low) / 2;
    if (g_array_index(d->lines, guint32, middle) <= offset)
      low = middle;
    else
      high = middle;
  }
  g_string_append_printf(d->out, "%u:%u", low + 1,
                         offset - g_array_index(d->lines, guint32, low) + 1);
}

/* ---- parts of lines ---- */

static void
indent(Dump *d)
{
  g_string_append_printf(d->out, "%*s", (int)d->level * 2, "");
}

static void
append_quoted(Dump *d, const char *text)
{
  g_string_append(d->out, " \"");
  for (; *text != '\0'; text++) {
    static const char letters[] = "\n\r\t\"\\", escapes[] = "nrt\"\\";
    const char *letter = strchr(letters, *text);
    if (letter != NULL)
      g_string_append_printf(d->out, "\\%c", escapes[letter - letters]);
    else if ((guchar)*text < 0x20)
      g_string_append_printf(d->out, "\\x%02x", (guint)*text);
    else
      g_string_append_c(d->out, *text);
  }
  g_string_append_c(d->out, '"');
}

static void
append_ident(Dump *d, const char *role, VnIdent ident)
{
  if (ident.symbol != NULL)
    g_string_append_printf(d->out, " %s%s", role, ident.symbol->text);
}

static void
append_idents(Dump *d, const VnIdent *idents, guint32 n)
{
  for (guint32 i = 0; i < n; i++)
    g_string_append_printf(d->out, "%s%s", i == 0 ? " " : ".", idents[i].symbol->text);
}

/* Ends the node's own line. */
static void
end_line(Dump *d, const VnAst *node)
{
  if (d->lines != NULL) {
    g_string_append(d->out, " @");
    append_pos(d, node->span.start);
    g_string_append_c(d->out, '-');
    append_pos(d, node->span.end);
  }
  g_string_append_c(d->out, '\n');
  d->level++;
}

static void
role(Dump *d, const char *name)
{
  indent(d);
  g_string_append_printf(d->out, ".%s\n", name);
}

static void
child(Dump *d, const char *name, const VnAst *node)
{
  if (node == NULL)
    return;
  if (name != NULL) {
    role(d, name);
    d->level++;
  }
  dump_node(d, node);
  if (name != NULL)
    d->level--;
}

static void
children(Dump *d, const char *name, VnAstSeq seq)
{
  if (seq.n == 0)
    return;
  if (name != NULL) {
    role(d, name);
    d->level++;
  }
  for (guint32 i = 0; i < seq.n; i++)
    dump_node(d, seq.items[i]);
  if (name != NULL)
    d->level--;
}

/* ---- nodes with values ---- */

static void
append_number(Dump *d, double value)
{
  char text[G_ASCII_DTOSTR_BUF_SIZE];
  g_string_append_printf(d->out, " %s", g_ascii_dtostr(text, sizeof text, value));
}

static void
append_literal(Dump *d, const VnAst *node)
{
  char text[MAX(VN_PREFIX_TEXT_MAX, VN_MAC_TEXT_MAX)];
  if (node->kind == VN_AST_FLOAT || node->kind == VN_AST_PERCENT)
    append_number(d, ((const VnAstFloat *)node)->value);
  else if (node->kind == VN_AST_ADDRESS)
    g_string_append_printf(d->out, " %s",
                           vn_address_format(&((const VnAstAddress *)node)->value, text));
  else if (node->kind == VN_AST_PREFIX)
    g_string_append_printf(d->out, " %s",
                           vn_prefix_format(&((const VnAstPrefix *)node)->value, text));
  else if (node->kind == VN_AST_MAC)
    g_string_append_printf(d->out, " %s",
                           vn_mac_format((guint64)((const VnAstInt *)node)->value, text));
  else
    g_string_append_printf(d->out, " %" G_GINT64_FORMAT, ((const VnAstInt *)node)->value);
}

static void
dump_quantity(Dump *d, const VnAstQuantity *node)
{
  static const char *const bases[] = {
      [VN_DIM_DURATION] = "ns", [VN_DIM_SIZE] = "B", [VN_DIM_RATE] = "bit"};
  g_string_append_printf(d->out, " %" G_GINT64_FORMAT "%s", node->value,
                         bases[vn_unit_dimension(node->unit)]);
  end_line(d, &node->ast);
}

static void
dump_type(Dump *d, const VnAstType *type)
{
  append_ident(d, "", type->name);
  if (type->optional)
    g_string_append_c(d->out, '?');
  end_line(d, &type->ast);
  child(d, NULL, (const VnAst *)type->element);
  child(d, "or", (const VnAst *)type->also);
}

static void
dump_binary(Dump *d, const VnAstBinary *node)
{
  g_string_append_printf(d->out, " %s", vn_op_text(node->op));
  end_line(d, &node->ast);
  child(d, NULL, node->left);
  child(d, NULL, node->right);
}

/* ---- declarations ---- */

static void
dump_use(Dump *d, const VnAstUse *use)
{
  append_idents(d, use->dotted, use->n_dotted);
  append_ident(d, "as ", use->name);
  end_line(d, &use->ast);
  child(d, NULL, (const VnAst *)use->path);
}

static void
dump_param(Dump *d, const VnAstParam *param)
{
  end_line(d, &param->ast);
  child(d, NULL, (const VnAst *)param->type);
  child(d, "range", param->range);
  child(d, "initial", param->initial);
}

static void
dump_let(Dump *d, const VnAstLet *let)
{
  if (let->function) {
    g_string_append(d->out, " (");
    for (guint32 i = 0; i < let->n_parameters; i++)
      g_string_append_printf(d->out, "%s%s", i == 0 ? "" : ", ", let->parameters[i].symbol->text);
    g_string_append_c(d->out, ')');
  }
  end_line(d, &let->ast);
  child(d, NULL, let->value);
}

static void
dump_segment(Dump *d, const VnAstSegment *segment)
{
  append_ident(d, "using ", segment->technology);
  end_line(d, &segment->ast);
  child(d, NULL, (const VnAst *)segment->dim);
  child(d, "prefix", segment->prefix);
  child(d, "at", segment->at);
  children(d, NULL, segment->properties);
}

static void
dump_vm(Dump *d, const VnAstVm *vm)
{
  end_line(d, &vm->ast);
  child(d, NULL, (const VnAst *)vm->dim);
  children(d, "segments", vm->segments);
  children(d, NULL, vm->properties);
}

static void
dump_if(Dump *d, const VnAstIf *node)
{
  end_line(d, &node->ast);
  child(d, NULL, node->condition);
  children(d, "then", node->then);
  if (node->has_else && node->otherwise.n == 0)
    role(d, "else");
  children(d, "else", node->otherwise);
}

static void
dump_task(Dump *d, const VnAstTask *task)
{
  end_line(d, &task->ast);
  child(d, NULL, (const VnAst *)task->dim);
  child(d, "targets", task->targets);
  child(d, "call", task->call);
  children(d, NULL, task->clauses);
}

static void
dump_action(Dump *d, const VnAstAction *action)
{
  if (action->background)
    g_string_append(d->out, " background");
  end_line(d, &action->ast);
  children(d, NULL, action->parameters);
  children(d, NULL, action->returns);
  children(d, NULL, action->body);
}

/* ---- parts ---- */

static void
dump_property(Dump *d, const VnAstProperty *property)
{
  g_string_append_printf(d->out, " %s", vn_property_word(property->id));
  append_ident(d, "", property->word);
  end_line(d, &property->ast);
  child(d, NULL, property->a);
  child(d, "and", property->b);
  children(d, NULL, property->list);
}

static void
dump_variant(Dump *d, const VnAstVariant *variant)
{
  static const char *const forms[] = {
      [VN_VARIANT_RUN] = "run", [VN_VARIANT_SCRIPT] = "script", [VN_VARIANT_NATIVE] = "native"};
  g_string_append_printf(d->out, " %s", forms[variant->form]);
  end_line(d, &variant->ast);
  children(d, "for", variant->systems);
  child(d, NULL, variant->command);
  child(d, "with", variant->with);
  children(d, NULL, variant->parses);
}

static void
dump_two(Dump *d, const VnAst *node, const VnAst *first, const VnAst *second)
{
  end_line(d, node);
  child(d, NULL, first);
  child(d, NULL, second);
}

static void
dump_named(Dump *d, const VnAst *node, const char *word, VnIdent name, const VnAst *of)
{
  append_ident(d, word, name);
  dump_two(d, node, of, NULL);
}

static void
dump_list(Dump *d, const VnAst *node, VnAstSeq items)
{
  end_line(d, node);
  children(d, NULL, items);
}

/* ---- all kinds ---- */

#define AS(Type) ((const Type *)node)

/* What follows the kind, the name and the documentation. */
static void
dump_expression(Dump *d, const VnAst *node)
{
  switch ((VnAstKind)node->kind) {
  case VN_AST_INT:
  case VN_AST_FLOAT:
  case VN_AST_PERCENT:
  case VN_AST_ADDRESS:
  case VN_AST_PREFIX:
  case VN_AST_MAC:
  case VN_AST_BOOL:
    append_literal(d, node);
    end_line(d, node);
    break;
  case VN_AST_QUANTITY:
    dump_quantity(d, AS(VnAstQuantity));
    break;
  case VN_AST_STRING:
  case VN_AST_REGEX:
    append_quoted(d, AS(VnAstString)->text);
    end_line(d, node);
    break;
  case VN_AST_NAME:
    dump_named(d, node, "", AS(VnAstName)->name, NULL);
    break;
  case VN_AST_INTERPOLATION:
  case VN_AST_LIST:
  case VN_AST_SET:
    dump_list(d, node, AS(VnAstList)->items);
    break;
  case VN_AST_UNARY:
    g_string_append_printf(d->out, " %s", vn_op_text(AS(VnAstUnary)->op));
    dump_two(d, node, AS(VnAstUnary)->operand, NULL);
    break;
  case VN_AST_PAREN:
    dump_two(d, node, AS(VnAstUnary)->operand, NULL);
    break;
  case VN_AST_BINARY:
    dump_binary(d, AS(VnAstBinary));
    break;
  case VN_AST_CONVERT:
    dump_named(d, node, "in ", AS(VnAstConvert)->unit, AS(VnAstConvert)->operand);
    break;
  case VN_AST_INDEX:
    dump_two(d, node, AS(VnAstIndex)->base, AS(VnAstIndex)->index);
    break;
  case VN_AST_MEMBER:
    dump_named(d, node, ".", AS(VnAstMember)->name, AS(VnAstMember)->base);
    break;
  case VN_AST_CALL:
    dump_two(d, node, AS(VnAstCall)->callee, NULL);
    children(d, "arguments", AS(VnAstCall)->arguments);
    break;
  case VN_AST_TYPE:
    dump_type(d, AS(VnAstType));
    break;
#define VN_OTHER_DECL
#define VN_OTHER_ITEM
#include "lang/other-cases.def"
    g_assert_not_reached();
  }
}

static void
dump_declaration(Dump *d, const VnAst *node)
{
  switch ((VnAstKind)node->kind) {
  case VN_AST_EXPERIMENT:
    dump_two(d, node, AS(VnAstExperiment)->title, NULL);
    break;
  case VN_AST_USE:
    dump_use(d, AS(VnAstUse));
    break;
  case VN_AST_PARAM:
    dump_param(d, AS(VnAstParam));
    break;
  case VN_AST_LET:
  case VN_AST_GROUP:
  case VN_AST_MEASURE:
  case VN_AST_SWEEP:
    dump_let(d, AS(VnAstLet));
    break;
  case VN_AST_RULES:
    end_line(d, node);
    break;
  case VN_AST_SITE:
    dump_two(d, node, AS(VnAstSite)->at, NULL);
    child(d, "key", AS(VnAstSite)->key);
    break;
  case VN_AST_IMAGE:
    dump_list(d, node, AS(VnAstImage)->keys);
    break;
  case VN_AST_SEGMENT:
    dump_segment(d, AS(VnAstSegment));
    break;
  case VN_AST_NETWORK:
  case VN_AST_SEED:
  case VN_AST_TRIALS:
    dump_two(d, node, AS(VnAstSingle)->value, NULL);
    break;
  case VN_AST_HOST:
  case VN_AST_ROUTER:
    dump_vm(d, AS(VnAstVm));
    break;
  case VN_AST_FOR:
    dump_two(d, node, AS(VnAstFor)->range, NULL);
    children(d, "body", AS(VnAstFor)->body);
    break;
  case VN_AST_IF:
    dump_if(d, AS(VnAstIf));
    break;
  case VN_AST_TASK:
    dump_task(d, AS(VnAstTask));
    break;
  case VN_AST_ACTION:
    dump_action(d, AS(VnAstAction));
    break;
  case VN_AST_FLOW:
    dump_list(d, node, AS(VnAstFlow)->steps);
    break;
  case VN_AST_EXPECT:
    dump_two(d, node, AS(VnAstExpect)->condition, NULL);
    child(d, "message", AS(VnAstExpect)->message);
    break;
#define VN_OTHER_EXPR
#define VN_OTHER_ITEM
#include "lang/other-cases.def"
    g_assert_not_reached();
  }
}

static void
dump_part(Dump *d, const VnAst *node)
{
  switch ((VnAstKind)node->kind) {
  case VN_AST_FIELD:
    dump_param(d, AS(VnAstParam));
    break;
  case VN_AST_PROPERTY:
  case VN_AST_CLAUSE:
  case VN_AST_ACTION_LINE:
    dump_property(d, AS(VnAstProperty));
    break;
  case VN_AST_ARGUMENT:
    dump_named(d, node, "", AS(VnAstArgument)->name, AS(VnAstArgument)->value);
    break;
  case VN_AST_KEY:
    dump_named(d, node, "", AS(VnAstKey)->name, AS(VnAstKey)->value);
    break;
  case VN_AST_DIM:
    dump_named(d, node, "", AS(VnAstDim)->index, AS(VnAstDim)->bounds);
    break;
  case VN_AST_VARIANT:
    dump_variant(d, AS(VnAstVariant));
    break;
  case VN_AST_PARSE:
    dump_named(d, node, "in ", AS(VnAstParse)->unit, (const VnAst *)AS(VnAstParse)->regex);
    break;
  case VN_AST_REQUIRES:
    dump_named(d, node, "on ", AS(VnAstRequires)->target, AS(VnAstRequires)->port);
    break;
  case VN_AST_READY:
    append_ident(d, "on ", AS(VnAstReady)->stream);
    dump_two(d, node, AS(VnAstReady)->port, (const VnAst *)AS(VnAstReady)->regex);
    break;
#define VN_OTHER_EXPR
#define VN_OTHER_DECL
#include "lang/other-cases.def"
    g_assert_not_reached();
  }
}

/* What follows the kind, and the name of a declaration. The kinds are in the order of ast.def. */
static void
dump_rest(Dump *d, const VnAst *node)
{
  if (node->kind <= VN_AST_TYPE)
    dump_expression(d, node);
  else if (node->kind <= VN_AST_SWEEP)
    dump_declaration(d, node);
  else
    dump_part(d, node);
}

static gboolean
is_declaration(const VnAst *node)
{
  return (node->kind >= VN_AST_EXPERIMENT && node->kind <= VN_AST_SWEEP) ||
         node->kind == VN_AST_FIELD;
}

static void
dump_node(Dump *d, const VnAst *node)
{
  guint level = d->level;
  indent(d);
  g_string_append(d->out, kind_name(node->kind));
  if (is_declaration(node)) {
    const VnAstDecl *decl = (const VnAstDecl *)node;
    if (node->kind != VN_AST_USE)
      append_ident(d, "", decl->name);
    if (decl->doc != NULL)
      append_quoted(d, decl->doc);
  }
  dump_rest(d, node);
  d->level = level;
}

static void
dump_file(const VnAstFile *file, gboolean places, GString *out)
{
  g_autoptr(GArray) lines = places ? find_lines(file->source) : NULL;
  Dump d = {out, file->source, lines, 0};
  for (guint32 i = 0; i < file->decls.n; i++)
    dump_node(&d, file->decls.items[i]);
}

void
vn_ast_dump(const VnAstFile *file, GString *out)
{
  dump_file(file, TRUE, out);
}

void
vn_ast_dump_meaning(const VnAstFile *file, GString *out)
{
  dump_file(file, FALSE, out);
}
