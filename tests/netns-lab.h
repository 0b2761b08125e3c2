/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A small network made through the netns driver's table, with its real agents, for tests. */
#pragma once

#include "drivers/netns/netns.h"
#include "tests/agent-peer.h"

#define LAB_MAX 8192

typedef struct {
  VnDriverState *state;
  VnHub *hub;
  VnDriverVm *vms; /* by place; ids are place + 1 */
  Peer **peers;    /* NULL: off */
  guint n;
  GMutex lock;
  GString *lost; /* "ID: WHY; " of each VM that went away */
} Lab;

/* Hosts h[0] … on one segment, 10.1.0.0/16 and fd01::/64; defined and off. */
Lab *lab_flat(guint n);
/* Nothing is in it. */
Lab *lab_empty(void);
void lab_free(Lab *lab);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Lab, lab_free)

void lab_segment(Lab *lab, guint32 id);
/* A host with one interface per segment (0 ends), at "A.B.C.D/L" or v6 texts in the same order. */
VnDriverVm *lab_vm(Lab *lab, const char *name, guint n_ifaces, const guint32 *segments,
                   const char *const *addresses);
void lab_route(VnDriverVm *vm, const char *prefix, guint32 iface, const char *gateway);
void lab_proxy(VnDriverVm *vm, guint32 iface, const char *address);
/* Tells the driver of the VMs from place `first` on. */
void lab_define(Lab *lab, guint first);
void lab_on(Lab *lab, guint first, guint n);
void lab_off(Lab *lab, guint first, guint n, gboolean keep);

/* Runs a shell text in a host: its exit code; *out_text if not NULL gets what it wrote. */
int lab_sh(Lab *lab, guint vm, const char *text, char **out_text);
/* Answers out of `count` echo requests from one VM to an address. */
gint64 lab_ping(Lab *lab, guint vm, const char *target, const char *count);
/* There is no answer to one (asserted). */
void lab_no_ping(Lab *lab, guint vm, const char *target);
