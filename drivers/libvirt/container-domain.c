/* SPDX-License-Identifier: GPL-3.0-or-later */
/* See container-domain.h. There is no interface in it: libvirt would make links between the nest
 * and the container, and here they are made in the container alone (container-net.h). */
#include "drivers/libvirt/container-domain.h"

#include <sys/stat.h>

#include "drivers/libvirt/den.h"

#define AGENTS    "/vnec" /* in the container */
#define PERIOD_US 100000u /* in which a processor's share is counted */

/* Those of the machine that hold programs and libraries; what is a link there is one in the root.
 */
static const char *const system_folders[] = {"/usr",   "/bin",   "/sbin",  "/lib",
                                             "/lib32", "/lib64", "/libx32"};

static void add(GString *out, const char *format, ...) G_GNUC_PRINTF(2, 3);

/* Every %s is escaped, so that no name can become markup. */
static void
add(GString *out, const char *format, ...)
{
  va_list arguments;
  va_start(arguments, format);
  g_autofree char *text = g_markup_vprintf_escaped(format, arguments);
  va_end(arguments);
  g_string_append(out, text);
}

static void
add_folder(GString *out, const char *from, const char *to, gboolean read_only)
{
  add(out, "<filesystem type='mount'><source dir='%s'/><target dir='%s'/>", from, to);
  g_string_append(out, read_only ? "<readonly/></filesystem>" : "</filesystem>");
}

static void
add_init(GString *out, const VnVirtSpec *spec)
{
  add(out,
      "<os><type>exe</type><init>" AGENTS "/vnec-container-init</init>"
      "<initarg>%s</initarg><initarg>%u</initarg><initarg>" AGENTS "/%s</initarg>",
      spec->hostname, spec->processes, spec->router ? "vnec-router" : "vnec-taskrunner");
  for (guint i = 0; spec->words != NULL && spec->words[i] != NULL; i++)
    add(out, "<initarg>%s</initarg>", spec->words[i]);
  g_string_append(out, "</os>");
}

static void
add_system(GString *out)
{
  for (guint i = 0; i < G_N_ELEMENTS(system_folders); i++) {
    struct stat found;
    if (lstat(system_folders[i], &found) == 0 && S_ISDIR(found.st_mode))
      add_folder(out, system_folders[i], system_folders[i], TRUE);
  }
}

char *
vn_virt_container_xml(const VnVirtSpec *spec, const char *name, const char *uuid, const char *root,
                      gboolean usual)
{
  GString *out = g_string_new("<domain type='lxc'>");
  add(out, "<name>%s</name><uuid>%s</uuid><title>%s</title>", name, uuid, spec->name);
  if (spec->memory > 0)
    add(out, "<memory unit='KiB'>%" G_GINT64_FORMAT "</memory>", spec->memory / 1024);
  else /* libvirt wants a number: more than there is */
    g_string_append(out, "<memory unit='TiB'>1024</memory>");
  add(out, "<vcpu>%u</vcpu>", MAX(spec->cpus, 1));
  if (spec->cpus > 0)
    add(out, "<cputune><period>%u</period><quota>%u</quota></cputune>", PERIOD_US,
        PERIOD_US * spec->cpus);
  add_init(out, spec);
  add(out,
      "<idmap><uid start='0' target='%u' count='%u'/><gid start='0' target='%u' count='%u'/>"
      "</idmap><features><privnet/></features>",
      VN_VIRT_IDS_FIRST, VN_VIRT_IDS_COUNT, VN_VIRT_IDS_FIRST, VN_VIRT_IDS_COUNT);
  g_string_append(out, "<on_poweroff>destroy</on_poweroff><on_reboot>destroy</on_reboot>"
                       "<on_crash>destroy</on_crash><devices>");
  add_folder(out, root, "/", FALSE);
  if (usual)
    add_system(out);
  add_folder(out, VN_VIRT_DEN_AGENTS, AGENTS, TRUE);
  if (spec->router) /* for its external interface, which is a TUN device */
    g_string_append(out, "<hostdev mode='capabilities' type='misc'><source><char>/dev/net/tun"
                         "</char></source></hostdev>");
  g_string_append(out, "<console type='pty'/></devices></domain>");
  return g_string_free(out, FALSE);
}
