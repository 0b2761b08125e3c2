/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Leases are known before hosts ask: a router's first NETWORK has those of all hosts that the slave
 * has heard of, and a host's HELLO sends its own to the routers that are on. So nothing here
 * waits for anything but answers, and a host that comes before its router asks until it is there.
 *
 * A segment is served by one router, the one with the lowest number.
 */
#include "slave/setup.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>

#include "frame/status.h"

#define ID_CLOCK   (VN_OWN_IDS + 1)
#define ID_NETWORK (VN_OWN_IDS + 2)
#define ID_LEASES  (VN_OWN_IDS + 3)

#define SEED_BYTES    32u
#define FRAME_BYTES   (256u << 10) /* more lines go into another frame */
#define LINE_ROOM      512u
#define HOST_PATIENCE (50 * G_GINT64_CONSTANT(1000000000)) /* ns; below VN_READY_TIMEOUT_S */

struct VnVmSpec {
  GVariant *body; /* holds the strings */
  VnArena *arena;
  const VnDriverVm *vm;
};

/* ---- what is known ---- */

void
vn_setup_remember(VnExperiment *experiment, VnVm *vm, const VnDriverVm *spec, GVariant *body)
{
  const VnDriver *driver = vn_experiment_driver(experiment, vm->tech);
  if (driver == NULL || !(driver->by_agent & VN_DRIVER_NETWORK))
    return;
  vn_setup_forget(vm);
  struct VnVmSpec *copy = g_new0(struct VnVmSpec, 1);
  copy->body = g_variant_ref(body);
  copy->arena = vn_arena_new();
  VnDriverVm *own = vn_arena_alloc(copy->arena, sizeof *own);
  *own = *spec;
  own->image_keys = NULL;
  own->ifaces = vn_arena_memdup(copy->arena, spec->ifaces, spec->n_ifaces * sizeof *spec->ifaces);
  own->routes = vn_arena_memdup(copy->arena, spec->routes, spec->n_routes * sizeof *spec->routes);
  own->proxies =
      vn_arena_memdup(copy->arena, spec->proxies, spec->n_proxies * sizeof *spec->proxies);
  copy->vm = own;
  vm->spec = copy;
}

void
vn_setup_forget(VnVm *vm)
{
  if (vm->spec == NULL)
    return;
  g_variant_unref(vm->spec->body);
  vn_arena_free(vm->spec->arena);
  g_clear_pointer(&vm->spec, g_free);
}

/* The router that serves a segment, with its interface there; NULL: there is none here. */
static VnVm *
server_of(const VnExperiment *experiment, guint32 segment, guint32 *out_iface)
{
  for (guint i = 0; i < experiment->vms->len; i++) {
    VnVm *vm = experiment->vms->pdata[i];
    const VnDriverVm *spec = vm != NULL && vm->spec != NULL ? vm->spec->vm : NULL;
    for (guint32 k = 0; spec != NULL && spec->router && k < spec->n_ifaces; k++) {
      if (spec->ifaces[k].segment != segment)
        continue;
      *out_iface = k;
      return vm;
    }
  }
  return NULL;
}

/* ---- frames of lines ---- */

typedef struct {
  VnExperiment *experiment;
  VnVm *to;
  guint64 id;
  guint sent;
  VnFrameWriter writer;
  guint8 *bytes;
} Lines;

static void
lines_begin(Lines *lines, VnExperiment *experiment, VnVm *to, guint64 id)
{
  *lines = (Lines){.experiment = experiment, .to = to, .id = id};
  lines->bytes = g_malloc(FRAME_BYTES);
  vn_frame_writer_init(&lines->writer, lines->bytes, FRAME_BYTES);
  vn_frame_begin(&lines->writer, VN_FRAME_NETWORK, 0, 0, id);
}

static void
send_frame(VnExperiment *experiment, const VnVm *to, VnFrameWriter *writer)
{
  VnFrame frame;
  gsize n = vn_frame_end(writer);
  int decoded = vn_frame_decode(writer->bytes, n, &frame);
  g_assert(decoded == 0);
  frame.vm = to->id;
  (void)vn_channels_send(experiment->channels, &frame); /* without a channel it is lost anyway */
}

static void
lines_send(Lines *lines)
{
  send_frame(lines->experiment, lines->to, &lines->writer);
  lines->sent++;
  vn_frame_writer_init(&lines->writer, lines->bytes, FRAME_BYTES);
  vn_frame_begin(&lines->writer, VN_FRAME_NETWORK, 0, 0, lines->id);
}

static void lines_add(Lines *lines, VnFrameTag tag, const char *format, ...) G_GNUC_PRINTF(3, 4);

static void
lines_add(Lines *lines, VnFrameTag tag, const char *format, ...)
{
  va_list args;
  va_start(args, format);
  g_autofree char *text = g_strdup_vprintf(format, args);
  va_end(args);
  if (FRAME_BYTES - lines->writer.used < strlen(text) + LINE_ROOM)
    lines_send(lines);
  vn_frame_put_text(&lines->writer, (guint16)tag, text);
}

/* How many frames there were: as many answers come. */
static guint
lines_end(Lines *lines, gboolean always)
{
  if (always || lines->writer.used > VN_FRAME_HEADER)
    lines_send(lines);
  g_free(lines->bytes);
  return lines->sent;
}

static void
add_iface(Lines *lines, const VnDriverIface *iface)
{
  char mac[VN_MAC_TEXT_MAX];
  lines_add(lines, VN_TAG_IFACE, "%s %s", iface->name, vn_mac_format(iface->mac, mac));
}

/* ---- leases ---- */

/* The routes of a host through one of its interfaces, as words. */
static void
add_destinations(const VnDriverVm *host, guint32 iface, guint8 family, GString *line)
{
  for (guint32 i = 0; i < host->n_routes; i++) {
    const VnDriverRoute *route = &host->routes[i];
    char prefix[VN_PREFIX_TEXT_MAX], gateway[VN_ADDRESS_TEXT_MAX] = "-";
    if (route->iface != iface || route->prefix.address.family != family)
      continue;
    if (route->gateway.family != 0)
      vn_address_format(&route->gateway, gateway);
    g_string_append_printf(line, " %s=%s", vn_prefix_format(&route->prefix, prefix), gateway);
  }
}

static void
add_lease(Lines *lines, const char *server_iface, const VnDriverVm *host, guint32 place,
          const VnPrefix *address)
{
  const VnDriverIface *iface = &host->ifaces[place];
  char mac[VN_MAC_TEXT_MAX], prefix[VN_PREFIX_TEXT_MAX], name[VN_DRIVER_HOSTNAME_MAX];
  if (address->address.family == 0 || iface->preset)
    return;
  guint mtu = GPOINTER_TO_UINT(
      g_hash_table_lookup(lines->experiment->mtus, GUINT_TO_POINTER(iface->segment)));
  vn_driver_hostname(host->name, name);
  g_autoptr(GString) line = g_string_new(NULL);
  g_string_printf(line, "%s %s %s %s %u", server_iface, vn_mac_format(iface->mac, mac),
                  vn_prefix_format(address, prefix), name, mtu);
  add_destinations(host, place, address->address.family, line);
  lines_add(lines, VN_TAG_LEASE, "%s", line->str);
}

/* The leases of a host that `server` gives; NULL: of any, to count. */
static void
add_leases(Lines *lines, const VnDriverVm *host)
{
  for (guint32 i = 0; !host->router && i < host->n_ifaces; i++) {
    guint32 place;
    VnVm *server = server_of(lines->experiment, host->ifaces[i].segment, &place);
    if (server != lines->to)
      continue;
    const char *name = server->spec->vm->ifaces[place].name;
    add_lease(lines, name, host, i, &host->ifaces[i].address4);
    add_lease(lines, name, host, i, &host->ifaces[i].address6);
  }
}

/* To the routers that are there already; the others get it with all the rest. */
static void
send_leases_of(VnExperiment *experiment, const VnDriverVm *host)
{
  for (guint32 i = 0; i < host->n_ifaces; i++) {
    guint32 place;
    VnVm *server = server_of(experiment, host->ifaces[i].segment, &place);
    if (server == NULL || (server->state != VN_VM_READY && server->state != VN_VM_SETTING))
      continue;
    Lines lines;
    lines_begin(&lines, experiment, server, ID_LEASES);
    add_leases(&lines, host);
    (void)lines_end(&lines, FALSE); /* the host waits for its address, not for this */
  }
}

/* ---- HELLO ---- */

static void
send_clock(VnExperiment *experiment, const VnVm *vm)
{
  guint8 bytes[128], seed[SEED_BYTES];
  VnFrameWriter writer;
  vn_frame_writer_init(&writer, bytes, sizeof bytes);
  vn_frame_begin(&writer, VN_FRAME_CLOCK, 0, 0, ID_CLOCK);
  vn_frame_put_int(&writer, VN_TAG_TIME, g_get_real_time() * 1000);
  if (getrandom(seed, sizeof seed, 0) == (ssize_t)sizeof seed)
    vn_frame_put(&writer, VN_TAG_SEED, seed, sizeof seed);
  send_frame(experiment, vm, &writer);
}

static const char *
route_iface(const VnDriverVm *spec, guint32 iface)
{
  return iface == VN_DRIVER_EXTERNAL ? "ext0" : spec->ifaces[iface].name;
}

static void
add_routes(Lines *lines, const VnDriverVm *spec)
{
  for (guint32 i = 0; i < spec->n_routes; i++) {
    const VnDriverRoute *route = &spec->routes[i];
    char prefix[VN_PREFIX_TEXT_MAX], gateway[VN_ADDRESS_TEXT_MAX];
    vn_prefix_format(&route->prefix, prefix);
    if (route->gateway.family == 0)
      lines_add(lines, VN_TAG_ROUTE, "%s dev %s", prefix, route_iface(spec, route->iface));
    else
      lines_add(lines, VN_TAG_ROUTE, "%s via %s dev %s", prefix,
                vn_address_format(&route->gateway, gateway), route_iface(spec, route->iface));
  }
}

static void
add_addresses(Lines *lines, const VnDriverVm *spec)
{
  char prefix[VN_PREFIX_TEXT_MAX];
  for (guint32 i = 0; i < spec->n_ifaces; i++)
    add_iface(lines, &spec->ifaces[i]);
  for (guint32 i = 0; i < spec->n_ifaces; i++) {
    const VnDriverIface *iface = &spec->ifaces[i];
    if (iface->preset && !spec->router)
      continue;
    if (iface->address4.address.family != 0)
      lines_add(lines, VN_TAG_ADDRESS, "%s %s", iface->name,
                vn_prefix_format(&iface->address4, prefix));
    if (iface->address6.address.family != 0)
      lines_add(lines, VN_TAG_ADDRESS, "%s %s", iface->name,
                vn_prefix_format(&iface->address6, prefix));
  }
}

static void
send_router(VnExperiment *experiment, VnVm *vm)
{
  const VnDriverVm *spec = vm->spec->vm;
  Lines lines;
  lines_begin(&lines, experiment, vm, ID_NETWORK);
  add_addresses(&lines, spec);
  if (spec->external)
    lines_add(&lines, VN_TAG_IFACE, "ext0 -");
  add_routes(&lines, spec);
  for (guint32 i = 0; i < spec->n_proxies; i++) {
    char address[VN_ADDRESS_TEXT_MAX];
    lines_add(&lines, VN_TAG_PROXY, "%s %s", route_iface(spec, spec->proxies[i].iface),
              vn_address_format(&spec->proxies[i].address, address));
  }
  for (guint i = 0; i < experiment->vms->len; i++) {
    const VnVm *other = experiment->vms->pdata[i];
    if (other != NULL && other->spec != NULL)
      add_leases(&lines, other->spec->vm);
  }
  vm->setting = lines_end(&lines, TRUE);
}

static void
send_host(VnExperiment *experiment, VnVm *vm)
{
  Lines lines;
  send_leases_of(experiment, vm->spec->vm);
  lines_begin(&lines, experiment, vm, ID_NETWORK);
  add_addresses(&lines, vm->spec->vm);
  vn_frame_put_int(&lines.writer, VN_TAG_TIMEOUT, HOST_PATIENCE);
  vm->setting = lines_end(&lines, TRUE);
}

void
vn_setup_hello(VnExperiment *experiment, VnVm *vm)
{
  const VnDriver *driver = vn_experiment_driver(experiment, vm->tech);
  if (driver->by_agent & VN_DRIVER_CLOCK)
    send_clock(experiment, vm);
  if (vm->spec == NULL) {
    vn_power_ready(experiment, vm);
    return;
  }
  vm->state = VN_VM_SETTING;
  if (vm->spec->vm->router)
    send_router(experiment, vm);
  else
    send_host(experiment, vm);
}

/* ---- answers ---- */

static char *
error_text(const VnFrame *frame)
{
  guint32 size;
  const guint8 *text = vn_frame_find(frame, VN_TAG_ERROR, &size);
  return text != NULL ? g_utf8_make_valid((const char *)text, (gssize)size)
                      : g_strdup("it does not say why");
}

/* The VM works, but not as it should. */
static void
warn(VnExperiment *experiment, const VnVm *vm, const char *what, const VnFrame *frame)
{
  if (experiment->session == NULL)
    return;
  g_autofree char *why = error_text(frame);
  g_autofree char *text = g_strdup_printf("VM %u: %s: %s", vm->id, what, why);
  vn_session_send(experiment->session, VN_MESSAGE_LOG, 0, 0, g_variant_new("(us)", 1u, text));
}

static void
network_answered(VnExperiment *experiment, VnVm *vm, const VnFrame *frame, gboolean good)
{
  if (vm->state != VN_VM_SETTING)
    return;
  if (good) {
    if (--vm->setting == 0)
      vn_power_ready(experiment, vm);
    return;
  }
  g_autofree char *text = error_text(frame);
  g_autofree char *why = g_strdup_printf("its network is not there: %s", text);
  vn_channels_remove(experiment->channels, vm->id);
  vn_experiment_lose(experiment, vm->id, why);
}

void
vn_setup_frame(VnExperiment *experiment, VnVm *vm, const VnFrame *frame)
{
  gboolean good = frame->kind == VN_FRAME_OUTCOME &&
                  vn_frame_int(frame, VN_TAG_STATUS, -1) == VN_OUTCOME_EXITED &&
                  vn_frame_int(frame, VN_TAG_EXIT_CODE, -1) == 0;
  if (frame->kind != VN_FRAME_OUTCOME && frame->kind != VN_FRAME_REFUSED)
    return;
  if (frame->id == ID_NETWORK)
    network_answered(experiment, vm, frame, good);
  else if (frame->id == ID_CLOCK && !good)
    warn(experiment, vm, "its clock can't be set", frame);
  else if (frame->id == ID_LEASES && !good)
    warn(experiment, vm, "it can't give addresses", frame);
}
