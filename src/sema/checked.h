/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Checked declarations: the program as the evaluation runs it. Made by check-*.c, in the
 * compiler's arena; the evaluation writes only what is marked so. */
#pragma once

#include "model/model.h"
#include "sema/term.h"

typedef struct VnModule VnModule;
typedef struct VnItem VnItem;

typedef enum {
  VN_THING_CONSTANT,
  VN_THING_FUNCTION,
  VN_THING_PARAMETER,
  VN_THING_SITE,
  VN_THING_IMAGE,
  VN_THING_SEGMENT,
  VN_THING_HOST,
  VN_THING_ROUTER,
  VN_THING_GROUP,
  VN_THING_TASK,
  VN_THING_MEASURE,
  VN_THING_ACTION,
} VnThingKind;

#define VN_IS(kind) (1u << VN_THING_##kind)

typedef enum { VN_CHECK_NOT_YET, VN_CHECK_RUNNING, VN_CHECK_DONE } VnCheckState;

/* The numbers of an array's elements by index: O(1), dense as long as indexes come in order. */
typedef struct {
  guint32 *ids;
  guint32 n, room;
  gint64 first;        /* index of ids[0] */
  GHashTable *by_index; /* gint64* to place + 1, once the order was broken; else NULL */
} VnElements;

typedef struct {
  const char *name;
  VnType type;
  VnTerm *range;           /* `in 1..5`; NULL: any */
  VnTerm *initial;         /* NULL: must be given, or may be left out if the type is optional */
  gboolean flag;           /* given by its bare name: power_off(keep) */
  const char *doc;
  VnSpan span;
} VnCheckedParam;

typedef struct {
  const VnSymbol *name;
  VnType type;
  const char *doc;
  VnSpan span;
} VnCheckedField;

typedef struct VnCheckedAction VnCheckedAction;

/* What a name at the top of a file (or in its loops) means. */
struct VnThing {
  guint8 kind; /* VnThingKind */
  guint8 state; /* VnCheckState of `term` and `type` */
  guint8 array;
  guint8 conditional; /* every declaration so far stands in an `if` */
  guint8 in_loop;
  guint8 mixed; /* a task whose declarations differ in action or kind of target */
  const VnSymbol *name;
  VnSpan span;
  const VnModule *module;
  const VnAst *ast;
  VnType type;
  VnTerm *term; /* CONSTANT, GROUP, MEASURE: value; FUNCTION: body; PARAMETER: initial value */
  guint32 first_slot, n_parameters; /* FUNCTION */
  VnTerm *range;        /* PARAMETER */
  VnCheckedAction *action; /* ACTION: itself; TASK: what it calls, NULL if a control task */
  guint8 control;          /* TASK: VnControl */
  guint8 group;            /* TASK: declared with a set */
  guint8 dynamic_group;    /* TASK: the set or machine is known only by evaluation */
  guint8 mentioned;        /* somewhere its name is used */
  /* written by the evaluation */
  guint32 epoch; /* that `value`, `id` and `elements` belong to */
  guint8 evaluating;
  guint8 failed;
  guint32 id;
  VnSpan where;  /* of the declaration that was evaluated */
  union {
    VnOperand value;     /* of what is no array */
    VnElements elements; /* of an array */
  };
};

typedef struct {
  VnVariantForm form;
  const char **systems;
  guint32 n_systems;
  VnTerm **argv;
  guint32 n_argv;
  const char *text;
  VnActionParse *parses;
  guint32 n_parses;
  VnSpan span;
} VnCheckedVariant;

typedef struct {
  VnTerm *port;
  guint32 target;
} VnCheckedRequires;

typedef struct {
  VnTerm *port;
  const char *pattern;
  gboolean on_stderr;
} VnCheckedReady;

typedef struct {
  VnTerm **terms;
  guint32 n;
} VnTerms;

struct VnCheckedAction {
  VnThing *thing;
  const VnAstAction *ast;
  VnCheckedParam *params;
  guint32 n_params;
  VnCheckedField *fields;
  guint32 n_fields;
  VnCheckedVariant *variants;
  guint32 n_variants;
  VnCheckedRequires *requires_;
  guint32 n_requires;
  VnCheckedReady *ready;
  guint32 n_ready;
  VnTerms provides, reads, writes;
  const char **systems;
  guint32 n_systems;
  VnTerm *succeeds;
  /* written by the evaluation */
  guint32 epoch;
  guint32 id;              /* in the model's actions */
  const VnExpr **initials; /* by parameter: the constant of its default, shared by all calls */
};

typedef struct {
  VnPropertyId id;
  VnSpan span;
  VnIdent word;
  VnTerm *a, *b;
} VnCheckedProperty;

typedef struct {
  const VnAstDim *ast; /* NULL: no array */
  VnTerm *bounds;
  guint32 slot;
  guint8 range; /* an array; else one element */
  guint8 bound; /* the index has a name: `slot` */
} VnCheckedDim;

/* Clauses that few tasks have; NULL: left out. */
typedef struct {
  VnTerm *timeout, *retries, *every, *when;
} VnRareClauses;

typedef struct {
  VnItem *items;
  guint32 n;
  guint32 phases;  /* of all items */
  VnLocalLet **lets;
  guint32 n_lets;
} VnBody;

struct VnLocalLet {
  VnIdent name;
  guint32 slot;
  const VnAstLet *ast;
  VnThing *function; /* a local function; else NULL */
  VnTerm *term;
  VnType type;
  guint8 state;
  guint32 scope_end; /* locals from here on are not visible in it */
  const VnModule *module;
};

/* The order in which the evaluation goes through the program, several times. */
typedef enum {
  VN_PHASE_SETTINGS = 1 << 0, /* experiment, rules, seed, trials, sites, images, network */
  VN_PHASE_SEGMENTS = 1 << 1,
  VN_PHASE_VMS = 1 << 2,
  VN_PHASE_GROUPS = 1 << 3,
  VN_PHASE_TASKS = 1 << 4,    /* numbers and names of tasks */
  VN_PHASE_MEASURES = 1 << 5,
  VN_PHASE_BODIES = 1 << 6,   /* calls and clauses of tasks; flow, expect */
} VnPhase;

struct VnItem {
  const VnAst *ast; /* its kind says which of the following count */
  VnThing *thing;   /* of what bears a name */
  guint32 phases;
  VnCheckedDim dim;
  union {
    struct {
      VnTerm *value;
      VnTerm *message;
    } single; /* EXPERIMENT, NETWORK, SEED, TRIALS, MEASURE, SWEEP, GROUP, EXPECT */
    struct { VnTerm *at, *key; } site;
    struct {
      VnCheckedProperty *keys; /* word, a */
      guint32 n_keys;
      guint32 tech;
    } image;
    struct {
      VnTerm *prefix, *at;
      guint32 tech;
      VnCheckedProperty *properties;
      guint32 n_properties;
    } segment;
    struct {
      VnTerm **segments;
      guint32 n_segments;
      VnCheckedProperty *properties;
      guint32 n_properties;
    } vm;
    struct {
      VnTerm *targets;
      VnCheckedAction *action;
      guint8 control;            /* VnControl */
      guint8 on_failure;
      guint8 always;
      guint8 broken;             /* the callee is wrong */
      guint32 n_args;
      VnTerm **args;             /* by parameter; NULL: left out */
      VnTerms after;
      VnRareClauses *rare;       /* NULL: none of them */
      /* written by the evaluation: arguments and order that are the same for each element */
      guint32 epoch;
      guint32 n_shared_after;
      const guint32 *shared_after;
      const VnExpr *const *shared_args;
    } task;
    struct { VnTerms *steps; guint32 n_steps; } flow;
    struct { VnTerm *range; guint32 slot; VnBody body; } loop;
    struct { VnTerm *condition; VnBody then, otherwise; } choice;
  };
};
