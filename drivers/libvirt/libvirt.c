/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The driver in the slave. It knows no libvirt: each operation is one call of vnec-virt
 * (client.h), of which there is one for each address of libvirt that an experiment uses, and
 * usually just the one in its own nest. Here are the things that vnec-virt must not do: opening
 * images, keeping states, connecting NICs with the hub.
 */
#include "drivers/libvirt/libvirt.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "drivers/libvirt/client.h"
#include "drivers/libvirt/container-image.h"
#include "drivers/libvirt/folder.h"
#include "drivers/libvirt/image.h"
#include "drivers/libvirt/states.h"
#include "hub/hub.h"

typedef struct {
  guint32 id, n_segments;
  guint32 *segments; /* by interface */
  gboolean *down;    /* by interface: its link, by the script; under the state's lock, like: */
  gboolean suspended;
  VnVirtClient *client;
  gpointer hold; /* its image */
  gboolean by_folder;
  int folder; /* that of this life, or of the next; -1: none */
} Vm;

struct VnDriverState {
  VnDriverContext context;
  gboolean containers; /* else virtual machines */
  char *experiment, *program;
  char *states;        /* folder; NULL: none are kept */
  GHashTable *clients; /* by address */
  GHashTable *vms;     /* Vm* by number */
  GMutex lock;         /* of: */
  GHashTable *on;
  GPtrArray *words; /* to the user; told with the proof */
};

/* ---- events ---- */

static void
set_on(VnDriverState *state, guint32 id, gboolean on)
{
  g_autoptr(GMutexLocker) locked = g_mutex_locker_new(&state->lock);
  if (on)
    g_hash_table_add(state->on, GUINT_TO_POINTER(id));
  else
    g_hash_table_remove(state->on, GUINT_TO_POINTER(id));
}

static gboolean
is_on(VnDriverState *state, guint32 id)
{
  g_autoptr(GMutexLocker) locked = g_mutex_locker_new(&state->lock);
  return g_hash_table_contains(state->on, GUINT_TO_POINTER(id));
}

static void
lose_all(VnDriverState *state)
{
  g_mutex_lock(&state->lock);
  g_autoptr(GList) ids = g_hash_table_get_keys(state->on);
  g_hash_table_remove_all(state->on);
  g_mutex_unlock(&state->lock);
  for (GList *id = ids; id != NULL; id = id->next)
    state->context.vm_lost(GPOINTER_TO_UINT(id->data), "the process that held its machine ended",
                           state->context.data);
}

static void
note_word(VnDriverState *state, const char *text)
{
  g_autoptr(GMutexLocker) locked = g_mutex_locker_new(&state->lock);
  if (!g_ptr_array_find_with_equal_func(state->words, text, g_str_equal, NULL))
    g_ptr_array_add(state->words, g_strdup(text));
}

static void
on_event(guint32 id, const char *text, gpointer data)
{
  VnDriverState *state = data;
  if (id == VN_VIRT_END && text == NULL)
    lose_all(state);
  else if (id == VN_VIRT_END)
    note_word(state, text);
  else {
    set_on(state, id, FALSE);
    state->context.vm_lost(id, text, state->context.data);
  }
}

/* ---- its life ---- */

static char *
find_program(void)
{
  g_autofree char *own = g_file_read_link("/proc/self/exe", NULL);
  g_autofree char *folder = own != NULL ? g_path_get_dirname(own) : g_strdup("/");
  const char *build = g_getenv("VNEC_BUILDDIR");
  char *found[] = {g_build_filename(folder, "vnec-virt", NULL),
                   g_build_filename(folder, "..", "libexec", "vnec", "vnec-virt", NULL),
                   build != NULL ? g_build_filename(build, "libexec", "vnec", "vnec-virt", NULL)
                                 : g_strdup(""),
                   g_build_filename(VN_LIBEXECDIR, "vnec-virt", NULL)};
  char *program = NULL;
  for (guint i = 0; i < G_N_ELEMENTS(found); i++) {
    if (program == NULL && g_file_test(found[i], G_FILE_TEST_IS_EXECUTABLE))
      program = g_steal_pointer(&found[i]);
    g_free(found[i]);
  }
  return program;
}

static gboolean
missing(GError **error, const char *what, const char *how)
{
  g_set_error(error, VN_DRIVER_ERROR, VN_DRIVER_ERROR_MISSING, "%s; %s", what, how);
  return FALSE;
}

static gboolean
check_with(const char *program, const char *option, GError **error)
{
  const char *arguments[] = {program, option, NULL};
  g_autofree char *said = NULL;
  int status = 0;
  if (!g_spawn_sync(NULL, (char **)arguments, NULL, G_SPAWN_STDERR_TO_DEV_NULL, NULL, NULL, &said,
                    NULL, &status, error))
    return FALSE;
  if (g_spawn_check_wait_status(status, NULL))
    return TRUE;
  g_set_error(error, VN_DRIVER_ERROR, VN_DRIVER_ERROR_PRIVILEGE, "%s", g_strchomp(said));
  return FALSE;
}

static gboolean
has_program(const char *program, GError **error)
{
  return program != NULL || missing(error, "vnec-virt is not there",
                                    "build VNEC with libvirt: apt-get install libvirt-dev "
                                    "libvirt-glib-1.0-dev libxml2-dev");
}

static gboolean
probe_containers(GError **error)
{
  g_autofree char *program = find_program();
  return has_program(program, error) && check_with(program, "--containers", error);
}

static gboolean
probe(GError **error)
{
  g_autofree char *program = find_program();
  g_autofree char *qemu = g_find_program_in_path("qemu-system-x86_64");
  g_autofree char *img = g_find_program_in_path("qemu-img");
  if (!has_program(program, error))
    return FALSE;
  if (qemu == NULL || img == NULL)
    return missing(error, "QEMU is not there",
                   "apt-get install --no-install-recommends qemu-system-x86 qemu-utils "
                   "libvirt-daemon-driver-qemu libvirt-daemon");
  return check_with(program, "--check", error);
}

static void
vm_free(gpointer data)
{
  Vm *vm = data;
  vn_virt_image_release(vm->hold);
  if (vm->folder >= 0)
    (void)close(vm->folder); /* what is in it has no reader any more */
  g_free(vm->segments);
  g_free(vm->down);
  g_free(vm);
}

static void
client_free(gpointer client)
{
  vn_virt_client_close(client);
}

static VnDriverState *
open_experiment(const VnDriverContext *context, GError **error)
{
  VnDriverState *state = g_new0(VnDriverState, 1);
  state->context = *context;

  state->experiment = g_strdup(context->experiment);
  state->program = find_program();
  state->states = vn_virt_states_folder();
  state->clients = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, client_free);
  state->vms = g_hash_table_new_full(NULL, NULL, NULL, vm_free);
  state->on = g_hash_table_new(NULL, NULL);
  state->words = g_ptr_array_new_with_free_func(g_free);
  return state;
}

static VnDriverState *
open_containers(const VnDriverContext *context, GError **error)
{
  VnDriverState *state = open_experiment(context, error);
  state->containers = TRUE;
  return state;
}

/* Where machines outside of a nest have their files; vnec-virt removes its own, unless it was
 * killed. */
static char *
outside_folder(const VnDriverState *state)
{
  return g_build_filename(g_get_user_runtime_dir(), "vnec-virt", state->experiment, NULL);
}

static void
remove_tree(const char *path, guint depth)
{
  g_autoptr(GDir) folder = g_dir_open(path, 0, NULL);
  const char *name;
  while (folder != NULL && (name = g_dir_read_name(folder)) != NULL) {
    g_autofree char *file = g_build_filename(path, name, NULL);
    if (unlink(file) != 0 && depth > 0)
      remove_tree(file, depth - 1);
  }
  (void)rmdir(path); /* perhaps it was never made */
}

static void
close_experiment(VnDriverState *state)
{
  if (state == NULL)
    return;
  g_hash_table_unref(state->clients); /* ends all machines */
  g_autofree char *outside = outside_folder(state);
  g_autofree char *above = g_path_get_dirname(outside);
  remove_tree(outside, 1);
  (void)rmdir(above); /* others may use it */
  g_hash_table_unref(state->vms);
  g_hash_table_unref(state->on);
  g_ptr_array_unref(state->words);
  g_free(state->experiment);
  g_free(state->program);
  g_free(state->states);
  g_free(state);
}

static VnVirtClient *
client_of(VnDriverState *state, const char *uri, GError **error)
{
  VnVirtClient *client = g_hash_table_lookup(state->clients, uri);
  if (client != NULL)
    return client;
  if (state->program == NULL)
    return probe(error) ? NULL : NULL;
  gboolean nested = state->containers || strcmp(uri, VN_VIRT_EMBEDDED) == 0;
  g_autofree char *folder =
      state->containers ? g_strdup(state->context.agent_dir) : outside_folder(state);
  if (!nested && g_mkdir_with_parents(folder, 0711) != 0) {
    vn_virt_fail(error, errno, "making %s", folder);
    return NULL;
  }
  const VnVirtClientOptions options = {.program = state->program,
                                       .uri = uri,
                                       .states = state->states,
                                       .folder = nested && !state->containers ? NULL : folder,
                                       .experiment = state->experiment,
                                       .event = on_event,
                                       .data = state};
  client = vn_virt_client_open(&options, error);
  if (client != NULL)
    g_hash_table_insert(state->clients, g_strdup(uri), client);
  return client;
}

/* ---- segments ---- */

static void
make_segments(VnDriverState *state, const VnDriverSegment *segments, VnDriverItem *items, guint n)
{
  for (guint i = 0; i < n; i++) {
    const VnDriverSegment *s = &segments[i];
    const VnHubSegment segment = {.id = s->id,
                                  .name = s->name,
                                  .impairment = {.delay_ns = s->delay_ns,
                                                 .jitter_ns = s->jitter_ns,
                                                 .loss = s->loss,
                                                 .duplicate = s->duplicate,
                                                 .reorder = s->reorder,
                                                 .rate = s->rate,
                                                 .queue = s->queue},
                                  .seed = s->seed};
    items[i].id = s->id;
    (void)vn_hub_add_segment(state->context.hub, &segment, &items[i].error); /* the item says it */
  }
}

static void
remove_segments(VnDriverState *state, VnDriverItem *items, guint n)
{
  for (guint i = 0; i < n; i++)
    vn_hub_remove_segment(state->context.hub, items[i].id);
}

/* ---- answers ---- */

typedef struct {
  VnDriverState *state;
  VnDriverItem *items;
  VnDriverChannel *channels; /* NULL: none are given */
  guint n;
  GHashTable *places; /* id to place, plus 1 */
} Batch;

static VnDriverItem *
item_of(Batch *batch, guint32 id, guint *out_place)
{
  guint place = GPOINTER_TO_UINT(g_hash_table_lookup(batch->places, GUINT_TO_POINTER(id)));
  *out_place = place - 1;
  return place == 0 ? NULL : &batch->items[place - 1];
}

static int
take_fd(VnVirtMessage *message, guint i)
{
  int fd = i < message->n_fds ? message->fds[i] : -1;
  if (i < message->n_fds)
    message->fds[i] = -1;
  return fd;
}

/* The machine's ready state, if it was just taken, is copied; one that was used counts as used. */
static void
keep_state(VnDriverState *state, GVariant *more, VnVirtMessage *message, guint first)
{
  const char *key;
  gboolean spoiled = FALSE;
  if (state->states == NULL || !g_variant_lookup(more, "key", "&s", &key))
    return;
  (void)g_variant_lookup(more, "spoiled", "b", &spoiled); /* FALSE if absent */
  g_autoptr(GError) error = NULL;
  if (first < message->n_fds) {
    int disk = first + 1 < message->n_fds ? message->fds[first + 1] : -1;
    if (!vn_virt_states_keep(state->states, key, spoiled, message->fds[first], disk, &error)) {
      g_autofree char *text = g_strdup_printf("a ready state is not kept: %s", error->message);
      note_word(state, text);
    }
  } else if (spoiled) {
    vn_virt_states_remove(state->states, key);
  } else {
    vn_virt_states_touch(state->states, key);
  }
}

static gboolean
connect_nics(VnDriverState *state, const Vm *vm, guint n_nics, VnVirtMessage *message,
             GError **error)
{
  for (guint i = 0; i < n_nics && i < vm->n_segments; i++) {
    int fd = take_fd(message, 1 + i);
    const VnHubPort port = {.id = VN_HUB_PORT(vm->id, i),
                            .segment = vm->segments[i],
                            .kind = state->containers ? VN_HUB_TAP : VN_HUB_STREAM,
                            .fd = fd};
    if (fd < 0 || !vn_hub_add_port(state->context.hub, &port, error)) {
      if (fd < 0)
        g_set_error(error, VN_DRIVER_ERROR, VN_DRIVER_ERROR_FAILED, "a network card is missing");
      return FALSE;
    }
  }
  return TRUE;
}

/* The folder is the one that was made here, not what comes back from where machines are. */
static void
give_channel(const Vm *vm, VnVirtMessage *message, VnDriverChannel *out)
{
  if (vm->by_folder)
    *out = (VnDriverChannel){.kind = VN_DRIVER_CHANNEL_SPOOL,
                             .fd = fcntl(vm->folder, F_DUPFD_CLOEXEC, 0)};
  else /* the kind stands there already: no_channel */
    out->fd = take_fd(message, 0);
}

static void
note_on(guint32 id, GError *error, GVariant *more, VnVirtMessage *message, gpointer data)
{
  Batch *batch = data;
  guint place, nics = 0;
  VnDriverItem *item = item_of(batch, id, &place);
  if (item == NULL)
    return;
  if (error != NULL) {
    item->error = g_error_copy(error);
    return;
  }
  const Vm *vm = g_hash_table_lookup(batch->state->vms, GUINT_TO_POINTER(id));
  (void)g_variant_lookup(more, "nics", "u", &nics); /* 0 if absent: it was on */
  keep_state(batch->state, more, message, 1 + nics);
  if (message->n_fds == 0)
    return;
  set_on(batch->state, id, TRUE);
  if (connect_nics(batch->state, vm, nics, message, &item->error))
    give_channel(vm, message, &batch->channels[place]);
}

static void
note_done(guint32 id, GError *error, GVariant *more, VnVirtMessage *message, gpointer data)
{
  Batch *batch = data;
  guint place;
  VnDriverItem *item = item_of(batch, id, &place);
  if (item != NULL && error != NULL)
    item->error = g_error_copy(error);
  else if (item != NULL && item->error == NULL)
    set_on(batch->state, id, FALSE);
}

/* ---- calls ---- */

static Vm *
find(VnDriverState *state, guint32 id, GError **error)
{
  Vm *vm = g_hash_table_lookup(state->vms, GUINT_TO_POINTER(id));
  if (vm == NULL)
    g_set_error(error, VN_DRIVER_ERROR, VN_DRIVER_ERROR_FAILED, "there is no such machine");
  return vm;
}

typedef GVariant *(*Argument)(GVariant *ids, gpointer data);

/* One call for each vnec-virt that has machines of the batch. */
static void
call_batch(Batch *batch, VnVirtOp op, VnVirtAnswer answer, Argument argument, gpointer data)
{
  batch->places = g_hash_table_new(NULL, NULL);
  g_autoptr(GPtrArray) clients = g_ptr_array_new();
  for (guint i = 0; i < batch->n; i++) {
    VnDriverItem *item = &batch->items[i];
    g_hash_table_insert(batch->places, GUINT_TO_POINTER(item->id), GUINT_TO_POINTER(i + 1));
    const Vm *vm = find(batch->state, item->id, op == VN_VIRT_REMOVE ? NULL : &item->error);
    if (vm != NULL && !g_ptr_array_find(clients, vm->client, NULL))
      g_ptr_array_add(clients, vm->client);
  }
  for (guint c = 0; c < clients->len; c++) {
    g_autoptr(GArray) ids = g_array_new(FALSE, FALSE, sizeof(guint32));
    g_autoptr(GError) error = NULL;
    for (guint i = 0; i < batch->n; i++) {
      const Vm *vm = find(batch->state, batch->items[i].id, NULL);
      if (vm != NULL && vm->client == clients->pdata[c] && batch->items[i].error == NULL)
        g_array_append_val(ids, batch->items[i].id);
    }
    GVariant *list =
        g_variant_new_fixed_array(G_VARIANT_TYPE_UINT32, ids->data, ids->len, sizeof(guint32));
    if (vn_virt_client_call(clients->pdata[c], op, argument(list, data), NULL, 0, answer, batch,
                            &error))
      continue;
    for (guint i = 0; i < ids->len; i++) {
      guint place;
      VnDriverItem *item = item_of(batch, g_array_index(ids, guint32, i), &place);
      if (item->error == NULL && (batch->channels == NULL || batch->channels[place].fd < 0))
        item->error = g_error_copy(error);
    }
  }
  g_clear_pointer(&batch->places, g_hash_table_unref);
}

static GVariant *
plain(GVariant *ids, gpointer data)
{
  return ids;
}

static GVariant *
with_keep(GVariant *ids, gpointer data)
{
  return g_variant_new("(@aub)", ids, *(const gboolean *)data);
}

typedef struct {
  GError *error;
} One;

static void
note_one(guint32 id, GError *error, GVariant *more, VnVirtMessage *message, gpointer data)
{
  One *one = data;
  if (error != NULL && one->error == NULL)
    one->error = g_error_copy(error);
}

static gboolean
call_one(VnVirtClient *client, VnVirtOp op, GVariant *argument, const int *fds, guint n_fds,
         GError **error)
{
  One one = {0};
  if (!vn_virt_client_call(client, op, argument, fds, n_fds, note_one, &one, error)) {
    g_clear_error(&one.error);
    return FALSE;
  }
  if (one.error == NULL)
    return TRUE;
  g_propagate_error(error, one.error);
  return FALSE;
}

/* ---- machines ---- */

static gboolean
make_vm(VnDriverState *state, const VnDriverVm *vm, GError **error)
{
  g_auto(VnVirtImage) image = {0};
  if (g_hash_table_contains(state->vms, GUINT_TO_POINTER(vm->id)))
    return TRUE;
  if (!(state->containers ? vn_virt_container_read : vn_virt_image_read)(vm, &image, error))
    return FALSE;
  const char *uri = NULL;
  if (vm->image_keys == NULL || !g_variant_lookup(vm->image_keys, "uri", "&s", &uri))
    uri = state->containers ? VN_VIRT_CONTAINERS : VN_VIRT_EMBEDDED;
  if (image.spec.folder && strcmp(uri, VN_VIRT_EMBEDDED) != 0)
    return missing(error, "`channel folder` works with VNEC's own libvirt alone",
                   "leave out `uri` or `channel`");
  VnVirtClient *client = client_of(state, uri, error);
  if (client == NULL || !call_one(client, VN_VIRT_MAKE, vn_virt_spec_pack(&image.spec), image.fds,
                                  image.n_fds, error))
    return FALSE;
  Vm *made = g_new0(Vm, 1);
  *made = (Vm){.id = vm->id, .n_segments = vm->n_ifaces, .client = client};
  made->segments = g_new(guint32, vm->n_ifaces);
  made->down = g_new0(gboolean, vm->n_ifaces);
  made->hold = g_steal_pointer(&image.hold);
  made->by_folder = image.spec.folder;
  made->folder = -1;
  for (guint32 i = 0; i < vm->n_ifaces; i++)
    made->segments[i] = vm->ifaces[i].segment;
  g_hash_table_insert(state->vms, GUINT_TO_POINTER(vm->id), made);
  return TRUE;
}

static void
make_vms(VnDriverState *state, const VnDriverVm *vms, VnDriverItem *items, guint n)
{
  for (guint i = 0; i < n; i++) {
    items[i].id = vms[i].id;
    (void)make_vm(state, &vms[i], &items[i].error); /* the item says it */
  }
}

/* A new life begins with a new folder: nothing of the last one is in it. */
static gboolean
share_folder(VnDriverState *state, guint32 id, GError **error)
{
  Vm *vm = find(state, id, error);
  if (vm == NULL || !vm->by_folder || is_on(state, id))
    return vm != NULL;
  if (vm->folder >= 0)
    (void)close(vm->folder); /* the last life's */
  vm->folder = vn_virt_folder_ask(state->program, error);
  return vm->folder >= 0 &&
         call_one(vm->client, VN_VIRT_FOLDER, g_variant_new_uint32(id), &vm->folder, 1, error);
}

/* A suspended machine is not there: its links are cut, or the kernel of a container would answer,
 * and what a virtual machine missed would wait for it. */
static gboolean
set_suspended(VnDriverState *state, Vm *vm, gboolean suspended, GError **error)
{
  g_autoptr(GMutexLocker) locked = g_mutex_locker_new(&state->lock);
  gboolean done = TRUE;
  gboolean changes = vm->suspended != suspended;
  vm->suspended = suspended;
  for (guint32 i = 0; changes && done && i < vm->n_segments; i++)
    done = vn_hub_set_link(state->context.hub, VN_HUB_PORT(vm->id, i), !suspended && !vm->down[i],
                           error);
  return done;
}

static VnDriverChannel
no_channel(const VnDriverState *state)
{
  return (VnDriverChannel){
      .kind = state->containers ? VN_DRIVER_CHANNEL_STREAM : VN_DRIVER_CHANNEL_PORT, .fd = -1};
}

static void
power_on(VnDriverState *state, VnDriverItem *items, VnDriverChannel *out_channels, guint n)
{
  for (guint i = 0; i < n; i++) {
    out_channels[i] = no_channel(state);
    (void)share_folder(state, items[i].id, &items[i].error); /* the item says it */
  }
  Batch batch = {.state = state, .items = items, .channels = out_channels, .n = n};
  call_batch(&batch, VN_VIRT_ON, note_on, plain, NULL);
}

static void
power_off(VnDriverState *state, VnDriverItem *items, guint n, gboolean keep_disk)
{
  Batch batch = {.state = state, .items = items, .n = n};
  for (guint i = 0; i < n; i++)
    set_on(state, items[i].id, FALSE); /* its end is no loss */
  call_batch(&batch, VN_VIRT_OFF, note_done, with_keep, &keep_disk);
  for (guint i = 0; i < n; i++) {
    Vm *vm = find(state, items[i].id, NULL);
    if (vm != NULL)
      (void)set_suspended(state, vm, FALSE, NULL); /* a port that isn't there is not cut either */
  }
}

static void
remove_vms(VnDriverState *state, VnDriverItem *items, guint n)
{
  Batch batch = {.state = state, .items = items, .n = n};
  for (guint i = 0; i < n; i++)
    set_on(state, items[i].id, FALSE);
  call_batch(&batch, VN_VIRT_REMOVE, note_done, plain, NULL);
  for (guint i = 0; i < n; i++) {
    const Vm *vm = find(state, items[i].id, NULL);
    for (guint32 k = 0; vm != NULL && k < vm->n_segments; k++)
      vn_hub_remove_port(state->context.hub, VN_HUB_PORT(vm->id, k));
    if (items[i].error == NULL)
      g_hash_table_remove(state->vms, GUINT_TO_POINTER(items[i].id));
  }
}

static gboolean
snapshot(VnDriverState *state, guint32 id, const char *name, GError **error)
{
  const Vm *vm = find(state, id, error);
  return vm != NULL &&
         call_one(vm->client, VN_VIRT_SNAPSHOT, g_variant_new("(us)", id, name), NULL, 0, error);
}

static gboolean
revert(VnDriverState *state, guint32 id, const char *name, VnDriverChannel *out_channel,
       GError **error)
{
  Vm *vm = find(state, id, error);
  *out_channel = no_channel(state);
  if (vm == NULL)
    return FALSE;
  VnDriverItem item = {.id = id};
  g_autoptr(GHashTable) places = g_hash_table_new(NULL, NULL);
  g_hash_table_insert(places, GUINT_TO_POINTER(id), GUINT_TO_POINTER(1));
  Batch batch = {.state = state, .items = &item, .channels = out_channel, .n = 1, .places = places};
  set_on(state, id, FALSE);
  if (!vn_virt_client_call(vm->client, VN_VIRT_REVERT, g_variant_new("(us)", id, name), NULL, 0,
                           note_on, &batch, error)) {
    g_clear_error(&item.error);
    return FALSE;
  }
  if (item.error == NULL)
    return set_suspended(state, vm, FALSE, error);
  g_propagate_error(error, item.error);
  return FALSE;
}

static gboolean
suspend_vm(VnDriverState *state, guint32 id, GError **error)
{
  Vm *vm = find(state, id, error);
  return vm != NULL &&
         call_one(vm->client, VN_VIRT_SUSPEND, g_variant_new_uint32(id), NULL, 0, error) &&
         set_suspended(state, vm, TRUE, error);
}

static gboolean
resume_vm(VnDriverState *state, guint32 id, GError **error)
{
  Vm *vm = find(state, id, error);
  return vm != NULL &&
         call_one(vm->client, VN_VIRT_RESUME, g_variant_new_uint32(id), NULL, 0, error) &&
         set_suspended(state, vm, FALSE, error);
}

static gboolean
set_link(VnDriverState *state, guint32 id, guint32 iface, gboolean up, GError **error)
{
  Vm *vm = find(state, id, error);
  if (vm == NULL)
    return FALSE;
  g_autoptr(GMutexLocker) locked = g_mutex_locker_new(&state->lock);
  if (iface < vm->n_segments)
    vm->down[iface] = !up;
  return vm->suspended || vn_hub_set_link(state->context.hub, VN_HUB_PORT(id, iface), up, error);
}

static gboolean
impair(VnDriverState *state, guint32 vm, guint32 iface, const VnDriverSegment *how, GError **error)
{
  const VnHubImpairment impairment = {.delay_ns = how->delay_ns,
                                      .jitter_ns = how->jitter_ns,
                                      .loss = how->loss,
                                      .duplicate = how->duplicate,
                                      .reorder = how->reorder,
                                      .rate = how->rate,
                                      .queue = how->queue};
  return vn_hub_set_impairment(state->context.hub, VN_HUB_PORT(vm, iface),
                               VN_HUB_SENT | VN_HUB_RECEIVED, &impairment, error);
}

/* ---- proof ---- */

typedef struct {
  GPtrArray *facts;
  GError *error;
} Proof;

static void
note_facts(guint32 id, GError *error, GVariant *more, VnVirtMessage *message, gpointer data)
{
  Proof *proof = data;
  g_autofree const char **lines = NULL;
  if (error != NULL && proof->error == NULL)
    proof->error = g_error_copy(error);
  if (error != NULL || !g_variant_lookup(more, "facts", "^a&s", &lines))
    return;
  for (guint i = 0; lines[i] != NULL; i++)
    g_ptr_array_add(proof->facts, g_strdup(lines[i]));
}

static gboolean
prove(VnDriverState *state, GPtrArray *out_facts, GError **error)
{
  GHashTableIter iter;
  gpointer client;
  g_hash_table_iter_init(&iter, state->clients);
  while (g_hash_table_iter_next(&iter, NULL, &client)) {
    Proof proof = {.facts = out_facts};
    gboolean asked = vn_virt_client_call(client, VN_VIRT_PROVE, g_variant_new("()"), NULL, 0,
                                         note_facts, &proof, error);
    if (proof.error != NULL && asked)
      g_propagate_error(error, g_steal_pointer(&proof.error));
    g_clear_error(&proof.error);
    if (!asked || (error != NULL && *error != NULL))
      return FALSE;
  }
  g_autoptr(GMutexLocker) locked = g_mutex_locker_new(&state->lock);
  for (guint i = 0; i < state->words->len; i++)
    g_ptr_array_add(out_facts, g_strdup(state->words->pdata[i]));
  return TRUE;
}

/* What both do alike. */
#define OPERATIONS                                                                    \
  .close = close_experiment, .make_segments = make_segments, .make_vms = make_vms,    \
  .power_on = power_on, .power_off = power_off, .remove_vms = remove_vms,             \
  .remove_segments = remove_segments, .snapshot = snapshot, .revert = revert,         \
  .suspend = suspend_vm, .resume = resume_vm, .set_link = set_link, .impair = impair, \
  .prove = prove

const VnDriver vn_driver_qemu = {
    .tech = VN_TECH_QEMU,
    .by_agent = VN_DRIVER_CLOCK | VN_DRIVER_NETWORK | VN_DRIVER_OBITUARY,
    .probe = probe,
    .open = open_experiment,
    OPERATIONS,
};

const VnDriver vn_driver_lxc = {
    .tech = VN_TECH_LXC,
    .by_agent = VN_DRIVER_NETWORK | VN_DRIVER_OBITUARY,
    .probe = probe_containers,
    .open = open_containers,
    OPERATIONS,
};
