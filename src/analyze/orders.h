/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The orders of findings, as far as they are printed: made for many findings in one sweep over the
 * workflow, so that a thousand findings with long orders cost little more than one. Inside
 * analyze. */
#pragma once

#include "analyze/pass.h"

#define VN_ORDERS_AT_ONCE 64 /* bits of a word */

typedef struct {
  guint32 task;
  guint32 end; /* the node, if it stands for one end of the finding; VN_NO_ID */
  VnFate fate;
} VnOrderEntry;

/* All of an order of n tasks, or the first few and the last ones. */
typedef struct {
  VnOrderEntry entries[VN_WITNESS_MAX_NAMES];
  guint n_entries;
  guint n_first; /* what is left out stands behind so many; 0: nothing is */
  guint32 n;
} VnPrintedOrder;

void vn_orders_make(const VnAnalysis *analysis, const VnFinding *const *findings, guint n,
                    VnPrintedOrder *out);
/* ": boot, down, echo" */
void vn_orders_append(const VnAnalysis *analysis, const VnPrintedOrder *order, GString *out);
/* The places of the tasks, but for the diagnostic's own; of a long order the last ones. */
void vn_orders_add_places(const VnAnalysis *analysis, const VnPrintedOrder *order, VnDiag *diag);
