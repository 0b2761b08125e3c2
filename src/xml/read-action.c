/* SPDX-License-Identifier: GPL-3.0-or-later */
/* `action`: its parameters and results, then its lines in any order. */
#include <string.h>

#include "xml/read-parts.h"

#define NEEDED   VN_XML_NEEDED
#define OPTIONAL VN_XML_OPTIONAL

static VnAst *
read_param(VnXmlReader *r, VnXmlElement *element)
{
  VnAstParam *node = VN_XML_NEW(r, VnAstParam, PARAM, element->span);
  node->name = vn_xml_name(r, element, "name", NEEDED);
  node->type = vn_xml_type(r, element);
  node->range = vn_xml_expr(r, element, "in", OPTIONAL);
  node->initial = vn_xml_expr(r, element, "default", OPTIONAL);
  node->doc = vn_xml_doc(r, element);
  return &node->ast;
}

static VnAst *
read_result(VnXmlReader *r, VnXmlElement *element)
{
  VnAstParam *node = VN_XML_NEW(r, VnAstParam, FIELD, element->span);
  node->name = vn_xml_name(r, element, "name", NEEDED);
  node->type = vn_xml_type(r, element);
  node->doc = vn_xml_doc(r, element);
  return &node->ast;
}

static VnAst *
read_requires(VnXmlReader *r, VnXmlElement *element)
{
  VnAstRequires *node = VN_XML_NEW(r, VnAstRequires, REQUIRES, element->span);
  node->port = vn_xml_expr(r, element, "tcp", OPTIONAL);
  node->target = vn_xml_name(r, element, "on", NEEDED);
  return &node->ast;
}

static VnAst *
read_ready(VnXmlReader *r, VnXmlElement *element)
{
  VnAstReady *node = VN_XML_NEW(r, VnAstReady, READY, element->span);
  node->port = vn_xml_expr(r, element, "port", OPTIONAL);
  node->regex = (const VnAstString *)vn_xml_kind(r, element, "regex", VN_AST_REGEX, OPTIONAL);
  node->stream = vn_xml_name(r, element, "on", OPTIONAL);
  gboolean stream = node->stream.symbol != NULL, regex = node->regex != NULL;
  if ((stream != regex || (node->port != NULL) == regex) && r->errors == 0)
    vn_xml_wrong(r, element->span, "`ready` has a `port`, or a `regex` and what it is `on`");
  return &node->ast;
}

static VnAstProperty *
new_line(VnXmlReader *r, VnPropertyId id, const VnXmlElement *element)
{
  VnAstProperty *line = VN_XML_NEW(r, VnAstProperty, ACTION_LINE, element->span);
  line->id = id;
  return line;
}

static VnAst *
read_line(VnXmlReader *r, VnXmlElement *element, VnPropertyId id, const char *attribute)
{
  VnAstProperty *line = new_line(r, id, element);
  line->a = vn_xml_expr(r, element, attribute, NEEDED);
  return &line->ast;
}

static VnAst *
read_provides(VnXmlReader *r, VnXmlElement *element)
{
  return read_line(r, element, VN_PROPERTY_PROVIDES, "tcp");
}

static VnAst *
read_reads(VnXmlReader *r, VnXmlElement *element)
{
  return read_line(r, element, VN_PROPERTY_READS, "path");
}

static VnAst *
read_writes(VnXmlReader *r, VnXmlElement *element)
{
  return read_line(r, element, VN_PROPERTY_WRITES, "path");
}

static VnAst *
read_succeeds(VnXmlReader *r, VnXmlElement *element)
{
  return read_line(r, element, VN_PROPERTY_SUCCEEDS, "when");
}

static VnAst *
read_for(VnXmlReader *r, VnXmlElement *element)
{
  VnAstProperty *line = new_line(r, VN_PROPERTY_FOR, element);
  line->list = vn_xml_names(r, element, "systems", NEEDED);
  if (line->list.n == 0 && r->errors == 0)
    vn_xml_wrong(r, element->span, "`systems` is empty");
  return &line->ast;
}

/* ---- variants ---- */

static const VnAst *
read_parse(VnXmlReader *r, VnXmlElement *element)
{
  VnAstParse *node = VN_XML_NEW(r, VnAstParse, PARSE, element->span);
  vn_xml_begin(r);
  node->regex = (const VnAstString *)vn_xml_kind(r, element, "regex", VN_AST_REGEX, NEEDED);
  node->unit = vn_xml_name(r, element, "in", OPTIONAL);
  vn_xml_done(r, element);
  vn_xml_bare(r, element);
  return &node->ast;
}

/* What is read off the output; `text`, of a script, is for its reader. */
static VnAstSeq
read_parses(VnXmlReader *r, VnXmlElement *variant)
{
  g_autoptr(GPtrArray) nodes = g_ptr_array_new();
  for (VnXmlElement *child = variant->first; child != NULL; child = child->next) {
    static const char *const allowed[] = {"parse", "text", NULL};
    if (strcmp(child->name, "parse") == 0)
      g_ptr_array_add(nodes, (gpointer)read_parse(r, child));
    else if (strcmp(child->name, "text") != 0 || strcmp(variant->name, "script") != 0)
      vn_xml_stray(r, child, variant, allowed);
  }
  return vn_xml_seq(r, nodes);
}

static VnAstVariant *
read_variant(VnXmlReader *r, VnXmlElement *element, VnVariantForm form)
{
  VnAstVariant *node = VN_XML_NEW(r, VnAstVariant, VARIANT, element->span);
  node->form = form;
  node->systems = vn_xml_names(r, element, "systems", OPTIONAL);
  return node;
}

static VnAst *
read_run(VnXmlReader *r, VnXmlElement *element)
{
  VnAstVariant *node = read_variant(r, element, VN_VARIANT_RUN);
  node->command = vn_xml_expr(r, element, "command", NEEDED);
  return &node->ast;
}

static VnAst *
read_native(VnXmlReader *r, VnXmlElement *element)
{
  VnAstVariant *node = read_variant(r, element, VN_VARIANT_NATIVE);
  const VnAst *call = vn_xml_kind(r, element, "call", VN_AST_CALL, NEEDED);
  if (call != NULL && ((const VnAstCall *)call)->callee->kind != VN_AST_NAME)
    vn_xml_wrong(r, call->span, "the operation is a plain name: NAME(…)");
  node->command = call;
  return &node->ast;
}

static VnAst *
read_script(VnXmlReader *r, VnXmlElement *element)
{
  VnAstVariant *node = read_variant(r, element, VN_VARIANT_SCRIPT);
  node->with = vn_xml_expr(r, element, "with", OPTIONAL);
  const VnXmlElement *text = NULL;
  for (const VnXmlElement *child = element->first; child != NULL; child = child->next)
    if (strcmp(child->name, "text") == 0) {
      if (text != NULL || child->n_attributes > 0)
        vn_xml_wrong(r, child->span, "`script` has one `text`, without attributes");
      vn_xml_bare(r, child);
      text = child;
    }
  if (text == NULL) {
    vn_xml_wrong(r, element->span, "`script` lacks its `text`");
    return &node->ast;
  }
  VnAstString *string = VN_XML_NEW(r, VnAstString, STRING, text->span);
  string->form = VN_STRING_RAW_MULTILINE;
  string->text = text->text;
  string->length = strlen(text->text);
  node->command = &string->ast;
  return &node->ast;
}

/* ---- all of it ---- */

typedef enum { PARAM, RESULT, LINE, VARIANT } Part;

static const struct {
  const char *name;
  Part part;
  VnAst *(*read)(VnXmlReader *r, VnXmlElement *element);
} readers[] = {
    {"param", PARAM, read_param},      {"returns", RESULT, read_result},
    {"requires", LINE, read_requires}, {"provides", LINE, read_provides},
    {"reads", LINE, read_reads},       {"writes", LINE, read_writes},
    {"for", LINE, read_for},           {"succeeds", LINE, read_succeeds},
    {"ready", LINE, read_ready},       {"run", VARIANT, read_run},
    {"script", VARIANT, read_script},  {"native", VARIANT, read_native},
};

static void
read_part(VnXmlReader *r, VnXmlElement *element, const VnXmlElement *action, GPtrArray *parts[])
{
  const char *names[G_N_ELEMENTS(readers) + 1] = {NULL};
  for (gsize i = 0; i < G_N_ELEMENTS(readers); i++) {
    names[i] = readers[i].name;
    if (strcmp(readers[i].name, element->name) != 0)
      continue;
    Part part = readers[i].part;
    vn_xml_begin(r);
    VnAst *node = readers[i].read(r, element);
    vn_xml_done(r, element);
    if (part == VARIANT)
      ((VnAstVariant *)node)->parses = read_parses(r, element);
    else if (part == LINE)
      vn_xml_bare(r, element);
    else
      vn_xml_childless(r, element);
    g_ptr_array_add(parts[part == VARIANT ? LINE : part], node);
    return;
  }
  vn_xml_stray(r, element, action, names);
}

VnAst *
vn_xml_action(VnXmlReader *r, VnXmlElement *element)
{
  VnAstAction *node = VN_XML_NEW(r, VnAstAction, ACTION, element->span);
  g_autoptr(GPtrArray) params = g_ptr_array_new(), results = g_ptr_array_new();
  g_autoptr(GPtrArray) lines = g_ptr_array_new();
  GPtrArray *parts[] = {params, results, lines};
  node->name = vn_xml_name(r, element, "name", NEEDED);
  node->background = vn_xml_flag(r, element, "background");
  vn_xml_done(r, element);
  for (VnXmlElement *child = element->first; child != NULL; child = child->next)
    if (strcmp(child->name, "doc") != 0)
      read_part(r, child, element, parts);
  node->parameters = vn_xml_seq(r, params);
  node->returns = vn_xml_seq(r, results);
  node->body = vn_xml_seq(r, lines);
  return &node->ast;
}
