/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Certificates. Of random workflows: where the analysis finds that a need may not be met the
 * certificate leaves one open, and the checker accepts what it says. Of the examples and of
 * tests/certify: random changes of a certificate, and of the experiment below it, are all
 * refused. */
#include <string.h>
#include <unistd.h>

#include "analyze/analyze.h"
#include "certify/certify.h"
#include "emit/emit.h"
#include "tests/naive/script.h"
#include "tests/naive/unit.h"

#define N_WORKFLOWS 1500
#define N_CHANGES   120 /* of each script */

static char *folder;

static char *
file_of(const char *name, const char *text, gssize length)
{
  char *path = g_build_filename(folder, name, NULL);
  g_assert_true(g_file_set_contents(path, text, length, NULL));
  return path;
}

/* NULL: it holds, with *out_open needs left open; else why it doesn't. */
static char *
check_texts(const char *experiment, const char *certificate, guint *out_open)
{
  g_autoptr(GPtrArray) open = g_ptr_array_new_with_free_func(g_free);
  g_autofree char *graph_path = file_of("graph.json", experiment, -1);
  g_autofree char *path = file_of("certificate.json", certificate, -1);
  g_autoptr(GError) error = NULL;
  g_autoptr(Graph) graph = graph_load(graph_path, &error);
  if (graph == NULL)
    return g_strdup(error->message);
  g_autoptr(JsonParser) parser = json_load(path, &error);
  if (parser == NULL)
    return g_strdup(error->message);
  char *why = NULL;
  gboolean good = certificate_check(graph, json_parser_get_root(parser), open, &why);
  g_assert_true(good == (why == NULL));
  *out_open = open->len;
  return why;
}

/* ---- random workflows ---- */

typedef struct {
  const Unit *unit;
  gboolean bad;   /* a need that a certificate is about may not be met */
  gboolean never; /* a task never runs: a script with errors gives no certificate */
} Told;

static void
on_found(const VnFinding *finding, gpointer data)
{
  Told *told = data;
  VnDiagCode code = finding->code;
  told->never |= code == VN_DIAG_VN311;
  if (finding->step == VN_NO_ID || finding->undecided)
    return;
  const VnTask *task = &told->unit->model->tasks[told->unit->graph->nodes[finding->step].task];
  gboolean is_need = code == VN_DIAG_VN302 || code == VN_DIAG_VN304 || code == VN_DIAG_VN307 ||
                     code == VN_DIAG_VN308 || code == VN_DIAG_VN310 || code == VN_DIAG_VN312 ||
                     code == VN_DIAG_VN314;
  told->bad |= is_need && task->on_failure != VN_ON_FAILURE_IGNORE;
}

typedef struct {
  guint certified, open, silent;
} Count;

static void
try_workflow(guint32 seed, Count *count)
{
  g_autoptr(GRand) rand = g_rand_new_with_seed(seed);
  ScriptOptions options = {.max_steps = 2 + seed % 6};
  g_autofree char *text = script_random(rand, &options);
  g_auto(Unit) unit;
  unit_init(&unit, "random.vnl", text);
  if (unit.graph == NULL)
    return;
  g_autoptr(VnDiagSink) sink = vn_diag_sink_new();
  Told told = {.unit = &unit};
  VnAnalyzeOptions analyze = {.found = on_found, .data = &told};
  vn_analyze(unit.graph, &analyze, sink);
  if (told.never)
    return;
  g_autoptr(GString) certificate = g_string_new(NULL), experiment = g_string_new(NULL);
  g_autoptr(VnDiagSink) own = vn_diag_sink_new();
  gboolean certified = vn_emit_certificate(unit.graph, certificate, own);
  guint told_open = vn_diag_sink_count(own, VN_SEVERITY_WARNING), n_open = 0;
  g_assert_true(certified == (told_open == 0));
  if (certified && told.bad)
    g_error("seed %u is certified, but wrong:\n%s\n%s", seed, text, certificate->str);
  count->certified += certified;
  count->open += !certified && told.bad;
  count->silent += !certified && !told.bad;
  if (!certified && !told.bad && g_getenv("VNEC_SHOW_OPEN") != NULL)
    g_printerr("seed %u:\n%s\n%s\n", seed, text, certificate->str);
  vn_emit_json(unit.model, experiment);
  g_autofree char *why = check_texts(experiment->str, certificate->str, &n_open);
  if (why != NULL)
    g_error("seed %u: %s\n%s\n%s", seed, why, text, certificate->str);
  g_assert_true((n_open == 0) == (told_open == 0)); /* several may be told of in one text */
}

static void
test_random(void)
{
  Count count = {0};
  for (guint32 seed = 1; seed <= N_WORKFLOWS; seed++)
    try_workflow(seed, &count);
  g_test_message("%u certified, %u open as the analysis says, %u sound but for no reason of a "
                 "certificate",
                 count.certified, count.open, count.silent);
  g_assert_cmpuint(count.certified, >, 100);
  g_assert_cmpuint(count.open, >, 100);
}

/* ---- scripts ---- */

typedef struct {
  char *name, *experiment, *certificate;
} Script;

static void
script_clear(Script *script)
{
  g_free(script->name);
  g_free(script->experiment);
  g_free(script->certificate);
}

static char *
emit(const char *form, const char *path)
{
  g_autofree char *vnecc = g_build_filename(g_getenv("VNEC_BUILDDIR"), "bin", "vnecc", NULL);
  g_autofree char *option = g_strconcat("--emit=", form, NULL);
  const char *argv[] = {vnecc, option, path, NULL};
  char *out = NULL;
  int status = 0;
  g_autofree char *err = NULL;
  g_assert_true(g_spawn_sync(NULL, (char **)argv, NULL, G_SPAWN_DEFAULT, NULL, NULL, &out, &err,
                             &status, NULL));
  if (status != 0)
    g_error("%s of %s: %s", form, path, err);
  return out;
}

static void
add_scripts(GArray *scripts, const char *in)
{
  g_autofree char *path = g_test_build_filename(G_TEST_DIST, in, NULL);
  g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
  g_assert_nonnull(dir);
  for (const char *name; (name = g_dir_read_name(dir)) != NULL;) {
    if (!g_str_has_suffix(name, ".vnl"))
      continue;
    g_autofree char *file = g_build_filename(path, name, NULL);
    Script script = {g_strdup(name), emit("json", file), emit("certificate", file)};
    g_array_append_val(scripts, script);
  }
}

static GArray *
all_scripts(void)
{
  GArray *scripts = g_array_new(FALSE, FALSE, sizeof(Script));
  g_array_set_clear_func(scripts, (GDestroyNotify)script_clear);
  add_scripts(scripts, "certify");
  add_scripts(scripts, "../examples");
  g_assert_cmpuint(scripts->len, >=, 8);
  return scripts;
}

static void
test_scripts(void)
{
  g_autoptr(GArray) scripts = all_scripts();
  for (guint k = 0; k < scripts->len; k++) {
    const Script *script = &g_array_index(scripts, Script, k);
    guint n_open = 0;
    g_autofree char *why = check_texts(script->experiment, script->certificate, &n_open);
    if (why != NULL)
      g_error("%s: %s", script->name, why);
  }
}

/* ---- changes ---- */

typedef struct {
  GRand *rand;
  JsonParser *experiment, *certificate;
  const char *what; /* what was changed; NULL: nothing could be */
} Change;

static guint
pick(Change *c, guint n)
{
  return (guint)g_rand_int_range(c->rand, 0, (gint32)n);
}

static JsonObject *
root_of(JsonParser *parser)
{
  return json_node_get_object(json_parser_get_root(parser));
}

static JsonObject *
claim_at(Change *c, guint k)
{
  return json_array_get_object_element(
      json_object_get_array_member(root_of(c->certificate), "needs"), k);
}

static guint
n_claims(Change *c)
{
  return json_array_get_length(json_object_get_array_member(root_of(c->certificate), "needs"));
}

static char *
text_of(JsonObject *object)
{
  g_autoptr(JsonNode) node = json_node_new(JSON_NODE_OBJECT);
  json_node_set_object(node, object);
  return json_to_string(node, FALSE);
}

/* Is the need claimed by another claim, too? */
static gboolean
has_twin(Change *c, guint place)
{
  static const char *const members[] = {"task", "on", "needs", "machine", "of", "field", "member"};
  JsonObject *claim = claim_at(c, place);
  for (guint k = 0; k < n_claims(c); k++) {
    JsonObject *other = claim_at(c, k);
    gboolean same = k != place;
    for (gsize m = 0; m < G_N_ELEMENTS(members); m++)
      same =
          same && g_strcmp0(json_object_get_string_member_with_default(claim, members[m], ""),
                            json_object_get_string_member_with_default(other, members[m], "")) == 0;
    if (same && json_object_get_int_member_with_default(claim, "port", 0) ==
                    json_object_get_int_member_with_default(other, "port", 0))
      return TRUE;
  }
  return FALSE;
}

static void
drop_claim(Change *c)
{
  guint k = pick(c, n_claims(c));
  if (has_twin(c, k))
    return;
  json_array_remove_element(json_object_get_array_member(root_of(c->certificate), "needs"), k);
  c->what = "a claim is left out";
}

/* A claim that has the member. */
static JsonObject *
claim_with(Change *c, const char *member)
{
  guint n = n_claims(c), first = pick(c, n);
  for (guint k = 0; k < n; k++) {
    JsonObject *claim = claim_at(c, (first + k) % n);
    if (json_object_has_member(claim, member))
      return claim;
  }
  return NULL;
}

static void
drop_member(Change *c, const char *member, const char *what)
{
  JsonObject *claim = claim_with(c, member);
  if (claim == NULL)
    return;
  json_object_remove_member(claim, member);
  c->what = what;
}

/* All that is said of one step that could take it away. */
static void
drop_taker(Change *c)
{
  JsonObject *claim = claim_with(c, "against");
  if (claim == NULL)
    return;
  JsonArray *against = json_object_get_array_member(claim, "against");
  guint k = pick(c, json_array_get_length(against));
  g_autofree char *task =
      g_strdup(json_object_get_string_member(json_array_get_object_element(against, k), "task"));
  g_autofree char *on = g_strdup(json_object_get_string_member_with_default(
      json_array_get_object_element(against, k), "on", ""));
  for (guint i = json_array_get_length(against); i-- > 0;) {
    JsonObject *entry = json_array_get_object_element(against, i);
    if (strcmp(json_object_get_string_member(entry, "task"), task) == 0 &&
        strcmp(json_object_get_string_member_with_default(entry, "on", ""), on) == 0)
      json_array_remove_element(against, i);
  }
  c->what = "a step is not answered for";
}

static void collect_chains(JsonNode *node, GPtrArray *out);

static void
collect_member(JsonObject *object, const char *name, JsonNode *node, gpointer data)
{
  static const char *const chains[] = {"chain", "after", "earlier", "from", "later"};
  for (gsize k = 0; k < G_N_ELEMENTS(chains); k++)
    if (strcmp(name, chains[k]) == 0 && JSON_NODE_HOLDS_ARRAY(node))
      g_ptr_array_add(data, json_node_get_array(node));
  if (strcmp(name, "sure") == 0 && JSON_NODE_HOLDS_ARRAY(node))
    g_ptr_array_add(data, json_node_get_array(node));
  collect_chains(node, data);
}

static void
collect_element(JsonArray *array, guint k, JsonNode *node, gpointer data)
{
  collect_chains(node, data);
}

static void
collect_chains(JsonNode *node, GPtrArray *out)
{
  if (JSON_NODE_HOLDS_OBJECT(node))
    json_object_foreach_member(json_node_get_object(node), collect_member, out);
  else if (JSON_NODE_HOLDS_ARRAY(node))
    json_array_foreach_element(json_node_get_array(node), collect_element, out);
}

/* An end of a chain is cut off. */
static void
cut_chain(Change *c)
{
  g_autoptr(GPtrArray) chains = g_ptr_array_new();
  collect_chains(json_parser_get_root(c->certificate), chains);
  if (chains->len == 0)
    return;
  JsonArray *chain = chains->pdata[pick(c, chains->len)];
  guint n = json_array_get_length(chain);
  json_array_remove_element(chain, pick(c, 2) == 0 ? 0 : n - 1);
  c->what = "an end of a chain is cut off";
}

static JsonObject *
task_named(Change *c, const char *name)
{
  JsonArray *tasks = json_object_get_array_member(root_of(c->experiment), "tasks");
  for (guint k = 0; k < json_array_get_length(tasks); k++) {
    JsonObject *task = json_array_get_object_element(tasks, k);
    if (strcmp(json_object_get_string_member(task, "name"), name) == 0)
      return task;
  }
  g_assert_not_reached();
}

/* An order that a line of the certificate uses is no more. */
static void
drop_order(Change *c)
{
  JsonArray *lines = json_object_get_array_member(root_of(c->certificate), "lines");
  guint n = json_array_get_length(lines), first = n > 0 ? pick(c, n) : 0;
  for (guint i = 0; i < n; i++) {
    JsonArray *line = json_array_get_array_element(lines, (first + i) % n);
    if (json_array_get_length(line) < 2)
      continue;
    guint k = 1 + pick(c, json_array_get_length(line) - 1);
    json_object_set_array_member(task_named(c, json_array_get_string_element(line, k)), "after",
                                 json_array_new());
    c->what = "a task comes after nothing any more";
    return;
  }
}

/* A new task without order switches off a machine that must be on. */
static void
add_taker(Change *c)
{
  JsonObject *claim = claim_with(c, "machine");
  const char *needs = claim != NULL ? json_object_get_string_member(claim, "needs") : "";
  if ((strcmp(needs, "on") != 0 && strcmp(needs, "not off") != 0 &&
       strcmp(needs, "service") != 0) ||
      json_object_has_member(claim, "waived"))
    return;
  g_autofree char *text = g_strdup_printf(
      "{\"name\": \"new_one\", \"control\": \"power_off\", \"targets\": [\"%s\"], \"after\": [], "
      "\"on_failure\": \"stop\", \"results\": []}",
      json_object_get_string_member(claim, "machine"));
  JsonNode *task = json_from_string(text, NULL);
  json_array_add_element(json_object_get_array_member(root_of(c->experiment), "tasks"), task);
  c->what = "another task switches a machine off";
}

/* A provider that surely works does so no more. */
static void
weaken_provider(Change *c)
{
  JsonObject *claim = claim_with(c, "by");
  if (claim == NULL || g_strcmp0(json_object_get_string_member(claim, "needs"), "result") == 0)
    return;
  JsonArray *by = json_object_get_array_member(claim, "by");
  if (json_array_get_length(by) != 1)
    return;
  JsonObject *provider = json_array_get_object_element(by, 0);
  const char *sure =
      json_node_get_value_type(json_object_get_member(provider, "sure")) == G_TYPE_STRING
          ? json_object_get_string_member(provider, "sure")
          : "";
  JsonObject *task = task_named(c, json_object_get_string_member(provider, "task"));
  if (strcmp(sure, "needed") == 0)
    return;
  if (pick(c, 2) == 0) {
    json_object_set_string_member(task, "on_failure", "ignore");
    c->what = "the failure of a provider is ignored";
  } else {
    json_object_set_string_member(task, "condition", "never");
    c->what = "a provider never runs";
  }
}

static void
add_requirement(Change *c)
{
  JsonArray *tasks = json_object_get_array_member(root_of(c->experiment), "tasks");
  JsonArray *machines = json_object_get_array_member(root_of(c->experiment), "machines");
  JsonObject *task = json_array_get_object_element(tasks, pick(c, json_array_get_length(tasks)));
  if (json_object_has_member(task, "control"))
    return;
  g_autofree char *text = g_strdup_printf(
      "[{\"machine\": \"%s\", \"port\": 4711}]",
      json_object_get_string_member(json_array_get_object_element(machines, 0), "name"));
  json_object_set_member(task, "requires", json_from_string(text, NULL));
  c->what = "a task requires more";
}

/* A machine that needs a network has none. */
static void
unplug(Change *c)
{
  JsonObject *claim = claim_with(c, "path");
  if (claim == NULL)
    return;
  const char *on = json_object_get_string_member(claim, "on");
  JsonArray *machines = json_object_get_array_member(root_of(c->experiment), "machines");
  for (guint k = 0; k < json_array_get_length(machines); k++) {
    JsonObject *machine = json_array_get_object_element(machines, k);
    if (strcmp(json_object_get_string_member(machine, "name"), on) == 0)
      json_object_set_array_member(machine, "interfaces", json_array_new());
  }
  c->what = "a machine has no interface";
}

static void
change(Change *c)
{
  switch (pick(c, 9)) {
  case 0:
    drop_claim(c);
    return;
  case 1:
    drop_member(c, "by", "no provider is named");
    return;
  case 2:
    drop_taker(c);
    return;
  case 3:
    cut_chain(c);
    return;
  case 4:
    drop_order(c);
    return;
  case 5:
    add_taker(c);
    return;
  case 6:
    weaken_provider(c);
    return;
  case 7:
    add_requirement(c);
    return;
  default:
    unplug(c);
  }
}

static JsonParser *
parse(const char *text)
{
  JsonParser *parser = json_parser_new();
  g_assert_true(json_parser_load_from_data(parser, text, -1, NULL));
  return parser;
}

/* TRUE: something was changed, and refused. */
static gboolean
try_change(GRand *rand, const Script *script)
{
  g_autoptr(JsonParser) experiment = parse(script->experiment);
  g_autoptr(JsonParser) certificate = parse(script->certificate);
  Change c = {rand, experiment, certificate, NULL};
  change(&c);
  if (c.what == NULL)
    return FALSE;
  g_autofree char *graph_text = text_of(root_of(experiment));
  g_autofree char *text = text_of(root_of(certificate));
  guint n_open = 0;
  g_autofree char *why = check_texts(graph_text, text, &n_open);
  if (why == NULL)
    g_error("%s: %s, and the certificate holds:\n%s\n%s", script->name, c.what, graph_text, text);
  return TRUE;
}

static void
test_changes(void)
{
  g_autoptr(GArray) scripts = all_scripts();
  g_autoptr(GRand) rand = g_rand_new_with_seed(5);
  guint refused = 0, tried = 0;
  for (guint k = 0; k < scripts->len; k++) {
    const Script *script = &g_array_index(scripts, Script, k);
    /* Of what is left open a change makes nothing wrong. */
    gboolean open = strstr(script->certificate, "\"open\": true") != NULL;
    for (guint round = 0; round < N_CHANGES && !open; round++)
      refused += try_change(rand, script);
    tried += open ? 0 : N_CHANGES;
  }
  g_test_message("%u changes were refused", refused);
  g_assert_cmpuint(tried, >=, 8 * N_CHANGES);
  g_assert_cmpuint(refused, >, tried / 3);
}

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  folder = g_dir_make_tmp("certify-XXXXXX", NULL);
  g_assert_nonnull(folder);
  g_test_add_func("/certify/random", test_random);
  g_test_add_func("/certify/scripts", test_scripts);
  g_test_add_func("/certify/changes", test_changes);
  int status = g_test_run();
  static const char *const files[] = {"graph.json", "certificate.json"};
  for (gsize k = 0; k < G_N_ELEMENTS(files); k++) {
    g_autofree char *path = g_build_filename(folder, files[k], NULL);
    (void)unlink(path);
  }
  (void)rmdir(folder);
  g_free(folder);
  return status;
}
