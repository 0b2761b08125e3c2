/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Shorthand for json-glib's builder. Private to this folder. */
#pragma once

#include <json-glib/json-glib.h>

#include "model/model.h"

/* A member; text NULL: left out. */
void vn_json_text(JsonBuilder *json, const char *name, const char *text);
void vn_json_int(JsonBuilder *json, const char *name, gint64 value);
void vn_json_bool(JsonBuilder *json, const char *name, gboolean value);
void vn_json_double(JsonBuilder *json, const char *name, double value);
/* Begins a member that is an array or an object. */
void vn_json_array(JsonBuilder *json, const char *name);
void vn_json_object(JsonBuilder *json, const char *name);
/* The finished document, indented, and a newline. */
void vn_json_append(JsonBuilder *json, GString *out);
/* The members of a task, into the object that is open (model-json.c). */
void vn_json_task_members(JsonBuilder *json, const VnModel *model, const VnTask *task);
/* What it means for machines, services and files (facts-json.c). */
void vn_json_task_facts(JsonBuilder *json, const VnModel *model, const VnTask *task);
