/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The base library: arena, names, places in texts, quantities and addresses, diagnostics. */
#include <glib/gstdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/diag-text.h"
#include "base/diag.h"
#include "base/quantity.h"
#include "base/source.h"
#include "base/symbol.h"

/* ---- arena ---- */

static void
test_arena(void)
{
  g_autoptr(VnArena) arena = vn_arena_new();
  gsize sizes[] = {1, 7, 8, 0, 100, 1 << 20, 3, 16 << 20, 40};
  char *blocks[G_N_ELEMENTS(sizes)];
  for (gsize i = 0; i < G_N_ELEMENTS(sizes); i++) {
    blocks[i] = vn_arena_alloc(arena, sizes[i]);
    g_assert_cmpuint((gsize)blocks[i] % 8, ==, 0);
    for (gsize k = 0; k < sizes[i]; k++)
      g_assert_cmpint(blocks[i][k], ==, 0);
    memset(blocks[i], (int)i + 1, sizes[i]);
  }
  for (gsize i = 0; i < G_N_ELEMENTS(sizes); i++)
    for (gsize k = 0; k < sizes[i]; k++)
      g_assert_cmpint(blocks[i][k], ==, (int)i + 1);
  g_assert_cmpuint(vn_arena_used(arena), >=, 17 << 20);
  g_assert_cmpstr(vn_arena_strndup(arena, "abcdef", 3), ==, "abc");
  g_assert_cmpstr(vn_arena_printf(arena, "%d-%s", 5, "x"), ==, "5-x");
  g_assert_null(vn_arena_strdup(arena, NULL));
}

/* ---- names ---- */

static void
test_symbols(void)
{
  g_autoptr(VnArena) arena = vn_arena_new();
  VnSymbolTable *table = vn_symbol_table_new(arena);
  const guint n = 10000;
  const VnSymbol **symbols = vn_arena_array0(arena, const VnSymbol *, n);
  for (guint i = 0; i < n; i++) {
    g_autofree char *name = g_strdup_printf("name%u", i);
    symbols[i] = vn_symbol_intern_str(table, name);
    g_assert_cmpuint(symbols[i]->id, ==, i);
    g_assert_cmpstr(symbols[i]->text, ==, name);
  }
  for (guint i = 0; i < n; i++) {
    g_autofree char *name = g_strdup_printf("name%ux", i);
    g_assert_true(vn_symbol_intern(table, name, strlen(name) - 1) == symbols[i]);
    g_assert_null(vn_symbol_find(table, name, strlen(name)));
  }
  g_assert_cmpuint(vn_symbol_count(table), ==, n);
}

/* ---- places ---- */

static void
assert_place(VnSourceSet *set, VnPos pos, const char *path, guint line, guint column)
{
  VnLocation at = vn_source_set_locate(set, pos);
  g_assert_cmpstr(at.source != NULL ? at.source->path : NULL, ==, path);
  g_assert_cmpuint(at.line, ==, line);
  g_assert_cmpuint(at.column, ==, column);
}

static void
test_places(void)
{
  g_autoptr(VnSourceSet) set = vn_source_set_new();
  g_autoptr(GError) error = NULL;
  const VnSource *a = vn_source_set_add(set, "a", "one\ntw\xc3\xb6 x\n", 11, &error);
  const VnSource *empty = vn_source_set_add(set, "empty", "", 0, &error);
  const VnSource *b = vn_source_set_add(set, "b", "z", 1, &error);
  g_assert_no_error(error);
  assert_place(set, 0, NULL, 0, 0);
  assert_place(set, a->base, "a", 1, 1);
  assert_place(set, a->base + 3, "a", 1, 4);
  assert_place(set, a->base + 4, "a", 2, 1);
  assert_place(set, a->base + 9, "a", 2, 5); /* `x`: ö is one character, two bytes */
  assert_place(set, a->base + a->size, "a", 3, 1);
  assert_place(set, empty->base, "empty", 1, 1);
  assert_place(set, b->base, "b", 1, 1);
  gsize length;
  const char *line = vn_source_set_line(set, a->base + 5, &length);
  g_assert_cmpmem(line, length, "tw\xc3\xb6 x", 6);
}

static void
test_bad_sources(void)
{
  g_autoptr(VnSourceSet) set = vn_source_set_new();
  g_autoptr(GError) error = NULL;
  g_assert_null(vn_source_set_add(set, "nul", "a\0b", 3, &error));
  g_assert_error(error, VN_SOURCE_ERROR, VN_SOURCE_ERROR_TEXT);
  g_clear_error(&error);
  g_assert_null(vn_source_set_add(set, "latin", "gr\xf6\xdf", 4, &error));
  g_assert_error(error, VN_SOURCE_ERROR, VN_SOURCE_ERROR_TEXT);
  g_assert_nonnull(strstr(error->message, "latin"));
  g_assert_nonnull(strstr(error->message, "offset 2"));
  g_clear_error(&error);
  g_assert_null(vn_source_set_load(set, "/nowhere/at/all.vnl", &error));
  g_assert_error(error, VN_SOURCE_ERROR, VN_SOURCE_ERROR_READ);
  g_clear_error(&error);
  g_assert_null(vn_source_set_load(set, "/", &error));
  g_assert_error(error, VN_SOURCE_ERROR, VN_SOURCE_ERROR_READ);
}

static void
test_load(void)
{
  g_autoptr(GError) error = NULL;
  g_autofree char *folder = g_dir_make_tmp("vnec-base-XXXXXX", &error);
  g_autofree char *path = g_build_filename(folder, "x.vnl", NULL);
  g_assert_true(g_file_set_contents(path, "host a on b;\n", -1, &error));
  g_autoptr(VnSourceSet) set = vn_source_set_new();
  const VnSource *source = vn_source_set_load(set, path, &error);
  g_assert_no_error(error);
  g_assert_cmpstr(source->text, ==, "host a on b;\n");
  g_assert_cmpuint(source->size, ==, 13);
  g_assert_cmpint(source->text[14], ==, 0);
  g_assert_cmpint(g_remove(path), ==, 0);
  g_assert_cmpint(g_rmdir(folder), ==, 0);
}

/* ---- quantities ---- */

static void
test_units(void)
{
  g_assert_cmpint(vn_unit_from_text("ms", 2), ==, VN_UNIT_MS);
  g_assert_cmpint(vn_unit_from_text("msx", 2), ==, VN_UNIT_MS);
  g_assert_cmpint(vn_unit_from_text("m", 1), ==, VN_UNIT_NONE);
  g_assert_cmpint(vn_unit_from_text("", 0), ==, VN_UNIT_NONE);
  for (guint i = 1; i <= VN_UNIT_GBIT; i++)
    g_assert_cmpint(vn_unit_from_text(vn_unit_text((VnUnit)i), strlen(vn_unit_text((VnUnit)i))),
                    ==, i);
}

static void
assert_text(char *text, const char *expected)
{
  g_assert_cmpstr(text, ==, expected);
  g_free(text);
}

static void
test_formats(void)
{
  assert_text(vn_duration_format(0), "0s");
  assert_text(vn_duration_format(500000), "500us");
  assert_text(vn_duration_format(1500000000), "1.5s");
  assert_text(vn_duration_format(3600000000000), "1h");
  assert_text(vn_duration_format(1), "1ns");
  assert_text(vn_duration_format(1234567891), "1234567.891us");
  assert_text(vn_duration_format(-2000000), "-2ms");
  assert_text(vn_size_format(64 << 20), "64MiB");
  assert_text(vn_size_format(1500), "1.5KB");
  assert_text(vn_size_format(0), "0B");
  assert_text(vn_rate_format(10000000), "10mbit");
  assert_text(vn_rate_format(1500000), "1.5mbit");
}

/* ---- addresses ---- */

static VnAddress
address(const char *text)
{
  VnAddress parsed;
  if (!vn_address_parse(text, &parsed))
    g_error("%s is no address", text);
  return parsed;
}

static void
assert_sum(const char *text, gint64 offset, const char *expected)
{
  VnAddress from = address(text), sum;
  char buffer[VN_ADDRESS_TEXT_MAX];
  gboolean fits = vn_address_add(&from, offset, &sum);
  g_assert_cmpstr(fits ? vn_address_format(&sum, buffer) : NULL, ==, expected);
}

static void
test_addresses(void)
{
  static const char *const bad[] = {"", "10.0.0", "10.0.0.256", "01.2.3.4", "1::2::3", "x"};
  VnAddress ignored;
  for (gsize i = 0; i < G_N_ELEMENTS(bad); i++)
    g_assert_false(vn_address_parse(bad[i], &ignored));
  assert_sum("10.0.0.1", 1, "10.0.0.2");
  assert_sum("10.0.0.255", 1, "10.0.1.0");
  assert_sum("10.0.1.0", -1, "10.0.0.255");
  assert_sum("255.255.255.255", 1, NULL);
  assert_sum("0.0.0.0", -1, NULL);
  assert_sum("10.0.0.0", 1 << 16, "10.1.0.0");
  assert_sum("0.0.0.0", (gint64)1 << 32, NULL);
  assert_sum("fd00::ffff:ffff", 1, "fd00::1:0:0");
  assert_sum("fd00::", -1, "fcff:ffff:ffff:ffff:ffff:ffff:ffff:ffff");
  assert_sum("10.0.0.9", G_MININT64, NULL);
  VnAddress four = address("10.0.0.1"), six = address("::1"), more = address("10.0.0.2");
  g_assert_cmpint(vn_address_compare(&four, &more), <, 0);
  g_assert_cmpint(vn_address_compare(&six, &four), >, 0);
  g_assert_cmpint(vn_address_compare(&four, &four), ==, 0);
}

static void
test_prefixes(void)
{
  static const char *const bad[] = {"10.0.0.0", "10.0.0.0/33", "10.0.0.0/", "10.0.0.0/x", "/8",
                                    "fd00::/129", "10.0.0.0/-1", "10.0.0.0/ 8"};
  VnPrefix prefix;
  for (gsize i = 0; i < G_N_ELEMENTS(bad); i++)
    g_assert_false(vn_prefix_parse(bad[i], &prefix));
  g_assert_true(vn_prefix_parse("10.1.2.3/22", &prefix));
  VnPrefix network = vn_prefix_network(&prefix);
  char buffer[VN_PREFIX_TEXT_MAX];
  g_assert_cmpstr(vn_prefix_format(&network, buffer), ==, "10.1.0.0/22");
  VnAddress in = address("10.1.3.255"), out = address("10.1.4.0"), six = address("::1");
  g_assert_true(vn_prefix_contains(&prefix, &in));
  g_assert_false(vn_prefix_contains(&prefix, &out));
  g_assert_false(vn_prefix_contains(&prefix, &six));
  g_assert_true(vn_prefix_parse("0.0.0.0/0", &prefix));
  g_assert_true(vn_prefix_contains(&prefix, &out));
}

static void
test_macs(void)
{
  guint64 mac;
  char buffer[VN_MAC_TEXT_MAX];
  g_assert_true(vn_mac_parse("52:54:00:0a:fF:01", &mac));
  g_assert_cmphex(mac, ==, 0x5254000aff01);
  g_assert_cmpstr(vn_mac_format(mac, buffer), ==, "52:54:00:0a:ff:01");
  g_assert_false(vn_mac_parse("52:54:00:0a:ff", &mac));
  g_assert_false(vn_mac_parse("52:54:00:0a:ff:011", &mac));
  g_assert_false(vn_mac_parse("52-54-00-0a-ff-01", &mac));
  g_assert_false(vn_mac_parse("", &mac));
}

/* ---- diagnostics ---- */

static void
test_sink(void)
{
  g_autoptr(VnDiagSink) sink = vn_diag_sink_new();
  vn_diag_add(sink, VN_DIAG_VN102, (VnSpan){50, 51}, "second");
  vn_diag_add(sink, VN_DIAG_VN101, (VnSpan){10, 11}, "first");
  vn_diag_add(sink, VN_DIAG_VN101, (VnSpan){10, 11}, "first");
  vn_diag_add(sink, VN_DIAG_VN123, (VnSpan){20, 21}, "a warning");
  g_assert_true(vn_diag_sink_disable(sink, "shadowed"));
  vn_diag_add(sink, VN_DIAG_VN123, (VnSpan){22, 23}, "unheard");
  g_assert_true(vn_diag_sink_enable(sink, "shadowed"));
  g_assert_false(vn_diag_sink_disable(sink, "syntax"));
  g_assert_false(vn_diag_sink_disable(sink, "no-such-name"));
  const GPtrArray *diags = vn_diag_sink_sorted(sink);
  g_assert_cmpuint(diags->len, ==, 3);
  g_assert_cmpstr(((VnDiag *)diags->pdata[0])->message, ==, "first");
  g_assert_cmpstr(((VnDiag *)diags->pdata[2])->message, ==, "second");
  g_assert_cmpuint(vn_diag_sink_count(sink, VN_SEVERITY_ERROR), ==, 2);
  g_assert_cmpuint(vn_diag_sink_count(sink, VN_SEVERITY_WARNING), ==, 1);
  vn_diag_sink_set_werror(sink, TRUE);
  vn_diag_add(sink, VN_DIAG_VN123, (VnSpan){24, 25}, "an error now");
  g_assert_cmpuint(vn_diag_sink_count(sink, VN_SEVERITY_ERROR), ==, 3);
  for (guint i = 0; i < 2 * VN_DIAG_MAX_KEPT; i++)
    vn_diag_hint(vn_diag_add(sink, VN_DIAG_VN101, (VnSpan){100 + i, 101 + i}, "many"), "hint");
  g_assert_cmpuint(vn_diag_sink_sorted(sink)->len, ==, VN_DIAG_MAX_KEPT);
  g_assert_cmpuint(vn_diag_sink_count(sink, VN_SEVERITY_ERROR), ==, 2 * VN_DIAG_MAX_KEPT + 3);
}

static void
test_codes(void)
{
  VnDiagCode code;
  g_assert_true(vn_diag_code_from_text("vn204", &code));
  g_assert_cmpint(code, ==, VN_DIAG_VN204);
  g_assert_true(vn_diag_code_from_text("rule-4", &code));
  g_assert_cmpint(code, ==, VN_DIAG_VN204);
  g_assert_false(vn_diag_code_from_text("VN999", &code));
  g_autoptr(GHashTable) names = g_hash_table_new(g_str_hash, g_str_equal);
  for (guint i = 0; i < VN_DIAG_COUNT; i++)
    g_assert_true(g_hash_table_add(names, (gpointer)vn_diag_info((VnDiagCode)i)->name));
}

static void
test_render(void)
{
  g_autoptr(VnSourceSet) set = vn_source_set_new();
  g_autoptr(VnDiagSink) sink = vn_diag_sink_new();
  static const char text[] = "segment lan;\n\thost b\xc3\xb6 on lam;\n";
  const VnSource *source = vn_source_set_add(set, "x.vnl", text, strlen(text), NULL);
  VnPos at = source->base + (VnPos)(strstr(text, "lam") - text);
  VnDiag *diag =
      vn_diag_add(sink, VN_DIAG_VN101, (VnSpan){at, at + 3}, "nothing is named `%s`", "lam");
  vn_diag_place(diag, (VnSpan){source->base + 8, source->base + 11}, "declared here");
  vn_diag_hint(diag, "did you mean `%s`?", "lan");
  vn_diag_add(sink, VN_DIAG_VN124, VN_SPAN_NONE, "of no place");
  g_autoptr(GString) out = g_string_new(NULL);
  vn_diag_render_all_text(sink, set, FALSE, out);
  g_assert_cmpstr(out->str, ==,
                  "vnec: warning[VN124]: of no place\n"
                  "x.vnl:2:13: error[VN101]: nothing is named `lam`\n"
                  "    2 | \thost b\xc3\xb6 on lam;\n"
                  "      | \t           ^~~\n"
                  "x.vnl:1:9: note: declared here\n"
                  "    1 | segment lan;\n"
                  "      |         ^~~\n"
                  "hint: did you mean `lan`?\n"
                  "1 error, 1 warning\n");
}

static void
test_nearest(void)
{
  static const char *const words[] = {"host", "router", "segment", "delay"};
  g_assert_cmpstr(vn_diag_nearest("hots", words, 4), ==, "host");
  g_assert_cmpstr(vn_diag_nearest("dealy", words, 4), ==, "delay");
  g_assert_cmpstr(vn_diag_nearest("Router", words, 4), ==, "router");
  g_assert_null(vn_diag_nearest("banana", words, 4));
  g_assert_null(vn_diag_nearest("", words, 4));
  g_assert_null(vn_diag_nearest("host", words, 0));
}

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/base/arena", test_arena);
  g_test_add_func("/base/symbols", test_symbols);
  g_test_add_func("/base/places", test_places);
  g_test_add_func("/base/bad-sources", test_bad_sources);
  g_test_add_func("/base/load", test_load);
  g_test_add_func("/base/units", test_units);
  g_test_add_func("/base/formats", test_formats);
  g_test_add_func("/base/addresses", test_addresses);
  g_test_add_func("/base/prefixes", test_prefixes);
  g_test_add_func("/base/macs", test_macs);
  g_test_add_func("/base/sink", test_sink);
  g_test_add_func("/base/codes", test_codes);
  g_test_add_func("/base/render", test_render);
  g_test_add_func("/base/nearest", test_nearest);
  return g_test_run();
}
