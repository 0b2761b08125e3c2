/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Reading trusts nothing: whoever copies an image from elsewhere brings a manifest along. */
#include "image/manifest.h"

#include <string.h>

#define HASH_CHUNK (256u * 1024u)

/* The texts of [image]: key, place in VnGuestImage, must it be there. */
static const struct {
  const char *key;
  gsize offset;
  gboolean required;
} texts[] = {
    {"technology", G_STRUCT_OFFSET(VnGuestImage, technology), TRUE},
    {"os", G_STRUCT_OFFSET(VnGuestImage, os), TRUE},
    {"arch", G_STRUCT_OFFSET(VnGuestImage, arch), TRUE},
    {"role", G_STRUCT_OFFSET(VnGuestImage, role), TRUE},
    {"append", G_STRUCT_OFFSET(VnGuestImage, append), FALSE},
    {"bus", G_STRUCT_OFFSET(VnGuestImage, bus), FALSE},
    {"nic", G_STRUCT_OFFSET(VnGuestImage, nic), FALSE},
    {"recipe", G_STRUCT_OFFSET(VnGuestImage, recipe), FALSE},
    {"inputs", G_STRUCT_OFFSET(VnGuestImage, inputs), FALSE},
    {"agent", G_STRUCT_OFFSET(VnGuestImage, agent), FALSE},
};

static const struct {
  const char *key;
  gsize offset;
} files[VN_MANIFEST_FILES_MAX] = {
    {"kernel", G_STRUCT_OFFSET(VnGuestImage, kernel)},
    {"initrd", G_STRUCT_OFFSET(VnGuestImage, initrd)},
    {"disk", G_STRUCT_OFFSET(VnGuestImage, disk)},
};

static char **
text_of(const VnGuestImage *image, gsize offset)
{
  return G_STRUCT_MEMBER_P(image, offset);
}

char *
vn_manifest_hash_file(const char *path, GCancellable *cancellable, GError **error)
{
  g_autoptr(GFile) file = g_file_new_for_path(path);
  g_autoptr(GFileInputStream) in = g_file_read(file, cancellable, error);
  if (in == NULL)
    return NULL;
  g_autoptr(GChecksum) sum = g_checksum_new(G_CHECKSUM_SHA256);
  g_autofree guint8 *chunk = g_malloc(HASH_CHUNK);
  gssize n;
  while ((n = g_input_stream_read(G_INPUT_STREAM(in), chunk, HASH_CHUNK, cancellable, error)) > 0)
    g_checksum_update(sum, chunk, n);
  if (n < 0) {
    g_prefix_error(error, "%s: ", path);
    return NULL;
  }
  return g_strdup(g_checksum_get_string(sum));
}

char *
vn_manifest_id(const char *text, gsize size)
{
  return g_compute_checksum_for_data(G_CHECKSUM_SHA256, (const guchar *)text, size);
}

static gboolean
damaged(GError **error, const char *folder, const char *what)
{
  g_set_error(error, VN_IMAGE_ERROR, VN_IMAGE_ERROR_DAMAGED, "%s/" VN_IMAGE_MANIFEST ": %s", folder,
              what);
  return FALSE;
}

static char *
get_text(GKeyFile *keys, const char *group, const char *key)
{
  g_autofree char *text = g_key_file_get_string(keys, group, key, NULL);
  return text != NULL && *text != '\0' && strlen(text) <= VN_MANIFEST_TEXT_MAX
             ? g_steal_pointer(&text)
             : NULL;
}

/* These go into the descriptions of machines. */
static gboolean
words_are_known(const VnGuestImage *image)
{
  const char *const words[] = {[VN_IMAGE_OS] = image->os,
                               [VN_IMAGE_ROLE] = image->role,
                               [VN_IMAGE_BUS] = image->bus,
                               [VN_IMAGE_NIC] = image->nic};
  for (guint i = 0; i < G_N_ELEMENTS(words); i++)
    if (words[i] != NULL && !g_strv_contains(vn_image_words((VnImageWord)i), words[i]))
      return FALSE;
  return g_str_equal(image->technology, "qemu") && g_str_equal(image->arch, "x86_64");
}

static gboolean
read_texts(GKeyFile *keys, const char *folder, VnGuestImage *image, GError **error)
{
  for (guint i = 0; i < G_N_ELEMENTS(texts); i++) {
    char **text = text_of(image, texts[i].offset);
    *text = get_text(keys, "image", texts[i].key);
    if (*text == NULL && texts[i].required) {
      g_autofree char *what = g_strdup_printf("[image] has no good `%s`", texts[i].key);
      return damaged(error, folder, what);
    }
  }
  if (!words_are_known(image))
    return damaged(error, folder, "[image] has a technology, os, role, bus or nic that is none");
  g_autoptr(GError) bad = NULL;
  image->memory = g_key_file_get_int64(keys, "image", "memory", &bad);
  if (bad != NULL || image->memory <= 0)
    return damaged(error, folder, "[image] memory is no number of bytes");
  return TRUE;
}

/* Names of files stay within the folder. */
static gboolean
read_files(GKeyFile *keys, const char *folder, VnGuestImage *image, GError **error)
{
  for (guint i = 0; i < VN_MANIFEST_FILES_MAX; i++) {
    g_autofree char *name = get_text(keys, "files", files[i].key);
    if (name == NULL)
      continue;
    if (strchr(name, '/') != NULL || name[0] == '.')
      return damaged(error, folder, "[files] names a file outside of the image");
    *text_of(image, files[i].offset) = g_build_filename(folder, name, NULL);
  }
  if (image->kernel == NULL && image->disk == NULL)
    return damaged(error, folder, "[files] has neither a kernel nor a disk");
  return TRUE;
}

static GKeyFile *
parse_keys(const char *text, gsize size, const char *folder, GError **error)
{
  g_autoptr(GKeyFile) keys = g_key_file_new();
  g_autoptr(GError) bad = NULL;
  if (size <= VN_MANIFEST_SIZE_MAX &&
      g_key_file_load_from_data(keys, text, size, G_KEY_FILE_NONE, &bad))
    return g_steal_pointer(&keys);
  damaged(error, folder, bad != NULL ? bad->message : "too large for a manifest");
  return NULL;
}

static char *
read_text(const char *folder, gsize *out_size, GError **error)
{
  g_autofree char *path = g_build_filename(folder, VN_IMAGE_MANIFEST, NULL);
  g_autoptr(GFile) file = g_file_new_for_path(path);
  g_autoptr(GFileInfo) info = g_file_query_info(file, G_FILE_ATTRIBUTE_STANDARD_SIZE,
                                                G_FILE_QUERY_INFO_NONE, NULL, error);
  char *text = NULL;
  if (info == NULL)
    return NULL;
  if (g_file_info_get_size(info) > VN_MANIFEST_SIZE_MAX)
    damaged(error, folder, "too large for a manifest");
  else
    (void)g_file_get_contents(path, &text, out_size, error);
  return text;
}

gboolean
vn_manifest_parse(const char *text, gsize size, const char *folder, VnGuestImage *image,
                  GError **error)
{
  g_autoptr(GKeyFile) keys = parse_keys(text, size, folder, error);
  if (keys == NULL)
    return FALSE;
  if (g_key_file_get_integer(keys, "image", "format", NULL) != VN_MANIFEST_FORMAT)
    return damaged(error, folder, "made by another version of vnec; build or add it again");
  return read_texts(keys, folder, image, error) && read_files(keys, folder, image, error);
}

gboolean
vn_manifest_read(const char *folder, VnGuestImage *image, GError **error)
{
  gsize size = 0;
  g_autofree char *text = read_text(folder, &size, error);
  return text != NULL && vn_manifest_parse(text, size, folder, image, error);
}

gboolean
vn_manifest_verify(const VnGuestImage *image, GCancellable *cancellable, GError **error)
{
  gsize size = 0;
  g_autofree char *text = read_text(image->folder, &size, error);
  g_autoptr(GKeyFile) keys = text != NULL ? parse_keys(text, size, image->folder, error) : NULL;
  if (keys == NULL)
    return FALSE;
  g_autofree char *id = vn_manifest_id(text, size);
  if (strcmp(id, image->id) != 0)
    return damaged(error, image->folder, "it was changed after the image was made");
  for (guint i = 0; i < VN_MANIFEST_FILES_MAX; i++) {
    const char *path = *text_of(image, files[i].offset);
    if (path == NULL)
      continue;
    g_autofree char *hash = vn_manifest_hash_file(path, cancellable, error);
    if (hash == NULL)
      return FALSE;
    g_autofree char *name = g_path_get_basename(path);
    g_autofree char *wanted = get_text(keys, "sha256", name);
    if (g_strcmp0(hash, wanted) != 0) {
      g_set_error(error, VN_IMAGE_ERROR, VN_IMAGE_ERROR_DAMAGED,
                  "%s: it was changed after the image was made", path);
      return FALSE;
    }
  }
  return TRUE;
}

static gboolean
write_files(GKeyFile *keys, const VnGuestImage *image, GCancellable *cancellable, GError **error)
{
  for (guint i = 0; i < VN_MANIFEST_FILES_MAX; i++) {
    const char *path = *text_of(image, files[i].offset);
    if (path == NULL)
      continue;
    g_autofree char *hash = vn_manifest_hash_file(path, cancellable, error);
    if (hash == NULL)
      return FALSE;
    g_autofree char *name = g_path_get_basename(path);
    g_key_file_set_string(keys, "files", files[i].key, name);
    g_key_file_set_string(keys, "sha256", name, hash);
  }
  return TRUE;
}

char *
vn_manifest_text(const VnGuestImage *image, GPtrArray *packages, GCancellable *cancellable,
                 GError **error)
{
  g_autoptr(GKeyFile) keys = g_key_file_new();
  g_key_file_set_integer(keys, "image", "format", VN_MANIFEST_FORMAT);
  for (guint i = 0; i < G_N_ELEMENTS(texts); i++) {
    const char *text = *text_of(image, texts[i].offset);
    if (text != NULL)
      g_key_file_set_string(keys, "image", texts[i].key, text);
  }
  g_key_file_set_int64(keys, "image", "memory", image->memory);
  if (!write_files(keys, image, cancellable, error))
    return NULL;
  for (guint i = 0; packages != NULL && i + 1 < packages->len; i += 2)
    g_key_file_set_string(keys, "packages", packages->pdata[i], packages->pdata[i + 1]);
  return g_key_file_to_data(keys, NULL, NULL);
}
