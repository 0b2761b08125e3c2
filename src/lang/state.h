/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a parser and its scanner hold while they read. Private to src/lang.
 *
 * The scanner is fed the text piece by piece, because flex writes into what it scans. Its contexts
 * are strings with `{expr}` in them: for each one that is open it keeps a frame with the state of
 * the string around the expression.
 */
#pragma once

#include "base/diag.h"
#include "lang/build.h"
#include "lang/parse.h"
#include "lang/parser.h"
#include "lang/word.h"

/* The string that is being read. */
typedef struct {
  int state; /* flex's start condition */
  VnStringForm form;
  gboolean middle; /* an expression of it has been read */
  guint indent;    /* of a multi-line string: columns taken off each line */
  VnPos start;     /* of the quote, or of the `}` that ended an expression */
  VnPos opening;   /* of the quote */
  guint braces;    /* open in the expression that interrupts it */
} VnStringFrame;

typedef struct VnLexer {
  VnArena *arena;
  VnSymbolTable *symbols;
  VnDiagSink *sink;
  const VnWordTable *words;
  const VnSource *source;
  gsize n_read; /* bytes that flex has got */
  VnPos base;   /* of the source */
  VnPos pos;    /* behind the last match */
  void *scanner;
  int previous;  /* the token before; 0 at the beginning */
  GString *text; /* of the string that is being read */
  VnStringFrame string;
  GArray *frames;      /* of VnStringFrame, those that an expression interrupts */
  GArray *comments;    /* of VnComment */
  gboolean open_ended; /* the text ended inside a string of several lines */
  gboolean complained; /* about the declaration that is being read: what follows is no news */
} VnLexer;

/* A bracket that is open. */
typedef struct {
  VnPos pos;
  char closer;         /* ')', ']', '}' */
  guint8 block;        /* not a set */
  guint8 declarations; /* a block of them; not of an image or an action */
} VnBracket;

struct VnParser {
  VnArena *arena;
  VnSymbolTable *symbols;
  VnDiagSink *sink;
  VnParseMode mode;
  VnWordTable words;
  VnLexer lexer;
  struct vn_yypstate *state;
  const VnAst **pile;
  guint32 n_pile, pile_size;
  VnBracket brackets[VN_PARSE_MAX_DEPTH + 1];
  guint n_brackets;
  guint blocks;       /* of the brackets, those that are blocks */
  guint forgiven;     /* braces that recovery took for closed */
  gboolean failed;    /* the token just pushed was refused */
  gboolean panic;     /* skipping after an error */
  gboolean again;     /* the token was refused before */
  guint panic_blocks; /* blocks that were open at the error */
  gboolean silent;    /* the end was reported: what closing the blocks brings is no news */
  gboolean stopped;   /* nothing more can be read */
  gboolean deep;      /* VN006 was reported */
  guint errors;
  guint errors_before;            /* in the sink */
  gboolean at_start;              /* a declaration or the like may begin */
  int statement;                  /* the token that began what is being read */
  const VnSymbol *statement_word; /* its text, and that of the next word: NULL if it is none */
  VnIdent statement_name;
  VnPos statement_start;
  VnPos made_up; /* where the driver put in the head of an action, to read its body */
  GArray *lost; /* of VnIdent; see VnAstFile */
  int previous; /* token */
  VnSpan previous_span;
  VnAstSeq decls; /* of the input, once it was read */
  const VnAst *expression;
};

/* ---- for the constructors ---- */

/* Ends a list: its items, copied into the arena. */
VnAstSeq vn_list_take(VnParser *p, VnList list);
guint vn_list_depth(VnAstSeq list);
gpointer vn_build_node(VnParser *p, gsize size, VnAstKind kind, VnSpan span, guint depth);
#define NEW(p, Type, KIND, span, depth) \
  ((Type *)vn_build_node((p), sizeof(Type), VN_AST_##KIND, (span), (depth)))
/* The node, or a leaf in its place when it is too deep. */
const VnAst *vn_build_bounded(VnParser *p, gpointer node);
/* The text of the `##` lines right above a place; NULL if there are none. */
const char *vn_comment_doc(const VnLexer *lexer, VnArena *arena, VnPos start);

/* ---- messages (syntax-error.c) ---- */

void vn_parser_missing_semicolon(VnParser *p);
/* The word that begins a declaration and is nearest to a misspelled one; 0 if none is near. */
int vn_declaration_meant(VnParser *p, const VnSymbol *word);
/* See vn_parser_expected. */
const char **vn_expected_words(const int *tokens, int n, guint *out_flags);

/* ---- the scanner ---- */

void vn_lexer_init(VnLexer *lexer, VnParser *parser);
void vn_lexer_clear(VnLexer *lexer);
void vn_lexer_open(VnLexer *lexer, const VnSource *source);
/* The next bytes for flex; 0 at the end. */
int vn_lexer_read(VnLexer *lexer, char *buffer, gsize most);
/* Comments stay. */
void vn_lexer_close(VnLexer *lexer);
