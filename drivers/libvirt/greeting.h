/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <gio/gio.h>

/* Reads frames from a machine's agent until its HELLO. FALSE: it did not come in time, the
 * connection ended, or what came is no frame. */
gboolean vn_virt_await_hello(int fd, guint seconds, GError **error);
/* The same where the channel is a shared folder: begins a session there and waits for the first
 * file of the agent. `end` hangs up when the machine ends; -1: nothing tells. */
gboolean vn_virt_await_file(int folder, int end, guint seconds, GError **error);
