/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The one place in the machine's cgroups where an experiment's containers are: a folder of ours in
 * each hierarchy, below the group that we are in ourselves. Folders there outlive processes, so
 * they are the only thing of this driver that must be removed by hand: by the watcher, by the
 * broom if the watcher was killed, and by the next start if both were.
 */
#pragma once

#include <glib.h>

#define VN_VIRT_CGROUP_MARK "vnec-" /* begins their names; then watcher's pid and start time */

typedef struct VnVirtCgroups VnVirtCgroups;

/* What the machine has mounted; FALSE where it does not do for containers, with why. */
VnVirtCgroups *vn_virt_cgroups_find(GError **error);
void vn_virt_cgroups_free(VnVirtCgroups *cgroups);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VnVirtCgroups, vn_virt_cgroups_free)

/* The folders, named after this process. What dead watchers left beside is removed. */
gboolean vn_virt_cgroups_make(VnVirtCgroups *cgroups, GError **error);
/* The calling process moves into them and sees nothing above any more. */
gboolean vn_virt_cgroups_enter(const VnVirtCgroups *cgroups, GError **error);
/* Mounts them below `base`, an empty folder. Only after `enter`. */
gboolean vn_virt_cgroups_mount(const VnVirtCgroups *cgroups, const char *base, GError **error);
/* Removes the folders, for some seconds until those that were in them are gone. */
void vn_virt_cgroups_sweep(const VnVirtCgroups *cgroups);
