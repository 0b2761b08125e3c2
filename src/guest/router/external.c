/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The external interface: a TUN device whose packets the slave carries to other routers, in PACKET
 * frames, several in each. Packets may be large and unsummed, which the kernel tells in the header
 * before each (IFF_VNET_HDR); what doesn't fit is dropped by the kernel's queue, never kept back.
 */
#define _GNU_SOURCE
#include "guest/router/router.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define PACKETS_MAX     64u /* in one frame */
#define FRAME_BYTES_MAX (128u * 1024u)
#define HEAD            10u /* struct virtio_net_hdr: u8 flags, u8 type, and four u16 */
#define PACKET_MAX      (HEAD + 65535u)

static VnFd tun = VN_NO_FD;
static uint8_t packet[PACKET_MAX];

static int
open_tun(VnFd *out)
{
  struct ifreq request;
  memset(&request, 0, sizeof request);
  strcpy(request.ifr_name, VN_ROUTER_EXTERNAL);
  request.ifr_flags = IFF_TUN | IFF_NO_PI | IFF_VNET_HDR;
  int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0)
    return errno;
  if (ioctl(fd, TUNSETIFF, &request) < 0) {
    int error = errno;
    close(fd);
    return error;
  }
  /* If refused, packets come small and summed. */
  ioctl(fd, TUNSETOFFLOAD, (unsigned long)(TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6));
  *out = fd;
  return 0;
}

int
vn_router_open_external(void)
{
  if (tun != VN_NO_FD)
    return 0;
  int error = open_tun(&tun);
  if (error == 0)
    error = vn_netlink_link_up(VN_ROUTER_EXTERNAL);
  if (error != 0)
    vn_os_close(&tun);
  return error;
}

/* Between this machine's byte order and the frame's, both ways. */
static void
turn_head(void)
{
  uint16_t words[4];
  memcpy(words, packet + 2, sizeof words);
  for (unsigned i = 0; i < 4; i++)
    words[i] = htons(words[i]);
  memcpy(packet + 2, words, sizeof words);
}

void
vn_router_packets(VnAgent *agent, const VnFrame *frame)
{
  uint32_t offset = 0, size;
  uint16_t tag;
  const uint8_t *bytes;
  if (tun == VN_NO_FD) {
    vn_agent_refuse(agent, frame, "packets for an external interface that is not here");
    return;
  }
  while (vn_frame_next(frame, &offset, &tag, &bytes, &size) > 0) {
    if (tag != VN_TAG_BYTES || size <= HEAD || size > PACKET_MAX)
      continue;
    memcpy(packet, bytes, size);
    turn_head();
    if (write(tun, packet, size) < 0 && errno == EBADFD)
      return; /* the interface is down; other packets it refuses are lost, as on a wire */
  }
}

void
vn_router_watch_external(VnAgent *agent)
{
  vn_agent_watch(agent, NULL, tun, POLLIN, VN_ROUTER_SLOT_EXTERNAL);
}

void
vn_router_external_event(VnAgent *agent)
{
  VnFrameWriter out;
  size_t total = 0;
  unsigned n = 0;
  vn_agent_begin(agent, &out, VN_FRAME_PACKET, 0, 0);
  while (n < PACKETS_MAX && total < FRAME_BYTES_MAX) {
    ssize_t size = read(tun, packet, sizeof packet);
    if (size <= (ssize_t)HEAD)
      break;
    turn_head();
    vn_frame_put(&out, VN_TAG_BYTES, packet, (size_t)size);
    total += (size_t)size;
    n++;
  }
  if (n > 0)
    vn_agent_end(agent, &out);
}
