/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Breadth-first search outward from the routers of each class, level by level; within a level
 * segments and routers are taken in the order of the script, which settles equals. */
#include "topology/reach.h"

#include <stdlib.h>

static gboolean
takes_part(const VnReach *reach, const VnTopology *topology, guint32 iface)
{
  const VnIface *it = &topology->ifaces[iface];
  return reach->router_of[it->vm] != VN_NO_ID &&
         vn_iface_address((VnIface *)it, reach->family)->family != 0;
}

static void
number_routers(VnReach *reach, const VnTopology *topology)
{
  reach->router_of = g_new(guint32, topology->n_vms + 1);
  for (guint32 vm = 0; vm < topology->n_vms; vm++) {
    const VnVm *it = &topology->vms[vm];
    if (it->kind != VN_VM_ROUTER)
      reach->router_of[vm] = VN_NO_ID;
    else if (it->split_of != VN_NO_ID)
      reach->router_of[vm] = reach->router_of[it->split_of];
    else
      reach->router_of[vm] = reach->n_routers++;
  }
}

/* Two turned tables, each sorted by what it doesn't group: fills segment rows by passing over the
 * routers in order, then router rows by passing over the segments in order. */
static void
fill_rows(VnReach *reach, const VnTopology *topology)
{
  guint32 n = topology->n_ifaces;
  guint32 *by_router = g_new0(guint32, reach->n_routers + 2);
  guint32 *by_segment = g_new0(guint32, topology->n_segments + 2);
  for (guint32 i = 0; i < n; i++)
    if (takes_part(reach, topology, i)) {
      by_router[reach->router_of[topology->ifaces[i].vm] + 2]++;
      by_segment[topology->ifaces[i].segment + 2]++;
    }
  for (guint32 r = 0; r < reach->n_routers; r++)
    by_router[r + 2] += by_router[r + 1];
  for (guint32 s = 0; s < topology->n_segments; s++)
    by_segment[s + 2] += by_segment[s + 1];
  guint32 total = by_router[reach->n_routers + 1];
  reach->router_ifaces = g_new(guint32, total + 1);
  reach->segment_ifaces = g_new(guint32, total + 1);
  g_autofree guint32 *unsorted = g_new(guint32, total + 1);
  g_autofree guint32 *cursor = g_memdup2(by_router, (reach->n_routers + 2) * sizeof *by_router);
  for (guint32 i = 0; i < n; i++)
    if (takes_part(reach, topology, i))
      unsorted[cursor[reach->router_of[topology->ifaces[i].vm] + 1]++] = i;
  for (guint32 k = 0; k < total; k++)
    reach->segment_ifaces[by_segment[topology->ifaces[unsorted[k]].segment + 1]++] = unsorted[k];
  for (guint32 k = 0; k < total; k++) {
    guint32 i = reach->segment_ifaces[k];
    reach->router_ifaces[by_router[reach->router_of[topology->ifaces[i].vm] + 1]++] = i;
  }
  reach->router_row = by_router;
  reach->segment_row = by_segment;
}

/* The routers on a segment, as bytes: equal for segments of one class. */
static GBytes *
class_key(const VnReach *reach, const VnTopology *topology, guint32 segment)
{
  guint32 from = reach->segment_row[segment], n = reach->segment_row[segment + 1] - from;
  guint32 *routers = g_new(guint32, n + 1);
  for (guint32 k = 0; k < n; k++)
    routers[k] = reach->router_of[topology->ifaces[reach->segment_ifaces[from + k]].vm];
  return g_bytes_new_take(routers, n * sizeof *routers);
}

static void
classify(VnReach *reach, const VnTopology *topology)
{
  g_autoptr(GHashTable) known =
      g_hash_table_new_full(g_bytes_hash, g_bytes_equal, (GDestroyNotify)g_bytes_unref, NULL);
  reach->class_of = g_new(guint32, topology->n_segments + 1);
  reach->class_first = g_new(guint32, topology->n_segments + 1);
  for (guint32 s = 0; s < topology->n_segments; s++) {
    gpointer number;
    reach->class_of[s] = VN_NO_ID;
    if (reach->segment_row[s] == reach->segment_row[s + 1])
      continue;
    GBytes *key = class_key(reach, topology, s);
    if (g_hash_table_lookup_extended(known, key, NULL, &number)) {
      reach->class_of[s] = GPOINTER_TO_UINT(number);
      g_bytes_unref(key);
      continue;
    }
    reach->class_of[s] = reach->n_classes;
    reach->class_first[reach->n_classes] = s;
    g_hash_table_insert(known, key, GUINT_TO_POINTER(reach->n_classes++));
  }
}

typedef struct {
  const VnReach *reach;
  const VnTopology *topology;
  guint32 *out, *nearest; /* of the class */
  gboolean *router_seen;
  guint32 *routers, *segments; /* of the present level */
  guint32 n_routers, n_segments;
} Search;

static int
compare_numbers(const void *a, const void *b)
{
  guint32 x = *(const guint32 *)a, y = *(const guint32 *)b;
  return (x > y) - (x < y);
}

static void
sort_numbers(guint32 *numbers, guint32 n)
{
  for (guint32 i = 1; i < n; i++)
    if (numbers[i - 1] > numbers[i]) {
      qsort(numbers, n, sizeof *numbers, compare_numbers);
      return;
    }
}

/* From the routers of this level to the segments behind them. */
static void
step_to_segments(Search *search)
{
  const VnReach *reach = search->reach;
  search->n_segments = 0;
  sort_numbers(search->routers, search->n_routers);
  for (guint32 k = 0; k < search->n_routers; k++) {
    guint32 r = search->routers[k];
    for (guint32 i = reach->router_row[r]; i < reach->router_row[r + 1]; i++) {
      guint32 iface = reach->router_ifaces[i];
      guint32 segment = search->topology->ifaces[iface].segment;
      if (search->nearest[segment] != VN_NO_ID)
        continue;
      search->nearest[segment] = iface;
      search->segments[search->n_segments++] = segment;
    }
  }
}

static void
step_to_routers(Search *search)
{
  const VnReach *reach = search->reach;
  search->n_routers = 0;
  sort_numbers(search->segments, search->n_segments);
  for (guint32 k = 0; k < search->n_segments; k++) {
    guint32 s = search->segments[k];
    for (guint32 i = reach->segment_row[s]; i < reach->segment_row[s + 1]; i++) {
      guint32 iface = reach->segment_ifaces[i];
      guint32 router = reach->router_of[search->topology->ifaces[iface].vm];
      if (search->router_seen[router])
        continue;
      search->router_seen[router] = TRUE;
      search->out[router] = iface;
      search->routers[search->n_routers++] = router;
    }
  }
}

static void
search_class(Search *search, guint32 class)
{
  const VnReach *reach = search->reach;
  guint32 first = reach->class_first[class];
  memset(search->router_seen, 0, reach->n_routers * sizeof *search->router_seen);
  search->n_routers = 0;
  for (guint32 i = reach->segment_row[first]; i < reach->segment_row[first + 1]; i++) {
    guint32 router = reach->router_of[search->topology->ifaces[reach->segment_ifaces[i]].vm];
    search->router_seen[router] = TRUE;
    search->routers[search->n_routers++] = router;
  }
  while (search->n_routers > 0) {
    step_to_segments(search);
    step_to_routers(search);
  }
}

gboolean
vn_reach_init(VnReach *reach, const VnTopology *topology, guint family)
{
  *reach = (VnReach){.family = family};
  number_routers(reach, topology);
  fill_rows(reach, topology);
  classify(reach, topology);
  gsize widest = MAX(reach->n_routers, topology->n_segments);
  if ((guint64)reach->n_classes * widest > 2 * (guint64)VN_TOPOLOGY_MAX_ROUTES)
    return FALSE;
  gsize n_out = (gsize)reach->n_classes * reach->n_routers;
  gsize n_nearest = (gsize)reach->n_classes * topology->n_segments;
  reach->out = g_malloc((n_out + 1) * sizeof(guint32));
  reach->nearest = g_malloc((n_nearest + 1) * sizeof(guint32));
  memset(reach->out, 0xff, n_out * sizeof(guint32)); /* VN_NO_ID */
  memset(reach->nearest, 0xff, n_nearest * sizeof(guint32));
  g_autofree gboolean *seen = g_new(gboolean, reach->n_routers + 1);
  g_autofree guint32 *routers = g_new(guint32, reach->n_routers + 1);
  g_autofree guint32 *segments = g_new(guint32, topology->n_segments + 1);
  for (guint32 class = 0; class < reach->n_classes; class ++) {
    Search search = {.reach = reach,
                     .topology = topology,
                     .out = reach->out + (gsize) class * reach->n_routers,
                     .nearest = reach->nearest + (gsize) class * topology->n_segments,
                     .router_seen = seen,
                     .routers = routers,
                     .segments = segments};
    search_class(&search, class);
  }
  return TRUE;
}

void
vn_reach_clear(VnReach *reach)
{
  g_free(reach->router_of);
  g_free(reach->router_row);
  g_free(reach->router_ifaces);
  g_free(reach->segment_row);
  g_free(reach->segment_ifaces);
  g_free(reach->class_of);
  g_free(reach->class_first);
  g_free(reach->out);
  g_free(reach->nearest);
  *reach = (VnReach){.family = 0};
}
