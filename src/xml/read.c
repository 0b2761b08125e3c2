/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Elements to declarations. One reader a kind of declaration, in the table at the end; properties
 * and clauses come from properties.def. Actions: read-action.c. */
#include <string.h>

#include "lang/parse.h"
#include "xml/read-parts.h"

static VnAstSeq read_body(VnXmlReader *r, VnXmlElement *parent);

#define NEEDED   VN_XML_NEEDED
#define OPTIONAL VN_XML_OPTIONAL

/* ---- properties and clauses ---- */

typedef enum { EXPR, ADDRESS, FLAG, PAIR, COPY, CAPTURE, RETRY, LIST, WORD, WORDS, PORT } Form;

static Form
form_of(VnPropertyId id)
{
  static const Form forms[] = {
#define VN_PROPERTY(id, word, where, arguments, help) arguments,
#include "lang/properties.def"
#undef VN_PROPERTY
  };
  return forms[id];
}

static VnAstProperty *
new_property(VnXmlReader *r, VnPropertyId id, VnAstKind kind, VnSpan span)
{
  VnAstProperty *property = vn_xml_node(r, sizeof *property, kind, span);
  property->id = id;
  return property;
}

/* One that is an attribute. */
static void
read_attribute(VnXmlReader *r, VnXmlElement *element, VnAstProperty *property)
{
  const char *word = vn_property_word(property->id);
  switch (form_of(property->id)) {
  case EXPR:
  case ADDRESS:
    property->a = vn_xml_expr(r, element, word, NEEDED);
    return;
  case RETRY:
    property->a = vn_xml_expr(r, element, word, NEEDED);
    property->b = vn_xml_expr(r, element, "every", OPTIONAL);
    return;
  case WORD:
    property->word = vn_xml_name(r, element, word, NEEDED);
    return;
  case LIST:
    property->list = vn_xml_list(r, element, word, NEEDED);
    if (property->list.n == 0 && r->errors == 0)
      vn_xml_wrong(r, property->ast.span, "`%s` is empty", word);
    return;
  case FLAG:
    vn_xml_flag(r, element, word);
    return;
  case PAIR:
  case COPY:
  case CAPTURE:
  case WORDS:
  case PORT:
    return;
  }
}

/* One that is a child; FALSE: it is none. */
static gboolean
read_child(VnXmlReader *r, VnXmlElement *child, VnAstProperty *property)
{
  switch (form_of(property->id)) {
  case ADDRESS:
    property->a = vn_xml_expr(r, child, "value", NEEDED);
    return TRUE;
  case PAIR:
    property->word = vn_xml_word(r, child, "name", NEEDED);
    property->a = vn_xml_expr(r, child, "value", NEEDED);
    return TRUE;
  case COPY:
    property->a = vn_xml_expr(r, child, "from", NEEDED);
    property->b = vn_xml_expr(r, child, "to", NEEDED);
    return TRUE;
  case CAPTURE:
    property->a = vn_xml_string(r, child, "file", OPTIONAL);
    property->b = vn_xml_expr(r, child, "filter", OPTIONAL);
    return TRUE;
  case EXPR:
  case FLAG:
  case RETRY:
  case LIST:
  case WORD:
  case WORDS:
  case PORT:
    return FALSE;
  }
  g_assert_not_reached();
}

static gboolean
is_attribute(VnPropertyId id)
{
  Form form = form_of(id);
  return form != PAIR && form != COPY && form != CAPTURE;
}

static VnPropertyId
find_property(const char *word, guint where)
{
  for (guint id = 0; id < VN_PROPERTY_COUNT; id++)
    if ((vn_property_where((VnPropertyId)id) & where) != 0 &&
        strcmp(vn_property_word((VnPropertyId)id), word) == 0)
      return (VnPropertyId)id;
  return VN_PROPERTY_COUNT;
}

/* For did-you-mean: what else could have stood there. */
static void
offer_properties(VnXmlReader *r, guint where)
{
  for (guint id = 0; id < VN_PROPERTY_COUNT && r->n_asked < VN_XML_MAX_ASKED; id++)
    if ((vn_property_where((VnPropertyId)id) & where) != 0 && is_attribute((VnPropertyId)id))
      r->asked[r->n_asked++] = vn_property_word((VnPropertyId)id);
}

static void
read_property_child(VnXmlReader *r, VnXmlElement *child, const VnXmlElement *parent, guint where,
                    VnAstKind kind, GPtrArray *out)
{
  VnPropertyId id = find_property(child->name, where);
  VnAstProperty *property = id != VN_PROPERTY_COUNT ? new_property(r, id, kind, child->span) : NULL;
  vn_xml_begin(r);
  if (property == NULL || !read_child(r, child, property)) {
    static const char *const allowed[] = {"doc", "address", "capture", "env", "file", NULL};
    vn_xml_stray(r, child, parent, allowed);
    return;
  }
  vn_xml_done(r, child);
  vn_xml_bare(r, child);
  for (guint i = 0; id == VN_PROPERTY_CAPTURE && i < out->len; i++)
    if (((const VnAstProperty *)out->pdata[i])->id == id)
      vn_xml_wrong(r, child->span, "`%s` has two `capture`", parent->name);
  g_ptr_array_add(out, property);
}

/* Attributes that are properties, in their order, then children that are. Reports what is neither.
 */
static VnAstSeq
read_properties(VnXmlReader *r, VnXmlElement *element, guint where, VnAstKind kind)
{
  g_autoptr(GPtrArray) nodes = g_ptr_array_new();
  for (guint32 i = 0; i < element->n_attributes; i++) {
    const VnXmlAttribute *attribute = &element->attributes[i];
    VnPropertyId id = attribute->used ? VN_PROPERTY_COUNT : find_property(attribute->name, where);
    if (id == VN_PROPERTY_COUNT || !is_attribute(id))
      continue;
    VnAstProperty *property = new_property(r, id, kind, attribute->span);
    read_attribute(r, element, property);
    g_ptr_array_add(nodes, property);
  }
  offer_properties(r, where);
  vn_xml_done(r, element);
  for (VnXmlElement *child = element->first; child != NULL; child = child->next)
    if (strcmp(child->name, "doc") != 0)
      read_property_child(r, child, element, where, kind, nodes);
  return vn_xml_seq(r, nodes);
}

/* ---- declarations ---- */

static const VnAstDim *
read_dim(VnXmlReader *r, VnXmlElement *element)
{
  const VnAst *bounds = vn_xml_expr(r, element, "elements", OPTIONAL);
  VnIdent index = vn_xml_name(r, element, "index", OPTIONAL);
  if (bounds == NULL) {
    if (index.symbol != NULL)
      vn_xml_wrong(r, index.span, "`index` goes through `elements`, which is missing");
    return NULL;
  }
  VnAstDim *dim = VN_XML_NEW(r, VnAstDim, DIM, bounds->span);
  dim->index = index;
  dim->bounds = bounds;
  return dim;
}

static VnAst *
read_experiment(VnXmlReader *r, VnXmlElement *element)
{
  VnAstExperiment *node = VN_XML_NEW(r, VnAstExperiment, EXPERIMENT, element->span);
  node->title = vn_xml_string(r, element, "title", NEEDED);
  return &node->ast;
}

/* `std.net` was read as an expression: its names, from the first to the last. */
static void
take_dotted(VnXmlReader *r, VnAstUse *use, const VnAst *module)
{
  guint32 n = 1;
  const VnAst *at = module;
  for (; at->kind == VN_AST_MEMBER; at = ((const VnAstMember *)at)->base)
    n++;
  if (at->kind != VN_AST_NAME) {
    vn_xml_wrong(r, module->span, "`module` is a name with dots; a file is named by `file`");
    return;
  }
  use->dotted = vn_arena_array0(r->arena, VnIdent, n);
  use->n_dotted = n;
  for (at = module; at->kind == VN_AST_MEMBER; at = ((const VnAstMember *)at)->base)
    use->dotted[--n] = ((const VnAstMember *)at)->name;
  use->dotted[0] = ((const VnAstName *)at)->name;
}

static VnAst *
read_use(VnXmlReader *r, VnXmlElement *element)
{
  VnAstUse *node = VN_XML_NEW(r, VnAstUse, USE, element->span);
  const VnAst *module = vn_xml_expr(r, element, "module", OPTIONAL);
  node->path = (const VnAstString *)vn_xml_kind(r, element, "file", VN_AST_STRING, OPTIONAL);
  node->name = vn_xml_name(r, element, "as", OPTIONAL);
  if (module != NULL)
    take_dotted(r, node, module);
  if ((module == NULL) == (node->path == NULL) && r->errors == 0)
    vn_xml_wrong(r, element->span, "`use` has one of `module` and `file`");
  return &node->ast;
}

static VnAst *
read_param(VnXmlReader *r, VnXmlElement *element)
{
  VnAstParam *node = VN_XML_NEW(r, VnAstParam, PARAM, element->span);
  node->name = vn_xml_name(r, element, "name", NEEDED);
  node->type = vn_xml_type(r, element);
  node->range = vn_xml_expr(r, element, "in", OPTIONAL);
  node->initial = vn_xml_expr(r, element, "default", OPTIONAL);
  return &node->ast;
}

static VnAst *
read_value(VnXmlReader *r, VnXmlElement *element, VnAstKind kind, const char *attribute)
{
  VnAstLet *node = vn_xml_node(r, sizeof *node, kind, element->span);
  node->name = vn_xml_name(r, element, "name", NEEDED);
  node->value = vn_xml_expr(r, element, attribute, NEEDED);
  return &node->ast;
}

static VnAst *
read_let(VnXmlReader *r, VnXmlElement *element)
{
  VnAstLet *node = (VnAstLet *)read_value(r, element, VN_AST_LET, "value");
  node->function = vn_xml_take(r, element, "parameters", OPTIONAL) != NULL;
  VnAstSeq names = vn_xml_names(r, element, "parameters", OPTIONAL);
  node->parameters = vn_arena_array0(r->arena, VnIdent, names.n);
  node->n_parameters = names.n;
  for (guint32 i = 0; i < names.n; i++)
    node->parameters[i] = ((const VnAstName *)names.items[i])->name;
  return &node->ast;
}

static VnAst *
read_group(VnXmlReader *r, VnXmlElement *element)
{
  return read_value(r, element, VN_AST_GROUP, "value");
}

static VnAst *
read_measure(VnXmlReader *r, VnXmlElement *element)
{
  return read_value(r, element, VN_AST_MEASURE, "value");
}

static VnAst *
read_sweep(VnXmlReader *r, VnXmlElement *element)
{
  return read_value(r, element, VN_AST_SWEEP, "in");
}

static VnAst *
read_rules(VnXmlReader *r, VnXmlElement *element)
{
  VnAstRules *node = VN_XML_NEW(r, VnAstRules, RULES, element->span);
  node->name = vn_xml_name(r, element, "name", NEEDED);
  return &node->ast;
}

static VnAst *
read_site(VnXmlReader *r, VnXmlElement *element)
{
  VnAstSite *node = VN_XML_NEW(r, VnAstSite, SITE, element->span);
  node->name = vn_xml_name(r, element, "name", NEEDED);
  node->at = vn_xml_expr(r, element, "at", NEEDED);
  node->key = vn_xml_expr(r, element, "key", OPTIONAL);
  return &node->ast;
}

static VnAst *
read_image(VnXmlReader *r, VnXmlElement *element)
{
  VnAstImage *node = VN_XML_NEW(r, VnAstImage, IMAGE, element->span);
  node->name = vn_xml_name(r, element, "name", NEEDED);
  vn_xml_done(r, element);
  g_autoptr(GPtrArray) keys = g_ptr_array_new();
  for (VnXmlElement *child = element->first; child != NULL; child = child->next) {
    static const char *const allowed[] = {"doc", "key", NULL};
    if (strcmp(child->name, "doc") == 0)
      continue;
    if (strcmp(child->name, "key") != 0) {
      vn_xml_stray(r, child, element, allowed);
      continue;
    }
    VnAstKey *key = VN_XML_NEW(r, VnAstKey, KEY, child->span);
    vn_xml_begin(r);
    key->name = vn_xml_word(r, child, "name", NEEDED);
    key->value = vn_xml_expr(r, child, "value", OPTIONAL);
    vn_xml_done(r, child);
    vn_xml_bare(r, child);
    g_ptr_array_add(keys, key);
  }
  node->keys = vn_xml_seq(r, keys);
  return &node->ast;
}

static VnAst *
read_segment(VnXmlReader *r, VnXmlElement *element)
{
  VnAstSegment *node = VN_XML_NEW(r, VnAstSegment, SEGMENT, element->span);
  node->name = vn_xml_name(r, element, "name", NEEDED);
  node->dim = read_dim(r, element);
  node->prefix = vn_xml_expr(r, element, "prefix", OPTIONAL);
  node->at = vn_xml_expr(r, element, "at", OPTIONAL);
  node->technology = vn_xml_name(r, element, "using", OPTIONAL);
  node->properties = read_properties(r, element, VN_ON_SEGMENT, VN_AST_PROPERTY);
  return &node->ast;
}

static VnAst *
read_vm(VnXmlReader *r, VnXmlElement *element, VnAstKind kind, const char *joint, guint where)
{
  VnAstVm *node = vn_xml_node(r, sizeof *node, kind, element->span);
  node->name = vn_xml_name(r, element, "name", NEEDED);
  node->dim = read_dim(r, element);
  node->segments = vn_xml_list(r, element, joint, NEEDED);
  if (node->segments.n == 0 && r->errors == 0)
    vn_xml_wrong(r, element->span, "`%s` of `%s` is empty", joint, element->name);
  node->properties = read_properties(r, element, where, VN_AST_PROPERTY);
  return &node->ast;
}

/* What may stand after `host` and `router` is one list in the grammar: that a router has no `mac`
 * is for the checker to say. */
static VnAst *
read_host(VnXmlReader *r, VnXmlElement *element)
{
  return read_vm(r, element, VN_AST_HOST, "on", VN_ON_HOST | VN_ON_ROUTER);
}

static VnAst *
read_router(VnXmlReader *r, VnXmlElement *element)
{
  return read_vm(r, element, VN_AST_ROUTER, "joins", VN_ON_HOST | VN_ON_ROUTER);
}

static VnAst *
read_single(VnXmlReader *r, VnXmlElement *element, VnAstKind kind)
{
  VnAstSingle *node = vn_xml_node(r, sizeof *node, kind, element->span);
  node->value = vn_xml_expr(r, element, "value", NEEDED);
  return &node->ast;
}

static VnAst *
read_network(VnXmlReader *r, VnXmlElement *element)
{
  return read_single(r, element, VN_AST_NETWORK);
}

static VnAst *
read_seed(VnXmlReader *r, VnXmlElement *element)
{
  return read_single(r, element, VN_AST_SEED);
}

static VnAst *
read_trials(VnXmlReader *r, VnXmlElement *element)
{
  return read_single(r, element, VN_AST_TRIALS);
}

/* A block is as deep as its deepest declaration; the parser bounds it, too. */
static void
bound(VnXmlReader *r, VnAst *node, VnAstSeq body)
{
  guint deepest = 0;
  for (guint32 i = 0; i < body.n; i++)
    deepest = MAX(deepest, body.items[i]->depth);
  node->depth = (guint16)MAX(node->depth, deepest + 1);
  if (node->depth <= VN_PARSE_MAX_DEPTH)
    return;
  r->errors++;
  vn_diag_add(r->sink, VN_DIAG_VN006, node->span, "nested more than %d deep", VN_PARSE_MAX_DEPTH);
}

static VnAst *
read_for(VnXmlReader *r, VnXmlElement *element)
{
  VnAstFor *node = VN_XML_NEW(r, VnAstFor, FOR, element->span);
  node->name = vn_xml_name(r, element, "name", NEEDED);
  node->range = vn_xml_expr(r, element, "in", NEEDED);
  vn_xml_done(r, element);
  node->body = read_body(r, element);
  bound(r, &node->ast, node->body);
  return &node->ast;
}

static VnAst *
read_if(VnXmlReader *r, VnXmlElement *element)
{
  VnAstIf *node = VN_XML_NEW(r, VnAstIf, IF, element->span);
  node->condition = vn_xml_expr(r, element, "condition", NEEDED);
  vn_xml_done(r, element);
  VnXmlElement *otherwise = element->last;
  node->has_else = otherwise != NULL && strcmp(otherwise->name, "else") == 0;
  node->then = read_body(r, element);
  if (node->has_else) {
    vn_xml_begin(r);
    vn_xml_done(r, otherwise);
    node->otherwise = read_body(r, otherwise);
    bound(r, &node->ast, node->otherwise);
  }
  bound(r, &node->ast, node->then);
  return &node->ast;
}

static VnAst *
read_task(VnXmlReader *r, VnXmlElement *element)
{
  VnAstTask *node = VN_XML_NEW(r, VnAstTask, TASK, element->span);
  node->name = vn_xml_name(r, element, "name", NEEDED);
  node->dim = read_dim(r, element);
  node->targets = vn_xml_expr(r, element, "on", OPTIONAL);
  node->call = vn_xml_expr(r, element, "call", NEEDED);
  node->clauses = read_properties(r, element, VN_ON_TASK, VN_AST_CLAUSE);
  return &node->ast;
}

static VnAst *
read_action(VnXmlReader *r, VnXmlElement *element)
{
  return vn_xml_action(r, element);
}

static VnAst *
read_flow(VnXmlReader *r, VnXmlElement *element)
{
  VnAstFlow *node = VN_XML_NEW(r, VnAstFlow, FLOW, element->span);
  vn_xml_done(r, element);
  g_autoptr(GPtrArray) steps = g_ptr_array_new();
  for (VnXmlElement *child = element->first; child != NULL; child = child->next) {
    static const char *const allowed[] = {"doc", "step", NULL};
    if (strcmp(child->name, "doc") == 0)
      continue;
    if (strcmp(child->name, "step") != 0) {
      vn_xml_stray(r, child, element, allowed);
      continue;
    }
    vn_xml_begin(r);
    const VnAst *step = vn_xml_expr(r, child, "tasks", NEEDED);
    vn_xml_done(r, child);
    vn_xml_bare(r, child);
    if (step != NULL)
      g_ptr_array_add(steps, (gpointer)step);
  }
  if (steps->len < 2 && r->errors == 0)
    vn_xml_wrong(r, element->span, "`flow` has at least two `step`");
  node->steps = vn_xml_seq(r, steps);
  return &node->ast;
}

static VnAst *
read_expect(VnXmlReader *r, VnXmlElement *element)
{
  VnAstExpect *node = VN_XML_NEW(r, VnAstExpect, EXPECT, element->span);
  const VnXmlAttribute *text = vn_xml_take(r, element, "condition", OPTIONAL);
  node->condition = vn_xml_expr(r, element, "condition", NEEDED);
  node->message = vn_xml_string(r, element, "message", OPTIONAL);
  node->text = text != NULL ? text->value : NULL;
  return &node->ast;
}

/* ---- all of them ---- */

/* own: the reader takes care of children and closes the element itself. */
typedef struct {
  const char *name;
  VnAst *(*read)(VnXmlReader *r, VnXmlElement *element);
  gboolean own;
} Reader;

static const Reader readers[] = {
    {"experiment", read_experiment, FALSE},
    {"use", read_use, FALSE},
    {"param", read_param, FALSE},
    {"let", read_let, FALSE},
    {"rules", read_rules, FALSE},
    {"site", read_site, FALSE},
    {"image", read_image, TRUE},
    {"segment", read_segment, TRUE},
    {"network", read_network, FALSE},
    {"host", read_host, TRUE},
    {"router", read_router, TRUE},
    {"group", read_group, FALSE},
    {"for", read_for, TRUE},
    {"if", read_if, TRUE},
    {"task", read_task, TRUE},
    {"action", read_action, TRUE},
    {"flow", read_flow, TRUE},
    {"expect", read_expect, FALSE},
    {"measure", read_measure, FALSE},
    {"seed", read_seed, FALSE},
    {"trials", read_trials, FALSE},
    {"sweep", read_sweep, FALSE},
};

static const Reader *
find_reader(const char *name)
{
  for (gsize i = 0; i < G_N_ELEMENTS(readers); i++)
    if (strcmp(readers[i].name, name) == 0)
      return &readers[i];
  return NULL;
}

static void
stray_declaration(VnXmlReader *r, const VnXmlElement *element, const VnXmlElement *parent)
{
  const char *names[G_N_ELEMENTS(readers) + 1] = {NULL};
  for (gsize i = 0; i < G_N_ELEMENTS(readers); i++)
    names[i] = readers[i].name;
  vn_xml_stray(r, element, parent, names);
}

/* What it would have declared, so that its uses are no news. */
static void
lose(VnXmlReader *r, const VnAst *node)
{
  VnIdent name = ((const VnAstDecl *)node)->name;
  if (name.symbol != NULL)
    g_array_append_val(r->lost, name);
}

/* NULL: it has mistakes, which were reported. */
static const VnAst *
read_declaration(VnXmlReader *r, VnXmlElement *element, const VnXmlElement *parent)
{
  const Reader *reader = find_reader(element->name);
  if (reader == NULL) {
    stray_declaration(r, element, parent);
    return NULL;
  }
  guint before = r->errors;
  r->errors = 0;
  vn_xml_begin(r);
  VnAst *node = reader->read(r, element);
  if (!reader->own) {
    vn_xml_done(r, element);
    vn_xml_childless(r, element);
  }
  ((VnAstDecl *)node)->doc = vn_xml_doc(r, element);
  gboolean good = r->errors == 0;
  r->errors += before;
  if (!good)
    lose(r, node);
  return good ? node : NULL;
}

/* `doc` documents the parent, and `else` at the end is its other branch. */
static gboolean
is_of_parent(const VnXmlElement *child, const VnXmlElement *parent)
{
  return strcmp(child->name, "doc") == 0 ||
         (strcmp(child->name, "else") == 0 && child->next == NULL &&
          strcmp(parent->name, "if") == 0);
}

static VnAstSeq
read_body(VnXmlReader *r, VnXmlElement *parent)
{
  g_autoptr(GPtrArray) nodes = g_ptr_array_new();
  for (VnXmlElement *child = parent->first; child != NULL; child = child->next) {
    if (is_of_parent(child, parent))
      continue;
    const VnAst *node = read_declaration(r, child, parent);
    if (node != NULL)
      g_ptr_array_add(nodes, (gpointer)node);
  }
  return vn_xml_seq(r, nodes);
}

static void
read_root(VnXmlReader *r, VnXmlElement *root, VnAstFile *file)
{
  if (strcmp(root->name, "vnl") != 0) {
    vn_diag_hint(vn_xml_wrong(r, root->span, "`%s` is no script", root->name),
                 "the document begins with <vnl xmlns=\"" VN_XML_NAMESPACE "\">");
    return;
  }
  vn_xml_begin(r);
  vn_xml_done(r, root);
  for (const VnXmlElement *child = root->first; child != NULL; child = child->next)
    if (strcmp(child->name, "doc") == 0)
      vn_xml_stray(r, child, root, NULL);
  file->decls = read_body(r, root);
}

gboolean
vn_xml_recognise(const VnSource *source)
{
  const char *text = source->text;
  if (g_str_has_prefix(text, "\xef\xbb\xbf"))
    text += 3;
  while (g_ascii_isspace(*text))
    text++;
  return *text == '<' || g_str_has_suffix(source->path, ".xml");
}

const VnAstFile *
vn_xml_read(const VnSource *source, VnArena *arena, VnSymbolTable *symbols, VnDiagSink *sink)
{
  VnAstFile *file = vn_arena_new0(arena, VnAstFile);
  file->source = source;
  VnXmlElement *root = vn_xml_tree(source, arena, sink);
  if (root == NULL)
    return file;
  g_autoptr(VnParser) parser = vn_parser_new(VN_PARSE_EXPRESSION, arena, symbols, sink);
  VnXmlReader r = {.source = source,
                   .arena = arena,
                   .symbols = symbols,
                   .sink = sink,
                   .parser = parser,
                   .lost = g_array_new(FALSE, FALSE, sizeof(VnIdent))};
  read_root(&r, root, file);
  file->n_lost = r.lost->len;
  file->lost = vn_arena_memdup(arena, r.lost->data, file->n_lost * sizeof(VnIdent));
  g_array_unref(r.lost);
  return file;
}
