/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is emitted of a small network, and of diagnostics. Forms of whole scripts are compared in
 * topology.test. */
#include "topology-build.h"

#include <json-glib/json-glib.h>

#include "emit/emit.h"

static void
build(Net *net)
{
  net_init(net);
  net_site(net, "remote");
  net->model.name = "say \"hello\"";
  g_assert_true(vn_prefix_parse("10.92.1.0/24", &net->model.topology.network4));
  guint32 s1 = net_segment(net, "s1", NULL), s2 = net_segment(net, "s2", NULL);
  g_array_index(net->segments, VnSegment, s2).site = 1;
  net_host(net, "h[1]", s1, "10.92.1.21");
  net_host(net, "h[2]", s2, "10.92.1.22");
  guint32 r1 = net_vm(net, "R1", VN_VM_ROUTER);
  net_join(net, r1, s1, NULL);
  net_join(net, r1, s2, NULL);
  g_assert_true(net_complete(net));
}

static void
test_routes(void)
{
  Net net;
  build(&net);
  g_autoptr(GString) out = g_string_new(NULL);
  vn_emit_routes(&net.model, out);
  g_assert_cmpstr(out->str, ==,
                  "router R1\n"
                  "  10.92.1.21          s1\n"
                  "  10.92.1.22          Ext to R1.2\n"
                  "  answers on s1 for 10.92.1.22\n"
                  "router R1.2\n"
                  "  10.92.1.21          Ext to R1\n"
                  "  10.92.1.22          s2\n"
                  "  answers on s2 for 10.92.1.21\n");
  net_clear(&net);
}

static void
test_topology(void)
{
  Net net;
  build(&net);
  g_autoptr(GString) out = g_string_new(NULL);
  vn_emit_topology(&net.model, out);
  g_assert_cmpstr(out->str, ==,
                  "network 10.92.1.0/24\n"
                  "segment s1 10.92.1.0/24 at local using netns\n"
                  "  host    h[1]              10.92.1.21       02:00:00:00:00:00\n"
                  "  router  R1                10.92.1.254      02:00:00:02:00:00\n"
                  "segment s2 10.92.1.0/24 at remote using netns\n"
                  "  host    h[2]              10.92.1.22       02:00:00:01:00:00\n"
                  "  router  R1.2              10.92.1.253      02:00:00:03:00:00\n"
                  "router R1 joins s1; external to R1.2\n"
                  "router R1.2 joins s2; external to R1  split from R1\n");
  net_clear(&net);
}

static void
test_vnl(void)
{
  Net net;
  build(&net);
  g_autoptr(GString) out = g_string_new(NULL);
  vn_emit_vnl(&net.model, out);
  g_assert_cmpstr(out->str, ==,
                  "experiment \"say \\\"hello\\\"\";\n"
                  "site remote;\n"
                  "network 10.92.1.0/24;\n"
                  "segment s1 using netns;\n"
                  "segment s2 at remote using netns;\n"
                  "host h[1] on s1 address 10.92.1.21 mac 02:00:00:00:00:00;\n"
                  "host h[2] on s2 address 10.92.1.22 mac 02:00:00:01:00:00;\n"
                  "router R1 joins s1, s2 address [10.92.1.254, 10.92.1.253];\n");
  net_clear(&net);
}

static JsonObject *
parse(JsonParser *parser, const GString *text)
{
  g_autoptr(GError) error = NULL;
  json_parser_load_from_data(parser, text->str, (gssize)text->len, &error);
  g_assert_no_error(error);
  return json_node_get_object(json_parser_get_root(parser));
}

static void
test_json(void)
{
  Net net;
  build(&net);
  g_autoptr(GString) out = g_string_new(NULL);
  g_autoptr(JsonParser) parser = json_parser_new();
  vn_emit_json(&net.model, out);
  JsonObject *root = parse(parser, out);
  g_assert_cmpstr(json_object_get_string_member(root, "experiment"), ==, "say \"hello\"");
  JsonArray *machines = json_object_get_array_member(root, "machines");
  g_assert_cmpuint(json_array_get_length(machines), ==, 4);
  JsonObject *part = json_array_get_object_element(machines, 3);
  g_assert_cmpstr(json_object_get_string_member(part, "split_of"), ==, "R1");
  g_assert_cmpuint(json_array_get_length(json_object_get_array_member(part, "routes")), ==, 2);
  net_clear(&net);
}

/* Places of characters, not bytes, in both forms. */
static void
test_diagnostics(void)
{
  static const char text[] = "segment lan;\n\"\303\244\303\266\" host a on lam;\n";
  g_autoptr(VnSourceSet) sources = vn_source_set_new();
  g_autoptr(VnDiagSink) sink = vn_diag_sink_new();
  const VnSource *source =
      vn_source_set_add(sources, "dir/my file.vnl", text, sizeof text - 1, NULL);
  guint32 at = source->base + (guint32)(strstr(text, "lam") - text);
  VnDiag *diag = vn_diag_add(sink, VN_DIAG_VN101, (VnSpan){at, at + 3}, "unknown");
  vn_diag_place(diag, (VnSpan){source->base + 8, source->base + 11}, "declared here");
  vn_diag_hint(diag, "try `lan`");

  g_autoptr(GString) json = g_string_new(NULL);
  g_autoptr(JsonParser) parser = json_parser_new();
  vn_emit_diag_json(sink, sources, json);
  JsonObject *root = parse(parser, json);
  g_assert_cmpint(json_object_get_int_member(root, "errors"), ==, 1);
  JsonObject *first =
      json_array_get_object_element(json_object_get_array_member(root, "diagnostics"), 0);
  g_assert_cmpint(json_object_get_int_member(first, "line"), ==, 2);
  g_assert_cmpint(json_object_get_int_member(first, "column"), ==, 16);
  g_assert_cmpint(json_object_get_int_member(first, "end_column"), ==, 19);

  g_autoptr(GString) sarif = g_string_new(NULL);
  vn_emit_diag_sarif(sink, sources, "1.0", sarif);
  root = parse(parser, sarif);
  JsonObject *run = json_array_get_object_element(json_object_get_array_member(root, "runs"), 0);
  JsonObject *result =
      json_array_get_object_element(json_object_get_array_member(run, "results"), 0);
  g_assert_cmpstr(json_object_get_string_member(result, "ruleId"), ==, "VN101");
  g_assert_nonnull(strstr(sarif->str, "\"dir/my%20file.vnl\""));
  JsonObject *driver =
      json_object_get_object_member(json_object_get_object_member(run, "tool"), "driver");
  JsonObject *rule =
      json_array_get_object_element(json_object_get_array_member(driver, "rules"),
                                    (guint)json_object_get_int_member(result, "ruleIndex"));
  g_assert_cmpstr(json_object_get_string_member(rule, "id"), ==, "VN101");
}

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/emit/routes", test_routes);
  g_test_add_func("/emit/topology", test_topology);
  g_test_add_func("/emit/vnl", test_vnl);
  g_test_add_func("/emit/json", test_json);
  g_test_add_func("/emit/diagnostics", test_diagnostics);
  return g_test_run();
}
