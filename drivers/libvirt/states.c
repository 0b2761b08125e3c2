/* SPDX-License-Identifier: GPL-3.0-or-later */
/* See states.h. A state appears by one rename, so a reader finds all of it or nothing. */
#include "drivers/libvirt/states.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utime.h>

#include "drivers/libvirt/message.h"

#define STALE_S    3600 /* after which a half-made state is nobody's */
#define CHUNK      (1u << 24)
#define KEY_LENGTH 64u

char *
vn_virt_states_folder(void)
{
  g_autofree char *folder = g_build_filename(g_get_user_cache_dir(), "vnec", "states", NULL);
  /* Its own folder is open to the nests of root, which are nobody; the one above is not. */
  if (g_mkdir_with_parents(folder, 0700) != 0 || g_chmod(folder, 0755) != 0)
    return NULL;
  return g_steal_pointer(&folder);
}

static gboolean
is_key(const char *key)
{
  return strlen(key) == KEY_LENGTH && strspn(key, "0123456789abcdef") == KEY_LENGTH;
}

static void
remove_state(const char *path)
{
  static const char *const names[] = {"memory", "disk"};
  for (guint i = 0; i < G_N_ELEMENTS(names); i++) {
    g_autofree char *file = g_build_filename(path, names[i], NULL);
    (void)g_unlink(file); /* perhaps there is none */
  }
  (void)g_rmdir(path);
}

void
vn_virt_states_remove(const char *folder, const char *key)
{
  g_autofree char *path = g_build_filename(folder, key, NULL);
  if (is_key(key))
    remove_state(path);
}

void
vn_virt_states_touch(const char *folder, const char *key)
{
  g_autofree char *path = g_build_filename(folder, key, NULL);
  if (is_key(key))
    (void)g_utime(path, NULL); /* removed meanwhile: then it is gone */
}

/* Holes stay holes: guests' memory and disks have many. */
static gboolean
copy_part(int from, int to, off_t start, off_t end)
{
  if (lseek(to, start, SEEK_SET) < 0)
    return FALSE;
  while (start < end) {
    ssize_t n = sendfile(to, from, &start, MIN((size_t)(end - start), CHUNK));
    if (n <= 0)
      return FALSE;
  }
  return TRUE;
}

static gboolean
copy(int from, const char *path, GError **error)
{
  struct stat found;
  if (fstat(from, &found) != 0 || !S_ISREG(found.st_mode))
    return vn_virt_fail(error, EINVAL, "what was given as a state");
  int to = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
  if (to < 0)
    return vn_virt_fail(error, errno, "%s", path);
  off_t end = 0;
  gboolean good = ftruncate(to, found.st_size) == 0;
  while (good && end < found.st_size) {
    off_t start = lseek(from, end, SEEK_DATA);
    if (start < 0)
      break; /* only a hole is left */
    end = lseek(from, start, SEEK_HOLE);
    good = end > start && copy_part(from, to, start, end);
  }
  int errnum = errno;
  if (close(to) != 0 && good) {
    errnum = errno;
    good = FALSE;
  }
  return good || vn_virt_fail(error, errnum, "%s", path);
}

/* ---- room ---- */

typedef struct {
  char *path;
  gint64 used;
  guint64 size;
} State;

static void
state_clear(gpointer data)
{
  g_free(((State *)data)->path);
}

static gint
by_use(gconstpointer a, gconstpointer b)
{
  const State *x = a, *y = b;
  return x->used < y->used ? -1 : x->used > y->used;
}

static guint64
size_of(const char *path)
{
  static const char *const names[] = {"memory", "disk"};
  guint64 size = 0;
  for (guint i = 0; i < G_N_ELEMENTS(names); i++) {
    g_autofree char *file = g_build_filename(path, names[i], NULL);
    GStatBuf found;
    if (g_stat(file, &found) == 0)
      size += (guint64)found.st_blocks * 512;
  }
  return size;
}

static guint64
most(void)
{
  const char *text = g_getenv("VNEC_STATES_MAX");
  guint64 bytes;
  return text != NULL && g_ascii_string_to_unsigned(text, 10, 0, G_MAXUINT64, &bytes, NULL)
             ? bytes
             : VN_VIRT_STATES_MAX;
}

static void
trim(const char *folder)
{
  g_autoptr(GArray) states = g_array_new(FALSE, FALSE, sizeof(State));
  g_array_set_clear_func(states, state_clear);
  g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
  gint64 now = g_get_real_time() / G_USEC_PER_SEC;
  guint64 all = 0;
  const char *name;
  while (dir != NULL && (name = g_dir_read_name(dir)) != NULL) {
    State state = {.path = g_build_filename(folder, name, NULL)};
    GStatBuf found;
    if (g_stat(state.path, &found) == 0)
      state.used = found.st_mtime;
    state.size = size_of(state.path);
    if (name[0] == '.' && now - state.used > STALE_S)
      remove_state(state.path);
    if (!is_key(name)) {
      g_free(state.path);
      continue;
    }
    all += state.size;
    g_array_append_val(states, state);
  }
  g_array_sort(states, by_use);
  for (guint i = 0; i < states->len; i++) {
    const State *oldest = &g_array_index(states, State, i);
    if (all <= most() && now - oldest->used < VN_VIRT_STATES_AGE)
      break;
    remove_state(oldest->path);
    all -= oldest->size;
  }
}

gboolean
vn_virt_states_keep(const char *folder, const char *key, gboolean replace, int memory, int disk,
                    GError **error)
{
  if (!is_key(key))
    return vn_virt_fail(error, EINVAL, "the key of a state");
  g_autofree char *path = g_build_filename(folder, key, NULL);
  g_autofree char *half = g_strdup_printf("%s/.%s.XXXXXX", folder, key);
  if (g_mkdtemp_full(half, 0755) == NULL)
    return vn_virt_fail(error, errno, "%s", folder);
  g_autofree char *memory_path = g_build_filename(half, "memory", NULL);
  g_autofree char *disk_path = g_build_filename(half, "disk", NULL);
  gboolean good = copy(memory, memory_path, error) && (disk < 0 || copy(disk, disk_path, error));
  if (good && replace)
    remove_state(path);
  if (!good || g_rename(half, path) != 0) /* else another slave was faster, with the same */
    remove_state(half);
  trim(folder);
  return good;
}
