/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Cycles of the workflow (VN301).
 *
 * Tasks are taken away once all that they come after are away (Kahn). Each that is left comes
 * after another that is left; following the first such one must end in a cycle, and that is what
 * is shown. */
#include "plan/cycle.h"

#include "plan/links.h"

/* A cycle longer than this is shown in part. */
#define MAX_SHOWN 12

typedef struct {
  const VnModel *model;
  guint32 *left; /* by task: predecessors that are not away; 0: away itself */
} Order;

/* Gives the number of tasks that could not be taken away. */
static guint32
take_away(Order *order)
{
  guint32 n_tasks = order->model->n_tasks;
  g_autoptr(VnArena) arena = vn_arena_new();
  VnPlanLinks links = vn_plan_links(order->model, arena);
  g_autofree guint32 *stack = g_new(guint32, n_tasks + 1);
  guint32 depth = 0, away = 0;
  for (guint32 t = 0; t < n_tasks; t++) {
    order->left[t] = links.before_row[t + 1] - links.before_row[t];
    if (order->left[t] == 0)
      stack[depth++] = t;
  }
  while (depth > 0) {
    guint32 t = stack[--depth];
    away++;
    for (guint32 k = links.row[t]; k < links.row[t + 1]; k++) {
      if (--order->left[links.followers[k]] == 0)
        stack[depth++] = links.followers[k];
    }
  }
  return n_tasks - away;
}

static guint32
first_left(const Order *order, guint32 t)
{
  const VnTask *task = &order->model->tasks[t];
  for (guint32 k = 0; k < task->n_after; k++) {
    if (order->left[task->after[k]] > 0)
      return task->after[k];
  }
  g_assert_not_reached();
}

/* member is on a cycle: the report begins with the task that stands first in the script. */
static void
report_cycle(const Order *order, guint32 member, VnDiagSink *sink)
{
  const VnTask *tasks = order->model->tasks;
  guint32 first = member, length = 1;
  for (guint32 t = first_left(order, member); t != member; t = first_left(order, t), length++) {
    if (tasks[t].span.start < tasks[first].span.start)
      first = t;
  }
  g_autoptr(GString) path = g_string_new(tasks[first].name);
  guint32 t = first;
  for (guint32 k = 0; k < MIN(length, MAX_SHOWN); k++) {
    t = first_left(order, t);
    g_string_append_printf(path, " after %s", tasks[t].name);
  }
  if (length > MAX_SHOWN)
    g_string_append(path, " …");
  VnDiag *diag =
      vn_diag_add(sink, VN_DIAG_VN301, tasks[first].span, "no task can start: %s", path->str);
  t = first;
  for (guint32 k = 0; k + 1 < MIN(length, MAX_SHOWN); k++) {
    guint32 before = first_left(order, t);
    vn_diag_place(diag, tasks[before].span, "%s waits for %s", tasks[t].name, tasks[before].name);
    t = before;
  }
  vn_diag_hint(diag, "take one of these `after` (or arrows of a flow) away");
}

gboolean
vn_plan_check_cycles(const VnModel *model, VnDiagSink *sink)
{
  g_autofree guint32 *left = g_new(guint32, model->n_tasks + 1);
  Order order = {.model = model, .left = left};
  if (take_away(&order) == 0)
    return TRUE;
  /* 0: not seen; else the walk that saw it. A walk that meets its own trail has found a cycle. */
  g_autofree guint32 *seen = g_new0(guint32, model->n_tasks);
  for (guint32 start = 0; start < model->n_tasks; start++) {
    if (left[start] == 0 || seen[start] != 0)
      continue;
    guint32 t = start;
    for (; seen[t] == 0; t = first_left(&order, t))
      seen[t] = start + 1;
    if (seen[t] == start + 1)
      report_cycle(&order, t, sink);
  }
  return FALSE;
}
