/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Attributes: their text is given to the language's own parser, with the place that it has in the
 * XML, so that its complaints point there. Behind a reference (`&lt;`) places are some bytes short.
 */
#include "xml/read-parts.h"

#include <string.h>

VnDiag *
vn_xml_wrong(VnXmlReader *r, VnSpan span, const char *format, ...)
{
  va_list args;
  va_start(args, format);
  g_autofree char *message = g_strdup_vprintf(format, args);
  va_end(args);
  r->errors++;
  return vn_diag_add(r->sink, VN_DIAG_VN011, span, "%s", message);
}

gpointer
vn_xml_node(VnXmlReader *r, gsize size, VnAstKind kind, VnSpan span)
{
  VnAst *node = vn_arena_alloc(r->arena, size);
  memset(node, 0, size);
  node->kind = (guint16)kind;
  node->depth = 1;
  node->span = span;
  return node;
}

VnAstSeq
vn_xml_seq(VnXmlReader *r, GPtrArray *nodes)
{
  if (nodes->len == 0)
    return (VnAstSeq){NULL, 0};
  return (VnAstSeq){vn_arena_memdup(r->arena, nodes->pdata, nodes->len * sizeof(VnAst *)),
                    nodes->len};
}

/* ---- attributes ---- */

void
vn_xml_begin(VnXmlReader *r)
{
  r->n_asked = 0;
}

void
vn_xml_done(VnXmlReader *r, const VnXmlElement *element)
{
  for (guint32 i = 0; i < element->n_attributes; i++) {
    const VnXmlAttribute *attribute = &element->attributes[i];
    if (attribute->used)
      continue;
    VnDiag *diag = vn_xml_wrong(r, attribute->name_span, "`%s` has no attribute `%s`",
                                element->name, attribute->name);
    const char *near = vn_diag_nearest(attribute->name, r->asked, r->n_asked);
    if (near != NULL)
      vn_diag_hint(diag, "did you mean `%s`?", near);
  }
}

const VnXmlAttribute *
vn_xml_take(VnXmlReader *r, VnXmlElement *element, const char *name, VnXmlNeed need)
{
  if (r->n_asked < VN_XML_MAX_ASKED)
    r->asked[r->n_asked++] = name;
  for (guint32 i = 0; i < element->n_attributes; i++)
    if (strcmp(element->attributes[i].name, name) == 0) {
      element->attributes[i].used = TRUE;
      return &element->attributes[i];
    }
  if (need == VN_XML_NEEDED)
    vn_xml_wrong(r, element->span, "`%s` lacks its attribute `%s`", element->name, name);
  return NULL;
}

static void
feed(VnXmlReader *r, const char *text, gsize size, VnPos base)
{
  VnSource piece = {
      .path = r->source->path, .text = (char *)text, .size = (guint32)size, .base = base};
  vn_parser_feed(r->parser, &piece);
}

/* Reads the text as what the mode says; NULL: reported. opener and closer stand around it. */
static const VnAst *
parse(VnXmlReader *r, const VnXmlAttribute *attribute, VnParseMode mode, gboolean bracketed)
{
  vn_parser_restart(r->parser, mode);
  if (bracketed)
    feed(r, "[", 1, attribute->span.start - 1);
  VnSource text = {.path = r->source->path,
                   .text = (char *)attribute->value,
                   .size = (guint32)attribute->length,
                   .base = attribute->span.start};
  vn_parser_feed(r->parser, &text);
  if (bracketed)
    feed(r, "]", 1, attribute->span.end);
  VnSource end = {.path = r->source->path, .text = (char *)"", .base = attribute->span.end};
  vn_parser_feed(r->parser, &end);
  vn_parser_finish(r->parser);
  const VnAst *node = vn_parser_expression(r->parser);
  if (node == NULL)
    r->errors++;
  return node;
}

const VnAst *
vn_xml_expr(VnXmlReader *r, VnXmlElement *element, const char *name, VnXmlNeed need)
{
  const VnXmlAttribute *attribute = vn_xml_take(r, element, name, need);
  return attribute != NULL ? parse(r, attribute, VN_PARSE_EXPRESSION, FALSE) : NULL;
}

static const VnAst *
not_one(VnXmlReader *r, const VnXmlElement *element, const char *name, const VnAst *node,
        const char *wanted)
{
  VnDiag *diag =
      vn_xml_wrong(r, node->span, "`%s` of `%s` must be %s", name, element->name, wanted);
  if (node->kind == VN_AST_NAME)
    vn_diag_hint(diag, "a string has its quotes here, too: %s='\"…\"'", name);
  return NULL;
}

const VnAst *
vn_xml_kind(VnXmlReader *r, VnXmlElement *element, const char *name, VnAstKind kind, VnXmlNeed need)
{
  const VnAst *node = vn_xml_expr(r, element, name, need);
  if (node == NULL || node->kind == kind)
    return node;
  g_autofree char *wanted = g_strdup_printf("a %s", vn_ast_kind_text(kind));
  return not_one(r, element, name, node, wanted);
}

const VnAst *
vn_xml_string(VnXmlReader *r, VnXmlElement *element, const char *name, VnXmlNeed need)
{
  const VnAst *node = vn_xml_expr(r, element, name, need);
  if (node == NULL || node->kind == VN_AST_STRING || node->kind == VN_AST_INTERPOLATION)
    return node;
  return not_one(r, element, name, node, "a string");
}

const VnAstType *
vn_xml_type(VnXmlReader *r, VnXmlElement *element)
{
  const VnXmlAttribute *attribute = vn_xml_take(r, element, "type", VN_XML_NEEDED);
  return attribute != NULL ? (const VnAstType *)parse(r, attribute, VN_PARSE_TYPE, FALSE) : NULL;
}

VnIdent
vn_xml_name(VnXmlReader *r, VnXmlElement *element, const char *name, VnXmlNeed need)
{
  const VnAst *node = vn_xml_kind(r, element, name, VN_AST_NAME, need);
  return node != NULL ? ((const VnAstName *)node)->name : (VnIdent){NULL, VN_SPAN_NONE};
}

static gboolean
is_word(const VnXmlAttribute *attribute)
{
  const char *text = attribute->value;
  gsize n = 0;
  while (g_ascii_isalnum(text[n]) || text[n] == '_')
    n++;
  return n > 0 && n == attribute->length && !g_ascii_isdigit(text[0]);
}

VnIdent
vn_xml_word(VnXmlReader *r, VnXmlElement *element, const char *name, VnXmlNeed need)
{
  const VnXmlAttribute *attribute = vn_xml_take(r, element, name, need);
  if (attribute == NULL)
    return (VnIdent){NULL, VN_SPAN_NONE};
  if (!is_word(attribute)) {
    vn_xml_wrong(r, attribute->span, "`%s` of `%s` must be a word", name, element->name);
    return (VnIdent){NULL, VN_SPAN_NONE};
  }
  return (VnIdent){vn_symbol_intern(r->symbols, attribute->value, attribute->length),
                   attribute->span};
}

VnAstSeq
vn_xml_list(VnXmlReader *r, VnXmlElement *element, const char *name, VnXmlNeed need)
{
  const VnAstSeq none = {NULL, 0};
  const VnXmlAttribute *attribute = vn_xml_take(r, element, name, need);
  if (attribute == NULL)
    return none;
  const VnAst *node = parse(r, attribute, VN_PARSE_EXPRESSION, TRUE);
  if (node == NULL)
    return none;
  if (node->kind == VN_AST_LIST)
    return ((const VnAstList *)node)->items;
  not_one(r, element, name, node, "expressions with commas between them");
  return none;
}

VnAstSeq
vn_xml_names(VnXmlReader *r, VnXmlElement *element, const char *name, VnXmlNeed need)
{
  VnAstSeq list = vn_xml_list(r, element, name, need);
  for (guint32 i = 0; i < list.n; i++)
    if (list.items[i]->kind != VN_AST_NAME) {
      vn_xml_wrong(r, list.items[i]->span, "`%s` of `%s` holds plain names", name, element->name);
      return (VnAstSeq){NULL, 0};
    }
  return list;
}

gboolean
vn_xml_flag(VnXmlReader *r, VnXmlElement *element, const char *name)
{
  const VnXmlAttribute *attribute = vn_xml_take(r, element, name, VN_XML_OPTIONAL);
  if (attribute == NULL)
    return FALSE;
  if (strcmp(attribute->value, "true") != 0)
    vn_diag_hint(vn_xml_wrong(r, attribute->span, "`%s` is \"true\" or left out", name),
                 "leave it out where it does not hold");
  return TRUE;
}

/* ---- children ---- */

const char *
vn_xml_doc(VnXmlReader *r, const VnXmlElement *element)
{
  const char *doc = NULL;
  for (const VnXmlElement *child = element->first; child != NULL; child = child->next) {
    if (strcmp(child->name, "doc") != 0)
      continue;
    if (child != element->first)
      vn_xml_wrong(r, child->span, "`doc` is the first of what stands in `%s`", element->name);
    if (child->n_attributes > 0)
      vn_xml_wrong(r, child->attributes[0].name_span, "`doc` has no attributes");
    vn_xml_bare(r, child);
    doc = child->text;
  }
  return doc;
}

void
vn_xml_stray(VnXmlReader *r, const VnXmlElement *child, const VnXmlElement *parent,
             const char *const *allowed)
{
  VnDiag *diag =
      vn_xml_wrong(r, child->span, "`%s` may not stand in `%s`", child->name, parent->name);
  guint n = allowed != NULL ? g_strv_length((char **)allowed) : 0;
  const char *near = vn_diag_nearest(child->name, allowed, n);
  if (near != NULL && strcmp(near, child->name) != 0)
    vn_diag_hint(diag, "did you mean `%s`?", near);
}

void
vn_xml_bare(VnXmlReader *r, const VnXmlElement *element)
{
  for (const VnXmlElement *child = element->first; child != NULL; child = child->next)
    vn_xml_stray(r, child, element, NULL);
}

void
vn_xml_childless(VnXmlReader *r, const VnXmlElement *element)
{
  for (const VnXmlElement *child = element->first; child != NULL; child = child->next)
    if (strcmp(child->name, "doc") != 0)
      vn_xml_stray(r, child, element, NULL);
}
