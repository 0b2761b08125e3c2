/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Builds the images that VNEC has recipes for. The same packages, agent and recipe give the same
 * bytes: nothing of the machine, the user or the time goes in. */
#pragma once

#include "image/packages.h"
#include "image/recipe.h"

typedef struct {
  const VnRecipe *recipe;
  const char *agents; /* folder of vnec-taskrunner and vnec-router */
  gboolean anew;      /* also if it is there already */
  VnImageProgress progress; /* may be NULL; called from the thread that builds */
  gpointer data;
} VnImageBuild;

/* out_built: FALSE if what is there was made from the same things. */
gboolean vn_image_build(const VnImageBuild *build, gboolean *out_built, GCancellable *cancellable,
                        GError **error);

/* Is it there, made by this recipe and with this agent? Says nothing about newer packages, and
 * asks nobody. */
gboolean vn_image_is_current(const VnRecipe *recipe, const char *agents);
