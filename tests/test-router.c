/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The router's own frames, in a network namespace of this test's own: NETWORK sets what it says,
 * EXTERNAL hands the interface up, PACKET carries its packets where no descriptor can travel. */
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/agent-peer.h"

#define PROGRAM "vnec-router"

/* An ICMP echo request from 10.7.0.9 to 10.7.0.1, checksums right. */
static const guint8 echo_request[] = {0x45, 0, 0,  28, 0, 1, 0, 0, 64,   1,    0x66, 0xbe, 10, 7,
                                      0,    9, 10, 7,  0, 1, 8, 0, 0xf7, 0xfd, 0,    1,    0,  1};

static guint16
checksum(const guint8 *bytes, gsize n)
{
  guint32 sum = 0;
  for (gsize i = 0; i < n; i += 2)
    sum += (guint32)bytes[i] << 8 | bytes[i + 1];
  sum = (sum >> 16) + (sum & 0xffff);
  return (guint16) ~(sum + (sum >> 16));
}

static void
make_request(guint8 packet[sizeof echo_request])
{
  memcpy(packet, echo_request, sizeof echo_request);
  packet[10] = packet[11] = packet[22] = packet[23] = 0;
  guint16 sum = checksum(packet, 20);
  packet[10] = (guint8)(sum >> 8), packet[11] = (guint8)sum;
  sum = checksum(packet + 20, 8);
  packet[22] = (guint8)(sum >> 8), packet[23] = (guint8)sum;
}

static gboolean
is_echo_reply(const guint8 *packet, gsize n)
{
  return n == sizeof echo_request && packet[9] == IPPROTO_ICMP && packet[20] == 0 &&
         memcmp(packet + 12, echo_request + 16, 4) == 0;
}

static PeerTask *
set_network(Peer *peer, const char *address, const char *route, const char *proxy)
{
  Request request = peer_begin(peer, VN_FRAME_NETWORK, peer_id(peer));
  if (address != NULL)
    vn_frame_put_text(&request.writer, VN_TAG_ADDRESS, address);
  if (route != NULL)
    vn_frame_put_text(&request.writer, VN_TAG_ROUTE, route);
  if (proxy != NULL)
    vn_frame_put_text(&request.writer, VN_TAG_PROXY, proxy);
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

static void
network(void)
{
  g_autoptr(Peer) peer = peer_new(PROGRAM);
  PeerTask *task = set_network(peer, "lo 10.7.1.1/24", "10.8.0.0/16 via 10.7.1.9 dev lo", NULL);
  g_assert_cmpint(task->exit_code, ==, 0);
  task = set_network(peer, "lo fd07::1/64", "fd08::/64 dev lo", "lo fd07::9");
  g_assert_cmpint(task->exit_code, ==, 0);
  task = set_network(peer, "lo 10.7.1.1/24", "10.8.0.0/16 via 10.7.1.9 dev lo", "lo 10.7.1.77");
  g_assert_cmpint(task->exit_code, ==, 0); /* again, and more */
  g_autofree char *text =
      output_of(peer, "ip route; ip -6 route; ip addr show lo; ip neigh show proxy; "
                      "cat /proc/sys/net/ipv4/ip_forward /proc/sys/net/ipv4/neigh/lo/proxy_delay");
  g_assert_nonnull(strstr(text, "10.8.0.0/16 via 10.7.1.9 dev lo"));
  g_assert_nonnull(strstr(text, "fd08::/64 dev lo"));
  g_assert_nonnull(strstr(text, "inet 10.7.1.1/24"));
  g_assert_nonnull(strstr(text, "inet6 fd07::1/64"));
  g_assert_nonnull(strstr(text, "10.7.1.77 dev lo"));
  g_assert_nonnull(strstr(text, "fd07::9 dev lo"));
  g_assert_true(g_str_has_suffix(text, "1\n0\n"));
}

static void
wrong_networks(void)
{
  g_autoptr(Peer) peer = peer_new(PROGRAM);
  const char *const addresses[] = {"lo", "lo 10.1.1.1/33", "none0 10.1.1.1/24",  "lo x/24",
                                   "",   "a b c d e f g",  "lo 10.1.1.1/24 more"};
  for (guint i = 0; i < G_N_ELEMENTS(addresses); i++) {
    PeerTask *task = set_network(peer, addresses[i], NULL, NULL);
    g_assert_cmpint(task->exit_code, ==, 1);
    g_assert_nonnull(strstr(task->error, addresses[i]));
  }
  const char *const routes[] = {"10.2.0.0/16", "10.2.0.0/16 over lo", "10.2.0.0/16 via x dev lo",
                                "10.2.0.0/16 dev none0"};
  for (guint i = 0; i < G_N_ELEMENTS(routes); i++)
    g_assert_cmpint(set_network(peer, NULL, routes[i], NULL)->exit_code, ==, 1);
  const char *const proxies[] = {"lo", "../lo 10.1.1.1", "none0 10.1.1.1", "lo 10.1.1"};
  for (guint i = 0; i < G_N_ELEMENTS(proxies); i++)
    g_assert_cmpint(set_network(peer, NULL, NULL, proxies[i])->exit_code, ==, 1);
}

static void
external_by_descriptor(void)
{
  if (access("/dev/net/tun", R_OK | W_OK) < 0) {
    g_test_skip("no /dev/net/tun");
    return;
  }
  g_autoptr(Peer) peer = peer_new(PROGRAM);
  PeerTask *task = set_network(peer, "ext0 10.7.0.1/24", NULL, NULL);
  g_assert_cmpint(task->exit_code, ==, 0);
  g_assert_true(peer->external);
  g_assert_cmpint(peer->external_fd, >=, 0);
  guint8 packet[2048];
  make_request(packet);
  g_assert_cmpint(write(peer->external_fd, packet, sizeof echo_request), ==, sizeof echo_request);
  gboolean answered = FALSE;
  while (!answered) { /* other packets, as IPv6's own, may come before */
    struct pollfd poll_ = {.fd = peer->external_fd, .events = POLLIN};
    g_assert_cmpint(poll(&poll_, 1, 5000), ==, 1);
    gssize n = read(peer->external_fd, packet, sizeof packet);
    answered = n > 0 && is_echo_reply(packet, (gsize)n);
  }
}

/* Two ends of a TCP connection in the namespace: no descriptor travels over it. */
static void
tcp_pair(int pair[2])
{
  struct sockaddr_in address = {.sin_family = AF_INET};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  g_assert_cmpint(bind(listener, (struct sockaddr *)&address, size), ==, 0);
  g_assert_cmpint(listen(listener, 1), ==, 0);
  g_assert_cmpint(getsockname(listener, (struct sockaddr *)&address, &size), ==, 0);
  pair[0] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  g_assert_cmpint(connect(pair[0], (struct sockaddr *)&address, size), ==, 0);
  pair[1] = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
  g_assert_cmpint(pair[1], >=, 0);
  close(listener);
}

static void
external_by_frames(void)
{
  if (access("/dev/net/tun", R_OK | W_OK) < 0) {
    g_test_skip("no /dev/net/tun");
    return;
  }
  int pair[2];
  tcp_pair(pair);
  g_autoptr(Peer) peer = peer_new_over(PROGRAM, pair);
  PeerTask *task = set_network(peer, "ext0 10.7.0.1/24", "10.9.0.0/16 dev ext0", NULL);
  g_assert_cmpint(task->exit_code, ==, 0);
  g_assert_true(peer->external);
  g_assert_cmpint(peer->external_fd, ==, -1);
  guint8 packet[sizeof echo_request];
  make_request(packet);
  Request request = peer_begin(peer, VN_FRAME_PACKET, 0);
  for (guint i = 0; i < 100; i++)
    vn_frame_put(&request.writer, VN_TAG_BYTES, packet, sizeof packet);
  vn_frame_put(&request.writer, VN_TAG_BYTES, "nonsense", 8); /* lost, nothing else */
  peer_send(&request);
  guint answers = 0;
  for (guint seen = 0, turns = 0; answers < 100 && turns < 500; turns++) {
    g_assert_true(peer_turn(peer, 10));
    for (; seen < peer->packets->len; seen++) {
      gsize n;
      const guint8 *bytes = g_bytes_get_data(peer->packets->pdata[seen], &n);
      answers += is_echo_reply(bytes, n);
    }
  }
  g_assert_cmpint(answers, ==, 100);
}

static void
runs_tasks(void)
{
  g_autoptr(Peer) peer = peer_new(PROGRAM);
  Request request = peer_begin(peer, VN_FRAME_PACKET, 0);
  peer_send(&request);
  g_autofree char *text = output_of(peer, "echo yes");
  g_assert_cmpstr(text, ==, "yes\n");
  g_assert_cmpuint(peer->refused, ==, 1); /* there is no external interface */
}

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  if (!peer_enter_namespace()) {
    g_print("1..0 # SKIP no user namespaces here\n");
    return 0;
  }
  g_test_add_func("/router/network", network);
  g_test_add_func("/router/wrong-networks", wrong_networks);
  g_test_add_func("/router/external-by-descriptor", external_by_descriptor);
  g_test_add_func("/router/external-by-frames", external_by_frames);
  g_test_add_func("/router/runs-tasks", runs_tasks);
  return g_test_run();
}
