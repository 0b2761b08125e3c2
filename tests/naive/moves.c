/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which moves a state allows, and what they make of it: the rules of the manual (Tasks, in
 * doc/manual/language.md), read out one by one. */
#include <string.h>

#include "tests/naive/naive.h"

/* ---- making ---- */

static guint
name_of(GPtrArray *names, guint32 vm, const VnTask *task)
{
  g_autofree char *name = g_strdup_printf("%u %s", vm, task->args[0]->value.text->text);
  for (guint k = 0; k < names->len; k++)
    if (strcmp(names->pdata[k], name) == 0)
      return k;
  g_ptr_array_add(names, g_steal_pointer(&name));
  return names->len - 1;
}

static gboolean
has_name(const VnTask *task)
{
  return task->control == VN_CONTROL_SNAPSHOT || task->control == VN_CONTROL_REVERT;
}

static void
add_step(Naive *naive, guint32 t, guint32 member, GPtrArray *names)
{
  const VnTask *task = &naive->model->tasks[t];
  NaiveStep *step = &naive->steps[naive->n_steps++];
  *step = (NaiveStep){.task = t,
                      .member = member,
                      .node = naive->graph->task_first[t] + member,
                      .vm = task->n_targets > 0 ? task->targets[member] : VN_NO_ID,
                      .of = task};
  if (task->control == VN_CONTROL_NONE)
    step->action = &naive->model->actions[task->action];
  if (has_name(task))
    step->name = name_of(names, step->vm, task);
}

static guint
members_of(const VnTask *task)
{
  return MAX(task->n_targets, 1);
}

gboolean
naive_init(Naive *naive, const VnGraph *graph)
{
  const VnModel *model = graph->model;
  *naive = (Naive){.graph = graph, .model = model};
  guint n = 0;
  for (guint32 t = 0; t < model->n_tasks; t++)
    n += members_of(&model->tasks[t]);
  if (n > NAIVE_MAX_STEPS || model->topology.n_vms > NAIVE_MAX_VMS ||
      model->topology.n_ifaces > NAIVE_MAX_IFACES)
    return FALSE;
  g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
  for (guint32 t = 0; t < model->n_tasks; t++) {
    const VnTask *task = &model->tasks[t];
    naive->first_step[t] = naive->n_steps;
    for (guint32 k = 0; k < members_of(task); k++)
      add_step(naive, t, k, names);
  }
  for (guint32 round = 0; round <= model->n_tasks; round++)
    for (guint32 t = 0; t < model->n_tasks; t++)
      naive->dead[t] = naive->dead[t] || naive_is_dead(naive, t);
  return names->len <= NAIVE_MAX_NAMES;
}

static gboolean
is_powered_on_by_a_task(const VnModel *model, guint32 vm)
{
  for (guint32 t = 0; t < model->n_tasks; t++)
    for (guint32 k = 0; k < model->tasks[t].n_targets; k++)
      if (model->tasks[t].control == VN_CONTROL_POWER_ON && model->tasks[t].targets[k] == vm)
        return TRUE;
  return FALSE;
}

void
naive_begin(const Naive *naive, NaiveState *out)
{
  memset(out, 0, sizeof *out);
  for (guint32 v = 0; v < naive->model->topology.n_vms; v++) {
    VnInitially initially = naive->model->topology.vms[v].initially;
    gboolean on = initially == VN_INITIALLY_ON ||
                  (initially == VN_INITIALLY_DEFAULT && !is_powered_on_by_a_task(naive->model, v));
    out->power[v] = on ? NAIVE_ON : NAIVE_OFF;
  }
}

/* ---- what a task tells those that come after it ---- */

static gboolean
has_ended(const Naive *naive, const NaiveState *state, guint32 t)
{
  for (guint k = 0; k < members_of(&naive->model->tasks[t]); k++)
    if (!naive_has_ended(state->phase[naive->first_step[t] + k]))
      return FALSE;
  return TRUE;
}

static gboolean
any_member(const Naive *naive, const NaiveState *state, guint32 t, NaivePhase phase)
{
  for (guint k = 0; k < members_of(&naive->model->tasks[t]); k++)
    if (state->phase[naive->first_step[t] + k] == phase)
      return TRUE;
  return FALSE;
}

/* Those that come after a task which has ended are skipped because of it. */
static gboolean
is_poison(const Naive *naive, const NaiveState *state, guint32 t)
{
  if (any_member(naive, state, t, NAIVE_FAILED))
    return naive->model->tasks[t].on_failure == VN_ON_FAILURE_SKIP;
  if (any_member(naive, state, t, NAIVE_CANCELLED))
    return TRUE;
  return !any_member(naive, state, t, NAIVE_DONE) && any_member(naive, state, t, NAIVE_POISONED);
}

static gboolean
is_open(const Naive *naive, const NaiveState *state, const VnTask *task)
{
  for (guint32 k = 0; k < task->n_after; k++)
    if (!has_ended(naive, state, task->after[k]))
      return FALSE;
  return TRUE;
}

static gboolean
is_poisoned(const Naive *naive, const NaiveState *state, const VnTask *task)
{
  for (guint32 k = 0; k < task->n_after && !task->always; k++)
    if (is_poison(naive, state, task->after[k]))
      return TRUE;
  return FALSE;
}

/* ---- moves ---- */

typedef struct {
  NaiveMove *moves;
  guint n, step;
} Choice;

static void
may(Choice *choice, NaiveAct act)
{
  choice->moves[choice->n++] = (NaiveMove){.act = act, .step = (guint8)choice->step};
}

static gboolean
is_doomed(const NaiveState *state, const VnTask *task)
{
  return state->stopping && !task->always;
}

static void
choose_idle(const Naive *naive, const NaiveState *state, const NaiveStep *step, Choice *choice)
{
  if (!is_open(naive, state, step->of))
    return;
  gboolean found = (state->true_when >> choice->step & 1) != 0;
  if (is_doomed(state, step->of)) {
    may(choice, NAIVE_CANCEL);
  } else if (!found && is_poisoned(naive, state, step->of)) {
    may(choice, NAIVE_POISON);
  } else {
    if (naive_may_start(naive, state, step, found))
      may(choice, NAIVE_START);
    if (!found && naive_may_be_skipped(naive, step))
      may(choice, NAIVE_SKIP);
  }
}

static gboolean
has_effect(const NaiveStep *step)
{
  return step->action == NULL && step->of->control != VN_CONTROL_WAIT;
}

static void
choose_running(const NaiveState *state, const NaiveStep *step, Choice *choice)
{
  NaivePhase phase = state->phase[choice->step];
  if (is_doomed(state, step->of))
    may(choice, NAIVE_CANCEL);
  if (phase == NAIVE_EFFECTED) {
    may(choice, NAIVE_SUCCEED);
  } else {
    may(choice, NAIVE_FAIL);
    may(choice, has_effect(step) ? NAIVE_EFFECT : NAIVE_SUCCEED);
  }
}

guint
naive_moves(const Naive *naive, const NaiveState *state, gboolean by_itself,
            NaiveMove out[NAIVE_MAX_MOVES])
{
  Choice choice = {.moves = out};
  for (choice.step = 0; choice.step < naive->n_steps; choice.step++) {
    const NaiveStep *step = &naive->steps[choice.step];
    switch ((NaivePhase)state->phase[choice.step]) {
    case NAIVE_IDLE:
      choose_idle(naive, state, step, &choice);
      break;
    case NAIVE_RUNNING:
      choose_running(state, step, &choice);
      if (by_itself && step->of->retries > 0)
        may(&choice, NAIVE_ANEW);
      break;
    case NAIVE_EFFECTED:
      choose_running(state, step, &choice);
      break;
    case NAIVE_DONE:
      if (by_itself && step->action != NULL && step->action->background)
        may(&choice, NAIVE_DIE);
      break;
    case NAIVE_FAILED:
    case NAIVE_SKIPPED:
    case NAIVE_POISONED:
    case NAIVE_CANCELLED:
      break;
    }
  }
  return choice.n;
}

/* ---- what moves do ---- */

static guint16
bit(guint k)
{
  return (guint16)(1u << k);
}

/* The steps on a VM that serve there now, or whose written files are there. */
static guint16
of_vm(const Naive *naive, guint16 steps, guint32 vm)
{
  guint16 there = 0;
  for (guint k = 0; k < naive->n_steps; k++)
    if ((steps & bit(k)) != 0 && naive->steps[k].vm == vm)
      there |= bit(k);
  return there;
}

static void
lose_files(const Naive *naive, NaiveState *state, guint32 vm, guint16 but)
{
  guint16 gone = of_vm(naive, state->kept, vm) & (guint16)~but;
  state->kept &= (guint16)~gone;
  state->lost |= gone;
}

/* What still serves there ends without a result of its own. */
static void
cut_off(const Naive *naive, NaiveState *state, guint32 vm)
{
  guint16 gone = of_vm(naive, state->live, vm);
  state->live &= (guint16)~gone;
  state->cut |= gone;
}

static void
power_off(const Naive *naive, NaiveState *state, const NaiveStep *step)
{
  const VnExpr *keep = step->of->args != NULL ? step->of->args[0] : NULL;
  state->power[step->vm] = NAIVE_OFF;
  state->taken |= of_vm(naive, state->serving, step->vm);
  state->serving &= (guint16)~of_vm(naive, state->serving, step->vm);
  cut_off(naive, state, step->vm);
  if (keep == NULL || keep->value.kind != VN_VALUE_BOOL || !keep->value.b)
    lose_files(naive, state, step->vm, 0);
}

static void
take_snapshot(const Naive *naive, NaiveState *state, const NaiveStep *step)
{
  state->saved |= bit(step->name);
  state->saved_serving[step->name] = of_vm(naive, state->serving, step->vm);
  state->saved_kept[step->name] = of_vm(naive, state->kept, step->vm);
}

/* A service that began after the snapshot is no more. */
static void
revert(const Naive *naive, NaiveState *state, const NaiveStep *step)
{
  guint16 serving = of_vm(naive, state->serving, step->vm);
  guint16 back = (state->saved & bit(step->name)) != 0 ? state->saved_serving[step->name] : 0;
  guint16 kept = (state->saved & bit(step->name)) != 0 ? state->saved_kept[step->name] : 0;
  state->serving &= (guint16) ~(serving & (guint16)~back);
  cut_off(naive, state, step->vm);
  lose_files(naive, state, step->vm, kept);
  state->kept |= kept;
  state->lost &= (guint16)~kept;
  if (state->power[step->vm] == NAIVE_SUSPENDED)
    state->power[step->vm] = NAIVE_ON;
}

static void
switch_links(const Naive *naive, NaiveState *state, const NaiveStep *step, gboolean up)
{
  const VnTopology *topology = &naive->model->topology;
  const VnExpr *segment = step->of->args[0];
  const VnVm *vm = &topology->vms[step->vm];
  for (guint32 i = vm->first_iface; i < vm->first_iface + vm->n_ifaces; i++) {
    if (segment != NULL && segment->value.kind == VN_VALUE_SEGMENT &&
        segment->value.id != topology->ifaces[i].segment)
      continue;
    if (up)
      state->down &= (guint16)~bit(i);
    else
      state->down |= bit(i);
  }
}

/* Its task has come before: members that serve end. */
static void
stop_task(const Naive *naive, NaiveState *state, const NaiveStep *step)
{
  guint32 target = step->of->args[0]->value.id;
  for (guint k = 0; k < members_of(&naive->model->tasks[target]); k++) {
    guint member = naive->first_step[target] + k;
    state->serving &= (guint16)~bit(member);
    state->taken &= (guint16)~bit(member);
    state->live &= (guint16)~bit(member);
  }
}

static void
switch_power(const Naive *naive, NaiveState *state, const NaiveStep *step, gboolean changes)
{
  if (changes) {
    state->by[step->vm] = 0;
    state->switched |= bit(step->vm);
  }
  state->by[step->vm] |= bit((guint)(step - naive->steps));
}

static void
take_effect(const Naive *naive, NaiveState *state, const NaiveStep *step)
{
  switch ((VnControl)step->of->control) {
  case VN_CONTROL_POWER_ON:
    switch_power(naive, state, step, state->power[step->vm] == NAIVE_OFF);
    state->power[step->vm] = NAIVE_ON;
    state->taken &= (guint16)~of_vm(naive, state->taken, step->vm);
    return;
  case VN_CONTROL_POWER_OFF:
    switch_power(naive, state, step, state->power[step->vm] != NAIVE_OFF);
    power_off(naive, state, step);
    return;
  case VN_CONTROL_SNAPSHOT:
    take_snapshot(naive, state, step);
    return;
  case VN_CONTROL_REVERT:
    revert(naive, state, step);
    return;
  case VN_CONTROL_SUSPEND:
    if (state->power[step->vm] == NAIVE_ON)
      state->power[step->vm] = NAIVE_SUSPENDED;
    return;
  case VN_CONTROL_RESUME:
    if (state->power[step->vm] == NAIVE_SUSPENDED)
      state->power[step->vm] = NAIVE_ON;
    return;
  case VN_CONTROL_LINK_DOWN:
  case VN_CONTROL_LINK_UP:
    switch_links(naive, state, step, step->of->control == VN_CONTROL_LINK_UP);
    return;
  case VN_CONTROL_STOP:
    stop_task(naive, state, step);
    return;
  case VN_CONTROL_PUSH:
    state->kept |= bit((guint)(step - naive->steps));
    return;
  case VN_CONTROL_PULL:
  case VN_CONTROL_IMPAIR:
  case VN_CONTROL_WAIT:
  case VN_CONTROL_NONE:
    return;
  }
  g_assert_not_reached();
}

/* An action is done: what it wrote is there; one in the background serves. */
static void
action_done(NaiveState *state, const NaiveStep *step, guint k)
{
  if (step->action->n_writes > 0) {
    state->kept |= bit(k);
    state->lost &= (guint16)~bit(k);
  }
  if (step->action->n_provides > 0)
    state->serving |= bit(k);
  if (step->action->background)
    state->live |= bit(k);
}

/* The policy of a task counts when all its members have ended. */
static void
failed(const Naive *naive, NaiveState *state, const NaiveStep *step)
{
  if (step->of->on_failure == VN_ON_FAILURE_STOP && has_ended(naive, state, step->task) &&
      any_member(naive, state, step->task, NAIVE_FAILED))
    state->stopping = TRUE;
}

/* What came after the task was let go when it was ready; the rest of a group was not. */
static void
die(const Naive *naive, NaiveState *state, const NaiveStep *step, guint k)
{
  state->serving &= (guint16)~bit(k);
  if (!has_ended(naive, state, step->task))
    state->phase[k] = NAIVE_FAILED;
  else if (step->of->on_failure == VN_ON_FAILURE_STOP)
    state->stopping = TRUE;
}

/* All members of a task share its `when`. */
static void
for_members(const Naive *naive, NaiveState *state, const NaiveStep *step, gboolean skip)
{
  for (guint k = 0; k < members_of(step->of); k++) {
    guint member = naive->first_step[step->task] + k;
    if (skip)
      state->phase[member] = NAIVE_SKIPPED;
    else if (step->of->when != NULL)
      state->true_when |= bit(member);
  }
}

void
naive_apply(const Naive *naive, NaiveState *state, NaiveMove move)
{
  const NaiveStep *step = &naive->steps[move.step];
  guint8 *phase = &state->phase[move.step];
  switch ((NaiveAct)move.act) {
  case NAIVE_START:
    *phase = NAIVE_RUNNING;
    for_members(naive, state, step, FALSE);
    return;
  case NAIVE_EFFECT:
    *phase = NAIVE_EFFECTED;
    take_effect(naive, state, step);
    return;
  case NAIVE_SUCCEED:
    *phase = NAIVE_DONE;
    if (step->action != NULL)
      action_done(state, step, move.step);
    failed(naive, state, step);
    return;
  case NAIVE_DIE:
    die(naive, state, step, move.step);
    return;
  case NAIVE_FAIL:
    *phase = NAIVE_FAILED;
    failed(naive, state, step);
    return;
  case NAIVE_SKIP:
    for_members(naive, state, step, TRUE);
    return;
  case NAIVE_POISON:
    *phase = NAIVE_POISONED;
    return;
  case NAIVE_CANCEL:
    *phase = NAIVE_CANCELLED;
    failed(naive, state, step);
    return;
  case NAIVE_ANEW:
    return;
  }
  g_assert_not_reached();
}

/* ---- text ---- */

const char *
naive_act_text(NaiveAct act)
{
  static const char *const texts[] = {
      [NAIVE_START] = "start",     [NAIVE_EFFECT] = "effect of", [NAIVE_SUCCEED] = "success of",
      [NAIVE_FAIL] = "failure of", [NAIVE_SKIP] = "skip",        [NAIVE_POISON] = "leave out",
      [NAIVE_CANCEL] = "cancel",   [NAIVE_ANEW] = "retry",       [NAIVE_DIE] = "death of"};
  return texts[act];
}

void
naive_move_text(const Naive *naive, NaiveMove move, GString *out)
{
  const NaiveStep *step = &naive->steps[move.step];
  g_string_append_printf(out, "%s %s", naive_act_text((NaiveAct)move.act), step->of->name);
  if (step->vm != VN_NO_ID)
    g_string_append_printf(out, "[%s]", naive->model->topology.vms[step->vm].name);
}
