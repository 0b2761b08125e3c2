/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Questions of hosts about their addresses, and the answers, over packet sockets: they come from
 * hosts without an address, and who asks is known by the MAC address that the frame came from. A
 * filter in the kernel lets nothing else up. */
#define _GNU_SOURCE
#include "guest/router/lease.h"
#include "guest/router/router.h"

#include <errno.h>
#include <ifaddrs.h>
#include <linux/filter.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define TYPE_4     0x0800
#define TYPE_6     0x86dd
#define QUESTIONS  32u /* a turn */
#define AGAIN      (3600 * VN_SECOND) /* between advertisements that nobody asked for */

static int sockets[2] = {-1, -1}; /* for IPv4, IPv6 */
static int64_t next_adverts = VN_NEVER;

/* A UDP packet, no later part of one, to port 67. */
static struct sock_filter filter4[] = {
    BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 9),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 17, 0, 6),
    BPF_STMT(BPF_LD | BPF_H | BPF_ABS, 6),
    BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, 0x1fff, 4, 0),
    BPF_STMT(BPF_LDX | BPF_B | BPF_MSH, 0),
    BPF_STMT(BPF_LD | BPF_H | BPF_IND, 2),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 67, 0, 1),
    BPF_STMT(BPF_RET | BPF_K, 0xffff),
    BPF_STMT(BPF_RET | BPF_K, 0),
};

/* UDP to port 547, or a router solicitation. */
static struct sock_filter filter6[] = {
    BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 6),          BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 17, 0, 2),
    BPF_STMT(BPF_LD | BPF_H | BPF_ABS, 42),         BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 547, 3, 4),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 58, 0, 3),  BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 40),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 133, 0, 1), BPF_STMT(BPF_RET | BPF_K, 0xffff),
    BPF_STMT(BPF_RET | BPF_K, 0),
};

static int
open_one(int type, struct sock_filter *filter, unsigned n, int *out)
{
  const struct sock_fprog program = {.len = (unsigned short)n, .filter = filter};
  int fd = socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  struct sockaddr_ll any = {.sll_family = AF_PACKET, .sll_protocol = htons((uint16_t)type)};
  if (fd < 0)
    return errno;
  /* Bound last, so that nothing comes past the filter. */
  if (setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program) < 0 ||
      bind(fd, (struct sockaddr *)&any, sizeof any) < 0) {
    int error = errno;
    close(fd);
    return error;
  }
  *out = fd;
  return 0;
}

/* DHCPv6's servers and all routers: their multicasts must pass the network card. */
static void
join(int fd, uint32_t iface)
{
  static const uint8_t groups[][6] = {{0x33, 0x33, 0, 1, 0, 2}, {0x33, 0x33, 0, 0, 0, 2}};
  for (unsigned i = 0; i < 2; i++) {
    struct packet_mreq request = {
        .mr_ifindex = (int)iface, .mr_type = PACKET_MR_MULTICAST, .mr_alen = 6};
    memcpy(request.mr_address, groups[i], 6);
    setsockopt(fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &request, sizeof request);
  }
}

static void
take_address(const struct ifaddrs *at, VnServer *server)
{
  if (at->ifa_addr->sa_family == AF_INET) {
    server->has4 = 1;
    memcpy(server->address4, &((struct sockaddr_in *)(void *)at->ifa_addr)->sin_addr, 4);
  } else if (at->ifa_addr->sa_family == AF_INET6) {
    const struct in6_addr *six = &((struct sockaddr_in6 *)(void *)at->ifa_addr)->sin6_addr;
    if (IN6_IS_ADDR_LINKLOCAL(six)) {
      server->has6 = 1;
      memcpy(server->address6, six, 16);
    }
  } else if (at->ifa_addr->sa_family == AF_PACKET)
    memcpy(server->mac, ((struct sockaddr_ll *)(void *)at->ifa_addr)->sll_addr, 6);
}

static void
look_up(uint32_t iface, VnServer *out)
{
  char name[IF_NAMESIZE];
  struct ifaddrs *all;
  memset(out, 0, sizeof *out);
  if (if_indextoname(iface, name) == NULL || getifaddrs(&all) < 0)
    return;
  for (const struct ifaddrs *at = all; at != NULL; at = at->ifa_next)
    if (at->ifa_addr != NULL && vn_text_equal(at->ifa_name, name))
      take_address(at, out);
  freeifaddrs(all);
}

/* An answer that can't be sent is asked for again. */
static void
send_to(const VnLease *lease, int broadcast, const uint8_t *packet, size_t n)
{
  int six = lease->size == 16;
  struct sockaddr_ll to = {.sll_family = AF_PACKET,
                           .sll_protocol = htons(six ? TYPE_6 : TYPE_4),
                           .sll_ifindex = (int)lease->iface,
                           .sll_halen = 6};
  memcpy(to.sll_addr, lease->mac, 6);
  if (broadcast)
    memset(to.sll_addr, 0xff, 6);
  if (n > 0 && sendto(sockets[six], packet, n, 0, (struct sockaddr *)&to, sizeof to) < 0)
    return;
}

static void
advertise(const VnLease *lease)
{
  uint8_t out[VN_ANSWER_MAX];
  VnServer server;
  look_up(lease->iface, &server);
  send_to(lease, 0, out, vn_advert(lease, &server, out));
}

static void
answer(const VnLease *lease, const uint8_t *packet, size_t n)
{
  uint8_t out[VN_ANSWER_MAX];
  VnServer server;
  int broadcast = 0;
  look_up(lease->iface, &server);
  if (lease->size == 4) {
    size_t size = vn_dhcp4_answer(lease, &server, packet, n, out, &broadcast);
    send_to(lease, broadcast, out, size);
    return;
  }
  if (!vn_is_solicitation(packet, n))
    send_to(lease, 0, out, vn_dhcp6_answer(lease, &server, packet, n, out));
  advertise(lease); /* also to one that was put back and doesn't ask for it */
}

void
vn_serve_event(VnAgent *agent, VnFd fd)
{
  for (unsigned i = 0; i < QUESTIONS; i++) {
    struct sockaddr_ll from;
    socklen_t size = sizeof from;
    ssize_t n = recvfrom(fd, agent->chunk, sizeof agent->chunk, 0, (struct sockaddr *)&from, &size);
    if (n < 0)
      return;
    const VnLease *lease = from.sll_pkttype == PACKET_OUTGOING || from.sll_halen != 6
                               ? NULL
                               : vn_lease_find((uint32_t)from.sll_ifindex, from.sll_addr,
                                               fd == sockets[1] ? 16 : 4);
    if (lease != NULL)
      answer(lease, agent->chunk, (size_t)n);
  }
}

void
vn_serve_watch(VnAgent *agent)
{
  vn_agent_watch(agent, NULL, sockets[0], POLLIN, VN_ROUTER_SLOT_SERVE);
  vn_agent_watch(agent, NULL, sockets[1], POLLIN, VN_ROUTER_SLOT_SERVE);
}

int64_t
vn_serve_timer(int64_t now)
{
  const VnLease *all;
  if (now < next_adverts)
    return next_adverts;
  unsigned n = vn_leases(&all);
  for (unsigned i = 0; i < n; i++)
    if (all[i].size == 16)
      advertise(&all[i]);
  next_adverts = now + AGAIN;
  return next_adverts;
}

int
vn_serve_lease(char **words, unsigned n)
{
  const VnLease *lease;
  int error = vn_lease_add(words, n, &lease);
  if (error != 0)
    return error;
  int six = lease->size == 16;
  if (sockets[six] < 0)
    error = six ? open_one(TYPE_6, filter6, sizeof filter6 / sizeof *filter6, &sockets[1])
                : open_one(TYPE_4, filter4, sizeof filter4 / sizeof *filter4, &sockets[0]);
  if (error != 0 || !six)
    return error;
  join(sockets[1], lease->iface);
  advertise(lease); /* a host that is on already learns it now */
  next_adverts = vn_os_monotonic() + AGAIN;
  return 0;
}
