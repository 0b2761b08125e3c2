/* SPDX-License-Identifier: GPL-3.0-or-later */
/* That the hub leads nowhere but to its machines: what the kernel says of each descriptor. */
#include "hub/hub-private.h"

#include <errno.h>
#include <linux/if_tun.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#ifndef TUNGETDEVNETNS
#define TUNGETDEVNETNS _IO('T', 227)
#endif

/* Does the link of a packet socket or TAP lie in a network namespace that is not ours? */
static gboolean
is_elsewhere(const Port *port)
{
  struct stat own, its;
  int space = ioctl(port->fd, port->kind == VN_HUB_TAP ? TUNGETDEVNETNS : SIOCGSKNS);
  if (space < 0)
    return FALSE;
  gboolean known = fstat(space, &its) == 0 && stat("/proc/self/ns/net", &own) == 0;
  (void)close(space); /* a handle only */
  return known && (its.st_ino != own.st_ino || its.st_dev != own.st_dev);
}

static gboolean
is_unix(const Port *port)
{
  int family = 0;
  socklen_t size = sizeof family;
  return getsockopt(port->fd, SOL_SOCKET, SO_DOMAIN, &family, &size) == 0 && family == AF_UNIX;
}

gboolean
vn_hub_prove(VnHub *hub, GPtrArray *out_facts, GError **error)
{
  guint sockets = 0, links = 0, off = 0;
  gboolean good = TRUE;
  GHashTableIter iter;
  gpointer value;
  g_mutex_lock(&hub->lock);
  guint segments = g_hash_table_size(hub->segments);
  g_hash_table_iter_init(&iter, hub->ports);
  while (good && g_hash_table_iter_next(&iter, NULL, &value)) {
    const Port *port = value;
    guint *kind = port->fd < 0 ? &off : vn_hub_port_is_plain(port->kind) ? &sockets : &links;
    good = kind == &off || (kind == &sockets ? is_unix(port) : is_elsewhere(port));
    *kind += good;
    if (!good)
      g_set_error(error, G_IO_ERROR, G_IO_ERROR_FAILED,
                  "not confined: port %" G_GUINT64_FORMAT " of the hub, on segment %s, is %s",
                  port->id, port->segment->name,
                  kind == &sockets ? "no UNIX socket" : "in the machine's own network");
  }
  g_mutex_unlock(&hub->lock);
  if (good && segments > 0)
    g_ptr_array_add(out_facts,
                    g_strdup_printf("hub in the slave: %u segments; %u ports are UNIX sockets, %u "
                                    "links in namespaces of the experiment, %u not connected",
                                    segments, sockets, links, off));
  return good;
}
