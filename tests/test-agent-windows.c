/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The agent for Windows, as it is built for guests, run by Wine, with the slave's channels at its
 * other end: over a shared folder, and over a port (windows-pipe.c) whose connections come and go.
 * Skipped where it is not built or there is no Wine. */
#include <arpa/inet.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "frame/status.h"
#include "slave/channel.h"

#define VM       3u
#define PATIENCE 300 /* seconds: Wine sets itself up first */
#define KEPT     (1u << 20)

typedef struct {
  VnChannels *channels;
  guint hellos;
  guint64 ended; /* the last OUTCOME */
  gint64 status, exit_code;
  GString *out;
  char *os, *lost;
} Slave;

static char *wine, *agent, *port_program;

/* ---- the slave ---- */

static void
on_frame(guint32 vm, const VnFrame *frame, gpointer data)
{
  Slave *slave = data;
  guint32 size = 0;
  const guint8 *bytes = vn_frame_find(frame, VN_TAG_BYTES, &size);
  if (frame->kind == VN_FRAME_HELLO) {
    const guint8 *os = vn_frame_find(frame, VN_TAG_OS, &size);
    g_free(slave->os);
    slave->os = g_strndup((const char *)os, size);
    slave->hellos++;
  } else if (frame->kind == VN_FRAME_OUTPUT) {
    g_string_append_len(slave->out, (const char *)bytes, size);
  } else if (frame->kind == VN_FRAME_OUTCOME || frame->kind == VN_FRAME_REFUSED) {
    slave->ended = frame->id;
    slave->status = vn_frame_int(frame, VN_TAG_STATUS, -1);
    slave->exit_code = vn_frame_int(frame, VN_TAG_EXIT_CODE, -1);
  }
}

static void
on_lost(guint32 vm, gboolean ended, const char *why, gpointer data)
{
  ((Slave *)data)->lost = g_strdup(why);
}

static void
on_pressed(gboolean pressed, gpointer data)
{
}

static const VnChannelEvents events = {on_frame, on_lost, on_pressed};

static void
slave_init(Slave *slave)
{
  g_autoptr(GError) error = NULL;
  *slave = (Slave){.out = g_string_new(NULL)};
  slave->channels = vn_channels_new(&events, slave, &error);
  g_assert_no_error(error);
}

static void
slave_clear(Slave *slave)
{
  vn_channels_free(slave->channels);
  g_string_free(slave->out, TRUE);
  g_free(slave->os);
  g_free(slave->lost);
}

static gboolean
too_late(gpointer data)
{
  g_error("nothing came within %d s", PATIENCE);
  return G_SOURCE_REMOVE;
}

#define WAIT_FOR(what)                                           \
  do {                                                           \
    guint alarm_ = g_timeout_add_seconds(PATIENCE, too_late, 0); \
    while (!(what))                                              \
      g_main_context_iteration(NULL, TRUE);                      \
    g_source_remove(alarm_);                                     \
  } while (0)

/* Sends one request and waits for its outcome. */
static void
ask(Slave *slave, VnFrameKind kind, guint64 id, VnFrameTag tag, const char *const *texts)
{
  guint8 bytes[8192];
  VnFrameWriter writer;
  VnFrame frame;
  g_string_truncate(slave->out, 0);
  vn_frame_writer_init(&writer, bytes, sizeof bytes);
  vn_frame_begin(&writer, (guint16)kind, 0, 0, id);
  for (guint i = 0; texts[i] != NULL; i++)
    vn_frame_put_text(&writer, (guint16)tag, texts[i]);
  vn_frame_put_int(&writer, VN_TAG_LIMIT, KEPT);
  if (kind == VN_FRAME_RUN)
    vn_frame_put_int(&writer, VN_TAG_TIMEOUT, 5 * G_GINT64_CONSTANT(1000000000));
  g_assert_cmpint(vn_frame_decode(bytes, vn_frame_end(&writer), &frame), ==, 0);
  frame.vm = VM;
  g_assert_true(vn_channels_send(slave->channels, &frame));
  WAIT_FOR(slave->ended == id || slave->lost != NULL);
  if (slave->lost != NULL)
    g_error("the agent is lost: %s", slave->lost);
}

static void
script(Slave *slave, guint64 id, const char *text)
{
  const char *texts[] = {text, NULL};
  ask(slave, VN_FRAME_SCRIPT, id, VN_TAG_TEXT, texts);
}

/* What Windows guests are asked for: output of some length, exit codes, and the end of a process
 * that would go on. */
static void
use(Slave *slave, guint64 id)
{
  g_assert_cmpstr(slave->os, ==, "windows");
  script(slave, id, "@echo over the channel");
  g_assert_cmpint(slave->exit_code, ==, 0);
  g_assert_cmpstr(slave->out->str, ==, "over the channel\r\n");
  script(slave, id + 1, "@for /l %%i in (1,1,500) do @echo line %%i");
  g_assert_true(g_str_has_prefix(slave->out->str, "line 1\r\n"));
  g_assert_true(g_str_has_suffix(slave->out->str, "line 500\r\n"));
  const char *three[] = {"cmd.exe", "/c", "exit 3", NULL};
  ask(slave, VN_FRAME_RUN, id + 2, VN_TAG_ARG, three);
  g_assert_cmpint(slave->exit_code, ==, 3);
  const char *forever[] = {"cmd.exe", "/c", "for /l %i in (1,0,2) do @rem", NULL};
  ask(slave, VN_FRAME_RUN, id + 3, VN_TAG_ARG, forever);
  g_assert_cmpint(slave->status, ==, VN_OUTCOME_TIMED_OUT);
}

/* ---- Wine ---- */

static void
die_with_us(gpointer parent)
{
  if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != GPOINTER_TO_INT(parent))
    _exit(1);
}

static GPid
start(const char *program, const char *first, const char *second)
{
  char *argv[] = {wine, (char *)program, (char *)first, (char *)second, NULL};
  g_autoptr(GError) error = NULL;
  GPid pid;
  g_spawn_async(NULL, argv, NULL, G_SPAWN_DO_NOT_REAP_CHILD | G_SPAWN_STDOUT_TO_DEV_NULL,
                die_with_us, GINT_TO_POINTER(getpid()), &pid, &error);
  g_assert_no_error(error);
  return pid;
}

static void
end(GPid pid)
{
  g_assert_cmpint(kill(pid, SIGKILL), ==, 0);
  g_assert_cmpint(waitpid(pid, NULL, 0), ==, pid);
}

static void
test_spool(void)
{
  Slave slave;
  g_autoptr(GError) error = NULL;
  g_autofree char *folder = g_dir_make_tmp("vnec-test-XXXXXX", &error);
  g_assert_no_error(error);
  g_autofree char *seen = g_strconcat("Z:", folder, NULL);
  g_strdelimit(seen, "/", '\\');
  slave_init(&slave);
  int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  g_assert_cmpint(fd, >=, 0);
  vn_channels_add_spool(slave.channels, VM, fd, &error);
  g_assert_no_error(error);
  GPid pid = start(agent, "--spool", seen);
  WAIT_FOR(slave.hellos == 1);
  use(&slave, 10);
  end(pid);
  slave_clear(&slave);
  g_autofree char *remove = g_strdup_printf("rm -r '%s'", folder);
  g_assert_true(g_spawn_command_line_sync(remove, NULL, NULL, NULL, NULL));
}

/* ---- a port ---- */

static int
listen_here(guint *out_port)
{
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t size = sizeof address;
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  g_assert_cmpint(bind(fd, (struct sockaddr *)&address, size), ==, 0);
  g_assert_cmpint(listen(fd, 1), ==, 0);
  g_assert_cmpint(getsockname(fd, (struct sockaddr *)&address, &size), ==, 0);
  *out_port = ntohs(address.sin_port);
  return fd;
}

/* The machine's side is connected, as a slave is to its socket. */
static void
connect_host(Slave *slave, int listener)
{
  g_autoptr(GError) error = NULL;
  int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
  g_assert_cmpint(fd, >=, 0);
  g_assert_true(vn_channels_add_port(slave->channels, VM, fd, &error));
  g_assert_no_error(error);
}

static void
test_port(void)
{
  Slave slave;
  guint port;
  int listener = listen_here(&port);
  g_autofree char *name = g_strdup_printf("\\\\.\\pipe\\vnec-test-%d", (int)getpid());
  g_autofree char *number = g_strdup_printf("%u", port);
  slave_init(&slave);
  GPid device = start(port_program, name, number);
  GPid pid = start(agent, "--port", name);
  connect_host(&slave, listener);
  WAIT_FOR(slave.hellos == 1);
  use(&slave, 10);
  for (guint round = 2; round < 5; round++) {
    vn_channels_remove(slave.channels, VM);
    connect_host(&slave, listener);
    WAIT_FOR(slave.hellos == round);
    script(&slave, 100 + round, "@echo again");
    g_assert_cmpstr(slave.out->str, ==, "again\r\n");
  }
  end(pid);
  close(listener);
  vn_channels_remove(slave.channels, VM);
  end(device);
  slave_clear(&slave);
}

/* ---- all of it ---- */

static char *
find_wine(void)
{
  static const char *const names[] = {"wine64", "wine", "/usr/lib/wine/wine64"};
  for (guint i = 0; i < G_N_ELEMENTS(names); i++) {
    char *found = g_find_program_in_path(names[i]);
    if (found != NULL)
      return found;
  }
  return NULL;
}

static int
skip(const char *why)
{
  g_print("1..0 # SKIP %s\n", why);
  return 0;
}

/* Its server goes a moment after the last program of this prefix, or when told. */
static void
end_wine(const char *prefix)
{
  g_autofree char *folder = g_path_get_dirname(wine);
  g_autofree char *server = g_build_filename(folder, "wineserver", NULL);
  g_autofree char *command = g_strdup_printf("%s -k -w", server);
  g_autofree char *remove = g_strdup_printf("rm -rf '%s'", prefix);
  (void)g_spawn_command_line_sync(command, NULL, NULL, NULL, NULL); /* then it goes by itself */
  (void)g_spawn_command_line_sync(remove, NULL, NULL, NULL, NULL);
}

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  const char *build = g_getenv("VNEC_BUILDDIR");
  agent = g_build_filename(build != NULL ? build : ".", "libexec", "vnec", "vnec-taskrunner.exe",
                           NULL);
  port_program = g_build_filename(build != NULL ? build : ".", "tests", "windows-pipe.exe", NULL);
  wine = find_wine();
  if (access(agent, R_OK) != 0)
    return skip("the agent for Windows is not built: apt-get install gcc-mingw-w64-x86-64");
  if (wine == NULL)
    return skip("no Wine here: apt-get install wine64");
  g_autofree char *prefix = g_dir_make_tmp("vnec-wine-XXXXXX", NULL);
  g_setenv("WINEPREFIX", prefix, TRUE);
  g_setenv("HOME", prefix, TRUE);
  g_setenv("WINEDEBUG", "-all", TRUE);
  g_setenv("WINEDLLOVERRIDES", "mscoree,mshtml,winemenubuilder.exe=", TRUE);
  g_unsetenv("DISPLAY");
  g_test_add_func("/windows/spool", test_spool);
  g_test_add_func("/windows/port", test_port);
  int status = g_test_run();
  end_wine(prefix);
  return status;
}
