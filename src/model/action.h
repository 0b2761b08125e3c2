/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a task calls: an action of a module, or one of the engine's control tasks. */
#pragma once

#include "model/expr.h"
#include "model/topology.h"

/* Control tasks, done by the engine on any VM: control.def. */
typedef enum {
#define VN_CONTROL(id, name, targets, params, help) VN_CONTROL_##id,
#include "model/control.def"
#undef VN_CONTROL
  VN_CONTROL_COUNT,
  VN_CONTROL_NONE = VN_CONTROL_COUNT /* the call is of an action */
} VnControl;

typedef enum { VN_COMMAND_RUN, VN_COMMAND_SCRIPT, VN_COMMAND_NATIVE } VnCommandForm;

typedef struct {
  const char *name;
  const char *doc;
  guint8 type;          /* VnValueKind; HOST stands for `host | address` too (accepts_address) */
  guint8 element;       /* of a list */
  gboolean optional;
  gboolean accepts_address;
  gboolean has_initial;
  VnValue initial;
} VnActionParam;

typedef struct {
  const char *name;
  const char *doc;
  guint8 type, element;
  gboolean optional; /* `T?` */
} VnActionField;

typedef struct {
  const char *pattern; /* PCRE; its named groups are fields */
  guint8 unit;         /* VnUnit of the numbers in it; NONE: as they are */
} VnActionParse;

typedef struct {
  VnCommandForm form;
  const char *const *systems; /* "linux", "windows" …; none: any */
  guint32 n_systems;
  /* RUN: each gives a text or a list of them; SCRIPT: the interpreter, or none; NATIVE: its
   * arguments */
  const VnExpr *const *argv;
  guint32 n_argv;
  const char *text;           /* SCRIPT: its text; NATIVE: the operation's name */
  const VnActionParse *parses;
  guint32 n_parses;
  VnSpan span;
} VnActionVariant;

typedef struct {
  guint32 target;     /* parameter */
  const VnExpr *port; /* NULL: the target must only be on */
} VnActionRequires;

typedef struct {
  const VnExpr *port;  /* NULL: */
  const char *pattern; /* on a stream */
  gboolean on_stderr;
} VnActionReady;

typedef struct {
  const char *name;   /* "ping" */
  const char *module; /* "std.net"; NULL: of the script itself */
  const char *doc;
  VnSpan span;
  gboolean background;
  const VnActionParam *params;
  guint32 n_params;
  const VnActionField *fields; /* field k is VN_FIELD_OWN + k */
  guint32 n_fields;
  const VnActionVariant *variants; /* tried in order: native first where the agent offers it */
  guint32 n_variants;
  const VnActionRequires *requires_;
  guint32 n_requires;
  const VnActionReady *ready;
  guint32 n_ready;
  const VnExpr *const *provides; /* ports */
  guint32 n_provides;
  const VnExpr *const *reads, *const *writes; /* paths */
  guint32 n_reads, n_writes;
  const char *const *systems; /* `for linux, windows;` or NULL: by its variants */
  guint32 n_systems;
  const VnExpr *succeeds; /* NULL: exit code 0 */
} VnAction;
