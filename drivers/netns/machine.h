/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The machine's own network as the slave sees it: to show that an experiment left it alone. */
#pragma once

#include <glib.h>

typedef struct VnNetnsMachine VnNetnsMachine;

/* Links, addresses and routes now. Never NULL. */
VnNetnsMachine *vn_netns_machine_look(void);
/* A line that says what is the same, or what others changed meanwhile. */
char *vn_netns_machine_compare(const VnNetnsMachine *before);
void vn_netns_machine_free(VnNetnsMachine *machine);
