/* SPDX-License-Identifier: GPL-3.0-or-later */
/* PAUSE, CONTINUE and RESET: all processes of the guest at once, for snapshot and revert.
 *
 * Each is a task until what it asks for is surely so: a stopped process may finish a write first,
 * a killed one may take a moment to be gone.
 */
#include "guest/agent/agent.h"

#define WAIT_FIRST (1 * VN_MS / 4)
#define WAIT_MOST  (100 * VN_MS)
#define GIVE_UP    (10 * VN_SECOND)

typedef struct {
  VnTask task;
  uint16_t kind;
  int64_t pause;
} Control;

/* Ends the other tasks, as far as there is room to say so; how many are left. */
static unsigned
cancel_others(VnAgent *agent, const VnTask *task)
{
  unsigned n = 0;
  for (unsigned i = 0; i < agent->n_tasks; i++) {
    VnTask *other = agent->tasks[i];
    if (other == task || other->done)
      continue;
    if (vn_agent_has_room(agent))
      vn_task_cancel(agent, other, VN_OUTCOME_CANCELLED, 0);
    n += !other->done;
  }
  return n;
}

static unsigned
left(VnAgent *agent, const Control *control)
{
  switch (control->kind) {
  case VN_FRAME_PAUSE:
    vn_os_all(VN_OS_STOP);
    return vn_os_all_running();
  case VN_FRAME_RESET:
    return cancel_others(agent, &control->task) + vn_os_all(VN_OS_KILL);
  default:
    vn_os_all(VN_OS_CONTINUE);
    return 0;
  }
}

static void
timer(VnAgent *agent, VnTask *task, int64_t now)
{
  Control *control = (Control *)task;
  if (left(agent, control) == 0)
    vn_task_succeed(agent, task);
  else if (now >= task->started + GIVE_UP)
    vn_task_fail(agent, task, "some processes would not stop", 0);
  else {
    control->pause = control->pause == 0 ? WAIT_FIRST : control->pause * 2;
    if (control->pause > WAIT_MOST)
      control->pause = WAIT_MOST;
    task->wake = now + control->pause;
  }
}

static const VnTaskClass control_class = {.size = sizeof(Control), .timer = timer};

void
vn_control_request(VnAgent *agent, const VnFrame *frame)
{
  VnTask *task = vn_task_new(agent, &control_class, frame);
  if (task == NULL)
    return;
  ((Control *)task)->kind = frame->kind;
  timer(agent, task, task->started);
}
