/* SPDX-License-Identifier: GPL-3.0-or-later */
/* VN305 and VN306: two steps on one VM that may overlap and should not.
 *
 * Two steps that may run at all and have no order overlap in some run: where all goes well. So the
 * steps that disturb are sorted into chains, and each other step of the VM finds in them those that
 * it has no order with. A step that has met enough others is left out of later looks.
 *
 * Where several that follow each other disturb one step, the first of them is the cause: with its
 * order the others get theirs. */
#include "analyze/chains.h"
#include "analyze/pass.h"

/* Which steps disturb, and whom. */
typedef struct {
  VnDiagCode code;
  gboolean (*disturbs)(VnControl control);
  gboolean (*minds)(VnAnalysis *analysis, guint32 disturber, guint32 step);
  void (*describe)(const VnAnalysis *analysis, const VnFinding *finding, GString *out);
} Rule;

/* A disturber, by its place in the chains. */
typedef struct {
  guint32 other, length; /* the best so far; VN_NO_ID: none; length 0: not counted */
  guint32 first;         /* of those that disturb `other`, the first by rank */
  guint32 least; /* no order is shorter; 0: not counted */
  gboolean done; /* it has a shortest one, or too much was compared */
  guint32 open;  /* the next place, from here on, that may meet more */
} Met;

typedef struct {
  VnAnalysis *analysis;
  const Rule *rule;
  GArray *steps; /* of guint32: the disturbers of a VM */
  GArray *met;   /* of Met */
  GArray *hits;  /* of guint32: places of those that disturb the step in hand */
  VnChains chains;
} Look;

/* ---- rules ---- */

static gboolean
is_live(VnAnalysis *analysis, guint32 step)
{
  VnRunWish wish = {step, NULL, 0};
  return vn_runs_possible(analysis->runs, &wish);
}

static gboolean
works_inside(const VnTask *task)
{
  return task->control == VN_CONTROL_NONE || task->control == VN_CONTROL_PUSH ||
         task->control == VN_CONTROL_PULL;
}

static gboolean
interrupts(VnControl control)
{
  return control == VN_CONTROL_REVERT || control == VN_CONTROL_SUSPEND ||
         control == VN_CONTROL_POWER_OFF;
}

/* Does a take away what b needs of its VM? Then VN302 says so. */
static gboolean
takes_away(const VnTask *a, const VnTask *b)
{
  gboolean needs_power = b->control == VN_CONTROL_SUSPEND || b->control == VN_CONTROL_RESUME;
  if (a->control == VN_CONTROL_POWER_OFF)
    return works_inside(b) || needs_power;
  return a->control == VN_CONTROL_SUSPEND && works_inside(b);
}

static gboolean
switches(const VnTask *task)
{
  return task->control == VN_CONTROL_POWER_ON || task->control == VN_CONTROL_POWER_OFF;
}

static gboolean
is_interrupted(VnAnalysis *analysis, guint32 disturber, guint32 step)
{
  const VnTask *a = vn_step_task(analysis, disturber), *b = vn_step_task(analysis, step);
  if (takes_away(a, b) || takes_away(b, a))
    return FALSE;
  if (interrupts((VnControl)b->control) && step > disturber)
    return FALSE; /* it is the one that is reported */
  return !(switches(a) && switches(b) &&
           (vn_found(analysis, VN_DIAG_VN303, disturber) ||
            vn_found(analysis, VN_DIAG_VN303, step)));
}

static gboolean
takes_snapshot(VnControl control)
{
  return control == VN_CONTROL_SNAPSHOT;
}

static gboolean
blurs(VnAnalysis *analysis, guint32 disturber, guint32 step)
{
  return works_inside(vn_step_task(analysis, step));
}

static void
describe_interrupted(const VnAnalysis *analysis, const VnFinding *finding, GString *out)
{
  vn_step_append(analysis, finding->step, out);
  g_string_append(out, " may come while ");
  vn_step_append_short(analysis, finding->other, out);
  g_string_append(out, " runs");
}

static void
describe_blurred(const VnAnalysis *analysis, const VnFinding *finding, GString *out)
{
  vn_step_append(analysis, finding->step, out);
  g_string_append(out, " may be taken while ");
  vn_step_append_short(analysis, finding->other, out);
  g_string_append(out, " runs: what it holds depends on luck");
}

static const Rule rules[] = {
    {VN_DIAG_VN305, interrupts, is_interrupted, describe_interrupted},
    {VN_DIAG_VN306, takes_snapshot, blurs, describe_blurred},
};

/* ---- looking ---- */

static Met *
met_at(Look *look, guint32 place)
{
  return &g_array_index(look->met, Met, place);
}

static void
compare(Look *look, guint32 place, guint32 first, guint32 step)
{
  Met *met = met_at(look, place);
  guint32 disturber = vn_chains_step(&look->chains, place);
  guint32 ends[2] = {step, disturber}, length = 0;
  if (met->other != VN_NO_ID) {
    guint32 before[2] = {met->other, disturber};
    if (met->length == 0) {
      met->length = vn_witness_length(look->analysis, before, 2, G_MAXUINT32);
      met->least = vn_witness_least(look->analysis, disturber);
    }
    length = vn_witness_length(look->analysis, ends, 2, met->length);
    met->done = MIN(length, met->length) <= met->least || vn_witness_is_spent(look->analysis);
    if (length > met->length || (length == met->length && step > met->other))
      return;
  }
  met->other = step;
  met->first = first;
  met->length = length;
}

/* The first place from `place` on that may meet more; what is skipped is skipped faster next time.
 * */
static guint32
find_open(Look *look, guint32 place)
{
  guint32 open = place;
  while (met_at(look, open)->open != open)
    open = met_at(look, open)->open;
  while (place != open) {
    guint32 next = met_at(look, place)->open;
    met_at(look, place)->open = open;
    place = next;
  }
  return open;
}

static guint32
rank_of(const Look *look, guint32 step)
{
  return vn_order_rank(look->analysis->order, look->analysis->graph->nodes[step].task);
}

static void
hit(Look *look, guint32 place, guint32 step)
{
  guint32 disturber = vn_chains_step(&look->chains, place);
  (*vn_order_work(look->analysis->order))++;
  if (disturber != step && is_live(look->analysis, disturber) &&
      look->rule->minds(look->analysis, disturber, step))
    g_array_append_val(look->hits, place);
}

/* Finds the disturbers of a step that may meet more; chains of others are passed over. */
static void
find_hits(Look *look, guint32 step)
{
  const VnChains *chains = &look->chains;
  g_array_set_size(look->hits, 0);
  for (guint32 at = find_open(look, 0); at < chains->steps->len;) {
    VnChainsRange range =
        vn_chains_range(chains, look->analysis->order, vn_chains_of(chains, at), step);
    for (guint32 k = find_open(look, range.low); k < range.high; k = find_open(look, k + 1))
      hit(look, k, step);
    at = find_open(look, range.last);
  }
}

static void
meet(Look *look, guint32 step)
{
  guint32 first = VN_NO_ID;
  find_hits(look, step);
  for (guint i = 0; i < look->hits->len; i++) {
    guint32 disturber = vn_chains_step(&look->chains, g_array_index(look->hits, guint32, i));
    if (first == VN_NO_ID || rank_of(look, disturber) < rank_of(look, first))
      first = disturber;
  }
  for (guint i = 0; i < look->hits->len; i++) {
    guint32 place = g_array_index(look->hits, guint32, i);
    compare(look, place, first, step);
    if (met_at(look, place)->done)
      met_at(look, place)->open = place + 1;
  }
}

static void
report(Look *look)
{
  VnAnalysis *analysis = look->analysis;
  for (guint32 k = 0; k < look->chains.steps->len; k++) {
    const Met *met = met_at(look, k);
    guint32 step = vn_chains_step(&look->chains, k);
    if (met->other == VN_NO_ID)
      continue;
    guint32 first = analysis->graph->nodes[met->first].task;
    VnFinding finding = {.code = look->rule->code,
                         .step = step,
                         .other = met->other,
                         .cause = vn_cause(analysis, first, VN_NO_ID),
                         .ends = {met->other, step},
                         .n_ends = 2,
                         .describe = look->rule->describe,
                         .hint = "state which comes first, with `after` or `flow`"};
    vn_find(analysis, &finding);
  }
}

/* FALSE: there is nothing to look for. */
static gboolean
find_disturbers(Look *look, guint32 vm)
{
  VnAnalysis *analysis = look->analysis;
  g_array_set_size(look->steps, 0);
  for (guint32 s = analysis->vm_row[vm]; s < analysis->vm_row[vm + 1]; s++)
    if (look->rule->disturbs((VnControl)analysis->vm_controls[s]))
      g_array_append_val(look->steps, analysis->vm_steps[s]);
  if (look->steps->len == 0)
    return FALSE;
  vn_chains_make(&look->chains, analysis->order, (const guint32 *)(gpointer)look->steps->data,
                 look->steps->len);
  g_array_set_size(look->met, look->steps->len + 1);
  for (guint32 k = 0; k <= look->steps->len; k++)
    *met_at(look, k) = (Met){.other = VN_NO_ID, .open = k};
  return TRUE;
}

static gboolean
look_at(Look *look, guint32 vm)
{
  VnAnalysis *analysis = look->analysis;
  if (!find_disturbers(look, vm))
    return TRUE;
  for (guint32 s = analysis->vm_row[vm]; s < analysis->vm_row[vm + 1]; s++) {
    if (vn_analysis_is_over(analysis))
      return FALSE;
    if (is_live(analysis, analysis->vm_steps[s]))
      meet(look, analysis->vm_steps[s]);
  }
  report(look);
  return TRUE;
}

void
vn_pass_overlap(VnAnalysis *analysis)
{
  Look look = {.analysis = analysis,
               .steps = g_array_new(FALSE, FALSE, sizeof(guint32)),
               .met = g_array_new(FALSE, FALSE, sizeof(Met)),
               .hits = g_array_new(FALSE, FALSE, sizeof(guint32))};
  vn_chains_init(&look.chains);
  for (guint r = 0; r < G_N_ELEMENTS(rules); r++) {
    gboolean done = TRUE;
    look.rule = &rules[r];
    for (guint32 v = 0; done && v < analysis->model->topology.n_vms; v++)
      done = look_at(&look, v);
    if (!done)
      vn_undecided(analysis, rules[r].code, "the workflow takes too long to look at");
  }
  vn_chains_clear(&look.chains);
  g_array_unref(look.met);
  g_array_unref(look.hits);
  g_array_unref(look.steps);
}
