/* SPDX-License-Identifier: GPL-3.0-or-later */
/* vnec-virt: does what the driver in the slave asks for (message.h), until that goes away. */
#pragma once

#include <glib.h>

typedef struct {
  int calls, events;  /* sockets */
  const char *uri;    /* libvirt's; EMBEDDED, CONTAINERS: an own libvirt in a nest or a den */
  const char *states; /* folder of kept states; NULL: none */
  const char *folder; /* where it may write, unless in a nest; in a den: where agents are */
  const char *salt;   /* the experiment's name */
} VnVirtOptions;

/* Returns only when all is over. */
int vn_virt_engine_run(const VnVirtOptions *options);
