/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The table of tasks, and what every task tells: outputs, readiness, its outcome. */
#include "guest/agent/agent.h"

#include <stdlib.h>
#include <string.h>

VnTask *
vn_task_find(VnAgent *agent, uint64_t id)
{
  for (unsigned i = 0; i < agent->n_tasks; i++)
    if (agent->tasks[i]->id == id && !agent->tasks[i]->done)
      return agent->tasks[i];
  return NULL;
}

VnTask *
vn_task_new(VnAgent *agent, const VnTaskClass *class_, const VnFrame *frame)
{
  if (vn_task_find(agent, frame->id) != NULL) {
    vn_agent_refuse(agent, frame, "a task with this number is running");
    return NULL;
  }
  VnTask *task = agent->n_tasks < VN_AGENT_TASKS_MAX ? calloc(1, class_->size) : NULL;
  if (task == NULL) {
    vn_agent_refuse(agent, frame, "too many tasks at once");
    return NULL;
  }
  int64_t timeout = vn_frame_int(frame, VN_TAG_TIMEOUT, 0);
  int64_t limit = vn_frame_int(frame, VN_TAG_LIMIT, VN_AGENT_LIMIT_DEFAULT);
  task->class_ = class_;
  task->id = frame->id;
  task->vm = frame->vm;
  task->started = vn_os_monotonic();
  task->timeout =
      timeout <= 0 || timeout > VN_NEVER - task->started ? VN_NEVER : task->started + timeout;
  task->wake = VN_NEVER;
  task->limit = limit < 0 ? 0 : limit;
  task->background = vn_frame_int(frame, VN_TAG_BACKGROUND, 0) == 1;
  agent->tasks[agent->n_tasks++] = task;
  return task;
}

void
vn_task_free(VnTask *task)
{
  if (task->class_->clear != NULL)
    task->class_->clear(task);
  free(task->arguments);
  free(task);
}

void
vn_task_ready(VnAgent *agent, VnTask *task)
{
  if (!task->background)
    return;
  VnFrameWriter out;
  vn_agent_begin(agent, &out, VN_FRAME_READY, task->vm, task->id);
  vn_agent_end(agent, &out);
}

void
vn_task_output(VnAgent *agent, VnTask *task, int stream, const void *bytes, size_t n)
{
  int64_t left = task->limit - task->total[stream - 1];
  task->total[stream - 1] += (int64_t)n;
  if (left <= 0 || n == 0)
    return;
  VnFrameWriter out;
  vn_agent_begin(agent, &out, VN_FRAME_OUTPUT, task->vm, task->id);
  vn_frame_put_int(&out, VN_TAG_STREAM, stream);
  vn_frame_put(&out, VN_TAG_BYTES, bytes, (int64_t)n < left ? n : (size_t)left);
  vn_agent_end(agent, &out);
}

static void
put_fields(VnAgent *agent, VnFrameWriter *out)
{
  for (size_t at = 0; at < agent->fields.used;) {
    size_t n = strlen(agent->fields.at + at);
    vn_frame_put(out, VN_TAG_FIELD, agent->fields.at + at, n);
    at += n + 1;
  }
}

void
vn_task_finish(VnAgent *agent, VnTask *task, VnOutcomeStatus status, const char *error)
{
  vn_text_init(&agent->fields, agent->fields_bytes, sizeof agent->fields_bytes);
  if (task->class_->report != NULL && status != VN_OUTCOME_REFUSED)
    task->class_->report(agent, task);
  VnFrameWriter out;
  vn_agent_begin(agent, &out, VN_FRAME_OUTCOME, task->vm, task->id);
  vn_frame_put_int(&out, VN_TAG_STATUS, status);
  vn_frame_put_int(&out, VN_TAG_EXIT_CODE, task->exit_code);
  vn_frame_put_int(&out, VN_TAG_SIGNAL, task->signal);
  vn_frame_put_int(&out, VN_TAG_ELAPSED, vn_os_monotonic() - task->started);
  vn_frame_put_int(&out, VN_TAG_OUT_TOTAL, task->total[0]);
  vn_frame_put_int(&out, VN_TAG_ERR_TOTAL, task->total[1]);
  put_fields(agent, &out);
  if (error != NULL)
    vn_frame_put_text(&out, VN_TAG_ERROR, error);
  vn_agent_end(agent, &out);
  task->done = 1;
  agent->n_done++;
}

void
vn_task_succeed(VnAgent *agent, VnTask *task)
{
  vn_task_finish(agent, task, VN_OUTCOME_EXITED, NULL);
}

static void
finish_because(VnAgent *agent, VnTask *task, VnOutcomeStatus status, const char *what, int error)
{
  char bytes[VN_PATH_MAX + 256];
  VnText text;
  vn_text_init(&text, bytes, sizeof bytes);
  vn_text_add(&text, what);
  if (error != 0) {
    vn_text_add(&text, ": ");
    vn_text_add(&text, vn_os_error_text(error));
  }
  vn_task_finish(agent, task, status, bytes);
}

void
vn_task_fail(VnAgent *agent, VnTask *task, const char *what, int error)
{
  task->exit_code = 1;
  finish_because(agent, task, VN_OUTCOME_EXITED, what, error);
}

void
vn_task_refuse(VnAgent *agent, VnTask *task, const char *what, int error)
{
  finish_because(agent, task, VN_OUTCOME_REFUSED, what, error);
}

void
vn_task_cancel(VnAgent *agent, VnTask *task, VnOutcomeStatus why, int64_t grace)
{
  if (task->class_->cancel != NULL)
    task->class_->cancel(agent, task, why, grace);
  else
    vn_task_finish(agent, task, why, NULL);
}

static void
add_field(VnAgent *agent, const char *name, const char *value, int64_t number)
{
  VnText *fields = &agent->fields;
  size_t before = fields->used;
  vn_text_add(fields, name);
  vn_text_add(fields, "=");
  if (value != NULL)
    vn_text_add(fields, value);
  else
    vn_text_add_int(fields, number);
  vn_text_add_bytes(fields, "", 1);
  if (fields->overflow) { /* a field is whole or not there */
    fields->used = before;
    fields->overflow = 0;
  }
}

void
vn_field_text(VnAgent *agent, const char *name, const char *value)
{
  add_field(agent, name, value, 0);
}

void
vn_field_int(VnAgent *agent, const char *name, int64_t value)
{
  add_field(agent, name, NULL, value);
}

void
vn_field_bool(VnAgent *agent, const char *name, int value)
{
  add_field(agent, name, value ? "true" : "false", 0);
}
