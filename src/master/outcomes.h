/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The results of one trial in memory: what `when`, arguments, expectations and measures read.
 *
 * By node, in one flat table. Streams and an action's own fields are copied only for tasks of
 * which some expression reads them: that is decided from the model when the table is made. The
 * store (src/store) keeps everything; this is no replacement for it.
 */
#pragma once

#include "master/scheduler.h"

/* Bytes of one stream that an expression can read; the rest is in the results folder. */
#define VN_OUTCOME_TEXT_MAX (1u << 20)
/* Bytes of all streams and fields that one trial keeps in memory. */
#define VN_OUTCOMES_BYTES_MAX (512u << 20)

typedef struct VnOutcomes VnOutcomes;

VnOutcomes *vn_outcomes_new(const VnGraph *graph);
void vn_outcomes_free(VnOutcomes *outcomes);

/* A TASK node is serving or has ended for good. outcome NULL: it never ran. */
void vn_outcomes_record(VnOutcomes *outcomes, guint32 node, VnNodeState state,
                        const VnOutcome *outcome);
/* Results as the language sees them. `.ok` is always there once a task has ended, and says FALSE
 * of one that was skipped or cancelled; its other fields are missing. */
const VnExprScope *vn_outcomes_scope(VnOutcomes *outcomes);
