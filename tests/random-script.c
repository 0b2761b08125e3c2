/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "random-script.h"

typedef struct {
  GRand *rand;
  GString *out;
  gboolean noise; /* comments and odd white space between tokens */
  guint in_string;
  guint depth;
} Maker;

static guint
pick(Maker *m, guint n)
{
  return (guint)g_rand_int_range(m->rand, 0, (gint32)n);
}

static void
space(Maker *m)
{
  static const char *const noises[] = {"\n",       "  ",           "\n\n\n",  " # c\n", "\n# own\n",
                                       "\n## d\n", "\n\n## e\n\n", " ## t\n", "\t",     "\r\n"};
  if (m->in_string > 0 || !m->noise || pick(m, 8) != 0)
    g_string_append_c(m->out, ' ');
  else
    g_string_append(m->out, noises[pick(m, G_N_ELEMENTS(noises))]);
}

/* Tokens, separated by spaces in the argument. */
static void
tok(Maker *m, const char *tokens)
{
  g_auto(GStrv) each = g_strsplit(tokens, " ", -1);
  for (guint i = 0; each[i] != NULL; i++) {
    g_string_append(m->out, each[i]);
    space(m);
  }
}

#define ONE_OF(m, ...)                                   \
  do {                                                   \
    static const char *const choices[] = {__VA_ARGS__};  \
    tok((m), choices[pick((m), G_N_ELEMENTS(choices))]); \
  } while (0)

static void make_expr(Maker *m);

static void
make_name(Maker *m)
{
  ONE_OF(m, "a", "bob", "lan", "delay", "on", "memory", "a_long_name_for_a_thing", "x1", "tcp");
}

static void
make_exprs(Maker *m, guint least)
{
  guint n = least + pick(m, 4);
  for (guint i = 0; i < n; i++) {
    if (i > 0)
      tok(m, ",");
    make_expr(m);
  }
}

static void
make_string(Maker *m)
{
  guint what = m->in_string > 0 ? 0 : pick(m, 6);
  if (what == 0)
    tok(m, "\"text\"");
  else if (what == 1)
    tok(m, "r\"raw{\\\"");
  else if (what == 2) {
    g_string_append(m->out, "\"\"\"\n    one # no comment\n   two\n\n  \"\"\"");
    space(m);
  } else if (what == 3) {
    g_string_append(m->out, "\"\"\"\n    one {x +\n  2} {{\n   two\"\"\"");
    space(m);
  } else {
    m->in_string++;
    g_string_append(m->out, "\"has { ");
    make_expr(m);
    g_string_append(m->out, "} and {{ { ");
    make_expr(m);
    g_string_append(m->out, "}\"");
    m->in_string--;
    space(m);
  }
}

static void
make_leaf(Maker *m)
{
  if (pick(m, 5) == 0)
    make_string(m);
  else if (pick(m, 2) == 0)
    make_name(m);
  else
    ONE_OF(m, "1", "1_000", "2.5", "5ms", "64KiB", "1%", "10.0.0.1", "fd00::1", "10.0.0.0/24",
           "52:54:00:00:00:01", "true", "( /a#b\\/c/ )", "10mbit");
}

static void
make_arguments(Maker *m)
{
  guint n = pick(m, 4);
  for (guint i = 0; i < n; i++) {
    if (i > 0)
      tok(m, ",");
    if (pick(m, 3) == 0) {
      make_name(m);
      tok(m, "=");
    }
    make_expr(m);
  }
}

static void
make_operation(Maker *m)
{
  switch (pick(m, 8)) {
  case 0:
    tok(m, "not");
    make_expr(m);
    break;
  case 1:
    tok(m, "-");
    make_expr(m);
    break;
  case 2:
    tok(m, "(");
    make_expr(m);
    ONE_OF(m, "==", "!=", "<", "<=", ">", ">=", "..");
    make_expr(m);
    tok(m, ")");
    break;
  default:
    make_leaf(m);
    ONE_OF(m, "or", "and", "|", "&", "+", "-", "*", "/", "%");
    make_expr(m);
  }
}

static void
make_postfix(Maker *m)
{
  make_name(m);
  switch (pick(m, 3)) {
  case 0:
    tok(m, ".");
    ONE_OF(m, "host", "after", "ok");
    break;
  case 1:
    tok(m, "[");
    make_expr(m);
    tok(m, "]");
    break;
  default:
    tok(m, "(");
    make_arguments(m);
    tok(m, ")");
  }
}

static void
make_expr(Maker *m)
{
  if (m->depth > 5) {
    make_leaf(m);
    return;
  }
  m->depth++;
  switch (pick(m, 8)) {
  case 0:
  case 1:
    make_operation(m);
    break;
  case 2:
    make_postfix(m);
    break;
  case 3:
    tok(m, "[");
    make_exprs(m, 0);
    tok(m, "]");
    break;
  case 4:
    tok(m, "{");
    make_exprs(m, 0);
    tok(m, "}");
    break;
  default:
    make_leaf(m);
  }
  m->depth--;
}

static void
make_property(Maker *m, gboolean segment)
{
  if (segment) {
    ONE_OF(m, "delay", "loss", "capture filter", "rate", "capture \"f\" filter", "mtu");
    make_expr(m);
    return;
  }
  ONE_OF(m, "image", "address", "memory", "env K =", "file \"a\" to", "env image =", "cpus");
  make_expr(m);
}

static void
make_head(Maker *m, const char *word)
{
  tok(m, word);
  make_name(m);
  if (pick(m, 4) != 0)
    return;
  tok(m, "[");
  if (pick(m, 2) == 0)
    tok(m, "i in");
  make_leaf(m);
  tok(m, "..");
  make_leaf(m);
  tok(m, "]");
}

static void
make_clauses(Maker *m)
{
  for (guint n = pick(m, 4); n > 0; n--) {
    ONE_OF(m, "after", "timeout", "retry 3 every", "when", "always on_failure skip retry");
    make_expr(m);
  }
}

static void
make_params(Maker *m, gboolean fields)
{
  tok(m, "(");
  guint n = (fields ? 1 : 0) + pick(m, 4);
  for (guint i = 0; i < n; i++) {
    if (i > 0)
      tok(m, ",");
    make_name(m);
    tok(m, ":");
    ONE_OF(m, "int", "list < list < int > > ?", "host | address", "string ? | task");
    if (!fields && pick(m, 3) == 0) {
      tok(m, "in");
      make_leaf(m);
      tok(m, ".. 9 = 5");
    }
  }
  tok(m, ")");
}

static void
make_variant(Maker *m)
{
  ONE_OF(m, "", "linux", "linux , windows");
  switch (pick(m, 3)) {
  case 0:
    tok(m, "run [");
    make_exprs(m, 0);
    tok(m, "]");
    break;
  case 1:
    tok(m, "script \"echo\"");
    if (pick(m, 2) == 0)
      tok(m, "with \"sh\"");
    break;
  default:
    tok(m, "native ping (");
    make_arguments(m);
    tok(m, ")");
  }
  ONE_OF(m, ";", "{ }", "{ parse /a/ ; }", "{ parse /a/ in ms ; parse /b/ ; }");
}

static void
make_action(Maker *m)
{
  tok(m, "action");
  make_name(m);
  make_params(m, FALSE);
  if (pick(m, 2) == 0) {
    tok(m, "returns");
    make_params(m, TRUE);
  }
  ONE_OF(m, "", "background");
  tok(m, "{");
  for (guint n = pick(m, 5); n > 0; n--)
    if (pick(m, 2) == 0)
      make_variant(m);
    else
      ONE_OF(m, "requires x on ;", "requires tcp 80 on x ;", "provides tcp 80 ;",
             "for linux , bsd ;", "ready when port 80 ;", "ready when /x/ on stdout ;",
             "succeeds when a > 0 ;", "reads \"f\" ;");
  tok(m, "}");
}

static void make_decls(Maker *m, guint n);

static void
make_block(Maker *m)
{
  tok(m, "{");
  make_decls(m, pick(m, 3));
  tok(m, "}");
}

static void
make_if(Maker *m)
{
  tok(m, "if");
  make_expr(m);
  make_block(m);
  if (pick(m, 2) == 0) {
    tok(m, "else");
    if (pick(m, 2) == 0)
      make_if(m);
    else
      make_block(m);
  }
}

static void
make_segment(Maker *m)
{
  make_head(m, "segment");
  ONE_OF(m, "", "10.0.0.0/24", "p", "p [ 1 ]", "( a + b )");
  ONE_OF(m, "", "at here", "using netns");
  for (guint n = pick(m, 4); n > 0; n--)
    make_property(m, TRUE);
  tok(m, ";");
}

static void
make_vm(Maker *m)
{
  gboolean host = pick(m, 3) > 0;
  make_head(m, host ? "host" : "router");
  tok(m, host ? "on" : "joins");
  make_exprs(m, 1);
  for (guint n = pick(m, 5); n > 0; n--)
    make_property(m, FALSE);
  tok(m, ";");
}

static void
make_task(Maker *m)
{
  make_head(m, "task");
  tok(m, "=");
  if (pick(m, 3) > 0) {
    make_expr(m);
    tok(m, ":");
  }
  make_postfix(m);
  make_clauses(m);
  tok(m, ";");
}

static void
make_image(Maker *m)
{
  tok(m, "image");
  make_name(m);
  tok(m, "{");
  for (guint n = pick(m, 4); n > 0; n--) {
    ONE_OF(m, "os", "disk", "after", "technology");
    if (pick(m, 3) > 0)
      make_expr(m);
    tok(m, ";");
  }
  tok(m, "}");
}

static void
make_value(Maker *m)
{
  ONE_OF(m, "let a =", "let f ( a , b ) =", "group g =", "measure m =", "sweep n in", "seed",
         "network", "trials", "flow a ->", "expect");
  make_expr(m);
  tok(m, ";");
}

static void
make_decl(Maker *m)
{
  switch (pick(m, 10)) {
  case 0:
    make_action(m);
    break;
  case 1:
    tok(m, "for i in");
    make_expr(m);
    make_block(m);
    break;
  case 2:
    make_if(m);
    break;
  case 3:
    make_segment(m);
    break;
  case 4:
  case 5:
    make_vm(m);
    break;
  case 6:
    make_task(m);
    break;
  case 7:
    make_image(m);
    break;
  case 8:
    ONE_OF(m, "use std . net ;", "use std . net as n ;", "use \"x\" ;", "rules paper ;",
           "param p : int in 1 .. 3 = 2 ;", "site s at \"x\" key \"k\" ;", "experiment \"e\" ;");
    break;
  default:
    make_value(m);
  }
}

static void
make_decls(Maker *m, guint n)
{
  if (++m->depth < 5)
    for (; n > 0; n--)
      make_decl(m);
  m->depth--;
}

char *
random_script(GRand *rand, gboolean noise)
{
  Maker m = {.rand = rand, .out = g_string_new(NULL), .noise = noise};
  make_decls(&m, 1 + pick(&m, 6));
  return g_string_free(m.out, FALSE);
}
