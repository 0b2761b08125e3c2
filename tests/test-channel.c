/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The slave's channels against real agents: over a port whose connections come and go, with
 * bytes cut off and left over on both sides; and over a shared folder, whatever the guest puts into
 * it. */
#include <errno.h>
#include <fcntl.h>
#include <glib-unix.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "frame/line.h"
#include "frame/spool.h"
#include "slave/channel.h"

#define VM        3u
#define PATIENCE  120 /* seconds that an answer may take on a busy machine, or a guest to start */
#define MANY      (3u << 20)

typedef struct {
  VnChannels *channels;
  guint hellos;
  guint64 wanted, ended; /* the task of run(), and the last OUTCOME of such */
  gint64 exit_code;
  GString *out;
  char *lost;
} Slave;

static void
on_frame(guint32 vm, const VnFrame *frame, gpointer data)
{
  Slave *slave = data;
  guint32 size;
  const guint8 *bytes = vn_frame_find(frame, VN_TAG_BYTES, &size);
  g_assert_cmpuint(vm, ==, VM);
  if (frame->kind == VN_FRAME_HELLO)
    slave->hellos++;
  else if (frame->id != slave->wanted)
    return; /* of a task that went on over connections */
  else if (frame->kind == VN_FRAME_OUTPUT)
    g_string_append_len(slave->out, (const char *)bytes, size);
  else if (frame->kind == VN_FRAME_OUTCOME) {
    slave->ended = frame->id;
    slave->exit_code = vn_frame_int(frame, VN_TAG_EXIT_CODE, -1);
  }
}

static void
on_lost(guint32 vm, gboolean ended, const char *why, gpointer data)
{
  Slave *slave = data;
  g_free(slave->lost);
  slave->lost = g_strdup(why);
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

static void
send_script(Slave *slave, guint64 id, const char *text, gint64 limit)
{
  gsize capacity = strlen(text) + 512;
  g_autofree guint8 *bytes = g_malloc(capacity);
  VnFrameWriter writer;
  VnFrame frame;
  vn_frame_writer_init(&writer, bytes, capacity);
  vn_frame_begin(&writer, VN_FRAME_SCRIPT, 0, 0, id);
  vn_frame_put_text(&writer, VN_TAG_TEXT, text);
  vn_frame_put_int(&writer, VN_TAG_LIMIT, limit);
  gsize n = vn_frame_end(&writer);
  g_assert_cmpint(vn_frame_decode(bytes, n, &frame), ==, 0);
  frame.vm = VM;
  if (!vn_channels_send(slave->channels, &frame))
    g_error("the channel is gone: %s", slave->lost);
}

static void
run(Slave *slave, guint64 id, const char *text)
{
  g_string_truncate(slave->out, 0);
  slave->wanted = id;
  send_script(slave, id, text, MANY);
  WAIT_FOR(slave->ended == id || slave->lost != NULL);
  g_assert_null(slave->lost);
  g_assert_cmpint(slave->exit_code, ==, 0);
}

/* All bytes, the two of the line among them, in an order that repeats late. */
#define EVERYTHING \
  "i=0; while [ $i -lt 256 ]; do printf \"\\\\$(printf %o $i)\"; i=$((i+1)); done; "
#define ESCAPES                                        \
  "head -c 100000 /dev/zero | tr '\\0' '\\375'; "    \
  "head -c 99999 /dev/zero | tr '\\0' '\\373'"

static void
check_everything(const GString *out)
{
  g_assert_cmpuint(out->len, ==, 256 + 100000 + 99999);
  for (guint i = 0; i < 256; i++)
    g_assert_cmpuint((guint8)out->str[i], ==, i);
  for (gsize i = 256; i < out->len; i++)
    g_assert_cmpuint((guint8)out->str[i], ==, i < 256 + 100000 ? 0xfd : 0xfb);
}

/* ---- the agent ---- */

/* An agent on a port waits for hosts for ever: a test that failed must not leave one behind. */
static void
die_with_us(gpointer parent)
{
  if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != GPOINTER_TO_INT(parent))
    _exit(1);
}

static GPid
start_agent(const char *option, const char *value)
{
  const char *sanitized = g_getenv("VNEC_SANITIZED_AGENTS"), *build = g_getenv("VNEC_BUILDDIR");
  g_autofree char *program =
      sanitized != NULL ? g_build_filename(sanitized, "vnec-taskrunner", NULL)
                        : g_build_filename(build != NULL ? build : ".", "libexec", "vnec",
                                           "vnec-taskrunner", NULL);
  char *argv[] = {program, (char *)option, (char *)value, NULL};
  g_autoptr(GError) error = NULL;
  GPid pid;
  g_spawn_async(NULL, argv, NULL, G_SPAWN_DO_NOT_REAP_CHILD | G_SPAWN_STDOUT_TO_DEV_NULL,
                die_with_us, GINT_TO_POINTER(getpid()), &pid, &error);
  g_assert_no_error(error);
  return pid;
}

static void
end_agent(GPid pid)
{
  g_assert_cmpint(kill(pid, SIGKILL), ==, 0);
  g_assert_cmpint(waitpid(pid, NULL, 0), ==, pid);
}

/* ---- a port: a terminal stands in for the machine's device ---- */

typedef struct {
  guint8 bytes[512];
  gsize start, end;
} Way;

typedef struct {
  int device, held; /* the machine's side, and an open end of the guest's: it never hangs up */
  char *path;
  int host; /* the relay's end of the present connection; -1: nobody is connected */
  Way down, up;
  GPid agent;
} Port;

static void
port_init(Port *port)
{
  struct termios raw;
  *port = (Port){.device = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK), .host = -1};
  g_assert_cmpint(port->device, >=, 0);
  g_assert_cmpint(grantpt(port->device), ==, 0);
  g_assert_cmpint(unlockpt(port->device), ==, 0);
  port->path = g_strdup(ptsname(port->device));
  port->held = open(port->path, O_RDWR | O_NOCTTY | O_CLOEXEC);
  g_assert_cmpint(port->held, >=, 0);
  g_assert_cmpint(tcgetattr(port->held, &raw), ==, 0);
  cfmakeraw(&raw);
  g_assert_cmpint(tcsetattr(port->held, TCSANOW, &raw), ==, 0);
  port->agent = start_agent("--port", port->path);
}

static void
port_clear(Port *port)
{
  end_agent(port->agent);
  close(port->device);
  close(port->held);
  g_free(port->path);
}

/* Moves what one end has to the other, as far as that takes it: neither direction holds up the
 * other. */
static gboolean
move(Way *way, int from, int to)
{
  if (way->start == way->end) {
    ssize_t n = read(from, way->bytes, sizeof way->bytes);
    way->start = 0;
    way->end = n > 0 ? (gsize)n : 0;
  }
  ssize_t n = way->end > way->start ? write(to, way->bytes + way->start, way->end - way->start) : 0;
  way->start += n > 0 ? (gsize)n : 0;
  return n > 0;
}

static gboolean
relay(gpointer data)
{
  Port *port = data;
  gboolean moved = port->host >= 0 && move(&port->down, port->host, port->device);
  moved |= port->host >= 0 && move(&port->up, port->device, port->host);
  if (!moved)
    g_usleep(500);
  return G_SOURCE_CONTINUE;
}

static void
port_connect(Port *port, Slave *slave)
{
  int pair[2];
  g_autoptr(GError) error = NULL;
  g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), ==, 0);
  g_assert_true(g_unix_set_fd_nonblocking(pair[0], TRUE, NULL));
  port->host = pair[0];
  vn_channels_add_port(slave->channels, VM, pair[1], &error);
  g_assert_no_error(error);
}

static void
port_disconnect(Port *port)
{
  close(port->host);
  port->host = -1;
}

static void
write_device(const Port *port, const guint8 *bytes, gsize n)
{
  guint8 lost[512];
  while (n > 0) {
    ssize_t put = write(port->device, bytes, n);
    g_assert_true(put > 0 || errno == EAGAIN);
    n -= put > 0 ? (gsize)put : 0;
    bytes += put > 0 ? put : 0;
    if (put < 0)
      (void)!read(port->device, lost, sizeof lost); /* the agent reads when it can write */
  }
}

/* The start of a large frame, on the line, as the connection before left it. */
static void
leave_half_a_frame(const Port *port)
{
  static const guint8 content[400];
  guint8 bytes[600], line[1200];
  VnFrameWriter writer;
  vn_frame_writer_init(&writer, bytes, sizeof bytes);
  vn_frame_begin(&writer, VN_FRAME_SCRIPT, 0, 0, 666);
  vn_frame_put_text(&writer, VN_TAG_TEXT, "exit 1");
  vn_frame_put(&writer, VN_TAG_BYTES, content, sizeof content);
  gsize n = vn_frame_end(&writer);
  write_device(port, line, vn_line_write(bytes, n / 2, line));
}

static void
port_works(void)
{
  Slave slave;
  Port port;
  slave_init(&slave);
  port_init(&port);
  guint source = g_idle_add(relay, &port);
  port_connect(&port, &slave);
  WAIT_FOR(slave.hellos == 1);
  run(&slave, 1, "echo over a port");
  g_assert_cmpstr(slave.out->str, ==, "over a port\n");
  run(&slave, 2, EVERYTHING ESCAPES);
  check_everything(slave.out);
  g_source_remove(source);
  port_disconnect(&port);
  port_clear(&port);
  slave_clear(&slave);
}

/* Each connection begins anew, wherever the one before was cut off. */
static void
port_again(void)
{
  Slave slave;
  Port port;
  slave_init(&slave);
  port_init(&port);
  guint source = g_idle_add(relay, &port);
  for (guint round = 1; round <= 12; round++) {
    port_connect(&port, &slave);
    WAIT_FOR(slave.hellos == round);
    g_autofree char *text = g_strdup_printf("echo round %u", round);
    g_autofree char *expected = g_strdup_printf("round %u\n", round);
    run(&slave, 10 + round, text);
    g_assert_cmpstr(slave.out->str, ==, expected);
    /* Something is on its way up when the end comes, and half of something on its way down. */
    send_script(&slave, 100 + round, EVERYTHING ESCAPES, MANY);
    for (guint i = 0; i < 40 * round; i++)
      g_main_context_iteration(NULL, FALSE);
    port_disconnect(&port);
    if (round % 3 == 1)
      leave_half_a_frame(&port);
    if (round % 3 == 2)
      write_device(&port, (const guint8 *)"\xfd" "0123", 5); /* half a beginning */
  }
  g_source_remove(source);
  port_clear(&port);
  slave_clear(&slave);
}

/* ---- a folder ---- */

typedef struct {
  char *path;
  GPid agent; /* 0: none */
} Folder;

static void
folder_init(Folder *folder, gboolean agent)
{
  g_autoptr(GError) error = NULL;
  folder->path = g_dir_make_tmp("vnec-spool-XXXXXX", &error);
  g_assert_no_error(error);
  folder->agent = agent ? start_agent("--spool", folder->path) : 0;
}

static void
folder_clear(Folder *folder)
{
  if (folder->agent != 0)
    end_agent(folder->agent);
  g_autoptr(GDir) dir = g_dir_open(folder->path, 0, NULL);
  const char *name;
  while ((name = g_dir_read_name(dir)) != NULL) {
    g_autofree char *path = g_build_filename(folder->path, name, NULL);
    g_assert_cmpint(g_remove(path), ==, 0);
  }
  g_assert_cmpint(g_rmdir(folder->path), ==, 0);
  g_free(folder->path);
}

static void
folder_connect(const Folder *folder, Slave *slave)
{
  g_autoptr(GError) error = NULL;
  int fd = open(folder->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  vn_channels_add_spool(slave->channels, VM, fd, &error);
  g_assert_no_error(error);
}

static guint
files_in(const Folder *folder)
{
  g_autoptr(GDir) dir = g_dir_open(folder->path, 0, NULL);
  guint n = 0;
  while (g_dir_read_name(dir) != NULL)
    n++;
  return n;
}

static void
spool_works(void)
{
  Slave slave;
  Folder folder;
  slave_init(&slave);
  folder_init(&folder, TRUE);
  folder_connect(&folder, &slave);
  WAIT_FOR(slave.hellos == 1);
  for (guint i = 1; i <= 40; i++) { /* more files than there may be at once */
    run(&slave, i, "echo through a folder");
    g_assert_cmpstr(slave.out->str, ==, "through a folder\n");
  }
  run(&slave, 50, EVERYTHING ESCAPES);
  check_everything(slave.out);
  run(&slave, 51, "head -c 3000000 /dev/zero");
  g_assert_cmpuint(slave.out->len, ==, 3000000);
  WAIT_FOR(files_in(&folder) == 1); /* the session: all else was read and deleted */
  folder_connect(&folder, &slave);  /* the slave begins anew */
  WAIT_FOR(slave.hellos == 2);
  run(&slave, 60, "echo again");
  g_assert_cmpstr(slave.out->str, ==, "again\n");
  slave_clear(&slave);
  folder_clear(&folder);
}

/* Scripts that together are larger than all files that may wait, to an agent that does not read
 * yet. */
static void
spool_holds_back(void)
{
  Slave slave;
  Folder folder;
  slave_init(&slave);
  folder_init(&folder, FALSE);
  folder_connect(&folder, &slave);
  g_autoptr(GString) text = g_string_new("exit 0 #");
  while (text->len < 900000)
    g_string_append(text, "nothing of it is read ");
  guint64 last = 0;
  for (guint i = 1; i <= 4; i++)
    send_script(&slave, last = i, text->str, 10);
  for (guint i = 5; i <= 60; i++) {
    send_script(&slave, last = i, "exit 0", 10);
    while (g_main_context_iteration(NULL, FALSE))
      ;
  }
  g_assert_cmpuint(files_in(&folder), <=, VN_SPOOL_WINDOW + 1);
  g_assert_null(slave.lost);
  slave.wanted = last;
  folder.agent = start_agent("--spool", folder.path);
  WAIT_FOR(slave.ended == last || slave.lost != NULL);
  g_assert_null(slave.lost);
  slave_clear(&slave);
  folder_clear(&folder);
}

typedef enum {
  BAD_NAME,
  BAD_FOLDER,
  BAD_LINK,
  BAD_PIPE,
  BAD_LARGE,
  BAD_NUMBER,
  BAD_FRAME,
  BAD_EMPTY,
  BAD_OURS,
  BAD_COUNT
} Bad;

static char *
session_of(const Folder *folder)
{
  g_autofree char *path = g_build_filename(folder->path, VN_SPOOL_SESSION, NULL);
  char *token = NULL;
  gsize size;
  g_assert_true(g_file_get_contents(path, &token, &size, NULL));
  g_assert_cmpuint(size, ==, VN_LINE_TOKEN);
  return token;
}

static void
put_bytes(const char *path, const char *bytes, gssize n)
{
  g_autofree char *temporary = g_strconcat(path, ".t", NULL);
  g_autoptr(GError) error = NULL;
  int fd = open(temporary, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
  g_assert_cmpint(fd, >=, 0);
  g_assert_cmpint(write(fd, bytes, (gsize)n), ==, n);
  close(fd);
  g_assert_true(g_rename(temporary, path) == 0 || errno == ENOENT);
}

static void
do_bad(Bad bad, const Folder *folder)
{
  g_autofree char *token = session_of(folder);
  g_autofree char *next = g_strdup_printf("%s/%s.u00000000", folder->path, token);
  g_autofree char *far = g_strdup_printf("%s/%s.u00000100", folder->path, token);
  g_autofree char *ours = g_strdup_printf("%s/%s.d00000000.t", folder->path, token);
  g_autofree char *stray = g_build_filename(folder->path, "stray", NULL);
  switch (bad) {
  case BAD_NAME:
    g_assert_true(g_file_set_contents(stray, "x", 1, NULL));
    break;
  case BAD_FOLDER:
    g_assert_cmpint(g_mkdir(next, 0700), ==, 0);
    break;
  case BAD_LINK:
    g_assert_cmpint(symlink("/etc/hostname", next), ==, 0);
    break;
  case BAD_PIPE:
    g_assert_cmpint(mkfifo(next, 0600), ==, 0);
    break;
  case BAD_LARGE:
    g_assert_true(g_file_set_contents(next, "x", 1, NULL));
    g_assert_cmpint(truncate(next, VN_SPOOL_FILE + 1), ==, 0);
    break;
  case BAD_NUMBER:
    put_bytes(far, "x", 1);
    break;
  case BAD_FRAME:
    put_bytes(next, "no frame at all, but long enough for one", 40);
    break;
  case BAD_EMPTY:
    put_bytes(next, "", 0);
    break;
  case BAD_OURS:
  case BAD_COUNT:
    g_assert_cmpint(symlink("/etc/hostname", ours), ==, 0);
    break;
  }
}

/* Each ends the channel, with a reason, and follows no link. */
static void
spool_hostile(void)
{
  for (Bad bad = 0; bad < BAD_COUNT; bad++) {
    Slave slave;
    Folder folder;
    slave_init(&slave);
    folder_init(&folder, FALSE);
    folder_connect(&folder, &slave);
    do_bad(bad, &folder);
    WAIT_FOR(slave.lost != NULL);
    g_test_message("%d: %s", (int)bad, slave.lost);
    g_assert_false(vn_channels_has(slave.channels, VM));
    slave_clear(&slave);
    folder_clear(&folder);
  }
}

/* The agent is in a guest that sees the folder over 9p: spool-guest.test. */
static void
spool_guest(void)
{
  Slave slave;
  const Folder folder = {.path = (char *)g_getenv("VNEC_SPOOL_FOLDER")};
  slave_init(&slave);
  folder_connect(&folder, &slave);
  WAIT_FOR(slave.hellos == 1);
  for (guint i = 1; i <= 40; i++) {
    run(&slave, i, "echo through a folder");
    g_assert_cmpstr(slave.out->str, ==, "through a folder\n");
  }
  run(&slave, 50, EVERYTHING ESCAPES);
  check_everything(slave.out);
  folder_connect(&folder, &slave);
  WAIT_FOR(slave.hellos == 2);
  run(&slave, 60, "grep -c ' /vnec/spool 9p ' /proc/mounts");
  g_assert_cmpstr(slave.out->str, ==, "1\n");
  slave_clear(&slave);
}

/* ---- many at once ---- */

#define AGENTS 8u

static void
ping(VnChannels *channels, guint32 vm)
{
  VnFrame frame = {.kind = VN_FRAME_PING, .vm = vm};
  g_assert_true(vn_channels_send(channels, &frame));
}

/* What agents get in one turn that writes to n of them: is it said that many are asked? */
static gboolean
said_crowd(VnChannels *channels, const int *agents, guint n)
{
  gboolean said = FALSE;
  for (guint i = 0; i < n; i++)
    ping(channels, i);
  while (g_main_context_iteration(NULL, FALSE))
    ;
  for (guint i = 0; i < n; i++) {
    guint8 bytes[VN_FRAME_HEADER];
    VnFrame frame;
    g_assert_cmpint(recv(agents[i], bytes, sizeof bytes, MSG_WAITALL), ==, sizeof bytes);
    g_assert_cmpint(vn_frame_decode(bytes, sizeof bytes, &frame), ==, 0);
    g_assert_cmpint(frame.kind, ==, VN_FRAME_PING);
    said = (frame.flags & VN_FRAME_CROWD) != 0;
  }
  return said;
}

static void
crowd(void)
{
  Slave slave;
  slave_init(&slave);
  int agents[AGENTS];
  for (guint i = 0; i < AGENTS; i++) {
    int pair[2];
    g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), ==, 0);
    g_assert_true(vn_channels_add(slave.channels, i, pair[0], NULL));
    agents[i] = pair[1];
  }
  g_assert_false(said_crowd(slave.channels, agents, 1));
  (void)said_crowd(slave.channels, agents, AGENTS); /* the first such turn is not foreseen */
  g_assert_true(said_crowd(slave.channels, agents, AGENTS));
  for (guint i = 0; i < 2 * AGENTS; i++)
    (void)said_crowd(slave.channels, agents, 1);
  g_assert_false(said_crowd(slave.channels, agents, 1));
  slave_clear(&slave);
  for (guint i = 0; i < AGENTS; i++)
    close(agents[i]);
}

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  if (g_getenv("VNEC_SPOOL_FOLDER") != NULL) {
    g_test_add_func("/channel/spool/guest", spool_guest);
    return g_test_run();
  }
  g_test_add_func("/channel/crowd", crowd);
  g_test_add_func("/channel/port/works", port_works);
  g_test_add_func("/channel/port/again", port_again);
  g_test_add_func("/channel/spool/works", spool_works);
  g_test_add_func("/channel/spool/holds-back", spool_holds_back);
  g_test_add_func("/channel/spool/hostile", spool_hostile);
  return g_test_run();
}
