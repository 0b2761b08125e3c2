/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The loop and its buffers. See agent.h for the turn and the rule of back pressure. */
#include "guest/agent/agent.h"

#include <stdlib.h>
#include <string.h>

#define POLLS_FIRST 64u

int
vn_agent_has_room(const VnAgent *agent)
{
  return VN_AGENT_OUT_SIZE - (agent->out_used - agent->out_start) >= VN_AGENT_RESERVE;
}

void
vn_agent_begin(VnAgent *agent, VnFrameWriter *out, VnFrameKind kind, uint32_t vm, uint64_t id)
{
  if (agent->out_start > 0 && VN_AGENT_OUT_SIZE - agent->out_used < VN_AGENT_RESERVE) {
    memmove(agent->out, agent->out + agent->out_start, agent->out_used - agent->out_start);
    agent->out_used -= agent->out_start;
    agent->out_start = 0;
  }
  vn_frame_writer_init(out, agent->out + agent->out_used, VN_AGENT_OUT_SIZE - agent->out_used);
  vn_frame_begin(out, (uint16_t)kind, 0, vm, id);
}

void
vn_agent_end(VnAgent *agent, VnFrameWriter *out)
{
  size_t n = vn_frame_end(out);
  if (n == 0) /* the reserve is too small for this frame: the peer would wait forever */
    agent->closing = 1;
  agent->out_used += n;
}

void
vn_agent_refuse(VnAgent *agent, const VnFrame *frame, const char *why)
{
  VnFrameWriter out;
  vn_agent_begin(agent, &out, VN_FRAME_REFUSED, frame->vm, frame->id);
  vn_frame_put_text(&out, VN_TAG_ERROR, why);
  vn_agent_end(agent, &out);
}

/* Handles the whole frames that are there, as far as there is room. */
static void
handle_frames(VnAgent *agent)
{
  size_t at = 0;
  while (!agent->closing && vn_agent_has_room(agent)) {
    int64_t n = vn_frame_peek(agent->in + at, agent->in_used - at);
    VnFrame frame;
    if (n < 0 || (n > 0 && vn_frame_decode(agent->in + at, (size_t)n, &frame) < 0))
      agent->closing = 1;
    if (n <= 0)
      break;
    if (!agent->closing) {
      vn_os_be_patient((frame.flags & VN_FRAME_CROWD) != 0);
      vn_agent_frame(agent, &frame);
    }
    at += (size_t)n;
  }
  if (at == 0)
    return;
  agent->in_used -= at;
  memmove(agent->in, agent->in + at, agent->in_used);
}

void
vn_agent_watch(VnAgent *agent, VnTask *task, VnFd fd, short events, unsigned slot)
{
  if (fd == VN_NO_FD)
    return;
  if (agent->n_polls == agent->polls_capacity) {
    unsigned capacity = agent->polls_capacity == 0 ? POLLS_FIRST : agent->polls_capacity * 2;
    void *polls = realloc(agent->polls, capacity * sizeof *agent->polls);
    if (polls != NULL)
      agent->polls = polls;
    void *owners = realloc(agent->owners, capacity * sizeof *agent->owners);
    if (owners != NULL)
      agent->owners = owners;
    if (polls == NULL || owners == NULL)
      return; /* this one waits for a turn with more memory */
    agent->polls_capacity = capacity;
  }
  agent->polls[agent->n_polls] = (struct pollfd){.fd = fd, .events = events};
  agent->owners[agent->n_polls].task = task;
  agent->owners[agent->n_polls].slot = slot;
  agent->n_polls++;
}

/* What to wait for; gives until when. Entry 0 is the channel, if polling tells of it. */
static int64_t
collect(VnAgent *agent)
{
  int room = vn_agent_has_room(agent);
  int64_t until = agent->channel.look;
  agent->n_polls = 0;
  short events = (short)((room ? POLLIN : 0) | (vn_channel_waits(agent) ? POLLOUT : 0));
  if (agent->channel.ready)
    vn_agent_watch(agent, NULL, agent->channel.fd, events, 0);
  if (room && agent->extra->watch != NULL)
    agent->extra->watch(agent);
  if (agent->extra->timer != NULL) {
    int64_t its = agent->extra->timer(vn_os_monotonic());
    until = its < until ? its : until;
  }
  for (unsigned i = 0; room && i < agent->n_tasks; i++) {
    VnTask *task = agent->tasks[i];
    if (task->class_->watch != NULL)
      task->class_->watch(agent, task);
    if (task->timeout < until)
      until = task->timeout;
    if (task->wake < until)
      until = task->wake;
  }
  return until;
}

static void
handle_events(VnAgent *agent, unsigned first)
{
  for (unsigned i = first; i < agent->n_polls && vn_agent_has_room(agent); i++) {
    short events = agent->polls[i].revents;
    VnTask *task = agent->owners[i].task;
    if (events != 0 && task == NULL)
      agent->extra->event(agent, agent->polls[i].fd, agent->owners[i].slot, events);
    else if (events != 0 && !task->done)
      task->class_->event(agent, task, agent->polls[i].fd, agent->owners[i].slot, events);
  }
}

static void
handle_timers(VnAgent *agent)
{
  int64_t now = 0;
  for (unsigned i = 0; i < agent->n_tasks && vn_agent_has_room(agent); i++) {
    VnTask *task = agent->tasks[i];
    if (task->done || (task->timeout == VN_NEVER && task->wake == VN_NEVER))
      continue;
    if (now == 0)
      now = vn_os_monotonic();
    if (task->timeout <= now) {
      task->timeout = VN_NEVER;
      vn_task_cancel(agent, task, VN_OUTCOME_TIMED_OUT, 0);
    }
    if (!task->done && task->wake <= now) {
      task->wake = VN_NEVER;
      task->class_->timer(agent, task, now);
    }
  }
}

static void
free_done(VnAgent *agent)
{
  if (agent->n_done == 0)
    return;
  unsigned kept = 0;
  for (unsigned i = 0; i < agent->n_tasks; i++)
    if (agent->tasks[i]->done)
      vn_task_free(agent->tasks[i]);
    else
      agent->tasks[kept++] = agent->tasks[i];
  agent->n_tasks = kept;
  agent->n_done = 0;
}

static void
handle_ended(VnAgent *agent)
{
  VnOsEnded ended;
  while (vn_os_reap(&ended))
    vn_process_ended(agent, &ended);
}

/* With nothing under way, one blocking read is all the waiting there is: half the system calls
 * of a short request. */
static void
wait_and_read(VnAgent *agent)
{
  int64_t until = collect(agent);
  int polled = agent->channel.ready;
  if (agent->channel.kind == VN_CHANNEL_FD && agent->n_polls == 1 &&
      agent->polls[0].events == POLLIN && until == VN_NEVER && !vn_os_has_children()) {
    vn_channel_read(agent, 1);
    return;
  }
  vn_os_poll(agent->polls, agent->n_polls, until);
  if (polled ? agent->polls[0].revents & (POLLIN | POLLHUP | POLLERR)
             : vn_os_monotonic() >= agent->channel.look)
    vn_channel_read(agent, 0);
  handle_events(agent, polled ? 1 : 0);
  handle_ended(agent);
  handle_timers(agent);
}

static void
close_down(VnAgent *agent)
{
  for (unsigned i = 0; i < agent->n_tasks; i++)
    vn_task_free(agent->tasks[i]);
  agent->n_tasks = agent->n_done = 0;
  vn_os_all(VN_OS_KILL);
  VnOsEnded ended;
  while (vn_os_reap(&ended))
    ;
  free(agent->polls);
  free(agent->owners);
  vn_os_close(&agent->channel.fd);
}

void
vn_agent_run(VnAgent *agent, const VnAgentExtra *extra)
{
  agent->extra = extra;
  vn_channel_start(agent);
  while (!agent->closing) {
    vn_channel_flush(agent); /* first: the peer goes on while we clear up */
    free_done(agent);
    if (agent->closing)
      break;
    wait_and_read(agent);
    handle_frames(agent);
  }
  close_down(agent);
}
