/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A machine's disk: layers of qcow2 over the image, which is only read. The newest layer is
 * written; a snapshot freezes it and begins the next. */
#pragma once

#include "drivers/libvirt/spec.h"

#define VN_VIRT_LAYERS_MAX 256u

typedef struct {
  const char *folder; /* the machine's */
  const char *base;   /* the image; NULL: a machine without disk, for which all here does nothing */
  const char *format; /* of the base */
  guint present;      /* number of the layer that is written; 0: none */
  guint last;         /* number that was given last */
  GHashTable *frozen; /* numbers of layers that others lie on */
} VnVirtDisk;

void vn_virt_disk_init(VnVirtDisk *disk, const char *folder, const char *base, VnVirtFormat format);
void vn_virt_disk_clear(VnVirtDisk *disk);

char *vn_virt_disk_path(const VnVirtDisk *disk, guint layer);
/* A new layer over `backing`, a qcow2 file; NULL: over the image. It is the present one then. */
gboolean vn_virt_disk_begin(VnVirtDisk *disk, const char *backing, GError **error);
/* The path of the layer that QEMU is to make over the present one; after it did, accept. */
char *vn_virt_disk_next(VnVirtDisk *disk, GError **error);
void vn_virt_disk_accept(VnVirtDisk *disk);
/* Throws away the present layer unless it is frozen. */
void vn_virt_disk_drop(VnVirtDisk *disk);
