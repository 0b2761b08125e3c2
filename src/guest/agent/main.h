/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the mains of the guest's programs share. */
#pragma once

#include "guest/agent/agent.h"

/* Reads the command line and prepares the process. -1 after a message on standard error. */
int vn_agent_options(int argc, char **argv, VnAgent *agent);
