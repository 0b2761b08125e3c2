/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Reasons: chains of orders, what surely works, and why a step does not come between. Private to
 * this folder. */
#pragma once

#include "certify/certify.h"

typedef struct {
  const Graph *graph;
  GPtrArray *lines;    /* of GArray of guint32: tasks, each directly after the one before */
  GPtrArray *n_always; /* of GArray of guint32: of the first k tasks of the line, those that are */
  guint32 task, machine; /* of the claim */
  GArray *held;          /* of Member: what its condition needs, in turn */
  JsonArray *by, *against;
  const char *why; /* it does not hold; NULL: not said yet */
} Check;

/* The claim does not hold; the first reason counts. FALSE, always. */
gboolean wrong(Check *c, const char *why);

/* ---- JSON: NULL, or CERTIFY_NONE, where it is not what is wanted ---- */

JsonArray *array_in(JsonObject *object, const char *name);
const char *text_in(JsonObject *object, const char *name);
/* A number from 0 to below limit. */
guint32 number_in(JsonObject *object, const char *name, guint limit);
guint length_of(JsonArray *array);
JsonObject *object_at(JsonArray *array, guint k);

/* ---- reasons ---- */

/* Does the chain lead from one task to another (to CERTIFY_NONE: wherever it ends, *out_end)? It
 * has one order at least. carries: no task between is `always`. */
gboolean
is_chain(Check *c, JsonArray *chain, guint32 from, guint32 to, gboolean carries, guint32 *out_end);
gboolean has_chain(Check *c, JsonObject *claim, const char *name, guint32 from, guint32 to);
/* Finds what the condition of the claim's step needs. */
void hold_needed(Check *c);
/* A step of `by`, that comes before the claim's step and surely works (ran: runs). */
gboolean read_provider(Check *c, guint place, gboolean ran, Member *out);

gboolean is_control(const Task *task, const char *control);
/* The entry of `against` for a step, the first from *at on; moves *at behind it. */
JsonObject *next_against(Check *c, guint32 task, guint32 machine, guint *at);
/* Does the mender end what the taker did? */
typedef gboolean (*Mends)(const Check *c, const Task *taker, const Member *mender,
                          const void *data);

/* Does `against` say why the taker does not come between: it comes after the step, or before what
 * surely mends it? */
gboolean is_answered(Check *c, guint32 taker, guint32 machine, Mends mends, const void *data);
