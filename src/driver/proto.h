/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The folder that is the lower layer of every guest's root. */
#pragma once

#include "driver/driver.h"

/* Fills the folder `path`: empty folders, generated /etc, harmless parts of the machine's. */
gboolean vn_proto_build(const char *path, GError **error);
