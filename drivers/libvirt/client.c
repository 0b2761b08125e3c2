/* SPDX-License-Identifier: GPL-3.0-or-later */
/* See client.h. vnec-virt ends when its end of `calls` sees ours closed, whatever it is doing. */
#include "drivers/libvirt/client.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "drivers/libvirt/abilities.h"

#define CALLS_FD  3 /* in vnec-virt */
#define EVENTS_FD 4

struct VnVirtClient {
  VnVirtClientOptions options;
  GPid pid;
  int calls, events;
  gint closing; /* atomic */
  GThread *listener;
};

static gpointer
listen_to_events(gpointer data)
{
  VnVirtClient *client = data;
  for (;;) {
    g_auto(VnVirtMessage) message = {0};
    if (!vn_virt_receive(client->events, VN_VIRT_EVENT, &message, NULL))
      break;
    guint32 id;
    const char *text;
    g_variant_get(message.body, "(u&s)", &id, &text);
    client->options.event(id, text, client->options.data);
  }
  if (!g_atomic_int_get(&client->closing))
    client->options.event(VN_VIRT_END, NULL, client->options.data);
  return NULL;
}

static gboolean
spawn(VnVirtClient *client, const int *theirs, GError **error)
{
  const VnVirtClientOptions *o = &client->options;
  const char *arguments[] = {o->program,
                             G_STRINGIFY(CALLS_FD),
                             G_STRINGIFY(EVENTS_FD),
                             o->uri,
                             o->states != NULL ? o->states : "",
                             o->folder != NULL ? o->folder : "",
                             o->experiment,
                             NULL};
  static const int targets[] = {CALLS_FD, EVENTS_FD};
  GSpawnFlags flags =
      G_SPAWN_DO_NOT_REAP_CHILD | G_SPAWN_STDOUT_TO_DEV_NULL | G_SPAWN_STDERR_TO_DEV_NULL;
  return g_spawn_async_with_pipes_and_fds(NULL, arguments, NULL, flags, NULL, NULL, -1, -1, -1,
                                          theirs, targets, G_N_ELEMENTS(targets), &client->pid,
                                          NULL, NULL, NULL, error);
}

static gboolean
make_sockets(int calls[2], int events[2], GError **error)
{
  struct timeval silence = {.tv_sec = VN_VIRT_SILENCE_S};
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, calls) != 0)
    return vn_virt_fail(error, errno, "making sockets for vnec-virt");
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, events) == 0) {
    (void)setsockopt(calls[0], SOL_SOCKET, SO_RCVTIMEO, &silence, sizeof silence);
    return TRUE;
  }
  vn_virt_fail(error, errno, "making sockets for vnec-virt");
  (void)close(calls[0]); /* nothing was written to them */
  (void)close(calls[1]);
  return FALSE;
}

/* Before the first request: what libvirt learned about QEMU. */
static void
keep_abilities(guint32 id, GError *error, GVariant *more, VnVirtMessage *message, gpointer data)
{
  const VnVirtClient *client = data;
  g_autofree const char **names = NULL;
  if (client->options.states != NULL && g_variant_lookup(more, "abilities", "^a&s", &names))
    vn_virt_abilities_keep(client->options.states, names, message->fds, message->n_fds);
}

/* Reads answers until the last one. Its error is the whole call's. */
static gboolean
read_answers(VnVirtClient *client, VnVirtAnswer answer, gpointer data, GError **error)
{
  for (;;) {
    g_auto(VnVirtMessage) message = {0};
    if (!vn_virt_receive(client->calls, VN_VIRT_ANSWER, &message, error))
      return FALSE;
    guint32 id;
    gint32 code;
    const char *text;
    g_autoptr(GVariant) more = NULL;
    g_autoptr(GError) own = NULL;
    g_variant_get(message.body, "(ui&s@a{sv})", &id, &code, &text, &more);
    if (code >= 0)
      own = g_error_new_literal(VN_DRIVER_ERROR, MIN(code, VN_DRIVER_ERROR_UNSUPPORTED), text);
    if (id != VN_VIRT_END) {
      answer(id, own, more, &message, data);
      continue;
    }
    if (own == NULL)
      return TRUE;
    g_propagate_error(error, g_steal_pointer(&own));
    return FALSE;
  }
}

gboolean
vn_virt_client_call(VnVirtClient *client, VnVirtOp op, GVariant *argument, const int *fds,
                    guint n_fds, VnVirtAnswer answer, gpointer data, GError **error)
{
  return vn_virt_send(client->calls, g_variant_new("(uv)", (guint32)op, argument), fds, n_fds,
                      error) &&
         read_answers(client, answer, data, error);
}

VnVirtClient *
vn_virt_client_open(const VnVirtClientOptions *options, GError **error)
{
  int calls[2], events[2];
  if (!make_sockets(calls, events, error))
    return NULL;
  VnVirtClient *client = g_new0(VnVirtClient, 1);
  *client = (VnVirtClient){.options = *options, .calls = calls[0], .events = events[0]};
  const int theirs[] = {calls[1], events[1]};
  gboolean started = spawn(client, theirs, error);
  (void)close(calls[1]); /* theirs */
  (void)close(events[1]);
  if (started)
    client->listener = g_thread_new("vnec-virt", listen_to_events, client);
  if (started && read_answers(client, keep_abilities, client, error))
    return client;
  vn_virt_client_close(client);
  return NULL;
}

void
vn_virt_client_close(VnVirtClient *client)
{
  if (client == NULL)
    return;
  g_atomic_int_set(&client->closing, TRUE);
  (void)shutdown(client->calls, SHUT_RDWR); /* what was written was answered */
  (void)close(client->calls);
  if (client->pid > 0)
    (void)waitpid(client->pid, NULL, 0); /* somebody else may have collected it */
  (void)shutdown(client->events, SHUT_RDWR);
  if (client->listener != NULL)
    g_thread_join(client->listener);
  (void)close(client->events);
  g_free(client);
}
