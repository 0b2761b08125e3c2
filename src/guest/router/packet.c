/* SPDX-License-Identifier: GPL-3.0-or-later */
/* IP and UDP headers, read and written. */
#include "guest/router/lease.h"

#include <string.h>

#define UDP      17u
#define UDP_HEAD 8u

void
vn_bytes_put(VnBytes *bytes, const void *more, size_t n)
{
  if (bytes->overflow || n > bytes->capacity - bytes->used) {
    bytes->overflow = 1;
    return;
  }
  if (n > 0)
    memcpy(bytes->bytes + bytes->used, more, n);
  bytes->used += n;
}

void
vn_bytes_int(VnBytes *bytes, uint32_t value, unsigned size)
{
  uint8_t all[4] = {(uint8_t)(value >> 24), (uint8_t)(value >> 16), (uint8_t)(value >> 8),
                    (uint8_t)value};
  vn_bytes_put(bytes, all + 4 - size, size);
}

uint16_t
vn_packet_16(const uint8_t *bytes)
{
  return (uint16_t)((unsigned)bytes[0] << 8 | bytes[1]);
}

uint32_t
vn_packet_32(const uint8_t *bytes)
{
  return (uint32_t)vn_packet_16(bytes) << 16 | vn_packet_16(bytes + 2);
}

static void
set16(uint8_t *bytes, size_t value)
{
  bytes[0] = (uint8_t)(value >> 8);
  bytes[1] = (uint8_t)value;
}

const uint8_t *
vn_packet_udp(const uint8_t *packet, size_t n, unsigned version, uint16_t port, size_t *out_size)
{
  size_t head = 40;
  if (n < 20 || packet[0] >> 4 != version)
    return NULL;
  if (version == 4) {
    head = (packet[0] & 15u) * 4u;
    if (head < 20 || packet[9] != UDP || (vn_packet_16(packet + 6) & 0x3fff) != 0)
      return NULL; /* parts of packets are not put together */
  } else if (n < head || packet[6] != UDP)
    return NULL;
  if (n < head + UDP_HEAD || vn_packet_16(packet + head + 2) != port)
    return NULL;
  size_t size = vn_packet_16(packet + head + 4);
  if (size < UDP_HEAD || size > n - head)
    return NULL;
  *out_size = size - UDP_HEAD;
  return packet + head + UDP_HEAD;
}

static uint32_t
add_up(uint32_t sum, const uint8_t *bytes, size_t n)
{
  for (size_t i = 0; i + 1 < n; i += 2)
    sum += vn_packet_16(bytes + i);
  return n % 2 == 0 ? sum : sum + ((uint32_t)bytes[n - 1] << 8);
}

static uint16_t
fold(uint32_t sum)
{
  while (sum >> 16 != 0)
    sum = (sum >> 16) + (sum & 0xffff);
  return (uint16_t)~sum;
}

static void
udp_head(uint8_t *udp, size_t n, uint16_t from_port, uint16_t to_port)
{
  set16(udp, from_port);
  set16(udp + 2, to_port);
  set16(udp + 4, UDP_HEAD + n);
  set16(udp + 6, 0);
}

static void
set_sum(uint8_t *place, uint16_t sum)
{
  set16(place, sum == 0 ? 0xffff : sum); /* 0 says that there is none */
}

size_t
vn_packet_head4(uint8_t *packet, size_t n, const uint8_t from[4], const uint8_t to[4],
                uint16_t from_port, uint16_t to_port)
{
  size_t whole = VN_PACKET_HEAD4 + n;
  memset(packet, 0, 20);
  packet[0] = 0x45;
  set16(packet + 2, whole);
  packet[8] = 64;
  packet[9] = UDP;
  memcpy(packet + 12, from, 4);
  memcpy(packet + 16, to, 4);
  set16(packet + 10, fold(add_up(0, packet, 20)));
  udp_head(packet + 20, n, from_port, to_port);
  uint32_t sum = add_up(UDP + (uint32_t)(UDP_HEAD + n), packet + 12, 8);
  set_sum(packet + 26, fold(add_up(sum, packet + 20, UDP_HEAD + n)));
  return whole;
}

uint16_t
vn_packet_sum6(const uint8_t *packet, size_t n, uint8_t protocol)
{
  uint32_t sum = add_up(protocol + (uint32_t)(n - 40), packet + 8, 32);
  return fold(add_up(sum, packet + 40, n - 40));
}

size_t
vn_packet_head6(uint8_t *packet, size_t n, const uint8_t from[16], const uint8_t to[16],
                uint16_t from_port, uint16_t to_port)
{
  size_t whole = VN_PACKET_HEAD6 + n;
  memset(packet, 0, 40);
  packet[0] = 0x60;
  set16(packet + 4, whole - 40);
  packet[6] = UDP;
  packet[7] = 64;
  memcpy(packet + 8, from, 16);
  memcpy(packet + 24, to, 16);
  udp_head(packet + 40, n, from_port, to_port);
  set_sum(packet + 46, vn_packet_sum6(packet, whole, UDP));
  return whole;
}
