/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a technology does: the operations of a driver.
 *
 * A driver is a `const` table. Its operations may block; the slave calls them in GTask threads,
 * never two at once for one experiment. They work on batches, because that is what makes a
 * thousand machines start in a second: each item gets its own error, the others go on. All are
 * idempotent (making what is there, removing what is not, is success), and undoing accepts what
 * is half done. What a driver makes dies with the slave; what can't is written to the ledger
 * before it is made (ledger.h).
 *
 * Things are named by numbers: the segment's and VM's place in the topology, unique within an
 * experiment. Strings are borrowed for the call.
 */
#pragma once

#include <gio/gio.h>

#include "base/quantity.h"
#include "tech/tech.h"

typedef struct VnDriver VnDriver;
typedef struct VnDriverState VnDriverState; /* of one experiment; the driver's own struct */
typedef struct VnHub VnHub;                 /* hub/hub.h */

typedef struct {
  guint32 id;
  const char *name;
  guint32 mtu; /* 0: the technology's */
  gint64 delay_ns, jitter_ns;
  double loss, duplicate, reorder;
  gint64 rate, queue;
  guint64 seed;
  gboolean changes; /* `impair` may be asked of its VMs while it runs */
} VnDriverSegment;

typedef struct {
  guint32 segment;
  char name[16];   /* of the interface in the guest: "eth0" */
  guint64 mac;     /* 48 bits */
  VnPrefix address4, address6; /* with the segment's prefix length; family 0: none */
  gboolean preset;
} VnDriverIface;

typedef struct {
  VnPrefix prefix;
  guint32 iface;     /* place in the VM's interfaces; VN_DRIVER_EXTERNAL */
  VnAddress gateway; /* family 0: on the link */
} VnDriverRoute;

#define VN_DRIVER_EXTERNAL G_MAXUINT32

typedef struct {
  guint32 iface;
  VnAddress address;
} VnDriverProxy;

typedef struct {
  guint32 id;
  const char *name;     /* "h[3]"; the guest's hostname is made from it */
  gboolean router;      /* forwards; runs vnec-router */
  gboolean external;    /* has an external interface */
  gboolean flat;        /* of `network PREFIX`: hosts elsewhere are on the link, too */
  const char *image;    /* NULL: the technology's default */
  GVariant *image_keys; /* a{sv}, checked by the schema */
  const char *vm;       /* name in the inventory */
  gint64 memory;
  guint32 cpus, processes;
  const VnDriverIface *ifaces;
  guint32 n_ifaces;
  const VnDriverRoute *routes;
  guint32 n_routes;
  const VnDriverProxy *proxies;
  guint32 n_proxies;
} VnDriverVm;

typedef enum {
  VN_DRIVER_CHANNEL_STREAM, /* frames on a stream socket to the agent */
  VN_DRIVER_CHANNEL_PORT,   /* a virtual machine's port, as a stream socket: frame/line.h */
  VN_DRIVER_CHANNEL_SPOOL,  /* a shared folder */
} VnDriverChannelKind;

typedef struct {
  VnDriverChannelKind kind;
  /* Given to the slave, which closes it; -1: none. SPOOL: the folder, bounded by who made it. */
  int fd;
} VnDriverChannel;

/* A router's external interface, as a non-blocking descriptor: each read gives one IP packet with
 * `header` bytes before it (to be skipped), each write takes one with header4 or header6 before
 * it, by the packet's version. header is 0 for TUN. With `offload` a struct virtio_net_hdr in the
 * machine's byte order stands before that, both ways: packets may be large and unsummed. */
#define VN_DRIVER_EXTERNAL_HEADER_MAX 16
typedef struct {
  int fd; /* the caller closes it */
  guint32 header;
  gboolean offload;
  guint8 header4[VN_DRIVER_EXTERNAL_HEADER_MAX];
  guint8 header6[VN_DRIVER_EXTERNAL_HEADER_MAX];
} VnDriverExternal;

/* One item of a batch: which, and how it went. */
typedef struct {
  guint32 id;
  GError *error; /* out; NULL: done */
} VnDriverItem;

/* A VM went away by itself, or a channel was replaced. Called from any thread. */
typedef void (*VnDriverVmLost)(guint32 vm, const char *why, gpointer data);

typedef struct {
  const char *experiment; /* unique on this machine: names of files, namespaces, domains */
  const char *state_dir;  /* for what must survive a crash of the slave; private */
  const char *agent_dir;  /* where vnec-taskrunner and vnec-router lie */
  VnDriverVmLost vm_lost;
  gpointer data;
  /* Of the experiment, for segments in user space; outlives the state. The numbers of its segments
   * are those of the experiment, of its ports VN_HUB_PORT(vm, interface). */
  VnHub *hub;
} VnDriverContext;

/* What a driver leaves to the slave and the agents. */
typedef enum {
  /* Its guests' clocks are their own: they are set after each HELLO, so after a restore, too. */
  VN_DRIVER_CLOCK = 1 << 0,
  /* It sets no addresses and routes: routers are told theirs and serve the hosts (DHCP and the
   * like); a host is on when it has its addresses, wherever it got them. */
  VN_DRIVER_NETWORK = 1 << 1,
  /* vm_lost follows each end of a machine and knows more than that its channel closed. */
  VN_DRIVER_OBITUARY = 1 << 2,
} VnDriverByAgent;

struct VnDriver {
  VnTechId tech;
  guint by_agent; /* VnDriverByAgent */
  /* Called once in a process, before any thread exists. NULL: nothing to prepare. */
  gboolean (*prepare)(GError **error);
  /* Can it run here? FALSE with an error that says what is missing and how to get it. */
  gboolean (*probe)(GError **error);

  VnDriverState *(*open)(const VnDriverContext *context, GError **error);
  void (*close)(VnDriverState *state); /* takes down all that is left */

  void (*make_segments)(VnDriverState *state, const VnDriverSegment *segments, VnDriverItem *items,
                        guint n);
  /* Defined and off. */
  void (*make_vms)(VnDriverState *state, const VnDriverVm *vms, VnDriverItem *items, guint n);
  /* On, addressed, links forwarding; gives the agent's channel. The agent's HELLO has not
   * necessarily arrived. */
  void (*power_on)(VnDriverState *state, VnDriverItem *items, VnDriverChannel *out_channels,
                   guint n);
  void (*power_off)(VnDriverState *state, VnDriverItem *items, guint n, gboolean keep_disk);
  void (*remove_vms)(VnDriverState *state, VnDriverItem *items, guint n);
  void (*remove_segments)(VnDriverState *state, VnDriverItem *items, guint n);

  gboolean (*snapshot)(VnDriverState *state, guint32 vm, const char *name, GError **error);
  /* The VM is as it was; out_channel replaces the present one if there is one in it. */
  gboolean (*revert)(VnDriverState *state, guint32 vm, const char *name,
                     VnDriverChannel *out_channel, GError **error);
  gboolean (*suspend)(VnDriverState *state, guint32 vm, GError **error);
  gboolean (*resume)(VnDriverState *state, guint32 vm, GError **error);

  /* iface: place in the VM's interfaces. */
  gboolean (*set_link)(VnDriverState *state, guint32 vm, guint32 iface, gboolean up,
                       GError **error);
  gboolean (*impair)(VnDriverState *state, guint32 vm, guint32 iface,
                     const VnDriverSegment *impairment, GError **error);

  /* A packet socket (AF_PACKET, ready to read, all frames of the segment once); -1 with error.
   * Not asked for segments that are in the hub, which captures itself. NULL: all are there. */
  int (*open_capture)(VnDriverState *state, guint32 segment, GError **error);

  /* Of a router that is on and has an external interface. NULL: packets come over the channel. */
  gboolean (*open_external)(VnDriverState *state, guint32 vm, VnDriverExternal *out_external,
                            GError **error);

  /* Confinement, from what the kernel shows: appends one line a fact. FALSE: not confined. */
  gboolean (*prove)(VnDriverState *state, GPtrArray *out_facts, GError **error);
};

/* "h[3]" becomes "h-3": letters, digits and - only. */
#define VN_DRIVER_HOSTNAME_MAX 64
void vn_driver_hostname(const char *name, char out[VN_DRIVER_HOSTNAME_MAX]);

#define VN_DRIVER_ERROR vn_driver_error_quark()
GQuark vn_driver_error_quark(void);
typedef enum {
  VN_DRIVER_ERROR_PRIVILEGE, /* something that an administrator can grant */
  VN_DRIVER_ERROR_MISSING,   /* a kernel feature or program is not there */
  VN_DRIVER_ERROR_LIMIT,     /* of the system: descriptors, memory, namespaces */
  VN_DRIVER_ERROR_FAILED,
  VN_DRIVER_ERROR_UNSUPPORTED,
} VnDriverError;
/* Which of them an errno is: what an administrator can grant, what is not there, what ran out. */
VnDriverError vn_driver_error_of(int errnum);
/* Sets "WHAT: strerror(errnum)", with the code that fits errnum. Returns FALSE. */
gboolean vn_driver_fail(GError **error, int errnum, const char *format, ...) G_GNUC_PRINTF(3, 4);
