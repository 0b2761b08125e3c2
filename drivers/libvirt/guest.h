/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the engine holds: a virtual machine (machine.h) or a container (container.h), as the host is
 * for one or the other. Calls go to what it is. */
#pragma once

#include "drivers/libvirt/container.h"
#include "drivers/libvirt/machine.h"

typedef struct VnVirtGuest VnVirtGuest;

VnVirtGuest *vn_virt_guest_new(VnVirtHost *host, VnVirtSpec *spec, int *fds, GError **error);
/* As vn_virt_machine_share; containers have no such channel, and the descriptor is closed. */
void vn_virt_guest_share(VnVirtGuest *guest, int folder);
void vn_virt_guest_free(VnVirtGuest *guest);
const char *vn_virt_guest_uuid(const VnVirtGuest *guest);
guint32 vn_virt_guest_id(const VnVirtGuest *guest);
gboolean vn_virt_guest_on(VnVirtGuest *guest, VnVirtLife *life, GError **error);
gboolean vn_virt_guest_off(VnVirtGuest *guest, gboolean keep_disk, GError **error);
gboolean vn_virt_guest_suspend(VnVirtGuest *guest, GError **error);
gboolean vn_virt_guest_resume(VnVirtGuest *guest, GError **error);
gboolean vn_virt_guest_snapshot(VnVirtGuest *guest, const char *name, GError **error);
gboolean
vn_virt_guest_revert(VnVirtGuest *guest, const char *name, VnVirtLife *life, GError **error);
char *vn_virt_guest_stopped(VnVirtGuest *guest, int detail);
/* Where a disk is full; of containers none ever is stopped for that, so they take no part. */
gboolean vn_virt_guest_drown(VnVirtGuest *guest, const char *why);
void vn_virt_guest_surface(VnVirtGuest *guest);
guint64 vn_virt_guest_used(const VnVirtGuest *guest);
gboolean vn_virt_guest_abandon(VnVirtGuest *guest);
gboolean vn_virt_guest_is_on(const VnVirtGuest *guest);
/* What is to be shown of each, besides what holds for the nest (prove.h). */
gboolean vn_virt_guest_prove(VnVirtGuest *guest, GError **error);
