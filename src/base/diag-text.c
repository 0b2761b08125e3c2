/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The form that compilers have taught people to read:
 *
 *   FILE:LINE:COLUMN: error[VN101]: message
 *      12 | host bob on lam;
 *         |             ^~~
 *   FILE:3:9: note: declared here
 *   hint: did you mean `lan`?
 *
 * Tabs are printed as they are, in both lines, so that carets stay under their text. */
#include "base/diag-text.h"

#include <string.h>

static const char *const severity_words[] = {
    [VN_SEVERITY_NOTE] = "note", [VN_SEVERITY_WARNING] = "warning", [VN_SEVERITY_ERROR] = "error"};
static const char *const severity_colours[] = {
    [VN_SEVERITY_NOTE] = "\033[1;36m",
    [VN_SEVERITY_WARNING] = "\033[1;35m",
    [VN_SEVERITY_ERROR] = "\033[1;31m",
};

#define LONGEST_LINE 240 /* bytes of source shown */

static void
append_place(GString *out, VnLocation at, gboolean colour)
{
  if (at.source == NULL)
    g_string_append(out, "vnec: ");
  else
    g_string_append_printf(out, "%s%s:%u:%u:%s ", colour ? "\033[1m" : "", at.source->path, at.line,
                           at.column, colour ? "\033[0m" : "");
}

/* The line with control characters made visible, and the caret line under it. */
static void
append_excerpt(GString *out, const VnSourceSet *sources, VnSpan span, VnLocation at,
               const char *colour)
{
  gsize length;
  const char *line = vn_source_set_line(sources, span.start, &length);
  if (length > LONGEST_LINE || at.byte_column > length)
    return;
  g_string_append_printf(out, "%5u | ", at.line);
  for (gsize i = 0; i < length; i++)
    g_string_append_c(out, (guchar)line[i] < 0x20 && line[i] != '\t' ? '?' : line[i]);
  g_string_append(out, "\n      | ");
  for (gsize i = 0; i < at.byte_column; i++)
    if (((guchar)line[i] & 0xC0) != 0x80)
      g_string_append_c(out, line[i] == '\t' ? '\t' : ' ');
  g_string_append(out, colour);
  g_string_append_c(out, '^');
  gsize width = span.end > span.start ? span.end - span.start : 1;
  gsize end = MIN(length, at.byte_column + width);
  gboolean first = TRUE;
  for (gsize i = at.byte_column; i < end; i++)
    if (((guchar)line[i] & 0xC0) != 0x80) {
      if (!first)
        g_string_append_c(out, '~');
      first = FALSE;
    }
  g_string_append(out, *colour != '\0' ? "\033[0m\n" : "\n");
}

void
vn_diag_render_text(const VnDiag *diag, const VnSourceSet *sources, gboolean colour, GString *out)
{
  const char *tint = colour ? severity_colours[diag->severity] : "";
  VnLocation at = vn_source_set_locate(sources, diag->span.start);
  append_place(out, at, colour);
  g_string_append_printf(out, "%s%s[%s]:%s %s\n", tint, severity_words[diag->severity],
                         vn_diag_info(diag->code)->code, colour ? "\033[0m" : "", diag->message);
  if (at.source != NULL)
    append_excerpt(out, sources, diag->span, at, tint);
  for (guint i = 0; diag->places != NULL && i < diag->places->len; i++) {
    const VnDiagPlace *place = &g_array_index(diag->places, VnDiagPlace, i);
    VnLocation there = vn_source_set_locate(sources, place->span.start);
    append_place(out, there, colour);
    g_string_append_printf(out, "%snote:%s %s\n", colour ? "\033[1;36m" : "",
                           colour ? "\033[0m" : "", place->message);
    if (there.source != NULL)
      append_excerpt(out, sources, place->span, there, colour ? "\033[1;36m" : "");
  }
  if (diag->hint != NULL)
    g_string_append_printf(out, "%shint:%s %s\n", colour ? "\033[1;32m" : "",
                           colour ? "\033[0m" : "", diag->hint);
}

static void
append_count(GString *out, guint n, const char *word)
{
  if (n > 0)
    g_string_append_printf(out, "%s%u %s%s", out->len > 0 ? ", " : "", n, word, n == 1 ? "" : "s");
}

void
vn_diag_render_all_text(VnDiagSink *sink, const VnSourceSet *sources, gboolean colour, GString *out)
{
  const GPtrArray *diags = vn_diag_sink_sorted(sink);
  for (guint i = 0; i < diags->len; i++)
    vn_diag_render_text(g_ptr_array_index(diags, i), sources, colour, out);
  g_autoptr(GString) counts = g_string_new(NULL);
  append_count(counts, vn_diag_sink_count(sink, VN_SEVERITY_ERROR), "error");
  append_count(counts, vn_diag_sink_count(sink, VN_SEVERITY_WARNING), "warning");
  if (counts->len > 0)
    g_string_append_printf(out, "%s\n", counts->str);
}

static void
append_gcc(GString *out, VnLocation at, const char *word, const char *message)
{
  append_place(out, at, FALSE);
  g_string_append_printf(out, "%s: ", word);
  for (const char *c = message; *c != '\0'; c++)
    g_string_append_c(out, *c == '\n' ? ' ' : *c);
}

static void
render_gcc(const VnDiag *diag, const VnSourceSet *sources, GString *out)
{
  VnLocation at = vn_source_set_locate(sources, diag->span.start);
  append_gcc(out, at, severity_words[diag->severity], diag->message);
  g_string_append_printf(out, " [%s]\n", vn_diag_info(diag->code)->code);
  for (guint i = 0; diag->places != NULL && i < diag->places->len; i++) {
    const VnDiagPlace *place = &g_array_index(diag->places, VnDiagPlace, i);
    append_gcc(out, vn_source_set_locate(sources, place->span.start), "note", place->message);
    g_string_append_c(out, '\n');
  }
  if (diag->hint == NULL)
    return;
  append_gcc(out, at, "note", diag->hint);
  g_string_append_c(out, '\n');
}

void
vn_diag_render_all_gcc(VnDiagSink *sink, const VnSourceSet *sources, GString *out)
{
  const GPtrArray *diags = vn_diag_sink_sorted(sink);
  for (guint i = 0; i < diags->len; i++)
    render_gcc(g_ptr_array_index(diags, i), sources, out);
}
