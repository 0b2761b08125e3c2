/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Frames by which machines get their addresses: they are the engine's doing, not the experiment's,
 * and captures leave them out. */
#pragma once

#include <glib.h>

/* DHCPv4 (between ports 67 and 68), DHCPv6 (546 and 547), router solicitations and advertisements;
 * in an Ethernet frame without tags. */
gboolean vn_is_addressing(const guint8 *frame, gsize n);
