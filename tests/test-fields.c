/* SPDX-License-Identifier: GPL-3.0-or-later */
/* From what guests print to result fields, to JSON; and the statistics of measures. */
#include <math.h>
#include <string.h>

#include "master/fields.h"
#include "store/statistics.h"

typedef struct {
  VnArena *arena;
} Fixture;

static void
set_up(Fixture *f, gconstpointer unused)
{
  f->arena = vn_arena_new();
}

static void
tear_down(Fixture *f, gconstpointer unused)
{
  vn_arena_free(f->arena);
}

static void
assert_field(Fixture *f, VnValueKind type, VnUnit unit, const char *text, const char *json)
{
  VnActionField field = {.name = "x", .type = (guint8)type};
  VnValue value;
  gboolean fits = vn_field_from_text(&field, unit, text, strlen(text), f->arena, &value);
  if (json == NULL) {
    if (fits)
      g_error("\"%s\" should be no %s", text, vn_value_kind_text(type));
    return;
  }
  g_assert_true(fits);
  g_autoptr(GString) out = g_string_new(NULL);
  vn_value_to_json(&value, NULL, NULL, out);
  g_assert_cmpstr(out->str, ==, json);
}

static void
test_values(Fixture *f, gconstpointer unused)
{
  assert_field(f, VN_VALUE_INT, VN_UNIT_NONE, "-42", "-42");
  assert_field(f, VN_VALUE_INT, VN_UNIT_NONE, "9223372036854775807", "9223372036854775807");
  assert_field(f, VN_VALUE_INT, VN_UNIT_NONE, "9223372036854775808", NULL);
  assert_field(f, VN_VALUE_INT, VN_UNIT_NONE, "4.5", NULL);
  assert_field(f, VN_VALUE_INT, VN_UNIT_NONE, "", NULL);
  assert_field(f, VN_VALUE_INT, VN_UNIT_NONE, "12x", NULL);
  assert_field(f, VN_VALUE_PORT, VN_UNIT_NONE, "80", "80");
  assert_field(f, VN_VALUE_PORT, VN_UNIT_NONE, "65536", NULL);
  assert_field(f, VN_VALUE_FLOAT, VN_UNIT_NONE, "2.5", "2.5");
  assert_field(f, VN_VALUE_FLOAT, VN_UNIT_NONE, "nan", NULL);
  assert_field(f, VN_VALUE_PERCENT, VN_UNIT_NONE, "12.5%", "12.5");
  assert_field(f, VN_VALUE_DURATION, VN_UNIT_NONE, "1500", "1500");
  assert_field(f, VN_VALUE_DURATION, VN_UNIT_MS, "0.053", "53000");
  assert_field(f, VN_VALUE_DURATION, VN_UNIT_NONE, "1.5 ms", "1500000");
  assert_field(f, VN_VALUE_DURATION, VN_UNIT_S, "9e30", NULL);
  assert_field(f, VN_VALUE_SIZE, VN_UNIT_KIB, "2", "2048");
  assert_field(f, VN_VALUE_RATE, VN_UNIT_MBIT, "1.5", "1500000");
  assert_field(f, VN_VALUE_BOOL, VN_UNIT_NONE, "yes", "true");
  assert_field(f, VN_VALUE_BOOL, VN_UNIT_NONE, "perhaps", NULL);
  assert_field(f, VN_VALUE_STRING, VN_UNIT_NONE, "a\"b\\\n\x01\xff",
               "\"a\\\"b\\\\\\n\\u0001\xef\xbf\xbd\"");
  assert_field(f, VN_VALUE_ADDRESS, VN_UNIT_NONE, "fd00::1", "\"fd00::1\"");
  assert_field(f, VN_VALUE_ADDRESS, VN_UNIT_NONE, "10.0.0.256", NULL);
  assert_field(f, VN_VALUE_PREFIX, VN_UNIT_NONE, "10.0.0.0/24", "\"10.0.0.0/24\"");
  assert_field(f, VN_VALUE_MAC, VN_UNIT_NONE, "52:54:00:00:00:01", "\"52:54:00:00:00:01\"");
}

static const VnActionField ping_fields[] = {
    {.name = "sent", .type = VN_VALUE_INT},
    {.name = "rtt", .type = VN_VALUE_DURATION, .optional = TRUE},
    {.name = "open", .type = VN_VALUE_LIST, .element = VN_VALUE_PORT},
};
static const VnActionParse ping_parses[] = {
    {.pattern = "(?<sent>\\d+) packets"},
    {.pattern = "= (?<rtt>[\\d.]+)", .unit = VN_UNIT_MS},
    {.pattern = "^port (?<open>\\w+)"},
};
static const VnActionVariant ping_variant = {
    .form = VN_COMMAND_RUN, .parses = ping_parses, .n_parses = G_N_ELEMENTS(ping_parses)};
static const VnAction ping = {.name = "ping",
                              .fields = ping_fields,
                              .n_fields = G_N_ELEMENTS(ping_fields),
                              .variants = &ping_variant,
                              .n_variants = 1};

static void
assert_parsed(Fixture *f, const char *text, const char *json, const char *missing)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(VnMatcher) matcher = vn_matcher_new(&ping, &ping_variant, &error);
  g_assert_no_error(error);
  VnValue fields[G_N_ELEMENTS(ping_fields)] = {{0}};
  gboolean fits = vn_matcher_run(matcher, text, strlen(text), f->arena, fields, &error);
  g_assert_cmpint(fits, ==, json != NULL);
  if (!fits) {
    g_assert_error(error, VN_FIELD_ERROR, VN_FIELD_ERROR_TYPE);
    return;
  }
  g_autoptr(GString) out = g_string_new(NULL);
  vn_fields_to_json(&ping, fields, ping.n_fields, NULL, NULL, out);
  g_assert_cmpstr(out->str, ==, json);
  g_assert_cmpstr(vn_fields_missing(&ping, fields), ==, missing);
}

static void
test_patterns(Fixture *f, gconstpointer unused)
{
  assert_parsed(f, "3 packets\nport 22\nport 80\n= 1.5 ms\n",
                "{\"sent\":3,\"rtt\":1500000,\"open\":[22,80]}", NULL);
  assert_parsed(f, "port 22\n", "{\"sent\":null,\"rtt\":null,\"open\":[22]}", "sent");
  assert_parsed(f, "3 packets \xff 4 packets\nport 1", "{\"sent\":3,\"rtt\":null,\"open\":[1]}",
                NULL);
  assert_parsed(f, "3 packets\nport http\n", NULL, NULL);
}

static void
test_native(Fixture *f, gconstpointer unused)
{
  static const char *const said[] = {"sent=2", "unknown=5", "open=22,80",
                                     "open=443", "rtt=7", "x"};
  g_autoptr(GError) error = NULL;
  VnValue fields[G_N_ELEMENTS(ping_fields)] = {{0}};
  for (guint i = 0; i < G_N_ELEMENTS(said); i++)
    g_assert_true(vn_field_take(&ping, said[i], strlen(said[i]), f->arena, fields, &error));
  g_autoptr(GString) out = g_string_new(NULL);
  vn_fields_to_json(&ping, fields, ping.n_fields, NULL, NULL, out);
  g_assert_cmpstr(out->str, ==, "{\"sent\":2,\"rtt\":7,\"open\":[22,80,443]}");
  g_assert_false(vn_field_take(&ping, "sent=x", 6, f->arena, fields, &error));
  g_assert_error(error, VN_FIELD_ERROR, VN_FIELD_ERROR_TYPE);
}

static void
test_bad_pattern(Fixture *f, gconstpointer unused)
{
  static const VnActionParse parse = {.pattern = "("};
  static const VnActionVariant variant = {.parses = &parse, .n_parses = 1};
  g_autoptr(GError) error = NULL;
  g_assert_null(vn_matcher_new(&ping, &variant, &error));
  g_assert_error(error, VN_FIELD_ERROR, VN_FIELD_ERROR_REGEX);
}

static void
test_statistics(Fixture *f, gconstpointer unused)
{
  static const double values[] = {2, 4, 4, 4, 5, 5, 7, 9};
  VnStatistics s = {0};
  g_assert_cmpfloat(vn_statistics_interval(&s), ==, 0);
  for (guint i = 0; i < G_N_ELEMENTS(values); i++)
    vn_statistics_add(&s, values[i]);
  g_assert_cmpfloat_with_epsilon(s.mean, 5, 1e-12);
  g_assert_cmpfloat_with_epsilon(vn_statistics_stddev(&s), 2.138089935, 1e-8);
  g_assert_cmpfloat_with_epsilon(vn_statistics_interval(&s), 2.364624 * 2.138089935 / sqrt(8),
                                 1e-5);
  /* The table and the expansion meet; the quantile tends to the normal one. */
  g_assert_cmpfloat_with_epsilon(vn_student_t975(30), 2.042272, 1e-6);
  g_assert_cmpfloat_with_epsilon(vn_student_t975(31), 2.039513, 2e-6);
  g_assert_cmpfloat_with_epsilon(vn_student_t975(100), 1.983972, 2e-6);
  g_assert_cmpfloat_with_epsilon(vn_student_t975(1000000), 1.959966, 2e-6);
}

#define ADD(path, function) g_test_add(path, Fixture, NULL, set_up, function, tear_down)

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  ADD("/fields/values", test_values);
  ADD("/fields/patterns", test_patterns);
  ADD("/fields/native", test_native);
  ADD("/fields/bad-pattern", test_bad_pattern);
  ADD("/statistics", test_statistics);
  return g_test_run();
}
