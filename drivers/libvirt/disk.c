/* SPDX-License-Identifier: GPL-3.0-or-later */
/* See disk.h. */
#include "drivers/libvirt/disk.h"

#include <errno.h>
#include <unistd.h>

#include "drivers/libvirt/host.h"

void
vn_virt_disk_init(VnVirtDisk *disk, const char *folder, const char *base, VnVirtFormat format)
{
  *disk = (VnVirtDisk){.folder = folder,
                       .base = base,
                       .format = format == VN_VIRT_RAW ? "raw" : "qcow2",
                       .frozen = g_hash_table_new(NULL, NULL)};
}

void
vn_virt_disk_clear(VnVirtDisk *disk)
{
  g_clear_pointer(&disk->frozen, g_hash_table_unref);
}

char *
vn_virt_disk_path(const VnVirtDisk *disk, guint layer)
{
  return g_strdup_printf("%s/disk.%u", disk->folder, layer);
}

static gboolean
has_room(const VnVirtDisk *disk, GError **error)
{
  if (disk->last < VN_VIRT_LAYERS_MAX)
    return TRUE;
  g_set_error(error, VN_DRIVER_ERROR, VN_DRIVER_ERROR_LIMIT,
              "its disk has %u layers, which is the most: fewer snapshots and power cycles, please",
              VN_VIRT_LAYERS_MAX);
  return FALSE;
}

gboolean
vn_virt_disk_begin(VnVirtDisk *disk, const char *backing, GError **error)
{
  if (disk->base == NULL)
    return TRUE;
  if (!has_room(disk, error))
    return FALSE;
  g_autofree char *path = vn_virt_disk_path(disk, disk->last + 1);
  const char *command[] = {"qemu-img",
                           "create",
                           "-q",
                           "-f",
                           "qcow2",
                           "-b",
                           backing != NULL ? backing : disk->base,
                           "-F",
                           backing != NULL ? "qcow2" : disk->format,
                           path,
                           NULL};
  if (!vn_virt_run(command, error)) {
    (void)unlink(path); /* perhaps it was begun */
    g_prefix_error(error, "making its disk: ");
    return FALSE;
  }
  disk->present = ++disk->last;
  return TRUE;
}

char *
vn_virt_disk_next(VnVirtDisk *disk, GError **error)
{
  return has_room(disk, error) ? vn_virt_disk_path(disk, disk->last + 1) : NULL;
}

void
vn_virt_disk_accept(VnVirtDisk *disk)
{
  g_hash_table_add(disk->frozen, GUINT_TO_POINTER(disk->present));
  disk->present = ++disk->last;
}

void
vn_virt_disk_drop(VnVirtDisk *disk)
{
  guint layer = disk->present;
  disk->present = 0;
  if (layer == 0 || g_hash_table_contains(disk->frozen, GUINT_TO_POINTER(layer)))
    return;
  g_autofree char *path = vn_virt_disk_path(disk, layer);
  (void)unlink(path); /* the folder goes with all that is in it at the end */
}
