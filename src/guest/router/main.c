/* SPDX-License-Identifier: GPL-3.0-or-later */
/* vnec-router: the agent in each router VM. It runs tasks as the task runner does, and
 *
 *   NETWORK   sets addresses, routes and proxies of the guest's kernel (network.c), which forwards
 *             and says which addresses the hosts on its segments get (serve.c)
 *   PACKET    carries what crosses the external interface, a TUN device (external.c)
 *
 * Where the driver has done both from outside, as for namespaces, neither frame comes.
 *
 *   vnec-router --channel-fd N, --port NAME, --spool FOLDER     where it speaks (agent/main.c)
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

static void
watch(VnAgent *of)
{
  vn_router_watch_external(of);
  vn_serve_watch(of);
}

static void
event(VnAgent *of, VnFd fd, unsigned slot, short events)
{
  (void)events;
  if (slot == VN_ROUTER_SLOT_SERVE)
    vn_serve_event(of, fd);
  else
    vn_router_external_event(of);
}

static const VnAgentExtra router_extra = {
    .frame = handle_frame,
    .watch = watch,
    .event = event,
    .timer = vn_serve_timer,
};

int
main(int argc, char **argv)
{
  if (vn_agent_options(argc, argv, &agent) < 0)
    return 2;
  vn_agent_run(&agent, &router_extra);
  return 0;
}
