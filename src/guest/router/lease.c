/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The table of leases, made of lines of NETWORK. */
#include "guest/router/lease.h"
#include "guest/router/router.h"

#include <errno.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>

static VnLease *leases;
static unsigned n_leases, capacity;

static int
parse_address(const char *text, uint8_t out[16], unsigned *out_size)
{
  if (inet_pton(AF_INET, text, out) == 1)
    *out_size = 4;
  else if (inet_pton(AF_INET6, text, out) == 1)
    *out_size = 16;
  else
    return -1;
  return 0;
}

/* Cuts the text at the slash. */
static int
parse_prefix(char *text, uint8_t out[16], unsigned *out_size, uint8_t *out_length)
{
  char *slash = strchr(text, '/');
  int64_t length;
  if (slash == NULL)
    return -1;
  *slash = '\0';
  int good = parse_address(text, out, out_size) == 0 &&
             vn_text_int(slash + 1, 0, *out_size * 8, &length) == 0;
  *slash = '/';
  if (!good)
    return -1;
  *out_length = (uint8_t)length;
  return 0;
}

/* "DESTINATION=GATEWAY" */
static int
parse_route(char *word, unsigned size, VnLeaseRoute *out)
{
  unsigned to_size, via_size = size;
  char *equals = strchr(word, '=');
  if (equals == NULL)
    return -1;
  *equals = '\0';
  int good = parse_prefix(word, out->to, &to_size, &out->length) == 0;
  *equals = '=';
  out->has_via = !vn_text_equal(equals + 1, "-");
  if (good && out->has_via)
    good = parse_address(equals + 1, out->via, &via_size) == 0;
  return good && to_size == size && via_size == size ? 0 : -1;
}

static int
parse_routes(char **words, unsigned n, VnLease *lease)
{
  if (n > VN_LEASE_ROUTES_MAX)
    return -1;
  lease->routes = calloc(n == 0 ? 1 : n, sizeof *lease->routes);
  if (lease->routes == NULL)
    return ENOMEM;
  for (unsigned i = 0; i < n; i++)
    if (parse_route(words[i], lease->size, &lease->routes[i]) < 0)
      return -1;
  lease->n_routes = (uint16_t)n;
  return 0;
}

static int
parse(char **words, unsigned n, VnLease *out)
{
  unsigned size;
  int64_t mtu;
  if (n < 5 || vn_iface_parse_mac(words[1], out->mac) < 0 ||
      parse_prefix(words[2], out->address, &size, &out->length) < 0 ||
      strlen(words[3]) >= VN_LEASE_NAME_MAX || vn_text_int(words[4], 0, UINT16_MAX, &mtu) < 0)
    return -1;
  out->iface = if_nametoindex(vn_iface_real(words[0]));
  out->size = (uint8_t)size;
  out->mtu = (uint16_t)mtu;
  if (!vn_text_equal(words[3], "-"))
    strcpy(out->name, words[3]);
  return out->iface == 0 ? ENODEV : parse_routes(words + 5, n - 5, out);
}

static VnLease *
find(uint32_t iface, const uint8_t mac[6], unsigned size)
{
  for (unsigned i = 0; i < n_leases; i++)
    if (leases[i].iface == iface && leases[i].size == size && memcmp(leases[i].mac, mac, 6) == 0)
      return &leases[i];
  return NULL;
}

static int
make_room(void)
{
  if (n_leases < capacity)
    return 0;
  if (capacity >= VN_LEASES_MAX)
    return ENOSPC;
  unsigned more = capacity == 0 ? 16 : capacity * 2;
  VnLease *all = realloc(leases, more * sizeof *all);
  if (all == NULL)
    return ENOMEM;
  leases = all;
  capacity = more;
  return 0;
}

int
vn_lease_add(char **words, unsigned n, const VnLease **out)
{
  VnLease lease;
  memset(&lease, 0, sizeof lease);
  int error = parse(words, n, &lease);
  VnLease *place = error == 0 ? find(lease.iface, lease.mac, lease.size) : NULL;
  if (error == 0 && place == NULL)
    error = make_room();
  if (error != 0) {
    free(lease.routes);
    return error;
  }
  if (place == NULL)
    place = &leases[n_leases++];
  else
    free(place->routes);
  *place = lease;
  *out = place;
  return 0;
}

const VnLease *
vn_lease_find(uint32_t iface, const uint8_t mac[6], unsigned size)
{
  return find(iface, mac, size);
}

unsigned
vn_leases(const VnLease **out)
{
  *out = leases;
  return n_leases;
}
