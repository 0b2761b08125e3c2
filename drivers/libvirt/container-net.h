/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A container's interfaces: TAPs in its network namespace, whose other ends are descriptors for
 * the slave's hub. So there is no bridge, and nothing outside the namespace. */
#pragma once

#include "drivers/libvirt/spec.h"

/* Can one be made here? It is made in a namespace of its own. */
gboolean vn_virt_taps_check(GError **error);
/* space: the network namespace. The links have the names and MACs of the spec, and are down.
 * out_fds: one for each; on failure none. */
gboolean vn_virt_taps_make(int space, const VnVirtSpec *spec, int *out_fds, GError **error);
/* That it has no way out: no link but lo and those of the spec, and a root that is not ours. */
gboolean vn_virt_taps_prove(int space, const VnVirtSpec *spec, GError **error);
