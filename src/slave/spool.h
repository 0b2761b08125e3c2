/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The slave's end of a channel that is a shared folder (frame/spool.h, doc/protocol.md).
 *
 * The folder is the guest's as much as ours, so nothing in it is trusted: names are looked up
 * from a descriptor of the folder and no link is followed, files must be regular and small, and
 * whatever has no place there, or too much of it, ends the channel. Nobody polls here: the kernel
 * tells (inotify). What a guest writes to files that it removed while they are open is not seen
 * from here; whoever makes the folder bounds that with the space it gives.
 */
#pragma once

#include <gio/gio.h>

#include "frame/spool.h"

typedef struct VnSpool VnSpool;

/* Takes the folder's descriptor and begins anew there: writes a fresh session. */
VnSpool *vn_spool_open(int folder, GError **error);
void vn_spool_close(VnSpool *spool);
int vn_spool_fd(const VnSpool *spool); /* readable when something happened in the folder */

/* Takes notice of what happened. NULL, or what is wrong with the folder. */
const char *vn_spool_look(VnSpool *spool);
/* The next file, removed: bytes of it in `bytes` (VN_SPOOL_FILE of room), 0: none yet, -1 with
 * why. */
gssize vn_spool_read(VnSpool *spool, guint8 *bytes, const char **out_why);
/* Writes n bytes, whole frames, at most VN_SPOOL_FILE. 1, 0: too many files wait, -1 with why. */
int vn_spool_write(VnSpool *spool, const guint8 *bytes, gsize n, const char **out_why);
