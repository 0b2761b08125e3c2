/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Prepares what the passes share, runs them, reports what they found. */
#include "analyze/analyze.h"

#include "analyze/pass.h"

#define LEAST_PREPARED       256        /* pairs that are worth a sweep */
#define MOST_PREPARED        (1u << 22) /* pairs; the rest is searched for when it is asked */
#define MOST_PREPARED_STEPS  256        /* of one VM */

static const struct {
  const char *what;
  void (*run)(VnAnalysis *analysis);
} passes[] = {
#define VN_PASS(name, what) {what, vn_pass_##name},
#include "analyze/pass.def"
#undef VN_PASS
    {NULL, NULL},
};

/* What is looked at of each task again by rank, that is to and fro in memory. */
typedef struct {
  guint32 first; /* its first TASK node */
  guint32 n, vm; /* its machines: how many, and the first */
  guint8 control;
  guint8 reads; /* it has a condition, or an argument to be computed */
} Brief;

static gboolean
is_reader(const VnTask *task)
{
  gboolean computed = task->when != NULL;
  for (guint32 k = 0; k < task->n_args && !computed; k++)
    computed = task->args[k] != NULL && task->args[k]->kind != VN_EXPR_CONST;
  return computed;
}

/* Counts the steps of each VM besides. */
static Brief *
read_tasks(VnAnalysis *analysis, guint32 *row)
{
  const VnModel *model = analysis->model;
  Brief *briefs = g_new(Brief, (gsize)model->n_tasks + 1);
  for (guint32 t = 0; t < model->n_tasks; t++) {
    const VnTask *task = &model->tasks[t];
    briefs[t] = (Brief){analysis->graph->task_first[t], task->n_targets,
                        task->n_targets > 0 ? task->targets[0] : VN_NO_ID, task->control,
                        is_reader(task)};
    for (guint32 k = 0; k < task->n_targets; k++)
      row[task->targets[k] + 1]++;
    analysis->n_readers += briefs[t].reads;
  }
  return briefs;
}

/* TASK nodes by VM: counted, then filled by rank. */
static void
sort_steps(VnAnalysis *analysis)
{
  const VnModel *model = analysis->model;
  guint32 n_vms = model->topology.n_vms, n_readers = 0;
  guint32 *row = vn_arena_array0(analysis->arena, guint32, (gsize)n_vms + 1);
  g_autofree Brief *briefs = read_tasks(analysis, row);
  for (guint32 v = 0; v < n_vms; v++)
    row[v + 1] += row[v];
  analysis->vm_row = row;
  analysis->vm_steps = vn_arena_array0(analysis->arena, guint32, row[n_vms]);
  analysis->vm_controls = vn_arena_array0(analysis->arena, guint8, row[n_vms]);
  analysis->readers = vn_arena_array0(analysis->arena, guint32, analysis->n_readers);
  g_autofree guint32 *next = g_memdup2(row, ((gsize)n_vms + 1) * sizeof(guint32));
  for (guint32 k = 0; k < model->n_tasks; k++) {
    guint32 t = vn_order_tasks(analysis->order)[k];
    const Brief *brief = &briefs[t];
    if (brief->reads)
      analysis->readers[n_readers++] = t;
    for (guint32 m = 0; m < brief->n; m++) {
      guint32 place = next[m == 0 ? brief->vm : model->tasks[t].targets[m]]++;
      analysis->vm_steps[place] = brief->first + m;
      analysis->vm_controls[place] = brief->control;
    }
  }
}

/* What one declaration made stands at one place. */
static guint32
first_at(GHashTable *seen, VnSpan span, guint32 self)
{
  if (span.start == 0)
    return self;
  gpointer found = NULL;
  if (g_hash_table_lookup_extended(seen, GUINT_TO_POINTER(span.start), NULL, &found))
    return GPOINTER_TO_UINT(found);
  g_hash_table_insert(seen, GUINT_TO_POINTER(span.start), GUINT_TO_POINTER(self));
  return self;
}

static void
find_families(VnAnalysis *analysis)
{
  const VnModel *model = analysis->model;
  g_autoptr(GHashTable) tasks = g_hash_table_new(NULL, NULL);
  g_autoptr(GHashTable) vms = g_hash_table_new(NULL, NULL);
  analysis->task_family = vn_arena_array0(analysis->arena, guint32, model->n_tasks);
  analysis->vm_family = vn_arena_array0(analysis->arena, guint32, model->topology.n_vms);
  for (guint32 t = 0; t < model->n_tasks; t++)
    analysis->task_family[t] = first_at(tasks, model->tasks[t].span, t);
  for (guint32 v = 0; v < model->topology.n_vms; v++)
    analysis->vm_family[v] = first_at(vms, model->topology.vms[v].span, v);
}

/* What changes a VM is asked about against all steps on it. Of VMs with very many pairs few are:
 * where steps follow each other they are sorted into chains. */
static void
add_pairs(const VnAnalysis *analysis, guint32 vm, GArray *pairs)
{
  guint32 first = analysis->vm_row[vm], last = analysis->vm_row[vm + 1];
  if (last - first > MOST_PREPARED_STEPS)
    return;
  for (guint32 i = first; i < last; i++) {
    guint8 control = analysis->vm_controls[i];
    gboolean changes = control != VN_CONTROL_NONE && control != VN_CONTROL_PUSH &&
                       control != VN_CONTROL_PULL;
    for (guint32 k = first; changes && k < last; k++) {
      VnOrderPair pair = {analysis->graph->nodes[analysis->vm_steps[i]].task,
                          analysis->graph->nodes[analysis->vm_steps[k]].task};
      if (vn_order_is_open(analysis->order, pair))
        g_array_append_val(pairs, pair);
    }
  }
}

static int
compare_pairs(gconstpointer a, gconstpointer b)
{
  const VnOrderPair *x = a, *y = b;
  return x->one < y->one ? -1 : x->one > y->one;
}

/* Answers ahead, together, what the labels leave open. */
static void
prepare_order(VnAnalysis *analysis)
{
  g_autoptr(GArray) pairs = g_array_new(FALSE, FALSE, sizeof(VnOrderPair));
  for (guint32 v = 0; v < analysis->model->topology.n_vms && pairs->len < MOST_PREPARED; v++)
    add_pairs(analysis, v, pairs);
  if (pairs->len < LEAST_PREPARED)
    return;
  g_array_sort(pairs, compare_pairs);
  vn_order_prepare(analysis->order, analysis->model, (const VnOrderPair *)(gpointer)pairs->data,
                   pairs->len);
}

gboolean
vn_analysis_is_over(const VnAnalysis *analysis)
{
  return *vn_order_work(analysis->order) > analysis->max_work;
}

static guint64
usual_work(const VnGraph *graph)
{
  guint64 size = (guint64)graph->n_nodes + graph->n_edges;
  return MAX(size * VN_ANALYZE_WORK_EACH, VN_ANALYZE_WORK_LEAST);
}

void
vn_analyze(const VnGraph *graph, const VnAnalyzeOptions *options, VnDiagSink *sink)
{
  g_autoptr(VnArena) arena = vn_arena_new();
  g_autoptr(VnOrder) order = vn_order_new(graph);
  g_autoptr(VnRuns) runs = vn_runs_new(graph, order);
  g_autoptr(VnFindings) findings = vn_findings_new();
  VnAnalysis analysis = {
      .graph = graph,
      .model = graph->model,
      .order = order,
      .runs = runs,
      .arena = arena,
      .findings = findings,
      .options = options,
      .sink = sink,
      .max_work = options != NULL && options->max_work > 0 ? options->max_work : usual_work(graph),
  };
  sort_steps(&analysis);
  find_families(&analysis);
  prepare_order(&analysis);
  for (guint k = 0; passes[k].run != NULL; k++)
    passes[k].run(&analysis);
  vn_findings_report(&analysis);
}
