/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the slave does with an agent between its HELLO and the moment at which its VM is on, where
 * the driver leaves it to the agents (VnDriverByAgent):
 *
 *   CLOCK    time and fresh random bytes, at once
 *   NETWORK  to a router: its addresses, routes, proxies, and leases of the hosts on its segments;
 *            to a host: the addresses that it must have. The VM is on when all are answered
 *
 * These frames have ids of the slave's own, and no answer to them goes to the master.
 */
#pragma once

#include "slave/experiment-private.h"

#define VN_OWN_IDS G_GUINT64_CONSTANT(0xffffffff00000000) /* from here on */

/* Remembers what a VM of VMS is like; `vm` is borrowed from `body`. */
void vn_setup_remember(VnExperiment *experiment, VnVm *vm, const VnDriverVm *spec, GVariant *body);
void vn_setup_forget(VnVm *vm);
/* The agent said HELLO. FALSE: the VM is on already; else vn_power_ready follows. */
void vn_setup_hello(VnExperiment *experiment, VnVm *vm);
/* A frame of an agent with an id from VN_OWN_IDS on. */
void vn_setup_frame(VnExperiment *experiment, VnVm *vm, const VnFrame *frame);
