/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Who answers ARP (or neighbour solicitations) in a flat network. Private to this folder. */
#pragma once

#include "topology/reach.h"

/* Adds the VnProxy of a family and sorts all by interface and address; FALSE past
 * VN_TOPOLOGY_MAX_PROXIES. */
gboolean vn_proxies_add(const VnReach *reach, const VnTopology *topology, GArray *proxies);
