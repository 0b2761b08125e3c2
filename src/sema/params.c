/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Parameters: from -D, else from the script, else from the first value of their sweep. */
#include "sema/eval.h"

#include "lang/parse.h"

#include <string.h>

/* ---- -D name=value ---- */

static VnThing *
param_in(const VnModule *module, const char *name, VnSymbolTable *symbols)
{
  const VnSymbol *symbol = vn_symbol_find(symbols, name, strlen(name));
  VnThing *thing = symbol != NULL ? vn_module_thing(module, symbol) : NULL;
  return thing != NULL && thing->kind == VN_THING_PARAMETER ? thing : NULL;
}

/* The script's own parameter, else that of a module. */
static VnThing *
find_param(VnEval *e, const char *name)
{
  for (guint i = 0; i < e->c->modules->len; i++) {
    VnThing *thing = param_in(e->c->modules->pdata[i], name, e->c->symbols);
    if (thing != NULL)
      return thing;
  }
  return NULL;
}

static void
unknown_param(VnEval *e, const char *name)
{
  g_autoptr(GPtrArray) names = g_ptr_array_new();
  for (guint i = 0; i < e->c->modules->len; i++) {
    const VnModule *module = e->c->modules->pdata[i];
    for (guint k = 0; k < module->order->len; k++) {
      const VnThing *thing = module->order->pdata[k];
      if (thing->kind == VN_THING_PARAMETER)
        g_ptr_array_add(names, (char *)thing->name->text);
    }
  }
  VnDiag *diag = vn_diag_add(e->c->sink, VN_DIAG_VN113, VN_SPAN_NONE,
                             "the script has no parameter `%s` (-D %s)", name, name);
  const char *near = vn_diag_nearest(name, (const char *const *)names->pdata, names->len);
  if (near != NULL)
    vn_diag_hint(diag, "did you mean `%s`?", near);
  else if (names->len == 0)
    vn_diag_hint(diag, "it has none at all: `param %s = …;` declares one", name);
}

/* A plain word is a string where a string is wanted: -D name=alice. */
static gboolean
is_plain_text(const VnThing *thing, const char *value)
{
  return thing->type.kind == VN_VALUE_STRING && *value != '"' && !g_str_has_prefix(value, "r\"");
}

static VnTerm *
read_define(VnEval *e, const VnThing *thing, const VnDefine *define)
{
  g_autofree char *path = g_strdup_printf("-D %s", define->name);
  g_autoptr(GError) error = NULL;
  const VnSource *source =
      vn_source_set_add(e->c->sources, path, define->value, strlen(define->value), &error);
  if (source == NULL) {
    vn_diag_add(e->c->sink, VN_DIAG_VN113, VN_SPAN_NONE, "%s: %s", path, error->message);
    return NULL;
  }
  VnSpan span = {source->base, source->base + source->size};
  if (is_plain_text(thing, define->value))
    return vn_term_const(e->c, span, vn_value_string(e->arena, define->value, -1));
  const VnAst *ast = vn_parse_expression(source, e->c->arena, e->c->symbols, e->c->sink);
  if (ast == NULL)
    return NULL;
  e->c->context = (VnContext){.module = e->c->script, .no_results = "a parameter"};
  VnTerm *term = vn_check_expr(e->c, ast);
  return vn_check_type(e->c, term, thing->type, "the value") ? term : NULL;
}

static void
apply_define(VnEval *e, const VnDefine *define)
{
  VnThing *thing = find_param(e, define->name);
  if (thing == NULL) {
    unknown_param(e, define->name);
    return;
  }
  VnValue value;
  VnTerm *term = read_define(e, thing, define);
  gboolean taken = term != NULL && vn_eval_value(e, term, &value) &&
                   vn_eval_coerce(e, thing->type, "the value", term->span, &value) &&
                   vn_eval_check_range(e, thing->range, thing->name->text, term->span, &value);
  if (!taken && thing->term != NULL)
    return; /* reported; the default lets the rest be checked without mistakes that are none */
  thing->epoch = e->epoch;
  thing->failed = !taken;
  if (taken)
    thing->value = (VnOperand){.value = value};
}

/* ---- the script's own values ---- */

static void
first_of_sweep(VnEval *e, VnThing *thing, VnTerm *values)
{
  VnValue list;
  VnOperand value = {.expr = NULL};
  thing->epoch = e->epoch;
  thing->failed = TRUE;
  if (!vn_eval_value(e, values, &list))
    return;
  if (list.kind == VN_VALUE_RANGE)
    value.value = vn_value_int(list.range.from);
  else if (list.kind == VN_VALUE_LIST && list.list->n > 0)
    value.value = list.list->items[0];
  else
    return;
  thing->value = value;
  thing->failed = FALSE;
}

static VnTerm *
sweep_of(VnEval *e, const VnThing *thing)
{
  const VnBody *body = &e->c->script->body;
  for (guint32 i = 0; i < body->n; i++)
    if (body->items[i].ast->kind == VN_AST_SWEEP && body->items[i].thing == thing)
      return body->items[i].single.value;
  return NULL;
}

static void
settle(VnEval *e, VnThing *thing)
{
  if (thing->epoch != e->epoch && thing->term == NULL) {
    VnTerm *sweep = sweep_of(e, thing);
    if (sweep != NULL) {
      first_of_sweep(e, thing, sweep);
    } else {
      vn_diag_hint(vn_eval_report(e, VN_DIAG_VN112, thing->span, "parameter `%s` has no value",
                                  thing->name->text),
                   "give it one: -D %s=…, or a default in the script", thing->name->text);
      thing->epoch = e->epoch;
      thing->failed = TRUE;
    }
  }
  VnOperand operand;
  if (!vn_eval_thing(e, thing, thing->span, &operand) || operand.expr != NULL)
    return;
  VnSpan span = thing->term != NULL ? thing->term->span : thing->span;
  VnValue value = operand.value;
  if (vn_eval_coerce(e, thing->type, "the value", span, &value) &&
      vn_eval_check_range(e, thing->range, thing->name->text, span, &value))
    thing->value.value = value;
}

static void
record(VnEval *e, VnThing *thing)
{
  const VnAstParam *ast = (const VnAstParam *)thing->ast;
  VnParam param = {.name = thing->name->text,
                   .doc = ast->doc,
                   .type =
                       thing->type.kind == VN_KIND_ANY ? thing->value.value.kind : thing->type.kind,
                   .value = thing->value.value,
                   .span = thing->span};
  thing->id = e->params->len;
  g_array_append_val(e->params, param);
}

void
vn_eval_params(VnEval *e, const VnDefine *defines, gsize n_defines)
{
  e->phase = VN_PHASE_SETTINGS;
  for (gsize i = 0; i < n_defines; i++)
    apply_define(e, &defines[i]);
  for (guint i = 0; i < e->c->modules->len; i++) {
    const VnModule *module = e->c->modules->pdata[i];
    for (guint k = 0; k < module->order->len; k++) {
      VnThing *thing = module->order->pdata[k];
      if (thing->kind != VN_THING_PARAMETER)
        continue;
      settle(e, thing);
      record(e, thing);
    }
  }
}

/* ---- sweeps ---- */

static gboolean
swept_already(VnEval *e, const VnItem *item)
{
  for (guint i = 0; i < e->sweeps->len; i++)
    if (g_array_index(e->sweeps, VnSweep, i).param == item->thing->id) {
      vn_diag_place(vn_eval_report(e, VN_DIAG_VN102, item->ast->span, "`%s` is swept already",
                                   item->thing->name->text),
                    item->thing->span, "the parameter");
      return TRUE;
    }
  return FALSE;
}

void
vn_eval_sweep(VnEval *e, VnItem *item)
{
  VnValue list;
  if (item->thing == NULL || swept_already(e, item) ||
      !vn_eval_value(e, item->single.value, &list) ||
      !vn_eval_coerce(e, vn_type_list(VN_VALUE_NONE), "what a sweep goes through",
                      item->single.value->span, &list))
    return;
  VnSpan span = item->single.value->span;
  if (list.list->n == 0) {
    vn_eval_report(e, VN_DIAG_VN115, span, "the sweep has no values");
    return;
  }
  VnValue *values = vn_arena_memdup(e->arena, list.list->items, sizeof(VnValue) * list.list->n);
  for (guint32 i = 0; i < list.list->n; i++)
    if (!vn_eval_coerce(e, item->thing->type, "each value of the sweep", span, &values[i]) ||
        !vn_eval_check_range(e, item->thing->range, item->thing->name->text, span, &values[i]))
      return;
  VnSweep sweep = {.param = item->thing->id, .values = values, .n_values = list.list->n};
  g_array_append_val(e->sweeps, sweep);
}
