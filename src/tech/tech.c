/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The table of technologies, and the keys that an image of each may bear.
 *
 * Keys that every image has (`technology`, `os`, `memory`, `cpus`) are properties of the language
 * and not listed. A technology's keys are a promise of its driver: what stands here it reads. */
#include "tech/tech.h"

#include <string.h>

#define TEXT(key, required, help)               \
  {                                             \
    key, VN_TECH_KEY_TEXT, NULL, required, help \
  }
#define FILE_(key, help)                         \
  {                                              \
    key, VN_TECH_KEY_FILE, NULL, FALSE, help     \
  }
#define WORD(key, words, help)                \
  {                                           \
    key, VN_TECH_KEY_WORD, words, FALSE, help \
  }

static const VnTechKey keys_NETNS[] = {};

static const VnTechKey keys_SIM[] = {
    {"boot", VN_TECH_KEY_DURATION, NULL, FALSE, "time from power_on to a ready agent"},
    {"duration", VN_TECH_KEY_DURATION, NULL, FALSE, "time that each task takes"},
    {"jitter", VN_TECH_KEY_DURATION, NULL, FALSE, "most that those times vary, each way"},
    {"failure", VN_TECH_KEY_PERCENT, NULL, FALSE, "share of tasks that fail"},
    TEXT("script", FALSE, "file that says how tasks end and machines behave, by line"),
};

static const VnTechKey keys_QEMU[] = {
    TEXT("vm", FALSE, "name of an image of `vnec image`"),
    FILE_("disk", "disk image, which is only read"),
    FILE_("kernel", "kernel to boot without a boot loader"),
    FILE_("initrd", "initial RAM disk of the kernel"),
    TEXT("append", FALSE, "command line of the kernel"),
    TEXT("snapshot", FALSE, "snapshot within the qcow2 disk that is its clean state"),
    TEXT("machine", FALSE, "QEMU's machine type, if not the processor's usual one"),
    TEXT("uri", FALSE, "libvirt's address, if not an own libvirt without daemon"),
    {"ready_within", VN_TECH_KEY_DURATION, NULL, FALSE, "time in which its agent must answer"},
    {"keep_ready", VN_TECH_KEY_BOOL, NULL, FALSE, "false: boot each time"},
    WORD("channel", "stream folder", "how its agent is spoken with: a port, or a shared folder"),
    WORD("format", "qcow2 raw", "format of the disk image"),
    WORD("arch", "x86_64 i386 aarch64 armv7l s390x ppc64le mips mipsel mips64el", "processor"),
    WORD("bus", "virtio ide", "how the disk is attached"),
    WORD("nic", "virtio e1000 pcnet rtl8139", "network card"),
};

static const VnTechKey keys_LXC[] = {
    FILE_("rootfs", "folder that is its root, which is only read"),
    {"ready_within", VN_TECH_KEY_DURATION, NULL, FALSE,
     "how long its first process may take to answer"},
};

static const VnTechKey keys_UML[] = {
    TEXT("kernel", FALSE, "the linux binary"),
    TEXT("rootfs", FALSE, "file system image"),
    TEXT("initrd", FALSE, "initial RAM disk"),
};

static const VnTechKey keys_VMWARE[] = {
    TEXT("vm", TRUE, "the .vmx file, as the site's inventory names it"),
    TEXT("snapshot", FALSE, "name of the snapshot that is its clean state"),
};

static const VnTechKey keys_VIRTUALBOX[] = {
    TEXT("vm", TRUE, "name or UUID of the machine"),
    TEXT("snapshot", FALSE, "name of the snapshot that is its clean state"),
};

static const VnTechKey keys_VIRTUALPC[] = {
    TEXT("vm", TRUE, "the .vmc file, as the site's inventory names it"),
};

static const VnTech techs[] = {
#define VN_TECH(id, name, title, os, can, router_ifaces, segments, hosts, available) \
  [VN_TECH_##id] = {name,     title, os,        can,       router_ifaces,            \
                    segments, hosts, available, keys_##id, G_N_ELEMENTS(keys_##id)},
#include "tech/tech.def"
#undef VN_TECH
};

const VnTech *
vn_tech(VnTechId id)
{
  g_assert(id < VN_TECH_COUNT);
  return &techs[id];
}

VnTechId
vn_tech_from_name(const char *name)
{
  for (guint id = 0; id < VN_TECH_COUNT; id++)
    if (strcmp(techs[id].name, name) == 0)
      return (VnTechId)id;
  return VN_TECH_COUNT;
}

static const struct {
  VnTechCan can;
  const char *text;
} abilities[] = {
#define VN_ABILITY(id, text) {VN_CAN_##id, text},
#include "tech/ability.def"
#undef VN_ABILITY
};

/* QEMU can't save the memory of a guest that has a share of 9p mounted. */
static const struct {
  VnTechId tech;
  const char *key, *word;
  guint forgone;
} prices[] = {
    {VN_TECH_QEMU, "channel", "folder", VN_CAN_SNAPSHOT | VN_CAN_SNAPSHOT_MEMORY},
};

guint
vn_tech_forgone(VnTechId id, const char *key, const char *word)
{
  guint forgone = 0;
  for (gsize i = 0; i < G_N_ELEMENTS(prices); i++)
    if (prices[i].tech == id && strcmp(prices[i].key, key) == 0 &&
        strcmp(prices[i].word, word) == 0)
      forgone |= prices[i].forgone;
  return forgone;
}

const char *
vn_tech_can_text(VnTechCan can)
{
  for (gsize i = 0; i < G_N_ELEMENTS(abilities); i++)
    if (abilities[i].can == can)
      return abilities[i].text;
  return "do that";
}
