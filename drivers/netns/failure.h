/* SPDX-License-Identifier: GPL-3.0-or-later */
/* An errno as an error of VN_DRIVER_ERROR, prefixed with what was being done. */
#pragma once

#include "driver/driver.h"

/* Sets "WHAT: strerror(errnum)", with the code that fits errnum. Returns FALSE. */
gboolean vn_netns_fail(GError **error, int errnum, const char *format, ...) G_GNUC_PRINTF(3, 4);

/* The helper or an experiment's keeper is no more. Returns FALSE. */
gboolean vn_netns_ended(GError **error);
