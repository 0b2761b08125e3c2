/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What simulated machines do: how long, with which end and which results.
 *
 * A pure function of the model, the images' keys, their scripts (simscript.h) and the seed: what
 * one task draws does not depend on which others ran before it. Time passes elsewhere
 * (simulate.h).
 */
#pragma once

#include "master/executor.h"
#include "master/simscript.h"

typedef enum {
  VN_SIM_OK,
  VN_SIM_FAILED,
  VN_SIM_TIMED_OUT,
  VN_SIM_OFF,       /* its machine is not on */
  VN_SIM_LOST,      /* its machine went away, was switched off or put back */
  VN_SIM_CANCELLED,
} VnSimHow;

typedef struct {
  gint64 delay_ns;       /* until it ends, or is ready */
  gint64 serves_ns;      /* a background task: how long; -1: until it is stopped */
  const VnSimRule *rule; /* NULL: none */
  VnSimHow how;
  gboolean serves;
} VnSimAct;

typedef struct VnSimWorld VnSimWorld;

/* Reads the scripts of the images. */
VnSimWorld *vn_sim_world_new(const VnGraph *graph, guint64 seed, GError **error);
void vn_sim_world_free(VnSimWorld *world);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VnSimWorld, vn_sim_world_free)

/* A TASK node on a machine that is on. */
VnSimAct vn_sim_world_task(const VnSimWorld *world, guint32 node, guint32 attempt);
/* A machine that is switched on; out_lost: time after which it goes away, -1: never. */
VnSimAct vn_sim_world_boot(const VnSimWorld *world, guint32 vm, gint64 *out_lost);
/* What came out; made in arena, valid as long as that. */
void vn_sim_world_outcome(const VnSimWorld *world, guint32 node, const VnSimAct *act,
                          const VnExprScope *scope, VnArena *arena, VnOutcome *out);
