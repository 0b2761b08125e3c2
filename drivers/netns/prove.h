/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the keeper is told of the machine for its proof. */
#pragma once

#include <glib.h>

/* X(name under /proc/PID/ns) */
#define VN_NETNS_SPACES(X) X(user) X(net) X(mnt) X(pid) X(uts) X(ipc)

typedef enum {
#define X(name) VN_NETNS_SPACE_##name,
  VN_NETNS_SPACES(X)
#undef X
      VN_NETNS_N_SPACES
} VnNetnsSpace;

/* Inode numbers of a process's namespaces. */
typedef struct {
  guint64 inodes[VN_NETNS_N_SPACES];
} VnNetnsSpaces;

/* pid NULL: "self". 0 or an errno. */
int vn_netns_spaces_read(const char *pid, VnNetnsSpaces *out);
const char *vn_netns_space_name(VnNetnsSpace space);
