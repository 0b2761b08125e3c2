/* SPDX-License-Identifier: GPL-3.0-or-later */
/* See icmp.h. What arrives is from the experiment's network and not trusted: each access is
 * within the bytes that came. */
#include "guest/agent/icmp.h"

#include <string.h>

#define HEADER      8u /* type, code, checksum, id, sequence */
#define IPV6_HEADER 40u

static uint16_t
checksum(const uint8_t *bytes, size_t n)
{
  uint32_t sum = 0;
  for (size_t i = 0; i + 1 < n; i += 2)
    sum += (uint32_t)bytes[i] << 8 | bytes[i + 1];
  sum = (sum >> 16) + (sum & 0xffff);
  return (uint16_t) ~(sum + (sum >> 16));
}

int
vn_icmp_open(VnIcmp *icmp, int family)
{
  int protocol = family == AF_INET ? IPPROTO_ICMP : IPPROTO_ICMPV6, error;
  icmp->family = family;
  icmp->raw = 1;
  icmp->fd = vn_os_socket(family, SOCK_RAW, protocol, &error);
  if (icmp->fd == VN_NO_FD) {
    icmp->raw = 0;
    icmp->fd = vn_os_socket(family, SOCK_DGRAM, protocol, &error);
  }
  vn_os_random(icmp->cookie, sizeof icmp->cookie);
  vn_os_random(&icmp->id, sizeof icmp->id);
  return icmp->fd == VN_NO_FD ? error : 0;
}

int
vn_icmp_send(VnIcmp *icmp, const VnPeer *to, uint16_t sequence, int hops)
{
  uint8_t bytes[VN_ICMP_SIZE] = {icmp->family == AF_INET ? 8 : 128};
  bytes[4] = (uint8_t)(icmp->id >> 8);
  bytes[5] = (uint8_t)icmp->id;
  bytes[6] = (uint8_t)(sequence >> 8);
  bytes[7] = (uint8_t)sequence;
  memcpy(bytes + HEADER, icmp->cookie, VN_ICMP_COOKIE);
  if (icmp->family == AF_INET) { /* the kernel fills in that of ICMPv6 */
    uint16_t sum = checksum(bytes, sizeof bytes);
    bytes[2] = (uint8_t)(sum >> 8);
    bytes[3] = (uint8_t)sum;
  }
  if (hops > 0) {
    int level = icmp->family == AF_INET ? IPPROTO_IP : IPPROTO_IPV6;
    int option = icmp->family == AF_INET ? IP_TTL : IPV6_UNICAST_HOPS;
    if (setsockopt(icmp->fd, level, option, (void *)&hops, sizeof hops) < 0)
      return vn_os_socket_error();
  }
  if (sendto(icmp->fd, (void *)bytes, sizeof bytes, 0, &to->at.any, to->size) >= 0)
    return 0;
  return vn_os_socket_error();
}

/* Skips an IPv4 header where one is. Gives NULL if there is too little. */
static const uint8_t *
skip_ip(const uint8_t *bytes, size_t *n, int family)
{
  size_t header = family == AF_INET6 ? IPV6_HEADER : *n < 1 ? 0 : (size_t)(bytes[0] & 15) * 4;
  if (header < 20 || *n < header)
    return NULL;
  *n -= header;
  return bytes + header;
}

/* Is this an echo message of ours, request or answer? Errors quote perhaps no more than 8 bytes
 * of it; then its id must do, which only a raw socket sets itself. */
static int
is_ours(const VnIcmp *icmp, const uint8_t *bytes, size_t n, uint16_t *out_sequence)
{
  if (n < HEADER)
    return 0;
  *out_sequence = (uint16_t)(bytes[6] << 8 | bytes[7]);
  if (n >= HEADER + VN_ICMP_COOKIE)
    return memcmp(bytes + HEADER, icmp->cookie, VN_ICMP_COOKIE) == 0;
  return icmp->raw && (bytes[4] << 8 | bytes[5]) == icmp->id;
}

static VnIcmpKind
kind_of(int family, uint8_t type)
{
  if (type == (family == AF_INET ? 0 : 129))
    return VN_ICMP_ANSWER;
  if (type == (family == AF_INET ? 11 : 3))
    return VN_ICMP_EXPIRED;
  if (type == (family == AF_INET ? 3 : 1))
    return VN_ICMP_UNREACHABLE;
  return VN_ICMP_OTHER;
}

int
vn_icmp_receive(VnIcmp *icmp, uint16_t *out_sequence, VnPeer *out_from)
{
  uint8_t bytes[512];
  memset(out_from, 0, sizeof *out_from);
  out_from->size = sizeof out_from->at;
  int64_t got =
      recvfrom(icmp->fd, (void *)bytes, sizeof bytes, 0, &out_from->at.any, &out_from->size);
  if (got < 0)
    return -1;
  size_t n = (size_t)got;
  const uint8_t *message = bytes;
  if (icmp->family == AF_INET && icmp->raw)
    message = skip_ip(bytes, &n, AF_INET);
  if (message == NULL || n < HEADER)
    return VN_ICMP_OTHER;
  VnIcmpKind kind = kind_of(icmp->family, message[0]);
  if (kind == VN_ICMP_EXPIRED || kind == VN_ICMP_UNREACHABLE) {
    n -= HEADER;
    message = skip_ip(message + HEADER, &n, icmp->family);
    if (message == NULL)
      return VN_ICMP_OTHER;
  }
  return is_ours(icmp, message, n, out_sequence) ? kind : VN_ICMP_OTHER;
}
