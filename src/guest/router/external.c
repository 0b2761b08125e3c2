/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The external interface: a TUN device whose packets the slave carries to other routers.
 *
 * Over a UNIX channel its descriptor goes to the slave and no packet passes here. Over other
 * channels packets travel in PACKET frames, several in each; what doesn't fit is dropped by the
 * kernel's queue, never kept back.
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

#define PACKETS_MAX     64u  /* in one frame */
#define PACKET_SIZE_MAX 2048 /* the interface's MTU and headers are far below */
#define FRAME_BYTES_MAX (128u * 1024u)

static VnFd tun = VN_NO_FD; /* VN_NO_FD too when the slave has it */
static int opened;

static int
open_tun(VnFd *out)
{
  struct ifreq request;
  memset(&request, 0, sizeof request);
  strcpy(request.ifr_name, VN_ROUTER_EXTERNAL);
  request.ifr_flags = IFF_TUN | IFF_NO_PI;
  int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0)
    return errno;
  if (ioctl(fd, TUNSETIFF, &request) < 0) {
    int error = errno;
    close(fd);
    return error;
  }
  *out = fd;
  return 0;
}

/* The descriptor travels with its frame, so what waits must be out first. That is a few frames
 * at the start of a VM; if the channel is full even so, packets go through frames. */
static int
hand_up(VnAgent *agent, VnFd fd)
{
  vn_agent_flush(agent);
  uint8_t bytes[VN_FRAME_HEADER];
  VnFrameWriter writer;
  vn_frame_writer_init(&writer, bytes, sizeof bytes);
  vn_frame_begin(&writer, VN_FRAME_EXTERNAL, 0, 0, 0);
  size_t n = vn_frame_end(&writer);
  return agent->out_used == 0 && !agent->closing ? vn_os_send_fd(agent->channel, bytes, n, fd)
                                                 : EAGAIN;
}

int
vn_router_open_external(VnAgent *agent)
{
  VnFd fd = VN_NO_FD;
  if (opened)
    return 0;
  int error = open_tun(&fd);
  if (error != 0)
    return error;
  opened = 1;
  error = vn_netlink_open();
  if (error == 0) {
    error = vn_netlink_link_up(VN_ROUTER_EXTERNAL);
    vn_netlink_close();
  }
  if (error != 0)
    return error;
  if (hand_up(agent, fd) == 0) {
    close(fd);
    return 0;
  }
  tun = fd;
  VnFrameWriter out;
  vn_agent_begin(agent, &out, VN_FRAME_EXTERNAL, 0, 0);
  vn_agent_end(agent, &out);
  return 0;
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
  while (vn_frame_next(frame, &offset, &tag, &bytes, &size) > 0)
    if (tag == VN_TAG_BYTES && write(tun, bytes, size) < 0 && errno == EBADFD)
      return; /* the interface is down; other packets it refuses are lost, as on a wire */
}

void
vn_router_watch_external(VnAgent *agent)
{
  vn_agent_watch(agent, NULL, tun, POLLIN, 0);
}

void
vn_router_external_event(VnAgent *agent, VnFd fd, unsigned slot, short events)
{
  VnFrameWriter out;
  size_t total = 0;
  unsigned n = 0;
  (void)slot;
  (void)events;
  vn_agent_begin(agent, &out, VN_FRAME_PACKET, 0, 0);
  while (n < PACKETS_MAX && total < FRAME_BYTES_MAX) {
    ssize_t size = read(fd, agent->chunk, PACKET_SIZE_MAX);
    if (size <= 0)
      break;
    vn_frame_put(&out, VN_TAG_BYTES, agent->chunk, (size_t)size);
    total += (size_t)size;
    n++;
  }
  if (n > 0)
    vn_agent_end(agent, &out);
}
