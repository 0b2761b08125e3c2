/* SPDX-License-Identifier: GPL-3.0-or-later */
/* VN314: no path leads to a required peer, or something on it may be off or down when it is needed.
 *
 * Routes are fixed before the run, so between two machines there is one way there and one back
 * (topology/path.h). Either it does not lead there, whatever runs; or it needs certain routers and
 * links, and each of them is asked VN302's question: they fail alone, so one at a time is enough.
 * Hosts of one segment share their ways, but for their own link; ways are found once for each
 * segment and target. Only what some task switches is asked for. */
#include <stdlib.h>
#include <string.h>

#include "analyze/peers.h"
#include "analyze/power.h"

/* Pairs of a step and a switched thing on its way. Past it: undecided. */
#define VN_WAYS_MAX_ASKED (1u << 20)

/* A thing on a way: a router, or an interface (odd). */
#define THING_VM(vm)       ((guint64)(vm) * 2)
#define THING_IFACE(iface) ((guint64)(iface) * 2 + 1)

/* From a class of senders (a segment's hosts, or one router) to an address. */
typedef struct {
  guint32 sender;
  VnAddress target;
  gboolean leads;
  const char *reason; /* why not */
  guint32 cause;      /* the VM at which it ends */
  GArray *things;     /* of guint64: those that are switched, without the sender's own link */
} Way;

typedef struct {
  guint64 thing;
  guint32 step;
  const VnPeer *peer;
} Asked;

/* A finding's, for its text. */
typedef struct {
  VnPeer peer;
  const char *reason; /* why it does not lead there; NULL: no address, or a thing is cut */
  guint64 thing;
} Cut;

typedef struct {
  VnAnalysis *analysis;
  VnPeers *peers;
  GHashTable *ways;
  guint8 *vms, *ifaces; /* by number: something switches it */
  gboolean any;
  GArray *asked; /* of Asked */
  gboolean over;
  VnShortest *shortest;
} Pass;

/* ---- what is switched ---- */

static void
note_links(Pass *pass, guint32 step)
{
  const VnTopology *topology = &pass->analysis->model->topology;
  const VnVm *vm = &topology->vms[pass->analysis->graph->nodes[step].vm];
  for (guint32 i = vm->first_iface; i < vm->first_iface + vm->n_ifaces; i++)
    pass->ifaces[i] |= vn_power_switches(pass->analysis, step, i);
}

static void
note_switched(Pass *pass)
{
  const VnModel *model = pass->analysis->model;
  for (guint32 t = 0; t < model->n_tasks; t++) {
    VnControl control = (VnControl)model->tasks[t].control;
    for (guint32 k = 0; k < model->tasks[t].n_targets; k++)
      if (control == VN_CONTROL_LINK_DOWN)
        note_links(pass, pass->analysis->graph->task_first[t] + k);
      else if (control == VN_CONTROL_POWER_OFF || control == VN_CONTROL_SUSPEND)
        pass->vms[model->tasks[t].targets[k]] = TRUE;
    pass->any |= control == VN_CONTROL_LINK_DOWN || control == VN_CONTROL_POWER_OFF ||
                 control == VN_CONTROL_SUSPEND;
  }
  for (guint32 v = 0; v < model->topology.n_vms; v++)
    if (pass->analysis->graph->ready_node[v] == VN_NO_ID)
      pass->vms[v] = pass->any = TRUE;
}

/* ---- ways ---- */

static guint
way_hash(gconstpointer key)
{
  const Way *way = key;
  return vn_address_hash(&way->target) * 31 + way->sender;
}

static gboolean
way_equal(gconstpointer a, gconstpointer b)
{
  const Way *x = a, *y = b;
  return x->sender == y->sender && vn_address_compare(&x->target, &y->target) == 0;
}

static void
way_free(gpointer data)
{
  Way *way = data;
  g_array_unref(way->things);
  g_free(way);
}

static guint32
sender_of(const VnTopology *topology, guint32 vm)
{
  const VnVm *it = &topology->vms[vm];
  return it->kind == VN_VM_HOST && it->n_ifaces == 1 ? topology->ifaces[it->first_iface].segment
                                                     : topology->n_segments + vm;
}

static void
add_thing(GArray *things, guint64 thing)
{
  for (guint k = 0; k < things->len; k++)
    if (g_array_index(things, guint64, k) == thing)
      return;
  g_array_append_val(things, thing);
}

static void
add_things(const Pass *pass, const VnPath *path, guint32 from, guint32 to, GArray *things)
{
  const VnTopology *topology = &pass->analysis->model->topology;
  for (guint i = 0; i < path->n_hops; i++) {
    const VnHop *hop = &path->hops[i];
    const guint32 ifaces[2] = {hop->in, hop->out};
    if (hop->vm != from && hop->vm != to && pass->vms[hop->vm])
      add_thing(things, THING_VM(hop->vm));
    for (guint k = 0; k < 2; k++)
      if (ifaces[k] != VN_NO_ID && pass->ifaces[ifaces[k]] &&
          (hop->vm != from || sender_of(topology, from) >= topology->n_segments))
        add_thing(things, THING_IFACE(ifaces[k]));
  }
}

static const Way *
find_way(Pass *pass, guint32 from, const VnPeer *peer)
{
  const VnTopology *topology = &pass->analysis->model->topology;
  Way key = {.sender = sender_of(topology, from), .target = peer->address};
  VnPath there, back;
  Way *way = g_hash_table_lookup(pass->ways, &key);
  if (way != NULL)
    return way;
  way = g_memdup2(&key, sizeof key);
  way->things = g_array_new(FALSE, FALSE, sizeof(guint64));
  g_hash_table_add(pass->ways, way);
  way->leads = vn_path_ask(pass->peers->paths, from, &peer->address, &there, &back);
  *vn_order_work(pass->analysis->order) += 16 * (there.n_hops + back.n_hops);
  if (!way->leads) {
    const VnPath *lost = there.end == VN_PATH_ARRIVES ? &back : &there;
    g_autofree char *reason = vn_path_reason(topology, lost);
    way->reason = vn_arena_strdup(pass->analysis->arena, reason);
    way->cause = lost->hops[lost->n_hops - 1].vm;
  } else if (pass->any) {
    add_things(pass, &there, from, peer->vm, way->things);
    add_things(pass, &back, from, peer->vm, way->things);
  }
  return way;
}

/* ---- texts ---- */

static void
append_target(const VnAnalysis *analysis, const VnPeer *peer, GString *out)
{
  char text[VN_ADDRESS_TEXT_MAX];
  if (peer->vm != VN_NO_ID)
    g_string_append_printf(out, "`%s`", analysis->model->topology.vms[peer->vm].name);
  if (peer->address.family != 0)
    g_string_append_printf(out, peer->vm != VN_NO_ID ? " (%s)" : "%s",
                           vn_address_format(&peer->address, text));
}

static void
describe_lost(const VnAnalysis *analysis, const VnFinding *finding, GString *out)
{
  const Cut *cut = finding->data;
  vn_step_append(analysis, finding->step, out);
  g_string_append(out, " needs ");
  append_target(analysis, &cut->peer, out);
  if (cut->reason == NULL)
    g_string_append(out, ", which has no address");
  else
    g_string_append_printf(out, ", but packets do not get there and back: %s", cut->reason);
}

static void
append_thing(const VnAnalysis *analysis, guint64 thing, GString *out)
{
  const VnTopology *topology = &analysis->model->topology;
  guint32 number = (guint32)(thing / 2);
  if ((thing & 1) == 0) {
    g_string_append_printf(out, "`%s`", topology->vms[number].name);
    return;
  }
  const VnIface *iface = &topology->ifaces[number];
  g_string_append_printf(out, "the link of `%s` to `%s`", topology->vms[iface->vm].name,
                         topology->segments[iface->segment].name);
}

static void
describe_cut(const VnAnalysis *analysis, const VnFinding *finding, GString *out)
{
  const Cut *cut = finding->data;
  gboolean link = (cut->thing & 1) != 0;
  vn_step_append(analysis, finding->step, out);
  g_string_append(out, " needs ");
  append_target(analysis, &cut->peer, out);
  g_string_append(out, " through ");
  append_thing(analysis, cut->thing, out);
  if (finding->other == VN_NO_ID) {
    g_string_append(out, ", which may still be off");
    return;
  }
  g_string_append_printf(out, ", which may be %s after ",
                         link ? "down"
                         : vn_step_task(analysis, finding->other)->control == VN_CONTROL_SUSPEND
                             ? "suspended"
                             : "off");
  vn_step_append(analysis, finding->other, out);
}

/* ---- steps ---- */

static void
report_lost(Pass *pass, guint32 step, const VnPeer *peer, const Way *way)
{
  VnAnalysis *analysis = pass->analysis;
  VnRunWish wish = {step, NULL, 0};
  if (!vn_runs_possible(analysis->runs, &wish))
    return;
  Cut cut = {*peer, way != NULL ? way->reason : NULL, 0};
  guint32 at = way != NULL ? way->cause : peer->vm;
  vn_shortest_offer(pass->shortest,
                    &(VnFinding){.code = VN_DIAG_VN314,
                                 .step = step,
                                 .other = VN_NO_ID,
                                 .cause = (guint64)1 << 63 | vn_cause(analysis, VN_NO_ID, at),
                                 .ends = {step},
                                 .n_ends = 1,
                                 .data = vn_arena_memdup(analysis->arena, &cut, sizeof cut),
                                 .describe = describe_lost,
                                 .hint = "`vnecc --why FROM TO FILE` shows the way"});
}

static void
note_asked(Pass *pass, guint64 thing, guint32 step, const VnPeer *peer)
{
  if (pass->asked->len >= VN_WAYS_MAX_ASKED) {
    pass->over = TRUE;
    return;
  }
  g_array_append_val(pass->asked, ((Asked){thing, step, peer}));
}

static void
look_at_step(Pass *pass, guint32 step, const VnPeer *peer)
{
  const VnTopology *topology = &pass->analysis->model->topology;
  guint32 from = pass->analysis->graph->nodes[step].vm;
  const VnVm *vm = &topology->vms[from];
  ++*vn_order_work(pass->analysis->order);
  if (from == peer->vm)
    return;
  const Way *way = peer->address.family != 0 ? find_way(pass, from, peer) : NULL;
  if (way == NULL || !way->leads) {
    report_lost(pass, step, peer, way);
    return;
  }
  for (guint k = 0; k < way->things->len; k++)
    note_asked(pass, g_array_index(way->things, guint64, k), step, peer);
  if (sender_of(topology, from) < topology->n_segments && pass->ifaces[vm->first_iface])
    note_asked(pass, THING_IFACE(vm->first_iface), step, peer);
}

static int
compare_asked(const void *a, const void *b)
{
  const Asked *x = a, *y = b;
  if (x->thing != y->thing)
    return x->thing < y->thing ? -1 : 1;
  return (x->step > y->step) - (x->step < y->step);
}

static void
ask(Pass *pass, VnPower *power, const Asked *asked)
{
  VnAnalysis *analysis = pass->analysis;
  Cut cut = {*asked->peer, NULL, asked->thing};
  VnFinding finding = {.code = VN_DIAG_VN314,
                       .step = asked->step,
                       .describe = describe_cut,
                       .hint = "state which comes first, or what must have ended well"};
  if (!vn_power_may_lack(power, asked->step, &finding))
    return;
  guint32 number = (guint32)(asked->thing / 2);
  guint32 vm =
      (asked->thing & 1) != 0 ? analysis->model->topology.ifaces[number].vm : number;
  finding.data = vn_arena_memdup(analysis->arena, &cut, sizeof cut);
  finding.cause =
      finding.other != VN_NO_ID
          ? vn_cause(analysis, analysis->graph->nodes[finding.other].task, VN_NO_ID)
          : vn_cause(analysis, VN_NO_ID, vm);
  vn_shortest_offer(pass->shortest, &finding);
}

static void
ask_all(Pass *pass)
{
  g_autoptr(VnPower) power = vn_power_new(pass->analysis);
  gboolean changes = FALSE;
  if (pass->asked->len > 1)
    qsort(pass->asked->data, pass->asked->len, sizeof(Asked), compare_asked);
  for (guint k = 0; k < pass->asked->len && !pass->over; k++) {
    const Asked *asked = &g_array_index(pass->asked, Asked, k);
    const Asked *before = k > 0 ? asked - 1 : NULL;
    guint32 number = (guint32)(asked->thing / 2);
    pass->over = vn_analysis_is_over(pass->analysis);
    if (before == NULL || before->thing != asked->thing)
      changes = (asked->thing & 1) != 0 ? vn_power_choose_link(power, number)
                                        : vn_power_choose_vm(power, number);
    if (changes && (before == NULL || compare_asked(before, asked) != 0))
      ask(pass, power, asked);
  }
}

static void
look_at_all(Pass *pass)
{
  for (guint k = 0; k < pass->peers->all->len && !pass->over; k++) {
    const VnPeer *peer = &g_array_index(pass->peers->all, VnPeer, k);
    guint32 first = pass->analysis->graph->task_first[peer->task];
    for (guint32 m = 0; m < pass->analysis->model->tasks[peer->task].n_targets; m++)
      look_at_step(pass, first + m, peer);
    pass->over |= vn_analysis_is_over(pass->analysis);
  }
}

void
vn_pass_unreachable(VnAnalysis *analysis)
{
  const VnTopology *topology = &analysis->model->topology;
  g_autoptr(VnPeers) peers = vn_peers_new(analysis);
  g_autoptr(VnShortest) shortest = vn_shortest_new(analysis);
  g_autoptr(GHashTable) ways = g_hash_table_new_full(way_hash, way_equal, way_free, NULL);
  g_autoptr(GArray) asked = g_array_new(FALSE, FALSE, sizeof(Asked));
  g_autofree guint8 *vms = g_new0(guint8, (gsize)topology->n_vms + 1);
  g_autofree guint8 *ifaces = g_new0(guint8, (gsize)topology->n_ifaces + 1);
  Pass pass = {.analysis = analysis,
               .peers = peers,
               .ways = ways,
               .vms = vms,
               .ifaces = ifaces,
               .asked = asked,
               .over = FALSE,
               .shortest = shortest};
  if (peers->all->len > 0) {
    note_switched(&pass);
    look_at_all(&pass);
    ask_all(&pass);
  }
  vn_shortest_report(shortest);
  if (pass.over)
    vn_undecided(analysis, VN_DIAG_VN314,
                 "too many steps depend on links and routers that are switched");
}
