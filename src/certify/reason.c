/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a claim may rest on. Nothing is believed that the orders of the experiment don't show. */
#include "certify/reason.h"

#include <string.h>

gboolean
wrong(Check *c, const char *why)
{
  if (c->why == NULL)
    c->why = why;
  return FALSE;
}

/* ---- JSON ---- */

JsonArray *
array_in(JsonObject *object, const char *name)
{
  JsonNode *node = json_object_get_member(object, name);
  return node != NULL && JSON_NODE_HOLDS_ARRAY(node) ? json_node_get_array(node) : NULL;
}

const char *
text_in(JsonObject *object, const char *name)
{
  JsonNode *node = json_object_get_member(object, name);
  return node != NULL && JSON_NODE_HOLDS_VALUE(node) &&
                 json_node_get_value_type(node) == G_TYPE_STRING
             ? json_node_get_string(node)
             : NULL;
}

/* A number from 0 to below limit; CERTIFY_NONE: it is none. */
guint32
number_in(JsonObject *object, const char *name, guint limit)
{
  JsonNode *node = json_object_get_member(object, name);
  if (node == NULL || !JSON_NODE_HOLDS_VALUE(node) ||
      json_node_get_value_type(node) != G_TYPE_INT64)
    return CERTIFY_NONE;
  gint64 number = json_node_get_int(node);
  return number >= 0 && number < (gint64)limit ? (guint32)number : CERTIFY_NONE;
}

guint
length_of(JsonArray *array)
{
  return array != NULL ? json_array_get_length(array) : 0;
}

JsonObject *
object_at(JsonArray *array, guint k)
{
  JsonNode *node = k < length_of(array) ? json_array_get_element(array, k) : NULL;
  return node != NULL && JSON_NODE_HOLDS_OBJECT(node) ? json_node_get_object(node) : NULL;
}

/* ---- chains ---- */

/* One element of a chain: from its first to its last task. always: how many of them, ends included.
 */
static gboolean
read_piece(const Check *c, JsonNode *node, guint32 *first, guint32 *last, guint *always)
{
  if (JSON_NODE_HOLDS_VALUE(node)) {
    gboolean is_text = json_node_get_value_type(node) == G_TYPE_STRING;
    *first = *last = is_text ? graph_task(c->graph, json_node_get_string(node)) : CERTIFY_NONE;
    *always = *first != CERTIFY_NONE && task_at(c->graph, *first)->always;
    return *first != CERTIFY_NONE;
  }
  if (!JSON_NODE_HOLDS_OBJECT(node))
    return FALSE;
  JsonObject *object = json_node_get_object(node);
  guint32 line = number_in(object, "line", c->lines->len);
  if (line == CERTIFY_NONE)
    return FALSE;
  const GArray *tasks = c->lines->pdata[line], *counts = c->n_always->pdata[line];
  guint32 from = number_in(object, "from", tasks->len), to = number_in(object, "to", tasks->len);
  if (from == CERTIFY_NONE || to == CERTIFY_NONE || from > to)
    return FALSE;
  *first = g_array_index(tasks, guint32, from);
  *last = g_array_index(tasks, guint32, to);
  *always = g_array_index(counts, guint32, to + 1) - g_array_index(counts, guint32, from);
  return TRUE;
}

/* Does the chain lead from one task to another (to CERTIFY_NONE: wherever it ends, *out_end)? It
 * has one order at least. carries: no task between is `always`. */
gboolean
is_chain(Check *c, JsonArray *chain, guint32 from, guint32 to, gboolean carries, guint32 *out_end)
{
  guint32 at = CERTIFY_NONE;
  guint always = 0;
  for (guint k = 0; k < length_of(chain); k++) {
    guint32 first, last;
    guint here;
    if (!read_piece(c, json_array_get_element(chain, k), &first, &last, &here))
      return wrong(c, "a chain names what there is not");
    if (k == 0 ? first != from : !graph_is_direct(c->graph, at, first))
      return wrong(c, "a chain has a gap");
    always += here;
    at = last;
  }
  if (at == CERTIFY_NONE || at == from || (to != CERTIFY_NONE && at != to))
    return wrong(c, "a chain does not lead where it should");
  guint ends = task_at(c->graph, from)->always + task_at(c->graph, at)->always;
  if (carries && always > ends)
    return wrong(c, "a chain passes an `always` task, which what was skipped does not pass");
  if (out_end != NULL)
    *out_end = at;
  return TRUE;
}

gboolean
has_chain(Check *c, JsonObject *claim, const char *name, guint32 from, guint32 to)
{
  return is_chain(c, array_in(claim, name), from, to, FALSE, NULL);
}

/* ---- what surely works ---- */

static gboolean
is_held(const Check *c, guint32 task, guint32 machine)
{
  for (guint k = 0; k < c->held->len; k++) {
    const Member *it = &g_array_index(c->held, Member, k);
    if (it->task == task && (it->machine == CERTIFY_NONE || it->machine == machine))
      return TRUE;
  }
  return FALSE;
}

static gboolean
holds_member(const Check *c, guint32 task)
{
  for (guint k = 0; k < c->held->len; k++)
    if (g_array_index(c->held, Member, k).task == task)
      return TRUE;
  return FALSE;
}

/* The claim's step runs only if what its condition needs ended well; that, in turn, needs more. */
void
hold_needed(Check *c)
{
  const GArray *needed = task_at(c->graph, c->task)->needed;
  g_array_set_size(c->held, 0);
  g_array_append_vals(c->held, needed->data, needed->len);
  for (guint k = 0; k < c->held->len; k++) {
    needed = task_at(c->graph, g_array_index(c->held, Member, k).task)->needed;
    for (guint i = 0; i < needed->len; i++) {
      Member member = g_array_index(needed, Member, i);
      if (!is_held(c, member.task, member.machine))
        g_array_append_val(c->held, member);
    }
  }
}

/* The chain ends at a task that runs whenever the step does, and would not after a failure. */
static gboolean
keeps_from_running(Check *c, JsonArray *chain, guint32 task, gboolean carries)
{
  guint32 end = CERTIFY_NONE;
  if (!is_chain(c, chain, task, CERTIFY_NONE, carries, &end))
    return FALSE;
  if (end != c->task && !holds_member(c, end))
    return wrong(c, "a chain ends at a task that need not run");
  if (task_at(c->graph, end)->always)
    return wrong(c, "a chain ends at an `always` task, which runs after failures");
  return TRUE;
}

/* Does the step of `by` work (ran: run) in every run in which the claim's step starts? */
static gboolean
is_sure(Check *c, JsonObject *by, guint32 task, guint32 machine, gboolean ran)
{
  const Task *it = task_at(c->graph, task);
  const char *word = text_in(by, "sure");
  if (g_strcmp0(word, "needed") == 0)
    return is_held(c, task, machine) || wrong(c, "no condition needs it");
  if (it->condition == CONDITION_NEVER ||
      (it->condition == CONDITION_FREE && !holds_member(c, task)))
    return wrong(c, "its condition may be false");
  if (g_strcmp0(word, "always") == 0)
    return (ran && it->always && !it->fragile) || wrong(c, "it need not run");
  if (!ran && it->on_failure == ON_FAILURE_IGNORE)
    return wrong(c, "its failure is ignored");
  gboolean carries = it->fragile || (!ran && it->on_failure == ON_FAILURE_SKIP);
  JsonArray *chain = array_in(by, g_strcmp0(word, "chain") == 0 ? "chain" : "sure");
  return keeps_from_running(c, chain, task, carries);
}

/* A step of `by`: that comes before the claim's step, and surely works. */
gboolean
read_provider(Check *c, guint place, gboolean ran, Member *out)
{
  JsonObject *by = object_at(c->by, place);
  if (by == NULL)
    return wrong(c, "it names a provider that there is not");
  out->task = graph_task(c->graph, text_in(by, "task"));
  out->machine = graph_machine(c->graph, text_in(by, "on"));
  if (out->task == CERTIFY_NONE || !graph_runs_on(c->graph, out->task, out->machine))
    return wrong(c, "it names a provider that there is not");
  return has_chain(c, by, "chain", out->task, c->task) &&
         is_sure(c, by, out->task, out->machine, ran);
}

/* ---- what could take it away ---- */

/* The entry of `against` for a step, the first from *at on; moves *at behind it. NULL: none. */
JsonObject *
next_against(Check *c, guint32 task, guint32 machine, guint *at)
{
  while (*at < length_of(c->against)) {
    JsonObject *entry = object_at(c->against, (*at)++);
    if (entry != NULL && graph_task(c->graph, text_in(entry, "task")) == task &&
        (!json_object_has_member(entry, "on") ||
         graph_machine(c->graph, text_in(entry, "on")) == machine))
      return entry;
  }
  return NULL;
}

/* Is one entry reason enough that the taker does not come between? */
static gboolean
is_answered_by(Check *c, JsonObject *entry, guint32 taker, Mends mends, const void *data)
{
  Member mender;
  if (json_object_has_member(entry, "after"))
    return has_chain(c, entry, "after", c->task, taker);
  guint32 place = number_in(entry, "before", length_of(c->by));
  if (place == CERTIFY_NONE)
    return wrong(c, "it gives no reason");
  return read_provider(c, place, FALSE, &mender) &&
         (mends(c, task_at(c->graph, taker), &mender, data) ||
          wrong(c, "what comes after does not mend it")) &&
         has_chain(c, entry, "chain", taker, mender.task);
}

gboolean
is_answered(Check *c, guint32 taker, guint32 machine, Mends mends, const void *data)
{
  guint at = 0;
  if (task_at(c->graph, taker)->condition == CONDITION_NEVER)
    return TRUE;
  for (JsonObject *entry; (entry = next_against(c, taker, machine, &at)) != NULL;) {
    const char *before = c->why;
    if (is_answered_by(c, entry, taker, mends, data)) {
      c->why = before;
      return TRUE;
    }
  }
  return wrong(c, "it does not answer for a task that may come between");
}

gboolean
is_control(const Task *task, const char *control)
{
  return g_strcmp0(task->control, control) == 0;
}
