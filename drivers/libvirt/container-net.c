/* SPDX-License-Identifier: GPL-3.0-or-later */
/* See container-net.h. All is done in a thread of its own, which enters the namespace and ends
 * there: a TAP belongs to the namespace in which its file was opened. */
#include "drivers/libvirt/container-net.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <linux/nsfs.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <sched.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#define OFFLOADS (TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6)

typedef struct {
  int space; /* -1: one of its own */
  const VnVirtSpec *spec;
  int *fds;
  gboolean done;
  GError **error;
} Work;

static gboolean
enter(const Work *work)
{
  int result = work->space < 0 ? unshare(CLONE_NEWNET) : setns(work->space, CLONE_NEWNET);
  return result == 0 ||
         vn_virt_fail(work->error, errno, "entering the container's network namespace");
}

static gboolean
in_space(GThreadFunc func, Work *work)
{
  g_thread_join(g_thread_new("space", func, work));
  return work->done;
}

/* ---- making ---- */

static void
write_setting(const char *path, const char *value)
{
  int fd = open(path, O_WRONLY | O_CLOEXEC);
  if (fd < 0)
    return;                               /* a kernel without IPv6 */
  (void)!write(fd, value, strlen(value)); /* then the kernel has its own way */
  (void)close(fd);
}

static int
set_mac(const char *name, guint64 mac)
{
  struct ifreq request = {.ifr_hwaddr.sa_family = ARPHRD_ETHER};
  g_strlcpy(request.ifr_name, name, sizeof request.ifr_name);
  for (guint i = 0; i < 6; i++)
    request.ifr_hwaddr.sa_data[i] = (char)(mac >> (40 - 8 * i) & 0xff);
  int socket_ = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  int result = socket_ >= 0 && ioctl(socket_, SIOCSIFHWADDR, &request) == 0 ? 0 : errno;
  if (socket_ >= 0)
    (void)close(socket_); /* a handle only */
  return result;
}

static int
open_tap(const char *name)
{
  struct ifreq request = {.ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR};
  g_strlcpy(request.ifr_name, name, sizeof request.ifr_name);
  int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);
  if (fd < 0)
    return -1;
  if (ioctl(fd, TUNSETIFF, &request) == 0) {
    (void)ioctl(fd, TUNSETOFFLOAD, (unsigned long)OFFLOADS); /* else packets come small */
    return fd;
  }
  int errnum = errno;
  (void)close(fd); /* nothing was made */
  errno = errnum;
  return -1;
}

static gpointer
make_here(gpointer data)
{
  Work *work = data;
  const VnVirtSpec *spec = work->spec;
  if (!enter(work))
    return NULL;
  /* Addresses are given by topology, once each: there is nothing to detect or to announce. */
  write_setting("/proc/sys/net/ipv6/conf/default/accept_dad", "0");
  write_setting("/proc/sys/net/ipv6/conf/default/accept_ra", "0");
  if (!spec->six) /* no link-local address: 1 is IN6_ADDR_GEN_MODE_NONE */
    write_setting("/proc/sys/net/ipv6/conf/default/addr_gen_mode", "1");
  for (guint i = 0; i < spec->n_macs; i++) {
    char name[IFNAMSIZ];
    g_snprintf(name, sizeof name, "eth%u", i);
    work->fds[i] = open_tap(name);
    int result = work->fds[i] < 0 ? errno : set_mac(name, spec->macs[i]);
    if (result != 0) {
      vn_virt_fail(work->error, result, "making its interface %s", name);
      return NULL;
    }
  }
  work->done = TRUE;
  return NULL;
}

gboolean
vn_virt_taps_make(int space, const VnVirtSpec *spec, int *out_fds, GError **error)
{
  Work work = {.space = space, .spec = spec, .fds = out_fds, .error = error};
  for (guint i = 0; i < spec->n_macs; i++)
    out_fds[i] = -1;
  if (in_space(make_here, &work))
    return TRUE;
  for (guint i = 0; i < spec->n_macs; i++) {
    if (out_fds[i] >= 0)
      (void)close(out_fds[i]); /* its link goes with it */
    out_fds[i] = -1;
  }
  return FALSE;
}

gboolean
vn_virt_taps_check(GError **error)
{
  const VnVirtSpec one = {.macs = {0x020000000001}, .n_macs = 1};
  int fd;
  if (!vn_virt_taps_make(-1, &one, &fd, error)) {
    g_prefix_error(error, "containers need /dev/net/tun: ");
    return FALSE;
  }
  (void)close(fd); /* it was only to see */
  return TRUE;
}

/* ---- proof ---- */

/* What kernels put into every namespace; they lead nowhere by themselves. */
static const char *const usual[] = {"lo",      "tunl0",   "sit0",    "gre0",
                                    "gretap0", "erspan0", "ip_vti0", "ip6_vti0",
                                    "ip6tnl0", "ip6gre0", NULL};

static gboolean
is_own_link(const char *name, const VnVirtSpec *spec)
{
  if (g_strv_contains(usual, name) || (spec->router && strcmp(name, "ext0") == 0))
    return TRUE;
  for (guint i = 0; i < spec->n_macs; i++) {
    char own[IFNAMSIZ];
    g_snprintf(own, sizeof own, "eth%u", i);
    if (strcmp(name, own) == 0)
      return TRUE;
  }
  return FALSE;
}

/* The user namespace that a network namespace belongs to must not be ours, whose root is root. */
static gboolean
has_own_root(int space)
{
  struct stat own, its;
  int owner = ioctl(space, NS_GET_USERNS);
  if (owner < 0)
    return FALSE;
  gboolean known = fstat(owner, &its) == 0 && stat("/proc/self/ns/user", &own) == 0;
  (void)close(owner); /* a handle only */
  return known && (own.st_ino != its.st_ino || own.st_dev != its.st_dev);
}

static gpointer
prove_here(gpointer data)
{
  Work *work = data;
  if (!enter(work))
    return NULL;
  struct if_nameindex *links = if_nameindex();
  g_autofree char *strange = links == NULL ? g_strdup("links that can't be seen") : NULL;
  for (guint i = 0; links != NULL && links[i].if_index != 0; i++)
    if (strange == NULL && !is_own_link(links[i].if_name, work->spec))
      strange = g_strdup_printf("a link %s that nobody gave it", links[i].if_name);
  if (links != NULL)
    if_freenameindex(links);
  work->done = strange == NULL;
  if (!work->done)
    g_set_error(work->error, VN_DRIVER_ERROR, VN_DRIVER_ERROR_FAILED,
                "not confined: the container %s has %s", work->spec->name, strange);
  return NULL;
}

gboolean
vn_virt_taps_prove(int space, const VnVirtSpec *spec, GError **error)
{
  Work work = {.space = space, .spec = spec, .error = error};
  if (has_own_root(space))
    return in_space(prove_here, &work);
  g_set_error(error, VN_DRIVER_ERROR, VN_DRIVER_ERROR_FAILED,
              "not confined: root in the container %s is root of the machine", spec->name);
  return FALSE;
}
