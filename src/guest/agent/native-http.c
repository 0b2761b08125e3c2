/* SPDX-License-Identifier: GPL-3.0-or-later */
/* http_get: one page by HTTP/1.0 (RFC 1945), its body to stdout. */
#include "guest/agent/native.h"

#include <string.h>

#define HEAD_MAX 8192u

typedef struct {
  VnTask task;
  VnPeer to;
  VnFd fd;
  const char *address, *port, *path;
  int sending, in_body;
  int64_t status, size, expected, answered_after; /* expected -1: until it closes */
  size_t n_request, n_sent, n_head;
  char request[HEAD_MAX], head[HEAD_MAX];
} Get;

static void
watch(VnAgent *agent, VnTask *task)
{
  Get *get = (Get *)task;
  vn_agent_watch(agent, task, get->fd, get->sending ? POLLOUT : POLLIN, 0);
}

static void
clear(VnTask *task)
{
  vn_os_close(&((Get *)task)->fd);
}

static void
end(VnAgent *agent, Get *get)
{
  static const char cut[] = "the server closed before all had come";
  if (!get->in_body)
    vn_task_fail(agent, &get->task, "the answer is not HTTP", 0);
  else if (get->expected >= 0 && get->size < get->expected)
    vn_task_fail(agent, &get->task, cut, 0);
  else if (get->status >= 400)
    vn_task_fail(agent, &get->task, "the server answered with an error", 0);
  else
    vn_task_succeed(agent, &get->task);
}

static void
send_request(VnAgent *agent, Get *get)
{
  int error = vn_native_connected(get->fd);
  if (error != 0) {
    vn_task_fail(agent, &get->task, "can't connect", error);
    return;
  }
  int64_t n = send(get->fd, get->request + get->n_sent, get->n_request - get->n_sent, MSG_NOSIGNAL);
  if (n < 0 && !vn_os_would_block(vn_os_socket_error())) {
    vn_task_fail(agent, &get->task, "can't send", vn_os_socket_error());
    return;
  }
  get->n_sent += n < 0 ? 0 : (size_t)n;
  get->sending = get->n_sent < get->n_request;
}

/* The number after a header's name, which is in lower case with its colon; -1: not there. */
static int64_t
header_number(const char *head, const char *name)
{
  size_t n = strlen(name);
  for (const char *line = strchr(head, '\n'); line != NULL; line = strchr(line + 1, '\n')) {
    size_t i = 0;
    while (i < n &&
           ((line[1 + i] >= 'A' && line[1 + i] <= 'Z') ? line[1 + i] + 32 : line[1 + i]) == name[i])
      i++;
    if (i < n)
      continue;
    int64_t value = 0;
    const char *at = line + 1 + n;
    for (at += strspn(at, " \t"); *at >= '0' && *at <= '9' && value < INT64_MAX / 100; at++)
      value = value * 10 + (*at - '0');
    return value;
  }
  return -1;
}

static void
take_body(VnAgent *agent, Get *get, const void *bytes, size_t n)
{
  if (get->expected >= 0 && (int64_t)n > get->expected - get->size)
    n = (size_t)(get->expected - get->size);
  get->size += (int64_t)n;
  vn_task_output(agent, &get->task, 1, bytes, n);
  if (get->expected >= 0 && get->size == get->expected)
    end(agent, get);
}

/* Gathers the head until its empty line. */
static void
take_head(VnAgent *agent, Get *get, const uint8_t *bytes, size_t n)
{
  size_t part = HEAD_MAX - 1 - get->n_head < n ? HEAD_MAX - 1 - get->n_head : n;
  size_t before = get->n_head;
  memcpy(get->head + before, bytes, part);
  get->n_head += part;
  get->head[get->n_head] = '\0';
  char *end_of_head = strstr(get->head, "\r\n\r\n");
  if (end_of_head == NULL) {
    if (get->n_head == HEAD_MAX - 1)
      vn_task_fail(agent, &get->task, "the answer's head is too long", 0);
    return;
  }
  const char *status = strchr(get->head, ' ');
  if (strncmp(get->head, "HTTP/", 5) != 0 || status == NULL || strlen(status) < 4) {
    end(agent, get);
    return;
  }
  end_of_head[2] = '\0';
  get->status = (status[1] - '0') * 100 + (status[2] - '0') * 10 + (status[3] - '0');
  get->expected = header_number(get->head, "content-length:");
  get->answered_after = vn_os_monotonic() - get->task.started;
  get->in_body = 1;
  size_t used = (size_t)(end_of_head + 4 - get->head) - before;
  take_body(agent, get, bytes + used, n - used);
}

static void
event(VnAgent *agent, VnTask *task, VnFd fd, unsigned slot, short events)
{
  Get *get = (Get *)task;
  int error;
  (void)slot;
  (void)events;
  if (get->sending) {
    send_request(agent, get);
    return;
  }
  int64_t n = vn_os_stream_read(fd, agent->chunk, sizeof agent->chunk, &error);
  if (n == 0)
    end(agent, get);
  else if (n < 0 && error != 0)
    vn_task_fail(agent, task, "can't receive", error);
  else if (n > 0 && get->in_body)
    take_body(agent, get, agent->chunk, (size_t)n);
  else if (n > 0)
    take_head(agent, get, agent->chunk, (size_t)n);
}

static void
timer(VnAgent *agent, VnTask *task, int64_t now)
{
  (void)now;
  vn_task_fail(agent, task, "no answer in time", 0);
}

static void
report(VnAgent *agent, VnTask *task)
{
  Get *get = (Get *)task;
  vn_field_int(agent, "status", get->status);
  vn_field_int(agent, "size", get->size);
  if (get->in_body)
    vn_field_int(agent, "time", get->answered_after);
}

const VnTaskClass vn_native_http_get_class = {
    .size = sizeof(Get),
    .watch = watch,
    .event = event,
    .timer = timer,
    .report = report,
    .clear = clear,
};

/* 0, or -1: too long, or with what would end the line. */
static int
write_request(Get *get)
{
  VnText text;
  int six = get->to.at.any.sa_family == AF_INET6;
  vn_text_init(&text, get->request, sizeof get->request);
  vn_text_add(&text, "GET ");
  vn_text_add(&text, get->path[0] == '/' ? "" : "/");
  vn_text_add(&text, get->path);
  vn_text_add(&text, " HTTP/1.0\r\nHost: ");
  vn_text_add(&text, six ? "[" : "");
  vn_text_add(&text, get->address);
  vn_text_add(&text, six ? "]:" : ":");
  vn_text_add(&text, get->port);
  vn_text_add(&text, "\r\nUser-Agent: vnec\r\nConnection: close\r\n\r\n");
  get->n_request = text.used;
  return text.overflow || strpbrk(get->path, " \r\n") != NULL ? -1 : 0;
}

void
vn_native_http_get(VnAgent *agent, VnTask *task, char **args, unsigned n_args)
{
  Get *get = (Get *)task;
  int64_t timeout;
  int error;
  get->fd = VN_NO_FD;
  get->address = args[0];
  get->port = args[1];
  get->path = n_args > 2 ? args[2] : "/";
  get->sending = 1;
  if (vn_native_peer(agent, task, args[0], args[1], &get->to) < 0 ||
      vn_native_int_or(agent, task, args, n_args, 3, 0, 86400 * VN_SECOND, 10 * VN_SECOND,
                       &timeout) < 0)
    return;
  if (write_request(get) < 0) {
    vn_task_refuse(agent, task, "the path is too long or holds a space", 0);
    return;
  }
  task->wake = task->started + timeout;
  get->fd = vn_native_connect(&get->to, &error);
  if (get->fd == VN_NO_FD)
    vn_task_fail(agent, task, "can't connect", error);
}
