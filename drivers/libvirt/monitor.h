/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A way to end an emulator when the libvirt that started it is gone. Only machines that do not live
 * in a nest have it: a nest ends as a whole. */
#pragma once

#define VN_VIRT_MONITOR "monitor" /* the socket in a machine's folder */

/* Asks the emulator to end, and waits until it did; best effort. */
void vn_virt_monitor_quit(const char *folder);
