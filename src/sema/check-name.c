/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Names, elements of arrays, and the fields of tasks' outcomes. */
#include "sema/check.h"

#include <string.h>

#define VALUE_THINGS (~(VN_IS(FUNCTION) | VN_IS(ACTION)))

static VnType
vm_set_type(guint8 element)
{
  return (VnType){.kind = VN_VALUE_SET, .element = element};
}

/* The type of one thing of the kind. */
static VnType
single_type(const VnThing *thing)
{
  switch ((VnThingKind)thing->kind) {
  case VN_THING_SITE:
    return vn_type_of_kind(VN_VALUE_SITE);
  case VN_THING_IMAGE:
    return vn_type_of_kind(VN_VALUE_IMAGE);
  case VN_THING_SEGMENT:
    return vn_type_of_kind(VN_VALUE_SEGMENT);
  case VN_THING_HOST:
    return vn_type_of_kind(VN_VALUE_HOST);
  case VN_THING_ROUTER:
    return vn_type_of_kind(VN_VALUE_ROUTER);
  case VN_THING_GROUP:
    return vm_set_type(VN_VALUE_HOST);
  case VN_THING_TASK:
    return (VnType){.kind = VN_VALUE_TASK, .thing = thing};
  case VN_THING_MEASURE:
  case VN_THING_CONSTANT:
  case VN_THING_PARAMETER:
  case VN_THING_FUNCTION:
  case VN_THING_ACTION:
    return thing->type;
  }
  g_assert_not_reached();
}

static VnType
array_type(const VnThing *thing)
{
  VnType item = single_type(thing);
  VnType type = vn_type_is_vm(item) ? vm_set_type(item.kind) : vn_type_list(item.kind);
  type.thing = thing;
  return type;
}

static gboolean
results_allowed(VnCompiler *c, VnSpan span, const char *what)
{
  if (c->context.no_results == NULL)
    return TRUE;
  vn_diag_hint(vn_diag_add(c->sink, VN_DIAG_VN116, span,
                           "%s %s can't be read here: %s must be known before the run",
                           vn_diag_article(what), what, c->context.no_results),
               "%ss can be read in `when`, `expect`, `measure` and the arguments of tasks", what);
  return FALSE;
}

VnTerm *
vn_term_of_thing(VnCompiler *c, VnThing *thing, VnSpan span)
{
  if (thing->kind == VN_THING_MEASURE && !results_allowed(c, span, "measure"))
    return vn_term_error(c, span);
  vn_check_thing(c, thing, span);
  if (thing->state == VN_CHECK_RUNNING ||
      (thing->term != NULL && thing->term->kind == VN_TERM_ERROR && thing->kind != VN_THING_GROUP))
    return vn_term_error(c, span);
  VnTerm *term = vn_term_new(c, thing->array ? VN_TERM_ARRAY : VN_TERM_THING, span,
                             thing->array ? array_type(thing) : single_type(thing));
  term->thing = thing;
  return term;
}

static VnTerm *
term_of_local(VnCompiler *c, const VnLocal *local, VnSpan span)
{
  static const guint8 kinds[] = {[VN_LOCAL_SLOT] = VN_TERM_SLOT,
                                 [VN_LOCAL_LET] = VN_TERM_SLOT,
                                 [VN_LOCAL_PARAM] = VN_TERM_PARAM,
                                 [VN_LOCAL_FIELD] = VN_TERM_FIELD};
  VnLocal copy = *local; /* checking may grow the array that holds it */
  if (copy.let != NULL) {
    vn_check_local_let(c, copy.let, span);
    if (copy.let->term == NULL || copy.let->term->kind == VN_TERM_ERROR)
      return vn_term_error(c, span);
    copy.type = copy.let->type;
  }
  VnTerm *term = vn_term_new(c, kinds[copy.kind], span, copy.type);
  term->index = copy.index;
  if (term->kind == VN_TERM_SLOT)
    term->let = copy.let;
  return term;
}

/* `ping` where a value is wanted, or a name that nothing declares. */
static VnTerm *
no_value(VnCompiler *c, const VnAstName *ast)
{
  VnFound other = vn_scope_find(c, ast->name.symbol, ast->name.span, ~0u);
  if (other.thing == NULL) {
    if (!other.reported)
      vn_scope_unknown(c, ast->name.span, ast->name.symbol, "name");
    return vn_term_error(c, ast->ast.span);
  }
  VnDiag *diag =
      vn_diag_add(c->sink, VN_DIAG_VN103, ast->name.span, "`%s` is %s %s, a value is needed here",
                  ast->name.symbol->text, other.thing->kind == VN_THING_ACTION ? "an" : "a",
                  vn_thing_kind_text(other.thing->kind));
  vn_diag_place(diag, other.thing->span, "declared here");
  vn_diag_hint(
      diag, other.thing->kind == VN_THING_ACTION ? "only a task can call it" : "call it: `%s(…)`",
      ast->name.symbol->text);
  return vn_term_error(c, ast->ast.span);
}

VnTerm *
vn_check_name(VnCompiler *c, const VnAstName *ast)
{
  VnFound found = vn_scope_find(c, ast->name.symbol, ast->name.span, VALUE_THINGS);
  if (found.local != NULL)
    return found.local->let != NULL && found.local->let->function != NULL
               ? no_value(c, ast)
               : term_of_local(c, found.local, ast->ast.span);
  if (found.thing != NULL)
    return vn_term_of_thing(c, found.thing, ast->ast.span);
  if (found.reported)
    return vn_term_error(c, ast->ast.span);
  if (strcmp(ast->name.symbol->text, "all") == 0)
    return vn_term_new(c, VN_TERM_ALL_HOSTS, ast->ast.span, vm_set_type(VN_VALUE_HOST));
  if (strcmp(ast->name.symbol->text, "routers") == 0)
    return vn_term_new(c, VN_TERM_ALL_ROUTERS, ast->ast.span, vm_set_type(VN_VALUE_ROUTER));
  return no_value(c, ast);
}

/* ---- elements ---- */

static VnTerm *
two_operands(VnCompiler *c, VnTermKind kind, const VnAst *ast, VnTerm *base, VnTerm *index,
             VnType type)
{
  VnTerm *term = vn_term_new(c, kind, ast->span, type);
  VnTerm *operands[] = {base, index};
  vn_term_operands(c, term, operands, 2);
  return term;
}

static VnTerm *
array_element(VnCompiler *c, const VnAst *ast, VnTerm *base, VnTerm *index)
{
  guint8 kind = index->type.kind;
  gboolean slice = kind == VN_VALUE_RANGE || kind == VN_VALUE_LIST;
  if (!slice && kind != VN_VALUE_INT && kind != VN_VALUE_PORT && kind != VN_KIND_ANY) {
    VnDiag *diag = vn_diag_add(c->sink, VN_DIAG_VN103, index->span,
                               "an index of `%s` is an int or a range, this is %s",
                               base->thing->name->text, vn_type_noun(index->type));
    vn_diag_place(diag, base->thing->span, "an array, declared here");
    return vn_term_error(c, ast->span);
  }
  VnTerm *term = vn_term_new(c, slice ? VN_TERM_SLICE : VN_TERM_ELEMENT, ast->span,
                             slice ? base->type : single_type(base->thing));
  term->thing = base->thing;
  if (slice && vn_type_is_vms(base->type))
    term->type.thing = NULL; /* its own index counts from 0 */
  vn_term_operands(c, term, &index, 1);
  return term;
}

static VnTerm *
index_term(VnCompiler *c, const VnAst *ast, VnTerm *base, VnTerm *index)
{
  if (base->kind == VN_TERM_ERROR || index->kind == VN_TERM_ERROR)
    return vn_term_error(c, ast->span);
  if (base->kind == VN_TERM_ARRAY)
    return array_element(c, ast, base, index);
  if (base->type.kind == VN_KIND_ANY)
    return two_operands(c, VN_TERM_INDEX, ast, base, index, (VnType){.kind = VN_KIND_ANY});
  VnType item = vn_type_item(base->type);
  guint8 base_kind = base->type.kind == VN_VALUE_GROUP ? VN_VALUE_SET : base->type.kind;
  if (vn_expr_index_kind(base_kind, VN_VALUE_INT) == VN_VALUE_NONE) {
    VnDiag *diag = vn_diag_add(c->sink, VN_DIAG_VN103, base->span, "%s has no elements",
                               vn_type_noun(base->type));
    if (base->type.kind == VN_VALUE_TASK)
      vn_diag_hint(diag, "one member's results are read by a field: `…[…].ok`");
    else if (base->kind == VN_TERM_THING)
      vn_diag_place(diag, base->thing->span, "declared here, not as an array");
    return vn_term_error(c, ast->span);
  }
  if (!vn_check_type(c, index, vn_type_of_kind(VN_VALUE_INT), "an index"))
    return vn_term_error(c, ast->span);
  if (base_kind == VN_VALUE_PREFIX)
    item = vn_type_of_kind(VN_VALUE_ADDRESS);
  return two_operands(c, VN_TERM_INDEX, ast, base, index, item);
}

VnTerm *
vn_check_index(VnCompiler *c, const VnAstIndex *ast)
{
  VnTerm *base = vn_check_expr(c, ast->base), *index = vn_check_expr(c, ast->index);
  return index_term(c, &ast->ast, base, index);
}

/* ---- fields of outcomes ---- */

static void
unknown_field(VnCompiler *c, const VnIdent *name, const VnThing *task)
{
  const VnCheckedAction *action = task->action;
  g_autoptr(GPtrArray) names = g_ptr_array_new();
  for (guint32 i = 0; i < VN_FIELD_OWN; i++)
    g_ptr_array_add(names, (char *)vn_common_field(i));
  for (guint32 i = 0; action != NULL && i < action->n_fields; i++)
    g_ptr_array_add(names, (char *)action->fields[i].name->text);
  VnDiag *diag = vn_diag_add(c->sink, VN_DIAG_VN118, name->span, "task `%s` has no field `%s`",
                             task->name->text, name->symbol->text);
  if (action != NULL)
    vn_diag_place(diag, action->thing->span, "its action is declared here");
  const char *near =
      vn_diag_nearest(name->symbol->text, (const char *const *)names->pdata, names->len);
  if (near != NULL)
    vn_diag_hint(diag, "did you mean `%s`?", near);
  else if (action == NULL)
    vn_diag_hint(diag, "a control task has ok, exit_code, stdout, stderr, duration, started and "
                       "ended");
}

/* The type of a field read from one task, one member of it, or all tasks of an array. */
static VnType
field_type(const VnThing *task, gboolean many, gboolean member, VnType field)
{
  if (task->dynamic_group || task->mixed)
    return many ? vn_type_list(VN_VALUE_NONE) : (VnType){.kind = VN_KIND_ANY};
  if (many || (task->group && !member))
    return vn_type_list(field.kind == VN_VALUE_LIST ? VN_VALUE_LIST : field.kind);
  return field;
}

static gboolean
check_member_index(VnCompiler *c, const VnTerm *base, const VnTerm *member)
{
  const VnThing *task = base->type.thing;
  if (member == NULL)
    return TRUE;
  if (member->type.kind != VN_KIND_ANY && !vn_type_is_vm(member->type)) {
    vn_diag_hint(vn_diag_add(c->sink, VN_DIAG_VN103, member->span,
                             "a member of task `%s` is a host, this is %s", task->name->text,
                             vn_type_noun(member->type)),
                 "`%s` is not an array of tasks", task->name->text);
    return FALSE;
  }
  if (!task->group && !task->dynamic_group && !task->mixed) {
    VnDiag *diag =
        vn_diag_add(c->sink, VN_DIAG_VN103, member->span,
                    "task `%s` runs on one machine: it has no members", task->name->text);
    vn_diag_place(diag, task->span, "declared here");
    return FALSE;
  }
  return TRUE;
}

/* base.name, or base[member].name; base is a task or an array of them. */
static VnTerm *
result_term(VnCompiler *c, const VnAstMember *ast, VnTerm *base, VnTerm *member)
{
  const VnThing *task = base->type.thing;
  gboolean many = base->type.kind == VN_VALUE_LIST;
  guint32 field = 0;
  VnType type = {.kind = VN_KIND_ANY};
  if (member != NULL && member->kind == VN_TERM_ERROR)
    return member;
  if (task != NULL && task->control == VN_CONTROL_NONE && task->action == NULL)
    return vn_term_error(c, ast->ast.span); /* what it calls is wrong, and reported */
  if (task != NULL && !task->mixed &&
      !vn_find_field(task->action, ast->name.symbol, &field, &type)) {
    unknown_field(c, &ast->name, task);
    return vn_term_error(c, ast->ast.span);
  }
  if (task != NULL && many && task->group && !task->mixed) {
    vn_diag_hint(vn_diag_add(c->sink, VN_DIAG_VN103, ast->ast.span,
                             "`%s` is an array of group tasks: its results are lists of lists",
                             task->name->text),
                 "read one of them: `%s[1].%s`", task->name->text, ast->name.symbol->text);
    return vn_term_error(c, ast->ast.span);
  }
  if ((task != NULL && !check_member_index(c, base, member)) ||
      !results_allowed(c, ast->ast.span, "result"))
    return vn_term_error(c, ast->ast.span);
  VnTerm *term = vn_term_new(c, VN_TERM_RESULT, ast->ast.span,
                             task != NULL ? field_type(task, many, member != NULL, type)
                                          : (VnType){.kind = VN_KIND_ANY});
  VnTerm *operands[] = {base, member};
  vn_term_operands(c, term, operands, member != NULL ? 2 : 1);
  term->name = ast->name.symbol;
  return term;
}

static gboolean
is_task(const VnTerm *term)
{
  return term->type.kind == VN_VALUE_TASK;
}

static gboolean
is_tasks(const VnTerm *term)
{
  return term->type.kind == VN_VALUE_LIST && term->type.element == VN_VALUE_TASK;
}

static VnTerm *
no_fields(VnCompiler *c, const VnAstMember *ast, const VnTerm *base)
{
  if (base->kind != VN_TERM_ERROR)
    vn_diag_hint(vn_diag_add(c->sink, VN_DIAG_VN118, ast->name.span, "%s has no field `%s`",
                             vn_type_noun(base->type), ast->name.symbol->text),
                 "tasks have fields: `TASK.%s`", ast->name.symbol->text);
  return vn_term_error(c, ast->ast.span);
}

VnTerm *
vn_check_member(VnCompiler *c, const VnAstMember *ast)
{
  gboolean is_module;
  VnThing *thing = vn_scope_find_qualified(c, ast, VALUE_THINGS, &is_module);
  if (thing != NULL && (VALUE_THINGS & (1u << thing->kind)))
    return vn_term_of_thing(c, thing, ast->ast.span);
  if (thing != NULL)
    vn_diag_add(c->sink, VN_DIAG_VN103, ast->ast.span, "`%s` is %s %s, a value is needed here",
                ast->name.symbol->text, thing->kind == VN_THING_ACTION ? "an" : "a",
                vn_thing_kind_text(thing->kind));
  if (is_module)
    return vn_term_error(c, ast->ast.span);
  if (ast->base->kind == VN_AST_INDEX) {
    const VnAstIndex *inner = (const VnAstIndex *)ast->base;
    VnTerm *base = vn_check_expr(c, inner->base), *index = vn_check_expr(c, inner->index);
    if (is_task(base))
      return result_term(c, ast, base, index);
    base = index_term(c, &inner->ast, base, index);
    return is_task(base) || is_tasks(base) ? result_term(c, ast, base, NULL)
                                           : no_fields(c, ast, base);
  }
  VnTerm *base = vn_check_expr(c, ast->base);
  if (is_task(base) || is_tasks(base))
    return result_term(c, ast, base, NULL);
  return no_fields(c, ast, base);
}
