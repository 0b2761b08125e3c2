/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What ELF files say that they need: 64-bit, little-endian ones, every offset checked. */
#pragma once

#include <gio/gio.h>

#define VN_ELF_SIZE_MAX (256u << 20)
#define VN_ELF_NEEDS_MAX 256u

/* The modules that a kernel module needs, NULL-terminated; g_strfreev. */
char **vn_elf_module_needs(GBytes *bytes, GError **error);
/* The shared libraries that a program or library needs (their sonames). out_loader: the program
 * that loads it ("/lib64/…"); NULL for a library or a static program. */
char **vn_elf_library_needs(GBytes *bytes, char **out_loader, GError **error);
