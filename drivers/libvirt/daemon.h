/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The libvirtd of a den (den.h): started in it, seen by nobody outside, ended with it. */
#pragma once

#include <glib.h>

/* Is there all that it takes? */
gboolean vn_virt_daemon_check(void);
/* Starts it and waits until it listens. */
gboolean vn_virt_daemon_start(GError **error);
