/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which step comes before which.
 *
 * Nodes are TASK nodes of the graph (others are not asked about). The order is that of their tasks:
 * members of one task have none among each other. Answers are exact. Preparation is linear in
 * tasks and orders; an answer takes constant time where the labels decide it, else a search that
 * the labels prune: at worst all that lies between the two by rank.
 *
 * Labels: rank in a topological order and depth (a before b only if both are smaller); intervals of
 * several depth-first searches of the graph (Yildirim, Chaoji, Zaki: GRAIL, 2010) that
 * refute; the intervals of their spanning forests, and paths along which the script states orders,
 * that prove.
 */
#pragma once

#include "plan/graph.h"

typedef struct VnOrder VnOrder;

VnOrder *vn_order_new(const VnGraph *graph);
void vn_order_free(VnOrder *order);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VnOrder, vn_order_free)

/* Does a come before b? FALSE for a == b. */
gboolean vn_order_before(VnOrder *order, guint32 a, guint32 b);
/* Neither before the other, and not the same: they may overlap. */
gboolean vn_order_unordered(VnOrder *order, guint32 a, guint32 b);
/* The same for tasks. */
gboolean vn_order_task_before(VnOrder *order, guint32 task, guint32 other);
/* Does what is skipped at task a reach b: is there a way from a to b with no `always` task strictly
 * between? FALSE for a == b. */
gboolean vn_order_task_carries(VnOrder *order, guint32 a, guint32 b);

/* Questions that will be asked: does `one` come before `other`, or the other way round? */
typedef struct {
  guint32 one, other; /* tasks */
} VnOrderPair;

/* Is the pair still open when the labels have been looked at? */
gboolean vn_order_is_open(VnOrder *order, VnOrderPair pair);
/* Answers open pairs together; those with the same `one` must stand together. Worth it for
 * hundreds; costs a sweep over the order for each 512 different ones, and 64 bytes a task
 * meanwhile. */
void vn_order_prepare(VnOrder *order, const VnModel *model, const VnOrderPair *pairs, gsize n);
/* From now on that is the answer. */
void vn_order_remember(VnOrder *order, guint32 a, guint32 b, gboolean before);

/* The place of a task in a topological order: what comes before has a smaller one; of equals the
 * order of the script. */
guint32 vn_order_rank(const VnOrder *order, guint32 task);
/* Tasks by rank. */
const guint32 *vn_order_tasks(const VnOrder *order);
/* The tasks after a task, directly: row has n_tasks + 1 entries. Those before are task->after. */
const guint32 *vn_order_row(const VnOrder *order);
const guint32 *vn_order_followers(const VnOrder *order);

/* Visits of nodes and edges so far, to be held against a bound; others may add theirs. */
guint64 *vn_order_work(VnOrder *order);
