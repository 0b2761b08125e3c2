/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Questions about a completed topology. */
#pragma once

#include "model/topology.h"

/* Is the segment part of `network PREFIX` in the family (4 or 6)? */
gboolean vn_topology_is_flat(const VnTopology *topology, guint32 segment, guint family);
/* The address of an interface with the length that the guest sets: its segment's; 32 or 128 for
 * routers of a flat network; family 0: none. */
VnPrefix vn_topology_iface_prefix(const VnTopology *topology, guint32 iface, guint family);
/* The address by which `from` reaches `vm` (VN_NO_ID: anyone): on a segment that they share if
 * there is one, else the first; IPv4 before IPv6. NULL: none. */
const VnAddress *vn_topology_address_of(const VnTopology *topology, guint32 vm, guint32 from);
/* The interface of a VM on a segment, VN_NO_ID if it has none there. */
guint32 vn_topology_iface_on(const VnTopology *topology, guint32 vm, guint32 segment);
