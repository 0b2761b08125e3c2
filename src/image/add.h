/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Takes somebody's disk into the store. It is copied first and looked at then, by qemu-img under
 * bounds: what a disk says of itself isn't trusted. */
#pragma once

#include "image/boot.h"

#define VN_ADD_VIRTUAL_MAX ((gint64)4 << 40) /* bytes that the guest sees */
#define VN_ADD_MEMORY_MIN  ((gint64)16 << 20)
#define VN_ADD_MEMORY_MAX  ((gint64)1 << 40)

typedef struct {
  const char *name, *file;
  const char *os, *role, *bus, *nic; /* words that vn_image_words has */
  gint64 memory;
  gboolean replace;
  guint seconds; /* to wait for the agent; 0: it isn't booted */
  VnImageProgress progress;
  gpointer data;
} VnImageAdd;

/* Why a disk that begins with these bytes isn't taken; NULL: it may be. */
const char *vn_image_disk_refused(const guint8 *head, gsize n);

/* out_hello: filled if it was booted. */
gboolean vn_image_add(const VnImageAdd *add, VnImageHello *out_hello, GCancellable *cancellable,
                      GError **error);
