/* SPDX-License-Identifier: GPL-3.0-or-later */
/* First what it would be made from, as one hash: if the image that is there was made from the same,
 * nothing is fetched. Then packages, unpacked into a folder that goes again; the kernel; the
 * initramfs (rootfs.c); the manifest. */
#include "image/build.h"

#include <glib/gstdio.h>
#include <string.h>

#include "image/kernel.h"
#include "image/manifest.h"
#include "image/rootfs.h"
#include "image/run.h"

#define FORMAT 1 /* of what this program makes of a recipe: count it up when that changes */

typedef struct {
  const VnImageBuild *build;
  VnStoreWork *work;
  VnPackages *apt;
  GPtrArray *packages; /* of VnPackage: kernel, busybox, tools */
  char *agent;         /* its hash */
  char *agent_path;
  char *inputs;
  GCancellable *cancellable;
} Building;

static void
say(const VnImageBuild *build, const char *text)
{
  if (build->progress != NULL)
    build->progress(text, build->data);
}

/* The package of the kernel itself, from the one that always leads to the newest. */
static char *
kernel_package(const VnPackage *leading, GError **error)
{
  g_auto(GStrv) needs = g_strsplit(leading->depends, ",", -1);
  for (guint i = 0; needs[i] != NULL; i++) {
    char *name = g_strstrip(needs[i]);
    name[strcspn(name, " (|:")] = '\0';
    if (g_str_has_prefix(name, "linux-image-"))
      return g_strdup(name);
  }
  g_set_error(error, VN_IMAGE_ERROR, VN_IMAGE_ERROR_FETCH,
              "the package %s leads to no kernel: are apt's sources Debian's?", leading->name);
  return NULL;
}

static gboolean
find_packages(Building *at, GError **error)
{
  const VnRecipe *recipe = at->build->recipe;
  g_autoptr(GPtrArray) leading = vn_packages_find(at->apt, recipe->kernel_package, error);
  g_autofree char *kernel = leading != NULL ? kernel_package(leading->pdata[0], error) : NULL;
  if (kernel == NULL)
    return FALSE;
  g_autofree char *names = g_strdup_printf("%s busybox-static %s", kernel, recipe->packages);
  at->packages = vn_packages_find(at->apt, names, error);
  return at->packages != NULL;
}

static char *
hash_inputs(const Building *at)
{
  g_autofree char *title = vn_recipe_title(at->build->recipe);
  g_autofree char *script = vn_manifest_id(vn_recipe_init(), strlen(vn_recipe_init()));
  GString *all = g_string_new(NULL);
  g_string_append_printf(all, "format %d\nrecipe %s\nagent %s\ninit %s\n", FORMAT, title, at->agent,
                         script);
  for (guint i = 0; i < at->packages->len; i++) {
    const VnPackage *package = at->packages->pdata[i];
    g_string_append_printf(all, "package %s %s\n", package->name, package->sha256);
  }
  g_autofree char *text = g_string_free(all, FALSE);
  return vn_manifest_id(text, strlen(text));
}

static gboolean
hash_agent(Building *at, GError **error)
{
  at->agent_path = g_build_filename(at->build->agents, at->build->recipe->agent, NULL);
  at->agent = vn_manifest_hash_file(at->agent_path, at->cancellable, error);
  if (at->agent == NULL)
    g_prefix_error(error, "the agent: ");
  return at->agent != NULL;
}

static gboolean
is_same(const Building *at)
{
  g_autoptr(VnGuestImage) image = vn_image_open(at->build->recipe->name, NULL);
  return image != NULL && g_strcmp0(image->inputs, at->inputs) == 0 &&
         vn_image_verify(image, at->cancellable, NULL);
}

static gboolean
unpack_packages(const Building *at, const char *root, GError **error)
{
  say(at->build, "unpacking");
  for (guint i = 0; i < at->packages->len; i++) {
    const VnPackage *package = at->packages->pdata[i];
    const char *const argv[] = {"dpkg-deb", "-x", package->path, root, NULL};
    const VnRun run = {.argv = argv, .package = "dpkg", .output_max = VN_PACKAGE_SIZE_MAX};
    if (!vn_run(&run, NULL, NULL, at->cancellable, error)) {
      g_prefix_error(error, "unpacking %s: ", package->name);
      return FALSE;
    }
  }
  return TRUE;
}

/* The packages' names and versions, for the manifest. */
static GPtrArray *
versions(const Building *at)
{
  GPtrArray *pairs = g_ptr_array_new();
  for (guint i = 0; i < at->packages->len; i++) {
    const VnPackage *package = at->packages->pdata[i];
    g_ptr_array_add(pairs, package->name);
    g_ptr_array_add(pairs, package->version);
  }
  return pairs;
}

static VnGuestImage *
describe(const Building *at)
{
  const VnRecipe *recipe = at->build->recipe;
  VnGuestImage *image = g_new0(VnGuestImage, 1);
  image->lock = -1;
  image->technology = g_strdup("qemu");
  image->os = g_strdup("linux");
  image->arch = g_strdup(VN_RECIPE_ARCH);
  image->role = g_strdup(recipe->role);
  image->append = g_strdup(VN_RECIPE_APPEND);
  image->nic = g_strdup("virtio");
  image->memory = (gint64)recipe->memory_mib << 20;
  image->recipe = vn_recipe_title(recipe);
  image->inputs = g_strdup(at->inputs);
  image->agent = g_strdup(at->agent);
  image->kernel = g_build_filename(at->work->folder, "vmlinux", NULL);
  image->initrd = g_build_filename(at->work->folder, "initrd", NULL);
  return image;
}

static gboolean
make_files(const Building *at, const VnGuestImage *image, const char *root, GError **error)
{
  g_autofree char *bzimage = NULL, *modules = NULL;
  if (!vn_rootfs_find_kernel(root, &bzimage, &modules, error))
    return FALSE;
  say(at->build, "taking out the kernel");
  if (!vn_kernel_unpack(bzimage, image->kernel, at->cancellable, error))
    return FALSE;
  say(at->build, "writing the first root");
  const VnRootfs rootfs = {.recipe = at->build->recipe,
                           .root = root,
                           .modules = modules,
                           .agent = at->agent_path,
                           .cancellable = at->cancellable};
  return vn_rootfs_write(&rootfs, image->initrd, error);
}

static gboolean
make_image(Building *at, GError **error)
{
  if (!vn_packages_fetch(at->apt, at->packages, error))
    return FALSE;
  g_autofree char *root = g_build_filename(at->work->folder, "root", NULL);
  g_autoptr(VnGuestImage) image = describe(at);
  if (!unpack_packages(at, root, error) || !make_files(at, image, root, error))
    return FALSE;
  vn_store_remove_tree(root);
  g_autoptr(GPtrArray) pairs = versions(at);
  return vn_store_work_commit(at->work, at->build->recipe->name, image, pairs, at->cancellable,
                              error);
}

static void
building_clear(Building *at)
{
  vn_store_work_free(at->work);
  vn_packages_free(at->apt);
  if (at->packages != NULL)
    g_ptr_array_unref(at->packages);
  g_free(at->agent);
  g_free(at->agent_path);
  g_free(at->inputs);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Building, building_clear)

gboolean
vn_image_build(const VnImageBuild *build, gboolean *out_built, GCancellable *cancellable,
               GError **error)
{
  g_autofree char *cache = vn_image_cache();
  g_auto(Building) at = {.build = build, .cancellable = cancellable};
  at.work = vn_store_work_begin(build->progress, build->data, cancellable, error);
  if (at.work == NULL)
    return FALSE;
  at.apt = vn_packages_new(cache, VN_RECIPE_DEBIAN_ARCH, build->progress, build->data, cancellable);
  if (!hash_agent(&at, error) || !find_packages(&at, error))
    return FALSE;
  at.inputs = hash_inputs(&at);
  gboolean same = !build->anew && is_same(&at);
  if (!same && !make_image(&at, error))
    return FALSE;
  *out_built = !same;
  return TRUE;
}

gboolean
vn_image_is_current(const VnRecipe *recipe, const char *agents)
{
  g_autoptr(VnGuestImage) image = vn_image_open(recipe->name, NULL);
  g_autofree char *title = vn_recipe_title(recipe);
  g_autofree char *path = g_build_filename(agents, recipe->agent, NULL);
  g_autofree char *agent = vn_manifest_hash_file(path, NULL, NULL);
  return image != NULL && agent != NULL && g_strcmp0(image->recipe, title) == 0 &&
         g_strcmp0(image->agent, agent) == 0;
}
