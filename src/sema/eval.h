/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The evaluation: a checked program and the values of its parameters to a model.
 *
 * It walks the declarations once for each VnPhase, so that what stands later may name what comes
 * from any declaration. A term that failed gives FALSE without a second message; what depends on
 * it is left out, and no model comes back. All that it makes is in the model's arena; all that it
 * remembers in the checked program carries its number (`epoch`).
 */
#pragma once

#include "sema/check.h"

/* Machines as a value: sorted by number, without repeats; list is what the value points to. */
typedef struct {
  VnValueList list; /* first: a SET's list is a VnVmSet */
  const guint32 *ids;
} VnVmSet;

typedef struct {
  const VnItem *item;
  gint64 index; /* of an array's element */
} VnTaskSource;

typedef struct {
  guint32 before, after;
} VnOrdering;

typedef struct {
  VnCompiler *c;
  VnArena *arena;
  VnModel *model;
  guint32 epoch;
  VnPhase phase;
  VnOperand *slots;
  guint8 *slot_set;
  guint64 steps;
  gsize first_byte; /* what the arena held before */
  guint32 trips;
  guint32 reports;
  gboolean exhausted; /* a bound was met and reported */
  gboolean partial;   /* some block could not be evaluated: names may be missing for that reason */
  guint errors_of_network; /* errors when the last machine was made; G_MAXUINT before */
  VnSpan call;        /* of the function that is being evaluated */
  guint32 call_depth;
  GArray *sites, *images, *segments, *vms, *ifaces, *groups, *actions, *tasks;
  GArray *expectations, *measures, *params, *sweeps;
  GArray *task_sources; /* of VnTaskSource, by task */
  GArray *orderings;    /* of VnOrdering, from flows */
  GArray *before;       /* of guint32: one task's `after`, while it is made */
  GPtrArray *action_sources; /* of VnCheckedAction, by number */
  const guint32 *identity; /* 0, 1, 2 …: the targets of tasks on one machine, and on neighbours */
  const VnVmSet *all_hosts, *all_routers;
  const guint32 *hosts_row, *hosts_by_segment; /* compressed rows */
  guint32 *stamps;  /* by task: last list that it was put into */
  guint32 stamp;
  guint32 next_task; /* in VN_PHASE_BODIES */
  guint64 n_runs, n_orderings;
  VnSpan experiment, seed, trials, network4, network6; /* where they stood */
} VnEval;

/* eval-expr.c */
gboolean vn_eval(VnEval *e, VnTerm *term, VnOperand *out);
/* A value; what can't be known before the run is reported (VN116). */
gboolean vn_eval_value(VnEval *e, VnTerm *term, VnValue *out);
/* A value or the rest of an expression; NULL: reported. */
const VnExpr *vn_eval_expr(VnEval *e, VnTerm *term);
const VnExpr *vn_eval_const(VnEval *e, const VnValue *value, VnSpan span);

/* eval-name.c: one for each kind of term about names. */
gboolean vn_eval_thing(VnEval *e, VnThing *thing, VnSpan span, VnOperand *out);
gboolean vn_eval_function(VnEval *e, VnTerm *term, VnOperand *out);
gboolean vn_eval_slot(VnEval *e, VnTerm *term, VnOperand *out);
gboolean vn_eval_open(VnEval *e, VnTerm *term, VnExprKind kind, VnOperand *out);
gboolean vn_eval_all(VnEval *e, VnTerm *term, VnOperand *out);
gboolean vn_eval_sets(VnEval *e, VnTerm *term, VnOperand *out);
gboolean vn_eval_hosts_of(VnEval *e, VnTerm *term, VnOperand *out);
gboolean vn_eval_array(VnEval *e, VnTerm *term, VnOperand *out);
gboolean vn_eval_element(VnEval *e, VnTerm *term, VnOperand *out);
gboolean vn_eval_slice(VnEval *e, VnTerm *term, VnOperand *out);

/* coerce.c */
/* To the type's own form: int to float, a host to a set, a set to a list. FALSE if it does not
 * fit, which is reported as being about `what`. */
gboolean vn_eval_coerce(VnEval *e, VnType type, const char *what, VnSpan span, VnValue *value);
/* Does the int lie in the (optional) range? Reports VN111. */
gboolean vn_eval_check_range(VnEval *e, VnTerm *range, const char *what, VnSpan span,
                             const VnValue *value);

/* eval-report.c */
VnDiag *vn_eval_report(VnEval *e, VnDiagCode code, VnSpan span, const char *format, ...)
    G_GNUC_PRINTF(4, 5);
void vn_eval_too_many(VnEval *e, VnSpan span, guint64 limit, const char *what);
const char *vn_eval_name_of(VnValueKind kind, guint32 id, gpointer eval);

/* eval-result.c */
gboolean vn_eval_result(VnEval *e, VnTerm *term, VnOperand *out);

/* eval-set.c */
const VnVmSet *vn_set_from_ids(VnEval *e, const guint32 *ids, guint32 n); /* sorted */
VnValue vn_set_value(const VnVmSet *set);
/* Of a host, router or set. */
const VnVmSet *vn_set_of(VnEval *e, const VnValue *value);
const VnVmSet *vn_set_combine(VnEval *e, VnSetOp op, const VnVmSet *left, const VnVmSet *right);
gboolean vn_set_contains(const VnVmSet *set, guint32 vm);
const VnVmSet *vn_set_all(VnEval *e, VnVmKind kind);
const VnVmSet *vn_set_hosts_of(VnEval *e, const VnValue *place);
const VnVmSet *vn_set_from_values(VnEval *e, const VnValueList *list);

/* elements.c */
void vn_elements_clear(VnElements *elements);
/* FALSE: there is one with that index already. */
gboolean vn_elements_add(VnElements *elements, gint64 index, guint32 id);
guint32 vn_elements_find(const VnElements *elements, gint64 index); /* VN_NO_ID */

/* eval-decl.c */
typedef struct {
  gint64 from, to; /* both included */
  gboolean array;
  gboolean range;
} VnDimRange;
gboolean vn_eval_dim(VnEval *e, const VnCheckedDim *dim, VnDimRange *out);
void vn_eval_bind(VnEval *e, const VnCheckedDim *dim, gint64 index);
/* Gives a thing's element (or the thing itself) its number; reports VN102. */
gboolean vn_eval_declare(VnEval *e, const VnItem *item, const VnDimRange *range, gint64 index,
                         guint32 id);
const char *vn_eval_element_name(VnEval *e, const VnItem *item, const VnDimRange *range,
                                 gint64 index);
void vn_eval_program(VnEval *e);

/* eval-net.c, eval-property.c */
void vn_eval_site(VnEval *e, VnItem *item);
void vn_eval_image(VnEval *e, VnItem *item);
void vn_eval_segments(VnEval *e, VnItem *item);
void vn_eval_vms(VnEval *e, VnItem *item);
void vn_eval_vm_property(VnEval *e, const VnCheckedProperty *property, VnVm *vm);
void vn_eval_vm_properties(VnEval *e, VnItem *item, VnVm *vm);
void vn_eval_segment_property(VnEval *e, const VnCheckedProperty *property, VnSegment *segment);

/* eval-task.c, eval-action.c */
void vn_eval_task_heads(VnEval *e, VnItem *item);
void vn_eval_task_bodies(VnEval *e, VnItem *item);
void vn_eval_flow(VnEval *e, VnItem *item);
void vn_eval_finish_order(VnEval *e);
/* The number of an action in the model; made at the first call. */
guint32 vn_eval_action(VnEval *e, VnCheckedAction *action);

/* params.c */
void vn_eval_params(VnEval *e, const VnDefine *defines, gsize n_defines);
void vn_eval_sweep(VnEval *e, VnItem *item);
