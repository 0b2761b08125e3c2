/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Sets of machines: sorted by number, so that all operations are merges. The numbers of
 * neighbours are a part of one shared array, and equal tasks share their targets. */
#include "sema/eval.h"

#include <stdlib.h>

static VnValue
vm_value(VnEval *e, guint32 id)
{
  const VnVm *vm = &g_array_index(e->vms, VnVm, id);
  return (VnValue){.kind = vm->kind == VN_VM_HOST ? VN_VALUE_HOST : VN_VALUE_ROUTER, .id = id};
}

const VnVmSet *
vn_set_from_ids(VnEval *e, const guint32 *ids, guint32 n)
{
  VnVmSet *set = vn_arena_new0(e->arena, VnVmSet);
  VnValue *items = vn_arena_array0(e->arena, VnValue, n);
  for (guint32 i = 0; i < n; i++)
    items[i] = vm_value(e, ids[i]);
  set->list = (VnValueList){.items = items, .n = n};
  gboolean neighbours = n > 0 && e->identity != NULL && ids[n - 1] - ids[0] == n - 1;
  set->ids = neighbours ? e->identity + ids[0] : vn_arena_memdup(e->arena, ids, sizeof *ids * n);
  return set;
}

VnValue
vn_set_value(const VnVmSet *set)
{
  return (VnValue){.kind = VN_VALUE_SET, .list = &set->list};
}

const VnVmSet *
vn_set_of(VnEval *e, const VnValue *value)
{
  if (value->kind == VN_VALUE_SET)
    return (const VnVmSet *)value->list;
  return vn_set_from_ids(e, &value->id, 1);
}

const VnVmSet *
vn_set_combine(VnEval *e, VnSetOp op, const VnVmSet *left, const VnVmSet *right)
{
  const guint32 *a = left->ids, *b = right->ids;
  guint32 n_a = left->list.n, n_b = right->list.n, i = 0, k = 0, n = 0;
  g_autofree guint32 *ids = g_new(guint32, (gsize)n_a + n_b + 1);
  while (i < n_a || k < n_b) {
    gboolean in_a = i < n_a && (k >= n_b || a[i] <= b[k]);
    gboolean in_b = k < n_b && (i >= n_a || b[k] <= a[i]);
    guint32 id = in_a ? a[i] : b[k];
    i += in_a;
    k += in_b;
    if (op == VN_SET_UNION || (op == VN_SET_INTERSECTION ? in_a && in_b : in_a && !in_b))
      ids[n++] = id;
  }
  return vn_set_from_ids(e, ids, n);
}

gboolean
vn_set_contains(const VnVmSet *set, guint32 vm)
{
  guint32 low = 0, high = set->list.n;
  while (low < high) {
    guint32 middle = low + (high - low) / 2;
    if (set->ids[middle] < vm)
      low = middle + 1;
    else
      high = middle;
  }
  return low < set->list.n && set->ids[low] == vm;
}

static int
compare_ids(const void *a, const void *b)
{
  guint32 x = *(const guint32 *)a, y = *(const guint32 *)b;
  return (x > y) - (x < y);
}

/* Hosts, routers and sets of them, in any order and with repeats. */
const VnVmSet *
vn_set_from_values(VnEval *e, const VnValueList *list)
{
  g_autoptr(GArray) ids = g_array_new(FALSE, FALSE, sizeof(guint32));
  for (guint32 i = 0; i < list->n; i++) {
    const VnValue *value = &list->items[i];
    if (value->kind == VN_VALUE_SET)
      g_array_append_vals(ids, ((const VnVmSet *)value->list)->ids, value->list->n);
    else
      g_array_append_val(ids, value->id);
  }
  guint32 n = 0, *all = (guint32 *)(gpointer)ids->data;
  if (ids->len > 0)
    qsort(all, ids->len, sizeof *all, compare_ids);
  for (guint i = 0; i < ids->len; i++)
    if (n == 0 || all[i] != all[n - 1])
      all[n++] = all[i];
  return vn_set_from_ids(e, all, n);
}

const VnVmSet *
vn_set_all(VnEval *e, VnVmKind kind)
{
  const VnVmSet **known = kind == VN_VM_HOST ? &e->all_hosts : &e->all_routers;
  if (*known != NULL)
    return *known;
  g_autoptr(GArray) ids = g_array_new(FALSE, FALSE, sizeof(guint32));
  for (guint32 i = 0; i < e->vms->len; i++)
    if (g_array_index(e->vms, VnVm, i).kind == kind)
      g_array_append_val(ids, i);
  *known = vn_set_from_ids(e, (const guint32 *)(gconstpointer)ids->data, ids->len);
  return *known;
}

/* Which hosts are on a segment: counted, then placed. Interfaces are in the order of machines. */
static void
index_segments(VnEval *e)
{
  guint32 n = e->segments->len;
  guint32 *row = vn_arena_array0(e->arena, guint32, n + 2);
  guint32 *hosts = vn_arena_array0(e->arena, guint32, e->ifaces->len);
  for (guint pass = 0; pass < 2; pass++) {
    for (guint32 i = 0; i < e->ifaces->len; i++) {
      const VnIface *iface = &g_array_index(e->ifaces, VnIface, i);
      if (g_array_index(e->vms, VnVm, iface->vm).kind != VN_VM_HOST)
        continue;
      if (pass == 0)
        row[iface->segment + 2]++;
      else
        hosts[row[iface->segment + 1]++] = iface->vm;
    }
    for (guint32 i = 1; pass == 0 && i < n + 2; i++)
      row[i] += row[i - 1];
  }
  e->hosts_row = row;
  e->hosts_by_segment = hosts;
}

static void
add_hosts_of_segment(VnEval *e, guint32 segment, GArray *ids)
{
  for (guint32 i = e->hosts_row[segment]; i < e->hosts_row[segment + 1]; i++) {
    VnValue value = {.kind = VN_VALUE_HOST, .id = e->hosts_by_segment[i]};
    g_array_append_val(ids, value);
  }
}

const VnVmSet *
vn_set_hosts_of(VnEval *e, const VnValue *place)
{
  g_autoptr(GArray) ids = g_array_new(FALSE, FALSE, sizeof(VnValue));
  if (e->hosts_row == NULL)
    index_segments(e);
  if (place->kind == VN_VALUE_SEGMENT)
    add_hosts_of_segment(e, place->id, ids);
  else if (place->kind == VN_VALUE_LIST)
    for (guint32 i = 0; i < place->list->n; i++)
      add_hosts_of_segment(e, place->list->items[i].id, ids);
  else
    for (guint32 i = 0; i < e->segments->len; i++)
      if (g_array_index(e->segments, VnSegment, i).site == place->id)
        add_hosts_of_segment(e, i, ids);
  VnValueList list = {.items = (const VnValue *)(gconstpointer)ids->data, .n = ids->len};
  return vn_set_from_values(e, &list);
}
