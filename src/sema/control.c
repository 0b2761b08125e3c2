/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The signatures of the control tasks, read once from the table in model/control.def. */
#include "sema/check.h"

#include <string.h>

static const struct {
  const char *name, *params;
} controls[VN_CONTROL_COUNT] = {
#define VN_CONTROL(id, name, targets, params, help) [VN_CONTROL_##id] = {name, params},
#include "model/control.def"
#undef VN_CONTROL
};

static VnSignature signatures[VN_CONTROL_COUNT];

void
vn_control_intern_names(VnCompiler *c)
{
  for (guint i = 0; i < VN_CONTROL_COUNT; i++)
    c->controls[i] = vn_symbol_intern_str(c->symbols, controls[i].name);
}

VnControl
vn_control_from_name(const VnCompiler *c, const VnSymbol *name)
{
  for (guint i = 0; i < VN_CONTROL_COUNT; i++)
    if (c->controls[i] == name)
      return (VnControl)i;
  return VN_CONTROL_NONE;
}

gboolean
vn_control_needs_targets(VnControl control)
{
  static const gboolean needs[VN_CONTROL_COUNT] = {
#define VN_CONTROL(id, name, targets, params, help) [VN_CONTROL_##id] = targets,
#include "model/control.def"
#undef VN_CONTROL
  };
  return needs[control];
}

static guint8
kind_from_text(const char *text)
{
  for (guint8 kind = 1; kind < VN_VALUE_KIND_COUNT; kind++)
    if (strcmp(vn_value_kind_text(kind), text) == 0)
      return kind;
  g_assert_not_reached();
}

/* "name:type", "name:type?" */
static VnCheckedParam
read_param(const char *text)
{
  VnCheckedParam param = {.name = NULL};
  g_auto(GStrv) parts = g_strsplit(text, ":", 2);
  gsize length = strlen(parts[1]);
  param.type.optional = parts[1][length - 1] == '?';
  if (param.type.optional)
    parts[1][length - 1] = '\0';
  param.flag = strcmp(parts[1], "flag") == 0;
  param.type.kind = param.flag ? VN_VALUE_BOOL : kind_from_text(parts[1]);
  param.name = g_intern_string(parts[0]);
  return param;
}

static gpointer
read_table(gpointer unused)
{
  for (guint i = 0; i < VN_CONTROL_COUNT; i++) {
    g_auto(GStrv) words = g_strsplit(controls[i].params, " ", -1);
    guint n = *controls[i].params != '\0' ? g_strv_length(words) : 0;
    VnCheckedParam *params = g_new0(VnCheckedParam, n + 1); /* for the life of the program */
    for (guint k = 0; k < n; k++)
      params[k] = read_param(words[k]);
    signatures[i] = (VnSignature){.callee = controls[i].name, .params = params, .n_params = n};
  }
  return NULL;
}

const VnSignature *
vn_control_signature(VnControl control)
{
  static GOnce once = G_ONCE_INIT;
  g_once(&once, read_table, NULL);
  return &signatures[control];
}
