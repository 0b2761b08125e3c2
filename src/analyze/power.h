/* SPDX-License-Identifier: GPL-3.0-or-later */
/* May a VM be off or suspended, or a link be down, at some moment of a step elsewhere? The same
 * question as VN302's, for those that ask it of another machine (VN307, VN314). */
#pragma once

#include "analyze/pass.h"

typedef struct VnPower VnPower;

VnPower *vn_power_new(VnAnalysis *analysis);
void vn_power_free(VnPower *power);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VnPower, vn_power_free)

/* What is asked about next. FALSE: it is on, or up, all the time. */
gboolean vn_power_choose_vm(VnPower *power, guint32 vm);
gboolean vn_power_choose_link(VnPower *power, guint32 iface);
/* Does the link task switch the interface? */
gboolean vn_power_switches(const VnAnalysis *analysis, guint32 step, guint32 iface);

/* FALSE: it is surely on (up) whenever the step runs. Sets `other` (VN_NO_ID: it is so at first),
 * ends, their number and fates of the finding: a shortest order. */
gboolean vn_power_may_lack(VnPower *power, guint32 step, VnFinding *finding);
