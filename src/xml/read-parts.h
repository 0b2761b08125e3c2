/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the readers of declarations share: attributes as expressions, names and lists. Private to
 * this folder.
 *
 * Each is asked for by name; what nobody asked for is reported at the end (vn_xml_done). A mistake
 * is reported once and counted; whoever made a node of it drops the node (vn_xml_keep). */
#pragma once

#include "lang/parser.h"
#include "xml/tree.h"

#define VN_XML_MAX_ASKED 64

typedef struct {
  const VnSource *source;
  VnArena *arena;
  VnSymbolTable *symbols;
  VnDiagSink *sink;
  VnParser *parser;
  GArray *lost; /* of VnIdent: what declarations with mistakes would have declared */
  guint errors;
  const char *asked[VN_XML_MAX_ASKED]; /* attributes of the present element */
  guint n_asked;
} VnXmlReader;

typedef enum { VN_XML_OPTIONAL, VN_XML_NEEDED } VnXmlNeed;

VnDiag *vn_xml_wrong(VnXmlReader *r, VnSpan span, const char *format, ...) G_GNUC_PRINTF(3, 4);
/* A node of arena memory, zeroed but for its head. */
gpointer vn_xml_node(VnXmlReader *r, gsize size, VnAstKind kind, VnSpan span);
#define VN_XML_NEW(r, Type, KIND, span) \
  ((Type *)vn_xml_node((r), sizeof(Type), VN_AST_##KIND, (span)))

/* Begins an element: nothing of it was asked for yet. */
void vn_xml_begin(VnXmlReader *r);
/* Reports the attributes that nobody asked for. */
void vn_xml_done(VnXmlReader *r, const VnXmlElement *element);
/* NULL: it isn't there (reported if it is needed). */
const VnXmlAttribute *
vn_xml_take(VnXmlReader *r, VnXmlElement *element, const char *name, VnXmlNeed need);
const VnAst *vn_xml_expr(VnXmlReader *r, VnXmlElement *element, const char *name, VnXmlNeed need);
/* An expression of that kind. */
const VnAst *vn_xml_kind(VnXmlReader *r, VnXmlElement *element, const char *name, VnAstKind kind,
                         VnXmlNeed need);
/* A string, with or without {…}. */
const VnAst *vn_xml_string(VnXmlReader *r, VnXmlElement *element, const char *name, VnXmlNeed need);
const VnAstType *vn_xml_type(VnXmlReader *r, VnXmlElement *element);
/* Symbol NULL: it isn't there, or wrong. */
VnIdent vn_xml_name(VnXmlReader *r, VnXmlElement *element, const char *name, VnXmlNeed need);
/* The same where any word will do, reserved ones too. */
VnIdent vn_xml_word(VnXmlReader *r, VnXmlElement *element, const char *name, VnXmlNeed need);
/* Expressions with commas between them. */
VnAstSeq vn_xml_list(VnXmlReader *r, VnXmlElement *element, const char *name, VnXmlNeed need);
/* The same, each of them a plain name. */
VnAstSeq vn_xml_names(VnXmlReader *r, VnXmlElement *element, const char *name, VnXmlNeed need);
gboolean vn_xml_flag(VnXmlReader *r, VnXmlElement *element, const char *name);
/* The text of the child `doc`; NULL if there is none. */
const char *vn_xml_doc(VnXmlReader *r, const VnXmlElement *element);
/* Reports a child that may not stand there; allowed: for did-you-mean, NULL-terminated, or NULL. */
void vn_xml_stray(VnXmlReader *r, const VnXmlElement *child, const VnXmlElement *parent,
                  const char *const *allowed);
/* Reports children: all, or (childless) those that are no `doc`. */
void vn_xml_bare(VnXmlReader *r, const VnXmlElement *element);
void vn_xml_childless(VnXmlReader *r, const VnXmlElement *element);
VnAstSeq vn_xml_seq(VnXmlReader *r, GPtrArray *nodes);

/* `action` (read-action.c); its head is for the caller. */
VnAst *vn_xml_action(VnXmlReader *r, VnXmlElement *element);
