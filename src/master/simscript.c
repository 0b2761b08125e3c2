/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Lines without wildcards are found by their text; the few others are tried in turn. */
#include "master/simscript.h"

#include <string.h>

#include "master/fields.h"

G_DEFINE_QUARK(vn - sim - error - quark, vn_sim_error)

typedef struct {
  GPatternSpec *pattern;
  const VnSimRule *rule;
  gboolean machine; /* it begins with a bracket: `*` alone is about tasks */
} Wild;

struct VnSimScript {
  VnArena *arena;
  char *path;
  GHashTable *exact; /* text → GPtrArray of rules, in order */
  GArray *wild;      /* of Wild, in order */
};

static gboolean set_error(GError **error, const VnSimScript *script, guint32 line,
                          const char *format, ...) G_GNUC_PRINTF(4, 5);

static gboolean
set_error(GError **error, const VnSimScript *script, guint32 line, const char *format, ...)
{
  va_list args;
  va_start(args, format);
  g_autofree char *what = g_strdup_vprintf(format, args);
  va_end(args);
  g_set_error(error, VN_SIM_ERROR, VN_SIM_ERROR_SCRIPT, "%s:%u: %s", script->path, line, what);
  return FALSE;
}

static gboolean
take_time(const char *text, VnArena *arena, gint64 *out)
{
  static const VnActionField field = {.type = VN_VALUE_DURATION};
  VnValue value;
  if (!vn_field_from_text(&field, VN_UNIT_NONE, text, strlen(text), arena, &value) || value.i < 0)
    return FALSE;
  *out = value.i;
  return TRUE;
}

static gboolean
take_number(const char *text, gint64 *out)
{
  return g_ascii_string_to_signed(text, 10, G_MININT32, G_MAXINT32, out, NULL);
}

/* FALSE: no such key, or its value is none. */
static gboolean
take_key(VnSimScript *script, VnSimRule *rule, const char *key, const char *value)
{
  gint64 number = 0;
  if (strcmp(key, "after") == 0)
    return take_time(value, script->arena, &rule->after_ns);
  if (strcmp(key, "ends") == 0)
    return take_time(value, script->arena, &rule->ends_ns);
  if (strcmp(key, "boot") == 0)
    return take_time(value, script->arena, &rule->boot_ns);
  if (strcmp(key, "lost") == 0)
    return take_time(value, script->arena, &rule->lost_ns);
  if (strcmp(key, "out") == 0) {
    rule->out = vn_arena_strdup(script->arena, value);
    return TRUE;
  }
  if (strcmp(key, "err") == 0) {
    rule->err = vn_arena_strdup(script->arena, value);
    return TRUE;
  }
  gboolean is_exit = strcmp(key, "exit") == 0;
  if ((!is_exit && strcmp(key, "attempt") != 0) || !take_number(value, &number))
    return FALSE;
  if (is_exit)
    rule->exit_code = (gint32)number;
  else
    rule->attempt = (guint32)number;
  return is_exit || number >= 0;
}

static gboolean
take_word(VnSimScript *script, VnSimRule *rule, GArray *fields, char *word, GError **error)
{
  char *equals = strchr(word, '=');
  if (equals == NULL)
    return set_error(error, script, rule->line, "\"%s\" should be KEY=VALUE", word);
  *equals = '\0';
  if (word[0] == '.') {
    VnSimField field = {vn_arena_strdup(script->arena, word + 1),
                        vn_arena_strdup(script->arena, equals + 1)};
    g_array_append_val(fields, field);
    return TRUE;
  }
  if (take_key(script, rule, word, equals + 1))
    return TRUE;
  return set_error(error, script, rule->line,
                   "%s=%s: not a key with a value that fits; keys are after, attempt, boot, ends, "
                   "err, exit, lost, out, and .FIELD of the action's results",
                   word, equals + 1);
}

static gboolean
add_rule(VnSimScript *script, const char *who, const VnSimRule *rule, GError **error)
{
  if (strpbrk(who, "*?") != NULL) {
    if (script->wild->len >= VN_SIM_SCRIPT_MAX_WILD)
      return set_error(error, script, rule->line, "more than %u lines with * or ?",
                       VN_SIM_SCRIPT_MAX_WILD);
    Wild wild = {g_pattern_spec_new(who), rule, who[0] == '['};
    g_array_append_val(script->wild, wild);
    return TRUE;
  }
  GPtrArray *rules = g_hash_table_lookup(script->exact, who);
  if (rules == NULL) {
    rules = g_ptr_array_new();
    g_hash_table_insert(script->exact, g_strdup(who), rules);
  }
  g_ptr_array_add(rules, (gpointer)rule);
  return TRUE;
}

static gboolean
take_line(VnSimScript *script, guint32 line, const char *text, GError **error)
{
  g_auto(GStrv) words = NULL;
  g_autoptr(GError) cause = NULL;
  int n_words = 0;
  if (!g_shell_parse_argv(text, &n_words, &words, &cause))
    return set_error(error, script, line, "%s", cause->message);
  VnSimRule *rule = vn_arena_new0(script->arena, VnSimRule);
  *rule = (VnSimRule){.line = line,
                      .attempt = VN_NO_ID,
                      .after_ns = -1,
                      .ends_ns = -1,
                      .boot_ns = -1,
                      .lost_ns = -1};
  g_autoptr(GArray) fields = g_array_new(FALSE, FALSE, sizeof(VnSimField));
  for (int k = 1; k < n_words; k++) {
    if (!take_word(script, rule, fields, words[k], error))
      return FALSE;
  }
  rule->fields = vn_arena_memdup(script->arena, fields->data, fields->len * sizeof(VnSimField));
  rule->n_fields = fields->len;
  return add_rule(script, words[0], rule, error);
}

static void
free_rules(gpointer rules)
{
  g_ptr_array_unref(rules);
}

static void
clear_wild(gpointer wild)
{
  g_pattern_spec_free(((Wild *)wild)->pattern);
}

VnSimScript *
vn_sim_script_parse(const char *path, const char *text, GError **error)
{
  g_autoptr(VnSimScript) script = g_new0(VnSimScript, 1);
  script->arena = vn_arena_new();
  script->path = g_strdup(path);
  script->exact = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, free_rules);
  script->wild = g_array_new(FALSE, FALSE, sizeof(Wild));
  g_array_set_clear_func(script->wild, clear_wild);
  guint32 number = 0;
  while (text != NULL && *text != '\0') {
    const char *end = strchr(text, '\n');
    g_autofree char *line = end != NULL ? g_strndup(text, (gsize)(end - text)) : g_strdup(text);
    text = end != NULL ? end + 1 : NULL;
    number++;
    g_strstrip(line);
    if (line[0] != '\0' && line[0] != '#' && !take_line(script, number, line, error))
      return NULL;
  }
  return g_steal_pointer(&script);
}

VnSimScript *
vn_sim_script_load(const char *path, GError **error)
{
  g_autofree char *text = NULL;
  gsize length = 0;
  if (!g_file_get_contents(path, &text, &length, error)) {
    g_prefix_error(error, "reading the script of simulated machines: ");
    return NULL;
  }
  if (length > VN_SIM_SCRIPT_MAX_BYTES || !g_utf8_validate_len(text, length, NULL)) {
    g_set_error(error, VN_SIM_ERROR, VN_SIM_ERROR_SCRIPT, "%s: not a text, or larger than %u MiB",
                path, VN_SIM_SCRIPT_MAX_BYTES >> 20);
    return NULL;
  }
  return vn_sim_script_parse(path, text, error);
}

void
vn_sim_script_free(VnSimScript *script)
{
  if (script == NULL)
    return;
  g_hash_table_unref(script->exact);
  g_array_unref(script->wild);
  vn_arena_free(script->arena);
  g_free(script->path);
  g_free(script);
}

static const VnSimRule *
earlier(const VnSimRule *a, const VnSimRule *b)
{
  return a == NULL || (b != NULL && b->line < a->line) ? b : a;
}

static const VnSimRule *
find_exact(const VnSimScript *script, const char *who, guint32 attempt)
{
  const GPtrArray *rules = g_hash_table_lookup(script->exact, who);
  for (guint k = 0; rules != NULL && k < rules->len; k++) {
    const VnSimRule *rule = g_ptr_array_index(rules, k);
    if (rule->attempt == VN_NO_ID || rule->attempt == attempt)
      return rule;
  }
  return NULL;
}

static const VnSimRule *
find_wild(const VnSimScript *script, const char *task, const char *full, guint32 attempt)
{
  for (guint k = 0; k < script->wild->len; k++) {
    const Wild *wild = &g_array_index(script->wild, Wild, k);
    if (wild->machine != (task == NULL) ||
        (wild->rule->attempt != VN_NO_ID && wild->rule->attempt != attempt))
      continue;
    if (g_pattern_spec_match_string(wild->pattern, full) ||
        (task != NULL && g_pattern_spec_match_string(wild->pattern, task)))
      return wild->rule;
  }
  return NULL;
}

const VnSimRule *
vn_sim_script_find(const VnSimScript *script, const char *task, const char *vm, guint32 attempt)
{
  g_autofree char *full = g_strdup_printf("%s[%s]", task != NULL ? task : "", vm);
  const VnSimRule *rule = find_exact(script, full, attempt);
  if (task != NULL)
    rule = earlier(rule, find_exact(script, task, attempt));
  return earlier(rule, find_wild(script, task, full, attempt));
}
