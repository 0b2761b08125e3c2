/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What each of our programs makes sure of before anything else. */
#pragma once

#include <glib.h>

/* Descriptors that the smallest run needs at once. */
#define VN_PROCESS_FILES_MIN 64

/* What GLib prints goes out as it is, whatever the locale. Standard input, output and error are
 * open (what we open must not get their numbers), as many descriptors as the machine allows may be
 * opened, and they are enough. */
gboolean vn_process_begin(GError **error);
