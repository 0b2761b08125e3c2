/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Every group and key must be one that is known: a slave that ignores a misspelt key offers
 * something else than its owner thinks. */
#include "slave/config.h"

#include <string.h>

#include "tech/tech.h"

#define FILE_MAX (16u << 20)

static void
vm_clear(gpointer data)
{
  VnConfigVm *vm = data;
  g_free(vm->name);
  g_free(vm->technology);
  g_free(vm->file);
  g_free(vm->os);
  g_free(vm->role);
  g_free(vm->snapshot);
}

VnConfig *
vn_config_new(void)
{
  VnConfig *config = g_new0(VnConfig, 1);
  config->name = g_strdup(g_get_host_name());
  config->vms = g_array_new(FALSE, TRUE, sizeof(VnConfigVm));
  g_array_set_clear_func(config->vms, vm_clear);
  return config;
}

void
vn_config_free(VnConfig *config)
{
  if (config == NULL)
    return;
  g_free(config->name);
  g_free(config->agents);
  g_array_unref(config->vms);
  g_free(config);
}

static gboolean wrong(GError **error, const char *path, const char *group, const char *format, ...)
    G_GNUC_PRINTF(4, 5);

static gboolean
wrong(GError **error, const char *path, const char *group, const char *format, ...)
{
  va_list args;
  va_start(args, format);
  g_autofree char *what = g_strdup_vprintf(format, args);
  va_end(args);
  g_set_error(error, G_KEY_FILE_ERROR, G_KEY_FILE_ERROR_INVALID_VALUE, "%s: [%s]: %s", path, group,
              what);
  return FALSE;
}

static gboolean
check_keys(GKeyFile *file, const char *group, const char *const *known, const char *path,
           GError **error)
{
  g_auto(GStrv) keys = g_key_file_get_keys(file, group, NULL, error);
  if (keys == NULL)
    return FALSE;
  for (char **key = keys; *key != NULL; key++) {
    if (!g_strv_contains(known, *key))
      return wrong(error, path, group, "there is no key “%s”", *key);
  }
  return TRUE;
}

/* An absent key gives what is there already. */
static gboolean
get(GKeyFile *file, const char *path, const char *group, const char *key, char **value,
    GError **error)
{
  if (!g_key_file_has_key(file, group, key, NULL))
    return TRUE;
  g_autoptr(GError) why = NULL;
  char *text = g_key_file_get_string(file, group, key, &why);
  if (text == NULL)
    return wrong(error, path, group, "%s: %s", key, why->message);
  g_free(*value);
  *value = text;
  return TRUE;
}

static gboolean
check_vm(const VnConfigVm *vm, const char *path, const char *group, GError **error)
{
  if (vm->name[0] == '\0')
    return wrong(error, path, group, "the VM needs a name: [vm NAME]");
  if (vm->technology[0] == '\0')
    return wrong(error, path, group, "technology is missing");
  VnTechId tech = vn_tech_from_name(vm->technology);
  if (tech == VN_TECH_COUNT)
    return wrong(error, path, group, "technology: “%s” is none", vm->technology);
  if (vn_tech(tech)->can & VN_MAKES_VMS)
    return wrong(error, path, group, "technology: VMs of %s are made on demand, not listed",
                 vm->technology);
  if (!g_path_is_absolute(vm->file))
    return wrong(error, path, group, "file must be an absolute path");
  if (vm->os[0] == '\0')
    return wrong(error, path, group, "os is missing");
  if (strcmp(vm->role, "host") != 0 && strcmp(vm->role, "router") != 0)
    return wrong(error, path, group, "role must be host or router");
  return TRUE;
}

static gboolean
add_vm(VnConfig *config, GKeyFile *file, const char *path, const char *group, GError **error)
{
  static const char *const known[] = {"technology", "file", "os", "role", "snapshot", NULL};
  if (!check_keys(file, group, known, path, error))
    return FALSE;
  if (config->vms->len >= VN_CONFIG_VMS_MAX)
    return wrong(error, path, group, "more than %u VMs", VN_CONFIG_VMS_MAX);
  VnConfigVm vm = {.name = g_strstrip(g_strdup(group + strlen("vm "))),
                   .technology = g_strdup(""),
                   .file = g_strdup(""),
                   .os = g_strdup(""),
                   .role = g_strdup("host"),
                   .snapshot = g_strdup("")};
  g_array_append_val(config->vms, vm);
  VnConfigVm *kept = &g_array_index(config->vms, VnConfigVm, config->vms->len - 1);
  return get(file, path, group, "technology", &kept->technology, error) &&
         get(file, path, group, "file", &kept->file, error) &&
         get(file, path, group, "os", &kept->os, error) &&
         get(file, path, group, "role", &kept->role, error) &&
         get(file, path, group, "snapshot", &kept->snapshot, error) &&
         check_vm(kept, path, group, error);
}

static gboolean
read_slave(VnConfig *config, GKeyFile *file, const char *path, GError **error)
{
  static const char *const known[] = {"name", "agents", NULL};
  if (!check_keys(file, "slave", known, path, error) ||
      !get(file, path, "slave", "name", &config->name, error) ||
      !get(file, path, "slave", "agents", &config->agents, error))
    return FALSE;
  if (config->name[0] == '\0')
    return wrong(error, path, "slave", "name is empty");
  if (config->agents != NULL && !g_path_is_absolute(config->agents))
    return wrong(error, path, "slave", "agents must be an absolute path");
  return TRUE;
}

static gboolean
check_names(const VnConfig *config, const char *path, GError **error)
{
  g_autoptr(GHashTable) names = g_hash_table_new(g_str_hash, g_str_equal);
  for (guint i = 0; i < config->vms->len; i++) {
    const VnConfigVm *vm = &g_array_index(config->vms, VnConfigVm, i);
    if (!g_hash_table_add(names, vm->name))
      return wrong(error, path, vm->name, "there is another VM of that name");
  }
  return TRUE;
}

VnConfig *
vn_config_parse(const char *text, gsize size, const char *path, GError **error)
{
  if (!g_utf8_validate(text, (gssize)size, NULL)) {
    g_set_error(error, G_KEY_FILE_ERROR, G_KEY_FILE_ERROR_UNKNOWN_ENCODING, "%s: is not UTF-8",
                path);
    return NULL;
  }
  g_autoptr(GKeyFile) file = g_key_file_new();
  if (!g_key_file_load_from_data(file, text, size, G_KEY_FILE_NONE, error)) {
    g_prefix_error(error, "%s: ", path);
    return NULL;
  }
  g_autoptr(VnConfig) config = vn_config_new();
  g_auto(GStrv) groups = g_key_file_get_groups(file, NULL);
  for (char **group = groups; *group != NULL; group++) {
    gboolean good;
    if (strcmp(*group, "slave") == 0)
      good = read_slave(config, file, path, error);
    else if (g_str_has_prefix(*group, "vm "))
      good = add_vm(config, file, path, *group, error);
    else
      good = wrong(error, path, *group, "there is no such group; [slave] and [vm NAME] are");
    if (!good)
      return NULL;
  }
  if (!check_names(config, path, error))
    return NULL;
  return g_steal_pointer(&config);
}

VnConfig *
vn_config_load(const char *path, GError **error)
{
  g_autofree char *text = NULL;
  gsize size;
  if (!g_file_get_contents(path, &text, &size, error)) {
    g_prefix_error(error, "reading the configuration: ");
    return NULL;
  }
  if (size > FILE_MAX) {
    g_set_error(error, G_KEY_FILE_ERROR, G_KEY_FILE_ERROR_PARSE, "%s: larger than %u MiB", path,
                FILE_MAX >> 20);
    return NULL;
  }
  return vn_config_parse(text, size, path, error);
}
