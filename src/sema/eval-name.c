/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Names in the evaluation: slots, functions, things, arrays and their elements, sets of machines.
 * Each kind of thing is known from the end of its phase on; what needs it before is refused. */
#include "sema/eval.h"
#include "sema/limits.h"

static gboolean
known(VnOperand *out, VnValue value)
{
  *out = (VnOperand){.value = value};
  return TRUE;
}

gboolean
vn_eval_function(VnEval *e, VnTerm *term, VnOperand *out)
{
  const VnThing *function = term->thing;
  VnOperand *operands = vn_arena_array0(e->arena, VnOperand, term->n_operands);
  for (guint32 i = 0; i < term->n_operands; i++)
    if (!vn_eval(e, term->operands[i], &operands[i]))
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

gboolean
vn_eval_slot(VnEval *e, VnTerm *term, VnOperand *out)
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
gboolean
vn_eval_open(VnEval *e, VnTerm *term, VnExprKind kind, VnOperand *out)
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

gboolean
vn_eval_all(VnEval *e, VnTerm *term, VnOperand *out)
{
  VnVmKind kind = term->kind == VN_TERM_ALL_HOSTS ? VN_VM_HOST : VN_VM_ROUTER;
  return vms_known(e, term->span) && known(out, vn_set_value(vn_set_all(e, kind)));
}

gboolean
vn_eval_sets(VnEval *e, VnTerm *term, VnOperand *out)
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

gboolean
vn_eval_hosts_of(VnEval *e, VnTerm *term, VnOperand *out)
{
  VnValue place;
  if (!vn_eval_value(e, term->operands[0], &place) || !vms_known(e, term->span))
    return FALSE;
  gboolean segments = place.kind == VN_VALUE_LIST;
  for (guint32 i = 0; segments && i < place.list->n; i++)
    segments = place.list->items[i].kind == VN_VALUE_SEGMENT;
  if (!segments && place.kind != VN_VALUE_SEGMENT && place.kind != VN_VALUE_SITE) {
    vn_eval_report(e, VN_DIAG_VN103, term->operands[0]->span,
                   "`hosts` needs a segment or a site, this is %s", vn_value_kind_text(place.kind));
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
  case VN_THING_MEASURE:
    return VN_PHASE_MEASURES;
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
      (e->phase == phase && (phase == VN_PHASE_GROUPS || phase == VN_PHASE_MEASURES)))
    return TRUE;
  vn_eval_report(e, VN_DIAG_VN116, span, "%ss are not known yet where `%s` is needed",
                 vn_thing_kind_text(thing->kind), thing->name->text);
  return FALSE;
}

static guint8
value_kind_of(const VnThing *thing)
{
  static const guint8 kinds[] = {
      [VN_THING_SITE] = VN_VALUE_SITE,       [VN_THING_IMAGE] = VN_VALUE_IMAGE,
      [VN_THING_SEGMENT] = VN_VALUE_SEGMENT, [VN_THING_HOST] = VN_VALUE_HOST,
      [VN_THING_ROUTER] = VN_VALUE_ROUTER,   [VN_THING_TASK] = VN_VALUE_TASK};
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
    if (thing->kind == VN_THING_GROUP || thing->kind == VN_THING_MEASURE)
      return absent(e, thing, span);
    thing->epoch = e->epoch;
    thing->failed = thing->term == NULL || !vn_eval(e, thing->term, &thing->value);
  }
  *out = thing->value;
  return !thing->failed;
}

static gboolean
eval_group(VnEval *e, VnThing *thing)
{
  VnValue value;
  if (!vn_eval_value(e, thing->term, &value) ||
      !vn_eval_coerce(e, vn_type_of_kind(VN_VALUE_SET), "a group", thing->term->span, &value))
    return FALSE;
  thing->value = (VnOperand){.value = value};
  return TRUE;
}

/* Groups and measures may name others of their kind in any order. */
static gboolean
eval_when_needed(VnEval *e, VnThing *thing, VnSpan span, VnOperand *out)
{
  if (thing->epoch == e->epoch && thing->evaluating == VN_CHECK_RUNNING) {
    vn_diag_place(vn_eval_report(e, VN_DIAG_VN110, span, "%s `%s` depends on itself",
                                 vn_thing_kind_text(thing->kind), thing->name->text),
                  thing->span, "declared here");
    return FALSE;
  }
  if (thing->epoch == e->epoch && thing->evaluating == VN_CHECK_NOT_YET) {
    thing->evaluating = VN_CHECK_RUNNING;
    thing->failed = thing->term == NULL ||
                    !(thing->kind == VN_THING_GROUP ? eval_group(e, thing)
                                                    : vn_eval(e, thing->term, &thing->value));
    thing->evaluating = VN_CHECK_DONE;
  }
  return eval_definition(e, thing, span, out);
}

gboolean
vn_eval_thing(VnEval *e, VnThing *thing, VnSpan span, VnOperand *out)
{
  if (!thing_ready(e, thing, span))
    return FALSE;
  if (thing->kind == VN_THING_GROUP || thing->kind == VN_THING_MEASURE)
    return eval_when_needed(e, thing, span, out);
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

gboolean
vn_eval_array(VnEval *e, VnTerm *term, VnOperand *out)
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
  VnDiag *diag = vn_eval_report(e, VN_DIAG_VN114, span, "there is no `%s[%" G_GINT64_FORMAT "]`",
                                thing->name->text, index);
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

gboolean
vn_eval_element(VnEval *e, VnTerm *term, VnOperand *out)
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

gboolean
vn_eval_slice(VnEval *e, VnTerm *term, VnOperand *out)
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
