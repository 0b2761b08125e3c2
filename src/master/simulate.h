/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The simulator: the executor of experiments whose machines are all of technology `sim`.
 *
 * Time is virtual: it jumps to the next thing that happens, so hours pass in milliseconds and the
 * same seed gives the same run to the nanosecond. It stands where the slaves' executor stands and
 * not behind a slave, because virtual time can't pass through a connection, and because a million
 * machines can't have a channel each. What machines do is in sim-world.h.
 *
 * Machines have a power state: a task on one that is off fails, and one that is switched off, put
 * back or lost takes its tasks with it.
 */
#pragma once

#include "master/scheduler.h"

/* Is the experiment to be simulated? One segment says it for all: a mixture is VN402
 * (vn_topology_check_deployable). */
gboolean vn_is_simulated(const VnModel *model);

typedef struct VnSimulator VnSimulator;

/* Fails where a script of an image can't be read. */
VnSimulator *vn_simulator_new(const VnGraph *graph, guint64 seed, GError **error);
void vn_simulator_free(VnSimulator *simulator);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VnSimulator, vn_simulator_free)

VnExecutor *vn_simulator_executor(VnSimulator *simulator);
/* Whom it answers; before the first step. */
void vn_simulator_attach(VnSimulator *simulator, VnScheduler *scheduler);
/* All that happens at the next time, and a turn of the scheduler. FALSE: nothing is left. To be
 * called after vn_scheduler_start, until then; in between the caller may interrupt. */
gboolean vn_simulator_step(VnSimulator *simulator);
