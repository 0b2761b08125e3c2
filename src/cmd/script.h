/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A script made ready to run: compiled, completed and lowered for every point of its sweep, and
 * checked against what this VNEC can deploy. */
#pragma once

#include "base/diag.h"
#include "master/run.h"
#include "sema/compile.h"

#define VN_SCRIPT_MAX_POINTS 10000u

typedef struct {
  const char *path;
  char **defines;      /* "name=value"; NULL-terminated or NULL */
  char **include_dirs; /* NULL-terminated or NULL */
  char **warnings;     /* what followed -W: "no-unused-vm", "error" */
  char *rules;         /* "paper" or NULL */
  char *stdlib;        /* NULL: the installed one */
  char *folder;        /* where relative names of files start; NULL: the script's folder */
  gboolean network_only; /* the workflow will not run: it is not analysed, and gets no graph */
} VnScriptOptions;

typedef struct {
  VnSourceSet *sources;
  VnDiagSink *sink;
  VnCompiler *compiler;
  VnArena *arena;
  VnRunPoint *points; /* in the order of the sweep: the last named parameter changes fastest */
  guint32 n_points;
  char *folder;       /* absolute */
  char *stdlib;
  gboolean network_only; /* the points have no graph */
} VnScript;

/* Frees what the options of a command line were parsed into. */
void vn_script_options_clear(VnScriptOptions *options);

/* NULL: misuse of an option, with error. Otherwise look at the sink: the points are there only if
 * it holds no errors. */
VnScript *vn_script_load(const VnScriptOptions *options, GError **error);
void vn_script_free(VnScript *script);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VnScript, vn_script_free)

/* Errors and warnings, and which of them could not be decided, as text on standard error; other
 * notes when asked for. */
void vn_script_print_diagnostics(VnScript *script, gboolean colour, gboolean notes);

/* Is the parameter one of the sweep's that no -D fixed? */
gboolean vn_script_is_swept(const VnScript *script, const VnScriptOptions *options,
                            const VnModel *model, guint32 param);
/* Options that several verbs share; the entries write into options. */
#define VN_SCRIPT_OPTIONS(o)                                                                       \
  {"define", 'D', 0, G_OPTION_ARG_STRING_ARRAY, &(o).defines, "set a parameter", "NAME=VALUE"},    \
      {"include", 'I', 0, G_OPTION_ARG_FILENAME_ARRAY, &(o).include_dirs,                          \
       "look for modules here first", "DIR"},                                                      \
      {"warning", 'W', 0, G_OPTION_ARG_STRING_ARRAY, &(o).warnings,                                \
       "-Wno-NAME: don't warn; -WNAME: do; -Werror: warnings are errors", "NAME"},                 \
  {                                                                                                \
    "rules", 0, 0, G_OPTION_ARG_STRING, &(o).rules,                                                \
        "`paper`: at most 3 connections a router and 7 segments a site", "RULES"                   \
  }
