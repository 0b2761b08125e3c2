/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The driver's operations: each is a request to the experiment's keeper (keeper.h), a process
 * among the helper's children. Nothing here touches a namespace.
 *
 * One thread an experiment waits for word of VMs that ended by themselves.
 */
#include "drivers/netns/netns.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "drivers/netns/failure.h"
#include "drivers/netns/guest-net.h"
#include "drivers/netns/helper.h"
#include "drivers/netns/machine.h"
#include "drivers/netns/message.h"
#include "drivers/netns/prove.h"
#include "drivers/netns/wires.h"

struct VnDriverState {
  VnDriverVmLost vm_lost;
  gpointer data;
  int calls, events, pidfd;
  GMutex lock;     /* of calls: one request at a time */
  GThread *thread; /* reads events */
  gint closing;    /* atomic: the end of events is our doing */
  GMutex on_lock;
  GHashTable *on;          /* ids of VMs that are on */
  VnNetnsMachine *machine; /* as it was before */
  VnNetnsWires *wires;     /* what is in the slave's hub; one request at a time */
};

/* ---- requests ---- */

/* `place`: the how-many-eth result this is. fd is the receiver's to close, -1: none. */
typedef void (*OnResult)(guint place, const VnNetnsResult *result, int fd, gpointer data);

static gboolean
take_results(VnNetnsMessage *message, guint *place, OnResult on_result, gpointer data)
{
  VnNetnsReader reader = {message->bytes->data, message->bytes->len};
  VnNetnsResult result;
  while (vn_netns_take(&reader, &result, sizeof result)) {
    result.text[sizeof result.text - 1] = '\0';
    int fd = -1;
    if (result.fd >= 0 && (guint)result.fd < message->n_fds) {
      fd = message->fds[result.fd];
      message->fds[result.fd] = -1;
    }
    on_result((*place)++, &result, fd, data);
  }
  return message->kind == VN_NETNS_DONE;
}

static gboolean
call(VnDriverState *state, VnNetnsKind kind, const void *bytes, gsize size, OnResult on_result,
     gpointer data, GError **error)
{
  g_autoptr(GMutexLocker) locked = g_mutex_locker_new(&state->lock);
  if (!vn_netns_send(state->calls, kind, bytes, size, NULL, 0, error))
    return FALSE;
  guint place = 0;
  for (gboolean done = FALSE; !done;) {
    g_auto(VnNetnsMessage) message = {0};
    if (!vn_netns_receive(state->calls, &message, error))
      return FALSE;
    done = take_results(&message, &place, on_result, data);
  }
  return TRUE;
}

static GError *
error_of(const VnNetnsResult *result)
{
  if (result->code < 0)
    return NULL;
  return g_error_new_literal(VN_DRIVER_ERROR, result->code, result->text);
}

/* A batch: items get their errors; those that were never answered get the call's. */
typedef struct {
  VnDriverState *state;
  VnDriverItem *items;
  VnDriverChannel *channels; /* NULL: none are expected */
  const guint *places;       /* of the sent ones among the items; NULL: all */
  guint n, answered;
} Batch;

static void
note_item(guint place, const VnNetnsResult *result, int fd, gpointer data)
{
  Batch *batch = data;
  if (place >= batch->n) {
    if (fd >= 0)
      close(fd);
    return;
  }
  guint i = batch->places != NULL ? batch->places[place] : place;
  batch->answered = place + 1;
  batch->items[i].error = error_of(result);
  if (batch->channels != NULL)
    batch->channels[i].fd = fd;
  else if (fd >= 0)
    close(fd);
}

static void
call_batch(Batch *batch, VnNetnsKind kind, const GByteArray *bytes)
{
  g_autoptr(GError) error = NULL;
  if (batch->n > 0)
    (void)call(batch->state, kind, bytes->data, bytes->len, note_item, batch, &error);
  for (guint place = batch->answered; place < batch->n; place++) {
    guint i = batch->places != NULL ? batch->places[place] : place;
    batch->items[i].error = error != NULL
                                ? g_error_copy(error)
                                : g_error_new_literal(VN_DRIVER_ERROR, VN_DRIVER_ERROR_FAILED,
                                                      "the namespace helper did not answer");
  }
}

static void
call_ids(VnDriverState *state, VnNetnsKind kind, VnDriverItem *items, guint n)
{
  g_autoptr(GByteArray) bytes = g_byte_array_new();
  for (guint i = 0; i < n; i++)
    g_byte_array_append(bytes, (const guint8 *)&items[i].id, sizeof items[i].id);
  Batch batch = {.state = state, .items = items, .n = n};
  call_batch(&batch, kind, bytes);
}

typedef struct {
  int fd;
  GError *error;
} One;

static void
note_one(guint place, const VnNetnsResult *result, int fd, gpointer data)
{
  One *one = data;
  if (place > 0) {
    if (fd >= 0)
      close(fd);
    return;
  }
  one->fd = fd;
  one->error = error_of(result);
}

/* out_fd NULL: none is expected. */
static gboolean
call_one(VnDriverState *state, VnNetnsKind kind, const VnNetnsOneWire *request, int *out_fd,
         GError **error)
{
  One one = {.fd = -1};
  gboolean done = call(state, kind, request, sizeof *request, note_one, &one, error);
  if (done && one.error != NULL) {
    g_propagate_error(error, one.error);
    done = FALSE;
  }
  if (done && out_fd != NULL)
    *out_fd = one.fd;
  else if (one.fd >= 0)
    close(one.fd);
  return done;
}

/* ---- of an experiment ---- */

static void
set_on(VnDriverState *state, guint32 vm, gboolean on)
{
  g_autoptr(GMutexLocker) locked = g_mutex_locker_new(&state->on_lock);
  if (on)
    g_hash_table_add(state->on, GUINT_TO_POINTER(vm));
  else
    g_hash_table_remove(state->on, GUINT_TO_POINTER(vm));
}

/* The keeper is gone, and all VMs with it. */
static void
lose_all(VnDriverState *state)
{
  g_mutex_lock(&state->on_lock);
  g_autoptr(GList) ids = g_hash_table_get_keys(state->on);
  g_hash_table_remove_all(state->on);
  g_mutex_unlock(&state->on_lock);
  for (GList *id = ids; id != NULL && state->vm_lost != NULL; id = id->next)
    state->vm_lost(GPOINTER_TO_UINT(id->data), "the namespace helper ended", state->data);
}

static gpointer
read_events(gpointer data)
{
  VnDriverState *state = data;
  for (;;) {
    g_auto(VnNetnsMessage) message = {0};
    VnNetnsResult result;
    if (!vn_netns_receive(state->events, &message, NULL))
      break;
    VnNetnsReader reader = {message.bytes->data, message.bytes->len};
    if (message.kind != VN_NETNS_LOST || !vn_netns_take(&reader, &result, sizeof result))
      continue;
    result.text[sizeof result.text - 1] = '\0';
    set_on(state, result.id, FALSE);
    if (state->vm_lost != NULL && g_atomic_int_get(&state->closing) == 0)
      state->vm_lost(result.id, result.text, state->data);
  }
  if (g_atomic_int_get(&state->closing) == 0)
    lose_all(state);
  return NULL;
}

static void
note_hello(guint place, const VnNetnsResult *result, int fd, gpointer data)
{
  note_one(place, result, fd, data);
}

static gboolean
await_hello(VnDriverState *state, GError **error)
{
  g_auto(VnNetnsMessage) message = {0};
  if (!vn_netns_receive(state->calls, &message, error))
    return FALSE;
  guint place = 0;
  One one = {.fd = -1};
  (void)take_results(&message, &place, note_hello, &one);
  if (one.error != NULL)
    g_propagate_error(error, one.error);
  return one.error == NULL;
}

/* Ends the keeper, and waits until all of the experiment's processes are gone. */
static void
drop(VnDriverState *state)
{
  g_atomic_int_set(&state->closing, 1);
  if (state->pidfd >= 0) {
    (void)syscall(SYS_pidfd_send_signal, state->pidfd, SIGKILL, NULL, 0);
    struct pollfd end = {state->pidfd, POLLIN, 0};
    while (poll(&end, 1, -1) < 0 && errno == EINTR)
      continue;
  }
  if (state->thread != NULL)
    g_thread_join(state->thread);
  int fds[] = {state->calls, state->events, state->pidfd};
  for (guint i = 0; i < G_N_ELEMENTS(fds); i++)
    if (fds[i] >= 0)
      close(fds[i]);
  g_hash_table_unref(state->on);
  vn_netns_wires_free(state->wires);
  vn_netns_machine_free(state->machine);
  g_mutex_clear(&state->lock);
  g_mutex_clear(&state->on_lock);
  g_free(state);
}

static void
open_agents(const char *folder, int out_agents[2])
{
  static const char *const names[] = {"vnec-taskrunner", "vnec-router"};
  for (guint i = 0; i < G_N_ELEMENTS(names); i++) {
    g_autofree char *path = g_build_filename(folder, names[i], NULL);
    out_agents[i] = open(path, O_RDONLY | O_CLOEXEC);
  }
}

static gboolean
prepare(GError **error)
{
  return vn_netns_helper_start(error);
}

static gboolean
probe(GError **error)
{
  return vn_netns_helper_check(error);
}

static VnDriverState *
open_experiment(const VnDriverContext *context, GError **error)
{
  VnDriverState *state = g_new0(VnDriverState, 1);
  state->vm_lost = context->vm_lost;
  state->data = context->data;
  state->calls = state->events = state->pidfd = -1;
  g_mutex_init(&state->lock);
  g_mutex_init(&state->on_lock);
  state->on = g_hash_table_new(NULL, NULL);
  state->machine = vn_netns_machine_look();
  state->wires = vn_netns_wires_new(context->hub);
  int agents[2];
  open_agents(context->agent_dir, agents);
  gboolean opened =
      vn_netns_helper_open(agents, &state->calls, &state->events, &state->pidfd, error) &&
      await_hello(state, error);
  for (guint i = 0; i < G_N_ELEMENTS(agents); i++)
    if (agents[i] >= 0)
      close(agents[i]);
  if (opened) {
    state->thread = g_thread_new("netns-events", read_events, state);
    return state;
  }
  g_prefix_error(error, "starting an experiment in namespaces: ");
  drop(state);
  return NULL;
}

static void
close_experiment(VnDriverState *state)
{
  if (state != NULL)
    drop(state);
}

/* ---- segments and VMs ---- */

static void
make_segments(VnDriverState *state, const VnDriverSegment *segments, VnDriverItem *items, guint n)
{
  g_autoptr(GByteArray) bytes = g_byte_array_new();
  g_autofree guint *places = g_new(guint, n + 1);
  Batch batch = {.state = state, .items = items, .places = places};
  for (guint i = 0; i < n; i++) {
    VnNetnsSegmentWire wire = {.id = segments[i].id,
                               .mtu = segments[i].mtu,
                               .in_hub = vn_netns_wires_want(&segments[i])};
    if (wire.in_hub && !vn_netns_wires_add(state->wires, &segments[i], &items[i].error))
      continue;
    g_byte_array_append(bytes, (const guint8 *)&wire, sizeof wire);
    places[batch.n++] = i;
  }
  call_batch(&batch, VN_NETNS_SEGMENTS, bytes);
}

static void
append(GByteArray *bytes, const void *part, gsize size)
{
  if (size > 0)
    g_byte_array_append(bytes, part, (guint)size);
}

static void
append_vm(GByteArray *bytes, const VnDriverVm *vm)
{
  VnNetnsVmWire wire = {.id = vm->id,
                        .n_ifaces = vm->n_ifaces,
                        .n_routes = vm->n_routes,
                        .n_proxies = vm->n_proxies,
                        .processes = vm->processes,
                        .router = vm->router,
                        .external = vm->external,
                        .memory = vm->memory};
  vn_driver_hostname(vm->name, wire.hostname);
  append(bytes, &wire, sizeof wire);
  append(bytes, vm->ifaces, vm->n_ifaces * sizeof *vm->ifaces);
  append(bytes, vm->routes, vm->n_routes * sizeof *vm->routes);
  append(bytes, vm->proxies, vm->n_proxies * sizeof *vm->proxies);
}

static void
make_vms(VnDriverState *state, const VnDriverVm *vms, VnDriverItem *items, guint n)
{
  g_autoptr(GByteArray) bytes = g_byte_array_new();
  for (guint i = 0; i < n; i++)
    append_vm(bytes, &vms[i]);
  Batch batch = {.state = state, .items = items, .n = n};
  call_batch(&batch, VN_NETNS_VMS, bytes);
  for (guint i = 0; i < n; i++)
    if (items[i].error == NULL)
      (void)vn_netns_wires_add_vm(state->wires, &vms[i], &items[i].error);
}

/* ---- ports of the slave's hub ---- */

typedef struct {
  VnDriverState *state;
  const VnNetnsPortWire *ports;
  guint n;
  GHashTable *failed; /* VM → GError */
} Plugging;

static void
note_port(guint place, const VnNetnsResult *result, int fd, gpointer data)
{
  Plugging *plugging = data;
  GError *error = error_of(result);
  if (place < plugging->n && error == NULL)
    (void)vn_netns_wires_plug(plugging->state->wires, &plugging->ports[place], fd, &error);
  else if (fd >= 0)
    close(fd);
  if (error != NULL)
    g_hash_table_replace(plugging->failed, GUINT_TO_POINTER(result->id), error);
}

/* Those that are on: their links are new. */
static void
plug_all(VnDriverState *state, VnDriverItem *items, guint n)
{
  g_autoptr(GByteArray) bytes = g_byte_array_new();
  g_autoptr(GHashTable) failed =
      g_hash_table_new_full(NULL, NULL, NULL, (GDestroyNotify)g_error_free);
  g_autoptr(GError) error = NULL;
  for (guint i = 0; i < n; i++)
    if (items[i].error == NULL)
      vn_netns_wires_list(state->wires, items[i].id, bytes);
  Plugging plugging = {state, (const VnNetnsPortWire *)(void *)bytes->data,
                       bytes->len / (guint)sizeof(VnNetnsPortWire), failed};
  if (bytes->len == 0)
    return;
  (void)call(state, VN_NETNS_PORTS, bytes->data, bytes->len, note_port, &plugging, &error);
  for (guint i = 0; i < n; i++) {
    const GError *own = g_hash_table_lookup(failed, GUINT_TO_POINTER(items[i].id));
    if (items[i].error == NULL && (own != NULL || error != NULL))
      items[i].error = g_error_copy(own != NULL ? own : error);
  }
}

static void
power_on(VnDriverState *state, VnDriverItem *items, VnDriverChannel *out_channels, guint n)
{
  g_autoptr(GByteArray) bytes = g_byte_array_new();
  for (guint i = 0; i < n; i++) {
    append(bytes, &items[i].id, sizeof items[i].id);
    out_channels[i] = (VnDriverChannel){.kind = VN_DRIVER_CHANNEL_STREAM, .fd = -1};
    set_on(state, items[i].id, TRUE);
  }
  Batch batch = {.state = state, .items = items, .channels = out_channels, .n = n};
  call_batch(&batch, VN_NETNS_POWER_ON, bytes);
  plug_all(state, items, n);
  for (guint i = 0; i < n; i++) /* one that was suspended goes on */
    vn_netns_wires_silence(state->wires, items[i].id, FALSE);
  for (guint i = 0; i < n; i++)
    if (items[i].error != NULL)
      set_on(state, items[i].id, FALSE);
}

static void
power_off(VnDriverState *state, VnDriverItem *items, guint n, gboolean keep_disk)
{
  for (guint i = 0; i < n; i++)
    set_on(state, items[i].id, FALSE);
  call_ids(state, keep_disk ? VN_NETNS_POWER_OFF : VN_NETNS_DISCARD, items, n);
  for (guint i = 0; i < n; i++)
    vn_netns_wires_unplug(state->wires, items[i].id);
}

static void
remove_vms(VnDriverState *state, VnDriverItem *items, guint n)
{
  for (guint i = 0; i < n; i++)
    set_on(state, items[i].id, FALSE);
  call_ids(state, VN_NETNS_REMOVE_VMS, items, n);
  for (guint i = 0; i < n; i++)
    vn_netns_wires_remove_vm(state->wires, items[i].id);
}

static void
remove_segments(VnDriverState *state, VnDriverItem *items, guint n)
{
  call_ids(state, VN_NETNS_REMOVE_SEGMENTS, items, n);
  for (guint i = 0; i < n; i++)
    vn_netns_wires_remove(state->wires, items[i].id);
}

/* ---- one VM or segment ---- */

static gboolean
set_name(VnNetnsOneWire *request, const char *name, GError **error)
{
  if (g_strlcpy(request->name, name, sizeof request->name) < sizeof request->name)
    return TRUE;
  return vn_netns_fail(error, ENAMETOOLONG, "the snapshot's name");
}

static gboolean
snapshot(VnDriverState *state, guint32 vm, const char *name, GError **error)
{
  VnNetnsOneWire request = {.vm = vm};
  return set_name(&request, name, error) &&
         call_one(state, VN_NETNS_SNAPSHOT, &request, NULL, error);
}

static gboolean
revert(VnDriverState *state, guint32 vm, const char *name, VnDriverChannel *out_channel,
       GError **error)
{
  VnNetnsOneWire request = {.vm = vm};
  *out_channel = (VnDriverChannel){.kind = VN_DRIVER_CHANNEL_STREAM, .fd = -1};
  if (!set_name(&request, name, error) ||
      !call_one(state, VN_NETNS_REVERT, &request, &out_channel->fd, error))
    return FALSE;
  VnDriverItem item = {.id = vm};
  if (out_channel->fd >= 0) /* it is on */
    plug_all(state, &item, 1);
  vn_netns_wires_silence(state->wires, vm, FALSE);
  if (item.error == NULL)
    return TRUE;
  g_propagate_error(error, item.error);
  close(out_channel->fd); /* for its reader the VM is off */
  out_channel->fd = -1;
  return FALSE;
}

static gboolean
suspend_vm(VnDriverState *state, guint32 vm, GError **error)
{
  VnNetnsOneWire request = {.vm = vm};
  if (!call_one(state, VN_NETNS_SUSPEND, &request, NULL, error))
    return FALSE;
  vn_netns_wires_silence(state->wires, vm, TRUE);
  return TRUE;
}

static gboolean
resume_vm(VnDriverState *state, guint32 vm, GError **error)
{
  VnNetnsOneWire request = {.vm = vm};
  if (!call_one(state, VN_NETNS_RESUME, &request, NULL, error))
    return FALSE;
  vn_netns_wires_silence(state->wires, vm, FALSE);
  return TRUE;
}

static gboolean
set_link(VnDriverState *state, guint32 vm, guint32 iface, gboolean up, GError **error)
{
  VnNetnsOneWire request = {.vm = vm, .iface = iface, .up = up};
  return call_one(state, VN_NETNS_LINK, &request, NULL, error);
}

static gboolean
impair(VnDriverState *state, guint32 vm, guint32 iface, const VnDriverSegment *impairment,
       GError **error)
{
  return vn_netns_wires_impair(state->wires, vm, iface, impairment, error);
}

static int
open_capture(VnDriverState *state, guint32 segment, GError **error)
{
  VnNetnsOneWire request = {.vm = segment};
  int fd = -1;
  return call_one(state, VN_NETNS_CAPTURE, &request, &fd, error) ? fd : -1;
}

static void
fill_header(guint8 header[VN_DRIVER_EXTERNAL_HEADER_MAX], guint16 type)
{
  memcpy(header, VN_NETNS_EXTERNAL_MAC, VN_NETNS_MAC_BYTES);
  memcpy(header + VN_NETNS_MAC_BYTES, VN_NETNS_WORLD_MAC, VN_NETNS_MAC_BYTES);
  header[2 * VN_NETNS_MAC_BYTES] = (guint8)(type >> 8);
  header[2 * VN_NETNS_MAC_BYTES + 1] = (guint8)type;
}

static gboolean
open_external(VnDriverState *state, guint32 vm, VnDriverExternal *out_external, GError **error)
{
  VnNetnsOneWire request = {.vm = vm};
  *out_external = (VnDriverExternal){.fd = -1, .header = 2 * VN_NETNS_MAC_BYTES + 2,
                                      .offload = TRUE};
  fill_header(out_external->header4, 0x0800);
  fill_header(out_external->header6, 0x86dd);
  return call_one(state, VN_NETNS_EXTERNAL, &request, &out_external->fd, error);
}

/* ---- proof ---- */

typedef struct {
  GPtrArray *facts;
  GError *error;
} Facts;

static void
note_fact(guint place, const VnNetnsResult *result, int fd, gpointer data)
{
  Facts *facts = data;
  if (result->code >= 0 && facts->error == NULL)
    facts->error = error_of(result);
  else if (result->code < 0)
    g_ptr_array_add(facts->facts, g_strdup(result->text));
  if (fd >= 0)
    close(fd);
}

static gboolean
prove(VnDriverState *state, GPtrArray *out_facts, GError **error)
{
  VnNetnsSpaces machine;
  int result = vn_netns_spaces_read(NULL, &machine);
  if (result != 0)
    return vn_netns_fail(error, result, "looking at the machine's namespaces");
  Facts facts = {.facts = out_facts};
  if (!call(state, VN_NETNS_PROVE, &machine, sizeof machine, note_fact, &facts, error))
    return FALSE;
  if (facts.error != NULL) {
    g_propagate_error(error, facts.error);
    return FALSE;
  }
  g_ptr_array_add(out_facts, vn_netns_machine_compare(state->machine));
  return TRUE;
}

const VnDriver vn_driver_netns = {
    .tech = VN_TECH_NETNS,
    .prepare = prepare,
    .probe = probe,
    .open = open_experiment,
    .close = close_experiment,
    .make_segments = make_segments,
    .make_vms = make_vms,
    .power_on = power_on,
    .power_off = power_off,
    .remove_vms = remove_vms,
    .remove_segments = remove_segments,
    .snapshot = snapshot,
    .revert = revert,
    .suspend = suspend_vm,
    .resume = resume_vm,
    .set_link = set_link,
    .impair = impair,
    .open_capture = open_capture,
    .open_external = open_external,
    .prove = prove,
};
