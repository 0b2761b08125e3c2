/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What every step needs, worked out from the experiment alone. */
#include "certify/certify.h"

#include <string.h>

char *
need_key(guint32 task, guint32 machine, const char *needs, const char *object, const char *more,
         gint64 number)
{
  return g_strdup_printf("%u %u %s|%s|%s|%" G_GINT64_FORMAT, task, machine, needs,
                         object != NULL ? object : "", more != NULL ? more : "", number);
}

typedef struct {
  const Graph *graph;
  GHashTable *needs;
  guint32 task, machine;
} Step;

static void
add(const Step *step, const char *needs, const char *object, const char *more, gint64 number)
{
  g_hash_table_insert(step->needs, need_key(step->task, step->machine, needs, object, more, number),
                      NULL);
}

static const char *
name_of(const Step *step, guint32 machine)
{
  return machine_at(step->graph, machine)->name;
}

static void
add_peers(const Step *step)
{
  const GArray *requires = task_at(step->graph, step->task)->requires;
  for (guint k = 0; k < requires->len; k++) {
    const Requirement *it = &g_array_index(requires, Requirement, k);
    if (it->port >= 0)
      add(step, "service", name_of(step, it->machine), NULL, it->port);
    else if (it->machine != step->machine)
      add(step, "on", name_of(step, it->machine), NULL, 0);
    if (it->machine != step->machine)
      add(step, "path", name_of(step, it->machine), NULL, 0);
  }
}

static void
add_results(const Step *step)
{
  const GArray *results = task_at(step->graph, step->task)->results;
  for (guint k = 0; k < results->len; k++) {
    const Result *it = &g_array_index(results, Result, k);
    const char *of = task_at(step->graph, it->of.task)->name;
    if (it->in_condition)
      add(step, "order", of, NULL, 0);
    else
      add(step, "result", of, it->field,
          it->of.machine != CERTIFY_NONE ? (gint64)it->of.machine : -1);
  }
}

static gboolean
share_path(const Task *reader, const Task *writer)
{
  for (guint i = 0; i < reader->reads->len; i++)
    for (guint k = 0; k < writer->writes->len; k++)
      if (strcmp(reader->reads->pdata[i], writer->writes->pdata[k]) == 0)
        return TRUE;
  return FALSE;
}

static void
add_files(const Step *step)
{
  const Task *pull = task_at(step->graph, step->task);
  const GArray *others = machine_at(step->graph, step->machine)->tasks;
  for (guint k = 0; k < others->len; k++) {
    guint32 t = g_array_index(others, guint32, k);
    const Task *other = task_at(step->graph, t);
    if (t != step->task && other->condition != CONDITION_NEVER && share_path(pull, other))
      add(step, "file", other->name, NULL, 0);
  }
}

static void
add_step(const Step *step)
{
  const Task *task = task_at(step->graph, step->task);
  add_results(step);
  if (step->machine == CERTIFY_NONE)
    return;
  const char *own = name_of(step, step->machine), *control = task->control;
  gboolean pull = g_strcmp0(control, "pull") == 0;
  if (control == NULL || pull || strcmp(control, "push") == 0)
    add(step, "on", own, NULL, 0);
  else if (strcmp(control, "suspend") == 0 || strcmp(control, "resume") == 0)
    add(step, "not off", own, NULL, 0);
  else if (strcmp(control, "revert") == 0 && task->snapshot != NULL)
    add(step, "snapshot", NULL, NULL, 0);
  if (control == NULL)
    add_peers(step);
  if (pull)
    add_files(step);
}

GHashTable *
needs_of(const Graph *graph)
{
  GHashTable *needs = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
  for (guint32 t = 0; t < graph->tasks->len; t++) {
    const Task *task = task_at(graph, t);
    Step step = {graph, needs, t, CERTIFY_NONE};
    if (task->condition == CONDITION_NEVER)
      continue;
    for (guint k = 0; k < task->targets->len; k++) {
      step.machine = g_array_index(task->targets, guint32, k);
      add_step(&step);
    }
    if (task->targets->len == 0)
      add_step(&step);
  }
  return needs;
}
