/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Domain XML: what it says, that no name can become markup, and which changes change the key of
 * kept states. The XML is read back by libxml2, not compared as text. */
#include <libxml/parser.h>
#include <libxml/xpath.h>
#include <libxml/xpathInternals.h>
#include <string.h>

#include "drivers/libvirt/domain.h"

static VnVirtSpec
box(void)
{
  return (VnVirtSpec){.id = 3,
                      .name = (char *)"h[3]",
                      .kind = (char *)"qemu",
                      .arch = (char *)"x86_64",
                      .machine = (char *)"",
                      .nic = (char *)"",
                      .bus = (char *)"virtio",
                      .snapshot = (char *)"",
                      .append = (char *)"quiet",
                      .content = (char *)"c0ffee",
                      .cpus = 2,
                      .memory = 96 << 20,
                      .format = VN_VIRT_QCOW2,
                      .keep = TRUE,
                      .patience = 9,
                      .files = {(char *)"/k", (char *)"/i", NULL},
                      .macs = {0x020000000001, 0x0200000000ff},
                      .n_macs = 2};
}

static const VnVirtPlace place = {.name = "vnec-x",
                                  .uuid = "11111111-2222-8333-a444-555555555555",
                                  .folder = "/v/3",
                                  .files = {"/v/k", "/v/i", NULL}};

/* What an XPath of the domain gives, as text; "" if there is nothing. */
static char *
ask(const char *xml, const char *path)
{
  xmlDoc *document = xmlReadMemory(xml, (int)strlen(xml), NULL, NULL, XML_PARSE_NONET);
  g_assert_nonnull(document);
  xmlXPathContext *context = xmlXPathNewContext(document);
  xmlXPathRegisterNs(context, (const xmlChar *)"q",
                     (const xmlChar *)"http://libvirt.org/schemas/domain/qemu/1.0");
  g_autofree char *query = g_strdup_printf("string(%s)", path);
  xmlXPathObject *found = xmlXPathEvalExpression((const xmlChar *)query, context);
  g_assert_nonnull(found);
  char *text = g_strdup((const char *)found->stringval);
  xmlXPathFreeObject(found);
  xmlXPathFreeContext(context);
  xmlFreeDoc(document);
  return text;
}

#define assert_says(xml, path, text)         \
  G_STMT_START                               \
  {                                          \
    g_autofree char *_said = ask(xml, path); \
    g_assert_cmpstr(_said, ==, text);        \
  }                                          \
  G_STMT_END

static void
test_says(void)
{
  VnVirtSpec spec = box();
  g_autofree char *xml = vn_virt_domain_xml(&spec, &place, NULL);
  g_assert_nonnull(xml);
  assert_says(xml, "/domain/@type", "qemu");
  assert_says(xml, "/domain/name", "vnec-x");
  assert_says(xml, "/domain/memory", "98304");
  assert_says(xml, "/domain/vcpu", "2");
  assert_says(xml, "/domain/os/kernel", "/v/k");
  assert_says(xml, "/domain/os/cmdline", "quiet");
  assert_says(xml, "/domain/on_reboot", "destroy");
  assert_says(xml, "count(/domain/devices/disk)", "0");
  assert_says(xml, "/domain/devices/channel/source/@path", "/v/3/agent");
  assert_says(xml, "/domain/devices/channel/target/@name", "vnec.0");
  /* No network card but ours, which end at UNIX sockets. */
  assert_says(xml, "count(/domain/devices/interface)", "0");
  assert_says(xml, "count(/domain/q:commandline/q:arg)", "8");
  assert_says(xml, "/domain/q:commandline/q:arg[6]/@value",
              "stream,id=hub1,server=on,addr.type=unix,addr.path=/v/3/nic1");
  assert_says(xml, "/domain/q:commandline/q:arg[8]/@value",
              "virtio-net-pci,netdev=hub1,id=nic1,mac=02:00:00:00:00:ff,romfile=,bus=pci.0,"
              "addr=0x5");
}

static void
test_restored(void)
{
  VnVirtSpec spec = box();
  VnVirtPlace with = place;
  with.restored = TRUE;
  g_autofree char *pc = vn_virt_domain_xml(&spec, &with, NULL);
  assert_says(pc, "count(/domain/os/kernel) + count(/domain/os/initrd) + count(/domain/os/cmdline)",
              "0");
  spec.arch = (char *)"aarch64"; /* where the kernel is part of what makes the machine */
  g_autofree char *other = vn_virt_domain_xml(&spec, &with, NULL);
  assert_says(other, "/domain/os/kernel", "/v/k");
}

static void
test_folder(void)
{
  VnVirtSpec spec = box();
  VnVirtPlace with = place;
  spec.folder = TRUE;
  with.share = "/proc/1/fd/9";
  g_autofree char *xml = vn_virt_domain_xml(&spec, &with, NULL);
  assert_says(xml, "/domain/devices/filesystem/source/@dir", "/proc/1/fd/9");
  assert_says(xml, "/domain/devices/filesystem/target/@dir", "vnec");
  assert_says(xml, "/domain/devices/filesystem/@accessmode", "squash");
  /* A folder instead of a port, not beside it. */
  assert_says(xml, "count(/domain/devices/filesystem)", "1");
  assert_says(xml, "count(/domain/devices/channel)", "0");
  assert_says(xml, "count(/domain/devices/controller[@type='virtio-serial'])", "0");
  g_autofree char *key = vn_virt_domain_key(&spec, FALSE, "1", "", NULL);
  spec.folder = FALSE;
  g_autofree char *port = vn_virt_domain_key(&spec, FALSE, "1", "", NULL);
  g_assert_cmpstr(key, !=, port);
}

static void
test_disk(void)
{
  VnVirtSpec spec = box();
  VnVirtPlace with = place;
  with.files[VN_VIRT_FILE_kernel] = with.files[VN_VIRT_FILE_initrd] = NULL;
  with.files[VN_VIRT_FILE_disk] = "/v/3/disk.1";
  with.kvm = TRUE;
  g_autofree char *xml = vn_virt_domain_xml(&spec, &with, NULL);
  assert_says(xml, "/domain/@type", "kvm");
  assert_says(xml, "/domain/cpu/@mode", "host-passthrough");
  assert_says(xml, "/domain/os/boot/@dev", "hd");
  assert_says(xml, "count(/domain/os/kernel)", "0");
  assert_says(xml, "/domain/devices/disk/source/@file", "/v/3/disk.1");
  assert_says(xml, "/domain/devices/disk/target/@bus", "virtio");
  spec.bus = (char *)"ide";
  g_autofree char *old = vn_virt_domain_xml(&spec, &with, NULL);
  assert_says(old, "/domain/devices/disk/target/@bus", "ide");
  g_autofree char *snapshot = vn_virt_snapshot_xml(&spec, "/v/3/memory.1", "/v/3/disk.2");
  assert_says(snapshot, "/domainsnapshot/memory/@file", "/v/3/memory.1");
  assert_says(snapshot, "/domainsnapshot/disks/disk/@name", "hda");
  assert_says(snapshot, "/domainsnapshot/disks/disk/source/@file", "/v/3/disk.2");
}

static void
test_no_markup(void)
{
  static const char evil[] = "a'\"</title><qemu:commandline><qemu:arg value='-S'/>&amp;";
  VnVirtSpec spec = box();
  spec.name = spec.append = (char *)evil;
  g_autofree char *xml = vn_virt_domain_xml(&spec, &place, NULL);
  assert_says(xml, "/domain/title", evil);
  assert_says(xml, "/domain/os/cmdline", evil);
  assert_says(xml, "count(//q:arg)", "8");
}

static void
test_refuses(void)
{
  g_autoptr(GError) error = NULL;
  VnVirtSpec spec = box();
  spec.arch = (char *)"pdp11";
  g_assert_null(vn_virt_domain_xml(&spec, &place, &error));
  g_assert_nonnull(strstr(error->message, "pdp11"));
  g_clear_error(&error);
  spec.arch = (char *)"s390x";
  spec.nic = (char *)"e1000";
  g_assert_null(vn_virt_domain_xml(&spec, &place, &error));
  g_assert_nonnull(strstr(error->message, "e1000"));
}

static char *
key_of(const VnVirtSpec *spec, gboolean kvm, const char *versions, const char *salt)
{
  char *key = vn_virt_domain_key(spec, kvm, versions, salt, NULL);
  g_assert_cmpuint(strlen(key), ==, 64);
  return key;
}

/* All that a ready state depends on is in its key; who runs it and where is not. */
static void
test_key(void)
{
  VnVirtSpec spec = box(), other = box();
  g_autofree char *key = key_of(&spec, FALSE, "v", "");
  other.id = 4;
  g_autofree char *same = key_of(&other, FALSE, "v", "");
  g_assert_cmpstr(key, ==, same);
  VnVirtSpec changed[] = {box(), box(), box(), box(), box(), box(), box()};
  changed[0].macs[1]++;
  changed[1].n_macs--;
  changed[2].append = (char *)"quiet x";
  changed[3].content = (char *)"c0ffef";
  changed[4].memory += 1 << 20;
  changed[5].cpus = 1;
  changed[6].snapshot = (char *)"s";
  for (guint i = 0; i < G_N_ELEMENTS(changed); i++) {
    g_autofree char *another = key_of(&changed[i], FALSE, "v", "");
    g_assert_cmpstr(key, !=, another);
  }
  g_autofree char *kvm = key_of(&spec, TRUE, "v", "");
  g_autofree char *newer = key_of(&spec, FALSE, "w", "");
  g_autofree char *apart = key_of(&spec, FALSE, "v", "s");
  g_assert_cmpstr(key, !=, kvm);
  g_assert_cmpstr(key, !=, newer);
  g_assert_cmpstr(key, !=, apart);
  char uuid[37];
  vn_virt_domain_uuid(key, uuid);
  g_assert_true(g_uuid_string_is_valid(uuid));
}

/* What is sent is what arrives; what is no machine is refused. */
static void
test_spec(void)
{
  VnVirtSpec spec = box();
  g_auto(VnVirtSpec) back = {0}, none = {0}, tiny = {0};
  g_autoptr(GVariant) packed = g_variant_ref_sink(vn_virt_spec_pack(&spec));
  g_assert_true(vn_virt_spec_unpack(packed, &back, NULL));
  g_autofree char *a = vn_virt_domain_xml(&spec, &place, NULL);
  g_autofree char *b = vn_virt_domain_xml(&back, &place, NULL);
  g_assert_cmpstr(a, ==, b);
  g_assert_cmpstr(back.files[VN_VIRT_FILE_initrd], ==, "/i");
  g_assert_null(back.files[VN_VIRT_FILE_disk]);
  g_autoptr(GVariant) empty = g_variant_ref_sink(g_variant_new("a{sv}", NULL));
  g_assert_false(vn_virt_spec_unpack(empty, &none, NULL));
  spec.memory = 1 << 20;
  g_autoptr(GVariant) small = g_variant_ref_sink(vn_virt_spec_pack(&spec));
  g_assert_false(vn_virt_spec_unpack(small, &tiny, NULL));
}

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/domain/says", test_says);
  g_test_add_func("/domain/restored", test_restored);
  g_test_add_func("/domain/folder", test_folder);
  g_test_add_func("/domain/disk", test_disk);
  g_test_add_func("/domain/no-markup", test_no_markup);
  g_test_add_func("/domain/refuses", test_refuses);
  g_test_add_func("/domain/key", test_key);
  g_test_add_func("/domain/spec", test_spec);
  return g_test_run();
}
