/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Busybox with a link for each thing that it can do, modules in the order in which /init loads
 * them, tools with the libraries that they ask for, the agent as /vnec/agent, and the few files
 * that programs expect. Not packed: memory is cheaper than the guest's time to unpack it. */
#include "image/rootfs.h"

#include <string.h>

#include "image/cpio.h"
#include "image/elf.h"
#include "image/image.h"
#include "image/kernel.h"
#include "image/run.h"

#define APPLETS_MAX 1024u
#define LIBRARIES_MAX 64u
#define DEPTH_MAX 8 /* of folders that libraries lie in */

static const char dhcp_script[] = ""
#include "image/dhcp-lease.inc"
    ;
/* The agent calls it when an interface that should have an address has none yet. */
static const char address_script[] = "#!/bin/sh\nexec killall -USR1 udhcpc\n";

static const struct {
  const char *path;
  guint mode;
  const char *text;
} texts[] = {
    {"etc/passwd", 0644,
     "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n"},
    {"etc/group", 0644, "root:x:0:\nnogroup:x:65534:\n"},
    {"etc/hosts", 0644, "127.0.0.1 localhost\n::1 localhost ip6-localhost\n"},
    {"etc/nsswitch.conf", 0644, "passwd: files\ngroup: files\nhosts: files dns\n"},
    {"etc/resolv.conf", 0644, ""},
    {"etc/shells", 0644, "/bin/sh\n"},
    {"etc/os-release", 0644, "ID=vnec\nNAME=\"VNEC guest\"\nPRETTY_NAME=\"VNEC guest\"\n"},
    {"etc/dhcp-lease", 0755, dhcp_script},
    {"vnec/address", 0755, address_script},
};

static const struct {
  const char *path;
  guint mode;
} folders[] = {
    {"dev", 0755}, {"home", 0755}, {"mnt", 0755},      {"proc", 0555}, {"root", 0700},
    {"run", 0755}, {"srv", 0755},  {"sys", 0555},      {"tmp", 01777}, {"var/log", 0755},
    {"var/tmp", 01777},
};

static gboolean
failed(GError **error, const char *format, const char *what)
{
  /* The format is one of this file's own. */
  g_autofree char *text = g_strdup_printf("%s: %s", what, format);
  g_set_error_literal(error, VN_IMAGE_ERROR, VN_IMAGE_ERROR_FAILED, text);
  return FALSE;
}

static GBytes *
read_file(const char *path, GError **error)
{
  char *bytes;
  gsize size;
  return g_file_get_contents(path, &bytes, &size, error) ? g_bytes_new_take(bytes, size) : NULL;
}

/* The name in a folder that begins so; NULL: none, or several. */
static char *
only_one(const char *folder, const char *prefix)
{
  g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
  g_autofree char *found = NULL;
  const char *name;
  while (dir != NULL && (name = g_dir_read_name(dir)) != NULL) {
    if (!g_str_has_prefix(name, prefix))
      continue;
    if (found != NULL)
      return NULL;
    found = g_strdup(name);
  }
  return g_steal_pointer(&found);
}

gboolean
vn_rootfs_find_kernel(const char *root, char **out_bzimage, char **out_modules, GError **error)
{
  g_autofree char *boot = g_build_filename(root, "boot", NULL);
  g_autofree char *kernel = only_one(boot, "vmlinuz-");
  if (kernel == NULL)
    return failed(error, "the package has no kernel, or several", boot);
  const char *release = kernel + strlen("vmlinuz-");
  g_autofree char *modules = g_build_filename(root, "lib/modules", release, NULL);
  if (!g_file_test(modules, G_FILE_TEST_IS_DIR)) { /* newer releases have /lib below /usr only */
    g_free(modules);
    modules = g_build_filename(root, "usr/lib/modules", release, NULL);
  }
  if (!g_file_test(modules, G_FILE_TEST_IS_DIR))
    return failed(error, "the package has no modules", modules);
  *out_bzimage = g_build_filename(boot, kernel, NULL);
  *out_modules = g_steal_pointer(&modules);
  return TRUE;
}

/* Asks busybox itself what it can do. */
static gboolean
add_busybox(VnCpio *cpio, const VnRootfs *rootfs, GError **error)
{
  g_autofree char *path = g_build_filename(rootfs->root, "bin", "busybox", NULL);
  if (!g_file_test(path, G_FILE_TEST_EXISTS)) {
    g_free(path);
    path = g_build_filename(rootfs->root, "usr", "bin", "busybox", NULL);
  }
  g_autofree char *list = NULL;
  const char *const argv[] = {path, "--list", NULL};
  const VnRun run = {.argv = argv, .package = "busybox-static"};
  g_autoptr(GBytes) program = read_file(path, error);
  if (program == NULL || !vn_run(&run, &list, NULL, rootfs->cancellable, error))
    return FALSE;
  g_auto(GStrv) names = g_strsplit(list, "\n", APPLETS_MAX);
  for (guint i = 0; names[i] != NULL; i++) {
    if (*names[i] == '\0' || strchr(names[i], '/') != NULL)
      continue;
    g_autofree char *link = g_build_filename("bin", names[i], NULL);
    vn_cpio_add_link(cpio, link, "busybox");
  }
  vn_cpio_add_file(cpio, "bin/busybox", 0755, program);
  return TRUE;
}

static gboolean
add_modules(VnCpio *cpio, const VnRootfs *rootfs, GError **error)
{
  g_autoptr(GPtrArray) modules = vn_kernel_modules(rootfs->modules, rootfs->recipe->modules,
                                                   rootfs->cancellable, error);
  if (modules == NULL)
    return FALSE;
  g_autoptr(GString) order = g_string_new(NULL);
  for (guint i = 0; i < modules->len; i++) {
    const VnKernelModule *module = modules->pdata[i];
    g_autofree char *path = g_build_filename("lib/modules", module->name, NULL);
    vn_cpio_add_file(cpio, path, 0644, module->content);
    g_string_append_printf(order, "%s\n", module->name);
  }
  vn_cpio_add_text(cpio, "lib/modules/order", 0644, order->str);
  return TRUE;
}

/* Libraries by their name; links that would lead out of the unpacked packages don't count. */
static void
index_libraries(GHashTable *paths, const char *folder, guint depth)
{
  g_autoptr(GDir) dir = depth < DEPTH_MAX ? g_dir_open(folder, 0, NULL) : NULL;
  const char *name;
  while (dir != NULL && (name = g_dir_read_name(dir)) != NULL) {
    g_autofree char *path = g_build_filename(folder, name, NULL);
    g_autofree char *target = g_file_read_link(path, NULL);
    if (target == NULL && g_file_test(path, G_FILE_TEST_IS_DIR))
      index_libraries(paths, path, depth + 1);
    else if (strstr(name, ".so") != NULL && (target == NULL || strchr(target, '/') == NULL))
      g_hash_table_insert(paths, g_strdup(name), g_steal_pointer(&path));
  }
}

typedef struct {
  VnCpio *cpio;
  GHashTable *libraries; /* name to path */
  guint n;
} Tools;

static gboolean add_needs(Tools *tools, GBytes *program, const char *title, GError **error);

/* target: where it goes in the guest. */
static gboolean
add_library(Tools *tools, const char *name, const char *target, GError **error)
{
  if (vn_cpio_has(tools->cpio, target))
    return TRUE;
  const char *path = g_hash_table_lookup(tools->libraries, name);
  if (path == NULL || ++tools->n > LIBRARIES_MAX)
    return failed(error, "no package of the recipe has this library", name);
  g_autoptr(GBytes) content = read_file(path, error);
  if (content == NULL)
    return FALSE;
  vn_cpio_add_file(tools->cpio, target, 0755, content);
  return add_needs(tools, content, name, error);
}

static gboolean
add_needs(Tools *tools, GBytes *program, const char *title, GError **error)
{
  g_autofree char *loader = NULL;
  g_auto(GStrv) needs = vn_elf_library_needs(program, &loader, error);
  if (needs == NULL) {
    g_prefix_error(error, "%s: ", title);
    return FALSE;
  }
  for (guint i = 0; needs[i] != NULL; i++) {
    g_autofree char *target = g_build_filename("lib", needs[i], NULL);
    if (!add_library(tools, needs[i], target, error))
      return FALSE;
  }
  if (loader == NULL)
    return TRUE;
  g_autofree char *name = g_path_get_basename(loader);
  return add_library(tools, name, loader + strspn(loader, "/"), error);
}

static gboolean
add_tools(VnCpio *cpio, const VnRootfs *rootfs, GError **error)
{
  g_autoptr(GHashTable) libraries = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
  static const char *const places[] = {"usr/lib", "lib"};
  for (guint i = 0; i < G_N_ELEMENTS(places); i++) {
    g_autofree char *folder = g_build_filename(rootfs->root, places[i], NULL);
    index_libraries(libraries, folder, 0);
  }
  Tools tools = {cpio, libraries, 0};
  g_auto(GStrv) programs = g_strsplit(rootfs->recipe->programs, " ", -1);
  for (guint i = 0; programs[i] != NULL; i++) {
    g_autofree char *path = g_build_filename(rootfs->root, programs[i], NULL);
    g_autofree char *name = g_path_get_basename(path);
    g_autofree char *target = g_build_filename("bin", name, NULL);
    g_autoptr(GBytes) content = read_file(path, error);
    if (content == NULL)
      return FALSE;
    vn_cpio_add_file(cpio, target, 0755, content);
    if (!add_needs(&tools, content, name, error))
      return FALSE;
  }
  /* No program names it: the C library opens it when a thread is cancelled. */
  return add_library(&tools, "libgcc_s.so.1", "lib/libgcc_s.so.1", error);
}

static gboolean
add_agent(VnCpio *cpio, const VnRootfs *rootfs, GError **error)
{
  g_autoptr(GBytes) agent = read_file(rootfs->agent, error);
  if (agent == NULL)
    return FALSE;
  vn_cpio_add_file(cpio, "vnec/agent", 0755, agent);
  g_autofree char *role = g_strconcat(rootfs->recipe->role, "\n", NULL);
  vn_cpio_add_text(cpio, "etc/vnec-role", 0644, role);
  vn_cpio_add_text(cpio, "init", 0755, vn_recipe_init());
  return TRUE;
}

gboolean
vn_rootfs_write(const VnRootfs *rootfs, const char *path, GError **error)
{
  g_autoptr(VnCpio) cpio = vn_cpio_new();
  for (guint i = 0; i < G_N_ELEMENTS(folders); i++)
    vn_cpio_add_folder(cpio, folders[i].path, folders[i].mode);
  for (guint i = 0; i < G_N_ELEMENTS(texts); i++)
    vn_cpio_add_text(cpio, texts[i].path, texts[i].mode, texts[i].text);
  vn_cpio_add_link(cpio, "usr/bin", "../bin");
  vn_cpio_add_link(cpio, "sbin", "bin");
  vn_cpio_add_link(cpio, "usr/sbin", "../bin");
  vn_cpio_add_device(cpio, "dev/console", 0600, 5, 1);
  return add_busybox(cpio, rootfs, error) && add_modules(cpio, rootfs, error) &&
         add_tools(cpio, rootfs, error) && add_agent(cpio, rootfs, error) &&
         vn_cpio_write(cpio, path, rootfs->cancellable, error);
}
