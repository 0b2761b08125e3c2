/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The compiler: what it says of mistakes (golden files: tests/diag/sema/NAME.vnl and
 * NAME.expected; VNEC_UPDATE_GOLDEN=1 writes them anew), and the models that it makes. */
#include <glib/gstdio.h>
#include <string.h>

#include "base/diag-text.h"
#include "sema/compile.h"

typedef struct {
  VnSourceSet *sources;
  VnDiagSink *sink;
  VnCompiler *compiler;
  VnModel *model;
} Unit;

static void
unit_init(Unit *u)
{
  static const VnCompileOptions options = {.stdlib_dir = "../../../stdlib"};
  u->sources = vn_source_set_new();
  u->sink = vn_diag_sink_new();
  u->compiler = vn_compiler_new(u->sources, u->sink, &options);
  u->model = NULL;
}

static void
unit_clear(Unit *u)
{
  vn_compiler_free(u->compiler);
  vn_diag_sink_free(u->sink);
  vn_source_set_free(u->sources);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Unit, unit_clear)

static char *
said_by(Unit *u)
{
  GString *out = g_string_new(NULL);
  vn_diag_render_all_text(u->sink, u->sources, FALSE, out);
  return g_string_free(out, FALSE);
}

/* ---- golden files ---- */

static void
check_golden(const char *path, const char *text)
{
  if (g_getenv("VNEC_UPDATE_GOLDEN") != NULL) {
    g_assert_true(g_file_set_contents(path, text, -1, NULL));
    return;
  }
  g_autofree char *expected = NULL;
  if (!g_file_get_contents(path, &expected, NULL, NULL))
    g_error("%s is missing: VNEC_UPDATE_GOLDEN=1 writes it", path);
  if (strcmp(text, expected) != 0)
    g_error("%s differs; what was said:\n%s", path, text);
}

static void
test_golden(gconstpointer data)
{
  g_auto(Unit) u;
  unit_init(&u);
  const char *name = data;
  vn_compiler_load(u.compiler, name);
  vn_compiler_model(u.compiler, NULL, 0);
  g_autofree char *said = said_by(&u);
  g_autofree char *stem = g_strndup(name, strlen(name) - strlen(".vnl"));
  g_autofree char *golden = g_strconcat(stem, ".expected", NULL);
  check_golden(golden, said);
}

static void
add_goldens(void)
{
  g_autoptr(GDir) dir = g_dir_open(".", 0, NULL);
  g_assert_nonnull(dir);
  for (const char *name = g_dir_read_name(dir); name != NULL; name = g_dir_read_name(dir))
    if (g_str_has_suffix(name, ".vnl")) {
      g_autofree char *path = g_strconcat("/diag/", name, NULL);
      g_test_add_data_func_full(path, g_strdup(name), test_golden, g_free);
    }
}

/* ---- models ---- */

/* Compiles a text, from a file of its own. */
static VnModel *
compile_with(Unit *u, const char *text, const VnDefine *defines, gsize n_defines)
{
  g_autofree char *path = NULL;
  unit_init(u);
  int fd = g_file_open_tmp("vnec-XXXXXX.vnl", &path, NULL);
  g_assert_cmpint(fd, >=, 0);
  g_assert_true(g_close(fd, NULL));
  g_assert_true(g_file_set_contents(path, text, -1, NULL));
  vn_compiler_load(u->compiler, path);
  u->model = vn_compiler_model(u->compiler, defines, n_defines);
  g_unlink(path);
  return u->model;
}

static VnModel *
compile(Unit *u, const char *text)
{
  VnModel *model = compile_with(u, text, NULL, 0);
  g_autofree char *said = said_by(u);
  if (model == NULL)
    g_error("%s\nwas refused:\n%s", text, said);
  return model;
}

static void
assert_says(const char *text, const VnDefine *defines, gsize n_defines, const char *expected)
{
  g_auto(Unit) u;
  g_assert_null(compile_with(&u, text, defines, n_defines));
  g_autofree char *said = said_by(&u);
  if (strstr(said, expected) == NULL)
    g_error("%s\nsaid\n%s\nnot\n%s", text, said, expected);
}

#define LAN "segment lan 10.0.0.0/16;\n"
#define NET "use std.net;\n" LAN

/* A value of a constant, by way of a parameter. */
static char *
value_of(const char *expression)
{
  g_auto(Unit) u;
  g_autofree char *text =
      g_strconcat(NET "let f(x) = x * 2 + 1; let list = [3, 1, 2]; site far at \"x\";\n"
                      "host h[1..4] on lan; router r joins lan; task t = h[1]: env(value=",
                  expression, ");\naction env(value: string) { native env(value); }\n", NULL);
  VnModel *model = compile(&u, text);
  GString *out = g_string_new(NULL);
  vn_value_format(&model->tasks[0].args[0]->value, vn_model_name_of, model, out);
  return g_string_free(out, FALSE);
}

static void
test_expressions(void)
{
  static const struct {
    const char *expression, *value;
  } cases[] = {
      {"\"{1 + 2 * 3}\"", "7"},
      {"\"{-7 / 2} {-7 % 3}\"", "-4 2"},
      {"\"{7 / 2.0}\"", "3.5"},
      {"\"{10ms * 3} {1s / 4} {5s + 3ms}\"", "30ms 250ms 5.003s"},
      {"\"{1MB / 1s} {10mbit * 2s} {50% * 10mbit}\"", "8mbit 2.5MB 5mbit"},
      {"\"{10.0.0.1 + 300} {10.0.0.9 - 10.0.0.1} {fd00::1 + 1}\"", "10.0.1.45 8 fd00::2"},
      {"\"{(10.0.0.0/8)[5]}\"", "10.0.0.5"},
      {"\"{200ms in s} {5s in s} {1h in min}\"", "0.2 5 60"},
      {"\"{f(f(1))} {f(x=2)}\"", "7 5"},
      {"\"{list} {list[0]} {count(list)} {sum(list)} {max(list)} {mean(list)}\"",
       "3,1,2 3 3 6 3 2"},
      {"\"{median([1, 2, 3, 4])} {percentile([1, 2, 3], 50)} {stddev([2, 4])}\"",
       "2.5 2 1.4142135623730951"},
      {"\"{sum(1..100)} {count([true, false])} {all([true])} {any([false])}\"",
       "5050 1 true false"},
      {"\"{h} {h[2..3]} {h - h[1]} {h[1] | h[3]} {{x}\"",
       "h[1],h[2],h[3],h[4] h[2],h[3] h[2],h[3],h[4] h[1],h[3] {x}"},
      {"\"{all} {routers} {hosts(lan)} {hosts(local)} {h & {h[2], r}}\"",
       "h[1],h[2],h[3],h[4] r h[1],h[2],h[3],h[4] h[1],h[2],h[3],h[4] h[2]"},
      {"\"{count(all)} {count(hosts(far))}\"", "4 0"},
      {"\"{1 < 2 and not (3 == 4) or 1 / 1 == 0}\"", "true"},
      {"\"{\"a\" + \"b\"} {\"a\" < \"b\"}\"", "ab true"},
      {"\"{52:54:00:00:00:01 + 255}\"", "52:54:00:00:01:00"},
      {"\"{1.5} {1000.0} {0.25 + 0.5}\"", "1.5 1000 0.75"},
      {"\"{64KiB} {1500B} {1000gbit} {1% + 2%}\"", "64KiB 1.5KB 1000gbit 3%"},
  };
  for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
    g_autofree char *value = value_of(cases[i].expression);
    g_test_message("%s", cases[i].expression);
    g_assert_cmpstr(value, ==, cases[i].value);
  }
}

static void
test_hello(void)
{
  g_auto(Unit) u;
  VnModel *m = compile(&u, "## Two hosts.\nexperiment \"hello\";\n" NET
                           "## First.\nhost alice on lan;\nhost bob on lan;\n"
                           "task hello = alice: ping(bob, count=3);\n"
                           "expect hello.received == 3;\n");
  g_assert_cmpstr(m->name, ==, "hello");
  g_assert_cmpstr(m->doc, ==, "Two hosts.");
  g_assert_cmpstr(m->topology.vms[0].doc, ==, "First.");
  g_assert_cmpuint(m->topology.n_vms, ==, 2);
  g_assert_cmpuint(m->topology.n_ifaces, ==, 2);
  g_assert_cmpuint(m->n_actions, ==, 1);
  g_assert_cmpstr(m->actions[0].module, ==, "std.net");
  g_assert_cmpuint(m->tasks[0].n_args, ==, 3);
  g_assert_cmpuint(m->tasks[0].args[0]->value.kind, ==, VN_VALUE_HOST);
  g_assert_cmpint(m->tasks[0].args[1]->value.i, ==, 3);
  g_assert_cmpint(m->tasks[0].args[2]->value.i, ==, 200000000); /* its default */
  g_assert_cmpstr(m->expectations[0].text, ==, "hello.received == 3");
  const VnExpr *result = m->expectations[0].condition->operands[0];
  g_assert_cmpuint(result->kind, ==, VN_EXPR_RESULT);
  g_assert_cmpuint(result->index, ==, VN_FIELD_OWN + 1);
  g_assert_cmpuint(result->vm, ==, 0);
  g_assert_cmpstr(vn_model_field_name(m, &m->tasks[0], result->index), ==, "received");
}

static void
test_arrays(void)
{
  g_auto(Unit) u;
  VnModel *m =
      compile(&u, "use std.net;\nsegment lan[1..4] 10.1.0.0/16 delay 2ms;\nrouter core joins lan;\n"
                  "for i in 1..6 { host h[i] on lan[(i - 1) % 4 + 1]; }\n"
                  "host extra[i in 1..2] on lan[i] address 10.1.0.10 + i * 64;\n"
                  "group g = h[2..4] | extra;\n"
                  "task t[i in 1..3] = h[i]: ping(h[i + 1]);\n"
                  "task last = g: ping(h[1]) after t, t[2];\n"
                  "flow t -> {last} -> down; task down = all: power_off(keep);\n"
                  "measure m = sum(t.received) + count(last.ok);\n"
                  "expect last[h[3]].received > 0;\n");
  char text[VN_PREFIX_TEXT_MAX];
  g_assert_cmpstr(m->topology.segments[3].name, ==, "lan[4]");
  g_assert_cmpstr(vn_prefix_format(&m->topology.segments[3].prefix4, text), ==, "10.1.192.0/18");
  g_assert_cmpuint(m->topology.n_vms, ==, 9);
  g_assert_cmpuint(m->topology.vms[0].n_ifaces, ==, 4);
  g_assert_cmpstr(m->topology.vms[6].name, ==, "h[6]");
  g_assert_cmpuint(m->topology.ifaces[m->topology.vms[5].first_iface].segment, ==, 0);
  g_assert_cmpuint(m->groups[0].n_vms, ==, 5);
  g_assert_cmpuint(m->n_tasks, ==, 5);
  g_assert_cmpstr(m->tasks[2].name, ==, "t[3]");
  const VnTask *last = &m->tasks[3], *down = &m->tasks[4];
  g_assert_cmpuint(last->n_after, ==, 3); /* without repeats */
  g_assert_true(last->group);
  g_assert_cmpuint(last->n_targets, ==, 5);
  g_assert_cmpuint(down->control, ==, VN_CONTROL_POWER_OFF);
  g_assert_true(down->args[0]->value.b);
  g_assert_cmpuint(down->n_after, ==, 1);
  g_assert_cmpuint(down->n_targets, ==, 8);
  g_assert_cmpuint(m->expectations[0].condition->operands[0]->vm, ==, 3);
}

static void
test_any_order(void)
{
  g_auto(Unit) u;
  VnModel *m = compile(&u, "expect t.received == n and count(g) == 2;\n"
                           "task t = first: ping(h[n]) after prepare when all(prepare.ok);\n"
                           "group g = rest | first;\ngroup rest = h - h[1];\n"
                           "task prepare = g: power_on;\n"
                           "host h[1..n] on lan;\nparam n: int = k + 1;\nlet k = 1;\n"
                           "let first = h[1];\n" NET);
  g_assert_cmpuint(m->tasks[0].after[0], ==, 1);
  g_assert_cmpuint(m->tasks[1].n_targets, ==, 2);
  g_assert_nonnull(m->tasks[0].when);
}

static void
test_params(void)
{
  g_auto(Unit) u;
  const char *text =
      "param n: int in 2..20 = 5;\nparam who: string = \"x\";\nparam d: duration = 1s;\n"
      "param f: float = 1;\nparam swept: int;\nsweep swept in [7, 8];\nsweep n in 3..5;\n"
      "param l: list<int> = [1];\n" LAN "host h[1..n] on lan;\n";
  const VnDefine good[] = {{"n", "9"}, {"who", "big alice"}, {"d", "5ms * 2"}, {"l", "[1, 2]"}};
  VnModel *m = compile_with(&u, text, good, G_N_ELEMENTS(good));
  g_assert_nonnull(m);
  g_assert_cmpuint(m->topology.n_vms, ==, 9);
  g_assert_cmpstr(m->params[1].value.text->text, ==, "big alice");
  g_assert_cmpint(m->params[2].value.i, ==, 10000000);
  g_assert_cmpfloat(m->params[3].value.f, ==, 1.0);
  g_assert_cmpint(m->params[4].value.i, ==, 7);
  g_assert_cmpuint(m->n_sweeps, ==, 2);
  g_assert_cmpuint(m->sweeps[1].n_values, ==, 3);
  /* the same compiler, for another point of the sweep */
  const VnDefine other[] = {{"n", "3"}, {"swept", "8"}};
  m = vn_compiler_model(u.compiler, other, G_N_ELEMENTS(other));
  g_assert_cmpuint(m->topology.n_vms, ==, 3);
  g_assert_cmpint(m->params[4].value.i, ==, 8);
  const VnDefine range = {"n", "21"}, unknown = {"nn", "2"}, type = {"d", "5"},
                 syntax = {"n", "1 +"};
  assert_says(text, &range, 1, "-D n:1:1: error[VN111]: `n` must lie in 2..20, this is 21");
  assert_says(text, &unknown, 1, "error[VN113]: the script has no parameter `nn` (-D nn)");
  assert_says(text, &type, 1, "-D d:1:1: error[VN104]: the value must be a duration");
  assert_says(text, &syntax, 1, "-D n:1:4: error[VN001]");
  /* A value that is refused brings no complaint about what would have followed from it. */
  g_auto(Unit) alone;
  const char *with_task = "use std.proc;\nparam n: int in 1..9 = 5;\n" LAN
                          "host h[1..n] on lan;\ntask t = h: shell(\"true\");\n";
  const VnDefine high = {"n", "10"};
  g_assert_null(compile_with(&alone, with_task, &high, 1));
  g_assert_cmpuint(vn_diag_sink_count(alone.sink, VN_SEVERITY_ERROR), ==, 1);
  assert_says("param n: int;", NULL, 0, "error[VN112]: parameter `n` has no value");
}

static void
test_network(void)
{
  g_auto(Unit) u;
  VnModel *m = compile(
      &u, "rules paper;\nnetwork 10.92.1.0/24;\nsite far at \"192.168.1.2:7092\" key \"abc\";\n"
          "image w { technology vmware; vm \"w.vmx\"; os windows; memory 64MiB; }\n"
          "segment a at far;\nsegment b using netns capture \"b.pcapng\" filter \"icmp\";\n"
          "host x on a image w address 10.92.1.4 initially off env K=\"{1 + 1}\" file \"f\" to "
          "\"/f\";\n"
          "host y on b mac 52:54:00:00:00:01 memory 32MiB cpus 2 processes 10 vm \"y\";\n"
          "router r joins a, b address [10.92.1.1, 10.92.1.2, fd00::1];\n"
          "host z on a address preset address 10.92.1.9;\n");
  const VnTopology *t = &m->topology;
  g_assert_true(m->paper_rules);
  g_assert_cmpuint(m->n_sites, ==, 2);
  g_assert_cmpuint(t->segments[0].site, ==, 1);
  g_assert_cmpuint(t->segments[0].tech, ==, VN_NO_ID);
  g_assert_cmpstr(t->segments[1].capture_filter, ==, "icmp");
  g_assert_cmpuint(t->network4.length, ==, 24);
  g_assert_cmpuint(t->vms[0].initially, ==, VN_INITIALLY_OFF);
  g_assert_cmpstr(t->vms[0].env[0].value, ==, "2");
  g_assert_cmpstr(t->vms[0].files[0].target, ==, "/f");
  g_assert_cmpuint(t->vms[0].image, ==, 0);
  g_assert_cmpstr(vn_model_os(m, 0), ==, "windows");
  g_assert_cmpint(m->images[0].memory, ==, 64 << 20);
  g_assert_cmpuint(t->ifaces[t->vms[1].first_iface].mac, ==, G_GUINT64_CONSTANT(0x525400000001));
  const VnIface *z = &t->ifaces[t->vms[3].first_iface];
  g_assert_true(z->preset);
  g_assert_cmpuint(z->address4.bytes[3], ==, 9);
  const VnIface *r = &t->ifaces[t->vms[2].first_iface];
  g_assert_cmpuint(r[1].address4.bytes[3], ==, 2);
  g_assert_cmpuint(r[0].address6.family, ==, 6);
  g_assert_cmpuint(r[1].address6.family, ==, 0);
}

static void
test_actions(void)
{
  g_auto(Unit) u;
  VnModel *m = compile(
      &u, LAN
      "host h on lan;\nlet base = 1000;\n"
      "action serve(port: port, extra: list<string> = [], who: host | address | router?) \n"
      "  returns (hits: int) background {\n"
      "  provides tcp port; reads \"/srv/{port}\"; for linux;\n"
      "  linux script \"\"\"\n    echo $port {not interpolated}\n    \"\"\" with \"/bin/sh\" {\n"
      "    parse /(?<hits>\\d+)/;\n  }\n"
      "  windows run [\"serve\", port + base, extra, 5s in ms] { parse /(?<hits>\\d+)/; }\n"
      "  ready when port port; ready when /up/ on stderr;\n"
      "  succeeds when hits > 0 or exit_code == 3;\n}\n"
      "task t = h: serve(80);\ntask s = stop(t) after t;\n");
  const VnAction *a = &m->actions[0];
  g_assert_true(a->background);
  g_assert_cmpuint(a->n_variants, ==, 2);
  g_assert_cmpstr(a->variants[0].text, ==, "echo $port {not interpolated}\n");
  g_assert_cmpuint(a->variants[1].argv[1]->kind, ==, VN_EXPR_BINARY);
  g_assert_cmpint(a->variants[1].argv[3]->value.i, ==, 5000);
  g_assert_cmpuint(a->variants[1].argv[2]->type, ==, VN_VALUE_LIST);
  g_assert_cmpuint(a->n_ready, ==, 2);
  g_assert_true(a->ready[1].on_stderr);
  g_assert_cmpuint(a->succeeds->operands[0]->operands[0]->index, ==, VN_FIELD_OWN);
  g_assert_cmpuint(m->tasks[0].args[0]->value.kind, ==, VN_VALUE_PORT);
  g_assert_null(m->tasks[0].args[2]);
  g_assert_cmpuint(m->tasks[1].args[0]->value.id, ==, 0);
}

static void
test_choices(void)
{
  g_auto(Unit) u;
  VnModel *m = compile(
      &u,
      NET "param wide: bool = false;\nhost a on lan;\n"
          "if wide { host b on lan; group g = {a, b}; }\n"
          "else { group g = {a}; }\n"
          "for v in {a} { task t[1] = v: ping(a); }\n"
          "for i in 1..2 { let k = i * 2; let twice(x) = x * k; task w[i] = wait(twice(1s)); }\n");
  g_assert_cmpuint(m->groups[0].n_vms, ==, 1);
  g_assert_cmpint(m->tasks[2].args[0]->value.i, ==, G_GINT64_CONSTANT(4000000000));
  const VnDefine wide = {"wide", "true"};
  m = vn_compiler_model(u.compiler, &wide, 1);
  g_assert_cmpuint(m->groups[0].n_vms, ==, 2);
}

static void
test_measures(void)
{
  g_auto(Unit) u;
  VnModel *m = compile(&u, LAN "host a on lan;\nexpect both == 8 and n == 5;\n"
                               "measure both = m + n;\nif true { let k = 2; measure n = m + k; }\n"
                               "measure m = sum([1, 2]);\n"
                               "task t = a: power_on;\nmeasure time = t.duration;\n"
                               "expect time < 5s;\n");
  g_assert_cmpuint(m->n_measures, ==, 4);
  g_assert_true(m->expectations[0].condition->value.b);
  g_assert_cmpuint(m->expectations[1].condition->operands[0]->kind, ==, VN_EXPR_RESULT);
  for (guint i = 0; i < m->n_measures; i++)
    g_assert_nonnull(m->measures[i].value);
}

/* The network is there for its own mistakes, if none of the others is about it. */
static void
test_network_apart(void)
{
  static const struct {
    const char *text;
    gboolean trusted;
  } cases[] = {
      {NET "host a on lan; task t = a: pong(a);", TRUE},
      {NET "host a on lan; expect nothing.here;", TRUE},
      {NET "host a on lan; trials 0;", FALSE},
      {NET "host a on lann;", FALSE},
      {NET "let x = 1 / 0; host a on lan memory x * 1MiB;", FALSE},
      {"param n: int in 1..2 = 3; segment lan; host h[1..n] on lan;", FALSE},
      {"segment lan; host a on lan delay;", FALSE},
      {"segment lan; for i in 1..2 { host a on lan; }", FALSE},
  };
  for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
    g_auto(Unit) u;
    g_test_message("%s", cases[i].text);
    g_assert_null(compile_with(&u, cases[i].text, NULL, 0));
    g_assert_cmpint(vn_compiler_network(u.compiler) != NULL, ==, cases[i].trusted);
  }
}

static void
test_types(void)
{
  g_auto(Unit) u;
  VnModel *m = compile(
      &u,
      LAN "host a on lan; router r joins lan;\n"
          "action look(what: vm, where: host | address, those: list<vm>) { native look(what); }\n"
          "task t = a: look(r, r, all);\ntask u = a: look(a, 10.0.0.1, [a]);\n"
          "task v = r: look(a, a, routers);\n");
  g_assert_cmpuint(m->tasks[0].args[0]->value.kind, ==, VN_VALUE_ROUTER);
  g_assert_cmpuint(m->tasks[0].args[2]->value.kind, ==, VN_VALUE_LIST);
  g_assert_cmpuint(m->tasks[1].args[1]->value.kind, ==, VN_VALUE_ADDRESS);
  assert_says(LAN
              "host a on lan; router r joins lan; action look(what: host) { native look(what); }\n"
              "task t = a: look(r);",
              NULL, 0, "`what` must be a host, this is a router");
}

static void
test_unreadable(void)
{
  g_auto(Unit) u;
  unit_init(&u);
  g_assert_false(vn_compiler_load(u.compiler, "no-such.vnl"));
  g_assert_null(vn_compiler_model(u.compiler, NULL, 0));
  g_autofree char *said = said_by(&u);
  g_assert_nonnull(strstr(said, "VN007"));
  g_auto(Unit) v;
  unit_init(&v);
  g_assert_false(vn_compiler_load_text(v.compiler, "text", "\xff", 1));
  g_assert_null(vn_compiler_ast(v.compiler));
}

/* Bounded: what would grow without end is refused (VN117), soon. */
static void
test_bounds(void)
{
  g_autoptr(GString) text = g_string_new("let f0(x) = x + x;\n");
  for (guint i = 1; i < 60; i++)
    g_string_append_printf(text, "let f%u(x) = f%u(x) + f%u(x);\n", i, i - 1, i - 1);
  g_autofree char *calls = g_strconcat(NET "host a on lan; task t = a: ping(a);\n", text->str,
                                       "expect f40(t.sent) > 0;\n", NULL);
  assert_says(calls, NULL, 0, "error[VN117]: more than 1000000 operations in one expression");
  assert_says(
      NET "host a on lan; task t = a: ping(a);\n"
          "let f(x) = x + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1;\n"
          "let g(x) = f(f(f(f(f(f(f(f(f(f(x))))))))));\n"
          "let h(x) = g(g(g(g(g(g(g(g(g(g(x))))))))));\n"
          "expect h(h(h(h(t.sent)))) > 0;\n",
      NULL, 0, "error[VN117]: more than 5000 operations within each other");
  assert_says(LAN "for i in 1..100000 { for j in 1..100000 { host h[i * 100000 + j] on lan; } }",
              NULL, 0, "error[VN117]");
  assert_says("let s0 = \"0123456789\"; let s1 = \"{s0}{s0}{s0}{s0}{s0}{s0}{s0}{s0}{s0}{s0}\";\n"
              "let s2 = \"{s1}{s1}{s1}{s1}{s1}{s1}{s1}{s1}{s1}{s1}{s1}{s1}\";\n"
              "let s3 = \"{s2}{s2}{s2}{s2}{s2}{s2}{s2}{s2}{s2}{s2}{s2}{s2}\";\n"
              "let s4 = \"{s3}{s3}{s3}{s3}{s3}{s3}{s3}{s3}{s3}{s3}{s3}{s3}\";\n"
              "let s5 = \"{s4}{s4}{s4}{s4}{s4}{s4}{s4}{s4}{s4}{s4}{s4}{s4}\";\n"
              "let s6 = \"{s5}{s5}{s5}{s5}{s5}{s5}{s5}{s5}{s5}{s5}{s5}{s5}\";\n",
              NULL, 0, "error[VN117]: a text of more than");
  assert_says("let l = count(0..2000000000);", NULL, 0, "error[VN115]: a range has more than");
  assert_says(LAN "host h[1..1000] on lan; task t[1..1000] = h: power_on;\n"
                  "task u[1..1000] = h: power_off; task v[1..40000] = h: power_off;",
              NULL, 0, "error[VN117]: more than 33554432 runs of tasks");
}

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_autofree char *folder = g_test_build_filename(G_TEST_DIST, "diag", "sema", NULL);
  if (g_chdir(folder) != 0)
    g_error("no folder %s", folder);
  add_goldens();
  g_test_add_func("/sema/expressions", test_expressions);
  g_test_add_func("/sema/hello", test_hello);
  g_test_add_func("/sema/arrays", test_arrays);
  g_test_add_func("/sema/any-order", test_any_order);
  g_test_add_func("/sema/params", test_params);
  g_test_add_func("/sema/network", test_network);
  g_test_add_func("/sema/actions", test_actions);
  g_test_add_func("/sema/choices", test_choices);
  g_test_add_func("/sema/network-apart", test_network_apart);
  g_test_add_func("/sema/measures", test_measures);
  g_test_add_func("/sema/types", test_types);
  g_test_add_func("/sema/unreadable", test_unreadable);
  g_test_add_func("/sema/bounds", test_bounds);
  return g_test_run();
}
