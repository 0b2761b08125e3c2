/* SPDX-License-Identifier: GPL-3.0-or-later */
/* POSIX: what the guest is and has. */
#define _GNU_SOURCE
#include "guest/agent/os.h"
#include "guest/agent/text.h"

#include <errno.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>
#include <unistd.h>

#define LISTEN_STATE "0A" /* TCP_LISTEN in /proc/net/tcp */

static void
copy(char *to, size_t capacity, const char *from, int lower)
{
  VnText text;
  vn_text_init(&text, to, capacity);
  vn_text_add(&text, from);
  for (; lower && *to != '\0'; to++)
    if (*to >= 'A' && *to <= 'Z')
      *to = (char)(*to - 'A' + 'a');
}

void
vn_os_names(VnOsNames *out)
{
  struct utsname names;
  if (uname(&names) < 0)
    memset(&names, 0, sizeof names);
  copy(out->os, sizeof out->os, names.sysname, 1);
  copy(out->release, sizeof out->release, names.release, 0);
  copy(out->machine, sizeof out->machine, names.machine, 0);
  copy(out->hostname, sizeof out->hostname, names.nodename, 0);
}

int64_t
vn_os_memory(void)
{
  struct sysinfo info;
  return sysinfo(&info) < 0 ? 0 : (int64_t)info.totalram * info.mem_unit;
}

int64_t
vn_os_uptime(void)
{
  struct sysinfo info;
  return sysinfo(&info) < 0 ? -1 : (int64_t)info.uptime * VN_SECOND;
}

int
vn_os_cpus(void)
{
  long n = sysconf(_SC_NPROCESSORS_ONLN);
  return n < 1 ? 1 : (int)n;
}

void
vn_os_addresses(void (*visit)(const char *iface, const char *address, void *data), void *data)
{
  struct ifaddrs *all, *at;
  if (getifaddrs(&all) < 0)
    return;
  for (at = all; at != NULL; at = at->ifa_next) {
    if (at->ifa_addr == NULL || (at->ifa_flags & IFF_LOOPBACK) != 0)
      continue;
    char bytes[VN_TEXT_ADDRESS];
    VnText text;
    vn_text_init(&text, bytes, sizeof bytes);
    if (at->ifa_addr->sa_family == AF_INET)
      vn_text_add_address(
          &text, (const uint8_t *)&((struct sockaddr_in *)(void *)at->ifa_addr)->sin_addr, 4);
    else if (at->ifa_addr->sa_family == AF_INET6)
      vn_text_add_address(
          &text, (const uint8_t *)&((struct sockaddr_in6 *)(void *)at->ifa_addr)->sin6_addr, 16);
    if (text.used > 0)
      visit(at->ifa_name, bytes, data);
  }
  freeifaddrs(all);
}

/* "   0: 0100007F:1F90 00000000:0000 0A …": does the line say that the port listens? */
static int
line_listens(const char *line, const char port[4])
{
  const char *colon = strchr(line, ':');
  const char *local = colon == NULL ? NULL : strchr(colon + 1, ':');
  const char *space = local == NULL ? NULL : strchr(local, ' ');
  const char *state = space == NULL ? NULL : strchr(space + 1, ' ');
  return state != NULL && memcmp(local + 1, port, 4) == 0 &&
         memcmp(state + 1, LISTEN_STATE, 2) == 0;
}

static int
file_listens(const char *path, const char port[4])
{
  char bytes[4096];
  size_t used = 0;
  int found = 0, fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0)
    return -1;
  for (ssize_t n; !found && (n = read(fd, bytes + used, sizeof bytes - 1 - used)) > 0;) {
    used += (size_t)n;
    bytes[used] = '\0';
    char *line = bytes, *end;
    for (; !found && (end = strchr(line, '\n')) != NULL; line = end + 1) {
      *end = '\0';
      found = line_listens(line, port);
    }
    used -= (size_t)(line - bytes);
    memmove(bytes, line, used);
  }
  close(fd);
  return found;
}

int
vn_os_listening(unsigned port)
{
  char text[4];
  for (unsigned i = 0; i < 4; i++)
    text[i] = "0123456789ABCDEF"[port >> (12 - 4 * i) & 15];
  int v4 = file_listens("/proc/net/tcp", text);
  return v4 == 1 ? 1 : file_listens("/proc/net/tcp6", text) == 1 ? 1 : v4;
}

int
vn_os_link(const char *name, int up)
{
  struct ifreq request;
  memset(&request, 0, sizeof request);
  if (strlen(name) >= sizeof request.ifr_name)
    return ENODEV;
  strcpy(request.ifr_name, name);
  int error, fd = vn_os_socket(AF_INET, SOCK_DGRAM, 0, &error);
  if (fd < 0)
    return error;
  int failed = ioctl(fd, SIOCGIFFLAGS, &request) < 0;
  if (!failed && up && (request.ifr_flags & IFF_UP) == 0) {
    request.ifr_flags |= IFF_UP;
    failed = ioctl(fd, SIOCSIFFLAGS, &request) < 0;
  }
  error = failed ? errno : 0;
  close(fd);
  return error;
}
