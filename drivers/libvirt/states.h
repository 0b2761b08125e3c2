/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Ready states of machines, kept between runs: FOLDER/KEY/memory and, for machines with a disk,
 * FOLDER/KEY/disk. A key is the hash of all that the state depends on, so nothing has to be
 * declared old; what was not used for longest is removed when there is too much.
 */
#pragma once

#include <gio/gio.h>

#define VN_VIRT_STATES_AGE (60 * 24 * 3600) /* seconds without use; then a state goes */
#define VN_VIRT_STATES_MAX (8ull << 30) /* bytes in all; VNEC_STATES_MAX says otherwise */

/* Makes it if need be; NULL: it can't be had, and nothing is kept. */
char *vn_virt_states_folder(void);
/* Copies a state there. The descriptors are read; disk -1: none. replace: the one of that key is
 * no good. */
gboolean vn_virt_states_keep(const char *folder, const char *key, gboolean replace, int memory,
                             int disk, GError **error);
/* It was used just now. */
void vn_virt_states_touch(const char *folder, const char *key);
void vn_virt_states_remove(const char *folder, const char *key);
