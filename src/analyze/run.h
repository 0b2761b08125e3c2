/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What runs there are: which steps may be without effect while another one runs.
 *
 * Free choices are conditions and failures; what follows from a failure is as the scheduler has it
 * (master/scheduler-node.c, doc/manual/anomalies.md). A wish names TASK nodes:
 *
 *   starts  one step that starts (VN_NO_ID: none)
 *   works   steps that have ended well by then, or do in the same run while it runs; `early`: by
 *           then
 *   lacks   steps that have had no effect by then: skipped, failed, cancelled or not come yet
 *
 * The answer is exact for any number of steps: whether one lacks an effect does not depend on
 * which others do, only on what must work. So a set is possible if each of its steps is.
 * What the wish does not decide is the order of effects among steps without order: any is possible.
 */
#pragma once

#include "analyze/order.h"

typedef struct VnRuns VnRuns;

typedef enum {
  VN_FATE_NONE,      /* it can't be */
  VN_FATE_LATER,     /* it has not come yet */
  VN_FATE_SKIPPED,   /* its `when` is false */
  VN_FATE_FAILED,
  VN_FATE_DROPPED,   /* skipped because something before it failed under `skip` */
  VN_FATE_CANCELLED, /* the run has stopped; only in printed orders */
  VN_FATE_DEAD,      /* it runs in no run */
} VnFate;

typedef struct {
  guint32 starts;
  const guint32 *works;
  guint32 n_works;
  gboolean early;
} VnRunWish;

VnRuns *vn_runs_new(const VnGraph *graph, VnOrder *order);
void vn_runs_free(VnRuns *runs);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VnRuns, vn_runs_free)

/* The task runs in no run. Its condition is constant, or a pass found out (before the others). */
void vn_runs_mark_dead(VnRuns *runs, guint32 task);
gboolean vn_runs_is_dead(const VnRuns *runs, guint32 task);

/* Is there a run with the wish at all? Also: two steps that are not dead may both run, and where
 * they have no order, overlap. */
gboolean vn_runs_possible(VnRuns *runs, const VnRunWish *wish);
/* How `lacks` may be without effect in a run with the wish, which must be possible; NONE: it
 * surely had its effect. Wishes are remembered: asking about many steps for one wish is cheap. */
VnFate vn_runs_lacks(VnRuns *runs, const VnRunWish *wish, guint32 lacks);
/* The same without its own failure: how it may never have ended, well or not. */
VnFate vn_runs_leaves_out(VnRuns *runs, const VnRunWish *wish, guint32 step);

/* After an answer DROPPED: the TASK node that must fail for that. */
guint32 vn_runs_dropper(const VnRuns *runs);

/* May the task fail in a run with the wish, with all its members ended, and so stop the run before
 * `step` has ended and cancel it? The member that fails; VN_NO_ID: no. */
guint32 vn_runs_stopper(VnRuns *runs, const VnRunWish *wish, guint32 step, guint32 task);

/* The tasks that must have ended well for a condition to be true: `T.ok and …`, for the step's
 * member. Calls need for each TASK node. */
gboolean vn_runs_has_needs(const VnRuns *runs, guint32 task);
typedef void (*VnRunNeed)(guint32 node, gpointer data);
void vn_runs_needs(const VnRuns *runs, guint32 step, VnRunNeed need, gpointer data);
