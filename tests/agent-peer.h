/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A real agent at the other end of a socketpair, for tests: sends requests, collects answers. */
#pragma once

#include <gio/gio.h>

#include "frame/frame.h"
#include "frame/status.h"

typedef struct {
  int fd;
  GPid pid;
  guint64 last_id;
  GByteArray *in;       /* not yet taken apart */
  GHashTable *tasks;    /* id → PeerTask */
  GHashTable *natives;  /* set of names in HELLO */
  char *os, *arch, *name;
  guint pongs, refused;
  GPtrArray *packets;   /* of PACKET frames; GBytes */
  gboolean closed;
} Peer;

typedef struct {
  guint64 id;
  GString *out, *err;
  GByteArray *data;
  gboolean ready, ended, last;
  gint64 status, exit_code, signal, elapsed, out_total, err_total;
  GHashTable *fields;
  char *error;
} PeerTask;

/* program: "vnec-taskrunner" of the build folder, unless VNEC_SANITIZED_AGENTS says where. */
Peer *peer_new(const char *program);
/* An agent that somebody else started, at the other end of `fd` (which becomes the peer's). */
Peer *peer_adopt(int fd);
void peer_free(Peer *peer); /* closes the channel and waits for the agent's end */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Peer, peer_free)

/* Into a user and network namespace as its root, loopback up. Before any thread. */
gboolean peer_enter_namespace(void);

/* A request being written. */
typedef struct {
  Peer *peer;
  PeerTask *task;
  VnFrameWriter writer;
  guint8 *bytes;
} Request;
Request peer_begin(Peer *peer, VnFrameKind kind, guint64 id);
PeerTask *peer_send(Request *request);
guint64 peer_id(Peer *peer); /* a new one */

/* Short forms; arguments end with NULL. */
PeerTask *peer_run(Peer *peer, gint64 timeout, ...) G_GNUC_NULL_TERMINATED;
PeerTask *peer_script(Peer *peer, gint64 timeout, const char *text);
PeerTask *
peer_native(Peer *peer, gboolean background, const char *name, ...) G_GNUC_NULL_TERMINATED;
void peer_cancel(Peer *peer, PeerTask *task, gint64 grace);

/* Reads for up to `wait` ms what comes. FALSE: the agent closed the channel. */
gboolean peer_turn(Peer *peer, int wait);
void peer_wait(Peer *peer, PeerTask *task);       /* for its outcome; fails after 20 s */
void peer_wait_ready(Peer *peer, PeerTask *task); /* for its READY */
const char *peer_field(PeerTask *task, const char *name);
gint64 peer_field_int(PeerTask *task, const char *name);
