/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A TCP server inside a task: one listener and its clients. native-serve.c holds the clients and
 * the simple servers, native-http-serve.c the web server. */
#pragma once

#include "guest/agent/native.h"

#define VN_CLIENTS_MAX   256u /* at once; more wait in the kernel's queue */
#define VN_CLIENT_BUFFER 4096u

/* What is to be sent: the buffer, then the rest, then the file. A client is listened to only when
 * all that is out, so one that doesn't read makes nothing pile up. */
typedef struct {
  VnFd fd;
  int close_after;
  size_t used, sent;
  const char *rest;
  size_t n_rest;
  VnOsFileId file;
  size_t n_head; /* of a request not yet whole */
  char buffer[VN_CLIENT_BUFFER], head[VN_CLIENT_BUFFER];
} VnClient;

typedef struct VnServer VnServer;
struct VnServer {
  VnTask task;
  VnFd listener;
  const char *path;             /* of a sink: made when the first bytes come; NULL: none */
  VnOsFileId file;              /* of a sink */
  const char *greeting;         /* said to each client first; NULL: nothing */
  int large;                    /* heard takes more than a client's buffer at a time */
  const char *directory, *text; /* of the web server */
  int64_t connections, requests, bytes, first, last; /* times of the first and last bytes */
  /* Bytes came. Fills the client's buffer, rest or file with what is to be answered. */
  void (*heard)(VnAgent *agent, VnServer *server, VnClient *client, const uint8_t *bytes, size_t n);
  unsigned n_clients;
  VnClient *clients[VN_CLIENTS_MAX];
};

void vn_server_start(VnAgent *agent, VnServer *server, const char *port);
void vn_server_watch(VnAgent *agent, VnTask *task);
void vn_server_event(VnAgent *agent, VnTask *task, VnFd fd, unsigned slot, short events);
void vn_server_clear(VnTask *task);
