/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The model is gone over once to copy; followers are counted and filled from the copy. */
#include "plan/links.h"

static void
copy_before(VnPlanLinks *links, const VnModel *model)
{
  guint32 at = 0;
  for (guint32 t = 0; t < links->n_tasks; t++) {
    const VnTask *task = &model->tasks[t];
    links->before_row[t] = at;
    for (guint32 k = 0; k < task->n_after; k++)
      links->before[at++] = task->after[k];
  }
  links->before_row[links->n_tasks] = at;
}

/* While it fills, row[t + 1] is where the next follower of t goes: in the end, where those of
 * t + 1 begin. */
static void
turn_round(VnPlanLinks *links)
{
  guint32 n_orders = links->before_row[links->n_tasks], at = 0;
  for (guint32 k = 0; k < n_orders; k++)
    links->row[links->before[k] + 1]++;
  for (guint32 t = 0; t < links->n_tasks; t++) {
    guint32 n = links->row[t + 1];
    links->row[t + 1] = at;
    at += n;
  }
  for (guint32 t = 0; t < links->n_tasks; t++)
    for (guint32 k = links->before_row[t]; k < links->before_row[t + 1]; k++)
      links->followers[links->row[links->before[k] + 1]++] = t;
}

VnPlanLinks
vn_plan_links(const VnModel *model, VnArena *arena)
{
  guint32 n = model->n_tasks, n_orders = 0;
  for (guint32 t = 0; t < n; t++)
    n_orders += model->tasks[t].n_after;
  VnPlanLinks links = {.n_tasks = n,
                       .before_row = vn_arena_array0(arena, guint32, (gsize)n + 1),
                       .before = vn_arena_array0(arena, guint32, n_orders),
                       .row = vn_arena_array0(arena, guint32, (gsize)n + 1),
                       .followers = vn_arena_array0(arena, guint32, n_orders)};
  copy_before(&links, model);
  turn_round(&links);
  return links;
}
