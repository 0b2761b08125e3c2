/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Expectations and measures, evaluated when all tasks have ended. */
#include "master/trial.h"

static const char *
place_text(const VnModel *model, VnSpan span, VnArena *arena)
{
  VnLocation at = vn_source_set_locate(model->sources, span.start);
  return at.source != NULL
             ? vn_arena_printf(arena, "%s:%u:%u", at.source->path, at.line, at.column)
             : "";
}

static const char *
message_text(const VnExpectation *expectation, const VnExprScope *scope, VnArena *arena)
{
  VnValue value;
  g_autoptr(GError) error = NULL;
  if (expectation->message == NULL)
    return NULL;
  if (!vn_expr_evaluate(expectation->message, scope, arena, &value, &error))
    return vn_arena_printf(arena, "(its message: %s)", error->message);
  g_autoptr(GString) text = g_string_new(NULL);
  vn_value_format(&value, scope->name_of, scope->data, text);
  return vn_arena_strndup(arena, text->str, text->len);
}

static VnExpectationResult
judge_expectation(const VnModel *model, const VnExpectation *expectation,
                  const VnExprScope *scope, VnArena *arena)
{
  VnExpectationResult result = {.expectation = expectation};
  VnValue value;
  g_autoptr(GError) error = NULL;
  result.place = place_text(model, expectation->span, arena);
  result.known = vn_expr_evaluate(expectation->condition, scope, arena, &value, &error);
  if (result.known)
    result.passed = value.kind == VN_VALUE_BOOL && value.b;
  else
    result.error = vn_arena_strdup(arena, error->message);
  if (!result.passed)
    result.message = message_text(expectation, scope, arena);
  return result;
}

static gboolean
as_number(const VnValue *value, double *out, const char **out_unit)
{
  *out_unit = NULL;
  switch ((VnValueKind)value->kind) {
  case VN_VALUE_BOOL:
    *out = value->b ? 1 : 0;
    return TRUE;
  case VN_VALUE_INT:
  case VN_VALUE_PORT:
    *out = (double)value->i;
    return TRUE;
  case VN_VALUE_FLOAT:
    *out = value->f;
    return TRUE;
  case VN_VALUE_PERCENT:
    *out = value->f;
    *out_unit = "%";
    return TRUE;
  case VN_VALUE_DURATION:
    *out = (double)value->i;
    *out_unit = "ns";
    return TRUE;
  case VN_VALUE_SIZE:
    *out = (double)value->i;
    *out_unit = "B";
    return TRUE;
  case VN_VALUE_RATE:
    *out = (double)value->i;
    *out_unit = "bit/s";
    return TRUE;
  case VN_VALUE_NONE:
  case VN_VALUE_STRING:
  case VN_VALUE_ADDRESS:
  case VN_VALUE_PREFIX:
  case VN_VALUE_MAC:
  case VN_VALUE_REGEX:
  case VN_VALUE_LIST:
  case VN_VALUE_RANGE:
  case VN_VALUE_SET:
  case VN_VALUE_HOST:
  case VN_VALUE_ROUTER:
  case VN_VALUE_SEGMENT:
  case VN_VALUE_TASK:
  case VN_VALUE_GROUP:
  case VN_VALUE_SITE:
  case VN_VALUE_IMAGE:
  case VN_VALUE_KIND_COUNT:
    return FALSE;
  }
  return FALSE;
}

static VnMeasureResult
judge_measure(const VnMeasure *measure, const VnExprScope *scope, VnArena *arena)
{
  VnMeasureResult result = {.measure = measure};
  VnValue value;
  g_autoptr(GError) error = NULL;
  if (!vn_expr_evaluate(measure->value, scope, arena, &value, &error))
    result.error = vn_arena_strdup(arena, error->message);
  else if (as_number(&value, &result.value, &result.unit))
    result.known = TRUE;
  else
    result.error = "it has no value";
  return result;
}

void
vn_trial_judge(const VnModel *model, const VnExprScope *scope, VnArena *arena, VnJudgement *out)
{
  out->expectations = vn_arena_array0(arena, VnExpectationResult, model->n_expectations + 1);
  out->measures = vn_arena_array0(arena, VnMeasureResult, model->n_measures + 1);
  out->all_hold = TRUE;
  for (guint32 i = 0; i < model->n_expectations; i++) {
    out->expectations[i] = judge_expectation(model, &model->expectations[i], scope, arena);
    out->all_hold = out->all_hold && out->expectations[i].passed;
  }
  for (guint32 i = 0; i < model->n_measures; i++)
    out->measures[i] = judge_measure(&model->measures[i], scope, arena);
}
