/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One Linux container, from its making to its end; machine.h has the same for a virtual machine,
 * and what is said there of calls, states and what is taken holds here. Only in a den (den.h).
 *
 * Its files are layers: below the guests' usual root (driver/proto.h) with the machine's /usr
 * over it, or a folder of the user's, which is only read; above what it writes. A snapshot is a
 * copy of what is above.
 */
#pragma once

#include "drivers/libvirt/machine.h"

typedef struct VnVirtContainer VnVirtContainer;

/* fds[VN_VIRT_FILE_disk]: its root's lower layer, an open mount (open_tree); -1: the usual one. */
VnVirtContainer *
vn_virt_container_new(VnVirtHost *host, VnVirtSpec *spec, int *fds, GError **error);
void vn_virt_container_free(VnVirtContainer *container);
const char *vn_virt_container_uuid(const VnVirtContainer *container);
guint32 vn_virt_container_id(const VnVirtContainer *container);

gboolean vn_virt_container_on(VnVirtContainer *container, VnVirtLife *life, GError **error);
gboolean vn_virt_container_off(VnVirtContainer *container, gboolean keep_disk, GError **error);
gboolean vn_virt_container_suspend(VnVirtContainer *container, GError **error);
gboolean vn_virt_container_resume(VnVirtContainer *container, GError **error);
gboolean vn_virt_container_snapshot(VnVirtContainer *container, const char *name, GError **error);
/* Its processes end, its files are put back, it is started again. */
gboolean vn_virt_container_revert(VnVirtContainer *container, const char *name, VnVirtLife *life,
                                  GError **error);

char *vn_virt_container_stopped(VnVirtContainer *container);
/* Its libvirt is gone: its processes end. FALSE: it was not on. */
gboolean vn_virt_container_abandon(VnVirtContainer *container);
gboolean vn_virt_container_is_on(const VnVirtContainer *container);
gboolean vn_virt_container_prove(const VnVirtContainer *container, GError **error);
