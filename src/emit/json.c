/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "emit/json.h"

void
vn_json_text(JsonBuilder *json, const char *name, const char *text)
{
  if (text == NULL)
    return;
  json_builder_set_member_name(json, name);
  json_builder_add_string_value(json, text);
}

void
vn_json_int(JsonBuilder *json, const char *name, gint64 value)
{
  json_builder_set_member_name(json, name);
  json_builder_add_int_value(json, value);
}

void
vn_json_bool(JsonBuilder *json, const char *name, gboolean value)
{
  json_builder_set_member_name(json, name);
  json_builder_add_boolean_value(json, value);
}

void
vn_json_double(JsonBuilder *json, const char *name, double value)
{
  json_builder_set_member_name(json, name);
  json_builder_add_double_value(json, value);
}

void
vn_json_array(JsonBuilder *json, const char *name)
{
  json_builder_set_member_name(json, name);
  json_builder_begin_array(json);
}

void
vn_json_object(JsonBuilder *json, const char *name)
{
  json_builder_set_member_name(json, name);
  json_builder_begin_object(json);
}

void
vn_json_append(JsonBuilder *json, GString *out)
{
  g_autoptr(JsonNode) root = json_builder_get_root(json);
  g_autofree char *text = json_to_string(root, TRUE);
  g_string_append(out, text);
  g_string_append_c(out, '\n');
}
