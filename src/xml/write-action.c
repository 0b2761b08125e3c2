/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Actions: the mirror of read-action.c. */
#include "xml/write-parts.h"

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
put_command(VnXmlWriter *w, const VnAstVariant *variant)
{
  switch (variant->form) {
  case VN_VARIANT_RUN:
    vn_xml_put_expr(w, "command", variant->command);
    return;
  case VN_VARIANT_SCRIPT:
    vn_xml_put_expr(w, "with", variant->with);
    return;
  case VN_VARIANT_NATIVE:
    vn_xml_put_expr(w, "call", variant->command);
    return;
  }
}

static void
write_variant(VnXmlWriter *w, const VnAstVariant *variant)
{
  const char *word = variant_word(variant->form);
  vn_xml_open(w, &variant->ast, word);
  vn_xml_put_list(w, "systems", variant->systems);
  put_command(w, variant);
  if (variant->parses.n == 0 && variant->form != VN_VARIANT_SCRIPT) {
    vn_xml_empty(w);
    return;
  }
  vn_xml_children(w);
  if (variant->form == VN_VARIANT_SCRIPT)
    vn_xml_put_text(w, variant->command, "text", ((const VnAstString *)variant->command)->text);
  for (guint32 i = 0; i < variant->parses.n; i++) {
    const VnAstParse *parse = (const VnAstParse *)variant->parses.items[i];
    vn_xml_open(w, &parse->ast, "parse");
    vn_xml_put_expr(w, "regex", &parse->regex->ast);
    vn_xml_put_ident(w, "in", parse->unit);
    vn_xml_empty(w);
  }
  vn_xml_close(w, word);
}

static void
write_ready(VnXmlWriter *w, const VnAstReady *ready)
{
  vn_xml_open(w, &ready->ast, "ready");
  vn_xml_put_expr(w, "port", ready->port);
  vn_xml_put_expr(w, "regex", (const VnAst *)ready->regex);
  vn_xml_put_ident(w, "on", ready->stream);
  vn_xml_empty(w);
}

static void
write_requires(VnXmlWriter *w, const VnAstRequires *requires)
{
  vn_xml_open(w, &requires->ast, "requires");
  vn_xml_put_expr(w, "tcp", requires->port);
  vn_xml_put_ident(w, "on", requires->target);
  vn_xml_empty(w);
}

static void
write_line(VnXmlWriter *w, const VnAstProperty *line)
{
  const char *attribute = line->id == VN_PROPERTY_PROVIDES   ? "tcp"
                          : line->id == VN_PROPERTY_SUCCEEDS ? "when"
                                                             : "path";
  vn_xml_open(w, &line->ast, vn_property_word(line->id));
  vn_xml_put_expr(w, attribute, line->a);
  vn_xml_put_list(w, "systems", line->list);
  vn_xml_empty(w);
}

static void
write_part(VnXmlWriter *w, const VnAst *node)
{
  if (node->kind == VN_AST_VARIANT)
    write_variant(w, (const VnAstVariant *)node);
  else if (node->kind == VN_AST_READY)
    write_ready(w, (const VnAstReady *)node);
  else if (node->kind == VN_AST_REQUIRES)
    write_requires(w, (const VnAstRequires *)node);
  else
    write_line(w, (const VnAstProperty *)node);
}

void
vn_xml_write_action(VnXmlWriter *w, const VnAstAction *action)
{
  vn_xml_open(w, &action->ast, "action");
  vn_xml_put_ident(w, "name", action->name);
  vn_xml_put(w, &action->ast, "background", action->background ? "true" : NULL);
  vn_xml_children(w);
  if (action->doc != NULL)
    vn_xml_put_text(w, &action->ast, "doc", action->doc);
  for (guint32 i = 0; i < action->parameters.n; i++)
    vn_xml_put_param(w, (const VnAstParam *)action->parameters.items[i], "param");
  for (guint32 i = 0; i < action->returns.n; i++)
    vn_xml_put_param(w, (const VnAstParam *)action->returns.items[i], "returns");
  for (guint32 i = 0; i < action->body.n; i++)
    write_part(w, action->body.items[i]);
  vn_xml_close(w, "action");
}
