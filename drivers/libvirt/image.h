/* SPDX-License-Identifier: GPL-3.0-or-later */
/* From a VM of the experiment and its image's keys to what vnec-virt boots. */
#pragma once

#include "drivers/libvirt/spec.h"

typedef struct {
  VnVirtSpec spec;
  int fds[VN_VIRT_N_FILES]; /* opened, in order, those that there are; -1 */
  guint n_fds;
  gpointer hold; /* keeps the image while the machine may boot; NULL */
} VnVirtImage;

gboolean vn_virt_image_read(const VnDriverVm *vm, VnVirtImage *out, GError **error);
/* Closes the descriptors; `hold` is kept unless the caller leaves it there. */
void vn_virt_image_clear(VnVirtImage *image);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(VnVirtImage, vn_virt_image_clear)
void vn_virt_image_release(gpointer hold);
