/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Chains of direct orders, for certificates. Private to this folder.
 *
 * All tasks are divided into lines: sequences in which each comes directly after the one before. A
 * chain is written as names of tasks and pieces of lines, so its text is short however long it is.
 */
#pragma once

#include "analyze/run.h"
#include "base/diag.h"

typedef struct {
  const VnModel *model;
  VnOrder *order;
  guint32 *line, *place; /* by task */
  GPtrArray *lines;      /* of GArray of guint32: tasks */
} VnChainLines;

void vn_chain_lines_init(VnChainLines *lines, const VnModel *model, VnOrder *order);
void vn_chain_lines_clear(VnChainLines *lines);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(VnChainLines, vn_chain_lines_clear)
/* `"lines": [...]` */
void vn_chain_append_lines(const VnChainLines *lines, GString *out);
/* `["boot", {"line": 0, "from": 1, "to": 90}, "echo"]`: from a to b, which comes after it. carries:
 * no task between is `always`, as vn_order_task_carries says. */
void
vn_chain_append(const VnChainLines *lines, guint32 a, guint32 b, gboolean carries, GString *out);
/* A name as a JSON string. */
void vn_chain_append_name(const char *name, GString *out);

/* ---- what the kinds of needs share (certificate.c) ---- */

typedef struct {
  const VnGraph *graph;
  const VnModel *model;
  VnOrder *order;
  VnRuns *runs;
  const VnChainLines *lines;
  VnArena *arena;
  VnDiagSink *sink;
  GString *out;
  guint32 *vm_row, *vm_steps; /* by VM: its TASK nodes, by rank */
  guint8 *fragile;            /* by task: it may be dropped, or a `stop` may meet it */
  guint32 step;               /* whose needs are written */
  GArray *held;               /* of guint32: nodes that its condition needs, in turn */
  GString *by, *against;      /* of the present need */
  GArray *providers;          /* of guint32: nodes, in the order of `by` */
  guint n_needs, n_missing;
} VnCertificate;

const VnTask *vn_certificate_task(const VnCertificate *c, guint32 node);
gboolean vn_certificate_before(const VnCertificate *c, guint32 a, guint32 b);
/* Begins a need of c->step: forgets providers and what stands against it. */
void vn_certificate_begin(VnCertificate *c);
/* The place in `by` of a step that comes before c->step and surely works; -1 if it doesn't. ran: it
 * is enough that it ran, well or not. */
int vn_certificate_provider(VnCertificate *c, guint32 node, gboolean ran);
/* Why `node` does not come between: it comes after c->step, or before the provider. `place` < 0:
 * there is none. */
gboolean vn_certificate_is_after(VnCertificate *c, guint32 node);
void vn_certificate_put_before(VnCertificate *c, guint32 node, int place);
/* Is the VM on (or, not_off, at least not off) at all moments of c->step? Adds to by and against.
 */
gboolean vn_certificate_power(VnCertificate *c, guint32 vm, gboolean not_off);
/* Writes the need, with what was begun, or reports that it is not met. object: further members, as
 * text that begins with a comma. */
void vn_certificate_end(VnCertificate *c, gboolean met, const char *needs, const char *object);

/* Paths through the network (certificate-path.c), files (certificate-file.c). */
void vn_certificate_path(VnCertificate *c, guint32 to);
void vn_certificate_file(VnCertificate *c, const VnExpr *path);
