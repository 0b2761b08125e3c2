/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Segments that are in the slave's hub (hub/hub.h) instead of a bridge: those with impairments, and
 * those whose VMs are impaired while they run. The keeper makes the links and gives a packet
 * socket on the hub's end of each; here is which VM has which.
 */
#pragma once

#include "drivers/netns/message.h"

typedef struct VnNetnsWires VnNetnsWires;

VnNetnsWires *vn_netns_wires_new(VnHub *hub);
/* Takes all of it out of the hub. */
void vn_netns_wires_free(VnNetnsWires *wires);

/* Does this segment have to be in the hub? */
gboolean vn_netns_wires_want(const VnDriverSegment *segment);
gboolean vn_netns_wires_add(VnNetnsWires *wires, const VnDriverSegment *segment, GError **error);
void vn_netns_wires_remove(VnNetnsWires *wires, guint32 segment);

/* The VM's interfaces on such segments become ports, with nothing plugged in. */
gboolean vn_netns_wires_add_vm(VnNetnsWires *wires, const VnDriverVm *vm, GError **error);
void vn_netns_wires_remove_vm(VnNetnsWires *wires, guint32 vm);

/* Appends a VnNetnsPortWire for each of its ports. */
void vn_netns_wires_list(VnNetnsWires *wires, guint32 vm, GByteArray *out);
/* Takes the packet socket; -1: the VM is off. */
gboolean
vn_netns_wires_plug(VnNetnsWires *wires, const VnNetnsPortWire *port, int fd, GError **error);
void vn_netns_wires_unplug(VnNetnsWires *wires, guint32 vm);
/* Of a VM that is suspended: nothing passes its ports, until it is not. */
void vn_netns_wires_silence(VnNetnsWires *wires, guint32 vm, gboolean silent);
gboolean vn_netns_wires_impair(VnNetnsWires *wires, guint32 vm, guint32 iface,
                               const VnDriverSegment *impairment, GError **error);
