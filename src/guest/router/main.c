/* SPDX-License-Identifier: GPL-3.0-or-later */
/* vnec-router: the agent in each router VM. It runs tasks as the task runner does, and
 *
 *   NETWORK   sets addresses, routes and proxies of the guest's kernel (network.c), which forwards
 *   EXTERNAL  opens the external interface, a TUN device, and hands it up (external.c)
 *
 * Where the driver has done both from outside, as for namespaces, neither frame comes.
 *
 *   vnec-router --channel-fd N     speaks frames on the inherited stream N (short: --fd)
 */
#include "guest/agent/main.h"
#include "guest/router/router.h"

static VnAgent agent;

static int
handle_frame(VnAgent *to, const VnFrame *frame)
{
  if (frame->kind == VN_FRAME_NETWORK)
    vn_router_network(to, frame);
  else if (frame->kind == VN_FRAME_PACKET)
    vn_router_packets(to, frame);
  else
    return 0;
  return 1;
}

static const VnAgentExtra router_extra = {
    .frame = handle_frame,
    .watch = vn_router_watch_external,
    .event = vn_router_external_event,
};

int
main(int argc, char **argv)
{
  VnFd channel;
  if (vn_agent_options(argc, argv, &channel) < 0)
    return 2;
  vn_agent_run(&agent, channel, &router_extra);
  return 0;
}
