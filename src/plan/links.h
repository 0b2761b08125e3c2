/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The order of the tasks, both ways, close together: a task and its `after` lie far apart in the
 * model, and who goes over the order more than once is faster here. */
#pragma once

#include "model/model.h"

/* Compressed rows: what task t comes after is before[before_row[t] … before_row[t + 1]), as in its
 * `after`; what comes after it, by number, is followers[row[t] … row[t + 1]). */
typedef struct {
  guint32 n_tasks;
  guint32 *before_row, *before;
  guint32 *row, *followers;
} VnPlanLinks;

/* Lives in the arena. O(tasks + order). */
VnPlanLinks vn_plan_links(const VnModel *model, VnArena *arena);
