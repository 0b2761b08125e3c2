/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Built-in operations with datagrams: send some, wait for some, send back what comes. */
#include "guest/agent/native.h"

#include <string.h>

#define DATAGRAMS_PER_EVENT 64u

typedef struct {
  VnTask task;
  VnPeer to, from;
  VnFd fd;
  const char *text;
  int64_t count, interval, wait;
  int64_t moved, bytes;
  int echo;
} Udp;

static void
watch(VnAgent *agent, VnTask *task)
{
  vn_agent_watch(agent, task, ((Udp *)task)->fd, POLLIN, 0);
}

static void
clear(VnTask *task)
{
  vn_os_close(&((Udp *)task)->fd);
}

/* --- udp_send --- */

static void
send_timer(VnAgent *agent, VnTask *task, int64_t now)
{
  Udp *udp = (Udp *)task;
  for (unsigned i = 0; i < DATAGRAMS_PER_EVENT && udp->moved < udp->count; i++) {
    int64_t n =
        sendto(udp->fd, udp->text, strlen(udp->text), MSG_NOSIGNAL, &udp->to.at.any, udp->to.size);
    if (n < 0 && vn_os_would_block(vn_os_socket_error()))
      break;
    if (n < 0) {
      vn_task_fail(agent, task, "can't send", vn_os_socket_error());
      return;
    }
    udp->moved++;
    udp->bytes += n;
    if (udp->interval > 0)
      break;
  }
  if (udp->moved == udp->count)
    vn_task_succeed(agent, task);
  else
    task->wake = now + udp->interval;
}

static void
send_report(VnAgent *agent, VnTask *task)
{
  vn_field_int(agent, "sent", ((Udp *)task)->moved);
  vn_field_int(agent, "bytes", ((Udp *)task)->bytes);
}

const VnTaskClass vn_native_udp_send_class = {
    .size = sizeof(Udp), .timer = send_timer, .report = send_report, .clear = clear};

void
vn_native_udp_send(VnAgent *agent, VnTask *task, char **args, unsigned n_args)
{
  Udp *udp = (Udp *)task;
  int error;
  udp->fd = VN_NO_FD;
  udp->text = args[2];
  if (vn_native_peer(agent, task, args[0], args[1], &udp->to) < 0 ||
      vn_native_int_or(agent, task, args, n_args, 3, 1, INT32_MAX, 1, &udp->count) < 0 ||
      vn_native_int_or(agent, task, args, n_args, 4, 0, 3600 * VN_SECOND, 0, &udp->interval) < 0)
    return;
  udp->fd = vn_os_socket(udp->to.at.any.sa_family, SOCK_DGRAM, 0, &error);
  if (udp->fd == VN_NO_FD)
    vn_task_refuse(agent, task, "can't open a socket", error);
  else
    send_timer(agent, task, task->started);
}

/* --- udp_receive, udp_serve --- */

static void
receive_event(VnAgent *agent, VnTask *task, VnFd fd, unsigned slot, short events)
{
  Udp *udp = (Udp *)task;
  (void)slot;
  (void)events;
  VnPeer from = {.size = sizeof from.at};
  int64_t n = recvfrom(fd, (void *)agent->chunk, sizeof agent->chunk, 0, &from.at.any, &from.size);
  if (n < 0)
    return;
  udp->from = from;
  udp->moved++;
  udp->bytes += n;
  if (udp->echo) /* a datagram that can't be sent back is lost, as datagrams are */
    (void)!sendto(fd, (void *)agent->chunk, (size_t)n, MSG_NOSIGNAL, &from.at.any, from.size);
  else
    vn_task_output(agent, task, 1, agent->chunk, (size_t)n);
  if (udp->moved == udp->count)
    vn_task_succeed(agent, task);
}

static void
receive_timer(VnAgent *agent, VnTask *task, int64_t now)
{
  (void)now;
  vn_task_fail(agent, task, "too few datagrams came in time", 0);
}

static void
receive_report(VnAgent *agent, VnTask *task)
{
  Udp *udp = (Udp *)task;
  vn_field_int(agent, "received", udp->moved);
  vn_field_int(agent, "bytes", udp->bytes);
  if (udp->moved == 0)
    return;
  char bytes[VN_TEXT_ADDRESS];
  VnText address;
  vn_text_init(&address, bytes, sizeof bytes);
  vn_peer_add_address(&udp->from, &address);
  vn_field_text(agent, "from", bytes);
}

const VnTaskClass vn_native_udp_receive_class = {
    .size = sizeof(Udp),
    .watch = watch,
    .event = receive_event,
    .timer = receive_timer,
    .report = receive_report,
    .clear = clear,
};

const VnTaskClass vn_native_udp_serve_class = {
    .size = sizeof(Udp),
    .watch = watch,
    .event = receive_event,
    .report = receive_report,
    .clear = clear,
};

static void
listen_udp(VnAgent *agent, Udp *udp, const char *port_text)
{
  int64_t port;
  int error;
  if (vn_native_int(agent, &udp->task, port_text, 1, 65535, &port) < 0)
    return;
  udp->fd = vn_native_bind_udp((unsigned)port, &error);
  if (udp->fd == VN_NO_FD)
    vn_task_refuse(agent, &udp->task, "can't listen", error);
  else
    vn_task_ready(agent, &udp->task);
}

void
vn_native_udp_receive(VnAgent *agent, VnTask *task, char **args, unsigned n_args)
{
  Udp *udp = (Udp *)task;
  udp->fd = VN_NO_FD;
  if (vn_native_int_or(agent, task, args, n_args, 1, 1, INT32_MAX, 1, &udp->count) < 0 ||
      vn_native_int_or(agent, task, args, n_args, 2, 1, 86400 * VN_SECOND, 5 * VN_SECOND,
                       &udp->wait) < 0)
    return;
  if (!task->background) /* else it runs until it is cancelled or has all */
    task->wake = task->started + udp->wait;
  listen_udp(agent, udp, args[0]);
}

void
vn_native_udp_serve(VnAgent *agent, VnTask *task, char **args, unsigned n_args)
{
  Udp *udp = (Udp *)task;
  (void)n_args;
  udp->fd = VN_NO_FD;
  udp->echo = 1;
  listen_udp(agent, udp, args[0]);
}
