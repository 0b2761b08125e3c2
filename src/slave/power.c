/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Turning VMs on and off, and putting them back.
 *
 * A VM is on for the master when its agent has said HELLO and has its network, not when the
 * technology says so. A request that turned VMs on waits for each, for VN_READY_TIMEOUT_S at most.
 */
#include <unistd.h>

#include "slave/experiment-private.h"

/* ---- waiting for agents ---- */

static void
one_less(VnVm *vm)
{
  VnRequest *request = g_steal_pointer(&vm->waiting);
  if (--request->missing == 0)
    vn_request_finish(request);
}

void
vn_power_ready(VnExperiment *experiment, VnVm *vm)
{
  vm->state = VN_VM_READY;
  if (vm->waiting != NULL)
    one_less(vm);
}

gboolean
vn_power_lost(VnExperiment *experiment, VnVm *vm, const char *why)
{
  vm->state = VN_VM_OFF;
  if (vm->waiting == NULL)
    return FALSE;
  vn_request_fail(vm->waiting, vm->id, why);
  one_less(vm);
  return TRUE;
}

static gboolean
timed_out(gpointer data)
{
  VnRequest *request = data;
  VnExperiment *experiment = request->experiment;
  request->timeout = 0;
  for (guint i = 0, left = request->missing; left > 0; i++) {
    VnVm *vm = vn_experiment_vm(experiment, request->items[i].id);
    if (vm->waiting != request)
      continue;
    left--;
    g_autofree char *why = g_strdup_printf("its agent did not %s within %d s",
                                           vm->state == VN_VM_SETTING ? "set its network"
                                                                      : "say HELLO",
                                           VN_READY_TIMEOUT_S);
    vn_channels_remove(experiment->channels, vm->id);
    vn_power_lost(experiment, vm, why); /* the last one finishes the request */
  }
  return G_SOURCE_REMOVE;
}

static void
replace_waiting(VnVm *vm)
{
  if (vm->waiting == NULL)
    return;
  vn_request_fail(vm->waiting, vm->id, "another request took its place");
  one_less(vm);
}

static gboolean
add_channel(VnChannels *channels, guint32 vm, const VnDriverChannel *channel, GError **error)
{
  switch (channel->kind) {
  case VN_DRIVER_CHANNEL_STREAM:
    return vn_channels_add(channels, vm, channel->fd, error);
  case VN_DRIVER_CHANNEL_PORT:
    return vn_channels_add_port(channels, vm, channel->fd, error);
  case VN_DRIVER_CHANNEL_SPOOL:
    return vn_channels_add_spool(channels, vm, channel->fd, error);
  }
  g_assert_not_reached();
}

/* A router whose packets come over its channel gets an interface for them. */
static gboolean
add_packets(VnExperiment *experiment, VnVm *vm, GError **error)
{
  g_clear_pointer(&vm->packets, vn_packets_close);
  if (!vm->external || vn_experiment_driver(experiment, vm->tech)->open_external != NULL)
    return TRUE;
  vm->packets = vn_packets_open(experiment->channels, experiment->forward, vm->id, error);
  return vm->packets != NULL;
}

/* The channel that a driver gave for a VM that is on now. */
static void
take_channel(VnRequest *request, VnVm *vm, VnDriverChannel *channel)
{
  if (channel->fd < 0)
    return; /* the VM was on, and its channel is as it was */
  g_autoptr(GError) error = NULL;
  VnDriverChannel taken = *channel;
  *channel = (VnDriverChannel){.fd = -1};
  if (!add_channel(request->experiment->channels, vm->id, &taken, &error) ||
      !add_packets(request->experiment, vm, &error)) {
    vn_channels_remove(request->experiment->channels, vm->id);
    vn_request_fail(request, vm->id, error->message);
    return;
  }
  replace_waiting(vm);
  vm->state = VN_VM_WAITING;
  vm->waiting = request;
  request->missing++;
}

static void
wait_or_finish(VnRequest *request)
{
  if (request->missing == 0)
    vn_request_finish(request);
  else
    request->timeout = g_timeout_add_seconds(VN_READY_TIMEOUT_S, timed_out, request);
}

/* The experiment is taken down: nobody waits any more. */
void
vn_power_cancel(VnExperiment *experiment)
{
  for (guint i = 0; i < experiment->vms->len; i++) {
    VnVm *vm = experiment->vms->pdata[i];
    if (vm != NULL)
      vn_power_lost(experiment, vm, "the experiment was taken down");
  }
}

static void
close_channels(VnRequest *request)
{
  for (guint i = 0; i < request->n; i++) {
    if (request->channels[i].fd >= 0)
      (void)close(request->channels[i].fd); /* a socket of a VM that is being taken down */
    request->channels[i].fd = -1;
  }
}

/* ---- batches ---- */

typedef void (*BatchOp)(VnRequest *request, const VnDriver *driver, VnDriverState *state,
                        guint first, guint n);

/* In the worker: one call for each technology. */
static void
run_batch(VnRequest *request, BatchOp op)
{
  for (guint first = 0, n; first < request->n; first += n) {
    VnTechId tech = request->techs[first];
    for (n = 1; first + n < request->n && request->techs[first + n] == tech; n++)
      ;
    g_autoptr(GError) error = NULL;
    VnDriverState *state = vn_experiment_state(request->experiment, tech, &error);
    if (state != NULL) {
      op(request, vn_experiment_driver(request->experiment, tech), state, first, n);
      continue;
    }
    for (guint i = first; i < first + n; i++)
      request->items[i].error = g_error_copy(error);
  }
}

/* The VMs of an array of numbers, sorted; those that do not exist are failures. */
static void
add_vms(VnRequest *request, GVariant *numbers)
{
  gsize n;
  const guint32 *ids = g_variant_get_fixed_array(numbers, &n, sizeof *ids);
  g_autoptr(GHashTable) seen = g_hash_table_new(NULL, NULL);
  vn_request_set_items(request, (guint)n);
  for (gsize i = 0; i < n; i++) {
    if (g_hash_table_add(seen, GUINT_TO_POINTER(ids[i])))
      vn_request_add_vm(request, ids[i]);
  }
  vn_request_sort(request);
}

/* ---- POWER_ON ---- */

/* In the worker; `external` was set in the main thread before the request was pushed. */
static void
open_externals(VnRequest *request, const VnDriver *driver, VnDriverState *state, guint first,
               guint n)
{
  for (guint i = first; i < first + n; i++) {
    VnDriverItem *item = &request->items[i];
    if (item->error == NULL && request->external[i] && driver->open_external != NULL)
      vn_traffic_open_external(request->experiment, driver, state, item->id, &item->error);
  }
}

static void
op_power_on(VnRequest *request, const VnDriver *driver, VnDriverState *state, guint first, guint n)
{
  driver->power_on(state, request->items + first, request->channels + first, n);
  open_externals(request, driver, state, first, n);
}

static void
run_power_on(gpointer job)
{
  run_batch(job, op_power_on);
}

static void
done_power_on(gpointer job)
{
  VnRequest *request = job;
  if (request->experiment->ending || request->experiment->releasing)
    close_channels(request);
  for (guint i = 0; i < request->n; i++) {
    VnVm *vm = vn_experiment_vm(request->experiment, request->items[i].id);
    if (request->items[i].error == NULL && vm != NULL)
      take_channel(request, vm, &request->channels[i]);
  }
  vn_request_collect(request);
  wait_or_finish(request);
}

void
vn_do_power_on(VnRequest *request)
{
  g_autoptr(GVariant) numbers = g_variant_get_child_value(request->body, 0);
  add_vms(request, numbers);
  for (guint i = 0; i < request->n; i++)
    vn_experiment_settle(request->experiment,
                         vn_experiment_vm(request->experiment, request->items[i].id));
  vn_worker_push(request->experiment->worker, run_power_on, done_power_on, request);
}

/* ---- POWER_OFF ---- */

static void
op_power_off(VnRequest *request, const VnDriver *driver, VnDriverState *state, guint first, guint n)
{
  gboolean keep;
  g_variant_get_child(request->body, 1, "b", &keep);
  driver->power_off(state, request->items + first, n, keep);
}

static void
run_power_off(gpointer job)
{
  run_batch(job, op_power_off);
}

static void
done_power_off(gpointer job)
{
  VnRequest *request = job;
  for (guint i = 0; i < request->n; i++) {
    VnVm *vm = vn_experiment_vm(request->experiment, request->items[i].id);
    if (vm == NULL)
      continue;
    vm->changing = FALSE;
    if (request->items[i].error != NULL)
      continue;
    vn_channels_remove(request->experiment->channels, vm->id);
    g_clear_pointer(&vm->packets, vn_packets_close);
    if (vm->external && request->experiment->forward != NULL)
      vn_forward_remove_external(request->experiment->forward, vm->id);
    vn_power_lost(request->experiment, vm, "it was turned off");
  }
  vn_request_collect(request);
  vn_request_finish(request);
}

void
vn_do_power_off(VnRequest *request)
{
  g_autoptr(GVariant) numbers = g_variant_get_child_value(request->body, 0);
  add_vms(request, numbers);
  for (guint i = 0; i < request->n; i++) {
    VnVm *vm = vn_experiment_vm(request->experiment, request->items[i].id);
    vn_experiment_settle(request->experiment, vm);
    vm->changing = TRUE;
  }
  vn_worker_push(request->experiment->worker, run_power_off, done_power_off, request);
}

/* ---- REVERT ---- */

static void
op_revert(VnRequest *request, const VnDriver *driver, VnDriverState *state, guint first, guint n)
{
  const char *name;
  g_variant_get_child(request->body, 1, "&s", &name);
  GError **error = &request->items[first].error;
  if (driver->revert == NULL)
    g_set_error(error, VN_DRIVER_ERROR, VN_DRIVER_ERROR_UNSUPPORTED, "%s can't go back",
                vn_tech(request->techs[first])->title);
  else
    driver->revert(state, request->items[first].id, name, &request->channels[first], error);
  open_externals(request, driver, state, first, n);
}

static void
run_revert(gpointer job)
{
  run_batch(job, op_revert);
}

static void
done_revert(gpointer job)
{
  VnRequest *request = job;
  if (request->n == 1) {
    VnVm *vm = vn_experiment_vm(request->experiment, request->items[0].id);
    if (vm != NULL)
      vm->changing = FALSE;
  }
  done_power_on(request);
}

void
vn_do_revert(VnRequest *request)
{
  guint32 id;
  g_variant_get_child(request->body, 0, "u", &id);
  vn_request_set_items(request, 1);
  vn_request_add_vm(request, id);
  VnVm *vm = vn_experiment_vm(request->experiment, id);
  if (vm != NULL) {
    vn_experiment_settle(request->experiment, vm);
    vm->changing = TRUE;
  }
  vn_worker_push(request->experiment->worker, run_revert, done_revert, request);
}
