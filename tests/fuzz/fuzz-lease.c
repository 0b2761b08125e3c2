/* SPDX-License-Identifier: GPL-3.0-or-later */
/* libFuzzer target: whatever a host sends to a router's DHCP servers, reading stays within the
 * bytes that are there, and an answer is a whole IP packet that fits. */
#include "guest/router/lease.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const VnServer server = {.mac = {2, 0, 0, 0, 0, 7},
                                .has4 = 1,
                                .has6 = 1,
                                .address4 = {10, 7, 4, 1},
                                .address6 = {0xfe, 0x80, [15] = 7}};

/* As many routes as there may be: the largest answers. */
static VnLeaseRoute routes[VN_LEASE_ROUTES_MAX];

static void
check(const uint8_t *packet, size_t n)
{
  if (n == 0)
    return;
  size_t whole = packet[0] >> 4 == 4 ? vn_packet_16(packet + 2) : 40u + vn_packet_16(packet + 4);
  if (n > VN_ANSWER_MAX || whole != n)
    abort();
}

static void
try(uint8_t size, uint16_t n_routes, const uint8_t *data, size_t n)
{
  uint8_t *out = malloc(VN_ANSWER_MAX); /* whose end is watched */
  int broadcast;
  const VnLease lease = {.iface = 1,
                         .mac = {2, 0, 0, 0, 0, 8},
                         .size = size,
                         .length = size == 4 ? 24 : 64,
                         .mtu = 1400,
                         .n_routes = n_routes,
                         .name = "h-3",
                         .routes = routes};
  if (size == 4) {
    check(out, vn_dhcp4_answer(&lease, &server, data, n, out, &broadcast));
  } else {
    check(out, vn_dhcp6_answer(&lease, &server, data, n, out));
    (void)vn_is_solicitation(data, n);
    check(out, vn_advert(&lease, &server, out));
  }
  free(out);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  for (unsigned i = 0; i < VN_LEASE_ROUTES_MAX; i++)
    routes[i] = (VnLeaseRoute){.length = i % 2 == 0 ? 32 : 0, .has_via = i % 3 != 0};
  for (uint16_t n = 0; n <= VN_LEASE_ROUTES_MAX; n += VN_LEASE_ROUTES_MAX / 2) {
    try(4, n, data, size);
    try(16, n, data, size);
  }
  return 0;
}
