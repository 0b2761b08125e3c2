/* SPDX-License-Identifier: GPL-3.0-or-later */
/* vnec-virt's one connection to libvirt, and what all machines share. */
#pragma once

#include <libvirt/libvirt.h>

#include "drivers/libvirt/message.h"

typedef struct {
  virConnectPtr connection;
  char *uri;
  gboolean nested;     /* in a nest of its own: files come as descriptors, domains are ours alone */
  gboolean containers; /* it is libvirt's driver for these, in a den (den.h) */
  char *home, *states; /* folders; states NULL: none are kept */
  char *salt;          /* of keys: the experiment where domains are not ours alone */
  char *versions;      /* of libvirt and what it drives */
  gint kvm;            /* atomic; FALSE: TCG */
  const char *no_kvm;  /* why not */
  /* A word to the user, from any thread. */
  void (*tell)(const char *text, gpointer data);
  gpointer data;
} VnVirtHost;

/* Connects; the default main context must run in another thread from here on. */
gboolean vn_virt_host_open(VnVirtHost *host, GError **error);

/* What libvirt said last in this thread, prefixed. Always FALSE. */
gboolean vn_virt_host_fail(GError **error, const char *format, ...) G_GNUC_PRINTF(2, 3);

/* Before the first use of libvirt: its events go to the default main context, its errors to
 * nobody's terminal, and children that libvirt leaves behind are collected. */
void vn_virt_host_prepare(gboolean nested);

/* Runs a program; FALSE with what it said. */
gboolean vn_virt_run(const char *const *arguments, GError **error);
/* Connects to a UNIX socket that listens. -1 with error. */
int vn_virt_connect(const char *folder, const char *name, GError **error);
/* Ends the process of a machine of the nest with a signal, and returns when it is gone: libvirt,
 * which is to be told to destroy it afterwards, looks only every 200 ms whether that happened. */
void vn_virt_host_end(const VnVirtHost *host, const char *domain, int signal);
/* KVM did not work after all: said once, and remembered. */
void vn_virt_host_refuse_kvm(VnVirtHost *host, const char *why);
