/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Diagnostics: what is wrong with the user's text, as values.
 *
 * A pass adds diagnostics to a sink and goes on; who prints them, and how, is decided by the
 * caller (diag-text.h here; JSON and SARIF in src/emit). Codes, their severity and the names of
 * warnings stand in diag.def. A sink drops a diagnostic that repeats code, place and message.
 */
#pragma once

#include "base/source.h"

typedef enum {
  VN_SEVERITY_NOTE,
  VN_SEVERITY_WARNING,
  VN_SEVERITY_ERROR,
} VnSeverity;

typedef enum {
#define VN_DIAG(code, severity, name, title) VN_DIAG_##code,
#include "base/diag.def"
#undef VN_DIAG
  VN_DIAG_COUNT
} VnDiagCode;

typedef struct {
  const char *code;    /* "VN204" */
  VnSeverity severity; /* before -Werror and -Wno-… */
  const char *name;    /* "unused-vm": what -Wno-unused-vm switches off */
  const char *title;   /* a line, for --explain and SARIF's rules */
} VnDiagInfo;

typedef struct {
  VnSpan span;
  char *message; /* "declared here" */
} VnDiagPlace;

typedef struct {
  VnDiagCode code;
  VnSeverity severity; /* as reported */
  VnSpan span;
  char *message;
  GArray *places; /* of VnDiagPlace; NULL if none */
  char *hint;     /* what to do; NULL if none */
} VnDiag;

typedef struct VnDiagSink VnDiagSink;

const VnDiagInfo *vn_diag_info(VnDiagCode code);
/* Is it reported unless -Wno-NAME says otherwise? */
gboolean vn_diag_is_on(VnDiagCode code);
/* "VN204" to its code; FALSE if there is none. */
gboolean vn_diag_code_from_text(const char *text, VnDiagCode *out_code);

VnDiagSink *vn_diag_sink_new(void);
void vn_diag_sink_free(VnDiagSink *sink);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VnDiagSink, vn_diag_sink_free)

/* Past this many errors the sink counts but no longer keeps. */
#define VN_DIAG_MAX_KEPT 1000

/* Returns the diagnostic so that places and a hint can be added; it is owned by the sink. Never
 * NULL: one that is dropped (switched off, repeated) is a scratch value. */
VnDiag *vn_diag_add(VnDiagSink *sink, VnDiagCode code, VnSpan span, const char *format, ...)
    G_GNUC_PRINTF(4, 5);
/* With another severity than the code's: what could not be decided is a note. */
VnDiag *vn_diag_add_as(VnDiagSink *sink, VnDiagCode code, VnSeverity severity, VnSpan span,
                       const char *format, ...) G_GNUC_PRINTF(5, 6);
void vn_diag_place(VnDiag *diag, VnSpan span, const char *format, ...) G_GNUC_PRINTF(3, 4);
void vn_diag_hint(VnDiag *diag, const char *format, ...) G_GNUC_PRINTF(2, 3);

/* -Wno-NAME. FALSE if no warning or note bears the name. */
gboolean vn_diag_sink_disable(VnDiagSink *sink, const char *name);
gboolean vn_diag_sink_enable(VnDiagSink *sink, const char *name);
/* Would a diagnostic of the code be kept? For those that cost something to find. */
gboolean vn_diag_sink_wants(const VnDiagSink *sink, VnDiagCode code);
void vn_diag_sink_set_werror(VnDiagSink *sink, gboolean werror);

guint vn_diag_sink_count(const VnDiagSink *sink, VnSeverity severity);
#define vn_diag_sink_has_errors(sink) (vn_diag_sink_count((sink), VN_SEVERITY_ERROR) > 0)
/* Sorted by place. Elements are VnDiag*; owned by the sink. */
const GPtrArray *vn_diag_sink_sorted(VnDiagSink *sink);

/* "a host", "an address": for messages that name a kind of thing. */
const char *vn_diag_article(const char *noun); /* "a" or "an" */

/* The nearest of candidates by edit distance, for "did you mean"; NULL if none is near. */
const char *vn_diag_nearest(const char *name, const char *const *candidates, gsize n_candidates);
