/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Segments in the hub's network namespace.
 *
 * A segment that is impaired is in the slave's hub: its ports are on no bridge, and the slave holds
 * a packet socket on each. Any other is a bridge that learns nothing (ageing 0), so each frame goes
 * to all its ports: a hub. When one bridge is full the next is joined to it by a veth pair; a row
 * has no loop, so it needs no spanning tree. A guest's interface is a veth whose other end is a
 * port. Indices of all links are given by us, so nothing is ever asked by name.
 */
#include "drivers/netns/keeper.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_bridge.h>
#include <linux/if_ether.h>
#include <linux/if_link.h>
#include <linux/if_packet.h>
#include <linux/veth.h>
#include <net/if.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "drivers/netns/failure.h"
#include "drivers/netns/guest-net.h"

/* All link-local groups that the kernel lets pass: all but STP, pause and LACP. */
#define FORWARDED_GROUPS 0xfff8
#define CAPTURE_BUFFER   (4 << 20)
#define EXTERNAL_BUFFER  (2 << 20)

/* While links are made: the VMs by place (a request's tag); and the errno of untagged ones. */
typedef struct {
  VnNetnsVm *const *vms;
  guint n;
  int errnum;
} Making;

#define NO_VM G_MAXUINT32

static void
note_failure(guint32 tag, int errnum, gpointer data)
{
  Making *making = data;
  if (tag < making->n && making->vms[tag]->error == NULL)
    vn_netns_fail(&making->vms[tag]->error, errnum, "making a link");
  else if (tag == NO_VM)
    making->errnum = errnum;
}

static struct nlattr *
begin_link(struct nlmsghdr *request, const char *kind, struct nlattr **out_data)
{
  struct nlattr *info = mnl_attr_nest_start(request, IFLA_LINKINFO);
  mnl_attr_put_strz(request, IFLA_INFO_KIND, kind);
  *out_data = mnl_attr_nest_start(request, IFLA_INFO_DATA);
  return info;
}

static void
put_bridge(VnNetnsKeeper *keeper, guint32 link, guint32 mtu)
{
  struct ifinfomsg body = {.ifi_index = (int)link, .ifi_flags = IFF_UP, .ifi_change = IFF_UP};
  struct nlmsghdr *request = vn_netlink_request(&keeper->hub, NO_VM, RTM_NEWLINK,
                                                NLM_F_CREATE | NLM_F_EXCL, &body, sizeof body);
  char name[IFNAMSIZ];
  g_snprintf(name, sizeof name, "b%u", link);
  mnl_attr_put_strz(request, IFLA_IFNAME, name);
  if (mtu != 0)
    mnl_attr_put_u32(request, IFLA_MTU, mtu);
  struct nlattr *data = NULL, *info = begin_link(request, "bridge", &data);
  mnl_attr_put_u32(request, IFLA_BR_AGEING_TIME, 0);
  mnl_attr_put_u8(request, IFLA_BR_MCAST_SNOOPING, 0);
  mnl_attr_put_u16(request, IFLA_BR_GROUP_FWD_MASK, FORWARDED_GROUPS);
  mnl_attr_nest_end(request, data);
  mnl_attr_nest_end(request, info);
}

typedef struct {
  guint32 link, master, mtu;
  gboolean up;
  guint64 mac; /* 0: the kernel's choice */
} VethEnd;

static void
put_end(struct nlmsghdr *request, const VethEnd *end)
{
  if (end->master != 0)
    mnl_attr_put_u32(request, IFLA_MASTER, end->master);
  if (end->mtu != 0)
    mnl_attr_put_u32(request, IFLA_MTU, end->mtu);
  mnl_attr_put_u32(request, IFLA_NUM_TX_QUEUES, 1);
  mnl_attr_put_u32(request, IFLA_NUM_RX_QUEUES, 1);
  if (end->mac != 0) {
    guint8 bytes[VN_NETNS_MAC_BYTES];
    for (guint i = 0; i < sizeof bytes; i++)
      bytes[i] = (guint8)(end->mac >> (40 - 8 * i));
    mnl_attr_put(request, IFLA_ADDRESS, sizeof bytes, bytes);
  }
}

/* A pair: one end in the hub, the other, called `name`, in process `pid`'s namespace (0: here). */
static void
put_veth(VnNetnsKeeper *keeper, guint32 tag, const VethEnd *hub, const VethEnd *peer, pid_t pid,
         const char *name)
{
  unsigned flags = hub->up ? IFF_UP : 0;
  struct ifinfomsg body = {.ifi_index = (int)hub->link, .ifi_flags = flags, .ifi_change = flags};
  struct nlmsghdr *request = vn_netlink_request(&keeper->hub, tag, RTM_NEWLINK,
                                                NLM_F_CREATE | NLM_F_EXCL, &body, sizeof body);
  char own[IFNAMSIZ];
  g_snprintf(own, sizeof own, "p%u", hub->link);
  mnl_attr_put_strz(request, IFLA_IFNAME, own);
  put_end(request, hub);
  struct nlattr *data = NULL, *info = begin_link(request, "veth", &data);
  struct nlattr *nest = mnl_attr_nest_start(request, VETH_INFO_PEER);
  struct ifinfomsg other = {.ifi_index = (int)peer->link};
  memcpy(mnl_nlmsg_put_extra_header(request, sizeof other), &other, sizeof other);
  mnl_attr_put_strz(request, IFLA_IFNAME, name);
  put_end(request, peer);
  if (pid != 0)
    mnl_attr_put_u32(request, IFLA_NET_NS_PID, (guint32)pid);
  mnl_attr_nest_end(request, nest);
  mnl_attr_nest_end(request, data);
  mnl_attr_nest_end(request, info);
}

static void
put_change(VnNetnsKeeper *keeper, guint32 link, guint32 master, unsigned flags, unsigned mask)
{
  struct ifinfomsg body = {.ifi_index = (int)link, .ifi_flags = flags, .ifi_change = mask};
  struct nlmsghdr *request =
      vn_netlink_request(&keeper->hub, NO_VM, RTM_NEWLINK, 0, &body, sizeof body);
  if (master != 0)
    mnl_attr_put_u32(request, IFLA_MASTER, master);
}

/* One more bridge in the row, joined to the last. */
static void
extend(VnNetnsKeeper *keeper, VnNetnsSegment *segment)
{
  VnNetnsBridge bridge = {.link = keeper->next_link++};
  put_bridge(keeper, bridge.link, segment->mtu);
  if (segment->bridges->len > 0) {
    VnNetnsBridge *last =
        &g_array_index(segment->bridges, VnNetnsBridge, segment->bridges->len - 1);
    VethEnd here = {
        .link = keeper->next_link++, .master = last->link, .mtu = segment->mtu, .up = TRUE};
    VethEnd there = {.link = keeper->next_link++, .mtu = segment->mtu};
    char name[IFNAMSIZ];
    g_snprintf(name, sizeof name, "p%u", there.link);
    put_veth(keeper, NO_VM, &here, &there, 0, name);
    put_change(keeper, there.link, bridge.link, IFF_UP, IFF_UP);
    bridge.ports = 1;
  }
  g_array_append_val(segment->bridges, bridge);
}

void
vn_netns_segment_free(gpointer data)
{
  VnNetnsSegment *segment = data;
  g_array_unref(segment->bridges);
  g_free(segment);
}

static int
flush(VnNetnsKeeper *keeper, Making *making)
{
  keeper->hub.failed = note_failure;
  keeper->hub.data = making;
  int result = vn_netlink_flush(&keeper->hub);
  return result != 0 ? result : making->errnum;
}

gboolean
vn_netns_segment_make(VnNetnsKeeper *keeper, const VnNetnsSegmentWire *wire, GError **error)
{
  if (g_hash_table_contains(keeper->segments, GUINT_TO_POINTER(wire->id)))
    return TRUE;
  VnNetnsSegment *segment = g_new0(VnNetnsSegment, 1);
  segment->id = wire->id;
  segment->mtu = wire->mtu;
  segment->bridges = g_array_new(FALSE, FALSE, sizeof(VnNetnsBridge));
  if (!wire->in_hub)
    extend(keeper, segment);
  Making making = {0};
  int result = flush(keeper, &making);
  if (result != 0) {
    vn_netns_segment_free(segment);
    return vn_netns_fail(error, result, "making a bridge");
  }
  g_hash_table_insert(keeper->segments, GUINT_TO_POINTER(segment->id), segment);
  return TRUE;
}

gboolean
vn_netns_segment_remove(VnNetnsKeeper *keeper, guint32 id, GError **error)
{
  VnNetnsSegment *segment = g_hash_table_lookup(keeper->segments, GUINT_TO_POINTER(id));
  if (segment == NULL)
    return TRUE;
  for (guint i = 0; i < segment->bridges->len; i++) {
    struct ifinfomsg body = {.ifi_index =
                                 (int)g_array_index(segment->bridges, VnNetnsBridge, i).link};
    vn_netlink_request(&keeper->hub, NO_VM, RTM_DELLINK, 0, &body, sizeof body);
  }
  g_hash_table_remove(keeper->segments, GUINT_TO_POINTER(id));
  Making making = {0};
  int result = flush(keeper, &making);
  return result == 0 || result == ENODEV || vn_netns_fail(error, result, "removing a bridge");
}

/* The first bridge of the row with a free port. */
static guint32
find_bridge(VnNetnsKeeper *keeper, VnNetnsSegment *segment)
{
  for (guint32 i = 0; i < segment->bridges->len; i++)
    if (g_array_index(segment->bridges, VnNetnsBridge, i).ports < VN_NETNS_BRIDGE_PORTS)
      return i;
  extend(keeper, segment);
  return segment->bridges->len - 1;
}

static void
make_port(VnNetnsKeeper *keeper, VnNetnsVm *vm, guint32 tag, guint32 i)
{
  const VnDriverIface *iface = &vm->ifaces[i];
  VnNetnsPort *port = &vm->ports[i];
  VnNetnsSegment *segment = g_hash_table_lookup(keeper->segments, GUINT_TO_POINTER(iface->segment));
  if (segment == NULL) {
    g_clear_error(&vm->error);
    g_set_error(&vm->error, VN_DRIVER_ERROR, VN_DRIVER_ERROR_FAILED,
                "interface %s is on a segment that is not there", iface->name);
    return;
  }
  port->segment = segment->id;
  port->link = keeper->next_link++;
  VethEnd hub = {.link = port->link, .mtu = segment->mtu, .up = !port->down};
  if (segment->bridges->len > 0) {
    port->bridge = find_bridge(keeper, segment);
    VnNetnsBridge *bridge = &g_array_index(segment->bridges, VnNetnsBridge, port->bridge);
    hub.master = bridge->link;
    bridge->ports++;
  }
  VethEnd peer = {.link = VN_NETNS_FIRST_IFACE + i, .mtu = segment->mtu, .mac = iface->mac};
  put_veth(keeper, tag, &hub, &peer, vm->pid, iface->name);
}

static void
make_external(VnNetnsKeeper *keeper, VnNetnsVm *vm, guint32 tag)
{
  vm->external = keeper->next_link++;
  guint64 mac = 0;
  for (guint i = 0; i < VN_NETNS_MAC_BYTES; i++)
    mac = mac << 8 | (guint8)VN_NETNS_EXTERNAL_MAC[i];
  VethEnd hub = {.link = vm->external, .up = TRUE};
  VethEnd peer = {.link = VN_NETNS_EXTERNAL_LINK, .mac = mac};
  put_veth(keeper, tag, &hub, &peer, vm->pid, "ext0");
}

void
vn_netns_links_make(VnNetnsKeeper *keeper, VnNetnsVm *const *vms, guint n)
{
  Making making = {.vms = vms, .n = n};
  keeper->hub.failed = note_failure;
  keeper->hub.data = &making;
  for (guint i = 0; i < n; i++) {
    VnNetnsVm *vm = vms[i];
    for (guint32 k = 0; k < vm->wire.n_ifaces && vm->error == NULL; k++)
      make_port(keeper, vm, i, k);
    if (vm->wire.external && vm->error == NULL)
      make_external(keeper, vm, i);
  }
  (void)flush(keeper, &making);
  for (guint i = 0; i < n && making.errnum != 0; i++)
    if (vms[i]->error == NULL)
      vn_netns_fail(&vms[i]->error, making.errnum, "making a further bridge");
}

void
vn_netns_links_settle(VnNetnsKeeper *keeper, VnNetnsVm *const *vms, guint n)
{
  g_autoptr(GArray) links = g_array_new(FALSE, FALSE, sizeof(guint32));
  for (guint i = 0; i < n; i++) {
    if (vms[i]->error != NULL)
      continue;
    for (guint32 k = 0; k < vms[i]->wire.n_ifaces; k++)
      g_array_append_val(links, vms[i]->ports[k].link);
    if (vms[i]->external != 0)
      g_array_append_val(links, vms[i]->external);
  }
  /* Without it the ports forward too, only later: nothing to fail for. */
  (void)vn_netlink_touch(&keeper->hub, (const guint32 *)(void *)links->data, links->len);
}

static void
put_port_state(VnNetnsKeeper *keeper, guint32 link, guint8 state)
{
  struct ifinfomsg body = {.ifi_family = AF_BRIDGE, .ifi_index = (int)link};
  struct nlmsghdr *request =
      vn_netlink_request(&keeper->hub, NO_VM, RTM_SETLINK, 0, &body, sizeof body);
  struct nlattr *port = mnl_attr_nest_start(request, IFLA_PROTINFO);
  mnl_attr_put_u8(request, IFLA_BRPORT_STATE, state);
  mnl_attr_nest_end(request, port);
}

/* Ports that stop forwarding. Their links go with the guest's namespace, but the kernel frees that
 * some time after its last process has gone, and until then the guest's kernel would answer. */
void
vn_netns_links_cut(VnNetnsKeeper *keeper, VnNetnsVm *const *vms, guint n)
{
  Making making = {0};
  keeper->hub.failed = note_failure;
  keeper->hub.data = &making;
  for (guint i = 0; i < n; i++)
    for (guint32 k = 0; vms[i]->pid != 0 && k < vms[i]->wire.n_ifaces; k++)
      put_port_state(keeper, vms[i]->ports[k].link, BR_STATE_DISABLED);
  (void)flush(keeper, &making); /* one whose link was never made has nothing to cut */
}

void
vn_netns_links_forget(VnNetnsKeeper *keeper, VnNetnsVm *vm)
{
  for (guint32 i = 0; i < vm->wire.n_ifaces; i++) {
    VnNetnsPort *port = &vm->ports[i];
    VnNetnsSegment *segment =
        g_hash_table_lookup(keeper->segments, GUINT_TO_POINTER(port->segment));
    if (port->link != 0 && segment != NULL && port->bridge < segment->bridges->len)
      g_array_index(segment->bridges, VnNetnsBridge, port->bridge).ports--;
    port->link = 0;
  }
  vm->external = 0;
}

/* The guest's end, too, takes notice of its carrier late, and drops what is sent before. The keeper
 * goes into the guest's network for as long as it takes to open a socket there. */
static void
touch_inside(const VnNetnsVm *vm, guint32 link)
{
  static VnNetlink netlink;
  char path[32];
  g_snprintf(path, sizeof path, "/proc/%d/ns/net", vm->pid);
  int own = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
  int inside = open(path, O_RDONLY | O_CLOEXEC);
  if (own >= 0 && inside >= 0 && setns(inside, CLONE_NEWNET) == 0) {
    gboolean opened = vn_netlink_open(&netlink, NULL, NULL) == 0;
    if (setns(own, CLONE_NEWNET) != 0)
      abort(); /* all that the keeper would make from now on would be the guest's */
    if (opened) {
      (void)vn_netlink_touch(&netlink, &link, 1); /* if not, the link works a second later */
      vn_netlink_close(&netlink);
    }
  }
  if (own >= 0)
    close(own);
  if (inside >= 0)
    close(inside);
}

static gboolean
is_on_bridge(const VnNetnsKeeper *keeper, const VnNetnsPort *port)
{
  const VnNetnsSegment *segment =
      g_hash_table_lookup(keeper->segments, GUINT_TO_POINTER(port->segment));
  return segment != NULL && segment->bridges->len > 0;
}

/* Those in the slave's hub are silent there (wires.h). The guest sees nothing of it on its
 * segments: its links stay up, as they do on a machine whose processors stand still. */
gboolean
vn_netns_links_silence(VnNetnsKeeper *keeper, VnNetnsVm *vm, gboolean silent, GError **error)
{
  Making making = {0};
  for (guint32 k = 0; k < vm->wire.n_ifaces; k++)
    if (!vm->ports[k].down && is_on_bridge(keeper, &vm->ports[k]))
      put_port_state(keeper, vm->ports[k].link, silent ? BR_STATE_DISABLED : BR_STATE_FORWARDING);
  if (vm->external != 0)
    put_change(keeper, vm->external, 0, silent ? 0 : IFF_UP, IFF_UP);
  int result = flush(keeper, &making);
  if (result == 0 && !silent && vm->external != 0) {
    result = vn_netlink_touch(&keeper->hub, &vm->external, 1);
    touch_inside(vm, VN_NETNS_EXTERNAL_LINK);
  }
  return result == 0 || vn_netns_fail(error, result, "switching the VM's links");
}

gboolean
vn_netns_link_set(VnNetnsKeeper *keeper, VnNetnsVm *vm, guint32 iface, gboolean up, GError **error)
{
  if (iface >= vm->wire.n_ifaces)
    return vn_netns_fail(error, EINVAL, "interface %u", iface);
  VnNetnsPort *port = &vm->ports[iface];
  port->down = !up;
  if (port->link == 0)
    return TRUE;
  put_change(keeper, port->link, 0, up ? IFF_UP : 0, IFF_UP);
  Making making = {0};
  int result = flush(keeper, &making);
  if (result == 0 && up)
    result = vn_netlink_touch(&keeper->hub, &port->link, 1);
  if (result == 0 && up)
    touch_inside(vm, VN_NETNS_FIRST_IFACE + iface);
  if (result == 0 && up && vm->suspended) /* a link that comes up lets its port forward */
    return vn_netns_links_silence(keeper, vm, TRUE, error);
  return result == 0 || vn_netns_fail(error, result, "switching a link");
}

static int
open_packet(guint32 link, int buffer, GError **error)
{
  int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0)
    return vn_netns_fail(error, errno, "opening a packet socket"), -1;
  int on = 1;
  struct packet_mreq all = {.mr_ifindex = (int)link, .mr_type = PACKET_MR_PROMISC};
  struct sockaddr_ll address = {
      .sll_family = AF_PACKET, .sll_protocol = GUINT16_TO_BE(ETH_P_ALL), .sll_ifindex = (int)link};
  /* Buffer sizes and not seeing what we send are best effort; the rest is not. */
  (void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &buffer, sizeof buffer);
  (void)setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &on, sizeof on);
  if (setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof on) != 0 ||
      setsockopt(fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &all, sizeof all) != 0 ||
      bind(fd, (const struct sockaddr *)&address, sizeof address) != 0) {
    vn_netns_fail(error, errno, "setting up a packet socket");
    close(fd);
    return -1;
  }
  return fd;
}

int
vn_netns_capture(VnNetnsKeeper *keeper, guint32 id, GError **error)
{
  VnNetnsSegment *segment = g_hash_table_lookup(keeper->segments, GUINT_TO_POINTER(id));
  if (segment == NULL || segment->bridges->len == 0)
    return vn_netns_fail(error, ENOENT, "segment %u", id), -1;
  /* Every frame floods the whole row, so it passes the first bridge. */
  return open_packet(g_array_index(segment->bridges, VnNetnsBridge, 0).link, CAPTURE_BUFFER, error);
}

/* One that gives and takes a struct virtio_net_hdr before each frame. */
static int
open_offloading(guint32 link, GError **error)
{
  int fd = open_packet(link, EXTERNAL_BUFFER, error);
  int on = 1;
  if (fd < 0)
    return -1;
  (void)setsockopt(fd, SOL_PACKET, PACKET_QDISC_BYPASS, &on, sizeof on);
  /* The guests' links leave sums and segments to the hardware; here is how far each packet is. */
  if (setsockopt(fd, SOL_PACKET, PACKET_VNET_HDR, &on, sizeof on) == 0)
    return fd;
  vn_netns_fail(error, errno, "asking for large and unsummed frames");
  close(fd);
  return -1;
}

int
vn_netns_external(VnNetnsKeeper *keeper, VnNetnsVm *vm, GError **error)
{
  if (vm->external == 0)
    return vn_netns_fail(error, ENODEV, "the VM is off or has no external interface"), -1;
  return open_offloading(vm->external, error);
}

int
vn_netns_port(VnNetnsKeeper *keeper, VnNetnsVm *vm, guint32 iface, GError **error)
{
  if (iface >= vm->wire.n_ifaces || vm->ports[iface].link == 0)
    return vn_netns_fail(error, ENODEV, "the VM is off or has no interface %u", iface), -1;
  return open_offloading(vm->ports[iface].link, error);
}
