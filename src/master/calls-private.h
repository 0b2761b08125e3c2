/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What calls.c (frames to agents) and judge.c (their answers) share. */
#pragma once

#include "master/calls.h"

/* A variant's patterns, compiled at the first answer. */
typedef struct {
  VnMatcher *matcher;
  char *error; /* why they don't compile */
} VariantCode;

typedef struct {
  VariantCode *variants;
  GPtrArray *ready[2]; /* of GRegex*, on stdout and on stderr; NULL: not compiled yet */
} ActionCode;

typedef enum { ARGS_UNKNOWN, ARGS_FIXED, ARGS_OPEN } ArgsState;

typedef struct {
  guint8 state;          /* ArgsState */
  const VnValue *params; /* FIXED */
  guint32 variant;       /* of payload */
  GByteArray *payload;   /* FIXED: the frame without what belongs to one VM; NULL: none yet */
} TaskCode;

struct VnCalls {
  const VnModel *model;
  VnCallsTrial trial;
  ActionCode *actions; /* by action */
  TaskCode *tasks;     /* by task */
  GPtrArray *profiles; /* of GHashTable*: set of operations' names */
  char **addresses;    /* by VM; NULL: not asked for yet */
  VnArena *arena;      /* of fixed arguments */
  VnArena *scratch;
  GByteArray *frame;
  GString *text;
};

/* The values of a task's arguments; open ones live in scratch until the next reset. */
gboolean vn_calls_params(VnCalls *calls, guint32 task, const VnExprScope *scope,
                         const VnValue **out, GError **error);
/* A scope for expressions of the action's own: parameters, addresses for hosts. */
VnExprScope vn_calls_scope(VnCalls *calls, const VnAction *action, const VnValue *params);
ActionCode *vn_calls_action(VnCalls *calls, guint32 action);
