/* SPDX-License-Identifier: GPL-3.0-or-later */
/* vnec clean: what killed runs left behind. Machines, networks and mounts die with the processes
 * that hold them; what remains are sockets in results folders of runs that were cut off, and what
 * a driver's ledger names, which a slave removes when it starts. Results are never touched. */
#include <errno.h>
#include <glib/gstdio.h>
#include <sys/stat.h>

#include "cmd/folders.h"
#include "cmd/offer.h"
#include "cmd/verb.h"
#include "store/store.h"

/* TRUE if all could be removed. */
static gboolean
remove_sockets(const char *folder, guint *removed)
{
  g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
  const char *name;
  gboolean all = TRUE;
  while (dir != NULL && (name = g_dir_read_name(dir)) != NULL) {
    g_autofree char *path = g_build_filename(folder, name, NULL);
    GStatBuf info;
    if (g_lstat(path, &info) != 0 || !S_ISSOCK(info.st_mode))
      continue;
    if (g_unlink(path) == 0) {
      g_print("removed %s\n", path);
      (*removed)++;
    } else {
      g_printerr("vnec clean: %s: %s\n", path, g_strerror(errno));
      all = FALSE;
    }
  }
  return all;
}

/* A run that nobody writes any more did not complete. */
static gboolean
close_run(const char *folder)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(VnStore) store = vn_store_open(folder, FALSE, &error);
  if (store == NULL) {
    g_printerr("vnec clean: %s\n", error->message);
    return FALSE;
  }
  g_autofree char *status = vn_store_lookup(store, "SELECT status FROM run", &error);
  if (g_strcmp0(status, "running") != 0)
    return TRUE;
  vn_store_end_run(store, "interrupted", NULL, "it was cut off");
  if (!vn_store_commit(store, &error)) {
    g_printerr("vnec clean: %s\n", error->message);
    return FALSE;
  }
  g_print("%s was cut off (`vnec resume` goes on)\n", folder);
  return TRUE;
}

int
vn_verb_clean(int argc, char **argv)
{
  const GOptionEntry entries[] = {{NULL}};
  int status = VN_EXIT_MISUSE;
  if (!vn_verb_options(&argc, &argv, NULL,
                       "Removes what runs that were killed left behind. Results stay.", entries,
                       &status))
    return status;
  if (argc > 1)
    return vn_verb_misuse("clean", "it takes no arguments");
  g_autoptr(GPtrArray) folders = vn_folders_list();
  guint removed = 0;
  gboolean all = TRUE;
  for (guint i = 0; i < folders->len; i++) {
    const char *folder = folders->pdata[i];
    if (vn_folders_is_busy(folder))
      continue;
    all = remove_sockets(folder, &removed) && all;
    all = close_run(folder) && all;
  }
  g_autoptr(GError) error = NULL;
  g_autoptr(GVariant) offer = vn_offer_ask(&error);
  if (offer == NULL) {
    g_printerr("vnec clean: %s\n", error->message);
    all = FALSE;
  }
  if (all && removed == 0)
    g_print("Nothing is left behind.\n");
  return all ? VN_EXIT_PASSED : VN_EXIT_FAILED;
}
