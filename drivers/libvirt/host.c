/* SPDX-License-Identifier: GPL-3.0-or-later */
/* See host.h.
 *
 * libvirt starts QEMU as an orphan, and in a nest orphans become children of the nest's first
 * process, which this is. Until such a child is collected libvirt waits for it when it destroys
 * the machine, for seconds; but libvirt's other children (it asks QEMU for its abilities, it runs
 * helpers) must be left to libvirt. What tells them apart is the session: orphans were put into
 * one of their own, whose leader is gone.
 */
#include "drivers/libvirt/host.h"

#include <errno.h>
#include <glib-unix.h>
#include <libvirt-glib/libvirt-glib.h>
#include <libvirt/virterror.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "drivers/libvirt/abilities.h"
#include "drivers/libvirt/daemon.h"
#include "drivers/libvirt/kvm.h"

#define END_PATIENCE_MS 5000 /* for QEMU to close its disks; then libvirt sees to it */
#define SAID_MAX        400u /* bytes of a program's complaint */
#define KEEPALIVE_S     5    /* between questions whether libvirt is there */
#define KEEPALIVE_TRIES 6u

/* ---- children ---- */

static int reap_pipe[2] = {-1, -1};

static void
on_child(int number)
{
  int kept = errno;
  (void)!write(reap_pipe[1], "c", 1); /* full: it is known already */
  errno = kept;
}

/* Of a zombie that is a daemon's first process: not in our session and not leading its own. */
static gboolean
is_orphan(const char *pid)
{
  g_autofree char *path = g_strdup_printf("/proc/%s/stat", pid);
  g_autofree char *text = NULL;
  char state = 0;
  int parent = 0, group = 0, session = 0;
  if (!g_file_get_contents(path, &text, NULL, NULL))
    return FALSE;
  const char *after = strrchr(text, ')'); /* the name may hold anything */
  return after != NULL &&
         sscanf(after + 1, " %c %d %d %d", &state, &parent, &group, &session) == 4 &&
         state == 'Z' && parent == getpid() && session != getsid(0) && session != atoi(pid);
}

static gboolean
reap(int fd, GIOCondition condition, gpointer data)
{
  char bytes[64];
  while (read(fd, bytes, sizeof bytes) > 0)
    ;
  g_autoptr(GDir) folder = g_dir_open("/proc", 0, NULL);
  const char *name;
  while (folder != NULL && (name = g_dir_read_name(folder)) != NULL)
    if (g_ascii_isdigit(name[0]) && is_orphan(name))
      (void)waitpid(atoi(name), NULL, WNOHANG); /* it is dead */
  return G_SOURCE_CONTINUE;
}

static void
collect_orphans(void)
{
  struct sigaction action = {.sa_handler = on_child, .sa_flags = SA_RESTART | SA_NOCLDSTOP};
  if (!g_unix_open_pipe(reap_pipe, FD_CLOEXEC, NULL))
    return; /* destroying takes longer, then */
  (void)g_unix_set_fd_nonblocking(reap_pipe[0], TRUE, NULL);
  (void)g_unix_set_fd_nonblocking(reap_pipe[1], TRUE, NULL);
  g_unix_fd_add(reap_pipe[0], G_IO_IN, reap, NULL);
  (void)sigaction(SIGCHLD, &action, NULL); /* can't fail for this signal */
}

void
vn_virt_host_end(const VnVirtHost *host, const char *domain, int signal)
{
  g_autofree char *file = g_strdup_printf("%s/run/qemu/%s.pid", host->home, domain), *text = NULL;
  if (!host->nested || !g_file_get_contents(file, &text, NULL, NULL))
    return;
  pid_t pid = (pid_t)atoi(text);
  int fd = pid > 1 ? pidfd_open(pid, 0) : -1;
  if (fd < 0)
    return; /* it is gone */
  struct pollfd ended = {fd, POLLIN, 0};
  if (pidfd_send_signal(fd, signal, NULL, 0) == 0 && poll(&ended, 1, END_PATIENCE_MS) == 1)
    (void)waitpid(pid, NULL, 0); /* or the main thread was faster */
  (void)close(fd); /* it only watched */
}

/* ---- libvirt ---- */

static void
be_silent(gpointer data, virErrorPtr error)
{
}

void
vn_virt_host_prepare(gboolean nested)
{
  gvir_event_register();
  virSetErrorFunc(NULL, be_silent);
  if (nested)
    collect_orphans();
}

static VnDriverError
code_of(const virError *last)
{
  if (last == NULL)
    return VN_DRIVER_ERROR_FAILED;
  if (last->code == VIR_ERR_AUTH_FAILED || last->code == VIR_ERR_ACCESS_DENIED)
    return VN_DRIVER_ERROR_PRIVILEGE;
  if (last->code == VIR_ERR_NO_SUPPORT || last->code == VIR_ERR_CONFIG_UNSUPPORTED)
    return VN_DRIVER_ERROR_UNSUPPORTED;
  if (last->code == VIR_ERR_NO_MEMORY || strstr(last->message, "Cannot allocate memory") != NULL ||
      strstr(last->message, "No space left") != NULL)
    return VN_DRIVER_ERROR_LIMIT;
  return VN_DRIVER_ERROR_FAILED;
}

/* libvirt's texts begin with a class of error and may quote a log with its own stamps; what a user
 * needs stands at the end. */
static char *
shorten(const char *text)
{
  static const char *const noise[] = {"internal error: ",
                                      "operation failed: ",
                                      "process exited while connecting to monitor: ",
                                      "unsupported configuration: ",
                                      "Unable to ",
                                      NULL};
  for (guint i = 0; noise[i + 1] != NULL; i++)
    if (g_str_has_prefix(text, noise[i]))
      text += strlen(noise[i]);
  g_autoptr(GRegex) stamp =
      g_regex_new("\\d{4}-\\d\\d-\\d\\d[ T][\\d:.+]+Z? *:? *(\\d+: )?", 0, 0, NULL);
  char *out = g_regex_replace_literal(stamp, text, -1, 0, "", 0, NULL);
  if (out == NULL)
    out = g_strdup(text);
  g_strdelimit(out, "\n\r", ' ');
  return g_strstrip(out);
}

gboolean
vn_virt_host_fail(GError **error, const char *format, ...)
{
  const virError *last = virGetLastError();
  va_list arguments;
  va_start(arguments, format);
  g_autofree char *what = g_strdup_vprintf(format, arguments);
  va_end(arguments);
  g_autofree char *text =
      shorten(last != NULL && last->message != NULL ? last->message : "libvirt does not say why");
  g_set_error(error, VN_DRIVER_ERROR, (gint)code_of(last), "%s: %s", what, text);
  return FALSE;
}

void
vn_virt_host_refuse_kvm(VnVirtHost *host, const char *why)
{
  if (!g_atomic_int_compare_and_exchange(&host->kvm, TRUE, FALSE))
    return;
  host->no_kvm = why;
  g_autofree char *text = g_strdup_printf("machines run without KVM, so slower: %s", why);
  host->tell(text, host->data);
}

static gboolean
write_settings(const VnVirtHost *host, GError **error)
{
  g_autofree char *folder = g_build_filename(host->home, "etc", NULL);
  g_autofree char *file = g_build_filename(folder, "qemu.conf", NULL);
  if (g_mkdir_with_parents(folder, 0700) != 0)
    return vn_virt_fail(error, errno, "making %s", folder);
  return g_file_set_contents(file,
                             "stdio_handler = \"file\"\nsecurity_driver = \"none\"\n"
                             "namespaces = []\ncgroup_controllers = []\n",
                             -1, error);
}

gboolean
vn_virt_host_open(VnVirtHost *host, GError **error)
{
  if (host->containers ? !vn_virt_daemon_start(error)
                       : host->nested && !write_settings(host, error))
    return FALSE;
  if (host->states != NULL)
    vn_virt_abilities_put(host->states, host->home);
  const char *why = "";
  host->kvm = strstr(host->uri, "qemu") != NULL && vn_virt_kvm_usable(&why);
  host->no_kvm = why;
  host->connection = virConnectOpen(host->uri);
  if (host->connection == NULL)
    return vn_virt_host_fail(error, "connecting to libvirt (%s)", host->uri);
  /* One that hangs is as gone as one that ended. Embedded ones and the test driver have nobody to
   * ask, and refuse. */
  (void)virConnectSetKeepAlive(host->connection, KEEPALIVE_S, KEEPALIVE_TRIES);
  unsigned long library = 0, hypervisor = 0;
  (void)virGetVersion(&library, NULL, NULL); /* 0 then, which is a version, too */
  (void)virConnectGetVersion(host->connection, &hypervisor);
  host->versions = g_strdup_printf("libvirt %lu hypervisor %lu", library, hypervisor);
  return TRUE;
}

/* ---- programs and sockets ---- */

gboolean
vn_virt_run(const char *const *arguments, GError **error)
{
  g_autofree char *said = NULL;
  int status = 0;
  if (!g_spawn_sync(NULL, (char **)arguments, NULL,
                    G_SPAWN_SEARCH_PATH | G_SPAWN_STDOUT_TO_DEV_NULL, NULL, NULL, NULL, &said,
                    &status, error))
    return FALSE;
  if (g_spawn_check_wait_status(status, NULL))
    return TRUE;
  g_autofree char *text = g_strndup(said, SAID_MAX);
  g_set_error(error, VN_DRIVER_ERROR,
              strstr(text, "No space left") != NULL ? VN_DRIVER_ERROR_LIMIT
                                                    : VN_DRIVER_ERROR_FAILED,
              "%s", g_strchomp(text));
  return FALSE;
}

int
vn_virt_connect(const char *folder, const char *name, GError **error)
{
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  int n = g_snprintf(address.sun_path, sizeof address.sun_path, "%s/%s", folder, name);
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd >= 0 && n < (int)sizeof address.sun_path &&
      connect(fd, (struct sockaddr *)&address, sizeof address) == 0)
    return fd;
  vn_virt_fail(error, errno, "connecting to the machine's socket %s/%s", folder, name);
  if (fd >= 0)
    (void)close(fd); /* nothing was written to it */
  return -1;
}
