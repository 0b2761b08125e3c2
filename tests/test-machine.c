/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The life of a machine on libvirt's test:///default: real calls and events of libvirt, no guest.
 * Where QEMU would listen on the machine's sockets, a thread here does and plays the agent. */
#include <glib/gstdio.h>
#include <libvirt/libvirt.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "drivers/libvirt/machine.h"
#include "frame/frame.h"
#include "frame/line.h"

#define WAIT_US (30 * G_USEC_PER_SEC)

/* ---- what QEMU and the guest do ---- */

typedef struct {
  char *folder;
  int listening[3];
  int connections[16];
  guint n;
  gint ending, deaf; /* atomic; deaf: the agent says nothing */
  GThread *thread;
} Guest;

static const char *const names[] = {"agent", "console", "nic0"};

static int
listen_at(const char *folder, const char *name)
{
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  g_snprintf(address.sun_path, sizeof address.sun_path, "%s/%s", folder, name);
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  g_assert_cmpint(bind(fd, (struct sockaddr *)&address, sizeof address), ==, 0);
  g_assert_cmpint(listen(fd, 4), ==, 0);
  return fd;
}

static void
say_hello(int fd, const char *token)
{
  guint8 begin[VN_LINE_SYNC], frame[64], line[128];
  VnFrameWriter out;
  vn_line_begin(token, begin);
  vn_frame_writer_init(&out, frame, sizeof frame);
  vn_frame_begin(&out, VN_FRAME_HELLO, 0, 0, 0);
  vn_frame_put_text(&out, VN_TAG_OS, "linux");
  size_t n = vn_line_write(frame, vn_frame_end(&out), line);
  g_assert_cmpint(write(fd, begin, sizeof begin), ==, sizeof begin);
  g_assert_cmpint(write(fd, line, n), ==, (gssize)n);
}

/* Answers each beginning, as an agent does. */
static void
hear(Guest *guest, guint i)
{
  guint8 bytes[VN_LINE_SYNC], content[VN_LINE_SYNC];
  VnLineReader reader = {0};
  size_t size;
  int begun;
  ssize_t n = recv(guest->connections[i], bytes, sizeof bytes, MSG_WAITALL);
  if (n == (ssize_t)sizeof bytes && !g_atomic_int_get(&guest->deaf)) {
    vn_line_read(&reader, bytes, sizeof bytes, content, &size, &begun);
    g_assert_true(begun);
    say_hello(guest->connections[i], reader.token);
    return;
  }
  if (n <= 0) {
    close(guest->connections[i]);
    guest->connections[i] = guest->connections[--guest->n];
  }
}

static gpointer
play(gpointer data)
{
  Guest *guest = data;
  while (!g_atomic_int_get(&guest->ending)) {
    struct pollfd fds[G_N_ELEMENTS(guest->listening) + G_N_ELEMENTS(guest->connections)];
    guint n = 0;
    for (guint i = 0; i < G_N_ELEMENTS(guest->listening); i++)
      fds[n++] = (struct pollfd){guest->listening[i], POLLIN, 0};
    for (guint i = 0; i < guest->n; i++)
      fds[n++] = (struct pollfd){guest->connections[i], POLLIN, 0};
    if (poll(fds, n, 20) <= 0)
      continue;
    guint before = guest->n;
    for (guint i = before; i > 0; i--)
      if (fds[G_N_ELEMENTS(guest->listening) + i - 1].revents != 0)
        hear(guest, i - 1);
    for (guint i = 0; i < G_N_ELEMENTS(guest->listening); i++) {
      if (fds[i].revents == 0 || guest->n == G_N_ELEMENTS(guest->connections))
        continue;
      int fd = accept4(guest->listening[i], NULL, NULL, SOCK_CLOEXEC);
      if (fd >= 0)
        guest->connections[guest->n++] = fd;
    }
  }
  return NULL;
}

static void
guest_start(Guest *guest, const char *folder)
{
  *guest = (Guest){.folder = g_strdup(folder)};
  for (guint i = 0; i < G_N_ELEMENTS(names); i++)
    guest->listening[i] = listen_at(folder, names[i]);
  guest->thread = g_thread_new("guest", play, guest);
}

static void
guest_end(Guest *guest)
{
  g_atomic_int_set(&guest->ending, TRUE);
  g_thread_join(guest->thread);
  for (guint i = 0; i < G_N_ELEMENTS(names); i++)
    close(guest->listening[i]);
  for (guint i = 0; i < guest->n; i++)
    close(guest->connections[i]);
  g_free(guest->folder);
}

/* ---- the bench ---- */

typedef struct {
  VnVirtHost host;
  VnVirtMachine *machine;
  Guest guest;
  char *home;
  GMutex lock;
  char *lost;
  int callback;
} Bench;

static void
hear_word(const char *text, gpointer data)
{
  g_test_message("%s", text);
}

static void
on_lifecycle(virConnectPtr connection, virDomainPtr domain, int event, int detail, gpointer data)
{
  Bench *bench = data;
  if (event != VIR_DOMAIN_EVENT_STOPPED || bench->machine == NULL ||
      g_strcmp0(virDomainGetName(domain), vn_virt_machine_domain(bench->machine)) != 0)
    return;
  char *why = vn_virt_machine_stopped(bench->machine, detail);
  g_mutex_lock(&bench->lock);
  if (why != NULL && bench->lost == NULL)
    bench->lost = g_steal_pointer(&why);
  g_mutex_unlock(&bench->lock);
  g_free(why);
}

static VnVirtSpec
box(guint patience)
{
  return (VnVirtSpec){.id = 7,
                      .name = g_strdup("h"),
                      .kind = g_strdup("test"),
                      .arch = g_strdup("i386"),
                      .machine = g_strdup(""),
                      .nic = g_strdup(""),
                      .bus = g_strdup("virtio"),
                      .snapshot = g_strdup(""),
                      .append = g_strdup(""),
                      .content = g_strdup("c"),
                      .cpus = 1,
                      .memory = 64 << 20,
                      .patience = patience,
                      .macs = {0x020000000001},
                      .n_macs = 1};
}

static void
set_up(Bench *bench, gconstpointer data)
{
  int none[VN_VIRT_N_FILES] = {-1, -1, -1};
  g_autoptr(GError) error = NULL;
  bench->home = g_dir_make_tmp("vnec-test-XXXXXX", NULL);
  bench->host = (VnVirtHost){.uri = (char *)"test:///default",
                             .home = bench->home,
                             .salt = (char *)"x",
                             .tell = hear_word};
  g_assert_true(vn_virt_host_open(&bench->host, &error));
  bench->callback =
      virConnectDomainEventRegisterAny(bench->host.connection, NULL, VIR_DOMAIN_EVENT_ID_LIFECYCLE,
                                       VIR_DOMAIN_EVENT_CALLBACK(on_lifecycle), bench, NULL);
  g_auto(VnVirtSpec) spec = box(GPOINTER_TO_UINT(data));
  bench->machine = vn_virt_machine_new(&bench->host, &spec, none, &error);
  g_assert_no_error(error);
  g_autofree char *folder = g_build_filename(bench->home, "7", NULL);
  guest_start(&bench->guest, folder);
}

static void
tear_down(Bench *bench, gconstpointer data)
{
  vn_virt_machine_free(g_steal_pointer(&bench->machine));
  guest_end(&bench->guest);
  virConnectDomainEventDeregisterAny(bench->host.connection, bench->callback);
  virConnectClose(bench->host.connection);
  g_free(bench->host.versions);
  /* The machine took its folder along. */
  g_assert_cmpint(g_rmdir(bench->home), ==, 0);
  g_free(bench->home);
  g_free(bench->lost);
}

/* The domain as another user of libvirt sees it; NULL: it is not there. */
static virDomainPtr
see(Bench *bench)
{
  return virDomainLookupByName(bench->host.connection, vn_virt_machine_domain(bench->machine));
}

static int
state_of(Bench *bench)
{
  int state = -1, reason;
  virDomainPtr domain = see(bench);
  if (domain == NULL)
    return VIR_DOMAIN_NOSTATE;
  g_assert_cmpint(virDomainGetState(domain, &state, &reason, 0), ==, 0);
  virDomainFree(domain);
  return state;
}

static void
turn_on(Bench *bench)
{
  g_auto(VnVirtLife) life;
  g_autoptr(GError) error = NULL;
  vn_virt_life_init(&life);
  (void)vn_virt_machine_on(bench->machine, &life, &error); /* the error says it */
  g_assert_no_error(error);
  g_assert_true(life.fresh);
  g_assert_cmpint(life.channel, >=, 0);
  g_assert_cmpuint(life.n_nics, ==, 1);
  g_assert_cmpint(state_of(bench), ==, VIR_DOMAIN_RUNNING);
}

static void
test_on_off(Bench *bench, gconstpointer data)
{
  g_autoptr(GError) error = NULL;
  g_auto(VnVirtLife) again;
  vn_virt_life_init(&again);
  turn_on(bench);
  g_assert_true(g_str_has_prefix(vn_virt_machine_domain(bench->machine), "vnec-"));
  /* On once more: success, and nothing new. */
  g_assert_true(vn_virt_machine_on(bench->machine, &again, NULL));
  g_assert_false(again.fresh);
  g_assert_cmpint(again.channel, ==, -1);
  g_assert_true(vn_virt_machine_off(bench->machine, FALSE, &error));
  g_assert_no_error(error);
  g_assert_cmpint(state_of(bench), ==, VIR_DOMAIN_NOSTATE);
  g_assert_true(vn_virt_machine_off(bench->machine, TRUE, NULL));
  turn_on(bench);
}

static void
test_suspend(Bench *bench, gconstpointer data)
{
  g_autoptr(GError) error = NULL;
  g_assert_false(vn_virt_machine_suspend(bench->machine, &error));
  g_assert_cmpstr(error->message, ==, "it is off");
  turn_on(bench);
  g_assert_true(vn_virt_machine_suspend(bench->machine, NULL));
  g_assert_cmpint(state_of(bench), ==, VIR_DOMAIN_PAUSED);
  g_assert_true(vn_virt_machine_resume(bench->machine, NULL));
  g_assert_true(vn_virt_machine_resume(bench->machine, NULL)); /* it is done */
  g_assert_cmpint(state_of(bench), ==, VIR_DOMAIN_RUNNING);
  g_assert_true(vn_virt_machine_suspend(bench->machine, NULL));
  g_assert_true(vn_virt_machine_off(bench->machine, FALSE, NULL)); /* from there, too */
  g_assert_cmpint(state_of(bench), ==, VIR_DOMAIN_NOSTATE);
}

static void
test_no_such_snapshot(Bench *bench, gconstpointer data)
{
  g_autoptr(GError) error = NULL;
  g_auto(VnVirtLife) life;
  vn_virt_life_init(&life);
  turn_on(bench);
  g_assert_false(vn_virt_machine_revert(bench->machine, "never", &life, &error));
  g_assert_nonnull(strstr(error->message, "never"));
  g_assert_cmpint(state_of(bench), ==, VIR_DOMAIN_RUNNING); /* and is as it was */
}

static const char *
await_loss(Bench *bench)
{
  gboolean found = FALSE;
  for (gint64 end = g_get_monotonic_time() + WAIT_US; !found && g_get_monotonic_time() < end;) {
    g_mutex_lock(&bench->lock);
    found = bench->lost != NULL;
    g_mutex_unlock(&bench->lock);
    g_usleep(1000);
  }
  g_assert_true(found);
  g_assert_false(vn_virt_machine_is_on(bench->machine));
  return bench->lost;
}

/* An end that nobody asked for is a loss; one that somebody did is none, however late the news. */
static void
test_lost(Bench *bench, gconstpointer data)
{
  turn_on(bench);
  g_assert_true(vn_virt_machine_off(bench->machine, FALSE, NULL));
  turn_on(bench);
  virDomainPtr domain = see(bench);
  g_assert_nonnull(domain);
  g_assert_cmpint(virDomainDestroy(domain), ==, 0);
  virDomainFree(domain);
  g_assert_nonnull(strstr(await_loss(bench), "stopped by itself"));
  turn_on(bench); /* it can be turned on again */
}

/* One that is ended for want of room says so, and can be turned on again. */
static void
test_drowned(Bench *bench, gconstpointer data)
{
  g_assert_false(vn_virt_machine_drown(bench->machine, "no room"));
  turn_on(bench);
  g_assert_true(vn_virt_machine_drown(bench->machine, "no room"));
  g_assert_cmpstr(await_loss(bench), ==, "no room");
  turn_on(bench);
}

/* A domain of somebody else that has the very name: running or only defined, it stays as it is. */
static void
test_foreign(Bench *bench, gconstpointer data)
{
  turn_on(bench);
  g_autofree char *xml = g_strdup_printf(
      "<domain type='test'><name>%s</name><memory>65536</memory><os><type>hvm</type></os></domain>",
      vn_virt_machine_domain(bench->machine));
  g_assert_true(vn_virt_machine_off(bench->machine, FALSE, NULL));
  virDomainPtr theirs = virDomainDefineXML(bench->host.connection, xml);
  g_assert_nonnull(theirs);
  for (guint running = 0; running < 2; running++) {
    g_autoptr(GError) error = NULL;
    g_auto(VnVirtLife) life;
    vn_virt_life_init(&life);
    g_assert_cmpint(running == 1 ? virDomainCreate(theirs) : 0, ==, 0);
    g_assert_false(vn_virt_machine_on(bench->machine, &life, &error));
    g_assert_nonnull(strstr(error->message, "this run did not make"));
    g_assert_true(vn_virt_machine_off(bench->machine, FALSE, NULL));
    g_assert_cmpint(virDomainIsActive(theirs), ==, (int)running);
    g_assert_cmpint(virDomainIsPersistent(theirs), ==, 1);
  }
  g_assert_cmpint(virDomainDestroy(theirs), ==, 0);
  g_assert_cmpint(virDomainUndefine(theirs), ==, 0);
  virDomainFree(theirs);
  turn_on(bench);
}

/* An agent that never answers: an error, and the machine is off. */
static void
test_silent(Bench *bench, gconstpointer data)
{
  g_autoptr(GError) error = NULL;
  g_auto(VnVirtLife) life;
  vn_virt_life_init(&life);
  g_atomic_int_set(&bench->guest.deaf, TRUE);
  g_assert_false(vn_virt_machine_on(bench->machine, &life, &error));
  g_assert_nonnull(strstr(error->message, "did not answer within 1 s"));
  g_assert_cmpint(state_of(bench), ==, VIR_DOMAIN_NOSTATE);
  g_assert_false(vn_virt_machine_is_on(bench->machine));
}

static gpointer
run_loop(gpointer loop)
{
  g_main_loop_run(loop);
  return NULL;
}

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  vn_virt_host_prepare(FALSE);
  g_autoptr(GMainLoop) loop = g_main_loop_new(NULL, FALSE);
  GThread *thread = g_thread_new("events", run_loop, loop);
#define ADD(name, func, patience) \
  g_test_add("/machine/" name, Bench, GUINT_TO_POINTER(patience), set_up, func, tear_down)
  ADD("on-off", test_on_off, 60);
  ADD("suspend", test_suspend, 60);
  ADD("no-such-snapshot", test_no_such_snapshot, 60);
  ADD("lost", test_lost, 60);
  ADD("drowned", test_drowned, 60);
  ADD("foreign", test_foreign, 60);
  ADD("silent", test_silent, 1);
  int status = g_test_run();
  g_main_loop_quit(loop);
  g_thread_join(thread);
  return status;
}
