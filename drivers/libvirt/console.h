/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The end of what a machine wrote on its console: for error messages, bounded. */
#pragma once

#include <glib.h>

#define VN_VIRT_CONSOLE_MAX 4096u /* bytes kept */

typedef struct VnVirtConsole VnVirtConsole;

/* Reads from `fd`, which it takes, in the default main context, from any thread. */
VnVirtConsole *vn_virt_console_open(int fd);
void vn_virt_console_close(VnVirtConsole *console);
/* Hangs up (poll) when the machine ends. -1: there is none. */
int vn_virt_console_fd(const VnVirtConsole *console);
/* The last line that says something, printable, at most some hundred bytes; NULL: nothing. */
char *vn_virt_console_last(VnVirtConsole *console);
/* Why the machine stopped, by libvirt's event (its detail of VIR_DOMAIN_EVENT_STOPPED) and by what
 * the machine said last. */
char *vn_virt_console_end(VnVirtConsole *console, int detail);
