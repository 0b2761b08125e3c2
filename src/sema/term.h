/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Checked expressions: what the checker makes of a syntax tree, once, and the evaluation walks
 * for each set of parameters and each turn of a loop.
 *
 * Names are gone: a term holds the thing it means, or the number of a slot. Slots are numbered
 * through the whole program; as functions don't recurse and loops nest, no two live bindings
 * share one, so there are no frames. A term that could not be checked is ERROR: its mistake is
 * reported, and all that contains it stays silent.
 */
#pragma once

#include "lang/ast.h"
#include "model/expr.h"

typedef struct VnThing VnThing;
typedef struct VnTerm VnTerm;
typedef struct VnLocalLet VnLocalLet;

enum {
  VN_KIND_ANY = VN_VALUE_KIND_COUNT, /* not known before evaluation, or wrong and reported */
};

typedef struct {
  guint8 kind;        /* VnValueKind, or VN_KIND_ANY */
  guint8 element;     /* of LIST, SET, RANGE: kind of the items */
  guint8 optional : 1;
  guint8 or_address : 1; /* `host | address` */
  guint8 or_router : 1;  /* `vm` */
  const VnThing *thing;    /* of a task: what it is declared as; of an array: the array */
} VnType;

typedef enum {
  VN_TERM_ERROR,
  VN_TERM_CONST,
  VN_TERM_SLOT,      /* variable of a loop, parameter of a function, local constant */
  VN_TERM_THING,     /* constant, parameter, group, or something declared alone */
  VN_TERM_ARRAY,     /* all elements of `thing` */
  VN_TERM_ELEMENT,   /* thing[operand 0] */
  VN_TERM_SLICE,     /* thing[range or list] */
  VN_TERM_ALL_HOSTS,
  VN_TERM_ALL_ROUTERS,
  VN_TERM_HOSTS_OF,  /* hosts(segment, segments or site) */
  VN_TERM_RESULT,    /* operand 0: task or tasks; operand 1: member or none; field `name` */
  VN_TERM_PARAM,     /* of the action around */
  VN_TERM_FIELD,     /* of the action around */
  VN_TERM_UNARY,
  VN_TERM_BINARY,
  VN_TERM_RANGE,
  VN_TERM_CONVERT,
  VN_TERM_INDEX,
  VN_TERM_LIST,
  VN_TERM_SET,       /* {a, b} */
  VN_TERM_SET_OP,    /* | & - of sets */
  VN_TERM_CONCAT,
  VN_TERM_BUILTIN,
  VN_TERM_CALL,      /* function `thing` */
} VnTermKind;

typedef enum { VN_SET_UNION, VN_SET_INTERSECTION, VN_SET_DIFFERENCE } VnSetOp;

/* A value, or what is left to do for it at run time. */
typedef struct {
  const VnExpr *expr; /* NULL: value is known */
  VnValue value;
} VnOperand;

/* What a closed term gave. */
typedef struct {
  VnOperand operand;
  const VnExpr *expr; /* of a known value, if one was asked for */
} VnRemembered;

struct VnTerm {
  guint8 kind;   /* VnTermKind */
  guint8 op;     /* VnExprOp, VnBuiltin, VnSetOp */
  guint8 unit;   /* CONVERT */
  guint8 closed; /* reads no slot: one value in one evaluation */
  guint32 index; /* SLOT, PARAM, FIELD */
  VnSpan span;
  VnType type;
  guint32 n_operands; /* of CONST none */
  guint32 epoch; /* of `memory` */
  union {
    VnValue value; /* CONST */
    struct {
      VnTerm *const *operands;
      union {
        const VnThing *thing; /* THING, ARRAY, ELEMENT, SLICE, CALL */
        const VnSymbol *name; /* RESULT */
        VnLocalLet *let;      /* SLOT: NULL if it is bound from outside */
      };
    };
  };
  VnRemembered *memory; /* of a closed term, in the evaluation `epoch` */
};

/* What a type is called in messages: "list of int", "host". */
const char *vn_type_text(VnType type);
const char *vn_type_noun(VnType type); /* "an int" */
VnType vn_type_of_kind(VnValueKind kind);
VnType vn_type_list(guint8 element);
gboolean vn_type_is_vm(VnType type);  /* a host or router */
gboolean vn_type_is_vms(VnType type); /* a host, a router, or a set of them */
VnType vn_type_item(VnType type);     /* of a list, set or range; ANY if not known */
/* Can a value of type `given` stand where `wanted` is expected? ANY fits everywhere. */
gboolean vn_type_accepts(VnType wanted, VnType given);
