/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is known of a task before the run: its action's expressions with its constant arguments. */
#pragma once

#include "model/model.h"

/* The value of an expression of the task's action (or of the task itself). FALSE: it needs a
 * result, an argument that does, or has no value. */
gboolean vn_task_value(const VnModel *model, const VnTask *task, const VnExpr *expr, VnArena *arena,
                       VnValue *out);
/* The task that a `stop` ends; FALSE: it is no stop. */
gboolean vn_task_stops(const VnTask *task, guint32 *out_task);
/* A condition that is known, and false. */
gboolean vn_task_never_runs(const VnTask *task);
