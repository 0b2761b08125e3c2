/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The scanner, the grammar and the push parser. Golden files: tests/lang/NAME.vnl and its tree
 * NAME.ast; tests/diag/syntax/NAME.vnl and what is said about it, NAME.expected.
 * VNEC_UPDATE_GOLDEN=1 writes them anew. */
#include <string.h>

#include "base/diag-text.h"
#include "lang/dump.h"
#include "lang/parse.h"
#include "lang/parser.h"

typedef struct {
  VnSourceSet *sources;
  VnArena *arena;
  VnSymbolTable *symbols;
  VnDiagSink *sink;
} Text;

static void
text_init(Text *t)
{
  t->sources = vn_source_set_new();
  t->arena = vn_arena_new();
  t->symbols = vn_symbol_table_new(t->arena);
  t->sink = vn_diag_sink_new();
}

static void
text_clear(Text *t)
{
  vn_diag_sink_free(t->sink);
  vn_arena_free(t->arena);
  vn_source_set_free(t->sources);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Text, text_clear)

static const VnSource *
add(Text *t, const char *text)
{
  g_autoptr(GError) error = NULL;
  const VnSource *source = vn_source_set_add(t->sources, "test.vnl", text, strlen(text), &error);
  g_assert_no_error(error);
  return source;
}

static char *
diagnostics(Text *t)
{
  GString *out = g_string_new(NULL);
  vn_diag_render_all_text(t->sink, t->sources, FALSE, out);
  return g_string_free(out, FALSE);
}

/* The tree of a text without mistakes, without places. */
static char *
tree_of(const char *text)
{
  g_auto(Text) t;
  text_init(&t);
  const VnAstFile *file = vn_parse_file(add(&t, text), t.arena, t.symbols, t.sink);
  g_autofree char *said = diagnostics(&t);
  g_assert_cmpstr(said, ==, "");
  GString *out = g_string_new(NULL);
  vn_ast_dump_meaning(file, out);
  return g_string_free(out, FALSE);
}

static void
assert_tree(const char *text, const char *expected)
{
  g_autofree char *tree = tree_of(text);
  if (!g_str_has_suffix(tree, expected))
    g_error("%s\ngave\n%s\nnot\n%s", text, tree, expected);
}

/* The first diagnostic of a text: "VN002 5:7 message". */
static void
assert_says(const char *text, const char *expected)
{
  g_auto(Text) t;
  text_init(&t);
  vn_parse_file(add(&t, text), t.arena, t.symbols, t.sink);
  const GPtrArray *diags = vn_diag_sink_sorted(t.sink);
  g_assert_cmpuint(diags->len, >, 0);
  const VnDiag *diag = g_ptr_array_index(diags, 0);
  VnLocation at = vn_source_set_locate(t.sources, diag->span.start);
  g_autofree char *said = g_strdup_printf("%s %u:%u %s", vn_diag_info(diag->code)->code, at.line,
                                          at.column, diag->message);
  g_assert_cmpstr(said, ==, expected);
}

/* ---- golden files ---- */

static void
check_golden(const char *path, const char *text)
{
  if (g_getenv("VNEC_UPDATE_GOLDEN") != NULL) {
    g_assert_true(g_file_set_contents(path, text, -1, NULL));
    return;
  }
  g_autofree char *expected = NULL;
  g_autoptr(GError) error = NULL;
  g_file_get_contents(path, &expected, NULL, &error);
  g_assert_no_error(error);
  if (strcmp(expected, text) != 0)
    g_error("%s is\n%s\nbut should be\n%s", path, text, expected);
}

static void
each_file(const char *folder, const char *suffix, gboolean trees)
{
  g_autofree char *path = g_test_build_filename(G_TEST_DIST, folder, NULL);
  g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
  g_assert_nonnull(dir);
  guint n = 0;
  for (const char *name; (name = g_dir_read_name(dir)) != NULL;) {
    if (!g_str_has_suffix(name, ".vnl"))
      continue;
    g_auto(Text) t;
    text_init(&t);
    g_autofree char *file_path = g_build_filename(path, name, NULL);
    g_autofree char *contents = NULL;
    g_assert_true(g_file_get_contents(file_path, &contents, NULL, NULL));
    const VnSource *source = vn_source_set_add(t.sources, name, contents, strlen(contents), NULL);
    const VnAstFile *file = vn_parse_file(source, t.arena, t.symbols, t.sink);
    g_autofree char *said = diagnostics(&t);
    g_autoptr(GString) tree = g_string_new(NULL);
    vn_ast_dump(file, tree);
    g_autofree char *stem = g_strndup(file_path, strlen(file_path) - 4);
    g_autofree char *golden = g_strconcat(stem, suffix, NULL);
    if (trees)
      g_assert_cmpstr(said, ==, "");
    check_golden(golden, trees ? tree->str : said);
    n++;
  }
  g_assert_cmpuint(n, >, 4);
}

static void
test_trees(void)
{
  each_file("lang", ".ast", TRUE);
}

static void
test_diagnostics(void)
{
  each_file("diag/syntax", ".expected", FALSE);
}

/* ---- literals ---- */

static void
test_literals(void)
{
  static const char *const table[][2] = {
      {"42", "INT 42"},
      {"1_000", "INT 1000"},
      {"9223372036854775807", "INT 9223372036854775807"},
      {"2.5", "FLOAT 2.5"},
      {"1_0.2_5", "FLOAT 10.25"},
      {"1%", "PERCENT 1"},
      {"0.5%", "PERCENT 0.5"},
      {"500us", "QUANTITY 500000ns"},
      {"1.5s", "QUANTITY 1500000000ns"},
      {"1h", "QUANTITY 3600000000000ns"},
      {"2562047h", "QUANTITY 9223369200000000000ns"},
      {"64KiB", "QUANTITY 65536B"},
      {"10MB", "QUANTITY 10000000B"},
      {"1.5KiB", "QUANTITY 1536B"},
      {"10mbit", "QUANTITY 10000000bit"},
      {"0.5gbit", "QUANTITY 500000000bit"},
      {"10.0.0.1", "ADDRESS 10.0.0.1"},
      {"fd00::1", "ADDRESS fd00::1"},
      {"::", "ADDRESS ::"},
      {"::1", "ADDRESS ::1"},
      {"::ffff:1.2.3.4", "ADDRESS ::ffff:1.2.3.4"},
      {"1:2:3:4:5:6:7:8", "ADDRESS 1:2:3:4:5:6:7:8"},
      {"a::", "ADDRESS a::"},
      {"10.0.0.0/24", "PREFIX 10.0.0.0/24"},
      {"10.0.0.10/24", "PREFIX 10.0.0.10/24"},
      {"fd00::/64", "PREFIX fd00::/64"},
      {"::/0", "PREFIX ::/0"},
      {"52:54:00:00:00:01", "MAC 52:54:00:00:00:01"},
      {"true", "BOOL 1"},
      {"/a\\/b [c]+/", "REGEX \"a\\\\/b [c]+\""},
  };
  for (gsize i = 0; i < G_N_ELEMENTS(table); i++) {
    g_autofree char *text = g_strdup_printf("let x = %s;", table[i][0]);
    g_autofree char *tree = g_strdup_printf("LET x\n  %s\n", table[i][1]);
    assert_tree(text, tree);
  }
}

static void
test_bad_literals(void)
{
  assert_says("let x = 5m;", "VN002 1:9 `5m` is no literal");
  assert_says("let x = 1_;", "VN002 1:9 `1_` is no literal");
  assert_says("let x = 10.0.0.300;", "VN002 1:9 `10.0.0.300` is no address");
  assert_says("let x = 10.0.0.1/33;", "VN002 1:9 `10.0.0.1/33` is no prefix");
  assert_says("let x = 9223372036854775808;",
              "VN009 1:9 `9223372036854775808` is more than 9223372036854775807");
  assert_says("let x = 2562048h;", "VN009 1:9 `2562048h` is too large");
  assert_says("let x = 1::2::3;", "VN002 1:9 `1::2::3` is no address");
}

/* ---- strings ---- */

static void
test_strings(void)
{
  static const char *const table[][2] = {
      {"\"\"", ""},
      {"\"a }b {{c\"", "a }b {c"},
      {"\"\\n\\t\\\\\\\"\\u{41}\"", "\\n\\t\\\\\\\"A"},
      {"r\"a\\n{b}\"", "a\\\\n{b}"},
      {"\"\"\"one\"\"\"", "one"},
      {"\"\"\"\n  a\n    b\n  \"\"\"", "a\\n  b\\n"},
      {"\"\"\"\n  a\n\n   \n  b\"\"\"", "a\\n\\n\\nb"},
      {"\"\"\"\n    a\n  \"\"\"", "  a\\n"},
      {"\"\"\"a\n    b\n    c\"\"\"", "a\\nb\\nc"},
      {"\"\"\"\r\n  a\r\n  b\r\n  \"\"\"", "a\\nb\\n"},
      {"\"\"\"say \"hi\" \"\"\"", "say \\\"hi\\\" "},
      {"r\"\"\"\n  \\d{2}\n  \"\"\"", "\\\\d{2}\\n"},
      {"\"\"\"\"\"\"", ""},
  };
  for (gsize i = 0; i < G_N_ELEMENTS(table); i++) {
    g_autofree char *text = g_strdup_printf("let x = %s;", table[i][0]);
    g_autofree char *tree = g_strdup_printf("LET x\n  STRING \"%s\"\n", table[i][1]);
    assert_tree(text, tree);
  }
  assert_tree("let x = \"a{b}c{\"d{e}\"}{{\";", "LET x\n"
                                                "  INTERPOLATION\n"
                                                "    STRING \"a\"\n"
                                                "    NAME b\n"
                                                "    STRING \"c\"\n"
                                                "    INTERPOLATION\n"
                                                "      STRING \"d\"\n"
                                                "      NAME e\n"
                                                "      STRING \"\"\n"
                                                "    STRING \"{\"\n");
  assert_tree("let x = \"{ {a} }\";", "    STRING \"\"\n"
                                      "    SET\n"
                                      "      NAME a\n"
                                      "    STRING \"\"\n");
  assert_tree("action a() { script \"\"\"\n  x \\n {y}\n  \"\"\"; }",
              "    STRING \"x \\\\n {y}\\n\"\n");
}

/* ---- expressions ---- */

/* The expression with every operation in parentheses. */
static void
append_grouped(GString *out, const VnAst *node)
{
  if (node->kind == VN_AST_BINARY) {
    const VnAstBinary *binary = (const VnAstBinary *)node;
    g_string_append_c(out, '(');
    append_grouped(out, binary->left);
    g_string_append_printf(out, " %s ", vn_op_text(binary->op));
    append_grouped(out, binary->right);
    g_string_append_c(out, ')');
  } else if (node->kind == VN_AST_UNARY) {
    g_string_append_printf(out, "(%s ", vn_op_text(((const VnAstUnary *)node)->op));
    append_grouped(out, ((const VnAstUnary *)node)->operand);
    g_string_append_c(out, ')');
  } else if (node->kind == VN_AST_CONVERT) {
    g_string_append_c(out, '(');
    append_grouped(out, ((const VnAstConvert *)node)->operand);
    g_string_append_printf(out, " in %s)", ((const VnAstConvert *)node)->unit.symbol->text);
  } else if (node->kind == VN_AST_MEMBER) {
    append_grouped(out, ((const VnAstMember *)node)->base);
    g_string_append_printf(out, ".%s", ((const VnAstMember *)node)->name.symbol->text);
  } else if (node->kind == VN_AST_NAME)
    g_string_append(out, ((const VnAstName *)node)->name.symbol->text);
  else
    g_string_append(out, vn_ast_kind_text(node->kind));
}

static void
test_precedence(void)
{
  static const char *const table[][2] = {
      {"a or b and not c == d", "(a or (b and (not (c == d))))"},
      {"a and b or c and d", "((a and b) or (c and d))"},
      {"a .. b | c", "(a .. (b | c))"},
      {"a | b & c in s", "(a | (b & (c in s)))"},
      {"a + b in ms", "((a + b) in ms)"},
      {"a in ms in s", "((a in ms) in s)"},
      {"a + b * -c.d", "(a + (b * (- c.d)))"},
      {"a - b - c", "((a - b) - c)"},
      {"a / b % c * d", "(((a / b) % c) * d)"},
      {"a == b + c .. d", "(a == ((b + c) .. d))"},
      {"- a - - b", "((- a) - (- b))"},
      {"not not a", "(not (not a))"},
  };
  for (gsize i = 0; i < G_N_ELEMENTS(table); i++) {
    g_auto(Text) t;
    text_init(&t);
    const VnAst *node = vn_parse_expression(add(&t, table[i][0]), t.arena, t.symbols, t.sink);
    g_autofree char *said = diagnostics(&t);
    g_assert_cmpstr(said, ==, "");
    g_autoptr(GString) grouped = g_string_new(NULL);
    append_grouped(grouped, node);
    g_assert_cmpstr(grouped->str, ==, table[i][1]);
  }
}

static void
test_expression_alone(void)
{
  static const char *const wrong[] = {"", "1 +", "1;", "1 2", "host", "{", "\"a"};
  for (gsize i = 0; i < G_N_ELEMENTS(wrong); i++) {
    g_auto(Text) t;
    text_init(&t);
    g_assert_null(vn_parse_expression(add(&t, wrong[i]), t.arena, t.symbols, t.sink));
    g_assert_cmpuint(vn_diag_sink_count(t.sink, VN_SEVERITY_ERROR), ==, 1);
  }
}

static void
test_regex_or_division(void)
{
  assert_tree("let x = a / b / c;", "  BINARY /\n    BINARY /\n      NAME a\n      NAME b\n"
                                    "    NAME c\n");
  assert_tree("let x = f(/a/, b[1] / 2);",
              "      ARGUMENT\n        REGEX \"a\"\n      ARGUMENT\n        BINARY /\n"
              "          INDEX\n            NAME b\n            INT 1\n          INT 2\n");
  assert_tree("let x = 10.0.0.10 / 24;", "  BINARY /\n    ADDRESS 10.0.0.10\n    INT 24\n");
  assert_tree("let x = i % 4;", "  BINARY %\n    NAME i\n    INT 4\n");
  assert_says("let x = 10%4;", "VN001 1:12 expected `;` after `10%`, not `4`");
}

/* ---- words ---- */

static void
test_words_as_names(void)
{
  assert_tree("task delay = memory: ping(address, port=tcp);",
              "TASK delay\n  .targets\n    NAME memory\n  .call\n    CALL\n      NAME ping\n"
              "      .arguments\n        ARGUMENT\n          NAME address\n        ARGUMENT port\n"
              "          NAME tcp\n");
  assert_tree("let x = a.host.after.if;",
              "  MEMBER .if\n    MEMBER .after\n      MEMBER .host\n        NAME a\n");
  assert_tree("image x { host; for 5; when y; }", "  KEY host\n  KEY for\n    INT 5\n  KEY when\n"
                                                  "    NAME y\n");
  assert_tree("segment s key delay 5ms;", "  .prefix\n    NAME key\n"
                                          "  PROPERTY delay\n    QUANTITY 5000000ns\n");
  assert_tree("host h on a memory memory memory 5;",
              "  PROPERTY memory\n    NAME memory\n  PROPERTY memory\n    INT 5\n");
}

static void
test_docs(void)
{
  assert_tree("## not this\n\n## one\n##two\nhost a on b;", "HOST a \"one\\ntwo\"\n  .segments\n"
                                                            "    NAME b\n");
  assert_tree("let a = 1; ## of a\nlet b = 2;", "LET a\n  INT 1\nLET b\n  INT 2\n");
  assert_tree("##  one  \t\n##\n##x\r\nlet b = 2;", "LET b \" one\\n\\nx\"\n  INT 2\n");
  assert_tree("## d\n# c\nlet b = 2;", "LET b\n  INT 2\n");
  assert_tree("if x {\n  ## in\n  let b = 2;\n}", "    LET b \"in\"\n      INT 2\n");
}

/* ---- bounds ---- */

static void
assert_too_deep(const char *before, const char *repeated, const char *after, guint n)
{
  GString *text = g_string_new(before);
  for (guint i = 0; i < n; i++)
    g_string_append(text, repeated);
  g_string_append(text, after);
  g_auto(Text) t;
  text_init(&t);
  vn_parse_file(add(&t, text->str), t.arena, t.symbols, t.sink);
  const GPtrArray *diags = vn_diag_sink_sorted(t.sink);
  gboolean found = FALSE;
  for (guint i = 0; i < diags->len; i++)
    found |= ((const VnDiag *)g_ptr_array_index(diags, i))->code == VN_DIAG_VN006;
  g_assert_true(found);
  g_string_free(text, TRUE);
}

static void
test_depth(void)
{
  assert_too_deep("let a = ", "(", "", 100000);
  assert_too_deep("let a = ", "[{f(", "", 100000);
  assert_too_deep("let a = ", "- ", "1;", 100000);
  assert_too_deep("let a = ", "not ", "1;", 300);
  assert_too_deep("let a = 1", " + 1", ";", 100000);
  assert_too_deep("let a = b", ".c", ";", 1000);
  assert_too_deep("let a = b", "[1]", ";", 1000);
  assert_too_deep("", "if x { ", "", 100000);
  assert_too_deep("if x {} ", "else if x {} ", "", 1000);
  assert_too_deep("let a = ", "\"{", "", 100000);
  assert_too_deep("param p: ", "list<", "int", 100000);
  assert_too_deep("param p: int", "|int", ";", 1000);
  g_autoptr(GString) fits = g_string_new("let a = 1");
  for (guint i = 0; i < VN_PARSE_MAX_DEPTH - 1; i++)
    g_string_append(fits, " + 1");
  g_string_append(fits, ";");
  g_free(tree_of(fits->str));
}

/* Pieces of text in any order: whatever is said, nothing breaks, and reading comes to an end. */
static void
test_soup(void)
{
  static const char *const pieces[] = {
      "host ",     "a ",         "on ",      "lan",      ";",        "{",       "}",
      "(",         ")",          "[",        "]",        ",",        "=",       ":",
      "\"",        "\"x\"",      "\"{",      "\"\"\"",   "/",        "/x/ ",    "#c\n",
      "##d\n",     "\n",         " ",        "for ",     "in ",      "1..3 ",   "if ",
      "else ",     "action ",    "task ",    "image ",   "run ",     "script ", "5m ",
      "10.0.0.1 ", "fd00::/64 ", "|",        "&",        "-",        "not ",    "==",
      "<",         ">",          ">=",       "->",       "flow ",    "let ",    ".",
      "..",        "\\",         "ä",        "'",        "returns ", "parse ",  "requires ",
      "native ",   "after ",     "segment ", "address ", "1%",       "%"};
  g_autoptr(GRand) rand = g_rand_new_with_seed(4711);
  for (guint round = 0; round < 20000; round++) {
    g_autoptr(GString) text = g_string_new(NULL);
    guint n = (guint)g_rand_int_range(rand, 1, 40);
    for (guint i = 0; i < n; i++)
      g_string_append(text, pieces[g_rand_int_range(rand, 0, G_N_ELEMENTS(pieces))]);
    g_auto(Text) t;
    text_init(&t);
    const VnAstFile *file = vn_parse_file(add(&t, text->str), t.arena, t.symbols, t.sink);
    g_autoptr(GString) tree = g_string_new(NULL);
    vn_ast_dump(file, tree);
    g_free(diagnostics(&t));
  }
}

/* ---- the push parser ---- */

static VnInput
input_of(VnParseMode mode, const char *text)
{
  g_auto(Text) t;
  text_init(&t);
  g_autoptr(VnParser) p = vn_parser_new(mode, t.arena, t.symbols, t.sink);
  vn_parser_feed(p, add(&t, text));
  return vn_parser_input(p);
}

static void
test_prompt_input(void)
{
  static const struct {
    const char *text;
    VnInput input;
  } table[] = {
      {"", VN_INPUT_COMPLETE},
      {"host a on lan;", VN_INPUT_COMPLETE},
      {"host a on lan", VN_INPUT_COMPLETE},
      {"host a on", VN_INPUT_OPEN},
      {"for i in 1..3 {", VN_INPUT_OPEN},
      {"for i in 1..3 {\n host h[i] on lan;", VN_INPUT_OPEN},
      {"for i in 1..3 {\n host h[i] on lan;\n}", VN_INPUT_COMPLETE},
      {"wait(5s)", VN_INPUT_COMPLETE},
      {"alice: ping(bob) after x", VN_INPUT_COMPLETE},
      {"ping(", VN_INPUT_OPEN},
      {"1 +", VN_INPUT_OPEN},
      {"let s = \"\"\"\n  abc", VN_INPUT_OPEN},
      {"let s = \"abc", VN_INPUT_WRONG},
      {"host a in lan", VN_INPUT_WRONG},
      {"}", VN_INPUT_WRONG},
  };
  for (gsize i = 0; i < G_N_ELEMENTS(table); i++) {
    g_test_message("%s", table[i].text);
    g_assert_cmpint(input_of(VN_PARSE_PROMPT, table[i].text), ==, table[i].input);
  }
  g_assert_cmpint(input_of(VN_PARSE_EXPRESSION, ""), ==, VN_INPUT_OPEN);
  g_assert_cmpint(input_of(VN_PARSE_EXPRESSION, "1 + 2"), ==, VN_INPUT_COMPLETE);
  g_assert_cmpint(input_of(VN_PARSE_FILE, "let a = 1"), ==, VN_INPUT_OPEN);
}

static void
test_prompt_tasks(void)
{
  g_auto(Text) t;
  text_init(&t);
  g_autoptr(VnParser) p = vn_parser_new(VN_PARSE_PROMPT, t.arena, t.symbols, t.sink);
  vn_parser_feed(p, add(&t, "wait(5s);\nalice: ping(bob)"));
  const VnAstFile *file = vn_parser_finish(p);
  g_autoptr(GString) tree = g_string_new(NULL);
  vn_ast_dump_meaning(file, tree);
  g_assert_cmpstr(tree->str, ==,
                  "TASK\n  .call\n    CALL\n      NAME wait\n      .arguments\n        ARGUMENT\n"
                  "          QUANTITY 5000000000ns\n"
                  "TASK\n  .targets\n    NAME alice\n  .call\n    CALL\n      NAME ping\n"
                  "      .arguments\n        ARGUMENT\n          NAME bob\n");
  g_assert_false(vn_diag_sink_has_errors(t.sink));
}

/* Fed in two pieces. */
static void
test_pieces(void)
{
  g_auto(Text) t;
  text_init(&t);
  g_autoptr(VnParser) p = vn_parser_new(VN_PARSE_FILE, t.arena, t.symbols, t.sink);
  vn_parser_feed(p, add(&t, "host a on"));
  g_assert_cmpint(vn_parser_input(p), ==, VN_INPUT_OPEN);
  vn_parser_feed(p, add(&t, " lan;"));
  g_assert_cmpint(vn_parser_input(p), ==, VN_INPUT_COMPLETE);
  g_assert_cmpuint(vn_parser_finish(p)->decls.n, ==, 1);
}

static void
assert_expects(const char *text, const char *words, guint flags)
{
  g_auto(Text) t;
  text_init(&t);
  g_autoptr(VnParser) p = vn_parser_new(VN_PARSE_FILE, t.arena, t.symbols, t.sink);
  vn_parser_feed(p, add(&t, text));
  guint found;
  g_autofree const char **expected = vn_parser_expected(p, &found);
  g_autofree char *joined = g_strjoinv(" ", (char **)expected);
  g_assert_cmpstr(joined, ==, words);
  g_assert_cmpuint(found, ==, flags);
}

static void
test_expected(void)
{
  assert_expects("host", "", VN_EXPECT_NAME);
  assert_expects("host a", "on [", 0);
  assert_expects("site a at b", "in and or key ; ( [ + - * / % | & . < > .. == != <= >=", 0);
  assert_expects("action a(x: int)", "background returns {", 0);
  assert_expects("image a { os linux; }",
                 "experiment use param let rules site image segment network "
                 "host router group for if task action flow expect measure seed trials sweep",
                 0);
}

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/parse/trees", test_trees);
  g_test_add_func("/parse/diagnostics", test_diagnostics);
  g_test_add_func("/parse/literals", test_literals);
  g_test_add_func("/parse/bad-literals", test_bad_literals);
  g_test_add_func("/parse/strings", test_strings);
  g_test_add_func("/parse/precedence", test_precedence);
  g_test_add_func("/parse/expression-alone", test_expression_alone);
  g_test_add_func("/parse/regex-or-division", test_regex_or_division);
  g_test_add_func("/parse/words-as-names", test_words_as_names);
  g_test_add_func("/parse/docs", test_docs);
  g_test_add_func("/parse/depth", test_depth);
  g_test_add_func("/parse/soup", test_soup);
  g_test_add_func("/parse/prompt-input", test_prompt_input);
  g_test_add_func("/parse/prompt-tasks", test_prompt_tasks);
  g_test_add_func("/parse/pieces", test_pieces);
  g_test_add_func("/parse/expected", test_expected);
  return g_test_run();
}
