/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The checked experiment: everything a script means, by number, with nothing left to look up.
 *
 * Made by src/sema from syntax trees for one set of parameter values; completed by src/topology;
 * lowered by src/plan. Flat arrays in one arena; a thing is named by its place in its array. A
 * model that exists had no errors.
 */
#pragma once

#include "base/symbol.h"
#include "model/action.h"
#include "model/topology.h"

typedef enum { VN_ON_FAILURE_STOP, VN_ON_FAILURE_SKIP, VN_ON_FAILURE_IGNORE } VnOnFailure;

typedef struct {
  const char *name; /* site 0 is "local" */
  const char *at;   /* "host:port"; NULL for local */
  const char *key;  /* its public key; NULL: from the user's list of sites */
  VnSpan span;
} VnSite;

typedef struct {
  const char *name;
  const char *doc;
  VnSpan span;
  guint32 tech;
  const char *os; /* "linux" */
  const char *const *keys; /* the driver's own keys, checked by its schema, in pairs with … */
  const VnValue *values;
  guint32 n_keys;
  gint64 memory;
  guint32 cpus;
} VnImage;

typedef struct {
  const char *name; /* "patients" */
  const char *doc;
  VnSpan span;
  const guint32 *vms; /* ordered */
  guint32 n_vms;
  gboolean mentioned; /* the script uses its name */
} VnGroup;

/* What is looked at most stands first, together: there may be a million of them. */
typedef struct {
  guint8 control;    /* VnControl; VN_CONTROL_NONE: action */
  guint8 on_failure; /* VnOnFailure */
  guint8 always;     /* gboolean */
  guint8 group;      /* gboolean: declared with a set: its results are lists */
  guint32 action;    /* when control is NONE */
  guint32 n_targets; /* 0: a task of the engine (wait, stop) */
  guint32 n_args;
  guint32 n_after;
  guint32 retries;           /* further attempts */
  const VnExpr *when;        /* NULL: always */
  const guint32 *targets;    /* VM numbers, ordered; shared between tasks with the same set */
  const VnExpr *const *args; /* by parameter, defaults filled in; NULL entry: left out */
  const guint32 *after;      /* tasks, without repeats, from `after` and `flow` */
  VnSpan span;
  const char *name; /* "hello", "scan[3]" */
  const char *doc;
  gint64 timeout_ns; /* 0: none */
  gint64 retry_every_ns;
} VnTask;

typedef struct {
  const VnExpr *condition;
  const char *text;           /* as it stands in the script */
  const VnExpr *message;      /* NULL: none */
  VnSpan span;
} VnExpectation;

typedef struct {
  const char *name;
  const char *doc;
  const VnExpr *value;
  VnSpan span;
} VnMeasure;

typedef struct {
  const char *name;
  const char *doc;
  guint8 type;
  VnValue value;   /* in this model */
  VnSpan span;
} VnParam;

typedef struct {
  guint32 param;
  const VnValue *values; /* in the order of the script */
  guint32 n_values;
} VnSweep;

typedef struct {
  VnArena *arena;
  const VnSourceSet *sources;
  const char *name; /* "hello" */
  const char *doc;
  gboolean paper_rules;
  guint64 seed;
  gboolean has_seed;
  guint32 trials; /* at least 1 */
  VnSite *sites;
  guint32 n_sites;
  VnImage *images;
  guint32 n_images;
  VnTopology topology;
  VnGroup *groups;
  guint32 n_groups;
  VnAction *actions; /* those that are called, and those of the script itself */
  guint32 n_actions;
  VnTask *tasks;
  guint32 n_tasks;
  VnExpectation *expectations;
  guint32 n_expectations;
  VnMeasure *measures;
  guint32 n_measures;
  VnParam *params;
  guint32 n_params;
  VnSweep *sweeps;
  guint32 n_sweeps;
} VnModel;

/* The result field by number: a name and a type, for VN_FIELD_… and an action's own. */
const char *vn_model_field_name(const VnModel *model, const VnTask *task, guint32 field);
/* "power_off"; NULL for VN_CONTROL_NONE. */
const char *vn_control_name(VnControl control);
/* Text of hosts, segments, tasks … for messages; data is the model. */
const char *vn_model_name_of(VnValueKind kind, guint32 id, gpointer model);
/* The operating system of a VM: its image's, else its technology's. */
const char *vn_model_os(const VnModel *model, guint32 vm);
/* The word or text of a key of an image; NULL: it has none, or it is neither. */
const char *vn_model_image_word(const VnImage *image, const char *key);
/* What (VnTechCan) a VM can, of a segment of technology `tech`: all that the technology can, less
 * what keys of its image cost. */
guint vn_model_can(const VnModel *model, guint32 image, guint32 tech);
/* The technology and the site of a VM: those of its first segment. */
guint32 vn_model_tech(const VnModel *model, guint32 vm);
guint32 vn_model_site(const VnModel *model, guint32 vm);
