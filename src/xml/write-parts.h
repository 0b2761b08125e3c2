/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the files of the writer share. Private to this folder. */
#pragma once

#include "xml/xml.h"

typedef struct {
  GString *out;
  VnDiagSink *sink;
  guint level;  /* elements that are open */
  gboolean bad; /* something can't be said, and was reported */
} VnXmlWriter;

/* ---- elements (write.c) ---- */

/* `<name`, on a line of its own. */
void vn_xml_open(VnXmlWriter *w, const VnAst *node, const char *name);
/* Ends the start tag; what follows are children. */
void vn_xml_children(VnXmlWriter *w);
void vn_xml_close(VnXmlWriter *w, const char *name);
/* Ends an element without children. */
void vn_xml_empty(VnXmlWriter *w);
/* The attributes are left out where the value is NULL, empty or absent. */
void vn_xml_put(VnXmlWriter *w, const VnAst *node, const char *name, const char *value);
void vn_xml_put_expr(VnXmlWriter *w, const char *name, const VnAst *value);
void vn_xml_put_ident(VnXmlWriter *w, const char *name, VnIdent ident);
void vn_xml_put_list(VnXmlWriter *w, const char *name, VnAstSeq list);
void vn_xml_put_type(VnXmlWriter *w, const VnAstType *type);
/* An element that holds text. */
void vn_xml_put_text(VnXmlWriter *w, const VnAst *node, const char *name, const char *text);
void vn_xml_put_param(VnXmlWriter *w, const VnAstParam *param, const char *name);

void vn_xml_write_action(VnXmlWriter *w, const VnAstAction *action);

/* ---- expressions as text of the language (write-expr.c) ---- */

void vn_xml_append_expr(const VnAst *node, GString *out);
void vn_xml_append_type(const VnAstType *type, GString *out);
