/* SPDX-License-Identifier: GPL-3.0-or-later */
/* libxml2's SAX interface, and what is refused before it can do harm.
 *
 * Without a document type there are no entities but the five of XML itself, so it is the document
 * type that is refused, before anything in it is read. No file and no network is opened: the text
 * is in memory, and nothing in it can name another. The first mistake ends the reading.
 *
 * libxml2 tells lines but not bytes. A second look at the text, which is well-formed as far as
 * libxml2 has read, finds where each start tag and each of its values stand. */
#include "xml/tree.h"

#include <libxml/parserInternals.h>
#include <string.h>

typedef struct {
  const VnSource *source;
  VnArena *arena;
  VnDiagSink *sink;
  xmlParserCtxt *context;
  gsize cursor;    /* behind the last start tag that was found */
  GPtrArray *open; /* of VnXmlElement */
  GString *text;   /* of the innermost element */
  VnXmlElement *root;
  gboolean stopped; /* a mistake was reported */
} Tree;

gboolean
vn_xml_holds_text(const char *name)
{
  return strcmp(name, "doc") == 0 || strcmp(name, "text") == 0;
}

/* Reports the mistake that ends the reading: only the first one counts. NULL if one was before. */
G_GNUC_PRINTF(4, 5)
static VnDiag *
stop(Tree *t, VnDiagCode code, VnSpan span, const char *format, ...)
{
  if (t->stopped)
    return NULL;
  t->stopped = TRUE;
  va_list args;
  va_start(args, format);
  g_autofree char *message = g_strdup_vprintf(format, args);
  va_end(args);
  xmlStopParser(t->context);
  return vn_diag_add(t->sink, code, span, "%s", message);
}

/* ---- places ---- */

static VnSpan
span_of(const Tree *t, gsize start, gsize end)
{
  return (VnSpan){t->source->base + (VnPos)start, t->source->base + (VnPos)end};
}

/* The place behind what begins at `at` and ends with `end`. */
static gsize
behind(const Tree *t, gsize at, const char *end)
{
  const char *found = strstr(t->source->text + at, end);
  return found != NULL ? (gsize)(found - t->source->text) + strlen(end) : t->source->size;
}

/* The next start tag from the cursor on. */
static gsize
next_tag(const Tree *t)
{
  const char *text = t->source->text;
  gsize at = t->cursor;
  for (;;) {
    at += strcspn(text + at, "<");
    if (g_str_has_prefix(text + at, "<!--"))
      at = behind(t, at + 4, "-->");
    else if (g_str_has_prefix(text + at, "<![CDATA["))
      at = behind(t, at, "]]>");
    else if (g_str_has_prefix(text + at, "<?"))
      at = behind(t, at, "?>");
    else if (g_str_has_prefix(text + at, "</"))
      at = behind(t, at, ">");
    else
      return at;
  }
}

static gboolean
is_white(char c)
{
  return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* In a start tag: the name and the value of the attribute at *at, which moves behind it; FALSE at
 * the end of the tag. */
static gboolean
next_attribute(const Tree *t, gsize *at, VnSpan *out_name, VnSpan *out_value)
{
  const char *text = t->source->text;
  gsize i = *at;
  while (is_white(text[i]))
    i++;
  gsize name = i;
  i += strcspn(text + i, " \t\r\n=>/");
  gsize name_end = i;
  while (is_white(text[i]) || text[i] == '=')
    i++;
  char quote = text[i];
  if (name_end == name || (quote != '"' && quote != '\''))
    return FALSE;
  gsize value = ++i;
  while (text[i] != quote && text[i] != '\0')
    i++;
  *at = i + 1;
  *out_name = span_of(t, name, name_end);
  *out_value = span_of(t, value, i);
  return TRUE;
}

/* Is the name in the text, perhaps with a prefix, this one? */
static gboolean
is_called(const Tree *t, VnSpan span, const char *name)
{
  const char *text = t->source->text + (span.start - t->source->base);
  gsize length = span.end - span.start, wanted = strlen(name);
  return length >= wanted && memcmp(text + length - wanted, name, wanted) == 0 &&
         (length == wanted || text[length - wanted - 1] == ':');
}

/* Gives the element's tag and its attributes their places, and moves the cursor behind it. */
static void
place(Tree *t, VnXmlElement *element)
{
  gsize start = next_tag(t), at = start + 1;
  at += strcspn(t->source->text + at, " \t\r\n>/");
  VnSpan name, value;
  while (next_attribute(t, &at, &name, &value))
    for (guint32 i = 0; i < element->n_attributes; i++) {
      VnXmlAttribute *attribute = &element->attributes[i];
      if (attribute->span.end == 0 && is_called(t, name, attribute->name)) {
        attribute->name_span = name;
        attribute->span = value;
        break;
      }
    }
  t->cursor = behind(t, at, ">");
  element->span = span_of(t, start, t->cursor);
}

/* ---- what libxml2 calls ---- */

/* attributes: five pointers each: name, prefix, namespace, value, its end. */
static void
copy_attributes(Tree *t, VnXmlElement *element, const xmlChar **attributes)
{
  for (guint32 i = 0; i < element->n_attributes; i++, attributes += 5) {
    VnXmlAttribute *copy = &element->attributes[i];
    copy->name = vn_arena_strdup(t->arena, (const char *)attributes[0]);
    copy->length = (gsize)(attributes[4] - attributes[3]);
    copy->value = vn_arena_strndup(t->arena, (const char *)attributes[3], copy->length);
  }
}

static void
append_child(Tree *t, VnXmlElement *element)
{
  if (t->open->len == 0) {
    t->root = element;
    return;
  }
  VnXmlElement *parent = t->open->pdata[t->open->len - 1];
  if (parent->last == NULL)
    parent->first = element;
  else
    parent->last->next = element;
  parent->last = element;
}

static gboolean
has_foreign(const xmlChar *uri, const xmlChar **attributes, int n_attributes)
{
  gboolean foreign = uri == NULL || strcmp((const char *)uri, VN_XML_NAMESPACE) != 0;
  for (int i = 0; i < n_attributes; i++)
    foreign = foreign || attributes[5 * i + 2] != NULL;
  return foreign;
}

static void
on_start(void *data, const xmlChar *name, const xmlChar *prefix, const xmlChar *uri,
         int n_namespaces, const xmlChar **namespaces, int n_attributes, int n_defaulted,
         const xmlChar **attributes)
{
  Tree *t = data;
  if (t->stopped)
    return;
  VnXmlElement *element = vn_arena_new0(t->arena, VnXmlElement);
  element->name = vn_arena_strdup(t->arena, (const char *)name);
  element->n_attributes = n_attributes > VN_XML_MAX_ATTRIBUTES ? 0 : (guint32)n_attributes;
  element->attributes = vn_arena_array0(t->arena, VnXmlAttribute, element->n_attributes);
  copy_attributes(t, element, attributes);
  place(t, element);
  if (n_attributes > VN_XML_MAX_ATTRIBUTES)
    stop(t, VN_DIAG_VN012, element->span, "`%s` has more than %d attributes", element->name,
         VN_XML_MAX_ATTRIBUTES);
  if (t->open->len >= VN_XML_MAX_DEPTH)
    stop(t, VN_DIAG_VN006, element->span, "nested more than %d deep", VN_XML_MAX_DEPTH);
  if (has_foreign(uri, attributes, n_attributes)) {
    VnDiag *diag =
        stop(t, VN_DIAG_VN011, element->span,
             "`%s` is not of VNL's namespace, or has an attribute of another one", element->name);
    if (diag != NULL)
      vn_diag_hint(diag, "the document begins with <vnl xmlns=\"" VN_XML_NAMESPACE "\">");
  }
  append_child(t, element);
  g_ptr_array_add(t->open, element);
  g_string_truncate(t->text, 0);
}

static void
on_end(void *data, const xmlChar *name, const xmlChar *prefix, const xmlChar *uri)
{
  Tree *t = data;
  if (t->stopped)
    return;
  VnXmlElement *element = t->open->pdata[t->open->len - 1];
  if (vn_xml_holds_text(element->name))
    element->text = vn_arena_strndup(t->arena, t->text->str, t->text->len);
  g_ptr_array_set_size(t->open, (gint)t->open->len - 1);
}

static void
on_text(void *data, const xmlChar *text, int length)
{
  Tree *t = data;
  if (t->stopped || t->open->len == 0)
    return;
  const VnXmlElement *element = t->open->pdata[t->open->len - 1];
  if (vn_xml_holds_text(element->name)) {
    g_string_append_len(t->text, (const char *)text, length);
    return;
  }
  for (int i = 0; i < length; i++)
    if (!is_white((char)text[i])) {
      stop(t, VN_DIAG_VN011, element->span, "`%s` holds elements, not text", element->name);
      return;
    }
}

/* At `<!DOCTYPE`, before anything in it. */
static void
on_doctype(void *data, const xmlChar *name, const xmlChar *external_id, const xmlChar *system_id)
{
  Tree *t = data;
  const char *found = strstr(t->source->text, "<!DOCTYPE");
  gsize at = found != NULL ? (gsize)(found - t->source->text) : 0;
  VnDiag *diag = stop(t, VN_DIAG_VN012, span_of(t, at, at + strlen("<!DOCTYPE")),
                      "a document type is never read, nor are entities");
  if (diag != NULL)
    vn_diag_hint(diag, "leave it out, and write what its entities stand for");
}

/* The byte of a line and a column, as libxml2 counts them. */
static gsize
offset_of(const Tree *t, int line, int column)
{
  const char *at = t->source->text;
  for (int i = 1; i < line; i++) {
    const char *end = strchr(at, '\n');
    if (end == NULL)
      break;
    at = end + 1;
  }
  gsize offset = (gsize)(at - t->source->text);
  return MIN(offset + MIN((gsize)MAX(column - 1, 0), strcspn(at, "\n")), t->source->size);
}

static void
on_error(void *data, xmlErrorPtr error)
{
  Tree *t = data;
  if (error->level < XML_ERR_ERROR)
    return;
  gsize at = offset_of(t, error->line, error->int2);
  g_autofree char *why =
      g_strstrip(g_strdup(error->message != NULL ? error->message : "malformed"));
  for (char *c = why; *c != '\0'; c++)
    if (*c == '\n')
      *c = ' ';
  stop(t, VN_DIAG_VN010, span_of(t, at, MIN(at + 1, t->source->size)), "%s", why);
}

/* ---- the way in ---- */

static void
parse(Tree *t)
{
  xmlSAXHandler handler = {.initialized = XML_SAX2_MAGIC,
                           .startElementNs = on_start,
                           .endElementNs = on_end,
                           .characters = on_text,
                           .ignorableWhitespace = on_text,
                           .cdataBlock = on_text,
                           .internalSubset = on_doctype,
                           .serror = on_error};
  t->context = xmlCreateMemoryParserCtxt(t->source->text, (int)t->source->size);
  if (t->context == NULL) {
    vn_diag_add(t->sink, VN_DIAG_VN010, span_of(t, 0, 0), "the text can't be read");
    t->stopped = TRUE;
    return;
  }
  *t->context->sax = handler;
  t->context->userData = t;
  /* The text is UTF-8 (src/base says so), whatever it declares. NOENT: `&amp;` in an attribute is
   * given as `&`, not as `&#38;`; there are no other entities without a document type. */
  xmlCtxtUseOptions(t->context, XML_PARSE_NONET | XML_PARSE_IGNORE_ENC | XML_PARSE_NOENT);
  t->context->userData = t;
  xmlParseDocument(t->context);
  if (t->context->myDoc != NULL)
    xmlFreeDoc(t->context->myDoc);
  t->context->myDoc = NULL;
  if (!t->context->wellFormed)
    stop(t, VN_DIAG_VN010, span_of(t, t->source->size, t->source->size), "the text is no XML");
  xmlFreeParserCtxt(t->context);
}

VnXmlElement *
vn_xml_tree(const VnSource *source, VnArena *arena, VnDiagSink *sink)
{
  if (source->size == 0 || source->size > VN_XML_MAX_BYTES) {
    VnSpan span = {source->base, source->base};
    vn_diag_add(sink, VN_DIAG_VN012, span, "%s is %s: XML of up to %u MiB is read", source->path,
                source->size == 0 ? "empty" : "too large", VN_XML_MAX_BYTES >> 20);
    return NULL;
  }
  Tree t = {source, arena, sink, NULL, 0, g_ptr_array_new(), g_string_new(NULL), NULL, FALSE};
  parse(&t);
  g_ptr_array_unref(t.open);
  g_string_free(t.text, TRUE);
  return t.stopped ? NULL : t.root;
}
