/* SPDX-License-Identifier: GPL-3.0-or-later */
/* See monitor.h. QEMU's machine protocol: it greets, takes one command that ends the negotiation,
 * then commands. Its answers don't matter: what counts is that the socket ends. */
#include "drivers/libvirt/monitor.h"

#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "drivers/libvirt/host.h"

#define PATIENCE_MS 5000

void
vn_virt_monitor_quit(const char *folder)
{
  static const char words[] = "{\"execute\":\"qmp_capabilities\"}\n{\"execute\":\"quit\"}\n";
  char bytes[1024];
  int fd = vn_virt_connect(folder, VN_VIRT_MONITOR, NULL);
  if (fd < 0)
    return; /* it is gone already */
  struct pollfd ready = {fd, POLLIN, 0};
  if (send(fd, words, strlen(words), MSG_NOSIGNAL) == (ssize_t)strlen(words))
    while (poll(&ready, 1, PATIENCE_MS) > 0 && read(fd, bytes, sizeof bytes) > 0)
      ;
  (void)close(fd); /* nothing more is said */
}
