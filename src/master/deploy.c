/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Deployment and teardown: the model's topology as messages to slaves.
 *
 * A session keeps order, so what needs no answer before the next (OPEN, captures, ways to other
 * slaves) is sent and its failure told by the proof, which comes after all of it. */
#include "master/remote-private.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "tech/tech.h"

/* Flags of a VM in VMS. */
enum { FLAG_ROUTER = 1, FLAG_EXTERNAL = 2, FLAG_FLAT = 4 };

#define EXTERNAL_IFACE G_MAXUINT32

/* ---- what no node stands for ---- */

static void
deployed(VnRemote *remote, Request *request, GHashTable *failures)
{
  GHashTableIter iter;
  gpointer why;
  if (failures == NULL)
    return;
  g_hash_table_iter_init(&iter, failures);
  if (g_hash_table_iter_next(&iter, NULL, &why))
    vn_remote_fail_deploy(remote, why);
}

/* A message whose answer nobody waits for but the proof. */
static void
send_quietly(VnRemote *remote, Side *side, VnMessageKind kind, GVariant *body)
{
  Request *request = vn_remote_request(remote, side, deployed);
  vn_session_send(vn_slave_session(side->slave), kind, 0, request->id, body);
}

/* Where the slaves of the other sites take packets. */
static void
send_peers(VnRemote *remote, Side *side)
{
  for (guint32 i = 0; i < remote->model->n_sites; i++) {
    const VnSlave *slave = remote->sides[i].slave;
    const char *packets = slave != NULL ? vn_slave_packets(slave) : NULL;
    if (i == side->site)
      send_quietly(remote, side, VN_MESSAGE_PEER, g_variant_new("(usu)", i, "", side->site));
    else if (packets != NULL)
      send_quietly(remote, side, VN_MESSAGE_PEER, g_variant_new("(usu)", i, packets, side->site));
  }
}

/* Sent before everything else to a slave. */
static void
open_side(VnRemote *remote, Side *side)
{
  if (side->opened)
    return;
  side->opened = TRUE;
  send_quietly(remote, side, VN_MESSAGE_OPEN,
               g_variant_new("(us)", VN_FRAME_PROTOCOL, remote->config.experiment));
  send_peers(remote, side);
}

/* ---- segments ---- */

static guint64
segment_seed(const VnRemote *remote, guint32 segment)
{
  guint64 x = remote->config.calls.seed + (segment + 1) * G_GUINT64_CONSTANT(0x9e3779b97f4a7c15);
  x = (x ^ (x >> 30)) * G_GUINT64_CONSTANT(0xbf58476d1ce4e5b9); /* splitmix64 */
  x = (x ^ (x >> 27)) * G_GUINT64_CONSTANT(0x94d049bb133111eb);
  return x ^ (x >> 31);
}

static GVariant *
segment_variant(const VnRemote *remote, guint32 id)
{
  const VnSegment *segment = &remote->model->topology.segments[id];
  const VnImpairment *i = &segment->impairment;
  return g_variant_new("(usuxxdddxxt)", id, segment->name, segment->mtu, i->delay_ns,
                       i->jitter_ns, i->loss, i->duplicate, i->reorder, i->rate, i->queue,
                       segment_seed(remote, id));
}

static void
start_capture(VnRemote *remote, Side *side, guint32 id)
{
  const VnSegment *segment = &remote->model->topology.segments[id];
  g_autoptr(GError) error = NULL;
  g_autofree char *named = g_strdup_printf("%s.pcapng", segment->name);
  g_autofree char *relative =
      g_strdup_printf("captures/%" G_GINT64_FORMAT "/%s", remote->config.trial,
                      segment->capture_file != NULL ? segment->capture_file : named);
  remote->captures[id] = vn_store_create_file(remote->config.store, relative, &error);
  if (remote->captures[id] < 0) {
    vn_remote_fail_deploy(remote, error->message);
    return;
  }
  vn_store_add_capture(remote->config.store, remote->config.trial, segment->name, relative);
  send_quietly(remote, side, VN_MESSAGE_CAPTURE,
               g_variant_new("(uss)", id, segment->name,
                             segment->capture_filter != NULL ? segment->capture_filter : ""));
}

/* A slave that is lost can't be asked. */
static VnSession *
side_session(VnRemote *remote, Side *side, guint32 node)
{
  VnSession *session = vn_slave_session(side->slave);
  if (session == NULL)
    vn_remote_end(remote, node, VN_NODE_STATUS_BROKEN, "the slave of its site went away");
  return session;
}

/* One message for the nodes of a site and a technology. */
static void
send_segments(VnRemote *remote, Side *side, guint32 tech, const GArray *nodes)
{
  const VnTopology *topology = &remote->model->topology;
  VnSession *session = vn_slave_session(side->slave);
  GVariantBuilder items;
  g_variant_builder_init(&items, G_VARIANT_TYPE("a(usuxxdddxxt)"));
  open_side(remote, side);
  Request *request = vn_remote_request(remote, side, vn_request_end_items);
  for (guint i = 0; i < nodes->len; i++) {
    guint32 node = g_array_index(nodes, guint32, i);
    guint32 id = remote->graph->nodes[node].index;
    if (topology->segments[id].site != side->site || topology->segments[id].tech != tech)
      continue;
    g_variant_builder_add_value(&items, segment_variant(remote, id));
    vn_request_item(request, id, node);
    vn_remote_expect(remote, node);
  }
  vn_session_send(session, VN_MESSAGE_SEGMENTS, 0, request->id,
                  g_variant_new("(s@a(usuxxdddxxt))", vn_tech(tech)->name,
                                g_variant_builder_end(&items)));
  for (guint i = 0; i < request->items->len; i++) {
    guint32 id = g_array_index(request->items, RequestItem, i).item;
    if (topology->segments[id].capture)
      start_capture(remote, side, id);
  }
}

/* Calls send for every pair of site and technology among the nodes. */
static void
by_site_and_tech(VnRemote *remote, const GArray *nodes, VnKeyOf key_of,
                 void (*send)(VnRemote *, Side *, guint32 tech, const GArray *))
{
  g_autoptr(GHashTable) seen = g_hash_table_new(NULL, NULL);
  for (guint i = 0; i < nodes->len; i++) {
    guint32 node = g_array_index(nodes, guint32, i), site, tech;
    key_of(remote, node, &site, &tech);
    if (!g_hash_table_add(seen, GUINT_TO_POINTER(site * VN_TECH_COUNT + tech + 1)))
      continue;
    if (vn_slave_session(remote->sides[site].slave) != NULL)
      send(remote, &remote->sides[site], tech, nodes);
  }
  for (guint i = 0; i < nodes->len; i++) {
    guint32 node = g_array_index(nodes, guint32, i), site, tech;
    key_of(remote, node, &site, &tech);
    if (remote->nodes[node].phase == PHASE_IDLE)
      (void)side_session(remote, &remote->sides[site], node);
  }
}

static void
segment_key(const VnRemote *remote, guint32 node, guint32 *out_site, guint32 *out_tech)
{
  const VnSegment *segment =
      &remote->model->topology.segments[remote->graph->nodes[node].index];
  *out_site = segment->site;
  *out_tech = segment->tech;
}

void
vn_deploy_segments(VnRemote *remote, const GArray *nodes)
{
  by_site_and_tech(remote, nodes, segment_key, send_segments);
}

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

static GVariant *
image_keys(const VnImage *image)
{
  GVariantBuilder keys;
  g_variant_builder_init(&keys, G_VARIANT_TYPE("a{sv}"));
  for (guint32 i = 0; image != NULL && i < image->n_keys; i++)
    g_variant_builder_add(&keys, "{sv}", image->keys[i], key_variant(&image->values[i]));
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
                       image != NULL ? image->name : NULL, image_keys(image), vm->vm, memory, cpus,
                       vm->processes, vm_ifaces(remote, vm), route_variants(remote, id),
                       vm_proxies(remote, vm));
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
    send_quietly(remote, side, VN_MESSAGE_EXTERNAL, g_variant_new("(@a(usuu))", all));
}

static void
send_vms(VnRemote *remote, Side *side, guint32 tech, const GArray *nodes)
{
  VnSession *session = vn_slave_session(side->slave);
  GVariantBuilder items;
  g_variant_builder_init(&items, G_VARIANT_TYPE("a(usumsa{sv}msxuua(ustssb)a(sus)a(us))"));
  open_side(remote, side);
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
  by_site_and_tech(remote, nodes, vm_key, send_vms);
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
  by_site_and_tech(remote, nodes, vm_key, send_power_on);
}

/* ---- proof ---- */

static void
proved(VnRemote *remote, Request *request, GHashTable *failures)
{
  deployed(remote, request, failures);
  for (guint i = 0; i < request->items->len; i++)
    vn_remote_answered(remote, g_array_index(request->items, RequestItem, i).node,
                       remote->deploy_error);
}

void
vn_deploy_prove(VnRemote *remote, guint32 node)
{
  vn_remote_expect(remote, node); /* itself, so that it does not end before all are asked */
  for (guint32 i = 0; i < remote->model->n_sites; i++) {
    Side *side = &remote->sides[i];
    VnSession *session = side->opened ? vn_slave_session(side->slave) : NULL;
    if (session == NULL)
      continue;
    Request *request = vn_remote_request(remote, side, proved);
    vn_request_item(request, 0, node);
    vn_remote_expect(remote, node);
    vn_session_send(session, VN_MESSAGE_PROVE, 0, request->id, NULL);
  }
  vn_remote_answered(remote, node, remote->deploy_error);
}

void
vn_deploy_proof(VnRemote *remote, Side *side, const VnFrame *frame)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(GVariant) body = vn_message_body(frame, &error);
  if (body == NULL) {
    vn_remote_fail_deploy(remote, error->message);
    return;
  }
  gboolean confined;
  g_autoptr(GVariantIter) facts = NULL;
  const char *fact;
  const char *site = vn_slave_site(side->slave);
  g_autoptr(GString) all = g_string_new("the machines are not confined on site ");
  g_string_append(all, site);
  g_variant_get(body, "(bas)", &confined, &facts);
  while (g_variant_iter_next(facts, "&s", &fact)) {
    vn_store_add_fact(remote->config.store, remote->config.trial, site, fact);
    g_string_append_printf(all, "\n  %s", fact);
  }
  if (!confined)
    vn_remote_fail_deploy(remote, all->str);
}

/* ---- captures ---- */

static void
capture_failed(VnRemote *remote, guint32 segment, int reason)
{
  g_autofree char *text =
      g_strdup_printf("writing the capture of %s: %s",
                      remote->model->topology.segments[segment].name, g_strerror(reason));
  remote->config.log(VN_SEVERITY_ERROR, text, remote->config.data);
  close(remote->captures[segment]);
  remote->captures[segment] = -1;
}

void
vn_deploy_captured(VnRemote *remote, const VnFrame *frame)
{
  guint32 size;
  const guint8 *bytes = vn_frame_find(frame, VN_TAG_BYTES, &size);
  if (bytes == NULL || frame->vm >= remote->model->topology.n_segments ||
      remote->captures[frame->vm] < 0)
    return;
  while (size > 0) {
    gssize n = write(remote->captures[frame->vm], bytes, size);
    if (n < 0 && errno == EINTR)
      continue;
    if (n <= 0) {
      capture_failed(remote, frame->vm, errno);
      return;
    }
    bytes += n;
    size -= (guint32)n;
  }
}

void
vn_deploy_capture_end(VnRemote *remote, const VnFrame *frame)
{
  g_autoptr(GVariant) body = vn_message_body(frame, NULL);
  guint32 segment;
  guint64 frames, lost;
  if (body == NULL)
    return;
  g_variant_get(body, "(utt)", &segment, &frames, &lost);
  if (segment >= remote->model->topology.n_segments || remote->captures[segment] < 0)
    return;
  vn_store_end_capture(remote->config.store, remote->config.trial,
                       remote->model->topology.segments[segment].name, frames, lost);
  close(remote->captures[segment]);
  remote->captures[segment] = -1;
}

/* ---- teardown ---- */

void
vn_deploy_release(VnRemote *remote, guint32 node)
{
  vn_remote_expect(remote, node);
  for (guint32 i = 0; i < remote->model->n_sites; i++) {
    Side *side = &remote->sides[i];
    VnSession *session = side->opened ? vn_slave_session(side->slave) : NULL;
    if (session == NULL)
      continue; /* a lost slave takes its own down */
    Request *request = vn_remote_request(remote, side, vn_request_end_items);
    vn_request_item(request, 0, node);
    vn_remote_expect(remote, node);
    vn_session_send(session, VN_MESSAGE_RELEASE, 0, request->id, NULL);
  }
  vn_remote_answered(remote, node, NULL);
}
