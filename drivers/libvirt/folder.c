/* SPDX-License-Identifier: GPL-3.0-or-later */
/* See folder.h. Only who may mount can make a tmpfs, even one that is mounted nowhere: root as it
 * is, everybody else in a user namespace with nothing but the own id in it. Both the slave and the
 * nest must be able to write there, so it can't be made in the nest: of root's nests the slave's
 * id is no part.
 */
#include "drivers/libvirt/folder.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "drivers/libvirt/message.h"
#include "drivers/libvirt/nest.h"
#include "frame/spool.h"

/* Both windows, one file each that is just being written, and the session. */
#define FILES_MAX  (2 * (VN_SPOOL_WINDOW + 1) + 2)
#define BYTES_MAX  ((guint64)FILES_MAX * (VN_SPOOL_FILE + 4096))
#define ANSWER_FD  3
#define PATIENCE_S 30

/* ---- making one ---- */

static gboolean
write_file(const char *path, const char *text)
{
  int fd = open(path, O_WRONLY | O_CLOEXEC);
  if (fd < 0)
    return FALSE;
  gsize n = strlen(text);
  gboolean good = write(fd, text, n) == (gssize)n;
  return close(fd) == 0 && good;
}

static gboolean
enter_namespace(GError **error)
{
  g_autofree char *uids = g_strdup_printf("%u %u 1", (guint)geteuid(), (guint)geteuid());
  g_autofree char *gids = g_strdup_printf("%u %u 1", (guint)getegid(), (guint)getegid());
  return (unshare(CLONE_NEWUSER | CLONE_NEWNS) == 0 && write_file("/proc/self/setgroups", "deny") &&
          write_file("/proc/self/uid_map", uids) && write_file("/proc/self/gid_map", gids)) ||
         vn_virt_fail(error, errno, "making a namespace for the shared folder");
}

static gboolean
set_option(int context, const char *key, const char *value)
{
  return fsconfig(context, FSCONFIG_SET_STRING, key, value, 0) == 0;
}

/* It belongs to the machines' user; where that is not the own one. */
static void
set_owner(int context)
{
  g_autofree char *id = g_strdup_printf("%u", VN_VIRT_STRANGER);
  if (geteuid() == 0 && set_option(context, "uid", id))
    (void)set_option(context, "gid", id); /* where the one is, the other is */
}

static int
mount_nowhere(int context, GError **error)
{
  g_autofree char *size = g_strdup_printf("%" G_GUINT64_FORMAT, BYTES_MAX);
  g_autofree char *inodes = g_strdup_printf("%u", FILES_MAX + 1); /* and the folder itself */
  set_owner(context);
  if (!set_option(context, "size", size) || !set_option(context, "nr_inodes", inodes) ||
      !set_option(context, "mode", "0700") ||
      fsconfig(context, FSCONFIG_CMD_CREATE, NULL, NULL, 0) != 0) {
    vn_virt_fail(error, errno, "making the shared folder");
    return -1;
  }
  int mounted =
      fsmount(context, FSMOUNT_CLOEXEC,
              MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC | MOUNT_ATTR_NOSYMFOLLOW);
  int folder = mounted >= 0 ? openat(mounted, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
  if (folder < 0)
    vn_virt_fail(error, errno, "opening the shared folder");
  if (mounted >= 0)
    (void)close(mounted); /* what is open stays */
  return folder;
}

static int
make(GError **error)
{
  if (geteuid() != 0 && !enter_namespace(error))
    return -1;
  int context = fsopen("tmpfs", FSOPEN_CLOEXEC);
  if (context < 0) {
    vn_virt_fail(error, errno, "making the shared folder");
    return -1;
  }
  int folder = mount_nowhere(context, error);
  (void)close(context); /* it has done its work */
  return folder;
}

int
vn_virt_folder_serve(int socket)
{
  g_autoptr(GError) error = NULL;
  int folder = make(&error);
  GVariant *answer =
      g_variant_new("(uis@a{sv})", VN_VIRT_END, error != NULL ? error->code : -1,
                    error != NULL ? error->message : "", g_variant_new("a{sv}", NULL));
  gboolean sent = vn_virt_send(socket, answer, &folder, folder >= 0 ? 1 : 0, NULL);
  return sent ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* ---- asking for one ---- */

static int
take_answer(int socket, GError **error)
{
  g_auto(VnVirtMessage) message = {0};
  gint32 code;
  const char *text;
  if (!vn_virt_receive(socket, VN_VIRT_ANSWER, &message, error))
    return -1;
  g_variant_get(message.body, "(ui&s@a{sv})", NULL, &code, &text, NULL);
  if (code >= 0 || message.n_fds != 1) {
    g_set_error(error, VN_DRIVER_ERROR, CLAMP(code, 0, VN_DRIVER_ERROR_UNSUPPORTED), "%s", text);
    return -1;
  }
  int folder = message.fds[0];
  message.fds[0] = -1;
  return folder;
}

int
vn_virt_folder_ask(const char *program, GError **error)
{
  const char *arguments[] = {program, "--folder", G_STRINGIFY(ANSWER_FD), NULL};
  struct timeval patience = {.tv_sec = PATIENCE_S};
  const int target = ANSWER_FD;
  int sockets[2], folder = -1;
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets) != 0) {
    vn_virt_fail(error, errno, "making sockets for vnec-virt");
    return -1;
  }
  (void)setsockopt(sockets[0], SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  gboolean started = g_spawn_async_with_pipes_and_fds(
      NULL, arguments, NULL, G_SPAWN_STDOUT_TO_DEV_NULL | G_SPAWN_STDERR_TO_DEV_NULL, NULL, NULL,
      -1, -1, -1, &sockets[1], &target, 1, NULL, NULL, NULL, NULL, error);
  (void)close(sockets[1]); /* its */
  if (started)
    folder = take_answer(sockets[0], error);
  (void)close(sockets[0]); /* only read */
  return folder;
}
