/* SPDX-License-Identifier: GPL-3.0-or-later */
/* See wires.h. The kernel's own netem is not used: many kernels lack it, its chance follows no
 * seed, and two ways to impair a segment would differ. */
#include "drivers/netns/wires.h"

#include <unistd.h>

#include "hub/hub.h"

struct VnNetnsWires {
  VnHub *hub;
  GHashTable *segments; /* ids */
  GHashTable *vms;      /* id → GArray of Wire */
};

typedef struct {
  guint32 iface, segment;
} Wire;

VnNetnsWires *
vn_netns_wires_new(VnHub *hub)
{
  VnNetnsWires *wires = g_new0(VnNetnsWires, 1);
  wires->hub = hub;
  wires->segments = g_hash_table_new(NULL, NULL);
  wires->vms = g_hash_table_new_full(NULL, NULL, NULL, (GDestroyNotify)g_array_unref);
  return wires;
}

void
vn_netns_wires_free(VnNetnsWires *wires)
{
  GHashTableIter iter;
  gpointer segment;
  g_hash_table_iter_init(&iter, wires->segments);
  while (g_hash_table_iter_next(&iter, &segment, NULL))
    vn_hub_remove_segment(wires->hub, GPOINTER_TO_UINT(segment));
  g_hash_table_unref(wires->segments);
  g_hash_table_unref(wires->vms);
  g_free(wires);
}

static VnHubImpairment
impairment_of(const VnDriverSegment *segment)
{
  return (VnHubImpairment){.delay_ns = segment->delay_ns,
                           .jitter_ns = segment->jitter_ns,
                           .loss = segment->loss,
                           .duplicate = segment->duplicate,
                           .reorder = segment->reorder,
                           .rate = segment->rate,
                           .queue = segment->queue};
}

gboolean
vn_netns_wires_want(const VnDriverSegment *segment)
{
  return segment->changes || segment->delay_ns != 0 || segment->jitter_ns != 0 ||
         segment->loss > 0 || segment->duplicate > 0 || segment->reorder > 0 ||
         segment->rate != 0 || segment->queue != 0;
}

gboolean
vn_netns_wires_add(VnNetnsWires *wires, const VnDriverSegment *segment, GError **error)
{
  const VnHubSegment how = {.id = segment->id,
                            .name = segment->name,
                            .impairment = impairment_of(segment),
                            .seed = segment->seed};
  if (!vn_hub_add_segment(wires->hub, &how, error))
    return FALSE;
  g_hash_table_add(wires->segments, GUINT_TO_POINTER(segment->id));
  return TRUE;
}

void
vn_netns_wires_remove(VnNetnsWires *wires, guint32 segment)
{
  if (g_hash_table_remove(wires->segments, GUINT_TO_POINTER(segment)))
    vn_hub_remove_segment(wires->hub, segment);
}

static GArray *
wires_of(const VnNetnsWires *wires, guint32 vm)
{
  return g_hash_table_lookup(wires->vms, GUINT_TO_POINTER(vm));
}

static gboolean
plug(VnNetnsWires *wires, guint32 vm, const Wire *wire, int fd, GError **error)
{
  const VnHubPort port = {
      .id = VN_HUB_PORT(vm, wire->iface), .segment = wire->segment, .kind = VN_HUB_LINK, .fd = fd};
  return vn_hub_add_port(wires->hub, &port, error);
}

gboolean
vn_netns_wires_add_vm(VnNetnsWires *wires, const VnDriverVm *vm, GError **error)
{
  if (wires_of(wires, vm->id) != NULL)
    return TRUE;
  g_autoptr(GArray) own = g_array_new(FALSE, FALSE, sizeof(Wire));
  for (guint32 i = 0; i < vm->n_ifaces; i++) {
    const Wire wire = {i, vm->ifaces[i].segment};
    if (!g_hash_table_contains(wires->segments, GUINT_TO_POINTER(wire.segment)))
      continue;
    if (!plug(wires, vm->id, &wire, -1, error))
      return FALSE;
    g_array_append_val(own, wire);
  }
  if (own->len > 0)
    g_hash_table_insert(wires->vms, GUINT_TO_POINTER(vm->id), g_steal_pointer(&own));
  return TRUE;
}

void
vn_netns_wires_remove_vm(VnNetnsWires *wires, guint32 vm)
{
  const GArray *own = wires_of(wires, vm);
  for (guint i = 0; own != NULL && i < own->len; i++)
    vn_hub_remove_port(wires->hub, VN_HUB_PORT(vm, g_array_index(own, Wire, i).iface));
  g_hash_table_remove(wires->vms, GUINT_TO_POINTER(vm));
}

void
vn_netns_wires_list(VnNetnsWires *wires, guint32 vm, GByteArray *out)
{
  const GArray *own = wires_of(wires, vm);
  for (guint i = 0; own != NULL && i < own->len; i++) {
    const VnNetnsPortWire port = {vm, g_array_index(own, Wire, i).iface};
    g_byte_array_append(out, (const guint8 *)&port, sizeof port);
  }
}

gboolean
vn_netns_wires_plug(VnNetnsWires *wires, const VnNetnsPortWire *port, int fd, GError **error)
{
  const GArray *own = wires_of(wires, port->vm);
  for (guint i = 0; own != NULL && i < own->len; i++)
    if (g_array_index(own, Wire, i).iface == port->iface)
      return plug(wires, port->vm, &g_array_index(own, Wire, i), fd, error);
  if (fd >= 0)
    close(fd);
  g_set_error(error, VN_DRIVER_ERROR, VN_DRIVER_ERROR_FAILED, "interface %u is not in the hub",
              port->iface);
  return FALSE;
}

void
vn_netns_wires_unplug(VnNetnsWires *wires, guint32 vm)
{
  const GArray *own = wires_of(wires, vm);
  for (guint i = 0; own != NULL && i < own->len; i++)
    (void)plug(wires, vm, &g_array_index(own, Wire, i), -1, NULL); /* the port is there: no error */
}

void
vn_netns_wires_silence(VnNetnsWires *wires, guint32 vm, gboolean silent)
{
  const GArray *own = wires_of(wires, vm);
  for (guint i = 0; own != NULL && i < own->len; i++) /* the port is there: no error */
    (void)vn_hub_set_link(wires->hub, VN_HUB_PORT(vm, g_array_index(own, Wire, i).iface), !silent,
                          NULL);
}

gboolean
vn_netns_wires_impair(VnNetnsWires *wires, guint32 vm, guint32 iface,
                      const VnDriverSegment *impairment, GError **error)
{
  const GArray *own = wires_of(wires, vm);
  const VnHubImpairment how = impairment_of(impairment);
  for (guint i = 0; own != NULL && i < own->len; i++)
    if (g_array_index(own, Wire, i).iface == iface)
      return vn_hub_set_impairment(wires->hub, VN_HUB_PORT(vm, iface),
                                   VN_HUB_SENT | VN_HUB_RECEIVED, &how, error);
  g_set_error(error, VN_DRIVER_ERROR, VN_DRIVER_ERROR_UNSUPPORTED,
              "the segment of interface %u was made as a bridge of the kernel, which bears no "
              "impairments",
              iface);
  return FALSE;
}
