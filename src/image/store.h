/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Writing to the store of images: one at a time, and whole or not at all.
 *
 * A VnStoreWork is the right to write and a private folder below objects/. What a process that was
 * killed left there, the next one removes. The folder is on the store's own file system, so that
 * putting it in place is a rename.
 */
#pragma once

#include "image/image.h"

typedef void (*VnImageProgress)(const char *text, gpointer data);

typedef struct {
  char *store;  /* absolute */
  char *folder; /* to write to; becomes the object */
  int lock;
} VnStoreWork;

/* Waits for whoever writes, saying so once. */
VnStoreWork *vn_store_work_begin(VnImageProgress progress, gpointer data,
                                 GCancellable *cancellable, GError **error);
/* image: filled but for name, id, folder and lock, its files in work->folder. Writes the manifest,
 * makes the folder an object, and lets `name` mean it. */
gboolean vn_store_work_commit(VnStoreWork *work, const char *name, VnGuestImage *image,
                              GPtrArray *packages, GCancellable *cancellable, GError **error);
/* Removes what was not committed, and objects that nothing needs. */
void vn_store_work_free(VnStoreWork *work);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VnStoreWork, vn_store_work_free)

/* Removes a folder with all in it, never following a symbolic link. */
void vn_store_remove_tree(const char *path);
