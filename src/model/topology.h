/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The network: segments, each a set of interfaces of hosts and routers.
 *
 * One structure from the script to the driver. The compiler fills what the script says; src/
 * topology completes it (routers added and split, addresses, routes) without changing the number
 * of any VM or segment that was there: what is added comes at the end.
 */
#pragma once

#include "base/source.h"
#include "model/value.h"

#define VN_NO_ID G_MAXUINT32

typedef enum { VN_VM_HOST, VN_VM_ROUTER } VnVmKind;
typedef enum { VN_INITIALLY_DEFAULT, VN_INITIALLY_ON, VN_INITIALLY_OFF } VnInitially;

/* Impairments of a segment; 0 is none. */
typedef struct {
  gint64 delay_ns, jitter_ns;
  double loss, duplicate, reorder; /* percent points */
  gint64 rate;                     /* bit/s */
  gint64 queue;                    /* bytes; 0: the technology's default */
} VnImpairment;

typedef struct {
  const char *name; /* "lan", "lan[2]" */
  const char *doc;
  VnSpan span;
  VnPrefix prefix4, prefix6; /* length 0 and family 0: none given or needed */
  guint32 site;              /* in the model's sites */
  guint32 tech;              /* in tech/tech.h's table: `using`, or VN_NO_ID until src/topology
                                decides it by the images of its VMs */
  VnImpairment impairment;
  guint32 mtu;               /* bytes; 0: the technology's */
  gboolean capture;
  const char *capture_file;   /* NULL: named after the segment */
  const char *capture_filter; /* pcap-filter(7); NULL: everything */
} VnSegment;

typedef struct { const char *name, *value; } VnEnv;
typedef struct { const char *source, *target; VnSpan span; } VnFileCopy;

typedef struct {
  const char *name; /* "alice", "h[3]" */
  const char *doc;
  VnSpan span;
  guint8 kind;      /* VnVmKind */
  guint8 initially; /* VnInitially */
  gboolean added;   /* by the compiler, not by the script */
  guint32 split_of; /* the router that it is a part of; VN_NO_ID */
  guint32 image;    /* in the model's images; VN_NO_ID: the technology's default */
  const char *vm;   /* name in the site's inventory; NULL: any that fits */
  gint64 memory;    /* bytes; 0: default */
  guint32 cpus;     /* 0: default */
  guint32 processes; /* 0: default */
  const VnEnv *env;
  guint32 n_env;
  const VnFileCopy *files;
  guint32 n_files;
  guint32 first_iface, n_ifaces; /* contiguous in the interfaces, after topology completed it */
  gboolean external;             /* a router with an external interface */
} VnVm;

typedef struct {
  guint32 vm;
  guint32 segment;
  VnAddress address4, address6; /* family 0: none */
  gboolean preset;              /* the image has its address already */
  guint64 mac;                  /* 0: to be assigned */
  VnSpan span;                  /* where the script says it */
} VnIface;

/* Where a route of a router or host leads. What is on the link by an interface's own prefix is
 * listed for routers, too. In a flat network (`network PREFIX`) routers have host addresses (32 or
 * 128 bits) and host routes, and a gateway need not be covered by another route: it is on the link
 * of `iface`. */
typedef enum {
  VN_ROUTE_LINK,     /* straight onto the segment of `iface` */
  VN_ROUTE_GATEWAY,  /* through `gateway` on the segment of `iface` */
  VN_ROUTE_EXTERNAL, /* out of the external interface, to router `peer` */
} VnRouteKind;

typedef struct {
  guint32 vm;
  guint8 kind;        /* VnRouteKind */
  VnPrefix prefix;    /* length 32 or 128: a host route; length 0: the default route */
  guint32 iface;      /* in the interfaces; VN_NO_ID for EXTERNAL */
  VnAddress gateway;  /* GATEWAY */
  guint32 peer;       /* EXTERNAL: the VM that gets it */
} VnRoute;

/* "Answer ARP (or neighbour solicitations) for `address` on the segment of `iface`." */
typedef struct {
  guint32 iface; /* of a router */
  VnAddress address;
} VnProxy;

typedef struct {
  VnSegment *segments;
  guint32 n_segments;
  VnVm *vms;
  guint32 n_vms;
  VnIface *ifaces;
  guint32 n_ifaces;
  VnRoute *routes; /* by VM, then most specific first */
  guint32 n_routes;
  VnProxy *proxies; /* by interface */
  guint32 n_proxies;
  VnPrefix network4, network6; /* `network PREFIX;` family 0: none */
  VnSpan network_span;
} VnTopology;
