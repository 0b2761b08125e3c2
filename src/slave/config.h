/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A slave's configuration: a key file with what this machine is called and which VMs it offers.
 *
 *   [slave]
 *   name = lab-3            the machine's name for people; without it the hostname
 *   agents = /opt/vnec      where vnec-taskrunner and vnec-router lie
 *
 *   [vm xp-1]               one group for each VM that exists already
 *   technology = vmware
 *   file = /vms/xp-1.vmx
 *   os = windows
 *   role = host             or router
 *   snapshot = clean        may be missing
 */
#pragma once

#include <gio/gio.h>

#define VN_CONFIG_VMS_MAX 65536u

typedef struct {
  char *name, *technology, *file, *os, *role, *snapshot; /* none NULL; snapshot may be empty */
} VnConfigVm;

typedef struct {
  char *name;   /* never NULL */
  char *agents; /* NULL: not said */
  GArray *vms;  /* of VnConfigVm */
} VnConfig;

/* What a slave without a file has. */
VnConfig *vn_config_new(void);
/* NULL with an error that names the file, the group and the key. */
VnConfig *vn_config_load(const char *path, GError **error);
VnConfig *vn_config_parse(const char *text, gsize size, const char *path, GError **error);
void vn_config_free(VnConfig *config);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VnConfig, vn_config_free)
