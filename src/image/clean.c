/* SPDX-License-Identifier: GPL-3.0-or-later */
/* See clean.h. A piece is an entry of a folder of the cache, a file or a folder; who uses it sets
 * its time of modification. */
#include "image/clean.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <sys/stat.h>

#include "image/image.h"
#include "image/store.h"

#define DEPTH_MAX 8u /* of what is measured; nothing of ours is deeper */

static guint64
size_of(const char *path, guint depth)
{
  GStatBuf info;
  if (g_lstat(path, &info) != 0)
    return 0;
  guint64 size = (guint64)info.st_blocks * 512;
  g_autoptr(GDir) dir =
      S_ISDIR(info.st_mode) && depth < DEPTH_MAX ? g_dir_open(path, 0, NULL) : NULL;
  const char *name;
  while (dir != NULL && (name = g_dir_read_name(dir)) != NULL) {
    g_autofree char *inner = g_build_filename(path, name, NULL);
    size += size_of(inner, depth + 1);
  }
  return size;
}

/* How many pieces were removed from `folder`. */
static guint
clean_folder(const char *folder, gint64 unused_s, guint64 *bytes, GError **error)
{
  g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL); /* none: nothing is kept */
  gint64 now = g_get_real_time() / G_USEC_PER_SEC;
  guint removed = 0;
  const char *name;
  while (dir != NULL && (name = g_dir_read_name(dir)) != NULL) {
    g_autofree char *path = g_build_filename(folder, name, NULL);
    GStatBuf info;
    if (g_lstat(path, &info) != 0 || now - info.st_mtime < unused_s)
      continue;
    guint64 size = size_of(path, 0);
    vn_store_remove_tree(path);
    if (g_lstat(path, &info) == 0) {
      if (error != NULL && *error == NULL)
        g_set_error(error, VN_IMAGE_ERROR, VN_IMAGE_ERROR_FAILED, "%s can't be removed", path);
      continue;
    }
    *bytes += size;
    removed++;
  }
  return removed;
}

gboolean
vn_image_clean(gint64 unused_s, VnImageCleaned *out, GError **error)
{
  g_autofree char *cache = vn_image_cache();
  g_autofree char *packages = g_build_filename(cache, "packages", NULL);
  g_autofree char *apt = g_build_filename(cache, "apt", NULL);
  g_autofree char *states = g_build_filename(cache, "states", NULL);
  g_autoptr(GError) failure = NULL;
  *out = (VnImageCleaned){0};
  out->packages = clean_folder(packages, unused_s, &out->bytes, &failure);
  (void)clean_folder(apt, unused_s, &out->bytes, &failure); /* lists: nothing that is counted */
  out->states = clean_folder(states, unused_s, &out->bytes, &failure);
  if (failure == NULL)
    return TRUE;
  g_propagate_error(error, g_steal_pointer(&failure));
  return FALSE;
}
