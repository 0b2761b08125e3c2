/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "drivers/libvirt/host.h"

/* Confinement of the nest, from what the kernel shows; a line a fact. on: machines that are on. */
gboolean vn_virt_prove(const VnVirtHost *host, guint on, GPtrArray *out_facts, GError **error);
/* A domain's XML, as libvirt shows it: it has no way out that its libvirt added. */
gboolean vn_virt_prove_devices(const char *xml, GError **error);
