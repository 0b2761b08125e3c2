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
  vn_text_add(&text,
              "\nusage: --channel-fd N    an inherited stream to the slave (short: --fd)\n"
              "       --port NAME       the virtual machine's port of that name, or a device\n"
              "       --spool FOLDER    a folder that the slave sees, too\n"
              "The engine starts this program.\n");
  (void)!write(2, bytes, (unsigned)text.used);
  return -1;
}

/* -1: no such word, or no such number. */
static int
read_channel(const char *word, const char *value, VnChannel *out)
{
  int64_t fd;
  out->fd = VN_NO_FD;
  out->place = value;
  if (strcmp(word, "--port") == 0)
    out->kind = VN_CHANNEL_PORT;
  else if (strcmp(word, "--spool") == 0)
    out->kind = VN_CHANNEL_SPOOL;
  else if (strcmp(word, "--channel-fd") != 0 && strcmp(word, "--fd") != 0)
    return -1;
  if (out->kind != VN_CHANNEL_FD)
    return value[0] == '\0' ? -1 : 0;
  if (vn_text_int(value, 0, INT32_MAX, &fd) < 0)
    return -1;
  out->fd = (VnFd)fd;
  return 0;
}

int
vn_agent_options(int argc, char **argv, VnAgent *agent)
{
  const char *program = argc > 0 ? argv[0] : "agent";
  if (argc != 3 || read_channel(argv[1], argv[2], &agent->channel) < 0)
    return complain(program, "started in a way that it doesn't know");
  int error = vn_os_init(program, &agent->channel.fd);
  return error == 0 ? 0 : complain(program, vn_os_error_text(error));
}
