/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Findings: kept by cause, compared by the length of their orders, told as diagnostics. A search
 * backwards from a finding's ends counts what must have ended before. */
#include "analyze/witness.h"

#include "analyze/orders.h"
#include "analyze/pass.h"

typedef struct {
  VnFinding best;
  guint32 count;
  guint32 also[VN_FINDING_MAX_ALSO + 1]; /* tasks, one of an array; one more than is named */
  guint32 n_also;
} Group;

typedef struct {
  guint64 code, cause;
} GroupKey;

struct VnFindings {
  GPtrArray *groups;   /* of Group, as they came */
  GHashTable *by_key;  /* GroupKey: Group */
  GHashTable *steps;   /* code << 32 | step */
  guint32 *stamps;     /* by task; of searches */
  GArray *stack;       /* of guint32: tasks */
  guint32 stamp;
  guint64 work; /* visits of searches */
  gboolean undecided[VN_DIAG_COUNT];
};

static guint
hash_key(gconstpointer data)
{
  const GroupKey *key = data;
  guint64 x = (key->cause ^ key->code << 56) * G_GUINT64_CONSTANT(0x9e3779b97f4a7c15);
  return (guint)(x >> 32);
}

static gboolean
same_key(gconstpointer a, gconstpointer b)
{
  const GroupKey *x = a, *y = b;
  return x->code == y->code && x->cause == y->cause;
}

VnFindings *
vn_findings_new(void)
{
  VnFindings *findings = g_new0(VnFindings, 1);
  findings->groups = g_ptr_array_new_with_free_func(g_free);
  findings->by_key = g_hash_table_new_full(hash_key, same_key, g_free, NULL);
  findings->steps = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, NULL);
  findings->stack = g_array_new(FALSE, FALSE, sizeof(guint32));
  return findings;
}

void
vn_findings_free(VnFindings *findings)
{
  if (findings == NULL)
    return;
  g_ptr_array_unref(findings->groups);
  g_hash_table_unref(findings->by_key);
  g_hash_table_unref(findings->steps);
  g_array_unref(findings->stack);
  g_free(findings->stamps);
  g_free(findings);
}

/* ---- what comes before ---- */

static void
begin_search(const VnAnalysis *analysis)
{
  VnFindings *findings = analysis->findings;
  if (findings->stamps == NULL)
    findings->stamps = g_new0(guint32, (gsize)analysis->model->n_tasks + 1);
  findings->stamp++;
  g_array_set_size(findings->stack, 0);
}

static void
meet(VnFindings *findings, guint32 task)
{
  if (findings->stamps[task] == findings->stamp)
    return;
  findings->stamps[task] = findings->stamp;
  g_array_append_val(findings->stack, task);
}

/* Puts what comes before the ends, and not the ends themselves unless another waits for them, into
 * the stack; gives the number of its nodes, or something past limit. */
static guint64
search_back(const VnAnalysis *analysis, const guint32 *ends, guint n_ends, guint64 limit)
{
  VnFindings *findings = analysis->findings;
  const VnModel *model = analysis->model;
  guint64 n = 0;
  begin_search(analysis);
  for (guint i = 0; i < n_ends; i++) {
    const VnTask *task = vn_step_task(analysis, ends[i]);
    for (guint32 k = 0; k < task->n_after; k++)
      meet(findings, task->after[k]);
  }
  for (guint done = 0; done < findings->stack->len && n <= limit; done++) {
    const VnTask *task = &model->tasks[g_array_index(findings->stack, guint32, done)];
    n += MAX(task->n_targets, 1);
    findings->work += task->n_after + 1;
    for (guint32 k = 0; k < task->n_after; k++)
      meet(findings, task->after[k]);
  }
  return n;
}

gboolean
vn_witness_is_spent(const VnAnalysis *analysis)
{
  gboolean told = analysis->options != NULL && analysis->options->found != NULL;
  guint64 usual = (guint64)analysis->graph->n_edges * VN_WITNESS_WORK_EACH;
  return !told && analysis->findings->work > MAX(VN_WITNESS_WORK_LEAST, usual);
}

guint32
vn_witness_least(VnAnalysis *analysis, guint32 step)
{
  guint32 length = vn_witness_length(analysis, &step, 1, G_MAXUINT32);
  return length == G_MAXUINT32 ? length : length + 1;
}

guint32
vn_witness_length(VnAnalysis *analysis, const guint32 *ends, guint n_ends, guint32 limit)
{
  analysis->findings->work++;
  if (vn_witness_is_spent(analysis))
    return G_MAXUINT32;
  guint64 n = search_back(analysis, ends, n_ends, limit);
  for (guint i = 0; i < n_ends; i++) {
    gboolean counted =
        analysis->findings->stamps[analysis->graph->nodes[ends[i]].task] ==
        analysis->findings->stamp;
    for (guint k = 0; k < i; k++)
      counted |= ends[k] == ends[i];
    n += !counted;
  }
  return (guint32)MIN(n, G_MAXUINT32);
}

/* ---- keeping ---- */

void
vn_fates_add(const VnRuns *runs, VnFatedStep fates[VN_FINDING_MAX_FATES], guint8 *n, guint32 node,
             VnFate fate)
{
  guint32 dropper = fate == VN_FATE_DROPPED ? vn_runs_dropper(runs) : VN_NO_ID;
  if (*n < VN_FINDING_MAX_FATES)
    fates[(*n)++] = (VnFatedStep){node, (guint8)fate};
  if (dropper != VN_NO_ID && *n < VN_FINDING_MAX_FATES)
    fates[(*n)++] = (VnFatedStep){dropper, VN_FATE_FAILED};
}

guint64
vn_cause(const VnAnalysis *analysis, guint32 task, guint32 vm)
{
  guint64 of_task = task == VN_NO_ID ? 0 : (guint64)analysis->task_family[task] + 1;
  guint64 of_vm = vm == VN_NO_ID ? 0 : (guint64)analysis->vm_family[vm] + 1;
  return of_task << 32 | of_vm;
}

static guint32
exact_length(VnAnalysis *analysis, const VnFinding *finding)
{
  if (finding->length != 0 || finding->n_ends == 0)
    return finding->length;
  return vn_witness_length(analysis, finding->ends, finding->n_ends, G_MAXUINT32);
}

/* Is all of one order in the other, too, and less than it? */
static gboolean
is_within(const VnAnalysis *analysis, const VnFinding *inner, const VnFinding *outer)
{
  gboolean same = TRUE;
  for (guint i = 0; i < inner->n_ends; i++) {
    gboolean equal = FALSE, inside = FALSE;
    for (guint k = 0; k < outer->n_ends && !equal; k++) {
      equal = inner->ends[i] == outer->ends[k];
      inside |= equal || vn_order_before(analysis->order, inner->ends[i], outer->ends[k]);
    }
    if (!inside)
      return FALSE;
    same &= equal;
  }
  return !same;
}

/* Is the new one smaller than the best so far? Its length is counted only as far as that asks. */
static gboolean
is_smaller(VnAnalysis *analysis, VnFinding *finding, VnFinding *best)
{
  if (is_within(analysis, best, finding))
    return FALSE;
  best->length = exact_length(analysis, best);
  if (finding->length == 0 && finding->n_ends > 0) {
    guint32 limit = finding->step < best->step ? best->length : best->length - 1;
    finding->length = vn_witness_length(analysis, finding->ends, finding->n_ends, limit);
  }
  if (finding->length != best->length)
    return finding->length < best->length;
  return finding->step < best->step;
}

static void
note_also(VnAnalysis *analysis, Group *group, guint32 step)
{
  if (step == VN_NO_ID)
    return;
  guint32 task = analysis->graph->nodes[step].task;
  for (guint32 k = 0; k < group->n_also; k++)
    if (analysis->task_family[group->also[k]] == analysis->task_family[task])
      return;
  if (group->n_also < G_N_ELEMENTS(group->also))
    group->also[group->n_also++] = task;
}

static Group *
group_of(VnAnalysis *analysis, const VnFinding *finding)
{
  VnFindings *findings = analysis->findings;
  GroupKey key = {finding->code, finding->cause};
  Group *group = g_hash_table_lookup(findings->by_key, &key);
  if (group != NULL)
    return group;
  group = g_new0(Group, 1);
  g_ptr_array_add(findings->groups, group);
  g_hash_table_insert(findings->by_key, g_memdup2(&key, sizeof key), group);
  return group;
}

void
vn_find(VnAnalysis *analysis, const VnFinding *given)
{
  VnFinding finding = *given;
  if (finding.step != VN_NO_ID) {
    gint64 mark = (gint64)((guint64)finding.code << 32 | finding.step);
    if (!g_hash_table_add(analysis->findings->steps, g_memdup2(&mark, sizeof mark)))
      return;
  }
  if (analysis->options != NULL && analysis->options->found != NULL) {
    finding.length = exact_length(analysis, &finding);
    analysis->options->found(&finding, analysis->options->data);
  }
  Group *group = group_of(analysis, &finding);
  note_also(analysis, group, finding.step);
  if (group->count++ == 0) {
    group->best = finding;
  } else if (is_smaller(analysis, &finding, &group->best)) {
    group->best = finding;
  }
}

gboolean
vn_found(const VnAnalysis *analysis, VnDiagCode code, guint32 step)
{
  gint64 mark = (gint64)((guint64)code << 32 | step);
  return g_hash_table_contains(analysis->findings->steps, &mark);
}

void
vn_undecided(VnAnalysis *analysis, VnDiagCode code, const char *why)
{
  if (analysis->findings->undecided[code])
    return;
  analysis->findings->undecided[code] = TRUE;
  VnDiag *diag = vn_diag_add_as(analysis->sink, code, VN_SEVERITY_NOTE, VN_SPAN_NONE,
                                "undecided: %s", why);
  vn_diag_hint(diag, "that nothing else is reported by this code does not say that all is well");
}

/* ---- texts ---- */

const char *
vn_step_call(const VnAnalysis *analysis, guint32 step)
{
  const VnTask *task = vn_step_task(analysis, step);
  if (task->control != VN_CONTROL_NONE)
    return vn_control_name((VnControl)task->control);
  return analysis->model->actions[task->action].name;
}

static void
append_line(const VnAnalysis *analysis, guint32 step, GString *out)
{
  const VnModel *model = analysis->model;
  if (model->sources == NULL)
    return;
  VnLocation at =
      vn_source_set_locate(model->sources, vn_step_task(analysis, step)->span.start);
  if (at.source != NULL)
    g_string_append_printf(out, " (line %u)", at.line);
}

void
vn_step_append(const VnAnalysis *analysis, guint32 step, GString *out)
{
  guint32 vm = analysis->graph->nodes[step].vm;
  g_string_append(out, vn_step_call(analysis, step));
  if (vm != VN_NO_ID)
    g_string_append_printf(out, " of %s", analysis->model->topology.vms[vm].name);
  append_line(analysis, step, out);
}

void
vn_step_append_short(const VnAnalysis *analysis, guint32 step, GString *out)
{
  g_string_append(out, vn_step_call(analysis, step));
  append_line(analysis, step, out);
}

/* ---- diagnostics ---- */

static void
add_also(const VnAnalysis *analysis, const Group *group, VnDiag *diag)
{
  guint32 own = group->best.step == VN_NO_ID ? VN_NO_ID
                                             : analysis->graph->nodes[group->best.step].task;
  guint named = 0;
  for (guint32 k = 0; k < group->n_also && named < VN_FINDING_MAX_ALSO; k++) {
    if (own != VN_NO_ID && analysis->task_family[group->also[k]] == analysis->task_family[own])
      continue;
    const VnTask *task = &analysis->model->tasks[group->also[k]];
    vn_diag_place(diag, task->span, "also: %s", task->name);
    named++;
  }
}

static void
report(VnAnalysis *analysis, const Group *group, const VnPrintedOrder *order)
{
  const VnFinding *finding = &group->best;
  g_autoptr(GString) text = g_string_new(NULL);
  finding->describe(analysis, finding, text);
  vn_orders_append(analysis, order, text);
  if (group->count > 1)
    g_string_append_printf(text, " (and %u more like it)", group->count - 1);
  VnSpan span = finding->span;
  if (span.start == 0 && finding->step != VN_NO_ID)
    span = vn_step_task(analysis, finding->step)->span;
  VnSeverity severity =
      finding->undecided ? VN_SEVERITY_NOTE : vn_diag_info(finding->code)->severity;
  VnDiag *diag = vn_diag_add_as(analysis->sink, finding->code, severity, span, "%s", text->str);
  vn_orders_add_places(analysis, order, diag);
  add_also(analysis, group, diag);
  if (finding->hint != NULL)
    vn_diag_hint(diag, "%s", finding->hint);
}

/* What the sink will only count needs no order. */
static void
report_some(VnAnalysis *analysis, guint first, guint n)
{
  const VnFinding *findings[VN_ORDERS_AT_ONCE];
  VnPrintedOrder orders[VN_ORDERS_AT_ONCE] = {0};
  GPtrArray *groups = analysis->findings->groups;
  for (guint i = 0; i < n; i++)
    findings[i] = &((const Group *)groups->pdata[first + i])->best;
  if (first < VN_DIAG_MAX_KEPT)
    vn_orders_make(analysis, findings, n, orders);
  for (guint i = 0; i < n; i++)
    report(analysis, groups->pdata[first + i], &orders[i]);
}

void
vn_findings_report(VnAnalysis *analysis)
{
  guint n = analysis->findings->groups->len;
  for (guint i = 0; i < n; i += VN_ORDERS_AT_ONCE)
    report_some(analysis, i, MIN(VN_ORDERS_AT_ONCE, n - i));
}
