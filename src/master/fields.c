/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Patterns run over bytes (G_REGEX_RAW): what a program prints need not be UTF-8. Their names are
 * looked up once; matching then goes by number. */
#include "master/fields.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#define NUMBER_TEXT_MAX 64

G_DEFINE_QUARK(vn-field-error-quark, vn_field_error)

/* ---- one value ---- */

/* A number, and its unit if it carries one. */
static gboolean
scan_number(const char *text, gsize length, double *out, gint64 *out_int, gboolean *out_whole,
            VnUnit *unit)
{
  char buffer[NUMBER_TEXT_MAX];
  if (length == 0 || length >= sizeof(buffer))
    return FALSE;
  memcpy(buffer, text, length);
  buffer[length] = '\0';
  char *end, *int_end;
  errno = 0;
  *out_int = g_ascii_strtoll(buffer, &int_end, 10);
  gboolean overflow = errno == ERANGE;
  *out = g_ascii_strtod(buffer, &end);
  *out_whole = int_end == end && !overflow;
  if (end == buffer || !isfinite(*out))
    return FALSE;
  if (*end == '\0')
    return TRUE;
  while (*end == ' ')
    end++;
  *unit = strcmp(end, "%") == 0 ? VN_UNIT_NONE : vn_unit_from_text(end, strlen(end));
  return *unit != VN_UNIT_NONE || strcmp(end, "%") == 0;
}

static gboolean
quantity_from_text(VnValueKind kind, VnUnit unit, const char *text, gsize length, VnValue *out)
{
  double number;
  gint64 whole_number;
  gboolean whole;
  if (!scan_number(text, length, &number, &whole_number, &whole, &unit))
    return FALSE;
  gint64 factor = unit == VN_UNIT_NONE ? 1 : vn_unit_factor(unit);
  out->kind = kind;
  if (whole && !__builtin_mul_overflow(whole_number, factor, &out->i))
    return TRUE;
  double scaled = round(number * (double)factor);
  if (fabs(scaled) >= 9.2e18)
    return FALSE;
  out->i = (gint64)scaled;
  return !whole || factor != 1;
}

static gboolean
float_from_text(VnValueKind kind, const char *text, gsize length, VnValue *out)
{
  VnUnit unit = VN_UNIT_NONE;
  gint64 whole_number;
  gboolean whole;
  *out = (VnValue){.kind = kind};
  return scan_number(text, length, &out->f, &whole_number, &whole, &unit) && unit == VN_UNIT_NONE;
}

static gboolean
int_from_text(VnValueKind kind, const char *text, gsize length, VnValue *out)
{
  VnUnit unit = VN_UNIT_NONE;
  double number;
  gboolean whole;
  *out = (VnValue){.kind = kind};
  return scan_number(text, length, &number, &out->i, &whole, &unit) && whole &&
         unit == VN_UNIT_NONE && (kind != VN_VALUE_PORT || (out->i >= 0 && out->i <= 65535));
}

static gboolean
bool_from_text(const char *text, VnValue *out)
{
  static const char *const yes[] = {"true", "1", "yes", NULL}, *const no[] = {"false", "0", "no",
                                                                             NULL};
  *out = vn_value_bool(g_strv_contains(yes, text));
  return out->b || g_strv_contains(no, text);
}

static gboolean
address_from_text(VnValueKind kind, const char *text, VnArena *arena, VnValue *out)
{
  VnAddress address;
  VnPrefix prefix;
  *out = (VnValue){.kind = kind};
  if (kind == VN_VALUE_MAC)
    return vn_mac_parse(text, &out->mac);
  if (kind == VN_VALUE_PREFIX) {
    if (!vn_prefix_parse(text, &prefix))
      return FALSE;
    out->prefix = vn_arena_memdup(arena, &prefix, sizeof(prefix));
    return TRUE;
  }
  if (!vn_address_parse(text, &address))
    return FALSE;
  out->address = vn_arena_memdup(arena, &address, sizeof(address));
  return TRUE;
}

static gboolean
scalar_from_text(VnValueKind kind, VnUnit unit, const char *text, gsize length, VnArena *arena,
                 VnValue *out)
{
  switch (kind) {
  case VN_VALUE_STRING:
  case VN_VALUE_REGEX:
    *out = vn_value_string(arena, text, (gssize)length);
    return TRUE;
  case VN_VALUE_INT:
  case VN_VALUE_PORT:
    return int_from_text(kind, text, length, out);
  case VN_VALUE_FLOAT:
  case VN_VALUE_PERCENT:
    return float_from_text(kind, text, length, out);
  case VN_VALUE_DURATION:
  case VN_VALUE_SIZE:
  case VN_VALUE_RATE:
    return quantity_from_text(kind, unit, text, length, out);
  case VN_VALUE_BOOL:
    return bool_from_text(vn_arena_strndup(arena, text, length), out);
  case VN_VALUE_ADDRESS:
  case VN_VALUE_PREFIX:
  case VN_VALUE_MAC:
    return address_from_text(kind, vn_arena_strndup(arena, text, length), arena, out);
  case VN_VALUE_NONE:
  case VN_VALUE_LIST:
  case VN_VALUE_RANGE:
  case VN_VALUE_SET:
  case VN_VALUE_HOST:
  case VN_VALUE_ROUTER:
  case VN_VALUE_SEGMENT:
  case VN_VALUE_TASK:
  case VN_VALUE_GROUP:
  case VN_VALUE_SITE:
  case VN_VALUE_IMAGE:
  case VN_VALUE_KIND_COUNT:
    return FALSE; /* no text of a guest says them */
  }
  return FALSE;
}

/* ---- lists ---- */

static VnValue
list_of(VnArena *arena, const VnValue *items, guint32 n)
{
  VnValueList *list = vn_arena_new0(arena, VnValueList);
  list->items = vn_arena_memdup(arena, items, n * sizeof(VnValue));
  list->n = n;
  return (VnValue){.kind = VN_VALUE_LIST, .list = list};
}

static gboolean
list_from_text(const VnActionField *field, VnUnit unit, const char *text, gsize length,
               VnArena *arena, VnValue *out)
{
  g_autoptr(GArray) items = g_array_new(FALSE, FALSE, sizeof(VnValue));
  const char *end = text + length;
  while (text < end) {
    const char *comma = memchr(text, ',', (gsize)(end - text));
    const char *stop = comma != NULL ? comma : end;
    VnValue item;
    if (!scalar_from_text(field->element, unit, text, (gsize)(stop - text), arena, &item))
      return FALSE;
    g_array_append_val(items, item);
    text = stop + 1;
  }
  *out = list_of(arena, (const VnValue *)(gpointer)items->data, items->len);
  return TRUE;
}

gboolean
vn_field_from_text(const VnActionField *field, VnUnit unit, const char *text, gsize length,
                   VnArena *arena, VnValue *out)
{
  return field->type == VN_VALUE_LIST
             ? list_from_text(field, unit, text, length, arena, out)
             : scalar_from_text(field->type, unit, text, length, arena, out);
}

static gboolean
field_mismatch(const VnActionField *field, const char *text, gsize length, GError **error)
{
  g_autofree char *shown = g_strndup(text, MIN(length, NUMBER_TEXT_MAX));
  g_autofree char *valid = g_utf8_make_valid(shown, -1);
  guint8 type = field->type == VN_VALUE_LIST ? field->element : field->type;
  g_set_error(error, VN_FIELD_ERROR, VN_FIELD_ERROR_TYPE,
              "the result field \"%s\" should be of type %s, but the task gave \"%s\"",
              field->name, vn_value_kind_text(type), valid);
  return FALSE;
}

/* ---- patterns ---- */

typedef struct {
  GRegex *regex;
  VnUnit unit;
  guint32 *groups; /* by field: the group's number, 0: not in this pattern */
  gboolean repeats; /* some field of it is a list */
} Pattern;

struct VnMatcher {
  const VnAction *action;
  guint32 n_patterns;
  Pattern *patterns;
};

static gboolean
pattern_compile(Pattern *pattern, const VnAction *action, const VnActionParse *parse,
                GError **error)
{
  g_autoptr(GError) failure = NULL;
  pattern->unit = parse->unit;
  pattern->groups = g_new0(guint32, action->n_fields + 1);
  pattern->regex = g_regex_new(parse->pattern, G_REGEX_RAW | G_REGEX_OPTIMIZE | G_REGEX_MULTILINE,
                               0, &failure);
  if (pattern->regex == NULL) {
    g_set_error(error, VN_FIELD_ERROR, VN_FIELD_ERROR_REGEX, "action %s: /%s/: %s", action->name,
                parse->pattern, failure->message);
    return FALSE;
  }
  for (guint32 i = 0; i < action->n_fields; i++) {
    int group = g_regex_get_string_number(pattern->regex, action->fields[i].name);
    pattern->groups[i] = group > 0 ? (guint32)group : 0;
    pattern->repeats |= group > 0 && action->fields[i].type == VN_VALUE_LIST;
  }
  return TRUE;
}

void
vn_matcher_free(VnMatcher *matcher)
{
  if (matcher == NULL)
    return;
  for (guint32 i = 0; i < matcher->n_patterns; i++) {
    if (matcher->patterns[i].regex != NULL)
      g_regex_unref(matcher->patterns[i].regex);
    g_free(matcher->patterns[i].groups);
  }
  g_free(matcher->patterns);
  g_free(matcher);
}

VnMatcher *
vn_matcher_new(const VnAction *action, const VnActionVariant *variant, GError **error)
{
  g_autoptr(VnMatcher) matcher = g_new0(VnMatcher, 1);
  matcher->action = action;
  matcher->n_patterns = variant->n_parses;
  matcher->patterns = g_new0(Pattern, variant->n_parses);
  for (guint32 i = 0; i < variant->n_parses; i++)
    if (!pattern_compile(&matcher->patterns[i], action, &variant->parses[i], error))
      return NULL;
  return g_steal_pointer(&matcher);
}

static void
field_append(const VnValue *item, VnArena *arena, VnValue *list)
{
  guint32 n = list->kind == VN_VALUE_LIST ? list->list->n : 0;
  VnValue *items = vn_arena_array0(arena, VnValue, n + 1);
  if (n > 0)
    memcpy(items, list->list->items, n * sizeof(VnValue));
  items[n] = *item;
  VnValueList *longer = vn_arena_new0(arena, VnValueList);
  *longer = (VnValueList){items, n + 1};
  *list = (VnValue){.kind = VN_VALUE_LIST, .list = longer};
}

/* The groups of one match into their fields. Lists gather in `lists`, by field. */
static gboolean
take_match(const VnMatcher *matcher, const Pattern *pattern, const GMatchInfo *match,
           const char *text, VnArena *arena, VnValue *fields, GArray **lists, gboolean first,
           GError **error)
{
  const VnAction *action = matcher->action;
  for (guint32 i = 0; i < action->n_fields; i++) {
    const VnActionField *field = &action->fields[i];
    gboolean is_list = field->type == VN_VALUE_LIST;
    int from, to;
    if (pattern->groups[i] == 0 || (!first && !is_list) ||
        !g_match_info_fetch_pos(match, (gint)pattern->groups[i], &from, &to) || from < 0)
      continue;
    VnValue value;
    if (!scalar_from_text(is_list ? field->element : field->type, pattern->unit, text + from,
                          (gsize)(to - from), arena, &value))
      return field_mismatch(field, text + from, (gsize)(to - from), error);
    if (!is_list) {
      fields[i] = value;
      continue;
    }
    if (lists[i] == NULL)
      lists[i] = g_array_new(FALSE, FALSE, sizeof(VnValue));
    g_array_append_val(lists[i], value);
  }
  return TRUE;
}

static gboolean
run_pattern(const VnMatcher *matcher, const Pattern *pattern, const char *text, gsize length,
            VnArena *arena, VnValue *fields, GArray **lists, GError **error)
{
  g_autoptr(GMatchInfo) match = NULL;
  gboolean first = TRUE;
  g_regex_match_full(pattern->regex, text, (gssize)length, 0, 0, &match, NULL);
  while (g_match_info_matches(match)) {
    if (!take_match(matcher, pattern, match, text, arena, fields, lists, first, error))
      return FALSE;
    first = FALSE;
    if (!pattern->repeats || !g_match_info_next(match, NULL))
      break;
  }
  return TRUE;
}

gboolean
vn_matcher_run(const VnMatcher *matcher, const char *text, gsize length, VnArena *arena,
              VnValue *fields, GError **error)
{
  if (matcher->n_patterns == 0)
    return TRUE;
  const VnAction *action = matcher->action;
  g_autofree GArray **lists = g_new0(GArray *, action->n_fields + 1);
  gboolean fits = TRUE;
  for (guint32 i = 0; fits && i < matcher->n_patterns; i++)
    fits = run_pattern(matcher, &matcher->patterns[i], text, length, arena, fields, lists, error);
  for (guint32 i = 0; i < action->n_fields; i++) {
    if (lists[i] == NULL)
      continue;
    fields[i] = list_of(arena, (const VnValue *)(gpointer)lists[i]->data, lists[i]->len);
    g_array_unref(lists[i]);
  }
  return fits;
}

gboolean
vn_field_take(const VnAction *action, const char *text, gsize length, VnArena *arena,
              VnValue *fields, GError **error)
{
  const char *equals = memchr(text, '=', length);
  if (equals == NULL)
    return TRUE;
  gsize name = (gsize)(equals - text);
  for (guint32 i = 0; i < action->n_fields; i++) {
    const VnActionField *field = &action->fields[i];
    if (strlen(field->name) != name || memcmp(field->name, text, name) != 0)
      continue;
    VnValue value;
    gsize rest = length - name - 1;
    if (!vn_field_from_text(field, VN_UNIT_NONE, equals + 1, rest, arena, &value))
      return field_mismatch(field, equals + 1, rest, error);
    if (field->type != VN_VALUE_LIST || fields[i].kind == VN_VALUE_NONE)
      fields[i] = value;
    else
      for (guint32 k = 0; k < value.list->n; k++)
        field_append(&value.list->items[k], arena, &fields[i]);
    return TRUE;
  }
  return TRUE;
}

const char *
vn_fields_missing(const VnAction *action, const VnValue *fields)
{
  for (guint32 i = 0; i < action->n_fields; i++)
    if (fields[i].kind == VN_VALUE_NONE && !action->fields[i].optional)
      return action->fields[i].name;
  return NULL;
}
