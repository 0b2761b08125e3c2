/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Did a task succeed, and what are its fields? In this order: how its process ended; fields that
 * must be there; `succeeds when`, or exit code 0 where there is none. */
#include "frame/status.h"
#include "master/calls-private.h"

#include <string.h>

static const GRegexCompileFlags ready_flags = G_REGEX_RAW | G_REGEX_OPTIMIZE | G_REGEX_MULTILINE;

static void
regex_free(gpointer regex)
{
  g_regex_unref(regex);
}

const GPtrArray *
vn_calls_ready(VnCalls *calls, guint32 task, gboolean on_stderr, GError **error)
{
  guint32 number = calls->model->tasks[task].action;
  const VnAction *action = &calls->model->actions[number];
  GPtrArray **slot = &vn_calls_action(calls, number)->ready[on_stderr ? 1 : 0];
  if (*slot != NULL)
    return *slot;
  g_autoptr(GPtrArray) patterns = g_ptr_array_new_with_free_func(regex_free);
  for (guint32 i = 0; i < action->n_ready; i++) {
    if (action->ready[i].pattern == NULL || action->ready[i].on_stderr != on_stderr)
      continue;
    GRegex *regex = g_regex_new(action->ready[i].pattern, ready_flags, 0, error);
    if (regex == NULL)
      return NULL;
    g_ptr_array_add(patterns, regex);
  }
  return *slot = g_steal_pointer(&patterns);
}

static const VnMatcher *
variant_matcher(VnCalls *calls, guint32 number, guint32 variant, const char **out_error)
{
  const VnAction *action = &calls->model->actions[number];
  VariantCode *code = &vn_calls_action(calls, number)->variants[variant];
  g_autoptr(GError) error = NULL;
  if (code->matcher == NULL && code->error == NULL) {
    code->matcher = vn_matcher_new(action, &action->variants[variant], &error);
    if (code->matcher == NULL)
      code->error = g_strdup(error->message);
  }
  *out_error = code->error;
  return code->matcher;
}

static gboolean
take_native_fields(const VnAction *action, const VnFrame *frame, VnArena *arena, VnValue *fields,
                   GError **error)
{
  guint32 offset = 0, size;
  guint16 tag;
  const guint8 *bytes;
  while (frame != NULL && vn_frame_next(frame, &offset, &tag, &bytes, &size) == 1)
    if (tag == VN_TAG_FIELD &&
        !vn_field_take(action, (const char *)bytes, size, arena, fields, error))
      return FALSE;
  return TRUE;
}

/* The fields that the answer holds; a list that nothing was found for is empty. NULL or why they
 * can't be had. */
static const char *
find_fields(VnCalls *calls, guint32 number, guint32 variant, const VnAnswer *answer,
            VnArena *arena, VnValue *fields)
{
  const VnAction *action = &calls->model->actions[number];
  g_autoptr(GError) error = NULL;
  const char *problem;
  for (guint32 i = 0; i < action->n_fields; i++)
    if (action->fields[i].type == VN_VALUE_LIST)
      fields[i] = (VnValue){.kind = VN_VALUE_LIST, .list = vn_arena_new0(arena, VnValueList)};
  const VnMatcher *matcher = variant_matcher(calls, number, variant, &problem);
  if (matcher == NULL)
    return vn_arena_strdup(arena, problem);
  if (!vn_matcher_run(matcher, answer->out != NULL ? answer->out : "", answer->out_size, arena,
                     fields, &error) ||
      !take_native_fields(action, answer->frame, arena, fields, &error))
    return vn_arena_strdup(arena, error->message);
  const char *missing = vn_fields_missing(action, fields);
  if (missing != NULL)
    return vn_arena_printf(arena, "nothing in its output gives the result field \"%s\"", missing);
  return NULL;
}

static void
fill_common(VnOutcome *out, VnValue *all, const VnAnswer *answer, VnArena *arena)
{
  all[VN_FIELD_OK] = vn_value_bool(answer->exit_code == 0);
  all[VN_FIELD_EXIT_CODE] = vn_value_int(out->exit_code);
  all[VN_FIELD_STDOUT] = vn_value_string(arena, answer->out != NULL ? answer->out : "",
                                         (gssize)answer->out_size);
  all[VN_FIELD_STDERR] = vn_value_string(arena, answer->err != NULL ? answer->err : "",
                                         (gssize)answer->err_size);
  all[VN_FIELD_DURATION] = (VnValue){.kind = VN_VALUE_DURATION, .i = answer->elapsed_ns};
  all[VN_FIELD_STARTED] = all[VN_FIELD_ENDED] = VN_VALUE_NOTHING;
}

/* Its process ended by itself. NULL: the task succeeded. */
static const char *
judge_exit(VnCalls *calls, guint32 task, const VnExprScope *scope, const VnAnswer *answer,
           VnValue *all, VnArena *arena)
{
  const VnAction *action = &calls->model->actions[calls->model->tasks[task].action];
  const VnValue *params;
  g_autoptr(GError) error = NULL;
  VnValue verdict;
  if (action->succeeds == NULL)
    return answer->exit_code == 0
               ? NULL
               : vn_arena_printf(arena, "exit code %d", answer->exit_code);
  vn_arena_reset(calls->scratch);
  if (!vn_calls_params(calls, task, scope, &params, &error))
    return vn_arena_strdup(arena, error->message);
  VnExprScope own = vn_calls_scope(calls, action, params);
  own.fields = all;
  own.n_fields = VN_FIELD_OWN + action->n_fields;
  if (!vn_expr_evaluate(action->succeeds, &own, arena, &verdict, &error))
    return vn_arena_printf(arena, "`succeeds when`: %s", error->message);
  return verdict.b ? NULL : "its `succeeds when` does not hold";
}

static const char *
answer_error(const VnAnswer *answer, VnArena *arena)
{
  guint32 size;
  const guint8 *text =
      answer->frame != NULL ? vn_frame_find(answer->frame, VN_TAG_ERROR, &size) : NULL;
  if (text == NULL)
    return NULL;
  g_autofree char *valid = g_utf8_make_valid((const char *)text, (gssize)size);
  return vn_arena_strdup(arena, valid);
}

static void
fill_outcome(const VnAnswer *answer, VnOutcome *out)
{
  *out = (VnOutcome){.outcome = answer->outcome,
                     .exit_code = answer->signal != 0 ? 128 + answer->signal : answer->exit_code,
                     .elapsed_ns = answer->elapsed_ns,
                     .out = answer->out,
                     .err = answer->err,
                     .out_size = answer->out_size,
                     .err_size = answer->err_size,
                     .out_total = answer->out_total,
                     .err_total = answer->err_total};
}

void
vn_calls_judge(VnCalls *calls, guint32 task, guint32 variant, const VnExprScope *scope,
               const VnAnswer *answer, VnArena *arena, VnOutcome *out)
{
  guint32 number = calls->model->tasks[task].action;
  const VnAction *action = &calls->model->actions[number];
  VnValue *all = vn_arena_array0(arena, VnValue, VN_FIELD_OWN + action->n_fields);
  fill_outcome(answer, out);
  fill_common(out, all, answer, arena);
  const char *said = answer_error(answer, arena);
  const char *unfound = find_fields(calls, number, variant, answer, arena, all + VN_FIELD_OWN);
  if (unfound == NULL) {
    out->fields = all + VN_FIELD_OWN;
    out->n_fields = action->n_fields;
  }
  const char *problem = NULL;
  switch ((VnOutcomeStatus)answer->outcome) {
  case VN_OUTCOME_EXITED:
    problem = unfound != NULL && answer->exit_code == 0
                  ? unfound
                  : judge_exit(calls, task, scope, answer, all, arena);
    if (problem == NULL && unfound != NULL)
      problem = unfound;
    out->status = problem == NULL ? VN_NODE_STATUS_OK : VN_NODE_STATUS_FAILED;
    break;
  case VN_OUTCOME_SIGNALLED:
    problem = vn_arena_printf(arena, "ended by signal %d", answer->signal);
    out->status = VN_NODE_STATUS_FAILED;
    break;
  case VN_OUTCOME_TIMED_OUT:
    problem = "it did not end in time";
    out->status = VN_NODE_STATUS_FAILED;
    break;
  case VN_OUTCOME_CANCELLED:
    out->status = VN_NODE_STATUS_CANCELLED;
    break;
  case VN_OUTCOME_REFUSED:
    problem = "it could not be started";
    out->status = VN_NODE_STATUS_FAILED;
    break;
  case VN_OUTCOME_LOST:
    problem = "its machine went away";
    out->status = VN_NODE_STATUS_BROKEN;
    break;
  }
  out->error = problem != NULL && said != NULL ? said : problem;
  if (out->status == VN_NODE_STATUS_FAILED) {
    g_autoptr(GString) command = g_string_new(NULL);
    vn_calls_describe(calls, task, variant, command);
    out->command = vn_arena_strndup(arena, command->str, command->len);
  }
}
