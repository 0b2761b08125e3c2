/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Routers that the script does not name.
 *
 * Adding: a segment without a router gets one of its own, "SEGMENT.router", which joins nothing
 * else: what the script did not connect stays apart.
 *
 * Splitting (paper, 4.2.3.1): segments of one technology at one site are compatible. A router over
 * incompatible ones stays on its first-named and what is compatible with that; for each other kind
 * a new router, "ROUTER.2" and on, takes its place there, with its interfaces. All parts have an
 * external interface, by which they reach each other. */
#include "topology/internal.h"

#include "tech/tech.h"

/* Room for n more VMs at the end. */
static void
grow_vms(VnCompletion *completion, guint32 n)
{
  VnTopology *topology = completion->topology;
  VnVm *vms = vn_arena_array0(completion->arena, VnVm, topology->n_vms + n);
  if (topology->n_vms > 0)
    memcpy(vms, topology->vms, topology->n_vms * sizeof *vms);
  topology->vms = vms;
}

static void
grow_ifaces(VnCompletion *completion, guint32 n)
{
  VnTopology *topology = completion->topology;
  VnIface *ifaces = vn_arena_array0(completion->arena, VnIface, topology->n_ifaces + n);
  if (topology->n_ifaces > 0)
    memcpy(ifaces, topology->ifaces, topology->n_ifaces * sizeof *ifaces);
  topology->ifaces = ifaces;
}

static gboolean
has_router(const VnCompletion *completion, guint32 segment)
{
  const VnTopology *topology = completion->topology;
  for (guint32 k = completion->row[segment]; k < completion->row[segment + 1]; k++)
    if (topology->vms[topology->ifaces[completion->members[k]].vm].kind == VN_VM_ROUTER)
      return TRUE;
  return FALSE;
}

static void
add_router(VnCompletion *completion, guint32 number)
{
  VnTopology *topology = completion->topology;
  const VnSegment *segment = &topology->segments[number];
  topology->vms[topology->n_vms] = (VnVm){
      .name = vn_arena_printf(completion->arena, "%s.router", segment->name),
      .span = segment->span,
      .kind = VN_VM_ROUTER,
      .added = TRUE,
      .split_of = VN_NO_ID,
      .image = VN_NO_ID,
  };
  topology->ifaces[topology->n_ifaces++] =
      (VnIface){.vm = topology->n_vms, .segment = number, .span = segment->span};
  vn_diag_add(completion->sink, VN_DIAG_VN212, segment->span,
              "segment `%s` has no router: `%s` was added", segment->name,
              topology->vms[topology->n_vms].name);
  topology->n_vms++;
}

void
vn_completion_add_routers(VnCompletion *completion)
{
  VnTopology *topology = completion->topology;
  g_autofree gboolean *lacking = g_new(gboolean, topology->n_segments + 1);
  guint32 n = 0;
  for (guint32 s = 0; s < topology->n_segments; s++) {
    lacking[s] = !has_router(completion, s);
    n += (guint32)lacking[s];
  }
  if (n == 0)
    return;
  grow_vms(completion, n);
  grow_ifaces(completion, n);
  for (guint32 s = 0; s < topology->n_segments; s++)
    if (lacking[s])
      add_router(completion, s);
  vn_completion_index(completion);
}

static const VnSegment *
segment_of(const VnTopology *topology, guint32 iface)
{
  return &topology->segments[topology->ifaces[iface].segment];
}

/* Which part of its router each interface belongs to: 0 the router itself, 1 and on new ones.
 * first_of: the first interface of each part. Returns the number of parts. */
static guint32
divide(const VnTopology *topology, const VnVm *router, guint32 *part, guint32 *first_of)
{
  guint32 n = 0;
  for (guint32 i = router->first_iface; i < router->first_iface + router->n_ifaces; i++) {
    guint32 k = 0;
    while (k < n &&
           !vn_segment_compatible(segment_of(topology, i), segment_of(topology, first_of[k])))
      k++;
    if (k == n)
      first_of[n++] = i;
    part[i] = k;
  }
  return n;
}

/* The new router that takes the place of `whole` at the interface and those like it. */
static guint32
add_part(VnCompletion *completion, guint32 whole, guint32 ordinal, guint32 iface)
{
  VnTopology *topology = completion->topology;
  VnVm *old = &topology->vms[whole];
  VnVm *new = &topology->vms[topology->n_vms];
  const VnSegment *place = segment_of(topology, iface);
  *new = *old;
  new->name = vn_arena_printf(completion->arena, "%s.%u", old->name, ordinal + 1);
  new->added = TRUE;
  new->split_of = whole;
  new->vm = NULL;
  if (old->image != VN_NO_ID && completion->model->images[old->image].tech != place->tech)
    new->image = VN_NO_ID;
  new->external = old->external = TRUE;
  VnDiag *diag = vn_diag_add(completion->sink, VN_DIAG_VN213, old->span,
                             "router `%s` joins incompatible segments: `%s` takes its place "
                             "on `%s`",
                             old->name, new->name, place->name);
  const VnSegment *kept = segment_of(topology, old->first_iface);
  vn_diag_place(diag, kept->span, "`%s` is of %s at site `%s`", kept->name,
                vn_tech((VnTechId)kept->tech)->name, completion->model->sites[kept->site].name);
  vn_diag_place(diag, place->span, "`%s` is of %s at site `%s`", place->name,
                vn_tech((VnTechId)place->tech)->name, completion->model->sites[place->site].name);
  return topology->n_vms++;
}

void
vn_completion_split_routers(VnCompletion *completion)
{
  VnTopology *topology = completion->topology;
  g_autofree guint32 *part = g_new(guint32, topology->n_ifaces + 1);
  g_autofree guint32 *first_of = g_new(guint32, topology->n_ifaces + 1);
  guint32 n_old = topology->n_vms, n_new = 0;
  for (guint32 vm = 0; vm < n_old; vm++)
    if (topology->vms[vm].kind == VN_VM_ROUTER && topology->vms[vm].n_ifaces > 1)
      n_new += divide(topology, &topology->vms[vm], part, first_of) - 1;
  if (n_new == 0)
    return;
  grow_vms(completion, n_new);
  for (guint32 vm = 0; vm < n_old; vm++) {
    const VnVm *router = &topology->vms[vm];
    if (router->kind != VN_VM_ROUTER || router->n_ifaces < 2)
      continue;
    guint32 first_new = topology->n_vms;
    guint32 n_parts = divide(topology, router, part, first_of);
    for (guint32 k = 1; k < n_parts; k++)
      add_part(completion, vm, k, first_of[k]);
    for (guint32 i = router->first_iface; i < router->first_iface + router->n_ifaces; i++)
      if (part[i] > 0)
        topology->ifaces[i].vm = first_new + part[i] - 1;
  }
  vn_completion_index(completion);
}
