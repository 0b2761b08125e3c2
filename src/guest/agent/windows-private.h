/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the Windows files of the seam know of each other. */
#pragma once

#include "guest/agent/os.h"

#include <windows.h>

/* UTF-16 of UTF-8, to be freed; NULL: no memory. */
WCHAR *vn_windows_wide(const char *text);
/* UTF-8 of UTF-16, cut at the capacity. */
void vn_windows_narrow(const WCHAR *wide, char *out, size_t capacity);

/* Two connected stream sockets: ours doesn't block, theirs is one that a process may have as a
 * standard stream. 0 or an error. */
int vn_windows_pair(SOCKET *out_ours, SOCKET *out_theirs);
/* Ends a wait in vn_os_poll; may be called from any thread. */
void vn_windows_wake(void);
int vn_windows_process_init(void);
