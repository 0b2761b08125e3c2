/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A small writer of rtnetlink requests (rtnetlink(7)): each is one message, answered by one
 * acknowledgement. A library would have to be built statically against the guest's libc. */
#define _GNU_SOURCE
#include "guest/router/router.h"

#include <errno.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define REQUEST_MAX 256

static int channel = -1;
static uint32_t sequence;

typedef struct {
  union {
    struct nlmsghdr header;
    uint8_t bytes[REQUEST_MAX];
  } at;
} Request;

typedef struct {
  int family;
  uint8_t bytes[16];
  uint8_t size, length; /* of the address; of the prefix */
} Prefix;

int
vn_netlink_open(void)
{
  channel = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
  return channel < 0 ? errno : 0;
}

void
vn_netlink_close(void)
{
  close(channel);
  channel = -1;
}

/* Starts a request; gives its fixed part, zeroed. */
static void *
begin(Request *request, uint16_t type, uint16_t flags, size_t size)
{
  memset(request, 0, sizeof *request);
  request->at.header.nlmsg_type = type;
  request->at.header.nlmsg_flags = (uint16_t)(NLM_F_REQUEST | NLM_F_ACK | flags);
  request->at.header.nlmsg_seq = ++sequence;
  request->at.header.nlmsg_len = (uint32_t)NLMSG_LENGTH(size);
  return request->at.bytes + NLMSG_HDRLEN;
}

/* All requests here have few and short attributes: they fit. */
static void
attribute(Request *request, uint16_t type, const void *bytes, size_t size)
{
  uint32_t at = NLMSG_ALIGN(request->at.header.nlmsg_len);
  struct rtattr head = {.rta_len = (uint16_t)RTA_LENGTH(size), .rta_type = type};
  memcpy(request->at.bytes + at, &head, sizeof head);
  memcpy(request->at.bytes + at + RTA_LENGTH(0), bytes, size);
  request->at.header.nlmsg_len = at + (uint32_t)RTA_SPACE(size);
}

static int
perform(Request *request)
{
  if (send(channel, request, request->at.header.nlmsg_len, 0) < 0)
    return errno;
  struct {
    struct nlmsghdr header;
    struct nlmsgerr error;
    uint8_t rest[REQUEST_MAX];
  } answer;
  ssize_t n;
  do
    n = recv(channel, &answer, sizeof answer, 0);
  while ((n < 0 && errno == EINTR) || (n > 0 && answer.header.nlmsg_seq != sequence));
  if (n < 0)
    return errno;
  if ((size_t)n < sizeof answer.header + sizeof answer.error)
    return EPROTO;
  return -answer.error.error;
}

static int
parse_address(const char *text, Prefix *out)
{
  if (inet_pton(AF_INET, text, out->bytes) == 1) {
    out->family = AF_INET;
    out->size = 4;
  } else if (inet_pton(AF_INET6, text, out->bytes) == 1) {
    out->family = AF_INET6;
    out->size = 16;
  } else
    return EINVAL;
  out->length = (uint8_t)(out->size * 8);
  return 0;
}

static int
parse_prefix(const char *text, Prefix *out)
{
  char address[INET6_ADDRSTRLEN];
  const char *slash = strchr(text, '/');
  int64_t length;
  if (slash == NULL)
    return parse_address(text, out);
  if ((size_t)(slash - text) >= sizeof address)
    return EINVAL;
  memcpy(address, text, (size_t)(slash - text));
  address[slash - text] = '\0';
  if (parse_address(address, out) != 0 || vn_text_int(slash + 1, 0, out->length, &length) < 0)
    return EINVAL;
  out->length = (uint8_t)length;
  return 0;
}

int
vn_netlink_link_up(const char *iface)
{
  Request request;
  struct ifinfomsg *link = begin(&request, RTM_NEWLINK, 0, sizeof *link);
  link->ifi_index = (int)if_nametoindex(iface);
  link->ifi_flags = link->ifi_change = IFF_UP;
  return link->ifi_index == 0 ? ENODEV : perform(&request);
}

int
vn_netlink_address(const char *iface, const char *text)
{
  Request request;
  Prefix prefix;
  struct ifaddrmsg *address =
      begin(&request, RTM_NEWADDR, NLM_F_CREATE | NLM_F_REPLACE, sizeof *address);
  if (parse_prefix(text, &prefix) != 0)
    return EINVAL;
  address->ifa_family = (uint8_t)prefix.family;
  address->ifa_prefixlen = prefix.length;
  address->ifa_flags = prefix.family == AF_INET6 ? IFA_F_NODAD : 0;
  address->ifa_index = if_nametoindex(iface);
  attribute(&request, IFA_LOCAL, prefix.bytes, prefix.size);
  attribute(&request, IFA_ADDRESS, prefix.bytes, prefix.size);
  return address->ifa_index == 0 ? ENODEV : perform(&request);
}

/* The kernel refuses a destination with bits beyond its length. */
static void
clear_host_bits(Prefix *prefix)
{
  for (unsigned bit = prefix->length; bit < prefix->size * 8u; bit++)
    prefix->bytes[bit / 8] &= (uint8_t) ~(0x80 >> bit % 8);
}

int
vn_netlink_route(const char *iface, const char *text, const char *gateway)
{
  Request request;
  Prefix prefix, via;
  struct rtmsg *route = begin(&request, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE, sizeof *route);
  uint32_t index = if_nametoindex(iface);
  if (parse_prefix(text, &prefix) != 0 || (gateway != NULL && parse_address(gateway, &via) != 0))
    return EINVAL;
  if (index == 0)
    return ENODEV;
  clear_host_bits(&prefix);
  route->rtm_family = (uint8_t)prefix.family;
  route->rtm_dst_len = prefix.length;
  route->rtm_table = RT_TABLE_MAIN;
  route->rtm_protocol = RTPROT_STATIC;
  route->rtm_scope =
      gateway == NULL && prefix.family == AF_INET ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE;
  route->rtm_type = RTN_UNICAST;
  /* Topology says which gateways are on the link; the kernel need not check. */
  route->rtm_flags = gateway == NULL ? 0 : RTNH_F_ONLINK;
  attribute(&request, RTA_DST, prefix.bytes, prefix.size);
  attribute(&request, RTA_OIF, &index, sizeof index);
  if (gateway != NULL)
    attribute(&request, RTA_GATEWAY, via.bytes, via.size);
  return perform(&request);
}

int
vn_netlink_proxy(const char *iface, const char *text)
{
  Request request;
  Prefix address;
  struct ndmsg *neighbour =
      begin(&request, RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_REPLACE, sizeof *neighbour);
  if (parse_address(text, &address) != 0)
    return EINVAL;
  neighbour->ndm_family = (uint8_t)address.family;
  neighbour->ndm_ifindex = (int)if_nametoindex(iface);
  neighbour->ndm_state = NUD_PERMANENT;
  neighbour->ndm_flags = NTF_PROXY;
  attribute(&request, NDA_DST, address.bytes, address.size);
  return neighbour->ndm_ifindex == 0 ? ENODEV : perform(&request);
}
