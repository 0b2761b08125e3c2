/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The file systems: the helper's own small root, and what a guest sees.
 *
 * The helper's root holds, and so any guest could at most be given:
 *   /usr (and /bin, /lib… where they are folders of their own)  the machine's, read-only
 *   /dev    null zero full random urandom tty, read-only
 *   /proto  the lower layer of every guest's root: generated, with /etc
 *   /proc   of the helper's process namespace
 *   /mnt    where a guest's root is put together
 *   /state  writable layers and snapshots; each keeper mounts its own
 */
#pragma once

#include "driver/driver.h"

#define VN_NETNS_STATE "/state"

/* In the helper, in a mount namespace of its own: builds the above and makes it the root. */
gboolean vn_netns_root_build(GError **error);
/* In a keeper: its own /state, and a /proc of its process namespace. */
gboolean vn_netns_root_keeper(GError **error);

/* The folders of VM `id`'s writable layer, if they aren't there. */
int vn_netns_root_files(guint32 id, const char *hostname);
/* In a VM's first process, in its namespaces: puts its root together and moves into it.
 * 0 or an errno; *out_what says of what. */
int vn_netns_root_enter(guint32 id, const char **out_what);

#define VN_NETNS_PATH_MAX 64
/* "/state/vm/ID" */
void vn_netns_root_path(guint32 id, char path[VN_NETNS_PATH_MAX]);
