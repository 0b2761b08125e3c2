/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Results of tasks in expressions: which task, which member, which field, by number. */
#include "sema/eval.h"

#include <string.h>

static const struct {
  const char *name;
  guint8 kind;
} common[VN_FIELD_OWN] = {
    [VN_FIELD_OK] = {"ok", VN_VALUE_BOOL},
    [VN_FIELD_EXIT_CODE] = {"exit_code", VN_VALUE_INT},
    [VN_FIELD_STDOUT] = {"stdout", VN_VALUE_STRING},
    [VN_FIELD_STDERR] = {"stderr", VN_VALUE_STRING},
    [VN_FIELD_DURATION] = {"duration", VN_VALUE_DURATION},
    [VN_FIELD_STARTED] = {"started", VN_VALUE_DURATION},
    [VN_FIELD_ENDED] = {"ended", VN_VALUE_DURATION},
};

gboolean
vn_find_field(const VnCheckedAction *action, const VnSymbol *name, guint32 *out_field,
              VnType *out_type)
{
  for (guint32 i = 0; action != NULL && i < action->n_fields; i++)
    if (action->fields[i].name == name) {
      *out_field = VN_FIELD_OWN + i;
      *out_type = action->fields[i].type;
      return TRUE;
    }
  for (guint32 i = 0; i < VN_FIELD_OWN; i++)
    if (strcmp(common[i].name, name->text) == 0) {
      *out_field = i;
      *out_type = vn_type_of_kind(common[i].kind);
      return TRUE;
    }
  return FALSE;
}

const char *
vn_common_field(guint32 field)
{
  return common[field].name;
}

/* One task's field; member NULL: all of a group. */
static const VnExpr *
result_of(VnEval *e, const VnTerm *term, guint32 task, const VnValue *member)
{
  const VnTask *record = &g_array_index(e->tasks, VnTask, task);
  const VnItem *item = g_array_index(e->task_sources, VnTaskSource, task).item;
  guint32 field;
  VnType type;
  if (item->task.broken)
    return NULL;
  if (!vn_find_field(item->task.action, term->name, &field, &type)) {
    vn_diag_place(vn_eval_report(e, VN_DIAG_VN118, term->span, "task `%s` has no field `%s`",
                                 record->name, term->name->text),
                  record->span, "declared here");
    return NULL;
  }
  gboolean list = record->group && member == NULL;
  guint8 kind = type.kind == VN_KIND_ANY ? VN_VALUE_NONE : type.kind;
  VnExpr *expr = vn_arena_new0(e->arena, VnExpr);
  *expr = (VnExpr){.kind = VN_EXPR_RESULT,
                   .type = list ? VN_VALUE_LIST : kind,
                   .element = list ? kind : type.element,
                   .index = field,
                   .task = task,
                   .vm = member != NULL          ? member->id
                         : record->group         ? VN_MEMBER_ALL
                         : record->n_targets > 0 ? record->targets[0]
                                                 : VN_MEMBER_ALL,
                   .span = term->span,
                   .size = 1,
                   .depth = 1};
  return expr;
}

static gboolean
is_target(const VnTask *task, guint32 vm)
{
  guint32 low = 0, high = task->n_targets;
  while (low < high) {
    guint32 middle = low + (high - low) / 2;
    if (task->targets[middle] < vm)
      low = middle + 1;
    else
      high = middle;
  }
  return low < task->n_targets && task->targets[low] == vm;
}

static gboolean
check_member(VnEval *e, const VnTerm *term, guint32 task, const VnValue *member)
{
  const VnTask *record = &g_array_index(e->tasks, VnTask, task);
  VnSpan span = term->operands[1]->span;
  if (member->kind != VN_VALUE_HOST && member->kind != VN_VALUE_ROUTER) {
    vn_eval_report(e, VN_DIAG_VN103, span, "a member of a task is a host, this is %s",
                   vn_value_kind_text(member->kind));
    return FALSE;
  }
  if (is_target(record, member->id))
    return TRUE;
  if (record->n_targets == 0)
    return FALSE; /* its targets are wrong, and reported */
  VnDiag *diag =
      vn_eval_report(e, VN_DIAG_VN114, span, "`%s` is not among the targets of task `%s`",
                     vn_eval_name_of(member->kind, member->id, e), record->name);
  vn_diag_place(diag, record->span, "declared here");
  return FALSE;
}

static gboolean
results_of_all(VnEval *e, VnTerm *term, const VnValueList *tasks, VnOperand *out)
{
  const VnExpr **parts = vn_arena_array0(e->arena, const VnExpr *, tasks->n);
  for (guint32 i = 0; i < tasks->n; i++) {
    parts[i] = result_of(e, term, tasks->items[i].id, NULL);
    if (parts[i] == NULL)
      return FALSE;
  }
  VnExpr *expr = vn_arena_new0(e->arena, VnExpr);
  *expr = (VnExpr){.kind = VN_EXPR_LIST,
                   .type = VN_VALUE_LIST,
                   .element = tasks->n > 0 ? parts[0]->type : VN_VALUE_NONE,
                   .span = term->span,
                   .size = tasks->n + 1,
                   .depth = 2,
                   .operands = parts,
                   .n_operands = tasks->n};
  *out = (VnOperand){.expr = expr};
  return TRUE;
}

gboolean
vn_eval_result(VnEval *e, VnTerm *term, VnOperand *out)
{
  VnValue task, member;
  gboolean has_member = term->n_operands > 1;
  if (!vn_eval_value(e, term->operands[0], &task) ||
      (has_member && !vn_eval_value(e, term->operands[1], &member)))
    return FALSE;
  if (task.kind == VN_VALUE_LIST)
    return results_of_all(e, term, task.list, out);
  if (task.kind != VN_VALUE_TASK) {
    vn_eval_report(e, VN_DIAG_VN118, term->span, "%s has no field `%s`",
                   vn_value_kind_text(task.kind), term->name->text);
    return FALSE;
  }
  if (has_member && !check_member(e, term, task.id, &member))
    return FALSE;
  *out = (VnOperand){.expr = result_of(e, term, task.id, has_member ? &member : NULL)};
  return out->expr != NULL;
}
