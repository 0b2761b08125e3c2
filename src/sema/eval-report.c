/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the evaluation says, and how it calls things while the model is being made. */
#include "sema/eval.h"

#include "sema/limits.h"

VnDiag *
vn_eval_report(VnEval *e, VnDiagCode code, VnSpan span, const char *format, ...)
{
  va_list args;
  va_start(args, format);
  g_autofree char *message = g_strdup_vprintf(format, args);
  va_end(args);
  VnDiag *diag = vn_diag_add(e->c->sink, code, span, "%s", message);
  if (e->call_depth > 0)
    vn_diag_place(diag, e->call, "called here");
  if (++e->reports >= VN_MAX_REPORTS) /* the same again in each turn of a loop: enough was said */
    e->exhausted = TRUE;
  return diag;
}

void
vn_eval_too_many(VnEval *e, VnSpan span, guint64 limit, const char *what)
{
  if (!e->exhausted)
    vn_eval_report(e, VN_DIAG_VN117, span, "more than %" G_GUINT64_FORMAT " %s", limit, what);
  e->exhausted = TRUE;
}

const char *
vn_eval_name_of(VnValueKind kind, guint32 id, gpointer data)
{
  VnEval *e = data;
  if (kind == VN_VALUE_HOST || kind == VN_VALUE_ROUTER)
    return g_array_index(e->vms, VnVm, id).name;
  if (kind == VN_VALUE_SEGMENT)
    return g_array_index(e->segments, VnSegment, id).name;
  if (kind == VN_VALUE_TASK)
    return g_array_index(e->tasks, VnTask, id).name;
  if (kind == VN_VALUE_SITE)
    return g_array_index(e->sites, VnSite, id).name;
  return kind == VN_VALUE_IMAGE ? g_array_index(e->images, VnImage, id).name : NULL;
}
