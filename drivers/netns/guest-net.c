/* SPDX-License-Identifier: GPL-3.0-or-later */
/* See guest-net.h. Everything that route netlink can do goes out in one batch.
 *
 * IPv6 link-local addresses are given by hand, without duplicate detection, where a VM has to do
 * with IPv6, and not at all elsewhere: detection would take seconds, and on a hub of
 * hundreds its multicasts are a storm. Proxied replies are not delayed (proxy_delay 0).
 */
#include "drivers/netns/guest-net.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/ip.h>
#include <linux/neighbour.h>
#include <net/if.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define LOOPBACK      1

typedef enum { STEP_LINK, STEP_ADDRESS, STEP_ROUTE, STEP_PROXY, STEP_DELAY } Step;

static const char *const step_texts[] = {
    [STEP_LINK] = "bringing up an interface", [STEP_ADDRESS] = "setting an address",
    [STEP_ROUTE] = "setting a route",         [STEP_PROXY] = "setting a proxied address",
    [STEP_DELAY] = "setting the proxy delay",
};

typedef struct {
  int errnum;
  guint32 step;
} Failure;

static void
note_failure(guint32 tag, int errnum, gpointer data)
{
  Failure *failure = data;
  /* A route or address that is there already is what was wanted. */
  if (errnum == EEXIST || failure->errnum != 0)
    return;
  failure->errnum = errnum;
  failure->step = tag;
}

static guint8
af_of(guint8 family)
{
  return family == 4 ? AF_INET : AF_INET6;
}

static gsize
bytes_of(guint8 family)
{
  return family == 4 ? 4 : 16;
}

static void
put_up(VnNetlink *netlink, guint32 link, unsigned flags)
{
  struct ifinfomsg body = {.ifi_index = (int)link, .ifi_flags = flags, .ifi_change = flags};
  vn_netlink_request(netlink, STEP_LINK, RTM_NEWLINK, 0, &body, sizeof body);
}

/* Must come before the interface is up. */
static void
put_no_link_local(VnNetlink *netlink, guint32 link)
{
  struct ifinfomsg body = {.ifi_index = (int)link};
  struct nlmsghdr *request =
      vn_netlink_request(netlink, STEP_LINK, RTM_NEWLINK, 0, &body, sizeof body);
  struct nlattr *families = mnl_attr_nest_start(request, IFLA_AF_SPEC);
  struct nlattr *inet6 = mnl_attr_nest_start(request, AF_INET6);
  mnl_attr_put_u8(request, IFLA_INET6_ADDR_GEN_MODE, IN6_ADDR_GEN_MODE_NONE);
  mnl_attr_nest_end(request, inet6);
  mnl_attr_nest_end(request, families);
}

static void
put_address(VnNetlink *netlink, guint32 link, const VnPrefix *prefix)
{
  const VnAddress *address = &prefix->address;
  struct ifaddrmsg body = {
      .ifa_family = af_of(address->family), .ifa_prefixlen = prefix->length, .ifa_index = link};
  struct nlmsghdr *request = vn_netlink_request(netlink, STEP_ADDRESS, RTM_NEWADDR,
                                                NLM_F_CREATE | NLM_F_EXCL, &body, sizeof body);
  mnl_attr_put(request, IFA_LOCAL, bytes_of(address->family), address->bytes);
  mnl_attr_put(request, IFA_ADDRESS, bytes_of(address->family), address->bytes);
  if (address->family == 6) {
    mnl_attr_put_u32(request, IFA_FLAGS, IFA_F_NODAD);
  } else if (prefix->length < 31) {
    guint32 broadcast = 0;
    memcpy(&broadcast, address->bytes, sizeof broadcast);
    broadcast |= GUINT32_TO_BE((guint32)(G_MAXUINT32 >> prefix->length));
    mnl_attr_put_u32(request, IFA_BROADCAST, broadcast);
  }
}

/* fe80:: with the interface's MAC (RFC 4291, appendix A). */
static void
put_link_local(VnNetlink *netlink, guint32 link, guint64 mac)
{
  VnPrefix prefix = {.address = {.family = 6, .bytes = {0xfe, 0x80}}, .length = 64};
  guint8 *end = prefix.address.bytes + 8;
  end[0] = (guint8)(mac >> 40) ^ 2;
  end[1] = (guint8)(mac >> 32);
  end[2] = (guint8)(mac >> 24);
  end[3] = 0xff;
  end[4] = 0xfe;
  end[5] = (guint8)(mac >> 16);
  end[6] = (guint8)(mac >> 8);
  end[7] = (guint8)mac;
  put_address(netlink, link, &prefix);
}

static guint32
link_of(guint32 iface)
{
  return iface == VN_DRIVER_EXTERNAL ? VN_NETNS_EXTERNAL_LINK : VN_NETNS_FIRST_IFACE + iface;
}

static void
put_route(VnNetlink *netlink, const VnDriverRoute *route)
{
  const VnAddress *to = &route->prefix.address, *gateway = &route->gateway;
  VnPrefix network = vn_prefix_network(&route->prefix);
  struct rtmsg body = {
      .rtm_family = af_of(to->family),
      .rtm_dst_len = route->prefix.length,
      .rtm_table = RT_TABLE_MAIN,
      .rtm_protocol = RTPROT_STATIC,
      .rtm_scope = gateway->family == 0 && to->family == 4 ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE,
      .rtm_type = RTN_UNICAST,
      /* Topology says which gateways are on the link; the kernel need not check. */
      .rtm_flags = gateway->family == 0 ? 0 : RTNH_F_ONLINK,
  };
  struct nlmsghdr *request = vn_netlink_request(netlink, STEP_ROUTE, RTM_NEWROUTE,
                                                NLM_F_CREATE | NLM_F_EXCL, &body, sizeof body);
  if (route->prefix.length > 0)
    mnl_attr_put(request, RTA_DST, bytes_of(to->family), network.address.bytes);
  if (gateway->family == to->family)
    mnl_attr_put(request, RTA_GATEWAY, bytes_of(gateway->family), gateway->bytes);
  mnl_attr_put_u32(request, RTA_OIF, link_of(route->iface));
}

static void
put_proxy(VnNetlink *netlink, const VnDriverProxy *proxy)
{
  struct ndmsg body = {.ndm_family = af_of(proxy->address.family),
                       .ndm_ifindex = (int)link_of(proxy->iface),
                       .ndm_state = NUD_PERMANENT,
                       .ndm_flags = NTF_PROXY};
  struct nlmsghdr *request = vn_netlink_request(netlink, STEP_PROXY, RTM_NEWNEIGH,
                                                NLM_F_CREATE | NLM_F_REPLACE, &body, sizeof body);
  mnl_attr_put(request, NDA_DST, bytes_of(proxy->address.family), proxy->address.bytes);
}

static void
put_no_delay(VnNetlink *netlink, guint8 family, guint32 link)
{
  struct ndtmsg body = {.ndtm_family = af_of(family)};
  struct nlmsghdr *request =
      vn_netlink_request(netlink, STEP_DELAY, RTM_SETNEIGHTBL, 0, &body, sizeof body);
  mnl_attr_put_strz(request, NDTA_NAME, family == 4 ? "arp_cache" : "ndisc_cache");
  struct nlattr *settings = mnl_attr_nest_start(request, NDTA_PARMS);
  mnl_attr_put_u32(request, NDTPA_IFINDEX, link);
  mnl_attr_put_u64(request, NDTPA_PROXY_DELAY, 0);
  mnl_attr_nest_end(request, settings);
}

/* Has it anything to do with IPv6? Then all its interfaces need link-local addresses. */
static gboolean
speaks_6(const VnNetnsVm *vm)
{
  for (guint32 i = 0; i < vm->wire.n_ifaces; i++)
    if (vm->ifaces[i].address6.address.family != 0)
      return TRUE;
  for (guint32 i = 0; i < vm->wire.n_routes; i++)
    if (vm->routes[i].prefix.address.family == 6)
      return TRUE;
  for (guint32 i = 0; i < vm->wire.n_proxies; i++)
    if (vm->proxies[i].address.family == 6)
      return TRUE;
  return FALSE;
}

static void
put_iface(VnNetlink *netlink, const VnNetnsVm *vm, guint32 i, gboolean six)
{
  const VnDriverIface *iface = &vm->ifaces[i];
  guint32 link = link_of(i);
  put_no_link_local(netlink, link);
  put_up(netlink, link, IFF_UP);
  if (iface->preset)
    return;
  if (iface->address4.address.family != 0)
    put_address(netlink, link, &iface->address4);
  if (iface->address6.address.family != 0)
    put_address(netlink, link, &iface->address6);
  if (six)
    put_link_local(netlink, link, iface->mac);
  if (vm->wire.router) {
    put_no_delay(netlink, 4, link);
    if (six)
      put_no_delay(netlink, 6, link);
  }
}

static gboolean
write_setting(const char *path, const char *value)
{
  int fd = open(path, O_WRONLY | O_CLOEXEC);
  if (fd < 0)
    return errno == ENOENT; /* no IPv6 in this kernel */
  gboolean done = write(fd, value, strlen(value)) == (gssize)strlen(value);
  close(fd);
  return done;
}

static gboolean
set_forwarding(const VnNetnsVm *vm, gboolean forwards, gboolean filters)
{
  if (!vm->wire.router)
    return !forwards || write_setting("/proc/sys/net/ipv4/ip_forward", "0");
  if (!write_setting("/proc/sys/net/ipv4/ip_forward", "1") ||
      !write_setting("/proc/sys/net/ipv6/conf/all/forwarding", "1") ||
      !write_setting("/proc/sys/net/ipv6/conf/all/proxy_ndp", "1") ||
      !write_setting("/proc/sys/net/ipv4/conf/all/send_redirects", "0"))
    return FALSE;
  if (!filters)
    return TRUE;
  /* A subnet that spans several segments has ways in and out that differ. */
  if (!write_setting("/proc/sys/net/ipv4/conf/all/rp_filter", "0"))
    return FALSE;
  for (guint32 i = 0; i < vm->wire.n_ifaces; i++) {
    char path[80];
    g_snprintf(path, sizeof path, "/proc/sys/net/ipv4/conf/%s/rp_filter", vm->ifaces[i].name);
    if (!write_setting(path, "0"))
      return FALSE;
  }
  return TRUE;
}

int
vn_netns_guest_net(const VnNetnsVm *vm, gboolean forwards, gboolean filters, const char **out_what)
{
  static VnNetlink netlink;
  Failure failure = {0};
  *out_what = "opening a netlink socket";
  int result = vn_netlink_open(&netlink, note_failure, &failure);
  if (result != 0)
    return result;
  gboolean six = speaks_6(vm);
  put_up(&netlink, LOOPBACK, IFF_UP);
  for (guint32 i = 0; i < vm->wire.n_ifaces; i++)
    put_iface(&netlink, vm, i, six);
  if (vm->wire.external) {
    put_no_link_local(&netlink, VN_NETNS_EXTERNAL_LINK);
    put_up(&netlink, VN_NETNS_EXTERNAL_LINK, IFF_UP | IFF_NOARP);
  }
  for (guint32 i = 0; i < vm->wire.n_routes; i++)
    put_route(&netlink, &vm->routes[i]);
  for (guint32 i = 0; i < vm->wire.n_proxies; i++)
    put_proxy(&netlink, &vm->proxies[i]);
  (void)vn_netlink_flush(&netlink);
  vn_netlink_close(&netlink);
  if (failure.errnum != 0) {
    *out_what = step_texts[failure.step];
    return failure.errnum;
  }
  *out_what = "setting up forwarding";
  return set_forwarding(vm, forwards, filters) ? 0 : errno;
}
