/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The results folders below ./vnec-results. */
#pragma once

#include <glib.h>

#define VN_RESULTS_TOP "vnec-results"

/* Paths of those that hold results, oldest first. */
GPtrArray *vn_folders_list(void);
/* The newest; NULL: there is none. */
char *vn_folders_newest(void);
/* Does a vnec write it at this moment? */
gboolean vn_folders_is_busy(const char *folder);
