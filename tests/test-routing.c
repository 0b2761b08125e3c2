/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Random networks, and in each a packet from every host to every other, moved by hand through the
 * tables as guests would: who is connected arrives, on a shortest way, and nobody else does; at
 * most one router answers ARP for an address on a segment. */
#include "topology-build.h"

#define N_NETWORKS 2000
#define FAR        G_MAXUINT

typedef struct {
  Net net;
  guint family;
  guint32 n_segments, n_routers;
  gboolean joined[16][8]; /* segment by router, as the script has it */
} Random;

static guint
below(guint n)
{
  return (guint)g_test_rand_int_range(0, (gint32)n);
}

static void
build(Random *it)
{
  Net *net = &it->net;
  net_init(net);
  net_site(net, "elsewhere");
  it->n_segments = 1 + below(10);
  it->n_routers = below(8);
  gboolean network = below(2) == 0, mixed = below(3) == 0;
  it->family = below(2) == 0 ? 4 : 6;
  VnTopology *topology = &net->model.topology;
  if (network && it->family == 4)
    g_assert_true(vn_prefix_parse("10.200.0.0/16", &topology->network4));
  else if (network)
    g_assert_true(vn_prefix_parse("fd99::/64", &topology->network6));
  for (guint s = 0; s < it->n_segments; s++) {
    gboolean own = !network || (mixed && below(2) == 0);
    g_autofree char *prefix = it->family == 4 ? g_strdup_printf("10.%u.%u.0/24", s / 4, s)
                                              : g_strdup_printf("fd00:%x:%x::/64", s / 4, s);
    guint32 number = net_segment(net, vn_arena_printf(net->arena, "s[%u]", s), own ? prefix : NULL);
    g_array_index(net->segments, VnSegment, number).site = below(3) == 0;
    g_array_index(net->segments, VnSegment, number).tech =
        below(4) == 0 ? VN_TECH_SIM : VN_TECH_NETNS;
    for (guint n = 1 + below(2); n > 0; n--)
      net_host(net, vn_arena_printf(net->arena, "h[%u][%u]", s, n), number, NULL);
  }
  for (guint r = 0; r < it->n_routers; r++) {
    guint32 vm = net_vm(net, vn_arena_printf(net->arena, "r[%u]", r), VN_VM_ROUTER);
    for (guint n = 1 + below(4); n > 0; n--) {
      guint s = below(it->n_segments);
      if (!it->joined[s][r])
        net_join(net, vm, s, NULL);
      it->joined[s][r] = TRUE;
    }
  }
}

/* Segments between two, by brute force: 0 is the same, FAR unconnected. */
static void
measure(const Random *it, guint from, guint distance[16])
{
  for (guint s = 0; s < it->n_segments; s++)
    distance[s] = s == from ? 0 : FAR;
  for (guint round = 0; round < it->n_segments; round++)
    for (guint r = 0; r < it->n_routers; r++)
      for (guint a = 0; a < it->n_segments; a++)
        for (guint b = 0; b < it->n_segments; b++)
          if (it->joined[a][r] && it->joined[b][r] && distance[a] != FAR)
            distance[b] = MIN(distance[b], distance[a] + 1);
}

static const VnAddress *
address_of(const VnIface *iface, guint family)
{
  return family == 4 ? &iface->address4 : &iface->address6;
}

/* The interface that has an address on a segment; VN_NO_ID. */
static guint32
owner(const VnTopology *topology, guint32 segment, const VnAddress *address)
{
  for (guint32 i = 0; i < topology->n_ifaces; i++)
    if (topology->ifaces[i].segment == segment &&
        vn_address_compare(address_of(&topology->ifaces[i], address->family), address) == 0)
      return i;
  return VN_NO_ID;
}

/* Who answers ARP on a segment: the owner, or exactly one proxy; the VM, VN_NO_ID for nobody. */
static guint32
resolve(const VnTopology *topology, guint32 segment, const VnAddress *address)
{
  guint32 found = owner(topology, segment, address);
  if (found != VN_NO_ID)
    found = topology->ifaces[found].vm;
  for (guint32 p = 0; p < topology->n_proxies; p++) {
    const VnIface *iface = &topology->ifaces[topology->proxies[p].iface];
    if (iface->segment != segment ||
        vn_address_compare(&topology->proxies[p].address, address) != 0)
      continue;
    g_assert_cmpuint(found, ==, VN_NO_ID);
    found = iface->vm;
  }
  return found;
}

/* The most specific route of a VM; NULL. */
static const VnRoute *
look_up(const VnTopology *topology, guint32 vm, const VnAddress *address)
{
  for (guint32 r = 0; r < topology->n_routes; r++)
    if (topology->routes[r].vm == vm && vn_prefix_contains(&topology->routes[r].prefix, address))
      return &topology->routes[r];
  return NULL;
}

static guint32
first_hop(const VnTopology *topology, guint32 host, const VnAddress *address, guint32 *out_segment)
{
  const VnIface *iface = &topology->ifaces[topology->vms[host].first_iface];
  *out_segment = iface->segment;
  const VnSegment *segment = &topology->segments[iface->segment];
  if (vn_prefix_contains(address->family == 4 ? &segment->prefix4 : &segment->prefix6, address))
    return resolve(topology, iface->segment, address);
  const VnRoute *route = look_up(topology, host, address);
  g_assert_true(route == NULL || route->kind == VN_ROUTE_GATEWAY);
  return route == NULL ? VN_NO_ID : resolve(topology, iface->segment, &route->gateway);
}

/* Segments crossed until `to` has it, the first not counted; FAR: lost. */
static guint
send(const VnTopology *topology, guint32 from, guint32 to, guint family)
{
  const VnAddress *address = address_of(&topology->ifaces[topology->vms[to].first_iface], family);
  guint32 segment;
  guint32 at = first_hop(topology, from, address, &segment);
  guint crossed = 0;
  for (guint steps = 0; at != to; steps++) {
    if (at == VN_NO_ID)
      return FAR;
    g_assert_cmpuint(steps, <, 64);
    g_assert_cmpuint(topology->vms[at].kind, ==, VN_VM_ROUTER);
    const VnRoute *route = look_up(topology, at, address);
    if (route == NULL)
      return FAR;
    if (route->kind == VN_ROUTE_EXTERNAL) {
      g_assert_true(topology->vms[at].external && topology->vms[route->peer].external);
      at = route->peer;
      continue;
    }
    segment = topology->ifaces[route->iface].segment;
    crossed++;
    guint32 next =
        owner(topology, segment, route->kind == VN_ROUTE_LINK ? address : &route->gateway);
    at = next == VN_NO_ID ? VN_NO_ID : topology->ifaces[next].vm;
  }
  return crossed;
}

static void
check_all(const Random *it)
{
  const VnTopology *topology = &it->net.model.topology;
  for (guint32 from = 0; from < topology->n_vms; from++) {
    guint distance[16];
    if (topology->vms[from].kind != VN_VM_HOST)
      continue;
    guint32 here = topology->ifaces[topology->vms[from].first_iface].segment;
    measure(it, here, distance);
    for (guint32 to = 0; to < topology->n_vms; to++) {
      if (topology->vms[to].kind != VN_VM_HOST || to == from)
        continue;
      guint32 there = topology->ifaces[topology->vms[to].first_iface].segment;
      guint crossed = send(topology, from, to, it->family);
      if (vn_topology_is_flat(topology, here, it->family) &&
          vn_topology_is_flat(topology, there, it->family))
        g_assert_cmpuint(crossed, ==, distance[there]);
      else if (distance[there] == FAR)
        g_assert_cmpuint(crossed, ==, FAR);
      else /* the one gateway of a host may have to hand on to another on the same segment */
        g_assert_cmpuint(crossed, <=, distance[there] + 1);
    }
  }
}

static void
test_random(void)
{
  for (guint k = 0; k < N_NETWORKS; k++) {
    Random it = {.n_segments = 0};
    build(&it);
    g_assert_true(net_complete(&it.net));
    check_all(&it);
    net_clear(&it.net);
  }
}

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/routing/random", test_random);
  return g_test_run();
}
