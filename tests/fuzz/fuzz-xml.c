/* SPDX-License-Identifier: GPL-3.0-or-later */
/* libFuzzer target: whatever the text, reading it as XML ends, with a tree or with an error; a tree
 * that is right can be written, and what was written is read back and written as the same text. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/diag-text.h"
#include "xml/xml.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The text again; NULL: it was wrong, or can't be written. */
static char *
rewrite(const char *name, const char *text, size_t size)
{
  g_autoptr(VnSourceSet) sources = vn_source_set_new();
  g_autoptr(VnDiagSink) sink = vn_diag_sink_new();
  g_autoptr(VnArena) arena = vn_arena_new();
  const VnSource *source = vn_source_set_add(sources, name, text, size, NULL);
  if (source == NULL)
    return NULL;
  const VnAstFile *file = vn_xml_read(source, arena, vn_symbol_table_new(arena), sink);
  g_autoptr(GString) out = g_string_new(NULL);
  vn_diag_render_all_text(sink, sources, TRUE, out);
  g_string_truncate(out, 0);
  gboolean good = !vn_diag_sink_has_errors(sink);
  return good && vn_xml_write(file, out, sink) ? g_strdup(out->str) : NULL;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  g_autofree char *once = rewrite("fuzz.xml", (const char *)data, size);
  if (once == NULL)
    return 0;
  g_autofree char *twice = rewrite("again.xml", once, strlen(once));
  if (twice != NULL && strcmp(once, twice) != 0)
    abort();
  return 0;
}
