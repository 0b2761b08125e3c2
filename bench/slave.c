/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the way through a slave costs: tasks sent over a session to the real vnec-slave and its
 * hosts, and back, without the master's scheduler and store.
 *
 *   bench/slave SERIES-OR-HOSTS KIND [SECONDS] [SPIN_US]
 *
 * HOSTS hosts, one task in flight on each; KIND is native (file_exists) or spawn (/bin/true).
 * Prints the CPU time that a task costs in the slave and in this program, and tasks a second.
 */
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "wire/session.h"

typedef struct {
  VnSession *session;
  gboolean replied, spawn, measuring;
  guint hosts;
  guint64 done;
  pid_t pid;
} Bench;

static void
send_task(Bench *bench, guint32 vm)
{
  VnFrameWriter *w = vn_session_begin(bench->session, bench->spawn ? VN_FRAME_RUN : VN_FRAME_NATIVE,
                                      0, vm, 1, 256);
  if (!bench->spawn)
    vn_frame_put_text(w, VN_TAG_NAME, "file_exists");
  vn_frame_put_text(w, VN_TAG_ARG, bench->spawn ? "/bin/true" : "/etc/passwd");
  vn_frame_put_int(w, VN_TAG_TIMEOUT, G_GINT64_CONSTANT(30000000000));
  vn_frame_put_int(w, VN_TAG_LIMIT, 1 << 20);
  vn_session_commit(bench->session);
}

static void
on_frame(VnSession *session, const VnFrame *frame, gpointer data)
{
  Bench *bench = data;
  if (frame->kind == VN_MESSAGE_REPLY) {
    g_autoptr(GVariant) body = vn_message_body(frame, NULL);
    g_autofree char *text = g_variant_print(body, FALSE);
    g_assert_cmpstr(text, ==, "([],)");
    bench->replied = TRUE;
  } else if (frame->kind == VN_FRAME_OUTCOME) {
    bench->done++;
    if (bench->measuring)
      send_task(bench, frame->vm);
  }
}

static void
on_closed(VnSession *session, const GError *error, gpointer data)
{
  g_error("the slave went away: %s", error != NULL ? error->message : "");
}

static void
ask(Bench *bench, VnMessageKind kind, GVariant *body)
{
  bench->replied = FALSE;
  vn_session_send(bench->session, kind, 0, 1, body);
  while (!bench->replied)
    g_main_context_iteration(NULL, TRUE);
}

static void
deploy(Bench *bench)
{
  GVariantBuilder vms, on;
  g_variant_builder_init(&vms, G_VARIANT_TYPE("a(usumsa{sv}msxuua(ustssb)a(sus)a(us))"));
  g_variant_builder_init(&on, G_VARIANT_TYPE("au"));
  for (guint i = 0; i < bench->hosts; i++) {
    g_autofree char *text =
        g_strdup_printf("(%u, 'h%u', 0, nothing, {}, nothing, 0, 0, 0, "
                        "[(0, '', %" G_GUINT64_FORMAT ", '10.0.%u.%u/16', '', false)], [], [])",
                        i, i, G_GUINT64_CONSTANT(0x020000000000) + i, i / 250, i % 250 + 1);
    g_variant_builder_add_value(
        &vms, g_variant_parse(G_VARIANT_TYPE("(usumsa{sv}msxuua(ustssb)a(sus)a(us))"), text, NULL,
                              NULL, NULL));
    g_variant_builder_add(&on, "u", i);
  }
  ask(bench, VN_MESSAGE_OPEN, g_variant_new("(us)", VN_WIRE_VERSION, "bench"));
  ask(bench, VN_MESSAGE_SEGMENTS,
      g_variant_new_parsed("('netns', [(uint32 0, 'lan', uint32 0, int64 0, int64 0, 0.0, 0.0, "
                           "0.0, int64 0, int64 0, uint64 0, false)])"));
  ask(bench, VN_MESSAGE_VMS,
      g_variant_new("(s@a(usumsa{sv}msxuua(ustssb)a(sus)a(us)))", "netns",
                    g_variant_builder_end(&vms)));
  ask(bench, VN_MESSAGE_POWER_ON, g_variant_new("(au)", &on));
}

/* CPU time of a process' first thread, us. */
static double
cpu_of(pid_t pid)
{
  g_autofree char *path = g_strdup_printf("/proc/%d/task/%d/schedstat", pid, pid);
  g_autofree char *text = NULL;
  g_assert(g_file_get_contents(path, &text, NULL, NULL));
  return (double)g_ascii_strtoull(text, NULL, 10) / 1000;
}

static double
measure(Bench *bench, double seconds)
{
  bench->measuring = TRUE;
  bench->done = 0;
  for (guint i = 0; i < bench->hosts; i++)
    send_task(bench, i);
  double slave = cpu_of(bench->pid), own = cpu_of(getpid());
  gint64 start = g_get_monotonic_time(), end = start + (gint64)(seconds * 1e6), now;
  while ((now = g_get_monotonic_time()) < end)
    g_main_context_iteration(NULL, TRUE);
  bench->measuring = FALSE;
  slave = (cpu_of(bench->pid) - slave) / (double)bench->done;
  own = (cpu_of(getpid()) - own) / (double)bench->done;
  g_print("CPU a task: slave %.2f us, master %.2f us; tasks a second: ", slave, own);
  return (double)bench->done * 1e6 / (double)(now - start);
}

int
main(int argc, char **argv)
{
  static const VnSessionEvents events = {on_frame, NULL, on_closed, NULL};
  g_assert(argc >= 3);
  Bench bench = {.hosts = (guint)atoi(argv[1]), .spawn = argv[2][0] == 's'};
  int fds[2];
  g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), ==, 0);
  pid_t pid = bench.pid = fork();
  if (pid == 0) {
    if (dup2(fds[1], 9) == 9)
      execl("bin/vnec-slave", "vnec-slave", "--fd", "9", (char *)NULL);
    _exit(127);
  }
  close(fds[1]);
  bench.session = vn_session_new(fds[0], &events, &bench);
  gint64 start = g_get_monotonic_time();
  deploy(&bench);
  g_print("Up in %.3f s. ", (double)(g_get_monotonic_time() - start) / 1e6);
  vn_session_set_spin(bench.session, argc > 4 ? (guint)atoi(argv[4]) : 60);
  g_print("%.0f\n", measure(&bench, argc > 3 ? atof(argv[3]) : 2));
  vn_session_free(bench.session);
  return waitpid(pid, NULL, 0) == pid ? 0 : 1;
}
