/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The slave's end of a vnec-virt: starting it, asking it, its end. */
#pragma once

#include "drivers/libvirt/message.h"

#define VN_VIRT_SILENCE_S 600 /* without an answer; then it is ended */

typedef struct VnVirtClient VnVirtClient;

typedef struct {
  const char *program; /* vnec-virt */
  const char *uri;     /* libvirt's; "embed": its own, in a nest */
  const char *states;  /* folder of kept states; NULL: none */
  const char *folder;  /* where it may write, unless in a nest; NULL then */
  const char *experiment;
  /* From a thread of its own. id VN_VIRT_END with text: a word to the user; without: it ended, and
   * all machines with it. Not called any more once close returned. */
  void (*event)(guint32 id, const char *text, gpointer data);
  gpointer data;
} VnVirtClientOptions;

VnVirtClient *vn_virt_client_open(const VnVirtClientOptions *options, GError **error);
/* Ends it, and with it all machines; returns when that is done. */
void vn_virt_client_close(VnVirtClient *client);

/* An answer of one machine. error: its own; NULL: done. Descriptors that are taken from `message`
 * must be set to -1 there. */
typedef void (*VnVirtAnswer)(guint32 id, GError *error, GVariant *more, VnVirtMessage *message,
                             gpointer data);
/* One call at a time. FALSE: vnec-virt is gone or hangs; answers may have come before. */
gboolean vn_virt_client_call(VnVirtClient *client, VnVirtOp op, GVariant *argument, const int *fds,
                             guint n_fds, VnVirtAnswer answer, gpointer data, GError **error);
