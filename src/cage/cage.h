/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a guest's processes may not do, beyond what namespaces keep from them. */
#pragma once

#include <stdint.h>

/* Most processes of a VM that sets no `processes`: a fork bomb must not take the machine's ids. */
#define VN_CAGE_PROCESSES_DEFAULT 4096u

/* For the calling process and all it starts: limits (0: the default, none), fewer capabilities,
 * no new privileges, a filter of system calls. Returns 0 or an errno; *out_what says of what. */
int vn_cage(uint32_t processes, int64_t memory, const char **out_what);
