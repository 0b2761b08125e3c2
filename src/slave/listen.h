/* SPDX-License-Identifier: GPL-3.0-or-later */
/* UNIX sockets of mode 0600, for programs of the same user on this machine. */
#pragma once

#include <gio/gio.h>

/* A listening socket (SOCK_STREAM or SOCK_SEQPACKET) at the path. One that nobody listens on any
 * more is replaced. -1 with error. */
int vn_listen_at(const char *path, int type, GError **error);
/* The next connection, -1: none that may be here. Who connects must be this user or root. */
int vn_listen_accept(int listener, GError **error);
int vn_connect_to(const char *path, int type, GError **error);
