/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Stopping a guest's processes, and copying its files while they are stopped.
 *
 * A signal to -1 from inside a pid namespace reaches all its processes but the first (the agent),
 * in one step of the kernel that no fork slips through. A process stops when it next leaves the
 * kernel, so before files are copied we look until all have.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "drivers/netns/failure.h"
#include "drivers/netns/keeper.h"
#include "drivers/netns/root.h"
#include "driver/tree.h"

#define PROCESSES_MAX  (1u << 20) /* that are looked at */
#define SETTLE_TRIES   2000
#define SETTLE_WAIT_US 1000
#define SNAPSHOTS_MAX  (1u << 20) /* of one experiment */
#define SETTLE_PASSES  2 /* still in a row: a process whose parent dies is missed by one look */

static int
open_pid_space(const char *of)
{
  g_autofree char *path = g_strdup_printf("/proc/%s/ns/pid", of);
  return open(path, O_RDONLY | O_CLOEXEC);
}

/* Only children are born in the namespace; the caller stays where it is. */
static pid_t
fork_inside(const VnNetnsVm *vm)
{
  char number[16];
  g_snprintf(number, sizeof number, "%d", (int)vm->pid);
  int inside = open_pid_space(number), own = open_pid_space("self");
  pid_t pid = -1;
  if (inside >= 0 && own >= 0 && setns(inside, CLONE_NEWPID) == 0) {
    pid = fork();
    if (pid != 0 && setns(own, CLONE_NEWPID) != 0)
      abort(); /* every later guest would be born in this one's namespace */
  }
  int errnum = errno;
  if (inside >= 0)
    close(inside);
  if (own >= 0)
    close(own);
  errno = errnum;
  return pid;
}

static gboolean
signal_all(const VnNetnsVm *vm, int number, GError **error)
{
  pid_t pid = fork_inside(vm);
  if (pid == 0)
    _exit(kill(-1, number) == 0 || errno == ESRCH ? 0 : errno);
  if (pid < 0)
    return vn_netns_fail(error, errno, "entering the VM's process namespace");
  int status = 0;
  while (waitpid(pid, &status, 0) < 0)
    if (errno != EINTR)
      return vn_netns_fail(error, errno, "waiting for a signal to be sent");
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
    return TRUE;
  return vn_netns_fail(error, WIFEXITED(status) ? WEXITSTATUS(status) : EINTR,
                       "signalling the VM's processes");
}

gboolean
vn_netns_suspend(VnNetnsKeeper *keeper, VnNetnsVm *vm, GError **error)
{
  if (vm->pid == 0)
    return vn_netns_fail(error, ESRCH, "the VM is off");
  if (vm->suspended)
    return TRUE;
  if (!vn_netns_links_silence(keeper, vm, TRUE, error))
    return FALSE;
  if (!signal_all(vm, SIGSTOP, error)) {
    (void)vn_netns_links_silence(keeper, vm, FALSE, NULL);
    return FALSE;
  }
  vm->suspended = TRUE;
  return TRUE;
}

gboolean
vn_netns_resume(VnNetnsKeeper *keeper, VnNetnsVm *vm, GError **error)
{
  if (vm->pid == 0)
    return vn_netns_fail(error, ESRCH, "the VM is off");
  if (!vm->suspended)
    return TRUE;
  if (!signal_all(vm, SIGCONT, error) || !vn_netns_links_silence(keeper, vm, FALSE, error))
    return FALSE;
  vm->suspended = FALSE;
  return TRUE;
}

/* Of /proc/PID/stat: stopped, traced or dead. Names may hold brackets, hence the last one. */
static gboolean
is_still(int pid)
{
  char path[48], text[512];
  g_snprintf(path, sizeof path, "/proc/%d/stat", pid);
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0)
    return TRUE;
  gssize n = read(fd, text, sizeof text - 1);
  close(fd);
  if (n <= 0)
    return TRUE;
  text[n] = '\0';
  const char *end = strrchr(text, ')');
  return end == NULL || end[1] == '\0' || strchr("TtZX", end[2]) != NULL;
}

/* Appends the children of all threads of a process. */
static void
add_children(GArray *pids, int of)
{
  g_autofree char *folder = g_strdup_printf("/proc/%d/task", of);
  DIR *threads = opendir(folder);
  for (struct dirent *entry = threads != NULL ? readdir(threads) : NULL; entry != NULL;
       entry = readdir(threads)) {
    g_autofree char *path = g_strdup_printf("%s/%s/children", folder, entry->d_name);
    FILE *children = entry->d_name[0] == '.' ? NULL : fopen(path, "re");
    int pid = 0;
    while (children != NULL && pids->len < PROCESSES_MAX && fscanf(children, "%d", &pid) == 1)
      g_array_append_val(pids, pid);
    if (children != NULL)
      fclose(children);
  }
  if (threads != NULL)
    closedir(threads);
}

/* All of a pid namespace descend from its first process. */
static gboolean
all_still(const VnNetnsVm *vm)
{
  g_autoptr(GArray) pids = g_array_new(FALSE, FALSE, sizeof(int));
  add_children(pids, (int)vm->pid);
  for (guint i = 0; i < pids->len; i++) {
    int pid = g_array_index(pids, int, i);
    if (!is_still(pid))
      return FALSE;
    add_children(pids, pid);
  }
  return TRUE;
}

/* There is no event that says "stopped" to a process that is not the parent. */
static gboolean
settle(const VnNetnsVm *vm, GError **error)
{
  int still = 0;
  g_autofree char *list = g_strdup_printf("/proc/%d/task/%d/children", (int)vm->pid, (int)vm->pid);
  if (access(list, R_OK) != 0)
    return vn_netns_fail(error, errno, "%s (the kernel needs CONFIG_PROC_CHILDREN)", list);
  for (int i = 0; i < SETTLE_TRIES; i++) {
    still = all_still(vm) ? still + 1 : 0;
    if (still == SETTLE_PASSES)
      return TRUE;
    if (still == 0)
      g_usleep(SETTLE_WAIT_US);
  }
  return vn_netns_fail(error, EBUSY, "stopping the VM's processes");
}

static int
copy_upper(const VnNetnsVm *vm, const char *to)
{
  char path[VN_NETNS_PATH_MAX];
  vn_netns_root_path(vm->wire.id, path);
  g_autofree char *upper = g_strconcat(path, "/upper", NULL);
  int result = vn_netns_root_files(vm->wire.id, vm->wire.hostname);
  return result != 0 ? result
                     : vn_tree_copy(AT_FDCWD, upper, AT_FDCWD, to, VN_TREE_OWNERS_KEPT);
}

/* The old snapshot of that name goes only when the new one is there. */
static gboolean
copy_files(VnNetnsKeeper *keeper, VnNetnsVm *vm, const char *name, GError **error)
{
  if (g_hash_table_size(keeper->snapshots) >= SNAPSHOTS_MAX)
    return vn_netns_fail(error, ENOSPC, "the experiment has %u snapshots", SNAPSHOTS_MAX);
  char *key = g_strdup_printf("%u %s", vm->wire.id, name);
  char *to = g_strdup_printf(VN_NETNS_STATE "/snapshot/%u", keeper->next_snapshot++);
  int result = copy_upper(vm, to);
  const char *gone = result != 0 ? to : g_hash_table_lookup(keeper->snapshots, key);
  if (gone != NULL)
    (void)vn_tree_remove(AT_FDCWD, gone);
  if (result == 0) {
    g_hash_table_replace(keeper->snapshots, key, to);
    return TRUE;
  }
  g_free(key);
  g_free(to);
  return vn_netns_fail(error, result, "copying the VM's files");
}

gboolean
vn_netns_snapshot(VnNetnsKeeper *keeper, VnNetnsVm *vm, const char *name, GError **error)
{
  if (vm->pid == 0 || vm->suspended)
    return copy_files(keeper, vm, name, error);
  /* Its links stay: what others send to it meanwhile is not lost. */
  if (!signal_all(vm, SIGSTOP, error))
    return FALSE;
  gboolean done = settle(vm, error) && copy_files(keeper, vm, name, error);
  return signal_all(vm, SIGCONT, done ? error : NULL) && done;
}

gboolean
vn_netns_revert(VnNetnsKeeper *keeper, VnNetnsVm *vm, const char *name, GError **error)
{
  g_autofree char *key = g_strdup_printf("%u %s", vm->wire.id, name);
  const char *from = g_hash_table_lookup(keeper->snapshots, key);
  if (from == NULL)
    return vn_netns_fail(error, ENOENT, "snapshot \"%s\"", name);
  gboolean on = vm->pid != 0;
  char path[VN_NETNS_PATH_MAX];
  vn_netns_root_path(vm->wire.id, path);
  g_autofree char *upper = g_strconcat(path, "/upper", NULL);
  vn_netns_power_off(keeper, &vm, 1, FALSE);
  int result = vn_netns_root_files(vm->wire.id, vm->wire.hostname);
  if (result == 0)
    result = vn_tree_remove(AT_FDCWD, upper);
  if (result == 0)
    result = vn_tree_copy(AT_FDCWD, from, AT_FDCWD, upper, VN_TREE_OWNERS_KEPT);
  if (result != 0)
    return vn_netns_fail(error, result, "putting the VM's files back");
  if (!on)
    return TRUE;
  vn_netns_power_on(keeper, &vm, 1);
  if (vm->error == NULL)
    return TRUE;
  g_propagate_error(error, g_steal_pointer(&vm->error));
  return FALSE;
}
