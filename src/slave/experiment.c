/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The life of an experiment and the way of its messages.
 *
 *   session made ── OPEN ── requests … ── RELEASE ── session closed
 *
 * Requests are checked here and go through the worker in the order in which they came, so a
 * master may send them without waiting for answers. Frames of agents pass straight through, both
 * ways. A message that breaks the protocol ends the session; a request that can't be done is
 * answered.
 */
#include "slave/setup.h"

#include <string.h>
#include <unistd.h>

#include "base/diag.h"

/* ---- VMs and drivers ---- */

VnVm *
vn_experiment_vm(const VnExperiment *experiment, guint32 id)
{
  return id < experiment->vms->len ? experiment->vms->pdata[id] : NULL;
}

static void
forget_obituary(VnVm *vm)
{
  if (vm->obituary != 0)
    g_source_remove(vm->obituary);
  vm->obituary = 0;
}

static void
vm_free(gpointer data)
{
  VnVm *vm = data;
  if (vm == NULL)
    return;
  forget_obituary(vm);
  vn_packets_close(vm->packets);
  vn_setup_forget(vm);
  g_free(vm);
}

VnVm *
vn_experiment_add_vm(VnExperiment *experiment, guint32 id, VnTechId tech)
{
  VnVm *vm = vn_experiment_vm(experiment, id);
  if (vm != NULL)
    return vm;
  vm = g_new0(VnVm, 1);
  vm->id = id;
  vm->tech = tech;
  if (id >= experiment->vms->len)
    g_ptr_array_set_size(experiment->vms, (gint)id + 1);
  experiment->vms->pdata[id] = vm;
  return vm;
}

const VnDriver *
vn_experiment_driver(const VnExperiment *experiment, VnTechId tech)
{
  for (gsize i = 0; i < experiment->shared->n_drivers; i++) {
    if (experiment->shared->drivers[i]->tech == tech)
      return experiment->shared->drivers[i];
  }
  return NULL;
}

/* ---- a VM goes away by itself ---- */

void
vn_experiment_lose(VnExperiment *experiment, guint32 id, const char *why)
{
  VnVm *vm = vn_experiment_vm(experiment, id);
  if (vm == NULL || vm->state == VN_VM_OFF)
    return;
  if (vm->changing) {
    vm->state = VN_VM_OFF;
    return;
  }
  if (vn_power_lost(experiment, vm, why) || experiment->session == NULL)
    return;
  g_autofree char *text = g_utf8_make_valid(why, -1);
  vn_session_send(experiment->session, VN_MESSAGE_VM_LOST, id, 0, g_variant_new("(us)", id, text));
}

typedef struct {
  VnExperiment *experiment;
  guint32 vm;
  char *why;
} Loss;

static void
loss_free(gpointer data)
{
  g_free(((Loss *)data)->why);
  g_free(data);
}

static gboolean
driver_lost_here(gpointer data)
{
  Loss *loss = data;
  if (loss->experiment->channels != NULL && !loss->experiment->releasing) {
    VnVm *vm = vn_experiment_vm(loss->experiment, loss->vm);
    if (vm != NULL && !vm->changing)
      vn_channels_remove(loss->experiment->channels, loss->vm);
    if (vm != NULL)
      forget_obituary(vm);
    vn_experiment_lose(loss->experiment, loss->vm, loss->why);
  }
  return G_SOURCE_REMOVE;
}

/* From any thread of a driver; never after its state was closed. */
static void
driver_lost(guint32 vm, const char *why, gpointer data)
{
  Loss *loss = g_new(Loss, 1);
  *loss = (Loss){data, vm, g_strdup(why)};
  vn_worker_post(NULL, driver_lost_here, loss, loss_free);
}

VnDriverState *
vn_experiment_state(VnExperiment *experiment, VnTechId tech, GError **error)
{
  if (experiment->states[tech] != NULL)
    return experiment->states[tech];
  const VnDriver *driver = vn_experiment_driver(experiment, tech);
  if (driver == NULL) {
    g_set_error(error, VN_DRIVER_ERROR, VN_DRIVER_ERROR_UNSUPPORTED,
                "this slave has no driver for %s", vn_tech(tech)->title);
    return NULL;
  }
  if (driver->probe != NULL && !driver->probe(error))
    return NULL;
  if (experiment->hub == NULL && (experiment->hub = vn_hub_new(error)) == NULL)
    return NULL;
  const VnDriverContext context = {.experiment = experiment->name,
                                   .state_dir = experiment->shared->state_dir,
                                   .agent_dir = experiment->shared->agent_dir,
                                   .vm_lost = driver_lost,
                                   .data = experiment,
                                   .hub = experiment->hub};
  experiment->states[tech] = driver->open(&context, error);
  return experiment->states[tech];
}

/* ---- agents ---- */

static void
agent_hello(VnExperiment *experiment, VnVm *vm, const VnFrame *frame)
{
  if (vm->state != VN_VM_WAITING)
    return; /* it said so before */
  if (vn_frame_int(frame, VN_TAG_PROTOCOL, 0) != VN_FRAME_PROTOCOL) {
    vn_channels_remove(experiment->channels, vm->id);
    vn_experiment_lose(experiment, vm->id, "its agent speaks another version of the protocol");
    return;
  }
  if (experiment->session != NULL)
    vn_session_forward(experiment->session, frame, vm->id, 0);
  vn_setup_hello(experiment, vm);
}

static void
take_packets(VnVm *vm, const VnFrame *frame)
{
  if (vm->packets != NULL)
    vn_packets_take(vm->packets, frame);
}

static void
agent_frame(guint32 id, const VnFrame *frame, gpointer data)
{
  VnExperiment *experiment = data;
  VnVm *vm = vn_experiment_vm(experiment, id);
  if (vm == NULL)
    return;
  if (frame->kind == VN_FRAME_HELLO)
    agent_hello(experiment, vm, frame);
  else if (frame->id >= VN_OWN_IDS)
    vn_setup_frame(experiment, vm, frame);
  else if (frame->kind == VN_FRAME_PACKET)
    take_packets(vm, frame);
  else if (vm->state == VN_VM_READY && experiment->session != NULL)
    vn_session_forward(experiment->session, frame, id, frame->id);
}

/* ---- the end of a channel ---- */

#define OBITUARY_S  5 /* the driver's word is waited for */
#define NO_OBITUARY "its agent ended"

static gboolean
no_obituary(gpointer data)
{
  Loss *loss = data;
  vn_experiment_vm(loss->experiment, loss->vm)->obituary = 0;
  vn_experiment_lose(loss->experiment, loss->vm, loss->why);
  return G_SOURCE_REMOVE;
}

void
vn_experiment_settle(VnExperiment *experiment, VnVm *vm)
{
  if (vm->obituary == 0)
    return;
  forget_obituary(vm);
  vn_experiment_lose(experiment, vm->id, NO_OBITUARY);
}

/* Where a whole machine can die, its channel ends a moment before the driver knows of what. */
static void
agent_lost(guint32 id, gboolean ended, const char *why, gpointer data)
{
  VnExperiment *experiment = data;
  VnVm *vm = vn_experiment_vm(experiment, id);
  const VnDriver *driver = vm != NULL ? vn_experiment_driver(experiment, vm->tech) : NULL;
  if (!ended || driver == NULL || vm->changing || !(driver->by_agent & VN_DRIVER_OBITUARY)) {
    vn_experiment_lose(experiment, id, why);
    return;
  }
  forget_obituary(vm);
  Loss *loss = g_new(Loss, 1);
  *loss = (Loss){experiment, id, g_strdup(why)};
  vm->obituary =
      g_timeout_add_seconds_full(G_PRIORITY_DEFAULT, OBITUARY_S, no_obituary, loss, loss_free);
}

static void
agents_pressed(gboolean pressed, gpointer data)
{
  VnExperiment *experiment = data;
  if (experiment->session != NULL)
    vn_session_pause(experiment->session, pressed);
}

static const VnChannelEvents channel_events = {agent_frame, agent_lost, agents_pressed};

static void
to_agent(VnExperiment *experiment, const VnFrame *frame)
{
  if (experiment->channels != NULL && vn_channels_send(experiment->channels, frame))
    return;
  static const char why[] = "the VM is not on";
  VnFrameWriter *writer = vn_session_begin(experiment->session, VN_FRAME_REFUSED, 0, frame->vm,
                                           frame->id, sizeof why + 16);
  vn_frame_put_text(writer, VN_TAG_ERROR, why);
  vn_session_commit(experiment->session);
}

/* ---- opening and releasing ---- */

static gboolean
name_is_good(const char *name)
{
  gsize n = strlen(name);
  if (n == 0 || n > VN_NAME_MAX || name[0] == '.' || name[0] == '-')
    return FALSE;
  return strspn(name, G_CSET_a_2_z G_CSET_A_2_Z G_CSET_DIGITS "._-") == n;
}

static gboolean
open_experiment(VnExperiment *experiment, guint32 version, const char *name, GError **error)
{
  if (version != VN_WIRE_VERSION) {
    g_set_error(error, VN_SESSION_ERROR, VN_SESSION_ERROR_MALFORMED,
                "the master speaks version %u of the protocol, this slave %u", version,
                VN_WIRE_VERSION);
  } else if (experiment->name != NULL) {
    g_set_error(error, VN_SESSION_ERROR, VN_SESSION_ERROR_MALFORMED,
                "the session has an experiment already: %s", experiment->name);
  } else if (!name_is_good(name)) {
    g_set_error(error, VN_SESSION_ERROR, VN_SESSION_ERROR_MALFORMED,
                "“%s” is no name for an experiment", name);
  } else if (!experiment->shared->name_free(name, experiment->shared->data)) {
    g_set_error(error, VN_SESSION_ERROR, VN_SESSION_ERROR_MALFORMED,
                "this slave has an experiment %s already", name);
  } else {
    experiment->channels = vn_channels_new(&channel_events, experiment, error);
    if (experiment->channels == NULL)
      return FALSE;
    experiment->name = g_strdup(name);
    return TRUE;
  }
  return FALSE;
}

static void
do_open(VnRequest *request)
{
  guint32 version;
  const char *name;
  g_autoptr(GError) error = NULL;
  g_variant_get(request->body, "(u&s)", &version, &name);
  if (!open_experiment(request->experiment, version, name, &error))
    vn_request_fail(request, VN_WIRE_WHOLE, error->message);
  vn_request_finish(request);
}

typedef struct {
  VnExperiment *experiment;
  VnRequest *request; /* NULL: the session closed */
  char *report;       /* of the hub; NULL: nothing */
} Release;

static void
run_release(gpointer job)
{
  Release *release = job;
  VnExperiment *experiment = release->experiment;
  vn_captures_stop(experiment->captures);
  if (experiment->hub != NULL)
    release->report = vn_traffic_hub_report(experiment->hub);
  vn_forward_stop(experiment->forward); /* it holds interfaces of routers */
  for (guint tech = 0; tech < VN_TECH_COUNT; tech++) {
    if (experiment->states[tech] != NULL)
      vn_experiment_driver(experiment, tech)->close(g_steal_pointer(&experiment->states[tech]));
  }
  g_clear_pointer(&experiment->hub, vn_hub_free);
}

static void
forget(VnExperiment *experiment)
{
  g_ptr_array_set_size(experiment->vms, 0); /* their packets use what goes now */
  g_clear_pointer(&experiment->captures, vn_captures_free);
  g_clear_pointer(&experiment->forward, vn_forward_free);
  g_clear_pointer(&experiment->channels, vn_channels_free);
  g_clear_pointer(&experiment->name, g_free);
  g_hash_table_remove_all(experiment->segments);
  g_hash_table_remove_all(experiment->mtus);
  experiment->releasing = FALSE;
}

static void
experiment_free(VnExperiment *experiment)
{
  vn_session_free(experiment->session);
  vn_worker_free(experiment->worker);
  forget(experiment);
  g_ptr_array_unref(experiment->vms);
  g_hash_table_unref(experiment->segments);
  g_hash_table_unref(experiment->mtus);
  g_free(experiment);
}

static void
done_release(gpointer job)
{
  Release *release = job;
  VnExperiment *experiment = release->experiment;
  VnRequest *request = release->request;
  g_autofree char *report = release->report;
  g_free(release);
  if (report != NULL && experiment->session != NULL)
    vn_session_send(experiment->session, VN_MESSAGE_LOG, 0, 0,
                    g_variant_new("(us)", (guint32)VN_SEVERITY_WARNING, report));
  vn_traffic_fetch(experiment, TRUE);
  if (request != NULL) {
    forget(experiment);
    vn_request_finish(request);
    return;
  }
  experiment->shared->gone(experiment, experiment->shared->data);
  experiment_free(experiment);
}

static void
release(VnExperiment *experiment, VnRequest *request)
{
  experiment->releasing = TRUE;
  vn_power_cancel(experiment);
  Release *job = g_new(Release, 1);
  *job = (Release){experiment, request, NULL};
  vn_worker_push(experiment->worker, run_release, done_release, job);
}

void
vn_experiment_end(VnExperiment *experiment)
{
  if (experiment->ending)
    return;
  experiment->ending = TRUE;
  g_clear_pointer(&experiment->session, vn_session_free);
  if (experiment->channels != NULL)
    vn_channels_pause(experiment->channels, TRUE);
  release(experiment, NULL);
}

/* ---- messages ---- */

static void
act(VnRequest *request)
{
  switch (request->kind) {
  case VN_MESSAGE_OPEN:
    do_open(request);
    break;
  case VN_MESSAGE_INVENTORY:
    vn_do_inventory(request);
    break;
  case VN_MESSAGE_SEGMENTS:
    vn_do_segments(request);
    break;
  case VN_MESSAGE_VMS:
    vn_do_vms(request);
    break;
  case VN_MESSAGE_POWER_ON:
    vn_do_power_on(request);
    break;
  case VN_MESSAGE_POWER_OFF:
    vn_do_power_off(request);
    break;
  case VN_MESSAGE_REVERT:
    vn_do_revert(request);
    break;
  case VN_MESSAGE_CAPTURE:
    vn_do_capture(request);
    break;
  case VN_MESSAGE_EXTERNAL:
    vn_do_external(request);
    break;
  case VN_MESSAGE_PEER:
    vn_do_peer(request);
    break;
  case VN_MESSAGE_STATS:
    vn_do_stats(request);
    break;
  case VN_MESSAGE_PROVE:
    vn_do_prove(request);
    break;
  case VN_MESSAGE_RELEASE:
    release(request->experiment, request);
    break;
  default: /* the others passed is_request */
    vn_do_one(request);
  }
}

/* Of the kinds that a master may send. */
static gboolean
is_request(guint16 kind)
{
  switch (kind) {
#define M  TRUE
#define S  FALSE
#define MS FALSE /* heartbeats, which the session keeps for itself */
#define P  FALSE
#define VN_MESSAGE(id, number, direction, type, help) \
  case number:                                        \
    return direction;
#include "wire/messages.def"
#undef VN_MESSAGE
#undef M
#undef S
#undef MS
#undef P
  default: /* a number from the wire */
    return FALSE;
  }
}

static const char *
why_not_now(const VnRequest *request)
{
  const VnExperiment *experiment = request->experiment;
  if (request->kind == VN_MESSAGE_INVENTORY)
    return NULL;
  if (experiment->releasing)
    return "the experiment is being taken down";
  if (experiment->name == NULL && request->kind != VN_MESSAGE_OPEN)
    return "no experiment is open";
  return NULL;
}

/* The master broke the protocol: the session ends, with a word to both. */
static void
break_off(VnExperiment *experiment, const char *why)
{
  vn_session_send(experiment->session, VN_MESSAGE_LOG, 0, 0,
                  g_variant_new("(us)", (guint32)VN_SEVERITY_ERROR, why));
  (void)vn_session_flush(experiment->session, NULL); /* if it can't be told, it can't */
  experiment->shared->log(why, experiment->shared->data);
  vn_experiment_end(experiment);
}

static void
on_frame(VnSession *session, const VnFrame *frame, gpointer data)
{
  VnExperiment *experiment = data;
  if (frame->kind < VN_MESSAGE_OPEN) {
    to_agent(experiment, frame);
    return;
  }
  g_autoptr(GError) error = NULL;
  g_autoptr(GVariant) body = NULL;
  if (!is_request(frame->kind))
    g_set_error(&error, VN_SESSION_ERROR, VN_SESSION_ERROR_MALFORMED,
                "the master sent %s (0x%x), which is not for slaves", vn_message_text(frame->kind),
                frame->kind);
  else
    body = vn_message_body(frame, &error);
  if (body == NULL) {
    break_off(experiment, error->message);
    return;
  }
  VnRequest *request = vn_request_new(experiment, frame, body);
  const char *why = why_not_now(request);
  if (why == NULL) {
    act(request);
    return;
  }
  vn_request_fail(request, VN_WIRE_WHOLE, why);
  vn_request_finish(request);
}

static void
on_closed(VnSession *session, const GError *error, gpointer data)
{
  VnExperiment *experiment = data;
  if (error != NULL)
    experiment->shared->log(error->message, experiment->shared->data);
  vn_experiment_end(experiment);
}

static void
on_blocked(VnSession *session, gboolean blocked, gpointer data)
{
  VnExperiment *experiment = data;
  if (experiment->channels != NULL)
    vn_channels_pause(experiment->channels, blocked);
  if (!blocked)
    vn_traffic_fetch(experiment, FALSE);
}

static const VnSessionEvents session_events = {on_frame, NULL, on_closed, on_blocked};

VnExperiment *
vn_experiment_new(int fd, const VnSlaveShared *shared)
{
  VnExperiment *experiment = g_new0(VnExperiment, 1);
  experiment->shared = shared;
  experiment->vms = g_ptr_array_new_with_free_func(vm_free);
  experiment->segments = g_hash_table_new(NULL, NULL);
  experiment->mtus = g_hash_table_new(NULL, NULL);
  experiment->worker = vn_worker_new("experiment");
  experiment->session = vn_session_new(fd, &session_events, experiment);
  vn_session_set_heartbeat(experiment->session, 0);
  vn_session_set_spin(experiment->session, VN_SESSION_SPIN_US);
  return experiment;
}

gboolean
vn_experiment_join(VnExperiment *experiment, guint32 from_site, guint32 to_site, int fd)
{
  if (experiment->forward != NULL && !experiment->releasing)
    return vn_forward_join(experiment->forward, from_site, to_site, fd);
  (void)close(fd); /* nothing was written to it */
  return FALSE;
}

const char *
vn_experiment_name(const VnExperiment *experiment)
{
  return experiment->name;
}
