/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a script asks of a technology that can't do it: VN402, never ignored.
 *
 * Whether a driver is there to do it is another question, asked only by those who run the network
 * (VN401, vn_topology_check_deployable): a script for another machine is checked here, too. */
#include "topology/internal.h"

#include "tech/tech.h"

/* "sim and qemu can", those with a driver first; NULL if none can. */
static char *
who_can(VnTechCan can)
{
  GString *text = g_string_new(NULL);
  for (guint pass = 0; pass < 2; pass++)
    for (guint id = 0; id < VN_TECH_COUNT; id++) {
      const VnTech *tech = vn_tech((VnTechId)id);
      if ((tech->can & can) == 0 || tech->available != (pass == 0))
        continue;
      g_string_append_printf(text, "%s%s%s", text->len > 0 ? ", " : "", tech->name,
                             pass == 1 ? " (no driver here yet)" : "");
    }
  gboolean none = text->len == 0;
  return g_string_free(text, none);
}

static void
refuse(const VnCompletion *completion, VnSpan span, VnTechId id, VnTechCan can, const char *what)
{
  VnDiag *diag = vn_diag_add(completion->sink, VN_DIAG_VN402, span, "%s, but %s can't %s", what,
                             vn_tech(id)->name, vn_tech_can_text(can));
  g_autofree char *others = who_can(can);
  if (others != NULL)
    vn_diag_hint(diag, "leave it out, or use a technology that can: %s", others);
}

/* The first impairment that the segment asks for; NULL if none. */
static const char *
impairment_of(const VnImpairment *impairment)
{
  if (impairment->delay_ns != 0)
    return "delay";
  if (impairment->jitter_ns != 0)
    return "jitter";
  if (impairment->loss != 0)
    return "loss";
  if (impairment->duplicate != 0)
    return "duplicate";
  if (impairment->reorder != 0)
    return "reorder";
  if (impairment->rate != 0)
    return "rate";
  return impairment->queue != 0 ? "queue" : NULL;
}

static void
check_segment(const VnCompletion *completion, const VnSegment *segment)
{
  const VnTopology *topology = completion->topology;
  const char *impairment = impairment_of(&segment->impairment);
  struct {
    gboolean wanted;
    VnTechCan can;
    const char *what;
  } wishes[] = {
      {impairment != NULL, VN_CAN_IMPAIR, impairment},
      {segment->capture, VN_CAN_CAPTURE, "capture"},
      {segment->mtu != 0, VN_CAN_MTU, "mtu"},
      {segment->prefix6.address.family != 0 || topology->network6.address.family != 0, VN_CAN_IPV6,
       "an IPv6 prefix"},
  };
  for (gsize i = 0; i < G_N_ELEMENTS(wishes); i++)
    if (wishes[i].wanted && (vn_tech(segment->tech)->can & wishes[i].can) == 0) {
      g_autofree char *what =
          g_strdup_printf("segment `%s` asks for %s", segment->name, wishes[i].what);
      refuse(completion, segment->span, (VnTechId)segment->tech, wishes[i].can, what);
    }
}

static VnTechId
tech_of(const VnTopology *topology, const VnVm *vm)
{
  return (VnTechId)topology->segments[topology->ifaces[vm->first_iface].segment].tech;
}

/* A limit on the VM, or on the image that it is made from. */
static void
check_limits(const VnCompletion *completion, const VnVm *vm, VnTechId id)
{
  const VnImage *image = vm->image != VN_NO_ID ? &completion->model->images[vm->image] : NULL;
  const struct {
    gboolean wanted;
    VnTechCan can;
    const char *word;
  } limits[] = {
      {vm->memory != 0 || (image != NULL && image->memory != 0), VN_CAN_MEMORY, "memory"},
      {vm->cpus != 0 || (image != NULL && image->cpus != 0), VN_CAN_CPUS, "cpus"},
      {vm->processes != 0, VN_CAN_PROCESSES, "processes"},
  };
  for (gsize i = 0; i < G_N_ELEMENTS(limits); i++)
    if (limits[i].wanted && (vn_tech(id)->can & limits[i].can) == 0) {
      g_autofree char *what = g_strdup_printf("`%s` asks for %s", vm->name, limits[i].word);
      refuse(completion, vm->span, id, limits[i].can, what);
    }
}

static void
check_vm(const VnCompletion *completion, const VnVm *vm)
{
  if (vm->n_ifaces == 0)
    return;
  VnTechId id = tech_of(completion->topology, vm);
  check_limits(completion, vm, id);
  if (vm->n_files > 0 && (vn_tech(id)->can & VN_CAN_FILES) == 0) {
    g_autofree char *what = g_strdup_printf("`%s` asks for a file", vm->name);
    refuse(completion, vm->files[0].span, id, VN_CAN_FILES, what);
  }
  if (vm->vm != NULL && (vn_tech(id)->can & VN_MAKES_VMS) != 0) {
    VnDiag *diag = vn_diag_add(completion->sink, VN_DIAG_VN402, vm->span,
                               "`%s` names the machine \"%s\" of an inventory, but %s makes its "
                               "machines itself",
                               vm->name, vm->vm, vn_tech(id)->name);
    vn_diag_hint(diag, "leave out `vm`");
  }
}

/* What a control task needs of the technology of its targets; 0: nothing. */
static guint
needs(const VnTask *task)
{
  const VnExpr *first = task->n_args > 0 ? task->args[0] : NULL;
  switch ((VnControl)task->control) {
  case VN_CONTROL_SNAPSHOT:
  case VN_CONTROL_REVERT:
    return VN_CAN_SNAPSHOT;
  case VN_CONTROL_SUSPEND:
  case VN_CONTROL_RESUME:
    return VN_CAN_SUSPEND;
  case VN_CONTROL_PUSH:
  case VN_CONTROL_PULL:
    return VN_CAN_FILES;
  case VN_CONTROL_LINK_DOWN:
  case VN_CONTROL_LINK_UP:
    return VN_CAN_LINK;
  case VN_CONTROL_IMPAIR:
    return VN_CAN_IMPAIR;
  case VN_CONTROL_POWER_OFF:
    return first != NULL && (first->kind != VN_EXPR_CONST || first->value.b) ? VN_CAN_KEEP_DISK : 0;
  case VN_CONTROL_POWER_ON:
  case VN_CONTROL_WAIT:
  case VN_CONTROL_STOP:
  case VN_CONTROL_NONE:
    return 0;
  }
  g_assert_not_reached();
}

static guint
can_of(const VnCompletion *completion, const VnVm *vm)
{
  return vn_model_can(completion->model, vm->image, tech_of(completion->topology, vm));
}

/* What all targets can do. Sets are shared by tasks, so the answer is kept by set. */
static guint
all_can(const VnCompletion *completion, const VnTask *task, GHashTable *known)
{
  const VnTopology *topology = completion->topology;
  gpointer value;
  if (g_hash_table_lookup_extended(known, task->targets, NULL, &value))
    return GPOINTER_TO_UINT(value);
  guint can = ~0u;
  for (guint32 k = 0; k < task->n_targets; k++) {
    const VnVm *vm = &topology->vms[task->targets[k]];
    if (vm->n_ifaces > 0)
      can &= can_of(completion, vm);
  }
  g_hash_table_insert(known, (gpointer)task->targets, GUINT_TO_POINTER(can));
  return can;
}

/* The technology could, if the image's keys let it. */
static void
refuse_image(const VnCompletion *completion, const VnTask *task, const VnVm *vm, VnTechCan can)
{
  const VnImage *image = &completion->model->images[vm->image];
  VnTechId id = tech_of(completion->topology, vm);
  for (guint32 i = 0; i < image->n_keys; i++) {
    const char *word = vn_model_image_word(image, image->keys[i]);
    if (word == NULL || (vn_tech_forgone(id, image->keys[i], word) & can) == 0)
      continue;
    VnDiag *diag = vn_diag_add(completion->sink, VN_DIAG_VN402, task->span,
                               "task `%s` asks for %s of `%s`, but with `%s %s` %s can't %s",
                               task->name, vn_control_name((VnControl)task->control), vm->name,
                               image->keys[i], word, vn_tech(id)->name, vn_tech_can_text(can));
    vn_diag_place(diag, image->span, "`%s` is made from this image", vm->name);
    vn_diag_hint(diag, "leave it out, or leave out `%s`", image->keys[i]);
    return;
  }
}

static void
check_task(const VnCompletion *completion, const VnTask *task, GHashTable *known)
{
  guint can = needs(task);
  const VnTopology *topology = completion->topology;
  if (can == 0 || task->n_targets == 0 || (all_can(completion, task, known) & can) != 0)
    return;
  for (guint32 k = 0; k < task->n_targets; k++) {
    const VnVm *vm = &topology->vms[task->targets[k]];
    if (vm->n_ifaces == 0 || (can_of(completion, vm) & can) != 0)
      continue;
    if ((vn_tech(tech_of(topology, vm))->can & can) != 0) {
      refuse_image(completion, task, vm, (VnTechCan)can);
      return;
    }
    g_autofree char *what = g_strdup_printf("task `%s` asks for %s of `%s`", task->name,
                                            vn_control_name((VnControl)task->control), vm->name);
    refuse(completion, task->span, tech_of(topology, vm), (VnTechCan)can, what);
    return;
  }
}

void
vn_completion_check_capabilities(VnCompletion *completion)
{
  const VnTopology *topology = completion->topology;
  for (guint32 s = 0; s < topology->n_segments; s++)
    check_segment(completion, &topology->segments[s]);
  for (guint32 vm = 0; vm < topology->n_vms; vm++)
    check_vm(completion, &topology->vms[vm]);
  g_autoptr(GHashTable) known = g_hash_table_new(NULL, NULL);
  for (guint32 t = 0; t < completion->model->n_tasks; t++)
    check_task(completion, &completion->model->tasks[t], known);
}

/* Simulated machines have a time of their own, so all are or none is. */
static gboolean
check_mixture(const VnModel *model, VnDiagSink *sink)
{
  const VnSegment *real = NULL, *simulated = NULL;
  for (guint32 s = 0; s < model->topology.n_segments; s++) {
    const VnSegment *segment = &model->topology.segments[s];
    if ((vn_tech((VnTechId)segment->tech)->can & VN_IS_SIMULATED) != 0)
      simulated = segment;
    else
      real = segment;
  }
  if (real == NULL || simulated == NULL)
    return TRUE;
  VnDiag *diag = vn_diag_add(sink, VN_DIAG_VN402, simulated->span,
                             "segment `%s` is simulated and `%s` is not: their clocks would differ",
                             simulated->name, real->name);
  vn_diag_place(diag, real->span, "`%s` is here", real->name);
  vn_diag_hint(diag, "use the technology sim for all segments, or for none");
  return FALSE;
}

gboolean
vn_topology_check_deployable(const VnModel *model, VnDiagSink *sink)
{
  gboolean seen[VN_TECH_COUNT] = {FALSE};
  gboolean deployable = check_mixture(model, sink);
  for (guint32 s = 0; s < model->topology.n_segments; s++) {
    const VnSegment *segment = &model->topology.segments[s];
    const VnTech *tech = vn_tech((VnTechId)segment->tech);
    if (tech->available || seen[segment->tech])
      continue;
    seen[segment->tech] = TRUE;
    deployable = FALSE;
    VnDiag *diag = vn_diag_add(sink, VN_DIAG_VN401, segment->span,
                               "segment `%s` is of %s, for which this vnec has no driver",
                               segment->name, tech->name);
    vn_diag_hint(diag, "`using sim` simulates it, `using netns` makes it of Linux namespaces");
  }
  return deployable;
}
