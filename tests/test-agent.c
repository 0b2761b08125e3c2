/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The real agent over a socketpair: processes, their trees and outputs, files, bad input. The
 * built-in operations have a test of their own, test-agent-native. */
#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/agent-peer.h"

#define SECOND  G_GINT64_CONSTANT(1000000000)
#define PROGRAM "vnec-taskrunner"

static gboolean
is_alive(gint64 pid)
{
  return pid > 0 && (kill((pid_t)pid, 0) == 0 || errno == EPERM);
}

/* Reads numbers that a script wrote, one a line. */
static GArray *
numbers(const char *text)
{
  GArray *found = g_array_new(FALSE, FALSE, sizeof(gint64));
  g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
  for (char **line = lines; *line != NULL; line++)
    if (**line != '\0') {
      gint64 n = g_ascii_strtoll(*line, NULL, 10);
      g_array_append_val(found, n);
    }
  return found;
}

static void
hello(void)
{
  g_autoptr(Peer) peer = peer_new(PROGRAM);
  g_assert_cmpstr(peer->os, ==, "linux");
  g_assert_nonnull(peer->arch);
  g_assert_cmpstr(peer->name, ==, g_get_host_name());
  g_assert_true(g_hash_table_contains(peer->natives, "ping"));
}

static void
run(void)
{
  g_autoptr(Peer) peer = peer_new(PROGRAM);
  PeerTask *task = peer_run(peer, 0, "printf", "%s|%s", "a b", "$HOME;'", NULL);
  peer_wait(peer, task);
  g_assert_cmpint(task->status, ==, VN_OUTCOME_EXITED);
  g_assert_cmpint(task->exit_code, ==, 0);
  g_assert_cmpstr(task->out->str, ==, "a b|$HOME;'");
  g_assert_cmpint(task->out_total, ==, 11);
  g_assert_cmpint(task->elapsed, >, 0);

  task = peer_run(peer, 0, "sh", "-c", "echo no >&2; exit 7", NULL);
  peer_wait(peer, task);
  g_assert_cmpint(task->exit_code, ==, 7);
  g_assert_cmpstr(task->err->str, ==, "no\n");

  task = peer_run(peer, 0, "sh", "-c", "kill -9 $$", NULL);
  peer_wait(peer, task);
  g_assert_cmpint(task->status, ==, VN_OUTCOME_SIGNALLED);
  g_assert_cmpint(task->signal, ==, 9);
}

static int
policy_after(Peer *peer, guint16 flags)
{
  guint8 bytes[64];
  VnFrameWriter writer;
  guint pongs = peer->pongs;
  vn_frame_writer_init(&writer, bytes, sizeof bytes);
  vn_frame_begin(&writer, VN_FRAME_PING, flags, 0, 0);
  gsize n = vn_frame_end(&writer);
  g_assert_cmpint(send(peer->fd, bytes, n, 0), ==, (gssize)n);
  while (peer->pongs == pongs)
    g_assert_true(peer_turn(peer, 1000));
  return sched_getscheduler(peer->pid);
}

/* An agent lets others go on first while it is told that many are asked, and only then. */
static void
waits_in_a_crowd(void)
{
  g_autoptr(Peer) peer = peer_new(PROGRAM);
  int usual = sched_getscheduler(0);
  if (usual != SCHED_OTHER) {
    g_test_skip("the test itself runs under another policy, which agents keep");
    return;
  }
  g_assert_cmpint(policy_after(peer, 0), ==, SCHED_OTHER);
  g_assert_cmpint(policy_after(peer, VN_FRAME_CROWD), ==, SCHED_BATCH);
  PeerTask *task = peer_run(peer, 0, "true", NULL);
  peer_wait(peer, task);
  g_assert_cmpint(task->exit_code, ==, 0);
  g_assert_cmpint(policy_after(peer, 0), ==, SCHED_OTHER);
}

/* A child must not inherit what the agent did to its signals and descriptors. */
static void
clean_child(void)
{
  int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
  g_assert_cmpint(dup2(null, 50), ==, 50); /* given to the agent by mistake */
  close(null);
  g_autoptr(Peer) peer = peer_new(PROGRAM);
  PeerTask *task = peer_script(peer, 0,
                               "grep -E 'Sig(Blk|Ign)' /proc/self/status; "
                               "echo; test -e /proc/$$/fd/50 && echo leak");
  peer_wait(peer, task);
  g_auto(GStrv) lines = g_strsplit(task->out->str, "\n", -1);
  g_assert_cmpuint(g_strv_length(lines), >=, 4);
  for (guint i = 0; i < 2; i++) /* 32 and 33 are the C library's own */
    g_assert_cmphex(g_ascii_strtoull(strchr(lines[i], '\t') + 1, NULL, 16) & 0x7fffffff, ==, 0);
  g_assert_null(strstr(task->out->str, "leak"));
  close(50);
}

static void
refused(void)
{
  g_autoptr(Peer) peer = peer_new(PROGRAM);
  PeerTask *task = peer_run(peer, 0, "no-such-program-here", NULL);
  peer_wait(peer, task);
  g_assert_cmpint(task->status, ==, VN_OUTCOME_REFUSED);
  g_assert_nonnull(strstr(task->error, "can't run no-such-program-here"));

  Request request = peer_begin(peer, VN_FRAME_RUN, peer_id(peer));
  vn_frame_put_text(&request.writer, VN_TAG_ARG, "true");
  vn_frame_put_text(&request.writer, VN_TAG_DIRECTORY, "/no/such/folder");
  task = peer_send(&request);
  peer_wait(peer, task);
  g_assert_cmpint(task->status, ==, VN_OUTCOME_REFUSED);
  g_assert_nonnull(strstr(task->error, "working directory"));

  task = peer_run(peer, 0, NULL);
  peer_wait(peer, task);
  g_assert_cmpint(task->status, ==, VN_OUTCOME_REFUSED);
  task = peer_run(peer, 0, "/etc/passwd", NULL);
  peer_wait(peer, task);
  g_assert_cmpint(task->status, ==, VN_OUTCOME_REFUSED);
  task = peer_native(peer, FALSE, "no_such_operation", NULL);
  peer_wait(peer, task);
  g_assert_cmpint(task->status, ==, VN_OUTCOME_REFUSED);
}

static void
environment_and_input(void)
{
  g_autoptr(Peer) peer = peer_new(PROGRAM);
  g_autofree char *big = g_strnfill(300000, 'x');
  Request request = peer_begin(peer, VN_FRAME_RUN, peer_id(peer));
  vn_frame_put_text(&request.writer, VN_TAG_ARG, "sh");
  vn_frame_put_text(&request.writer, VN_TAG_ARG, "-c");
  vn_frame_put_text(&request.writer, VN_TAG_ARG, "echo $A $HOME; pwd; wc -c");
  vn_frame_put_text(&request.writer, VN_TAG_ENV, "A=one two");
  vn_frame_put_text(&request.writer, VN_TAG_ENV, "HOME=/elsewhere");
  vn_frame_put_text(&request.writer, VN_TAG_DIRECTORY, "/usr");
  vn_frame_put_text(&request.writer, VN_TAG_STDIN, big);
  PeerTask *task = peer_send(&request);
  peer_wait(peer, task);
  g_assert_cmpstr(task->out->str, ==, "one two /elsewhere\n/usr\n300000\n");
}

static void
script(void)
{
  g_autoptr(Peer) peer = peer_new(PROGRAM);
  g_autoptr(GString) text = g_string_new("n=0\n");
  for (guint i = 0; i < 20000; i++) /* longer than any argument may be */
    g_string_append(text, "n=$((n + 1)) # counts\n");
  g_string_append(text, "echo $n; exit 3\n");
  PeerTask *task = peer_script(peer, 0, text->str);
  peer_wait(peer, task);
  g_assert_cmpstr(task->out->str, ==, "20000\n");
  g_assert_cmpint(task->exit_code, ==, 3);

  Request request = peer_begin(peer, VN_FRAME_SCRIPT, peer_id(peer));
  vn_frame_put_text(&request.writer, VN_TAG_TEXT, "1p\n");
  vn_frame_put_text(&request.writer, VN_TAG_ARG, "sed");
  vn_frame_put_text(&request.writer, VN_TAG_ARG, "-n");
  vn_frame_put_text(&request.writer, VN_TAG_ARG, "-f");
  vn_frame_put_text(&request.writer, VN_TAG_STDIN, "first\nsecond\n");
  task = peer_send(&request);
  peer_wait(peer, task);
  g_assert_cmpstr(task->out->str, ==, "first\n");
}

static void
output_is_bounded(void)
{
  g_autoptr(Peer) peer = peer_new(PROGRAM);
  Request request = peer_begin(peer, VN_FRAME_RUN, peer_id(peer));
  vn_frame_put_text(&request.writer, VN_TAG_ARG, "sh");
  vn_frame_put_text(&request.writer, VN_TAG_ARG, "-c");
  vn_frame_put_text(&request.writer, VN_TAG_ARG, "head -c 5000000 /dev/zero; echo done >&2");
  vn_frame_put_int(&request.writer, VN_TAG_LIMIT, 100000);
  PeerTask *task = peer_send(&request);
  peer_wait(peer, task);
  g_assert_cmpuint(task->out->len, ==, 100000);
  g_assert_cmpint(task->out_total, ==, 5000000);
  g_assert_cmpstr(task->err->str, ==, "done\n");
}

/* Nobody reads the channel: the task must wait in its write, and lose nothing afterwards. */
static void
back_pressure(void)
{
  g_autoptr(Peer) peer = peer_new(PROGRAM);
  Request request = peer_begin(peer, VN_FRAME_RUN, peer_id(peer));
  vn_frame_put_text(&request.writer, VN_TAG_ARG, "head");
  vn_frame_put_text(&request.writer, VN_TAG_ARG, "-c");
  vn_frame_put_text(&request.writer, VN_TAG_ARG, "20000000");
  vn_frame_put_text(&request.writer, VN_TAG_ARG, "/dev/zero");
  vn_frame_put_int(&request.writer, VN_TAG_LIMIT, 50000000);
  PeerTask *task = peer_send(&request);
  g_usleep(300000);
  peer_wait(peer, task);
  g_assert_cmpuint(task->out->len, ==, 20000000);
}

static const char daemons[] =
    "sleep 1000 & echo $!\n"
    "setsid sleep 1000 & echo $!\n"
    "sh -c 'setsid sh -c \"sleep 1000 & echo \\$!\" & sleep 0.1'\n"
    "sh -c 'env -i setsid /bin/sh -c \"trap : TERM HUP; while :; do sleep 0.1; done\" & echo $!'\n"
    "sleep 0.2\n";

static void
assert_all_gone(PeerTask *task, guint expected)
{
  g_autoptr(GArray) pids = numbers(task->out->str);
  g_assert_cmpuint(pids->len, ==, expected);
  for (guint i = 0; i < pids->len; i++)
    g_assert_false(is_alive(g_array_index(pids, gint64, i)));
}

static void
timeout_kills_the_tree(void)
{
  g_autoptr(Peer) peer = peer_new(PROGRAM);
  g_autofree char *text = g_strconcat(daemons, "sleep 1000\n", NULL);
  PeerTask *task = peer_script(peer, 7 * SECOND / 10, text);
  PeerTask *other = peer_run(peer, 0, "sleep", "2", NULL);
  peer_wait(peer, task);
  g_assert_cmpint(task->status, ==, VN_OUTCOME_TIMED_OUT);
  g_assert_cmpint(task->elapsed, >=, 7 * SECOND / 10);
  g_assert_cmpint(task->elapsed, <, 5 * SECOND);
  assert_all_gone(task, 4);
  peer_wait(peer, other);
  g_assert_cmpint(other->status, ==, VN_OUTCOME_EXITED);
}

static void
cancel_asks_then_kills(void)
{
  g_autoptr(Peer) peer = peer_new(PROGRAM);
  PeerTask *polite =
      peer_script(peer, 0, "trap 'echo bye; exit 5' TERM; echo up; while :; do sleep 0.01; done");
  while (polite->out->len == 0)
    g_assert_true(peer_turn(peer, 100));
  peer_cancel(peer, polite, 10 * SECOND);
  peer_wait(peer, polite);
  g_assert_cmpint(polite->status, ==, VN_OUTCOME_CANCELLED);
  g_assert_cmpint(polite->exit_code, ==, 5);
  g_assert_cmpstr(polite->out->str, ==, "up\nbye\n");

  g_autofree char *text =
      g_strconcat("trap '' TERM\n", daemons, "echo 0; while :; do :; done\n", NULL);
  PeerTask *stubborn = peer_script(peer, 0, text);
  while (strstr(stubborn->out->str, "\n0\n") == NULL)
    g_assert_true(peer_turn(peer, 100));
  peer_cancel(peer, stubborn, SECOND / 5);
  peer_wait(peer, stubborn);
  g_assert_cmpint(stubborn->status, ==, VN_OUTCOME_CANCELLED);
  assert_all_gone(stubborn, 5);
}

static void
daemon_outlives_its_task(void)
{
  g_autoptr(Peer) peer = peer_new(PROGRAM);
  PeerTask *task = peer_script(peer, 0, "setsid sleep 1000 & echo $!");
  peer_wait(peer, task); /* although the daemon still holds the pipe */
  g_assert_cmpint(task->status, ==, VN_OUTCOME_EXITED);
  gint64 pid = g_ascii_strtoll(task->out->str, NULL, 10);
  g_assert_true(is_alive(pid));

  PeerTask *reset = peer_send(&(Request[]){peer_begin(peer, VN_FRAME_RESET, peer_id(peer))}[0]);
  peer_wait(peer, reset);
  g_assert_cmpint(reset->exit_code, ==, 0);
  g_assert_false(is_alive(pid));
}

static char
state_of(gint64 pid)
{
  g_autofree char *path = g_strdup_printf("/proc/%" G_GINT64_FORMAT "/stat", pid);
  g_autofree char *text = NULL;
  if (!g_file_get_contents(path, &text, NULL, NULL))
    return 'X';
  return strrchr(text, ')')[2];
}

static void
pause_and_continue(void)
{
  g_autoptr(Peer) peer = peer_new(PROGRAM);
  PeerTask *busy = peer_script(peer, 0, "echo $$; while :; do :; done");
  while (strchr(busy->out->str, '\n') == NULL)
    g_assert_true(peer_turn(peer, 100));
  gint64 pid = g_ascii_strtoll(busy->out->str, NULL, 10);
  Request request = peer_begin(peer, VN_FRAME_PAUSE, peer_id(peer));
  peer_wait(peer, peer_send(&request));
  g_assert_cmpint(state_of(pid), ==, 'T');
  request = peer_begin(peer, VN_FRAME_CONTINUE, peer_id(peer));
  peer_wait(peer, peer_send(&request));
  g_assert_cmpint(state_of(pid), !=, 'T');
  request = peer_begin(peer, VN_FRAME_RESET, peer_id(peer));
  peer_wait(peer, peer_send(&request));
  peer_wait(peer, busy);
  g_assert_cmpint(busy->status, ==, VN_OUTCOME_CANCELLED);
}

static void
ends_with_its_channel(void)
{
  g_autoptr(Peer) peer = peer_new(PROGRAM);
  PeerTask *task = peer_script(peer, 0, "setsid sleep 1000 & echo $!; sleep 1000");
  while (strchr(task->out->str, '\n') == NULL)
    g_assert_true(peer_turn(peer, 100));
  gint64 pid = g_ascii_strtoll(task->out->str, NULL, 10);
  Request request = peer_begin(peer, VN_FRAME_EXIT, 0);
  peer_send(&request);
  while (peer_turn(peer, 100))
    ;
  for (guint i = 0; i < 100 && is_alive(pid) && state_of(pid) != 'Z'; i++)
    g_usleep(10000);
  g_assert_true(!is_alive(pid) || state_of(pid) == 'Z');
}

static PeerTask *
get_file(Peer *peer, const char *path, gint64 limit)
{
  Request request = peer_begin(peer, VN_FRAME_GET, peer_id(peer));
  vn_frame_put_text(&request.writer, VN_TAG_PATH, path);
  if (limit >= 0)
    vn_frame_put_int(&request.writer, VN_TAG_LIMIT, limit);
  PeerTask *task = peer_send(&request);
  peer_wait(peer, task);
  return task;
}

static guint
open_files(const Peer *peer)
{
  g_autofree char *path = g_strdup_printf("/proc/%d/fd", (int)peer->pid);
  g_autoptr(GDir) folder = g_dir_open(path, 0, NULL);
  guint n = 0;
  while (g_dir_read_name(folder) != NULL)
    n++;
  return n;
}

/* KiB of memory of its own. */
static gint64
memory(const Peer *peer)
{
  g_autofree char *path = g_strdup_printf("/proc/%d/status", (int)peer->pid), *text = NULL;
  g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
  return g_ascii_strtoll(strstr(text, "RssAnon:") + strlen("RssAnon:"), NULL, 10);
}

static void
mixed_tasks(Peer *peer, guint rounds)
{
  for (guint i = 0; i < rounds; i++) {
    PeerTask *tasks[] = {
        peer_run(peer, 0, "true", NULL),
        peer_run(peer, 0, "no-such-program-here", NULL),
        peer_script(peer, 0, "echo some; echo more >&2; exit 1"),
        peer_script(peer, 1, "sleep 1000"),
        peer_native(peer, FALSE, "file_checksum", "/bin/sh", NULL),
        peer_native(peer, FALSE, "file_read", "/no/such", NULL),
        peer_native(peer, FALSE, "ping", "nowhere", NULL),
        peer_native(peer, FALSE, "tcp_connect", "127.0.0.1", "1", NULL),
        peer_native(peer, FALSE, "sleep", NULL),
        get_file(peer, "/etc/hostname", -1),
    };
    for (guint k = 0; k < G_N_ELEMENTS(tasks); k++)
      peer_wait(peer, tasks[k]);
  }
}

/* How many files it has open at rest: an agent closes a moment after it has answered. */
static guint
files_at_rest(const Peer *peer)
{
  guint least = open_files(peer);
  for (guint i = 0; i < 20; i++) {
    g_usleep(10000);
    least = MIN(least, open_files(peer));
  }
  return least;
}

static void
nothing_piles_up(void)
{
  g_autoptr(Peer) peer = peer_new(PROGRAM);
  mixed_tasks(peer, 20);
  guint files_before = files_at_rest(peer);
  gint64 memory_before = memory(peer);
  mixed_tasks(peer, 150);
  g_assert_cmpuint(files_at_rest(peer), ==, files_before);
  if (g_getenv("VNEC_SANITIZED_AGENTS") == NULL) /* whose freed memory is kept aside */
    g_assert_cmpint(memory(peer), <=, memory_before + 16);
}

static void
many_at_once(void)
{
  g_autoptr(Peer) peer = peer_new(PROGRAM);
  g_autoptr(GPtrArray) tasks = g_ptr_array_new();
  for (guint i = 0; i < 1000; i++) {
    g_autofree char *text = g_strdup_printf("%u", i);
    g_ptr_array_add(
        tasks, peer_run(peer, 0, "sh", "-c", "echo $0; read x < /dev/null; sleep 1", text, NULL));
  }
  for (guint i = 0; i < tasks->len; i++) {
    PeerTask *task = tasks->pdata[i];
    peer_wait(peer, task);
    g_assert_cmpint(task->status, ==, VN_OUTCOME_EXITED);
    g_assert_cmpint(g_ascii_strtoll(task->out->str, NULL, 10), ==, i);
  }
}

static void
many_cancelled_at_once(void)
{
  g_autoptr(Peer) peer = peer_new(PROGRAM);
  g_autoptr(GPtrArray) tasks = g_ptr_array_new();
  for (guint i = 0; i < 300; i++)
    g_ptr_array_add(tasks, peer_run(peer, 0, "sleep", "1000", NULL));
  for (guint i = 0; i < tasks->len; i++)
    peer_cancel(peer, tasks->pdata[i], i % 2 == 0 ? 0 : SECOND);
  for (guint i = 0; i < tasks->len; i++) {
    PeerTask *task = tasks->pdata[i];
    peer_wait(peer, task);
    g_assert_cmpint(task->status, ==, VN_OUTCOME_CANCELLED);
  }
}

static void
background_is_ready_when_its_port_listens(void)
{
  g_autoptr(Peer) peer = peer_new(PROGRAM);
  Request request = peer_begin(peer, VN_FRAME_RUN, peer_id(peer));
  vn_frame_put_text(&request.writer, VN_TAG_ARG, "sleep");
  vn_frame_put_text(&request.writer, VN_TAG_ARG, "1000");
  vn_frame_put_int(&request.writer, VN_TAG_BACKGROUND, 1);
  PeerTask *at_once = peer_send(&request);
  peer_wait_ready(peer, at_once);

  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  g_autoptr(GInetAddress) loopback = g_inet_address_new_loopback(G_SOCKET_FAMILY_IPV4);
  struct {
    guint16 family, port;
    guint8 address[12];
  } address = {AF_INET, 0, {127, 0, 0, 1}};
  socklen_t size = sizeof address;
  g_assert_cmpint(bind(fd, (struct sockaddr *)&address, size), ==, 0);
  g_assert_cmpint(getsockname(fd, (struct sockaddr *)&address, &size), ==, 0);
  request = peer_begin(peer, VN_FRAME_RUN, peer_id(peer));
  vn_frame_put_text(&request.writer, VN_TAG_ARG, "sleep");
  vn_frame_put_text(&request.writer, VN_TAG_ARG, "1000");
  vn_frame_put_int(&request.writer, VN_TAG_BACKGROUND, 1);
  vn_frame_put_int(&request.writer, VN_TAG_READY_PORT, GUINT16_FROM_BE(address.port));
  PeerTask *later = peer_send(&request);
  peer_turn(peer, 100);
  g_assert_false(later->ready);
  g_assert_cmpint(listen(fd, 1), ==, 0);
  peer_wait_ready(peer, later);
  close(fd);
  peer_cancel(peer, later, 0);
  peer_wait(peer, later);
  g_assert_cmpint(later->status, ==, VN_OUTCOME_CANCELLED);
}

static PeerTask *
put_file(Peer *peer, const char *path, const char *content, gsize n, gint64 announced)
{
  guint64 id = peer_id(peer);
  Request request = peer_begin(peer, VN_FRAME_PUT, id);
  vn_frame_put_text(&request.writer, VN_TAG_PATH, path);
  vn_frame_put_int(&request.writer, VN_TAG_MODE, 0640);
  vn_frame_put_int(&request.writer, VN_TAG_SIZE, announced);
  PeerTask *task = peer_send(&request);
  gsize at = 0;
  do {
    gsize part = MIN(n - at, VN_FRAME_CHUNK);
    request = peer_begin(peer, VN_FRAME_DATA, id);
    vn_frame_put(&request.writer, VN_TAG_BYTES, content + at, part);
    at += part;
    request.bytes[7] = at == n;
    peer_send(&request);
  } while (at < n);
  peer_wait(peer, task);
  return task;
}

static void
files(void)
{
  g_autofree char *folder = g_dir_make_tmp("vnec-agent-XXXXXX", NULL);
  g_autofree char *path = g_build_filename(folder, "file", NULL);
  g_autofree char *content = g_malloc(3000000);
  for (gsize i = 0; i < 3000000; i++)
    content[i] = (char)(i * 7 % 251);
  g_autoptr(Peer) peer = peer_new(PROGRAM);
  PeerTask *task = put_file(peer, path, content, 3000000, 3000000);
  g_assert_cmpint(task->exit_code, ==, 0);
  GStatBuf info;
  g_assert_cmpint(g_stat(path, &info), ==, 0);
  g_assert_cmpuint(info.st_mode & 07777, ==, 0640);

  task = get_file(peer, path, -1);
  g_assert_true(task->last);
  g_assert_cmpmem(task->data->data, task->data->len, content, 3000000);
  task = get_file(peer, path, 70000);
  g_assert_cmpmem(task->data->data, task->data->len, content, 70000);

  /* What doesn't arrive whole changes nothing. */
  task = put_file(peer, path, "short", 5, 50);
  g_assert_cmpint(task->exit_code, ==, 1);
  task = put_file(peer, path, "much too long", 13, 5);
  g_assert_cmpint(task->exit_code, ==, 1);
  g_assert_cmpint(g_stat(path, &info), ==, 0);
  g_assert_cmpint(info.st_size, ==, 3000000);
  task = put_file(peer, path, "", 0, 0);
  g_assert_cmpint(task->exit_code, ==, 0);
  task = get_file(peer, path, -1);
  g_assert_cmpuint(task->data->len, ==, 0);

  task = get_file(peer, "/no/such/file", -1);
  g_assert_cmpint(task->exit_code, ==, 1);
  g_assert_nonnull(strstr(task->error, "/no/such/file"));
  task = put_file(peer, "/no/such/file", "x", 1, 1);
  g_assert_cmpint(task->exit_code, ==, 1);
  task = get_file(peer, folder, -1);
  g_assert_cmpint(task->exit_code, ==, 1);
  g_assert_cmpint(g_remove(path), ==, 0);
  g_assert_cmpint(g_rmdir(folder), ==, 0); /* nothing else is left in it */
}

static void
small_frames(void)
{
  g_autoptr(Peer) peer = peer_new(PROGRAM);
  Request request = peer_begin(peer, VN_FRAME_PING, 1);
  peer_send(&request);
  while (peer->pongs == 0)
    g_assert_true(peer_turn(peer, 100));
  request = peer_begin(peer, VN_FRAME_ACK, 1);
  peer_send(&request);
  request = peer_begin(peer, (VnFrameKind)0x77, 1);
  peer_send(&request);
  request = peer_begin(peer, VN_FRAME_LINK, 1);
  peer_send(&request);
  request = peer_begin(peer, VN_FRAME_CLOCK, 1);
  peer_send(&request);
  while (peer->refused < 3)
    g_assert_true(peer_turn(peer, 100));

  PeerTask *first = peer_run(peer, 0, "sleep", "0.2", NULL);
  request = peer_begin(peer, VN_FRAME_RUN, first->id);
  vn_frame_put_text(&request.writer, VN_TAG_ARG, "true");
  peer_send(&request);
  peer_wait(peer, first);
  g_assert_cmpuint(peer->refused, ==, 4);
  g_assert_cmpint(first->elapsed, >=, SECOND / 5);
}

/* Whatever bytes come, it refuses or closes, and peer_free sees that it ended by itself. */
static void
malformed(void)
{
  for (guint round = 0; round < 60; round++) {
    g_autoptr(Peer) peer = peer_new(PROGRAM);
    guint8 bytes[400];
    gsize n = 0;
    while (n + 80 < sizeof bytes) {
      VnFrameWriter writer;
      vn_frame_writer_init(&writer, bytes + n, sizeof bytes - n);
      /* Not RUN, SCRIPT, PUT, CLOCK, LINK and EXIT, which would do what chance says. */
      static const guint16 kinds[] = {1, 4, 5, 6, 10, 11, 12, 13, 14, 16, 18, 19, 21, 22, 99};
      vn_frame_begin(&writer, kinds[g_test_rand_int_range(0, G_N_ELEMENTS(kinds))], 0, 0,
                     (guint64)g_test_rand_int_range(0, 3));
      for (int fields = g_test_rand_int_range(0, 4); fields > 0; fields--)
        vn_frame_put(&writer, (guint16)g_test_rand_int_range(0, 40), "\0\0\0\1ping\0\0",
                     (gsize)g_test_rand_int_range(0, 10));
      n += vn_frame_end(&writer);
    }
    for (guint k = 0; k < round % 4; k++)
      bytes[g_test_rand_int_range(0, (gint32)n)] ^= (guint8)(1 << g_test_rand_int_range(0, 3));
    g_assert_cmpint(send(peer->fd, bytes, n, MSG_NOSIGNAL), ==, (gssize)n);
    for (guint8 answer[4096]; recv(peer->fd, answer, sizeof answer, MSG_DONTWAIT) > 0;)
      ;
  }
}

static void
garbage_closes(void)
{
  g_autoptr(Peer) peer = peer_new(PROGRAM);
  guint8 bytes[64];
  memset(bytes, 0xff, sizeof bytes);
  g_assert_cmpint(send(peer->fd, bytes, sizeof bytes, MSG_NOSIGNAL), ==, sizeof bytes);
  while (peer_turn(peer, 100))
    ;
}

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/agent/hello", hello);
  g_test_add_func("/agent/run", run);
  g_test_add_func("/agent/waits-in-a-crowd", waits_in_a_crowd);
  g_test_add_func("/agent/clean-child", clean_child);
  g_test_add_func("/agent/refused", refused);
  g_test_add_func("/agent/environment-and-input", environment_and_input);
  g_test_add_func("/agent/script", script);
  g_test_add_func("/agent/output-is-bounded", output_is_bounded);
  g_test_add_func("/agent/back-pressure", back_pressure);
  g_test_add_func("/agent/timeout-kills-the-tree", timeout_kills_the_tree);
  g_test_add_func("/agent/cancel-asks-then-kills", cancel_asks_then_kills);
  g_test_add_func("/agent/daemon-outlives-its-task", daemon_outlives_its_task);
  g_test_add_func("/agent/pause-and-continue", pause_and_continue);
  g_test_add_func("/agent/ends-with-its-channel", ends_with_its_channel);
  g_test_add_func("/agent/nothing-piles-up", nothing_piles_up);
  g_test_add_func("/agent/many-at-once", many_at_once);
  g_test_add_func("/agent/many-cancelled-at-once", many_cancelled_at_once);
  g_test_add_func("/agent/background-ready-port", background_is_ready_when_its_port_listens);
  g_test_add_func("/agent/files", files);
  g_test_add_func("/agent/small-frames", small_frames);
  g_test_add_func("/agent/malformed", malformed);
  g_test_add_func("/agent/garbage-closes", garbage_closes);
  return g_test_run();
}
