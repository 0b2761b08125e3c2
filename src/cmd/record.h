/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a results folder says about a run before its first trial: the script and its modules as
 * they are, options, and for each point of the sweep parameters, machines and tasks. */
#pragma once

#include "cmd/script.h"

typedef struct {
  guint64 seed;
  guint32 trials;
} VnRunNumbers;

gboolean vn_record_run(VnStore *store, const VnScript *script, const VnScriptOptions *options,
                       const VnRunNumbers *numbers, GError **error);
