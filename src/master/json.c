/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Values as JSON, appended to a string: one of them is made for every task that ends. */
#include "master/fields.h"

#include <math.h>
#include <string.h>

static void
append_escaped(const char *text, gsize length, GString *out)
{
  gsize plain = 0;
  for (gsize i = 0; i < length; i++) {
    guchar c = (guchar)text[i];
    if (c >= 0x20 && c != '"' && c != '\\')
      continue;
    g_string_append_len(out, text + plain, (gssize)(i - plain));
    plain = i + 1;
    if (c == '\n')
      g_string_append(out, "\\n");
    else if (c == '"' || c == '\\')
      g_string_append_printf(out, "\\%c", c);
    else
      g_string_append_printf(out, "\\u%04x", c);
  }
  g_string_append_len(out, text + plain, (gssize)(length - plain));
}

void
vn_text_to_json(const char *text, gsize length, GString *out)
{
  g_string_append_c(out, '"');
  if (g_utf8_validate_len(text, length, NULL)) {
    append_escaped(text, length, out);
  } else {
    g_autofree char *valid = g_utf8_make_valid(text, (gssize)length);
    append_escaped(valid, strlen(valid), out);
  }
  g_string_append_c(out, '"');
}

static void
append_number(double number, GString *out)
{
  char buffer[G_ASCII_DTOSTR_BUF_SIZE];
  if (isfinite(number))
    g_string_append(out, g_ascii_dtostr(buffer, sizeof(buffer), number));
  else
    g_string_append(out, "null");
}

static void
append_list(const VnValueList *list, VnNameOf name_of, gpointer data, GString *out)
{
  g_string_append_c(out, '[');
  for (guint32 i = 0; i < list->n; i++) {
    if (i > 0)
      g_string_append_c(out, ',');
    vn_value_to_json(&list->items[i], name_of, data, out);
  }
  g_string_append_c(out, ']');
}

void
vn_int_to_json(gint64 number, GString *out)
{
  char buffer[24], *at = buffer + sizeof(buffer);
  guint64 rest = number < 0 ? -(guint64)number : (guint64)number;
  *--at = '\0';
  do
    *--at = (char)('0' + rest % 10);
  while ((rest /= 10) > 0);
  if (number < 0)
    *--at = '-';
  g_string_append(out, at);
}

void
vn_value_to_json(const VnValue *value, VnNameOf name_of, gpointer data, GString *out)
{
  switch ((VnValueKind)value->kind) {
  case VN_VALUE_NONE:
  case VN_VALUE_KIND_COUNT:
    g_string_append(out, "null");
    return;
  case VN_VALUE_BOOL:
    g_string_append(out, value->b ? "true" : "false");
    return;
  case VN_VALUE_INT:
  case VN_VALUE_PORT:
  case VN_VALUE_DURATION:
  case VN_VALUE_SIZE:
  case VN_VALUE_RATE:
    vn_int_to_json(value->i, out);
    return;
  case VN_VALUE_FLOAT:
  case VN_VALUE_PERCENT:
    append_number(value->f, out);
    return;
  case VN_VALUE_STRING:
  case VN_VALUE_REGEX:
    vn_text_to_json(value->text->text, value->text->length, out);
    return;
  case VN_VALUE_LIST:
  case VN_VALUE_SET:
    append_list(value->list, name_of, data, out);
    return;
  case VN_VALUE_ADDRESS:
  case VN_VALUE_PREFIX:
  case VN_VALUE_MAC:
  case VN_VALUE_RANGE:
  case VN_VALUE_HOST:
  case VN_VALUE_ROUTER:
  case VN_VALUE_SEGMENT:
  case VN_VALUE_TASK:
  case VN_VALUE_GROUP:
  case VN_VALUE_SITE:
  case VN_VALUE_IMAGE: {
    g_autoptr(GString) text = g_string_new(NULL);
    vn_value_format(value, name_of, data, text);
    vn_text_to_json(text->str, text->len, out);
    return;
  }
  }
}

void
vn_fields_to_json(const VnAction *action, const VnValue *fields, guint32 n, VnNameOf name_of,
                  gpointer data, GString *out)
{
  g_string_append_c(out, '{');
  for (guint32 i = 0; i < n; i++) {
    if (i > 0)
      g_string_append_c(out, ',');
    g_string_append_c(out, '"');
    g_string_append(out, action->fields[i].name);
    g_string_append(out, "\":");
    vn_value_to_json(&fields[i], name_of, data, out);
  }
  g_string_append_c(out, '}');
}
