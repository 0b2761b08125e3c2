/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The workflow analysis alone, on models made by hand.
 *
 *   bench/analysis SHAPE TASKS [RUNS]
 *
 * A machine for ten tasks; its first task powers it on, its last one off. One line of JSON:
 * processor time of the analysis (the median), how many steps it found something wrong with, and
 * the most memory that the process had. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "analyze/analyze.h"
#include "tests/kit.h"

#define TASKS_EACH 10 /* on one machine */
#define MAX_RUNS   99

typedef struct {
  const char *name;
  void (*make)(Kit *kit, guint32 n);
} Shape;

static guint32
n_vms(guint32 n)
{
  return MAX(n / TASKS_EACH, 1);
}

/* One after the other, round the machines. */
static void
make_chain(Kit *kit, guint32 n)
{
  for (guint32 k = 0; k < n; k++)
    kit_simple(kit, "t", k % n_vms(n), k > 0 ? k - 1 : VN_NO_ID);
}

/* All after one group, and one group after all. */
static void
make_fan(Kit *kit, guint32 n)
{
  g_autofree guint32 *all = g_new(guint32, MAX(n, n_vms(n)));
  for (guint32 v = 0; v < n_vms(n); v++)
    all[v] = v;
  kit_task(kit, "boot", all, n_vms(n), NULL, 0);
  for (guint32 k = 1; k + 1 < n; k++)
    kit_simple(kit, "t", k % n_vms(n), 0);
  g_autofree guint32 *before = g_new(guint32, n);
  for (guint32 k = 1; k + 1 < n; k++)
    before[k - 1] = k;
  kit_task(kit, "down", all, n_vms(n), before, n - 2);
}

/* A square, each after its left and its upper neighbour; a machine has ten in a row. */
static void
make_square(Kit *kit, guint32 n, gboolean scattered)
{
  guint32 side = TASKS_EACH;
  while ((side + TASKS_EACH) * (side + TASKS_EACH) <= n)
    side += TASKS_EACH;
  for (guint32 k = 0; k < side * side; k++) {
    guint32 after[2], n_after = 0;
    if (k % side > 0)
      after[n_after++] = k - 1;
    if (k >= side)
      after[n_after++] = k - side;
    guint32 vm = scattered ? k % n_vms(side * side) : k / TASKS_EACH;
    kit_task(kit, "t", &vm, 1, after, n_after);
  }
}

static void
make_grid(Kit *kit, guint32 n)
{
  make_square(kit, n, FALSE);
}

/* The same, a machine's tasks far from each other and often without order: findings. */
static void
make_scattered(Kit *kit, guint32 n)
{
  make_square(kit, n, TRUE);
}

/* Each after three of those in a window before it. */
static void
make_window(Kit *kit, guint32 n, guint32 window)
{
  g_autoptr(GRand) rand = g_rand_new_with_seed(1);
  for (guint32 k = 0; k < n; k++) {
    guint32 after[3], n_after = 0, vm = k % n_vms(n);
    for (guint32 j = 0; k > 0 && j < 3; j++) {
      guint32 one = k - 1 - (guint32)g_rand_int_range(rand, 0, (gint32)MIN(k, window));
      gboolean again = FALSE;
      for (guint32 i = 0; i < n_after; i++)
        again |= after[i] == one;
      if (!again)
        after[n_after++] = one;
    }
    kit_task(kit, "t", &vm, 1, after, n_after);
  }
}

/* Ordered enough that most machines are well. */
static void
make_random(Kit *kit, guint32 n)
{
  make_window(kit, n, 1000);
}

/* Any three of those before: most pairs have no order, nearly every task is a finding. */
static void
make_wild(Kit *kit, guint32 n)
{
  make_window(kit, n, G_MAXINT32);
}

/* Each after the one before it on its machine, and two others at random: nothing goes wrong, and
 * labels decide little. */
static void
make_mixed(Kit *kit, guint32 n)
{
  g_autoptr(GRand) rand = g_rand_new_with_seed(1);
  for (guint32 k = 0; k < n; k++) {
    guint32 after[3], n_after = 0, vm = k % n_vms(n);
    if (k >= n_vms(n))
      after[n_after++] = k - n_vms(n);
    for (guint32 j = 0; k > 0 && j < 2; j++) {
      guint32 one = (guint32)g_rand_int_range(rand, 0, (gint32)k);
      if (n_after == 0 || (one != after[0] && one != after[n_after - 1]))
        after[n_after++] = one;
    }
    kit_task(kit, "t", &vm, 1, after, n_after);
  }
}

static const Shape shapes[] = {
    {"chain", make_chain},         {"fan", make_fan},       {"grid", make_grid},
    {"scattered", make_scattered}, {"random", make_random}, {"wild", make_wild},
    {"mixed", make_mixed},
};

/* One for any system. */
static VnActionVariant variant = {.form = VN_COMMAND_NATIVE, .text = "facts"};

/* The first task of a machine powers it on, the last one off. */
static void
set_power(Kit *kit)
{
  guint32 n = kit->model.topology.n_vms;
  g_autofree guint32 *last = g_new(guint32, n);
  memset(last, 0xff, n * sizeof(guint32));
  for (guint32 t = 0; t < kit->model.n_tasks; t++) {
    VnTask *task = kit_at(kit, t);
    for (guint32 k = 0; k < task->n_targets; k++) {
      if (last[task->targets[k]] == VN_NO_ID)
        task->control = VN_CONTROL_POWER_ON;
      last[task->targets[k]] = t;
    }
  }
  for (guint32 v = 0; v < n; v++)
    if (last[v] != VN_NO_ID && kit_at(kit, last[v])->control == VN_CONTROL_NONE)
      kit_at(kit, last[v])->control = VN_CONTROL_POWER_OFF;
}

static double
cpu_now(void)
{
  struct timespec t;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static int
compare(const void *a, const void *b)
{
  double x = *(const double *)a, y = *(const double *)b;
  return x < y ? -1 : x > y;
}

static int
measure(const Shape *shape, guint32 n, guint runs)
{
  double times[MAX_RUNS];
  guint errors = 0;
  g_autoptr(Kit) kit = kit_new(n_vms(n) + 1);
  shape->make(kit, n);
  kit->model.actions[0].variants = &variant;
  kit->model.actions[0].n_variants = 1;
  set_power(kit);
  g_autoptr(VnArena) arena = vn_arena_new();
  g_autoptr(VnDiagSink) first = vn_diag_sink_new();
  const VnGraph *graph = vn_graph_build(&kit->model, arena, first);
  g_assert(graph != NULL);
  for (guint k = 0; k < runs; k++) {
    g_autoptr(VnDiagSink) sink = vn_diag_sink_new();
    double begin = cpu_now();
    vn_analyze(graph, NULL, sink);
    times[k] = cpu_now() - begin;
    errors = vn_diag_sink_count(sink, VN_SEVERITY_ERROR) +
             vn_diag_sink_count(sink, VN_SEVERITY_WARNING);
  }
  qsort(times, runs, sizeof(double), compare);
  struct rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  printf("{\"shape\": \"%s\", \"tasks\": %u, \"seconds\": %.6f, \"findings\": %u, "
         "\"memory_mib\": %ld}\n",
         shape->name, kit->model.n_tasks, times[runs / 2], errors, usage.ru_maxrss / 1024);
  return 0;
}

int
main(int argc, char **argv)
{
  guint32 n = argc > 2 ? (guint32)strtoul(argv[2], NULL, 10) : 0;
  guint runs = argc > 3 ? (guint)strtoul(argv[3], NULL, 10) : 3;
  for (guint k = 0; n >= 100 && runs > 0 && runs <= MAX_RUNS && k < G_N_ELEMENTS(shapes); k++)
    if (strcmp(argv[1], shapes[k].name) == 0)
      return measure(&shapes[k], n, runs);
  fprintf(stderr, "usage: analysis chain|fan|grid|scattered|random|wild|mixed TASKS [RUNS]\n");
  return 2;
}
