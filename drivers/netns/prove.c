/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Confinement, from what the kernel shows to the keeper: its own network namespace (the hub) has
 * bridges and veths only, no address, no route; each port's other end lies in the namespace of the
 * VM that it was made for; no guest shares a namespace with the machine, the keeper or another
 * guest; and no socket of the helper's processes speaks a network protocol.
 */
#include "drivers/netns/prove.h"

#include <dirent.h>
#include <errno.h>
#include <linux/net_namespace.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "drivers/netns/failure.h"
#include "drivers/netns/keeper.h"

static const char *const space_names[] = {
#define X(name) [VN_NETNS_SPACE_##name] = #name,
    VN_NETNS_SPACES(X)
#undef X
};

const char *
vn_netns_space_name(VnNetnsSpace space)
{
  return space_names[space];
}

int
vn_netns_spaces_read(const char *pid, VnNetnsSpaces *out)
{
  for (guint i = 0; i < VN_NETNS_N_SPACES; i++) {
    g_autofree char *path =
        g_strdup_printf("/proc/%s/ns/%s", pid != NULL ? pid : "self", space_names[i]);
    struct stat found;
    if (stat(path, &found) != 0)
      return errno;
    out->inodes[i] = found.st_ino;
  }
  return 0;
}

typedef struct {
  VnNetnsKeeper *keeper;
  GHashTable *peers; /* link → id of the peer's namespace as the hub numbers it, plus 1 */
  guint links, ports, addresses, routes;
  GString *bad; /* what must not be */
} Proof;

static int
note_attribute(const struct nlattr *attribute, gpointer data)
{
  const struct nlattr **table = data;
  if (mnl_attr_get_type(attribute) <= IFLA_MAX)
    table[mnl_attr_get_type(attribute)] = attribute;
  return MNL_CB_OK;
}

static const char *
kind_of(const struct nlattr *info)
{
  const struct nlattr *attribute = NULL;
  if (info == NULL)
    return "";
  mnl_attr_for_each_nested(attribute, info)
  {
    if (mnl_attr_get_type(attribute) == IFLA_INFO_KIND)
      return mnl_attr_get_str(attribute);
  }
  return "";
}

static void
look_at_link(const struct nlmsghdr *message, gpointer data)
{
  Proof *proof = data;
  const struct ifinfomsg *body = mnl_nlmsg_get_payload(message);
  const struct nlattr *table[IFLA_MAX + 1] = {0};
  (void)mnl_attr_parse(message, sizeof *body, note_attribute, table);
  const char *name = table[IFLA_IFNAME] != NULL ? mnl_attr_get_str(table[IFLA_IFNAME]) : "?";
  const char *kind = kind_of(table[IFLA_LINKINFO]);
  proof->links++;
  if ((body->ifi_flags & IFF_LOOPBACK) != 0) {
    if ((body->ifi_flags & IFF_UP) != 0)
      g_string_append_printf(proof->bad, " %s is up;", name);
  } else if (g_str_equal(kind, "veth")) {
    gint32 space =
        table[IFLA_LINK_NETNSID] != NULL ? (gint32)mnl_attr_get_u32(table[IFLA_LINK_NETNSID]) : -1;
    g_hash_table_insert(proof->peers, GINT_TO_POINTER(body->ifi_index), GINT_TO_POINTER(space + 2));
  } else if (!g_str_equal(kind, "bridge")) {
    g_string_append_printf(proof->bad, " link %s is neither bridge nor veth;", name);
  }
}

static void
look_at_address(const struct nlmsghdr *message, gpointer data)
{
  ((Proof *)data)->addresses++;
}

static void
look_at_route(const struct nlmsghdr *message, gpointer data)
{
  ((Proof *)data)->routes++;
}

static void
take_space_id(const struct nlmsghdr *message, gpointer data)
{
  const struct nlattr *attribute = NULL;
  mnl_attr_for_each(attribute, message, sizeof(struct rtgenmsg))
  {
    if (mnl_attr_get_type(attribute) == NETNSA_NSID)
      *(gint32 *)data = (gint32)mnl_attr_get_u32(attribute);
  }
}

/* What number the hub has for a VM's network namespace; -1: none, so no link leads there. */
static gint32
space_id(VnNetnsKeeper *keeper, const VnNetnsVm *vm)
{
  gint32 id = -1;
  struct rtgenmsg body = {.rtgen_family = AF_UNSPEC};
  struct nlmsghdr *request =
      vn_netlink_request(&keeper->hub, 0, RTM_GETNSID, 0, &body, sizeof body);
  mnl_attr_put_u32(request, NETNSA_PID, (guint32)vm->pid);
  if (vn_netlink_ask(&keeper->hub, take_space_id, &id) != 0)
    return -1;
  return id;
}

/* The other end of the hub's link `link` must lie in the VM's namespace. */
static void
check_port(Proof *proof, const VnNetnsVm *vm, guint32 link, gint32 space)
{
  if (link == 0)
    return;
  proof->ports++;
  gpointer seen = g_hash_table_lookup(proof->peers, GUINT_TO_POINTER(link));
  if (seen == NULL || space < 0 || GPOINTER_TO_INT(seen) - 2 != space)
    g_string_append_printf(proof->bad, " link %u does not end in VM %u;", link, vm->wire.id);
  g_hash_table_remove(proof->peers, GUINT_TO_POINTER(link));
}

static gboolean
prove_links(VnNetnsKeeper *keeper, Proof *proof, GError **error)
{
  int result = vn_netlink_dump(&keeper->hub, RTM_GETLINK, AF_UNSPEC, look_at_link, proof);
  if (result == 0)
    result = vn_netlink_dump(&keeper->hub, RTM_GETADDR, AF_UNSPEC, look_at_address, proof);
  if (result == 0)
    result = vn_netlink_dump(&keeper->hub, RTM_GETROUTE, AF_INET, look_at_route, proof);
  if (result == 0)
    result = vn_netlink_dump(&keeper->hub, RTM_GETROUTE, AF_INET6, look_at_route, proof);
  if (result != 0)
    return vn_netns_fail(error, result, "looking at the hub's links");
  if (proof->addresses > 0)
    g_string_append_printf(proof->bad, " the hub has %u addresses;", proof->addresses);
  if (proof->routes > 0)
    g_string_append_printf(proof->bad, " the hub has %u routes;", proof->routes);
  return TRUE;
}

/* What is left of the veths are joints between the bridges of one segment: both ends here. */
static void
check_joints(Proof *proof)
{
  GHashTableIter iter;
  gpointer link = NULL, space = NULL;
  g_hash_table_iter_init(&iter, proof->peers);
  while (g_hash_table_iter_next(&iter, &link, &space))
    if (GPOINTER_TO_INT(space) - 2 >= 0)
      g_string_append_printf(proof->bad, " link %d ends in a namespace of no VM;",
                             GPOINTER_TO_INT(link));
}

/* Each namespace is the guest's alone. */
static void
check_spaces(Proof *proof, const VnNetnsVm *vm, GHashTable *seen)
{
  VnNetnsSpaces spaces;
  g_autofree char *pid = g_strdup_printf("%d", (int)vm->pid);
  int result = vn_netns_spaces_read(pid, &spaces);
  if (result != 0) {
    g_string_append_printf(proof->bad, " VM %u's namespaces can't be seen;", vm->wire.id);
    return;
  }
  for (guint i = 0; i < VN_NETNS_N_SPACES; i++)
    if (!g_hash_table_add(seen, GSIZE_TO_POINTER(spaces.inodes[i])))
      g_string_append_printf(proof->bad, " VM %u shares a %s namespace;", vm->wire.id,
                             vn_netns_space_name((VnNetnsSpace)i));
}

static void
check_sockets(Proof *proof)
{
  DIR *folder = opendir("/proc/self/fd");
  if (folder == NULL) {
    g_string_append(proof->bad, " the keeper's descriptors can't be seen;");
    return;
  }
  for (struct dirent *entry = readdir(folder); entry != NULL; entry = readdir(folder)) {
    int family = 0;
    socklen_t size = sizeof family;
    if (getsockopt(atoi(entry->d_name), SOL_SOCKET, SO_DOMAIN, &family, &size) == 0 &&
        (family == AF_INET || family == AF_INET6))
      g_string_append_printf(proof->bad, " the keeper holds a network socket;");
  }
  closedir(folder);
}

static guint
check_vms(VnNetnsKeeper *keeper, Proof *proof, const VnNetnsSpaces *machine)
{
  VnNetnsSpaces own;
  g_autoptr(GHashTable) seen = g_hash_table_new(NULL, NULL);
  gboolean readable = vn_netns_spaces_read(NULL, &own) == 0;
  for (guint i = 0; i < VN_NETNS_N_SPACES; i++) {
    g_hash_table_add(seen, GSIZE_TO_POINTER(machine->inodes[i]));
    if (!readable || !g_hash_table_add(seen, GSIZE_TO_POINTER(own.inodes[i])))
      g_string_append_printf(proof->bad, " the keeper shares the machine's %s namespace;",
                             vn_netns_space_name((VnNetnsSpace)i));
  }
  guint on = 0;
  GHashTableIter iter;
  gpointer value = NULL;
  g_hash_table_iter_init(&iter, keeper->vms);
  while (g_hash_table_iter_next(&iter, NULL, &value)) {
    VnNetnsVm *vm = value;
    if (vm->pid == 0)
      continue;
    on++;
    check_spaces(proof, vm, seen);
    gint32 space = vm->wire.n_ifaces > 0 || vm->external != 0 ? space_id(keeper, vm) : -1;
    for (guint32 i = 0; i < vm->wire.n_ifaces; i++)
      check_port(proof, vm, vm->ports[i].link, space);
    check_port(proof, vm, vm->external, space);
  }
  return on;
}

static void
tell(VnNetnsReply *reply, const Proof *proof, guint on)
{
  char text[VN_NETNS_TEXT_MAX];
  g_snprintf(text, sizeof text, "hub: %u links, all bridges or veths; no address, no route",
             proof->links);
  vn_netns_reply_text(reply, text);
  g_snprintf(text, sizeof text, "%u ports: each ends in the namespace of its own VM", proof->ports);
  vn_netns_reply_text(reply, text);
  g_snprintf(text, sizeof text,
             "%u VMs: user, net, mnt, pid, uts and ipc namespaces of their own, none shared", on);
  vn_netns_reply_text(reply, text);
  vn_netns_reply_text(reply, "the keeper of the experiment holds no network socket");
}

gboolean
vn_netns_prove(VnNetnsKeeper *keeper, const VnNetnsMessage *request, VnNetnsReply *reply,
               GError **error)
{
  VnNetnsReader reader = {request->bytes->data, request->bytes->len};
  VnNetnsSpaces machine;
  if (!vn_netns_take(&reader, &machine, sizeof machine))
    return vn_netns_fail(error, EPROTO, "reading a request");
  g_autoptr(GHashTable) peers = g_hash_table_new(NULL, NULL);
  g_autoptr(GString) bad = g_string_new(NULL);
  Proof proof = {.keeper = keeper, .peers = peers, .bad = bad};
  if (!prove_links(keeper, &proof, error))
    return FALSE;
  guint on = check_vms(keeper, &proof, &machine);
  check_joints(&proof);
  check_sockets(&proof);
  if (bad->len == 0) {
    tell(reply, &proof, on);
    return TRUE;
  }
  g_set_error(error, VN_DRIVER_ERROR, VN_DRIVER_ERROR_FAILED, "not confined:%s", bad->str);
  return FALSE;
}
