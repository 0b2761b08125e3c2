/* SPDX-License-Identifier: GPL-3.0-or-later */
/* libFuzzer target: whatever the bytes, parsing ends with a tree that can be walked; and of a text
 * without mistakes the formatter keeps the meaning, and formatting again changes nothing. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/diag-text.h"
#include "lang/dump.h"
#include "lang/parse.h"
#include "lang/parser.h"
#include "lang/print.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Parses as a file. The formatted text, or NULL after mistakes; meaning gets the tree. */
static char *
parse(const char *text, gsize size, GString *meaning)
{
  g_autoptr(VnSourceSet) sources = vn_source_set_new();
  g_autoptr(VnArena) arena = vn_arena_new();
  g_autoptr(VnDiagSink) sink = vn_diag_sink_new();
  const VnSource *source = vn_source_set_add(sources, "fuzz", text, size, NULL);
  if (source == NULL)
    return NULL;
  const VnAstFile *file = vn_parse_file(source, arena, vn_symbol_table_new(arena), sink);
  g_autoptr(GString) out = g_string_new(NULL);
  vn_ast_dump(file, out);
  vn_ast_dump_meaning(file, meaning);
  vn_diag_render_all_text(sink, sources, TRUE, out);
  return vn_diag_sink_has_errors(sink) ? NULL : vn_format_file(file);
}

/* As at the prompt, in two pieces. */
static void
feed(const char *text, gsize size)
{
  g_autoptr(VnSourceSet) sources = vn_source_set_new();
  g_autoptr(VnArena) arena = vn_arena_new();
  g_autoptr(VnDiagSink) sink = vn_diag_sink_new();
  g_autoptr(VnParser) parser =
      vn_parser_new(VN_PARSE_PROMPT, arena, vn_symbol_table_new(arena), sink);
  const gsize cut[] = {0, size / 2, size};
  for (guint i = 0; i < 2; i++) {
    const VnSource *source =
        vn_source_set_add(sources, "fuzz", text + cut[i], cut[i + 1] - cut[i], NULL);
    if (source == NULL)
      return;
    vn_parser_feed(parser, source);
    (void)vn_parser_input(parser);
    guint flags;
    g_free(vn_parser_expected(parser, &flags));
  }
  vn_parser_finish(parser);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  const char *text = (const char *)data;
  g_autoptr(GString) meaning = g_string_new(NULL), meaning_again = g_string_new(NULL);
  g_autofree char *formatted = parse(text, size, meaning);
  if (formatted != NULL) {
    g_autofree char *again = parse(formatted, strlen(formatted), meaning_again);
    if (again == NULL || strcmp(meaning->str, meaning_again->str) != 0 ||
        strcmp(formatted, again) != 0)
      abort();
  }
  feed(text, size);
  return 0;
}
