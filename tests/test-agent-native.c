/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The agent's built-in operations, on the loopback interface of a network namespace of this test's
 * own, so that no port or packet of the machine is touched. */
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>

#include "tests/agent-peer.h"

#define SECOND  G_GINT64_CONSTANT(1000000000)
#define PROGRAM "vnec-taskrunner"

static PeerTask *
wait_good(Peer *peer, PeerTask *task)
{
  peer_wait(peer, task);
  if (task->error != NULL)
    g_test_message("%s", task->error);
  g_assert_cmpint(task->status, ==, VN_OUTCOME_EXITED);
  g_assert_cmpint(task->exit_code, ==, 0);
  return task;
}

static PeerTask *
wait_bad(Peer *peer, PeerTask *task)
{
  peer_wait(peer, task);
  g_assert_cmpint(task->status, ==, VN_OUTCOME_EXITED);
  g_assert_cmpint(task->exit_code, ==, 1);
  g_assert_nonnull(task->error);
  return task;
}

static PeerTask *
wait_refused(Peer *peer, PeerTask *task)
{
  peer_wait(peer, task);
  g_assert_cmpint(task->status, ==, VN_OUTCOME_REFUSED);
  g_assert_nonnull(task->error);
  return task;
}

static void
stop(Peer *peer, PeerTask *task)
{
  peer_cancel(peer, task, 0);
  peer_wait(peer, task);
  g_assert_cmpint(task->status, ==, VN_OUTCOME_CANCELLED);
}

static void
ping(void)
{
  g_autoptr(Peer) peer = peer_new(PROGRAM);
  const char *const targets[] = {"127.0.0.1", "::1", "127.1.2.3"};
  for (guint i = 0; i < G_N_ELEMENTS(targets); i++) {
    PeerTask *task =
        wait_good(peer, peer_native(peer, FALSE, "ping", targets[i], "5", "1000000", NULL));
    g_assert_cmpint(peer_field_int(task, "sent"), ==, 5);
    g_assert_cmpint(peer_field_int(task, "received"), ==, 5);
    g_assert_cmpint(peer_field_int(task, "rtt"), >, 0);
    g_assert_cmpint(peer_field_int(task, "rtt_min"), <=, peer_field_int(task, "rtt"));
    g_assert_cmpint(peer_field_int(task, "rtt_max"), >=, peer_field_int(task, "rtt"));
  }
  PeerTask *task =
      wait_bad(peer, peer_native(peer, FALSE, "ping", "10.9.9.9", "2", "1000", "50000000", NULL));
  g_assert_cmpint(peer_field_int(task, "received"), ==, 0);
  g_assert_null(peer_field(task, "rtt"));
  wait_refused(peer, peer_native(peer, FALSE, "ping", "not an address", NULL));
  wait_refused(peer, peer_native(peer, FALSE, "ping", "127.0.0.1", "x", NULL));
  wait_refused(peer, peer_native(peer, FALSE, "ping", "127.0.0.1", "0", NULL));
  wait_refused(peer, peer_native(peer, FALSE, "ping", NULL));

  /* Many at once, each counting its own answers. */
  PeerTask *many[50];
  for (guint i = 0; i < G_N_ELEMENTS(many); i++)
    many[i] = peer_native(peer, FALSE, "ping", "127.0.0.1", "10", "2000000", NULL);
  for (guint i = 0; i < G_N_ELEMENTS(many); i++)
    g_assert_cmpint(peer_field_int(wait_good(peer, many[i]), "received"), ==, 10);
}

static void
traceroute(void)
{
  g_autoptr(Peer) peer = peer_new(PROGRAM);
  PeerTask *task = wait_good(peer, peer_native(peer, FALSE, "traceroute", "127.0.0.1", NULL));
  g_assert_cmpstr(peer_field(task, "hops"), ==, "127.0.0.1");
  g_assert_cmpstr(peer_field(task, "reached"), ==, "true");
  task = wait_good(peer, peer_native(peer, FALSE, "traceroute", "::1", NULL));
  g_assert_cmpstr(peer_field(task, "hops"), ==, "::1");
}

static void
tcp(void)
{
  g_autoptr(Peer) peer = peer_new(PROGRAM);
  PeerTask *server = peer_native(peer, TRUE, "tcp_serve", "7001", "hello there\r\n", NULL);
  peer_wait_ready(peer, server);
  const char *const targets[] = {"127.0.0.1", "::1"};
  for (guint i = 0; i < 2; i++) {
    PeerTask *task = wait_good(peer, peer_native(peer, FALSE, "tcp_connect", targets[i], "7001",
                                                 "5000000000", "5000000000", NULL));
    g_assert_cmpstr(peer_field(task, "connected"), ==, "true");
    g_assert_cmpstr(peer_field(task, "banner"), ==, "hello there");
    g_assert_cmpint(task->elapsed, <, 2 * SECOND);
  }
  PeerTask *task =
      wait_good(peer, peer_native(peer, FALSE, "tcp_connect", "127.0.0.1", "7001", NULL));
  g_assert_null(peer_field(task, "banner"));
  task = wait_good(peer, peer_native(peer, FALSE, "tcp_exchange", "127.0.0.1", "7001", "say this",
                                     "300000000", NULL));
  g_assert_cmpstr(task->out->str, ==, "hello there\r\nsay this");
  g_assert_cmpint(peer_field_int(task, "sent"), ==, 8);
  g_assert_cmpint(peer_field_int(task, "received"), ==, 21);
  wait_refused(peer, peer_native(peer, TRUE, "tcp_serve", "7001", NULL)); /* in use */
  stop(peer, server);
  g_assert_cmpint(peer_field_int(server, "connections"), ==, 4);
  g_assert_cmpint(peer_field_int(server, "bytes"), ==, 8);

  task = wait_bad(peer, peer_native(peer, FALSE, "tcp_connect", "127.0.0.1", "7001", NULL));
  g_assert_cmpstr(peer_field(task, "connected"), ==, "false");
  PeerTask *waits = peer_native(peer, FALSE, "tcp_wait", "127.0.0.1", "7002", NULL);
  peer_turn(peer, 100);
  server = peer_native(peer, TRUE, "tcp_serve", "7002", NULL);
  wait_good(peer, waits);
  g_assert_cmpint(peer_field_int(waits, "tries"), >, 1);
  wait_bad(peer, peer_native(peer, FALSE, "tcp_wait", "127.0.0.1", "7003", "50000000", NULL));
}

static void
marker_and_throughput(void)
{
  g_autofree char *folder = g_dir_make_tmp("vnec-agent-XXXXXX", NULL);
  g_autofree char *path = g_build_filename(folder, "marker", NULL);
  g_autoptr(Peer) peer = peer_new(PROGRAM);
  PeerTask *marker = peer_native(peer, TRUE, "tcp_sink", "7010", path, NULL);
  peer_wait_ready(peer, marker);
  for (guint i = 0; i < 3; i++)
    wait_good(peer,
              peer_native(peer, FALSE, "tcp_exchange", "127.0.0.1", "7010", "mark\n", "0", NULL));
  g_autofree char *text = NULL;
  for (guint i = 0; i < 100; i++) {
    peer_turn(peer, 10);
    g_clear_pointer(&text, g_free);
    g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
    if (strlen(text) == 15)
      break;
  }
  g_assert_cmpstr(text, ==, "mark\nmark\nmark\n");
  stop(peer, marker);
  g_assert_cmpint(peer_field_int(marker, "connections"), ==, 3);

  PeerTask *sink = peer_native(peer, TRUE, "tcp_sink", "7011", NULL);
  peer_wait_ready(peer, sink);
  PeerTask *blast = wait_good(
      peer, peer_native(peer, FALSE, "tcp_blast", "127.0.0.1", "7011", "200000000", NULL));
  g_assert_cmpint(peer_field_int(blast, "bytes"), >, 1000000);
  g_assert_cmpint(peer_field_int(blast, "rate"), >, 1000000);
  for (guint i = 0; i < 10; i++)
    peer_turn(peer, 10);
  stop(peer, sink);
  g_assert_cmpint(peer_field_int(sink, "bytes"), ==, peer_field_int(blast, "bytes"));
  g_assert_cmpint(g_remove(path), ==, 0);
  g_assert_cmpint(g_rmdir(folder), ==, 0);
}

static void
http(void)
{
  g_autofree char *folder = g_dir_make_tmp("vnec-agent-XXXXXX", NULL);
  g_autofree char *index = g_build_filename(folder, "index.html", NULL);
  g_autofree char *big = g_build_filename(folder, "big file", NULL);
  g_autofree char *content = g_strnfill(500000, 'b');
  g_assert_true(g_file_set_contents(index, "<p>here</p>", -1, NULL));
  g_assert_true(g_file_set_contents(big, content, -1, NULL));
  g_autoptr(Peer) peer = peer_new(PROGRAM);
  PeerTask *files = peer_native(peer, TRUE, "http_serve", "7020", folder, NULL);
  PeerTask *text = peer_native(peer, TRUE, "http_serve", "7021", "", "just this", NULL);
  peer_wait_ready(peer, files);
  peer_wait_ready(peer, text);

  PeerTask *task = wait_good(peer, peer_native(peer, FALSE, "http_get", "127.0.0.1", "7020", NULL));
  g_assert_cmpint(peer_field_int(task, "status"), ==, 200);
  g_assert_cmpint(peer_field_int(task, "size"), ==, 11);
  g_assert_cmpstr(task->out->str, ==, "<p>here</p>");
  task = wait_good(peer, peer_native(peer, FALSE, "http_get", "::1", "7020", "/big%20file", NULL));
  g_assert_cmpstr(task->out->str, ==, content);
  task = wait_good(peer, peer_native(peer, FALSE, "http_get", "127.0.0.1", "7021", "/any", NULL));
  g_assert_cmpstr(task->out->str, ==, "just this");
  task = wait_bad(peer, peer_native(peer, FALSE, "http_get", "127.0.0.1", "7020", "/none", NULL));
  g_assert_cmpint(peer_field_int(task, "status"), ==, 404);
  const char *const ways_out[] = {"/../etc/passwd", "/%2e%2e/etc/passwd", "/x/..", "/.."};
  for (guint i = 0; i < G_N_ELEMENTS(ways_out); i++) {
    task = wait_bad(peer,
                    peer_native(peer, FALSE, "http_get", "127.0.0.1", "7020", ways_out[i], NULL));
    g_assert_cmpint(peer_field_int(task, "status"), ==, 403);
  }
  wait_refused(peer, peer_native(peer, FALSE, "http_get", "127.0.0.1", "7020", "/a\r\nb: c", NULL));
  wait_bad(peer, peer_native(peer, FALSE, "http_get", "127.0.0.1", "7029", NULL));
  /* A server that doesn't speak HTTP, and one that says nothing. */
  PeerTask *other = peer_native(peer, TRUE, "tcp_serve", "7022", "220 mail\r\n\r\n", NULL);
  PeerTask *silent = peer_native(peer, TRUE, "tcp_sink", "7023", NULL);
  peer_wait_ready(peer, other);
  peer_wait_ready(peer, silent);
  wait_bad(peer, peer_native(peer, FALSE, "http_get", "127.0.0.1", "7022", NULL));
  wait_bad(peer, peer_native(peer, FALSE, "http_get", "127.0.0.1", "7023", "/", "50000000", NULL));
  /* Nonsense to our server. */
  wait_good(peer, peer_native(peer, FALSE, "tcp_exchange", "127.0.0.1", "7020", "\r\n\r\n", NULL));
  g_autofree char *endless = g_strnfill(20000, 'x');
  task = peer_native(peer, FALSE, "tcp_exchange", "127.0.0.1", "7020", endless, NULL);
  peer_wait(peer, task);

  stop(peer, files);
  g_assert_nonnull(strstr(files->out->str, "GET / 200 11\n"));
  g_assert_nonnull(strstr(files->out->str, "GET /none 404 0\n"));
  stop(peer, text);
  g_assert_cmpint(peer_field_int(text, "requests"), ==, 1);
  g_assert_cmpint(g_remove(index) | g_remove(big) | g_rmdir(folder), ==, 0);
}

/* More clients than the server keeps: each is served in its turn. */
static void
many_clients(void)
{
  g_autoptr(Peer) peer = peer_new(PROGRAM);
  PeerTask *server = peer_native(peer, TRUE, "http_serve", "7030", "", "page", NULL);
  peer_wait_ready(peer, server);
  PeerTask *tasks[400];
  for (guint i = 0; i < G_N_ELEMENTS(tasks); i++)
    tasks[i] = peer_native(peer, FALSE, "http_get", "127.0.0.1", "7030", NULL);
  for (guint i = 0; i < G_N_ELEMENTS(tasks); i++)
    g_assert_cmpstr(wait_good(peer, tasks[i])->out->str, ==, "page");
  stop(peer, server);
  g_assert_cmpint(peer_field_int(server, "requests"), ==, G_N_ELEMENTS(tasks));
}

static void
port_scan(void)
{
  g_autoptr(Peer) peer = peer_new(PROGRAM);
  PeerTask *a = peer_native(peer, TRUE, "tcp_sink", "7040", NULL);
  PeerTask *b = peer_native(peer, TRUE, "tcp_sink", "7049", NULL);
  peer_wait_ready(peer, a);
  peer_wait_ready(peer, b);
  PeerTask *task = wait_good(
      peer, peer_native(peer, FALSE, "port_scan", "127.0.0.1", "22, 7035-7050,7049", NULL));
  g_assert_cmpstr(peer_field(task, "open"), ==, "7040,7049");
  g_assert_cmpint(peer_field_int(task, "closed"), ==, 15);
  task = wait_good(peer, peer_native(peer, FALSE, "port_scan", "::1", "1-65535", NULL));
  g_assert_cmpstr(peer_field(task, "open"), ==, "7040,7049");
  g_assert_cmpint(peer_field_int(task, "closed") + peer_field_int(task, "silent"), ==, 65533);
  wait_refused(peer, peer_native(peer, FALSE, "port_scan", "127.0.0.1", "0-5", NULL));
  wait_refused(peer, peer_native(peer, FALSE, "port_scan", "127.0.0.1", "9-5", NULL));
  wait_refused(peer, peer_native(peer, FALSE, "port_scan", "127.0.0.1", "", NULL));
}

static void
udp(void)
{
  g_autoptr(Peer) peer = peer_new(PROGRAM);
  PeerTask *receive = peer_native(peer, TRUE, "udp_receive", "7050", "3", NULL);
  peer_wait_ready(peer, receive);
  PeerTask *task =
      wait_good(peer, peer_native(peer, FALSE, "udp_send", "127.0.0.1", "7050", "abc", "3", NULL));
  g_assert_cmpint(peer_field_int(task, "sent"), ==, 3);
  wait_good(peer, receive);
  g_assert_cmpstr(receive->out->str, ==, "abcabcabc");
  g_assert_cmpstr(peer_field(receive, "from"), ==, "127.0.0.1");
  task = wait_bad(peer, peer_native(peer, FALSE, "udp_receive", "7051", "1", "50000000", NULL));
  g_assert_cmpint(peer_field_int(task, "received"), ==, 0);
  PeerTask *echo = peer_native(peer, TRUE, "udp_serve", "7052", NULL);
  peer_wait_ready(peer, echo);
  wait_good(peer, peer_native(peer, FALSE, "udp_send", "::1", "7052", "x", "2", "1000000", NULL));
  peer_turn(peer, 20);
  stop(peer, echo);
  g_assert_cmpint(peer_field_int(echo, "received"), ==, 2);
}

static void
files(void)
{
  g_autofree char *folder = g_dir_make_tmp("vnec-agent-XXXXXX", NULL);
  g_autofree char *path = g_build_filename(folder, "a", NULL);
  g_autofree char *sub = g_build_filename(folder, "sub", NULL);
  g_autoptr(Peer) peer = peer_new(PROGRAM);
  PeerTask *task = wait_good(peer, peer_native(peer, FALSE, "file_exists", path, NULL));
  g_assert_cmpstr(peer_field(task, "exists"), ==, "false");
  wait_good(peer, peer_native(peer, FALSE, "file_create", path, "0600", NULL));
  wait_bad(peer, peer_native(peer, FALSE, "file_create", path, NULL));
  wait_good(peer, peer_native(peer, FALSE, "file_write", path, "abc", "0640", NULL));
  GStatBuf info;
  g_assert_cmpint(g_stat(path, &info), ==, 0);
  g_assert_cmpuint(info.st_mode & 07777, ==, 0640);
  task = wait_good(peer, peer_native(peer, FALSE, "file_checksum", path, NULL));
  g_assert_cmpstr(peer_field(task, "sha256"), ==,
                  "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  wait_good(peer, peer_native(peer, FALSE, "file_append", path, "def\n", NULL));
  task = wait_good(peer, peer_native(peer, FALSE, "file_read", path, NULL));
  g_assert_cmpstr(task->out->str, ==, "abcdef\n");
  g_assert_cmpint(peer_field_int(task, "size"), ==, 7);
  task = wait_good(peer, peer_native(peer, FALSE, "file_exists", path, NULL));
  g_assert_cmpstr(peer_field(task, "exists"), ==, "true");
  g_assert_cmpint(peer_field_int(task, "size"), ==, 7);
  wait_good(peer, peer_native(peer, FALSE, "file_mkdir", sub, NULL));
  wait_good(peer, peer_native(peer, FALSE, "file_mkdir", sub, NULL));
  task = wait_good(peer, peer_native(peer, FALSE, "file_list", folder, NULL));
  g_assert_cmpint(peer_field_int(task, "count"), ==, 2);
  g_assert_nonnull(strstr(task->out->str, "sub\n"));
  wait_bad(peer, peer_native(peer, FALSE, "file_read", sub, NULL));
  wait_bad(peer, peer_native(peer, FALSE, "file_read", "/no/such", NULL));
  wait_bad(peer, peer_native(peer, FALSE, "file_write", "/no/such/file", "x", NULL));
  wait_bad(peer, peer_native(peer, FALSE, "file_delete", folder, NULL)); /* not empty */
  wait_refused(peer, peer_native(peer, FALSE, "file_write", path, "x", "0999", NULL));
  wait_good(peer, peer_native(peer, FALSE, "file_delete", path, NULL));
  wait_good(peer, peer_native(peer, FALSE, "file_delete", sub, NULL));
  g_assert_cmpint(g_rmdir(folder), ==, 0);
}

static void
checksums(void)
{
  g_autofree char *folder = g_dir_make_tmp("vnec-agent-XXXXXX", NULL);
  g_autofree char *path = g_build_filename(folder, "a", NULL);
  g_autoptr(Peer) peer = peer_new(PROGRAM);
  const gsize sizes[] = {0, 1, 55, 56, 57, 63, 64, 65, 119, 120, 1000, 61440, 61441, 300000};
  for (guint i = 0; i < G_N_ELEMENTS(sizes); i++) {
    g_autofree char *content = g_strnfill(sizes[i], 'q');
    g_assert_true(g_file_set_contents(path, content, (gssize)sizes[i], NULL));
    g_autofree char *expected =
        g_compute_checksum_for_data(G_CHECKSUM_SHA256, (const guchar *)content, sizes[i]);
    PeerTask *task = wait_good(peer, peer_native(peer, FALSE, "file_checksum", path, NULL));
    g_assert_cmpstr(peer_field(task, "sha256"), ==, expected);
  }
  g_assert_cmpint(g_remove(path) | g_rmdir(folder), ==, 0);
}

static void
facts_and_sleep(void)
{
  g_autoptr(Peer) peer = peer_new(PROGRAM);
  PeerTask *task = wait_good(peer, peer_native(peer, FALSE, "facts", NULL));
  g_assert_cmpstr(peer_field(task, "os"), ==, "linux");
  g_assert_cmpstr(peer_field(task, "hostname"), ==, g_get_host_name());
  g_assert_cmpint(peer_field_int(task, "memory"), >, 1 << 20);
  g_assert_cmpint(peer_field_int(task, "cpus"), >=, 1);
  g_assert_cmpint(peer_field_int(task, "uptime"), >, 0);
  g_assert_cmpstr(peer_field(task, "addresses"), ==, "");
  task = wait_good(peer, peer_native(peer, FALSE, "sleep", "50000000", NULL));
  g_assert_cmpint(task->elapsed, >=, SECOND / 20);
  g_assert_cmpint(task->elapsed, <, 5 * SECOND);
  PeerTask *many[2000];
  for (guint i = 0; i < G_N_ELEMENTS(many); i++)
    many[i] = peer_native(peer, FALSE, "sleep", "300000000", NULL);
  for (guint i = 0; i < G_N_ELEMENTS(many); i++)
    wait_good(peer, many[i]);

  Request request = peer_begin(peer, VN_FRAME_NATIVE, peer_id(peer));
  vn_frame_put_text(&request.writer, VN_TAG_NAME, "sleep");
  vn_frame_put_text(&request.writer, VN_TAG_ARG, "1000000000000");
  vn_frame_put_int(&request.writer, VN_TAG_TIMEOUT, SECOND / 20);
  task = peer_send(&request);
  peer_wait(peer, task);
  g_assert_cmpint(task->status, ==, VN_OUTCOME_TIMED_OUT);
}

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  if (!peer_enter_namespace()) {
    g_print("1..0 # SKIP no user namespaces here\n");
    return 0;
  }
  g_test_add_func("/agent-native/ping", ping);
  g_test_add_func("/agent-native/traceroute", traceroute);
  g_test_add_func("/agent-native/tcp", tcp);
  g_test_add_func("/agent-native/marker-and-throughput", marker_and_throughput);
  g_test_add_func("/agent-native/http", http);
  g_test_add_func("/agent-native/many-clients", many_clients);
  g_test_add_func("/agent-native/port-scan", port_scan);
  g_test_add_func("/agent-native/udp", udp);
  g_test_add_func("/agent-native/files", files);
  g_test_add_func("/agent-native/checksums", checksums);
  g_test_add_func("/agent-native/facts-and-sleep", facts_and_sleep);
  return g_test_run();
}
