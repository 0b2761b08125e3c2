/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A MAC address for each interface: 02:VV:VV:VV:II:II, locally administered, of the VM's number and
 * the interface's place in it, so that a VM keeps its own while others come and go behind it. Where
 * that doesn't fit, or the script gave it to another, 06:… of the interface's number. */
#include "topology/internal.h"

#include <stdlib.h>

#define DERIVED ((guint64)0x02 << 40)
#define COUNTED ((guint64)0x06 << 40)
#define GROUP   ((guint64)0x01 << 40)

typedef struct {
  guint64 mac;
  guint32 iface;
} Given;

static int
compare_given(const void *a, const void *b)
{
  const Given *x = a, *y = b;
  if (x->mac != y->mac)
    return x->mac < y->mac ? -1 : 1;
  return (x->iface > y->iface) - (x->iface < y->iface);
}

static void
check_given(const VnCompletion *completion, const Given *given, gsize n)
{
  const VnTopology *topology = completion->topology;
  char text[VN_MAC_TEXT_MAX];
  for (gsize i = 0; i < n; i++) {
    const VnIface *iface = &topology->ifaces[given[i].iface];
    const char *name = topology->vms[iface->vm].name;
    vn_mac_format(given[i].mac, text);
    if ((given[i].mac & GROUP) != 0) {
      VnDiag *diag =
          vn_diag_add(completion->sink, VN_DIAG_VN210, iface->span,
                      "`%s` can't have the MAC address %s: it is of a group", name, text);
      vn_diag_hint(diag, "the first byte of an interface's own is even: 02:…");
    }
    if (i == 0 || given[i].mac != given[i - 1].mac)
      continue;
    const VnIface *other = &topology->ifaces[given[i - 1].iface];
    VnDiag *diag = vn_diag_add(completion->sink, VN_DIAG_VN209, iface->span,
                               "`%s` and `%s` have one MAC address, %s", name,
                               topology->vms[other->vm].name, text);
    vn_diag_place(diag, other->span, "the other is here");
  }
}

static gboolean
is_given(const GArray *given, guint64 mac)
{
  gsize from = 0, to = given->len;
  while (from < to) {
    gsize middle = (from + to) / 2;
    guint64 found = g_array_index(given, Given, middle).mac;
    if (found == mac)
      return TRUE;
    if (found < mac)
      from = middle + 1;
    else
      to = middle;
  }
  return FALSE;
}

/* Ends: each attempt of each interface is another number, and the given ones are finite. */
static guint64
derive(const VnTopology *topology, guint32 number, const GArray *given)
{
  guint32 vm = topology->ifaces[number].vm;
  guint32 place = number - topology->vms[vm].first_iface;
  if (vm < 1u << 24 && place < 1u << 16) {
    guint64 mac = DERIVED | (guint64)vm << 16 | place;
    if (!is_given(given, mac))
      return mac;
  }
  guint64 mac = COUNTED | number;
  while (is_given(given, mac))
    mac += topology->n_ifaces;
  return mac;
}

void
vn_completion_set_macs(VnCompletion *completion)
{
  VnTopology *topology = completion->topology;
  g_autoptr(GArray) given = g_array_new(FALSE, FALSE, sizeof(Given));
  for (guint32 i = 0; i < topology->n_ifaces; i++) {
    Given item = {topology->ifaces[i].mac, i};
    if (item.mac != 0)
      g_array_append_val(given, item);
  }
  if (given->len > 1)
    qsort(given->data, given->len, sizeof(Given), compare_given);
  check_given(completion, (const Given *)given->data, given->len);
  for (guint32 i = 0; i < topology->n_ifaces; i++)
    if (topology->ifaces[i].mac == 0)
      topology->ifaces[i].mac = derive(topology, i, given);
}
