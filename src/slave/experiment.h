/* SPDX-License-Identifier: GPL-3.0-or-later */
/* An experiment on this slave: one session with a master, and all that it had made here.
 *
 * When the session closes, for whatever reason, everything is taken down; then `gone` is called
 * and the experiment frees itself.
 */
#pragma once

#include "driver/driver.h"
#include "slave/config.h"

#define VN_READY_TIMEOUT_S 60 /* for an agent's HELLO after its VM is on */
#define VN_NAME_MAX        64 /* of an experiment, in bytes */

typedef struct VnExperiment VnExperiment;

/* What all experiments of a slave share; outlives them. */
typedef struct {
  const VnDriver *const *drivers;
  gsize n_drivers;
  const VnConfig *config;
  const char *agent_dir;
  const char *state_dir;
  const char *program; /* "vnec-slave 0.1.0": in captures */
  /* Is this name free on this slave? */
  gboolean (*name_free)(const char *name, gpointer data);
  void (*gone)(VnExperiment *experiment, gpointer data);
  /* To the log of the slave itself. */
  void (*log)(const char *text, gpointer data);
  gpointer data;
} VnSlaveShared;

/* Takes the descriptor of the session. */
VnExperiment *vn_experiment_new(int fd, const VnSlaveShared *shared);
const char *vn_experiment_name(const VnExperiment *experiment); /* NULL before OPEN */
/* A link for packets from another slave; takes it. FALSE: not yet, or not at all. */
gboolean vn_experiment_join(VnExperiment *experiment, guint32 from_site, guint32 to_site, int fd);
/* The slave ends: close the session and take everything down. */
void vn_experiment_end(VnExperiment *experiment);
