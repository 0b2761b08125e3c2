/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tasks that are processes: RUN and SCRIPT.
 *
 *   RUNNING ──its process ends──────────────────────────────► outcome EXITED or SIGNALLED
 *      │ CANCEL                       all descendants gone
 *      ├────────► ASKED ──────────────────────────────────────► outcome CANCELLED
 *      │ timeout    │ grace over                    ▲
 *      └────────────┴────► KILLING ─────────────────┘ or TIMED_OUT
 *
 * What a process leaves running when it ends by itself goes on: that is how a service is
 * started. A task that is cancelled or times out takes all its descendants with it.
 */
#include "guest/agent/agent.h"

#include <stdlib.h>
#include <string.h>

#define PORTS_MAX        16u
#define READY_WAIT_FIRST (1 * VN_MS)
#define READY_WAIT_MOST  (100 * VN_MS)
#define KILL_WAIT_FIRST  (2 * VN_MS)
#define KILL_WAIT_GROUP  (20 * VN_MS)
#define KILL_WAIT_MOST   (200 * VN_MS)
#define KILL_GIVE_UP     (10 * VN_SECOND) /* a process in an uninterruptible wait */
#define DRAIN_MOST       (1 << 20)        /* read of each stream after the process ended */

typedef enum { RUNNING, ASKED, KILLING } State;

typedef struct {
  VnTask task;
  VnOsProcess process;
  VnFd streams[2];
  State state;
  uint8_t ended, ready_sent;
  VnOutcomeStatus why;         /* of ASKED and KILLING */
  int64_t kill_at, give_up_at; /* of ASKED; of KILLING */
  int64_t pause;               /* until the next look at what can't be waited for */
  uint16_t ports[PORTS_MAX];   /* not listening yet */
  unsigned n_ports;
} Process;

static void
watch(VnAgent *agent, VnTask *task)
{
  Process *process = (Process *)task;
  for (unsigned i = 0; i < 2; i++)
    vn_agent_watch(agent, task, process->streams[i], POLLIN, i);
}

/* 1: there may be more. */
static int
read_stream(VnAgent *agent, Process *process, unsigned i)
{
  int error;
  int64_t n = vn_os_stream_read(process->streams[i], agent->chunk, sizeof agent->chunk, &error);
  if (n > 0)
    vn_task_output(agent, &process->task, (int)i + 1, agent->chunk, (size_t)n);
  else if (n == 0 || error != 0)
    vn_os_close(&process->streams[i]);
  return n > 0;
}

static void
event(VnAgent *agent, VnTask *task, VnFd fd, unsigned slot, short events)
{
  Process *process = (Process *)task;
  (void)fd;
  (void)events;
  if (process->streams[slot] != VN_NO_FD)
    read_stream(agent, process, slot);
}

/* After the end, what is in the pipes belongs to the task; who still holds them doesn't. 0: the
 * channel is full, to be gone on with. */
static int
drain(VnAgent *agent, Process *process)
{
  for (unsigned i = 0; i < 2; i++) {
    int64_t most = process->task.total[i] + DRAIN_MOST;
    while (process->streams[i] != VN_NO_FD && process->task.total[i] < most)
      if (!vn_agent_has_room(agent))
        return 0;
      else if (!read_stream(agent, process, i))
        break;
  }
  return 1;
}

/* Looks at what no event tells: ports, and descendants that are not our children. */
static void
look_again(Process *process, int64_t now, int64_t first, int64_t most)
{
  process->pause = process->pause == 0 ? first : process->pause * 2;
  if (process->pause > most)
    process->pause = most;
  process->task.wake = now + process->pause;
}

static void
check_ready(VnAgent *agent, Process *process, int64_t now)
{
  while (process->n_ports > 0 && vn_os_listening(process->ports[process->n_ports - 1]) != 0)
    process->n_ports--;
  if (process->n_ports > 0) {
    look_again(process, now, READY_WAIT_FIRST, READY_WAIT_MOST);
    return;
  }
  process->ready_sent = 1;
  process->pause = 0;
  vn_task_ready(agent, &process->task);
}

static void
end_running(VnAgent *agent, Process *process)
{
  if (!drain(agent, process)) {
    process->task.wake = 0;
    return;
  }
  vn_task_finish(agent, &process->task,
                 process->task.signal != 0 ? VN_OUTCOME_SIGNALLED : VN_OUTCOME_EXITED, NULL);
}

/* Its own group first: mostly that is all, and the look at every process of the guest is then
 * taken once, after it ended, and not again and again while it does. */
static void
start_killing(Process *process, int64_t now)
{
  process->state = KILLING;
  process->give_up_at = now + KILL_GIVE_UP;
  process->pause = 0;
  if (process->ended)
    return;
  vn_os_kill_group(&process->process);
  look_again(process, now, KILL_WAIT_GROUP, KILL_WAIT_MOST);
}

static void
end_asked(VnAgent *agent, Process *process, int64_t now)
{
  if (process->state == ASKED && now >= process->kill_at) {
    start_killing(process, now);
    if (process->task.wake != VN_NEVER)
      return;
  }
  unsigned left =
      vn_os_tree(&process->process, process->state == KILLING ? VN_OS_KILL : VN_OS_COUNT);
  int give_up = process->state == KILLING && now >= process->give_up_at;
  if ((left > 0 || !process->ended) && !give_up) {
    look_again(process, now, KILL_WAIT_FIRST, KILL_WAIT_MOST);
    if (process->state == ASKED && process->task.wake > process->kill_at)
      process->task.wake = process->kill_at;
    return;
  }
  if (!drain(agent, process)) {
    process->task.wake = 0;
    return;
  }
  vn_task_finish(agent, &process->task, process->why,
                 give_up ? "some of its processes would not die" : NULL);
}

static void
timer(VnAgent *agent, VnTask *task, int64_t now)
{
  Process *process = (Process *)task;
  switch (process->state) {
  case RUNNING:
    if (process->ended)
      end_running(agent, process);
    else
      check_ready(agent, process, now);
    break;
  case ASKED:
  case KILLING:
    end_asked(agent, process, now);
    break;
  }
}

static void
cancel(VnAgent *agent, VnTask *task, VnOutcomeStatus why, int64_t grace)
{
  Process *process = (Process *)task;
  (void)agent;
  int64_t now = vn_os_monotonic();
  int64_t kill_at = grace > VN_NEVER - now ? VN_NEVER : now + grace;
  if (process->state == RUNNING) {
    process->why = why;
    process->state = ASKED;
    process->kill_at = kill_at;
    if (grace > 0)
      vn_os_tree(&process->process, VN_OS_ASK);
  } else if (kill_at < process->kill_at)
    process->kill_at = kill_at;
  process->pause = 0;
  task->timeout = VN_NEVER;
  task->wake = 0;
}

static void
clear(VnTask *task)
{
  Process *process = (Process *)task;
  for (unsigned i = 0; i < 2; i++)
    if (process->streams[i] != VN_NO_FD)
      vn_os_close(&process->streams[i]);
  if (process->process.pid != 0)
    vn_os_forget(&process->process);
}

static const VnTaskClass process_class = {
    .size = sizeof(Process),
    .watch = watch,
    .event = event,
    .timer = timer,
    .cancel = cancel,
    .clear = clear,
};

void
vn_process_ended(VnAgent *agent, const VnOsEnded *ended)
{
  for (unsigned i = 0; i < agent->n_tasks; i++) {
    VnTask *task = agent->tasks[i];
    Process *process = (Process *)task;
    if (task->class_ != &process_class || task->done)
      continue;
    if (process->state != RUNNING && process->ended) /* it may have been the last of the tree */
      task->wake = 0;
    if (process->process.pid != ended->pid || process->ended)
      continue;
    process->ended = 1;
    task->exit_code = ended->code;
    task->signal = ended->signal;
    task->wake = 0;
    if (process->state == RUNNING)
      task->timeout = VN_NEVER;
  }
}

/* The agent's environment, with the request's own in place of what has the same name. */
static char **
merge_environment(char **base, char **own, unsigned n_own)
{
  size_t n_base = 0;
  while (base[n_base] != NULL)
    n_base++;
  char **merged = malloc((n_base + n_own + 1) * sizeof *merged);
  if (merged == NULL)
    return NULL;
  size_t n = 0;
  for (size_t i = 0; i < n_base; i++) {
    size_t name = strcspn(base[i], "=") + 1;
    unsigned k = 0;
    while (k < n_own && strncmp(base[i], own[k], name) != 0)
      k++;
    if (k == n_own)
      merged[n++] = base[i];
  }
  for (unsigned k = 0; k < n_own; k++)
    merged[n++] = own[k];
  merged[n] = NULL;
  return merged;
}

static void
take_ports(Process *process, const VnFrame *frame)
{
  uint32_t offset = 0, size;
  uint16_t tag;
  const uint8_t *bytes;
  while (vn_frame_next(frame, &offset, &tag, &bytes, &size) > 0)
    if (tag == VN_TAG_READY_PORT && size == 8 && process->n_ports < PORTS_MAX)
      process->ports[process->n_ports++] = (uint16_t)(bytes[6] << 8 | bytes[7]);
}

typedef struct {
  char **args, **env, **merged, *directory;
} Texts;

static void
texts_clear(Texts *texts)
{
  free(texts->args);
  free(texts->env);
  free(texts->merged);
  free(texts->directory);
}

/* Fills the command from the request; else says why not. */
static const char *
fill(const VnFrame *frame, Texts *texts, VnOsCommand *command)
{
  unsigned n_args, n_env;
  const char *why = NULL;
  texts->args = vn_request_texts(frame, VN_TAG_ARG, VN_OS_SHELL_WORDS + 1, &n_args, &why);
  texts->env = texts->args == NULL ? NULL : vn_request_texts(frame, VN_TAG_ENV, 0, &n_env, &why);
  if (texts->env == NULL)
    return why;
  uint32_t size;
  if (vn_frame_find(frame, VN_TAG_DIRECTORY, &size) != NULL &&
      (texts->directory = vn_request_text(frame, VN_TAG_DIRECTORY)) == NULL)
    return "the working directory holds a zero byte";
  texts->merged = merge_environment(vn_os_environment(), texts->env, n_env);
  if (texts->merged == NULL)
    return "no memory";
  if (frame->kind == VN_FRAME_SCRIPT) {
    command->script = vn_frame_find(frame, VN_TAG_TEXT, &size);
    command->n_script = command->script == NULL ? 0 : size;
    if (command->script == NULL)
      return "a script without its text";
    const char *const *shell = vn_os_shell();
    for (unsigned i = 0; n_args == 0 && shell[i] != NULL; i++) {
      texts->args[i] = (char *)(uintptr_t)shell[i]; /* only read by what starts it */
      texts->args[i + 1] = NULL;
    }
  } else if (n_args == 0)
    return "a command without its name";
  command->argv = texts->args;
  command->envp = texts->merged;
  command->directory = texts->directory;
  command->input = vn_frame_find(frame, VN_TAG_STDIN, &size);
  command->n_input = command->input == NULL ? 0 : size;
  return NULL;
}

static void
refuse_spawn(VnAgent *agent, VnTask *task, const VnOsCommand *command, const char *step, int error)
{
  char bytes[VN_PATH_MAX];
  VnText text;
  vn_text_init(&text, bytes, sizeof bytes);
  vn_text_add(&text, step);
  vn_text_add(&text, " ");
  vn_text_add(&text, command->argv[0]);
  vn_task_refuse(agent, task, bytes, error);
}

void
vn_process_request(VnAgent *agent, const VnFrame *frame)
{
  VnTask *task = vn_task_new(agent, &process_class, frame);
  if (task == NULL)
    return;
  Process *process = (Process *)task;
  process->streams[0] = process->streams[1] = VN_NO_FD;
  Texts texts = {NULL, NULL, NULL, NULL};
  VnOsCommand command = {NULL};
  const char *why = fill(frame, &texts, &command), *step;
  int error = 0;
  if (why != NULL)
    vn_task_refuse(agent, task, why, 0);
  else if ((error = vn_os_spawn(&command, &process->process, process->streams, &step)) != 0)
    refuse_spawn(agent, task, &command, step, error);
  texts_clear(&texts);
  if (why != NULL || error != 0 || !task->background)
    return;
  take_ports(process, frame);
  check_ready(agent, process, task->started);
}
