/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Routes lie by VM, then by family and length, and are found by halving; so are proxies. Whoever
 * has an address stands in one table. A hop costs O(log) of each, so a question is linear in its
 * hops. */
#include "topology/path.h"

#include "topology/query.h"

#define LOSES_ALL 100.0 /* percent */

struct VnPaths {
  const VnTopology *topology;
  GHashTable *owners;  /* VnAddress* of the topology to interface + 1 */
  guint32 *first_route; /* by VM, n_vms + 1 entries */
  guint32 *row, *routers; /* router interfaces on segment s: routers[row[s] … row[s + 1]) */
};

/* ---- index ---- */

static guint
hash_address(gconstpointer address)
{
  return vn_address_hash(address);
}

static gboolean
equal_addresses(gconstpointer a, gconstpointer b)
{
  return vn_address_compare(a, b) == 0;
}

static const VnAddress *
iface_address(const VnIface *iface, guint family)
{
  return family == 4 ? &iface->address4 : &iface->address6;
}

static void
index_addresses(VnPaths *paths)
{
  const VnTopology *topology = paths->topology;
  paths->owners = g_hash_table_new(hash_address, equal_addresses);
  for (guint32 i = 0; i < topology->n_ifaces; i++)
    for (guint family = 4; family <= 6; family += 2) {
      const VnAddress *address = iface_address(&topology->ifaces[i], family);
      if (address->family != 0)
        g_hash_table_insert(paths->owners, (gpointer)address, GUINT_TO_POINTER(i + 1));
    }
}

static void
index_routes(VnPaths *paths)
{
  const VnTopology *topology = paths->topology;
  guint32 next = 0;
  paths->first_route = g_new(guint32, topology->n_vms + 1);
  for (guint32 vm = 0; vm < topology->n_vms; vm++) {
    paths->first_route[vm] = next;
    while (next < topology->n_routes && topology->routes[next].vm == vm)
      next++;
  }
  paths->first_route[topology->n_vms] = next;
}

static void
index_routers(VnPaths *paths)
{
  const VnTopology *topology = paths->topology;
  guint32 *row = g_new0(guint32, topology->n_segments + 2), n = 0;
  for (guint32 i = 0; i < topology->n_ifaces; i++)
    if (topology->vms[topology->ifaces[i].vm].kind == VN_VM_ROUTER) {
      row[topology->ifaces[i].segment + 2]++;
      n++;
    }
  for (guint32 s = 0; s < topology->n_segments; s++)
    row[s + 2] += row[s + 1];
  paths->routers = g_new(guint32, n + 1);
  for (guint32 i = 0; i < topology->n_ifaces; i++)
    if (topology->vms[topology->ifaces[i].vm].kind == VN_VM_ROUTER)
      paths->routers[row[topology->ifaces[i].segment + 1]++] = i;
  paths->row = row;
}

VnPaths *
vn_paths_new(const VnTopology *topology)
{
  VnPaths *paths = g_new0(VnPaths, 1);
  paths->topology = topology;
  index_addresses(paths);
  index_routes(paths);
  index_routers(paths);
  return paths;
}

void
vn_paths_free(VnPaths *paths)
{
  if (paths == NULL)
    return;
  g_hash_table_unref(paths->owners);
  g_free(paths->first_route);
  g_free(paths->row);
  g_free(paths->routers);
  g_free(paths);
}

guint32
vn_paths_owner(const VnPaths *paths, const VnAddress *address)
{
  guint found = GPOINTER_TO_UINT(g_hash_table_lookup(paths->owners, address));
  return found == 0 ? VN_NO_ID : found - 1;
}

const VnAddress *
vn_path_address(const VnTopology *topology, guint32 vm, guint family)
{
  const VnVm *it = &topology->vms[vm];
  for (guint32 i = it->first_iface; i < it->first_iface + it->n_ifaces; i++)
    if (iface_address(&topology->ifaces[i], family)->family != 0)
      return iface_address(&topology->ifaces[i], family);
  return NULL;
}

/* ---- routes ---- */

/* Does the route stand before those of (family, length) for addresses from `network` on? Routes
 * of a VM are sorted by family, then longest first, then by address. */
static gboolean
stands_before(const VnRoute *route, guint family, guint length, const VnAddress *network)
{
  if (route->prefix.address.family != family)
    return route->prefix.address.family < family;
  if (route->prefix.length != length)
    return route->prefix.length > length;
  VnPrefix own = vn_prefix_network(&route->prefix);
  return vn_address_compare(&own.address, network) < 0;
}

/* The first of the VM's routes that does not stand before. */
static guint32
find_place(const VnPaths *paths, guint32 low, guint32 high, guint family, guint length,
           const VnAddress *network)
{
  while (low < high) {
    guint32 middle = low + (high - low) / 2;
    if (stands_before(&paths->topology->routes[middle], family, length, network))
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}

/* The most specific route of a VM; NULL. Only lengths that occur are tried. */
static const VnRoute *
find_route(const VnPaths *paths, guint32 vm, const VnAddress *target)
{
  static const VnAddress lowest4 = {.family = 4}, lowest6 = {.family = 6};
  guint32 end = paths->first_route[vm + 1], at = paths->first_route[vm];
  guint family = target->family;
  at = find_place(paths, at, end, family, 128, family == 4 ? &lowest4 : &lowest6);
  while (at < end && paths->topology->routes[at].prefix.address.family == family) {
    guint length = paths->topology->routes[at].prefix.length;
    VnPrefix wanted = {*target, (guint8)length};
    wanted = vn_prefix_network(&wanted);
    at = find_place(paths, at, end, family, length, &wanted.address);
    const VnRoute *route = &paths->topology->routes[at];
    if (at < end && route->prefix.address.family == family && route->prefix.length == length &&
        vn_prefix_contains(&route->prefix, target))
      return route;
    if (length == 0)
      return NULL;
    at = find_place(paths, at, end, family, length - 1, family == 4 ? &lowest4 : &lowest6);
  }
  return NULL;
}

/* The VM's interface whose own prefix holds the target: of the longest. */
static guint32
find_connected(const VnTopology *topology, guint32 vm, const VnAddress *target, guint *out_length)
{
  const VnVm *it = &topology->vms[vm];
  guint32 found = VN_NO_ID;
  for (guint32 i = it->first_iface; i < it->first_iface + it->n_ifaces; i++) {
    VnPrefix own = vn_topology_iface_prefix(topology, i, target->family);
    if (own.address.family == 0 || !vn_prefix_contains(&own, target) ||
        (found != VN_NO_ID && own.length <= *out_length))
      continue;
    found = i;
    *out_length = own.length;
  }
  return found;
}

/* Where a VM sends what is for the target; FALSE: it has no way. A router has routes for what is
 * on its links, too, so only hosts are asked for their own prefix. */
static gboolean
decide(const VnPaths *paths, guint32 vm, const VnAddress *target, VnHop *hop)
{
  const VnTopology *topology = paths->topology;
  const VnRoute *route = find_route(paths, vm, target);
  guint length = 0;
  guint32 connected = topology->vms[vm].kind == VN_VM_HOST
                          ? find_connected(topology, vm, target, &length)
                          : VN_NO_ID;
  if (connected != VN_NO_ID && (route == NULL || route->prefix.length <= length)) {
    hop->out = connected;
    hop->next = *target;
    return TRUE;
  }
  hop->route = route;
  if (route == NULL)
    return FALSE;
  hop->out = route->iface; /* VN_NO_ID where it is external */
  if (route->kind == VN_ROUTE_GATEWAY)
    hop->next = route->gateway;
  else if (route->kind == VN_ROUTE_LINK)
    hop->next = *target;
  return TRUE;
}

/* ---- links ---- */

static gboolean
has_proxy(const VnTopology *topology, guint32 iface, const VnAddress *address)
{
  guint32 low = 0, high = topology->n_proxies;
  while (low < high) {
    guint32 middle = low + (high - low) / 2;
    const VnProxy *proxy = &topology->proxies[middle];
    int order = proxy->iface != iface ? (proxy->iface < iface ? -1 : 1)
                                      : vn_address_compare(&proxy->address, address);
    if (order == 0)
      return TRUE;
    if (order < 0)
      low = middle + 1;
    else
      high = middle;
  }
  return FALSE;
}

/* Would the router answer for an address that isn't its own? */
static gboolean
answers_for(const VnPaths *paths, guint32 iface, const VnAddress *address)
{
  VnHop way = {.out = VN_NO_ID};
  if (!has_proxy(paths->topology, iface, address))
    return FALSE;
  if (address->family == 6)
    return TRUE;
  return decide(paths, paths->topology->ifaces[iface].vm, address, &way) && way.out != iface;
}

/* Who answers for hop->next on the segment of hop->out. */
static void
resolve(const VnPaths *paths, VnHop *hop)
{
  const VnTopology *topology = paths->topology;
  guint32 segment = topology->ifaces[hop->out].segment;
  guint32 owner = vn_paths_owner(paths, &hop->next);
  if (owner != VN_NO_ID && topology->ifaces[owner].segment == segment &&
      topology->ifaces[owner].vm != hop->vm) {
    hop->answers = owner;
    return;
  }
  for (guint32 k = paths->row[segment]; k < paths->row[segment + 1]; k++) {
    guint32 iface = paths->routers[k];
    if (topology->ifaces[iface].vm == hop->vm)
      continue;
    gboolean own = hop->next.family == 4 && owner != VN_NO_ID &&
                   topology->ifaces[owner].vm == topology->ifaces[iface].vm;
    if (!own && !answers_for(paths, iface, &hop->next))
      continue;
    hop->answers = iface;
    hop->proxied = !own;
    return;
  }
}

/* ---- the sender's address ---- */

static guint
common_bits(const VnAddress *a, const VnAddress *b)
{
  guint bits = 0;
  for (guint i = 0; i < vn_address_bits(a) / 8; i++) {
    guint8 differs = a->bytes[i] ^ b->bytes[i];
    if (differs != 0)
      return bits + (guint)__builtin_clz(differs) - 24;
    bits += 8;
  }
  return bits;
}

/* The interface that sends has none: IPv4 takes the first there is, IPv6 the one that has most in
 * common with the target (RFC 6724, rule 8), but not more than its prefix is long. */
static const VnAddress *
choose_any(const VnTopology *topology, guint32 vm, const VnAddress *target)
{
  const VnVm *it = &topology->vms[vm];
  const VnAddress *best = vn_path_address(topology, vm, target->family);
  guint most = 0;
  for (guint32 i = it->first_iface; target->family == 6 && i < it->first_iface + it->n_ifaces;
       i++) {
    VnPrefix own = vn_topology_iface_prefix(topology, i, 6);
    if (own.address.family == 0)
      continue;
    guint common = MIN(common_bits(&own.address, target), own.length);
    if (common > most) {
      best = &topology->ifaces[i].address6;
      most = common;
    }
  }
  return best;
}

static const VnAddress *
choose_source(const VnPaths *paths, guint32 from, const VnAddress *target)
{
  const VnTopology *topology = paths->topology;
  VnHop way = {.vm = from, .out = VN_NO_ID};
  guint32 owner = vn_paths_owner(paths, target);
  if (owner != VN_NO_ID && topology->ifaces[owner].vm == from)
    return target; /* it talks to itself */
  if (decide(paths, from, target, &way) && way.out != VN_NO_ID &&
      iface_address(&topology->ifaces[way.out], target->family)->family != 0)
    return iface_address(&topology->ifaces[way.out], target->family);
  return choose_any(topology, from, target);
}

/* ---- walking ---- */

static gboolean
was_at(const VnPath *path, guint32 vm)
{
  for (guint i = 0; i + 1 < path->n_hops; i++)
    if (path->hops[i].vm == vm)
      return TRUE;
  return FALSE;
}

/* Moves the packet on from the last hop; FALSE: it ended there. */
static gboolean
step(const VnPaths *paths, VnPath *path)
{
  const VnTopology *topology = paths->topology;
  VnHop *hop = &path->hops[path->n_hops - 1];
  if (!decide(paths, hop->vm, &path->target, hop)) {
    path->end = VN_PATH_NO_ROUTE;
    return FALSE;
  }
  guint32 vm, in = VN_NO_ID;
  if (hop->out == VN_NO_ID) {
    vm = hop->route->peer;
  } else {
    resolve(paths, hop);
    path->end = VN_PATH_NO_ANSWER;
    if (hop->answers == VN_NO_ID)
      return FALSE;
    path->end = VN_PATH_LOST;
    if (topology->segments[topology->ifaces[hop->out].segment].impairment.loss >= LOSES_ALL)
      return FALSE;
    in = hop->answers;
    vm = topology->ifaces[in].vm;
  }
  path->hops[path->n_hops++] =
      (VnHop){.vm = vm, .in = in, .out = VN_NO_ID, .answers = VN_NO_ID};
  return TRUE;
}

/* What a machine that got the packet for somebody else does; FALSE: not forward it. The sender is
 * hop 0 and takes nothing off the TTL. */
static gboolean
may_forward(const VnPaths *paths, VnPath *path)
{
  guint32 vm = path->hops[path->n_hops - 1].vm;
  if (path->n_hops == 1)
    return TRUE;
  if (paths->topology->vms[vm].kind != VN_VM_ROUTER)
    path->end = VN_PATH_NO_ROUTER;
  else if (was_at(path, vm))
    path->end = VN_PATH_LOOP;
  else if (path->n_hops > VN_PATH_TTL)
    path->end = VN_PATH_TOO_LONG;
  else
    return TRUE;
  return FALSE;
}

void
vn_path_walk(const VnPaths *paths, guint32 from, const VnAddress *source, const VnAddress *target,
             VnPath *out_path)
{
  const VnTopology *topology = paths->topology;
  guint32 owner = vn_paths_owner(paths, target);
  guint32 receiver = owner == VN_NO_ID ? VN_NO_ID : topology->ifaces[owner].vm;
  out_path->end = VN_PATH_NO_SOURCE;
  out_path->source = (VnAddress){.family = 0};
  out_path->target = *target;
  out_path->n_hops = 1;
  out_path->hops[0] =
      (VnHop){.vm = from, .in = VN_NO_ID, .out = VN_NO_ID, .answers = VN_NO_ID};
  if (vn_path_address(topology, from, target->family) == NULL)
    return;
  if (source == NULL)
    source = choose_source(paths, from, target);
  out_path->source = *source;
  do
    if (out_path->hops[out_path->n_hops - 1].vm == receiver) {
      out_path->end = VN_PATH_ARRIVES;
      return;
    }
  while (may_forward(paths, out_path) && step(paths, out_path));
}

gboolean
vn_path_ask(const VnPaths *paths, guint32 from, const VnAddress *target, VnPath *out_there,
            VnPath *out_back)
{
  out_back->n_hops = 0;
  vn_path_walk(paths, from, NULL, target, out_there);
  if (out_there->end != VN_PATH_ARRIVES)
    return FALSE;
  guint32 receiver = out_there->hops[out_there->n_hops - 1].vm;
  vn_path_walk(paths, receiver, target, &out_there->source, out_back);
  return out_back->end == VN_PATH_ARRIVES;
}

/* ---- in words ---- */

static char *
loop_text(const VnTopology *topology, const VnPath *path)
{
  GString *text = g_string_new("it goes in a loop:");
  guint last = path->n_hops - 1, first = 0;
  while (path->hops[first].vm != path->hops[last].vm)
    first++;
  for (guint i = first; i <= last; i++)
    g_string_append_printf(text, "%s `%s`", i > first ? "," : "",
                           topology->vms[path->hops[i].vm].name);
  return g_string_free(text, FALSE);
}

char *
vn_path_reason(const VnTopology *topology, const VnPath *path)
{
  const VnHop *last = &path->hops[path->n_hops - 1];
  const char *name = topology->vms[last->vm].name;
  char target[VN_ADDRESS_TEXT_MAX], next[VN_ADDRESS_TEXT_MAX];
  gboolean four = path->target.family == 4;
  vn_address_format(&path->target, target);
  switch (path->end) {
  case VN_PATH_ARRIVES:
    return g_strdup("it arrives");
  case VN_PATH_NO_SOURCE:
    return g_strdup_printf("`%s` has no IPv%u address", name, path->target.family);
  case VN_PATH_NO_ROUTE:
    return g_strdup_printf("no route on `%s` to %s", name, target);
  case VN_PATH_NO_ANSWER:
    return g_strdup_printf("nobody on segment `%s` answers %s for %s",
                           topology->segments[topology->ifaces[last->out].segment].name,
                           four ? "ARP" : "neighbour solicitations",
                           vn_address_format(&last->next, next));
  case VN_PATH_NO_ROUTER:
    return g_strdup_printf("`%s` is a host and forwards nothing", name);
  case VN_PATH_LOOP:
    return loop_text(topology, path);
  case VN_PATH_TOO_LONG:
    return g_strdup_printf("it is too far: the %s of %u is used up at `%s`",
                           four ? "TTL" : "hop limit", VN_PATH_TTL, name);
  case VN_PATH_LOST:
    return g_strdup_printf("segment `%s` loses everything",
                           topology->segments[topology->ifaces[last->out].segment].name);
  }
  g_assert_not_reached();
}
