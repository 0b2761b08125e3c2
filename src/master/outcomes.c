/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The table of results. A record holds what every task has; streams and fields hang below it in
 * the arena, written once, when the node has ended for good. */
#include "master/outcomes.h"

/* What some expression reads of a task, beyond what a record holds. */
enum { READS_OUT = 1 << 0, READS_ERR = 1 << 1, READS_OWN = 1 << 2 };

typedef struct {
  VnValue out, err;
  const VnValue *fields;
  guint32 n_fields;
} Extra;

typedef struct {
  gint64 started_ns, ended_ns, elapsed_ns;
  const Extra *extra; /* NULL: nothing */
  gint32 exit_code;
  guint8 state;     /* VnNodeState; WAITING: nothing is known yet */
  guint8 too_large; /* the trial's share of memory was used up */
} Record;

struct VnOutcomes {
  const VnGraph *graph;
  VnArena *arena;
  Record *records; /* by node */
  guint8 *reads;   /* by task: READS_… */
  VnExprScope scope;
};

static void
note_read(const VnExpr *result, gpointer data)
{
  guint8 *reads = data;
  if (result->index == VN_FIELD_STDOUT)
    reads[result->task] |= READS_OUT;
  else if (result->index == VN_FIELD_STDERR)
    reads[result->task] |= READS_ERR;
  else if (result->index >= VN_FIELD_OWN)
    reads[result->task] |= READS_OWN;
}

static void
note_reads(const VnExpr *expr, guint8 *reads)
{
  if (expr != NULL)
    vn_expr_visit_results(expr, note_read, reads);
}

static void
note_all_reads(const VnModel *model, guint8 *reads)
{
  for (guint32 t = 0; t < model->n_tasks; t++) {
    note_reads(model->tasks[t].when, reads);
    for (guint32 k = 0; k < model->tasks[t].n_args; k++)
      note_reads(model->tasks[t].args[k], reads);
  }
  for (guint32 k = 0; k < model->n_expectations; k++) {
    note_reads(model->expectations[k].condition, reads);
    note_reads(model->expectations[k].message, reads);
  }
  for (guint32 k = 0; k < model->n_measures; k++)
    note_reads(model->measures[k].value, reads);
}

/* A copy that owns nothing outside the arena. */
static VnValue
copy_value(VnArena *arena, const VnValue *value)
{
  VnValue copy = *value;
  switch ((VnValueKind)value->kind) {
  case VN_VALUE_STRING:
  case VN_VALUE_REGEX:
    return (VnValue){
        .kind = value->kind,
        .text = vn_value_string(arena, value->text->text, (gssize)value->text->length).text};
  case VN_VALUE_ADDRESS:
    copy.address = vn_arena_memdup(arena, value->address, sizeof(VnAddress));
    return copy;
  case VN_VALUE_PREFIX:
    copy.prefix = vn_arena_memdup(arena, value->prefix, sizeof(VnPrefix));
    return copy;
  case VN_VALUE_LIST:
  case VN_VALUE_SET: {
    VnValueList *list = vn_arena_new0(arena, VnValueList);
    VnValue *items = vn_arena_array0(arena, VnValue, value->list->n);
    for (guint32 k = 0; k < value->list->n; k++)
      items[k] = copy_value(arena, &value->list->items[k]);
    *list = (VnValueList){items, value->list->n};
    copy.list = list;
    return copy;
  }
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
    return copy;
  }
  g_assert_not_reached();
}

static VnValue
copy_stream(VnArena *arena, const char *text, gsize size)
{
  size = MIN(size, VN_OUTCOME_TEXT_MAX);
  return vn_value_string(arena, text != NULL ? text : "", text != NULL ? (gssize)size : 0);
}

static const Extra *
copy_extra(VnArena *arena, guint8 reads, const VnOutcome *outcome)
{
  Extra *extra = vn_arena_new0(arena, Extra);
  if ((reads & READS_OUT) != 0)
    extra->out = copy_stream(arena, outcome->out, outcome->out_size);
  if ((reads & READS_ERR) != 0)
    extra->err = copy_stream(arena, outcome->err, outcome->err_size);
  if ((reads & READS_OWN) != 0 && outcome->fields != NULL) {
    VnValue *fields = vn_arena_array0(arena, VnValue, outcome->n_fields);
    for (guint32 k = 0; k < outcome->n_fields; k++)
      fields[k] = copy_value(arena, &outcome->fields[k]);
    extra->fields = fields;
    extra->n_fields = outcome->n_fields;
  }
  return extra;
}

void
vn_outcomes_record(VnOutcomes *outcomes, guint32 node, VnNodeState state, const VnOutcome *outcome)
{
  Record *record = &outcomes->records[node];
  record->state = state;
  if (outcome == NULL)
    return;
  record->started_ns = outcome->started_ns;
  record->ended_ns = outcome->ended_ns;
  record->elapsed_ns = outcome->elapsed_ns;
  record->exit_code = outcome->exit_code;
  guint8 reads = outcomes->reads[outcomes->graph->nodes[node].task];
  if (reads == 0)
    return;
  record->too_large = vn_arena_used(outcomes->arena) >= VN_OUTCOMES_BYTES_MAX;
  if (!record->too_large)
    record->extra = copy_extra(outcomes->arena, reads, outcome);
}

static gboolean
set_missing(const VnOutcomes *outcomes, guint32 node, const char *field, const char *why,
            GError **error)
{
  g_autoptr(GString) label = g_string_new(NULL);
  vn_node_label(outcomes->graph, node, label);
  g_set_error(error, VN_EXPR_ERROR, VN_EXPR_ERROR_MISSING, "%s has no .%s: %s", label->str, field,
              why);
  return FALSE;
}

/* NULL: it ran (or runs as a service) and has results. */
static const char *
why_none(const Record *record, guint32 field)
{
  switch ((VnNodeState)record->state) {
  case VN_STATE_WAITING:
  case VN_STATE_READY:
  case VN_STATE_RUNNING:
  case VN_STATE_BACKOFF:
  case VN_STATE_CANCELLING:
    return "it has not ended yet";
  case VN_STATE_SERVING:
    return field == VN_FIELD_OK || field == VN_FIELD_STARTED ? NULL : "it is still running";
  case VN_STATE_SKIPPED:
    return field == VN_FIELD_OK ? NULL : "it was skipped";
  case VN_STATE_CANCELLED:
    return field == VN_FIELD_OK ? NULL : "it was cancelled";
  case VN_STATE_DONE:
  case VN_STATE_FAILED:
    return NULL;
  }
  g_assert_not_reached();
}

static gboolean
own_field(const VnOutcomes *outcomes, guint32 node, guint32 field, const char *name, VnValue *out,
          GError **error)
{
  const Record *record = &outcomes->records[node];
  const VnModel *model = outcomes->graph->model;
  const VnTask *task = &model->tasks[outcomes->graph->nodes[node].task];
  const Extra *extra = record->extra;
  guint32 own = field - VN_FIELD_OWN;
  if (extra != NULL && own < extra->n_fields) {
    *out = extra->fields[own];
    return TRUE;
  }
  if (task->control == VN_CONTROL_NONE && own < model->actions[task->action].n_fields &&
      model->actions[task->action].fields[own].optional) {
    *out = VN_VALUE_NOTHING;
    return TRUE;
  }
  return set_missing(outcomes, node, name, "it failed before there was one", error);
}

static gboolean
node_result(const VnOutcomes *outcomes, guint32 node, guint32 field, VnValue *out, GError **error)
{
  const Record *record = &outcomes->records[node];
  const VnModel *model = outcomes->graph->model;
  const VnTask *task = &model->tasks[outcomes->graph->nodes[node].task];
  const char *why = why_none(record, field);
  const char *name = vn_model_field_name(model, task, field);
  if (why == NULL && record->too_large && field != VN_FIELD_OK &&
      (field == VN_FIELD_STDOUT || field == VN_FIELD_STDERR || field >= VN_FIELD_OWN))
    why = "the results of the trial are larger than what is kept in memory";
  if (why != NULL)
    return set_missing(outcomes, node, name, why, error);
  switch (field) {
  case VN_FIELD_OK:
    *out = vn_value_bool(record->state == VN_STATE_DONE || record->state == VN_STATE_SERVING);
    return TRUE;
  case VN_FIELD_EXIT_CODE:
    *out = vn_value_int(record->exit_code);
    return TRUE;
  case VN_FIELD_STDOUT:
  case VN_FIELD_STDERR:
    *out = VN_VALUE_NOTHING;
    if (record->extra != NULL)
      *out = field == VN_FIELD_STDOUT ? record->extra->out : record->extra->err;
    return out->kind == VN_VALUE_STRING ||
           set_missing(outcomes, node, name, "it was not kept", error);
  case VN_FIELD_DURATION:
    *out = (VnValue){.kind = VN_VALUE_DURATION, .i = record->elapsed_ns};
    return TRUE;
  case VN_FIELD_STARTED:
    *out = (VnValue){.kind = VN_VALUE_DURATION, .i = record->started_ns};
    return TRUE;
  case VN_FIELD_ENDED:
    *out = (VnValue){.kind = VN_VALUE_DURATION, .i = record->ended_ns};
    return TRUE;
  default:
    return own_field(outcomes, node, field, name, out, error);
  }
}

/* The place of a VM among a task's targets; n_targets if it is none. */
static guint32
find_target(const VnTask *task, guint32 vm)
{
  guint32 low = 0, high = task->n_targets;
  while (low < high) {
    guint32 middle = low + (high - low) / 2;
    if (task->targets[middle] < vm)
      low = middle + 1;
    else
      high = middle;
  }
  if (low < task->n_targets && task->targets[low] == vm)
    return low;
  /* Sets keep the order in which they were written. */
  for (low = 0; low < task->n_targets && task->targets[low] != vm; low++)
    ;
  return low;
}

static gboolean
list_result(const VnOutcomes *outcomes, guint32 t, guint32 field, VnArena *arena, VnValue *out,
            GError **error)
{
  const VnTask *task = &outcomes->graph->model->tasks[t];
  VnValue *items = vn_arena_array0(arena, VnValue, task->n_targets);
  for (guint32 k = 0; k < task->n_targets; k++) {
    if (!node_result(outcomes, outcomes->graph->task_first[t] + k, field, &items[k], error))
      return FALSE;
  }
  VnValueList *list = vn_arena_new0(arena, VnValueList);
  *list = (VnValueList){items, task->n_targets};
  *out = (VnValue){.kind = VN_VALUE_LIST, .list = list};
  return TRUE;
}

static gboolean
result(guint32 t, guint32 vm, guint32 field, VnArena *arena, VnValue *out, gpointer data,
       GError **error)
{
  const VnOutcomes *outcomes = data;
  const VnTask *task = &outcomes->graph->model->tasks[t];
  guint32 first = outcomes->graph->task_first[t];
  if (vm == VN_MEMBER_ALL && task->group)
    return list_result(outcomes, t, field, arena, out, error);
  if (vm == VN_MEMBER_ALL || task->n_targets == 0)
    return node_result(outcomes, first, field, out, error);
  guint32 k = find_target(task, vm);
  g_assert(k < task->n_targets);
  return node_result(outcomes, first + k, field, out, error);
}

static const char *
name_of(VnValueKind kind, guint32 id, gpointer data)
{
  const VnOutcomes *outcomes = data;
  return vn_model_name_of(kind, id, (gpointer)outcomes->graph->model);
}

VnOutcomes *
vn_outcomes_new(const VnGraph *graph)
{
  VnOutcomes *outcomes = g_new0(VnOutcomes, 1);
  outcomes->graph = graph;
  outcomes->arena = vn_arena_new();
  outcomes->records = g_new0(Record, graph->n_nodes);
  outcomes->reads = g_new0(guint8, graph->model->n_tasks + 1);
  note_all_reads(graph->model, outcomes->reads);
  outcomes->scope = (VnExprScope){.result = result, .data = outcomes, .name_of = name_of};
  return outcomes;
}

void
vn_outcomes_free(VnOutcomes *outcomes)
{
  if (outcomes == NULL)
    return;
  vn_arena_free(outcomes->arena);
  g_free(outcomes->records);
  g_free(outcomes->reads);
  g_free(outcomes);
}

const VnExprScope *
vn_outcomes_scope(VnOutcomes *outcomes)
{
  return &outcomes->scope;
}
