/* SPDX-License-Identifier: GPL-3.0-or-later */
/* VN302 and VN303: is the VM, at a step, as the step needs it?
 *
 * One question covers both. A step y asks whether a state may hold at some moment of it: off; off
 * or suspended; not off. `makers` bring the state about, `menders` of a maker end it. The maps of
 * the control tasks on on < suspended < off are monotone, so the state may hold exactly if
 *
 *   - a maker has no order with y: it may come last, and what would mend it may wait; or
 *   - a maker p comes before y, and every mender between them may be without effect in a run in
 *     which p works and y starts; or
 *   - the state holds at first, and every mender before y may be without effect.
 *
 * In the last two cases the order is all that comes before y, and so shorter than in the first.
 * Menders that surely work whatever p is cut off all makers before them; so does, in a VM that is
 * switched to and fro, nearly every one, and a look at a step stays short. */
#include "analyze/chains.h"
#include "analyze/pass.h"
#include "analyze/power.h"

/* The control tasks that change a VM's state. */
typedef enum { KIND_ON, KIND_OFF, KIND_SUSPEND, KIND_RESUME, KIND_REVERT, N_KINDS, NO_KIND } Kind;

#define BIT(kind) (1u << (kind))

typedef enum { STATE_OFF, STATE_NOT_RUNNING, STATE_NOT_OFF } State;

typedef struct VnPower {
  VnAnalysis *analysis;
  guint32 vm;
  gboolean off_at_first;
  GArray *steps[N_KINDS];     /* of guint32, by rank */
  VnChains chains[N_KINDS];
  GArray *firm_before[N_KINDS]; /* by place in chains: the last place before it, in its chain, of a
                                   step that is not soft; VN_NO_ID: none */
} Machine;

/* What a step asks. */
typedef struct {
  VnDiagCode code;
  guint32 step;
  State state;
  gboolean needs; /* its condition needs something to have ended well */
} Question;

/* How it may go wrong. */
typedef struct {
  guint32 maker; /* VN_NO_ID: it is so at first */
  guint8 n_fates;
  VnFatedStep fates[VN_FINDING_MAX_FATES];
} Answer;

static Kind
kind_of(VnControl control)
{
  switch (control) {
  case VN_CONTROL_POWER_ON:
    return KIND_ON;
  case VN_CONTROL_POWER_OFF:
    return KIND_OFF;
  case VN_CONTROL_SUSPEND:
    return KIND_SUSPEND;
  case VN_CONTROL_RESUME:
    return KIND_RESUME;
  case VN_CONTROL_REVERT:
    return KIND_REVERT;
  case VN_CONTROL_SNAPSHOT:
  case VN_CONTROL_PUSH:
  case VN_CONTROL_PULL:
  case VN_CONTROL_LINK_DOWN:
  case VN_CONTROL_LINK_UP:
  case VN_CONTROL_IMPAIR:
  case VN_CONTROL_WAIT:
  case VN_CONTROL_STOP:
  case VN_CONTROL_NONE:
    return NO_KIND;
  }
  g_assert_not_reached();
}

static guint
makers_of(State state)
{
  switch (state) {
  case STATE_OFF:
    return BIT(KIND_OFF);
  case STATE_NOT_RUNNING:
    return BIT(KIND_OFF) | BIT(KIND_SUSPEND);
  case STATE_NOT_OFF:
    return BIT(KIND_ON);
  }
  g_assert_not_reached();
}

/* Those that end what a maker brought about. What a power_off did only a power_on mends. */
static guint
menders_of(Kind maker)
{
  switch (maker) {
  case KIND_OFF:
    return BIT(KIND_ON);
  case KIND_SUSPEND:
    return BIT(KIND_ON) | BIT(KIND_RESUME) | BIT(KIND_REVERT);
  case KIND_ON:
    return BIT(KIND_OFF);
  case KIND_RESUME:
  case KIND_REVERT:
  case N_KINDS:
  case NO_KIND:
    break;
  }
  g_assert_not_reached();
}

/* ---- a machine ---- */

static gboolean
has_needs(const Machine *machine, guint32 step)
{
  const VnAnalysis *analysis = machine->analysis;
  return vn_runs_has_needs(analysis->runs, analysis->graph->nodes[step].task);
}

/* It may be without effect whatever else happens, if nothing that is wished for is it. */
static gboolean
is_soft(const Machine *machine, guint32 step)
{
  const VnTask *task = vn_step_task(machine->analysis, step);
  return (task->when != NULL && task->when->kind != VN_EXPR_CONST) ||
         task->on_failure == VN_ON_FAILURE_IGNORE ||
         vn_runs_is_dead(machine->analysis->runs, machine->analysis->graph->nodes[step].task);
}

static void
find_firm(Machine *machine, Kind kind)
{
  const VnChains *chains = &machine->chains[kind];
  GArray *firm = machine->firm_before[kind];
  g_array_set_size(firm, chains->steps->len);
  for (guint32 c = 0; c < vn_chains_count(chains); c++) {
    guint32 last = VN_NO_ID;
    for (guint32 k = g_array_index(chains->start, guint32, c);
         k < g_array_index(chains->start, guint32, c + 1); k++) {
      g_array_index(firm, guint32, k) = last;
      if (!is_soft(machine, vn_chains_step(chains, k)))
        last = k;
    }
  }
}

static void
sort_changes(Machine *machine, guint32 vm)
{
  const VnAnalysis *analysis = machine->analysis;
  for (guint k = 0; k < N_KINDS; k++)
    g_array_set_size(machine->steps[k], 0);
  for (guint32 s = analysis->vm_row[vm]; s < analysis->vm_row[vm + 1]; s++) {
    Kind kind = kind_of((VnControl)analysis->vm_controls[s]);
    if (kind != NO_KIND)
      g_array_append_val(machine->steps[kind], analysis->vm_steps[s]);
  }
}

/* FALSE: nothing changes it. */
static gboolean
chain_changes(Machine *machine)
{
  gboolean changes = FALSE;
  for (guint k = 0; k < N_KINDS; k++) {
    vn_chains_make(&machine->chains[k], machine->analysis->order,
                   (const guint32 *)(gpointer)machine->steps[k]->data, machine->steps[k]->len);
    find_firm(machine, (Kind)k);
    changes |= machine->steps[k]->len > 0;
  }
  return changes;
}

/* FALSE: nothing changes it, and it is on. */
static gboolean
read_machine(Machine *machine, guint32 vm)
{
  machine->vm = vm;
  machine->off_at_first = machine->analysis->graph->ready_node[vm] == VN_NO_ID;
  sort_changes(machine, vm);
  return chain_changes(machine) || machine->off_at_first;
}

/* ---- menders ---- */

/* Is each mender in [from, to) of a chain possibly without effect? The first few are noted. */
static gboolean
all_lack(Machine *machine, Kind kind, guint32 from, guint32 to, const VnRunWish *wish,
         gboolean needs, Answer *answer)
{
  const VnChains *chains = &machine->chains[kind];
  for (guint32 k = to; k > from;) {
    guint32 step = vn_chains_step(chains, --k);
    VnFate fate = vn_runs_lacks(machine->analysis->runs, wish, step);
    if (fate == VN_FATE_NONE)
      return FALSE;
    if (answer->n_fates < VN_FINDING_MAX_FATES)
      vn_fates_add(machine->analysis->runs, answer->fates, &answer->n_fates, step, fate);
    else if (!needs) { /* what is soft need not be looked at */
      guint32 firm = g_array_index(machine->firm_before[kind], guint32, k);
      if (firm == VN_NO_ID || firm < from)
        return TRUE;
      k = firm + 1;
    }
  }
  return TRUE;
}

/* All menders after `maker` (VN_NO_ID: all) and before the step. */
static gboolean
menders_lack(Machine *machine, const Question *question, guint menders, guint32 maker,
             Answer *answer)
{
  VnOrder *order = machine->analysis->order;
  VnRunWish wish = {question->step, &maker, maker != VN_NO_ID};
  gboolean needs = question->needs || (maker != VN_NO_ID && has_needs(machine, maker));
  *answer = (Answer){.maker = maker};
  if (!vn_runs_possible(machine->analysis->runs, &wish))
    return FALSE;
  for (guint kind = 0; kind < N_KINDS; kind++) {
    const VnChains *chains = &machine->chains[kind];
    for (guint32 c = 0; (menders & BIT(kind)) != 0 && c < vn_chains_count(chains); c++) {
      guint32 first = g_array_index(chains->start, guint32, c);
      guint32 last = g_array_index(chains->start, guint32, c + 1);
      guint32 to = vn_chains_before(chains, order, first, last, question->step);
      guint32 from =
          maker != VN_NO_ID ? vn_chains_after(chains, order, first, to, maker) : first;
      if (!all_lack(machine, (Kind)kind, from, to, &wish, needs, answer))
        return FALSE;
    }
  }
  return TRUE;
}

/* ---- makers before the step ---- */

/* The last step in [first, to) that surely works if the question's step starts; VN_NO_ID: none. */
static guint32
last_sure(Machine *machine, const Question *question, Kind kind, guint32 first, guint32 to)
{
  const VnChains *chains = &machine->chains[kind];
  VnRunWish wish = {question->step, NULL, 0};
  for (guint32 k = to; k > first;) {
    guint32 step = vn_chains_step(chains, --k);
    if (vn_runs_lacks(machine->analysis->runs, &wish, step) == VN_FATE_NONE)
      return step;
    guint32 firm = g_array_index(machine->firm_before[kind], guint32, k);
    if (!question->needs && is_soft(machine, step))
      k = firm == VN_NO_ID || firm < first ? first : firm + 1;
  }
  return VN_NO_ID;
}

/* The first place in [first, to) of a chain of makers that no sure mender cuts off. */
static guint32
cut_off(Machine *machine, const Question *question, Kind maker, guint32 first, guint32 to)
{
  VnOrder *order = machine->analysis->order;
  guint menders = menders_of(maker);
  for (guint kind = 0; kind < N_KINDS && first < to; kind++) {
    const VnChains *chains = &machine->chains[kind];
    for (guint32 c = 0; (menders & BIT(kind)) != 0 && c < vn_chains_count(chains); c++) {
      guint32 begin = g_array_index(chains->start, guint32, c);
      guint32 end = vn_chains_before(chains, order, begin,
                                     g_array_index(chains->start, guint32, c + 1), question->step);
      guint32 sure = last_sure(machine, question, (Kind)kind, begin, end);
      if (sure != VN_NO_ID)
        first = vn_chains_before(&machine->chains[maker], order, first, to, sure);
    }
  }
  return first;
}

static gboolean
made_before(Machine *machine, const Question *question, Kind maker, Answer *answer)
{
  const VnChains *chains = &machine->chains[maker];
  VnOrder *order = machine->analysis->order;
  for (guint32 c = 0; c < vn_chains_count(chains); c++) {
    guint32 first = g_array_index(chains->start, guint32, c);
    guint32 to = vn_chains_before(chains, order, first,
                                  g_array_index(chains->start, guint32, c + 1), question->step);
    first = cut_off(machine, question, maker, first, to);
    for (guint32 k = to; k > first; k--)
      if (menders_lack(machine, question, menders_of(maker), vn_chains_step(chains, k - 1), answer))
        return TRUE;
  }
  return FALSE;
}

/* ---- makers without order ---- */

/* Of two that do the same to each other the later one is reported, unless it never is. */
static gboolean
counts(const Machine *machine, const Question *question, guint32 maker)
{
  const VnTask *task = vn_step_task(machine->analysis, maker);
  VnRunWish wish = {question->step, &maker, 1};
  if (maker == question->step || !vn_runs_possible(machine->analysis->runs, &wish))
    return FALSE;
  gboolean is_reported = !(task->control == VN_CONTROL_POWER_OFF && task->always);
  return question->code != VN_DIAG_VN303 || maker < question->step || !is_reported;
}

typedef struct {
  guint32 best, length; /* length 0: not counted */
  guint32 least;
  gboolean done; /* there is none with a shorter order, or too much was compared */
} Choice;

static void
consider(const Machine *machine, const Question *question, guint32 maker, Choice *choice)
{
  if (!counts(machine, question, maker))
    return;
  guint32 ends[2] = {maker, question->step};
  if (choice->best == VN_NO_ID) {
    choice->best = maker;
    return;
  }
  if (choice->length == 0) {
    guint32 first[2] = {choice->best, question->step};
    choice->length = vn_witness_length(machine->analysis, first, 2, G_MAXUINT32);
    choice->least = vn_witness_least(machine->analysis, question->step);
  }
  guint32 length = vn_witness_length(machine->analysis, ends, 2, choice->length);
  if (length < choice->length || (length == choice->length && maker < choice->best)) {
    choice->best = maker;
    choice->length = length;
  }
  choice->done = choice->length <= choice->least || vn_witness_is_spent(machine->analysis);
}

static gboolean
made_meanwhile(Machine *machine, const Question *question, guint makers, Answer *answer)
{
  Choice choice = {.best = VN_NO_ID};
  for (guint kind = 0; kind < N_KINDS; kind++) {
    const VnChains *chains = &machine->chains[kind];
    guint32 n_chains = (makers & BIT(kind)) != 0 ? vn_chains_count(chains) : 0;
    for (guint32 c = 0; c < n_chains && !choice.done; c++) {
      VnChainsRange range = vn_chains_range(chains, machine->analysis->order, c, question->step);
      for (guint32 k = range.low; k < range.high && !choice.done; k++)
        consider(machine, question, vn_chains_step(chains, k), &choice);
    }
  }
  *answer = (Answer){.maker = choice.best};
  return choice.best != VN_NO_ID;
}

/* ---- texts ---- */

static void
describe_overlap(const VnAnalysis *analysis, const VnFinding *finding, GString *out)
{
  vn_step_append(analysis, finding->other, out);
  g_string_append(out, " may run before ");
  vn_step_append_short(analysis, finding->step, out);
}

static const char *
state_after(const VnAnalysis *analysis, guint32 maker)
{
  switch (kind_of((VnControl)vn_step_task(analysis, maker)->control)) {
  case KIND_ON:
    return "on";
  case KIND_OFF:
    return "off";
  case KIND_SUSPEND:
    return "suspended";
  case KIND_RESUME:
  case KIND_REVERT:
  case N_KINDS:
  case NO_KIND:
    break;
  }
  g_assert_not_reached();
}

static gboolean
is_powered_on(const VnAnalysis *analysis, guint32 vm)
{
  for (guint32 s = analysis->vm_row[vm]; s < analysis->vm_row[vm + 1]; s++)
    if (analysis->vm_controls[s] == VN_CONTROL_POWER_ON)
      return TRUE;
  return FALSE;
}

static void
describe_before(const VnAnalysis *analysis, const VnFinding *finding, GString *out)
{
  guint32 vm = analysis->graph->nodes[finding->step].vm;
  gboolean off = analysis->graph->ready_node[vm] == VN_NO_ID;
  g_string_append(out, analysis->model->topology.vms[vm].name);
  if (finding->other != VN_NO_ID) {
    g_string_append_printf(out, " may be %s after ", state_after(analysis, finding->other));
    vn_step_append_short(analysis, finding->other, out);
  } else if (off) {
    g_string_append(out, is_powered_on(analysis, vm) ? " may still be off"
                                                     : " is never powered on: it is off");
  } else {
    g_string_append(out, finding->n_fates > 0 ? " may still be on" : " is on already");
  }
  g_string_append(out, " when ");
  vn_step_append_short(analysis, finding->step, out);
  g_string_append(out, " runs");
}

static const char *
hint_for(const Question *question, const Answer *answer, gboolean before)
{
  if (!before)
    return "state which comes first, with `after` or `flow`";
  if (answer->n_fates > 0)
    return "a condition `when T.ok` lets a task run only if task T ended well";
  if (question->code == VN_DIAG_VN303)
    return "leave it out, or say `initially on` or `initially off` at the machine";
  return answer->maker == VN_NO_ID ? "let the task come after one that powers the machine on, or "
                                     "say "
                                     "`initially on` at the machine"
                                   : NULL;
}

static void
report(Machine *machine, const Question *question, const Answer *answer, gboolean before)
{
  VnAnalysis *analysis = machine->analysis;
  VnFinding finding = {.code = question->code,
                       .step = question->step,
                       .other = answer->maker,
                       .n_fates = (guint8)answer->n_fates,
                       .describe = before ? describe_before : describe_overlap,
                       .hint = hint_for(question, answer, before)};
  for (guint k = 0; k < answer->n_fates; k++)
    finding.fates[k] = answer->fates[k];
  if (!before)
    finding.ends[finding.n_ends++] = answer->maker;
  finding.ends[finding.n_ends++] = question->step;
  finding.cause = answer->maker != VN_NO_ID
                      ? vn_cause(analysis, analysis->graph->nodes[answer->maker].task, VN_NO_ID)
                      : vn_cause(analysis, VN_NO_ID, machine->vm);
  vn_find(analysis, &finding);
}

/* ---- questions ---- */

/* FALSE: the step asks nothing. */
static gboolean
ask(const Machine *machine, guint32 place, Question *out)
{
  guint32 step = machine->analysis->vm_steps[place];
  *out = (Question){.code = VN_DIAG_VN302, .step = step};
  switch ((VnControl)machine->analysis->vm_controls[place]) {
  case VN_CONTROL_NONE:
  case VN_CONTROL_PUSH:
  case VN_CONTROL_PULL:
    out->state = STATE_NOT_RUNNING;
    break;
  case VN_CONTROL_SUSPEND:
  case VN_CONTROL_RESUME:
    out->state = STATE_OFF;
    break;
  case VN_CONTROL_POWER_ON:
    out->code = VN_DIAG_VN303;
    out->state = STATE_NOT_OFF;
    break;
  case VN_CONTROL_POWER_OFF:
    out->code = VN_DIAG_VN303;
    out->state = STATE_OFF;
    if (vn_step_task(machine->analysis, step)->always)
      return FALSE;
    break;
  case VN_CONTROL_SNAPSHOT:
  case VN_CONTROL_REVERT:
  case VN_CONTROL_LINK_DOWN:
  case VN_CONTROL_LINK_UP:
  case VN_CONTROL_IMPAIR:
  case VN_CONTROL_WAIT:
  case VN_CONTROL_STOP:
    return FALSE;
  }
  out->needs = has_needs(machine, step);
  VnRunWish wish = {step, NULL, 0};
  return vn_runs_possible(machine->analysis->runs, &wish);
}

/* *out_before: the answer's order is all that comes before the step. */
static gboolean
find_answer(Machine *machine, const Question *question, Answer *answer, gboolean *out_before)
{
  guint makers = makers_of(question->state);
  gboolean at_first = machine->off_at_first == (question->state != STATE_NOT_OFF);
  guint menders = menders_of(machine->off_at_first ? KIND_OFF : KIND_ON);
  gboolean before = at_first && menders_lack(machine, question, menders, VN_NO_ID, answer);
  for (guint kind = 0; kind < N_KINDS && !before; kind++)
    before = (makers & BIT(kind)) != 0 && made_before(machine, question, (Kind)kind, answer);
  *out_before = before;
  return before || made_meanwhile(machine, question, makers, answer);
}

static void
answer_question(Machine *machine, const Question *question)
{
  Answer answer;
  gboolean before;
  if (find_answer(machine, question, &answer, &before))
    report(machine, question, &answer, before);
}

static gboolean
look_at(Machine *machine, guint32 vm)
{
  const VnAnalysis *analysis = machine->analysis;
  if (!read_machine(machine, vm))
    return TRUE;
  for (guint32 s = analysis->vm_row[vm]; s < analysis->vm_row[vm + 1]; s++) {
    Question question;
    if (vn_analysis_is_over(analysis))
      return FALSE;
    if (ask(machine, s, &question))
      answer_question(machine, &question);
  }
  return TRUE;
}

/* ---- for others ---- */

static void
machine_init(Machine *machine, VnAnalysis *analysis)
{
  *machine = (Machine){.analysis = analysis};
  for (guint k = 0; k < N_KINDS; k++) {
    machine->steps[k] = g_array_new(FALSE, FALSE, sizeof(guint32));
    machine->firm_before[k] = g_array_new(FALSE, FALSE, sizeof(guint32));
    vn_chains_init(&machine->chains[k]);
  }
}

static void
machine_clear(Machine *machine)
{
  for (guint k = 0; k < N_KINDS; k++) {
    g_array_unref(machine->steps[k]);
    g_array_unref(machine->firm_before[k]);
    vn_chains_clear(&machine->chains[k]);
  }
}

VnPower *
vn_power_new(VnAnalysis *analysis)
{
  VnPower *power = g_new(VnPower, 1);
  machine_init(power, analysis);
  return power;
}

void
vn_power_free(VnPower *power)
{
  if (power == NULL)
    return;
  machine_clear(power);
  g_free(power);
}

gboolean
vn_power_choose_vm(VnPower *power, guint32 vm)
{
  return read_machine(power, vm);
}

gboolean
vn_power_switches(const VnAnalysis *analysis, guint32 step, guint32 iface)
{
  const VnTask *task = vn_step_task(analysis, step);
  const VnExpr *segment = task->n_args > 0 ? task->args[0] : NULL;
  return (task->control == VN_CONTROL_LINK_DOWN || task->control == VN_CONTROL_LINK_UP) &&
         (segment == NULL || segment->kind != VN_EXPR_CONST ||
          segment->value.kind != VN_VALUE_SEGMENT ||
          segment->value.id == analysis->model->topology.ifaces[iface].segment);
}

/* A link that is down is like a machine that is off: link_down makes it so, link_up mends it. */
gboolean
vn_power_choose_link(VnPower *power, guint32 iface)
{
  const VnAnalysis *analysis = power->analysis;
  guint32 vm = analysis->model->topology.ifaces[iface].vm;
  power->vm = vm;
  power->off_at_first = FALSE;
  for (guint k = 0; k < N_KINDS; k++)
    g_array_set_size(power->steps[k], 0);
  for (guint32 s = analysis->vm_row[vm]; s < analysis->vm_row[vm + 1]; s++) {
    guint32 step = analysis->vm_steps[s];
    gboolean down = vn_step_task(analysis, step)->control == VN_CONTROL_LINK_DOWN;
    if (vn_power_switches(analysis, step, iface))
      g_array_append_val(power->steps[down ? KIND_OFF : KIND_ON], step);
  }
  return chain_changes(power) && power->steps[KIND_OFF]->len > 0;
}

gboolean
vn_power_may_lack(VnPower *power, guint32 step, VnFinding *finding)
{
  Answer answer;
  gboolean before;
  Question question = {.code = finding->code,
                       .step = step,
                       .state = STATE_NOT_RUNNING,
                       .needs = has_needs(power, step)};
  VnRunWish wish = {step, NULL, 0};
  if (!vn_runs_possible(power->analysis->runs, &wish) ||
      !find_answer(power, &question, &answer, &before))
    return FALSE;
  finding->other = answer.maker;
  finding->n_ends = finding->n_fates = 0;
  finding->length = 0;
  if (!before)
    finding->ends[finding->n_ends++] = answer.maker;
  finding->ends[finding->n_ends++] = step;
  for (guint k = 0; k < answer.n_fates; k++)
    finding->fates[finding->n_fates++] = answer.fates[k];
  return TRUE;
}

/* ---- the pass ---- */

void
vn_pass_power(VnAnalysis *analysis)
{
  Machine machine;
  gboolean done = TRUE;
  machine_init(&machine, analysis);
  for (guint32 v = 0; done && v < analysis->model->topology.n_vms; v++)
    done = look_at(&machine, v);
  machine_clear(&machine);
  if (!done) {
    vn_undecided(analysis, VN_DIAG_VN302, "the workflow takes too long to look at");
    vn_undecided(analysis, VN_DIAG_VN303, "the workflow takes too long to look at");
  }
}
