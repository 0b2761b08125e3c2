/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Archives in cpio's "newc" form, which the kernel unpacks as its first root (its
 * Documentation/driver-api/early-userspace/buffer-format.rst). The same entries give the same
 * bytes, whatever order they were added in: sorted, all of root's, made in 1970. Folders above an
 * entry are added by themselves. */
#pragma once

#include <gio/gio.h>

#define VN_CPIO_SIZE_MAX (512u << 20)

typedef struct VnCpio VnCpio;

VnCpio *vn_cpio_new(void);
void vn_cpio_free(VnCpio *cpio);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VnCpio, vn_cpio_free)

/* Paths are relative: "bin/sh". A later entry replaces an earlier one of the same path. */
void vn_cpio_add_folder(VnCpio *cpio, const char *path, guint mode);
void vn_cpio_add_file(VnCpio *cpio, const char *path, guint mode, GBytes *content);
void vn_cpio_add_text(VnCpio *cpio, const char *path, guint mode, const char *text);
void vn_cpio_add_link(VnCpio *cpio, const char *path, const char *target);
/* A character device. */
void vn_cpio_add_device(VnCpio *cpio, const char *path, guint mode, guint major, guint minor);
gboolean vn_cpio_has(const VnCpio *cpio, const char *path);

gboolean vn_cpio_write(const VnCpio *cpio, const char *path, GCancellable *cancellable,
                       GError **error);
