/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One machine as vnec-virt is told of it: what to boot, on which hardware, with which NICs. Made
 * by the driver from an image's keys (image.c), sent as a{sv}, checked again on arrival.
 *
 * Files are read through descriptors that travel with the message, because vnec-virt sees nothing
 * of the machine's files but /usr; where it is not confined, by their paths.
 */
#pragma once

#include "drivers/libvirt/message.h"

#define VN_VIRT_NICS_MAX       28u /* of slots on a PCI bus, less those of the machine itself */
#define VN_VIRT_MEMORY_MIN     (16 << 20)
#define VN_VIRT_CPUS_MAX       64u
#define VN_VIRT_WORDS_MAX      4096u
#define VN_VIRT_KIND_CONTAINER "lxc"
#define VN_VIRT_PORT           "vnec.0" /* the agent's virtio-serial port */

/* X(field, "what") of a machine: the files that it reads. */
#define VN_VIRT_FILES(X) X(kernel) X(initrd) X(disk)
typedef enum {
#define X(name) VN_VIRT_FILE_##name,
  VN_VIRT_FILES(X)
#undef X
      VN_VIRT_N_FILES
} VnVirtFile;

typedef enum {
  VN_VIRT_RAW,
  VN_VIRT_QCOW2,
} VnVirtFormat;

/* X(C type, GVariant letter, field) */
#define VN_VIRT_SPEC_FIELDS(X)                                             \
  X(guint32, u, id)                                                        \
  X(char *, s, name)     /* "h[3]" */                                      \
  X(char *, s, kind)     /* of libvirt's domain: "qemu", "lxc" */          \
  X(char *, s, arch)     /* "x86_64" */                                    \
  X(char *, s, machine)  /* "": the architecture's */                      \
  X(char *, s, nic)      /* "virtio" */                                    \
  X(char *, s, bus)      /* of the disk: "virtio", "ide" */                \
  X(char *, s, snapshot) /* in the disk, to begin with; "": none */        \
  X(char *, s, append)   /* command line of the kernel */                  \
  X(char *, s, content)  /* of the image: differs if a byte of it may */   \
  X(guint32, u, cpus)                                                      \
  X(gint64, x, memory)    /* bytes */                                      \
  X(guint32, u, format)   /* VnVirtFormat of the disk */                   \
  X(gboolean, b, folder)  /* its agent's channel is a shared folder */     \
  X(gboolean, b, keep)    /* its ready state may be kept */                \
  X(guint32, u, patience) /* seconds until its agent must have answered */ \
  /* Of containers: */                                                     \
  X(char *, s, hostname)                                                   \
  X(guint32, u, processes) /* 0: no limit of its own */                    \
  X(gboolean, b, router)                                                   \
  X(gboolean, b, six) /* it has to do with IPv6 */

typedef struct {
#define X(type, letter, field) type field;
  VN_VIRT_SPEC_FIELDS(X)
#undef X
  char *files[VN_VIRT_N_FILES]; /* paths; NULL: none */
  guint64 macs[VN_VIRT_NICS_MAX];
  guint32 n_macs;
  char **words; /* of a container's first process: its network (guest/container); NULL: none */
} VnVirtSpec;

void vn_virt_spec_clear(VnVirtSpec *spec);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(VnVirtSpec, vn_virt_spec_clear)

GVariant *vn_virt_spec_pack(const VnVirtSpec *spec); /* floating a{sv} */
gboolean vn_virt_spec_unpack(GVariant *packed, VnVirtSpec *out, GError **error);
