/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Models made by hand, for tests and benches of what comes after the compiler: one segment, n
 * hosts that are on, and the tasks that the test adds. */
#pragma once

#include "model/model.h"

typedef struct {
  VnArena *arena;
  VnModel model;
  GArray *tasks; /* of VnTask; the model's tasks point into it */
} Kit;

Kit *kit_new(guint32 n_vms);
void kit_free(Kit *kit);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Kit, kit_free)

/* A task of action 0 on targets (none: of the engine) after others; gives its number. */
guint32 kit_task(Kit *kit, const char *name, const guint32 *targets, guint32 n_targets,
                 const guint32 *after, guint32 n_after);
#define kit_at(kit, t) (&g_array_index((kit)->tasks, VnTask, (t)))
/* One that runs on one VM, after at most one other (VN_NO_ID: none). */
guint32 kit_simple(Kit *kit, const char *name, guint32 vm, guint32 after);
/* wait(time) and stop(task). */
guint32 kit_wait(Kit *kit, const char *name, gint64 time_ns, guint32 after);
guint32 kit_stop(Kit *kit, const char *name, guint32 target, guint32 after);
/* Field of a task: an expression for `when`. */
const VnExpr *kit_field(Kit *kit, guint32 task, guint32 vm, guint32 field, VnValueKind type);
const VnExpr *kit_const(Kit *kit, VnValue value);
