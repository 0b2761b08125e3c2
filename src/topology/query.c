/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "topology/query.h"

gboolean
vn_topology_is_flat(const VnTopology *topology, guint32 segment, guint family)
{
  const VnSegment *it = &topology->segments[segment];
  const VnPrefix *network = family == 4 ? &topology->network4 : &topology->network6;
  const VnPrefix *prefix = family == 4 ? &it->prefix4 : &it->prefix6;
  return network->address.family != 0 && network->length == prefix->length &&
         vn_address_compare(&network->address, &prefix->address) == 0;
}

VnPrefix
vn_topology_iface_prefix(const VnTopology *topology, guint32 iface, guint family)
{
  const VnIface *it = &topology->ifaces[iface];
  const VnSegment *segment = &topology->segments[it->segment];
  const VnPrefix *prefix = family == 4 ? &segment->prefix4 : &segment->prefix6;
  VnPrefix own = {family == 4 ? it->address4 : it->address6, prefix->length};
  if (topology->vms[it->vm].kind == VN_VM_ROUTER &&
      vn_topology_is_flat(topology, it->segment, family))
    own.length = (guint8)vn_address_bits(&own.address);
  return own;
}

guint32
vn_topology_iface_on(const VnTopology *topology, guint32 vm, guint32 segment)
{
  const VnVm *it = &topology->vms[vm];
  for (guint32 i = it->first_iface; i < it->first_iface + it->n_ifaces; i++)
    if (topology->ifaces[i].segment == segment)
      return i;
  return VN_NO_ID;
}

const VnAddress *
vn_topology_address_of(const VnTopology *topology, guint32 vm, guint32 from)
{
  const VnVm *it = &topology->vms[vm];
  if (it->n_ifaces == 0)
    return NULL;
  guint32 iface = it->first_iface;
  if (from != VN_NO_ID) {
    const VnVm *asker = &topology->vms[from];
    for (guint32 i = 0; i < asker->n_ifaces; i++) {
      guint32 shared =
          vn_topology_iface_on(topology, vm, topology->ifaces[asker->first_iface + i].segment);
      if (shared == VN_NO_ID)
        continue;
      iface = shared;
      break;
    }
  }
  const VnIface *found = &topology->ifaces[iface];
  if (found->address4.family != 0)
    return &found->address4;
  return found->address6.family != 0 ? &found->address6 : NULL;
}
