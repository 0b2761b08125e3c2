/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Every point of a sweep is compiled before anything runs: a mistake at the last point must not
 * be found after a night of trials at the others. */
#include "cmd/script.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "analyze/analyze.h"
#include "base/diag-text.h"
#include "cmd/paths.h"
#include "master/slave.h"
#include "topology/complete.h"

/* ---- options ---- */

static gboolean
apply_warnings(VnDiagSink *sink, char **warnings, GError **error)
{
  for (char **w = warnings; w != NULL && *w != NULL; w++) {
    if (strcmp(*w, "error") == 0) {
      vn_diag_sink_set_werror(sink, TRUE);
      continue;
    }
    gboolean known = g_str_has_prefix(*w, "no-") ? vn_diag_sink_disable(sink, *w + 3)
                                                 : vn_diag_sink_enable(sink, *w);
    if (!known) {
      g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE, "-W%s: no warning has that name",
                  *w);
      return FALSE;
    }
  }
  return TRUE;
}

static GArray *
parse_defines(char **texts, VnArena *arena, GError **error)
{
  g_autoptr(GArray) defines = g_array_new(FALSE, FALSE, sizeof(VnDefine));
  for (char **text = texts; text != NULL && *text != NULL; text++) {
    const char *equals = strchr(*text, '=');
    if (equals == NULL || equals == *text) {
      g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
                  "-D %s: NAME=VALUE is wanted", *text);
      return NULL;
    }
    VnDefine define = {vn_arena_strndup(arena, *text, (gsize)(equals - *text)),
                       vn_arena_strdup(arena, equals + 1)};
    g_array_append_val(defines, define);
  }
  return g_steal_pointer(&defines);
}

/* ---- what must be there before anything is deployed ---- */

static void
check_sites(const VnModel *model, VnDiagSink *sink)
{
  for (guint32 i = 0; i < model->n_sites; i++) {
    const VnSite *site = &model->sites[i];
    if (vn_slave_address_known(site->at))
      continue;
    VnDiag *diag = vn_diag_add(sink, VN_DIAG_VN403, site->span,
                               "site %s is at \"%s\", over the network: that is not built in yet",
                               site->name, site->at);
    vn_diag_hint(diag, "`at \"spawn\"` starts another slave on this machine; `at \"unix:/path\"` "
                       "connects to one that runs here");
  }
}

static void
check_files(const VnModel *model, const char *folder, VnDiagSink *sink)
{
  for (guint32 i = 0; i < model->topology.n_vms; i++) {
    const VnVm *vm = &model->topology.vms[i];
    for (guint32 k = 0; k < vm->n_files; k++) {
      g_autofree char *path = g_canonicalize_filename(vm->files[k].source, folder);
      struct stat info;
      int reason = stat(path, &info) != 0 || access(path, R_OK) != 0 ? errno : 0;
      if (reason != 0)
        vn_diag_add(sink, VN_DIAG_VN405, vm->files[k].span, "%s: %s", path, g_strerror(reason));
      else if (!S_ISREG(info.st_mode))
        vn_diag_add(sink, VN_DIAG_VN405, vm->files[k].span, "%s is no regular file", path);
    }
  }
}

/* ---- points ---- */

static gboolean
is_defined(const GArray *defines, const char *name)
{
  for (guint i = 0; i < defines->len; i++)
    if (strcmp(g_array_index(defines, VnDefine, i).name, name) == 0)
      return TRUE;
  return FALSE;
}

gboolean
vn_script_is_swept(const VnScript *script, const VnScriptOptions *options, const VnModel *model,
                   guint32 param)
{
  gsize length = strlen(model->params[param].name);
  for (char **text = options->defines; text != NULL && *text != NULL; text++)
    if (strncmp(*text, model->params[param].name, length) == 0 && (*text)[length] == '=')
      return FALSE;
  for (guint32 i = 0; i < model->n_sweeps; i++)
    if (model->sweeps[i].param == param)
      return TRUE;
  return FALSE;
}

/* The sweeps that no -D fixed. */
static GPtrArray *
open_sweeps(const VnModel *model, const GArray *defines)
{
  GPtrArray *sweeps = g_ptr_array_new();
  for (guint32 i = 0; i < model->n_sweeps; i++)
    if (!is_defined(defines, model->params[model->sweeps[i].param].name))
      g_ptr_array_add(sweeps, (gpointer)&model->sweeps[i]);
  return sweeps;
}

static guint64
count_points(const GPtrArray *sweeps)
{
  guint64 n = 1;
  for (guint i = 0; i < sweeps->len; i++) {
    n *= ((const VnSweep *)sweeps->pdata[i])->n_values;
    if (n > VN_SCRIPT_MAX_POINTS)
      return VN_SCRIPT_MAX_POINTS + 1;
  }
  return n;
}

/* The defines of point number `point`: the last sweep changes fastest. */
static GArray *
point_defines(VnScript *script, const VnModel *model, const GArray *defines,
              const GPtrArray *sweeps, guint64 point)
{
  GArray *all = g_array_new(FALSE, FALSE, sizeof(VnDefine));
  g_array_append_vals(all, defines->data, defines->len);
  for (guint i = sweeps->len; i-- > 0;) {
    const VnSweep *sweep = sweeps->pdata[i];
    g_autoptr(GString) text = g_string_new(NULL);
    vn_value_format(&sweep->values[point % sweep->n_values], vn_model_name_of, (gpointer)model,
                    text);
    point /= sweep->n_values;
    VnDefine define = {model->params[sweep->param].name,
                       vn_arena_strndup(script->arena, text->str, text->len)};
    g_array_append_val(all, define);
  }
  return all;
}

/* From a model to a point; FALSE: see the sink. */
static gboolean
finish_point(VnScript *script, VnModel *model, VnRunPoint *out)
{
  if (!vn_topology_complete(model, script->sink))
    return FALSE;
  check_sites(model, script->sink);
  (void)vn_topology_check_deployable(model, script->sink);
  if (script->network_only) {
    *out = (VnRunPoint){model, NULL};
    return !vn_diag_sink_has_errors(script->sink);
  }
  check_files(model, script->folder, script->sink);
  const VnGraph *graph = vn_graph_build(model, script->arena, script->sink);
  *out = (VnRunPoint){model, graph};
  if (graph != NULL)
    vn_analyze(graph, NULL, script->sink);
  return graph != NULL && !vn_diag_sink_has_errors(script->sink);
}

static void
compile_points(VnScript *script, const GArray *defines)
{
  VnModel *first = vn_compiler_model(script->compiler, (const VnDefine *)(gpointer)defines->data,
                                     defines->len);
  VnModel *network = vn_compiler_network(script->compiler);
  if (first == NULL && network != NULL)
    (void)vn_topology_complete(network, script->sink); /* its mistakes too */
  if (first == NULL)
    return;
  g_autoptr(GPtrArray) sweeps = open_sweeps(first, defines);
  guint64 n = count_points(sweeps);
  if (n > VN_SCRIPT_MAX_POINTS) {
    vn_diag_add(script->sink, VN_DIAG_VN117, VN_SPAN_NONE,
                "the sweep has more than %u points", VN_SCRIPT_MAX_POINTS);
    return;
  }
  script->points = vn_arena_array0(script->arena, VnRunPoint, n);
  for (guint64 i = 0; i < n; i++) {
    g_autoptr(GArray) these = point_defines(script, first, defines, sweeps, i);
    VnModel *model = sweeps->len == 0
                         ? first
                         : vn_compiler_model(script->compiler,
                                             (const VnDefine *)(gpointer)these->data, these->len);
    if (model == NULL || !finish_point(script, model, &script->points[i]))
      return;
  }
  script->n_points = (guint32)n;
}

/* ---- life ---- */

void
vn_script_options_clear(VnScriptOptions *options)
{
  g_strfreev(options->defines);
  g_strfreev(options->include_dirs);
  g_strfreev(options->warnings);
  g_free(options->rules);
}

VnScript *
vn_script_load(const VnScriptOptions *options, GError **error)
{
  if (strcmp(options->path, "-") != 0 && access(options->path, R_OK) != 0) {
    g_set_error(error, G_FILE_ERROR, g_file_error_from_errno(errno), "%s: %s", options->path,
                g_strerror(errno));
    return NULL;
  }
  g_autoptr(VnScript) script = g_new0(VnScript, 1);
  script->sources = vn_source_set_new();
  script->sink = vn_diag_sink_new();
  script->arena = vn_arena_new();
  script->stdlib = options->stdlib != NULL ? g_strdup(options->stdlib) : vn_paths_stdlib();
  g_autofree char *parent = g_path_get_dirname(options->path);
  const char *folder = options->folder != NULL ? options->folder : parent;
  script->folder = g_canonicalize_filename(folder, NULL);
  if (options->rules != NULL && strcmp(options->rules, "paper") != 0) {
    g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
                "--rules=%s: only `paper` is known", options->rules);
    return NULL;
  }
  g_autoptr(GArray) defines = parse_defines(options->defines, script->arena, error);
  if (defines == NULL || !apply_warnings(script->sink, options->warnings, error))
    return NULL;
  VnCompileOptions compile = {(const char *const *)options->include_dirs, script->stdlib,
                              options->rules != NULL};
  script->compiler = vn_compiler_new(script->sources, script->sink, &compile);
  (void)vn_compiler_load(script->compiler, options->path);
  script->network_only = options->network_only;
  compile_points(script, defines);
  return g_steal_pointer(&script);
}

void
vn_script_free(VnScript *script)
{
  if (script == NULL)
    return;
  vn_compiler_free(script->compiler);
  vn_diag_sink_free(script->sink);
  vn_source_set_free(script->sources);
  vn_arena_free(script->arena);
  g_free(script->folder);
  g_free(script->stdlib);
  g_free(script);
}

void
vn_script_print_diagnostics(VnScript *script, gboolean colour, gboolean notes)
{
  const GPtrArray *all = vn_diag_sink_sorted(script->sink);
  g_autoptr(GString) text = g_string_new(NULL);
  for (guint i = 0; i < all->len; i++) {
    const VnDiag *diag = all->pdata[i];
    gboolean undecided =
        diag->severity == VN_SEVERITY_NOTE && vn_diag_info(diag->code)->severity > VN_SEVERITY_NOTE;
    if (notes || undecided || diag->severity != VN_SEVERITY_NOTE)
      vn_diag_render_text(diag, script->sources, colour, text);
  }
  g_printerr("%s", text->str);
}
