/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The clients of built-in TCP servers, and the two simple ones: tcp_serve sends back what it
 * gets, tcp_sink keeps or forgets it. */
#include "guest/agent/native-serve.h"

#include <stdlib.h>
#include <string.h>

static void
drop(VnServer *server, unsigned i)
{
  VnClient *client = server->clients[i];
  vn_os_close(&client->fd);
  if (client->file != VN_OS_NO_FILE)
    vn_os_file_close(client->file);
  free(client);
  server->clients[i] = NULL;
  server->n_clients--;
}

static int
has_more(const VnClient *client)
{
  return client->sent < client->used || client->n_rest > 0 || client->file != VN_OS_NO_FILE;
}

void
vn_server_watch(VnAgent *agent, VnTask *task)
{
  VnServer *server = (VnServer *)task;
  if (server->n_clients < VN_CLIENTS_MAX)
    vn_agent_watch(agent, task, server->listener, POLLIN, 0);
  for (unsigned i = 0, left = server->n_clients; left > 0; i++) {
    VnClient *client = server->clients[i];
    if (client == NULL)
      continue;
    vn_agent_watch(agent, task, client->fd, has_more(client) ? POLLOUT : POLLIN, i + 1);
    left--;
  }
}

void
vn_server_clear(VnTask *task)
{
  VnServer *server = (VnServer *)task;
  vn_os_close(&server->listener);
  if (server->file != VN_OS_NO_FILE)
    vn_os_file_close(server->file);
  for (unsigned i = 0; i < VN_CLIENTS_MAX; i++)
    if (server->clients[i] != NULL)
      drop(server, i);
}

static void
refill(VnClient *client)
{
  client->used = client->sent = 0;
  if (client->n_rest > 0) {
    client->used = client->n_rest < VN_CLIENT_BUFFER ? client->n_rest : VN_CLIENT_BUFFER;
    memcpy(client->buffer, client->rest, client->used);
    client->rest += client->used;
    client->n_rest -= client->used;
  } else if (client->file != VN_OS_NO_FILE) {
    int error;
    int64_t n = vn_os_file_read(client->file, client->buffer, VN_CLIENT_BUFFER, &error);
    if (n > 0)
      client->used = (size_t)n;
    else {
      vn_os_file_close(client->file);
      client->file = VN_OS_NO_FILE;
    }
  }
}

/* Sends what the connection takes. 1: the client is gone or served. */
static int
push(VnClient *client)
{
  while (has_more(client)) {
    if (client->sent == client->used)
      refill(client);
    if (client->sent == client->used)
      continue;
    int64_t n =
        send(client->fd, client->buffer + client->sent, client->used - client->sent, MSG_NOSIGNAL);
    if (n < 0)
      return !vn_os_would_block(vn_os_socket_error());
    client->sent += (size_t)n;
  }
  return client->close_after;
}

static void
accept_one(VnServer *server)
{
  int error;
  VnFd fd = vn_os_accept(server->listener, &error);
  if (fd == VN_NO_FD)
    return;
  unsigned i = 0;
  while (i < VN_CLIENTS_MAX && server->clients[i] != NULL)
    i++;
  VnClient *client = i == VN_CLIENTS_MAX ? NULL : calloc(1, sizeof *client);
  if (client == NULL) {
    vn_os_close(&fd);
    return;
  }
  client->fd = fd;
  client->file = VN_OS_NO_FILE;
  server->clients[i] = client;
  server->n_clients++;
  server->connections++;
  if (server->greeting != NULL) {
    client->rest = server->greeting;
    client->n_rest = strlen(server->greeting);
  }
  if (push(client))
    drop(server, i);
}

void
vn_server_event(VnAgent *agent, VnTask *task, VnFd fd, unsigned slot, short events)
{
  VnServer *server = (VnServer *)task;
  (void)events;
  if (slot == 0) {
    accept_one(server);
    return;
  }
  VnClient *client = server->clients[slot - 1];
  if (client == NULL || client->fd != fd)
    return;
  if (!has_more(client)) {
    int error;
    size_t most = server->large ? sizeof agent->chunk : VN_CLIENT_BUFFER;
    int64_t n = vn_os_stream_read(fd, agent->chunk, most, &error);
    if (n < 0 && error == 0)
      return;
    if (n <= 0) {
      drop(server, slot - 1);
      return;
    }
    server->heard(agent, server, client, agent->chunk, (size_t)n);
    if (task->done)
      return;
  }
  if (push(client))
    drop(server, slot - 1);
}

void
vn_server_start(VnAgent *agent, VnServer *server, const char *port_text)
{
  int64_t port;
  int error;
  if (vn_native_int(agent, &server->task, port_text, 1, 65535, &port) < 0)
    return;
  server->listener = vn_native_listen((unsigned)port, &error);
  if (server->listener == VN_NO_FD)
    vn_task_refuse(agent, &server->task, "can't listen", error);
  else
    vn_task_ready(agent, &server->task);
}

static void
count(VnServer *server, size_t n)
{
  server->last = vn_os_monotonic();
  if (server->bytes == 0)
    server->first = server->last;
  server->bytes += (int64_t)n;
}

static void
report(VnAgent *agent, VnTask *task)
{
  VnServer *server = (VnServer *)task;
  vn_field_int(agent, "connections", server->connections);
  vn_field_int(agent, "bytes", server->bytes);
  if (server->last > server->first)
    vn_field_int(agent, "rate", vn_native_rate(server->bytes, server->last - server->first));
}

/* --- tcp_serve --- */

static void
echo(VnAgent *agent, VnServer *server, VnClient *client, const uint8_t *bytes, size_t n)
{
  (void)agent;
  count(server, n);
  memcpy(client->buffer, bytes, n); /* it was read no larger than this */
  client->used = n;
  client->sent = 0;
}

const VnTaskClass vn_native_tcp_serve_class = {
    .size = sizeof(VnServer),
    .watch = vn_server_watch,
    .event = vn_server_event,
    .report = report,
    .clear = vn_server_clear,
};

void
vn_native_tcp_serve(VnAgent *agent, VnTask *task, char **args, unsigned n_args)
{
  VnServer *server = (VnServer *)task;
  server->listener = VN_NO_FD;
  server->file = VN_OS_NO_FILE;
  server->greeting = n_args > 1 ? args[1] : NULL;
  server->heard = echo;
  vn_server_start(agent, server, args[0]);
}

/* --- tcp_sink --- */

static void
sink(VnAgent *agent, VnServer *server, VnClient *client, const uint8_t *bytes, size_t n)
{
  (void)client;
  count(server, n);
  int error = 0;
  if (server->path != NULL && server->file == VN_OS_NO_FILE)
    error = vn_os_file_open(server->path, VN_OS_APPEND, 0644, &server->file);
  if (error == 0 && server->file != VN_OS_NO_FILE)
    error = vn_os_file_write(server->file, bytes, n);
  if (error != 0)
    vn_task_fail(agent, &server->task, "can't write what came", error);
}

const VnTaskClass vn_native_tcp_sink_class = {
    .size = sizeof(VnServer),
    .watch = vn_server_watch,
    .event = vn_server_event,
    .report = report,
    .clear = vn_server_clear,
};

void
vn_native_tcp_sink(VnAgent *agent, VnTask *task, char **args, unsigned n_args)
{
  VnServer *server = (VnServer *)task;
  server->listener = VN_NO_FD;
  server->file = VN_OS_NO_FILE;
  server->large = 1;
  server->heard = sink;
  server->path = n_args > 1 && args[1][0] != '\0' ? args[1] : NULL;
  vn_server_start(agent, server, args[0]);
}
