/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Values: equality, order, and the text in which a command line or a message shows them. */
#include "model/value.h"

#include <string.h>

static const char *const kind_texts[VN_VALUE_KIND_COUNT] = {
    [VN_VALUE_NONE] = "nothing",
#define VN_TYPE(id, text) [VN_VALUE_##id] = text,
#include "model/type.def"
#undef VN_TYPE
};

const char *
vn_value_kind_text(VnValueKind kind)
{
  g_assert(kind < VN_VALUE_KIND_COUNT);
  return kind_texts[kind];
}

VnValue
vn_value_string(VnArena *arena, const char *text, gssize length)
{
  VnText *copy = vn_arena_new0(arena, VnText);
  copy->length = length < 0 ? strlen(text) : (gsize)length;
  copy->text = vn_arena_strndup(arena, text, copy->length);
  return (VnValue){.kind = VN_VALUE_STRING, .text = copy};
}

static gboolean
is_whole(guint32 kind)
{
  return kind == VN_VALUE_INT || kind == VN_VALUE_PORT;
}

static gboolean
is_number(guint32 kind)
{
  return is_whole(kind) || kind == VN_VALUE_FLOAT;
}

static double
as_double(const VnValue *value)
{
  return value->kind == VN_VALUE_FLOAT ? value->f : (double)value->i;
}

static gboolean
is_vm(guint32 kind)
{
  return kind == VN_VALUE_HOST || kind == VN_VALUE_ROUTER;
}

static gboolean
lists_equal(const VnValueList *a, const VnValueList *b)
{
  if (a == b)
    return TRUE;
  if (a->n != b->n)
    return FALSE;
  for (guint32 i = 0; i < a->n; i++)
    if (!vn_value_equal(&a->items[i], &b->items[i]))
      return FALSE;
  return TRUE;
}

static gboolean
same_kind_equal(const VnValue *a, const VnValue *b)
{
  switch ((VnValueKind)a->kind) {
  case VN_VALUE_NONE:
    return TRUE;
  case VN_VALUE_BOOL:
    return !a->b == !b->b;
  case VN_VALUE_INT:
  case VN_VALUE_DURATION:
  case VN_VALUE_SIZE:
  case VN_VALUE_RATE:
  case VN_VALUE_PORT:
    return a->i == b->i;
  case VN_VALUE_FLOAT:
  case VN_VALUE_PERCENT:
    return a->f == b->f;
  case VN_VALUE_STRING:
  case VN_VALUE_REGEX:
    return a->text->length == b->text->length &&
           memcmp(a->text->text, b->text->text, a->text->length) == 0;
  case VN_VALUE_ADDRESS:
    return vn_address_compare(a->address, b->address) == 0;
  case VN_VALUE_PREFIX:
    return a->prefix->length == b->prefix->length &&
           vn_address_compare(&a->prefix->address, &b->prefix->address) == 0;
  case VN_VALUE_MAC:
    return a->mac == b->mac;
  case VN_VALUE_LIST:
  case VN_VALUE_SET:
    return lists_equal(a->list, b->list);
  case VN_VALUE_RANGE:
    return a->range.from == b->range.from && a->range.to == b->range.to;
  case VN_VALUE_HOST:
  case VN_VALUE_ROUTER:
  case VN_VALUE_SEGMENT:
  case VN_VALUE_TASK:
  case VN_VALUE_GROUP:
  case VN_VALUE_SITE:
  case VN_VALUE_IMAGE:
    return a->id == b->id;
  case VN_VALUE_KIND_COUNT:
    break;
  }
  g_assert_not_reached();
}

gboolean
vn_value_equal(const VnValue *a, const VnValue *b)
{
  if (is_whole(a->kind) && is_whole(b->kind))
    return a->i == b->i;
  if (is_number(a->kind) && is_number(b->kind))
    return as_double(a) == as_double(b);
  if (is_vm(a->kind) && is_vm(b->kind))
    return a->id == b->id;
  return a->kind == b->kind && same_kind_equal(a, b);
}

static int
sign(gboolean less, gboolean greater)
{
  return (int)greater - (int)less;
}

int
vn_value_compare(const VnValue *a, const VnValue *b)
{
  if (is_number(a->kind) && is_number(b->kind) && !(is_whole(a->kind) && is_whole(b->kind)))
    return sign(as_double(a) < as_double(b), as_double(a) > as_double(b));
  if (a->kind == VN_VALUE_PERCENT)
    return sign(a->f<b->f, a->f> b->f);
  if (a->kind == VN_VALUE_STRING)
    return sign(strcmp(a->text->text, b->text->text) < 0, strcmp(a->text->text, b->text->text) > 0);
  if (a->kind == VN_VALUE_ADDRESS)
    return vn_address_compare(a->address, b->address);
  if (a->kind == VN_VALUE_MAC)
    return sign(a->mac<b->mac, a->mac> b->mac);
  return sign(a->i<b->i, a->i> b->i);
}

/* The shortest of two precisions that reads back as the same number; always with a point. */
static void
format_double(double number, GString *out)
{
  char text[G_ASCII_DTOSTR_BUF_SIZE];
  g_ascii_formatd(text, sizeof text, "%.15g", number);
  if (g_ascii_strtod(text, NULL) != number)
    g_ascii_formatd(text, sizeof text, "%.17g", number);
  g_string_append(out, text);
}

static void
format_list(const VnValueList *list, VnNameOf name_of, gpointer data, GString *out)
{
  for (guint32 i = 0; i < list->n; i++) {
    if (i > 0)
      g_string_append_c(out, ',');
    vn_value_format(&list->items[i], name_of, data, out);
  }
}

static void
append_freed(GString *out, char *text)
{
  g_string_append(out, text);
  g_free(text);
}

static void
format_name(const VnValue *value, VnNameOf name_of, gpointer data, GString *out)
{
  const char *name = name_of != NULL ? name_of((VnValueKind)value->kind, value->id, data) : NULL;
  if (name != NULL)
    g_string_append(out, name);
  else
    g_string_append_printf(out, "%s#%u", vn_value_kind_text(value->kind), value->id);
}

void
vn_value_format(const VnValue *value, VnNameOf name_of, gpointer data, GString *out)
{
  char buffer[VN_PREFIX_TEXT_MAX];
  switch ((VnValueKind)value->kind) {
  case VN_VALUE_NONE:
    return;
  case VN_VALUE_BOOL:
    g_string_append(out, value->b ? "true" : "false");
    return;
  case VN_VALUE_INT:
  case VN_VALUE_PORT:
    g_string_append_printf(out, "%" G_GINT64_FORMAT, value->i);
    return;
  case VN_VALUE_FLOAT:
    format_double(value->f, out);
    return;
  case VN_VALUE_PERCENT:
    format_double(value->f, out);
    g_string_append_c(out, '%');
    return;
  case VN_VALUE_STRING:
  case VN_VALUE_REGEX:
    g_string_append_len(out, value->text->text, (gssize)value->text->length);
    return;
  case VN_VALUE_DURATION:
    append_freed(out, vn_duration_format(value->i));
    return;
  case VN_VALUE_SIZE:
    append_freed(out, vn_size_format(value->i));
    return;
  case VN_VALUE_RATE:
    append_freed(out, vn_rate_format(value->i));
    return;
  case VN_VALUE_ADDRESS:
    g_string_append(out, vn_address_format(value->address, buffer));
    return;
  case VN_VALUE_PREFIX:
    g_string_append(out, vn_prefix_format(value->prefix, buffer));
    return;
  case VN_VALUE_MAC:
    g_string_append(out, vn_mac_format(value->mac, buffer));
    return;
  case VN_VALUE_LIST:
  case VN_VALUE_SET:
    format_list(value->list, name_of, data, out);
    return;
  case VN_VALUE_RANGE:
    g_string_append_printf(out, "%d..%d", value->range.from, value->range.to);
    return;
  case VN_VALUE_HOST:
  case VN_VALUE_ROUTER:
  case VN_VALUE_SEGMENT:
  case VN_VALUE_TASK:
  case VN_VALUE_GROUP:
  case VN_VALUE_SITE:
  case VN_VALUE_IMAGE:
    format_name(value, name_of, data, out);
    return;
  case VN_VALUE_KIND_COUNT:
    break;
  }
  g_assert_not_reached();
}
