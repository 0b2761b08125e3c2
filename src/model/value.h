/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Values of the language, at compile time and at run time.
 *
 * 16 bytes, passed by value; what does not fit is in the arena that made it. Units are those of
 * base/quantity.h. Names of things (hosts, tasks …) are their numbers in the model.
 */
#pragma once

#include "base/arena.h"
#include "base/quantity.h"
#include "base/symbol.h"

typedef enum {
  VN_VALUE_NONE, /* no value: an optional field that was not found, `T?` */
#define VN_TYPE(id, text) VN_VALUE_##id,
#include "model/type.def"
#undef VN_TYPE
  VN_VALUE_KIND_COUNT
} VnValueKind;

typedef struct VnValue VnValue;

typedef struct {
  const VnValue *items;
  guint32 n;
} VnValueList;

struct VnValue {
  guint32 kind; /* VnValueKind */
  union {
    gboolean b;      /* BOOL */
    gint64 i;        /* INT, PORT; DURATION ns; SIZE bytes; RATE bit/s */
    double f;        /* FLOAT; PERCENT in percent points */
    guint64 mac;     /* MAC */
    guint32 id;      /* HOST, ROUTER: VM number; SEGMENT, TASK, GROUP, SITE, IMAGE */
    const VnText *text;          /* STRING, REGEX */
    const VnAddress *address;    /* ADDRESS */
    const VnPrefix *prefix;      /* PREFIX */
    const VnValueList *list;     /* LIST; SET: of HOST and ROUTER, ordered, without repeats */
    struct { gint32 from, to; } range; /* RANGE: both included; empty when from > to */
  };
};

#define VN_VALUE_NOTHING ((VnValue){.kind = VN_VALUE_NONE})
#define vn_value_bool(x) ((VnValue){.kind = VN_VALUE_BOOL, .b = (x)})
#define vn_value_int(x) ((VnValue){.kind = VN_VALUE_INT, .i = (x)})
#define vn_value_float(x) ((VnValue){.kind = VN_VALUE_FLOAT, .f = (x)})

VnValue vn_value_string(VnArena *arena, const char *text, gssize length);
gboolean vn_value_equal(const VnValue *a, const VnValue *b);
/* -1, 0, 1; the kinds must be alike and ordered. */
int vn_value_compare(const VnValue *a, const VnValue *b);
/* As it stands in a command line or a message: 5s as "5s", a host's caller-supplied text for
 * names (see name_of; may be NULL), lists with commas. Appends. */
typedef const char *(*VnNameOf)(VnValueKind kind, guint32 id, gpointer data);
void vn_value_format(const VnValue *value, VnNameOf name_of, gpointer data, GString *out);
const char *vn_value_kind_text(VnValueKind kind); /* "duration" */
