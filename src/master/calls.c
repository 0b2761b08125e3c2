/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A frame's payload is written into one growing buffer: first what is the same for all members
 * of a task, which is kept where the arguments are fixed, then what belongs to the VM. */
#include "master/calls-private.h"

#include <string.h>

G_DEFINE_QUARK(vn-calls-error-quark, vn_calls_error)

/* ---- fields of a payload ---- */

static void
put(GByteArray *payload, guint16 tag, const void *bytes, gsize size)
{
  guint8 head[6] = {(guint8)(tag >> 8), (guint8)tag, (guint8)(size >> 24), (guint8)(size >> 16),
                    (guint8)(size >> 8), (guint8)size};
  g_byte_array_append(payload, head, sizeof(head));
  if (size > 0)
    g_byte_array_append(payload, bytes, (guint)size);
}

static void
put_int(GByteArray *payload, guint16 tag, gint64 value)
{
  gint64 big = GINT64_TO_BE(value);
  put(payload, tag, &big, sizeof(big));
}

static void
put_text(GByteArray *payload, guint16 tag, const char *text)
{
  put(payload, tag, text, strlen(text));
}

static void
put_env(VnCalls *calls, GByteArray *payload, const char *name, const char *value)
{
  g_string_printf(calls->text, "%s=%s", name, value);
  put(payload, VN_TAG_ENV, calls->text->str, calls->text->len);
}

/* ---- life ---- */

static void
profile_free(gpointer set)
{
  g_hash_table_unref(set);
}

static GHashTable *
profile_new(void)
{
  return g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
}

VnCalls *
vn_calls_new(const VnModel *model, const VnCallsTrial *trial)
{
  VnCalls *calls = g_new0(VnCalls, 1);
  calls->model = model;
  calls->trial = *trial;
  calls->actions = g_new0(ActionCode, model->n_actions + 1);
  calls->tasks = g_new0(TaskCode, model->n_tasks + 1);
  calls->addresses = g_new0(char *, model->topology.n_vms + 1);
  calls->profiles = g_ptr_array_new_with_free_func(profile_free);
  g_ptr_array_add(calls->profiles, profile_new());
  calls->arena = vn_arena_new();
  calls->scratch = vn_arena_new();
  calls->frame = g_byte_array_new();
  calls->text = g_string_new(NULL);
  return calls;
}

static void
action_clear(ActionCode *code, const VnAction *action)
{
  for (guint32 i = 0; code->variants != NULL && i < action->n_variants; i++) {
    vn_matcher_free(code->variants[i].matcher);
    g_free(code->variants[i].error);
  }
  g_free(code->variants);
  g_clear_pointer(&code->ready[0], g_ptr_array_unref);
  g_clear_pointer(&code->ready[1], g_ptr_array_unref);
}

void
vn_calls_free(VnCalls *calls)
{
  if (calls == NULL)
    return;
  for (guint32 i = 0; i < calls->model->n_actions; i++)
    action_clear(&calls->actions[i], &calls->model->actions[i]);
  for (guint32 i = 0; i < calls->model->n_tasks; i++)
    if (calls->tasks[i].payload != NULL)
      g_byte_array_unref(calls->tasks[i].payload);
  for (guint32 i = 0; i < calls->model->topology.n_vms; i++)
    g_free(calls->addresses[i]);
  g_free(calls->actions);
  g_free(calls->tasks);
  g_free(calls->addresses);
  g_ptr_array_unref(calls->profiles);
  vn_arena_free(calls->arena);
  vn_arena_free(calls->scratch);
  g_byte_array_unref(calls->frame);
  g_string_free(calls->text, TRUE);
  g_free(calls);
}

ActionCode *
vn_calls_action(VnCalls *calls, guint32 action)
{
  ActionCode *code = &calls->actions[action];
  if (code->variants == NULL)
    code->variants = g_new0(VariantCode, calls->model->actions[action].n_variants + 1);
  return code;
}

/* ---- profiles ---- */

static gboolean
same_set(GHashTable *a, GHashTable *b)
{
  GHashTableIter iter;
  gpointer name;
  if (g_hash_table_size(a) != g_hash_table_size(b))
    return FALSE;
  g_hash_table_iter_init(&iter, a);
  while (g_hash_table_iter_next(&iter, &name, NULL))
    if (!g_hash_table_contains(b, name))
      return FALSE;
  return TRUE;
}

guint32
vn_calls_profile(VnCalls *calls, const VnFrame *hello)
{
  g_autoptr(GHashTable) offered = profile_new();
  guint32 offset = 0, size;
  guint16 tag;
  const guint8 *bytes;
  while (vn_frame_next(hello, &offset, &tag, &bytes, &size) == 1)
    if (tag == VN_TAG_NATIVE)
      g_hash_table_add(offered, g_strndup((const char *)bytes, size));
  for (guint i = 0; i < calls->profiles->len; i++)
    if (same_set(calls->profiles->pdata[i], offered))
      return i;
  if (calls->profiles->len >= VN_CALLS_MAX_PROFILES)
    return 0;
  g_ptr_array_add(calls->profiles, g_steal_pointer(&offered));
  return calls->profiles->len - 1;
}

/* ---- addresses ---- */

static const VnAddress *
first_address(const VnTopology *topology, const VnVm *vm)
{
  const VnAddress *address6 = NULL;
  for (guint32 i = vm->first_iface; i < vm->first_iface + vm->n_ifaces; i++) {
    if (topology->ifaces[i].address4.family != 0)
      return &topology->ifaces[i].address4;
    if (address6 == NULL && topology->ifaces[i].address6.family != 0)
      address6 = &topology->ifaces[i].address6;
  }
  return address6;
}

const char *
vn_calls_address(const VnCalls *calls, guint32 vm)
{
  const VnTopology *topology = &calls->model->topology;
  if (calls->addresses[vm] == NULL) {
    char buffer[VN_ADDRESS_TEXT_MAX];
    const VnAddress *address = first_address(topology, &topology->vms[vm]);
    calls->addresses[vm] = g_strdup(address != NULL ? vn_address_format(address, buffer)
                                                    : topology->vms[vm].name);
  }
  return calls->addresses[vm];
}

static const char *
name_of(VnValueKind kind, guint32 id, gpointer data)
{
  VnCalls *calls = data;
  if (kind == VN_VALUE_HOST || kind == VN_VALUE_ROUTER)
    return vn_calls_address(calls, id);
  return vn_model_name_of(kind, id, (gpointer)calls->model);
}

VnExprScope
vn_calls_scope(VnCalls *calls, const VnAction *action, const VnValue *params)
{
  return (VnExprScope){
      .params = params, .n_params = action->n_params, .data = calls, .name_of = name_of};
}

/* ---- arguments ---- */

static gboolean
evaluate_params(const VnTask *task, const VnExprScope *scope, VnArena *arena, const VnValue **out,
                GError **error)
{
  VnValue *params = vn_arena_array0(arena, VnValue, task->n_args + 1);
  for (guint32 i = 0; i < task->n_args; i++)
    if (task->args[i] != NULL && !vn_expr_evaluate(task->args[i], scope, arena, &params[i], error))
      return FALSE;
  *out = params;
  return TRUE;
}

static void
note_open(const VnExpr *result, gpointer data)
{
  *(gboolean *)data = TRUE;
}

static gboolean
has_fixed_args(const VnTask *task)
{
  gboolean open = FALSE;
  for (guint32 i = 0; i < task->n_args && !open; i++)
    if (task->args[i] != NULL)
      vn_expr_visit_results(task->args[i], note_open, &open);
  return !open;
}

gboolean
vn_calls_params(VnCalls *calls, guint32 task, const VnExprScope *scope, const VnValue **out,
                GError **error)
{
  TaskCode *code = &calls->tasks[task];
  const VnTask *described = &calls->model->tasks[task];
  if (code->state == ARGS_UNKNOWN)
    code->state = has_fixed_args(described) ? ARGS_FIXED : ARGS_OPEN;
  if (code->state == ARGS_OPEN)
    return evaluate_params(described, scope, calls->scratch, out, error);
  if (code->params == NULL &&
      !evaluate_params(described, scope, calls->arena, &code->params, error))
    return FALSE;
  *out = code->params;
  return TRUE;
}

/* ---- the variant ---- */

static gboolean
runs_on(const VnActionVariant *variant, const char *os)
{
  for (guint32 i = 0; i < variant->n_systems; i++)
    if (os != NULL && strcmp(variant->systems[i], os) == 0)
      return TRUE;
  return variant->n_systems == 0;
}

static gboolean
choose_variant(VnCalls *calls, const VnAction *action, guint32 vm, guint32 profile, guint32 *out,
               GError **error)
{
  GHashTable *offered = calls->profiles->pdata[profile];
  const char *os = vn_model_os(calls->model, vm);
  gboolean found = FALSE;
  for (guint32 i = 0; i < action->n_variants; i++) {
    const VnActionVariant *variant = &action->variants[i];
    gboolean native = variant->form == VN_COMMAND_NATIVE;
    if (!runs_on(variant, os) || (native && !g_hash_table_contains(offered, variant->text)))
      continue;
    if (native || !found)
      *out = i;
    found = TRUE;
    if (native)
      return TRUE;
  }
  if (!found)
    g_set_error(error, VN_CALLS_ERROR, VN_CALLS_ERROR_VARIANT,
                "action %s has nothing that runs on %s (%s)", action->name,
                calls->model->topology.vms[vm].name, os != NULL ? os : "unknown system");
  return found;
}

/* ---- texts of arguments ---- */

static void
append_native(const VnValue *value, gpointer calls, GString *out)
{
  if (value->kind == VN_VALUE_DURATION || value->kind == VN_VALUE_SIZE ||
      value->kind == VN_VALUE_RATE) {
    g_string_append_printf(out, "%" G_GINT64_FORMAT, value->i);
    return;
  }
  if (value->kind != VN_VALUE_LIST && value->kind != VN_VALUE_SET) {
    vn_value_format(value, name_of, calls, out);
    return;
  }
  for (guint32 i = 0; i < value->list->n; i++) {
    if (i > 0)
      g_string_append_c(out, ',');
    append_native(&value->list->items[i], calls, out);
  }
}

static VnValue
group_as_set(VnCalls *calls, guint32 group)
{
  const VnGroup *from = &calls->model->groups[group];
  VnValue *items = vn_arena_array0(calls->scratch, VnValue, from->n_vms);
  for (guint32 i = 0; i < from->n_vms; i++)
    items[i] = (VnValue){.kind = VN_VALUE_HOST, .id = from->vms[i]};
  VnValueList *list = vn_arena_new0(calls->scratch, VnValueList);
  *list = (VnValueList){items, from->n_vms};
  return (VnValue){.kind = VN_VALUE_SET, .list = list};
}

static void
put_command_arg(VnCalls *calls, const VnValue *value, GByteArray *payload)
{
  if (value->kind == VN_VALUE_LIST || value->kind == VN_VALUE_SET) {
    for (guint32 i = 0; i < value->list->n; i++)
      put_command_arg(calls, &value->list->items[i], payload);
    return;
  }
  g_string_truncate(calls->text, 0);
  vn_value_format(value, name_of, calls, calls->text);
  put(payload, VN_TAG_ARG, calls->text->str, calls->text->len);
}

static gboolean
put_args(VnCalls *calls, const VnActionVariant *variant, const VnExprScope *scope,
         GByteArray *payload, GError **error)
{
  for (guint32 i = 0; i < variant->n_argv; i++) {
    VnValue value;
    if (!vn_expr_evaluate(variant->argv[i], scope, calls->scratch, &value, error))
      return FALSE;
    if (value.kind == VN_VALUE_GROUP)
      value = group_as_set(calls, value.id);
    if (variant->form != VN_COMMAND_NATIVE) {
      put_command_arg(calls, &value, payload);
      continue;
    }
    g_string_truncate(calls->text, 0);
    append_native(&value, calls, calls->text);
    put(payload, VN_TAG_ARG, calls->text->str, calls->text->len);
  }
  return TRUE;
}

/* A script's arguments: NAME=value, lists with spaces. */
static void
put_script_env(VnCalls *calls, const VnAction *action, const VnValue *params, GByteArray *payload)
{
  for (guint32 i = 0; i < action->n_params; i++) {
    VnValue value =
        params[i].kind == VN_VALUE_GROUP ? group_as_set(calls, params[i].id) : params[i];
    gboolean list = value.kind == VN_VALUE_LIST || value.kind == VN_VALUE_SET;
    g_string_printf(calls->text, "%s=", action->params[i].name);
    for (guint32 k = 0; list && k < value.list->n; k++) {
      if (k > 0)
        g_string_append_c(calls->text, ' ');
      vn_value_format(&value.list->items[k], name_of, calls, calls->text);
    }
    if (!list)
      vn_value_format(&value, name_of, calls, calls->text);
    put(payload, VN_TAG_ENV, calls->text->str, calls->text->len);
  }
}

static gboolean
put_ready_ports(VnCalls *calls, const VnAction *action, const VnExprScope *scope,
                GByteArray *payload, GError **error)
{
  for (guint32 i = 0; i < action->n_ready; i++) {
    VnValue port;
    if (action->ready[i].port == NULL)
      continue;
    if (!vn_expr_evaluate(action->ready[i].port, scope, calls->scratch, &port, error))
      return FALSE;
    put_int(payload, VN_TAG_READY_PORT, port.i);
  }
  return TRUE;
}

/* ---- the frame ---- */

static gboolean
put_shared(VnCalls *calls, const VnTask *task, const VnActionVariant *variant,
           const VnValue *params, GByteArray *payload, GError **error)
{
  const VnAction *action = &calls->model->actions[task->action];
  VnExprScope scope = vn_calls_scope(calls, action, params);
  if (variant->form == VN_COMMAND_NATIVE)
    put_text(payload, VN_TAG_NAME, variant->text);
  if (variant->form == VN_COMMAND_SCRIPT) {
    put_text(payload, VN_TAG_TEXT, variant->text);
    put_script_env(calls, action, params, payload);
  }
  if (!put_args(calls, variant, &scope, payload, error) ||
      (action->background && !put_ready_ports(calls, action, &scope, payload, error)))
    return FALSE;
  if (task->timeout_ns > 0)
    put_int(payload, VN_TAG_TIMEOUT, task->timeout_ns);
  put_int(payload, VN_TAG_LIMIT, calls->trial.output_limit);
  if (action->background)
    put_int(payload, VN_TAG_BACKGROUND, 1);
  return TRUE;
}

static void
put_environment(VnCalls *calls, guint32 vm, GByteArray *payload)
{
  char number[24];
  const VnVm *host = &calls->model->topology.vms[vm];
  g_snprintf(number, sizeof(number), "%" G_GUINT64_FORMAT, calls->trial.seed);
  put_env(calls, payload, "VNEC_SEED", number);
  g_snprintf(number, sizeof(number), "%u", calls->trial.point);
  put_env(calls, payload, "VNEC_POINT", number);
  g_snprintf(number, sizeof(number), "%u", calls->trial.trial);
  put_env(calls, payload, "VNEC_TRIAL", number);
  put_env(calls, payload, "VNEC_HOST", host->name);
  for (guint32 i = 0; i < host->n_env; i++)
    put_env(calls, payload, host->env[i].name, host->env[i].value);
}

static guint16
frame_kind(VnCommandForm form)
{
  switch (form) {
  case VN_COMMAND_RUN:
    return VN_FRAME_RUN;
  case VN_COMMAND_SCRIPT:
    return VN_FRAME_SCRIPT;
  case VN_COMMAND_NATIVE:
    return VN_FRAME_NATIVE;
  }
  g_assert_not_reached();
}

/* The part that all members share, kept where it can be. */
static const GByteArray *
shared_payload(VnCalls *calls, guint32 number, guint32 variant, const VnExprScope *scope,
               GError **error)
{
  TaskCode *code = &calls->tasks[number];
  const VnTask *task = &calls->model->tasks[number];
  if (code->payload != NULL && code->variant == variant)
    return code->payload;
  vn_arena_reset(calls->scratch);
  const VnValue *params;
  g_autoptr(GByteArray) made = g_byte_array_new();
  if (!vn_calls_params(calls, number, scope, &params, error) ||
      !put_shared(calls, task, &calls->model->actions[task->action].variants[variant], params,
                  made, error))
    return NULL;
  if (code->payload != NULL)
    g_byte_array_unref(code->payload);
  code->payload = g_steal_pointer(&made);
  code->variant = code->state == ARGS_FIXED ? variant : G_MAXUINT32;
  return code->payload;
}

gboolean
vn_calls_make(VnCalls *calls, guint32 task, guint32 vm, guint32 profile, const VnExprScope *scope,
              VnCall *out, GError **error)
{
  const VnAction *action = &calls->model->actions[calls->model->tasks[task].action];
  guint32 chosen = 0;
  if (!choose_variant(calls, action, vm, profile, &chosen, error))
    return FALSE;
  const VnActionVariant *variant = &action->variants[chosen];
  const GByteArray *shared = shared_payload(calls, task, chosen, scope, error);
  if (shared == NULL)
    return FALSE;
  const GByteArray *whole = shared;
  if (variant->form != VN_COMMAND_NATIVE) {
    g_byte_array_set_size(calls->frame, 0);
    g_byte_array_append(calls->frame, shared->data, shared->len);
    put_environment(calls, vm, calls->frame);
    whole = calls->frame;
  }
  if (whole->len > VN_FRAME_MAX - VN_FRAME_HEADER) {
    g_set_error(error, VN_CALLS_ERROR, VN_CALLS_ERROR_SIZE,
                "the arguments take %u bytes, more than the %u of one call: push a file instead",
                whole->len, VN_FRAME_MAX - VN_FRAME_HEADER);
    return FALSE;
  }
  *out = (VnCall){frame_kind(variant->form), chosen, whole->data, whole->len};
  return TRUE;
}

void
vn_calls_describe(VnCalls *calls, guint32 task, guint32 variant, GString *out)
{
  const TaskCode *code = &calls->tasks[task];
  const VnAction *action = &calls->model->actions[calls->model->tasks[task].action];
  const VnActionVariant *chosen = &action->variants[variant];
  if (chosen->form == VN_COMMAND_NATIVE)
    g_string_append_printf(out, "native %s", chosen->text);
  else if (chosen->form == VN_COMMAND_SCRIPT)
    g_string_append_printf(out, "script of %s", action->name);
  if (code->payload == NULL)
    return;
  VnFrame frame = {.payload = code->payload->data, .size = code->payload->len};
  guint32 offset = 0, size;
  guint16 tag;
  const guint8 *bytes;
  while (vn_frame_next(&frame, &offset, &tag, &bytes, &size) == 1) {
    if (tag != VN_TAG_ARG)
      continue;
    g_autofree char *text = g_strndup((const char *)bytes, size);
    gboolean plain = size > 0 && strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                              "0123456789_@%+=:,./-") == size;
    g_autofree char *quoted = plain ? NULL : g_shell_quote(text);
    if (out->len > 0)
      g_string_append_c(out, ' ');
    g_string_append(out, plain ? text : quoted);
  }
}
