/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The front door: load, check once, evaluate as often as asked. */
#include "sema/compile.h"

#include "sema/eval.h"

#include <string.h>

VnCompiler *
vn_compiler_new(VnSourceSet *sources, VnDiagSink *sink, const VnCompileOptions *options)
{
  VnCompiler *c = g_new0(VnCompiler, 1);
  c->arena = vn_arena_new();
  c->symbols = vn_symbol_table_new(c->arena);
  c->sources = sources;
  c->sink = sink;
  if (options != NULL)
    c->options = *options;
  c->modules = g_ptr_array_new();
  c->locals = g_array_new(FALSE, FALSE, sizeof(VnLocal));
  c->running = g_array_new(FALSE, FALSE, sizeof(VnIdent));
  c->local_site = vn_arena_new0(c->arena, VnThing);
  *c->local_site = (VnThing){.kind = VN_THING_SITE,
                             .name = vn_symbol_intern_str(c->symbols, "local"),
                             .type = {.kind = VN_VALUE_SITE}};
  vn_control_intern_names(c);
  return c;
}

void
vn_compiler_free(VnCompiler *c)
{
  if (c == NULL)
    return;
  for (guint i = 0; i < c->modules->len; i++) {
    VnModule *module = c->modules->pdata[i];
    for (guint k = 0; k < module->order->len; k++) {
      VnThing *thing = module->order->pdata[k];
      if (thing->array)
        vn_elements_clear(&thing->elements);
    }
    g_ptr_array_unref(module->order);
    g_free(module->things);
  }
  g_ptr_array_unref(c->modules);
  g_array_unref(c->locals);
  g_array_unref(c->running);
  g_free(c->local_of);
  vn_arena_free(c->arena);
  g_free(c);
}

static gboolean
load_source(VnCompiler *c, const VnSource *source, const GError *error)
{
  g_assert(c->script == NULL);
  if (source != NULL)
    return vn_modules_load(c, source);
  vn_diag_add(c->sink, VN_DIAG_VN007, VN_SPAN_NONE, "%s", error->message);
  return FALSE;
}

gboolean
vn_compiler_load(VnCompiler *c, const char *path)
{
  g_autoptr(GError) error = NULL;
  const VnSource *source = vn_source_set_load(c->sources, path, &error);
  return load_source(c, source, error);
}

gboolean
vn_compiler_load_text(VnCompiler *c, const char *name, const char *text, gsize size)
{
  g_autoptr(GError) error = NULL;
  const VnSource *source = vn_source_set_add(c->sources, name, text, size, &error);
  return load_source(c, source, error);
}

const VnAstFile *
vn_compiler_ast(const VnCompiler *c)
{
  return c->script != NULL ? c->script->file : NULL;
}

/* ---- one evaluation ---- */

#define ARRAY_OF(Type) g_array_new(FALSE, FALSE, sizeof(Type))

static void
open_arrays(VnEval *e)
{
  e->sites = ARRAY_OF(VnSite);
  e->images = ARRAY_OF(VnImage);
  e->segments = ARRAY_OF(VnSegment);
  e->vms = ARRAY_OF(VnVm);
  e->ifaces = ARRAY_OF(VnIface);
  e->groups = ARRAY_OF(VnGroup);
  e->actions = ARRAY_OF(VnAction);
  e->tasks = ARRAY_OF(VnTask);
  e->expectations = ARRAY_OF(VnExpectation);
  e->measures = ARRAY_OF(VnMeasure);
  e->params = ARRAY_OF(VnParam);
  e->sweeps = ARRAY_OF(VnSweep);
  e->task_sources = ARRAY_OF(VnTaskSource);
  e->orderings = ARRAY_OF(VnOrdering);
  e->before = ARRAY_OF(guint32);
}

/* Gives what is in an array to the model's arena. */
static gpointer
take(VnEval *e, GArray *array, guint32 *out_n)
{
  *out_n = array->len;
  return vn_arena_adopt(e->arena, g_array_free(array, FALSE));
}

static void
close_arrays(VnEval *e)
{
  VnModel *model = e->model;
  VnTopology *topology = &model->topology;
  model->sites = take(e, e->sites, &model->n_sites);
  model->images = take(e, e->images, &model->n_images);
  topology->segments = take(e, e->segments, &topology->n_segments);
  topology->vms = take(e, e->vms, &topology->n_vms);
  topology->ifaces = take(e, e->ifaces, &topology->n_ifaces);
  model->groups = take(e, e->groups, &model->n_groups);
  model->actions = take(e, e->actions, &model->n_actions);
  model->tasks = take(e, e->tasks, &model->n_tasks);
  model->expectations = take(e, e->expectations, &model->n_expectations);
  model->measures = take(e, e->measures, &model->n_measures);
  model->params = take(e, e->params, &model->n_params);
  model->sweeps = take(e, e->sweeps, &model->n_sweeps);
  g_array_unref(e->task_sources);
  g_array_unref(e->orderings);
  g_array_unref(e->before);
}

static const char *
default_name(const VnCompiler *c)
{
  g_autofree char *base = g_path_get_basename(c->script->file->source->path);
  if (*base == '<' || strcmp(base, "-") == 0)
    return "experiment";
  static const char *const endings[] = {".xml", ".vnl"};
  for (gsize i = 0; i < G_N_ELEMENTS(endings); i++)
    if (g_str_has_suffix(base, endings[i]))
      base[strlen(base) - strlen(endings[i])] = '\0';
  return vn_arena_strdup(c->arena, base);
}

static void
add_local_site(VnEval *e)
{
  VnSite local = {.name = "local"};
  g_array_append_val(e->sites, local);
  e->c->local_site->epoch = e->epoch;
  e->c->local_site->id = 0;
}

/* The model without what may be wrong. */
static VnModel *
network_of(VnCompiler *c, const VnModel *model)
{
  VnModel *network = vn_arena_memdup(c->arena, model, sizeof *model);
  network->n_tasks = network->n_groups = network->n_actions = 0;
  network->n_expectations = network->n_measures = network->n_sweeps = 0;
  return network;
}

static VnModel *
evaluate(VnCompiler *c, const VnDefine *defines, gsize n_defines)
{
  VnModel *model = vn_arena_new0(c->arena, VnModel);
  VnEval e = {.c = c, .arena = c->arena, .model = model, .epoch = ++c->epoch};
  e.partial = c->left_out;
  e.errors_of_network = G_MAXUINT;
  e.first_byte = vn_arena_used(c->arena);
  model->arena = c->arena;
  model->sources = c->sources;
  model->name = default_name(c);
  model->paper_rules = c->options.paper_rules;
  model->trials = 1;
  e.slots = g_new0(VnOperand, (gsize)c->n_slots + 1);
  e.slot_set = g_new0(guint8, (gsize)c->n_slots + 1);
  open_arrays(&e);
  add_local_site(&e);
  guint before = vn_diag_sink_count(c->sink, VN_SEVERITY_ERROR);
  vn_eval_params(&e, defines, n_defines);
  gboolean trusted =
      !c->network_wrong && !c->left_out && vn_diag_sink_count(c->sink, VN_SEVERITY_ERROR) == before;
  for (guint i = 0; i < c->script->order->len; i++) {
    VnThing *thing = c->script->order->pdata[i];
    if (thing->kind == VN_THING_ACTION && thing->action != NULL)
      vn_eval_action(&e, thing->action);
  }
  before = vn_diag_sink_count(c->sink, VN_SEVERITY_ERROR);
  vn_eval_program(&e);
  close_arrays(&e);
  c->network = trusted && e.errors_of_network == before ? network_of(c, model) : NULL;
  g_free(e.slots);
  g_free(e.slot_set);
  return model;
}

VnModel *
vn_compiler_model(VnCompiler *c, const VnDefine *defines, gsize n_defines)
{
  if (c->script == NULL)
    return NULL;
  if (!c->checked) {
    c->network_wrong |= vn_diag_sink_has_errors(c->sink);
    vn_check_program(c);
  }
  c->checked = TRUE;
  VnModel *model = evaluate(c, defines, n_defines);
  return vn_diag_sink_has_errors(c->sink) ? NULL : model;
}

VnModel *
vn_compiler_network(const VnCompiler *c)
{
  return c->network;
}
