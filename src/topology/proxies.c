/* SPDX-License-Identifier: GPL-3.0-or-later */
/* For each flat segment and each host on another that can be reached, exactly one of the segment's
 * routers answers: the nearest to the host, the first named of equals. */
#include "topology/proxies.h"

#include <stdlib.h>

#include "topology/query.h"

static int
compare_proxies(const void *a, const void *b)
{
  const VnProxy *x = a, *y = b;
  if (x->iface != y->iface)
    return x->iface < y->iface ? -1 : 1;
  return vn_address_compare(&x->address, &y->address);
}

/* The answers on one segment for one host elsewhere. */
static void
add_proxy(const VnReach *reach, const VnTopology *topology, guint32 segment, const VnIface *host,
          GArray *proxies)
{
  guint32 class = reach->class_of[host->segment];
  if (class == VN_NO_ID || host->segment == segment)
    return;
  guint32 nearest = reach->nearest[(gsize) class * topology->n_segments + segment];
  if (nearest == VN_NO_ID)
    return;
  VnProxy proxy = {nearest, *vn_iface_address((VnIface *)host, reach->family)};
  g_array_append_val(proxies, proxy);
}

gboolean
vn_proxies_add(const VnReach *reach, const VnTopology *topology, GArray *proxies)
{
  guint start = proxies->len;
  g_autofree guint32 *hosts = g_new(guint32, topology->n_ifaces + 1);
  guint32 n_hosts = 0;
  for (guint32 i = 0; i < topology->n_ifaces; i++)
    if (topology->vms[topology->ifaces[i].vm].kind == VN_VM_HOST &&
        vn_topology_is_flat(topology, topology->ifaces[i].segment, reach->family))
      hosts[n_hosts++] = i;
  if (n_hosts == 0)
    return TRUE;
  for (guint32 s = 0; s < topology->n_segments; s++) {
    if (!vn_topology_is_flat(topology, s, reach->family))
      continue;
    if (proxies->len > VN_TOPOLOGY_MAX_PROXIES)
      return FALSE;
    for (guint32 k = 0; k < n_hosts; k++)
      add_proxy(reach, topology, s, &topology->ifaces[hosts[k]], proxies);
  }
  if (proxies->len > start + 1)
    qsort(proxies->data, proxies->len, sizeof(VnProxy), compare_proxies);
  return proxies->len <= VN_TOPOLOGY_MAX_PROXIES;
}
