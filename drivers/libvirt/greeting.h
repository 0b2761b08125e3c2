/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <gio/gio.h>

/* Reads frames from a machine's agent until its HELLO. FALSE: it did not come in time, the
 * connection ended, or what came is no frame. */
gboolean vn_virt_await_hello(int fd, guint seconds, GError **error);
