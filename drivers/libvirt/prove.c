/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A nest has a network namespace of its own with nothing in it but a loopback that is down: then
 * no process in it, however wicked, has a way to any network but the descriptors that it was given,
 * which the slave made and knows. So the proof looks at the namespace and not at each machine.
 */
#include "drivers/libvirt/prove.h"

#include <libxml/parser.h>
#include <net/if.h>
#include <string.h>

static gboolean
fail(GError **error, const char *format, const char *what)
{
  g_set_error(error, VN_DRIVER_ERROR, VN_DRIVER_ERROR_FAILED, format, what);
  return FALSE;
}

/* TRUE if a file of /proc/net has no more than its headings. */
static gboolean
is_empty(const char *path, guint headings)
{
  g_autofree char *text = NULL;
  if (!g_file_get_contents(path, &text, NULL, NULL))
    return TRUE; /* a kernel without the protocol */
  g_auto(GStrv) lines = g_strsplit(g_strchomp(text), "\n", -1);
  return g_strv_length(lines) <= headings;
}

gboolean
vn_virt_prove_devices(const char *xml, GError **error)
{
  static const char *const ways[] = {"interface", "hostdev", "filesystem", "redirdev", "vsock"};
  xmlDoc *parsed = xmlReadMemory(xml, (int)strlen(xml), NULL, NULL, XML_PARSE_NONET);
  const xmlNode *root = parsed != NULL ? xmlDocGetRootElement(parsed) : NULL;
  const char *found = root == NULL ? "devices that can't be read" : NULL;
  for (const xmlNode *part = root != NULL ? root->children : NULL; part != NULL; part = part->next)
    for (const xmlNode *device = part->children; device != NULL; device = device->next)
      for (guint i = 0; i < G_N_ELEMENTS(ways); i++)
        if (device->type == XML_ELEMENT_NODE && strcmp((const char *)device->name, ways[i]) == 0)
          found = ways[i];
  xmlFreeDoc(parsed);
  return found == NULL || fail(error, "not confined: libvirt gave a machine a device: %s", found);
}

gboolean
vn_virt_prove(const VnVirtHost *host, guint on, GPtrArray *out_facts, GError **error)
{
  static const char *const sockets[] = {"tcp", "udp", "raw", "tcp6", "udp6", "raw6", "packet"};
  if (!host->nested) {
    g_ptr_array_add(out_facts,
                    g_strdup_printf("%u virtual machines of %s: no network card, device or folder "
                                    "of its own in their domains",
                                    on, host->uri));
    g_ptr_array_add(out_facts, g_strdup_printf("not proved: what their emulators could reach, "
                                               "which %s confines as it likes",
                                               host->uri));
    return TRUE;
  }
  struct if_nameindex *links = if_nameindex();
  guint n = 0;
  while (links != NULL && links[n].if_index != 0)
    n++;
  gboolean alone = n == 1 && strcmp(links[0].if_name, "lo") == 0;
  if (links != NULL)
    if_freenameindex(links);
  if (!alone)
    return fail(error, "not confined: the machines' network namespace has %s",
                n == 0 ? "links that can't be seen" : "links besides lo");
  if (!is_empty("/proc/net/route", 1))
    return fail(error, "not confined: the machines' network namespace has %s", "routes");
  for (guint i = 0; i < G_N_ELEMENTS(sockets); i++) {
    g_autofree char *path = g_strconcat("/proc/net/", sockets[i], NULL);
    if (!is_empty(path, 1))
      return fail(error, "not confined: a process of the machines has sockets of %s", sockets[i]);
  }
  g_ptr_array_add(out_facts,
                  g_strdup_printf("%u %s in namespaces of their own: no link but lo, no route, no "
                                  "network socket%s",
                                  on, host->containers ? "containers" : "virtual machines",
                                  host->containers ? " around them; in each no link but lo and the "
                                                     "hub's, and a root that is nobody's"
                                                   : ""));
  return TRUE;
}
