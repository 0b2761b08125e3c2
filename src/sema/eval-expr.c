/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Evaluation of terms: to values where all is known, else to the rest that the run evaluates.
 *
 * A term that reads no slot is evaluated once and remembered: the same set, argument or text is
 * shared by all turns of a loop.
 */
#include "sema/eval.h"
#include "sema/limits.h"

#include <string.h>

/* ---- messages ---- */

VnDiag *
vn_eval_report(VnEval *e, VnDiagCode code, VnSpan span, const char *format, ...)
{
  va_list args;
  va_start(args, format);
  g_autofree char *message = g_strdup_vprintf(format, args);
  va_end(args);
  VnDiag *diag = vn_diag_add(e->c->sink, code, span, "%s", message);
  if (e->call_depth > 0)
    vn_diag_place(diag, e->call, "called here");
  return diag;
}

void
vn_eval_too_many(VnEval *e, VnSpan span, guint64 limit, const char *what)
{
  if (!e->exhausted)
    vn_eval_report(e, VN_DIAG_VN117, span, "more than %" G_GUINT64_FORMAT " %s", limit, what);
  e->exhausted = TRUE;
}

static gboolean
report_error(VnEval *e, VnSpan span, const GError *error)
{
  vn_eval_report(e, VN_DIAG_VN115, span, "%s", error->message);
  return FALSE;
}

const char *
vn_eval_name_of(VnValueKind kind, guint32 id, gpointer data)
{
  VnEval *e = data;
  if (kind == VN_VALUE_HOST || kind == VN_VALUE_ROUTER)
    return g_array_index(e->vms, VnVm, id).name;
  if (kind == VN_VALUE_SEGMENT)
    return g_array_index(e->segments, VnSegment, id).name;
  if (kind == VN_VALUE_TASK)
    return g_array_index(e->tasks, VnTask, id).name;
  if (kind == VN_VALUE_SITE)
    return g_array_index(e->sites, VnSite, id).name;
  return kind == VN_VALUE_IMAGE ? g_array_index(e->images, VnImage, id).name : NULL;
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
  *expr = (VnExpr){
      .kind = VN_EXPR_CONST, .type = value->kind, .span = span, .size = 1, .depth = 1,
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
residue(VnEval *e, VnTerm *term, VnExpr head, const VnOperand *operands, guint32 n,
        VnOperand *out)
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
    return residue(e, term, (VnExpr){.kind = VN_EXPR_UNARY, .op = term->op, .type = type},
                   &operand, 1, out);
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
         ((term->op == VN_EXPR_AND && !left->value.b) ||
          (term->op == VN_EXPR_OR && left->value.b));
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
    vn_eval_report(e, VN_DIAG_VN104, term->span, "%s can't be told in %s",
                   vn_value_kind_text(kind), vn_unit_text(term->unit));
    return FALSE;
  }
  if (operand.expr != NULL)
    return residue(
        e, term,
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

/* All operands; *out_open tells whether one of them is not known. NULL: failed. */
static VnOperand *
eval_operands(VnEval *e, VnTerm *term, gboolean *out_open)
{
  VnOperand *operands = vn_arena_array0(e->arena, VnOperand, term->n_operands);
  *out_open = FALSE;
  for (guint32 i = 0; i < term->n_operands; i++) {
    if (!vn_eval(e, term->operands[i], &operands[i]))
      return NULL;
    *out_open |= operands[i].expr != NULL;
  }
  return operands;
}

static gboolean
eval_list(VnEval *e, VnTerm *term, VnOperand *out)
{
  gboolean open;
  VnOperand *operands = eval_operands(e, term, &open);
  if (operands == NULL)
    return FALSE;
  if (open)
    return residue(e, term,
                   (VnExpr){.kind = VN_EXPR_LIST,
                            .type = VN_VALUE_LIST,
                            .element = kind_of(&operands[0])},
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
  VnOperand *operands = eval_operands(e, term, &open);
  if (operands == NULL)
    return FALSE;
  if (open)
    return residue(e, term, (VnExpr){.kind = VN_EXPR_CONCAT, .type = VN_VALUE_STRING}, operands,
                   term->n_operands, out);
  g_autoptr(GString) text = g_string_new(NULL);
  for (guint32 i = 0; i < term->n_operands && text->len <= VN_TEXT_MAX_BYTES; i++)
    vn_value_format(&operands[i].value, vn_eval_name_of, e, text);
  if (text->len > VN_TEXT_MAX_BYTES) {
    vn_eval_report(e, VN_DIAG_VN117, term->span, "a text of more than %u bytes",
                   VN_TEXT_MAX_BYTES);
    return FALSE;
  }
  return known(out, vn_value_string(e->arena, text->str, (gssize)text->len));
}

static gboolean
eval_builtin(VnEval *e, VnTerm *term, VnOperand *out)
{
  gboolean open;
  g_autoptr(GError) error = NULL;
  VnOperand *operands = eval_operands(e, term, &open);
  if (operands == NULL)
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

/* ---- names ---- */

static gboolean
eval_function(VnEval *e, VnTerm *term, VnOperand *out)
{
  const VnThing *function = term->thing;
  gboolean open;
  VnOperand *operands = eval_operands(e, term, &open);
  if (operands == NULL)
    return FALSE;
  for (guint32 i = 0; i < term->n_operands; i++) {
    e->slots[function->first_slot + i] = operands[i];
    e->slot_set[function->first_slot + i] = TRUE;
  }
  VnSpan outer = e->call;
  e->call = term->span;
  e->call_depth++;
  gboolean ok = vn_eval(e, function->term, out);
  e->call_depth--;
  e->call = outer;
  return ok;
}

static gboolean
eval_slot(VnEval *e, VnTerm *term, VnOperand *out)
{
  if (!e->slot_set[term->index]) {
    if (term->let == NULL || term->let->term == NULL ||
        !vn_eval(e, term->let->term, &e->slots[term->index]))
      return FALSE;
    e->slot_set[term->index] = TRUE;
  }
  *out = e->slots[term->index];
  return TRUE;
}

/* What is left of a parameter or a field in the body of an action. */
static gboolean
eval_open(VnEval *e, VnTerm *term, VnExprKind kind, VnOperand *out)
{
  VnExpr *expr = vn_arena_new0(e->arena, VnExpr);
  guint8 type = term->type.kind;
  *expr = (VnExpr){.kind = kind,
                   .type = type == VN_KIND_ANY || term->type.or_address ? VN_VALUE_NONE : type,
                   .element = term->type.element,
                   .index = term->index,
                   .span = term->span,
                   .size = 1,
                   .depth = 1};
  *out = (VnOperand){.expr = expr};
  return TRUE;
}

static gboolean
vms_known(VnEval *e, VnSpan span)
{
  if (e->phase >= VN_PHASE_GROUPS)
    return TRUE;
  vn_diag_hint(vn_eval_report(e, VN_DIAG_VN116, span,
                              "which hosts there are is not known yet where this is needed"),
               "what decides about hosts and segments can't depend on sets of hosts");
  return FALSE;
}

static gboolean
eval_sets(VnEval *e, VnTerm *term, VnOperand *out)
{
  g_autofree VnValue *values = g_new0(VnValue, term->n_operands + 1);
  for (guint32 i = 0; i < term->n_operands; i++)
    if (!vn_eval_value(e, term->operands[i], &values[i]) ||
        !vn_eval_coerce(e, vn_type_of_kind(VN_VALUE_SET), "a member of a set",
                        term->operands[i]->span, &values[i]))
      return FALSE;
  if (!vms_known(e, term->span))
    return FALSE;
  const VnVmSet *set;
  if (term->kind == VN_TERM_SET) {
    VnValueList list = {.items = values, .n = term->n_operands};
    set = vn_set_from_values(e, &list);
  } else {
    set = vn_set_combine(e, term->op, vn_set_of(e, &values[0]), vn_set_of(e, &values[1]));
  }
  return known(out, vn_set_value(set));
}

static gboolean
eval_hosts_of(VnEval *e, VnTerm *term, VnOperand *out)
{
  VnValue place;
  if (!vn_eval_value(e, term->operands[0], &place) || !vms_known(e, term->span))
    return FALSE;
  gboolean segments = place.kind == VN_VALUE_LIST;
  for (guint32 i = 0; segments && i < place.list->n; i++)
    segments = place.list->items[i].kind == VN_VALUE_SEGMENT;
  if (!segments && place.kind != VN_VALUE_SEGMENT && place.kind != VN_VALUE_SITE) {
    vn_eval_report(e, VN_DIAG_VN103, term->operands[0]->span,
                   "`hosts` needs a segment or a site, this is %s",
                   vn_value_kind_text(place.kind));
    return FALSE;
  }
  return known(out, vn_set_value(vn_set_hosts_of(e, &place)));
}

static VnPhase
phase_of(const VnThing *thing)
{
  switch ((VnThingKind)thing->kind) {
  case VN_THING_SEGMENT:
    return VN_PHASE_SEGMENTS;
  case VN_THING_HOST:
  case VN_THING_ROUTER:
    return VN_PHASE_VMS;
  case VN_THING_GROUP:
    return VN_PHASE_GROUPS;
  case VN_THING_TASK:
    return VN_PHASE_TASKS;
  case VN_THING_CONSTANT:
  case VN_THING_FUNCTION:
  case VN_THING_PARAMETER:
  case VN_THING_SITE:
  case VN_THING_IMAGE:
  case VN_THING_ACTION:
    return VN_PHASE_SETTINGS;
  }
  g_assert_not_reached();
}

/* Are all things of its kind declared by now? Reports it if not. */
static gboolean
thing_ready(VnEval *e, const VnThing *thing, VnSpan span)
{
  VnPhase phase = phase_of(thing);
  if (phase == VN_PHASE_SETTINGS || e->phase > phase ||
      (e->phase == phase && phase == VN_PHASE_GROUPS))
    return TRUE;
  vn_eval_report(e, VN_DIAG_VN116, span, "%ss are not known yet where `%s` is needed",
                 vn_thing_kind_text(thing->kind), thing->name->text);
  return FALSE;
}

static guint8
value_kind_of(const VnThing *thing)
{
  static const guint8 kinds[] = {[VN_THING_SITE] = VN_VALUE_SITE,
                                 [VN_THING_IMAGE] = VN_VALUE_IMAGE,
                                 [VN_THING_SEGMENT] = VN_VALUE_SEGMENT,
                                 [VN_THING_HOST] = VN_VALUE_HOST,
                                 [VN_THING_ROUTER] = VN_VALUE_ROUTER,
                                 [VN_THING_TASK] = VN_VALUE_TASK};
  return kinds[thing->kind];
}

static gboolean
absent(VnEval *e, const VnThing *thing, VnSpan span)
{
  if (e->partial)
    return FALSE; /* its block was left out for another mistake */
  VnDiag *diag = vn_eval_report(e, VN_DIAG_VN101, span, "there is no %s `%s`",
                                vn_thing_kind_text(thing->kind), thing->name->text);
  vn_diag_place(diag, thing->span, "its declaration was not reached: the `if` around it is false");
  return FALSE;
}

static gboolean
eval_definition(VnEval *e, VnThing *thing, VnSpan span, VnOperand *out)
{
  if (thing->epoch != e->epoch) {
    if (thing->kind == VN_THING_GROUP)
      return absent(e, thing, span);
    thing->epoch = e->epoch;
    thing->failed = thing->term == NULL || !vn_eval(e, thing->term, &thing->value);
  }
  *out = thing->value;
  return !thing->failed;
}

/* A group's set, when first needed; groups may name each other in any order. */
static gboolean
eval_group(VnEval *e, VnThing *thing, VnSpan span, VnOperand *out)
{
  if (thing->epoch == e->epoch && thing->evaluating == VN_CHECK_RUNNING) {
    vn_diag_place(vn_eval_report(e, VN_DIAG_VN110, span, "group `%s` depends on itself",
                                 thing->name->text),
                  thing->span, "declared here");
    return FALSE;
  }
  if (thing->epoch == e->epoch && thing->evaluating == VN_CHECK_NOT_YET) {
    VnValue value;
    thing->evaluating = VN_CHECK_RUNNING;
    thing->failed = !vn_eval_value(e, thing->term, &value) ||
                    !vn_eval_coerce(e, vn_type_of_kind(VN_VALUE_SET), "a group",
                                    thing->term->span, &value);
    thing->evaluating = VN_CHECK_DONE;
    thing->value = (VnOperand){.value = value};
  }
  return eval_definition(e, thing, span, out);
}

gboolean
vn_eval_thing(VnEval *e, VnThing *thing, VnSpan span, VnOperand *out)
{
  if (!thing_ready(e, thing, span))
    return FALSE;
  if (thing->kind == VN_THING_GROUP)
    return eval_group(e, thing, span, out);
  if (thing->kind == VN_THING_CONSTANT || thing->kind == VN_THING_PARAMETER)
    return eval_definition(e, thing, span, out);
  if (thing->epoch != e->epoch)
    return absent(e, thing, span);
  return known(out, (VnValue){.kind = value_kind_of(thing), .id = thing->id});
}

/* ---- arrays ---- */

static gboolean
ids_value(VnEval *e, const VnThing *thing, const guint32 *ids, guint32 n, VnOperand *out)
{
  guint8 kind = value_kind_of(thing);
  VnValueList *list = vn_arena_new0(e->arena, VnValueList);
  VnValue *items = vn_arena_array0(e->arena, VnValue, n);
  for (guint32 i = 0; i < n; i++)
    items[i] = (VnValue){.kind = kind, .id = ids[i]};
  *list = (VnValueList){.items = items, .n = n};
  if (kind == VN_VALUE_HOST || kind == VN_VALUE_ROUTER)
    return known(out, vn_set_value(vn_set_from_values(e, list)));
  return known(out, (VnValue){.kind = VN_VALUE_LIST, .list = list});
}

static gboolean
eval_array(VnEval *e, VnTerm *term, VnOperand *out)
{
  const VnThing *thing = term->thing;
  guint32 n = thing->epoch == e->epoch ? thing->elements.n : 0;
  return thing_ready(e, thing, term->span) && ids_value(e, thing, thing->elements.ids, n, out);
}

static gboolean
find_element(VnEval *e, const VnThing *thing, VnSpan span, gint64 index, guint32 *out_id)
{
  *out_id = thing->epoch == e->epoch ? vn_elements_find(&thing->elements, index) : VN_NO_ID;
  if (*out_id != VN_NO_ID)
    return TRUE;
  if (e->partial)
    return FALSE;
  VnDiag *diag = vn_eval_report(e, VN_DIAG_VN114, span,
                                "there is no `%s[%" G_GINT64_FORMAT "]`", thing->name->text, index);
  vn_diag_place(diag, thing->span, "declared here");
  const VnElements *elements = &thing->elements;
  if (thing->epoch != e->epoch || elements->n == 0)
    vn_diag_hint(diag, "`%s` has no elements at all", thing->name->text);
  else if (elements->by_index == NULL)
    vn_diag_hint(diag, "it has the elements %" G_GINT64_FORMAT " to %" G_GINT64_FORMAT,
                 elements->first, elements->first + (gint64)elements->n - 1);
  return FALSE;
}

static gboolean
check_index_value(VnEval *e, const VnTerm *index, const VnValue *value)
{
  if (value->kind == VN_VALUE_INT || value->kind == VN_VALUE_PORT)
    return TRUE;
  vn_eval_report(e, VN_DIAG_VN103, index->span, "an index must be an int, this is %s",
                 vn_value_kind_text(value->kind));
  return FALSE;
}

static gboolean
eval_element(VnEval *e, VnTerm *term, VnOperand *out)
{
  VnValue index;
  guint32 id;
  if (!vn_eval_value(e, term->operands[0], &index) ||
      !check_index_value(e, term->operands[0], &index) ||
      !thing_ready(e, term->thing, term->span) ||
      !find_element(e, term->thing, term->span, index.i, &id))
    return FALSE;
  return known(out, (VnValue){.kind = value_kind_of(term->thing), .id = id});
}

static gboolean
eval_slice(VnEval *e, VnTerm *term, VnOperand *out)
{
  VnValue which;
  if (!vn_eval_value(e, term->operands[0], &which) || !thing_ready(e, term->thing, term->span))
    return FALSE;
  gboolean range = which.kind == VN_VALUE_RANGE;
  gint64 n = range ? (gint64)which.range.to - which.range.from + 1 : which.list->n;
  if (n > VN_MAX_ITEMS) {
    vn_eval_too_many(e, term->span, VN_MAX_ITEMS, "elements in a slice");
    return FALSE;
  }
  g_autofree guint32 *ids = g_new(guint32, (gsize)MAX(n, 0) + 1);
  for (gint64 i = 0; i < n; i++) {
    VnValue index = range ? vn_value_int(which.range.from + i) : which.list->items[i];
    if (!check_index_value(e, term->operands[0], &index) ||
        !find_element(e, term->thing, term->span, index.i, &ids[i]))
      return FALSE;
  }
  return ids_value(e, term->thing, ids, (guint32)MAX(n, 0), out);
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
    return eval_slot(e, term, out);
  case VN_TERM_THING:
    return vn_eval_thing(e, (VnThing *)term->thing, term->span, out);
  case VN_TERM_ARRAY:
    return eval_array(e, term, out);
  case VN_TERM_ELEMENT:
    return eval_element(e, term, out);
  case VN_TERM_SLICE:
    return eval_slice(e, term, out);
  case VN_TERM_ALL_HOSTS:
  case VN_TERM_ALL_ROUTERS:
    return vms_known(e, term->span) &&
           known(out, vn_set_value(vn_set_all(
                          e, term->kind == VN_TERM_ALL_HOSTS ? VN_VM_HOST : VN_VM_ROUTER)));
  case VN_TERM_HOSTS_OF:
    return eval_hosts_of(e, term, out);
  case VN_TERM_RESULT:
    return vn_eval_result(e, term, out);
  case VN_TERM_PARAM:
    return eval_open(e, term, VN_EXPR_PARAM, out);
  case VN_TERM_FIELD:
    return eval_open(e, term, VN_EXPR_FIELD, out);
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
    return eval_sets(e, term, out);
  case VN_TERM_CONCAT:
    return eval_concat(e, term, out);
  case VN_TERM_BUILTIN:
    return eval_builtin(e, term, out);
  case VN_TERM_CALL:
    return eval_function(e, term, out);
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
  if (++e->steps > VN_MAX_STEPS) {
    vn_eval_too_many(e, term->span, VN_MAX_STEPS, "steps of evaluation");
    return FALSE;
  }
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
