/* SPDX-License-Identifier: GPL-3.0-or-later */
/* From what a guest printed or answered to an action's result fields, and back to JSON.
 *
 * Text forms: numbers in base units (ns, bytes, bit/s) or, with `in UNIT`, in that unit; a number
 * may also carry its own unit ("5ms"). Lists: every match of a pattern, or items with commas.
 */
#pragma once

#include "model/action.h"

/* One value of a field's type; FALSE if the text is none. */
gboolean vn_field_from_text(const VnActionField *field, VnUnit unit, const char *text,
                            gsize length, VnArena *arena, VnValue *out);

/* A variant's patterns, compiled once. */
typedef struct VnMatcher VnMatcher;
VnMatcher *vn_matcher_new(const VnAction *action, const VnActionVariant *variant, GError **error);
void vn_matcher_free(VnMatcher *matcher);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VnMatcher, vn_matcher_free)

/* Sets the fields that are found in the text; others stay as they are. FALSE: what a pattern
 * found does not fit the field's type. */
gboolean vn_matcher_run(const VnMatcher *matcher, const char *text, gsize length, VnArena *arena,
                       VnValue *fields, GError **error);

/* A FIELD of a built-in operation, "name=value"; an unknown name is ignored. A field that comes
 * again makes a list longer. */
gboolean vn_field_take(const VnAction *action, const char *text, gsize length, VnArena *arena,
                       VnValue *fields, GError **error);

/* The name of the first field without a value that must have one; NULL: none. */
const char *vn_fields_missing(const VnAction *action, const VnValue *fields);

/* {"sent":3,"rtt":null}; names of hosts by name_of. Appends. */
void vn_fields_to_json(const VnAction *action, const VnValue *fields, guint32 n, VnNameOf name_of,
                       gpointer data, GString *out);
void vn_value_to_json(const VnValue *value, VnNameOf name_of, gpointer data, GString *out);
/* "text" with its quotes; what is no UTF-8 becomes U+FFFD. Appends. */
void vn_text_to_json(const char *text, gsize length, GString *out);
void vn_int_to_json(gint64 number, GString *out);

#define VN_FIELD_ERROR vn_field_error_quark()
GQuark vn_field_error_quark(void);
typedef enum { VN_FIELD_ERROR_TYPE, VN_FIELD_ERROR_REGEX } VnFieldError;
