/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Three levels of counters, each with a queue that runs through `next`. A node that is released
 * while it waits stays in its queue and is passed over when it comes to the front; it can't be
 * claimed again before (a cancelled node never is). */
#include "master/slots.h"

typedef enum { LEVEL_VM, LEVEL_SITE, LEVEL_EXPERIMENT, LEVEL_ALL } Level;

typedef struct {
  guint32 used;
  guint32 first, last; /* of those that wait; VN_NO_ID: none */
} Pool;

struct VnSlots {
  const VnGraph *graph;
  guint32 limits[LEVEL_ALL];
  Pool *pools[LEVEL_ALL]; /* by VM, by site, one */
  guint32 *site;          /* by VM */
  guint32 *next;          /* by node */
  guint8 *held;           /* by node: number of levels that it has */
  guint8 *waits;          /* by node: it stands in the queue of level `held` and wants it */
};

static Pool *
new_pools(guint32 n)
{
  Pool *pools = g_new(Pool, MAX(n, 1));
  for (guint32 k = 0; k < n; k++)
    pools[k] = (Pool){.first = VN_NO_ID, .last = VN_NO_ID};
  return pools;
}

VnSlots *
vn_slots_new(const VnGraph *graph, const VnSchedulerLimits *limits)
{
  if (limits == NULL || (limits->by_vm | limits->by_site | limits->by_experiment) == 0)
    return NULL;
  const VnModel *model = graph->model;
  VnSlots *slots = g_new0(VnSlots, 1);
  slots->graph = graph;
  slots->limits[LEVEL_VM] = limits->by_vm;
  slots->limits[LEVEL_SITE] = limits->by_site;
  slots->limits[LEVEL_EXPERIMENT] = limits->by_experiment;
  slots->pools[LEVEL_VM] = new_pools(model->topology.n_vms);
  slots->pools[LEVEL_SITE] = new_pools(model->n_sites);
  slots->pools[LEVEL_EXPERIMENT] = new_pools(1);
  slots->site = g_new0(guint32, model->topology.n_vms + 1);
  for (guint32 v = 0; limits->by_site > 0 && v < model->topology.n_vms; v++)
    slots->site[v] = vn_model_site(model, v);
  slots->next = g_new(guint32, graph->n_nodes);
  slots->held = g_new0(guint8, graph->n_nodes);
  slots->waits = g_new0(guint8, graph->n_nodes);
  return slots;
}

void
vn_slots_free(VnSlots *slots)
{
  if (slots == NULL)
    return;
  for (Level level = LEVEL_VM; level < LEVEL_ALL; level++)
    g_free(slots->pools[level]);
  g_free(slots->site);
  g_free(slots->next);
  g_free(slots->held);
  g_free(slots->waits);
  g_free(slots);
}

static Pool *
pool_of(VnSlots *slots, guint32 node, Level level)
{
  guint32 vm = slots->graph->nodes[node].vm;
  switch (level) {
  case LEVEL_VM:
    return &slots->pools[level][vm];
  case LEVEL_SITE:
    return &slots->pools[level][slots->site[vm]];
  case LEVEL_EXPERIMENT:
  case LEVEL_ALL:
    break;
  }
  return &slots->pools[LEVEL_EXPERIMENT][0];
}

static void
enqueue(VnSlots *slots, Pool *pool, guint32 node)
{
  slots->waits[node] = TRUE;
  slots->next[node] = VN_NO_ID;
  if (pool->first == VN_NO_ID)
    pool->first = node;
  else
    slots->next[pool->last] = node;
  pool->last = node;
}

/* VN_NO_ID: nobody waits. */
static guint32
dequeue(VnSlots *slots, Pool *pool)
{
  while (pool->first != VN_NO_ID) {
    guint32 node = pool->first;
    pool->first = slots->next[node];
    if (slots->waits[node]) {
      slots->waits[node] = FALSE;
      return node;
    }
  }
  return VN_NO_ID;
}

gboolean
vn_slots_claim(VnSlots *slots, guint32 node)
{
  if (slots == NULL)
    return TRUE;
  for (Level level = slots->held[node]; level < LEVEL_ALL; level++) {
    Pool *pool = pool_of(slots, node, level);
    if (slots->limits[level] > 0 && pool->used >= slots->limits[level]) {
      enqueue(slots, pool, node);
      return FALSE;
    }
    pool->used++;
    slots->held[node] = level + 1;
  }
  return TRUE;
}

guint
vn_slots_release(VnSlots *slots, guint32 node, guint32 granted[VN_SLOTS_MAX_GRANTED])
{
  guint n_granted = 0;
  if (slots == NULL)
    return 0;
  slots->waits[node] = FALSE;
  while (slots->held[node] > 0) {
    Pool *pool = pool_of(slots, node, --slots->held[node]);
    pool->used--;
    guint32 other = dequeue(slots, pool);
    if (other != VN_NO_ID && vn_slots_claim(slots, other))
      granted[n_granted++] = other;
  }
  return n_granted;
}
