/* SPDX-License-Identifier: GPL-3.0-or-later */
/* vnec-container-init: the first process of a container until the agent takes its place. Static,
 * because a container's root may be any folder.
 *
 *   vnec-container-init HOSTNAME PROCESSES AGENT [iface NAME | address NAME PREFIX |
 *                       route NAME PREFIX GATEWAY|-]...
 *
 * Descriptor 3 is the channel of the agent. Until the agent has it, lines go over it: "start" when
 * this runs; then the driver plugs the interfaces and answers with one byte; "ready" when all is
 * set and the cage is closed. Any other line is an error, in words.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include "cage/cage.h"
#include "guest/agent/text.h"
#include "guest/router/router.h"

#define CHANNEL  3
#define LINE_MAX 200u

static void
say(const char *what, int errnum)
{
  char bytes[LINE_MAX];
  VnText line;
  vn_text_init(&line, bytes, sizeof bytes - 1);
  vn_text_add(&line, what);
  if (errnum != 0) {
    vn_text_add(&line, ": ");
    vn_text_add(&line, strerror(errnum));
  }
  bytes[line.used] = '\n';
  if (write(CHANNEL, bytes, line.used + 1) != (ssize_t)line.used + 1)
    _exit(1); /* nobody is there */
}

static void
fail(const char *what, int errnum)
{
  say(what, errnum);
  _exit(1);
}

static void
wait_go(void)
{
  char go;
  ssize_t n;
  do
    n = read(CHANNEL, &go, 1);
  while (n < 0 && errno == EINTR);
  if (n != 1)
    _exit(1);
}

/* What the container's maker left to be seen and the guest needs not: the machine's hardware and
 * its groups. */
static void
tidy(void)
{
  if (umount2("/sys", MNT_DETACH) != 0 && errno != EINVAL && errno != ENOENT)
    fail("leaving /sys", errno);
  (void)rmdir("/.oldroot");
  int null = open("/dev/null", O_RDWR);
  if (null < 0)
    fail("opening /dev/null", errno);
  for (int fd = 0; fd < 3; fd++)
    if (dup2(null, fd) < 0)
      fail("closing the console", errno);
  if (null > 2 && null != CHANNEL)
    close(null);
}

/* A network namespace begins with the machine's settings. What is not there needs no setting. */
static void
write_setting(const char *path, const char *value)
{
  int fd = open(path, O_WRONLY | O_CLOEXEC);
  if (fd < 0)
    return;
  if (write(fd, value, strlen(value)) < 0)
    fail(path, errno);
  close(fd);
}

/* One group of words; gives how many they are, 0: nonsense. */
static int
set_one(int n, char **words, int *out_error)
{
  if (n >= 2 && vn_text_equal(words[0], "iface")) {
    *out_error = vn_netlink_link_up(words[1]);
    return 2;
  }
  if (n >= 3 && vn_text_equal(words[0], "address")) {
    *out_error = vn_netlink_address(words[1], words[2]);
    return 3;
  }
  if (n >= 4 && vn_text_equal(words[0], "route")) {
    const char *gateway = vn_text_equal(words[3], "-") ? NULL : words[3];
    *out_error = vn_netlink_route(words[1], words[2], gateway);
    return 4;
  }
  return 0;
}

static void
set_network(int n, char **words)
{
  int error = vn_netlink_open();
  if (error == 0)
    error = vn_netlink_link_up("lo");
  if (error != 0)
    fail("bringing up lo", error);
  for (int at = 0, taken; at < n; at += taken) {
    taken = set_one(n - at, words + at, &error);
    if (taken == 0)
      fail(words[at], EINVAL);
    if (error != 0)
      fail(words[at + (taken > 2 ? 2 : 1)], error);
  }
  vn_netlink_close();
}

int
main(int argc, char **argv)
{
  int64_t processes;
  const char *what = "";
  if (argc < 4 || vn_text_int(argv[2], 0, INT32_MAX, &processes) < 0)
    fail("the container was started in a way that its first process doesn't know", 0);
  tidy();
  if (sethostname(argv[1], strlen(argv[1])) != 0)
    fail("setting the hostname", errno);
  say("start", 0);
  wait_go();
  write_setting("/proc/sys/net/ipv4/ip_forward", "0"); /* a router's agent switches it on */
  set_network(argc - 4, argv + 4);
  int error = vn_cage((uint32_t)processes, 0, &what);
  if (error != 0)
    fail(what, error);
  char *arguments[] = {argv[3], (char *)"--channel-fd", (char *)"3", NULL};
  char *environment[] = {
      (char *)"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
      (char *)"HOME=/root", (char *)"LANG=C.UTF-8", (char *)"TERM=dumb", NULL};
  (void)chdir("/root"); /* a root of somebody else's need not have it */
  if (access(argv[3], X_OK) != 0)
    fail(argv[3], errno);
  say("ready", 0);
  execve(argv[3], arguments, environment);
  return 1; /* the channel's end says so */
}
