/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The table of built-in operations, their arguments, and the sockets that several of them use. */
#include "guest/agent/native.h"
#include "guest/agent/icmp.h"

#include <stdlib.h>
#include <string.h>

#define LISTEN_BACKLOG 128

static const struct {
  const char *name;
  const VnTaskClass *class_;
  VnNativeStart start;
  unsigned least, most;
} natives[] = {
#define VN_NATIVE(name, least, most, args, fields, help) \
  {#name, &vn_native_##name##_class, vn_native_##name, least, most},
#include "guest/agent/natives.def"
#undef VN_NATIVE
};

#define N_NATIVES (sizeof natives / sizeof *natives)

const char *
vn_native_name(unsigned index)
{
  return index < N_NATIVES ? natives[index].name : NULL;
}

/* An agent without the privilege for ICMP says so at once, so that a task uses the system's ping
 * instead. */
int
vn_native_offered(unsigned index)
{
  const VnTaskClass *class_ = natives[index].class_;
  if (class_ != &vn_native_ping_class && class_ != &vn_native_traceroute_class)
    return 1;
  VnIcmp icmp;
  if (vn_icmp_open(&icmp, AF_INET) != 0)
    return 0;
  vn_os_close(&icmp.fd);
  return 1;
}

static unsigned
find(const VnFrame *frame)
{
  uint32_t size;
  const uint8_t *name = vn_frame_find(frame, VN_TAG_NAME, &size);
  unsigned i = 0;
  while (name != NULL && i < N_NATIVES &&
         (strlen(natives[i].name) != size || memcmp(natives[i].name, name, size) != 0))
    i++;
  return name == NULL ? N_NATIVES : i;
}

/* A task whose request can't be done has no class of its own: nothing of it was begun. */
void
vn_native_request(VnAgent *agent, const VnFrame *frame)
{
  static const VnTaskClass none = {.size = sizeof(VnTask)};
  unsigned i = find(frame), n_args = 0;
  const char *why = "this agent has no such operation";
  char **args = i < N_NATIVES ? vn_request_texts(frame, VN_TAG_ARG, 0, &n_args, &why) : NULL;
  if (args != NULL && (n_args < natives[i].least || n_args > natives[i].most)) {
    why = "wrong number of arguments";
    free(args);
    args = NULL;
  }
  VnTask *task = vn_task_new(agent, args != NULL ? natives[i].class_ : &none, frame);
  if (task == NULL) {
    free(args);
    return;
  }
  task->arguments = (char *)args;
  if (args == NULL)
    vn_task_refuse(agent, task, why, 0);
  else
    natives[i].start(agent, task, args, n_args);
}

int
vn_native_int(VnAgent *agent, VnTask *task, const char *text, int64_t least, int64_t most,
              int64_t *out)
{
  if (vn_text_int(text, least, most, out) == 0)
    return 0;
  char bytes[160];
  VnText why;
  vn_text_init(&why, bytes, sizeof bytes);
  vn_text_add(&why, "not a whole number from ");
  vn_text_add_int(&why, least);
  vn_text_add(&why, " to ");
  vn_text_add_int(&why, most);
  vn_text_add(&why, ": ");
  vn_text_add(&why, text);
  vn_task_refuse(agent, task, bytes, 0);
  return -1;
}

int
vn_native_int_or(VnAgent *agent, VnTask *task, char **args, unsigned n_args, unsigned i,
                 int64_t least, int64_t most, int64_t missing, int64_t *out)
{
  *out = missing;
  return i >= n_args ? 0 : vn_native_int(agent, task, args[i], least, most, out);
}

int
vn_native_peer(VnAgent *agent, VnTask *task, const char *address, const char *port, VnPeer *out)
{
  int64_t number = 0;
  memset(out, 0, sizeof *out);
  if (port != NULL && vn_native_int(agent, task, port, 1, 65535, &number) < 0)
    return -1;
  if (inet_pton(AF_INET, address, &out->at.v4.sin_addr) == 1) {
    out->at.v4.sin_family = AF_INET;
    out->size = sizeof out->at.v4;
  } else if (inet_pton(AF_INET6, address, &out->at.v6.sin6_addr) == 1) {
    out->at.v6.sin6_family = AF_INET6;
    out->size = sizeof out->at.v6;
  } else {
    vn_task_refuse(agent, task, "the target is not an address", 0);
    return -1;
  }
  vn_peer_set_port(out, (unsigned)number);
  return 0;
}

void
vn_peer_set_port(VnPeer *peer, unsigned port)
{
  if (peer->at.any.sa_family == AF_INET)
    peer->at.v4.sin_port = htons((uint16_t)port);
  else
    peer->at.v6.sin6_port = htons((uint16_t)port);
}

void
vn_peer_add_address(const VnPeer *peer, VnText *text)
{
  static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  const uint8_t *six = (const uint8_t *)&peer->at.v6.sin6_addr;
  if (peer->at.any.sa_family == AF_INET)
    vn_text_add_address(text, (const uint8_t *)&peer->at.v4.sin_addr, 4);
  else if (memcmp(six, mapped, sizeof mapped) == 0)
    vn_text_add_address(text, six + sizeof mapped, 4);
  else
    vn_text_add_address(text, six, 16);
}

int
vn_peer_same_address(const VnPeer *a, const VnPeer *b)
{
  if (a->at.any.sa_family != b->at.any.sa_family)
    return 0;
  if (a->at.any.sa_family == AF_INET)
    return memcmp(&a->at.v4.sin_addr, &b->at.v4.sin_addr, sizeof a->at.v4.sin_addr) == 0;
  return memcmp(&a->at.v6.sin6_addr, &b->at.v6.sin6_addr, sizeof a->at.v6.sin6_addr) == 0;
}

VnFd
vn_native_connect(const VnPeer *peer, int *out_error)
{
  VnFd fd = vn_os_socket(peer->at.any.sa_family, SOCK_STREAM, 0, out_error);
  if (fd == VN_NO_FD || connect(fd, &peer->at.any, peer->size) == 0)
    return fd;
  int error = vn_os_socket_error();
  if (vn_os_would_block(error))
    return fd;
  *out_error = error;
  vn_os_close(&fd);
  return VN_NO_FD;
}

/* A socket that tries a closed port of its own guest may be given just that port to come from,
 * and is then connected to itself. */
static int
is_own_peer(VnFd fd)
{
  VnPeer own = {.size = sizeof own.at}, peer = {.size = sizeof peer.at};
  return getsockname(fd, &own.at.any, &own.size) == 0 &&
         getpeername(fd, &peer.at.any, &peer.size) == 0 &&
         own.at.v4.sin_port == peer.at.v4.sin_port && vn_peer_same_address(&own, &peer);
}

int
vn_native_connected(VnFd fd)
{
  int error = 0;
  socklen_t size = sizeof error;
  if (getsockopt(fd, SOL_SOCKET, SO_ERROR, (void *)&error, &size) < 0)
    return vn_os_socket_error();
  return error != 0 || !is_own_peer(fd) ? error : VN_OS_REFUSED;
}

static VnFd
bind_all(int type, unsigned port, int *out_error)
{
  VnPeer any;
  memset(&any, 0, sizeof any);
  any.at.v6.sin6_family = AF_INET6;
  any.size = sizeof any.at.v6;
  int on = 1, off = 0;
  VnFd fd = vn_os_socket(AF_INET6, type, 0, out_error);
  if (fd == VN_NO_FD) {
    any.at.any.sa_family = AF_INET;
    any.size = sizeof any.at.v4;
    fd = vn_os_socket(AF_INET, type, 0, out_error);
  } else
    setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, (void *)&off, sizeof off);
  if (fd == VN_NO_FD)
    return fd;
  vn_peer_set_port(&any, port);
  if (type == SOCK_STREAM)
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, (void *)&on, sizeof on);
  if (bind(fd, &any.at.any, any.size) == 0 &&
      (type != SOCK_STREAM || listen(fd, LISTEN_BACKLOG) == 0))
    return fd;
  *out_error = vn_os_socket_error();
  vn_os_close(&fd);
  return VN_NO_FD;
}

VnFd
vn_native_listen(unsigned port, int *out_error)
{
  return bind_all(SOCK_STREAM, port, out_error);
}

VnFd
vn_native_bind_udp(unsigned port, int *out_error)
{
  return bind_all(SOCK_DGRAM, port, out_error);
}

int64_t
vn_native_rate(int64_t bytes, int64_t ns)
{
  return ns <= 0 ? 0 : (int64_t)((double)bytes * 8 * (double)VN_SECOND / (double)ns);
}
