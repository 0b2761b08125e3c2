/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The room for what guests write to their disks: the nest's memory, shared by its machines. */
#pragma once

#include <glib.h>

/* Bytes; 0: as the kernel thinks, which is half of the memory. From VNEC_WRITES_MAX. */
guint64 vn_virt_room_most(void);
/* Bytes that the files of a folder take. */
guint64 vn_virt_room_used(const char *folder);
/* Removes a folder and the files in it, whose machine is off. */
void vn_virt_room_leave(const char *folder);
/* There is hardly any left where the folder lies. */
gboolean vn_virt_room_is_full(const char *folder);
/* How much there is where the folder lies, as people say it: "12.3 GB". */
char *vn_virt_room_text(const char *folder);
