/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Addresses for hosts: a real vnec-router serves a host in a namespace of its own; the host's
 * clients are busybox' udhcpc, the kernel's own (router advertisements), and a DHCPv6 client of a
 * few lines. */
#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <net/if.h>
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/agent-peer.h"

#define HOST_MAC  "02:00:00:00:00:08"
#define PATIENCE  20 /* tries of a second */

static void
put_lines(Request *request, VnFrameTag tag, const char *const *lines)
{
  for (guint i = 0; lines[i] != NULL; i++)
    vn_frame_put_text(&request->writer, (guint16)tag, lines[i]);
}

static PeerTask *
set_leases(Peer *peer)
{
  static const char *const ifaces[] = {"eth0 02:00:00:00:00:07", NULL};
  static const char *const addresses[] = {"eth0 10.7.4.1/24", "eth0 fd07:4::1/64", NULL};
  static const char *const leases[] = {
      "eth0 " HOST_MAC " 10.7.4.9/24 h-3 1400 0.0.0.0/0=10.7.4.1 10.99.0.0/16=10.7.4.7 "
      "10.98.1.0/24=-",
      "eth0 " HOST_MAC " fd07:4::9/64 h-3 1400 ::/0=fd07:4::1", NULL};
  Request request = peer_begin(peer, VN_FRAME_NETWORK, peer_id(peer));
  put_lines(&request, VN_TAG_IFACE, ifaces);
  put_lines(&request, VN_TAG_ADDRESS, addresses);
  put_lines(&request, VN_TAG_LEASE, leases);
  PeerTask *task = peer_send(&request);
  peer_wait(peer, task);
  if (task->error != NULL)
    g_test_message("%s", task->error);
  return task;
}

static char *
output_of(Peer *peer, const char *command)
{
  PeerTask *task = peer_script(peer, 0, command);
  peer_wait(peer, task);
  return g_strdup(task->out->str);
}

/* ---- in the host's namespace ---- */

static char *
shell(const char *command)
{
  char *out = NULL;
  g_autoptr(GError) error = NULL;
  const char *argv[] = {"/bin/sh", "-c", command, NULL};
  g_spawn_sync(NULL, (char **)argv, NULL, G_SPAWN_DEFAULT, NULL, NULL, &out, NULL, NULL, &error);
  g_assert_no_error(error);
  return out;
}

static void
expect(const char *text, const char *part)
{
  if (strstr(text, part) == NULL)
    g_error("“%s” is not in:\n%s", part, text);
}

static void
host_dhcp4(void)
{
  g_autofree char *script = NULL;
  g_autoptr(GError) error = NULL;
  int fd = g_file_open_tmp("vnec-lease-XXXXXX", &script, &error);
  g_assert_no_error(error);
  static const char text[] = "#!/bin/sh\n[ \"$1\" = bound ] && set\nexit 0\n";
  g_assert_cmpint(write(fd, text, sizeof text - 1), ==, sizeof text - 1);
  g_assert_cmpint(fchmod(fd, 0700), ==, 0);
  close(fd);
  g_autofree char *command = g_strdup_printf(
      "busybox udhcpc -i v1 -f -q -n -T 1 -t %d -O staticroutes -O mtu -O hostname -s %s 2>&1",
      PATIENCE, script);
  g_autofree char *out = shell(command);
  g_assert_cmpint(g_unlink(script), ==, 0);
  expect(out, "ip='10.7.4.9'");
  expect(out, "mask='24'");
  expect(out, "router='10.7.4.1'");
  expect(out, "serverid='10.7.4.1'");
  expect(out, "hostname='h-3'");
  expect(out, "mtu='1400'");
  expect(out, "lease='4294967295'");
  expect(out, "staticroutes='0.0.0.0/0 10.7.4.1 10.99.0.0/16 10.7.4.7 10.98.1.0/24 0.0.0.0'");
}

/* The kernel asks for a router and believes what it says. */
static void
host_advert(void)
{
  g_autofree char *routes = NULL;
  for (guint i = 0; i < 10 * PATIENCE; i++) {
    g_free(routes);
    routes = shell("ip -6 route");
    if (strstr(routes, "default via fe80:") != NULL)
      break;
    g_usleep(100000);
  }
  expect(routes, "default via fe80:");
  expect(routes, "fd07:4::/64 dev v1");
  g_autofree char *addresses = shell("ip -6 addr show dev v1 scope global");
  g_assert_cmpstr(addresses, ==, ""); /* nobody makes an address of the prefix */
}

/* SOLICIT, or REQUEST with the server's identifier; the answer's bytes. */
static gssize
ask(int fd, guint8 type, const guint8 *server, guint8 *answer, gsize room)
{
  static const guint8 client[] = {0, 1, 0, 10, 0, 3, 0, 1, 2, 0, 0, 0, 0, 8};
  static const guint8 ia[] = {0, 3, 0, 12, 1, 2, 3, 4, 0, 0, 0, 0, 0, 0, 0, 0};
  guint8 message[128] = {type, 7, 8, 9};
  gsize n = 4;
  memcpy(message + n, client, sizeof client), n += sizeof client;
  memcpy(message + n, ia, sizeof ia), n += sizeof ia;
  if (server != NULL)
    memcpy(message + n, server, 14), n += 14;
  struct sockaddr_in6 to = {.sin6_family = AF_INET6, .sin6_port = htons(547)};
  to.sin6_scope_id = if_nametoindex("v1");
  g_assert_cmpint(inet_pton(AF_INET6, "ff02::1:2", &to.sin6_addr), ==, 1);
  for (guint i = 0; i < PATIENCE; i++) {
    struct pollfd poll_ = {.fd = fd, .events = POLLIN};
    if (sendto(fd, message, n, 0, (struct sockaddr *)&to, sizeof to) < 0)
      g_usleep(200000); /* its own address is not ready */
    else if (poll(&poll_, 1, 1000) == 1)
      return recv(fd, answer, room, 0);
  }
  g_error("no answer by DHCPv6");
  return -1;
}

static const guint8 *
option(const guint8 *message, gssize n, guint code, guint *out_size)
{
  for (gssize at = 4; at + 4 <= n;) {
    guint size = (guint)message[at + 2] << 8 | message[at + 3];
    if (((guint)message[at] << 8 | message[at + 1]) == code) {
      *out_size = size;
      return message + at;
    }
    at += 4 + (gssize)size;
  }
  return NULL;
}

static void
check_address(const guint8 *answer, gssize n)
{
  guint size = 0;
  guint8 expected[16];
  const guint8 *ia = option(answer, n, 3, &size);
  g_assert_cmpint(inet_pton(AF_INET6, "fd07:4::9", expected), ==, 1);
  g_assert_true(ia != NULL && size == 40);
  g_assert_cmpmem(ia + 4, 4, "\1\2\3\4", 4);
  g_assert_cmpmem(ia + 20, 16, expected, 16);
}

static void
host_dhcp6(void)
{
  guint8 answer[1500], server[14];
  guint size = 0;
  struct sockaddr_in6 own = {.sin6_family = AF_INET6, .sin6_port = htons(546)};
  int fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  g_assert_cmpint(fd, >=, 0);
  g_assert_cmpint(bind(fd, (struct sockaddr *)&own, sizeof own), ==, 0);
  gssize n = ask(fd, 1, NULL, answer, sizeof answer);
  g_assert_cmpint(answer[0], ==, 2);
  g_assert_cmpmem(answer + 1, 3, "\7\10\11", 3);
  check_address(answer, n);
  const guint8 *its = option(answer, n, 2, &size);
  g_assert_true(its != NULL && size == 10);
  memcpy(server, its, 14);
  n = ask(fd, 3, server, answer, sizeof answer);
  g_assert_cmpint(answer[0], ==, 7);
  check_address(answer, n);
  close(fd);
}

static void
host(int ready, int go)
{
  char byte = 0;
  g_assert_cmpint(unshare(CLONE_NEWNET), ==, 0);
  g_assert_cmpint(write(ready, "x", 1), ==, 1);
  g_assert_cmpint(read(go, &byte, 1), ==, 1);
  g_autofree char *up = shell("ip link set lo up && ip link set v1 up && echo up");
  g_assert_cmpstr(up, ==, "up\n");
  host_dhcp4();
  host_advert();
  host_dhcp6();
}

/* ---- the test ---- */

static void
serves(void)
{
  g_autofree char *busybox = g_find_program_in_path("busybox");
  int ready[2], go[2], status = 0;
  char byte = 0;
  if (busybox == NULL) {
    g_test_skip("no busybox");
    return;
  }
  g_autoptr(Peer) peer = peer_new("vnec-router");
  g_assert_cmpint(pipe2(ready, O_CLOEXEC), ==, 0);
  g_assert_cmpint(pipe2(go, O_CLOEXEC), ==, 0);
  GPid child = fork();
  if (child == 0) {
    host(ready[1], go[0]);
    _exit(0);
  }
  g_assert_cmpint(read(ready[0], &byte, 1), ==, 1);
  g_autofree char *command = g_strdup_printf(
      "ip link add v0 address 02:00:00:00:00:07 type veth peer name v1 address " HOST_MAC
      " && ip link set v1 netns %d && echo made", child);
  g_autofree char *made = output_of(peer, command);
  g_assert_cmpstr(made, ==, "made\n");
  g_assert_cmpint(set_leases(peer)->exit_code, ==, 0);
  g_assert_cmpint(write(go[1], "x", 1), ==, 1);
  while (waitpid(child, &status, WNOHANG) == 0)
    (void)peer_turn(peer, 100);
  g_assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  for (guint i = 0; i < 2; i++)
    close(ready[i]), close(go[i]);
}

static void
wrong_leases(void)
{
  static const char *const wrong[] = {
      "lo",
      "lo " HOST_MAC " 10.1.1.1/24 h",
      "lo " HOST_MAC " 10.1.1.1/33 h 0",
      "lo " HOST_MAC " 10.1.1.1 h 0",
      "none0 " HOST_MAC " 10.1.1.1/24 h 0",
      "lo 02:00 10.1.1.1/24 h 0",
      "lo " HOST_MAC " 10.1.1.1/24 h 70000",
      "lo " HOST_MAC " 10.1.1.1/24 h 0 10.0.0.0/8",
      "lo " HOST_MAC " 10.1.1.1/24 h 0 fd00::/8=-",
      "lo " HOST_MAC " 10.1.1.1/24 h 0 10.0.0.0/8=fd00::1",
      "lo " HOST_MAC " 10.1.1.1/24 h 0 10.0.0.0/8=x",
  };
  g_autoptr(Peer) peer = peer_new("vnec-router");
  for (guint i = 0; i < G_N_ELEMENTS(wrong); i++) {
    Request request = peer_begin(peer, VN_FRAME_NETWORK, peer_id(peer));
    vn_frame_put_text(&request.writer, VN_TAG_LEASE, wrong[i]);
    PeerTask *task = peer_send(&request);
    peer_wait(peer, task);
    g_assert_cmpint(task->exit_code, ==, 1);
    g_assert_nonnull(task->error);
  }
}

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  if (!peer_enter_namespace()) {
    g_print("1..0 # SKIP no user namespaces here\n");
    return 0;
  }
  g_test_add_func("/lease/serves", serves);
  g_test_add_func("/lease/wrong", wrong_leases);
  return g_test_run();
}
