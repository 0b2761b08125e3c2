/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A script as XML: what declares is an element, what computes is text of the language.
 *
 * The level is that of declarations, not of what they mean for one set of parameters: parameters,
 * sweeps and loops survive, and reading gives the same tree as the script did, but for comments and
 * layout. Documentation (`##`) stays.
 */
#pragma once

#include "base/diag.h"
#include "lang/ast.h"

#define VN_XML_NAMESPACE "urn:vnec:vnl"

#define VN_XML_MAX_BYTES (256u << 20)
/* Most elements within each other. libxml2 itself stops at 256. */
#define VN_XML_MAX_DEPTH      250
#define VN_XML_MAX_ATTRIBUTES 64 /* of one element */

/* Is the text XML? No script begins with `<`; a file named *.xml is taken for it, too. */
gboolean vn_xml_recognise(const VnSource *source);
/* Like vn_parse_file: never NULL; declarations with mistakes are left out. */
const VnAstFile *
vn_xml_read(const VnSource *source, VnArena *arena, VnSymbolTable *symbols, VnDiagSink *sink);
/* Appends the document. FALSE: XML can't say it (a control character in a script, nesting), with a
 * diagnostic. The file must have been read without errors. */
gboolean vn_xml_write(const VnAstFile *file, GString *out, VnDiagSink *sink);
