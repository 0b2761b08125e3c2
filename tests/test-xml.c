/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Scripts as XML. For random scripts: what is written is valid by doc/vnl.rng, is read back as the
 * same tree, and is written again as the same text. For random changes of such a text: the reader
 * refuses exactly what the schema refuses. And what must never be read is refused. */
#include <libxml/relaxng.h>
#include <libxml/xmlerror.h>
#include <string.h>

#include "base/diag-text.h"
#include "lang/dump.h"
#include "lang/parse.h"
#include "random-script.h"
#include "xml/xml.h"

typedef struct {
  VnSourceSet *sources;
  VnArena *arena;
  VnDiagSink *sink;
  const VnAstFile *file;
} Unit;

static void
unit_clear(Unit *u)
{
  vn_source_set_free(u->sources);
  vn_arena_free(u->arena);
  vn_diag_sink_free(u->sink);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Unit, unit_clear)

static Unit
read_text(const char *name, const char *text)
{
  Unit u = {vn_source_set_new(), vn_arena_new(), vn_diag_sink_new(), NULL};
  g_autoptr(GError) error = NULL;
  const VnSource *source = vn_source_set_add(u.sources, name, text, strlen(text), &error);
  g_assert_no_error(error);
  VnSymbolTable *symbols = vn_symbol_table_new(u.arena);
  u.file = vn_xml_recognise(source) ? vn_xml_read(source, u.arena, symbols, u.sink)
                                    : vn_parse_file(source, u.arena, symbols, u.sink);
  return u;
}

static char *
said(Unit *u)
{
  GString *out = g_string_new(NULL);
  vn_diag_render_all_text(u->sink, u->sources, FALSE, out);
  return g_string_free(out, FALSE);
}

static void
assert_good(Unit *u, const char *text)
{
  g_autofree char *complaints = said(u);
  if (*complaints != '\0')
    g_error("%s\nis wrong:\n%s", text, complaints);
}

static char *
write_xml(Unit *u)
{
  GString *out = g_string_new(NULL);
  if (!vn_xml_write(u->file, out, u->sink)) {
    g_autofree char *complaints = said(u);
    g_error("can't be written: %s", complaints);
  }
  return g_string_free(out, FALSE);
}

/* ---- trees to compare ---- */

/* The dump as lines; properties and clauses of one declaration in the order of their text, for
 * those that are elements come after those that are attributes. */
typedef struct {
  char *line;
  GPtrArray *children;
} Lines;

static void
lines_free(gpointer data)
{
  Lines *l = data;
  g_ptr_array_unref(l->children);
  g_free(l->line);
  g_free(l);
}

static Lines *
lines_new(const char *line)
{
  Lines *l = g_new0(Lines, 1);
  l->line = g_strdup(line);
  l->children = g_ptr_array_new_with_free_func(lines_free);
  return l;
}

static gboolean
is_property(const Lines *l)
{
  return g_str_has_prefix(l->line, "PROPERTY") || g_str_has_prefix(l->line, "CLAUSE");
}

static gint
compare(gconstpointer a, gconstpointer b)
{
  const Lines *x = *(Lines *const *)a, *y = *(Lines *const *)b;
  return strcmp(x->line, y->line);
}

static void
append_lines(const Lines *l, guint depth, GString *out)
{
  guint first = 0;
  while (first < l->children->len && !is_property(l->children->pdata[first]))
    first++;
  if (first < l->children->len)
    g_qsort_with_data(l->children->pdata + first, (gint)(l->children->len - first),
                      sizeof(gpointer), (GCompareDataFunc)(void (*)(void))compare, NULL);
  if (l->line != NULL)
    g_string_append_printf(out, "%*s%s\n", (int)depth, "", l->line);
  for (guint i = 0; i < l->children->len; i++)
    append_lines(l->children->pdata[i], depth + 1, out);
}

static Lines *
parse_dump(const char *dump)
{
  Lines *stack[VN_PARSE_MAX_DEPTH * 2] = {lines_new(NULL)};
  g_auto(GStrv) lines = g_strsplit(dump, "\n", -1);
  for (char **line = lines; *line != NULL && **line != '\0'; line++) {
    guint level = (guint)strspn(*line, " ") / 2;
    stack[level + 1] = lines_new(*line + 2 * level);
    g_ptr_array_add(stack[level]->children, stack[level + 1]);
  }
  return stack[0];
}

/* TRUE: some property stands twice where only one may. No script with that is right (VN106). */
static gboolean
repeats(const Lines *l)
{
  g_autoptr(GHashTable) seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
  for (guint i = 0; i < l->children->len; i++) {
    const Lines *child = l->children->pdata[i];
    if (repeats(child))
      return TRUE;
    g_auto(GStrv) words = g_strsplit(child->line, " ", 3);
    if (is_property(child) && !g_str_equal(words[1], "env") && !g_str_equal(words[1], "file") &&
        !g_str_equal(words[1], "address") && !g_hash_table_add(seen, g_strdup(words[1])))
      return TRUE;
  }
  return FALSE;
}

static char *
meaning(const VnAstFile *file, gboolean *out_repeats)
{
  g_autoptr(GString) dump = g_string_new(NULL);
  vn_ast_dump_meaning(file, dump);
  Lines *lines = parse_dump(dump->str);
  if (out_repeats != NULL)
    *out_repeats = repeats(lines);
  GString *out = g_string_new(NULL);
  append_lines(lines, 0, out);
  lines_free(lines);
  return g_string_free(out, FALSE);
}

/* ---- the schema ---- */

static xmlRelaxNGPtr schema;

static void
load_schema(void)
{
  g_autofree char *path = g_test_build_filename(G_TEST_DIST, "..", "doc", "vnl.rng", NULL);
  xmlRelaxNGParserCtxtPtr parser = xmlRelaxNGNewParserCtxt(path);
  schema = xmlRelaxNGParse(parser);
  xmlRelaxNGFreeParserCtxt(parser);
  g_assert_nonnull(schema);
}

static void
ignore_error(void *data, xmlErrorPtr error)
{
}

static gboolean
is_valid(xmlDocPtr doc)
{
  xmlRelaxNGValidCtxtPtr context = xmlRelaxNGNewValidCtxt(schema);
  xmlRelaxNGSetValidStructuredErrors(context, ignore_error, NULL);
  gboolean valid = xmlRelaxNGValidateDoc(context, doc) == 0;
  xmlRelaxNGFreeValidCtxt(context);
  return valid;
}

static xmlDocPtr
parse_xml(const char *text)
{
  xmlDocPtr doc = xmlReadMemory(text, (int)strlen(text), "test.xml", NULL, XML_PARSE_NONET);
  g_assert_nonnull(doc);
  return doc;
}

/* ---- round trips ---- */

/* Checks one script; NULL: no right script. Returns its XML. */
static char *
round_trip(const char *text)
{
  g_auto(Unit) script = read_text("test.vnl", text);
  assert_good(&script, text);
  gboolean wrong = FALSE;
  g_autofree char *before = meaning(script.file, &wrong);
  if (wrong)
    return NULL;
  g_autofree char *xml = write_xml(&script);
  g_auto(Unit) back = read_text("test.xml", xml);
  assert_good(&back, xml);
  g_autofree char *after = meaning(back.file, NULL);
  if (strcmp(before, after) != 0)
    g_error("%s\nbecame\n%s\nand means\n%s\nnot\n%s", text, xml, after, before);
  g_autofree char *again = write_xml(&back);
  g_assert_cmpstr(again, ==, xml);
  xmlDocPtr doc = parse_xml(xml);
  if (!is_valid(doc))
    g_error("%s\nis not valid", xml);
  xmlFreeDoc(doc);
  return g_steal_pointer(&xml);
}

static void
test_random(void)
{
  g_autoptr(GRand) rand = g_rand_new_with_seed(41);
  guint tried = 0;
  for (guint round = 0; round < 3000; round++) {
    g_autofree char *text = random_script(rand, round % 2 == 0);
    g_autofree char *xml = round_trip(text);
    tried += xml != NULL;
  }
  g_assert_cmpuint(tried, >, 1500);
}

/* What the random scripts don't hold. */
static void
test_texts(void)
{
  static const char *const texts[] = {
      "let a = \"quote \\\" and ' and <&> {{ brace \\u{1}\\u{7f} \\n\\t\\r end\";",
      "let a = \"x { {b} } y {\"nested {c}\"}\";",
      "let a = [1.5, 123456789012345678.0, 0.0000000123, 0.1, 100.0, 3%, 0.001%, 2.5%, 90min, "
      "1500us, 64KiB, 10MB, 3B, 7mbit];",
      "let a = [10.0.0.1, fd00::1, 10.0.0.0/24, fd00::/64, 52:54:00:00:00:01, true, false];",
      "let a = - -b; let c = -(-1); let d = not not e; let f = 5 % 3; let g = a / b;",
      "let f() = 1; let g(a, b) = a + b;",
      "let r = /a\\/b<>&\"'[^\\/]+/;",
      "## one\n## two\nlet a = 1;\n##  kept  \nhost h on lan;",
      "action a(x: list<int>?, y: host | address = z, w: list<list<int>>) returns (b: int?)\n"
      "  background { linux, bsd script \"\"\"\necho <&>\n  \"x\"\n\n\"\"\" with \"/bin/sh\" {\n"
      "  parse /(?<b>\\d+)/ in ms; } ready when /up/ on stderr; requires tcp 80 on y; }",
      "host h on a, b address 10.0.0.1 env K = \"v\" file \"a\" to \"b\" address fd00::1 memory "
      "1MiB;",
      "if a { let b = 1; } else if c { } else { let d = 2; }",
      "if a { } else { }",
      "segment s[i in 1..3] (p + i) at here using netns delay 2ms capture \"f\" filter \"tcp\";",
      "task t[2..5] = {a, b} | c - d: f(x, y=1) after u, v retry 3 every 2s always when g.ok;",
      "use \"a b'c.vnl\" as x;",
      "",
  };
  for (gsize i = 0; i < G_N_ELEMENTS(texts); i++) {
    g_autofree char *xml = round_trip(texts[i]);
    g_assert_nonnull(xml);
  }
}

/* ---- random changes ---- */

typedef struct {
  GRand *rand;
  GPtrArray *elements; /* of the document, but the root */
} Change;

static void
collect(xmlNodePtr node, GPtrArray *out)
{
  for (xmlNodePtr child = node->children; child != NULL; child = child->next)
    if (child->type == XML_ELEMENT_NODE) {
      g_ptr_array_add(out, child);
      collect(child, out);
    }
}

static gboolean
is_inside(xmlNodePtr node, xmlNodePtr of)
{
  for (; node != NULL; node = node->parent)
    if (node == of)
      return TRUE;
  return FALSE;
}

static xmlNodePtr
any(Change *c)
{
  return c->elements->pdata[g_rand_int_range(c->rand, 0, (gint32)c->elements->len)];
}

static void
change_attribute(Change *c, xmlNodePtr node, gboolean drop)
{
  if (node->properties == NULL || !drop)
    xmlNewProp(node, (const xmlChar *)(drop ? "nonsense" : "extra"), (const xmlChar *)"1");
  else
    xmlRemoveProp(node->properties);
}

static void
change(Change *c)
{
  xmlNodePtr node = any(c), other = any(c);
  switch (g_rand_int_range(c->rand, 0, 6)) {
  case 0:
    change_attribute(c, node, TRUE);
    break;
  case 1:
    change_attribute(c, node, FALSE);
    break;
  case 2:
    xmlNodeSetName(node, (const xmlChar *)"nonsense");
    break;
  case 3:
    xmlAddNextSibling(node, xmlCopyNode(node, 1));
    break;
  case 4:
    if (!is_inside(other, node)) {
      xmlUnlinkNode(node);
      xmlAddChild(other, node);
    }
    break;
  default:
    xmlUnlinkNode(node);
    xmlFreeNode(node);
  }
}

/* A property that stands both as attribute and as its child twice is the checker's business. */
static void
compare_verdicts(xmlDocPtr doc)
{
  xmlChar *text = NULL;
  int size = 0;
  xmlDocDumpMemory(doc, &text, &size);
  g_auto(Unit) u = read_text("changed.xml", (const char *)text);
  gboolean read = !vn_diag_sink_has_errors(u.sink), valid = is_valid(doc);
  g_autofree char *complaints = said(&u);
  if (read != valid)
    g_error("%s\nis %s by the schema, but the reader says:\n%s", (const char *)text,
            valid ? "valid" : "invalid", complaints);
  xmlFree(text);
}

static void
test_changes(void)
{
  g_autoptr(GRand) rand = g_rand_new_with_seed(17);
  guint refused = 0, tried = 0;
  for (guint round = 0; round < 4000; round++) {
    g_autofree char *text = random_script(rand, FALSE);
    g_autofree char *xml = round_trip(text);
    if (xml == NULL)
      continue;
    xmlDocPtr doc = parse_xml(xml);
    Change c = {rand, g_ptr_array_new()};
    collect(xmlDocGetRootElement(doc), c.elements);
    if (c.elements->len > 0)
      change(&c);
    compare_verdicts(doc);
    refused += !is_valid(doc);
    tried++;
    g_ptr_array_unref(c.elements);
    xmlFreeDoc(doc);
  }
  g_assert_cmpuint(tried, >, 2000);
  g_assert_cmpuint(refused, >, 500);
}

/* ---- what is refused ---- */

#define HEAD "<vnl xmlns=\"" VN_XML_NAMESPACE "\">"

/* The first line that is said begins like that. */
static void
expect(const char *xml, const char *wanted)
{
  g_auto(Unit) u = read_text("bad.xml", xml);
  g_autofree char *complaints = said(&u);
  if (!g_str_has_prefix(complaints, wanted))
    g_error("%s\ngives\n%s\nnot %s", xml, complaints, wanted);
}

static void
test_refused(void)
{
  expect("<!DOCTYPE vnl [<!ENTITY a \"aaaaaaaaaa\"><!ENTITY b \"&a;&a;&a;&a;&a;&a;&a;\">"
         "<!ENTITY c \"&b;&b;&b;&b;&b;&b;&b;&b;\">]>" HEAD "<let name=\"x\" value=\"&c;\"/></vnl>",
         "bad.xml:1:1: error[VN012]: a document type is never read");
  expect("<?xml version=\"1.0\"?>\n<!DOCTYPE vnl SYSTEM \"file:///etc/passwd\">\n" HEAD "</vnl>",
         "bad.xml:2:1: error[VN012]");
  expect("<!DOCTYPE vnl [<!ENTITY % p SYSTEM \"http://127.0.0.1:9/\"> %p;]>" HEAD "</vnl>",
         "bad.xml:1:1: error[VN012]");
  expect(HEAD "\n<let name=\"x\" value=\"&nothing;\"/></vnl>", "bad.xml:2:");
  expect(HEAD "\n<let name=\"x\" value=\"1\">\n</vnl>", "bad.xml:3:");
  expect(HEAD "\n  <host nmae=\"a\" on=\"lan\"/>\n</vnl>",
         "bad.xml:2:3: error[VN011]: `host` lacks");
  expect(HEAD "\n  <hots name=\"a\" on=\"lan\"/>\n</vnl>",
         "bad.xml:2:3: error[VN011]: `hots` may not stand in `vnl`");
  expect(HEAD "\n  <host name=\"a\" on=\"lan\" mermory=\"1MiB\"/>\n</vnl>",
         "bad.xml:2:27: error[VN011]: `host` has no attribute `mermory`");
  expect(HEAD "\n  <host name=\"a\"\n        on=\"lan, 5 +\"/>\n</vnl>", "bad.xml:3:");
  expect(HEAD "<host name=\"a\" on=\"lan], [b\"/></vnl>", "bad.xml:1:");
  expect(HEAD "<host name=\"a\" on=\"b]|[c\"/></vnl>", "bad.xml:1:");
  expect(HEAD "<host name=\"a; host b\" on=\"lan\"/></vnl>", "bad.xml:1:");
  expect(HEAD "<host name=\"task\" on=\"lan\"/></vnl>", "bad.xml:1:");
  expect(HEAD "<use module=\"a + b\"/></vnl>", "bad.xml:1:");
  expect(HEAD "<let name=\"x\" value=\"\"/></vnl>", "bad.xml:1:");
  expect(HEAD "text</vnl>", "bad.xml:1:1: error[VN011]: `vnl` holds elements");
  expect("<vnl/>", "bad.xml:1:1: error[VN011]");
  expect("<other xmlns=\"" VN_XML_NAMESPACE "\"/>", "bad.xml:1:1: error[VN011]");
  expect(HEAD "<let xmlns:x=\"urn:x\" x:name=\"a\" value=\"1\"/></vnl>", "bad.xml:1:");
  expect("", "bad.xml:1:1: error[VN012]");
  expect("<", "bad.xml:1:");
  expect("nothing", "bad.xml:1:");
}

static char *
nested(guint depth)
{
  GString *out = g_string_new(HEAD);
  for (guint i = 0; i < depth; i++)
    g_string_append(out, "<if condition=\"true\">\n");
  for (guint i = 0; i < depth; i++)
    g_string_append(out, "</if>");
  g_string_append(out, "</vnl>");
  return g_string_free(out, FALSE);
}

static void
test_bounds(void)
{
  g_autofree char *deep = nested(100000), *below = nested(VN_PARSE_MAX_DEPTH - 1);
  expect(deep, "bad.xml:250:1: error[VN006]");
  g_auto(Unit) u = read_text("good.xml", below);
  assert_good(&u, below);
  g_autoptr(GString) wide = g_string_new(HEAD "<let");
  for (guint i = 0; i < 100; i++)
    g_string_append_printf(wide, " a%u=\"1\"", i);
  g_string_append(wide, "/></vnl>");
  expect(wide->str, "bad.xml:1:");
  g_autoptr(GString) parens = g_string_new(HEAD "<let name=\"x\" value=\"");
  for (guint i = 0; i < 100000; i++)
    g_string_append_c(parens, '(');
  g_string_append(parens, "\"/></vnl>");
  expect(parens->str, "bad.xml:1:");
}

/* A long file: each place is its own line, beyond 65535 too. */
static void
test_places(void)
{
  g_autoptr(GString) text = g_string_new(HEAD "\n");
  for (guint i = 0; i < 69000; i++)
    g_string_append(text, "<!-- <x> -->\n");
  for (guint i = 0; i < 1000; i++)
    g_string_append_printf(text, "<!-- <x> --><let name=\"a%u\" value=\"%u\"/>\n", i, i);
  g_string_append(text, "<let name='b' value='1 &lt; 2 +'/>\n</vnl>");
  expect(text->str, "bad.xml:70002:");
}

static void
test_unwritable(void)
{
  g_auto(Unit) u = read_text("test.vnl", "action a() { script \"\"\"\nprintf '\a'\n\"\"\"; }");
  g_autoptr(GString) out = g_string_new(NULL);
  g_assert_false(vn_xml_write(u.file, out, u.sink));
  g_autofree char *complaints = said(&u);
  g_assert_nonnull(strstr(complaints, "VN012"));
}

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  load_schema();
  g_test_add_func("/xml/texts", test_texts);
  g_test_add_func("/xml/random", test_random);
  g_test_add_func("/xml/changes", test_changes);
  g_test_add_func("/xml/refused", test_refused);
  g_test_add_func("/xml/bounds", test_bounds);
  g_test_add_func("/xml/places", test_places);
  g_test_add_func("/xml/unwritable", test_unwritable);
  int status = g_test_run();
  xmlRelaxNGFree(schema);
  xmlCleanupParser();
  return status;
}
