/* SPDX-License-Identifier: GPL-3.0-or-later */
/* See abilities.h. Nothing here is worth an error: without the files libvirt asks QEMU. */
#include "drivers/libvirt/abilities.h"

#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PLACE      "abilities"
#define ENDING     ".xml"
#define HASH       64u /* hexadecimal digits that name a file, of the program's path */
#define LENGTH_MAX (4u << 20)

static gboolean
is_name(const char *name)
{
  return strspn(name, "0123456789abcdef") == HASH && strcmp(name + HASH, ENDING) == 0;
}

/* Below libvirt's root of an embedded driver. */
static char *
libvirts_folder(const char *home)
{
  return g_build_filename(home, "cache", "qemu", "capabilities", NULL);
}

void
vn_virt_abilities_put(const char *states, const char *home)
{
  g_autofree char *from = g_build_filename(states, PLACE, NULL), *to = libvirts_folder(home);
  g_autoptr(GDir) folder = g_dir_open(from, 0, NULL);
  const char *name;
  if (folder == NULL || g_mkdir_with_parents(to, 0700) != 0)
    return;
  while ((name = g_dir_read_name(folder)) != NULL) {
    g_autofree char *source = g_build_filename(from, name, NULL), *text = NULL;
    g_autofree char *target = g_build_filename(to, name, NULL);
    gsize length;
    if (is_name(name) && g_file_get_contents(source, &text, &length, NULL))
      (void)g_file_set_contents(target, text, (gssize)length, NULL); /* else libvirt asks */
  }
}

static gboolean
is_kept(const char *states, const char *name, const char *text, gsize length)
{
  g_autofree char *path = g_build_filename(states, PLACE, name, NULL), *kept = NULL;
  gsize kept_length;
  return g_file_get_contents(path, &kept, &kept_length, NULL) && kept_length == length &&
         memcmp(kept, text, length) == 0;
}

void
vn_virt_abilities_take(const char *states, const char *home, GPtrArray *names, int *fds)
{
  g_autofree char *from = libvirts_folder(home);
  g_autoptr(GDir) folder = g_dir_open(from, 0, NULL);
  const char *name;
  while (folder != NULL && (name = g_dir_read_name(folder)) != NULL &&
         names->len < VN_VIRT_ABILITIES_MAX) {
    g_autofree char *path = g_build_filename(from, name, NULL), *text = NULL;
    gsize length;
    if (!is_name(name) || !g_file_get_contents(path, &text, &length, NULL) ||
        is_kept(states, name, text, length))
      continue;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
      continue;
    fds[names->len] = fd;
    g_ptr_array_add(names, g_strdup(name));
  }
}

static void
keep_one(const char *folder, const char *name, int fd)
{
  struct stat info;
  if (fstat(fd, &info) != 0 || !S_ISREG(info.st_mode) || info.st_size <= 0 ||
      info.st_size > LENGTH_MAX)
    return;
  g_autofree char *text = g_malloc((gsize)info.st_size);
  g_autofree char *path = g_build_filename(folder, name, NULL);
  if (pread(fd, text, (size_t)info.st_size, 0) == info.st_size)
    (void)g_file_set_contents_full(path, text, info.st_size, G_FILE_SET_CONTENTS_CONSISTENT, 0644,
                                   NULL); /* no room: libvirt asks again */
}

void
vn_virt_abilities_keep(const char *states, const char *const *names, const int *fds, guint n_fds)
{
  g_autofree char *folder = g_build_filename(states, PLACE, NULL);
  if (g_mkdir_with_parents(folder, 0755) != 0)
    return;
  for (guint i = 0; i < n_fds && names[i] != NULL; i++)
    if (is_name(names[i]))
      keep_one(folder, names[i], fds[i]);
}
