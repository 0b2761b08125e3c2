/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Built-in operations: tasks that need no process. The table is natives.def. */
#pragma once

#include "guest/agent/agent.h"

/* Starts an operation whose task was made. args[n_args] is NULL. Whatever it returns to has an
 * outcome sent or a task that waits. A bad argument: vn_task_refuse. */
typedef void (*VnNativeStart)(VnAgent *agent, VnTask *task, char **args, unsigned n_args);

#define VN_NATIVE(name, least, most, args, fields, help) \
  extern const VnTaskClass vn_native_##name##_class;     \
  void vn_native_##name(VnAgent *agent, VnTask *task, char **args_, unsigned n_args);
#include "guest/agent/natives.def"
#undef VN_NATIVE

/* --- arguments; -1: refused, the operation is over --- */
int vn_native_int(VnAgent *agent, VnTask *task, const char *text, int64_t least, int64_t most,
                  int64_t *out);
/* args[i] if there, else `missing`. */
int vn_native_int_or(VnAgent *agent, VnTask *task, char **args, unsigned n_args, unsigned i,
                     int64_t least, int64_t most, int64_t missing, int64_t *out);

typedef struct {
  union {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
  } at;
  socklen_t size;
} VnPeer;
int
vn_native_peer(VnAgent *agent, VnTask *task, const char *address, const char *port, VnPeer *out);
void vn_peer_set_port(VnPeer *peer, unsigned port);
/* An IPv4 address that came through a socket for both families is written as such. */
void vn_peer_add_address(const VnPeer *peer, VnText *text);
int vn_peer_same_address(const VnPeer *a, const VnPeer *b);

/* --- sockets --- */
/* A connect under way; VN_NO_FD with *out_error. */
VnFd vn_native_connect(const VnPeer *peer, int *out_error);
/* How a connect ended: 0 or its error. */
int vn_native_connected(VnFd fd);
/* Listens on all addresses of both families where there are both. */
VnFd vn_native_listen(unsigned port, int *out_error);
VnFd vn_native_bind_udp(unsigned port, int *out_error);
/* bit/s; 0 where no time passed. */
int64_t vn_native_rate(int64_t bytes, int64_t ns);
