/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Paths: segments and routers from a step's machine to its peer, all of them up while it runs. The
 * shortest path of those whose routers and links nothing switches; else the shortest of all. */
#include "emit/certificate.h"

typedef struct {
  VnCertificate *c;
  guint32 to;
  gboolean quiet;        /* only what nothing switches */
  guint32 *from_vm;      /* by VM: the VM before; by segment: the VM that reached it */
  guint32 *from_segment; /* by VM: the segment between; VN_NO_ID: the external link */
  guint32 *reached;      /* by segment: the VM */
  GArray *queue;         /* of guint32: VMs */
} Search;

static gboolean
is_link_task(const VnTask *task, VnControl control, guint32 segment)
{
  const VnExpr *arg = task->n_args > 0 ? task->args[0] : NULL;
  return task->control == control &&
         (arg == NULL || arg->kind != VN_EXPR_CONST || arg->value.kind != VN_VALUE_SEGMENT ||
          arg->value.id == segment);
}

/* Does some task switch the machine, or its link to the segment (VN_NO_ID: none in question)? */
static gboolean
is_switched(const VnCertificate *c, guint32 vm, guint32 segment, gboolean power)
{
  for (guint32 s = c->vm_row[vm]; s < c->vm_row[vm + 1]; s++) {
    const VnTask *task = vn_certificate_task(c, c->vm_steps[s]);
    if (segment != VN_NO_ID && is_link_task(task, VN_CONTROL_LINK_DOWN, segment))
      return TRUE;
    if (power && (task->control == VN_CONTROL_POWER_OFF || task->control == VN_CONTROL_SUSPEND ||
                  task->control == VN_CONTROL_POWER_ON))
      return TRUE;
  }
  return FALSE;
}

static void
reach(Search *search, guint32 vm, guint32 from, guint32 segment)
{
  const VnCertificate *c = search->c;
  if (search->from_vm[vm] != VN_NO_ID ||
      (search->quiet && (is_switched(c, vm, segment, vm != search->to))))
    return;
  if (vm != search->to && c->model->topology.vms[vm].kind != VN_VM_ROUTER)
    return;
  search->from_vm[vm] = from;
  search->from_segment[vm] = segment;
  g_array_append_val(search->queue, vm);
}

static guint32
whole_of(const VnTopology *topology, guint32 vm)
{
  return topology->vms[vm].split_of != VN_NO_ID ? topology->vms[vm].split_of : vm;
}

/* From one machine over its segments, and to the other parts of a split router. */
static void
spread(Search *search, guint32 vm, const guint32 *row, const guint32 *ifaces)
{
  const VnTopology *topology = &search->c->model->topology;
  const VnVm *it = &topology->vms[vm];
  for (guint32 i = it->first_iface; i < it->first_iface + it->n_ifaces; i++) {
    guint32 segment = topology->ifaces[i].segment;
    if (search->reached[segment] != VN_NO_ID ||
        (search->quiet && is_switched(search->c, vm, segment, FALSE)))
      continue;
    search->reached[segment] = vm;
    for (guint32 k = row[segment]; k < row[segment + 1]; k++)
      reach(search, topology->ifaces[ifaces[k]].vm, vm, segment);
  }
  for (guint32 v = 0; it->external && v < topology->n_vms; v++)
    if (topology->vms[v].external && v != vm && whole_of(topology, v) == whole_of(topology, vm))
      reach(search, v, vm, VN_NO_ID);
}

static gboolean
search_path(Search *search, guint32 from, const guint32 *row, const guint32 *ifaces)
{
  const VnTopology *topology = &search->c->model->topology;
  for (guint32 v = 0; v < topology->n_vms; v++)
    search->from_vm[v] = VN_NO_ID;
  for (guint32 s = 0; s < topology->n_segments; s++)
    search->reached[s] = VN_NO_ID;
  g_array_set_size(search->queue, 0);
  search->from_vm[from] = from;
  g_array_append_val(search->queue, from);
  for (guint k = 0; k < search->queue->len && search->from_vm[search->to] == VN_NO_ID; k++)
    spread(search, g_array_index(search->queue, guint32, k), row, ifaces);
  return search->from_vm[search->to] != VN_NO_ID;
}

/* Interfaces by segment. */
static void
sort_ifaces(const VnTopology *topology, guint32 *row, guint32 *ifaces)
{
  for (guint32 i = 0; i < topology->n_ifaces; i++)
    row[topology->ifaces[i].segment + 1]++;
  for (guint32 s = 0; s < topology->n_segments; s++)
    row[s + 1] += row[s];
  g_autofree guint32 *next = g_memdup2(row, ((gsize)topology->n_segments + 1) * sizeof *row);
  for (guint32 i = 0; i < topology->n_ifaces; i++)
    ifaces[next[topology->ifaces[i].segment]++] = i;
}

/* ---- reasons ---- */

/* The machine's link to the segment is up while c->step runs. */
static gboolean
link_is_up(VnCertificate *c, guint32 vm, guint32 segment)
{
  for (guint32 s = c->vm_row[vm]; s < c->vm_row[vm + 1]; s++) {
    guint32 down = c->vm_steps[s];
    if (!is_link_task(vn_certificate_task(c, down), VN_CONTROL_LINK_DOWN, segment) ||
        vn_runs_is_dead(c->runs, c->graph->nodes[down].task) || vn_certificate_is_after(c, down))
      continue;
    int place = -1;
    for (guint32 k = c->vm_row[vm + 1]; k-- > c->vm_row[vm] && place < 0;)
      if (is_link_task(vn_certificate_task(c, c->vm_steps[k]), VN_CONTROL_LINK_UP, segment) &&
          vn_certificate_before(c, down, c->vm_steps[k]))
        place = vn_certificate_provider(c, c->vm_steps[k], FALSE);
    if (place < 0)
      return FALSE;
    vn_certificate_put_before(c, down, place);
  }
  return TRUE;
}

/* Backwards from the peer; path gets the names from the step's machine on. */
static gboolean
is_up(const Search *search, guint32 from, GString *path)
{
  VnCertificate *c = search->c;
  const VnTopology *topology = &c->model->topology;
  g_string_assign(path, "");
  for (guint32 vm = search->to; vm != from; vm = search->from_vm[vm]) {
    guint32 segment = search->from_segment[vm];
    g_autoptr(GString) part = g_string_new(NULL);
    if (segment != VN_NO_ID) {
      vn_chain_append_name(topology->segments[segment].name, part);
      g_string_append(part, ", ");
      if (!link_is_up(c, vm, segment) || !link_is_up(c, search->from_vm[vm], segment))
        return FALSE;
    }
    vn_chain_append_name(topology->vms[vm].name, part);
    g_string_append(part, path->len > 0 ? ", " : "");
    g_string_prepend(path, part->str);
    if (vm != search->to && !vn_certificate_power(c, vm, FALSE))
      return FALSE;
  }
  g_autofree char *begin = g_strdup_printf(", \"path\": [\"%s\", ", topology->vms[from].name);
  g_string_prepend(path, begin);
  g_string_append_c(path, ']');
  return TRUE;
}

void
vn_certificate_path(VnCertificate *c, guint32 to)
{
  const VnTopology *topology = &c->model->topology;
  guint32 from = c->graph->nodes[c->step].vm;
  g_autofree guint32 *row = g_new0(guint32, (gsize)topology->n_segments + 1);
  g_autofree guint32 *ifaces = g_new0(guint32, (gsize)topology->n_ifaces + 1);
  g_autofree guint32 *from_vm = g_new0(guint32, (gsize)topology->n_vms + 1);
  g_autofree guint32 *from_segment = g_new0(guint32, (gsize)topology->n_vms + 1);
  g_autofree guint32 *reached = g_new0(guint32, (gsize)topology->n_segments + 1);
  g_autoptr(GArray) queue = g_array_new(FALSE, FALSE, sizeof(guint32));
  g_autoptr(GString) path = g_string_new(NULL);
  Search search = {c, to, TRUE, from_vm, from_segment, reached, queue};
  sort_ifaces(topology, row, ifaces);
  gboolean met = FALSE;
  for (guint round = 0; round < 2 && !met; round++) {
    search.quiet = round == 0;
    vn_certificate_begin(c);
    met = search_path(&search, from, row, ifaces) && is_up(&search, from, path);
  }
  g_autofree char *object =
      g_strdup_printf(", \"machine\": \"%s\"%s", topology->vms[to].name, met ? path->str : "");
  vn_certificate_end(c, met, "path", object);
}
