/* SPDX-License-Identifier: GPL-3.0-or-later */
/* hub tap|offload READY NS…: VNEC's hub with one TAP in each network namespace (a path under
 * /run/netns), as it is for containers; with `offload` frames may be large and unsummed.
 * hub link READY LINK…: with a packet socket on each link here, as it is for the technology netns.
 * READY is made when all ports are there. Runs until it is killed. */
#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <sched.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "hub/hub.h"

static int
open_tap(const char *space, gboolean offload)
{
  struct ifreq request = {.ifr_name = "tap0", .ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR};
  int own = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
  int there = open(space, O_RDONLY | O_CLOEXEC);
  if (own < 0 || there < 0 || setns(there, CLONE_NEWNET) != 0)
    g_error("%s: %s", space, g_strerror(errno));
  int tap = open("/dev/net/tun", O_RDWR | O_CLOEXEC);
  unsigned long what = offload ? TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6 : 0;
  if (tap < 0 || ioctl(tap, TUNSETIFF, &request) != 0 || ioctl(tap, TUNSETOFFLOAD, what) != 0)
    g_error("a TAP in %s: %s", space, g_strerror(errno));
  if (setns(own, CLONE_NEWNET) != 0)
    g_error("going back: %s", g_strerror(errno));
  close(own);
  close(there);
  return tap;
}

static int
open_link(const char *name)
{
  int on = 1, fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
  struct sockaddr_ll address = {.sll_family = AF_PACKET,
                                .sll_protocol = GUINT16_TO_BE(ETH_P_ALL),
                                .sll_ifindex = (int)if_nametoindex(name)};
  struct packet_mreq all = {.mr_ifindex = address.sll_ifindex, .mr_type = PACKET_MR_PROMISC};
  if (fd < 0 || setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &on, sizeof on) != 0 ||
      setsockopt(fd, SOL_PACKET, PACKET_VNET_HDR, &on, sizeof on) != 0 ||
      setsockopt(fd, SOL_PACKET, PACKET_QDISC_BYPASS, &on, sizeof on) != 0 ||
      setsockopt(fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &all, sizeof all) != 0 ||
      bind(fd, (const struct sockaddr *)&address, sizeof address) != 0)
    g_error("%s: %s", name, g_strerror(errno));
  return fd;
}

int
main(int argc, char **argv)
{
  g_autoptr(GError) error = NULL;
  if (argc < 4)
    g_error("hub tap|offload|link READY NS|LINK...");
  VnHub *hub = vn_hub_new(&error);
  const VnHubSegment segment = {.id = 1, .name = "lan"};
  gboolean good = hub != NULL && vn_hub_add_segment(hub, &segment, &error);
  gboolean link = strcmp(argv[1], "link") == 0, offload = strcmp(argv[1], "offload") == 0;
  for (int i = 3; good && i < argc; i++) {
    VnHubPort port = {.id = (guint64)i, .segment = 1, .kind = link ? VN_HUB_LINK : VN_HUB_TAP};
    port.fd = link ? open_link(argv[i]) : open_tap(argv[i], offload);
    good = vn_hub_add_port(hub, &port, &error);
  }
  if (!good)
    g_error("%s", error->message);
  if (!g_file_set_contents(argv[2], "", 0, &error))
    g_error("%s", error->message);
  for (;;)
    pause();
}
