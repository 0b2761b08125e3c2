/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tasks and the script's own actions, written back from the model. */
#include "emit/vnl.h"

#include <string.h>

/* The name by which a module is used: "std.net" is std_net. */
static char *
alias_of(const char *module)
{
  char *alias = g_strdup(module);
  for (char *p = alias; *p != '\0'; p++)
    if (!g_ascii_isalnum(*p))
      *p = '_';
  if (g_ascii_isdigit(alias[0]))
    alias[0] = '_';
  return alias;
}

static gboolean
is_path(const char *module)
{
  return strchr(module, '/') != NULL || g_str_has_suffix(module, ".vnl");
}

void
vn_vnl_uses(const VnModel *model, GString *out)
{
  g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal);
  for (guint32 t = 0; t < model->n_tasks; t++) {
    const VnTask *task = &model->tasks[t];
    const char *module =
        task->control == VN_CONTROL_NONE ? model->actions[task->action].module : NULL;
    if (module == NULL || is_path(module) || !g_hash_table_add(seen, (gpointer)module))
      continue;
    g_autofree char *alias = alias_of(module);
    g_string_append_printf(out, "use %s as %s;\n", module, alias);
  }
}

static void
append_type(guint8 type, guint8 element, gboolean address, gboolean optional, GString *out)
{
  if (type == VN_VALUE_LIST)
    g_string_append_printf(out, "list<%s>", vn_value_kind_text(element));
  else
    g_string_append(out, vn_value_kind_text(type));
  g_string_append_printf(out, "%s%s", address ? "|address" : "", optional ? "?" : "");
}

static void
append_systems(const char *const *systems, guint32 n, GString *out)
{
  for (guint32 k = 0; k < n; k++)
    g_string_append_printf(out, "%s%s", k > 0 ? ", " : "", systems[k]);
}

static void
append_exprs(const VnModel *model, const VnAction *action, const VnExpr *const *exprs, guint32 n,
             GString *out)
{
  for (guint32 k = 0; k < n; k++) {
    g_string_append(out, k > 0 ? ", " : "");
    vn_emit_expr(model, action, exprs[k], out);
  }
}

static void
append_command(const VnModel *model, const VnAction *action, const VnActionVariant *variant,
               GString *out)
{
  switch (variant->form) {
  case VN_COMMAND_RUN:
    g_string_append(out, "run [");
    append_exprs(model, action, variant->argv, variant->n_argv, out);
    g_string_append_c(out, ']');
    return;
  case VN_COMMAND_SCRIPT:
    g_string_append_printf(out, "script \"\"\"\n%s\"\"\"", variant->text);
    if (variant->n_argv > 0) {
      g_string_append(out, " with ");
      vn_emit_expr(model, action, variant->argv[0], out);
    }
    return;
  case VN_COMMAND_NATIVE:
    g_string_append_printf(out, "native %s(", variant->text);
    append_exprs(model, action, variant->argv, variant->n_argv, out);
    g_string_append_c(out, ')');
    return;
  }
  g_assert_not_reached();
}

static void
append_variant(const VnModel *model, const VnAction *action, const VnActionVariant *variant,
               GString *out)
{
  g_string_append(out, "  ");
  append_systems(variant->systems, variant->n_systems, out);
  g_string_append(out, variant->n_systems > 0 ? " " : "");
  append_command(model, action, variant, out);
  if (variant->n_parses == 0) {
    g_string_append(out, ";\n");
    return;
  }
  g_string_append(out, " {\n");
  for (guint32 k = 0; k < variant->n_parses; k++) {
    const VnActionParse *parse = &variant->parses[k];
    g_string_append_printf(out, "    parse /%s/", parse->pattern);
    if (parse->unit != VN_UNIT_NONE)
      g_string_append_printf(out, " in %s", vn_unit_text(parse->unit));
    g_string_append(out, ";\n");
  }
  g_string_append(out, "  }\n");
}

/* Actions of the standard library stay there; those of a module beside the script come along, under
 * a name that says where they were. */
static void
append_action_name(const VnAction *action, GString *out)
{
  if (action->module != NULL) {
    g_autofree char *alias = alias_of(action->module);
    g_string_append_printf(out, "%s%c", alias, is_path(action->module) ? '_' : '.');
  }
  g_string_append(out, action->name);
}

static void
append_head(const VnModel *model, const VnAction *action, GString *out)
{
  g_string_append(out, "action ");
  append_action_name(action, out);
  g_string_append_c(out, '(');
  for (guint32 k = 0; k < action->n_params; k++) {
    const VnActionParam *param = &action->params[k];
    g_string_append_printf(out, "%s%s: ", k > 0 ? ", " : "", param->name);
    append_type(param->type, param->element, param->accepts_address, param->optional, out);
    if (param->has_initial && param->initial.kind != VN_VALUE_NONE) {
      g_string_append(out, " = ");
      vn_emit_value(model, &param->initial, out);
    }
  }
  g_string_append_c(out, ')');
  for (guint32 k = 0; k < action->n_fields; k++) {
    const VnActionField *field = &action->fields[k];
    g_string_append_printf(out, "%s%s: ", k > 0 ? ", " : " returns (", field->name);
    append_type(field->type, field->element, FALSE, field->optional, out);
  }
  g_string_append_printf(out, "%s%s {\n", action->n_fields > 0 ? ")" : "",
                         action->background ? " background" : "");
}

static void
append_lines(const VnModel *model, const VnAction *action, const char *word,
             const VnExpr *const *exprs, guint32 n, GString *out)
{
  for (guint32 k = 0; k < n; k++) {
    g_string_append_printf(out, "  %s ", word);
    vn_emit_expr(model, action, exprs[k], out);
    g_string_append(out, ";\n");
  }
}

static void
append_conditions(const VnModel *model, const VnAction *action, GString *out)
{
  for (guint32 k = 0; k < action->n_requires; k++) {
    const VnActionRequires *it = &action->requires_[k];
    g_string_append(out, "  requires ");
    if (it->port != NULL) {
      g_string_append(out, "tcp ");
      vn_emit_expr(model, action, it->port, out);
      g_string_append(out, " on ");
    }
    g_string_append_printf(out, "%s%s;\n", action->params[it->target].name,
                           it->port == NULL ? " on" : "");
  }
  append_lines(model, action, "provides tcp", action->provides, action->n_provides, out);
  append_lines(model, action, "reads", action->reads, action->n_reads, out);
  append_lines(model, action, "writes", action->writes, action->n_writes, out);
  if (action->n_systems > 0) {
    g_string_append(out, "  for ");
    append_systems(action->systems, action->n_systems, out);
    g_string_append(out, ";\n");
  }
}

static void
append_ready(const VnModel *model, const VnAction *action, const VnActionReady *ready, GString *out)
{
  g_string_append(out, "  ready when ");
  if (ready->port != NULL) {
    g_string_append(out, "port ");
    vn_emit_expr(model, action, ready->port, out);
  } else {
    g_string_append_printf(out, "/%s/ on %s", ready->pattern,
                           ready->on_stderr ? "stderr" : "stdout");
  }
  g_string_append(out, ";\n");
}

static void
append_action(const VnModel *model, const VnAction *action, GString *out)
{
  append_head(model, action, out);
  append_conditions(model, action, out);
  for (guint32 k = 0; k < action->n_variants; k++)
    append_variant(model, action, &action->variants[k], out);
  for (guint32 k = 0; k < action->n_ready; k++)
    append_ready(model, action, &action->ready[k], out);
  if (action->succeeds != NULL) {
    g_string_append(out, "  succeeds when ");
    vn_emit_expr(model, action, action->succeeds, out);
    g_string_append(out, ";\n");
  }
  g_string_append(out, "}\n");
}

void
vn_vnl_actions(const VnModel *model, GString *out)
{
  for (guint32 a = 0; a < model->n_actions; a++)
    if (model->actions[a].module == NULL || is_path(model->actions[a].module))
      append_action(model, &model->actions[a], out);
}

/* The name of a control task's k-th parameter, from its description in control.def. */
static char *
control_param(VnControl control, guint32 k)
{
  static const char *const descriptions[VN_CONTROL_COUNT] = {
#define VN_CONTROL(id, name, targets, params, help) params,
#include "model/control.def"
#undef VN_CONTROL
  };
  g_auto(GStrv) params = g_strsplit(descriptions[control], " ", -1);
  return g_strndup(params[k], strcspn(params[k], ":"));
}

static void
append_control(const VnModel *model, const VnTask *task, GString *out)
{
  const char *separator = "";
  g_string_append_printf(out, "%s(", vn_control_name((VnControl)task->control));
  for (guint32 k = 0; k < task->n_args; k++) {
    const VnExpr *arg = task->args[k];
    if (arg == NULL)
      continue;
    g_autofree char *param = control_param((VnControl)task->control, k);
    gboolean flag = arg->kind == VN_EXPR_CONST && arg->value.kind == VN_VALUE_BOOL;
    if (flag && !arg->value.b)
      continue;
    g_string_append(out, separator);
    separator = ", ";
    if (flag) {
      g_string_append(out, param);
      continue;
    }
    if (task->control == VN_CONTROL_IMPAIR)
      g_string_append_printf(out, "%s=", param);
    vn_emit_expr(model, NULL, arg, out);
  }
  g_string_append_c(out, ')');
}

static void
append_call(const VnModel *model, const VnTask *task, GString *out)
{
  if (task->control != VN_CONTROL_NONE) {
    append_control(model, task, out);
    return;
  }
  const VnAction *action = &model->actions[task->action];
  append_action_name(action, out);
  g_string_append_c(out, '(');
  const char *separator = "";
  for (guint32 k = 0; k < task->n_args; k++) {
    const VnExpr *arg = task->args[k];
    if (arg == NULL || (arg->kind == VN_EXPR_CONST && arg->value.kind == VN_VALUE_NONE))
      continue;
    g_string_append_printf(out, "%s%s=", separator, action->params[k].name);
    vn_emit_expr(model, NULL, arg, out);
    separator = ", ";
  }
  g_string_append_c(out, ')');
}

static void
append_clauses(const VnModel *model, const VnTask *task, GString *out)
{
  for (guint32 k = 0; k < task->n_after; k++)
    g_string_append_printf(out, "%s%s", k > 0 ? ", " : " after ",
                           model->tasks[task->after[k]].name);
  if (task->timeout_ns != 0) {
    g_autofree char *text = vn_duration_format(task->timeout_ns);
    g_string_append_printf(out, " timeout %s", text);
  }
  if (task->retries > 0)
    g_string_append_printf(out, " retry %u", task->retries);
  if (task->retries > 0 && task->retry_every_ns != 0) {
    g_autofree char *text = vn_duration_format(task->retry_every_ns);
    g_string_append_printf(out, " every %s", text);
  }
  if (task->when != NULL) {
    g_string_append(out, " when ");
    vn_emit_expr(model, NULL, task->when, out);
  }
  g_string_append(out, task->always ? " always" : "");
  switch ((VnOnFailure)task->on_failure) {
  case VN_ON_FAILURE_STOP:
    return;
  case VN_ON_FAILURE_SKIP:
    g_string_append(out, " on_failure skip");
    return;
  case VN_ON_FAILURE_IGNORE:
    g_string_append(out, " on_failure ignore");
    return;
  }
  g_assert_not_reached();
}

void
vn_vnl_task(const VnModel *model, const VnTask *task, GString *out)
{
  g_string_append_printf(out, "task %s = ", task->name);
  if (task->group)
    vn_vnl_set(model, task->targets, task->n_targets, out);
  else if (task->n_targets > 0)
    g_string_append(out, model->topology.vms[task->targets[0]].name);
  g_string_append(out, task->n_targets > 0 ? ": " : "");
  append_call(model, task, out);
  append_clauses(model, task, out);
  g_string_append(out, ";\n");
}
