/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the POSIX files of the seam know of each other. */
#pragma once

#include <signal.h>
#include <sys/resource.h>

/* As they were before the agent changed them: what its children get. */
extern sigset_t vn_posix_child_mask;
extern struct rlimit vn_posix_child_files;
extern volatile sig_atomic_t vn_posix_child_ended; /* set by SIGCHLD */
extern int vn_posix_null;                          /* /dev/null, open */

void vn_posix_tree_init(void);
/* The calling process waits its turn when it wakes, or is scheduled as programs are. */
void vn_posix_schedule(int patient);
