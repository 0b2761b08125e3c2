/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A guest's own side of its network, set from inside before the agent starts. */
#pragma once

#include "drivers/netns/keeper.h"

/* Interfaces up, addresses, routes, proxies; a router forwards. `forwards` and `filters`: what new
 * namespaces begin with. 0 or an errno; *out_what says of what. */
int
vn_netns_guest_net(const VnNetnsVm *vm, gboolean forwards, gboolean filters, const char **out_what);

/* MAC of a router's external interface, and what stands for the world behind it. */
#define VN_NETNS_EXTERNAL_MAC "\x02\x76\x6e\x00\x00\x01"
#define VN_NETNS_WORLD_MAC    "\x02\x76\x6e\x00\x00\x02"
#define VN_NETNS_MAC_BYTES    6u
