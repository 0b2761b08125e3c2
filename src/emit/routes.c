/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Routing tables as the paper prints its Tables 1 and 2: an address and the segment it lies behind,
 * or Ext for the external interface. */
#include "emit/emit.h"

/* Host routes are written as addresses, the default route as "default". */
static void
append_destination(GString *out, const VnPrefix *prefix)
{
  char text[VN_PREFIX_TEXT_MAX];
  if (prefix->length == 0)
    g_string_append_printf(out, "  %-18s", prefix->address.family == 4 ? "default" : "default6");
  else if (prefix->length == vn_address_bits(&prefix->address))
    g_string_append_printf(out, "  %-18s", vn_address_format(&prefix->address, text));
  else
    g_string_append_printf(out, "  %-18s", vn_prefix_format(prefix, text));
}

static void
append_route(const VnTopology *topology, const VnRoute *route, GString *out)
{
  char gateway[VN_ADDRESS_TEXT_MAX];
  append_destination(out, &route->prefix);
  switch ((VnRouteKind)route->kind) {
  case VN_ROUTE_LINK:
    g_string_append_printf(out, "  %s\n",
                           topology->segments[topology->ifaces[route->iface].segment].name);
    return;
  case VN_ROUTE_GATEWAY:
    g_string_append_printf(out, "  %s via %s\n",
                           topology->segments[topology->ifaces[route->iface].segment].name,
                           vn_address_format(&route->gateway, gateway));
    return;
  case VN_ROUTE_EXTERNAL:
    g_string_append_printf(out, "  Ext to %s\n", topology->vms[route->peer].name);
    return;
  }
  g_assert_not_reached();
}

/* From one proxy on: all of its interface; returns the first of the next. */
static guint32
append_proxies(const VnTopology *topology, guint32 first, GString *out)
{
  guint32 iface = topology->proxies[first].iface, p = first;
  char text[VN_ADDRESS_TEXT_MAX];
  g_string_append_printf(out, "  answers on %s for",
                         topology->segments[topology->ifaces[iface].segment].name);
  for (; p < topology->n_proxies && topology->proxies[p].iface == iface; p++)
    g_string_append_printf(out, "%s %s", p > first ? "," : "",
                           vn_address_format(&topology->proxies[p].address, text));
  g_string_append_c(out, '\n');
  return p;
}

/* Proxies are sorted by interface in each family, so those of a VM are found by its interfaces. */
static void
append_answers(const VnTopology *topology, const VnVm *vm, const guint32 *first_proxy, GString *out)
{
  for (guint32 i = vm->first_iface; i < vm->first_iface + vm->n_ifaces; i++)
    for (guint family = 0; family < 2; family++) {
      guint32 p = first_proxy[2 * i + family];
      if (p != VN_NO_ID)
        append_proxies(topology, p, out);
    }
}

/* Where the proxies of each interface begin, by family; VN_NO_ID: it has none. */
static guint32 *
index_proxies(const VnTopology *topology)
{
  guint32 *first = g_new(guint32, 2 * (gsize)topology->n_ifaces + 1);
  for (guint32 i = 0; i < 2 * topology->n_ifaces; i++)
    first[i] = VN_NO_ID;
  for (guint32 p = topology->n_proxies; p-- > 0;) {
    const VnProxy *proxy = &topology->proxies[p];
    first[2 * proxy->iface + (proxy->address.family == 6)] = p;
  }
  return first;
}

void
vn_emit_routes(const VnModel *model, GString *out)
{
  const VnTopology *topology = &model->topology;
  g_autofree guint32 *first_proxy = index_proxies(topology);
  guint32 r = 0;
  for (guint32 vm = 0; vm < topology->n_vms; vm++) {
    const VnVm *it = &topology->vms[vm];
    gboolean routed = r < topology->n_routes && topology->routes[r].vm == vm;
    if (!routed && it->kind == VN_VM_HOST)
      continue;
    g_string_append_printf(out, "%s %s\n", it->kind == VN_VM_HOST ? "host" : "router", it->name);
    for (; r < topology->n_routes && topology->routes[r].vm == vm; r++)
      append_route(topology, &topology->routes[r], out);
    append_answers(topology, it, first_proxy, out);
  }
}
