/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Declarations to elements: the mirror of read.c. Attributes stand in a fixed order, so the same
 * script gives the same text, and what was read from it gives it again. */
#include <string.h>

#include "lang/parse.h"
#include "xml/write-parts.h"

static void write_body(VnXmlWriter *w, VnAstSeq body);

/* ---- elements ---- */

/* TRUE: a character that XML has no way to write. */
static gboolean
is_unspeakable(gunichar c)
{
  return (c < 0x20 && c != '\t' && c != '\n' && c != '\r') || c == 0xfffe || c == 0xffff;
}

static void
append_escaped(VnXmlWriter *w, const VnAst *node, const char *text, char quote)
{
  for (const char *at = text; *at != '\0'; at = g_utf8_next_char(at)) {
    gunichar c = g_utf8_get_char(at);
    if (is_unspeakable(c) && !w->bad) {
      vn_diag_hint(vn_diag_add(w->sink, VN_DIAG_VN012, node->span,
                               "the character U+%04X can't stand in XML", c),
                   "leave it out of the script's text");
      w->bad = TRUE;
    }
    if (c == '&')
      g_string_append(w->out, "&amp;");
    else if (c == '<')
      g_string_append(w->out, "&lt;");
    else if (c == '>')
      g_string_append(w->out, "&gt;");
    else if (c == (guchar)quote)
      g_string_append(w->out, quote == '"' ? "&quot;" : "&apos;");
    else if (c == '\r' || (quote != '\0' && (c == '\n' || c == '\t')))
      g_string_append_printf(w->out, "&#%u;", c);
    else
      g_string_append_unichar(w->out, c);
  }
}

static void
indent(VnXmlWriter *w)
{
  for (guint i = 0; i < w->level; i++)
    g_string_append(w->out, "  ");
}

void
vn_xml_open(VnXmlWriter *w, const VnAst *node, const char *name)
{
  if (w->level >= VN_XML_MAX_DEPTH && !w->bad) {
    vn_diag_add(w->sink, VN_DIAG_VN006, node->span, "nested too deeply for XML: more than %d",
                VN_XML_MAX_DEPTH);
    w->bad = TRUE;
  }
  indent(w);
  g_string_append_printf(w->out, "<%s", name);
}

void
vn_xml_children(VnXmlWriter *w)
{
  g_string_append(w->out, ">\n");
  w->level++;
}

void
vn_xml_close(VnXmlWriter *w, const char *name)
{
  w->level--;
  indent(w);
  g_string_append_printf(w->out, "</%s>\n", name);
}

void
vn_xml_empty(VnXmlWriter *w)
{
  g_string_append(w->out, "/>\n");
}

/* In the quotes that need the fewest references. */
void
vn_xml_put(VnXmlWriter *w, const VnAst *node, const char *name, const char *value)
{
  if (value == NULL)
    return;
  char quote = strchr(value, '"') != NULL && strchr(value, '\'') == NULL ? '\'' : '"';
  g_string_append_printf(w->out, " %s=%c", name, quote);
  append_escaped(w, node, value, quote);
  g_string_append_c(w->out, quote);
}

void
vn_xml_put_expr(VnXmlWriter *w, const char *name, const VnAst *value)
{
  if (value == NULL)
    return;
  g_autoptr(GString) text = g_string_new(NULL);
  vn_xml_append_expr(value, text);
  vn_xml_put(w, value, name, text->str);
}

void
vn_xml_put_ident(VnXmlWriter *w, const char *name, VnIdent ident)
{
  if (ident.symbol != NULL)
    g_string_append_printf(w->out, " %s=\"%s\"", name, ident.symbol->text);
}

void
vn_xml_put_list(VnXmlWriter *w, const char *name, VnAstSeq list)
{
  if (list.n == 0)
    return;
  g_autoptr(GString) text = g_string_new(NULL);
  for (guint32 i = 0; i < list.n; i++) {
    g_string_append(text, i > 0 ? ", " : "");
    vn_xml_append_expr(list.items[i], text);
  }
  vn_xml_put(w, list.items[0], name, text->str);
}

void
vn_xml_put_type(VnXmlWriter *w, const VnAstType *type)
{
  g_autoptr(GString) text = g_string_new(NULL);
  vn_xml_append_type(type, text);
  vn_xml_put(w, &type->ast, "type", text->str);
}

void
vn_xml_put_text(VnXmlWriter *w, const VnAst *node, const char *name, const char *text)
{
  vn_xml_open(w, node, name);
  g_string_append_c(w->out, '>');
  append_escaped(w, node, text, '\0');
  g_string_append_printf(w->out, "</%s>\n", name);
}

static void
put_doc(VnXmlWriter *w, const VnAst *node, const char *doc)
{
  if (doc != NULL)
    vn_xml_put_text(w, node, "doc", doc);
}

/* Ends an element that has no children but perhaps its documentation. */
static void
finish(VnXmlWriter *w, const VnAst *node, const char *doc, const char *name)
{
  if (doc == NULL) {
    vn_xml_empty(w);
    return;
  }
  vn_xml_children(w);
  put_doc(w, node, doc);
  vn_xml_close(w, name);
}

void
vn_xml_put_param(VnXmlWriter *w, const VnAstParam *param, const char *name)
{
  vn_xml_open(w, &param->ast, name);
  vn_xml_put_ident(w, "name", param->name);
  vn_xml_put_type(w, param->type);
  vn_xml_put_expr(w, "in", param->range);
  vn_xml_put_expr(w, "default", param->initial);
  finish(w, &param->ast, param->doc, name);
}

/* ---- properties and clauses ---- */

static guint
count_of(VnAstSeq properties, VnPropertyId id)
{
  guint n = 0;
  for (guint32 i = 0; i < properties.n; i++)
    n += ((const VnAstProperty *)properties.items[i])->id == id;
  return n;
}

/* One of several addresses, and what has two parts, is a child; all else an attribute. */
static gboolean
is_child(VnAstSeq properties, const VnAstProperty *property)
{
  return property->id == VN_PROPERTY_ENV || property->id == VN_PROPERTY_FILE ||
         property->id == VN_PROPERTY_CAPTURE || count_of(properties, property->id) > 1;
}

static void
put_attribute(VnXmlWriter *w, const VnAstProperty *property)
{
  const char *word = vn_property_word(property->id);
  vn_xml_put_ident(w, word, property->word);
  vn_xml_put_expr(w, word, property->a);
  vn_xml_put_list(w, word, property->list);
  if (property->id == VN_PROPERTY_RETRY)
    vn_xml_put_expr(w, "every", property->b);
  if (property->id == VN_PROPERTY_ALWAYS)
    vn_xml_put(w, &property->ast, word, "true");
}

static void
put_child(VnXmlWriter *w, const VnAstProperty *property)
{
  vn_xml_open(w, &property->ast, vn_property_word(property->id));
  if (property->id == VN_PROPERTY_FILE) {
    vn_xml_put_expr(w, "from", property->a);
    vn_xml_put_expr(w, "to", property->b);
  } else if (property->id == VN_PROPERTY_CAPTURE) {
    vn_xml_put_expr(w, "file", property->a);
    vn_xml_put_expr(w, "filter", property->b);
  } else {
    vn_xml_put_ident(w, "name", property->word);
    vn_xml_put_expr(w, "value", property->a);
  }
  vn_xml_empty(w);
}

/* Ends the element of a declaration that has properties. */
static void
write_properties(VnXmlWriter *w, const VnAst *node, const char *doc, VnAstSeq properties,
                 const char *name)
{
  guint children = doc != NULL;
  for (guint32 i = 0; i < properties.n; i++) {
    const VnAstProperty *property = (const VnAstProperty *)properties.items[i];
    if (is_child(properties, property))
      children++;
    else
      put_attribute(w, property);
  }
  if (children == 0) {
    vn_xml_empty(w);
    return;
  }
  vn_xml_children(w);
  put_doc(w, node, doc);
  for (guint32 i = 0; i < properties.n; i++) {
    const VnAstProperty *property = (const VnAstProperty *)properties.items[i];
    if (is_child(properties, property))
      put_child(w, property);
  }
  vn_xml_close(w, name);
}

/* ---- declarations ---- */

static void
put_dim(VnXmlWriter *w, const VnAstDim *dim)
{
  if (dim == NULL)
    return;
  vn_xml_put_expr(w, "elements", dim->bounds);
  vn_xml_put_ident(w, "index", dim->index);
}

static void
write_use(VnXmlWriter *w, const VnAstUse *use)
{
  vn_xml_open(w, &use->ast, "use");
  g_autoptr(GString) module = g_string_new(NULL);
  for (guint32 i = 0; i < use->n_dotted; i++)
    g_string_append_printf(module, "%s%s", i > 0 ? "." : "", use->dotted[i].symbol->text);
  vn_xml_put(w, &use->ast, "module", use->path == NULL ? module->str : NULL);
  vn_xml_put_expr(w, "file", (const VnAst *)use->path);
  vn_xml_put_ident(w, "as", use->name);
  finish(w, &use->ast, use->doc, "use");
}

static void
write_let(VnXmlWriter *w, const VnAstLet *let, const char *name, const char *attribute)
{
  vn_xml_open(w, &let->ast, name);
  vn_xml_put_ident(w, "name", let->name);
  g_autoptr(GString) parameters = g_string_new(NULL);
  for (guint32 i = 0; i < let->n_parameters; i++)
    g_string_append_printf(parameters, "%s%s", i > 0 ? ", " : "", let->parameters[i].symbol->text);
  vn_xml_put(w, &let->ast, "parameters", let->function ? parameters->str : NULL);
  vn_xml_put_expr(w, attribute, let->value);
  finish(w, &let->ast, let->doc, name);
}

static void
write_site(VnXmlWriter *w, const VnAstSite *site)
{
  vn_xml_open(w, &site->ast, "site");
  vn_xml_put_ident(w, "name", site->name);
  vn_xml_put_expr(w, "at", site->at);
  vn_xml_put_expr(w, "key", site->key);
  finish(w, &site->ast, site->doc, "site");
}

static void
write_image(VnXmlWriter *w, const VnAstImage *image)
{
  vn_xml_open(w, &image->ast, "image");
  vn_xml_put_ident(w, "name", image->name);
  vn_xml_children(w);
  put_doc(w, &image->ast, image->doc);
  for (guint32 i = 0; i < image->keys.n; i++) {
    const VnAstKey *key = (const VnAstKey *)image->keys.items[i];
    vn_xml_open(w, &key->ast, "key");
    vn_xml_put_ident(w, "name", key->name);
    vn_xml_put_expr(w, "value", key->value);
    vn_xml_empty(w);
  }
  vn_xml_close(w, "image");
}

static void
write_segment(VnXmlWriter *w, const VnAstSegment *segment)
{
  vn_xml_open(w, &segment->ast, "segment");
  vn_xml_put_ident(w, "name", segment->name);
  put_dim(w, segment->dim);
  vn_xml_put_expr(w, "prefix", segment->prefix);
  vn_xml_put_expr(w, "at", segment->at);
  vn_xml_put_ident(w, "using", segment->technology);
  write_properties(w, &segment->ast, segment->doc, segment->properties, "segment");
}

static void
write_vm(VnXmlWriter *w, const VnAstVm *vm, const char *name, const char *joint)
{
  vn_xml_open(w, &vm->ast, name);
  vn_xml_put_ident(w, "name", vm->name);
  put_dim(w, vm->dim);
  vn_xml_put_list(w, joint, vm->segments);
  write_properties(w, &vm->ast, vm->doc, vm->properties, name);
}

static void
write_single(VnXmlWriter *w, const VnAstDecl *node, const char *name, const char *attribute,
             const VnAst *value)
{
  vn_xml_open(w, &node->ast, name);
  vn_xml_put_expr(w, attribute, value);
  finish(w, &node->ast, node->doc, name);
}

static void
write_rules(VnXmlWriter *w, const VnAstRules *rules)
{
  vn_xml_open(w, &rules->ast, "rules");
  vn_xml_put_ident(w, "name", rules->name);
  finish(w, &rules->ast, rules->doc, "rules");
}

static void
write_for(VnXmlWriter *w, const VnAstFor *node)
{
  vn_xml_open(w, &node->ast, "for");
  vn_xml_put_ident(w, "name", node->name);
  vn_xml_put_expr(w, "in", node->range);
  vn_xml_children(w);
  put_doc(w, &node->ast, node->doc);
  write_body(w, node->body);
  vn_xml_close(w, "for");
}

static void
write_if(VnXmlWriter *w, const VnAstIf *node)
{
  vn_xml_open(w, &node->ast, "if");
  vn_xml_put_expr(w, "condition", node->condition);
  vn_xml_children(w);
  put_doc(w, &node->ast, node->doc);
  write_body(w, node->then);
  if (node->has_else) {
    vn_xml_open(w, &node->ast, "else");
    vn_xml_children(w);
    write_body(w, node->otherwise);
    vn_xml_close(w, "else");
  }
  vn_xml_close(w, "if");
}

static void
write_task(VnXmlWriter *w, const VnAstTask *task)
{
  vn_xml_open(w, &task->ast, "task");
  vn_xml_put_ident(w, "name", task->name);
  put_dim(w, task->dim);
  vn_xml_put_expr(w, "on", task->targets);
  vn_xml_put_expr(w, "call", task->call);
  write_properties(w, &task->ast, task->doc, task->clauses, "task");
}

static void
write_flow(VnXmlWriter *w, const VnAstFlow *flow)
{
  vn_xml_open(w, &flow->ast, "flow");
  vn_xml_children(w);
  put_doc(w, &flow->ast, flow->doc);
  for (guint32 i = 0; i < flow->steps.n; i++) {
    vn_xml_open(w, flow->steps.items[i], "step");
    vn_xml_put_expr(w, "tasks", flow->steps.items[i]);
    vn_xml_empty(w);
  }
  vn_xml_close(w, "flow");
}

static void
write_expect(VnXmlWriter *w, const VnAstExpect *expect)
{
  vn_xml_open(w, &expect->ast, "expect");
  vn_xml_put_expr(w, "condition", expect->condition);
  vn_xml_put_expr(w, "message", expect->message);
  finish(w, &expect->ast, expect->doc, "expect");
}

#define AS(Type) ((const Type *)node)

static void
write_declaration(VnXmlWriter *w, const VnAst *node)
{
  switch ((VnAstKind)node->kind) {
  case VN_AST_EXPERIMENT:
    write_single(w, AS(VnAstDecl), "experiment", "title", AS(VnAstExperiment)->title);
    return;
  case VN_AST_USE:
    write_use(w, AS(VnAstUse));
    return;
  case VN_AST_PARAM:
    vn_xml_put_param(w, AS(VnAstParam), "param");
    return;
  case VN_AST_LET:
    write_let(w, AS(VnAstLet), "let", "value");
    return;
  case VN_AST_RULES:
    write_rules(w, AS(VnAstRules));
    return;
  case VN_AST_SITE:
    write_site(w, AS(VnAstSite));
    return;
  case VN_AST_IMAGE:
    write_image(w, AS(VnAstImage));
    return;
  case VN_AST_SEGMENT:
    write_segment(w, AS(VnAstSegment));
    return;
  case VN_AST_NETWORK:
    write_single(w, AS(VnAstDecl), "network", "value", AS(VnAstSingle)->value);
    return;
  case VN_AST_HOST:
    write_vm(w, AS(VnAstVm), "host", "on");
    return;
  case VN_AST_ROUTER:
    write_vm(w, AS(VnAstVm), "router", "joins");
    return;
  case VN_AST_GROUP:
    write_let(w, AS(VnAstLet), "group", "value");
    return;
  case VN_AST_FOR:
    write_for(w, AS(VnAstFor));
    return;
  case VN_AST_IF:
    write_if(w, AS(VnAstIf));
    return;
  case VN_AST_TASK:
    write_task(w, AS(VnAstTask));
    return;
  case VN_AST_ACTION:
    vn_xml_write_action(w, AS(VnAstAction));
    return;
  case VN_AST_FLOW:
    write_flow(w, AS(VnAstFlow));
    return;
  case VN_AST_EXPECT:
    write_expect(w, AS(VnAstExpect));
    return;
  case VN_AST_MEASURE:
    write_let(w, AS(VnAstLet), "measure", "value");
    return;
  case VN_AST_SEED:
    write_single(w, AS(VnAstDecl), "seed", "value", AS(VnAstSingle)->value);
    return;
  case VN_AST_TRIALS:
    write_single(w, AS(VnAstDecl), "trials", "value", AS(VnAstSingle)->value);
    return;
  case VN_AST_SWEEP:
    write_let(w, AS(VnAstLet), "sweep", "in");
    return;
#define VN_AST_EXPR(id, type, text) case VN_AST_##id:
#define VN_AST_DECL(id, type, text)
#define VN_AST_ITEM(id, type, text) case VN_AST_##id:
#include "lang/ast.def"
#undef VN_AST_EXPR
#undef VN_AST_DECL
#undef VN_AST_ITEM
  case VN_AST_KIND_COUNT:
    break;
  }
  g_assert_not_reached();
}

static void
write_body(VnXmlWriter *w, VnAstSeq body)
{
  for (guint32 i = 0; i < body.n; i++)
    write_declaration(w, body.items[i]);
}

gboolean
vn_xml_write(const VnAstFile *file, GString *out, VnDiagSink *sink)
{
  VnXmlWriter w = {out, sink, 0, FALSE};
  g_string_append(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
                       "<vnl xmlns=\"" VN_XML_NAMESPACE "\"");
  vn_xml_children(&w);
  write_body(&w, file->decls);
  vn_xml_close(&w, "vnl");
  return !w.bad;
}
