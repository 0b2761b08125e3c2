/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The dry run: everything that a run would do, and in which order, for people. */
#include "emit/emit.h"
#include "plan/waves.h"

/* Names of a set past this many are counted, not listed. */
#define MAX_NAMES 12

/* "h[2..5]" for consecutive members of an array. A name that is no member has length 0. */
static gsize
split_name(const char *name, gint64 *out_index)
{
  const char *bracket = strchr(name, '[');
  char *end = NULL;
  if (bracket == NULL)
    return 0;
  *out_index = g_ascii_strtoll(bracket + 1, &end, 10);
  return end != bracket + 1 && g_strcmp0(end, "]") == 0 ? (gsize)(bracket - name) : 0;
}

/* The last of the run of array members that begins at first. */
static guint32
find_run(const VnTopology *topology, const guint32 *vms, guint32 n, guint32 first)
{
  const char *name = topology->vms[vms[first]].name;
  gint64 index = 0, next = 0;
  gsize length = split_name(name, &index);
  guint32 last = first;
  while (length > 0 && last + 1 < n) {
    const char *other = topology->vms[vms[last + 1]].name;
    if (split_name(other, &next) != length || strncmp(name, other, length) != 0 ||
        next != index + (last + 1 - first))
      break;
    last++;
  }
  return last;
}

static void
append_vms(const VnTopology *topology, const guint32 *vms, guint32 n, GString *out)
{
  guint shown = 0;
  for (guint32 k = 0; k < n; shown++) {
    if (shown == MAX_NAMES) {
      g_string_append_printf(out, ", and %u more", n - k);
      return;
    }
    guint32 last = find_run(topology, vms, n, k);
    const char *name = topology->vms[vms[k]].name;
    g_string_append(out, k > 0 ? ", " : "");
    if (last > k) {
      const char *end = strchr(topology->vms[vms[last]].name, '[') + 1;
      g_string_append_len(out, name, (gssize)strlen(name) - 1);
      g_string_append_printf(out, "..%s", end);
    } else {
      g_string_append(out, name);
    }
    k = last + 1;
  }
}

static const char *
call_name(const VnModel *model, const VnTask *task)
{
  if (task->control == VN_CONTROL_NONE)
    return model->actions[task->action].name;
  return vn_control_name((VnControl)task->control);
}

/* A set of machines by its array slices; anything else as the language writes it. */
static void
append_argument(const VnModel *model, const VnExpr *arg, GString *out)
{
  const VnValueList *list = NULL;
  if (arg->kind == VN_EXPR_CONST &&
      (arg->value.kind == VN_VALUE_SET || arg->value.kind == VN_VALUE_LIST))
    list = arg->value.list;
  g_autofree guint32 *vms = g_new(guint32, list != NULL ? list->n + 1 : 1);
  guint32 n = 0;
  while (list != NULL && n < list->n &&
         (list->items[n].kind == VN_VALUE_HOST || list->items[n].kind == VN_VALUE_ROUTER)) {
    vms[n] = list->items[n].id;
    n++;
  }
  if (list == NULL || n < list->n || n < 2) {
    vn_emit_expr(model, NULL, arg, out);
    return;
  }
  g_string_append_c(out, '{');
  append_vms(&model->topology, vms, n, out);
  g_string_append_c(out, '}');
}

static void
append_call(const VnModel *model, const VnTask *task, GString *out)
{
  const VnAction *action = task->control == VN_CONTROL_NONE ? &model->actions[task->action] : NULL;
  gboolean first = TRUE;
  g_string_append(out, call_name(model, task));
  for (guint32 k = 0; k < task->n_args; k++) {
    if (task->args[k] == NULL)
      continue;
    g_string_append(out, first ? "(" : ", ");
    if (action != NULL && k < action->n_params)
      g_string_append_printf(out, "%s=", action->params[k].name);
    append_argument(model, task->args[k], out);
    first = FALSE;
  }
  g_string_append(out, first ? "" : ")");
}

static void
append_time(GString *out, const char *before, gint64 ns)
{
  g_autofree char *text = vn_duration_format(ns);
  g_string_append_printf(out, "%s%s", before, text);
}

static void
append_after(const VnModel *model, const VnTask *task, GString *out)
{
  g_string_append(out, "; after ");
  for (guint32 k = 0; k < MIN(task->n_after, MAX_NAMES); k++)
    g_string_append_printf(out, "%s%s", k > 0 ? ", " : "", model->tasks[task->after[k]].name);
  if (task->n_after > MAX_NAMES)
    g_string_append_printf(out, ", and %u more", task->n_after - MAX_NAMES);
}

/* What a task waits for and what becomes of its failure: "; after boot; timeout 5s". */
static void
append_clauses(const VnModel *model, const VnTask *task, GString *out)
{
  if (task->n_after > 0)
    append_after(model, task, out);
  if (task->when != NULL) {
    g_string_append(out, "; when ");
    vn_emit_expr(model, NULL, task->when, out);
  }
  if (task->timeout_ns > 0)
    append_time(out, "; timeout ", task->timeout_ns);
  if (task->retries > 0)
    g_string_append_printf(out, "; retry %u", task->retries);
  if (task->retries > 0 && task->retry_every_ns > 0)
    append_time(out, " every ", task->retry_every_ns);
  if (task->always)
    g_string_append(out, "; always");
  if (task->on_failure == VN_ON_FAILURE_SKIP)
    g_string_append(out, "; on_failure skip");
  if (task->on_failure == VN_ON_FAILURE_IGNORE)
    g_string_append(out, "; on_failure ignore");
  if (task->control == VN_CONTROL_NONE && model->actions[task->action].background)
    g_string_append(out, "; in the background");
}

static void
append_task(const VnModel *model, guint32 wave, const VnTask *task, GString *out)
{
  g_autoptr(GString) clauses = g_string_new(NULL);
  g_string_append_printf(out, "  %3u  %s = ", wave, task->name);
  if (task->n_targets > 0) {
    append_vms(&model->topology, task->targets, task->n_targets, out);
    g_string_append(out, ": ");
  }
  append_call(model, task, out);
  append_clauses(model, task, clauses);
  if (clauses->len > 0) /* without the first "; " */
    g_string_append_printf(out, "\n         %s", clauses->str + 2);
  g_string_append_c(out, '\n');
}

/* Those whose state is not what one expects: on for hosts that no task switches on. */
static void
append_off(const VnGraph *graph, GString *out)
{
  const VnTopology *topology = &graph->model->topology;
  g_autoptr(GArray) off = g_array_new(FALSE, FALSE, sizeof(guint32));
  for (guint32 v = 0; v < topology->n_vms; v++) {
    if (graph->ready_node[v] == VN_NO_ID)
      g_array_append_val(off, v);
  }
  g_string_append_printf(out, "on when the first task starts: %u of %u machines",
                         topology->n_vms - off->len, topology->n_vms);
  if (off->len > 0) {
    g_string_append(out, "; off: ");
    append_vms(topology, (const guint32 *)(gpointer)off->data, off->len, out);
  }
  g_string_append(out, "\n");
}

static guint32
count_runs(const VnModel *model)
{
  guint32 n = 0;
  for (guint32 t = 0; t < model->n_tasks; t++)
    n += MAX(model->tasks[t].n_targets, 1);
  return n;
}

static void
append_count(GString *out, guint32 n, const char *one, const char *many)
{
  g_string_append_printf(out, "%u %s", n, n == 1 ? one : many);
}

void
vn_emit_plan(const VnGraph *graph, GString *out)
{
  const VnModel *model = graph->model;
  g_autoptr(VnArena) arena = vn_arena_new();
  VnWaves waves = vn_plan_waves(model, arena);
  g_string_append_printf(out, "experiment \"%s\"\n", model->name);
  vn_emit_topology(model, out);
  g_string_append_c(out, '\n');
  append_off(graph, out);
  g_string_append(out, "then the proof that nothing of it touches this machine's networks\n\n");
  append_count(out, model->n_tasks, "task", "tasks");
  g_string_append(out, "; the number is how many must end one after the other, and itself\n");
  for (guint32 k = 0; k < model->n_tasks; k++) {
    guint32 t = waves.order[k];
    append_task(model, waves.wave[t], &model->tasks[t], out);
  }
  g_string_append(out, "\nthen what still runs is ended and everything is taken down\n");
  append_count(out, graph->n_nodes, "step", "steps");
  g_string_append(out, ", of them ");
  append_count(out, count_runs(model), "run of a task", "runs of tasks");
  g_string_append(out, "; the longest way has ");
  append_count(out, waves.n_waves, "task", "tasks");
  g_string_append_c(out, '\n');
}
