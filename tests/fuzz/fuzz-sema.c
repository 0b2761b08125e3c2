/* SPDX-License-Identifier: GPL-3.0-or-later */
/* libFuzzer target: whatever the text, compiling it, completing its network and building its graph
 * end, with a model or with an error. Numbers of five digits and more are left to the unit tests
 * of the bounds: a network of a million hosts finds nothing that one of a thousand does not. */
#include <stdint.h>
#include <stdlib.h>

#include "base/diag-text.h"
#include "plan/graph.h"
#include "sema/compile.h"
#include "topology/complete.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static gboolean
has_large_number(const uint8_t *data, size_t size)
{
  guint digits = 0;
  for (size_t i = 0; i < size; i++) {
    digits = g_ascii_isdigit(data[i]) || (data[i] == '_' && digits > 0) ? digits + 1 : 0;
    if (digits > 3)
      return TRUE;
  }
  return FALSE;
}

static void
compile(VnCompiler *compiler, VnDiagSink *sink, const VnDefine *defines, gsize n_defines)
{
  VnModel *model = vn_compiler_model(compiler, defines, n_defines);
  if (model == NULL && !vn_diag_sink_has_errors(sink))
    abort();
  if (model == NULL)
    model = vn_compiler_network(compiler);
  if (model == NULL || !vn_topology_complete(model, sink))
    return;
  g_autoptr(VnArena) arena = vn_arena_new();
  vn_graph_build(model, arena, sink);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  if (has_large_number(data, size))
    return -1;
  const VnCompileOptions options = {.stdlib_dir = "stdlib"};
  g_autoptr(VnSourceSet) sources = vn_source_set_new();
  g_autoptr(VnDiagSink) sink = vn_diag_sink_new();
  g_autoptr(VnCompiler) compiler = vn_compiler_new(sources, sink, &options);
  (void)vn_compiler_load_text(compiler, "fuzz", (const char *)data, size);
  const VnDefine define = {"n", "3"};
  compile(compiler, sink, NULL, 0);
  compile(compiler, sink, &define, 1);
  g_autoptr(GString) out = g_string_new(NULL);
  vn_diag_render_all_text(sink, sources, TRUE, out);
  return 0;
}
