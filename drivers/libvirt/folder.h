/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The folder of a machine whose agent's channel is a folder (frame/spool.h): a tmpfs of its own,
 * mounted nowhere, which nobody reaches but through its descriptor. It holds what the channel
 * needs and no more, whatever a guest does; no device, no set-id bit and no link counts in it; it
 * is gone with its last descriptor.
 */
#pragma once

#include <gio/gio.h>

#define VN_VIRT_SHARE "vnec" /* the share's name (mount_tag) in the guest */

/* vnec-virt's --folder: makes one, sends its descriptor over the socket as an answer, ends. The
 * process must have one thread. */
int vn_virt_folder_serve(int socket);
/* In the slave: asks the program vnec-virt for one. -1 with error. */
int vn_virt_folder_ask(const char *program, GError **error);
