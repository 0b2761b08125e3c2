/* SPDX-License-Identifier: GPL-3.0-or-later */
/* VMs on and off, in phases, because a batch of hundreds must not be made one by one:
 * all are born; while they put their roots together, all links go out in one netlink stream; then
 * all configure themselves at once; then each port is touched so that it forwards.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <fcntl.h>
#include <unistd.h>

#include "drivers/netns/failure.h"
#include "drivers/netns/guest.h"
#include "drivers/netns/root.h"
#include "driver/tree.h"

void
vn_netns_vm_free(gpointer data)
{
  VnNetnsVm *vm = data;
  if (vm == NULL)
    return;
  if (vm->channel >= 0)
    close(vm->channel);
  g_free(vm->ifaces);
  g_free(vm->routes);
  g_free(vm->proxies);
  g_free(vm->ports);
  g_clear_error(&vm->error);
  g_free(vm);
}

static gboolean
is_family(guint8 family)
{
  return family == 4 || family == 6;
}

static gboolean
check_vm(const VnNetnsVm *vm)
{
  for (guint32 i = 0; i < vm->wire.n_ifaces; i++)
    if (memchr(vm->ifaces[i].name, '\0', sizeof vm->ifaces[i].name) == NULL)
      return FALSE;
  for (guint32 i = 0; i < vm->wire.n_routes; i++)
    if (!is_family(vm->routes[i].prefix.address.family))
      return FALSE;
  for (guint32 i = 0; i < vm->wire.n_proxies; i++)
    if (!is_family(vm->proxies[i].address.family))
      return FALSE;
  return memchr(vm->wire.hostname, '\0', sizeof vm->wire.hostname) != NULL;
}

static gpointer
take_array(VnNetnsReader *reader, gsize n, gsize size)
{
  g_autofree guint8 *array = g_malloc0_n(n + 1, size);
  return vn_netns_take(reader, array, n * size) ? g_steal_pointer(&array) : NULL;
}

VnNetnsVm *
vn_netns_vm_make(VnNetnsReader *reader, GError **error)
{
  VnNetnsVm *vm = g_new0(VnNetnsVm, 1);
  vm->channel = -1;
  gboolean whole = vn_netns_take(reader, &vm->wire, sizeof vm->wire) &&
                   vm->wire.n_ifaces <= VN_NETNS_IFACES_MAX &&
                   vm->wire.n_routes <= VN_NETNS_ENTRIES_MAX &&
                   vm->wire.n_proxies <= VN_NETNS_ENTRIES_MAX;
  if (whole) {
    vm->ifaces = take_array(reader, vm->wire.n_ifaces, sizeof *vm->ifaces);
    vm->routes = take_array(reader, vm->wire.n_routes, sizeof *vm->routes);
    vm->proxies = take_array(reader, vm->wire.n_proxies, sizeof *vm->proxies);
    vm->ports = g_new0(VnNetnsPort, vm->wire.n_ifaces + 1);
  }
  if (whole && vm->ifaces != NULL && vm->routes != NULL && vm->proxies != NULL && check_vm(vm))
    return vm;
  vn_netns_vm_free(vm);
  vn_netns_fail(error, EPROTO, "reading a VM's definition");
  return NULL;
}

static void
give_birth(VnNetnsKeeper *keeper, VnNetnsVm *vm)
{
  vm->ready = FALSE;
  if (keeper->agents[vm->wire.router ? 1 : 0] < 0) {
    g_set_error(&vm->error, VN_DRIVER_ERROR, VN_DRIVER_ERROR_MISSING, "%s was not found",
                vm->wire.router ? "vnec-router" : "vnec-taskrunner");
    return;
  }
  if (vn_netns_guest_start(keeper, vm) != 0) {
    vn_netns_fail(&vm->error, errno, "making a VM's namespaces");
    return;
  }
  (void)vn_netns_guest_go(vm); /* one that died says why on the pipe */
}

void
vn_netns_power_reports(VnNetnsKeeper *keeper)
{
  VnNetnsReport reports[32];
  gssize n = read(keeper->reports[0], reports, sizeof reports);
  for (gsize i = 0; n > 0 && i < (gsize)n / sizeof reports[0]; i++) {
    VnNetnsVm *vm = g_hash_table_lookup(keeper->vms, GUINT_TO_POINTER(reports[i].vm));
    if (vm == NULL || vm->pid == 0 || vm->life != reports[i].life)
      continue;
    if (reports[i].errnum == 0) {
      vm->ready = TRUE;
    } else if (vm->error == NULL) {
      reports[i].what[sizeof reports[i].what - 1] = '\0';
      vn_netns_fail(&vm->error, reports[i].errnum, "%s", reports[i].what);
    }
  }
}

static guint
count_waiting(VnNetnsVm *const *vms, guint n)
{
  guint waiting = 0;
  for (guint i = 0; i < n; i++)
    waiting += vms[i]->error == NULL && !vms[i]->ready;
  return waiting;
}

/* Until each VM has said that it is configured, or that it failed, or died. */
static void
wait_ready(VnNetnsKeeper *keeper, VnNetnsVm *const *vms, guint n)
{
  while (count_waiting(vms, n) > 0) {
    struct pollfd ends[2] = {{keeper->reports[0], POLLIN, 0}, {keeper->signals, POLLIN, 0}};
    if (poll(ends, 2, -1) < 0 && errno != EINTR)
      return;
    /* Reports first: who failed wrote before it died. */
    if ((ends[0].revents & POLLIN) != 0)
      vn_netns_power_reports(keeper);
    else if ((ends[1].revents & POLLIN) != 0)
      vn_netns_keeper_reap(keeper);
  }
}

static void
undo_failed(VnNetnsKeeper *keeper, VnNetnsVm *const *vms, guint n)
{
  g_autoptr(GPtrArray) failed = g_ptr_array_new();
  for (guint i = 0; i < n; i++)
    if (vms[i]->error != NULL)
      g_ptr_array_add(failed, vms[i]);
  if (failed->len > 0)
    vn_netns_power_off(keeper, (VnNetnsVm *const *)(void *)failed->pdata, failed->len, TRUE);
}

void
vn_netns_power_on(VnNetnsKeeper *keeper, VnNetnsVm *const *vms, guint n)
{
  g_autoptr(GPtrArray) born = g_ptr_array_new();
  for (guint i = 0; i < n; i++) {
    g_clear_error(&vms[i]->error);
    if (vms[i]->pid != 0) { /* on already; one that was suspended goes on */
      (void)vn_netns_resume(keeper, vms[i], &vms[i]->error);
      continue;
    }
    give_birth(keeper, vms[i]);
    if (vms[i]->error == NULL)
      g_ptr_array_add(born, vms[i]);
  }
  VnNetnsVm *const *made = (VnNetnsVm *const *)(void *)born->pdata;
  vn_netns_links_make(keeper, made, born->len);
  for (guint i = 0; i < born->len; i++)
    if (made[i]->error == NULL)
      (void)vn_netns_guest_go(made[i]);
  wait_ready(keeper, made, born->len);
  vn_netns_links_settle(keeper, made, born->len);
  undo_failed(keeper, made, born->len);
}

static void
collect(VnNetnsVm *vm)
{
  while (waitpid(vm->pid, NULL, __WALL) < 0 && errno == EINTR)
    continue;
  vm->pid = 0;
  vm->suspended = vm->ready = FALSE;
  if (vm->channel >= 0)
    close(vm->channel);
  vm->channel = -1;
}

static void
discard_files(const VnNetnsVm *vm)
{
  char path[VN_NETNS_PATH_MAX];
  vn_netns_root_path(vm->wire.id, path);
  /* What can't be removed is out of reach for guests and goes with the experiment; but the next
   * life must not see it, so it is moved aside. */
  if (vn_tree_remove(AT_FDCWD, path) != 0) {
    g_autofree char *aside = g_strdup_printf("%s.%" G_GINT64_FORMAT, path, g_get_monotonic_time());
    (void)rename(path, aside);
  }
}

void
vn_netns_power_off(VnNetnsKeeper *keeper, VnNetnsVm *const *vms, guint n, gboolean keep)
{
  vn_netns_links_cut(keeper, vms, n);
  for (guint i = 0; i < n; i++)
    if (vms[i]->pid != 0)
      (void)kill(vms[i]->pid, SIGKILL);
  for (guint i = 0; i < n; i++) {
    if (vms[i]->pid != 0) {
      collect(vms[i]);
      vn_netns_links_forget(keeper, vms[i]);
    }
    if (!keep)
      discard_files(vms[i]);
  }
}
