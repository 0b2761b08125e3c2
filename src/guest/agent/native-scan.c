/* SPDX-License-Identifier: GPL-3.0-or-later */
/* port_scan: connects to many ports of one target, some at once. */
#include "guest/agent/native.h"

#include <stdlib.h>
#include <string.h>

#define AT_ONCE_MAX 256u
#define PORTS       65536u

typedef struct {
  VnFd fd;
  unsigned port;
  int64_t give_up;
} Try;

typedef struct {
  VnTask task;
  VnPeer to;
  int64_t timeout;
  unsigned at_once, next; /* port to try next; PORTS: none */
  unsigned n_closed, n_silent, n_under_way;
  uint8_t wanted[PORTS / 8], open[PORTS / 8];
  Try tries[AT_ONCE_MAX];
} Scan;

static int
is_set(const uint8_t *set, unsigned port)
{
  return set[port / 8] >> port % 8 & 1;
}

static void
set(uint8_t *bits, unsigned port)
{
  bits[port / 8] |= (uint8_t)(1 << port % 8);
}

static void
skip_unwanted(Scan *scan)
{
  while (scan->next < PORTS && !is_set(scan->wanted, scan->next))
    scan->next++;
}

static void
close_try(Scan *scan, Try *try_)
{
  vn_os_close(&try_->fd);
  scan->n_under_way--;
}

static void
watch(VnAgent *agent, VnTask *task)
{
  Scan *scan = (Scan *)task;
  for (unsigned i = 0; i < scan->at_once; i++)
    vn_agent_watch(agent, task, scan->tries[i].fd, POLLOUT, i);
}

static void
begin_try(Scan *scan, Try *try_, int64_t now)
{
  int error;
  vn_peer_set_port(&scan->to, scan->next);
  try_->fd = vn_native_connect(&scan->to, &error);
  try_->port = scan->next++;
  try_->give_up = now + scan->timeout;
  if (try_->fd == VN_NO_FD)
    scan->n_closed++;
  else
    scan->n_under_way++;
  skip_unwanted(scan);
}

/* Begins one for each free place; ends when nothing is left. What failed at once leaves its place
 * free until the next turn, so that other tasks come in between. */
static void
go_on(VnAgent *agent, Scan *scan)
{
  int64_t now = vn_os_monotonic(), first = VN_NEVER;
  for (unsigned i = 0; i < scan->at_once; i++) {
    Try *try_ = &scan->tries[i];
    if (try_->fd == VN_NO_FD && scan->next < PORTS)
      begin_try(scan, try_, now);
    int64_t until = try_->fd != VN_NO_FD ? try_->give_up : scan->next < PORTS ? now : VN_NEVER;
    if (until < first)
      first = until;
  }
  scan->task.wake = first;
  if (scan->n_under_way == 0 && scan->next == PORTS)
    vn_task_succeed(agent, &scan->task);
}

static void
event(VnAgent *agent, VnTask *task, VnFd fd, unsigned slot, short events)
{
  Scan *scan = (Scan *)task;
  (void)events;
  if (scan->tries[slot].fd != fd)
    return;
  if (vn_native_connected(fd) == 0)
    set(scan->open, scan->tries[slot].port);
  else
    scan->n_closed++;
  close_try(scan, &scan->tries[slot]);
  task->wake = 0; /* the next ones begin once for all events of this turn */
}

static void
timer(VnAgent *agent, VnTask *task, int64_t now)
{
  Scan *scan = (Scan *)task;
  for (unsigned i = 0; i < scan->at_once; i++)
    if (scan->tries[i].fd != VN_NO_FD && scan->tries[i].give_up <= now) {
      scan->n_silent++;
      close_try(scan, &scan->tries[i]);
    }
  go_on(agent, scan);
}

static void
report(VnAgent *agent, VnTask *task)
{
  Scan *scan = (Scan *)task;
  VnText text;
  vn_text_init(&text, (char *)agent->chunk, VN_AGENT_FIELDS_MAX / 2);
  for (unsigned port = 0; port < PORTS; port++)
    if (is_set(scan->open, port)) {
      if (text.used > 0)
        vn_text_add(&text, ",");
      vn_text_add_int(&text, port);
    }
  vn_field_text(agent, "open", text.at);
  vn_field_int(agent, "closed", scan->n_closed);
  vn_field_int(agent, "silent", scan->n_silent);
}

static void
clear(VnTask *task)
{
  Scan *scan = (Scan *)task;
  for (unsigned i = 0; i < AT_ONCE_MAX; i++)
    vn_os_close(&scan->tries[i].fd);
}

const VnTaskClass vn_native_port_scan_class = {
    .size = sizeof(Scan),
    .watch = watch,
    .event = event,
    .timer = timer,
    .report = report,
    .clear = clear,
};

/* "22,80,1000-1100". -1: refused. */
static int
take_ports(VnAgent *agent, Scan *scan, char *text)
{
  while (text != NULL) {
    char *rest = strchr(text, ',');
    if (rest != NULL)
      *rest++ = '\0';
    while (*text == ' ')
      text++;
    char *dash = strchr(text, '-');
    if (dash != NULL)
      *dash++ = '\0';
    int64_t first, last;
    if (vn_native_int(agent, &scan->task, text, 1, PORTS - 1, &first) < 0 ||
        vn_native_int(agent, &scan->task, dash != NULL ? dash : text, first, PORTS - 1, &last) < 0)
      return -1;
    for (int64_t port = first; port <= last; port++)
      set(scan->wanted, (unsigned)port);
    text = rest;
  }
  return 0;
}

void
vn_native_port_scan(VnAgent *agent, VnTask *task, char **args, unsigned n_args)
{
  Scan *scan = (Scan *)task;
  int64_t at_once;
  for (unsigned i = 0; i < AT_ONCE_MAX; i++)
    scan->tries[i].fd = VN_NO_FD;
  if (vn_native_peer(agent, task, args[0], NULL, &scan->to) < 0 ||
      take_ports(agent, scan, args[1]) < 0 ||
      vn_native_int_or(agent, task, args, n_args, 2, VN_MS, 60 * VN_SECOND, 500 * VN_MS,
                       &scan->timeout) < 0 ||
      vn_native_int_or(agent, task, args, n_args, 3, 1, AT_ONCE_MAX, 64, &at_once) < 0)
    return;
  scan->at_once = (unsigned)at_once;
  skip_unwanted(scan);
  go_on(agent, scan);
}
