/* SPDX-License-Identifier: GPL-3.0-or-later */
/* See probes.h. A ping that should be answered is tried until it is: one packet that got lost by
 * bad luck (or by the loss that its segments have) is no disagreement. One that should not be
 * answered is asked twice, once. */
#include "plan/probes.h"

#include <math.h>
#include <string.h>

#define INTERVAL_NS   (G_GINT64_CONSTANT(200) * 1000 * 1000)
#define WAIT_NS       (G_GINT64_CONSTANT(1000) * 1000 * 1000)
#define RETRIES       4    /* of one that should be answered */
#define COUNT_MAX     300  /* packets of one ping, where segments lose some */
#define BAD_LUCK      1e-9 /* how probable it may be that all are lost */

typedef struct {
  const VnModel *model;
  const VnProbesOptions *options;
  VnArena *arena;
  VnPaths *paths;
  guint32 *ends[2], n_ends[2];   /* by family 4, 6: machines that have an address */
  guint32 *firsts[2], n_firsts[2]; /* the first of each segment */
  GHashTable *known;  /* keys of pairs that were chosen */
  GArray *probes;     /* of VnProbe */
  GArray *tasks;      /* of VnTask */
  guint64 lot;
} Maker;

/* ---- who may ask whom ---- */

static void
collect_ends(Maker *maker, guint which)
{
  const VnTopology *topology = &maker->model->topology;
  g_autofree gboolean *seen = g_new0(gboolean, topology->n_segments + 1);
  maker->ends[which] = g_new(guint32, topology->n_vms + 1);
  maker->firsts[which] = g_new(guint32, topology->n_vms + 1);
  for (guint32 vm = 0; vm < topology->n_vms; vm++) {
    const VnVm *it = &topology->vms[vm];
    if ((it->kind == VN_VM_ROUTER && !maker->options->routers) ||
        vn_path_address(topology, vm, which == 0 ? 4 : 6) == NULL)
      continue;
    guint32 segment = topology->ifaces[it->first_iface].segment;
    maker->ends[which][maker->n_ends[which]++] = vm;
    if (!seen[segment] || it->kind == VN_VM_ROUTER)
      maker->firsts[which][maker->n_firsts[which]++] = vm;
    seen[segment] = TRUE;
  }
}

static guint64
pairs_of(guint64 n)
{
  return n * (n - 1) * (n > 0);
}

/* ---- the action ---- */

static const VnExpr *
param_expr(Maker *maker, guint32 index, VnValueKind type)
{
  VnExpr *expr = vn_arena_new0(maker->arena, VnExpr);
  *expr = (VnExpr){.kind = VN_EXPR_PARAM, .type = (guint8)type, .index = index, .depth = 1,
                   .size = 1};
  return expr;
}

static const VnExpr *
const_expr(Maker *maker, VnValue value)
{
  VnExpr *expr = vn_arena_new0(maker->arena, VnExpr);
  *expr = (VnExpr){.kind = VN_EXPR_CONST, .type = (guint8)value.kind, .value = value, .depth = 1,
                   .size = 1};
  return expr;
}

static const VnExpr *
text_expr(Maker *maker, const char *text)
{
  return const_expr(maker, vn_value_string(maker->arena, text, -1));
}

static const VnExpr *
seconds_expr(Maker *maker, const VnExpr *duration)
{
  VnExpr *expr = vn_arena_new0(maker->arena, VnExpr);
  const VnExpr **operand = vn_arena_array0(maker->arena, const VnExpr *, 1);
  operand[0] = duration;
  *expr = (VnExpr){.kind = VN_EXPR_CONVERT, .type = VN_VALUE_FLOAT, .unit = VN_UNIT_S,
                   .operands = operand, .n_operands = 1, .depth = 2, .size = 2};
  return expr;
}

enum { PARAM_TARGET, PARAM_COUNT, PARAM_INTERVAL, PARAM_WAIT, N_PARAMS };

/* ping(target, count, interval, wait): the agent's own, else the system's command. */
static VnAction *
make_action(Maker *maker)
{
  static const VnActionParam params[N_PARAMS] = {{.name = "target", .type = VN_VALUE_ADDRESS},
                                                 {.name = "count", .type = VN_VALUE_INT},
                                                 {.name = "interval", .type = VN_VALUE_DURATION},
                                                 {.name = "wait", .type = VN_VALUE_DURATION}};
  static const VnActionField fields[] = {{.name = "received", .type = VN_VALUE_INT}};
  static const VnActionParse parses[] = {{"(?<received>\\d+) received", VN_UNIT_NONE}};
  static const char *const systems[] = {"linux"};
  const VnExpr **own = vn_arena_array0(maker->arena, const VnExpr *, N_PARAMS);
  for (guint32 i = 0; i < N_PARAMS; i++)
    own[i] = param_expr(maker, i, (VnValueKind)params[i].type);
  const VnExpr *command[] = {text_expr(maker, "ping"), text_expr(maker, "-n"),
                             text_expr(maker, "-c"), own[PARAM_COUNT],
                             text_expr(maker, "-i"), seconds_expr(maker, own[PARAM_INTERVAL]),
                             text_expr(maker, "-W"), seconds_expr(maker, own[PARAM_WAIT]),
                             own[PARAM_TARGET]};
  VnActionVariant *variants = vn_arena_array0(maker->arena, VnActionVariant, 2);
  variants[0] = (VnActionVariant){
      .form = VN_COMMAND_NATIVE, .text = "ping", .argv = own, .n_argv = N_PARAMS};
  variants[1] = (VnActionVariant){.form = VN_COMMAND_RUN,
                                  .systems = systems,
                                  .n_systems = 1,
                                  .argv = vn_arena_memdup(maker->arena, command, sizeof command),
                                  .n_argv = G_N_ELEMENTS(command),
                                  .parses = parses,
                                  .n_parses = 1};
  VnAction *action = vn_arena_new0(maker->arena, VnAction);
  *action = (VnAction){.name = "ping",
                       .params = params,
                       .n_params = N_PARAMS,
                       .fields = fields,
                       .n_fields = G_N_ELEMENTS(fields),
                       .variants = variants,
                       .n_variants = 2};
  return action;
}

/* ---- one probe ---- */

/* How long a packet may take on the way, and how probably it survives. */
static void
measure(const VnTopology *topology, const VnPath *path, gint64 *delay_ns, double *survives)
{
  for (guint i = 0; i < path->n_hops; i++) {
    if (path->hops[i].out == VN_NO_ID)
      continue;
    const VnImpairment *it =
        &topology->segments[topology->ifaces[path->hops[i].out].segment].impairment;
    *delay_ns += it->delay_ns + it->jitter_ns;
    *survives *= 1 - it->loss / 100;
  }
}

static gint64
packets_needed(double survives, gboolean answered)
{
  if (!answered)
    return 2;
  if (survives >= 1)
    return 1;
  return (gint64)CLAMP(ceil(log(BAD_LUCK) / log1p(-survives)), 1, COUNT_MAX);
}

static void
add_task(Maker *maker, const VnProbe *probe, gint64 delay_ns, double survives)
{
  char address[VN_ADDRESS_TEXT_MAX];
  const VnTopology *topology = &maker->model->topology;
  guint32 *target = vn_arena_memdup(maker->arena, &probe->from, sizeof probe->from);
  const VnExpr **args = vn_arena_array0(maker->arena, const VnExpr *, N_PARAMS);
  VnAddress *to = vn_arena_memdup(maker->arena, &probe->target, sizeof probe->target);
  gint64 count = packets_needed(survives, probe->answered);
  args[PARAM_TARGET] = const_expr(maker, (VnValue){.kind = VN_VALUE_ADDRESS, .address = to});
  args[PARAM_COUNT] = const_expr(maker, (VnValue){.kind = VN_VALUE_INT, .i = count});
  args[PARAM_INTERVAL] =
      const_expr(maker, (VnValue){.kind = VN_VALUE_DURATION, .i = INTERVAL_NS});
  args[PARAM_WAIT] =
      const_expr(maker, (VnValue){.kind = VN_VALUE_DURATION, .i = WAIT_NS + delay_ns});
  VnTask task = {.name = vn_arena_printf(maker->arena, "%s pings %s",
                                         topology->vms[probe->from].name,
                                         vn_address_format(&probe->target, address)),
                 .targets = target,
                 .n_targets = 1,
                 .control = VN_CONTROL_NONE,
                 .on_failure = VN_ON_FAILURE_IGNORE,
                 .args = args,
                 .n_args = N_PARAMS,
                 .retries = probe->answered ? RETRIES : 0,
                 .retry_every_ns = INTERVAL_NS};
  g_array_append_val(maker->tasks, task);
}

/* Predicts and adds a pair, unless it is known already or there are enough. */
static void
add_pair(Maker *maker, guint which, guint32 from, guint32 to)
{
  const VnTopology *topology = &maker->model->topology;
  guint64 key = (guint64)which << 62 | (guint64)from << 31 | to;
  VnPath there, back;
  if (from == to || maker->probes->len >= maker->options->most)
    return;
  if (!g_hash_table_add(maker->known, vn_arena_memdup(maker->arena, &key, sizeof key)))
    return;
  VnProbe probe = {.from = from, .to = to};
  probe.target = *vn_path_address(topology, to, which == 0 ? 4 : 6);
  probe.answered = vn_path_ask(maker->paths, from, &probe.target, &there, &back);
  if (!probe.answered) {
    g_autofree char *reason =
        vn_path_reason(topology, there.end == VN_PATH_ARRIVES ? &back : &there);
    probe.reason = vn_arena_strdup(maker->arena, reason);
  }
  gint64 delay_ns = 0;
  double survives = 1;
  measure(topology, &there, &delay_ns, &survives);
  measure(topology, &back, &delay_ns, &survives);
  g_array_append_val(maker->probes, probe);
  add_task(maker, &probe, delay_ns, survives);
}

/* ---- which ---- */

/* splitmix64 */
static guint32
draw(Maker *maker, guint32 below)
{
  guint64 x = maker->lot += G_GUINT64_CONSTANT(0x9e3779b97f4a7c15);
  x = (x ^ (x >> 30)) * G_GUINT64_CONSTANT(0xbf58476d1ce4e5b9);
  x = (x ^ (x >> 27)) * G_GUINT64_CONSTANT(0x94d049bb133111eb);
  return (guint32)((x ^ (x >> 31)) % below);
}

static void
add_all(Maker *maker, guint which)
{
  for (guint32 a = 0; a < maker->n_ends[which]; a++)
    for (guint32 b = 0; b < maker->n_ends[which]; b++)
      add_pair(maker, which, maker->ends[which][a], maker->ends[which][b]);
}

#define ASKED (VN_NO_ID - 1)

/* Two neighbours on one segment: the first and the next machine that stands there, too. */
static void
add_neighbours(Maker *maker, guint which)
{
  const VnTopology *topology = &maker->model->topology;
  g_autofree guint32 *first = g_new(guint32, topology->n_segments + 1);
  memset(first, 0xff, (topology->n_segments + 1) * sizeof *first); /* VN_NO_ID */
  for (guint32 k = 0; k < maker->n_ends[which]; k++) {
    guint32 vm = maker->ends[which][k];
    guint32 segment = topology->ifaces[topology->vms[vm].first_iface].segment;
    if (first[segment] != VN_NO_ID && first[segment] != ASKED)
      add_pair(maker, which, first[segment], vm);
    first[segment] = first[segment] == VN_NO_ID ? vm : ASKED;
  }
}

static void
add_by_segment(Maker *maker, guint which)
{
  guint32 n = maker->n_firsts[which];
  const guint32 *firsts = maker->firsts[which];
  if (pairs_of(n) <= maker->options->most / 2) {
    for (guint32 a = 0; a < n; a++)
      for (guint32 b = 0; b < n; b++)
        add_pair(maker, which, firsts[a], firsts[b]);
    add_neighbours(maker, which);
    return;
  }
  /* Too many segments, too: of these pairs as many as half of what is allowed. */
  for (guint32 k = 0; k < maker->options->most / 4; k++)
    add_pair(maker, which, firsts[draw(maker, n)], firsts[draw(maker, n)]);
}

static void
add_by_lot(Maker *maker)
{
  guint64 total = (guint64)maker->n_ends[0] + maker->n_ends[1];
  /* Pairs that are drawn again count as tries, so this ends. */
  for (guint64 k = 0; total > 0 && k < 4 * (guint64)maker->options->most; k++) {
    guint which = draw(maker, (guint32)total) >= maker->n_ends[0];
    guint32 n = maker->n_ends[which];
    guint32 a = draw(maker, n), b = draw(maker, n);
    add_pair(maker, which, maker->ends[which][a], maker->ends[which][b]);
  }
}

static void
choose(Maker *maker, VnProbes *probes)
{
  probes->n_pairs = pairs_of(maker->n_ends[0]) + pairs_of(maker->n_ends[1]);
  probes->all = probes->n_pairs <= maker->options->most;
  for (guint which = 0; which < 2; which++)
    if (probes->all)
      add_all(maker, which);
    else
      add_by_segment(maker, which);
  guint32 before = maker->probes->len;
  if (!probes->all)
    add_by_lot(maker);
  probes->n_lot = maker->probes->len - before;
}

/* ---- the model ---- */

/* The same network, nothing but pings to do: everything is on from the start, no file is copied,
 * nothing is captured. */
static VnModel *
make_model(Maker *maker)
{
  VnModel *model = vn_arena_memdup(maker->arena, maker->model, sizeof *model);
  VnTopology *topology = &model->topology;
  topology->vms =
      vn_arena_memdup(maker->arena, topology->vms, topology->n_vms * sizeof *topology->vms);
  topology->segments = vn_arena_memdup(maker->arena, topology->segments,
                                       topology->n_segments * sizeof *topology->segments);
  for (guint32 vm = 0; vm < topology->n_vms; vm++) {
    topology->vms[vm].initially = VN_INITIALLY_ON;
    topology->vms[vm].n_files = 0;
  }
  for (guint32 s = 0; s < topology->n_segments; s++)
    topology->segments[s].capture = FALSE;
  model->trials = 1;
  model->actions = make_action(maker);
  model->n_actions = 1;
  model->tasks =
      vn_arena_memdup(maker->arena, maker->tasks->data, maker->tasks->len * sizeof(VnTask));
  model->n_tasks = maker->tasks->len;
  model->n_expectations = model->n_measures = model->n_sweeps = 0;
  return model;
}

VnProbes *
vn_probes_make(const VnModel *model, const VnProbesOptions *options, VnArena *arena)
{
  Maker maker = {.model = model,
                 .options = options,
                 .arena = arena,
                 .paths = vn_paths_new(&model->topology),
                 .known = g_hash_table_new(g_int64_hash, g_int64_equal),
                 .probes = g_array_new(FALSE, FALSE, sizeof(VnProbe)),
                 .tasks = g_array_new(FALSE, FALSE, sizeof(VnTask)),
                 .lot = options->seed};
  VnProbes *probes = vn_arena_new0(arena, VnProbes);
  collect_ends(&maker, 0);
  collect_ends(&maker, 1);
  choose(&maker, probes);
  probes->model = make_model(&maker);
  probes->n_probes = maker.probes->len;
  probes->probes =
      vn_arena_memdup(arena, maker.probes->data, maker.probes->len * sizeof(VnProbe));
  for (guint which = 0; which < 2; which++) {
    g_free(maker.ends[which]);
    g_free(maker.firsts[which]);
  }
  g_hash_table_unref(maker.known);
  g_array_unref(maker.probes);
  g_array_unref(maker.tasks);
  vn_paths_free(maker.paths);
  return probes;
}
