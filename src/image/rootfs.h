/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The first root of a built-in guest, an archive that the kernel unpacks into memory. */
#pragma once

#include "image/recipe.h"

#include <gio/gio.h>

typedef struct {
  const VnRecipe *recipe;
  const char *root;    /* the unpacked packages */
  const char *modules; /* lib/modules/RELEASE in it */
  const char *agent;   /* path of the agent's program */
  GCancellable *cancellable;
} VnRootfs;

/* The one kernel among the unpacked packages, and the folder of its modules. */
gboolean vn_rootfs_find_kernel(const char *root, char **out_bzimage, char **out_modules,
                               GError **error);
gboolean vn_rootfs_write(const VnRootfs *rootfs, const char *path, GError **error);
