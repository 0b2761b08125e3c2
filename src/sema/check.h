/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The compiler's state, and the checker: syntax trees to checked terms and declarations.
 *
 * Everything is checked once, also what no evaluation will reach. First the declarations are
 * walked in order, with their bounds, conditions, properties and the heads of tasks; then again
 * for what may read results (arguments, clauses, expect, measure). Constants, functions, groups
 * and the signatures of actions are checked when first needed.
 */
#pragma once

#include "base/diag.h"
#include "sema/checked.h"
#include "sema/compile.h"

typedef struct {
  VnModule *module;
  const VnSymbol *qualifier; /* `net` of std.net */
  VnSpan span;
  const VnAstUse *ast;
  gboolean used;
} VnUse;

struct VnModule {
  const char *name; /* "std.net"; NULL: the script */
  const char *path; /* of its file, canonical */
  const VnAstFile *file;
  VnThing **things;   /* by symbol; n_things entries */
  guint32 n_things;
  GPtrArray *order;   /* of VnThing, as declared */
  VnUse *uses;
  guint32 n_uses;
  VnBody body;
};

/* What may be read where an expression stands. */
typedef struct {
  VnModule *module;
  const char *no_results; /* why results can't be read here; NULL: they can */
  VnCheckedAction *action; /* the body around */
  gboolean fields;         /* of that action may be read */
  guint32 hide_from, hide_to; /* locals that are not visible */
} VnContext;

typedef enum { VN_LOCAL_SLOT, VN_LOCAL_LET, VN_LOCAL_PARAM, VN_LOCAL_FIELD } VnLocalKind;

typedef struct {
  guint8 kind; /* VnLocalKind */
  guint32 index; /* slot, parameter or field */
  const VnSymbol *name;
  VnSpan span;
  VnType type;
  VnLocalLet *let;
  guint32 outer; /* place + 1 of the local that it hides */
} VnLocal;

struct VnCompiler {
  VnArena *arena;
  VnSymbolTable *symbols;
  VnSourceSet *sources;
  VnDiagSink *sink;
  VnCompileOptions options;
  GPtrArray *modules; /* of VnModule; the script is the first, the prelude none of them */
  VnModule *script;
  VnThing *local_site;
  const VnSymbol *controls[VN_CONTROL_COUNT]; /* the names of control tasks */
  gboolean syntax_errors; /* unknown names may stand in what could not be parsed */
  gboolean modules_broken; /* … of a module */
  gboolean checked;
  gboolean unknown_names; /* one of them may have been meant for a module */
  gboolean network_wrong; /* a mistake in what decides about the network */
  VnModel *network;       /* of the last evaluation, if it can be trusted */
  gboolean left_out; /* a declaration that may not stand where it does */
  /* checking */
  VnContext context;
  GArray *locals;     /* of VnLocal */
  guint32 *local_of;  /* by symbol: place + 1 of the innermost */
  guint32 n_local_of;
  guint32 n_slots;
  guint32 loop_depth, if_depth;
  guint suggestions;  /* given so far */
  GArray *running;    /* of VnIdent: definitions being checked, for cycles */
  /* evaluation */
  guint32 epoch;
};

/* modules.c */
gboolean vn_modules_load(VnCompiler *c, const VnSource *source);

/* bind.c: the names that a module declares. */
void vn_bind_module(VnCompiler *c, VnModule *module);

/* scope.c */
typedef struct {
  VnThing *thing;   /* or */
  const VnLocal *local; /* or neither: not found */
  gboolean reported;    /* ambiguous: said already */
} VnFound;

/* The innermost meaning of a name; things only of the kinds in `want` if there is one. */
VnFound vn_scope_find(VnCompiler *c, const VnSymbol *name, VnSpan span, guint want);
/* `net.ping`: NULL if `net` is no module; *out_is_module tells which. */
VnThing *vn_scope_find_qualified(VnCompiler *c, const VnAstMember *member, guint want,
                                 gboolean *out_is_module);
gboolean vn_thing_is_exported(const VnThing *thing);
gboolean vn_local_is_visible(const VnContext *context, guint32 place);
guint32 vn_scope_push(VnCompiler *c, VnLocal local, gboolean warn);
void vn_scope_pop(VnCompiler *c, guint32 to);
VnThing *vn_module_thing(const VnModule *module, const VnSymbol *name);
const char *vn_thing_kind_text(VnThingKind kind); /* "host" */

/* suggest.c: VN101, unless a syntax error may have swallowed the declaration. */
void vn_scope_unknown(VnCompiler *c, VnSpan span, const VnSymbol *name, const char *what);

/* type.c */
/* ANY after a mistake. */
VnType vn_type_from_ast(VnCompiler *c, const VnAstType *ast);
/* FALSE, with a VN103 (or VN104) that says what was expected. */
gboolean vn_check_type(VnCompiler *c, const VnTerm *term, VnType wanted, const char *what);

/* check-expr.c */
VnTerm *vn_check_expr(VnCompiler *c, const VnAst *ast);
VnTerm *vn_check_expr_as(VnCompiler *c, const VnAst *ast, VnValueKind kind, const char *what);
VnTerm *vn_term_new(VnCompiler *c, VnTermKind kind, VnSpan span, VnType type);
VnTerm *vn_term_error(VnCompiler *c, VnSpan span);
VnTerm *vn_term_const(VnCompiler *c, VnSpan span, VnValue value);
void vn_term_operands(VnCompiler *c, VnTerm *term, VnTerm *const *operands, guint32 n);
gboolean vn_term_reads_slot(const VnTerm *term, guint32 slot);

/* check-op.c */
VnTerm *vn_check_unary(VnCompiler *c, const VnAstUnary *ast);
VnTerm *vn_check_binary(VnCompiler *c, const VnAstBinary *ast);
VnTerm *vn_check_convert(VnCompiler *c, const VnAstConvert *ast);

/* check-name.c */
VnTerm *vn_check_name(VnCompiler *c, const VnAstName *ast);
VnTerm *vn_check_index(VnCompiler *c, const VnAstIndex *ast);
VnTerm *vn_check_member(VnCompiler *c, const VnAstMember *ast);
void vn_check_thing(VnCompiler *c, VnThing *thing, VnSpan from); /* its type */
VnTerm *vn_term_of_thing(VnCompiler *c, VnThing *thing, VnSpan span);

/* eval-result.c: the fields of a task's outcome. */
gboolean vn_find_field(const VnCheckedAction *action, const VnSymbol *name, guint32 *out_field,
                       VnType *out_type);
const char *vn_common_field(guint32 field);

/* check-call.c */
VnTerm *vn_check_call(VnCompiler *c, const VnAstCall *ast);
void vn_check_local_let(VnCompiler *c, VnLocalLet *let, VnSpan from);
/* Checks a definition when first needed, in a context of its own. FALSE: it is checked already,
 * or is being checked: then it depends on itself, which is reported at `from`. */
typedef struct {
  VnContext context;
} VnCheckMark;
gboolean vn_check_begin(VnCompiler *c, guint8 *state, const VnIdent *name, VnSpan from,
                        VnCheckMark *out_mark);
void vn_check_end(VnCompiler *c, guint8 *state, const VnCheckMark *mark);
/* Finds what a call names; reports it if it is not of the kinds in `want`. */
VnThing *vn_check_callee(VnCompiler *c, const VnAst *callee, guint want, const char *what,
                         const VnLocal **out_local);

/* check-args.c: arguments by place and by name. */
typedef struct {
  const char *callee;
  VnSpan declared; /* NONE: built in */
  const VnCheckedParam *params;
  guint32 n_params;
} VnSignature;
/* By parameter; NULL for those left out. */
VnTerm **vn_check_args(VnCompiler *c, const VnSignature *signature, VnAstSeq arguments,
                       VnSpan call);

/* check-parse.c: sets given[field] for each result that the line gives. */
void vn_check_parse(VnCompiler *c, const VnCheckedAction *action, const VnAstParse *ast,
                    VnActionParse *parse, gboolean *given);

/* check-signature.c, check-action.c, control.c */
void vn_check_signature(VnCompiler *c, VnThing *thing); /* sets thing->action */
void vn_check_action(VnCompiler *c, VnThing *thing);
const VnSignature *vn_control_signature(VnControl control);
gboolean vn_control_needs_targets(VnControl control);
void vn_control_intern_names(VnCompiler *c);
VnControl vn_control_from_name(const VnCompiler *c, const VnSymbol *name);

/* check-program.c */
void vn_check_program(VnCompiler *c);

/* check-block.c */
void vn_check_lets(VnCompiler *c, VnAstSeq decls, VnBody *body);
void vn_push_lets(VnCompiler *c, VnBody *body, gboolean warn);
/* FALSE: reported. */
gboolean vn_may_stand_here(VnCompiler *c, const VnAst *ast);

/* check-decl.c */
void vn_check_body(VnCompiler *c, VnAstSeq decls, VnBody *body);
/* Checks one declaration, and notes whether the network can still be trusted. FALSE: nothing is
 * left to evaluate. */
gboolean vn_check_noted(VnCompiler *c, VnItem *item);
VnThing *vn_thing_of(VnCompiler *c, const VnAst *ast);
/* Leaves the index pushed; out_mark is for vn_scope_pop. */
VnCheckedDim vn_check_dim(VnCompiler *c, const VnAstDim *dim, guint32 *out_mark);
guint32 vn_push_dim(VnCompiler *c, const VnCheckedDim *dim);
guint32 vn_push_loop(VnCompiler *c, const VnItem *item, gboolean warn);

/* check-net.c */
void vn_check_segment(VnCompiler *c, VnItem *item);
void vn_check_vm(VnCompiler *c, VnItem *item);
void vn_check_image(VnCompiler *c, VnItem *item);
void vn_check_site(VnCompiler *c, VnItem *item);

/* check-property.c */
VnCheckedProperty *vn_check_properties(VnCompiler *c, VnAstSeq properties, guint where,
                                       const char *what, guint32 *out_n);

guint8 vn_property_kind(VnPropertyId id);

/* check-task.c */
void vn_check_task_head(VnCompiler *c, VnItem *item);
void vn_check_task_body(VnCompiler *c, VnItem *item);
void vn_check_flow(VnCompiler *c, VnItem *item);

/* eval.c: everything from here on stands in eval.h. */
