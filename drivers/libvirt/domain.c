/* SPDX-License-Identifier: GPL-3.0-or-later */
/* See domain.h. NICs go through qemu:commandline because libvirt 9.0 knows no `-netdev stream`;
 * they get fixed slots from NIC_SLOT on, which libvirt leaves alone. Every socket is one that QEMU
 * listens on, so that a machine starts whether or not somebody is there yet.
 */
#include "drivers/libvirt/domain.h"
#include "drivers/libvirt/monitor.h"

#include <libxml/xmlwriter.h>
#include <string.h>

#include "drivers/libvirt/folder.h"

#define QEMU_NAMESPACE "http://libvirt.org/schemas/domain/qemu/1.0"
#define CHANNEL_SLOT   "0x02"
#define DISK_SLOT      "0x03"
#define NIC_SLOT       0x04u /* up to 0x1f; below are also the host bridge and IDE */
#define TB_CACHE_MIB   "32"

#define S(text) ((const xmlChar *)(text))

typedef struct {
  const char *name, *emulator, *package, *machine, *cpu;
  const char *virtio; /* device of a virtio network card */
  const char *bus;    /* of PCI cards; NULL: no PCI, so virtio alone */
  gboolean pc;        /* may run under KVM of an x86-64 machine */
} Arch;

static const Arch archs[] = {
    {"x86_64", "/usr/bin/qemu-system-x86_64", "qemu-system-x86", "pc", NULL, "virtio-net-pci",
     "pci.0", TRUE},
    {"i386", "/usr/bin/qemu-system-i386", "qemu-system-x86", "pc", NULL, "virtio-net-pci", "pci.0",
     TRUE},
    {"aarch64", "/usr/bin/qemu-system-aarch64", "qemu-system-arm", "virt", "cortex-a53",
     "virtio-net-device", NULL, FALSE},
    {"armv7l", "/usr/bin/qemu-system-arm", "qemu-system-arm", "virt", "cortex-a15",
     "virtio-net-device", NULL, FALSE},
    {"s390x", "/usr/bin/qemu-system-s390x", "qemu-system-misc", "s390-ccw-virtio", NULL,
     "virtio-net-ccw", NULL, FALSE},
    {"ppc64le", "/usr/bin/qemu-system-ppc64", "qemu-system-ppc", "pseries", "power8",
     "virtio-net-pci", "pci.0", FALSE},
    {"mips", "/usr/bin/qemu-system-mips", "qemu-system-mips", "malta", NULL, "virtio-net-pci",
     "pci.0", FALSE},
    {"mipsel", "/usr/bin/qemu-system-mipsel", "qemu-system-mips", "malta", NULL, "virtio-net-pci",
     "pci.0", FALSE},
    {"mips64el", "/usr/bin/qemu-system-mips64el", "qemu-system-mips", "malta", "5KEc",
     "virtio-net-pci", "pci.0", FALSE},
};

static const Arch *
find_arch(const char *name)
{
  for (guint i = 0; i < G_N_ELEMENTS(archs); i++)
    if (strcmp(archs[i].name, name) == 0)
      return &archs[i];
  return NULL;
}

gboolean
vn_virt_domain_emulator(const char *arch, const char **out_path, const char **out_package)
{
  const Arch *found = find_arch(arch);
  if (found == NULL)
    return FALSE;
  *out_path = found->emulator;
  *out_package = found->package;
  return TRUE;
}

/* ---- writing ---- */

/* What libxml2 says is not looked at here: a writer into memory fails only without any. */
static void
open_element(xmlTextWriter *out, const char *name)
{
  (void)xmlTextWriterStartElement(out, S(name));
}

static void
close_element(xmlTextWriter *out)
{
  (void)xmlTextWriterEndElement(out);
}

static void
attribute(xmlTextWriter *out, const char *name, const char *value)
{
  (void)xmlTextWriterWriteAttribute(out, S(name), S(value));
}

static void
text_element(xmlTextWriter *out, const char *name, const char *text)
{
  (void)xmlTextWriterWriteElement(out, S(name), S(text));
}

/* <name key="value"/>; key NULL: none. */
static void
empty(xmlTextWriter *out, const char *name, const char *key, const char *value)
{
  open_element(out, name);
  if (key != NULL)
    attribute(out, key, value);
  close_element(out);
}

static xmlTextWriter *
start(xmlBuffer *buffer)
{
  xmlTextWriter *out = xmlNewTextWriterMemory(buffer, 0);
  g_assert(out != NULL);
  return out;
}

static char *
finish(xmlTextWriter *out, xmlBuffer *buffer)
{
  (void)xmlTextWriterEndDocument(out);
  xmlFreeTextWriter(out);
  char *text = g_strdup((const char *)xmlBufferContent(buffer));
  xmlBufferFree(buffer);
  return text;
}

static void
write_os(xmlTextWriter *out, const VnVirtSpec *spec, const VnVirtPlace *place, const Arch *arch)
{
  open_element(out, "os");
  open_element(out, "type");
  attribute(out, "arch", strcmp(arch->name, "i386") == 0 ? "i686" : arch->name);
  attribute(out, "machine", spec->machine[0] != '\0' ? spec->machine : arch->machine);
  (void)xmlTextWriterWriteString(out, S("hvm"));
  close_element(out);
  /* A PC that is restored has its kernel in its memory. QEMU would read the files all the same, and
   * keep a copy for a restart, which there is none (on_reboot). */
  gboolean boots = !place->restored || !arch->pc;
  if (place->files[VN_VIRT_FILE_kernel] != NULL && boots) {
    text_element(out, "kernel", place->files[VN_VIRT_FILE_kernel]);
    if (place->files[VN_VIRT_FILE_initrd] != NULL)
      text_element(out, "initrd", place->files[VN_VIRT_FILE_initrd]);
    text_element(out, "cmdline", spec->append);
  } else {
    empty(out, "boot", "dev", "hd");
  }
  close_element(out);
}

static void
write_cpu(xmlTextWriter *out, const VnVirtPlace *place, const Arch *arch)
{
  open_element(out, "features");
  if (arch->pc) /* without ACPI the guest's clock ticks in steps of 4 ms */
    empty(out, "acpi", NULL, NULL);
  if (!place->kvm) {
    open_element(out, "tcg");
    open_element(out, "tb-cache");
    attribute(out, "unit", "MiB");
    (void)xmlTextWriterWriteString(out, S(TB_CACHE_MIB));
    close_element(out);
    close_element(out);
  }
  close_element(out);
  if (!place->kvm && arch->cpu == NULL)
    return;
  open_element(out, "cpu");
  attribute(out, "mode", place->kvm ? "host-passthrough" : "custom");
  if (!place->kvm) {
    attribute(out, "match", "exact");
    text_element(out, "model", arch->cpu);
  }
  close_element(out);
}

static void
write_socket(xmlTextWriter *out, const char *folder, const char *name)
{
  g_autofree char *path = g_build_filename(folder, name, NULL);
  open_element(out, "source");
  attribute(out, "mode", "bind");
  attribute(out, "path", path);
  close_element(out);
}

/* Fixed, so that they never meet the slots of NICs. */
static void
write_slot(xmlTextWriter *out, const Arch *arch, const char *slot)
{
  if (arch->bus == NULL)
    return;
  open_element(out, "address");
  attribute(out, "type", "pci");
  attribute(out, "domain", "0");
  attribute(out, "bus", "0");
  attribute(out, "slot", slot);
  attribute(out, "function", "0");
  close_element(out);
}

static void
write_disk(xmlTextWriter *out, const VnVirtSpec *spec, const char *path, const Arch *arch)
{
  gboolean ide = strcmp(spec->bus, "ide") == 0;
  open_element(out, "disk");
  attribute(out, "type", "file");
  attribute(out, "device", "disk");
  open_element(out, "driver");
  attribute(out, "name", "qemu");
  attribute(out, "type", "qcow2");
  attribute(out, "cache", "unsafe"); /* what is written dies with the run anyway */
  attribute(out, "discard", "unmap");
  close_element(out);
  empty(out, "source", "file", path);
  open_element(out, "target");
  attribute(out, "dev", ide ? "hda" : "vda");
  attribute(out, "bus", ide ? "ide" : "virtio");
  close_element(out);
  if (!ide)
    write_slot(out, arch, DISK_SLOT);
  close_element(out);
}

/* QEMU keeps owners and links as they are made ("squash": it is nobody, and need not be root to
 * try); what may come of that is the slave's to judge, which is there to expect anything. */
static void
write_share(xmlTextWriter *out, const char *path, const Arch *arch)
{
  open_element(out, "filesystem");
  attribute(out, "type", "mount");
  attribute(out, "accessmode", "squash");
  empty(out, "driver", "type", "path");
  empty(out, "source", "dir", path);
  empty(out, "target", "dir", VN_VIRT_SHARE);
  write_slot(out, arch, CHANNEL_SLOT);
  close_element(out);
}

static void
write_port(xmlTextWriter *out, const VnVirtPlace *place)
{
  open_element(out, "channel");
  attribute(out, "type", "unix");
  write_socket(out, place->folder, "agent");
  open_element(out, "target");
  attribute(out, "type", "virtio");
  attribute(out, "name", VN_VIRT_PORT);
  close_element(out);
  close_element(out);
}

static void
write_devices(xmlTextWriter *out, const VnVirtSpec *spec, const VnVirtPlace *place,
              const Arch *arch)
{
  open_element(out, "devices");
  text_element(out, "emulator", arch->emulator);
  if (place->files[VN_VIRT_FILE_disk] != NULL)
    write_disk(out, spec, place->files[VN_VIRT_FILE_disk], arch);
  open_element(out, "controller");
  attribute(out, "type", "usb");
  attribute(out, "model", "none");
  close_element(out);
  if (!spec->folder) {
    open_element(out, "controller");
    attribute(out, "type", "virtio-serial");
    attribute(out, "index", "0");
    write_slot(out, arch, CHANNEL_SLOT);
    close_element(out);
  }
  empty(out, "memballoon", "model", "none");
  open_element(out, arch->pc ? "serial" : "console");
  attribute(out, "type", "unix");
  write_socket(out, place->folder, "console");
  close_element(out);
  if (spec->folder)
    write_share(out, place->share, arch);
  else
    write_port(out, place);
  close_element(out);
}

static void
argument(xmlTextWriter *out, const char *value)
{
  (void)xmlTextWriterStartElement(out, S("qemu:arg"));
  attribute(out, "value", value);
  close_element(out);
}

static const char *
card(const VnVirtSpec *spec, const Arch *arch, GError **error)
{
  if (spec->nic[0] == '\0' || strcmp(spec->nic, "virtio") == 0)
    return arch->virtio;
  if (arch->bus != NULL)
    return spec->nic;
  g_set_error(error, VN_DRIVER_ERROR, VN_DRIVER_ERROR_UNSUPPORTED,
              "a machine of arch %s has virtio network cards only, not %s", arch->name, spec->nic);
  return NULL;
}

static void
write_nic(xmlTextWriter *out, const VnVirtSpec *spec, const VnVirtPlace *place, const Arch *arch,
          const char *device, guint i)
{
  guint64 mac = spec->macs[i];
  /* The folder is ours: no comma in it. */
  g_autofree char *netdev = g_strdup_printf(
      "stream,id=hub%u,server=on,addr.type=unix,addr.path=%s/nic%u", i, place->folder, i);
  g_autoptr(GString) nic = g_string_new(NULL);
  g_string_printf(nic, "%s,netdev=hub%u,id=nic%u,mac=%02x:%02x:%02x:%02x:%02x:%02x", device, i, i,
                  (guint)(mac >> 40 & 0xff), (guint)(mac >> 32 & 0xff), (guint)(mac >> 24 & 0xff),
                  (guint)(mac >> 16 & 0xff), (guint)(mac >> 8 & 0xff), (guint)(mac & 0xff));
  if (arch->bus != NULL)
    g_string_append_printf(nic, ",romfile=,bus=%s,addr=0x%x", arch->bus, NIC_SLOT + i);
  argument(out, "-netdev");
  argument(out, netdev);
  argument(out, "-device");
  argument(out, nic->str);
}

static void
write_domain(xmlTextWriter *out, const VnVirtSpec *spec, const VnVirtPlace *place, const Arch *arch,
             const char *device)
{
  char number[24];
  open_element(out, "domain");
  attribute(out, "type", place->kvm ? "kvm" : spec->kind);
  attribute(out, "xmlns:qemu", QEMU_NAMESPACE);
  text_element(out, "name", place->name);
  text_element(out, "uuid", place->uuid);
  text_element(out, "title", spec->name);
  open_element(out, "memory");
  attribute(out, "unit", "KiB");
  g_snprintf(number, sizeof number, "%" G_GINT64_FORMAT, spec->memory / 1024);
  (void)xmlTextWriterWriteString(out, S(number));
  close_element(out);
  g_snprintf(number, sizeof number, "%u", spec->cpus);
  text_element(out, "vcpu", number);
  write_os(out, spec, place, arch);
  write_cpu(out, place, arch);
  empty(out, "clock", "offset", "utc");
  text_element(out, "on_poweroff", "destroy");
  text_element(out, "on_reboot", "destroy"); /* a panic ends the machine instead of hiding */
  text_element(out, "on_crash", "destroy");
  write_devices(out, spec, place, arch);
  open_element(out, "qemu:commandline");
  for (guint i = 0; i < spec->n_macs; i++)
    write_nic(out, spec, place, arch, device, i);
  if (place->monitor) {
    g_autofree char *where =
        g_strdup_printf("unix:%s/%s,server=on,wait=off", place->folder, VN_VIRT_MONITOR);
    argument(out, "-qmp");
    argument(out, where);
  }
  close_element(out);
  close_element(out);
}

char *
vn_virt_domain_xml(const VnVirtSpec *spec, const VnVirtPlace *place, GError **error)
{
  const Arch *arch = find_arch(spec->arch);
  if (arch == NULL) {
    g_set_error(error, VN_DRIVER_ERROR, VN_DRIVER_ERROR_UNSUPPORTED, "no machines of arch “%s”",
                spec->arch);
    return NULL;
  }
  const char *device = card(spec, arch, error);
  if (device == NULL)
    return NULL;
  if (spec->n_macs > VN_VIRT_NICS_MAX) {
    g_set_error(error, VN_DRIVER_ERROR, VN_DRIVER_ERROR_LIMIT, "%u network cards; %u at most",
                spec->n_macs, VN_VIRT_NICS_MAX);
    return NULL;
  }
  xmlBuffer *buffer = xmlBufferCreate();
  xmlTextWriter *out = start(buffer);
  write_domain(out, spec, place, arch, device);
  return finish(out, buffer);
}

/* ---- names that follow from content ---- */

char *
vn_virt_domain_key(const VnVirtSpec *spec, gboolean kvm, const char *versions, const char *salt,
                   GError **error)
{
  const VnVirtPlace nowhere = {
      .name = "",
      .uuid = "",
      .folder = "/",
      .share = "/",
      .kvm = kvm,
      .files = {[VN_VIRT_FILE_kernel] = spec->files[VN_VIRT_FILE_kernel] != NULL ? "k" : NULL,
                [VN_VIRT_FILE_initrd] = spec->files[VN_VIRT_FILE_initrd] != NULL ? "i" : NULL,
                [VN_VIRT_FILE_disk] = spec->files[VN_VIRT_FILE_disk] != NULL ? "d" : NULL}};
  g_autofree char *xml = vn_virt_domain_xml(spec, &nowhere, error);
  if (xml == NULL)
    return NULL;
  g_autofree char *all = g_strconcat("1\n", salt, "\n", versions, "\n", spec->content, "\n",
                                     spec->snapshot, "\n", xml, NULL);
  return g_compute_checksum_for_string(G_CHECKSUM_SHA256, all, -1);
}

void
vn_virt_domain_uuid(const char *key, char out[37])
{
  /* Version 8 ("as the maker likes") and the usual variant. */
  g_snprintf(out, 37, "%.8s-%.4s-8%.3s-a%.3s-%.12s", key, key + 8, key + 12, key + 15, key + 18);
}

char *
vn_virt_snapshot_xml(const VnVirtSpec *spec, const char *memory, const char *disk)
{
  xmlBuffer *buffer = xmlBufferCreate();
  xmlTextWriter *out = start(buffer);
  open_element(out, "domainsnapshot");
  text_element(out, "name", "vnec");
  open_element(out, "memory");
  attribute(out, "snapshot", "external");
  attribute(out, "file", memory);
  close_element(out);
  if (disk != NULL) {
    open_element(out, "disks");
    open_element(out, "disk");
    attribute(out, "name", strcmp(spec->bus, "ide") == 0 ? "hda" : "vda");
    attribute(out, "snapshot", "external");
    open_element(out, "driver");
    attribute(out, "type", "qcow2");
    close_element(out);
    empty(out, "source", "file", disk);
    close_element(out);
    close_element(out);
  }
  close_element(out);
  return finish(out, buffer);
}
