/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The router's own frames. Linux only: forwarding is the guest kernel's. */
#pragma once

#include "guest/agent/agent.h"

#define VN_ROUTER_EXTERNAL "ext0" /* the external interface's name */

/* What the loop waits for besides tasks. */
enum { VN_ROUTER_SLOT_EXTERNAL, VN_ROUTER_SLOT_SERVE };

/* network.c: applies a NETWORK frame and answers with an OUTCOME. Whatever names
 * VN_ROUTER_EXTERNAL opens that interface first. */
void vn_router_network(VnAgent *agent, const VnFrame *frame);

/* external.c: the external interface. Opening it again does nothing. 0 or an error. */
int vn_router_open_external(void);
void vn_router_packets(VnAgent *agent, const VnFrame *frame); /* PACKET: into the interface */
void vn_router_watch_external(VnAgent *agent);
void vn_router_external_event(VnAgent *agent);

/* iface.c: interfaces by the names that frames give them. */
#define VN_ROUTER_IFACES_MAX 64u
/* Notes that `name` is the interface with this MAC ("02:00:00:00:00:01"). 0 or an error. */
int vn_iface_note(const char *name, const char *mac);
/* The kernel's name for it; `name` itself where nothing was noted. */
const char *vn_iface_real(const char *name);
/* 0, or -1: that is none. */
int vn_iface_parse_mac(const char *text, uint8_t out[6]);

/* serve.c: addresses for hosts. vn_serve_lease: words of a LEASE; 0, an error, or -1: malformed. */
int vn_serve_lease(char **words, unsigned n);
void vn_serve_watch(VnAgent *agent);
void vn_serve_event(VnAgent *agent, VnFd fd);
int64_t vn_serve_timer(int64_t now); /* when to call it again */

/* netlink.c: one request a call. 0 or an error. A prefix is "10.0.0.1/24" or "fd00::1/64". */
int vn_netlink_open(void);
void vn_netlink_close(void);
int vn_netlink_link_up(const char *iface);
int vn_netlink_address(const char *iface, const char *prefix);
int vn_netlink_route(const char *iface, const char *prefix, const char *gateway);
int vn_netlink_proxy(const char *iface, const char *address);
