/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The list is written here and nowhere else: a driver that is not in it is not in the program. */
#include "slave/registry.h"

#include "drivers/libvirt/libvirt.h"
#include "drivers/netns/netns.h"

const VnDriver *const *
vn_registry(gsize *out_n)
{
  static const VnDriver *const drivers[] = {&vn_driver_netns, &vn_driver_qemu, &vn_driver_lxc};
  *out_n = G_N_ELEMENTS(drivers);
  return drivers;
}
