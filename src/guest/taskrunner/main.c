/* SPDX-License-Identifier: GPL-3.0-or-later */
/* vnec-taskrunner: the agent in each host VM. All it does is in agent/; here is how it is started:
 *
 *   vnec-taskrunner --channel-fd N     speaks frames on the inherited stream N (short: --fd)
 */
#include "guest/agent/main.h"

static VnAgent agent;
static const VnAgentExtra nothing_extra = {NULL};

int
main(int argc, char **argv)
{
  VnFd channel;
  if (vn_agent_options(argc, argv, &channel) < 0)
    return 2;
  vn_agent_run(&agent, channel, &nothing_extra);
  return 0;
}
