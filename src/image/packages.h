/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Debian packages, by the machine's own sources of apt and without touching apt's state: resolved
 * from the system's lists where they have the package, else from lists of our own; kept in the
 * cache under their hash, which apt's signed lists give. Needs no root. */
#pragma once

#include "image/store.h"

#define VN_PACKAGE_SIZE_MAX (1024u << 20)
#define VN_PACKAGES_MAX     64u

typedef struct {
  char *name, *version, *depends; /* depends: never NULL */
  char *sha256;
  gint64 size; /* of the file */
  char *path;  /* in the cache, whether it is there yet or not */
} VnPackage;

typedef struct VnPackages VnPackages;

/* cache: vn_image_cache(). */
VnPackages *vn_packages_new(const char *cache, const char *arch, VnImageProgress progress,
                            gpointer data, GCancellable *cancellable);
void vn_packages_free(VnPackages *packages);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VnPackages, vn_packages_free)

/* What would be installed under each of the names ("one|other": the first that there is). Gives
 * VnPackages in the order of the names. */
GPtrArray *vn_packages_find(VnPackages *packages, const char *names, GError **error);
/* Gets those into the cache that are not there. */
gboolean vn_packages_fetch(VnPackages *packages, GPtrArray *wanted, GError **error);
