/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a task says to the agent of its VM, and what its answer means: the choice of an action's
 * variant, its arguments as a frame, and the judgement of what came out.
 *
 * The variant is the first built-in operation that the agent offers, else the first command or
 * script for the VM's operating system. A host given to a command is its address (IPv4 if it has
 * one). Lists are spliced into argv. A script gets its arguments as environment variables of their
 * names, lists with spaces between the items. Commands and scripts see VNEC_SEED, VNEC_POINT,
 * VNEC_TRIAL, VNEC_HOST and the host's own `env`. Built-in operations get numbers in base units
 * and lists with commas.
 *
 * Of tasks whose arguments are known before the run the frame is made once.
 */
#pragma once

#include "frame/frame.h"
#include "master/executor.h"
#include "master/fields.h"

typedef struct VnCalls VnCalls;

typedef struct {
  guint64 seed; /* of the trial */
  guint32 point, trial;
  gint64 output_limit; /* bytes kept of each stream */
} VnCallsTrial;

typedef struct {
  guint16 kind; /* VnFrameKind: RUN, SCRIPT or NATIVE */
  guint32 variant;
  const guint8 *payload; /* valid until the next call is made */
  guint32 size;
} VnCall;

/* What a guest answered, as it came. */
typedef struct {
  guint8 outcome; /* VnOutcomeStatus */
  gint32 exit_code, signal;
  gint64 elapsed_ns;
  const char *out, *err;
  gsize out_size, err_size;
  guint64 out_total, err_total;
  const VnFrame *frame; /* of OUTCOME, for its FIELDs */
} VnAnswer;

VnCalls *vn_calls_new(const VnModel *model, const VnCallsTrial *trial);
void vn_calls_free(VnCalls *calls);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VnCalls, vn_calls_free)

/* Agents that offer the same operations are one profile; profile 0 offers none. */
#define VN_CALLS_MAX_PROFILES 64u /* past it an agent counts as one that offers nothing */
guint32 vn_calls_profile(VnCalls *calls, const VnFrame *hello);

/* The address of a host, as commands get it; its name if it has none. */
const char *vn_calls_address(const VnCalls *calls, guint32 vm);

/* scope: results so far. FALSE: no variant, an argument that has no value, or a call too long. */
gboolean vn_calls_make(VnCalls *calls, guint32 task, guint32 vm, guint32 profile,
                       const VnExprScope *scope, VnCall *out, GError **error);
/* A background task's patterns that must be seen on its streams before it is ready. */
const GPtrArray *vn_calls_ready(VnCalls *calls, guint32 task, gboolean on_stderr, GError **error);

/* The last call made for a task, as a person would type it. Appends. */
void vn_calls_describe(VnCalls *calls, guint32 task, guint32 variant, GString *out);

/* Fills out; what it points to lives in the answer and in arena. */
void vn_calls_judge(VnCalls *calls, guint32 task, guint32 variant, const VnExprScope *scope,
                    const VnAnswer *answer, VnArena *arena, VnOutcome *out);

#define VN_CALLS_ERROR vn_calls_error_quark()
GQuark vn_calls_error_quark(void);
typedef enum { VN_CALLS_ERROR_VARIANT, VN_CALLS_ERROR_SIZE } VnCallsError;
