/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What libvirt learned about QEMU by asking it, which takes it as long as a machine's restore: kept
 * between nests, beside the ready states (STATES/abilities). libvirt itself sees in such a file
 * whether it is of this QEMU, libvirt, kernel and processor, and asks again if not.
 *
 * A nest that has held a guest is not to be believed, so what is kept comes from one's first
 * moments, before anything was asked of it.
 */
#pragma once

#include <glib.h>

#define VN_VIRT_ABILITIES_MAX 8u /* files: a program each */

/* In the nest, before libvirt is opened: puts what was kept where libvirt looks. */
void vn_virt_abilities_put(const char *states, const char *home);
/* In the nest, once libvirt is open: the files that are new. The names are added to `names`, the
 * descriptors (of the caller) to `fds`, which has room for VN_VIRT_ABILITIES_MAX. */
void vn_virt_abilities_take(const char *states, const char *home, GPtrArray *names, int *fds);
/* In the slave: keeps them. What does not look like one is left out. */
void
vn_virt_abilities_keep(const char *states, const char *const *names, const int *fds, guint n_fds);
