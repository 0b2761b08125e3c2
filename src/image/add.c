/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The header is read here before any tool opens the copy: a disk may name other files (a backing
 * file, a file with its data), and a program that opens it would open those. The layout is that of
 * QEMU's docs/interop/qcow2.txt. */
#include "image/add.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "image/manifest.h"
#include "image/recipe.h"
#include "image/run.h"

#define HEADER_SIZE 80u /* as far as it is looked at */
#define QCOW_MAGIC  0x514649fbu
#define COPY_MAX    ((goffset)4 << 40) /* bytes of the file */
#define CHECK_SECONDS 600
#define CHECK_MEMORY  ((goffset)4 << 30)

enum {
  DIRTY = 1 << 0,
  CORRUPT = 1 << 1,
  DATA_FILE = 1 << 2,
  COMPRESSION = 1 << 3,
  EXTENDED = 1 << 4,
};

static gboolean
refuse(GError **error, const char *file, const char *why)
{
  g_set_error(error, VN_IMAGE_ERROR, VN_IMAGE_ERROR_REFUSED, "%s: %s", file, why);
  return FALSE;
}

static guint64
read_big(const guint8 *at, guint n)
{
  guint64 value = 0;
  for (guint i = 0; i < n; i++)
    value = value << 8 | at[i];
  return value;
}

const char *
vn_image_disk_refused(const guint8 *head, gsize n)
{
  if (n < HEADER_SIZE || read_big(head, 4) != QCOW_MAGIC)
    return "no qcow2 disk (`qemu-img convert -O qcow2 DISK NEW.qcow2` makes one)";
  guint64 version = read_big(head + 4, 4), size = read_big(head + 24, 8);
  guint64 features = version >= 3 ? read_big(head + 72, 8) : 0;
  if (version < 2 || version > 3)
    return "a version of qcow2 that vnec doesn't know";
  if (read_big(head + 8, 8) != 0 || read_big(head + 16, 4) != 0)
    return "it builds upon another file; `qemu-img convert -O qcow2` makes one disk of both";
  if (read_big(head + 32, 4) != 0)
    return "it is encrypted";
  if (features & DATA_FILE)
    return "its data are in another file; `qemu-img convert -O qcow2` makes one file of both";
  if (features & (DIRTY | CORRUPT))
    return "it was not closed properly, or is broken; `qemu-img check -r all` mends it";
  if (features & ~(guint64)(DIRTY | CORRUPT | DATA_FILE | COMPRESSION | EXTENDED))
    return "it has features that vnec doesn't know";
  if (size == 0 || size > (guint64)VN_ADD_VIRTUAL_MAX)
    return "its size is 0, or more than 4 TiB";
  return NULL;
}

static gboolean
check_header(const char *disk, const char *shown, GError **error)
{
  guint8 head[HEADER_SIZE];
  int fd = open(disk, O_RDONLY | O_CLOEXEC);
  gssize n = fd >= 0 ? read(fd, head, sizeof head) : -1;
  if (fd >= 0)
    close(fd);
  const char *why = n < 0 ? g_strerror(errno) : vn_image_disk_refused(head, (gsize)n);
  return why == NULL || refuse(error, shown, why);
}

/* Leaks of clusters are no harm; anything else is. */
static gboolean
check_structure(const char *disk, const char *shown, GCancellable *cancellable, GError **error)
{
  const char *const argv[] = {"qemu-img", "check", "-q", "-f", "qcow2", disk, NULL};
  const VnRun run = {.argv = argv,
                     .package = "qemu-utils",
                     .seconds = CHECK_SECONDS,
                     .memory = CHECK_MEMORY};
  int status;
  if (!vn_run(&run, NULL, &status, cancellable, error)) {
    g_prefix_error(error, "%s: ", shown);
    return FALSE;
  }
  return status == 0 || status == 3 ||
         refuse(error, shown, "it is broken: `qemu-img check` says how");
}

static gboolean
copy(const VnImageAdd *add, const char *disk, GCancellable *cancellable, GError **error)
{
  struct stat info;
  if (stat(add->file, &info) != 0) {
    refuse(error, add->file, g_strerror(errno));
    return FALSE;
  }
  if (!S_ISREG(info.st_mode))
    return refuse(error, add->file, "no regular file");
  if (add->progress != NULL)
    add->progress("copying", add->data);
  const char *const argv[] = {"cp", "--reflink=auto", "--sparse=auto", "--", add->file, disk, NULL};
  const VnRun run = {.argv = argv, .package = "coreutils", .output_max = COPY_MAX};
  if (!vn_run(&run, NULL, NULL, cancellable, error))
    return FALSE;
  if (chmod(disk, 0600) == 0)
    return TRUE;
  return refuse(error, disk, g_strerror(errno));
}

static gboolean
check_order(const VnImageAdd *add, GError **error)
{
  if (!vn_image_name_check(add->name, error))
    return FALSE;
  if (vn_recipe_find(add->name) != NULL) {
    g_set_error(error, VN_IMAGE_ERROR, VN_IMAGE_ERROR_NAME,
                "\"%s\" is the name of an image that VNEC builds; take another", add->name);
    return FALSE;
  }
  g_autoptr(GError) missing = NULL;
  g_autoptr(VnGuestImage) there = vn_image_open(add->name, &missing);
  if (!add->replace && !g_error_matches(missing, VN_IMAGE_ERROR, VN_IMAGE_ERROR_MISSING)) {
    g_set_error(error, VN_IMAGE_ERROR, VN_IMAGE_ERROR_EXISTS,
                "there is an image \"%s\" already: `vnec image rm %s`, or --replace", add->name,
                add->name);
    return FALSE;
  }
  return TRUE;
}

static VnGuestImage *
describe(const VnImageAdd *add, const VnStoreWork *work)
{
  VnGuestImage *image = g_new0(VnGuestImage, 1);
  image->lock = -1;
  image->technology = g_strdup("qemu");
  image->os = g_strdup(add->os);
  image->arch = g_strdup(VN_RECIPE_ARCH);
  image->role = g_strdup(add->role);
  image->bus = g_strdup(add->bus);
  image->nic = g_strdup(add->nic);
  image->memory = add->memory;
  image->disk = g_build_filename(work->folder, "disk.qcow2", NULL);
  return image;
}

gboolean
vn_image_add(const VnImageAdd *add, VnImageHello *out_hello, GCancellable *cancellable,
             GError **error)
{
  if (!check_order(add, error))
    return FALSE;
  g_autoptr(VnStoreWork) work = vn_store_work_begin(add->progress, add->data, cancellable, error);
  if (work == NULL)
    return FALSE;
  g_autoptr(VnGuestImage) image = describe(add, work);
  if (!copy(add, image->disk, cancellable, error) ||
      !check_header(image->disk, add->file, error) ||
      !check_structure(image->disk, add->file, cancellable, error))
    return FALSE;
  const VnImageBoot boot = {image, add->seconds, add->progress, add->data};
  return (add->seconds == 0 || vn_image_boot(&boot, out_hello, cancellable, error)) &&
         vn_store_work_commit(work, add->name, image, NULL, cancellable, error);
}
