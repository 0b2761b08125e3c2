/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/naive/plain.h"

#include <string.h>

static void
add(GArray *out, VnDiagCode code, VnSpan span)
{
  NaivePlace place = {code, span.start};
  g_array_append_val(out, place);
}

/* ---- captures ---- */

static gboolean
runs_a_step(const Naive *naive, guint32 vm)
{
  for (guint k = 0; k < naive->n_steps; k++)
    if (naive->steps[k].vm == vm)
      return TRUE;
  return FALSE;
}

static gboolean
sees_something(const Naive *naive, guint32 segment)
{
  const VnTopology *topology = &naive->model->topology;
  guint n_routers = 0;
  for (guint32 i = 0; i < topology->n_ifaces; i++) {
    guint32 vm = topology->ifaces[i].vm;
    if (topology->ifaces[i].segment != segment)
      continue;
    if (runs_a_step(naive, vm))
      return TRUE;
    n_routers += topology->vms[vm].kind == VN_VM_ROUTER;
  }
  return n_routers >= 2;
}

/* ---- orders ---- */

/* Does a way lead from `first` to `then` without the order that is left out? */
static gboolean
leads(const Naive *naive, guint32 first, guint32 then, guint32 left_out, guint32 of)
{
  const VnTask *task = &naive->model->tasks[then];
  for (guint32 k = 0; k < task->n_after; k++)
    if ((then != of || task->after[k] != left_out) &&
        (task->after[k] == first || leads(naive, first, task->after[k], left_out, of)))
      return TRUE;
  return FALSE;
}

static gboolean
is_its_task(const VnTask *task, guint32 other)
{
  return task->control == VN_CONTROL_STOP && task->args[0]->value.id == other;
}

static void
look_at_orders(const Naive *naive, GArray *out)
{
  for (guint32 t = 0; t < naive->model->n_tasks; t++) {
    const VnTask *task = &naive->model->tasks[t];
    for (guint32 k = 0; k < task->n_after; k++)
      if (!is_its_task(task, task->after[k]) && leads(naive, task->after[k], t, task->after[k], t))
        add(out, VN_DIAG_VN316, task->span);
  }
}

/* ---- what nothing uses ---- */

static gboolean
value_names(const VnValue *value, guint32 vm, const char *address)
{
  if (value->kind == VN_VALUE_HOST || value->kind == VN_VALUE_ROUTER)
    return value->id == vm;
  for (guint32 k = 0; value->kind == VN_VALUE_LIST && k < value->list->n; k++)
    if (value_names(&value->list->items[k], vm, address))
      return TRUE;
  if (value->kind != VN_VALUE_STRING)
    return FALSE;
  /* As a word of its own. */
  g_auto(GStrv) words = g_strsplit_set(value->text->text, " :/", -1);
  return g_strv_contains((const char *const *)words, address);
}

static gboolean
names(const VnExpr *expr, guint32 vm, const char *address)
{
  if (expr == NULL)
    return FALSE;
  if (expr->kind == VN_EXPR_CONST && value_names(&expr->value, vm, address))
    return TRUE;
  if (expr->kind == VN_EXPR_RESULT && expr->vm == vm)
    return TRUE;
  for (guint32 k = 0; k < expr->n_operands; k++)
    if (names(expr->operands[k], vm, address))
      return TRUE;
  return FALSE;
}

static gboolean
is_named(const Naive *naive, guint32 vm)
{
  const VnTopology *topology = &naive->model->topology;
  char address[VN_ADDRESS_TEXT_MAX] = "";
  if (topology->vms[vm].n_ifaces > 0)
    vn_address_format(&topology->ifaces[topology->vms[vm].first_iface].address4, address);
  for (guint32 t = 0; t < naive->model->n_tasks; t++) {
    const VnTask *task = &naive->model->tasks[t];
    for (guint32 k = 0; k < task->n_args; k++)
      if (names(task->args[k], vm, address))
        return TRUE;
    if (names(task->when, vm, address))
      return TRUE;
  }
  return runs_a_step(naive, vm);
}

static gboolean
has_use(const VnTopology *topology, guint32 segment)
{
  for (guint32 i = 0; i < topology->n_ifaces; i++) {
    const VnVm *vm = &topology->vms[topology->ifaces[i].vm];
    if (topology->ifaces[i].segment == segment && (vm->kind == VN_VM_HOST || vm->n_ifaces > 1))
      return TRUE;
  }
  return FALSE;
}

static gboolean
makes_machine(const VnTopology *topology, guint32 image)
{
  for (guint32 v = 0; v < topology->n_vms; v++)
    if (topology->vms[v].image == image)
      return TRUE;
  return FALSE;
}

static void
look_at_uses(const Naive *naive, GArray *out)
{
  const VnTopology *topology = &naive->model->topology;
  for (guint32 v = 0; v < topology->n_vms; v++) {
    const VnVm *vm = &topology->vms[v];
    gboolean joins = vm->kind == VN_VM_ROUTER && vm->n_ifaces > 1;
    if (!vm->added && !joins && !is_named(naive, v))
      add(out, VN_DIAG_VN317, vm->span);
  }
  for (guint32 s = 0; s < topology->n_segments; s++)
    if (!has_use(topology, s))
      add(out, VN_DIAG_VN317, topology->segments[s].span);
  for (guint32 g = 0; g < naive->model->n_groups; g++) {
    const VnTask *tasks = naive->model->tasks;
    gboolean used = FALSE;
    for (guint32 t = 0; t < naive->model->n_tasks; t++) /* only `some` is of one machine */
      used |= tasks[t].group && tasks[t].n_targets == 1;
    if (!used)
      add(out, VN_DIAG_VN317, naive->model->groups[g].span);
  }
  for (guint32 k = 0; k < naive->model->n_images; k++)
    if (!makes_machine(topology, k))
      add(out, VN_DIAG_VN317, naive->model->images[k].span);
}

void
naive_plain(const Naive *naive, GArray *out)
{
  const VnTopology *topology = &naive->model->topology;
  for (guint32 s = 0; s < topology->n_segments; s++)
    if (topology->segments[s].capture && !sees_something(naive, s))
      add(out, VN_DIAG_VN315, topology->segments[s].span);
  look_at_orders(naive, out);
  look_at_uses(naive, out);
}
