/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The wave of a task is one more than the highest of those it comes after: found while tasks are
 * taken away once all that they come after are away. */
#include "plan/waves.h"

#include "plan/cycle.h"

static void
number_waves(const VnModel *model, guint32 *wave)
{
  g_autofree guint32 *row = g_new0(guint32, model->n_tasks + 1);
  g_autofree guint32 *followers = vn_plan_followers(model, row);
  g_autofree guint32 *left = g_new(guint32, model->n_tasks + 1);
  g_autofree guint32 *queue = g_new(guint32, model->n_tasks + 1);
  guint32 n = 0;
  for (guint32 t = 0; t < model->n_tasks; t++) {
    left[t] = model->tasks[t].n_after;
    wave[t] = 1;
    if (left[t] == 0)
      queue[n++] = t;
  }
  for (guint32 done = 0; done < n; done++) {
    for (guint32 k = row[queue[done]]; k < row[queue[done] + 1]; k++) {
      guint32 follower = followers[k];
      wave[follower] = MAX(wave[follower], wave[queue[done]] + 1);
      if (--left[follower] == 0)
        queue[n++] = follower;
    }
  }
  g_assert(n == model->n_tasks);
}

VnWaves
vn_plan_waves(const VnModel *model, VnArena *arena)
{
  VnWaves waves = {vn_arena_array0(arena, guint32, model->n_tasks),
                   vn_arena_array0(arena, guint32, model->n_tasks), 0};
  number_waves(model, waves.wave);
  for (guint32 t = 0; t < model->n_tasks; t++)
    waves.n_waves = MAX(waves.n_waves, waves.wave[t]);
  /* first[w] becomes the place of the first task of wave w */
  g_autofree guint32 *first = g_new0(guint32, waves.n_waves + 2);
  for (guint32 t = 0; t < model->n_tasks; t++)
    first[waves.wave[t] + 1]++;
  for (guint32 w = 1; w <= waves.n_waves; w++)
    first[w + 1] += first[w];
  for (guint32 t = 0; t < model->n_tasks; t++)
    waves.order[first[waves.wave[t]]++] = t;
  return waves;
}
