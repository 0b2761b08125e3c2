/* SPDX-License-Identifier: GPL-3.0-or-later */
/* See netns-lab.h. */
#include "tests/netns-lab.h"

#include <string.h>

#include "hub/hub.h"

static void
note_lost(guint32 vm, const char *why, gpointer data)
{
  Lab *lab = data;
  g_mutex_lock(&lab->lock);
  g_string_append_printf(lab->lost, "%u: %s; ", vm, why);
  g_mutex_unlock(&lab->lock);
}

Lab *
lab_empty(void)
{
  const char *build = g_getenv("VNEC_BUILDDIR"), *given = g_getenv("VNEC_TEST_AGENT_DIR");
  g_autofree char *agents =
      given != NULL ? g_strdup(given)
                    : g_build_filename(build != NULL ? build : ".", "libexec", "vnec", NULL);
  g_autoptr(GError) error = NULL;
  Lab *lab = g_new0(Lab, 1);
  g_mutex_init(&lab->lock);
  lab->lost = g_string_new(NULL);
  lab->vms = g_new0(VnDriverVm, LAB_MAX);
  lab->peers = g_new0(Peer *, LAB_MAX);
  lab->hub = vn_hub_new(&error);
  g_assert_no_error(error);
  VnDriverContext context = {.experiment = "test",
                             .state_dir = "/nonexistent",
                             .agent_dir = agents,
                             .vm_lost = note_lost,
                             .data = lab,
                             .hub = lab->hub};
  lab->state = vn_driver_netns.open(&context, &error);
  g_assert_no_error(error);
  return lab;
}

void
lab_free(Lab *lab)
{
  vn_driver_netns.close(lab->state);
  vn_hub_free(lab->hub);
  for (guint i = 0; i < lab->n; i++) {
    g_clear_pointer(&lab->peers[i], peer_free);
    g_free((gpointer)lab->vms[i].name);
    g_free((gpointer)lab->vms[i].ifaces);
    g_free((gpointer)lab->vms[i].routes);
    g_free((gpointer)lab->vms[i].proxies);
  }
  g_free(lab->vms);
  g_free(lab->peers);
  g_string_free(lab->lost, TRUE);
  g_mutex_clear(&lab->lock);
  g_free(lab);
}

void
lab_segment(Lab *lab, guint32 id)
{
  VnDriverSegment segment = {.id = id, .name = "s"};
  VnDriverItem item = {.id = id};
  vn_driver_netns.make_segments(lab->state, &segment, &item, 1);
  g_assert_no_error(item.error);
}

VnDriverVm *
lab_vm(Lab *lab, const char *name, guint n_ifaces, const guint32 *segments,
       const char *const *addresses)
{
  g_assert_cmpuint(lab->n, <, LAB_MAX);
  VnDriverVm *vm = &lab->vms[lab->n++];
  VnDriverIface *ifaces = g_new0(VnDriverIface, n_ifaces + 1);
  for (guint i = 0; i < n_ifaces; i++) {
    VnPrefix prefix;
    ifaces[i].segment = segments[i];
    g_snprintf(ifaces[i].name, sizeof ifaces[i].name, "eth%u", i);
    ifaces[i].mac = G_GUINT64_CONSTANT(0x020000000000) + lab->n * 256 + i;
    g_assert_true(vn_prefix_parse(addresses[i], &prefix));
    if (prefix.address.family == 4)
      ifaces[i].address4 = prefix;
    else
      ifaces[i].address6 = prefix;
  }
  *vm = (VnDriverVm){.id = lab->n, .name = g_strdup(name), .ifaces = ifaces, .n_ifaces = n_ifaces};
  return vm;
}

void
lab_route(VnDriverVm *vm, const char *prefix, guint32 iface, const char *gateway)
{
  VnDriverRoute *routes = g_renew(VnDriverRoute, (gpointer)vm->routes, vm->n_routes + 1);
  VnDriverRoute *route = &routes[vm->n_routes++];
  memset(route, 0, sizeof *route);
  route->iface = iface;
  g_assert_true(vn_prefix_parse(prefix, &route->prefix));
  g_assert_true(gateway == NULL || vn_address_parse(gateway, &route->gateway));
  vm->routes = routes;
}

void
lab_proxy(VnDriverVm *vm, guint32 iface, const char *address)
{
  VnDriverProxy *proxies = g_renew(VnDriverProxy, (gpointer)vm->proxies, vm->n_proxies + 1);
  VnDriverProxy *proxy = &proxies[vm->n_proxies++];
  memset(proxy, 0, sizeof *proxy);
  proxy->iface = iface;
  g_assert_true(vn_address_parse(address, &proxy->address));
  vm->proxies = proxies;
}

static VnDriverItem *
items_of(guint first, guint n)
{
  VnDriverItem *items = g_new0(VnDriverItem, n + 1);
  for (guint i = 0; i < n; i++)
    items[i].id = first + i + 1;
  return items;
}

void
lab_define(Lab *lab, guint first)
{
  g_autofree VnDriverItem *items = items_of(first, lab->n - first);
  vn_driver_netns.make_vms(lab->state, lab->vms + first, items, lab->n - first);
  for (guint i = 0; i < lab->n - first; i++)
    g_assert_no_error(items[i].error);
}

Lab *
lab_flat(guint n)
{
  Lab *lab = lab_empty();
  lab_segment(lab, 1);
  for (guint i = 0; i < n; i++) {
    g_autofree char *name = g_strdup_printf("h[%u]", i);
    g_autofree char *v4 = g_strdup_printf("10.1.%u.%u/16", (i + 1) / 250, (i + 1) % 250 + 1);
    g_autofree char *v6 = g_strdup_printf("fd01::%x/64", i + 1);
    VnDriverVm *vm = lab_vm(lab, name, 1, (const guint32[]){1}, (const char *[]){v4});
    if (n <= 16)
      g_assert_true(vn_prefix_parse(v6, &((VnDriverIface *)vm->ifaces)->address6));
  }
  lab_define(lab, 0);
  return lab;
}

void
lab_on(Lab *lab, guint first, guint n)
{
  g_autofree VnDriverItem *items = items_of(first, n);
  g_autofree VnDriverChannel *channels = g_new0(VnDriverChannel, n + 1);
  vn_driver_netns.power_on(lab->state, items, channels, n);
  for (guint i = 0; i < n; i++) {
    g_assert_no_error(items[i].error);
    g_assert_cmpint(channels[i].fd, >=, 0);
  }
  for (guint i = 0; i < n; i++)
    lab->peers[first + i] = peer_adopt(channels[i].fd);
}

void
lab_off(Lab *lab, guint first, guint n, gboolean keep)
{
  g_autofree VnDriverItem *items = items_of(first, n);
  vn_driver_netns.power_off(lab->state, items, n, keep);
  for (guint i = 0; i < n; i++) {
    g_assert_no_error(items[i].error);
    g_clear_pointer(&lab->peers[first + i], peer_free);
  }
}

int
lab_sh(Lab *lab, guint vm, const char *text, char **out_text)
{
  PeerTask *task = peer_script(lab->peers[vm], 10 * G_GINT64_CONSTANT(1000000000), text);
  peer_wait(lab->peers[vm], task);
  if (out_text != NULL)
    *out_text = g_strconcat(task->out->str, task->err->str, NULL);
  if (task->error != NULL)
    g_test_message("%s: %s", text, task->error);
  return task->status == VN_OUTCOME_EXITED ? (int)task->exit_code : -1;
}

static gint64
ping(Lab *lab, guint vm, const char *target, const char *count, const char *within)
{
  PeerTask *task =
      peer_native(lab->peers[vm], FALSE, "ping", target, count, "20000000", within, NULL);
  peer_wait(lab->peers[vm], task);
  if (task->error != NULL)
    g_test_message("ping %s: %s", target, task->error);
  return peer_field_int(task, "received");
}

/* An answer on a busy machine may be late, so there is plenty of time for it... */
gint64
lab_ping(Lab *lab, guint vm, const char *target, const char *count)
{
  return ping(lab, vm, target, count, "20000000000");
}

/* ... where there is none, it is not waited for as long. */
void
lab_no_ping(Lab *lab, guint vm, const char *target)
{
  g_assert_cmpint(ping(lab, vm, target, "1", "1000000000"), ==, 0);
}
