/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The router's own frames. Linux only: forwarding is the guest kernel's. */
#pragma once

#include "guest/agent/agent.h"

#define VN_ROUTER_EXTERNAL "ext0" /* the external interface's name */

/* network.c: applies a NETWORK frame and answers with an OUTCOME. An address, route or proxy on
 * VN_ROUTER_EXTERNAL opens that interface first. */
void vn_router_network(VnAgent *agent, const VnFrame *frame);

/* external.c: the external interface. Its packets travel in PACKET frames unless its descriptor
 * could be handed up with EXTERNAL. Opening it again does nothing. 0 or an error. */
int vn_router_open_external(VnAgent *agent);
void vn_router_packets(VnAgent *agent, const VnFrame *frame); /* PACKET: into the interface */
void vn_router_watch_external(VnAgent *agent);
void vn_router_external_event(VnAgent *agent, VnFd fd, unsigned slot, short events);

/* netlink.c: one request a call. 0 or an error. A prefix is "10.0.0.1/24" or "fd00::1/64". */
int vn_netlink_open(void);
void vn_netlink_close(void);
int vn_netlink_link_up(const char *iface);
int vn_netlink_address(const char *iface, const char *prefix);
int vn_netlink_route(const char *iface, const char *prefix, const char *gateway);
int vn_netlink_proxy(const char *iface, const char *address);
