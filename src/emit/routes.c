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

/* The answers of one VM, a line an interface. next: its first proxy or a later VM's; moved on. */
static void
append_answers(const VnTopology *topology, guint32 vm, guint32 *next, GString *out)
{
  guint32 last = VN_NO_ID;
  char text[VN_ADDRESS_TEXT_MAX];
  for (; *next < topology->n_proxies; ++*next) {
    const VnProxy *proxy = &topology->proxies[*next];
    const VnIface *iface = &topology->ifaces[proxy->iface];
    if (iface->vm != vm)
      break;
    if (proxy->iface == last)
      g_string_append(out, ", ");
    else
      g_string_append_printf(out, "%s  answers on %s for ", last == VN_NO_ID ? "" : "\n",
                             topology->segments[iface->segment].name);
    g_string_append(out, vn_address_format(&proxy->address, text));
    last = proxy->iface;
  }
  if (last != VN_NO_ID)
    g_string_append_c(out, '\n');
}

void
vn_emit_routes(const VnModel *model, GString *out)
{
  const VnTopology *topology = &model->topology;
  guint32 r = 0, p = 0;
  for (guint32 vm = 0; vm < topology->n_vms; vm++) {
    const VnVm *it = &topology->vms[vm];
    gboolean routed = r < topology->n_routes && topology->routes[r].vm == vm;
    if (!routed && it->kind == VN_VM_HOST)
      continue;
    g_string_append_printf(out, "%s %s\n", it->kind == VN_VM_HOST ? "host" : "router", it->name);
    for (; r < topology->n_routes && topology->routes[r].vm == vm; r++)
      append_route(topology, &topology->routes[r], out);
    append_answers(topology, vm, &p, out);
  }
}
