/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The few bytes of ICMP and ICMPv6 (RFC 792, RFC 4443) that ping and traceroute speak. */
#pragma once

#include "guest/agent/native.h"

#define VN_ICMP_SIZE   64u /* of an echo request, header included */
#define VN_ICMP_COOKIE 8u

typedef struct {
  VnFd fd;
  int family, raw;
  uint16_t id;
  uint8_t cookie[VN_ICMP_COOKIE]; /* tells our answers from those to other pings */
} VnIcmp;

typedef enum { VN_ICMP_OTHER, VN_ICMP_ANSWER, VN_ICMP_EXPIRED, VN_ICMP_UNREACHABLE } VnIcmpKind;

/* A raw socket, else the kernel's ping socket. 0 or an error. */
int vn_icmp_open(VnIcmp *icmp, int family);
/* hops 0: the system's. 0 or an error. */
int vn_icmp_send(VnIcmp *icmp, const VnPeer *to, uint16_t sequence, int hops);
/* The next message: what it is, of which request, and from whom. -1: none is there. */
int vn_icmp_receive(VnIcmp *icmp, uint16_t *out_sequence, VnPeer *out_from);
