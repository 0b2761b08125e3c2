/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Draws are hashes of (seed, task or VM, attempt, what is drawn): no state, no order. A field that
 * no line of a script gives is the plain value of its type (0, "", false, an empty list). */
#include "master/sim-world.h"

#include <string.h>

#include "frame/status.h"
#include "master/fields.h"
#include "tech/tech.h"

typedef enum { DRAW_JITTER, DRAW_FAILURE, DRAW_BOOT } Draw;

typedef struct {
  gint64 boot_ns, duration_ns, jitter_ns;
  double failure; /* percent points */
  VnSimScript *script;
} Image;

struct VnSimWorld {
  const VnGraph *graph;
  const VnModel *model;
  VnArena *arena;
  guint64 seed;
  Image *images;   /* by image, and one for machines without */
  VnValue **plain; /* by action: its fields as they are without a script */
};

/* ---- images ---- */

/* A path in a script is from the folder that holds the file that names it. */
static char *
resolve(const VnModel *model, const VnImage *image, const char *path)
{
  if (model->sources == NULL || g_path_is_absolute(path))
    return g_strdup(path);
  VnLocation at = vn_source_set_locate(model->sources, image->span.start);
  if (at.source == NULL)
    return g_strdup(path);
  g_autofree char *folder = g_path_get_dirname(at.source->path);
  return g_build_filename(folder, path, NULL);
}

static gboolean
read_key(const VnModel *model, const VnImage *image, guint32 k, Image *out, GError **error)
{
  const VnValue *value = &image->values[k];
  if (strcmp(image->keys[k], "boot") == 0)
    out->boot_ns = value->i;
  else if (strcmp(image->keys[k], "duration") == 0)
    out->duration_ns = value->i;
  else if (strcmp(image->keys[k], "jitter") == 0)
    out->jitter_ns = value->i;
  else if (strcmp(image->keys[k], "failure") == 0)
    out->failure = value->f;
  else if (strcmp(image->keys[k], "script") == 0) {
    g_autofree char *path = resolve(model, image, value->text->text);
    out->script = vn_sim_script_load(path, error);
    return out->script != NULL;
  }
  return TRUE;
}

static gboolean
read_images(VnSimWorld *world, GError **error)
{
  const VnModel *model = world->model;
  for (guint32 i = 0; i < model->n_images; i++) {
    const VnImage *image = &model->images[i];
    for (guint32 k = 0; image->tech == VN_TECH_SIM && k < image->n_keys; k++) {
      if (!read_key(model, image, k, &world->images[i], error))
        return FALSE;
    }
  }
  return TRUE;
}

static const Image *
image_of(const VnSimWorld *world, guint32 vm)
{
  guint32 image = world->model->topology.vms[vm].image;
  return &world->images[image != VN_NO_ID ? image : world->model->n_images];
}

/* ---- fields ---- */

static VnValue
plain_value(const VnActionField *field, VnArena *arena)
{
  static const VnAddress nowhere = {.family = 4};
  static const VnPrefix everywhere = {.address = {.family = 4}};
  static const VnValueList nothing = {0};
  if (field->optional)
    return VN_VALUE_NOTHING;
  VnValue value = {.kind = field->type};
  switch ((VnValueKind)field->type) {
  case VN_VALUE_STRING:
  case VN_VALUE_REGEX:
    return vn_value_string(arena, "", 0);
  case VN_VALUE_ADDRESS:
    value.address = &nowhere;
    return value;
  case VN_VALUE_PREFIX:
    value.prefix = &everywhere;
    return value;
  case VN_VALUE_LIST:
  case VN_VALUE_SET:
    value.list = &nothing;
    return value;
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
  case VN_VALUE_RANGE:
  case VN_VALUE_HOST:
  case VN_VALUE_ROUTER:
  case VN_VALUE_SEGMENT:
  case VN_VALUE_TASK:
  case VN_VALUE_GROUP:
  case VN_VALUE_SITE:
  case VN_VALUE_IMAGE:
  case VN_VALUE_KIND_COUNT:
    return value;
  }
  return value;
}

static void
make_plain_fields(VnSimWorld *world)
{
  const VnModel *model = world->model;
  world->plain = vn_arena_array0(world->arena, VnValue *, model->n_actions);
  for (guint32 a = 0; a < model->n_actions; a++) {
    const VnAction *action = &model->actions[a];
    world->plain[a] = vn_arena_array0(world->arena, VnValue, action->n_fields);
    for (guint32 f = 0; f < action->n_fields; f++)
      world->plain[a][f] = plain_value(&action->fields[f], world->arena);
  }
}

VnSimWorld *
vn_sim_world_new(const VnGraph *graph, guint64 seed, GError **error)
{
  g_autoptr(VnSimWorld) world = g_new0(VnSimWorld, 1);
  world->graph = graph;
  world->model = graph->model;
  world->arena = vn_arena_new();
  world->seed = seed;
  world->images = g_new0(Image, graph->model->n_images + 1);
  make_plain_fields(world);
  return read_images(world, error) ? g_steal_pointer(&world) : NULL;
}

void
vn_sim_world_free(VnSimWorld *world)
{
  if (world == NULL)
    return;
  for (guint32 i = 0; i <= world->model->n_images; i++)
    vn_sim_script_free(world->images[i].script);
  g_free(world->images);
  vn_arena_free(world->arena);
  g_free(world);
}

/* ---- draws ---- */

/* The finaliser of SplitMix64 (Steele, Lea, Flood 2014). */
static guint64
mix(guint64 x)
{
  x += G_GUINT64_CONSTANT(0x9e3779b97f4a7c15);
  x = (x ^ (x >> 30)) * G_GUINT64_CONSTANT(0xbf58476d1ce4e5b9);
  x = (x ^ (x >> 27)) * G_GUINT64_CONSTANT(0x94d049bb133111eb);
  return x ^ (x >> 31);
}

/* In [0, 1). */
static double
draw(const VnSimWorld *world, guint32 task, guint32 vm, guint32 attempt, Draw what)
{
  guint64 x = mix(world->seed);
  x = mix(x ^ ((guint64)task << 32 | vm));
  x = mix(x ^ ((guint64)attempt << 32 | what));
  return (double)(x >> 11) * 0x1.0p-53;
}

static gint64
vary(gint64 time, gint64 jitter, double drawn)
{
  gint64 varied = time + (gint64)((2 * drawn - 1) * (double)jitter);
  return MAX(varied, 0);
}

/* ---- what happens ---- */

VnSimAct
vn_sim_world_boot(const VnSimWorld *world, guint32 vm, gint64 *out_lost)
{
  const Image *image = image_of(world, vm);
  VnSimAct act = {.delay_ns = image->boot_ns, .how = VN_SIM_OK};
  *out_lost = -1;
  if (image->jitter_ns > 0 && image->boot_ns > 0)
    act.delay_ns = vary(image->boot_ns, image->jitter_ns, draw(world, VN_NO_ID, vm, 0, DRAW_BOOT));
  if (image->script == NULL)
    return act;
  act.rule = vn_sim_script_find(image->script, NULL, world->model->topology.vms[vm].name, 0);
  if (act.rule == NULL)
    return act;
  if (act.rule->boot_ns >= 0)
    act.delay_ns = act.rule->boot_ns;
  if (act.rule->exit_code != 0)
    act.how = VN_SIM_FAILED;
  *out_lost = act.rule->lost_ns;
  return act;
}

static void
follow_rule(VnSimAct *act, const VnSimRule *rule)
{
  act->rule = rule;
  if (rule->after_ns >= 0)
    act->delay_ns = rule->after_ns;
  act->how = rule->exit_code != 0 ? VN_SIM_FAILED : VN_SIM_OK;
  if (rule->lost_ns >= 0) {
    act->how = VN_SIM_LOST;
    act->delay_ns = rule->lost_ns;
    act->serves = FALSE;
  }
  act->serves_ns = rule->ends_ns;
  /* With an exit code and no time that it serves it fails before it is ready. */
  if (rule->exit_code != 0 && rule->ends_ns < 0)
    act->serves = FALSE;
}

VnSimAct
vn_sim_world_task(const VnSimWorld *world, guint32 node, guint32 attempt)
{
  const VnNode *info = &world->graph->nodes[node];
  const VnTask *task = &world->model->tasks[info->task];
  const Image *image = image_of(world, info->vm);
  gboolean action = task->control == VN_CONTROL_NONE;
  VnSimAct act = {.how = VN_SIM_OK, .serves_ns = -1};
  if (action) {
    act.delay_ns = image->duration_ns;
    act.serves = world->model->actions[task->action].background;
  }
  if (image->jitter_ns > 0 && act.delay_ns > 0)
    act.delay_ns = vary(act.delay_ns, image->jitter_ns,
                        draw(world, info->task, info->vm, attempt, DRAW_JITTER));
  if (action && image->failure > 0 &&
      draw(world, info->task, info->vm, attempt, DRAW_FAILURE) * 100 < image->failure) {
    act.how = VN_SIM_FAILED;
    act.serves = FALSE;
  }
  const VnSimRule *rule = NULL;
  if (image->script != NULL)
    rule = vn_sim_script_find(image->script, task->name, world->model->topology.vms[info->vm].name,
                              attempt);
  if (rule != NULL)
    follow_rule(&act, rule);
  if (action && task->timeout_ns > 0 && act.delay_ns > task->timeout_ns) {
    act.delay_ns = task->timeout_ns;
    act.how = VN_SIM_TIMED_OUT;
    act.serves = FALSE;
  }
  return act;
}

/* ---- outcomes ---- */

static void
fail_outcome(VnOutcome *out, const char *error)
{
  out->status = VN_NODE_STATUS_FAILED;
  out->error = error;
}

static void
set_exit_code(VnOutcome *out, const VnSimRule *rule, VnArena *arena)
{
  out->outcome = VN_OUTCOME_EXITED;
  out->exit_code = rule != NULL && rule->exit_code != 0 ? rule->exit_code : 1;
  fail_outcome(out, rule != NULL ? vn_arena_printf(arena, "exit code %d", out->exit_code)
                                 : "exit code 1");
}

static void
set_how(VnOutcome *out, const VnSimAct *act, VnArena *arena)
{
  switch (act->how) {
  case VN_SIM_OK:
    out->outcome = VN_OUTCOME_EXITED;
    return;
  case VN_SIM_FAILED:
    set_exit_code(out, act->rule, arena);
    return;
  case VN_SIM_TIMED_OUT:
    out->outcome = VN_OUTCOME_TIMED_OUT;
    out->exit_code = -1;
    fail_outcome(out, "it did not end in time");
    return;
  case VN_SIM_OFF:
    out->outcome = VN_OUTCOME_REFUSED;
    out->exit_code = -1;
    fail_outcome(out, "the machine is not on");
    return;
  case VN_SIM_LOST:
    out->outcome = VN_OUTCOME_LOST;
    out->exit_code = -1;
    out->error = "the machine went away";
    out->status = VN_NODE_STATUS_BROKEN;
    return;
  case VN_SIM_CANCELLED:
    out->outcome = VN_OUTCOME_CANCELLED;
    out->exit_code = -1;
    out->status = VN_NODE_STATUS_CANCELLED;
    return;
  }
  g_assert_not_reached();
}

/* The first variant that this machine could run and that reads what was printed. */
static const VnActionVariant *
reading_variant(const VnAction *action, const char *os)
{
  for (guint32 k = 0; k < action->n_variants; k++) {
    const VnActionVariant *variant = &action->variants[k];
    gboolean fits = variant->n_systems == 0;
    for (guint32 s = 0; s < variant->n_systems; s++)
      fits |= g_strcmp0(variant->systems[s], os) == 0;
    if (fits && variant->n_parses > 0)
      return variant;
  }
  return NULL;
}

static gboolean
parse_out(const VnAction *action, const char *os, const char *text, VnArena *arena, VnValue *fields,
          GError **error)
{
  const VnActionVariant *variant = reading_variant(action, os);
  if (variant == NULL)
    return TRUE;
  g_autoptr(VnMatcher) matcher = vn_matcher_new(action, variant, error);
  return matcher != NULL && vn_matcher_run(matcher, text, strlen(text), arena, fields, error);
}

static gboolean
set_field(const VnAction *action, const VnSimField *given, VnArena *arena, VnValue *fields,
          GError **error)
{
  for (guint32 f = 0; f < action->n_fields; f++) {
    if (strcmp(action->fields[f].name, given->name) != 0)
      continue;
    if (vn_field_from_text(&action->fields[f], VN_UNIT_NONE, given->text, strlen(given->text),
                           arena, &fields[f]))
      return TRUE;
    g_set_error(error, VN_SIM_ERROR, VN_SIM_ERROR_SCRIPT, "script: .%s=%s is no %s", given->name,
                given->text, vn_value_kind_text(action->fields[f].type));
    return FALSE;
  }
  g_set_error(error, VN_SIM_ERROR, VN_SIM_ERROR_SCRIPT, "script: %s has no result .%s",
              action->name, given->name);
  return FALSE;
}

static gboolean
evaluate_args(const VnTask *task, const VnExprScope *scope, VnArena *arena, VnValue *params,
              GError **error)
{
  for (guint32 k = 0; k < task->n_args; k++) {
    params[k] = VN_VALUE_NOTHING;
    if (task->args[k] != NULL && !vn_expr_evaluate(task->args[k], scope, arena, &params[k], error))
      return FALSE;
  }
  return TRUE;
}

/* `succeeds when` over what the script gave. */
static gboolean
judge(const VnTask *task, const VnAction *action, const VnValue *own, const VnOutcome *out,
      const VnExprScope *scope, VnArena *arena, gboolean *out_ok, GError **error)
{
  VnValue *fields = vn_arena_array0(arena, VnValue, VN_FIELD_OWN + action->n_fields);
  VnValue *params = vn_arena_array0(arena, VnValue, task->n_args);
  if (!evaluate_args(task, scope, arena, params, error))
    return FALSE;
  fields[VN_FIELD_OK] = vn_value_bool(out->exit_code == 0);
  fields[VN_FIELD_EXIT_CODE] = vn_value_int(out->exit_code);
  fields[VN_FIELD_STDOUT] = vn_value_string(arena, out->out != NULL ? out->out : "", -1);
  fields[VN_FIELD_STDERR] = vn_value_string(arena, out->err != NULL ? out->err : "", -1);
  fields[VN_FIELD_DURATION] = (VnValue){.kind = VN_VALUE_DURATION, .i = out->elapsed_ns};
  if (action->n_fields > 0)
    memcpy(&fields[VN_FIELD_OWN], own, action->n_fields * sizeof(VnValue));
  VnExprScope inner = *scope;
  inner.params = params;
  inner.n_params = task->n_args;
  inner.fields = fields;
  inner.n_fields = VN_FIELD_OWN + action->n_fields;
  VnValue value = VN_VALUE_NOTHING;
  if (!vn_expr_evaluate(action->succeeds, &inner, arena, &value, error))
    return FALSE;
  *out_ok = value.b;
  return TRUE;
}

/* Fields and verdict as the line of the script has them. */
static gboolean
apply_rule(const VnSimWorld *world, guint32 node, const VnSimRule *rule, const VnExprScope *scope,
           VnArena *arena, VnOutcome *out, GError **error)
{
  const VnNode *info = &world->graph->nodes[node];
  const VnTask *task = &world->model->tasks[info->task];
  const VnAction *action = &world->model->actions[task->action];
  VnValue *fields =
      vn_arena_memdup(arena, world->plain[task->action], action->n_fields * sizeof(VnValue));
  out->fields = fields;
  if (rule->n_fields == 0 && rule->out != NULL &&
      !parse_out(action, vn_model_os(world->model, info->vm), rule->out, arena, fields, error))
    return FALSE;
  for (guint32 k = 0; k < rule->n_fields; k++) {
    if (!set_field(action, &rule->fields[k], arena, fields, error))
      return FALSE;
  }
  if (action->succeeds == NULL || (rule->n_fields == 0 && rule->out == NULL))
    return TRUE;
  gboolean ok = FALSE;
  if (!judge(task, action, fields, out, scope, arena, &ok, error))
    return FALSE;
  out->status = ok ? VN_NODE_STATUS_OK : VN_NODE_STATUS_FAILED;
  out->error = ok ? NULL : "`succeeds when` is false";
  return TRUE;
}

void
vn_sim_world_outcome(const VnSimWorld *world, guint32 node, const VnSimAct *act,
                     const VnExprScope *scope, VnArena *arena, VnOutcome *out)
{
  const VnTask *task = &world->model->tasks[world->graph->nodes[node].task];
  const VnSimRule *rule = act->rule;
  *out = (VnOutcome){.elapsed_ns = act->delay_ns};
  set_how(out, act, arena);
  gboolean exited = out->outcome == VN_OUTCOME_EXITED && task->control == VN_CONTROL_NONE;
  if (!exited)
    return;
  out->fields = world->plain[task->action];
  out->n_fields = world->model->actions[task->action].n_fields;
  if (rule == NULL)
    return;
  out->out = rule->out;
  out->err = rule->err;
  out->out_size = out->out_total = rule->out != NULL ? strlen(rule->out) : 0;
  out->err_size = out->err_total = rule->err != NULL ? strlen(rule->err) : 0;
  g_autoptr(GError) error = NULL;
  if (!apply_rule(world, node, rule, scope, arena, out, &error))
    fail_outcome(out, vn_arena_strdup(arena, error->message));
}
