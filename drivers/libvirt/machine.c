/* SPDX-License-Identifier: GPL-3.0-or-later */
/* See machine.h.
 *
 * One mechanism for all that comes back: a file with the guest's memory, as libvirt's external
 * snapshots write it while the guest stands still (its process, and so its channel, goes on), and
 * as virDomainRestore reads it; beside it the disk's layer of that moment, which nobody writes any
 * more. So kept states, snapshots and reverts work with and without a disk.
 *
 * Domains are transient: one that stopped is not there any more.
 */
#include "drivers/libvirt/machine.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include "drivers/libvirt/console.h"
#include "drivers/libvirt/disk.h"
#include "drivers/libvirt/domain.h"
#include "drivers/libvirt/greeting.h"
#include "drivers/libvirt/monitor.h"
#include "drivers/libvirt/prove.h"
#include "drivers/libvirt/room.h"

#define COPY_MAX       (256 << 20)
#define FORGET_LOOKS   10000 /* for libvirt to know no more of a machine */
#define FORGET_US      500
#define KVM_PATIENCE_S 30 /* then the machine is tried without KVM */

typedef struct {
  char *memory; /* path */
  guint layer;  /* of the disk, frozen; 0: no disk */
} Snapshot;

struct VnVirtMachine {
  VnVirtHost *host;
  VnVirtSpec spec;
  char *folder, *key, *name;
  char uuid[37];
  char *files[VN_VIRT_N_FILES]; /* as QEMU opens them */
  int share; /* its folder, if that is its channel; -1: none */
  VnVirtDisk disk;
  gboolean disk_kept; /* by power_off(keep) */
  virDomainPtr domain;
  gint running;  /* atomic: nobody turned it off */
  gint changing; /* atomic: its end is meant */
  char *fate;    /* atomic: why it will have stopped; NULL: nobody knows */
  GMutex busy;   /* one call at a time */
  GHashTable *snapshots;
  guint n_memories; /* names given */
  VnVirtConsole *console;
};

/* ---- what is given away ---- */

void
vn_virt_life_init(VnVirtLife *life)
{
  *life = (VnVirtLife){.channel = -1, .memory = -1, .disk = -1};
}

static void
close_fd(int *fd)
{
  if (*fd >= 0)
    (void)close(*fd); /* what was written to it is the peer's */
  *fd = -1;
}

void
vn_virt_life_clear(VnVirtLife *life)
{
  close_fd(&life->channel);
  close_fd(&life->memory);
  close_fd(&life->disk);
  for (guint i = 0; i < life->n_nics; i++)
    close_fd(&life->nics[i]);
  life->n_nics = 0;
  g_clear_pointer(&life->key, g_free);
}

/* ---- making ---- */

static void
snapshot_free(gpointer data)
{
  Snapshot *snapshot = data;
  (void)unlink(snapshot->memory); /* the folder goes with all that is in it at the end */
  g_free(snapshot->memory);
  g_free(snapshot);
}

static gboolean
check_emulator(const VnVirtMachine *machine, GError **error)
{
  const char *path, *package;
  if (!vn_virt_domain_emulator(machine->spec.arch, &path, &package) || access(path, X_OK) == 0 ||
      !machine->host->nested)
    return TRUE;
  g_set_error(error, VN_DRIVER_ERROR, VN_DRIVER_ERROR_MISSING,
              "%s is not there: apt-get install --no-install-recommends %s", path, package);
  return FALSE;
}

/* A nest of root is nobody, and may read less than root: then small files are copied. */
static gboolean
copy_file(VnVirtMachine *machine, guint i, int from, GError **error)
{
  const char *name = machine->spec.files[i];
  struct stat found;
  if (fstat(from, &found) != 0)
    return vn_virt_fail(error, errno, "%s", name);
  if (found.st_size > COPY_MAX)
    return vn_virt_fail(error, EACCES,
                        "%s is too large to be copied, and the machines' user (who "
                        "is nobody) can't read it: chmod o+r",
                        name);
  int to = open(machine->files[i], O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  off_t done = 0;
  while (to >= 0 && done < found.st_size &&
         sendfile(to, from, &done, (size_t)(found.st_size - done)) > 0)
    ;
  int errnum = done == found.st_size ? 0 : errno;
  if (to < 0 || close(to) != 0 || errnum != 0)
    return vn_virt_fail(error, errnum != 0 ? errnum : errno, "copying %s", name);
  return TRUE;
}

/* In a nest a file is reached through the descriptor that came with the machine, under a name that
 * is the same in every run, because disks that lie on it remember it. */
static gboolean
place_file(VnVirtMachine *machine, guint i, int *fd, GError **error)
{
  static const char *const names[] = {"kernel", "initrd", "disk"};
  VnVirtHost *host = machine->host;
  if (machine->spec.files[i] == NULL)
    return TRUE;
  if (!host->nested) {
    machine->files[i] = g_strdup(machine->spec.files[i]);
    return TRUE;
  }
  if (*fd < 0)
    return vn_virt_fail(error, EBADF, "%s", machine->spec.files[i]);
  g_autofree char *target = g_strdup_printf("/proc/%d/fd/%d", (int)getpid(), *fd);
  machine->files[i] = g_strdup_printf("%s/%.16s-%s", host->home, machine->spec.content, names[i]);
  if (access(machine->files[i], R_OK) == 0)
    return TRUE; /* another machine of this image brought it; ours is closed */
  if (access(target, R_OK) != 0)
    return copy_file(machine, i, *fd, error);
  if (symlink(target, machine->files[i]) != 0)
    return vn_virt_fail(error, errno, "naming %s", machine->spec.files[i]);
  *fd = -1;
  return TRUE;
}

/* QEMU can't write over a snapshot within a disk, so that is copied out, once for its image. */
static gboolean
unpack_snapshot(VnVirtMachine *machine, GError **error)
{
  const char *disk = machine->files[VN_VIRT_FILE_disk];
  if (disk == NULL || machine->spec.snapshot[0] == '\0')
    return TRUE;
  g_autofree char *hash =
      g_compute_checksum_for_string(G_CHECKSUM_SHA256, machine->spec.snapshot, -1);
  g_autofree char *copy =
      g_strdup_printf("%s/%.16s-%.16s", machine->host->home, machine->spec.content, hash);
  g_autofree char *which = g_strdup_printf("snapshot.name=%s", machine->spec.snapshot);
  const char *command[] = {"qemu-img", "convert", "-q", "-O", "qcow2",
                           "-l",       which,     disk, copy, NULL};
  if (access(copy, R_OK) != 0 && !vn_virt_run(command, error)) {
    (void)unlink(copy); /* perhaps it was begun */
    g_prefix_error(error, "reading the snapshot “%s” of its disk: ", machine->spec.snapshot);
    return FALSE;
  }
  g_free(machine->files[VN_VIRT_FILE_disk]);
  machine->files[VN_VIRT_FILE_disk] = g_steal_pointer(&copy);
  return TRUE;
}

static gboolean
prepare(VnVirtMachine *machine, int *fds, GError **error)
{
  if (!check_emulator(machine, error))
    return FALSE;
  if (mkdir(machine->folder, 0711) != 0 && errno != EEXIST)
    return vn_virt_fail(error, errno, "making %s", machine->folder);
  for (guint i = 0; i < VN_VIRT_N_FILES; i++)
    if (!place_file(machine, i, &fds[i], error))
      return FALSE;
  if (!unpack_snapshot(machine, error))
    return FALSE;
  vn_virt_disk_init(&machine->disk, machine->folder, machine->files[VN_VIRT_FILE_disk],
                    (VnVirtFormat)machine->spec.format);
  /* Made now although nobody needs it yet, so that a broken image is seen at deployment. */
  return vn_virt_disk_begin(&machine->disk, NULL, error);
}

VnVirtMachine *
vn_virt_machine_new(VnVirtHost *host, VnVirtSpec *spec, int *fds, GError **error)
{
  VnVirtMachine *machine = g_new0(VnVirtMachine, 1);
  machine->host = host;
  machine->share = -1;
  g_mutex_init(&machine->busy);
  machine->spec = *spec;
  memset(spec, 0, sizeof *spec);
  machine->folder = g_strdup_printf("%s/%u", host->home, machine->spec.id);
  machine->snapshots = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, snapshot_free);
  if (prepare(machine, fds, error))
    return machine;
  vn_virt_machine_free(machine);
  return NULL;
}

void
vn_virt_machine_share(VnVirtMachine *machine, int folder)
{
  close_fd(&machine->share);
  machine->share = folder;
}

guint32
vn_virt_machine_id(const VnVirtMachine *machine)
{
  return machine->spec.id;
}

const char *
vn_virt_machine_domain(const VnVirtMachine *machine)
{
  return machine->name;
}

const char *
vn_virt_machine_uuid(const VnVirtMachine *machine)
{
  return machine->uuid;
}

gboolean
vn_virt_machine_is_on(const VnVirtMachine *machine)
{
  return g_atomic_int_get(&machine->running) != FALSE;
}

/* ---- the domain ---- */

/* Name and UUID follow from the content where states are shared between runs, because libvirt
 * restores a domain under its own name only. */
static gboolean
set_names(VnVirtMachine *machine, GError **error)
{
  g_autofree char *salt = machine->host->nested && machine->spec.n_macs > 0
                              ? g_strdup("")
                              : g_strdup_printf("%s %u", machine->host->salt, machine->spec.id);
  char *key = vn_virt_domain_key(&machine->spec, g_atomic_int_get(&machine->host->kvm),
                                 machine->host->versions, salt, error);
  if (key == NULL)
    return FALSE;
  g_free(machine->key);
  g_free(machine->name);
  machine->key = key;
  machine->name = g_strdup_printf(VN_VIRT_MARK "%.24s", key);
  vn_virt_domain_uuid(key, machine->uuid);
  return TRUE;
}

static char *
write_xml(const VnVirtMachine *machine, gboolean restored, GError **error)
{
  g_autofree char *disk =
      machine->disk.present != 0 ? vn_virt_disk_path(&machine->disk, machine->disk.present) : NULL;
  g_autofree char *share = g_strdup_printf("/proc/%d/fd/%d", (int)getpid(), machine->share);
  const VnVirtPlace place = {.name = machine->name,
                             .uuid = machine->uuid,
                             .folder = machine->folder,
                             .share = share,
                             .kvm = g_atomic_int_get(&machine->host->kvm),
                             .monitor = !machine->host->nested,
                             .restored = restored,
                             .files = {[VN_VIRT_FILE_kernel] = machine->files[VN_VIRT_FILE_kernel],
                                       [VN_VIRT_FILE_initrd] = machine->files[VN_VIRT_FILE_initrd],
                                       [VN_VIRT_FILE_disk] = disk}};
  return vn_virt_domain_xml(&machine->spec, &place, error);
}

static void
open_console(VnVirtMachine *machine)
{
  g_clear_pointer(&machine->console, vn_virt_console_close);
  int fd = vn_virt_connect(machine->folder, "console", NULL);
  if (fd >= 0) /* else an error message will have less to say */
    machine->console = vn_virt_console_open(fd);
}

/* Where it ended by itself libvirt sees that, too, and until it is done it knows the domain. */
static void
await_forgotten(const VnVirtMachine *machine)
{
  virDomainPtr domain;
  for (guint i = 0; i < FORGET_LOOKS && machine->host->nested &&
                    (domain = virDomainLookupByUUIDString(machine->host->connection,
                                                          machine->uuid)) != NULL;
       i++) {
    (void)virDomainFree(domain); /* drops our reference */
    g_usleep(FORGET_US);
  }
}

static gboolean
destroy(VnVirtMachine *machine, GError **error)
{
  g_atomic_int_set(&machine->running, FALSE);
  g_clear_pointer(&machine->console, vn_virt_console_close);
  if (machine->domain == NULL)
    return TRUE;
  vn_virt_host_end(machine->host, machine->name, SIGKILL);
  gboolean gone = virDomainDestroy(machine->domain) == 0 || virDomainIsActive(machine->domain) != 1;
  if (!gone)
    return vn_virt_host_fail(error, "turning it off");
  (void)virDomainFree(machine->domain); /* drops our reference */
  machine->domain = NULL;
  await_forgotten(machine);
  return TRUE;
}

/* In a libvirt that is not ours alone somebody else's domain may bear the name, and defining ours
 * would take its place. */
static gboolean
is_free(const VnVirtMachine *machine, GError **error)
{
  if (machine->host->nested)
    return TRUE;
  virDomainPtr other = virDomainLookupByName(machine->host->connection, machine->name);
  if (other == NULL)
    other = virDomainLookupByUUIDString(machine->host->connection, machine->uuid);
  if (other == NULL)
    return TRUE;
  g_set_error(error, VN_DRIVER_ERROR, VN_DRIVER_ERROR_FAILED,
              "%s has a domain %s already, which this run did not make and does not touch: "
              "virsh undefine it if nobody needs it",
              machine->host->uri, virDomainGetName(other));
  (void)virDomainFree(other); /* drops our reference */
  return FALSE;
}

static gboolean
create(VnVirtMachine *machine, GError **error)
{
  if (!is_free(machine, error))
    return FALSE;
  g_autofree char *xml = write_xml(machine, FALSE, error);
  if (xml == NULL)
    return FALSE;
  /* A nest ends as a whole, and libvirt's own embedded and test drivers refuse the flag. */
  gboolean alone = machine->host->nested || g_str_has_prefix(machine->host->uri, "test:");
  guint flags = alone ? 0 : VIR_DOMAIN_START_AUTODESTROY;
  machine->domain = virDomainCreateXML(machine->host->connection, xml, flags);
  if (machine->domain == NULL)
    return vn_virt_host_fail(error, "starting it");
  open_console(machine);
  return TRUE;
}

/* ---- memory ---- */

/* Saves the guest's memory and freezes its disk; the guest goes on. */
static gboolean
save(VnVirtMachine *machine, const char *path, GError **error)
{
  g_autofree char *next = NULL;
  if (machine->spec.folder) {
    g_set_error(error, VN_DRIVER_ERROR, VN_DRIVER_ERROR_UNSUPPORTED,
                "QEMU can't keep the memory of a machine whose channel is a shared folder");
    return FALSE;
  }
  if (machine->disk.present != 0) {
    next = vn_virt_disk_next(&machine->disk, error);
    if (next == NULL)
      return FALSE;
  }
  g_autofree char *xml = vn_virt_snapshot_xml(&machine->spec, path, next);
  virDomainSnapshotPtr snapshot = virDomainSnapshotCreateXML(
      machine->domain, xml,
      VIR_DOMAIN_SNAPSHOT_CREATE_NO_METADATA | VIR_DOMAIN_SNAPSHOT_CREATE_ATOMIC);
  if (snapshot == NULL) {
    vn_virt_host_fail(error, "keeping its memory");
    (void)unlink(path); /* half of it may be there */
    return FALSE;
  }
  (void)virDomainSnapshotFree(snapshot); /* drops our reference */
  if (next != NULL)
    vn_virt_disk_accept(&machine->disk);
  return TRUE;
}

/* From a saved memory and the disk of that moment (NULL: none). */
static gboolean
restore(VnVirtMachine *machine, const char *memory, const char *disk, GError **error)
{
  vn_virt_disk_drop(&machine->disk);
  if (!is_free(machine, error) ||
      (disk != NULL && !vn_virt_disk_begin(&machine->disk, disk, error)))
    return FALSE;
  g_autofree char *xml = write_xml(machine, TRUE, error);
  if (xml == NULL)
    return FALSE;
  if (virDomainRestoreFlags(machine->host->connection, memory, xml, VIR_DOMAIN_SAVE_RUNNING) != 0)
    return vn_virt_host_fail(error, "restoring it");
  machine->domain = virDomainLookupByUUIDString(machine->host->connection, machine->uuid);
  if (machine->domain == NULL)
    return vn_virt_host_fail(error, "finding it after its restore");
  open_console(machine);
  return TRUE;
}

static char *
kept_file(const VnVirtMachine *machine, const char *name)
{
  return g_build_filename(machine->host->states, machine->key, name, NULL);
}

static gboolean
has_kept_state(const VnVirtMachine *machine)
{
  if (!machine->spec.keep || machine->host->states == NULL || machine->disk_kept)
    return FALSE;
  g_autofree char *memory = kept_file(machine, "memory");
  return access(memory, R_OK) == 0;
}

static gboolean
restore_kept(VnVirtMachine *machine, GError **error)
{
  g_autofree char *memory = kept_file(machine, "memory");
  g_autofree char *disk = machine->disk.base != NULL ? kept_file(machine, "disk") : NULL;
  return restore(machine, memory, disk, error);
}

/* For later runs. The file of the memory is given away by its descriptor and has no name then. */
static gboolean
keep_state(VnVirtMachine *machine, VnVirtLife *life, GError **error)
{
  g_autofree char *path = g_strdup_printf("%s/memory.%u", machine->folder, ++machine->n_memories);
  guint layer = machine->disk.present;
  if (!save(machine, path, error))
    return FALSE;
  int memory = open(path, O_RDONLY | O_CLOEXEC), disk = -1;
  if (layer != 0) {
    g_autofree char *frozen = vn_virt_disk_path(&machine->disk, layer);
    disk = open(frozen, O_RDONLY | O_CLOEXEC);
  }
  (void)unlink(path); /* it is where we put it */
  if (memory < 0 || (layer != 0 && disk < 0)) {
    close_fd(&memory);
    close_fd(&disk);
    return vn_virt_fail(error, errno, "opening its saved memory");
  }
  g_free(life->key); /* of a spoiled one */
  life->key = g_strdup(machine->key);
  life->memory = memory;
  life->disk = disk;
  return TRUE;
}

/* ---- turning on ---- */

/* Adds what the guest's console said last. */
static gboolean
add_console(VnVirtMachine *machine, GError **error)
{
  g_autofree char *line = vn_virt_console_last(machine->console);
  if (line != NULL && error != NULL && *error != NULL) {
    g_autofree char *text =
        g_strdup_printf("%s; its console ends with: %s", (*error)->message, line);
    g_free((*error)->message);
    (*error)->message = g_steal_pointer(&text);
  }
  return FALSE;
}

/* The connection is closed again: what is saved then waits for a new one. */
static gboolean
await_agent(VnVirtMachine *machine, guint seconds, GError **error)
{
  if (machine->spec.folder)
    return vn_virt_await_file(machine->share, vn_virt_console_fd(machine->console), seconds,
                              error) ||
           add_console(machine, error);
  int fd = vn_virt_connect(machine->folder, "agent", error);
  gboolean there = fd >= 0 && vn_virt_await_hello(fd, seconds, error);
  close_fd(&fd);
  return there || add_console(machine, error);
}

static gboolean
boot_once(VnVirtMachine *machine, guint seconds, GError **error)
{
  if (machine->disk.present == 0 && !vn_virt_disk_begin(&machine->disk, NULL, error))
    return FALSE;
  return create(machine, error) && await_agent(machine, seconds, error);
}

/* Cold. Where KVM did not get so far, the machine is tried without. */
static gboolean
boot(VnVirtMachine *machine, VnVirtLife *life, GError **error)
{
  gboolean kvm = g_atomic_int_get(&machine->host->kvm);
  g_autoptr(GError) why = NULL;
  gboolean up = boot_once(
      machine, kvm ? MIN(KVM_PATIENCE_S, machine->spec.patience) : machine->spec.patience, &why);
  if (!up && kvm && destroy(machine, error)) {
    if (!machine->disk_kept)
      vn_virt_disk_drop(&machine->disk);
    g_clear_error(&why);
    vn_virt_host_refuse_kvm(machine->host, "a machine did not start with it");
    up = set_names(machine, &why) && boot_once(machine, machine->spec.patience, &why);
  }
  if (!up) {
    g_propagate_error(error, g_steal_pointer(&why));
    return FALSE;
  }
  if (!machine->spec.keep || machine->host->states == NULL || machine->disk_kept)
    return TRUE;
  if (!keep_state(machine, life, &why)) {
    g_autofree char *text =
        g_strdup_printf("the ready state of %s is not kept: %s", machine->spec.name, why->message);
    machine->host->tell(text, machine->host->data);
  }
  return TRUE;
}

static gboolean
connect_all(VnVirtMachine *machine, VnVirtLife *life, GError **error)
{
  for (guint i = 0; i < machine->spec.n_macs; i++) {
    char name[16];
    g_snprintf(name, sizeof name, "nic%u", i);
    int fd = vn_virt_connect(machine->folder, name, error);
    if (fd < 0)
      return FALSE;
    life->nics[life->n_nics++] = fd;
  }
  life->channel = machine->spec.folder ? fcntl(machine->share, F_DUPFD_CLOEXEC, 0)
                                       : vn_virt_connect(machine->folder, "agent", error);
  life->fresh = life->channel >= 0;
  if (machine->spec.folder && !life->fresh)
    vn_virt_fail(error, errno, "giving its shared folder");
  return life->fresh;
}

static gboolean
start(VnVirtMachine *machine, VnVirtLife *life, GError **error)
{
  if (!set_names(machine, error))
    return FALSE;
  if (has_kept_state(machine)) {
    g_autoptr(GError) why = NULL;
    if (restore_kept(machine, &why))
      return TRUE;
    life->spoiled = TRUE;
    life->key = g_strdup(machine->key);
    if (!destroy(machine, error))
      return FALSE;
    vn_virt_disk_drop(&machine->disk);
    g_autofree char *text = g_strdup_printf("the kept state of %s is no good (%s): it boots",
                                            machine->spec.name, why->message);
    machine->host->tell(text, machine->host->data);
  }
  return boot(machine, life, error);
}

static gboolean
finish_start(VnVirtMachine *machine, gboolean good, GError **error)
{
  if (good)
    g_atomic_int_set(&machine->running, TRUE);
  g_atomic_int_set(&machine->changing, FALSE);
  if (good && virDomainIsActive(machine->domain) == 1)
    return TRUE;
  if (good) {
    g_set_error(error, VN_DRIVER_ERROR, VN_DRIVER_ERROR_FAILED, "it stopped at once");
    add_console(machine, error);
  }
  (void)destroy(machine, NULL); /* the first error is what counts */
  return FALSE;
}

gboolean
vn_virt_machine_on(VnVirtMachine *machine, VnVirtLife *life, GError **error)
{
  g_autoptr(GMutexLocker) locked = g_mutex_locker_new(&machine->busy);
  if (vn_virt_machine_is_on(machine))
    return TRUE;
  g_atomic_int_set(&machine->changing, TRUE);
  gboolean good =
      destroy(machine, error) && start(machine, life, error) && connect_all(machine, life, error);
  return finish_start(machine, good, error);
}

gboolean
vn_virt_machine_off(VnVirtMachine *machine, gboolean keep_disk, GError **error)
{
  g_autoptr(GMutexLocker) locked = g_mutex_locker_new(&machine->busy);
  g_atomic_int_set(&machine->changing, TRUE);
  if (keep_disk && machine->domain != NULL) /* QEMU writes what it still holds */
    vn_virt_host_end(machine->host, machine->name, SIGTERM);
  gboolean good = destroy(machine, error);
  g_atomic_int_set(&machine->changing, FALSE);
  if (!good)
    return FALSE;
  machine->disk_kept = keep_disk && machine->disk.present != 0;
  if (!machine->disk_kept)
    vn_virt_disk_drop(&machine->disk);
  return TRUE;
}

/* ---- while it is on ---- */

static gboolean
must_be_on(const VnVirtMachine *machine, GError **error)
{
  if (vn_virt_machine_is_on(machine))
    return TRUE;
  g_set_error(error, VN_DRIVER_ERROR, VN_DRIVER_ERROR_FAILED, "it is off");
  return FALSE;
}

gboolean
vn_virt_machine_suspend(VnVirtMachine *machine, GError **error)
{
  g_autoptr(GMutexLocker) locked = g_mutex_locker_new(&machine->busy);
  return must_be_on(machine, error) &&
         (virDomainSuspend(machine->domain) == 0 || vn_virt_host_fail(error, "suspending it"));
}

gboolean
vn_virt_machine_resume(VnVirtMachine *machine, GError **error)
{
  g_autoptr(GMutexLocker) locked = g_mutex_locker_new(&machine->busy);
  int state = VIR_DOMAIN_NOSTATE, reason;
  if (!must_be_on(machine, error))
    return FALSE;
  if (virDomainGetState(machine->domain, &state, &reason, 0) == 0 && state == VIR_DOMAIN_RUNNING)
    return TRUE;
  return virDomainResume(machine->domain) == 0 || vn_virt_host_fail(error, "resuming it");
}

gboolean
vn_virt_machine_snapshot(VnVirtMachine *machine, const char *name, GError **error)
{
  g_autoptr(GMutexLocker) locked = g_mutex_locker_new(&machine->busy);
  if (!must_be_on(machine, error))
    return FALSE;
  if (g_hash_table_size(machine->snapshots) >= VN_VIRT_SNAPSHOTS_MAX &&
      !g_hash_table_contains(machine->snapshots, name)) {
    g_set_error(error, VN_DRIVER_ERROR, VN_DRIVER_ERROR_LIMIT, "it has %u snapshots already",
                VN_VIRT_SNAPSHOTS_MAX);
    return FALSE;
  }
  Snapshot *snapshot = g_new0(Snapshot, 1);
  snapshot->memory = g_strdup_printf("%s/memory.%u", machine->folder, ++machine->n_memories);
  snapshot->layer = machine->disk.present;
  if (!save(machine, snapshot->memory, error)) {
    snapshot_free(snapshot);
    return FALSE;
  }
  g_hash_table_replace(machine->snapshots, g_strdup(name), snapshot);
  return TRUE;
}

gboolean
vn_virt_machine_revert(VnVirtMachine *machine, const char *name, VnVirtLife *life, GError **error)
{
  g_autoptr(GMutexLocker) locked = g_mutex_locker_new(&machine->busy);
  const Snapshot *snapshot = g_hash_table_lookup(machine->snapshots, name);
  if (snapshot == NULL) {
    g_set_error(error, VN_DRIVER_ERROR, VN_DRIVER_ERROR_FAILED, "it has no snapshot “%s”", name);
    return FALSE;
  }
  g_autofree char *disk =
      snapshot->layer != 0 ? vn_virt_disk_path(&machine->disk, snapshot->layer) : NULL;
  g_atomic_int_set(&machine->changing, TRUE);
  gboolean good = destroy(machine, error) && restore(machine, snapshot->memory, disk, error) &&
                  connect_all(machine, life, error);
  return finish_start(machine, good, error);
}

gboolean
vn_virt_machine_prove(VnVirtMachine *machine, GError **error)
{
  g_autoptr(GMutexLocker) locked = g_mutex_locker_new(&machine->busy);
  if (machine->host->nested || !vn_virt_machine_is_on(machine))
    return TRUE;
  char *xml = virDomainGetXMLDesc(machine->domain, 0);
  if (xml == NULL)
    return vn_virt_host_fail(error, "asking for its devices");
  gboolean good = vn_virt_prove_devices(xml, error);
  free(xml); /* libvirt's */
  return good;
}

/* ---- no room ---- */

gboolean
vn_virt_machine_drown(VnVirtMachine *machine, const char *why)
{
  g_autoptr(GMutexLocker) locked = g_mutex_locker_new(&machine->busy);
  if (!vn_virt_machine_is_on(machine))
    return FALSE;
  g_free(g_atomic_pointer_exchange(&machine->fate, g_strdup(why)));
  (void)virDomainDestroy(machine->domain); /* else it stays as it is: stopped */
  machine->disk_kept = FALSE;
  vn_virt_disk_drop(&machine->disk);
  return TRUE;
}

void
vn_virt_machine_surface(VnVirtMachine *machine)
{
  g_autoptr(GMutexLocker) locked = g_mutex_locker_new(&machine->busy);
  int state = VIR_DOMAIN_NOSTATE, reason = 0;
  if (vn_virt_machine_is_on(machine) &&
      virDomainGetState(machine->domain, &state, &reason, 0) == 0 &&
      state == VIR_DOMAIN_PAUSED && reason == VIR_DOMAIN_PAUSED_IOERROR)
    (void)virDomainResume(machine->domain); /* QEMU tries again what it could not write */
}

guint64
vn_virt_machine_used(const VnVirtMachine *machine)
{
  return vn_virt_room_used(machine->folder);
}

/* ---- its end ---- */

gboolean
vn_virt_machine_abandon(VnVirtMachine *machine)
{
  if (!g_atomic_int_compare_and_exchange(&machine->running, TRUE, FALSE))
    return FALSE;
  vn_virt_monitor_quit(machine->folder);
  return TRUE;
}

/* News of an end that was meant comes late at times, when the machine is on again. */
static gboolean
is_active(const VnVirtMachine *machine)
{
  virDomainPtr domain = virDomainLookupByUUIDString(machine->host->connection, machine->uuid);
  if (domain == NULL)
    return FALSE;
  gboolean active = virDomainIsActive(domain) == 1;
  (void)virDomainFree(domain); /* drops our reference */
  return active;
}

char *
vn_virt_machine_stopped(VnVirtMachine *machine, int detail)
{
  if (g_atomic_int_get(&machine->changing) || !vn_virt_machine_is_on(machine) || is_active(machine))
    return NULL;
  g_atomic_int_set(&machine->running, FALSE);
  char *fate = g_atomic_pointer_exchange(&machine->fate, NULL);
  return fate != NULL ? fate : vn_virt_console_end(machine->console, detail);
}

void
vn_virt_machine_free(VnVirtMachine *machine)
{
  if (machine == NULL)
    return;
  g_atomic_int_set(&machine->changing, TRUE);
  (void)destroy(machine, NULL); /* libvirt's own end takes the rest */
  g_clear_pointer(&machine->snapshots, g_hash_table_unref);
  vn_virt_disk_clear(&machine->disk);
  close_fd(&machine->share);
  vn_virt_room_leave(machine->folder);
  vn_virt_spec_clear(&machine->spec);
  for (guint i = 0; i < VN_VIRT_N_FILES; i++)
    g_free(machine->files[i]);
  g_free(machine->fate);
  g_mutex_clear(&machine->busy);
  g_free(machine->folder);
  g_free(machine->key);
  g_free(machine->name);
  g_free(machine);
}
