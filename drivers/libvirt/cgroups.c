/* SPDX-License-Identifier: GPL-3.0-or-later */
/* See cgroups.h. libvirt wants the controllers cpuacct, devices and memory, and freezer to suspend.
 * They are all in version 1's hierarchies or all in version 2's one; where a machine has both, as
 * many have, version 1's are taken and version 2's is not shown, since libvirt refuses a mixture.
 *
 * In version 2 a group that has groups of its own may hold no process if it gives them controllers:
 * there our folder stands at the top, and what is ours itself goes into a group NEST in it.
 */
#include "drivers/libvirt/cgroups.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "drivers/libvirt/message.h"

#define NEST        "nest"
#define DEPTH_MAX   16u
#define SWEEP_TRIES 500u
#define SWEEP_US    20000u

typedef struct {
  char *controllers; /* "cpu,cpuacct"; "": version 2 */
  char *parent;      /* folder that ours stands in */
  char *folder;      /* ours; NULL: not made yet */
} Hierarchy;

struct VnVirtCgroups {
  GPtrArray *hierarchies;
};

static void
hierarchy_free(gpointer data)
{
  Hierarchy *hierarchy = data;
  g_free(hierarchy->controllers);
  g_free(hierarchy->parent);
  g_free(hierarchy->folder);
  g_free(hierarchy);
}

void
vn_virt_cgroups_free(VnVirtCgroups *cgroups)
{
  if (cgroups == NULL)
    return;
  g_ptr_array_unref(cgroups->hierarchies);
  g_free(cgroups);
}

/* ---- what there is ---- */

static gboolean
has_word(const char *list, const char *word)
{
  g_auto(GStrv) words = g_strsplit_set(list, ", \n", -1);
  return g_strv_contains((const char *const *)words, word);
}

/* Of one line of mountinfo (proc_pid_mountinfo(5)): where a hierarchy is mounted, and what part of
 * it. controllers "": version 2. */
static gboolean
is_mount_of(const char *line, const char *controllers, char **out_root, char **out_point)
{
  g_auto(GStrv) halves = g_strsplit(line, " - ", 2);
  if (g_strv_length(halves) != 2)
    return FALSE;
  g_auto(GStrv) before = g_strsplit(halves[0], " ", -1), after = g_strsplit(halves[1], " ", 3);
  if (g_strv_length(before) < 6 || g_strv_length(after) != 3 ||
      strcmp(after[0], controllers[0] == '\0' ? "cgroup2" : "cgroup") != 0)
    return FALSE;
  g_auto(GStrv) words = g_strsplit(controllers, ",", 2);
  if (controllers[0] != '\0' && !has_word(after[2], words[0]))
    return FALSE;
  *out_root = g_strcompress(before[3]);
  *out_point = g_strcompress(before[4]);
  return TRUE;
}

/* The folder of the group `path` of a hierarchy; NULL: it can't be seen. */
static char *
find_folder(char **mounts, const char *controllers, const char *path)
{
  for (guint i = 0; mounts[i] != NULL; i++) {
    g_autofree char *root = NULL, *point = NULL;
    if (!is_mount_of(mounts[i], controllers, &root, &point))
      continue;
    if (strcmp(root, "/") == 0)
      return g_build_filename(point, path, NULL);
    if (g_str_has_prefix(path, root))
      return g_build_filename(point, path + strlen(root), NULL);
  }
  return NULL;
}

static void
add(VnVirtCgroups *cgroups, const char *controllers, char *parent)
{
  Hierarchy *hierarchy = g_new0(Hierarchy, 1);
  hierarchy->controllers = g_strdup(controllers);
  hierarchy->parent = parent;
  g_ptr_array_add(cgroups->hierarchies, hierarchy);
}

static gboolean
has_controller(const VnVirtCgroups *cgroups, const char *name)
{
  for (guint i = 0; i < cgroups->hierarchies->len; i++)
    if (has_word(((Hierarchy *)cgroups->hierarchies->pdata[i])->controllers, name))
      return TRUE;
  return FALSE;
}

/* "4:memory:/user" and the like: version 1's, but for those that only name groups. */
static void
find_v1(VnVirtCgroups *cgroups, char **mounts, char **groups)
{
  for (guint i = 0; groups[i] != NULL; i++) {
    g_auto(GStrv) fields = g_strsplit(groups[i], ":", 3);
    if (g_strv_length(fields) != 3 || fields[1][0] == '\0' || g_str_has_prefix(fields[1], "name="))
      continue;
    char *parent = find_folder(mounts, fields[1], fields[2]);
    if (parent != NULL)
      add(cgroups, fields[1], parent);
  }
}

static gboolean
find_v2(VnVirtCgroups *cgroups, char **mounts)
{
  char *top = find_folder(mounts, "", "/");
  if (top == NULL)
    return FALSE;
  g_autofree char *file = g_build_filename(top, "cgroup.subtree_control", NULL);
  g_autofree char *given = NULL;
  gboolean good = g_file_get_contents(file, &given, NULL, NULL) && has_word(given, "memory");
  if (good)
    add(cgroups, "", top);
  else
    g_free(top);
  return good;
}

VnVirtCgroups *
vn_virt_cgroups_find(GError **error)
{
  static const char *const wanted[] = {"cpuacct", "devices", "memory", "freezer"};
  g_autofree char *mounts_text = NULL, *groups_text = NULL;
  if (!g_file_get_contents("/proc/self/mountinfo", &mounts_text, NULL, error) ||
      !g_file_get_contents("/proc/self/cgroup", &groups_text, NULL, error))
    return NULL;
  g_auto(GStrv) mounts = g_strsplit(mounts_text, "\n", -1);
  g_auto(GStrv) groups = g_strsplit(groups_text, "\n", -1);
  VnVirtCgroups *cgroups = g_new0(VnVirtCgroups, 1);
  cgroups->hierarchies = g_ptr_array_new_with_free_func(hierarchy_free);
  find_v1(cgroups, mounts, groups);
  gboolean all = TRUE;
  for (guint i = 0; i < G_N_ELEMENTS(wanted); i++)
    all = all && has_controller(cgroups, wanted[i]);
  if (all)
    return cgroups;
  g_ptr_array_set_size(cgroups->hierarchies, 0);
  if (find_v2(cgroups, mounts))
    return cgroups;
  vn_virt_cgroups_free(cgroups);
  g_set_error(error, VN_DRIVER_ERROR, VN_DRIVER_ERROR_MISSING,
              "containers need the cgroup controllers memory, devices, cpuacct and freezer, and "
              "this machine does not show them in /sys/fs/cgroup");
  return NULL;
}

/* ---- removing ---- */

/* The folders in a group are groups; its files are the kernel's. */
static gboolean
remove_groups(const char *path, guint depth)
{
  g_autoptr(GDir) folder = depth < DEPTH_MAX ? g_dir_open(path, 0, NULL) : NULL;
  const char *name;
  while (folder != NULL && (name = g_dir_read_name(folder)) != NULL) {
    g_autofree char *below = g_build_filename(path, name, NULL);
    struct stat found;
    if (lstat(below, &found) == 0 && S_ISDIR(found.st_mode))
      (void)remove_groups(below, depth + 1); /* then ours can't be removed either */
  }
  return rmdir(path) == 0 || errno == ENOENT;
}

void
vn_virt_cgroups_sweep(const VnVirtCgroups *cgroups)
{
  for (guint try = 0; try < SWEEP_TRIES; try++) {
    gboolean all = TRUE;
    for (guint i = 0; i < cgroups->hierarchies->len; i++) {
      const Hierarchy *hierarchy = cgroups->hierarchies->pdata[i];
      all = (hierarchy->folder == NULL || remove_groups(hierarchy->folder, 0)) && all;
    }
    if (all)
      return;
    g_usleep(SWEEP_US);
  }
}

/* When a process started, in the kernel's ticks; 0: there is none, or it is dead and nobody has
 * collected it. */
static guint64
started(int pid)
{
  g_autofree char *path = g_strdup_printf("/proc/%d/stat", pid);
  g_autofree char *text = NULL;
  if (!g_file_get_contents(path, &text, NULL, NULL))
    return 0;
  const char *after = strrchr(text, ')'); /* the name may hold anything */
  g_auto(GStrv) fields = g_strsplit(after != NULL ? after + 1 : "", " ", -1);
  if (g_strv_length(fields) <= 20 || strcmp(fields[1], "Z") == 0 || strcmp(fields[1], "X") == 0)
    return 0;
  return g_ascii_strtoull(fields[20], NULL, 10);
}

/* Folders of watchers that are no more. One that is in use can't be removed anyway. */
static void
sweep_stale(const char *parent)
{
  g_autoptr(GDir) folder = g_dir_open(parent, 0, NULL);
  const char *name;
  while (folder != NULL && (name = g_dir_read_name(folder)) != NULL) {
    int pid, end = 0;
    guint64 then;
    if (sscanf(name, VN_VIRT_CGROUP_MARK "%d-%" G_GUINT64_FORMAT "%n", &pid, &then, &end) != 2 ||
        name[end] != '\0' || started(pid) == then)
      continue;
    g_autofree char *path = g_build_filename(parent, name, NULL);
    (void)remove_groups(path, 0); /* the next start tries again */
  }
}

/* ---- making and entering ---- */

/* A new group of cpuset has no processors and no memory until it is told. */
static void
inherit_cpuset(const Hierarchy *hierarchy)
{
  static const char *const files[] = {"cpuset.cpus", "cpuset.mems"};
  for (guint i = 0; i < G_N_ELEMENTS(files); i++) {
    g_autofree char *from = g_build_filename(hierarchy->parent, files[i], NULL);
    g_autofree char *to = g_build_filename(hierarchy->folder, files[i], NULL);
    g_autofree char *text = NULL;
    if (!g_file_get_contents(from, &text, NULL, NULL))
      continue; /* not of this hierarchy */
    int fd = open(to, O_WRONLY | O_CLOEXEC);
    if (fd < 0)
      continue;
    (void)!write(fd, text, strlen(text)); /* entering says what is wrong then */
    (void)close(fd);                      /* the write said all */
  }
}

static gboolean
make_one(Hierarchy *hierarchy, GError **error)
{
  sweep_stale(hierarchy->parent);
  g_autofree char *name = g_strdup_printf(VN_VIRT_CGROUP_MARK "%d-%" G_GUINT64_FORMAT,
                                          (int)getpid(), started(getpid()));
  hierarchy->folder = g_build_filename(hierarchy->parent, name, NULL);
  if (mkdir(hierarchy->folder, 0755) != 0 && errno != EEXIST)
    return vn_virt_fail(error, errno, "making the cgroup %s", hierarchy->folder);
  inherit_cpuset(hierarchy);
  if (hierarchy->controllers[0] != '\0')
    return TRUE;
  g_autofree char *nest = g_build_filename(hierarchy->folder, NEST, NULL);
  return mkdir(nest, 0755) == 0 || errno == EEXIST ||
         vn_virt_fail(error, errno, "making the cgroup %s", nest);
}

gboolean
vn_virt_cgroups_make(VnVirtCgroups *cgroups, GError **error)
{
  for (guint i = 0; i < cgroups->hierarchies->len; i++)
    if (!make_one(cgroups->hierarchies->pdata[i], error))
      return FALSE;
  return TRUE;
}

static gboolean
join(const char *folder, const char *below, GError **error)
{
  g_autofree char *file = g_build_filename(folder, below, "cgroup.procs", NULL);
  int fd = open(file, O_WRONLY | O_CLOEXEC);
  gboolean done = fd >= 0 && write(fd, "0", 1) == 1;
  int errnum = errno;
  if (fd >= 0)
    (void)close(fd); /* the write said all */
  return done || vn_virt_fail(error, errnum, "entering the cgroup %s", folder);
}

gboolean
vn_virt_cgroups_enter(const VnVirtCgroups *cgroups, GError **error)
{
  for (guint i = 0; i < cgroups->hierarchies->len; i++)
    if (!join(((Hierarchy *)cgroups->hierarchies->pdata[i])->folder, "", error))
      return FALSE;
  if (unshare(CLONE_NEWCGROUP) != 0)
    return vn_virt_fail(error, errno, "making a cgroup namespace");
  for (guint i = 0; i < cgroups->hierarchies->len; i++) {
    const Hierarchy *hierarchy = cgroups->hierarchies->pdata[i];
    if (hierarchy->controllers[0] == '\0' && !join(hierarchy->folder, NEST, error))
      return FALSE;
  }
  return TRUE;
}

gboolean
vn_virt_cgroups_mount(const VnVirtCgroups *cgroups, const char *base, GError **error)
{
  unsigned long flags = MS_NOSUID | MS_NODEV | MS_NOEXEC;
  for (guint i = 0; i < cgroups->hierarchies->len; i++) {
    const Hierarchy *hierarchy = cgroups->hierarchies->pdata[i];
    gboolean one = hierarchy->controllers[0] == '\0';
    g_autofree char *name = g_strdelimit(g_strdup(hierarchy->controllers), ",", '_');
    g_autofree char *path = g_build_filename(base, name, NULL);
    if (!one && mkdir(path, 0755) != 0)
      return vn_virt_fail(error, errno, "making %s", path);
    if (mount("cgroup", path, one ? "cgroup2" : "cgroup", flags,
              one ? NULL : hierarchy->controllers) != 0)
      return vn_virt_fail(error, errno, "mounting the cgroups of %s", one ? "all" : name);
  }
  return TRUE;
}
