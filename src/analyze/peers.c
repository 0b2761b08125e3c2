/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "analyze/peers.h"

#include <stdlib.h>

/* ---- what is required ---- */

/* Commands get IPv4 addresses where there are any (master/calls.c). */
static void
add_vm(VnAnalysis *analysis, VnPeers *peers, VnPeer peer, guint32 vm)
{
  const VnTopology *topology = &analysis->model->topology;
  const VnAddress *address = vn_path_address(topology, vm, 4);
  if (address == NULL)
    address = vn_path_address(topology, vm, 6);
  peer.vm = vm;
  if (address != NULL)
    peer.address = *address;
  g_array_append_val(peers->all, peer);
}

static void
add_address(VnAnalysis *analysis, VnPeers *peers, VnPeer peer, const VnAddress *address)
{
  guint32 owner = vn_paths_owner(peers->paths, address);
  peer.vm = owner != VN_NO_ID ? analysis->model->topology.ifaces[owner].vm : VN_NO_ID;
  peer.address = *address;
  g_array_append_val(peers->all, peer);
}

/* `requires` is about one `host` or `host|address`; sema refuses others. */
static void
add_value(VnAnalysis *analysis, VnPeers *peers, const VnPeer *peer, const VnValue *value)
{
  if (value->kind == VN_VALUE_HOST || value->kind == VN_VALUE_ROUTER)
    add_vm(analysis, peers, *peer, value->id);
  else if (value->kind == VN_VALUE_ADDRESS)
    add_address(analysis, peers, *peer, value->address);
}

gint32
vn_peers_port(const VnAnalysis *analysis, const VnTask *task, const VnExpr *port)
{
  VnValue *params = vn_arena_array0(analysis->arena, VnValue, task->n_args + 1);
  VnExprScope scope = {.params = params, .n_params = task->n_args};
  g_autoptr(GError) error = NULL;
  VnValue value;
  for (guint32 k = 0; k < task->n_args; k++)
    if (task->args[k] != NULL && task->args[k]->kind == VN_EXPR_CONST)
      params[k] = task->args[k]->value;
  if (!vn_expr_evaluate(port, &scope, analysis->arena, &value, &error) ||
      (value.kind != VN_VALUE_PORT && value.kind != VN_VALUE_INT) || value.i < 0 ||
      value.i > G_MAXUINT16)
    return VN_PEER_ANY_PORT;
  return (gint32)value.i;
}

static void
add_task(VnAnalysis *analysis, VnPeers *peers, guint32 t)
{
  const VnTask *task = &analysis->model->tasks[t];
  const VnAction *action = &analysis->model->actions[task->action];
  for (guint32 k = 0; k < action->n_requires; k++) {
    const VnActionRequires *need = &action->requires_[k];
    const VnExpr *target = need->target < task->n_args ? task->args[need->target] : NULL;
    if (target == NULL || target->kind != VN_EXPR_CONST)
      continue;
    if (peers->paths == NULL)
      peers->paths = vn_paths_new(&analysis->model->topology);
    VnPeer peer = {.task = t, .port = VN_PEER_ON};
    if (need->port != NULL)
      peer.port = vn_peers_port(analysis, task, need->port);
    add_value(analysis, peers, &peer, &target->value);
  }
}

VnPeers *
vn_peers_new(VnAnalysis *analysis)
{
  VnPeers *peers = g_new0(VnPeers, 1);
  peers->all = g_array_new(FALSE, FALSE, sizeof(VnPeer));
  for (guint32 t = 0; t < analysis->model->n_tasks; t++)
    if (analysis->model->tasks[t].control == VN_CONTROL_NONE &&
        !vn_runs_is_dead(analysis->runs, t))
      add_task(analysis, peers, t);
  *vn_order_work(analysis->order) += peers->all->len;
  return peers;
}

void
vn_peers_free(VnPeers *peers)
{
  if (peers == NULL)
    return;
  g_array_unref(peers->all);
  vn_paths_free(peers->paths);
  g_free(peers);
}

/* ---- the shortest for each step ---- */

struct VnShortest {
  VnAnalysis *analysis;
  GHashTable *by_step; /* VnFinding* */
};

VnShortest *
vn_shortest_new(VnAnalysis *analysis)
{
  VnShortest *shortest = g_new(VnShortest, 1);
  shortest->analysis = analysis;
  shortest->by_step = g_hash_table_new_full(NULL, NULL, NULL, g_free);
  return shortest;
}

void
vn_shortest_free(VnShortest *shortest)
{
  if (shortest == NULL)
    return;
  g_hash_table_unref(shortest->by_step);
  g_free(shortest);
}

static guint32
length_of(VnAnalysis *analysis, VnFinding *finding, guint32 limit)
{
  if (finding->length == 0)
    return vn_witness_length(analysis, finding->ends, finding->n_ends, limit);
  return finding->length;
}

/* What is undecided counts only where nothing is decided. */
void
vn_shortest_offer(VnShortest *shortest, const VnFinding *finding)
{
  VnFinding *best = g_hash_table_lookup(shortest->by_step, GUINT_TO_POINTER(finding->step));
  if (best == NULL) {
    g_hash_table_insert(shortest->by_step, GUINT_TO_POINTER(finding->step),
                        g_memdup2(finding, sizeof *finding));
    return;
  }
  if (finding->undecided != best->undecided) {
    if (best->undecided)
      *best = *finding;
    return;
  }
  VnFinding candidate = *finding;
  best->length = length_of(shortest->analysis, best, G_MAXUINT32);
  candidate.length = length_of(shortest->analysis, &candidate, best->length);
  if (candidate.length < best->length)
    *best = candidate;
}

gboolean
vn_shortest_has(const VnShortest *shortest, guint32 step)
{
  return g_hash_table_contains(shortest->by_step, GUINT_TO_POINTER(step));
}

static int
compare_steps(const void *a, const void *b)
{
  guint32 x = GPOINTER_TO_UINT(*(const gpointer *)a), y = GPOINTER_TO_UINT(*(const gpointer *)b);
  return (x > y) - (x < y);
}

void
vn_shortest_report(VnShortest *shortest)
{
  guint n;
  g_autofree gpointer *steps = g_hash_table_get_keys_as_array(shortest->by_step, &n);
  qsort(steps, n, sizeof *steps, compare_steps);
  for (guint k = 0; k < n; k++)
    vn_find(shortest->analysis, g_hash_table_lookup(shortest->by_step, steps[k]));
}
