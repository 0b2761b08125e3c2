/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a run shows while it goes on: lines for people (and a status line on a terminal), or one
 * JSON object a line for machines. Both end the main loop when the run has finished. */
#pragma once

#include "cmd/script.h"

typedef struct VnReport VnReport;

typedef struct {
  const VnScript *script;
  const VnScriptOptions *options;
  guint32 trials;
  gboolean quiet, colour;
  gboolean terminal; /* redraw a status line */
  void (*store)(gpointer store_data); /* many lines wait: store what they say, let them out */
  gpointer store_data;
  GMainLoop *loop;
} VnReportConfig;

VnReport *vn_report_text_new(const VnReportConfig *config, const VnRunEvents **out_events);
void vn_report_text_free(VnReport *report);

VnReport *vn_report_json_new(const VnReportConfig *config, const VnRunEvents **out_events);
void vn_report_json_free(VnReport *report);
/* Lines wait until they are let out: what they say is stored by then. FALSE in `kept`: it could not
 * be, and they are dropped. */
void vn_report_json_let_out(VnReport *report, gboolean kept);
/* The last line: {"event":"end",…}. */
void vn_report_json_end(const char *verdict, int status, const char *results, const char *error);

/* "n=10 fanout=2": the swept parameters of a point; empty without a sweep. Appends. */
void vn_report_point(const VnReportConfig *config, guint32 point, GString *out);
