/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Findings: kept, merged by their cause, and printed with the shortest order that shows them.
 *
 * The order of a finding is all that must have ended before its ends, and then the ends. Its length
 * counts TASK nodes. A pass makes one finding for each code and step (the shortest it has);
 * findings of one code with one cause become one diagnostic: the shortest, of equals the first by
 * step, with the number of steps that it is true of.
 */
#pragma once

#include "analyze/run.h"
#include "base/diag.h"

#define VN_FINDING_MAX_ENDS 8
#define VN_FINDING_MAX_FATES 4
#define VN_WITNESS_MAX_NAMES 12 /* of tasks printed in an order */
#define VN_WITNESS_MAX_PLACES 8 /* second places of a diagnostic that an order gives */
#define VN_FINDING_MAX_ALSO 3 /* other tasks that a diagnostic names */

typedef struct VnAnalysis VnAnalysis;
typedef struct VnFinding VnFinding;

typedef struct {
  guint32 node;
  guint8 fate; /* VnFate */
} VnFatedStep;

/* Appends a fate, and that of what drops the step, where there is room. */
void vn_fates_add(const VnRuns *runs, VnFatedStep fates[VN_FINDING_MAX_FATES], guint8 *n,
                  guint32 node, VnFate fate);

struct VnFinding {
  VnDiagCode code;
  guint32 step;   /* the TASK node that goes wrong; VN_NO_ID: none, `span` says where */
  guint32 other;  /* the TASK node that makes it go wrong; VN_NO_ID: none */
  guint64 cause;  /* what merges findings: vn_cause, or a number of the pass's own */
  guint32 length; /* of the order; 0: vn_find counts it when it matters */
  guint32 ends[VN_FINDING_MAX_ENDS]; /* TASK nodes, in the order in which they happen */
  guint8 n_ends;
  guint8 n_whole; /* so many of them, the first, stand for all members of their tasks */
  guint8 n_fates; /* what else must happen so: printed in the order */
  VnFatedStep fates[VN_FINDING_MAX_FATES];
  gboolean undecided; /* the pass's bound was passed: a note that says so */
  VnSpan span;        /* NONE: the task of `step` */
  gpointer data;      /* the pass's own, alive as long as the analysis (its arena) */
  /* Appends the message, without the order: "power_off of h (line 12) may run before ping (line
   * 9)". Called for what is printed only. */
  void (*describe)(const VnAnalysis *analysis, const VnFinding *finding, GString *out);
  const char *hint;   /* NULL: none */
};

typedef struct VnFindings VnFindings;

VnFindings *vn_findings_new(void);
void vn_findings_free(VnFindings *findings);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VnFindings, vn_findings_free)

/* Takes a copy. */
void vn_find(VnAnalysis *analysis, const VnFinding *finding);
/* Was the code found for the step, by a pass before? */
gboolean vn_found(const VnAnalysis *analysis, VnDiagCode code, guint32 step);
/* All that was found, as diagnostics. */
void vn_findings_report(VnAnalysis *analysis);

/* Nodes in the order of a finding with these ends: they, and all TASK nodes before any. Counting
 * stops past limit, with a number that is larger; and past so many visits in all (for each edge of
 * the graph, and for a graph of any size) nothing is counted, and the number is the largest. */
#define VN_WITNESS_WORK_EACH  16
#define VN_WITNESS_WORK_LEAST 10000000
guint32 vn_witness_length(VnAnalysis *analysis, const guint32 *ends, guint n_ends, guint32 limit);
/* Has that bound been passed? Then it makes no sense to compare further. */
gboolean vn_witness_is_spent(const VnAnalysis *analysis);
/* An order of the step and another that it has no order with is at least as long. */
guint32 vn_witness_least(VnAnalysis *analysis, guint32 step);

/* What an array declares together is one cause. Either may be VN_NO_ID. */
guint64 vn_cause(const VnAnalysis *analysis, guint32 task, guint32 vm);

/* "ping", "power_off": what the step's task calls. */
const char *vn_step_call(const VnAnalysis *analysis, guint32 step);
/* "power_off of h (line 12)" */
void vn_step_append(const VnAnalysis *analysis, guint32 step, GString *out);
/* "power_off (line 12)" */
void vn_step_append_short(const VnAnalysis *analysis, guint32 step, GString *out);
