/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Interfaces have the names that the guest's kernel and system gave them; frames name them by their
 * place in the VM (eth0, eth1 …) and say which MAC address each has. */
#define _GNU_SOURCE
#include "guest/router/router.h"

#include <errno.h>
#include <net/if.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

typedef struct {
  char name[IFNAMSIZ], real[IFNAMSIZ];
} Iface;

static Iface ifaces[VN_ROUTER_IFACES_MAX];
static unsigned n_ifaces;

static int
digit(char c)
{
  if (c >= '0' && c <= '9')
    return c - '0';
  c |= 0x20;
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

int
vn_iface_parse_mac(const char *text, uint8_t out[6])
{
  if (strlen(text) != 17)
    return -1;
  for (unsigned i = 0; i < 6; i++) {
    int high = digit(text[3 * i]), low = digit(text[3 * i + 1]);
    if (high < 0 || low < 0 || (i < 5 && text[3 * i + 2] != ':'))
      return -1;
    out[i] = (uint8_t)(high << 4 | low);
  }
  return 0;
}

static int
has_mac(int socket_, const char *real, const uint8_t mac[6])
{
  struct ifreq request;
  memset(&request, 0, sizeof request);
  strncpy(request.ifr_name, real, IFNAMSIZ - 1);
  return ioctl(socket_, SIOCGIFHWADDR, &request) == 0 &&
         memcmp(request.ifr_hwaddr.sa_data, mac, 6) == 0;
}

/* out: IFNAMSIZ bytes. */
static int
find_mac(const uint8_t mac[6], char *out)
{
  int socket_ = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  struct if_nameindex *all = socket_ < 0 ? NULL : if_nameindex();
  int error = ENODEV;
  for (struct if_nameindex *at = all; at != NULL && at->if_name != NULL && error != 0; at++)
    if (has_mac(socket_, at->if_name, mac)) {
      memset(out, 0, IFNAMSIZ);
      strncpy(out, at->if_name, IFNAMSIZ - 1);
      error = 0;
    }
  if (all != NULL)
    if_freenameindex(all);
  if (socket_ >= 0)
    close(socket_);
  return error;
}

static Iface *
find(const char *name)
{
  for (unsigned i = 0; i < n_ifaces; i++)
    if (vn_text_equal(ifaces[i].name, name))
      return &ifaces[i];
  return NULL;
}

int
vn_iface_note(const char *name, const char *mac)
{
  uint8_t bytes[6];
  char real[IFNAMSIZ];
  if (vn_iface_parse_mac(mac, bytes) < 0 || strlen(name) >= IFNAMSIZ)
    return EINVAL;
  int error = find_mac(bytes, real);
  Iface *iface = find(name);
  if (error == 0 && iface == NULL && n_ifaces == VN_ROUTER_IFACES_MAX)
    error = ENOSPC;
  if (error != 0)
    return error;
  if (iface == NULL)
    iface = &ifaces[n_ifaces++];
  strcpy(iface->name, name);
  memcpy(iface->real, real, sizeof real);
  return 0;
}

const char *
vn_iface_real(const char *name)
{
  const Iface *iface = find(name);
  return iface != NULL ? iface->real : name;
}
