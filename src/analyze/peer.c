/* SPDX-License-Identifier: GPL-3.0-or-later */
/* VN307: the peer that a task needs may be off or suspended. The question of VN302, asked of
 * another machine: peers are taken one after the other, and only those that something switches. */
#include "analyze/peers.h"
#include "analyze/power.h"

#include <stdlib.h>

static void
describe(const VnAnalysis *analysis, const VnFinding *finding, GString *out)
{
  const VnPeer *peer = finding->data;
  const char *name = analysis->model->topology.vms[peer->vm].name;
  if (finding->other == VN_NO_ID) {
    g_string_append_printf(out, "`%s` may still be off when ", name);
  } else if (finding->n_ends > 1) {
    vn_step_append(analysis, finding->other, out);
    g_string_append(out, " may run before ");
    vn_step_append(analysis, finding->step, out);
    g_string_append_printf(out, ", which needs `%s`", name);
    return;
  } else {
    g_string_append_printf(out, "`%s` may be %s after ", name,
                           vn_step_task(analysis, finding->other)->control == VN_CONTROL_SUSPEND
                               ? "suspended"
                               : "off");
    vn_step_append_short(analysis, finding->other, out);
    g_string_append(out, " when ");
  }
  vn_step_append(analysis, finding->step, out);
  g_string_append(out, " needs it");
}

static const char *
hint_for(const VnFinding *finding)
{
  if (finding->n_ends > 1)
    return "state which comes first, with `after` or `flow`";
  return finding->n_fates > 0 ? "a condition `when T.ok` lets a task run only if task T ended well"
                              : "let the task come after one that powers that machine on";
}

/* Members of a task have the same order, so the answer for one is that for all. */
static void
ask(VnAnalysis *analysis, VnPower *power, const VnPeer *peer, VnShortest *shortest)
{
  const VnTask *task = &analysis->model->tasks[peer->task];
  guint32 first = analysis->graph->task_first[peer->task];
  VnFinding finding = {
      .code = VN_DIAG_VN307, .data = (gpointer)peer, .describe = describe};
  if (!vn_power_may_lack(power, first, &finding))
    return;
  finding.hint = hint_for(&finding);
  finding.cause =
      finding.other != VN_NO_ID
          ? vn_cause(analysis, analysis->graph->nodes[finding.other].task, VN_NO_ID)
          : vn_cause(analysis, VN_NO_ID, peer->vm);
  for (guint32 k = 0; k < task->n_targets; k++) {
    if (task->targets[k] == peer->vm)
      continue; /* VN302 */
    finding.step = finding.ends[finding.n_ends - 1] = first + k;
    vn_shortest_offer(shortest, &finding);
  }
}

static int
compare_vms(const void *a, const void *b)
{
  const VnPeer *x = *(const VnPeer *const *)a, *y = *(const VnPeer *const *)b;
  if (x->vm != y->vm)
    return x->vm < y->vm ? -1 : 1;
  return (x->task > y->task) - (x->task < y->task);
}

static gboolean
ask_all(VnAnalysis *analysis, const GPtrArray *sorted, VnShortest *shortest)
{
  g_autoptr(VnPower) power = vn_power_new(analysis);
  gboolean changes = FALSE;
  for (guint k = 0; k < sorted->len; k++) {
    const VnPeer *peer = sorted->pdata[k];
    if (vn_analysis_is_over(analysis))
      return FALSE;
    if (k == 0 || peer->vm != ((const VnPeer *)sorted->pdata[k - 1])->vm)
      changes = vn_power_choose_vm(power, peer->vm);
    if (changes)
      ask(analysis, power, peer, shortest);
  }
  return TRUE;
}

void
vn_pass_peer(VnAnalysis *analysis)
{
  g_autoptr(VnPeers) peers = vn_peers_new(analysis);
  g_autoptr(VnShortest) shortest = vn_shortest_new(analysis);
  g_autoptr(GPtrArray) sorted = g_ptr_array_new();
  for (guint k = 0; k < peers->all->len; k++) {
    VnPeer *peer = &g_array_index(peers->all, VnPeer, k);
    if (peer->port == VN_PEER_ON && peer->vm != VN_NO_ID)
      g_ptr_array_add(sorted, vn_arena_memdup(analysis->arena, peer, sizeof *peer));
  }
  if (sorted->len > 1)
    qsort(sorted->pdata, sorted->len, sizeof(gpointer), compare_vms);
  gboolean done = ask_all(analysis, sorted, shortest);
  vn_shortest_report(shortest);
  if (!done)
    vn_undecided(analysis, VN_DIAG_VN307, "the workflow takes too long to look at");
}
