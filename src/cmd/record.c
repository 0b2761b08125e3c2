/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A module is kept under the name by which `use` finds it, so that the copy compiles with its own
 * folder as the only place to look. */
#include "config.h"

#include <string.h>

#include "cmd/record.h"
#include "master/fields.h"
#include "tech/tech.h"

/* path below folder, or NULL */
static char *
below(const char *path, const char *folder)
{
  g_autofree char *base = g_canonicalize_filename(folder, NULL);
  gsize length = strlen(base);
  return g_str_has_prefix(path, base) && path[length] == '/' ? g_strdup(path + length + 1) : NULL;
}

static char *
kept_name(const VnScript *script, const VnScriptOptions *options, const char *path, guint place)
{
  g_autofree char *whole = g_canonicalize_filename(path, NULL);
  char *name = NULL;
  if (place == 0)
    return strcmp(path, "-") == 0 ? g_strdup("script.vnl") : g_path_get_basename(path);
  for (char **dir = options->include_dirs; name == NULL && dir != NULL && *dir != NULL; dir++)
    name = below(whole, *dir);
  if (name == NULL)
    name = below(whole, script->folder);
  if (name == NULL)
    name = below(whole, script->stdlib);
  return name != NULL ? name : g_path_get_basename(path);
}

static gboolean
record_sources(VnStore *store, const VnScript *script, const VnScriptOptions *options,
               GError **error)
{
  for (guint i = 0; i < vn_source_set_count(script->sources); i++) {
    const VnSource *source = vn_source_set_get(script->sources, i);
    g_autofree char *name = kept_name(script, options, source->path, i);
    if (!vn_store_add_source(store, name, source->path, source->text, source->size, error))
      return FALSE;
  }
  return TRUE;
}

static void
record_options(VnStore *store, const VnScriptOptions *options)
{
  for (char **define = options->defines; define != NULL && *define != NULL; define++)
    vn_store_add_option(store, "define", *define);
  for (char **warning = options->warnings; warning != NULL && *warning != NULL; warning++)
    vn_store_add_option(store, "warning", *warning);
  if (options->rules != NULL)
    vn_store_add_option(store, "rules", options->rules);
}

static VnStoreValue
store_value(const VnValue *value, const char *text)
{
  switch ((VnValueKind)value->kind) {
  case VN_VALUE_BOOL:
    return (VnStoreValue){VN_STORE_INT, .i = value->b ? 1 : 0};
  case VN_VALUE_INT:
  case VN_VALUE_PORT:
  case VN_VALUE_DURATION:
  case VN_VALUE_SIZE:
  case VN_VALUE_RATE:
    return (VnStoreValue){VN_STORE_INT, .i = value->i};
  case VN_VALUE_FLOAT:
  case VN_VALUE_PERCENT:
    return (VnStoreValue){VN_STORE_REAL, .f = value->f};
  case VN_VALUE_NONE:
    return (VnStoreValue){VN_STORE_NULL};
  case VN_VALUE_STRING:
  case VN_VALUE_ADDRESS:
  case VN_VALUE_PREFIX:
  case VN_VALUE_MAC:
  case VN_VALUE_REGEX:
  case VN_VALUE_LIST:
  case VN_VALUE_RANGE:
  case VN_VALUE_SET:
  case VN_VALUE_HOST:
  case VN_VALUE_ROUTER:
  case VN_VALUE_SEGMENT:
  case VN_VALUE_TASK:
  case VN_VALUE_GROUP:
  case VN_VALUE_SITE:
  case VN_VALUE_IMAGE:
  case VN_VALUE_KIND_COUNT:
    break;
  }
  return (VnStoreValue){VN_STORE_TEXT, .text = text};
}

static void
record_params(VnStore *store, const VnScript *script, const VnScriptOptions *options,
              guint32 point)
{
  const VnModel *model = script->points[point].model;
  for (guint32 i = 0; i < model->n_params; i++) {
    const VnParam *param = &model->params[i];
    g_autoptr(GString) text = g_string_new(NULL);
    vn_value_format(&param->value, vn_model_name_of, (gpointer)model, text);
    VnStoreValue value = store_value(&param->value, text->str);
    vn_store_add_param(store, point, param->name, vn_value_kind_text(param->type), &value,
                       text->str, vn_script_is_swept(script, options, model, i));
  }
}

static void
record_hosts(VnStore *store, const VnModel *model, guint32 point)
{
  const VnTopology *topology = &model->topology;
  for (guint32 i = 0; i < topology->n_vms; i++) {
    const VnVm *vm = &topology->vms[i];
    g_autoptr(GString) addresses = g_string_new(NULL);
    for (guint32 k = vm->first_iface; k < vm->first_iface + vm->n_ifaces; k++) {
      char buffer[VN_ADDRESS_TEXT_MAX];
      const VnIface *iface = &topology->ifaces[k];
      if (iface->address4.family != 0)
        g_string_append_printf(addresses, "%s%s", addresses->len > 0 ? " " : "",
                               vn_address_format(&iface->address4, buffer));
      if (iface->address6.family != 0)
        g_string_append_printf(addresses, "%s%s", addresses->len > 0 ? " " : "",
                               vn_address_format(&iface->address6, buffer));
    }
    vn_store_add_host(store, point, i, vm->name, vm->kind == VN_VM_ROUTER ? "router" : "host",
                      model->sites[vn_model_site(model, i)].name,
                      vn_tech(vn_model_tech(model, i))->name,
                      addresses->len > 0 ? addresses->str : NULL);
  }
}

static void
record_tasks(VnStore *store, const VnModel *model, guint32 point)
{
  for (guint32 i = 0; i < model->n_tasks; i++) {
    const VnTask *task = &model->tasks[i];
    if (task->control != VN_CONTROL_NONE) {
      vn_store_add_task(store, point, i, task->name, vn_control_name((VnControl)task->control),
                        NULL);
      continue;
    }
    const VnAction *action = &model->actions[task->action];
    g_autofree char *name = action->module != NULL
                                ? g_strdup_printf("%s.%s", action->module, action->name)
                                : g_strdup(action->name);
    g_autoptr(GString) returns = g_string_new("{");
    for (guint32 k = 0; k < action->n_fields; k++)
      g_string_append_printf(returns, "%s\"%s\":\"%s\"", k > 0 ? "," : "", action->fields[k].name,
                             vn_value_kind_text(action->fields[k].type));
    g_string_append_c(returns, '}');
    vn_store_add_task(store, point, i, task->name, name, returns->str);
  }
}

gboolean
vn_record_run(VnStore *store, const VnScript *script, const VnScriptOptions *options,
              const VnRunNumbers *numbers, GError **error)
{
  const VnSource *main_source = vn_source_set_get(script->sources, 0);
  g_autofree char *name = kept_name(script, options, main_source->path, 0);
  VnStoreRun run = {.name = script->points[0].model->name,
                    .script = name,
                    .folder = script->folder,
                    .version = PACKAGE_VERSION,
                    .seed = numbers->seed,
                    .trials = numbers->trials,
                    .points = script->n_points};
  vn_store_put_run(store, &run);
  record_options(store, options);
  if (!record_sources(store, script, options, error))
    return FALSE;
  for (guint32 i = 0; i < script->n_points; i++) {
    record_params(store, script, options, i);
    record_hosts(store, script->points[i].model, i);
    record_tasks(store, script->points[i].model, i);
  }
  return vn_store_commit(store, error);
}
