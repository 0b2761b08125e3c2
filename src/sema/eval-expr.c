/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Evaluation of terms: to values where all is known, else to the rest that the run evaluates.
 *
 * A term that reads no slot is evaluated once and remembered: the same set, argument or text is
 * shared by all turns of a loop.
 */
#include "sema/eval.h"
#include "sema/limits.h"

#include <string.h>

static gboolean
report_error(VnEval *e, VnSpan span, const GError *error)
{
  vn_eval_report(e, VN_DIAG_VN115, span, "%s", error->message);
  return FALSE;
}

/* ---- residues ---- */

static gboolean
known(VnOperand *out, VnValue value)
{
  *out = (VnOperand){.value = value};
  return TRUE;
}

const VnExpr *
vn_eval_const(VnEval *e, const VnValue *value, VnSpan span)
{
  VnExpr *expr = vn_arena_new0(e->arena, VnExpr);
  *expr = (VnExpr){.kind = VN_EXPR_CONST,
                   .type = value->kind,
                   .span = span,
                   .size = 1,
                   .depth = 1,
                   .value = *value};
  if (value->kind == VN_VALUE_LIST && value->list->n > 0)
    expr->element = value->list->items[0].kind;
  return expr;
}

static const VnExpr *
operand_expr(VnEval *e, const VnOperand *operand, VnSpan span)
{
  return operand->expr != NULL ? operand->expr : vn_eval_const(e, &operand->value, span);
}

/* An expression over operands, of which one at least is not known. */
static gboolean
residue(VnEval *e, VnTerm *term, VnExpr head, const VnOperand *operands, guint32 n, VnOperand *out)
{
  VnExpr *expr = vn_arena_new0(e->arena, VnExpr);
  const VnExpr **parts = vn_arena_array0(e->arena, const VnExpr *, n);
  guint64 size = 1;
  guint depth = 1;
  for (guint32 i = 0; i < n; i++) {
    parts[i] = operand_expr(e, &operands[i], term->operands[i]->span);
    size += parts[i]->size;
    depth = MAX(depth, parts[i]->depth + 1u);
  }
  if (depth > VN_EXPR_MAX_DEPTH) {
    vn_eval_too_many(e, term->span, VN_EXPR_MAX_DEPTH, "operations within each other");
    return FALSE;
  }
  if (size > VN_EXPR_MAX_SIZE) {
    vn_eval_too_many(e, term->span, VN_EXPR_MAX_SIZE, "operations in one expression");
    return FALSE;
  }
  *expr = head;
  expr->span = term->span;
  expr->size = (guint32)size;
  expr->depth = (guint16)depth;
  expr->operands = parts;
  expr->n_operands = n;
  *out = (VnOperand){.expr = expr};
  return TRUE;
}

static guint8
kind_of(const VnOperand *operand)
{
  return operand->expr != NULL ? operand->expr->type : operand->value.kind;
}

/* ---- operations ---- */

static gboolean
undefined(VnEval *e, VnTerm *term, guint8 left, guint8 right)
{
  gboolean unary = term->kind == VN_TERM_UNARY;
  vn_eval_report(e, VN_DIAG_VN103, term->span, "`%s` does not go with %s%s%s",
                 vn_expr_op_text(term->op), vn_value_kind_text(left), unary ? "" : " and ",
                 unary ? "" : vn_value_kind_text(right));
  return FALSE;
}

static gboolean
eval_unary(VnEval *e, VnTerm *term, VnOperand *out)
{
  VnOperand operand;
  g_autoptr(GError) error = NULL;
  if (!vn_eval(e, term->operands[0], &operand))
    return FALSE;
  guint8 kind = kind_of(&operand);
  guint8 type = kind != VN_VALUE_NONE ? vn_expr_op_kind(term->op, kind, VN_VALUE_NONE) : 0;
  if (kind != VN_VALUE_NONE && type == VN_VALUE_NONE)
    return undefined(e, term, kind, VN_VALUE_NONE);
  if (operand.expr != NULL)
    return residue(e, term, (VnExpr){.kind = VN_EXPR_UNARY, .op = term->op, .type = type}, &operand,
                   1, out);
  VnValue value;
  return vn_expr_apply(term->op, &operand.value, NULL, e->arena, &value, &error)
             ? known(out, value)
             : report_error(e, term->span, error);
}

/* `false and …`, `true or …`: the rest does not matter. */
static gboolean
decides(const VnTerm *term, const VnOperand *left)
{
  return left->expr == NULL && left->value.kind == VN_VALUE_BOOL &&
         ((term->op == VN_EXPR_AND && !left->value.b) || (term->op == VN_EXPR_OR && left->value.b));
}

static gboolean
eval_binary(VnEval *e, VnTerm *term, VnOperand *out)
{
  VnOperand operands[2];
  g_autoptr(GError) error = NULL;
  if (!vn_eval(e, term->operands[0], &operands[0]))
    return FALSE;
  if (decides(term, &operands[0]))
    return known(out, operands[0].value);
  if (!vn_eval(e, term->operands[1], &operands[1]))
    return FALSE;
  guint8 left = kind_of(&operands[0]), right = kind_of(&operands[1]), type = VN_VALUE_NONE;
  if (left != VN_VALUE_NONE && right != VN_VALUE_NONE) {
    type = vn_expr_op_kind(term->op, left, right);
    if (type == VN_VALUE_NONE)
      return undefined(e, term, left, right);
  }
  if (operands[0].expr != NULL || operands[1].expr != NULL)
    return residue(e, term, (VnExpr){.kind = VN_EXPR_BINARY, .op = term->op, .type = type},
                   operands, 2, out);
  if (left == VN_VALUE_LIST || left == VN_VALUE_SET)
    e->steps += operands[0].value.list->n; /* a comparison looks at each item */
  VnValue value;
  return vn_expr_apply(term->op, &operands[0].value, &operands[1].value, e->arena, &value, &error)
             ? known(out, value)
             : report_error(e, term->span, error);
}

static gboolean
eval_range(VnEval *e, VnTerm *term, VnOperand *out)
{
  VnValue from, to;
  if (!vn_eval_value(e, term->operands[0], &from) || !vn_eval_value(e, term->operands[1], &to))
    return FALSE;
  if (from.i < G_MININT32 || from.i > G_MAXINT32 || to.i < G_MININT32 || to.i > G_MAXINT32) {
    vn_eval_report(e, VN_DIAG_VN115, term->span, "the ends of a range must fit in 32 bits");
    return FALSE;
  }
  return known(out, (VnValue){.kind = VN_VALUE_RANGE,
                              .range = {.from = (gint32)from.i, .to = (gint32)to.i}});
}

static gboolean
eval_convert(VnEval *e, VnTerm *term, VnOperand *out)
{
  VnOperand operand;
  if (!vn_eval(e, term->operands[0], &operand))
    return FALSE;
  guint8 kind = kind_of(&operand);
  if (kind != VN_VALUE_NONE && !vn_unit_measures(term->unit, kind)) {
    vn_eval_report(e, VN_DIAG_VN104, term->span, "%s can't be told in %s", vn_value_kind_text(kind),
                   vn_unit_text(term->unit));
    return FALSE;
  }
  if (operand.expr != NULL)
    return residue(e, term,
                   (VnExpr){.kind = VN_EXPR_CONVERT, .unit = term->unit, .type = VN_VALUE_FLOAT},
                   &operand, 1, out);
  return known(out, vn_expr_convert(&operand.value, term->unit));
}

static gboolean
eval_index(VnEval *e, VnTerm *term, VnOperand *out)
{
  VnOperand operands[2];
  g_autoptr(GError) error = NULL;
  if (!vn_eval(e, term->operands[0], &operands[0]) || !vn_eval(e, term->operands[1], &operands[1]))
    return FALSE;
  if (operands[0].expr != NULL || operands[1].expr != NULL) {
    guint8 item = operands[0].expr != NULL ? operands[0].expr->element : VN_VALUE_NONE;
    guint8 type = vn_expr_index_kind(kind_of(&operands[0]), item);
    return residue(e, term, (VnExpr){.kind = VN_EXPR_INDEX, .type = type}, operands, 2, out);
  }
  VnValue value;
  if (vn_expr_index(&operands[0].value, &operands[1].value, e->arena, &value, &error))
    return known(out, value);
  vn_eval_report(e, VN_DIAG_VN114, term->span, "%s", error->message);
  return FALSE;
}

/* Operands are needed only for a while: as many lie on the stack, more in the arena. */
#define FEW 8

static VnOperand *
room_for_operands(VnEval *e, const VnTerm *term, VnOperand few[FEW])
{
  return term->n_operands <= FEW ? few
                                 : vn_arena_array0(e->arena, VnOperand, term->n_operands);
}

/* All operands; *out_open tells whether one of them is not known. */
static gboolean
eval_operands(VnEval *e, VnTerm *term, VnOperand *operands, gboolean *out_open)
{
  *out_open = FALSE;
  for (guint32 i = 0; i < term->n_operands; i++) {
    if (!vn_eval(e, term->operands[i], &operands[i]))
      return FALSE;
    *out_open |= operands[i].expr != NULL;
  }
  return TRUE;
}

static gboolean
eval_list(VnEval *e, VnTerm *term, VnOperand *out)
{
  gboolean open;
  VnOperand few[FEW], *operands = room_for_operands(e, term, few);
  if (!eval_operands(e, term, operands, &open))
    return FALSE;
  if (open)
    return residue(
        e, term,
        (VnExpr){.kind = VN_EXPR_LIST, .type = VN_VALUE_LIST, .element = kind_of(&operands[0])},
        operands, term->n_operands, out);
  VnValueList *list = vn_arena_new0(e->arena, VnValueList);
  VnValue *items = vn_arena_array0(e->arena, VnValue, term->n_operands);
  for (guint32 i = 0; i < term->n_operands; i++)
    items[i] = operands[i].value;
  *list = (VnValueList){.items = items, .n = term->n_operands};
  return known(out, (VnValue){.kind = VN_VALUE_LIST, .list = list});
}

static gboolean
eval_concat(VnEval *e, VnTerm *term, VnOperand *out)
{
  gboolean open;
  VnOperand few[FEW], *operands = room_for_operands(e, term, few);
  if (!eval_operands(e, term, operands, &open))
    return FALSE;
  if (open)
    return residue(e, term, (VnExpr){.kind = VN_EXPR_CONCAT, .type = VN_VALUE_STRING}, operands,
                   term->n_operands, out);
  g_autoptr(GString) text = g_string_new(NULL);
  for (guint32 i = 0; i < term->n_operands && text->len <= VN_TEXT_MAX_BYTES; i++)
    vn_value_format(&operands[i].value, vn_eval_name_of, e, text);
  if (text->len > VN_TEXT_MAX_BYTES) {
    vn_eval_report(e, VN_DIAG_VN117, term->span, "a text of more than %u bytes", VN_TEXT_MAX_BYTES);
    return FALSE;
  }
  return known(out, vn_value_string(e->arena, text->str, (gssize)text->len));
}

static gboolean
eval_builtin(VnEval *e, VnTerm *term, VnOperand *out)
{
  gboolean open;
  g_autoptr(GError) error = NULL;
  VnOperand few[FEW], *operands = room_for_operands(e, term, few);
  if (!eval_operands(e, term, operands, &open))
    return FALSE;
  if (open) {
    guint8 item = operands[0].expr != NULL ? operands[0].expr->element : VN_VALUE_NONE;
    guint8 type = item != VN_VALUE_NONE || term->op <= VN_BUILTIN_COUNT
                      ? vn_expr_builtin_kind(term->op, item != VN_VALUE_NONE ? item : VN_VALUE_BOOL)
                      : VN_VALUE_NONE;
    return residue(e, term, (VnExpr){.kind = VN_EXPR_CALL, .op = term->op, .type = type}, operands,
                   term->n_operands, out);
  }
  VnValue args[2], value;
  for (guint32 i = 0; i < term->n_operands; i++)
    args[i] = operands[i].value;
  return vn_expr_apply_builtin(term->op, args, term->n_operands, e->arena, &value, &error)
             ? known(out, value)
             : report_error(e, term->span, error);
}

/* ---- terms ---- */

static gboolean
eval_term(VnEval *e, VnTerm *term, VnOperand *out)
{
  switch ((VnTermKind)term->kind) {
  case VN_TERM_ERROR:
    return FALSE;
  case VN_TERM_CONST:
    return known(out, term->value);
  case VN_TERM_SLOT:
    return vn_eval_slot(e, term, out);
  case VN_TERM_THING:
    return vn_eval_thing(e, (VnThing *)term->thing, term->span, out);
  case VN_TERM_ARRAY:
    return vn_eval_array(e, term, out);
  case VN_TERM_ELEMENT:
    return vn_eval_element(e, term, out);
  case VN_TERM_SLICE:
    return vn_eval_slice(e, term, out);
  case VN_TERM_ALL_HOSTS:
  case VN_TERM_ALL_ROUTERS:
    return vn_eval_all(e, term, out);
  case VN_TERM_HOSTS_OF:
    return vn_eval_hosts_of(e, term, out);
  case VN_TERM_RESULT:
    return vn_eval_result(e, term, out);
  case VN_TERM_PARAM:
    return vn_eval_open(e, term, VN_EXPR_PARAM, out);
  case VN_TERM_FIELD:
    return vn_eval_open(e, term, VN_EXPR_FIELD, out);
  case VN_TERM_UNARY:
    return eval_unary(e, term, out);
  case VN_TERM_BINARY:
    return eval_binary(e, term, out);
  case VN_TERM_RANGE:
    return eval_range(e, term, out);
  case VN_TERM_CONVERT:
    return eval_convert(e, term, out);
  case VN_TERM_INDEX:
    return eval_index(e, term, out);
  case VN_TERM_LIST:
    return eval_list(e, term, out);
  case VN_TERM_SET:
  case VN_TERM_SET_OP:
    return vn_eval_sets(e, term, out);
  case VN_TERM_CONCAT:
    return eval_concat(e, term, out);
  case VN_TERM_BUILTIN:
    return eval_builtin(e, term, out);
  case VN_TERM_CALL:
    return vn_eval_function(e, term, out);
  }
  g_assert_not_reached();
}

static gboolean
worth_remembering(const VnTerm *term)
{
  return term->closed && term->kind != VN_TERM_CONST && term->kind != VN_TERM_ERROR &&
         term->kind != VN_TERM_THING;
}

static void
remember_operand(VnEval *e, VnTerm *term, const VnOperand *operand)
{
  term->memory = vn_arena_new0(e->arena, VnRemembered);
  term->memory->operand = *operand;
  term->epoch = e->epoch;
}

gboolean
vn_eval(VnEval *e, VnTerm *term, VnOperand *out)
{
  gboolean remember = worth_remembering(term);
  if (remember && term->epoch == e->epoch) {
    *out = term->memory->operand;
    return TRUE;
  }
  if (e->exhausted)
    return FALSE;
  if (++e->steps > VN_MAX_STEPS)
    vn_eval_too_many(e, term->span, VN_MAX_STEPS, "steps of evaluation");
  if (vn_arena_used(e->arena) - e->first_byte > VN_MAX_BYTES)
    vn_eval_too_many(e, term->span, VN_MAX_BYTES, "bytes of lists, sets and texts");
  if (e->exhausted)
    return FALSE;
  if (!eval_term(e, term, out))
    return FALSE;
  if (remember)
    remember_operand(e, term, out);
  return TRUE;
}

gboolean
vn_eval_value(VnEval *e, VnTerm *term, VnValue *out)
{
  VnOperand operand;
  if (!vn_eval(e, term, &operand))
    return FALSE;
  if (operand.expr != NULL) {
    vn_eval_report(e, VN_DIAG_VN116, term->span, "this must be known before the run");
    return FALSE;
  }
  *out = operand.value;
  return TRUE;
}

const VnExpr *
vn_eval_expr(VnEval *e, VnTerm *term)
{
  VnOperand operand;
  if (!vn_eval(e, term, &operand))
    return NULL;
  if (operand.expr != NULL)
    return operand.expr;
  if (!term->closed)
    return vn_eval_const(e, &operand.value, term->span);
  if (term->epoch != e->epoch)
    remember_operand(e, term, &operand);
  if (term->memory->expr == NULL)
    term->memory->expr = vn_eval_const(e, &operand.value, term->span);
  return term->memory->expr;
}
