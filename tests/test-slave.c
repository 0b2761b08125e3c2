/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The slave inside this process, with real agents: a small driver, for this test only, starts
 * vnec-taskrunner in pid and user namespaces of its own, without networks. What networks need
 * is tested with the real program, in slave.test.
 */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "frame/status.h"
#include "slave/daemon.h"
#include "slave/listen.h"
#include "tests/slave-master.h"

/* ---- a driver whose machines are bare processes ---- */

typedef struct {
  GPid pid; /* 0: off */
} BareVm;

struct VnDriverState {
  VnDriverContext context;
  BareVm vms[64];
};

static struct {
  guint opened, closed, segments, made;
  gboolean raw; /* agents are sockets that the test holds */
  int raw_fd;
  guint32 refuse; /* this VM can't be turned on */
} bare;

static VnDriverState *
bare_open(const VnDriverContext *context, GError **error)
{
  bare.opened++;
  VnDriverState *state = g_new0(VnDriverState, 1);
  state->context = *context;
  return state;
}

static void
vm_off(BareVm *vm)
{
  if (vm->pid == 0)
    return;
  kill(vm->pid, SIGKILL);
  waitpid(vm->pid, NULL, 0);
  vm->pid = 0;
}

static void
bare_close(VnDriverState *state)
{
  bare.closed++;
  for (guint i = 0; i < G_N_ELEMENTS(state->vms); i++)
    vm_off(&state->vms[i]);
  g_free(state);
}

static void
bare_make_segments(VnDriverState *state, const VnDriverSegment *segments, VnDriverItem *items,
                   guint n)
{
  bare.segments += n;
}

static void
bare_make_vms(VnDriverState *state, const VnDriverVm *vms, VnDriverItem *items, guint n)
{
  bare.made += n;
}

static gboolean
vm_on(VnDriverState *state, guint32 id, VnDriverChannel *out, GError **error)
{
  int fds[2];
  g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), ==, 0);
  if (bare.raw) {
    bare.raw_fd = fds[1];
    out->fd = fds[0];
    return TRUE;
  }
  g_autofree char *agent = g_build_filename(state->context.agent_dir, "vnec-taskrunner", NULL);
  const char *argv[] = {"unshare",      "-U",  "-r",   "-p", "-f", "--kill-child",
                        "--mount-proc", agent, "--fd", "3",  NULL};
  int source = fds[1], target = 3;
  gboolean good = g_spawn_async_with_pipes_and_fds(
      NULL, argv, NULL, G_SPAWN_DO_NOT_REAP_CHILD | G_SPAWN_SEARCH_PATH, NULL, NULL, -1, -1, -1,
      &source, &target, 1, &state->vms[id].pid, NULL, NULL, NULL, error);
  close(fds[1]);
  out->fd = fds[0];
  return good;
}

static void
bare_power_on(VnDriverState *state, VnDriverItem *items, VnDriverChannel *channels, guint n)
{
  for (guint i = 0; i < n; i++) {
    if (items[i].id == bare.refuse)
      g_set_error(&items[i].error, VN_DRIVER_ERROR, VN_DRIVER_ERROR_LIMIT, "no room for %u",
                  items[i].id);
    else
      vm_on(state, items[i].id, &channels[i], &items[i].error);
  }
}

static void
bare_power_off(VnDriverState *state, VnDriverItem *items, guint n, gboolean keep_disk)
{
  for (guint i = 0; i < n; i++)
    vm_off(&state->vms[items[i].id]);
}

static gboolean
bare_revert(VnDriverState *state, guint32 vm, const char *name, VnDriverChannel *out,
            GError **error)
{
  vm_off(&state->vms[vm]);
  return vm_on(state, vm, out, error);
}

static gboolean
bare_prove(VnDriverState *state, GPtrArray *out_facts, GError **error)
{
  g_ptr_array_add(out_facts, g_strdup("nothing is connected"));
  return TRUE;
}

static const VnDriver bare_driver = {.tech = VN_TECH_NETNS,
                                     .open = bare_open,
                                     .close = bare_close,
                                     .make_segments = bare_make_segments,
                                     .make_vms = bare_make_vms,
                                     .power_on = bare_power_on,
                                     .power_off = bare_power_off,
                                     .revert = bare_revert,
                                     .prove = bare_prove};

/* ---- a slave and a master ---- */

typedef struct {
  VnDaemon *daemon;
  VnConfig *config;
  gboolean idle;
  GString *log;
  Master m;
} Rig;

static void
slave_idle(gpointer data)
{
  ((Rig *)data)->idle = TRUE;
}

static void
slave_log(const char *text, gpointer data)
{
  g_string_append(((Rig *)data)->log, text);
}

static void
connect_master(Rig *rig)
{
  int fds[2];
  g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), ==, 0);
  master_init(&rig->m, fds[0]);
  vn_daemon_attach(rig->daemon, fds[1]);
}

static const char *configuration; /* NULL: none */

static VnConfig *
make_config(void)
{
  if (configuration == NULL)
    return vn_config_new();
  g_autoptr(GError) error = NULL;
  VnConfig *config = vn_config_parse(configuration, strlen(configuration), "slave.conf", &error);
  g_assert_no_error(error);
  return config;
}

static void
rig_init(Rig *rig)
{
  static const VnDriver *const drivers[] = {&bare_driver};
  memset(rig, 0, sizeof *rig);
  memset(&bare, 0, sizeof bare);
  bare.refuse = G_MAXUINT32;
  static char *agents;
  if (agents == NULL)
    agents = g_build_filename(g_getenv("G_TEST_BUILDDIR"), "..", "libexec", "vnec", NULL);
  rig->config = make_config();
  rig->log = g_string_new(NULL);
  const VnDaemonOptions options = {.drivers = drivers,
                                   .n_drivers = 1,
                                   .config = rig->config,
                                   .agent_dir = agents,
                                   .state_dir = "/nonexistent",
                                   .program = "test",
                                   .log = slave_log,
                                   .idle = slave_idle,
                                   .data = rig};
  rig->daemon = vn_daemon_new(&options);
  connect_master(rig);
}

static void
rig_clear(Rig *rig)
{
  master_clear(&rig->m);
  until(rig->idle);
  vn_daemon_free(rig->daemon);
  vn_config_free(rig->config);
  g_string_free(rig->log, TRUE);
  g_assert_cmpuint(bare.opened, ==, bare.closed);
}

#define VM(id, name)                                        \
  "(" id ", '" name "', 0, nothing, {}, nothing, 0, 0, 0, " \
  "[(0, '', 0x020000000001, '10.0.0.1/24', '', false)], [], [])"

static void
open_two(Rig *rig)
{
  master_expect(&rig->m, VN_MESSAGE_OPEN, "(1, 'run-1')", "");
  master_expect(&rig->m, VN_MESSAGE_SEGMENTS,
                "('netns', [(0, 'lan', 0, 0, 0, 0, 0, 0, 0, 0, 0, false)])", "");
  master_expect(&rig->m, VN_MESSAGE_VMS, "('netns', [" VM("0", "a") ", " VM("5", "b") "])", "");
}

/* ---- tests ---- */

static void
test_run(void)
{
  Rig rig;
  rig_init(&rig);
  open_two(&rig);
  g_assert_cmpuint(bare.segments, ==, 1);
  g_assert_cmpuint(bare.made, ==, 2);
  master_expect(&rig.m, VN_MESSAGE_POWER_ON, "([0, 5],)", "");
  g_assert_cmpuint(rig.m.hellos, ==, 2);
  master_shell(&rig.m, 5, "echo hello from $$");
  g_assert_cmpint(rig.m.status, ==, VN_OUTCOME_EXITED);
  g_assert_true(g_str_has_prefix(rig.m.output->str, "hello from "));

  GVariant *proof = master_ask(&rig.m, VN_MESSAGE_PROVE, NULL);
  g_autofree char *text = g_variant_print(proof, FALSE);
  g_assert_cmpstr(text, ==, "(true, ['nothing is connected'])");

  master_expect(&rig.m, VN_MESSAGE_REVERT, "(5, 'clean')", "");
  g_assert_cmpuint(rig.m.hellos, ==, 3);
  master_shell(&rig.m, 5, "true");
  master_expect(&rig.m, VN_MESSAGE_POWER_OFF, "([5], false)", "");
  master_shell(&rig.m, 0, "echo still here");
  g_assert_cmpstr(rig.m.output->str, ==, "still here\n");
  g_assert_cmpuint(rig.m.lost, ==, 0);
  master_expect(&rig.m, VN_MESSAGE_RELEASE, "()", "");
  g_assert_cmpuint(bare.closed, ==, 1);
  master_expect(&rig.m, VN_MESSAGE_OPEN, "(1, 'run-2')",
                ""); /* the session may begin another one */
  rig_clear(&rig);
}

static void
test_refusals(void)
{
  Rig rig;
  rig_init(&rig);
  master_expect(&rig.m, VN_MESSAGE_POWER_ON, "([0],)", "4294967295: no experiment is open; ");
  master_expect(&rig.m, VN_MESSAGE_OPEN, "(9, 'run')",
                "4294967295: the master speaks version 9 of the protocol, this slave 1; ");
  master_expect(&rig.m, VN_MESSAGE_OPEN, "(1, '../x')",
                "4294967295: “../x” is no name for an experiment; ");
  open_two(&rig);
  master_expect(&rig.m, VN_MESSAGE_OPEN, "(1, 'other')",
                "4294967295: the session has an experiment already: run-1; ");
  master_expect(&rig.m, VN_MESSAGE_SEGMENTS, "('foo', [])",
                "4294967295: there is no technology “foo”; ");
  master_expect(&rig.m, VN_MESSAGE_SEGMENTS,
                "('uml', [(1, 'x', 0, 0, 0, 0, 0, 0, 0, 0, 0, false)])",
                "1: this slave has no driver for User-Mode Linux; ");
  master_expect(&rig.m, VN_MESSAGE_VMS,
                "('netns', [(1, 'x', 0, nothing, {}, nothing, 0, 0, 0, "
                "[(0, '', 1, '10.0.0.300/24', '', false)], [], [])])",
                "4294967295: VM 1, “x”: interface 0: “10.0.0.300/24” is no IPv4 prefix; ");
  bare.refuse = 5;
  master_expect(&rig.m, VN_MESSAGE_POWER_ON, "([0, 5, 9],)",
                "9: this slave has no such VM; 5: no room for 5; ");
  master_expect(&rig.m, VN_MESSAGE_SUSPEND, "(0,)", "0: Linux namespaces can't do that; ");
  master_expect(&rig.m, VN_MESSAGE_CAPTURE, "(0, 'lan', '')",
                "0: Linux namespaces can't capture; ");
  master_expect(&rig.m, VN_MESSAGE_CAPTURE, "(3, 'lan', '')",
                "3: this slave has no such segment; ");

  VnFrameWriter *w = vn_session_begin(rig.m.session, VN_FRAME_PING, 0, 5, 3, 0);
  g_assert_nonnull(w);
  vn_session_commit(rig.m.session);
  until(rig.m.refused != NULL);
  g_assert_cmpstr(rig.m.refused, ==, "the VM is not on");
  rig_clear(&rig);
}

static void
test_names_are_unique(void)
{
  Rig rig;
  rig_init(&rig);
  open_two(&rig);
  Master second;
  int fds[2];
  g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), ==, 0);
  master_init(&second, fds[0]);
  vn_daemon_attach(rig.daemon, fds[1]);
  g_assert_cmpuint(vn_daemon_sessions(rig.daemon), ==, 2);
  master_expect(&second, VN_MESSAGE_OPEN, "(1, 'run-1')",
                "4294967295: this slave has an experiment run-1 already; ");
  master_leave(&rig.m);
  until(vn_daemon_sessions(rig.daemon) == 1);
  master_expect(&second, VN_MESSAGE_OPEN, "(1, 'run-1')", "");
  master_clear(&second);
  rig_clear(&rig);
}

static void
test_lost(void)
{
  Rig rig;
  rig_init(&rig);
  open_two(&rig);
  master_expect(&rig.m, VN_MESSAGE_POWER_ON, "([0, 5],)", "");
  VnFrameWriter *w = vn_session_begin(rig.m.session, VN_FRAME_EXIT, 0, 0, 1, 0);
  g_assert_nonnull(w);
  vn_session_commit(rig.m.session);
  until(rig.m.lost == 1);
  g_assert_cmpstr(rig.m.lost_why, ==, "its agent ended");
  master_shell(&rig.m, 5, "true");
  rig_clear(&rig);
}

/* ---- hostile agents: the test holds the other end ---- */

static void
say(int fd, guint16 kind, guint32 vm, gint64 protocol)
{
  guint8 bytes[256];
  VnFrameWriter w;
  vn_frame_writer_init(&w, bytes, sizeof bytes);
  vn_frame_begin(&w, kind, 0, vm, 9);
  vn_frame_put_int(&w, VN_TAG_PROTOCOL, protocol);
  gsize size = vn_frame_end(&w);
  g_assert_cmpint(write(fd, bytes, size), ==, (gssize)size);
}

/* Turns VM 0 on with a real agent, 5 with a socket of ours; 5 has said HELLO if `hello`. */
static void
open_hostile(Rig *rig, gboolean hello)
{
  open_two(rig);
  master_expect(&rig->m, VN_MESSAGE_POWER_ON, "([0],)", "");
  bare.raw = TRUE;
  rig->m.answer_kind = 0;
  bare.raw_fd = -1;
  vn_session_send(rig->m.session, VN_MESSAGE_POWER_ON, 0, 1000,
                  g_variant_new_parsed("([uint32 5],)"));
  until(g_atomic_int_get(&bare.raw_fd) >= 0);
  if (!hello)
    return;
  say(bare.raw_fd, VN_FRAME_HELLO, 0, VN_FRAME_PROTOCOL);
  until(rig->m.answer_kind == VN_MESSAGE_REPLY);
}

static void
expect_lost(const guint8 *bytes, gsize size, const char *why)
{
  Rig rig;
  rig_init(&rig);
  open_hostile(&rig, TRUE);
  g_assert_cmpint(write(bare.raw_fd, bytes, size), ==, (gssize)size);
  until(rig.m.lost == 1);
  g_assert_cmpstr(rig.m.lost_why, ==, why);
  master_shell(&rig.m, 0, "true"); /* the others are unharmed */
  close(bare.raw_fd);
  rig_clear(&rig);
}

static void
test_malformed_agent(void)
{
  guint8 bytes[VN_FRAME_HEADER] = {0, 0, 0, 16, 0, VN_FRAME_PONG};
  static const char why[] = "its agent sent a malformed frame";
  bytes[3] = 15;
  expect_lost(bytes, sizeof bytes, why); /* too short */
  memset(bytes, 0xff, 4);
  expect_lost(bytes, sizeof bytes, why); /* too long */
  memcpy(bytes, "\x00\x00\x00\x10\x01\x1a", 6);
  expect_lost(bytes, sizeof bytes, why); /* a message of slaves */
  memcpy(bytes, "\x00\x00\x00\x10\x00\x02", 6);
  expect_lost(bytes, sizeof bytes, why); /* RUN, which goes down only */
  guint8 fields[VN_FRAME_HEADER + 6] = {0, 0, 0, 22, 0, VN_FRAME_PONG};
  fields[VN_FRAME_HEADER + 5] = 200;
  expect_lost(fields, sizeof fields, why); /* a field that leaves the frame */
}

/* Whatever number it writes, a frame is that of its own VM. */
static void
test_other_vm(void)
{
  Rig rig;
  rig_init(&rig);
  open_hostile(&rig, TRUE);
  guint8 bytes[64];
  VnFrameWriter w;
  vn_frame_writer_init(&w, bytes, sizeof bytes);
  vn_frame_begin(&w, VN_FRAME_REFUSED, 0, 0, 9);
  vn_frame_put_text(&w, VN_TAG_ERROR, "from 5");
  gsize size = vn_frame_end(&w);
  g_assert_cmpint(write(bare.raw_fd, bytes, size), ==, (gssize)size);
  until(rig.m.refused != NULL);
  g_assert_cmpstr(rig.m.refused, ==, "from 5");
  say(bare.raw_fd, 0x77, 0, 0); /* of a kind that nobody knows */
  guint8 answer[256];
  ssize_t n;
  while ((n = recv(bare.raw_fd, answer, sizeof answer, MSG_DONTWAIT)) < 0)
    g_main_context_iteration(NULL, FALSE);
  VnFrame frame;
  g_assert_cmpint(vn_frame_decode(answer, (gsize)n, &frame), ==, 0);
  g_assert_cmpuint(frame.kind, ==, VN_FRAME_REFUSED);
  g_assert_cmpuint(frame.id, ==, 9);
  close(bare.raw_fd);
  rig_clear(&rig);
}

static void
test_wrong_hello(void)
{
  Rig rig;
  rig_init(&rig);
  open_hostile(&rig, FALSE);
  say(bare.raw_fd, VN_FRAME_HELLO, 0, 99);
  until(rig.m.answer_kind == VN_MESSAGE_REPLY);
  g_autofree char *text = master_failures(&rig.m);
  g_assert_cmpstr(text, ==, "5: its agent speaks another version of the protocol; ");
  g_assert_cmpuint(rig.m.lost, ==, 0);
  close(bare.raw_fd);
  rig_clear(&rig);
}

/* An agent that reads nothing holds the master back, and is given up when it stays so. */
static void
test_deaf_agent(void)
{
  Rig rig;
  rig_init(&rig);
  open_hostile(&rig, TRUE);
  g_autofree guint8 *chunk = g_malloc0(VN_FRAME_CHUNK);
  for (guint i = 0; i < 400; i++) {
    VnFrameWriter *w = vn_session_begin(rig.m.session, VN_FRAME_DATA, 0, 5, 1, VN_FRAME_CHUNK + 64);
    vn_frame_put(w, VN_TAG_BYTES, chunk, VN_FRAME_CHUNK);
    vn_session_commit(rig.m.session);
  }
  until(rig.m.lost == 1);
  g_assert_cmpstr(rig.m.lost_why, ==, "its agent reads nothing");
  master_shell(&rig.m, 0, "true");
  close(bare.raw_fd);
  rig_clear(&rig);
}

/* Closing the session in the middle of things takes all down. */
static void
test_master_dies(void)
{
  Rig rig;
  rig_init(&rig);
  open_two(&rig);
  master_expect(&rig.m, VN_MESSAGE_POWER_ON, "([0],)", "");
  vn_session_send(rig.m.session, VN_MESSAGE_POWER_ON, 0, 5, g_variant_new_parsed("([uint32 5],)"));
  (void)vn_session_flush(rig.m.session, NULL);
  rig_clear(&rig);
}

static void
test_rude_master(void)
{
  Rig rig;
  rig_init(&rig);
  vn_session_send(rig.m.session, VN_MESSAGE_OFFER, 0, 0,
                  g_variant_new_parsed("('', @a(ssb) [], @a(ssssss) [])"));
  until(rig.m.closed == 1);
  g_assert_nonnull(strstr(rig.log->str, "OFFER"));
  rig_clear(&rig);

  rig_init(&rig);
  VnFrameWriter *w = vn_session_begin(rig.m.session, VN_MESSAGE_OPEN, 0, 0, 1, 64);
  vn_frame_put(w, VN_TAG_BODY, "abc", 3);
  vn_session_commit(rig.m.session);
  until(rig.m.closed == 1);
  g_assert_nonnull(strstr(rig.log->str, "OPEN"));
  rig_clear(&rig);
}

static void
test_inventory(void)
{
  static const char text[] = "[slave]\nname=lab\n[vm xp]\ntechnology=vmware\nfile=/v/xp.vmx\n"
                             "os=windows\nsnapshot=clean\n";
  configuration = text;
  Rig rig;
  rig_init(&rig);
  configuration = NULL;
  g_autofree char *offer = g_variant_print(master_ask(&rig.m, VN_MESSAGE_INVENTORY, NULL), FALSE);
  g_assert_cmpstr(offer, ==,
                  "('lab', [('netns', '', true)], "
                  "[('xp', 'vmware', '/v/xp.vmx', 'windows', 'host', 'clean')])");
  rig_clear(&rig);
}

int
main(int argc, char **argv)
{
  master_find_build();
  g_test_init(&argc, &argv, NULL);
  signal(SIGPIPE, SIG_IGN);
  g_test_add_func("/slave/run", test_run);
  g_test_add_func("/slave/refusals", test_refusals);
  g_test_add_func("/slave/names", test_names_are_unique);
  g_test_add_func("/slave/lost", test_lost);
  g_test_add_func("/slave/agent/malformed", test_malformed_agent);
  g_test_add_func("/slave/agent/other-vm", test_other_vm);
  g_test_add_func("/slave/agent/hello", test_wrong_hello);
  g_test_add_func("/slave/agent/deaf", test_deaf_agent);
  g_test_add_func("/slave/master/dies", test_master_dies);
  g_test_add_func("/slave/master/rude", test_rude_master);
  g_test_add_func("/slave/inventory", test_inventory);
  return g_test_run();
}
