/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The images that VNEC builds itself: recipe.def. All are initramfs images for x86_64: a Debian
 * kernel, its modules, busybox, some tools, the agent, and /init (init.sh). */
#pragma once

#include <glib.h>

#define VN_RECIPE_ARCH "x86_64"
#define VN_RECIPE_DEBIAN_ARCH "amd64"
/* The guest says little on its console, and ends where it can't go on. */
#define VN_RECIPE_APPEND "console=ttyS0 quiet panic=-1"

typedef struct {
  const char *name;
  guint version;
  const char *role, *agent;
  const char *kernel_package, *modules, *packages, *programs; /* lists with spaces between */
  guint memory_mib;
  const char *help;
} VnRecipe;

/* NULL: no recipe has the name. */
const VnRecipe *vn_recipe_find(const char *name);
/* All of them, in order. */
const VnRecipe *vn_recipe_all(guint *out_n);
/* "linux/1" */
char *vn_recipe_title(const VnRecipe *recipe);
/* The guest's /init. */
const char *vn_recipe_init(void);
