/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The keeper's loop, and the requests that it answers. See keeper.h; the work itself is in
 * segment.c, power.c, freeze.c and prove.c.
 */
#include "drivers/netns/keeper.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "drivers/netns/failure.h"
#include "drivers/netns/root.h"

#ifndef MFD_EXEC
#define MFD_EXEC 0x0010U
#endif

#define AGENT_PART (1u << 20)
#define FIRST_LINK 100u /* indices below are the kernel's to give */

static void
flush_reply(VnNetnsReply *reply, VnNetnsKind kind)
{
  if (reply->socket >= 0 &&
      !vn_netns_send(reply->socket, kind, reply->results, reply->n * sizeof reply->results[0],
                     reply->fds, reply->n_fds, NULL))
    reply->socket = -1; /* the slave is gone: the loop ends */
  for (guint i = 0; i < reply->n_fds; i++)
    close(reply->fds[i]);
  reply->n = reply->n_fds = 0;
}

void
vn_netns_reply(VnNetnsReply *reply, guint32 id, const GError *error, int fd)
{
  if (reply->n == G_N_ELEMENTS(reply->results))
    flush_reply(reply, VN_NETNS_RESULT);
  VnNetnsResult *result = &reply->results[reply->n++];
  memset(result, 0, sizeof *result);
  result->id = id;
  result->code = error != NULL ? error->code : -1;
  result->fd = -1;
  if (error != NULL)
    g_strlcpy(result->text, error->message, sizeof result->text);
  if (fd < 0)
    return;
  result->fd = (gint32)reply->n_fds;
  reply->fds[reply->n_fds++] = fd;
}

void
vn_netns_reply_text(VnNetnsReply *reply, const char *text)
{
  vn_netns_reply(reply, 0, NULL, -1);
  g_strlcpy(reply->results[reply->n - 1].text, text, VN_NETNS_TEXT_MAX);
}

gboolean
vn_netns_reply_end(VnNetnsReply *reply)
{
  flush_reply(reply, VN_NETNS_DONE);
  return reply->socket >= 0;
}

VnNetnsVm *
vn_netns_keeper_vm(VnNetnsKeeper *keeper, guint32 id, GError **error)
{
  VnNetnsVm *vm = g_hash_table_lookup(keeper->vms, GUINT_TO_POINTER(id));
  if (vm == NULL)
    vn_netns_fail(error, ENOENT, "VM %u", id);
  return vm;
}

static void
tell_lost(VnNetnsKeeper *keeper, const VnNetnsVm *vm, int status)
{
  VnNetnsResult lost = {.id = vm->wire.id, .fd = -1};
  if (vm->error != NULL)
    g_strlcpy(lost.text, vm->error->message, sizeof lost.text);
  else if (WIFSIGNALED(status))
    g_snprintf(lost.text, sizeof lost.text, "its agent was ended by signal %d", WTERMSIG(status));
  else
    g_snprintf(lost.text, sizeof lost.text, "its agent ended with status %d", WEXITSTATUS(status));
  (void)vn_netns_send(keeper->events, VN_NETNS_LOST, &lost, sizeof lost, NULL, 0, NULL);
}

static void
vm_ended(VnNetnsKeeper *keeper, VnNetnsVm *vm, int status)
{
  gboolean was_ready = vm->ready;
  vm->pid = 0;
  vm->ready = vm->suspended = FALSE;
  vn_netns_links_forget(keeper, vm);
  if (vm->channel >= 0)
    close(vm->channel);
  vm->channel = -1;
  if (was_ready) {
    tell_lost(keeper, vm, status);
    g_clear_error(&vm->error);
  } else if (vm->error == NULL) {
    vn_netns_fail(&vm->error, ECHILD, "its first process ended early");
  }
}

static VnNetnsVm *
find_by_pid(VnNetnsKeeper *keeper, pid_t pid)
{
  GHashTableIter iter;
  gpointer value = NULL;
  g_hash_table_iter_init(&iter, keeper->vms);
  while (g_hash_table_iter_next(&iter, NULL, &value))
    if (((VnNetnsVm *)value)->pid == pid)
      return value;
  return NULL;
}

void
vn_netns_keeper_reap(VnNetnsKeeper *keeper)
{
  struct signalfd_siginfo seen[16];
  /* Only to empty it: one entry may stand for many ends. */
  (void)!read(keeper->signals, seen, sizeof seen);
  vn_netns_power_reports(keeper);
  int status = 0;
  for (pid_t pid = waitpid(-1, &status, WNOHANG | __WALL); pid > 0;
       pid = waitpid(-1, &status, WNOHANG | __WALL)) {
    VnNetnsVm *vm = find_by_pid(keeper, pid);
    if (vm != NULL)
      vm_ended(keeper, vm, status);
  }
}

/* Requests that are a list of ids: each item answered in its order. */
typedef gboolean (*ForOne)(VnNetnsKeeper *keeper, guint32 id, GError **error);

static void
for_ids(VnNetnsKeeper *keeper, const VnNetnsMessage *request, VnNetnsReply *reply, ForOne one)
{
  VnNetnsReader reader = {request->bytes->data, request->bytes->len};
  guint32 id = 0;
  while (vn_netns_take(&reader, &id, sizeof id)) {
    g_autoptr(GError) error = NULL;
    (void)one(keeper, id, &error);
    vn_netns_reply(reply, id, error, -1);
  }
}

static void
make_segments(VnNetnsKeeper *keeper, const VnNetnsMessage *request, VnNetnsReply *reply)
{
  VnNetnsReader reader = {request->bytes->data, request->bytes->len};
  VnNetnsSegmentWire wire;
  while (vn_netns_take(&reader, &wire, sizeof wire)) {
    g_autoptr(GError) error = NULL;
    (void)vn_netns_segment_make(keeper, &wire, &error);
    vn_netns_reply(reply, wire.id, error, -1);
  }
}

static void
make_vms(VnNetnsKeeper *keeper, const VnNetnsMessage *request, VnNetnsReply *reply)
{
  VnNetnsReader reader = {request->bytes->data, request->bytes->len};
  while (reader.left > 0) {
    g_autoptr(GError) error = NULL;
    VnNetnsVm *vm = vn_netns_vm_make(&reader, &error);
    guint32 id = vm != NULL ? vm->wire.id : 0;
    vn_netns_reply(reply, id, error, -1);
    if (vm == NULL)
      return; /* what follows can't be found */
    VnNetnsVm *old = g_hash_table_lookup(keeper->vms, GUINT_TO_POINTER(id));
    if (old != NULL && old->pid != 0)
      vn_netns_vm_free(vm); /* there already, and on */
    else
      g_hash_table_replace(keeper->vms, GUINT_TO_POINTER(id), vm);
  }
}

static void
open_ports(VnNetnsKeeper *keeper, const VnNetnsMessage *request, VnNetnsReply *reply)
{
  VnNetnsReader reader = {request->bytes->data, request->bytes->len};
  VnNetnsPortWire wire;
  while (vn_netns_take(&reader, &wire, sizeof wire)) {
    g_autoptr(GError) error = NULL;
    VnNetnsVm *vm = vn_netns_keeper_vm(keeper, wire.vm, &error);
    int fd = vm != NULL ? vn_netns_port(keeper, vm, wire.iface, &error) : -1;
    vn_netns_reply(reply, wire.vm, error, fd);
  }
}

/* The VMs of a request; unknown ones are left out. */
static GPtrArray *
find_vms(VnNetnsKeeper *keeper, const VnNetnsMessage *request)
{
  GPtrArray *vms = g_ptr_array_new();
  VnNetnsReader reader = {request->bytes->data, request->bytes->len};
  guint32 id = 0;
  while (vn_netns_take(&reader, &id, sizeof id)) {
    VnNetnsVm *vm = g_hash_table_lookup(keeper->vms, GUINT_TO_POINTER(id));
    if (vm != NULL)
      g_ptr_array_add(vms, vm);
  }
  return vms;
}

static void
power_on(VnNetnsKeeper *keeper, const VnNetnsMessage *request, VnNetnsReply *reply)
{
  g_autoptr(GPtrArray) vms = find_vms(keeper, request);
  vn_netns_power_on(keeper, (VnNetnsVm *const *)(void *)vms->pdata, vms->len);
  VnNetnsReader reader = {request->bytes->data, request->bytes->len};
  guint32 id = 0;
  while (vn_netns_take(&reader, &id, sizeof id)) {
    g_autoptr(GError) error = NULL;
    VnNetnsVm *vm = vn_netns_keeper_vm(keeper, id, &error);
    int channel = -1;
    if (vm != NULL && vm->error != NULL) {
      error = g_steal_pointer(&vm->error);
    } else if (vm != NULL) {
      channel = vm->channel;
      vm->channel = -1;
    }
    vn_netns_reply(reply, id, error, channel);
  }
}

static gboolean
known(VnNetnsKeeper *keeper, guint32 id, GError **error)
{
  return TRUE; /* a VM that isn't there is off */
}

static void
power_off(VnNetnsKeeper *keeper, const VnNetnsMessage *request, VnNetnsReply *reply, gboolean keep)
{
  g_autoptr(GPtrArray) vms = find_vms(keeper, request);
  vn_netns_power_off(keeper, (VnNetnsVm *const *)(void *)vms->pdata, vms->len, keep);
  for_ids(keeper, request, reply, known);
}

static gboolean
remove_vm(VnNetnsKeeper *keeper, guint32 id, GError **error)
{
  g_hash_table_remove(keeper->vms, GUINT_TO_POINTER(id));
  return TRUE;
}

static void
remove_vms(VnNetnsKeeper *keeper, const VnNetnsMessage *request, VnNetnsReply *reply)
{
  g_autoptr(GPtrArray) vms = find_vms(keeper, request);
  vn_netns_power_off(keeper, (VnNetnsVm *const *)(void *)vms->pdata, vms->len, FALSE);
  for_ids(keeper, request, reply, remove_vm);
}

/* Requests about one VM or segment. */
static gboolean
do_one(VnNetnsKeeper *keeper, VnNetnsKind kind, const VnNetnsOneWire *one, int *out_fd,
       GError **error)
{
  if (kind == VN_NETNS_CAPTURE) {
    *out_fd = vn_netns_capture(keeper, one->vm, error);
    return *out_fd >= 0;
  }
  VnNetnsVm *vm = vn_netns_keeper_vm(keeper, one->vm, error);
  if (vm == NULL)
    return FALSE;
  if (kind == VN_NETNS_SNAPSHOT)
    return vn_netns_snapshot(keeper, vm, one->name, error);
  if (kind == VN_NETNS_SUSPEND)
    return vn_netns_suspend(keeper, vm, error);
  if (kind == VN_NETNS_RESUME)
    return vn_netns_resume(keeper, vm, error);
  if (kind == VN_NETNS_LINK)
    return vn_netns_link_set(keeper, vm, one->iface, one->up, error);
  if (kind == VN_NETNS_EXTERNAL) {
    *out_fd = vn_netns_external(keeper, vm, error);
    return *out_fd >= 0;
  }
  g_assert(kind == VN_NETNS_REVERT);
  gboolean done = vn_netns_revert(keeper, vm, one->name, error);
  *out_fd = vm->channel;
  vm->channel = -1;
  return done;
}

static void
answer_one(VnNetnsKeeper *keeper, const VnNetnsMessage *request, VnNetnsReply *reply)
{
  VnNetnsReader reader = {request->bytes->data, request->bytes->len};
  VnNetnsOneWire one = {0};
  g_autoptr(GError) error = NULL;
  int fd = -1;
  if (!vn_netns_take(&reader, &one, sizeof one))
    vn_netns_fail(&error, EPROTO, "reading a request");
  one.name[sizeof one.name - 1] = '\0';
  if (error == NULL)
    (void)do_one(keeper, request->kind, &one, &fd, &error);
  vn_netns_reply(reply, one.vm, error, fd);
}

/* FALSE: not a request; the slave has lost its mind. */
static gboolean
answer(VnNetnsKeeper *keeper, const VnNetnsMessage *request, VnNetnsReply *reply)
{
  g_autoptr(GError) error = NULL;
  switch (request->kind) {
  case VN_NETNS_SEGMENTS:
    make_segments(keeper, request, reply);
    return TRUE;
  case VN_NETNS_VMS:
    make_vms(keeper, request, reply);
    return TRUE;
  case VN_NETNS_POWER_ON:
    power_on(keeper, request, reply);
    return TRUE;
  case VN_NETNS_POWER_OFF:
    power_off(keeper, request, reply, TRUE);
    return TRUE;
  case VN_NETNS_DISCARD:
    power_off(keeper, request, reply, FALSE);
    return TRUE;
  case VN_NETNS_REMOVE_VMS:
    remove_vms(keeper, request, reply);
    return TRUE;
  case VN_NETNS_REMOVE_SEGMENTS:
    for_ids(keeper, request, reply, vn_netns_segment_remove);
    return TRUE;
  case VN_NETNS_SNAPSHOT:
  case VN_NETNS_REVERT:
  case VN_NETNS_SUSPEND:
  case VN_NETNS_RESUME:
  case VN_NETNS_LINK:
  case VN_NETNS_CAPTURE:
  case VN_NETNS_EXTERNAL:
    answer_one(keeper, request, reply);
    return TRUE;
  case VN_NETNS_PORTS:
    open_ports(keeper, request, reply);
    return TRUE;
  case VN_NETNS_PROVE:
    if (!vn_netns_prove(keeper, request, reply, &error))
      vn_netns_reply(reply, 0, error, -1);
    return TRUE;
  case VN_NETNS_OPEN:
  case VN_NETNS_RESULT:
  case VN_NETNS_DONE:
  case VN_NETNS_LOST:
    return FALSE;
  }
  return FALSE;
}

static void
loop(VnNetnsKeeper *keeper)
{
  for (;;) {
    struct pollfd ends[2] = {{keeper->calls, POLLIN, 0}, {keeper->signals, POLLIN, 0}};
    if (poll(ends, 2, -1) < 0 && errno != EINTR)
      return;
    if ((ends[1].revents & POLLIN) != 0)
      vn_netns_keeper_reap(keeper);
    if (ends[0].revents == 0)
      continue;
    g_auto(VnNetnsMessage) request = {0};
    if (!vn_netns_receive(keeper->calls, &request, NULL))
      return;
    g_autofree VnNetnsReply *reply = g_new0(VnNetnsReply, 1);
    reply->socket = keeper->calls;
    if (!answer(keeper, &request, reply) || !vn_netns_reply_end(reply))
      return;
  }
}

static int
read_number(const char *path)
{
  char text[32] = "";
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  gssize n = fd >= 0 ? read(fd, text, sizeof text - 1) : -1;
  if (fd >= 0)
    close(fd);
  return n > 0 ? atoi(text) : 0;
}

static void
write_number(const char *path, const char *text)
{
  int fd = open(path, O_WRONLY | O_CLOEXEC);
  if (fd < 0)
    return;
  (void)!write(fd, text, strlen(text)); /* prove.c looks whether it is so */
  close(fd);
}

/* Of the map that begins at 0; at least our own. */
static guint32
count_ids(void)
{
  guint32 ids = 1;
  FILE *map = fopen("/proc/self/uid_map", "re");
  unsigned inside = 0, outside = 0, count = 0;
  while (map != NULL && fscanf(map, "%u %u %u", &inside, &outside, &count) == 3)
    if (inside == 0 || inside == ids)
      ids = inside + count;
  if (map != NULL)
    fclose(map);
  return ids;
}

/* A sealed copy of an agent, so that a guest's root, who may be the user, can't change the file
 * through /proc/1/exe. Where the system forbids to run such copies the file itself must do. */
static int
seal_copy(int agent)
{
  if (agent < 0)
    return agent;
  unsigned flags = MFD_CLOEXEC | MFD_ALLOW_SEALING;
  int copy = memfd_create("vnec-agent", flags | MFD_EXEC);
  if (copy < 0 && errno == EINVAL) /* before Linux 6.3 all may be run */
    copy = memfd_create("vnec-agent", flags);
  off_t at = 0;
  gssize n = 1;
  while (copy >= 0 && n > 0)
    n = sendfile(copy, agent, &at, AGENT_PART);
  int seals = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;
  if (copy >= 0 && n == 0 && fchmod(copy, 0555) == 0 && fcntl(copy, F_ADD_SEALS, seals) == 0) {
    close(agent);
    return copy;
  }
  if (copy >= 0)
    close(copy);
  return agent;
}

static gboolean
set_up(VnNetnsKeeper *keeper, GError **error)
{
  sigset_t ends;
  sigemptyset(&ends);
  sigaddset(&ends, SIGCHLD);
  (void)signal(SIGCHLD, SIG_DFL);
  if (sigprocmask(SIG_BLOCK, &ends, NULL) != 0 || pipe2(keeper->reports, O_CLOEXEC) != 0 ||
      fcntl(keeper->reports[0], F_SETFL, O_NONBLOCK) != 0)
    return vn_netns_fail(error, errno, "setting up an experiment's keeper");
  keeper->signals = signalfd(-1, &ends, SFD_CLOEXEC | SFD_NONBLOCK);
  if (keeper->signals < 0)
    return vn_netns_fail(error, errno, "watching for the ends of VMs");
  if (!vn_netns_root_keeper(error))
    return FALSE;
  keeper->ids = count_ids();
  keeper->forwards = read_number("/proc/sys/net/ipv4/ip_forward") != 0;
  keeper->filters = read_number("/proc/sys/net/ipv4/conf/all/rp_filter") != 0 ||
                    read_number("/proc/sys/net/ipv4/conf/default/rp_filter") != 0;
  /* The hub itself never speaks: no address, no forwarding, no IPv6. */
  write_number("/proc/sys/net/ipv4/ip_forward", "0");
  write_number("/proc/sys/net/ipv6/conf/all/disable_ipv6", "1");
  write_number("/proc/sys/net/ipv6/conf/default/disable_ipv6", "1");
  /* A wire has no packet filter, which would look at each frame and drop what is malformed. */
  write_number("/proc/sys/net/bridge/bridge-nf-call-iptables", "0");
  write_number("/proc/sys/net/bridge/bridge-nf-call-ip6tables", "0");
  write_number("/proc/sys/net/bridge/bridge-nf-call-arptables", "0");
  int result = vn_netlink_open(&keeper->hub, NULL, NULL);
  return result == 0 || vn_netns_fail(error, result, "opening a netlink socket in the hub");
}

void
vn_netns_keeper_run(int calls, int events, const int agents[2])
{
  VnNetnsKeeper *keeper = g_new0(VnNetnsKeeper, 1);
  keeper->calls = calls;
  keeper->events = events;
  for (guint i = 0; i < G_N_ELEMENTS(keeper->agents); i++)
    keeper->agents[i] = seal_copy(agents[i]);
  keeper->next_link = FIRST_LINK;
  keeper->segments = g_hash_table_new_full(NULL, NULL, NULL, vn_netns_segment_free);
  keeper->vms = g_hash_table_new_full(NULL, NULL, NULL, vn_netns_vm_free);
  keeper->snapshots = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
  g_autofree VnNetnsReply *hello = g_new0(VnNetnsReply, 1);
  hello->socket = calls;
  g_autoptr(GError) error = NULL;
  gboolean up = set_up(keeper, &error);
  vn_netns_reply(hello, 0, error, -1);
  if (vn_netns_reply_end(hello) && up)
    loop(keeper);
  _exit(0);
}
