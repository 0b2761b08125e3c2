/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A bit of a task's word says that it belongs to the order of that finding. One sweep from the last
 * rank to the first hands the bits on to what comes before, counts them (in columns: bit k of
 * the count of finding i is bit i of plane k) and takes the last tasks of each order; one the other
 * way takes the first. Sorted by rank it is an order; ends that no other end waits for stand last.
 * */
#include "analyze/orders.h"

#define N_PLANES 32
#define N_FIRST  (VN_WITNESS_MAX_NAMES / 3)

typedef struct {
  guint32 tasks[VN_WITNESS_MAX_NAMES];
  guint n;
} Few;

typedef struct {
  const VnAnalysis *analysis;
  const VnFinding *const *findings;
  guint n;
  guint64 *words; /* by task */
  guint64 planes[N_PLANES];
  Few first[VN_ORDERS_AT_ONCE], last[VN_ORDERS_AT_ONCE];
  guint32 top; /* no task of a rank from here on belongs to any */
} Sweep;

static guint32
task_of(const Sweep *sweep, guint32 node)
{
  return sweep->analysis->graph->nodes[node].task;
}

static void
mark(Sweep *sweep, const VnTask *task, guint64 bits)
{
  for (guint32 k = 0; k < task->n_after; k++)
    sweep->words[task->after[k]] |= bits;
}

static void
mark_ends(Sweep *sweep)
{
  for (guint i = 0; i < sweep->n; i++)
    for (guint k = 0; k < sweep->findings[i]->n_ends; k++) {
      guint32 task = task_of(sweep, sweep->findings[i]->ends[k]);
      mark(sweep, &sweep->analysis->model->tasks[task], G_GUINT64_CONSTANT(1) << i);
      sweep->top = MAX(sweep->top, vn_order_rank(sweep->analysis->order, task));
    }
}

static void
count(Sweep *sweep, guint64 bits)
{
  for (guint k = 0; bits != 0 && k < N_PLANES; k++) {
    guint64 carry = sweep->planes[k] & bits;
    sweep->planes[k] ^= bits;
    bits = carry;
  }
}

/* Gives a task to each of the bits; those that have enough now leave `open`. */
static void
take(Few *few, guint most, guint64 bits, guint64 *open, guint32 task)
{
  for (bits &= *open; bits != 0; bits &= bits - 1) {
    guint i = (guint)__builtin_ctzll(bits);
    few[i].tasks[few[i].n++] = task;
    if (few[i].n == most)
      *open &= ~(G_GUINT64_CONSTANT(1) << i);
  }
}

static void
run_sweep(Sweep *sweep)
{
  const guint32 *by_rank = vn_order_tasks(sweep->analysis->order);
  const VnTask *tasks = sweep->analysis->model->tasks;
  guint64 open = G_MAXUINT64;
  for (guint32 r = sweep->top; r > 0; r--) {
    guint32 task = by_rank[r - 1];
    guint64 bits = sweep->words[task];
    if (bits == 0)
      continue;
    mark(sweep, &tasks[task], bits);
    count(sweep, bits);
    take(sweep->last, VN_WITNESS_MAX_NAMES, bits, &open, task);
  }
  open = G_MAXUINT64;
  for (guint32 r = 0; r < sweep->top && open != 0; r++)
    take(sweep->first, N_FIRST, sweep->words[by_rank[r]], &open, by_rank[r]);
}

static guint32
count_of(const Sweep *sweep, guint i)
{
  guint32 n = 0;
  for (guint k = 0; k < N_PLANES; k++)
    n |= (guint32)(sweep->planes[k] >> i & 1) << k;
  return n;
}

/* What the failure of one task leads to for another that is not `always`. */
static VnFate
consequence(const Sweep *sweep, guint32 failed, guint32 task)
{
  VnOrder *order = sweep->analysis->order;
  const VnTask *tasks = sweep->analysis->model->tasks;
  if (tasks[task].always)
    return VN_FATE_NONE;
  switch ((VnOnFailure)tasks[failed].on_failure) {
  case VN_ON_FAILURE_STOP:
    return vn_order_task_before(order, failed, task) ? VN_FATE_CANCELLED : VN_FATE_NONE;
  case VN_ON_FAILURE_SKIP:
    return vn_order_task_carries(order, failed, task) ? VN_FATE_DROPPED : VN_FATE_NONE;
  case VN_ON_FAILURE_IGNORE:
    return VN_FATE_NONE;
  }
  g_assert_not_reached();
}

/* What follows from a failure before goes before what the finding says of the task itself. */
static VnFate
fate_of(const Sweep *sweep, const VnFinding *finding, guint32 task)
{
  const VnTask *tasks = sweep->analysis->model->tasks;
  VnFate own = VN_FATE_NONE, fate = VN_FATE_NONE;
  for (guint k = 0; k < finding->n_fates && fate == VN_FATE_NONE; k++) {
    guint32 fated = task_of(sweep, finding->fates[k].node);
    if (fated == task)
      own = finding->fates[k].fate;
    else if (finding->fates[k].fate == VN_FATE_FAILED)
      fate = consequence(sweep, fated, task);
    else if (finding->fates[k].fate == VN_FATE_CANCELLED && !tasks[task].always &&
             vn_order_task_before(sweep->analysis->order, fated, task))
      fate = VN_FATE_CANCELLED; /* the run has stopped */
  }
  return fate != VN_FATE_NONE ? fate : own;
}

static void
add(const Sweep *sweep, guint i, guint32 task, guint32 end, VnPrintedOrder *out)
{
  out->entries[out->n_entries++] =
      (VnOrderEntry){task, end, fate_of(sweep, sweep->findings[i], task)};
}

static void
fill(const Sweep *sweep, guint i, VnPrintedOrder *out)
{
  const VnFinding *finding = sweep->findings[i];
  guint32 n_before = count_of(sweep, i), ends[VN_FINDING_MAX_ENDS];
  guint n_ends = 0, n_whole = 0;
  for (guint k = 0; k < finding->n_ends; k++)
    if ((sweep->words[task_of(sweep, finding->ends[k])] >> i & 1) == 0) {
      n_whole += k < finding->n_whole;
      ends[n_ends++] = finding->ends[k];
    }
  *out = (VnPrintedOrder){.n = n_before + n_ends};
  guint room = VN_WITNESS_MAX_NAMES - n_ends;
  if (n_before > room)
    out->n_first = N_FIRST;
  for (guint k = 0; k < out->n_first; k++)
    add(sweep, i, sweep->first[i].tasks[k], VN_NO_ID, out);
  for (guint k = MIN(n_before, room - out->n_first); k > 0; k--)
    add(sweep, i, sweep->last[i].tasks[k - 1], VN_NO_ID, out);
  for (guint k = 0; k < n_ends; k++)
    add(sweep, i, task_of(sweep, ends[k]), k < n_whole ? VN_NO_ID : ends[k], out);
}

void
vn_orders_make(const VnAnalysis *analysis, const VnFinding *const *findings, guint n,
               VnPrintedOrder *out)
{
  g_assert(n <= VN_ORDERS_AT_ONCE);
  g_autofree guint64 *words = g_new0(guint64, (gsize)analysis->model->n_tasks + 1);
  g_autofree Sweep *sweep = g_new0(Sweep, 1);
  *sweep = (Sweep){.analysis = analysis, .findings = findings, .n = n, .words = words};
  mark_ends(sweep);
  run_sweep(sweep);
  for (guint i = 0; i < n; i++)
    fill(sweep, i, &out[i]);
}

/* ---- texts ---- */

static void
append_fate(VnFate fate, GString *out)
{
  switch (fate) {
  case VN_FATE_SKIPPED:
  case VN_FATE_DROPPED:
    g_string_append(out, " (skipped)");
    return;
  case VN_FATE_FAILED:
    g_string_append(out, " (fails)");
    return;
  case VN_FATE_CANCELLED:
    g_string_append(out, " (cancelled)");
    return;
  case VN_FATE_DEAD:
    g_string_append(out, " (never runs)");
    return;
  case VN_FATE_NONE:
  case VN_FATE_LATER:
    return;
  }
}

static void
append_entry(const VnAnalysis *analysis, const VnOrderEntry *entry, GString *out)
{
  const VnTask *task = &analysis->model->tasks[entry->task];
  g_string_append(out, task->name);
  if (entry->end != VN_NO_ID && task->n_targets > 1)
    g_string_append_printf(
        out, " of %s",
        analysis->model->topology.vms[analysis->graph->nodes[entry->end].vm].name);
  append_fate(entry->fate, out);
}

void
vn_orders_append(const VnAnalysis *analysis, const VnPrintedOrder *order, GString *out)
{
  for (guint k = 0; k < order->n_entries; k++) {
    g_string_append(out, k == 0 ? ": " : ", ");
    if (k > 0 && k == order->n_first)
      g_string_append_printf(out, "… %u more …, ", order->n - order->n_entries);
    append_entry(analysis, &order->entries[k], out);
  }
}

void
vn_orders_add_places(const VnAnalysis *analysis, const VnPrintedOrder *order, VnDiag *diag)
{
  guint first = order->n_entries > VN_WITNESS_MAX_PLACES
                    ? order->n_entries - VN_WITNESS_MAX_PLACES
                    : 0;
  for (guint k = first; k < order->n_entries; k++) {
    VnSpan span = analysis->model->tasks[order->entries[k].task].span;
    guint32 number = k < order->n_first ? k + 1 : order->n - order->n_entries + k + 1;
    g_autoptr(GString) text = g_string_new(NULL);
    append_entry(analysis, &order->entries[k], text);
    if (span.start != diag->span.start)
      vn_diag_place(diag, span, "%u: %s", number, text->str);
  }
}
