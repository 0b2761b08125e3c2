/* SPDX-License-Identifier: GPL-3.0-or-later */
/* VN317: what a script declares and nothing uses.
 *
 *   host     no task runs on it, no expression of a task, an expectation or a measure names it, and
 *            its address stands in none, alone, in a prefix or in a text
 *   router   it joins one segment only, and nothing names it as above
 *   segment  no host stands on it and no router joins it to another
 *   group    the script never uses its name
 *   image    no machine is made from it
 *
 * A script without tasks is a network to look at: all its hosts are used. */
#include "analyze/pass.h"

#include <string.h>

#define MAX_TEXTS 10000 /* past so many texts with places to look in, any host may be meant */

typedef struct {
  VnAnalysis *analysis;
  guint8 *vms;         /* by VM: used */
  GHashTable *places;  /* addresses as text */
  GPtrArray *prefixes; /* of VnPrefix */
  GPtrArray *texts;    /* of char, not owned */
} Uses;

static void
use_value(Uses *uses, const VnValue *value)
{
  char text[VN_ADDRESS_TEXT_MAX];
  switch ((VnValueKind)value->kind) {
  case VN_VALUE_HOST:
  case VN_VALUE_ROUTER:
    uses->vms[value->id] = TRUE;
    return;
  case VN_VALUE_LIST:
  case VN_VALUE_SET:
    for (guint32 k = 0; k < value->list->n; k++)
      use_value(uses, &value->list->items[k]);
    return;
  case VN_VALUE_GROUP: {
    const VnGroup *group = &uses->analysis->model->groups[value->id];
    for (guint32 k = 0; k < group->n_vms; k++)
      uses->vms[group->vms[k]] = TRUE;
    return;
  }
  case VN_VALUE_ADDRESS:
    g_hash_table_add(uses->places, g_strdup(vn_address_format(value->address, text)));
    return;
  case VN_VALUE_PREFIX:
    g_ptr_array_add(uses->prefixes, (gpointer)value->prefix);
    return;
  case VN_VALUE_STRING:
    if (uses->texts->len <= MAX_TEXTS && strpbrk(value->text->text, ".:") != NULL)
      g_ptr_array_add(uses->texts, (gpointer)value->text->text);
    return;
  case VN_VALUE_NONE:
  case VN_VALUE_BOOL:
  case VN_VALUE_INT:
  case VN_VALUE_FLOAT:
  case VN_VALUE_DURATION:
  case VN_VALUE_SIZE:
  case VN_VALUE_RATE:
  case VN_VALUE_PERCENT:
  case VN_VALUE_MAC:
  case VN_VALUE_PORT:
  case VN_VALUE_REGEX:
  case VN_VALUE_RANGE:
  case VN_VALUE_SEGMENT:
  case VN_VALUE_TASK:
  case VN_VALUE_SITE:
  case VN_VALUE_IMAGE:
  case VN_VALUE_KIND_COUNT:
    return;
  }
}

/* Expressions are at most VN_EXPR_MAX_DEPTH deep. */
static void
use_expr(Uses *uses, const VnExpr *expr)
{
  if (expr == NULL)
    return;
  if (expr->kind == VN_EXPR_CONST)
    use_value(uses, &expr->value);
  if (expr->kind == VN_EXPR_RESULT && expr->vm != VN_MEMBER_ALL && expr->vm != VN_NO_ID)
    uses->vms[expr->vm] = TRUE;
  for (guint32 k = 0; k < expr->n_operands; k++)
    use_expr(uses, expr->operands[k]);
}

static void
use_action(Uses *uses, const VnAction *action)
{
  for (guint32 v = 0; v < action->n_variants; v++) {
    const VnActionVariant *variant = &action->variants[v];
    for (guint32 k = 0; k < variant->n_argv; k++)
      use_expr(uses, variant->argv[k]);
    if (variant->form == VN_COMMAND_SCRIPT)
      g_ptr_array_add(uses->texts, (gpointer)variant->text);
  }
}

static void
use_all(Uses *uses)
{
  const VnModel *model = uses->analysis->model;
  for (guint32 t = 0; t < model->n_tasks; t++) {
    const VnTask *task = &model->tasks[t];
    for (guint32 k = 0; k < task->n_targets; k++)
      uses->vms[task->targets[k]] = TRUE;
    for (guint32 k = 0; k < task->n_args; k++)
      use_expr(uses, task->args[k]);
    use_expr(uses, task->when);
  }
  for (guint32 k = 0; k < model->n_expectations; k++) {
    use_expr(uses, model->expectations[k].condition);
    use_expr(uses, model->expectations[k].message);
  }
  for (guint32 k = 0; k < model->n_measures; k++)
    use_expr(uses, model->measures[k].value);
  for (guint32 k = 0; k < model->n_actions; k++)
    if (model->actions[k].module == NULL)
      use_action(uses, &model->actions[k]);
}

/* ---- by address ---- */

static gboolean
is_part(char c)
{
  return g_ascii_isxdigit(c) || c == ':';
}

/* 10.0.0.1 does not stand in "10.0.0.12", nor in "110.0.0.1"; it does in "http://10.0.0.1:80/". */
static gboolean
stands_in(const char *text, const char *address, gboolean v4)
{
  gsize length = strlen(address);
  for (const char *at = strstr(text, address); at != NULL; at = strstr(at + 1, address)) {
    char before = at > text ? at[-1] : ' ', after = at[length];
    gboolean goes_on = is_part(after);
    if (v4)
      goes_on =
          g_ascii_isdigit(after) || (after == '.' && g_ascii_isdigit(at[length + 1]));
    if (!goes_on && !(v4 ? g_ascii_isdigit(before) || before == '.' : is_part(before)))
      return TRUE;
  }
  return FALSE;
}

static gboolean
is_meant(const Uses *uses, const VnAddress *address)
{
  char text[VN_ADDRESS_TEXT_MAX];
  if (address->family == 0)
    return FALSE;
  vn_address_format(address, text);
  if (uses->texts->len > MAX_TEXTS || g_hash_table_contains(uses->places, text))
    return TRUE;
  for (guint k = 0; k < uses->prefixes->len; k++)
    if (vn_prefix_contains(uses->prefixes->pdata[k], address))
      return TRUE;
  for (guint k = 0; k < uses->texts->len; k++)
    if (stands_in(uses->texts->pdata[k], text, address->family == 4))
      return TRUE;
  return FALSE;
}

static gboolean
is_used(const Uses *uses, guint32 vm)
{
  const VnTopology *topology = &uses->analysis->model->topology;
  const VnVm *it = &topology->vms[vm];
  if (uses->vms[vm] || it->added || (it->kind == VN_VM_ROUTER && it->n_ifaces > 1) ||
      it->external || (uses->analysis->model->n_tasks == 0 && it->kind == VN_VM_HOST))
    return TRUE;
  for (guint32 i = it->first_iface; i < it->first_iface + it->n_ifaces; i++)
    if (is_meant(uses, &topology->ifaces[i].address4) ||
        is_meant(uses, &topology->ifaces[i].address6))
      return TRUE;
  return FALSE;
}

/* ---- findings ---- */

typedef struct {
  const char *what, *name;
} Unused;

static void
describe(const VnAnalysis *analysis, const VnFinding *finding, GString *out)
{
  const Unused *it = finding->data;
  g_string_append_printf(out, "%s `%s` is never used", it->what, it->name);
}

/* What an array declares stands at one place: it is one finding. */
static void
say(VnAnalysis *analysis, const char *what, const char *name, VnSpan span)
{
  Unused *it = vn_arena_new0(analysis->arena, Unused);
  *it = (Unused){what, name};
  vn_find(analysis, &(VnFinding){.code = VN_DIAG_VN317,
                                 .step = VN_NO_ID,
                                 .other = VN_NO_ID,
                                 .cause = span.start,
                                 .span = span,
                                 .data = it,
                                 .describe = describe});
}

static void
look_at_segments(VnAnalysis *analysis)
{
  const VnTopology *topology = &analysis->model->topology;
  g_autofree guint8 *used = g_new0(guint8, (gsize)topology->n_segments + 1);
  for (guint32 i = 0; i < topology->n_ifaces; i++) {
    const VnVm *vm = &topology->vms[topology->ifaces[i].vm];
    if (vm->kind == VN_VM_HOST || vm->n_ifaces > 1 || vm->external)
      used[topology->ifaces[i].segment] = TRUE;
  }
  for (guint32 s = 0; s < topology->n_segments; s++)
    if (!used[s])
      say(analysis, "segment", topology->segments[s].name, topology->segments[s].span);
}

static void
look_at_images(VnAnalysis *analysis)
{
  const VnModel *model = analysis->model;
  g_autofree guint8 *used = g_new0(guint8, (gsize)model->n_images + 1);
  for (guint32 v = 0; v < model->topology.n_vms; v++)
    if (model->topology.vms[v].image != VN_NO_ID)
      used[model->topology.vms[v].image] = TRUE;
  for (guint32 k = 0; k < model->n_images; k++)
    if (!used[k])
      say(analysis, "image", model->images[k].name, model->images[k].span);
}

static void
look_at_vms(Uses *uses)
{
  const VnModel *model = uses->analysis->model;
  for (guint32 v = 0; v < model->topology.n_vms; v++)
    if (!is_used(uses, v))
      say(uses->analysis, model->topology.vms[v].kind == VN_VM_HOST ? "host" : "router",
          model->topology.vms[v].name, model->topology.vms[v].span);
}

void
vn_pass_unused(VnAnalysis *analysis)
{
  const VnModel *model = analysis->model;
  if (!vn_diag_sink_wants(analysis->sink, VN_DIAG_VN317))
    return;
  g_autoptr(GHashTable) places = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
  g_autoptr(GPtrArray) prefixes = g_ptr_array_new();
  g_autoptr(GPtrArray) texts = g_ptr_array_new();
  Uses uses = {analysis, vn_arena_array0(analysis->arena, guint8, model->topology.n_vms), places,
               prefixes, texts};
  use_all(&uses);
  look_at_vms(&uses);
  look_at_segments(analysis);
  look_at_images(analysis);
  for (guint32 g = 0; g < model->n_groups; g++)
    if (!model->groups[g].mentioned)
      say(analysis, "group", model->groups[g].name, model->groups[g].span);
}
