/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The whole program: modules, the script's declarations, then the second walk over them, for what
 * may read results. */
#include "sema/check.h"

static void complete_body(VnCompiler *c, VnBody *body);

/* The measure's own thing holds its value; one declared again is checked for itself. */
static VnTerm *
measure_value(VnCompiler *c, const VnItem *item)
{
  VnThing *thing = item->thing;
  if (thing == NULL || thing->ast != item->ast || thing->kind != VN_THING_MEASURE)
    return vn_check_expr(c, ((const VnAstLet *)item->ast)->value);
  vn_check_thing(c, thing, thing->span);
  if (thing->term == NULL) { /* in a block */
    thing->term = vn_check_expr(c, ((const VnAstLet *)item->ast)->value);
    thing->type = thing->term->type;
  }
  return thing->term;
}

static void
check_measure(VnCompiler *c, VnItem *item)
{
  VnTerm *value = measure_value(c, item);
  item->single.value = value;
  guint8 kind = value->type.kind;
  if (kind == VN_VALUE_INT || kind == VN_VALUE_FLOAT || kind == VN_VALUE_DURATION ||
      kind == VN_VALUE_SIZE || kind == VN_VALUE_RATE || kind == VN_VALUE_PERCENT ||
      kind == VN_KIND_ANY)
    return;
  VnDiag *diag = vn_diag_add(c->sink, VN_DIAG_VN103, value->span,
                             "a measure is a number, this is %s", vn_type_noun(value->type));
  if (kind == VN_VALUE_LIST)
    vn_diag_hint(diag, "reduce the list: sum(…), mean(…), max(…)");
  if (kind == VN_VALUE_BOOL)
    vn_diag_hint(diag, "what must be true is an `expect`");
}

static void
complete_item(VnCompiler *c, VnItem *item)
{
  const VnAst *ast = item->ast;
  guint32 mark = c->locals->len;
  if (ast->kind == VN_AST_FOR) {
    vn_push_loop(c, item, FALSE);
    complete_body(c, &item->loop.body);
  } else if (ast->kind == VN_AST_IF) {
    complete_body(c, &item->choice.then);
    complete_body(c, &item->choice.otherwise);
  } else if (ast->kind == VN_AST_TASK) {
    vn_check_task_body(c, item);
  } else if (ast->kind == VN_AST_FLOW) {
    vn_check_flow(c, item);
  } else if (ast->kind == VN_AST_EXPECT) {
    const VnAstExpect *expect = (const VnAstExpect *)ast;
    item->single.value = vn_check_expr_as(c, expect->condition, VN_VALUE_BOOL, "what is expected");
    if (expect->message != NULL)
      item->single.message = vn_check_expr_as(c, expect->message, VN_VALUE_STRING, "the message");
  } else if (ast->kind == VN_AST_MEASURE) {
    check_measure(c, item);
  }
  vn_scope_pop(c, mark);
}

static void
complete_body(VnCompiler *c, VnBody *body)
{
  guint32 mark = c->locals->len;
  vn_push_lets(c, body, FALSE);
  for (guint32 i = 0; i < body->n; i++)
    complete_item(c, &body->items[i]);
  vn_scope_pop(c, mark);
}

/* ---- modules ---- */

static VnContext
context_of(VnModule *module, const char *no_results)
{
  return (VnContext){.module = module, .no_results = no_results};
}

static gboolean
belongs_in_module(const VnAst *ast)
{
  return ast->kind == VN_AST_LET || ast->kind == VN_AST_PARAM || ast->kind == VN_AST_ACTION ||
         ast->kind == VN_AST_USE;
}

static void
check_module(VnCompiler *c, VnModule *module)
{
  c->context = context_of(module, "a module");
  VnAstSeq decls = module->file->decls;
  for (guint32 i = 0; i < decls.n; i++) {
    VnItem item = {.ast = decls.items[i]};
    if (belongs_in_module(item.ast)) {
      item.thing = vn_thing_of(c, item.ast);
      vn_check_noted(c, &item);
    } else {
      vn_diag_hint(vn_diag_add(c->sink, VN_DIAG_VN122, item.ast->span,
                               "`%s` can't stand in a module",
                               vn_ast_kind_text((VnAstKind)item.ast->kind)),
                   "a module holds actions, constants, functions and parameters");
    }
  }
}

static void
warn_unused_modules(VnCompiler *c, const VnModule *module)
{
  if (c->syntax_errors || c->unknown_names)
    return;
  for (guint32 i = 0; i < module->n_uses; i++)
    if (!module->uses[i].used && module->uses[i].module != NULL)
      vn_diag_hint(vn_diag_add(c->sink, VN_DIAG_VN124, module->uses[i].span,
                               "nothing of %s is used", module->uses[i].module->name),
                   "leave the line out");
}

void
vn_check_program(VnCompiler *c)
{
  for (guint i = 0; i < c->modules->len; i++)
    if (c->modules->pdata[i] != c->script)
      check_module(c, c->modules->pdata[i]);
  c->context = context_of(c->script, "the network");
  vn_check_body(c, c->script->file->decls, &c->script->body);
  c->context = context_of(c->script, NULL);
  complete_body(c, &c->script->body);
  for (guint i = 0; i < c->modules->len; i++)
    warn_unused_modules(c, c->modules->pdata[i]);
}
