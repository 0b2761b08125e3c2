/* SPDX-License-Identifier: GPL-3.0-or-later */
/* From a VM of the experiment and its image's keys to a container. */
#pragma once

#include "drivers/libvirt/image.h"

/* The root of the script, if it names one, is in `out` as an open mount, read-only, in which root's
 * files are the container root's. */
gboolean vn_virt_container_read(const VnDriverVm *vm, VnVirtImage *out, GError **error);
