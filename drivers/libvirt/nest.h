/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The place where vnec-virt and its machines live: a user, pid, mount, network, ipc and uts
 * namespace of their own. In it there are /usr (read-only), a few devices, the kept states
 * (read-only) and a tmpfs; no network, no other file and no process of the machine. Whoever of
 * watcher and nest dies takes the rest along, files and sockets included.
 */
#pragma once

#include <glib.h>

#define VN_VIRT_HOME   "/v"      /* writable, and gone with the nest */
#define VN_VIRT_STATES "/states" /* kept states of earlier runs */

#define VN_VIRT_STRANGER 0x70001000u /* user of root's nests: nobody on the machine */

/* To be called while the process has one thread. In the calling process this never returns: it
 * watches, ends the nest when the other end of `life` is closed, and exits. It returns in the
 * nest's first process, which has no privilege at all; TRUE, or FALSE with what failed.
 * states: a folder of the machine; NULL: none. */
gboolean vn_virt_nest_enter(int life, const char *states, GError **error);

/* Can a nest be made here? Takes a millisecond. */
gboolean vn_virt_nest_check(GError **error);
