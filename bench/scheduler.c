/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Nodes a second of the scheduler alone, on simulated machines that take no time.
 *
 *   bench/scheduler [NODES [RUNS]]
 *   bench/scheduler FILE.vnl
 *
 * One line of JSON a shape: lowering and the run from start to TEARDOWN, each the median. With a
 * script: that is compiled, lowered and run once, and a line says what each took. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/diag-text.h"
#include "master/simulate.h"
#include "sema/compile.h"
#include "tech/tech.h"
#include "tests/kit.h"
#include "topology/complete.h"

#define N_VMS    1000
#define MAX_RUNS 99

typedef struct {
  const char *name;
  void (*make)(Kit *kit, guint32 n);
} Shape;

static guint32
vm_of(guint32 k)
{
  return k % N_VMS;
}

static void
make_chain(Kit *kit, guint32 n)
{
  for (guint32 k = 0; k < n; k++)
    kit_simple(kit, "t", vm_of(k), k > 0 ? k - 1 : VN_NO_ID);
}

static void
make_fan(Kit *kit, guint32 n)
{
  for (guint32 k = 0; k < n; k++)
    kit_simple(kit, "t", vm_of(k), VN_NO_ID);
}

/* Layers of groups over all machines, each after the two before it. */
static void
make_groups(Kit *kit, guint32 n)
{
  guint32 all[N_VMS];
  for (guint32 k = 0; k < N_VMS; k++)
    all[k] = k;
  for (guint32 t = 0; t < n / N_VMS; t++) {
    guint32 after[2] = {t - 1, t - 2};
    kit_task(kit, "g", all, N_VMS, after, MIN(t, 2));
  }
}

/* Layers of 100, each task after three of the layer before. */
static void
make_layers(Kit *kit, guint32 n)
{
  for (guint32 k = 0; k < n; k++) {
    guint32 row = k / 100 * 100, column = k % 100;
    guint32 after[3];
    for (guint32 j = 0; row > 0 && j < 3; j++)
      after[j] = row - 100 + (column + j * 31) % 100;
    kit_task(kit, "t", (guint32[]){vm_of(k)}, 1, after, row > 0 ? 3 : 0);
  }
}

/* A square: each after its left and its upper neighbour. */
static void
make_grid(Kit *kit, guint32 n)
{
  guint32 side = 1;
  while ((side + 1) * (side + 1) <= n)
    side++;
  for (guint32 k = 0; k < side * side; k++) {
    guint32 after[2], n_after = 0;
    if (k % side > 0)
      after[n_after++] = k - 1;
    if (k >= side)
      after[n_after++] = k - side;
    kit_task(kit, "t", (guint32[]){vm_of(k)}, 1, after, n_after);
  }
}

static const Shape shapes[] = {
    {"chain", make_chain},   {"fan", make_fan},   {"groups", make_groups},
    {"layers", make_layers}, {"grid", make_grid},
};

/* CPU seconds of this process. */
static double
cpu_now(void)
{
  struct timespec t;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static double
run_once(const VnGraph *graph)
{
  double begin = cpu_now();
  g_autoptr(GError) error = NULL;
  g_autoptr(VnSimulator) simulator = vn_simulator_new(graph, 1, &error);
  g_assert_no_error(error);
  g_autoptr(VnScheduler) scheduler =
      vn_scheduler_new(graph, vn_simulator_executor(simulator), NULL, NULL, NULL);
  vn_simulator_attach(simulator, scheduler);
  vn_scheduler_start(scheduler);
  while (vn_simulator_step(simulator))
    ;
  g_assert(vn_scheduler_status(scheduler) == VN_RUN_COMPLETED);
  return cpu_now() - begin;
}

static int
compare(const void *a, const void *b)
{
  double x = *(const double *)a, y = *(const double *)b;
  return x < y ? -1 : x > y;
}

static void
measure(const Shape *shape, guint32 n, guint runs)
{
  double lower[MAX_RUNS], schedule[MAX_RUNS];
  guint32 n_nodes = 0;
  g_autoptr(Kit) kit = kit_new(N_VMS);
  kit->model.topology.segments[0].tech = VN_TECH_SIM;
  shape->make(kit, n);
  for (guint k = 0; k < runs; k++) {
    g_autoptr(VnArena) arena = vn_arena_new();
    g_autoptr(VnDiagSink) sink = vn_diag_sink_new();
    double begin = cpu_now();
    VnGraph *graph = vn_graph_build(&kit->model, arena, sink);
    g_assert(graph != NULL);
    lower[k] = cpu_now() - begin;
    schedule[k] = run_once(graph);
    n_nodes = graph->n_nodes;
  }
  qsort(lower, runs, sizeof(double), compare);
  qsort(schedule, runs, sizeof(double), compare);
  printf("{\"shape\": \"%s\", \"nodes\": %u, \"lower_s\": %.6f, \"schedule_s\": %.6f, "
         "\"nodes_per_s\": %.0f}\n",
         shape->name, n_nodes, lower[runs / 2], schedule[runs / 2], n_nodes / schedule[runs / 2]);
}

static const VnGraph *
compile(VnCompiler *compiler, const char *path, VnArena *arena, VnDiagSink *sink)
{
  VnModel *model = vn_compiler_load(compiler, path) ? vn_compiler_model(compiler, NULL, 0) : NULL;
  if (model == NULL || !vn_topology_complete(model, sink))
    return NULL;
  return vn_graph_build(model, arena, sink);
}

static int
measure_script(const char *path)
{
  g_autoptr(VnSourceSet) sources = vn_source_set_new();
  g_autoptr(VnDiagSink) sink = vn_diag_sink_new();
  g_autoptr(VnArena) arena = vn_arena_new();
  g_autoptr(VnCompiler) compiler = vn_compiler_new(sources, sink, &(VnCompileOptions){0});
  double begin = cpu_now();
  const VnGraph *graph = compile(compiler, path, arena, sink);
  if (graph == NULL) {
    g_autoptr(GString) text = g_string_new(NULL);
    vn_diag_render_all_text(sink, sources, FALSE, text);
    fputs(text->str, stderr);
    return 1;
  }
  double compiled = cpu_now() - begin;
  double schedule = run_once(graph);
  printf("{\"script\": \"%s\", \"nodes\": %u, \"compile_s\": %.6f, \"schedule_s\": %.6f}\n", path,
         graph->n_nodes, compiled, schedule);
  return 0;
}

int
main(int argc, char **argv)
{
  if (argc == 2 && g_str_has_suffix(argv[1], ".vnl"))
    return measure_script(argv[1]);
  guint32 n = argc > 1 ? (guint32)strtoul(argv[1], NULL, 10) : 1000000;
  guint runs = argc > 2 ? (guint)strtoul(argv[2], NULL, 10) : 5;
  runs = CLAMP(runs, 1, MAX_RUNS);
  for (gsize k = 0; k < G_N_ELEMENTS(shapes); k++)
    measure(&shapes[k], MAX(n, N_VMS), runs);
  return 0;
}
