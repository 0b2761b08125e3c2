/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Diagnostics for people: `file:line:column: error[VN204]: message`, the line, a caret, second
 * places, a hint. */
#pragma once

#include "base/diag.h"

/* Appends one diagnostic; colour is for terminals. */
void vn_diag_render_text(const VnDiag *diag, const VnSourceSet *sources, gboolean colour,
                         GString *out);
/* All of a sink in source order, and a last line that counts them. */
void vn_diag_render_all_text(VnDiagSink *sink, const VnSourceSet *sources, gboolean colour,
                             GString *out);
/* All of a sink in the form of GCC's messages, a line each, for tools that read those:
 * `file:line:column: error: message [VN204]`; second places and hints are notes. */
void vn_diag_render_all_gcc(VnDiagSink *sink, const VnSourceSet *sources, GString *out);
