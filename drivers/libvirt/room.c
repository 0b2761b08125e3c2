/* SPDX-License-Identifier: GPL-3.0-or-later */
/* See room.h. */
#include "drivers/libvirt/room.h"

#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define LITTLE (1u << 20) /* bytes */

guint64
vn_virt_room_most(void)
{
  const char *text = g_getenv("VNEC_WRITES_MAX");
  guint64 bytes = 0;
  return text != NULL && g_ascii_string_to_unsigned(text, 10, 0, G_MAXINT64, &bytes, NULL) ? bytes
                                                                                           : 0;
}

guint64
vn_virt_room_used(const char *folder)
{
  g_autoptr(GDir) files = g_dir_open(folder, 0, NULL);
  guint64 used = 0;
  const char *name;
  while (files != NULL && (name = g_dir_read_name(files)) != NULL) {
    g_autofree char *path = g_build_filename(folder, name, NULL);
    struct stat found;
    if (lstat(path, &found) == 0)
      used += (guint64)found.st_blocks * 512;
  }
  return used;
}

void
vn_virt_room_leave(const char *folder)
{
  g_autoptr(GDir) files = g_dir_open(folder, 0, NULL);
  const char *name;
  while (files != NULL && (name = g_dir_read_name(files)) != NULL) {
    g_autofree char *path = g_build_filename(folder, name, NULL);
    (void)unlink(path); /* nobody else is in there */
  }
  (void)rmdir(folder); /* perhaps it was never made */
}

gboolean
vn_virt_room_is_full(const char *folder)
{
  struct statvfs room;
  return statvfs(folder, &room) == 0 && (guint64)room.f_bavail * room.f_frsize < LITTLE;
}

char *
vn_virt_room_text(const char *folder)
{
  struct statvfs room;
  if (statvfs(folder, &room) != 0)
    return g_strdup("?");
  return g_format_size((guint64)room.f_blocks * room.f_frsize);
}
