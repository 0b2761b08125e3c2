/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The formatter: what it makes of the samples stands beside them (tests/lang/NAME.formatted), and
 * for random programs, with white space and comments anywhere between their tokens: the meaning and
 * the comments stay, and formatting again changes nothing. */
#include <string.h>

#include "base/diag-text.h"
#include "lang/dump.h"
#include "lang/parse.h"
#include "lang/print.h"
#include "random-script.h"

typedef struct {
  char *said;      /* diagnostics */
  char *meaning;   /* the tree */
  char *comments;  /* one a line */
  char *formatted; /* NULL after errors */
} Result;

static void
result_clear(Result *r)
{
  g_free(r->said);
  g_free(r->meaning);
  g_free(r->comments);
  g_free(r->formatted);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Result, result_clear)

static char *
comments_of(const VnAstFile *file)
{
  GString *out = g_string_new(NULL);
  for (guint32 i = 0; i < file->n_comments; i++) {
    VnSpan span = file->comments[i].span;
    g_autofree char *text =
        g_strndup(file->source->text + (span.start - file->source->base), span.end - span.start);
    g_string_append_printf(out, "%s\n", g_strchomp(text));
  }
  return g_string_free(out, FALSE);
}

static Result
run(const char *text)
{
  g_autoptr(VnSourceSet) sources = vn_source_set_new();
  g_autoptr(VnArena) arena = vn_arena_new();
  g_autoptr(VnDiagSink) sink = vn_diag_sink_new();
  const VnSource *source = vn_source_set_add(sources, "test.vnl", text, strlen(text), NULL);
  const VnAstFile *file = vn_parse_file(source, arena, vn_symbol_table_new(arena), sink);
  GString *said = g_string_new(NULL), *meaning = g_string_new(NULL);
  vn_diag_render_all_text(sink, sources, FALSE, said);
  vn_ast_dump_meaning(file, meaning);
  return (Result){g_string_free(said, FALSE), g_string_free(meaning, FALSE), comments_of(file),
                  vn_diag_sink_has_errors(sink) ? NULL : vn_format_file(file)};
}

/* Returns the formatted text. */
static char *
check(const char *text)
{
  g_auto(Result) before = run(text);
  if (*before.said != '\0')
    g_error("%s\nis wrong:\n%s", text, before.said);
  g_auto(Result) after = run(before.formatted);
  if (*after.said != '\0')
    g_error("%s\nbecame\n%s\nwhich is wrong:\n%s", text, before.formatted, after.said);
  if (strcmp(before.meaning, after.meaning) != 0)
    g_error("%s\nbecame\n%s\nand means\n%s\nnot\n%s", text, before.formatted, after.meaning,
            before.meaning);
  if (strcmp(before.comments, after.comments) != 0)
    g_error("%s\nbecame\n%s\nand has other comments", text, before.formatted);
  if (strcmp(before.formatted, after.formatted) != 0)
    g_error("%s\nbecame\n%s\nand then\n%s", text, before.formatted, after.formatted);
  return g_steal_pointer(&before.formatted);
}

/* ---- samples ---- */

static void
check_golden(const char *path, const char *text)
{
  if (g_getenv("VNEC_UPDATE_GOLDEN") != NULL) {
    g_assert_true(g_file_set_contents(path, text, -1, NULL));
    return;
  }
  g_autofree char *expected = NULL;
  g_assert_true(g_file_get_contents(path, &expected, NULL, NULL));
  if (strcmp(expected, text) != 0)
    g_error("%s is\n%s\nbut should be\n%s", path, text, expected);
}

static void
test_samples(void)
{
  g_autofree char *folder = g_test_build_filename(G_TEST_DIST, "lang", NULL);
  g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
  g_assert_nonnull(dir);
  guint n = 0;
  for (const char *name; (name = g_dir_read_name(dir)) != NULL;) {
    if (!g_str_has_suffix(name, ".vnl"))
      continue;
    g_autofree char *path = g_build_filename(folder, name, NULL);
    g_autofree char *text = NULL;
    g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
    g_autofree char *formatted = check(text);
    g_autofree char *stem = g_strndup(path, strlen(path) - 4);
    g_autofree char *golden = g_strconcat(stem, ".formatted", NULL);
    check_golden(golden, formatted);
    n++;
  }
  g_assert_cmpuint(n, >, 4);
}

/* ---- random programs ---- */

static void
test_random(gconstpointer noise)
{
  g_autoptr(GRand) rand = g_rand_new_with_seed(99);
  for (guint round = 0; round < 4000; round++) {
    g_autofree char *text = random_script(rand, noise != NULL);
    g_free(check(text));
  }
}

/* ---- places of comments ---- */

static void
test_comments(void)
{
  static const char *const table[][2] = {
      {"# only a comment", "# only a comment\n"},
      {"", ""},
      {"\n\n\nlet a = 1;\n\n\n\n# x\n\n", "let a = 1;\n\n# x\n"},
      {"let a = 1 # x\n;", "let a = 1;  # x\n"},
      {"let a = 1;# x\nlet bcd = 2;   # y\n", "let a   = 1;  # x\nlet bcd = 2;  # y\n"},
      {"host a on lan # why\n memory 64MiB # enough\n;",
       "host a on lan    # why\n  memory 64MiB;  # enough\n"},
      {"for i in 1..3 { # first\n# second\n}", "for i in 1..3 {  # first\n  # second\n}\n"},
      {"if a { # x\n} else { # y\n}", "if a {  # x\n} else {  # y\n}\n"},
      {"let a = [1, # one\n2];", "let a = [1,  # one\n  2];\n"},
  };
  for (gsize i = 0; i < G_N_ELEMENTS(table); i++) {
    g_autofree char *formatted = check(table[i][0]);
    g_assert_cmpstr(formatted, ==, table[i][1]);
  }
}

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/format/samples", test_samples);
  g_test_add_func("/format/comments", test_comments);
  g_test_add_data_func("/format/random", NULL, test_random);
  g_test_add_data_func("/format/random-noise", "noise", test_random);
  return g_test_run();
}
