/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which technology each segment is of, and Topology Rule 3.
 *
 * A segment is of the technology that `using` names; else of that of the first of its hosts that
 * has an image, else of the first of its routers; else of the embedded one. Then every VM on it
 * must be of that technology. A router is where its first-named segment is; on its others it is
 * replaced if need be (routers.c), so only the first binds its image. A site can't differ: a VM
 * has none but its segments'. */
#include "topology/internal.h"

#include "tech/tech.h"

#define DEFAULT_TECH VN_TECH_NETNS

static const VnImage *
image_of(const VnCompletion *completion, guint32 vm)
{
  guint32 image = completion->topology->vms[vm].image;
  return image == VN_NO_ID ? NULL : &completion->model->images[image];
}

/* The first VM of a kind on the segment that has an image; VN_NO_ID. */
static guint32
first_with_image(const VnCompletion *completion, guint32 segment, VnVmKind kind)
{
  const VnTopology *topology = completion->topology;
  for (guint32 k = completion->row[segment]; k < completion->row[segment + 1]; k++) {
    guint32 vm = topology->ifaces[completion->members[k]].vm;
    if (topology->vms[vm].kind == kind && topology->vms[vm].image != VN_NO_ID)
      return vm;
  }
  return VN_NO_ID;
}

/* Sets the segment's technology; the VM that decided it, or VN_NO_ID. */
static guint32
decide(const VnCompletion *completion, guint32 number)
{
  VnSegment *segment = &completion->topology->segments[number];
  if (segment->tech != VN_NO_ID)
    return VN_NO_ID;
  guint32 vm = first_with_image(completion, number, VN_VM_HOST);
  if (vm == VN_NO_ID)
    vm = first_with_image(completion, number, VN_VM_ROUTER);
  segment->tech = vm == VN_NO_ID ? DEFAULT_TECH : image_of(completion, vm)->tech;
  return vm;
}

static void
refuse(const VnCompletion *completion, guint32 vm, guint32 segment, guint32 decider)
{
  const VnVm *wrong = &completion->topology->vms[vm];
  const VnSegment *place = &completion->topology->segments[segment];
  const VnImage *image = image_of(completion, vm);
  VnDiag *diag =
      vn_diag_add(completion->sink, VN_DIAG_VN203, wrong->span,
                  "`%s` is made from image `%s` of %s, but segment `%s` is of %s", wrong->name,
                  image->name, vn_tech(image->tech)->name, place->name, vn_tech(place->tech)->name);
  if (decider == VN_NO_ID)
    vn_diag_place(diag, place->span, "`%s` is declared here", place->name);
  else
    vn_diag_place(diag, completion->topology->vms[decider].span,
                  "`%s`, which is of %s, stands on it", completion->topology->vms[decider].name,
                  vn_tech(place->tech)->name);
  if (wrong->kind == VN_VM_HOST)
    vn_diag_hint(diag, "put `%s` on a segment of its own and let a router join the two",
                 wrong->name);
  else
    vn_diag_hint(diag, "name a segment of %s first: the router stays there",
                 vn_tech(image->tech)->name);
}

void
vn_completion_decide_technologies(VnCompletion *completion)
{
  const VnTopology *topology = completion->topology;
  g_autofree guint32 *deciders = g_new(guint32, topology->n_segments + 1);
  for (guint32 s = 0; s < topology->n_segments; s++)
    deciders[s] = decide(completion, s);
  for (guint32 i = 0; i < topology->n_ifaces; i++) {
    const VnIface *iface = &topology->ifaces[i];
    const VnVm *vm = &topology->vms[iface->vm];
    const VnImage *image = image_of(completion, iface->vm);
    gboolean binds = vm->kind == VN_VM_HOST || i == vm->first_iface;
    if (binds && image != NULL && image->tech != topology->segments[iface->segment].tech)
      refuse(completion, iface->vm, iface->segment, deciders[iface->segment]);
  }
}
