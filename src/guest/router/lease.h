/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Fixed addresses for the hosts on a router's segments: who gets which, and what is answered.
 *
 * The answers are pure functions of a packet and a lease, because what hosts send is hostile: every
 * read is checked against the bytes that are there, every write against the room. Sources: RFC
 * 2131, 2132, 3442, 3396 (DHCPv4), RFC 8415 (DHCPv6), RFC 4861 and 4191 (router advertisements).
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define VN_LEASES_MAX       4096u
#define VN_LEASE_ROUTES_MAX 64u
#define VN_LEASE_NAME_MAX   64u
#define VN_ANSWER_MAX       1400u /* bytes of an IP packet */

typedef struct {
  uint8_t to[16], via[16];
  uint8_t length; /* of the prefix */
  uint8_t has_via;
} VnLeaseRoute;

typedef struct {
  uint32_t iface; /* the kernel's number */
  uint8_t mac[6];
  uint8_t size; /* of the address: 4 or 16 */
  uint8_t length;
  uint8_t address[16];
  uint16_t mtu; /* 0: not said */
  uint16_t n_routes;
  char name[VN_LEASE_NAME_MAX]; /* may be empty */
  VnLeaseRoute *routes;
} VnLease;

/* Of the router, on the interface that a question came by. */
typedef struct {
  uint8_t mac[6];
  uint8_t has4, has6;
  uint8_t address4[4];
  uint8_t address6[16]; /* link-local */
} VnServer;

/* --- lease.c --- */
/* words: IFACE MAC PREFIX NAME MTU DESTINATION=GATEWAY…; replaces what there was for the
 * interface, the MAC and the family. 0, an error, or -1: it is malformed. */
int vn_lease_add(char **words, unsigned n, const VnLease **out);
/* size 4 or 16; NULL: none. */
const VnLease *vn_lease_find(uint32_t iface, const uint8_t mac[6], unsigned size);
unsigned vn_leases(const VnLease **out); /* all of them */

/* --- dhcp4.c, dhcp6.c: the IP packet to send, its size in bytes; 0: nothing --- */
size_t vn_dhcp4_answer(const VnLease *lease, const VnServer *server, const uint8_t *packet,
                       size_t n, uint8_t out[VN_ANSWER_MAX], int *out_broadcast);
size_t vn_dhcp6_answer(const VnLease *lease, const VnServer *server, const uint8_t *packet,
                       size_t n, uint8_t out[VN_ANSWER_MAX]);
/* A router solicitation? */
int vn_is_solicitation(const uint8_t *packet, size_t n);
/* A router advertisement for one host. */
size_t vn_advert(const VnLease *lease, const VnServer *server, uint8_t out[VN_ANSWER_MAX]);

/* --- packet.c --- */
typedef struct {
  uint8_t *bytes;
  size_t used, capacity;
  int overflow;
} VnBytes;
void vn_bytes_put(VnBytes *bytes, const void *more, size_t n);
void vn_bytes_int(VnBytes *bytes, uint32_t value, unsigned size); /* big-endian */
uint16_t vn_packet_16(const uint8_t *bytes);
uint32_t vn_packet_32(const uint8_t *bytes);
/* The payload of a whole UDP packet to `port`, NULL: it is none. */
const uint8_t *vn_packet_udp(const uint8_t *packet, size_t n, unsigned version, uint16_t port,
                             size_t *out_size);
/* Fills in the headers before a payload of n bytes, which stands behind them; bytes in all. */
#define VN_PACKET_HEAD4 28u
#define VN_PACKET_HEAD6 48u
size_t vn_packet_head4(uint8_t *packet, size_t n, const uint8_t from[4], const uint8_t to[4],
                       uint16_t from_port, uint16_t to_port);
size_t vn_packet_head6(uint8_t *packet, size_t n, const uint8_t from[16], const uint8_t to[16],
                       uint16_t from_port, uint16_t to_port);
/* The sum of an IPv6 packet's transport header and data. */
uint16_t vn_packet_sum6(const uint8_t *packet, size_t n, uint8_t protocol);
