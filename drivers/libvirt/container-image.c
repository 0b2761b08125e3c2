/* SPDX-License-Identifier: GPL-3.0-or-later */
/* See container-image.h. A host's addresses and routes are words for its first process
 * (guest/container/main.c); a router is told its own over its channel. */
#include "drivers/libvirt/container-image.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "drivers/libvirt/container-domain.h"

#define PATIENCE_S     120
#define PATIENCE_MAX_S 3600

/* ---- its root ---- */

static gboolean
write_map(pid_t pid, const char *name)
{
  g_autofree char *path = g_strdup_printf("/proc/%d/%s", (int)pid, name);
  g_autofree char *map = g_strdup_printf("0 %u %u", VN_VIRT_IDS_FIRST, VN_VIRT_IDS_COUNT);
  int fd = open(path, O_WRONLY | O_CLOEXEC);
  gboolean done = fd >= 0 && write(fd, map, strlen(map)) == (ssize_t)strlen(map);
  if (fd >= 0)
    (void)close(fd); /* the write said all */
  return done;
}

/* A user namespace with the containers' ids, as the kernel wants it to map a mount's; -1: none. */
static int
open_ids(void)
{
  struct clone_args arguments = {.flags = CLONE_NEWUSER, .exit_signal = SIGCHLD};
  pid_t pid = (pid_t)syscall(SYS_clone3, &arguments, sizeof arguments);
  if (pid == 0)
    for (;;)
      (void)pause(); /* until it is killed */
  if (pid < 0)
    return -1;
  g_autofree char *path = g_strdup_printf("/proc/%d/ns/user", (int)pid);
  int fd = write_map(pid, "uid_map") && write_map(pid, "gid_map") ? open(path, O_RDONLY | O_CLOEXEC)
                                                                  : -1;
  (void)kill(pid, SIGKILL); /* it is our child */
  (void)waitpid(pid, NULL, 0);
  return fd;
}

static gboolean
open_root(const char *path, VnVirtImage *out, GError **error)
{
  int tree = (int)syscall(SYS_open_tree, AT_FDCWD, path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
  if (tree < 0)
    return vn_virt_fail(error, errno, "%s", path);
  out->fds[out->n_fds++] = tree;
  out->spec.files[VN_VIRT_FILE_disk] = g_strdup(path);
  struct mount_attr closed = {.attr_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NODEV};
  if (mount_setattr(tree, "", AT_EMPTY_PATH, &closed, sizeof closed) != 0)
    return vn_virt_fail(error, errno, "making %s read-only", path);
  struct mount_attr mapped = {.attr_set = MOUNT_ATTR_IDMAP};
  int ids = open_ids();
  mapped.userns_fd = (guint64)ids;
  if (ids >= 0) /* else, and on file systems that can't, its files belong to nobody there */
    (void)mount_setattr(tree, "", AT_EMPTY_PATH, &mapped, sizeof mapped);
  if (ids >= 0)
    (void)close(ids); /* the mount holds it */
  return TRUE;
}

/* ---- its network ---- */

static void
add_addresses(GPtrArray *words, const VnDriverVm *vm, guint32 i)
{
  const VnDriverIface *iface = &vm->ifaces[i];
  const VnPrefix *both[] = {&iface->address4, &iface->address6};
  char text[VN_PREFIX_TEXT_MAX];
  g_ptr_array_add(words, g_strdup("iface"));
  g_ptr_array_add(words, g_strdup_printf("eth%u", i));
  for (guint k = 0; !iface->preset && k < G_N_ELEMENTS(both); k++) {
    if (both[k]->address.family == 0)
      continue;
    g_ptr_array_add(words, g_strdup("address"));
    g_ptr_array_add(words, g_strdup_printf("eth%u", i));
    g_ptr_array_add(words, g_strdup(vn_prefix_format(both[k], text)));
  }
}

static void
add_route(GPtrArray *words, const VnDriverRoute *route)
{
  char prefix[VN_PREFIX_TEXT_MAX], gateway[VN_ADDRESS_TEXT_MAX] = "-";
  if (route->iface == VN_DRIVER_EXTERNAL)
    return; /* hosts have none */
  if (route->gateway.family != 0)
    vn_address_format(&route->gateway, gateway);
  g_ptr_array_add(words, g_strdup("route"));
  g_ptr_array_add(words, g_strdup_printf("eth%u", route->iface));
  g_ptr_array_add(words, g_strdup(vn_prefix_format(&route->prefix, prefix)));
  g_ptr_array_add(words, g_strdup(gateway));
}

static char **
network_words(const VnDriverVm *vm)
{
  GPtrArray *words = g_ptr_array_new();
  for (guint32 i = 0; !vm->router && i < vm->n_ifaces; i++)
    add_addresses(words, vm, i);
  for (guint32 i = 0; !vm->router && i < vm->n_routes; i++)
    add_route(words, &vm->routes[i]);
  g_ptr_array_add(words, NULL);
  return (char **)g_ptr_array_free(words, FALSE);
}

static gboolean
speaks_6(const VnDriverVm *vm)
{
  gboolean found = FALSE;
  for (guint32 i = 0; i < vm->n_ifaces; i++)
    found = found || vm->ifaces[i].address6.address.family != 0;
  for (guint32 i = 0; i < vm->n_routes; i++)
    found = found || vm->routes[i].prefix.address.family == 6;
  for (guint32 i = 0; i < vm->n_proxies; i++)
    found = found || vm->proxies[i].address.family == 6;
  return found;
}

/* ---- all ---- */

static guint
patience(const VnDriverVm *vm)
{
  gint64 ns;
  if (vm->image_keys == NULL || !g_variant_lookup(vm->image_keys, "ready_within", "x", &ns))
    return PATIENCE_S;
  return (guint)CLAMP(ns / 1000000000, 1, PATIENCE_MAX_S);
}

gboolean
vn_virt_container_read(const VnDriverVm *vm, VnVirtImage *out, GError **error)
{
  char hostname[VN_DRIVER_HOSTNAME_MAX];
  const char *root = NULL;
  *out = (VnVirtImage){.fds = {-1, -1, -1}};
  VnVirtSpec *spec = &out->spec;
  vn_driver_hostname(vm->name, hostname);
  spec->id = vm->id;
  spec->name = g_strdup(vm->name);
  spec->kind = g_strdup(VN_VIRT_KIND_CONTAINER);
  spec->hostname = g_strdup(hostname);
  spec->router = vm->router;
  spec->six = speaks_6(vm);
  spec->cpus = vm->cpus;
  spec->memory = vm->memory;
  spec->processes = vm->processes;
  spec->patience = patience(vm);
  spec->words = network_words(vm);
  if (vm->n_ifaces > VN_VIRT_NICS_MAX) {
    g_set_error(error, VN_DRIVER_ERROR, VN_DRIVER_ERROR_LIMIT,
                "it has %u interfaces; a container has %u at most", vm->n_ifaces, VN_VIRT_NICS_MAX);
    return FALSE;
  }
  for (guint32 i = 0; i < vm->n_ifaces; i++)
    spec->macs[spec->n_macs++] = vm->ifaces[i].mac;
  if (vm->image_keys != NULL)
    (void)g_variant_lookup(vm->image_keys, "rootfs", "&s", &root); /* NULL if absent */
  return root == NULL || open_root(root, out, error);
}
