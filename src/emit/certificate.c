/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The certificate: for each need of each step what provides it, and of all that could take it away
 * why it does not come between.
 *
 * Which provider surely works is asked of the analysis (analyze/run.h); what is written is the
 * reason: a chain of direct orders from it to a step that then could not run if it had failed, or
 * that a condition needs it. The checker (src/certify) believes the reasons only. A need that may
 * not be met, or is for no reason of these kinds, is left open: the certificate says so, and VN318
 * tells which. */
#include "emit/certificate.h"

#include <string.h>

#include "emit/emit.h"
#include "model/bound.h"

const VnTask *
vn_certificate_task(const VnCertificate *c, guint32 node)
{
  return &c->model->tasks[c->graph->nodes[node].task];
}

static guint32
task_of(const VnCertificate *c, guint32 node)
{
  return c->graph->nodes[node].task;
}

gboolean
vn_certificate_before(const VnCertificate *c, guint32 a, guint32 b)
{
  return vn_order_before(c->order, a, b);
}

/* ---- what surely works ---- */

static gboolean
is_held(const VnCertificate *c, guint32 node)
{
  for (guint k = 0; k < c->held->len; k++)
    if (g_array_index(c->held, guint32, k) == node)
      return TRUE;
  return FALSE;
}

static gboolean
shares_task_with_held(const VnCertificate *c, guint32 task)
{
  for (guint k = 0; k < c->held->len; k++)
    if (task_of(c, g_array_index(c->held, guint32, k)) == task)
      return TRUE;
  return FALSE;
}

/* Does what happens to the task keep `then` from running? */
static gboolean
keeps(const VnCertificate *c, guint32 task, guint32 then, gboolean carries)
{
  if (c->model->tasks[then].always)
    return FALSE;
  return carries ? vn_order_task_carries(c->order, task, then)
                 : vn_order_task_before(c->order, task, then);
}

/* Appends the chain that shows it; FALSE: there is none. */
static gboolean
append_keeper(VnCertificate *c, guint32 task, gboolean carries, GString *out)
{
  guint32 then = task_of(c, c->step);
  gboolean found = keeps(c, task, then, carries);
  for (guint k = 0; k < c->held->len && !found; k++) {
    then = task_of(c, g_array_index(c->held, guint32, k));
    found = keeps(c, task, then, carries);
  }
  if (found)
    vn_chain_append(c->lines, task, then, carries, out);
  return found;
}

/* Appends the reason why the step works (or, ran, at least runs) whenever c->step starts. */
static gboolean
append_sure(VnCertificate *c, guint32 node, gboolean ran, GString *out)
{
  guint32 t = task_of(c, node);
  const VnTask *task = &c->model->tasks[t];
  gboolean free = task->when != NULL && task->when->kind != VN_EXPR_CONST;
  if (is_held(c, node)) {
    g_string_append(out, "\"needed\"");
    return TRUE;
  }
  if (vn_runs_is_dead(c->runs, t) || (free && !shares_task_with_held(c, t)))
    return FALSE;
  if (ran && task->always && !c->fragile[t]) {
    g_string_append(out, "\"always\"");
    return TRUE;
  }
  if (!ran && task->on_failure == VN_ON_FAILURE_IGNORE)
    return FALSE;
  gboolean carries = c->fragile[t] || (!ran && task->on_failure == VN_ON_FAILURE_SKIP);
  return append_keeper(c, t, carries, out);
}

int
vn_certificate_provider(VnCertificate *c, guint32 node, gboolean ran)
{
  for (guint k = 0; k < c->providers->len; k++)
    if (g_array_index(c->providers, guint32, k) == node)
      return (int)k;
  g_autoptr(GString) sure = g_string_new(NULL);
  if (!vn_certificate_before(c, node, c->step) || !append_sure(c, node, ran, sure))
    return -1;
  g_string_append_printf(c->by, "%s{\"task\": ", c->providers->len > 0 ? ", " : "");
  vn_chain_append_name(vn_certificate_task(c, node)->name, c->by);
  if (c->graph->nodes[node].vm != VN_NO_ID) {
    g_string_append(c->by, ", \"on\": ");
    vn_chain_append_name(c->model->topology.vms[c->graph->nodes[node].vm].name, c->by);
  }
  g_autoptr(GString) chain = g_string_new(NULL);
  vn_chain_append(c->lines, task_of(c, node), task_of(c, c->step), FALSE, chain);
  g_string_append_printf(c->by, ", \"sure\": %s, \"chain\": %s}",
                         g_string_equal(sure, chain) ? "\"chain\"" : sure->str, chain->str);
  g_array_append_val(c->providers, node);
  return (int)c->providers->len - 1;
}

/* ---- what stands against it ---- */

static void
begin_against(VnCertificate *c, guint32 node)
{
  g_string_append_printf(c->against, "%s{\"task\": ", c->against->len > 0 ? ", " : "");
  vn_chain_append_name(vn_certificate_task(c, node)->name, c->against);
  if (c->graph->nodes[node].vm != VN_NO_ID) {
    g_string_append(c->against, ", \"on\": ");
    vn_chain_append_name(c->model->topology.vms[c->graph->nodes[node].vm].name, c->against);
  }
}

gboolean
vn_certificate_is_after(VnCertificate *c, guint32 node)
{
  if (!vn_certificate_before(c, c->step, node))
    return FALSE;
  begin_against(c, node);
  g_string_append(c->against, ", \"after\": ");
  vn_chain_append(c->lines, task_of(c, c->step), task_of(c, node), FALSE, c->against);
  g_string_append_c(c->against, '}');
  return TRUE;
}

void
vn_certificate_put_before(VnCertificate *c, guint32 node, int place)
{
  guint32 provider = g_array_index(c->providers, guint32, place);
  begin_against(c, node);
  g_string_append_printf(c->against, ", \"before\": %d, \"chain\": ", place);
  vn_chain_append(c->lines, task_of(c, node), task_of(c, provider), FALSE, c->against);
  g_string_append_c(c->against, '}');
}

/* ---- needs ---- */

void
vn_certificate_begin(VnCertificate *c)
{
  g_string_truncate(c->by, 0);
  g_string_truncate(c->against, 0);
  g_array_set_size(c->providers, 0);
}

static void
report(VnCertificate *c, const char *needs, const char *object)
{
  const VnTask *task = vn_certificate_task(c, c->step);
  guint32 vm = c->graph->nodes[c->step].vm;
  c->n_missing++;
  VnDiag *diag =
      vn_diag_add(c->sink, VN_DIAG_VN318, task->span,
                  "open in the certificate: that `%s`%s%s has what it needs (%s%s) does not follow "
                  "from orders and conditions alone",
                  task->name, vm != VN_NO_ID ? " on " : "",
                  vm != VN_NO_ID ? c->model->topology.vms[vm].name : "", needs, object);
  vn_diag_hint(diag, "see `vnecc --check`; let what provides it come before, without a condition");
}

/* A step whose failure is ignored may do without: it is meant to try. */
void
vn_certificate_end(VnCertificate *c, gboolean met, const char *needs, const char *object)
{
  gboolean waived = !met && vn_certificate_task(c, c->step)->on_failure == VN_ON_FAILURE_IGNORE;
  if (!met && !waived)
    report(c, needs, object);
  guint32 vm = c->graph->nodes[c->step].vm;
  g_string_append(c->out, c->n_needs++ > 0 ? ",\n    {\"task\": " : "\n    {\"task\": ");
  vn_chain_append_name(vn_certificate_task(c, c->step)->name, c->out);
  if (vm != VN_NO_ID) {
    g_string_append(c->out, ", \"on\": ");
    vn_chain_append_name(c->model->topology.vms[vm].name, c->out);
  }
  g_string_append_printf(c->out, ", \"needs\": \"%s\"%s", needs, object);
  if (!met)
    g_string_append(c->out, waived ? ", \"waived\": \"ignore\"" : ", \"open\": true");
  if (c->by->len > 0 && met)
    g_string_append_printf(c->out, ", \"by\": [%s]", c->by->str);
  if (c->against->len > 0 && met)
    g_string_append_printf(c->out, ", \"against\": [%s]", c->against->str);
  g_string_append_c(c->out, '}');
}

static char *
machine_object(const VnCertificate *c, guint32 vm)
{
  return g_strdup_printf(", \"machine\": \"%s\"", c->model->topology.vms[vm].name);
}

/* ---- machines ---- */

static gboolean
mends(VnControl taker, VnControl mender)
{
  return mender == VN_CONTROL_POWER_ON ||
         (taker == VN_CONTROL_SUSPEND &&
          (mender == VN_CONTROL_RESUME || mender == VN_CONTROL_REVERT));
}

/* The last step that surely mends what `taker` (VN_NO_ID: the beginning) did, and its place. */
static int
find_mender(VnCertificate *c, guint32 vm, guint32 taker)
{
  VnControl control =
      taker != VN_NO_ID ? (VnControl)vn_certificate_task(c, taker)->control : VN_CONTROL_POWER_OFF;
  for (guint32 s = c->vm_row[vm + 1]; s-- > c->vm_row[vm];) {
    guint32 step = c->vm_steps[s];
    if (!mends(control, (VnControl)vn_certificate_task(c, step)->control) || step == c->step ||
        (taker != VN_NO_ID && !vn_certificate_before(c, taker, step)))
      continue;
    int place = vn_certificate_provider(c, step, FALSE);
    if (place >= 0)
      return place;
  }
  return -1;
}

gboolean
vn_certificate_power(VnCertificate *c, guint32 vm, gboolean not_off)
{
  if (c->graph->ready_node[vm] == VN_NO_ID && find_mender(c, vm, VN_NO_ID) < 0)
    return FALSE;
  for (guint32 s = c->vm_row[vm]; s < c->vm_row[vm + 1]; s++) {
    guint32 step = c->vm_steps[s];
    VnControl control = (VnControl)vn_certificate_task(c, step)->control;
    gboolean takes = control == VN_CONTROL_POWER_OFF || (control == VN_CONTROL_SUSPEND && !not_off);
    if (!takes || step == c->step || vn_runs_is_dead(c->runs, task_of(c, step)) ||
        vn_certificate_is_after(c, step))
      continue;
    int place = find_mender(c, vm, step);
    if (place < 0)
      return FALSE;
    vn_certificate_put_before(c, step, place);
  }
  return TRUE;
}

static void
need_power(VnCertificate *c, guint32 vm, gboolean not_off)
{
  g_autofree char *object = machine_object(c, vm);
  vn_certificate_begin(c);
  vn_certificate_end(c, vn_certificate_power(c, vm, not_off), not_off ? "not off" : "on", object);
}

/* ---- snapshots ---- */

static const char *
snapshot_of(const VnTask *task)
{
  const VnExpr *arg = task->n_args > 0 ? task->args[0] : NULL;
  return arg != NULL && arg->kind == VN_EXPR_CONST && arg->value.kind == VN_VALUE_STRING
             ? arg->value.text->text
             : NULL;
}

static gboolean
is_in_image(const VnCertificate *c, guint32 vm, const char *name)
{
  guint32 i = c->model->topology.vms[vm].image;
  const VnImage *image = i != VN_NO_ID ? &c->model->images[i] : NULL;
  for (guint32 k = 0; image != NULL && k < image->n_keys; k++)
    if (strcmp(image->keys[k], "snapshot") == 0 && image->values[k].kind == VN_VALUE_STRING &&
        strcmp(image->values[k].text->text, name) == 0)
      return TRUE;
  return FALSE;
}

static void
need_snapshot(VnCertificate *c)
{
  guint32 vm = c->graph->nodes[c->step].vm;
  const char *name = snapshot_of(vn_certificate_task(c, c->step));
  if (name == NULL)
    return;
  vn_certificate_begin(c);
  gboolean met = is_in_image(c, vm, name);
  for (guint32 s = c->vm_row[vm + 1]; s-- > c->vm_row[vm] && !met;) {
    const VnTask *task = vn_certificate_task(c, c->vm_steps[s]);
    met = task->control == VN_CONTROL_SNAPSHOT && g_strcmp0(snapshot_of(task), name) == 0 &&
          vn_certificate_provider(c, c->vm_steps[s], FALSE) >= 0;
  }
  vn_certificate_end(c, met, "snapshot", "");
}

/* ---- services ---- */

static gboolean
provides(const VnCertificate *c, guint32 node, gint64 port)
{
  const VnTask *task = vn_certificate_task(c, node);
  if (task->control != VN_CONTROL_NONE)
    return FALSE;
  const VnAction *action = &c->model->actions[task->action];
  for (guint32 k = 0; k < action->n_provides; k++) {
    VnValue value;
    if (vn_task_value(c->model, task, action->provides[k], c->arena, &value) && value.i == port)
      return TRUE;
  }
  return FALSE;
}

/* Every snapshot that the revert could go back to is taken while the service runs. */
static gboolean
is_saved(VnCertificate *c, guint32 revert, guint32 server)
{
  guint32 vm = c->graph->nodes[revert].vm;
  const char *name = snapshot_of(vn_certificate_task(c, revert));
  g_autoptr(GString) chains = g_string_new(NULL);
  if (name == NULL || is_in_image(c, vm, name))
    return FALSE;
  for (guint32 s = c->vm_row[vm]; s < c->vm_row[vm + 1]; s++) {
    guint32 step = c->vm_steps[s];
    const VnTask *task = vn_certificate_task(c, step);
    if (task->control != VN_CONTROL_SNAPSHOT || g_strcmp0(snapshot_of(task), name) != 0 ||
        vn_runs_is_dead(c->runs, task_of(c, step)))
      continue;
    if (!vn_certificate_before(c, server, step))
      return FALSE;
    g_string_append(chains, chains->len > 0 ? ", " : "");
    vn_chain_append(c->lines, task_of(c, server), task_of(c, step), FALSE, chains);
  }
  begin_against(c, revert);
  g_string_append_printf(c->against, ", \"saved\": [%s]}", chains->str);
  return TRUE;
}

static gboolean
does_not_end(VnCertificate *c, guint32 taker, guint32 server, int place)
{
  if (vn_runs_is_dead(c->runs, task_of(c, taker)) || vn_certificate_is_after(c, taker))
    return TRUE;
  if (vn_certificate_before(c, taker, server)) {
    vn_certificate_put_before(c, taker, place);
    return TRUE;
  }
  return vn_certificate_task(c, taker)->control == VN_CONTROL_REVERT && is_saved(c, taker, server);
}

static gboolean
is_served_by(VnCertificate *c, guint32 server)
{
  guint32 vm = c->graph->nodes[server].vm, stopped = 0;
  vn_certificate_begin(c);
  int place = vn_certificate_provider(c, server, FALSE);
  for (guint32 s = c->vm_row[vm]; s < c->vm_row[vm + 1] && place >= 0; s++) {
    VnControl control = (VnControl)vn_certificate_task(c, c->vm_steps[s])->control;
    if ((control == VN_CONTROL_POWER_OFF || control == VN_CONTROL_REVERT) &&
        c->vm_steps[s] != c->step && !does_not_end(c, c->vm_steps[s], server, place))
      return FALSE;
  }
  for (guint32 t = 0; t < c->model->n_tasks && place >= 0; t++)
    if (vn_task_stops(&c->model->tasks[t], &stopped) && stopped == task_of(c, server) &&
        !does_not_end(c, c->graph->task_first[t], server, place))
      return FALSE;
  return place >= 0;
}

static void
need_service(VnCertificate *c, guint32 vm, gint64 port)
{
  g_autofree char *machine = machine_object(c, vm);
  g_autofree char *object = g_strdup_printf("%s, \"port\": %" G_GINT64_FORMAT, machine, port);
  gboolean met = FALSE;
  for (guint32 s = c->vm_row[vm + 1]; s-- > c->vm_row[vm] && !met;)
    met = provides(c, c->vm_steps[s], port) && is_served_by(c, c->vm_steps[s]);
  vn_certificate_end(c, met, "service", object);
}

/* ---- peers ---- */

static void
need_peer(VnCertificate *c, const VnValue *target, gboolean has_port, gint64 port)
{
  guint32 own = c->graph->nodes[c->step].vm;
  if (target->kind == VN_VALUE_LIST || target->kind == VN_VALUE_SET)
    for (guint32 k = 0; k < target->list->n; k++)
      need_peer(c, &target->list->items[k], has_port, port);
  if (target->kind != VN_VALUE_HOST && target->kind != VN_VALUE_ROUTER)
    return;
  if (has_port)
    need_service(c, target->id, port);
  else if (target->id != own)
    need_power(c, target->id, FALSE);
  if (target->id != own)
    vn_certificate_path(c, target->id);
}

static void
need_peers(VnCertificate *c)
{
  const VnTask *task = vn_certificate_task(c, c->step);
  const VnAction *action = &c->model->actions[task->action];
  for (guint32 k = 0; k < action->n_requires; k++) {
    const VnActionRequires *it = &action->requires_[k];
    VnValue target, port = {.i = 0};
    if (it->target < task->n_args && task->args[it->target] != NULL &&
        vn_task_value(c->model, task, task->args[it->target], c->arena, &target) &&
        (it->port == NULL || vn_task_value(c->model, task, it->port, c->arena, &port)))
      need_peer(c, &target, it->port != NULL, port.i);
  }
}

/* ---- results ---- */

static void
need_order(VnCertificate *c, guint32 task)
{
  gboolean met = vn_order_task_before(c->order, task, task_of(c, c->step));
  g_autoptr(GString) object = g_string_new(", \"of\": ");
  vn_chain_append_name(c->model->tasks[task].name, object);
  if (met) {
    g_string_append(object, ", \"chain\": ");
    vn_chain_append(c->lines, task, task_of(c, c->step), FALSE, object);
  }
  vn_certificate_begin(c);
  vn_certificate_end(c, met, "order", object->str);
}

static void
need_result(VnCertificate *c, const VnExpr *result)
{
  const VnTask *task = &c->model->tasks[result->task];
  gboolean one = task->group && result->vm != VN_MEMBER_ALL;
  gboolean serves = task->control == VN_CONTROL_NONE && c->model->actions[task->action].background;
  gboolean met = !serves || result->index == VN_FIELD_OK || result->index == VN_FIELD_STARTED;
  vn_certificate_begin(c);
  for (guint32 m = 0; m < MAX(task->n_targets, 1) && met; m++)
    if (!one || task->targets[m] == result->vm)
      met = vn_certificate_provider(c, c->graph->task_first[result->task] + m,
                                    result->index == VN_FIELD_OK) >= 0;
  g_autoptr(GString) object = g_string_new(", \"of\": ");
  vn_chain_append_name(task->name, object);
  if (one)
    g_string_append_printf(object, ", \"member\": \"%s\"", c->model->topology.vms[result->vm].name);
  g_string_append_printf(object, ", \"field\": \"%s\"",
                         vn_model_field_name(c->model, task, result->index));
  vn_certificate_end(c, met, "result", object->str);
}

static void
visit_argument(const VnExpr *result, gpointer data)
{
  need_result(data, result);
}

static void
visit_condition(const VnExpr *result, gpointer data)
{
  need_order(data, result->task);
}

static void
need_results(VnCertificate *c)
{
  const VnTask *task = vn_certificate_task(c, c->step);
  for (guint32 k = 0; k < task->n_args; k++)
    if (task->args[k] != NULL)
      vn_expr_visit_results(task->args[k], visit_argument, c);
  if (task->when != NULL)
    vn_expr_visit_results(task->when, visit_condition, c);
}

/* ---- all of them ---- */

static void
write_step(VnCertificate *c, guint32 vm)
{
  const VnTask *task = vn_certificate_task(c, c->step);
  need_results(c);
  switch ((VnControl)task->control) {
  case VN_CONTROL_NONE:
    need_power(c, vm, FALSE);
    need_peers(c);
    return;
  case VN_CONTROL_PUSH:
    need_power(c, vm, FALSE);
    return;
  case VN_CONTROL_PULL:
    need_power(c, vm, FALSE);
    vn_certificate_file(c, task->n_args > 0 ? task->args[0] : NULL);
    return;
  case VN_CONTROL_SUSPEND:
  case VN_CONTROL_RESUME:
    need_power(c, vm, TRUE);
    return;
  case VN_CONTROL_REVERT:
    need_snapshot(c);
    return;
  case VN_CONTROL_POWER_ON:
  case VN_CONTROL_POWER_OFF:
  case VN_CONTROL_SNAPSHOT:
  case VN_CONTROL_LINK_DOWN:
  case VN_CONTROL_LINK_UP:
  case VN_CONTROL_IMPAIR:
  case VN_CONTROL_WAIT:
  case VN_CONTROL_STOP:
    return;
  }
}

static void
hold(guint32 node, gpointer data)
{
  VnCertificate *c = data;
  if (!is_held(c, node))
    g_array_append_val(c->held, node);
}

static void
write_task(VnCertificate *c, guint32 t)
{
  const VnTask *task = &c->model->tasks[t];
  if (vn_runs_is_dead(c->runs, t))
    return;
  for (guint32 m = 0; m < MAX(task->n_targets, 1); m++) {
    c->step = c->graph->task_first[t] + m;
    g_array_set_size(c->held, 0);
    vn_runs_needs(c->runs, c->step, hold, c);
    for (guint k = 0; k < c->held->len; k++)
      vn_runs_needs(c->runs, g_array_index(c->held, guint32, k), hold, c);
    write_step(c, c->graph->nodes[c->step].vm);
  }
}

static void
sort_steps(VnCertificate *c)
{
  guint32 n_vms = c->model->topology.n_vms;
  c->vm_row = vn_arena_array0(c->arena, guint32, (gsize)n_vms + 1);
  for (guint32 t = 0; t < c->model->n_tasks; t++)
    for (guint32 k = 0; k < c->model->tasks[t].n_targets; k++)
      c->vm_row[c->model->tasks[t].targets[k] + 1]++;
  for (guint32 v = 0; v < n_vms; v++)
    c->vm_row[v + 1] += c->vm_row[v];
  c->vm_steps = vn_arena_array0(c->arena, guint32, c->vm_row[n_vms]);
  g_autofree guint32 *next = g_memdup2(c->vm_row, ((gsize)n_vms + 1) * sizeof(guint32));
  for (guint32 k = 0; k < c->model->n_tasks; k++) {
    guint32 t = vn_order_tasks(c->order)[k];
    for (guint32 m = 0; m < c->model->tasks[t].n_targets; m++)
      c->vm_steps[next[c->model->tasks[t].targets[m]]++] = c->graph->task_first[t] + m;
  }
}

/* What may be dropped because of something before it, or because a `stop` meets it. */
static void
find_fragile(VnCertificate *c)
{
  const VnModel *model = c->model;
  guint32 stopped = 0;
  c->fragile = vn_arena_array0(c->arena, guint8, model->n_tasks);
  g_autofree guint8 *drops = g_new0(guint8, (gsize)model->n_tasks + 1);
  for (guint32 t = 0; t < model->n_tasks; t++) {
    drops[t] |= model->tasks[t].on_failure == VN_ON_FAILURE_SKIP;
    if (vn_task_stops(&model->tasks[t], &stopped))
      drops[stopped] = c->fragile[stopped] = TRUE;
  }
  for (guint32 k = 0; k < model->n_tasks; k++) {
    guint32 t = vn_order_tasks(c->order)[k];
    const VnTask *task = &model->tasks[t];
    for (guint32 i = 0; i < task->n_after && !task->always; i++) {
      guint32 other = task->after[i];
      gboolean passes = drops[other] || (c->fragile[other] && !model->tasks[other].always);
      c->fragile[t] |= passes;
    }
  }
}

static void
write_all(VnCertificate *c, GString *out)
{
  g_string_append(out, "{\n  \"certificate\": 1,\n  \"experiment\": ");
  g_autofree char *name = g_strescape(c->model->name != NULL ? c->model->name : "", NULL);
  g_string_append_printf(out, "\"%s\",\n", g_str_is_ascii(name) ? name : "");
  vn_chain_append_lines(c->lines, out);
  g_string_append(out, ",\n  \"needs\": [");
  for (guint32 t = 0; t < c->model->n_tasks; t++)
    write_task(c, t);
  g_string_append(out, "\n  ]\n}\n");
}

gboolean
vn_emit_certificate(const VnGraph *graph, GString *out, VnDiagSink *sink)
{
  g_autoptr(VnArena) arena = vn_arena_new();
  g_autoptr(VnOrder) order = vn_order_new(graph);
  g_autoptr(VnRuns) runs = vn_runs_new(graph, order);
  g_auto(VnChainLines) lines;
  vn_chain_lines_init(&lines, graph->model, order);
  g_autoptr(GString) by = g_string_new(NULL), against = g_string_new(NULL);
  g_autoptr(GArray) held = g_array_new(FALSE, FALSE, sizeof(guint32));
  g_autoptr(GArray) providers = g_array_new(FALSE, FALSE, sizeof(guint32));
  VnCertificate c = {.graph = graph,
                     .model = graph->model,
                     .order = order,
                     .runs = runs,
                     .lines = &lines,
                     .arena = arena,
                     .sink = sink,
                     .out = out,
                     .held = held,
                     .by = by,
                     .against = against,
                     .providers = providers};
  sort_steps(&c);
  find_fragile(&c);
  write_all(&c, out);
  return c.n_missing == 0;
}
