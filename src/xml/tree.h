/* SPDX-License-Identifier: GPL-3.0-or-later */
/* An XML text as elements with places. Private to this folder. */
#pragma once

#include "xml/xml.h"

typedef struct {
  const char *name;
  const char *value; /* references replaced, white space as XML has it */
  gsize length;
  VnSpan name_span;
  VnSpan span;   /* of the value in the text; with references in it, longer than the value */
  gboolean used; /* the reader asked for it */
} VnXmlAttribute;

typedef struct VnXmlElement {
  const char *name;
  VnSpan span; /* of its start tag */
  VnXmlAttribute *attributes;
  guint32 n_attributes;
  struct VnXmlElement *first, *last, *next; /* children; the next of its siblings */
  const char *text; /* of an element that holds text (vn_xml_holds_text), else NULL */
} VnXmlElement;

/* `doc` and `text`: the others hold elements and white space. */
gboolean vn_xml_holds_text(const char *name);
/* The root; NULL after an error, which is reported. */
VnXmlElement *vn_xml_tree(const VnSource *source, VnArena *arena, VnDiagSink *sink);
