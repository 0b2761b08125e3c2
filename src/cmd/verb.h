/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The verbs of vnec. argv[0] is "vnec VERB"; the result is an exit status (status.h). */
#pragma once

#include <glib.h>

#include "cmd/status.h"

#define VN_VERB(name, arguments, help) int vn_verb_##name(int argc, char **argv);
#include "cmd/verbs.def"
#undef VN_VERB

/* Parses a verb's options in place. FALSE: it has been said; *out_status is what to exit with. */
gboolean vn_verb_options(int *argc, char ***argv, const char *arguments, const char *summary,
                         const GOptionEntry *entries, int *out_status);
/* "vnec run: text" on standard error; gives VN_EXIT_MISUSE. */
int vn_verb_misuse(const char *verb, const char *format, ...) G_GNUC_PRINTF(2, 3);
/* The same of an error, with a status of the caller's. */
int vn_verb_failed(const char *verb, int status, const char *text);

typedef enum { VN_COLOUR_AUTO, VN_COLOUR_ALWAYS, VN_COLOUR_NEVER } VnColour;
/* --color=WHEN; FALSE: no such word. NULL is auto. */
gboolean vn_colour_parse(const char *when, VnColour *out);
gboolean vn_colour_wanted(VnColour colour, int fd);
