/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which modules an image needs, in order: depth first along what each says that it needs. A
 * package has no modules.dep (depmod makes it where the package is installed). */
#include "image/kernel.h"

#include <string.h>

#include "image/elf.h"
#include "image/image.h"
#include "image/run.h"

#define DEPTH_MAX 32 /* of needs, and of folders */

typedef struct {
  const char *folder;
  GHashTable *paths;   /* name with '_' to path */
  GHashTable *builtin; /* set of names */
  GHashTable *visited; /* set of names */
  GPtrArray *modules;  /* of VnKernelModule: the result */
  GCancellable *cancellable;
} Search;

static void
module_free(gpointer data)
{
  VnKernelModule *module = data;
  g_free(module->name);
  g_bytes_unref(module->content);
  g_free(module);
}

/* "virtio-net.ko.xz" is virtio_net; NULL: no module. */
static char *
module_name(const char *file)
{
  const char *end = strstr(file, ".ko");
  if (end == NULL || (end[3] != '\0' && end[3] != '.'))
    return NULL;
  return g_strdelimit(g_strndup(file, (gsize)(end - file)), "-", '_');
}

static void
index_folder(Search *search, const char *folder, guint depth)
{
  g_autoptr(GDir) dir = depth < DEPTH_MAX ? g_dir_open(folder, 0, NULL) : NULL;
  const char *file;
  while (dir != NULL && (file = g_dir_read_name(dir)) != NULL) {
    g_autofree char *path = g_build_filename(folder, file, NULL);
    if (g_file_test(path, G_FILE_TEST_IS_SYMLINK))
      continue;
    char *name = module_name(file);
    if (name != NULL)
      g_hash_table_insert(search->paths, name, g_steal_pointer(&path));
    else
      index_folder(search, path, depth + 1);
  }
}

static gboolean
index_builtin(Search *search, GError **error)
{
  g_autofree char *path = g_build_filename(search->folder, "modules.builtin", NULL);
  g_autofree char *text = NULL;
  if (!g_file_get_contents(path, &text, NULL, error))
    return FALSE;
  g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
  for (guint i = 0; lines[i] != NULL; i++) {
    g_autofree char *file = g_path_get_basename(lines[i]);
    char *name = module_name(file);
    if (name != NULL)
      g_hash_table_add(search->builtin, name);
  }
  return TRUE;
}

static GBytes *
read_module(const Search *search, const char *path, GError **error)
{
  g_autofree char *plain = NULL;
  if (g_str_has_suffix(path, ".xz") || g_str_has_suffix(path, ".zst")) {
    gboolean xz = g_str_has_suffix(path, ".xz");
    const char *const argv[] = {xz ? "xz" : "zstd", "-dc", NULL};
    plain = g_strconcat(path, ".plain", NULL);
    const VnRun run = {.argv = argv,
                       .package = xz ? "xz-utils" : "zstd",
                       .input = path,
                       .output = plain,
                       .output_max = VN_ELF_SIZE_MAX};
    if (!vn_run(&run, NULL, NULL, search->cancellable, error))
      return NULL;
  }
  char *bytes;
  gsize size;
  if (!g_file_get_contents(plain != NULL ? plain : path, &bytes, &size, error))
    return NULL;
  return g_bytes_new_take(bytes, size);
}

static gboolean visit(Search *search, const char *name, guint depth, GError **error);

static gboolean
visit_file(Search *search, const char *name, const char *path, guint depth, GError **error)
{
  g_autoptr(GBytes) content = read_module(search, path, error);
  g_auto(GStrv) needs = content != NULL ? vn_elf_module_needs(content, error) : NULL;
  if (needs == NULL) {
    g_prefix_error(error, "%s: ", path);
    return FALSE;
  }
  for (guint i = 0; needs[i] != NULL; i++)
    if (!visit(search, needs[i], depth + 1, error))
      return FALSE;
  VnKernelModule *module = g_new0(VnKernelModule, 1);
  module->name = g_strconcat(name, ".ko", NULL);
  module->content = g_steal_pointer(&content);
  g_ptr_array_add(search->modules, module);
  return TRUE;
}

static gboolean
visit(Search *search, const char *wanted, guint depth, GError **error)
{
  g_autofree char *name = g_strdelimit(g_strdup(wanted), "-", '_');
  const char *path = g_hash_table_lookup(search->paths, name);
  if (g_hash_table_contains(search->visited, name) ||
      (path == NULL && g_hash_table_contains(search->builtin, name)))
    return TRUE;
  if (path == NULL || depth > DEPTH_MAX || search->modules->len >= VN_KERNEL_MODULES_MAX) {
    g_set_error(error, VN_IMAGE_ERROR, VN_IMAGE_ERROR_FAILED, "%s: %s %s", search->folder,
                path == NULL ? "this kernel has no module" : "too many modules are needed for",
                name);
    return FALSE;
  }
  g_hash_table_add(search->visited, g_strdup(name));
  return visit_file(search, name, path, depth, error);
}

GPtrArray *
vn_kernel_modules(const char *folder, const char *wanted, GCancellable *cancellable,
                  GError **error)
{
  g_autoptr(GHashTable) paths = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
  g_autoptr(GHashTable) builtin = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
  g_autoptr(GHashTable) visited = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
  g_autoptr(GPtrArray) modules = g_ptr_array_new_with_free_func(module_free);
  Search search = {folder, paths, builtin, visited, modules, cancellable};
  if (!index_builtin(&search, error))
    return NULL;
  index_folder(&search, folder, 0);
  g_auto(GStrv) names = g_strsplit(wanted, " ", -1);
  for (guint i = 0; names[i] != NULL; i++)
    if (*names[i] != '\0' && !visit(&search, names[i], 0, error))
      return NULL;
  return g_steal_pointer(&modules);
}
