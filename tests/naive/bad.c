/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/naive/bad.h"

#include <string.h>

#include "tests/naive/search.h"

typedef struct {
  const Naive *naive;
  NaiveBad *bad;
  NaiveWitnesses *witnesses;
  const NaiveState *before, *state; /* before and after the move in hand */
  guint cost;
  guint32 from;
  NaiveMove move;
  guint judged; /* the step that is said to go wrong */
  NaiveSearch *search;
  VnDiagCode wanted; /* naive_bad_way: what to print the first of */
  guint wanted_step;
  char *way;
} Look;

static gboolean
is_replayed(const Look *look, const NaiveWitness *witness)
{
  for (guint k = 0; k < look->naive->n_steps; k++) {
    guint phase = look->state->phase[k];
    if (k != look->judged && look->move.act == NAIVE_SKIP &&
        look->naive->steps[k].task == look->naive->steps[look->move.step].task)
      continue; /* members are skipped together; one is enough */
    if ((witness->steps >> k & 1) == 0 && phase != NAIVE_IDLE)
      return FALSE;
    if (witness->phases[k] != 0 && (witness->phases[k] >> phase & 1) == 0)
      return FALSE;
  }
  return TRUE;
}

static void
wrong(Look *look, VnDiagCode code, guint step, guint other)
{
  guint8 *cost = &look->bad->cost[code - NAIVE_FIRST_CODE][step][other];
  if (look->way == NULL && look->wanted_step == step && look->wanted == code) {
    GString *way = g_string_new(NULL);
    naive_search_way(look->search, look->from, way);
    g_string_append(way, "  ");
    naive_move_text(look->naive, look->move, way);
    g_string_append_c(way, '\n');
    look->way = g_string_free(way, FALSE);
  }
  look->judged = step;
  if (look->witnesses != NULL) {
    NaiveWitness *witness = &(*look->witnesses)[code - NAIVE_FIRST_CODE][step];
    witness->shows = witness->shows || (witness->given && is_replayed(look, witness));
  }
  *cost = MIN(*cost, (guint8)look->cost);
}

static const NaiveStep *
step_at(const Look *look, guint k)
{
  return &look->naive->steps[k];
}

static gboolean
is_control(const NaiveStep *step, VnControl control)
{
  return step->action == NULL && step->of->control == control;
}

/* ---- what a step needs of its own VM ---- */

static gboolean
needs_on(const NaiveStep *step)
{
  return step->vm != VN_NO_ID && (step->action != NULL || is_control(step, VN_CONTROL_PUSH) ||
                                  is_control(step, VN_CONTROL_PULL));
}

static gboolean
needs_not_off(const NaiveStep *step)
{
  return is_control(step, VN_CONTROL_SUSPEND) || is_control(step, VN_CONTROL_RESUME);
}

/* A step whose own effect it was needs nothing more. */
static void
look_302(Look *look, guint k)
{
  const NaiveStep *step = step_at(look, k);
  if (look->state->phase[k] != NAIVE_RUNNING || step->vm == VN_NO_ID)
    return;
  NaivePower power = (NaivePower)look->state->power[step->vm];
  if ((needs_on(step) && power != NAIVE_ON) || (needs_not_off(step) && power == NAIVE_OFF))
    wrong(look, VN_DIAG_VN302, k, NAIVE_ALONE);
}

/* ---- at the effect of a control step ---- */

static void
look_303(Look *look, guint k)
{
  const NaiveStep *step = step_at(look, k);
  NaivePower power = (NaivePower)look->before->power[step->vm];
  gboolean on_again = is_control(step, VN_CONTROL_POWER_ON) && power != NAIVE_OFF;
  gboolean off_again =
      is_control(step, VN_CONTROL_POWER_OFF) && power == NAIVE_OFF && !step->of->always;
  if (!on_again && !off_again)
    return;
  if ((look->before->switched >> step->vm & 1) == 0)
    wrong(look, VN_DIAG_VN303, k, NAIVE_ALONE);
  for (guint other = 0; other < look->naive->n_steps; other++)
    if ((look->before->by[step->vm] >> other & 1) != 0)
      wrong(look, VN_DIAG_VN303, k, other);
}

static void
look_304(Look *look, guint k)
{
  const NaiveStep *step = step_at(look, k);
  if (is_control(step, VN_CONTROL_REVERT) && (look->before->saved >> step->name & 1) == 0)
    wrong(look, VN_DIAG_VN304, k, NAIVE_ALONE);
}

static gboolean
interrupts(const NaiveStep *step)
{
  return is_control(step, VN_CONTROL_REVERT) || is_control(step, VN_CONTROL_SUSPEND) ||
         is_control(step, VN_CONTROL_POWER_OFF);
}

/* VN302 says it of a step that needs what is taken away. */
static gboolean
takes_from(const NaiveStep *step, const NaiveStep *other)
{
  if (is_control(step, VN_CONTROL_POWER_OFF))
    return needs_on(other) || needs_not_off(other);
  return is_control(step, VN_CONTROL_SUSPEND) && needs_on(other);
}

static void
look_305(Look *look, guint k, guint other)
{
  const NaiveStep *step = step_at(look, k), *met = step_at(look, other);
  if (interrupts(step) && !takes_from(step, met) && !takes_from(met, step))
    wrong(look, VN_DIAG_VN305, k, other);
}

static void
look_306(Look *look, guint k, guint other)
{
  if (is_control(step_at(look, k), VN_CONTROL_SNAPSHOT) && needs_on(step_at(look, other)))
    wrong(look, VN_DIAG_VN306, k, other);
}

static void
look_at_effect(Look *look, guint k)
{
  const NaiveStep *step = step_at(look, k);
  if (step->vm == VN_NO_ID)
    return;
  look_303(look, k);
  look_304(look, k);
  for (guint other = 0; other < look->naive->n_steps; other++)
    if (other != k && step_at(look, other)->vm == step->vm &&
        naive_is_under_way((NaivePhase)look->before->phase[other])) {
      look_305(look, k, other);
      look_306(look, k, other);
    }
}

/* ---- what a step needs of others ---- */

/* Parameters of the action are what the task gives. */
static VnValue
value_of(const NaiveStep *step, const VnExpr *expr)
{
  if (expr->kind == VN_EXPR_PARAM)
    expr = step->of->args[expr->index];
  return expr != NULL && expr->kind == VN_EXPR_CONST ? expr->value : VN_VALUE_NOTHING;
}

static gboolean
is_vm(const VnValue *value)
{
  return value->kind == VN_VALUE_HOST || value->kind == VN_VALUE_ROUTER;
}

static gboolean
provides(const NaiveStep *step, gint64 port)
{
  for (guint32 k = 0; k < step->action->n_provides; k++)
    if (value_of(step, step->action->provides[k]).i == port)
      return TRUE;
  return FALSE;
}

static gboolean
is_served(const Look *look, guint16 serving, guint32 vm, gint64 port)
{
  for (guint k = 0; k < look->naive->n_steps; k++)
    if ((serving >> k & 1) != 0 && step_at(look, k)->vm == vm && provides(step_at(look, k), port))
      return TRUE;
  return FALSE;
}

static gboolean
may_pass(const Look *look, guint32 vm)
{
  return look->naive->model->topology.vms[vm].kind == VN_VM_ROUTER &&
         look->state->power[vm] == NAIVE_ON;
}

/* Spreads over segments and routers until nothing new is reached. */
static gboolean
is_reachable(const Look *look, guint32 from, guint32 to)
{
  const VnTopology *topology = &look->naive->model->topology;
  guint64 vms = G_GUINT64_CONSTANT(1) << from, segments = 0, before = 0;
  do {
    before = vms ^ segments << 32;
    for (guint32 i = 0; i < topology->n_ifaces; i++) {
      const VnIface *iface = &topology->ifaces[i];
      gboolean up = (look->state->down >> i & 1) == 0;
      gboolean sends = iface->vm == from || may_pass(look, iface->vm);
      if (up && sends && (vms >> iface->vm & 1) != 0)
        segments |= G_GUINT64_CONSTANT(1) << iface->segment;
      if (up && (segments >> iface->segment & 1) != 0)
        vms |= G_GUINT64_CONSTANT(1) << iface->vm;
    }
  } while (before != (vms ^ segments << 32));
  return (vms >> to & 1) != 0;
}

/* Does it need that the peer is on? Then another code says that it is off. */
static gboolean
needs_peer_on(const NaiveStep *step, guint32 peer)
{
  for (guint32 r = 0; r < step->action->n_requires; r++) {
    const VnExpr *arg = step->of->args[step->action->requires_[r].target];
    if (step->action->requires_[r].port == NULL && arg->kind == VN_EXPR_CONST &&
        is_vm(&arg->value) && arg->value.id == peer)
      return TRUE;
  }
  return peer == step->vm;
}

static void
look_at_peer(Look *look, guint k, guint32 peer, const VnExpr *port)
{
  const NaiveStep *step = step_at(look, k);
  if (port != NULL) {
    guint16 serving = look->state->serving;
    if (needs_peer_on(step, peer))
      serving |= look->state->taken;
    if (!is_served(look, serving, peer, value_of(step, port).i))
      wrong(look, VN_DIAG_VN308, k, NAIVE_ALONE);
  } else if (peer != step->vm && look->state->power[peer] != NAIVE_ON) {
    wrong(look, VN_DIAG_VN307, k, NAIVE_ALONE);
  }
  if (peer != step->vm && !is_reachable(look, step->vm, peer))
    wrong(look, VN_DIAG_VN314, k, NAIVE_ALONE);
}

static void
look_at_needs(Look *look, guint k)
{
  const NaiveStep *step = step_at(look, k);
  if (step->action == NULL || look->state->phase[k] != NAIVE_RUNNING)
    return;
  for (guint32 r = 0; r < step->action->n_requires; r++) {
    const VnActionRequires *need = &step->action->requires_[r];
    const VnExpr *arg = step->of->args[need->target];
    if (arg->kind == VN_EXPR_CONST && is_vm(&arg->value))
      look_at_peer(look, k, arg->value.id, need->port);
    for (guint32 i = 0;
         arg->kind == VN_EXPR_CONST && arg->value.kind == VN_VALUE_LIST && i < arg->value.list->n;
         i++)
      look_at_peer(look, k, arg->value.list->items[i].id, need->port);
  }
}

/* ---- files ---- */

typedef struct {
  char *paths[4];
  gboolean writes[4];
  guint n;
} Files;

static void
files_clear(Files *files)
{
  for (guint k = 0; k < files->n; k++)
    g_free(files->paths[k]);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Files, files_clear)

static void
add_file(Files *files, const NaiveStep *step, const VnExpr *path, gboolean writes)
{
  VnValue value = value_of(step, path);
  if (value.kind != VN_VALUE_STRING || files->n == G_N_ELEMENTS(files->paths))
    return;
  files->paths[files->n] = g_canonicalize_filename(value.text->text, "/");
  files->writes[files->n++] = writes;
}

static Files
files_of(const NaiveStep *step)
{
  Files files = {.n = 0};
  for (guint32 k = 0; step->action != NULL && k < step->action->n_reads; k++)
    add_file(&files, step, step->action->reads[k], FALSE);
  for (guint32 k = 0; step->action != NULL && k < step->action->n_writes; k++)
    add_file(&files, step, step->action->writes[k], TRUE);
  if (is_control(step, VN_CONTROL_PUSH))
    add_file(&files, step, step->of->args[1], TRUE);
  if (is_control(step, VN_CONTROL_PULL))
    add_file(&files, step, step->of->args[0], FALSE);
  return files;
}

/* A file of both; at least one writes it, or: the first does. */
static gboolean
share_file(const NaiveStep *a, const NaiveStep *b, gboolean first_writes)
{
  g_auto(Files) of_a = files_of(a);
  g_auto(Files) of_b = files_of(b);
  for (guint i = 0; a->vm == b->vm && i < of_a.n; i++)
    for (guint k = 0; k < of_b.n; k++)
      if (strcmp(of_a.paths[i], of_b.paths[k]) == 0 &&
          (of_a.writes[i] || (of_b.writes[k] && !first_writes)))
        return TRUE;
  return FALSE;
}

static void
look_309(Look *look, guint k)
{
  if (!naive_is_under_way((NaivePhase)look->state->phase[k]))
    return;
  for (guint other = k + 1; other < look->naive->n_steps; other++)
    if (naive_is_under_way((NaivePhase)look->state->phase[other]) &&
        share_file(step_at(look, k), step_at(look, other), FALSE))
      wrong(look, VN_DIAG_VN309, k, other);
}

/* A pull that starts finds what was written thrown away. */
static void
look_312(Look *look, guint k)
{
  const NaiveStep *step = step_at(look, k);
  if (!is_control(step, VN_CONTROL_PULL))
    return;
  for (guint other = 0; other < look->naive->n_steps; other++)
    if ((look->state->lost >> other & 1) != 0 &&
        naive_comes_before(look->naive, step_at(look, other)->task, step->task) &&
        share_file(step_at(look, other), step, TRUE))
      wrong(look, VN_DIAG_VN312, k, other);
}

/* ---- results ---- */

typedef struct {
  Look *look;
  guint k;
  gboolean condition;
} Reader;

static gboolean
is_own_and_needed(const NaiveStep *step, guint32 field)
{
  return field >= VN_FIELD_OWN &&
         !(step->action != NULL && step->action->fields[field - VN_FIELD_OWN].optional);
}

/* As master/outcomes.c answers. */
static gboolean
is_there(const Look *look, guint member, guint32 field)
{
  const NaiveStep *step = step_at(look, member);
  switch ((NaivePhase)look->state->phase[member]) {
  case NAIVE_DONE:
    if ((look->state->cut >> member & 1) != 0)
      return !is_own_and_needed(step, field);
    return field == VN_FIELD_OK || field == VN_FIELD_STARTED ||
           (look->state->live >> member & 1) == 0;
  case NAIVE_FAILED:
    return !is_own_and_needed(step, field);
  case NAIVE_SKIPPED:
  case NAIVE_POISONED:
  case NAIVE_CANCELLED:
    return field == VN_FIELD_OK;
  case NAIVE_IDLE:
  case NAIVE_RUNNING:
  case NAIVE_EFFECTED:
    return FALSE;
  }
  g_assert_not_reached();
}

static void
look_at_result(const VnExpr *result, gpointer data)
{
  Reader *reader = data;
  const Naive *naive = reader->look->naive;
  const VnTask *task = &naive->model->tasks[result->task];
  if (!naive_comes_before(naive, result->task, naive->steps[reader->k].task)) {
    wrong(reader->look, VN_DIAG_VN310, reader->k, NAIVE_ALONE);
    return;
  }
  for (guint m = 0; !reader->condition && m < MAX(task->n_targets, 1); m++) {
    guint member = naive->first_step[result->task] + m;
    if ((result->vm == VN_MEMBER_ALL || result->vm == naive->steps[member].vm) &&
        !is_there(reader->look, member, result->index))
      wrong(reader->look, VN_DIAG_VN310, reader->k, NAIVE_ALONE);
  }
}

static void
look_at_condition(Look *look, guint k)
{
  Reader reader = {.look = look, .k = k, .condition = TRUE};
  const VnTask *task = step_at(look, k)->of;
  if (task->when != NULL)
    vn_expr_visit_results(task->when, look_at_result, &reader);
}

/* One of a group is enough for its condition to be false. */
static void
look_at_skip(Look *look, guint k, guint members)
{
  const NaiveStep *step = step_at(look, k);
  look->cost -= members - 1;
  for (guint m = 0; m < members; m++)
    look_at_condition(look, look->naive->first_step[step->task] + m);
  look->cost += members - 1;
}

static void
look_at_start(Look *look, guint k)
{
  Reader reader = {.look = look, .k = k};
  const VnTask *task = step_at(look, k)->of;
  for (guint32 a = 0; a < task->n_args; a++)
    if (task->args[a] != NULL)
      vn_expr_visit_results(task->args[a], look_at_result, &reader);
  look_at_condition(look, k);
}

/* ---- the operating system ---- */

static gboolean
runs_on(const VnAction *action, const char *os)
{
  for (guint32 k = 0; k < action->n_variants; k++) {
    if (action->variants[k].n_systems == 0)
      return TRUE;
    for (guint32 s = 0; s < action->variants[k].n_systems; s++)
      if (g_strcmp0(action->variants[k].systems[s], os) == 0)
        return TRUE;
  }
  return FALSE;
}

/* ---- all of it ---- */

static void
look_at_move(NaiveSearch *search, const NaiveState *before, NaiveMove move, const NaiveState *after,
             guint32 from, guint cost, gpointer data)
{
  Look *look = data;
  look->search = search;
  look->before = before;
  look->state = after;
  look->move = move;
  look->from = from;
  look->cost = cost;
  const NaiveStep *step = step_at(look, move.step);
  look->bad->served |= after->live;
  look->bad->ended |= before->live & (guint16)~after->live;
  if (move.act == NAIVE_EFFECT)
    look_at_effect(look, move.step);
  if (move.act == NAIVE_SKIP)
    look_at_skip(look, move.step, MAX(step->of->n_targets, 1));
  if (move.act == NAIVE_START) {
    look->bad->started[move.step] = TRUE;
    look_at_start(look, move.step);
    look_312(look, move.step);
    if (step->action != NULL && !runs_on(step->action, vn_model_os(look->naive->model, step->vm)))
      wrong(look, VN_DIAG_VN313, move.step, NAIVE_ALONE);
  }
  for (guint k = 0; k < look->naive->n_steps; k++) {
    look_302(look, k);
    look_at_needs(look, k);
    look_309(look, k);
  }
}

/* Of two that would do it to each other, the one that stands later is meant. */
static void
keep_later(NaiveBad *bad, const Naive *naive, VnDiagCode code)
{
  for (guint a = 0; a < naive->n_steps; a++)
    for (guint b = a + 1; b < naive->n_steps; b++)
      if (bad->cost[code - NAIVE_FIRST_CODE][a][b] != NAIVE_NEVER &&
          bad->cost[code - NAIVE_FIRST_CODE][b][a] != NAIVE_NEVER &&
          !naive_comes_before(naive, naive->steps[a].task, naive->steps[b].task) &&
          !naive_comes_before(naive, naive->steps[b].task, naive->steps[a].task))
        bad->cost[code - NAIVE_FIRST_CODE][a][b] = NAIVE_NEVER;
}

static gboolean
is_power(const NaiveStep *step)
{
  return is_control(step, VN_CONTROL_POWER_ON) || is_control(step, VN_CONTROL_POWER_OFF);
}

/* Of two that switch the power VN303 has said it. */
static void
leave_to_303(NaiveBad *bad, const Naive *naive)
{
  guint8(*said)[NAIVE_MAX_STEPS + 1] = bad->cost[VN_DIAG_VN305 - NAIVE_FIRST_CODE];
  for (guint a = 0; a < naive->n_steps; a++)
    for (guint b = 0; b < naive->n_steps; b++)
      if (is_power(&naive->steps[a]) && is_power(&naive->steps[b]) &&
          (naive_bad_cost(bad, VN_DIAG_VN303, a) != NAIVE_NEVER ||
           naive_bad_cost(bad, VN_DIAG_VN303, b) != NAIVE_NEVER))
        said[a][b] = NAIVE_NEVER;
}

static gboolean
stops_nothing(const Look *look, guint k)
{
  const NaiveStep *step = step_at(look, k);
  return is_control(step, VN_CONTROL_STOP) && look->naive->dead[step->of->args[0]->value.id];
}

static gboolean
search_all(Look *look, guint max_states)
{
  memset(look->bad, 0, sizeof *look->bad);
  memset(look->bad->cost, NAIVE_NEVER, sizeof look->bad->cost);
  g_autoptr(NaiveSearch) search = naive_search(look->naive, max_states, look_at_move, look);
  if (search == NULL)
    return FALSE;
  look->bad->n_states = naive_search_n_states(search);
  for (guint k = 0; k < look->naive->n_steps; k++)
    if (!look->bad->started[k] || stops_nothing(look, k))
      look->bad->cost[VN_DIAG_VN311 - NAIVE_FIRST_CODE][k][NAIVE_ALONE] = 0;
  for (guint k = 0; k < look->naive->n_steps; k++)
    if (((look->bad->served & ~look->bad->ended) >> k & 1) != 0)
      look->bad->cost[VN_DIAG_VN315 - NAIVE_FIRST_CODE][k][NAIVE_ALONE] = 0;
  keep_later(look->bad, look->naive, VN_DIAG_VN303);
  leave_to_303(look->bad, look->naive);
  keep_later(look->bad, look->naive, VN_DIAG_VN305);
  return TRUE;
}

gboolean
naive_bad(const Naive *naive, guint max_states, NaiveWitnesses *witnesses, NaiveBad *out)
{
  Look look = {.naive = naive, .bad = out, .witnesses = witnesses, .wanted_step = NAIVE_MAX_STEPS};
  return search_all(&look, max_states);
}

guint
naive_bad_cost(const NaiveBad *bad, VnDiagCode code, guint step)
{
  guint least = NAIVE_NEVER;
  for (guint other = 0; other <= NAIVE_ALONE; other++)
    least = MIN(least, bad->cost[code - NAIVE_FIRST_CODE][step][other]);
  return least;
}

char *
naive_bad_way(const Naive *naive, VnDiagCode code, guint step)
{
  NaiveBad bad;
  Look look = {.naive = naive, .bad = &bad, .wanted = code, .wanted_step = step};
  (void)search_all(&look, G_MAXUINT);
  return look.way;
}
