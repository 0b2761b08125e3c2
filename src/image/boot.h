/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Boots an image alone, without a network and without changing it, to see whether its agent
 * answers. By QEMU's own emulation: it works everywhere, and an image that boots there boots with
 * a processor's help, too. */
#pragma once

#include "image/store.h"

#define VN_BOOT_SECONDS 120 /* for the agent to answer, unless said otherwise */

typedef struct {
  const VnGuestImage *image;
  guint seconds;
  VnImageProgress progress;
  gpointer data;
} VnImageBoot;

typedef struct {
  char *os, *arch, *name; /* what the agent said of itself: valid UTF-8; may be empty */
  gint64 protocol;
  double seconds; /* until then */
} VnImageHello;

void vn_image_hello_clear(VnImageHello *hello);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(VnImageHello, vn_image_hello_clear)

/* Where the agent doesn't answer the error has the end of the guest's console. */
gboolean vn_image_boot(const VnImageBoot *boot, VnImageHello *out_hello, GCancellable *cancellable,
                       GError **error);
