/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a task means for the machines, their services and files: what a checker of the workflow
 * needs to know without understanding expressions (src/certify does). Only what is known before the
 * run. */
#include "emit/json.h"
#include "model/bound.h"

static void
add_machine(JsonBuilder *json, const VnModel *model, guint32 vm, gboolean has_port, gint64 port)
{
  json_builder_begin_object(json);
  vn_json_text(json, "machine", model->topology.vms[vm].name);
  if (has_port)
    vn_json_int(json, "port", port);
  json_builder_end_object(json);
}

static void
add_required(JsonBuilder *json, const VnModel *model, const VnValue *target, gboolean has_port,
             gint64 port)
{
  if (target->kind == VN_VALUE_HOST || target->kind == VN_VALUE_ROUTER)
    add_machine(json, model, target->id, has_port, port);
  else if (target->kind == VN_VALUE_LIST || target->kind == VN_VALUE_SET)
    for (guint32 k = 0; k < target->list->n; k++)
      add_required(json, model, &target->list->items[k], has_port, port);
}

static void
add_requires(JsonBuilder *json, const VnModel *model, const VnTask *task, VnArena *arena)
{
  const VnAction *action = &model->actions[task->action];
  if (action->n_requires == 0)
    return;
  vn_json_array(json, "requires");
  for (guint32 k = 0; k < action->n_requires; k++) {
    const VnActionRequires *it = &action->requires_[k];
    VnValue target, port = {.i = 0};
    if (it->target < task->n_args && task->args[it->target] != NULL &&
        vn_task_value(model, task, task->args[it->target], arena, &target) &&
        (it->port == NULL || vn_task_value(model, task, it->port, arena, &port)))
      add_required(json, model, &target, it->port != NULL, port.i);
  }
  json_builder_end_array(json);
}

static void
add_values(JsonBuilder *json, const VnModel *model, const VnTask *task, const char *name,
           const VnExpr *const *exprs, guint32 n, VnArena *arena)
{
  if (n == 0)
    return;
  vn_json_array(json, name);
  for (guint32 k = 0; k < n; k++) {
    VnValue value;
    if (!vn_task_value(model, task, exprs[k], arena, &value))
      continue;
    if (value.kind == VN_VALUE_STRING) {
      g_autofree char *path = g_canonicalize_filename(value.text->text, "/");
      json_builder_add_string_value(json, path);
    } else if (value.kind == VN_VALUE_INT || value.kind == VN_VALUE_PORT) {
      json_builder_add_int_value(json, value.i);
    }
  }
  json_builder_end_array(json);
}

static void
add_action(JsonBuilder *json, const VnModel *model, const VnTask *task, VnArena *arena)
{
  const VnAction *action = &model->actions[task->action];
  if (action->background)
    vn_json_bool(json, "background", TRUE);
  add_requires(json, model, task, arena);
  add_values(json, model, task, "provides", action->provides, action->n_provides, arena);
  add_values(json, model, task, "reads", action->reads, action->n_reads, arena);
  add_values(json, model, task, "writes", action->writes, action->n_writes, arena);
}

static void
add_control(JsonBuilder *json, const VnModel *model, const VnTask *task, VnArena *arena)
{
  const VnExpr *first = task->n_args > 0 ? task->args[0] : NULL;
  guint32 stopped = 0;
  VnValue value;
  if (vn_task_stops(task, &stopped))
    vn_json_text(json, "stops", model->tasks[stopped].name);
  if (task->control == VN_CONTROL_PUSH && task->n_args > 1)
    add_values(json, model, task, "writes", &task->args[1], 1, arena);
  if (task->control == VN_CONTROL_PULL)
    add_values(json, model, task, "reads", &first, 1, arena);
  if (!vn_task_value(model, task, first, arena, &value))
    return;
  if (task->control == VN_CONTROL_SNAPSHOT || task->control == VN_CONTROL_REVERT)
    vn_json_text(json, "snapshot", value.text->text);
  if (task->control == VN_CONTROL_POWER_OFF && value.kind == VN_VALUE_BOOL && value.b)
    vn_json_bool(json, "keep", TRUE);
  if (value.kind == VN_VALUE_SEGMENT)
    vn_json_text(json, "link", model->topology.segments[value.id].name);
}

/* ---- results and conditions ---- */

typedef struct {
  JsonBuilder *json;
  const VnModel *model;
  const char *place;
} Results;

static void
add_result(const VnExpr *result, gpointer data)
{
  const Results *r = data;
  const VnTask *task = &r->model->tasks[result->task];
  json_builder_begin_object(r->json);
  vn_json_text(r->json, "task", task->name);
  if (task->group && result->vm != VN_MEMBER_ALL)
    vn_json_text(r->json, "machine", r->model->topology.vms[result->vm].name);
  vn_json_text(r->json, "field", vn_model_field_name(r->model, task, result->index));
  vn_json_text(r->json, "in", r->place);
  json_builder_end_object(r->json);
}

static void
add_results(JsonBuilder *json, const VnModel *model, const VnTask *task)
{
  Results r = {json, model, "argument"};
  vn_json_array(json, "results");
  for (guint32 k = 0; k < task->n_args; k++)
    if (task->args[k] != NULL)
      vn_expr_visit_results(task->args[k], add_result, &r);
  r.place = "condition";
  if (task->when != NULL)
    vn_expr_visit_results(task->when, add_result, &r);
  json_builder_end_array(json);
}

/* `T.ok` and what `and` joins: without them the condition is not true. */
static void
add_needs(JsonBuilder *json, const VnModel *model, const VnExpr *when)
{
  if (when->kind == VN_EXPR_BINARY && when->op == VN_EXPR_AND) {
    add_needs(json, model, when->operands[0]);
    add_needs(json, model, when->operands[1]);
    return;
  }
  const VnExpr *result = when;
  if (when->kind == VN_EXPR_CALL && when->op == VN_BUILTIN_ALL && when->n_operands == 1)
    result = when->operands[0];
  if (result->kind != VN_EXPR_RESULT || result->index != VN_FIELD_OK)
    return;
  const VnTask *task = &model->tasks[result->task];
  json_builder_begin_object(json);
  vn_json_text(json, "task", task->name);
  if (task->group && result->vm != VN_MEMBER_ALL)
    vn_json_text(json, "machine", model->topology.vms[result->vm].name);
  json_builder_end_object(json);
}

static void
add_condition(JsonBuilder *json, const VnModel *model, const VnTask *task)
{
  if (task->when == NULL || (task->when->kind == VN_EXPR_CONST && !vn_task_never_runs(task)))
    return;
  vn_json_text(json, "condition", vn_task_never_runs(task) ? "never" : "free");
  if (vn_task_never_runs(task))
    return;
  vn_json_array(json, "condition_needs");
  add_needs(json, model, task->when);
  json_builder_end_array(json);
}

void
vn_json_task_facts(JsonBuilder *json, const VnModel *model, const VnTask *task)
{
  g_autoptr(VnArena) arena = vn_arena_new();
  if (task->control == VN_CONTROL_NONE)
    add_action(json, model, task, arena);
  else
    add_control(json, model, task, arena);
  add_condition(json, model, task);
  add_results(json, model, task);
}
