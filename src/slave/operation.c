/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The messages that are calls of driver operations and little else. Each has a part that the
 * main thread does when it arrives, one that the worker runs, and vn_request_finish. */
#include <string.h>

#include "slave/decode.h"
#include "slave/setup.h"

#define WHOLE VN_WIRE_WHOLE

static void
finish(gpointer job)
{
  vn_request_finish(job);
}

static void
push(VnRequest *request, VnWorkerFunc run)
{
  vn_worker_push(request->experiment->worker, run, finish, request);
}

/* ---- INVENTORY ---- */

static void
run_inventory(gpointer job)
{
  VnRequest *request = job;
  const VnSlaveShared *shared = request->experiment->shared;
  GVariantBuilder techs, vms;
  g_variant_builder_init(&techs, G_VARIANT_TYPE("a(ssb)"));
  for (gsize i = 0; i < shared->n_drivers; i++) {
    const VnDriver *driver = shared->drivers[i];
    const VnTech *tech = vn_tech(driver->tech);
    g_autoptr(GError) error = NULL;
    gboolean runs = driver->probe == NULL || driver->probe(&error);
    g_variant_builder_add(&techs, "(ssb)", tech->name, runs ? "" : error->message,
                          (tech->can & VN_CAN_ROOTLESS) != 0);
  }
  g_variant_builder_init(&vms, G_VARIANT_TYPE("a(ssssss)"));
  for (guint i = 0; i < shared->config->vms->len; i++) {
    const VnConfigVm *vm = &g_array_index(shared->config->vms, VnConfigVm, i);
    g_variant_builder_add(&vms, "(ssssss)", vm->name, vm->technology, vm->file, vm->os, vm->role,
                          vm->snapshot);
  }
  request->answer = g_variant_new("(sa(ssb)a(ssssss))", shared->config->name, &techs, &vms);
}

void
vn_do_inventory(VnRequest *request)
{
  push(request, run_inventory);
}

/* ---- SEGMENTS, VMS ---- */

static void
set_errors(VnDriverItem *items, guint n, const GError *error)
{
  for (guint i = 0; i < n; i++)
    items[i].error = g_error_copy(error);
}

static void
run_segments(gpointer job)
{
  VnRequest *request = job;
  g_autoptr(VnArena) arena = vn_arena_new();
  g_autoptr(GError) error = NULL;
  VnSegmentBatch batch;
  gboolean decoded = vn_decode_segments(request->body, arena, &batch, &error);
  g_assert(decoded && batch.n == request->n); /* it was, when it arrived */
  VnDriverState *state = vn_experiment_state(request->experiment, batch.tech, &error);
  if (state == NULL)
    set_errors(request->items, request->n, error);
  else
    vn_experiment_driver(request->experiment, batch.tech)
        ->make_segments(state, batch.segments, request->items, batch.n);
  vn_request_collect(request);
}

void
vn_do_segments(VnRequest *request)
{
  g_autoptr(VnArena) arena = vn_arena_new();
  g_autoptr(GError) error = NULL;
  VnSegmentBatch batch;
  if (!vn_decode_segments(request->body, arena, &batch, &error)) {
    vn_request_fail(request, WHOLE, error->message);
    vn_request_finish(request);
    return;
  }
  vn_request_set_items(request, batch.n);
  for (guint i = 0; i < batch.n; i++) {
    request->items[request->n++].id = batch.segments[i].id;
    g_hash_table_insert(request->experiment->segments, GUINT_TO_POINTER(batch.segments[i].id),
                        GUINT_TO_POINTER(batch.tech));
    g_hash_table_insert(request->experiment->mtus, GUINT_TO_POINTER(batch.segments[i].id),
                        GUINT_TO_POINTER(batch.segments[i].mtu));
  }
  push(request, run_segments);
}

static void
run_vms(gpointer job)
{
  VnRequest *request = job;
  g_autoptr(VnArena) arena = vn_arena_new();
  g_autoptr(GError) error = NULL;
  VnVmBatch batch = {0};
  gboolean decoded = vn_decode_vms(request->body, arena, &batch, &error);
  g_assert(decoded && batch.n == request->n);
  VnDriverState *state = vn_experiment_state(request->experiment, batch.tech, &error);
  if (state == NULL)
    set_errors(request->items, request->n, error);
  else
    vn_experiment_driver(request->experiment, batch.tech)
        ->make_vms(state, batch.vms, request->items, batch.n);
  vn_vm_batch_clear(&batch);
  vn_request_collect(request);
}

void
vn_do_vms(VnRequest *request)
{
  g_autoptr(VnArena) arena = vn_arena_new();
  g_autoptr(GError) error = NULL;
  VnVmBatch batch = {0};
  if (!vn_decode_vms(request->body, arena, &batch, &error)) {
    vn_vm_batch_clear(&batch);
    vn_request_fail(request, WHOLE, error->message);
    vn_request_finish(request);
    return;
  }
  vn_request_set_items(request, batch.n);
  for (guint i = 0; i < batch.n; i++) {
    request->items[request->n++].id = batch.vms[i].id;
    VnVm *vm = vn_experiment_add_vm(request->experiment, batch.vms[i].id, batch.tech);
    vm->external = batch.vms[i].external;
    vn_setup_remember(request->experiment, vm, &batch.vms[i], request->body);
    if (vm->external && !vn_traffic_forward(request->experiment, &error)) {
      vn_request_fail(request, vm->id, error->message);
      g_clear_error(&error);
    }
  }
  vn_vm_batch_clear(&batch);
  push(request, run_vms);
}

/* ---- PROVE ---- */

static void
run_prove(gpointer job)
{
  VnRequest *request = job;
  VnExperiment *experiment = request->experiment;
  request->facts = g_ptr_array_new_with_free_func(g_free);
  request->confined = TRUE;
  for (guint tech = 0; tech < VN_TECH_COUNT; tech++) {
    if (experiment->states[tech] == NULL)
      continue;
    g_autoptr(GError) error = NULL;
    if (vn_experiment_driver(experiment, tech)
            ->prove(experiment->states[tech], request->facts, &error))
      continue;
    request->confined = FALSE;
    if (error != NULL)
      g_ptr_array_add(request->facts, g_utf8_make_valid(error->message, -1));
  }
  g_autoptr(GError) error = NULL;
  if (experiment->hub != NULL && !vn_hub_prove(experiment->hub, request->facts, &error)) {
    request->confined = FALSE;
    g_ptr_array_add(request->facts, g_utf8_make_valid(error->message, -1));
  }
  GVariantBuilder facts;
  g_variant_builder_init(&facts, G_VARIANT_TYPE("as"));
  for (guint i = 0; i < request->facts->len; i++)
    g_variant_builder_add_value(
        &facts, g_variant_new_take_string(g_utf8_make_valid(request->facts->pdata[i], -1)));
  request->answer = g_variant_new("(bas)", request->confined, &facts);
}

void
vn_do_prove(VnRequest *request)
{
  push(request, run_prove);
}

/* ---- operations on one VM ---- */

static gboolean
impair(const VnDriver *driver, VnDriverState *state, GVariant *body, GError **error)
{
  guint32 vm, iface;
  VnDriverSegment how = {0};
  g_variant_get(body, "(uuxxdddxx)", &vm, &iface, &how.delay_ns, &how.jitter_ns, &how.loss,
                &how.duplicate, &how.reorder, &how.rate, &how.queue);
  return driver->impair(state, vm, iface, &how, error);
}

static gboolean
set_link(const VnDriver *driver, VnDriverState *state, GVariant *body, GError **error)
{
  guint32 vm, iface;
  gboolean up;
  g_variant_get(body, "(uub)", &vm, &iface, &up);
  return driver->set_link(state, vm, iface, up, error);
}

static gboolean
snapshot(const VnDriver *driver, VnDriverState *state, GVariant *body, GError **error)
{
  guint32 vm;
  const char *name;
  g_variant_get(body, "(u&s)", &vm, &name);
  return driver->snapshot(state, vm, name, error);
}

static gboolean
unsupported(const VnRequest *request, GError **error)
{
  g_set_error(error, VN_DRIVER_ERROR, VN_DRIVER_ERROR_UNSUPPORTED, "%s can't do that",
              vn_tech(request->tech)->title);
  return FALSE;
}

static gboolean
run_operation(VnRequest *request, const VnDriver *driver, VnDriverState *state, guint32 vm,
              GError **error)
{
  switch (request->kind) {
  case VN_MESSAGE_SNAPSHOT:
    return driver->snapshot != NULL ? snapshot(driver, state, request->body, error)
                                    : unsupported(request, error);
  case VN_MESSAGE_SUSPEND:
    return driver->suspend != NULL ? driver->suspend(state, vm, error)
                                   : unsupported(request, error);
  case VN_MESSAGE_RESUME:
    return driver->resume != NULL ? driver->resume(state, vm, error) : unsupported(request, error);
  case VN_MESSAGE_LINK:
    return driver->set_link != NULL ? set_link(driver, state, request->body, error)
                                    : unsupported(request, error);
  case VN_MESSAGE_IMPAIR:
    return driver->impair != NULL ? impair(driver, state, request->body, error)
                                  : unsupported(request, error);
  default: /* vn_do_one is called for these only */
    g_assert_not_reached();
  }
}

static void
run_one(gpointer job)
{
  VnRequest *request = job;
  guint32 vm;
  g_variant_get_child(request->body, 0, "u", &vm);
  g_autoptr(GError) error = NULL;
  VnDriverState *state = vn_experiment_state(request->experiment, request->tech, &error);
  const VnDriver *driver = vn_experiment_driver(request->experiment, request->tech);
  if (state == NULL || !run_operation(request, driver, state, vm, &error))
    vn_request_fail(request, vm, error->message);
}

void
vn_do_one(VnRequest *request)
{
  guint32 id;
  g_variant_get_child(request->body, 0, "u", &id);
  const VnVm *vm = vn_experiment_vm(request->experiment, id);
  if (vm == NULL) {
    vn_request_fail(request, id, "this slave has no such VM");
    vn_request_finish(request);
    return;
  }
  request->tech = vm->tech;
  push(request, run_one);
}
