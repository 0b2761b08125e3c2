/* SPDX-License-Identifier: GPL-3.0-or-later */
/* See ids.h, and helper.c for the choice. */
#include "drivers/netns/ids.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "drivers/netns/failure.h"

/* Of root: past all ranges that systemd and the distributions give out. */
#define ROOT_FIRST 0x70000000u
#define ROOT_COUNT 65536u
#define NOBODY     65534u

static int
write_proc(pid_t pid, const char *name, const char *text)
{
  g_autofree char *path = g_strdup_printf("/proc/%d/%s", (int)pid, name);
  int fd = open(path, O_WRONLY | O_CLOEXEC);
  if (fd < 0)
    return errno;
  int result = write(fd, text, strlen(text)) < 0 ? errno : 0;
  close(fd);
  return result;
}

static int
write_maps(pid_t pid, guint32 uid, guint32 gid, guint32 count)
{
  g_autofree char *uids = g_strdup_printf("0 %u %u", uid, count);
  g_autofree char *gids = g_strdup_printf("0 %u %u", gid, count);
  int result = write_proc(pid, "uid_map", uids);
  return result != 0 ? result : write_proc(pid, "gid_map", gids);
}

/* The line of this user in /etc/subuid or subgid with the most ids. */
static gboolean
find_range(const char *file, guint32 *out_first, guint32 *out_count)
{
  g_autofree char *text = NULL;
  if (!g_file_get_contents(file, &text, NULL, NULL))
    return FALSE;
  g_autofree char *number = g_strdup_printf("%u", (guint)getuid());
  g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
  *out_count = 0;
  for (guint i = 0; lines[i] != NULL; i++) {
    g_auto(GStrv) fields = g_strsplit(lines[i], ":", 3);
    if (g_strv_length(fields) != 3 ||
        (!g_str_equal(fields[0], g_get_user_name()) && !g_str_equal(fields[0], number)))
      continue;
    guint64 first = g_ascii_strtoull(fields[1], NULL, 10);
    guint64 count = g_ascii_strtoull(fields[2], NULL, 10);
    if (first > 0 && first + count <= G_MAXUINT32 && count > *out_count) {
      *out_first = (guint32)first;
      *out_count = (guint32)count;
    }
  }
  return *out_count > 0;
}

static gboolean
run_map(const char *program, pid_t pid, guint32 first, guint32 count)
{
  g_autofree char *path = g_find_program_in_path(program);
  if (path == NULL)
    return FALSE;
  g_autofree char *process = g_strdup_printf("%d", (int)pid);
  g_autofree char *from = g_strdup_printf("%u", first);
  g_autofree char *many = g_strdup_printf("%u", count);
  char *arguments[] = {path, process, (char *)"0", from, many, NULL};
  int status = 0;
  return g_spawn_sync(NULL, arguments, NULL,
                      G_SPAWN_STDOUT_TO_DEV_NULL | G_SPAWN_STDERR_TO_DEV_NULL, NULL, NULL, NULL,
                      NULL, &status, NULL) &&
         g_spawn_check_wait_status(status, NULL);
}

/* A user's own ranges. A half-made map can't be mended, so both must be there before. */
static gboolean
map_ranges(pid_t pid)
{
  guint32 uid = 0, gid = 0, uids = 0, gids = 0;
  if (!find_range("/etc/subuid", &uid, &uids) || !find_range("/etc/subgid", &gid, &gids))
    return FALSE;
  guint32 count = MIN(uids, gids);
  return run_map("newgidmap", pid, gid, count) && run_map("newuidmap", pid, uid, count);
}

/* Is our id 0 that of the namespace above, too? Then nothing says that it isn't the machine's. */
static gboolean
may_be_the_machines(void)
{
  g_autofree char *text = NULL;
  guint64 above = 0;
  if (g_file_get_contents("/proc/self/uid_map", &text, NULL, NULL)) {
    g_auto(GStrv) words = g_strsplit_set(g_strstrip(text), " \t\n", -1);
    guint n = 0;
    for (guint i = 0; words[i] != NULL && n < 2; i++)
      if (*words[i] != '\0' && ++n == 2)
        above = g_ascii_strtoull(words[i], NULL, 10);
  }
  return above == 0;
}

static gboolean
map_root(pid_t pid, GError **error)
{
  if (write_maps(pid, ROOT_FIRST, ROOT_FIRST, ROOT_COUNT) == 0 ||
      write_maps(pid, NOBODY, NOBODY, 1) == 0)
    return TRUE;
  if (may_be_the_machines())
    return vn_netns_fail(error, EPERM,
                         "mapping ids: root here has no id but its own, which may be the "
                         "machine's root, and guests must not be that: run it as a user, or where "
                         "%u ids are mapped",
                         ROOT_COUNT);
  int result = write_maps(pid, 0, 0, 1);
  return result == 0 || vn_netns_fail(error, result, "mapping ids");
}

gboolean
vn_netns_ids_map(pid_t pid, GError **error)
{
  if (geteuid() == 0)
    return map_root(pid, error);
  if (map_ranges(pid))
    return TRUE;
  int result = write_proc(pid, "setgroups", "deny");
  if (result == 0)
    result = write_maps(pid, geteuid(), getegid(), 1);
  return result == 0 || vn_netns_fail(error, result, "mapping ids");
}
