/* SPDX-License-Identifier: GPL-3.0-or-later */
/* See engine.h. Three kinds of threads: the main one runs libvirt's events, one takes requests in
 * the order in which they come, and a few turn machines on or off side by side. Of those that turn
 * on there are as many as processors: a boot keeps one busy.
 */
#include "drivers/libvirt/engine.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "drivers/libvirt/abilities.h"
#include "drivers/libvirt/den.h"
#include "drivers/libvirt/guest.h"
#include "drivers/libvirt/host.h"
#include "drivers/libvirt/nest.h"
#include "drivers/libvirt/prove.h"
#include "drivers/libvirt/room.h"

#define BOOTS_MAX 16u
#define ENDS_MAX  16 /* machines that are turned off at once */

typedef struct {
  VnVirtHost host;
  int calls, events;
  GMutex sending; /* answers and events */
  GMutex lock;    /* of machines */
  GHashTable *machines;
  GMutex holding; /* while held, no machine is freed */
  GThreadPool *rescue;
} Engine;

typedef struct {
  Engine *engine;
  gboolean keep; /* the disk */
} Ends;

/* ---- answers ---- */

static void
give(int socket, GMutex *lock, GVariant *body, const int *fds, guint n_fds)
{
  g_autoptr(GMutexLocker) locked = g_mutex_locker_new(lock);
  if (!vn_virt_send(socket, body, fds, n_fds, NULL))
    _exit(0); /* the slave is gone, and all here with it */
}

static void
answer(Engine *engine, guint32 id, const GError *error, GVariant *more, const int *fds, guint n)
{
  if (more == NULL)
    more = g_variant_new("a{sv}", NULL);
  g_autofree char *text = error != NULL ? g_utf8_make_valid(error->message, -1) : g_strdup("");
  int code = error == NULL                      ? -1
             : error->domain == VN_DRIVER_ERROR ? error->code
                                                : (int)VN_DRIVER_ERROR_FAILED;
  give(engine->calls, &engine->sending, g_variant_new("(uis@a{sv})", id, code, text, more), fds, n);
}

static void
answer_life(Engine *engine, guint32 id, const GError *error, const VnVirtLife *life)
{
  int fds[VN_VIRT_FDS_MAX];
  guint n = 0;
  GVariantBuilder more;
  g_variant_builder_init(&more, G_VARIANT_TYPE_VARDICT);
  if (error == NULL && life->fresh) {
    fds[n++] = life->channel;
    for (guint i = 0; i < life->n_nics; i++)
      fds[n++] = life->nics[i];
    g_variant_builder_add(&more, "{sv}", "nics", g_variant_new_uint32(life->n_nics));
    if (life->key != NULL)
      g_variant_builder_add(&more, "{sv}", "key", g_variant_new_string(life->key));
    if (life->spoiled)
      g_variant_builder_add(&more, "{sv}", "spoiled", g_variant_new_boolean(TRUE));
    if (life->memory >= 0)
      fds[n++] = life->memory;
    if (life->disk >= 0)
      fds[n++] = life->disk;
  }
  answer(engine, id, error, g_variant_builder_end(&more), fds, n);
}

static void
tell_event(Engine *engine, guint32 id, const char *text)
{
  g_autofree char *valid = g_utf8_make_valid(text, -1);
  give(engine->events, &engine->sending, g_variant_new(VN_VIRT_EVENT, id, valid), NULL, 0);
}

static void
tell_user(const char *text, gpointer data)
{
  tell_event(data, VN_VIRT_END, text);
}

/* ---- machines ---- */

static VnVirtGuest *
find(Engine *engine, guint32 id, GError **error)
{
  g_autoptr(GMutexLocker) locked = g_mutex_locker_new(&engine->lock);
  VnVirtGuest *machine = g_hash_table_lookup(engine->machines, GUINT_TO_POINTER(id));
  if (machine == NULL)
    g_set_error(error, VN_DRIVER_ERROR, VN_DRIVER_ERROR_FAILED, "there is no such machine");
  return machine;
}

static void
make(Engine *engine, GVariant *argument, int *fds, guint n_fds)
{
  g_auto(VnVirtSpec) spec = {0};
  g_autoptr(GError) error = NULL;
  int files[VN_VIRT_N_FILES] = {-1, -1, -1};
  guint next = 0;
  VnVirtGuest *machine = NULL;
  guint32 id = 0;
  if (vn_virt_spec_unpack(argument, &spec, &error)) {
    id = spec.id;
    if (find(engine, id, NULL) != NULL) {
      answer(engine, id, NULL, NULL, NULL, 0); /* what is there is there */
      return;
    }
    int *from[VN_VIRT_N_FILES] = {NULL};
    for (guint i = 0; i < VN_VIRT_N_FILES; i++)
      if (spec.files[i] != NULL && next < n_fds) {
        from[i] = &fds[next++];
        files[i] = *from[i];
      }
    machine = vn_virt_guest_new(&engine->host, &spec, files, &error);
    for (guint i = 0; i < VN_VIRT_N_FILES; i++)
      if (from[i] != NULL)
        *from[i] = files[i];
  }
  if (machine != NULL) {
    g_autoptr(GMutexLocker) locked = g_mutex_locker_new(&engine->lock);
    g_hash_table_insert(engine->machines, GUINT_TO_POINTER(id), machine);
  }
  answer(engine, id, error, NULL, NULL, 0);
}

static void
share(Engine *engine, GVariant *argument, VnVirtMessage *message)
{
  guint32 id = g_variant_get_uint32(argument);
  g_autoptr(GError) error = NULL;
  VnVirtGuest *machine = find(engine, id, &error);
  if (machine != NULL && message->n_fds == 1) {
    vn_virt_guest_share(machine, message->fds[0]);
    message->fds[0] = -1;
  }
  answer(engine, id, error, NULL, NULL, 0);
}

/* In one of the threads that turn on. */
static void
turn_on(gpointer data, gpointer user_data)
{
  Engine *engine = user_data;
  guint32 id = GPOINTER_TO_UINT(data) - 1;
  g_autoptr(GError) error = NULL;
  g_auto(VnVirtLife) life;
  vn_virt_life_init(&life);
  VnVirtGuest *machine = find(engine, id, &error);
  if (machine != NULL)
    (void)vn_virt_guest_on(machine, &life, &error); /* the answer says it */
  answer_life(engine, id, error, &life);
}

static void
turn_all_on(Engine *engine, GVariant *argument)
{
  gsize n;
  const guint32 *ids = g_variant_get_fixed_array(argument, &n, sizeof *ids);
  GThreadPool *pool =
      g_thread_pool_new(turn_on, engine, (gint)MIN(g_get_num_processors(), BOOTS_MAX), FALSE, NULL);
  for (gsize i = 0; i < n; i++)
    (void)g_thread_pool_push(pool, GUINT_TO_POINTER(ids[i] + 1), NULL); /* it is queued anyway */
  g_thread_pool_free(pool, FALSE, TRUE);
}

/* In one of the threads that turn off: libvirt sleeps most of the time that it takes. */
static void
turn_off(gpointer data, gpointer user_data)
{
  const Ends *ends = user_data;
  guint32 id = GPOINTER_TO_UINT(data) - 1;
  g_autoptr(GError) error = NULL;
  VnVirtGuest *machine = find(ends->engine, id, &error);
  if (machine != NULL)
    (void)vn_virt_guest_off(machine, ends->keep, &error); /* the answer says it */
  answer(ends->engine, id, error, NULL, NULL, 0);
}

static void
turn_all_off(Engine *engine, GVariant *argument)
{
  Ends ends = {.engine = engine};
  g_autoptr(GVariant) numbers = NULL;
  g_variant_get(argument, "(@aub)", &numbers, &ends.keep);
  gsize n;
  const guint32 *ids = g_variant_get_fixed_array(numbers, &n, sizeof *ids);
  /* libvirt's helpers for containers get in each other's way. */
  gint at_once = engine->host.containers ? 1 : ENDS_MAX;
  GThreadPool *pool = g_thread_pool_new(turn_off, &ends, at_once, FALSE, NULL);
  for (gsize i = 0; i < n; i++)
    (void)g_thread_pool_push(pool, GUINT_TO_POINTER(ids[i] + 1), NULL); /* it is queued anyway */
  g_thread_pool_free(pool, FALSE, TRUE);
}

static void
remove_all(Engine *engine, GVariant *argument)
{
  gsize n;
  const guint32 *ids = g_variant_get_fixed_array(argument, &n, sizeof *ids);
  for (gsize i = 0; i < n; i++) {
    VnVirtGuest *machine = find(engine, ids[i], NULL);
    g_mutex_lock(&engine->lock);
    g_hash_table_remove(engine->machines, GUINT_TO_POINTER(ids[i]));
    g_mutex_unlock(&engine->lock);
    g_mutex_lock(&engine->holding);
    vn_virt_guest_free(machine); /* nobody finds it any more; NULL: it was removed before */
    g_mutex_unlock(&engine->holding);
    answer(engine, ids[i], NULL, NULL, NULL, 0);
  }
}

static void
revert(Engine *engine, GVariant *argument)
{
  guint32 id;
  const char *name;
  g_autoptr(GError) error = NULL;
  g_auto(VnVirtLife) life;
  vn_virt_life_init(&life);
  g_variant_get(argument, "(u&s)", &id, &name);
  VnVirtGuest *machine = find(engine, id, &error);
  if (machine != NULL)
    (void)vn_virt_guest_revert(machine, name, &life, &error); /* the answer says it */
  answer_life(engine, id, error, &life);
}

static void
snapshot(Engine *engine, GVariant *argument)
{
  guint32 id;
  const char *name;
  g_autoptr(GError) error = NULL;
  g_variant_get(argument, "(u&s)", &id, &name);
  VnVirtGuest *machine = find(engine, id, &error);
  if (machine != NULL)
    (void)vn_virt_guest_snapshot(machine, name, &error); /* the answer says it */
  answer(engine, id, error, NULL, NULL, 0);
}

static void
simple(Engine *engine, GVariant *argument, gboolean (*act)(VnVirtGuest *, GError **))
{
  guint32 id = g_variant_get_uint32(argument);
  g_autoptr(GError) error = NULL;
  VnVirtGuest *machine = find(engine, id, &error);
  if (machine != NULL)
    (void)act(machine, &error); /* the answer says it */
  answer(engine, id, error, NULL, NULL, 0);
}

static void
prove(Engine *engine)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(GPtrArray) facts = g_ptr_array_new_with_free_func(g_free);
  guint on = 0;
  gboolean good = TRUE;
  GHashTableIter iter;
  gpointer machine;
  g_hash_table_iter_init(&iter, engine->machines);
  while (good && g_hash_table_iter_next(&iter, NULL, &machine)) {
    on += vn_virt_guest_is_on(machine);
    good = vn_virt_guest_prove(machine, &error);
  }
  GVariant *more = NULL;
  if (good && vn_virt_prove(&engine->host, on, facts, &error)) {
    GVariantBuilder list;
    g_variant_builder_init(&list, G_VARIANT_TYPE_VARDICT);
    g_variant_builder_add(&list, "{sv}", "facts",
                          g_variant_new_strv((const char *const *)facts->pdata, facts->len));
    more = g_variant_builder_end(&list);
  }
  answer(engine, 0, error, more, NULL, 0);
}

/* ---- requests ---- */

static const char *const types[] = {
    [VN_VIRT_MAKE] = "a{sv}",  [VN_VIRT_FOLDER] = "u",  [VN_VIRT_ON] = "au",
    [VN_VIRT_OFF] = "(aub)",   [VN_VIRT_REMOVE] = "au", [VN_VIRT_SNAPSHOT] = "(us)",
    [VN_VIRT_REVERT] = "(us)", [VN_VIRT_SUSPEND] = "u", [VN_VIRT_RESUME] = "u",
    [VN_VIRT_PROVE] = "()",
};

static void
act(Engine *engine, VnVirtOp op, GVariant *argument, VnVirtMessage *message)
{
  switch (op) {
  case VN_VIRT_MAKE:
    make(engine, argument, message->fds, message->n_fds);
    break;
  case VN_VIRT_FOLDER:
    share(engine, argument, message);
    break;
  case VN_VIRT_ON:
    turn_all_on(engine, argument);
    break;
  case VN_VIRT_OFF:
    turn_all_off(engine, argument);
    break;
  case VN_VIRT_REMOVE:
    remove_all(engine, argument);
    break;
  case VN_VIRT_SNAPSHOT:
    snapshot(engine, argument);
    break;
  case VN_VIRT_REVERT:
    revert(engine, argument);
    break;
  case VN_VIRT_SUSPEND:
    simple(engine, argument, vn_virt_guest_suspend);
    break;
  case VN_VIRT_RESUME:
    simple(engine, argument, vn_virt_guest_resume);
    break;
  case VN_VIRT_PROVE:
    prove(engine);
    break;
  case VN_VIRT_N_OPS:
    break;
  }
}

static gboolean
serve_one(Engine *engine)
{
  g_auto(VnVirtMessage) message = {0};
  g_autoptr(GVariant) argument = NULL;
  guint32 op;
  if (!vn_virt_receive(engine->calls, VN_VIRT_REQUEST, &message, NULL))
    return FALSE;
  g_variant_get(message.body, "(uv)", &op, &argument);
  if (op >= VN_VIRT_N_OPS || !g_variant_is_of_type(argument, G_VARIANT_TYPE(types[op])))
    return FALSE;
  act(engine, (VnVirtOp)op, argument, &message);
  answer(engine, VN_VIRT_END, NULL, NULL, NULL, 0);
  return TRUE;
}

/* ---- its life ---- */

static void
on_lifecycle(virConnectPtr connection, virDomainPtr domain, int event, int detail, gpointer data)
{
  Engine *engine = data;
  if (event != VIR_DOMAIN_EVENT_STOPPED && event != VIR_DOMAIN_EVENT_CRASHED)
    return;
  char uuid[VIR_UUID_STRING_BUFLEN];
  if (virDomainGetUUIDString(domain, uuid) != 0)
    return;
  g_autoptr(GMutexLocker) locked = g_mutex_locker_new(&engine->lock);
  GHashTableIter iter;
  gpointer machine;
  g_hash_table_iter_init(&iter, engine->machines);
  while (g_hash_table_iter_next(&iter, NULL, &machine)) {
    if (strcmp(vn_virt_guest_uuid(machine), uuid) != 0)
      continue;
    g_autofree char *why = vn_virt_guest_stopped(machine, detail);
    if (why != NULL)
      tell_event(engine, vn_virt_guest_id(machine), why);
  }
}

/* All that are there now; `holding` is held. */
static GPtrArray *
list_machines(Engine *engine)
{
  GPtrArray *machines = g_ptr_array_new();
  g_autoptr(GMutexLocker) locked = g_mutex_locker_new(&engine->lock);
  GHashTableIter iter;
  gpointer machine;
  g_hash_table_iter_init(&iter, engine->machines);
  while (g_hash_table_iter_next(&iter, NULL, &machine))
    g_ptr_array_add(machines, machine);
  return machines;
}

/* The room for what guests write is full, and who wrote is stopped. Whoever takes most of it ends,
 * which makes room, and the others go on. */
static void
make_room(Engine *engine)
{
  g_autoptr(GMutexLocker) held = g_mutex_locker_new(&engine->holding);
  g_autoptr(GPtrArray) machines = list_machines(engine);
  VnVirtGuest *largest = NULL;
  guint64 most = 0;
  for (guint i = 0; i < machines->len; i++) {
    guint64 used = vn_virt_guest_used(machines->pdata[i]);
    if (vn_virt_guest_is_on(machines->pdata[i]) && used >= most) {
      largest = machines->pdata[i];
      most = used;
    }
  }
  g_autofree char *room = vn_virt_room_text(engine->host.home);
  g_autofree char *own = g_format_size(most);
  g_autofree char *why = g_strdup_printf(
      "no room for what it writes: of the %s for the disks and snapshots of all machines it took "
      "%s, the most%s",
      room, own, engine->host.nested ? " (VNEC_WRITES_MAX sets the room)" : "");
  /* One that ended just now may have been told of several times. */
  if (largest != NULL && vn_virt_room_is_full(engine->host.home))
    (void)vn_virt_guest_drown(largest, why); /* FALSE: it ended meanwhile */
  for (guint i = 0; i < machines->len; i++)
    vn_virt_guest_surface(machines->pdata[i]);
}

/* libvirt is gone, and with it the news of machines; emulators that it started may live on. */
static void
abandon_all(Engine *engine)
{
  g_autoptr(GMutexLocker) held = g_mutex_locker_new(&engine->holding);
  g_autoptr(GPtrArray) machines = list_machines(engine);
  g_autofree char *why = g_strdup_printf("the connection to libvirt (%s) broke", engine->host.uri);
  for (guint i = 0; i < machines->len; i++)
    if (vn_virt_guest_abandon(machines->pdata[i]))
      tell_event(engine, vn_virt_guest_id(machines->pdata[i]), why);
}

typedef void (*Rescue)(Engine *engine);
static const Rescue rescues[] = {make_room, abandon_all};
enum { MAKE_ROOM = 1, ABANDON_ALL };

/* In a thread of its own: in that of events libvirt must not be called for long. */
static void
rescue(gpointer which, gpointer data)
{
  rescues[GPOINTER_TO_UINT(which) - 1](data);
}

static void
call_rescue(Engine *engine, guint which)
{
  (void)g_thread_pool_push(engine->rescue, GUINT_TO_POINTER(which), NULL); /* it is queued anyway */
}

static void
on_io_error(virConnectPtr connection, virDomainPtr domain, const char *path, const char *alias,
            int action, const char *reason, gpointer data)
{
  if (action == VIR_DOMAIN_EVENT_IO_ERROR_PAUSE && strcmp(reason, "enospc") == 0)
    call_rescue(data, MAKE_ROOM);
}

static void
on_closed(virConnectPtr connection, int reason, gpointer data)
{
  call_rescue(data, ABANDON_ALL);
}

/* Before anybody could have spoiled it. */
static void
tell_abilities(Engine *engine)
{
  if (engine->host.states == NULL)
    return;
  int fds[VN_VIRT_ABILITIES_MAX];
  g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
  vn_virt_abilities_take(engine->host.states, engine->host.home, names, fds);
  if (names->len == 0)
    return;
  GVariantBuilder more;
  g_variant_builder_init(&more, G_VARIANT_TYPE_VARDICT);
  g_variant_builder_add(&more, "{sv}", "abilities",
                        g_variant_new_strv((const char *const *)names->pdata, (gssize)names->len));
  answer(engine, 0, NULL, g_variant_builder_end(&more), fds, names->len);
  for (guint i = 0; i < names->len; i++)
    (void)close(fds[i]); /* only read */
}

static gpointer
serve(gpointer data)
{
  Engine *engine = data;
  g_autoptr(GError) error = NULL;
  if (vn_virt_host_open(&engine->host, &error)) {
    virConnectPtr connection = engine->host.connection;
    (void)virConnectDomainEventRegisterAny(connection, NULL, VIR_DOMAIN_EVENT_ID_LIFECYCLE,
                                           VIR_DOMAIN_EVENT_CALLBACK(on_lifecycle), engine, NULL);
    (void)virConnectDomainEventRegisterAny(connection, NULL, VIR_DOMAIN_EVENT_ID_IO_ERROR_REASON,
                                           VIR_DOMAIN_EVENT_CALLBACK(on_io_error), engine, NULL);
    (void)virConnectRegisterCloseCallback(connection, on_closed, engine, NULL);
  }
  if (error == NULL)
    tell_abilities(engine);
  answer(engine, VN_VIRT_END, error, NULL, NULL, 0);
  while (error == NULL && serve_one(engine))
    ;
  /* In a nest the end of its first process is the end of all; elsewhere machines are turned off. */
  if (!engine->host.nested) {
    g_mutex_lock(&engine->holding);
    g_hash_table_remove_all(engine->machines);
  }
  _exit(0);
}

static void
free_machine(gpointer machine)
{
  vn_virt_guest_free(machine);
}

static char *
address_of(const VnVirtOptions *options)
{
  if (strcmp(options->uri, VN_VIRT_EMBEDDED) == 0)
    return g_strdup("qemu:///embed?root=" VN_VIRT_HOME);
  return g_strdup(strcmp(options->uri, VN_VIRT_CONTAINERS) == 0 ? "lxc:///system" : options->uri);
}

int
vn_virt_engine_run(const VnVirtOptions *options)
{
  g_autoptr(GError) error = NULL;
  gboolean containers = strcmp(options->uri, VN_VIRT_CONTAINERS) == 0;
  gboolean nested = containers || strcmp(options->uri, VN_VIRT_EMBEDDED) == 0;
  Engine engine = {
      .calls = options->calls,
      .events = options->events,
      .host = {.uri = address_of(options),
               .nested = nested,
               .containers = containers,
               .home = g_strdup(nested ? VN_VIRT_HOME : options->folder),
               .states = nested && options->states != NULL ? g_strdup(VN_VIRT_STATES) : NULL,
               .salt = g_strdup(options->salt),
               .tell = tell_user,
               .data = &engine}};
  gboolean there = containers ? vn_virt_den_enter(options->calls, options->folder, &error)
                   : nested   ? vn_virt_nest_enter(options->calls, options->states, &error)
                              : TRUE;
  if (!there) {
    answer(&engine, VN_VIRT_END, error, NULL, NULL, 0);
    return EXIT_FAILURE;
  }
  if (nested) {
    (void)g_setenv("HOME", VN_VIRT_HOME, TRUE); /* libvirt's private files; fails without memory */
    (void)g_setenv("XDG_RUNTIME_DIR", VN_VIRT_HOME, TRUE);
  }
  engine.rescue = g_thread_pool_new(rescue, &engine, 1, FALSE, NULL);
  engine.machines = g_hash_table_new_full(NULL, NULL, NULL, nested ? NULL : free_machine);
  vn_virt_host_prepare(nested);
  GThread *requests = g_thread_new("requests", serve, &engine);
  g_autoptr(GMainLoop) loop = g_main_loop_new(NULL, FALSE);
  g_main_loop_run(loop);
  g_thread_join(requests);
  return EXIT_SUCCESS;
}
