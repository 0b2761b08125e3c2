/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is kept below vn_image_cache() only so that things go faster: packages that images were made
 * from, ready states of machines and what goes with them. All of it comes again where it is missed;
 * who is using a piece at that moment does without (a machine boots) or says so (a build). */
#pragma once

#include <gio/gio.h>

typedef struct {
  guint packages, states;
  guint64 bytes;
} VnImageCleaned;

/* Removes what was not used for so long. FALSE: something could not be removed; the rest was. */
gboolean vn_image_clean(gint64 unused_s, VnImageCleaned *out, GError **error);
