/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Reads one file and parses it, nothing else: what the front end costs. `bench-parse FILE`. */
#include <stdio.h>

#include "base/diag-text.h"
#include "lang/parse.h"

int
main(int argc, char **argv)
{
  if (argc != 2) {
    fputs("usage: bench-parse FILE\n", stderr);
    return 2;
  }
  g_autoptr(GError) error = NULL;
  VnSourceSet *sources = vn_source_set_new();
  const VnSource *source = vn_source_set_load(sources, argv[1], &error);
  if (source == NULL) {
    fprintf(stderr, "%s\n", error->message);
    return 2;
  }
  VnArena *arena = vn_arena_new();
  VnDiagSink *sink = vn_diag_sink_new();
  gint64 start = g_get_monotonic_time();
  const VnAstFile *file = vn_parse_file(source, arena, vn_symbol_table_new(arena), sink);
  double seconds = (double)(g_get_monotonic_time() - start) / 1e6;
  printf("%u bytes, %u declarations, %zu bytes of tree, %.1f MB/s\n", source->size, file->decls.n,
         vn_arena_used(arena), source->size / 1e6 / seconds);
  return vn_diag_sink_has_errors(sink) ? 1 : 0; /* the process ends: nothing is freed */
}
