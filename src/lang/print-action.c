/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Actions, as the formatter writes them. */
#include <string.h>

#include "lang/print-parts.h"
#include "lang/print.h"

#define AS(Type) ((const Type *)node)

/* ---- actions ---- */

static const char *
variant_word(VnVariantForm form)
{
  switch (form) {
  case VN_VARIANT_RUN:
    return "run";
  case VN_VARIANT_SCRIPT:
    return "script";
  case VN_VARIANT_NATIVE:
    return "native";
  }
  g_assert_not_reached();
}

static void
print_parse(VnLayout *l, const VnAstParse *parse)
{
  vn_layout_put(l, "parse ");
  vn_print_expr(l, &parse->regex->ast);
  if (parse->unit.symbol != NULL) {
    vn_layout_put(l, " in ");
    vn_print_ident(l, parse->unit);
  }
}

static void
print_parses(VnLayout *l, const VnAstVariant *variant)
{
  const VnAst *last = variant->with != NULL ? variant->with : variant->command;
  VnPos brace = vn_layout_next(l, last->span.end);
  if (*vn_layout_text(l, brace) == ';') {
    vn_layout_end(l, brace, ";");
    return;
  }
  vn_layout_open(l, brace);
  for (guint32 i = 0; i < variant->parses.n; i++) {
    const VnAst *parse = variant->parses.items[i];
    vn_layout_line(l, parse->span.start);
    print_parse(l, (const VnAstParse *)parse);
    vn_print_finish(l, parse);
  }
  vn_layout_close(l, variant->ast.span.end - 1);
}

/* The first word of a variant: its systems, or what it does. Those of an action are aligned. */
static guint
first_width(const VnAstVariant *variant)
{
  guint width = 0;
  for (guint32 i = 0; i < variant->systems.n; i++)
    width += (i > 0 ? 2 : 0) + ((const VnAstName *)variant->systems.items[i])->name.symbol->length;
  return width > 0 ? width : (guint)strlen(variant_word(variant->form));
}

static void
print_variant(VnLayout *l, const VnAstVariant *variant, guint column)
{
  vn_layout_line(l, variant->ast.span.start);
  if (variant->systems.n > 0)
    vn_print_items(l, variant->systems);
  else
    vn_layout_put(l, variant_word(variant->form));
  g_autofree char *pad = g_strnfill(column - MIN(column, first_width(variant)) + 1, ' ');
  vn_layout_put(l, pad);
  if (variant->systems.n > 0) {
    vn_layout_put(l, variant_word(variant->form));
    vn_layout_put(l, " ");
  }
  vn_print_expr(l, variant->command);
  vn_print_with(l, " with ", variant->with);
  print_parses(l, variant);
}

static void
print_ready(VnLayout *l, const VnAstReady *ready)
{
  vn_layout_put(l, "ready when ");
  if (ready->port != NULL)
    vn_print_with(l, "port ", ready->port);
  else {
    vn_print_expr(l, &ready->regex->ast);
    vn_layout_put(l, " on ");
    vn_print_ident(l, ready->stream);
  }
}

static void
print_requires(VnLayout *l, const VnAstRequires *requires)
{
  vn_layout_put(l, "requires ");
  if (requires->port != NULL) {
    vn_print_with(l, "tcp ", requires->port);
    vn_layout_put(l, " on ");
  }
  vn_print_ident(l, requires->target);
  vn_layout_put(l, requires->port == NULL ? " on" : "");
}

static void
print_action_line(VnLayout *l, const VnAstProperty *line)
{
  vn_layout_put(l, vn_property_word(line->id));
  vn_layout_put(l, " ");
  if (line->id == VN_PROPERTY_PROVIDES)
    vn_layout_put(l, "tcp ");
  else if (line->id == VN_PROPERTY_SUCCEEDS)
    vn_layout_put(l, "when ");
  if (line->a != NULL)
    vn_print_expr(l, line->a);
  else
    vn_print_items(l, line->list);
}

static void
print_line(VnLayout *l, const VnAst *node, guint column)
{
  if (node->kind == VN_AST_VARIANT) {
    print_variant(l, AS(VnAstVariant), column);
    return;
  }
  vn_layout_line(l, node->span.start);
  if (node->kind == VN_AST_READY)
    print_ready(l, AS(VnAstReady));
  else if (node->kind == VN_AST_REQUIRES)
    print_requires(l, AS(VnAstRequires));
  else
    print_action_line(l, AS(VnAstProperty));
  vn_print_finish(l, node);
}

/* What follows the parameters, which ended at `end`, as a cell that may go to a line of its own.
 * Returns where it ends. */
static VnPos
print_returns(VnLayout *l, const VnAstAction *action, VnPos end)
{
  if (action->returns.n == 0 && !action->background)
    return end;
  vn_layout_cell(l, "returns");
  if (action->returns.n > 0) {
    VnPos word = vn_layout_next(l, end);
    vn_layout_flush(l, word);
    vn_layout_put(l, "returns ");
    end = vn_print_params(l, action->returns, vn_layout_next(l, word + (VnPos)strlen("returns")));
  }
  if (!action->background)
    return end;
  end = vn_layout_next(l, end) + (VnPos)strlen("background");
  vn_layout_put(l, action->returns.n > 0 ? " background" : "background");
  return end;
}

/* The brace follows on the same line if all fits, else it stands alone below. */
static void
print_head(VnLayout *l, const VnAstAction *action)
{
  vn_print_begin(l, &action->ast, "action");
  vn_print_ident(l, action->name);
  VnPos end = vn_print_params(l, action->parameters, vn_layout_next(l, action->name.span.end));
  guint cells = vn_layout_cells(l);
  VnPos brace = vn_layout_next(l, print_returns(l, action, end));
  if (vn_layout_width(l) + 2 <= VN_FORMAT_COLUMNS) {
    vn_layout_open(l, brace);
    return;
  }
  if (vn_layout_cells(l) > cells)
    vn_layout_break_before(l, 1);
  vn_layout_open_below(l, brace);
}

void
vn_print_action(VnLayout *l, const VnAstAction *action)
{
  guint column = 0;
  for (guint32 i = 0; i < action->body.n; i++)
    if (action->body.items[i]->kind == VN_AST_VARIANT)
      column = MAX(column, first_width((const VnAstVariant *)action->body.items[i]));
  print_head(l, action);
  for (guint32 i = 0; i < action->body.n; i++)
    print_line(l, action->body.items[i], column);
  vn_layout_close(l, action->ast.span.end - 1);
}
