/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The nest of containers (nest.h has that of virtual machines): libvirt's driver for them needs
 * root and cgroups, so this is root's, in a mount, pid, network, ipc, uts and cgroup namespace of
 * its own, with a libvirtd of its own. It sees /usr, a few devices and a tmpfs; no network, no
 * other file and no process of the machine. Each container in it has a user namespace besides,
 * whose root is nobody on the machine.
 */
#pragma once

#include <glib.h>

#define VN_VIRT_DEN_AGENTS "/v/agents" /* what containers begin with, for all to read */

/* As vn_virt_nest_enter: never returns in the caller unless it fails early, returns in the nest's
 * first process. agents: folder of the machine. */
gboolean vn_virt_den_enter(int life, const char *agents, GError **error);

/* Does all that a den takes, short of starting it? Some milliseconds. */
gboolean vn_virt_den_check(GError **error);
