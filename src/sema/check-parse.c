/* SPDX-License-Identifier: GPL-3.0-or-later */
/* `parse` lines: named groups are results, and numbers of quantities have a unit. */
#include "sema/check.h"

#include <string.h>

/* NULL: it is malformed, which the parser has said. */
static GRegex *
compile_regex(const VnAstString *ast)
{
  return g_regex_new(ast->text, G_REGEX_MULTILINE, 0, NULL);
}

/* The next `(?<name>` or `(?P<name>` from *text on, as an interned name; NULL at the end. */
static const VnSymbol *
next_group(VnCompiler *c, const char **text)
{
  for (const char *at = *text; *at != '\0'; at++) {
    if (*at == '\\' && at[1] != '\0') {
      at++;
      continue;
    }
    const char *name = g_str_has_prefix(at, "(?<")    ? at + 3
                       : g_str_has_prefix(at, "(?P<") ? at + 4
                                                      : NULL;
    const char *end = name != NULL ? strchr(name, '>') : NULL;
    if (end == NULL || !(g_ascii_isalpha(*name) || *name == '_'))
      continue; /* among them look-behind: (?<= and (?<! */
    *text = end;
    return vn_symbol_intern(c->symbols, name, (gsize)(end - name));
  }
  return NULL;
}

static gint
field_place(const VnCheckedAction *action, const VnSymbol *name)
{
  for (guint32 i = 0; i < action->n_fields; i++)
    if (action->fields[i].name == name)
      return (gint)i;
  return -1;
}

static void
unknown_group(VnCompiler *c, const VnCheckedAction *action, const VnAstParse *ast,
              const VnSymbol *name)
{
  VnDiag *diag =
      vn_diag_add(c->sink, VN_DIAG_VN118, ast->regex->ast.span, "`%s` is no result of action `%s`",
                  name->text, action->thing->name->text);
  g_autofree const char **names = g_new0(const char *, action->n_fields + 1);
  for (guint32 i = 0; i < action->n_fields; i++)
    names[i] = action->fields[i].name->text;
  const char *near = vn_diag_nearest(name->text, names, action->n_fields);
  if (near != NULL)
    vn_diag_hint(diag, "did you mean `(?<%s>…)`?", near);
  else
    vn_diag_hint(diag, "add it to `returns (…)`");
}

static gboolean
is_quantity(guint8 kind)
{
  return kind == VN_VALUE_DURATION || kind == VN_VALUE_SIZE || kind == VN_VALUE_RATE;
}

static void
check_parse_unit(VnCompiler *c, const VnAstParse *ast, const VnCheckedField *field, VnUnit unit)
{
  guint8 kind = field->type.kind;
  if (is_quantity(kind) && !vn_unit_measures(unit, kind))
    vn_diag_hint(vn_diag_add(c->sink, VN_DIAG_VN104, ast->ast.span,
                             "`%s` is %s: the line must say in which unit the number is",
                             field->name->text, vn_type_noun(field->type)),
                 "write it like `parse /…/ in %s;`",
                 kind == VN_VALUE_DURATION ? "ms"
                 : kind == VN_VALUE_SIZE   ? "KiB"
                                           : "kbit");
}

void
vn_check_parse(VnCompiler *c, const VnCheckedAction *action, const VnAstParse *ast,
               VnActionParse *parse, gboolean *given)
{
  VnUnit unit = VN_UNIT_NONE;
  if (ast->unit.symbol != NULL) {
    unit = vn_unit_from_text(ast->unit.symbol->text, ast->unit.symbol->length);
    if (unit == VN_UNIT_NONE)
      vn_diag_add(c->sink, VN_DIAG_VN104, ast->unit.span, "there is no unit `%s`",
                  ast->unit.symbol->text);
  }
  *parse = (VnActionParse){.pattern = ast->regex->text, .unit = unit};
  g_autoptr(GRegex) regex = compile_regex(ast->regex);
  if (regex == NULL) {
    memset(given, TRUE, sizeof *given * action->n_fields); /* what it gives is not known */
    return;
  }
  const char *text = ast->regex->text;
  guint n = 0;
  for (const VnSymbol *name = next_group(c, &text); name != NULL; name = next_group(c, &text)) {
    if (g_regex_get_string_number(regex, name->text) < 0)
      continue; /* it stood in a class or a comment */
    gint place = field_place(action, name);
    n++;
    if (place < 0) {
      unknown_group(c, action, ast, name);
      continue;
    }
    given[place] = TRUE;
    if (unit != VN_UNIT_NONE || ast->unit.symbol == NULL)
      check_parse_unit(c, ast, &action->fields[place], unit);
  }
  if (n == 0)
    vn_diag_hint(vn_diag_add(c->sink, VN_DIAG_VN120, ast->regex->ast.span,
                             "the expression has no named group: it gives no result"),
                 "name what is wanted: `(?<received>\\d+)`");
}
