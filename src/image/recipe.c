/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "image/recipe.h"

#include <string.h>

static const VnRecipe recipes[] = {
/* A list of tools is two arguments: packages and programs. */
#define VN_RECIPE(...) {__VA_ARGS__},
#include "image/recipe.def"
#undef VN_RECIPE
};

static const char init_script[] = ""
#include "image/init.inc"
    ;

const VnRecipe *
vn_recipe_all(guint *out_n)
{
  *out_n = G_N_ELEMENTS(recipes);
  return recipes;
}

const VnRecipe *
vn_recipe_find(const char *name)
{
  for (guint i = 0; i < G_N_ELEMENTS(recipes); i++)
    if (strcmp(recipes[i].name, name) == 0)
      return &recipes[i];
  return NULL;
}

char *
vn_recipe_title(const VnRecipe *recipe)
{
  return g_strdup_printf("%s/%u", recipe->name, recipe->version);
}

const char *
vn_recipe_init(void)
{
  return init_script;
}
