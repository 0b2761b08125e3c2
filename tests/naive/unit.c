/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/naive/unit.h"

#include <string.h>

#include "base/diag-text.h"
#include "topology/complete.h"

void
unit_init(Unit *unit, const char *name, const char *text)
{
  static char *stdlib = NULL;
  if (stdlib == NULL)
    stdlib = g_test_build_filename(G_TEST_DIST, "..", "stdlib", NULL);
  VnCompileOptions options = {.stdlib_dir = stdlib};
  *unit = (Unit){.sources = vn_source_set_new(), .sink = vn_diag_sink_new()};
  unit->arena = vn_arena_new();
  unit->compiler = vn_compiler_new(unit->sources, unit->sink, &options);
  if (vn_compiler_load_text(unit->compiler, name, text, strlen(text)))
    unit->model = vn_compiler_model(unit->compiler, NULL, 0);
  if (unit->model != NULL && vn_topology_complete(unit->model, unit->sink))
    unit->graph = vn_graph_build(unit->model, unit->arena, unit->sink);
}

void
unit_clear(Unit *unit)
{
  vn_compiler_free(unit->compiler);
  vn_diag_sink_free(unit->sink);
  vn_source_set_free(unit->sources);
  vn_arena_free(unit->arena);
}

char *
unit_said(const Unit *unit)
{
  GString *out = g_string_new(NULL);
  vn_diag_render_all_text(unit->sink, unit->sources, FALSE, out);
  return g_string_free(out, FALSE);
}
