/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "image/image.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "image/manifest.h"
#include "image/recipe.h"
#include "image/store.h"

#define OPEN_TRIES 100 /* an object may be swapped while it is opened; each time it was another */

G_DEFINE_QUARK(vn-image-error-quark, vn_image_error)

const char *
vn_image_default(gboolean router, gboolean folder)
{
  if (folder)
    return router ? "linux-router-9p" : "linux-9p";
  return router ? "linux-router" : "linux";
}

const char *const *
vn_image_words(VnImageWord which)
{
  static const char *const words[][6] = {
      [VN_IMAGE_OS] = {"linux", "windows", "bsd", "other", NULL},
      [VN_IMAGE_ROLE] = {"host", "router", NULL},
      [VN_IMAGE_BUS] = {"virtio", "ide", NULL},
      [VN_IMAGE_NIC] = {"virtio", "e1000", "pcnet", "rtl8139", NULL},
  };
  return words[which];
}

char *
vn_image_store(void)
{
  const char *chosen = g_getenv("VNEC_IMAGES");
  return chosen != NULL && *chosen != '\0'
             ? g_canonicalize_filename(chosen, NULL)
             : g_build_filename(g_get_user_data_dir(), "vnec", "images", NULL);
}

char *
vn_image_cache(void)
{
  return g_build_filename(g_get_user_cache_dir(), "vnec", NULL);
}

gboolean
vn_image_name_check(const char *name, GError **error)
{
  gsize length = strlen(name);
  gboolean good = length > 0 && length <= VN_IMAGE_NAME_MAX && g_ascii_isalnum(*name) &&
                  strcmp(name, "objects") != 0; /* the store's own */
  for (const char *c = name; good && *c != '\0'; c++)
    good = g_ascii_isalnum(*c) || strchr("-_.", *c) != NULL;
  if (!good)
    g_set_error(error, VN_IMAGE_ERROR, VN_IMAGE_ERROR_NAME,
                "\"%.*s\" can't be the name of an image: letters, digits, '-', '_' and '.', at "
                "most %u, a letter or digit first",
                (int)VN_IMAGE_NAME_MAX, name, VN_IMAGE_NAME_MAX);
  return good;
}

static void
set_missing(GError **error, const char *name, const char *store)
{
  if (vn_recipe_find(name) != NULL)
    g_set_error(error, VN_IMAGE_ERROR, VN_IMAGE_ERROR_MISSING,
                "the image \"%s\" is not built on this machine: `vnec image build %s`", name, name);
  else
    g_set_error(error, VN_IMAGE_ERROR, VN_IMAGE_ERROR_MISSING,
                "there is no image \"%s\" in %s: `vnec image add %s FILE.qcow2` takes one, `vnec "
                "image list` shows those that are there",
                name, store, name);
}

/* The object's folder, locked; NULL without error: it went away meanwhile. */
static char *
open_object(const char *link, int *out_lock, GError **error)
{
  g_autofree char *folder = realpath(link, NULL); /* malloc and g_malloc are one */
  *out_lock = folder != NULL ? open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
  if (*out_lock < 0)
    return NULL;
  g_autofree char *now = NULL;
  if (flock(*out_lock, LOCK_SH | LOCK_NB) == 0) /* it is taken whole only to be removed */
    now = realpath(link, NULL);
  if (g_strcmp0(now, folder) == 0)
    return g_steal_pointer(&folder);
  close(*out_lock);
  *out_lock = -1;
  return NULL;
}

VnGuestImage *
vn_image_open(const char *name, GError **error)
{
  if (!vn_image_name_check(name, error))
    return NULL;
  g_autofree char *store = vn_image_store();
  g_autofree char *link = g_build_filename(store, name, NULL);
  g_autoptr(VnGuestImage) image = g_new0(VnGuestImage, 1);
  image->lock = -1;
  for (guint i = 0; i < OPEN_TRIES && image->folder == NULL; i++) {
    GStatBuf info;
    if (g_lstat(link, &info) != 0) {
      set_missing(error, name, store);
      return NULL;
    }
    image->folder = open_object(link, &image->lock, error);
  }
  if (image->folder == NULL) {
    g_set_error(error, VN_IMAGE_ERROR, VN_IMAGE_ERROR_DAMAGED,
                "%s leads to no image: `vnec image rm %s`, then build or add it again", link, name);
    return NULL;
  }
  image->name = g_strdup(name);
  image->id = g_path_get_basename(image->folder);
  return vn_manifest_read(image->folder, image, error) ? g_steal_pointer(&image) : NULL;
}

void
vn_image_free(VnGuestImage *image)
{
  if (image == NULL)
    return;
  char *texts[] = {image->name,   image->id,     image->folder, image->technology, image->os,
                   image->arch,   image->role,   image->kernel, image->initrd,     image->disk,
                   image->append, image->bus,    image->nic,    image->recipe,     image->inputs,
                   image->agent};
  for (guint i = 0; i < G_N_ELEMENTS(texts); i++)
    g_free(texts[i]);
  if (image->lock >= 0)
    close(image->lock);
  g_free(image);
}

gboolean
vn_image_verify(const VnGuestImage *image, GCancellable *cancellable, GError **error)
{
  return vn_manifest_verify(image, cancellable, error);
}

static int
compare_names(gconstpointer a, gconstpointer b)
{
  return strcmp(*(char *const *)a, *(char *const *)b);
}

GPtrArray *
vn_image_names(GError **error)
{
  g_autofree char *store = vn_image_store();
  g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
  g_autoptr(GError) failure = NULL;
  g_autoptr(GDir) dir = g_dir_open(store, 0, &failure);
  if (dir == NULL && !g_error_matches(failure, G_FILE_ERROR, G_FILE_ERROR_NOENT)) {
    g_propagate_error(error, g_steal_pointer(&failure));
    return NULL;
  }
  const char *name;
  while (dir != NULL && (name = g_dir_read_name(dir)) != NULL && names->len < VN_IMAGE_LIST_MAX)
    if (vn_image_name_check(name, NULL))
      g_ptr_array_add(names, g_strdup(name));
  g_ptr_array_sort(names, compare_names);
  return g_steal_pointer(&names);
}

gboolean
vn_image_remove(const char *name, GCancellable *cancellable, GError **error)
{
  if (!vn_image_name_check(name, error))
    return FALSE;
  g_autoptr(VnStoreWork) work = vn_store_work_begin(NULL, NULL, cancellable, error);
  if (work == NULL)
    return FALSE;
  g_autofree char *link = g_build_filename(work->store, name, NULL);
  GStatBuf info;
  if (g_lstat(link, &info) != 0) {
    set_missing(error, name, work->store);
    return FALSE;
  }
  if (g_unlink(link) == 0)
    return TRUE;
  g_set_error(error, VN_IMAGE_ERROR, VN_IMAGE_ERROR_FAILED, "%s: %s", link, g_strerror(errno));
  return FALSE;
}
