/* SPDX-License-Identifier: GPL-3.0-or-later */
/* vnec init: a script to start from. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "cmd/verb.h"

#define DEFAULT_FILE "experiment.vnl"

static const char starter[] =
    "## Two hosts on one wire; one measures how long the other takes to answer.\n"
    "experiment \"my experiment\";\n"
    "use std.net;\n"
    "\n"
    "param count: int in 1..100 = 5;        # vnec run -D count=10 " DEFAULT_FILE "\n"
    "trials 3;\n"
    "\n"
    "segment lan 10.0.0.0/24;\n"
    "host alice on lan;\n"
    "host bob   on lan;\n"
    "\n"
    "task hello = alice: ping(bob, count=count);\n"
    "\n"
    "expect hello.received == count \"an echo was lost\";\n"
    "measure round_trip_us = hello.rtt in us;\n";

int
vn_verb_init(int argc, char **argv)
{
  const GOptionEntry entries[] = {{NULL}};
  int status = VN_EXIT_MISUSE;
  if (!vn_verb_options(&argc, &argv, "[FILE]",
                       "Writes a script to start from (" DEFAULT_FILE "). Never writes over one.",
                       entries, &status))
    return status;
  if (argc > 2)
    return vn_verb_misuse("init", "one file is wanted");
  const char *path = argc == 2 ? argv[1] : DEFAULT_FILE;
  int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  if (fd < 0)
    return vn_verb_misuse("init", "%s: %s", path, g_strerror(errno));
  gboolean written = write(fd, starter, strlen(starter)) == (gssize)strlen(starter);
  if (close(fd) != 0 || !written)
    return vn_verb_failed("init", VN_EXIT_BROKEN, "the file could not be written");
  g_print("Wrote %s. Run it: vnec run %s\n", path, path);
  return VN_EXIT_PASSED;
}
