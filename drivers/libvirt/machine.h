/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One machine, from its making to its end. Its calls block, those of several threads one after the
 * other; vn_virt_machine_stopped comes from the main context whenever it likes.
 *
 *            make            on                  suspend
 *   (none) ───────► OFF ───────────────► ON ◄──────────────► SUSPENDED
 *            free    ▲ ◄─────────────────┘ │ revert: from all three to ON
 *                    └──── off, its end ───┘
 */
#pragma once

#include "drivers/libvirt/host.h"
#include "drivers/libvirt/spec.h"

#define VN_VIRT_SNAPSHOTS_MAX 64u

typedef struct VnVirtMachine VnVirtMachine;

/* What a machine that was turned on gives away: descriptors, closed by clear unless taken. */
typedef struct {
  int channel; /* to its port; of a shared folder the folder */
  int nics[VN_VIRT_NICS_MAX];
  guint n_nics;
  gboolean fresh;   /* FALSE: it was on already, and nothing is given */
  char *key;        /* its ready state was taken now, for later runs; NULL: it was not */
  int memory, disk; /* of that state; -1: none */
  gboolean spoiled; /* the state that was kept under its key is no good */
} VnVirtLife;

void vn_virt_life_init(VnVirtLife *life);
void vn_virt_life_clear(VnVirtLife *life);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(VnVirtLife, vn_virt_life_clear)

/* Takes what is in spec, and the descriptors that it uses (set to -1). */
VnVirtMachine *vn_virt_machine_new(VnVirtHost *host, VnVirtSpec *spec, int *fds, GError **error);
/* The shared folder of its next life, if its channel is one. Takes the descriptor. */
void vn_virt_machine_share(VnVirtMachine *machine, int folder);
/* Destroys the domain and everything of it. */
void vn_virt_machine_free(VnVirtMachine *machine);
const char *vn_virt_machine_domain(const VnVirtMachine *machine);
const char *vn_virt_machine_uuid(const VnVirtMachine *machine);
guint32 vn_virt_machine_id(const VnVirtMachine *machine);

gboolean vn_virt_machine_on(VnVirtMachine *machine, VnVirtLife *life, GError **error);
gboolean vn_virt_machine_off(VnVirtMachine *machine, gboolean keep_disk, GError **error);
gboolean vn_virt_machine_suspend(VnVirtMachine *machine, GError **error);
gboolean vn_virt_machine_resume(VnVirtMachine *machine, GError **error);
gboolean vn_virt_machine_snapshot(VnVirtMachine *machine, const char *name, GError **error);
gboolean
vn_virt_machine_revert(VnVirtMachine *machine, const char *name, VnVirtLife *life, GError **error);

/* libvirt says that the domain stopped, and how (virDomainEventStoppedDetailType). Why, if that is
 * a loss; NULL: it was meant to. */
char *vn_virt_machine_stopped(VnVirtMachine *machine, int detail);
/* There is no room for what it writes: it ends, as if by itself, with that reason, and what it
 * wrote is thrown away. FALSE: it is not on. */
gboolean vn_virt_machine_drown(VnVirtMachine *machine, const char *why);
/* It was stopped because there was no room, and there is now. */
void vn_virt_machine_surface(VnVirtMachine *machine);
guint64 vn_virt_machine_used(const VnVirtMachine *machine); /* bytes of its files */
/* Its libvirt is gone: ends the emulator without. FALSE: it was not on. */
gboolean vn_virt_machine_abandon(VnVirtMachine *machine);
/* Where machines are not confined as a whole: this one has no device but those that it was given.
 */
gboolean vn_virt_machine_prove(VnVirtMachine *machine, GError **error);
/* libvirt's emulator process of it is there and its domain is ours; for the proof. */
gboolean vn_virt_machine_is_on(const VnVirtMachine *machine);
