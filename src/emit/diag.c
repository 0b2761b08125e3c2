/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Diagnostics for other programs: our own JSON, and SARIF 2.1.0 for editors and forges. */
#include "emit/emit.h"

#include <json-glib/json-glib.h>

#include "emit/json.h"

static const char *
severity_text(VnSeverity severity)
{
  switch (severity) {
  case VN_SEVERITY_NOTE:
    return "note";
  case VN_SEVERITY_WARNING:
    return "warning";
  case VN_SEVERITY_ERROR:
    return "error";
  }
  g_assert_not_reached();
}

static void
add_place(JsonBuilder *json, const VnSourceSet *sources, VnSpan span)
{
  VnLocation start = vn_source_set_locate(sources, span.start);
  if (start.source == NULL)
    return;
  VnLocation end = vn_source_set_locate(sources, span.end);
  vn_json_text(json, "file", start.source->path);
  vn_json_int(json, "line", start.line);
  vn_json_int(json, "column", start.column);
  vn_json_int(json, "end_line", end.line);
  vn_json_int(json, "end_column", end.column);
}

static void
add_diag(JsonBuilder *json, const VnDiag *diag, const VnSourceSet *sources)
{
  json_builder_begin_object(json);
  vn_json_text(json, "code", vn_diag_info(diag->code)->code);
  vn_json_text(json, "name", vn_diag_info(diag->code)->name);
  vn_json_text(json, "severity", severity_text(diag->severity));
  add_place(json, sources, diag->span);
  vn_json_text(json, "message", diag->message);
  vn_json_text(json, "hint", diag->hint);
  json_builder_set_member_name(json, "places");
  json_builder_begin_array(json);
  for (guint i = 0; diag->places != NULL && i < diag->places->len; i++) {
    const VnDiagPlace *place = &g_array_index(diag->places, VnDiagPlace, i);
    json_builder_begin_object(json);
    add_place(json, sources, place->span);
    vn_json_text(json, "message", place->message);
    json_builder_end_object(json);
  }
  json_builder_end_array(json);
  json_builder_end_object(json);
}

void
vn_emit_diag_json(VnDiagSink *sink, const VnSourceSet *sources, GString *out)
{
  const GPtrArray *sorted = vn_diag_sink_sorted(sink);
  g_autoptr(JsonBuilder) json = json_builder_new();
  json_builder_begin_object(json);
  vn_json_int(json, "errors", vn_diag_sink_count(sink, VN_SEVERITY_ERROR));
  vn_json_int(json, "warnings", vn_diag_sink_count(sink, VN_SEVERITY_WARNING));
  json_builder_set_member_name(json, "diagnostics");
  json_builder_begin_array(json);
  for (guint i = 0; i < sorted->len; i++)
    add_diag(json, sorted->pdata[i], sources);
  json_builder_end_array(json);
  json_builder_end_object(json);
  vn_json_append(json, out);
}

/* ---- SARIF ---- */

static void
add_sarif_message(JsonBuilder *json, const char *text, const char *hint)
{
  g_autofree char *both = hint != NULL ? g_strdup_printf("%s (hint: %s)", text, hint) : NULL;
  json_builder_set_member_name(json, "message");
  json_builder_begin_object(json);
  vn_json_text(json, "text", both != NULL ? both : text);
  json_builder_end_object(json);
}

/* A path as a relative URI reference, or a file: URI if it is absolute. */
static char *
uri_of(const char *path)
{
  if (g_path_is_absolute(path))
    return g_filename_to_uri(path, NULL, NULL);
  return g_uri_escape_string(path, "/", FALSE);
}

static void
add_sarif_location(JsonBuilder *json, const VnSourceSet *sources, VnSpan span, const char *message)
{
  VnLocation start = vn_source_set_locate(sources, span.start);
  if (start.source == NULL)
    return;
  VnLocation end = vn_source_set_locate(sources, span.end);
  g_autofree char *uri = uri_of(start.source->path);
  json_builder_begin_object(json);
  json_builder_set_member_name(json, "physicalLocation");
  json_builder_begin_object(json);
  json_builder_set_member_name(json, "artifactLocation");
  json_builder_begin_object(json);
  vn_json_text(json, "uri", uri);
  json_builder_end_object(json);
  json_builder_set_member_name(json, "region");
  json_builder_begin_object(json);
  vn_json_int(json, "startLine", start.line);
  vn_json_int(json, "startColumn", start.column);
  vn_json_int(json, "endLine", end.line);
  vn_json_int(json, "endColumn", end.column);
  json_builder_end_object(json);
  json_builder_end_object(json);
  if (message != NULL)
    add_sarif_message(json, message, NULL);
  json_builder_end_object(json);
}

static void
add_sarif_result(JsonBuilder *json, const VnDiag *diag, const VnSourceSet *sources)
{
  json_builder_begin_object(json);
  vn_json_text(json, "ruleId", vn_diag_info(diag->code)->code);
  vn_json_int(json, "ruleIndex", diag->code);
  vn_json_text(json, "level", severity_text(diag->severity));
  add_sarif_message(json, diag->message, diag->hint);
  json_builder_set_member_name(json, "locations");
  json_builder_begin_array(json);
  add_sarif_location(json, sources, diag->span, NULL);
  json_builder_end_array(json);
  if (diag->places != NULL && diag->places->len > 0) {
    json_builder_set_member_name(json, "relatedLocations");
    json_builder_begin_array(json);
    for (guint i = 0; i < diag->places->len; i++) {
      const VnDiagPlace *place = &g_array_index(diag->places, VnDiagPlace, i);
      add_sarif_location(json, sources, place->span, place->message);
    }
    json_builder_end_array(json);
  }
  json_builder_end_object(json);
}

static void
add_sarif_rule(JsonBuilder *json, VnDiagCode code)
{
  const VnDiagInfo *info = vn_diag_info(code);
  json_builder_begin_object(json);
  vn_json_text(json, "id", info->code);
  vn_json_text(json, "name", info->name);
  json_builder_set_member_name(json, "shortDescription");
  json_builder_begin_object(json);
  vn_json_text(json, "text", info->title);
  json_builder_end_object(json);
  json_builder_set_member_name(json, "defaultConfiguration");
  json_builder_begin_object(json);
  vn_json_text(json, "level", severity_text(info->severity));
  json_builder_set_member_name(json, "enabled");
  json_builder_add_boolean_value(json, vn_diag_is_on(code));
  json_builder_end_object(json);
  json_builder_end_object(json);
}

static void
add_sarif_tool(JsonBuilder *json, const char *version)
{
  json_builder_set_member_name(json, "tool");
  json_builder_begin_object(json);
  json_builder_set_member_name(json, "driver");
  json_builder_begin_object(json);
  vn_json_text(json, "name", "vnecc");
  vn_json_text(json, "version", version);
  json_builder_set_member_name(json, "rules");
  json_builder_begin_array(json);
  for (guint code = 0; code < VN_DIAG_COUNT; code++)
    add_sarif_rule(json, (VnDiagCode)code);
  json_builder_end_array(json);
  json_builder_end_object(json);
  json_builder_end_object(json);
}

void
vn_emit_diag_sarif(VnDiagSink *sink, const VnSourceSet *sources, const char *version, GString *out)
{
  const GPtrArray *sorted = vn_diag_sink_sorted(sink);
  g_autoptr(JsonBuilder) json = json_builder_new();
  json_builder_begin_object(json);
  vn_json_text(json, "$schema", "https://json.schemastore.org/sarif-2.1.0.json");
  vn_json_text(json, "version", "2.1.0");
  json_builder_set_member_name(json, "runs");
  json_builder_begin_array(json);
  json_builder_begin_object(json);
  add_sarif_tool(json, version);
  vn_json_text(json, "columnKind", "unicodeCodePoints");
  json_builder_set_member_name(json, "results");
  json_builder_begin_array(json);
  for (guint i = 0; i < sorted->len; i++)
    add_sarif_result(json, sorted->pdata[i], sources);
  json_builder_end_array(json);
  json_builder_end_object(json);
  json_builder_end_array(json);
  json_builder_end_object(json);
  vn_json_append(json, out);
}
