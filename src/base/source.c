/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Position k of the shared space belongs to the last source whose base is at most k: a binary
 * search. Lines are found by scanning, because only diagnostics ask. */
#include "base/source.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct VnSourceSet {
  GPtrArray *sources; /* of VnSource, by base */
  guint64 next_base;
};

G_DEFINE_QUARK(vn-source-error-quark, vn_source_error)

static void
source_free(gpointer data)
{
  VnSource *source = data;
  g_free(source->path);
  g_free(source->text);
  g_free(source);
}

VnSourceSet *
vn_source_set_new(void)
{
  VnSourceSet *set = g_new0(VnSourceSet, 1);
  set->sources = g_ptr_array_new_with_free_func(source_free);
  set->next_base = 1; /* 0 is nowhere */
  return set;
}

void
vn_source_set_free(VnSourceSet *set)
{
  if (set == NULL)
    return;
  g_ptr_array_unref(set->sources);
  g_free(set);
}

/* The bytes of plain ASCII that text begins with, by eights: most texts are nothing else. */
static gsize
ascii_prefix(const char *text, gsize size)
{
  const guint64 ones = 0x0101010101010101u, high = ones << 7;
  gsize n = 0;
  for (guint64 word; n + sizeof word <= size; n += sizeof word) {
    memcpy(&word, text + n, sizeof word);
    if (((word | (word - ones)) & high) != 0) /* a byte above 127, or a NUL, or after one */
      break;
  }
  return n;
}

/* As g_utf8_validate_len; a NUL is not valid. */
static gboolean
is_text(const char *text, gsize size, const char **out_bad)
{
  gsize plain = ascii_prefix(text, size);
  return g_utf8_validate_len(text + plain, size - plain, out_bad);
}

/* Takes text, which has two NULs after its size bytes. */
static const VnSource *
take(VnSourceSet *set, const char *path, char *text, gsize size, GError **error)
{
  g_autofree char *owned = text;
  const char *bad = NULL;
  if (size > VN_SOURCE_MAX_BYTES || set->next_base + size + 1 > VN_SOURCES_MAX_BYTES) {
    g_set_error(error, VN_SOURCE_ERROR, VN_SOURCE_ERROR_SIZE, "%s: larger than VNEC reads (%u MiB)",
                path, VN_SOURCE_MAX_BYTES >> 20);
    return NULL;
  }
  if (!is_text(text, size, &bad)) {
    g_set_error(error, VN_SOURCE_ERROR, VN_SOURCE_ERROR_TEXT,
                "%s: not UTF-8 text (byte 0x%02x at offset %zu)", path, (guchar)*bad,
                (gsize)(bad - text));
    return NULL;
  }
  VnSource *source = g_new0(VnSource, 1);
  source->path = g_strdup(path);
  source->text = g_steal_pointer(&owned);
  source->size = (guint32)size;
  source->base = (VnPos)set->next_base;
  set->next_base += size + 1; /* the end of a file is a place of its own */
  g_ptr_array_add(set->sources, source);
  return source;
}

const VnSource *
vn_source_set_add(VnSourceSet *set, const char *path, const char *text, gsize size, GError **error)
{
  char *copy = g_malloc(size + 2);
  memcpy(copy, text, size);
  copy[size] = copy[size + 1] = '\0';
  return take(set, path, copy, size, error);
}

/* Reads to the end or to the bound; files that are no plain files (pipes) too. */
static GByteArray *
read_all(int fd)
{
  g_autoptr(GByteArray) bytes = g_byte_array_new();
  struct stat status;
  if (fstat(fd, &status) == 0 && S_ISREG(status.st_mode))
    bytes = (g_byte_array_unref(bytes),
             g_byte_array_sized_new((guint)MIN(status.st_size + 2, (off_t)VN_SOURCE_MAX_BYTES)));
  for (;;) {
    guint8 block[65536];
    gssize n = read(fd, block, sizeof block);
    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0)
      return NULL;
    if (n == 0 || bytes->len > VN_SOURCE_MAX_BYTES)
      return g_steal_pointer(&bytes);
    g_byte_array_append(bytes, block, (guint)n);
  }
}

const VnSource *
vn_source_set_load(VnSourceSet *set, const char *path, GError **error)
{
  gboolean standard_input = strcmp(path, "-") == 0;
  int fd = standard_input ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
  g_autoptr(GByteArray) bytes = fd >= 0 ? read_all(fd) : NULL;
  int why = errno;
  if (fd >= 0 && !standard_input)
    close(fd);
  if (bytes == NULL) {
    g_set_error(error, VN_SOURCE_ERROR, VN_SOURCE_ERROR_READ, "%s: %s", path, g_strerror(why));
    return NULL;
  }
  gsize size = bytes->len;
  g_byte_array_append(bytes, (const guint8 *)"\0", 2);
  char *text = (char *)g_byte_array_free(g_steal_pointer(&bytes), FALSE);
  return take(set, standard_input ? "<stdin>" : path, text, size, error);
}

static const VnSource *
source_of(const VnSourceSet *set, VnPos pos)
{
  guint low = 0, high = set->sources->len;
  while (low < high) {
    guint middle = (low + high) / 2;
    const VnSource *source = g_ptr_array_index(set->sources, middle);
    if (source->base <= pos)
      low = middle + 1;
    else
      high = middle;
  }
  return low > 0 && pos != 0 ? g_ptr_array_index(set->sources, low - 1) : NULL;
}

static const char *
line_start(const VnSource *source, guint32 offset)
{
  const char *at = source->text + offset;
  while (at > source->text && at[-1] != '\n')
    at--;
  return at;
}

guint
vn_source_set_count(const VnSourceSet *set)
{
  return set->sources->len;
}

const VnSource *
vn_source_set_get(const VnSourceSet *set, guint i)
{
  return set->sources->pdata[i];
}

VnLocation
vn_source_set_locate(const VnSourceSet *set, VnPos pos)
{
  VnLocation location = {0};
  const VnSource *source = source_of(set, pos);
  if (source == NULL)
    return location;
  guint32 offset = MIN(pos - source->base, source->size);
  const char *line = line_start(source, offset);
  location.source = source;
  location.line = 1;
  for (const char *at = source->text; at < line; at++)
    location.line += *at == '\n';
  location.byte_column = (guint)(source->text + offset - line);
  location.column = (guint)g_utf8_strlen(line, location.byte_column) + 1;
  return location;
}

const char *
vn_source_set_line(const VnSourceSet *set, VnPos pos, gsize *out_length)
{
  const VnSource *source = source_of(set, pos);
  *out_length = 0;
  if (source == NULL)
    return "";
  const char *line = line_start(source, MIN(pos - source->base, source->size));
  const char *end = source->text + source->size;
  const char *newline = memchr(line, '\n', (gsize)(end - line));
  gsize length = (gsize)((newline != NULL ? newline : end) - line);
  *out_length = length > 0 && line[length - 1] == '\r' ? length - 1 : length;
  return line;
}
