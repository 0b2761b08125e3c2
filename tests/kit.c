/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/kit.h"

static VnAction the_action = {.name = "act"};

Kit *
kit_new(guint32 n_vms)
{
  Kit *kit = g_new0(Kit, 1);
  VnArena *arena = kit->arena = vn_arena_new();
  VnModel *model = &kit->model;
  model->arena = arena;
  model->name = "by hand";
  model->trials = 1;
  model->sites = vn_arena_new0(arena, VnSite);
  model->sites[0].name = "local";
  model->n_sites = 1;
  model->actions = &the_action;
  model->n_actions = 1;
  VnTopology *topology = &model->topology;
  topology->segments = vn_arena_new0(arena, VnSegment);
  topology->segments[0].name = "lan";
  topology->n_segments = 1;
  topology->vms = vn_arena_array0(arena, VnVm, n_vms);
  topology->ifaces = vn_arena_array0(arena, VnIface, n_vms);
  topology->n_vms = topology->n_ifaces = n_vms;
  for (guint32 v = 0; v < n_vms; v++) {
    topology->vms[v] = (VnVm){.name = vn_arena_printf(arena, "h[%u]", v),
                              .image = VN_NO_ID,
                              .split_of = VN_NO_ID,
                              .first_iface = v,
                              .n_ifaces = 1};
    topology->ifaces[v].vm = v;
  }
  kit->tasks = g_array_new(FALSE, TRUE, sizeof(VnTask));
  return kit;
}

void
kit_free(Kit *kit)
{
  if (kit == NULL)
    return;
  vn_arena_free(kit->arena);
  g_array_unref(kit->tasks);
  g_free(kit);
}

guint32
kit_task(Kit *kit, const char *name, const guint32 *targets, guint32 n_targets,
         const guint32 *after, guint32 n_after)
{
  VnTask task = {
      .name = name,
      .targets = vn_arena_memdup(kit->arena, targets, n_targets * sizeof(guint32)),
      .n_targets = n_targets,
      .group = n_targets > 1,
      .control = VN_CONTROL_NONE,
      .after = vn_arena_memdup(kit->arena, after, n_after * sizeof(guint32)),
      .n_after = n_after,
  };
  g_array_append_val(kit->tasks, task);
  kit->model.tasks = (VnTask *)(gpointer)kit->tasks->data;
  kit->model.n_tasks = kit->tasks->len;
  return kit->tasks->len - 1;
}

guint32
kit_simple(Kit *kit, const char *name, guint32 vm, guint32 after)
{
  return kit_task(kit, name, &vm, 1, &after, after != VN_NO_ID);
}

static guint32
add_engine_task(Kit *kit, const char *name, VnControl control, VnValue argument, guint32 after)
{
  guint32 t = kit_task(kit, name, NULL, 0, &after, after != VN_NO_ID);
  const VnExpr **args = vn_arena_array0(kit->arena, const VnExpr *, 1);
  args[0] = kit_const(kit, argument);
  kit_at(kit, t)->control = control;
  kit_at(kit, t)->args = args;
  kit_at(kit, t)->n_args = 1;
  return t;
}

guint32
kit_wait(Kit *kit, const char *name, gint64 time_ns, guint32 after)
{
  return add_engine_task(kit, name, VN_CONTROL_WAIT,
                         (VnValue){.kind = VN_VALUE_DURATION, .i = time_ns}, after);
}

guint32
kit_stop(Kit *kit, const char *name, guint32 target, guint32 after)
{
  return add_engine_task(kit, name, VN_CONTROL_STOP, (VnValue){.kind = VN_VALUE_TASK, .id = target},
                         after);
}

const VnExpr *
kit_const(Kit *kit, VnValue value)
{
  VnExpr *expr = vn_arena_new0(kit->arena, VnExpr);
  *expr = (VnExpr){.kind = VN_EXPR_CONST, .type = value.kind, .value = value};
  return expr;
}

const VnExpr *
kit_field(Kit *kit, guint32 task, guint32 vm, guint32 field, VnValueKind type)
{
  VnExpr *expr = vn_arena_new0(kit->arena, VnExpr);
  *expr = (VnExpr){.kind = VN_EXPR_RESULT, .type = type, .index = field, .task = task, .vm = vm};
  return expr;
}
