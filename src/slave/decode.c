/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The master computed all of this, so a mistake here is one between the two programs, and the
 * whole message is refused: nothing of it is made. */
#include "slave/decode.h"

#include <string.h>

#define VM_ROUTER   1u
#define VM_EXTERNAL 2u
#define VM_FLAT     4u

static gboolean wrong(GError **error, const char *format, ...) G_GNUC_PRINTF(2, 3);

static gboolean
wrong(GError **error, const char *format, ...)
{
  va_list args;
  va_start(args, format);
  g_autofree char *what = g_strdup_vprintf(format, args);
  va_end(args);
  g_set_error_literal(error, VN_DRIVER_ERROR, VN_DRIVER_ERROR_FAILED, what);
  return FALSE;
}

gboolean
vn_decode_prefix(const char *text, VnPrefix *out_prefix)
{
  memset(out_prefix, 0, sizeof *out_prefix);
  return text[0] == '\0' || vn_prefix_parse(text, out_prefix);
}

gboolean
vn_decode_address(const char *text, VnAddress *out_address)
{
  memset(out_address, 0, sizeof *out_address);
  return text[0] == '\0' || vn_address_parse(text, out_address);
}

static gboolean
decode_tech(const char *name, VnTechId *out_tech, GError **error)
{
  *out_tech = vn_tech_from_name(name);
  return *out_tech != VN_TECH_COUNT || wrong(error, "there is no technology “%s”", name);
}

gboolean
vn_decode_segments(GVariant *body, VnArena *arena, VnSegmentBatch *out, GError **error)
{
  const char *tech;
  g_autoptr(GVariant) items = NULL;
  g_variant_get(body, "(&s@a(usuxxdddxxtb))", &tech, &items);
  out->n = (guint)g_variant_n_children(items);
  if (!decode_tech(tech, &out->tech, error))
    return FALSE;
  out->segments = vn_arena_alloc(arena, out->n * sizeof *out->segments);
  for (guint i = 0; i < out->n; i++) {
    VnDriverSegment *s = &out->segments[i];
    g_variant_get_child(items, i, "(u&suxxdddxxtb)", &s->id, &s->name, &s->mtu, &s->delay_ns,
                        &s->jitter_ns, &s->loss, &s->duplicate, &s->reorder, &s->rate, &s->queue,
                        &s->seed, &s->changes);
    if (s->id >= VN_SLAVE_IDS_MAX)
      return wrong(error, "segment “%s”: its number %u is too large", s->name, s->id);
  }
  return TRUE;
}

/* An interface without a name is eth and its place. */
static gboolean
decode_iface(GVariant *items, guint place, VnDriverIface *iface, GError **error)
{
  const char *name, *prefix4, *prefix6;
  VnPrefix four, six;
  g_variant_get_child(items, place, "(u&st&s&sb)", &iface->segment, &name, &iface->mac, &prefix4,
                      &prefix6, &iface->preset);
  if (!vn_decode_prefix(prefix4, &four) || four.address.family == 6)
    return wrong(error, "interface %u: “%s” is no IPv4 prefix", place, prefix4);
  if (!vn_decode_prefix(prefix6, &six) || six.address.family == 4)
    return wrong(error, "interface %u: “%s” is no IPv6 prefix", place, prefix6);
  if (strlen(name) >= sizeof iface->name || strchr(name, '/') != NULL)
    return wrong(error, "interface %u: “%s” is no name for it", place, name);
  if (iface->mac >> 48 != 0)
    return wrong(error, "interface %u: its MAC has more than 48 bits", place);
  if (name[0] != '\0')
    g_strlcpy(iface->name, name, sizeof iface->name);
  else
    g_snprintf(iface->name, sizeof iface->name, "eth%u", place);
  iface->address4 = four;
  iface->address6 = six;
  return TRUE;
}

static gboolean
decode_ifaces(GVariant *items, VnArena *arena, VnDriverVm *vm, GError **error)
{
  vm->n_ifaces = (guint32)g_variant_n_children(items);
  VnDriverIface *ifaces = vn_arena_alloc(arena, vm->n_ifaces * sizeof *ifaces);
  vm->ifaces = ifaces;
  for (guint i = 0; i < vm->n_ifaces; i++) {
    if (!decode_iface(items, i, &ifaces[i], error))
      return FALSE;
  }
  return TRUE;
}

static gboolean
iface_exists(const VnDriverVm *vm, guint32 iface)
{
  return iface < vm->n_ifaces || (iface == VN_DRIVER_EXTERNAL && vm->external);
}

static gboolean
decode_routes(GVariant *items, VnArena *arena, VnDriverVm *vm, GError **error)
{
  vm->n_routes = (guint32)g_variant_n_children(items);
  VnDriverRoute *routes = vn_arena_alloc(arena, vm->n_routes * sizeof *routes);
  vm->routes = routes;
  for (guint i = 0; i < vm->n_routes; i++) {
    const char *prefix, *gateway;
    g_variant_get_child(items, i, "(&su&s)", &prefix, &routes[i].iface, &gateway);
    if (!vn_prefix_parse(prefix, &routes[i].prefix))
      return wrong(error, "route to “%s”, which is no prefix", prefix);
    if (!vn_decode_address(gateway, &routes[i].gateway))
      return wrong(error, "route to %s: the gateway “%s” is no address", prefix, gateway);
    if (!iface_exists(vm, routes[i].iface))
      return wrong(error, "route to %s: there is no interface %u", prefix, routes[i].iface);
  }
  return TRUE;
}

static gboolean
decode_proxies(GVariant *items, VnArena *arena, VnDriverVm *vm, GError **error)
{
  vm->n_proxies = (guint32)g_variant_n_children(items);
  VnDriverProxy *proxies = vn_arena_alloc(arena, vm->n_proxies * sizeof *proxies);
  vm->proxies = proxies;
  for (guint i = 0; i < vm->n_proxies; i++) {
    const char *address;
    g_variant_get_child(items, i, "(u&s)", &proxies[i].iface, &address);
    if (!vn_address_parse(address, &proxies[i].address))
      return wrong(error, "proxy for “%s”, which is no address", address);
    if (!iface_exists(vm, proxies[i].iface))
      return wrong(error, "proxy for %s: there is no interface %u", address, proxies[i].iface);
  }
  return TRUE;
}

static gboolean
decode_vm(GVariant *item, VnArena *arena, VnDriverVm *vm, GError **error)
{
  guint32 flags;
  g_autoptr(GVariant) ifaces = NULL, routes = NULL, proxies = NULL, keys = NULL;
  g_variant_get(item, "(u&sum&s@a{sv}m&sxuu@a(ustssb)@a(sus)@a(us))", &vm->id, &vm->name, &flags,
                &vm->image, &keys, &vm->vm, &vm->memory, &vm->cpus, &vm->processes, &ifaces,
                &routes, &proxies);
  vm->router = (flags & VM_ROUTER) != 0;
  vm->external = (flags & VM_EXTERNAL) != 0;
  vm->flat = (flags & VM_FLAT) != 0;
  vm->image_keys = g_steal_pointer(&keys);
  if (vm->id >= VN_SLAVE_IDS_MAX)
    wrong(error, "its number %u is too large", vm->id);
  else if (vm->name[0] == '\0')
    wrong(error, "it has no name");
  else if (decode_ifaces(ifaces, arena, vm, error) && decode_routes(routes, arena, vm, error) &&
           decode_proxies(proxies, arena, vm, error))
    return TRUE;
  g_prefix_error(error, "VM %u, “%s”: ", vm->id, vm->name);
  return FALSE;
}

void
vn_vm_batch_clear(VnVmBatch *batch)
{
  for (guint i = 0; batch->vms != NULL && i < batch->n; i++)
    g_clear_pointer(&batch->vms[i].image_keys, g_variant_unref);
}

gboolean
vn_decode_vms(GVariant *body, VnArena *arena, VnVmBatch *out, GError **error)
{
  const char *tech;
  g_autoptr(GVariant) items = NULL;
  g_variant_get(body, "(&s@a(usumsa{sv}msxuua(ustssb)a(sus)a(us)))", &tech, &items);
  out->n = (guint)g_variant_n_children(items);
  if (!decode_tech(tech, &out->tech, error))
    return FALSE;
  out->vms = vn_arena_alloc(arena, out->n * sizeof *out->vms);
  for (guint i = 0; i < out->n; i++) {
    g_autoptr(GVariant) item = g_variant_get_child_value(items, i);
    if (!decode_vm(item, arena, &out->vms[i], error))
      return FALSE;
  }
  return TRUE;
}
