/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tasks in an order in which they can be read: by how many must end one after the other before.
 *
 * For people only: a task starts when what it comes after has ended, not when a wave has. */
#pragma once

#include "plan/links.h"

typedef struct {
  guint32 *wave;  /* by task, from 1 */
  guint32 *order; /* tasks by wave, then as in the script */
  guint32 n_waves;
} VnWaves;

/* The workflow must have no cycle (VN301). O(tasks + order). */
VnWaves vn_plan_waves(const VnModel *model, VnArena *arena);
/* The same, where the links are there already. */
VnWaves vn_plan_waves_of(const VnPlanLinks *links, VnArena *arena);
