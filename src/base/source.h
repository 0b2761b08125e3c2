/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The texts of a compilation and places in them.
 *
 * All files of one compilation share one space of byte offsets: file k owns [base, base + size].
 * A place is therefore 4 bytes and a span 8, and both know their file. Position 0 is nowhere.
 * Files are bounded (VN_SOURCE_MAX_BYTES), valid UTF-8, and kept until the set is freed.
 */
#pragma once

#include "base/arena.h"

#define VN_SOURCE_MAX_BYTES (1u << 30)  /* of one file */
#define VN_SOURCES_MAX_BYTES (3u << 30) /* of all files of a compilation */

typedef guint32 VnPos;

typedef struct {
  VnPos start; /* first byte */
  VnPos end;   /* one past the last; start == end is a point; both 0: nowhere */
} VnSpan;

#define VN_SPAN_NONE ((VnSpan){0, 0})

typedef struct {
  char *path;  /* as the user named it, for messages */
  char *text;  /* NUL-terminated twice (for flex's yy_scan_buffer); never written after loading */
  guint32 size; /* bytes, without the two NULs */
  VnPos base;  /* position of text[0] */
} VnSource;

typedef struct VnSourceSet VnSourceSet;

typedef struct {
  const VnSource *source; /* NULL for nowhere */
  guint line;             /* from 1 */
  guint column;           /* from 1, in characters, not bytes */
  guint byte_column;      /* from 0, in bytes */
} VnLocation;

VnSourceSet *vn_source_set_new(void);
void vn_source_set_free(VnSourceSet *set);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VnSourceSet, vn_source_set_free)

/* Reads a file ("-": standard input). Fails on unreadable, too large, binary (NUL) or non-UTF-8
 * text, naming the file and the byte. The result is owned by the set. */
const VnSource *vn_source_set_load(VnSourceSet *set, const char *path, GError **error);
/* Takes a copy of text. */
const VnSource *vn_source_set_add(VnSourceSet *set, const char *path, const char *text,
                                  gsize size, GError **error);

/* In the order in which they were added. */
guint vn_source_set_count(const VnSourceSet *set);
const VnSource *vn_source_set_get(const VnSourceSet *set, guint i);

VnLocation vn_source_set_locate(const VnSourceSet *set, VnPos pos);
/* The line that holds pos, without its end; not NUL-terminated. */
const char *vn_source_set_line(const VnSourceSet *set, VnPos pos, gsize *out_length);

#define VN_SOURCE_ERROR vn_source_error_quark()
GQuark vn_source_error_quark(void);
typedef enum { VN_SOURCE_ERROR_READ, VN_SOURCE_ERROR_SIZE, VN_SOURCE_ERROR_TEXT } VnSourceError;
