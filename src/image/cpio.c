/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "image/cpio.h"

#include <string.h>
#include <sys/stat.h>

#include "image/image.h"

#define BLOCK   512u /* the archive's size is a multiple */
#define TRAILER "TRAILER!!!"

typedef struct {
  guint mode;
  guint major, minor;
  GBytes *content; /* never NULL */
} Entry;

struct VnCpio {
  GTree *entries; /* path to Entry, sorted */
};

static void
entry_free(gpointer data)
{
  Entry *entry = data;
  g_bytes_unref(entry->content);
  g_free(entry);
}

static int
compare_paths(gconstpointer a, gconstpointer b, gpointer data)
{
  return strcmp(a, b);
}

VnCpio *
vn_cpio_new(void)
{
  VnCpio *cpio = g_new0(VnCpio, 1);
  cpio->entries = g_tree_new_full(compare_paths, NULL, g_free, entry_free);
  return cpio;
}

void
vn_cpio_free(VnCpio *cpio)
{
  if (cpio == NULL)
    return;
  g_tree_unref(cpio->entries);
  g_free(cpio);
}

gboolean
vn_cpio_has(const VnCpio *cpio, const char *path)
{
  return g_tree_lookup(cpio->entries, path) != NULL;
}

static Entry *
add(VnCpio *cpio, const char *path, guint mode, GBytes *content)
{
  g_assert(*path != '/' && *path != '\0');
  g_autofree char *above = g_path_get_dirname(path);
  if (strcmp(above, ".") != 0 && !vn_cpio_has(cpio, above))
    vn_cpio_add_folder(cpio, above, 0755);
  Entry *entry = g_new0(Entry, 1);
  entry->mode = mode;
  entry->content = g_bytes_ref(content);
  g_tree_replace(cpio->entries, g_strdup(path), entry);
  return entry;
}

static Entry *
add_empty(VnCpio *cpio, const char *path, guint mode)
{
  g_autoptr(GBytes) nothing = g_bytes_new(NULL, 0);
  return add(cpio, path, mode, nothing);
}

void
vn_cpio_add_folder(VnCpio *cpio, const char *path, guint mode)
{
  add_empty(cpio, path, S_IFDIR | mode);
}

void
vn_cpio_add_file(VnCpio *cpio, const char *path, guint mode, GBytes *content)
{
  add(cpio, path, S_IFREG | mode, content);
}

void
vn_cpio_add_text(VnCpio *cpio, const char *path, guint mode, const char *text)
{
  g_autoptr(GBytes) content = g_bytes_new(text, strlen(text));
  vn_cpio_add_file(cpio, path, mode, content);
}

void
vn_cpio_add_link(VnCpio *cpio, const char *path, const char *target)
{
  g_autoptr(GBytes) content = g_bytes_new(target, strlen(target));
  add(cpio, path, S_IFLNK | 0777, content);
}

void
vn_cpio_add_device(VnCpio *cpio, const char *path, guint mode, guint major, guint minor)
{
  Entry *entry = add_empty(cpio, path, S_IFCHR | mode);
  entry->major = major;
  entry->minor = minor;
}

typedef struct {
  GOutputStream *out;
  GCancellable *cancellable;
  guint64 at;
  guint inode;
  GError *error;
} Writer;

static void
put(Writer *writer, const void *bytes, gsize size)
{
  if (writer->error != NULL)
    return;
  writer->at += size;
  if (writer->at > VN_CPIO_SIZE_MAX)
    g_set_error(&writer->error, VN_IMAGE_ERROR, VN_IMAGE_ERROR_FAILED,
                "more than %u MiB for an initramfs", VN_CPIO_SIZE_MAX >> 20);
  else
    (void)g_output_stream_write_all(writer->out, bytes, size, NULL, writer->cancellable,
                                    &writer->error);
}

static void
pad(Writer *writer, guint to)
{
  static const char zeros[BLOCK];
  put(writer, zeros, (to - writer->at % to) % to);
}

static void
put_entry(Writer *writer, const char *path, const Entry *entry)
{
  gsize size;
  const void *bytes = g_bytes_get_data(entry->content, &size);
  char head[111];
  g_snprintf(head, sizeof head,
             "070701"
             "%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X",
             ++writer->inode, entry->mode, 0u, 0u, S_ISDIR(entry->mode) ? 2u : 1u, 0u, (guint)size,
             0u, 0u, entry->major, entry->minor, (guint)strlen(path) + 1, 0u);
  put(writer, head, strlen(head));
  put(writer, path, strlen(path) + 1);
  pad(writer, 4);
  put(writer, bytes, size);
  pad(writer, 4);
}

static gboolean
put_one(gpointer path, gpointer entry, gpointer writer)
{
  put_entry(writer, path, entry);
  return ((Writer *)writer)->error != NULL;
}

gboolean
vn_cpio_write(const VnCpio *cpio, const char *path, GCancellable *cancellable, GError **error)
{
  g_autoptr(GFile) file = g_file_new_for_path(path);
  g_autoptr(GFileOutputStream) out = g_file_replace(file, NULL, FALSE, G_FILE_CREATE_NONE,
                                                    cancellable, error);
  if (out == NULL)
    return FALSE;
  g_autoptr(GOutputStream) buffered = g_buffered_output_stream_new(G_OUTPUT_STREAM(out));
  Writer writer = {.out = buffered, .cancellable = cancellable};
  g_autoptr(GBytes) nothing = g_bytes_new(NULL, 0);
  const Entry trailer = {.content = nothing};
  g_tree_foreach(cpio->entries, put_one, &writer);
  put_entry(&writer, TRAILER, &trailer);
  pad(&writer, BLOCK);
  if (writer.error == NULL)
    (void)g_output_stream_close(buffered, cancellable, &writer.error);
  if (writer.error == NULL)
    return TRUE;
  g_propagate_prefixed_error(error, writer.error, "%s: ", path);
  return FALSE;
}
