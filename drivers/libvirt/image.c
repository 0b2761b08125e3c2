/* SPDX-License-Identifier: GPL-3.0-or-later */
/* See image.h.
 *
 * Guests that are booted by kernel learn name and addresses from the kernel's command line
 * (doc/manual/qemu.md); others by DHCP, or they have them already. What an image is, for the key
 * of kept states: the identity of its files and every key that the machine is made from.
 */
#include "drivers/libvirt/image.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "drivers/libvirt/folder.h"
#include "image/image.h"

#define MEMORY_DEFAULT (128 << 20)
#define PATIENCE_S     120
#define PATIENCE_MAX_S 3600
#define COMMAND_MAX    2000u /* bytes of a kernel's command line */
#define APPEND_DEFAULT "console=ttyS0 quiet panic=-1"
#define HOSTNAME_MAX   63u

static gboolean refuse(GError **error, const char *format, ...) G_GNUC_PRINTF(2, 3);

static gboolean
refuse(GError **error, const char *format, ...)
{
  va_list arguments;
  va_start(arguments, format);
  g_autofree char *text = g_strdup_vprintf(format, arguments);
  va_end(arguments);
  g_set_error_literal(error, VN_DRIVER_ERROR, VN_DRIVER_ERROR_UNSUPPORTED, text);
  return FALSE;
}

/* "" if there is none. */
static const char *
text_key(const VnDriverVm *vm, const char *key)
{
  const char *text;
  return vm->image_keys != NULL && g_variant_lookup(vm->image_keys, key, "&s", &text) ? text : "";
}

static gboolean
by_folder(const VnDriverVm *vm)
{
  return strcmp(text_key(vm, "channel"), "folder") == 0;
}

/* ---- the command line ---- */

/* "h[3]" becomes "h-3". */
static void
add_hostname(GString *line, const char *name)
{
  char out[HOSTNAME_MAX + 1];
  gsize n = 0;
  for (const char *c = name; *c != '\0' && n < HOSTNAME_MAX; c++) {
    if (g_ascii_isalnum(*c))
      out[n++] = *c;
    else if (n > 0 && out[n - 1] != '-')
      out[n++] = '-';
  }
  while (n > 0 && out[n - 1] == '-')
    n--;
  out[n] = '\0';
  g_string_append_printf(line, " vnec.hostname=%s", n > 0 ? out : "host");
}

static void
add_addresses(GString *line, const VnDriverIface *iface)
{
  const VnPrefix *both[] = {&iface->address4, &iface->address6};
  char mac[VN_MAC_TEXT_MAX], text[VN_PREFIX_TEXT_MAX];
  if (iface->preset || (iface->address4.address.family == 0 && iface->address6.address.family == 0))
    return;
  g_string_append_printf(line, " vnec.ip=%s", vn_mac_format(iface->mac, mac));
  for (guint i = 0; i < G_N_ELEMENTS(both); i++)
    if (both[i]->address.family != 0)
      g_string_append_printf(line, ",%s", vn_prefix_format(both[i], text));
}

static void
add_route(GString *line, const VnDriverRoute *route)
{
  char prefix[VN_PREFIX_TEXT_MAX], gateway[VN_ADDRESS_TEXT_MAX];
  if (route->gateway.family == 0)
    return; /* on the link: the address says so */
  const char *to = route->prefix.length != 0           ? vn_prefix_format(&route->prefix, prefix)
                   : route->prefix.address.family == 6 ? "default6"
                                                       : "default";
  g_string_append_printf(line, " vnec.route=%s,%s", to,
                         vn_address_format(&route->gateway, gateway));
}

/* Of a host; a router is told over its channel. An image whose own line speaks of vnec.dhcp asks
 * its router, as the image of any other system does. */
static gboolean
write_append(const VnDriverVm *vm, const char *append, VnVirtSpec *spec, GError **error)
{
  g_autoptr(GString) line = g_string_new(append);
  gboolean told = !vm->router && strstr(append, "vnec.dhcp=") == NULL;
  add_hostname(line, vm->name);
  if (by_folder(vm))
    g_string_append(line, " vnec.spool=" VN_VIRT_SHARE);
  for (guint32 i = 0; told && i < vm->n_ifaces; i++)
    add_addresses(line, &vm->ifaces[i]);
  for (guint32 i = 0; told && i < vm->n_routes; i++)
    add_route(line, &vm->routes[i]);
  if (line->len > COMMAND_MAX)
    return refuse(error, "its kernel's command line would have %zu bytes; %u at most", line->len,
                  COMMAND_MAX);
  spec->append = g_string_free(g_steal_pointer(&line), FALSE);
  return TRUE;
}

/* ---- files ---- */

static gboolean
open_file(VnVirtImage *out, VnVirtFile which, const char *path, GChecksum *content, GError **error)
{
  if (path[0] == '\0')
    return TRUE;
  int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
  if (fd < 0)
    return vn_virt_fail(error, errno, "%s", path);
  out->fds[out->n_fds++] = fd;
  out->spec.files[which] = g_strdup(path);
  struct stat found;
  if (fstat(fd, &found) != 0)
    return vn_virt_fail(error, errno, "%s", path);
  if (!S_ISREG(found.st_mode))
    return refuse(error, "%s is not a file", path);
  if (found.st_size == 0)
    return refuse(error, "%s is empty", path);
  g_autofree char *identity = g_strdup_printf(
      "%u %ju %ju %ju %jd.%09ld\n", which, (uintmax_t)found.st_dev, (uintmax_t)found.st_ino,
      (uintmax_t)found.st_size, (intmax_t)found.st_mtim.tv_sec, found.st_mtim.tv_nsec);
  g_checksum_update(content, (const guchar *)identity, -1);
  return TRUE;
}

/* What is booted: from the script's keys, else from the store of images. */
typedef struct {
  const char *paths[VN_VIRT_N_FILES];
  const char *append, *arch, *nic, *bus;
  gint64 memory;
} Boot;

static gboolean
choose_own(const VnDriverVm *vm, Boot *boot, GError **error)
{
  boot->paths[VN_VIRT_FILE_kernel] = text_key(vm, "kernel");
  boot->paths[VN_VIRT_FILE_initrd] = text_key(vm, "initrd");
  boot->paths[VN_VIRT_FILE_disk] = text_key(vm, "disk");
  if (text_key(vm, "vm")[0] != '\0')
    return refuse(error, "its image has `vm`, which names an image of `vnec image`, and files of "
                         "its own: one of both, please");
  if (boot->paths[VN_VIRT_FILE_kernel][0] == '\0' && boot->paths[VN_VIRT_FILE_initrd][0] != '\0')
    return refuse(error, "its image has an initrd but no kernel");
  return TRUE;
}

/* An absent string is "". */
static const char *
given(const char *text)
{
  return text != NULL ? text : "";
}

static gboolean
choose_stored(const VnDriverVm *vm, VnVirtImage *out, Boot *boot, GError **error)
{
  const char *name = text_key(vm, "vm");
  VnGuestImage *image =
      vn_image_open(name[0] != '\0' ? name : vn_image_default(vm->router, by_folder(vm)), error);
  if (image == NULL)
    return FALSE;
  out->hold = image;
  if (strcmp(given(image->technology), "qemu") != 0)
    return refuse(error, "the image “%s” is for %s", image->name, given(image->technology));
  *boot = (Boot){.paths = {given(image->kernel), given(image->initrd), given(image->disk)},
                 .append = given(image->append),
                 .arch = given(image->arch),
                 .nic = given(image->nic),
                 .bus = given(image->bus),
                 .memory = image->memory};
  out->spec.content = g_strdup(image->id);
  return TRUE;
}

static gboolean
open_files(const Boot *boot, VnVirtImage *out, GError **error)
{
  g_autoptr(GChecksum) content = g_checksum_new(G_CHECKSUM_SHA256);
  for (guint i = 0; i < VN_VIRT_N_FILES; i++)
    if (!open_file(out, (VnVirtFile)i, boot->paths[i], content, error))
      return FALSE;
  if (out->n_fds == 0)
    return refuse(error, "its image has neither a kernel nor a disk");
  if (out->spec.content == NULL) /* of an image in the store its ID says more */
    out->spec.content = g_strdup(g_checksum_get_string(content));
  return TRUE;
}

/* ---- all ---- */

static guint
patience(const VnDriverVm *vm)
{
  gint64 ns;
  if (vm->image_keys == NULL || !g_variant_lookup(vm->image_keys, "ready_within", "x", &ns))
    return PATIENCE_S;
  return (guint)CLAMP(ns / 1000000000, 1, PATIENCE_MAX_S);
}

/* The script's word, else the stored image's, else the usual. */
static char *
word(const VnDriverVm *vm, const char *key, const char *stored, const char *usual)
{
  const char *own = text_key(vm, key);
  if (own[0] != '\0')
    return g_strdup(own);
  return g_strdup(stored != NULL && stored[0] != '\0' ? stored : usual);
}

static gboolean
fill(const VnDriverVm *vm, const Boot *boot, VnVirtSpec *spec, GError **error)
{
  gboolean keep = TRUE;
  if (vm->image_keys != NULL)
    (void)g_variant_lookup(vm->image_keys, "keep_ready", "b", &keep); /* TRUE if absent */
  spec->id = vm->id;
  spec->name = g_strdup(vm->name);
  spec->kind = g_strdup("qemu");
  spec->arch = word(vm, "arch", boot->arch, "x86_64");
  spec->machine = word(vm, "machine", NULL, "");
  spec->nic = word(vm, "nic", boot->nic, "");
  spec->bus = word(vm, "bus", boot->bus, "virtio");
  spec->snapshot = word(vm, "snapshot", NULL, "");
  spec->cpus = vm->cpus != 0 ? vm->cpus : 1;
  spec->memory = vm->memory != 0 ? vm->memory : boot->memory != 0 ? boot->memory : MEMORY_DEFAULT;
  spec->format = strcmp(text_key(vm, "format"), "raw") == 0 ? VN_VIRT_RAW : VN_VIRT_QCOW2;
  spec->folder = by_folder(vm);
  spec->keep = keep && !spec->folder;
  spec->patience = patience(vm);
  if (vm->n_ifaces > VN_VIRT_NICS_MAX)
    return refuse(error, "it has %u interfaces; a QEMU machine has %u at most", vm->n_ifaces,
                  VN_VIRT_NICS_MAX);
  for (guint32 i = 0; i < vm->n_ifaces; i++)
    spec->macs[spec->n_macs++] = vm->ifaces[i].mac;
  if (boot->paths[VN_VIRT_FILE_kernel][0] == '\0') {
    spec->append = g_strdup("");
    return TRUE;
  }
  g_autofree char *append = word(vm, "append", boot->append, APPEND_DEFAULT);
  return write_append(vm, append, spec, error);
}

gboolean
vn_virt_image_read(const VnDriverVm *vm, VnVirtImage *out, GError **error)
{
  *out = (VnVirtImage){.fds = {-1, -1, -1}};
  Boot boot = {0};
  gboolean own = text_key(vm, "kernel")[0] != '\0' || text_key(vm, "initrd")[0] != '\0' ||
                 text_key(vm, "disk")[0] != '\0';
  return (own ? choose_own(vm, &boot, error) : choose_stored(vm, out, &boot, error)) &&
         open_files(&boot, out, error) && fill(vm, &boot, &out->spec, error);
}

void
vn_virt_image_release(gpointer hold)
{
  vn_image_free(hold);
}

void
vn_virt_image_clear(VnVirtImage *image)
{
  for (guint i = 0; i < image->n_fds; i++)
    (void)close(image->fds[i]); /* only read */
  image->n_fds = 0;
  vn_virt_spec_clear(&image->spec);
  vn_virt_image_release(g_steal_pointer(&image->hold));
}
