/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Runs programs of the system, held to bounds: what they write, how long they compute. They die
 * with us, and when `cancellable` is cancelled. */
#pragma once

#include <gio/gio.h>

#define VN_RUN_TEXT_MAX (4u << 20) /* of standard output that is kept in memory */

typedef struct {
  const char *const *argv; /* NULL-terminated; the program is looked for in PATH */
  const char *package;     /* that has the program: for the error */
  const char *folder;      /* to run in; NULL: here */
  const char *variable, *value; /* one more of the environment; NULL: none */
  const char *input;       /* file for standard input; NULL: empty */
  const char *output;      /* file for standard output; NULL: memory */
  goffset output_max;      /* bytes of any file that it writes; 0: no bound */
  guint seconds;           /* of processor time; 0: no bound */
  goffset memory;          /* bytes of address space; 0: no bound */
} VnRun;

/* Runs to the end. out_text (may be NULL) gets standard output, free it. An exit status other than
 * 0 is an error with the end of what it wrote to standard error; out_status (may be NULL) gets it,
 * and then it is none. */
gboolean vn_run(const VnRun *run, char **out_text, int *out_status, GCancellable *cancellable,
                GError **error);
