/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copying and removing folders whose contents a guest made, so nothing in them is trusted: no
 * link is followed, and depth is bounded.
 */
#pragma once

#include <glib.h>

#define VN_TREE_DEPTH 512

/* Whose is a copy? */
typedef enum {
  VN_TREE_OWNERS_KEPT,
  VN_TREE_OWNERS_OURS,
} VnTreeOwners;

/* Copies a file or folder with all in it: modes, times, extended attributes, hard links
 * among themselves, fifos, overlay's whiteouts. What is of another kind is left out. 0 or an
 * errno; what was copied until then stays. */
int vn_tree_copy(int from, const char *from_path, int to, const char *to_path,
                       VnTreeOwners owners);
/* Removes it, if it is there. 0 or an errno. */
int vn_tree_remove(int folder, const char *path);
