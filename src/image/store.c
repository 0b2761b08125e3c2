/* SPDX-License-Identifier: GPL-3.0-or-later */
/* All that makes or removes an object does it under the store's lock. An object is held by a
 * shared lock on its folder (image.c), so one that can be locked whole is held by nobody. */
#include "image/store.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <glib/gstdio.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "image/manifest.h"

#define WAIT_STEP_US   200000 /* between looks at a lock that another process has */
#define TREE_OPEN_MAX  32     /* folders open at once while a tree is removed */
#define NEW_PREFIX     ".new-"
#define OBJECTS        "objects"

static gboolean
failed(GError **error, const char *path)
{
  int number = errno;
  g_set_error(error, VN_IMAGE_ERROR, VN_IMAGE_ERROR_FAILED, "%s: %s", path, g_strerror(number));
  return FALSE;
}

/* What can't be removed stays; the rest can go. */
static int
remove_one(const char *path, const struct stat *info, int kind, struct FTW *where)
{
  (void)remove(path);
  return 0;
}

/* Folders that packages brought may be closed to us. */
static int
open_one(const char *path, const struct stat *info, int kind, struct FTW *where)
{
  if (kind == FTW_D || kind == FTW_DNR)
    (void)chmod(path, 0700);
  return 0;
}

void
vn_store_remove_tree(const char *path)
{
  (void)nftw(path, open_one, TREE_OPEN_MAX, FTW_PHYS);
  (void)nftw(path, remove_one, TREE_OPEN_MAX, FTW_PHYS | FTW_DEPTH);
}

/* Names that links in the store mean, as a set of IDs. */
static GHashTable *
ids_in_use(const char *store)
{
  GHashTable *ids = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
  g_autoptr(GPtrArray) names = vn_image_names(NULL);
  for (guint i = 0; names != NULL && i < names->len; i++) {
    g_autofree char *link = g_build_filename(store, names->pdata[i], NULL);
    g_autofree char *target = g_file_read_link(link, NULL);
    if (target != NULL)
      g_hash_table_add(ids, g_path_get_basename(target));
  }
  return ids;
}

static void
remove_unless_held(const char *path)
{
  int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (fd < 0)
    return;
  if (flock(fd, LOCK_EX | LOCK_NB) == 0)
    vn_store_remove_tree(path);
  close(fd);
}

static void
sweep(const char *store)
{
  g_autofree char *objects = g_build_filename(store, OBJECTS, NULL);
  g_autoptr(GHashTable) used = ids_in_use(store);
  g_autoptr(GDir) dir = g_dir_open(objects, 0, NULL);
  const char *name;
  while (dir != NULL && (name = g_dir_read_name(dir)) != NULL) {
    g_autofree char *path = g_build_filename(objects, name, NULL);
    if (g_str_has_prefix(name, NEW_PREFIX))
      vn_store_remove_tree(path);
    else if (!g_hash_table_contains(used, name))
      remove_unless_held(path);
  }
}

static gboolean
take_lock(VnStoreWork *work, VnImageProgress progress, gpointer data, GCancellable *cancellable,
          GError **error)
{
  g_autofree char *path = g_build_filename(work->store, ".lock", NULL);
  work->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (work->lock < 0)
    return failed(error, path);
  for (gboolean said = FALSE; flock(work->lock, LOCK_EX | LOCK_NB) != 0; said = TRUE) {
    if (errno != EWOULDBLOCK && errno != EINTR)
      return failed(error, path);
    if (!said && progress != NULL)
      progress("waiting for another vnec that writes images", data);
    if (g_cancellable_set_error_if_cancelled(cancellable, error))
      return FALSE;
    g_usleep(WAIT_STEP_US);
  }
  return TRUE;
}

VnStoreWork *
vn_store_work_begin(VnImageProgress progress, gpointer data, GCancellable *cancellable,
                    GError **error)
{
  g_autoptr(VnStoreWork) work = g_new0(VnStoreWork, 1);
  work->lock = -1;
  work->store = vn_image_store();
  g_autofree char *objects = g_build_filename(work->store, OBJECTS, NULL);
  if (g_mkdir_with_parents(objects, 0755) != 0) {
    failed(error, objects);
    return NULL;
  }
  if (!take_lock(work, progress, data, cancellable, error))
    return NULL;
  sweep(work->store);
  work->folder = g_build_filename(objects, NEW_PREFIX "XXXXXX", NULL);
  if (g_mkdtemp_full(work->folder, 0700) == NULL) {
    failed(error, objects);
    g_clear_pointer(&work->folder, g_free);
    return NULL;
  }
  return g_steal_pointer(&work);
}

void
vn_store_work_free(VnStoreWork *work)
{
  if (work == NULL)
    return;
  if (work->folder != NULL)
    vn_store_remove_tree(work->folder);
  if (work->lock >= 0) {
    sweep(work->store);
    close(work->lock);
  }
  g_free(work->folder);
  g_free(work->store);
  g_free(work);
}

/* Links are turned by a rename: a name always means something whole. */
static gboolean
turn_link(const VnStoreWork *work, const char *name, const char *id, GError **error)
{
  g_autofree char *target = g_build_filename(OBJECTS, id, NULL);
  g_autofree char *link = g_build_filename(work->store, name, NULL);
  g_autofree char *fresh = g_build_filename(work->store, ".link", NULL);
  (void)g_unlink(fresh);
  return (symlink(target, fresh) == 0 && g_rename(fresh, link) == 0) || failed(error, link);
}

static gboolean
is_good(const char *object, const char *id)
{
  g_autoptr(VnGuestImage) present = g_new0(VnGuestImage, 1);
  present->lock = -1;
  present->folder = g_strdup(object);
  present->id = g_strdup(id);
  return vn_manifest_read(object, present, NULL) && vn_manifest_verify(present, NULL, NULL);
}

/* The same content may be there already: then our copy goes with the work, unless theirs has
 * suffered. */
static gboolean
place_object(VnStoreWork *work, const char *id, GError **error)
{
  g_autofree char *object = g_build_filename(work->store, OBJECTS, id, NULL);
  gboolean there = g_file_test(object, G_FILE_TEST_IS_DIR);
  if (there && is_good(object, id))
    return TRUE;
  if (renameat2(AT_FDCWD, work->folder, AT_FDCWD, object, there ? RENAME_EXCHANGE : 0) != 0)
    return failed(error, object);
  if (!there)
    g_clear_pointer(&work->folder, g_free);
  return TRUE;
}

/* What VNEC built is no secret: who runs machines may be another user than who builds images. A
 * disk of somebody's stays his. */
static gboolean
open_to_readers(const VnStoreWork *work, const VnGuestImage *image, GError **error)
{
  const char *paths[] = {work->folder, image->kernel, image->initrd};
  for (guint i = 0; i < G_N_ELEMENTS(paths); i++)
    if (paths[i] != NULL && chmod(paths[i], i == 0 ? 0755 : 0644) != 0)
      return failed(error, paths[i]);
  return TRUE;
}

gboolean
vn_store_work_commit(VnStoreWork *work, const char *name, VnGuestImage *image, GPtrArray *packages,
                     GCancellable *cancellable, GError **error)
{
  g_autofree char *text = vn_manifest_text(image, packages, cancellable, error);
  if (text == NULL)
    return FALSE;
  g_autofree char *path = g_build_filename(work->folder, VN_IMAGE_MANIFEST, NULL);
  if (!g_file_set_contents_full(path, text, -1, G_FILE_SET_CONTENTS_CONSISTENT, 0644, error))
    return FALSE;
  g_autofree char *id = vn_manifest_id(text, strlen(text));
  return open_to_readers(work, image, error) && place_object(work, id, error) &&
         turn_link(work, name, id, error);
}
