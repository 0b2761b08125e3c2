/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What simulated machines do, as a text file says it (the key `script` of a sim image).
 *
 *   # who               what happens
 *   ping[alice]         .received=0 exit=1 after=2s
 *   scan[h[*]]          .open=22,80 after=150ms
 *   flaky attempt=0     exit=1
 *   server*             ends=30s exit=139
 *   report              out="42 packets transmitted"
 *   [h[3]]              boot=8s lost=60s
 *
 * A line names a task, a task on one VM as `task[vm]`, or a machine as `[vm]`; `*` and `?` stand
 * for any text and any character. The first line that fits counts. Words with blanks stand in
 * quotes, as in a shell. A field of the action's results begins with a dot and is written as in
 * the language; without any, `out` is read with the action's own patterns.
 */
#pragma once

#include "model/model.h"

#define VN_SIM_SCRIPT_MAX_BYTES (64u << 20)
/* Lines with `*` or `?`: each is tried at each start of a task. */
#define VN_SIM_SCRIPT_MAX_WILD 256

typedef struct {
  const char *name, *text; /* "received", "3" */
} VnSimField;

/* Times are -1 where the line does not say them. */
typedef struct {
  guint32 line;
  guint32 attempt;    /* the one it is about, from 0; VN_NO_ID: any */
  gint64 after_ns;    /* until the task ends, or a background task is ready */
  gint64 ends_ns;     /* a background task: time that it serves before it ends by itself */
  gint64 boot_ns;     /* a machine: until its agent answers */
  gint64 lost_ns;     /* a machine: time after which it goes away; a task: its machine does */
  gint32 exit_code;
  const char *out, *err;
  const VnSimField *fields;
  guint32 n_fields;
} VnSimRule;

typedef struct VnSimScript VnSimScript;

VnSimScript *vn_sim_script_load(const char *path, GError **error);
VnSimScript *vn_sim_script_parse(const char *path, const char *text, GError **error);
void vn_sim_script_free(VnSimScript *script);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VnSimScript, vn_sim_script_free)

/* The line for a task (NULL: the machine itself) on a VM; NULL: none. */
const VnSimRule *vn_sim_script_find(const VnSimScript *script, const char *task, const char *vm,
                                    guint32 attempt);

#define VN_SIM_ERROR vn_sim_error_quark()
GQuark vn_sim_error_quark(void);
typedef enum { VN_SIM_ERROR_SCRIPT } VnSimError;
