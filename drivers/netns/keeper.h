/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The keeper: the process that holds one experiment. First process of its own pid namespace, in a
 * network namespace that is the experiment's hub, with a /state of its own. All that an experiment
 * is hangs on it: when it ends, by a word or a kill, the kernel takes down the rest.
 *
 * Single-threaded; it works off one request after the other and notices guests that end.
 */
#pragma once

#include "drivers/netns/message.h"
#include "drivers/netns/netlink.h"

/* Ports of one bridge; a segment with more interfaces is several bridges in a row. The kernel's own
 * bound is 1,023, but one broadcast to more than net.core.netdev_max_backlog (1,000) veths loses
 * some of them: measured, 500 never did. */
#define VN_NETNS_BRIDGE_PORTS 500u
/* Interfaces of one VM, routes, proxies: what a request may say at most. */
#define VN_NETNS_IFACES_MAX  4096u
#define VN_NETNS_ENTRIES_MAX (1u << 20)

/* Interface indices in a guest: eth0 is FIRST_IFACE. We choose them, so that nobody asks. */
#define VN_NETNS_FIRST_IFACE   10u
#define VN_NETNS_EXTERNAL_LINK 9u

typedef struct {
  guint32 link;  /* index of the bridge */
  guint32 ports; /* on it now */
} VnNetnsBridge;

typedef struct {
  guint32 id, mtu;
  GArray *bridges; /* VnNetnsBridge, joined in a row; none: it is in the slave's hub */
} VnNetnsSegment;

typedef struct {
  guint32 link; /* index of the hub's end; 0: none */
  guint32 segment;
  guint32 bridge; /* place in the segment's row */
  gboolean down;  /* by set_link */
} VnNetnsPort;

typedef struct {
  VnNetnsVmWire wire;
  VnDriverIface *ifaces;
  VnDriverRoute *routes;
  VnDriverProxy *proxies;
  VnNetnsPort *ports; /* one for each interface */
  guint32 external;   /* index of the hub's end of the external interface; 0: none */
  pid_t pid;          /* of its first process; 0: off */
  guint32 life;       /* how often it was started */
  gboolean suspended;
  int channel;    /* our end, until it was given away; -1 */
  gboolean ready; /* it said that it is configured */
  GError *error;  /* why it can't be powered on, while that is under way */
} VnNetnsVm;

typedef struct {
  int calls, events, agents[2]; /* taskrunner, router; -1: not found */
  int reports[2];               /* pipe: guests tell how far they are, guest.h */
  int signals;                  /* signalfd: a guest ended */
  VnNetlink hub;                /* in the hub's namespace */
  guint32 next_link;            /* index for the next link that is made */
  guint32 ids;                  /* that are mapped: 0 to ids-1 */
  gboolean forwards;            /* new namespaces begin with forwarding on (the machine's way) */
  gboolean filters;             /* … with reverse path filters */
  GHashTable *segments;         /* id → VnNetnsSegment */
  GHashTable *vms;              /* id → VnNetnsVm */
  GHashTable *snapshots;        /* "VM NAME" → its folder */
  guint32 next_snapshot;
} VnNetnsKeeper;

/* Never returns. */
void vn_netns_keeper_run(int calls, int events, const int agents[2]) G_GNUC_NORETURN;

/* Guests that ended are taken note of; those that were on are told of on the event socket. */
void vn_netns_keeper_reap(VnNetnsKeeper *keeper);

VnNetnsVm *vn_netns_keeper_vm(VnNetnsKeeper *keeper, guint32 id, GError **error);

/* Gathers results and sends them; DONE ends the answer. */
typedef struct {
  int socket;
  guint n, n_fds;
  VnNetnsResult results[VN_NETNS_FDS_MAX];
  int fds[VN_NETNS_FDS_MAX]; /* closed when sent */
} VnNetnsReply;
void vn_netns_reply(VnNetnsReply *reply, guint32 id, const GError *error, int fd);
void vn_netns_reply_text(VnNetnsReply *reply, const char *text);
/* FALSE: the slave is gone. */
gboolean vn_netns_reply_end(VnNetnsReply *reply);

/* segment.c */
gboolean
vn_netns_segment_make(VnNetnsKeeper *keeper, const VnNetnsSegmentWire *wire, GError **error);
gboolean vn_netns_segment_remove(VnNetnsKeeper *keeper, guint32 id, GError **error);
void vn_netns_segment_free(gpointer segment);
/* Links for all interfaces of VMs whose error is not set and that have a process: fills ports.
 * Sent in few messages; a failure becomes the VM's error. */
void vn_netns_links_make(VnNetnsKeeper *keeper, VnNetnsVm *const *vms, guint n);
/* Their bridges' ports forward at once. */
void vn_netns_links_settle(VnNetnsKeeper *keeper, VnNetnsVm *const *vms, guint n);
/* Their ports stop forwarding at once. */
void vn_netns_links_cut(VnNetnsKeeper *keeper, VnNetnsVm *const *vms, guint n);
/* Of a VM that is suspended: nothing passes its ports, until it is not. */
gboolean
vn_netns_links_silence(VnNetnsKeeper *keeper, VnNetnsVm *vm, gboolean silent, GError **error);
/* The VM is off: its ports are free. */
void vn_netns_links_forget(VnNetnsKeeper *keeper, VnNetnsVm *vm);
gboolean
vn_netns_link_set(VnNetnsKeeper *keeper, VnNetnsVm *vm, guint32 iface, gboolean up, GError **error);
int vn_netns_capture(VnNetnsKeeper *keeper, guint32 segment, GError **error);
int vn_netns_external(VnNetnsKeeper *keeper, VnNetnsVm *vm, GError **error);
/* What the guest sends on an interface whose segment is in the slave's hub, and the way back. */
int vn_netns_port(VnNetnsKeeper *keeper, VnNetnsVm *vm, guint32 iface, GError **error);

/* power.c */
VnNetnsVm *vn_netns_vm_make(VnNetnsReader *reader, GError **error);
void vn_netns_vm_free(gpointer vm);
/* Takes the guests' reports that are there. */
void vn_netns_power_reports(VnNetnsKeeper *keeper);
/* Each VM ends on, with its channel set, or with its error set. */
void vn_netns_power_on(VnNetnsKeeper *keeper, VnNetnsVm *const *vms, guint n);
void vn_netns_power_off(VnNetnsKeeper *keeper, VnNetnsVm *const *vms, guint n, gboolean keep);

/* freeze.c */
/* Stops all processes of a guest but its first, or lets them go on. Its kernel is the machine's and
 * can't be stopped, so nothing reaches it meanwhile, and it reaches nothing. */
gboolean vn_netns_suspend(VnNetnsKeeper *keeper, VnNetnsVm *vm, GError **error);
gboolean vn_netns_resume(VnNetnsKeeper *keeper, VnNetnsVm *vm, GError **error);
gboolean vn_netns_snapshot(VnNetnsKeeper *keeper, VnNetnsVm *vm, const char *name, GError **error);
/* Off, files put back, on again if it was on. */
gboolean vn_netns_revert(VnNetnsKeeper *keeper, VnNetnsVm *vm, const char *name, GError **error);

/* prove.c */
gboolean vn_netns_prove(VnNetnsKeeper *keeper, const VnNetnsMessage *request, VnNetnsReply *reply,
                        GError **error);
