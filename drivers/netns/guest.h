/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A guest's first process, from its birth to the agent.
 *
 * It is born in all its namespaces, waits for GO on its channel, puts its root together, waits for
 * the second GO (its links are there), sets addresses, routes and proxies, reports that, and
 * becomes the agent: `vnec-taskrunner --channel-fd 3` or `vnec-router --channel-fd 3`.
 * Each step that fails is reported on the keeper's pipe and ends the process.
 */
#pragma once

#include "drivers/netns/keeper.h"

#define VN_NETNS_GO 'g'

/* One write to the pipe, so never torn. errnum 0: configured. */
typedef struct {
  guint32 vm;
  guint32 life; /* which of its lives speaks */
  gint32 errnum;
  char what[100];
} VnNetnsReport;

/* -1 with errno. On success the VM's pid and channel are set. */
int vn_netns_guest_start(VnNetnsKeeper *keeper, VnNetnsVm *vm);
/* Lets it go on to the next step. */
gboolean vn_netns_guest_go(VnNetnsVm *vm);
