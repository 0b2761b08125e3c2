/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A bzImage is 16-bit code, then the packed kernel; the setup header says where. Packed as lz4's
 * old form, xz, gzip or zstd, with the unpacked size behind it. */
#include "image/kernel.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "image/image.h"
#include "image/run.h"

#define SECTOR         512u
#define SETUP_SECTORS  0x1f1u
#define MAGIC          0x202u /* "HdrS" */
#define VERSION        0x206u
#define VERSION_NEEDED 0x208u /* has the payload's place */
#define PAYLOAD_OFFSET 0x248u
#define PAYLOAD_LENGTH 0x24cu
#define HEADER_END     0x250u

static const struct {
  const char *magic;
  gsize n;
  const char *argv[4];
  const char *package;
  gboolean size_apart; /* the size is no part of the packed stream */
} packings[] = {
    {"\x02\x21\x4c\x18", 4, {"lz4", "-dc", NULL}, "lz4", TRUE},
    {"\xfd"
     "7zXZ",
     5,
     {"xz", "-dc", "--single-stream", NULL},
     "xz-utils",
     TRUE},
    {"\x1f\x8b", 2, {"gzip", "-dc", NULL}, "gzip", FALSE},
    {"\x28\xb5\x2f\xfd", 4, {"zstd", "-dcq", NULL}, "zstd", TRUE},
};

static gboolean
failed(GError **error, const char *path, const char *why)
{
  g_set_error(error, VN_IMAGE_ERROR, VN_IMAGE_ERROR_FAILED, "%s: %s", path, why);
  return FALSE;
}

static guint32
read32(const guint8 *at)
{
  return (guint32)at[0] | (guint32)at[1] << 8 | (guint32)at[2] << 16 | (guint32)at[3] << 24;
}

static gboolean
find_payload(const guint8 *bytes, gsize size, gsize *out_offset, gsize *out_length)
{
  if (size < HEADER_END || memcmp(bytes + MAGIC, "HdrS", 4) != 0 ||
      (bytes[VERSION] | bytes[VERSION + 1] << 8) < (int)VERSION_NEEDED)
    return FALSE;
  gsize sectors = bytes[SETUP_SECTORS] == 0 ? 4 : bytes[SETUP_SECTORS];
  *out_offset = (sectors + 1) * SECTOR + read32(bytes + PAYLOAD_OFFSET);
  *out_length = read32(bytes + PAYLOAD_LENGTH);
  return *out_offset < size && *out_length > 8 && *out_length <= size - *out_offset;
}

static gboolean
unpack(const char *packed, const guint8 *start, const char *out, guint *out_packing,
       GCancellable *cancellable, GError **error)
{
  for (guint i = 0; i < G_N_ELEMENTS(packings); i++) {
    if (memcmp(start, packings[i].magic, packings[i].n) != 0)
      continue;
    *out_packing = i;
    const VnRun run = {.argv = packings[i].argv,
                       .package = packings[i].package,
                       .input = packed,
                       .output = out,
                       .output_max = VN_KERNEL_SIZE_MAX};
    return vn_run(&run, NULL, NULL, cancellable, error);
  }
  return failed(error, packed, "the kernel is packed in a way that vnec doesn't know");
}

gboolean
vn_kernel_unpack(const char *bzimage, const char *out, GCancellable *cancellable, GError **error)
{
  g_autoptr(GMappedFile) map = g_mapped_file_new(bzimage, FALSE, error);
  if (map == NULL)
    return FALSE;
  const guint8 *bytes = (const guint8 *)g_mapped_file_get_contents(map);
  gsize offset, length;
  if (!find_payload(bytes, g_mapped_file_get_length(map), &offset, &length))
    return failed(error, bzimage, "no Linux kernel for x86");
  guint32 unpacked = read32(bytes + offset + length - 4);
  g_autofree char *packed = g_strconcat(out, ".packed", NULL);
  guint i = 0;
  /* With the size left on, lz4 and xz take it for the start of something else. */
  if (!g_file_set_contents(packed, (const char *)bytes + offset, (gssize)(length - 4), error) ||
      !unpack(packed, bytes + offset, out, &i, cancellable, error))
    return FALSE;
  (void)remove(packed);
  struct stat info;
  if (stat(out, &info) != 0 || (packings[i].size_apart && info.st_size != unpacked))
    return failed(error, bzimage, "the packed kernel is broken");
  return TRUE;
}
