/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which images a script's machines on this computer are made from, so that a run builds those of
 * VNEC's own that are missing. A folder, disk or kernel that the script names is its author's. */
#include <string.h>

#include "cmd/images.h"
#include "cmd/script.h"
#include "cmd/verb.h"
#include "image/image.h"
#include "tech/tech.h"

#define LOCAL_SITE 0

/* The name of the store's image that the script's image stands for; NULL: none. */
static const char *
name_of(const VnImage *image, gboolean router)
{
  gboolean own = FALSE;
  for (guint32 i = 0; i < image->n_keys; i++) {
    if (strcmp(image->keys[i], "vm") == 0 && image->values[i].kind == VN_VALUE_STRING)
      return image->values[i].text->text;
    own = own || strcmp(image->keys[i], "kernel") == 0 || strcmp(image->keys[i], "disk") == 0;
  }
  const char *channel = vn_model_image_word(image, "channel");
  return own ? NULL : vn_image_default(router, g_strcmp0(channel, "folder") == 0);
}

static void
add_name(GPtrArray *names, const char *name)
{
  if (!g_ptr_array_find_with_equal_func(names, name, g_str_equal, NULL))
    g_ptr_array_add(names, g_strdup(name));
}

static void
add_model(GPtrArray *names, const VnModel *model)
{
  for (guint32 i = 0; i < model->topology.n_vms; i++) {
    const VnVm *vm = &model->topology.vms[i];
    gboolean router = vm->kind == VN_VM_ROUTER;
    if (vn_model_tech(model, i) != VN_TECH_QEMU || vn_model_site(model, i) != LOCAL_SITE)
      continue;
    const char *name = vm->image == VN_NO_ID ? vn_image_default(router, FALSE)
                                             : name_of(&model->images[vm->image], router);
    if (name != NULL)
      add_name(names, name);
  }
}

int
vn_images_prepare(const char *verb, const VnScript *script)
{
  g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
  for (guint32 i = 0; i < script->n_points; i++)
    add_model(names, script->points[i].model);
  g_autoptr(GError) error = NULL;
  return vn_images_ensure(names, &error) ? VN_EXIT_PASSED : vn_images_failed(verb, error);
}
