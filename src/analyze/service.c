/* SPDX-License-Identifier: GPL-3.0-or-later */
/* VN308: the service that a task needs may not be running.
 *
 * What has to do with a port of a machine: the steps that provide it, the `stop`s of their tasks,
 * and the power_offs, reverts and snapshots of the machine (a revert keeps what served when its
 * snapshot was taken). Mostly one look tells: nothing provides it; nothing that provides it need
 * have come; or something surely has, and nothing ends it. Else all orders of the effects of these
 * steps are tried up to the moment in question, as states: which have had their effect, and what
 * serves. A state in which nothing serves counts if a run exists in which exactly these had their
 * effect while the step runs.
 *
 * While the machine is off of which the step needs that it is on, VN307 says so (VN302, of its own
 * machine): what served there counts as serving until the machine is on again. */
#include <stdlib.h>
#include <string.h>

#include "analyze/peers.h"

/* Past either the finding says that it is undecided. */
#define VN_SERVICE_MAX_STEPS  12u
#define VN_SERVICE_MAX_STATES 20000u
#define MAX_NAMES             4u /* of snapshots that something reverts to */

typedef enum { PROVIDES, STOPS, POWER_OFF, REVERTS, SNAPSHOTS, POWER_ON } Kind;

typedef struct {
  guint32 step;
  Kind kind;
  guint32 task; /* STOPS: the task that it stops */
  guint name;   /* REVERTS, SNAPSHOTS: place in names */
} Actor;

/* One port of one machine. */
typedef struct {
  VnAnalysis *analysis;
  guint32 vm;
  gint32 port;
  GArray *actors; /* of Actor: providers first */
  guint n_providers;
  gboolean any_port; /* something provides a port that is not known */
  const char *names[MAX_NAMES];
  guint n_names;
  gboolean too_many; /* names */
} Service;

typedef struct {
  guint16 done, serving, saved; /* bits: actors; names that were saved */
  guint16 taken;                /* what served when the machine was switched off, until it is on */
  guint16 kept[MAX_NAMES];      /* what served then */
  guint16 last;                 /* the actor that ended what served last, plus 1; not in the key */
} State;

/* Of one step that needs it: actors that are not after it. */
typedef struct {
  const Service *service;
  guint32 step;
  gboolean off_is_said; /* by another code */
  Actor actors[VN_SERVICE_MAX_STEPS];
  guint n;
  guint16 before[VN_SERVICE_MAX_STEPS]; /* which come before it */
  guint8 *verdicts;                     /* by mask: 0 not known, 1 no, 2 yes */
  VnFinding best;
  gboolean found, over;
} Search;

/* A finding's, for its text. */
typedef struct {
  guint32 vm;
  gint32 port;
  gboolean provided;
} Lack;

/* ---- who has to do with it ---- */

static gboolean
is_stop_of(const VnAnalysis *analysis, guint32 step, guint32 *out_task)
{
  const VnTask *task = vn_step_task(analysis, step);
  if (task->control != VN_CONTROL_STOP || task->n_args == 0 || task->args[0] == NULL ||
      task->args[0]->kind != VN_EXPR_CONST || task->args[0]->value.kind != VN_VALUE_TASK)
    return FALSE;
  *out_task = task->args[0]->value.id;
  return TRUE;
}

/* *out_any: a port that is not known. */
static gboolean
provides(const VnAnalysis *analysis, guint32 step, gint32 port, gboolean *out_any)
{
  const VnTask *task = vn_step_task(analysis, step);
  gboolean found = FALSE;
  if (task->control != VN_CONTROL_NONE)
    return FALSE;
  const VnAction *action = &analysis->model->actions[task->action];
  for (guint32 k = 0; k < action->n_provides; k++) {
    gint32 it = vn_peers_port(analysis, task, action->provides[k]);
    *out_any |= it == VN_PEER_ANY_PORT;
    found |= it == port || it == VN_PEER_ANY_PORT || port == VN_PEER_ANY_PORT;
  }
  return found;
}

static void
add_actor(Service *service, const Actor *actor)
{
  if (!vn_runs_is_dead(service->analysis->runs,
                       service->analysis->graph->nodes[actor->step].task))
    g_array_append_vals(service->actors, actor, 1);
}

static const char *
snapshot_name(const VnAnalysis *analysis, guint32 step)
{
  const VnTask *task = vn_step_task(analysis, step);
  const VnExpr *name = task->n_args > 0 ? task->args[0] : NULL;
  return name != NULL && name->kind == VN_EXPR_CONST && name->value.kind == VN_VALUE_STRING
             ? name->value.text->text
             : "";
}

/* The place of a name; MAX_NAMES: it is not among them. */
static guint
name_place(Service *service, const char *name, gboolean add)
{
  for (guint k = 0; k < service->n_names; k++)
    if (strcmp(service->names[k], name) == 0)
      return k;
  if (!add)
    return MAX_NAMES;
  if (service->n_names == MAX_NAMES) {
    service->too_many = TRUE;
    return 0;
  }
  service->names[service->n_names] = name;
  return service->n_names++;
}

static void
add_machine_steps(Service *service, VnControl control, Kind kind)
{
  const VnAnalysis *analysis = service->analysis;
  for (guint32 s = analysis->vm_row[service->vm]; s < analysis->vm_row[service->vm + 1]; s++) {
    Actor actor = {.step = analysis->vm_steps[s], .kind = kind};
    if (vn_step_task(analysis, actor.step)->control != control)
      continue;
    if (kind == REVERTS || kind == SNAPSHOTS)
      actor.name = name_place(service, snapshot_name(analysis, actor.step), kind == REVERTS);
    if (actor.name < MAX_NAMES)
      add_actor(service, &actor);
  }
}

static gboolean
has_provider_of(const Service *service, guint32 task)
{
  for (guint k = 0; k < service->n_providers; k++)
    if (service->analysis->graph->nodes[g_array_index(service->actors, Actor, k).step].task == task)
      return TRUE;
  return FALSE;
}

typedef struct {
  guint32 task, step; /* the `stop`s of a task */
} Stop;

static int
compare_stops(const void *a, const void *b)
{
  const Stop *x = a, *y = b;
  if (x->task != y->task)
    return x->task < y->task ? -1 : 1;
  return (x->step > y->step) - (x->step < y->step);
}

/* All `stop`s, by the task that they stop. */
static GArray *
collect_stops(const VnAnalysis *analysis)
{
  GArray *stops = g_array_new(FALSE, FALSE, sizeof(Stop));
  for (guint32 t = 0; t < analysis->model->n_tasks; t++) {
    Stop stop = {.step = analysis->graph->task_first[t]};
    if (is_stop_of(analysis, stop.step, &stop.task))
      g_array_append_val(stops, stop);
  }
  if (stops->len > 1)
    qsort(stops->data, stops->len, sizeof(Stop), compare_stops);
  return stops;
}

static void
add_stops_of(Service *service, guint32 task, const GArray *stops)
{
  guint low = 0, high = stops->len;
  while (low < high) {
    guint middle = low + (high - low) / 2;
    if (g_array_index(stops, Stop, middle).task < task)
      low = middle + 1;
    else
      high = middle;
  }
  for (; low < stops->len && g_array_index(stops, Stop, low).task == task; low++)
    add_actor(service, &(Actor){.step = g_array_index(stops, Stop, low).step,
                                .kind = STOPS,
                                .task = task});
}

static void
choose_service(Service *service, guint32 vm, gint32 port, const GArray *stops)
{
  VnAnalysis *analysis = service->analysis;
  g_array_set_size(service->actors, 0);
  *service = (Service){
      .analysis = analysis, .vm = vm, .port = port, .actors = service->actors};
  for (guint32 s = analysis->vm_row[vm]; s < analysis->vm_row[vm + 1]; s++)
    if (provides(analysis, analysis->vm_steps[s], port, &service->any_port))
      add_actor(service, &(Actor){.step = analysis->vm_steps[s], .kind = PROVIDES});
  service->n_providers = service->actors->len;
  for (guint k = 0; k < service->n_providers; k++) {
    guint32 provider = g_array_index(service->actors, Actor, k).step;
    add_stops_of(service, analysis->graph->nodes[provider].task, stops);
  }
  guint n = service->actors->len;
  add_machine_steps(service, VN_CONTROL_POWER_OFF, POWER_OFF);
  if (service->actors->len > n)
    add_machine_steps(service, VN_CONTROL_POWER_ON, POWER_ON);
  add_machine_steps(service, VN_CONTROL_REVERT, REVERTS);
  add_machine_steps(service, VN_CONTROL_SNAPSHOT, SNAPSHOTS);
  *vn_order_work(analysis->order) += analysis->vm_row[vm + 1] - analysis->vm_row[vm];
}

/* ---- one look ---- */

static gboolean
ends(const VnAnalysis *analysis, const Actor *actor, guint32 provider)
{
  if (actor->kind == STOPS)
    return analysis->graph->nodes[provider].task == actor->task;
  return actor->kind == POWER_OFF || actor->kind == REVERTS;
}

/* May every provider be without effect when the step runs? Notes how, of the first few. */
static gboolean
all_lack(const Service *service, guint32 step, VnFinding *finding)
{
  VnRunWish wish = {step, NULL, 0};
  finding->n_fates = 0;
  for (guint k = 0; k < service->n_providers; k++) {
    guint32 provider = g_array_index(service->actors, Actor, k).step;
    VnFate fate = provider == step
                      ? VN_FATE_LATER
                      : vn_runs_lacks(service->analysis->runs, &wish, provider);
    if (fate == VN_FATE_NONE)
      return FALSE;
    if (fate != VN_FATE_LATER && finding->n_fates < VN_FINDING_MAX_FATES)
      finding->fates[finding->n_fates++] = (VnFatedStep){provider, (guint8)fate};
  }
  return TRUE;
}

/* Is there a provider that surely has come, and that nothing ends before the step has ended? */
static gboolean
is_surely_served(const Service *service, guint32 step)
{
  VnAnalysis *analysis = service->analysis;
  VnRunWish wish = {step, NULL, 0};
  for (guint k = 0; k < service->n_providers; k++) {
    guint32 provider = g_array_index(service->actors, Actor, k).step;
    gboolean sure = vn_order_before(analysis->order, provider, step) &&
                    vn_runs_lacks(analysis->runs, &wish, provider) == VN_FATE_NONE;
    for (guint e = service->n_providers; e < service->actors->len && sure; e++) {
      const Actor *actor = &g_array_index(service->actors, Actor, e);
      sure = !ends(analysis, actor, provider) ||
             vn_order_before(analysis->order, actor->step, provider) ||
             vn_order_before(analysis->order, step, actor->step);
    }
    if (sure)
      return TRUE;
  }
  return FALSE;
}

/* ---- all orders ---- */

static guint
state_hash(gconstpointer key)
{
  const State *state = key;
  guint hash = state->done * 31u + state->serving;
  for (guint k = 0; k < MAX_NAMES; k++)
    hash = hash * 31u + state->kept[k];
  return (hash * 31u + state->saved) * 31u + state->taken;
}

static gboolean
state_equal(gconstpointer a, gconstpointer b)
{
  const State *x = a, *y = b;
  return x->done == y->done && x->serving == y->serving && x->saved == y->saved &&
         x->taken == y->taken &&
         memcmp(x->kept, y->kept, sizeof x->kept) == 0;
}

static void
apply(const Search *search, State *state, guint k)
{
  const Actor *actor = &search->actors[k];
  guint16 served = state->serving;
  switch (actor->kind) {
  case PROVIDES:
    state->serving |= (guint16)(1u << k);
    break;
  case STOPS:
    for (guint p = 0; p < search->n; p++)
      if (search->actors[p].kind == PROVIDES &&
          ends(search->service->analysis, actor, search->actors[p].step)) {
        state->serving &= (guint16) ~(1u << p);
        state->taken &= (guint16) ~(1u << p);
      }
    break;
  case POWER_OFF:
    if (search->off_is_said)
      state->taken |= state->serving;
    state->serving = 0;
    break;
  case POWER_ON:
    state->taken = 0;
    break;
  case REVERTS:
    state->serving &= (state->saved >> actor->name & 1) != 0 ? state->kept[actor->name] : 0;
    break;
  case SNAPSHOTS:
    state->saved |= (guint16)(1u << actor->name);
    state->kept[actor->name] = state->serving;
    break;
  }
  if ((served & ~state->serving) != 0)
    state->last = (guint16)(k + 1);
  state->done |= (guint16)(1u << k);
}

/* Is there a run in which exactly these have had their effect while the step runs? */
static gboolean
is_run(Search *search, guint16 done)
{
  guint8 *verdict = &search->verdicts[done];
  guint32 works[VN_SERVICE_MAX_STEPS];
  VnRunWish wish = {search->step, works, 0};
  VnRuns *runs = search->service->analysis->runs;
  if (*verdict != 0)
    return *verdict == 2;
  for (guint k = 0; k < search->n; k++)
    if ((done >> k & 1) != 0)
      works[wish.n_works++] = search->actors[k].step;
  gboolean is = vn_runs_possible(runs, &wish);
  for (guint k = 0; k < search->n && is; k++)
    is = (done >> k & 1) != 0 ||
         vn_runs_lacks(runs, &wish, search->actors[k].step) != VN_FATE_NONE;
  *verdict = is ? 2 : 1;
  return is;
}

/* Those that may come at any time stand at the order's end; the others come before the step. */
static void
offer(Search *search, const State *state)
{
  VnAnalysis *analysis = search->service->analysis;
  VnFinding finding = search->best;
  finding.n_ends = finding.n_fates = 0;
  guint32 ends[VN_SERVICE_MAX_STEPS + 1];
  guint n_ends = 0;
  finding.other = state->last > 0 ? search->actors[state->last - 1].step : VN_NO_ID;
  for (guint k = 0; k < search->n; k++)
    if ((state->done >> k & 1) != 0 &&
        vn_order_unordered(analysis->order, search->actors[k].step, search->step)) {
      ends[n_ends++] = search->actors[k].step;
      if (finding.n_ends + 1 < VN_FINDING_MAX_ENDS)
        finding.ends[finding.n_ends++] = search->actors[k].step;
    }
  ends[n_ends++] = finding.ends[finding.n_ends++] = search->step;
  guint32 limit = search->found ? search->best.length : G_MAXUINT32;
  finding.length = vn_witness_length(analysis, ends, n_ends, limit);
  if (!search->found || finding.length < search->best.length)
    search->best = finding;
  search->found = TRUE;
}

static void
explore(Search *search)
{
  g_autoptr(GHashTable) seen = g_hash_table_new_full(state_hash, state_equal, g_free, NULL);
  g_autoptr(GPtrArray) open = g_ptr_array_new();
  State *first = g_new0(State, 1);
  g_hash_table_add(seen, first);
  g_ptr_array_add(open, first);
  for (guint at = 0; at < open->len && !search->over; at++) {
    const State *state = open->pdata[at];
    if ((state->serving | state->taken) == 0 && is_run(search, state->done))
      offer(search, state);
    for (guint k = 0; k < search->n; k++) {
      State next = *state;
      /* What comes before something that has come had its turn. */
      gboolean late = FALSE;
      for (guint d = 0; d < search->n; d++)
        late |= (state->done >> d & 1) != 0 && (search->before[d] >> k & 1) != 0;
      if (late || (state->done >> k & 1) != 0)
        continue;
      apply(search, &next, k);
      if (g_hash_table_contains(seen, &next))
        continue;
      State *kept = g_memdup2(&next, sizeof next);
      g_hash_table_add(seen, kept);
      g_ptr_array_add(open, kept);
    }
    search->over = open->len > VN_SERVICE_MAX_STATES;
  }
  *vn_order_work(search->service->analysis->order) += 64 * (guint64)open->len;
}

/* FALSE: more than can be tried. */
static gboolean
prepare(Search *search)
{
  const Service *service = search->service;
  VnOrder *order = service->analysis->order;
  for (guint k = 0; k < service->actors->len; k++) {
    const Actor *actor = &g_array_index(service->actors, Actor, k);
    if (actor->step == search->step || vn_order_before(order, search->step, actor->step) ||
        (actor->kind == POWER_ON && !search->off_is_said))
      continue;
    if (search->n == VN_SERVICE_MAX_STEPS)
      return FALSE;
    search->actors[search->n++] = *actor;
  }
  for (guint k = 0; k < search->n; k++)
    for (guint d = 0; d < search->n; d++)
      if (vn_order_before(order, search->actors[d].step, search->actors[k].step))
        search->before[k] |= (guint16)(1u << d);
  return !service->too_many;
}

/* ---- texts ---- */

static void
append_service(const VnAnalysis *analysis, const Lack *lack, GString *out)
{
  if (lack->port == VN_PEER_ANY_PORT)
    g_string_append(out, "the port");
  else
    g_string_append_printf(out, "tcp %d", lack->port);
  g_string_append_printf(out, " of `%s`", analysis->model->topology.vms[lack->vm].name);
}

static void
describe(const VnAnalysis *analysis, const VnFinding *finding, GString *out)
{
  const Lack *lack = finding->data;
  if (finding->undecided)
    g_string_append(out, "undecided: ");
  if (!lack->provided) {
    g_string_append(out, "nothing provides ");
    append_service(analysis, lack, out);
    g_string_append(out, ", which ");
    vn_step_append(analysis, finding->step, out);
    g_string_append(out, " needs");
    return;
  }
  append_service(analysis, lack, out);
  if (finding->other != VN_NO_ID) {
    g_string_append(out, " may not be served any more after ");
    vn_step_append(analysis, finding->other, out);
  } else {
    g_string_append(out, " may not be served");
    if (!finding->undecided && finding->n_fates == 0)
      g_string_append(out, " yet");
  }
  g_string_append(out, " when ");
  vn_step_append(analysis, finding->step, out);
  g_string_append(out, " needs it");
}

static const char *
hint_for(const VnFinding *finding, const Lack *lack)
{
  if (finding->undecided)
    return "too many tasks, or a port that is not known before the run, have to do with it";
  if (!lack->provided)
    return "start it with an action that `provides` the port, and say `after` it";
  if (finding->other != VN_NO_ID)
    return "state which comes first, with `after` or `flow`";
  return finding->n_fates > 0 ? "a condition `when T.ok` lets a task run only if task T ended well"
                              : "say `after` the task that starts it";
}

/* ---- steps ---- */

/* TRUE: it may be that nothing serves, or it is undecided. */
static gboolean
judge(const Service *service, guint32 step, gboolean off_is_said, VnFinding *finding)
{
  VnRunWish wish = {step, NULL, 0};
  finding->other = VN_NO_ID;
  finding->step = finding->ends[0] = step;
  finding->n_ends = 1;
  if (!vn_runs_possible(service->analysis->runs, &wish))
    return FALSE;
  if (all_lack(service, step, finding))
    return TRUE;
  finding->n_fates = 0;
  if (service->actors->len == service->n_providers || is_surely_served(service, step))
    return FALSE;
  g_autofree Search *search = g_new0(Search, 1);
  search->service = service;
  search->step = step;
  search->off_is_said = off_is_said;
  search->best = *finding;
  g_autofree guint8 *verdicts = g_new0(guint8, 1u << VN_SERVICE_MAX_STEPS);
  search->verdicts = verdicts;
  if (!prepare(search)) {
    finding->undecided = TRUE;
    return TRUE;
  }
  explore(search);
  *finding = search->best;
  finding->undecided = !search->found && search->over;
  return search->found || search->over;
}

static guint64
cause_of(const Service *service, const VnFinding *finding)
{
  const VnAnalysis *analysis = service->analysis;
  if (finding->other != VN_NO_ID)
    return vn_cause(analysis, analysis->graph->nodes[finding->other].task, VN_NO_ID);
  if (service->n_providers == 0)
    return (guint64)1 << 62 | (guint64)(service->port + 2) << 32 |
           vn_cause(analysis, VN_NO_ID, service->vm);
  guint32 provider = g_array_index(service->actors, Actor, 0).step;
  return vn_cause(analysis, analysis->graph->nodes[provider].task, VN_NO_ID);
}

static gboolean
is_on(const VnTask *task, guint32 vm)
{
  for (guint32 k = 0; k < task->n_targets; k++)
    if (task->targets[k] == vm)
      return TRUE;
  return FALSE;
}

/* Members of a task are alike, unless the task itself is among the actors, or on the machine. */
static void
ask(const Service *service, guint32 t, gboolean needs_on, VnShortest *shortest)
{
  VnAnalysis *analysis = service->analysis;
  guint32 first = analysis->graph->task_first[t];
  const VnTask *task = &analysis->model->tasks[t];
  gboolean alike = !has_provider_of(service, t) && !is_on(task, service->vm), bad = FALSE;
  VnFinding finding = {0};
  for (guint32 k = 0; k < task->n_targets; k++) {
    if (k == 0 || !alike) {
      Lack lack = {service->vm, service->port, service->n_providers > 0};
      finding = (VnFinding){.code = VN_DIAG_VN308,
                            .data = vn_arena_memdup(analysis->arena, &lack, sizeof lack),
                            .describe = describe};
      bad = judge(service, first + k, needs_on || task->targets[k] == service->vm, &finding);
      finding.undecided |= service->n_providers > 0 &&
                           (service->any_port || service->port == VN_PEER_ANY_PORT);
      finding.hint = hint_for(&finding, &lack);
      finding.cause = cause_of(service, &finding);
    }
    finding.step = finding.ends[finding.n_ends - 1] = first + k;
    if (bad)
      vn_shortest_offer(shortest, &finding);
  }
}

static int
compare_services(const void *a, const void *b)
{
  const VnPeer *x = *(const VnPeer *const *)a, *y = *(const VnPeer *const *)b;
  if (x->vm != y->vm)
    return x->vm < y->vm ? -1 : 1;
  if (x->port != y->port)
    return x->port < y->port ? -1 : 1;
  return (x->task > y->task) - (x->task < y->task);
}

/* Does the task of the peer need that its machine is on, too? Peers stand task by task. */
static gboolean
needs_on(const VnPeers *peers, const VnPeer *peer)
{
  const VnPeer *all = (const VnPeer *)(gpointer)peers->all->data;
  guint at = (guint)(peer - all), first = at;
  while (first > 0 && all[first - 1].task == peer->task)
    first--;
  for (guint k = first; k < peers->all->len && all[k].task == peer->task; k++)
    if (all[k].port == VN_PEER_ON && all[k].vm == peer->vm)
      return TRUE;
  return FALSE;
}

static gboolean
ask_all(VnAnalysis *analysis, const VnPeers *peers, const GPtrArray *sorted, const GArray *stops,
        VnShortest *shortest)
{
  g_autoptr(GArray) actors = g_array_new(FALSE, FALSE, sizeof(Actor));
  Service service = {.analysis = analysis, .actors = actors};
  for (guint k = 0; k < sorted->len; k++) {
    const VnPeer *peer = sorted->pdata[k];
    const VnPeer *before = k > 0 ? sorted->pdata[k - 1] : NULL;
    if (vn_analysis_is_over(analysis))
      return FALSE;
    if (before == NULL || before->vm != peer->vm || before->port != peer->port)
      choose_service(&service, peer->vm, peer->port, stops);
    ask(&service, peer->task, needs_on(peers, peer), shortest);
  }
  return TRUE;
}

void
vn_pass_service(VnAnalysis *analysis)
{
  g_autoptr(VnPeers) peers = vn_peers_new(analysis);
  g_autoptr(VnShortest) shortest = vn_shortest_new(analysis);
  g_autoptr(GPtrArray) sorted = g_ptr_array_new();
  g_autoptr(GArray) stops = collect_stops(analysis);
  for (guint k = 0; k < peers->all->len; k++) {
    VnPeer *peer = &g_array_index(peers->all, VnPeer, k);
    if (peer->port != VN_PEER_ON && peer->vm != VN_NO_ID)
      g_ptr_array_add(sorted, peer);
  }
  if (sorted->len > 1)
    qsort(sorted->pdata, sorted->len, sizeof(gpointer), compare_services);
  gboolean done = ask_all(analysis, peers, sorted, stops, shortest);
  vn_shortest_report(shortest);
  if (!done)
    vn_undecided(analysis, VN_DIAG_VN308, "the workflow takes too long to look at");
}
