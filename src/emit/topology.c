/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The network as a list of segments; then the routers with their connections. */
#include "emit/emit.h"

#include "tech/tech.h"
#include "topology/query.h"

static void
append_prefix(GString *out, const VnPrefix *prefix)
{
  char text[VN_PREFIX_TEXT_MAX];
  if (prefix->address.family != 0)
    g_string_append_printf(out, " %s", vn_prefix_format(prefix, text));
}

static void
append_formatted(GString *out, const char *word, gint64 value, char *(*format)(gint64))
{
  if (value == 0)
    return;
  g_autofree char *text = format(value);
  g_string_append_printf(out, " %s %s", word, text);
}

static void
append_share(GString *out, const char *word, double percent)
{
  char text[G_ASCII_DTOSTR_BUF_SIZE];
  if (percent != 0)
    g_string_append_printf(out, " %s %s%%", word,
                           g_ascii_formatd(text, sizeof text, "%g", percent));
}

static void
append_properties(GString *out, const VnSegment *segment)
{
  const VnImpairment *it = &segment->impairment;
  append_formatted(out, "delay", it->delay_ns, vn_duration_format);
  append_formatted(out, "jitter", it->jitter_ns, vn_duration_format);
  append_share(out, "loss", it->loss);
  append_share(out, "duplicate", it->duplicate);
  append_share(out, "reorder", it->reorder);
  append_formatted(out, "rate", it->rate, vn_rate_format);
  append_formatted(out, "queue", it->queue, vn_size_format);
  if (segment->mtu != 0)
    g_string_append_printf(out, " mtu %u", segment->mtu);
  if (segment->capture)
    g_string_append(out, " capture");
}

static void
append_address(GString *out, const VnAddress *address, int width)
{
  char text[VN_ADDRESS_TEXT_MAX];
  g_string_append_printf(out, "  %-*s", width, vn_address_format(address, text));
}

static void
append_iface(const VnTopology *topology, guint32 number, GString *out)
{
  const VnIface *iface = &topology->ifaces[number];
  const VnVm *vm = &topology->vms[iface->vm];
  const VnSegment *segment = &topology->segments[iface->segment];
  char mac[VN_MAC_TEXT_MAX];
  g_string_append_printf(out, "  %-6s  %-16s", vm->kind == VN_VM_HOST ? "host" : "router",
                         vm->name);
  if (segment->prefix4.address.family != 0)
    append_address(out, &iface->address4, 15);
  if (segment->prefix6.address.family != 0)
    append_address(out, &iface->address6, 24);
  g_string_append_printf(out, "  %s", vn_mac_format(iface->mac, mac));
  if (vm->added && vm->split_of == VN_NO_ID)
    g_string_append(out, "  added");
  g_string_append_c(out, '\n');
}

static void
append_segment(const VnModel *model, guint32 number, const guint32 *row, const guint32 *members,
               GString *out)
{
  const VnSegment *segment = &model->topology.segments[number];
  g_string_append_printf(out, "segment %s", segment->name);
  append_prefix(out, &segment->prefix4);
  append_prefix(out, &segment->prefix6);
  g_string_append_printf(out, " at %s using %s", model->sites[segment->site].name,
                         vn_tech((VnTechId)segment->tech)->name);
  append_properties(out, segment);
  g_string_append_c(out, '\n');
  for (guint32 k = row[number]; k < row[number + 1]; k++)
    append_iface(&model->topology, members[k], out);
}

/* "router r1 joins left, external to r1.2, r1.3" */
static void
append_router(const VnTopology *topology, guint32 number, GString *out)
{
  const VnVm *router = &topology->vms[number];
  g_string_append_printf(out, "router %s joins", router->name);
  for (guint32 i = 0; i < router->n_ifaces; i++)
    g_string_append_printf(
        out, "%s %s", i > 0 ? "," : "",
        topology->segments[topology->ifaces[router->first_iface + i].segment].name);
  if (router->external) {
    guint32 whole = router->split_of == VN_NO_ID ? number : router->split_of;
    const char *separator = "; external to ";
    for (guint32 vm = 0; vm < topology->n_vms; vm++)
      if (vm != number && (vm == whole || topology->vms[vm].split_of == whole)) {
        g_string_append_printf(out, "%s%s", separator, topology->vms[vm].name);
        separator = ", ";
      }
  }
  if (router->split_of != VN_NO_ID)
    g_string_append_printf(out, "  split from %s", topology->vms[router->split_of].name);
  else if (router->added)
    g_string_append(out, "  added");
  g_string_append_c(out, '\n');
}

void
vn_emit_topology(const VnModel *model, GString *out)
{
  const VnTopology *topology = &model->topology;
  g_autofree guint32 *row = g_new0(guint32, topology->n_segments + 2);
  g_autofree guint32 *members = g_new(guint32, topology->n_ifaces + 1);
  for (guint32 i = 0; i < topology->n_ifaces; i++)
    row[topology->ifaces[i].segment + 2]++;
  for (guint32 s = 0; s < topology->n_segments; s++)
    row[s + 2] += row[s + 1];
  for (guint32 i = 0; i < topology->n_ifaces; i++)
    members[row[topology->ifaces[i].segment + 1]++] = i;
  if (topology->network4.address.family != 0 || topology->network6.address.family != 0) {
    g_string_append(out, "network");
    append_prefix(out, &topology->network4);
    append_prefix(out, &topology->network6);
    g_string_append_c(out, '\n');
  }
  for (guint32 s = 0; s < topology->n_segments; s++)
    append_segment(model, s, row, members, out);
  for (guint32 vm = 0; vm < topology->n_vms; vm++)
    if (topology->vms[vm].kind == VN_VM_ROUTER)
      append_router(topology, vm, out);
}
