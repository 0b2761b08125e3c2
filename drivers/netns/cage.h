/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a guest's processes may not do, beyond what namespaces keep from them. */
#pragma once

#include <glib.h>

/* Most processes of a VM that sets no `processes`: a fork bomb must not take the machine's ids. */
#define VN_NETNS_PROCESSES_DEFAULT 4096u

/* For the calling process and all it starts: limits (0: the default, none), fewer capabilities,
 * no new privileges, a filter of system calls. Returns 0 or an errno; *out_what says of what. */
int vn_netns_cage(guint32 processes, gint64 memory, const char **out_what);
