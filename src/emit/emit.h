/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the compiler knows, in forms for people and other programs.
 *
 * Each appends one document to `out`. Models must be complete (src/topology). The forms are
 * deterministic: the same script gives the same text. */
#pragma once

#include "base/diag.h"
#include "plan/graph.h"

typedef enum {
#define VN_EMIT(id, name, help) VN_EMIT_##id,
#include "emit/form.def"
#undef VN_EMIT
  VN_EMIT_COUNT
} VnEmitForm;

/* "topology"; VN_EMIT_COUNT if there is no such form. */
VnEmitForm vn_emit_form_from_text(const char *name);
const char *vn_emit_form_text(VnEmitForm form);

/* The syntax tree is vn_ast_dump (lang/dump.h). */
/* Segments and what stands on each, with addresses; what was added. */
void vn_emit_topology(const VnModel *model, GString *out);
/* The routing tables in the paper's form, and who answers ARP. */
void vn_emit_routes(const VnModel *model, GString *out);
/* The execution graph: a line a node, with those that must end first. */
void vn_emit_graph(const VnGraph *graph, GString *out);
/* The dry run of one trial: the network, the tasks with what each waits for, what comes last. */
void vn_emit_plan(const VnGraph *graph, GString *out);
void vn_emit_plan_json(const VnGraph *graph, GString *out);
/* Network and workflow for graphviz. */
void vn_emit_dot(const VnModel *model, GString *out);
void vn_emit_json(const VnModel *model, GString *out);
/* For each need of each step what provides it, and why nothing takes it away (doc/manual/
 * certificate.md). FALSE: it leaves a need open, because that is not surely met, or not by these
 * reasons (VN318). */
gboolean vn_emit_certificate(const VnGraph *graph, GString *out, VnDiagSink *sink);
/* The completed experiment as a plain script: no loops, no parameters, every address and router
 * written out. It compiles to the same network. */
void vn_emit_vnl(const VnModel *model, GString *out);

/* An expression as it could stand in a script. action: whose parameters and fields it may name;
 * NULL outside one. */
void vn_emit_expr(const VnModel *model, const VnAction *action, const VnExpr *expr, GString *out);
/* A value as a literal of the language. */
void vn_emit_value(const VnModel *model, const VnValue *value, GString *out);

/* The diagnostics of a sink, in source order. */
void vn_emit_diag_json(VnDiagSink *sink, const VnSourceSet *sources, GString *out);
/* SARIF 2.1.0 (OASIS). version: of this program. */
void
vn_emit_diag_sarif(VnDiagSink *sink, const VnSourceSet *sources, const char *version, GString *out);
