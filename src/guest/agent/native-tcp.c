/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Built-in TCP clients: connect, wait until one can, exchange text, send as fast as it goes.
 *
 *   CONNECTING ──► SENDING ──► READING ──► outcome
 *
 * each skipped where there is nothing to do.
 */
#include "guest/agent/native.h"

#include <string.h>

#define BANNER_MAX       1024u
#define RETRY_FIRST      (5 * VN_MS)
#define RETRY_MOST       (200 * VN_MS)
#define TRY_MOST         VN_SECOND /* of one attempt of tcp_wait */
#define BLASTS_PER_EVENT 16u

typedef enum { CONNECTING, SENDING, READING } State;

typedef struct {
  VnTask task;
  VnPeer to;
  VnFd fd;
  State state;
  int connected, tries;
  int64_t connected_after; /* ns since the start */
  int64_t give_up, silence, pause;
  const char *text; /* to be sent */
  size_t n_text, n_sent;
  int64_t received, blast_until, blast_bytes, blast_from, blast_ended;
  VnText banner;
  char banner_bytes[BANNER_MAX];
} Tcp;

static void
watch(VnAgent *agent, VnTask *task)
{
  Tcp *tcp = (Tcp *)task;
  vn_agent_watch(agent, task, tcp->fd, tcp->state == READING ? POLLIN : POLLOUT, 0);
}

static void
clear(VnTask *task)
{
  vn_os_close(&((Tcp *)task)->fd);
}

/* Common beginning: target and port. -1: refused. */
static int
begin(VnAgent *agent, VnTask *task, char **args)
{
  Tcp *tcp = (Tcp *)task;
  tcp->fd = VN_NO_FD;
  vn_text_init(&tcp->banner, tcp->banner_bytes, sizeof tcp->banner_bytes);
  return vn_native_peer(agent, task, args[0], args[1], &tcp->to);
}

static int
take_duration(VnAgent *agent, VnTask *task, char **args, unsigned n_args, unsigned i,
              int64_t missing, int64_t *out)
{
  return vn_native_int_or(agent, task, args, n_args, i, 0, 86400 * VN_SECOND, missing, out);
}

static void
start_connect(VnAgent *agent, Tcp *tcp, int64_t timeout)
{
  int error;
  tcp->give_up = tcp->task.started + timeout;
  tcp->task.wake = tcp->give_up;
  tcp->fd = vn_native_connect(&tcp->to, &error);
  if (tcp->fd == VN_NO_FD)
    vn_task_fail(agent, &tcp->task, "can't connect", error);
}

/* Called when the socket can be written: 1: connected just now or before. */
static int
check_connected(VnAgent *agent, Tcp *tcp)
{
  if (tcp->connected)
    return 1;
  int error = vn_native_connected(tcp->fd);
  if (error != 0) {
    vn_task_fail(agent, &tcp->task, "can't connect", error);
    return 0;
  }
  tcp->connected = 1;
  tcp->connected_after = vn_os_monotonic() - tcp->task.started;
  return 1;
}

static void
report_connected(VnAgent *agent, Tcp *tcp)
{
  vn_field_bool(agent, "connected", tcp->connected);
  if (tcp->connected)
    vn_field_int(agent, "time", tcp->connected_after);
}

static void
give_up(VnAgent *agent, VnTask *task, int64_t now)
{
  (void)now;
  vn_task_fail(agent, task, "no answer in time", 0);
}

/* --- tcp_connect --- */

static void
connect_event(VnAgent *agent, VnTask *task, VnFd fd, unsigned slot, short events)
{
  Tcp *tcp = (Tcp *)task;
  (void)slot;
  (void)events;
  if (tcp->state == CONNECTING) {
    if (!check_connected(agent, tcp))
      return;
    if (tcp->silence == 0) {
      vn_task_succeed(agent, task);
      return;
    }
    tcp->state = READING;
    task->wake = vn_os_monotonic() + tcp->silence;
    return;
  }
  int error;
  int64_t n = vn_os_stream_read(fd, agent->chunk, BANNER_MAX, &error);
  if (n > 0)
    vn_text_add_bytes(&tcp->banner, agent->chunk, (size_t)n);
  if (n >= 0 || error != 0) /* the first piece is the banner; nothing more is waited for */
    vn_task_succeed(agent, task);
}

static void
connect_timer(VnAgent *agent, VnTask *task, int64_t now)
{
  if (((Tcp *)task)->state == READING)
    vn_task_succeed(agent, task);
  else
    give_up(agent, task, now);
}

static void
connect_report(VnAgent *agent, VnTask *task)
{
  Tcp *tcp = (Tcp *)task;
  report_connected(agent, tcp);
  while (tcp->banner.used > 0 && strchr("\r\n", tcp->banner.at[tcp->banner.used - 1]) != NULL)
    tcp->banner.at[--tcp->banner.used] = '\0';
  if (tcp->banner.used > 0)
    vn_field_text(agent, "banner", tcp->banner.at);
}

const VnTaskClass vn_native_tcp_connect_class = {
    .size = sizeof(Tcp),
    .watch = watch,
    .event = connect_event,
    .timer = connect_timer,
    .report = connect_report,
    .clear = clear,
};

void
vn_native_tcp_connect(VnAgent *agent, VnTask *task, char **args, unsigned n_args)
{
  Tcp *tcp = (Tcp *)task;
  int64_t timeout;
  if (begin(agent, task, args) == 0 &&
      take_duration(agent, task, args, n_args, 2, 5 * VN_SECOND, &timeout) == 0 &&
      take_duration(agent, task, args, n_args, 3, 0, &tcp->silence) == 0)
    start_connect(agent, tcp, timeout);
}

/* --- tcp_wait: no event says that a far port opened, so it tries with growing pauses --- */

static void
wait_try(VnAgent *agent, VnTask *task, int64_t now)
{
  Tcp *tcp = (Tcp *)task;
  int error;
  vn_os_close(&tcp->fd); /* an attempt that had no answer */
  if (now >= tcp->give_up) {
    vn_task_fail(agent, task, "could not connect in time", 0);
    return;
  }
  tcp->tries++;
  tcp->fd = vn_native_connect(&tcp->to, &error);
  tcp->pause = tcp->pause == 0 ? RETRY_FIRST : tcp->pause * 2;
  if (tcp->pause > RETRY_MOST)
    tcp->pause = RETRY_MOST;
  task->wake = now + (tcp->fd == VN_NO_FD ? tcp->pause : TRY_MOST);
  if (task->wake > tcp->give_up)
    task->wake = tcp->give_up;
}

static void
wait_event(VnAgent *agent, VnTask *task, VnFd fd, unsigned slot, short events)
{
  Tcp *tcp = (Tcp *)task;
  (void)slot;
  (void)events;
  if (vn_native_connected(fd) == 0) {
    check_connected(agent, tcp);
    vn_task_succeed(agent, task);
    return;
  }
  vn_os_close(&tcp->fd);
  task->wake = vn_os_monotonic() + tcp->pause;
  if (task->wake > tcp->give_up)
    task->wake = tcp->give_up;
}

static void
wait_report(VnAgent *agent, VnTask *task)
{
  report_connected(agent, (Tcp *)task);
  vn_field_int(agent, "tries", ((Tcp *)task)->tries);
}

const VnTaskClass vn_native_tcp_wait_class = {
    .size = sizeof(Tcp),
    .watch = watch,
    .event = wait_event,
    .timer = wait_try,
    .report = wait_report,
    .clear = clear,
};

void
vn_native_tcp_wait(VnAgent *agent, VnTask *task, char **args, unsigned n_args)
{
  Tcp *tcp = (Tcp *)task;
  int64_t timeout;
  if (begin(agent, task, args) < 0 ||
      take_duration(agent, task, args, n_args, 2, 30 * VN_SECOND, &timeout) < 0)
    return;
  tcp->give_up = task->started + timeout;
  wait_try(agent, task, task->started);
}

/* --- tcp_exchange --- */

static void
send_text(VnAgent *agent, Tcp *tcp)
{
  int64_t n = tcp->n_sent == tcp->n_text
                  ? 0
                  : send(tcp->fd, tcp->text + tcp->n_sent, tcp->n_text - tcp->n_sent, MSG_NOSIGNAL);
  if (n < 0 && !vn_os_would_block(vn_os_socket_error())) {
    vn_task_fail(agent, &tcp->task, "can't send", vn_os_socket_error());
    return;
  }
  tcp->n_sent += n < 0 ? 0 : (size_t)n;
  if (tcp->n_sent < tcp->n_text)
    return;
  if (tcp->silence == 0) {
    vn_task_succeed(agent, &tcp->task);
    return;
  }
  tcp->state = READING;
  tcp->task.wake = vn_os_monotonic() + tcp->silence;
}

static void
read_answer(VnAgent *agent, Tcp *tcp)
{
  int error;
  int64_t n = vn_os_stream_read(tcp->fd, agent->chunk, sizeof agent->chunk, &error);
  if (n > 0) {
    tcp->received += n;
    vn_task_output(agent, &tcp->task, 1, agent->chunk, (size_t)n);
    tcp->task.wake = vn_os_monotonic() + tcp->silence;
  } else if (n == 0)
    vn_task_succeed(agent, &tcp->task);
  else if (error != 0)
    vn_task_fail(agent, &tcp->task, "can't receive", error);
}

static void
exchange_event(VnAgent *agent, VnTask *task, VnFd fd, unsigned slot, short events)
{
  Tcp *tcp = (Tcp *)task;
  (void)fd;
  (void)slot;
  (void)events;
  if (tcp->state == CONNECTING) {
    if (!check_connected(agent, tcp))
      return;
    tcp->state = SENDING;
  }
  if (tcp->state == SENDING)
    send_text(agent, tcp);
  else
    read_answer(agent, tcp);
}

static void
exchange_report(VnAgent *agent, VnTask *task)
{
  Tcp *tcp = (Tcp *)task;
  vn_field_bool(agent, "connected", tcp->connected);
  vn_field_int(agent, "sent", (int64_t)tcp->n_sent);
  vn_field_int(agent, "received", tcp->received);
}

const VnTaskClass vn_native_tcp_exchange_class = {
    .size = sizeof(Tcp),
    .watch = watch,
    .event = exchange_event,
    .timer = connect_timer,
    .report = exchange_report,
    .clear = clear,
};

void
vn_native_tcp_exchange(VnAgent *agent, VnTask *task, char **args, unsigned n_args)
{
  Tcp *tcp = (Tcp *)task;
  int64_t timeout;
  if (begin(agent, task, args) < 0 ||
      take_duration(agent, task, args, n_args, 3, 2 * VN_SECOND, &tcp->silence) < 0 ||
      take_duration(agent, task, args, n_args, 4, 5 * VN_SECOND, &timeout) < 0)
    return;
  tcp->text = args[2];
  tcp->n_text = strlen(args[2]);
  start_connect(agent, tcp, timeout);
}

/* --- tcp_blast --- */

static void
blast_event(VnAgent *agent, VnTask *task, VnFd fd, unsigned slot, short events)
{
  Tcp *tcp = (Tcp *)task;
  (void)slot;
  (void)events;
  if (!check_connected(agent, tcp))
    return;
  if (tcp->state == CONNECTING) {
    tcp->state = SENDING;
    tcp->blast_from = vn_os_monotonic();
    task->wake = tcp->blast_from + tcp->blast_until;
  }
  for (unsigned i = 0; i < BLASTS_PER_EVENT; i++) { /* then others have their turn */
    int64_t n = send(fd, (void *)agent->chunk, sizeof agent->chunk, MSG_NOSIGNAL);
    if (n < 0 && !vn_os_would_block(vn_os_socket_error())) {
      tcp->blast_ended = vn_os_monotonic();
      vn_task_fail(agent, task, "can't send", vn_os_socket_error());
      return;
    }
    if (n < 0)
      return;
    tcp->blast_bytes += n;
  }
}

static void
blast_timer(VnAgent *agent, VnTask *task, int64_t now)
{
  Tcp *tcp = (Tcp *)task;
  tcp->blast_ended = now;
  if (tcp->state == CONNECTING)
    give_up(agent, task, now);
  else
    vn_task_succeed(agent, task);
}

static void
blast_report(VnAgent *agent, VnTask *task)
{
  Tcp *tcp = (Tcp *)task;
  int64_t time = tcp->blast_ended - tcp->blast_from;
  vn_field_bool(agent, "connected", tcp->connected);
  vn_field_int(agent, "bytes", tcp->blast_bytes);
  vn_field_int(agent, "rate", vn_native_rate(tcp->blast_bytes, tcp->connected ? time : 0));
}

const VnTaskClass vn_native_tcp_blast_class = {
    .size = sizeof(Tcp),
    .watch = watch,
    .event = blast_event,
    .timer = blast_timer,
    .report = blast_report,
    .clear = clear,
};

void
vn_native_tcp_blast(VnAgent *agent, VnTask *task, char **args, unsigned n_args)
{
  Tcp *tcp = (Tcp *)task;
  (void)n_args;
  if (begin(agent, task, args) == 0 &&
      vn_native_int(agent, task, args[2], 1, 86400 * VN_SECOND, &tcp->blast_until) == 0)
    start_connect(agent, tcp, 5 * VN_SECOND);
}
