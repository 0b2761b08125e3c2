/* SPDX-License-Identifier: GPL-3.0-or-later */
/* traceroute: one echo request for each distance, each waited for before the next is sent. */
#include "guest/agent/icmp.h"

#include <string.h>

#define HOPS_MAX 64

typedef struct {
  VnTask task;
  VnIcmp icmp;
  VnPeer to;
  int64_t most, wait;
  int hop, reached;
  VnText hops;
  char hops_bytes[HOPS_MAX * VN_TEXT_ADDRESS + 1];
} Trace;

static void
add_hop(Trace *trace, const VnPeer *from)
{
  if (trace->hops.used > 0)
    vn_text_add(&trace->hops, ",");
  if (from == NULL)
    vn_text_add(&trace->hops, "*");
  else
    vn_peer_add_address(from, &trace->hops);
}

static void
next_hop(VnAgent *agent, Trace *trace, int64_t now)
{
  if (trace->reached) {
    vn_task_succeed(agent, &trace->task);
    return;
  }
  if (trace->hop == trace->most) {
    vn_task_fail(agent, &trace->task, "the target did not answer", 0);
    return;
  }
  trace->hop++;
  int error = vn_icmp_send(&trace->icmp, &trace->to, (uint16_t)trace->hop, trace->hop);
  if (error != 0)
    vn_task_fail(agent, &trace->task, "can't send", error);
  else
    trace->task.wake = now + trace->wait;
}

static void
timer(VnAgent *agent, VnTask *task, int64_t now)
{
  add_hop((Trace *)task, NULL);
  next_hop(agent, (Trace *)task, now);
}

static void
watch(VnAgent *agent, VnTask *task)
{
  vn_agent_watch(agent, task, ((Trace *)task)->icmp.fd, POLLIN, 0);
}

static void
event(VnAgent *agent, VnTask *task, VnFd fd, unsigned slot, short events)
{
  Trace *trace = (Trace *)task;
  uint16_t sequence = 0;
  VnPeer from;
  int kind;
  (void)fd;
  (void)slot;
  (void)events;
  while (!task->done && (kind = vn_icmp_receive(&trace->icmp, &sequence, &from)) >= 0) {
    if (kind == VN_ICMP_OTHER || sequence != trace->hop)
      continue;
    trace->reached = kind == VN_ICMP_ANSWER;
    add_hop(trace, &from);
    if (kind == VN_ICMP_UNREACHABLE)
      vn_task_fail(agent, task, "a router says that the target can't be reached", 0);
    else
      next_hop(agent, trace, vn_os_monotonic());
  }
}

static void
report(VnAgent *agent, VnTask *task)
{
  Trace *trace = (Trace *)task;
  vn_field_text(agent, "hops", trace->hops.at);
  vn_field_bool(agent, "reached", trace->reached);
  vn_field_int(agent, "count", trace->hop);
}

static void
clear(VnTask *task)
{
  vn_os_close(&((Trace *)task)->icmp.fd);
}

const VnTaskClass vn_native_traceroute_class = {
    .size = sizeof(Trace),
    .watch = watch,
    .event = event,
    .timer = timer,
    .report = report,
    .clear = clear,
};

void
vn_native_traceroute(VnAgent *agent, VnTask *task, char **args, unsigned n_args)
{
  Trace *trace = (Trace *)task;
  trace->icmp.fd = VN_NO_FD;
  vn_text_init(&trace->hops, trace->hops_bytes, sizeof trace->hops_bytes);
  if (vn_native_peer(agent, task, args[0], NULL, &trace->to) < 0 ||
      vn_native_int_or(agent, task, args, n_args, 1, 1, HOPS_MAX, 30, &trace->most) < 0 ||
      vn_native_int_or(agent, task, args, n_args, 2, VN_MS, 60 * VN_SECOND, VN_SECOND,
                       &trace->wait) < 0)
    return;
  int error = vn_icmp_open(&trace->icmp, trace->to.at.any.sa_family);
  if (error != 0)
    vn_task_refuse(agent, task, "can't open an ICMP socket", error);
  else
    next_hop(agent, trace, task->started);
}
