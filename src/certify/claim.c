/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The claims of a certificate, one by one. Each names a need of a step, steps that provide it, and
 * of each step that could take it away why it does not come between; reasons are chains of direct
 * orders. A claim holds if every step that could take it away is answered for. Those are found
 * here, in the experiment: the certificate can't leave one out. */
#include "certify/reason.h"

#include <stdio.h>
#include <string.h>

/* ---- machines ---- */

static gboolean
mends_power(const Check *c, const Task *taker, const Member *mender, const void *data)
{
  const guint32 *machine = data;
  const Task *task = task_at(c->graph, mender->task);
  return mender->machine == *machine &&
         (is_control(task, "power_on") ||
          (is_control(taker, "suspend") &&
           (is_control(task, "resume") || is_control(task, "revert"))));
}

static gboolean
is_switched_on(Check *c, guint32 machine)
{
  for (guint k = 0; k < length_of(c->by); k++) {
    Member member;
    const char *before = c->why;
    if (read_provider(c, k, FALSE, &member) && member.machine == machine &&
        is_control(task_at(c->graph, member.task), "power_on"))
      return TRUE;
    c->why = before;
  }
  return wrong(c, "the machine is off at first, and nothing surely switches it on");
}

static gboolean
check_power(Check *c, guint32 machine, gboolean not_off)
{
  const Machine *it = machine_at(c->graph, machine);
  if (it->off_at_first && !is_switched_on(c, machine))
    return FALSE;
  for (guint k = 0; k < it->tasks->len; k++) {
    guint32 t = g_array_index(it->tasks, guint32, k);
    const Task *task = task_at(c->graph, t);
    gboolean takes = is_control(task, "power_off") || (is_control(task, "suspend") && !not_off);
    gboolean itself = t == c->task && machine == c->machine;
    if (takes && !itself && !is_answered(c, t, machine, mends_power, &machine))
      return FALSE;
  }
  return TRUE;
}

/* ---- snapshots ---- */

static gboolean
check_snapshot(Check *c)
{
  const char *name = task_at(c->graph, c->task)->snapshot;
  if (g_strcmp0(machine_at(c->graph, c->machine)->image_snapshot, name) == 0)
    return TRUE;
  for (guint k = 0; k < length_of(c->by); k++) {
    Member member;
    if (!read_provider(c, k, FALSE, &member))
      return FALSE;
    const Task *task = task_at(c->graph, member.task);
    if (member.machine == c->machine && is_control(task, "snapshot") &&
        g_strcmp0(task->snapshot, name) == 0)
      return TRUE;
  }
  return wrong(c, "no snapshot of that name surely is there");
}

/* ---- services ---- */

static gboolean
mends_service(const Check *c, const Task *taker, const Member *mender, const void *data)
{
  const Member *server = data;
  return mender->task == server->task && mender->machine == server->machine;
}

/* A revert that goes back to when the service ran already: every snapshot of that name does. */
static gboolean
is_saved(Check *c, guint32 revert, const Member *server)
{
  const Machine *machine = machine_at(c->graph, server->machine);
  const char *name = task_at(c->graph, revert)->snapshot;
  guint at = 0;
  JsonObject *entry = next_against(c, revert, server->machine, &at);
  JsonArray *chains = entry != NULL ? array_in(entry, "saved") : NULL;
  guint n = 0;
  if (chains == NULL || name == NULL || g_strcmp0(machine->image_snapshot, name) == 0)
    return FALSE;
  for (guint k = 0; k < machine->tasks->len; k++) {
    guint32 t = g_array_index(machine->tasks, guint32, k);
    const Task *task = task_at(c->graph, t);
    if (!is_control(task, "snapshot") || task->condition == CONDITION_NEVER ||
        (task->snapshot != NULL && strcmp(task->snapshot, name) != 0))
      continue;
    JsonNode *chain = n < length_of(chains) ? json_array_get_element(chains, n++) : NULL;
    if (chain == NULL || !JSON_NODE_HOLDS_ARRAY(chain))
      return FALSE;
    if (!is_chain(c, json_node_get_array(chain), server->task, t, FALSE, NULL))
      return FALSE;
  }
  return n == length_of(chains);
}

static gboolean
is_unharmed(Check *c, guint32 taker, const Member *server)
{
  const Task *task = task_at(c->graph, taker);
  const char *before = c->why;
  if (is_control(task, "revert") && is_saved(c, taker, server)) {
    c->why = before;
    return TRUE;
  }
  c->why = before;
  return is_answered(c, taker, task->targets->len > 0 ? server->machine : CERTIFY_NONE,
                     mends_service, server);
}

static gboolean
provides(const Task *task, gint64 port)
{
  for (guint k = 0; k < task->provides->len; k++)
    if (g_array_index(task->provides, gint64, k) == port)
      return task->control == NULL;
  return FALSE;
}

static gboolean
check_service(Check *c, guint32 machine, gint64 port)
{
  Member server;
  if (!read_provider(c, 0, FALSE, &server))
    return FALSE;
  if (server.machine != machine || !provides(task_at(c->graph, server.task), port))
    return wrong(c, "what it names does not serve that port there");
  for (guint32 t = 0; t < c->graph->tasks->len; t++)
    if (task_at(c->graph, t)->stops == server.task && !is_unharmed(c, t, &server))
      return FALSE;
  const GArray *tasks = machine_at(c->graph, machine)->tasks;
  for (guint k = 0; k < tasks->len; k++) {
    guint32 t = g_array_index(tasks, guint32, k);
    const Task *task = task_at(c->graph, t);
    gboolean itself = t == c->task && machine == c->machine;
    if ((is_control(task, "power_off") || is_control(task, "revert")) && !itself &&
        !is_unharmed(c, t, &server))
      return FALSE;
  }
  return TRUE;
}

/* ---- results ---- */

static gboolean
has_provider(Check *c, guint32 task, guint32 machine, gboolean ran)
{
  for (guint k = 0; k < length_of(c->by); k++) {
    JsonObject *by = object_at(c->by, k);
    Member member;
    if (by != NULL && graph_task(c->graph, text_in(by, "task")) == task &&
        graph_machine(c->graph, text_in(by, "on")) == machine)
      return read_provider(c, k, ran, &member);
  }
  return wrong(c, "it does not say why the result is there");
}

static gboolean
check_result(Check *c, guint32 task, guint32 member, const char *field)
{
  const GArray *targets = task_at(c->graph, task)->targets;
  gboolean ran = g_strcmp0(field, "ok") == 0;
  if (task_at(c->graph, task)->background && !ran && g_strcmp0(field, "started") != 0)
    return wrong(c, "a background task has that only once it was stopped");
  if (targets->len == 0 || member != CERTIFY_NONE)
    return has_provider(c, task, member, ran);
  for (guint k = 0; k < targets->len; k++)
    if (!has_provider(c, task, g_array_index(targets, guint32, k), ran))
      return FALSE;
  return TRUE;
}

/* ---- files ---- */

static gboolean
is_snapshot_of(const Check *c, const Member *member, const char *name)
{
  const Task *task = task_at(c->graph, member->task);
  return member->machine == c->machine && is_control(task, "snapshot") && name != NULL &&
         g_strcmp0(task->snapshot, name) == 0;
}

static gboolean
is_file_kept(Check *c, guint32 thrower, guint32 writer)
{
  guint at = 0;
  Member member;
  JsonObject *entry = next_against(c, thrower, c->machine, &at);
  if (entry == NULL)
    return wrong(c, "it does not answer for a task that may throw the file away");
  if (json_object_has_member(entry, "after"))
    return has_chain(c, entry, "after", c->task, thrower);
  if (json_object_has_member(entry, "earlier"))
    return has_chain(c, entry, "earlier", thrower, writer);
  guint32 place = number_in(entry, "saved", length_of(c->by));
  if (place == CERTIFY_NONE || !is_control(task_at(c->graph, thrower), "revert"))
    return wrong(c, "it gives no reason");
  return read_provider(c, place, FALSE, &member) &&
         (is_snapshot_of(c, &member, task_at(c->graph, thrower)->snapshot) ||
          wrong(c, "that is no snapshot for the revert")) &&
         has_chain(c, entry, "from", writer, member.task) &&
         has_chain(c, entry, "chain", member.task, thrower);
}

static gboolean
check_file(Check *c, JsonObject *claim, guint32 writer)
{
  if (json_object_has_member(claim, "later"))
    return has_chain(c, claim, "later", c->task, writer);
  if (!has_chain(c, claim, "chain", writer, c->task))
    return FALSE;
  const GArray *tasks = machine_at(c->graph, c->machine)->tasks;
  for (guint k = 0; k < tasks->len; k++) {
    guint32 t = g_array_index(tasks, guint32, k);
    const Task *task = task_at(c->graph, t);
    gboolean throws = (is_control(task, "power_off") && !task->keep) || is_control(task, "revert");
    if (throws && task->condition != CONDITION_NEVER && !is_file_kept(c, t, writer))
      return FALSE;
  }
  return TRUE;
}

/* ---- paths ---- */

/* A task that takes every link down is mended by one that puts this one up. */
static gboolean
mends_this_link(const Check *c, const Task *taker, const Member *mender, const void *data)
{
  const gpointer *both = (const gpointer *)data;
  const guint32 *machine = both[0];
  const Task *task = task_at(c->graph, mender->task);
  return mender->machine == *machine && is_control(task, "link_up") &&
         (task->link == NULL || strcmp(task->link, both[1]) == 0);
}

static gboolean
check_link(Check *c, guint32 machine, const char *segment)
{
  const Machine *it = machine_at(c->graph, machine);
  gconstpointer both[] = {&machine, segment};
  gboolean stands = FALSE;
  for (guint k = 0; k < it->segments->len; k++)
    stands |= strcmp(it->segments->pdata[k], segment) == 0;
  if (!stands)
    return wrong(c, "the path uses a link that there is not");
  for (guint k = 0; k < it->tasks->len; k++) {
    guint32 t = g_array_index(it->tasks, guint32, k);
    const Task *task = task_at(c->graph, t);
    if (is_control(task, "link_down") && (task->link == NULL || strcmp(task->link, segment) == 0) &&
        !is_answered(c, t, machine, mends_this_link, both))
      return FALSE;
  }
  return TRUE;
}

static const char *
path_at(JsonArray *path, guint k)
{
  JsonNode *node = k < length_of(path) ? json_array_get_element(path, k) : NULL;
  return node != NULL && JSON_NODE_HOLDS_VALUE(node) &&
                 json_node_get_value_type(node) == G_TYPE_STRING
             ? json_node_get_string(node)
             : NULL;
}

/* Parts of one split router are joined outside of the network. */
static gboolean
is_external(const Check *c, guint32 a, guint32 b)
{
  const Machine *x = machine_at(c->graph, a), *y = machine_at(c->graph, b);
  return a != b && x->external && y->external && strcmp(x->whole, y->whole) == 0;
}

/* From one machine to the next; *at moves to it. */
static gboolean
check_hop(Check *c, JsonArray *path, guint *at, guint32 *machine)
{
  guint32 next = graph_machine(c->graph, path_at(path, *at + 1));
  if (next != CERTIFY_NONE && is_external(c, *machine, next)) {
    *at += 1;
    *machine = next;
    return TRUE;
  }
  const char *segment = path_at(path, *at + 1);
  next = graph_machine(c->graph, path_at(path, *at + 2));
  if (segment == NULL || next == CERTIFY_NONE)
    return wrong(c, "the path names what there is not");
  if (!check_link(c, *machine, segment) || !check_link(c, next, segment))
    return FALSE;
  *at += 2;
  *machine = next;
  return TRUE;
}

static gboolean
check_path(Check *c, JsonObject *claim, guint32 to)
{
  JsonArray *path = array_in(claim, "path");
  guint32 machine = graph_machine(c->graph, path_at(path, 0));
  guint at = 0;
  if (machine == CERTIFY_NONE || machine != c->machine)
    return wrong(c, "the path does not begin at the machine");
  while (machine != to) {
    if (at > 0 && (!machine_at(c->graph, machine)->router || !check_power(c, machine, FALSE)))
      return wrong(c, "the path passes what is no router, or may be off");
    if (!check_hop(c, path, &at, &machine))
      return FALSE;
  }
  return at + 1 == length_of(path) || wrong(c, "the path goes on behind its end");
}

/* ---- claims ---- */

/* The need's key; NULL: the claim is malformed. */
static char *
key_of(const Check *c, JsonObject *claim, const char *needs)
{
  const char *machine = text_in(claim, "machine"), *of = text_in(claim, "of");
  gint64 number = 0;
  if (strcmp(needs, "service") == 0) {
    guint32 port = number_in(claim, "port", 65536);
    number = port != CERTIFY_NONE ? (gint64)port : -1;
  } else if (strcmp(needs, "result") == 0) {
    guint32 member = graph_machine(c->graph, text_in(claim, "member"));
    number = member != CERTIFY_NONE ? (gint64)member : -1;
  }
  return need_key(c->task, c->machine, needs, of != NULL ? of : machine, text_in(claim, "field"),
                  number);
}

/* The need is one that the step has: what it names is there. */
static gboolean
check_need(Check *c, JsonObject *claim, const char *needs)
{
  guint32 machine = graph_machine(c->graph, text_in(claim, "machine"));
  guint32 of = graph_task(c->graph, text_in(claim, "of"));
  if (g_strcmp0(text_in(claim, "waived"), "ignore") == 0)
    return task_at(c->graph, c->task)->on_failure == ON_FAILURE_IGNORE ||
           wrong(c, "only what may fail can do without");
  if (strcmp(needs, "on") == 0 || strcmp(needs, "not off") == 0)
    return check_power(c, machine, strcmp(needs, "on") != 0);
  if (strcmp(needs, "snapshot") == 0)
    return check_snapshot(c);
  if (strcmp(needs, "service") == 0)
    return check_service(c, machine, number_in(claim, "port", 65536));
  if (strcmp(needs, "result") == 0)
    return check_result(c, of, graph_machine(c->graph, text_in(claim, "member")),
                        text_in(claim, "field"));
  if (strcmp(needs, "order") == 0)
    return has_chain(c, claim, "chain", of, c->task);
  if (strcmp(needs, "file") == 0)
    return check_file(c, claim, of);
  return check_path(c, claim, machine);
}

/* Says the certificate itself that it shows nothing of this need? */
static gboolean
is_open(const JsonObject *claim)
{
  JsonNode *open = json_object_get_member((JsonObject *)claim, "open");
  return open != NULL && JSON_NODE_HOLDS_VALUE(open) &&
         json_node_get_value_type(open) == G_TYPE_BOOLEAN && json_node_get_boolean(open);
}

static char *describe_need(const Check *c, const char *key);

static gboolean
check_claim(Check *c, JsonObject *claim, GHashTable *needs, GPtrArray *open)
{
  const char *what = claim != NULL ? text_in(claim, "needs") : NULL;
  c->why = NULL;
  c->task = claim != NULL ? graph_task(c->graph, text_in(claim, "task")) : CERTIFY_NONE;
  c->machine = claim != NULL ? graph_machine(c->graph, text_in(claim, "on")) : CERTIFY_NONE;
  if (what == NULL || c->task == CERTIFY_NONE)
    return wrong(c, "it names no step and no need");
  g_autofree char *key = key_of(c, claim, what);
  if (!g_hash_table_contains(needs, key))
    return wrong(c, "the step has no such need");
  c->by = array_in(claim, "by");
  c->against = array_in(claim, "against");
  hold_needed(c);
  if (!is_open(claim)) {
    if (!check_need(c, claim, what))
      return FALSE;
  } else if (!GPOINTER_TO_INT(g_hash_table_lookup(needs, key))) { /* told once */
    g_ptr_array_add(open, describe_need(c, key));
  }
  g_hash_table_replace(needs, g_steal_pointer(&key), GINT_TO_POINTER(TRUE));
  return TRUE;
}

/* ---- all of it ---- */

static gboolean
read_line(Check *c, JsonArray *line)
{
  GArray *tasks = g_array_new(FALSE, FALSE, sizeof(guint32));
  GArray *counts = g_array_new(FALSE, FALSE, sizeof(guint32));
  guint32 n_always = 0;
  g_ptr_array_add(c->lines, tasks);
  g_ptr_array_add(c->n_always, counts);
  g_array_append_val(counts, n_always);
  for (guint k = 0; k < length_of(line); k++) {
    guint32 t = graph_task(c->graph, path_at(line, k));
    if (t == CERTIFY_NONE ||
        (k > 0 && !graph_is_direct(c->graph, g_array_index(tasks, guint32, k - 1), t)))
      return FALSE;
    n_always += task_at(c->graph, t)->always;
    g_array_append_val(tasks, t);
    g_array_append_val(counts, n_always);
  }
  return TRUE;
}

static gboolean
read_lines(Check *c, JsonArray *lines, char **out_why)
{
  for (guint k = 0; k < length_of(lines); k++) {
    JsonNode *line = json_array_get_element(lines, k);
    if (!JSON_NODE_HOLDS_ARRAY(line) || !read_line(c, json_node_get_array(line))) {
      *out_why = g_strdup_printf("line %u has a task that does not come directly after the one "
                                 "before",
                                 k);
      return FALSE;
    }
  }
  return TRUE;
}

static char *
describe(const Check *c, guint place, JsonObject *claim)
{
  return g_strdup_printf(
      "claim %u (`%s` on %s needs: %s): %s", place + 1,
      c->task != CERTIFY_NONE ? task_at(c->graph, c->task)->name : "?",
      c->machine != CERTIFY_NONE ? machine_at(c->graph, c->machine)->name : "no machine",
      claim != NULL && text_in(claim, "needs") != NULL ? text_in(claim, "needs") : "?",
      c->why != NULL ? c->why : "it does not hold");
}

static char *
describe_need(const Check *c, const char *key)
{
  guint task = 0, machine = 0;
  int skipped = 0;
  if (sscanf(key, "%u %u %n", &task, &machine, &skipped) < 2)
    return g_strdup(key);
  return g_strdup_printf(
      "`%s` on %s, which needs: %s", task_at(c->graph, task)->name,
      machine != CERTIFY_NONE ? machine_at(c->graph, machine)->name : "no machine", key + skipped);
}

static gboolean
check_all(Check *c, JsonArray *claims, GPtrArray *open, char **out_why)
{
  g_autoptr(GHashTable) needs = needs_of(c->graph);
  for (guint k = 0; k < length_of(claims); k++)
    if (!check_claim(c, object_at(claims, k), needs, open)) {
      *out_why = describe(c, k, object_at(claims, k));
      return FALSE;
    }
  GHashTableIter iter;
  gpointer key, done;
  g_hash_table_iter_init(&iter, needs);
  while (g_hash_table_iter_next(&iter, &key, &done))
    if (!GPOINTER_TO_INT(done)) {
      g_autofree char *need = describe_need(c, key);
      *out_why = g_strconcat("nothing is claimed of ", need, NULL);
      return FALSE;
    }
  return TRUE;
}

gboolean
certificate_check(const Graph *graph, JsonNode *root, GPtrArray *open, char **out_why)
{
  JsonObject *certificate = json_node_get_object(root);
  JsonArray *claims = array_in(certificate, "needs");
  Check c = {.graph = graph,
             .lines = g_ptr_array_new_with_free_func((GDestroyNotify)g_array_unref),
             .n_always = g_ptr_array_new_with_free_func((GDestroyNotify)g_array_unref),
             .held = g_array_new(FALSE, FALSE, sizeof(Member))};
  gboolean good = FALSE;
  if (claims == NULL || number_in(certificate, "certificate", 2) != 1)
    *out_why = g_strdup("it is no certificate of version 1");
  else
    good = read_lines(&c, array_in(certificate, "lines"), out_why) &&
           check_all(&c, claims, open, out_why);
  g_ptr_array_unref(c.lines);
  g_ptr_array_unref(c.n_always);
  g_array_unref(c.held);
  return good;
}
