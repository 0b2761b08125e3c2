/* SPDX-License-Identifier: GPL-3.0-or-later */
/* See machine.h. Differences are told, not judged: an experiment has no power over the machine's
 * network, but others do, and they go on meanwhile.
 */
#include "drivers/netns/machine.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "drivers/netns/netlink.h"

struct VnNetnsMachine {
  int errnum; /* it could not be seen */
  guint links, addresses, routes;
  guint32 sum; /* of what identifies them, in any order */
};

/* What stays the same while nothing is changed: no counters, no lifetimes. */
static guint32
sum_of(const struct nlmsghdr *message, gsize fixed, const guint16 *kinds, gsize n_kinds)
{
  guint32 sum = 5381;
  const struct nlattr *attribute = NULL;
  mnl_attr_for_each(attribute, message, fixed)
  {
    for (gsize i = 0; i < n_kinds; i++) {
      if (mnl_attr_get_type(attribute) != kinds[i])
        continue;
      const guint8 *bytes = mnl_attr_get_payload(attribute);
      for (guint16 k = 0; k < mnl_attr_get_payload_len(attribute); k++)
        sum = sum * 33 + bytes[k];
    }
  }
  return sum;
}

static void
look_at_link(const struct nlmsghdr *message, gpointer data)
{
  static const guint16 kinds[] = {IFLA_IFNAME, IFLA_ADDRESS, IFLA_MASTER};
  VnNetnsMachine *machine = data;
  machine->links++;
  machine->sum += sum_of(message, sizeof(struct ifinfomsg), kinds, G_N_ELEMENTS(kinds));
}

static void
look_at_address(const struct nlmsghdr *message, gpointer data)
{
  static const guint16 kinds[] = {IFA_ADDRESS, IFA_LOCAL};
  VnNetnsMachine *machine = data;
  machine->addresses++;
  machine->sum += sum_of(message, sizeof(struct ifaddrmsg), kinds, G_N_ELEMENTS(kinds));
}

static void
look_at_route(const struct nlmsghdr *message, gpointer data)
{
  static const guint16 kinds[] = {RTA_DST, RTA_GATEWAY, RTA_OIF, RTA_TABLE};
  VnNetnsMachine *machine = data;
  const struct rtmsg *body = mnl_nlmsg_get_payload(message);
  if ((body->rtm_flags & RTM_F_CLONED) != 0)
    return;
  machine->routes++;
  machine->sum += sum_of(message, sizeof *body, kinds, G_N_ELEMENTS(kinds));
}

VnNetnsMachine *
vn_netns_machine_look(void)
{
  VnNetnsMachine *machine = g_new0(VnNetnsMachine, 1);
  g_autofree VnNetlink *netlink = g_new0(VnNetlink, 1);
  machine->errnum = vn_netlink_open(netlink, NULL, NULL);
  if (machine->errnum == 0)
    machine->errnum = vn_netlink_dump(netlink, RTM_GETLINK, AF_UNSPEC, look_at_link, machine);
  if (machine->errnum == 0)
    machine->errnum = vn_netlink_dump(netlink, RTM_GETADDR, AF_UNSPEC, look_at_address, machine);
  if (machine->errnum == 0)
    machine->errnum = vn_netlink_dump(netlink, RTM_GETROUTE, AF_UNSPEC, look_at_route, machine);
  vn_netlink_close(netlink);
  return machine;
}

char *
vn_netns_machine_compare(const VnNetnsMachine *before)
{
  VnNetnsMachine *now = vn_netns_machine_look();
  char *text = NULL;
  if (before->errnum != 0 || now->errnum != 0)
    text = g_strdup("machine: its links could not be seen; no part of the experiment has power "
                    "over them");
  else if (before->sum == now->sum && before->links == now->links &&
           before->addresses == now->addresses && before->routes == now->routes)
    text = g_strdup_printf("machine: %u links, %u addresses, %u routes, the same as before",
                           now->links, now->addresses, now->routes);
  else
    text = g_strdup_printf("machine: changed by others meanwhile: %u links (%u before), "
                           "%u addresses (%u), %u routes (%u)",
                           now->links, before->links, now->addresses, before->addresses,
                           now->routes, before->routes);
  vn_netns_machine_free(now);
  return text;
}

void
vn_netns_machine_free(VnNetnsMachine *machine)
{
  g_free(machine);
}
