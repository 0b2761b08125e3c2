/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Virtual time: a heap of what is due later, and a list of what is due now.
 *
 * Nodes that take no time never touch the heap. Timers are of nodes, and behind them of VMs: the
 * time at which one goes away. Tasks that take time hang in a list of their machine, so that it
 * can take them with it. */
#include "master/simulate.h"

#include "frame/status.h"
#include "master/sim-world.h"
#include "master/timers.h"
#include "tech/tech.h"

typedef struct {
  VnSimAct act;
  guint32 next, previous; /* on the same machine; VN_NO_ID: end; itself in `previous`: in no list */
  guint8 due;             /* it stands in the list of what is due now */
  guint8 serving;
} Job;

typedef struct {
  guint32 first; /* job in its list; VN_NO_ID: none */
  guint8 on, suspended;
  gint64 lost_ns; /* of the boot that is under way */
} Machine;

struct VnSimulator {
  VnExecutor executor; /* first: operations know the simulator by it */
  const VnGraph *graph;
  const VnModel *model;
  VnScheduler *scheduler;
  VnSimWorld *world;
  VnTimers timers;
  Job *jobs;              /* by node */
  Machine *machines;      /* by VM */
  guint32 *due, *handled; /* nodes that end now; the ones in hand */
  guint32 n_due, due_size, handled_size;
  VnArena *arena; /* of outcomes of this step; NULL when there were none */
  gint64 now, alarm;
};

static VnSimulator *
simulator_of(VnExecutor *executor)
{
  return (VnSimulator *)executor;
}

static void
add_due(VnSimulator *sim, guint32 node)
{
  if (sim->jobs[node].due)
    return;
  sim->jobs[node].due = TRUE;
  if (sim->n_due == sim->due_size) {
    sim->due_size = MAX(1024, sim->due_size * 2);
    sim->due = g_renew(guint32, sim->due, sim->due_size);
  }
  sim->due[sim->n_due++] = node;
}

/* ---- jobs of a machine ---- */

static void
link_job(VnSimulator *sim, guint32 node)
{
  Machine *machine = &sim->machines[sim->graph->nodes[node].vm];
  Job *job = &sim->jobs[node];
  job->previous = VN_NO_ID;
  job->next = machine->first;
  if (job->next != VN_NO_ID)
    sim->jobs[job->next].previous = node;
  machine->first = node;
}

static void
unlink_job(VnSimulator *sim, guint32 node)
{
  Job *job = &sim->jobs[node];
  if (job->previous == node)
    return;
  if (job->previous != VN_NO_ID)
    sim->jobs[job->previous].next = job->next;
  else
    sim->machines[sim->graph->nodes[node].vm].first = job->next;
  if (job->next != VN_NO_ID)
    sim->jobs[job->next].previous = job->previous;
  job->previous = node;
}

/* Ends what is under way, now and in another way than it would have. */
static void
cut_job(VnSimulator *sim, guint32 node, VnSimHow how)
{
  Job *job = &sim->jobs[node];
  gboolean gets_ready = job->act.serves && !job->serving;
  if (job->due && !gets_ready)
    return; /* it ends by itself in this very moment */
  vn_timers_unset(&sim->timers, node);
  job->act.how = how;
  job->act.serves = FALSE;
  job->act.rule = NULL;
  add_due(sim, node);
}

/* All jobs of a machine but the one that does it. */
static void
cut_jobs(VnSimulator *sim, guint32 vm, guint32 but)
{
  guint32 node = sim->machines[vm].first;
  while (node != VN_NO_ID) {
    guint32 next = sim->jobs[node].next;
    if (node != but) {
      cut_job(sim, node, VN_SIM_LOST);
      unlink_job(sim, node);
    }
    node = next;
  }
}

static void
switch_on(VnSimulator *sim, guint32 vm)
{
  Machine *machine = &sim->machines[vm];
  machine->on = TRUE;
  machine->suspended = FALSE;
  if (machine->lost_ns >= 0)
    vn_timers_set(&sim->timers, sim->graph->n_nodes + vm, sim->now + machine->lost_ns);
}

static void
switch_off(VnSimulator *sim, guint32 vm, guint32 by)
{
  vn_timers_unset(&sim->timers, sim->graph->n_nodes + vm);
  sim->machines[vm].on = sim->machines[vm].suspended = FALSE;
  cut_jobs(sim, vm, by);
}

/* ---- starting ---- */

/* What a task needs of its machine: doc/manual/anomalies.md. */
static gboolean
is_fit(const Machine *machine, VnControl control)
{
  switch (control) {
  case VN_CONTROL_NONE:
  case VN_CONTROL_PUSH:
  case VN_CONTROL_PULL:
    return machine->on && !machine->suspended;
  case VN_CONTROL_SUSPEND:
  case VN_CONTROL_RESUME:
    return machine->on;
  case VN_CONTROL_POWER_ON:
  case VN_CONTROL_POWER_OFF:
  case VN_CONTROL_SNAPSHOT:
  case VN_CONTROL_REVERT:
  case VN_CONTROL_LINK_DOWN:
  case VN_CONTROL_LINK_UP:
  case VN_CONTROL_IMPAIR:
  case VN_CONTROL_WAIT:
  case VN_CONTROL_STOP:
    return TRUE;
  }
  g_assert_not_reached();
}

static VnSimAct
decide_boot(VnSimulator *sim, guint32 vm)
{
  VnSimAct act = vn_sim_world_boot(sim->world, vm, &sim->machines[vm].lost_ns);
  if (sim->machines[vm].on)
    act.delay_ns = 0; /* it is on already */
  return act;
}

static VnSimAct
decide(VnSimulator *sim, guint32 node, guint32 attempt)
{
  const VnNode *info = &sim->graph->nodes[node];
  switch ((VnNodeKind)info->kind) {
  case VN_NODE_READY:
    return decide_boot(sim, info->vm);
  case VN_NODE_TASK: {
    const Machine *machine = &sim->machines[info->vm];
    VnControl control = sim->model->tasks[info->task].control;
    if (control == VN_CONTROL_POWER_ON)
      return decide_boot(sim, info->vm);
    if (!is_fit(machine, control))
      return (VnSimAct){.how = VN_SIM_OFF};
    return vn_sim_world_task(sim->world, node, attempt);
  }
  case VN_NODE_SEGMENT:
  case VN_NODE_VM:
  case VN_NODE_PROVE:
  case VN_NODE_TEARDOWN:
    return (VnSimAct){.how = VN_SIM_OK};
  case VN_NODE_BEGIN:
  case VN_NODE_GATE:
  case VN_NODE_JOIN:
  case VN_NODE_END:
    break; /* the scheduler's own */
  }
  g_assert_not_reached();
}

static void
start(VnExecutor *executor, const guint32 *nodes, const guint32 *attempts, guint n)
{
  VnSimulator *sim = simulator_of(executor);
  for (guint k = 0; k < n; k++) {
    guint32 node = nodes[k];
    Job *job = &sim->jobs[node];
    *job = (Job){.act = decide(sim, node, attempts[k]), .previous = node};
    if (sim->graph->nodes[node].kind == VN_NODE_TASK && (job->act.delay_ns > 0 || job->act.serves))
      link_job(sim, node);
    if (job->act.delay_ns > 0)
      vn_timers_set(&sim->timers, node, sim->now + job->act.delay_ns);
    else
      add_due(sim, node);
  }
}

static void
cancel(VnExecutor *executor, guint32 node)
{
  cut_job(simulator_of(executor), node, VN_SIM_CANCELLED);
}

static gint64
get_now(VnExecutor *executor)
{
  return simulator_of(executor)->now;
}

static void
set_alarm(VnExecutor *executor, gint64 at)
{
  simulator_of(executor)->alarm = at;
}

static const VnExecutorOps ops = {start, cancel, get_now, set_alarm};

/* ---- ending ---- */

/* What a control task that went well has done to its machine. */
static void
apply_control(VnSimulator *sim, guint32 node)
{
  const VnNode *info = &sim->graph->nodes[node];
  switch ((VnControl)sim->model->tasks[info->task].control) {
  case VN_CONTROL_POWER_ON:
    switch_on(sim, info->vm);
    return;
  case VN_CONTROL_POWER_OFF:
    switch_off(sim, info->vm, node);
    return;
  case VN_CONTROL_REVERT:
    sim->machines[info->vm].suspended = FALSE;
    cut_jobs(sim, info->vm, node);
    return;
  case VN_CONTROL_SUSPEND:
    sim->machines[info->vm].suspended = TRUE;
    return;
  case VN_CONTROL_RESUME:
    sim->machines[info->vm].suspended = FALSE;
    return;
  case VN_CONTROL_SNAPSHOT:
  case VN_CONTROL_PUSH:
  case VN_CONTROL_PULL:
  case VN_CONTROL_LINK_DOWN:
  case VN_CONTROL_LINK_UP:
  case VN_CONTROL_IMPAIR:
  case VN_CONTROL_WAIT:
  case VN_CONTROL_STOP:
  case VN_CONTROL_NONE:
    return;
  }
  g_assert_not_reached();
}

static void
end_task(VnSimulator *sim, guint32 node)
{
  const Job *job = &sim->jobs[node];
  VnOutcome outcome;
  if (sim->arena == NULL && job->act.rule != NULL)
    sim->arena = vn_arena_new();
  vn_sim_world_outcome(sim->world, node, &job->act, vn_scheduler_scope(sim->scheduler), sim->arena,
                       &outcome);
  if (job->serving)
    outcome.elapsed_ns = 0; /* as long as it was */
  if (outcome.status == VN_NODE_STATUS_OK)
    apply_control(sim, node);
  unlink_job(sim, node);
  if (job->act.how == VN_SIM_LOST && job->act.rule != NULL) /* it took its machine with it */
    switch_off(sim, sim->graph->nodes[node].vm, node);
  vn_scheduler_ended(sim->scheduler, node, &outcome);
}

static void
end_step(VnSimulator *sim, guint32 node)
{
  const VnNode *info = &sim->graph->nodes[node];
  VnSimHow how = sim->jobs[node].act.how;
  VnOutcome outcome = {.status = VN_NODE_STATUS_OK};
  if (how == VN_SIM_CANCELLED)
    outcome.status = VN_NODE_STATUS_CANCELLED;
  else if (how != VN_SIM_OK) {
    outcome.status = VN_NODE_STATUS_FAILED;
    outcome.error = "the script says that it does not boot";
  } else if (info->kind == VN_NODE_READY)
    switch_on(sim, info->vm);
  vn_scheduler_ended(sim->scheduler, node, &outcome);
}

static void
handle(VnSimulator *sim, guint32 node)
{
  Job *job = &sim->jobs[node];
  job->due = FALSE;
  if (sim->graph->nodes[node].kind != VN_NODE_TASK) {
    end_step(sim, node);
    return;
  }
  if (!job->act.serves || job->serving) {
    end_task(sim, node);
    return;
  }
  job->serving = TRUE;
  if (job->act.serves_ns >= 0)
    vn_timers_set(&sim->timers, node, sim->now + job->act.serves_ns);
  vn_scheduler_serving(sim->scheduler, node);
}

/* Moves time to what comes next. FALSE: nothing does. */
static gboolean
advance(VnSimulator *sim)
{
  gint64 next = vn_timers_empty(&sim->timers) ? G_MAXINT64 : vn_timers_next(&sim->timers);
  if (sim->alarm != 0)
    next = MIN(next, sim->alarm);
  if (next == G_MAXINT64)
    return FALSE;
  sim->now = MAX(sim->now, next);
  guint32 key = 0;
  while (vn_timers_pop(&sim->timers, sim->now, &key)) {
    if (key < sim->graph->n_nodes)
      add_due(sim, key);
    else
      switch_off(sim, key - sim->graph->n_nodes, VN_NO_ID);
  }
  return TRUE;
}

gboolean
vn_simulator_step(VnSimulator *sim)
{
  if (vn_scheduler_status(sim->scheduler) != VN_RUN_RUNNING)
    return FALSE;
  if (sim->n_due == 0 && !advance(sim))
    return FALSE;
  guint32 *nodes = sim->due, n = sim->n_due, size = sim->due_size;
  sim->due = sim->handled;
  sim->due_size = sim->handled_size;
  sim->handled = nodes;
  sim->handled_size = size;
  sim->n_due = 0;
  for (guint32 k = 0; k < n; k++)
    handle(sim, nodes[k]);
  g_clear_pointer(&sim->arena, vn_arena_free);
  if (sim->alarm != 0 && sim->alarm <= sim->now) {
    sim->alarm = 0;
    vn_scheduler_alarm(sim->scheduler);
  } else {
    vn_scheduler_turn(sim->scheduler);
  }
  return TRUE;
}

/* ---- making ---- */

gboolean
vn_is_simulated(const VnModel *model)
{
  const VnTopology *topology = &model->topology;
  for (guint32 k = 0; k < topology->n_segments; k++) {
    if (topology->segments[k].tech == VN_TECH_SIM)
      return TRUE;
  }
  return FALSE;
}

VnSimulator *
vn_simulator_new(const VnGraph *graph, guint64 seed, GError **error)
{
  VnSimWorld *world = vn_sim_world_new(graph, seed, error);
  if (world == NULL)
    return NULL;
  guint32 n_vms = graph->model->topology.n_vms;
  VnSimulator *sim = g_new0(VnSimulator, 1);
  sim->executor.ops = &ops;
  sim->graph = graph;
  sim->model = graph->model;
  sim->world = world;
  vn_timers_init(&sim->timers, graph->n_nodes + n_vms);
  sim->jobs = g_new0(Job, graph->n_nodes);
  sim->machines = g_new0(Machine, n_vms + 1);
  for (guint32 v = 0; v < n_vms; v++)
    sim->machines[v] = (Machine){.first = VN_NO_ID, .lost_ns = -1};
  return sim;
}

void
vn_simulator_free(VnSimulator *sim)
{
  if (sim == NULL)
    return;
  vn_sim_world_free(sim->world);
  vn_timers_clear(&sim->timers);
  vn_arena_free(sim->arena);
  g_free(sim->jobs);
  g_free(sim->machines);
  g_free(sim->due);
  g_free(sim->handled);
  g_free(sim);
}

VnExecutor *
vn_simulator_executor(VnSimulator *sim)
{
  return &sim->executor;
}

void
vn_simulator_attach(VnSimulator *sim, VnScheduler *scheduler)
{
  sim->scheduler = scheduler;
}
