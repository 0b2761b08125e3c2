/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The signature of an action, when a task first calls it. */
#include "sema/check.h"

static void
check_param(VnCompiler *c, const VnAstParam *ast, VnCheckedParam *param)
{
  *param = (VnCheckedParam){.name = ast->name.symbol->text,
                            .type = {.kind = VN_KIND_ANY},
                            .doc = ast->doc,
                            .span = ast->name.span};
  if (ast->type != NULL)
    param->type = vn_type_from_ast(c, ast->type);
  if (ast->initial != NULL) {
    param->initial = vn_check_expr(c, ast->initial);
    if (ast->type == NULL)
      param->type = param->initial->type;
    else if (!vn_check_type(c, param->initial, param->type, "the default"))
      param->initial = vn_term_error(c, ast->initial->span);
  }
  if (ast->range == NULL)
    return;
  param->range = vn_check_expr_as(c, ast->range, VN_VALUE_RANGE, "the range");
  if (param->type.kind != VN_VALUE_INT && param->type.kind != VN_VALUE_PORT &&
      param->type.kind != VN_KIND_ANY)
    vn_diag_add(c->sink, VN_DIAG_VN103, ast->range->span, "only an int can have a range");
}

static gboolean
is_result_kind(guint8 kind)
{
  return kind == VN_KIND_ANY || (kind < VN_VALUE_HOST && kind != VN_VALUE_RANGE &&
                                 kind != VN_VALUE_SET && kind != VN_VALUE_REGEX);
}

static void
check_field(VnCompiler *c, const VnAstParam *ast, VnCheckedField *field)
{
  *field = (VnCheckedField){.name = ast->name.symbol,
                            .type = {.kind = VN_KIND_ANY},
                            .doc = ast->doc,
                            .span = ast->name.span};
  if (ast->type == NULL)
    return;
  field->type = vn_type_from_ast(c, ast->type);
  if (!is_result_kind(field->type.kind)) {
    vn_diag_add(c->sink, VN_DIAG_VN103, ast->type->ast.span, "a result can't be %s",
                vn_type_noun(field->type));
    field->type = (VnType){.kind = VN_KIND_ANY};
  }
}

static void
report_twice(VnCompiler *c, const char *what, const VnSymbol *name, VnSpan span, VnSpan first)
{
  VnDiag *diag =
      vn_diag_add(c->sink, VN_DIAG_VN102, span, "%s `%s` is declared already", what, name->text);
  vn_diag_place(diag, first, "declared here");
}

static void
check_repeats(VnCompiler *c, VnAstSeq decls, const char *what)
{
  for (guint32 i = 1; i < decls.n; i++)
    for (guint32 k = 0; k < i; k++) {
      const VnAstDecl *decl = (const VnAstDecl *)decls.items[i];
      const VnAstDecl *first = (const VnAstDecl *)decls.items[k];
      if (decl->name.symbol == first->name.symbol) {
        report_twice(c, what, decl->name.symbol, decl->name.span, first->name.span);
        break;
      }
    }
}

#define MAX_PARAMETERS 256

static gboolean
bounded(VnCompiler *c, const VnAstAction *ast)
{
  if (ast->parameters.n <= MAX_PARAMETERS && ast->returns.n <= MAX_PARAMETERS)
    return TRUE;
  vn_diag_add(c->sink, VN_DIAG_VN117, ast->name.span,
              "an action with more than %d parameters or results", MAX_PARAMETERS);
  return FALSE;
}

void
vn_check_signature(VnCompiler *c, VnThing *thing)
{
  const VnAstAction *ast = (const VnAstAction *)thing->ast;
  VnCheckMark mark;
  VnIdent name = {thing->name, thing->span};
  if (!vn_check_begin(c, &thing->state, &name, thing->span, &mark))
    return;
  c->context = (VnContext){.module = (VnModule *)thing->module,
                           .no_results = "the signature of an action",
                           .hide_to = c->locals->len};
  VnCheckedAction *action = vn_arena_new0(c->arena, VnCheckedAction);
  action->thing = thing;
  action->ast = ast;
  if (bounded(c, ast)) {
    action->n_params = ast->parameters.n;
    action->params = vn_arena_array0(c->arena, VnCheckedParam, action->n_params);
    action->n_fields = ast->returns.n;
    action->fields = vn_arena_array0(c->arena, VnCheckedField, action->n_fields);
    check_repeats(c, ast->parameters, "parameter");
    check_repeats(c, ast->returns, "result");
  }
  for (guint32 i = 0; i < action->n_params; i++)
    check_param(c, (const VnAstParam *)ast->parameters.items[i], &action->params[i]);
  for (guint32 i = 0; i < action->n_fields; i++)
    check_field(c, (const VnAstParam *)ast->returns.items[i], &action->fields[i]);
  thing->action = action;
  vn_check_end(c, &thing->state, &mark);
}
