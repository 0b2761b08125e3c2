/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The tables of hosts and routers.
 *
 * A router has one route to each segment's prefix, and in a flat network one to each host. Split
 * routers are routed as the one that they were (reach.h); then each part's table is the whole's,
 * where what leaves through another part goes to the external interface, to that part (paper,
 * 4.2.3.1). Two neighbouring prefixes that take one way are one route, if together they are exactly
 * a prefix. Hosts have one default route, to the first-named router of their segment; none in a
 * network that is flat altogether. */
#include "topology/internal.h"

#include <stdlib.h>

#include "topology/number.h"
#include "topology/proxies.h"
#include "topology/query.h"
#include "topology/reach.h"

typedef struct {
  VnPrefix prefix;
  VnNumber number; /* its first address */
  guint32 segment;
  gboolean host; /* one host of a flat network */
} Destination;

static int
compare_destinations(const void *a, const void *b)
{
  const Destination *x = a, *y = b;
  return (x->number > y->number) - (x->number < y->number);
}

/* Everything that is routed to in a family, by address. */
static GArray *
collect_destinations(const VnTopology *topology, guint family)
{
  GArray *destinations = g_array_new(FALSE, FALSE, sizeof(Destination));
  for (guint32 s = 0; s < topology->n_segments; s++) {
    const VnPrefix *prefix = vn_segment_prefix(&topology->segments[s], family);
    if (prefix->address.family == 0 || vn_topology_is_flat(topology, s, family))
      continue;
    Destination item = {*prefix, vn_number_of(&prefix->address), s, FALSE};
    g_array_append_val(destinations, item);
  }
  for (guint32 i = 0; i < topology->n_ifaces; i++) {
    const VnIface *iface = &topology->ifaces[i];
    const VnAddress *address = vn_iface_address((VnIface *)iface, family);
    if (topology->vms[iface->vm].kind != VN_VM_HOST || address->family == 0 ||
        !vn_topology_is_flat(topology, iface->segment, family))
      continue;
    VnPrefix alone = {*address, (guint8)vn_address_bits(address)};
    Destination item = {alone, vn_number_of(address), iface->segment, TRUE};
    g_array_append_val(destinations, item);
  }
  if (destinations->len > 1)
    qsort(destinations->data, destinations->len, sizeof(Destination), compare_destinations);
  return destinations;
}

/* One router's way to a destination; FALSE if there is none.
 * on: by segment, this router's interface there, whichever part has it; VN_NO_ID. */
static gboolean
find_way(const VnReach *reach, const VnTopology *topology, guint32 vm, const guint32 *on,
         const Destination *to, VnRoute *out_route)
{
  guint32 class = reach->class_of[to->segment], router = reach->router_of[vm];
  if (class == VN_NO_ID)
    return FALSE;
  gboolean there = on[to->segment] != VN_NO_ID;
  guint32 iface = there ? on[to->segment] : reach->out[(gsize) class * reach->n_routers + router];
  if (iface == VN_NO_ID)
    return FALSE;
  *out_route = (VnRoute){
      .vm = vm, .kind = VN_ROUTE_LINK, .prefix = to->prefix, .iface = iface, .peer = VN_NO_ID};
  if (topology->ifaces[iface].vm != vm) {
    out_route->kind = VN_ROUTE_EXTERNAL;
    out_route->peer = topology->ifaces[iface].vm;
    out_route->iface = VN_NO_ID;
  } else if (!there) {
    guint32 segment = topology->ifaces[iface].segment;
    guint32 next = reach->nearest[(gsize) class * topology->n_segments + segment];
    out_route->kind = VN_ROUTE_GATEWAY;
    out_route->gateway = *vn_iface_address(&topology->ifaces[next], reach->family);
  }
  return TRUE;
}

/* The two halves of one prefix, both going one way. */
static gboolean
are_halves(const VnRoute *low, const VnRoute *high)
{
  if (low->kind == VN_ROUTE_LINK || low->kind != high->kind || low->iface != high->iface ||
      low->peer != high->peer || low->prefix.length != high->prefix.length ||
      low->prefix.length == 0 ||
      (low->kind == VN_ROUTE_GATEWAY && vn_address_compare(&low->gateway, &high->gateway) != 0))
    return FALSE;
  VnPrefix both = {low->prefix.address, (guint8)(low->prefix.length - 1)};
  VnNumberRange range = vn_number_range(&both);
  return range.first == vn_number_of(&low->prefix.address) &&
         vn_number_range(&high->prefix).last == range.last;
}

static int
compare_routes(const void *a, const void *b)
{
  const VnRoute *x = a, *y = b;
  if (x->prefix.address.family != y->prefix.address.family)
    return x->prefix.address.family < y->prefix.address.family ? -1 : 1;
  if (x->prefix.length != y->prefix.length)
    return x->prefix.length > y->prefix.length ? -1 : 1;
  return vn_address_compare(&x->prefix.address, &y->prefix.address);
}

static void
add_router_routes(const VnReach *reach, const VnTopology *topology, guint32 vm, const guint32 *on,
                  const GArray *destinations, GArray *routes)
{
  guint start = routes->len;
  for (guint d = 0; d < destinations->len; d++) {
    const Destination *to = &g_array_index(destinations, Destination, d);
    VnRoute route;
    if (!find_way(reach, topology, vm, on, to, &route))
      continue;
    g_array_append_val(routes, route);
    while (!to->host && routes->len - start >= 2) {
      VnRoute *low = &g_array_index(routes, VnRoute, routes->len - 2);
      if (!are_halves(low, low + 1))
        break;
      low->prefix.length--;
      g_array_set_size(routes, routes->len - 1);
    }
  }
}

static void
sort_routes(GArray *routes, guint start)
{
  VnRoute *first = &g_array_index(routes, VnRoute, start);
  for (guint i = start + 1; i < routes->len; i++)
    if (compare_routes(&g_array_index(routes, VnRoute, i - 1), &g_array_index(routes, VnRoute, i)) >
        0) {
      qsort(first, routes->len - start, sizeof *first, compare_routes);
      return;
    }
}

static void
add_host_route(const VnReach *reach, const VnTopology *topology, guint32 vm,
               const gboolean *gateways, GArray *routes)
{
  const VnVm *host = &topology->vms[vm];
  for (guint32 i = host->first_iface; i < host->first_iface + host->n_ifaces; i++) {
    guint32 segment = topology->ifaces[i].segment;
    if (!gateways[segment] || reach->segment_row[segment] == reach->segment_row[segment + 1])
      continue;
    guint32 router = reach->segment_ifaces[reach->segment_row[segment]];
    VnRoute route = {.vm = vm,
                     .kind = VN_ROUTE_GATEWAY,
                     .prefix = {{.family = (guint8)reach->family}, 0},
                     .iface = i,
                     .gateway = *vn_iface_address(&topology->ifaces[router], reach->family),
                     .peer = VN_NO_ID};
    g_array_append_val(routes, route);
  }
}

/* The segments whose hosts need a gateway: all but the flat ones, and those too if there is
 * anything but the flat network. */
static gboolean *
segments_with_gateway(const VnTopology *topology, guint family)
{
  gboolean *gateways = g_new0(gboolean, topology->n_segments + 1);
  gboolean others = FALSE;
  for (guint32 s = 0; s < topology->n_segments; s++) {
    const VnPrefix *prefix = vn_segment_prefix(&topology->segments[s], family);
    gateways[s] = prefix->address.family != 0 && !vn_topology_is_flat(topology, s, family);
    others = others || gateways[s];
  }
  for (guint32 s = 0; s < topology->n_segments; s++)
    gateways[s] = gateways[s] || (others && vn_topology_is_flat(topology, s, family));
  return gateways;
}

/* What is computed once for a family. */
typedef struct {
  VnReach reach;
  GArray *destinations;
  gboolean *gateways;
  guint32 *on; /* by segment: an interface of the router at hand; VN_NO_ID between routers */
  gboolean possible;
} Family;

static void
family_init(Family *family, const VnTopology *topology, guint number)
{
  family->possible = vn_reach_init(&family->reach, topology, number);
  family->destinations = collect_destinations(topology, number);
  family->gateways = segments_with_gateway(topology, number);
  family->on = g_malloc((topology->n_segments + 1) * sizeof *family->on);
  memset(family->on, 0xff, (topology->n_segments + 1) * sizeof *family->on);
}

static void
family_clear(Family *family)
{
  vn_reach_clear(&family->reach);
  g_array_unref(family->destinations);
  g_free(family->gateways);
  g_free(family->on);
}

static void
add_routes(Family *family, const VnTopology *topology, guint32 vm, GArray *routes)
{
  const VnReach *reach = &family->reach;
  guint32 router = reach->router_of[vm];
  if (router == VN_NO_ID) {
    add_host_route(reach, topology, vm, family->gateways, routes);
    return;
  }
  guint32 from = reach->router_row[router], to = reach->router_row[router + 1];
  for (guint32 k = from; k < to; k++)
    family->on[topology->ifaces[reach->router_ifaces[k]].segment] = reach->router_ifaces[k];
  add_router_routes(reach, topology, vm, family->on, family->destinations, routes);
  for (guint32 k = from; k < to; k++)
    family->on[topology->ifaces[reach->router_ifaces[k]].segment] = VN_NO_ID;
}

static void
refuse_size(const VnCompletion *completion, const char *what, guint limit)
{
  const VnTopology *topology = completion->topology;
  VnSpan span =
      topology->network_span.start != 0 ? topology->network_span : topology->segments[0].span;
  VnDiag *diag = vn_diag_add(completion->sink, VN_DIAG_VN117, span,
                             "the network needs more than %u %s", limit, what);
  vn_diag_hint(diag, "give each segment a prefix, or let fewer routers join more segments");
}

static void
set_tables(const VnCompletion *completion, Family families[2])
{
  VnTopology *topology = completion->topology;
  g_autoptr(GArray) routes = g_array_new(FALSE, FALSE, sizeof(VnRoute));
  for (guint32 vm = 0; vm < topology->n_vms && routes->len <= VN_TOPOLOGY_MAX_ROUTES; vm++) {
    guint start = routes->len;
    add_routes(&families[0], topology, vm, routes);
    add_routes(&families[1], topology, vm, routes);
    if (routes->len > start)
      sort_routes(routes, start);
  }
  if (routes->len > VN_TOPOLOGY_MAX_ROUTES) {
    refuse_size(completion, "routes", VN_TOPOLOGY_MAX_ROUTES);
    return;
  }
  topology->routes =
      vn_arena_memdup(completion->arena, routes->data, routes->len * sizeof(VnRoute));
  topology->n_routes = routes->len;
  g_autoptr(GArray) proxies = g_array_new(FALSE, FALSE, sizeof(VnProxy));
  if (!vn_proxies_add(&families[0].reach, topology, proxies) ||
      !vn_proxies_add(&families[1].reach, topology, proxies)) {
    refuse_size(completion, "answers to ARP", VN_TOPOLOGY_MAX_PROXIES);
    return;
  }
  topology->proxies =
      vn_arena_memdup(completion->arena, proxies->data, proxies->len * sizeof(VnProxy));
  topology->n_proxies = proxies->len;
}

void
vn_completion_set_routes(VnCompletion *completion)
{
  Family families[2];
  family_init(&families[0], completion->topology, 4);
  family_init(&families[1], completion->topology, 6);
  if (families[0].possible && families[1].possible)
    set_tables(completion, families);
  else
    refuse_size(completion, "routes", VN_TOPOLOGY_MAX_ROUTES);
  family_clear(&families[0]);
  family_clear(&families[1]);
}
