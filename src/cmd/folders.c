/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Sorted by when the database was made: names need not tell. */
#include "cmd/folders.h"

#include <fcntl.h>
#include <glib/gstdio.h>
#include <sys/file.h>
#include <unistd.h>

#include "store/store.h"

typedef struct {
  char *path;
  gint64 time;
} Folder;

static int
by_time(gconstpointer a, gconstpointer b)
{
  const Folder *x = a, *y = b;
  return x->time != y->time ? (x->time < y->time ? -1 : 1) : g_strcmp0(x->path, y->path);
}

GPtrArray *
vn_folders_list(void)
{
  g_autoptr(GDir) dir = g_dir_open(VN_RESULTS_TOP, 0, NULL);
  g_autoptr(GArray) found = g_array_new(FALSE, FALSE, sizeof(Folder));
  const char *name;
  while (dir != NULL && (name = g_dir_read_name(dir)) != NULL) {
    g_autofree char *database = g_build_filename(VN_RESULTS_TOP, name, VN_STORE_DB, NULL);
    g_autofree char *scripts = g_build_filename(VN_RESULTS_TOP, name, "script", NULL);
    GStatBuf info;
    if (g_stat(database, &info) != 0)
      continue;
    (void)g_stat(scripts, &info); /* made once at the start, unlike the database */
    Folder folder = {g_build_filename(VN_RESULTS_TOP, name, NULL),
                     info.st_mtim.tv_sec * G_GINT64_CONSTANT(1000000000) + info.st_mtim.tv_nsec};
    g_array_append_val(found, folder);
  }
  g_array_sort(found, by_time);
  GPtrArray *paths = g_ptr_array_new_with_free_func(g_free);
  for (guint i = 0; i < found->len; i++)
    g_ptr_array_add(paths, g_array_index(found, Folder, i).path);
  return paths;
}

char *
vn_folders_newest(void)
{
  g_autoptr(GPtrArray) all = vn_folders_list();
  return all->len > 0 ? g_strdup(all->pdata[all->len - 1]) : NULL;
}

gboolean
vn_folders_is_busy(const char *folder)
{
  int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0)
    return FALSE;
  gboolean busy = flock(fd, LOCK_EX | LOCK_NB) != 0;
  close(fd);
  return busy;
}
