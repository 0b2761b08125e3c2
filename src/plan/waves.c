/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The wave of a task is one more than the highest of those it comes after: found while tasks are
 * taken away once all that they come after are away. */
#include "plan/waves.h"

/* Of a task: what is looked at together. */
typedef struct {
  guint32 left; /* tasks it comes after that are not away */
  guint32 wave;
} Place;

static void
number_waves(const VnPlanLinks *links, guint32 *wave)
{
  g_autofree Place *places = g_new(Place, (gsize)links->n_tasks + 1);
  g_autofree guint32 *queue = g_new(guint32, (gsize)links->n_tasks + 1);
  guint32 n = 0;
  for (guint32 t = 0; t < links->n_tasks; t++) {
    places[t] = (Place){links->before_row[t + 1] - links->before_row[t], 1};
    if (places[t].left == 0)
      queue[n++] = t;
  }
  for (guint32 done = 0; done < n; done++) {
    guint32 t = queue[done], next = places[t].wave + 1;
    for (guint32 k = links->row[t]; k < links->row[t + 1]; k++) {
      Place *place = &places[links->followers[k]];
      place->wave = MAX(place->wave, next);
      if (--place->left == 0)
        queue[n++] = links->followers[k];
    }
  }
  g_assert(n == links->n_tasks);
  for (guint32 t = 0; t < links->n_tasks; t++)
    wave[t] = places[t].wave;
}

VnWaves
vn_plan_waves_of(const VnPlanLinks *links, VnArena *arena)
{
  VnWaves waves = {vn_arena_array0(arena, guint32, links->n_tasks),
                   vn_arena_array0(arena, guint32, links->n_tasks), 0};
  number_waves(links, waves.wave);
  for (guint32 t = 0; t < links->n_tasks; t++)
    waves.n_waves = MAX(waves.n_waves, waves.wave[t]);
  /* first[w] becomes the place of the first task of wave w */
  g_autofree guint32 *first = g_new0(guint32, (gsize)waves.n_waves + 2);
  for (guint32 t = 0; t < links->n_tasks; t++)
    first[waves.wave[t] + 1]++;
  for (guint32 w = 1; w <= waves.n_waves; w++)
    first[w + 1] += first[w];
  for (guint32 t = 0; t < links->n_tasks; t++)
    waves.order[first[waves.wave[t]]++] = t;
  return waves;
}

VnWaves
vn_plan_waves(const VnModel *model, VnArena *arena)
{
  g_autoptr(VnArena) links_arena = vn_arena_new();
  VnPlanLinks links = vn_plan_links(model, links_arena);
  return vn_plan_waves_of(&links, arena);
}
