/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Completes a model's topology: rules, technologies, routers added and split, addresses, routes.
 *
 * Pure: reads and rewrites the model's VnTopology in the model's arena, touches nothing else.
 */
#pragma once

#include "base/diag.h"
#include "model/model.h"

/* FALSE: an error was added to the sink. Notes (VN212, VN213) say what was added. */
gboolean vn_topology_complete(VnModel *model, VnDiagSink *sink);

/* Can this build deploy the completed model? Adds VN401 for each technology without a driver. A
 * check of the script alone doesn't ask. */
gboolean vn_topology_check_deployable(const VnModel *model, VnDiagSink *sink);
