/* SPDX-License-Identifier: GPL-3.0-or-later */
/* vnec-taskrunner: the agent in each host VM. All it does is in agent/; here is how it is started:
 *
 *   vnec-taskrunner --channel-fd N     speaks frames on the inherited stream N (short: --fd)
 *   vnec-taskrunner --port NAME        on the virtual machine's port of that name
 *   vnec-taskrunner --spool FOLDER     in a folder that the slave sees, too
 */
#include "guest/agent/main.h"

static VnAgent agent;
static const VnAgentExtra nothing_extra = {NULL};

int
main(int argc, char **argv)
{
  if (vn_agent_options(argc, argv, &agent) < 0)
    return 2;
  vn_agent_run(&agent, &nothing_extra);
  return 0;
}
