/* SPDX-License-Identifier: GPL-3.0-or-later */
/* vnec-taskrunner: the agent in each host VM. All it does is in agent/; here is how it is started:
 *
 *   vnec-taskrunner --fd N     speaks frames on the stream that it inherited as descriptor N
 */
#include "guest/agent/main.h"

static VnAgent agent;

int
main(int argc, char **argv)
{
  VnFd channel;
  if (vn_agent_options(argc, argv, &channel) < 0)
    return 2;
  vn_agent_run(&agent, channel, NULL);
  return 0;
}
