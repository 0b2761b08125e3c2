/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Machines as messages: interfaces, routes, proxies and images of a VM, the ways off routers'
 * external interfaces, and power. */
#include "master/remote-private.h"

#include <string.h>

#include "base/source.h"
#include "tech/tech.h"

/* Flags of a VM in VMS. */
enum { FLAG_ROUTER = 1, FLAG_EXTERNAL = 2, FLAG_FLAT = 4 };

#define EXTERNAL_IFACE G_MAXUINT32

/* ---- machines ---- */

static GVariant *
key_variant(const VnValue *value)
{
  switch ((VnValueKind)value->kind) {
  case VN_VALUE_BOOL:
    return g_variant_new_boolean(value->b);
  case VN_VALUE_FLOAT:
  case VN_VALUE_PERCENT:
    return g_variant_new_double(value->f);
  case VN_VALUE_INT:
  case VN_VALUE_PORT:
  case VN_VALUE_DURATION:
  case VN_VALUE_SIZE:
  case VN_VALUE_RATE:
    return g_variant_new_int64(value->i);
  case VN_VALUE_STRING:
  case VN_VALUE_REGEX:
    return g_variant_new_string(value->text->text);
  case VN_VALUE_NONE:
  case VN_VALUE_ADDRESS:
  case VN_VALUE_PREFIX:
  case VN_VALUE_MAC:
  case VN_VALUE_LIST:
  case VN_VALUE_RANGE:
  case VN_VALUE_SET:
  case VN_VALUE_HOST:
  case VN_VALUE_ROUTER:
  case VN_VALUE_SEGMENT:
  case VN_VALUE_TASK:
  case VN_VALUE_GROUP:
  case VN_VALUE_SITE:
  case VN_VALUE_IMAGE:
  case VN_VALUE_KIND_COUNT:
    break;
  }
  g_autoptr(GString) text = g_string_new(NULL);
  vn_value_format(value, NULL, NULL, text);
  return g_variant_new_string(text->str);
}

static gboolean
is_file(const VnImage *image, const char *key)
{
  const VnTech *tech = vn_tech(image->tech);
  for (gsize i = 0; i < tech->n_keys; i++)
    if (strcmp(tech->keys[i].key, key) == 0)
      return tech->keys[i].type == VN_TECH_KEY_FILE;
  return FALSE;
}

/* A path in a script is from the folder that holds the file that names it. */
static GVariant *
file_variant(const VnModel *model, const VnImage *image, const char *path)
{
  g_autofree char *folder = NULL;
  if (model->sources != NULL && !g_path_is_absolute(path)) {
    VnLocation at = vn_source_set_locate(model->sources, image->span.start);
    folder = at.source != NULL ? g_path_get_dirname(at.source->path) : NULL;
  }
  g_autofree char *base = g_canonicalize_filename(folder != NULL ? folder : ".", NULL);
  return g_variant_new_take_string(g_canonicalize_filename(path, base));
}

static GVariant *
image_keys(const VnModel *model, const VnImage *image)
{
  GVariantBuilder keys;
  g_variant_builder_init(&keys, G_VARIANT_TYPE("a{sv}"));
  for (guint32 i = 0; image != NULL && i < image->n_keys; i++) {
    const VnValue *value = &image->values[i];
    g_variant_builder_add(&keys, "{sv}", image->keys[i],
                          is_file(image, image->keys[i])
                              ? file_variant(model, image, value->text->text)
                              : key_variant(value));
  }
  return g_variant_builder_end(&keys);
}

/* An address with the length that its segment (or the flat network) gives it. */
static const char *
prefix_text(const VnRemote *remote, const VnVm *vm, const VnIface *iface, gboolean six,
            char buffer[VN_PREFIX_TEXT_MAX])
{
  const VnTopology *topology = &remote->model->topology;
  const VnSegment *segment = &topology->segments[iface->segment];
  VnPrefix prefix = {.address = six ? iface->address6 : iface->address4};
  const VnPrefix *network = six ? &topology->network6 : &topology->network4;
  const VnPrefix *own = six ? &segment->prefix6 : &segment->prefix4;
  if (prefix.address.family == 0)
    return "";
  gboolean flat = network->length == own->length &&
                  vn_address_compare(&network->address, &own->address) == 0;
  prefix.length = flat && vm->kind == VN_VM_ROUTER ? (guint8)vn_address_bits(&prefix.address)
                                                   : own->length;
  return vn_prefix_format(&prefix, buffer);
}

static GVariant *
vm_ifaces(const VnRemote *remote, const VnVm *vm)
{
  GVariantBuilder items;
  g_variant_builder_init(&items, G_VARIANT_TYPE("a(ustssb)"));
  for (guint32 i = 0; i < vm->n_ifaces; i++) {
    const VnIface *iface = &remote->model->topology.ifaces[vm->first_iface + i];
    char name[16], four[VN_PREFIX_TEXT_MAX], six[VN_PREFIX_TEXT_MAX];
    g_snprintf(name, sizeof(name), "eth%u", i);
    g_variant_builder_add(&items, "(ustssb)", iface->segment, name, iface->mac,
                          prefix_text(remote, vm, iface, FALSE, four),
                          prefix_text(remote, vm, iface, TRUE, six), iface->preset);
  }
  return g_variant_builder_end(&items);
}

/* Routes lie by VM; the first of each is found once. */
static const VnRoute *
vm_routes(const VnRemote *remote, guint32 id, guint32 *out_n)
{
  const VnTopology *topology = &remote->model->topology;
  guint32 low = 0, high = topology->n_routes;
  while (low < high) {
    guint32 middle = low + (high - low) / 2;
    if (topology->routes[middle].vm < id)
      low = middle + 1;
    else
      high = middle;
  }
  guint32 n = 0;
  while (low + n < topology->n_routes && topology->routes[low + n].vm == id)
    n++;
  *out_n = n;
  return topology->routes + low;
}

static GVariant *
route_variants(const VnRemote *remote, guint32 id)
{
  const VnVm *vm = &remote->model->topology.vms[id];
  guint32 n;
  const VnRoute *routes = vm_routes(remote, id, &n);
  GVariantBuilder items;
  g_variant_builder_init(&items, G_VARIANT_TYPE("a(sus)"));
  for (guint32 i = 0; i < n; i++) {
    char prefix[VN_PREFIX_TEXT_MAX], gateway[VN_ADDRESS_TEXT_MAX] = "";
    if (routes[i].kind == VN_ROUTE_GATEWAY)
      vn_address_format(&routes[i].gateway, gateway);
    g_variant_builder_add(&items, "(sus)", vn_prefix_format(&routes[i].prefix, prefix),
                          routes[i].kind == VN_ROUTE_EXTERNAL ? EXTERNAL_IFACE
                                                              : routes[i].iface - vm->first_iface,
                          gateway);
  }
  return g_variant_builder_end(&items);
}

/* Proxies lie by interface. */
static GVariant *
vm_proxies(const VnRemote *remote, const VnVm *vm)
{
  const VnTopology *topology = &remote->model->topology;
  guint32 low = 0, high = topology->n_proxies;
  GVariantBuilder items;
  g_variant_builder_init(&items, G_VARIANT_TYPE("a(us)"));
  while (vm->n_ifaces > 0 && low < high) {
    guint32 middle = low + (high - low) / 2;
    if (topology->proxies[middle].iface < vm->first_iface)
      low = middle + 1;
    else
      high = middle;
  }
  for (; low < topology->n_proxies &&
         topology->proxies[low].iface < vm->first_iface + vm->n_ifaces;
       low++) {
    char buffer[VN_ADDRESS_TEXT_MAX];
    g_variant_builder_add(&items, "(us)", topology->proxies[low].iface - vm->first_iface,
                          vn_address_format(&topology->proxies[low].address, buffer));
  }
  return g_variant_builder_end(&items);
}

static GVariant *
vm_variant(const VnRemote *remote, guint32 id)
{
  const VnTopology *topology = &remote->model->topology;
  const VnVm *vm = &topology->vms[id];
  const VnImage *image = vm->image != VN_NO_ID ? &remote->model->images[vm->image] : NULL;
  gboolean flat = topology->network4.address.family != 0 || topology->network6.address.family != 0;
  guint32 flags = (vm->kind == VN_VM_ROUTER ? FLAG_ROUTER : 0) |
                  (vm->external ? FLAG_EXTERNAL : 0) | (flat ? FLAG_FLAT : 0);
  gint64 memory = vm->memory == 0 && image != NULL ? image->memory : vm->memory;
  guint32 cpus = vm->cpus == 0 && image != NULL ? image->cpus : vm->cpus;
  return g_variant_new("(usums@a{sv}msxuu@a(ustssb)@a(sus)@a(us))", id, vm->name, flags,
                       image != NULL ? image->name : NULL, image_keys(remote->model, image), vm->vm,
                       memory, cpus, vm->processes, vm_ifaces(remote, vm),
                       route_variants(remote, id), vm_proxies(remote, vm));
}

static void
vm_key(const VnRemote *remote, guint32 node, guint32 *out_site, guint32 *out_tech)
{
  guint32 vm = remote->graph->nodes[node].vm;
  *out_site = vn_model_site(remote->model, vm);
  *out_tech = vn_model_tech(remote->model, vm);
}

/* The ways off a router's external interface. */
static void
add_ways(const VnRemote *remote, guint32 id, GVariantBuilder *items)
{
  guint32 n;
  const VnRoute *routes = vm_routes(remote, id, &n);
  for (guint32 i = 0; i < n; i++) {
    char prefix[VN_PREFIX_TEXT_MAX];
    if (routes[i].kind == VN_ROUTE_EXTERNAL)
      g_variant_builder_add(items, "(usuu)", id, vn_prefix_format(&routes[i].prefix, prefix),
                            routes[i].peer, vn_model_site(remote->model, routes[i].peer));
  }
}

static void
send_ways(VnRemote *remote, Side *side, const Request *request)
{
  GVariantBuilder items;
  g_variant_builder_init(&items, G_VARIANT_TYPE("a(usuu)"));
  for (guint i = 0; i < request->items->len; i++)
    add_ways(remote, g_array_index(request->items, RequestItem, i).item, &items);
  g_autoptr(GVariant) all = g_variant_ref_sink(g_variant_builder_end(&items));
  if (g_variant_n_children(all) > 0)
    vn_deploy_quietly(remote, side, VN_MESSAGE_EXTERNAL, g_variant_new("(@a(usuu))", all));
}

static void
send_vms(VnRemote *remote, Side *side, guint32 tech, const GArray *nodes)
{
  VnSession *session = vn_slave_session(side->slave);
  GVariantBuilder items;
  g_variant_builder_init(&items, G_VARIANT_TYPE("a(usumsa{sv}msxuua(ustssb)a(sus)a(us))"));
  vn_deploy_open(remote, side);
  Request *request = vn_remote_request(remote, side, vn_request_end_items);
  for (guint i = 0; i < nodes->len; i++) {
    guint32 node = g_array_index(nodes, guint32, i), its_site, its_tech;
    vm_key(remote, node, &its_site, &its_tech);
    if (its_site != side->site || its_tech != tech)
      continue;
    guint32 id = remote->graph->nodes[node].vm;
    g_variant_builder_add_value(&items, vm_variant(remote, id));
    vn_request_item(request, id, node);
    vn_remote_expect(remote, node);
  }
  vn_session_send(session, VN_MESSAGE_VMS, 0, request->id,
                  g_variant_new("(s@a(usumsa{sv}msxuua(ustssb)a(sus)a(us)))", vn_tech(tech)->name,
                                g_variant_builder_end(&items)));
  send_ways(remote, side, request);
}

void
vn_deploy_vms(VnRemote *remote, const GArray *nodes)
{
  vn_deploy_by_key(remote, nodes, vm_key, send_vms);
}

/* ---- on ---- */

/* A machine that came up is clean, so its files are copied each time. */
static void
powered_on(VnRemote *remote, Request *request, GHashTable *failures)
{
  for (guint i = 0; i < request->items->len; i++) {
    RequestItem item = g_array_index(request->items, RequestItem, i);
    const VnVm *vm = &remote->model->topology.vms[item.item];
    const char *error = vn_request_failure(failures, item.item);
    for (guint32 k = 0; error == NULL && item.node != VN_NO_ID && k < vm->n_files; k++) {
      vn_remote_expect(remote, item.node);
      vn_transfer_push(remote, item.node, item.item, vm->files[k].source, vm->files[k].target);
    }
    vn_remote_answered(remote, item.node, error);
  }
}

static void
send_power_on(VnRemote *remote, Side *side, guint32 tech, const GArray *nodes)
{
  GVariantBuilder items;
  g_variant_builder_init(&items, G_VARIANT_TYPE("au"));
  VnSession *session = vn_slave_session(side->slave);
  Request *request = vn_remote_request(remote, side, powered_on);
  for (guint i = 0; i < nodes->len; i++) {
    guint32 node = g_array_index(nodes, guint32, i), its_site, its_tech;
    vm_key(remote, node, &its_site, &its_tech);
    if (its_site != side->site || its_tech != tech)
      continue;
    guint32 id = remote->graph->nodes[node].vm;
    g_variant_builder_add(&items, "u", id);
    vn_request_item(request, id, node);
    vn_remote_expect(remote, node);
  }
  vn_session_send(session, VN_MESSAGE_POWER_ON, 0, request->id,
                  g_variant_new("(@au)", g_variant_builder_end(&items)));
}

void
vn_deploy_power_on(VnRemote *remote, const GArray *nodes)
{
  vn_deploy_by_key(remote, nodes, vm_key, send_power_on);
}
