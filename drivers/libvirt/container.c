/* SPDX-License-Identifier: GPL-3.0-or-later */
/* See container.h. FOLDER of a container in the nest:
 *   lower    a folder of the user's, if it has one
 *   upper.N  what it writes in its Nth life, work.N beside it (overlay's own)
 *   root     where both are mounted while it is on
 *   snap.N   a snapshot: a copy of what was in upper
 *
 * A life begins with a few words over the channel, before the agent has it (guest/container): its
 * first process says that it is there, gets its interfaces, and says that it is ready.
 *
 * Suspending stops its processes; its kernel is everybody's and goes on.
 */
#include "drivers/libvirt/container.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "driver/proto.h"
#include "driver/tree.h"
#include "drivers/libvirt/container-domain.h"
#include "drivers/libvirt/container-net.h"
#include "drivers/libvirt/domain.h"

#define LINE_BYTES 256u
#define PROTO      "/v/proto" /* the usual lower layer */

struct VnVirtContainer {
  VnVirtHost *host;
  VnVirtSpec spec;
  char *folder, *name;
  char uuid[37];
  gboolean own_root; /* its lower layer is a folder of the user's */
  guint upper;       /* number of its present one; 0: none */
  guint last;        /* number that was given last */
  gboolean kept;     /* by power_off(keep) */
  gboolean mounted;
  int space;   /* its network namespace while it is on; -1 */
  pid_t first; /* its first process, whose end is the end of all */
  virDomainPtr domain;
  gint running, changing; /* atomic, as in machine.c */
  GHashTable *snapshots;  /* name to folder */
};

/* ---- folders ---- */

static char *
part(const VnVirtContainer *container, const char *what, guint number)
{
  return number == 0 ? g_strdup_printf("%s/%s", container->folder, what)
                     : g_strdup_printf("%s/%s.%u", container->folder, what, number);
}

static void
remove_part(const VnVirtContainer *container, const char *what, guint number)
{
  g_autofree char *path = part(container, what, number);
  (void)vn_tree_remove(AT_FDCWD, path); /* memory; the nest's end takes what is left */
}

/* Everything in the usual layer belongs to the containers' root. */
static gboolean
give_away(const char *path, GError **error)
{
  const char *command[] = {"chown", "-hR", NULL, path, NULL};
  g_autofree char *owner = g_strdup_printf("%u:%u", VN_VIRT_IDS_FIRST, VN_VIRT_IDS_FIRST);
  command[2] = owner;
  return vn_virt_run(command, error);
}

/* Once for all containers of a nest; MAKE comes one at a time. */
static gboolean
make_proto(GError **error)
{
  if (mkdir(PROTO, 0755) != 0)
    return errno == EEXIST || vn_virt_fail(error, errno, "making " PROTO);
  g_autofree char *agents = g_build_filename(PROTO, "vnec", NULL);
  if (!vn_proto_build(PROTO, error))
    return FALSE;
  if (mkdir(agents, 0755) != 0)
    return vn_virt_fail(error, errno, "making %s", agents);
  return give_away(PROTO, error);
}

/* The files of a folder of the user's belong to whom they belong there; in the container root's
 * are root's, where its file system can map ids. */
static gboolean
place_lower(VnVirtContainer *container, int tree, GError **error)
{
  g_autofree char *lower = part(container, "lower", 0);
  if (mkdir(lower, 0755) != 0)
    return vn_virt_fail(error, errno, "making %s", lower);
  if (syscall(SYS_move_mount, tree, "", AT_FDCWD, lower, MOVE_MOUNT_F_EMPTY_PATH) != 0)
    return vn_virt_fail(error, errno, "mounting its root %s",
                        container->spec.files[VN_VIRT_FILE_disk]);
  container->own_root = TRUE;
  return TRUE;
}

VnVirtContainer *
vn_virt_container_new(VnVirtHost *host, VnVirtSpec *spec, int *fds, GError **error)
{
  VnVirtContainer *container = g_new0(VnVirtContainer, 1);
  container->host = host;
  container->space = -1;
  container->spec = *spec;
  memset(spec, 0, sizeof *spec);
  container->folder = g_strdup_printf("%s/%u", host->home, container->spec.id);
  container->snapshots = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
  container->name = g_strdup_printf(VN_VIRT_MARK "%u", container->spec.id);
  g_autofree char *text = g_strdup_printf("%s %u", host->salt, container->spec.id);
  g_autofree char *key = g_compute_checksum_for_string(G_CHECKSUM_SHA256, text, -1);
  vn_virt_domain_uuid(key, container->uuid);
  gboolean made = mkdir(container->folder, 0755) == 0 ||
                  vn_virt_fail(error, errno, "making %s", container->folder);
  if (made && make_proto(error) &&
      (fds[VN_VIRT_FILE_disk] < 0 || place_lower(container, fds[VN_VIRT_FILE_disk], error)))
    return container;
  vn_virt_container_free(container);
  return NULL;
}

guint32
vn_virt_container_id(const VnVirtContainer *container)
{
  return container->spec.id;
}

const char *
vn_virt_container_uuid(const VnVirtContainer *container)
{
  return container->uuid;
}

gboolean
vn_virt_container_is_on(const VnVirtContainer *container)
{
  return g_atomic_int_get(&container->running) != FALSE;
}

/* ---- its root ---- */

/* A folder of root's in a container's layer. */
static gboolean
make_folder(const char *above, const char *name, GError **error)
{
  g_autofree char *path = g_build_filename(above, name, NULL);
  if ((mkdir(path, 0755) != 0 && errno != EEXIST) ||
      lchown(path, VN_VIRT_IDS_FIRST, VN_VIRT_IDS_FIRST) != 0)
    return vn_virt_fail(error, errno, "making %s", path);
  return TRUE;
}

static gboolean
write_file(const char *above, const char *name, const char *text, GError **error)
{
  g_autofree char *path = g_build_filename(above, name, NULL);
  if (!g_file_set_contents(path, text, -1, error))
    return FALSE;
  return lchown(path, VN_VIRT_IDS_FIRST, VN_VIRT_IDS_FIRST) == 0 ||
         vn_virt_fail(error, errno, "making %s", path);
}

static gboolean
begin_upper(VnVirtContainer *container, GError **error)
{
  static const char *const folders[] = {"", "etc", "vnec", "proc", "sys", "dev", "root"};
  container->upper = ++container->last;
  g_autofree char *upper = part(container, "upper", container->upper);
  const char *hostname = container->spec.hostname;
  /* What a root of the user's lacks, and all need. */
  for (guint i = 0; i < (container->own_root ? G_N_ELEMENTS(folders) : 2); i++)
    if (!make_folder(upper, folders[i], error))
      return FALSE;
  g_autofree char *name = g_strdup_printf("%s\n", hostname);
  g_autofree char *hosts =
      g_strdup_printf("127.0.0.1 localhost\n::1 localhost ip6-localhost\n127.0.1.1 %s\n", hostname);
  return write_file(upper, "etc/hostname", name, error) &&
         write_file(upper, "etc/hosts", hosts, error);
}

static gboolean
mount_root(VnVirtContainer *container, GError **error)
{
  g_autofree char *root = part(container, "root", 0);
  g_autofree char *lower = container->own_root ? part(container, "lower", 0) : g_strdup(PROTO);
  g_autofree char *upper = part(container, "upper", container->upper);
  g_autofree char *work = part(container, "work", ++container->last);
  g_autofree char *options =
      g_strdup_printf("lowerdir=%s,upperdir=%s,workdir=%s", lower, upper, work);
  if ((mkdir(root, 0755) != 0 && errno != EEXIST) || mkdir(work, 0755) != 0)
    return vn_virt_fail(error, errno, "making %s", work);
  if (mount("overlay", root, "overlay", MS_NODEV, options) != 0)
    return vn_virt_fail(error, errno, "mounting its root");
  container->mounted = TRUE;
  return TRUE;
}

static void
unmount_root(VnVirtContainer *container)
{
  g_autofree char *root = part(container, "root", 0);
  if (container->mounted)
    (void)umount2(root, MNT_DETACH); /* it is ours and mounted */
  container->mounted = FALSE;
}

static void
drop_upper(VnVirtContainer *container)
{
  if (container->upper != 0)
    remove_part(container, "upper", container->upper);
  container->upper = 0;
}

/* ---- its beginning and end ---- */

static void
close_fd(int *fd)
{
  if (*fd >= 0)
    (void)close(*fd); /* what was written to it is the peer's */
  *fd = -1;
}

static gboolean
destroy(VnVirtContainer *container, GError **error)
{
  g_atomic_int_set(&container->running, FALSE);
  close_fd(&container->space);
  if (container->domain != NULL) {
    if (virDomainDestroy(container->domain) != 0 && virDomainIsActive(container->domain) == 1)
      return vn_virt_host_fail(error, "turning it off");
    (void)virDomainFree(container->domain); /* drops our reference */
    container->domain = NULL;
  }
  unmount_root(container);
  return TRUE;
}

/* libvirt's helpers make the group that all containers are in, each if it is not there, and take it
 * from under each other when two begin at once. */
static GMutex creating;

static gboolean
create(VnVirtContainer *container, int *out_channel, GError **error)
{
  int pair[2];
  g_autofree char *root = part(container, "root", 0);
  g_autofree char *xml = vn_virt_container_xml(&container->spec, container->name, container->uuid,
                                               root, !container->own_root);
  int on = 1;
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
    return vn_virt_fail(error, errno, "making its channel");
  (void)setsockopt(pair[0], SOL_SOCKET, SO_PASSCRED, &on, sizeof on); /* then nobody is first */
  g_mutex_lock(&creating);
  container->domain = virDomainCreateXMLWithFiles(container->host->connection, xml, 1, &pair[1],
                                                  VIR_DOMAIN_START_AUTODESTROY);
  g_mutex_unlock(&creating);
  close_fd(&pair[1]); /* the container's */
  if (container->domain != NULL) {
    *out_channel = pair[0];
    return TRUE;
  }
  close_fd(&pair[0]);
  return vn_virt_host_fail(error, "starting it");
}

/* One byte, and whose it is: the kernel says so, in numbers of our process namespace. */
static gboolean
read_byte(int channel, char *out, pid_t *out_sender)
{
  union {
    char bytes[CMSG_SPACE(sizeof(struct ucred))];
    struct cmsghdr align;
  } control;
  struct iovec part = {out, 1};
  struct msghdr message = {.msg_iov = &part,
                           .msg_iovlen = 1,
                           .msg_control = control.bytes,
                           .msg_controllen = sizeof control.bytes};
  if (recvmsg(channel, &message, MSG_CMSG_CLOEXEC) != 1)
    return FALSE;
  const struct cmsghdr *head = CMSG_FIRSTHDR(&message);
  struct ucred sender = {0};
  if (head != NULL && head->cmsg_level == SOL_SOCKET && head->cmsg_type == SCM_CREDENTIALS)
    memcpy(&sender, CMSG_DATA(head), sizeof sender);
  *out_sender = sender.pid;
  return TRUE;
}

/* The next line that its first process says, byte by byte: what follows is the agent's. */
static gboolean
read_line(int channel, guint seconds, char line[LINE_BYTES], pid_t *out_sender)
{
  gint64 end = g_get_monotonic_time() + (gint64)seconds * G_USEC_PER_SEC;
  for (guint n = 0; n + 1 < LINE_BYTES; n++) {
    struct pollfd ready = {channel, POLLIN, 0};
    gint64 left = (end - g_get_monotonic_time()) / 1000;
    if (left <= 0 || poll(&ready, 1, (int)MIN(left, G_MAXINT)) <= 0 ||
        !read_byte(channel, line + n, out_sender))
      return FALSE;
    if (line[n] != '\n')
      continue;
    line[n] = '\0';
    return TRUE;
  }
  return FALSE;
}

static gboolean
expect_line(const VnVirtContainer *container, int channel, const char *expected, pid_t *out_sender,
            GError **error)
{
  char line[LINE_BYTES];
  if (!read_line(channel, container->spec.patience, line, out_sender)) {
    g_set_error(error, VN_DRIVER_ERROR, VN_DRIVER_ERROR_FAILED,
                "its first process ended or said nothing within %u s", container->spec.patience);
    return FALSE;
  }
  if (strcmp(line, expected) == 0)
    return TRUE;
  g_autofree char *text = g_utf8_make_valid(line, -1);
  g_set_error(error, VN_DRIVER_ERROR, VN_DRIVER_ERROR_FAILED, "its first process says: %s", text);
  return FALSE;
}

/* Its network namespace, while its first process waits for us. libvirt's own way (its
 * virDomainLxcOpenNamespace) knows that process by luck only: the news of it get lost at times. */
static gboolean
open_space(VnVirtContainer *container, pid_t first, GError **error)
{
  g_autofree char *path = g_strdup_printf("/proc/%d/ns/net", (int)first);
  container->space = open(path, O_RDONLY | O_CLOEXEC);
  container->first = first;
  return container->space >= 0 || vn_virt_fail(error, errno, "opening its network namespace");
}

static gboolean
plug(VnVirtContainer *container, VnVirtLife *life, GError **error)
{
  if (!vn_virt_taps_make(container->space, &container->spec, life->nics, error))
    return FALSE;
  life->n_nics = container->spec.n_macs;
  return send(life->channel, "g", 1, MSG_NOSIGNAL) == 1 ||
         vn_virt_fail(error, errno, "speaking with its first process");
}

static gboolean
begin_life(VnVirtContainer *container, VnVirtLife *life, GError **error)
{
  pid_t first = 0;
  return expect_line(container, life->channel, "start", &first, error) &&
         open_space(container, first, error) && plug(container, life, error) &&
         expect_line(container, life->channel, "ready", &first, error);
}

static gboolean
start(VnVirtContainer *container, VnVirtLife *life, GError **error)
{
  int off = 0;
  if (container->upper == 0 && !begin_upper(container, error))
    return FALSE;
  life->fresh = mount_root(container, error) && create(container, &life->channel, error) &&
                begin_life(container, life, error);
  if (life->fresh) /* the agent needs not say who it is with each word */
    (void)setsockopt(life->channel, SOL_SOCKET, SO_PASSCRED, &off, sizeof off);
  return life->fresh;
}

static gboolean
finish_start(VnVirtContainer *container, gboolean good)
{
  if (good)
    g_atomic_int_set(&container->running, TRUE);
  g_atomic_int_set(&container->changing, FALSE);
  if (!good)
    (void)destroy(container, NULL); /* the first error is what counts */
  return good;
}

gboolean
vn_virt_container_on(VnVirtContainer *container, VnVirtLife *life, GError **error)
{
  if (vn_virt_container_is_on(container))
    return TRUE;
  g_atomic_int_set(&container->changing, TRUE);
  gboolean good = destroy(container, error);
  if (good && !container->kept) /* what it wrote before it ended by itself */
    drop_upper(container);
  container->kept = FALSE;
  return finish_start(container, good && start(container, life, error));
}

gboolean
vn_virt_container_off(VnVirtContainer *container, gboolean keep_disk, GError **error)
{
  g_atomic_int_set(&container->changing, TRUE);
  gboolean good = destroy(container, error);
  g_atomic_int_set(&container->changing, FALSE);
  if (!good)
    return FALSE;
  container->kept = keep_disk && container->upper != 0;
  if (!container->kept)
    drop_upper(container);
  return TRUE;
}

/* ---- while it is on ---- */

static gboolean
must_be_on(const VnVirtContainer *container, GError **error)
{
  if (vn_virt_container_is_on(container))
    return TRUE;
  g_set_error(error, VN_DRIVER_ERROR, VN_DRIVER_ERROR_FAILED, "it is off");
  return FALSE;
}

static gboolean
is_in_state(const VnVirtContainer *container, int wanted)
{
  int state = VIR_DOMAIN_NOSTATE, reason;
  return virDomainGetState(container->domain, &state, &reason, 0) == 0 && state == wanted;
}

gboolean
vn_virt_container_suspend(VnVirtContainer *container, GError **error)
{
  return must_be_on(container, error) &&
         (is_in_state(container, VIR_DOMAIN_PAUSED) || virDomainSuspend(container->domain) == 0 ||
          vn_virt_host_fail(error, "suspending it"));
}

gboolean
vn_virt_container_resume(VnVirtContainer *container, GError **error)
{
  return must_be_on(container, error) &&
         (is_in_state(container, VIR_DOMAIN_RUNNING) || virDomainResume(container->domain) == 0 ||
          vn_virt_host_fail(error, "resuming it"));
}

static gboolean
copy_files(const char *from, const char *to, GError **error)
{
  int result = vn_tree_copy(AT_FDCWD, from, AT_FDCWD, to, VN_TREE_OWNERS_KEPT);
  if (result == 0)
    return TRUE;
  (void)vn_tree_remove(AT_FDCWD, to); /* half of it */
  return vn_virt_fail(error, result, "copying its files");
}

static void
forget_snapshot(VnVirtContainer *container, const char *name)
{
  const char *folder = g_hash_table_lookup(container->snapshots, name);
  if (folder != NULL)
    (void)vn_tree_remove(AT_FDCWD, folder); /* memory; the nest's end takes what is left */
  g_hash_table_remove(container->snapshots, name);
}

/* While it stands still, unless it did already. */
static gboolean
copy_upper(VnVirtContainer *container, const char *to, GError **error)
{
  g_autofree char *upper = part(container, "upper", container->upper);
  gboolean stood = is_in_state(container, VIR_DOMAIN_PAUSED);
  if (!stood && !vn_virt_container_suspend(container, error))
    return FALSE;
  gboolean copied = copy_files(upper, to, error);
  return stood ? copied : vn_virt_container_resume(container, copied ? error : NULL) && copied;
}

gboolean
vn_virt_container_snapshot(VnVirtContainer *container, const char *name, GError **error)
{
  if (!must_be_on(container, error))
    return FALSE;
  if (g_hash_table_size(container->snapshots) >= VN_VIRT_SNAPSHOTS_MAX &&
      !g_hash_table_contains(container->snapshots, name)) {
    g_set_error(error, VN_DRIVER_ERROR, VN_DRIVER_ERROR_LIMIT, "it has %u snapshots already",
                VN_VIRT_SNAPSHOTS_MAX);
    return FALSE;
  }
  char *folder = part(container, "snap", ++container->last);
  if (!copy_upper(container, folder, error)) {
    g_free(folder);
    return FALSE;
  }
  forget_snapshot(container, name);
  g_hash_table_insert(container->snapshots, g_strdup(name), folder);
  return TRUE;
}

static gboolean
put_back(VnVirtContainer *container, const char *from, GError **error)
{
  drop_upper(container);
  container->upper = ++container->last;
  g_autofree char *upper = part(container, "upper", container->upper);
  return copy_files(from, upper, error);
}

gboolean
vn_virt_container_revert(VnVirtContainer *container, const char *name, VnVirtLife *life,
                         GError **error)
{
  const char *from = g_hash_table_lookup(container->snapshots, name);
  if (from == NULL) {
    g_set_error(error, VN_DRIVER_ERROR, VN_DRIVER_ERROR_FAILED, "it has no snapshot “%s”", name);
    return FALSE;
  }
  g_atomic_int_set(&container->changing, TRUE);
  gboolean good = destroy(container, error) && put_back(container, from, error) &&
                  start(container, life, error);
  return finish_start(container, good);
}

/* ---- its end ---- */

/* News of an end that was meant comes late at times, when it is on again. */
static gboolean
is_active(const VnVirtContainer *container)
{
  virDomainPtr domain = virDomainLookupByUUIDString(container->host->connection, container->uuid);
  if (domain == NULL)
    return FALSE;
  gboolean active = virDomainIsActive(domain) == 1;
  (void)virDomainFree(domain); /* drops our reference */
  return active;
}

char *
vn_virt_container_stopped(VnVirtContainer *container)
{
  if (g_atomic_int_get(&container->changing) || !vn_virt_container_is_on(container) ||
      is_active(container))
    return NULL;
  g_atomic_int_set(&container->running, FALSE);
  return g_strdup(
      "its container stopped by itself: its agent ended, or all of its memory was used");
}

gboolean
vn_virt_container_abandon(VnVirtContainer *container)
{
  if (!g_atomic_int_compare_and_exchange(&container->running, TRUE, FALSE))
    return FALSE;
  (void)kill(container->first, SIGKILL); /* fails only if it is gone */
  return TRUE;
}

gboolean
vn_virt_container_prove(const VnVirtContainer *container, GError **error)
{
  if (!vn_virt_container_is_on(container))
    return TRUE;
  return vn_virt_taps_prove(container->space, &container->spec, error);
}

void
vn_virt_container_free(VnVirtContainer *container)
{
  if (container == NULL)
    return;
  g_atomic_int_set(&container->changing, TRUE);
  (void)destroy(container, NULL); /* the nest's end takes the rest */
  if (container->own_root) {
    g_autofree char *lower = part(container, "lower", 0);
    (void)umount2(lower, MNT_DETACH); /* before anything in it could be removed */
  }
  g_hash_table_unref(container->snapshots);
  (void)vn_tree_remove(AT_FDCWD, container->folder); /* memory, which ends with the nest */
  vn_virt_spec_clear(&container->spec);
  g_free(container->folder);
  g_free(container->name);
  g_free(container);
}
