/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The whole model as JSON. Things are named as in the script; quantities are plain numbers in the
 * units of their member's name; expressions are text of the language. */
#include "emit/emit.h"

#include "emit/json.h"
#include "tech/tech.h"

static void
add_value(JsonBuilder *json, const VnModel *model, const char *name, const VnValue *value)
{
  g_autoptr(GString) text = g_string_new(NULL);
  vn_emit_value(model, value, text);
  vn_json_text(json, name, text->str);
}

static void
add_expr(JsonBuilder *json, const VnModel *model, const char *name, const VnExpr *expr)
{
  if (expr == NULL)
    return;
  g_autoptr(GString) text = g_string_new(NULL);
  vn_emit_expr(model, NULL, expr, text);
  vn_json_text(json, name, text->str);
}

static void
add_address(JsonBuilder *json, const char *name, const VnAddress *address)
{
  char text[VN_ADDRESS_TEXT_MAX];
  if (address->family != 0)
    vn_json_text(json, name, vn_address_format(address, text));
}

static void
add_prefix(JsonBuilder *json, const char *name, const VnPrefix *prefix)
{
  char text[VN_PREFIX_TEXT_MAX];
  if (prefix->address.family != 0)
    vn_json_text(json, name, vn_prefix_format(prefix, text));
}

static void
add_place(JsonBuilder *json, const VnModel *model, VnSpan span)
{
  if (model->sources == NULL)
    return;
  VnLocation at = vn_source_set_locate(model->sources, span.start);
  if (at.source == NULL)
    return;
  vn_json_text(json, "file", at.source->path);
  vn_json_int(json, "line", at.line);
  vn_json_int(json, "column", at.column);
}

static void
add_int_if(JsonBuilder *json, const char *name, gint64 value)
{
  if (value != 0)
    vn_json_int(json, name, value);
}

static void
add_double_if(JsonBuilder *json, const char *name, double value)
{
  if (value != 0)
    vn_json_double(json, name, value);
}

static void
add_sites(JsonBuilder *json, const VnModel *model)
{
  vn_json_array(json, "sites");
  for (guint32 s = 0; s < model->n_sites; s++) {
    json_builder_begin_object(json);
    vn_json_text(json, "name", model->sites[s].name);
    vn_json_text(json, "at", model->sites[s].at);
    json_builder_end_object(json);
  }
  json_builder_end_array(json);
}

static void
add_images(JsonBuilder *json, const VnModel *model)
{
  vn_json_array(json, "images");
  for (guint32 i = 0; i < model->n_images; i++) {
    const VnImage *image = &model->images[i];
    json_builder_begin_object(json);
    vn_json_text(json, "name", image->name);
    vn_json_text(json, "technology", vn_tech(image->tech)->name);
    vn_json_text(json, "os", image->os);
    add_int_if(json, "memory_bytes", image->memory);
    add_int_if(json, "cpus", image->cpus);
    vn_json_object(json, "keys");
    for (guint32 k = 0; k < image->n_keys; k++)
      add_value(json, model, image->keys[k], &image->values[k]);
    json_builder_end_object(json);
    json_builder_end_object(json);
  }
  json_builder_end_array(json);
}

static void
add_segment(JsonBuilder *json, const VnModel *model, const VnSegment *segment)
{
  const VnImpairment *it = &segment->impairment;
  json_builder_begin_object(json);
  vn_json_text(json, "name", segment->name);
  vn_json_text(json, "doc", segment->doc);
  add_place(json, model, segment->span);
  vn_json_text(json, "site", model->sites[segment->site].name);
  vn_json_text(json, "technology", vn_tech((VnTechId)segment->tech)->name);
  add_prefix(json, "prefix4", &segment->prefix4);
  add_prefix(json, "prefix6", &segment->prefix6);
  add_int_if(json, "delay_ns", it->delay_ns);
  add_int_if(json, "jitter_ns", it->jitter_ns);
  add_double_if(json, "loss_percent", it->loss);
  add_double_if(json, "duplicate_percent", it->duplicate);
  add_double_if(json, "reorder_percent", it->reorder);
  add_int_if(json, "rate_bits_per_second", it->rate);
  add_int_if(json, "queue_bytes", it->queue);
  add_int_if(json, "mtu_bytes", segment->mtu);
  if (segment->capture) {
    vn_json_object(json, "capture");
    vn_json_text(json, "file", segment->capture_file);
    vn_json_text(json, "filter", segment->capture_filter);
    json_builder_end_object(json);
  }
  json_builder_end_object(json);
}

static void
add_ifaces(JsonBuilder *json, const VnTopology *topology, const VnVm *vm)
{
  char mac[VN_MAC_TEXT_MAX];
  vn_json_array(json, "interfaces");
  for (guint32 i = vm->first_iface; i < vm->first_iface + vm->n_ifaces; i++) {
    const VnIface *iface = &topology->ifaces[i];
    json_builder_begin_object(json);
    vn_json_text(json, "segment", topology->segments[iface->segment].name);
    add_address(json, "address4", &iface->address4);
    add_address(json, "address6", &iface->address6);
    vn_json_text(json, "mac", vn_mac_format(iface->mac, mac));
    if (iface->preset)
      vn_json_bool(json, "preset", TRUE);
    json_builder_end_object(json);
  }
  json_builder_end_array(json);
}

static void
add_route(JsonBuilder *json, const VnTopology *topology, const VnRoute *route)
{
  json_builder_begin_object(json);
  add_prefix(json, "to", &route->prefix);
  if (route->iface != VN_NO_ID)
    vn_json_text(json, "segment", topology->segments[topology->ifaces[route->iface].segment].name);
  add_address(json, "gateway", &route->gateway);
  if (route->peer != VN_NO_ID)
    vn_json_text(json, "external_to", topology->vms[route->peer].name);
  json_builder_end_object(json);
}

static void
add_extras(JsonBuilder *json, const VnVm *vm)
{
  if (vm->n_env > 0) {
    vn_json_object(json, "env");
    for (guint32 k = 0; k < vm->n_env; k++)
      vn_json_text(json, vm->env[k].name, vm->env[k].value);
    json_builder_end_object(json);
  }
  if (vm->n_files == 0)
    return;
  vn_json_array(json, "files");
  for (guint32 k = 0; k < vm->n_files; k++) {
    json_builder_begin_object(json);
    vn_json_text(json, "source", vm->files[k].source);
    vn_json_text(json, "target", vm->files[k].target);
    json_builder_end_object(json);
  }
  json_builder_end_array(json);
}

/* next_route: the first route of this VM or a later one; moved on. */
static void
add_vm(JsonBuilder *json, const VnModel *model, guint32 number, guint32 *next_route)
{
  const VnTopology *topology = &model->topology;
  const VnVm *vm = &topology->vms[number];
  json_builder_begin_object(json);
  vn_json_text(json, "name", vm->name);
  vn_json_text(json, "doc", vm->doc);
  vn_json_text(json, "kind", vm->kind == VN_VM_HOST ? "host" : "router");
  add_place(json, model, vm->span);
  if (vm->added)
    vn_json_bool(json, "added", TRUE);
  if (vm->split_of != VN_NO_ID)
    vn_json_text(json, "split_of", topology->vms[vm->split_of].name);
  if (vm->external)
    vn_json_bool(json, "external", TRUE);
  if (vm->image != VN_NO_ID)
    vn_json_text(json, "image", model->images[vm->image].name);
  vn_json_text(json, "vm", vm->vm);
  add_int_if(json, "memory_bytes", vm->memory);
  add_int_if(json, "cpus", vm->cpus);
  add_int_if(json, "processes", vm->processes);
  if (vm->initially != VN_INITIALLY_DEFAULT)
    vn_json_text(json, "initially", vm->initially == VN_INITIALLY_ON ? "on" : "off");
  add_extras(json, vm);
  add_ifaces(json, topology, vm);
  vn_json_array(json, "routes");
  for (; *next_route < topology->n_routes && topology->routes[*next_route].vm == number;
       ++*next_route)
    add_route(json, topology, &topology->routes[*next_route]);
  json_builder_end_array(json);
  json_builder_end_object(json);
}

static void
add_network(JsonBuilder *json, const VnModel *model)
{
  const VnTopology *topology = &model->topology;
  add_prefix(json, "network4", &topology->network4);
  add_prefix(json, "network6", &topology->network6);
  vn_json_array(json, "segments");
  for (guint32 s = 0; s < topology->n_segments; s++)
    add_segment(json, model, &topology->segments[s]);
  json_builder_end_array(json);
  guint32 next_route = 0;
  vn_json_array(json, "machines");
  for (guint32 vm = 0; vm < topology->n_vms; vm++)
    add_vm(json, model, vm, &next_route);
  json_builder_end_array(json);
  vn_json_array(json, "proxies");
  for (guint32 p = 0; p < topology->n_proxies; p++) {
    const VnIface *iface = &topology->ifaces[topology->proxies[p].iface];
    json_builder_begin_object(json);
    vn_json_text(json, "router", topology->vms[iface->vm].name);
    vn_json_text(json, "segment", topology->segments[iface->segment].name);
    add_address(json, "address", &topology->proxies[p].address);
    json_builder_end_object(json);
  }
  json_builder_end_array(json);
}

static void
add_vm_names(JsonBuilder *json, const VnModel *model, const char *name, const guint32 *vms,
             guint32 n)
{
  vn_json_array(json, name);
  for (guint32 k = 0; k < n; k++)
    json_builder_add_string_value(json, model->topology.vms[vms[k]].name);
  json_builder_end_array(json);
}

static const char *
on_failure_text(VnOnFailure what)
{
  switch (what) {
  case VN_ON_FAILURE_STOP:
    return "stop";
  case VN_ON_FAILURE_SKIP:
    return "skip";
  case VN_ON_FAILURE_IGNORE:
    return "ignore";
  }
  g_assert_not_reached();
}

static void
add_arguments(JsonBuilder *json, const VnModel *model, const VnTask *task)
{
  vn_json_array(json, "arguments");
  for (guint32 k = 0; k < task->n_args; k++) {
    g_autoptr(GString) text = g_string_new(NULL);
    if (task->args[k] != NULL)
      vn_emit_expr(model, NULL, task->args[k], text);
    if (text->len > 0)
      json_builder_add_string_value(json, text->str);
    else
      json_builder_add_null_value(json);
  }
  json_builder_end_array(json);
}

void
vn_json_task_members(JsonBuilder *json, const VnModel *model, const VnTask *task)
{
  vn_json_text(json, "name", task->name);
  vn_json_text(json, "doc", task->doc);
  add_place(json, model, task->span);
  vn_json_text(json, "control", vn_control_name((VnControl)task->control));
  if (task->control == VN_CONTROL_NONE) {
    vn_json_text(json, "action", model->actions[task->action].name);
    vn_json_text(json, "module", model->actions[task->action].module);
  }
  add_vm_names(json, model, "targets", task->targets, task->n_targets);
  vn_json_bool(json, "group", task->group);
  add_arguments(json, model, task);
  vn_json_array(json, "after");
  for (guint32 k = 0; k < task->n_after; k++)
    json_builder_add_string_value(json, model->tasks[task->after[k]].name);
  json_builder_end_array(json);
  add_int_if(json, "timeout_ns", task->timeout_ns);
  add_int_if(json, "retries", task->retries);
  add_int_if(json, "retry_every_ns", task->retry_every_ns);
  add_expr(json, model, "when", task->when);
  if (task->always)
    vn_json_bool(json, "always", TRUE);
  vn_json_text(json, "on_failure", on_failure_text((VnOnFailure)task->on_failure));
}

static void
add_workflow(JsonBuilder *json, const VnModel *model)
{
  vn_json_array(json, "groups");
  for (guint32 g = 0; g < model->n_groups; g++) {
    json_builder_begin_object(json);
    vn_json_text(json, "name", model->groups[g].name);
    add_vm_names(json, model, "machines", model->groups[g].vms, model->groups[g].n_vms);
    json_builder_end_object(json);
  }
  json_builder_end_array(json);
  vn_json_array(json, "tasks");
  for (guint32 t = 0; t < model->n_tasks; t++) {
    json_builder_begin_object(json);
    vn_json_task_members(json, model, &model->tasks[t]);
    vn_json_task_facts(json, model, &model->tasks[t]);
    json_builder_end_object(json);
  }
  json_builder_end_array(json);
}

static void
add_outcome(JsonBuilder *json, const VnModel *model)
{
  vn_json_array(json, "expectations");
  for (guint32 k = 0; k < model->n_expectations; k++) {
    json_builder_begin_object(json);
    add_place(json, model, model->expectations[k].span);
    vn_json_text(json, "text", model->expectations[k].text);
    add_expr(json, model, "condition", model->expectations[k].condition);
    add_expr(json, model, "message", model->expectations[k].message);
    json_builder_end_object(json);
  }
  json_builder_end_array(json);
  vn_json_array(json, "measures");
  for (guint32 k = 0; k < model->n_measures; k++) {
    json_builder_begin_object(json);
    vn_json_text(json, "name", model->measures[k].name);
    add_expr(json, model, "value", model->measures[k].value);
    json_builder_end_object(json);
  }
  json_builder_end_array(json);
}

static void
add_parameters(JsonBuilder *json, const VnModel *model)
{
  vn_json_array(json, "parameters");
  for (guint32 k = 0; k < model->n_params; k++) {
    json_builder_begin_object(json);
    vn_json_text(json, "name", model->params[k].name);
    vn_json_text(json, "type", vn_value_kind_text(model->params[k].type));
    add_value(json, model, "value", &model->params[k].value);
    json_builder_end_object(json);
  }
  json_builder_end_array(json);
  vn_json_array(json, "sweeps");
  for (guint32 k = 0; k < model->n_sweeps; k++) {
    VnValueList list = {model->sweeps[k].values, model->sweeps[k].n_values};
    VnValue values = {.kind = VN_VALUE_LIST, .list = &list};
    json_builder_begin_object(json);
    vn_json_text(json, "parameter", model->params[model->sweeps[k].param].name);
    add_value(json, model, "values", &values);
    json_builder_end_object(json);
  }
  json_builder_end_array(json);
}

void
vn_emit_json(const VnModel *model, GString *out)
{
  g_autoptr(JsonBuilder) json = json_builder_new();
  json_builder_begin_object(json);
  vn_json_text(json, "experiment", model->name);
  vn_json_text(json, "doc", model->doc);
  vn_json_bool(json, "paper_rules", model->paper_rules);
  if (model->has_seed)
    vn_json_int(json, "seed", (gint64)model->seed);
  vn_json_int(json, "trials", model->trials);
  add_parameters(json, model);
  add_sites(json, model);
  add_images(json, model);
  add_network(json, model);
  add_workflow(json, model);
  add_outcome(json, model);
  json_builder_end_object(json);
  vn_json_append(json, out);
}
