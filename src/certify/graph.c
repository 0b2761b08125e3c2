/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The experiment, as `vnecc --emit=json` writes it: machines and tasks, with nothing taken on trust
 * that can be counted again. */
#include "certify/certify.h"

#include <string.h>
#include <sys/stat.h>

G_DEFINE_QUARK(certify - error - quark, certify_error)

#define FAIL(error, ...) (g_set_error((error), CERTIFY_ERROR, 0, __VA_ARGS__), FALSE)

/* ---- JSON ---- */

JsonParser *
json_load(const char *path, GError **error)
{
  struct stat info;
  if (stat(path, &info) == 0 && (guint64)info.st_size > CERTIFY_MAX_BYTES) {
    (void)FAIL(error, "%s is too large", path);
    return NULL;
  }
  g_autoptr(JsonParser) parser = json_parser_new();
  if (!json_parser_load_from_file(parser, path, error))
    return NULL;
  JsonNode *root = json_parser_get_root(parser);
  if (root == NULL || !JSON_NODE_HOLDS_OBJECT(root)) {
    (void)FAIL(error, "%s is no JSON object", path);
    return NULL;
  }
  return g_steal_pointer(&parser);
}

static const char *
text_of(JsonObject *object, const char *name)
{
  JsonNode *node = json_object_get_member(object, name);
  return node != NULL && JSON_NODE_HOLDS_VALUE(node) &&
                 json_node_get_value_type(node) == G_TYPE_STRING
             ? json_node_get_string(node)
             : NULL;
}

static gboolean
is_true(JsonObject *object, const char *name)
{
  JsonNode *node = json_object_get_member(object, name);
  return node != NULL && JSON_NODE_HOLDS_VALUE(node) &&
         json_node_get_value_type(node) == G_TYPE_BOOLEAN && json_node_get_boolean(node);
}

static JsonArray *
array_of(JsonObject *object, const char *name)
{
  JsonNode *node = json_object_get_member(object, name);
  return node != NULL && JSON_NODE_HOLDS_ARRAY(node) ? json_node_get_array(node) : NULL;
}

static guint
length_of(JsonArray *array)
{
  return array != NULL ? json_array_get_length(array) : 0;
}

static JsonObject *
object_at(JsonArray *array, guint k)
{
  JsonNode *node = json_array_get_element(array, k);
  return JSON_NODE_HOLDS_OBJECT(node) ? json_node_get_object(node) : NULL;
}

static const char *
string_at(JsonArray *array, guint k)
{
  JsonNode *node = json_array_get_element(array, k);
  return JSON_NODE_HOLDS_VALUE(node) && json_node_get_value_type(node) == G_TYPE_STRING
             ? json_node_get_string(node)
             : NULL;
}

/* ---- names ---- */

static guint32
lookup(GHashTable *table, const char *name)
{
  guint place = name != NULL ? GPOINTER_TO_UINT(g_hash_table_lookup(table, name)) : 0;
  return place > 0 ? place - 1 : CERTIFY_NONE;
}

guint32
graph_task(const Graph *graph, const char *name)
{
  return lookup(graph->task_by_name, name);
}

guint32
graph_machine(const Graph *graph, const char *name)
{
  return lookup(graph->machine_by_name, name);
}

gboolean
graph_is_direct(const Graph *graph, guint32 before, guint32 after)
{
  gint64 key = (gint64)((guint64)before << 32 | after);
  return g_hash_table_contains(graph->edges, &key);
}

gboolean
graph_runs_on(const Graph *graph, guint32 task, guint32 machine)
{
  const GArray *targets = task_at(graph, task)->targets;
  if (machine == CERTIFY_NONE)
    return targets->len == 0;
  for (guint k = 0; k < targets->len; k++)
    if (g_array_index(targets, guint32, k) == machine)
      return TRUE;
  return FALSE;
}

/* ---- machines ---- */

static void
machine_free(gpointer data)
{
  Machine *machine = data;
  g_ptr_array_unref(machine->segments);
  g_array_unref(machine->tasks);
  g_free(machine);
}

static const char *
snapshot_of_image(JsonObject *root, const char *image)
{
  JsonArray *images = array_of(root, "images");
  for (guint k = 0; image != NULL && k < length_of(images); k++) {
    JsonObject *it = object_at(images, k);
    JsonNode *keys = it != NULL ? json_object_get_member(it, "keys") : NULL;
    if (keys != NULL && JSON_NODE_HOLDS_OBJECT(keys) && g_strcmp0(text_of(it, "name"), image) == 0)
      return text_of(json_node_get_object(keys), "snapshot");
  }
  return NULL;
}

static gboolean
load_machine(Graph *graph, JsonObject *root, JsonObject *it, GError **error)
{
  const char *name = it != NULL ? text_of(it, "name") : NULL;
  if (name == NULL || graph_machine(graph, name) != CERTIFY_NONE)
    return FAIL(error, "a machine has no name, or that of another");
  Machine *machine = g_new0(Machine, 1);
  machine->name = name;
  machine->segments = g_ptr_array_new();
  machine->tasks = g_array_new(FALSE, FALSE, sizeof(guint32));
  machine->router = g_strcmp0(text_of(it, "kind"), "router") == 0;
  machine->external = is_true(it, "external");
  machine->whole = text_of(it, "split_of") != NULL ? text_of(it, "split_of") : name;
  machine->image_snapshot = snapshot_of_image(root, text_of(it, "image"));
  g_ptr_array_add(graph->machines, machine);
  g_hash_table_insert(graph->machine_by_name, (gpointer)name,
                      GUINT_TO_POINTER(graph->machines->len));
  JsonArray *interfaces = array_of(it, "interfaces");
  for (guint k = 0; k < length_of(interfaces); k++) {
    JsonObject *interface = object_at(interfaces, k);
    if (interface == NULL || text_of(interface, "segment") == NULL)
      return FAIL(error, "an interface of %s has no segment", name);
    g_ptr_array_add(machine->segments, (gpointer)text_of(interface, "segment"));
  }
  return TRUE;
}

/* ---- tasks ---- */

static void
task_free(gpointer data)
{
  Task *task = data;
  g_array_unref(task->targets);
  g_array_unref(task->after);
  g_array_unref(task->needed);
  g_array_unref(task->requires);
  g_array_unref(task->provides);
  g_array_unref(task->results);
  g_ptr_array_unref(task->reads);
  g_ptr_array_unref(task->writes);
  g_free(task);
}

static gboolean
add_task(Graph *graph, JsonObject *it, GError **error)
{
  const char *name = it != NULL ? text_of(it, "name") : NULL;
  if (name == NULL || graph_task(graph, name) != CERTIFY_NONE)
    return FAIL(error, "a task has no name, or that of another");
  Task *task = g_new0(Task, 1);
  task->name = name;
  task->stops = CERTIFY_NONE;
  task->targets = g_array_new(FALSE, FALSE, sizeof(guint32));
  task->after = g_array_new(FALSE, FALSE, sizeof(guint32));
  task->needed = g_array_new(FALSE, FALSE, sizeof(Member));
  task->requires = g_array_new(FALSE, FALSE, sizeof(Requirement));
  task->provides = g_array_new(FALSE, FALSE, sizeof(gint64));
  task->results = g_array_new(FALSE, FALSE, sizeof(Result));
  task->reads = g_ptr_array_new();
  task->writes = g_ptr_array_new();
  g_ptr_array_add(graph->tasks, task);
  g_hash_table_insert(graph->task_by_name, (gpointer)name, GUINT_TO_POINTER(graph->tasks->len));
  return TRUE;
}

static gboolean
load_words(Task *task, JsonObject *it, GError **error)
{
  const char *policy = text_of(it, "on_failure"), *condition = text_of(it, "condition");
  task->control = text_of(it, "control");
  task->always = is_true(it, "always");
  task->background = is_true(it, "background");
  task->keep = is_true(it, "keep");
  task->snapshot = text_of(it, "snapshot");
  task->link = text_of(it, "link");
  task->on_failure = g_strcmp0(policy, "skip") == 0     ? ON_FAILURE_SKIP
                     : g_strcmp0(policy, "ignore") == 0 ? ON_FAILURE_IGNORE
                                                        : ON_FAILURE_STOP;
  task->condition = condition == NULL                    ? CONDITION_NONE
                    : g_strcmp0(condition, "never") == 0 ? CONDITION_NEVER
                                                         : CONDITION_FREE;
  if (task->on_failure == ON_FAILURE_STOP && g_strcmp0(policy, "stop") != 0)
    return FAIL(error, "task %s: on_failure is not understood", task->name);
  if (task->condition == CONDITION_NONE && json_object_has_member(it, "when") &&
      g_strcmp0(text_of(it, "when"), "true") != 0)
    return FAIL(error, "task %s: its condition is not explained", task->name);
  return TRUE;
}

/* A member: a task, and a machine that it runs on. */
static gboolean
read_member(const Graph *graph, JsonObject *it, Member *out)
{
  if (it == NULL)
    return FALSE;
  out->task = graph_task(graph, text_of(it, "task"));
  out->machine = graph_machine(graph, text_of(it, "machine"));
  return out->task != CERTIFY_NONE &&
         (!json_object_has_member(it, "machine") || out->machine != CERTIFY_NONE);
}

static gboolean
load_conditions(const Graph *graph, Task *task, JsonObject *it, GError **error)
{
  JsonArray *needed = array_of(it, "condition_needs"), *results = array_of(it, "results");
  for (guint k = 0; k < length_of(needed); k++) {
    Member member;
    if (!read_member(graph, object_at(needed, k), &member))
      return FAIL(error, "task %s: a task that its condition needs is unknown", task->name);
    g_array_append_val(task->needed, member);
  }
  for (guint k = 0; k < length_of(results); k++) {
    Result result = {.field = NULL};
    JsonObject *one = object_at(results, k);
    if (!read_member(graph, one, &result.of) || text_of(one, "field") == NULL)
      return FAIL(error, "task %s: a result that it reads is unknown", task->name);
    result.field = text_of(one, "field");
    result.in_condition = g_strcmp0(text_of(one, "in"), "argument") != 0;
    g_array_append_val(task->results, result);
  }
  return TRUE;
}

static gboolean
is_port(JsonNode *node, gint64 *out_port)
{
  if (!JSON_NODE_HOLDS_VALUE(node) || json_node_get_value_type(node) != G_TYPE_INT64)
    return FALSE;
  *out_port = json_node_get_int(node);
  return *out_port >= 0;
}

static gboolean
load_requires(const Graph *graph, Task *task, JsonObject *it, GError **error)
{
  JsonArray *requires = array_of(it, "requires"), *provides = array_of(it, "provides");
  for (guint k = 0; k < length_of(requires); k++) {
    JsonObject *one = object_at(requires, k);
    Requirement requirement = {CERTIFY_NONE, -1};
    if (one != NULL)
      requirement.machine = graph_machine(graph, text_of(one, "machine"));
    if (requirement.machine == CERTIFY_NONE)
      return FAIL(error, "task %s: a machine that it requires is unknown", task->name);
    if (json_object_has_member(one, "port") &&
        !is_port(json_object_get_member(one, "port"), &requirement.port))
      return FAIL(error, "task %s: a port that it requires is no number", task->name);
    g_array_append_val(task->requires, requirement);
  }
  for (guint k = 0; k < length_of(provides); k++) {
    gint64 port = 0;
    if (!is_port(json_array_get_element(provides, k), &port))
      return FAIL(error, "task %s: a port that it provides is no number", task->name);
    g_array_append_val(task->provides, port);
  }
  return TRUE;
}

static gboolean
load_names(const Graph *graph, JsonArray *names, gboolean machines, GArray *out)
{
  for (guint k = 0; k < length_of(names); k++) {
    const char *name = string_at(names, k);
    guint32 place = machines ? graph_machine(graph, name) : graph_task(graph, name);
    if (place == CERTIFY_NONE)
      return FALSE;
    g_array_append_val(out, place);
  }
  return TRUE;
}

static void
load_paths(JsonArray *paths, GPtrArray *out)
{
  for (guint k = 0; k < length_of(paths); k++)
    if (string_at(paths, k) != NULL)
      g_ptr_array_add(out, (gpointer)string_at(paths, k));
}

static gboolean
load_task(Graph *graph, guint32 t, JsonObject *it, GError **error)
{
  Task *task = task_at(graph, t);
  if (!load_names(graph, array_of(it, "targets"), TRUE, task->targets) ||
      !load_names(graph, array_of(it, "after"), FALSE, task->after))
    return FAIL(error, "task %s: a target or a task that it comes after is unknown", task->name);
  for (guint k = 0; k < task->after->len; k++) {
    gint64 key = (gint64)((guint64)g_array_index(task->after, guint32, k) << 32 | t);
    g_hash_table_add(graph->edges, g_memdup2(&key, sizeof key));
  }
  for (guint k = 0; k < task->targets->len; k++)
    g_array_append_val(machine_at(graph, g_array_index(task->targets, guint32, k))->tasks, t);
  if (json_object_has_member(it, "stops")) {
    task->stops = graph_task(graph, text_of(it, "stops"));
    if (task->stops == CERTIFY_NONE)
      return FAIL(error, "task %s: the task that it stops is unknown", task->name);
  }
  load_paths(array_of(it, "reads"), task->reads);
  load_paths(array_of(it, "writes"), task->writes);
  return load_words(task, it, error) && load_conditions(graph, task, it, error) &&
         load_requires(graph, task, it, error);
}

/* ---- what follows ---- */

/* A machine that some task switches on is off at first, unless the script says otherwise. */
static void
find_first_state(Graph *graph, JsonArray *machines)
{
  for (guint32 m = 0; m < graph->machines->len; m++) {
    Machine *machine = machine_at(graph, m);
    const char *initially = text_of(object_at(machines, m), "initially");
    for (guint k = 0; k < machine->tasks->len; k++)
      machine->off_at_first |=
          g_strcmp0(task_at(graph, g_array_index(machine->tasks, guint32, k))->control,
                    "power_on") == 0;
    if (initially != NULL)
      machine->off_at_first = strcmp(initially, "off") == 0;
  }
}

/* Tasks in an order of the experiment; FALSE: there is a cycle. */
static gboolean
sort_tasks(const Graph *graph, GArray *out)
{
  guint32 n = graph->tasks->len;
  g_autofree guint32 *waiting = g_new0(guint32, (gsize)n + 1);
  g_autofree guint32 *row = g_new0(guint32, (gsize)n + 2);
  guint32 n_edges = 0;
  for (guint32 t = 0; t < n; t++) {
    waiting[t] = task_at(graph, t)->after->len;
    n_edges += waiting[t];
    for (guint k = 0; k < waiting[t]; k++)
      row[g_array_index(task_at(graph, t)->after, guint32, k) + 1]++;
  }
  for (guint32 t = 0; t < n; t++)
    row[t + 1] += row[t];
  g_autofree guint32 *followers = g_new0(guint32, (gsize)n_edges + 1);
  g_autofree guint32 *next = g_memdup2(row, ((gsize)n + 1) * sizeof *row);
  for (guint32 t = 0; t < n; t++)
    for (guint k = 0; k < task_at(graph, t)->after->len; k++)
      followers[next[g_array_index(task_at(graph, t)->after, guint32, k)]++] = t;
  for (guint32 t = 0; t < n; t++)
    if (waiting[t] == 0)
      g_array_append_val(out, t);
  for (guint done = 0; done < out->len; done++) {
    guint32 t = g_array_index(out, guint32, done);
    for (guint32 k = row[t]; k < row[t + 1]; k++)
      if (--waiting[followers[k]] == 0)
        g_array_append_val(out, followers[k]);
  }
  return out->len == n;
}

/* Fragile: a `stop` may end it early, or something before it may keep it from running while the run
 * goes on. */
static gboolean
find_fragile(Graph *graph, GError **error)
{
  g_autoptr(GArray) sorted = g_array_new(FALSE, FALSE, sizeof(guint32));
  g_autofree guint8 *drops = g_new0(guint8, (gsize)graph->tasks->len + 1);
  if (!sort_tasks(graph, sorted))
    return FAIL(error, "the tasks wait for each other in a circle");
  for (guint32 t = 0; t < graph->tasks->len; t++) {
    const Task *task = task_at(graph, t);
    drops[t] |= task->on_failure == ON_FAILURE_SKIP;
    if (task->stops != CERTIFY_NONE)
      drops[task->stops] = task_at(graph, task->stops)->fragile = TRUE;
  }
  for (guint i = 0; i < sorted->len; i++) {
    Task *task = task_at(graph, g_array_index(sorted, guint32, i));
    for (guint k = 0; k < task->after->len && !task->always; k++) {
      guint32 other = g_array_index(task->after, guint32, k);
      task->fragile |=
          drops[other] || (task_at(graph, other)->fragile && !task_at(graph, other)->always);
    }
  }
  return TRUE;
}

/* ---- all of it ---- */

static gboolean
load(Graph *graph, GError **error)
{
  JsonObject *root = json_node_get_object(json_parser_get_root(graph->parser));
  JsonArray *machines = array_of(root, "machines"), *tasks = array_of(root, "tasks");
  if (machines == NULL || tasks == NULL)
    return FAIL(error, "it is no experiment of `vnecc --emit=json`");
  for (guint k = 0; k < length_of(machines); k++)
    if (!load_machine(graph, root, object_at(machines, k), error))
      return FALSE;
  for (guint k = 0; k < length_of(tasks); k++)
    if (!add_task(graph, object_at(tasks, k), error))
      return FALSE;
  for (guint k = 0; k < length_of(tasks); k++)
    if (!load_task(graph, k, object_at(tasks, k), error))
      return FALSE;
  find_first_state(graph, machines);
  return find_fragile(graph, error);
}

Graph *
graph_load(const char *path, GError **error)
{
  JsonParser *parser = json_load(path, error);
  if (parser == NULL)
    return NULL;
  g_autoptr(Graph) graph = g_new0(Graph, 1);
  graph->parser = parser;
  graph->tasks = g_ptr_array_new_with_free_func(task_free);
  graph->machines = g_ptr_array_new_with_free_func(machine_free);
  graph->task_by_name = g_hash_table_new(g_str_hash, g_str_equal);
  graph->machine_by_name = g_hash_table_new(g_str_hash, g_str_equal);
  graph->edges = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, NULL);
  if (!load(graph, error)) {
    g_prefix_error(error, "%s: ", path);
    return NULL;
  }
  return g_steal_pointer(&graph);
}

void
graph_free(Graph *graph)
{
  if (graph == NULL)
    return;
  g_ptr_array_unref(graph->tasks);
  g_ptr_array_unref(graph->machines);
  g_hash_table_unref(graph->task_by_name);
  g_hash_table_unref(graph->machine_by_name);
  g_hash_table_unref(graph->edges);
  g_object_unref(graph->parser);
  g_free(graph);
}
