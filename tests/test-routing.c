/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Random networks, and in each a packet from every host to every other, moved by hand through the
 * tables as guests would: who is connected arrives, on a shortest way, and nobody else does; at
 * most one router answers ARP for an address on a segment. What topology/path.h says of the same
 * packet must be the same, and of a few networks made for it, too. */
#include "topology-build.h"
#include "topology/path.h"

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

/* The path of path.h to the first address of `to`: the same end, over as many segments. */
static void
check_path(const VnPaths *paths, const VnTopology *topology, guint32 from, guint32 to,
           guint family, guint crossed)
{
  VnPath path, back;
  guint segments = 0;
  const VnAddress *target = vn_path_address(topology, to, family);
  vn_path_walk(paths, from, NULL, target, &path);
  g_assert_cmpint(path.end == VN_PATH_ARRIVES, ==, crossed != FAR);
  for (guint i = 0; i < path.n_hops; i++)
    segments += path.hops[i].out != VN_NO_ID;
  if (crossed != FAR)
    g_assert_cmpuint(segments, ==, crossed + 1);
  if (crossed != FAR) /* these networks are the same in both directions */
    g_assert_true(vn_path_ask(paths, from, target, &path, &back));
  g_autofree char *reason = vn_path_reason(topology, &path);
  g_assert_cmpint(strcmp(reason, "it arrives") == 0, ==, crossed != FAR);
}

static void
check_all(const Random *it)
{
  const VnTopology *topology = &it->net.model.topology;
  g_autoptr(VnPaths) paths = vn_paths_new(topology);
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
      check_path(paths, topology, from, to, it->family, crossed);
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

/* ---- single paths ---- */

/* n routers in a row, a host at each end. */
static void
build_chain(Net *net, guint n)
{
  net_init(net);
  for (guint s = 0; s <= n; s++)
    net_segment(net, vn_arena_printf(net->arena, "s[%u]", s), NULL);
  for (guint r = 0; r < n; r++) {
    guint32 vm = net_vm(net, vn_arena_printf(net->arena, "r[%u]", r), VN_VM_ROUTER);
    net_join(net, vm, r, NULL);
    net_join(net, vm, r + 1, NULL);
  }
  net_host(net, "first", 0, NULL);
  net_host(net, "last", n, NULL);
  g_assert_true(net_complete(net));
}

static VnPathEnd
path_end(const Net *net, const char *from, const char *to, char **out_reason)
{
  const VnTopology *topology = &net->model.topology;
  g_autoptr(VnPaths) paths = vn_paths_new(topology);
  VnAddress literal;
  const VnAddress *target = vn_address_parse(to, &literal)
                                ? &literal
                                : vn_path_address(topology, net_find(net, to), 4);
  VnPath path;
  vn_path_walk(paths, net_find(net, from), NULL, target, &path);
  *out_reason = vn_path_reason(topology, &path);
  return path.end;
}

/* A TTL of 64 passes 63 routers. */
static void
test_ttl(void)
{
  for (guint n = 62; n <= 66; n++) {
    Net net;
    g_autofree char *reason = NULL;
    build_chain(&net, n);
    VnPathEnd end = path_end(&net, "first", "last", &reason);
    g_assert_cmpint(end, ==, n <= 63 ? VN_PATH_ARRIVES : VN_PATH_TOO_LONG);
    if (n == 64)
      g_assert_cmpstr(reason, ==, "it is too far: the TTL of 64 is used up at `r[63]`");
    net_clear(&net);
  }
}

static void
check_reason(const Net *net, const char *from, const char *to, VnPathEnd end, const char *reason)
{
  g_autofree char *got = NULL;
  g_assert_cmpint(path_end(net, from, to, &got), ==, end);
  g_assert_cmpstr(got, ==, reason);
}

static void
test_reasons(void)
{
  Net net;
  net_init(&net);
  guint32 a = net_segment(&net, "a", "10.1.0.0/24"), b = net_segment(&net, "b", "10.2.0.0/24");
  guint32 c = net_segment(&net, "c", "10.3.0.0/24"), d = net_segment(&net, "d", "fd00::/64");
  guint32 r = net_vm(&net, "r", VN_VM_ROUTER);
  net_join(&net, r, a, NULL);
  net_join(&net, r, b, NULL);
  net_host(&net, "x", a, "10.1.0.1");
  net_host(&net, "y", b, "10.2.0.1");
  net_host(&net, "z", c, "10.3.0.1");
  net_host(&net, "six", d, NULL);
  g_assert_true(net_complete(&net));
  net.model.topology.segments[b].impairment.loss = 100;
  check_reason(&net, "x", "z", VN_PATH_NO_ROUTE, "no route on `r` to 10.3.0.1");
  check_reason(&net, "x", "y", VN_PATH_LOST, "segment `b` loses everything");
  check_reason(&net, "x", "10.1.0.77", VN_PATH_NO_ANSWER,
               "nobody on segment `a` answers ARP for 10.1.0.77");
  check_reason(&net, "six", "x", VN_PATH_NO_SOURCE, "`six` has no IPv4 address");
  check_reason(&net, "x", "x", VN_PATH_ARRIVES, "it arrives");
  check_reason(&net, "x", "r", VN_PATH_ARRIVES, "it arrives");
  /* Tables as a broken compiler could make them: a circle, and a host as gateway. */
  VnTopology *topology = &net.model.topology;
  for (guint32 i = 0; i < topology->n_routes; i++)
    if (topology->routes[i].vm == r && topology->routes[i].kind == VN_ROUTE_LINK)
      topology->routes[i].kind = VN_ROUTE_GATEWAY,
      topology->routes[i].gateway = *vn_path_address(topology, net_find(&net, "x"), 4);
  check_reason(&net, "r", "y", VN_PATH_NO_ANSWER,
               "nobody on segment `b` answers ARP for 10.1.0.1");
  net_clear(&net);
}

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/routing/path/ttl", test_ttl);
  g_test_add_func("/routing/path/reasons", test_reasons);
  g_test_add_func("/routing/random", test_random);
  return g_test_run();
}
