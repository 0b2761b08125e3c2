/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The order of the tasks: is it one? */
#pragma once

#include "base/diag.h"
#include "model/model.h"

/* FALSE: every cycle that following the first predecessors meets was reported as VN301, with the
 * places of its tasks. O(tasks + order). */
gboolean vn_plan_check_cycles(const VnModel *model, VnDiagSink *sink);
