/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <glib.h>

/* TRUE if KVM really ran a guest here: 64-bit code with SSE2 and a loop, within moments. That
 * /dev/kvm opens says nothing. Takes some milliseconds. out_why: why not; static. */
gboolean vn_virt_kvm_usable(const char **out_why);
