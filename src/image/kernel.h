/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Out of a package's kernel: the ELF file that boots without a boot loader (PVH), and modules in an
 * order in which they can be loaded. */
#pragma once

#include <gio/gio.h>

#define VN_KERNEL_SIZE_MAX  (256u << 20) /* of the unpacked kernel */
#define VN_KERNEL_MODULES_MAX 512u       /* in an image */

/* bzimage: a file as in /boot (Linux' Documentation/arch/x86/boot.rst); out: where the ELF file is
 * to be. */
gboolean vn_kernel_unpack(const char *bzimage, const char *out, GCancellable *cancellable,
                          GError **error);

typedef struct {
  char *name; /* "virtio_net.ko" */
  GBytes *content;
} VnKernelModule;

/* folder: lib/modules/RELEASE of the package; wanted: names with spaces between. Gives
 * VnKernelModules, each after those that it needs. What is built into the kernel is left out. */
GPtrArray *vn_kernel_modules(const char *folder, const char *wanted, GCancellable *cancellable,
                             GError **error);
