/* SPDX-License-Identifier: GPL-3.0-or-later */
/* DHCPv4 (RFC 2131): one fixed, endless lease for each client. */
#include "guest/router/lease.h"

#include <string.h>

#define SERVER_PORT 67u
#define CLIENT_PORT 68u
#define BOOTP_HEAD  236u
#define MAGIC       0x63825363u
#define LEAST       300u /* bytes of a BOOTP message, for old clients */
#define FOREVER     0xffffffffu
#define BROADCAST   0x8000u

enum { DISCOVER = 1, OFFER, REQUEST, DECLINE, ACK, NAK, RELEASE, INFORM };
enum {
  OPTION_MASK = 1,
  OPTION_ROUTER = 3,
  OPTION_NAME = 12,
  OPTION_MTU = 26,
  OPTION_REQUESTED = 50,
  OPTION_TIME = 51,
  OPTION_TYPE = 53,
  OPTION_SERVER = 54,
  OPTION_T1 = 58,
  OPTION_T2 = 59,
  OPTION_ROUTES = 121,
  OPTION_END = 255
};

typedef struct {
  const uint8_t *message; /* BOOTP_HEAD bytes at least */
  uint8_t type;
  const uint8_t *requested, *server; /* four bytes each; NULL: not said */
} Question;

static void
take_option(Question *question, uint8_t code, const uint8_t *value, size_t size)
{
  if (code == OPTION_TYPE && size == 1)
    question->type = value[0];
  else if (code == OPTION_REQUESTED && size == 4)
    question->requested = value;
  else if (code == OPTION_SERVER && size == 4)
    question->server = value;
}

/* 0, or -1: it is none. */
static int
parse(const uint8_t *packet, size_t n, const VnLease *lease, Question *out)
{
  static const uint8_t no_relay[4];
  size_t size, at = BOOTP_HEAD + 4;
  const uint8_t *m = vn_packet_udp(packet, n, 4, SERVER_PORT, &size);
  if (m == NULL || size < at || m[0] != 1 || m[1] != 1 || m[2] != 6 ||
      memcmp(m + 28, lease->mac, 6) != 0 || memcmp(m + 24, no_relay, 4) != 0 ||
      vn_packet_32(m + BOOTP_HEAD) != MAGIC)
    return -1;
  *out = (Question){.message = m};
  while (at < size && m[at] != OPTION_END) {
    if (m[at] == 0) {
      at++;
      continue;
    }
    if (size - at < 2 || m[at + 1] > size - at - 2)
      return -1;
    take_option(out, m[at], m + at + 2, m[at + 1]);
    at += 2u + m[at + 1];
  }
  return 0;
}

static void
option(VnBytes *out, uint8_t code, const void *value, size_t size)
{
  vn_bytes_int(out, code, 1);
  vn_bytes_int(out, (uint32_t)size, 1);
  vn_bytes_put(out, value, size);
}

static void
option_int(VnBytes *out, uint8_t code, uint32_t value, unsigned size)
{
  vn_bytes_int(out, code, 1);
  vn_bytes_int(out, size, 1);
  vn_bytes_int(out, value, size);
}

/* RFC 3442: each prefix as short as it is, then its gateway, 0.0.0.0 for what is on the link. More
 * than 255 bytes are several options that belong together (RFC 3396). */
static void
option_routes(VnBytes *out, const VnLease *lease)
{
  static const uint8_t on_link[4];
  uint8_t room[VN_LEASE_ROUTES_MAX * 9u];
  VnBytes all = {.bytes = room, .capacity = sizeof room};
  for (unsigned i = 0; i < lease->n_routes; i++) {
    const VnLeaseRoute *route = &lease->routes[i];
    vn_bytes_int(&all, route->length, 1);
    vn_bytes_put(&all, route->to, (route->length + 7u) / 8u);
    vn_bytes_put(&all, route->has_via ? route->via : on_link, 4);
  }
  for (size_t at = 0; at < all.used; at += 255)
    option(out, OPTION_ROUTES, room + at, all.used - at < 255 ? all.used - at : 255);
}

/* For clients that know no better: what the default route says. */
static void
option_gateway(VnBytes *out, const VnLease *lease)
{
  for (unsigned i = 0; i < lease->n_routes; i++)
    if (lease->routes[i].length == 0 && lease->routes[i].has_via)
      option(out, OPTION_ROUTER, lease->routes[i].via, 4);
}

static void
configuration(VnBytes *out, const VnLease *lease)
{
  option_int(out, OPTION_MASK, lease->length == 0 ? 0 : FOREVER << (32 - lease->length), 4);
  option_gateway(out, lease);
  if (lease->name[0] != '\0')
    option(out, OPTION_NAME, lease->name, strlen(lease->name));
  if (lease->mtu != 0)
    option_int(out, OPTION_MTU, lease->mtu, 2);
  option_routes(out, lease);
}

/* 0: say nothing. */
static uint8_t
answer_type(const Question *question, const VnLease *lease, const VnServer *server)
{
  static const uint8_t none[4];
  const uint8_t *own = question->message + 12; /* the address that it has already */
  int has = memcmp(own, none, 4) != 0;
  switch (question->type) {
  case DISCOVER:
    return OFFER;
  case REQUEST:
    if (question->server != NULL && memcmp(question->server, server->address4, 4) != 0)
      return 0; /* it chose another */
    if (question->requested != NULL && memcmp(question->requested, lease->address, 4) != 0)
      return NAK;
    return has && memcmp(own, lease->address, 4) != 0 ? NAK : ACK;
  case INFORM:
    return ACK;
  default:
    return 0;
  }
}

static void
message(VnBytes *out, const Question *question, const VnLease *lease, const VnServer *server,
        uint8_t type)
{
  static const uint8_t nothing[192];
  const uint8_t *m = question->message;
  int gives = type != NAK && question->type != INFORM;
  vn_bytes_int(out, 0x02010600, 4); /* a reply, Ethernet */
  vn_bytes_put(out, m + 4, 4);      /* its transaction */
  vn_bytes_put(out, nothing, 2);
  vn_bytes_put(out, m + 10, 2); /* flags */
  vn_bytes_put(out, type == NAK ? nothing : m + 12, 4);
  vn_bytes_put(out, gives ? lease->address : nothing, 4);
  vn_bytes_put(out, nothing, 8);
  vn_bytes_put(out, m + 28, 16); /* its hardware address */
  vn_bytes_put(out, nothing, 192);
  vn_bytes_int(out, MAGIC, 4);
  option_int(out, OPTION_TYPE, type, 1);
  option(out, OPTION_SERVER, server->address4, 4);
  if (gives) {
    option_int(out, OPTION_TIME, FOREVER, 4);
    option_int(out, OPTION_T1, FOREVER, 4);
    option_int(out, OPTION_T2, FOREVER, 4);
  }
  if (type != NAK)
    configuration(out, lease);
  vn_bytes_int(out, OPTION_END, 1);
  while (out->used < LEAST && !out->overflow)
    vn_bytes_int(out, 0, 1);
}

size_t
vn_dhcp4_answer(const VnLease *lease, const VnServer *server, const uint8_t *packet, size_t n,
                uint8_t out[VN_ANSWER_MAX], int *out_broadcast)
{
  static const uint8_t everybody[4] = {255, 255, 255, 255};
  Question question;
  if (!server->has4 || parse(packet, n, lease, &question) < 0)
    return 0;
  uint8_t type = answer_type(&question, lease, server);
  VnBytes bytes = {.bytes = out + VN_PACKET_HEAD4, .capacity = VN_ANSWER_MAX - VN_PACKET_HEAD4};
  if (type == 0)
    return 0;
  message(&bytes, &question, lease, server, type);
  if (bytes.overflow)
    return 0;
  *out_broadcast = type == NAK || (vn_packet_16(question.message + 10) & BROADCAST) != 0;
  const uint8_t *to = *out_broadcast ? everybody : lease->address;
  return vn_packet_head4(out, bytes.used, server->address4, to, SERVER_PORT, CLIENT_PORT);
}
