/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tasks, in two steps: the head (targets and callee) decides what a task's results are; the rest
 * (arguments, clauses) may read results, so it is checked when all heads are known. */
#include "sema/check.h"

#include <string.h>

/* ---- heads ---- */

static const VnAst *
callee_of(const VnAst *call)
{
  return call->kind == VN_AST_CALL ? ((const VnAstCall *)call)->callee : call;
}

/* Control tasks come after the script's own actions and before those of modules. */
static VnControl
control_of(VnCompiler *c, const VnAst *callee)
{
  if (callee->kind != VN_AST_NAME)
    return VN_CONTROL_NONE;
  const VnSymbol *name = ((const VnAstName *)callee)->name.symbol;
  VnThing *own = vn_module_thing(c->context.module, name);
  return own != NULL && own->kind == VN_THING_ACTION ? VN_CONTROL_NONE
                                                     : vn_control_from_name(c, name);
}

static void
check_callee(VnCompiler *c, VnItem *item, const VnAst *callee)
{
  const VnLocal *local = NULL;
  item->task.control = control_of(c, callee);
  if (item->task.control != VN_CONTROL_NONE)
    return;
  VnThing *action =
      vn_check_callee(c, callee, VN_IS(ACTION), "an action or a control task", &local);
  if (action != NULL)
    vn_check_signature(c, action);
  item->task.action = action != NULL ? action->action : NULL;
  item->task.broken = item->task.action == NULL;
}

static void
check_targets(VnCompiler *c, VnItem *item, const VnAstTask *ast)
{
  gboolean none = item->task.control != VN_CONTROL_NONE &&
                  !vn_control_needs_targets((VnControl)item->task.control);
  if (ast->targets != NULL)
    item->task.targets = vn_check_expr_as(c, ast->targets, VN_VALUE_SET, "what a task runs on");
  if (item->task.broken)
    return;
  if (none && ast->targets != NULL)
    vn_diag_hint(vn_diag_add(c->sink, VN_DIAG_VN109, ast->targets->span,
                             "`%s` is done by the engine, not on a host",
                             vn_control_signature((VnControl)item->task.control)->callee),
                 "leave the target out");
  if (!none && ast->targets == NULL)
    vn_diag_hint(vn_diag_add(c->sink, VN_DIAG_VN121, ast->name.span,
                             "task `%s` does not say where it runs", ast->name.symbol->text),
                 "write `task %s = HOST: …;`", ast->name.symbol->text);
}

/* What the name of the task means for those who read its results. */
static void
note_head(VnItem *item)
{
  VnThing *thing = item->thing;
  VnType type = item->task.targets != NULL ? item->task.targets->type : (VnType){.kind = 0};
  gboolean group = type.kind == VN_VALUE_SET || type.kind == VN_VALUE_GROUP;
  gboolean dynamic = type.kind == VN_KIND_ANY;
  if (thing->ast == item->ast) {
    thing->action = item->task.action;
    thing->control = item->task.control;
    thing->group = group;
    thing->dynamic_group = dynamic;
  } else if (thing->action != item->task.action || thing->control != item->task.control ||
             thing->group != group || thing->dynamic_group != dynamic) {
    thing->mixed = TRUE;
  }
}

void
vn_check_task_head(VnCompiler *c, VnItem *item)
{
  const VnAstTask *ast = (const VnAstTask *)item->ast;
  guint32 mark;
  item->dim = vn_check_dim(c, ast->dim, &mark);
  check_callee(c, item, callee_of(ast->call));
  check_targets(c, item, ast);
  if (item->thing != NULL && item->thing->kind == VN_THING_TASK)
    note_head(item);
  vn_scope_pop(c, mark);
}

/* ---- arguments ---- */

static VnSignature
signature_of(const VnItem *item)
{
  const VnCheckedAction *action = item->task.action;
  if (item->task.control != VN_CONTROL_NONE)
    return *vn_control_signature((VnControl)item->task.control);
  return (VnSignature){.callee = action->thing->name->text,
                       .declared = action->thing->span,
                       .params = action->params,
                       .n_params = action->n_params};
}

static void
check_stop(VnCompiler *c, const VnItem *item)
{
  const VnTerm *task = item->task.args != NULL ? item->task.args[0] : NULL;
  const VnThing *thing = task != NULL ? task->type.thing : NULL;
  if (thing == NULL || thing->mixed || (thing->action == NULL && thing->control == VN_CONTROL_NONE))
    return;
  if (thing->action != NULL && thing->action->ast->background)
    return;
  VnDiag *diag =
      vn_diag_add(c->sink, VN_DIAG_VN125, task->span,
                  "task `%s` does not run in the background: it ends by itself", thing->name->text);
  vn_diag_place(diag, thing->span, "declared here");
}

static void
check_arguments(VnCompiler *c, VnItem *item, const VnAstTask *ast)
{
  VnAstSeq arguments = {NULL, 0};
  if (ast->call->kind == VN_AST_CALL)
    arguments = ((const VnAstCall *)ast->call)->arguments;
  if (item->task.broken) {
    for (guint32 i = 0; i < arguments.n; i++)
      vn_check_expr(c, ((const VnAstArgument *)arguments.items[i])->value);
    return;
  }
  VnSignature signature = signature_of(item);
  item->task.args = vn_check_args(c, &signature, arguments, ast->call->span);
  item->task.n_args = signature.n_params;
  item->task.broken = item->task.args == NULL;
  if (item->task.control == VN_CONTROL_STOP)
    check_stop(c, item);
}

/* ---- clauses ---- */

/* Tasks by name, elements, slices and whole arrays; `{a, b}` counts as its members. */
static void
check_tasks(VnCompiler *c, const VnAst *ast, GPtrArray *terms)
{
  if (ast->kind == VN_AST_SET || ast->kind == VN_AST_LIST) {
    VnAstSeq items = ((const VnAstList *)ast)->items;
    for (guint32 i = 0; i < items.n; i++)
      check_tasks(c, items.items[i], terms);
    return;
  }
  VnTerm *term = vn_check_expr(c, ast);
  gboolean list = term->type.kind == VN_VALUE_LIST && term->type.element == VN_VALUE_TASK;
  if (list || vn_check_type(c, term, vn_type_of_kind(VN_VALUE_TASK), "what is waited for"))
    g_ptr_array_add(terms, term);
}

static VnTerms
take_terms(VnCompiler *c, const GPtrArray *terms)
{
  return (VnTerms){.terms = vn_arena_memdup(c->arena, terms->pdata, sizeof(VnTerm *) * terms->len),
                   .n = terms->len};
}

static void
check_on_failure(VnCompiler *c, VnItem *item, const VnAstProperty *clause)
{
  static const char *const words[] = {[VN_ON_FAILURE_STOP] = "stop",
                                      [VN_ON_FAILURE_SKIP] = "skip",
                                      [VN_ON_FAILURE_IGNORE] = "ignore"};
  const char *word = clause->word.symbol != NULL ? clause->word.symbol->text : "";
  for (guint i = 0; i < G_N_ELEMENTS(words); i++)
    if (strcmp(words[i], word) == 0) {
      item->task.on_failure = (guint8)i;
      return;
    }
  vn_diag_hint(
      vn_diag_add(c->sink, VN_DIAG_VN103, word[0] != '\0' ? clause->word.span : clause->ast.span,
                  "`on_failure` is stop, skip or ignore"),
      "stop ends the experiment, skip leaves out what depends on the task, ignore goes on");
}

static VnRareClauses *
rare_clauses(VnCompiler *c, VnItem *item)
{
  if (item->task.rare == NULL)
    item->task.rare = vn_arena_new0(c->arena, VnRareClauses);
  return item->task.rare;
}

static void
check_retry(VnCompiler *c, VnRareClauses *rare, const VnAstProperty *clause)
{
  c->context.no_results = "how often to try again";
  rare->retries = vn_check_expr_as(c, clause->a, VN_VALUE_INT, "how often to try again");
  if (clause->b != NULL)
    rare->every = vn_check_expr_as(c, clause->b, VN_VALUE_DURATION, "the pause between attempts");
}

static void
check_clause(VnCompiler *c, VnItem *item, const VnAstProperty *clause, GPtrArray *after)
{
  const char *no_results = c->context.no_results;
  if (clause->id == VN_PROPERTY_AFTER) {
    for (guint32 i = 0; i < clause->list.n; i++)
      check_tasks(c, clause->list.items[i], after);
  } else if (clause->id == VN_PROPERTY_WHEN) {
    rare_clauses(c, item)->when =
        vn_check_expr_as(c, clause->a, VN_VALUE_BOOL, "what follows `when`");
  } else if (clause->id == VN_PROPERTY_ALWAYS) {
    item->task.always = TRUE;
  } else if (clause->id == VN_PROPERTY_ON_FAILURE) {
    check_on_failure(c, item, clause);
  } else if (clause->id == VN_PROPERTY_TIMEOUT) {
    c->context.no_results = "a timeout";
    rare_clauses(c, item)->timeout =
        vn_check_expr_as(c, clause->a, VN_VALUE_DURATION, "a timeout");
  } else if (clause->id == VN_PROPERTY_RETRY) {
    check_retry(c, rare_clauses(c, item), clause);
  } else {
    vn_diag_add(c->sink, VN_DIAG_VN105, clause->ast.span, "a task has no `%s`",
                vn_property_word(clause->id));
  }
  c->context.no_results = no_results;
}

static void
check_clauses(VnCompiler *c, VnItem *item, const VnAstTask *ast)
{
  VnSpan first[VN_PROPERTY_COUNT] = {{0, 0}};
  if (ast->clauses.n == 0)
    return;
  g_autoptr(GPtrArray) after = g_ptr_array_new();
  for (guint32 i = 0; i < ast->clauses.n; i++) {
    const VnAstProperty *clause = (const VnAstProperty *)ast->clauses.items[i];
    check_clause(c, item, clause, after);
    if (first[clause->id].start != 0 && clause->id != VN_PROPERTY_AFTER) {
      VnDiag *diag = vn_diag_add(c->sink, VN_DIAG_VN106, clause->ast.span, "`%s` stands twice",
                                 vn_property_word(clause->id));
      vn_diag_place(diag, first[clause->id], "here first");
    }
    first[clause->id] = clause->ast.span;
  }
  item->task.after = take_terms(c, after);
}

void
vn_check_task_body(VnCompiler *c, VnItem *item)
{
  const VnAstTask *ast = (const VnAstTask *)item->ast;
  guint32 mark = vn_push_dim(c, &item->dim);
  check_arguments(c, item, ast);
  check_clauses(c, item, ast);
  vn_scope_pop(c, mark);
}

void
vn_check_flow(VnCompiler *c, VnItem *item)
{
  const VnAstFlow *ast = (const VnAstFlow *)item->ast;
  item->flow.steps = vn_arena_array0(c->arena, VnTerms, ast->steps.n);
  item->flow.n_steps = ast->steps.n;
  for (guint32 i = 0; i < ast->steps.n; i++) {
    g_autoptr(GPtrArray) terms = g_ptr_array_new();
    check_tasks(c, ast->steps.items[i], terms);
    item->flow.steps[i] = take_terms(c, terms);
  }
}
