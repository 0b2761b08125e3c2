/* SPDX-License-Identifier: GPL-3.0-or-later */
/* See guest.h. */
#include "drivers/libvirt/guest.h"

#include <unistd.h>

/* One of both. */
struct VnVirtGuest {
  VnVirtMachine *machine;
  VnVirtContainer *container;
};

VnVirtGuest *
vn_virt_guest_new(VnVirtHost *host, VnVirtSpec *spec, int *fds, GError **error)
{
  VnVirtMachine *machine = NULL;
  VnVirtContainer *container = NULL;
  if (host->containers)
    container = vn_virt_container_new(host, spec, fds, error);
  else
    machine = vn_virt_machine_new(host, spec, fds, error);
  if (machine == NULL && container == NULL)
    return NULL;
  VnVirtGuest *guest = g_new0(VnVirtGuest, 1);
  *guest = (VnVirtGuest){machine, container};
  return guest;
}

void
vn_virt_guest_share(VnVirtGuest *guest, int folder)
{
  if (guest->machine != NULL)
    vn_virt_machine_share(guest->machine, folder);
  else
    (void)close(folder); /* a handle only */
}

void
vn_virt_guest_free(VnVirtGuest *guest)
{
  if (guest == NULL)
    return;
  vn_virt_machine_free(guest->machine);
  vn_virt_container_free(guest->container);
  g_free(guest);
}

const char *
vn_virt_guest_uuid(const VnVirtGuest *guest)
{
  return guest->machine != NULL ? vn_virt_machine_uuid(guest->machine)
                                : vn_virt_container_uuid(guest->container);
}

guint32
vn_virt_guest_id(const VnVirtGuest *guest)
{
  return guest->machine != NULL ? vn_virt_machine_id(guest->machine)
                                : vn_virt_container_id(guest->container);
}

gboolean
vn_virt_guest_on(VnVirtGuest *guest, VnVirtLife *life, GError **error)
{
  return guest->machine != NULL ? vn_virt_machine_on(guest->machine, life, error)
                                : vn_virt_container_on(guest->container, life, error);
}

gboolean
vn_virt_guest_off(VnVirtGuest *guest, gboolean keep_disk, GError **error)
{
  return guest->machine != NULL ? vn_virt_machine_off(guest->machine, keep_disk, error)
                                : vn_virt_container_off(guest->container, keep_disk, error);
}

gboolean
vn_virt_guest_suspend(VnVirtGuest *guest, GError **error)
{
  return guest->machine != NULL ? vn_virt_machine_suspend(guest->machine, error)
                                : vn_virt_container_suspend(guest->container, error);
}

gboolean
vn_virt_guest_resume(VnVirtGuest *guest, GError **error)
{
  return guest->machine != NULL ? vn_virt_machine_resume(guest->machine, error)
                                : vn_virt_container_resume(guest->container, error);
}

gboolean
vn_virt_guest_snapshot(VnVirtGuest *guest, const char *name, GError **error)
{
  return guest->machine != NULL ? vn_virt_machine_snapshot(guest->machine, name, error)
                                : vn_virt_container_snapshot(guest->container, name, error);
}

gboolean
vn_virt_guest_revert(VnVirtGuest *guest, const char *name, VnVirtLife *life, GError **error)
{
  return guest->machine != NULL ? vn_virt_machine_revert(guest->machine, name, life, error)
                                : vn_virt_container_revert(guest->container, name, life, error);
}

char *
vn_virt_guest_stopped(VnVirtGuest *guest, int detail)
{
  return guest->machine != NULL ? vn_virt_machine_stopped(guest->machine, detail)
                                : vn_virt_container_stopped(guest->container);
}

gboolean
vn_virt_guest_is_on(const VnVirtGuest *guest)
{
  return guest->machine != NULL ? vn_virt_machine_is_on(guest->machine)
                                : vn_virt_container_is_on(guest->container);
}

gboolean
vn_virt_guest_drown(VnVirtGuest *guest, const char *why)
{
  return guest->machine != NULL && vn_virt_machine_drown(guest->machine, why);
}

void
vn_virt_guest_surface(VnVirtGuest *guest)
{
  if (guest->machine != NULL)
    vn_virt_machine_surface(guest->machine);
}

guint64
vn_virt_guest_used(const VnVirtGuest *guest)
{
  return guest->machine != NULL ? vn_virt_machine_used(guest->machine) : 0;
}

gboolean
vn_virt_guest_abandon(VnVirtGuest *guest)
{
  return guest->machine != NULL ? vn_virt_machine_abandon(guest->machine)
                                : vn_virt_container_abandon(guest->container);
}

gboolean
vn_virt_guest_prove(VnVirtGuest *guest, GError **error)
{
  return guest->machine != NULL ? vn_virt_machine_prove(guest->machine, error)
                                : vn_virt_container_prove(guest->container, error);
}
