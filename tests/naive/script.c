/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A script has a theme, so that its few tasks have to do with each other: power, snapshots,
 * services, files, results, links, files that are thrown away. One task in four is of another. A
 * few declare what nothing uses. */
#include "tests/naive/script.h"

#include <string.h>

typedef enum {
  THEME_POWER,
  THEME_SNAPSHOT,
  THEME_SERVICE,
  THEME_FILE,
  THEME_RESULT,
  THEME_NET,
  THEME_LOST,
  N_THEMES
} Theme;

#define MAX_HOSTS 3
#define MAX_TASKS 6

typedef struct {
  GRand *rand;
  GString *out;
  Theme theme;
  guint n_hosts, n_tasks, n_steps, max_steps;
  gboolean two_segments, router;
  gboolean named;                 /* there is a group `some` */
  gboolean background[MAX_TASKS]; /* may be stopped */
  gboolean counts[MAX_TASKS];     /* has results of its own */
  gboolean group[MAX_TASKS];
  guint on[MAX_TASKS]; /* host of a task on one */
} Script;

static const char *const prelude =
    "action work() { run [\"true\"]; }\n"
    "action peer(target: host) { requires target on; run [\"true\"]; }\n"
    "action ask(target: host, port: port) {\n"
    "  requires target on;\n  requires tcp port on target;\n  run [\"true\"];\n}\n"
    "action dial(target: host, port: port) { requires tcp port on target; run [\"true\"]; }\n"
    "action serve(port: port) background { provides tcp port; run [\"true\"]; }\n"
    "action once(port: port) { provides tcp port; run [\"true\"]; }\n"
    "action guard() background { run [\"true\"]; }\n"
    "action watch() returns (n: int, m: int?) background {\n"
    "  run [\"true\"] { parse /(?<n>\\d+)/; }\n}\n"
    "action put(path: string) { writes path; run [\"true\"]; }\n"
    "action get(path: string) { reads path; run [\"true\"]; }\n"
    "action look() returns (n: int, m: int?) { run [\"true\"] { parse /(?<n>\\d+)/; } }\n"
    "action take(n: string) { run [\"echo\", n]; }\n"
    "action tell(n: bool) { run [\"echo\", n]; }\n"
    "action win() { windows run [\"true\"]; }\n";

static gboolean
chance(Script *s, double p)
{
  return g_rand_double(s->rand) < p;
}

static guint
below(Script *s, guint n)
{
  return (guint)g_rand_int_range(s->rand, 0, (gint32)n);
}

static const char *
one_of(Script *s, const char *const *texts, guint n)
{
  return texts[below(s, n)];
}
#define pick(s, ...) \
  one_of(s, (const char *const[]){__VA_ARGS__}, G_N_ELEMENTS(((const char *const[]){__VA_ARGS__})))

/* ---- the network ---- */

static void
write_network(Script *s, const char *image)
{
  s->n_hosts = s->theme == THEME_LOST ? 1 : 1 + below(s, MAX_HOSTS);
  s->two_segments = chance(s, s->theme == THEME_NET ? 0.7 : 0.2);
  s->router = s->two_segments && chance(s, 0.85);
  const char *plain = image != NULL ? " image m" : "";
  g_string_append_printf(s->out, "segment lan 10.0.0.0/24%s;\n", chance(s, 0.1) ? " capture" : "");
  if (s->two_segments)
    g_string_append_printf(s->out, "segment far 10.0.1.0/24%s;\n",
                           chance(s, 0.15) ? " capture" : "");
  if (chance(s, 0.1))
    g_string_append_printf(s->out, "segment spare 10.0.9.0/24%s;\n%s",
                           chance(s, 0.3) ? " capture" : "",
                           chance(s, 0.3) ? "host away on spare;\n" : "");
  if (chance(s, 0.1))
    g_string_append_printf(s->out, "host idle on lan address 10.0.0.77%s;\n", plain);
  if (chance(s, 0.05))
    g_string_append_printf(s->out, "router q joins lan%s;\n", plain);
  if (chance(s, 0.05))
    g_string_append(s->out, "image unused { technology netns; }\n");
  if (s->router)
    g_string_append_printf(s->out, "router r joins lan, far%s;\n", image != NULL ? " image m" : "");
  for (guint h = 0; h < s->n_hosts; h++) {
    g_string_append_printf(s->out, "host h%u on %s%s%s;\n", h,
                           s->two_segments && h == s->n_hosts - 1 ? "far" : "lan",
                           image != NULL ? " image m" : "",
                           chance(s, 0.12)   ? " initially on"
                           : chance(s, 0.12) ? " initially off"
                                             : "");
  }
  s->named = chance(s, 0.15);
  if (s->named)
    g_string_append(s->out, "group some = {h0};\n");
}

/* ---- calls ---- */

static guint
random_host(Script *s)
{
  return below(s, s->n_hosts);
}

static void
call_power(Script *s)
{
  g_string_append(s->out, pick(s, "power_on", "power_on", "power_off", "power_off",
                               "power_off(keep)", "suspend", "resume", "work()", "work()"));
}

static void
call_snapshot(Script *s)
{
  g_string_append(s->out, pick(s, "snapshot(\"s\")", "snapshot(\"s\")", "snapshot(\"z\")",
                               "revert(\"s\")", "revert(\"s\")", "revert(\"z\")", "work()",
                               "put(\"/f\")", "pull(\"/f\", \"f{t}\")", "power_off"));
}

static void
call_file(Script *s)
{
  g_string_append(s->out,
                  pick(s, "put(\"/f\")", "put(\"/f\")", "get(\"/f\")", "put(\"/d/../f\")",
                       "put(\"/g\")", "push(\"x\", \"/f\")", "pull(\"/f\", \"f{t}\")",
                       "pull(\"/f\", \"f{t}\")", "pull(\"/g\", \"f{t}\")", "snapshot(\"s\")",
                       "revert(\"s\")", "power_off", "power_off(keep)", "power_on"));
}

/* Mostly one writes, then comes what may throw away or bring back, then one takes. */
static void
call_lost(Script *s, guint t)
{
  if (chance(s, 0.15) || (t == 0 && chance(s, 0.7)))
    g_string_append(s->out, pick(s, "put(\"/f\")", "put(\"/f\")", "push(\"x\", \"/f\")"));
  else if (chance(s, 0.1) || (t + 1 == s->n_tasks && chance(s, 0.9)))
    g_string_append(s->out, "pull(\"/f\", \"f{t}\")");
  else
    g_string_append(s->out, pick(s, "snapshot(\"s\")", "snapshot(\"s\")", "snapshot(\"z\")",
                                 "revert(\"s\")", "revert(\"s\")", "revert(\"z\")",
                                 "power_off(keep)", "power_off", "power_on"));
}

static void
call_service(Script *s, guint t)
{
  if (chance(s, 0.45)) {
    const char *call = pick(s, "serve(80)", "serve(80)", "serve(81)", "once(80)", "guard()");
    s->background[t] = call[0] != 'o';
    g_string_append(s->out, call);
  } else if (chance(s, 0.6)) {
    g_string_append_printf(s->out, "%s(h%u, 80)", chance(s, 0.7) ? "ask" : "dial", random_host(s));
  } else {
    g_string_append(s->out, pick(s, "power_off", "power_off", "revert(\"s\")", "snapshot(\"s\")",
                                 "power_on", "suspend", "work()"));
  }
}

static void
call_net(Script *s)
{
  if (chance(s, 0.5))
    g_string_append_printf(s->out, chance(s, 0.7) ? "peer(h%u)" : "ask(h%u, 80)", random_host(s));
  else
    g_string_append(s->out, pick(s, "link_down", "link_down", "link_up", "link_down(lan)",
                                 "link_up(lan)", "power_off", "power_on", "suspend", "resume"));
}

/* A field of an earlier task, as the type wants it; FALSE: there is none. */
static gboolean
append_result(Script *s, guint t, gboolean truth)
{
  guint of = t > 0 ? below(s, t) : 0;
  if (t == 0)
    return FALSE;
  if (truth) {
    g_string_append_printf(s->out, s->group[of] ? "all(t%u.ok)" : "t%u.ok", of);
  } else if (s->counts[of]) {
    const char *field = pick(s, "n", "n", "m", "duration");
    g_string_append_printf(s->out, s->group[of] ? "count(t%u.%s)" : "t%u.%s", of, field);
  } else {
    g_string_append_printf(s->out, s->group[of] ? "count(t%u.exit_code)" : "t%u.exit_code", of);
  }
  return TRUE;
}

static void
call_result(Script *s, guint t)
{
  if (t == 0 || chance(s, 0.4)) {
    s->counts[t] = !chance(s, 0.1);
    s->background[t] = s->counts[t] && chance(s, 0.25);
    g_string_append(s->out, !s->counts[t] ? "win()" : s->background[t] ? "watch()" : "look()");
    return;
  }
  if (chance(s, 0.1)) {
    g_string_append(s->out, pick(s, "power_off", "revert(\"s\")"));
    return;
  }
  if (chance(s, 0.1)) {
    g_string_append(s->out, pick(s, "take(\"to 10.0.0.77:80\")", "take(\"10.0.0.7\")"));
    return;
  }
  gboolean truth = chance(s, 0.3);
  g_string_append(s->out, truth ? "tell(" : "take(\"{");
  append_result(s, t, truth);
  g_string_append(s->out, truth ? ")" : "}\")");
}

static void
write_call(Script *s, guint t)
{
  Theme theme = chance(s, 0.75) ? s->theme : (Theme)below(s, N_THEMES);
  switch (theme) {
  case THEME_POWER:
    call_power(s);
    return;
  case THEME_SNAPSHOT:
    call_snapshot(s);
    return;
  case THEME_SERVICE:
    call_service(s, t);
    return;
  case THEME_FILE:
    call_file(s);
    return;
  case THEME_RESULT:
    call_result(s, t);
    return;
  case THEME_NET:
    call_net(s);
    return;
  case THEME_LOST:
    call_lost(s, t);
    return;
  case N_THEMES:
    break;
  }
  g_assert_not_reached();
}

/* ---- tasks ---- */

static void
write_after(Script *s, guint t)
{
  gboolean any = FALSE;
  for (guint k = 0; k < t; k++)
    if (chance(s, s->theme == THEME_LOST ? 0.6 : t < 3 ? 0.55 : 0.4)) {
      g_string_append_printf(s->out, any ? ", t%u" : " after t%u", k);
      any = TRUE;
    }
}

static void
write_when(Script *s, guint t)
{
  g_string_append(s->out, " when ");
  if (chance(s, 0.15) || t == 0) {
    g_string_append(s->out, pick(s, "true", "false", "1 == 2"));
    return;
  }
  if (chance(s, 0.3))
    g_string_append(s->out, "not ");
  append_result(s, t, TRUE);
  if (chance(s, 0.3)) {
    g_string_append(s->out, pick(s, " and ", " or ", " and not "));
    append_result(s, t, TRUE);
  }
}

static void
write_clauses(Script *s, guint t)
{
  write_after(s, t);
  if (chance(s, s->theme == THEME_RESULT ? 0.3 : 0.12))
    write_when(s, t);
  if (chance(s, 0.2))
    g_string_append(s->out, " always");
  if (chance(s, 0.35))
    g_string_append(s->out, pick(s, " on_failure skip", " on_failure ignore", " on_failure stop"));
  if (chance(s, 0.1))
    g_string_append(s->out, " retry 2");
  g_string_append(s->out, ";\n");
}

/* A task of the engine; FALSE: there is nothing to stop. */
static gboolean
write_engine_call(Script *s, guint t)
{
  if (chance(s, 0.25)) {
    g_string_append(s->out, "wait(0s)");
    return TRUE;
  }
  guint n = 0, chosen = 0;
  for (guint k = 0; k < t; k++)
    if (s->background[k] && below(s, ++n) == 0)
      chosen = k;
  if (n > 0)
    g_string_append_printf(s->out, "stop(t%u)", chosen);
  return n > 0;
}

static void
write_targets(Script *s, guint t)
{
  s->on[t] = random_host(s);
  s->group[t] = s->n_hosts > 1 && chance(s, 0.25) && s->n_steps + 2 <= s->max_steps;
  if (s->group[t]) {
    guint first = below(s, s->n_hosts - 1);
    g_string_append_printf(s->out, "{h%u, h%u}: ", first, first + 1);
  } else if (s->named && chance(s, 0.2)) {
    s->group[t] = TRUE;
    g_string_append(s->out, "some: ");
  } else if (s->router && chance(s, s->theme == THEME_NET ? 0.25 : 0.03)) {
    g_string_append(s->out, "r: ");
  } else {
    g_string_append_printf(s->out, "h%u: ", s->on[t]);
  }
  s->n_steps += 1 + s->group[t];
}

static void
replace_number(Script *s, gsize from, guint t)
{
  g_autofree char *number = g_strdup_printf("%u", t);
  char *place = strstr(s->out->str + from, "{t}");
  if (place != NULL) {
    gssize at = place - s->out->str;
    g_string_erase(s->out, at, 3);
    g_string_insert(s->out, at, number);
  }
}

static void
write_task(Script *s, guint t)
{
  gsize from = s->out->len;
  g_string_append_printf(s->out, "task t%u = ", t);
  if (chance(s, s->theme == THEME_SERVICE  ? 0.3
                : s->theme == THEME_RESULT ? 0.15
                                           : 0.06) &&
      write_engine_call(s, t)) {
    s->n_steps++;
  } else {
    write_targets(s, t);
    write_call(s, t);
  }
  replace_number(s, from, t);
  write_clauses(s, t);
}

char *
script_random(GRand *rand, const ScriptOptions *options)
{
  Script s = {.rand = rand, .out = g_string_new("experiment \"random\";\n")};
  s.theme = (Theme)below(&s, N_THEMES);
  s.n_tasks = 2 + below(&s, MAX_TASKS - 1);
  s.max_steps = options->max_steps;
  if (options->image != NULL)
    g_string_append(s.out, options->image);
  g_string_append(s.out, prelude);
  write_network(&s, options->image);
  for (guint t = 0; t < s.n_tasks && s.n_steps < s.max_steps; t++)
    write_task(&s, t);
  return g_string_free(s.out, FALSE);
}
