/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The command line of task runner and router. */
#include "guest/agent/main.h"

#include <string.h>
#ifdef _WIN32
#include <io.h>
#else
#include <unistd.h>
#endif

static int
complain(const char *program, const char *why)
{
  char bytes[512];
  VnText text;
  vn_text_init(&text, bytes, sizeof bytes);
  vn_text_add(&text, program);
  vn_text_add(&text, ": ");
  vn_text_add(&text, why);
  vn_text_add(
      &text, "\nusage: --channel-fd N   (a stream to the slave; the engine starts this program)\n");
  (void)!write(2, bytes, (unsigned)text.used);
  return -1;
}

int
vn_agent_options(int argc, char **argv, VnFd *out_channel)
{
  const char *program = argc > 0 ? argv[0] : "agent";
  int64_t fd;
  if (argc != 3 || (strcmp(argv[1], "--channel-fd") != 0 && strcmp(argv[1], "--fd") != 0) ||
      vn_text_int(argv[2], 0, INT32_MAX, &fd) < 0)
    return complain(program, "started in a way that it doesn't know");
  *out_channel = (VnFd)fd;
  int error = vn_os_init(program, out_channel);
  return error == 0 ? 0 : complain(program, vn_os_error_text(error));
}
