/* SPDX-License-Identifier: GPL-3.0-or-later */
/* DHCPv6 (RFC 8415) and router advertisements (RFC 4861): the advertisement says that addresses
 * come by DHCPv6, what is on the link and what the router is for; DHCPv6 gives the one address. */
#include "guest/router/lease.h"

#include <string.h>

#define SERVER_PORT 547u
#define CLIENT_PORT 546u
#define FOREVER     0xffffffffu
#define DUID_MAX    130u
#define ICMP6       58u
#define LIFETIME    65535u /* seconds; the longest that a default router can say */

enum {
  SOLICIT = 1,
  ADVERTISE,
  REQUEST,
  CONFIRM,
  RENEW,
  REBIND,
  REPLY,
  RELEASE,
  DECLINE,
  RECONFIGURE,
  INFORMATION
};
enum {
  OPTION_CLIENT = 1,
  OPTION_SERVER,
  OPTION_IA,
  OPTION_ADDRESS = 5,
  OPTION_STATUS = 13,
  OPTION_RAPID
};

typedef struct {
  uint8_t type;
  const uint8_t *transaction; /* three bytes */
  const uint8_t *client, *server, *ia; /* values; NULL: not said. ia: its number, 4 bytes */
  size_t n_client, n_server;
  int rapid;
} Question;

static void
take_option(Question *question, unsigned code, const uint8_t *value, size_t size)
{
  if (code == OPTION_CLIENT) {
    question->client = value;
    question->n_client = size;
  } else if (code == OPTION_SERVER) {
    question->server = value;
    question->n_server = size;
  } else if (code == OPTION_IA && size >= 12 && question->ia == NULL) {
    question->ia = value; /* others get nothing: there is one address */
  } else if (code == OPTION_RAPID) {
    question->rapid = 1;
  }
}

static int
parse(const uint8_t *packet, size_t n, Question *out)
{
  size_t size, at = 4;
  const uint8_t *m = vn_packet_udp(packet, n, 6, SERVER_PORT, &size);
  if (m == NULL || size < at)
    return -1;
  *out = (Question){.type = m[0], .transaction = m + 1};
  while (at < size) {
    if (size - at < 4 || vn_packet_16(m + at + 2) > size - at - 4)
      return -1;
    take_option(out, vn_packet_16(m + at), m + at + 4, vn_packet_16(m + at + 2));
    at += 4u + vn_packet_16(m + at + 2);
  }
  return out->n_client > DUID_MAX ? -1 : 0;
}

/* 0: say nothing. */
static uint8_t
answer_type(const Question *question, const uint8_t duid[10])
{
  if (question->server != NULL &&
      (question->n_server != 10 || memcmp(question->server, duid, 10) != 0))
    return 0; /* it chose another */
  switch (question->type) {
  case SOLICIT:
    return question->rapid ? REPLY : ADVERTISE;
  case REQUEST:
  case CONFIRM:
  case RENEW:
  case REBIND:
  case RELEASE:
  case DECLINE:
  case INFORMATION:
    return REPLY;
  default:
    return 0;
  }
}

static void
head(VnBytes *out, unsigned code, size_t size)
{
  vn_bytes_int(out, code, 2);
  vn_bytes_int(out, (uint32_t)size, 2);
}

static void
put_address(VnBytes *out, const Question *question, const VnLease *lease)
{
  head(out, OPTION_IA, 12 + 4 + 24);
  vn_bytes_put(out, question->ia, 4);
  vn_bytes_int(out, FOREVER, 4);
  vn_bytes_int(out, FOREVER, 4);
  head(out, OPTION_ADDRESS, 24);
  vn_bytes_put(out, lease->address, 16);
  vn_bytes_int(out, FOREVER, 4);
  vn_bytes_int(out, FOREVER, 4);
}

static void
message(VnBytes *out, const Question *question, const VnLease *lease, uint8_t type,
        const uint8_t duid[10])
{
  vn_bytes_int(out, type, 1);
  vn_bytes_put(out, question->transaction, 3);
  if (question->client != NULL) {
    head(out, OPTION_CLIENT, question->n_client);
    vn_bytes_put(out, question->client, question->n_client);
  }
  head(out, OPTION_SERVER, 10);
  vn_bytes_put(out, duid, 10);
  int gives = question->type == SOLICIT || question->type == REQUEST || question->type == RENEW ||
              question->type == REBIND;
  if (gives && question->ia != NULL)
    put_address(out, question, lease);
  if (type == REPLY && question->type == SOLICIT)
    head(out, OPTION_RAPID, 0);
  if (!gives && question->type != INFORMATION) {
    head(out, OPTION_STATUS, 2);
    vn_bytes_int(out, 0, 2); /* success */
  }
}

size_t
vn_dhcp6_answer(const VnLease *lease, const VnServer *server, const uint8_t *packet, size_t n,
                uint8_t out[VN_ANSWER_MAX])
{
  uint8_t duid[10] = {0, 3, 0, 1}; /* by link-layer address, Ethernet */
  Question question;
  memcpy(duid + 4, server->mac, 6);
  if (!server->has6 || parse(packet, n, &question) < 0)
    return 0;
  uint8_t type = answer_type(&question, duid);
  VnBytes bytes = {.bytes = out + VN_PACKET_HEAD6, .capacity = VN_ANSWER_MAX - VN_PACKET_HEAD6};
  if (type == 0)
    return 0;
  message(&bytes, &question, lease, type, duid);
  return bytes.overflow ? 0
                        : vn_packet_head6(out, bytes.used, server->address6, packet + 8,
                                          SERVER_PORT, CLIENT_PORT);
}

/* ---- advertisements ---- */

int
vn_is_solicitation(const uint8_t *packet, size_t n)
{
  return n >= 48 && packet[0] >> 4 == 6 && packet[6] == ICMP6 && packet[7] == 255 &&
         packet[40] == 133 && packet[41] == 0;
}

/* on_link: of a prefix that needs no router. */
static void
put_prefix(VnBytes *out, const uint8_t prefix[16], uint8_t length)
{
  uint8_t network[16];
  memcpy(network, prefix, 16);
  for (unsigned bit = length; bit < 128; bit++)
    network[bit / 8] &= (uint8_t) ~(0x80 >> bit % 8);
  vn_bytes_int(out, 0x0304, 2);
  vn_bytes_int(out, length, 1);
  vn_bytes_int(out, 0x80, 1); /* on the link, and nobody makes an address of it */
  vn_bytes_int(out, FOREVER, 4);
  vn_bytes_int(out, FOREVER, 4);
  vn_bytes_int(out, 0, 4);
  vn_bytes_put(out, network, 16);
}

static void
put_route(VnBytes *out, const VnLeaseRoute *route)
{
  if (!route->has_via) {
    put_prefix(out, route->to, route->length);
    return;
  }
  vn_bytes_int(out, 0x1803, 2);
  vn_bytes_int(out, route->length, 1);
  vn_bytes_int(out, 0, 1);
  vn_bytes_int(out, FOREVER, 4);
  vn_bytes_put(out, route->to, 16);
}

static int
has_default(const VnLease *lease)
{
  for (unsigned i = 0; i < lease->n_routes; i++)
    if (lease->routes[i].length == 0 && lease->routes[i].has_via)
      return 1;
  return 0;
}

static void
put_advert(VnBytes *out, const VnLease *lease, const VnServer *server)
{
  vn_bytes_int(out, 134u << 24, 4);
  vn_bytes_int(out, 64, 1);
  vn_bytes_int(out, 0xc0, 1); /* addresses and the rest come by DHCPv6 */
  vn_bytes_int(out, has_default(lease) ? LIFETIME : 0, 2);
  vn_bytes_int(out, 0, 4);
  vn_bytes_int(out, 0, 4);
  vn_bytes_int(out, 0x0101, 2);
  vn_bytes_put(out, server->mac, 6);
  if (lease->mtu >= 1280) {
    vn_bytes_int(out, 0x05010000, 4);
    vn_bytes_int(out, lease->mtu, 4);
  }
  put_prefix(out, lease->address, lease->length);
  for (unsigned i = 0; i < lease->n_routes; i++)
    if (lease->routes[i].length > 0)
      put_route(out, &lease->routes[i]);
}

size_t
vn_advert(const VnLease *lease, const VnServer *server, uint8_t out[VN_ANSWER_MAX])
{
  static const uint8_t all_nodes[16] = {0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};
  VnBytes bytes = {.bytes = out + 40, .capacity = VN_ANSWER_MAX - 40};
  if (!server->has6)
    return 0;
  put_advert(&bytes, lease, server);
  if (bytes.overflow)
    return 0;
  size_t whole = 40 + bytes.used;
  memset(out, 0, 40);
  out[0] = 0x60;
  out[4] = (uint8_t)(bytes.used >> 8);
  out[5] = (uint8_t)bytes.used;
  out[6] = ICMP6;
  out[7] = 255;
  memcpy(out + 8, server->address6, 16);
  memcpy(out + 24, all_nodes, 16); /* in a frame to the one host */
  uint16_t sum = vn_packet_sum6(out, whole, ICMP6);
  out[42] = (uint8_t)(sum >> 8);
  out[43] = (uint8_t)sum;
  return whole;
}
