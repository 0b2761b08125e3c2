/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A container as libvirt's domain XML. Pure: nothing here talks to libvirt or touches a file. */
#pragma once

#include "drivers/libvirt/spec.h"

/* Ids of the machine that the containers' ids 0 to COUNT-1 are: past all ranges that systemd and
 * the distributions give out, and so of nobody. */
#define VN_VIRT_IDS_FIRST 0x70000000u
#define VN_VIRT_IDS_COUNT 65536u

/* root: folder in the nest. usual: /usr of the machine belongs to it. */
char *vn_virt_container_xml(const VnVirtSpec *spec, const char *name, const char *uuid,
                            const char *root, gboolean usual);
