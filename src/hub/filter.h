/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Capture filters in libpcap's language, over Ethernet frames, and their places in the kernel. */
#pragma once

#include <gio/gio.h>

#define VN_FILTER_TEXT_MAX 4096u

typedef struct VnFilter VnFilter;

/* An empty text takes everything. NULL with an error that holds libpcap's words. */
VnFilter *vn_filter_compile(const char *text, GError **error);
void vn_filter_free(VnFilter *filter);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VnFilter, vn_filter_free)

/* In user space. */
gboolean
vn_filter_takes(const VnFilter *filter, const guint8 *bytes, guint32 captured, guint32 original);
/* In the kernel, on a packet socket: what does not pass is never queued. */
gboolean vn_filter_attach(const VnFilter *filter, int fd, GError **error);
