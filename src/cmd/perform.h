/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Performs a run whose folder is ready: the main loop, signals, reports, the last words. Shared by
 * `run` and `resume`. */
#pragma once

#include "cmd/script.h"
#include "cmd/status.h"
#include "cmd/verb.h"

#define VN_OUTPUT_LIMIT_DEFAULT (16 << 20) /* bytes kept of each stream of a task */

/* Without a limit a wide workflow would start all its processes in one moment, and some would find
 * no room. A host's is far below the processes that it may have, a site's is the most hosts that
 * one machine is meant to bear. */
#define VN_AT_ONCE_HOST_DEFAULT 64
#define VN_AT_ONCE_SITE_DEFAULT 4096
#define VN_PERFORM_DEFAULTS                                                                        \
  {                                                                                                \
    .at_once_host = VN_AT_ONCE_HOST_DEFAULT, .at_once_site = VN_AT_ONCE_SITE_DEFAULT               \
  }

typedef struct {
  gboolean json, quiet;
  char *colour;
  char *output_limit; /* "16MiB"; NULL: the default */
  int at_once, at_once_host, at_once_site; /* tasks; 0: no limit */
} VnPerformOptions;

#define VN_PERFORM_OPTIONS(o)                                                                      \
  {"json", 0, 0, G_OPTION_ARG_NONE, &(o).json, "events as JSON, one a line", NULL},                \
      {"quiet", 'q', 0, G_OPTION_ARG_NONE, &(o).quiet, "only failures and the verdict", NULL},     \
      {"color", 0, 0, G_OPTION_ARG_STRING, &(o).colour, "auto, always or never", "WHEN"},          \
      {"max-output", 0, 0, G_OPTION_ARG_STRING, &(o).output_limit,                                 \
       "kept of each stream of a task (16MiB)", "SIZE"},                                           \
      {"at-once", 0, 0, G_OPTION_ARG_INT, &(o).at_once, "most tasks at once", "N"},                \
      {"at-once-host", 0, 0, G_OPTION_ARG_INT, &(o).at_once_host,                                  \
       "most tasks at once on one machine (64; 0: no limit)", "N"}, \
  {                                                                                                \
    "at-once-site", 0, 0, G_OPTION_ARG_INT, &(o).at_once_site,                                     \
        "most tasks at once on one site (4096; 0: no limit)", "N"                                  \
  }

/* Are the values of the options good? */
gboolean vn_perform_check(const VnPerformOptions *options, GError **error);

typedef struct {
  VnStore *store;
  const VnScript *script;
  const VnScriptOptions *script_options;
  const VnPerformOptions *options;
  guint64 seed;
  guint32 trials;
  const guint8 *done; /* as in VnRunConfig */
} VnPerform;

VnExit vn_perform(const VnPerform *perform);
