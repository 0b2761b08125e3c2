/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Where a program finds what belongs to it: the standard library and its helpers.
 *
 * Looked for beside the running program first, so that a build tree, a copied prefix and an
 * installation work alike: PREFIX/bin/vnec, PREFIX/share/vnec/stdlib, PREFIX/libexec/vnec. */
#pragma once

#include <glib.h>

/* The folder that holds std/: $VNEC_STDLIB, or beside the program, or the installed one. Never
 * NULL; the caller frees it. */
char *vn_paths_stdlib(void);
/* The folder of vnec-slave, vnec-router and vnec-taskrunner. */
char *vn_paths_helpers(void);
