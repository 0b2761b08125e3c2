/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The executor over slaves: nodes of the graph become messages and frames, answers become ends of
 * nodes. One of them serves one trial.
 *
 * Nodes of one turn become one message a site (and technology). A task's frames carry its node and
 * attempt as their id, so an answer finds its node without a search, and one that comes late finds
 * that it is late. Everything that a slave or an agent says is checked before it is used as a
 * number.
 */
#pragma once

#include "master/calls.h"
#include "master/scheduler.h"
#include "master/slave.h"
#include "store/store.h"

/* Microseconds of looking for an answer before sleeping: waking a sleeping CPU costs more. */
#define VN_REMOTE_SPIN_US 50

typedef struct VnRemote VnRemote;

typedef struct {
  const VnGraph *graph;
  VnSlave *const *slaves; /* by the model's sites; NULL where a site has nothing to do */
  VnStore *store;
  gint64 trial;           /* in the store */
  VnCallsTrial calls;
  const char *experiment; /* unique on the sites' machines */
  const char *folder;     /* relative names of files in the script start there */
  /* Before messages of followers are made: the place to store what has ended. */
  void (*before_start)(gpointer data);
  /* Something that a person should see. */
  void (*log)(VnSeverity severity, const char *text, gpointer data);
  /* A machine went away that nobody had switched off; it is logged, too. */
  void (*lost)(const char *text, gpointer data);
  gpointer data;
} VnRemoteConfig;

VnRemote *vn_remote_new(const VnRemoteConfig *config);
void vn_remote_free(VnRemote *remote);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VnRemote, vn_remote_free)

VnExecutor *vn_remote_executor(VnRemote *remote);
/* Before vn_scheduler_start. */
void vn_remote_set_scheduler(VnRemote *remote, VnScheduler *scheduler);
