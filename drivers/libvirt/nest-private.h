/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What nests of both kinds are built from (nest.c), put together at BASE. */
#pragma once

#include <glib.h>
#include <sys/mount.h>

/* Any folder that is there on every system. */
#define VN_VIRT_NEST_BASE   "/tmp"
#define VN_VIRT_NEST_CLOSED (MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV)

/* A file or folder of the machine; what there is not is success. */
gboolean vn_virt_nest_bind(const char *from, const char *to, guint64 attributes, GError **error);
/* /usr and what belongs to it, read-only. */
gboolean vn_virt_nest_system(GError **error);
/* names: below /dev, ends with NULL. And terminals of its own. */
gboolean vn_virt_nest_devices(const char *const *names, GError **error);
/* BASE, which has a folder "old", becomes the root; what was it is gone. */
gboolean vn_virt_nest_change_root(GError **error);
