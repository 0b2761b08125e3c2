/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A machine as libvirt's domain XML. Written by libxml2, so that no name can become markup.
 * Pure: nothing here talks to libvirt or touches a file. */
#pragma once

#include "drivers/libvirt/spec.h"

#define VN_VIRT_MARK "vnec-" /* begins the name of every domain of ours */

/* Where a machine lives. Sockets are FOLDER/agent, FOLDER/console, FOLDER/nicN. */
typedef struct {
  const char *name, *uuid; /* of the domain */
  const char *folder;
  const char *share;                  /* that the guest sees; NULL unless spec->folder */
  const char *files[VN_VIRT_N_FILES]; /* as QEMU opens them; the disk is the writable one */
  gboolean kvm;                       /* else TCG */
  gboolean monitor;                   /* FOLDER/monitor ends the emulator (monitor.h) */
  gboolean restored;                  /* its memory comes from a file: nothing is booted */
} VnVirtPlace;

/* FALSE: the spec asks for what there is not (an architecture, a network card, a kind). */
char *vn_virt_domain_xml(const VnVirtSpec *spec, const VnVirtPlace *place, GError **error);

/* 64 hex digits: two machines with the same give the same ready state. `versions`: of what runs
 * them. `salt`: differs where states may not be shared. */
char *vn_virt_domain_key(const VnVirtSpec *spec, gboolean kvm, const char *versions,
                         const char *salt, GError **error);
/* A UUID from a key; it marks the domain as ours, too. */
void vn_virt_domain_uuid(const char *key, char out[37]);

/* The emulator of an architecture and the package that has it; FALSE: there is none. */
gboolean vn_virt_domain_emulator(const char *arch, const char **out_path, const char **out_package);

/* The snapshot of memory (and, with `disk`, of the disk: the guest goes on writing there). */
char *vn_virt_snapshot_xml(const VnVirtSpec *spec, const char *memory, const char *disk);
