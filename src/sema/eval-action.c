/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Actions into the model: those of the script, and those of modules when first called. Their
 * constants are folded; what is left are their parameters and results. */
#include "sema/eval.h"

static guint8
model_kind(VnType type)
{
  return type.kind == VN_KIND_ANY ? VN_VALUE_NONE : type.kind;
}

static const VnActionParam *
make_params(VnEval *e, VnCheckedAction *action)
{
  VnActionParam *params = vn_arena_array0(e->arena, VnActionParam, action->n_params);
  action->initials = vn_arena_array0(e->arena, const VnExpr *, action->n_params);
  for (guint32 i = 0; i < action->n_params; i++) {
    const VnCheckedParam *param = &action->params[i];
    params[i] = (VnActionParam){.name = param->name,
                                .doc = param->doc,
                                .type = model_kind(param->type),
                                .element = param->type.element,
                                .optional = param->type.optional,
                                .accepts_address = param->type.or_address};
    VnValue value;
    if (param->initial == NULL || !vn_eval_value(e, param->initial, &value) ||
        !vn_eval_coerce(e, param->type, "the default", param->initial->span, &value) ||
        !vn_eval_check_range(e, param->range, param->name, param->initial->span, &value))
      continue;
    params[i].has_initial = TRUE;
    params[i].initial = value;
    action->initials[i] = vn_eval_const(e, &value, param->initial->span);
  }
  return params;
}

static const VnActionField *
make_fields(VnEval *e, const VnCheckedAction *action)
{
  VnActionField *fields = vn_arena_array0(e->arena, VnActionField, action->n_fields);
  for (guint32 i = 0; i < action->n_fields; i++)
    fields[i] = (VnActionField){.name = action->fields[i].name->text,
                                .doc = action->fields[i].doc,
                                .type = model_kind(action->fields[i].type),
                                .element = action->fields[i].type.element,
                                .optional = action->fields[i].type.optional};
  return fields;
}

/* NULL entries: reported. */
static const VnExpr *const *
make_exprs(VnEval *e, VnTerm *const *terms, guint32 n)
{
  const VnExpr **exprs = vn_arena_array0(e->arena, const VnExpr *, n);
  for (guint32 i = 0; i < n; i++)
    exprs[i] = vn_eval_expr(e, terms[i]);
  return exprs;
}

static const VnActionVariant *
make_variants(VnEval *e, const VnCheckedAction *action)
{
  static const guint8 forms[] = {[VN_VARIANT_RUN] = VN_COMMAND_RUN,
                                 [VN_VARIANT_SCRIPT] = VN_COMMAND_SCRIPT,
                                 [VN_VARIANT_NATIVE] = VN_COMMAND_NATIVE};
  VnActionVariant *variants = vn_arena_array0(e->arena, VnActionVariant, action->n_variants);
  for (guint32 i = 0; i < action->n_variants; i++) {
    const VnCheckedVariant *variant = &action->variants[i];
    variants[i] = (VnActionVariant){.form = forms[variant->form],
                                    .systems = variant->systems,
                                    .n_systems = variant->n_systems,
                                    .argv = make_exprs(e, variant->argv, variant->n_argv),
                                    .n_argv = variant->n_argv,
                                    .text = variant->text,
                                    .parses = variant->parses,
                                    .n_parses = variant->n_parses,
                                    .span = variant->span};
  }
  return variants;
}

static const VnActionRequires *
make_requires(VnEval *e, const VnCheckedAction *action)
{
  VnActionRequires *lines = vn_arena_array0(e->arena, VnActionRequires, action->n_requires);
  for (guint32 i = 0; i < action->n_requires; i++) {
    lines[i].target = action->requires_[i].target;
    if (action->requires_[i].port != NULL)
      lines[i].port = vn_eval_expr(e, action->requires_[i].port);
  }
  return lines;
}

static const VnActionReady *
make_ready(VnEval *e, const VnCheckedAction *action)
{
  VnActionReady *lines = vn_arena_array0(e->arena, VnActionReady, action->n_ready);
  for (guint32 i = 0; i < action->n_ready; i++) {
    lines[i].pattern = action->ready[i].pattern;
    lines[i].on_stderr = action->ready[i].on_stderr;
    if (action->ready[i].port != NULL)
      lines[i].port = vn_eval_expr(e, action->ready[i].port);
  }
  return lines;
}

static void
make_body(VnEval *e, const VnCheckedAction *checked, VnAction *action)
{
  action->variants = make_variants(e, checked);
  action->n_variants = checked->n_variants;
  action->requires_ = make_requires(e, checked);
  action->n_requires = checked->n_requires;
  action->ready = make_ready(e, checked);
  action->n_ready = checked->n_ready;
  action->provides = make_exprs(e, checked->provides.terms, checked->provides.n);
  action->n_provides = checked->provides.n;
  action->reads = make_exprs(e, checked->reads.terms, checked->reads.n);
  action->n_reads = checked->reads.n;
  action->writes = make_exprs(e, checked->writes.terms, checked->writes.n);
  action->n_writes = checked->writes.n;
  action->systems = checked->systems;
  action->n_systems = checked->n_systems;
  if (checked->succeeds != NULL)
    action->succeeds = vn_eval_expr(e, checked->succeeds);
}

guint32
vn_eval_action(VnEval *e, VnCheckedAction *checked)
{
  if (checked->epoch == e->epoch)
    return checked->id;
  checked->epoch = e->epoch;
  checked->id = e->actions->len;
  VnAction action = {.name = checked->thing->name->text,
                     .module = checked->thing->module->name,
                     .doc = checked->ast->doc,
                     .span = checked->thing->span,
                     .background = checked->ast->background,
                     .params = make_params(e, checked),
                     .n_params = checked->n_params,
                     .fields = make_fields(e, checked),
                     .n_fields = checked->n_fields};
  make_body(e, checked, &action);
  g_array_append_val(e->actions, action);
  return checked->id;
}
