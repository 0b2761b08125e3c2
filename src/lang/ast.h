/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The syntax tree: what stands in a file, and nothing else.
 *
 * Every node begins with VnAst (kind and span), is owned by the arena of its compilation, and is
 * never changed after the parser made it. Kinds stand in ast.def, one struct a kind (some share
 * one). Lists are VnAstSeq: arrays grown by the parser, in source order. No checking happens
 * here: `host h on 5;` is a tree like any other.
 */
#pragma once

#include "base/arena.h"
#include "base/quantity.h"
#include "base/source.h"
#include "base/symbol.h"

typedef enum {
#define VN_AST(id, type, text) VN_AST_##id,
#include "lang/ast.def"
#undef VN_AST
  VN_AST_KIND_COUNT
} VnAstKind;

typedef struct VnAst {
  guint16 kind;  /* VnAstKind */
  guint16 depth; /* height of the tree below, at most VN_PARSE_MAX_DEPTH; a leaf has 1 */
  VnSpan span;
} VnAst;

typedef struct {
  const VnAst **items;
  guint32 n;
} VnAstSeq;

/* Where a property, clause or line may stand. */
typedef enum {
  VN_ON_SEGMENT = 1 << 0,
  VN_ON_HOST = 1 << 1,
  VN_ON_ROUTER = 1 << 2,
  VN_ON_TASK = 1 << 3,
  VN_ON_ACTION = 1 << 4,
} VnPropertyPlace;

typedef enum {
#define VN_PROPERTY(id, word, where, arguments, help) VN_PROPERTY_##id,
#include "lang/properties.def"
#undef VN_PROPERTY
  VN_PROPERTY_COUNT
} VnPropertyId;

typedef enum {
  VN_OP_OR, VN_OP_AND, VN_OP_NOT,
  VN_OP_EQ, VN_OP_NE, VN_OP_LT, VN_OP_LE, VN_OP_GT, VN_OP_GE,
  VN_OP_RANGE,     /* a..b, both included */
  VN_OP_UNION,     /* a | b */
  VN_OP_INTERSECT, /* a & b */
  VN_OP_ADD, VN_OP_SUB, VN_OP_MUL, VN_OP_DIV, VN_OP_MOD, VN_OP_NEG,
} VnOp;

/* A name where it is declared or used. */
typedef struct {
  const VnSymbol *symbol; /* NULL: absent */
  VnSpan span;
} VnIdent;

/* ---- expressions ---- */

typedef struct { VnAst ast; gint64 value; } VnAstInt; /* INT; MAC: 48 bits; BOOL: 0 or 1 */
typedef struct { VnAst ast; double value; } VnAstFloat; /* FLOAT; PERCENT: percent points */
/* value in ns, B or bit/s */
typedef struct { VnAst ast; VnUnit unit; gint64 value; } VnAstQuantity;
typedef struct { VnAst ast; VnAddress value; } VnAstAddress;
typedef struct { VnAst ast; VnPrefix value; } VnAstPrefix;

typedef enum {
  VN_STRING_PLAIN,
  VN_STRING_RAW,           /* r"…" */
  VN_STRING_MULTILINE,     /* """…""" */
  VN_STRING_RAW_MULTILINE, /* r"""…""" */
} VnStringForm;
typedef struct {
  VnAst ast;
  VnStringForm form; /* as it was written, for the formatter */
  union { /* escapes and common indent removed; a regex: between the slashes */
    VnText value;
    struct {
      const char *text;
      gsize length;
    };
  };
} VnAstString; /* STRING, REGEX */

typedef struct { VnAst ast; VnIdent name; } VnAstName;
/* LIST, SET; INTERPOLATION: STRINGs and expressions in turn */
typedef struct { VnAst ast; VnAstSeq items; } VnAstList;
typedef struct { VnAst ast; VnOp op; const VnAst *operand; } VnAstUnary; /* PAREN: op unused */
typedef struct { VnAst ast; VnOp op; const VnAst *left, *right; VnSpan op_span; } VnAstBinary;
typedef struct { VnAst ast; const VnAst *operand; VnIdent unit; } VnAstConvert;
typedef struct { VnAst ast; const VnAst *base, *index; } VnAstIndex;
typedef struct { VnAst ast; const VnAst *base; VnIdent name; } VnAstMember;
typedef struct { VnAst ast; const VnAst *callee; VnAstSeq arguments; } VnAstCall; /* of ARGUMENT */
/* name.symbol NULL: by place */
typedef struct { VnAst ast; VnIdent name; const VnAst *value; } VnAstArgument;

/* host | address, list<int>, duration? */
typedef struct VnAstType {
  VnAst ast;
  VnIdent name;                   /* "list" for list<…> */
  const struct VnAstType *element; /* of list<…> */
  gboolean optional;
  const struct VnAstType *also;    /* the next of a union; NULL at its end */
} VnAstType;

/* ---- declarations; doc is the text of the ## lines right above, NULL if none ---- */

#define VN_AST_DECL_HEAD VnAst ast; const char *doc; VnIdent name

typedef struct { VN_AST_DECL_HEAD; } VnAstDecl; /* the common head of all declarations */

typedef struct { VN_AST_DECL_HEAD; const VnAst *title; } VnAstExperiment;
typedef struct {
  VN_AST_DECL_HEAD;          /* name: `as NAME`, or absent */
  const VnAstString *path;   /* use "lib/x.vnl"; NULL for a dotted name */
  VnIdent *dotted;           /* use std.net; */
  guint32 n_dotted;
} VnAstUse;
typedef struct {
  VN_AST_DECL_HEAD;
  const VnAstType *type;
  const VnAst *range;   /* in 1..5; NULL if none */
  const VnAst *initial; /* = 3; NULL if none */
} VnAstParam;           /* PARAM, an action's parameter, FIELD of its results */
typedef struct {
  VN_AST_DECL_HEAD;
  gboolean function;
  VnIdent *parameters;
  guint32 n_parameters;
  const VnAst *value;
} VnAstLet; /* LET; GROUP, MEASURE and SWEEP: without parameters */
typedef struct { VN_AST_DECL_HEAD; } VnAstRules;
typedef struct { VN_AST_DECL_HEAD; const VnAst *at, *key; } VnAstSite;
typedef struct { VN_AST_DECL_HEAD; VnAstSeq keys; } VnAstImage; /* of KEY */
/* value NULL: a flag; a plain word is a NAME */
typedef struct { VnAst ast; VnIdent name; const VnAst *value; } VnAstKey;

/* NAME[from..to], NAME[i in from..to] or, of a single element, NAME[from] */
typedef struct {
  VnAst ast;
  VnIdent index;          /* absent when not bound */
  const VnAst *bounds;    /* an expression; a RANGE makes an array of declarations */
} VnAstDim;

typedef struct {
  VN_AST_DECL_HEAD;
  const VnAstDim *dim; /* NULL: not an array */
  const VnAst *prefix; /* NULL: none */
  const VnAst *at;     /* site */
  VnIdent technology;  /* using NAME */
  VnAstSeq properties; /* of PROPERTY */
} VnAstSegment;
typedef struct {
  VN_AST_DECL_HEAD;
  const VnAstDim *dim;
  VnAstSeq segments;   /* on …; joins … */
  VnAstSeq properties;
} VnAstVm; /* HOST, ROUTER */
typedef struct { VN_AST_DECL_HEAD; const VnAst *value; } VnAstSingle; /* NETWORK, SEED, TRIALS */
/* name: the loop's variable */
typedef struct { VN_AST_DECL_HEAD; const VnAst *range; VnAstSeq body; } VnAstFor;
typedef struct {
  VN_AST_DECL_HEAD;
  const VnAst *condition;
  VnAstSeq then, otherwise;
  gboolean has_else;
} VnAstIf;
typedef struct {
  VN_AST_DECL_HEAD;
  const VnAstDim *dim;
  const VnAst *targets; /* NULL: none */
  const VnAst *call;    /* normally a CALL; `power_on` alone is a NAME */
  VnAstSeq clauses;     /* of CLAUSE */
} VnAstTask;
typedef struct {
  VN_AST_DECL_HEAD;
  VnAstSeq parameters; /* of PARAM */
  VnAstSeq returns;    /* of FIELD */
  gboolean background;
  VnAstSeq body;       /* of VARIANT, REQUIRES, ACTION_LINE, READY */
} VnAstAction;
typedef struct { VN_AST_DECL_HEAD; VnAstSeq steps; } VnAstFlow; /* a name, or a SET of names */
typedef struct {
  VN_AST_DECL_HEAD;
  const VnAst *condition, *message;
  const char *text; /* the condition as it was written; NULL: what stands at its span */
} VnAstExpect;

/* ---- parts of declarations ---- */

/* A property, clause or action line. Arguments by its form in properties.def:
 * EXPR, ADDRESS: a. COPY: a to b. PAIR: word = a. RETRY: a [every b]. CAPTURE: [a] [filter b].
 * WORD: word. LIST: list. WORDS: list of NAME. PORT: a. FLAG: nothing. */
typedef struct {
  VnAst ast;
  VnPropertyId id;
  VnIdent word;
  const VnAst *a, *b;
  VnAstSeq list;
} VnAstProperty;

typedef enum { VN_VARIANT_RUN, VN_VARIANT_SCRIPT, VN_VARIANT_NATIVE } VnVariantForm;
typedef struct {
  VnAst ast;
  VnVariantForm form;
  VnAstSeq systems;      /* of NAME; none: any operating system */
  const VnAst *command;  /* RUN: a LIST; SCRIPT: a STRING, raw; NATIVE: a CALL */
  const VnAst *with;     /* SCRIPT: interpreter; NULL: the system's own */
  VnAstSeq parses;       /* of PARSE */
} VnAstVariant;
typedef struct { VnAst ast; const VnAstString *regex; VnIdent unit; } VnAstParse;
/* requires TARGET on; (port NULL) requires tcp PORT on TARGET; */
typedef struct { VnAst ast; const VnAst *port; VnIdent target; } VnAstRequires;
/* ready when port EXPR; ready when /regex/ on stdout; */
typedef struct {
  VnAst ast;
  const VnAst *port;
  const VnAstString *regex;
  VnIdent stream;
} VnAstReady;

/* ---- a file ---- */

typedef struct {
  VnSpan span;
} VnComment; /* for the formatter: every comment, in order */

typedef struct {
  const VnSource *source;
  VnAstSeq decls;
  const VnComment *comments;
  guint32 n_comments;
  const VnIdent *lost; /* what declarations with syntax errors would have declared, as it seems */
  guint32 n_lost;
} VnAstFile;

const char *vn_ast_kind_text(VnAstKind kind);
const char *vn_op_text(VnOp op);
const char *vn_property_word(VnPropertyId id);
guint vn_property_where(VnPropertyId id); /* a set of VnPropertyPlace */
const char *vn_property_help(VnPropertyId id);
