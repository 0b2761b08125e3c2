/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is left of an expression after compilation: typed, folded, ready to be evaluated.
 *
 * Everything known before the run is a constant by now. What remains are an action's parameters
 * (bound at each call) and the results of tasks (bound when they have ended). Evaluation needs
 * neither the syntax tree nor the names. Owned by the model's arena, never changed.
 */
#pragma once

#include "base/source.h"
#include "model/value.h"

typedef enum {
  VN_EXPR_CONST,
  VN_EXPR_PARAM,  /* parameter `index` of the action that is running */
  VN_EXPR_FIELD,  /* result field `index` of the action that is running (in `succeeds when`) */
  VN_EXPR_RESULT, /* field `index` of task `task`; of one member, or of all as a list */
  VN_EXPR_UNARY,
  VN_EXPR_BINARY,
  VN_EXPR_CONVERT, /* operand in `unit`: a float, or an int where it is whole */
  VN_EXPR_INDEX,   /* list[int], prefix[int] */
  VN_EXPR_LIST,
  VN_EXPR_CONCAT,  /* interpolation: the operands' texts joined */
  VN_EXPR_CALL,    /* builtin over operands */
} VnExprKind;

/* The reducers and other functions built into the language: builtin.def. */
typedef enum {
#define VN_BUILTIN(id, name, n_args, help) VN_BUILTIN_##id,
#include "model/builtin.def"
#undef VN_BUILTIN
  VN_N_BUILTINS
} VnBuiltin;

/* The fields every task has; an action's own follow from VN_FIELD_OWN on. */
enum {
  VN_FIELD_OK,        /* bool */
  VN_FIELD_EXIT_CODE, /* int */
  VN_FIELD_STDOUT,    /* string, bounded */
  VN_FIELD_STDERR,    /* string, bounded */
  VN_FIELD_DURATION,  /* duration */
  VN_FIELD_STARTED,   /* duration since the trial began */
  VN_FIELD_ENDED,     /* duration since the trial began */
  VN_FIELD_OWN
};

#define VN_MEMBER_ALL G_MAXUINT32

typedef struct VnExpr {
  guint8 kind;   /* VnExprKind */
  guint8 type;   /* VnValueKind of the result; NONE: known only when it is evaluated */
  guint8 op;     /* VnExprOp of UNARY and BINARY, VnBuiltin of CALL */
  guint8 unit;   /* VnUnit of CONVERT */
  guint32 index; /* PARAM, FIELD, RESULT */
  guint32 task;  /* RESULT */
  guint32 vm;    /* RESULT: the member's VM, or VN_MEMBER_ALL of a group's task */
  VnSpan span;   /* for messages */
  VnValue value; /* CONST */
  const struct VnExpr *const *operands;
  guint32 n_operands;
  guint8 element; /* kind of a LIST's items; NONE: not known */
  guint16 depth;  /* height of the tree */
  guint32 size; /* nodes of the tree, this one included; shared parts count each time */
} VnExpr;

/* Most nodes of one expression: an evaluation visits each at most once. */
#define VN_EXPR_MAX_SIZE 1000000
/* Most height of one expression: an evaluation recurses so deep. */
#define VN_EXPR_MAX_DEPTH 5000
/* Most bytes of a text that an expression makes. */
#define VN_TEXT_MAX_BYTES (1u << 20)

typedef enum {
  VN_EXPR_OR, VN_EXPR_AND, VN_EXPR_NOT,
  VN_EXPR_EQ, VN_EXPR_NE, VN_EXPR_LT, VN_EXPR_LE, VN_EXPR_GT, VN_EXPR_GE,
  VN_EXPR_ADD, VN_EXPR_SUB, VN_EXPR_MUL, VN_EXPR_DIV, VN_EXPR_MOD, VN_EXPR_NEG,
} VnExprOp;

/* Where an evaluation finds what was open. */
typedef struct {
  const VnValue *params; /* by index; NULL outside an action */
  guint32 n_params;
  const VnValue *fields; /* by index from VN_FIELD_OK on; NULL outside `succeeds when` */
  guint32 n_fields;
  /* The value of a result; FALSE with error when the task did not run (skipped, cancelled).
   * With vm == VN_MEMBER_ALL it answers a LIST by member. */
  gboolean (*result)(guint32 task, guint32 vm, guint32 field, VnArena *arena, VnValue *out,
                     gpointer data, GError **error);
  gpointer data;
  VnNameOf name_of; /* text of hosts and the like, in strings; its data is `data` */
} VnExprScope;

#define VN_EXPR_ERROR vn_expr_error_quark()
GQuark vn_expr_error_quark(void);
typedef enum {
  VN_EXPR_ERROR_MISSING,  /* a result that is not there */
  VN_EXPR_ERROR_DOMAIN,   /* division by zero, overflow, empty list, index out of range */
} VnExprError;

/* Total: ends for every expression, in time linear in its size. Values are made in arena. */
gboolean vn_expr_evaluate(const VnExpr *expr, const VnExprScope *scope, VnArena *arena,
                          VnValue *out, GError **error);
/* The kind that an operation gives for operands of these kinds; VN_VALUE_NONE if it is not defined
 * on them. right is ignored for NOT and NEG. */
VnValueKind vn_expr_op_kind(VnExprOp op, VnValueKind left, VnValueKind right);
/* What a builtin gives for a list of such items (FLOAT and the like), or NONE. */
VnValueKind vn_expr_builtin_kind(VnBuiltin builtin, VnValueKind item);
const char *vn_expr_op_text(VnExprOp op); /* "+" */
const char *vn_builtin_name(VnBuiltin builtin);
guint vn_builtin_n_args(VnBuiltin builtin);
/* VN_N_BUILTINS if there is none of that name. */
VnBuiltin vn_builtin_from_name(const char *name);
/* A quantity as a number in unit, which must be of its dimension. */
VnValue vn_expr_convert(const VnValue *quantity, VnUnit unit);
gboolean vn_unit_measures(VnUnit unit, VnValueKind kind);
/* What base[int] gives, items being of that kind; NONE if base has no items. */
VnValueKind vn_expr_index_kind(VnValueKind base, VnValueKind item);
/* list[int], set[int] and range[int] count from 0; prefix[int] is an address. */
gboolean vn_expr_index(const VnValue *base, const VnValue *index, VnArena *arena, VnValue *out,
                       GError **error);
/* One operation; an error if it is not defined on these kinds. The compiler folds with it too. */
gboolean vn_expr_apply(VnExprOp op, const VnValue *left, const VnValue *right, VnArena *arena,
                       VnValue *out, GError **error);
gboolean vn_expr_apply_builtin(VnBuiltin builtin, const VnValue *args, guint32 n_args,
                               VnArena *arena, VnValue *out, GError **error);
/* Calls visit for every RESULT inside. */
typedef void (*VnExprVisit)(const VnExpr *result, gpointer data);
void vn_expr_visit_results(const VnExpr *expr, VnExprVisit visit, gpointer data);
