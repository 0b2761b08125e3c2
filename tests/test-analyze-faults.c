/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One fault of each kind is put into every example, wherever it has a place, and must be found.
 *
 * A fault is a text that is added to the script: declarations may stand in any order. It is about a
 * task of the example, one of its machines, a peer or service that it needs, or a file that it
 * uses. Without it the example is clean. */
#include <string.h>

#include "analyze/analyze.h"
#include "tests/naive/unit.h"

#define MAX_PLACES 4 /* tasks of an example that a fault is tried on */

/* What a fault has to do with the task: it is put where the task has such a thing. POWER: its
 * machine is never switched off or put back. */
typedef enum { NEEDS_NOTHING, NEEDS_PEER, NEEDS_SERVICE, NEEDS_FILE, NEEDS_POWER } Needs;

/* $T the task, $H its first machine, $R a result of it, $P the peer, $S the task that serves,
 * $F the file. */
typedef struct {
  VnDiagCode code;
  Needs needs;
  const char *text;
} Fault;

static const Fault faults[] = {
    {VN_DIAG_VN301, NEEDS_NOTHING, "task zz = $H: zz_work(); flow $T -> zz -> $T;"},
    {VN_DIAG_VN301, NEEDS_NOTHING, "task zz = $H: zz_guard(); task zy = stop(zz); flow zy -> zz;"},
    {VN_DIAG_VN302, NEEDS_NOTHING, "task zz = $H: power_off;"},
    {VN_DIAG_VN302, NEEDS_NOTHING, "task zz = $H: suspend;"},
    {VN_DIAG_VN302, NEEDS_NOTHING,
     "task zz = $H: power_off after $T; task zy = $H: zz_work() after zz;"},
    {VN_DIAG_VN303, NEEDS_NOTHING,
     "task zz = $H: power_off after $T; task zy = $H: power_off after zz;"},
    {VN_DIAG_VN303, NEEDS_NOTHING,
     "task zz = $H: power_on; task zy = $H: power_on after zz, $T on_failure skip;"},
    {VN_DIAG_VN304, NEEDS_NOTHING, "task zz = $H: revert(\"zz\") after $T;"},
    {VN_DIAG_VN304, NEEDS_NOTHING,
     "task zz = $H: snapshot(\"zz\") after $T on_failure ignore;"
     "task zy = $H: revert(\"zz\") after zz;"},
    {VN_DIAG_VN305, NEEDS_NOTHING,
     "task zz = $H: snapshot(\"zz\"); task zy = $H: revert(\"zz\") after zz;"},
    {VN_DIAG_VN306, NEEDS_NOTHING, "task zz = $H: snapshot(\"zz\");"},
    {VN_DIAG_VN307, NEEDS_PEER, "task zz = $P: power_off;"},
    {VN_DIAG_VN307, NEEDS_PEER, "task zz = $P: suspend;"},
    {VN_DIAG_VN308, NEEDS_SERVICE, "task zz = stop($S) after $S;"},
    {VN_DIAG_VN308, NEEDS_SERVICE,
     "task zz = $P: power_off after $S; task zy = $P: power_on after zz;"},
    {VN_DIAG_VN309, NEEDS_FILE, "task zz = $H: zz_put(\"$F\");"},
    {VN_DIAG_VN310, NEEDS_NOTHING, "task zz = $H: zz_take(\"{$R}\");"},
    {VN_DIAG_VN310, NEEDS_NOTHING,
     "task zz = $H: zz_work() when $O; task zy = $H: zz_take(\"{zz.exit_code}\") after zz;"},
    {VN_DIAG_VN311, NEEDS_NOTHING, "task zz = $H: zz_work() when 1 == 2;"},
    {VN_DIAG_VN311, NEEDS_NOTHING, "task zz = $H: zz_work() after $T when $O and not $O;"},
    {VN_DIAG_VN311, NEEDS_NOTHING,
     "task zz = $H: zz_guard() when 1 == 2; task zy = stop(zz) after $T;"},
    {VN_DIAG_VN312, NEEDS_FILE,
     "task zz = $H: zz_put(\"$F\") after $T; task zy = $H: power_off after zz;"
     "task zx = $H: power_on after zy; task zw = $H: pull(\"$F\", \"zw\") after zx;"},
    {VN_DIAG_VN312, NEEDS_FILE,
     "task zz = $H: zz_put(\"$F\") after $T; task zy = $H: revert(\"zz\") after zz;"
     "task zx = $H: pull(\"$F\", \"zx\") after zy;"},
    {VN_DIAG_VN313, NEEDS_NOTHING, "task zz = $H: zz_strange();"},
    {VN_DIAG_VN314, NEEDS_PEER, "task zz = $H: link_down;"},
    {VN_DIAG_VN314, NEEDS_PEER, "task zz = $P: link_down;"},
    {VN_DIAG_VN315, NEEDS_POWER, "task zz = $H: zz_guard();"},
    {VN_DIAG_VN316, NEEDS_NOTHING,
     "task zz = $H: zz_work() after $T; task zy = $H: zz_work() after zz, $T;"},
    {VN_DIAG_VN315, NEEDS_NOTHING, "segment zz 10.251.0.0/24 capture; host zy on zz;"},
    {VN_DIAG_VN317, NEEDS_NOTHING, "segment zz 10.251.0.0/24;"},
    {VN_DIAG_VN317, NEEDS_NOTHING, "segment zz 10.251.0.0/24; host zy on zz;"},
    {VN_DIAG_VN317, NEEDS_NOTHING, "group zz = {$H};"},
    {VN_DIAG_VN317, NEEDS_NOTHING, "image zz { technology netns; }"},
};

static const char *const actions = "\naction zz_work() { run [\"true\"]; }\n"
                                   "action zz_guard() background { run [\"true\"]; }\n"
                                   "action zz_take(text: string) { run [\"echo\", text]; }\n"
                                   "action zz_put(path: string) { writes path; run [\"true\"]; }\n"
                                   "action zz_strange() { plan9 run [\"true\"]; }\n";

static guint n_caught[G_N_ELEMENTS(faults)];

/* ---- what is said ---- */

static guint
count_of(const char *said, VnDiagCode code)
{
  g_autofree char *mark = g_strdup_printf("[%s]", vn_diag_info(code)->code);
  guint n = 0;
  for (const char *at = strstr(said, mark); at != NULL; at = strstr(at + 1, mark))
    n++;
  return n;
}

static char *
analyze(Unit *unit, const char *path, const char *text)
{
  unit_init(unit, path, text);
  (void)vn_diag_sink_enable(unit->sink, "redundant-order");
  if (unit->graph != NULL)
    vn_analyze(unit->graph, NULL, unit->sink);
  return unit_said(unit);
}

/* ---- where a fault has a place ---- */

typedef struct {
  const VnModel *model;
  const VnTask *task;
  const char *host, *peer, *service, *file;
} Place;

static const VnValue *
value_of(const VnTask *task, const VnExpr *expr)
{
  if (expr != NULL && expr->kind == VN_EXPR_PARAM)
    expr = task->args[expr->index];
  return expr != NULL && expr->kind == VN_EXPR_CONST ? &expr->value : NULL;
}

/* The background task that provides the port there, before the task. */
static const char *
find_service(const VnModel *model, guint32 vm, const VnValue *port)
{
  for (guint32 t = 0; t < model->n_tasks; t++) {
    const VnTask *task = &model->tasks[t];
    const VnAction *action =
        task->control == VN_CONTROL_NONE ? &model->actions[task->action] : NULL;
    for (guint32 k = 0; action != NULL && action->background && k < action->n_provides; k++) {
      const VnValue *provided = value_of(task, action->provides[k]);
      if (provided != NULL && provided->i == port->i && task->targets[0] == vm)
        return task->name;
    }
  }
  return NULL;
}

static void
find_peer(Place *place)
{
  const VnAction *action = &place->model->actions[place->task->action];
  for (guint32 k = 0; k < action->n_requires; k++) {
    const VnValue *peer = value_of(place->task, place->task->args[action->requires_[k].target]);
    const VnValue *port = value_of(place->task, action->requires_[k].port);
    if (peer == NULL || peer->kind != VN_VALUE_HOST || peer->id == place->task->targets[0])
      continue;
    place->peer = place->model->topology.vms[peer->id].name;
    if (port != NULL)
      place->service = find_service(place->model, peer->id, port);
  }
}

static gboolean
find_place(const VnModel *model, guint32 t, Place *out)
{
  const VnTask *task = &model->tasks[t];
  *out = (Place){.model = model, .task = task};
  if (task->control != VN_CONTROL_NONE || model->actions[task->action].background ||
      model->topology.vms[task->targets[0]].kind != VN_VM_HOST)
    return FALSE;
  const VnAction *action = &model->actions[task->action];
  const VnValue *file = NULL;
  if (action->n_reads > 0)
    file = value_of(task, action->reads[0]);
  if (action->n_writes > 0)
    file = value_of(task, action->writes[0]);
  out->file = file != NULL ? file->text->text : NULL;
  out->host = model->topology.vms[task->targets[0]].name;
  find_peer(out);
  return TRUE;
}

static gboolean
loses_machine(const VnModel *model, guint32 vm)
{
  for (guint32 t = 0; t < model->n_tasks; t++)
    for (guint32 k = 0; k < model->tasks[t].n_targets; k++)
      if ((model->tasks[t].control == VN_CONTROL_POWER_OFF ||
           model->tasks[t].control == VN_CONTROL_REVERT) &&
          model->tasks[t].targets[k] == vm)
        return TRUE;
  return FALSE;
}

static gboolean
has_place(const Place *place, Needs needs)
{
  switch (needs) {
  case NEEDS_NOTHING:
    return TRUE;
  case NEEDS_PEER:
    return place->peer != NULL;
  case NEEDS_SERVICE:
    return place->service != NULL;
  case NEEDS_FILE:
    return place->file != NULL;
  case NEEDS_POWER:
    return !loses_machine(place->model, place->task->targets[0]);
  }
  g_assert_not_reached();
}

/* ---- putting it there ---- */

static void
append_word(const Place *place, char word, GString *out)
{
  const char *task = place->task->name;
  switch (word) {
  case 'T':
    g_string_append(out, task);
    return;
  case 'H':
    g_string_append(out, place->host);
    return;
  case 'P':
    g_string_append(out, place->peer);
    return;
  case 'S':
    g_string_append(out, place->service);
    return;
  case 'F':
    g_string_append(out, place->file);
    return;
  case 'R':
    g_string_append_printf(out, place->task->group ? "count(%s.exit_code)" : "%s.exit_code", task);
    return;
  case 'O':
    g_string_append_printf(out, place->task->group ? "all(%s.ok)" : "%s.ok", task);
    return;
  }
  g_assert_not_reached();
}

static char *
put_fault(const char *text, const Fault *fault, const Place *place)
{
  GString *out = g_string_new(text);
  g_string_append(out, actions);
  for (const char *at = fault->text; *at != '\0'; at++) {
    if (*at == '$')
      append_word(place, *++at, out);
    else
      g_string_append_c(out, *at);
  }
  g_string_append_c(out, '\n');
  return g_string_free(out, FALSE);
}

static void
try_fault(const char *path, const char *text, guint before, const Fault *fault, const Place *place)
{
  g_autofree char *faulty = put_fault(text, fault, place);
  g_auto(Unit) unit;
  g_autofree char *said = analyze(&unit, path, faulty);
  if (count_of(said, fault->code) <= before)
    g_error("%s: %s was not found after adding\n%s\n%s", path, vn_diag_info(fault->code)->code,
            faulty + strlen(text) + strlen(actions), said);
}

static void
test_example(gconstpointer data)
{
  const char *path = data;
  g_autofree char *text = NULL;
  g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
  g_auto(Unit) unit;
  g_autofree char *said = analyze(&unit, path, text);
  for (VnDiagCode code = VN_DIAG_VN301; code <= VN_DIAG_VN314; code++)
    if (count_of(said, code) > 0)
      g_error("%s is not clean:\n%s", path, said);
  guint n_kinds = 0, n_places = 0;
  for (guint f = 0; f < G_N_ELEMENTS(faults); f++) {
    guint n = 0;
    for (guint32 t = 0; t < unit.model->n_tasks && n < MAX_PLACES; t++) {
      Place place;
      if (!find_place(unit.model, t, &place) || !has_place(&place, faults[f].needs))
        continue;
      try_fault(path, text, count_of(said, faults[f].code), &faults[f], &place);
      n_caught[f]++;
      n++;
    }
    if (faults[f].needs == NEEDS_NOTHING && n == 0)
      g_error("%s has no place for a fault", path);
    n_places += n;
    n_kinds += n > 0;
  }
  g_test_message("%u kinds of %u have a place, %u places", n_kinds, (guint)G_N_ELEMENTS(faults),
                 n_places);
}

/* Each kind had a place somewhere, and each code has a kind. */
static void
test_all_kinds(void)
{
  guint of_code[VN_DIAG_COUNT] = {0};
  for (guint f = 0; f < G_N_ELEMENTS(faults); f++) {
    g_test_message("%s: %u", vn_diag_info(faults[f].code)->code, n_caught[f]);
    g_assert_cmpuint(n_caught[f], >, 0);
    of_code[faults[f].code]++;
  }
  for (VnDiagCode code = VN_DIAG_VN301; code <= VN_DIAG_VN317; code++)
    g_assert_cmpuint(of_code[code], >, 0);
}

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_autofree char *folder = g_test_build_filename(G_TEST_DIST, "..", "examples", NULL);
  g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
  g_autoptr(GPtrArray) paths = g_ptr_array_new_with_free_func(g_free);
  g_assert_nonnull(dir);
  for (const char *name = g_dir_read_name(dir); name != NULL; name = g_dir_read_name(dir))
    if (g_str_has_suffix(name, ".vnl"))
      g_ptr_array_add(paths, g_build_filename(folder, name, NULL));
  for (guint k = 0; k < paths->len; k++) {
    g_autofree char *base = g_path_get_basename(paths->pdata[k]);
    g_autofree char *test = g_strconcat("/faults/", base, NULL);
    g_test_add_data_func(test, paths->pdata[k], test_example);
  }
  g_test_add_func("/faults/of-all-kinds", test_all_kinds);
  return g_test_run();
}
