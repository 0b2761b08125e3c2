/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Exit statuses of vnec; doc/results.md has the table for people. */
#pragma once

typedef enum {
  VN_EXIT_PASSED = 0,
  VN_EXIT_FAILED = 1,        /* an expectation or a task; `doctor`: something is missing */
  VN_EXIT_MISUSE = 2,
  VN_EXIT_SCRIPT = 3,        /* the script is wrong */
  VN_EXIT_BROKEN = 4,        /* the infrastructure failed */
  VN_EXIT_INTERRUPTED = 130, /* 128 + SIGINT, as shells say it */
} VnExit;
