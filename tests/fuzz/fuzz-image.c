/* SPDX-License-Identifier: GPL-3.0-or-later */
/* libFuzzer target: what an image brings along is read or refused: its manifest, the start of a
 * disk, programs and modules. */
#include <stdlib.h>
#include <string.h>

#include "image/add.h"
#include "image/elf.h"
#include "image/manifest.h"

int LLVMFuzzerTestOneInput(const guint8 *data, gsize size);

/* No file may be named that is not right in the folder. */
static void
read_manifest(const guint8 *data, gsize size)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(VnGuestImage) image = g_new0(VnGuestImage, 1);
  image->lock = -1;
  if (vn_manifest_parse((const char *)data, size, "/i", image, &error) != (error == NULL))
    abort();
  const char *paths[] = {image->kernel, image->initrd, image->disk};
  for (guint i = 0; i < G_N_ELEMENTS(paths); i++)
    if (paths[i] != NULL &&
        (!g_str_has_prefix(paths[i], "/i/") || strchr(paths[i] + 3, '/') != NULL))
      abort();
}

static void
read_elf(const guint8 *data, gsize size)
{
  g_autoptr(GBytes) bytes = g_bytes_new(data, size);
  g_autoptr(GError) module_error = NULL, library_error = NULL;
  g_autofree char *loader = NULL;
  g_auto(GStrv) modules = vn_elf_module_needs(bytes, &module_error);
  g_auto(GStrv) libraries = vn_elf_library_needs(bytes, &loader, &library_error);
  if ((modules == NULL) == (module_error == NULL) || (libraries == NULL) == (library_error == NULL))
    abort();
}

int
LLVMFuzzerTestOneInput(const guint8 *data, gsize size)
{
  (void)vn_image_disk_refused(data, size);
  read_manifest(data, size);
  read_elf(data, size);
  return 0;
}
