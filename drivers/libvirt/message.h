/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the driver in the slave and vnec-virt say to each other over a SEQPACKET pair: one GVariant
 * a message, descriptors travel along. vnec-virt shares its fate, and its user, with machines that
 * may be hostile, so the slave checks all that comes; nothing here trusts a length or a type.
 */
#pragma once

#include <gio/gio.h>

#include "driver/driver.h"

#define VN_VIRT_MESSAGE_MAX (120u << 10) /* bytes; a socket's default buffer takes it */
#define VN_VIRT_FDS_MAX     40u

/* What vnec-virt takes for an address of libvirt besides libvirt's own. */
#define VN_VIRT_EMBEDDED   "embed" /* QEMU, in a nest */
#define VN_VIRT_CONTAINERS "lxc"   /* containers, in a den */

/* X(ID, "what it does", argument) */
#define VN_VIRT_OPS(X)                                                                  \
  X(MAKE, "make a machine: a{sv} of spec.h, with its image's descriptors")              \
  X(FOLDER, "u, with a descriptor: the shared folder of its next life")               \
  X(ON, "turn on: au; one answer a machine, with channel and NICs, or a state to keep") \
  X(OFF, "turn off: (aub), TRUE keeps the disk")                                        \
  X(REMOVE, "forget: au")                                                               \
  X(SNAPSHOT, "(us)")                                                                   \
  X(REVERT, "(us); answered as ON")                                                     \
  X(SUSPEND, "u")                                                                       \
  X(RESUME, "u")                                                                        \
  X(PROVE, "()")

typedef enum {
#define X(id, help) VN_VIRT_##id,
  VN_VIRT_OPS(X)
#undef X
      VN_VIRT_N_OPS
} VnVirtOp;

/* A request: VnVirtOp, its argument. Answers to it: any number of items, then one for VN_VIRT_END.
 * An answer: machine; -1 or a VnDriverError; its text; more. */
#define VN_VIRT_REQUEST "(uv)"
#define VN_VIRT_ANSWER  "(uisa{sv})"
#define VN_VIRT_END     G_MAXUINT32
/* On the second socket, from vnec-virt: a machine ended by itself, and why. For VN_VIRT_END: a
 * word to the user. */
#define VN_VIRT_EVENT "(us)"

typedef struct {
  GVariant *body;
  int fds[VN_VIRT_FDS_MAX]; /* closed by clear unless taken (then -1) */
  guint n_fds;
} VnVirtMessage;

void vn_virt_message_clear(VnVirtMessage *message);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(VnVirtMessage, vn_virt_message_clear)

/* body: floating or not; taken if floating. */
gboolean vn_virt_send(int socket, GVariant *body, const int *fds, guint n_fds, GError **error);
/* Blocks. G_IO_ERROR_CLOSED: the peer is gone. A message of another type is an error. */
gboolean vn_virt_receive(int socket, const char *type, VnVirtMessage *out, GError **error);

/* errno as a VnDriverError, prefixed. Always FALSE. */
gboolean vn_virt_fail(GError **error, int errnum, const char *format, ...) G_GNUC_PRINTF(3, 4);
