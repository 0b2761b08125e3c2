/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which ids of the machine a new user namespace gets. */
#pragma once

#include "driver/driver.h"

/* Writes the maps of process `pid`, which waits for them. */
gboolean vn_netns_ids_map(pid_t pid, GError **error);
