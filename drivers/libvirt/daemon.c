/* SPDX-License-Identifier: GPL-3.0-or-later */
/* See daemon.h. It is given its driver for containers and no other: those for networks and storage
 * would do things at their start that nobody here wants. */
#include "drivers/libvirt/daemon.h"

#include <errno.h>
#include <glob.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "drivers/libvirt/message.h"
#include "drivers/libvirt/nest.h"

#define DRIVERS    VN_VIRT_HOME "/drivers"
#define LOG        VN_VIRT_HOME "/libvirtd.log"
#define LOOK_US    5000u
#define PATIENCE_S 60
#define SAID_MAX   300u /* bytes of its log in an error */

/* The one for containers alone, of newer libvirts, first. */
static const struct {
  const char *program, *socket;
} daemons[] = {{"/usr/sbin/virtlxcd", "/run/libvirt/virtlxcd-sock"},
               {"/usr/sbin/libvirtd", "/run/libvirt/libvirt-sock"}};

static int
find_daemon(void)
{
  for (guint i = 0; i < G_N_ELEMENTS(daemons); i++)
    if (access(daemons[i].program, X_OK) == 0)
      return (int)i;
  return -1;
}

/* Where distributions put it. */
static char *
find_driver(void)
{
  static const char *const patterns[] = {
      "/usr/lib/*/libvirt/connection-driver/libvirt_driver_lxc.so",
      "/usr/lib64/libvirt/connection-driver/libvirt_driver_lxc.so",
      "/usr/lib/libvirt/connection-driver/libvirt_driver_lxc.so"};
  char *found = NULL;
  for (guint i = 0; found == NULL && i < G_N_ELEMENTS(patterns); i++) {
    glob_t paths = {0};
    if (glob(patterns[i], 0, NULL, &paths) == 0 && paths.gl_pathc > 0)
      found = g_strdup(paths.gl_pathv[0]);
    globfree(&paths);
  }
  return found;
}

gboolean
vn_virt_daemon_check(void)
{
  g_autofree char *driver = find_driver();
  return find_daemon() >= 0 && driver != NULL;
}

static gboolean
write_settings(GError **error)
{
  g_autofree char *uuid = g_uuid_string_random();
  g_autofree char *text =
      g_strdup_printf("auth_unix_rw = \"none\"\nauth_unix_ro = \"none\"\n"
                      "unix_sock_rw_perms = \"0700\"\nunix_sock_ro_perms = \"0700\"\n"
                      "host_uuid = \"%s\"\nlog_outputs = \"3:file:" LOG "\"\n",
                      uuid);
  g_autofree char *driver = find_driver();
  if (driver == NULL)
    return vn_virt_fail(error, ENOENT, "libvirt's driver for containers");
  if (mkdir(DRIVERS, 0755) != 0 || symlink(driver, DRIVERS "/libvirt_driver_lxc.so") != 0)
    return vn_virt_fail(error, errno, "making " DRIVERS);
  return g_file_set_contents("/etc/libvirt/libvirtd.conf", text, -1, error) &&
         g_file_set_contents("/etc/libvirt/virtlxcd.conf", text, -1, error) &&
         g_file_set_contents("/etc/libvirt/lxc.conf", "security_driver = \"none\"\n", -1, error);
}

static gboolean
listens(const char *path)
{
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  g_strlcpy(address.sun_path, path, sizeof address.sun_path);
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  gboolean there = fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof address) == 0;
  if (fd >= 0)
    (void)close(fd); /* it was only to see */
  return there;
}

static gboolean
fail(GError **error, const char *what)
{
  g_autofree char *log = NULL;
  const char *said = "";
  if (g_file_get_contents(LOG, &log, NULL, NULL)) {
    g_strchomp(log);
    const char *line = strrchr(log, '\n');
    said = line != NULL ? line + 1 : log;
  }
  g_set_error(error, VN_DRIVER_ERROR, VN_DRIVER_ERROR_FAILED, "libvirtd %s%s%.*s", what,
              *said != '\0' ? "; its log ends with: " : "", (int)SAID_MAX, said);
  return FALSE;
}

gboolean
vn_virt_daemon_start(GError **error)
{
  int which = find_daemon();
  if (which < 0)
    return vn_virt_fail(error, ENOENT, "libvirtd");
  if (!write_settings(error))
    return FALSE;
  const char *arguments[] = {daemons[which].program, NULL};
  g_auto(GStrv) environment = g_get_environ();
  environment = g_environ_setenv(environment, "LIBVIRT_DRIVER_DIR", DRIVERS, TRUE);
  environment = g_environ_setenv(environment, "PATH", "/usr/sbin:/usr/bin:/sbin:/bin", TRUE);
  GPid pid;
  if (!g_spawn_async("/", (char **)arguments, environment, G_SPAWN_DO_NOT_REAP_CHILD, NULL, NULL,
                     &pid, error))
    return FALSE;
  for (gint64 end = g_get_monotonic_time() + PATIENCE_S * G_USEC_PER_SEC;
       !listens(daemons[which].socket); g_usleep(LOOK_US)) {
    if (waitpid(pid, NULL, WNOHANG) == pid)
      return fail(error, "ended at its start");
    if (g_get_monotonic_time() > end)
      return fail(error, "does not listen");
  }
  return TRUE;
}
