/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "analyze/files.h"

#include <stdlib.h>

#include "model/bound.h"

/* The files of one task; its members name the same. */
typedef struct {
  VnAnalysis *analysis;
  GHashTable *paths; /* path: itself */
  GArray *of_task;   /* of VnFileUse, without step */
  const VnTask *task;
} Reader;

static const char *
intern(Reader *reader, const char *text)
{
  g_autofree char *path = g_canonicalize_filename(text, "/");
  const char *known = g_hash_table_lookup(reader->paths, path);
  if (known != NULL)
    return known;
  char *copy = vn_arena_strdup(reader->analysis->arena, path);
  g_hash_table_insert(reader->paths, copy, copy);
  return copy;
}

static void
add(Reader *reader, const VnExpr *expr, gboolean writes)
{
  VnValue value;
  if (!vn_task_value(reader->analysis->model, reader->task, expr, reader->analysis->arena,
                     &value) ||
      value.kind != VN_VALUE_STRING)
    return;
  VnFileUse use = {VN_NO_ID, writes, intern(reader, value.text->text)};
  for (guint k = 0; k < reader->of_task->len; k++) {
    VnFileUse *other = &g_array_index(reader->of_task, VnFileUse, k);
    if (other->path == use.path) {
      other->writes |= writes;
      return;
    }
  }
  g_array_append_val(reader->of_task, use);
}

static void
read_task(Reader *reader, const VnTask *task)
{
  reader->task = task;
  g_array_set_size(reader->of_task, 0);
  if (task->control == VN_CONTROL_PUSH && task->n_args > 1)
    add(reader, task->args[1], TRUE);
  else if (task->control == VN_CONTROL_PULL && task->n_args > 0)
    add(reader, task->args[0], FALSE);
  if (task->control != VN_CONTROL_NONE)
    return;
  const VnAction *action = &reader->analysis->model->actions[task->action];
  for (guint32 k = 0; k < action->n_reads; k++)
    add(reader, action->reads[k], FALSE);
  for (guint32 k = 0; k < action->n_writes; k++)
    add(reader, action->writes[k], TRUE);
}

static int
compare(gconstpointer a, gconstpointer b)
{
  const VnFileUse *x = a, *y = b;
  if (x->path != y->path)
    return x->path < y->path ? -1 : 1;
  return x->step < y->step ? -1 : x->step > y->step;
}

/* Sorts what was found, task by task, by VM. */
static void
sort_by_vm(VnFiles *files, const VnAnalysis *analysis)
{
  guint32 n_vms = analysis->model->topology.n_vms;
  guint32 n = files->uses->len;
  const VnFileUse *old = (const VnFileUse *)(gpointer)files->uses->data;
  GArray *sorted = g_array_sized_new(FALSE, TRUE, sizeof(VnFileUse), n);
  g_array_set_size(sorted, n);
  for (guint32 k = 0; k < n; k++)
    files->vm_row[analysis->graph->nodes[old[k].step].vm + 1]++;
  for (guint32 v = 0; v < n_vms; v++)
    files->vm_row[v + 1] += files->vm_row[v];
  g_autofree guint32 *next = g_memdup2(files->vm_row, ((gsize)n_vms + 1) * sizeof(guint32));
  for (guint32 k = 0; k < n; k++)
    g_array_index(sorted, VnFileUse, next[analysis->graph->nodes[old[k].step].vm]++) = old[k];
  for (guint32 v = 0; v < n_vms; v++)
    if (files->vm_row[v + 1] > files->vm_row[v])
      qsort(&g_array_index(sorted, VnFileUse, files->vm_row[v]),
            files->vm_row[v + 1] - files->vm_row[v], sizeof(VnFileUse), compare);
  g_array_unref(files->uses);
  files->uses = sorted;
}

VnFiles
vn_files_of(VnAnalysis *analysis)
{
  const VnModel *model = analysis->model;
  VnFiles files = {g_array_new(FALSE, FALSE, sizeof(VnFileUse)),
                   vn_arena_array0(analysis->arena, guint32, (gsize)model->topology.n_vms + 1)};
  g_autoptr(GHashTable) paths = g_hash_table_new(g_str_hash, g_str_equal);
  g_autoptr(GArray) of_task = g_array_new(FALSE, FALSE, sizeof(VnFileUse));
  Reader reader = {analysis, paths, of_task, NULL};
  for (guint32 t = 0; t < model->n_tasks; t++) {
    if (vn_runs_is_dead(analysis->runs, t) || model->tasks[t].n_targets == 0)
      continue;
    read_task(&reader, &model->tasks[t]);
    for (guint32 m = 0; of_task->len > 0 && m < model->tasks[t].n_targets; m++)
      for (guint k = 0; k < of_task->len; k++) {
        VnFileUse use = g_array_index(of_task, VnFileUse, k);
        use.step = analysis->graph->task_first[t] + m;
        g_array_append_val(files.uses, use);
      }
  }
  sort_by_vm(&files, analysis);
  return files;
}

void
vn_files_clear(VnFiles *files)
{
  g_array_unref(files->uses);
}

guint32
vn_files_same_path(const VnFiles *files, guint32 from, guint32 end)
{
  const char *path = g_array_index(files->uses, VnFileUse, from).path;
  while (from < end && g_array_index(files->uses, VnFileUse, from).path == path)
    from++;
  return from;
}
