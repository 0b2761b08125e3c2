/* SPDX-License-Identifier: GPL-3.0-or-later */
/* ping: echo requests at an interval, without keeping other tasks waiting. */
#include "guest/agent/icmp.h"

#define COUNT_MAX   100000
#define OUTSTANDING 64u /* requests whose time of sending is known; later answers only count */

typedef struct {
  VnTask task;
  VnIcmp icmp;
  VnPeer to;
  int64_t count, interval, wait;
  int64_t sent, received, sum, least, most;
  int64_t next, last_sent; /* when to send; when the last was */
  int send_error;
  int64_t sent_at[OUTSTANDING];   /* 0: answered */
  uint16_t sequence[OUTSTANDING]; /* that stands there */
} Ping;

static void
finish(VnAgent *agent, Ping *ping)
{
  if (ping->received > 0)
    vn_task_succeed(agent, &ping->task);
  else
    vn_task_fail(agent, &ping->task, "no answer", ping->send_error);
}

static void
send_one(Ping *ping, int64_t now)
{
  uint16_t sequence = (uint16_t)++ping->sent;
  unsigned slot = sequence % OUTSTANDING;
  ping->sent_at[slot] = now;
  ping->sequence[slot] = sequence;
  ping->last_sent = now;
  ping->next += ping->interval;
  if (ping->next < now)
    ping->next = now + ping->interval;
  int error = vn_icmp_send(&ping->icmp, &ping->to, sequence, 0);
  if (error != 0)
    ping->send_error = error;
}

static void
timer(VnAgent *agent, VnTask *task, int64_t now)
{
  Ping *ping = (Ping *)task;
  if (ping->sent < ping->count && now >= ping->next)
    send_one(ping, now);
  if (ping->sent < ping->count)
    task->wake = ping->next;
  else if (now - ping->last_sent >= ping->wait)
    finish(agent, ping);
  else
    task->wake = ping->last_sent + ping->wait;
}

static void
answered(Ping *ping, uint16_t sequence, int64_t now)
{
  unsigned slot = sequence % OUTSTANDING;
  if (ping->sequence[slot] != sequence || ping->sent_at[slot] == 0)
    return; /* a duplicate, or too late to be told from one */
  int64_t rtt = now - ping->sent_at[slot];
  ping->sent_at[slot] = 0;
  ping->sum += rtt;
  if (ping->received++ == 0 || rtt < ping->least)
    ping->least = rtt;
  if (rtt > ping->most)
    ping->most = rtt;
}

static void
watch(VnAgent *agent, VnTask *task)
{
  vn_agent_watch(agent, task, ((Ping *)task)->icmp.fd, POLLIN, 0);
}

static void
event(VnAgent *agent, VnTask *task, VnFd fd, unsigned slot, short events)
{
  Ping *ping = (Ping *)task;
  uint16_t sequence;
  VnPeer from;
  int kind;
  (void)fd;
  (void)slot;
  (void)events;
  int64_t now = vn_os_monotonic();
  while ((kind = vn_icmp_receive(&ping->icmp, &sequence, &from)) >= 0)
    if (kind == VN_ICMP_ANSWER && vn_peer_same_address(&from, &ping->to))
      answered(ping, sequence, now);
  if (ping->received == ping->count)
    finish(agent, ping);
}

static void
report(VnAgent *agent, VnTask *task)
{
  Ping *ping = (Ping *)task;
  vn_field_int(agent, "sent", ping->sent);
  vn_field_int(agent, "received", ping->received);
  if (ping->received == 0)
    return;
  vn_field_int(agent, "rtt", ping->sum / ping->received);
  vn_field_int(agent, "rtt_min", ping->least);
  vn_field_int(agent, "rtt_max", ping->most);
}

static void
clear(VnTask *task)
{
  vn_os_close(&((Ping *)task)->icmp.fd);
}

const VnTaskClass vn_native_ping_class = {
    .size = sizeof(Ping),
    .watch = watch,
    .event = event,
    .timer = timer,
    .report = report,
    .clear = clear,
};

void
vn_native_ping(VnAgent *agent, VnTask *task, char **args, unsigned n_args)
{
  Ping *ping = (Ping *)task;
  ping->icmp.fd = VN_NO_FD;
  if (vn_native_peer(agent, task, args[0], NULL, &ping->to) < 0 ||
      vn_native_int_or(agent, task, args, n_args, 1, 1, COUNT_MAX, 4, &ping->count) < 0 ||
      vn_native_int_or(agent, task, args, n_args, 2, 0, 3600 * VN_SECOND, 200 * VN_MS,
                       &ping->interval) < 0 ||
      vn_native_int_or(agent, task, args, n_args, 3, 0, 3600 * VN_SECOND, VN_SECOND, &ping->wait) <
          0)
    return;
  int error = vn_icmp_open(&ping->icmp, ping->to.at.any.sa_family);
  if (error != 0) {
    vn_task_refuse(agent, task, "can't open an ICMP socket", error);
    return;
  }
  ping->next = task->started;
  timer(agent, task, task->started);
}
